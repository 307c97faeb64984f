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
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from quartier.language import PlainError, Texts

if TYPE_CHECKING:
    import pandas as pd

STATUSES = ("signed", "negotiating", "prospective", "declined")
BASES = ("stated", "derived", "assumed")
RULES = ("min_eur", "max_eur", "scale_eur", "previous_eur")


class Fault(NamedTuple):
    """One thing wrong with the input: where, what was given, what was expected."""

    file: str
    row: int | None
    column: str | None
    given: str
    expected: str

    def sentence(self, texts: Texts) -> str:
        """Give the fault as one line of text."""
        place = [self.file]
        if self.row is not None:
            place.append(texts.text("row {row}", row=self.row))
        if self.column is not None:
            place.append(texts.text("column {column}", column=self.column))
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
}
"""Tables and columns that the model needs; a city's data package may describe more."""

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


# --- reading what spreadsheets write ------------------------------------------------------------------------------


class Unreadable(ValueError):
    """A cell that cannot be read without guessing; the text says what is expected."""


_THOUSANDS_SPACE = re.compile(r"(?<=\d)[ \u00a0\u202f'](?=\d{3}(?!\d))")
LONE_GROUP = re.compile(r"[+-]?[1-9]\d{0,2}\.\d{3}")
_LONE_COMMA_GROUP = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}")
_GERMAN = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+,\d+|\d{1,3}(\.\d{3}){2,}|\d+,\d+)")
_ENGLISH = re.compile(r"[+-]?(\d{1,3}(,\d{3})+\.\d+|\d{1,3}(,\d{3}){2,}|\d+(\.\d+)?)")


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
    bare = re.sub(r"^(€|EUR)\s*|\s*(€|EUR|Euro)$", "", bare)
    bare = _THOUSANDS_SPACE.sub("", bare)
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
    for pattern, form in ((r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d"), (r"\d{1,2}\.\d{1,2}\.\d{4}", "%d.%m.%Y")):
        if re.fullmatch(pattern, cell):
            try:
                return datetime.datetime.strptime(cell, form).date()
            except ValueError:
                raise Unreadable(texts.text("a day that is in the calendar")) from None
    raise Unreadable(texts.text("a day as in 2021-01-26"))


def parse_period(cell: str, texts: Texts) -> str:
    """Read a day, a month (``2018-06``) or a year (``2006``) and give it in ISO form.

    Raises
    ------
    Unreadable
        The text is none of the three.
    """
    if re.fullmatch(r"\d{4}", cell) or re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", cell):
        return cell
    try:
        return parse_date(cell, texts).isoformat()
    except Unreadable:
        raise Unreadable(texts.text("a day, a month or a year as in 2019-12-31, 2018-06 or 2006")) from None


def period_end(period: str) -> datetime.date:
    """Last day of a period given in ISO form, so that days, months and years can be put in order."""
    parts = [int(part) for part in period.split("-")]
    year, month = parts[0], parts[1] if len(parts) > 1 else 12
    return datetime.date(year, month, parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1])


def _period_start(period: str) -> datetime.date:
    return datetime.date.fromisoformat((period + "-01-01")[:10])


def _decode(raw: bytes, file: str, texts: Texts) -> str:
    """Decode what spreadsheets write: UTF-8 with or without a mark, UTF-16 with a mark, else Windows-1252."""
    encodings = ("utf-16",) if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig", "cp1252")
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    expected = texts.text("a text file in UTF-8 or Windows-1252")
    raise DataError([Fault(file, None, None, "", expected)], texts, file)


def _read_cells(text: str, file: str, texts: Texts, known: Iterable[str]) -> tuple[pd.DataFrame, bool, list[Fault]]:
    """Split a CSV text into a table of stripped cells, indexed by the row a spreadsheet would show.

    Returns the table, whether the file writes decimal commas, and the faults.
    """
    import pandas as pd

    if re.match(r"sep=[;,\t]\r?\n", text):  # a hint to Excel, no row of the table
        text = text.split("\n", 1)[1]
    lines = text.splitlines()
    head = lines[0] if lines else ""
    separator = max(
        ",;\t", key=lambda mark: (len(set(known) & {c.strip(' "') for c in head.split(mark)}), -",;\t".index(mark))
    )
    faults: list[Fault] = []
    try:
        rows = [
            [cell.strip(" \t\u00a0\r\n") for cell in row]
            for row in csv.reader(io.StringIO(text), delimiter=separator, strict=True)
        ]
    except csv.Error as error:
        return (
            pd.DataFrame(),
            False,
            [Fault(file, None, None, str(error), texts.text("a table of comma-separated values"))],
        )
    while rows and not any(rows[-1]):
        rows.pop()
    if not rows:
        return pd.DataFrame(), False, [Fault(file, 1, None, "", texts.text("a row of column names"))]
    header = rows[0]
    while header and not header[-1] and all(len(row) < len(header) or not row[len(header) - 1] for row in rows[1:]):
        header = header[:-1]
    for position, name in enumerate(header):
        if not name or name in header[:position]:
            faults.append(Fault(file, 1, None, texts.given(name), texts.text("a column name, each only once")))
    width, table = len(header), {}
    for number, row in enumerate(rows[1:], start=2):
        if any(row[width:]) or (len(row) < width and any(row)):
            expected = texts.text("{n} cell as in the first row", plural="{n} cells as in the first row", n=width)
            faults.append(Fault(file, number, None, texts.text("{n} cell", plural="{n} cells", n=len(row)), expected))
        elif not any(row):
            faults.append(
                Fault(file, number, None, texts.text("an empty row"), texts.text("empty rows only at the end"))
            )
        else:
            table[number] = row[:width]
    if faults:
        return pd.DataFrame(), False, faults
    return pd.DataFrame.from_dict(table, orient="index", columns=header), separator == ";", []


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
        values: list[Any] = []
        for row, cell in cells[name].items():
            value: Any = None
            if cell != "":
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
    """pandera checks of a column; each check's error is the sentence that says what was expected."""
    import pandera.pandas as pa

    checks = []
    if column.kind == "id":
        pattern = r"[a-z0-9]+([-_][a-z0-9]+)*"
        checks.append(pa.Check.str_matches(rf"^{pattern}\Z", error=texts.text("a name of a-z, 0-9, - and _")))
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
    key: tuple[str, ...],
    file: str,
    texts: Texts,
    more: Mapping[str, list[Any]] | None = None,
) -> list[Fault]:
    """Check a typed table with pandera and give every failure as a fault."""
    import pandera.pandas as pa
    from pandera.errors import SchemaErrors

    schema = pa.DataFrameSchema(
        {
            name: pa.Column(
                checks=_checks(column, texts) + list((more or {}).get(name, [])), nullable=not column.required
            )
            for name, column in columns.items()
            if name in table.columns
        }
    )
    faults = []
    try:
        schema.validate(table, lazy=True)
    except SchemaErrors as failed:
        for case in failed.failure_cases.itertuples():
            missing = case.check == "not_nullable"
            expected = texts.text("a value") if missing else str(case.check)
            given = "" if missing else texts.given(case.failure_case)
            faults.append(Fault(file, int(case.index), str(case.column), given, expected))
    present = [name for name in key if name in table.columns]
    if len(present) == len(key):
        repeated = table.duplicated(list(key), keep="first")
        for row in table.index[repeated]:
            given = " / ".join(str(v) for v in table.loc[row, list(key)] if isinstance(v, str))
            faults.append(
                Fault(
                    file,
                    int(row),
                    key[0] if len(key) == 1 else "+".join(key),
                    texts.given(given),
                    texts.text("each only once"),
                )
            )
    return faults


def _nearest(name: str, known: Iterable[str]) -> str | None:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return found[0] if found else None


def _missing_columns(
    given: Iterable[str], wanted: Iterable[str], file: str, texts: Texts, row: int | None = 1
) -> list[Fault]:
    """Faults for columns that are not there, with the nearest name that is."""
    given, faults = list(given), []
    for name in wanted:
        if name not in given:
            near = _nearest(name, set(given) - set(wanted))
            shown = texts.given(near) if near else ", ".join(given)
            faults.append(Fault(file, row, name, shown, texts.text("a column of this name")))
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
    """Read the folder's data package: resources by name."""
    path = folder / _PACKAGE
    try:
        described = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        return {}, [Fault(_PACKAGE, None, None, texts.text("no such file"), texts.text("a Frictionless data package"))]
    except (OSError, UnicodeDecodeError) as error:
        return {}, [Fault(_PACKAGE, None, None, str(error), texts.text("a readable file"))]
    except (json.JSONDecodeError, RecursionError) as error:
        row = getattr(error, "lineno", None)
        return {}, [Fault(_PACKAGE, row, None, getattr(error, "msg", str(error)), texts.text("valid JSON"))]
    resources = described.get("resources") if isinstance(described, dict) else None
    if not isinstance(resources, list) or not all(
        isinstance(r, dict) and isinstance(r.get("name"), str) and isinstance(r.get("path"), str) for r in resources
    ):
        return {}, [Fault(_PACKAGE, None, "resources", "", texts.text("a list of resources, each with name and path"))]
    faults = []
    for resource in resources:
        inside = PurePosixPath(resource["path"])
        if inside.is_absolute() or ".." in inside.parts or "\\" in resource["path"]:
            faults.append(
                Fault(_PACKAGE, None, "path", texts.given(resource["path"]), texts.text("a path inside the folder"))
            )
        elif not (folder / inside).is_file():
            faults.append(
                Fault(
                    resource["path"],
                    None,
                    None,
                    texts.text("no such file"),
                    texts.text("the file that the data package describes"),
                )
            )
    for table in CONTRACT:
        if table not in {r["name"] for r in resources}:
            faults.append(Fault(_PACKAGE, None, "resources", "", texts.text("a resource named {name}", name=table)))
    return {r["name"]: r for r in resources}, faults


def _package_checks(
    resource: Mapping[str, Any], columns: Mapping[str, Column], header: Iterable[str], texts: Texts
) -> tuple[dict[str, Column], dict[str, list[Any]], list[Fault]]:
    """Read a resource's schema: more columns, more checks, and where it disagrees with file or contract."""
    import pandera.pandas as pa

    fields = (resource.get("schema") or {}).get("fields") or []
    file, faults = resource["path"], []
    names = [field.get("name") for field in fields]
    header = list(header)
    for name in names:
        if name not in header:
            faults.append(Fault(file, 1, name, "", texts.text("a column of this name (it is in the data package)")))
    for name in header:
        if name not in names:
            faults.append(
                Fault(file, 1, name, texts.given(name), texts.text("only columns that the data package describes"))
            )
    extra, checks = {}, {}
    for field in fields:
        name, constraints = field.get("name"), field.get("constraints") or {}
        kind = field.get("type", "string")
        if name in columns and kind not in _FIELD_KINDS[columns[name].kind]:
            wanted = " | ".join(_FIELD_KINDS[columns[name].kind])
            faults.append(
                Fault(
                    _PACKAGE,
                    None,
                    f"{resource['name']}.{name}",
                    texts.given(kind),
                    texts.text("the type {kind}", kind=wanted),
                )
            )
        contract = columns.get(name, _MAYBE)
        if name not in columns and kind in ("number", "integer", "date"):
            contract = Column("date" if kind == "date" else "number", required=False)
        extra[name] = contract._replace(required=contract.required or bool(constraints.get("required")))
        more = []
        if kind == "integer":
            more.append(pa.Check(lambda column: column == column.round(), error=texts.text("a whole number")))
        if "enum" in constraints:
            more.append(
                pa.Check.isin(
                    constraints["enum"],
                    error=texts.text("one of {values}", values=", ".join(map(str, constraints["enum"]))),
                )
            )
        if "pattern" in constraints:
            expected = texts.text("a text of the form {pattern}", pattern=constraints["pattern"])
            more.append(pa.Check.str_matches(rf"^(?:{constraints['pattern']})\Z", error=expected))
        if contract.kind == "number" and "minimum" in constraints:
            more.append(
                pa.Check.ge(constraints["minimum"], error=texts.text("at least {value}", value=constraints["minimum"]))
            )
        if contract.kind == "number" and "maximum" in constraints:
            more.append(
                pa.Check.le(constraints["maximum"], error=texts.text("at most {value}", value=constraints["maximum"]))
            )
        checks[name] = more
    return extra, checks, faults


# --- the nouns ----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Sites:
    """The checked, frozen table of candidate sites, with the source of each figure.

    Made by `load` or `Sites.from_frame`; a variation is made by `replace`.
    """

    _frame: pd.DataFrame
    _tables: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)
    cache: dict[str, Any] = dataclasses.field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self._frame)

    def __repr__(self) -> str:
        counts = self._frame["status"].value_counts()
        shown = ", ".join(f"{counts[status]} {status}" for status in STATUSES if status in counts)
        return f"Sites({len(self)}: {shown})"

    @property
    def frame(self) -> pd.DataFrame:
        """Copy of the table: index ``site_id``; name, status, partners, district, `RULES` in EUR, and the need if given."""
        return self._frame.copy()

    @property
    def site_ids(self) -> tuple[str, ...]:
        """Ids of the sites, in the order of the table."""
        return tuple(self._frame.index)

    @property
    def tables(self) -> dict[str, pd.DataFrame]:
        """Copies of all tables that were read, by name; empty where the sites come from a frame."""
        return {name: table.copy() for name, table in self._tables.items()}

    def numbers(self, column: str) -> np.ndarray:
        """Give a column as floats, shape (n,), read-only; EUR for amounts, weighted residents for a given need."""
        if column not in self.cache:
            values = self._frame[column].to_numpy(dtype=float)
            values.setflags(write=False)
            self.cache[column] = values
        return self.cache[column]

    @property
    def statuses(self) -> np.ndarray:
        """Status of each site, shape (n,), of str."""
        if "status" not in self.cache:
            self.cache["status"] = self._frame["status"].to_numpy(dtype=str)
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
        kinds = self._tables["indicator_kinds"].dropna(subset="need_weight")
        return dict(zip(kinds["indicator"], kinds["need_weight"].astype(float), strict=True))

    def replace(self, changes: Mapping[str, Mapping[str, Any]], language: str = "de") -> Sites:
        """Give a variation of the sites.

        Parameters
        ----------
        changes : mapping
            ``{site_id: {column: value}}``; columns of `frame`.

        Raises
        ------
        DataError
            An unknown site or column, or a value that the table may not hold.
        """
        texts, frame, faults = Texts(language), self.frame, []
        for site_id, columns in changes.items():
            for column, value in columns.items():
                if site_id not in frame.index:
                    faults.append(Fault("Sites", None, "site_id", texts.given(site_id), texts.text("a known site")))
                elif column not in frame.columns:
                    faults.append(
                        Fault("Sites", None, column, "", texts.text("one of {values}", values=", ".join(frame.columns)))
                    )
                else:
                    frame.loc[site_id, column] = value
        if not faults:
            numbered = frame.reset_index().set_axis(range(1, len(frame) + 1))
            faults = _validate(numbered, _FRAME, ("site_id",), "Sites", texts) + _order_faults(numbered, "Sites", texts)
        if faults:
            raise DataError(faults, texts, "Sites")
        return Sites(frame, self._tables)

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
        table = table.set_axis(range(1, len(table) + 1))
        needed = [name for name in _FRAME if name not in _FRAME_OPTIONAL]
        faults = _missing_columns(table.columns, needed, file, texts, row=None)
        for name in table.columns:
            if name not in _FRAME:
                near = _nearest(str(name), _FRAME)
                expected = texts.text("one of {values}", values=near or ", ".join(_FRAME))
                faults.append(Fault(file, None, str(name), texts.given(str(name)), expected))
        if table.columns.has_duplicates:
            faults.append(
                Fault(file, None, None, ", ".join(map(str, table.columns)), texts.text("a column name, each only once"))
            )
        elif not len(table):
            faults.append(Fault(file, None, None, texts.text("no rows"), texts.text("at least one site")))
        if faults:
            raise DataError(faults, texts, file)
        for name, column in _FRAME.items():
            if name not in table.columns:
                table[name] = np.nan if column.kind == "number" else None
            elif column.kind == "number":
                table[name], wrong = _number_column(table[name], file, name, texts)
                faults += wrong
            else:
                table[name], wrong = _text_column(table[name], file, name, texts)
                faults += wrong
        table["name"] = table["name"].fillna(table["site_id"])
        known = {(fault.row, fault.column) for fault in faults}
        found = _validate(table, _FRAME, ("site_id",), file, texts) + _order_faults(table, file, texts)
        faults += [fault for fault in found if (fault.row, fault.column) not in known]
        if faults:
            raise DataError(sorted(faults, key=_fault_order), texts, file)
        columns = ["name", "status", "district", "housing_company", "provider", *_RULE_ORDER, "need"]
        return cls(table.set_index("site_id")[columns])

    # --- pedigree ---

    @property
    def basis(self) -> pd.DataFrame:
        """Basis (stated, derived, assumed) of each figure of each site, shape (n, figures); empty where the sites come from a frame.

        A figure worked out from others is as firm as the weakest of them.
        """
        import pandas as pd

        if not self._tables:
            return pd.DataFrame(index=self._frame.index)
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
        return result

    def indicators_used(self) -> pd.DataFrame:
        """Rows of ``indicators.csv`` that enter the need: need indicators of the catchments, latest date."""
        return _latest(self._tables["indicators"], self._tables["indicator_kinds"])

    def assumptions(self) -> pd.DataFrame:
        """Every assumed figure that a plan uses: table, key, figure, value, unit, source, note.

        Empty where the sites come from a frame, whose figures have no stated origin.
        """
        import pandas as pd

        columns = ["table", "key", "figure", "value", "unit", "source_id", "note"]
        if not self._tables:
            return pd.DataFrame(columns=columns)
        tables, candidates = self._tables, set(self._frame.index)
        kinds = tables["indicator_kinds"].dropna(subset="need_weight")
        parts = []

        def add(name: str, rows: pd.DataFrame, keys: list[str], figure: Any, value: str, unit: Any) -> None:
            assumed = rows[(rows["basis"] == "assumed")]
            keyed = assumed[keys].apply(lambda row: " / ".join(str(v) for v in row if isinstance(v, str)), axis=1)
            parts.append(
                pd.DataFrame(
                    {
                        "table": name,
                        "key": keyed if len(assumed) else [],
                        "figure": assumed[figure] if figure in assumed else figure,
                        "value": assumed[value].map(lambda v: f"{v:g}" if isinstance(v, float) else str(v)),
                        "unit": assumed[unit] if unit in assumed else unit,
                        "source_id": assumed["source_id"],
                        "note": assumed["note"] if "note" in assumed else None,
                    },
                    index=assumed.index,
                )
            )

        agreed = current_agreements(tables["agreements"])
        add("agreements", agreed, ["site_id"], "status", "status", "")
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
        add(
            "site_rules",
            tables["site_rules"][tables["site_rules"]["site_id"].isin(candidates)],
            ["site_id"],
            "rule",
            "value",
            "unit",
        )
        return pd.concat(parts, ignore_index=True)[columns]


_RULE_ORDER = ["scale_eur", "min_eur", "max_eur", "previous_eur"]


def _fault_order(fault: Fault) -> tuple[str, int, str]:
    return fault.file, fault.row or 0, fault.column or ""


def _number_column(column: pd.Series, file: str, name: str, texts: Texts) -> tuple[pd.Series, list[Fault]]:
    """Turn a frame's column into floats; what is not a number is a fault, a missing value stays missing."""
    values, faults = [], []
    for row, value in column.items():
        number = np.nan
        if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, (bool, np.bool_)):
            number = float(value)
        elif value is not None and not (hasattr(value, "__float__") and value != value):
            faults.append(Fault(file, int(str(row)), name, texts.given(value), texts.text("a number")))
        values.append(number)
    import pandas as pd

    return pd.Series(values, index=column.index, dtype="float64"), faults


def _text_column(column: pd.Series, file: str, name: str, texts: Texts) -> tuple[pd.Series, list[Fault]]:
    """Keep a frame's column of texts; anything else is a fault, a blank text is a missing one."""
    import pandas as pd

    values, faults = [], []
    for row, value in column.items():
        text = None
        if isinstance(value, str):
            text = value.strip() or None
        elif not pd.isna(value):
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


def _latest(indicators: pd.DataFrame, kinds: pd.DataFrame) -> pd.DataFrame:
    """Rows of need indicators, the latest date of each place and indicator."""
    wanted = set(kinds.dropna(subset="need_weight")["indicator"])
    rows = indicators[indicators["indicator"].isin(wanted)]
    rows = rows.assign(end=rows["date"].map(period_end)).sort_values("end", kind="stable")
    return rows.drop_duplicates(["area_id", "site_id", "indicator"], keep="last").drop(columns="end").sort_index()


# --- loading ------------------------------------------------------------------------------------------------------


def find_path(path: str | Path) -> Path:
    """Find a city's folder or a file in it: as given or, if relative, in the parents of the working directory.

    So that a notebook in ``notebooks/`` finds ``data`` wherever it is started from.
    """
    asked = Path(path).expanduser()
    if asked.is_absolute() or asked.exists():
        return asked
    for parent in Path.cwd().parents:
        found = parent / asked
        if found.is_file() or (found / _PACKAGE).is_file():
            return found
    return asked


def load(folder: str | Path = "data", *, language: str = "de", today: datetime.date | None = None) -> Sites:
    """Read and check a city's folder.

    Parameters
    ----------
    folder : path
        Folder with ``datapackage.json`` and the tables of `CONTRACT`.
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
    """
    texts, path = Texts(language), find_path(folder)
    if not path.is_dir():
        expected = texts.text("a folder with a {file}", file=_PACKAGE)
        raise DataError([Fault(str(folder), None, None, texts.text("no such folder"), expected)], texts, str(folder))
    resources, faults = _read_package(path, texts)
    if faults:
        raise DataError(faults, texts, str(folder))
    tables: dict[str, pd.DataFrame] = {}
    for name in CONTRACT:
        table, found = _load_table(path, resources[name], CONTRACT[name], _KEYS[name], texts)
        faults += found
        if table is not None:
            tables[name] = table
    files = {name: resource["path"] for name, resource in resources.items()}
    references = {*_REFERENCES, *_package_references(resources, tables)}
    for reference in sorted(references):
        faults += _dangling(reference, tables, files, texts)
    if len(tables) == len(CONTRACT):
        known = {(fault.file, fault.row, fault.column) for fault in faults}
        found = _meaning_faults(tables, files, texts, today or datetime.date.today())
        faults += [fault for fault in found if (fault.file, fault.row, fault.column) not in known]
    if not faults:
        faults = _completeness_faults(tables, files, texts)
    if faults:
        raise DataError(sorted(dict.fromkeys(faults), key=_fault_order), texts, str(folder))
    return Sites(_candidate_frame(tables), tables)


def _load_table(
    folder: Path, resource: Mapping[str, Any], columns: Mapping[str, Column], key: tuple[str, ...], texts: Texts
) -> tuple[pd.DataFrame | None, list[Fault]]:
    """Read, type and check one table; the table is None where its cells could not even be split."""
    file = resource["path"]
    try:
        text = _decode((folder / file).read_bytes(), file, texts)
    except OSError as error:
        return None, [Fault(file, None, None, error.strerror or str(error), texts.text("a readable file"))]
    except DataError as error:
        return None, list(error.faults)
    cells, decimal_comma, faults = _read_cells(text, file, texts, columns)
    if faults:
        return None, faults
    faults = _missing_columns(cells.columns, columns, file, texts)
    if faults:
        return None, faults
    described, checks, faults = _package_checks(resource, columns, cells.columns, texts)
    all_columns = {**columns, **described}
    table, unread = _type_cells(cells, all_columns, file, texts, decimal_comma=decimal_comma)
    bad = {(fault.row, fault.column) for fault in unread}
    failed = _validate(table, all_columns, key, file, texts, checks)
    return table, faults + unread + [fault for fault in failed if (fault.row, fault.column) not in bad]


def _package_references(
    resources: Mapping[str, Mapping[str, Any]], tables: Mapping[str, pd.DataFrame]
) -> list[tuple[str, str, str, str]]:
    """Foreign keys that the package states beyond the contract's, of one column each, between tables that were read."""
    found = []
    for name, resource in resources.items():
        for key in (resource.get("schema") or {}).get("foreignKeys") or []:
            columns, target = key.get("fields"), key.get("reference") or {}
            column = columns if isinstance(columns, str) else (columns or [""])[0]
            there = target.get("fields")
            field = there if isinstance(there, str) else (there or [""])[0]
            other = target.get("resource") or name
            if name in tables and other in tables and column in tables[name] and field in tables[other]:
                found.append((name, column, other, field))
    return found


def _dangling(
    reference: tuple[str, str, str, str], tables: Mapping[str, pd.DataFrame], files: Mapping[str, str], texts: Texts
) -> list[Fault]:
    """Faults for references that point at nothing."""
    table, column, target, field = reference
    if table not in tables or target not in tables or column not in tables[table]:
        return []
    values, known = tables[table][column].dropna(), set(tables[target][field])
    faults = []
    for row, value in values[~values.isin(known)].items():
        near = _nearest(str(value), [k for k in known if isinstance(k, str)])
        expected = texts.text("a {field} of {file}", field=field, file=files[target])
        if near:
            expected = texts.text("{expected}; the nearest is {near}", expected=expected, near=near)
        faults.append(Fault(files[table], int(str(row)), column, texts.given(value), expected))
    return faults


def _meaning_faults(
    tables: Mapping[str, pd.DataFrame], files: Mapping[str, str], texts: Texts, today: datetime.date
) -> list[Fault]:
    """Faults that no single column shows: dates, pedigree, units, places."""
    faults = []
    for name, table in tables.items():
        if "formula" in table and "basis" in table:
            bare = table[(table["basis"] == "derived") & table["formula"].isna()]
            expected = texts.text("the formula of a derived figure")
            faults += [Fault(files[name], int(row), "formula", "", expected) for row in bare.index]
    parents = dict(zip(tables["areas"]["area_id"], tables["areas"]["part_of"], strict=True))
    for row, area_id in tables["areas"]["area_id"].items():
        above = {area_id}
        while isinstance(area_id := parents.get(area_id), str):
            if area_id in above:
                expected = texts.text("an area that is not a part of itself")
                faults.append(Fault(files["areas"], int(str(row)), "part_of", texts.given(area_id), expected))
                break
            above.add(area_id)
    agreements, file = tables["agreements"], files["agreements"]
    latest: dict[str, datetime.date] = {}
    for row, site_id, date in zip(agreements.index, agreements["site_id"], agreements["date"], strict=True):
        if not isinstance(date, datetime.date):
            continue
        if date > today:
            faults.append(
                Fault(file, int(row), "date", texts.date(date), texts.text("a day that is not in the future"))
            )
        if site_id in latest and date <= latest[site_id]:
            expected = texts.text("a day after the site's row before ({date})", date=texts.date(latest[site_id]))
            faults.append(Fault(file, int(row), "date", texts.date(date), expected))
        latest[site_id] = date
    indicators, file = tables["indicators"], files["indicators"]
    units = dict(zip(tables["indicator_kinds"]["indicator"], tables["indicator_kinds"]["unit"], strict=True))
    weighed = set(tables["indicator_kinds"].dropna(subset="need_weight")["indicator"])
    for row, area, site, kind, date, value, unit in zip(
        indicators.index,
        *(indicators[c] for c in ("area_id", "site_id", "indicator", "date", "value", "unit")),
        strict=True,
    ):
        if isinstance(area, str) == isinstance(site, str):
            faults.append(
                Fault(
                    file,
                    int(row),
                    "area_id+site_id",
                    texts.given(f"{area or ''} / {site or ''}"),
                    texts.text("either an area or a site"),
                )
            )
        if isinstance(date, str) and _period_start(date) > today:
            faults.append(
                Fault(file, int(row), "date", texts.given(date), texts.text("a day that is not in the future"))
            )
        if kind in units and isinstance(unit, str) and unit != units[kind]:
            faults.append(
                Fault(file, int(row), "unit", texts.given(unit), texts.text("the unit {unit}", unit=units[kind]))
            )
        if kind in weighed and value < 0:
            expected = texts.text("at least {value}", value=0)
            faults.append(Fault(file, int(row), "value", texts.given(f"{value:g}"), expected))
    kinds = {"housing_company_id": "housing_company", "provider_id": "provider"}
    partners = dict(zip(tables["partners"]["partner_id"], tables["partners"]["kind"], strict=True))
    for column, wanted in kinds.items():
        for row, partner in agreements[column].dropna().items():
            if partner in partners and partners[partner] != wanted:
                expected = texts.text("a partner of the kind {kind}", kind=wanted)
                faults.append(Fault(files["agreements"], int(str(row)), column, texts.given(partner), expected))
    return faults


def _completeness_faults(tables: Mapping[str, pd.DataFrame], files: Mapping[str, str], texts: Texts) -> list[Fault]:
    """Faults for what a candidate still lacks: a floor, a cap, a scale, a catchment, an indicator."""
    candidates = list(dict.fromkeys(tables["agreements"]["site_id"]))
    faults: list[Fault] = []
    if not candidates:
        faults.append(Fault(files["agreements"], None, None, texts.text("no rows"), texts.text("at least one site")))
    rules = tables["site_rules"].pivot(index="site_id", columns="rule", values="value").reindex(columns=list(RULES))
    latest = _latest(tables["indicators"], tables["indicator_kinds"])
    known_area = set(zip(latest["area_id"], latest["indicator"], strict=True))
    known_site = set(zip(latest["site_id"], latest["indicator"], strict=True))
    weighed = list(tables["indicator_kinds"].dropna(subset="need_weight")["indicator"])
    if not weighed:
        faults.append(
            Fault(files["indicator_kinds"], None, "need_weight", "", texts.text("at least one indicator with a weight"))
        )
    for site_id in candidates:
        have = rules.loc[site_id] if site_id in rules.index else None
        for rule in ("min_eur", "max_eur", "scale_eur"):
            if have is None or np.isnan(have[rule]):
                expected = texts.text("a row {rule} for the site {site}", rule=rule, site=site_id)
                faults.append(Fault(files["site_rules"], None, "rule", "", expected))
        if have is not None and have["min_eur"] > have["max_eur"]:
            expected = texts.text("at most max_eur ({value})", value=texts.eur(have["max_eur"]))
            rows = tables["site_rules"]
            row = rows.index[(rows["site_id"] == site_id) & (rows["rule"] == "min_eur")][0]
            faults.append(Fault(files["site_rules"], int(row), "value", texts.eur(have["min_eur"]), expected))
        if have is not None and have["scale_eur"] == 0:
            faults.append(Fault(files["site_rules"], None, "value", "0", texts.text("more than {value}", value=0)))
        areas = list(tables["catchments"].loc[tables["catchments"]["site_id"] == site_id, "area_id"])
        lacking = [kind for kind in weighed if (site_id, kind) not in known_site]
        if lacking and not areas:
            expected = texts.text("a catchment for the site {site}", site=site_id)
            faults.append(Fault(files["catchments"], None, "site_id", "", expected))
        for area in areas:
            for kind in lacking:
                if (area, kind) not in known_area:
                    expected = texts.text("a value of {indicator} for the area {area}", indicator=kind, area=area)
                    faults.append(Fault(files["indicators"], None, "indicator", "", expected))
    return faults


def _candidate_frame(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """One row for each site with an agreement: names of its partners and district, its status, its rules in EUR."""
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
    result["district"] = [district(area_id) for area_id in frame["area_id"]]
    for column in ("housing_company", "provider"):
        ids = current[f"{column}_id"].reindex(frame.index)
        result[column] = [names.get(partner) for partner in ids]
    rules = tables["site_rules"].pivot(index="site_id", columns="rule", values="value")
    for rule in _RULE_ORDER:
        result[rule] = rules[rule].reindex(frame.index) if rule in rules else np.nan
    return result
