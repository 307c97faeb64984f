"""Forms of the quality dialogue: what goes out, what comes back, and what is said of whatever a person or a program did to it."""

import csv
import datetime
import io
import re
import shutil
import struct
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from dialogue_city import ANSWERS, Damage, as_ods, cell, edited, repacked, write_dialogue_city
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_city import changed, fingerprint
from typer.testing import CliRunner

from quartier import blank, forms, sheets
from quartier.__main__ import app
from quartier.data import CONTRACT, FaultyInput, load
from quartier.language import PlainError, Texts

DATA = Path(__file__).parents[1] / "data"
REPORT, REVIEW, MEASURES, FORM = "Bericht", "Rückblick", "Maßnahmen", "Formular"


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return write_dialogue_city(tmp_path_factory.mktemp("forms") / "city")


@pytest.fixture(scope="module")
def sites(city):
    return load(city)


@pytest.fixture(scope="module")
def filled(sites):
    """The form of Am Park for 2022, filled in."""
    return forms.form(sites, "park", 2022, answers=ANSWERS)


@pytest.fixture(scope="module")
def bielefeld():
    return load(DATA)


def put(folder, **files):
    """Write files into a folder; the names have no ending of their own."""
    folder.mkdir(exist_ok=True)
    for name, raw in files.items():
        (folder / f"{name}.xlsx").write_bytes(raw)
    return folder


def told(collected):
    """Answers of the one site that has reported, as they were filled in."""
    reports, texts, measures = (collected.table(name) for name in ("reports", "report_texts", "measures"))
    new = measures[measures["year"] == collected.year]
    return forms.Answers(
        figures=dict(zip(reports["indicator"], reports["value"], strict=True)),
        remarks={i: note for i, note in zip(reports["indicator"], reports["note"], strict=True) if note},
        texts=dict(zip(texts["kind"], texts["text"], strict=True)),
        states={row.measure_id: row.state for row in measures.itertuples() if row.year < collected.year},
        new=tuple(forms.NewMeasure(row.text, row.owner, row.due_date, row.state) for row in new.itertuples()),
    )


# --- what goes out ------------------------------------------------------------------------------------------------


def test_each_site_with_an_agreement_gets_a_form_and_no_other_does(sites, tmp_path):
    written = forms.write_forms(sites, 2022, tmp_path / "out")
    assert [path.name for path in written] == ["2022-park.xlsx", "2022-hill.xlsx"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["2022-hill.xlsx", "2022-park.xlsx"]


def test_the_same_data_give_the_same_bytes_and_writing_again_changes_nothing(sites, tmp_path):
    forms.write_forms(sites, 2022, tmp_path / "one")
    before = fingerprint(tmp_path / "one")
    forms.write_forms(sites, 2022, tmp_path / "one")
    forms.write_forms(sites, 2022, tmp_path / "two")
    assert fingerprint(tmp_path / "one") == fingerprint(tmp_path / "two") == before


def test_a_form_that_may_have_been_filled_in_is_never_written_over(sites, filled, tmp_path):
    put(tmp_path, **{"2022-hill": filled})
    before = fingerprint(tmp_path)
    with pytest.raises(PlainError, match=r"2022-hill\.xlsx"):
        forms.write_forms(sites, 2022, tmp_path)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("year", [1900, 2020, 2028, 3000, "2022"])
def test_a_year_that_cannot_be_reported_on_gets_no_form(sites, tmp_path, year):
    with pytest.raises(PlainError, match=f"„{year}“.* nur über 2021 bis 2027: .*Vereinbarung"):
        forms.write_forms(sites, year, tmp_path / "out", today=datetime.date(2026, 11, 24))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("year", [2021, 2027])
def test_forms_are_written_from_the_year_of_the_first_agreement_to_the_next_one(sites, tmp_path, year):
    assert len(forms.write_forms(sites, year, tmp_path, today=datetime.date(2026, 11, 24))) == 2


def test_a_report_that_is_older_than_the_agreements_makes_its_year_possible(tmp_path):
    folder = write_dialogue_city(tmp_path / "city")
    changed("reports.csv", "2021,hill", "2019,hill")(folder)
    assert len(forms.write_forms(load(folder), 2019, tmp_path / "out")) == 2


def test_a_folder_that_cannot_be_made_is_said(sites, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PlainError, match="eine Datei dieses Namens"):
        forms.write_forms(sites, 2022, tmp_path / "file" / "out")


def test_a_city_without_indicators_is_told_that_it_has_none(tmp_path):
    lacking = ("goals", "dialogue_indicators", "reports", "report_texts", "measures")
    bare = load(write_dialogue_city(tmp_path / "city", without=lacking))
    with pytest.raises(PlainError, match="Kennzahlen"):
        forms.write_forms(bare, 2022, tmp_path / "out")


@pytest.fixture(scope="module")
def book(sites):
    return openpyxl.load_workbook(io.BytesIO(forms.form(sites, "park", 2022)))


def test_only_answers_can_be_filled_in_and_there_is_no_password(book):
    for name, columns in ((REPORT, {"F", "H"}), (REVIEW, {"C"}), (MEASURES, {"B", "C", "D", "E"})):
        sheet = book[name]
        assert sheet.protection.sheet
        assert not sheet.protection.password
        open_cells = {one.coordinate for row in sheet.iter_rows() for one in row if not one.protection.locked}
        assert {re.sub(r"\d", "", one) for one in open_cells} <= columns
        assert open_cells
    assert book["Hilfe"].protection.sheet
    assert book[FORM].sheet_state == "hidden"


def test_no_cell_is_merged_and_the_form_says_what_it_is(book):
    assert not any(sheet.merged_cells.ranges for sheet in book.worksheets)
    assert book.properties.title == "Qualitätsdialog 2022: Am Park"
    for name in (REPORT, REVIEW, MEASURES):
        sheet = book[name]
        assert [sheet[f"C{row}"].value for row in (2, 3, 4)] == ["park", 2022, blank.VERSION]
        assert sheet.page_setup.paperSize == 9
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToHeight == 0
        assert sheet.column_dimensions["A"].hidden


def test_last_years_values_stand_beside_and_open_measures_below(book):
    values = {book[REPORT][f"B{row}"].value: book[REPORT][f"E{row}"].value for row in range(10, 18)}
    assert values["Erreichte Menschen"] == 106
    assert values["Bezahlte Stunden"] == 198.5
    assert values["Besuche"] is None
    assert book[REVIEW]["D10"].value == "Das Café ist voll."
    assert [book[MEASURES][f"B{row}"].value for row in (11, 12)] == [
        "Ein Angebot für Männer beginnen.",
        "Den Raum am Abend öffnen.",
    ]
    assert "Zuwendung" not in values


def test_each_answer_has_a_check_and_a_message_before_it_is_typed(book):
    checks = {str(one.sqref): one for one in book[REPORT].data_validations.dataValidation}
    people, hours = checks["F11"], checks["F16"]
    assert (people.type, people.formula1, people.formula2) == ("whole", "0", "100000")
    assert (hours.type, float(hours.formula1), float(hours.formula2)) == ("decimal", 0, 20000)
    assert people.prompt == "Eine ganze Zahl zwischen 0 und 100.000."
    assert people.showInputMessage
    assert people.showErrorMessage
    measures = {str(one.sqref): one for one in book[MEASURES].data_validations.dataValidation}
    assert measures["E11"].formula1 == '"offen,erledigt,aufgegeben"'
    assert measures["D14"].type == "date"


def test_what_is_missing_is_said_beside_and_coloured(book):
    sheet = book[REPORT]
    assert sheet["G11"].value == '=IF(ISBLANK(F11),"fehlt noch","")'
    assert sheet["G12"].value == "freiwillig"
    assert "F11" in {str(one.sqref) for one in sheet.conditional_formatting}
    shown = openpyxl.load_workbook(io.BytesIO(_bytes(book)), data_only=False)[REPORT]["B8"].value
    assert "COUNTIF" in shown


def _bytes(book):
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_a_made_up_form_says_so_on_each_sheet_and_in_secret(bielefeld, tmp_path):
    path = forms.demonstrate(bielefeld, tmp_path)[0]
    shown = openpyxl.load_workbook(path)
    for name in (REPORT, REVIEW, MEASURES, "Hilfe"):
        texts = {one.value for row in shown[name].iter_rows() for one in row}
        assert "Vorführung: erfundene Zahlen" in texts
    assert ("demonstration", "yes") in {(row[1].value, row[3].value) for row in shown[FORM].iter_rows()}


def test_a_form_can_be_had_in_english(sites):
    shown = openpyxl.load_workbook(io.BytesIO(forms.form(sites, "park", 2022, "en")))
    assert shown.sheetnames == ["Report", "Looking back", "Measures", "Help", "Form"]
    assert shown["Report"]["B11"].value == "People reached"


# --- what comes back as it was meant ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Read:
    """Something done to a form that leaves no doubt what was meant."""

    reason: str
    damage: Damage
    meant: forms.Answers = ANSWERS


def with_figure(**values):
    return replace(ANSWERS, figures=ANSWERS.figures | values)


def with_due(day):
    return replace(ANSWERS, new=(replace(ANSWERS.new[0], due_date=day), *ANSWERS.new[1:]))


def rename(old, new):
    return lambda book: setattr(book[old], "title", new)


def move_column(sheet, first, last, by):
    """Move a column, as cut and paste does, with all that is in its cells."""

    def change(book):
        book[sheet].move_range(f"{first}1:{last}60", cols=by)

    return change


def swap_rows(sheet, one, other, columns="ABCDEFGH"):
    def change(book):
        for letter in columns:
            here, there = book[sheet][f"{letter}{one}"], book[sheet][f"{letter}{other}"]
            here.value, there.value = there.value, here.value

    return change


def insert_row(sheet, row):
    return lambda book: book[sheet].insert_rows(row)


def hide_rows(book):
    book[REPORT].row_dimensions[11].hidden = True
    book[REPORT].auto_filter.ref = "B9:H17"


def unprotect(book):
    for sheet in book.worksheets:
        sheet.protection.disable()


def more_sheets(book):
    book.create_sheet("Notizen")["A1"] = "Telefonliste"


TYPED = [
    ("118", 118),
    ("118 Personen", 118),
    (" 118 ", 118),
    ("1.234,0", 1234),
    ("12 345", 12345),
    ("12\u00a0345", 12345),
    ("118,00", 118),
]
HOURS_TYPED = [("250 Stunden", 250), ("220 h", 220), ("219,5 Std.", 219.5), ("219,5Std", 219.5), ("1 Stunde", 1)]
READ = [
    Read("nothing was done", lambda raw: raw),
    Read("saved by another program", edited()),
    Read("sheets renamed", edited(rename(REPORT, "Zahlen 2022"), rename(FORM, "x"))),
    Read("sheets in another order", edited(lambda book: book.move_sheet(REPORT, 3))),
    Read("the column of the remarks moved to the right", edited(move_column(REPORT, "H", "H", 3))),
    Read("a column inserted before the answers", edited(lambda book: book[REPORT].insert_cols(3))),
    Read("rows sorted", edited(swap_rows(REPORT, 11, 17), swap_rows(REPORT, 12, 13))),
    Read("an empty row inserted", edited(insert_row(REPORT, 13), insert_row(MEASURES, 12))),
    Read("rows inserted above", edited(lambda book: book[REPORT].insert_rows(1, 3))),
    Read("rows hidden and a filter set", edited(hide_rows)),
    Read("protection lifted", edited(unprotect)),
    Read("a sheet of one's own added", edited(more_sheets)),
    *(
        Read(f"a number stored as text: {text!r}", edited(cell(REPORT, "F11", text)), with_figure(people=number))
        for text, number in TYPED
    ),
    Read("a decimal comma in a text", edited(cell(REPORT, "F16", "200,5"))),
    *(
        Read(f"hours with their unit behind: {text!r}", edited(cell(REPORT, "F16", text)), with_figure(hours=number))
        for text, number in HOURS_TYPED
    ),
    *(
        Read(f"an amount with its unit behind: {text!r}", edited(cell(REPORT, "F17", text)))
        for text in ("6917,05 EUR", "6917,05€", "6.917,05 Euro")
    ),
    Read("an amount with its currency in a text", edited(cell(REPORT, "F17", "6.917,05 €"))),
    Read("an English number in a text", edited(cell(REPORT, "F17", "6,917.05"))),
    Read("an amount in a format with currency", edited(cell(REPORT, "F17", 6917.05, '#,##0.00 "€"'))),
    Read("a number that an older program has made of it", edited(cell(REPORT, "F11", 118.00000000001))),
    Read("a day as a German text", edited(cell(MEASURES, "D14", "30.9.2023"))),
    Read("a day as an ISO text", edited(cell(MEASURES, "D14", "2023-09-30"))),
    Read("a day with a time", edited(cell(MEASURES, "D14", datetime.datetime(2023, 9, 30, 12, 30)))),
    Read(
        "a day in another format",
        edited(cell(MEASURES, "D14", datetime.date(2023, 10, 1), "d. mmm yy")),
        with_due(datetime.date(2023, 10, 1)),
    ),
    Read("no day", edited(cell(MEASURES, "D14", None)), with_due(None)),
    Read(
        "a state in capitals, one in English",
        edited(cell(MEASURES, "E11", "AUFGEGEBEN "), cell(MEASURES, "E12", "done")),
    ),
    Read("only spaces where nothing need be said", edited(cell(REVIEW, "C12", "  \n\u00a0 "))),
    Read(
        "a voluntary figure left empty",
        edited(cell(REPORT, "F14", " ")),
        replace(ANSWERS, figures={k: v for k, v in ANSWERS.figures.items() if k != "helpers"}),
    ),
    Read(
        "Windows line ends and a soft hyphen",
        edited(cell(REVIEW, "C10", "Viele kom\u00admen wieder.\r\nEinige bringen Kuchen mit.\r\n")),
    ),
    Read(
        "a number where words are asked for",
        edited(cell(REVIEW, "C12", 12.5)),
        replace(ANSWERS, texts=ANSWERS.texts | {"other": "12.5"}),
    ),
    Read(
        "a text that begins like a formula",
        edited(cell(REVIEW, "C12", "- mehr Männer"), cell(REPORT, "H11", "@alle")),
        replace(
            ANSWERS, texts=ANSWERS.texts | {"other": "- mehr Männer"}, remarks=ANSWERS.remarks | {"people": "@alle"}
        ),
    ),
]
NOT_AS_ODS = {"a number that an older program has made of it"}


@pytest.mark.parametrize("case", READ, ids=lambda case: case.reason)
def test_what_can_be_read_as_it_was_meant_is(sites, filled, tmp_path, case):
    collected = forms.collect(put(tmp_path, form=case.damage(filled)), sites)
    assert told(collected) == case.meant


@pytest.mark.parametrize("case", READ, ids=lambda case: case.reason)
def test_an_ods_is_read_as_an_xlsx_is(sites, filled, tmp_path, case):
    (tmp_path / "form.ods").write_bytes(as_ods(case.damage(filled)))
    assert told(forms.collect(tmp_path, sites)) == case.meant


@pytest.mark.parametrize(
    "name",
    ["Kopie von 2022-park.xlsx", "2022-park (1).xlsx", "2022-hill.xlsx", "ÄÖÜ.XLSX", "=cmd.xlsx", "2022-park.ods"],
)
def test_the_name_of_a_file_and_its_ending_do_not_matter(sites, filled, tmp_path, name):
    (tmp_path / name).write_bytes(filled)
    collected = forms.collect(tmp_path, sites)
    assert told(collected) == ANSWERS
    assert set(collected.table("reports")["file"]) == {name}


def test_words_that_the_form_uses_itself_may_be_answers(sites, filled, tmp_path):
    words = [
        cell(REPORT, "H11", "demonstration"),
        cell(REVIEW, "C10", "year"),
        cell(REVIEW, "C12", "Vorführung: erfundene Zahlen"),
    ]
    collected = forms.collect(put(tmp_path, form=edited(*words)(filled)), sites)
    assert not collected.is_demonstration
    assert told(collected).texts["went_well"] == "year"


def test_every_row_says_where_it_comes_from(sites, filled, tmp_path):
    collected = forms.collect(put(tmp_path, form=filled), sites)
    reports, texts, measures = (collected.table(name) for name in ("reports", "report_texts", "measures"))
    assert dict(zip(reports["indicator"], reports["cell"], strict=True)) == {
        "people": "Bericht!F11", "old": "Bericht!F12", "visits": "Bericht!F13", "helpers": "Bericht!F14",
        "hours": "Bericht!F16", "money": "Bericht!F17",
    }  # fmt: skip
    assert list(texts["cell"]) == ["Rückblick!C10", "Rückblick!C11"]
    assert dict(zip(measures["measure_id"], measures["cell"], strict=True)) == {
        "park-2020-1": "Maßnahmen!E11", "park-2021-1": "Maßnahmen!E12",
        "park-2022-1": "Maßnahmen!B14", "park-2022-2": "Maßnahmen!B15",
    }  # fmt: skip
    for table in (reports, texts, measures):
        assert set(table["file"]) == {"form.xlsx"}
        assert set(table["basis"]) == {"stated"}
        assert set(table["source_id"]) == {"qualitaetsdialog-2022"}
    for name in ("reports", "report_texts", "measures"):
        assert list(collected.table(name).columns) == list(CONTRACT[name])


def test_a_city_may_name_the_source_itself(sites, filled, tmp_path):
    collected = forms.collect(put(tmp_path, form=filled), sites, source_id="amt")
    assert set(collected.table("reports")["source_id"]) == {"amt"}


def test_a_site_without_a_report_is_named_and_no_fault(sites, filled, tmp_path):
    collected = forms.collect(put(tmp_path, form=filled), sites)
    assert collected.without_report == ("Am Hügel",)
    assert "Ohne Bericht: Am Hügel." in collected.sentences()


def test_what_is_not_read_is_said(sites, filled, tmp_path):
    put(tmp_path, form=edited(more_sheets)(filled))
    (tmp_path / "~$form.xlsx").write_bytes(b"\x05Meier")
    (tmp_path / ".~lock.form.xlsx#").write_bytes(b",meier")
    (tmp_path / "Anschreiben.pdf").write_bytes(b"%PDF")
    (tmp_path / "._form.xlsx").write_bytes(b"Mac OS X")
    (tmp_path / "alt").mkdir()
    collected = forms.collect(tmp_path, sites)
    assert told(collected) == ANSWERS
    assert len(collected.ignored) == 6
    for name in ("._form.xlsx", "~$form.xlsx", ".~lock.form.xlsx#", "Anschreiben.pdf", "alt", "Notizen"):
        assert any(f"„{name}“" in one for one in collected.ignored)


def test_the_same_form_sent_twice_is_read_once(sites, filled, tmp_path):
    collected = forms.collect(put(tmp_path, a=filled, b=edited()(filled)), sites)
    assert told(collected) == ANSWERS
    assert collected.ignored == ("Nicht gebraucht: „b.xlsx“; dort steht dasselbe wie in „a.xlsx“.",)


def test_a_folder_without_forms_is_said(sites, tmp_path):
    with pytest.raises(PlainError, match="kein Formular"):
        forms.collect(tmp_path, sites)
    with pytest.raises(PlainError, match="Ordner"):
        forms.collect(tmp_path / "none", sites)


def test_a_form_in_the_place_of_the_folder_is_said_to_be_a_file(sites, filled, tmp_path):
    put(tmp_path, form=filled)
    with pytest.raises(PlainError, match=r"form\.xlsx“ ist eine Datei; erwartet wird ein Ordner"):
        forms.collect(tmp_path / "form.xlsx", sites)


def test_forms_cannot_come_back_for_a_year_that_cannot_be_reported_on(sites, filled, tmp_path):
    with pytest.raises(PlainError, match=r"„1900“.* nur über 2021 bis"):
        forms.collect(put(tmp_path, form=filled), sites, year=1900)


# --- what cannot be read ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bad:
    """A form that is refused: where, what is said to be there, and what to do."""

    reason: str
    damage: Damage
    where: str | None
    given: str
    expected: str
    more: tuple[str, ...] = ()
    ending: str = "xlsx"
    as_ods: bool = False


PEOPLE = "eine ganze Zahl zwischen 0 und 100.000 (Personen)"


def number(reason, value, given=None, expected=PEOPLE, where="F11", form=None):
    damage = edited(cell(REPORT, where, value, form))
    return Bad(reason, damage, f"{REPORT}!{where}", f"„{value}“" if given is None else given, expected, as_ods=True)


def merged(book):
    book[REPORT].merge_cells("F11:F12")


def delete_sheet(name):
    return lambda book: book.remove(book[name])


def drop_column(sheet, index):
    return lambda book: book[sheet].delete_cols(index)


def copy_sheet(name):
    return lambda book: book.copy_worksheet(book[name])


def hidden(key, value):
    def change(book):
        for row in book[FORM].iter_rows():
            if (row[0].value, row[1].value) == ("form", key):
                row[3].value = value

    return change


def without_visible_marks(book):
    for sheet in (REPORT, REVIEW, MEASURES):
        cell(sheet, "A5", None)(book)
        cell(sheet, "B5", None)(book)


def bomb(raw):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("xl/workbook.xml", b" " * (sheets.MOST_UNPACKED + 1))
    return content.getvalue()


def lying_bomb(raw):
    """A bomb whose directory says that it is small."""
    packed, size = bytearray(bomb(raw)), struct.pack("<I", sheets.MOST_UNPACKED + 1)
    while (at := packed.find(size)) >= 0:
        packed[at : at + 4] = struct.pack("<I", 1000)
    return bytes(packed)


def many_parts(raw):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for part in range(sheets.MOST_PARTS + 1):
            packed.writestr(f"xl/{part}.xml", b"")
    return content.getvalue()


def laughs(parts):
    """Entities that grow."""
    entities = '<!DOCTYPE sst [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    parts["xl/sharedStrings.xml"] = re.sub(
        rb"<sst", entities.encode() + b"<sst", parts["xl/sharedStrings.xml"], count=1
    )


def long_string(parts):
    long = b"<si><t>" + b"x" * (sheets.MOST_LETTERS + 1) + b"</t></si>"
    parts["xl/sharedStrings.xml"] = parts["xl/sharedStrings.xml"].replace(b"<si>", long + b"<si>", 1)


def ods_rows(raw):
    """A value that is repeated a million times."""

    def change(parts):
        cell_ = b'<table:table-cell office:value-type="float" office:value="1"/>'
        wide = b'<table:table-row table:number-rows-repeated="1000000">' + cell_ + b"</table:table-row></table:table>"
        parts["content.xml"] = parts["content.xml"].replace(b"</table:table>", wide, 1)

    return repacked(change)(as_ods(raw))


def zip_password(raw):
    """Set the flag that says that the parts are encrypted."""
    packed = bytearray(raw)
    for mark, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = packed.find(mark)
        while place >= 0:
            packed[place + at] |= 1
            place = packed.find(mark, place + 4)
    return bytes(packed)


def ods_password(raw):
    def change(parts):
        parts["META-INF/manifest.xml"] = (
            b'<manifest><file-entry full-path="content.xml"><encryption-data/></file-entry></manifest>'
        )
        parts["content.xml"] = b"\x8f\x12 encrypted"

    return repacked(change)(as_ods(raw))


def with_part(name, content=b""):
    return repacked(lambda parts: parts.__setitem__(name, content))


def without_part(name):
    return repacked(lambda parts: parts.pop(name))


def macro_type(parts):
    parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(
        b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
        b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
    )


def docx(raw):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        packed.writestr("word/document.xml", "<w/>")
    return content.getvalue()


HOURS = "eine Zahl zwischen 0 und 20.000 mit höchstens zwei Nachkommastellen (Stunden)"
MONEY = "eine Zahl zwischen 0 und 1.000.000 mit höchstens zwei Nachkommastellen (EUR)"
SAVE = "das Formular, als XLSX oder ODS gespeichert"
SMALL = "das Formular allein: ohne Bilder, weitere Blätter oder weitere Zeilen"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
BAD = [
    # numbers
    number("a number in words", "einhundert"),
    number("about a number", "ca. 120"),
    number("more than a number", ">100"),
    number("a range", "100-120"),
    number("a thousand, or one and some?", "1.234", expected="1234 oder 1 und 234 Tausendstel"),
    number("the same with a comma", "1,234", expected="1234 oder 1 und 234 Tausendstel"),
    number("less than nothing", -3, "„-3“"),
    number("half a person", 118.5, "„118,5“"),
    number("half a person, as a text", "118,5"),
    number("more than plausible", 100001, "„100001“"),
    number("less than plausible", 0, "„0“", "eine ganze Zahl zwischen 1 und 100 (Personen)", "F14"),
    number("a percentage", 0.5, "„50,00 %“", "keine Prozentzahl", form="0%"),
    number("a percentage as a text", "50 %"),
    number("a person in money", 118, "ein Geldbetrag: „118“", "als Zahl formatieren", form='#,##0 "€"'),
    number("a person in money, as a text", "118 €"),
    number("yes", True, "„WAHR“"),
    number("a day made of 1.2", datetime.date(2022, 2, 1), "2022-02-01", "als Zahl formatieren", form="dd.mm.yyyy"),
    number("a number that the spreadsheet has shortened", "1,2E+05"),
    number("a required figure missing", None, "keine Antwort", f"für „Erreichte Menschen“ {PEOPLE}"),
    number("only spaces in a required figure", "   ", "keine Antwort"),
    number("a question mark", "?"),
    number("more of the old than of all", 119, "„119“", "höchstens 118 wie in Bericht!F11: ein Teil davon", "F12"),
    number("three decimals of an hour", 1.234, "„1,234“", "1234 oder 1 und 234 Tausendstel", "F16"),
    number("a third of an hour", 33.333333, "„33,333333“", HOURS, "F16"),
    number("hours with a wrong unit", "200 Tage", None, HOURS, "F16"),
    number("hours in money", "220 €", None, HOURS, "F16"),
    number("people in hours", "118 h"),
    number("money in hours", "6917 Std.", None, MONEY, "F17"),
    number("people in money before the number", "€ 118"),
    number("an error value", "#DIV/0!", None, "kein Fehlerwert"),
    number("an error value of a lookup", "#N/A", None, "kein Fehlerwert", "F16"),
    Bad("a formula", edited(cell(REPORT, "F11", "=120+15")), "Bericht!F11", "eine Formel", "als Wert", as_ods=True),
    Bad(
        "a formula where words are asked for",
        edited(cell(REVIEW, "C10", "=1+1")),
        "Rückblick!C10",
        "eine Formel",
        "als Wert",
        as_ods=True,
    ),
    Bad(
        "merged answers",
        edited(merged),
        "Bericht!F11",
        "verbundene Zellen",
        "die Verbindung aufheben",
        ("Bericht!F12",),
        as_ods=True,
    ),
    # texts, days, states
    Bad(
        "more text than fits",
        edited(cell(REVIEW, "C10", "x" * 2001)),
        "Rückblick!C10",
        "2.001 Zeichen",
        "höchstens 2.000 Zeichen",
        as_ods=True,
    ),
    Bad(
        "a turn of the writing direction",
        edited(cell(REVIEW, "C10", "a\u202eb")),
        "Rückblick!C10",
        "u202e",
        "ohne Steuerzeichen",
        as_ods=True,
    ),
    Bad(
        "a control character",
        repacked(
            lambda parts: parts.__setitem__(
                "xl/sharedStrings.xml", parts["xl/sharedStrings.xml"].replace(b"Viele", b"_x0007_Viele")
            )
        ),
        "Rückblick!C10",
        "x07",
        "ohne Steuerzeichen",
    ),
    Bad(
        "a day that is not in the calendar",
        edited(cell(MEASURES, "D14", "31.02.2023")),
        "Maßnahmen!D14",
        "„31.02.2023“",
        "im Kalender",
        as_ods=True,
    ),
    Bad(
        "a day in words",
        edited(cell(MEASURES, "D14", "im Herbst")),
        "Maßnahmen!D14",
        "„im Herbst“",
        "ein Tag",
        as_ods=True,
    ),
    Bad(
        "a year of two digits",
        edited(cell(MEASURES, "D14", "30.09.23")),
        "Maßnahmen!D14",
        "„30.09.23“",
        "ein Tag",
        as_ods=True,
    ),
    Bad(
        "a day without its format",
        edited(cell(MEASURES, "D14", 45199, "General")),
        "Maßnahmen!D14",
        "„45199“",
        "als Datum formatieren",
        as_ods=True,
    ),
    Bad(
        "a day long ago",
        edited(cell(MEASURES, "D14", datetime.date(2013, 9, 30))),
        "Maßnahmen!D14",
        "„30.09.2013“",
        "ein Tag zwischen 01.01.2022 und 31.12.2032",
        as_ods=True,
    ),
    Bad(
        "a measure without who does it",
        edited(cell(MEASURES, "C14", None)),
        "Maßnahmen!C14",
        "keine Antwort",
        "wer es tut",
        as_ods=True,
    ),
    Bad(
        "who does it without a measure",
        edited(cell(MEASURES, "B15", None)),
        "Maßnahmen!B15",
        "keine Antwort",
        "was vereinbart ist",
        as_ods=True,
    ),
    Bad(
        "a state of one's own",
        edited(cell(MEASURES, "E11", "läuft")),
        "Maßnahmen!E11",
        "„läuft“",
        "offen, erledigt oder aufgegeben",
        as_ods=True,
    ),
    Bad(
        "what became of a measure is missing",
        edited(cell(MEASURES, "E12", None)),
        "Maßnahmen!E12",
        "keine Antwort",
        "was aus „Den Raum am Abend öffnen.“ geworden ist: offen, erledigt oder aufgegeben",
        as_ods=True,
    ),
    # beside the answers
    Bad(
        "a question changed",
        edited(cell(REPORT, "B11", "Erreichte Haushalte")),
        "Bericht!B11",
        "„Erreichte Haushalte“",
        "„Erreichte Menschen“ wie im verschickten Formular",
        as_ods=True,
    ),
    Bad("last year's value changed", edited(cell(REPORT, "E11", 107)), "Bericht!E11", "„107“", "„106“", as_ods=True),
    Bad("a unit changed", edited(cell(REPORT, "D16", "Tage")), "Bericht!D16", "„Tage“", "„Stunden“", as_ods=True),
    Bad(
        "a word beside the table",
        edited(cell(REPORT, "K12", "geschätzt")),
        "Bericht!K12",
        "„geschätzt“",
        "nur in den gelben Feldern",
        as_ods=True,
    ),
    Bad(
        "a row of one's own",
        edited(cell(REPORT, "B20", "Ausflüge"), cell(REPORT, "F20", 3)),
        "Bericht!B20",
        "„Ausflüge“",
        "nur in den gelben Feldern",
        ("Bericht!F20",),
        as_ods=True,
    ),
    Bad(
        "an answer in a heading",
        edited(cell(REPORT, "F10", 12)),
        "Bericht!F10",
        "„12“",
        "nur in den gelben Feldern",
        as_ods=True,
    ),
    Bad(
        "keys sorted without their rows",
        edited(swap_rows(REPORT, 11, 12, "A")),
        "Bericht!B12",
        "„davon 80 und älter“",
        "„Erreichte Menschen“",
        ("Bericht!C12", "Bericht!E12", "Bericht!B11", "Bericht!C11", "Bericht!E11", "Bericht!F11"),
    ),
    Bad(
        "a row deleted",
        edited(lambda book: book[REPORT].delete_rows(13)),
        "Bericht!",
        "keine Zeile „Besuche“",
        "alle Zeilen",
        as_ods=True,
    ),
    Bad(
        "a row copied",
        edited(lambda book: [cell(REPORT, f"{c}20", book[REPORT][f"{c}13"].value)(book) for c in "ABCDFH"]),
        "Bericht!A20",
        "„visits“",
        "jede Zeile nur einmal; die erste ist Zeile 13",
        ("Bericht!B20", "Bericht!C20", "Bericht!D20", "Bericht!F20", "Bericht!H20"),
    ),
    Bad(
        "the column of the answers deleted",
        edited(drop_column(REPORT, 6)),
        "Bericht!A9",
        "keine solche Spalte",
        "eine Spalte „Angabe für 2022“",
        as_ods=True,
    ),
    Bad(
        "a heading renamed",
        edited(cell(REVIEW, "C9", "Antwort")),
        "Rückblick!A9",
        "keine solche Spalte",
        "eine Spalte „Angabe für 2022“",
        as_ods=True,
    ),
    # the form as a whole
    Bad(
        "a sheet deleted",
        edited(delete_sheet(REVIEW)),
        "Rückblick!",
        "kein solches Blatt",
        "das Blatt „Rückblick“",
        as_ods=True,
    ),
    Bad(
        "the hidden sheet deleted",
        edited(delete_sheet(FORM)),
        "Formular!",
        "kein solches Blatt",
        "das ausgeblendete Blatt „Formular“",
        as_ods=True,
    ),
    Bad(
        "a sheet copied",
        edited(copy_sheet(REPORT)),
        "Bericht Copy!",
        "das Blatt ein zweites Mal",
        "das Blatt „Bericht“ nur einmal",
        as_ods=True,
    ),
    Bad(
        "an unknown site",
        edited(hidden("site_id", "parc")),
        None,
        "„parc“",
        "ein Standort der Stadt: park, hill",
        (*(f"{sheet}!C2" for sheet in (REPORT, REVIEW, MEASURES)),),
    ),
    Bad(
        "a site without an agreement",
        edited(hidden("site_id", "yard"), *(cell(sheet, "C2", "yard") for sheet in (REPORT, REVIEW, MEASURES))),
        None,
        "„yard“",
        "ein Standort mit einer Vereinbarung: park, hill",
        as_ods=True,
    ),
    Bad(
        "another site typed into the head",
        edited(cell(REPORT, "C2", "hill")),
        "Bericht!C2",
        "„hill“",
        "„park“, wofür das Formular geschrieben wurde",
        as_ods=True,
    ),
    Bad(
        "another year typed into the head",
        edited(cell(REPORT, "C3", 2023)),
        "Bericht!C3",
        "„2023“",
        "„2022“",
        as_ods=True,
    ),
    Bad(
        "an older form",
        edited(hidden("version", 0)),
        "Formular!",
        "Version 0 des Formulars",
        "in ein Formular dieser Version übertragen",
        as_ods=True,
    ),
    Bad(
        "a newer form",
        edited(hidden("version", 2)),
        "Formular!",
        "Version 2 des Formulars",
        "ein neueres quartier",
        as_ods=True,
    ),
    Bad(
        "no version at all",
        edited(hidden("version", "x")),
        "Formular!",
        "ein verändertes Blatt",
        "wie es verschickt wurde",
        as_ods=True,
    ),
    Bad(
        "a language that no form has",
        edited(hidden("language", "fr")),
        "Formular!",
        "ein verändertes Blatt",
        "wie es verschickt wurde",
        as_ods=True,
    ),
    Bad(
        "another spreadsheet",
        lambda raw: edited(*(delete_sheet(name) for name in (REPORT, REVIEW, MEASURES, FORM)))(raw),
        None,
        "eine Tabellendatei mit den Blättern „Hilfe“",
        "ein Formular des Qualitätsdialogs",
        as_ods=True,
    ),
    Bad(
        "a row with a key of its own",
        edited(cell(MEASURES, "A14", "quartier:new-x")),
        "Maßnahmen!A14",
        "„quartier:new-x“",
        "eine Zeile des verschickten Formulars",
        ("Maßnahmen!",),
    ),
    Bad(
        "what the hidden sheet says of locked cells changed",
        edited(cell(FORM, "C8", "x")),
        "Formular!",
        "ein verändertes Blatt",
        "wie es verschickt wurde",
        as_ods=True,
    ),
    # the file
    Bad("nothing in it", lambda raw: b"", None, "eine leere Datei", SAVE),
    Bad("cut off", lambda raw: raw[: len(raw) // 2], None, "eine beschädigte Tabellendatei", "noch einmal schicken"),
    Bad("the end cut off", lambda raw: raw[:-30], None, "eine beschädigte Tabellendatei", "noch einmal schicken"),
    Bad(
        "a byte changed",
        lambda raw: raw[:2000] + bytes([raw[2000] ^ 255]) + raw[2001:],
        None,
        "eine beschädigte Tabellendatei",
        "noch einmal schicken",
    ),
    Bad("a CSV renamed", lambda raw: b"Kennzahl;Angabe\nMenschen;118\n", None, "keine Tabellendatei", SAVE),
    Bad("a page of the web renamed", lambda raw: b"<html><table></table></html>", None, "keine Tabellendatei", SAVE),
    Bad("a Word document renamed", docx, None, "eine gepackte Datei, aber keine Tabellendatei", SAVE),
    Bad("a PDF renamed", lambda raw: b"%PDF-1.7\n", None, "keine Tabellendatei", SAVE, ending="ods"),
    Bad("an old XLS renamed", lambda raw: OLE, None, "eine Tabellendatei der alten Art (XLS)", SAVE),
    Bad("an old XLS", lambda raw: OLE, None, "„.xls“", SAVE, ending="xls"),
    Bad("a CSV", lambda raw: b"a;b\n", None, "„.csv“", SAVE, ending="csv"),
    Bad("a file for macros by its ending", lambda raw: raw, None, "„.xlsm“", SAVE, ending="xlsm"),
    Bad("a file for macros by its kind", repacked(macro_type), None, "eine Datei mit Makros", "ohne Makros"),
    Bad("macros within", with_part("xl/vbaProject.bin"), None, "eine Datei mit Makros", "ohne Makros"),
    Bad(
        "macros within an ODS",
        lambda raw: with_part("Basic/Standard/Module1.xml")(as_ods(raw)),
        None,
        "eine Datei mit Makros",
        "ohne Makros",
        ending="ods",
    ),
    Bad(
        "a password",
        lambda raw: OLE + "EncryptedPackage".encode("utf-16-le"),
        None,
        "eine Datei mit Kennwort",
        "ohne Kennwort",
    ),
    Bad("a password of the packer", zip_password, None, "eine Datei mit Kennwort", "ohne Kennwort"),
    Bad("an ODS with a password", ods_password, None, "eine Datei mit Kennwort", "ohne Kennwort", ending="ods"),
    Bad("too many bytes", lambda raw: raw + bytes(sheets.MOST_BYTES), None, "weit mehr", SMALL),
    Bad("a bomb", bomb, None, "weit mehr", SMALL),
    Bad("a bomb that says it is small", lying_bomb, None, "eine beschädigte Tabellendatei", "noch einmal schicken"),
    Bad("thousands of parts", many_parts, None, "weit mehr", SMALL),
    Bad("entities", repacked(laughs), None, "wie sie kein Tabellenprogramm schreibt", SAVE),
    Bad("a text without end", repacked(long_string), None, "weit mehr", SMALL),
    Bad("a value in the last cell there is", edited(cell(REPORT, "XFD1048576", 1)), None, "weit mehr", SMALL),
    Bad("a value repeated a million times", ods_rows, None, "weit mehr", SMALL, ending="ods"),
    Bad(
        "the list of sheets missing",
        without_part("xl/_rels/workbook.xml.rels"),
        None,
        "eine beschädigte Tabellendatei",
        "noch einmal schicken",
    ),
    Bad(
        "a sheet that is no XML",
        with_part("xl/worksheets/sheet1.xml", b"<worksheet><sheetData>"),
        None,
        "eine beschädigte Tabellendatei",
        "noch einmal schicken",
    ),
]


def refused(folder, sites, **options):
    before = fingerprint(folder)
    with pytest.raises(forms.FormError) as error:
        forms.collect(folder, sites, **options)
    assert isinstance(error.value, FaultyInput)
    assert fingerprint(folder) == before
    assert all(fault.row is None for fault in error.value.faults)
    for fault in error.value.faults:
        assert fault.sentence(Texts(options.get("language", "de"))) in str(error.value)
    return error.value.faults


def check(case, faults, name):
    assert [fault.file for fault in faults] == [name] * (1 + len(case.more))
    assert [fault.column for fault in faults if fault.column not in case.more] == [case.where]
    assert sorted(f.column for f in faults if f.column in case.more) == sorted(case.more)
    fault = next(fault for fault in faults if fault.column == case.where)
    assert case.given in fault.given
    assert case.expected in fault.expected


def test_there_are_enough_ways_to_damage_a_form():
    assert len({case.reason for case in BAD}) == len(BAD) >= 60


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.reason)
def test_a_damaged_form_is_answered_with_file_sheet_cell_and_what_to_do(sites, filled, tmp_path, case):
    name = f"form.{case.ending}"
    (tmp_path / name).write_bytes(case.damage(filled))
    check(case, refused(tmp_path, sites), name)


@pytest.mark.parametrize("case", [case for case in BAD if case.as_ods], ids=lambda case: case.reason)
def test_a_damaged_ods_is_answered_in_the_same_way(sites, filled, tmp_path, case):
    (tmp_path / "form.ods").write_bytes(as_ods(case.damage(filled)))
    check(case, refused(tmp_path, sites), "form.ods")


def test_every_fault_in_every_form_is_told_at_once(sites, filled, tmp_path):
    put(
        tmp_path,
        a=edited(cell(REPORT, "F11", "viele"), cell(REPORT, "F16", -1), cell(MEASURES, "E11", "x"))(filled),
        b=b"",
        c=edited(cell(REVIEW, "C10", "x" * 2001))(filled),
    )
    places = [(fault.file, fault.column) for fault in refused(tmp_path, sites)]
    assert places == [
        ("a.xlsx", "Bericht!F11"),
        ("a.xlsx", "Bericht!F16"),
        ("a.xlsx", "Maßnahmen!E11"),
        ("b.xlsx", None),
        ("c.xlsx", "Rückblick!C10"),
    ]


def test_a_row_or_sheet_that_is_missing_is_told_by_its_name_and_in_no_cell(sites, filled, tmp_path):
    rows = [lambda book: book[REPORT].delete_rows(13), lambda book: book[MEASURES].delete_rows(16)]
    put(tmp_path, a=edited(*rows, delete_sheet(REVIEW))(filled))
    told = [fault.sentence(Texts()) for fault in refused(tmp_path, sites)]
    assert told[0].startswith("a.xlsx, Blatt „Bericht“: gegeben keine Zeile „Besuche“, erwartet")
    assert told[1].startswith("a.xlsx, Blatt „Rückblick“: gegeben kein solches Blatt, erwartet")
    assert told[2].startswith("a.xlsx, Blatt „Maßnahmen“: gegeben keine Zeile „Neu vereinbart, 3“, erwartet")


@pytest.mark.parametrize("day", ["31.02.2024", "im Herbst"])
def test_a_new_measure_is_told_all_that_it_lacks_at_once(sites, filled, tmp_path, day):
    changes = [cell(MEASURES, "C14", None), cell(MEASURES, "D14", day)]
    said = {one.column: one.sentence(Texts()) for one in refused(put(tmp_path, form=edited(*changes)(filled)), sites)}
    assert set(said) == {"Maßnahmen!C14", "Maßnahmen!D14"}
    assert "gegeben keine Antwort, erwartet wer es tut" in said["Maßnahmen!C14"]
    like = "ein Tag, den es im Kalender gibt," if day[0] == "3" else "ein Tag"
    assert said["Maßnahmen!D14"].endswith(f"gegeben „{day}“, erwartet {like} wie 26.01.2021 oder 2021-01-26")


BROKEN = {
    "a row deleted": (
        [lambda book: book[REPORT].delete_rows(13), cell(REPORT, "F11", 1234567), cell(REPORT, "F15", "viele")],
        {"Bericht!", "Bericht!F11", "Bericht!F15"},
    ),
    "a row deleted, and another question changed": (
        [lambda book: book[REPORT].delete_rows(13), cell(REPORT, "B11", "x"), cell(REPORT, "F11", "viele")],
        {"Bericht!"},
    ),
    "a row deleted of the measures": (
        [lambda book: book[MEASURES].delete_rows(16), cell(MEASURES, "E11", "x"), cell(REPORT, "F11", "viele")],
        {"Maßnahmen!", "Maßnahmen!E11", "Bericht!F11"},
    ),
    "a sheet deleted": (
        [delete_sheet(REVIEW), cell(REPORT, "F11", "viele"), cell(MEASURES, "E11", "x")],
        {"Rückblick!", "Bericht!F11", "Maßnahmen!E11"},
    ),
    "the sheet of the figures deleted": ([delete_sheet(REPORT), cell(MEASURES, "E11", "x")], {"Bericht!", "Maßnahmen!E11"}),
    "a column of no answers deleted": (
        [drop_column(REPORT, 4), cell(REPORT, "E11", "viele")],
        {"Bericht!A9", "Bericht!E11"},
    ),
    "a column of answers deleted": (
        [drop_column(REPORT, 6), cell(MEASURES, "E11", "x")],
        {"Bericht!A9", "Maßnahmen!E11"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_left_of_a_form_in_parts_is_told_in_the_same_go(sites, filled, tmp_path, case):
    changes, places = BROKEN[case]
    faults = refused(put(tmp_path, form=edited(*changes)(filled)), sites)
    assert sorted(fault.column for fault in faults) == sorted(places)


REQUIRED = (
    "Bericht!F11 („Erreichte Menschen“), Bericht!F16 („Bezahlte Stunden“), Bericht!F17 („Ausgegebene Mittel“), "
    "Maßnahmen!E11 („Ein Angebot für Männer beginnen.“) und Maßnahmen!E12 („Den Raum am Abend öffnen.“)"
)


@pytest.mark.parametrize(
    ("answers", "given"),
    [(forms.Answers(), "ein leeres Formular"), (forms.Answers({"helpers": 9}), "keine Pflichtangabe")],
    ids=["nothing at all", "a voluntary figure"],
)
def test_a_form_without_any_required_answer_is_told_once_with_its_questions(sites, tmp_path, answers, given):
    (fault,) = refused(put(tmp_path, form=forms.form(sites, "park", 2022, answers=answers)), sites)
    assert (fault.column, fault.given) == (None, given)
    assert fault.expected == f"das ausgefüllte Formular: {REQUIRED}"


def test_two_forms_of_a_site_that_differ_are_told_apart_by_cell(sites, filled, tmp_path):
    put(tmp_path, a=filled, b=edited(cell(REPORT, "F11", 119), cell(REVIEW, "C11", None))(filled))
    first, second = refused(tmp_path, sites)
    assert (first.file, first.column, first.given) == ("b.xlsx", "Bericht!F11", "„119“")
    assert first.expected == "„118“ wie in a.xlsx; nur eines der beiden Formulare im Ordner lassen"
    assert (second.file, second.column, second.given) == ("b.xlsx", "Rückblick!C11", "keine Antwort")


def test_forms_that_differ_are_told_as_a_person_would_type_it(sites, filled, tmp_path):
    put(
        tmp_path,
        a=filled,
        b=edited(
            cell(REPORT, "F11", "1.234,0"),
            cell(REPORT, "F17", 7500.5),
            cell(MEASURES, "E11", "offen"),
            cell(MEASURES, "D14", "1.10.2023"),
        )(filled),
    )
    said = {fault.column: (fault.given, fault.expected.partition(" wie in ")[0]) for fault in refused(tmp_path, sites)}
    assert said["Bericht!F11"] == ("„1234“", "„118“")
    assert said["Bericht!F17"] == ("„7500,5“", "„6917,05“")
    assert said["Maßnahmen!E11"] == ("„offen“", "„aufgegeben“")
    assert said["Maßnahmen!B14"][0].endswith(", 01.10.2023, offen“")


def test_a_part_of_a_thousand_and_more_is_told_so_that_it_can_be_read_in_one_way_only(sites, filled, tmp_path):
    raw = edited(cell(REPORT, "F11", "1.200"), cell(REPORT, "F11", 1200), cell(REPORT, "F12", "1.234,0"))(filled)
    (fault,) = refused(put(tmp_path, form=raw), sites)
    assert (fault.given, fault.expected) == ("„1234“", "höchstens 1200 wie in Bericht!F11: ein Teil davon")


@pytest.mark.parametrize("name", ["Mein Name", "", "ÄÖÜ", "a\n", "-a"])
def test_a_source_that_no_row_can_name_is_refused_before_anything_is_read(tmp_path, name):
    done = ran("quality", "collect", tmp_path / "none", "--data", tmp_path / "none", "--source", name, "--check")
    assert isinstance(done.exception, PlainError)
    assert re.fullmatch(r"Die Quelle \(--source\) erwartet einen Kurznamen .*, nicht „.*“\.", str(done.exception))


def test_a_form_of_another_year_is_refused(sites, filled, tmp_path):
    hill = replace(ANSWERS, states={})
    put(
        tmp_path,
        a=filled,
        b=forms.form(sites, "hill", 2022, answers=hill),
        c=forms.form(sites, "hill", 2021, answers=hill),
    )
    (fault,) = refused(tmp_path, sites)
    assert (fault.file, fault.given, fault.expected) == ("c.xlsx", "2021", "ein Formular für das Jahr 2022")
    assert {fault.file for fault in refused(tmp_path, sites, year=2021)} == {"a.xlsx", "b.xlsx"}


def test_a_made_up_form_among_reports_is_refused(sites, filled, tmp_path):
    hill = forms.form(sites, "hill", 2022, answers=replace(ANSWERS, states={}), demonstration=True)
    put(tmp_path, a=filled, b=hill)
    (fault,) = refused(tmp_path, sites)
    assert (fault.file, fault.given) == ("b.xlsx", "Vorführung: erfundene Zahlen")


def test_what_is_wrong_with_the_folder_is_told_with_a_fault_in_a_cell(sites, filled, tmp_path):
    wrong, hill = cell(REPORT, "F11", "viele"), replace(ANSWERS, states={})
    put(
        tmp_path,
        a=edited(wrong)(filled),
        b=edited(cell(REPORT, "F13", 1))(filled),
        c=edited(wrong)(forms.form(sites, "hill", 2021, answers=hill)),
        d=edited(delete_sheet(REVIEW))(forms.form(sites, "hill", 2022, answers=hill, demonstration=True)),
    )
    assert {(fault.file, fault.column, fault.given) for fault in refused(tmp_path, sites)} == {
        ("a.xlsx", "Bericht!F11", "„viele“"),
        ("b.xlsx", "Bericht!F13", "„1“"),  # which is another number in a.xlsx; its F11 is not compared
        ("c.xlsx", "Bericht!F11", "„viele“"),
        ("c.xlsx", None, "2021"),
        ("d.xlsx", "Rückblick!", "kein solches Blatt"),
        ("d.xlsx", None, "Vorführung: erfundene Zahlen"),
    }


@pytest.mark.parametrize(
    "change",
    [hidden("demonstration", "no"), without_visible_marks, lambda book: None],
    ids=["its hidden mark removed", "the visible marks removed", "as it was written"],
)
def test_a_made_up_form_stays_made_up_whatever_is_done_to_one_of_its_marks(sites, tmp_path, change):
    raw = forms.form(sites, "hill", 2022, answers=replace(ANSWERS, states={}), demonstration=True)
    collected = forms.collect(put(tmp_path, form=edited(change)(raw)), sites)
    assert collected.is_demonstration
    assert set(collected.tables) == {f"demonstration_{name}" for name in ("reports", "report_texts", "measures")}
    assert set(collected.table("reports")["basis"]) == {"assumed"}


def test_a_form_that_asks_what_the_city_asks_no_more_is_refused(filled, tmp_path):
    folder = write_dialogue_city(tmp_path / "city", without=("reports",))
    path = folder / "dialogue_indicators.csv"
    text = path.read_text(encoding="utf-8").replace("visits,begegnung,Besuche", "guests,begegnung,Gäste")
    path.write_text(text.replace(",Stunden,year", ",Tage,year"), encoding="utf-8")
    faults = refused(put(tmp_path / "in", form=filled), load(folder))
    assert [(fault.column, fault.expected.split(";")[0]) for fault in faults] == [
        ("Bericht!F13", "eine Kennzahl, nach der die Stadt fragt"),
        ("Bericht!D16", "die Einheit Tage, nach der die Stadt jetzt fragt"),
        ("Bericht!", "eine Zeile für Gäste"),
    ]


def test_faults_are_told_in_english_too(sites, filled, tmp_path):
    put(tmp_path, form=edited(cell(REPORT, "F11", "many"))(filled))
    (fault,) = refused(tmp_path, sites, language="en")
    assert fault.sentence(Texts("en")).startswith(
        "form.xlsx, sheet “Bericht”, cell F11: given “many”, expected a whole number"
    )


# --- any answers --------------------------------------------------------------------------------------------------

SIGNS = st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"), include_characters="\n")
WORDS = st.text(SIGNS, min_size=1, max_size=60).map(lambda text: text.strip(" \t\n\u00a0")).filter(bool)
CENTS = st.integers(0, 100_000_000).map(lambda cents: cents / 100)


@st.composite
def answers(draw):
    people = draw(st.integers(0, 100_000))
    figures = {
        "people": float(people),
        "hours": draw(st.integers(0, 2_000_000).map(lambda part: part / 100)),
        "money": draw(CENTS),
    }
    for key, values in (
        ("old", st.integers(0, people)),
        ("visits", st.integers(0, 10**9)),
        ("helpers", st.integers(1, 100)),
    ):
        if draw(st.booleans()):
            figures[key] = float(draw(values))
    days = st.dates(datetime.date(2022, 1, 1), datetime.date(2032, 12, 31))
    measure = st.builds(forms.NewMeasure, WORDS, WORDS, st.none() | days, st.sampled_from(blank.STATES))
    return forms.Answers(
        figures,
        {key: draw(WORDS) for key in figures if draw(st.booleans())},
        {kind: draw(WORDS) for kind in blank.KINDS if draw(st.booleans())},
        {key: draw(st.sampled_from(blank.STATES)) for key in ("park-2020-1", "park-2021-1")},
        tuple(draw(st.lists(measure, max_size=blank.NEW_MEASURES))),
    )


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(meant=answers(), as_other=st.booleans())
def test_any_answers_come_back_as_they_were_filled_in(sites, tmp_path, meant, as_other):
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    raw = forms.form(sites, "park", 2022, answers=meant)
    put(tmp_path / "any", form=as_ods(raw) if as_other else raw)
    assert told(forms.collect(tmp_path / "any", sites)) == meant


ODD = [
    None,
    "",
    "x",
    "quartier:figures",
    "quartier:form",
    "quartier:new-1",
    "park-2020-1",
    "site_id",
    "=1+1",
    "#N/A",
    "NaN",
    "9" * 400,
]
ODD += [0, -1, 1.5, 1e300, True, datetime.date(1900, 1, 1)]
PLACES = st.tuples(st.integers(0, 4), st.integers(1, 50), st.integers(1, 9), st.sampled_from(ODD))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd=st.lists(PLACES, min_size=1, max_size=4), as_other=st.booleans())
def test_whatever_stands_in_any_cell_is_read_or_told(sites, filled, tmp_path, odd, as_other):
    def change(book):
        for sheet, row, column, value in odd:
            book.worksheets[sheet].cell(row, column).value = value

    raw = edited(change)(filled)
    shutil.rmtree(tmp_path / "odd", ignore_errors=True)
    put(tmp_path / "odd", form=as_ods(raw) if as_other else raw)
    faults = ()
    try:
        assert len(forms.collect(tmp_path / "odd", sites).table("reports")) >= 3
    except forms.FormError as error:
        faults = error.faults
    assert not any("beschädigt" in fault.given for fault in faults)


# --- the city's folder --------------------------------------------------------------------------------------------


def test_the_demonstration_comes_back_as_it_was_made_up(bielefeld, tmp_path):
    forms.demonstrate(bielefeld, tmp_path, 2022)
    collected = forms.collect(tmp_path, bielefeld)
    assert collected.is_demonstration
    for name in ("reports", "report_texts", "measures"):
        table, known = collected.table(name), bielefeld.table(f"demonstration_{name}")
        wanted = known if name == "measures" else known[known["year"] == 2022]
        keys = {"reports": ["site_id", "indicator"], "report_texts": ["site_id", "kind"], "measures": ["measure_id"]}[
            name
        ]
        columns = [column for column in known if column not in ("file", "cell")]
        one, other = (frame[columns].sort_values(keys, ignore_index=True) for frame in (table, wanted))
        pd.testing.assert_frame_equal(one, other, check_dtype=False)
        assert len(table) > 10


def test_reports_are_added_to_a_city_that_had_none(filled, tmp_path):
    lacking = ("reports", "report_texts", "measures")
    folder = write_dialogue_city(tmp_path / "city", without=lacking)
    answers = replace(ANSWERS, states={})
    raw = forms.form(load(folder), "park", 2022, answers=answers)
    collected = forms.collect(put(tmp_path / "in", form=raw), load(folder))
    changed = forms.save_collected(collected, folder)
    assert changed == ("sources.csv", "reports.csv", "report_texts.csv", "measures.csv", "datapackage.json")
    found = load(folder)
    assert found.table("reports")["value"].sum() == sum(ANSWERS.figures.values())
    assert "qualitaetsdialog-2022" in set(found.table("sources")["source_id"])
    texts = dict(zip(found.table("report_texts")["kind"], found.table("report_texts")["text"], strict=True))
    assert texts == ANSWERS.texts
    assert list(found.table("measures")["text"]) == [one.text for one in ANSWERS.new]
    assert forms.save_collected(collected, folder) == ()


def test_what_a_site_reports_takes_the_place_of_its_older_report_of_the_year(sites, filled, tmp_path):
    folder = write_dialogue_city(tmp_path / "city")
    for people in (118, 120):
        raw = edited(cell(REPORT, "F11", people))(filled)
        forms.save_collected(forms.collect(put(tmp_path / "in", form=raw), sites), folder)
    found = load(folder)
    reports = found.table("reports")
    this = reports[(reports["year"] == 2022) & (reports["indicator"] == "people")]
    assert list(this["value"]) == [120]
    assert list(reports.loc[reports["year"] == 2021, "value"]) == [106, 198.5, 44]
    measures = found.table("measures").set_index("measure_id")
    assert dict(measures["state"]) == {
        "park-2020-1": "dropped", "park-2021-1": "done", "park-2021-2": "done", "hill-2021-1": "dropped",
        "park-2022-1": "open", "park-2022-2": "open",
    }  # fmt: skip
    assert measures.loc["park-2020-1", "year"] == 2020


def test_texts_are_no_formulas_for_who_opens_the_tables_in_a_spreadsheet(sites, filled, tmp_path):
    folder = write_dialogue_city(tmp_path / "city")
    forms.save_collected(forms.collect(put(tmp_path / "in", form=filled), sites), folder)
    for name in ("reports", "report_texts", "measures"):
        with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as source:
            assert not [one for row in csv.reader(source) for one in row if one.startswith(("=", "+", "-", "@"))]
    assert load(folder).table("report_texts")["text"].str.startswith("=").any()


def test_a_form_keeps_texts_as_texts(filled):
    shown = openpyxl.load_workbook(io.BytesIO(filled))
    for sheet, name in ((REVIEW, "C11"), (MEASURES, "B14"), (MEASURES, "C15")):
        assert shown[sheet][name].data_type == "s"


def test_nothing_is_changed_where_the_folder_would_no_longer_be_right(sites, filled, tmp_path):
    folder = write_dialogue_city(tmp_path / "city")
    collected = forms.collect(put(tmp_path / "in", form=filled), sites)
    collected.table("reports")["unit"] = None
    before = fingerprint(folder)
    with pytest.raises(FaultyInput, match="Spalte unit") as error:
        forms.save_collected(collected, folder)
    assert str(error.value).splitlines()[0].startswith(f"{folder}: ")
    assert fingerprint(folder) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["city", "in"]


def test_what_was_there_is_there_again_where_the_disk_is_full(sites, filled, tmp_path, monkeypatch):
    folder = write_dialogue_city(tmp_path / "city")
    collected = forms.collect(put(tmp_path / "in", form=filled), sites)
    before, put_in_place, count = fingerprint(folder), Path.replace, []

    def replace_(self, target):
        count.append(target)
        if len(count) == 3:
            raise OSError(28, "No space left on device")
        return put_in_place(self, target)

    monkeypatch.setattr(Path, "replace", replace_)
    with pytest.raises(PlainError, match="voll"):
        forms.save_collected(collected, folder)
    assert len(count) == 3
    assert fingerprint(folder) == before


def test_made_up_reports_never_become_reports(bielefeld, tmp_path):
    folder = tmp_path / "city"
    shutil.copytree(DATA, folder)
    forms.demonstrate(bielefeld, tmp_path / "in")
    forms.save_collected(forms.collect(tmp_path / "in", bielefeld), folder)
    found = load(folder)
    assert "reports" not in found.tables
    assert set(found.table("demonstration_reports")["basis"]) == {"assumed"}
    assert found.table("demonstration_reports")["file"].notna().any()


# --- the command line ---------------------------------------------------------------------------------------------


def ran(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_agreements_that_end_before_the_year_are_named_beside_the_forms(tmp_path, say):
    bielefeld = load(DATA)
    assert forms.ended_before(bielefeld, 2023) == ""
    said = forms.ended_before(bielefeld, 2024)
    assert said.startswith(
        "Nach dem Kalender (calendar.csv) enden diese Vereinbarungen vor 2024: Westerfeldstraße: 31.12.2023 (angenommen), "
    )
    assert said.count("31.12.2023 (angenommen)") == 7
    code, out, err = say("quality", "forms", "--year", "2024", "--out", tmp_path / "forms", "--data", DATA)
    assert (code, out.splitlines()[-1], err) == (0, said, "")


def test_the_commands_go_from_forms_to_tables(tmp_path):
    folder = write_dialogue_city(tmp_path / "city")
    out = tmp_path / "out"
    written = ran("quality", "forms", "--year", "2022", "--out", out, "--data", folder)
    assert written.output.splitlines() == [str(out / "2022-park.xlsx"), str(out / "2022-hill.xlsx")]
    raw = edited(
        *(cell(REPORT, name, value) for name, value in (("F11", 3), ("F16", 4), ("F17", 5))),
        *(cell(MEASURES, name, "offen") for name in ("E11", "E12")),
    )((out / "2022-park.xlsx").read_bytes())
    put(tmp_path / "in", form=raw)
    before = fingerprint(folder)
    checked = ran("quality", "collect", tmp_path / "in", "--data", folder, "--check")
    assert checked.output.splitlines()[0] == "1 Bericht für das Jahr 2022: 3 Zahlen, 0 Texte, 2 Maßnahmen."
    assert "Ohne Bericht: Am Hügel." in checked.output
    assert fingerprint(folder) == before
    done = ran("quality", "collect", tmp_path / "in", "--data", folder)
    assert done.output.splitlines()[-1].startswith("Geändert in ")
    assert fingerprint(folder) != before
    again = ran("quality", "collect", tmp_path / "in", "--data", folder)
    assert again.output.splitlines()[-1].startswith("Alles stand schon in ")


def test_the_demonstration_is_written_by_a_command(tmp_path):
    done = ran("quality", "demonstrate", "--out", tmp_path / "out", "--data", DATA, "--year", "2021")
    assert done.exit_code == 0
    assert len(list((tmp_path / "out").glob("2021-*.xlsx"))) == 7
