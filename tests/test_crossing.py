"""Limits that cross: the plans equal brute force."""

from __future__ import annotations

import oracle
import pandas as pd
import pytest

import quartier as q


@pytest.mark.many(default=600, thorough=12_000, batch=100)
def test_crossing_limits_equal_brute_force(seeds):
    oracle.assert_equals_brute_force(seeds, oracle.crossing_problem, oracle.best)


def sites() -> q.Sites:
    return q.Sites.from_frame(
        pd.DataFrame(
            {
                "site_id": ["a", "b", "c", "d"],
                "need": [100.0, 90.0, 80.0, 70.0],
                "status": "prospective",
                "scale_eur": 2000.0,
                "min_eur": 500.0,
                "max_eur": 4000.0,
                "provider": ["A", "A", "B", "B"],
                "district": ["N", "S", "N", "S"],
                "previous_eur": [2000.0, None, None, 1000.0],
            }
        )
    )


def test_a_cap_on_a_provider_moves_the_money_to_the_others():
    free = q.allocate(sites(), q.Scenario(budget_eur=6000))
    capped = q.allocate(
        sites(), q.Scenario(budget_eur=6000, groups=[{"by": "provider", "name": "A", "max_share": 0.25}])
    )
    assert free.amounts[["a", "b"]].sum() > 1500
    assert capped.amounts[["a", "b"]].sum() == 1500
    assert capped.broken_rules() == []
    assert any(
        "A is at its cap" in why for why in q.allocate(sites(), capped.scenario.replace(language="en")).table()["why"]
    )


def test_a_broken_limit_of_a_group_is_seen():
    plan = q.allocate(
        sites(), q.Scenario(budget_eur=6000, language="en", groups=[{"by": "district", "name": "N", "max_sites": 1}])
    )
    amounts = plan.amounts.copy()
    amounts[:] = 1000.0
    assert any("against its limit max_sites 1" in sentence for sentence in plan.broken_rules(amounts.to_numpy()))


def test_a_change_limit_binds_only_sites_that_had_money():
    plan = q.allocate(sites(), q.Scenario(budget_eur=9000, max_change_share=0.1))
    assert 1800 <= plan.amounts["a"] <= 2200
    assert plan.amounts["d"] == 0 or 900 <= plan.amounts["d"] <= 1100
    assert plan.amounts["b"] > 2200


def test_a_site_that_may_not_end_goes_on():
    narrow = q.Scenario(budget_eur=3000, max_sites=2, max_change_share=0.5)
    assert q.allocate(sites(), narrow).amounts["d"] == 0
    assert q.allocate(sites(), narrow.replace(may_end=False)).amounts["d"] >= 500


def test_a_reserve_is_kept_back():
    plan = q.allocate(sites(), q.Scenario(budget_eur=6000, reserve_eur=1000))
    assert plan.spent_eur == 5000


def test_rules_that_do_not_bind_change_nothing():
    free = q.allocate(sites(), q.Scenario(budget_eur=6000))
    loose = q.Scenario(budget_eur=6000, groups=[{"by": "provider", "name": "A", "max_share": 1.0, "max_sites": 4}])
    assert q.allocate(sites(), loose).objective == pytest.approx(free.objective, rel=1e-12)
