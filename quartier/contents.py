"""What papers say, before a template gives them their form: fields, with the cell of the run that each number is from.

Every value is read from a cell of the run, or from a table beside the paper that was worked out from such cells. Sentences are
made here; headings and fixed sentences stand in the templates.
"""

from __future__ import annotations

import csv
import datetime
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartier import documents, evidence, ledger, optimise, quality, report, whatif, wording
from quartier.data import DEMONSTRATION
from quartier.disclosure import HIDDEN
from quartier.language import PlainError, Texts, mark, signed
from quartier.manifest import lasting_hash

if TYPE_CHECKING:
    from quartier.data import Sites
    from quartier.manifest import Manifest
    from quartier.plan import Plan
    from quartier.scenario import Scenario

KINDS = ("mitteilung", "beschluss", "bericht", "foerderbescheid-anlage", "kasse")
"""The papers: information, decision, report on the quality dialogue, a sheet for each site, the treasury's sheet."""

BESIDE = "beilagen"
"""Folder beside the papers with tables that were worked out for them."""

_HASH_SHOWN = 12
"""Digits of a hash that a paper shows: enough to tell runs apart, few enough to compare by eye."""

CENTS = 100
"""Of a euro."""


class PaperError(PlainError):
    """A paper that is not written: the run does not verify, or lacks what the paper is about."""

    def __init__(self, message: str, exit_code: int = 2) -> None:
        self.exit_code = exit_code
        super().__init__(message)


@dataclass(frozen=True)
class Paper:
    """What a paper says, before a template gives it its form.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    title : str
        Title of the document.
    fields : mapping
        Values of the template's fields by name: texts, lists of texts, and lists of mappings, which are rows of tables.
    trace : Trace
        Where each number is from.
    beside : mapping of str to list of dict
        Tables that were worked out for the paper, by the name of their file.
    is_draft, is_made_up : bool
        Marked on each page: a draft; a paper that rests on made-up reports.
    """

    kind: str
    title: str
    fields: Mapping[str, Any]
    trace: documents.Trace
    beside: Mapping[str, list[dict[str, Any]]]
    is_draft: bool
    is_made_up: bool


# --- the plan that a paper is about -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Basis:
    """A plan with its tables, cell by cell as a run keeps them.

    Attributes
    ----------
    sites : Sites
        As they were read, not as the plan's scenario chooses single ones.
    plan : Plan
        The plan.
    data : str
        Name of the city's folder.
    saved : mapping of str to list of dict
        Rows of the run's tables, all values as texts.
    folder : Path
        The city's folder itself, whose scenarios are the alternatives.
    """

    sites: Sites
    plan: Plan
    data: str
    saved: Mapping[str, list[dict[str, Any]]]
    folder: Path = field(kw_only=True)
    _read: dict[str, list[dict[str, Any]]] = field(default_factory=dict, compare=False, repr=False, kw_only=True)

    @property
    def is_made_up(self) -> bool:
        """Whether the plan itself rests on made-up reports: its response was learnt from these."""
        return self.plan.scenario.response_from == "demonstration"

    @property
    def has_reports(self) -> bool:
        """Whether there are reports of sites, real or made up."""
        return bool(self._reports)

    @property
    def reports_are_made_up(self) -> bool:
        """Whether the only reports are made-up ones."""
        return self._reports == f"{DEMONSTRATION}reports"

    @property
    def _reports(self) -> str:
        for name in ("reports", f"{DEMONSTRATION}reports"):
            if name in self.sites.tables and len(self.sites.tables[name]):
                return name
        return ""

    def rows(self, name: str) -> list[dict[str, Any]]:
        """Give the rows of a table of the run (texts) or of its inputs (typed, missing values as None); none where there is no such."""
        if name in self.saved:
            return self.saved[name]
        if name not in self._read:
            self._read[name] = _rows_of(self.sites.tables.get(name))
        return self._read[name]

    def file(self, name: str) -> str:
        """Path of a table below the run's folder."""
        if name in self.saved:
            return f"tables/{name}.csv"
        home = f"inputs/{self.data}"
        apart = f"{DEMONSTRATION.rstrip('_')}/{name.removeprefix(DEMONSTRATION)}.csv"
        return f"{home}/{apart}" if name.startswith(DEMONSTRATION) else f"{home}/{name}.csv"


@dataclass(frozen=True)
class RunBasis(Basis):
    """The same of a run that verifies: sites and plan are made again from its own copies of its inputs.

    Attributes
    ----------
    run : Path
        The run's folder.
    manifest : Manifest
        What the run says of itself.
    """

    run: Path
    manifest: Manifest


def rows_of_csv(text: str) -> list[dict[str, Any]]:
    """Give the rows of a table as a run keeps it, all values as texts."""
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _rows_of(table: Any) -> list[dict[str, Any]]:
    """Give a DataFrame as rows; what is missing becomes None."""
    if table is None:
        return []
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]


# --- numbers with their origin ------------------------------------------------------------------------------------

_FORMS: dict[str, Callable[[Texts, Any], str]] = {
    "eur": lambda texts, value: texts.eur(float(value)),
    "number": lambda texts, value: texts.number(float(value)),
    "cents": lambda texts, value: texts.number(float(value), 2),
    "decimal": lambda texts, value: texts.number(float(value), 1),
    "weight": lambda texts, value: texts.number(float(value), 0 if float(value) == int(float(value)) else 2),
    "change": lambda texts, value: (
        signed(float(value), texts.number(abs(float(value)))) if abs(float(value)) >= 0.5 else "0"
    ),
    "eur_change": lambda texts, value: signed(round(float(value), 2), texts.eur(abs(float(value)))),
    "percent": lambda texts, value: texts.percent(float(value)),
    "size": lambda texts, value: texts.number(abs(float(value))),
    "percent_size": lambda texts, value: texts.percent(abs(float(value))),
    "text": lambda texts, value: str(value),
}
"""How a cell is printed, by the form that the list of origins names."""


def _plain(value: Any) -> str:
    """Give a value as it stands in a CSV file of ours."""
    return repr(float(value)) if isinstance(value, float) else str(value)


def printed(value: Any, form: str, texts: Texts) -> str:
    """Print the value of a cell in a form of `_FORMS`, without the mark of an assumption.

    Examples
    --------
    >>> printed("8100.0", "eur", Texts("de")), printed(0.625, "percent", Texts("en"))
    ('8.100 EUR', '62.5%')
    """
    return _FORMS[form](texts, value)


_NAMES = {
    ("raten", ""): mark("Instalments of each site"),
    ("alternativen", ""): mark("Proposal and alternatives"),
    ("alternativen", "more_benefit"): mark("more benefit (weighted persons)"),
    ("kennzahlen", ""): mark("Sums over all sites"),
    ("gelernt", ""): mark("What the reports teach"),
    ("bewegt", ""): mark("What that would move"),
    ("lage", ""): mark("State of the cooperation, counted"),
    ("lesbarkeit", ""): mark("How easily the summary is read"),
    ("lesbarkeit", "school_year"): mark("School year"),
    ("instalments", "name"): mark("Instalment"),
    ("instalments", "account"): mark("Account"),
    ("instalments", "share"): mark("Share"),
    ("partners", "name"): mark("Name"),
    ("calendar", "name"): mark("Event"),
    ("goals", "name"): mark("Goal"),
    ("goals", "field"): mark("Field of action"),
    ("dialogue_indicators", "name_de"): mark("Indicator"),
    ("indicator_kinds", "name_de"): mark("Indicator"),
    ("indicator_kinds", "name_en"): mark("Indicator"),
}
"""Names of tables beside the papers (with an empty column), and of columns that mean something else elsewhere."""


class Numbers:
    """Reads cells for a paper and keeps a list of what was read.

    Parameters
    ----------
    basis : Basis
        The plan.
    texts : Texts
        In whose forms numbers are printed.
    """

    def __init__(self, basis: Basis, texts: Texts, trace: documents.Trace | None = None) -> None:
        self.basis, self.texts, self.trace = basis, texts, trace or documents.Trace(texts)
        self.beside: dict[str, list[dict[str, Any]]] = {}
        self.names: dict[tuple[str, str], str] = {}
        """Names that the data give to tables (with an empty column) and columns."""

    def in_language(self, language: str) -> Numbers:
        """Give one that prints in another language, and is traced like this one."""
        other = Numbers(self.basis, Texts(language), self.trace)
        other.beside, other.names = self.beside, self.names
        return other

    def called(self, table: str, column: str) -> tuple[str, str]:
        """What people call a table and its column, in the language of the paper."""
        texts, kind = self.trace.texts, table.removeprefix(DEMONSTRATION).partition("-")[0]

        def name(key: str, context: str, otherwise: str) -> str:
            if (table, key) in self.names:
                return self.names[table, key]
            return texts.text(_NAMES[kind, key]) if (kind, key) in _NAMES else texts.name(context, otherwise)

        return name("", "table", table), name(column, "column", column)

    def cell(self, table: str, column: str, form: str = "eur", **key: Any) -> str:
        """Print a cell, traced; an assumed figure is marked. Empty where the cell is.

        Raises
        ------
        KeyError
            There is no such row or column: an error of this module.
        """
        row = self.row(table, **key)
        value = row[column]
        if value is None or value == "":
            return ""
        if value == HIDDEN:
            return self.texts.text("secret")
        shown = printed(value, form, self.texts)
        if not any(letter.isdigit() for letter in shown):
            return shown
        file = f"{BESIDE}/{table}.csv" if table in self.beside else self.basis.file(table)
        named = "; ".join(str(one) for one in key.values() if one != "")
        is_assumed = bool(row.get("assumed")) or row.get("basis") == "assumed"
        return self.trace.show(
            shown,
            table=file,
            row=named,
            column=column,
            value=_plain(value),
            assumed=is_assumed and form != "text",
            names=self.called(table, column),
            row_name=str(row.get("name") or "") if table in self.beside else "",
        )

    def row(self, table: str, **key: Any) -> dict[str, Any]:
        """Give the row of a table that a key names."""
        for row in self.rows(table):
            if all(str(row[name]) == str(value) for name, value in key.items()):
                return row
        raise KeyError(f"{table}: {key}")

    def rows(self, table: str) -> list[dict[str, Any]]:
        """Give all rows of a table of the run, or of one beside the paper."""
        return self.beside[table] if table in self.beside else self.basis.rows(table)

    def has(self, table: str, **key: Any) -> bool:
        """Tell whether there is such a row."""
        return any(all(str(row.get(name)) == str(value) for name, value in key.items()) for row in self.rows(table))

    def words(self, table: str, column: str, **key: Any) -> str:
        """Give the text of a cell; numbers in it (a house's, a year) are listed as it stands there."""
        return self.cell(table, column, "text", **key)

    def programme(self, rule: str, form: str = "text") -> str:
        """Print what the city's programme says under a rule; empty where it says nothing."""
        if not self.has("programme", rule=rule):
            return ""
        return self.cell("programme", "text" if form == "text" else "value", form, rule=rule)


# --- what each paper says -----------------------------------------------------------------------------------------


UNNAMED = "(nicht benannt)"
"""At the end of a partner's name: the data know that there is one, not who it is (data/README.md)."""

_NOTHING_SAID = mark("No site has written anything about this.")


@dataclass(frozen=True)
class _Desk:
    """What the writer of a paper has before it: the run, its numbers, and the language."""

    basis: Basis
    numbers: Numbers

    @property
    def texts(self) -> Texts:
        return self.numbers.texts

    def text(self, message: str, **values: Any) -> str:
        told = self.texts.text(message, **values)
        return told[:-1] if told.endswith("..") else told  # after e.V. there is no second full stop

    def day(self, value: Any) -> str:
        """Print a date; empty where there is none."""
        if isinstance(value, datetime.datetime):
            value = value.date()
        return self.texts.date(value) if isinstance(value, datetime.date) else ""

    def span(self, row: Mapping[str, Any]) -> str:
        """Print from when to when an event of the calendar is."""
        first, last = self.day(row["begins"]), self.day(row["ends"])
        return first if first == last else self.text("{first} to {last}", first=first, last=last)

    def quote(self, text: Any, table: str, column: str = "text", **key: Any) -> str:
        """Print a text of others, as it may be shown; numbers in it are listed with its cell."""
        shown = str(text or "")
        if not any(letter.isdigit() for letter in shown):
            return shown
        row = "; ".join(str(one) for one in key.values())
        return self.numbers.trace.show(
            shown,
            table=self.basis.file(table),
            row=row,
            column=column,
            value=shown,
            names=self.numbers.called(table, column),
        )

    def name(self, site_id: str) -> str:
        return self.numbers.words("distribution", "name", site_id=site_id)

    def funded(self) -> list[str]:
        """Ids of the sites that get money, in the order of the run."""
        return [row["site_id"] for row in self.basis.rows("distribution") if float(row["amount_eur"]) > 0]

    def status(self, site_id: str) -> str:
        return str(self.numbers.row("distribution", site_id=site_id)["status"])

    def status_shown(self, site_id: str) -> str:
        """Print the status of a site, with the star of what is assumed."""
        row = self.numbers.row("distribution", site_id=site_id)
        return self.texts.name("status", str(row["status"])) + self.star_of_status(site_id)

    def star_of_status(self, site_id: str) -> str:
        """Give the star of what is assumed where the status of a site is."""
        row = self.numbers.row("distribution", site_id=site_id)
        return documents.Trace.SIGN * ("status" in str(row["assumed"]).split("; "))

    def partners(self, site_id: str) -> tuple[str, str]:
        """Housing company and provider of a site, as they stand in its last agreement, with the star of what is assumed.

        Not known where that names none.
        """
        row = self.agreement(site_id)
        star = documents.Trace.SIGN * (row.get("basis") == "assumed")
        company, provider = (
            self.partner(str(row[column])) + star if row.get(column) else self.text("not known")
            for column in ("housing_company", "provider")
        )
        return company, provider

    def agreement(self, site_id: str) -> Mapping[str, Any]:
        """Row of a site's last agreement; empty where there is none."""
        rows = [row for row in self.basis.rows("agreements") if row["site_id"] == site_id]
        return sorted(rows, key=lambda row: str(row["date"]))[-1] if rows else {}

    def lacking(self, site_id: str) -> list[str]:
        """What is lacking before a site's money can be paid, as keys of `_LACKING`; nothing where it can be."""
        row = self.agreement(site_id)
        # A scenario may only suppose that an agreement is signed; nothing is paid on that.
        is_signed = self.status(site_id) == "signed" == row.get("status")
        provider = str(row.get("provider") or "")
        found = {
            "agreement": is_signed,
            "in_force": not is_signed or self._lasts(site_id),
            "provider": provider and not provider.endswith(UNNAMED),
        }
        return [key for key, is_there in found.items() if not is_there]

    def end(self, site_id: str) -> Mapping[str, Any]:
        """Row of the calendar with the day to which a site's agreement is in force; empty where none is known."""
        rows = [row for row in self.events("renewal") if row["site_id"] == site_id]
        return max(rows, key=lambda row: row["ends"], default={})

    def _lasts(self, site_id: str) -> bool:
        """Whether a site's agreement is still in force when the first instalment is due, as far as days are known."""
        days = [row["due_date"] for row in self.basis.rows("instalments")]
        end = self.end(site_id)
        return not end or not days or end["ends"] >= min(days)

    def ends_between(self, site_id: str) -> bool:
        """Whether a site's agreement ends after the first instalment is due and before the last one."""
        days = [row["due_date"] for row in self.basis.rows("instalments")]
        return bool(days and self.end(site_id)) and self._lasts(site_id) and self.end(site_id)["ends"] < max(days)

    def partner(self, name: str) -> str:
        """Name a partner as briefly as the programme does: BGW for BGW Bielefelder Gesellschaft."""
        rows = [row for row in self.basis.rows("programme") if row["rule"] == "partners_with_agreement"]
        brief = [part.strip() for row in rows for part in str(row["text"] or "").split(";")]
        found = next((one for one in brief if one and f"{name} ".startswith(f"{one} ")), name)
        row = next((row for row in self.basis.rows("partners") if row["name"] == name), None)
        if row is None or not any(letter.isdigit() for letter in found):
            return found
        return self.numbers.words("partners", "name", partner_id=row["partner_id"])

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        """Rows of the calendar of these kinds, by date."""
        rows = [row for row in self.basis.rows("calendar") if row["kind"] in kinds]
        return sorted(rows, key=lambda row: (row["begins"], row["event_id"]))

    def event(self, row: Mapping[str, Any]) -> dict[str, str]:
        mark_of_it = documents.Trace.SIGN * (row["basis"] == "assumed")
        return {
            "datum": self.span(row) + mark_of_it,
            "was": self.numbers.words("calendar", "name", event_id=row["event_id"]),
            "gremium": self.numbers.words("calendar", "body", event_id=row["event_id"]).replace("; ", ", "),
        }

    def assumed_figures(self, *also: str) -> str:
        """Names of the figures behind the amounts that are assumed, and of others."""
        keys = dict.fromkeys(
            key for row in self.basis.rows("distribution") for key in row["assumed"].split("; ") if key
        )
        return self.texts.listing(self.texts.name("figure", key) for key in (*keys, *also))

    def attribution(self) -> str:
        """Sources whose licence asks to be named."""
        used = set(self.basis.sites.indicators_used()["source_id"]) if self.basis.sites.tables else set()
        shown: dict[str, str] = {}
        for row in self.basis.rows("sources"):
            if row["source_id"] in used and row["licence"]:
                licence = self.numbers.words("sources", "licence", source_id=row["source_id"])
                line = f"{row['publisher']} ({licence})"
                shown.setdefault(self.numbers.trace.plain(line), line)
        return self.text("Source: {sources}", sources="; ".join(shown.values())) if shown else ""


def _committees(desk: _Desk) -> list[dict[str, str]]:
    return [desk.event(row) for row in desk.events("committee")]


def _site_table(desk: _Desk) -> list[dict[str, str]]:
    """Funded sites with their partners, status and amount."""
    rows = []
    for site_id in desk.funded():
        company, provider = desk.partners(site_id)
        rows.append(
            {
                "standort": desk.name(site_id),
                "wohnungsunternehmen": company,
                "anbieter": provider,
                "stand": desk.status_shown(site_id),
                "betrag": desk.numbers.cell("distribution", "amount_eur", site_id=site_id),
            }
        )
    return rows


def _total(desk: _Desk) -> str:
    return desk.numbers.cell("baselines", "spent_eur", baseline="plan")


def _mechanics(desk: _Desk) -> list[str]:
    """How the money is distributed, in plain words."""
    scenario = desk.basis.plan.scenario
    if scenario.method != "optimal":
        rule = desk.texts.given(desk.texts.name("method", scenario.method))
        return [desk.text("The money is divided by a fixed rule: {rule}.", rule=rule)]
    if math.isinf(scenario.inequality_aversion):
        return [desk.text("The money is divided so that the site with the lowest reach reaches as much as possible.")]
    if scenario.inequality_aversion > 0:
        return [
            desk.text("The money is divided so that it reaches many older people."),
            desk.text("Sites with a low reach count more."),
        ]
    return [desk.text("The money is divided so that it reaches as many older people as possible.")]


def _plain_summary(desk: _Desk) -> list[str]:
    """What all papers about the money begin with, in plain words."""
    numbers = desk.numbers
    gives = mark("The city gives {budget} a year for work with older people in their neighbourhood.")
    if _other_budget(desk):
        gives = mark("This plan reckons with {budget} a year for work with older people in their neighbourhood.")
    return [
        desk.text(gives, budget=numbers.cell("scenario", "value", field="budget_eur")),
        desk.text(
            "{count} site is to get money. At most {most} may get some.",
            plural="{count} sites are to get money. At most {most} may get some.",
            n=desk.basis.plan.funded_sites,
            count=numbers.cell("baselines", "funded_sites", "number", baseline="plan"),
            most=numbers.cell("scenario", "value", "number", field="max_sites"),
        ),
        *_some_later(desk),
        *_mechanics(desk),
    ]


def _other_budget(desk: _Desk) -> str:
    """Give the budget that the city's programme states, where the plan has another."""
    numbers = desk.numbers
    budget, stated = numbers.cell("scenario", "value", field="budget_eur"), numbers.programme("budget_eur", "eur")
    same = numbers.trace.plain(stated) == numbers.trace.plain(budget).rstrip(documents.Trace.SIGN)
    return "" if same else stated


def _some_later(desk: _Desk) -> list[str]:
    """Say how many sites have to wait for their money; nothing where none has, or the data name no instalments."""
    sums, later = _beside_amounts(desk), sum(bool(desk.lacking(site_id)) for site_id in desk.funded())
    if not sums or not later:
        return []
    return [
        desk.text(
            "For {count} of them, something is still missing before the money can be paid.",
            count=desk.numbers.cell(sums, "sites", "number", site_id="reserved"),
        )
    ]


def _care(desk: _Desk) -> list[str]:
    """Warn in plain words of what is assumed."""
    if not desk.assumed_figures():
        return []
    return [
        desk.text("Some of this is only assumed. It is marked with a star (*)."),
        desk.text("The city has to check this."),
    ]


def _decision(desk: _Desk) -> dict[str, Any]:
    """Fields of the decision paper."""
    numbers, texts = desk.numbers, desk.texts
    bodies = list(dict.fromkeys(body for row in desk.events("committee") for body in _bodies(row)))
    spent = _total(desk)
    pending, lapsed, nameless = ([site for site in desk.funded() if key in desk.lacking(site)] for key in _LACKING)
    divided: dict[str, Any] = {
        "budget": numbers.cell("scenario", "value", field="budget_eur"),
        "n": desk.basis.plan.funded_sites,
        "count": numbers.cell("baselines", "funded_sites", "number", baseline="plan"),
    }
    proposal = [
        desk.text(
            "The {budget} a year for neighbourhood work go to {count} site, as in the table below.",
            plural="The {budget} a year for neighbourhood work are divided between {count} sites as in the table below.",
            **divided,
        )
        if _gives_all(desk)
        else desk.text(
            "Of the {budget} a year for neighbourhood work, {spent} go to {count} site, as in the table below.",
            plural="Of the {budget} a year for neighbourhood work, {spent} are divided between {count} sites as in the table below.",
            spent=spent,
            **divided,
        )
    ]
    if pending:
        proposal.append(
            desk.text(
                "Money for sites without a signed agreement ({sites}) is only paid once the agreement is signed.",
                sites=texts.listing(desk.name(site) for site in pending),
            )
        )
    if lapsed:
        proposal.append(
            desk.text(
                "Money for sites whose agreement ends before the first instalment ({sites}) is only paid once the agreement is renewed.",
                sites=texts.listing(f"{desk.name(site)}: {desk.event(desk.end(site))['datum']}" for site in lapsed),
            )
        )
    if nameless:
        proposal.append(
            desk.text(
                "Money for sites whose provider is not known ({sites}) is only paid once the provider is known.",
                sites=texts.listing(desk.name(site) for site in nameless),
            )
        )
    proposal.append(desk.text("The administration reports to the committees on the results of the quality dialogue."))
    return {
        # The calendar's days of committees are those on which they were informed.
        "gremien": [
            {"gremium": body, "datum": desk.text("for hearing or decision, and the day: to be entered by the city")}
            for body in bodies
        ],
        "vorschlag": proposal,
        "begruendung": [*_reasons(desk), *_from_reports(desk), *_beside_rules(desk)],
        "finanzen": _financial_effects(desk),
        "szenarien": _alternatives(desk),
        "mehr_standorte": desk.text("More sites than in the proposal need agreements that are not there yet.")
        if any(
            row["benefit"] != "" and int(row["funded_sites"]) > desk.basis.plan.funded_sites
            for row in desk.basis.rows("scenarios")
        )
        else "",
        "regeln": _cost_of_rules(desk),
        "beteiligung": [
            desk.text("Heard are: {bodies}.", bodies=texts.listing(bodies))
            if bodies
            else desk.text("The data name no committee.")
        ],
        "zeitplan": [desk.event(row) for row in desk.events("committee", "dialogue", "deadline", "report")],
        "standorte": _site_table(desk),
        "summe": spent,
    }


def _bodies(row: Mapping[str, Any]) -> list[str]:
    return [body.strip() for body in str(row["body"] or "").split(";") if body.strip()]


def _reasons(desk: _Desk) -> list[str]:
    """Why the money is divided like this."""
    found = [*_status_assumed(desk), *_need_explained(desk)]
    if desk.basis.plan.scenario.response != "linear":
        found.append(
            desk.text(
                "What the money brings about is reckoned like this: the more a site has, the more people it reaches, but fewer in "
                "addition with each further euro."
            )
        )
    benefit = desk.numbers.cell("baselines", "benefit", "number", baseline="plan")
    found.append(desk.text("The plan reaches {benefit} weighted persons.", benefit=benefit))
    if desk.basis.plan.outcome.name == "OPTIMAL":
        aversion = desk.basis.plan.scenario.inequality_aversion
        told = mark("It is proven that no other division under these rules reaches more")
        if math.isinf(aversion):
            told = mark("It is proven that under no other division the site with the lowest reach has a higher one")
        elif aversion > 0:
            told = mark(
                "It is proven that no other division is better, if sites with a low reach count more, as is set here"
            )
        found.append(desk.text("{proven}, as long as the money works as is reckoned here.", proven=desk.text(told)))
        if aversion > 0:
            found.append(desk.text("A division that only counts persons may reach more of them."))
    return [*found, *_part_years(desk, desk.funded())]


def _part_years(desk: _Desk, site_ids: Sequence[str]) -> list[str]:
    """Say which of some sites are only reckoned with for a part of the year."""
    months = desk.basis.plan.scenario.months
    return [
        desk.text(
            "For the site {site}, only {n} of 12 months are reckoned with.",
            site=desk.name(site_id),
            n=desk.numbers.trace.show(
                desk.texts.number(months[site_id]),
                table=desk.basis.file("scenario"),
                row="months",
                column="value",
                value=months[site_id],
            ),
        )
        for site_id in site_ids
        if months.get(site_id, 12) != 12
    ]


def _status_assumed(desk: _Desk) -> list[str]:
    """Say in words that it is assumed which sites have an agreement, where it is."""
    if not any(desk.star_of_status(site_id) for site_id in desk.funded()):
        return []
    return [
        desk.text(
            "Which sites have signed an agreement is assumed here (*). The city has to check it before it decides."
        )
    ]


def _need_explained(desk: _Desk) -> list[str]:
    """What weighted persons are; nothing where the scenario weighs the need in its own way."""
    numbers, scenario = desk.numbers, desk.basis.plan.scenario
    found = []
    kinds = [row for row in desk.basis.rows("indicator_kinds") if row["need_weight"] is not None]
    if kinds and not scenario.need_weights:
        parts = [
            desk.text(
                "{name} (weight {weight})",
                name=numbers.words("indicator_kinds", f"name_{desk.texts.language}", indicator=row["indicator"]),
                weight=numbers.cell("indicator_kinds", "need_weight", "weight", indicator=row["indicator"]),
            )
            for row in kinds
        ]
        found.append(
            desk.text(
                "The need of a site is worked out from its catchment: {parts}. The sum is the number of weighted persons.",
                parts=desk.texts.listing(parts),
            )
        )
    return found


def _gives_all(desk: _Desk) -> bool:
    """Whether the plan gives out the whole budget, to the cent."""
    plan = desk.basis.plan
    return round(plan.spent_eur, 2) == round(plan.scenario.budget_eur, 2)


def _from_reports(desk: _Desk) -> list[str]:
    """Say that the plan takes up what reports teach, where it does."""
    match desk.basis.plan.scenario.response_from:
        case "quality":
            return [desk.text("How much the money brings about was estimated from the sites' reports.")]
        case "demonstration":
            return [desk.text("How much the money brings about was estimated from made-up reports.")]
    return []


def _beside_rules(desk: _Desk) -> list[str]:
    """What simpler ways to divide the money reach."""
    found = []
    for row in desk.basis.rows("baselines"):
        if row["baseline"] in ("plan", desk.basis.plan.scenario.method.replace("-", "_")):
            continue
        rule = desk.texts.given(desk.texts.name("baseline", row["baseline"]))
        if abs(float(row["lost_share"])) < _HARDLY:
            told = mark("With the same money, by the rule {rule}, about as many weighted persons are reached.")
            found.append(desk.text(told, rule=rule))
            continue
        # A plan that follows a rule itself may reach less than another rule does.
        told = (
            mark("With the same money, by the rule {rule}, {n} fewer weighted persons are reached ({share}).")
            if float(row["lost_benefit"]) > 0
            else mark("With the same money, by the rule {rule}, {n} more weighted persons are reached ({share}).")
        )
        number, share = (
            desk.numbers.cell("baselines", column, form, baseline=row["baseline"])
            for column, form in (("lost_benefit", "size"), ("lost_share", "percent_size"))
        )
        found.append(desk.text(told, rule=rule, n=number, share=share))
    return found


_HARDLY = 0.0005
"""A share below this is shown as 0.0 %: about the same."""


def _financial_effects(desk: _Desk) -> list[str]:
    numbers = desk.numbers
    budget = numbers.cell("scenario", "value", field="budget_eur")
    found = [
        desk.text("Each year {budget} are there for this. The plan gives out all of it.", budget=budget)
        if _gives_all(desk)
        else desk.text(
            "Each year {budget} are there for this. The plan gives out {spent}.", budget=budget, spent=_total(desk)
        ),
        *_what_is_kept_back(desk),
    ]
    if stated := _other_budget(desk):
        found.append(desk.text("The programme of the city states {budget} a year.", budget=stated))
    return found


def _what_is_kept_back(desk: _Desk) -> list[str]:
    """How much of the money can be paid, and how much not yet; nothing where the data name no instalments."""
    sums = _beside_amounts(desk)
    if not sums:
        return []
    return [
        desk.text(
            "{payable} of this go to sites whose agreement is signed{in_force} and whose provider is known, {reserved} are kept for the "
            "others.",
            in_force=_in_force(desk),
            payable=desk.numbers.cell(sums, "amount_eur", site_id="payable"),
            reserved=desk.numbers.cell(sums, "amount_eur", site_id="reserved"),
        )
    ]


def _alternatives(desk: _Desk) -> list[dict[str, str]]:
    """Other scenarios beside the plan, and how many fewer or more they reach."""
    name, numbers = "alternativen", desk.numbers
    own = desk.basis.rows("baselines")[0]
    made: list[dict[str, Any]] = []
    twins = _with_the_same_rules(desk)
    for row in desk.basis.rows("scenarios"):
        if made and row["scenario"] in twins:
            continue
        has_plan = row["benefit"] != ""
        made.append(
            {
                **{
                    key: row[key] for key in ("scenario", "title", "budget_eur", "spent_eur", "funded_sites", "benefit")
                },
                "more_benefit": repr(float(row["benefit"]) - float(own["benefit"])) if has_plan else "",
                "outcome": row["outcome"],
                "assumed": row["assumed"],
            }
        )
    numbers.beside[name] = made
    rows = []
    for row in made:
        key = {"scenario": row["scenario"]}
        title = numbers.words(name, "title", **key)
        more = numbers.cell(name, "more_benefit", "change", **key)
        rows.append(
            {
                "titel": desk.text("Proposal: {title}", title=title) if row is made[0] else title,
                "geld": numbers.cell(name, "spent_eur", **key) or "–",
                "anzahl": numbers.cell(name, "funded_sites", "number", **key) or "–",
                "nutzen": numbers.cell(name, "benefit", "number", **key) or "–",
                "unterschied": more or desk.text("not possible"),
            }
        )
    return rows


def _with_the_same_rules(desk: _Desk) -> set[str]:
    """Names of the scenarios that are the plan's own but for their name: beside the proposal they are no alternative."""
    own = desk.basis.plan.scenario
    beside = optimise.scenarios_beside(desk.basis.sites, own, desk.basis.folder)
    return {name for name, one in beside.items() if one.replace(name=own.name, title=own.title) == own}


def _cost_of_rules(desk: _Desk) -> list[dict[str, str]]:
    """Rules without which more would be reached, the dearest first."""
    rows = []
    for row in desk.basis.rows("cost_of_rules"):
        if float(row["gained_share"]) < _HARDLY:
            continue
        rule = desk.texts.name("rule", row["rule"])
        if row["subject"]:
            subject = desk.texts.name("status", row["subject"])
            rule = f"{rule}: {desk.name(subject) if desk.numbers.has('distribution', site_id=subject) else subject}"
        key = {"rule": row["rule"], "subject": row["subject"]}
        rows.append(
            {
                "regel": rule,
                "mehr": desk.numbers.cell("cost_of_rules", "gained_benefit", "number", **key),
                # Where sites with a low reach count more, the share is one of another sum than persons.
                "anteil": desk.numbers.cell("cost_of_rules", "gained_share", "percent", **key)
                if not desk.basis.plan.scenario.inequality_aversion
                else "\u2013",
            }
        )
    return rows


# --- a sheet for each site ----------------------------------------------------------------------------------------


def _sheets(desk: _Desk) -> dict[str, Any]:
    """Fields of the sheets for the sites."""
    return {"blaetter": [_sheet(desk, site_id) for site_id in desk.funded()], "bedarf": _need_explained(desk)}


def _why(desk: _Desk, row: Mapping[str, Any]) -> list[str]:
    """Why a site gets what it gets: in plain words, or in those of the plan where there are none."""
    amount, least, most = (float(row[column]) for column in ("amount_eur", "min_eur", "max_eur"))
    if amount >= most:
        return [desk.text("That is the highest amount.")]
    if amount <= least:
        return [desk.text("That is the lowest amount.")]
    if desk.basis.plan.outcome.name == "OPTIMAL" and not desk.basis.plan.scenario.inequality_aversion:
        return [desk.text("No other amount would reach more people over all sites together.")]
    why = desk.numbers.words("distribution", "why", site_id=row["site_id"])
    return [desk.text("In the words of the plan: {why}", why=why)]


def _sheet(desk: _Desk, site_id: str) -> dict[str, Any]:
    numbers = desk.numbers
    key: dict[str, Any] = {"site_id": site_id}
    row = numbers.row("distribution", **key)
    company, provider = desk.partners(site_id)
    amount = numbers.cell("distribution", "amount_eur", **key)
    lacking = desk.lacking(site_id)
    told = mark("For the site {site}, {amount} are intended.") if lacking else mark("The site {site} gets {amount}.")
    reasons = [desk.text(told, site=desk.name(site_id), amount=amount)]
    reasons.append(
        desk.text(
            "The need in the catchment is {need} weighted persons.",
            need=numbers.cell("distribution", "need", "number", **key),
        )
    )
    reasons.append(
        desk.text(
            "With this money the work is estimated to reach {benefit} of them ({share}).",
            benefit=numbers.cell("distribution", "benefit", "number", **key),
            share=numbers.cell("distribution", "coverage", "percent", **key),
        )
    )
    reasons.append(
        desk.text(
            "A site may get from {least} to {most}.",
            least=numbers.cell("distribution", "min_eur", **key),
            most=numbers.cell("distribution", "max_eur", **key),
        )
    )
    reasons += [*_why(desk, row), *_part_years(desk, [site_id])]
    end = desk.event(desk.end(site_id))["datum"] if desk.end(site_id) else ""
    conditions = []
    if "in_force" in lacking:
        conditions.append(
            desk.text("The agreement is in force until {date} only, before the first instalment is due.", date=end)
        )
    elif desk.ends_between(site_id):
        conditions.append(desk.text(_LATER_ONES, date=end))
    if lacking:
        conditions.append(
            desk.text(
                "The money is kept. It is only paid once {conditions}.",
                conditions=desk.texts.listing(desk.text(_CONDITIONS[key]) for key in lacking),
            )
        )
    days = [desk.event(event) for event in desk.events("deadline", "renewal") if event["site_id"] in (None, site_id)]
    return {
        "standort": desk.name(site_id),
        "wohnungsunternehmen": company,
        "anbieter": provider,
        "betrag": amount,
        "auszahlung": desk.text("kept back ({why})", why=_what_is_lacking(desk, site_id))
        if lacking
        else desk.text(
            "possible: the agreement is signed{star}{in_force}, the provider is known{star}",
            star=desk.star_of_status(site_id),
            in_force=_in_force(desk),
        ),
        "gruende": reasons,
        "bedingungen": conditions,
        "termine": [desk.text("{what}: {date}", what=day["was"], date=day["datum"]) for day in days],
        "fragen": desk.text("Who answers questions at the city is not in the data; the city enters it here."),
    }


# --- the treasury's sheet -----------------------------------------------------------------------------------------


def _treasury(desk: _Desk) -> dict[str, Any]:
    """Fields of the treasury's sheet: who gets how much when, from which account."""
    numbers, table = desk.numbers, _beside_amounts(desk)
    if not table:
        raise PaperError(desk.text("The data name no instalments."))
    rates = desk.basis.rows("instalments")
    payable, reserved = [], []
    for row in numbers.beside[table]:
        site_id = row["site_id"]
        if site_id in _SUMS:
            continue
        paid = {
            "standort": desk.name(site_id),
            "raten": [numbers.cell(table, rate["instalment_id"], site_id=site_id) for rate in rates],
            "betrag": numbers.cell(table, "amount_eur", site_id=site_id),
        }
        if row["lacking"]:
            reserved.append({**paid, "was_fehlt": _what_is_lacking(desk, site_id)})
        else:
            payable.append({**paid, "empfaenger": desk.partners(site_id)[1]})
    sums = [
        {
            "was": desk.text(_SUMS[key]),
            "raten": [numbers.cell(table, rate["instalment_id"], site_id=key) for rate in rates],
            "betrag": numbers.cell(table, "amount_eur", site_id=key),
        }
        for key in _SUMS
    ]
    plans = [
        {
            "rate": numbers.words("instalments", "name", instalment_id=rate["instalment_id"]),
            "konto": numbers.words("instalments", "account", instalment_id=rate["instalment_id"]),
            "anteil": numbers.cell("instalments", "share", "percent", instalment_id=rate["instalment_id"]),
            "datum": desk.day(rate["due_date"]) + documents.Trace.SIGN * (rate["basis"] == "assumed"),
            "summe": numbers.cell(table, rate["instalment_id"], site_id="payable"),
            "vorbehalten": numbers.cell(table, rate["instalment_id"], site_id="reserved"),
        }
        for rate in rates
    ]
    return {
        "raten": plans,
        "ratennamen": [plan["rate"] for plan in plans],
        "zahlungen": payable,
        "stern": documents.Trace.SIGN
        * any(desk.star_of_status(site_id) for site_id in desk.funded() if not desk.lacking(site_id)),
        "gilt": _in_force(desk),
        "haushaltsjahr": desk.texts.listing(sorted({str(rate["due_date"].year) for rate in rates}))
        + documents.Trace.SIGN * any(rate["basis"] == "assumed" for rate in rates),
        "grundlage": desk.text("The decision is not in the data; the city enters it here."),
        "hinweise": [
            desk.name(site_id) + ": " + desk.text(_LATER_ONES, date=desk.event(desk.end(site_id))["datum"])
            for site_id in desk.funded()
            if not desk.lacking(site_id) and desk.ends_between(site_id)
        ],
        "vorbehalten": reserved,
        "summen": sums,
    }


_LACKING = {
    "agreement": mark("no signed agreement"),
    "in_force": mark("agreement not renewed"),
    "provider": mark("provider not known"),
}
"""What may be lacking before money is paid."""


_CONDITIONS = {
    "agreement": mark("the agreement is signed"),
    "in_force": mark("the agreement is renewed"),
    "provider": mark("the provider is known"),
}
"""The same as what has to come."""

_LATER_ONES = mark("The agreement is in force until {date} only. Later instalments are only paid once it is renewed.")


def _what_is_lacking(desk: _Desk, site_id: str) -> str:
    """Name what is lacking before a site's money is paid, with the star of what is assumed."""
    stars = {
        "agreement": desk.star_of_status(site_id),
        "in_force": documents.Trace.SIGN * (desk.end(site_id).get("basis") == "assumed"),
        "provider": documents.Trace.SIGN * (desk.agreement(site_id).get("basis") == "assumed"),
    }
    return desk.texts.listing(desk.text(_LACKING[key]) + stars[key] for key in desk.lacking(site_id))


def _in_force(desk: _Desk) -> str:
    """Say on which day agreements have to be in force: when the first instalment is due; empty where no day is known."""
    due = min(desk.basis.rows("instalments"), key=lambda row: row["due_date"], default=None)
    if due is None or not desk.events("renewal"):
        return ""
    day = desk.day(due["due_date"]) + documents.Trace.SIGN * (due["basis"] == "assumed")
    return desk.text(" and in force on {date}, when the first instalment is due", date=day)


_SUMS = {
    "payable": mark("Payable"),
    "reserved": mark("Kept back"),
    "total": mark("Together"),
}
"""Rows of sums below those of the sites."""


def _beside_amounts(desk: _Desk) -> str:
    """Work out the instalments of each site as a table beside the paper, and give its name; empty where the data name none."""
    name, numbers = "raten", desk.numbers
    rates = desk.basis.rows("instalments")
    if not rates:
        return ""
    shares = [float(rate["share"]) for rate in rates]
    ids = [rate["instalment_id"] for rate in rates]
    assumed = "; ".join(["instalments"] if any(rate["basis"] == "assumed" for rate in rates) else [])
    made: list[dict[str, Any]] = []
    for site_id in desk.funded():
        row = numbers.row("distribution", site_id=site_id)
        parts = instalments(float(row["amount_eur"]), shares)
        made.append(
            {
                "site_id": site_id,
                "name": row["name"],
                "status": row["status"],
                "provider": desk.agreement(site_id).get("provider") or "",
                "lacking": "; ".join(desk.lacking(site_id)),
                "sites": 1,
                **dict(zip(ids, parts, strict=True)),
                "amount_eur": math.fsum(parts),
                "assumed": "; ".join(filter(None, [row["assumed"], assumed])),
            }
        )
    for key in _SUMS:
        counted = [row for row in made if row["site_id"] not in _SUMS and _counts(row, key)]
        made.append(
            {
                "site_id": key,
                "name": numbers.trace.texts.text(_SUMS[key]),  # of the paper, whose summary may be in another language
                "status": "",
                "provider": "",
                "lacking": "",
                "sites": len(counted),
                **{column: round(math.fsum(row[column] for row in counted), 2) for column in (*ids, "amount_eur")},
                "assumed": _assumed_in(counted),
            }
        )
    numbers.beside[name] = made
    numbers.names |= {(name, str(rate["instalment_id"])): str(rate["name"]) for rate in rates}
    return name


def _assumed_in(rows: Sequence[Mapping[str, Any]]) -> str:
    """What a sum rests on: all that any of its rows does."""
    return "; ".join(dict.fromkeys(key for row in rows for key in row["assumed"].split("; ") if key))


def _counts(row: Mapping[str, Any], key: str) -> bool:
    return key == "total" or bool(row["lacking"]) == (key == "reserved")


def instalments(amount_eur: float, shares: Sequence[float]) -> list[float]:
    """Split an amount into instalments of whole cents; the last one takes what rounding leaves.

    Parameters
    ----------
    amount_eur : float
        EUR, as paid: to the cent.
    shares : sequence of float
        Share of each instalment; that of the last one is what is left.

    Returns
    -------
    list of float
        EUR; their sum is the amount, to the cent.

    Examples
    --------
    >>> instalments(100.0, [1 / 3, 1 / 3, 1 / 3])
    [33.33, 33.33, 33.34]
    """
    whole = round(amount_eur * CENTS)
    parts = [math.floor(whole * share + 1e-6) for share in shares[:-1]]
    return [part / CENTS for part in (*parts, whole - sum(parts))]


# --- the report on the quality dialogue ---------------------------------------------------------------------------


def _dialogue_report(desk: _Desk) -> dict[str, Any]:
    """Fields of the report on the quality dialogue: protected figures only."""
    basis = desk.basis
    if not basis.has_reports:
        raise PaperError(desk.text("The data hold no reports of the sites."))
    found = quality.dialogue(basis.sites, None, basis.reports_are_made_up, desk.texts.language)
    sums, moved, measures = _sums_of(desk, found), _moved(desk), _measures(desk, found)
    return {
        "wer_sagt": desk.text("These texts and the measures are made up as well.")
        if basis.reports_are_made_up
        else desk.text("The sites have written it like this."),
        "jahr": str(found.year),
        "kennzahlen": [_sum_row(desk, row) for row in sums],
        "ziele": _goals(desk, found),
        "geheim": [_what_is_secret(desk)],
        "gut": _quoted(desk, found, "went_well") or [desk.text(_NOTHING_SAID)],
        "schlecht": _quoted(desk, found, "went_badly") or [desk.text(_NOTHING_SAID)],
        "keine_massnahmen": "" if measures else desk.text("No measures were agreed."),
        "massnahmen": measures,
        "ohne_bericht": _without_report(desk, found),
        "gelernt": _learnt(desk),
        "bewegt": moved[:-1],
        "bewegt_summe": moved[-1:],
        # A year is only reported on when it is over.
        "gremien": [desk.event(row) for row in desk.events("report") if row["begins"].year == found.year + 1][-1:],
    }


def _what_is_secret(desk: _Desk) -> str:
    below = desk.numbers.programme("small_count_below", "number") or desk.texts.number(quality.SMALL_BELOW)
    return desk.text(
        "Counts of people below {below} are kept secret, and so are others from which one could work them out.",
        below=below,
    )


def _sums_of(desk: _Desk, found: quality.Dialogue) -> list[dict[str, Any]]:
    """Keep the sums over all sites as a table beside the paper."""
    rows = [{"indicator": row["indicator"], **row, "assumed": ""} for row in _rows_of(found.totals())]
    for row in rows:
        row["assumed"] = "reports" if row.pop("basis") == "assumed" else ""
        row["sites"] = int(row["sites"])
    desk.numbers.beside["kennzahlen"] = rows
    return rows


def _sum_row(desk: _Desk, row: Mapping[str, Any]) -> dict[str, str]:
    key = {"indicator": row["indicator"]}

    def shown(column: str, form: str | None = None) -> str:
        chosen = form or ("eur" if row["unit"] == "EUR" else "number")
        return desk.numbers.cell("kennzahlen", column, chosen, **key) or "–"

    return {
        "kennzahl": desk.numbers.words("kennzahlen", "counted", **key),
        "wert": shown("value"),
        "vorjahr": shown("last_year"),
        "unterschied": shown("change", "eur_change" if row["unit"] == "EUR" else "change"),
        "standorte": shown("sites", "number"),
    }


def _goals(desk: _Desk, found: quality.Dialogue) -> list[dict[str, Any]]:
    """Keep the figures of each goal as a table beside the paper, a row for each site and the sums last."""
    tables = []
    for goal in desk.basis.rows("goals"):
        frame = found.by_site(goal["goal_id"])
        heads: Mapping[str, str] = frame.attrs["headings"]
        if not heads:
            continue
        name = f"ziel-{goal['goal_id']}"
        assumed = "reports" if found.demonstration else ""
        keys = [*frame.attrs["site_ids"], _SUM]
        rows = [{"site_id": key, **row, "assumed": assumed} for key, row in zip(keys, _rows_of(frame), strict=True)]
        desk.numbers.beside[name] = rows
        desk.numbers.names[name, ""] = desk.text("Goal {goal}", goal=desk.texts.given(goal["field"]))
        for row in desk.basis.rows("dialogue_indicators"):
            desk.numbers.names[name, row["indicator"]] = row["name_de"]
        forms = {key: "cents" if key in frame.attrs["decimals"] else "number" for key in heads}
        printed_rows = [
            {
                "name": desk.numbers.words(name, "name", site_id=row["site_id"]),
                "werte": [desk.numbers.cell(name, key, forms[key], site_id=row["site_id"]) or "–" for key in heads],
            }
            for row in rows
        ]
        tables.append(
            {
                "ziel": desk.numbers.words("goals", "field", goal_id=goal["goal_id"]),
                "satz": desk.numbers.words("goals", "name", goal_id=goal["goal_id"]),
                "spalten": [_head(desk, key) for key in heads],
                "zeilen": printed_rows[:-1],
                "summen": printed_rows[-1:],
            }
        )
    return tables


_SUM = "summe"
"""Key of the row of sums in tables of the report."""


def _head(desk: _Desk, indicator: str) -> str:
    """Name an indicator with its unit, unless the name says it."""
    name = desk.numbers.words("dialogue_indicators", "name_de", indicator=indicator)
    unit = desk.numbers.row("dialogue_indicators", indicator=indicator)["unit"]
    return name if str(unit).casefold() in name.casefold() else desk.text("{name} ({unit})", name=name, unit=unit)


def _quoted(desk: _Desk, found: quality.Dialogue, kind: str) -> list[str]:
    """What sites wrote, each text once, with the names of those who wrote it."""
    by_text: dict[str, list[Mapping[str, Any]]] = {}
    for row in _rows_of(found.texts()):
        if row["kind"] == kind and row["text"]:
            by_text.setdefault(row["text"], []).append(row)
    table = f"{DEMONSTRATION if desk.basis.reports_are_made_up else ''}report_texts"
    told = []
    for text, rows in by_text.items():
        names = desk.texts.listing(desk.name(row["site_id"]) for row in rows)
        key = {"year": found.year, "site_id": rows[0]["site_id"], "kind": kind}
        told.append(desk.text("{text} ({sites})", text=desk.quote(text, table, **key), sites=names))
    return told


def _measures(desk: _Desk, found: quality.Dialogue) -> list[dict[str, str]]:
    table = f"{DEMONSTRATION if desk.basis.reports_are_made_up else ''}measures"
    return [
        {
            "standort": desk.name(row["site_id"]),
            "massnahme": desk.quote(row["text"], table, measure_id=row["measure_id"]),
            "wer": desk.partner(str(row["owner"])),
            "bis": desk.day(row["due_date"]),
            "stand": desk.texts.name("state", row["state"]),
        }
        for row in _rows_of(found.measures())
    ]


def _without_report(desk: _Desk, found: quality.Dialogue) -> list[str]:
    missing = [desk.name(str(site_id)) for site_id in found.without_report().index]
    if not missing:
        return [desk.text("All sites with a signed agreement have reported.")]
    return [desk.text("No report came from: {sites}.", sites=desk.texts.listing(missing))]


def _learnt(desk: _Desk) -> list[str]:
    """What the reports teach about the effect of money."""
    basis, numbers = desk.basis, desk.numbers
    try:
        found = evidence.learn(basis.sites, "demonstration" if basis.reports_are_made_up else "quality")
    except PlainError as error:
        return [desk.text("From these reports nothing can be learnt about the effect of the money. {why}", why=error)]
    assumed, low, middle, high = found.typical
    made_up = "reports" if found.is_made_up else ""
    estimated = made_up or "response"  # an estimate from real reports rests on what was held possible before, too
    numbers.beside["gelernt"] = [
        {"what": "assumed", "value": assumed, "assumed": "scale_eur"},
        {"what": "low", "value": _to_hundreds(low), "assumed": estimated},
        {"what": "middle", "value": _to_hundreds(middle), "assumed": estimated},
        {"what": "high", "value": _to_hundreds(high), "assumed": estimated},
        {"what": "reports", "value": len(found.reports()), "assumed": made_up},
        {"what": "sites", "value": int((found.table()["reports"] > 0).sum()), "assumed": made_up},
    ]

    def value(what: str, form: str = "eur") -> str:
        return numbers.cell("gelernt", "value", form, what=what)

    told = [
        desk.text(
            "{n} reports of {sites} sites say how much money was spent and how many people were reached.",
            n=value("reports", "number"),
            sites=value("sites", "number"),
        ),
        desk.text(
            "The data assume a scale of {assumed} for a typical site: with so much money a year, almost two thirds of the people"
            " in reach are reached. The reports point to about {middle}; most likely it is between {low} and {high}.",
            assumed=value("assumed"),
            middle=value("middle"),
            low=value("low"),
            high=value("high"),
        ),
    ]
    if high > evidence.WIDE * low:
        told.append(desk.text("That is little evidence: much of the estimate rests on what was assumed before."))
    table = found.table()
    differing = table[table["difference"].isin(["above", "below"])]
    if differing.empty:
        told.append(desk.text("The reports do not show that one site works with less money than another."))
    more, less = (
        [desk.name(str(site)) for site in table.index[table["difference"] == kind]] for kind in ("above", "below")
    )
    if more:
        told.append(
            desk.text(
                "The reports suggest that more money is needed for the same effect at this site: {sites}.",
                plural="The reports suggest that more money is needed for the same effect at these sites: {sites}.",
                n=len(more),
                sites=desk.texts.listing(more),
            )
        )
    if less:
        told.append(
            desk.text(
                "The reports suggest that less money is needed for the same effect at this site: {sites}.",
                plural="The reports suggest that less money is needed for the same effect at these sites: {sites}.",
                n=len(less),
                sites=desk.texts.listing(less),
            )
        )
    return told


def _to_hundreds(value: float) -> float:
    """Round an estimate to what it can bear."""
    return round(value, -2)


def _moved(desk: _Desk) -> list[dict[str, str]]:
    """What was learnt moves: the plan with the assumed effect scales, and with those that the reports teach; the sums last."""
    basis, numbers = desk.basis, desk.numbers
    chosen = "demonstration" if basis.reports_are_made_up else "quality"
    try:
        found = whatif.what_moved(basis.sites, basis.plan.scenario.replace(response_from=chosen))
    except PlainError:
        return []
    made: list[dict[str, Any]] = []
    for row in basis.rows("distribution"):
        before, after = (float(found.loc[row["site_id"], column]) for column in ("before_eur", "after_eur"))
        if before or after:
            assumed = "reports" if basis.reports_are_made_up else row["assumed"]
            key = {"site_id": row["site_id"], "name": row["name"]}
            made.append(
                {**key, "before_eur": before, "after_eur": after, "change_eur": after - before, "assumed": assumed}
            )
    sums = {key: math.fsum(row[key] for row in made) for key in ("before_eur", "after_eur", "change_eur")}
    made.append({"site_id": _SUM, "name": desk.text("Sum"), **sums, "assumed": _assumed_in(made)})
    numbers.beside["bewegt"] = made
    return [
        {
            "standort": numbers.words("bewegt", "name", site_id=row["site_id"]),
            "vorher": numbers.cell("bewegt", "before_eur", site_id=row["site_id"]),
            "gelernt": numbers.cell("bewegt", "after_eur", site_id=row["site_id"]),
            "unterschied": numbers.cell("bewegt", "change_eur", "eur_change", site_id=row["site_id"]),
        }
        for row in made
    ]


# --- the information paper ----------------------------------------------------------------------------------------

_KEYS = {"programme": "rule", "agreements": "agreement_id", "steps": "step_id", "calendar": "event_id"}
"""Column that names the rows of the tables which the situation is read from."""


def _situation(desk: _Desk) -> dict[str, Any]:
    """Fields of the information paper: the situation of the cooperation, and the sites with their amounts."""
    found = ledger.situation(desk.basis.sites, desk.texts.language)
    if not found.of("committee"):
        raise PaperError(desk.text("The data name no committee."))
    if found.one("subject") is None or found.one("signatory") is None:
        raise PaperError(desk.text("The data name no subject or no signatory (programme.csv)."))
    return {
        "gremien": _committees(desk),
        "grundlage": _fact(desk, found, "decision_basis"),
        "stand": _standing(desk, found),
        "schritte": [_inert(desk, fact) for fact in found.of("to_approach")],
        "ausblick": _outlook(desk, found),
        "hinweise": list(found.remarks),
        "plan": [
            desk.text(
                "According to the plan, {count} site gets {spent}. The table shows who gets how much.",
                plural="According to the plan, {count} sites get {spent} together. The table shows who gets how much.",
                n=desk.basis.plan.funded_sites,
                count=desk.numbers.cell("baselines", "funded_sites", "number", baseline="plan"),
                spent=_total(desk),
            ),
            *_part_years(desk, desk.funded()),
            *_what_is_kept_back(desk),
            *_from_reports(desk),
        ],
        "standorte": _site_table(desk),
        "summe": _total(desk),
        "unterschrift": _fact(desk, found, "signatory"),
    }


def _fact(desk: _Desk, found: ledger.Situation, name: str, form: str = "text") -> str:
    """Print the first fact of a name, with its cell in the list of origins; empty where there is none."""
    one = found.one(name)
    if one is None:
        return ""
    key = _KEYS.get(one.table)
    if (
        key
        and ";" not in one.row
        and str(desk.numbers.row(one.table, **{key: one.row}).get(one.column)) == str(one.value)
    ):
        named: dict[str, Any] = {key: one.row}
        return desk.numbers.cell(one.table, one.column, form, **named)
    counted = desk.numbers.beside.setdefault("lage", [])
    if not any(row["fact"] == name for row in counted):
        counted.append(
            {"fact": name, "value": one.value, "counted_from": f"{one.table}: {one.row}", "basis": one.basis}
        )
    return desk.numbers.cell("lage", "value", form, fact=name)


def _inert(desk: _Desk, fact: ledger.Fact) -> str:
    """Print the text of a fact; numbers in it are listed with its cell."""
    if not any(letter.isdigit() for letter in str(fact.value)):
        return str(fact.value)
    return desk.numbers.words(fact.table, fact.column, **{_KEYS[fact.table]: fact.row})


def _standing(desk: _Desk, found: ledger.Situation) -> list[str]:
    """Say what is there, who talks, who is to be approached, who has declined."""
    one = found.one("signed_sites")
    signed_sites = int(float(one.value)) if one is not None else 0
    days = [datetime.date.fromisoformat(str(row["date"])) for row in desk.basis.rows("agreements")]
    told = [desk.text("What is said here is as of {date}.", date=desk.day(max(days)))] if days else []
    told += [
        desk.text(
            "The city has {budget} a year for neighbourhood work at {most} sites at most.",
            budget=_fact(desk, found, "budget_eur", "eur"),
            most=_fact(desk, found, "max_sites", "number"),
        ),
        desk.text(
            "At {count} site, an agreement is signed. The partners are: {partners}.",
            plural="At {count} sites, agreements are signed. The partners are: {partners}.",
            n=signed_sites,
            count=_fact(desk, found, "signed_sites", "number"),
            partners=desk.texts.listing(str(fact.value) for fact in found.of("partner")),
        ),
    ]
    talks = found.one("in_talks")
    if talks is not None and float(talks.value) > 0:
        many, count = int(float(talks.value)), _fact(desk, found, "in_talks", "number")
        who = (
            desk.text("{count} social provider", plural="{count} social providers", n=many, count=count)
            if talks.table == "programme"
            else desk.text("{count} site", plural="{count} sites", n=many, count=count)
        )
        note = "; ".join(_inert(desk, fact) for fact in found.of("in_talks_note"))
        told.append(
            desk.text("In talks: {who} ({note}).", who=who, note=note)
            if note
            else desk.text("In talks: {who}.", who=who)
        )
    reasons = {fact.row: str(fact.value) for fact in found.of("declined_why")}
    for fact in found.of("declined"):
        who, why = str(fact.value), reasons.get(fact.row)
        told.append(
            desk.text("No agreement came about with {who}. Reason: {why}.", who=who, why=why)
            if why
            else desk.text("No agreement came about with {who}.", who=who)
        )
    return told


def _outlook(desk: _Desk, found: ledger.Situation) -> list[str]:
    told = []
    if dialogue := _fact(desk, found, "quality_dialogue"):
        told.append(desk.text("The partners and the city hold a quality dialogue, {how}.", how=dialogue))
    if reported := _fact(desk, found, "report"):
        told.append(desk.text("Its results are reported {when}.", when=reported))
    return told


# --- a paper as a whole -----------------------------------------------------------------------------------------------

_MADE_BY: Mapping[str, Callable[[_Desk], dict[str, Any]]] = {
    "mitteilung": _situation,
    "beschluss": _decision,
    "bericht": _dialogue_report,
    "foerderbescheid-anlage": _sheets,
    "kasse": _treasury,
}
_TITLES = {
    "mitteilung": mark("Information for the committees"),
    "beschluss": mark("Decision paper"),
    "bericht": mark("Report on the quality dialogue"),
    "foerderbescheid-anlage": mark("Enclosure to the grant notices"),
    "kasse": mark("Sheet for the treasury"),
}


def no_papers(plan: Plan, texts: Texts) -> str:
    """Say why no papers are written of a plan; empty where they are."""
    scenario = plan.scenario
    if plan.years:
        return texts.text("its plan is of several years.")
    if scenario.earmarked or scenario.carried_eur:
        return texts.text("its plan has money for certain sites only, or from the year before; papers know one budget.")
    return ""


def compose(basis: RunBasis, kind: str, *, is_draft: bool = False, has_english: bool = False) -> Paper:
    """Say what a paper says.

    Parameters
    ----------
    basis : RunBasis
        The run, as `quartier.papers.open_run` gives it.
    kind : str
        One of `KINDS`.
    is_draft : bool
        The paper says that it is a draft.
    has_english : bool
        The summary in English as well.

    Raises
    ------
    PaperError
        The city's data lack what the paper is about.
    """
    texts = Texts()
    if basis.plan.scenario.language != texts.language:
        raise PaperError(texts.text("No paper is written from {run}: it is not in German.", run=basis.run.name))
    numbers = Numbers(basis, texts)
    desk = _Desk(basis, numbers)
    made = _MADE_BY[kind](desk)
    is_made_up = _is_made_up(basis, kind)
    title = texts.text(_TITLES[kind])
    if subject := numbers.programme("subject"):
        title = f"{title}: {numbers.trace.plain(subject)}"
    cities = [row["name"] for row in basis.rows("partners") if row["kind"] == "city"]
    seal = lasting_hash(basis.manifest)
    if "unterschrift" in made and (is_draft or is_made_up):  # nobody has signed that
        made["unterschrift"] = texts.text("nobody, while this is a draft")
    summary = _summary(desk, kind)
    english = _summary(_Desk(basis, numbers.in_language("en")), kind) if has_english else []
    return Paper(
        kind,
        title,
        {
            **made,
            "titel": texts.text(_TITLES[kind]),
            "betreff": numbers.programme("subject"),
            "stadt": texts.listing(cities),
            "datum": texts.date(basis.manifest.begun.date()),
            "ohne_termine": _without_dates(desk, kind, made, basis.manifest.begun.year),
            "vorfuehrung": texts.text("Demonstration with made-up figures") if is_made_up else "",
            "erfunden": _what_is_made_up(desk, kind) if is_made_up else "",
            "zusammenfassung": summary,
            "summary": english,
            "lesbarkeit": _readability(desk, kind, summary),
            "angenommen": _what_is_assumed(desk, kind),
            "quelle": desk.attribution(),
            "lauf": basis.run.name,
            "pruefsumme": seal[:_HASH_SHOWN],
            "geprueft": texts.text("It was made again from its own copies, with the same result.")
            if not is_draft
            else texts.text("Its files are as it has left them; whether it comes out the same was not tried."),
        },
        numbers.trace,
        dict(numbers.beside),
        is_draft,
        is_made_up,
    )


_DATED = {
    "mitteilung": ("committee",),
    "beschluss": ("committee", "dialogue", "deadline", "report"),
    "foerderbescheid-anlage": ("deadline", "renewal"),
}
"""Kinds of events that a paper names."""


def _without_dates(desk: _Desk, kind: str, made: Mapping[str, Any], year: int) -> str:
    """Say that the data hold no date for a paper's year; empty where they do."""
    if kind == "bericht":
        told = desk.text("In the calendar there is no date for the report on {year}.", year=made["jahr"])
        return "" if made["gremien"] else told
    if kind == "kasse":
        days = [row["due_date"] for row in desk.basis.rows("instalments")]
        told = desk.text("No instalment is due in {year}. Days that stand here are of other years.", year=year)
        return "" if any(isinstance(day, datetime.date) and day.year == year for day in days) else told
    if any(row["begins"].year <= year <= row["ends"].year for row in desk.events(*_DATED[kind])):
        return ""
    return desk.text(
        "In the calendar there are no dates for {year}. Days that stand here are of other years.", year=year
    )


def _is_made_up(basis: Basis, kind: str) -> bool:
    """Tell whether a paper rests on made-up reports: its plan does, or it shows them."""
    return basis.is_made_up or (kind == "bericht" and basis.reports_are_made_up)


def _what_is_made_up(desk: _Desk, kind: str) -> str:
    if kind == "bericht" and desk.basis.reports_are_made_up:
        return desk.text("The reports are made up; no site has written them. Not to be passed on as a result.")
    return desk.text(
        "This plan was worked out with made-up reports; no site has written them. Not to be passed on as a result."
    )


_EASIEST = 4.0
"""The formula is made for school years 4 to 15 (Bamberger and Vanecek 1984); what is easier has no year."""


def _readability(desk: _Desk, kind: str, summary: Sequence[str]) -> str:
    """Say how hard the summary is to read, whatever comes out."""
    value = wording.readability("\n".join(desk.numbers.trace.plain(sentence) for sentence in summary))
    value = round(value, 1)  # as it is printed, so that the same value has the same year
    name = f"lesbarkeit-{kind}"
    desk.numbers.beside[name] = [
        {
            "text": "summary",
            "name": desk.text("In plain words"),
            "value": value,
            "school_year": math.floor(value + 0.5) if value >= _EASIEST else "",
        }
    ]
    if value < _EASIEST:
        return desk.text(
            "How easily this section is read: very easily, too easily for the formula to name a school year "
            "(fourth Wiener Sachtextformel: {value}).",
            value=desk.numbers.cell(name, "value", "decimal", text="summary"),
        )
    return desk.text(
        "How easily this section is read: fit for about school year {year} (fourth Wiener Sachtextformel: {value}).",
        year=desk.numbers.cell(name, "school_year", "number", text="summary"),
        value=desk.numbers.cell(name, "value", "decimal", text="summary"),
    )


def _what_is_assumed(desk: _Desk, kind: str) -> str:
    also = []
    if kind in ("beschluss", "kasse") and any(row["basis"] == "assumed" for row in desk.basis.rows("instalments")):
        also.append("instalments")
    if kind != "bericht" and any(desk.agreement(site_id).get("basis") == "assumed" for site_id in desk.funded()):
        also.append("partners")
    if any(row["basis"] == "assumed" for row in desk.events(*_DATED.get(kind, ("report",)))):
        also.append("dates")
    if _is_made_up(desk.basis, kind):
        also.append("reports")
    figures = desk.assumed_figures(*also)
    return (
        desk.text("* means: this rests on assumptions, not on a source. Assumed are: {figures}.", figures=figures)
        if figures
        else ""
    )


def _summary(desk: _Desk, kind: str) -> list[str]:
    """Say in plain words what a paper says."""
    warned = []
    if kind == "bericht" and desk.basis.reports_are_made_up:
        warned.append(
            desk.text("All numbers of the sites in this report are made up. They show how such a report looks.")
        )
    if desk.basis.is_made_up:
        warned.append(desk.text("The plan reckons with made-up reports. It is no result."))
    if kind == "bericht":
        return [
            *warned,
            desk.text("The sites say what they did with the money."),
            desk.text("They say what went well and what did not."),
            desk.text("The city and the sites agree on what to do better."),
            desk.text("Small numbers are kept secret, so that nobody is recognised."),
        ]
    found = _plain_summary(desk)
    if kind == "mitteilung":
        found.append(desk.text("The city reports on this to the committees."))
    if kind == "beschluss":
        found.append(desk.text("The committee decides on this."))
    if kind == "foerderbescheid-anlage":
        found.append(desk.text("Each sheet says how much a site gets, and why."))
    if kind == "kasse":
        found.append(desk.text("The treasury pays the money in instalments."))
        found.append(
            desk.text(
                "Of this, {payable} can be paid.",
                payable=desk.numbers.cell("raten", "amount_eur", site_id="payable"),
            )
        )
        if lacking := {key for site_id in desk.funded() for key in desk.lacking(site_id)}:
            found.append(
                desk.text(
                    "{reserved} are kept back. Missing is: {what}.",
                    reserved=desk.numbers.cell("raten", "amount_eur", site_id="reserved"),
                    what=desk.texts.either(desk.text(_MISSING[key]) for key in _MISSING if key in lacking),
                )
            )
    return [*warned, *found, *_care(desk)]


_MISSING = {
    "agreement": mark("a signature"),
    "in_force": mark("a renewed agreement"),
    "provider": mark("the recipient"),
}
"""The same, in plain words."""


# --- what papers say, shown in a notebook -----------------------------------------------------------------------------


def paper_views(sites: Sites, scenario: Scenario, folder: str | Path = "data") -> dict[str, Any]:
    """Give what a notebook shows of the papers: what they would say of a scenario's plan, before there is a run.

    Parameters
    ----------
    sites : Sites
        Sites read from a folder.
    scenario : Scenario
        The plan is that of this scenario.
    folder : path
        City's folder; its other scenarios are the alternatives.

    Returns
    -------
    dict of str to DataFrame, str or PlainError
        Of the information paper: ``plain`` (its summary), ``committees``, ``situation``, ``next_steps``, ``distribution``, ``sites``,
        ``outlook``, ``origins`` (where its numbers are from). Of the decision paper: ``proposal``, ``reasons``, ``money``,
        ``alternatives``. Of the report: ``dialogue``, ``indicators``, ``learnt``. Where the city's data lack something, the reason in
        its place, to be shown like a table.

    Raises
    ------
    InfeasibleScenario
        No plan keeps all rules.
    """
    beside = optimise.side_by_side(sites, scenario, folder)
    plan = next(iter(beside.values()))
    if isinstance(plan, Exception):
        raise plan
    saved = {name: rows_of_csv(text) for name, text in report.saved_tables(plan, beside).items()}
    views = _Views(Basis(sites, plan, Path(folder).name, saved, folder=Path(folder)))
    make: dict[str, Callable[[], Any]] = {
        "plain": lambda: views.lines("mitteilung", "zusammenfassung"),
        "committees": lambda: views.lines("mitteilung", "termine"),
        "situation": lambda: views.lines("mitteilung", "stand", "hinweise"),
        "next_steps": lambda: views.lines("mitteilung", "schritte"),
        "distribution": lambda: views.lines("mitteilung", "plan"),
        "sites": lambda: views.table("mitteilung", "standorte", _SITE_COLUMNS),
        "outlook": lambda: views.lines("mitteilung", "ausblick"),
        "origins": lambda: views.origins("mitteilung"),
        "proposal": lambda: views.lines("beschluss", "vorschlag"),
        "reasons": lambda: views.lines("beschluss", "begruendung"),
        "money": lambda: views.lines("beschluss", "finanzen"),
        "alternatives": lambda: views.table("beschluss", "szenarien", _ALTERNATIVE_COLUMNS),
        "dialogue": lambda: views.lines("bericht", "zusammenfassung", "ohne_bericht", "geheim"),
        "indicators": lambda: views.table("bericht", "kennzahlen", _SUM_COLUMNS),
        "learnt": lambda: views.lines("bericht", "gelernt"),
    }
    return report.each_or_why(make)


_SITE_COLUMNS = {
    "standort": "name",
    "wohnungsunternehmen": "housing_company",
    "anbieter": "provider",
    "stand": "status",
    "betrag": "amount_eur",
}
_ALTERNATIVE_COLUMNS = {
    "titel": "baseline",
    "geld": "spent_eur",
    "anzahl": "funded_sites",
    "nutzen": "benefit",
    "unterschied": "benefit_change",
}
_SUM_COLUMNS = {
    "kennzahl": "counted",
    "wert": "value",
    "vorjahr": "last_year",
    "unterschied": "change",
    "standorte": "sites",
}
"""Fields of a row, and the columns whose headings they have."""


class _Views:
    """What papers say, kind by kind, as texts and tables; each kind is made once."""

    def __init__(self, basis: Basis) -> None:
        self.basis, self.texts = basis, Texts()
        self._made: dict[str, tuple[Mapping[str, Any], documents.Trace]] = {}

    def lines(self, kind: str, *names: str) -> str:
        """Give sentences of a paper, one a line."""
        said, trace = self._paper(kind)
        return "\n".join(trace.printed(sentence) for name in names for sentence in said[name])

    def table(self, kind: str, name: str, columns: Mapping[str, str]) -> Any:
        """Give a table of a paper, its cells as they are printed."""
        import pandas as pd

        said, trace = self._paper(kind)
        rows = [{key: trace.printed(row[key]) for key in columns} for row in said[name]]
        frame = pd.DataFrame(rows, columns=list(columns))
        frame.attrs["headings"] = {key: self.texts.column(column) for key, column in columns.items()}
        frame.attrs["caption"] = said["angenommen"]
        return frame

    def origins(self, kind: str) -> Any:
        """Give the cell of each number that was shown of a paper."""
        import pandas as pd

        said, trace = self._paper(kind)
        sign = documents.Trace.SIGN
        rows = [
            {"printed": one.text + sign * one.assumed, "table": one.table, "row": one.row, "column": one.column}
            for one in trace.origins()
        ]
        frame = pd.DataFrame(rows, columns=["printed", "table", "row", "column"])
        frame.attrs["caption"] = said["angenommen"]
        return frame

    def _paper(self, kind: str) -> tuple[Mapping[str, Any], documents.Trace]:
        if kind not in self._made:
            basis, texts = self.basis, Texts(self.basis.plan.scenario.language)
            if texts.language != self.texts.language:
                raise PaperError(texts.text("Papers are only written in German."))
            if reason := no_papers(basis.plan, texts):
                raise PaperError(texts.text("No paper is written: {why}", why=reason))
            desk = _Desk(basis, Numbers(basis, self.texts))
            said = {**_MADE_BY[kind](desk), "zusammenfassung": _summary(desk, kind), "angenommen": _caption(desk, kind)}
            said["termine"] = [f"{event['gremium']}, {event['datum']}" for event in said.get("gremien", [])]
            self._made[kind] = said, desk.numbers.trace
        return self._made[kind]


def _caption(desk: _Desk, kind: str) -> str:
    """Say what is assumed in the tables of a paper."""
    if kind == "bericht":
        return quality.dialogue(desk.basis.sites, None, desk.basis.reports_are_made_up).mark_sentence
    return _what_is_assumed(desk, kind)
