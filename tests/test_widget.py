"""A panel on a page: what a person does there is what Python would do; nothing typed there can do harm; nobody waits for the past."""

import contextlib
import io
import json
import math
import threading
import time
import zipfile

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from small_city import write_city
from test_explorer import SCENARIO, SITES, state

import quartier as q
from quartier import explorer, screen, widget

# --- a page without a browser -----------------------------------------------------------------------------------


class Page:
    """Does what the page does, in this thread: an action, then the answer."""

    def __init__(self, panel):
        self.panel, self.host = panel, widget._Host(panel)
        self.files, self.sent = [], 0
        self.host.shown.send = lambda content, buffers=None: self.files.append((content, buffers))

    def do(self, do, **more):
        self.sent += 1
        self.host._answer({"do": do, "client": "here", "n": self.sent, **more})
        assert self.screen["ack"] == ["here", self.sent]
        return self.screen["message"]

    def set(self, key, value, **more):
        return self.do("set", id=key, value=value, at=key, **more)

    def wait_for(self, n):
        """Wait until an action that was sent from elsewhere is answered."""
        deadline = time.monotonic() + 20
        while self.screen["ack"] != ["here", n] and time.monotonic() < deadline:
            time.sleep(0.01)

    @property
    def screen(self):
        return self.host.shown.screen

    def controls(self):
        return [one for group in self.screen["groups"] for one in group["controls"]]

    def amounts(self):
        return {row["id"]: row["amount"] for row in self.screen["answer"]["rows"]}


@pytest.fixture
def page():
    return Page(q.explore(SITES, SCENARIO))


@pytest.fixture
def city(tmp_path):
    return q.load(write_city(tmp_path / "data"))


def as_sent(one):
    """What a control sends for the value that it has."""
    return None if one.get("on") is False else one["value"]


# --- choices ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_control_sends_back_what_it_shows_and_changes_nothing(city, language):
    for sites in (SITES, city):
        page = Page(
            q.explore(sites, SCENARIO.replace(language=language, inequality_aversion=0.5, max_change_share=0.3))
        )
        tried = 0
        for one in page.controls():
            if one["kind"] in ("range", "choice", "check"):
                assert page.set(one["id"], as_sent(one)) is None, one
                assert not page.panel.can_undo, one
                tried += 1
            if one["kind"] == "range" and one.get("on") is not False:
                assert page.set(one["id"], one["text"]) is None, one
                assert not page.panel.can_undo, one
        assert tried > 15


@pytest.mark.parametrize(
    ("key", "value", "field", "chosen"),
    [
        ("budget_eur", "27.500 EUR", "budget_eur", 27_500),
        ("budget_eur", 27_500.0, "budget_eur", 27_500),
        ("budget_eur", "27500,50", "budget_eur", 27_500.5),
        ("reserve_eur", "1.000", "reserve_eur", 1_000),
        ("max_sites", "3", "max_sites", 3),
        ("min_eur", "2.500", "min_eur", 2_500),
        ("max_eur", 9_000, "max_eur", 9_000),
        ("max_change_share", "15", "max_change_share", 0.15),
        ("inequality_aversion", "1,5", "inequality_aversion", 1.5),
        ("leximin", True, "inequality_aversion", math.inf),
        ("response", "linear", "response", "linear"),
        ("method", "equal-split", "method", "equal-split"),
        ("rule:negotiating", "must", "committed", ("negotiating", "signed")),
        ("rule:signed", "may", "committed", ()),
        ("rule:prospective", "not", "excluded", ("declined", "prospective")),
        ("language", "en", "language", "en"),
    ],
)
def test_a_control_changes_the_choice_that_it_names(page, key, value, field, chosen):
    assert page.set(key, value) is None
    assert getattr(page.panel.scenario, field) == chosen


@pytest.mark.parametrize(
    ("key", "value", "changes"),
    [
        ("status:mill", "declined", {"mill": {"status": "declined"}}),
        ("min_eur:hill", "3.000", {"hill": {"min_eur": 3_000}}),
        ("max_eur:hill", "9.000", {"hill": {"max_eur": 9_000}}),
        ("scale", 50, {site: {"scale_eur": s / 2} for site, s in SITES.frame["scale_eur"].items()}),
    ],
)
def test_a_control_of_single_sites_changes_these(page, key, value, changes):
    assert page.set(key, value) is None
    assert page.panel.changes == changes


def test_a_scale_of_100_per_cent_is_that_of_the_data(page):
    page.set("scale", 150)
    assert page.panel.changes
    page.set("scale", 100)
    assert page.panel.changes == {}


def test_weights_are_those_of_the_data_until_one_is_changed(city):
    page = Page(q.explore(city, SCENARIO))
    name, base = next(iter(city.weights.items()))
    page.set(f"weight:{name}", base + 0.5)
    assert page.panel.scenario.need_weights == {**city.weights, name: base + 0.5}
    page.set(f"weight:{name}", base)
    assert page.panel.scenario.need_weights == {}


def test_a_limit_is_added_changed_and_removed(page):
    add = {"partner": "provider:AWO", "at": "limits"}
    assert page.do("limit_add", limit="max_eur", value="15.000", **add) is None
    assert page.do("limit_add", limit="max_share", value="40", **add) is None
    assert page.do("limit_add", limit="max_eur", value="12.000", **add) is None
    (group,) = page.panel.scenario.groups
    assert (group.max_eur, group.max_share) == (12_000, 0.4)
    limits = next(one for one in page.controls() if one["kind"] == "limits")
    assert [one["label"] for one in limits["rules"]] == [
        "Träger: AWO \u2013 höchstens 40,0\u00a0%",
        "Träger: AWO \u2013 höchstens 12.000 EUR",
    ]
    for one in limits["rules"]:
        assert page.do("limit_remove", id=one["id"], at="limits") is None
    assert page.panel.scenario.groups == ()


# --- what must not be -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("budget_eur", "acht tausend", "„acht tausend“ ist keine Zahl"),
        ("budget_eur", "1e12", "keine Zahl"),
        ("budget_eur", "80.0", "keine Zahl"),
        ("budget_eur", "1,240", "keine Zahl"),
        ("budget_eur", "", "Hier fehlt eine Zahl"),
        ("budget_eur", "∞", "keine Zahl"),
        ("budget_eur", "-5", "mindestens 0"),
        ("budget_eur", "9999999999999999", "höchstens"),
        ("max_eur", "-100", "mindestens 0"),
        ("max_eur:hill", "-100", "erwartet"),
        ("max_sites", "2,5", "ganze Zahl"),
        ("max_sites", "-1", "mindestens 0"),
        ("max_change_share", "-3", "mindestens 0"),
        ("status:mill", "gone", "erwartet"),
        ("status:nowhere", "signed", "erwartet"),
        ("response", "steil", "erwartet"),
        ("min_sites", "5", "„Plätze: höchstens“ (4)"),
        ("language", "fr", "erwartet"),
    ],
)
def test_a_wrong_entry_is_told_at_its_place_and_changes_nothing(page, key, value, words):
    before = state(page.panel)
    message = page.set(key, value)
    assert message["error"]
    assert message["at"] == key
    assert words in " ".join(message["lines"]), message
    assert state(page.panel) == before


def test_more_places_than_sites_are_no_fault_but_are_told(page):
    assert page.set("max_sites", "30") is None
    assert any("30" not in one["note"] and "(6)" in one["note"] for one in page.controls() if one["id"] == "max_sites")


@pytest.mark.parametrize("name", ["../x", "<script>alert(1)</script>", "", ".hidden", "a/b", "x" * 61, "\u202e"])
def test_no_name_of_a_kept_plan_is_a_path_or_markup(page, name):
    message = page.do("keep", name=name, at="keep")
    assert message["error"]
    assert message["at"] == "keep"
    assert page.panel.kept == {}


@pytest.mark.parametrize("name", ["../x", "A B", "", "x" * 61, "ä"])
def test_no_name_of_a_scenario_file_is_a_path(page, name):
    message = page.do("yaml", name=name, at="yaml")
    assert message["error"]
    assert page.files == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name: [",
        "budget_eur: viel\n",
        "a: &a [*a]\n",
        "\x00",
        "groups: [{by: provider, name: Nobody, max_eur: 5}]\n",
        "x" * 200_000,
    ],
)
def test_a_scenario_file_that_is_none_or_another_city_s_is_told(page, text):
    before = state(page.panel)
    message = page.do("open", name="../böse<b>.yaml", text=text, at="open")
    assert message["error"]
    assert state(page.panel) == before


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"do": "set"},
        {"do": "set", "id": "no_such", "value": 1},
        {"do": "set", "id": "budget_eur", "value": {"a": 1}},
        {"do": "set", "id": "budget_eur", "value": True},
        {"do": "set", "id": "budget_eur", "times": "x"},
        {"do": "set", "id": "budget_eur", "times": math.inf},
        {"do": "set", "id": "response", "times": 2},
        {"do": "__init__"},
        {"do": "repair", "number": "x"},
        {"do": "limit_remove", "id": "9:max_eur"},
        {"do": "limit_add", "partner": "", "limit": "max_eur", "value": "5"},
        {"do": "compare", "names": 7},
    ],
)
def test_what_no_page_would_send_is_answered_and_changes_nothing(page, action):
    before = state(page.panel)
    page.host._answer({**action, "client": "here", "n": 1})
    assert page.screen["message"]["error"]
    assert page.screen["ack"] == ["here", 1]
    assert state(page.panel) == before


# --- the answer -------------------------------------------------------------------------------------------------


class AnyClick(RuleBasedStateMachine):
    """Whatever is done on the page, it shows the plan that `allocate` gives, and what was done can be undone."""

    def __init__(self):
        super().__init__()
        self.page = Page(q.explore(SITES, SCENARIO))

    @rule(data=st.data())
    def turn(self, data):
        one = data.draw(
            st.sampled_from([one for one in self.page.controls() if one["kind"] in ("range", "choice", "check")])
        )
        if one["kind"] == "range":
            value = data.draw(st.sampled_from([one["min"], one["max"] / 2, one["max"], one["text"], "x", None]))
        elif one["kind"] == "choice":
            value = data.draw(st.sampled_from([option["value"] for option in one["options"]]))
        else:
            value = not one["value"]
        self.page.set(one["id"], value, sliding=data.draw(st.booleans()))

    @rule(do=st.sampled_from(["undo", "redo", "reset", "settle", "hand", "hand_end"]))
    def press(self, do):
        self.page.do(do, at=do)

    @rule(site=st.sampled_from(SITES.site_ids), value=st.sampled_from(["0", "2.000", "5.000", "abc"]))
    def site(self, site, value):
        self.page.do("ask", site=site)
        self.page.do("lock", site=site, value=value, at="lock")
        self.page.do("hand", site=site, value=value, at="hand")

    @rule(site=st.sampled_from(SITES.site_ids))
    def unlock(self, site):
        self.page.do("unlock", site=site, at="lock")

    @rule(name=st.sampled_from(["A", "B", "C"]), do=st.sampled_from(["keep", "load", "forget", "since"]))
    def named(self, name, do):
        self.page.do(do, name=name, at=do)

    @rule(names=st.lists(st.sampled_from(["", explorer.START, "A", "B", "C", "D"]), max_size=5))
    def compare(self, names):
        self.page.do("compare", names=names, at="compare")

    @rule(number=st.integers(0, 3))
    def repair(self, number):
        self.page.do("repair", number=number)

    @invariant()
    def it_shows_the_plan(self):
        screen, panel = self.page.screen, self.page.panel
        json.dumps(screen, allow_nan=False)
        message = screen["message"]
        assert not (message and message["error"] and "nicht verstanden" in message["lines"][0]), message
        if panel.impossible is None:
            fresh = q.allocate(panel.sites, panel.scenario)
            assert self.page.amounts() == fresh.amounts.to_dict()
            assert screen["impossible"] is None
        else:
            assert len(screen["impossible"]["repairs"]) == len(panel.impossible.repairs)
        assert (screen["can_undo"], screen["can_redo"]) == (panel.can_undo, panel.can_redo)

    def teardown(self):
        while self.page.panel.can_undo:
            self.page.do("undo")
        assert (self.page.panel.scenario, self.page.panel.changes, self.page.panel.locks) == (SCENARIO, {}, {})


TestAnyClick = AnyClick.TestCase
TestAnyClick.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)


def test_a_slider_that_was_dragged_is_one_step_back(page):
    for budget in (29_000, 28_000, 20_000, 24_000):
        page.set("budget_eur", budget, sliding=True)
    assert page.panel.plan.scenario.budget_eur == 24_000
    page.do("undo")
    assert page.panel.scenario == SCENARIO
    assert not page.panel.can_undo


def test_a_slider_that_came_back_leaves_no_step(page):
    page.set("budget_eur", 29_000, sliding=True)
    page.set("budget_eur", 30_000, sliding=True)
    page.do("settle")
    assert not page.panel.can_undo
    assert page.screen["can_undo"] is False


def test_a_button_that_cuts_by_a_share_counts_from_what_was_asked_last(page):
    (budget,) = (one for one in page.controls() if one["id"] == "budget_eur")
    cut = budget["jumps"][0]["times"]
    page.set("budget_eur", 20_000, sliding=True)
    for _ in range(3):
        assert page.do("set", id="budget_eur", times=cut, at="budget_eur") is None
    assert page.panel.scenario.budget_eur == 14_580
    assert page.do("set", id="budget_eur", times=cut, at="budget_eur") is None
    assert page.do("set", id="budget_eur", times=cut, at="budget_eur") is None
    assert page.panel.scenario.budget_eur == 11_810  # of 11,809.80: in whole EUR
    page.do("undo")
    page.do("undo")
    page.do("undo")
    assert page.panel.scenario.budget_eur == 16_200


def test_two_sliders_are_two_steps(page):
    page.set("budget_eur", 29_000, sliding=True)
    page.set("max_sites", 3, sliding=True)
    page.set("budget_eur", 28_000, sliding=True)
    steps = 0
    while page.panel.can_undo:
        page.do("undo")
        steps += 1
    assert steps == 3


def test_what_python_changes_is_shown_on_the_page(page):
    page.panel.set(budget_eur=20_000)
    deadline = time.monotonic() + 20
    while page.amounts() != page.panel.plan.amounts.to_dict() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert page.amounts() == page.panel.plan.amounts.to_dict()


def test_an_impossible_wish_keeps_the_last_plan_and_a_repair_mends_it(page):
    before = page.amounts()
    page.set("budget_eur", "3.000")
    assert page.screen["impossible"]["repairs"]
    assert page.amounts() == before
    page.do("repair", number=0)
    assert page.screen["impossible"] is None
    assert page.amounts() == q.allocate(page.panel.sites, page.panel.scenario).amounts.to_dict()


# --- stopping ---------------------------------------------------------------------------------------------------


def test_a_long_computation_can_be_stopped_and_changes_nothing(monkeypatch):
    panel = q.explore(SITES, SCENARIO)
    page, begun = Page(panel), threading.Event()

    def endless(*_):
        begun.set()
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(explorer, "allocate", endless)
    page.host._heard(None, {"do": "set", "id": "budget_eur", "value": 20_000, "client": "here", "n": 7}, None)
    assert begun.wait(20)
    page.host._heard(None, {"do": "ping", "client": "here"}, None)
    assert page.files[-1][0]["kind"] == "pong"
    page.host._heard(None, {"do": "stop", "client": "here"}, None)
    page.wait_for(7)
    assert "Angehalten" in page.screen["message"]["lines"][0]
    assert panel.scenario == SCENARIO
    assert not panel.can_undo
    monkeypatch.undo()
    page.set("budget_eur", 20_000)
    assert panel.scenario.budget_eur == 20_000


def test_a_search_for_a_plan_ends_by_itself_and_changes_nothing(monkeypatch):
    panel = q.explore(SITES, SCENARIO)
    page = Page(panel)

    def endless(*_):
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(widget, "PATIENCE_S", 0.3)
    monkeypatch.setattr(explorer, "allocate", endless)
    page.host._heard(None, {"do": "set", "id": "budget_eur", "value": 20_000, "client": "here", "n": 7}, None)
    page.wait_for(7)
    assert "Angehalten" in page.screen["message"]["lines"][0]
    assert panel.scenario == SCENARIO


def test_a_search_beside_the_plan_ends_by_itself_and_the_plan_stays(monkeypatch):
    page = Page(q.explore(SITES, SCENARIO))

    def endless(*_):
        while True:
            time.sleep(0.001)

    monkeypatch.setattr(widget, "REST_S", 0.3)  # PATIENCE_S stays: the test would take as long
    monkeypatch.setattr(screen, "sentences", endless)
    page.host._heard(None, {"do": "set", "id": "budget_eur", "value": 20_000, "client": "here", "n": 7}, None)
    page.wait_for(7)
    assert page.screen["message"]["lines"][0].startswith("Das ist geschehen.")
    assert page.amounts() == q.allocate(SITES, SCENARIO.replace(budget_eur=20_000)).amounts.to_dict()
    page.host._heard(None, {"do": "code", "on": True, "client": "here", "n": 8}, None)
    page.wait_for(8)  # the search is not begun again
    assert page.screen["message"] is None


def test_who_asks_about_a_site_waits_for_its_reasons_longer_than_who_moves_on(monkeypatch):
    page = Page(q.explore(SITES, SCENARIO))
    slow = threading.Event()
    monkeypatch.setattr(widget, "REST_S", 0.2)
    monkeypatch.setattr(screen, "about_site", lambda *_: slow.wait(0.6) or ())
    site = SITES.site_ids[0]
    page.host._heard(None, {"do": "ask", "site": site, "client": "here", "n": 7}, None)
    page.wait_for(7)
    assert page.screen["message"] is None
    page.host._heard(None, {"do": "set", "id": "budget_eur", "value": 20_000, "client": "here", "n": 8}, None)
    page.wait_for(8)
    assert page.screen["message"]["lines"][0].startswith("Das ist geschehen.")
    assert page.screen["answer"]["asked"]["id"] == site  # it stays open


def test_an_end_that_was_not_heard_is_told_again_and_the_next_action_is_answered(monkeypatch):
    page = Page(q.explore(SITES, SCENARIO))
    heard = []

    def deaf(*_):
        while len(heard) < 3:  # as in a callback of a library, where nothing that is raised goes any further
            with contextlib.suppress(SystemExit):
                while True:
                    time.sleep(0.001)
            heard.append(1)
        return ()

    monkeypatch.setattr(widget, "REST_S", 0.2)
    monkeypatch.setattr(screen, "sentences", deaf)
    page.host._heard(None, {"do": "set", "id": "budget_eur", "value": 20_000, "client": "here", "n": 7}, None)
    page.wait_for(7)
    assert len(heard) == 3
    page.host._heard(None, {"do": "undo", "client": "here", "n": 8}, None)
    page.wait_for(8)
    assert page.screen["seq"] == 3  # each action once, stopped or not
    assert page.amounts() == q.allocate(SITES, SCENARIO).amounts.to_dict()


def test_to_stop_what_is_not_under_way_does_nothing(page):
    page.host._heard(None, {"do": "stop"}, None)
    assert page.set("budget_eur", 20_000) is None


# --- taking it elsewhere ----------------------------------------------------------------------------------------


def test_the_scenario_file_gives_the_same_amounts(page, tmp_path):
    page.set("budget_eur", "27.000")
    page.set("status:mill", "declined")
    assert page.do("yaml", name="ohne-muehle", at="yaml")["lines"] == ["Heruntergeladen: ohne-muehle.yaml"]
    ((content, (data,)),) = page.files
    assert (content["kind"], content["client"], content["name"]) == ("file", "here", "ohne-muehle.yaml")
    path = tmp_path / "ohne-muehle.yaml"
    path.write_bytes(data)
    assert q.allocate(SITES, q.Scenario.from_yaml(path)).amounts.to_dict() == page.amounts()
    other = Page(q.explore(SITES, SCENARIO))
    assert other.do("open", name=path.name, text=data.decode(), at="open")["lines"] == [
        "ohne-muehle.yaml wurde geladen."
    ]
    assert other.amounts() == page.amounts()


def test_tables_and_figures_come_in_one_file_the_same_each_time(page):
    assert page.do("export")["lines"] == ["Heruntergeladen: quartier.zip"]
    page.do("export")
    (_, (first,)), (_, (second,)) = page.files
    assert first == second
    names = zipfile.ZipFile(io.BytesIO(first)).namelist()
    assert any(name.endswith("verteilung.xlsx") for name in names)
    assert any(name.endswith(".png") for name in names)


# --- where no page takes part -----------------------------------------------------------------------------------


class Shell:
    """As much of IPython as showing needs."""

    def __init__(self, metadata):
        self.kernel = self
        self.display_pub = self
        self.parent = {"metadata": metadata}
        self.published = []

    def get_parent(self, channel):
        return self.parent

    def publish(self, data=None, metadata=None, **more):
        self.published.append(data)


@pytest.mark.parametrize(
    ("metadata", "environment", "live"),
    [
        ({}, {}, False),
        ({"cellId": "a"}, {}, True),
        ({}, {"SERVER_SOFTWARE": "voila/0.5.13"}, True),
        ({"cellId": "a"}, {"QUARTIER_PANEL": "frozen"}, False),
        ({}, {"QUARTIER_PANEL": "live"}, True),
    ],
)
def test_a_panel_is_live_only_where_somebody_takes_part(monkeypatch, metadata, environment, live):
    for name in ("SERVER_SOFTWARE", "QUARTIER_PANEL"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert widget._is_live(Shell(metadata)) is live


def test_who_opens_the_page_sees_what_others_have_kept_since_its_kernel_was_started(tmp_path):
    waiting, other = (Page(q.explore(SITES, SCENARIO, folder=tmp_path)) for _ in range(2))
    other.do("keep", name="A")
    assert waiting.screen["kept"] == []
    seq, deadline = waiting.screen["seq"], time.monotonic() + 20
    waiting.host._heard(None, {"do": "arrived"}, None)
    while waiting.screen["seq"] == seq and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [one["name"] for one in waiting.screen["kept"]] == ["A"]
    waiting.host._heard(None, {"do": "arrived"}, None)  # nothing is new: nothing is sent
    waiting.host._heard(None, {"do": "show", "client": "here", "n": 1}, None)
    waiting.wait_for(1)
    assert waiting.screen["seq"] == seq + 2


def test_it_is_told_that_a_kept_plan_was_deleted(page):
    page.do("keep", name="A")
    assert page.do("forget", name="A")["lines"] == ["Gelöscht: A"]
    assert page.screen["kept"] == []


def test_a_live_panel_leaves_picture_and_table_behind(monkeypatch, page):
    shell = Shell({"cellId": "a"})
    monkeypatch.setattr(widget, "shell_of_notebook", lambda: shell)
    page.panel.keep("geheim")
    widget.show_panel(page.panel)
    live, frozen = shell.published
    assert "application/vnd.jupyter.widget-view+json" in live
    assert '<img alt="' in frozen["text/html"]
    assert "<table" in frozen["text/html"]
    assert "geheim" not in frozen["text/html"]
    assert page.panel.plan.summary()[0] in frozen["text/plain"]


def test_a_panel_that_nobody_takes_part_in_does_not_depend_on_what_is_kept(tmp_path, capsys):
    panel = q.explore(SITES, SCENARIO, folder=tmp_path)
    widget._show_frozen(panel)
    before = capsys.readouterr().out
    assert panel.plan.summary()[0] in before
    panel.keep("A")
    widget._show_frozen(q.explore(SITES, SCENARIO, folder=tmp_path))
    assert capsys.readouterr().out == before
