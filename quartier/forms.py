"""The forms of the quality dialogue: one spreadsheet a site goes out, is filled in with Excel or LibreOffice, and comes back.

`blank` says what a form asks and looks like, `returned` what one that came back says; here are the forms of all sites, the folder they
come back in, and the tables that they become.

Made-up forms for a demonstration say so in three places. They never become reports: `collect` keeps them apart by the names of the
tables, and refuses a folder that holds both.
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartier.blank import (
    Answers,
    NewMeasure,
    Question,
    earlier_measures,
    figures_asked,
    form,
    known_reports,
    of_year,
    signed_sites,
    state_words,
)
from quartier.data import (
    CONTRACT,
    DEMONSTRATION,
    DataError,
    Fault,
    FaultyInput,
    Sites,
    find_path,
    is_id,
    load,
    no_folder,
    system_reason,
)
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.ledger import renewals
from quartier.report import aside, unwritable
from quartier.returned import FormFault, Reader, Report, shown_answer

if TYPE_CHECKING:
    import pandas as pd


class FormError(FaultyInput):
    """Forms cannot be taken over: every fault with file, sheet and cell, what was given and what to do."""


@dataclass(frozen=True, eq=False)
class Collected:
    """What forms bring: tables as in the data, and what was left out.

    Attributes
    ----------
    tables : mapping of str to DataFrame
        ``reports``, ``report_texts``, ``measures``; their names begin with ``demonstration_`` where the forms are made up.
    year : int
        Year that is reported on.
    is_demonstration : bool
        Whether the forms are made up.
    sites : tuple of str
        Ids of the sites that have reported.
    without_report : tuple of str
        Names of the sites with an agreement that have not.
    ignored : tuple of str
        What in the folder was not read, and why: sentences.
    """

    tables: Mapping[str, pd.DataFrame]
    year: int
    is_demonstration: bool
    sites: tuple[str, ...]
    without_report: tuple[str, ...]
    ignored: tuple[str, ...]

    def table(self, name: str) -> pd.DataFrame:
        """Give ``reports``, ``report_texts`` or ``measures``, of a demonstration too."""
        return self.tables[f"{DEMONSTRATION if self.is_demonstration else ''}{name}"]

    def sentences(self, language: str = LANGUAGES[0]) -> list[str]:
        """Say what was read and what was not."""
        texts = Texts(language)
        said = [
            texts.text(
                "{n} report for the year {year}: {figures} figures, {words} texts, {measures} measures.",
                plural="{n} reports for the year {year}: {figures} figures, {words} texts, {measures} measures.",
                n=len(self.sites),
                year=self.year,
                figures=len(self.table("reports")),
                words=len(self.table("report_texts")),
                measures=len(self.table("measures")),
            )
        ]
        if self.is_demonstration:
            said.append(texts.text("Demonstration: made-up figures. They are kept apart from reports."))
        if self.without_report:
            said.append(texts.text("Without a report: {sites}.", sites=texts.listing(self.without_report)))
        return [*said, *self.ignored]


# --- going out ------------------------------------------------------------------------------------------------------


def write_forms(
    sites: Sites,
    year: int,
    folder: str | Path,
    language: str = LANGUAGES[0],
    *,
    demonstration: bool = False,
    today: datetime.date | None = None,
) -> tuple[Path, ...]:
    """Write a form for each site with an agreement: ``<year>-<site_id>.xlsx``. The same data give the same bytes.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder; last year's values are those of its ``reports``.
    year : int
        Year that is reported on.
    folder : path
        Made if it is not there.
    language : str
        Language of the forms.
    demonstration : bool
        Write forms marked as a demonstration, with last year's values from the made-up reports.
    today : date, optional
        Day whose next year is the last that forms are written for; the current one by default.

    Returns
    -------
    tuple of Path
        The forms, in the order of the sites.

    Raises
    ------
    PlainError
        The data describe no indicators, no site has an agreement, the year is before the first agreement and report or after the
        next year, the folder cannot be written to, or there is another file of the name of a form already: it may have been filled
        in.
    """
    texts = Texts(language)
    asked = _asked(sites, texts)
    _check_year(sites, year, texts, today)
    content = {
        f"{year}-{site_id}.xlsx": form(sites, site_id, year, language, demonstration=demonstration) for site_id in asked
    }
    return _put(content, Path(folder), texts)


def ended_before(sites: Sites, year: int, language: str = LANGUAGES[0]) -> str:
    """Say which of the sites that get a form have an agreement that ended before the year; empty where none has.

    They are asked all the same: when an agreement ends is mostly assumed, and one that was renewed may not be in the calendar yet.
    """
    texts = Texts(language)
    last = {row["site_id"]: row for row in renewals(sites.tables)}
    ended = [
        last[site] | {"name": name}
        for site, name in _asked(sites, texts).items()
        if site in last and last[site]["ends"].year < year
    ]
    if not ended:
        return ""
    told = []
    for row in ended:
        day = texts.date(row["ends"])
        told.append(
            f"{row['name']}: {texts.text('{title} (assumed)', title=day) if row['basis'] == 'assumed' else day}"
        )
    return texts.text(
        "In the calendar (calendar.csv) these agreements end before {year}: {sites}.",
        year=year,
        sites=texts.listing(told),
    )


def demonstrate(
    sites: Sites, folder: str | Path, year: int | None = None, language: str = LANGUAGES[0]
) -> tuple[Path, ...]:
    """Write forms that are filled in with the made-up reports of a year, to try `collect` with. They are marked as made up.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder with made-up reports.
    folder : path
        Made if it is not there.
    year : int, optional
        By default the latest year of the made-up reports.
    language : str
        Language of the forms.

    Raises
    ------
    PlainError
        As `write_forms`; or there are no made-up reports of the year.
    """
    texts = Texts(language)
    reports = known_reports(sites, "reports", demonstration=True)
    if reports is not None and year is None and len(reports):
        year = int(reports["year"].max())
    if reports is None or year is None or not (reports["year"] == year).any():
        raise PlainError(texts.text("These data hold no made-up reports of such a year."))
    reporting = set(reports.loc[reports["year"] == year, "site_id"])
    content = {
        f"{year}-{site_id}.xlsx": form(
            sites, site_id, year, language, demonstration=True, answers=_made_up(sites, site_id, year)
        )
        for site_id in _asked(sites, texts)
        if site_id in reporting
    }
    return _put(content, Path(folder), texts)


def _made_up(sites: Sites, site_id: str, year: int) -> Answers:
    """Give the made-up reports of a site as answers."""
    measures = known_reports(sites, "measures", demonstration=True)
    new = []
    if measures is not None:
        rows = measures[(measures["site_id"] == site_id) & (measures["year"] == year)]
        for row in rows.to_dict("records"):
            due = row["due_date"] if isinstance(row["due_date"], datetime.date) else None
            new.append(NewMeasure(row["text"], row["owner"], due, row["state"]))
    return Answers(
        figures=of_year(known_reports(sites, "reports", demonstration=True), site_id, year, "indicator", "value"),
        texts=of_year(known_reports(sites, "report_texts", demonstration=True), site_id, year, "kind", "text"),
        states={row["measure_id"]: row["state"] for row in earlier_measures(sites, site_id, year, demonstration=True)},
        new=tuple(new),
    )


def _check_year(sites: Sites, year: int, texts: Texts, today: datetime.date | None = None) -> None:
    """Refuse a year that no site can report on: before the first agreement or report, or later than the year to come."""
    last = (today or datetime.date.today()).year + 1
    years = [last]
    if "agreements" in sites.tables:
        agreements = sites.table("agreements")
        years += [day.year for day in agreements.loc[agreements["status"] == "signed", "date"]]
    for demonstration in (False, True):
        reports = known_reports(sites, "reports", demonstration=demonstration)
        years += [] if reports is None else [int(one) for one in reports["year"]]
    if not isinstance(year, int) or not min(years) <= year <= last:
        raise PlainError(
            texts.text(
                "The year {year} cannot be reported on, only {first} to {last}: from the first agreement, or an earlier report, "
                "to next year.",
                year=texts.given(year),
                first=min(years),
                last=last,
            )
        )


def _asked(sites: Sites, texts: Texts) -> dict[str, str]:
    """Sites that get a form."""
    signed = signed_sites(sites)
    if not signed:
        raise PlainError(texts.text("No site has an agreement, so there is nobody to ask."))
    return signed


def _put(content: Mapping[str, bytes], folder: Path, texts: Texts) -> tuple[Path, ...]:
    """Write files, all or none; a file of the name that holds something else stays, and nothing is written."""
    try:
        taken = [
            name for name, raw in content.items() if (folder / name).exists() and (folder / name).read_bytes() != raw
        ]
        if taken:
            raise PlainError(
                texts.text(
                    "Nothing was written: there are other forms of these names already, and they may have been filled in: "
                    "{names}. Name another folder.",
                    names=", ".join(taken),
                )
            )
        with aside(folder / f".partial-{os.getpid()}") as partial:
            for name, raw in content.items():
                (partial / name).write_bytes(raw)
            for name in content:
                (partial / name).replace(folder / name)
    except OSError as error:
        raise PlainError(unwritable(folder, error, texts)) from error
    return tuple(folder / name for name in content)


_OF_SPREADSHEETS = (
    *(".xls", ".xlsm", ".xlsb", ".xlt", ".xltx", ".xltm", ".ots", ".fods", ".csv", ".tsv", ".numbers", ".docx", ".odt"),
)
"""Endings of files that may have been meant as an answer, but are not read."""


# --- coming back ----------------------------------------------------------------------------------------------------


def collect(
    folder: str | Path,
    sites: Sites,
    language: str = LANGUAGES[0],
    *,
    year: int | None = None,
    source_id: str | None = None,
) -> Collected:
    """Read the forms in a folder, XLSX or ODS, whatever they are called now.

    Parameters
    ----------
    folder : path
        Holds the forms that came back; folders in it are not looked into.
    sites : Sites
        Read from the city's folder: sites, indicators, earlier measures.
    language : str
        Language of the messages. A form says itself in which language it was written.
    year : int, optional
        Year that is reported on; by default that of most forms.
    source_id : str, optional
        Source of the reports; by default ``qualitaetsdialog-<year>``. Made-up ones have the source of assumptions, ``annahme``.

    Returns
    -------
    Collected
        One row for each figure, text and measure, with file and cell. Nothing is written: `save_collected` does that.

    Raises
    ------
    FormError
        Lists every fault in every form.
    PlainError
        There is no such folder, no form in it, the year is none that can be reported on, or the source has no name of a source.
    """
    texts, place = Texts(language), find_path(folder)
    _check_source(source_id, texts)
    if year is not None:
        _check_year(sites, year, texts)
    if not place.is_dir():
        raise PlainError(no_folder(place, folder, texts))
    try:
        files = sorted(place.iterdir(), key=lambda path: (path.name.casefold(), path.name))
    except OSError as error:
        raise PlainError(f"{place}: {system_reason(error, texts)}") from error
    questions, faults, ignored, reports = figures_asked(sites, texts), list[Fault](), list[str](), list[Report]()
    for file in files:
        if said := _why_ignored(file, texts):
            ignored.append(said)
        elif file.suffix.lower() in _OF_SPREADSHEETS:
            given = texts.given(file.suffix)
            faults.append(FormFault(file.name, None, None, given, texts.text("the form, saved as XLSX or ODS")))
        else:
            reader = Reader(file, sites, questions, texts)
            report = reader.read()
            faults += reader.faults
            ignored += reader.ignored
            if report is not None:
                reports.append(report)
    if not reports and not faults:
        raise PlainError(
            "\n".join(
                [texts.text("There is no form in {folder}.", folder=texts.given(str(folder))), *ignored],
            )
        )
    if reports:
        counts = Counter(report.year for report in reports)
        meant = year or max(counts, key=lambda one: (counts[one], one))
        reports, more = _belonging(reports, meant, {fault.file for fault in faults}, texts, ignored)
        faults += more
    if faults:
        raise FormError(faults, texts, str(folder))
    is_demonstration = reports[0].is_demonstration
    apart = DEMONSTRATION if is_demonstration else ""
    origin = {"basis": "assumed", "source_id": "annahme"}
    if not is_demonstration:
        origin = {"basis": "stated", "source_id": source_id or f"qualitaetsdialog-{meant}"}
    reporting = {report.site_id for report in reports}
    order = {site_id: number for number, site_id in enumerate(sites.site_ids)}
    reports.sort(key=lambda report: order[report.site_id])
    return Collected(
        tables={
            f"{apart}reports": _figures_table(reports, questions, origin, texts),
            f"{apart}report_texts": _texts_table(reports, origin, texts),
            f"{apart}measures": _measures_table(reports, sites, origin, texts),
        },
        year=meant,
        is_demonstration=is_demonstration,
        sites=tuple(report.site_id for report in reports),
        without_report=tuple(name for site_id, name in signed_sites(sites).items() if site_id not in reporting),
        ignored=tuple(ignored),
    )


def _check_source(source_id: str | None, texts: Texts) -> None:
    """Refuse a source that no row could name."""
    if source_id is not None and not is_id(source_id):
        raise PlainError(
            texts.text(
                "The source (--source) takes a short name of small letters and digits, parted by - or _, as in "
                "qualitaetsdialog-2023, not {given}.",
                given=texts.given(source_id),
            )
        )


def _why_ignored(file: Path, texts: Texts) -> str | None:
    """Say why something in the folder is not read; None for what is."""
    name = texts.given(file.name)
    if file.name.startswith(("~$", ".~lock.")):
        return texts.text("Not read: {name}, which a spreadsheet program keeps while it has a form open.", name=name)
    if not file.is_file():
        return texts.text("Not read: {name}, a folder in the folder.", name=name)
    is_of_a_mac = file.name.startswith("._")  # what a Mac packs beside each file
    if is_of_a_mac or file.suffix.lower() not in (".xlsx", ".ods", *_OF_SPREADSHEETS):
        return texts.text("Not read: {name}, no spreadsheet.", name=name)
    return None


def _belonging(
    reports: Iterable[Report], year: int, faulty: Container[str], texts: Texts, ignored: list[str]
) -> tuple[list[Report], list[Fault]]:
    """Keep one report a site; those of another year, made-up ones among others, and contradictions are faults.

    Of the faulty files only what could be read is compared.
    """
    kept: dict[str, Report] = {}
    faults: list[Fault] = []
    reports = list(reports)
    is_mixed = len({report.is_demonstration for report in reports}) > 1
    for report in reports:
        if report.year != year:
            expected = texts.text("a form for the year {year}", year=year)
            faults.append(FormFault(report.file, None, None, str(report.year), expected))
            continue
        if is_mixed and report.is_demonstration:
            given = texts.text("Demonstration: made-up figures")
            expected = texts.text("only reports of sites: take this form out of the folder")
            faults.append(FormFault(report.file, None, None, given, expected))
            continue
        first = kept.setdefault(report.site_id, report)
        if first is report:
            continue
        is_whole = first.file not in faulty and report.file not in faulty
        found = list(_contradictions(first, report, texts, is_whole=is_whole))
        faults += found
        if not found:
            ignored.append(
                texts.text(
                    "Not needed: {name}, which says the same as {other}.",
                    name=texts.given(report.file),
                    other=texts.given(first.file),
                )
            )
    return list(kept.values()), faults


def _contradictions(first: Report, other: Report, texts: Texts, *, is_whole: bool) -> Iterator[Fault]:
    """Faults where two forms of one site differ; unless both could be read as a whole, only where both have an answer."""
    here, there = first.answers(), other.answers()
    for key in dict.fromkeys([*there, *here]):
        one, two = here.get(key), there.get(key)
        if not (is_whole or (one and two)):
            continue
        if one is None or two is None or one[0] != two[0]:
            place = (two or one or (None, ""))[1]
            shown, given = (
                texts.given(_told(key, said, texts)) if said else texts.text("no answer") for said in (one, two)
            )
            expected = texts.text("{value} as in {file}; leave only one of the two forms", value=shown, file=first.file)
            yield FormFault(other.file, None, place, given, expected)


def _told(key: str, said: tuple[Any, str], texts: Texts) -> str:
    """Write an answer of a form as it is told; the state of a measure by its word."""
    return shown_answer(state_words(texts).get(said[0], said[0]) if key.startswith("states/") else said[0], texts)


# --- tables ---------------------------------------------------------------------------------------------------------


def _frame(rows: list[dict[str, Any]], table: str) -> pd.DataFrame:
    """Make a table with the columns of the data."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=list(CONTRACT[table]), dtype=object)
    for name, column in CONTRACT[table].items():
        if name == "year":
            frame[name] = frame[name].astype(int)
        elif column.kind == "number":
            frame[name] = frame[name].astype(float)
    return frame


def _note(remark: str | None, origin: Mapping[str, str], texts: Texts) -> str | None:
    """Give a row's note: the remark, and what an assumed row has to say of itself."""
    if origin["basis"] != "assumed":
        return remark
    made_up = texts.text("Assumption: made up for demonstration, no report of a site. To be replaced by the reports.")
    return f"{made_up} {remark}" if remark else made_up


def _figures_table(
    reports: Iterable[Report], questions: Mapping[str, Question], origin: Mapping[str, str], texts: Texts
) -> pd.DataFrame:
    rows = []
    for report in reports:
        for indicator, question in questions.items():
            if indicator in report.figures:
                value, where = report.figures[indicator]
                rows.append(
                    {
                        "year": report.year,
                        "site_id": report.site_id,
                        "indicator": indicator,
                        "value": value,
                        "unit": question.unit,
                        **origin,
                        "file": report.file,
                        "cell": where,
                        "note": _note(report.remarks.get(indicator, (None, ""))[0], origin, texts),
                    }
                )
    return _frame(rows, "reports")


def _texts_table(reports: Iterable[Report], origin: Mapping[str, str], texts: Texts) -> pd.DataFrame:
    rows = [
        {
            "year": report.year,
            "site_id": report.site_id,
            "kind": kind,
            "text": text,
            **origin,
            "file": report.file,
            "cell": where,
            "note": _note(None, origin, texts),
        }
        for report in reports
        for kind, (text, where) in report.texts.items()
    ]
    return _frame(rows, "report_texts")


def _measures_table(reports: Iterable[Report], sites: Sites, origin: Mapping[str, str], texts: Texts) -> pd.DataFrame:
    rows = []
    for report in reports:
        known = known_reports(sites, "measures", demonstration=report.is_demonstration)
        for measure_id, (state, where) in report.states.items():
            row = known.set_index("measure_id", drop=False).loc[measure_id].to_dict() if known is not None else {}
            kept = {name: row.get(name) for name in CONTRACT["measures"]}
            rows.append({**kept, **origin, "state": state, "file": report.file, "cell": where})
        for number, (measure, where) in sorted(report.new.items()):
            rows.append(
                {
                    "measure_id": f"{report.site_id}-{report.year}-{number}",
                    "year": report.year,
                    "site_id": report.site_id,
                    "text": measure.text,
                    "owner": measure.owner,
                    "due_date": measure.due_date,
                    "state": measure.state,
                    **origin,
                    "file": report.file,
                    "cell": where,
                    "note": _note(None, origin, texts),
                }
            )
    return _frame(rows, "measures")


# --- the city's folder ------------------------------------------------------------------------------------------------

_PACKAGE = "datapackage.json"
_OPENS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")

_SHIELD = "\u00a0"
"""Put before such a text in a CSV file: a spreadsheet then shows it as a text. `load` strips it as it strips any blank."""
_ABOUT = {
    "reports": (mark("Reports of the sites: figures"), mark("One figure of a yearly report, read from a form.")),
    "report_texts": (mark("Reports of the sites: texts"), mark("What went well, what did not, read from a form.")),
    "measures": (mark("Reports of the sites: measures"), mark("What was agreed, who does it, until when.")),
}


def save_collected(
    collected: Collected, folder: str | Path, language: str = LANGUAGES[0], *, check_only: bool = False
) -> tuple[str, ...]:
    """Take collected reports into a city's folder.

    What a site has reported for the year before is replaced; tables, their descriptions and the source are added where the city has
    none yet. The folder as it would be is read and checked as a whole first.

    Parameters
    ----------
    collected : Collected
        What `collect` gave.
    folder : path
        The city's folder.
    language : str
        Language of the messages, and of titles that are added.
    check_only : bool
        Only check that it could be done.

    Returns
    -------
    tuple of str
        The files that were (or would be) changed, as paths in the folder.

    Raises
    ------
    DataError
        The folder would no longer be right; nothing was changed.
    PlainError
        It cannot be written to; what was there is there again.
    """
    texts, city = Texts(language), find_path(folder)
    sites = load(city, language=language)
    package = json.loads((city / _PACKAGE).read_text(encoding="utf-8-sig"))
    paths = {resource["name"]: resource["path"] for resource in package["resources"]}
    changed: dict[str, bytes] = {}
    sources = _with_source(collected, sites, texts)
    if sources is not None:
        changed[paths["sources"]] = _csv_bytes(sources)
    is_described = True
    for name, table in collected.tables.items():
        path = paths.get(name)
        if path is None:
            path = f"{name.removeprefix(DEMONSTRATION)}.csv"
            path = f"demonstration/{path}" if collected.is_demonstration else path
            package["resources"].append(_described(name, path, texts))
            is_described = False
        changed[path] = _csv_bytes(_merged(sites.tables.get(name), table, collected, name))
    if not is_described:
        changed[_PACKAGE] = (json.dumps(package, ensure_ascii=False, indent=2) + "\n").encode("utf-8")
    changed = {
        path: raw for path, raw in changed.items() if not (city / path).exists() or (city / path).read_bytes() != raw
    }
    try:
        with aside(city.parent / f".partial-{os.getpid()}") as partial:
            _copy_with(city, partial / city.name, changed)
            try:
                load(partial / city.name, language=language)
            except DataError as error:
                raise DataError(error.faults, texts, str(city)) from error  # not by the name of its copy
            if not check_only:
                _replace(city, partial, changed)
    except OSError as error:
        raise PlainError(unwritable(city, error, texts)) from error
    return tuple(changed)


def take_in(
    folder: str | Path,
    data: str | Path,
    language: str = LANGUAGES[0],
    *,
    year: int | None = None,
    source_id: str | None = None,
    check_only: bool = False,
) -> list[str]:
    """Collect the forms in a folder and save what they say in a city's folder; says what was done, line by line.

    Raises
    ------
    FormError, DataError, PlainError
        As `collect` and `save_collected`; nothing was changed.
    """
    texts, city = Texts(language), find_path(data)
    _check_source(source_id, texts)  # before the data are read
    collected = collect(folder, load(city, language=language), language, year=year, source_id=source_id)
    changed = save_collected(collected, city, language, check_only=check_only)
    said = collected.sentences(language)
    names = ", ".join(changed)
    if not changed:
        said.append(texts.text("All of it was in {folder} already.", folder=city))
    elif check_only:
        said.append(
            texts.text("Nothing was changed; these files in {folder} would be: {names}.", folder=city, names=names)
        )
    else:
        said.append(texts.text("Changed in {folder}: {names}.", folder=city, names=names))
    return said


def _copy_with(city: Path, copy: Path, changed: Mapping[str, bytes]) -> None:
    """Copy a city's folder, with some files changed."""
    shutil.copytree(city, copy)
    for path, raw in changed.items():
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        (copy / path).write_bytes(raw)


def _replace(city: Path, partial: Path, changed: Mapping[str, bytes]) -> None:
    """Put files in place one after the other; if that fails, put back what was there.

    The order keeps the folder readable at each step: a source that no row names yet, tables, and then their description.
    """
    before = {path: (city / path).read_bytes() if (city / path).exists() else None for path in changed}
    done: list[str] = []
    try:
        for path, raw in changed.items():
            done.append(path)
            (city / path).parent.mkdir(parents=True, exist_ok=True)
            new = partial / "new"
            new.write_bytes(raw)
            new.replace(city / path)
    except BaseException:
        for path in reversed(done):
            kept = before[path]
            if kept is None:
                (city / path).unlink(missing_ok=True)
            elif (city / path).read_bytes() != kept:
                (city / path).write_bytes(kept)
        raise


def _with_source(collected: Collected, sites: Sites, texts: Texts) -> pd.DataFrame | None:
    """Give the table of sources with that of the reports; None where it is there."""
    import pandas as pd

    sources = sites.table("sources")
    named = {source for table in collected.tables.values() for source in table["source_id"]}
    missing = sorted(named - set(sources["source_id"]))
    if not missing:
        return None
    partners = sites.table("partners")
    city = list(partners.loc[partners["kind"] == "city", "name"])
    known = {
        "title": texts.text("Quality dialogue {year}: reports of the sites", year=collected.year),
        "publisher": city[0] if city else texts.text("the city"),
        "date": str(collected.year),
        "where": texts.text("Forms of the quality dialogue, not public"),
    }
    rows = [{"source_id": one, **{key: value for key, value in known.items() if key in sources}} for one in missing]
    return pd.concat([sources, pd.DataFrame(rows, columns=sources.columns)], ignore_index=True)


def _merged(known: pd.DataFrame | None, table: pd.DataFrame, collected: Collected, name: str) -> pd.DataFrame:
    """Put new rows in the place of what the sites have reported for the year before; others stay as they are."""
    import pandas as pd

    if known is None:
        return table
    is_replaced = (known["year"] == collected.year) & known["site_id"].isin(collected.sites)
    if name.endswith("measures"):
        is_replaced |= known["measure_id"].isin(table["measure_id"])
    rows = [*known[~is_replaced].to_dict("records"), *table.to_dict("records")]
    merged = pd.DataFrame(rows, columns=[*known.columns, *(one for one in table if one not in known)], dtype=object)
    return merged.sort_values("year", kind="stable", ignore_index=True)


def _csv_bytes(frame: pd.DataFrame) -> bytes:
    """Write a table as CSV that no spreadsheet takes for formulas."""
    import pandas as pd

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return _SHIELD + value if value.startswith(_OPENS_A_FORMULA) else value
        if pd.isna(value):
            return ""
        if isinstance(value, float):
            return str(int(value)) if value == int(value) else repr(value)
        return value.isoformat() if isinstance(value, datetime.date) else str(value)

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(frame.columns)
    writer.writerows([cell(value) for value in row] for row in frame.itertuples(index=False, name=None))
    return text.getvalue().encode("utf-8")


def _described(name: str, path: str, texts: Texts) -> dict[str, Any]:
    """Describe a new table for the data package."""
    kinds = {"text": "string", "id": "string", "number": "number", "date": "date", "period": "string"}
    fields = []
    for column, about in CONTRACT[name].items():
        constraints: dict[str, Any] = {"required": True} if about.required else {}
        if about.kind == "id":
            constraints["pattern"] = "[a-z0-9]+([-_][a-z0-9]+)*"
        if about.among:
            constraints["enum"] = list(about.among)
        limits = {"minimum": about.least, "maximum": about.most}
        constraints |= {rule: limit for rule, limit in limits.items() if limit is not None}
        field_ = {"name": column, "type": "integer" if column == "year" else kinds[about.kind]}
        fields.append(field_ | ({"constraints": constraints} if constraints else {}))
    bare = name.removeprefix(DEMONSTRATION)
    keys = {"reports": ["year", "site_id", "indicator"], "report_texts": ["year", "site_id", "kind"]}
    references = [("site_id", "sites"), ("source_id", "sources")]
    references += [("indicator", "dialogue_indicators")] if bare == "reports" else []
    title, description = (texts.text(one) for one in _ABOUT[bare])
    if name.startswith(DEMONSTRATION):
        description = f"{texts.text('Demonstration: made-up figures')}. {description}"
    return {
        "name": name,
        "title": title,
        "description": description,
        "path": path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "profile": "tabular-data-resource",
        "schema": {
            "fields": fields,
            "missingValues": [""],
            "primaryKey": keys.get(bare, "measure_id"),
            "foreignKeys": [
                {"fields": column, "reference": {"resource": target, "fields": column}} for column, target in references
            ],
        },
    }
