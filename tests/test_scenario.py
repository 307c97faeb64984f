"""The planner's choices: frozen, checked, and the same after a way through a file."""

import copy
import json
import types
from pathlib import Path

import numpy as np
import pydantic
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from IPython.core.interactiveshell import InteractiveShell
from small_city import fingerprint, write_city

import quartier as q
from quartier.explorer import _difference
from quartier.scenario import PARAMETERS, files_not_read, scenario_names, with_parameters

DATA = Path(__file__).parents[1] / "data"
DEFAULTS = {
    "name": "baseline",
    "title": "",
    "budget_eur": 80_000,
    "max_sites": 10,
    "min_sites": 0,
    "step_eur": 100,
    "min_eur": None,
    "max_eur": None,
    "committed": ("signed",),
    "excluded": ("declined",),
    "method": "optimal",
    "response": "saturating",
    "response_from": "assumed",
    "inequality_aversion": 0.0,
    "base_coverage": 0.05,
    "need_weights": {},
    "groups": (),
    "max_change_share": None,
    "may_end": True,
    "reserve_eur": 0.0,
    "years": 1,
    "later_budgets_eur": (),
    "carry_limit_eur": 0.0,
    "carried_eur": 0.0,
    "months": {},
    "earmarked": (),
    "sites": {},
    "seed": 0,
    "language": "de",
    "time_limit_s": None,
}


@pytest.fixture
def city(tmp_path):
    return write_city(tmp_path / "city")


# --- fields -----------------------------------------------------------------------------------------------------


def test_the_defaults_are_those_of_the_design():
    assert q.Scenario().model_dump() == DEFAULTS


def test_every_parameter_of_a_notebook_is_a_field():
    assert set(PARAMETERS) < set(q.Scenario.model_fields)


def test_a_scenario_cannot_be_changed():
    scenario = q.Scenario()
    for name in DEFAULTS:
        with pytest.raises(pydantic.ValidationError):
            setattr(scenario, name, DEFAULTS[name])
    with pytest.raises(pydantic.ValidationError):
        scenario.colour = "red"


def test_two_scenarios_share_nothing():
    weights = {"old": 1.0}
    one = q.Scenario(need_weights=weights)
    weights["old"] = 2.0
    assert one.need_weights == {"old": 1.0}
    assert q.Scenario().need_weights is not q.Scenario().need_weights


def test_a_bad_field_is_refused_where_the_scenario_is_made():
    with pytest.raises(q.ScenarioError, match="budget_eur: gegeben „-1“, erwartet mindestens 0"):
        q.Scenario(budget_eur=-1)
    with pytest.raises(
        q.ScenarioError, match="bugdet_eur: gegeben kein Feld dieses Namens, erwartet eines von budget_eur"
    ):
        q.Scenario(bugdet_eur=1)
    with pytest.raises(q.ScenarioError, match="min_sites"):
        q.Scenario(min_sites=3, max_sites=2)
    with pytest.raises(q.ScenarioError, match=r"Scenario 7: 2 faults(?s:.*)a text(?s:.*)at least 0"):
        q.Scenario(name=7, budget_eur=-1, language="en")


def test_all_that_does_not_go_together_is_told_at_once():
    apart = {"min_sites": 3, "max_sites": 2, "committed": ["signed"], "excluded": ["signed"], "reserve_eur": 90_000.0}
    for make in (q.Scenario, q.Scenario().replace):
        with pytest.raises(q.ScenarioError) as refused:
            make(**apart)
        text = str(refused.value)
        assert [name in text for name in ("min_sites (3)", "beide signed", "reserve_eur (90.000 EUR)")] == [True] * 3


@pytest.mark.parametrize("name", ["a", "alle-zehn-plaetze", "2021", "k" * 60])
def test_a_name_may_be_a_folder_on_any_system(name):
    assert q.Scenario(name=name).name == name


def test_equal_bounds_are_no_contradiction():
    q.Scenario(min_eur=8000, max_eur=8000, min_sites=10, max_sites=10)
    q.Scenario(committed=[], excluded=[])


# --- replace ----------------------------------------------------------------------------------------------------


def test_a_variation_leaves_the_scenario_as_it_was():
    scenario = q.Scenario(name="cut", budget_eur=72_000)
    other = scenario.replace(max_sites=8, committed=["signed", "negotiating"])
    assert scenario == q.Scenario(name="cut", budget_eur=72_000)
    assert other == q.Scenario(name="cut", budget_eur=72_000, max_sites=8, committed=("signed", "negotiating"))
    assert other.replace(max_sites=10, committed=("signed",)) == scenario
    assert scenario.replace() == scenario


def test_a_variation_is_checked_like_the_original():
    with pytest.raises(q.ScenarioError):
        q.Scenario(max_sites=8).replace(min_sites=9)


# --- single sites -----------------------------------------------------------------------------------------------

TALKS = q.Scenario(sites={"hill": {"status": "declined", "max_eur": 9000.0}})


def test_what_is_chosen_for_single_sites_is_settled_once_and_leaves_nothing_to_override(city):
    sites = q.load(city)
    before = sites.frame
    here, rest = TALKS.settled(sites)
    assert not _difference(sites.replace({"hill": {"status": "declined", "max_eur": 9000.0}}), here)
    assert rest == q.Scenario()
    assert sites.frame.equals(before)
    again = TALKS.settled(here)
    assert again[0] is here
    signed = here.replace({"hill": {"status": "signed"}})
    assert rest.settled(signed)[0] is signed


def test_settling_nothing_copies_nothing(city):
    sites, scenario = q.load(city), q.Scenario()
    here, rest = scenario.settled(sites)
    assert here is sites
    assert rest is scenario


def test_the_choices_of_a_site_are_only_what_differs_from_the_data():
    assert TALKS.choices() == {"name": "baseline", "sites": {"hill": {"status": "declined", "max_eur": 9000}}}
    assert TALKS.replace(sites={}) == q.Scenario()
    assert TALKS.replace() == TALKS != q.Scenario()


@pytest.mark.parametrize(
    ("chosen", "column", "words"),
    [
        ({"hil": {"status": "signed"}}, "sites", ["hil", "hill, park, yard"]),
        ({"hill": {"need": 5.0}}, "sites.hill.need", ["5.0", "Indikatoren"]),
        ({"hill": {"min_eur": 90_000.0}}, "sites.hill.min_eur", ["90.000 EUR", "höchstens max_eur"]),
        ({"hill": {"max_eur": 1.0}}, "sites.hill.min_eur", ["höchstens max_eur (1 EUR)"]),
    ],
)
def test_a_choice_that_these_sites_cannot_have_is_refused_with_what_may_be(city, chosen, column, words):
    sites, scenario = q.load(city), q.Scenario(sites={**chosen, "park": {"status": "signed"}})
    for ask in (q.allocate, q.allocate_many, q.find_conflict, q.frontier, q.leave_one_out, q.explore):
        with pytest.raises(q.ScenarioError) as error:
            ask(sites, scenario)
        (fault,) = error.value.faults
        assert fault.column == column
        assert all(word in str(error.value) for word in words), str(error.value)


def test_every_fault_of_the_choices_is_told_at_once(city):
    scenario = q.Scenario(sites={"hil": {"status": "signed"}, "hill": {"need": 5.0, "min_eur": 90_000.0}})
    with pytest.raises(q.ScenarioError) as error:
        scenario.settled(q.load(city))
    assert len(error.value.faults) == 3


def test_a_floor_for_all_sites_beside_one_of_a_single_site_is_refused():
    with pytest.raises(q.ScenarioError, match=r"max_eur: .*\(hill\)"):
        TALKS.replace(max_eur=8000.0)


# --- files ------------------------------------------------------------------------------------------------------

amounts = st.one_of(st.integers(0, 10**6).map(float), st.floats(0, 1e6), st.integers(1, 10**6).map(lambda n: n / 1000))
statuses = st.permutations(["signed", "negotiating", "prospective", "declined"])
texts = st.text(st.characters(codec="utf-8"))
choices = st.fixed_dictionaries(
    {},
    optional={
        "status": st.sampled_from(["signed", "negotiating", "prospective", "declined"]),
        "scale_eur": amounts.filter(bool),
        "previous_eur": amounts,
        "need": amounts | st.just(1.125),
    },
)
floors = st.tuples(amounts, amounts).map(lambda pair: dict(zip(("min_eur", "max_eur"), sorted(pair), strict=True)))


@st.composite
def scenarios(draw):
    order, cuts = draw(statuses), sorted(draw(st.tuples(st.integers(0, 4), st.integers(0, 4))))
    low, high = sorted(draw(st.tuples(amounts, amounts)))
    low, high = draw(st.none() | st.just(low)), draw(st.none() | st.just(high))
    own = choices if (low, high) != (None, None) else st.builds(lambda one, other: one | other, choices, floors)
    fewest, most = sorted(draw(st.tuples(st.integers(0, 20), st.integers(0, 20))))
    return q.Scenario(
        name=draw(st.from_regex(r"\A[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}\Z")),
        title=draw(st.text(st.characters(codec="utf-8"), max_size=200)),
        budget_eur=draw(amounts),
        step_eur=draw(amounts.filter(bool)),
        min_eur=low,
        max_eur=high,
        min_sites=fewest,
        max_sites=most,
        committed=order[: cuts[0]],
        excluded=order[cuts[1] :],
        method=draw(st.sampled_from(["optimal", "equal-split", "need-proportional"])),
        response=draw(st.sampled_from(["saturating", "linear", "power", "hill-concave"])),
        inequality_aversion=draw(st.floats(0, 100)),
        base_coverage=draw(st.floats(0, 1, exclude_min=True)),
        need_weights=draw(
            st.dictionaries(st.text(st.characters(codec="utf-8")), st.just(1.125) | amounts.filter(bool), max_size=3)
        ),
        sites=draw(st.dictionaries(texts, own.filter(bool), max_size=3)),
        seed=draw(st.integers(0, 2**63)),
        language=draw(st.sampled_from(["de", "en"])),
        time_limit_s=draw(st.none() | amounts.filter(bool)),
    )


@settings(max_examples=150)
@given(scenario=scenarios())
@example(scenario=q.Scenario(title="a\x85b\u2028c\nd\r\te\ufeff\u00a0", need_weights={"\x85": 1.125, "a: b\n": 1}))
@example(scenario=q.Scenario(title="1.234", need_weights={"1.234": 1, "yes": 1, "<<": 1, "010": 1, "~": 1, "": 1}))
def test_a_scenario_comes_back_from_its_file(tmp_path_factory, scenario):
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    scenario.to_yaml(path)
    assert q.Scenario.from_yaml(path) == scenario


def test_a_file_holds_the_name_and_the_choices_only_in_plain_words(tmp_path):
    path = tmp_path / "cut.yaml"
    q.Scenario(name="cut", title="Kürzung: 10 %", budget_eur=72_000, excluded=["declined", "negotiating"]).to_yaml(path)
    assert path.read_text(encoding="utf-8") == (
        "name: cut\ntitle: 'Kürzung: 10 %'\nbudget_eur: 72000.0\nexcluded:\n- declined\n- negotiating\n"
    )
    assert [p.name for p in tmp_path.iterdir()] == ["cut.yaml"]


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "cut.yaml"
    path.write_text("name: cut\n", encoding="utf-8")
    before = fingerprint(tmp_path)

    def full(self, text, encoding):
        self.write_bytes(text[:5].encode())
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        q.Scenario(name="cut", budget_eur=1).to_yaml(path)
    assert fingerprint(tmp_path) == before


def test_choices_are_the_name_and_what_differs_from_the_defaults_in_json_types():
    assert q.Scenario().choices() == {"name": "baseline"}
    scenario = q.Scenario(name="x", budget_eur=1, committed=[], need_weights={"old": 1})
    assert scenario.choices() == {"name": "x", "budget_eur": 1, "committed": [], "need_weights": {"old": 1}}
    assert json.loads(json.dumps(scenario.choices())) == scenario.choices()


def test_a_file_may_have_a_mark_remarks_and_lines_of_windows(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_bytes(
        "\ufeff# Kürzung\r\nname: x\r\nbudget_eur: 64000  # EUR\r\nneed_weights: {old: 0.125}\r\n".encode()
    )
    assert q.Scenario.from_yaml(path) == q.Scenario(name="x", budget_eur=64_000, need_weights={"old": 0.125})


@pytest.mark.parametrize(
    ("text", "value"), [("80000", 80_000), ("80_000", 80_000), ("80000.50", 80_000.5), ("0.125", 0.125), ("1.0e+3", 1000), ("0", 0)]
)  # fmt: skip
def test_a_number_in_a_file_is_read_as_meant(tmp_path, text, value):
    path = tmp_path / "x.yaml"
    path.write_text(f"budget_eur: {text}\n", encoding="utf-8")
    assert q.Scenario.from_yaml(path).budget_eur == value


@pytest.mark.parametrize("title", ["2021-01-26", "2021-02-30"])
def test_a_title_may_be_a_day_even_one_that_no_calendar_has(tmp_path, title):
    path = tmp_path / "x.yaml"
    path.write_text(f"title: {title}\n", encoding="utf-8")
    assert q.Scenario.from_yaml(path).title == title
    q.Scenario.from_yaml(path).to_yaml(path)
    assert q.Scenario.from_yaml(path).title == title


def test_scenarios_are_named_by_their_files(city):
    for name in ("sparsam.yml", "SPARSAM.YAML", ".versteckt.yml", "notiz.txt"):
        (city / "scenarios" / name).write_text("name: sparsam\n")
    assert scenario_names(city) == ["baseline", "cut"]
    assert files_not_read(city) == ["SPARSAM.YAML", "sparsam.yml"]
    assert q.Scenario.named("cut", city) == q.Scenario(name="cut", budget_eur=18_000)
    assert scenario_names(city / "nowhere") == files_not_read(city / "nowhere") == []


def test_a_scenario_is_found_from_a_folder_further_down(city, monkeypatch):
    monkeypatch.chdir(city / "scenarios")
    assert q.Scenario.named("cut", "city").budget_eur == 18_000


def test_every_scenario_of_the_repository_can_be_read():
    assert "baseline" in scenario_names(DATA)
    for name in scenario_names(DATA):
        assert q.Scenario.named(name, DATA).title


# --- a notebook's parameters ------------------------------------------------------------------------------------


def parameters(city, **changes):
    return {"data_dir": str(city), "scenario": "cut", **dict.fromkeys(PARAMETERS), **changes}


def test_parameters_that_are_none_leave_the_scenario_as_its_file_says(city):
    assert q.Scenario.from_parameters(parameters(city)) == q.Scenario(name="cut", budget_eur=18_000)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget_eur", 64_000),
        ("max_sites", 1),
        ("min_sites", 2),
        ("step_eur", 50),
        ("min_eur", 0),
        ("max_eur", 9000.5),
        ("response", "linear"),
        ("inequality_aversion", 1.0),
        ("base_coverage", 0.1),
        ("language", "en"),
    ],
)
def test_each_parameter_overrides_its_field(city, name, value):
    scenario = q.Scenario.from_parameters(parameters(city, **{name: value}))
    title = {} if name == "language" else {"title": "cut (geändert)"}  # nobody takes it for the scenario of the file
    assert scenario == q.Scenario(**{"name": "cut", "budget_eur": 18_000, **title, name: value})
    assert with_parameters("cut", city, {name: value}) == scenario


def test_what_a_kernel_and_imports_put_beside_the_parameters_is_no_parameter(city):
    surroundings = {
        "__name__": "__main__",
        "__doc__": "a text",
        "__builtins__": {"print": print},
        "_": 3,
        "_i1": "code",
        "_ih": ["", "code"],
        "_exit_code": 0,
        "In": ["", "code"],
        "Out": {1: 2},
        "q": q,
        "np": np,
        "Path": Path,
        "Texts": q.language.Texts,
        "get_ipython": lambda: None,
        "exit": object(),
    }
    given = {**surroundings, **parameters(city)}
    before = copy.copy(given)
    assert q.Scenario.from_parameters(given).name == "cut"
    assert given == before
    assert isinstance(q, types.ModuleType)


@pytest.fixture
def shell():
    yield InteractiveShell()
    InteractiveShell.clear_instance()


def test_a_real_kernels_names_are_no_parameters(city, shell):
    cell = "\n".join(f"{name} = {value!r}" for name, value in parameters(city).items())
    shell.run_cell(cell, store_history=True)
    shell.run_cell("import quartier as q", store_history=True)
    result = shell.run_cell("scenario_read = q.Scenario.from_parameters(globals()); scenario_read", store_history=True)
    assert result.result == q.Scenario(name="cut", budget_eur=18_000)
    shell.run_cell("budget_euro = 64000", store_history=True)
    result = shell.run_cell("q.Scenario.from_parameters(globals())", store_history=True)
    assert [fault.column for fault in result.error_in_exec.faults] == ["budget_euro"]


def test_the_command_line_may_leave_parameters_out(city):
    assert with_parameters("cut", city, {}) == q.Scenario.named("cut", city)
    assert with_parameters("cut", city, {"budget_eur": None}).budget_eur == 18_000
