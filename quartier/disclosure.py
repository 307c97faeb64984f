"""Small counts of people: which figures stay secret so that nobody can work them out from those that are given away.

A count from 1 to below a threshold is *small*: it could tell of a person. Hiding it is not enough where a total is published from
which it can be subtracted. So further counts are hidden, as few as can be found, until the published tables leave open for every
hidden count at least as many whole numbers as the threshold says, and do not prove that it is small. A small count may then still be
any number from 1 to the threshold.

What is published is a system of equations: known counts, unknown counts of at least 0, and sums. What it says of an unknown count
are its least and greatest value under the equations (the "audit" of cell suppression). See Willenborg and de Waal (2001), Elements
of Statistical Disclosure Control, chapter 6; Hundepool et al. (2012), Statistical Disclosure Control, chapter 4; the model of which
further cells to hide is that of Fischetti and Salazar (2001), Management Science 47, for one count after the other.

Zero is given away: it tells of nobody. It may be hidden to keep another count secret.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

HIDDEN = "–*"
"""What stands in a table in place of a count that is hidden; a dash alone is a count that nobody reported."""


_WHOLE = 1e-6
"""A solver's number this near to a whole one is that."""


class Sum(NamedTuple):
    """A count that is the sum of others."""

    whole: Hashable
    parts: tuple[Hashable, ...]


@dataclass(frozen=True)
class Tables:
    """Counts of people in published tables that hang together by sums.

    Attributes
    ----------
    counts : mapping
        Count by key, whole numbers of at least 0.
    sums : tuple of Sum
        Every sum among them that a reader can know of.
    untold : frozenset
        Keys of counts that are in no table, but follow from two that are: those of the reached that are not yet 80, say.
    """

    counts: Mapping[Hashable, int]
    sums: tuple[Sum, ...] = ()
    untold: frozenset[Hashable] = frozenset()


@dataclass(frozen=True)
class Published:
    """What readers have: some counts, and how these and the hidden ones hang together.

    Attributes
    ----------
    counts : mapping
        Count by key; None where it is hidden or in no table.
    sums : tuple of Sum
        As in `Tables`.
    untold : frozenset
        Keys that are in no table.
    """

    counts: Mapping[Hashable, int | None]
    sums: tuple[Sum, ...] = ()
    untold: frozenset[Hashable] = frozenset()

    @property
    def hidden(self) -> tuple[Hashable, ...]:
        """Keys of the counts that a table hides, in the order of the tables."""
        return tuple(key for key, count in self.counts.items() if count is None and key not in self.untold)


class Range(NamedTuple):
    """Least and greatest value that a count can have, persons; `greatest` may be infinite."""

    least: float
    greatest: float

    def is_open(self, below: int) -> bool:
        """Whether this leaves at least `below` whole numbers, not all of them under `below`."""
        return self.greatest >= below and self.greatest - self.least + 1 >= below

    def is_safe(self, count: int, below: int, floor: float = 0) -> bool:
        """Whether this keeps a count of which the range is known: a small one may be any number from 1, or `floor`, to `below`."""
        return self.is_open(below) and (self.least <= max(1, floor) or not is_small(count, below))


def is_small(count: int, below: int) -> bool:
    """Whether a count could tell of a person."""
    return 0 < count < below


def totals(counts: Mapping[tuple[Hashable, Hashable], int], part_of: Mapping[Hashable, Hashable]) -> Tables:
    """Add to counts by row and column the total of each column, and what follows from columns that are parts of others.

    Parameters
    ----------
    counts : mapping
        Count by (row, column). A row may lack a column: the total is that of the others.
    part_of : mapping
        Column of which a column is a part, by the latter: 80 and over is a part of all.

    Returns
    -------
    Tables
        The totals have the row None. Untold are the rests: keys (row, whole, part).
    """
    columns = list(dict.fromkeys(column for _, column in counts))
    given: dict[Hashable, int] = {key: count for key, count in counts.items()}  # noqa: C416
    sums, untold = [], []
    for column in columns:
        parts = tuple(key for key in counts if key[1] == column)
        given[None, column] = sum(counts[key] for key in parts)
        sums.append(Sum((None, column), parts))
    for row in [*dict.fromkeys(row for row, _ in counts), None]:
        for part, whole in part_of.items():
            if (row, part) in given and (row, whole) in given and given[row, part] <= given[row, whole]:
                # The total of a part may be that of fewer rows; it is a part of the whole all the same.
                rest = (row, whole, part)
                given[rest] = given[row, whole] - given[row, part]
                untold.append(rest)
                sums.append(Sum((row, whole), ((row, part), rest)))
    return Tables(given, tuple(sums), frozenset(untold))


def protect(tables: Tables, below: int, insiders: Sequence[Collection[Hashable]] = ()) -> Published:
    """Hide the small counts, and as few others as can be found that keep them hidden.

    One count after the other that is not kept yet, the smallest first, gets the fewest further ones that keep it (an integer
    programme), the smaller ones before the larger; in the end each further one is shown again that turns out not to be needed.
    The same tables always give the same answer.

    Parameters
    ----------
    tables : Tables
        Everything that is published together.
    below : int
        Threshold, persons: 1 to `below` - 1 are small. 0 or 1 hides nothing.
    insiders : sequence of collections of keys, optional
        Counts that a reader knows anyway, such as a provider those of its own sites; they do not help to keep those of others.

    Returns
    -------
    Published
        Neither the order nor any sign tells which of the hidden counts are the small ones.
    """
    counts, keys = tables.counts, list(tables.counts)
    small = [key for key in keys if key not in tables.untold and is_small(counts[key], below)]
    hidden = dict.fromkeys(small)
    readers: list[frozenset[Hashable]] = [frozenset(), *dict.fromkeys(_following(tables.sums, one) for one in insiders)]
    by_size = sorted(keys, key=lambda key: (counts[key], keys.index(key)))
    # What is kept stays so when more is hidden: only what has not been looked at is left to ask about.
    kept: set[tuple[int, Hashable]] = set()
    while found := _first_unsafe(tables, hidden, readers, by_size, below, kept):
        hidden |= dict.fromkeys(_fewest_more(tables, hidden, found, below))
    for key in sorted(set(hidden) - set(small), key=by_size.index, reverse=True):
        fewer = {one: None for one in hidden if one != key}
        if _first_unsafe(tables, fewer, readers, by_size, below, set()) is None:
            hidden = fewer
    return publish(tables, hidden)


def _following(sums: Sequence[Sum], known: Collection[Hashable]) -> frozenset[Hashable]:
    """Add to known counts those that follow from them: the last unknown one of a sum."""
    found = set(known)
    while True:
        missing = [[key for key in (one.whole, *one.parts) if key not in found] for one in sums]
        more = {keys[0] for keys in missing if len(keys) == 1}
        if not more:
            return frozenset(found)
        found |= more


def publish(tables: Tables, hidden: Collection[Hashable]) -> Published:
    """Give what readers have of the tables if these keys are hidden."""
    shown = {key: None if key in hidden or key in tables.untold else int(count) for key, count in tables.counts.items()}
    return Published(shown, tables.sums, tables.untold)


def recoverable(published: Published, below: int, known: Mapping[Hashable, int] | None = None) -> list[Hashable]:
    """Attack published tables: the hidden counts that they give away, in the order of the tables.

    Parameters
    ----------
    published : Published
        What readers have.
    below : int
        Threshold, persons.
    known : mapping, optional
        Counts that a reader knows besides, by key.

    Returns
    -------
    list of keys
        Hidden counts, unknown to this reader, for which fewer than `below` whole numbers are left, or only small ones.
    """
    known = known or {}
    counts = {key: known.get(key, count) for key, count in published.counts.items()}
    hidden = [key for key in published.hidden if key not in known]
    found = ranges(Published(counts, published.sums, published.untold), hidden)
    return [key for key in hidden if not found[key].is_open(below)]


def ranges(published: Published, keys: Collection[Hashable]) -> dict[Hashable, Range]:
    """Least and greatest value of each of these counts under everything that is published, as whole numbers of persons."""
    system = _System.of(published.counts, published.sums)
    return {key: system.range(key) for key in keys}


class _System(NamedTuple):
    """The equations among the unknown counts: ``matrix @ unknown == right``, unknown at least 0 and whole."""

    unknown: dict[Hashable, int]
    matrix: np.ndarray
    right: np.ndarray
    known: Mapping[Hashable, int | None]

    @classmethod
    def of(cls, counts: Mapping[Hashable, int | None], sums: Sequence[Sum]) -> _System:
        unknown = {key: at for at, key in enumerate(key for key, count in counts.items() if count is None)}
        matrix, right = np.zeros((len(sums), len(unknown))), np.zeros(len(sums))
        for row, (whole, parts) in enumerate(sums):
            for key, sign in [(whole, -1), *((part, 1) for part in parts)]:
                count = counts[key]
                if count is None:
                    matrix[row, unknown[key]] += sign
                else:
                    right[row] -= sign * count
        said = matrix.any(axis=1)
        return cls(unknown, matrix[said], right[said], counts)

    def range(self, key: Hashable) -> Range:
        count = self.known[key]
        if count is not None:
            return Range(count, count)
        return Range(max(self._end(key, 1), 0), self._end(key, -1))

    def _end(self, key: Hashable, sign: int) -> float:
        """Least value of a count (sign 1) or greatest one (sign -1)."""
        from scipy.optimize import LinearConstraint, milp

        goal = np.zeros(len(self.unknown))
        goal[self.unknown[key]] = sign
        sums = LinearConstraint(self.matrix, self.right, self.right) if len(self.matrix) else ()
        # Whole numbers leave less open than fractions do; where the fractions are whole anyway, there is nothing more to ask.
        for whole in (0, 1):
            solved = milp(goal, constraints=sums, integrality=whole)
            if solved.x is None or np.abs(solved.x - np.round(solved.x)).max() < _WHOLE:
                break
        if solved.status not in (0, 3, 4):
            raise RuntimeError(f"these counts do not add up: {solved.message}")
        return sign * (round(solved.fun) if solved.x is not None else -math.inf)


class _Unsafe(NamedTuple):
    """A count that a reader who knows some others finds out: what is left open, and the least it can be for that reader anyway."""

    key: Hashable
    known: frozenset[Hashable]
    range: Range
    floor: float


def _first_unsafe(
    tables: Tables,
    hidden: Collection[Hashable],
    readers: Sequence[frozenset[Hashable]],
    order: Sequence[Hashable],
    below: int,
    kept: set[tuple[int, Hashable]],
) -> _Unsafe | None:
    """Give the first count that must be kept and is not, and who finds it out; note in `kept` what is kept from which reader."""
    for reader, known in enumerate(readers):
        if reader and known.isdisjoint(hidden):
            continue  # such a reader knows no more than everybody
        system = _seen_by(known, tables, hidden)
        for key in order:
            count = tables.counts[key]
            must = key in hidden or (key in tables.untold and is_small(count, below))
            if not must or key in known or (reader, key) in kept:
                continue
            found = system.range(key)
            # A total is at least what a reader knows of it: nothing that is hidden changes that.
            if not found.is_safe(count, below):
                floor = _seen_by(known, tables, tables.counts).range(key).least if known else 0
                if not found.is_safe(count, below, floor):
                    return _Unsafe(key, known, found, floor)
            kept.add((reader, key))
    return None


def _seen_by(known: Collection[Hashable], tables: Tables, hidden: Collection[Hashable]) -> _System:
    shown = publish(tables, hidden).counts
    return _System.of({key: tables.counts[key] if key in known else count for key, count in shown.items()}, tables.sums)


def _fewest_more(tables: Tables, hidden: Collection[Hashable], found: _Unsafe, below: int) -> list[Hashable]:
    """Find the fewest further counts to hide so that the one found out can be as small and as large as it must be.

    Two changes d of all counts, one that makes the count larger and one that makes it smaller: each keeps every sum, leaves no count
    under 0, and is 0 where a count is shown. Whether a count is hidden is a choice of 0 or 1.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp

    counts, keys, key = tables.counts, list(tables.counts), found.key
    n, at = len(keys), keys.index(key)
    values = np.array([counts[one] for one in keys], dtype=float)
    least = found.range.least
    if is_small(counts[key], below):
        least = min(least, max(1, found.floor))
    targets = (max(below, least + below - 1) - counts[key], least - counts[key])
    sums = np.zeros((len(tables.sums), n))
    for row, (whole, parts) in enumerate(tables.sums):
        sums[row, keys.index(whole)] -= 1
        for part in parts:
            sums[row, keys.index(part)] += 1
    most = float(2 * below + max(abs(target) for target in targets))
    free = np.array([one in tables.untold for one in keys])
    chosen = np.array([one in hidden for one in keys])
    closed = np.array([one in found.known for one in keys])
    # Fewest first; among as many, the smaller counts: the ranks of all together weigh less than one count.
    order = sorted(range(n), key=lambda one: (values[one], one))
    weight = np.ones(n)
    weight[order] += np.arange(1, n + 1) / (n * (n + 1))
    weight[free | chosen] = 0.0
    size, zero, none = np.eye(n), np.zeros((n, n)), np.zeros_like(sums)
    down = np.diag(np.minimum(values, most))
    rows = [
        LinearConstraint(np.hstack([sums, none, none]), 0, 0),
        LinearConstraint(np.hstack([none, sums, none]), 0, 0),
        LinearConstraint(np.hstack([size, zero, -most * size]), -np.inf, 0),
        LinearConstraint(np.hstack([zero, size, -most * size]), -np.inf, 0),
        LinearConstraint(np.hstack([-size, zero, -down]), -np.inf, 0),
        LinearConstraint(np.hstack([zero, -size, -down]), -np.inf, 0),
    ]
    lower, upper = np.full(2 * n, -most), np.full(2 * n, most)
    for half, target in enumerate(targets):
        lower[half * n : half * n + n][closed] = upper[half * n : half * n + n][closed] = 0.0
        lower[half * n + at] = upper[half * n + at] = target
    solved = milp(
        np.concatenate([np.zeros(2 * n), weight]),
        integrality=1,
        bounds=Bounds(np.concatenate([lower, free | chosen]), np.concatenate([upper, np.ones(n)])),
        constraints=rows,
        options={"mip_rel_gap": 0.0},
    )
    if solved.x is None:
        raise RuntimeError(f"no further counts keep {key!r} hidden: {solved.message}")
    is_hidden = solved.x[2 * n :] > 0.5
    return [one for one, yes in zip(keys, is_hidden & ~free & ~chosen, strict=True) if yes]
