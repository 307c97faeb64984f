"""CSV files to checked, frozen tables. Every figure keeps its source; every fault is reported, in one error.

A city's folder is described by its `datapackage.json` (Frictionless Data Package). Two descriptions are checked:
the contract below, which is all that the model needs, and the city's own package, which may ask for more.
"""

from __future__ import annotations

import calendar
import csv
import dataclasses
import datetime
import difflib
import errno
import functools
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from quartier.language import PlainError, Texts, mark

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("signed", "negotiating", "prospective", "declined")
BASES = ("stated", "derived", "assumed")
RULES = ("min_eur", "max_eur", "scale_eur", "previous_eur")


class Fault(NamedTuple):
    """One thing wrong with the input: where, what was given, what was expected.

    ``said`` is the same for somebody at a panel, who knows neither files nor names of fields, if that is another sentence.
    """

    file: str
    row: int | None
    column: str | None
    given: str
    expected: str
    said: str = ""

    def sentence(self, texts: Texts) -> str:
        """Give the fault as one line of text."""
        place = [self.file]
        if self.row is not None:
            place.append(texts.text("row {row}", row=self.row))
        if self.column is not None:
            place.append(texts.text("column {column}", column=self.column))
        if self.column is not None and self.file == texts.text("parameters"):  # typed, not read from a table
            place = [texts.text("parameter {name}", name=self.column)]
        where = ", ".join(place)
        if not self.given:
            return texts.text("{where}: expected {expected}", where=where, expected=self.expected)
        return texts.text(
            "{where}: given {given}, expected {expected}", where=where, given=self.given, expected=self.expected
        )


class FaultyInput(PlainError):
    """Base of errors that list faults.

    Attributes
    ----------
    faults : tuple of Fault
        Every fault found, in the order of files, rows and columns.
    """

    def __init__(self, faults: Iterable[Fault], texts: Texts, subject: str) -> None:
        self.faults = tuple(faults)
        head = texts.text(
            "{subject}: {n} fault; nothing was changed.",
            plural="{subject}: {n} faults; nothing was changed.",
            n=len(self.faults),
            subject=subject,
        )
        super().__init__("\n".join([head, *(f"  - {fault.sentence(texts)}" for fault in self.faults)]))


class DataError(FaultyInput):
    """The data cannot be used: every fault with file, row, column, what was given and what was expected."""


class Column(NamedTuple):
    """What the model needs of a column: its kind of value and the values it may take."""

    kind: Literal["text", "id", "number", "date", "period"] = "text"
    required: bool = True
    among: tuple[str, ...] = ()
    least: float | None = None
    above: float | None = None
    most: float | None = None


_TEXT, _MAYBE, _NAME, _MAYBE_NAME = Column(), Column(required=False), Column("id"), Column("id", required=False)
_BASIS, _STATUS = Column(among=BASES), Column(among=STATUSES)
_PEDIGREE = {"basis": _BASIS, "source_id": _NAME}
_DERIVED = {**_PEDIGREE, "formula": _MAYBE}

DEMONSTRATION = "demonstration_"
"""How the names of the tables begin that hold made-up reports: kept apart from the facts, and never taken for these."""

_ORIGIN = {**_PEDIGREE, "file": _MAYBE, "cell": _MAYBE, "note": _MAYBE}
_REPORTED: Mapping[str, Mapping[str, Column]] = {
    "reports": {
        "year": Column("number", least=1900, most=2200),
        "site_id": _NAME,
        "indicator": _NAME,
        "value": Column("number", least=0),
        "unit": _TEXT,
        **_ORIGIN,
    },
    "report_texts": {
        "year": Column("number", least=1900, most=2200),
        "site_id": _NAME,
        "kind": Column(among=("went_well", "went_badly", "other")),
        "text": _TEXT,
        **_ORIGIN,
    },
    "measures": {
        "measure_id": _NAME,
        "year": Column("number", least=1900, most=2200),
        "site_id": _NAME,
        "text": _TEXT,
        "owner": _TEXT,
        "due_date": Column("date", required=False),
        "state": Column(among=("open", "done", "dropped")),
        **_ORIGIN,
    },
}
"""What the forms of the quality dialogue bring, year by year."""

CONTRACT: Mapping[str, Mapping[str, Column]] = {
    "sources": {"source_id": _NAME, "title": _TEXT, "publisher": _TEXT, "date": _MAYBE, "licence": _MAYBE},
    "areas": {
        "area_id": _NAME,
        "kind": _TEXT,
        "name": _TEXT,
        "part_of": _MAYBE_NAME,
        "area_km2": Column("number", required=False, above=0),
        "latitude": Column("number", required=False, least=-90, most=90),
        "longitude": Column("number", required=False, least=-180, most=180),
        **_DERIVED,
    },
    "partners": {
        "partner_id": _NAME,
        "kind": Column(among=("city", "housing_company", "provider")),
        "name": _TEXT,
        **_PEDIGREE,
    },
    "sites": {
        "site_id": _NAME,
        "name": _TEXT,
        "area_id": _MAYBE_NAME,
        "latitude": Column("number", required=False, least=-90, most=90),
        "longitude": Column("number", required=False, least=-180, most=180),
        **_DERIVED,
    },
    "agreements": {
        "agreement_id": _NAME,
        "site_id": _NAME,
        "housing_company_id": _MAYBE_NAME,
        "provider_id": _MAYBE_NAME,
        "status": _STATUS,
        "date": Column("date"),
        "reason": _MAYBE,
        **_PEDIGREE,
    },
    "catchments": {
        "site_id": _NAME,
        "area_id": _NAME,
        "share": Column("number", above=0, most=1),
        "unit": Column(among=("share",)),
        **_DERIVED,
    },
    "indicator_kinds": {
        "indicator": _NAME,
        "name_de": _TEXT,
        "name_en": _TEXT,
        "unit": _TEXT,
        "need_weight": Column("number", required=False, least=0),
        **_PEDIGREE,
    },
    "indicators": {
        "area_id": _MAYBE_NAME,
        "site_id": _MAYBE_NAME,
        "indicator": _NAME,
        "date": Column("period"),
        "value": Column("number"),
        "unit": _TEXT,
        **_DERIVED,
    },
    "site_rules": {
        "site_id": _NAME,
        "rule": Column(among=RULES),
        "value": Column("number", least=0),
        "unit": Column(among=("EUR",)),
        **_DERIVED,
    },
    "programme": {
        "rule": _NAME,
        "name": _TEXT,
        "value": Column("number", required=False, least=0),
        "text": _MAYBE,
        "unit": _MAYBE,
        **_DERIVED,
    },
    # the quality dialogue and the cooperation; a city may do without
    "goals": {"goal_id": _NAME, "field": _TEXT, "name": _TEXT, **_PEDIGREE},
    "dialogue_indicators": {
        "indicator": _NAME,
        "goal_id": _NAME,
        "name_de": _TEXT,
        "name_en": _TEXT,
        "help_de": _TEXT,
        "unit": _TEXT,
        "period": Column(among=("year",)),
        "reported_by": Column(among=("provider", "housing_company", "city")),
        "kind": Column(among=("people", "count", "hours", "eur")),
        "role": Column(required=False, among=("money", "hours", "people")),
        "required": Column(among=("yes", "no")),
        "least": Column("number", required=False),
        "most": Column("number", required=False),
        **_PEDIGREE,
    },
    **{f"{set_apart}{name}": columns for set_apart in ("", DEMONSTRATION) for name, columns in _REPORTED.items()},
    "calendar": {
        "event_id": _NAME,
        "kind": Column(among=("dialogue", "report", "committee", "deadline", "renewal")),
        "name": _TEXT,
        "begins": Column("date"),
        "ends": Column("date"),
        "body": _MAYBE,
        "site_id": _MAYBE_NAME,
        **_DERIVED,
    },
    "steps": {
        "step_id": _NAME,
        "kind": Column(among=("negotiation", "approach", "renewal")),
        "site_id": _MAYBE_NAME,
        "partner_id": _MAYBE_NAME,
        "since": Column("date"),
        "next_step": _TEXT,
        "due_date": Column("date", required=False),
        "blocked_by": _MAYBE,
        **_PEDIGREE,
    },
    "instalments": {
        "instalment_id": _NAME,
        "name": _TEXT,
        "account": _TEXT,
        "share": Column("number", above=0, most=1),
        "due_date": Column("date"),
        **_PEDIGREE,
    },
}
"""Tables and columns that this workbook reads; a city's data package may describe more."""

OPTIONAL = tuple(CONTRACT)[list(CONTRACT).index("goals") :]
"""Tables that a city may do without: those of the quality dialogue, the cooperation and the papers."""

_KEYS: Mapping[str, tuple[str, ...]] = {
    "sources": ("source_id",),
    "areas": ("area_id",),
    "partners": ("partner_id",),
    "sites": ("site_id",),
    "agreements": ("agreement_id",),
    "catchments": ("site_id", "area_id"),
    "indicator_kinds": ("indicator",),
    "indicators": ("area_id", "site_id", "indicator", "date"),
    "site_rules": ("site_id", "rule"),
    "programme": ("rule",),
    "goals": ("goal_id",),
    "dialogue_indicators": ("indicator",),
    "calendar": ("event_id",),
    "steps": ("step_id",),
    "instalments": ("instalment_id",),
    **{
        f"{set_apart}{name}": key
        for set_apart in ("", DEMONSTRATION)
        for name, key in (
            ("reports", ("year", "site_id", "indicator")),
            ("report_texts", ("year", "site_id", "kind")),
            ("measures", ("measure_id",)),
        )
    },
}

_REFERENCES: tuple[tuple[str, str, str, str], ...] = (
    *((table, "source_id", "sources", "source_id") for table in CONTRACT if table != "sources"),
    ("areas", "part_of", "areas", "area_id"),
    ("sites", "area_id", "areas", "area_id"),
    ("agreements", "site_id", "sites", "site_id"),
    ("agreements", "housing_company_id", "partners", "partner_id"),
    ("agreements", "provider_id", "partners", "partner_id"),
    ("catchments", "site_id", "sites", "site_id"),
    ("catchments", "area_id", "areas", "area_id"),
    ("indicators", "area_id", "areas", "area_id"),
    ("indicators", "site_id", "sites", "site_id"),
    ("indicators", "indicator", "indicator_kinds", "indicator"),
    ("site_rules", "site_id", "sites", "site_id"),
    ("dialogue_indicators", "goal_id", "goals", "goal_id"),
    *((f"{apart}{name}", "site_id", "sites", "site_id") for apart in ("", DEMONSTRATION) for name in _REPORTED),
    *((f"{apart}reports", "indicator", "dialogue_indicators", "indicator") for apart in ("", DEMONSTRATION)),
    ("calendar", "site_id", "sites", "site_id"),
    ("steps", "site_id", "sites", "site_id"),
    ("steps", "partner_id", "partners", "partner_id"),
)

_FRAME: Mapping[str, Column] = {
    "site_id": _TEXT,
    "need": Column("number", least=0),
    "status": _STATUS,
    "scale_eur": Column("number", above=0),
    "min_eur": Column("number", least=0),
    "max_eur": Column("number", least=0),
    "name": _MAYBE,
    "provider": _MAYBE,
    "housing_company": _MAYBE,
    "district": _MAYBE,
    "previous_eur": Column("number", required=False, least=0),
}
_FRAME_OPTIONAL = ("name", "provider", "housing_company", "district", "previous_eur")


_ID = r"[a-z0-9]+([-_][a-z0-9]+)*"


def is_id(name: str) -> bool:
    """Whether something can be called so in the tables: small letters and digits, parted by ``-`` or ``_``."""
    return re.fullmatch(_ID, name) is not None


_REASONS = {
    errno.ENOENT: mark("no such file"),
    errno.EACCES: mark("no permission"),
    errno.EPERM: mark("no permission"),
    errno.EROFS: mark("no permission"),
    errno.EISDIR: mark("a folder"),
    errno.ENOTDIR: mark("a file in the place of a folder"),
    errno.ENOSPC: mark("the disk is full"),
    errno.EDQUOT: mark("the disk is full"),
    errno.ENAMETOOLONG: mark("a name that is too long"),
    errno.ENOEXEC: mark("no program"),
    errno.ELOOP: mark("a link that leads nowhere"),
}


def system_reason(error: Exception, texts: Texts) -> str:
    """Say why the system could not read, write or start something; what is rare in the system's own words."""
    number = getattr(error, "errno", None)
    if number in _REASONS:
        return texts.text(_REASONS[number])
    return getattr(error, "strerror", None) or str(error)


# --- reading what spreadsheets write ------------------------------------------------------------------------------


class Unreadable(ValueError):
    """A cell that cannot be read without guessing; the text says what is expected."""


_CURRENCY = re.compile(r"^(€|EUR)\s*|\s*(€|EUR|Euro)$")
_SPACED = re.compile(r"[+-]?[1-9]\d{0,2}([ \u00a0\u2009\u202f']\d{3})+([.,]\d+)?")
LONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_LONE_COMMA_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_GERMAN = re.compile(r"[+-]?([1-9]\d{0,2}(\.\d{3})+,\d+|[1-9]\d{0,2}(\.\d{3}){2,}|\d+,\d+)")
_ENGLISH = re.compile(r"[+-]?([1-9]\d{0,2}(,\d{3})+\.\d+|[1-9]\d{0,2}(,\d{3}){2,}|\d+(\.\d+)?)")


def ambiguous(whole: str, part: str, texts: Texts) -> str:
    """Say that digits in groups (``1.234``) may be a thousand or a fraction."""
    return texts.text(
        "a number that can be read in one way only: {thousands} or {whole} and {part} thousandths?",
        thousands=whole + part,
        whole=whole,
        part=part,
    )


def parse_number(cell: str, texts: Texts, *, decimal_comma: bool = False) -> float:
    """Read a number as a German or English spreadsheet writes it.

    Parameters
    ----------
    cell : str
        The cell's text: ``80000``, ``80.000,00 €``, ``12,5``, ``80 000``.
    texts : Texts
        Language of the reason.
    decimal_comma : bool
        The file writes decimal commas (its columns are parted by semicolons), so that ``1,234`` is not a thousand.

    Raises
    ------
    Unreadable
        The text is no number, or could mean two (a lone ``1.234``).
    """
    bare = cell.replace("\u2212", "-").strip()
    bare = _CURRENCY.sub("", bare)
    if _SPACED.fullmatch(bare):
        bare = re.sub(r"[ \u00a0\u2009\u202f']", "", bare)
    if LONE_GROUP.fullmatch(bare) or (not decimal_comma and _LONE_COMMA_GROUP.fullmatch(bare)):
        whole, part = re.split(r"[.,]", bare)
        raise Unreadable(ambiguous(whole, part, texts))
    if _GERMAN.fullmatch(bare):
        return float(bare.replace(".", "").replace(",", "."))
    if _ENGLISH.fullmatch(bare):
        return float(bare.replace(",", ""))
    if re.fullmatch(r"[+-]?[\d.,]+[eE][+-]?\d+", bare):
        raise Unreadable(texts.text("a number in full, not shortened by the spreadsheet"))
    if bare.endswith("%"):
        raise Unreadable(texts.text("a number without a per cent sign, as in 0.125"))
    if bare.startswith("#"):
        raise Unreadable(texts.text("a number, not a spreadsheet's error value"))
    raise Unreadable(texts.text("a number"))


def parse_date(cell: str, texts: Texts) -> datetime.date:
    """Read a day: ``2021-01-26`` or, as a German spreadsheet writes it, ``26.01.2021``.

    Raises
    ------
    Unreadable
        The text is no day of the calendar, or its year has two digits.
    """
    for pattern, form in ((r"[12]\d{3}-\d{2}-\d{2}", "%Y-%m-%d"), (r"\d{1,2}\.\d{1,2}\.[12]\d{3}", "%d.%m.%Y")):
        if re.fullmatch(pattern, cell):
            try:
                return datetime.datetime.strptime(cell, form).date()
            except ValueError:
                raise Unreadable(texts.text("a day that is in the calendar, as in 2021-01-26 or 26.01.2021")) from None
    raise Unreadable(texts.text("a day as in 2021-01-26 or 26.01.2021"))


def parse_period(cell: str, texts: Texts) -> str:
    """Read a day, a month (``2018-06``) or a year (``2006``) and give it in ISO form.

    Raises
    ------
    Unreadable
        The text is none of the three.
    """
    if re.fullmatch(r"[12]\d{3}(-(0[1-9]|1[0-2]))?", cell):
        return cell
    try:
        return parse_date(cell, texts).isoformat()
    except Unreadable:
        raise Unreadable(texts.text("a day, a month or a year as in 2019-12-31, 2018-06 or 2006")) from None


@functools.cache
def period_end(period: str) -> datetime.date:
    """Last day of a period given in ISO form, so that days, months and years can be put in order."""
    parts = [int(part) for part in period.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return datetime.date(year, month, parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1])


def _period_start(period: str) -> datetime.date:
    return datetime.date.fromisoformat((period + "-01-01")[:10])


def _decode(raw: bytes, file: str, texts: Texts) -> str:
    """Decode what spreadsheets write: UTF-8 with or without a mark, UTF-16 with a mark, else Windows-1252.

    Bytes that would pass as Windows-1252 are refused where the text shows that they are not: umlauts in UTF-8 beside
    others, or the signs that umlauts of MS-DOS and Mac become within a word.
    """
    if raw.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):  # a zip file, an OLE compound file
        given, expected = (
            texts.text("a spreadsheet (XLSX, ODS or XLS)"),
            texts.text("a CSV file: save the table as CSV"),
        )
        raise DataError([Fault(file, None, None, given, expected)], texts, file)
    encodings: tuple[str, ...] = ("utf-8-sig", "cp1252")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        encodings = ("utf-16",)
    elif re.search(rb"\xc3[\x80-\xbf]", raw):
        encodings = ("utf-8-sig",)
    start = 0
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            start = error.start
            continue
        odd = re.search("\x00" if encoding != "cp1252" else "\x00|(?<=[A-Za-z])[„”™Ÿ§Š](?=[a-z])", text)
        if odd is None:
            return text
        start = len(text[: odd.start()].encode(encoding))
    row, given = raw.count(b"\n", 0, start) + 1, texts.given(raw[start : start + 1])
    raise DataError([Fault(file, row, None, given, texts.text("a text file in UTF-8 or Windows-1252"))], texts, file)


def _line(text: str, row: int) -> str:
    """Give a row of a text, from 1, as it is shown in a fault."""
    lines = text.splitlines()
    return lines[row - 1].strip() if 0 < row <= len(lines) else ""


def _read_cells(
    text: str, file: str, texts: Texts, known: Iterable[str]
) -> tuple[pd.DataFrame | None, bool, list[Fault]]:
    """Split a CSV text into a table of stripped cells, indexed by the row a spreadsheet would show.

    Returns the rows that could be split (None: not even the first), whether the file writes decimal commas, the faults.
    """
    import pandas as pd

    if re.match(r"sep=[;,\t]\r?\n", text):  # a hint to Excel, no row of the table
        text = text.split("\n", 1)[1]
    head, known = text.split("\n", 1)[0], set(known)
    counts = {sign: len(known & {cell.strip(' "\r\t\u00a0') for cell in head.split(sign)}) for sign in ",;\t"}
    separator = max(counts, key=lambda sign: counts[sign])
    reader = csv.reader(io.StringIO(text), delimiter=separator, strict=True, skipinitialspace=True)
    try:
        rows = [[cell.strip(" \t\u00a0\r\n") for cell in row] for row in reader]
    except csv.Error:
        expected = texts.text("a table of comma-separated values")
        given = texts.given(_line(text, reader.line_num))
        return None, False, [Fault(file, reader.line_num, None, given, expected)]
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows or not counts[separator]:
        expected = texts.text("column names parted by comma, semicolon or tab")
        return None, False, [Fault(file, 1, None, texts.given(head.strip()) if rows else "", expected)]
    header = rows[0]
    while header and not header[-1] and all(len(row) < len(header) or not row[len(header) - 1] for row in rows[1:]):
        header = header[:-1]
    repeated = [name for position, name in enumerate(header) if not name or name in header[:position]]
    if repeated:
        expected = texts.text("a column name, each only once")
        return None, False, [Fault(file, 1, None, texts.given(name), expected) for name in repeated]
    width, table, faults = len(header), {}, []
    for number, row in enumerate(rows[1:], start=2):
        if not any(row):
            expected = texts.text("empty rows only at the end")
            faults.append(Fault(file, number, None, texts.text("an empty row"), expected))
        elif len(row) < width or any(row[width:]):
            given = texts.text("{n} cell", plural="{n} cells", n=len(row))
            expected = texts.text("{n} cell as in the first row", plural="{n} cells as in the first row", n=width)
            faults.append(Fault(file, number, None, given, expected))
        else:
            table[number] = row[:width]
    return pd.DataFrame.from_dict(table, orient="index", columns=header), separator == ";", faults


def _type_cells(
    cells: pd.DataFrame, columns: Mapping[str, Column], file: str, texts: Texts, *, decimal_comma: bool
) -> tuple[pd.DataFrame, list[Fault]]:
    """Turn cells into numbers, days and texts; a blank cell becomes missing, a bad one a fault."""
    import pandas as pd

    def number(cell: str) -> float:
        return parse_number(cell, texts, decimal_comma=decimal_comma)

    parse: dict[str, Callable[[str], Any]] = {
        "number": number,
        "date": lambda cell: parse_date(cell, texts),
        "period": lambda cell: parse_period(cell, texts),
    }
    typed, faults = {}, []
    for name in cells.columns:
        column = columns.get(name, _MAYBE)
        units = cells["unit"] if "unit" in cells else pd.Series("", index=cells.index)
        values: list[Any] = []
        for (row, cell), unit in zip(cells[name].items(), units, strict=True):
            value: Any = None
            if column.kind == "number" and unit != "EUR" and _CURRENCY.search(cell):
                expected = texts.text("a number without a currency: it is not in EUR")
                faults.append(Fault(file, int(str(row)), name, texts.given(cell), expected))
            elif cell != "":
                try:
                    value = parse[column.kind](cell) if column.kind in parse else cell
                except Unreadable as reason:
                    faults.append(Fault(file, int(str(row)), name, texts.given(cell), str(reason)))
            values.append(value)
        dtype = "float64" if column.kind == "number" else object
        typed[name] = pd.Series(values, index=cells.index, dtype=dtype)
    return pd.DataFrame(typed, index=cells.index), faults


# --- checking -----------------------------------------------------------------------------------------------------


def _checks(column: Column, texts: Texts) -> list[Any]:
    """Give the pandera checks of a column; each check's error is the sentence that says what was expected."""
    import pandera.pandas as pa

    checks = []
    if column.kind == "id":
        checks.append(pa.Check.str_matches(rf"^{_ID}\Z", error=texts.text("a name of a-z, 0-9, - and _")))
    if column.among:
        expected = texts.text("one of {values}", values=", ".join(column.among))
        checks.append(pa.Check.isin(column.among, error=expected))
    if column.kind == "number":
        checks.append(pa.Check(np.isfinite, error=texts.text("a finite number")))
    if column.least is not None:
        checks.append(pa.Check.ge(column.least, error=texts.text("at least {value}", value=texts.number(column.least))))
    if column.above is not None:
        checks.append(
            pa.Check.gt(column.above, error=texts.text("more than {value}", value=texts.number(column.above)))
        )
    if column.most is not None:
        checks.append(pa.Check.le(column.most, error=texts.text("at most {value}", value=texts.number(column.most))))
    return checks


def _validate(
    table: pd.DataFrame,
    columns: Mapping[str, Column],
    keys: Iterable[tuple[str, ...]],
    file: str,
    texts: Texts,
    more: Mapping[str, list[Any]] | None = None,
) -> list[Fault]:
    """Check a typed table with pandera and give every failure as a fault; the values of a key stand in one row only."""
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    wanted = {}
    for name, column in columns.items():
        checks = _checks(column, texts) + list((more or {}).get(name, []))
        if name in table.columns and (checks or column.required):
            wanted[name] = pa.Column(checks=checks, nullable=not column.required)
    schema = pa.DataFrameSchema(wanted)
    faults = []
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as failed:
        for case in failed.failure_cases.itertuples():
            missing = case.check == "not_nullable"
            expected = texts.text("a value") if missing else str(case.check)
            given = "" if missing else texts.given(case.failure_case)
            faults.append(Fault(file, int(case.index), str(case.column), given, expected))
    for key in keys:
        if set(key) <= set(table.columns):
            for row in table.index[table.duplicated(list(key))]:
                given = texts.given(" / ".join(str(v) for v in table.loc[row, list(key)] if isinstance(v, str)))
                faults.append(Fault(file, int(row), "+".join(key), given, texts.text("each only once")))
    return faults


def _first_of_each_cell(faults: Iterable[Fault]) -> list[Fault]:
    """Keep the first fault of each cell, as the later ones follow from it; in the order of files, rows, columns."""
    kept: dict[tuple[Any, ...], Fault] = {}
    for fault in faults:
        kept.setdefault(fault if fault.row is None or fault.column is None else fault[:3], fault)
    return sorted(kept.values(), key=lambda fault: (fault.file, fault.row or 0, fault.column or ""))


def _nearest(name: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _header_faults(
    header: list[str],
    needed: Iterable[str],
    known: Iterable[str],
    unknown: str,
    file: str,
    row: int | None,
    texts: Texts,
) -> list[Fault]:
    """Faults for columns that are not there, with the nearest name that is, and for columns that nobody knows."""
    left, faults = [name for name in header if name not in set(known)], []
    for name in needed:
        if name not in header:
            near = _nearest(name, left)
            if near:
                left.remove(near)  # a renamed column is one fault, not two
            given = texts.given(near) if near else ", ".join(header)
            faults.append(Fault(file, row, name, given, texts.text("a column of this name")))
    for name in left:
        near = _nearest(name, set(known) - set(header))
        expected = texts.text("{expected}; the nearest is {near}", expected=unknown, near=near) if near else unknown
        faults.append(Fault(file, row, name, texts.given(name), expected))
    return faults


# --- the data package ---------------------------------------------------------------------------------------------

_PACKAGE = "datapackage.json"
_FIELD_KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("string",),
    "id": ("string",),
    "number": ("number", "integer"),
    "date": ("date",),
    "period": ("string",),
}


def _read_package(folder: Path, texts: Texts) -> tuple[dict[str, dict[str, Any]], list[Fault]]:
    """Read the folder's data package: by name, the resources whose file and schema can be used."""
    try:
        described = json.loads((folder / _PACKAGE).read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}, [Fault(_PACKAGE, None, None, texts.text("no such file"), texts.text("a Frictionless data package"))]
    except OSError as error:
        return {}, [Fault(_PACKAGE, None, None, system_reason(error, texts), texts.text("a readable file"))]
    except UnicodeDecodeError as error:
        given = texts.given(error.object[error.start : error.start + 1])
        return {}, [Fault(_PACKAGE, None, None, given, texts.text("a text file in UTF-8"))]
    except (ValueError, RecursionError) as error:
        row, given = _unreadable_row(error, texts)
        return {}, [Fault(_PACKAGE, row, None, given, texts.text("valid JSON"))]
    resources = described.get("resources") if isinstance(described, dict) else None
    if not isinstance(resources, list) or not all(
        isinstance(r, dict) and isinstance(r.get("name"), str) and isinstance(r.get("path"), str) for r in resources
    ):
        return {}, [Fault(_PACKAGE, None, "resources", "", texts.text("a list of resources, each with name and path"))]
    usable, faults, seen = {}, [], set()
    for resource in resources:
        name, inside = resource["name"], PurePosixPath(resource["path"])
        found = _schema_faults(resource, texts) if name in CONTRACT else []
        if name in seen:
            found.append(Fault(_PACKAGE, None, "resources", texts.given(name), texts.text("each only once")))
        if inside.is_absolute() or ".." in inside.parts or "\\" in resource["path"]:
            given, expected = texts.given(resource["path"]), texts.text("a path inside the folder")
            found.append(Fault(_PACKAGE, None, f"{name}.path", given, expected))
        elif not _is_there(folder / inside):
            expected = texts.text("the file that the data package describes")
            found.append(Fault(resource["path"], None, None, texts.text("no such file"), expected))
        seen.add(name)
        faults += found
        if not found:
            usable[name] = resource
    for table in CONTRACT:
        if table not in seen and table not in OPTIONAL:
            faults.append(Fault(_PACKAGE, None, "resources", "", texts.text("a resource named {name}", name=table)))
    return usable, faults


def _unreadable_row(error: Exception, texts: Texts) -> tuple[int | None, str]:
    """Find the row of a file that is no JSON, and what stands there: the parser's own words are English and for programmers."""
    if not isinstance(error, json.JSONDecodeError):
        return None, ""
    row = _line(error.doc, error.lineno)
    return error.lineno, texts.given(row) if row else ""


def _schema_faults(resource: Mapping[str, Any], texts: Texts) -> list[Fault]:
    """Faults in the way a resource describes its columns, as far as this module reads it."""
    name, schema = resource["name"], resource.get("schema")
    fields = schema.get("fields") if isinstance(schema, dict) else None
    faults: list[Fault] = []

    def fault(part: str, given: object, expected: str) -> None:
        faults.append(Fault(_PACKAGE, None, f"{name}.{part}", texts.given(given), expected))

    if (
        not isinstance(schema, dict)
        or not isinstance(fields, list)
        or not all(isinstance(f, dict) and isinstance(f.get("name"), str) for f in fields)
    ):
        fault("schema", schema, texts.text("a schema with a list of fields, each with a name"))
        return faults
    for field in fields:
        column, kind, constraints = field["name"], field.get("type", "string"), field.get("constraints", {})
        contract = CONTRACT[name].get(column, _MAYBE)
        if column in CONTRACT[name] and kind not in _FIELD_KINDS[contract.kind]:
            wanted = texts.text("the type {kind}", kind=" | ".join(_FIELD_KINDS[contract.kind]))
            fault(column, kind, wanted)
        if not isinstance(constraints, dict):
            fault(column, constraints, texts.text("names with a value each"))
            continue
        for rule, sort, expected in (
            ("enum", list, texts.text("a list")),
            ("pattern", str, texts.text("a text")),
            ("minimum", (int, float), texts.text("a number")),
            ("maximum", (int, float), texts.text("a number")),
        ):
            if rule in constraints and not isinstance(constraints[rule], sort):
                fault(f"{column}.{rule}", constraints[rule], expected)
        try:
            re.compile(str(constraints.get("pattern", "")))
        except re.error as error:
            fault(f"{column}.pattern", constraints["pattern"], str(error))
    names = [field["name"] for field in fields]
    if len(set(names)) < len(names):
        fault("fields", ", ".join(names), texts.text("each only once"))
    if not all(column in names for column in _as_list(schema.get("primaryKey", []))):
        fault("primaryKey", schema["primaryKey"], texts.text("one of {values}", values=", ".join(names)))
    for key in _as_list(schema.get("foreignKeys", [])):
        target = key.get("reference") if isinstance(key, dict) else None
        ends = [_as_list(end.get("fields")) for end in (key, target) if isinstance(end, dict)]
        if [len(end) for end in ends] != [1, 1] or ends[0][0] not in names or not isinstance(ends[1][0], str):
            fault("foreignKeys", key, texts.text("one column that refers to one column"))
    if schema.get("missingValues", [""]) != [""]:
        fault("missingValues", schema["missingValues"], texts.text("only the blank cell as a missing value"))
    return faults


def _as_list(value: Any) -> list[Any]:
    """Frictionless writes one thing bare and several as a list."""
    return value if isinstance(value, list) else [value]


def _package_checks(
    resource: Mapping[str, Any], columns: Mapping[str, Column], texts: Texts
) -> tuple[dict[str, Column], dict[str, list[Any]]]:
    """Read what a resource's schema asks of its columns beyond the contract."""
    import pandera.pandas as pa

    described, checks = {}, {}
    for field in resource["schema"]["fields"]:
        name, kind, constraints = field["name"], field.get("type", "string"), field.get("constraints", {})
        column = columns.get(name, _MAYBE)
        if name not in columns and kind in ("number", "integer", "date"):
            column = Column("date" if kind == "date" else "number", required=False)
        described[name] = column._replace(required=column.required or bool(constraints.get("required")))
        more = []
        if kind == "integer":
            more.append(pa.Check(lambda column: column == column.round(), error=texts.text("a whole number")))
        if "enum" in constraints:
            values = constraints["enum"]
            expected = texts.text("one of {values}", values=", ".join(map(str, values)))
            more.append(pa.Check.isin(values, error=expected))
        if "pattern" in constraints and column.kind in ("text", "id", "period"):
            expected = texts.text("a text of the form {pattern}", pattern=constraints["pattern"])
            more.append(pa.Check.str_matches(rf"^(?:{constraints['pattern']})\Z", error=expected))
        for rule, check, message in (
            ("minimum", pa.Check.ge, mark("at least {value}")),
            ("maximum", pa.Check.le, mark("at most {value}")),
        ):
            if rule in constraints and column.kind == "number":
                more.append(check(constraints[rule], error=texts.text(message, value=constraints[rule])))
        checks[name] = more
    return described, checks


# --- the nouns ----------------------------------------------------------------------------------------------------


class Learned(NamedTuple):
    """Effect scales that reports have taught.

    Attributes
    ----------
    origin : str
        ``quality`` or ``demonstration``: real reports, or made-up ones.
    scale_eur : mapping
        EUR by site_id.
    """

    origin: str
    scale_eur: Mapping[str, float]


@dataclasses.dataclass(frozen=True, eq=False)
class Sites:
    """The checked, frozen table of candidate sites, with the source of each figure.

    Made by `load` or `Sites.from_frame`; a variation is made by `replace`, or by `with_learned`.

    Attributes
    ----------
    learned : Learned or None
        Effect scales that were learned from reports; None where those of the data hold.
    """

    _frame: pd.DataFrame
    _tables: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)
    cache: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)
    learned: Learned | None = None

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        counts = self._frame["status"].value_counts()
        shown = ", ".join(f"{counts[status]} {status}" for status in STATUSES if status in counts)
        return f"Sites({len(self)}: {shown})"

    @property
    def frame(self) -> pd.DataFrame:
        """Copy of the table: index ``site_id``; name, status, partners, district, `RULES` in EUR; the need if given."""
        return self._frame.copy(deep=False)  # pandas copies what is written to, when it is written to

    @property
    def site_ids(self) -> tuple[str, ...]:
        """Ids of the sites, in the order of the table."""
        if "site_ids" not in self.cache:
            self.cache["site_ids"] = tuple(self._frame.index)
        return self.cache["site_ids"]

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Copies of all tables that were read, by name; empty where the sites come from a frame."""
        return {name: table.copy(deep=False) for name, table in self._tables.items()}

    def table(self, name: str) -> pd.DataFrame:
        """Copy of one table that was read."""
        return self._tables[name].copy(deep=False)

    def numbers(self, column: str) -> np.ndarray:
        """Give a column as floats, shape (n,), read-only; EUR for amounts, weighted residents for a given need."""
        if column not in self.cache:
            values = self._frame[column].to_numpy(dtype=float)
            values.setflags(write=False)
            self.cache[column] = values
        return self.cache[column]

    @property
    def statuses(self) -> np.ndarray:
        """Status of each site, shape (n,), of str, read-only."""
        if "status" not in self.cache:
            values = self._frame["status"].to_numpy(dtype=str)
            values.setflags(write=False)
            self.cache["status"] = values
        return self.cache["status"]

    @property
    def has_need(self) -> bool:
        """Whether the need was given with the sites, rather than to be weighed from indicators."""
        return "need" in self._frame.columns

    @property
    def weights(self) -> dict[str, float]:
        """Default weight of each need indicator, from ``indicator_kinds.csv``; empty where the need is given."""
        if "indicator_kinds" not in self._tables:
            return {}
        if "weights" not in self.cache:
            kinds = self._tables["indicator_kinds"].dropna(subset="need_weight")
            self.cache["weights"] = dict(zip(kinds["indicator"], kinds["need_weight"].astype(float), strict=True))
        return dict(self.cache["weights"])

    def replace(self, changes: Mapping[str, Mapping[str, Any]], language: str = "de") -> Sites:
        """Give a variation of the sites. A figure that is changed is a planner's assumption, whatever the data say of it.

        Parameters
        ----------
        changes : mapping
            ``{site_id: {column: value}}``; columns of `frame`.

        Raises
        ------
        DataError
            An unknown site or column, or a value that the table may not hold.
        """
        import pandas as pd

        texts, faults, columns = Texts(language), [], list(self._frame.columns)
        rows = self._frame.astype(object).to_dict("index")
        for site_id, values in changes.items():
            for column, value in values.items():
                if site_id not in rows:
                    faults.append(Fault("Sites", None, "site_id", texts.given(site_id), texts.text("a known site")))
                elif column not in columns:
                    expected = texts.text("one of {values}", values=", ".join(columns))
                    faults.append(Fault("Sites", None, column, texts.given(value), expected))
                else:
                    rows[site_id][column] = value
        if faults:
            raise DataError(faults, texts, "Sites")
        table = pd.DataFrame(list(rows.values()), columns=columns, dtype=object)
        checked = _checked_frame(table.assign(site_id=list(rows)), "Sites", texts)[columns]
        return Sites(checked, self._tables, self._cached_of_tables(), self.learned)

    def with_learned(self, learned: Learned) -> Sites:
        """Give the sites with effect scales that reports have taught; one that a planner has changed stays as it is.

        Parameters
        ----------
        learned : Learned
            A scale for each site. Sites that have these already are given as they are.
        """
        if self.learned == learned:
            return self
        frame, scales = self.frame, [learned.scale_eur[site_id] for site_id in self.site_ids]
        chosen = self._changed()["scale_eur"] & ~self._as_learned()
        frame["scale_eur"] = frame["scale_eur"].where(chosen, scales)
        return Sites(frame, self._tables, self._cached_of_tables(), learned)

    def _as_learned(self) -> pd.Series:
        """Say which scales are as reports have taught them, shape (n,), of bool."""
        scales = self.learned.scale_eur if self.learned else {}
        return self._frame["scale_eur"] == [scales.get(site_id, np.nan) for site_id in self.site_ids]

    def _cached_of_tables(self) -> dict[str, Any]:
        return {name: self.cache[name] for name in _OF_TABLES if name in self.cache}

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, language: str = "de") -> Sites:
        """Check a table of sites whose need is already known.

        Parameters
        ----------
        frame : DataFrame
            Columns ``site_id, need, status, scale_eur, min_eur, max_eur`` and optional ``name, provider,
            housing_company, district, previous_eur``. Need in weighted residents, amounts in EUR.

        Raises
        ------
        DataError
            Lists every fault with row (counted from 1) and column.
        """
        import pandas as pd

        texts, file = Texts(language), "DataFrame"
        if not isinstance(frame, pd.DataFrame):
            raise DataError([Fault(file, None, None, type(frame).__name__, "pandas.DataFrame")], texts, file)
        table = frame.reset_index() if frame.index.name == "site_id" and "site_id" not in frame else frame.copy()
        header = [str(name) for name in table.columns]
        needed = [name for name in _FRAME if name not in _FRAME_OPTIONAL]
        unknown = texts.text("one of {values}", values=", ".join(_FRAME))
        faults = _header_faults(header, needed, _FRAME, unknown, file, None, texts)
        if len(set(header)) < len(header):
            faults.append(Fault(file, None, None, ", ".join(header), texts.text("a column name, each only once")))
        elif not len(table):
            faults.append(Fault(file, None, None, texts.text("no rows"), texts.text("at least one site")))
        if faults:
            raise DataError(faults, texts, file)
        for name in _FRAME_OPTIONAL:
            if name not in table.columns:
                table[name] = np.nan if _FRAME[name].kind == "number" else None
        table = _checked_frame(table, file, texts)
        table["name"] = table["name"].fillna(pd.Series(table.index, index=table.index))
        return cls(table[["name", "status", "district", "housing_company", "provider", *_RULE_ORDER, "need"]])

    # --- pedigree ---

    @property
    def basis(self) -> pd.DataFrame:
        """Basis (stated, derived, assumed) of each figure of each site, shape (n, figures); empty for sites from a frame.

        A figure worked out from others is as firm as the weakest of them. One that is not as the tables have it, because a
        scenario or `replace` changed it, is assumed; a scale that was learned from reports is derived, from made-up ones assumed.
        """
        import pandas as pd

        if not self._tables:
            return pd.DataFrame(index=self._frame.index)
        if "basis" not in self.cache:
            self.cache["basis"] = self._worked_out_basis()
        return self.cache["basis"].copy(deep=False)

    def _worked_out_basis(self) -> pd.DataFrame:
        """Frame of `basis`."""
        import pandas as pd

        tables, result = self._tables, pd.DataFrame(index=self._frame.index)
        current = current_agreements(tables["agreements"]).set_index("site_id")
        result["status"] = current["basis"].reindex(result.index)
        weakest = tables["catchments"].assign(rank=tables["catchments"]["basis"].map(BASES.index))
        ranks = weakest.groupby("site_id")["rank"].max().reindex(result.index)
        used = self.indicators_used().assign(rank=lambda table: table["basis"].map(BASES.index))
        weights = tables["indicator_kinds"].dropna(subset="need_weight")["basis"].map(BASES.index).max()
        floor = max(used["rank"].max() if len(used) else 0, weights)
        result["need"] = [BASES[int(max(rank, floor))] for rank in ranks.fillna(0)]
        rules = tables["site_rules"].pivot(index="site_id", columns="rule", values="basis")
        for rule in RULES:
            if rule in rules:
                result[rule] = rules[rule].reindex(result.index)
        for figure, changed in self._changed().items():
            if changed.any():
                if figure not in result:
                    result[figure] = pd.Series(np.nan, index=result.index, dtype=object)
                result.loc[changed, figure] = "assumed"
        if self.learned:
            result.loc[self._as_learned(), "scale_eur"] = "derived" if self.learned.origin == "quality" else "assumed"
        return result

    def _changed(self) -> pd.DataFrame:
        """Say which figures are not as the tables have them: status and `RULES`, shape (n, figures), of bool."""
        if "as_read" not in self.cache:
            self.cache["as_read"] = _candidate_frame(self._tables)
        figures = ["status", *RULES]
        here, read = self._frame[figures], self.cache["as_read"][figures].reindex(self._frame.index)
        return (here != read) & ~(here.isna() & read.isna())

    def indicators_used(self) -> pd.DataFrame:
        """Rows of ``indicators.csv`` that enter the need: need indicators of sites and catchments, latest date."""
        if "indicators_used" not in self.cache:
            rows, catchments = self._tables["indicators"], self._tables["catchments"]
            areas = catchments.loc[catchments["site_id"].isin(self._frame.index), "area_id"]
            rows = rows[rows["area_id"].isin(areas) | rows["site_id"].isin(self._frame.index)]
            self.cache["indicators_used"] = latest_indicators(rows, self._tables["indicator_kinds"])
        return self.cache["indicators_used"].copy(deep=False)

    def assumptions(self) -> pd.DataFrame:
        """Every assumed figure that a plan uses: table, key, figure, value, unit, source, note.

        One that a scenario or `replace` changed stands in the table ``scenario``, in the place of what the data have; a scale that
        was learned from made-up reports in the table of these.
        Empty where the sites come from a frame, whose figures have no stated origin.
        """
        import pandas as pd

        columns = ["table", "key", "figure", "value", "unit", "source_id", "note"]
        if not self._tables:
            return pd.DataFrame(columns=columns)
        tables, candidates = self._tables, set(self._frame.index)
        kinds = tables["indicator_kinds"].dropna(subset="need_weight")
        parts, changed, as_learned = [], self._changed(), self._as_learned()
        changed["scale_eur"] |= as_learned  # even where it is just what was assumed

        def as_read(rows: pd.DataFrame, figures: Iterable[str]) -> pd.DataFrame:
            cells = zip(rows["site_id"], figures, strict=True)
            return rows[[site not in candidates or not changed.loc[site, figure] for site, figure in cells]]

        def add(name: str, rows: pd.DataFrame, keys: list[str], figure: str, value: str, unit: str) -> None:
            assumed = rows[(rows["basis"] == "assumed")]
            keyed = assumed[keys].apply(lambda row: " / ".join(str(v) for v in row if isinstance(v, str)), axis=1)
            parts.append(
                pd.DataFrame(
                    {
                        "table": name,
                        "key": keyed if len(assumed) else [],
                        "figure": figure if figure == value else assumed[figure],
                        "value": assumed[value].map(lambda v: f"{v:.15g}" if isinstance(v, float) else str(v)),
                        "unit": assumed[unit] if unit in assumed else unit,
                        "source_id": assumed["source_id"],
                        "note": assumed["note"] if "note" in assumed else None,
                    },
                    index=assumed.index,
                )
            )

        agreed = current_agreements(tables["agreements"])
        add("agreements", as_read(agreed, ["status"] * len(agreed)), ["site_id"], "status", "status", "")
        add(
            "catchments",
            tables["catchments"][tables["catchments"]["site_id"].isin(candidates)],
            ["site_id", "area_id"],
            "share",
            "share",
            "unit",
        )
        add("indicator_kinds", kinds, ["indicator"], "need_weight", "need_weight", "")
        add("indicators", self.indicators_used(), ["area_id", "site_id"], "indicator", "value", "unit")
        rules = tables["site_rules"][tables["site_rules"]["site_id"].isin(candidates)]
        add("site_rules", as_read(rules, rules["rule"]), ["site_id"], "rule", "value", "unit")
        cells = [(site, figure) for site in changed.index for figure in changed if changed.loc[site, figure]]
        chosen = pd.DataFrame(cells, columns=["site_id", "figure"], dtype=object).assign(
            basis="assumed", source_id=None
        )
        chosen["value"] = [self._frame.loc[cell] for cell in cells]
        chosen["unit"] = ["EUR" if figure.endswith("_eur") else "" for figure in chosen["figure"]]
        taught = (chosen["figure"] == "scale_eur") & chosen["site_id"].map(as_learned).astype(bool)
        add("scenario", chosen[~taught], ["site_id"], "figure", "value", "unit")
        if self.learned and self.learned.origin == "demonstration":
            add(f"{DEMONSTRATION}reports", chosen[taught], ["site_id"], "figure", "value", "unit")
        return pd.concat(parts, ignore_index=True)[columns]


_RULE_ORDER = ["scale_eur", "min_eur", "max_eur", "previous_eur"]

_OF_TABLES = (
    "attribution",
    "as_read",
    "weights",
    "indicators_used",
    "indicator_totals",
    "evidence: quality",
    "evidence: demonstration",
)
"""What is cached of the tables alone, so that it holds for every variation, too."""


def _checked_frame(table: pd.DataFrame, file: str, texts: Texts) -> pd.DataFrame:
    """Check and type the columns of `_FRAME` that a table has; gives it with the index site_id."""
    table = table.set_axis(range(1, len(table) + 1))
    faults: list[Fault] = []
    for name in table.columns:
        read = _number_column if _FRAME[name].kind == "number" else _text_column
        table[name], wrong = read(table[name], file, name, texts)
        faults += wrong
    faults += _validate(table, _FRAME, [("site_id",)], file, texts) + _order_faults(table, file, texts)
    if faults:
        raise DataError(_first_of_each_cell(faults), texts, file)
    return table.set_index("site_id")


def _number_column(column: pd.Series, file: str, name: str, texts: Texts) -> tuple[pd.Series, list[Fault]]:
    """Turn a frame's column into floats; what is not a number is a fault, a missing value stays missing."""
    import pandas as pd

    if (
        isinstance(column.dtype, np.dtype) and column.dtype.kind in "iuf"
    ):  # a million sites are not looked at one by one
        return column.astype("float64"), []
    values, faults = [], []
    for row, value in column.items():
        number = np.nan
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_)):
            number = float(value)
        elif not (pd.api.types.is_scalar(value) and pd.isna(value)):
            faults.append(Fault(file, int(str(row)), name, texts.given(value), texts.text("a number")))
        values.append(number)
    return pd.Series(values, index=column.index, dtype="float64"), faults


def _text_column(column: pd.Series, file: str, name: str, texts: Texts) -> tuple[pd.Series, list[Fault]]:
    """Keep a frame's column of texts; anything else is a fault, a blank text is a missing one."""
    import pandas as pd

    values, faults = [], []
    for row, value in zip(column.index, column.tolist(), strict=True):  # a list is faster than the column's own items
        text = None
        if isinstance(value, str):
            text = value.strip() or None
        elif value is not None and not (pd.api.types.is_scalar(value) and pd.isna(value)):
            faults.append(Fault(file, int(str(row)), name, texts.given(value), texts.text("a text")))
        values.append(text)
    return pd.Series(values, index=column.index, dtype=object), faults


def _order_faults(table: pd.DataFrame, file: str, texts: Texts) -> list[Fault]:
    """Faults where a floor lies above its cap."""
    wrong = table[table["min_eur"] > table["max_eur"]]
    return [
        Fault(file, int(row), "min_eur", texts.eur(low), texts.text("at most max_eur ({value})", value=texts.eur(high)))
        for row, low, high in zip(wrong.index, wrong["min_eur"], wrong["max_eur"], strict=True)
    ]


def current_agreements(agreements: pd.DataFrame) -> pd.DataFrame:
    """Latest row of each site's history of agreements."""
    return agreements.sort_values("date", kind="stable").drop_duplicates("site_id", keep="last").sort_index()


def latest_indicators(indicators: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
    """Rows of need indicators, the latest date of each place and indicator."""
    wanted = set(kinds.dropna(subset="need_weight")["indicator"])
    rows = indicators[indicators["indicator"].isin(wanted)]
    rows = rows.assign(end=rows["date"].map(period_end)).sort_values("end", kind="stable")
    return rows.drop_duplicates(["area_id", "site_id", "indicator"], keep="last").drop(columns="end").sort_index()


# --- loading ------------------------------------------------------------------------------------------------------


def _is_there(path: Path) -> bool:
    """Whether there is such a path; one that no system can hold is not there either."""
    try:
        return path.exists()
    except OSError:
        return False


def find_path(path: str | Path) -> Path:
    """Find a city's folder or a file in it: as given or, if relative, in the parents of the working directory.

    So that a notebook in ``notebooks/`` finds ``data`` wherever it is started from.
    """
    try:
        asked = Path(path).expanduser()
    except RuntimeError:  # somebody's home that is not there
        asked = Path(path)
    if asked.is_absolute() or _is_there(asked):
        return asked
    for parent in Path.cwd().parents:
        found = parent / asked
        if (_is_there(found) and found.is_file()) or _is_there(found / _PACKAGE):
            return found
    return asked


def no_folder(path: Path, asked: str | Path, texts: Texts) -> str:
    """Say that something is no folder: that it is not there, or that it is a file."""
    folder = texts.given(str(asked), 1000)
    if path.is_file():
        return texts.text("{folder} is a file; a folder is expected.", folder=folder)
    return texts.text("There is no folder {folder}.", folder=folder)


def input_files(folder: Path) -> list[str]:
    """List the files of a city's folder that are read, as paths in it: data package, tables, boundaries, scenarios, papers' templates.

    What is wrong with them is said by `load`.
    """
    described, _ = _read_package(folder, Texts())
    scenarios = sorted(f"scenarios/{path.name}" for path in (folder / "scenarios").glob("*.yaml"))
    tables = {str(resource["path"]) for resource in described.values()}
    outlines = {_boundary_path(described)} if _is_there(folder / _boundary_path(described)) else set()
    papers = sorted(f"papers/{path.name}" for path in (folder / "papers").glob("*.docx"))
    return [_PACKAGE, *sorted(tables | outlines), *scenarios, *papers]


BOUNDARIES = "boundaries.geojson"
"""The file of boundaries that a city's folder may have, unless its data package names another as the resource ``boundaries``."""

_MOST_BYTES = 10_000_000  # of a file of boundaries: many times what the districts of a large city need
_AROUND = 0.5  # degrees: as far outside its boundary the rough place of a district may lie


def _boundary_path(resources: Mapping[str, Mapping[str, Any]]) -> str:
    return str(resources.get("boundaries", {}).get("path", BOUNDARIES))


def _load_boundaries(folder: Path, file: str, texts: Texts) -> tuple[pd.DataFrame | None, list[Fault]]:
    """Read the outlines of areas: GeoJSON features, each with the properties area_id and source_id.

    Returns
    -------
    DataFrame or None
        Index: number of the feature, from 0; area_id, source_id, rings (tuple of arrays of shape (k, 2), longitude and latitude in
        degrees, the last point joined to the first). None where the city brings no such file, or it cannot be read at all.
    list of Fault
        The column of each is its path in the file.
    """
    import pandas as pd

    def refused(given: str, expected: str, row: int | None = None) -> tuple[None, list[Fault]]:
        return None, [Fault(file, row, None, given, expected)]

    if not _is_there(folder / file):
        return None, []
    try:
        with (folder / file).open("rb") as source:
            raw = source.read(_MOST_BYTES + 1)
        if len(raw) > _MOST_BYTES:
            most = texts.text("at most {value} MB; simplify the outlines", value=_MOST_BYTES // 1_000_000)
            return refused(texts.text("more than {value} MB", value=_MOST_BYTES // 1_000_000), most)
        found = json.loads(raw.decode("utf-8-sig"))
    except OSError as error:
        return refused(system_reason(error, texts), texts.text("a readable file"))
    except (ValueError, RecursionError) as error:
        at, given = _unreadable_row(error, texts)
        return refused(given, texts.text("valid JSON"), at)
    features = found.get("features") if isinstance(found, dict) else None
    if not isinstance(features, list) or not features:
        given = texts.given(found.get("type", "")) if isinstance(found, dict) else ""
        return refused(given, texts.text("a GeoJSON collection of features (FeatureCollection)"))
    rows, faults = [], []
    for number, feature in enumerate(features):
        row, wrong = _read_feature(feature, f"features[{number}]", file, texts)
        rows.append(row)
        faults += wrong
    table = pd.DataFrame(rows, columns=["area_id", "source_id", "rings"], dtype=object)
    for number in table.index[table["area_id"].notna() & table["area_id"].duplicated()]:
        given, expected = texts.given(table.loc[number, "area_id"]), texts.text("each only once")
        faults.append(Fault(file, None, f"features[{number}].properties.area_id", given, expected))
    return table, faults


def _read_feature(feature: Any, path: str, file: str, texts: Texts) -> tuple[list[Any], list[Fault]]:
    """Give area, source and rings of a feature, None for what is not right; at most one fault for its coordinates."""
    feature = feature if isinstance(feature, dict) else {}
    properties, geometry = feature.get("properties"), feature.get("geometry")
    row: list[Any] = []
    faults = []
    for key in ("area_id", "source_id"):
        value = properties.get(key) if isinstance(properties, dict) else None
        sound = isinstance(value, str) and value.strip() != ""
        row.append(value if sound else None)
        if not sound:
            given = "" if value is None else texts.given(value)
            faults.append(Fault(file, None, f"{path}.properties.{key}", given, texts.text("a value")))
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        given = "" if kind is None else texts.given(kind)
        faults.append(Fault(file, None, f"{path}.geometry.type", given, texts.text("a Polygon or a MultiPolygon")))
        return [*row, None], faults
    polygons = geometry.get("coordinates")
    if kind == "Polygon":
        polygons = [polygons]
    try:
        return [
            *row,
            tuple(_ring(ring, texts) for polygon in _filled(polygons, texts) for ring in _filled(polygon, texts)),
        ], faults
    except Unreadable as reason:
        given, expected = reason.args
        faults.append(Fault(file, None, f"{path}.geometry.coordinates", given, expected))
        return [*row, None], faults


def _filled(value: Any, texts: Texts) -> list[Any]:
    if not isinstance(value, list) or not value:
        raise Unreadable(texts.given(value), texts.text("rings of points, each a longitude and a latitude"))
    return value


def _ring(points: Any, texts: Texts) -> np.ndarray:
    """Check a closed ring of points and give it without its last one; raises `Unreadable` with what was given and expected."""
    for point in _filled(points, texts):
        if (
            not isinstance(point, list)
            or len(point) < 2
            or not all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in point[:2])
        ):
            raise Unreadable(texts.given(point), texts.text("rings of points, each a longitude and a latitude"))
        if not (abs(point[0]) <= 180 and abs(point[1]) <= 90):  # not a number is refused, too
            expected = texts.text("longitude and latitude in degrees (WGS 84), -180 to 180 and -90 to 90")
            raise Unreadable(texts.given(point[:2]), expected)
    if points[0][:2] != points[-1][:2] or len({tuple(point[:2]) for point in points}) < 3:
        expected = texts.text("a ring of at least three places that ends where it begins")
        raise Unreadable(texts.text("{n} point", plural="{n} points", n=len(points)), expected)
    ring = np.array([point[:2] for point in points[:-1]], dtype=float)
    ring.setflags(write=False)
    return ring


def _boundary_faults(table: pd.DataFrame, file: str, city: _City) -> list[Fault]:
    """Faults where a boundary belongs to no area or source that is there, lies elsewhere than its area, or may not be shown."""
    texts, tables, faults = city.texts, city.tables, []
    for key, target in (("area_id", "areas"), ("source_id", "sources")):
        known = set(tables[target][key].dropna()) if target in tables else set()
        for number, value in table[key].dropna().items():
            if known and value not in known:
                near, expected = (
                    _nearest(value, known),
                    texts.text("a {field} of {file}", field=key, file=city.files[target]),
                )
                if near:
                    expected = texts.text("{expected}; the nearest is {near}", expected=expected, near=near)
                faults.append(Fault(file, None, f"features[{number}].properties.{key}", texts.given(value), expected))
    if "sources" in tables:
        used = tables["sources"][tables["sources"]["source_id"].isin(table["source_id"])]
        expected = texts.text("a licence: the boundaries of this source are shown")
        faults += [city.fault("sources", row, "licence", "", expected) for row in used.index[used["licence"].isna()]]
    if "areas" not in tables:
        return faults
    areas = tables["areas"].drop_duplicates("area_id").set_index("area_id")
    districts = set(areas.index[areas["kind"] == "district"])
    if not districts & set(table["area_id"]) and not faults:
        faults.append(Fault(file, None, None, "", texts.text("the boundary of at least one district")))
    for number, area_id, rings in zip(table.index, table["area_id"], table["rings"], strict=True):
        if not rings or area_id not in areas.index:
            continue
        place = areas.loc[area_id, ["longitude", "latitude"]].to_numpy(dtype=float)
        points = np.vstack(rings)
        if (place < points.min(axis=0) - _AROUND).any() or (place > points.max(axis=0) + _AROUND).any():
            given = f"{points[0, 0]:g} / {points[0, 1]:g}"
            expected = texts.text(
                "an outline around the place of the area, {longitude} / {latitude}",
                longitude=f"{place[0]:g}",
                latitude=f"{place[1]:g}",
            )
            faults.append(Fault(file, None, f"features[{number}].geometry.coordinates", given, expected))
    return faults


def load(folder: str | Path = "data", *, language: str = "de", today: datetime.date | None = None) -> Sites:
    """Read and check a city's folder.

    Parameters
    ----------
    folder : path
        Folder with ``datapackage.json`` and the tables of `CONTRACT`; boundaries of districts, if it has them, are read as well.
    language : str
        Language of the error, if there is one.
    today : date
        Day against which dates are called future; the current one by default.

    Returns
    -------
    Sites
        One row for each site with an agreement, in the order of ``sites.csv``.

    Raises
    ------
    DataError
        Lists every fault: file, row, column, given, expected.
    PlainError
        The folder has no name.
    """
    texts, path = Texts(language), find_path(folder)
    if not str(folder).strip():
        raise PlainError(texts.text("The city's folder needs a name."))
    if not (_is_there(path) and path.is_dir()):
        expected = texts.text("a folder with a {file}", file=_PACKAGE)
        given = texts.text("a file") if _is_there(path) else texts.text("no such folder")
        raise DataError([Fault(str(folder), None, None, given, expected)], texts, str(folder))
    resources, faults = _read_package(path, texts)
    tables: dict[str, pd.DataFrame] = {}
    for name in CONTRACT:
        if name in resources:
            table, found = _load_table(path, resources[name], texts)
            faults += found
            if table is not None:
                tables[name] = table
    files = {name: resource["path"] for name, resource in resources.items()} | {"boundaries": _boundary_path(resources)}
    city = _City(tables, files, texts, today or datetime.date.today())
    for reference in sorted({*_REFERENCES, *_package_references(resources)}):
        faults += _dangling(reference, city)
    for check, needed in _MEANING:
        if needed <= tables.keys():
            faults += check(city)
    outlines, found = _load_boundaries(path, files["boundaries"], texts)
    faults += found
    if outlines is not None:
        faults += _boundary_faults(outlines, files["boundaries"], city)
        tables["boundaries"] = outlines
    faulty = {fault.file for fault in faults}
    sound = {name for name in tables if files[name] not in faulty}
    for check, needed in _COMPLETENESS:
        if needed <= sound:  # what is missing can only be told from tables that are right
            faults += check(city)
    if faults:
        raise DataError(_first_of_each_cell(faults), texts, str(folder))
    sites = Sites(_candidate_frame(tables), tables)
    _ = sites.indicators_used(), sites.weights  # sorted out once, here, so that no plan waits for it
    return sites


class _City(NamedTuple):
    """The tables that could be read, their files, and how faults are told."""

    tables: Mapping[str, pd.DataFrame]
    files: Mapping[str, str]
    texts: Texts
    today: datetime.date

    def fault(self, table: str, row: Any, column: str, given: str, expected: str) -> Fault:
        """Make a fault of a table's cell."""
        shown = self.texts.given(given) if given else ""
        return Fault(self.files[table], None if row is None else int(row), column, shown, expected)


def _load_table(folder: Path, resource: Mapping[str, Any], texts: Texts) -> tuple[pd.DataFrame | None, list[Fault]]:
    """Read, type and check one table; None where rows or columns are missing, though what is there is checked."""
    file, columns = resource["path"], CONTRACT[resource["name"]]
    try:
        text = _decode((folder / file).read_bytes(), file, texts)
    except OSError as error:
        return None, [Fault(file, None, None, system_reason(error, texts), texts.text("a readable file"))]
    except DataError as error:
        return None, list(error.faults)
    described, checks = _package_checks(resource, columns, texts)
    wanted = {**columns, **described}
    cells, decimal_comma, faults = _read_cells(text, file, texts, wanted)
    if cells is None:
        return None, faults
    unknown = texts.text("only columns that the data package describes")
    faults += _header_faults(list(cells.columns), wanted, described, unknown, file, 1, texts)
    whole = not faults
    table, unread = _type_cells(cells, wanted, file, texts, decimal_comma=decimal_comma)
    schema = resource["schema"]
    unique = [(field["name"],) for field in schema["fields"] if field.get("constraints", {}).get("unique")]
    keys = {_KEYS[resource["name"]], tuple(_as_list(schema.get("primaryKey", []))), *unique} - {()}
    faults += unread
    for fault in _validate(table, wanted, sorted(keys), file, texts, checks):
        if fault.given and fault.column in cells:  # as it stands in the file: 0, not 0.0
            fault = fault._replace(given=texts.given(cells.loc[fault.row, fault.column]))
        faults.append(fault)
    return table if whole else None, faults


def _package_references(resources: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str, str]]:
    """Foreign keys that the package states for the contract's tables; `_schema_faults` has seen that each is of one column."""
    found = []
    for name in resources.keys() & CONTRACT.keys():
        for key in _as_list(resources[name]["schema"].get("foreignKeys", [])):
            target = key["reference"]
            column, field = _as_list(key["fields"])[0], _as_list(target["fields"])[0]
            found.append((name, column, str(target.get("resource") or name), field))
    return found


def _dangling(reference: tuple[str, str, str, str], city: _City) -> list[Fault]:
    """Faults for references that point at nothing."""
    table, column, target, field = reference
    if table not in city.tables or target not in city.tables:
        return []
    if field not in city.tables[target]:
        expected = city.texts.text("a column of {file}", file=city.files[target])
        return [Fault(_PACKAGE, None, f"{table}.foreignKeys", city.texts.given(field), expected)]
    texts, values, known = city.texts, city.tables[table][column].dropna(), set(city.tables[target][field])
    faults = []
    for row, value in values[~values.isin(known)].items():
        near = _nearest(str(value), [k for k in known if isinstance(k, str)])
        expected = texts.text("a {field} of {file}", field=field, file=city.files[target])
        if near:
            expected = texts.text("{expected}; the nearest is {near}", expected=expected, near=near)
        faults.append(city.fault(table, row, column, str(value), expected))
    return faults


# What no single cell shows; each check takes the tables that it names and is left out where one could not be read.


def _formula_faults(city: _City) -> list[Fault]:
    faults, expected = [], city.texts.text("the formula of a derived figure")
    for name, table in city.tables.items():
        if "basis" in table:
            derived = table["basis"] == "derived"
            bare = table[derived & table["formula"].isna()] if "formula" in table else table[derived]
            faults += [city.fault(name, row, "formula", "", expected) for row in bare.index]
    return faults


def _area_faults(city: _City) -> list[Fault]:
    areas, faults = city.tables["areas"], []
    parents = dict(zip(areas["area_id"], areas["part_of"], strict=True))
    for row, area_id in areas["area_id"].items():
        if area_id in _areas_above(area_id, parents):
            expected = city.texts.text("an area that is not a part of itself")
            faults.append(city.fault("areas", row, "part_of", str(parents[area_id]), expected))
    return faults


def _areas_above(area_id: Any, parents: Mapping[str, Any]) -> list[str]:
    """Areas that an area is a part of, the nearest first."""
    above: list[str] = []
    while isinstance(area_id := parents.get(area_id), str) and area_id not in above:
        above.append(area_id)
    return above


def _history_faults(city: _City) -> list[Fault]:
    texts, agreements, faults = city.texts, city.tables["agreements"], []
    latest: dict[str, datetime.date] = {}
    for row, site_id, date in zip(agreements.index, agreements["site_id"], agreements["date"], strict=True):
        if not isinstance(date, datetime.date):
            continue
        if date > city.today:
            expected = texts.text("a day that is not in the future")
            faults.append(city.fault("agreements", row, "date", texts.date(date), expected))
        if site_id in latest and date <= latest[site_id]:
            expected = texts.text("a day after the site's row before ({date})", date=texts.date(latest[site_id]))
            faults.append(city.fault("agreements", row, "date", texts.date(date), expected))
        latest[site_id] = date
    return faults


def _partner_faults(city: _City) -> list[Fault]:
    partners, faults = city.tables["partners"], []
    kinds = dict(zip(partners["partner_id"], partners["kind"], strict=True))
    for kind in ("housing_company", "provider"):
        expected = city.texts.text("a partner of the kind {kind}", kind=kind)
        for row, partner in city.tables["agreements"][f"{kind}_id"].dropna().items():
            if kinds.get(partner, kind) != kind:
                faults.append(city.fault("agreements", row, f"{kind}_id", partner, expected))
    return faults


def _indicator_faults(city: _City) -> list[Fault]:
    texts, table, kinds, faults = city.texts, city.tables["indicators"], city.tables["indicator_kinds"], []
    units = dict(zip(kinds["indicator"], kinds["unit"], strict=True))
    weighed = set(kinds.dropna(subset="need_weight")["indicator"])
    seen: dict[tuple[Any, ...], str] = {}
    columns = ("area_id", "site_id", "indicator", "date", "value", "unit")
    for row, area, site, kind, date, value, unit in zip(table.index, *(table[c] for c in columns), strict=True):
        if isinstance(area, str) == isinstance(site, str):
            expected = texts.text("either an area or a site")
            faults.append(city.fault("indicators", row, "area_id+site_id", f"{area or ''} / {site or ''}", expected))
        if isinstance(date, str):
            if _period_start(date) > city.today:
                expected = texts.text("a day that is not in the future")
                faults.append(city.fault("indicators", row, "date", date, expected))
            place = (area, site, kind, period_end(date))
            if seen.setdefault(place, date) != date:  # a year and its last day: which of the two would be the latest?
                faults.append(city.fault("indicators", row, "date", date, texts.text("each only once")))
        if kind in units and isinstance(unit, str) and unit != units[kind]:
            expected = texts.text("the unit {unit}", unit=units[kind])
            faults.append(city.fault("indicators", row, "unit", unit, expected))
        if kind in weighed and value < 0:
            faults.append(city.fault("indicators", row, "value", f"{value:g}", texts.text("at least {value}", value=0)))
    return faults


def _candidates(city: _City) -> list[str]:
    return list(dict.fromkeys(city.tables["agreements"]["site_id"]))


def _rule_faults(city: _City) -> list[Fault]:
    texts, table, faults = city.texts, city.tables["site_rules"], []
    columns = (table["site_id"], table["rule"], table["value"])
    rules = {(site, rule): (row, value) for row, site, rule, value in zip(table.index, *columns, strict=True)}
    if not _candidates(city):
        faults.append(
            Fault(city.files["agreements"], None, None, texts.text("no rows"), texts.text("at least one site"))
        )
    for site in _candidates(city):
        for rule in ("min_eur", "max_eur", "scale_eur"):
            if (site, rule) not in rules:
                expected = texts.text("a row {rule} for the site {site}", rule=rule, site=site)
                faults.append(city.fault("site_rules", None, "rule", "", expected))
        (row, low), (_, high) = (rules.get((site, rule), (None, np.nan)) for rule in ("min_eur", "max_eur"))
        if low > high:
            expected = texts.text("at most max_eur ({value})", value=texts.eur(high))
            faults.append(city.fault("site_rules", row, "value", texts.eur(low), expected))
        row, scale = rules.get((site, "scale_eur"), (None, np.nan))
        if scale == 0:
            faults.append(city.fault("site_rules", row, "value", "0", texts.text("more than {value}", value=0)))
    return faults


def _catchment_faults(city: _City) -> list[Fault]:
    texts, tables, faults = city.texts, city.tables, []
    latest = latest_indicators(tables["indicators"], tables["indicator_kinds"])
    known = {*zip(latest["area_id"], latest["indicator"], strict=True)}
    known_site = {*zip(latest["site_id"], latest["indicator"], strict=True)}
    kinds = tables["indicator_kinds"]
    weighed = list(kinds.dropna(subset="need_weight")["indicator"])
    if not (kinds["need_weight"] > 0).any():
        expected = texts.text("at least one indicator with a weight")
        faults.append(city.fault("indicator_kinds", None, "need_weight", "", expected))
    catchments = tables["catchments"][tables["catchments"]["site_id"].isin(_candidates(city))]
    for site in _candidates(city):
        areas = catchments.loc[catchments["site_id"] == site, "area_id"]
        lacking = [kind for kind in weighed if (site, kind) not in known_site]
        if lacking and areas.empty:
            expected = texts.text("a catchment for the site {site}", site=site)
            faults.append(city.fault("catchments", None, "site_id", "", expected))
        for area in areas:
            for kind in lacking:
                if (area, kind) not in known:
                    expected = texts.text("a value of {indicator} for the area {area}", indicator=kind, area=area)
                    faults.append(city.fault("indicators", None, "indicator", "", expected))
    parents = dict(zip(tables["areas"]["area_id"], tables["areas"]["part_of"], strict=True))
    for row, area in catchments["area_id"].items():
        # The residents of a part are residents of the whole: both in catchments would count them twice.
        whole = next((above for above in _areas_above(area, parents) if (catchments["area_id"] == above).any()), None)
        if whole:
            expected = texts.text("an area that is no part of another catchment's area ({area})", area=whole)
            faults.append(city.fault("catchments", row, "area_id", area, expected))
    return faults


def _dialogue_faults(city: _City) -> list[Fault]:
    """Faults in what is counted: a least value above the greatest, and two figures for one role in the response curve."""
    texts, table, faults = city.texts, city.tables["dialogue_indicators"], []
    for row, least, most in zip(table.index, table["least"], table["most"], strict=True):
        if least > most:
            expected = texts.text("at most the greatest value ({value})", value=texts.number(most))
            faults.append(city.fault("dialogue_indicators", row, "least", texts.number(least), expected))
    role = table["role"]
    for row in table.index[role.notna() & role.duplicated()]:
        faults.append(city.fault("dialogue_indicators", row, "role", role[row], texts.text("each only once")))
    return faults


def _report_faults(city: _City) -> list[Fault]:
    """Faults in reported figures, real or made up: people and things are counted whole, in the unit of their indicator."""
    texts, kinds, faults = city.texts, city.tables["dialogue_indicators"], []
    units = dict(zip(kinds["indicator"], kinds["unit"], strict=True))
    whole = set(kinds.loc[kinds["kind"].isin(("people", "count")), "indicator"])
    for name in (table for table in ("reports", f"{DEMONSTRATION}reports") if table in city.tables):
        table = city.tables[name]
        columns = (table[column] for column in ("indicator", "value", "unit"))
        for row, kind, value, unit in zip(table.index, *columns, strict=True):
            if kind in whole and np.isfinite(value) and value % 1:
                faults.append(city.fault(name, row, "value", f"{value:g}", texts.text("a whole number")))
            if kind in units and isinstance(unit, str) and unit != units[kind]:
                expected = texts.text("the unit {unit}", unit=units[kind])
                faults.append(city.fault(name, row, "unit", unit, expected))
    return faults


def _year_faults(city: _City) -> list[Fault]:
    """Faults where a report is of no year, or of one that is still to come."""
    texts, faults = city.texts, []
    for name, table in city.tables.items():
        if name.removeprefix(DEMONSTRATION) in _REPORTED:
            for row, year in table["year"].dropna().items():
                if year % 1:
                    faults.append(city.fault(name, row, "year", f"{year:g}", texts.text("a whole number")))
                elif year > city.today.year:
                    expected = texts.text("a year that is not in the future")
                    faults.append(city.fault(name, row, "year", f"{year:g}", expected))
    return faults


def _calendar_faults(city: _City) -> list[Fault]:
    texts, table, faults = city.texts, city.tables["calendar"], []
    columns = (table[column] for column in ("kind", "begins", "ends", "site_id"))
    for row, kind, begins, ends, site in zip(table.index, *columns, strict=True):
        if isinstance(begins, datetime.date) and isinstance(ends, datetime.date) and ends < begins:
            expected = texts.text("a day that is not before the first ({date})", date=texts.date(begins))
            faults.append(city.fault("calendar", row, "ends", texts.date(ends), expected))
        if kind == "renewal" and not isinstance(site, str):
            expected = texts.text("the site whose agreement ends")
            faults.append(city.fault("calendar", row, "site_id", "", expected))
    return faults


def _step_faults(city: _City) -> list[Fault]:
    texts, table, faults = city.texts, city.tables["steps"], []
    for row, since, due in zip(table.index, table["since"], table["due_date"], strict=True):
        if isinstance(since, datetime.date) and isinstance(due, datetime.date) and due < since:
            expected = texts.text("a day that is not before the first ({date})", date=texts.date(since))
            faults.append(city.fault("steps", row, "due_date", texts.date(due), expected))
    return faults


def _instalment_faults(city: _City) -> list[Fault]:
    """Fault where the instalments do not pay the yearly amount, no less and no more; thirds may be written as 0.3333."""
    shares = city.tables["instalments"]["share"]
    if shares.isna().any() or not len(shares) or abs(shares.sum() - 1) <= len(shares) * _SHARE_ROUNDING:
        return []
    expected = city.texts.text("shares that add up to 1")
    return [city.fault("instalments", None, "share", city.texts.number(shares.sum(), 4), expected)]


_SHARE_ROUNDING = 0.00005
"""Half of the fourth decimal: by so much a share may be rounded."""

_MEANING: tuple[tuple[Callable[[_City], list[Fault]], set[str]], ...] = (
    (_formula_faults, set()),
    (_area_faults, {"areas"}),
    (_history_faults, {"agreements"}),
    (_partner_faults, {"agreements", "partners"}),
    (_indicator_faults, {"indicators", "indicator_kinds"}),
    (_dialogue_faults, {"dialogue_indicators"}),
    (_report_faults, {"dialogue_indicators"}),
    (_year_faults, set()),
    (_calendar_faults, {"calendar"}),
    (_step_faults, {"steps"}),
    (_instalment_faults, {"instalments"}),
)
_COMPLETENESS: tuple[tuple[Callable[[_City], list[Fault]], set[str]], ...] = (
    (_rule_faults, {"agreements", "site_rules"}),
    (_catchment_faults, {"agreements", "catchments", "areas", "indicators", "indicator_kinds"}),
)


def _candidate_frame(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each site with an agreement: names of its partners and district, its status, its rules in EUR."""
    import pandas as pd

    sites = tables["sites"].set_index("site_id")
    current = current_agreements(tables["agreements"]).set_index("site_id")
    frame = sites.loc[[site_id for site_id in sites.index if site_id in current.index], ["name", "area_id"]]
    areas = tables["areas"].set_index("area_id")

    def district(area_id: Any) -> str | None:
        while isinstance(area_id, str) and areas.loc[area_id, "kind"] != "district":
            area_id = areas.loc[area_id, "part_of"]
        return str(areas.loc[area_id, "name"]) if isinstance(area_id, str) else None

    names = dict(zip(tables["partners"]["partner_id"], tables["partners"]["name"], strict=True))
    result = frame[["name"]].copy()
    result["status"] = current["status"].reindex(frame.index)
    result["district"] = pd.Series([district(a) for a in frame["area_id"]], index=frame.index, dtype=object)
    for column in ("housing_company", "provider"):
        ids = current[f"{column}_id"].reindex(frame.index)
        result[column] = pd.Series([names.get(partner) for partner in ids], index=frame.index, dtype=object)
    rules = tables["site_rules"].pivot(index="site_id", columns="rule", values="value")
    for rule in _RULE_ORDER:
        result[rule] = rules[rule].reindex(frame.index) if rule in rules else np.nan
    return result
