"""Several years, money carried over, earmarked money, sites that start later: equal to brute force, and by hand."""

from __future__ import annotations

import oracle
import oracle_years
import pandas as pd
import pytest

import quartier as q
from quartier import feasibility


@pytest.mark.many(default=650, thorough=13_000, batch=50)
def test_plans_over_years_equal_brute_force(seeds):
    oracle.assert_equals_brute_force(seeds, oracle_years.problem, oracle_years.best)


def test_the_two_oracles_agree_where_both_apply():
    for seed in range(60):
        sites, scenario = oracle.crossing_problem(seed, most_sites=4)
        assert oracle_years.best(sites, scenario) == pytest.approx(oracle.best(sites, scenario)), f"problem {seed}"


def sites(**columns) -> q.Sites:
    base = {"need": [100.0, 100.0], "status": "prospective", "scale_eur": 2000.0, "min_eur": 500.0, "max_eur": 3000.0}
    table = {"site_id": ["a", "b"], **base, "provider": ["A", "B"], **columns}
    return q.Sites.from_frame(pd.DataFrame(table))


def test_years_that_have_nothing_to_do_with_each_other_are_planned_alone():
    years = q.allocate(sites(), q.Scenario(budget_eur=2000, years=2, later_budgets_eur=[4000]))
    alone = [q.allocate(sites(), q.Scenario(budget_eur=budget_eur)) for budget_eur in (2000, 4000)]
    assert [list(years.amounts_by_year[number + 1]) for number in range(2)] == [list(one.amounts) for one in alone]
    assert years.objective == pytest.approx(sum(one.objective for one in alone), rel=1e-12)
    assert years.spent_eur == 6000


def test_money_is_carried_over_up_to_the_limit_and_no_further():
    # Two equal years would be best: 3000 each of 5000 and 1000. Only 500 may go over: 4500 and 1500.
    free = q.allocate(sites(), q.Scenario(budget_eur=5000, years=2, later_budgets_eur=[1000], carry_limit_eur=9000))
    assert list(free.amounts_by_year.sum()) == [3000, 3000]
    held = q.allocate(sites(), q.Scenario(budget_eur=5000, years=2, later_budgets_eur=[1000], carry_limit_eur=500))
    assert list(held.amounts_by_year.sum()) == [4500, 1500]
    assert held.years[1].scenario.carried_eur == 500
    assert held.left_over_eur == 0


def test_parts_of_a_step_are_carried_over_and_add_up():
    plan = q.allocate(sites(), q.Scenario(budget_eur=1050, years=2, carry_limit_eur=50))
    assert list(plan.amounts_by_year.sum()) == [1000, 1100]


def test_money_of_the_year_before_adds_to_the_first_year_alone():
    plan = q.allocate(sites(), q.Scenario(budget_eur=2000, years=2, carried_eur=1000))
    assert list(plan.amounts_by_year.sum()) == [3000, 2000]


def test_changes_between_years_stay_within_the_limit():
    scenario = q.Scenario(budget_eur=2000, years=3, later_budgets_eur=[4000, 6000], max_change_share=0.25)
    plan = q.allocate(sites(), scenario)
    by_year = plan.amounts_by_year
    for site in by_year.index:
        for year in (2, 3):
            before, after = by_year.loc[site, year - 1], by_year.loc[site, year]
            assert before == 0 or after == 0 or 0.75 * before <= after <= 1.25 * before
    amounts = by_year.to_numpy().T.copy()
    amounts[1] = [3000, 1000]
    assert any("Änderung" in sentence and "Jahr 2" in sentence for sentence in plan.broken_rules(amounts))


def test_a_site_that_may_not_end_goes_on_in_every_year():
    scenario = q.Scenario(budget_eur=1000, years=2, later_budgets_eur=[600], max_change_share=0.5, max_sites=1)
    ended = q.allocate(sites(need=[100.0, 99.0]), scenario.replace(max_change_share=0.1))
    assert list(ended.amounts_by_year[1] > 0) != list(ended.amounts_by_year[2] > 0), (
        "600 is too great a change from 1000"
    )
    going_on = q.allocate(sites(need=[100.0, 99.0]), scenario.replace(may_end=False))
    assert list(going_on.amounts_by_year[1] > 0) == list(going_on.amounts_by_year[2] > 0)


def test_a_site_that_starts_in_july_has_half_of_floor_cap_need_and_scale():
    started = q.allocate(sites(), q.Scenario(budget_eur=9000, months={"b": 6}))
    assert list(started.amounts) == [3000, 1500]
    halved = sites(need=[100.0, 50.0], scale_eur=[2000.0, 1000.0], min_eur=[500.0, 250.0], max_eur=[3000.0, 1500.0])
    for budget_eur in (700, 1500, 2500):
        later = q.allocate(sites(), q.Scenario(budget_eur=budget_eur, months={"b": 6}))
        alike = q.allocate(halved, q.Scenario(budget_eur=budget_eur))
        assert list(later.amounts) == list(alike.amounts)
        assert later.benefit == pytest.approx(alike.benefit, rel=1e-12)


def test_money_for_some_sites_goes_to_none_but_them():
    earmarked = [{"by": "provider", "name": "B", "amount_eur": 1500}]
    plan = q.allocate(sites(need=[100.0, 1.0]), q.Scenario(budget_eur=2000, earmarked=earmarked))
    assert list(plan.amounts) == [2000, 1500]
    assert plan.left_over_eur == 0
    assert plan.broken_rules([2100.0, 1400.0]) != []
    assert plan.broken_rules([500.0, 3000.0]) == [], "the city's own money may go there as well"


def test_earmarked_money_that_is_not_used_is_not_left_over_money_of_the_city():
    earmarked = [{"by": "provider", "name": "B", "amount_eur": 5000}]
    plan = q.allocate(sites(), q.Scenario(budget_eur=4000, earmarked=earmarked))
    assert list(plan.amounts) == [3000, 3000]
    assert plan.left_over_eur == 1000


def test_the_plan_over_years_tells_of_each_year_in_german_and_in_english():
    for language, word in (("de", "Jahr 2"), ("en", "Year 2")):
        plan = q.allocate(sites(), q.Scenario(budget_eur=3000, years=2, carry_limit_eur=100, language=language))
        assert word in plan.table()["why"].iloc[0]
        assert word in plan.explain("a")
        assert word in plan.left_over_sentence()
        assert len(plan.summary()) == 5
        assert [year.outcome for year in plan.years] == [q.Outcome.IN_YEARS] * 2
        assert plan.table()["amount_eur"].sum() == plan.spent_eur == 6000
        assert plan.table()["benefit"].sum() == pytest.approx(plan.benefit)
        assert list(plan.baselines()["keeps_rules"]) == [True] * 3


def test_years_that_cannot_be_paid_are_refused_with_the_least_repairs():
    scenario = q.Scenario(
        budget_eur=2000, years=2, later_budgets_eur=[700], committed=["prospective"], carry_limit_eur=100, language="en"
    )
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(sites(), scenario)
    assert {rule.kind for rule in caught.value.conflict} == {"budget_eur", "carry_limit_eur", "commitment", "min_eur"}
    assert [repair.sentence for repair in caught.value.repairs] == [
        "raise the budget of each year by 200 EUR",
        "let 300 EUR go over to the next year",
        "lower the floors to at most 400 EUR",
        "release a from the commitment",
    ]
    for repair in caught.value.repairs:
        q.allocate(*repair.apply(sites(), scenario))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"months": {"c": 6}}, "months: there is no site “c”. Known are a, b."),
        ({"earmarked": [{"by": "provider", "name": "C", "amount_eur": 1}]}, "Known are “A”, “B”."),
    ],
)
def test_a_rule_about_nobody_is_refused(changes, words):
    with pytest.raises(q.PlainError, match=words.replace(".", "[.]")):
        q.allocate(sites(), q.Scenario(language="en", **changes))


def test_many_at_once_with_limits_that_cross_are_the_plans_one_by_one():
    for seed in range(25):
        problem, scenario = oracle.crossing_problem(seed, most_sites=4)
        budgets = scenario.budget_eur * (0.5, 1.0, 1.4)[seed % 3] + scenario.reserve_eur
        many = q.allocate_many(problem, scenario, budget_eur=[budgets, scenario.budget_eur])
        for row, budget_eur in enumerate((budgets, scenario.budget_eur)):
            one = scenario.replace(budget_eur=float(budget_eur))
            if not feasibility.possible(problem, one):
                assert many.outcome[row] is q.Outcome.INFEASIBLE
                continue
            plan = q.allocate(problem, one)
            assert many.objective[row] == pytest.approx(plan.objective, rel=1e-12)
            assert many.benefit[row] == pytest.approx(plan.benefit, rel=1e-9)


def test_a_plan_over_years_is_drawn_and_tabled_with_its_years():
    scenario = q.Scenario(budget_eur=3000, years=2, carry_limit_eur=500, months={"b": 6}, language="en")
    plan = q.allocate(sites(), scenario)
    table = q.tables(plan)["year_amounts"]
    assert list(table.columns) == ["name", "1", "2", "assumed"]
    assert table[["1", "2"]].sum().sum() == plan.spent_eur
    assert table.attrs["headings"] == {"1": "Year 1", "2": "Year 2"}
    assert "(sums of 2 years)" in q.plot_amounts(plan).get_title()
    assert "year 1" in q.plot_response(plan).get_title()
    assert "year_amounts" not in q.tables(q.allocate(sites(), q.Scenario(budget_eur=3000)))


def test_a_rule_of_division_is_judged_at_an_infinite_aversion_too():
    plan = q.allocate(sites(), q.Scenario(budget_eur=3000, method="equal-split", inequality_aversion=float("inf")))
    best = q.allocate(sites(), q.Scenario(budget_eur=3000, inequality_aversion=float("inf")))
    assert plan.outcome is q.Outcome.BY_RULE
    assert plan.objective <= plan.bound == best.objective


def test_simpler_ways_to_divide_carry_over_only_what_they_have_left_themselves():
    # The caps hold the first year of both ways to 6000 of 7000: 1000 go over, but no more than the limit of 400.
    plan = q.allocate(sites(), q.Scenario(budget_eur=7000, years=2, later_budgets_eur=[3000], carry_limit_eur=400))
    assert list(plan.baselines()["spent_eur"]) == [9400, 9400, 9400]
    saved = q.allocate(sites(), q.Scenario(budget_eur=5000, years=2, later_budgets_eur=[1000], carry_limit_eur=2000))
    assert list(saved.baselines()["spent_eur"]) == [6000, 6000, 6000], (
        "the plan saves 2000, the simple ways save nothing"
    )
    assert (saved.baselines()["lost_benefit"] >= -1e-9).all()


def test_the_limit_that_holds_a_site_down_is_named_before_money_that_is_left():
    scenario = q.Scenario(
        budget_eur=6000, groups=[{"by": "provider", "name": "A", "max_eur": 1200}], language="en", max_eur=2000
    )
    plan = q.allocate(sites(), scenario)
    assert plan.left_over_eur == 2800
    assert "A is at its cap for all its sites together" in plan.explain("a")
    assert "limits of partners and districts allow no more" in plan.left_over_sentence()
    years = q.allocate(sites(), scenario.replace(years=2, carry_limit_eur=100))
    assert years.table()["why"]["a"].count("A is at its cap") == 2


def test_need_times_coverage_is_the_benefit_in_every_table():
    for changes in ({}, {"months": {"b": 6}}, {"years": 2, "months": {"b": 6}, "carry_limit_eur": 100}):
        table = q.allocate(sites(), q.Scenario(budget_eur=3000, **changes)).table()
        assert list(table["need"] * table["coverage"]) == pytest.approx(list(table["benefit"]))
