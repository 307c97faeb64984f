"""The cooperation as a ledger: where it stands, what is next, what a signature or a failure would mean, and when.

All of it is read from the city's tables; nothing is typed here. What rests on an assumption says so. Made-up measures are left out
unless they are asked for.
"""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartier import report
from quartier.data import BASES, DEMONSTRATION, Sites, current_agreements, load
from quartier.language import PlainError, Texts, signed
from quartier.optimise import allocate
from quartier.plan import InfeasibleScenario, Plan
from quartier.scenario import SiteChoice
from quartier.whatif import Statement

if TYPE_CHECKING:
    import pandas as pd

    from quartier.scenario import Scenario

PRECISION = 1e-6
"""Weighted residents: a benefit that changes by less has not changed."""


# --- where it stands ----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Fact:
    """One thing that the tables say of the cooperation, and the cell that says it.

    Attributes
    ----------
    name : str
        What it is about: ``budget_eur``, ``partner``, ...
    value : str or float
        As it stands in the table, or a name or a count worked out from it.
    text : str
        The same as people read it.
    table, row, column : str
        The cell; several rows, parted by semicolons, where they were counted.
    basis : str
        ``stated``, ``derived`` or ``assumed``.
    """

    name: str
    value: str | float
    text: str
    table: str
    row: str
    column: str
    basis: str


@dataclasses.dataclass(frozen=True)
class Situation:
    """Where the cooperation stands, fact by fact, and where the tables contradict each other."""

    facts: tuple[Fact, ...]
    remarks: tuple[str, ...]
    language: str

    def of(self, name: str) -> tuple[Fact, ...]:
        """Give all facts of a name; none where the tables say nothing of it."""
        return tuple(fact for fact in self.facts if fact.name == name)

    def one(self, name: str) -> Fact | None:
        """Give the first fact of a name; None where the tables say nothing of it."""
        return next(iter(self.of(name)), None)

    def table(self) -> pd.DataFrame:
        """Give one row for each fact: fact, text, basis, table, key (of the row)."""
        import pandas as pd

        rows = [(fact.name, fact.text, fact.basis, fact.table, fact.row) for fact in self.facts]
        return pd.DataFrame(rows, columns=["fact", "text", "basis", "table", "key"])


def situation(sites: Sites, language: str = "de", *, since: datetime.date | None = None) -> Situation:
    """Say where the cooperation stands, as a notice to the committees does.

    What the programme states is taken as it is. Where agreements were added after the day of that statement, they are counted
    instead. Where both differ otherwise, the remarks say so.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder.
    language : str
        Language of the texts; what stands in the tables stays as it is.
    since : date, optional
        Dates of the calendar that are over by then are left out.

    Raises
    ------
    PlainError
        The sites were not read from a city's folder.
    """
    tables, texts = _tables(sites, Texts(language)), Texts(language)
    found = [
        *_rules(tables, texts, ("budget_eur", "max_sites")),
        *_cooperating(tables, texts),
        *_declined(tables, texts),
        *_dates(tables, texts, since),
        *_rules(tables, texts, ("report", "decision_basis", "quality_dialogue", "subject", "signatory")),
    ]
    return Situation(tuple(found), tuple(_contradictions(tables, texts)), language)


def _tables(sites: Sites, texts: Texts) -> dict[str, pd.DataFrame]:
    tables = sites.tables
    if not tables:
        raise PlainError(
            texts.text("These sites were not read from a city's folder; of a cooperation nothing is known.")
        )
    return tables


def _rules(tables: Mapping[str, pd.DataFrame], texts: Texts, rules: Iterable[str]) -> list[Fact]:
    """Facts that are one row of the programme each: a number with its unit, or a text; a rule that is not there is left out."""
    programme, found = tables["programme"].set_index("rule"), []
    for rule in rules:
        if rule in programme.index:
            row = programme.loc[rule]
            if isinstance(row["text"], str):
                text = row["text"]
                if rule == "decision_basis" and (day := _day(row)):
                    text = texts.text("{paper} of {date}", paper=text, date=texts.date(day))
                found.append(Fact(rule, row["text"], text, "programme", rule, "text", row["basis"]))
            else:
                value = float(row["value"])
                found.append(Fact(rule, value, _said(rule, value, texts), "programme", rule, "value", row["basis"]))
    return found


def _said(rule: str, value: float, texts: Texts) -> str:
    if rule == "budget_eur":
        return texts.text("{budget} a year", budget=texts.eur(value))
    if rule == "max_sites":
        return texts.text("at most {n} site", plural="at most {n} sites", n=int(value))
    if rule == "signed_sites":
        return texts.text("{n} site with an agreement", plural="{n} sites with an agreement", n=int(value))
    return texts.text("{n} provider in talks", plural="{n} providers in talks", n=int(value))


def _day(row: pd.Series) -> datetime.date | None:
    """Day of a row of the programme, where the city's table has such a column and it holds one."""
    day = row.get("date")
    if isinstance(day, str) and re.fullmatch(r"\d{4}-\d{2}-\d{2}", day):
        return datetime.date.fromisoformat(day)
    return day if isinstance(day, datetime.date) else None


def _outdated(tables: Mapping[str, pd.DataFrame], rule: str) -> bool:
    """Whether the programme does not say this, or agreements were added after the day on which it was said."""
    programme = tables["programme"].set_index("rule")
    if rule not in programme.index:
        return True
    day = _day(programme.loc[rule])
    return day is not None and bool((tables["agreements"]["date"] > day).any())


def _with_status(tables: Mapping[str, pd.DataFrame], status: str) -> pd.DataFrame:
    current = current_agreements(tables["agreements"])
    return current[current["status"] == status]


def _weakest(bases: Iterable[Any]) -> str:
    """Basis of what was worked out from others: never better than derived."""
    return max((basis for basis in (*bases, "derived") if isinstance(basis, str)), key=BASES.index)


def _parts(text: Any) -> list[str]:
    return [part.strip() for part in text.split(";") if part.strip()] if isinstance(text, str) else []


def _partner_names(tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    partners = tables["partners"]
    return dict(zip(partners["partner_id"], partners["name"], strict=True))


def _partners_of(tables: Mapping[str, pd.DataFrame], rows: pd.DataFrame) -> dict[str, list[str]]:
    """Names of the partners of some agreements, with the ids of the agreements of each."""
    names = _partner_names(tables)
    found: dict[str, list[str]] = {}
    for column in ("housing_company_id", "provider_id"):
        for agreement, partner in zip(rows["agreement_id"], rows[column], strict=True):
            if isinstance(partner, str):
                found.setdefault(names[partner], []).append(agreement)
    return found


def _cooperating(tables: Mapping[str, pd.DataFrame], texts: Texts) -> list[Fact]:
    """Signed sites, partners with an agreement, who is in talks and why that takes long, who is to be approached."""
    programme, found = tables["programme"].set_index("rule"), []
    rows = _with_status(tables, "signed")
    if not _outdated(tables, "signed_sites"):
        found += _rules(tables, texts, ["signed_sites"])
    else:
        text, keys = _said("signed_sites", len(rows), texts), "; ".join(rows["agreement_id"])
        found.append(Fact("signed_sites", len(rows), text, "agreements", keys, "status", _weakest(rows["basis"])))
    if not _outdated(tables, "partners_with_agreement"):
        row = programme.loc["partners_with_agreement"]
        for name in _parts(row["text"]):
            found.append(Fact("partner", name, name, "programme", "partners_with_agreement", "text", row["basis"]))
    else:
        for name, agreements in _partners_of(tables, rows).items():
            basis = _weakest(rows.loc[rows["agreement_id"].isin(agreements), "basis"])
            column = "housing_company_id; provider_id"
            found.append(Fact("partner", name, name, "agreements", "; ".join(agreements), column, basis))
    return found + _in_talks(tables, texts) + _to_approach(tables)


def _in_talks(tables: Mapping[str, pd.DataFrame], texts: Texts) -> list[Fact]:
    programme = tables["programme"].set_index("rule")
    if not _outdated(tables, "providers_in_talks"):
        row = programme.loc["providers_in_talks"]
        text = _said("providers_in_talks", row["value"], texts)
        found = [Fact("in_talks", float(row["value"]), text, "programme", "providers_in_talks", "value", row["basis"])]
        if isinstance(row["text"], str):
            note = (row["text"], row["text"], "programme", "providers_in_talks", "text", row["basis"])
            found.append(Fact("in_talks_note", *note))
        return found
    rows = _with_status(tables, "negotiating")
    count, keys = len(rows), "; ".join(rows["agreement_id"])
    text = texts.text("{n} site in talks", plural="{n} sites in talks", n=count)
    found = [Fact("in_talks", count, text, "agreements", keys, "status", _weakest(rows["basis"]))]
    for agreement, reason, basis in zip(rows["agreement_id"], rows["reason"], rows["basis"], strict=True):
        if isinstance(reason, str):
            found.append(Fact("in_talks_note", reason, reason, "agreements", agreement, "reason", basis))
    return found


def _to_approach(tables: Mapping[str, pd.DataFrame]) -> list[Fact]:
    """Who is still to be approached: open steps, or what the programme says of it where there are none."""
    if "steps" in tables:
        steps = tables["steps"][tables["steps"]["kind"] == "approach"]
        cells = zip(*(steps[column] for column in ("step_id", "next_step", "basis")), strict=True)
        return [Fact("to_approach", what, what, "steps", key, "next_step", basis) for key, what, basis in cells]
    programme = tables["programme"].set_index("rule")
    if "to_be_approached" not in programme.index:
        return []
    row = programme.loc["to_be_approached"]
    place = ("programme", "to_be_approached", "text", row["basis"])
    return [Fact("to_approach", part, part, *place) for part in _parts(row["text"])]


def _declined(tables: Mapping[str, pd.DataFrame], texts: Texts) -> list[Fact]:
    """Who has declined, and why."""
    rows, found = _with_status(tables, "declined"), []
    names, sites = _partner_names(tables), tables["sites"].set_index("site_id")["name"]
    for _, row in rows.iterrows():
        partners = [names[row[f"{kind}_id"]] for kind in ("housing_company", "provider") if row[f"{kind}_id"] in names]
        who = texts.listing(partners) or str(sites[row["site_id"]])
        text = who
        if isinstance(row["reason"], str):
            text = texts.text("{who}: {why}", who=who, why=row["reason"])
        found.append(Fact("declined", who, text, "agreements", row["agreement_id"], "status", row["basis"]))
        if isinstance(row["reason"], str):
            why = (row["reason"], row["reason"], "agreements", row["agreement_id"], "reason", row["basis"])
            found.append(Fact("declined_why", *why))
    return found


def _dates(tables: Mapping[str, pd.DataFrame], texts: Texts, since: datetime.date | None) -> list[Fact]:
    """Each committee with its first date, and the first period in which a report is due."""
    if "calendar" not in tables:
        return []
    calendar = tables["calendar"].sort_values(["begins", "ends", "event_id"], kind="stable")
    if since is not None:
        calendar = calendar[calendar["ends"].map(lambda day: day >= since).astype(bool)]
    found: list[Fact] = []
    for _, row in calendar[calendar["kind"] == "committee"].iterrows():
        for body in _parts(row["body"]):
            if body not in [fact.value for fact in found]:
                text = texts.text("{body} on {date}", body=body, date=texts.date(row["begins"]))
                found.append(Fact("committee", body, text, "calendar", row["event_id"], "body", row["basis"]))
    for _, row in calendar[calendar["kind"] == "report"].head(1).iterrows():
        text = period_name(row["begins"], row["ends"], texts)
        found.append(Fact("report_period", text, text, "calendar", row["event_id"], "begins; ends", row["basis"]))
    return found


def period_name(begins: datetime.date, ends: datetime.date, texts: Texts) -> str:
    """Name a span of days as people do: a half-year, a year, a day, or from the one to the other."""
    if begins == ends:
        return texts.date(begins)
    if begins.year == ends.year:
        span = ((begins.month, begins.day), (ends.month, ends.day))
        if span == ((1, 1), (6, 30)):
            return texts.text("first half of the year {year}", year=begins.year)
        if span == ((7, 1), (12, 31)):
            return texts.text("second half of the year {year}", year=begins.year)
        if span == ((1, 1), (12, 31)):
            return texts.text("year {year}", year=begins.year)
    return texts.text("{first} to {last}", first=texts.date(begins), last=texts.date(ends))


def _contradictions(tables: Mapping[str, pd.DataFrame], texts: Texts) -> list[str]:
    """Where agreements and programme differ, though no agreement is newer than the programme."""
    programme, found = tables["programme"].set_index("rule"), []
    rows = _with_status(tables, "signed")
    if not _outdated(tables, "signed_sites") and programme.loc["signed_sites", "value"] != len(rows):
        found.append(
            texts.text(
                "The programme states {stated} sites with an agreement; the agreements name {named}.",
                stated=texts.number(programme.loc["signed_sites", "value"]),
                named=len(rows),
            )
        )
    talking = _with_status(tables, "negotiating")["provider_id"].nunique()
    if not _outdated(tables, "providers_in_talks") and programme.loc["providers_in_talks", "value"] != talking:
        found.append(
            texts.text(
                "The programme states {stated} providers in talks; the agreements name {named}.",
                stated=texts.number(programme.loc["providers_in_talks", "value"]),
                named=talking,
            )
        )
    if not _outdated(tables, "partners_with_agreement"):
        stated, named = _parts(programme.loc["partners_with_agreement", "text"]), list(_partners_of(tables, rows))
        for name in stated:
            if not any(_same_partner(name, other) for other in named):
                found.append(
                    texts.text("The programme names {partner} as a partner; no signed agreement does.", partner=name)
                )
        for name in named:
            if not any(_same_partner(name, other) for other in stated):
                found.append(
                    texts.text("A signed agreement names {partner} as a partner; the programme does not.", partner=name)
                )
    return found


def _same_partner(one: str, other: str) -> bool:
    """Whether one name is the other, or its beginning: papers write BGW for BGW Bielefelder Gesellschaft ..."""
    short, long = sorted((one.casefold(), other.casefold()), key=len)
    return long == short or long.startswith(f"{short} ")


# --- what is next -------------------------------------------------------------------------------------------------


def cooperation(sites: Sites) -> pd.DataFrame:
    """Say of each site in progress, and of each approach without a site, what is next and what is in the way.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder.

    Returns
    -------
    DataFrame
        Index site_id (None where no site is meant yet), in the order of the sites, approaches without one last; one row for each
        step, and one for a site without. name, status, partners, since (date of the step, else of the status), next_step, due_date,
        blocked_by, agreement_ends, basis (the weakest of what the row says). Sites that declined are left out, unless there is a step.

    Raises
    ------
    PlainError
        The sites were not read from a city's folder.
    """
    import pandas as pd

    tables = _tables(sites, Texts())
    names, site_names = _partner_names(tables), tables["sites"].set_index("site_id")["name"].to_dict()
    current = current_agreements(tables["agreements"]).set_index("site_id")
    steps = _records(tables, "steps")
    ends = {row["site_id"]: row for row in renewals(tables)}
    places = [site for site in site_names if site in current.index or any(step["site_id"] == site for step in steps)]
    rows = []
    for site in [*places, None]:
        agreement = current.loc[site].to_dict() if site in current.index else {}
        here = [step for step in steps if (step["site_id"] or None) == site]
        end = ends.get(site, {})
        if not here and (site is None or agreement["status"] == "declined"):
            continue
        for step in here or [{}]:
            ids = [agreement.get("housing_company_id"), agreement.get("provider_id"), step.get("partner_id")]
            partners = list(dict.fromkeys(names[one] for one in ids if isinstance(one, str)))
            rows.append(
                {
                    "site_id": site,
                    "name": site_names.get(site),
                    "status": agreement.get("status"),
                    "partners": "; ".join(partners) or None,
                    "since": step.get("since") or agreement.get("date"),
                    "next_step": step.get("next_step"),
                    "due_date": step.get("due_date"),
                    "blocked_by": step.get("blocked_by") or _text(agreement.get("reason")),
                    "agreement_ends": end.get("ends"),
                    "basis": max(
                        (row["basis"] for row in (agreement, step, end) if row), key=BASES.index, default="assumed"
                    ),
                }
            )
    columns = [
        "site_id",
        "name",
        "status",
        "partners",
        "since",
        "next_step",
        "due_date",
        "blocked_by",
        "agreement_ends",
    ]
    return pd.DataFrame(rows, columns=[*columns, "basis"], dtype=object).set_index("site_id")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _records(tables: Mapping[str, pd.DataFrame], name: str) -> list[dict[str, Any]]:
    """Rows of a table that a city may do without, with None where nothing is known."""
    if name not in tables:
        return []
    table = tables[name].astype(object)
    return table.where(table.notna(), None).to_dict("records")


def renewals(tables: Mapping[str, pd.DataFrame]) -> list[dict[str, Any]]:
    """Ends of agreements, the latest of a site last."""
    rows = [row for row in _records(tables, "calendar") if row["kind"] == "renewal"]
    return sorted(rows, key=lambda row: (row["ends"], row["event_id"]))


# --- what it would mean -------------------------------------------------------------------------------------------


def consequences(sites: Sites, scenario: Scenario) -> pd.DataFrame:
    """Say what a signature or a failure would mean for the plan: each alone, all else as it is.

    Every row is the difference between two best plans, the second with the status of one site chosen in the scenario.

    Parameters
    ----------
    sites : Sites
        Checked sites.
    scenario : Scenario
        Which statuses must and may be funded; it may choose for single sites already.

    Returns
    -------
    DataFrame
        Index site_id; for each site in talks or to be approached a row ``signature`` and a row ``failure``, for each signed one
        ``failure``; those in talks first. name, status (now), event, possible, benefit_change (weighted residents; NaN where
        impossible), amount_eur (now) and then_eur of the site, moved_eur (what other sites gain or lose, the greater of the two),
        gains and loses (sites in words), why (what makes it impossible; else empty). ``attrs["changes"]``: by (site_id, event) the
        change of each amount that changes, EUR.

    Raises
    ------
    InfeasibleScenario
        There is no plan even as it is.
    """
    import pandas as pd

    plan, rows, changes = allocate(sites, scenario), [], {}
    for status, events in _EVENTS.items():
        here = plan.sites.frame.index[plan.sites.statuses == status]
        for site_id, event in ((site_id, event) for site_id in here for event in events):
            after = _after(sites, scenario, site_id, event)
            change = _change(plan, after) if isinstance(after, Plan) else {}
            changes[site_id, event] = change
            rows.append(
                {
                    "site_id": site_id,
                    "name": plan.sites.frame["name"][site_id],
                    "status": status,
                    "event": event,
                    "possible": isinstance(after, Plan),
                    "benefit_change": _benefit_change(plan, after) if isinstance(after, Plan) else float("nan"),
                    "amount_eur": float(plan.amounts[site_id]),
                    "then_eur": float(after.amounts[site_id]) if isinstance(after, Plan) else float("nan"),
                    "moved_eur": _moved(change, site_id) if isinstance(after, Plan) else float("nan"),
                    "gains": _listed(plan, {one: eur for one, eur in change.items() if eur > 0 and one != site_id}),
                    "loses": _listed(plan, {one: eur for one, eur in change.items() if eur < 0 and one != site_id}),
                    "why": "" if isinstance(after, Plan) else _reason(after),
                }
            )
    columns = [
        "site_id",
        "name",
        "status",
        "event",
        "possible",
        "benefit_change",
        "amount_eur",
        "then_eur",
        "moved_eur",
    ]
    table = pd.DataFrame(rows, columns=[*columns, "gains", "loses", "why"]).set_index("site_id")
    table.attrs["changes"] = changes
    return table


_EVENTS: Mapping[str, tuple[str, ...]] = {
    "negotiating": ("signature", "failure"),
    "prospective": ("signature", "failure"),
    "signed": ("failure",),
}
"""What may still happen to a site, by its status: the talks first."""

_BECOMES = {"signature": "signed", "failure": "declined"}


def _after(sites: Sites, scenario: Scenario, site_id: str, event: str) -> Plan | InfeasibleScenario:
    """Best plan once the site has signed or failed, or why there is none."""
    chosen = scenario.sites[site_id].choices() if site_id in scenario.sites else {}
    choice = SiteChoice(**{**chosen, "status": _BECOMES[event]})
    after = scenario.replace(sites={**scenario.sites, site_id: choice})
    try:
        return allocate(sites, after)
    except InfeasibleScenario as error:
        return error


def _change(plan: Plan, after: Plan) -> dict[str, float]:
    change = (after.amounts - plan.amounts).round(9)
    return {str(site): float(eur) for site, eur in change.items() if eur}


def _benefit_change(plan: Plan, after: Plan) -> float:
    change = after.benefit - plan.benefit
    return change if abs(change) > PRECISION else 0.0


def _moved(change: Mapping[str, float], site_id: str) -> float:
    others = [eur for one, eur in change.items() if one != site_id]
    return max(sum(eur for eur in others if eur > 0), -sum(eur for eur in others if eur < 0))


def _reason(error: InfeasibleScenario) -> str:
    """Say in one line what makes a plan impossible: the rules that conflict."""
    return "; ".join(rule.sentence for rule in error.conflict)


def _listed(plan: Plan, change: Mapping[str, float]) -> str:
    """Name sites with what they gain or lose; those whose amounts change alike together, the greatest change first."""
    texts, names = plan.texts, plan.sites.frame["name"]
    alike: dict[float, list[str]] = {}
    for site, eur in sorted(change.items(), key=lambda item: -abs(item[1])):
        alike.setdefault(eur, []).append(str(names[site]))
    parts = []
    for eur, sites in alike.items():
        shown = signed(eur, texts.eur(abs(eur)))
        if len(sites) == 1:
            parts.append(texts.text("{site} ({change})", site=sites[0], change=shown))
        else:
            parts.append(texts.text("{sites} ({change} each)", sites=texts.listing(sites), change=shown))
    return "; ".join(parts)


def consequence_sentences(sites: Sites, scenario: Scenario) -> list[Statement]:
    """Put the consequences into sentences; what changes nothing is told together.

    Returns
    -------
    list of Statement
        Each with its figures: ``benefit_change`` in weighted residents, ``..._eur`` in EUR.

    Raises
    ------
    InfeasibleScenario
        There is no plan even as it is.
    """
    texts, table = Texts(scenario.language), consequences(sites, scenario)
    said = []
    idle: dict[str, list[str]] = {}
    for row in table.itertuples():
        if row.possible and not table.attrs["changes"][row.Index, row.event]:
            idle.setdefault(str(row.event), []).append(str(row.name))
        else:
            said.append(_consequence_sentence(row, texts))
    for event, names in idle.items():
        who = texts.listing(names)
        if event == "signature":
            sentence = texts.text("A signature would not change the plan here: {sites}.", sites=who)
        else:
            sentence = texts.text("A failure would not change the plan here: {sites}.", sites=who)
        said.append(Statement(sentence, {"sites": names}))
    return said


def _consequence_sentence(row: Any, texts: Texts) -> Statement:
    """Say what follows from one signature or failure."""
    if row.event == "signature":
        head = texts.text("If {site} signs", site=row.name)
    elif row.status == "signed":
        head = texts.text("If the agreement for {site} ends", site=row.name)
    else:
        head = texts.text("If the talks on {site} fail", site=row.name)
    if not row.possible:
        sentence = texts.text("{if_so}, there is no plan: {why}.", if_so=head, why=row.why)
        return Statement(sentence, {"why": row.why})
    figures = {
        "benefit_change": row.benefit_change,
        "amount_eur": row.amount_eur,
        "then_eur": row.then_eur,
        "moved_eur": row.moved_eur,
    }
    parts = [
        texts.text(
            "{if_so}, the benefit changes by {change} weighted residents.",
            if_so=head,
            change=signed(row.benefit_change, texts.number(abs(row.benefit_change), 1)),
        )
    ]
    if row.amount_eur != row.then_eur:
        parts.append(
            texts.text(
                "The site gets {then} instead of {now}.", then=texts.eur(row.then_eur), now=texts.eur(row.amount_eur)
            )
        )
    if row.gains:
        parts.append(texts.text("More get: {sites}.", sites=row.gains))
    if row.loses:
        parts.append(texts.text("Less get: {sites}.", sites=row.loses))
    return Statement(" ".join(parts), figures)


# --- when ---------------------------------------------------------------------------------------------------------


def agenda(
    sites: Sites,
    first: datetime.date | None = None,
    last: datetime.date | None = None,
    *,
    made_up: bool = False,
    language: str = "de",
) -> pd.DataFrame:
    """List what is due, in the order of the days: events of the calendar, steps, open measures, instalments.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder.
    first, last : date, optional
        What ends before the one or begins after the other is left out.
    made_up : bool
        Show the measures of made-up reports as well; each says so.
    language : str
        Language of what is not in the tables.

    Returns
    -------
    DataFrame
        begins, ends (the last day), event (kind: ``committee``, ``step``, ...), text, site (its name), body, basis, table and key
        (of the row), note. Empty where the city brings no such tables.

    Raises
    ------
    PlainError
        The sites were not read from a city's folder.
    """
    import pandas as pd

    texts = Texts(language)
    tables = _tables(sites, texts)
    found = [
        *(_event(row, row["begins"], row["ends"], row["kind"], row["name"]) for row in _records(tables, "calendar")),
        *(_event(row, row["due_date"], None, "step", row["next_step"], "steps") for row in _records(tables, "steps")),
        *(
            _event(
                row,
                row["due_date"],
                None,
                "instalment",
                texts.text("{name} ({share})", name=row["name"], share=texts.percent(row["share"], 0)),
                "instalments",
            )
            for row in _records(tables, "instalments")
        ),
    ]
    for name in ("measures", f"{DEMONSTRATION}measures") if made_up else ("measures",):
        for row in _records(tables, name):
            if row["state"] == "open":
                text = row["text"]
                if name != "measures":
                    text = texts.text("Made up: {text}", text=text)
                found.append(_event(row, row["due_date"], None, "measure", text, name))
    found = [
        row
        for row in found
        if row["begins"] is not None
        and (first is None or row["ends"] >= first)
        and (last is None or row["begins"] <= last)
    ]
    found.sort(key=lambda row: (row["begins"], row["ends"], row["event"], str(row["site_id"]), row["key"]))
    names = tables["sites"].set_index("site_id")["name"].to_dict()
    columns = ["begins", "ends", "event", "text", "site", "body", "basis", "table", "key", "note"]
    rows = [{**row, "site": names.get(row["site_id"])} for row in found]
    return pd.DataFrame(rows, columns=columns, dtype=object)


_KEY = {"calendar": "event_id", "steps": "step_id", "instalments": "instalment_id"}


def _event(
    row: Mapping[str, Any], begins: Any, ends: Any, event: str, text: str, table: str = "calendar"
) -> dict[str, Any]:
    return {
        "begins": begins,
        "ends": ends or begins,
        "event": event,
        "text": text,
        "site_id": row.get("site_id"),
        "body": row.get("body"),
        "basis": row["basis"],
        "table": table,
        "key": row[_KEY.get(table, "measure_id")],
        "note": row.get("note"),
    }


def ics_bytes(sites: Sites, language: str = "de") -> bytes:
    """Give the agenda as an iCalendar file (RFC 5545), the same bytes for the same data.

    Events last whole days and do not block them. An assumed one is tentative, says so in its title, and its description gives the
    reason. Made-up measures are left out.

    Parameters
    ----------
    sites : Sites
        Read from a city's folder.
    language : str
        Language of what is not in the tables.

    Returns
    -------
    bytes
        UTF-8, lines ended and folded as the RFC wants.

    Raises
    ------
    PlainError
        The sites were not read from a city's folder, or the city has no dates.
    """
    import icalendar

    texts = Texts(language)
    tables, events = _tables(sites, texts), agenda(sites, language=language)
    if events.empty:
        raise PlainError(texts.text("These data hold no dates; a calendar would be empty."))
    areas = tables["areas"]
    city = areas[areas["kind"] == "city"].head(1)
    name, city_id = ("".join(city[column]) for column in ("name", "area_id"))
    calendar = icalendar.Calendar()
    calendar.add("prodid", f"-//quartier//quartier//{language.upper()}")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("x-wr-calname", " ".join(part for part in (texts.text("Neighbourhood work"), name) if part))
    for row in events.to_dict("records"):
        calendar.add_component(_component(row, city_id, texts))
    return bytes(calendar.to_ical())


def _component(row: Mapping[str, Any], city_id: str, texts: Texts) -> Any:
    """Make the entry of one event; its stamp is its first day, since nothing else would be the same tomorrow."""
    import icalendar

    is_assumed = row["basis"] == "assumed"
    entry, kind = icalendar.Event(), texts.name("event", row["event"])
    title = row["text"] if row["site"] is None else texts.text("{text}: {site}", text=row["text"], site=row["site"])
    entry.add("uid", f"{row['table']}.{row['key']}@{city_id or 'city'}.quartier")
    entry.add("dtstamp", datetime.datetime.combine(row["begins"], datetime.time(), datetime.UTC))
    entry.add("dtstart", row["begins"])
    entry.add("dtend", row["ends"] + datetime.timedelta(days=1))  # the RFC's end is the first day that is free again
    entry.add("summary", texts.text("{title} (assumed)", title=title) if is_assumed else title)
    basis = texts.text("Basis: {basis}", basis=texts.name("basis", row["basis"]))
    lines = [texts.listing(_parts(row["body"])), basis, row["note"]]
    entry.add("description", "\n".join(line for line in lines if line))
    entry.add("categories", [kind, texts.text("Assumption")] if is_assumed else [kind])
    entry.add("status", "TENTATIVE" if is_assumed else "CONFIRMED")
    entry.add("transp", "TRANSPARENT")
    return entry


def _is_calendar(file: Path) -> bool:
    beginning = b"BEGIN:VCALENDAR"
    with file.open("rb") as there:
        return there.read(len(beginning)) == beginning


def write_calendar(data: str | Path, out: str | Path, language: str = "de") -> str:
    """Read a city's folder and write its dates as an iCalendar file; one that is there is replaced as a whole, or not at all.

    A folder that is not there is made, as by all that is written for a city.

    Returns
    -------
    str
        What was written, from when to when, and whether a folder was made for it.

    Raises
    ------
    DataError
        The folder has faults.
    PlainError
        There are no dates, there is another file of this name that is no calendar, or the file cannot be written.
    """
    texts, target = Texts(language), Path(out)
    sites = load(data, language=language)
    content, table = ics_bytes(sites, language), agenda(sites, language=language)
    try:
        if target.is_file() and not _is_calendar(target):
            raise PlainError(
                texts.text(
                    "{file} is there already and is no calendar; it stays as it is.",
                    file=texts.given(str(target), 1000),
                )
            )
        has_folder = target.parent.exists()
        with report.aside(target.parent / f".{target.name}.partial-{os.getpid()}") as partial:
            (partial / "calendar").write_bytes(content)
            (partial / "calendar").replace(target)
    except OSError as error:
        raise PlainError(report.unwritable(target, error, texts)) from error
    # The days are told so that dates long past are seen to be so; which day it is now plays no part.
    when = period_name(table["begins"].min(), table["ends"].max(), texts)
    said = texts.text(
        "{n} date written to {file}: {when}.",
        plural="{n} dates written to {file}: {when}.",
        n=len(table),
        file=texts.given(str(target), 1000),
        when=when,
    )
    if has_folder:
        return said
    return f"{said} {texts.text('The folder {folder} was made for it.', folder=texts.given(str(target.parent), 1000))}"
