"""Where things are: the layout of the map that paper and screen share, in kilometres and words; nothing here draws.

What does not hang on the plan (places, outlines, sizes of districts) is worked out once and kept with the sites.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from quartier import need as needs
from quartier.captions import (
    alternative,
    attribution,
    indicator_names,
    money_head,
    origin,
    scenario_name,
    why_nothing,
)
from quartier.data import STATUSES, Sites, latest_indicators, period_end
from quartier.language import PlainError, Texts, signed
from quartier.looks import LOOKS

if TYPE_CHECKING:
    import pandas as pd

    from quartier.plan import Plan

KM_A_DEGREE = 111.195
"""Kilometres a degree of latitude: a sphere of 6,371 km."""

BARS_KM = (100, 50, 20, 10, 5, 2, 1, 0.5)
"""Lengths that a scale bar may have, the longest first."""

_FINEST, _MOST_POINTS = 1 / 1500, 2_000  # of the city's extent: half a pixel of a page; points of all outlines together

Ring = np.ndarray
"""Shape (k, 2): places around an area, the last one joined to the first."""


@dataclasses.dataclass(frozen=True)
class Spot:
    """What stands at a place of the map: a district (no status) or a site.

    Attributes
    ----------
    key : str
        The same in every plan for these sites.
    x_km, y_km : float
        From the middle of the map to the east and to the south.
    share : float
        Of a district: its residents over those of the largest district, 0 to 1; not a number where they are not known.
    head, money : str
        Lines of the label; no money at all at a place of a district without sites: empty.
    amount_eur : float
        Of a site: its amount; of a district: that of its sites without a place.
    district : str
        Of a site: name of its district; empty where it is not known.
    members : tuple of str
        Of a district: its sites without a place.
    rings : tuple of array
        Of a district with a boundary: its outline, km.
    """

    key: str
    x_km: float
    y_km: float
    share: float
    head: str
    money: str
    amount_eur: float
    status: str = ""
    site_id: str = ""
    district: str = ""
    members: tuple[str, ...] = ()
    rings: tuple[Ring, ...] = ()


@dataclasses.dataclass(frozen=True)
class Beside:
    """A site that is on no map: what a list beside it says."""

    site_id: str
    status: str
    name: str
    district: str
    money: str


@dataclasses.dataclass(frozen=True)
class Layout:
    """All that a map of a plan shows.

    Attributes
    ----------
    title, alt : str
        Heading and text alternative.
    notes : tuple of str
        What the map is, what it rests on, whose figures it uses.
    residents : str
        Name of the indicator that the districts show; empty where there is none.
    spots : tuple of Spot
        Districts, then sites.
    beside : tuple of Beside
        Sites whose place is not known, in the order of their districts, the largest amount first.
    across_km, up_km : float
        Extent of all that has a place.
    """

    title: str
    alt: str
    notes: tuple[str, ...]
    residents: str
    spots: tuple[Spot, ...]
    beside: tuple[Beside, ...]
    across_km: float
    up_km: float


@dataclasses.dataclass(frozen=True)
class _Ground:
    """What holds for every plan: the districts as spots without money, by name; places of sites, km; notes; extent."""

    districts: Mapping[str, Spot]
    houses: Mapping[str, tuple[float, float]]
    residents: str
    notes: tuple[str, ...]
    credit: str
    across_km: float
    up_km: float


def has_map(sites: Sites) -> bool:
    """Say whether the data give the place of any district or candidate site, so that there is a map."""
    if "map: has" not in sites.cache:
        tables = sites.tables
        placed = bool(tables) and not (_placed(_districts(tables)).empty and _placed(_candidates(sites, tables)).empty)
        sites.cache["map: has"] = placed
    return bool(sites.cache["map: has"])


def lay_out(plan: Plan) -> Layout:
    """Work out a map: districts and sites in kilometres, with their labels, in the plan's language.

    Raises
    ------
    PlainError
        The data give the place of no site and of no district.
    """
    texts, sites = plan.texts, plan.sites
    ground = _ground(plan)
    amounts = plan.amounts.to_numpy().tolist()
    words = [word or texts.eur(amount) for word, amount in zip(why_nothing(plan), amounts, strict=True)]
    names, at_home = _names(sites)
    rows = list(zip(sites.site_ids, sites.statuses.tolist(), names, at_home, words, amounts, strict=True))
    order = {name: number for number, name in enumerate(_order(sites))}
    unplaced = [row for row in rows if row[0] not in ground.houses]
    unplaced.sort(key=lambda row: (order.get(row[3], len(order)), -row[5]))
    spots = []
    for name, spot in ground.districts.items():
        here = [row for row in unplaced if row[3] == name]
        total = math.fsum(row[5] for row in here)
        spots.append(
            dataclasses.replace(
                spot,
                money=texts.eur(total) if here else "",
                amount_eur=total,
                members=tuple(row[0] for row in here),
            )
        )
    for site_id, status, name, district, word, amount in rows:
        if site_id in ground.houses:
            x, y = ground.houses[site_id]
            spots.append(Spot(f"site:{site_id}", x, y, math.nan, name, word, amount, status, site_id, district))
    beside = tuple(Beside(row[0], row[1], row[2], row[3], row[4]) for row in unplaced)
    title = texts.text("Where the money goes, scenario {scenario}", scenario=scenario_name(plan))
    head = money_head(plan, title)
    if ground.residents:
        head = f"{head} {texts.text('Schematic map; in brackets: {indicator}.', indicator=ground.residents)}"
    listed = [f"{spot.head} {spot.money}".strip() for spot in sorted(spots, key=lambda spot: -spot.amount_eur)]
    listed += [f"{row.name} {row.money}" for row in beside if row.district not in ground.districts]
    assumed = plan.assumed_sentence()
    return Layout(
        title,
        alternative(texts, head, listed, origin(sites, assumed, texts)),
        tuple(note for note in (*ground.notes, assumed, ground.credit) if note),
        ground.residents,
        tuple(spots),
        beside,
        ground.across_km,
        ground.up_km,
    )


def map_data(plan: Plan, before: Plan | None = None) -> dict[str, Any]:
    """Give the map of a plan as JSON types for the page: every text is formatted, every spot has a key that lasts.

    Parameters
    ----------
    plan : Plan
        The plan, in whose language the texts are.
    before : Plan, optional
        A plan for the same sites: ``change`` says what a spot has more or less than there.

    Returns
    -------
    dict
        title, alt, notes; km (extent across and up); scale (lengths of a scale bar, the longest first); north; legend (kind and text);
        spots (x and y in km from the middle, to the east and to the south; radius of a district's circle and side of the square or
        symbol, 0 to 1 of the largest); outlines (by key of a district, an SVG path in km); beside (sites without a place).

    Raises
    ------
    PlainError
        As `lay_out`.
    """
    layout, texts = lay_out(plan), plan.texts
    now = dict(zip(plan.sites.site_ids, plan.amounts.to_numpy().tolist(), strict=True))
    was = dict(before.amounts.items()) if before is not None else now
    most = max((spot.amount_eur for spot in layout.spots), default=0.0) or 1.0
    status_names = {status: texts.name("status", status) for status in STATUSES}
    listed = {row.site_id: row for row in layout.beside}

    def change(site_ids: Iterable[str]) -> str:
        more = math.fsum(now[site_id] - was.get(site_id, 0.0) for site_id in site_ids)
        if round(more, 2) == 0:
            return ""
        return signed(more, texts.eur(abs(more)))

    spots = []
    for spot in layout.spots:
        changed = change(spot.members or ([spot.site_id] if spot.site_id else []))
        if spot.site_id:
            said = [f"{spot.head}: {spot.money}", status_names[spot.status]]
        else:
            said = [spot.head, *(f"{listed[one].name} {listed[one].money}" for one in spot.members)]
        spots.append(
            {
                "key": spot.key,
                "site": spot.site_id,
                "members": list(spot.members),
                "status": spot.status,
                "marker": LOOKS[spot.status].marker if spot.status else "",
                "x": round(spot.x_km, 4),
                "y": round(spot.y_km, 4),
                "radius": 0.0 if math.isnan(spot.share) else round(math.sqrt(max(spot.share, 0.0)), 4),
                "side": round(math.sqrt(spot.amount_eur / most), 4),
                "outlined": bool(spot.rings),
                "head": spot.head,
                "money": spot.money,
                "change": changed,
                "tip": "\n".join([*said, changed] if changed else said),
            }
        )
    drawn = {spot.status for spot in layout.spots}
    legend = [
        {"kind": kind, "marker": LOOKS[kind].marker if kind in LOOKS else "", "text": text}
        for kind, text in legend_texts(layout, plan)
        if kind not in LOOKS or kind in drawn
    ]
    rows = [{**dataclasses.asdict(row), "change": change([row.site_id])} for row in layout.beside]
    return {
        "title": layout.title,
        "alt": layout.alt,
        "notes": list(layout.notes),
        "km": [round(layout.across_km, 4), round(layout.up_km, 4)],
        "scale": [{"km": km, "text": bar_text(km, texts)} for km in BARS_KM],
        "north": NORTH,
        "legend": legend,
        "spots": spots,
        "outlines": {spot.key: _path(spot.rings) for spot in layout.spots if spot.rings},
        "beside": {"heading": texts.text("Sites whose place is not known") if rows else "", "rows": rows},
    }


NORTH = "\u2191 N"
"""Says where north is, in every language."""


def bar_text(km: float, texts: Texts) -> str:
    """Label of a scale bar."""
    return f"{texts.number(km, 0 if km == round(km) else 1)} km"


def legend_texts(layout: Layout, plan: Plan) -> list[tuple[str, str]]:
    """What a map's legend explains: kind (``district``, ``square`` or a status) and text, in this order."""
    texts, districts = plan.texts, [spot for spot in layout.spots if not spot.status]
    found = [("district", layout.residents)] if layout.residents and any(not spot.rings for spot in districts) else []
    if any(spot.amount_eur for spot in districts):
        found.append(("square", texts.text("amount without a place")))
    there = set(plan.sites.statuses.tolist())
    return [*found, *((status, texts.name("status", status)) for status in STATUSES if status in there)]


# --- what holds for every plan ------------------------------------------------------------------------------------


def _ground(plan: Plan) -> _Ground:
    sites, texts = plan.sites, plan.texts
    indicator = "" if sites.has_need else str(_weighed(plan).idxmax())
    key = f"map: {texts.language} {indicator}"
    if key not in sites.cache:
        sites.cache[key] = _worked_out(sites, indicator, texts)
    return sites.cache[key]


def _weighed(plan: Plan) -> pd.Series:
    """Part of each indicator in the need of all sites."""
    return needs.contributions(plan.sites, plan.scenario.need_weights or None).sum()


def _worked_out(sites: Sites, indicator: str, texts: Texts) -> _Ground:
    if not has_map(sites):
        raise PlainError(
            texts.text(
                "There is no map to draw: the data give no coordinates, neither of a site (sites.csv) nor of a district (areas.csv)."
            )
        )
    tables = sites.tables
    shown, houses = _placed(_districts(tables)), _placed(_candidates(sites, tables))
    residents = indicator_names(sites, texts)[indicator] if indicator else ""
    values, newest = _values(tables, indicator, texts)
    parts = tables["areas"].groupby("part_of")["area_id"].agg(list).to_dict()
    sizes = [_area_value(str(area_id), values, parts) for area_id in shown.index]
    largest = max((size for size in sizes if size > 0), default=1.0)
    outlines = _outlines(tables)
    rings = [outlines.get(str(area_id), ()) for area_id in shown.index]

    # Equirectangular, true to scale along the mean latitude: over a city, distances are wrong by far less than the places are.
    spots = np.vstack([table[["longitude", "latitude"]].to_numpy(dtype=float) for table in (shown, houses)])
    everything = np.vstack([spots, *(ring for one in rings for ring in one)])
    low, high = everything.min(axis=0), everything.max(axis=0)
    km = np.array([KM_A_DEGREE * math.cos(math.radians(spots[:, 1].mean())), -KM_A_DEGREE])

    def on_map(degrees: np.ndarray) -> np.ndarray:
        return (degrees - (low + high) / 2) * km

    at, extent = on_map(spots), np.abs((high - low) * km)
    simple = _simplified([[on_map(ring) for ring in one] for one in rings], float(extent.max()))
    districts = {}
    for (area_id, row), (x, y), size, around in zip(shown.iterrows(), at[: len(shown)], sizes, simple, strict=True):
        known = not math.isnan(size)
        number = f"{row['name']} ({texts.number(size) if known else texts.text('not known')})"
        head = number if indicator else row["name"]
        districts[row["name"]] = Spot(
            f"district:{area_id}", float(x), float(y), size / largest, head, "", 0.0, rings=around
        )
    placed = {str(i): (float(x), float(y)) for i, (x, y) in zip(houses.index, at[len(shown) :], strict=True)}
    notes, credit = _notes(sites, tables, residents, newest, texts, any(simple))
    return _Ground(districts, placed, residents, notes, credit, float(extent[0]), float(extent[1]))


def _names(sites: Sites) -> tuple[list[str], list[str]]:
    """Name and district of each site; a district that is not known is an empty text."""
    if "map: names" not in sites.cache:
        frame = sites.frame
        at_home = [where if isinstance(where, str) else "" for where in frame["district"]]
        sites.cache["map: names"] = (frame["name"].tolist(), at_home)
    return sites.cache["map: names"]


def _order(sites: Sites) -> list[str]:
    """Names of all districts, as the data order them."""
    if "map: order" not in sites.cache:
        sites.cache["map: order"] = _districts(sites.tables)["name"].tolist()
    return sites.cache["map: order"]


def _districts(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Rows of the districts; the place of one that has only a boundary is the middle of it."""
    areas = tables["areas"]
    districts = areas[areas["kind"] == "district"].set_index("area_id")
    for area_id, rings in _outlines(tables).items():
        if area_id in districts.index and districts.loc[area_id, ["latitude", "longitude"]].isna().any():
            districts.loc[area_id, ["longitude", "latitude"]] = _middle(rings)
    return districts


def _candidates(sites: Sites, tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    return tables["sites"].set_index("site_id").loc[list(sites.site_ids)]


def _placed(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with both coordinates."""
    return table.dropna(subset=["latitude", "longitude"])


def _area_value(area_id: str, values: Mapping[str, float], parts: Mapping[str, list[str]]) -> float:
    """Value of an area, or the sum of its parts where each of them has one; else not a number."""
    if area_id in values:
        return values[area_id]
    below = parts.get(area_id, [])
    return math.fsum(_area_value(part, values, parts) for part in below) if below else math.nan


def _values(tables: Mapping[str, pd.DataFrame], indicator: str, texts: Texts) -> tuple[dict[str, float], str]:
    """Give the latest value of an indicator by area, and the date of the newest of these."""
    if not indicator:
        return {}, ""
    rows = latest_indicators(tables["indicators"], tables["indicator_kinds"])
    rows = rows[(rows["indicator"] == indicator) & rows["area_id"].notna()]
    values = dict(zip(rows["area_id"], rows["value"].astype(float), strict=True))
    newest = max((period_end(date) for date in rows["date"]), default=None)
    return values, texts.date(newest) if newest else ""


def _notes(
    sites: Sites, tables: Mapping[str, pd.DataFrame], named: str, newest: str, texts: Texts, outlined: bool
) -> tuple[tuple[str, ...], str]:
    """Say what the map is and is not, what its sizes mean and which places are assumed; and whose figures it uses."""
    districts, houses = _districts(tables), _candidates(sites, tables)
    shown, missing = _placed(districts), districts[districts[["latitude", "longitude"]].isna().any(axis=1)]
    unplaced = houses[houses[["latitude", "longitude"]].isna().any(axis=1)]
    circled = not shown.index.isin([*_outlines(tables)]).all()
    if outlined:
        notes = [texts.text("Outlines of the districts, simplified. A dot stands at the rough centre of a district.")]
        if not unplaced.empty:
            notes.append(
                texts.text(
                    "A site whose place is not in the data is drawn nowhere; its amount counts in the square of its district."
                )
            )
    elif unplaced.empty:
        notes = [
            texts.text(
                "Schematic map, without boundaries: each circle stands at the rough centre of a district, each symbol where a site is."
            )
        ]
    else:
        notes = [
            texts.text(
                "Schematic map, without boundaries: each circle stands at the rough centre of a district. A site whose place is not in "
                "the data is drawn nowhere; its amount counts in the square of its district."
            )
        ]
    if named and not shown.empty:
        sentence = (
            texts.text(
                "Area of the circle, and number in brackets: {indicator} (figures to {date}), the indicator with the largest "
                "part in the need. Area of squares and symbols: amount; white: none.",
                indicator=named,
                date=newest,
            )
            if circled
            else texts.text(
                "Number in brackets: {indicator} (figures to {date}), the indicator with the largest part in the need. Area of "
                "squares and symbols: amount; white: none.",
                indicator=named,
                date=newest,
            )
        )
        notes.append(sentence)
    if not missing.empty:
        notes.append(texts.text("Districts without coordinates: {names}.", names=texts.listing(missing["name"])))
    assumed = [*shown.loc[shown["basis"] == "assumed", "name"]]
    assumed += [*_placed(houses).loc[lambda rows: rows["basis"] == "assumed", "name"]]
    if assumed:
        notes.append(texts.text("Places that are assumed: {names}.", names=texts.listing(assumed)))
    sources = {*shown["source_id"], *_placed(houses)["source_id"], *tables["catchments"]["source_id"]}
    if not sites.has_need:
        sources |= {*sites.indicators_used()["source_id"]}
    if outlined:
        drawn = tables["boundaries"]["area_id"].isin(shown.index)
        sources |= {*tables["boundaries"].loc[drawn, "source_id"]}
    return tuple(notes), attribution(sites, sources, texts)


# --- outlines -----------------------------------------------------------------------------------------------------


def _outlines(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[Ring, ...]]:
    """Rings of each area that has a boundary, longitude and latitude."""
    if "boundaries" not in tables:
        return {}
    return dict(zip(tables["boundaries"]["area_id"], tables["boundaries"]["rings"], strict=True))


def _middle(rings: Iterable[Ring]) -> np.ndarray:
    """Centroid of the largest ring."""

    def area_and_centre(ring: Ring) -> tuple[float, np.ndarray]:
        start = ring[0]  # sums of small numbers, not of differences of large ones
        (x, y), (x1, y1) = (ring - start).T, (np.roll(ring, -1, axis=0) - start).T
        cross = x * y1 - x1 * y
        whole = cross.sum()
        return abs(whole) / 2, start + np.array([((x + x1) * cross).sum(), ((y + y1) * cross).sum()]) / (3 * whole)

    return max(map(area_and_centre, rings), key=lambda found: found[0])[1]


def _simplified(outlines: list[list[Ring]], extent: float) -> list[tuple[Ring, ...]]:
    """Leave out the points of outlines that nobody would see, more of them while there are too many for a page that moves."""
    tolerance = extent * _FINEST
    while True:
        found = []
        for rings in outlines:
            thinned = [_thinned(ring, tolerance) for ring in rings]
            large = [ring for ring in thinned if np.ptp(ring, axis=0).max() > 2 * tolerance]
            found.append(tuple(large or thinned[:1]))
        if sum(len(ring) for rings in found for ring in rings) <= _MOST_POINTS or tolerance > extent / 20:
            return found
        tolerance *= 1.5


def _thinned(ring: Ring, tolerance: float) -> Ring:
    """Keep the points of a ring that are further than a tolerance from the line of the others (Douglas & Peucker 1973)."""
    far = int(np.hypot(*(ring - ring[0]).T).argmax())
    closed = np.vstack([ring, ring[:1]])
    kept = {0, far}
    waiting = [(0, far), (far, len(ring))]
    while waiting:
        start, end = waiting.pop()
        if end - start < 2:
            continue
        (x, y), (dx, dy) = (closed[start + 1 : end] - closed[start]).T, closed[end] - closed[start]
        along = np.clip((x * dx + y * dy) / ((dx * dx + dy * dy) or 1.0), 0.0, 1.0)
        away = np.hypot(x - along * dx, y - along * dy)
        if away.max() > tolerance:
            middle = start + 1 + int(away.argmax())
            kept.add(middle)
            waiting += [(start, middle), (middle, end)]
    return ring[sorted(kept)]


def _path(rings: Iterable[Ring]) -> str:
    """Outline as an SVG path, km to a metre."""
    return "".join("M" + "L".join(f"{x:.3f} {y:.3f}" for x, y in ring.tolist()) + "Z" for ring in rings)
