"""An oracle that is slow and obviously right: every plan is looked at, with formulas of its own in plain Python."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

import quartier as q
from quartier import feasibility

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
    must = row["status"] in scenario.committed
    if scenario.max_change_share is not None and row["previous_eur"] > 0:
        low = max(low, row["previous_eur"] * (1 - scenario.max_change_share) - 1e-6)
        high = min(high, row["previous_eur"] * (1 + scenario.max_change_share) + 1e-6)
        must = must or (not scenario.may_end and row["status"] not in scenario.excluded)
    amounts = [] if must else [0.0]
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
        there = scenario.budget_eur - scenario.reserve_eur
        fits = scenario.min_sites <= funded <= scenario.max_sites and sum(amounts) <= there * (1 + 1e-12)
        if fits and all(keeps(group, frame, amounts, scenario.budget_eur) for group in scenario.groups):
            yield tuple(amounts), math.fsum(v for _, v in plan)


def keeps(group, frame: pd.DataFrame, amounts: list[float], budget: float) -> bool:
    """Say whether the amounts keep a group's limits."""
    own = [amount for amount, name in zip(amounts, frame[group.by], strict=True) if name == group.name]
    together, number = sum(own), sum(amount > 0 for amount in own)
    limits = [
        group.min_eur is None or together >= group.min_eur - 1e-6,
        group.max_eur is None or together <= group.max_eur + 1e-6,
        group.min_share is None or together >= group.min_share * budget - 1e-6,
        group.max_share is None or together <= group.max_share * budget + 1e-6,
        group.min_sites is None or number >= group.min_sites,
        group.max_sites is None or number <= group.max_sites,
    ]
    return all(limits)


def best(sites: q.Sites, scenario: q.Scenario) -> float | None:
    """Objective of the best plan, None if there is none."""
    return max((reached for _, reached in plans(sites, scenario)), default=None)


def assert_equals_brute_force(seeds, problem, best) -> None:
    """Solve the problems of some seeds, and see that each plan is the best of all, or that there is none."""
    feasible = 0
    for seed in seeds:
        sites, scenario = problem(seed)
        most = best(sites, scenario)
        # Whether a plan exists is asked for itself: telling why not is tested with the conflicts.
        assert feasibility.possible(sites, scenario) == (most is not None), f"problem {seed}"
        if most is None:
            continue
        plan = q.allocate(sites, scenario)
        assert plan.objective == pytest.approx(most, rel=1e-9, abs=1e-12), f"problem {seed}"
        assert plan.bound >= most * (1 - 1e-11), f"problem {seed}: the bound lies below the best plan"
        assert plan.outcome is q.Outcome.OPTIMAL, f"problem {seed}: gap {plan.gap}"
        assert plan.broken_rules() == [], f"problem {seed}"
        feasible += 1
    assert 0 < feasible < len(seeds), "possible and impossible problems are both among them"


def tie_breaking_order(frame: pd.DataFrame) -> list[int]:
    """Rows in the order in which equally good plans give more."""
    return sorted(
        range(len(frame)),
        key=lambda i: (
            -frame["need"].iloc[i],
            frame["scale_eur"].iloc[i],
            frame["min_eur"].iloc[i],
            frame["max_eur"].iloc[i],
            frame.index[i],
        ),
    )


def chosen(sites: q.Sites, scenario: q.Scenario) -> tuple[float, ...] | None:
    """Amounts that the stated rule picks among the best plans."""
    found = list(plans(sites, scenario))
    if not found:
        return None
    top = max(reached for _, reached in found)
    tie = 1e-12 * max(abs(top), 1e-300)
    equal = [amounts for amounts, reached in found if reached >= top - tie]
    order = tie_breaking_order(sites.frame)
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


def crossing_problem(seed: int, most_sites: int = 5) -> tuple[q.Sites, q.Scenario]:
    """A random problem with limits by provider, housing company and district that cross, change limits and a reserve."""
    sites, scenario = random_problem(seed, most_sites)
    rng = np.random.default_rng(seed + 1_000_000)
    frame, n, step = sites.frame.reset_index(), len(sites), scenario.step_eur
    for by, names in (("provider", "AB"), ("housing_company", "XY"), ("district", "NS")):
        frame[by] = rng.choice(list(names), n)
    if rng.random() < 0.5:
        frame["previous_eur"] = rng.choice([np.nan, step, 2 * step, 3 * step], n)
    groups = []
    for by in ("provider", "housing_company", "district"):
        for name in sorted(set(frame[by])):
            limits = {}
            if rng.random() < 0.4:
                limits["max_eur"] = float(rng.integers(2, 9)) * step
            if rng.random() < 0.2:
                limits["max_share"] = float(rng.choice([0.3, 0.5, 0.8]))
            if rng.random() < 0.08:
                limits["min_eur"] = min(float(rng.integers(1, 3)) * step, limits.get("max_eur", np.inf))
            if rng.random() < 0.05:
                limits["min_share"] = 0.1
            if rng.random() < 0.3:
                limits["max_sites"] = int(rng.integers(1, 3))
            if rng.random() < 0.05:
                limits["min_sites"] = 1
            if limits:
                groups.append({"by": by, "name": name, **limits})
    changes = {}
    if rng.random() < 0.4:
        changes = {"max_change_share": float(rng.choice([0.0, 0.25, 0.5, 1.0])), "may_end": bool(rng.random() < 0.7)}
    if rng.random() < 0.2:
        changes["reserve_eur"] = scenario.budget_eur * 0.15
    return q.Sites.from_frame(frame), scenario.replace(groups=groups, **changes)


def with_choices(seed: int, sites: q.Sites, scenario: q.Scenario) -> tuple[q.Scenario, q.Sites]:
    """The scenario with random choices for single sites, and the sites with the same changes made by hand."""
    rng, step, chosen = np.random.default_rng(seed + 2_000_000), scenario.step_eur, {}
    for site_id in sites.site_ids:
        row: dict = {}
        if rng.random() < 0.5:
            row["status"] = str(
                rng.choice(["signed", "negotiating", "prospective", "declined"], p=[0.5, 0.1, 0.2, 0.2])
            )
        if rng.random() < 0.3 and scenario.min_eur is None and scenario.max_eur is None:
            row["min_eur"] = float(rng.integers(0, 4)) * step
            row["max_eur"] = row["min_eur"] + float(rng.integers(0, 4)) * step
        for column, share in (("scale_eur", 0.2), ("need", 0.2), ("previous_eur", 0.2)):
            if rng.random() < share:
                row[column] = float(rng.integers(1, 5)) * (50.0 if column == "need" else step)
        if row:
            chosen[site_id] = row
    frame = sites.frame
    for site_id, row in chosen.items():
        frame.loc[site_id, list(row)] = list(row.values())
    return scenario.replace(sites=chosen), q.Sites.from_frame(frame)
