r"""The kernel at an infinite inequality aversion: leximin, the least covered cell first, then the next, and so on.

A plan is better where its coverages, sorted from the least, are lexicographically greater (Sen 1970 after Rawls 1971). All response
curves rise with the amount over the scale, so the order of the coverages is that of these *ratios*, which are linear in the steps:
no curve is needed to find the plan. A level is a ratio; a curve's end (nothing more to gain) is the highest one.

1. *One budget, and places* (`_one_budget`). At a level each cell costs its least steps that reach it; the highest level that all
   funded cells can reach is found by halving, with the cheapest cells funded. There a cell either goes on for at most one more step,
   or is at its cap. If money is short for all to go on, the plan is settled up to exchanges at equal cost, which sorting decides; for
   given funded cells this is the greedy rule of Fox (1966), exact by Federgruen & Groenevelt (1986). Else some cells stay at their
   caps, and the others go on to a higher level.
2. *Rules that cross* (`_crossing`). The same by mixed-integer programming, level by level (Ogryczak, Pioro & Tomaszewski 2005): the
   highest level that all but the cells below can reach, the fewest cells that stay at it.

References
----------
Federgruen, A. & Groenevelt, H. (1986). Operations Research 34(6), 909-918. Fox, B. (1966). Management Science 13(3), 210-216.
Ogryczak, W., Pioro, M. & Tomaszewski, A. (2005). J. Telecommunications and Information Technology 3, 50-56.
Rawls, J. (1971). A Theory of Justice. Harvard. Sen, A. K. (1970). Collective Choice and Social Welfare. Holden-Day, ch. 9.
"""

from __future__ import annotations

import functools
import heapq
import math
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from quartier import benefit as curves
from quartier import crossing
from quartier.prices import TIE, Problems

MOST_RAISES = 2_000
"""Most steps given out between two calls of the solver."""


class Answer(NamedTuple):
    """Steps (n,), None where time ended before any plan was found; and whether they are proven to be best."""

    steps: np.ndarray | None
    proven: bool


class _Cells(NamedTuple):
    """Cells, (n,) each: what a step adds to the ratio, floor and cap in steps (no more than can gain), need, ratio at which all ends."""

    ratio: np.ndarray
    low: np.ndarray
    high: np.ndarray
    need: np.ndarray
    top: float
    response: str

    def reach(self, steps: Any, at: Any = slice(None)) -> np.ndarray:
        """Ratio of amount to scale."""
        return np.minimum(self.ratio[at] * steps, self.top)

    def least(self, level: float, at: Any = slice(None)) -> np.ndarray:
        """Least steps of a funded cell that reach a level; infinite beyond the cap."""
        steps = np.maximum(np.ceil(level / self.ratio[at] * (1 - TIE)), self.low[at])
        return np.where(steps <= self.high[at], steps, np.inf)

    def beyond(self, level: float, at: Any = slice(None)) -> np.ndarray:
        """Least steps of a funded cell that reach more than a level: those of `least`, or one more."""
        steps = np.maximum(np.floor(level / self.ratio[at] * (1 + TIE)) + 1, self.low[at])
        return np.where((steps <= self.high[at]) & (level < self.top * (1 - TIE)), steps, np.inf)

    def benefit(self, steps: np.ndarray) -> float:
        """Sum of need times coverage."""
        return math.fsum(self.need * curves.response(self.reach(steps), self.response))


def solve(problem: Problems, rules: crossing.Model | None, deadline: float = math.inf) -> Answer:
    """Find the leximin plan: of equals the one with most benefit, then least spent, then more for earlier cells.

    Cells without need do not count; they are funded only where rules ask for it, with as little as possible.

    Parameters
    ----------
    problem : Problems
        One row: what the cells are worth; without further rules also what may be, and some plan is possible.
    rules : Model or None
        All rules where they cross; the problem's own are not looked at then.
    deadline : float
        Time (`time.monotonic`) after which the best plan so far is given.
    """
    low, high = (problem.low[0], problem.high[0]) if rules is None else (rules.low, rules.high)
    top = _top(problem.curve.response)
    ratio = np.minimum(problem.curve.unit / problem.scale_eur[0], top)
    high = np.minimum(high, np.maximum(low, np.ceil(top / ratio * (1 - TIE))))
    cells = _Cells(ratio, low, high, problem.need[0], top, problem.curve.response)
    return _one_budget(problem, cells, deadline) if rules is None else _crossing(rules, cells, deadline)


@functools.cache
def _top(response: str) -> float:
    """Least ratio at which all that can be covered is covered."""
    low, high = 1e-3, 1e15
    while high > low * (1 + TIE):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if curves.response(middle, response) >= 1 - TIE else (middle, high)
    return round(high, 9)


def _order(cells: _Cells, first: np.ndarray, second: np.ndarray) -> int:
    """Say which plan of steps is better by its sorted coverages alone: 1 the first, -1 the second, 0 neither."""
    one, other = (np.sort(curves.response(cells.reach(x), cells.response)[cells.need > 0]) for x in (first, second))
    apart = np.flatnonzero(np.abs(one - other) > TIE * np.maximum(one, other))
    return int(np.sign(one[apart[0]] - other[apart[0]])) if apart.size else 0


def _better(cells: _Cells, first: np.ndarray, second: np.ndarray) -> bool:
    """Say whether the first plan of steps comes before the second, by the whole rule."""
    order, gain = _order(cells, first, second), cells.benefit(first) - cells.benefit(second)
    if order == 0 and abs(gain) <= TIE * cells.benefit(second):
        return (-first.sum(), first.tolist()) > (-second.sum(), second.tolist())
    return order > 0 or (order == 0 and gain > 0)


def _tied(values: np.ndarray) -> np.ndarray:
    """Rank of each value from the least, the same for values that count as equal."""
    order = np.argsort(values, kind="stable")
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.cumsum(np.diff(values[order], prepend=values[order][:1]) > TIE * values[order])
    return rank


# --- one budget ---------------------------------------------------------------------------------------------------


class _Stage(NamedTuple):
    """What is open above a level: cells that are funded, cells of which some more are, and the money; what stays at its cap."""

    required: np.ndarray
    optional: np.ndarray
    places: int
    budget: int
    groups: tuple[tuple[np.ndarray, int], ...]  # cells at a common cap level, cheapest first, and how many are funded


def _one_budget(problem: Problems, cells: _Cells, deadline: float) -> Answer:
    """Rise from level to level until all money is given out or all funded cells are at their caps."""
    plan, stage = _funded(problem, cells)
    found: list[np.ndarray] = []
    level, proven = 0.0, True
    while True:
        if not (np.isfinite(cells.beyond(level, stage.required)).any() or stage.places):
            steps, proven = _left_over(plan, stage, cells, deadline)
            found.append(steps)
            break
        level = _highest(stage, cells, level)
        if time.monotonic() > deadline:
            order = stage.optional[np.argsort(cells.least(level, stage.optional), kind="stable")]
            funded = np.r_[stage.required, order[: stage.places]]
            found.append(_with_groups(plan, stage, cells))
            found[-1][funded] = np.minimum(cells.least(level, funded), cells.high[funded])
            proven = False
            break
        settled, following = _at_level(plan, stage, cells, level)
        found += settled
        if following is None:
            break
        stage = following
    best = found[0]
    for steps in found[1:]:
        best = steps if _better(cells, steps, best) else best
    return Answer(best, proven)


def _funded(problem: Problems, cells: _Cells) -> tuple[np.ndarray, _Stage]:
    """Fund as many cells with a need as can be: one without money is the least covered. The others get their floor if they must."""
    low, must, may, real = cells.low, problem.committed[0], problem.optional[0], cells.need > 0
    idle = np.flatnonzero(may & ~real)
    idle = idle[np.argsort(low[idle], kind="stable")]
    floors, fillers = (np.r_[0, np.cumsum(np.sort(low[at]))] for at in (np.flatnonzero(may & real), idle))
    places, fewest = (int(sites[0]) - int(must.sum()) for sites in (problem.most, problem.fewest))
    count = np.arange(min(places + 1, len(floors)))
    filled = np.maximum(0, fewest - count)
    fits = (filled < len(fillers)) & (count + filled <= places)
    fits &= low[must].sum() + floors[count] + fillers[np.minimum(filled, len(idle))] <= problem.budget[0]
    most = int(np.flatnonzero(fits)[-1])
    plan = np.where(must & ~real, low, 0)
    plan[idle[: filled[most]]] = low[idle[: filled[most]]]
    left = int(problem.budget[0]) - int(plan.sum())
    return plan, _Stage(np.flatnonzero(must & real), np.flatnonzero(may & real), most, left, ())


def _highest(stage: _Stage, cells: _Cells, level: float) -> float:
    """Highest level that all funded cells reach (required ones as far as their caps), given one that they do."""
    required, places = stage.required, stage.places
    optional = stage.optional if places else stage.optional[:0]

    def fits(at: float) -> bool:
        cost = np.minimum(cells.least(at, required), cells.high[required]).sum()
        if places:
            cost += np.partition(cells.least(at, optional), places - 1)[:places].sum()
        return bool(cost <= stage.budget)

    low = level
    high = float(cells.reach(cells.high)[np.r_[required, optional]].max())
    if fits(high):
        low = high
    while high - low > TIE / 4 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    chosen = optional[np.argsort(cells.least(low, optional), kind="stable")[:places]]
    both = np.r_[required, chosen]
    steps = cells.least(low, both)
    return float(cells.reach(steps, both)[np.isfinite(steps)].min())


def _at_level(plan: np.ndarray, stage: _Stage, cells: _Cells, level: float) -> tuple[list[np.ndarray], _Stage | None]:
    """Leave as few cells as can be at a level that cannot be passed by all: the settled plans, and what else goes on.

    Those that stay are s optional cells at their caps, and u that would go on for one step more. With u > 0 all money is given
    out and every cell has the cheapest choice, else one more would go on. So these plans differ by exchanges at equal cost only.
    With u = 0 money may be left for a higher level.
    """
    steps, following = cells.least(level), cells.beyond(level)
    capped = stage.optional[np.isfinite(steps[stage.optional]) & np.isinf(following[stage.optional])]
    capped = capped[np.lexsort((-cells.need[capped], cells.high[capped]))]
    rising = stage.optional[np.isfinite(following[stage.optional])]
    rising = rising[np.argsort(following[rising], kind="stable")]
    required = stage.required
    base = np.minimum(following, cells.high)[required].sum()
    floors, rises = np.r_[0, np.cumsum(cells.high[capped])], np.r_[0, np.cumsum(following[rising])]
    staying = np.arange(max(0, stage.places - len(rising)), min(stage.places, len(capped)) + 1)
    cost = base + floors[staying] + rises[stage.places - staying]
    held = np.maximum(0, cost - stage.budget).astype(np.int64)
    for number in np.unique(staying + held):
        settled: list[np.ndarray] = []
        onward = None
        for s, u in zip(staying, held, strict=True):
            if s + u == number and u == 0:
                groups = (*stage.groups, (capped, int(s))) if s else stage.groups
                onward = _Stage(required, rising, stage.places - int(s), stage.budget - int(floors[s]), groups)
            elif s + u == number:
                start = _with_groups(plan, stage, cells)
                start[required] = np.minimum(following, cells.high)[required]
                start[capped[:s]] = cells.high[capped[:s]]
                settled += _exchanges(start, rising, stage.places - int(s), int(u), steps, following, required, cells)
        if settled or onward is not None:
            return settled, onward
    raise AssertionError("the level is reached by no plan")


def _exchanges(
    start: np.ndarray,
    rising: np.ndarray,
    places: int,
    held: int,
    steps: np.ndarray,
    following: np.ndarray,
    required: np.ndarray,
    cells: _Cells,
) -> Iterator[np.ndarray]:
    """Fund the cheapest of the rising cells and hold some of all cells back by a step, as is best; one plan for each split of a tie.

    Cells that cost the same are either above the level anyway, or could be held at it. The latter have one scale, so that need
    alone ranks them. For a given number of the former the best choice is a sort each: by coverage, need, place.
    """
    last = following[rising[places - 1]] if places else 0
    sure, tied = rising[following[rising] < last], rising[following[rising] == last]
    above, at = tied[steps[tied] == last], tied[steps[tied] < last]
    above = above[np.lexsort((-cells.need[above], -_tied(cells.reach(last, above))))]
    at = at[np.argsort(-cells.need[at], kind="stable")]
    places -= len(sure)
    for number in range(max(0, places - len(at)), min(places, len(above)) + 1):
        funded = np.r_[required, sure, above[:number], at[: places - number]]
        could = np.sort(funded[steps[funded] < np.minimum(following, cells.high)[funded]])
        if held <= len(could):
            rank = _tied(cells.reach(following[could], could))
            back = could[np.lexsort((-could, cells.need[could], rank))[:held]]
            plan = start.copy()
            plan[funded] = np.minimum(following, cells.high)[funded]
            plan[back] = steps[back]
            yield plan


def _with_groups(plan: np.ndarray, stage: _Stage, cells: _Cells) -> np.ndarray:
    """Fund the cheapest cells of each group at its cap: where money is short, no others can be."""
    plan = plan.copy()
    for group, number in stage.groups:
        plan[group[:number]] = cells.high[group[:number]]
    return plan


def _left_over(plan: np.ndarray, stage: _Stage, cells: _Cells, deadline: float) -> tuple[np.ndarray, bool]:
    """Every funded cell is at its cap: choose those of the groups that reach most, with the money that is left."""
    plan = _with_groups(plan, stage, cells)
    plan[stage.required] = cells.high[stage.required]
    if not stage.groups:
        return plan, True
    left = stage.budget - int(cells.high[stage.required].sum())
    sites = np.concatenate([group for group, _ in stage.groups])
    wanted = [
        group[np.lexsort((group, cells.high[group], -cells.need[group]))[:number]] for group, number in stage.groups
    ]
    cheapest = np.concatenate([group[:number] for group, number in stage.groups])
    money, chosen = left + cells.high[cheapest].sum(), np.concatenate(wanted)
    proven = True
    if cells.high[chosen].sum() > money:  # a knapsack, after all
        costs, needs = cells.high[sites].astype(float), cells.need[sites]
        worth = needs * curves.response(cells.reach(costs, sites), cells.response)
        member = np.array([np.isin(sites, group) for group, _ in stage.groups], dtype=float)
        counts = np.array([number for _, number in stage.groups], dtype=float)
        one, rows = np.ones(len(sites)), np.r_[member, costs[None]]
        program = _Program(0 * one, one, one, rows, np.r_[counts, 0.0], np.r_[counts, money])
        answer, proven = program.most(worth, costs, deadline)
        chosen = cheapest
        if answer is not None:
            chosen = _earliest(sites, answer > 0.5, np.r_[rows, needs[None]])
    plan[sites] = 0
    plan[chosen] = cells.high[chosen]
    return plan, proven


def _earliest(sites: np.ndarray, chosen: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Choose the earlier sites where the solver chose others with the same columns of `alike`."""
    _, kind = np.unique(alike, axis=1, return_inverse=True)
    firsts, wanted = np.lexsort((sites, kind)), np.lexsort((sites, ~chosen, kind))
    return sites[firsts[chosen[wanted]]]


# --- rules that cross ---------------------------------------------------------------------------------------------


SCALE = 1e4
"""Objective in the solver's numbers, so that its absolute tolerances (1e-6) lie far below 1e-9 of the objective."""


class _Program(NamedTuple):
    """A mixed-integer programme without its objective."""

    lower: np.ndarray
    upper: np.ndarray
    whole: np.ndarray
    rows: Any
    least: np.ndarray
    greatest: np.ndarray

    def run(self, objective: np.ndarray, deadline: float) -> Any:
        """Find the greatest value of an objective."""
        rows = self.rows, self.least, self.greatest
        return crossing.least(-objective, self.whole, (self.lower, self.upper), rows, deadline)

    def most(self, worth: np.ndarray, cost: np.ndarray, deadline: float) -> tuple[np.ndarray | None, bool]:
        """Find the most worth, then the least cost at which it is reached; and whether that is proven."""
        from scipy.sparse import csr_array, vstack

        worth = worth * (SCALE / max(worth.sum(), 1e-300))
        first = self.run(worth, deadline)
        if first.x is None or first.status != 0:
            return first.x, False
        reached = math.fsum(worth * np.rint(first.x))
        kept = self._replace(
            rows=vstack([csr_array(self.rows), csr_array(worth[None])]),
            least=np.r_[self.least, reached * (1 - TIE)],
            greatest=np.r_[self.greatest, math.inf],
        )
        second = kept.run(-cost, deadline)
        # The solver keeps a row to 1e-6 only: what it saves must not be at the cost of worth.
        good = second.x is not None and math.fsum(worth * np.rint(second.x)) >= reached * (1 - TIE)
        return (second.x if good else first.x), True


def _crossing(rules: crossing.Model, cells: _Cells, deadline: float) -> Answer:
    """Rise from level to level; `wanted` holds what every plan that is as good so far keeps: a level, and how many cells reach it."""
    counted = np.flatnonzero(rules.may & (cells.need > 0))
    n, sites, start = rules.n, len(counted), 2 * rules.n
    wanted: list[tuple[float, int]] = []
    found = _levels(rules, cells, counted, [(cells.low[counted], 0)], None).run(_last(start + sites, sites), deadline)
    if found.status != 0:
        return Answer(None if found.x is None else _whole(found.x, n), False)
    best = _raised(found.x, rules, cells, counted)
    below = sites - int((best[counted] > 0).sum())
    while below < sites:
        reached = cells.reach(best)[counted]
        level = float(np.sort(reached)[below])
        here = [*wanted, (level, sites - below)]
        steps = [(cells.least(at, counted), number) for at, number in here]
        above = cells.beyond(level, counted)
        passed = int((reached > level * (1 + TIE)).sum())
        # Asked for a plan with more cells above that spends least, the solver finds out soonest that there is none.
        program = _levels(rules, cells, counted, [*steps, (above, passed + 1)], None)
        found = program.run(-_first(len(program.lower), n), deadline)
        if found.status == 2:
            wanted, below = here, sites - passed
            continue
        if found.status != 0:
            return Answer(best, False)
        other = _raised(found.x, rules, cells, counted)
        if _order(cells, other, best) <= 0:  # a claim that rests on the solver's tolerance
            return Answer(best, False)
        best, passed = other, int((cells.reach(other)[counted] > level * (1 + TIE)).sum())
        if passed < sites - below:  # more can pass it, but not all: ask again
            continue
        # All can: as high as they can at once, then look again from there.
        top = float(np.sort(cells.reach(cells.high)[counted])[below])
        program = _levels(rules, cells, counted, [*steps, (above, passed)], top)
        found = program.run(_last(len(program.lower), 1), deadline)
        if found.status != 0:
            return Answer(best, False)
        other = _raised(found.x, rules, cells, counted)
        best = other if _order(cells, other, best) > 0 else best
    program = _levels(rules, cells, counted, [(cells.least(at, counted), number) for at, number in wanted], None)
    gains = np.diff(curves.response(np.array([at for at, _ in wanted]), cells.response), prepend=0.0)
    worth = np.r_[np.zeros(start), (gains[:, None] * cells.need[counted]).ravel()]
    answer, proven = program.most(worth, _first(len(worth), n), deadline)
    last = best if answer is None else _whole(answer, n)
    return Answer(last, proven) if _order(cells, last, best) == 0 else Answer(best, False)


def _first(columns: int, number: int) -> np.ndarray:
    """Objective: the sum of the first columns."""
    return np.r_[np.ones(number), np.zeros(columns - number)]


def _last(columns: int, number: int) -> np.ndarray:
    """Objective: the sum of the last columns."""
    return np.r_[np.zeros(columns - number), np.ones(number)]


def _whole(x: np.ndarray, n: int) -> np.ndarray:
    return np.rint(x[:n]).astype(np.int64)


def _levels(
    rules: crossing.Model, cells: _Cells, counted: np.ndarray, wanted: list[tuple[np.ndarray, int]], top: float | None
) -> _Program:
    """State the rules, and for each level a yes or no z of each cell that counts, of which so many must be yes.

    A cell with z has the least steps of the level: ``x >= low y + sum of (least - least one level below) z``, and z only where it
    has z one level below (the first: y). With `top`, a last column t is to be raised, which all cells with the last z reach.
    """
    from scipy.sparse import csr_array

    n, sites, start = rules.n, len(counted), 2 * rules.n
    width = start + sites * len(wanted) + (top is not None)
    one, each = np.ones(sites), np.arange(sites)
    upper = np.concatenate([rules.high * rules.may, rules.may, np.ones(width - start)])
    old = rules.rows.tocoo()
    entries, least, greatest = [(old.row, old.col, old.data)], [rules.least], [rules.most]

    def add(terms: list[tuple[np.ndarray, np.ndarray]], row: np.ndarray, lower: float, higher: float) -> None:
        first = sum(map(len, least))
        entries.extend((first + row, columns, values) for columns, values in terms)
        least.append(np.full(row[-1] + 1, lower))
        greatest.append(np.full(row[-1] + 1, higher))

    steps, before = cells.low[counted].astype(float), n + counted
    terms = [(counted, one), (before, -steps)]
    for level, (there, number) in enumerate(wanted if sites else []):
        z, can = start + level * sites + each, np.isfinite(there)
        upper[z] = can
        terms.append((z, np.where(can, steps - there, 0.0)))
        steps = np.where(can, there, steps)
        add([(z, one), (before, -one)], each, -math.inf, 0.0)
        add([(z, one)], np.zeros(sites, dtype=np.int64), number, math.inf)
        before = z
    if sites:
        add(terms, each, 0.0, math.inf)
    if top is not None:  # in parts of the top, so that the solver's tolerances fit
        t = np.full(sites, width - 1)
        add([(counted, cells.ratio[counted] / top), (before, -one), (t, -one)], each, -1.0, math.inf)
    row, column, value = (np.concatenate(part) for part in zip(*entries, strict=True))
    rows = csr_array((value, (row, column)), shape=(sum(map(len, least)), width))
    whole = np.ones(width)
    if top is not None:
        whole[-1] = 0
    lower = np.concatenate([np.zeros(n), rules.must, np.zeros(width - 2 * n)])
    return _Program(lower, upper, whole, rows, np.concatenate(least), np.concatenate(greatest))


def _raised(x: np.ndarray, rules: crossing.Model, cells: _Cells, counted: np.ndarray) -> np.ndarray:
    """Give single steps to the least covered cell that rules let rise, as long as there is one; a cell that may not is left there.

    Spares calls of the solver, and proves nothing: other exchanges may be better.
    """
    steps = _whole(x, rules.n)
    columns, used = rules.rows.tocsc(), rules.rows @ np.r_[steps, steps > 0]
    queue = [(float(cells.ratio[i] * steps[i]), int(i)) for i in counted if steps[i] > 0]
    heapq.heapify(queue)
    for _ in range(MOST_RAISES):
        if not queue:
            break
        _, i = heapq.heappop(queue)
        part = slice(columns.indptr[i], columns.indptr[i + 1])
        at, more = columns.indices[part], columns.data[part]
        new = used[at] + more
        if steps[i] < cells.high[i] and (new <= rules.most[at] + 1e-9).all() and (new >= rules.least[at] - 1e-9).all():
            steps[i] += 1
            used[at] = new
            heapq.heappush(queue, (float(cells.ratio[i] * steps[i]), i))
    return steps
