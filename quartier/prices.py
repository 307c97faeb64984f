r"""The kernel: prices first, then the proof. Many problems at a time, one row each.

The problem: sites i get whole steps x_i, either none or low_i to high_i; together at most B steps at fewest to most sites; the
sum of concave values f_i(x_i) is to be largest.

1. *Prices* (`_search`). At a price p for a step and m for a place each site alone takes its best amount (marginal analysis: Fox
   1966). The sum of the sites' profits, plus the prices of what is there, bounds every plan from above (Lagrangian dual:
   Everett 1963, Geoffrion 1974). The best m for a given p is read off the profits; the best p lies between the last price at
   which too many steps are wanted and the first at which not, found by turns where the dual's two outer lines cross (Kelley
   1960) and by a secant in log p, in which the steps wanted are nearly straight.
2. *A first plan* (`_fill`). The sites funded at these prices get what they take, then single steps by greatest gain, which is
   optimal for given sites (Fox 1966).
3. *Proof* (`_prove`). Each amount of each site misses its best profit by a loss. A plan's losses, and the price of what it
   leaves unused, add up to exactly its distance from the bound. So no amount with a loss above the distance of the first plan
   can be part of a better one; few are left, and all plans of these are compared by dynamic programming over (places, steps).

References
----------
Everett, H. (1963). Operations Research 11(3), 399-417. Fox, B. (1966). Management Science 13(3), 210-216.
Geoffrion, A. M. (1974). Mathematical Programming Study 2, 82-114. Kelley, J. E. (1960). J. SIAM 8(4), 703-712.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from quartier import benefit as curves

TIE = 1e-12
"""Relative difference up to which two plans count as equally good: the rounding of sums of floats, no more."""

MAX_STATES = 2_000_000
"""Most states of the proof that are kept at a time; beyond, the first plan and its bound are given as they are."""


MAX_OPEN_SITES = 5_000
"""Most sites with more than one amount left that the proof looks at."""


FEW_STEPS = 20_000
"""Most single steps that are compared outright; where there are more, a price tells first which of them matter."""


MANY_STEPS = 100_000
"""From so many steps of a site on it pays to ask first how far they help."""


MAX_TIED_SITES = 60
"""Most sites between which ties are broken by comparing all; beyond, the first plan stands, which serves earlier sites first."""


class Curve(NamedTuple):
    """What an amount is worth: the scenario's response curve and inequality aversion; `unit` is one step in EUR."""

    unit: float
    response: str
    inequality_aversion: float
    base_coverage: float

    def value(self, steps: np.ndarray, need: np.ndarray, scale_eur: np.ndarray) -> np.ndarray:
        """Welfare of whole steps; arrays broadcast."""
        return curves.welfare(
            steps * self.unit,
            need,
            scale_eur,
            self.response,
            inequality_aversion=self.inequality_aversion,
            base_coverage=self.base_coverage,
        )


class Problems(NamedTuple):
    """m problems over the same n sites in tie-breaking order; steps are whole numbers."""

    curve: Curve
    need: np.ndarray  # (m, n)
    scale_eur: np.ndarray  # (m, n)
    low: np.ndarray  # (m, n) steps
    high: np.ndarray  # (m, n) steps
    committed: np.ndarray  # (m, n) bool: must be funded
    optional: np.ndarray  # (m, n) bool: may be funded
    budget: np.ndarray  # (m,) steps
    fewest: np.ndarray  # (m,) sites
    most: np.ndarray  # (m,) sites

    def value(self, steps: np.ndarray) -> np.ndarray:
        """Welfare of each site's steps, (m, n)."""
        return self.curve.value(steps, self.need, self.scale_eur)

    def beside(self, others: Sequence[Self]) -> Self:
        """One problem with the sites of others beside its own, as cells; its budget and places stand for none of them."""
        cells = ("need", "scale_eur", "low", "high", "committed", "optional")
        parts: dict[str, Any] = {
            name: np.concatenate([getattr(one, name) for one in (self, *others)], axis=1) for name in cells
        }
        return self._replace(**parts)

    def rows(self, which: np.ndarray) -> Self:
        """Some of the problems."""
        return self._replace(**{name: getattr(self, name)[which] for name in self._fields[1:]})


class Solutions(NamedTuple):
    """Steps (m, n), what they reach and an upper bound on it (m,); where the two meet, the steps are proven to be best."""

    steps: np.ndarray
    reached: np.ndarray
    bound: np.ndarray


class _Dual(NamedTuple):
    """The problems at a price per step: the dual's value, the price of a place, who is funded, with how many steps."""

    value: np.ndarray  # (m,)
    place: np.ndarray  # (m,)
    funded: np.ndarray  # (m, n)
    steps: np.ndarray  # (m, n), of each site if it is funded
    used: np.ndarray  # (m,)


def solve(problems: Problems, deadline: float = math.inf) -> Solutions:
    """Solve problems for each of which some plan exists; see the head of this module."""
    problems = _as_far_as_it_helps(problems)
    price, dual, dear, cheap = _search(problems)
    # Rounding is that of the largest number summed: the bound, or the price of the whole budget that it holds and takes off again.
    bound, tie = dual.value.copy(), TIE * np.maximum(np.maximum(np.abs(dual.value), price * problems.budget), 1e-300)
    steps, reached = _first_plans(problems, dear, cheap, bound - 4 * tie)
    # Where the two meet, the plan is proven already, and the rest only chooses between equals.
    most = np.where(bound - reached <= 4 * tie, MAX_TIED_SITES, MAX_OPEN_SITES)
    for row, choices in _open_choices(problems, price, dual, np.maximum(0.0, bound - reached) + 4 * tie, most):
        limits = int(problems.budget[row]), int(problems.fewest[row]), int(problems.most[row])
        proof = _prove(choices, *limits, float(tie[row]), deadline)
        if proof is not None:
            steps[row] = proof[0]
            bound[row] = choices.bound - proof[1]
    reached = np.where(steps > 0, problems.value(steps), 0.0).sum(axis=1)
    return Solutions(steps, reached, np.where(bound - reached <= 4 * tie, reached, bound))


def _as_far_as_it_helps(problems: Problems) -> Problems:
    """Lower caps beyond which an amount is worth no more, as numbers go: the proof would compare every step up to them."""
    below, above = problems.low, problems.high
    if (above - below).max(initial=0) <= MANY_STEPS:
        return problems
    top = problems.value(problems.high)
    while (below < above).any():
        middle = (below + above) // 2
        enough = problems.value(middle) >= top
        below, above = np.where(enough, below, middle + 1), np.where(enough, middle, above)
    return problems._replace(high=above)


# --- prices -------------------------------------------------------------------------------------------------------


def _best_steps(problems: Problems, price: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Steps from low to high at which a funded site makes most at this price, and their value."""
    curve, low, high = problems.curve, problems.low, problems.high
    if curve.inequality_aversion == 0:
        amount = curves.amount_at_marginal(price / curve.unit, problems.need, problems.scale_eur, curve.response)
        below = np.clip(np.floor(amount / curve.unit), low, high).astype(np.int64)
    else:  # no closed form: halve the range on the gain of one more step
        below, above = low.copy(), high.copy()
        while (below < above).any():
            middle = (below + above) // 2
            gains = problems.value(middle + 1) - problems.value(middle)
            more = (gains > price) & (below < above)
            below, above = np.where(more, middle + 1, below), np.where(more, above, middle)
    more = np.minimum(below + 1, high)
    at_below, at_more = problems.value(below), problems.value(more)
    better = at_more - at_below > price * (more - below)
    return np.where(better, more, below), np.where(better, at_more, at_below)


def _at_price(problems: Problems, price: np.ndarray) -> _Dual:
    """Lagrangian dual at a price per step (m,), with the best price of a place."""
    steps, value = _best_steps(problems, price[:, None])
    profit = value - price[:, None] * steps
    offered = np.where(problems.optional, profit, -np.inf)
    chosen, place = offered > 0, np.zeros(len(price))
    count, wanted = problems.committed.sum(axis=1), chosen.sum(axis=1)
    taken = np.minimum(np.maximum(wanted, problems.fewest - count), problems.most - count)
    tight = wanted != taken
    if tight.any():
        last, following = _around(offered, taken)
        # A place is worth something between the last that gets one and the first that does not; sites that are funded at a
        # loss, to fill the places, make it a negative sum.
        with np.errstate(invalid="ignore"):
            between = np.where(np.isinf(last), following, np.where(np.isinf(following), last, last / 2 + following / 2))
        place = np.where(tight, between, 0.0)
        chosen = np.where(tight[:, None], offered >= last[:, None], chosen)
        excess = chosen.sum(axis=1) - taken
        if excess.any():  # of those level with the last, the earlier get the places
            level = chosen & (offered == last[:, None])
            chosen &= ~level | (np.cumsum(level, axis=1) <= (level.sum(axis=1) - excess)[:, None])
    funded = problems.committed | chosen
    return _Dual(
        value=np.where(funded, profit, 0.0).sum(axis=1) + price * problems.budget,
        place=place,
        funded=funded,
        steps=steps,
        used=np.where(funded, steps, 0).sum(axis=1),
    )


def _around(offered: np.ndarray, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Profit of the last of the best `taken` of each row, and of the next; infinite where there is none."""
    m, n = offered.shape
    if m == 1:  # one problem, perhaps of a million sites: no need to sort it
        at = [n - int(taken[0]), n - int(taken[0]) - 1]
        part = np.partition(offered[0], [place for place in at if 0 <= place < n] or [0]) if n else offered[0]
        last, following = (part[place] if 0 <= place < n else None for place in at)
        return np.array([math.inf if last is None else last]), np.array([-math.inf if following is None else following])
    edge = np.full((m, 1), math.inf)
    ordered = np.concatenate([edge, -np.sort(-offered, axis=1), -edge], axis=1)
    return np.take_along_axis(ordered, taken[:, None], 1)[:, 0], np.take_along_axis(ordered, taken[:, None] + 1, 1)[
        :, 0
    ]


def _search(problems: Problems) -> tuple[np.ndarray, _Dual, _Dual, _Dual]:
    """Price per step at which the dual is least, the dual there, and the duals on its two sides.

    At the dear side the steps wanted fit the budget, at the cheap side they do not (unless they do at no price at all).
    """
    low = np.zeros(len(problems.budget))
    cheap = dear = _at_price(problems, low)
    high = np.maximum(2 * np.abs(problems.value(problems.high)).max(axis=1, initial=0.0), 1e-300)
    searching = cheap.used > problems.budget
    if searching.any():
        dear = _merge(searching, _at_price(problems, high), cheap)
    for turn in range(200):
        over, under = cheap.used - problems.budget, problems.budget - dear.used
        with np.errstate(divide="ignore", invalid="ignore"):
            crossing = (cheap.value - dear.value + over * low + under * high) / (over + under)
            secant = low * (high / low) ** (over / (over + under))
            least = cheap.value - over * (crossing - low)  # the dual lies on or above both lines
        searching &= (under > 0) & (crossing > low) & (crossing < high)
        searching &= np.minimum(cheap.value, dear.value) - least > TIE / 10 * np.abs(least)
        if not searching.any():
            break
        # Every third turn where the lines cross: finds the price at which a site or more leaves, which the secant only nears.
        middle = np.where((turn % 3 < 2) & (secant > low) & (secant < high), secant, crossing)
        at = _at_price_where(problems, middle, searching, cheap)
        left = searching & (at.used > problems.budget)
        right = searching & ~left
        low, cheap = np.where(left, middle, low), _merge(left, at, cheap)
        high, dear = np.where(right, middle, high), _merge(right, at, dear)
    upper = (cheap.used > problems.budget) & (dear.value <= cheap.value)
    return np.where(upper, high, low), _merge(upper, dear, cheap), dear, cheap


def _at_price_where(problems: Problems, price: np.ndarray, which: np.ndarray, otherwise: _Dual) -> _Dual:
    """`_at_price` of some of the problems; the others keep what they have."""
    if which.all():
        return _at_price(problems, price)
    at = np.flatnonzero(which)
    found, merged = _at_price(problems.rows(at), price[at]), _Dual(*(part.copy() for part in otherwise))
    for whole, part in zip(merged, found, strict=True):
        whole[at] = part
    return merged


def _merge(which: np.ndarray, first: _Dual, second: _Dual) -> _Dual:
    """Rows of the first dual where `which`, else of the second."""
    if which.all():
        return first
    if not which.any():
        return second
    return _Dual(
        *(np.where(which.reshape((-1,) + (1,) * (a.ndim - 1)), a, b) for a, b in zip(first, second, strict=True))
    )


# --- first plans --------------------------------------------------------------------------------------------------


def _first_plans(problems: Problems, dear: _Dual, cheap: _Dual, enough: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Plans that keep all rules, and their values: the best fill of the sites funded on either side of the price, or by need.

    The last, the committed sites and the cheapest that must join them, always fits. Plans that reach enough stand.
    """
    steps, reached = _fill(problems, dear.funded, dear, cheap)
    at = np.flatnonzero(reached < enough)
    if at.size:
        some, sides = problems.rows(at), [_Dual(*(part[at] for part in dual)) for dual in (dear, cheap)]
        for funded in (_affordable(some, sides[1].funded), _cheapest(some)):
            if (funded != sides[0].funded).any():
                other, value = _fill(some, funded, *sides)
                better = value > reached[at]
                steps[at[better]], reached[at[better]] = other[better], value[better]
    return steps, reached


def _affordable(problems: Problems, funded: np.ndarray) -> np.ndarray:
    """Let go of optional sites, those that are worth least a step at their floor first, until the floors fit the budget."""
    funded = funded.copy()
    floors = np.where(funded, problems.low, 0).sum(axis=1)
    for row in np.flatnonzero(floors > problems.budget):
        one = problems.rows(np.array([row]))
        sites = np.flatnonzero(funded[row] & problems.optional[row])
        worth = (one.value(one.low)[0] / one.low[0])[sites]
        sites = sites[np.argsort(worth, kind="stable")]
        freed = np.cumsum(problems.low[row, sites])
        enough = int(np.searchsorted(freed, floors[row] - problems.budget[row])) + 1
        spare = int(funded[row].sum() - problems.fewest[row])
        funded[row, sites[: min(enough, spare)]] = False
    return funded


def _cheapest(problems: Problems) -> np.ndarray:
    """Say which sites are funded if only those are that must be, joined by the cheapest where more are asked for."""
    missing = np.maximum(0, problems.fewest - problems.committed.sum(axis=1))
    funded = problems.committed.copy()
    for row in np.flatnonzero(missing):
        floors = np.where(problems.optional[row], problems.low[row], np.iinfo(np.int64).max)
        funded[row, np.argsort(floors, kind="stable")[: missing[row]]] = True
    return funded


def _fill(problems: Problems, funded: np.ndarray, dear: _Dual, cheap: _Dual) -> tuple[np.ndarray, np.ndarray]:
    """Best plan for given funded sites: what they take at the dear price, then single steps by greatest gain.

    Where these sites take too much at the dear price, or too little at the cheap one, their own prices are searched, or all
    steps compared if they are few. The value is -inf where their floors do not fit.
    """
    budget = problems.budget
    low, least, most, high = (
        np.where(funded, part, 0) for part in (problems.low, dear.steps, cheap.steps, problems.high)
    )
    fits = low.sum(axis=1) <= budget
    capped = high.sum(axis=1) <= budget
    least, most = np.where(fits[:, None], least, 0), np.where(capped[:, None], high, most)
    at = np.flatnonzero(fits & ((least.sum(axis=1) > budget) | (~capped & (most.sum(axis=1) < budget))))
    if (high - low)[at].sum() <= FEW_STEPS:
        least[at], most[at] = low[at], high[at]
    else:
        none = np.zeros_like(at)
        given = problems.rows(at)._replace(
            committed=funded[at], optional=np.zeros_like(funded[at]), fewest=none, most=funded[at].sum(axis=1)
        )
        _, _, own_dear, own_cheap = _search(given)
        least[at] = np.where(funded[at], own_dear.steps, 0)
        most[at] = np.where(capped[at, None], most[at], np.where(funded[at], own_cheap.steps, 0))
    spare = np.where(fits, budget - least.sum(axis=1), 0)
    steps = least + _greatest_gains(problems, least, np.where(fits[:, None], np.maximum(most - least, 0), 0), spare)
    value = np.where(funded, problems.value(steps), 0.0).sum(axis=1)
    return steps, np.where(fits, value, -np.inf)


def _greatest_gains(problems: Problems, steps: np.ndarray, room: np.ndarray, spare: np.ndarray) -> np.ndarray:
    """Single steps beyond `steps`, at most `room` at a site and `spare` in a row, by greatest gain; earlier sites first."""
    extra = np.zeros_like(steps)
    row, site = np.nonzero(np.where((spare > 0)[:, None], room, 0))
    if not row.size:
        return extra
    count = room[row, site]
    beyond = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    row, site = np.repeat(row, count), np.repeat(site, count)
    at, need, scale = steps[row, site] + beyond, problems.need[row, site], problems.scale_eur[row, site]
    gain = problems.curve.value(at + 1, need, scale) - problems.curve.value(at, need, scale)
    order = np.lexsort((-gain, row))
    order = order[gain[order] > 0]
    place = np.arange(len(order)) - np.searchsorted(row[order], row[order])
    kept = order[place < spare[row[order]]]
    np.add.at(extra, (row[kept], site[kept]), 1)
    return extra


# --- proof --------------------------------------------------------------------------------------------------------


class _Choices(NamedTuple):
    """One problem reduced to the sites with more than one amount left: their amounts and losses; the others are fixed."""

    sites: np.ndarray
    options: list[np.ndarray]
    loss: list[np.ndarray]
    fixed: np.ndarray  # (n,) steps, 0 at the open sites
    price: float
    place: float
    bound: float
    cut: float


def _open_choices(
    problems: Problems, price: np.ndarray, dual: _Dual, cut: np.ndarray, most: np.ndarray
) -> Iterator[tuple[int, _Choices]]:
    """Give the amounts that miss the best profit by no more than the cut; of problems with up to `most` sites that have several."""
    steps = dual.steps
    some = problems.value(steps) - price[:, None] * steps - dual.place[:, None]
    some = np.where(problems.committed | problems.optional, some, -np.inf)
    best = np.where(problems.committed, some, np.maximum(some, 0.0))
    open_some = best - some <= cut[:, None]
    open_none = ~problems.committed & (best <= cut[:, None])
    several = open_some & open_none
    for beside in (steps - 1, steps + 1):
        inside = open_some & (problems.low <= beside) & (beside <= problems.high)
        lost = best - (problems.value(beside) - price[:, None] * beside - dual.place[:, None])
        several |= inside & (lost <= cut[:, None])
    several &= (several.sum(axis=1) <= most)[:, None]

    row, site = np.nonzero(several)  # from here on only these sites, of all problems one after the other
    best_steps, none = steps[row, site], open_none[row, site]

    def loss(which: np.ndarray, steps: np.ndarray) -> np.ndarray:
        i, j = row[which], site[which]
        value = problems.curve.value(steps, problems.need[i, j], problems.scale_eur[i, j])
        return best[i, j] - np.where(steps > 0, value - price[i] * steps - dual.place[i], 0.0)

    every, ends = np.arange(len(row)), []
    for move, far in ((-1, best_steps - problems.low[row, site]), (1, problems.high[row, site] - best_steps)):
        near = np.zeros_like(row)
        while (near < far).any():  # the loss only grows away from the best amount
            middle = (near + far + 1) // 2
            fits = loss(every, best_steps + move * middle) <= cut[row]
            near, far = np.where(fits, middle, near), np.where(fits, far, middle - 1)
        ends.append(best_steps + move * near)
    first, last = ends
    places = np.where(dual.place > 0, problems.most, problems.fewest)
    for one in np.unique(row):
        mine = every[slice(*np.searchsorted(row, [one, one + 1]))]
        options = []
        for which in mine:
            amounts = np.arange(first[which] - none[which], last[which] + 1)
            options.append(np.where(amounts < first[which], 0, amounts))
        sizes = [len(amounts) for amounts in options]
        losses = np.split(loss(np.repeat(mine, sizes), np.concatenate(options)), np.cumsum(sizes)[:-1])
        fixed = np.where(open_some[one] & ~open_none[one] & ~several[one], steps[one], 0)
        bound = math.fsum(best[one]) + price[one] * problems.budget[one] + dual.place[one] * places[one]
        rest = float(price[one]), float(dual.place[one]), float(bound), float(cut[one])
        yield int(one), _Choices(site[mine], options, losses, fixed, *rest)


class _States(NamedTuple):
    """What the last sites can use together, and the least loss at which they can; sorted by key = places * width + steps."""

    key: np.ndarray
    loss: np.ndarray


def _prove(
    choices: _Choices, budget: int, fewest: int, most: int, tie: float, deadline: float
) -> tuple[np.ndarray, float] | None:
    """Compare all plans of the choices; give the best, by the tie-breaking rule, and its distance from the bound.

    None where time or memory would not do.
    """
    budget, taken = budget - int(choices.fixed.sum()), int((choices.fixed > 0).sum())
    fewest, most, width = fewest - taken, most - taken, budget + 1
    after = [_States(np.zeros(1, dtype=np.int64), np.zeros(1))]
    for amounts, losses in zip(reversed(choices.options), reversed(choices.loss), strict=True):
        states = after[-1]
        if len(states.key) * len(amounts) > MAX_STATES or time.monotonic() > deadline:
            return None
        loss = states.loss[:, None] + losses
        state, amount = np.nonzero(loss <= choices.cut)
        before, more = states.key[state], amounts[amount]
        key, loss = before + np.where(more > 0, width, 0) + more, loss[state, amount]
        fits = (before % width + more <= budget) & (key < (most + 1) * width)
        key, loss = key[fits], loss[fits]
        order = np.lexsort((loss, key))
        key, loss = key[order], loss[order]
        first = np.ones(len(key), dtype=bool)
        first[1:] = key[1:] != key[:-1]
        after.append(_States(key[first], loss[first]))
    after.reverse()
    places, used = after[0].key // width, after[0].key % width
    priced = most if choices.place > 0 else fewest
    distance = after[0].loss + choices.price * (budget - used) + choices.place * (priced - places)
    distance[places < fewest] = np.inf
    least = float(distance.min(initial=np.inf))
    if not math.isfinite(least):  # the first plan was lost to rounding: it stands
        return None
    equal = np.flatnonzero(distance <= least + tie)
    equal = equal[used[equal] == used[equal].min()]
    plans = [_walk(choices, after, width, int(after[0].key[at]), float(after[0].loss[at]) + tie) for at in equal]
    steps = choices.fixed.copy()
    steps[choices.sites] = max(plans, key=lambda plan: tuple(plan.tolist()))
    return steps, least


def _walk(choices: _Choices, after: list[_States], width: int, key: int, allowed: float) -> np.ndarray:
    """Follow the proof forward: each site in turn takes the most with which the rest can still be as good."""
    plan = np.zeros(len(choices.sites), dtype=np.int64)
    for i, (amounts, losses) in enumerate(zip(choices.options, choices.loss, strict=True)):
        rest = after[i + 1]
        left = key - amounts - np.where(amounts > 0, width, 0)
        at = np.minimum(np.searchsorted(rest.key, left), len(rest.key) - 1)
        fits = (rest.key[at] == left) & (amounts <= key % width) & (losses + rest.loss[at] <= allowed)
        last = int(np.flatnonzero(fits)[-1])
        plan[i], key, allowed = amounts[last], int(left[last]), allowed - float(losses[last])
    return plan
