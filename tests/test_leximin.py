"""The plan at an infinite inequality aversion: equal to brute force, and to what can be worked out by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import oracle
import pytest

import quartier as q
from quartier import crossing, leximin, prices
from quartier import plan as plans

SIMPLE = 1200
CROSSING = 1000
YEARS = 60


def problem(need, scale, low, high, budget, **other) -> prices.Problems:
    """One row for the kernel; sites are in tie-breaking order."""
    n = len(need)
    given = {"committed": np.zeros(n), "fewest": 0, "most": n, "unit": 100.0, "response": "saturating", **other}
    committed = np.asarray(given["committed"], dtype=bool)
    low, high = np.broadcast_to(low, n).astype(np.int64), np.broadcast_to(high, n).astype(np.int64)
    return prices.Problems(
        curve=prices.Curve(given["unit"], given["response"], 0.0, 0.05),
        need=np.array(need, dtype=float)[None],
        scale_eur=np.broadcast_to(np.asarray(scale, dtype=float), (1, n)),
        low=low[None],
        high=np.maximum(low, high)[None],
        committed=committed[None],
        optional=(np.asarray(given.get("optional", ~committed)) & (low <= high))[None],
        budget=np.array([budget]),
        fewest=np.array([given["fewest"]]),
        most=np.array([given["most"]]),
    )


def of_scenario(sites: q.Sites, scenario: q.Scenario) -> tuple[prices.Problems, plans.Limits, np.ndarray]:
    """The kernel's problem, the rules in the order of the sites, and the tie-breaking order."""
    frame, rules = sites.frame, plans.limits(sites, scenario)
    rank = np.array(oracle.tie_breaking_order(frame))
    row = problem(
        frame["need"].to_numpy()[rank],
        frame["scale_eur"].to_numpy()[rank],
        rules.low[rank],
        np.minimum(rules.high, max(rules.budget, 0))[rank],
        rules.budget,
        committed=rules.committed[rank],
        optional=(rules.fundable & ~rules.committed)[rank],
        fewest=scenario.min_sites,
        most=scenario.max_sites,
        unit=float(scenario.step_eur),
        response=scenario.response,
    )
    return row, rules, rank


def crossed(sites: q.Sites, scenario: q.Scenario) -> tuple[prices.Problems, crossing.Model, np.ndarray]:
    """The kernel's problem, and all rules of the scenario as rows, in tie-breaking order."""
    row, rules, rank = of_scenario(sites, scenario)
    everybody = plans.Shared(
        np.ones(len(sites), dtype=bool), 0, rules.budget, scenario.min_sites, scenario.max_sites, money=True
    )
    shared = [one._replace(members=one.members[rank]) for one in plans.shared_limits(sites, scenario)]
    ordered = plans.Limits(*(part[rank] for part in rules[:4]), rules.budget)
    return row, crossing.model([(ordered, [everybody, *shared])]), rank


def vector(coverages) -> tuple[float, ...]:
    """Sorted coverages, without the rounding of floats."""
    return tuple(sorted(round(c, 12) for c in coverages))


def best(candidates, needs, scales, response):
    """The leximin plans among all (amounts in tie-breaking order), by the stated rule: best first."""
    curve = oracle.CURVES[response]
    top, equal = None, []
    for amounts in candidates:
        covered = [curve(x / s) if x > 0 else 0.0 for x, s in zip(amounts, scales, strict=True)]
        key = vector([c for c, need in zip(covered, needs, strict=True) if need > 0])
        if top is None or key > top:
            top, equal = key, []
        if key == top:
            equal.append((math.fsum(n * c for n, c in zip(needs, covered, strict=True)), amounts))
    most = max((benefit for benefit, _ in equal), default=0.0)
    equal = [amounts for benefit, amounts in equal if benefit >= most - 1e-12 * most]
    return top, most, sorted(equal, key=lambda amounts: (round(sum(amounts), 6), [-x for x in amounts]))


def agrees(steps, row: prices.Problems, top, most) -> None:
    """Say that steps reach these sorted coverages and this benefit."""
    curve, unit = oracle.CURVES[row.curve.response], row.curve.unit
    needs, scales = row.need[0].tolist(), row.scale_eur[0].tolist()
    covered = [curve(x * unit / s) if x > 0 else 0.0 for x, s in zip(steps.tolist(), scales, strict=True)]
    got = sorted(c for c, need in zip(covered, needs, strict=True) if need > 0)
    assert got == pytest.approx(list(top), rel=1e-12, abs=2e-12)
    assert math.fsum(n * c for n, c in zip(needs, covered, strict=True)) == pytest.approx(most, rel=1e-9, abs=1e-12)


# --- against brute force ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, SIMPLE, 100))
def test_plans_under_one_budget_equal_brute_force(first):
    feasible = 0
    for seed in range(first, first + 100):
        sites, scenario = oracle.random_problem(seed)
        row, _, rank = of_scenario(sites, scenario)
        every = [tuple(amounts[i] for i in rank) for amounts, _ in oracle.plans(sites, scenario)]
        if not every:
            continue
        feasible += 1
        top, most, equal = best(every, row.need[0].tolist(), row.scale_eur[0].tolist(), scenario.response)
        found = leximin.solve(row, None)
        try:
            assert found.proven
            agrees(found.steps, row, top, most)
            assert tuple((found.steps * row.curve.unit).tolist()) == pytest.approx(equal[0]), "the stated rule of ties"
        except AssertionError as error:
            raise AssertionError(f"problem {seed}: {found}, best {equal[:3]}") from error
    assert feasible > 50


def tied_problem(seed: int) -> prices.Problems:
    """Few places, low caps, and scales, floors and needs that are often the same: exchanges at equal cost everywhere."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 7))
    low = rng.integers(1, 4, n)
    high = low + rng.integers(0, 4, n)
    committed = rng.random(n) < 0.25
    most = max(int(rng.integers(1, n + 1)), int(committed.sum()))
    budget = int(low[committed].sum() + rng.integers(0, 3 * n))
    return problem(
        rng.choice([0.0, 10.0, 10.5, 1.0, 20.0], n, p=[0.1, 0.3, 0.2, 0.2, 0.2]),
        rng.choice([100.0, 200.0, 300.0, 400.0], n) if rng.random() < 0.7 else rng.uniform(50, 800, n),
        low,
        high,
        budget,
        committed=committed,
        optional=~committed & (rng.random(n) < 0.9),
        most=most,
        response=str(rng.choice(list(oracle.CURVES))),
    )


def every_plan(row: prices.Problems):
    """Every plan of a problem with one budget, in EUR."""
    options = []
    for i in range(row.need.shape[1]):
        some = list(range(int(row.low[0, i]), int(row.high[0, i]) + 1))
        must, may = row.committed[0, i], row.optional[0, i]
        options.append(some if must else [0, *some] if may else [0])
    for steps in itertools.product(*options):
        if sum(steps) <= row.budget[0] and row.fewest[0] <= sum(x > 0 for x in steps) <= row.most[0]:
            yield tuple(x * row.curve.unit for x in steps)


# Where one more cell at its cap is weighed against one that is held back by a step; and knapsacks that tie.
RARE = (10213, 11423, 11438, 11949, 12208, 14148, 14358, 20702, 22828)


@pytest.mark.parametrize("seeds", [*(range(first, first + 100) for first in range(0, SIMPLE, 100)), RARE])
def test_plans_with_many_ties_equal_brute_force(seeds):
    for seed in seeds:
        row = tied_problem(seed)
        top, most, equal = best(every_plan(row), row.need[0].tolist(), row.scale_eur[0].tolist(), row.curve.response)
        found = leximin.solve(row, None)
        try:
            assert found.proven
            agrees(found.steps, row, top, most)
            assert tuple((found.steps * row.curve.unit).tolist()) == equal[0], "the stated rule of ties"
        except AssertionError as error:
            raise AssertionError(f"problem {seed}: {found}, best {equal[:3]}") from error


@pytest.mark.parametrize("first", range(0, CROSSING, 100))
def test_plans_under_limits_that_cross_equal_brute_force(first):
    feasible = 0
    for seed in range(first, first + 100):
        sites, scenario = oracle.crossing_problem(seed)
        row, rules, rank = crossed(sites, scenario)
        every = [tuple(amounts[i] for i in rank) for amounts, _ in oracle.plans(sites, scenario)]
        found = leximin.solve(row, rules)
        if not every:
            continue
        feasible += 1
        top, most, equal = best(every, row.need[0].tolist(), row.scale_eur[0].tolist(), scenario.response)
        try:
            assert found.proven
            agrees(found.steps, row, top, most)
            assert any(amounts == pytest.approx(tuple((found.steps * row.curve.unit).tolist())) for amounts in every), (
                "keeps all rules"
            )
        except AssertionError as error:
            raise AssertionError(f"problem {seed}: {found}, best {equal[:3]}") from error
    assert feasible > 10


def years_problem(seed: int):
    """Two or three years of two or three sites, money that may be carried over, and limits on changes."""
    rng = np.random.default_rng(seed)
    years, sites = ((2, 2), (2, 3), (3, 2), (3, 3))[int(rng.integers(4))]
    n = years * sites
    low = rng.integers(1, 4, n)
    high = low + rng.integers(0, 2 if n == 9 else 3, n)
    must, may = rng.random(n) < 0.2, rng.random(n) < 0.9
    budgets = rng.integers(1, 3 * sites + 1, years)
    carry = float(rng.choice([0, 1, 2, 5]))
    changes = tuple(
        crossing.Change(
            i,
            i + sites,
            float(rng.choice([0, 0.5, 0.8])),
            float(rng.choice([1, 1.5, np.inf])),
            bool(rng.random() < 0.3),
        )
        for i in range(n - sites)
        if rng.random() < 0.5
    )
    most = int(rng.integers(1, sites + 1))
    everybody = np.ones(sites, dtype=bool)
    rules = [
        (
            plans.Limits(must[part], may[part] | must[part], low[part], high[part], int(budgets[year])),
            [plans.Shared(everybody, 0, int(budgets[year]), 0, most, money=True)],
        )
        for year, part in enumerate(np.split(np.arange(n), years))
    ]
    row = problem(
        rng.choice([0.0, 10.0, 20.0, 35.0], n, p=[0.1, 0.3, 0.3, 0.3]),
        rng.choice([100.0, 200.0, 300.0], n) if rng.random() < 0.5 else rng.uniform(50, 800, n),
        low,
        high,
        0,
        committed=must,
        response=str(rng.choice(list(oracle.CURVES))),
    )

    def keeps(steps) -> bool:
        there = 0.0
        for year in range(years):
            part = steps[year * sites : (year + 1) * sites]
            left = budgets[year] + there - sum(part)
            if left < 0 or sum(x > 0 for x in part) > most:
                return False
            there = min(carry, left)
        return all(
            (not one.goes_on or steps[one.after] > 0 or steps[one.before] == 0)
            and (
                0 in (steps[one.before], steps[one.after])
                or one.least_ratio * steps[one.before] - 1e-9
                <= steps[one.after]
                <= one.most_ratio * steps[one.before] + 1e-9
            )
            for one in changes
        )

    options = [
        [*([] if must[i] else [0]), *(range(low[i], high[i] + 1) if may[i] or must[i] else [])] for i in range(n)
    ]
    every = [tuple(100.0 * x for x in steps) for steps in itertools.product(*options) if keeps(steps)]
    return row, crossing.model(rules, carry, changes), every


@pytest.mark.parametrize("first", range(0, YEARS, 20))
def test_plans_over_several_years_equal_brute_force(first):
    feasible = 0
    for seed in range(first, first + 20):
        row, rules, every = years_problem(seed)
        found = leximin.solve(row, rules)
        if not every:
            assert found == (None, False)
            continue
        feasible += 1
        top, most, equal = best(every, row.need[0].tolist(), row.scale_eur[0].tolist(), row.curve.response)
        try:
            assert found.proven
            agrees(found.steps, row, top, most)
            assert tuple((found.steps * 100.0).tolist()) in every, "keeps all rules"
        except AssertionError as error:
            raise AssertionError(f"problem {seed}: {found}, best {equal[:3]}") from error
    assert feasible > 5


# --- by hand ------------------------------------------------------------------------------------------------------


def steps_of(row: prices.Problems, rules: crossing.Model | None = None) -> list[int]:
    found = leximin.solve(row, rules)
    assert found.proven
    assert found.steps.dtype == np.int64
    return found.steps.tolist()


def as_rules(row: prices.Problems) -> crossing.Model:
    """The same problem with its budget and its places as rows."""
    must, may = row.committed[0], row.committed[0] | row.optional[0]
    everybody = plans.Shared(
        np.ones(len(must), dtype=bool), 0, int(row.budget[0]), int(row.fewest[0]), int(row.most[0]), money=True
    )
    return crossing.model([(plans.Limits(must, may, row.low[0], row.high[0], int(row.budget[0])), [everybody])])


BY_HAND = {
    "of two sites with one place, the one with the smaller scale is covered better, whatever the needs": (
        problem([90, 10], [1000, 500], 1, 10, 10, most=1),
        [0, 10],
    ),
    "of two equal sites with one place, the one with the greater need is funded": (
        problem([20, 10], 500, 1, 10, 10, most=1),
        [10, 0],
    ),
    "equal sites get equal amounts": (problem([30, 20, 10], 500, 1, 9, 12), [4, 4, 4]),
    "a step that is over goes to the greatest need": (problem([30, 20, 10], 500, 1, 9, 13), [5, 4, 4]),
    "amounts follow the scales, so that coverages are equal": (problem([10, 10], [500, 1000], 1, 20, 12), [4, 8]),
    "a site at its cap stays behind while the others go on": (problem([30, 20, 10], 500, 1, [9, 2, 9], 12), [5, 2, 5]),
    "more sites are funded before one gets more": (problem([90, 20, 10], 500, [2, 3, 4], 9, 9), [2, 3, 4]),
    "the cheapest floors are funded, where not all can be": (problem([90, 20, 10], 500, [8, 3, 4], 9, 9), [0, 5, 4]),
    "money is left where the straight line has reached everybody": (
        problem([30, 20], [500, 300], 1, 90, 20, response="linear"),
        [5, 3],
    ),
    "places of sites that can reach everybody go to the needs that the money can reach": (
        problem([30, 28, 20, 10], [900, 500, 300, 100], 1, 90, 9, most=2, response="linear"),
        [0, 5, 3, 0],
    ),
    "a site without need gets nothing": (problem([30, 0], 500, 1, 9, 20), [9, 0]),
    "a committed site without need gets its floor": (problem([30, 0], 500, 2, 9, 8, committed=[0, 1]), [6, 2]),
    "a site without need fills up the fewest sites asked for": (
        problem([30, 0, 0], 500, [1, 3, 2], 9, 8, fewest=2),
        [6, 0, 2],
    ),
    "a committed site stays at its cap below the others": (
        problem([30, 20, 10], 500, [1, 1, 2], [9, 9, 2], 12, committed=[0, 0, 1]),
        [5, 5, 2],
    ),
    "nobody is funded where there is no money": (problem([30, 20], 500, 1, 9, 0), [0, 0]),
}


@pytest.mark.parametrize("claim", BY_HAND)
def test_by_hand(claim):
    row, expected = BY_HAND[claim]
    assert steps_of(row) == expected
    assert steps_of(row, as_rules(row)) == expected, "and the same with the rules as rows"


@pytest.mark.parametrize("first", range(0, 200, 100))
def test_both_ways_agree_where_rules_do_not_cross(first):
    for seed in range(first, first + 100):
        row = tied_problem(seed)
        one, other = leximin.solve(row, None), leximin.solve(row, as_rules(row))
        curve = oracle.CURVES[row.curve.response]
        covered = [
            [curve(x * 100.0 / s) for x, s in zip(found.steps, row.scale_eur[0], strict=True)] for found in (one, other)
        ]
        real = row.need[0] > 0
        top, most = (vector(np.array(covered[0])[real]), float(np.dot(row.need[0], covered[0])))
        agrees(other.steps, row, top, most)


def test_equal_sites_by_the_thousand_differ_by_one_step_at_most():
    n = 3000
    row = problem(np.full(n, 100.0), 8000.0, 40, 140, 2000 * 63 + 500, most=2000)
    steps = np.array(steps_of(row))
    assert (steps == np.r_[np.full(500, 64), np.full(1500, 63), np.zeros(1000)]).all()


def test_no_single_step_moved_improves_a_plan_of_a_thousand_sites():
    rng = np.random.default_rng(5)
    n = 1000
    row = problem(
        rng.uniform(50, 500, n), rng.uniform(4000, 15000, n), 1, 500, 60_000, committed=rng.random(n) < 0.3, most=700
    )
    steps = np.array(steps_of(row))
    assert steps.sum() == 60_000
    assert (steps > 0).sum() == 700
    ratio = steps * 100.0 / row.scale_eur[0]
    # Whoever gives a step away falls to the least covered or below, even without its last step.
    least, funded = ratio[steps > 0].min(), steps > 1
    assert ((ratio - 100.0 / row.scale_eur[0])[funded] <= least * (1 + 1e-12)).all()


def test_a_million_steps_are_no_harder_than_ten():
    row = problem([30, 20, 10], [1e6, 2e6, 1e6], 1, 10**6, 10**6, unit=1.0)
    assert steps_of(row) == [250_000, 500_000, 250_000]


def test_time_that_has_ended_gives_a_plan_that_is_not_called_proven():
    row = problem([30, 20, 10], 500, 1, 9, 13)
    found = leximin.solve(row, None, deadline=0.0)
    assert not found.proven
    assert found.steps.sum() <= 13
    assert (found.steps >= 1).all()


def test_rules_that_no_plan_keeps_give_none():
    row = problem([30, 20], 500, 5, 9, 4, committed=[1, 1])
    assert leximin.solve(row, as_rules(row)) == (None, False)
