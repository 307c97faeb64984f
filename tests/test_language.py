"""Texts and numbers as people read them; every text of the package has its translation, and no translation is left over."""

import ast
import datetime
import json
import re
import string
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from babel.messages.pofile import read_po
from babel.numbers import format_decimal, format_percent
from IPython.core.interactiveshell import InteractiveShell
from small_city import write_city

import quartier as q
from quartier import report
from quartier.data import BASES, CONTRACT, RULES, STATUSES
from quartier.language import LANGUAGES, PlainError, Texts, mark, minus

ROOT = Path(__file__).parents[1]
DE, EN = Texts("de"), Texts("en")


# --- numbers, days, lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "digits", "german", "english"),
    [
        (1234567, 0, "1.234.567", "1,234,567"),
        (1234.5, 1, "1.234,5", "1,234.5"),
        (0.125, 3, "0,125", "0.125"),
        (-80000, 0, "-80.000", "-80,000"),
        (7, 2, "7,00", "7.00"),
        (0, 0, "0", "0"),
        (-0.2, 0, "0", "0"),
        (-0.004, 2, "0,00", "0.00"),
        (np.float64(2.5), 1, "2,5", "2.5"),
        (np.int64(8000), 0, "8.000", "8,000"),
    ],
)
def test_a_number_has_the_marks_of_its_language(value, digits, german, english):
    assert DE.number(value, digits) == german
    assert EN.number(value, digits) == english


@pytest.mark.parametrize(
    ("value", "german", "english"),
    [
        (8000, "8.000 EUR", "8,000 EUR"),
        (8000.5, "8.000,50 EUR", "8,000.50 EUR"),
        (7999.999, "8.000 EUR", "8,000 EUR"),
        (0.004, "0 EUR", "0 EUR"),
        (-100, "-100 EUR", "-100 EUR"),
        (float("inf"), "∞ EUR", "∞ EUR"),
    ],
)
def test_an_amount_has_cents_only_where_there_are_any(value, german, english):
    assert DE.eur(value) == german
    assert EN.eur(value) == english


@pytest.mark.parametrize(
    ("share", "digits", "german", "english"),
    [
        (0.125, 1, "12,5\u00a0%", "12.5%"),
        (1, 0, "100\u00a0%", "100%"),
        (0.00123, 2, "0,12\u00a0%", "0.12%"),
        (12.5, 0, "1.250\u00a0%", "1,250%"),
    ],
)
def test_a_share_is_shown_as_per_cent(share, digits, german, english):
    assert DE.percent(share, digits) == german
    assert EN.percent(share, digits) == english


@pytest.mark.parametrize("language", LANGUAGES)
def test_numbers_and_shares_are_written_as_babel_writes_them(language):
    drawn = np.random.default_rng(7)
    values = [0.5, 1.5, 2.5, 2.675, 0.045, 999.5, 999_999.95, 1e15, 1e-9, float("inf"), np.int64(12_345), 7]
    values += (drawn.uniform(-1, 1, 500) * 10.0 ** drawn.integers(-6, 12, 500)).tolist()
    texts, locale = Texts(language), {"de": "de_DE", "en": "en_GB"}[language]
    for value in values:
        for digits in (0, 1, 2):
            pattern = "#,##0" + ("." + "0" * digits if digits else "")
            shown = 0 if round(value, digits) == 0 else value  # no minus before a zero
            assert texts.number(value, digits) == format_decimal(shown, pattern, locale)
            shown = 0 if round(100 * value, digits) == 0 else value
            per_cent = {"de": "\u00a0%", "en": "%"}[language]
            assert texts.percent(value, digits) == format_percent(shown, pattern + per_cent, locale)


def test_a_day_has_the_form_of_its_language():
    day = datetime.date(2021, 3, 1)
    assert DE.date(day) == "01.03.2021"
    assert EN.date(day) == "1 Mar 2021"


@pytest.mark.parametrize(("share", "shown"), [(-1e-9, "0,0"), (-0.0004, "0,0"), (-0.0006, "-0,1")])
def test_a_share_of_nothing_has_no_minus(share, shown):
    assert DE.percent(share) == f"{shown}\u00a0%"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("80 000 €", 80_000),
        ("80\u00a0000\u202f€", 80_000),
        ("1\u202f234\u202f567,5", 1_234_567.5),
        ("-80 000", -80_000),
        ("80.000 EUR", 80_000),
        ("80 00", None),
        ("8000 000", None),
        ("1,5 000", None),
        ("80 000.000", None),
        ("1,240", None),
    ],
)
def test_a_number_may_have_spaces_between_its_thousands(text, value):
    assert Texts("de").read_number(text) == value


@pytest.mark.parametrize(
    ("value", "shown"), [(0.25, "0,25"), (80_000, "80.000"), (1.125, "1,1250"), (1 / 3, "0,333333333")]
)
def test_a_number_is_shown_with_the_decimals_that_it_needs(value, shown):
    assert Texts("de").exact(value) == shown


def test_a_negative_number_in_a_sentence_has_a_minus_and_a_hyphen_stays():
    assert minus("-5 EUR (-1,2), 2021-2022, am-park-3") == "\u22125 EUR (\u22121,2), 2021-2022, am-park-3"


@pytest.mark.parametrize(
    ("items", "german", "english"),
    [("", "", ""), ("a", "a", "a"), ("ab", "a oder b", "a or b"), ("abc", "a, b oder c", "a, b or c")],
)
def test_a_choice_reads_as_in_a_sentence(items, german, english):
    assert DE.either(iter(items)) == german
    assert EN.either(list(items)) == english


def test_the_name_most_like_what_was_given_is_told_first_and_each_once():
    assert EN.one_of("budjet", ["step", "budget", "caps", "step"]) == "one of budget, step, caps"
    assert DE.one_of("x", iter(["b", "a"])) == "eines von b, a"
    assert EN.one_of("x", []) == "one of -"


@pytest.mark.parametrize(
    ("items", "german", "english"),
    [("", "", ""), ("a", "a", "a"), ("ab", "a und b", "a and b"), ("abc", "a, b und c", "a, b and c")],
)
def test_a_list_reads_as_in_a_sentence(items, german, english):
    assert DE.listing(iter(items)) == german
    assert EN.listing(list(items)) == english


def test_a_value_is_quoted_in_the_manner_of_the_language_and_cut_where_it_is_long():
    assert DE.given("x") == "„x“"
    assert EN.given("x") == "“x”"
    assert EN.given(1.5) == "“1.5”"
    assert EN.given("{x}") == "“{x}”"
    assert EN.given("a\n\x1b[31m\u202eb") == r"“a\n\x1b[31m\u202eb”"
    assert len(EN.given("x" * 10_000)) == 62


def test_german_is_what_planners_see_unless_they_choose_otherwise():
    assert Texts().language == LANGUAGES[0] == "de"
    assert Texts().text("a number") == "eine Zahl"
    assert EN.text("a number") == "a number"


def test_a_text_takes_its_values_and_the_form_of_its_number():
    assert EN.text("row {row}", row=3) == "row 3"
    assert EN.text("at least {value}", value="{value}") == "at least {value}"
    for n, german, english in ((1, "1 Zelle", "1 cell"), (2, "2 Zellen", "2 cells"), (0, "0 Zellen", "0 cells")):
        for count in (n, np.int64(n)):
            assert DE.text("{n} cell", plural="{n} cells", n=count) == german
            assert EN.text("{n} cell", plural="{n} cells", n=count) == english
    assert DE.text("{n} cell", plural="{n} cells", n="1.000") == "1.000 Zellen"


def test_a_key_without_a_translation_stays_as_it_is():
    assert DE.name("status", "signed") == "unterschrieben"
    assert DE.name("status", "no such status") == "no such status"
    assert DE.column("no_such_column") == "no_such_column"
    assert mark("a number") == "a number"


@pytest.mark.parametrize("language", ["fr", "", None, "DE"])
def test_a_language_without_a_catalogue_is_refused(language):
    with pytest.raises(PlainError, match="nur de und en"):
        Texts(language)


# --- errors -----------------------------------------------------------------------------------------------------


@pytest.fixture
def shell():
    yield InteractiveShell(colors="nocolor")
    InteractiveShell.clear_instance()


def test_a_plain_error_shows_only_its_text_in_a_notebook(shell, capsys):
    shell.run_cell("import quartier as q\nq.load('no-such-folder')")
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "no-such-folder: 1 Fehler; nichts wurde geändert.",
        "  - no-such-folder: gegeben kein solcher Ordner, erwartet ein Ordner mit einer datapackage.json",
    ]


def test_an_error_of_the_program_itself_keeps_its_traceback(shell, capsys):
    shell.run_cell("1 / 0")
    assert "Traceback" in capsys.readouterr().out


@pytest.mark.parametrize("error", [q.DataError, q.ScenarioError, q.InfeasibleScenario])
def test_every_error_for_people_is_plain_and_a_value_error(error):
    assert issubclass(error, PlainError)
    assert issubclass(error, ValueError)


# --- catalogues -------------------------------------------------------------------------------------------------


class Message(NamedTuple):
    place: str
    text: str
    plural: str | None = None


def calls():
    """Every call in the package and in its notebooks, with its place."""
    for path in sorted((ROOT / "quartier").glob("*.py")):
        yield from (
            (f"{path.name}:{n.lineno}", n)
            for n in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(n, ast.Call)
        )
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for number, cell in enumerate(json.loads(path.read_text("utf-8"))["cells"]):
            if cell["cell_type"] == "code":
                tree = ast.parse("".join(cell["source"]))
                yield from ((f"{path.name}:{number}", n) for n in ast.walk(tree) if isinstance(n, ast.Call))


def literals(call):
    """Literal texts that a call is given first; the alternatives of a choice count as well."""
    for argument in call.args[:1]:
        parts = [argument.body, argument.orelse] if isinstance(argument, ast.IfExp) else [argument]
        yield from (part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


@cache
def messages():
    """Texts that are translated somewhere: the first argument of `.text(...)` and of `mark(...)`."""
    found = []
    for place, call in calls():
        to_text = isinstance(call.func, ast.Attribute) and call.func.attr == "text"
        if to_text or (isinstance(call.func, ast.Name) and call.func.id == "mark"):
            plural = next(
                (k.value.value for k in call.keywords if k.arg == "plural" and isinstance(k.value, ast.Constant)), None
            )
            found += [Message(place, text, plural) for text in literals(call)]
    return tuple(found)


@cache
def catalogue(language):
    with (ROOT / "quartier" / "locale" / f"{language}.po").open("rb") as source:
        return read_po(source, locale=language, abort_invalid=True)


def entries(language, context):
    return [m for m in catalogue(language) if m.id and (m.context is not None) == context]


def slots(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def forms(entry):
    """Source and translation of each form of an entry."""
    if isinstance(entry.id, tuple):
        return list(zip(entry.id, entry.string, strict=True))
    return [(entry.id, entry.string)]


def listed(found):
    return "\n" + "\n".join(str(one) for one in found)


def test_there_are_texts_to_look_at():
    assert len(messages()) > 100


def test_every_text_has_a_german_translation():
    german = {id: m for m in entries("de", context=False) for id in [m.id if isinstance(m.id, str) else m.id[0]]}
    missing = [m for m in messages() if m.text not in german or not all(done for _, done in forms(german[m.text]))]
    assert not missing, listed(missing)


def test_every_plural_has_a_german_translation():
    german = {m.id for m in entries("de", context=False)}
    missing = [m for m in messages() if m.plural and (m.text, m.plural) not in german]
    assert not missing, listed(missing)


def test_no_translation_is_left_over():
    used = {(m.text, m.plural) if m.plural else m.text for m in messages()}
    left = [m.id for m in entries("de", context=False) if m.id not in used]
    assert not left, listed(left)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_takes_the_same_values(language):
    for context in (False, True):
        wrong = [
            m.id
            for m in entries(language, context)
            for source, done in forms(m)
            if done and slots(done) != slots(source)
        ]
        assert not wrong, listed(wrong)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_catalogue_holds_nothing_doubtful(language):
    assert not [m.id for m in catalogue(language) if m.id and m.fuzzy]
    assert not catalogue(language).obsolete
    text = (ROOT / "quartier" / "locale" / f"{language}.po").read_text(encoding="utf-8")
    starts = re.findall(r'^(?:msgctxt ".*"\n)?msgid ".*"$', text, flags=re.MULTILINE)
    assert len(starts) == len(set(starts))


# --- keys: columns, statuses and the like, translated within their context --------------------------------------

SAME = {"Name", "Plan", "Status", "Budget", "Budget (EUR)", "linear", "Index", "Text"}
"""Words that are the same in both languages."""


RULES_LET_GO = {
    *re.findall(r"_Without\(\"(\w+)\"", (ROOT / "quartier" / "whatif.py").read_text("utf-8")),
    "all_committed",
}
"""Rules whose cost is told."""


@pytest.fixture(scope="module")
def shown_tables(tmp_path_factory):
    """Every table that a plan leaves behind."""
    city = write_city(tmp_path_factory.mktemp("language") / "city")
    plan = q.allocate(q.load(city), q.Scenario.named("cut", city))
    impossible = q.InfeasibleScenario
    try:
        q.allocate(plan.sites, plan.scenario.replace(budget_eur=1))
    except q.InfeasibleScenario as error:
        impossible = error
    given = q.Sites.from_frame(plan.sites.frame.assign(need=plan.need))
    return [
        report.tables(plan, {"cut": plan, "none": impossible}),
        report.tables(q.allocate(given, plan.scenario)),
        {name: one for name, one in report.what_if(plan).items() if not isinstance(one, PlainError)},
    ]


@cache
def keys_in_calls():
    """Keys that the package names outright: `.name("context", "key")` and `.column("key")`."""
    found = set()
    for _, call in calls():
        if isinstance(call.func, ast.Attribute) and all(isinstance(a, ast.Constant) for a in call.args):
            values = [a.value for a in call.args]
            if call.func.attr == "name" and len(values) == 2:
                found.add(tuple(values))
            elif call.func.attr == "column" and len(values) == 1:
                found.add(("column", values[0]))
    return found


def wanted_keys(shown_tables):
    methods = q.Scenario.model_fields["method"].annotation.__args__
    responses = q.Scenario.model_fields["response"].annotation.__args__
    found = {
        *(("status", key) for key in STATUSES),
        *(("basis", key) for key in BASES),
        *(("figure", key) for key in ("status", "need", "response", "undocumented", "share", "need_weight", *RULES)),
        *(("method", key) for key in methods),
        *(("response", key) for key in responses),
        *(("response_from", key) for key in q.Scenario.model_fields["response_from"].annotation.__args__),
        *(("field", key) for key in q.Scenario.model_fields),
        *(("baseline", key) for key in ("plan", "equal_split", "need_proportional", "last_year")),
        *(("table", key) for key in CONTRACT),
        *(("rule", key) for key in RULES_LET_GO),
        *(("in_plans", key) for key in ("all", "some", "none")),
        *(("outcome", key) for key in ("OPTIMAL", "FEASIBLE")),
        *keys_in_calls(),
    }
    for tables in shown_tables:
        for name, frame in tables.items():
            found.add(("table", name))
            own = set(frame.attrs.get("headings", {}))
            found |= {("column", str(key)) for key in [frame.index.name, *frame.columns] if key and key not in own}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_key_that_people_see_has_a_name(shown_tables, language):
    named = {(m.context, m.id) for m in entries(language, context=True) if m.string}
    missing = sorted(wanted_keys(shown_tables) - named)
    assert not missing, listed(missing)


def test_both_catalogues_name_the_same_keys():
    german, english = ({(m.context, m.id) for m in entries(language, context=True)} for language in LANGUAGES)
    assert german == english, listed(sorted(german ^ english))


def test_no_key_is_english_in_german():
    english = {(m.context, m.id): m.string for m in entries("en", context=True)}
    named = {(m.context, m.id): m.string for m in entries("de", context=True) if m.string not in SAME}
    wrong = [key for key, text in named.items() if text == english.get(key)]
    assert not wrong, listed(wrong)


def test_no_name_of_a_key_is_left_over(shown_tables):
    # A column may also be one that a notebook puts together, or one of the data.
    sources = [*(ROOT / "quartier").glob("*.py"), *(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "data").glob("*.csv")]
    words = {word for path in sources for word in re.findall(r"[\w-]+", path.read_text(encoding="utf-8"))}
    keys = {(m.context, m.id) for m in entries("de", context=True)}
    left = [key for key in keys - wanted_keys(shown_tables) if key[1] not in words]
    assert not left, listed(left)
