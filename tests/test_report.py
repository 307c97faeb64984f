"""Tables for machines, tables and a spreadsheet for people, and that all of it is written or nothing."""

import builtins
import csv
import datetime
import errno
import html
import io
import math
import re
from pathlib import Path

import openpyxl
import pandas as pd
import pytest
from small_city import fingerprint, write_city

import quartier as q
from quartier import report

FORMULAS = ('=HYPERLINK("http://example.org","x")', "=1+1", "+49 521", "-12", "@SUM(A1)")


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    return q.load(write_city(tmp_path_factory.mktemp("city") / "data"), today=datetime.date(2026, 11, 24))


@pytest.fixture(scope="module")
def plan(sites):
    return q.allocate(sites, q.Scenario(budget_eur=20_000, max_sites=2, title="Übersee & Umland"))


@pytest.fixture(scope="module")
def scenarios(sites, plan):
    with pytest.raises(q.InfeasibleScenario) as impossible:
        q.allocate(sites, q.Scenario(name="poor", budget_eur=100))
    cut = q.allocate(sites, q.Scenario(name="cut", budget_eur=12_345.67, step_eur=0.01, title="Kürzung"))
    return {"baseline": plan, "cut": cut, "poor": impossible.value}


@pytest.fixture(scope="module")
def saved(plan, scenarios, tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "run"
    q.save(plan, folder, scenarios=scenarios)
    return folder


@pytest.fixture(scope="module")
def workbook(saved):
    return openpyxl.load_workbook(saved / report.SPREADSHEET)


def from_frame(**columns):
    table = {
        "site_id": ["a", "b"],
        "need": [100.0, 50.0],
        "status": ["signed", "prospective"],
        "scale_eur": [8000.0] * 2,
    }
    return q.Sites.from_frame(pd.DataFrame({**table, "min_eur": [1000.0] * 2, "max_eur": [9000.0] * 2, **columns}))


class Notebook:
    """Stands in for IPython: keeps what is shown."""

    def __init__(self):
        self.display_pub, self.shown = self, []

    def publish(self, data, metadata):
        self.shown.append((data, metadata))


@pytest.fixture
def shown(monkeypatch):
    notebook = Notebook()
    monkeypatch.setattr(builtins, "get_ipython", lambda: notebook, raising=False)
    return notebook.shown


def read_csv(path):
    with path.open(encoding="utf-8", newline="") as source:
        return list(csv.DictReader(source))


def header_row(sheet):
    """Number of the first row below the frozen panes' edge, less one."""
    return int(re.search(r"\d+", sheet.freeze_panes)[0]) - 1


def by_heading(sheet):
    """Cells below each heading."""
    top = header_row(sheet)
    return {
        cell.value: [row[cell.column - 1] for row in sheet.iter_rows(min_row=top + 1)]
        for cell in sheet[top]
        if cell.value
    }


# --- showing ------------------------------------------------------------------------------------------------------


def test_a_table_is_shown_with_headings_units_and_caption(plan, shown):
    q.show(plan.table(), caption="Wer bekommt wie viel")
    ((data, _),) = shown
    page, text = data["text/html"], data["text/plain"]
    assert page.startswith("<table>\n<caption>Wer bekommt wie viel</caption>")
    assert '<th scope="col" style="text-align: left">Standort</th>' in page
    assert '<th scope="row" style="text-align: left">Am Hügel</th>' in page
    amount = plan.texts.eur(plan.amounts["park"])
    assert re.fullmatch(r"\d{1,2}\.\d{3} EUR", amount)
    assert f'<td style="text-align: right; white-space: nowrap">{amount.replace(" ", "&nbsp;")}</td>' in page
    assert f" {amount}  " in text
    assert plan.texts.percent(plan.table().loc["park", "coverage"]) in text
    assert "unterschrieben" in text
    assert "signed" not in text


def test_html_and_text_of_a_table_hold_the_same_strings(plan, shown):
    q.show(plan.baselines())
    ((data, _),) = shown
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", data["text/html"].replace("&nbsp;", " "))
    lines = data["text/plain"].splitlines()
    assert [re.split(r" {2,}", line.strip()) for line in (lines[0], *lines[2:])] == [
        cells[start : start + 7] for start in range(0, len(cells), 7)
    ]


def test_markup_in_a_table_is_only_text(shown):
    q.show(pd.DataFrame({"<b>": ["<script>alert(1)</script>"]}), caption="<i>")
    ((data, _),) = shown
    assert "<script>" not in data["text/html"]
    assert "<b>" not in data["text/html"]
    assert "<i>" not in data["text/html"]
    assert "&lt;script&gt;" in data["text/html"]


def test_a_table_is_shown_in_the_language_asked_for(plan, shown):
    q.show(plan.table(), "en")
    ((data, _),) = shown
    assert "signed" in data["text/plain"]
    assert f"{plan.amounts['park']:,.0f} EUR" in data["text/plain"]
    assert "<caption>Table of 3 rows</caption>" in data["text/html"]


def test_blanks_days_and_yes_and_no_are_shown_as_people_write_them(shown):
    day = datetime.date(2021, 1, 26)
    q.show(pd.DataFrame({"a": [None, "x"], "b": [float("nan"), 1.0], "c": [day, None], "d": [True, False]}))
    ((data, _),) = shown
    lines = [line.split() for line in data["text/plain"].splitlines()[2:]]
    assert lines == [["–", "–", "26.01.2021", "ja"], ["x", "1,0", "–", "nein"]]


def test_columns_of_one_unit_are_shown_in_it(shown):
    frame = pd.DataFrame({"park": [8000.0, 1234.5]}, index=pd.Index(["plan", "equal_split"], name="baseline"))
    frame.attrs = {"unit": "EUR", "headings": {"park": "Am Park"}}
    q.show(frame)
    ((data, _),) = shown
    assert data["text/plain"].split()[-1] == "EUR"
    assert "Am Park" in data["text/plain"]
    assert "8.000 EUR" in data["text/plain"]
    assert "1.234,50 EUR" in data["text/plain"]
    assert "dieser Plan" in data["text/plain"]


def test_a_figure_is_shown_with_its_text_alternative(plan, shown):
    ax = q.plot_amounts(plan)
    q.show(ax)
    ((data, metadata), (below, _)) = shown
    assert data["image/png"].startswith(b"\x89PNG")
    assert data["text/plain"] == metadata["image/png"]["alt"]
    assert "EUR" in data["text/plain"]
    assert set(data) == {"image/png", "text/plain"}
    assert f"<p>{html.escape(data['text/plain'])}</p>" in below["text/html"], (
        "JupyterLab drops the alt text of a picture"
    )


def test_a_text_and_an_error_are_shown_as_paragraphs(shown):
    q.show("Ein <Satz>.\nNoch einer.")
    q.show(q.PlainError("Ein Fehler.\n  - sein Grund"))
    (text, _), (error, _) = shown
    assert text == {
        "text/html": "<p>Ein &lt;Satz&gt;.</p>\n<p>Noch einer.</p>",
        "text/plain": "Ein <Satz>.\nNoch einer.",
    }
    assert error["text/html"] == "<p>Ein Fehler.</p>\n<p>- sein Grund</p>"


def test_a_plan_is_shown_in_its_five_lines(plan, shown):
    q.show(plan)
    ((data, _),) = shown
    assert data["text/plain"].splitlines() == plan.summary()
    assert data["text/html"].count("<li>") == 5
    assert "Übersee &amp; Umland" in data["text/html"]


def test_outside_a_notebook_the_text_is_printed(plan, capsys):
    q.show(plan)
    assert capsys.readouterr().out.splitlines() == plan.summary()


@pytest.mark.parametrize("thing", [8000, ["plan"], None])
def test_other_things_are_refused(thing, shown):
    with pytest.raises(q.PlainError, match="show"):
        q.show(thing)
    assert shown == []


def test_a_language_without_a_catalogue_is_refused(plan):
    with pytest.raises(q.PlainError, match="„fr“"):
        q.show(plan.table(), "fr")


# --- tables -------------------------------------------------------------------------------------------------------


def test_tables_of_a_city_hold_all_that_a_plan_rests_on(plan, scenarios):
    assert set(report.tables(plan, scenarios)) == {
        "distribution", "need", "catchments", "baselines", "baseline_amounts", "leave_one_out", "scenarios",
        "scenario_amounts", "scenario", "assumptions", "agreements", "sources",
    }  # fmt: skip


def test_sites_without_sources_have_fewer_tables_and_say_so():
    found = report.tables(q.allocate(from_frame(), q.Scenario()))
    assert set(found) == {"distribution", "need", "baselines", "baseline_amounts", "scenario"}
    assert set(found["distribution"]["assumed"]) == {"undocumented"}


def test_the_contributions_add_up_to_the_need(plan):
    need = report.tables(plan)["need"]
    assert list(need["old"] + need["very_old"]) == pytest.approx(list(plan.need))


def test_shared_residents_are_shown_with_their_areas(plan):
    catchments = report.tables(plan)["catchments"].loc["park"]
    assert (catchments["area"], catchments["share"], catchments["basis"]) == ("Ufer", 0.6, "assumed")
    assert catchments["effective_share"] == pytest.approx(0.6 / 1.4)


def test_each_table_that_rests_on_assumed_figures_names_them(plan, scenarios):
    found = report.tables(plan, scenarios)
    for name in ("distribution", "need", "baseline_amounts", "leave_one_out"):
        assert found[name].loc["park", "assumed"] == "need; min_eur; max_eur; response"
        assert found[name].loc["hill", "assumed"] == "status; need; min_eur; max_eur; scale_eur; response"
    for name in ("baselines", "scenarios", "scenario_amounts"):
        for assumed in found[name]["assumed"]:
            assert set(assumed.split("; ")) == {"status", "need", "scale_eur", "min_eur", "max_eur", "response"}
    assert "basis" in found["catchments"]
    assert "basis" in found["agreements"]


def test_an_impossible_scenario_stands_beside_the_others_with_its_reason(plan, scenarios):
    found = report.tables(plan, scenarios)
    assert found["scenarios"].loc["poor", "outcome"] == str(scenarios["poor"]).splitlines()[0]
    assert math.isnan(found["scenarios"].loc["poor", "benefit"])
    assert list(found["scenario_amounts"]) == ["name", "baseline", "cut", "assumed"]


def test_the_scenario_table_holds_every_field_and_tells_the_defaults(plan):
    fields = report.tables(plan)["scenario"]
    assert set(fields.index) == set(q.Scenario.model_fields)
    assert fields.loc["budget_eur", "value"] == 20_000
    assert fields.loc["committed", "value"] == "signed"
    assert not fields.loc["budget_eur", "default"]
    assert fields.loc["committed", "default"]


def test_the_history_of_an_agreement_is_kept(plan):
    history = report.tables(plan)["agreements"]
    park = history[history["site_id"] == "park"]
    assert list(park["status"]) == ["prospective", "signed"]
    assert list(park["provider"].fillna("")) == ["", "AWO"]
    assert history.loc["yard-2021", "reason"] == "andere Vorstellungen"


# --- what would change it -----------------------------------------------------------------------------------------


WHAT_IF = ["next_money", "cost_of_rules", "frontier", "alternatives", "alternative_plans", "alternative_amounts"]


def test_the_tables_of_what_would_change_a_plan_hold_what_was_found(plan):
    found = q.what_if(plan)
    assert list(found) == WHAT_IF
    costs = q.cost_of_rules(plan)
    assert sorted(found["cost_of_rules"]["saved_eur"]) == sorted(costs["saved_eur"])
    assert sum(found["cost_of_rules"]["gained_benefit"]) == pytest.approx(sum(costs["benefit"]))
    assert found["cost_of_rules"]["gained_share"].is_monotonic_decreasing
    pd.testing.assert_frame_equal(found["frontier"], q.frontier(plan.sites, plan.scenario))
    assert list(found["next_money"]["more_eur"]) == list(q.next_money(plan)["more_eur"])
    assert list(found["alternatives"]["amount_eur"]) == list(found["alternative_amounts"]["plan"]) == list(plan.amounts)
    for frame in found.values():
        assert frame.attrs["caption"] == plan.assumed_sentence()


def test_the_plans_own_aversion_is_on_its_frontier(plan):
    averse = q.allocate(plan.sites, plan.scenario.replace(inequality_aversion=1.5))
    assert list(q.what_if(averse)["frontier"]["inequality_aversion"]) == [0, 0.5, 1, 1.5, 2, 5, math.inf]


def test_what_is_not_known_of_a_plan_has_its_reason_in_the_tables_place(plan, tmp_path, shown):
    divided = q.allocate(plan.sites, plan.scenario.replace(method="equal-split"))
    found = q.what_if(divided)
    assert list(found) == WHAT_IF
    for reason in found.values():
        q.show(reason)
    assert all("nach einer festen Regel" in data["text/plain"] for data, _ in shown)
    q.save(divided, tmp_path / "run")
    assert not {path.stem for path in (tmp_path / "run").rglob("*.*")} & {*WHAT_IF}
    worst_off_first = q.what_if(q.allocate(plan.sites, plan.scenario.replace(inequality_aversion=math.inf)))
    assert isinstance(worst_off_first["cost_of_rules"], q.PlainError)
    assert isinstance(worst_off_first["frontier"], pd.DataFrame)


def test_what_takes_a_solve_for_each_site_is_left_out_for_very_many(plan, monkeypatch):
    monkeypatch.setattr(report, "_MOST_SITES", 2)
    found = q.what_if(plan)
    assert [name for name, one in found.items() if isinstance(one, q.PlainError)] == [
        "cost_of_rules",
        *WHAT_IF[3:],
    ]
    assert "höchstens 2 Standorte" in str(found["cost_of_rules"])


def test_rules_and_alternatives_are_named_for_people(plan, shown):
    for name in ("cost_of_rules", "frontier", "alternatives", "alternative_plans", "alternative_amounts", "next_money"):
        q.show(q.what_if(plan)[name])
    pages = [data["text/html"] for data, _ in shown]
    assert (
        '<th scope="row" style="text-align: left">einzelne Zusage</th><td style="text-align: left">Am Park</td>'
        in pages[0]
    )
    assert '<td style="text-align: left">abgelehnt</td>' in pages[0]
    assert "unendlich" in pages[1]
    assert "bewiesen" in pages[1]
    assert "in allen" in pages[2]
    assert "Alternative 1" in pages[3]
    assert "dieser Plan" in pages[4]
    assert "Änderung mit 1.000 EUR mehr (EUR)" in pages[5]


def test_an_infinite_aversion_is_a_word_in_the_spreadsheet(workbook):
    cells = by_heading(workbook["Gleichmäßigkeit"])["Ungleichheitsaversion"]
    assert [cell.value for cell in cells] == [0, 0.5, 1, 2, 5, "unendlich"]


def test_sentences_are_shown_as_a_list(plan, shown):
    said = q.sentences(plan, "rules")
    q.show(said)
    ((data, _),) = shown
    assert data["text/html"].count("<li>") == data["text/plain"].count("\n- ") + 1 == len(said)
    assert html.escape(said[0].sentence) in data["text/html"]


# --- CSV ----------------------------------------------------------------------------------------------------------


def test_numbers_read_back_from_csv_to_the_very_same(plan, scenarios, saved):
    compared = 0
    for name, frame in report.tables(plan, scenarios).items():
        rows = read_csv(saved / "tables" / f"{name}.csv")
        assert len(rows) == len(frame), name
        for column in frame.select_dtypes("float"):
            given = [row[column] for row in rows]
            assert [float(text) if text else None for text in given] == [
                None if math.isnan(value) else value for value in frame[column]
            ]
            compared += len(given)
    assert compared > 50


def test_csv_is_plain_utf8_without_decimal_commas(saved):
    files = sorted((saved / "tables").iterdir())
    assert len(files) == 18
    for file in files:
        raw = file.read_bytes()
        assert b"\r" not in raw
        assert not raw.startswith(b"\xef\xbb\xbf")
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8"), newline="")))
        assert {len(row) for row in rows} == {len(rows[0])}, file
        assert all(re.fullmatch(r"[a-z0-9_-]+", name) for name in rows[0]), file
        assert not any(re.fullmatch(r"-?[\d.]+,\d+", cell) for row in rows for cell in row), file


def test_texts_days_and_truths_in_csv_are_plain(saved):
    agreements = read_csv(saved / "tables" / "agreements.csv")
    assert agreements[0]["date"] == "2020-01-31"
    assert agreements[0]["provider"] == ""
    assert agreements[3]["housing_company"] == "Scholle, eG"
    assert {row["default"] for row in read_csv(saved / "tables" / "scenario.csv")} == {"true", "false"}


# --- spreadsheet --------------------------------------------------------------------------------------------------


def test_the_spreadsheet_speaks_german(workbook):
    assert workbook.sheetnames == [
        "Verteilung", "Bedarf", "Vergleich", "Vergleich Beträge", "Szenarien", "Szenarien Beträge", "Etwas mehr oder weniger",
        "Kosten der Regeln", "Gleichmäßigkeit", "Gleichwertige Pläne", "Alternativen", "Alternativen Beträge", "Einzugsgebiete",
        "Ohne einen Indikator", "Szenario", "Annahmen", "Vereinbarungen", "Quellen",
    ]  # fmt: skip
    for sheet in workbook:
        for heading in by_heading(sheet):
            assert "_" not in heading, f"{sheet.title}: {heading}"


def test_an_english_scenario_gives_an_english_spreadsheet(plan, tmp_path):
    english = q.allocate(plan.sites, plan.scenario.replace(language="en"))
    q.save(english, tmp_path / "run")
    book = openpyxl.load_workbook(tmp_path / "run" / report.SPREADSHEET)
    assert book.sheetnames[:2] == ["Distribution", "Need"]
    sheet = book["Distribution"]
    assert by_heading(sheet)["Coverage (share of need)"][0].number_format == "0.0%"
    assert "Benefit" in sheet["A3"].value


def test_amounts_are_numbers_in_euros_and_shares_per_cent(plan, workbook):
    columns = by_heading(workbook["Verteilung"])
    amounts = columns["Betrag (EUR)"][:3]
    assert [cell.value for cell in amounts] == list(plan.amounts)
    assert {cell.number_format for cell in amounts} == {'#,##0 "EUR"'}
    shares = columns["Reichweite (Anteil am Bedarf)"][:3]
    assert [cell.value for cell in shares] == pytest.approx(list(plan.table()["coverage"]))
    assert {cell.number_format for cell in shares} == {"0.0 %"}
    assert {cell.number_format for cell in columns["Bedarf (gewichtete Personen)"][:3]} == {"#,##0.0"}


def test_cents_are_shown_where_there_are_any(workbook):
    columns = by_heading(workbook["Szenarien"])
    assert [cell.number_format for cell in columns["Budget (EUR)"][:2]] == ['#,##0 "EUR"', '#,##0.00 "EUR"']


def test_days_are_days(workbook):
    cell = by_heading(workbook["Vereinbarungen"])[q.language.Texts().column("date")][0]
    assert cell.value == datetime.datetime(2020, 1, 31)
    assert cell.number_format == "dd.mm.yyyy"


def test_sums_follow_the_amounts(plan, workbook, saved):
    columns = by_heading(workbook["Verteilung"])
    cell = columns["Betrag (EUR)"][3]
    assert columns["Standort"][3].value == "Summe"
    assert re.fullmatch(r"=SUM\(([A-Z]+)(\d+):\1(\d+)\)", cell.value)
    values = openpyxl.load_workbook(saved / report.SPREADSHEET, data_only=True)["Verteilung"]
    assert values[cell.coordinate].value == plan.spent_eur


def test_headings_stay_in_sight_and_on_every_page(workbook):
    for sheet in workbook:
        top = header_row(sheet)
        assert sheet.freeze_panes == f"B{top + 1}"
        assert sheet.print_title_rows == f"${top}:${top}"
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.paperSize == 9
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.page_setup.fitToWidth in (1, None)  # 1 is the default of the format
        assert sheet.page_setup.fitToHeight == 0


def test_every_column_is_wide_enough_for_its_numbers_and_words(workbook):
    for sheet in workbook:
        for heading, cells in by_heading(sheet).items():
            width = sheet.column_dimensions[openpyxl.utils.get_column_letter(cells[0].column)].width
            assert width >= max(map(len, heading.split())), f"{sheet.title}: {heading}"
            for cell in cells:
                if isinstance(cell.value, (int, float)):
                    digits = cell.number_format.partition(".")[2].count("0")
                    unit = cell.number_format.partition('"')[2].strip('"')
                    assert width >= len(f"{cell.value:,.{digits}f} {unit}"), f"{sheet.title}: {cell.coordinate}"


def test_rows_are_high_enough_for_wrapped_texts(workbook):
    sheet = workbook["Verteilung"]
    why = by_heading(sheet)["Begründung"][0]
    width = sheet.column_dimensions[why.column_letter].width
    assert why.alignment.wrap_text
    assert sheet.row_dimensions[why.row].height >= 13 * math.ceil(len(why.value) / (1.2 * width))


def test_the_first_sheet_says_what_the_plan_is_and_how_far_to_trust_it(plan, workbook):
    sheet = workbook.worksheets[0]
    above = [row[0].value for row in sheet.iter_rows(max_row=header_row(sheet) - 1) if row[0].value]
    assert above[0] == "Verteilung: Übersee & Umland"
    assert above[1:6] == plan.summary()
    assert plan.outcome_sentence() in above


def test_sheets_that_rest_on_assumed_figures_say_so(plan, workbook):
    for name in (
        "Verteilung",
        "Bedarf",
        "Vergleich",
        "Vergleich Beträge",
        "Szenarien",
        "Szenarien Beträge",
        "Ohne einen Indikator",
        "Etwas mehr oder weniger",
        "Kosten der Regeln",
        "Gleichmäßigkeit",
        "Gleichwertige Pläne",
        "Alternativen",
        "Alternativen Beträge",
    ):
        sheet = workbook[name]
        above = [row[0].value for row in sheet.iter_rows(max_row=header_row(sheet))]
        assert plan.assumed_sentence() in above, name


def test_assumed_figures_are_in_italics(workbook):
    columns = by_heading(workbook["Verteilung"])
    assert [cell.font.italic for cell in columns["Status"][:3]] == [False, True, False]
    assert [cell.font.italic for cell in columns["Mindestbetrag (EUR)"][:3]] == [True, True, True]
    assert [cell.font.italic for cell in columns["Betrag (EUR)"][:3]] == [False, False, False]
    assert columns["angenommen"][0].value == "Bedarf, Mindestbetrag, Höchstbetrag und Wirkungskurve"


def test_sheets_with_the_register_name_its_source(plan, workbook):
    assert plan.attribution() == "Quelle: Stadt Übersee (CC BY-SA 4.0)"
    for name in ("Verteilung", "Bedarf", "Einzugsgebiete", "Ohne einen Indikator", "Quellen"):
        sheet = workbook[name]
        assert plan.attribution() in [row[0].value for row in sheet.iter_rows(max_row=header_row(sheet))], name
        assert sheet.oddFooter.left.text == plan.attribution()


def test_assumptions_and_sources_have_sheets_of_their_own(plan, workbook):
    assert len(by_heading(workbook["Annahmen"])["Wert"]) == len(plan.sites.assumptions())
    assert "Am Park / Ufer" in [cell.value for cell in by_heading(workbook["Annahmen"])["Kennung"]]
    assert [cell.value for cell in by_heading(workbook["Quellen"])["Titel"]] == [
        "Melderegister",
        "Annahmen der Planung",
    ]


def test_texts_that_look_like_formulas_are_inert(tmp_path):
    frame = pd.DataFrame(
        {
            "site_id": list("abcde"),
            "name": FORMULAS,
            "need": 100.0,
            "status": "signed",
            "scale_eur": 8000.0,
            "min_eur": 1000.0,
            "max_eur": 9000.0,
        }
    )
    q.save(q.allocate(q.Sites.from_frame(frame), q.Scenario()), tmp_path / "run")
    sheet = openpyxl.load_workbook(tmp_path / "run" / report.SPREADSHEET)["Verteilung"]
    cells = by_heading(sheet)["Standort"][:5]
    assert [cell.value for cell in cells] == list(FORMULAS)
    assert {cell.data_type for cell in cells} == {"s"}
    assert not any(cell.hyperlink for cell in cells)


# --- files --------------------------------------------------------------------------------------------------------


class AnyDay(type):
    """So that days made before the clock was changed are still days."""

    def __instancecheck__(cls, value):
        return isinstance(value, datetime.datetime)


class Later(datetime.datetime, metaclass=AnyDay):
    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2031, 5, 4, 3, 2, 1, tzinfo=tz)


def test_the_same_plan_gives_the_same_bytes_on_any_day(plan, scenarios, saved, tmp_path, monkeypatch):
    monkeypatch.setattr("xlsxwriter.core.datetime", Later)
    monkeypatch.setattr("time.time", lambda: 1_935_000_000.0)
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1900000000")
    q.save(plan, tmp_path / "later", scenarios=scenarios)
    assert fingerprint(tmp_path / "later") == fingerprint(saved)


def test_a_run_holds_pictures_tables_and_a_spreadsheet(saved):
    assert {path.name for path in saved.iterdir()} == {"figures", "tables", "verteilung.xlsx"}
    pictures = {path.name for path in (saved / "figures").iterdir()}
    names = {"amounts", "baselines", "cooperation", "frontier", "leave_one_out", "map", "need", "response", "scenarios"}
    assert pictures == {f"{name}.{ending}" for name in names for ending in ("png", "svg")}


def test_saving_again_takes_the_place_of_what_was_there(plan, tmp_path):
    q.save(plan, tmp_path / "run")
    (tmp_path / "run" / "mine.txt").write_text("stays")
    less = q.allocate(plan.sites, plan.scenario.replace(budget_eur=10_000))
    q.save(less, tmp_path / "run")
    rows = read_csv(tmp_path / "run" / "tables" / "distribution.csv")
    assert sum(float(row["amount_eur"]) for row in rows) == less.spent_eur
    assert (tmp_path / "run" / "mine.txt").read_text() == "stays"
    assert not list((tmp_path / "run").glob(".*"))


@pytest.mark.parametrize("written", [0, 1, 4])
def test_a_full_disk_leaves_nothing(plan, tmp_path, monkeypatch, written):
    write, done = Path.write_bytes, []

    def full(path, data):
        done.append(path)
        if len(done) > written:
            write(path, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, data)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(q.PlainError, match="Datenträger ist voll"):
        q.save(plan, tmp_path / "outputs" / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_what_was_saved_before(plan, tmp_path, monkeypatch):
    q.save(plan, tmp_path / "run")
    before = fingerprint(tmp_path)

    def full(path, data):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(q.PlainError, match="Datenträger ist voll"):
        q.save(plan, tmp_path / "run")
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("place", ["file", "file/run"])
def test_a_file_in_the_place_of_the_folder_is_named(plan, tmp_path, place):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(q.PlainError, match="Datei dieses Namens") as refused:
        q.save(plan, tmp_path / place)
    assert str(refused.value).count("\n") == 0
    assert fingerprint(tmp_path).keys() == {"file"}


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (errno.EACCES, "darf nicht geschrieben werden"),
        (errno.EROFS, "darf nicht geschrieben werden"),
        (errno.ENAMETOOLONG, "zu lang"),
    ],
)
def test_a_folder_that_cannot_be_made_is_named_with_the_reason(plan, tmp_path, monkeypatch, number, reason):
    def refuse(path, *args, **kwargs):
        raise OSError(number, "no")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(q.PlainError, match=reason):
        q.save(plan, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
