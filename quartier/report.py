"""Tables and spreadsheet: what a plan shows and what it leaves behind, for people and for machines.

Two forms of the same tables. CSV is for machines: UTF-8, comma, decimal point, LF, English columns, floats in full. The
spreadsheet and `show` are for people: headings and number formats of the plan's language, assumed figures marked.
"""

from __future__ import annotations

import builtins
import csv
import datetime
import errno
import functools
import html
import io
import itertools
import math
import os
import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quartier import figures, maps, optimise, whatif
from quartier import need as needs
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.plan import TOLERANCE, InfeasibleScenario, Plan

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

SPREADSHEET = "verteilung.xlsx"

Scenarios = Mapping[str, Plan | InfeasibleScenario]
"""Other scenarios beside the plan's own, by name: their plans, or why there is none."""

_CONTEXTS = {
    "status": "status",
    "basis": "basis",
    "table": "table",
    "figure": "figure",
    "baseline": "baseline",
    "field": "field",
    "unit": "unit",
    "rule": "rule",
    "in_plans": "in_plans",
    "outcome": "outcome",
    "event": "event",
    "fact": "fact",
    "kind": "kind",
    "state": "state",
    "reported_by": "reported_by",
}
"""Columns whose values are keys, and the catalogue's context for them."""

_MIXED = ("value", "last_year", "change")
"""Columns with figures of many units: the row says which."""

_CREATED = datetime.datetime(1980, 1, 1)
"""A constant, as all dates inside the file, so that the same plan gives the same bytes on any day."""


# --- tables -------------------------------------------------------------------------------------------------------


def tables(plan: Plan, scenarios: Scenarios | None = None) -> dict[str, pd.DataFrame]:
    """Everything that a plan rests on and says, as tables with English columns and full precision.

    A column `assumed` names the figures behind a row that are assumed, or says that their origin is not documented.

    Parameters
    ----------
    plan : Plan
        The plan.
    scenarios : mapping, optional
        Other scenarios to set beside it.

    Returns
    -------
    dict of str to DataFrame
        ``distribution``, ``need``, ``baselines``, ``baseline_amounts``, ``scenario``; over several years also ``year_amounts``;
        with sites read from a folder also
        ``catchments``, ``leave_one_out``, ``assumptions``, ``sources``, ``agreements``; with scenarios also ``scenarios``,
        ``scenario_amounts``. Headings and units for people are in the tables' ``attrs``.
    """
    assumed, anywhere = _assumed(plan), _anywhere(plan)
    names = plan.sites.frame[["name"]]
    baselines = {key: plan.texts.name("baseline", key) for key in plan.baseline_amounts}
    found = {
        "distribution": plan.table().assign(assumed=assumed),
        "need": _need(plan).assign(assumed=assumed),
        "baselines": plan.baselines().assign(assumed=anywhere),
        "baseline_amounts": _with_headings(names.join(plan.baseline_amounts).assign(assumed=assumed), baselines, "EUR"),
    }
    if plan.years:
        years = {str(year): plan.texts.text("Year {year}", year=year) for year in plan.amounts_by_year}
        by_year = names.join(plan.amounts_by_year.rename(columns=str)).assign(assumed=assumed)
        found["year_amounts"] = _with_headings(by_year, years, "EUR")
    if scenarios:
        found["scenarios"], found["scenario_amounts"] = _side_by_side(scenarios, names, anywhere)
    if plan.sites.tables:
        found["catchments"] = _catchments(plan)
        found["leave_one_out"] = _leave_one_out(plan).assign(assumed=assumed)
    found["scenario"] = _choices(plan)
    if plan.sites.tables:
        found["assumptions"] = _assumptions(plan)
        found["agreements"] = _agreements(plan)
        found["sources"] = plan.sites.tables["sources"].set_index("source_id")
    return found


def what_if(plan: Plan) -> dict[str, pd.DataFrame | PlainError]:
    """What would change a plan, what its rules and evenness cost, and what is nearly as good, as tables with English columns.

    Parameters
    ----------
    plan : Plan
        The plan.

    Returns
    -------
    dict of str to DataFrame or PlainError
        ``next_money``, ``cost_of_rules``, ``frontier``, ``alternatives``, ``alternative_plans``, ``alternative_amounts``; where
        something is not known of the plan, the reason in its place, to be shown like a table. Each table's caption says which
        figures behind it are assumed.
    """
    found: dict[str, pd.DataFrame | PlainError] = {}
    for make, names in _MADE_BY.items():
        try:
            if len(plan.sites) > _MOST_SITES and make in (_cost_of_rules, _alternatives):
                raise PlainError(plan.texts.text("This is only worked out for up to {n} sites.", n=_MOST_SITES))
            made = make(plan)
            for frame in made.values():
                frame.attrs["caption"] = plan.assumed_sentence()
            found |= made
        except PlainError as error:
            found |= dict.fromkeys(names, error)
    return found


def each_or_why(make: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """Make each of some things to be shown; where the data lack what one needs, the `PlainError` that says so stands in its place."""
    found: dict[str, Any] = {}
    for name, view in make.items():
        try:
            found[name] = view()
        except PlainError as error:
            found[name] = error
    return found


def _next_money(plan: Plan) -> dict[str, pd.DataFrame]:
    """Amounts, and how they change with more and with less money."""
    texts, eur = plan.texts, plan.texts.eur(_MORE_EUR)
    headings = {
        "more_eur": texts.text("Change with {amount} more (EUR)", amount=eur),
        "less_eur": texts.text("Change with {amount} less (EUR)", amount=eur),
    }
    return {"next_money": _with_headings(whatif.next_money(plan, _MORE_EUR), headings)}


def _cost_of_rules(plan: Plan) -> dict[str, pd.DataFrame]:
    """What would be gained without each rule, the dearest first; people read names in place of the subjects' keys."""
    texts, costs = plan.texts, whatif.cost_of_rules(plan)
    together = (costs["rule"] == "committed") & (costs["subject"] == "")
    gained = {
        column: costs[column].mask(costs[column].abs() <= TOLERANCE * abs(whole), 0.0)  # no rounding of floats
        for column, whole in (("benefit", plan.benefit), ("objective", plan.objective))
    }
    frame = costs[["rule"]].assign(
        subject=costs["subject"].mask(costs["subject"] == ""),
        gained_benefit=gained["benefit"],
        gained_share=gained["objective"] / (plan.objective or 1.0),
        saved_eur=costs["saved_eur"],
    )
    frame.loc[together, "rule"] = "all_committed"
    frame = frame.sort_values("gained_share", ascending=False, kind="stable", ignore_index=True)
    statuses = {status: texts.name("status", status) for status in set(plan.sites.statuses)}
    frame.attrs = {"names": {**plan.sites.frame["name"], **statuses}}
    return {"cost_of_rules": frame}


def _frontier(plan: Plan) -> dict[str, pd.DataFrame]:
    """Benefit and inequality at each inequality aversion, that of the plan among them."""
    own = plan.scenario.inequality_aversion
    aversions = sorted({*whatif.AVERSIONS, own})
    return {"frontier": whatif.frontier(plan.sites, plan.scenario, aversions)}


def _alternatives(plan: Plan) -> dict[str, pd.DataFrame]:
    """Which sites all plans that are nearly as good have in common, and some of these plans beside the plan."""
    found, texts = whatif.alternatives(plan, count=whatif.ALTERNATIVES_TOLD), plan.texts
    sites = found.sites
    sites.insert(2, "amount_eur", plan.amounts)
    keys = ["plan", *(f"alternative_{number}" for number in found.plans.index[1:])]
    headings = {key: texts.text("Alternative {number}", number=number) for number, key in enumerate(keys)}
    headings["plan"] = texts.name("baseline", "plan")
    amounts = found.sites[["name"]].join(found.amounts.set_axis(keys, axis="columns"))
    plans = found.plans.set_axis(keys, axis="index").rename_axis("alternative")
    plans = plans.rename(columns={"lost_share": "missed_share"})  # of the objective
    plans.attrs = {"names": headings}
    return {
        "alternatives": sites,
        "alternative_plans": plans[["benefit", "missed_share", "changed_sites", "moved_eur"]],
        "alternative_amounts": _with_headings(amounts, headings, "EUR"),
    }


_MORE_EUR = 1000.0
"""How much more money, and how much less, is asked for."""

_MOST_SITES = 200
"""Of more sites, what is found by solving again for each of them is left out: it would take minutes."""

_MADE_BY = {
    _next_money: ("next_money",),
    _cost_of_rules: ("cost_of_rules",),
    _frontier: ("frontier",),
    _alternatives: ("alternatives", "alternative_plans", "alternative_amounts"),
}
"""Tables that each function makes."""


def _with_headings(frame: pd.DataFrame, headings: Mapping[str, str], unit: str = "") -> pd.DataFrame:
    """Note how people read columns whose names come from the data: headings, and the unit of the numbers."""
    frame.attrs = {"headings": dict(headings), "unit": unit}
    return frame


def _assumed(plan: Plan) -> pd.Series:
    """Keys of the assumed figures behind each site's row, joined by "; "."""
    import pandas as pd

    basis = plan.sites.basis
    if basis.empty:
        return pd.Series("undocumented", index=basis.index)
    keys = [[figure for figure in basis.columns if basis.loc[site, figure] == "assumed"] for site in basis.index]
    return pd.Series(["; ".join([*site, "response"]) for site in keys], index=basis.index)


def _anywhere(plan: Plan) -> str:
    """Keys of the assumed figures behind any site's row."""
    return "; ".join(dict.fromkeys(key for keys in _assumed(plan) for key in keys.split("; ") if key))


def _need(plan: Plan) -> pd.DataFrame:
    """Contribution of each indicator to each site's need, in weighted residents."""
    names = plan.sites.frame[["name"]]
    if plan.sites.has_need:
        return names.assign(need=plan.need)
    parts = needs.contributions(plan.sites, plan.scenario.need_weights or None)
    return _with_headings(names.join(parts).assign(need=plan.need), _indicator_names(plan))


def _indicator_names(plan: Plan) -> dict[str, str]:
    kinds = plan.sites.tables["indicator_kinds"]
    return dict(zip(kinds["indicator"], kinds[f"name_{plan.scenario.language}"], strict=True))


def _catchments(plan: Plan) -> pd.DataFrame:
    """Areas of each site's catchment, with the shares before and after overlaps are shared."""
    data, names = plan.sites.tables, plan.sites.frame["name"]
    shares = needs.shares(plan.sites)
    shares.insert(1, "name", shares["site_id"].map(names))
    shares.insert(3, "area", shares["area_id"].map(data["areas"].set_index("area_id")["name"]))
    pedigree = data["catchments"].filter(["site_id", "area_id", "basis", "source_id", "note"])
    return shares.merge(pedigree, on=["site_id", "area_id"], how="left", validate="one_to_one").set_index("site_id")


def _leave_one_out(plan: Plan) -> pd.DataFrame:
    """Amounts with all indicators, and with each one left out."""
    texts, amounts = plan.texts, optimise.leave_one_out(plan.sites, plan.scenario)
    headings = {
        key: texts.text("Amount without: {indicator} (EUR)", indicator=name)
        for key, name in _indicator_names(plan).items()
    }
    headings["all"] = texts.text("Amount with all indicators (EUR)")
    return _with_headings(plan.sites.frame[["name"]].join(amounts), headings, "EUR")


def _side_by_side(scenarios: Scenarios, names: pd.DataFrame, assumed: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One row a scenario, and the amounts with one column a scenario; no plan: the reason as its outcome."""
    import pandas as pd

    rows: dict[str, dict[str, Any]] = {}
    amounts, titles = {}, {}
    for name, plan in scenarios.items():
        if isinstance(plan, InfeasibleScenario):
            rows[name] = {"title": name, "outcome": str(plan).splitlines()[0]}
            continue
        titles[name] = plan.scenario.title or name
        amounts[name] = plan.amounts
        rows[name] = {
            "title": titles[name],
            "budget_eur": float(plan.scenario.budget_eur),
            "spent_eur": plan.spent_eur,
            "funded_sites": plan.funded_sites,
            "benefit": plan.benefit,
            "outcome": plan.outcome_sentence(),
        }
    columns = ["title", "budget_eur", "spent_eur", "funded_sites", "benefit", "outcome"]
    frame = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=columns).rename_axis("scenario")
    frame["funded_sites"] = frame["funded_sites"].astype("Int64")
    together = names.join(pd.DataFrame(amounts, index=names.index)).assign(assumed=assumed)
    return frame.assign(assumed=assumed), _with_headings(together, titles, "EUR")


def _choices(plan: Plan) -> pd.DataFrame:
    """Every field of the scenario, those left at their defaults too."""
    import pandas as pd

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return "; ".join(f"{key}={number!r}" for key, number in value.items())
        return "; ".join(map(str, value)) if isinstance(value, (list, tuple)) else value

    changed = plan.scenario.choices()
    fields = {name: (plain(value), name not in changed) for name, value in plan.scenario.model_dump().items()}
    chosen = [(site, name, value) for site, one in plan.scenario.sites.items() for name, value in one.choices().items()]
    fields["sites"] = "; ".join(f"{site}.{name}={value}" for site, name, value in chosen), not chosen
    frame = pd.DataFrame.from_dict(fields, orient="index", columns=["value", "default"]).rename_axis("field")
    return frame.astype({"value": object, "default": bool})


def _assumptions(plan: Plan) -> pd.DataFrame:
    """Every assumed figure that the plan uses; people read names in place of its keys."""
    frame, data = plan.sites.assumptions(), plan.sites.tables
    names = [
        dict(zip(data[table][f"{table[:-1]}_id"], data[table]["name"], strict=True)) for table in ("areas", "sites")
    ]
    frame.attrs = {"names": {**names[0], **names[1], **_indicator_names(plan)}}
    return frame


def _agreements(plan: Plan) -> pd.DataFrame:
    """History of the agreements: one row a change of status, with names in place of ids."""
    data = plan.sites.tables
    rows = data["agreements"].set_index("agreement_id")
    partners, sites = (data[name].set_index(f"{name[:-1]}_id")["name"] for name in ("partners", "sites"))
    frame = rows[["site_id"]].assign(name=rows["site_id"].map(sites), status=rows["status"], date=rows["date"])
    for kind in ("housing_company", "provider"):
        frame[kind] = rows[f"{kind}_id"].map(partners)
    return frame.join(rows.filter(["reason", "basis", "source_id", "note"]))


# --- for people ---------------------------------------------------------------------------------------------------


class _Cell(NamedTuple):
    """A value and how people read it: text, date, or a number as eur, percent, number with some digits."""

    value: Any
    kind: str = "text"
    digits: int = 0

    @property
    def is_number(self) -> bool:
        return self.kind in ("eur", "percent", "number")

    def shown(self, texts: Texts) -> str:
        if self.value is None:
            return "–"
        if self.kind == "eur":
            return f"{texts.number(self.value, self.digits)} EUR"
        if self.kind == "percent":
            return texts.percent(self.value, self.digits)
        if self.kind == "number":
            return texts.number(self.value, self.digits)
        return texts.date(self.value) if self.kind == "date" else str(self.value)


class _Column(NamedTuple):
    """A column as people read it."""

    key: str
    heading: str
    cells: list[_Cell]

    @property
    def is_numeric(self) -> bool:
        return self.key != "value" and any(cell.is_number for cell in self.cells)

    def shown(self, texts: Texts) -> list[str]:
        return [cell.shown(texts) for cell in self.cells]


def _columns(frame: pd.DataFrame, texts: Texts) -> list[_Column]:
    """Columns as people read them, what names a row first; a site's id gives way to its name."""
    headings, unit, names, decimals = (frame.attrs.get(name, {}) for name in ("headings", "unit", "names", "decimals"))
    keys = [str(key) for key in frame.columns]
    values = {key: list(frame.iloc[:, position]) for position, key in enumerate(keys)}
    if frame.index.name is not None and not (frame.index.name in ("site_id", "agreement_id") and "name" in keys):
        lead = str(frame.index.name)
        values = {lead: list(frame.index), **values}
    elif "name" in keys:
        values = {"name": values["name"], **values}
    hints = values.get("unit") or values.get("field") or [""] * len(frame)
    found = []
    for key, column in values.items():
        if key in _MIXED:
            cells = [_mixed_cell(value, str(hint or ""), texts) for value, hint in zip(column, hints, strict=True)]
        else:
            cells = [_cell(value, key, unit, texts) for value in column]
        if names and key in ("key", "figure", "subject", "alternative"):
            cells = [cell._replace(value=_named(cell.value, names)) for cell in cells]
        if key in decimals:
            cells = [cell._replace(digits=decimals[key]) for cell in cells]
        found.append(_Column(key, headings.get(key) or texts.column(key), cells))
    return found


def _named(value: Any, names: Mapping[str, str]) -> Any:
    """Put names in place of the keys in ``site / area``."""
    return " / ".join(names.get(part, part) for part in value.split(" / ")) if isinstance(value, str) else value


def _cell(value: Any, key: str, unit: str, texts: Texts) -> _Cell:
    """Read a value by the name of its column; `unit` is that of numbers whose column does not say."""
    import pandas as pd

    if isinstance(value, str):
        if key == "assumed":
            return _Cell(texts.listing(texts.name("figure", figure) for figure in value.split("; ") if figure) or None)
        if key == "date" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
            return _Cell(datetime.date.fromisoformat(value), "date")
        return _Cell(texts.name(_CONTEXTS[key], value) if key in _CONTEXTS else value)
    if pd.isna(value):
        return _Cell(None)
    if isinstance(value, (bool, np.bool_)):
        return _Cell(texts.text("yes") if value else texts.text("no"))
    if isinstance(value, datetime.date):
        return _Cell(value, "date")
    if not isinstance(value, (int, float, np.number)):
        return _Cell(str(value))
    number = float(value)
    if math.isinf(number):
        return _Cell(texts.text("infinite"))
    if _is_eur(key) or (unit == "EUR" and not _is_share(key)):
        return _Cell(number, "eur", 0 if round(number, 2) == round(number) else 2)
    if _is_share(key):
        return _Cell(number, "percent", 1)
    digits = {"gini": 3, "inequality_aversion": _digits(number)}.get(key, 1)
    return _Cell(number, "number", 0 if isinstance(value, (int, np.integer)) else digits)


def _mixed_cell(value: Any, hint: str, texts: Texts) -> _Cell:
    """Read a value of a column that holds values of many kinds, by its unit or the scenario's field."""
    if hint in ("committed", "excluded"):
        return _Cell(texts.listing(texts.name("status", status) for status in str(value).split("; ") if status) or None)
    if hint in ("method", "response", "response_from"):
        return _Cell(texts.name(hint, str(value)))
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return _Cell(texts.name("status", value) or None)
    cell = _cell(value, hint, hint, texts)
    if cell.kind != "number":
        return cell
    return cell._replace(digits=_digits(cell.value))


def _digits(value: float) -> int:
    """Fewest decimals, up to four, that show a number as it is."""
    return next((digits for digits in range(4) if round(value, digits) == value), 4)


def _is_eur(key: str) -> bool:
    return key.endswith("_eur") and "_per_" not in key


def _is_share(key: str) -> bool:
    return key in ("share", "claimed", "gap") or key.endswith(("_share", "coverage"))


def show(
    thing: pd.DataFrame | list[pd.DataFrame] | Axes | Plan | list[whatif.Statement] | str | PlainError,
    language: str | None = None,
    *,
    caption: str | None = None,
) -> None:
    """Show a table, a figure, a plan or a text in a notebook, so that it reads well, is accessible and stays the same.

    Parameters
    ----------
    thing : DataFrame, list of DataFrame, Axes, Plan, list of Statement, str or PlainError
        A table, or one after the other, becomes HTML and fixed text with headings and numbers of the language; a figure a PNG
        with its alt text, which stands below it as well, since JupyterLab drops it from the picture; a plan its five lines;
        statements a list of sentences; a text or an error one paragraph a line. A table's ``attrs`` may hold ``headings`` (column
        to heading), ``decimals`` (column to how many), ``unit`` ("EUR": of plain numbers) and ``caption``.
    language : str, optional
        Language of a table; German by default. A plan and a figure speak their own.
    caption : str, optional
        Caption of a table; its size by default.

    Raises
    ------
    PlainError
        There is no such language, or the thing is none of these.
    """
    import pandas as pd

    data: dict[str, Any]
    if isinstance(thing, list) and thing and all(isinstance(one, pd.DataFrame) for one in thing):
        for one in thing:
            show(one, language, caption=caption)
        return
    if isinstance(thing, pd.DataFrame):
        data = table_bundle(thing, Texts(language or LANGUAGES[0]), caption)
    elif isinstance(thing, Plan):
        lines = [line for line in thing.summary() if line]
        items = "\n".join(f"<li>{html.escape(line)}</li>" for line in lines)
        data = {"text/html": f"<ul>\n{items}\n</ul>", "text/plain": "\n".join(lines)}
    elif isinstance(thing, list) and thing and all(isinstance(one, whatif.Statement) for one in thing):
        items = "\n".join(f"<li>{html.escape(one.sentence)}</li>" for one in thing)
        fill = functools.partial(textwrap.fill, width=100, initial_indent="- ", subsequent_indent="  ")
        text = "\n".join(fill(one.sentence) for one in thing)
        data = {"text/html": f"<ul>\n{items}\n</ul>", "text/plain": text}
    elif isinstance(thing, (str, PlainError)):
        lines = [line for line in str(thing).splitlines() if line.strip()]
        paragraphs = "\n".join(f"<p>{html.escape(line.strip())}</p>" for line in lines)
        data = {"text/html": paragraphs, "text/plain": "\n".join(textwrap.fill(line, 100) for line in lines)}
    elif not isinstance(thing, list) and hasattr(thing, "get_figure"):
        alt = figures.alt_text(thing)
        publish({"image/png": figures.screen_png(thing), "text/plain": alt}, {"image/png": {"alt": alt}})
        heading = figures.texts_of(thing).text("What the picture shows")
        described = f"<details><summary>{html.escape(heading)}</summary><p>{html.escape(alt)}</p></details>"
        data = {"text/html": described, "text/plain": ""}
    else:
        texts = Texts(language or LANGUAGES[0])
        raise PlainError(
            texts.text(
                "show: a table, a figure, a plan or a text, not {given}", given=texts.given(type(thing).__name__)
            )
        )
    publish(data, {})


def shell_of_notebook() -> Any:
    """Give IPython's shell, None outside of one.

    IPython puts `get_ipython` among the builtins while a cell runs; this is what `IPython.display.display` asks, too.
    """
    return getattr(builtins, "get_ipython", lambda: None)()


def publish(data: dict[str, Any], metadata: dict[str, Any]) -> None:
    """Hand the bundle to the notebook; outside of one, print its text."""
    shell = shell_of_notebook()
    if shell is None:
        if data["text/plain"]:
            print(data["text/plain"])
    else:
        shell.display_pub.publish(data, metadata)


def table_bundle(frame: pd.DataFrame, texts: Texts, caption: str | None) -> dict[str, str]:
    """Give a table as HTML and as text of fixed width, of the same strings."""
    columns = _columns(frame, texts)
    shown = [column.shown(texts) for column in columns]
    if caption is None:
        caption = frame.attrs.get("caption") or texts.text("Table of {n} row", plural="Table of {n} rows", n=len(frame))
    sides = ["right" if column.is_numeric else "left" for column in columns]
    lines = [f"<table>\n<caption>{html.escape(caption)}</caption>\n<thead>\n<tr>"]
    for column, side in zip(columns, sides, strict=True):
        lines.append(f'<th scope="col" style="text-align: {side}">{html.escape(column.heading)}</th>')
    lines.append("</tr>\n</thead>\n<tbody>")
    for row in zip(*shown, strict=True):
        cells = [f'<th scope="row" style="text-align: left">{html.escape(row[0])}</th>']
        for text, side in zip(row[1:], sides[1:], strict=True):
            nowrap = "; white-space: nowrap" if side == "right" else ""
            unbroken = html.escape(text).replace(" EUR", "&nbsp;EUR")
            cells.append(f'<td style="text-align: {side}{nowrap}">{unbroken}</td>')
        lines.append("<tr>" + "".join(cells) + "</tr>")
    lines.append("</tbody>\n</table>")
    widths = [max(len(column.heading), *map(len, cells), 1) for column, cells in zip(columns, shown, strict=True)]
    rows = [
        [column.heading for column in columns],
        ["-" * width for width in widths],
        *map(list, zip(*shown, strict=True)),
    ]
    text = [
        "  ".join(
            cell.rjust(width) if side == "right" else cell.ljust(width)
            for cell, width, side in zip(row, widths, sides, strict=True)
        ).rstrip()
        for row in rows
    ]
    return {"text/html": "\n".join(lines), "text/plain": "\n".join(text)}


# --- files --------------------------------------------------------------------------------------------------------


def save(plan: Plan, folder: str | Path, *, scenarios: Scenarios | None = None) -> None:
    """Write a plan's tables (CSV), figures (PNG and SVG) and spreadsheet into a folder.

    The same plan gives the same bytes on any day. Everything is written aside first and then put in place of what a former
    call left there; if anything fails, nothing is.

    Parameters
    ----------
    plan : Plan
        The plan.
    folder : path
        Gets ``tables/``, ``figures/`` and the spreadsheet; made if it is not there.
    scenarios : mapping, optional
        Other scenarios to set beside it.

    Raises
    ------
    PlainError
        The folder cannot be written to, or the disk is full.
    """
    target = Path(folder)
    try:
        with aside(target / f".partial-{os.getpid()}") as partial:
            found = _all_tables(plan, scenarios)
            (partial / "tables").mkdir()
            for name, frame in found.items():
                (partial / "tables" / f"{name}.csv").write_bytes(csv_bytes(frame))
            (partial / SPREADSHEET).write_bytes(_spreadsheet_bytes(plan, found))
            _save_figures(plan, found, partial / "figures", scenarios or {})
            for file in sorted(path for path in partial.rglob("*") if path.is_file()):
                place = target / file.relative_to(partial)
                place.parent.mkdir(exist_ok=True)
                file.replace(place)
    except OSError as error:
        raise PlainError(unwritable(target, error, plan.texts)) from error


@contextmanager
def aside(folder: Path) -> Iterator[Path]:
    """Make a folder to work in that is gone afterwards, whatever happens; so are the parents made for it, if left empty.

    Where a process that was killed has left a folder of this name, the next free name is taken.
    """
    made = [path for path in folder.parents if not path.exists()]
    partial = folder
    try:
        for number in itertools.count(2):
            try:
                partial.mkdir(parents=True)
                break
            except FileExistsError:
                partial = folder.with_name(f"{folder.name}-{number}")
        try:
            yield partial
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    finally:
        for path in made:
            if path.is_dir() and not any(path.iterdir()):
                path.rmdir()


def unwritable(folder: Path, error: OSError, texts: Texts) -> str:
    """Say why nothing can be written into a folder."""
    reasons = {
        errno.ENOSPC: mark("the disk is full"),
        errno.EDQUOT: mark("the disk is full"),
        errno.EACCES: mark("there is no permission to write there"),
        errno.EPERM: mark("there is no permission to write there"),
        errno.EROFS: mark("there is no permission to write there"),
        errno.ENOTDIR: mark("there is a file of this name"),
        errno.EEXIST: mark("there is a file of this name"),
        errno.ENOENT: mark("there is no place for such a folder"),
        errno.EISDIR: mark("there is a folder of the name of a file"),
        errno.ENAMETOOLONG: mark("the name is too long"),
    }
    reason = texts.text(reasons[error.errno]) if error.errno in reasons else error.strerror or str(error)
    return texts.text("Nothing was written to {folder}: {reason}.", folder=texts.given(str(folder)), reason=reason)


def saved_tables(plan: Plan, scenarios: Scenarios | None = None) -> dict[str, str]:
    """Give the tables that `save` writes, without writing them: CSV by the name of the file without its ending."""
    return {name: csv_bytes(frame).decode("utf-8") for name, frame in _all_tables(plan, scenarios).items()}


def _all_tables(plan: Plan, scenarios: Scenarios | None) -> dict[str, pd.DataFrame]:
    """Give the tables of a plan, and those of what would change it before the ones that say what it rests on."""
    found = tables(plan, scenarios)
    by_site, anywhere = _assumed(plan), _anywhere(plan)
    known = {
        name: one.assign(assumed=by_site if one.index.name == "site_id" else anywhere)
        for name, one in what_if(plan).items()
        if not isinstance(one, PlainError)
    }
    at = next(place for place, name in enumerate(found) if name in ("catchments", "scenario"))
    names = [*list(found)[:at], *known, *list(found)[at:]]
    return {name: {**found, **known}[name] for name in names}


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """Write a table as CSV for machines; blank cells are missing values, floats read back to the very same number."""
    import pandas as pd

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return value
        if pd.isna(value):
            return ""
        if isinstance(value, (bool, np.bool_)):
            return "true" if value else "false"
        return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)

    named = frame.index.name is not None
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*([frame.index.name] if named else []), *frame.columns])
    for row in frame.itertuples(index=named, name=None):
        writer.writerow([cell(value) for value in row])
    return text.getvalue().encode("utf-8")


def _save_figures(plan: Plan, found: Mapping[str, pd.DataFrame], folder: Path, scenarios: Scenarios) -> None:
    """Draw every figure of a plan and save it as PNG and SVG."""
    folder.mkdir()
    language, plans = plan.scenario.language, [one for one in scenarios.values() if isinstance(one, Plan)]
    draw: dict[str, Callable[[], Axes]] = {
        "cooperation": lambda: figures.plot_cooperation(plan.sites, language=language),
        "need": lambda: figures.plot_need(plan.sites, plan.scenario.need_weights or None, language=language),
        "amounts": lambda: figures.plot_amounts(plan),
        "response": lambda: figures.plot_response(plan),
        "baselines": lambda: figures.plot_baselines(plan),
    }
    if maps.has_map(plan.sites):
        draw["map"] = lambda: figures.plot_map(plan)
    if "leave_one_out" in found:
        amounts = found["leave_one_out"].drop(columns=["name", "assumed"])
        draw["leave_one_out"] = lambda: figures.plot_changes(amounts, plan=plan)
    if plans:
        draw["scenarios"] = lambda: figures.plot_scenarios(plans)
    if "frontier" in found:
        draw["frontier"] = lambda: figures.plot_frontier(found["frontier"], plan=plan)
    for name, plot in draw.items():
        figures.save_figure(plot(), folder / name)


# --- spreadsheet --------------------------------------------------------------------------------------------------

_WIDEST, _SHORT, _NARROWEST, _PAGE = 70, 26, 26, 190
"""Width in characters: widest column of long texts, of short texts, narrowest of either, and of a readable page."""

_LINE, _PROPORTIONAL = 15, 1.1
"""Height of a line, points; letters of a text that take the place of one digit, after which widths are measured."""

_PAPER_A4 = 9

_NOTES: Mapping[str, str] = {
    "need": mark("What each indicator adds to a site's need, in weighted residents: catchment times weight."),
    "catchments": mark(
        "Areas whose residents count for a site. Where catchments overlap, residents are shared between the sites."
    ),
    "baselines": mark("What simpler ways to divide the same money would reach."),
    "baseline_amounts": mark("Amounts of the simpler ways to divide the same money."),
    "year_amounts": mark("What each site gets in each year; the other tables give the sums of all years."),
    "leave_one_out": mark(
        "Which indicator moves the money: the amounts of the best plan with each indicator left out."
    ),
    "next_money": mark("Where more money would go, and where it would be taken if there were less."),
    "cost_of_rules": mark(
        "What each rule costs: how much more the best plan would reach without it, and how much less money would be enough "
        "for as much as now. Each rule by itself."
    ),
    "frontier": mark(
        "What evenness costs: the best plan at each inequality aversion, from the greatest benefit to the least covered sites "
        "first. The Gini coefficient counts all sites that may be funded, those without money, too."
    ),
    "alternatives": mark(
        "Plans that reach at most 1% less: which sites they fund, and with how much at least and at most."
    ),
    "alternative_plans": mark("Some plans that reach at most 1% less, as different from each other as possible."),
    "alternative_amounts": mark("Amounts of some plans that reach at most 1% less."),
    "scenarios": mark("What would change: the plans of all scenarios side by side."),
    "scenario_amounts": mark("Amounts of all scenarios side by side."),
    "scenario": mark("Every choice behind this plan."),
    "assumptions": mark(
        "Every figure behind the plan that is a planner's assumption, to be replaced by the city's own."
    ),
    "agreements": mark("Status of each site over time; the latest row counts."),
    "sources": mark("Where the figures come from, and under which licence."),
}
_WHAT_IF = tuple(name for names in _MADE_BY.values() for name in names)
_OF_PLAN = ("distribution", "need", "baselines", "baseline_amounts", "year_amounts", "leave_one_out", *_WHAT_IF)
_MODELLED = (*_OF_PLAN, "scenarios", "scenario_amounts")
"""Tables whose figures rest on everything that the plan rests on."""

_OF_SCENARIO = (*_OF_PLAN, "scenario")
"""Sheets whose title names the scenario."""

_UNPRINTED = ("assumed", "site_id", "area_id", "agreement_id")
"""Columns to look things up: last on a sheet, not printed."""

_SUMMED = ("need", "amount_eur", "benefit")


def _spreadsheet_bytes(plan: Plan, found: Mapping[str, pd.DataFrame]) -> bytes:
    """Write the tables as a workbook for people: one sheet a table."""
    import xlsxwriter

    texts = plan.texts
    title = plan.scenario.title or plan.scenario.name
    content = io.BytesIO()
    with xlsxwriter.Workbook(content, {"in_memory": True}) as workbook:
        workbook.set_properties({"title": title, "author": "quartier", "created": _CREATED})
        workbook.set_calc_mode("auto")
        formats = _Formats(workbook, texts)
        for name, frame in found.items():
            heading = texts.name("table", name)
            sheet = workbook.add_worksheet(heading)
            heading = f"{heading}: {title}" if name in _OF_SCENARIO else heading
            _write_sheet(
                sheet, name, heading, _sheet_notes(plan, name), _sheet_columns(name, frame, texts), frame, formats
            )
            sheet.set_footer(f"&L{plan.attribution().replace('&', '&&')}&R&P / &N")
    return content.getvalue()


def _sheet_notes(plan: Plan, name: str) -> list[str]:
    """Lines between a sheet's title and its table."""
    texts = plan.texts
    notes = plan.summary() if name == "distribution" else [texts.text(_NOTES[name])]
    if name in _MODELLED and name != "distribution":
        notes.append(plan.assumed_sentence())
    if name in ("distribution", "catchments", "agreements") and plan.sites.tables:
        notes.append(texts.text("In italics: assumed."))
    if name in (*_MODELLED, "catchments", "sources"):
        notes.append(plan.attribution())
    return [note for note in notes if note]


def _sheet_columns(name: str, frame: pd.DataFrame, texts: Texts) -> list[_Column]:
    """Columns of a sheet: as shown, ids last; what rests on assumed figures as a whole says so in its notes."""
    columns = _columns(frame, texts)
    if frame.index.name in ("site_id", "agreement_id"):
        key = str(frame.index.name)
        columns.append(_Column(key, texts.column(key), [_Cell(value) for value in frame.index]))
    if name in _MODELLED and name != "distribution":
        columns = [column for column in columns if column.key != "assumed"]
    return sorted(columns, key=lambda column: column.key in _UNPRINTED)


class _Formats:
    """Cell formats of a workbook, each made once."""

    def __init__(self, workbook: Workbook, texts: Texts) -> None:
        self._workbook, self.texts = workbook, texts
        self._made: dict[tuple[Any, ...], Any] = {}

    def get(self, **properties: Any) -> Any:
        """Give the format with these properties."""
        key = tuple(sorted(properties.items()))
        if key not in self._made:
            self._made[key] = self._workbook.add_format({"valign": "top", **properties})
        return self._made[key]

    def cell(self, cell: _Cell, **more: Any) -> Any:
        """Give the format of a cell; Excel shows the separators of the reader's own country."""
        decimals = "." + "0" * cell.digits if cell.digits else ""
        percent = {"de": " %", "en": "%"}[self.texts.language]
        code = {
            "eur": f'#,##0{decimals} "EUR"',
            "percent": f"0{decimals}{percent}",
            "number": f"#,##0{decimals}",
            "date": {"de": "dd.mm.yyyy", "en": "d mmm yyyy"}[self.texts.language],
        }.get(cell.kind)
        return self.get(**({"num_format": code} if code else {"text_wrap": True}), **more)


def _write_sheet(
    sheet: Worksheet,
    name: str,
    heading: str,
    notes: Iterable[str],
    columns: list[_Column],
    frame: pd.DataFrame,
    formats: _Formats,
) -> None:
    """Write title, notes and table, and set the sheet up for screen and paper."""
    texts, last = formats.texts, len(columns) - 1
    printed = max(position for position, column in enumerate(columns) if column.key not in _UNPRINTED)
    widths = _widths(columns, texts)
    for position, width in enumerate(widths):
        sheet.set_column(position, position, width)
    sheet.write_string(0, 0, heading, formats.get(bold=True, font_size=14))
    row = 1
    for note in notes:
        sheet.merge_range(row, 0, row, printed, "", formats.get(text_wrap=True))
        sheet.write_string(row, 0, note, formats.get(text_wrap=True))
        sheet.set_row(row, _LINE * _lines(note, sum(widths[: printed + 1])))
        row += 1
    row += 1
    # Not every program fits the height of rows to wrapped texts by itself.
    sheet.set_row(
        row, _LINE * max(_lines(column.heading, width) for column, width in zip(columns, widths, strict=True))
    )
    for position, column in enumerate(columns):
        style = {"bold": True, "text_wrap": True, "bottom": 1, "bg_color": "#E8EEF4"}
        sheet.write_string(row, position, column.heading, formats.get(**style, **_alignment(column, position)))
    first = row + 1
    for offset, cells in enumerate(zip(*(column.cells for column in columns), strict=True)):
        height = max(_lines(cell.shown(texts), width) for cell, width in zip(cells, widths, strict=True))
        sheet.set_row(first + offset, _LINE * height)
        for position, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            style = {"italic": True} if _is_assumed(name, column, offset, frame) else {}
            _write_cell(
                sheet, first + offset, position, cell, formats.cell(cell, **style, **_alignment(column, position))
            )
    end = first + len(frame) - 1
    if name == "distribution":
        end += 1
        _write_sums(sheet, first, columns, formats)
    if len(frame) > 1 and name not in _MODELLED:
        sheet.autofilter(row, 0, end, last)
    sheet.freeze_panes(first, 1)
    sheet.ignore_errors({"number_stored_as_text": f"A1:XFD{end + 1}"})
    sheet.set_landscape()
    sheet.set_paper(_PAPER_A4)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(row)
    sheet.print_area(0, 0, end, printed)
    sheet.set_margins(left=0.4, right=0.4, top=0.5, bottom=0.6)


def _alignment(column: _Column, position: int) -> dict[str, Any]:
    """Numbers to the right; the rest to the left, kept off the number before it."""
    return {"align": "right"} if column.is_numeric else {"align": "left", "indent": min(position, 1)}


def _is_assumed(name: str, column: _Column, offset: int, frame: pd.DataFrame) -> bool:
    """Whether a cell holds an assumed figure, where a sheet mixes these with others."""
    if name == "distribution":
        return column.key in frame["assumed"].iloc[offset].split("; ")
    if "basis" in frame and column.key in ("share", "status", "date"):
        return bool(frame["basis"].iloc[offset] == "assumed")
    return False


def _write_cell(sheet: Worksheet, row: int, column: int, cell: _Cell, style: Any) -> None:
    """Write a value as what it is; a text stays a text, whatever it begins with."""
    if cell.value is None:
        sheet.write_blank(row, column, None, style)
    elif cell.is_number:
        sheet.write_number(row, column, cell.value, style)
    elif cell.kind == "date":
        sheet.write_datetime(row, column, cell.value, style)
    else:
        sheet.write_string(row, column, str(cell.value), style)


def _write_sums(sheet: Worksheet, first: int, columns: list[_Column], formats: _Formats) -> None:
    """Write the sums below a table, as formulas that follow when somebody tries other amounts."""
    from xlsxwriter.utility import xl_range

    row = first + len(columns[0].cells)
    for position, column in enumerate(columns):
        style = formats.cell(column.cells[0], bold=True, top=1)
        if position == 0:
            sheet.write_string(row, 0, formats.texts.text("Sum"), style)
        elif column.key in _SUMMED:
            total = math.fsum(cell.value for cell in column.cells)
            sheet.write_formula(row, position, f"=SUM({xl_range(first, position, row - 1, position)})", style, total)
        else:
            sheet.write_blank(row, position, None, formats.get(top=1))


def _widths(columns: list[_Column], texts: Texts) -> list[float]:
    """Widths in characters: each column's longest value, its heading on about four lines.

    Where most values are short, a long one is wrapped; on a wide sheet long texts give way.
    """
    needed = []
    for column in columns:
        words = [len(word) + 1 for word in column.heading.split()]  # bold letters are wider
        lengths = sorted(len(text) for text in column.shown(texts)) or [0]
        widest = _WIDEST if lengths[len(lengths) // 2] > _SHORT else _SHORT
        space = 2.0 if column.is_numeric else 3.0
        needed.append(max(min(lengths[-1], widest), *words, math.ceil(len(column.heading) / 4), 6) + space)
    for widest in range(_WIDEST, _NARROWEST - 1, -1):
        widths = [min(width, widest) for width in needed]
        if sum(width for width, column in zip(widths, columns, strict=True) if column.key not in _UNPRINTED) <= _PAGE:
            break
    return widths


def _lines(text: str, width: float) -> int:
    """Count the lines that a text takes when it is wrapped; a word longer than a line is broken."""
    lines, used, room = 1, 0, int((width - 1) * _PROPORTIONAL)
    unbroken = int(width) - 2  # an address has more digits and capitals than a sentence
    for word in text.split():
        if used and used + 1 + len(word) <= room:
            used += 1 + len(word)
        else:
            lines += (1 if used else 0) + (len(word) - 1) // unbroken
            used = (len(word) - 1) % unbroken + 1
    return lines
