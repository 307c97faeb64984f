"""How long things take, side by side in one run: `make bench`, or `python -m benchmarks [--run]`.

The rows of a group take turns, so that a machine that slows down slows all of them; a ratio compares a row
with the first of its group. What is measured starts from objects made for this one call, so that nothing can
have been kept from an earlier one; a label says where it is otherwise.
"""

import argparse
import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import quartier as q

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
LIBRARIES = ("numpy", "pandas", "scipy", "pandera", "pydantic", "matplotlib", "papermill")

Row = tuple[str, Callable[[], Any], Callable[[Any], Any]]  # its label, what makes its input, what is measured


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=50, help="calls of a row, default 50; slow rows take a fifth")
    parser.add_argument("--run", action="store_true", help="measure a whole `quartier run` too")
    options = parser.parse_args()
    few = max(1, options.repeats // 5)
    kept = fresh("baseline")

    print_machine()
    proven = print_answers()
    print(f"\n{'median':>12} {'fastest':>12} {'ratio':>8} {'calls':>6}")
    print_group(
        "import, in a new process",
        few,
        [process("pass"), process("import quartier"), process("import pandas")],
    )
    print_group(
        "load data/",
        few,
        [
            (
                "pandas.read_csv on each file, nothing checked",
                lambda: sorted(DATA.glob("*.csv")),
                read_unchecked,
            ),
            ("q.load", lambda: DATA, q.load),
        ],
    )
    print_group(
        "allocate, baseline",
        options.repeats,
        [
            ("q.allocate", lambda: fresh("baseline"), lambda made: q.allocate(*made)),
            ("q.allocate, the same objects again", lambda: kept, lambda made: q.allocate(*made)),
            ("of it the need: q.weigh", lambda: fresh("baseline"), lambda made: q.weigh(made[0])),
        ],
    )
    print_group("allocate, each scenario", few, [solving(name) for name in scenario_names()])
    print_group("allocate, all 14 sites but the declined one, with", few, [ruled(label) for label in RULES])
    print_group("allocate_many, 10,000 variants of the need", 5, [("q.allocate_many", variants, many)])
    print_group(
        "from nothing to an answer, in a new process",
        few,
        [
            process(
                "import quartier as q; q.allocate(q.load('data'), q.Scenario.from_yaml('data/scenarios/baseline.yaml'))"
            )
        ],
    )
    if options.run:
        print_group("a whole run, baseline", 1, [whole_run()])
    return 0 if proven else 1


RULES: dict[str, dict[str, Any]] = {
    "no more rules": {},
    "three families of limits that cross": {
        "groups": [
            {"by": "provider", "name": "AWO Kreisverband Bielefeld", "max_eur": 25_000},
            {"by": "provider", "name": "Alt und Jung Nord-Ost e.V.", "min_eur": 10_000},
            {"by": "district", "name": "Heepen", "max_share": 0.3, "max_sites": 5},
            {"by": "district", "name": "Schildesche", "max_eur": 15_000},
            {
                "by": "housing_company",
                "name": "BGW Bielefelder Gesellschaft für Wohnen und Immobiliendienstleistungen mbH",
                "max_share": 0.95,
            },
        ]
    },
    "an infinite inequality aversion": {"inequality_aversion": float("inf")},
    "three years, budgets of 80, 70 and 90 thousand EUR": {"years": 3, "later_budgets_eur": [70_000, 90_000]},
    "the same, 5,000 EUR may be carried over": {
        "years": 3,
        "later_budgets_eur": [70_000, 90_000],
        "carry_limit_eur": 5_000,
    },
    "the same, and changes of at most 25 %": {
        "years": 3,
        "later_budgets_eur": [70_000, 90_000],
        "carry_limit_eur": 5_000,
        "max_change_share": 0.25,
    },
    "changes of at most 10 %, nobody may end": {
        "years": 3,
        "later_budgets_eur": [70_000, 90_000],
        "max_change_share": 0.1,
        "may_end": False,
    },
}


def print_machine() -> None:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    print(f"Python {platform.python_version()}, {cores} cores, {platform.system()} {platform.machine()}")
    print(", ".join(f"{name} {version(name)}" for name in LIBRARIES))


def print_answers() -> bool:
    """What is measured has to be right: say what each scenario gives, and whether the baseline is proven."""
    print(f"\n{'scenario':<24} {'outcome':<12} {'gap':>8} {'sites':>6} {'spent EUR':>10} {'benefit':>10}")
    outcomes = {}
    for name in scenario_names():
        try:
            plan = q.allocate(*fresh(name))
        except q.InfeasibleScenario:
            outcomes[name] = "infeasible"
            print(f"{name:<24} infeasible")
            continue
        outcomes[name] = plan.outcome.name
        spent = f"{(plan.amounts > 0).sum():>6} {plan.amounts.sum():>10,.0f}"
        print(f"{name:<24} {plan.outcome.name:<12} {plan.gap:>8.1e} {spent} {plan.benefit:>10,.1f}")
    return outcomes["baseline"] == "OPTIMAL"


def print_group(title: str, calls: int, rows: list[Row]) -> None:
    times: dict[str, list[float]] = {label: [] for label, _, _ in rows}
    for _, make, act in rows if calls > 1 else ():
        act(make())  # the first call loads libraries
    for _ in range(calls):
        for label, make, act in rows:
            made = make()
            start = time.perf_counter()
            act(made)
            times[label].append(time.perf_counter() - start)
    print(title)
    first = statistics.median(times[rows[0][0]])
    for label, seconds in times.items():
        median = statistics.median(seconds)
        print(f"{shown(median)} {shown(min(seconds))} {median / first:>8.2f} {calls:>6}  {label}")


def shown(seconds: float) -> str:
    return f"{seconds:>10.2f} s" if seconds >= 1 else f"{seconds * 1000:>9.2f} ms"


def process(code: str) -> Row:
    command = [sys.executable, "-c", code]
    return code, lambda: command, lambda made: subprocess.run(made, cwd=ROOT, check=True)


def read_unchecked(files: list[Path]) -> None:
    import pandas as pd

    for file in files:
        pd.read_csv(file)


def scenario_names() -> list[str]:
    names = sorted(file.stem for file in (DATA / "scenarios").glob("*.yaml"))
    return ["baseline", *(name for name in names if name != "baseline")]


def scenario_file(name: str) -> Path:
    return DATA / "scenarios" / f"{name}.yaml"


def fresh(name: str) -> tuple[q.Sites, q.Scenario]:
    return q.load(DATA), q.Scenario.from_yaml(scenario_file(name))


def solving(name: str) -> Row:
    def solve(made: tuple[q.Sites, q.Scenario]) -> None:
        with contextlib.suppress(q.InfeasibleScenario):  # saying so, and what would mend it, is part of the job
            q.allocate(*made)

    return name, lambda: fresh(name), solve


def ruled(label: str) -> Row:
    def make() -> tuple[q.Sites, q.Scenario]:
        return q.load(DATA), q.Scenario(**RULES[label])

    def solve(made: tuple[q.Sites, q.Scenario]) -> None:
        if q.allocate(*made).outcome is not q.Outcome.OPTIMAL:
            raise RuntimeError(f"{label}: not proven")

    return label, make, solve


def variants() -> tuple[q.Sites, q.Scenario, np.ndarray]:
    sites, scenario = fresh("baseline")
    factors = np.random.default_rng(0).uniform(0.7, 1.3, (10_000, len(sites)))
    return sites, scenario, factors * q.weigh(sites, scenario.need_weights).to_numpy()


def many(made: tuple[q.Sites, q.Scenario, np.ndarray]) -> None:
    sites, scenario, need = made
    found = q.allocate_many(sites, scenario, need=need)
    if set(found.outcome) != {q.Outcome.OPTIMAL}:
        raise RuntimeError("not all variants are proven")


def whole_run() -> Row:
    def run(folder: tempfile.TemporaryDirectory) -> None:
        command = [sys.executable, "-m", "quartier", "run", "baseline", "--out", folder.name]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        folder.cleanup()

    return "quartier run baseline", tempfile.TemporaryDirectory, run


if __name__ == "__main__":
    sys.exit(main())
