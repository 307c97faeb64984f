"""Impossible scenarios: conflicts are irreducible, repairs work, and nothing smaller does."""

from __future__ import annotations

import functools
import itertools
from types import SimpleNamespace

import numpy as np
import oracle
import pandas as pd
import pytest

import quartier as q
from quartier import crossing, feasibility

KINDS = {"commitment", "excluded", "max_sites", "min_sites", "budget_eur", "min_eur", "max_eur", "step_eur"}


@functools.cache
def refused(seed: int) -> tuple[q.Sites, q.Scenario, q.InfeasibleScenario | None]:
    sites, scenario = oracle.random_problem(seed)
    try:
        q.allocate(sites, scenario)
    except q.InfeasibleScenario as error:
        return sites, scenario, error
    return sites, scenario, None


def impossible(first: int, last: int):
    for seed in range(first, last):
        sites, scenario, error = refused(seed)
        if error is not None:
            yield seed, sites, scenario, error


def let_go(sites: q.Sites, scenario: q.Scenario, kinds) -> tuple[q.Sites, q.Scenario]:
    """Without rules of these kinds, stated here once more and independently of the package."""
    frame, changes = sites.frame.reset_index(), {}
    if "commitment" in kinds:
        changes["committed"] = ()
    if "excluded" in kinds:
        changes["excluded"] = ()
    if "max_sites" in kinds:
        changes["max_sites"] = max(len(sites), scenario.max_sites)
    if "min_sites" in kinds:
        changes["min_sites"] = 0
    if "budget_eur" in kinds:
        changes["budget_eur"] = 1e8
    if "min_eur" in kinds:
        frame["min_eur"], changes["min_eur"] = 0.0, None
    if "max_eur" in kinds:
        frame["max_eur"], changes["max_eur"] = 1e9, None
    if "step_eur" in kinds:
        changes["step_eur"] = scenario.step_eur / 1000
    return q.Sites.from_frame(frame), scenario.replace(**changes)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_a_conflict_is_irreducible(first):
    seen = set()
    for seed, sites, scenario, error in impossible(first, first + 100):
        kinds = {rule.kind for rule in error.conflict}
        others = KINDS - kinds
        assert not feasibility.possible(*let_go(sites, scenario, others)), (
            f"problem {seed}: {kinds} is no conflict by itself"
        )
        for kind in kinds:
            assert feasibility.possible(*let_go(sites, scenario, others | {kind})), (
                f"problem {seed}: {kinds} does not need {kind}"
            )
        seen.add(frozenset(kinds))
    assert len(seen) >= 4, "several kinds of conflict are among them"


@pytest.mark.parametrize("first", range(0, 400, 100))
def test_each_repair_works(first):
    for seed, sites, scenario, error in impossible(first, first + 100):
        assert error.repairs, f"problem {seed}"
        for repair in error.repairs:
            assert oracle.best(*repair.apply(sites, scenario)) is not None, f"problem {seed}: {repair.sentence}"


def test_no_smaller_change_of_a_repaired_number_would_do():
    seen = set()
    for seed, sites, scenario, error in impossible(0, 300):
        for repair in error.repairs:
            mended_sites, mended = repair.apply(sites, scenario)
            before, after = scenario.model_dump(), mended.model_dump()
            changed = [name for name in before if before[name] != after[name]]
            if not mended_sites.frame.equals(sites.frame) or changed not in (
                ["budget_eur"],
                ["max_sites"],
                ["min_sites"],
            ):
                continue
            (name,) = changed
            unit = scenario.step_eur if name == "budget_eur" else 1
            back = -unit if getattr(mended, name) > getattr(scenario, name) else unit
            smaller = mended.replace(**{name: getattr(mended, name) + back})
            assert not feasibility.possible(sites, smaller), f"problem {seed}: {repair.sentence}, but one less does"
            seen.add(name)
    assert seen == {"budget_eur", "max_sites", "min_sites"}


def signed(n: int, floor: float) -> q.Sites:
    table = {
        "site_id": [f"s{i}" for i in range(n)],
        "need": range(100, 100 + n),
        "status": "signed",
        "scale_eur": 8000.0,
    }
    return q.Sites.from_frame(pd.DataFrame({**table, "min_eur": floor, "max_eur": 20_000.0}))


def test_seven_signed_sites_need_more_than_there_is():
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(signed(7, 12_000), q.Scenario(language="en"))
    assert str(caught.value).splitlines()[0] == (
        "7 sites need at least 84,000 EUR; 80,000 EUR are there; 4,000 EUR are missing."
    )
    assert {rule.kind for rule in caught.value.conflict} == {"commitment", "budget_eur", "min_eur"}
    assert [repair.sentence for repair in caught.value.repairs] == [
        "raise the budget by 4,000 EUR to 84,000 EUR",
        "lower the floors to at most 11,400 EUR",
        "release s0 from the commitment",
    ]


def test_without_any_money_all_floors_are_missing():
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(signed(7, 4_000), q.Scenario(language="en", budget_eur=0))
    assert str(caught.value).splitlines()[0] == (
        "7 sites need at least 28,000 EUR; 0 EUR are there; 28,000 EUR are missing."
    )


def test_sites_that_are_held_stay_so_unless_a_repair_says_that_it_lets_go():
    free = q.Sites.from_frame(signed(3, 2_000).frame.assign(status=["signed", "signed", "prospective"]))
    seen = set()
    for amounts in itertools.product((None, 2_500, 9_000), repeat=3):
        held = {
            site: feasibility.Held(amount, *free.frame.loc[site, ["min_eur", "max_eur", "status"]])
            for site, amount in zip(free.site_ids, amounts, strict=True)
            if amount
        }
        locked = {
            site: {"min_eur": one.amount_eur, "max_eur": one.amount_eur, "status": "signed"}
            for site, one in held.items()
        }
        sites = free.replace(locked) if locked else free
        for budget_eur, max_sites in ((0, 3), (3_000, 3), (9_500, 3), (40_000, 1)):
            scenario = q.Scenario(budget_eur=budget_eur, max_sites=max_sites, language="en")
            found = feasibility.find_conflict(sites, scenario, held)
            assert (found is None) == feasibility.possible(sites, scenario)
            for repair in found.repairs if found else ():
                after, mended = repair.apply(sites, scenario)
                assert feasibility.possible(after, mended), repair.sentence
                for site, one in held.items():
                    said = f"unlock {site}" in repair.sentence
                    floor, cap = (one.amount_eur, one.amount_eur) if not said else (None, one.max_eur)
                    assert after.frame.loc[site, "max_eur"] == cap, repair.sentence
                    assert floor is None or after.frame.loc[site, "min_eur"] == floor, repair.sentence
                    assert not said or after.frame.loc[site, "status"] == one.status or "release" in repair.sentence
                seen |= {repair.rule.partition(".")[0]}
    assert {"held", "budget_eur", "min_eur", "commitment", "max_sites"} <= seen


def test_more_commitments_than_places():
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(signed(7, 4000), q.Scenario(max_sites=5, language="en"))
    assert str(caught.value).splitlines()[0] == "7 sites must be funded; places: 5; missing: 2."
    assert [repair.sentence for repair in caught.value.repairs] == [
        "raise the number of places to 7",
        "release s0 and s1 from the commitment",
    ]


def test_a_repair_that_leaves_another_conflict_goes_on_and_says_so():
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(signed(7, 12_000), q.Scenario(max_sites=5, budget_eur=70_000, language="en"))
    raised = next(repair for repair in caught.value.repairs if repair.rule == "max_sites")
    assert raised.sentence == "raise the number of places to 7; and raise the budget by 14,000 EUR to 84,000 EUR"
    assert q.allocate(*raised.apply(signed(7, 12_000), q.Scenario(max_sites=5, budget_eur=70_000))).funded_sites == 7


def test_a_committed_site_without_an_amount_is_named():
    table = signed(2, 4000).frame.reset_index()
    table.loc[1, ["min_eur", "max_eur"]] = [4050, 4090]
    with pytest.raises(q.InfeasibleScenario, match="No amount is possible for s1") as caught:
        q.allocate(q.Sites.from_frame(table), q.Scenario(language="en"))
    assert {rule.kind for rule in caught.value.conflict} == {"commitment", "min_eur", "max_eur", "step_eur"}


def test_more_sites_asked_for_than_may_be_funded():
    with pytest.raises(q.InfeasibleScenario, match="only 3 may be") as caught:
        q.allocate(signed(3, 0), q.Scenario(min_sites=4, committed=(), language="en"))
    assert [rule.kind for rule in caught.value.conflict] == ["min_sites"]


def test_a_scenario_in_german_is_refused_in_german():
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(signed(7, 12_000), q.Scenario())
    assert "7 Standorte brauchen mindestens 84.000 EUR; 80.000 EUR sind da; 4.000 EUR fehlen." in str(caught.value)


def partners(**changes) -> tuple[q.Sites, q.Scenario]:
    table = signed(4, 4000).frame.reset_index().assign(provider=["A", "A", "B", "B"])
    return q.Sites.from_frame(table), q.Scenario(language="en", **changes)


def test_a_group_that_cannot_be_kept_is_named_with_the_least_change():
    sites, scenario = partners(groups=[{"by": "provider", "name": "A", "max_eur": 7000}])
    with pytest.raises(q.InfeasibleScenario, match="The limits of A cannot be kept") as caught:
        q.allocate(sites, scenario)
    assert {rule.kind for rule in caught.value.conflict} == {"commitment", "groups.0", "min_eur"}
    eased = next(repair for repair in caught.value.repairs if repair.rule == "groups.0")
    assert eased.sentence == "change the limit max_eur of A to 8,000 EUR"
    for repair in caught.value.repairs:
        q.allocate(*repair.apply(sites, scenario))


def test_a_change_limit_that_no_amount_keeps_is_named():
    table = signed(1, 4000).frame.reset_index().assign(previous_eur=2000.0)
    with pytest.raises(q.InfeasibleScenario) as caught:
        q.allocate(q.Sites.from_frame(table), q.Scenario(max_change_share=0.5, language="en"))
    assert "max_change_share" in {rule.kind for rule in caught.value.conflict}
    assert any(repair.sentence == "raise the limit of change to 100.0%" for repair in caught.value.repairs)


def test_sites_may_end_where_no_greater_change_would_do():
    # The signed site has money enough only if the one that had some before gets none.
    table = signed(2, 4000).frame.reset_index().assign(status=["signed", "prospective"], previous_eur=[None, 4000.0])
    sites, scenario = q.Sites.from_frame(table), q.Scenario(budget_eur=4000, language="en")
    error = q.find_conflict(sites, scenario.replace(max_change_share=0.5, may_end=False))
    (eased,) = (repair for repair in error.repairs if repair.rule == "max_change_share")
    assert eased.sentence == "let sites end"
    _, mended = eased.apply(sites, scenario.replace(max_change_share=0.5, may_end=False))
    assert mended.may_end
    assert mended.max_change_share == 0.5


def test_a_group_that_names_nobody_is_refused_with_the_known_names():
    sites, scenario = partners(groups=[{"by": "provider", "name": "C", "max_eur": 7000}])
    with pytest.raises(q.PlainError, match="Known are “A”, “B”"):
        q.allocate(sites, scenario)


@pytest.mark.parametrize(("status", "known"), [(1, True), (2, False), (4, False)])
def test_what_the_solver_cannot_say_in_time_counts_as_possible(monkeypatch, status, known):
    rules = SimpleNamespace(n=1, low=np.array([1]), high=np.array([2]), must=np.array([True]), may=np.array([True]))
    rules.rows, rules.least, rules.most = None, None, None
    monkeypatch.setattr(crossing, "least", lambda *_: SimpleNamespace(x=None, status=status))
    assert crossing.possible(rules, 0.0) is known
