"""One form as it came back: what it says, and every fault in it by sheet and cell."""

from __future__ import annotations

import datetime
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from quartier import sheets
from quartier.blank import (
    FIGURES,
    FORM,
    HELP,
    KINDS,
    MARKER,
    MEASURES,
    MOST_TEXT,
    NEW_MEASURES,
    REVIEW,
    VERSION,
    WHOLE,
    NewMeasure,
    Question,
    due_days,
    known_reports,
    sheet_columns,
    sheet_titles,
    signed_sites,
    state_words,
)
from quartier.data import LONE_GROUP, Fault, Sites, Unreadable, ambiguous, parse_date, parse_number, system_reason
from quartier.language import LANGUAGES, Texts

_WRONG = object()
"""In the place of an answer that was already told as a fault."""

_UNSEEN = "\u00ad\u200b\u200c\u200d\u2060\ufeff"
"""Signs without a mark that come along from web pages and word processors."""

_ODD = ("Cc", "Cf", "Co", "Cs", "Cn")
"""Categories of characters that no one types: control characters, turns of the writing direction, no characters at all."""

_HOURS = re.compile(r"\s*(h|std\.?|stunden?|hours?)$", re.IGNORECASE)
_MONEY = re.compile(r"^(€|EUR)|(€|EUR|Euro)$")
_NEEDED = {FIGURES: {"answer"}, REVIEW: {"answer"}, MEASURES: {"text", "owner", "due_date", "state"}}
"""Columns without which a sheet cannot be read."""


class FormFault(Fault):
    """A fault in a form; its column is sheet and cell, as in ``Bericht!F9``, or the sheet alone, as in ``Bericht!``."""

    __slots__ = ()

    def sentence(self, texts: Texts) -> str:
        """Give the fault as one line of text."""
        where = self.file
        if self.column is not None:
            sheet, _, cell = self.column.rpartition("!")
            place = texts.text("sheet {sheet}", sheet=texts.given(sheet or cell))
            if sheet and cell:
                place = texts.text("sheet {sheet}, cell {cell}", sheet=texts.given(sheet), cell=cell)
            where = f"{self.file}, {place}"
        if not self.given:
            return texts.text("{where}: expected {expected}", where=where, expected=self.expected)
        return texts.text(
            "{where}: given {given}, expected {expected}", where=where, given=self.given, expected=self.expected
        )


class Report(NamedTuple):
    """What one form says; each answer with its place, as in ``Bericht!F9``."""

    file: str
    site_id: str
    year: int
    is_demonstration: bool
    figures: dict[str, tuple[float, str]]
    remarks: dict[str, tuple[str, str]]
    texts: dict[str, tuple[str, str]]
    states: dict[str, tuple[str, str]]
    new: dict[int, tuple[NewMeasure, str]]

    def answers(self) -> dict[str, tuple[Any, str]]:
        """All answers by what they answer."""
        names = ("figures", "remarks", "texts", "states", "new")
        return {f"{name}/{key}": one for name in names for key, one in getattr(self, name).items()}


def shown_answer(value: Any, texts: Texts) -> str:
    """Write an answer as it is shown in a fault; a number as it would be typed: without groups, which may be read in two ways."""
    if isinstance(value, NewMeasure):
        day = texts.date(value.due_date) if value.due_date else "-"
        return f"{value.text}, {value.owner}, {day}, {state_words(texts).get(value.state, value.state)}"
    if isinstance(value, float):
        return _plain_number(value).replace(".", "," if texts.language == "de" else ".")
    return str(value)


def _plain_number(value: float) -> str:
    return f"{value:.15g}"


class _Grid(NamedTuple):
    """A sheet of a form as it was found: where its headings, columns and rows are now."""

    sheet: sheets.Sheet
    head: int
    keys: int
    columns: dict[str, int]
    rows: dict[str, int]
    missing: tuple[str, ...]
    """Keys of the rows that are gone."""

    def value(self, key: str, column: str) -> Any:
        """Give a cell's value; None where it is empty."""
        return self.sheet.cells.get((self.rows[key], self.columns[column]))

    def place(self, key: str, column: str) -> tuple[int, int]:
        """Give a cell's row and column."""
        return self.rows[key], self.columns[column]


class Reader:
    """Reads one form and gathers its faults."""

    def __init__(self, path: Path, sites: Sites, questions: Mapping[str, Question], texts: Texts) -> None:
        self.path, self.sites, self.questions, self.texts = path, sites, questions, texts
        self.faults: list[Fault] = []
        self.ignored: list[str] = []
        self.required = 0
        self.missing: list[tuple[str, str]] = []

    def fault(self, where: str | None, given: Any, expected: str) -> None:
        """Keep a fault; what is given is quoted."""
        self.said(self.texts.given(given) if given not in ("", None) else "", expected, where)

    def said(self, given: str, expected: str, where: str | None = None) -> None:
        """Keep a fault whose `given` is said in words; of a cell only the first, as others follow from it."""
        is_cell = where is not None and not where.endswith("!")
        if not is_cell or where not in {fault.column for fault in self.faults}:
            self.faults.append(FormFault(self.path.name, None, where, given, expected))

    def read(self) -> Report | None:
        """Read the form; None where it cannot be told what it is. What is a fault is missing in it."""
        texts = self.texts
        try:
            if self.path.stat().st_size > sheets.MOST_BYTES:
                given = texts.text("far more than a form holds")
                self.said(given, texts.text("the form alone: without pictures, other sheets or other rows"))
                return None
            found = sheets.read(self.path.read_bytes(), texts)
        except OSError as error:
            self.said(system_reason(error, texts), texts.text("a readable file"))
            return None
        except sheets.Unusable as reason:
            self.said(reason.given, reason.expected)
            return None
        by_kind = self._by_kind(found)
        hidden = by_kind.get(FORM)
        if hidden is None:
            self._say_no_form(found, by_kind)
            return None
        about, locked = self._hidden(hidden)
        if about is None:
            return None
        site_id, year, form_texts = about["site_id"], about["year"], Texts(about["language"])
        grids = {}
        for kind in (FIGURES, REVIEW, MEASURES):
            first = sheet_columns(kind, year, form_texts)[0].key
            called = {
                key: str(value) for (name, key, column), value in locked.items() if (name, column) == (kind, first)
            }
            if kind == MEASURES:
                title, numbers = form_texts.text("Newly agreed"), range(1, NEW_MEASURES + 1)
                called |= {f"{MARKER}new-{number}": f"{title}, {number}" for number in numbers}
            grid = self._grid(kind, by_kind, year, form_texts, called)
            if grid is not None:
                grids[kind] = grid
        is_made_up = about["demonstration"] == "yes" or any(self._is_marked(sheet) for sheet in by_kind.values())
        self._check_heads(by_kind, site_id, year)
        self._check_site(site_id)
        for kind, grid in grids.items():
            self._check_locked(kind, grid, locked)
            self._check_elsewhere(kind, grid, year, form_texts)
        # What is left of a form in parts is read as well, so that its faults need not be told one after the other.
        figures, remarks = self._figures(grids[FIGURES]) if FIGURES in grids else ({}, {})
        said = self._said(grids[REVIEW]) if REVIEW in grids else {}
        states, new = self._agreed(grids[MEASURES], year, demonstration=is_made_up) if MEASURES in grids else ({}, {})
        is_whole = len(grids) == 3 and not any(grid.missing for grid in grids.values())
        if is_whole and len(self.missing) == self.required > 1:
            self._say_nothing_required(is_empty=not (figures or remarks or said or states or new))
        return Report(self.path.name, site_id, year, is_made_up, figures, remarks, said, states, new)

    # --- what the form is ---

    def _by_kind(self, found: Iterable[sheets.Sheet]) -> dict[str, sheets.Sheet]:
        """Sort the sheets by what they say they are; one that is there twice is a fault, a strange one is told of."""
        texts, by_kind = self.texts, dict[str, sheets.Sheet]()
        titles = {sheet_titles(Texts(language))[HELP] for language in LANGUAGES}
        for sheet in found:
            kind = next(
                (
                    value.removeprefix(MARKER)
                    for value in sheet.cells.values()
                    if isinstance(value, str)
                    and value in {f"{MARKER}{one}" for one in (FORM, FIGURES, REVIEW, MEASURES)}
                ),
                None,
            )
            if kind is None:
                if sheet.cells and sheet.name not in titles:
                    self.ignored.append(
                        texts.text(
                            "Not read: the sheet {sheet} in {name}, which is no part of the form.",
                            sheet=texts.given(sheet.name),
                            name=texts.given(self.path.name),
                        )
                    )
            elif kind in by_kind:
                expected = texts.text("the sheet {sheet} only once", sheet=texts.given(by_kind[kind].name))
                self.said(texts.text("the sheet a second time"), expected, f"{sheet.name}!")
            else:
                by_kind[kind] = sheet
        return by_kind

    def _say_no_form(self, found: Iterable[sheets.Sheet], by_kind: Mapping[str, sheets.Sheet]) -> None:
        texts = self.texts
        if by_kind:
            title = sheet_titles(texts)[FORM]
            expected = texts.text(
                "the hidden sheet {sheet}: put the answers into the form as it was sent", sheet=texts.given(title)
            )
            self.said(texts.text("no such sheet"), expected, f"{title}!")
        else:
            names = ", ".join(sheet.name for sheet in found)
            given = texts.text("a spreadsheet with the sheets {sheets}", sheets=texts.given(names))
            self.said(given, texts.text("a form of the quality dialogue"))

    def _hidden(self, sheet: sheets.Sheet) -> tuple[dict[str, Any] | None, dict[tuple[str, str, str], Any]]:
        """Read what the form says of itself, and what is in its locked cells."""
        texts = self.texts
        row, column = next(place for place, value in sheet.cells.items() if value == f"{MARKER}{FORM}")
        rows = sorted({place[0] for place in sheet.cells if place[0] > row})
        found = {
            tuple(str(sheet.cells.get((at, column + right), "")) for right in range(3)): sheet.cells.get(
                (at, column + 3)
            )
            for at in rows
        }
        about: dict[str, Any] = {key: value for (kind, key, _), value in found.items() if kind == FORM}
        version, year, where = _whole(about.get("version")), _whole(about.get("year")), f"{sheet.name}!"
        as_sent = texts.text("the form as it was sent: put the answers into a new one")
        if version is None or year is None or about.get("language") not in LANGUAGES or "site_id" not in about:
            self.said(texts.text("a changed sheet"), as_sent, where)
            return None, {}
        if version != VERSION:
            given = texts.text("version {version} of the form", version=version)
            expected = texts.text("version {version}: put the answers into a form of this version", version=VERSION)
            if version > VERSION:
                expected = texts.text(
                    "version {version}; a newer form needs a newer quartier: install it", version=VERSION
                )
            self.said(given, expected, where)
            return None, {}
        about |= {"year": year, "site_id": str(about["site_id"])}
        columns = {kind: {one.key for one in sheet_columns(kind, year, texts)} for kind in (FIGURES, REVIEW, MEASURES)}
        locked = {(kind, key, name): value for (kind, key, name), value in found.items() if kind != FORM}
        if not all(key and name in columns.get(kind, ()) for kind, key, name in locked):
            self.said(texts.text("a changed sheet"), as_sent, where)
            return None, {}
        return about, locked

    def _check_site(self, site_id: str) -> None:
        texts, signed = self.texts, signed_sites(self.sites)
        if site_id not in self.sites.site_ids:
            expected = texts.text("a site of the city: {sites}", sites=", ".join(signed))
            self.fault(None, site_id, expected)
        elif site_id not in signed:
            self.fault(None, site_id, texts.text("a site with an agreement: {sites}", sites=", ".join(signed)))

    def _head(self, sheet: sheets.Sheet) -> dict[sheets.Place, Any]:
        """Give the cells above the headings of a sheet."""
        head = next(row for (row, _), value in sheet.cells.items() if str(value).startswith(MARKER))
        return {place: value for place, value in sorted(sheet.cells.items()) if place[0] < head}

    def _is_marked(self, sheet: sheets.Sheet) -> bool:
        """Whether a sheet says in its head that it is made up."""
        marks = {"demonstration", *(Texts(one).text("Demonstration: made-up figures") for one in LANGUAGES)}
        return not marks.isdisjoint(str(value) for value in self._head(sheet).values())

    def _check_heads(self, by_kind: Mapping[str, sheets.Sheet], site_id: str, year: int) -> None:
        """Faults where the head of a sheet names another site, year or version than the form is for."""
        for sheet in by_kind.values():
            head = self._head(sheet)
            keys = {str(value): place for place, value in head.items()}
            for key, meant in (("site_id", site_id), ("year", str(year)), ("version", str(VERSION))):
                if key not in keys:
                    continue
                row, column = keys[key]
                beside = [place for place in head if place[0] == row and place[1] > column + 1]
                place = beside[0] if beside else (row, column + 2)
                given = head.get(place, "")
                shown = str(given if _whole(given) is None else _whole(given)).strip()
                if shown != meant:
                    expected = self.texts.text(
                        "{value}, for which the form was written; another site or year has a form of its own",
                        value=self.texts.given(meant),
                    )
                    self.fault(f"{sheet.name}!{sheets.cell_name(place)}", shown, expected)

    # --- where things are ---

    def _grid(
        self, kind: str, by_kind: Mapping[str, sheets.Sheet], year: int, form_texts: Texts, called: Mapping[str, str]
    ) -> _Grid | None:
        """Find headings and rows of a sheet, wherever they are now; what its rows are called, by their keys."""
        texts = self.texts
        if kind not in by_kind:
            title = sheet_titles(form_texts)[kind]
            expected = texts.text(
                "the sheet {sheet}: put the answers into the form as it was sent", sheet=texts.given(title)
            )
            self.said(texts.text("no such sheet"), expected, f"{title}!")
            return None
        sheet = by_kind[kind]
        head, keys = next(place for place, value in sheet.cells.items() if value == f"{MARKER}{kind}")
        headings = {
            _plain(value): column for (row, column), value in sheet.cells.items() if row == head and column != keys
        }
        columns = {}
        for asked in sheet_columns(kind, year, form_texts):
            if _plain(asked.heading) in headings:
                columns[asked.key] = headings[_plain(asked.heading)]
            else:
                given = texts.text("no such column")
                expected = texts.text(
                    "a column {column}, as in the form that was sent", column=texts.given(asked.heading)
                )
                self.said(given, expected, f"{sheet.name}!{sheets.cell_name((head, keys))}")
        rows: dict[str, int] = {}
        for (row, column), value in sorted(sheet.cells.items()):
            if column == keys and row > head:
                key = str(value)
                if key not in called:
                    expected = texts.text("a row of the form that was sent")
                    self.fault(f"{sheet.name}!{sheets.cell_name((row, column))}", key, expected)
                    continue
                if key in rows:
                    expected = texts.text("each row only once; the first is in row {row}", row=rows[key] + 1)
                    self.fault(f"{sheet.name}!{sheets.cell_name((row, column))}", key, expected)
                rows.setdefault(key, row)
        expected = texts.text("all rows of the form that was sent")
        missing = tuple(sorted(called.keys() - rows.keys()))
        for key in missing:
            self.said(texts.text("no row {key}", key=texts.given(called[key])), expected, f"{sheet.name}!")
        if not columns.keys() >= _NEEDED[kind]:
            return None
        if missing:  # whoever took cells away may have moved others: what does not stand by its name is not certain
            first = columns.get(sheet_columns(kind, year, form_texts)[0].key, -1)
            rows = {
                key: row
                for key, row in rows.items()
                if key.startswith(f"{MARKER}new-") or _is_same(sheet.cells.get((row, first)), called[key])
            }
        return _Grid(sheet, head, keys, columns, rows, missing)

    def _check_locked(self, kind: str, grid: _Grid, locked: Mapping[tuple[str, str, str], Any]) -> None:
        """Faults where a cell beside the answers holds something else than when it was sent."""
        for (name, key, column), meant in locked.items():
            if name != kind or key not in grid.rows or column not in grid.columns:
                continue
            place = grid.place(key, column)
            given = grid.sheet.cells.get(place, grid.sheet.errors.get(place))
            if not _is_same(given, meant):
                expected = self.texts.text("nothing, as in the form that was sent")
                if meant is not None:
                    expected = self.texts.text(
                        "{value}, as in the form that was sent; what is to be said of it belongs in an answer",
                        value=self.texts.given(shown_answer(meant, self.texts)),
                    )
                self.fault(
                    self._where(grid, place), shown_answer(given, self.texts) if given is not None else "", expected
                )

    def _check_elsewhere(self, kind: str, grid: _Grid, year: int, form_texts: Texts) -> None:
        """Faults where something stands below the headings, but not where the form has a cell for it: it would be lost.

        Where rows or columns are gone, what is left of them may stand there: that they are gone was told.
        """
        asked = sheet_columns(kind, year, form_texts)
        if len(grid.columns) < len(asked):
            return
        columns = set(grid.columns.values())
        rows = {row: key for key, row in grid.rows.items()}
        first = grid.columns[asked[0].key]
        for place, value in sorted(grid.sheet.cells.items()):
            row, column = place
            if row <= grid.head or column == grid.keys or not str(value).strip() or (grid.missing and row not in rows):
                continue
            is_section = rows.get(row, "").startswith(f"{MARKER}section-")
            if row not in rows or column not in columns or (is_section and column != first):
                expected = self.texts.text("answers only in the yellow cells, remarks in the column for them")
                self.fault(self._where(grid, place), shown_answer(value, self.texts), expected)

    def _where(self, grid: _Grid, place: tuple[int, int]) -> str:
        return f"{grid.sheet.name}!{sheets.cell_name(place)}"

    # --- answers ---

    def _answer(self, grid: _Grid, key: str, column: str) -> Any:
        """Give what an answer's cell holds; None where it is empty, or cannot be an answer, which is a fault."""
        texts, place = self.texts, grid.place(key, column)
        where, value = self._where(grid, place), grid.value(key, column)
        if grid.sheet.is_merged(place):
            self.said(texts.text("cells that are merged"), texts.text("a cell of its own: undo the merging"), where)
        elif place in grid.sheet.errors:
            self.fault(where, grid.sheet.errors[place], texts.text("an answer, not a spreadsheet's error value"))
        elif place in grid.sheet.formulas:
            given = texts.text("a formula")
            expected = texts.text("its result, written as a value")
            if value is not None:
                given = texts.text("a formula with the result {value}", value=texts.given(shown_answer(value, texts)))
            self.said(given, expected, where)
        elif isinstance(value, str):
            return self._words(value, where)
        else:
            return value
        return _WRONG

    def _lacking(self, where: str, name: str, expected: str) -> None:
        """Keep the fault that a required answer is missing."""
        self.missing.append((where, name))
        self.said(self.texts.text("no answer"), expected, where)

    def _say_nothing_required(self, *, is_empty: bool) -> None:
        """Tell once that no required answer is there, in the place of a fault for each of them."""
        texts, places = self.texts, {where for where, _ in self.missing}
        self.faults = [fault for fault in self.faults if fault.column not in places]
        given = texts.text("none of the required answers")
        if is_empty and not self.faults:
            given = texts.text("an empty form")
        questions = texts.listing(f"{where} ({texts.given(name)})" for where, name in self.missing)
        self.said(given, texts.text("the form filled in: {questions}", questions=questions))

    def _words(self, value: str, where: str) -> Any:
        """Clean a text: line ends, and signs that no one sees; others that no one can see are a fault."""
        value = value.replace("\r\n", "\n").replace("\r", "\n")
        value = "".join(sign for sign in value if sign not in _UNSEEN).strip(" \t\n\u00a0")
        odd = next((sign for sign in value if sign not in "\n\t" and unicodedata.category(sign) in _ODD), None)
        if odd is not None:
            expected = self.texts.text("a text without control characters: type it anew")
            self.fault(where, value, expected)
            return _WRONG
        return value or None

    def _figures(self, grid: _Grid) -> tuple[dict[str, tuple[float, str]], dict[str, tuple[str, str]]]:
        """Read figures and remarks."""
        texts, figures, remarks = self.texts, dict[str, tuple[float, str]](), dict[str, tuple[str, str]]()
        for key in grid.rows:
            if key.startswith(MARKER):
                continue
            where, value = self._where(grid, grid.place(key, "answer")), self._answer(grid, key, "answer")
            if key not in self.questions:
                self.fault(where, key, texts.text("a figure that the city asks for; put the answers into a new form"))
                continue
            question = self.questions[key]
            self.required += question.is_required
            if "unit" in grid.columns and not _is_same(grid.value(key, "unit"), question.unit):
                expected = texts.text(
                    "the unit {unit}, as the city asks now; put the answers into a new form", unit=question.unit
                )
                self.fault(self._where(grid, grid.place(key, "unit")), grid.value(key, "unit"), expected)
            if value is None and question.is_required:
                self._lacking(where, question.name, self._wanted(question))
            elif value is not None and value is not _WRONG:
                number = self._number(value, question, where, grid.sheet.shown_as.get(grid.place(key, "answer"), ""))
                if number is not None:
                    figures[key] = number, where
            remark = self._text(grid, key, "remark") if "remark" in grid.columns else None
            if remark is not None:
                remarks[key] = remark, self._where(grid, grid.place(key, "remark"))
        for key in (key for key in self.questions if key not in grid.rows and not grid.missing):
            expected = texts.text("a row for {name}; put the answers into a new form", name=self.questions[key].name)
            self.said(texts.text("no such row"), expected, f"{grid.sheet.name}!")
        for key, (part, where) in figures.items():
            whole = self.questions[key].whole
            if whole in figures and part > figures[whole][0]:
                expected = texts.text(
                    "at most {value}, as in {cell}: a part of these",
                    value=shown_answer(figures[whole][0], texts),
                    cell=figures[whole][1],
                )
                self.fault(where, shown_answer(part, texts), expected)
        return figures, remarks

    def _wanted(self, question: Question) -> str:
        """Say what number is expected, and to which question."""
        texts = self.texts
        limits = texts.text(
            "between {least} and {most}", least=texts.number(question.least), most=texts.number(question.most)
        )
        if question.kind in WHOLE:
            wanted = texts.text("a whole number {limits} ({unit})", limits=limits, unit=question.unit)
        else:
            wanted = texts.text(
                "a number {limits} with at most two decimals ({unit})", limits=limits, unit=question.unit
            )
        return texts.text("{wanted} for {question}", wanted=wanted, question=texts.given(question.name))

    def _number(self, value: Any, question: Question, where: str, shown_as: str) -> float | None:
        """Read a figure; None where it is none, which is a fault."""
        texts, wanted = self.texts, self._wanted(question)
        if isinstance(value, bool):
            self.fault(where, "WAHR" if value else "FALSCH", wanted)
        elif isinstance(value, (datetime.date, datetime.time, datetime.timedelta)):
            given = texts.text("the day or time {value}", value=texts.given(str(value)))
            self.said(given, texts.text("{wanted}; set the cell's format to a number", wanted=wanted), where)
        elif shown_as == "percent":
            given = texts.given(f"{texts.number(100 * value, 2)} %") if isinstance(value, float) else texts.given(value)
            self.said(given, texts.text("{wanted}, not a percentage", wanted=wanted), where)
        elif shown_as == "currency" and question.unit != "EUR":
            self.said(
                texts.text("an amount of money: {value}", value=texts.given(shown_answer(value, texts))),
                texts.text("{wanted}; set the cell's format to a number", wanted=wanted),
                where,
            )
        elif isinstance(value, str):
            bare = value.removesuffix(question.unit).strip()
            if question.kind == "hours":
                bare = _HOURS.sub("", bare)
            try:
                number = parse_number(bare, texts)
            except Unreadable as reason:
                self.fault(where, value, f"{wanted}: {reason}")
                return None
            if _MONEY.search(bare) and question.unit != "EUR":
                self.fault(where, value, wanted)
                return None
            return self._within(number, value, question, where)
        elif isinstance(value, (int, float)):
            number, given = float(value), shown_answer(float(value), texts)
            if LONE_GROUP.fullmatch(
                _plain_number(number)
            ):  # an English spreadsheet made 1.234 of what was meant as a thousand and more
                whole, part = _plain_number(number).split(".")
                self.fault(where, given, f"{wanted}: {ambiguous(whole, part, texts)}")
                return None
            return self._within(number, given, question, where)
        else:
            self.fault(where, str(value), wanted)
        return None

    def _within(self, number: float, given: str, question: Question, where: str) -> float | None:
        """Check a number; None where it is not within its limits, which is a fault."""
        digits = 0 if question.kind in WHOLE else 2
        is_exact = math.isfinite(number) and math.isclose(number, round(number, digits), rel_tol=1e-9)
        if is_exact and question.least <= number <= question.most:
            return float(round(number, digits))
        self.fault(where, given, self._wanted(question))
        return None

    def _text(self, grid: _Grid, key: str, column: str) -> str | None:
        """Read an answer in words; None where there is none, or it is a fault."""
        value, where = self._answer(grid, key, column), self._where(grid, grid.place(key, column))
        if value is None or value is _WRONG:
            return None
        if isinstance(value, bool):
            value = "WAHR" if value else "FALSCH"
        elif isinstance(value, float):
            value = _plain_number(value)
        elif isinstance(value, datetime.date):
            value = self.texts.date(value)
        value = str(value)
        if len(value) > MOST_TEXT:
            texts = self.texts
            given = texts.text("{n} characters", n=texts.number(len(value)))
            self.said(given, texts.text("at most {n} characters", n=texts.number(MOST_TEXT)), where)
            return None
        return value

    def _said(self, grid: _Grid) -> dict[str, tuple[str, str]]:
        """Read what went well and what did not."""
        found = {}
        for kind in KINDS:
            if kind in grid.rows:
                text = self._text(grid, kind, "answer")
                if text is not None:
                    found[kind] = text, self._where(grid, grid.place(kind, "answer"))
        return found

    def _agreed(
        self, grid: _Grid, year: int, *, demonstration: bool
    ) -> tuple[dict[str, tuple[str, str]], dict[int, tuple[NewMeasure, str]]]:
        """Read what became of earlier measures, and the new ones."""
        texts, states, new = self.texts, dict[str, tuple[str, str]](), dict[int, tuple[NewMeasure, str]]()
        table = known_reports(self.sites, "measures", demonstration=demonstration)
        known = set() if table is None else set(table["measure_id"])
        for key in grid.rows:
            where = self._where(grid, grid.place(key, "state"))
            if key.startswith(f"{MARKER}new-"):
                measure = self._new_measure(grid, key, year)
                if measure is not None:
                    new[int(key.rpartition("-")[2])] = measure, self._where(grid, grid.place(key, "text"))
            elif not key.startswith(MARKER):
                state, count = self._state(grid, key), len(self.faults)
                self.required += 1
                if key not in known:
                    expected = texts.text("a measure of the city's data; put the answers into a new form")
                    self.fault(where, key, expected)
                elif state is not None:
                    states[key] = state, where
                elif self._answer(grid, key, "state") is None and len(self.faults) == count:
                    agreed = str(grid.value(key, "text"))
                    expected = texts.text(
                        "what became of {measure}: {choice}",
                        measure=texts.given(agreed),
                        choice=texts.either(state_words(texts).values()),
                    )
                    self._lacking(where, agreed, expected)
        return states, new

    def _state(self, grid: _Grid, key: str) -> str | None:
        """Read the state of a measure, in any language of the forms; None where there is none, or it is a fault."""
        value = self._answer(grid, key, "state")
        if value is None or value is _WRONG:
            return None
        words = {
            word.casefold(): state for language in LANGUAGES for state, word in state_words(Texts(language)).items()
        }
        state = words.get(str(value).casefold())
        if state is None:
            expected = self.texts.either(state_words(self.texts).values())
            self.fault(self._where(grid, grid.place(key, "state")), shown_answer(value, self.texts), expected)
        return state

    def _new_measure(self, grid: _Grid, key: str, year: int) -> NewMeasure | None:
        """Read a new measure; None where its row is empty, or something in it is a fault."""
        texts, before = self.texts, len(self.faults)
        if all(self._answer(grid, key, column) is None for column in _NEEDED[MEASURES]):
            return None
        text, owner = self._text(grid, key, "text"), self._text(grid, key, "owner")
        state, due = self._state(grid, key), self._day(grid, key, year)
        for column, expected in (
            ("text", texts.text("what is agreed, or an empty row")),
            ("owner", texts.text("who does it")),
        ):
            if self._answer(grid, key, column) is None:
                self.said(texts.text("no answer"), expected, self._where(grid, grid.place(key, column)))
        if text is None or owner is None or len(self.faults) > before:
            return None
        return NewMeasure(text, owner, due, state or "open")

    def _day(self, grid: _Grid, key: str, year: int) -> datetime.date | None:
        """Read a day; None where there is none, or it is a fault."""
        texts, value = self.texts, self._answer(grid, key, "due_date")
        where = self._where(grid, grid.place(key, "due_date"))
        if value is None or value is _WRONG:
            return None
        if isinstance(value, datetime.datetime):
            value = value.date()
        elif isinstance(value, str):
            try:
                value = parse_date(value, texts)
            except Unreadable as reason:
                self.fault(where, value, str(reason))
                return None
        if not isinstance(value, datetime.date):
            self.fault(
                where, shown_answer(value, texts), texts.text("a day as in 26.01.2021; set the cell's format to a date")
            )
            return None
        earliest, latest = due_days(year)
        if not earliest <= value <= latest:
            expected = texts.text(
                "a day between {least} and {most}", least=texts.date(earliest), most=texts.date(latest)
            )
            self.fault(where, texts.date(value), expected)
            return None
        return value


def _whole(value: Any) -> int | None:
    """Read a whole number that the program itself has written; a spreadsheet may have made a text of it."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return int(number) if math.isfinite(number) and number == int(number) else None


def _plain(value: Any) -> str:
    return " ".join(str(value).split())


def _is_same(given: Any, meant: Any) -> bool:
    """Whether a locked cell holds what it held when it was sent, however a program keeps it."""
    if isinstance(given, (datetime.date, datetime.datetime)):
        return given.isoformat()[:10] == str(meant)[:10]
    if isinstance(given, (int, float)) and isinstance(meant, (int, float)):
        return math.isclose(given, meant, rel_tol=1e-9, abs_tol=1e-9)
    return _plain("" if given is None else given) == _plain("" if meant is None else meant)
