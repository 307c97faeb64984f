"""Indicators and weights to a need per site, each indicator's contribution kept.

need_i = sum over indicators k of  w_k * sum over areas a of  share'_ia * value_ka        (weighted residents)

share'_ia is the part of area a's residents that counts for site i. Where the catchments of several sites together claim
more than the whole area, each gets its part of it: share'_ia = share_ia / max(1, sum over all sites j of share_ja), so
that nobody is counted twice. All sites of the table take part in this whatever their status: what a place needs does not
change because talks fail elsewhere. An indicator given for the site itself takes the place of its catchment's sum.
"""

from __future__ import annotations

import difflib
import math
from collections import defaultdict
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING

import numpy as np

from quartier.language import PlainError, Texts

if TYPE_CHECKING:
    import pandas as pd

    from quartier.data import Sites


def shares(sites: Sites) -> pd.DataFrame:
    """Effective share of each area's residents that counts for each site, after overlaps are shared.

    Returns
    -------
    DataFrame
        Columns site_id, area_id, share (as stated), claimed (sum over sites), effective_share; both shares are between
        0 and 1.

    Raises
    ------
    PlainError
        The sites were given with a need and have no catchments.
    """
    import pandas as pd

    columns = ["site_id", "area_id", "share", "claimed", "effective_share"]
    return pd.DataFrame(_claims(sites), columns=columns).astype({"site_id": object, "area_id": object})


def _claims(sites: Sites) -> list[tuple[str, str, float, float, float]]:
    """Rows of `shares`."""
    if sites.has_need:
        raise PlainError(Texts().text("These sites were given with their need; there are no indicators behind it."))
    table, known, parts = sites.table("catchments"), set(sites.site_ids), defaultdict(list)
    columns = (table[name].tolist() for name in ("site_id", "area_id", "share"))
    rows = [row for row in zip(*columns, strict=True) if row[0] in known]
    for _, area, share in rows:
        parts[area].append(share)
    claimed = {area: math.fsum(claims) for area, claims in parts.items()}
    return [(site, area, share, claimed[area], share / max(1.0, claimed[area])) for site, area, share in rows]


def indicator_totals(sites: Sites) -> pd.DataFrame:
    """Sum of each need indicator over a site's catchment, shape (n sites, k indicators), in the indicators' units.

    Raises
    ------
    PlainError
        The sites were given with a need and have no indicators.
    """
    if "indicator_totals" not in sites.cache:
        sites.cache["indicator_totals"] = _indicator_totals(sites)
    return sites.cache["indicator_totals"].copy()


def _indicator_totals(sites: Sites) -> pd.DataFrame:
    import pandas as pd

    parts = _claims(sites)  # refuses sites that have no indicators
    latest, kinds = sites.indicators_used(), list(sites.weights)
    places = zip(latest["area_id"], latest["site_id"], latest["indicator"], latest["value"], strict=True)
    known = {(area if isinstance(area, str) else site, kind): value for area, site, kind, value in places}
    totals = np.zeros((len(sites), len(kinds)))
    row = {site_id: i for i, site_id in enumerate(sites.site_ids)}
    for site_id, area, _, _, share in parts:
        totals[row[site_id]] += [share * known.get((area, kind), np.nan) for kind in kinds]
    for site_id, i in row.items():
        totals[i] = [known.get((site_id, kind), total) for kind, total in zip(kinds, totals[i], strict=True)]
    return pd.DataFrame(totals, index=pd.Index(sites.site_ids, name="site_id"), columns=kinds)


def contributions(sites: Sites, weights: Mapping[str, float] | None = None) -> pd.DataFrame:
    """Part of each indicator in each site's need, shape (n, k), in weighted residents; the rows add up to the need.

    Parameters
    ----------
    sites : Sites
        Sites read from a folder.
    weights : mapping, optional
        Weight of each indicator; the data's own weights by default. An indicator left out counts nothing.

    Raises
    ------
    PlainError
        A weight for an indicator that the data do not have, a weight below 0 or no number, or the sites have no
        indicators.
    """
    import pandas as pd

    totals = indicator_totals(sites)
    chosen = dict(weights or sites.weights)
    unknown = [name for name in chosen if name not in totals.columns]
    if unknown:
        texts = Texts()
        near = difflib.get_close_matches(unknown[0], list(totals.columns), n=1)
        raise PlainError(
            texts.text(
                "need_weights: {given} is no need indicator of these data. Known are {known}.",
                given=texts.given(unknown[0]),
                known=", ".join([*near, *(name for name in totals.columns if name not in near)]),
            )
        )
    for name, weight in chosen.items():
        if not (isinstance(weight, Real) and 0 <= weight < math.inf):
            texts = Texts()
            given, expected = f"{name}: {texts.given(weight)}", texts.text("weights of at least 0")
            raise PlainError(
                texts.text(
                    "{where}: given {given}, expected {expected}", where="need_weights", given=given, expected=expected
                )
            )
    weighed = totals.to_numpy()[:, totals.columns.get_indexer(list(chosen))] * np.array(
        list(chosen.values()), dtype=float
    )
    return pd.DataFrame(weighed, index=totals.index, columns=list(chosen))


def weigh(sites: Sites, weights: Mapping[str, float] | None = None) -> pd.Series:
    """Need of each site, shape (n,), in weighted residents.

    A need that was given with the sites is taken as it is.

    Raises
    ------
    PlainError
        As `contributions`; or weights are stated though the need was given.
    """
    import pandas as pd

    if sites.has_need:
        if weights:
            raise PlainError(
                Texts().text("need_weights: these sites were given with their need, so weights would change nothing.")
            )
        return pd.Series(sites.numbers("need").copy(), index=list(sites.site_ids), name="need")
    return contributions(sites, weights).sum(axis=1).rename("need")


def people_in_reach(sites: Sites) -> pd.Series:
    """People that each site can reach, each counted once, shape (n,), in persons: what a site's reach is a share of.

    The sum over a site's catchment of the indicators that the rule ``reach_indicators`` of ``programme.csv`` names.

    Raises
    ------
    PlainError
        The rule is missing, or names what is no need indicator; or the sites have no indicators.
    """
    totals, programme = indicator_totals(sites), sites.table("programme").set_index("rule")
    named = programme["text"].get("reach_indicators")
    chosen = [name.strip() for name in named.split(";")] if isinstance(named, str) else []
    if not chosen or not set(chosen) <= set(totals.columns):
        texts = Texts()
        raise PlainError(
            texts.text(
                "programme.csv, row reach_indicators: given {given}, expected some of {known}, parted by semicolons.",
                given=texts.given(named or ""),
                known=", ".join(totals.columns),
            )
        )
    return totals[chosen].sum(axis=1).rename("people_in_reach")
