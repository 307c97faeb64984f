"""An oracle that is slow and obviously right: every plan is looked at, with formulas of its own in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd

import quartier as q

CURVES = {
    "saturating": lambda z: 1 - math.exp(-z),
    "linear": lambda z: min(z, 1.0),
    "power": lambda z: min(math.sqrt(z), 1.0),
    "hill-concave": lambda z: z / (1 + z),
}


def value(amount: float, need: float, scale: float, scenario: q.Scenario) -> float:
    """Welfare of one site, straight from the definition."""
    reached, a, base = (
        CURVES[scenario.response](amount / scale),
        scenario.inequality_aversion,
        scenario.base_coverage,
    )
    if a == 0:
        return need * reached
    if a == 1:
        return need * (math.log(base + reached) - math.log(base))
    return need * ((base + reached) ** (1 - a) - base ** (1 - a)) / (1 - a)


def options(row: pd.Series, scenario: q.Scenario) -> list[float]:
    """Amounts that a site may get, by trying every multiple of the step."""
    low = row["min_eur"] if scenario.min_eur is None else scenario.min_eur
    high = row["max_eur"] if scenario.max_eur is None else scenario.max_eur
    amounts = [] if row["status"] in scenario.committed else [0.0]
    if row["status"] not in scenario.excluded:
        count = int(scenario.budget_eur / scenario.step_eur + 1e-6)
        amounts += [k * scenario.step_eur for k in range(1, count + 1) if low <= k * scenario.step_eur <= high]
    return amounts


def plans(sites: q.Sites, scenario: q.Scenario):
    """Every plan that keeps the rules, with its objective."""
    frame = sites.frame
    values = [
        [(x, value(x, row["need"], row["scale_eur"], scenario)) for x in options(row, scenario)]
        for _, row in frame.iterrows()
    ]
    for plan in itertools.product(*values):
        amounts = [x for x, _ in plan]
        funded = sum(x > 0 for x in amounts)
        if scenario.min_sites <= funded <= scenario.max_sites and sum(amounts) <= scenario.budget_eur * (1 + 1e-12):
            yield tuple(amounts), math.fsum(v for _, v in plan)


def best(sites: q.Sites, scenario: q.Scenario) -> float | None:
    """Objective of the best plan, None if there is none."""
    return max((reached for _, reached in plans(sites, scenario)), default=None)


def chosen(sites: q.Sites, scenario: q.Scenario) -> tuple[float, ...] | None:
    """Amounts that the stated rule picks among the best plans."""
    found = list(plans(sites, scenario))
    if not found:
        return None
    top = max(reached for _, reached in found)
    tie = 1e-12 * max(abs(top), 1e-300)
    equal = [amounts for amounts, reached in found if reached >= top - tie]
    frame = sites.frame
    order = sorted(
        range(len(frame)),
        key=lambda i: (
            -frame["need"].iloc[i],
            frame["scale_eur"].iloc[i],
            frame["min_eur"].iloc[i],
            frame["max_eur"].iloc[i],
            frame.index[i],
        ),
    )
    least = min(round(sum(amounts), 6) for amounts in equal)
    equal = [amounts for amounts in equal if round(sum(amounts), 6) == least]
    return max(equal, key=lambda amounts: [amounts[i] for i in order])


def random_problem(seed: int, most_sites: int = 6) -> tuple[q.Sites, q.Scenario]:
    """A small problem with everything that can go wrong in it; equal needs and needs of zero among them."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, most_sites + 1))
    step = float(rng.choice([100, 250, 500, 1000]))
    needs = (
        rng.choice([0.0, 50.0, 100.0, *rng.uniform(10, 200, 3)], n) if rng.random() < 0.4 else rng.uniform(1, 300, n)
    )
    low = rng.integers(0, 4, n) * rng.choice([step, step * 0.7])
    frame = pd.DataFrame(
        {
            "site_id": [f"s{i}" for i in rng.permutation(n)],
            "need": needs,
            "status": rng.choice(["signed", "negotiating", "prospective", "declined"], n, p=[0.4, 0.25, 0.2, 0.15]),
            "scale_eur": rng.choice([step * 2, step * 5, *(rng.uniform(0.3, 20, 2) * step)], n),
            "min_eur": low,
            "max_eur": low + rng.integers(0, 5, n) * rng.choice([step, step * 0.9]),
        }
    )
    most = int(rng.integers(0, n + 1)) if rng.random() < 0.7 else n
    changes = {}
    if rng.random() < 0.15:
        changes["min_eur"] = float(rng.integers(0, 3) * step)
    if rng.random() < 0.15:
        changes["max_eur"] = changes.get("min_eur", 0.0) + float(rng.integers(0, 5) * step)
    scenario = q.Scenario(
        budget_eur=float(rng.integers(0, 4 * n + 1) * step * rng.choice([1, 0.5, 0.73])),
        max_sites=most,
        min_sites=int(rng.integers(0, most + 1)) if rng.random() < 0.2 else 0,
        step_eur=step,
        response=str(rng.choice(list(CURVES))),
        inequality_aversion=float(rng.choice([0, 0, 0, 0.5, 1, 2, 5])),
        committed=["signed"] if rng.random() < 0.7 else [],
        **changes,
    )
    return q.Sites.from_frame(frame), scenario
