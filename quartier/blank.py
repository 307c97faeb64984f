"""The form itself: what it asks a site, and how it looks.

A form says of itself what it is. A hidden sheet holds its version, site and year, and what stands in each locked cell; a hidden column
holds the key of each row, and the heading of that column the key of the sheet. So rows may be sorted, columns moved and sheets renamed,
and what was filled in is still read as it was meant; what was changed beside the answers is found.
"""

from __future__ import annotations

import datetime
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from quartier import sheets
from quartier.data import DEMONSTRATION, Sites
from quartier.language import LANGUAGES, PlainError, Texts

if TYPE_CHECKING:
    import pandas as pd
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

VERSION = 1
"""Of the form's layout; a form of another version is not read."""

MOST_TEXT = 2_000
"""Most characters of an answer in words."""

NEW_MEASURES = 6
"""How many new measures a form has room for."""

STATES = ("open", "done", "dropped")
"""What a measure may be."""

KINDS = ("went_well", "went_badly", "other")
"""What is asked in words."""

WHOLE = ("people", "count")
"""Kinds of indicators that are counted in whole numbers."""

FORM, FIGURES, REVIEW, MEASURES, HELP = "form", "figures", "review", "measures", "help"
"""Kinds of sheets."""

MARKER = "quartier:"
"""How the key of a sheet begins, and that of a row that has none in the data; no key in the data has a colon."""

_YEARS_AHEAD = 10  # within which an agreed measure is due
_MOST = 1_000_000_000  # of a figure without a greatest plausible value
_CREATED = datetime.datetime(1980, 1, 1)  # a constant, so that the same form has the same bytes on any day
_PAPER_A4 = 9
_LINE = 15.0  # points


@dataclass(frozen=True)
class NewMeasure:
    """A measure that a form agrees."""

    text: str
    owner: str
    due_date: datetime.date | None = None
    state: str = "open"


@dataclass(frozen=True)
class Answers:
    """What is filled in: figures and remarks by indicator, texts by kind, states by measure, new measures in order."""

    figures: Mapping[str, float] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    states: Mapping[str, str] = field(default_factory=dict)
    new: tuple[NewMeasure, ...] = ()


# --- what is asked --------------------------------------------------------------------------------------------------


class Question(NamedTuple):
    """One figure that a form asks for."""

    indicator: str
    goal_id: str
    name: str
    help: str
    unit: str
    kind: str
    is_required: bool
    least: float
    most: float
    whole: str | None
    """The indicator that this one is a part of: "davon ..." counts a part of the people before it."""


def figures_asked(sites: Sites, texts: Texts) -> dict[str, Question]:
    """Give the figures that a site is asked for, in the order of goals and indicators."""
    if "dialogue_indicators" not in sites.tables:
        raise PlainError(texts.text("These data describe no indicators of the quality dialogue."))
    table = sites.table("dialogue_indicators")
    goals = list(sites.table("goals")["goal_id"]) if "goals" in sites.tables else []
    table = table[table["reported_by"] != "city"].sort_values(
        "goal_id", key=lambda ids: ids.map(lambda one: goals.index(one) if one in goals else len(goals)), kind="stable"
    )
    found: dict[str, Question] = {}
    whole: str | None = None
    for row in table.to_dict("records"):
        is_part = row["name_de"].startswith("davon ")
        if not is_part:
            whole = row["indicator"] if row["kind"] == "people" else None
        found[row["indicator"]] = Question(
            row["indicator"],
            row["goal_id"],
            row[f"name_{texts.language}"],
            row["help_de"],
            row["unit"],
            row["kind"],
            row["required"] == "yes",
            max(0.0, row["least"]) if row["least"] == row["least"] else 0.0,
            row["most"] if row["most"] == row["most"] else float(_MOST),
            whole if is_part and row["kind"] == "people" else None,
        )
    return found


def signed_sites(sites: Sites) -> dict[str, str]:
    """Names of the sites with an agreement, by id."""
    frame = sites.frame
    return dict(frame.loc[frame["status"] == "signed", "name"])


def known_reports(sites: Sites, table: str, *, demonstration: bool) -> pd.DataFrame | None:
    """Give a table of reports: the real one, or the made-up one for a form that is made up too."""
    found = sites.tables
    if demonstration:
        return found.get(f"{DEMONSTRATION}{table}")
    return found.get(table)


def of_year(table: pd.DataFrame | None, site_id: str, year: int, key: str, value: str) -> dict[str, Any]:
    """Values of a site and a year by a key."""
    if table is None:
        return {}
    rows = table[(table["site_id"] == site_id) & (table["year"] == year)]
    return dict(zip(rows[key], rows[value], strict=True))


def earlier_measures(sites: Sites, site_id: str, year: int, *, demonstration: bool) -> list[dict[str, Any]]:
    """Measures of former years that a form asks about: those that are still open.

    In a demonstration also what last year's became, so that the form can be filled in with it.
    """
    table = known_reports(sites, "measures", demonstration=demonstration)
    if table is None:
        return []
    is_asked = table["state"] == "open"
    if demonstration:
        is_asked |= table["year"] == year - 1
    rows = table[(table["site_id"] == site_id) & (table["year"] < year) & is_asked]
    return list(rows.to_dict("records"))


# --- how it looks ---------------------------------------------------------------------------------------------------


class _Column(NamedTuple):
    """A column of a form's sheet."""

    key: str
    heading: str
    width: int
    is_answer: bool = False


def sheet_columns(sheet: str, year: int, texts: Texts) -> list[_Column]:
    """Columns of a sheet, after the hidden one of the keys."""
    if sheet == FIGURES:
        return [
            _Column("name", texts.text("Figure asked for"), 28),
            _Column("help", texts.text("What counts"), 44),
            _Column("unit", texts.text("Unit of the figure"), 11),
            _Column("previous", texts.text("Year {year}", year=year - 1), 12),
            _Column("answer", texts.text("Answer for {year}", year=year), 14, True),
            _Column("hint", texts.text("Hint"), 13),
            _Column("remark", texts.text("Remark"), 30, True),
        ]
    if sheet == REVIEW:
        return [
            _Column("name", texts.text("Question"), 28),
            _Column("answer", texts.text("Answer for {year}", year=year), 62, True),
            _Column("previous", texts.text("Year {year}", year=year - 1), 50),
        ]
    return [
        _Column("text", texts.text("Measure"), 62, True),
        _Column("owner", texts.text("Who does it"), 32, True),
        _Column("due_date", texts.text("Until when"), 16, True),
        _Column("state", texts.text("State of the measure"), 16, True),
    ]


def sheet_titles(texts: Texts) -> dict[str, str]:
    """Titles of the sheets, by kind."""
    return {
        FIGURES: texts.text("Report"),
        REVIEW: texts.text("Looking back"),
        MEASURES: texts.text("Measures"),
        HELP: texts.text("Help"),
        FORM: texts.text("Form"),
    }


def state_words(texts: Texts) -> dict[str, str]:
    """Words for the states of a measure."""
    return {
        "open": texts.name("state", "open"),
        "done": texts.name("state", "done"),
        "dropped": texts.name("state", "dropped"),
    }


def _asked_in_words(texts: Texts) -> dict[str, str]:
    return {
        "went_well": texts.text("What went well?"),
        "went_badly": texts.text("What did not go well?"),
        "other": texts.text("What else should the city know?"),
    }


def form(
    sites: Sites,
    site_id: str,
    year: int,
    language: str = LANGUAGES[0],
    *,
    demonstration: bool = False,
    answers: Answers | None = None,
) -> bytes:
    """Write the form of a site, blank or filled in.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder.
    site_id : str
        Whose form.
    year : int
        Year that is reported on.
    language : str
        Language of the form; help texts are in the language of the data.
    demonstration : bool
        Mark the form as made up.
    answers : Answers, optional
        What to fill in.

    Returns
    -------
    bytes
        An XLSX file.
    """
    import xlsxwriter

    content = io.BytesIO()
    texts = Texts(language)
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        _Writer(workbook, sites, site_id, year, texts, demonstration, answers or Answers()).write()
    return content.getvalue()


class _Writer:
    """Writes one form; keeps what it puts into each locked cell, for the hidden sheet."""

    def __init__(
        self,
        workbook: Workbook,
        sites: Sites,
        site_id: str,
        year: int,
        texts: Texts,
        demonstration: bool,
        answers: Answers,
    ) -> None:
        self.workbook, self.sites, self.site_id, self.year = workbook, sites, site_id, year
        self.texts, self.demonstration, self.answers = texts, demonstration, answers
        self.titles = sheet_titles(texts)
        self.locked: list[tuple[str, str, str, Any]] = []
        self.title = texts.text(
            "Quality dialogue {year}: {site}", year=year, site=sites.frame["name"].get(site_id) or site_id
        )
        self.styles: dict[tuple[Any, ...], Any] = {}

    def style(self, **properties: Any) -> Any:
        """Give the format with these properties."""
        if "border" in properties and "align" not in properties:
            properties |= {"align": "left", "indent": 1}
        key = tuple(sorted(properties.items()))
        if key not in self.styles:
            self.styles[key] = self.workbook.add_format({"valign": "top", "font_size": 11, **properties})
        return self.styles[key]

    def write(self) -> None:
        """Write all sheets."""
        self.workbook.set_properties({"title": self.title, "author": "quartier", "created": _CREATED})
        self._write_figures()
        self._write_review()
        self._write_measures()
        self._write_help()
        self._write_hidden()

    def _begin(self, kind: str) -> tuple[Worksheet, int]:
        """Begin a sheet with its head; gives the row of the headings."""
        texts, sheet = self.texts, self.workbook.add_worksheet(self.titles[kind])
        sheet.set_column(0, 0, 3, None, {"hidden": True})
        sheet.write_string(0, 1, f"{self.titles[kind]}: {self.title}", self.style(bold=True, font_size=14))
        sheet.set_row(0, 1.6 * _LINE)
        head = [
            ("site_id", texts.text("Site's short name"), self.site_id),
            ("year", texts.text("Year of the report"), self.year),
            ("version", texts.text("Version of the form"), VERSION),
        ]
        left = self.style(align="left")
        for row, (key, name, value) in enumerate(head, start=1):
            sheet.write_string(row, 0, key)
            sheet.write_string(row, 1, name, self.style())
            self._value(sheet, row, 2, value, left)
        row = len(head) + 1
        if self.demonstration:
            sheet.write_string(row, 0, "demonstration")
            shown = texts.text("Demonstration: made-up figures")
            sheet.write_string(row, 1, shown, self.style(bold=True, font_color="#B00020"))
            sheet.set_header(f"&L{self.title.replace('&', '&&')}&R&B{shown}")
        else:
            sheet.set_header(f"&L{self.title.replace('&', '&&')}")
        sheet.set_footer(f"&L{texts.text('Version of the form')} {VERSION}, {self.site_id}, {self.year}&R&P / &N")
        sheet.set_landscape()
        sheet.set_paper(_PAPER_A4)
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(left=0.4, right=0.4, top=0.8, bottom=0.7)
        sheet.hide_gridlines(2)
        return sheet, row + 4

    def _head(self, sheet: Worksheet, kind: str, row: int, hint: str) -> list[_Column]:
        """Write the sentence above a table and its headings."""
        columns = sheet_columns(kind, self.year, self.texts)
        sheet.write_string(row - 2, 1, hint, self.style(italic=True))
        sheet.write_string(row, 0, f"{MARKER}{kind}")
        style = {"bold": True, "text_wrap": True, "bg_color": "#E8EEF4", "border": 1}
        for at, column in enumerate(columns, start=1):
            sheet.set_column(at, at, column.width)
            numeric = kind == FIGURES and column.key in ("previous", "answer")
            sheet.write_string(row, at, column.heading, self.style(**style, **({"align": "right"} if numeric else {})))
        sheet.set_row(row, 2 * _LINE)
        sheet.freeze_panes(row + 1, 2)
        sheet.repeat_rows(row)
        sheet.protect("", {"format_columns": True, "format_rows": True})
        return columns

    def _value(self, sheet: Worksheet, row: int, column: int, value: Any, style: Any) -> None:
        """Write a value as what it is; a text stays a text, whatever it begins with."""
        if value is None or value == "" or (isinstance(value, float) and math.isnan(value)):
            sheet.write_blank(row, column, None, style)
        elif isinstance(value, datetime.date):
            sheet.write_datetime(row, column, value, style)
        elif isinstance(value, (int, float)):
            sheet.write_number(row, column, value, style)
        else:
            sheet.write_string(row, column, str(value), style)

    def _fixed(self, sheet: Worksheet, kind: str, key: str, column: str, place: tuple[int, int], value: Any) -> None:
        """Write a locked cell of a row, and keep what is in it."""
        style: dict[str, Any] = {"text_wrap": True, "border": 1, "border_color": "#C8C8C8"}
        if isinstance(value, datetime.date):
            style |= {"num_format": "dd.mm.yyyy", "align": "left"}
        elif isinstance(value, (int, float)):
            style |= {"num_format": "#,##0.00" if value != round(value) else "#,##0", "align": "right"}
        self._value(sheet, *place, value, self.style(**style))
        kept = value.isoformat() if isinstance(value, datetime.date) else value
        self.locked.append((kind, key, column, kept))

    def _section(self, sheet: Worksheet, kind: str, row: int, name: str, width: int) -> None:
        """Write a heading between the rows of a sheet."""
        key = f"{MARKER}section-{row}"
        sheet.write_string(row, 0, key)
        style = self.style(bold=True, bg_color="#F2F2F2")
        sheet.write_string(row, 1, name, style)
        for column in range(2, width + 1):
            sheet.write_blank(row, column, None, style)
        self.locked.append((kind, key, sheet_columns(kind, self.year, self.texts)[0].key, name))

    def _answer(
        self, sheet: Worksheet, place: tuple[int, int], value: Any, check: Mapping[str, Any], **style: Any
    ) -> None:
        """Write a cell that is filled in, with what it may hold."""
        # What is typed into a text cell stays as it is typed: "- more men" is no formula, "1.2" no day.
        style = {"num_format": "@", **style}
        format_ = self.style(locked=False, bg_color="#FFF8D6", border=1, text_wrap=True, **style)
        self._value(sheet, *place, value, format_)
        known = {
            name: shortened
            for name, most in (("input_title", 32), ("input_message", 255), ("error_title", 32), ("error_message", 255))
            if name in check and (shortened := _shortened(check[name], most))
        }
        sheet.data_validation(*place, *place, {"ignore_blank": True, **check, **known})

    def _text_check(self, title: str, message: str = "") -> dict[str, Any]:
        texts = self.texts
        limit = texts.text("At most {n} characters.", n=texts.number(MOST_TEXT))
        return {
            "validate": "length",
            "criteria": "<=",
            "value": MOST_TEXT,
            "input_title": title,
            "input_message": f"{message} {limit}".strip(),
            "error_title": texts.text("Too long"),
            "error_message": limit,
        }

    def _write_figures(self) -> None:
        texts, (sheet, first) = self.texts, self._begin(FIGURES)
        hint = texts.text("Please fill in the yellow and orange cells only; the orange ones are required.")
        columns = self._head(sheet, FIGURES, first, hint)
        at = {column.key: number for number, column in enumerate(columns, start=1)}
        previous = of_year(
            known_reports(self.sites, "reports", demonstration=self.demonstration),
            self.site_id,
            self.year - 1,
            "indicator",
            "value",
        )
        goals: dict[str, str] = {}
        if "goals" in self.sites.tables:
            goals = dict(zip(*(self.sites.table("goals")[name] for name in ("goal_id", "field")), strict=True))
        lacking = texts.text("still missing")
        row, goal, required, unanswered = first, None, 0, 0
        for question in figures_asked(self.sites, texts).values():
            row += 1
            if question.goal_id != goal:
                goal = question.goal_id
                self._section(sheet, FIGURES, row, goals.get(goal, goal), len(columns))
                row += 1
            sheet.write_string(row, 0, question.indicator)
            for key, value in (
                ("name", question.name),
                ("help", question.help),
                ("unit", question.unit),
                ("previous", previous.get(question.indicator)),
            ):
                self._fixed(sheet, FIGURES, question.indicator, key, (row, at[key]), value)
            value = self.answers.figures.get(question.indicator)
            number_format = {"eur": "#,##0.00", "hours": "General"}.get(question.kind, "#,##0")
            self._answer(
                sheet, (row, at["answer"]), value, self._figure_check(question), num_format=number_format, align="right"
            )
            remark = self.answers.remarks.get(question.indicator)
            self._answer(sheet, (row, at["remark"]), remark, self._text_check(texts.text("Remark")))
            hint_style = self.style(border=1, border_color="#C8C8C8", font_color="#B00020", bold=True)
            if question.is_required:
                required += 1
                unanswered += value is None
                cell = sheets.cell_name((row, at["answer"]))
                shown = lacking if value is None else ""
                sheet.write_formula(row, at["hint"], f'=IF(ISBLANK({cell}),"{lacking}","")', hint_style, shown)
                missing = self.workbook.add_format({"bg_color": "#FFD9B3"})
                sheet.conditional_format(row, at["answer"], row, at["answer"], {"type": "blanks", "format": missing})
            else:
                sheet.write_string(
                    row, at["hint"], texts.text("voluntary"), self.style(border=1, border_color="#C8C8C8")
                )
            sheet.set_row(row, _LINE * max(_lines(question.help, 44), _lines(question.name, 28)))
        hints = f"{sheets.cell_name((first + 1, at['hint']))}:{sheets.cell_name((row, at['hint']))}"
        done, still = (
            texts.text("All required figures are there."),
            texts.text("Required figures that are still missing:"),
        )
        formula = f'=IF(COUNTIF({hints},"{lacking}")=0,"{done}","{still} "&COUNTIF({hints},"{lacking}"))'
        shown = f"{still} {unanswered}" if unanswered else done
        sheet.write_formula(first - 1, 1, formula, self.style(bold=True), shown)
        sheet.set_selection(first + 2, at["answer"], first + 2, at["answer"])
        sheet.print_area(0, 0, row, len(columns))

    def _figure_check(self, question: Question) -> dict[str, Any]:
        texts = self.texts
        limits = texts.text(
            "between {least} and {most}", least=texts.number(question.least), most=texts.number(question.most)
        )
        expected = texts.text("A whole number {limits}.", limits=limits)
        if question.kind not in WHOLE:
            expected = texts.text("A number {limits}, with at most two decimals.", limits=limits)
        whole = question.kind in WHOLE
        return {
            "validate": "integer" if whole else "decimal",
            "criteria": "between",
            "minimum": math.ceil(question.least) if whole else float(question.least),
            "maximum": math.floor(question.most) if whole else float(question.most),
            "input_title": question.name,
            "input_message": expected,
            "error_title": texts.text("Not such a number"),
            "error_message": expected,
        }

    def _write_review(self) -> None:
        texts, (sheet, first) = self.texts, self._begin(REVIEW)
        hint = texts.text("A few sentences are enough. Please name nobody.")
        self._head(sheet, REVIEW, first, hint)
        previous = of_year(
            known_reports(self.sites, "report_texts", demonstration=self.demonstration),
            self.site_id,
            self.year - 1,
            "kind",
            "text",
        )
        for row, (kind, question) in enumerate(_asked_in_words(texts).items(), start=first + 1):
            sheet.write_string(row, 0, kind)
            self._fixed(sheet, REVIEW, kind, "name", (row, 1), question)
            self._answer(sheet, (row, 2), self.answers.texts.get(kind), self._text_check(question))
            self._fixed(sheet, REVIEW, kind, "previous", (row, 3), previous.get(kind))
            longest = _lines(self.answers.texts.get(kind, ""), 62), _lines(previous.get(kind, ""), 50)
            sheet.set_row(row, min(400.0, _LINE * max(7, *longest)))
        sheet.set_selection(first + 1, 2, first + 1, 2)
        sheet.print_area(0, 0, first + len(KINDS), 3)

    def _write_measures(self) -> None:
        texts, (sheet, first) = self.texts, self._begin(MEASURES)
        hint = texts.text("What was agreed: who does what, until when, and what became of it.")
        columns = self._head(sheet, MEASURES, first, hint)
        states, row = state_words(texts), first + 1
        earlier = earlier_measures(self.sites, self.site_id, self.year, demonstration=self.demonstration)
        heading = texts.text("Agreed in former years: what became of it?") if earlier else ""
        self._section(
            sheet, MEASURES, row, heading or texts.text("Agreed in former years: nothing is open."), len(columns)
        )
        for measure in earlier:
            row += 1
            key = measure["measure_id"]
            sheet.write_string(row, 0, key)
            due = measure["due_date"] if isinstance(measure["due_date"], datetime.date) else None
            for at, (name, value) in enumerate(
                (("text", measure["text"]), ("owner", measure["owner"]), ("due_date", due)), start=1
            ):
                self._fixed(sheet, MEASURES, key, name, (row, at), value)
            given = self.answers.states.get(key)
            self._answer(sheet, (row, 4), states[given] if given else None, self._state_check(states))
            missing = self.workbook.add_format({"bg_color": "#FFD9B3"})
            sheet.conditional_format(row, 4, row, 4, {"type": "blanks", "format": missing})
            sheet.set_row(row, _LINE * max(_lines(measure["text"], 62), _lines(measure["owner"], 32)))
        row += 1
        self._section(sheet, MEASURES, row, texts.text("Newly agreed"), len(columns))
        earliest, latest = due_days(self.year)
        between = texts.text("between {least} and {most}", least=texts.date(earliest), most=texts.date(latest))
        day = texts.text("A day {limits}; may stay empty.", limits=between)
        for number in range(NEW_MEASURES):
            row += 1
            sheet.write_string(row, 0, f"{MARKER}new-{number + 1}")
            new = self.answers.new[number] if number < len(self.answers.new) else None
            self._answer(sheet, (row, 1), new and new.text, self._text_check(texts.text("Measure")))
            self._answer(sheet, (row, 2), new and new.owner, self._text_check(texts.text("Who does it")))
            check = {
                "validate": "date",
                "criteria": "between",
                "minimum": earliest,
                "maximum": latest,
                "input_title": texts.text("Until when"),
                "input_message": day,
                "error_title": texts.text("Not such a day"),
                "error_message": day,
            }
            self._answer(sheet, (row, 3), new and new.due_date, check, num_format="dd.mm.yyyy", align="left")
            self._answer(sheet, (row, 4), states[new.state] if new else None, self._state_check(states))
            sheet.set_row(row, _LINE * max(2, _lines(new.text, 62) if new else 1))
        sheet.print_area(0, 0, row, len(columns))

    def _state_check(self, states: Mapping[str, str]) -> dict[str, Any]:
        texts = self.texts
        choice = texts.either(states.values())
        return {
            "validate": "list",
            "source": list(states.values()),
            "input_title": texts.text("State of the measure"),
            "input_message": texts.text("{choice}; empty means the first for a new measure.", choice=choice),
            "error_title": texts.text("Not such a state"),
            "error_message": choice,
        }

    def _write_help(self) -> None:
        texts = self.texts
        sheet = self.workbook.add_worksheet(self.titles[HELP])
        sheet.set_column(0, 0, 3, None, {"hidden": True})
        sheet.set_column(1, 1, 110)
        sheet.write_string(0, 1, f"{self.titles[HELP]}: {self.title}", self.style(bold=True, font_size=14))
        said = [
            texts.text("The quality dialogue asks each site once a year what was done and what was learnt from it."),
            texts.text(
                "Fill in the yellow cells on the first three sheets. All other cells are locked; there is no password."
            ),
            texts.text("Orange cells are still missing. Figures marked as voluntary may stay empty."),
            texts.text("Write whole numbers for people and counts: 118, not \u201cabout 120\u201d. No formulas."),
            texts.text(
                "Count each person once, and name nobody: no names, addresses or illnesses, here or in the remarks."
            ),
            texts.text("Last year's values stand beside. If one of them was wrong, say so in the remark."),
            texts.text("Do not insert or delete rows, columns or sheets; what has no cell belongs in a remark."),
            texts.text("Save as XLSX or ODS, with the program you have, without a password, and send the file back."),
        ]
        if self.demonstration:
            said.insert(0, texts.text("Demonstration: made-up figures"))
        for row, sentence in enumerate(said, start=2):
            sheet.write_string(row, 1, sentence, self.style(text_wrap=True))
            sheet.set_row(row, _LINE * _lines(sentence, 110) + 4)
        sheet.protect("")
        sheet.hide_gridlines(2)
        sheet.set_paper(_PAPER_A4)
        sheet.set_landscape()
        sheet.fit_to_pages(1, 0)

    def _write_hidden(self) -> None:
        sheet = self.workbook.add_worksheet(self.titles[FORM])
        rows: list[tuple[str, str, str, Any]] = [
            (f"{MARKER}{FORM}", "key", "column", "value"),
            (FORM, "version", "", VERSION),
            (FORM, "site_id", "", self.site_id),
            (FORM, "year", "", self.year),
            (FORM, "language", "", self.texts.language),
            (FORM, "demonstration", "", "yes" if self.demonstration else "no"),
            *self.locked,
        ]
        for row, cells in enumerate(rows):
            for column, value in enumerate(cells):
                self._value(sheet, row, column, value, None)
        sheet.protect("")
        sheet.hide()


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 3] + "..."


def _lines(text: str, width: int) -> int:
    """Count the lines that a wrapped text takes at most."""
    return sum(max(1, math.ceil(1.1 * len(line) / width)) for line in (text or "").split("\n"))


def due_days(year: int) -> tuple[datetime.date, datetime.date]:
    """First and last day by when a measure of a year may be due."""
    return datetime.date(year, 1, 1), datetime.date(year + _YEARS_AHEAD, 12, 31)
