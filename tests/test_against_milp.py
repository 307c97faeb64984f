"""The exact plan of 20 to 60 sites against a mixed-integer programme in another formulation.

Brute force ends at six sites. Here each site and each amount it may get is one yes or no ("multiple choice"), with the formulas
of the oracle: nothing of prices, courses or whole steps of the package goes into it.
"""

from __future__ import annotations

import math

import numpy as np
import oracle
import pandas as pd
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

import quartier as q

STEP = 1000.0
SCALE = 1e4  # of the objective: the solver stops at an absolute gap of 1e-6


@pytest.mark.many(default=250, thorough=2500, batch=50)
def test_plans_equal_an_independent_programme(seeds):
    feasible = 0
    for seed in seeds:
        sites, scenario = large_problem(seed)
        best, bound = best_and_bound(sites, scenario)
        try:
            plan = q.allocate(sites, scenario)
        except q.InfeasibleScenario:
            assert best is None, f"problem {seed} is possible, but was refused"
            continue
        assert best is not None, f"problem {seed} is impossible, but got a plan"
        assert plan.objective == pytest.approx(best, rel=1e-7, abs=1e-12), f"problem {seed}"
        assert best <= plan.bound * (1 + 1e-9) + 1e-300, f"problem {seed}: the bound lies below a plan of the programme"
        assert bound >= plan.objective * (1 - 1e-7), f"problem {seed}: the plan lies above what the programme allows"
        assert plan.outcome is q.Outcome.OPTIMAL, f"problem {seed}: gap {plan.gap}"
        feasible += 1
    assert feasible > len(seeds) * 0.6, "most of the problems are possible"


def test_crossing_and_impossible_problems_are_among_them():
    problems = [large_problem(seed) for seed in range(100)]
    assert 8 <= sum(bool(scenario.groups) for _, scenario in problems) <= 20
    assert 2 <= sum(best_and_bound(*problem)[0] is None for problem in problems) <= 25


def best_and_bound(sites: q.Sites, scenario: q.Scenario) -> tuple[float | None, float]:
    """Objective of the best plan, None if there is none, and a value that the programme says no plan exceeds."""
    frame = sites.frame
    choices = [oracle.options(row, scenario) for _, row in frame.iterrows()]
    site, amount, gain = [], [], []
    for i, (_, row) in enumerate(frame.iterrows()):
        for x in choices[i]:
            if x > 0:
                site.append(i)
                amount.append(x / scenario.step_eur)
                gain.append(oracle.value(x, row["need"], row["scale_eur"], scenario))
    site, amount, gain = np.array(site, dtype=int), np.array(amount), np.array(gain)
    must = np.array([0.0 not in amounts for amounts in choices])
    if not set(np.flatnonzero(must)) <= set(site):
        return None, -math.inf
    if not len(site):
        return (0.0 if scenario.min_sites == 0 else None), 0.0
    slack = 1e-6 / scenario.step_eur
    there, ones = (scenario.budget_eur - scenario.reserve_eur) / scenario.step_eur, np.ones(len(site))
    rows = [
        *((np.where(site == i, 1.0, 0.0), float(must[i]), 1.0) for i in range(len(frame))),
        (amount, -math.inf, there + slack),
        (ones, scenario.min_sites, scenario.max_sites),
    ]
    for group in scenario.groups:
        own = (frame[group.by] == group.name).to_numpy()[site].astype(float)
        for unit, least, most in (
            (1 / scenario.step_eur, group.min_eur, group.max_eur),
            (scenario.budget_eur / scenario.step_eur, group.min_share, group.max_share),
        ):
            low = -math.inf if least is None else least * unit - slack
            rows.append((own * amount, low, math.inf if most is None else most * unit + slack))
        rows.append((own, group.min_sites or 0, math.inf if group.max_sites is None else group.max_sites))
    matrix, least, most = (np.array(part) for part in zip(*rows, strict=True))
    top = max((gain[site == i].max(initial=0.0) for i in range(len(frame))), default=0.0) * len(frame)
    unit = SCALE / top if top > 0 else 1.0
    found = milp(
        -gain * unit,
        integrality=ones,
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, least, most),
        options={"mip_rel_gap": 0.0},
    )
    assert found.status in (0, 2), found.message
    if found.x is None:
        return None, -math.inf
    return math.fsum(gain[found.x > 0.5]), -found.mip_dual_bound / unit


def large_problem(seed: int) -> tuple[q.Sites, q.Scenario]:
    """A problem of 20 to 60 sites with at most 12 steps each; one in eight with limits that cross."""
    rng = np.random.default_rng(seed)
    n, crossing = int(rng.integers(20, 61)), rng.random() < 1 / 8
    low = rng.integers(0, 5, n) * rng.choice([STEP, 0.7 * STEP])
    high = np.minimum(low + rng.integers(1, 10, n) * rng.choice([STEP, 0.9 * STEP]), 12 * STEP)
    frame = pd.DataFrame(
        {
            "site_id": [f"s{i:02}" for i in rng.permutation(n)],
            "need": rng.choice([0.0, 40.0, 80.0, 120.0], n) if rng.random() < 0.15 else rng.uniform(5, 300, n),
            "status": rng.choice(["signed", "negotiating", "prospective", "declined"], n, p=[0.2, 0.3, 0.4, 0.1]),
            "scale_eur": rng.uniform(1.5, 15, n) * STEP,
            "min_eur": low,
            "max_eur": high,
        }
    )
    changes = {}
    if rng.random() < 0.1:
        changes["min_eur"] = float(rng.integers(0, 3)) * STEP
    if rng.random() < 0.1:
        changes["max_eur"] = float(rng.integers(5, 13)) * STEP
    if rng.random() < 0.3:
        previous = np.ceil(np.maximum(low, STEP) / STEP) * STEP + rng.integers(0, 3, n) * STEP
        frame["previous_eur"] = np.where((rng.random(n) < 0.5) & (previous <= high), previous, np.nan)
        changes["max_change_share"] = float(rng.choice([0.0, 0.25, 0.5, 1.0]))
        changes["may_end"] = bool(rng.random() < 0.7)
    signed = int((frame["status"] == "signed").sum())
    most = int(rng.integers(signed, n + 1)) if rng.random() < 0.7 else n
    scenario = q.Scenario(
        budget_eur=float(rng.uniform(1.5, 5) * n // 1 * STEP * rng.choice([1, 0.93])),
        max_sites=most,
        min_sites=int(rng.integers(0, max(1, most // 2))) if rng.random() < 0.3 else 0,
        step_eur=STEP,
        response=str(rng.choice(list(oracle.CURVES))),
        inequality_aversion=float(rng.choice([0, 0.5, 1, 2, 5])),
        committed=["signed"] if rng.random() < 0.7 else [],
        excluded=["declined"] if rng.random() < 0.9 else [],
        **changes,
    )
    if rng.random() < 0.2:
        scenario = scenario.replace(reserve_eur=scenario.budget_eur * 0.15)
    if crossing:
        for by, names in (("provider", "ABC"), ("housing_company", "XY"), ("district", "NMS")):
            frame[by] = rng.choice(list(names), n)
        scenario = scenario.replace(groups=crossing_groups(rng, n, scenario.budget_eur))
    return q.Sites.from_frame(frame), scenario


def crossing_groups(rng: np.random.Generator, n: int, budget: float) -> list[dict]:
    """Caps and floors by provider, housing company and district, in EUR, share and sites."""
    groups = []
    for by, names in (("provider", "ABC"), ("housing_company", "XY"), ("district", "NMS")):
        for name in names:
            limits = {}
            if rng.random() < 0.4:
                limits["max_eur"] = float(budget * rng.uniform(1.1, 1.6) / len(names) // 100 * 100)
            if rng.random() < 0.3:
                limits["max_share"] = float(rng.uniform(1.0, 1.6) / len(names))
            if rng.random() < 0.4:
                limits["max_sites"] = int(rng.integers(n // 6, n // 2))
            if rng.random() < 0.2:
                limits["min_eur"] = float(rng.integers(2, 12)) * STEP
            if rng.random() < 0.2:
                limits["min_share"] = 0.12
            if rng.random() < 0.2:
                limits["min_sites"] = int(rng.integers(1, 4))
            if limits:
                groups.append({"by": by, "name": name, **limits})
    return groups
