"""What a panel shows, as plain data: every text translated, every number formatted, nothing left to decide but where it stands.

The page that draws this (`page/panel.js`) knows no words and no model. `of` gives all of it anew for each change, which takes some
milliseconds; what is only wanted on request (why, comparing, amounts by hand) is in it when a `View` asks for it.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from quartier import benefit
from quartier.data import STATUSES, Fault, FaultyInput, Sites
from quartier.evidence import table_of
from quartier.explorer import MOST_COMPARED, START, TOTAL, NameTaken, Panel
from quartier.language import LANGUAGES, PlainError, Texts, decimals, language_name, mark, minus, signed
from quartier.maps import has_map, map_data
from quartier.plan import TOLERANCE, InfeasibleScenario, Outcome, Plan
from quartier.scenario import LIMIT_LABELS
from quartier.whatif import about_site, sentences

if TYPE_CHECKING:
    import pandas as pd

JSON = dict[str, Any]

MOST_LISTED = 20
"""Of so many sites at most, the names are listed in a sentence."""

_RULES = ("must", "may", "not")

LABELS = {
    "budget_eur": mark("Budget a year"),
    "reserve_eur": mark("Kept back of it"),
    "max_sites": mark("Places: at most"),
    "min_sites": mark("Places: at least"),
    "step_eur": mark("Step of the amounts"),
    "min_eur": mark("Floor of a funded site"),
    "max_eur": mark("Cap of a funded site"),
    "max_change_share": mark("Change against the year before: at most"),
    "method": mark("How the money is divided"),
    "inequality_aversion": mark("Inequality aversion"),
    "base_coverage": mark("Coverage without the programme"),
    "response": mark("Response curve"),
    "response_from": mark("Where the effect scales come from"),
    "need_weights": mark("Weights of the need"),
}
"""What the panel calls the fields of a scenario."""


@dataclasses.dataclass(frozen=True)
class View:
    """What somebody looks at beside the plan itself.

    Attributes
    ----------
    since : str
        The changes shown are those against this plan: the name of a kept one, or `START`.
    compared : tuple of str or None
        Plans side by side, as `Panel.compare` takes them; none: no comparison.
    asked : str
        The site whose reasons are wanted; empty: none.
    by_hand : mapping, optional
        Amounts entered by hand, EUR by site_id; None: none are being entered.
    code : bool
        Whether the Python of the plan is wanted.
    brief : bool
        Leave out what takes a search of its own and has not been found yet: where more money would go, what it would take for the
        site that was asked about, what its lock costs.
    """

    since: str = START
    compared: tuple[str | None, ...] = ()
    asked: str = ""
    by_hand: Mapping[str, float] | None = None
    code: bool = False
    brief: bool = False


def of(panel: Panel, view: View | None = None) -> JSON:
    """Give all that a panel shows.

    Parameters
    ----------
    panel : Panel
        The panel.
    view : View, optional
        What is looked at.

    Returns
    -------
    dict
        JSON types only: ``language``, ``words`` (texts that do not depend on the plan), ``groups`` (the choices), ``answer``,
        ``impossible``, ``kept``, ``comparison``, ``can_undo``, ``can_redo``, ``said`` (one sentence for a screen reader).
    """
    view = view or View()
    texts, kept, others = panel.texts, panel.kept, panel.of_other_data
    since = view.since if view.since in kept else START
    plan = _plan(panel)
    before = kept.get(since, panel.start.plan)
    impossible = panel.impossible
    return {
        "language": texts.language,
        "languages": [{"value": language, "label": language_name(language)} for language in LANGUAGES],
        "name": panel.scenario.name,
        "most_compared": MOST_COMPARED,
        "title": panel.title,
        "words": words(texts.language),
        "groups": choices(panel),
        "answer": None if plan is None else answer(panel, plan, before, view),
        "impossible": None
        if impossible is None
        else {
            "lines": [
                str(impossible).splitlines()[0],
                *(texts.text("Rule: {rule}", rule=rule.sentence) for rule in impossible.conflict),
            ],
            "repairs": [repair.sentence for repair in impossible.repairs],
            "still": "" if plan is None else texts.text("What is shown is the last plan that was possible."),
        },
        "since": since,
        "sinces": [{"value": START, "label": texts.text("beginning")}]
        + [{"value": name, "label": name} for name in kept],
        "kept": [
            {
                "name": name,
                "line": _in_a_line(one, texts),
                "note": texts.text("Kept with other data: the amounts may be others now.") if name in others else "",
            }
            for name, one in kept.items()
        ],
        "unreadable": list(panel.unreadable.values()),
        "compared": ["" if name is None else name for name in view.compared],
        "comparison": compared(panel, view.compared),
        "can_undo": panel.can_undo,
        "can_redo": panel.can_redo,
        "code": panel.python() if view.code else "",
        "said": _said(texts, plan, before, impossible is not None),
    }


@functools.cache
def words(language: str) -> JSON:
    """Texts that stand on the panel whatever the plan is, by the key that the page knows them under."""
    texts = Texts(language)
    return {
        "panel": texts.text("Try choices"),
        "choices": texts.text("Choices"),
        "answer": texts.text("The best plan"),
        "undo": texts.text("Undo"),
        "redo": texts.text("Redo"),
        "reset": texts.text("Back to the beginning"),
        "language": texts.text("Language"),
        "assumed": texts.text("assumed"),
        "changed": texts.text("changed"),
        "busy": texts.text("Working for {seconds} s"),
        "stop": texts.text("Stop"),
        "lost": texts.text(
            "No answer from the computing kernel: it is busy, was restarted, or the connection is lost. "
            "Kept plans are on disk. Wait, or run the cell of the panel again (on a page of its own: load it again)."
        ),
        "site": texts.text("Site"),
        "amount": texts.text("Amount"),
        "change": texts.text("Change"),
        "coverage": texts.text("Coverage"),
        "benefit": texts.text("Benefit"),
        "why": texts.text("Reason"),
        "hand": texts.text("by hand (EUR)"),
        "hand_start": texts.text("Enter amounts by hand"),
        "hand_end": texts.text("Back to the best plan"),
        "hand_of": texts.text("Amount by hand for {site}"),
        "bars": texts.text(
            "Bar: amount. Thin line below it: from the floor to the cap. Upright line: amount before the change."
        ),
        "since": texts.text("Show changes since"),
        "repairs": texts.text("Each of these ways by itself would mend it:"),
        "binds": texts.text("What binds, and where more money would go"),
        "map": texts.text("Map"),
        "table": texts.text("Amounts and reasons"),
        "lock": texts.text("Lock at (EUR)"),
        "lock_do": texts.text("Lock"),
        "unlock": texts.text("Unlock"),
        "kept": texts.text("Kept plans"),
        "keep_as": texts.text("Keep this plan as"),
        "keep": texts.text("Keep"),
        "replace": texts.text("in place of the one of this name"),
        "nothing_kept": texts.text("No plan has been kept yet."),
        "load": texts.text("Go to it"),
        "forget": texts.text("Delete"),
        "forget_sure": texts.text("Really delete?"),
        "forget_not": texts.text("Do not delete"),
        "compare": texts.text("Compare side by side (up to {n})", n=MOST_COMPARED),
        "now": texts.text("now"),
        "take": texts.text("Take it elsewhere"),
        "yaml": texts.text("Save as a scenario file (YAML)"),
        "yaml_name": texts.text("Name of the scenario (a-z, 0-9, -)"),
        "open": texts.text("Load a scenario file"),
        "export": texts.text("Tables and figures (ZIP)"),
        "exporting": texts.text("Tables and figures are being put together."),
        "code": texts.text("Python that gives this plan"),
        "copy": texts.text("Copy"),
        "copied": texts.text("Copied."),
        "limit_of": texts.text("Partner or district"),
        "limit_kind": texts.text("Kind of limit"),
        "limit_value": texts.text("Limit"),
        "add": texts.text("Add the limit"),
        "remove": texts.text("Remove"),
    }


# --- the choices --------------------------------------------------------------------------------------------------


def choices(panel: Panel) -> list[JSON]:
    """Give the choices in groups; each has an ``id`` that `quartier.widget` takes back with a value."""
    texts = panel.texts
    return [
        {"id": "money", "title": texts.text("Money and places"), "open": True, "controls": _money(panel)},
        {"id": "sites", "title": texts.text("Sites and negotiations"), "controls": _statuses(panel)},
        {"id": "amounts", "title": texts.text("Floor, cap and pace of change"), "controls": _amounts(panel)},
        {"id": "need", "title": texts.text("Weights of the need"), "controls": _weights(panel)},
        {"id": "worth", "title": texts.text("Evenness and effect"), "controls": _worth(panel)},
        {"id": "limits", "title": texts.text("Limits by partner and district"), "controls": _limits(panel)},
    ]


def _control(kind: str, key: str, label: str, **more: Any) -> JSON:
    return {"kind": kind, "id": key, "label": label, "note": "", "assumed": False, **more}


def _range(texts: Texts, key: str, label: str, value: float, most: float, step: float, unit: str, **more: Any) -> JSON:
    """Give a choice that is a number: a slider and a box beside it. The slider ends at `most`, the box does not.

    The slider can stand at the value, and at zero: its steps are finer where they have to be.
    """
    cents = 2 if unit == "EUR" and value != round(value) else 0
    text = texts.exact(value, max(cents, 1 if step < 1 else 0))
    unit_of_steps = 10 ** max(decimals(value), decimals(step))
    step = math.gcd(round(value * unit_of_steps), round(step * unit_of_steps)) / unit_of_steps or step
    return _control(
        "range",
        key,
        label,
        value=value,
        text=text,
        shown=f"{text} {unit}".strip(),
        min=0,
        max=max(most, math.ceil(value / step) * step),
        step=step,
        unit=unit,
        **more,
    )


def _money(panel: Panel) -> list[JSON]:
    texts, scenario, start = panel.texts, panel.scenario, panel.start.scenario
    step = _nice(start.budget_eur / 50)
    n = len(panel.sites)
    found = [
        _range(
            texts,
            "budget_eur",
            texts.text(LABELS["budget_eur"]),
            scenario.budget_eur,
            2 * (start.budget_eur or 50_000),
            step,
            "EUR",
            jumps=[
                {"label": texts.text("cut by 10%"), "times": 0.9},
                {"label": texts.text("raise by 10%"), "times": 1.1},
            ],
        ),
        _range(
            texts, "reserve_eur", texts.text(LABELS["reserve_eur"]), scenario.reserve_eur, start.budget_eur, step, "EUR"
        ),
        _range(
            texts,
            "max_sites",
            texts.text(LABELS["max_sites"]),
            scenario.max_sites,
            n,
            1,
            "",
            note=texts.text("These are more places than there are sites ({n}).", n=n) if scenario.max_sites > n else "",
        ),
        _range(texts, "min_sites", texts.text(LABELS["min_sites"]), scenario.min_sites, n, 1, ""),
        _range(
            texts,
            "step_eur",
            texts.text(LABELS["step_eur"]),
            scenario.step_eur,
            max(1_000.0, start.step_eur),
            100,
            "EUR",
        ),
    ]
    if scenario.years > 1:
        found[0]["note"] = texts.text("The plan is for {n} years; what is shown are the sums.", n=scenario.years)
    return found


def _nice(value: float) -> float:
    """Round down to a power of ten, at least 1."""
    return 10.0 ** math.floor(math.log10(value)) if value >= 1 else 1.0


def _statuses(panel: Panel) -> list[JSON]:
    texts, scenario, frame = panel.texts, panel.scenario, panel.sites.frame
    named, options = _status_names(texts), _status_options(texts)
    rules = {
        "must": texts.text("must get money"),
        "may": texts.text("may get money"),
        "not": texts.text("get no money"),
    }
    found = [
        _control(
            "choice",
            f"rule:{status}",
            texts.text("Sites with the status {status}", status=texts.given(named[status])),
            value="must" if status in scenario.committed else "not" if status in scenario.excluded else "may",
            options=[{"value": rule, "label": rules[rule]} for rule in _RULES],
        )
        for status in STATUSES
    ]
    basis, changes = panel.sites.basis, panel.changes
    assumed = set() if basis.empty else set(basis.index[basis["status"] == "assumed"])
    found += [
        _control(
            "choice",
            f"status:{site_id}",
            name,
            value=status,
            options=options,
            assumed=site_id in assumed,
            changed="status" in changes.get(site_id, {}),
        )
        for site_id, name, status in zip(frame.index, frame["name"], frame["status"], strict=True)
    ]
    return found


def _amounts(panel: Panel) -> list[JSON]:
    texts, scenario, sites = panel.texts, panel.scenario, panel.sites
    most = float(panel.start.sites.numbers("max_eur").max(initial=0.0))
    most = most if math.isfinite(most) else panel.start.scenario.budget_eur
    step = _nice(most / 100)
    own = texts.text("The same for all sites (else: each site's own)")
    assumed = _any_assumed(sites)
    found = [
        _range(
            texts,
            key,
            label,
            float(getattr(scenario, key) or 0.0),
            2 * most,
            step,
            "EUR",
            on=getattr(scenario, key) is not None,
            switch=own,
            first=first,
            assumed=getattr(scenario, key) is None and assumed(key),
        )
        for key, label, first in (
            ("min_eur", texts.text(LABELS["min_eur"]), float(sites.numbers("min_eur").min(initial=math.inf))),
            ("max_eur", texts.text(LABELS["max_eur"]), float(sites.numbers("max_eur").max(initial=0.0))),
        )
    ]
    for one in found:
        if not math.isfinite(one["first"]):
            one["first"] = 0.0
    known = "previous_eur" in sites.frame and bool(sites.frame["previous_eur"].notna().any())
    share = scenario.max_change_share
    found.append(
        _range(
            texts,
            "max_change_share",
            texts.text(LABELS["max_change_share"]),
            round(100 * (share or 0.0), 9),
            100,
            5,
            "%",
            on=share is not None,
            switch=texts.text("Limit the change"),
            first=20,
            note="" if known else texts.text("The data hold no amounts of the year before, so this limits nothing."),
        )
    )
    if share is not None:
        found.append(
            _control("check", "may_end", texts.text("A site that had money may get none"), value=scenario.may_end)
        )
    return found


def _weights(panel: Panel) -> list[JSON]:
    texts, sites = panel.texts, panel.sites
    if sites.has_need:
        return [_control("text", "need", texts.text("The need was given with the sites: there is nothing to weigh."))]
    kinds = sites.table("indicator_kinds").set_index("indicator")
    weights = panel.scenario.need_weights or sites.weights
    return [
        _range(
            texts,
            f"weight:{indicator}",
            str(kinds.loc[indicator, f"name_{texts.language}"]),
            float(weights.get(indicator, 0.0)),
            max(3.0, 2 * float(base)),
            0.1,
            "",
            assumed=bool(kinds.loc[indicator, "basis"] == "assumed"),
        )
        for indicator, base in sites.weights.items()
    ]


def _worth(panel: Panel) -> list[JSON]:
    texts, scenario = panel.texts, panel.scenario
    aversion = scenario.inequality_aversion
    first_come = math.isinf(aversion)
    found = [
        _control(
            "choice",
            "method",
            texts.text(LABELS["method"]),
            value=scenario.method,
            options=[
                {"value": method, "label": texts.name("method", method)}
                for method in ("optimal", "equal-split", "need-proportional")
            ],
        ),
        _range(
            texts,
            "inequality_aversion",
            texts.text(LABELS["inequality_aversion"]),
            0.0 if first_come else aversion,
            5,
            0.25,
            "",
            note=texts.text("0: the greatest benefit. The more, the more the least covered sites count."),
            disabled=first_come,
        ),
        _control(
            "check",
            "leximin",
            texts.text("The least covered site first, whatever it costs the others"),
            value=first_come,
        ),
    ]
    if aversion > 0:
        base = round(100 * scenario.base_coverage, 9)
        label = texts.text(LABELS["base_coverage"])
        found.append(_range(texts, "base_coverage", label, base, 50, 1, "%", assumed=True))
    factor = scale_factor(panel)
    found += [
        _control(
            "choice",
            "response",
            texts.text(LABELS["response"]),
            value=scenario.response,
            options=[{"value": curve, "label": texts.name("response", curve)} for curve in benefit.RESPONSES],
            assumed=True,
        ),
        *_origins(panel),
        _range(
            texts,
            "scale",
            texts.text("Effect scale, of that in the data")
            if scenario.response_from == "assumed"
            else texts.text("Effect scale, of that learned"),
            round(100 * factor, 9) if factor else 100.0,
            300,
            5,
            "%",
            assumed=True,
            note=texts.text("The more, the more money it takes to reach the same share.")
            if factor
            else texts.text("The sites' scales were changed one by one."),
        ),
    ]
    return found


def _origins(panel: Panel) -> list[JSON]:
    """Where the scales come from: a choice where there are reports to learn from, and for the curve by which they are read."""
    texts, scenario, tables = panel.texts, panel.scenario, panel.sites.tables
    origins = ["assumed", *(one for one in ("quality", "demonstration") if len(tables.get(table_of(one), ())))]
    if len(origins) == 1 or scenario.response != "saturating":
        return []
    return [
        _control(
            "choice",
            "response_from",
            texts.text(LABELS["response_from"]),
            value=scenario.response_from,
            options=[{"value": origin, "label": texts.name("response_from", origin)} for origin in origins],
            assumed=scenario.response_from != "quality",
        )
    ]


def scale_factor(panel: Panel) -> float:
    """By what the effect scale of all sites was multiplied; 0 where they were changed differently."""
    base = panel.unchanged.numbers("scale_eur")
    now = panel.sites.numbers("scale_eur")
    ratio = now / base
    return float(ratio[0]) if len(ratio) and (abs(ratio - ratio[0]) < 1e-9).all() else 1.0 if not len(ratio) else 0.0


def _limits(panel: Panel) -> list[JSON]:
    texts = panel.texts
    frame = panel.sites.frame
    kinds = {kind: texts.text(label) for kind, label in LIMIT_LABELS.items()}
    of = {
        "provider": texts.text("Provider: {name}"),
        "housing_company": texts.text("Housing company: {name}"),
        "district": texts.text("District: {name}"),
    }
    partners = [
        {"value": f"{by}:{name}", "label": label.format(name=name)}
        for by, label in of.items()
        if by in frame
        for name in sorted(frame[by].dropna().unique())
    ]
    rules = []
    for number, group in enumerate(panel.scenario.groups):
        for kind in LIMIT_LABELS:
            value = getattr(group, kind)
            if value is not None:
                shown = (
                    texts.percent(value)
                    if kind.endswith("share")
                    else texts.eur(value)
                    if kind.endswith("eur")
                    else texts.number(value)
                )
                head = of[group.by].format(name=group.name)
                rules.append({"id": f"{number}:{kind}", "label": f"{head} \u2013 {kinds[kind].split(',')[0]} {shown}"})
    return [
        _control(
            "limits",
            "limits",
            texts.text("Limits"),
            rules=rules,
            partners=partners,
            kinds=[{"value": kind, "label": label} for kind, label in kinds.items()],
            none=texts.text("There is no such limit.") if partners else texts.text("The data name no partners."),
        )
    ]


def _any_assumed(sites: Sites) -> Any:
    basis = sites.basis
    return lambda figure: figure in basis and bool((basis[figure] == "assumed").any())


# --- the answer ---------------------------------------------------------------------------------------------------


def answer(panel: Panel, plan: Plan, before: Plan | None, view: View) -> JSON:
    """Give the plan: key figures, a row a site, what binds, and what a view asks for."""
    texts = panel.texts
    table = plan.table()
    amounts = dict(zip(table.index, table["amount_eur"], strict=True))
    earlier = {} if before is None else before.amounts.to_dict()
    caps = [*table["max_eur"][table["max_eur"] < math.inf], *amounts.values(), *earlier.values()]
    most = max([float(value) for value in caps], default=0.0) or 1.0
    locks = panel.locks
    rows, often = [], _often(table["why"][(table["amount_eur"] > 0) & ~table.index.isin(list(locks))])
    columns = ("name", "status", "min_eur", "max_eur", "amount_eur", "coverage", "benefit", "why")
    named = _status_names(texts)
    for site_id, *values in table[list(columns)].itertuples(name=None):
        name, status, low, high, amount, coverage, reached, why = values
        change = amount - earlier.get(site_id, amount)
        rows.append(
            {
                "id": site_id,
                "name": name,
                "status": status,
                "status_text": named[status],
                "amount": amount,
                "low": low,
                "high": min(high, most),
                "before": earlier.get(site_id, amount),
                "amount_text": texts.eur(amount),
                "change": 0 if abs(change) <= TOLERANCE else change,
                "change_text": _signed_eur(texts, change),
                "coverage": texts.percent(coverage) if amount else "",
                "benefit": texts.number(reached, 1) if amount else "",
                "why": texts.text("Held at {amount}.", amount=texts.eur(amount))
                if site_id in locks and amount
                else often.get(why, why),
                "locked": texts.text("locked at {amount}", amount=texts.eur(locks[site_id]))
                if site_id in locks
                else "",
                "by_hand": None if view.by_hand is None else texts.exact(view.by_hand.get(site_id, 0.0)),
            }
        )
    return {
        "figures": _figures(texts, plan, before),
        "rows": rows,
        "most": most,
        "ticks": [{"at": at, "label": texts.number(at)} for at in _ticks(most)],
        "binds": [minus(line) for line in (*often, *_binds(plan, table, brief=view.brief))],
        "map": map_data(plan, before) if has_map(plan.sites) else None,
        "assumed": plan.assumed_sentence(),
        "source": plan.attribution(),
        "by_hand": _by_hand(panel, view.by_hand),
        "asked": _asked(panel, plan, view.asked, brief=view.brief) if view.asked in amounts else None,
    }


def _often(reasons: pd.Series) -> dict[str, str]:
    """Map a reason that many sites share, which is said once at length, to what it begins with."""
    counts = reasons.value_counts(sort=False)
    return {
        reason: f"{head}."
        for reason, n in counts.items()
        if n > 2 and (head := str(reason).partition(":")[0]) != reason
    }


def _figures(texts: Texts, plan: Plan, before: Plan | None) -> list[JSON]:
    scenario = plan.scenario
    total = math.fsum(plan._needs())
    benefit_change = 0.0 if before is None else plan.benefit - before.benefit
    proven = plan.outcome is Outcome.OPTIMAL
    return [
        {
            "label": texts.text("Given out"),
            "value": texts.eur(plan.spent_eur),
            "note": texts.text("of {budget}", budget=texts.eur(math.fsum(scenario.budgets_eur))),
            "change": "" if before is None else _signed_eur(texts, plan.spent_eur - before.spent_eur),
        },
        {
            "label": texts.text("Left over"),
            "value": texts.eur(plan.left_over_eur),
            "note": "",
            "change": "" if before is None else _signed_eur(texts, plan.left_over_eur - before.left_over_eur),
        },
        {
            "label": texts.text("Funded sites"),
            "value": texts.number(plan.funded_sites),
            "note": texts.text("at most {n}", n=scenario.max_sites),
            "change": ""
            if before is None
            else _signed(
                plan.funded_sites - before.funded_sites,
                texts.number(abs(plan.funded_sites - before.funded_sites)),
            ),
        },
        {
            "label": texts.text("Benefit"),
            "value": texts.number(plan.benefit, 1),
            "note": texts.text(
                "weighted residents, {share} of the need", share=texts.percent(plan.benefit / total if total else 0.0)
            ),
            "change": _signed(round(benefit_change, 1), texts.number(abs(benefit_change), 1)),
        },
        {
            "label": texts.text("Proof"),
            "value": texts.name("outcome", "OPTIMAL" if proven else "FEASIBLE"),
            "note": _proof(plan),
            "change": "",
        },
    ]


def _proof(plan: Plan) -> str:
    """Say in a few words how far the plan is from the best there can be."""
    if plan.years or math.isinf(plan.scenario.inequality_aversion):
        return plan.outcome_sentence()
    bound = plan.texts.number(plan.bound, 1)
    return plan.texts.text("upper bound {bound}, gap {gap}", bound=bound, gap=plan._gap_text())


def _binds(plan: Plan, table: pd.DataFrame, *, brief: bool) -> list[str]:
    """Say what holds the plan where it is, and where the next money would go."""
    texts = plan.texts
    lines = [plan.outcome_sentence(), plan.left_over_sentence()]
    funded = table[table["amount_eur"] > 0]
    for column, text in (
        ("max_eur", texts.text("At their cap: {sites}.")),
        ("min_eur", texts.text("At their floor: {sites}.")),
    ):
        here = funded[(funded["amount_eur"] - funded[column]).abs() < plan.scenario.step_eur]["name"].tolist()
        if here:
            shown = (
                here
                if len(here) <= MOST_LISTED
                else [*here[:MOST_LISTED], texts.text("{n} more", n=len(here) - MOST_LISTED)]
            )
            lines.append(text.format(sites=texts.listing(shown)))
    if not plan.years and plan.funded_sites >= plan.scenario.max_sites:
        lines.append(texts.text("All places are taken."))
    if plan.scenario.method == "optimal":
        lines += _once(plan, "", lambda: [said.sentence for said in sentences(plan, "money")], brief=brief)
    return lines


def _once(plan: Plan, about: str, find: Callable[[], list[str]], *, brief: bool) -> list[str]:
    """Give sentences that take a search of their own; for one plan they are searched for once, whatever is clicked meanwhile."""
    known = _searched.setdefault(plan, {})
    if about in known:
        return known[about]
    left_out = [plan.texts.text("What else could be said here took too long to find.")]
    if brief:
        return left_out
    try:
        return known.setdefault(about, find())
    except SystemExit:  # it was ended: else it would begin again with each click
        known[about] = left_out
        raise


_searched: WeakKeyDictionary[Plan, dict[str, list[str]]] = WeakKeyDictionary()


def _ticks(most: float) -> list[float]:
    """Round marks of an axis from 0 to `most`, two to five of them."""
    step = _nice(most / 2)
    while most / step > 5:
        step *= 2.5 if round(math.log10(step) % 1, 3) == 0.301 else 2
    return [step * at for at in range(int(most / step + 1e-9) + 1)]


def _by_hand(panel: Panel, amounts: Mapping[str, float] | None) -> JSON | None:
    """Say how far amounts entered by hand are from the best."""
    if amounts is None:
        return None
    texts = panel.texts
    try:
        entered = panel.enter(amounts)
    except PlainError as error:
        return {"lines": told(panel, error), "broken": []}
    spent = math.fsum(amounts.values())
    given = panel.plan.amounts
    if all(abs(amounts.get(site_id, 0.0) - eur) <= TOLERANCE for site_id, eur in given.items()):
        same = mark("These amounts ({spent}) are those of the plan shown: they reach {benefit} weighted residents.")
        if panel.plan.outcome is Outcome.OPTIMAL:
            same = mark("These amounts ({spent}) are the best plan: they reach {benefit} weighted residents.")
        loss = texts.text(same, spent=texts.eur(spent), benefit=texts.number(entered.benefit, 1))
    elif entered.lost_benefit > -0.05:  # as shown: not less than nothing
        loss = texts.text(
            "These amounts ({spent}) reach {benefit} weighted residents: {lost} less than the best plan ({share}).",
            spent=texts.eur(spent),
            benefit=texts.number(entered.benefit, 1),
            lost=texts.number(max(entered.lost_benefit, 0.0), 1),
            share=texts.percent(max(entered.lost_share, 0.0)),
        )
    else:
        loss = texts.text(
            "These amounts ({spent}) reach {benefit} weighted residents: {more} more than the plan shown.",
            spent=texts.eur(spent),
            benefit=texts.number(entered.benefit, 1),
            more=texts.number(-entered.lost_benefit, 1),
        )
    kept = texts.text("They keep all rules.") if not entered.broken_rules else texts.text("They break rules:")
    return {"lines": [loss, kept], "broken": list(entered.broken_rules)}


def _asked(panel: Panel, plan: Plan, site_id: str, *, brief: bool) -> JSON:
    """Give the reasons of one site, its own choices and its lock."""
    texts, changes = panel.texts, panel.changes.get(site_id, {})
    frame, basis = panel.sites.frame, panel.sites.basis
    low, high = (float(frame.loc[site_id, column]) for column in ("min_eur", "max_eur"))
    searched = _once(plan, site_id, lambda: [said.sentence for said in about_site(plan, site_id)], brief=brief)
    why, lock = plan.explain(site_id), panel.locks.get(site_id)
    if lock:
        same = texts.text("Floor and cap are the same ({low}).", low=texts.eur(low))
        why = why.replace(same, texts.text("Held at {amount}.", amount=texts.eur(lock)))
    lines = [why, *searched]
    if lock is not None and not brief:
        try:
            cost = panel.cost_of_lock(site_id)
            lines.append(
                texts.text(
                    "The lock at {amount} costs {benefit} weighted residents.",
                    amount=texts.eur(lock),
                    benefit=texts.number(max(cost, 0.0), 1),
                )
            )
        except PlainError as error:
            lines += str(error).splitlines()[:1]

    def assumed(column: str) -> bool:
        return not basis.empty and basis.loc[site_id, column] == "assumed"

    return {
        "id": site_id,
        "name": frame.loc[site_id, "name"],
        "lines": [minus(line) for line in lines],
        "locked": lock is not None,
        "amount": texts.exact(plan.amounts[site_id] if lock is None else lock),
        "controls": [
            _control(
                "choice",
                f"status:{site_id}",
                texts.text("Status"),
                value=frame.loc[site_id, "status"],
                options=_status_options(texts),
                assumed=assumed("status"),
                changed="status" in changes,
            ),
            *(
                _control(
                    "number",
                    f"{column}:{site_id}",
                    label,
                    text=texts.exact(value) if math.isfinite(value) else "",
                    assumed=assumed(column),
                    changed=column in changes,
                    disabled=getattr(plan.scenario, column) is not None or lock is not None,
                )
                for column, label, value in (
                    ("min_eur", texts.text("Floor (EUR)"), low),
                    ("max_eur", texts.text("Cap (EUR)"), high),
                )
            ),
        ],
    }


# --- kept plans ---------------------------------------------------------------------------------------------------


def compared(panel: Panel, names: Iterable[str | None]) -> JSON | None:
    """Set plans side by side: a row a site, and a sentence for each plan but the first."""
    names = [name for name in names if name is None or name == START or name in panel.kept]
    if len(names) < 2:
        return None
    texts = panel.texts
    try:
        table = panel.compare(*names)
    except PlainError as error:
        return {"lines": told(panel, error), "heads": [], "rows": []}
    heads = table.attrs["headings"]
    called = list(dict.fromkeys(key.rsplit(" ", 1)[0] for key in heads))
    lines = []
    first = called[0]
    for name in called[1:]:
        change = table[f"{name} change_eur"].drop(TOTAL)
        lost = float(table.loc[TOTAL, f"{name} lost_benefit"])
        total = float(table.loc[TOTAL, f"{first} benefit"])
        lines.append(
            texts.text(
                "{name} against {first}: of {n} sites, {gain} get more and {lose} less; benefit {change} ({share}).",
                name=texts.given(name),
                first=texts.given(first),
                n=len(change),
                gain=int((change > TOLERANCE).sum()),
                lose=int((change < -TOLERANCE).sum()),
                change=_signed(-lost, texts.number(abs(lost), 1)) or texts.number(0, 1),
                share=_signed(-lost, texts.percent(abs(lost) / total if total else 0.0)) or texts.percent(0),
            )
        )
    return {
        "lines": lines,
        # What is lost where others gain reads badly: on the page both are a change with its sign.
        "heads": [
            texts.text("{name}: change of benefit", name=key.rsplit(" ", 1)[0]) if key.endswith(_LOST) else heading
            for key, heading in heads.items()
        ],
        "rows": [
            {"id": str(site_id), "name": row["name"], "cells": [_compared(texts, key, row[key]) for key in heads]}
            for site_id, row in table.iterrows()
        ],
    }


_LOST = " lost_benefit"


def _compared(texts: Texts, key: str, value: float) -> str:
    if key.endswith(_LOST):
        return _signed(-round(value, 1), texts.number(abs(value), 1)) or texts.number(0, 1)
    if key.endswith("change_eur"):
        return _signed_eur(texts, value).removesuffix(" EUR")
    return texts.eur(value).removesuffix(" EUR") if key.endswith("eur") else texts.number(value, 1)


def _in_a_line(plan: Plan, texts: Texts) -> str:
    return texts.text(
        "{spent} for {n} site, benefit {benefit}",
        plural="{spent} for {n} sites, benefit {benefit}",
        n=plan.funded_sites,
        spent=texts.eur(plan.spent_eur),
        benefit=texts.number(plan.benefit, 1),
    )


# --- what is refused ---------------------------------------------------------------------------------------------


def told(panel: Panel, error: PlainError) -> list[str]:
    """Say why something was refused, in sentences with the labels, names and units of the panel.

    What is wrong in a file is told by its rows and fields, which is where it has to be mended.
    """
    texts = panel.texts
    if isinstance(error, NameTaken):
        return [
            texts.text(
                "A plan is already kept under the name {name}. To put this one in its place, tick {box}.",
                name=texts.given(error.name),
                box=texts.given(words(texts.language)["replace"]),
            )
        ]
    if isinstance(error, InfeasibleScenario):  # its rules and ways out stand beside it
        return str(error).splitlines()[:1]
    if not isinstance(error, FaultyInput):
        return [line.strip() for line in str(error).splitlines()]
    file = next((fault.file for fault in error.faults if fault.file.lower().endswith((".yaml", ".yml"))), "")
    refused = [texts.text("{file} was not loaded; nothing was changed.", file=file)] if file else []
    say = _in_file if file else _on_panel
    return [*refused, *dict.fromkeys(say(panel, fault) for fault in error.faults)]


def loaded(texts: Texts, file: str) -> str:
    """Say that a scenario file was loaded, which is not seen where it changes no figure."""
    return texts.text("{file} was loaded.", file=file)


def no_number(texts: Texts, label: str, given: object) -> str:
    """Say that what was typed is no number, or that nothing was."""
    if isinstance(given, str) and not given.strip():
        return texts.text("{label}: a number is missing here.", label=label)
    return texts.text(
        "{label}: {given} is no number that can be used here. Write it like {example}.",
        label=label,
        given=texts.given(given),
        example=texts.number(12500.5, 1),
    )


def _in_file(panel: Panel, fault: Fault) -> str:
    texts, said = panel.texts, fault.said or _given_and_expected(panel.texts, fault)
    if fault.said and fault.column in ("sites", "months"):  # names all rows at once
        return said
    if fault.row is None:
        return said
    if fault.column is None:
        return texts.text("Row {row}: {said}", row=fault.row, said=said)
    return texts.text("Row {row}, field {field}: {said}", row=fault.row, field=fault.column, said=said)


def _on_panel(panel: Panel, fault: Fault) -> str:
    texts, ids = panel.texts, panel.sites.site_ids
    of_sites = {
        "status": texts.text("Status"),
        "min_eur": texts.text("Floor (EUR)"),
        "max_eur": texts.text("Cap (EUR)"),
    }
    site = fault.file if fault.file in ids else ""
    if fault.file == "Sites" and fault.row is not None and 0 < fault.row <= len(ids):
        site = ids[fault.row - 1]
    field = (fault.column or "").rpartition(".")[2]
    label = ""
    if fault.column is not None and fault.column.startswith("groups."):
        label = texts.text(LIMIT_LABELS[field]) if field in LIMIT_LABELS else ""
    elif site:
        label = "" if fault.said else of_sites.get(field, "")  # such a sentence has it
    elif fault.column in LABELS:
        label = texts.text(LABELS[fault.column])
    said = fault.said or _given_and_expected(texts, fault)
    heads = [*([str(panel.sites.frame.loc[site, "name"])] if site else []), *([texts.given(label)] if label else [])]
    return f"{', '.join(heads)}: {said}" if heads else said


def _given_and_expected(texts: Texts, fault: Fault) -> str:
    if not fault.given:
        return texts.text("Expected: {expected}.", expected=fault.expected)
    return texts.text("{given} is not possible here; expected: {expected}.", given=fault.given, expected=fault.expected)


# --- small ones ---------------------------------------------------------------------------------------------------


def _plan(panel: Panel) -> Plan | None:
    try:
        return panel.plan
    except PlainError:
        return None


def _said(texts: Texts, plan: Plan | None, before: Plan | None, impossible: bool) -> str:
    """Say in a sentence what a change has led to, for those who do not see it."""
    if impossible or plan is None:
        return texts.text("Impossible: see the message.")
    change = 0.0 if before is None else round(plan.benefit - before.benefit, 1)
    said = _in_a_line(plan, texts)
    return f"{said} ({_signed(change, texts.number(abs(change), 1))})" if change else said


def _status_names(texts: Texts) -> dict[str, str]:
    return {status: texts.name("status", status) for status in STATUSES}


def _status_options(texts: Texts) -> list[JSON]:
    return [{"value": status, "label": label} for status, label in _status_names(texts).items()]


def _signed(value: float, shown: str) -> str:
    """Give a change with its sign; nothing where there is none."""
    return "" if abs(value) <= TOLERANCE else signed(value, shown)


def _signed_eur(texts: Texts, value: float) -> str:
    return _signed(value, texts.eur(abs(value)))
