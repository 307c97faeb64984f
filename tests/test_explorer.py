"""Choices tried one after the other: any way through them, taken back, kept under names, compared, taken elsewhere."""

import errno
import math
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from small_city import fingerprint, write_city

import quartier as q
from quartier.explorer import MOST_COMPARED, TOTAL, _difference

SITES = q.Sites.from_frame(
    pd.DataFrame(
        {
            "site_id": ["park", "hill", "mill", "yard", "dock", "lane"],
            "name": ["Am Park", "Am Hügel", "Mühle", "Hof", "Hafen", "Gasse"],
            "need": [900.0, 700.0, 400.0, 300.0, 250.0, 100.0],
            "status": ["signed", "signed", "negotiating", "prospective", "prospective", "declined"],
            "scale_eur": [8000.0, 6000.0, 8000.0, 5000.0, 9000.0, 8000.0],
            "min_eur": 2000.0,
            "max_eur": 14000.0,
            "provider": ["AWO", "AWO", "DRK", "DRK", "AWO", "DRK"],
        }
    )
)
SCENARIO = q.Scenario(budget_eur=30_000, max_sites=4)


@pytest.fixture
def panel():
    return q.explore(SITES, SCENARIO)


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "kept"


def state(panel):
    """All that a refusal must not change."""
    amounts = None if panel.impossible else panel.plan.amounts.to_dict()
    return panel.scenario, panel.changes, panel.locks, amounts, panel.can_undo, panel.can_redo, sorted(panel.kept)


def same(plan, other):
    return (
        plan.amounts.equals(other.amounts)
        and plan.scenario == other.scenario
        and not _difference(plan.sites, other.sites)
        and plan.objective == other.objective
    )


def refused(panel, kind, *words):
    """Expect a refusal in these words that changes nothing and tells nobody."""

    class Refused:
        def __enter__(self):
            self.before, self.told = state(panel), []
            self.end = panel.subscribe(lambda: self.told.append(1))
            self.raises = pytest.raises(kind)
            self.error = self.raises.__enter__()

        def __exit__(self, *args):
            done = self.raises.__exit__(*args)
            self.end()
            assert all(word in str(self.error.value) for word in words), str(self.error.value)
            assert (state(panel), self.told) == (self.before, [])
            return done

    return Refused()


# --- any sequence -----------------------------------------------------------------------------------------------

SITE = st.sampled_from(SITES.site_ids)
CHOICE = st.one_of(
    st.fixed_dictionaries({"budget_eur": st.sampled_from([0, 1_000, 5_000, 20_000, 30_000, 60_000])}),
    st.fixed_dictionaries({"max_sites": st.integers(0, 7), "min_sites": st.sampled_from([0, 0, 2])}),
    st.fixed_dictionaries({"inequality_aversion": st.sampled_from([0.0, 0.5, 2.0, math.inf])}),
    st.fixed_dictionaries({"step_eur": st.sampled_from([100, 250, 1_000])}),
    st.fixed_dictionaries({"min_eur": st.sampled_from([None, 1_000, 3_000])}),
    st.fixed_dictionaries({"committed": st.sampled_from([[], ["signed"], ["signed", "negotiating"]])}),
    st.fixed_dictionaries(
        {"groups": st.sampled_from([[], [{"by": "provider", "name": "AWO", "max_eur": 15_000}]])},
    ),
    st.fixed_dictionaries(
        {"status": st.dictionaries(SITE, st.sampled_from(["signed", "declined", "negotiating", None]), max_size=2)}
    ),
    st.fixed_dictionaries({"min_eur": st.dictionaries(SITE, st.sampled_from([0, 1_500, 4_000, None]), max_size=2)}),
    st.fixed_dictionaries({"max_eur": st.dictionaries(SITE, st.sampled_from([5_000, 20_000, None]), max_size=2)}),
    st.fixed_dictionaries({"scale_eur": st.dictionaries(SITE, st.sampled_from([4_000, None]), max_size=2)}),
)


class AnyWay(RuleBasedStateMachine):
    """A panel beside a list of the states that it should have gone through."""

    def __init__(self):
        super().__init__()
        self.panel = q.explore(SITES, SCENARIO)
        self.told = self.expected = 0
        self.panel.subscribe(self.hear)
        self.past, self.at, self.names = [self.now()], 0, {}
        self.folder = tempfile.TemporaryDirectory()

    def hear(self):
        self.told += 1

    def now(self):
        return self.panel.scenario, self.panel.changes, self.panel.locks

    def went(self, did):
        """Do something that may be refused; note the state that it leads to."""
        before = self.now()
        try:
            did()
        except q.PlainError:
            assert self.now() == before
        if self.now() != before:
            self.at += 1
            self.past[self.at :] = [self.now()]
            self.expected += 1

    @rule(choice=CHOICE)
    def set(self, choice):
        self.went(lambda: self.panel.set(**choice))

    @rule(site=SITE, amount=st.sampled_from([None, 0, 2_000, 4_500, 9_000, 20_000]))
    def lock(self, site, amount):
        self.went(lambda: self.panel.lock(site, amount))

    @precondition(lambda self: self.panel.locks)
    @rule(number=st.integers(0, 5))
    def unlock(self, number):
        self.went(lambda: self.panel.unlock(sorted(self.panel.locks)[number % len(self.panel.locks)]))

    @precondition(lambda self: self.panel.impossible and self.panel.impossible.repairs)
    @rule(number=st.integers(0, 5))
    def repair(self, number):
        number %= len(self.panel.impossible.repairs)
        held, said = self.panel.locks, self.panel.impossible.repairs[number].sentence
        self.went(lambda: self.panel.repair(number))
        assert self.panel.impossible is None
        gone = held.keys() - self.panel.locks.keys()
        assert all(f"{SITES.frame.loc[site, 'name']} freigeben" in said for site in gone)

    @rule(name=st.sampled_from(["A", "B", "Größer"]))
    def keep(self, name):
        try:
            self.panel.keep(name, replace=True)
        except q.InfeasibleScenario:
            assert self.panel.impossible
        else:
            self.names[name] = self.now()
            self.expected += 1

    @precondition(lambda self: self.names)
    @rule(number=st.integers(0, 2))
    def load(self, number):
        name = sorted(self.names)[number % len(self.names)]
        self.went(lambda: self.panel.load(name))
        assert self.now() == self.names[name]

    @rule()
    def reset(self):
        self.went(self.panel.reset)
        assert self.now() == self.past[0]

    @rule()
    def go_through_a_file(self):
        path = Path(self.folder.name, "mine.yaml")
        self.panel.to_yaml(path)
        written = q.Scenario.from_yaml(path)
        if self.panel.impossible is None:
            assert q.allocate(SITES, written).amounts.equals(self.panel.plan.amounts)
        back = q.explore(SITES, written)
        assert back.scenario.replace(name=SCENARIO.name, title="") == self.panel.scenario
        assert not _difference(back.sites, self.panel.sites)

    @precondition(lambda self: self.panel.can_undo)
    @rule()
    def undo(self):
        self.panel.undo()
        self.at, self.expected = self.at - 1, self.expected + 1

    @precondition(lambda self: self.panel.can_redo)
    @rule()
    def redo(self):
        self.panel.redo()
        self.at, self.expected = self.at + 1, self.expected + 1

    @invariant()
    def the_plan_is_that_of_its_choices(self):
        panel = self.panel
        assert self.now() == self.past[self.at]
        assert not panel.scenario.sites
        assert (panel.can_undo, panel.can_redo) == (self.at > 0, self.at + 1 < len(self.past))
        assert self.told == self.expected
        fresh = q.Sites.from_frame(panel.sites.frame)
        if panel.impossible is None:
            assert same(q.allocate(fresh, panel.scenario), panel.plan)
            for site, amount in panel.locks.items():
                assert panel.plan.amounts[site] == pytest.approx(amount)
        else:
            with pytest.raises(q.InfeasibleScenario) as error:
                q.allocate(fresh, panel.scenario)
            if not panel.locks:  # of which `allocate` knows nothing
                assert str(panel.impossible) == str(error.value)
            assert same(q.allocate(panel.plan.sites, panel.plan.scenario), panel.plan)  # the last that was possible

    def teardown(self):
        self.folder.cleanup()
        here = self.now()
        while self.panel.can_undo:
            self.panel.undo()
        assert self.now() == self.past[0]
        while self.panel.can_redo:
            self.panel.redo()
        assert self.now() == self.past[-1]
        while self.now() != here:
            self.panel.undo()


test_any_way_through_the_choices_gives_their_plans_and_leads_back = AnyWay.TestCase
AnyWay.TestCase.settings = settings(max_examples=20, stateful_step_count=25)


# --- choosing ---------------------------------------------------------------------------------------------------


def test_a_number_is_the_floor_of_all_and_a_mapping_that_of_single_sites(panel):
    panel.set(min_eur=3_000)
    assert panel.scenario.min_eur == 3_000
    assert panel.changes == {}
    panel.set(min_eur=None)
    panel.set(min_eur={"hill": 9_000}, max_eur={"hill": 12_000}, scale_eur={"park": 7_500})
    assert panel.scenario == SCENARIO
    assert panel.changes == {"hill": {"min_eur": 9_000, "max_eur": 12_000}, "park": {"scale_eur": 7_500}}
    assert panel.plan.amounts["hill"] >= 9_000
    panel.set(min_eur={"hill": None}, max_eur={"hill": 14_000})
    assert panel.changes == {"park": {"scale_eur": 7_500}}


def test_talks_that_fail_take_a_site_out_and_it_can_come_back(panel):
    panel.set(budget_eur=60_000, max_sites=6)
    assert panel.plan.amounts["mill"] > 0
    panel.set(status={"mill": "declined"})
    assert panel.plan.amounts["mill"] == 0
    panel.set(status={"mill": "negotiating"})
    assert panel.plan.amounts["mill"] > 0
    assert panel.changes == {}


@pytest.mark.parametrize(
    ("choices", "kind", "words"),
    [
        ({"budget_eur": "acht tausend"}, q.ScenarioError, ["acht tausend", "eine Zahl wie 80000"]),
        ({"budget_eur": 1e13}, q.ScenarioError, ["höchstens 1.000.000.000.000"]),
        ({"budget_eur": 80.0}, q.ScenarioError, ["80000 oder 80"]),
        ({"budget_eur": math.nan}, q.ScenarioError, ["nan"]),
        (
            {"sites": {"park": {"status": "declined"}}},
            q.ScenarioError,
            ["jede Wahl unter ihrem eigenen Namen", 'status={"site_id"'],
        ),
        ({"sites": {}}, q.ScenarioError, ["jede Wahl unter ihrem eigenen Namen"]),
        ({"max_sites": 8.5}, q.ScenarioError, ["eine ganze Zahl"]),
        ({"max_eur": -5}, q.ScenarioError, ["mindestens 0"]),
        (
            {"budgt_eur": 1},
            q.ScenarioError,
            ["budgt_eur: gegeben kein Feld dieses Namens", "eines von budget_eur", "status"],
        ),
        ({"need": {"park": 10}, "nead": 1}, q.ScenarioError, ["nead", "need"]),
        ({"status": "declined"}, q.ScenarioError, ["ein Wert für jeden Standort"]),
        ({"scale_eur": 8_000}, q.ScenarioError, ["ein Wert für jeden Standort"]),
        ({"status": {"parc": "signed"}}, q.ScenarioError, ["parc", "eines von park, hill"]),
        ({"status": {"park": "gone"}}, q.DataError, ["gone", "signed"]),
        ({"max_eur": {"park": -5}}, q.DataError, ["max_eur", "0"]),
        ({"max_eur": {"park": 1_000}}, q.DataError, ["höchstens max_eur"]),
        ({"scale_eur": {"park": 0}}, q.DataError, ["scale_eur"]),
        ({"min_eur": {"park": "viel"}}, q.DataError, ["viel", "eine Zahl"]),
        ({"max_eur": {"park": 9.0}}, q.ScenarioError, ["9000 oder 9"]),
        ({"groups": [{"by": "provider", "name": "Nobody", "max_eur": 1}]}, q.PlainError, ["Nobody", "AWO"]),
        ({"months": {"parc": 6}}, q.PlainError, ["parc", "park"]),
        ({"need_weights": {"old": 1}}, q.PlainError, ["need_weights"]),
        ({"budget_eur": 20_000, "max_sites": "x"}, q.ScenarioError, ["max_sites"]),
        ({"status": {"park": "declined"}, "max_sites": "x"}, q.ScenarioError, ["max_sites"]),
    ],
)
def test_what_cannot_be_is_refused_in_words_and_changes_nothing(panel, choices, kind, words):
    panel.set(budget_eur=25_000)
    panel.undo()
    with refused(panel, kind, *words):
        panel.set(**choices)


@pytest.mark.parametrize("choices", [{"budget_eur": 1e12}, {"max_sites": 30}])
def test_more_money_and_places_than_there_are_sites_give_a_plan(panel, choices):
    panel.set(**choices)
    assert same(panel.plan, q.allocate(SITES, SCENARIO.replace(**choices)))


def test_a_floor_for_all_and_floors_of_single_sites_are_not_mixed(panel):
    panel.set(min_eur={"park": 5_000})
    with refused(panel, q.ScenarioError, "min_eur", "Am Park"):
        panel.set(min_eur=3_000)
    panel.reset()
    panel.set(max_eur=9_000)
    with refused(panel, q.ScenarioError, "max_eur", "Am Hügel"):
        panel.set(max_eur={"hill": 5_000})
    with refused(panel, q.ScenarioError, "max_eur", "Am Park"):
        panel.lock("park", 5_000)


def test_an_impossible_choice_leaves_the_last_plan_and_can_be_repaired(panel):
    before = panel.plan
    panel.set(budget_eur=1_000)
    assert panel.plan is before
    assert panel.scenario.budget_eur == 1_000
    said = panel._repr_mimebundle_()["text/plain"]
    assert all(line.strip() in said for line in str(panel.impossible).splitlines())
    for number, repair in enumerate(panel.impossible.repairs):
        sites, scenario = repair.apply(panel.sites, panel.scenario)
        panel.repair(number)
        assert same(panel.plan, q.allocate(sites, scenario))
        panel.undo()
    with refused(panel, q.PlainError, "Ausweg"):
        panel.repair(99)
    panel.undo()
    assert panel.plan is before
    with refused(panel, q.PlainError, "Ausweg"):
        panel.repair(0)


def test_a_lock_is_told_as_such_and_only_let_go_by_the_repair_that_says_so(panel):
    panel.set(min_eur={"mill": 3_000})
    panel.lock("mill", 9_000)
    panel.lock("hill", 3_000)
    panel.set(budget_eur=12_000)
    rules = [rule.sentence for rule in panel.impossible.conflict]
    assert "Mühle ist bei 9.000 EUR festgehalten" in rules
    assert not any("9.000" in rule and "Mindestbetrag" in rule for rule in rules)
    said = [repair.sentence for repair in panel.impossible.repairs]
    assert "Mühle freigeben" in said
    for number, sentence in enumerate(said):
        sites, scenario = panel.impossible.repairs[number].apply(panel.sites, panel.scenario)
        panel.repair(number)
        assert same(panel.plan, q.allocate(sites, scenario))
        assert panel.locks == ({"hill": 3_000} if sentence == "Mühle freigeben" else {"mill": 9_000, "hill": 3_000})
        assert panel.plan.amounts["hill"] == 3_000
        if sentence == "Mühle freigeben":  # it has again what it had before
            assert panel.changes == {"mill": {"min_eur": 3_000}}
            had = panel.sites.frame.loc["mill", ["min_eur", "max_eur", "status"]].tolist()
            assert had == [3_000, 14_000, "negotiating"]
        panel.undo()


def test_a_panel_that_begins_without_a_plan_says_so_until_it_is_repaired():
    panel = q.explore(SITES, SCENARIO.replace(budget_eur=0))
    with pytest.raises(q.InfeasibleScenario):
        _ = panel.plan
    assert "0 EUR" in panel._repr_mimebundle_()["text/plain"]
    panel.repair(0)
    assert panel.plan.amounts["park"] > 0


def test_going_back_solves_nothing_again(panel, monkeypatch):
    first = panel.plan
    panel.set(budget_eur=20_000)
    second = panel.plan
    monkeypatch.setattr("quartier.explorer.allocate", None)
    panel.undo()
    assert panel.plan is first
    panel.redo()
    assert panel.plan is second
    panel.set(budget_eur=30_000)
    assert same(panel.plan, first)


def test_nothing_to_take_back_is_said(panel):
    for move in (panel.undo, panel.redo):
        with refused(panel, q.PlainError, "Es gibt nichts"):
            move()


@pytest.mark.parametrize("given", [(None, SCENARIO), ("data", SCENARIO), (SITES, "baseline")])
def test_only_sites_and_a_scenario_can_be_explored(given):
    with pytest.raises(q.PlainError, match="explore"):
        q.explore(*given)


# --- locks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("site", "amount"), [("park", 5_000), ("mill", 2_500), ("yard", 0), ("dock", 14_000)])
def test_a_locked_site_gets_its_amount_and_the_lock_never_gains(panel, site, amount):
    free = panel.plan.benefit
    panel.lock(site, amount)
    assert panel.plan.amounts[site] == amount
    assert panel.cost_of_lock(site) == pytest.approx(free - panel.plan.benefit)
    assert panel.cost_of_lock(site) >= -1e-9
    panel.set(budget_eur=40_000)
    assert panel.plan.amounts[site] == amount
    panel.unlock(site)
    assert same(panel.plan, q.allocate(SITES, SCENARIO.replace(budget_eur=40_000)))


def test_a_lock_without_an_amount_holds_what_the_plan_gives(panel):
    had = panel.plan.amounts["park"]
    panel.lock("park")
    panel.set(budget_eur=20_000)
    assert panel.plan.amounts["park"] == had


def test_a_lock_holds_the_money_of_a_site_that_starts_later(panel):
    panel.set(months={"mill": 7})
    panel.lock("mill", 2_000)
    assert panel.plan.amounts["mill"] == 2_000
    panel.set(months={})
    assert panel.plan.amounts["mill"] == 2_000


@pytest.mark.parametrize(
    ("site", "amount", "words"),
    [
        ("parc", 2_000, ["parc", "park"]),
        ("park", 2_050, ["ein Vielfaches von 100"]),
        ("park", -100, ["-100"]),
        ("park", "viel", ["viel"]),
        ("park", True, ["True"]),
        ("park", math.nan, ["nan"]),
        ("park", 1_000, ["2.000 EUR", "14.000 EUR"]),
        ("lane", 3_000, ["abgelehnt"]),
    ],
)
def test_a_lock_that_cannot_hold_is_refused(panel, site, amount, words):
    with refused(panel, q.DataError, *words):
        panel.lock(site, amount)


def test_what_would_break_a_lock_is_refused(panel):
    panel.lock("park", 5_000)
    for choices in ({"status": {"park": "declined"}}, {"min_eur": {"park": 6_000}}, {"years": 2}, {"max_eur": 4_000}):
        with refused(panel, q.PlainError):
            panel.set(**choices)
    with refused(panel, q.PlainError, "hill", "park"):
        panel.unlock("hill")


# --- by hand, and why -------------------------------------------------------------------------------------------


def test_amounts_by_hand_are_measured_against_the_best_and_change_nothing(panel):
    before, best = state(panel), panel.plan
    assert panel.enter(best.amounts) == (best.benefit, 0, 0, 0, ())
    entered = panel.enter({"park": 10_000, "hill": 10_000})
    reached = 900 * (1 - math.exp(-10 / 8)) + 700 * (1 - math.exp(-10 / 6))
    assert entered.benefit == pytest.approx(reached)
    assert entered.lost_benefit == pytest.approx(best.benefit - reached) == entered.lost_share * best.benefit
    assert entered.broken_rules == ()
    broken = panel.enter({"park": 50_050, "lane": 2_000}).broken_rules
    assert broken == tuple(best.broken_rules(np.array([50_050, 0, 0, 0, 0, 2_000])))
    assert len(broken) >= 5
    assert state(panel) == before


@pytest.mark.parametrize("amounts", [{"parc": 1}, {"park": "viel"}, {"park": -1}, {"park": math.inf}])
def test_what_is_no_amount_is_refused_by_hand(panel, amounts):
    with refused(panel, q.DataError, *amounts):
        panel.enter(amounts)


def test_the_reason_of_a_site_is_that_of_the_plan(panel):
    assert panel.why("park") == panel.plan.explain("park")


# --- kept plans -------------------------------------------------------------------------------------------------


def test_kept_plans_are_there_again_in_a_new_panel(panel, folder):
    panel = q.explore(SITES, SCENARIO, folder=folder)
    panel.set(
        budget_eur=25_000, status={"mill": "declined"}, scale_eur={"park": 7_777.125}, inequality_aversion=math.inf
    )
    panel.lock("hill", 3_000)
    panel.keep("Größer, 25.000 EUR (A)")
    panel.keep("ohne")
    kept, choices = panel.plan, state(panel)[:4]
    again = q.explore(SITES, folder=folder)
    assert set(again.kept) == {"Größer, 25.000 EUR (A)", "ohne"}
    assert again.unreadable == {}
    again.load("Größer, 25.000 EUR (A)")
    assert same(again.plan, kept)
    assert state(again)[:4] == choices
    again.forget("ohne")
    assert set(q.explore(SITES, folder=folder).kept) == {"Größer, 25.000 EUR (A)"}


def test_a_name_is_used_once_or_replaced(folder):
    panel = q.explore(SITES, SCENARIO, folder=folder)
    panel.keep("A")
    other = q.explore(SITES, SCENARIO, folder=folder)
    other.keep("B")
    panel.set(budget_eur=20_000)
    with pytest.raises(q.PlainError, match="replace=True"):  # another panel has kept it in the meantime
        panel.keep("B")
    assert set(panel.kept) == {"A", "B"}
    for name in ("A", " A ", "B"):
        with refused(panel, q.PlainError, "replace=True"):
            panel.keep(name)
    panel.keep("A", replace=True)
    assert q.explore(SITES, folder=folder).kept["A"].scenario.budget_eur == 20_000
    assert len(list(folder.glob("*.yaml"))) == 2


@pytest.mark.parametrize(
    "name",
    [
        "../A",
        "a/b",
        "a\\b",
        "..",
        ".a",
        "",
        "  ",
        "<script>",
        "a&lt;",
        "x" * 61,
        "a\nb",
        "a\x00",
        "\u202eA",
        None,
        3,
        "a'b",
    ],
)
def test_a_name_that_is_a_path_or_markup_is_refused(folder, name):
    panel = q.explore(SITES, SCENARIO, folder=folder)
    for act in (panel.keep, panel.load, panel.forget):
        with refused(panel, q.PlainError):
            act(name)
    assert not folder.exists() or not list(folder.glob("*.yaml"))


@pytest.mark.parametrize("name", ["jetzt", "Beginn", "now", "beginning", "JETZT", " beginn "])
def test_a_name_that_the_panel_uses_itself_is_refused(panel, name):
    with refused(panel, q.PlainError, "Kein Plan kann", name.strip()):
        panel.keep(name)


def test_a_kept_file_cut_short_anywhere_is_told_and_left_alone(folder):
    panel = q.explore(SITES, SCENARIO, folder=folder)
    panel.set(budget_eur=25_000)
    panel.lock("park", 5_000)
    panel.keep("A")
    file = next(folder.glob("*.yaml"))
    whole = file.read_bytes()
    for end in range(len(whole) - 1):
        file.write_bytes(whole[:end])
        found = q.explore(SITES, SCENARIO, folder=folder)
        assert found.kept == {}
        assert file.name in found.unreadable[file.name]
    found.keep("A")  # beside the damaged one
    assert file.read_bytes() == whole[:end]
    assert set(q.explore(SITES, folder=folder).kept) == {"A"}
    assert file.name in found._repr_mimebundle_()["text/plain"]


def test_foreign_files_are_told_and_left_alone(folder):
    folder.mkdir()
    other = q.Sites.from_frame(SITES.frame.rename(index={"park": "moor"}))
    elsewhere = q.explore(other, SCENARIO, folder=folder)
    elsewhere.set(status={"moor": "declined"})
    elsewhere.keep("fremd")
    SCENARIO.to_yaml(folder / "scenario.yaml")
    (folder / "list.yaml").write_text("- 1\n")
    (folder / "tag.yaml").write_text("kept: !!python/object:os.system x\n")
    (folder / "folder.yaml").mkdir()
    (folder / "notes.txt").write_text("by hand")
    before = fingerprint(folder)
    panel = q.explore(SITES, SCENARIO, folder=folder)
    assert panel.kept == {}
    assert set(panel.unreadable) == {p.name for p in folder.glob("*.yaml")}
    assert "moor" in " ".join(panel.unreadable.values())
    assert fingerprint(folder) == before


def test_plans_that_were_kept_with_other_data_are_told(folder):
    q.explore(SITES, SCENARIO, folder=folder).keep("A")
    later = q.explore(SITES.replace({"park": {"scale_eur": 9_000}}), SCENARIO, folder=folder)
    assert later.of_other_data == ("A",)
    assert "A" in later._repr_mimebundle_()["text/plain"].splitlines()[-1 - len(later.plan.table()) - 3]
    assert q.explore(SITES, SCENARIO, folder=folder).of_other_data == ()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES])
@pytest.mark.parametrize("at", ["write", "replace"])
def test_a_disk_that_takes_nothing_is_told_and_the_kept_plan_stays(folder, monkeypatch, code, at):
    panel = q.explore(SITES, SCENARIO, folder=folder)
    panel.keep("A")
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    panel.set(budget_eur=20_000)

    def fail(*args, **kwargs):
        raise OSError(code, "no")

    with monkeypatch.context() as patch:
        patch.setattr(*(("os.fsync", fail) if at == "write" else (Path, "replace", fail)))
        with refused(panel, q.PlainError, "geschrieben"):
            panel.keep("A", replace=True)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert panel.kept["A"].scenario.budget_eur == 30_000


def test_a_file_in_the_place_of_the_folder_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(q.PlainError, match="file"):
        q.explore(SITES, SCENARIO, folder=tmp_path / "file")
    (tmp_path / "file").unlink()
    panel = q.explore(SITES, SCENARIO, folder=tmp_path / "file" / "deep")
    (tmp_path / "file").write_text("x")
    with refused(panel, q.PlainError, "file"):
        panel.keep("A")


def test_without_a_folder_plans_last_as_long_as_the_panel(panel):
    panel.keep("A")
    assert set(panel.kept) == {"A"}
    panel.forget("A")
    assert panel.kept == {}


def test_an_impossible_plan_is_not_kept(panel):
    panel.set(budget_eur=0)
    with refused(panel, q.InfeasibleScenario):
        panel.keep("A")


# --- comparing --------------------------------------------------------------------------------------------------


def test_a_comparison_says_who_gains_and_loses_and_what_it_costs(panel):
    first = panel.plan
    panel.keep("A")
    panel.set(budget_eur=20_000)
    second = panel.plan
    panel.keep("B")
    panel.set(status={"hill": "declined"})
    table = panel.compare("A", "B", None)
    sites, total = table.drop(index=TOTAL), table.loc[TOTAL]
    assert sites["B amount_eur"].equals(second.amounts.rename("B amount_eur"))
    assert sites["B change_eur"].to_dict() == (second.amounts - first.amounts).to_dict()
    assert total["B change_eur"] == second.spent_eur - first.spent_eur
    assert total["A benefit"] == pytest.approx(first.benefit)
    assert total["B lost_benefit"] == pytest.approx(first.benefit - second.benefit)
    assert total["jetzt benefit"] == pytest.approx(panel.plan.benefit)
    assert "A change_eur" not in table
    assert set(table.columns) == {"name", *table.attrs["headings"]}
    changed = panel.changed("A")
    assert changed.to_dict() == {k: v for k, v in (panel.plan.amounts - first.amounts).items() if v}
    assert panel.changed().equals(changed)
    assert panel.changed(since="B").sum() == pytest.approx(panel.plan.spent_eur - second.spent_eur)


def test_only_kept_plans_are_compared_and_no_more_than_four(panel):
    for name in "ABCDE":
        panel.keep(name)
    assert len(panel.compare(*"ABCD")) == len(SITES) + 1
    for names in ((), "ABCDE", "AA"):
        with refused(panel, q.PlainError, str(MOST_COMPARED), "Nebeneinander"):
            panel.compare(*names)
    for ask in (panel.compare, panel.changed, panel.load, panel.forget):
        with refused(panel, q.PlainError, "„X“", "„A“"):
            ask("X")


# --- taking it elsewhere ----------------------------------------------------------------------------------------


def test_the_scenario_file_gives_the_same_amounts_as_a_run_would(tmp_path):
    city = write_city(tmp_path / "city")
    sites = q.load(city)
    panel = q.explore(sites, q.Scenario.named("baseline", city))
    panel.set(budget_eur=16_500, need_weights={"old": 1.125, "very_old": 3}, inequality_aversion=0.5)
    panel.to_yaml(city / "scenarios" / "mine.yaml")
    plan = q.allocate(sites, q.Scenario.named("mine", city))
    assert plan.amounts.equals(panel.plan.amounts)
    fresh = q.explore(sites)
    fresh.set(status={"hill": "declined"})
    fresh.from_yaml(city / "scenarios" / "mine.yaml")
    assert fresh.plan.amounts.equals(plan.amounts)
    assert fresh.changes == {}
    fresh.undo()
    assert fresh.changes == {"hill": {"status": "declined"}}


def test_a_changed_scenario_does_not_go_into_a_file_under_its_old_title(tmp_path):
    panel = q.explore(SITES, SCENARIO.replace(title="Ausgangslage"))
    panel.to_yaml(tmp_path / "same.yaml")
    panel.set(budget_eur=20_000)
    panel.to_yaml(tmp_path / "other.yaml")
    titles = [q.Scenario.from_yaml(tmp_path / name).title for name in ("same.yaml", "other.yaml")]
    assert titles == ["Ausgangslage", "Ausgangslage (geändert)"]


def test_the_title_says_that_choices_are_no_longer_those_that_brought_it(tmp_path):
    panel = q.explore(SITES, SCENARIO.replace(title="Ausgangslage"))
    assert panel.title == "Ausgangslage"
    panel.set(language="en")
    assert panel.title == "Ausgangslage"
    panel.lock("park")
    assert panel.title == "Ausgangslage (changed)"
    panel.undo()
    assert panel.title == "Ausgangslage"
    SCENARIO.replace(name="cut", title="Kürzung", budget_eur=20_000).to_yaml(tmp_path / "cut.yaml")
    panel.from_yaml(tmp_path / "cut.yaml")
    assert panel.title == "Kürzung"
    panel.set(budget_eur=19_000)
    assert panel.title == "Kürzung (geändert)"


def test_what_is_chosen_and_locked_at_single_sites_stands_in_the_scenario_file(panel, tmp_path):
    panel.set(status={"mill": "declined"}, max_eur={"park": 9_000}, months={"park": 7})
    panel.lock("park", 4_100)
    panel.lock("dock", 3_000)
    panel.to_yaml(tmp_path / "mine.yaml")
    scenario = q.Scenario.from_yaml(tmp_path / "mine.yaml")
    assert scenario.choices()["sites"] == {
        "mill": {"status": "declined"},
        "park": {"min_eur": 4_100 / (7 / 12), "max_eur": 4_100 / (7 / 12)},
        "dock": {"status": "signed", "min_eur": 3_000, "max_eur": 3_000},
    }
    plan = q.allocate(SITES, scenario)
    assert plan.amounts.equals(panel.plan.amounts)
    assert plan.amounts[["park", "dock", "mill"]].tolist() == [4_100, 3_000, 0]
    assert plan.scenario == scenario


def test_a_panel_takes_the_choices_of_a_scenario_for_its_own(panel, tmp_path):
    scenario = SCENARIO.replace(
        sites={"mill": {"status": "declined"}, "park": {"max_eur": 9_000.0, "status": "signed"}}
    )
    plan = q.allocate(SITES, scenario)
    begun = q.explore(SITES, scenario, folder=tmp_path)
    scenario.to_yaml(tmp_path / "x.yaml")
    panel.from_yaml(tmp_path / "x.yaml")
    for one in (begun, panel):
        assert one.scenario == SCENARIO
        assert one.changes == {"mill": {"status": "declined"}, "park": {"max_eur": 9_000}}
        assert one.plan.amounts.equals(plan.amounts)
        one.set(status={"mill": "signed"})
        assert one.plan.sites.frame.loc["mill", "status"] == "signed"
        one.undo()
    begun.keep("A")
    begun.set(max_eur={"park": None})
    again = q.explore(SITES, scenario, folder=tmp_path)
    again.load("A")
    assert again.changes == panel.changes
    names = {"sites": SITES}
    exec(panel.python(), names)
    assert same(names["plan"], panel.plan)


def test_a_choice_at_a_single_site_does_not_go_into_a_file_under_the_old_title(tmp_path):
    panel = q.explore(SITES, SCENARIO.replace(title="Ausgangslage", sites={"mill": {"status": "declined"}}))
    panel.to_yaml(tmp_path / "same.yaml")
    panel.lock("park", 4_000)
    panel.to_yaml(tmp_path / "other.yaml")
    titles = [q.Scenario.from_yaml(tmp_path / name).title for name in ("same.yaml", "other.yaml")]
    assert titles == ["Ausgangslage", "Ausgangslage (geändert)"]


def test_a_scenario_file_needs_a_name_and_a_folder(panel, tmp_path):
    for path in ("Bad Name.yaml", "x.txt", "no/such/folder.yaml"):
        with refused(panel, q.PlainError):
            panel.to_yaml(tmp_path / path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "text",
    [
        "name: x\ngroups: [{by: provider, name: Elsewhere, max_eur: 1}]\n",
        "name: x\nmonths: {moor: 6}\n",
        "name: x\nsites: {moor: {status: signed}}\n",
        "name: x\nneed_weights: {old: 1}\n",
        "name: x\nbudget_eur: acht tausend\n",
        "name: x\nbudget_eur: 80.000\n",
        "name: x\ngroups: [{by: prov",
        "",
    ],
)
def test_a_scenario_file_of_another_city_or_a_damaged_one_is_refused(panel, tmp_path, text):
    (tmp_path / "x.yaml").write_text(text)
    with refused(panel, q.PlainError):
        panel.from_yaml(tmp_path / "x.yaml")
    with refused(panel, q.ScenarioError):
        panel.from_yaml(tmp_path / "none.yaml")


def test_the_python_gives_this_very_plan(panel):
    panel.set(
        budget_eur=25_000.5,
        inequality_aversion=math.inf,
        groups=[{"by": "provider", "name": "AWO", "max_share": 0.6}],
        committed=[],
        status={"mill": "declined"},
        title='"; raise SystemExit #',
    )
    panel.set(committed=["signed"], months={"park": 7})
    panel.lock("dock", 3_000)
    names = {"sites": SITES}
    exec(panel.python(), names)
    assert same(names["plan"], panel.plan)


# --- for a widget -----------------------------------------------------------------------------------------------


def test_a_subscriber_hears_each_change_once_and_its_error_breaks_nothing(panel, caplog):
    told = []
    panel.subscribe(lambda: 1 / 0)
    end = panel.subscribe(lambda: told.append(panel.scenario.budget_eur))
    panel.set(budget_eur=20_000, max_sites=3)
    panel.set(budget_eur=20_000)
    panel.undo()
    panel.keep("A")
    assert told == [20_000, 30_000, 30_000]
    assert "ZeroDivisionError" in caplog.text
    end()
    panel.redo()
    assert len(told) == 3


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_panel_shows_its_plan_in_a_notebook(language):
    panel = q.explore(SITES, SCENARIO.replace(language=language))
    panel.lock("park", 5_000)
    panel.set(status={"mill": "declined"})
    panel.keep("A")
    bundle = panel._repr_mimebundle_(include=None, exclude=None)
    assert set(bundle) == {"text/html", "text/plain"}
    for text in bundle.values():
        for word in (*panel.plan.summary()[:2], *SITES.frame["name"], "A"):
            assert word.replace(" EUR", "") in text.replace("&nbsp;EUR", "").replace(" EUR", "")
    assert "<table>" in bundle["text/html"]


def test_markup_in_the_data_stays_text():
    panel = q.explore(SITES.replace({"park": {"name": "<script>x</script>"}}), SCENARIO)
    panel.lock("park", 5_000)
    assert "<script>" not in panel._repr_mimebundle_()["text/html"]


def test_a_relative_folder_is_found_from_a_notebooks_folder_as_the_data_are(tmp_path, monkeypatch):
    write_city(tmp_path / "data")
    (tmp_path / "outputs").mkdir()
    (tmp_path / "notebooks").mkdir()
    for place in ("", "notebooks"):
        monkeypatch.chdir(tmp_path / place)
        q.explore(SITES, SCENARIO, folder="outputs/kept").keep(f"from {place}")
    assert len(list((tmp_path / "outputs" / "kept").glob("*.yaml"))) == 2
    assert list((tmp_path / "notebooks").iterdir()) == []
    q.explore(SITES, SCENARIO, folder="elsewhere/kept").keep("mine")
    assert [path.name for path in (tmp_path / "notebooks").iterdir()] == ["elsewhere"]
