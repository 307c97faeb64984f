"""Figures of sites and plans: each takes an axes (or makes a figure of its own), returns it, and computes nothing but the layout.

A figure is laid out in inches on a page, 10 wide or a little more and as high as its rows need, with its title on top and its
notes (what the numbers rest on, whose they are) at the bottom. Texts are measured before they are placed, so that nothing
overlaps and nothing is cut. A given axes is filled to its edges, labels and notes included; where it is smaller than the
page, the whole page shrinks. No figure is known to pyplot: nothing is left open, no setting of the reader is changed.

Colours, hatches and symbols are those of `looks`.
"""

from __future__ import annotations

import dataclasses
import functools
import io
import math
import os
import re
import weakref
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np

from quartier import benefit as curves
from quartier import need as needs
from quartier.captions import (
    ALT_LENGTH as ALT_LENGTH,
)
from quartier.captions import (
    alternative,
    assumed_note,
    attribution,
    indicator_names,
    money_head,
    origin,
    plan_notes,
    scenario_name,
    why_nothing,
)
from quartier.data import STATUSES, Sites, current_agreements
from quartier.language import LANGUAGES, PlainError, Texts, signed
from quartier.looks import LIGHT, LOOKS, SERIES, Look
from quartier.maps import BARS_KM, NORTH, Layout, bar_text, lay_out, legend_texts
from quartier.plan import year_share

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.transforms import Transform

    from quartier.evidence import Evidence
    from quartier.plan import Plan

P = ParamSpec("P")
T = TypeVar("T")
Legend = list[tuple[Any, str]]

DPI = 150
"""Pixels an inch of a PNG: 1,500 across a figure."""

SCREEN_DPI = 96
"""Pixels an inch in a notebook, so that it stays small."""

_FONT = "DejaVu Sans"  # ships with matplotlib: the same letters on every machine
_SIZE, _TITLE_SIZE = 11.0, 14.0  # points
_WIDTH, _PAD, _GAP = 10.0, 0.15, 0.12  # inches
_INK, _QUIET, _THIN, _FAINT = (LIGHT[name] for name in ("ink", "quiet", "thin", "faint"))
_BLUE, _RED = LIGHT["more"], LIGHT["less"]

_STYLE = {
    "font.family": _FONT,
    "font.size": _SIZE,
    "text.color": _INK,
    "text.parse_math": False,  # a name may hold a dollar sign
    "text.hinting": "none",  # letters as wide as measured, however small
    "hatch.linewidth": 0.8,
    "svg.hashsalt": "quartier",  # else every SVG gets ids of its own
    "svg.fonttype": "path",
}


_ALT: weakref.WeakKeyDictionary[Axes, tuple[str, Texts]] = weakref.WeakKeyDictionary()


# --- words --------------------------------------------------------------------------------------------------------


def alt_text(ax: Axes) -> str:
    """Text alternative of a figure with its essential numbers, in the figure's language; at most `ALT_LENGTH` characters.

    Raises
    ------
    PlainError
        The axes was not drawn here.
    """
    if ax not in _ALT:
        raise PlainError(Texts().text("This figure was not drawn by quartier; it has no text alternative."))
    return _ALT[ax][0]


def texts_of(ax: Axes) -> Texts:
    """Texts in the language in which a figure was drawn; raises as `alt_text`."""
    alt_text(ax)
    return _ALT[ax][1]


def _describe(ax: Axes, texts: Texts, head: str, items: Sequence[str], tail: str = "") -> None:
    """Keep a text alternative: head, as many of the items as there is room for, tail."""
    _ALT[ax] = (alternative(texts, head, items, tail), texts)


def _plain(texts: Texts, value: float) -> str:
    """Give an amount without its unit, where the heading names it."""
    return texts.eur(value).removesuffix(" EUR")


def _signed(texts: Texts, value: float) -> str:
    return signed(value, _plain(texts, abs(value)))


# --- the page -----------------------------------------------------------------------------------------------------


def _styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Let a function work in this module's style, whatever the reader's own settings are, and leave those as they were."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> T:
        import matplotlib.style

        with matplotlib.style.context(_STYLE, after_reset=True):
            return draw(*args, **kwargs)

    return styled


@functools.lru_cache(maxsize=4096)
def _length(text: str, size: float = _SIZE, weight: str = "normal") -> float:
    """Length of a line of text, inches."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    font = FontProperties(family=_FONT, size=size, weight=weight)
    return text_to_path.get_text_width_height_descent(text, font, ismath=False)[0] / 72 * 1.01


def _tall(lines: int, size: float = _SIZE) -> float:
    """Height of some lines of text, inches."""
    return lines * size * 1.35 / 72


def _wrap(text: str, width: float, most: int = 99, size: float = _SIZE, weight: str = "normal") -> list[str]:
    """Break a text into lines of at most a width in inches: between words, within a word only if it is longer than a line."""

    def fits(line: str) -> bool:
        return _length(line, size, weight) <= width + 1e-6

    text = re.sub(r"[ \t\r\n\f\v]+", " ", text).strip()
    lines: list[str] = []
    line = ""
    for word in text.split(" "):  # not at a no-break space
        joined = f"{line} {word}" if line else word
        if fits(joined):
            line = joined
            continue
        if line:
            lines.append(line)
        while not fits(word) and len(word) > 1:
            cut = next((n for n in range(len(word) - 1, 1, -1) if fits(word[:n])), 1)
            lines.append(word[:cut])
            word = word[cut:]
        line = word
    lines.append(line)
    if len(lines) > most == 1:
        return [next((f"{text[:n]}…" for n in range(len(text), 0, -1) if fits(f"{text[:n]}…")), "…")]
    if len(lines) > most:  # keep the end, too: names often differ there
        return [*lines[: most - 1], next((f"…{text[n:]}" for n in range(len(text)) if fits(f"…{text[n:]}")), "…")]
    return lines


@dataclasses.dataclass(frozen=True)
class _Page:
    """The sheet that a figure is laid out on; places are inches from its upper left corner.

    Attributes
    ----------
    top, bottom
        The body is between them: below the title, above the notes.
    scale
        Size as drawn over size as laid out; 1 in a figure of our own.
    transform
        From places on the page to the screen.
    """

    ax: Axes
    width: float
    height: float
    top: float
    bottom: float
    scale: float
    transform: Transform

    def put(self, x: float, y: float, lines: Sequence[str], size: float = _SIZE, va: str = "top", **looks: Any) -> None:
        """Write lines of text; `y` is the upper edge of all of them, the lower edge or the middle.

        Each line has its own baseline: matplotlib aligns the ink, so that a word with a g would stand higher than its neighbour.
        """
        y -= {"top": 0.0, "center": 0.5, "bottom": 1.0}[va] * _tall(len(lines), size)
        for at, line in enumerate(lines):
            if not line:
                continue
            base = y + _tall(1, size) * (at + 0.5) + 0.36 * size / 72
            self.ax.text(
                x,
                base,
                line,
                transform=self.transform,
                fontsize=size * self.scale,
                va="baseline",
                clip_on=False,
                **looks,
            )

    def line(self, xs: Sequence[float], ys: Sequence[float], colour: str = _FAINT, width: float = 0.8) -> None:
        """Draw a thin line."""
        self.ax.plot(
            xs, ys, color=colour, linewidth=width * self.scale, transform=self.transform, clip_on=False, zorder=1
        )

    def mark(self, x: float, y: float, status: str) -> None:
        """Draw the symbol of a status."""
        look = LOOKS[status]
        self.ax.plot([x], [y], transform=self.transform, clip_on=False, linestyle="none", **_marker(look, self.scale))

    def fill(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """Colour a cell of a table, but for a seam of white around it."""
        from matplotlib.patches import Rectangle

        box = Rectangle(
            (left + 0.02, top + 0.01), right - left - 0.04, bottom - top - 0.02, facecolor=colour, edgecolor="none"
        )
        box.set(transform=self.transform, clip_on=False)
        self.ax.add_patch(box)

    def place(self, left: float, top: float, right: float, bottom: float) -> None:
        """Put the axes there."""
        figure = self.ax.get_figure(root=False)
        assert figure is not None
        corners = self.transform.transform([(left, bottom), (right, top)])
        (x0, y0), (x1, y1) = figure.transSubfigure.inverted().transform(corners)
        self.ax.set_position((x0, y0, x1 - x0, y1 - y0))

    def blank(self) -> None:
        """Use the page as a table: no axis, no scale."""
        self.place(0, 0, self.width, self.height)
        self.ax.set_axis_off()

    def legend(self, entries: Legend) -> float:
        """Draw a legend at the top of the body and give its lower edge."""
        if not entries:
            return self.top
        columns, rows = _legend_shape(entries, self.width)
        legend = self.ax.legend(
            [handle for handle, _ in entries],
            [_legend_label(label, self.width) for _, label in entries],
            loc="upper left",
            bbox_to_anchor=(_PAD, self.top),
            bbox_transform=self.transform,
            ncols=columns,
            fontsize=_SIZE * self.scale,
            markerscale=self.scale,
            frameon=False,
            borderpad=0,
            borderaxespad=0,
            handlelength=2.0,
            handletextpad=0.6,
            columnspacing=1.8,
            labelspacing=0.4,
        )
        for handle in legend.legend_handles:
            if handle is not None:
                handle.set(linewidth=handle.get_linewidth() * self.scale)  # type: ignore[attr-defined]
        return self.top + rows * _LEGEND_ROW + _GAP


_LEGEND_ROW = 0.23  # inches
_LEGEND_MORE = (2.0 + 0.6 + 1.8) * _SIZE / 72  # inches that an entry needs beside its label


def _legend_label(label: str, width: float) -> str:
    return _wrap(label, width - 2 * _PAD - _LEGEND_MORE, most=1)[0]


def _legend_shape(entries: Legend, width: float) -> tuple[int, int]:
    """Columns and rows of a legend."""
    lengths = [_length(_legend_label(label, width)) + _LEGEND_MORE for _, label in entries]

    def fits(columns: int) -> bool:
        # matplotlib fills column by column, the first ones with one entry more; each is as wide as its longest entry.
        return columns == 1 or sum(max(part) for part in np.array_split(lengths, columns)) <= width - 2 * _PAD

    columns = next(columns for columns in range(len(entries), 0, -1) if fits(columns))
    rows = math.ceil(len(entries) / columns)
    even = math.ceil(len(entries) / rows)
    return (even if fits(even) else columns), rows


def _legend_height(entries: Legend, width: float) -> float:
    return _legend_shape(entries, width)[1] * _LEGEND_ROW + _GAP if entries else 0.0


def _open(
    ax: Axes | None, title: str, notes: Sequence[str], body: Callable[[float], float], width: float = _WIDTH
) -> _Page:
    """Lay out a page with title and notes.

    Parameters
    ----------
    body : callable
        Height that the body needs on a page of a given width, inches.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.transforms import Affine2D

    def headline(width: float) -> list[str]:
        return _wrap(title, width - 2 * _PAD, size=_TITLE_SIZE, weight="bold")

    def footnotes(width: float) -> list[str]:
        return [line for note in notes for line in _wrap(note, width - 2 * _PAD)]

    def top(width: float) -> float:
        return _PAD + _tall(len(headline(width)), _TITLE_SIZE) + _GAP

    def bottom(width: float) -> float:
        return _PAD + _tall(len(footnotes(width))) + (_GAP if notes else 0)

    def needed(width: float) -> float:
        return top(width) + body(width) + bottom(width)

    scale = 1.0
    if ax is None:
        height = needed(width)
        figure = Figure(figsize=(width, height), facecolor="white")
        FigureCanvasAgg(figure)
        ax, x0, y1, across, up = figure.add_axes((0, 0, 1, 1)), 0.0, 1.0, width, height
    else:
        parent = ax.get_figure(root=False)
        assert parent is not None
        box = ax.get_position()
        across, up = parent.bbox.width / parent.dpi, parent.bbox.height / parent.dpi
        x0, y1, wide, high = box.x0, box.y1, box.width * across, box.height * up
        scale = min(1.0, wide / width)
        scale = min(scale, high / needed(wide / scale))
        width, height = wide / scale, high / scale
    figure_part = ax.get_figure(root=False)
    assert figure_part is not None
    onto = Affine2D().scale(scale / across, -scale / up).translate(x0, y1) + figure_part.transSubfigure
    page = _Page(ax, width, height, top(width), height - bottom(width), scale, onto)
    ax.set_title(
        "\n".join(headline(width)),
        x=_PAD,
        y=_PAD,
        transform=onto,
        ha="left",
        va="top",
        fontsize=_TITLE_SIZE * scale,
        fontweight="bold",
        linespacing=1.2,
        color=_INK,
        parse_math=False,
    )
    if notes:
        page.put(_PAD, page.bottom + _GAP, footnotes(width), color=_QUIET)
    return page


def _marker(look: Look, scale: float) -> dict[str, Any]:
    return {
        "marker": look.marker,
        "markersize": 9 * scale,
        "markerfacecolor": LIGHT[look.colour],
        "markeredgecolor": _INK,
        "markeredgewidth": 0.8 * scale,
    }


def _bar(look: Look, scale: float = 1.0) -> dict[str, Any]:
    return {"facecolor": LIGHT[look.colour], "hatch": look.hatch, "edgecolor": _INK, "linewidth": 0.7 * scale}


def _axis(page: _Page) -> None:
    """Take away what carries no number: frame and ticks; light lines behind the drawing guide the eye."""
    page.ax.spines[["top", "right", "left", "bottom"]].set_visible(False)
    page.ax.tick_params(length=0, labelsize=_SIZE * page.scale, pad=7 * page.scale, colors=_INK)
    page.ax.set_axisbelow(True)
    page.ax.grid(visible=False)


def _ticks(
    page: _Page, axis: str, high: float, shown: Callable[[float, int], str], inches: float, low: float = 0.0
) -> list[str]:
    """Set the limits `low` to `high` and as many labelled ticks as there is room for on so many inches; give the labels."""
    from matplotlib.ticker import MaxNLocator

    for count in range(7, 0, -1):
        locator = MaxNLocator(count, steps=[1, 2, 2.5, 5, 10])
        places = [place for place in locator.tick_values(low, high) if low <= place <= high]
        step = places[1] - places[0] if len(places) > 1 else high - low
        digits = next((n for n in range(9) if abs(step * 10**n - round(step * 10**n)) < 1e-6), 9)
        labels = [shown(place, digits) for place in places]
        if axis == "y" or max(map(_length, labels)) + 0.25 <= inches / max(1, (high - low) / step):
            break
    ax = page.ax
    low_high, set_ticks = (ax.set_xlim, ax.set_xticks) if axis == "x" else (ax.set_ylim, ax.set_yticks)
    low_high(low, high)
    set_ticks(places, labels)
    ax.grid(visible=True, axis="x" if axis == "x" else "y", color=_FAINT, linewidth=0.8 * page.scale)
    return labels


_AXIS = 0.52  # inches for the labels and the name of the horizontal axis


def _rows(
    ax: Axes | None,
    title: str,
    notes: Sequence[str],
    labels: Sequence[str],
    entries: Legend,
    name: str,
    beside: Sequence[str] = (),
    align: str = "left",
) -> tuple[_Page, float]:
    """Lay out horizontal bars, one a label, with a column of texts beside them; give the page and the inches across the axes."""

    def wrapped(width: float) -> list[list[str]]:
        return [_wrap(label, 0.32 * width, most=3) for label in labels]

    def row(width: float) -> float:
        return max(0.36, _tall(max(map(len, wrapped(width)))) + 0.08)

    def body(width: float) -> float:
        return _legend_height(entries, width) + len(labels) * row(width) + _AXIS

    page = _open(ax, title, notes, body)
    shown = wrapped(page.width)
    left = _PAD + max(_length(line) for lines in shown for line in lines) + _GAP
    column = max(map(_length, beside), default=0.0)
    right = page.width - _PAD - (column + 2 * _GAP if beside else 0.1)
    top, bottom = page.legend(entries), page.bottom - _AXIS
    page.place(left, top, right, bottom)
    _axis(page)
    page.ax.set_ylim(len(labels) - 0.5, -0.5)
    page.ax.set_yticks([])
    page.ax.axvline(0, color=_INK, linewidth=0.8 * page.scale)
    for at, lines in enumerate(shown):
        middle = top + (bottom - top) * (at + 0.5) / len(labels)
        page.put(left - _GAP, middle, lines, va="center", ha="right")
        if beside:
            page.put(
                page.width - _PAD - (column if align == "left" else 0.0), middle, [beside[at]], va="center", ha=align
            )
    page.put((left + right) / 2, page.bottom, [name], va="bottom", ha="center")
    return page, right - left


# --- what is there ------------------------------------------------------------------------------------------------


_BOARD = {"name": 2.25, "district": 1.25, "housing_company": 2.8, "provider": 2.4, "date": 1.1, "basis": 1.3}  # inches


@dataclasses.dataclass(frozen=True)
class _Entry:
    """A site on the board: its texts by column, and the reason for its status."""

    status: str
    cells: Mapping[str, str]
    reason: str


@_styled
def plot_cooperation(sites: Sites, ax: Axes | None = None, language: str = LANGUAGES[0]) -> Axes:
    """Show who has agreed and who has not: every candidate site by status, with its partners, the date and its basis.

    Parameters
    ----------
    sites : Sites
        Checked sites.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.

    Returns
    -------
    Axes
        Columns that nothing is known of are left out.
    """
    texts, frame = Texts(language), sites.frame
    sources: set[str] = set()
    if tables := sites.tables:
        current = current_agreements(tables["agreements"]).set_index("site_id").reindex(frame.index)
        # Day and reason are those of the status that the data have; one that was chosen since has neither.
        current.loc[(current["status"] != frame["status"]).to_numpy(), ["date", "reason"]] = None
        frame["date"] = [texts.date(date) if date is not None else None for date in current["date"]]
        frame["basis"] = [texts.name("basis", basis) for basis in sites.basis["status"]]
        frame["reason"] = current["reason"]
        sources = {*current["source_id"], *tables["sites"].set_index("site_id").loc[frame.index, "source_id"]}
    known = [column for column in _BOARD if column in frame and frame[column].notna().any()]
    unknown = texts.text("not known")
    groups: dict[str, list[_Entry]] = {}
    for row in frame.to_dict("records"):
        cells = {column: row[column] if isinstance(row[column], str) else unknown for column in known}
        reason = row.get("reason")
        said = texts.text("Reason: {reason}", reason=reason) if isinstance(reason, str) else ""
        groups.setdefault(row["status"], []).append(_Entry(row["status"], cells, said))
    groups = {status: groups[status] for status in STATUSES if status in groups}
    heads = {status: f"{texts.name('status', status)}: {len(group)}" for status, group in groups.items()}
    title = texts.text(
        "The cooperation today: agreements for {n} site",
        plural="The cooperation today: agreements for {n} sites",
        n=len(frame),
    )
    assumed = assumed_note(sites, ["status"], texts)
    notes = [note for note in (assumed, attribution(sites, sources, texts)) if note]
    symbol, heading, group_heading = 0.3, _tall(1) + 0.08, 0.38

    def columns(width: float) -> dict[str, float]:
        stretch = (width - 2 * _PAD - symbol) / sum(_BOARD[column] for column in known)
        return {column: _BOARD[column] * stretch for column in known}

    def body(width: float) -> float:
        rows = [height for group in groups.values() for _, height in _board_rows(group, columns(width))]
        return heading + group_heading * len(groups) + math.fsum(rows)

    natural = max(_WIDTH, symbol + sum(_BOARD[column] for column in known) + 2 * _PAD)
    page = _open(ax, title, notes, body, natural)
    page.blank()
    widths = columns(page.width)
    lefts = dict(zip(known, np.cumsum([_PAD + symbol, *widths.values()]), strict=False))
    for column in known:
        page.put(lefts[column], page.top, [texts.column(column)], color=_QUIET)
    y = page.top + heading
    for status, group in groups.items():
        page.line([_PAD, page.width - _PAD], [y, y], _INK, 1.0)
        page.mark(_PAD + 0.12, y + group_heading / 2, status)
        page.put(lefts["name"], y + group_heading / 2, [heads[status]], 12, va="center", fontweight="bold")
        y, above = y + group_heading, 0.0
        for lines, height in _board_rows(group, widths):
            page.mark(_PAD + 0.12, y + 0.05 + _tall(1) / 2, status)
            page.line([_PAD, lefts["name"] - _GAP / 2], [y, y])
            for column in known:
                if lines[column]:  # no line through a name that belongs to the row above, too
                    page.line([lefts[column], lefts[column] + widths[column] - _GAP], [y, y])
                    page.put(
                        lefts[column], y + 0.05, lines[column], color=_QUIET if lines[column] == [unknown] else _INK
                    )
            page.put(lefts["name"], y + 0.05, lines.get("reason", []), color=_QUIET)
            if not lines.get("housing_company", [""]):  # the line on the left joins the rows of one company
                page.line([lefts["housing_company"] - _GAP / 2] * 2, [y - above, y + height - 0.05], _QUIET)
            y, above = y + height, height - 0.05
    listed = [
        entry.cells["name"] if at else f"{texts.name('status', status)}: {entry.cells['name']}"
        for status, group in groups.items()
        for at, entry in enumerate(group)
    ]
    _describe(page.ax, texts, f"{title}. {', '.join(heads.values())}.", listed, origin(sites, assumed, texts))
    return page.ax


def _board_rows(group: Sequence[_Entry], widths: Mapping[str, float]) -> list[tuple[dict[str, list[str]], float]]:
    """Give each row's lines by column, and its height.

    A housing company that several rows share stands once, beside all of them. The reason stands below the name.
    """
    rows: list[tuple[dict[str, list[str]], float]] = []
    companies = [entry.cells.get("housing_company") for entry in group]
    start, company = 0, 0  # first row of the run that shares a housing company; how many lines its name has
    for at, entry in enumerate(group):
        lines = {column: _wrap(text, widths[column] - _GAP) for column, text in entry.cells.items()}
        if at == 0 or companies[at] != companies[at - 1]:
            start, company = at, len(lines.get("housing_company", []))
        elif "housing_company" in lines:
            lines["housing_company"] = []
        if entry.reason:
            lines["reason"] = [""] * len(lines["name"]) + _wrap(entry.reason, widths["name"] - _GAP)
        height = _tall(max(len(cell) for column, cell in lines.items() if column != "housing_company")) + 0.10
        if at + 1 == len(group) or companies[at] != companies[at + 1]:
            height = max(height, _tall(company) + 0.10 - math.fsum(height for _, height in rows[start:]))
        rows.append((lines, height))
    return rows


# --- what is needed -----------------------------------------------------------------------------------------------


@_styled
def plot_need(
    sites: Sites, weights: Mapping[str, float] | None = None, ax: Axes | None = None, language: str = LANGUAGES[0]
) -> Axes:
    """Show the need of each site and the part of each indicator in it, weighted residents.

    Parameters
    ----------
    sites : Sites
        Checked sites. Where the need was given with them it is shown undivided.
    weights : mapping, optional
        Weight of each indicator; the data's own by default or if empty, as in a scenario.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.
    """
    texts, known = Texts(language), indicator_names(sites, Texts(language))
    entries: Legend = []
    if sites.has_need:
        parts = sites.frame[["need"]]
    else:
        chosen = weights or sites.weights
        parts = needs.contributions(sites, chosen)
        for name, weight in chosen.items():
            shown = texts.number(weight, _digits(weight))
            entries.append((None, texts.text("{indicator}, weight {weight}", indicator=known[name], weight=shown)))
    total = parts.sum(axis=1)
    order = total.sort_values(ascending=False, kind="stable").index
    names = list(sites.frame.loc[order, "name"])
    sums = [texts.number(value, _decimals(total.max())) for value in total[order]]
    title = texts.text("Need of each site, and what it is made of") if entries else texts.text("Need of each site")
    sources = set() if sites.has_need else set(sites.indicators_used()["source_id"])
    assumed = assumed_note(sites, ["need"], texts)
    notes = [note for note in (assumed, attribution(sites, sources, texts)) if note]
    entries = [(_series(at), label) for at, (_, label) in enumerate(entries)]
    page, across = _rows(ax, title, notes, names, entries, texts.text("Need in weighted residents"))
    start = np.zeros(len(order))
    for at, indicator in enumerate(parts.columns):
        values = parts.loc[order, indicator].to_numpy()
        page.ax.barh(range(len(order)), values, left=start, height=0.66, **_series_look(at, page.scale))
        start = start + values
    high = _room(total[order].to_numpy(), sums, across)
    _ticks(page, "x", high, texts.number, across)
    for row, (value, shown) in enumerate(zip(total[order], sums, strict=True)):
        _beside(page, value, row, shown, high * 0.08 / across)
    listed = [f"{name} {shown}" for name, shown in zip(names, sums, strict=True)]
    head = texts.text("{title}, in weighted residents:", title=title)
    _describe(page.ax, texts, head, listed, origin(sites, assumed, texts))
    return page.ax


def _digits(value: float) -> int:
    """Fewest decimals, up to three, that show a number as it is."""
    return next((digits for digits in range(3) if round(value, digits) == value), 3)


def _decimals(most: float, least: int = 0) -> int:
    """Decimals that show numbers of up to this size to three digits or more."""
    return max(least, 2 - math.floor(math.log10(most))) if most > 0 else least


def _series_look(at: int, scale: float = 1.0) -> dict[str, Any]:
    look = SERIES[at % len(SERIES)]
    return {
        "facecolor": LIGHT[look.colour],
        "hatch": look.hatch * (1 + at // len(SERIES)),
        "edgecolor": _INK,
        "linewidth": 0.7 * scale,
    }


def _series(at: int) -> Any:
    from matplotlib.patches import Patch

    return Patch(**_series_look(at))


def _beside(page: _Page, value: float, row: int, text: str, gap: float, **looks: Any) -> None:
    """Write a text behind the end of a bar; the lines of the axis do not run through it."""
    ground = {"facecolor": "white", "edgecolor": "none", "pad": 1.0 * page.scale}
    page.ax.text(value + gap, row, text, fontsize=_SIZE * page.scale, va="center_baseline", bbox=ground, **looks)


def _room(values: np.ndarray, labels: Sequence[str], across: float) -> float:
    """Right end of an axis so many inches across, so that each label has room behind the end of its bar."""
    high = max(
        (value / (1 - (_length(label) + 0.15) / across) for value, label in zip(values, labels, strict=True)),
        default=0.0,
    )
    return float(high) if high > 0 else 1.0


# --- who gets what ------------------------------------------------------------------------------------------------


@_styled
def plot_amounts(plan: Plan, ax: Axes | None = None) -> Axes:
    """Show what each site gets, EUR, between its floor and its cap; for a site without money why, in a word.

    Parameters
    ----------
    plan : Plan
        The plan, in whose language the texts are.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    texts, table = plan.texts, plan.table().assign(word=why_nothing(plan))
    table = table.sort_values("amount_eur", ascending=False, kind="stable")
    shown = [texts.eur(amount) for amount in table["amount_eur"]]
    words = list(table["word"])
    title = texts.text("What each site gets, scenario {scenario}", scenario=scenario_name(plan))
    entries: Legend = [
        (Patch(**_bar(LOOKS[status])), texts.name("status", status))
        for status in STATUSES
        if (table["status"] == status).any()
    ]
    entries.append((Line2D([], [], **_range_look()), texts.text("floor to cap")))
    axis = texts.text("Amount in EUR")
    page, across = _rows(ax, title, plan_notes(plan), list(table["name"]), entries, axis, shown, align="right")
    most = float(table["amount_eur"].max())
    caps = table.loc[table["min_eur"] <= table["max_eur"], "max_eur"]
    caps = caps[caps <= (2 * most if most > 0 else math.inf)]  # a cap far beyond every amount would squeeze the bars
    high = max(most, float(caps.max()) if len(caps) else 0.0) * 1.03 or 1.0
    _ticks(page, "x", high, texts.number, across)
    for at, (row, word) in enumerate(zip(table.itertuples(), words, strict=True)):
        if row.min_eur <= row.max_eur:
            page.ax.plot([row.min_eur, row.max_eur], [at + 0.40] * 2, **_range_look(page.scale))
        if word:
            _beside(page, 0, at, word, high * 0.06 / across, color=_QUIET)
        else:
            page.ax.barh(at, row.amount_eur, height=0.56, **_bar(LOOKS[row.status], page.scale))
    head = money_head(plan, title)
    listed = [f"{name} {word or amount}" for name, amount, word in zip(table["name"], shown, words, strict=True)]
    _describe(page.ax, texts, head, listed, origin(plan.sites, plan.assumed_sentence(), texts))
    return page.ax


def _range_look(scale: float = 1.0) -> dict[str, Any]:
    return {
        "color": _QUIET,
        "linewidth": 1.2 * scale,
        "marker": "|",
        "markersize": 6 * scale,
        "markeredgewidth": 1.2 * scale,
    }


@_styled
def plot_response(plan: Plan, ax: Axes | None = None) -> Axes:
    """Show the share of its need that each funded site's amount reaches, on the assumed response curve.

    Parameters
    ----------
    plan : Plan
        The plan, in whose language the texts are; of one over several years, the first is shown.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    """
    from matplotlib.lines import Line2D

    name = scenario_name(plan)
    if plan.years:  # the curve is that of a year
        name = plan.texts.text("{scenario}, year {year}", scenario=scenario_name(plan.years[0]), year=1)
        plan = plan.years[0]
    texts, table = plan.texts, plan.table()
    table["scale_eur"] = plan.sites.numbers("scale_eur") * year_share(plan.sites, plan.scenario)
    # From the top of the picture to its bottom; of equal shares the larger amount first.
    funded = table[table["amount_eur"] > 0].sort_values(["coverage", "amount_eur"], ascending=False, kind="stable")
    title = texts.text("What the amounts reach, scenario {scenario}", scenario=name)
    notes = [_curve_note(plan), *plan_notes(plan)]
    shares = [texts.percent(share, 0) for share in funded["coverage"]]
    amounts = [texts.eur(amount).replace(" ", "\u00a0") for amount in funded["amount_eur"]]
    labels = [f"{name}: {amount}, {share}" for name, amount, share in zip(funded["name"], amounts, shares, strict=True)]
    scales = sorted(set((funded if len(funded) else table)["scale_eur"]))
    lines = _curve_lines(scales)
    entries: Legend = [
        (Line2D([], [], **look), label) for look, label in zip(lines, _curve_labels(plan, scales), strict=False)
    ]
    for status in STATUSES:
        if (funded["status"] == status).any():
            entries.append(
                (Line2D([], [], linestyle="none", **_marker(LOOKS[status], 1.0)), texts.name("status", status))
            )
    fan, over = 0.45, 0.4  # inches from the axes to the labels; inches above the axes for the name of the vertical one

    def wrapped(width: float) -> list[list[str]]:
        return [_wrap(label, 0.36 * width, most=3) for label in labels]

    def heights(width: float) -> np.ndarray:
        return np.array([_tall(len(label)) + 0.04 for label in wrapped(width)])

    def body(width: float) -> float:
        return _legend_height(entries, width) + over + max(3.4, heights(width).sum()) + _AXIS

    page = _open(ax, title, notes, body)
    beside = max((_length(line) + fan for label in wrapped(page.width) for line in label), default=0.0)
    top, bottom = page.legend(entries) + over, page.bottom - _AXIS
    left = _PAD + _length(texts.percent(1, 0)) + _GAP
    right = page.width - _PAD - max(beside, 0.2)
    page.place(left, top, right, bottom)
    _axis(page)
    most = float(funded["amount_eur"].max()) if len(funded) else max(scales)
    high = 1.06 * max([most, *(scale for scale in scales if scale <= 2 * most)])
    _ticks(page, "x", high, texts.number, right - left)
    _ticks(page, "y", 1.0, lambda share, _: texts.percent(share, 0), bottom - top)
    page.ax.grid(visible=False, axis="x")
    page.ax.spines[["left", "bottom"]].set_visible(True)
    page.put((left + right) / 2, page.bottom, [texts.text("Amount in EUR")], ha="center", va="bottom")
    page.put(left, top - 0.14, [texts.text("Share of the need that is reached")], va="bottom")
    spent = np.linspace(0, high, 400)
    for at, scale in enumerate(scales):
        look = lines[min(at, len(lines) - 1)]
        drawn = page.ax.plot(spent, curves.coverage(spent, scale, plan.scenario.response), zorder=2, **look)
        drawn[0].set_linewidth(look["linewidth"] * page.scale)
    points = bottom - funded["coverage"].to_numpy() * (bottom - top)
    sizes = heights(page.width)
    places = _spread(points, sizes, top, bottom)
    for row, point, place, label in zip(funded.itertuples(), points, places, wrapped(page.width), strict=True):
        across = left + row.amount_eur / high * (right - left)
        page.line([across, right, right + fan - 0.12, right + fan - 0.05], [point, point, place, place], _THIN)
        page.mark(across, point, row.status)
        page.put(right + fan, place, label, va="center")
    if not labels:
        page.put((left + right) / 2, top + 0.1, [texts.text("No site is funded.")], ha="center")
    listed = [f"{name} {amount}: {share}" for name, amount, share in zip(funded["name"], amounts, shares, strict=True)]
    _describe(page.ax, texts, texts.text("{title} (amount: share of the need).", title=title), listed, notes[0])
    return page.ax


def _curve_lines(scales: Sequence[float]) -> list[dict[str, Any]]:
    """Up to three curves can be told apart; more are a bundle."""
    if len(scales) > 3:
        return [{"color": _THIN, "linewidth": 0.8}]
    return [{"color": _INK, "linewidth": 1.8, "linestyle": style} for style in ("-", "--", ":")[: len(scales)]]


def _curve_labels(plan: Plan, scales: Sequence[float]) -> list[str]:
    texts = plan.texts
    curve = texts.name("response", plan.scenario.response)
    if len(scales) > 3:
        low, high = texts.eur(scales[0]), texts.eur(scales[-1])
        return [
            texts.text("response curve ({curve}), scale of each site {low} to {high}", curve=curve, low=low, high=high)
        ]
    return [
        texts.text("response curve ({curve}), scale {scale}", curve=curve, scale=texts.eur(scale)) for scale in scales
    ]


def _curve_note(plan: Plan) -> str:
    """Say that the curve is assumed, and the scale, where that is known."""
    basis = plan.sites.basis
    if "scale_eur" in basis and (basis["scale_eur"] == "assumed").any():
        return plan.texts.text("Response curve and scale are assumed, not measured.")
    return plan.texts.text("The response curve is assumed, not measured.")


def _spread(points: np.ndarray, heights: np.ndarray, top: float, bottom: float) -> np.ndarray:
    """Places for labels of these heights in one column, in the order of their points and near them, without overlaps.

    Least squares by pooling adjacent violators (Ayer and others 1955), within top and bottom.
    """
    middles = np.cumsum(heights) - heights / 2  # of the labels stacked from 0
    pools: list[list[float]] = []
    for wanted in points - middles:
        pools.append([wanted, 1])
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (upper, many), (lower, few) = pools[-2:]
            pools[-2:] = [[(upper * many + lower * few) / (many + few), many + few]]
    shifts = np.repeat([shift for shift, _ in pools], [int(count) for _, count in pools])
    return np.clip(shifts, top, max(top, bottom - heights.sum())) + middles


# --- where it is --------------------------------------------------------------------------------------------------


_MAP_WIDTH = 5.8  # inches: upright, so that its letters can be read on a telephone and across a page
_MAP_ACROSS, _MAP_UP, _MAP_EDGE = 3.2, 4.5, 0.14  # inches: most that the places take, and the room around them
_CIRCLE, _SYMBOL, _SMALLEST = (
    0.34,
    0.30,
    0.10,
)  # inches: radius of the largest circle, side of the largest and least symbol
_DOT = 0.04  # inches: radius where a district's residents are not known, or its outline is drawn
_OUTLINED_MAP = (5.0, 6.0)  # inches: labels stand on outlines, but beside circles
_OUTLINED = "#f1f1f1"  # lighter than a circle, which may stand on it
_LEAST_KM = 2.0  # across a map of a single place
_SCALE_BAR, _LISTED_HEAD, _LISTED_COLUMNS = 0.4, 0.34, (1.3, 1.45)  # inches
_MOST_EXACT, _MOST_TRIED = 60, 5_000  # labels that are searched for together; places tried on a ring

_SHAPES = {"o": (1.13, 0.57), "D": (1.0, 0.71), "^": (1.41, 1.0), "X": (1.26, 0.71)}
"""Size of a marker, and reach from its middle, for the area of a square with side 1."""

_Dot = tuple[float, float]
_Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclasses.dataclass(frozen=True)
class _Spot:
    """What stands at a place of the map: a district (no status) or a site; all lengths in inches."""

    x: float
    y: float
    radius: float
    head: str
    money: str
    amount: float
    status: str = ""
    side: float = 0.0
    site_id: str = ""
    district: str = ""

    @property
    def weight(self) -> str:
        """Districts are bold."""
        return "normal" if self.status else "bold"

    @property
    def heads(self) -> list[str]:
        """Lines of the label above the amount."""
        return _wrap(self.head, 1.8, most=2, weight=self.weight)

    @property
    def indent(self) -> float:
        """Inches before the amount, for the square of a district."""
        return self.side + 0.06 if self.amount and not self.status else 0.0

    @property
    def reach(self) -> float:
        """Inches from the middle that are not to be written on."""
        return _SHAPES[LOOKS[self.status].marker][1] * self.side + 0.02 if self.status else self.radius

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the label, inches."""
        wide = max(_length(line, weight=self.weight) for line in self.heads)
        if not self.money:
            return wide, _tall(len(self.heads))
        return max(wide, self.indent + _length(self.money)), _tall(len(self.heads)) + max(self.indent - 0.06, _tall(1))


@dataclasses.dataclass(frozen=True)
class _Place:
    """A place for a label: its box, how far from the spot, and both ends of the line from the spot to it."""

    box: _Box
    ring: int
    line: tuple[_Dot, _Dot]


@dataclasses.dataclass(frozen=True)
class _Listed:
    """A row of the list below a map: status, lines of name, district and amount, height in inches."""

    status: str
    cells: tuple[list[str], list[str], list[str]]
    height: float


@_styled
def plot_map(plan: Plan, *, ax: Axes | None = None) -> Axes:
    """Show on a schematic map where the older residents live and where the money goes.

    Districts are circles at their rough centres, as large as their value of the indicator with the largest part in the need, or
    outlines where the data have boundaries; sites are symbols at their own places, as large as their amount. A site whose place
    the data do not give is put nowhere: it is listed below the map, and its amount counts in the square beside the name of its
    district.

    Parameters
    ----------
    plan : Plan
        The plan, in whose language the texts are; of one over several years, the sums are shown.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.

    Raises
    ------
    PlainError
        The data give the place of no site and of no district.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Circle

    texts, layout = plan.texts, lay_out(plan)
    unknown = texts.text("not known")
    spots, scale, high = _on_paper(layout)
    looks = {"district": _circle_look(), "square": _square_look()}
    looks |= {status: _marker(look, 1.0) for status, look in LOOKS.items()}
    entries: Legend = [
        (Line2D([], [], linestyle="none", **looks[kind]), text) for kind, text in legend_texts(layout, plan)
    ]

    @functools.cache
    def placed(width: float) -> tuple[list[_Spot], list[_Box | None]]:
        moved = [dataclasses.replace(spot, x=spot.x + width / 2, y=spot.y + high / 2) for spot in spots]
        return moved, _place_labels(moved, (_PAD, 0.0, width - _PAD, high))

    def lists(width: float) -> list[tuple[str, list[_Listed]]]:
        crowded = [spot for spot, box in zip(*placed(width), strict=True) if box is None]
        found = {
            texts.text("Sites whose place is not known"): [
                (row.status, row.name, row.district or unknown, row.money) for row in layout.beside
            ],
            texts.text("On the map without a label, for want of room"): [
                (spot.status, spot.head, (spot.district or unknown) if spot.status else "", spot.money)
                for spot in crowded
            ],
        }
        return [(heading, [_listed(row, width) for row in rows]) for heading, rows in found.items() if rows]

    def body(width: float) -> float:
        below = [_LISTED_HEAD + math.fsum(row.height for row in rows) for _, rows in lists(width)]
        return _legend_height(entries, width) + high + _SCALE_BAR + math.fsum(below)

    page = _open(ax, layout.title, layout.notes, body, _MAP_WIDTH)
    page.blank()
    top = page.legend(entries)
    spots, boxes = placed(page.width)
    for outline in (spot.rings for spot in layout.spots if spot.rings):
        _draw_outline(page, outline, scale, page.width / 2, top + high / 2)
    for spot in sorted(spots, key=lambda spot: -spot.radius):  # a small circle before a large one
        if not spot.status:
            look = _circle_look(page.scale)
            circle = Circle(
                (spot.x, spot.y + top),
                spot.radius,
                facecolor=look["markerfacecolor"],
                edgecolor=look["markeredgecolor"],
                linewidth=look["markeredgewidth"],
            )
            circle.set(transform=page.transform, clip_on=False, zorder=1.2)
            page.ax.add_patch(circle)
    for spot, box in sorted(zip(spots, boxes, strict=True), key=lambda pair: -pair[0].side):
        if spot.status:
            look = _marker(LOOKS[spot.status], page.scale)
            look["markersize"] = 72 * spot.side * _SHAPES[look["marker"]][0] * page.scale
            if not spot.amount:
                look["markerfacecolor"] = "white"
            page.ax.plot(
                [spot.x], [spot.y + top], transform=page.transform, clip_on=False, linestyle="none", zorder=3, **look
            )
        if box is not None:
            _draw_label(page, spot, box, top, on_outlines=any(place.rings for place in layout.spots))
    _draw_scale(page, scale, top + high + _SCALE_BAR / 2, texts)
    y = top + high + _SCALE_BAR
    for heading, rows in lists(page.width):
        page.put(_PAD, y + 0.1, [heading], fontweight="bold")
        y += _LISTED_HEAD
        for row in rows:
            _draw_listed(page, row, y)
            y += row.height
    _ALT[page.ax] = (layout.alt, texts)
    return page.ax


def _draw_outline(page: _Page, rings: Sequence[np.ndarray], scale: float, x: float, y: float) -> None:
    """Draw the boundary of a district around the middle of the map; a hole in it stays a hole."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path as Outline

    shapes = [Outline(np.vstack([ring, ring[:1]]) * scale + (x, y), closed=True) for ring in rings]
    look = {"facecolor": _OUTLINED, "edgecolor": _THIN, "linewidth": 0.8 * page.scale}
    patch = PathPatch(Outline.make_compound_path(*shapes), **look)
    patch.set(transform=page.transform, clip_on=False, zorder=0.9)
    page.ax.add_patch(patch)


def _circle_look(scale: float = 1.0) -> dict[str, Any]:
    return {
        "marker": "o",
        "markersize": 13 * scale,
        "markerfacecolor": _FAINT,
        "markeredgecolor": _QUIET,
        "markeredgewidth": 0.8 * scale,
    }


def _square_look(scale: float = 1.0) -> dict[str, Any]:
    return {"marker": "s", "markersize": 9 * scale, "markerfacecolor": _QUIET, "markeredgecolor": _QUIET}


def _on_paper(layout: Layout) -> tuple[list[_Spot], float, float]:
    """Give the places in inches around the middle of the map, inches a kilometre, and the inches that the map needs upwards."""
    across, up = _OUTLINED_MAP if any(spot.rings for spot in layout.spots) else (_MAP_ACROSS, _MAP_UP)
    scale = min(across / max(layout.across_km, _LEAST_KM), up / max(layout.up_km, _LEAST_KM))
    most = max(spot.amount_eur for spot in layout.spots) or 1.0
    moved = []
    for spot in layout.spots:
        side = _SYMBOL * math.sqrt(spot.amount_eur / most)
        if spot.status or spot.amount_eur:
            side = max(_SMALLEST, side)
        radius = 0.0 if spot.status else _DOT
        if not (spot.rings or math.isnan(spot.share)):
            radius = max(_DOT, _CIRCLE * math.sqrt(spot.share))
        moved.append(
            _Spot(
                *(spot.x_km * scale, spot.y_km * scale, radius, spot.head, spot.money, spot.amount_eur),
                *(spot.status, side, spot.site_id, spot.district),
            )
        )
    return moved, scale, layout.up_km * scale + 2 * (_CIRCLE + _MAP_EDGE)


# --- labels of a map


_RINGS = (0.07, 0.12, 0.25, 0.4, 0.6, 0.9, 1.3, 1.8)  # inches from the edge of a spot to its label
_DIRECTIONS = (0, 8, 1, 15, 7, 9, 2, 14, 6, 10, 3, 13, 5, 11, 4, 12)  # sixteenths of a turn; beside is read best


def _place_labels(spots: Sequence[_Spot], frame: _Box) -> list[_Box | None]:
    """Find a place for each label: within the frame, clear of every spot, label and line to a label; None where there is none.

    All labels are tried on the nearest ring of places around their spots, then with the next, until a search with backtracking, the
    label with the fewest places first, has placed them all. Where that takes too many steps, or no ring is wide enough, each takes the
    first place that is free. The same labels always come to the same places.
    """
    free = [_free_places(spot, spots, frame) for spot in spots]
    for ring in range(len(_RINGS)) if len(spots) <= _MOST_EXACT else ():
        choices = [[place for place in places if place.ring <= ring] for places in free]
        order = sorted(range(len(spots)), key=lambda at: (len(choices[at]), at))
        found = _search(order, choices)
        if found is not None:
            return [found[at].box for at in range(len(spots))]
    taken: list[_Place] = []
    boxes: list[_Box | None] = [None] * len(spots)
    for at in sorted(range(len(spots)), key=lambda at: (len(free[at]), at)):
        for place in free[at]:
            if not any(_in_the_way(place, other) for other in taken):
                taken.append(place)
                boxes[at] = place.box
                break
    return boxes


def _free_places(spot: _Spot, spots: Sequence[_Spot], frame: _Box) -> list[_Place]:
    """Give the places of a label that are in the frame and clear of every spot, the nearest first."""
    (width, height), found = spot.size, []
    middles = np.array([(other.x, other.y) for other in spots])
    reaches = np.array([other.reach for other in spots])
    # A line may run over its own spot, and over a circle that its spot stands on.
    others = np.hypot(*(middles - (spot.x, spot.y)).T) > reaches
    others |= np.array([bool(other.status) and other is not spot for other in spots])
    for ring, gap in enumerate(_RINGS):
        for direction in _DIRECTIONS:
            turn = direction * math.pi / 8
            out = np.array([math.cos(turn), math.sin(turn)])
            middle = np.array([spot.x, spot.y]) + out * (spot.reach + gap)
            middle += np.clip(1.4 * out, -1, 1) * (width / 2, height / 2)
            left, top = float(middle[0] - width / 2), float(middle[1] - height / 2)
            box = (left, top, left + width, top + height)
            if box[0] < frame[0] or box[1] < frame[1] or box[2] > frame[2] or box[3] > frame[3]:
                continue
            nearest = np.clip(middles, box[:2], box[2:])
            if (np.hypot(*(middles - nearest).T) < reaches + 0.02).any():
                continue
            start, end = _line(spot, box)
            points = np.linspace(start, end, 12)
            from_line = np.hypot(*(points[:, None] - middles).transpose(2, 0, 1))
            if gap > _RINGS[1] and (from_line < reaches + 0.02)[:, others].any():
                continue
            found.append(_Place(box, ring, (start, end)))
    return found


def _line(spot: _Spot, box: _Box) -> tuple[_Dot, _Dot]:
    """Give both ends of the line from the edge of a spot to the nearest point of its label."""
    end = (min(max(spot.x, box[0]), box[2]), min(max(spot.y, box[1]), box[3]))
    away = math.hypot(end[0] - spot.x, end[1] - spot.y)
    share = min(1.0, spot.reach / away) if away else 0.0
    return (spot.x + share * (end[0] - spot.x), spot.y + share * (end[1] - spot.y)), end


def _in_the_way(one: _Place, other: _Place) -> bool:
    """Say whether two labels, a label and the line to the other, or the two lines, overlap."""
    (a, b), seam = (one.box, other.box), 0.03
    if min(a[2], b[2]) - max(a[0], b[0]) > -seam and min(a[3], b[3]) - max(a[1], b[1]) > -seam:
        return True
    return _enters(one.line, b) or _enters(other.line, a) or _cross(one.line, other.line)


def _enters(line: tuple[_Dot, _Dot], box: _Box) -> bool:
    """Say whether a line runs through a box, or along its edge."""
    corners = [(box[x], box[y]) for x in (0, 2) for y in (1, 3)]
    inside = any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for x, y in line)
    return inside or _cross(line, (corners[0], corners[3])) or _cross(line, (corners[1], corners[2]))


def _cross(one: tuple[_Dot, _Dot], other: tuple[_Dot, _Dot]) -> bool:
    """Say whether two lines cross."""

    def side(line: tuple[_Dot, _Dot], dot: _Dot) -> float:
        (x0, y0), (x1, y1) = line
        return (x1 - x0) * (dot[1] - y0) - (y1 - y0) * (dot[0] - x0)

    return side(one, other[0]) * side(one, other[1]) < 0 and side(other, one[0]) * side(other, one[1]) < 0


def _search(order: Sequence[int], choices: Sequence[Sequence[_Place]]) -> dict[int, _Place] | None:
    """Choose a place for each label so that none is in another's way; None if there is no such choice, or it takes too long."""
    found: dict[int, _Place] = {}
    left = _MOST_TRIED

    def choose(depth: int) -> bool:
        nonlocal left
        if depth == len(order):
            return True
        for place in choices[order[depth]]:
            left -= 1
            if left < 0:
                return False
            if not any(_in_the_way(place, other) for other in found.values()):
                found[order[depth]] = place
                if choose(depth + 1):
                    return True
                del found[order[depth]]
        return False

    return found if choose(0) else None


def _draw_label(page: _Page, spot: _Spot, box: _Box, top: float, on_outlines: bool) -> None:
    """Write a label; a line leads to it where it is not close to its spot. White around the letters parts them from outlines."""
    from matplotlib.patheffects import withStroke

    looks: dict[str, Any] = (
        {"path_effects": [withStroke(linewidth=2.5 * page.scale, foreground="white")]} if on_outlines else {}
    )
    left, y = box[0], box[1] + top
    start, end = _line(spot, box)
    if math.dist(start, end) > _RINGS[1] + 0.01:
        page.line([start[0], end[0]], [start[1] + top, end[1] + top], _QUIET)
    heads = spot.heads
    page.put(left, y, heads, fontweight=spot.weight, **looks)
    if spot.money:
        row = y + _tall(len(heads)) + max(spot.indent - 0.06, _tall(1)) / 2
        if spot.indent:
            look = {**_square_look(page.scale), "markersize": 72 * spot.side * page.scale}
            page.ax.plot(
                [left + spot.side / 2],
                [row],
                transform=page.transform,
                clip_on=False,
                linestyle="none",
                zorder=3,
                **look,
            )
        page.put(left + spot.indent, row, [spot.money], va="center", **looks)


def _draw_scale(page: _Page, scale: float, y: float, texts: Texts) -> None:
    """Draw the scale bar, and say where north is."""
    length = next(km for km in BARS_KM if km * scale <= 1.6 or km == BARS_KM[-1])
    ends = [_PAD, _PAD + length * scale]
    page.line(ends, [y, y], _INK, 1.5)
    for end in ends:
        page.line([end, end], [y - 0.05, y + 0.05], _INK, 1.5)
    page.put(ends[1] + 0.1, y, [bar_text(length, texts)], va="center")
    page.put(page.width - _PAD, y, [NORTH], va="center", ha="right", fontweight="bold")


def _listed(row: tuple[str, str, str, str], width: float) -> _Listed:
    status, name, where, word = row
    cells = (
        _wrap(name, width - 2 * _PAD - 0.3 - sum(_LISTED_COLUMNS) - _GAP, most=2),
        _wrap(where, _LISTED_COLUMNS[0] - _GAP, most=2),
        _wrap(word, _LISTED_COLUMNS[1] - _GAP, most=2),
    )
    return _Listed(status, cells, _tall(max(map(len, cells))) + 0.04)


def _draw_listed(page: _Page, row: _Listed, y: float) -> None:
    """Write a row of the list: symbol, name, district, amount."""
    right = page.width - _PAD
    page.line([_PAD, right], [y, y])
    if row.status:
        page.mark(_PAD + 0.1, y + 0.02 + _tall(1) / 2, row.status)
    page.put(_PAD + 0.3, y + 0.02, row.cells[0])
    page.put(right - sum(_LISTED_COLUMNS), y + 0.02, row.cells[1], color=_QUIET)
    page.put(right, y + 0.02, row.cells[2], ha="right")


# --- how good it is -----------------------------------------------------------------------------------------------


@_styled
def plot_baselines(plan: Plan, ax: Axes | None = None) -> Axes:
    """Show the benefit of the plan beside simpler ways to divide the same money, and the bound that no plan exceeds.

    Parameters
    ----------
    plan : Plan
        The plan, in whose language the texts are.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.

    Returns
    -------
    Axes
        With an inequality aversion the bound is one of the objective, not of the benefit: it is given in words only.
    """
    from matplotlib.lines import Line2D

    texts, table = plan.texts, plan.baselines()
    title = texts.text(
        "Benefit of this plan and of simpler ways to divide, scenario {scenario}", scenario=scenario_name(plan)
    )
    names = [texts.name("baseline", str(name)) for name in table.index]
    digits = _decimals(float(table["benefit"].max()), least=1)
    words = [_lost(texts, row, digits, str(name)) for name, row in table.iterrows()]
    of_benefit = plan.scenario.inequality_aversion == 0
    notes = [plan.outcome_sentence()]
    if not of_benefit:
        notes.append(
            texts.text(
                "With an inequality aversion, objective and bound are not the benefit, so the bound is no line here."
            )
        )
    entries: Legend = []
    if of_benefit:
        bound = texts.text(
            "upper bound {bound}: no plan under these rules reaches more", bound=texts.number(plan.bound, digits)
        )
        entries.append((Line2D([], [], color=_INK, linestyle="--", linewidth=1.8), bound))
    notes += plan_notes(plan)
    page, across = _rows(ax, title, notes, names, entries, texts.text("Benefit: weighted residents reached"), words)
    high = 1.02 * max([*table["benefit"], plan.bound if of_benefit else 0.0]) or 1.0
    _ticks(page, "x", high, texts.number, across)
    for at, (name, row) in enumerate(table.iterrows()):
        look = {**_series_look(0 if name == "plan" else 4, page.scale), "hatch": "" if name == "plan" else "///"}
        page.ax.barh(at, row["benefit"], height=0.62, **look)
    if of_benefit:
        page.ax.axvline(plan.bound, color=_INK, linestyle="--", linewidth=1.8 * page.scale)
    listed = [f"{name} {word}" for name, word in zip(names, words, strict=True)]
    _describe(
        page.ax,
        texts,
        f"{title}. {plan.outcome_sentence()}",
        listed,
        origin(plan.sites, plan.assumed_sentence(), texts),
    )
    return page.ax


def _lost(texts: Texts, row: pd.Series, digits: int, name: str) -> str:
    """Give the benefit of a baseline and its loss against the plan in words."""
    benefit, lost = texts.number(row["benefit"], digits), float(row["lost_benefit"])
    if name == "plan":
        return benefit
    difference = texts.number(abs(lost), digits)
    if share := abs(row["lost_share"]):  # else the plan's benefit is zero, or this one is the same
        difference = f"{difference} ({texts.percent(share, 1 if share >= 0.001 else 2)})"
    if benefit == texts.number(row["benefit"] + lost, digits):
        said = texts.text("{benefit}, as much", benefit=benefit)
    elif lost > 0:
        said = texts.text("{benefit}, {difference} less", benefit=benefit, difference=difference)
    else:
        said = texts.text("{benefit}, {difference} more", benefit=benefit, difference=difference)
    return said if row["keeps_rules"] else texts.text("{said}, breaks rules", said=said)


# --- what was reported --------------------------------------------------------------------------------------------


@_styled
def plot_dialogue(table: pd.DataFrame, ax: Axes | None = None, language: str = LANGUAGES[0]) -> Axes:
    """Show one figure of the quality dialogue site by site: the year's as a bar, last year's as a diamond.

    Parameters
    ----------
    table : DataFrame
        From `quartier.dialogue`: ``reached()``, or rows of ``figures()`` for one indicator, with what these say in their ``attrs``.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.

    Returns
    -------
    Axes
        A figure that is hidden or missing has no bar or diamond; the words beside say so.

    Raises
    ------
    PlainError
        The table is that of several indicators, or of none.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    texts = Texts(language)
    if (found := len(set(table["indicator"]))) != 1:
        raise PlainError(texts.text("plot_dialogue: the figures of one indicator, not of {n}", n=found))
    year, mark = table.attrs["year"], table.attrs["mark"]
    now, before = ([_reported(value) for value in table[column]] for column in ("value", "last_year"))
    words = [
        texts.text(
            "{now} (before: {before})",
            now=_said(texts, new, value),
            before=_said(texts, old, former),
        )
        for new, value, old, former in zip(now, table["value"], before, table["last_year"], strict=True)
    ]
    first = table.iloc[0]
    title = texts.text("{counted}, {year} against {before}", counted=first["counted"], year=year, before=year - 1)
    if mark:
        title = texts.text("{title} (made up)", title=title)
    diamond = {**_marker(LOOKS["negotiating"], 1.0), "linestyle": "none"}
    entries: Legend = [(Patch(**_bar(SERIES[0])), str(year)), (Line2D([], [], **diamond), str(year - 1))]
    notes = [part for part in (mark, table.attrs["hidden"]) if part]
    page, across = _rows(ax, title, notes, list(table["name"]), entries, str(first["unit"]), words, align="right")
    high = 1.03 * max([one for one in [*now, *before] if one is not None], default=1.0) or 1.0
    _ticks(page, "x", high, texts.number, across)
    for at, (new, old) in enumerate(zip(now, before, strict=True)):
        if new is not None:
            page.ax.barh(at, new, height=0.56, **_bar(SERIES[0], page.scale))
        if old is not None:
            looks = {**_marker(LOOKS["negotiating"], page.scale), "linestyle": "none"}
            page.ax.plot([old], [at], clip_on=False, zorder=3, **looks)
    listed = [f"{name} {word}" for name, word in zip(table["name"], words, strict=True)]
    _describe(page.ax, texts, f"{title}.", listed, " ".join(notes))
    return page.ax


def _reported(value: Any) -> float | None:
    """Give a figure that can be drawn; None for one that is hidden or missing."""
    return None if isinstance(value, str) or value is None or math.isnan(value) else float(value)


def _said(texts: Texts, known: float | None, value: Any) -> str:
    """Give a figure in words: as it is, as hidden, or as not reported."""
    if known is None:
        return texts.text("secret") if isinstance(value, str) else texts.text("not reported")
    return texts.number(known, 0 if known == round(known) else 2)


# --- what evenness costs ------------------------------------------------------------------------------------------


@_styled
def plot_frontier(
    table: pd.DataFrame | PlainError, ax: Axes | None = None, language: str = LANGUAGES[0], plan: Plan | None = None
) -> Axes:
    """Show benefit against inequality: the best plan at each inequality aversion, and what it costs.

    Parameters
    ----------
    table : DataFrame or PlainError
        From `quartier.frontier`; an error in its place is shown as a sentence.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.
    plan : Plan, optional
        A plan of the same scenario: marked, and says what the figures rest on, in its language.
    """
    texts = Texts(language) if plan is None else plan.texts
    title = texts.text("What evenness costs")
    if plan is not None:
        title = texts.text("What evenness costs, scenario {scenario}", scenario=scenario_name(plan))
    rests_on = plan_notes(plan) if plan is not None else [texts.text("What the amounts rest on is not given here.")]
    tail = rests_on[0] if plan is None else origin(plan.sites, plan.assumed_sentence(), texts)
    if isinstance(table, PlainError) or table.empty:
        said = str(table) if isinstance(table, PlainError) else texts.text("There is nothing to show.")

        def lines(width: float) -> list[str]:
            return _wrap(said, width - 2 * _PAD)

        page = _open(ax, title, rests_on, lambda width: _tall(len(lines(width))) + _GAP)
        page.blank()
        page.put(_PAD, page.top, lines(page.width))
        _describe(page.ax, texts, f"{title}. {said}", [], tail)
        return page.ax
    own = math.nan if plan is None else plan.scenario.inequality_aversion
    return _draw_frontier(ax, title, rests_on, _frontier_points(table, texts, own), texts, tail)


@dataclasses.dataclass(frozen=True)
class _Point:
    """A plan on the frontier, for all inequality aversions that lead to it."""

    gini: float
    benefit: float
    aversions: str
    price: str
    is_plan: bool


def _frontier_points(table: pd.DataFrame, texts: Texts, own: float) -> list[_Point]:
    """Give the different plans of a frontier, the greatest benefit first."""
    groups: list[list[Any]] = []
    for row in table.sort_values("benefit", ascending=False, kind="stable").itertuples():
        last = groups[-1][-1] if groups else None
        if last and math.isclose(last.benefit, row.benefit) and math.isclose(last.gini, row.gini, abs_tol=1e-9):
            groups[-1].append(row)
        else:
            groups.append([row])
    points = []
    for rows in groups:
        aversions = sorted(row.inequality_aversion for row in rows)
        price = texts.text("greatest benefit")
        if rows[0].price_share > 1e-9:
            price = f"{_share(texts, rows[0].price_share)}, {texts.eur(rows[0].price_eur)}".replace(" EUR", "\u00a0EUR")
        shown = "; ".join(_aversion(texts, aversion) for aversion in aversions)
        points.append(_Point(rows[0].gini, rows[0].benefit, shown, price, own in aversions))
    return points


def _aversion(texts: Texts, value: float) -> str:
    return texts.number(value, _digits(value)) if math.isfinite(value) else texts.text("infinite")


def _share(texts: Texts, share: float) -> str:
    """Give a share in per cent; a small one is not rounded to nothing."""
    return texts.percent(share) if share >= 0.0005 else texts.text("below {least}", least=texts.percent(0.001))


def _draw_frontier(
    ax: Axes | None, title: str, rests_on: Sequence[str], points: Sequence[_Point], texts: Texts, tail: str
) -> Axes:
    """Draw the points with a column of labels beside them; the highest stands highest, so that no line crosses another."""
    from matplotlib.lines import Line2D

    looks = {True: {"markerfacecolor": _BLUE}, False: {"markerfacecolor": "white"}}
    kinds = {True: texts.text("this plan"), False: texts.text("best plan at another inequality aversion")}
    if not any(point.is_plan for point in points):
        kinds[False] = texts.text("best plan at an inequality aversion")

    def dot(is_plan: bool, scale: float = 1.0) -> dict[str, Any]:
        edge = {"markeredgecolor": _INK, "markeredgewidth": 1.4 * scale}
        return {"marker": "o", "markersize": 9 * scale, "linestyle": "none", **edge, **looks[is_plan]}

    shown = sorted({point.is_plan for point in points}, reverse=True)
    entries: Legend = [(Line2D([], [], **dot(kind)), kinds[kind]) for kind in shown]
    labels = [texts.text("aversion {values}: {price}", values=one.aversions, price=one.price) for one in points]
    heading, fan, over = texts.text("Price of evenness"), 0.45, 0.4

    weights = ["bold" if point.is_plan else "normal" for point in points]

    def wrapped(width: float) -> list[list[str]]:
        return [
            _wrap(label, 0.36 * width, most=3, weight=weight) for label, weight in zip(labels, weights, strict=True)
        ]

    def heights(width: float) -> np.ndarray:
        return np.array([_tall(len(label)) + 0.08 for label in wrapped(width)])

    def body(width: float) -> float:
        return _legend_height(entries, width) + over + max(3.6, heights(width).sum()) + _AXIS

    benefits, ginis = np.array([one.benefit for one in points]), np.array([one.gini for one in points])
    spare = 0.08 * float(np.ptp(benefits)) or max(0.01 * float(benefits.max()), 0.5)
    low, high = max(0.0, float(benefits.min()) - spare), float(benefits.max()) + spare
    most = 1.08 * float(ginis.max()) if ginis.max() > 1e-3 else 0.01
    notes = [
        texts.text("Further left: more even. Further up: more benefit.")
        + (" " + texts.text("The vertical axis does not begin at zero.") if low > 0 else ""),
        texts.text(
            "Price of evenness: the share of the greatest possible benefit that is given up, and how much less money (in whole "
            "steps) would be enough for this benefit if only benefit counted."
        ),
        *rests_on,
    ]
    page = _open(ax, title, notes, body)
    column = zip([[heading], *wrapped(page.width)], ["normal", *weights], strict=True)
    beside = fan + max(_length(line, weight=weight) for lines, weight in column for line in lines)
    top, bottom = page.legend(entries) + over, page.bottom - _AXIS
    right = page.width - _PAD - beside
    _axis(page)
    ticks = _ticks(page, "y", high, texts.number, bottom - top, low=low)
    left = _PAD + max(map(_length, ticks)) + _GAP
    page.place(left, top, right, bottom)
    _ticks(page, "x", most, texts.number, right - left)
    page.ax.spines[["left", "bottom"]].set_visible(True)
    page.put(left, top - 0.14, [texts.text("Benefit: weighted residents reached")], va="bottom")
    page.put(right + fan, top - 0.14, [heading], va="bottom", color=_QUIET)
    name = texts.text("Inequality of the coverages (Gini coefficient; 0: all alike)")
    page.put((left + right) / 2, page.bottom, [name], va="bottom", ha="center")
    ups = bottom - (benefits - low) / (high - low) * (bottom - top)
    acrosses = left + ginis / most * (right - left)
    page.line(list(acrosses), list(ups), _QUIET, 1.2)
    places = _spread(ups, heights(page.width), top, bottom)
    rows = zip(points, acrosses, ups, places, wrapped(page.width), weights, strict=True)
    for point, across, up, place, lines, weight in rows:
        page.line([across, right, right + fan - 0.12, right + fan - 0.05], [up, up, place, place], _THIN)
        page.ax.plot(
            [across], [up], transform=page.transform, clip_on=False, zorder=3, **dot(point.is_plan, page.scale)
        )
        page.put(right + fan, place, lines, va="center", fontweight=weight)
    listed = [
        texts.text(
            "aversion {values}: benefit {benefit}, Gini {gini}, {price}",
            values=point.aversions,
            benefit=texts.number(point.benefit, _decimals(float(benefits.max()))),
            gini=texts.number(point.gini, 3),
            price=point.price.replace("\u00a0EUR", " EUR"),
        )
        for point in points
    ]
    _describe(page.ax, texts, texts.text("{title} (price: given up, and in EUR).", title=title), listed, tail)
    return page.ax


# --- what would change it -----------------------------------------------------------------------------------------


_STRONGEST = 0.8  # of a colour, on which dark numbers can still be read


@dataclasses.dataclass(frozen=True)
class _Cell:
    """A cell of a table of numbers: what it says and how strongly it is coloured, 0 to `_STRONGEST`."""

    text: str = ""
    colour: str = _BLUE
    strength: float = 0.0


def _table(
    ax: Axes | None,
    title: str,
    notes: Sequence[str],
    heads: Sequence[str],
    labels: Sequence[str],
    cells: Sequence[Sequence[_Cell]],
    foot: int,
) -> _Page:
    """Draw a table of coloured numbers; its last `foot` rows are set apart."""
    weights = ["normal"] * (len(labels) - foot) + ["bold"] * foot
    names = min(3.0, max(map(_length, labels, [_SIZE] * len(labels), weights)) + _GAP)
    least = []  # inches a column needs: its longest number, and the longest word over it, within reason
    for at, head in enumerate(heads):
        numbers = max(_length(row[at].text, weight=weight) for row, weight in zip(cells, weights, strict=True))
        least.append(max(1.1, numbers + 2 * _GAP, min(2.0, max(map(_length, head.split()), default=0.0) + _GAP)))
    natural = max(_WIDTH, 2 * _PAD + names + sum(least))
    shown = [_wrap(label, names - _GAP, most=3, weight=weight) for label, weight in zip(labels, weights, strict=True)]
    row = max(0.34, _tall(max(map(len, shown))) + 0.08)

    def edges(width: float) -> np.ndarray:
        spare = min((width - 2 * _PAD - names - sum(least)) / len(heads), 1.0)
        return _PAD + names + np.cumsum([0.0, *(column + spare for column in least)])

    def headings(width: float) -> list[list[str]]:
        return [_wrap(head, room - _GAP, most=5) for head, room in zip(heads, np.diff(edges(width)), strict=True)]

    def over(width: float) -> float:
        return _tall(max(map(len, headings(width)))) + 0.06

    page = _open(ax, title, notes, lambda width: over(width) + row * len(labels), natural)
    page.blank()
    sides = edges(page.width)
    middles = (sides[:-1] + sides[1:]) / 2
    top = page.top + over(page.width)
    for middle, heading in zip(middles, headings(page.width), strict=True):
        page.put(middle, top - 0.04, heading, ha="center", va="bottom")
    for number, (lines, values, weight) in enumerate(zip(shown, cells, weights, strict=True)):
        y = top + number * row
        page.put(_PAD, y + row / 2, lines, va="center", fontweight=weight)
        for at, cell in enumerate(values):
            page.fill(sides[at], y, sides[at + 1], y + row, _blend(cell.colour, cell.strength))
            ink = _QUIET if cell.text == "0" else _INK
            page.put(middles[at], y + row / 2, [cell.text], va="center", ha="center", color=ink, fontweight=weight)
    for number in range(len(labels) + 1):
        strong = number in (0, len(labels), len(labels) - foot)
        y = top + number * row
        page.line([_PAD, sides[-1]], [y, y], *((_INK, 1.0) if strong else (_FAINT, 0.8)))
    return page


def _blend(colour: str, strength: float) -> str:
    """Give a colour mixed with white."""
    from matplotlib.colors import to_hex, to_rgb

    red, green, blue = (1 - strength * (1 - part) for part in to_rgb(colour))
    return to_hex((red, green, blue))


@_styled
def plot_changes(
    table: pd.DataFrame,
    ax: Axes | None = None,
    language: str = LANGUAGES[0],
    names: Mapping[str, str] | None = None,
    plan: Plan | None = None,
) -> Axes:
    """Show how the amounts change when an indicator is left out.

    Parameters
    ----------
    table : DataFrame
        From `quartier.leave_one_out`: EUR, index site_id, column ``all``, then one for each indicator left out.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.
    names : mapping, optional
        What to call a site or an indicator, by its key.
    plan : Plan, optional
        The plan of column ``all``: names sites and indicators, and says what the amounts rest on, in its language.
    """
    called: dict[str, str] = {}
    texts = Texts(language)
    if plan is not None:
        texts = plan.texts
        called = {**indicator_names(plan.sites, texts), **plan.sites.frame["name"]}
    called.update(names or {})
    indicators = [str(column) for column in table.columns if column != "all"]
    changes = table[indicators].sub(table["all"], axis=0)
    most = float(changes.abs().to_numpy().max(initial=0.0)) or 1.0
    left_out = [called.get(name, name) for name in indicators]
    heads = [texts.text("all indicators: EUR")]
    heads += [texts.text("without: {indicator}", indicator=name) for name in left_out]
    cells = []
    for site_id in table.index:
        row = [_Cell(_plain(texts, table.loc[site_id, "all"]) if table.loc[site_id, "all"] else "")]
        for change in changes.loc[site_id]:
            row.append(_Cell(_signed(texts, change), _BLUE if change > 0 else _RED, _STRONGEST * abs(change) / most))
        cells.append(row)
    moved = [_plain(texts, changes[name].clip(lower=0).sum()) for name in indicators]
    spent = _plain(texts, table["all"].sum())
    labels = [called.get(str(site_id), str(site_id)) for site_id in table.index]
    foot = []
    if indicators:
        foot = [texts.text("sum (EUR)"), texts.text("goes to other sites (EUR)")]
        cells += [[_Cell(spent), *(_Cell() for _ in moved)], [_Cell(), *map(_Cell, moved)]]
        title = texts.text("Which indicator moves the money: change in EUR when it is left out")
        notes = [texts.text("Blue with +: more than with all indicators. Orange with \u2212: less. Blank: no money.")]
    else:
        title = texts.text("Which indicator moves the money")
        notes = [texts.text("Only one indicator has a weight: there is nothing to leave out.")]
    notes += plan_notes(plan) if plan is not None else [texts.text("What the amounts rest on is not given here.")]
    page = _table(ax, title, notes, heads, [*labels, *foot], cells, len(foot))
    listed = [
        texts.text("without {indicator} {moved}", indicator=name, moved=f"{total} EUR")
        for name, total in zip(left_out, moved, strict=True)
    ]
    head = texts.text("{title}. So much goes to other sites:", title=title) if indicators else f"{title}. {notes[0]}"
    _describe(
        page.ax,
        texts,
        head,
        listed,
        notes[1] if plan is None else origin(plan.sites, plan.assumed_sentence(), texts),
    )
    return page.ax


@_styled
def plot_evidence(evidence: Evidence, ax: Axes | None = None, language: str = LANGUAGES[0]) -> Axes:
    """Show what reports teach of each site's effect scale: median and 90 % interval, beside what was assumed.

    Parameters
    ----------
    evidence : Evidence
        What was learnt.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.
    language : str
        Language of the texts.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    texts = Texts(language)
    table = evidence.table().assign(has_reports=lambda table: table["reports"] > 0)
    table = table.sort_values(["has_reports", "learned_eur"], ascending=False, kind="stable")
    shown = [
        texts.text(
            "{middle} ({low} to {high})",
            **{
                name: _plain(texts, round(value, -1) if value >= 1000 else value)
                for name, value in (("middle", row.learned_eur), ("low", row.low_eur), ("high", row.high_eur))
            },
        )
        for row in table.itertuples()
    ]
    title = texts.text("What the reports teach of the response scale")
    if evidence.is_made_up:
        title = texts.text("What made-up example reports would teach of the response scale")
    entries: Legend = [
        (Line2D([], [], **_interval_look(True)), texts.text("site with reports: median and 90% interval")),
        (Line2D([], [], **_interval_look(False)), texts.text("site without reports, taken to be like the others")),
        (Line2D([], [], **_prior_look()), texts.text("assumed so far")),
        (Patch(**_pooled_look()), texts.text("typical site: 90% interval")),
    ]
    if table["has_reports"].all():
        del entries[1]
    sources = set(evidence.sites.indicators_used()["source_id"])
    made_up, before = evidence.made_up_sentence(texts), evidence.prior_sentence(texts)
    notes = [note for note in (made_up, before, attribution(evidence.sites, sources, texts)) if note]
    axis = texts.text("Response scale in EUR a year: the money that reaches 63% of the people in reach")
    page, across = _rows(ax, title, notes, list(table["name"]), entries, axis, shown, align="right")
    high = float(table[["high_eur", "assumed_eur"]].to_numpy().max()) * 1.03
    _ticks(page, "x", high, texts.number, across)
    _, low_typical, _, high_typical = evidence.typical
    page.ax.axvspan(low_typical, high_typical, zorder=0.6, **_pooled_look(page.scale))
    for at, row in enumerate(table.itertuples()):
        page.ax.plot([row.assumed_eur] * 2, [at - 0.5, at + 0.5], **_prior_look(page.scale))
        page.ax.plot([row.low_eur, row.high_eur], [at] * 2, **_interval_look(row.has_reports, page.scale, marker="|"))
        page.ax.plot([row.learned_eur], [at], **_interval_look(row.has_reports, page.scale))
    listed = [f"{name} {values}" for name, values in zip(table["name"], shown, strict=True)]
    head = texts.text("{title}, in EUR, with 90% intervals:", title=title)
    tail = made_up or texts.text("What was assumed beforehand stands below the figure.")
    _describe(page.ax, texts, head, listed, tail)
    return page.ax


def _interval_look(has_reports: bool, scale: float = 1.0, marker: str = "") -> dict[str, Any]:
    """Look of a site: a filled circle on a thick line with reports, an open diamond on a thin one without."""
    return {
        "color": _INK if has_reports else _QUIET,
        "linewidth": (2.2 if has_reports else 1.0) * scale,
        "marker": marker or ("o" if has_reports else "D"),
        "markersize": 7 * scale,
        "markerfacecolor": LIGHT["series-1"] if has_reports else "white",
        "markeredgewidth": 1.1 * scale,
    }


def _prior_look(scale: float = 1.0) -> dict[str, Any]:
    return {"color": LIGHT["less"], "linewidth": 1.4 * scale, "linestyle": (0, (4, 2)), "zorder": 1.5}


def _pooled_look(scale: float = 1.0) -> dict[str, Any]:
    return {"facecolor": "#eef3f8", "hatch": "///", "edgecolor": _FAINT, "linewidth": 0.5 * scale}


@_styled
def plot_scenarios(plans: Sequence[Plan], ax: Axes | None = None) -> Axes:
    """Show the amounts of several scenarios side by side, EUR, with number of sites, benefit and sum.

    Parameters
    ----------
    plans : sequence of Plan
        At least one; the texts are in the first one's language.
    ax : Axes, optional
        Axes to fill; a figure of its own by default.

    Raises
    ------
    PlainError
        There is no plan.
    """
    if not plans:
        raise PlainError(Texts().text("There is no plan to show."))
    texts = plans[0].texts
    names: dict[str, str] = {}
    for plan in reversed(plans):  # a site is called as in the first plan that has it
        names = {**names, **plan.sites.frame["name"]}
    order = list(dict.fromkeys(site_id for plan in plans for site_id in plan.sites.site_ids))
    most = max(float(plan.amounts.max()) for plan in plans) or 1.0
    cells = []
    for site_id in order:
        amounts = [float(plan.amounts.get(site_id, 0.0)) for plan in plans]
        shown = [_plain(texts, amount) if amount > 0 else "" for amount in amounts]
        cells.append(
            [_Cell(text, _BLUE, _STRONGEST * amount / most) for text, amount in zip(shown, amounts, strict=True)]
        )
    digits = _decimals(max(plan.benefit for plan in plans))
    benefits = [texts.number(plan.benefit, digits) for plan in plans]
    spent = [texts.eur(plan.spent_eur) for plan in plans]
    cells.append([_Cell(texts.number(plan.funded_sites)) for plan in plans])
    cells.append([_Cell(benefit) for benefit in benefits])
    cells.append([_Cell(_plain(texts, plan.spent_eur)) for plan in plans])
    heads = [plan.scenario.title or plan.scenario.name for plan in plans]
    title = texts.text(
        "Amounts in EUR, {n} scenario", plural="Amounts in EUR, {n} scenarios side by side", n=len(plans)
    )
    labels = [names[site_id] for site_id in order]
    foot = [texts.text("funded sites"), texts.text("benefit (weighted residents)"), texts.text("sum (EUR)")]
    notes = [texts.text("Blank: the site gets no money in this scenario."), *plan_notes(*plans)]
    page = _table(ax, title, notes, heads, [*labels, *foot], cells, len(foot))
    listed = [
        texts.text(
            "{scenario}: {spent} for {n} site, benefit {benefit}",
            plural="{scenario}: {spent} for {n} sites, benefit {benefit}",
            n=plan.funded_sites,
            scenario=head,
            spent=amount,
            benefit=benefit,
        )
        for plan, head, amount, benefit in zip(plans, heads, spent, benefits, strict=True)
    ]
    _describe(page.ax, texts, f"{title}.", listed, origin(plans[0].sites, plans[0].assumed_sentence(), texts))
    return page.ax


# --- files --------------------------------------------------------------------------------------------------------


@_styled
def load_fonts() -> None:
    """Find and open the fonts of this module's style, so that the first figure need not; it leaves no figure behind."""
    from matplotlib.figure import Figure

    figure = Figure()
    figure.subplots().set_title("0", weight="bold")
    figure.savefig(io.BytesIO(), format="rgba")


def png_bytes(ax: Axes) -> bytes:
    """Give the figure as a PNG, the same bytes each time, with its text alternative as description."""
    return _rendered(ax, "png")


def screen_png(ax: Axes) -> bytes:
    """Give the figure as a small PNG for a notebook: fewer pixels, 256 colours; it looks the same on a screen."""
    from PIL import Image

    figure = ax.get_figure(root=True)
    assert figure is not None
    width, height = (int(inches * SCREEN_DPI) for inches in figure.get_size_inches())  # as Matplotlib cuts it
    picture = Image.frombytes("RGBA", (width, height), _rendered(ax, "rgba", SCREEN_DPI)).convert("RGB")
    stream = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(stream, "png", optimize=True)
    return stream.getvalue()


def save_figure(ax: Axes, path: str | Path) -> tuple[Path, ...]:
    """Write the figure as PNG and SVG, the same bytes each time, with its text alternative inside.

    Each file is written aside and renamed, so that there is never half a picture.

    Parameters
    ----------
    ax : Axes
        Drawn by a function of this module; the whole figure that it is part of is written.
    path : path
        Ending in ``.png`` or ``.svg``: this one file. Else a stem, to which both endings are added.

    Returns
    -------
    tuple of Path
        The files written.
    """
    target = Path(path)
    one = target.suffix.lower() in (".png", ".svg")
    targets = (target,) if one else tuple(target.with_name(target.name + ending) for ending in (".png", ".svg"))
    for file in targets:
        content = _rendered(ax, file.suffix.lower()[1:])
        aside = file.with_name(f".{file.name}.partial-{os.getpid()}")
        try:
            aside.write_bytes(content)
            aside.replace(file)
        finally:
            aside.unlink(missing_ok=True)
    return targets


@_styled
def _rendered(ax: Axes, kind: str, dpi: int = DPI) -> bytes:
    """Draw the whole figure. What changes from day to day or from version to version is left out of the metadata."""
    figure = ax.get_figure(root=True)
    assert figure is not None
    said = alt_text(ax)
    metadata: dict[str, str | None] | None = {
        "rgba": None,
        "png": {"Software": None, "Description": said},
        "svg": {"Date": None, "Creator": None, "Title": said, "Description": said},
    }[kind]
    stream = io.BytesIO()
    figure.savefig(stream, format=kind, dpi=dpi, metadata=metadata)
    return stream.getvalue()
