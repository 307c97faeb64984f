"""A plan can be checked, read and explained without a solver."""

from __future__ import annotations

import dataclasses

import oracle
import pandas as pd
import pytest

import quartier as q


@pytest.fixture(scope="module")
def plan() -> q.Plan:
    return q.allocate(q.load("data"), q.Scenario(language="en"))


def changed(plan: q.Plan, **amounts: float) -> q.Plan:
    amounts_eur = plan.amounts.copy()
    for site_id, amount in amounts.items():
        amounts_eur[site_id.replace("_", "-")] = amount
    return dataclasses.replace(plan, amounts=amounts_eur)


def test_a_plan_keeps_its_rules_worked_out_from_the_amounts_alone(plan):
    assert plan.broken_rules() == []


@pytest.mark.parametrize(
    ("amounts", "said"),
    [
        ({"am_pfarracker": 13_400}, "80,100 EUR are given out"),
        ({"brockeiche": 0}, "Brockeiche is committed and gets nothing"),
        ({"brockeiche": 3900}, "less than its floor"),
        ({"brockeiche": 14_100}, "more than its cap"),
        ({"brockeiche": 6550}, "no whole number of steps"),
        ({"gswg_senne": 4000}, "is excluded and gets"),
        ({"brockeiche": -100}, "negative"),
        ({"brockeiche": float("nan")}, "no number"),
        ({"heinrichstrasse": 4000}, "11 sites are funded"),
    ],
)
def test_each_broken_rule_is_seen(plan, amounts, said):
    assert any(said in sentence for sentence in changed(plan, **amounts).broken_rules())


def test_fewer_sites_than_asked_for_is_seen(plan):
    asked = dataclasses.replace(plan, scenario=plan.scenario.replace(min_sites=10))
    assert asked.broken_rules() == []
    assert any("9 sites are funded" in sentence for sentence in changed(asked, vennhofallee=0).broken_rules())


def test_the_table_adds_up(plan):
    table = plan.table()
    assert list(table.index) == list(plan.sites.site_ids)
    assert table["amount_eur"].sum() == plan.spent_eur == 80_000
    assert table["benefit"].sum() == pytest.approx(plan.benefit, rel=1e-12)
    assert (table["coverage"] * table["need"]).sum() == pytest.approx(plan.benefit, rel=1e-12)
    assert (table["why"].str.len() > 0).all()


def test_the_marginal_benefit_is_what_one_more_step_would_bring(plan):
    table = plan.table()
    row = table.loc["brockeiche"]
    more = q.allocate(
        plan.sites.replace({"brockeiche": {"min_eur": row["amount_eur"] + 100, "max_eur": row["amount_eur"] + 100}}),
        plan.scenario.replace(budget_eur=80_100),
    )
    gain = more.table().loc["brockeiche", "benefit"] - row["benefit"]
    assert row["marginal_per_1000_eur"] == pytest.approx(gain * 10, rel=1e-9)


def test_last_steps_count_at_least_as_much_as_the_next_elsewhere(plan):
    # The reason that is given for amounts between floor and cap, checked on the amounts themselves.
    table, x = plan.table(), plan.amounts
    inner = table.index[(x > 0) & (x > table["min_eur"]) & (x < table["max_eur"])]
    room = table.index[(x > 0) & (x < table["max_eur"])]
    need, scale = table["need"], plan.sites.frame["scale_eur"]
    from quartier import benefit

    last = {
        i: benefit.residents_reached(x[i], need[i], scale[i]) - benefit.residents_reached(x[i] - 100, need[i], scale[i])
        for i in inner
    }
    following = {
        i: benefit.residents_reached(x[i] + 100, need[i], scale[i]) - benefit.residents_reached(x[i], need[i], scale[i])
        for i in room
    }
    assert min(last.values()) >= max(following.values()) - 1e-9


def test_baselines_stand_beside_the_plan_with_what_they_lose(plan):
    table = plan.baselines()
    assert list(table.index) == ["plan", "equal_split", "need_proportional"]
    assert table.loc["plan", "lost_benefit"] == 0
    assert (table["lost_benefit"] >= 0).all()
    assert table["keeps_rules"].all()
    assert (plan.baseline_amounts["equal_split"].loc[lambda x: x > 0] == 8000).all()


def test_last_years_amounts_are_a_baseline_where_there_are_any(plan):
    last = plan.sites.replace({"brockeiche": {"previous_eur": 9000.0}, "wefelshof": {"previous_eur": 11_000.0}})
    table = q.allocate(last, plan.scenario).baselines()
    assert table.loc["last_year", "spent_eur"] == 20_000
    assert not table.loc["last_year", "keeps_rules"], "five committed sites got nothing then"


def test_the_summary_has_five_lines_and_names_what_is_assumed(plan):
    lines = plan.summary()
    assert len(lines) == 5
    assert "80,000 EUR for 10 sites of 14" in lines[0]
    assert lines[2].startswith("Proven optimal")
    assert "Assumed" in lines[4]
    assert "effect scale (14 of 14 sites)" in lines[4]


def test_the_objective_is_called_so_where_it_counts_no_residents(plan):
    for method in ("equal-split", "need-proportional"):
        one = q.allocate(plan.sites, plan.scenario.replace(method=method, inequality_aversion=1.0))
        assert f"Objective {one.texts.number(one.objective, 1)}; no plan has more than" in one.summary()[2]
        assert "reaches" not in one.summary()[2]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"max_change_share": 0.2}, "has no effect: the data have no amounts of last year"),
        (
            {"max_change_share": 0.2, "may_end": False},
            "no effect, nor that no funding may end: the data have no amounts",
        ),
        ({"may_end": False}, "That no funding may end (may_end) has no effect without a limit"),
        ({"max_change_share": 0.2, "years": 2}, ""),
        ({"max_change_share": 0.2, "sites": {"brockeiche": {"previous_eur": 9000.0}}}, ""),
    ],
)
def test_a_rule_without_effect_is_named(plan, changes, said):
    lines = q.allocate(plan.sites, plan.scenario.replace(**changes)).summary()[5:]
    assert len(lines) == bool(said)
    assert said in "".join(lines)


def test_a_table_without_sources_says_that_its_origin_is_not_documented():
    sites, scenario = oracle.random_problem(1)
    plan = q.allocate(sites, scenario.replace(committed=(), min_sites=0, language="en"))
    assert "origin of the figures is not documented" in plan.summary()[4]
    assert plan.attribution() == ""


def test_every_site_is_explained_and_an_unknown_one_is_refused(plan):
    for site_id in plan.sites.site_ids:
        sentence = plan.explain(site_id)
        assert plan.sites.frame.loc[site_id, "name"] in sentence
        assert "{" not in sentence
    with pytest.raises(q.PlainError, match="Known are westerfeldstrasse"):
        plan.explain("nirgendwo")


def sites(**columns) -> q.Sites:
    n = len(columns["need"])
    base = {"status": "signed", "scale_eur": 1000.0, "min_eur": 0.0, "max_eur": 2000.0}
    return q.Sites.from_frame(pd.DataFrame({"site_id": [f"s{i}" for i in range(n)], **base, **columns}))


@pytest.mark.parametrize(
    ("table", "changes", "said"),
    [
        ({"need": [100.0]}, {"budget_eur": 1550}, "50 EUR of 1,550 EUR are left over: less than one step"),
        ({"need": [100.0]}, {"budget_eur": 5000}, "every funded site is at its cap and no further site may be funded"),
        ({"need": [100.0, 90.0], "status": ["signed", "prospective"]}, {"budget_eur": 5000, "max_sites": 1}, "the only place is taken"),
        (
            {"need": [100.0, 90.0], "status": ["signed", "prospective"], "min_eur": [1500.0, 2000.0]},
            {"budget_eur": 3000},
            "smallest floor of a further site is 2,000 EUR",
        ),
        ({"need": [100.0]}, {"budget_eur": 1900, "response": "linear"}, "reach nobody more"),
        ({"need": [100.0], "status": ["prospective"]}, {"max_sites": 0}, "there are no places"),
        ({"need": [0.0], "status": ["prospective"]}, {}, "no further site would reach anybody more"),
        ({"need": [100.0]}, {"budget_eur": 1500}, "The whole budget is given out."),
        (
            {"need": [100.0]},
            {"budget_eur": 1900, "reserve_eur": 500},
            "500 EUR of 1,900 EUR are kept back as a reserve; all else is given out.",
        ),
        (
            {"need": [100.0]},
            {"budget_eur": 1950, "reserve_eur": 500},
            "500 EUR of 1,950 EUR are kept back as a reserve; another 50 EUR are left over: less than one step",
        ),
        (
            {"need": [100.0], "min_eur": [500.0]},
            {"budget_eur": 2500, "reserve_eur": 500},
            "500 EUR of 2,500 EUR are kept back as a reserve; all else is given out.",
        ),
        (
            {"need": [100.0]},
            {"budget_eur": 1900, "years": 2, "reserve_eur": 500},
            "Year 2: 500 EUR are kept back as a reserve.",
        ),
    ],
)  # fmt: skip
def test_money_left_over_is_explained(table, changes, said):
    assert said in q.allocate(sites(**table), q.Scenario(language="en", **changes)).left_over_sentence()


@pytest.mark.parametrize(
    ("table", "changes", "said"),
    [
        ({"need": [100.0]}, {"budget_eur": 9000}, "At its cap of 2,000 EUR."),
        ({"need": [100.0, 1.0], "min_eur": [500.0, 500.0]}, {"budget_eur": 1800}, "At its floor of 500 EUR"),
        ({"need": [100.0, 100.0]}, {"budget_eur": 1800}, "Between floor and cap"),
        ({"need": [100.0, 100.0], "min_eur": [0.0, 500.0], "max_eur": [2000.0, 500.0]}, {}, "Floor and cap are the same"),
        ({"need": [100.0, 90.0], "status": "prospective"}, {"max_sites": 1}, "the only place is taken"),
        ({"need": [100.0, 90.0], "status": "prospective", "min_eur": 1500.0}, {"budget_eur": 2000}, "would have to come from sites"),
        ({"need": [100.0, 90.0], "status": ["signed", "declined"]}, {}, "sites with the status “declined” are excluded"),
        ({"need": [100.0, 0.0], "status": "prospective"}, {}, "its need is zero"),
        ({"need": [100.0, 90.0], "status": ["signed", "prospective"], "min_eur": [0.0, 1950.0], "max_eur": 1990.0}, {}, "no multiple of"),
        (
            {"need": [100.0, 90.0], "status": ["signed", "prospective"], "min_eur": [0.0, 1500.0]},
            {"budget_eur": 1000},
            "more than the budget",
        ),
        ({"need": [100.0, 90.0]}, {"method": "equal-split"}, "By the rule “equal split”"),
    ],
)  # fmt: skip
def test_the_reason_names_what_binds(table, changes, said):
    plan = q.allocate(sites(**table), q.Scenario(language="en", **changes))
    assert any(said in reason for reason in plan.table()["why"]), list(plan.table()["why"])


def test_german_is_the_default_and_carries_german_numbers():
    plan = q.allocate(q.load("data"), q.Scenario())
    assert "80.000 EUR für 10 von 14 Standorten" in plan.summary()[0]
    assert plan.attribution() == "Quelle: © Stadt Bielefeld, Presseamt/Statistikstelle (CC BY-SA 4.0)"
