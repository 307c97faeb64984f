"""Forms as they come back from LibreOffice, into which they were typed as a person types (see office.py)."""

import io
from dataclasses import replace

import openpyxl
import pytest
from dialogue_city import ANSWERS, write_dialogue_city
from test_forms import MEASURES, REPORT, REVIEW, told

from quartier import forms
from quartier.data import load

KINDS = ["xlsx", "ods"]
# A formula that is none would bring up a window, which there is not here; this one is one, and yet a text in a cell for words.
MEANT = replace(
    ANSWERS,
    texts=ANSWERS.texts
    | {"went_badly": '=HYPERLINK("http://example.org";"x")', "other": "<script>alert('x')</script>"},
)
TYPED = [
    (REPORT, "F11", "118"),
    (REPORT, "F12", "40"),
    (REPORT, "F13", "900"),
    (REPORT, "H13", "geschätzt; -5 % möglich"),
    (REPORT, "F14", "9"),
    (REPORT, "F16", "200,5"),
    (REPORT, "F17", "6.917,05"),
    (REVIEW, "C10", "Viele kommen wieder.\nEinige bringen Kuchen mit."),
    (REVIEW, "C11", '=HYPERLINK("http://example.org";"x")'),
    (REVIEW, "C12", "<script>alert('x')</script>"),
    (MEASURES, "E11", "aufgegeben"),
    (MEASURES, "E12", "erledigt"),
    (MEASURES, "B14", "+1 Gruppe für Spaziergänge"),
    (MEASURES, "C14", "AWO"),
    (MEASURES, "D14", "30.9.2023"),
    (MEASURES, "E14", "offen"),
    (MEASURES, "B15", "Den Flur heller machen"),
    (MEASURES, "C15", "@Wohnbau"),
]


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    return load(write_dialogue_city(tmp_path_factory.mktemp("office") / "city"))


@pytest.fixture
def blank(sites, tmp_path):
    """The form of Am Park for 2022, as it is sent."""
    return forms.write_forms(sites, 2022, tmp_path / "out")[0]


def typed(office, form, cells, kind):
    """Type into a form and save it; gives the folder with what came back."""
    folder = form.parents[1] / "in"
    folder.mkdir(exist_ok=True)
    office.type_in(form, cells, folder / f"2022-park.{kind}")
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_that_a_person_types_comes_back(office, sites, blank, kind):
    assert told(forms.collect(typed(office, blank, TYPED, kind), sites)) == MEANT


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_can_be_typed_beside_the_answers(office, sites, blank, kind):
    elsewhere = [(REPORT, "B11", "Erreichte Haushalte")]  # one: each brings up a window, and two are too many here
    assert told(forms.collect(typed(office, blank, [*elsewhere, *TYPED], kind), sites)) == MEANT


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_person_types_wrongly_is_told_by_cell(office, sites, blank, kind):
    wrong = [
        (REPORT, "F11", "=120+15"),
        (REPORT, "F12", "=1/0"),
        (REPORT, "F13", "ca. 900"),
        (REPORT, "F14", "50 %"),
        (REPORT, "F16", "12:30"),
        (REPORT, "F17", "-5"),
        (MEASURES, "D14", "im Herbst"),
        (MEASURES, "E11", "läuft"),
    ]
    kept = [one for one in TYPED if one[:2] not in {place[:2] for place in wrong}]
    with pytest.raises(forms.FormError) as error:
        forms.collect(typed(office, blank, [*kept, *wrong], kind), sites)
    found = {fault.column: fault.given for fault in error.value.faults}
    assert found.keys() == {f"{sheet}!{name}" for sheet, name, _ in wrong}
    assert found[f"{REPORT}!F11"] == "eine Formel mit dem Ergebnis „135“"
    assert found[f"{REPORT}!F12"] == "„#DIV/0!“"
    assert found[f"{REPORT}!F13"] == "„ca. 900“"
    assert found[f"{MEASURES}!E11"] == "„läuft“"


@pytest.mark.parametrize("kind", KINDS)
def test_a_made_up_form_is_still_one_when_it_comes_back(office, sites, tmp_path, kind):
    (tmp_path / "out").mkdir()
    form = tmp_path / "out" / "2022-hill.xlsx"
    form.write_bytes(forms.form(sites, "hill", 2022, demonstration=True))
    required = [(REPORT, "F11", "1"), (REPORT, "F16", "2"), (REPORT, "F17", "3")]
    collected = forms.collect(typed(office, form, required, kind), sites)
    assert collected.is_demonstration


def test_the_hint_of_what_is_missing_follows_what_is_typed(office, blank):
    folder = typed(office, blank, [(REPORT, "F11", "118")], "xlsx")
    shown = openpyxl.load_workbook(io.BytesIO((folder / "2022-park.xlsx").read_bytes()), data_only=True)[REPORT]
    assert shown["B8"].value == "Pflichtangaben, die noch fehlen: 2"
    assert [shown[name].value or "" for name in ("G11", "G16")] == ["", "fehlt noch"]


def test_a_form_fits_on_a_page_a_sheet(office, blank):
    import pypdf

    pages = pypdf.PdfReader(office.show(blank, blank.parent)).pages
    assert len(pages) == 4
    for page, title in zip(pages, ("Bericht", "Rückblick", "Maßnahmen", "Hilfe"), strict=True):
        assert f"{title}: Qualitätsdialog 2022: Am Park" in page.extract_text()
        assert float(page.mediabox.width) == pytest.approx(841.9, abs=1)
