"""A paper says what its run says, number by number, from a run that verifies and from nothing else."""

import csv
import dataclasses
import datetime
import io
import json
import math
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from docx import Document
from pypdf import PdfReader, PdfWriter
from small_city import all_of, changed, fingerprint, write_city
from test_documents import check_pdf, nodes
from test_runs import PLAN, write_notebook

import quartier as q
from quartier import (
    contents,
    documents,
    ledger,
    manifest,
    outputs,
    pages,
    papers,
    report,
    review,
    runs,
    schedule,
    typeset,
)
from quartier.data import DEMONSTRATION
from quartier.disclosure import HIDDEN
from quartier.language import PlainError, Texts

ROOT = Path(__file__).parents[1]
MONDAY = datetime.date(2026, 11, 23)
NAME = "2026-11-23-baseline"
DE, EN = Texts("de"), Texts("en")

# Digits that need no cell: a date, a year, the page, the run with its hash, the number of a paper, the formula's name.
NO_FIGURES = re.compile(
    r"\d{4}-\d{2}-\d{2}-[a-z0-9-]+|\d{2}\.\d{2}\.\d{4}|(?<![\d/-])(19|20)\d{2}(?![\d/-])|Seite \d+ von \d+|\b[0-9a-f]{12}\b"
)


def make_run(project, scenario="baseline", **parameters):
    job = runs.prepare(scenario, parameters, project / "outputs", project / "data", project / "notebooks", today=MONDAY)
    return job.execute(progress=False)


def record(run, result="same"):
    """Write what `verify` writes about a run that was made again."""
    sha = manifest.hash_file(run / manifest.FILE).sha256
    line = {"run": run.name, "manifest_sha256": sha, "date": "2026-11-23T00:00:00+00:00", "result": result}
    with (run.parent / review.VERIFIED).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def quick(monkeypatch):
    """Draw nothing: figures and pages take seconds, and no paper shows them."""
    monkeypatch.setattr(report, "_save_figures", lambda *args: None)
    monkeypatch.setattr(pages, "save", lambda *args, **options: None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with Bielefeld's data and a run that was made again."""
    project = tmp_path_factory.mktemp("papers")
    shutil.copytree(ROOT / "data", project / "data")
    write_notebook(project / "notebooks" / "01_plan.ipynb", PLAN)
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        run = make_run(project)
    record(run)
    return run


@pytest.fixture(scope="module")
def written(made, tmp_path_factory):
    """All papers of this run."""
    return papers.write(made, out=tmp_path_factory.mktemp("written"), has_english=True).folder


@pytest.fixture(scope="module")
def drafts(made, tmp_path_factory):
    """Drafts of all papers of this run, without English."""
    return papers.write(made, out=tmp_path_factory.mktemp("drafts"), is_draft=True).folder


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """Drafts of all papers of a run whose plan was learnt from made-up reports."""
    project = tmp_path_factory.mktemp("learnt")
    shutil.copytree(ROOT / "data", project / "data")
    write_notebook(project / "notebooks" / "01_plan.ipynb", "print('eins')")
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        return papers.write(make_run(project, response_from="demonstration"), is_draft=True).folder


@pytest.fixture(scope="module")
def views():
    """What the notebook shows of the same plan, without a run."""
    return q.paper_views(q.load(ROOT / "data"), q.Scenario.named("baseline", ROOT / "data"), ROOT / "data")


@pytest.fixture
def run(made, tmp_path):
    """A copy of the run that a test may change."""
    shutil.copytree(made.parent, tmp_path / "outputs", symlinks=True)
    (tmp_path / "outputs" / schedule.PAPERS).unlink(missing_ok=True)
    return tmp_path / "outputs" / made.name


@pytest.fixture
def city(tmp_path, monkeypatch):
    """Give a function that makes a run of Bielefeld's data with damage done to them."""
    quick(monkeypatch)

    def make(*damages, data=ROOT / "data", **parameters):
        project = tmp_path / "city"
        shutil.copytree(data, project / "data")
        write_notebook(project / "notebooks" / "01_plan.ipynb", "print('eins')")
        all_of(*damages)(project / "data")
        return make_run(project, **parameters)

    return make


def parts(docx):
    """Texts of a Word document: its body's paragraphs and cells in order, then heads and feet."""
    document = Document(io.BytesIO(docx) if isinstance(docx, bytes) else docx)
    found = ["".join(node.text or "" for node in one.iter(W + "t")) for one in document.element.body.iter(W + "p")]
    for section in document.sections:
        found += [one.text for place in (section.header, section.footer) for one in place.paragraphs]
    return [one.replace("\u00a0EUR", " EUR") for one in found if one]


W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def text_of(docx):
    return "\n".join(parts(docx))


def pdf_text(path):
    return "\n".join(page.extract_text() for page in PdfReader(path).pages)


def origins(folder, kind):
    with (folder / f"{kind}-{papers.ORIGINS}").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def cell(run, folder, origin):
    """Read the cell that an origin names, with nothing of ours: the row whose first columns are its key."""
    home = folder if origin["table"].startswith(contents.BESIDE) else run
    key = origin["row"].split("; ")
    with (home / origin["table"]).open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if list(row.values())[: len(key)] == key]
    assert len(rows) == 1, origin
    return rows[0][origin["column"]]


def small_print(docx):
    """Lines of the list of origins."""
    document = Document(docx)
    lines = [one.text for one in document.paragraphs if one.style.name.startswith(typeset.SMALL_STYLE)]
    return [line.replace("\u00a0EUR", " EUR") for line in lines]


def said(value):
    """All ways in which people may read a value."""
    found = {value}
    try:
        number = float(value)
    except ValueError:
        return found
    for texts in (DE, EN):
        found |= {texts.eur(number), texts.number(number), texts.number(number, 1), texts.number(number, 2)}
        found |= {texts.percent(number), f"{number:+.0f}", texts.number(round(number))}
        sign = "+" if number > 0 else "\u2212" if number < 0 else ""
        found |= {sign + texts.number(abs(number)), sign + texts.eur(abs(number))}
    return found | ({"0"} if abs(number) < 0.5 else set())


# --- numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", contents.KINDS)
def test_the_cell_that_is_named_for_a_number_says_this_number(made, written, kind):
    found = origins(written, kind)
    assert len(found) > 10
    for origin in found:
        value = cell(made, written, origin)
        assert origin["printed"] in said(value), origin


@pytest.mark.parametrize("kind", contents.KINDS)
def test_every_number_of_a_paper_has_its_cell(written, kind):
    known = sorted((origin["printed"] for origin in origins(written, kind)), key=len, reverse=True)
    body, _, listed = text_of(written / f"{kind}.docx").partition("Gedruckte Zahlen und ihre Herkunft")
    assert listed
    rest = NO_FIGURES.sub("", body)
    for printed in known:
        rest = rest.replace(printed, "")
    assert re.findall(r"\S*\d\S*", rest) == []


@pytest.mark.parametrize("kind", contents.KINDS)
def test_a_paper_lists_each_number_once_with_file_column_and_row(written, kind):
    found = {}
    for origin in origins(written, kind):
        text = origin["printed"] if len(origin["printed"]) <= 40 else f"{origin['printed'][:40]} …"
        star = "*" if origin["assumed"] == "yes" else ""
        cells = found.setdefault(origin["table"], {}).setdefault(origin["column"], {})
        # What the English summary prints of a cell that is listed already is not listed once more.
        cells.setdefault(
            (origin["row"], re.sub(r"\D", "", text) or text), f"{origin['row'].replace('; ', ' / ')}: {text}{star}"
        )
    told = iter(small_print(written / f"{kind}.docx"))
    for table, columns in found.items():
        assert next(told).endswith(f" ({table})")
        for column, cells in columns.items():
            numbers = next(told).partition(f" [{column}]: ")[2]
            if table.startswith(contents.BESIDE):  # there a row has its name before it
                numbers = re.sub(r"(^|; )[^;\[\]]+ \[([^\]]+)\]: ", r"\1\2: ", numbers)
            assert numbers == "; ".join(cells.values())
    assert list(told) == []


@pytest.mark.parametrize("kind", contents.KINDS)
def test_tables_and_columns_have_german_names_in_the_list_of_origins(written, kind):
    for line in small_print(written / f"{kind}.docx"):
        name, file, column = re.match(r"(.+?) (?:\((?:.+/)?(.+)\.csv\)$|\[(.+?)\]:)", line).groups()
        key = file or column
        assert "_" not in name, line
        assert name not in (key, EN.name("table", key or ""), EN.column(key or "")) or name == "Name", line


@pytest.mark.parametrize("kind", contents.KINDS)
def test_what_is_assumed_is_marked_where_it_is_printed(written, kind):
    assumed = [origin for origin in origins(written, kind) if origin["assumed"] == "yes"]
    assert assumed
    body = text_of(written / f"{kind}.docx").partition("Gedruckte Zahlen")[0]
    for origin in assumed:
        assert origin["printed"] + "*" in body, origin
    assert "* heißt: Das beruht auf Annahmen" in body


def test_the_stated_budget_has_no_mark(written):
    facts = text_of(written / "mitteilung.docx")
    assert "stehen im Jahr 80.000 EUR für höchstens 10 Standorte bereit" in facts


@pytest.mark.parametrize("kind", contents.KINDS)
def test_pdf_and_word_document_say_the_same(written, kind):
    squeeze = re.compile(r"[\s\u00ad\u2010-]+")
    pdf = squeeze.sub("", pdf_text(written / f"{kind}.pdf"))
    for part in parts(written / f"{kind}.docx"):
        if "Seite" not in part and "\t" not in part:
            assert squeeze.sub("", part)[:30] in pdf, part


# --- the notice ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fact", "sentence"),
    [
        ("80,000", "stehen im Jahr 80.000 EUR"),
        ("ten sites", "für höchstens 10 Standorte"),
        ("seven agreements", "Für 7 Standorte sind Kooperationsvereinbarungen unterschrieben"),
        ("three partners", "Partner sind BGW, AWO Kreisverband Bielefeld und Alt und Jung Nord-Ost e.V."),
        ("one in talks, and why late", "1 sozialer Dienstleister (nicht benannt; durch die Pandemie verzögert)"),
        ("one more company", "Mindestens ein weiteres Wohnungsunternehmen ansprechen"),
        ("perhaps more providers", "Eventuell weitere soziale Dienstleister ansprechen"),
        ("one declined", "Keine Vereinbarung gibt es mit: GSWG"),
        ("why it declined", "Grund: unterschiedliche Vorstellungen vom Rahmen der Kooperation."),
        ("first committee", "Sozial- und Gesundheitsausschuss, 26.01.2021"),
        ("second committee", "Seniorenrat, 24.03.2021"),
        ("the dialogue", "einen Qualitätsdialog, orientiert am Rahmenkonzept Seniorenarbeit."),
        (
            "the report",
            "wird in der zweiten Jahreshälfte im Seniorenrat und im Sozial- und Gesundheitsausschuss berichtet.",
        ),
        ("the subject", "Weiterentwicklung der Quartiersarbeit im Bielefelder Modell"),
        ("the basis", "Beschlussvorlage 10517/2014-2020"),
        ("the signatory", "Ingo Nürnberger"),
    ],
)
def test_the_information_paper_says_each_fact_of_the_notice(written, fact, sentence):
    assert sentence in text_of(written / "mitteilung.docx").replace("\t", " "), fact


def test_the_information_paper_names_all_that_the_ledger_knows(made, written):
    told = text_of(written / "mitteilung.docx")
    found = ledger.situation(papers.open_run(made).sites)
    for name in ("partner", "in_talks_note", "to_approach", "declined", "declined_why", "subject", "signatory"):
        assert found.of(name), name
        for fact in found.of(name):
            assert str(fact.value) in told


def test_a_fact_follows_the_data(city):
    made = city(changed("programme.csv", "Betreff,,Weiterentwicklung der", "Betreff,,Neue Regeln der"))
    told = text_of(papers.write(made, "mitteilung", is_draft=True).files[0])
    assert "Neue Regeln der Quartiersarbeit" in told


def test_the_amounts_in_the_table_add_up_to_what_is_spent(made, written):
    with (made / "tables" / "distribution.csv").open(encoding="utf-8", newline="") as file:
        amounts = [float(row["amount_eur"]) for row in csv.DictReader(file)]
    assert f"{DE.eur(sum(amounts))}*" in text_of(written / "mitteilung.docx")


# --- the treasury -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("amount", "shares"),
    [(100.0, [1 / 3] * 3), (8100.0, [0.5, 0.5]), (0.07, [0.5, 0.5]), (9999.99, [0.333, 0.333, 0.334]), (10.0, [1.0])],
)
def test_instalments_add_up_to_the_cent_and_the_last_takes_the_rest(amount, shares):
    rates = contents.instalments(amount, shares)
    assert sum(round(rate * 100) for rate in rates) == round(amount * 100)
    for rate, share in zip(rates[:-1], shares, strict=False):
        assert rate == pytest.approx(amount * share, abs=0.01)
        assert rate <= amount * share + 1e-9
    assert all(rate * 100 == pytest.approx(round(rate * 100), abs=1e-6) for rate in rates)


def test_the_treasurys_table_adds_up_in_rows_and_columns(written):
    with (written / contents.BESIDE / "raten.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["site_id"]: row for row in csv.DictReader(file)}
    columns = ("rate-1", "rate-2", "amount_eur")
    cents = {site: [round(float(row[column]) * 100) for column in columns] for site, row in rows.items()}
    sites = [site for site in rows if site not in ("payable", "reserved", "total")]
    for site in rows:
        assert cents[site][0] + cents[site][1] == cents[site][2]
    for at in range(3):
        payable = sum(cents[site][at] for site in sites if rows[site]["status"] == "signed" and rows[site]["provider"])
        assert 0 < payable == cents["payable"][at]
        assert payable + cents["reserved"][at] == cents["total"][at] == sum(cents[site][at] for site in sites)
    assert {site: row["lacking"] for site, row in rows.items() if row["lacking"]} == WITHHELD
    assert cents["reserved"][2] == sum(cents[site][2] for site in WITHHELD)


WITHHELD = {"vennhofallee": "agreement; provider", "wefelshof": "provider", "salzufler-strasse": "provider"}
"""Sites of Bielefeld's data whose money cannot be paid yet, and what is lacking."""


def test_rows_of_sums_have_names_in_the_list_of_origins(written):
    told = text_of(written / "kasse.docx")
    for row in (
        "Auszuzahlen [payable]: 46.500 EUR*",
        "Zusammen [total]: 80.000 EUR*",
        "In einfachen Worten [summary]: ",
    ):
        assert row in told


def test_money_without_a_known_recipient_is_listed_apart_and_never_as_payable(made, written):
    names = {row["site_id"]: row["name"] for row in papers.open_run(made).rows("distribution")}
    rates, payable, kept = (
        [[cell.text for cell in row.cells] for row in table.rows] for table in Document(written / "kasse.docx").tables
    )
    assert payable[0][:2] == ["Standort", "Empfänger"]
    assert all(row[1] and "nicht" not in row[1] for row in payable[1:-1])
    assert {row[0]: row[1] for row in kept[1:-2]} == {
        names["vennhofallee"]: "Vereinbarung nicht unterschrieben* und Anbieter nicht bekannt*",
        names["wefelshof"]: "Anbieter nicht bekannt*",
        names["salzufler-strasse"]: "Anbieter nicht bekannt*",
    }
    assert not {row[0] for row in payable[1:]} & {row[0] for row in kept[1:]}
    assert [payable[-1][0], kept[-2][0], kept[-1][0]] == ["Auszuzahlen", "Vorbehalten", "Zusammen"]
    assert rates[-1][-2:] == [payable[-1][-1], kept[-2][-1]]


def test_a_site_is_told_what_its_money_waits_for(written):
    told = text_of(written / "foerderbescheid-anlage.docx")
    assert told.count("Auszahlung:vorbehalten (Anbieter nicht bekannt*)") == 2
    assert told.count("Auszahlung:vorbehalten (Vereinbarung nicht unterschrieben* und Anbieter nicht bekannt*)") == 1
    assert told.count("Das Geld ist vorgesehen. Gezahlt wird es erst, wenn der Anbieter bekannt ist.") == 2


def test_nothing_is_payable_on_a_signature_that_the_scenario_only_supposes(city):
    made = city(
        changed("scenarios/baseline.yaml", "max_sites: 10", "max_sites: 10\nsites: {vennhofallee: {status: signed}}")
    )
    found = papers.write(made, "kasse", is_draft=True)
    with (found.folder / contents.BESIDE / "raten.csv").open(encoding="utf-8", newline="") as file:
        assert {row["site_id"]: row["lacking"] for row in csv.DictReader(file) if row["lacking"]} == WITHHELD


def test_nothing_is_payable_on_an_agreement_that_ends_before_the_first_instalment(city):
    ends = changed("calendar.csv", "2023-12-31,2023-12-31,,brockeiche", "2021-03-31,2021-03-31,,brockeiche")
    made = city(ends)
    found = papers.write(made, "alle", is_draft=True)
    with (found.folder / contents.BESIDE / "raten.csv").open(encoding="utf-8", newline="") as file:
        lacking = {row["site_id"]: row["lacking"] for row in csv.DictReader(file) if row["lacking"]}
    assert lacking == {**WITHHELD, "brockeiche": "in_force"}
    told = {path.stem.removesuffix("-entwurf"): text_of(path) for path in found.files if path.suffix == ".docx"}
    assert "Vereinbarung nicht verlängert" in told["kasse"]
    assert "Die Vereinbarung gilt nur bis 31.03.2021*; das ist vor der ersten Rate." in told["foerderbescheid-anlage"]
    assert re.search(
        r"Geld für Standorte, deren Vereinbarung vor der ersten Rate endet \([^()]*: 31.03.2021\*\)", told["beschluss"]
    )


def test_later_instalments_wait_where_the_agreement_ends_before_them(city):
    made = city(changed("calendar.csv", "2023-12-31,2023-12-31,,brockeiche", "2021-06-30,2021-06-30,,brockeiche"))
    waits = "Die Vereinbarung gilt nur bis 30.06.2021*. Spätere Raten werden erst gezahlt, wenn sie verlängert ist."
    assert f"Brockeiche: {waits}" in text_of(papers.write(made, "kasse", is_draft=True).files[0])
    assert text_of(papers.write(made, "foerderbescheid-anlage", is_draft=True).files[0]).count(waits) == 1


def test_money_that_waits_for_two_things_is_only_paid_when_both_are_there(written):
    told = "Das Geld ist vorgesehen. Gezahlt wird es erst, wenn die Vereinbarung unterschrieben ist und der Anbieter bekannt ist."
    assert text_of(written / "foerderbescheid-anlage.docx").count(told) == 1


def test_a_partner_whom_the_data_do_not_name_is_no_known_recipient(city):
    made = city(changed("agreements.csv", "anbieter-in-verhandlung,negotiating", "anbieter-in-verhandlung,signed"))
    told = text_of(papers.write(made, "kasse", is_draft=True).files[0])
    assert "Vennhofallee\nAnbieter nicht bekannt*" in told


def test_a_rule_that_reaches_more_than_the_plan_is_said_to_and_the_plans_own_is_no_other(city):
    told = text_of(papers.write(city(scenario="gleichverteilung"), "beschluss", is_draft=True).files[0])
    assert "nach der Regel „im Verhältnis zum Bedarf“ 308* gewichtete Personen mehr erreicht (3,0 %*)" in told.replace(
        "\u00a0", " "
    )
    assert "nach der Regel „gleich viel für alle“" not in told


def test_a_plan_with_another_budget_than_the_citys_does_not_say_that_the_city_gives_it(city):
    told = text_of(papers.write(city(scenario="kuerzung-10-prozent"), "mitteilung", is_draft=True).files[0])
    assert "Dieser Plan rechnet mit 72.000 EUR im Jahr" in told
    assert "Die Stadt gibt" not in told


def test_a_summary_says_how_many_sites_have_to_wait(written):
    for kind in ("mitteilung", "beschluss", "foerderbescheid-anlage", "kasse"):
        assert "Bei 3* davon fehlt noch etwas, bevor das Geld gezahlt werden kann." in text_of(written / f"{kind}.docx")


def test_texts_and_measures_of_made_up_reports_are_said_to_be_made_up(written):
    told = text_of(written / "bericht.docx")
    assert "Auch diese Texte und die Maßnahmen sind erfunden." in told
    assert "So haben es die Standorte aufgeschrieben" not in told


def test_the_treasury_may_have_nothing_to_pay(city):
    made = city(
        changed("instalments.csv", "0.5,2021-04-01", "0.5,2024-04-01"),
        changed("instalments.csv", "0.5,2021-10-01", "0.5,2024-10-01"),
    )
    found = papers.write(made, "kasse", is_draft=True)
    with (found.folder / contents.BESIDE / "raten.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["site_id"]: row for row in csv.DictReader(file)}
    assert float(rows["payable"]["amount_eur"]) == 0
    assert rows["reserved"]["amount_eur"] == rows["total"]["amount_eur"]
    assert rows["wefelshof"]["lacking"] == "in_force; provider"
    assert "Vereinbarung nicht verlängert* und Anbieter nicht bekannt*" in text_of(found.files[0])


def test_a_sum_is_assumed_where_any_of_its_rows_is(made):
    basis = papers.open_run(made)
    funded = [row["site_id"] for row in basis.rows("distribution") if float(row["amount_eur"]) > 0]
    for assumed in (funded[0], funded[-1]):
        saved = {**basis.saved, "distribution": [dict(row) for row in basis.rows("distribution")]}
        for row in saved["distribution"]:
            row["assumed"] = "scale_eur" if row["site_id"] == assumed else ""
        saved["instalments"] = [{**row, "basis": "stated"} for row in basis.rows("instalments")]
        numbers = contents.Numbers(dataclasses.replace(basis, saved=saved), DE)
        contents._beside_amounts(contents._Desk(numbers.basis, numbers))
        stars = {row["site_id"]: row["assumed"] for row in numbers.beside["raten"]}
        assert stars["total"] == "scale_eur"
        assert {stars["payable"], stars["reserved"]} == {"scale_eur", ""}


# --- dates ---------------------------------------------------------------------------------------------------------


def test_a_paper_says_that_the_calendar_has_no_dates_for_its_year(made, written):
    year = manifest.read(made, DE).begun.year
    for kind in ("mitteilung", "beschluss", "foerderbescheid-anlage"):
        assert f"Im Kalender stehen keine Termine für {year}." in text_of(written / f"{kind}.docx")
    assert f"Keine Rate ist im Jahr {year} fällig" in text_of(written / "kasse.docx")


def test_a_report_is_only_presented_in_the_year_after(written, city):
    told = text_of(written / "bericht.docx")  # on 2022; the calendar has reports in 2021 and 2022
    assert "Im Kalender steht kein Termin für den Bericht über 2022." in told
    assert "Vorzustellen" not in told
    made = city(changed("calendar.csv", "2022-07-01,2022-12-31", "2023-07-01,2023-12-31"))
    told = text_of(papers.write(made, "bericht", is_draft=True).files[0])
    assert "01.07.2023 bis 31.12.2023*" in told
    assert "Im Kalender" not in told


def test_the_command_ends_with_what_the_calendar_lacks(run, say):
    year = manifest.read(run, DE).begun.year
    out = say("paper", run, "--kind", "beschluss", "--draft")[1]
    assert out.splitlines()[-1].startswith(f"calendar.csv: Im Kalender stehen keine Termine für {year}.")


def test_nothing_is_said_of_a_calendar_that_has_the_years_dates(city):
    year = datetime.datetime.now(datetime.UTC).year
    made = city(
        changed("calendar.csv", "Ausschuss,2021-01-26,2021-01-26", f"Ausschuss,{year}-01-26,{year}-01-26"),
        changed("calendar.csv", "2022-07-01,2022-12-31", "2031-07-01,2031-12-31"),
        changed("calendar.csv", "2021-07-01,2021-12-31", "2020-07-01,2020-12-31"),
    )
    found = papers.write(made, "mitteilung", is_draft=True)
    assert found.notes == ()
    assert "Im Kalender" not in text_of(found.files[0])
    told = text_of(papers.write(made, "bericht", is_draft=True).files[0])
    assert "Im Kalender steht kein Termin für den Bericht über 2022." in told
    assert "Vorzustellen" not in told


# --- refusals -----------------------------------------------------------------------------------------------------


def test_a_run_with_a_changed_table_is_refused_and_nothing_is_written(run):
    changed("tables/distribution.csv", "8100.0,", "9100.0,")(run)
    before = fingerprint(run.parent)
    with pytest.raises(contents.PaperError, match=r"wird kein Papier geschrieben(.|\n)*amount_eur|nicht mehr so"):
        papers.write(run, "mitteilung", is_draft=True)
    assert fingerprint(run.parent) == before


def test_a_run_whose_inputs_were_changed_is_refused_even_if_sealed_anew(run):
    changed("inputs/data/site_rules.csv", "westerfeldstrasse,max_eur,14000", "westerfeldstrasse,max_eur,5000")(run)
    with pytest.raises(contents.PaperError):
        papers.write(run, "kasse", is_draft=True)
    found = manifest.read(run, DE)
    inputs = dict(found.inputs) | {"data/site_rules.csv": manifest.hash_file(run / "inputs/data/site_rules.csv")}
    manifest.write(manifest.sealed(found.model_copy(update={"inputs": inputs})), run)
    with pytest.raises(contents.PaperError, match="nach seinen Eingaben"):
        papers.write(run, "kasse", is_draft=True)


def test_a_run_that_was_never_made_again_is_made_again_first(run, monkeypatch):
    (run.parent / review.VERIFIED).unlink()
    asked = []

    def verify(asked_run, *, data=None, hashes_only=False, progress=False):
        asked.append(hashes_only)
        return honest(asked_run, hashes_only=True)

    honest = review.verify
    monkeypatch.setattr(review, "verify", verify)
    papers.write(run, "kasse")
    assert asked == [True, False]


def test_a_run_that_comes_out_different_is_refused_but_for_a_draft(run, monkeypatch):
    record(run, "different")
    different = review.Difference("tables/distribution.csv", what="anders")

    def verify(asked_run, *, data=None, hashes_only=False, progress=False):
        found = honest(asked_run, hashes_only=True)
        return found if hashes_only else review.Review(run, DE, (different,), {}, (), "")

    honest = review.verify
    monkeypatch.setattr(review, "verify", verify)
    with pytest.raises(contents.PaperError, match="kommt nicht dasselbe heraus"):
        papers.write(run, "kasse")
    assert papers.write(run, "kasse", is_draft=True).files


def test_a_verified_run_needs_no_second_look(run, monkeypatch):
    monkeypatch.setattr(review, "execute", lambda *args, **options: pytest.fail("made again"))
    assert papers.write(run, "kasse").files


def test_a_plan_over_several_years_has_no_paper(city):
    made = city(changed("scenarios/baseline.yaml", "max_sites: 10", "max_sites: 10\nyears: 2"))
    with pytest.raises(contents.PaperError, match="mehrere Jahre"):
        papers.write(made, "mitteilung", is_draft=True)


def test_a_run_that_has_no_paper_at_all_is_refused(city):
    made = city(language="en")
    with pytest.raises(contents.PaperError, match=r"^[^\n]*nicht in deutscher Sprache[^\n]*$") as refused:
        papers.write(made, "alle", is_draft=True)
    assert refused.value.exit_code == 2
    assert not (made.parent / "papers").exists()


@pytest.mark.parametrize("kind", ["brief", "", "ALLE"])
def test_an_unknown_kind_is_refused_with_what_there_is(run, kind):
    with pytest.raises(contents.PaperError, match="mitteilung, beschluss, bericht"):
        papers.write(run, kind, is_draft=True)


def test_papers_are_never_written_into_the_sealed_run(run):
    with pytest.raises(contents.PaperError, match="versiegelt"):
        papers.write(run, "kasse", out=run / "papers", is_draft=True)
    assert review.verify(run, hashes_only=True).exit_code == 0


def test_a_city_without_dialogue_gets_what_its_data_suffice_for(city, tmp_path):
    made = city(data=write_city(tmp_path / "small"))
    found = papers.write(made, is_draft=True)
    names = {path.name for path in found.files if path.suffix == ".pdf"}
    assert names == {"beschluss-entwurf.pdf", "foerderbescheid-anlage-entwurf.pdf"}
    assert set(found.left_out) == {"mitteilung", "bericht", "kasse"}
    assert "keine Raten" in "\n".join(found.sentences())
    for kind in found.left_out:
        with pytest.raises(contents.PaperError):
            papers.write(made, kind, is_draft=True)


# --- the report on the dialogue -----------------------------------------------------------------------------------


def test_made_up_figures_are_marked_on_every_page(written):
    reader = PdfReader(written / "bericht.pdf")
    assert len(reader.pages) > 3
    for page in reader.pages:
        assert "Vorführung mit erfundenen Zahlen" in page.extract_text()
    document = Document(written / "bericht.docx")
    assert all("Vorführung mit erfundenen Zahlen" in section.header.paragraphs[0].text for section in document.sections)
    told = text_of(written / "bericht.docx")
    assert "Die Berichte sind erfunden; kein Standort hat sie geschrieben. Nicht als Ergebnis weitergeben." in told
    assert "Dieser Plan rechnet" not in told  # its plan takes nothing from the reports


def test_papers_that_rest_on_no_made_up_report_say_nothing_of_them(written):
    assert "erfunden" not in text_of(written / "mitteilung.docx")


@pytest.mark.parametrize("kind", contents.KINDS)
def test_papers_of_a_plan_that_was_learnt_from_made_up_reports_say_so_at_every_place(learnt, kind):
    for page in PdfReader(learnt / f"{kind}-entwurf.pdf").pages:
        assert "Vorführung mit erfundenen Zahlen" in page.extract_text()
    told = text_of(learnt / f"{kind}-entwurf.docx")
    subject = "Die Berichte sind erfunden" if kind == "bericht" else "Dieser Plan rechnet mit erfundenen Berichten"
    assert f"{subject}; kein Standort hat sie geschrieben. Nicht als Ergebnis weitergeben." in told
    assert "Der Plan rechnet mit erfundenen Berichten. Er ist kein Ergebnis." in told
    assert re.search(r"Angenommen sind: .*Berichte der Standorte \(erfunden\)", told)


def test_the_proposal_is_no_alternative_to_itself(learnt, written):
    for folder, name in ((learnt, "beschluss-entwurf"), (written, "beschluss")):
        with (folder / contents.BESIDE / "alternativen.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        names = {row["scenario"].removesuffix("-changed") for row in rows}
        assert names == {path.stem for path in (ROOT / "data" / "scenarios").glob("*.yaml")}
        assert len(rows) == len(names)
        body = text_of(folder / f"{name}.docx").partition("Gedruckte Zahlen")[0]
        assert body.count("Ausgangslage 2021") == 1


def beside(folder, name):
    with (folder / contents.BESIDE / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row["site_id"]: row for row in csv.DictReader(file)}


def test_the_tables_of_the_report_add_up_as_they_are_printed(written):
    tables = [
        [[one.text for one in row.cells] for row in table.rows] for table in Document(written / "bericht.docx").tables
    ]
    with_sums = [rows for rows in tables if rows[-1][0] == "Summe"]
    assert len(with_sums) == 6  # five goals, and what was moved
    seen = 0
    for rows in with_sums:
        for column in list(zip(*rows[1:], strict=True))[1:]:
            numbers = [DE.read_number(one.replace("\u2212", "-").lstrip("+").rstrip("*")) for one in column]
            if None not in numbers:
                assert sum(numbers[:-1]) == pytest.approx(numbers[-1])
                seen += 1
    assert seen > 8
    assert "60.665,79*" in [row[1] for rows in with_sums for row in rows]


def test_sums_of_the_report_are_rows_of_the_tables_beside_it_and_bold(written):
    for name in (*(path.stem for path in (written / contents.BESIDE).glob("ziel-*.csv")), "bewegt"):
        assert list(beside(written, name))[-1] == "summe"
        assert "wefelshof" in beside(written, name)
    for table in Document(written / "bericht.docx").tables:
        for row in table.rows:
            if row.cells[0].text == "Summe":
                assert all(run.bold for one in row.cells for part in one.paragraphs for run in part.runs if run.text)


def test_no_small_count_stands_in_the_report(made, written):
    basis = papers.open_run(made)
    kinds = {row["indicator"]: row["kind"] for row in basis.rows("dialogue_indicators")}
    year = max(row["year"] for row in basis.rows(f"{DEMONSTRATION}reports"))
    small = [
        row
        for row in basis.rows(f"{DEMONSTRATION}reports")
        if kinds[row["indicator"]] == "people" and 0 < row["value"] < 5 and row["year"] == year
    ]
    assert small  # else this shows nothing
    names = {row["site_id"]: row["name"] for row in basis.rows("sites")}
    for row in small:
        for path in (written / contents.BESIDE).glob("ziel-*.csv"):
            with path.open(encoding="utf-8", newline="") as file:
                for one in csv.DictReader(file):
                    if one["name"] == names[row["site_id"]] and row["indicator"] in one:
                        assert one[row["indicator"]] == HIDDEN
    assert "geheim" in text_of(written / "bericht.docx")


def test_a_site_without_a_report_is_named(city):
    def forget(folder):
        for path in (folder / "demonstration").glob("*.csv"):
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            path.write_text("".join(line for line in lines if "wefelshof" not in line), encoding="utf-8")

    told = text_of(papers.write(city(forget), "bericht", is_draft=True).files[0])
    assert "Keinen Bericht gibt es von: Wefelshof." in told


# --- the same, whole, and kept ------------------------------------------------------------------------------------


def test_the_same_run_gives_the_same_bytes_in_another_process(made, written, tmp_path):
    again = tmp_path / "again"
    code = "import sys; from quartier import papers; papers.write(sys.argv[1], out=sys.argv[2], has_english=True)"
    subprocess.run([sys.executable, "-c", code, str(made), str(again)], cwd=ROOT, check=True, timeout=300)
    assert fingerprint(again) == fingerprint(written)


def test_a_paper_is_dated_by_its_run(made, written):
    begun = manifest.read(made, DE).begun.date()
    assert f"Stand:\t{DE.date(begun)}" in text_of(written / "kasse.docx") or f"Stand:{DE.date(begun)}" in text_of(
        written / "kasse.docx"
    )
    with zipfile.ZipFile(written / "kasse.docx") as package:
        assert {one.date_time[:3] for one in package.infolist()} == {(1980, 1, 1)}


def test_a_failure_leaves_nothing_behind(run, monkeypatch):
    before = fingerprint(run.parent)

    def fail(docx, *, file):
        if file.startswith("kasse"):
            raise PlainError("no")
        return b"%PDF"

    monkeypatch.setattr(papers.typeset, "to_pdf", fail)
    with pytest.raises(PlainError):
        papers.write(run)
    assert fingerprint(run.parent) == before


def test_a_draft_says_so_and_never_takes_the_place_of_a_paper(run):
    final = papers.write(run, "kasse")
    before = fingerprint(final.folder)
    draft = papers.write(run, "kasse", is_draft=True)
    assert {name: one for name, one in fingerprint(final.folder).items() if name in before} == before
    assert "Entwurf" in text_of(draft.files[0])
    assert "Entwurf" not in text_of(final.files[0])
    for page in PdfReader(draft.files[1]).pages:
        assert "Entwurf" in page.extract_text()


def test_a_run_that_a_paper_names_is_kept_by_tidy(run):
    other = outputs.complete(run.parent)[0]
    assert other == run
    newer = run.with_name("2026-11-24-baseline")
    shutil.copytree(run, newer)
    found = manifest.read(newer, DE)
    begun = found.begun + datetime.timedelta(days=1)
    manifest.write(manifest.sealed(found.model_copy(update={"name": newer.name, "begun": begun})), newer)
    (run.parent / outputs.LATEST).unlink(missing_ok=True)
    assert f"würde entfernt: {NAME}" in "\n".join(schedule.tidy(run.parent, 1))
    papers.write(run, "kasse")
    papers.write(run, "beschluss")
    assert (run.parent / schedule.PAPERS).read_text(encoding="utf-8") == f"{NAME}\n"
    schedule.tidy(run.parent, 1, is_dry=False)
    assert run.is_dir()


def test_the_paper_names_its_run_and_the_hash_of_its_manifest(made, written):
    sha = manifest.lasting_hash(manifest.read(made, DE))
    for kind in contents.KINDS:
        foot = Document(written / f"{kind}.docx").sections[0].footer.paragraphs[0].text
        assert NAME in foot
        assert sha[:12] in foot


# --- plain language and English -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", contents.KINDS)
def test_each_paper_begins_in_plain_words_and_says_how_easily_they_are_read(written, kind):
    told = text_of(written / f"{kind}.docx")
    assert "In einfachen Worten" in told
    found = re.search(r"Lesbarkeit dieses Abschnitts: (.*) \(vierte Wiener Sachtextformel: ([\d,]+)\)", told)
    assert found
    value = float(found[2].replace(",", "."))
    assert value < 8
    assert ("Schuljahr nennt die Formel" in found[1]) == (value < 4)  # it is made for school years 4 to 15
    assert "Summary in English" in told


def test_there_is_no_english_unless_it_is_asked_for(run):
    assert "Summary in English" not in text_of(papers.write(run, "kasse", is_draft=True).files[0])


@pytest.mark.parametrize("kind", contents.KINDS)
def test_the_english_summary_is_tagged_english_and_nothing_else_is(written, drafts, kind):
    document = Document(written / f"{kind}.docx")
    english = [one.text for one in document.paragraphs if one._p.xpath(".//w:lang[@w:val='en-GB']")]
    assert english[0] == "Summary in English"
    assert len(english) > 4
    german = [one.text for one in document.paragraphs if one.text not in english]
    assert english == [one for one in (p.text for p in document.paragraphs) if one not in german]
    assert not any(re.search(r"\b(und|der|die|nicht)\b", one) for one in english)
    assert "en" in languages(written / f"{kind}.pdf")
    assert languages(drafts / f"{kind}-entwurf.pdf") == set()


def languages(pdf):
    """Languages that a PDF names within its text, beside that of the whole."""
    reader = PdfReader(pdf)
    found = {str(element["/Lang"]) for _, element, _ in nodes(pdf.read_bytes()) if "/Lang" in element}
    for page in reader.pages:
        found |= set(re.findall(r"/Lang\s*\((\w+)\)", page.get_contents().get_data().decode("latin-1")))
    return found - {"de"}


# --- the notebook -------------------------------------------------------------------------------------------------


def test_the_notebook_says_what_the_papers_say(views, written):
    kinds = dict.fromkeys(("plain", "committees", "situation", "next_steps", "distribution", "outlook"), "mitteilung")
    kinds |= dict.fromkeys(("proposal", "reasons", "money"), "beschluss") | dict.fromkeys(
        ("dialogue", "learnt"), "bericht"
    )
    told = {kind: parts(written / f"{kind}.docx") for kind in set(kinds.values())}
    for name, kind in kinds.items():
        assert views[name], name
        for sentence in views[name].splitlines():
            assert any(part.endswith(sentence) for part in told[kind]), sentence
    for name, kind in (("sites", "mitteilung"), ("alternatives", "beschluss"), ("indicators", "bericht")):
        assert len(views[name]) > 5, name
        for cell_text in views[name].to_numpy().ravel():
            assert cell_text in told[kind], (name, cell_text)


def test_the_notebook_names_cells_of_the_run_that_there_would_be(views, made, written):
    found = views["origins"].to_dict("records")
    assert len(found) > 10
    for origin in found:
        assert origin["printed"].removesuffix("*") in said(cell(made, written, origin)), origin


def test_the_notebook_marks_what_is_made_up(views):
    assert "erfunden" in views["dialogue"]
    assert "erfunden" in views["indicators"].attrs["caption"]
    assert all("*" in value or not re.search(r"\d", value) for value in views["indicators"]["wert"])


def views_of(**choices):
    """Give what papers would say of Bielefeld's baseline with other choices."""
    scenario = q.Scenario.named("baseline", ROOT / "data").replace(**choices)
    return q.paper_views(q.load(ROOT / "data"), scenario, ROOT / "data")


@pytest.mark.parametrize(
    ("aversion", "plain", "proven"),
    [
        (
            2.0,
            "Standorte mit geringer Reichweite zählen dabei mehr.",
            "wenn Standorte mit geringer Reichweite so viel mehr zählen",
        ),
        (math.inf, "der Standort mit der geringsten Reichweite möglichst viel erreicht", "eine höhere hat, solange"),
    ],
)
def test_a_plan_that_favours_sites_with_a_low_reach_is_not_said_to_reach_the_most(aversion, plain, proven):
    found = views_of(inequality_aversion=aversion)
    assert plain in found["plain"]
    assert "möglichst viele ältere Menschen" not in found["plain"]
    assert proven in found["reasons"]
    assert "keine andere Verteilung unter diesen Regeln mehr erreicht" not in found["reasons"]
    assert "kann mehr von ihnen erreichen" in found["reasons"]


def test_a_site_that_starts_in_mid_year_is_said_to():
    found = views_of(months={"brockeiche": 4})
    for name in ("distribution", "reasons"):
        assert "Für den Standort Brockeiche sind nur 4 von 12 Monaten gerechnet." in found[name]


def test_money_for_certain_sites_only_is_in_no_paper():
    found = views_of(earmarked=[{"by": "provider", "name": "AWO Kreisverband Bielefeld", "amount_eur": 10_000}])
    for name in ("plain", "proposal", "money"):
        assert isinstance(found[name], PlainError)
        assert "Geld nur für bestimmte Standorte" in str(found[name])


def test_the_notebook_says_what_a_city_lacks(tmp_path):
    folder = write_city(tmp_path / "city")
    found = q.paper_views(q.load(folder), q.Scenario(), folder)
    lacking = {name for name, one in found.items() if isinstance(one, PlainError)}
    assert lacking == set(found) - {"proposal", "reasons", "money", "alternatives"}
    assert "keine Berichte" in str(found["dialogue"])
    assert "kein Gremium" in str(found["situation"])


def test_the_notebook_shows_no_paper_that_would_not_be_written():
    scenario = q.Scenario.named("baseline", ROOT / "data")
    sites = q.load(ROOT / "data")
    for other, why in (
        (scenario.replace(language="en"), "only written in German"),
        (scenario.replace(years=2), "über mehrere Jahre"),
    ):
        found = q.paper_views(sites, other, ROOT / "data")
        assert all(why in str(one) for one in found.values())


# --- PDF/UA and the page ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", contents.KINDS)
def test_every_pdf_is_tagged_as_far_as_this_looks(written, drafts, kind):
    check_pdf((written / f"{kind}.pdf").read_bytes())
    check_pdf((drafts / f"{kind}-entwurf.pdf").read_bytes())


@pytest.mark.parametrize("lost", ["/MarkInfo", "/Lang", "/StructTreeRoot", "/ViewerPreferences"])
def test_the_look_at_a_papers_pdf_notices_what_is_missing(written, lost):
    writer = PdfWriter(clone_from=written / "mitteilung.pdf")
    del writer.root_object[lost]
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises((KeyError, AssertionError)):
        check_pdf(out.getvalue())


@pytest.mark.parametrize("kind", contents.KINDS)
def test_no_name_is_parted_in_a_table(made, written, kind):
    with (made / "tables" / "distribution.csv").open(encoding="utf-8", newline="") as file:
        words = {word for row in csv.DictReader(file) for word in row["name"].split() if row["amount_eur"] != "0.0"}
    told = pdf_text(written / f"{kind}.pdf")
    assert words - {"abgelehnt"}
    for word in words:
        assert re.search(rf"(?<!\S){re.escape(word)}", told), word
        for at in range(3, len(word) - 2):
            assert not re.search(rf"{re.escape(word[:at])}[-\u00ad\u2010]?\s*\n\s*{re.escape(word[at:])}", told), word


@pytest.mark.parametrize("kind", contents.KINDS)
def test_no_page_ends_with_a_heading(written, kind):
    path = written / f"{kind}.pdf"
    headings = [
        one.text for one in Document(written / f"{kind}.docx").paragraphs if one.style.name.startswith("Heading")
    ]
    assert headings
    for page in PdfReader(path).pages:
        lines = [line.strip() for line in page.extract_text().splitlines() if line.strip()]
        body = [line for line in lines if not line.startswith(("Lauf ", "Seite "))]
        assert body[-1] not in headings
        assert body[-1] not in ("So haben es die Standorte aufgeschrieben.", "Nächste Schritte:")


def test_nobody_has_signed_a_draft(made, written, tmp_path):
    draft = papers.write(made, "mitteilung", out=tmp_path, is_draft=True).folder
    assert "Ingo Nürnberger" in text_of(written / "mitteilung.docx")
    assert "Ingo Nürnberger" not in text_of(draft / "mitteilung-entwurf.docx")
    assert "Zu unterzeichnen von:niemand, solange dies ein Entwurf ist" in text_of(draft / "mitteilung-entwurf.docx")


def test_a_status_that_is_assumed_has_a_star_and_one_that_is_not_has_none(written):
    text = text_of(written / "mitteilung.docx")
    assert "unterschrieben*" in text
    assert "in Verhandlung*" in text


# --- templates ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", contents.KINDS)
def test_our_templates_are_what_their_outlines_make(kind):
    assert (papers.TEMPLATES / f"{kind}.docx").read_bytes() == papers.template_bytes(kind)


def test_a_citys_own_template_is_taken_from_its_folder_or_from_where_it_is_asked_for(run, city, tmp_path):
    def own(text, folder):
        folder.mkdir(exist_ok=True)
        (folder / "kasse.docx").write_bytes(documents.template_from(f"= {text} {{{{ titel }}}}"))

    own("Eigene", tmp_path / "own")
    found = papers.write(run, "kasse", is_draft=True, templates=tmp_path / "own")
    assert "Eigene Blatt" in text_of(found.files[0])
    assert f"Vorlage für kasse: {tmp_path / 'own' / 'kasse.docx'}" in found.sentences()
    found = papers.write(run, "beschluss", is_draft=True, templates=tmp_path / "own")
    assert not [line for line in found.sentences() if line.startswith("Vorlage")]  # ours
    made = city(lambda folder: own("Stadt", folder / "papers"))
    found = papers.write(made, "kasse", is_draft=True)
    assert "Stadt Blatt" in text_of(found.files[0])
    assert f"Vorlage für kasse: {made / 'inputs/data/papers/kasse.docx'}" in found.sentences()


def test_a_folder_in_which_no_template_has_its_name_is_refused(run, tmp_path):
    (tmp_path / "Kassenblatt.docx").write_bytes(documents.template_from("= {{ titel }}"))
    before = fingerprint(run.parent)
    with pytest.raises(PlainError, match=r"liegt keine passende Vorlage; Vorlagen heißen hier mitteilung\.docx, "):
        papers.write(run, "kasse", is_draft=True, templates=tmp_path)
    assert fingerprint(run.parent) == before


def test_what_rests_on_assumed_agreements_has_a_star_wherever_money_hangs_on_it(written):
    sheet, enclosure, told = (
        text_of(written / f"{kind}.docx") for kind in ("kasse", "foerderbescheid-anlage", "mitteilung")
    )
    assert (
        "die Vereinbarung unterschrieben* und bei der ersten Rate (01.04.2021*) in Kraft und der Anbieter bekannt*"
        in sheet
    )
    assert "AWO Kreisverband Bielefeld*" in sheet
    assert (
        "möglich: Die Vereinbarung ist unterschrieben* und bei der ersten Rate (01.04.2021*) in Kraft, der Anbieter ist bekannt*"
        in enclosure
    )
    assert "Für den Standort Vennhofallee sind 14.000 EUR* vorgesehen." in enclosure
    assert "Vennhofallee erhält" not in enclosure
    assert (
        "46.500 EUR* davon gehen an Standorte, deren Vereinbarung unterschrieben und bei der ersten Rate (01.04.2021*) in Kraft ist"
        in told
    )
    assert "Was hier steht, ist der Stand vom 26.01.2021." in told


def test_the_days_on_which_committees_were_informed_are_no_days_of_the_decision(written):
    assert "Gremium:Seniorenrat, Beratung oder Beschluss und der Tag: von der Stadt einzutragen" in text_of(
        written / "beschluss.docx"
    )


def test_a_file_in_the_place_of_the_folder_of_templates_is_called_one(run, tmp_path):
    (tmp_path / "kasse.docx").touch()
    with pytest.raises(PlainError, match="ist eine Datei; erwartet wird ein Ordner"):
        papers.write(run, "kasse", is_draft=True, templates=tmp_path / "kasse.docx")


def test_faults_of_several_templates_are_told_together_and_other_names_are_named(run, tmp_path):
    for kind in ("kasse", "beschluss"):
        (tmp_path / f"{kind}.docx").write_bytes(documents.template_from("= {{ titel }}\n{{ unsinn }}"))
    with pytest.raises(PlainError) as caught:
        papers.write(run, is_draft=True, templates=tmp_path)
    for words in ("kasse.docx: 1 Fehler", "beschluss.docx: 1 Fehler"):
        assert words in str(caught.value)
    (tmp_path / "beschluss.docx").rename(tmp_path / "Beschluss.docx")
    (tmp_path / "kasse.docx").write_bytes(documents.template_from("= {{ titel }}"))
    told = papers.write(run, "kasse", is_draft=True, templates=tmp_path).sentences()
    assert "Nicht benutzt, denn so heißt keine Vorlage: Beschluss.docx" in told


def test_an_unknown_field_in_a_template_is_named_and_nothing_is_written(run, tmp_path):
    (tmp_path / "kasse.docx").write_bytes(documents.template_from("= {{ titel }}\n{{ betrga }}"))
    before = fingerprint(run.parent)
    with pytest.raises(documents.FaultyTemplate, match=r"kasse\.docx(.|\n)*betrga"):
        papers.write(run, "kasse", is_draft=True, templates=tmp_path)
    assert fingerprint(run.parent) == before


def test_templates_are_copied_for_editing_and_never_over_a_file(tmp_path):
    (tmp_path / "kasse.docx").write_text("mine")
    lines = papers.copy_templates(tmp_path)
    assert {path.stem for path in tmp_path.glob("*.docx")} == set(contents.KINDS)
    assert (tmp_path / "kasse.docx").read_text() == "mine"
    assert any("kasse.docx" in line and "schon" in line for line in lines)


# --- texts of others ----------------------------------------------------------------------------------------------

EVIL = ["=1+1", "<b>fett</b>", "{{ 7*7 }}", "{% for x in 1 %}", "#let x = 1", "$x^2$ & <w:p/>", "[Link](http://x.y)"]


def test_markup_in_names_is_shown_and_not_obeyed(city):
    def rename(folder):
        path = folder / "sites.csv"
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
        for row, name in zip(rows[1:], EVIL, strict=False):
            row[1] = name
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)

    made = city(rename)
    for kind in contents.KINDS:
        docx, pdf, _ = papers.write(made, kind, is_draft=True).files[:3]
        told, shown = "\n".join(parts(docx)), re.sub(r"\s", "", pdf_text(pdf))
        for name in EVIL:
            assert name in told, kind
            assert re.sub(r"\s", "", name) in shown, kind


# --- command ------------------------------------------------------------------------------------------------------


def test_the_command_writes_and_says_what(run, say):
    code, out, err = say("paper", run, "--kind", "kasse", "--draft")
    assert (code, err) == (0, "")
    assert "kasse-entwurf.pdf" in out
    assert (run.parent / "papers" / NAME / "kasse-entwurf.docx").is_file()


def test_the_command_refuses_in_words(run, say):
    changed("tables/distribution.csv", "8100.0,", "9100.0,")(run)
    code, out, err = say("paper", run)
    assert (code, out) == (1, "")
    assert "wird kein Papier geschrieben" in err
    assert say("paper")[0] == 2


def test_the_command_copies_templates(tmp_path, say):
    assert say("paper", "--write-templates", tmp_path / "t")[0] == 0
    assert (tmp_path / "t" / "bericht.docx").is_file()
