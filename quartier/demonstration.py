"""Made-up reports of some sites over some years, to try the quality dialogue with before there are real ones.

Nothing here is known of any site. Every row is assumed, has the source of assumptions and says in its note that it is made up; the
tables have names of their own, so that they are never taken for reports.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from quartier.data import DEMONSTRATION
from quartier.language import PlainError, Texts, mark
from quartier.need import people_in_reach

if TYPE_CHECKING:
    import pandas as pd

    from quartier.plan import Plan

SPREAD, NOISE = 0.35, 0.15
"""How far apart the made-up sites are, and the years of one site: standard deviations of the logarithm of the effect scale."""

_WENT_WELL = (
    mark("The café is full on both days; neighbours bring cakes."),
    mark("The walking group has become a group of friends that also meets without us."),
    mark("Advice at the kitchen table reaches people who never come to the café."),
)
_WENT_BADLY = (
    mark("Hardly any men come."),
    mark("The room is not free in the evening."),
    mark("The pandemic kept the café closed for months; we telephoned instead."),
)
_MEASURES = (
    mark("Begin an offer for men: repairs, cards or allotments."),
    mark("Settle with the housing company when the room can be used."),
    mark("Keep up a telephone chain for weeks without a café."),
)


def make_up(plan: Plan, years: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Make up reports of the sites with an agreement that a plan funds.

    Each site has an effect scale of its own around the one in the data; each year it differs a little. People reached follow from
    the money through the saturating curve.

    Parameters
    ----------
    plan : Plan
        Whose sites report; its amounts are about what they spend. The seed is its scenario's.
    years : sequence of int
        Years that are reported on.

    Returns
    -------
    dict of DataFrame
        ``demonstration_reports``, ``demonstration_report_texts`` and ``demonstration_measures`` as in the data.

    Raises
    ------
    PlainError
        The city describes no indicators of the dialogue, or none of those that the curve needs.
    """
    import pandas as pd

    texts, tables = Texts(plan.scenario.language), plan.sites.tables
    if "dialogue_indicators" not in tables:
        raise PlainError(texts.text("These data describe no indicators of the quality dialogue."))
    kinds = tables["dialogue_indicators"].set_index("indicator")
    reach = people_in_reach(plan.sites)
    chance = np.random.default_rng(plan.scenario.seed)
    figures: list[dict[str, Any]] = []
    said: list[dict[str, Any]] = []
    agreed: list[dict[str, Any]] = []
    is_reporting = (plan.amounts > 0) & (plan.sites.frame["status"] == "signed")
    funded = plan.amounts[is_reporting]
    scales = plan.sites.frame["scale_eur"]
    origin = {
        "basis": "assumed",
        "source_id": "annahme",
        "file": None,
        "cell": None,
        "note": texts.text(
            "Assumption: made up for demonstration, no report of a site. To be replaced by the reports."
        ),
    }
    for at, (site_id, amount) in enumerate(funded.items()):
        own = float(scales[site_id]) * np.exp(chance.normal(0, SPREAD))
        for year in years:
            money = round(float(amount) * chance.uniform(0.8, 1.0), 2)
            scale = own * np.exp(chance.normal(0, NOISE))
            people = int(chance.binomial(round(reach[site_id]), 1 - np.exp(-money / scale)))
            values = _figures(money, people, chance)
            for indicator, kind in kinds.iterrows():
                value = values.get(str(kind["role"])) if isinstance(kind["role"], str) else values.get(str(indicator))
                if value is None:
                    value = float(chance.poisson(9))
                key = {"year": year, "site_id": site_id, "indicator": indicator}
                figures.append({**key, "value": value, "unit": kind["unit"], **origin})
            key = {"year": year, "site_id": site_id}
            turn = at + year
            said.append({**key, "kind": "went_well", "text": texts.text(_WENT_WELL[turn % 3]), **origin})
            said.append({**key, "kind": "went_badly", "text": texts.text(_WENT_BADLY[turn % 3]), **origin})
            agreed.append(
                {
                    "measure_id": f"{site_id}-{year}-1",
                    **key,
                    "text": texts.text(_MEASURES[turn % 3]),
                    "owner": plan.sites.frame["provider"][site_id] or plan.sites.frame["housing_company"][site_id],
                    "due_date": datetime.date(year + 1, 9, 30),
                    "state": "done" if year < max(years) and turn % 2 else "open",
                    **origin,
                }
            )
    return {
        f"{DEMONSTRATION}reports": pd.DataFrame(figures),
        f"{DEMONSTRATION}report_texts": pd.DataFrame(said),
        f"{DEMONSTRATION}measures": pd.DataFrame(agreed),
    }


def _figures(money: float, people: int, chance: np.random.Generator) -> dict[str, float]:
    """Make up what hangs together, by role or by indicator of the Bielefeld data; others are small numbers."""
    part = chance.uniform(0.2, 0.4)
    return {
        "money": money,
        "hours": float(round(money / chance.uniform(30, 38))),
        "people": float(people),
        "people_80_plus": float(round(people * part)),
        "people_new": float(round(people * chance.uniform(0.1, 0.3))),
        "people_at_home": float(chance.poisson(5)),
        "visits": float(round(people * chance.uniform(4, 9))),
        "consultations": float(round(people * chance.uniform(0.1, 0.3))),
        "volunteers": float(2 + chance.poisson(6)),
        "volunteer_hours": float(round(chance.uniform(80, 400))),
    }
