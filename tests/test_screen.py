"""What a panel shows, as data: whole, in two languages, the plan's own numbers; and the page that draws it knows no words."""

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_city import write_city
from test_explorer import SCENARIO, SITES
from test_figures import contrast

import quartier as q
from quartier import screen
from quartier.explorer import START, TOTAL
from quartier.looks import DARK, LIGHT

PAGE = Path(screen.__file__).parent / "page"


@pytest.fixture
def panel():
    return q.explore(SITES, SCENARIO)


@pytest.fixture
def city(tmp_path):
    return q.load(write_city(tmp_path / "data"))


def everything(panel):
    """A screen with all that can be asked for."""
    panel.keep("A")
    panel.set(budget_eur=25_000)
    panel.lock("hill", 4_000)
    site = panel.sites.site_ids[-1]
    amounts = panel.plan.amounts.to_dict()
    return screen.of(panel, screen.View("A", ("A", None, START), site, amounts, code=True))


def strings(value):
    """All texts of a screen, with where they stand."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from ((f"{key}.{where}", text) for where, text in strings(part))
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, str):
        yield "", value


# --- whole ------------------------------------------------------------------------------------------------------


def test_a_screen_is_plain_data(panel):
    json.dumps(everything(panel), allow_nan=False)


def test_the_rows_are_the_plan(panel):
    rows = everything(panel)["answer"]["rows"]
    plan = panel.plan
    assert {row["id"]: row["amount"] for row in rows} == plan.amounts.to_dict()
    assert [row["amount_text"] for row in rows] == [plan.texts.eur(amount) for amount in plan.amounts]
    assert {row["id"]: row["change"] for row in rows if row["change"]} == panel.changed("A").to_dict()
    assert [row["locked"] for row in rows] == ["", "festgehalten bei 4.000 EUR", "", "", "", ""]


def test_the_figures_say_what_changed_since_the_plan_that_was_chosen(panel):
    panel.keep("A")
    panel.set(budget_eur=20_000)
    found = {one["label"]: one for one in screen.of(panel, screen.View("A"))["answer"]["figures"]}
    assert found["Verteilt"]["value"] == "20.000 EUR"
    assert found["Verteilt"]["change"] == "\u221210.000 EUR"
    lost = panel.kept["A"].benefit - panel.plan.benefit
    assert found["Nutzen"]["change"] == "\u2212" + panel.texts.number(lost, 1)


def test_a_plan_that_is_kept_no_longer_gives_way_to_the_beginning(panel):
    assert screen.of(panel, screen.View("gone"))["since"] == START


def test_what_is_impossible_is_told_with_its_rules_and_ways_out_beside_the_last_plan(panel):
    last = panel.plan.amounts.to_dict()
    panel.set(budget_eur=3_000)
    found = screen.of(panel)
    assert found["impossible"]["lines"][0] == str(panel.impossible).splitlines()[0]
    assert len(found["impossible"]["lines"]) == 1 + len(panel.impossible.conflict)
    assert found["impossible"]["repairs"] == [repair.sentence for repair in panel.impossible.repairs]
    assert {row["id"]: row["amount"] for row in found["answer"]["rows"]} == last


def test_a_panel_that_never_had_a_plan_shows_why(panel):
    found = screen.of(q.explore(SITES, SCENARIO.replace(budget_eur=100)))
    assert found["answer"] is None
    assert found["impossible"]["repairs"]
    assert found["impossible"]["still"] == ""


def test_plans_side_by_side_say_who_gains_and_what_it_costs(panel):
    panel.keep("A")
    panel.set(status={"mill": "declined"})
    found = screen.of(panel, screen.View(compared=("A", None)))["comparison"]
    table = panel.compare("A", None)
    change = table["jetzt change_eur"].drop(TOTAL)
    assert f"Von 6 Standorten bekommen {(change > 0).sum()} mehr und {(change < 0).sum()} weniger" in found["lines"][0]
    assert [row["id"] for row in found["rows"]] == [*SITES.site_ids, TOTAL]
    assert len(found["heads"]) == len(found["rows"][0]["cells"])


def test_one_plan_alone_is_compared_with_nothing(panel):
    assert screen.of(panel, screen.View(compared=("", None, "gone")))["comparison"] is None


def test_amounts_by_hand_say_what_they_lose_and_break(panel):
    best = screen.of(panel, screen.View(by_hand=panel.plan.amounts.to_dict()))["answer"]["by_hand"]
    assert best["broken"] == []
    worse = {**panel.plan.amounts.to_dict(), "park": 50_000.0}
    found = screen.of(panel, screen.View(by_hand=worse))["answer"]["by_hand"]
    assert found["broken"] == list(panel.enter(worse).broken_rules)


def test_the_best_plan_by_hand_is_told_as_such(panel):
    said = screen.of(panel, screen.View(by_hand=panel.plan.amounts.to_dict()))["answer"]["by_hand"]["lines"][0]
    assert "sind der beste Plan" in said
    assert "weniger" not in said
    panel.set(method="equal-split")
    said = screen.of(panel, screen.View(by_hand=panel.plan.amounts.to_dict()))["answer"]["by_hand"]["lines"][0]
    assert "die des gezeigten Plans" in said


def test_a_lock_says_what_it_costs(panel):
    panel.lock("hill", 3_000)
    said = " ".join(screen.of(panel, screen.View(asked="hill"))["answer"]["asked"]["lines"])
    assert f"kostet {panel.texts.number(panel.cost_of_lock('hill'), 1)} gewichtete Personen" in said


LEFT_OUT = "Was sich hier noch sagen ließe, war nicht schnell genug zu finden."


def test_what_takes_a_search_is_searched_for_once_a_plan(panel, monkeypatch):
    searches = []
    for name in ("sentences", "about_site"):
        real = getattr(screen, name)
        monkeypatch.setattr(screen, name, lambda *given, real=real: searches.append(given[1]) or real(*given))
    site = panel.plan.sites.site_ids[0]
    first = screen.of(panel, screen.View(asked=site))
    assert screen.of(panel, screen.View(asked=site)) == first
    assert searches == ["money", site]
    panel.set(budget_eur=0.9 * panel.scenario.budget_eur)
    screen.of(panel)
    assert searches == ["money", site, "money"]


def test_what_takes_a_search_is_left_out_where_somebody_does_not_want_to_wait(panel):
    panel.lock("hill", 3_000)
    brief = screen.of(panel, screen.View(asked="hill", brief=True))["answer"]
    whole = screen.of(panel, screen.View(asked="hill"))["answer"]
    assert [brief["binds"][-1], brief["asked"]["lines"][-1]] == 2 * [LEFT_OUT]
    assert brief["asked"]["lines"][0] == whole["asked"]["lines"][0]
    assert LEFT_OUT not in whole["binds"] + whole["asked"]["lines"]
    known = screen.of(panel, screen.View(asked="hill", brief=True))["answer"]  # what has been found takes no search
    assert known["binds"] == whole["binds"]
    assert known["asked"]["lines"] == [line for line in whole["asked"]["lines"] if "kostet" not in line]


def test_a_search_that_was_ended_is_not_begun_again_for_the_same_plan(panel, monkeypatch):
    begun = []

    def ended(plan, about):
        begun.append(about)
        raise SystemExit

    monkeypatch.setattr(screen, "about_site", ended)
    with pytest.raises(SystemExit):
        screen.of(panel, screen.View(asked="hill"))
    again = screen.of(panel, screen.View(asked="hill", code=True))["answer"]
    assert begun == ["hill"]
    assert again["asked"]["lines"][-1] == LEFT_OUT
    panel.set(budget_eur=0.9 * panel.scenario.budget_eur)
    with pytest.raises(SystemExit):
        screen.of(panel, screen.View(asked="hill"))


@pytest.mark.parametrize(
    ("value", "step", "text", "steps"),
    [
        (0.25, 0.1, "0,25", 0.05),
        (0.2, 0.1, "0,2", 0.1),
        (2.0, 0.1, "2,0", 0.1),
        (1.125, 0.1, "1,1250", 0.025),
        (0.01, 100, "0,01", 0.01),
        (0.0, 100, "0", 100),
        (80_000.0, 1_000.0, "80.000", 1_000),
        (47_239.2, 1_000.0, "47.239,20", 0.8),
    ],
)
def test_a_number_is_shown_with_all_its_decimals_and_the_slider_can_stand_there(value, step, text, steps):
    texts = q.explore(SITES, SCENARIO).texts
    found = screen._range(texts, "budget_eur", "x", value, 3.0, step, "EUR" if value > 1_000 else "")
    assert found["text"] == text
    assert texts.read_number(text) == value
    assert found["step"] == pytest.approx(steps)
    assert value <= found["max"]
    assert value / found["step"] == pytest.approx(round(value / found["step"]))


def test_what_is_held_is_told_as_such(panel):
    panel.lock("park", 5_000)
    answer = screen.of(panel, screen.View(asked="park"))["answer"]
    assert answer["rows"][0]["why"] == "Festgehalten bei 5.000 EUR."
    assert "Festgehalten bei 5.000 EUR." in answer["asked"]["lines"][0]
    assert "sind gleich" not in json.dumps(answer, ensure_ascii=False)


def test_a_change_has_one_sign_on_the_whole_screen_and_a_gain_is_none_that_is_lost(panel):
    panel.keep("A")
    panel.set(budget_eur=60_000, max_sites=6)
    found = screen.of(panel, screen.View(compared=("A", None), asked="park"))
    assert found["comparison"]["heads"][-1] == "jetzt: Änderung des Nutzens"
    assert found["comparison"]["rows"][-1]["cells"][-1].startswith("+")
    panel.set(budget_eur=20_000)
    found = screen.of(panel, screen.View(compared=("A", None), asked="park"))
    assert found["comparison"]["rows"][-1]["cells"][-1].startswith("\u2212")
    hyphens = [text for _, text in strings(found) if re.search(r"(?<![^\s(])-\d", text)]
    assert hyphens == []
    assert any(re.search("\u2212[0-9.]+ EUR", line) for line in found["answer"]["binds"])


def test_kept_plans_are_told_in_the_language_of_the_panel(panel):
    panel.keep("A")
    panel.set(language="en")
    assert screen.of(panel)["kept"][0]["line"].startswith("30,000 EUR for 4 sites, benefit")


# --- what is refused --------------------------------------------------------------------------------------------


def said_of(panel, do):
    """What the panel says of something that is refused, and that it is."""
    with pytest.raises(q.PlainError) as refused:
        do()
    found = screen.told(panel, refused.value)
    assert not re.search(r"[a-z]+_[a-z]+|Sites|\(\)|True", " ".join(found)), found
    return found


@pytest.mark.parametrize(
    ("choices", "said"),
    [
        ({"reserve_eur": 90_000}, "Die Rücklage (90.000 EUR) darf nicht über dem Budget (30.000 EUR) liegen."),
        ({"min_sites": 5}, "„Plätze: mindestens“ (5) darf nicht über „Plätze: höchstens“ (4) liegen."),
        (
            {"min_eur": 9_000, "max_eur": 8_000},
            "Der Mindestbetrag eines geförderten Standorts (9.000 EUR) darf nicht über dem Höchstbetrag (8.000 EUR) liegen.",
        ),
        ({"max_sites": 3.5}, "„Plätze: höchstens“: 3,5 ist hier nicht möglich; erwartet: eine ganze Zahl."),
        ({"max_change_share": -0.03}, "mindestens 0\u00a0%."),
        (
            {"budget_eur": 1e13},
            "„Budget im Jahr“: 10.000.000.000.000 EUR ist hier nicht möglich; erwartet: höchstens 1.000.000.000.000 EUR.",
        ),
        (
            {"groups": [{"by": "provider", "name": "AWO", "max_share": 1.5}]},
            "„höchstens, % des Budgets“: 150\u00a0% ist hier nicht möglich; erwartet: höchstens 100\u00a0%.",
        ),
        (
            {"groups": [{"by": "provider", "name": "AWO", "max_share": 0.2, "min_share": 0.25}]},
            "„mindestens, % des Budgets“ (25\u00a0%) darf nicht über „höchstens, % des Budgets“ (20\u00a0%) liegen.",
        ),
        (
            {"min_eur": {"hill": 15_000}},
            "Am Hügel: Der Mindestbetrag (15.000 EUR) darf nicht über dem Höchstbetrag (14.000 EUR) liegen.",
        ),
        (
            {"max_eur": {"hill": "viel"}},
            "Am Hügel, „Höchstbetrag (EUR)“: „viel“ ist hier nicht möglich; erwartet: eine Zahl",
        ),
        (
            {"max_eur": {"hill": -100}},
            "Am Hügel: -100 EUR ist hier nicht möglich; erwartet: mindestens 0 EUR.",
        ),
    ],
)
def test_what_cannot_be_chosen_is_told_with_labels_units_and_names(panel, choices, said):
    (line,) = said_of(panel, lambda: panel.set(**choices))
    assert said in line


def test_learned_scales_with_another_curve_are_told_without_names_of_fields(panel):
    (line,) = said_of(panel, lambda: panel.set(response="linear", response_from="demonstration"))
    assert line.startswith("Gelernte Wirkungsskalen gibt es nur mit der Wirkungskurve „")
    panel.set(language="en")
    (line,) = said_of(panel, lambda: panel.set(reserve_eur=90_000))
    assert line == "The reserve (90,000 EUR) must not be above the budget (30,000 EUR)."


def test_locks_and_amounts_by_hand_are_told_with_the_site_s_name(panel):
    assert said_of(panel, lambda: panel.lock("park", 10_050)) == [
        "Am Park: 10.050 EUR ist hier nicht möglich; erwartet: ein Vielfaches von 100 EUR."
    ]
    panel.lock("hill", 5_000)
    for choices in ({"status": {"hill": "declined"}}, {"min_eur": {"hill": 6_000}}):
        assert said_of(panel, lambda choices=choices: panel.set(**choices)) == [
            "Am Hügel: Bei 5.000 EUR festgehalten; das muss zuerst freigegeben werden."
        ]
    (line,) = said_of(panel, lambda: panel.set(min_eur=3_000))
    assert "solange Am Hügel einen eigenen haben oder festgehalten sind" in line
    by_hand = screen.of(panel, screen.View(by_hand={"park": -5.0}))["answer"]["by_hand"]["lines"]
    assert by_hand == ["Am Park: -5 EUR ist hier nicht möglich; erwartet: mindestens 0 EUR."]


def test_a_name_that_is_taken_is_told_with_the_label_of_the_box(panel):
    panel.keep("A")
    (line,) = said_of(panel, lambda: panel.keep("A"))
    assert line.endswith(f"setzen Sie den Haken bei „{screen.words('de')['replace']}“.")


def test_a_refused_file_is_told_by_rows_and_fields_and_without_long_lists(panel, tmp_path):
    def loading(text):
        (tmp_path / "x.yaml").write_text(text)
        with pytest.raises(q.PlainError) as refused:
            panel.from_yaml(tmp_path / "x.yaml")
        return screen.told(panel, refused.value)

    head = "x.yaml wurde nicht geladen; nichts wurde geändert."
    assert loading("name: x\nbudgt_eur: 5\nfoo: 1\nmax_sites: viele\n") == [
        head,
        "Zeile 2, Feld budgt_eur: Ein Feld dieses Namens gibt es nicht. Ist budget_eur gemeint?",
        "Zeile 3, Feld foo: Ein Feld dieses Namens gibt es nicht.",
        "Zeile 4, Feld max_sites: „viele“ ist hier nicht möglich; erwartet: eine ganze Zahl.",
    ]
    assert loading("name: x\nsites:\n  moor: {status: signed}\n  fen: {status: signed}\n") == [
        head,
        "Diese Standorte gehören nicht zu dieser Stadt: moor, fen.",
    ]
    assert loading("name: x\nbudget_eur: 10\nreserve_eur: 20\n") == [
        head,
        "Diese Angaben passen nicht zusammen. Erwartet: reserve_eur (20 EUR) liegt nicht über budget_eur (10 EUR).",
    ]


def test_an_empty_field_and_a_loaded_file_are_told_plainly(panel):
    assert screen.no_number(panel.texts, "Budget", " ") == "Budget: Hier fehlt eine Zahl."
    assert "„viel“ ist keine Zahl" in screen.no_number(panel.texts, "Budget", "viel")
    assert screen.loaded(panel.texts, "x.yaml") == "x.yaml wurde geladen."


def test_the_labels_of_refusals_are_those_of_the_controls(panel):
    panel.set(max_change_share=0.5, inequality_aversion=1.0)
    shown = {one["id"]: one["label"] for group in screen.choices(panel) for one in group["controls"]}
    for field, label in screen.LABELS.items():
        assert shown.get(field, panel.texts.text(label)) == panel.texts.text(label)
    assert len(set(screen.LABELS) & set(shown)) >= 11


@pytest.mark.parametrize("most", [1.0, 7.0, 999.0, 1_000.0, 4_999.0, 14_000.0, 15_200.0, 2_500_000.0])
def test_an_axis_has_a_few_round_marks_within_it(most):
    marks = screen._ticks(most)
    assert 2 <= len(marks) <= 7
    assert marks[0] == 0
    assert marks[-1] <= most
    assert len({round(b - a, 9) for a, b in itertools.pairwise(marks)}) == 1
    assert re.fullmatch(r"0\.?0*(1|2|25|5)|(1|2|25|5)0*(\.0)?", repr(marks[1])), marks


def test_200_sites_are_shown_whole():
    rng = np.random.default_rng(1)
    n = 200
    sites = q.Sites.from_frame(
        pd.DataFrame(
            {
                "site_id": [f"s{i}" for i in range(n)],
                "need": rng.uniform(100, 3_000, n),
                "status": "prospective",
                "scale_eur": 8_000.0,
                "min_eur": 4_000.0,
                "max_eur": 14_000.0,
            }
        )
    )
    panel = q.explore(sites, q.Scenario(budget_eur=800_000, max_sites=100))
    found = screen.of(panel)
    assert len(found["answer"]["rows"]) == n
    assert [one["id"] for one in found["groups"] if one.get("open")] == ["money"]


# --- honest -----------------------------------------------------------------------------------------------------


def test_what_is_assumed_is_marked(city):
    panel = q.explore(city, SCENARIO)
    marked = {one["id"]: one["assumed"] for group in screen.choices(panel) for one in group["controls"]}
    basis = city.basis["status"]
    assert {key.partition(":")[2]: value for key, value in marked.items() if key.startswith("status:")} == {
        site: value == "assumed" for site, value in basis.items()
    }
    assert marked["response"]
    assert screen.of(panel)["answer"]["assumed"] == panel.plan.assumed_sentence()


def test_what_is_changed_at_a_site_is_marked_as_changed_and_assumed(city):
    panel = q.explore(city, SCENARIO)
    site = city.site_ids[0]
    panel.set(status={site: "declined"})
    found = {one["id"]: one for group in screen.choices(panel) for one in group["controls"]}[f"status:{site}"]
    assert found["changed"]
    assert found["assumed"]


# --- two languages ----------------------------------------------------------------------------------------------


def test_no_text_stays_german_in_english(city):
    sites = q.Sites.from_frame(SITES.frame.reset_index())
    found = {language: everything(q.explore(sites, SCENARIO.replace(language=language))) for language in ("de", "en")}
    german, english = (dict.fromkeys(text for _, text in strings(one)) for one in found.values())
    names = {*SITES.frame["name"], "AWO", "DRK", "Deutsch", "English", "Status"}
    same = [text for text in german if text in english and re.search("[A-Za-zÄÖÜäöüß]{4,}", text) and text not in names]
    keys = re.compile(r"[a-z_:-]+(:[A-Za-z]+)?|baseline|[\d.,]+ EUR|.*import quartier as q.*", re.DOTALL)
    assert [text for text in same if not keys.fullmatch(text)] == []
    assert len(german) > 150


# --- the page ---------------------------------------------------------------------------------------------------


def without_comments(code):
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)
    return re.sub(r"^\s*//.*$|(?<=[;{,)])\s*//.*$", "", code, flags=re.MULTILINE)


def script():
    return (PAGE / "panel.js").read_text(encoding="utf-8")


def test_every_word_is_used_on_the_page_and_every_word_used_is_there():
    used = set(re.findall(r"\bwords\.(\w+)", script()))
    used |= {"undo", "redo", "reset"}  # by the name of their button: words[name]
    assert "words[name]" in script()
    assert used == set(screen.words("de"))


@pytest.mark.parametrize("name", ["panel.js", "map.js"])
def test_the_page_has_no_text_of_its_own(name):
    code = without_comments((PAGE / name).read_text(encoding="utf-8"))
    literals = re.findall(r'"((?:[^"\\]|\\.)*)"', code) + [
        re.sub(r"\$\{[^}]*\}", "", text) for text in re.findall(r"`([^`]*)`", code)
    ]
    assert len(literals) > 30
    keys = {
        "ArrowLeft",
        "ArrowRight",
        "ArrowUp",
        "ArrowDown",
        "PageUp",
        "PageDown",
        "Home",
        "End",
        "Tab",
        "Enter",
        "Escape",
    }
    prose = [
        text
        for text in literals
        if re.search(r"(?<![a-z])[A-ZÄÖÜ][a-zäöüß]{2,}|[a-zäöüß]{2,} [a-zäöüß]{2,}", text)
        and text not in keys
        and not all(re.fullmatch(r"(qp|quartier|\.jp)-[\w-]*", part) for part in text.split())
    ]
    assert prose == []


def test_the_page_asks_for_nothing_elsewhere():
    for path in sorted(PAGE.iterdir()):
        text = without_comments(path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", ""))
        assert not re.search(r"https?:|//\w+\.\w|@import|\bimport\b.*from|url\((?!#)", text), path.name


@pytest.mark.parametrize("path", sorted(PAGE.glob("*.js")), ids=lambda path: path.name)
def test_the_page_writes_no_markup(path):
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", path.read_text()
    )


# --- colours ----------------------------------------------------------------------------------------------------


def colours(theme):
    """Colours of a theme by name, as they stand in the style sheet."""
    blocks = re.findall(r"\{([^}]*color-scheme: (\w+);[^}]*)\}", (PAGE / "panel.css").read_text(encoding="utf-8"))
    return dict(re.findall(r"--qp-([\w-]+): (#[0-9a-f]{6});", {name: text for text, name in blocks}[theme]))


@pytest.mark.parametrize(("theme", "palette"), [("light", LIGHT), ("dark", DARK)])
def test_the_panel_has_the_colours_of_the_figures(theme, palette):
    found = colours(theme)
    shared = set(found) & set(palette)
    assert len(shared) == 11
    assert {name: found[name] for name in shared} == {name: palette[name] for name in shared}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_and_edges_of_the_panel_stand_out_from_their_ground(theme):
    found = colours(theme)
    for ground in ("ground", "raised"):
        for text in ("ink", "quiet", "more-text", "less-text", "alert"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
        for edge in ("line", "focus", "alert"):
            assert contrast(found[edge], found[ground]) >= 3, (edge, ground)
    for text in ("ink", "alert"):
        assert contrast(found[text], found["alert-ground"]) >= 4.5, text
