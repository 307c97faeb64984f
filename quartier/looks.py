"""How things look, on paper and on the screen: colours on light and on dark ground, hatches and markers.

The light colours are those of Okabe and Ito (2008), Color Universal Design; the dark ones are theirs, made lighter where they would
sink into the ground. No meaning is carried by a colour alone: hatches, markers, signs and numbers say the same. The colours of statuses
and series are fillings: on light ground an outline sets them off, and nothing is written in them.
"""

from __future__ import annotations

import dataclasses

LIGHT = {
    "ink": "#1a1a1a",
    "quiet": "#555555",
    "thin": "#8a8a8a",
    "faint": "#d9d9d9",
    "ground": "#ffffff",
    "edge": "#1a1a1a",
    "signed": "#0072b2",
    "negotiating": "#e69f00",
    "prospective": "#009e73",
    "declined": "#bbbbbb",
    "more": "#0072b2",
    "less": "#d55e00",
    "series-1": "#0072b2",
    "series-2": "#e69f00",
    "series-3": "#009e73",
    "series-4": "#cc79a7",
    "series-5": "#56b4e9",
    "series-6": "#d55e00",
    "series-7": "#f0e442",
}
"""Colours on white, by what they stand for: text, lesser text and lines, thin lines, filling of places and grid lines, ground, outline and
hatch of a filling, statuses, changes, series."""

DARK = {
    "ink": "#f2f2f2",
    "quiet": "#b8b8b8",
    "thin": "#85888e",
    "faint": "#2e3137",
    "ground": "#17191d",
    "edge": "#17191d",
    "signed": "#3d9fe0",
    "negotiating": "#f0b429",
    "prospective": "#2cc79a",
    "declined": "#7c7c7c",
    "more": "#3d9fe0",
    "less": "#f58a4b",
    "series-1": "#3d9fe0",
    "series-2": "#f0b429",
    "series-3": "#2cc79a",
    "series-4": "#e39bc4",
    "series-5": "#9ad4f5",
    "series-6": "#e8702a",
    "series-7": "#f5ec6b",
}
"""The same on a dark ground. Hatches are as dark as the ground: what is filled is light."""


@dataclasses.dataclass(frozen=True)
class Look:
    """How a status or a series looks: name of its colour, hatch of a bar, marker; hatch and marker each alone tell it from the others."""

    colour: str
    hatch: str
    marker: str = ""


LOOKS = {
    "signed": Look("signed", "", "o"),
    "negotiating": Look("negotiating", "///", "D"),
    "prospective": Look("prospective", "...", "^"),
    "declined": Look("declined", "xxx", "X"),
}
"""By status; hatches and markers are named as Matplotlib does: circle, diamond, triangle, filled cross."""

SERIES = (
    Look("series-1", ""),
    Look("series-2", "///"),
    Look("series-3", "..."),
    Look("series-4", "xxx"),
    Look("series-5", "\\\\\\"),
    Look("series-6", "++"),
    Look("series-7", "ooo"),
)
"""One after the other, such as the indicators of a need."""
