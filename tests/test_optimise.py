"""The exact plan against brute force, by hand, and by what must not matter."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import oracle
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import write_city

import quartier as q
from quartier import optimise


@pytest.mark.many(default=2500, thorough=25_000, batch=125)
def test_random_problems_equal_brute_force(seeds):
    feasible = 0
    for seed in seeds:
        sites, scenario = oracle.random_problem(seed)
        best = oracle.best(sites, scenario)
        try:
            plan = q.allocate(sites, scenario)
        except q.InfeasibleScenario:
            assert best is None, f"problem {seed} is possible, but was refused"
            continue
        assert best is not None, f"problem {seed} is impossible, but got a plan"
        assert plan.objective == pytest.approx(best, rel=1e-9, abs=1e-12), f"problem {seed}"
        assert plan.bound >= best * (1 - 1e-12) - 1e-300, f"problem {seed}: the bound lies below the best plan"
        assert plan.outcome is q.Outcome.OPTIMAL, f"problem {seed}"
        feasible += 1
    assert 0 < feasible < len(seeds), "possible and impossible problems are both among them"


@pytest.mark.parametrize("first", range(10_000, 10_400, 100))
def test_ties_are_broken_by_the_stated_rule(first):
    for seed in range(first, first + 100):
        sites, scenario = oracle.random_problem(seed, most_sites=5)
        expected = oracle.chosen(sites, scenario)
        if expected is not None:
            assert list(q.allocate(sites, scenario).amounts) == pytest.approx(list(expected)), f"problem {seed}"


@pytest.mark.parametrize("seed", range(20_000, 20_120))
def test_simple_rules_of_division_keep_all_rules_and_lose(seed):
    sites, scenario = oracle.random_problem(seed)
    try:
        best = q.allocate(sites, scenario)
    except q.InfeasibleScenario:
        return
    for method in ("equal-split", "need-proportional"):
        plan = q.allocate(sites, scenario.replace(method=method))
        assert plan.broken_rules() == []
        assert plan.outcome is q.Outcome.BY_RULE
        assert plan.objective <= best.objective * (1 + 1e-12)
        assert plan.bound == pytest.approx(best.bound, rel=1e-9)


def frame(**columns) -> pd.DataFrame:
    base = {"status": "prospective", "scale_eur": 1000.0, "min_eur": 0.0, "max_eur": 10_000.0}
    n = len(next(iter(columns.values())))
    return pd.DataFrame({"site_id": [f"s{i}" for i in range(n)], **{k: [v] * n for k, v in base.items()}, **columns})


def test_two_sites_by_hand():
    # benefit n (1 - exp(-x / 1000)); equal marginals: x1 - x2 = 1000 ln 2 = 693, x1 + x2 = 3000 -> 1846.6, 1153.4
    sites = q.Sites.from_frame(frame(need=[200.0, 100.0]))
    plan = q.allocate(sites, q.Scenario(budget_eur=3000, step_eur=100))
    assert list(plan.amounts) == [1800, 1200]
    assert plan.benefit == pytest.approx(200 * (1 - math.exp(-1.8)) + 100 * (1 - math.exp(-1.2)), rel=1e-14)


def test_a_place_goes_where_place_and_money_together_do_most():
    # One place. s0 has the greater need, but only 1000 EUR may go there: 100 (1 - 1/e) = 63 < 80 (1 - exp(-3)) = 76.
    sites = q.Sites.from_frame(frame(need=[100.0, 80.0], max_eur=[1000.0, 3000.0]))
    plan = q.allocate(sites, q.Scenario(budget_eur=3000, max_sites=1))
    assert list(plan.amounts) == [0, 3000]


def test_nothing_or_at_least_the_floor():
    # 1500 EUR: a floor of 1000 at both sites leaves no room for two.
    sites = q.Sites.from_frame(frame(need=[100.0, 99.0], min_eur=[1000.0, 1000.0]))
    plan = q.allocate(sites, q.Scenario(budget_eur=1500))
    assert list(plan.amounts) == [1500, 0]


def test_greatest_gain_first_can_fail_and_the_proof_finds_better():
    # Linear curves: s0 gives most per EUR but its floor eats the budget of two others that together reach more.
    sites = q.Sites.from_frame(
        frame(
            need=[61.0, 50.0, 50.0],
            scale_eur=[6000.0, 5000.0, 5000.0],
            min_eur=[6000.0, 5000.0, 5000.0],
            max_eur=[6000.0, 5000.0, 5000.0],
        )
    )
    plan = q.allocate(sites, q.Scenario(budget_eur=10_000, response="linear"))
    assert list(plan.amounts) == [0, 5000, 5000]


def test_money_that_reaches_nobody_is_not_spent():
    sites = q.Sites.from_frame(frame(need=[100.0, 0.0], status=["signed", "signed"], min_eur=[500.0, 500.0]))
    plan = q.allocate(sites, q.Scenario(budget_eur=9000, response="linear"))
    assert list(plan.amounts) == [1000, 500]
    assert plan.left_over_eur == 7500


def test_equally_good_plans_with_fewer_sites_are_told_apart_from_those_with_more_money():
    # s2 gives most per EUR, up to 4000; s0 and s1 are equal, so how the other 2000 are divided does not matter.
    sites = q.Sites.from_frame(frame(need=[1000.0] * 3, scale_eur=[6000.0, 6000.0, 4000.0], min_eur=[1000.0] * 3))
    plan = q.allocate(sites, q.Scenario(budget_eur=6000, step_eur=1000, response="linear"))
    assert list(plan.amounts) == [2000, 0, 4000]


@given(st.integers(0, 10_000), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_order_of_the_rows_and_the_names_do_not_matter(seed, random):
    sites, scenario = oracle.random_problem(seed)
    table = sites.frame.reset_index().assign(name=[f"Haus {random.random()}" for _ in range(len(sites))])
    order = list(range(len(table)))
    random.shuffle(order)
    try:
        first = q.allocate(sites, scenario)
    except q.InfeasibleScenario:
        with pytest.raises(q.InfeasibleScenario):
            q.allocate(q.Sites.from_frame(table.iloc[order]), scenario)
        return
    second = q.allocate(q.Sites.from_frame(table.iloc[order]), scenario)
    assert second.objective == first.objective
    assert dict(second.amounts) == dict(first.amounts)


@given(st.integers(0, 10_000))
@settings(max_examples=60)
def test_new_ids_in_the_same_order_change_nothing_but_the_ids(seed):
    sites, scenario = oracle.random_problem(seed)
    table = sites.frame.reset_index()
    renamed = table.assign(site_id="neu-" + table["site_id"])
    try:
        first = q.allocate(sites, scenario)
    except q.InfeasibleScenario:
        return
    assert list(q.allocate(q.Sites.from_frame(renamed), scenario).amounts) == list(first.amounts)


def test_equal_sites_get_equal_money_up_to_a_step():
    sites = q.Sites.from_frame(frame(need=[100.0] * 7))
    amounts = q.allocate(sites, q.Scenario(budget_eur=10_000)).amounts
    assert amounts.max() - amounts.min() <= 100
    assert amounts.sum() == 10_000


def test_a_wider_budget_more_places_or_a_wider_cap_never_lose():
    for seed in range(30_000, 30_060):
        sites, scenario = oracle.random_problem(seed)
        try:
            plan = q.allocate(sites, scenario)
        except q.InfeasibleScenario:
            continue
        wider = [
            scenario.replace(budget_eur=scenario.budget_eur * 1.5),
            scenario.replace(max_sites=scenario.max_sites + 1),
        ]
        for more in wider:
            assert q.allocate(sites, more).objective >= plan.objective * (1 - 1e-12)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_the_unit_of_money_does_not_matter(scale):
    table = frame(need=[130.0, 100.0, 70.0], min_eur=[300.0] * 3, max_eur=[2000.0] * 3)
    scenario = q.Scenario(budget_eur=3300, step_eur=100, max_sites=2)
    first = q.allocate(q.Sites.from_frame(table), scenario)
    table[["scale_eur", "min_eur", "max_eur"]] *= scale
    second = q.allocate(q.Sites.from_frame(table), scenario.replace(budget_eur=3300 * scale, step_eur=100 * scale))
    assert list(second.amounts / scale) == pytest.approx(list(first.amounts))
    assert second.objective == pytest.approx(first.objective, rel=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1e6])
def test_the_unit_of_need_does_not_matter(scale):
    table = frame(need=[130.0, 100.0, 70.0], min_eur=[300.0] * 3)
    scenario = q.Scenario(budget_eur=3300, max_sites=2)
    first = q.allocate(q.Sites.from_frame(table), scenario)
    second = q.allocate(q.Sites.from_frame(table.assign(need=table["need"] * scale)), scenario)
    assert list(second.amounts) == list(first.amounts)


def test_forty_sites_are_proven_optimal_and_equal_an_independent_milp():
    from scipy.optimize import Bounds, LinearConstraint, milp

    rng = np.random.default_rng(7)
    for _ in range(5):
        n, steps = 40, 12
        table = frame(
            need=rng.uniform(20, 300, n),
            scale_eur=rng.uniform(2000, 9000, n),
            min_eur=rng.integers(1, 4, n) * 1000.0,
            max_eur=rng.integers(6, steps + 1, n) * 1000.0,
            status=rng.choice(["signed", "prospective", "declined"], n, p=[0.2, 0.6, 0.2]),
        )
        scenario = q.Scenario(budget_eur=90_000, step_eur=1000, max_sites=18)
        plan = q.allocate(q.Sites.from_frame(table), scenario)
        # Another formulation: one yes-or-no for each amount of each site.
        amounts = np.arange(1, steps + 1) * 1000.0
        gain = table["need"].to_numpy()[:, None] * (1 - np.exp(-amounts / table["scale_eur"].to_numpy()[:, None]))
        allowed = (amounts >= table["min_eur"].to_numpy()[:, None]) & (amounts <= table["max_eur"].to_numpy()[:, None])
        allowed &= (table["status"] != "declined").to_numpy()[:, None]
        once = np.kron(np.eye(n), np.ones(steps))
        found = milp(
            -gain.ravel(),
            integrality=np.ones(n * steps),
            bounds=Bounds(0, allowed.ravel().astype(float)),
            constraints=[
                LinearConstraint(once, (table["status"] == "signed").to_numpy(dtype=float), 1),
                LinearConstraint(np.tile(amounts, n)[None, :], -np.inf, 90_000),
                LinearConstraint(np.ones((1, n * steps)), -np.inf, 18),
            ],
            options={"mip_rel_gap": 0},
        )
        assert plan.outcome is q.Outcome.OPTIMAL
        assert plan.objective == pytest.approx(-found.fun, rel=1e-7)


def test_a_search_without_time_says_that_nothing_is_proven():
    # The prices favour the first site, whose floor leaves no room for the two that together reach more.
    floors = [6000.0, 5000.0, 5000.0]
    table = frame(need=[61.0, 50.0, 50.0], scale_eur=floors, min_eur=floors, max_eur=floors)
    sites, scenario = q.Sites.from_frame(table), q.Scenario(budget_eur=10_000, response="linear")
    plan, best = q.allocate(sites, scenario.replace(time_limit_s=1e-9)), q.allocate(sites, scenario)
    assert plan.outcome is q.Outcome.FEASIBLE
    assert plan.broken_rules() == []
    assert plan.objective < best.objective < plan.bound


def test_a_million_steps_are_no_hindrance():
    sites = q.Sites.from_frame(frame(need=[100.0, 90.0, 80.0], scale_eur=[1e8] * 3, max_eur=[1e9] * 3))
    plan = q.allocate(sites, q.Scenario(budget_eur=1e9, step_eur=1))
    assert plan.outcome is q.Outcome.OPTIMAL
    assert plan.spent_eur == 1e9


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_many_at_once_are_the_plans_one_by_one(first):
    for seed in range(first, first + 40):
        sites, scenario = oracle.random_problem(seed)
        rng, n, m = np.random.default_rng(seed), len(sites), 6
        budget = scenario.budget_eur * rng.uniform(0.4, 1.6, m)
        need = sites.numbers("need") * rng.choice([0, 1, 2, 0.5], (m, n))
        scale = sites.numbers("scale_eur") * rng.choice([0.5, 1, 2], (m, n))
        available = rng.random((m, n)) < 0.85
        available[:, 0] = True
        many = q.allocate_many(sites, scenario, budget_eur=budget, need=need, scale_eur=scale, available=available)
        for row in range(m):
            table = sites.frame.reset_index().assign(need=need[row], scale_eur=scale[row])[available[row]]
            try:
                one = q.allocate(q.Sites.from_frame(table), scenario.replace(budget_eur=float(budget[row])))
            except q.InfeasibleScenario:
                assert many.outcome[row] is q.Outcome.INFEASIBLE, f"problem {seed}, row {row}"
                assert np.isnan(many.objective[row])
                continue
            assert many.outcome[row] is one.outcome is q.Outcome.OPTIMAL, f"problem {seed}, row {row}"
            assert list(many.amounts[row][available[row]]) == list(one.amounts), f"problem {seed}, row {row}"
            assert many.objective[row] == pytest.approx(one.objective, rel=1e-12, abs=1e-12)


def test_many_scenarios_at_once_are_the_plans_one_by_one():
    sites = q.Sites.from_frame(frame(need=[200.0, 150.0, 100.0], min_eur=[500.0] * 3))
    scenarios = [q.Scenario(budget_eur=b, response=r) for b in (900, 3000) for r in ("saturating", "hill-concave")]
    many = q.allocate_many(sites, scenarios)
    assert [list(row) for row in many.amounts] == [list(q.allocate(sites, one).amounts) for one in scenarios]


@pytest.mark.parametrize("first", range(50_000, 50_400, 100))
def test_choices_for_single_sites_give_the_plan_of_sites_that_are_changed_by_hand(first):
    feasible = 0
    for seed in range(first, first + 100):
        sites, bare = oracle.random_problem(seed)
        scenario, changed = oracle.with_choices(seed, sites, bare)
        best = oracle.best(changed, bare)
        if best is None:
            with pytest.raises(q.InfeasibleScenario):
                q.allocate(sites, scenario)
            continue
        plan = q.allocate(sites, scenario)
        assert plan.objective == pytest.approx(best, rel=1e-9, abs=1e-12), f"problem {seed}"
        assert plan.amounts.equals(q.allocate(changed, bare).amounts), f"problem {seed}"
        assert plan.scenario == scenario
        assert plan.broken_rules() == []
        again = q.allocate(plan.sites, plan.scenario)
        assert again.amounts.equals(plan.amounts), f"problem {seed}: settled twice is another problem"
        assert again.sites is plan.sites
        feasible += 1
    assert 0 < feasible < 100


@pytest.mark.parametrize("first", range(51_000, 51_060, 20))
def test_many_scenarios_each_have_their_own_choices_for_single_sites(first):
    for seed in range(first, first + 20):
        sites, bare = oracle.crossing_problem(seed, most_sites=4)
        others = [oracle.with_choices(seed + more, sites, bare) for more in (0, 1)]
        many = q.allocate_many(sites, [bare, *(scenario for scenario, _ in others)])
        alone = [q.allocate_many(here, bare) for here in (sites, *(changed for _, changed in others))]
        for row, one in enumerate(alone):
            assert many.outcome[row] is one.outcome[0], f"problem {seed}"
            assert list(many.amounts[row]) == list(one.amounts[0]), f"problem {seed}"


def test_scenarios_side_by_side_do_not_see_each_others_choices_for_single_sites(tmp_path):
    city = write_city(tmp_path / "city")
    sites, talks = q.load(city), q.Scenario(name="talks", sites={"park": {"status": "declined"}})
    talks.to_yaml(city / "scenarios" / "talks.yaml")
    found = q.side_by_side(sites, q.Scenario.named("baseline", city), city)
    assert found["baseline"].amounts["park"] > 0
    assert found["talks"].amounts["park"] == 0
    assert found["talks"].scenario == talks
    assert set(found) == {"baseline", "cut", "talks"}


def test_leaving_an_indicator_out_keeps_the_choices_for_single_sites():
    sites, changes = q.load("data"), {"brockeiche": {"status": "declined"}, "wefelshof": {"max_eur": 5000.0}}
    table = q.leave_one_out(sites, q.Scenario(sites=changes))
    assert table.equals(q.leave_one_out(sites.replace(changes), q.Scenario()))
    assert not table.loc["brockeiche"].any()


def test_a_chosen_figure_is_told_as_assumed_and_the_choice_is_kept_with_the_plan(tmp_path):
    sites = q.load(write_city(tmp_path / "city"))
    scenario = q.Scenario(sites={"park": {"status": "declined"}})
    plan = q.allocate(sites, scenario)
    assert "Status (2 von 3 Standorten)" in plan.assumed_sentence()
    assert "Hier angenommen: Status, " in plan.explain("park")
    choices = q.tables(plan)["scenario"]
    assert choices.loc["sites"].tolist() == ["park.status=declined", False]
    plain = q.tables(q.allocate(sites, q.Scenario()))["scenario"]
    assert plain.loc["sites"].tolist() == ["", True]


@pytest.mark.parametrize(
    ("arrays", "why"),
    [
        ({"need": [1.0, 2.0]}, "two needs for three sites"),
        ({"budget_eur": [1.0, 2.0], "need": np.ones((3, 3))}, "two budgets beside three needs"),
        ({"need": [1.0, -2.0, 1.0]}, "a negative need"),
        ({"scale_eur": [1.0, 0.0, 1.0]}, "a scale of zero"),
        ({"budget_eur": np.nan}, "no number"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(arrays, why):
    sites = q.Sites.from_frame(frame(need=[200.0, 150.0, 100.0]))
    with pytest.raises(q.PlainError, match="erwartet"):
        q.allocate_many(sites, q.Scenario(), **arrays)


def test_a_thousand_equal_sites_are_proven():
    plan = q.allocate(
        q.Sites.from_frame(frame(need=[100.0] * 1000, min_eur=[500.0] * 1000)),
        q.Scenario(budget_eur=400_000, max_sites=700),
    )
    assert plan.gap <= 1e-9
    assert plan.outcome is q.Outcome.OPTIMAL


def test_leaving_an_indicator_out_gives_the_plan_without_its_weight():
    sites, scenario = q.load("data"), q.Scenario()
    table = optimise.leave_one_out(sites, scenario)
    assert list(table.columns) == ["all", *sites.weights]
    rest = {name: weight for name, weight in sites.weights.items() if name != "residents_80_plus"}
    expected = q.allocate(sites, scenario.replace(need_weights=rest)).amounts
    assert list(table["residents_80_plus"]) == list(expected)
    assert list(table["all"]) == list(q.allocate(sites, scenario).amounts)


@pytest.mark.parametrize(
    "ask",
    [q.allocate, q.allocate_many, q.leave_one_out, q.side_by_side, q.frontier, q.what_moved],
    ids=lambda f: f.__name__,
)
def test_a_name_in_the_place_of_sites_or_scenario_is_refused_in_words(ask):
    for sites, scenario in ((q.load("data"), "baseline"), ("data", q.Scenario())):
        with pytest.raises(q.PlainError, match=rf"^{ask.__name__}: Standorte und ein Szenario, nicht „str“$"):
            ask(sites, scenario)


def test_a_budget_of_too_many_steps_is_refused_before_it_fills_the_memory():
    sites, scenario = q.load("data"), q.Scenario(budget_eur=99_999_999_999, language="en")
    with pytest.raises(
        q.PlainError, match=r"99,999,999,999 EUR in steps of 100 EUR has 999,999,999 steps, .*14,000,000"
    ):
        q.optimise.refuse_too_many_steps(sites, scenario)
    with pytest.raises(q.PlainError, match=r"steps of 0\.01 EUR"):
        q.optimise.refuse_too_many_steps(sites, scenario.replace(budget_eur=1_000_000, step_eur=0.01))
    assert q.optimise.refuse_too_many_steps(sites, scenario.replace(budget_eur=100_000_000)) is None
    assert q.allocate(sites, scenario).spent_eur == 10 * 14_000  # the plan itself is found


@pytest.mark.parametrize("response", ["saturating", "linear", "power"])
def test_caps_far_beyond_what_helps_anybody_take_no_memory(response):
    sites = q.load("data")
    scenario = q.Scenario(budget_eur=100_000_000, response=response, max_eur=100_000_000)
    tracemalloc.start()
    plan = q.allocate(sites, scenario)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert plan.outcome is q.Outcome.OPTIMAL
    assert most < 100_000_000
    enough = scenario.replace(budget_eur=9_000_000, max_eur=9_000_000)
    assert plan.objective == pytest.approx(q.allocate(sites, enough).objective, rel=1e-12)
