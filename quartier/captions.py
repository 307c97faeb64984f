"""What is said around a picture of sites and plans: headings, notes on what it rests on, text alternatives.

The figures on paper and the panel on the screen say the same; nothing here draws.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from quartier.data import Sites
from quartier.language import Texts
from quartier.plan import limits, year_share

if TYPE_CHECKING:
    from quartier.plan import Plan

ALT_LENGTH = 600
"""Most characters of a text alternative: what a screen reader says in about half a minute."""


def alternative(texts: Texts, head: str, items: Sequence[str], tail: str = "") -> str:
    """Make a text alternative of at most `ALT_LENGTH` characters: head, as many of the items as there is room for, tail."""
    for shown in range(len(items), -1, -1):
        listed = list(items[:shown])
        if 0 < shown < len(items):
            listed.append(texts.text("{n} more", n=len(items) - shown))
        text = " ".join(part for part in (head, f"{'; '.join(listed)}." if listed else "", tail) if part)
        if len(text) <= ALT_LENGTH:
            break
    return text if len(text) <= ALT_LENGTH else text[: ALT_LENGTH - 1] + "…"


def attribution(sites: Sites, source_ids: Collection[str], texts: Texts) -> str:
    """Line that names those of the sources whose licence asks for it; empty where there are none."""
    sources = sites.tables.get("sources")
    if sources is None:
        return ""
    licensed = sources[sources["source_id"].isin(source_ids) & sources["licence"].notna()]
    shown = [
        f"{publisher} ({licence})"
        for publisher, licence in zip(licensed["publisher"], licensed["licence"], strict=True)
    ]
    return texts.text("Source: {sources}", sources="; ".join(dict.fromkeys(shown))) if shown else ""


def assumed_note(sites: Sites, figures: Iterable[str], texts: Texts) -> str:
    """Say which of these figures of the sites are assumed, or that their origin is unknown; empty if neither."""
    basis = sites.basis
    if basis.empty:
        return texts.text(
            "The origin of the figures is not documented: the sites were given as a table without sources."
        )
    counts = {figure: int((basis[figure] == "assumed").sum()) for figure in figures}
    parts = [
        texts.text("{figure} ({n} of {total} sites)", figure=texts.name("figure", figure), n=count, total=len(basis))
        for figure, count in counts.items()
        if count
    ]
    return texts.text("Assumed, not stated in a source: {parts}.", parts=texts.listing(parts)) if parts else ""


def origin(sites: Sites, assumed: str, texts: Texts) -> str:
    """Say in a few words, for a text alternative, what the sentence on assumed figures says at length."""
    if sites.basis.empty:
        return texts.text("Origin of the figures not documented.")
    return texts.text("Rests on assumed figures.") if assumed else ""


def plan_notes(*plans: Plan) -> list[str]:
    """What the plans rest on, and whose figures they use; what several plans share is said once."""
    notes = [*(plan.assumed_sentence() for plan in plans), *(plan.attribution() for plan in plans)]
    return [note for note in dict.fromkeys(notes) if note]


def scenario_name(plan: Plan) -> str:
    """Title of the scenario, or its name, in quotes; of a plan over several years it says that sums are meant."""
    name = plan.texts.given(plan.scenario.title or plan.scenario.name)
    if plan.years:
        return plan.texts.text("{scenario} (sums of {years} years)", scenario=name, years=len(plan.years))
    return name


def indicator_names(sites: Sites, texts: Texts) -> dict[str, str]:
    """Name of each indicator in the reader's language, by its key; empty where the sites come from a frame."""
    kinds = sites.tables.get("indicator_kinds")
    if kinds is None:
        return {}
    return dict(zip(kinds["indicator"], kinds[f"name_{texts.language}"], strict=True))


def money_head(plan: Plan, title: str) -> str:
    """First sentence of a text alternative: how much goes to how many sites."""
    return plan.texts.text(
        "{title}: {spent} for {n} site of {total}.",
        plural="{title}: {spent} for {n} sites of {total}.",
        n=plan.funded_sites,
        title=title,
        spent=plan.texts.eur(plan.spent_eur),
        total=len(plan.sites),
    )


def why_nothing(plan: Plan) -> list[str]:
    """Word for why each site gets nothing, in the order of the sites; empty for one that gets something. `Plan.table` has the sentence."""
    texts, sites = plan.texts, plan.sites
    years = plan.years or (plan,)
    rules = [(limits(year.sites, year.scenario), year.scenario.step_eur) for year in years]
    low = np.sum([np.round(rule.low * step, 9) for rule, step in rules], axis=0)
    high = np.sum([np.round(rule.high * step, 9) for rule, step in rules], axis=0)
    need = plan.need.to_numpy() * np.sum([year_share(year.sites, year.scenario) for year in years], axis=0)
    full = plan.funded_sites >= plan.scenario.max_sites
    rest = texts.text("no place") if full else texts.text("not funded")
    return [
        ""
        if amount > 0
        else texts.text("excluded")
        if status in plan.scenario.excluded
        else texts.text("no possible amount")
        if least > most
        else texts.text("no need")
        if wanted == 0
        else rest
        for amount, status, least, most, wanted in zip(
            plan.amounts.to_numpy(), sites.statuses, low, high, need, strict=True
        )
    ]
