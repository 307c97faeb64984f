r"""The exact close where limits cross or years hang together: a price for each rule, then the proof over what is left.

Limits by partner and district, money carried over and limits on changes tie sites together in more than one way, so that one price
of a euro and one of a place do not prove a plan. The same two measures as in the kernel (`quartier.prices`) do it:

1. *Prices* (`_Chains.prices`). A site is looked at alone over its years (a chain of cells, each a site in a year): at a price for
   every rule that sites share, its best course of whole steps is found by dynamic programming, within floor, cap and change
   limits. The best prices come from a linear programme over the courses found so far, to which each site adds its best one
   until none is better (Dantzig & Wolfe 1960, Operations Research 8(1), 101-111). The sum of the sites' profits, plus the
   prices of what is there, bounds every plan from above (Lagrangian dual: Geoffrion 1974).
2. *Proof* (`solve`). Each course misses its site's best profit by a loss, and the losses of a plan add up to no more than its
   distance from the bound. So once the best plan made of all courses with a loss of at most d lies within d of the bound, no
   plan is better. Plans are made of courses by mixed-integer programming, one yes or no a course; d grows until it is enough.
"""

from __future__ import annotations

import copy
import itertools
import math
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quartier.plan import MOST_STEPS, ROUNDING, Limits, Shared, all_limits, single_years, year_share
from quartier.prices import Problems

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from quartier.data import Sites
    from quartier.scenario import Scenario

_OUT_OF_TIME = 1  # what scipy's milp says of a search that its time limit has ended

MOST_ROUNDS = 60
"""Most rounds of the search for prices; prices that are not the best ones only make the proof longer."""

MOST_COURSES = 3_000
"""Courses that are compared at a time while there is a cheaper way to a better plan."""

MANY_COURSES = 200_000
"""Courses that are compared at a time at all."""

SCALE = 1e3
"""Distance from the bound in the solver's numbers, so that its absolute tolerances (1e-6) are of no account."""


class Model(NamedTuple):
    """The rules as rows over the columns x (steps) and y (yes or no) of n cells."""

    low: np.ndarray  # (n,) steps
    high: np.ndarray  # (n,) steps
    must: np.ndarray  # (n,) bool
    may: np.ndarray  # (n,) bool
    rows: csr_array  # (r, 2 n)
    least: np.ndarray  # (r,)
    most: np.ndarray  # (r,)
    coupling: int  # rows that sites share; they come first
    changes: tuple[Change, ...]  # between cells of one site, in the other rows as well

    @property
    def n(self) -> int:
        """Count of the cells."""
        return len(self.low)


class Change(NamedTuple):
    """How much a site may get in a year, against the year before, if it is funded in both."""

    before: int  # cell
    after: int  # cell
    least_ratio: float
    most_ratio: float
    goes_on: bool  # may not end


class Answer(NamedTuple):
    """Steps (n,), an upper bound on every plan's objective; steps are None where none were found."""

    steps: np.ndarray | None
    bound: float


def rules_of(sites: Sites, scenario: Scenario, rank: np.ndarray | None = None, *, lean: bool = False) -> Model:
    """State the rules of a scenario over all its years; cell ``year * n + i`` is site ``rank[i]``.

    Parameters
    ----------
    sites, scenario
        Checked.
    rank : array, shape (n,), optional
        Order of the sites.
    lean : bool
        Leave out amounts that no plan needs: enough to say whether there is one, and keeps the solver's numbers small.
    """
    rank = np.arange(len(sites)) if rank is None else rank
    alone, changes = single_years(sites, scenario), []
    years = [all_limits(*year) for year in alone]
    if lean:
        asked = sum(one.least_steps for _, shared in years for one in shared)
        parts = min(year_share(*year).min(initial=1.0) for year in alone)
        enough = (np.max([np.minimum(rules.low, rules.high) for rules, _ in years], axis=0) + asked) / parts
        enough = np.ceil(np.minimum(enough, MOST_STEPS)).astype(np.int64)
        years = [(rules._replace(high=np.minimum(rules.high, enough)), shared) for rules, shared in years]
    if scenario.max_change_share is not None:
        share = scenario.max_change_share * (1 + ROUNDING)
        for year in range(1, scenario.years):
            grown = year_share(*alone[year]) / year_share(*alone[year - 1])
            for i, site in enumerate(rank):
                at = year * len(sites) + i
                ratios = max(0.0, 1 - share) * grown[site], (1 + share) * grown[site]
                changes.append(Change(at - len(sites), at, *ratios, goes_on=not scenario.may_end))
    ranked = [
        (
            Limits(rules.committed[rank], rules.fundable[rank], rules.low[rank], rules.high[rank], rules.budget),
            [one._replace(members=one.members[rank]) for one in shared],
        )
        for rules, shared in years
    ]
    return model(ranked, scenario.carry_limit_eur / scenario.step_eur * (1 + ROUNDING), changes)


def model(years: list[tuple[Limits, list[Shared]]], carry_steps: float = 0.0, changes: Sequence[Change] = ()) -> Model:
    """State the limits of some years, each with the same sites, as one model.

    Parameters
    ----------
    years : list of (Limits, list of Shared)
        Limits of each year; money and places are among the shared ones.
    carry_steps : float
        Most money, in steps, that a year may leave to the next.
    changes : sequence of Change
        Between cells; cell ``year * n + site``.
    """
    from scipy.sparse import csr_array

    low, high, must, may = (
        np.concatenate([np.asarray(getattr(rules, name)) for rules, _ in years])
        for name in ("low", "high", "committed", "fundable")
    )
    budget = sum(max(0, rules.budget) + 1 for rules, _ in years)
    may = (may | must) & (low <= high)
    high = np.where(may, np.minimum(high, budget), low)
    sites, n = len(years[0][0].low), len(low)
    parts: list[tuple[np.ndarray, np.ndarray]] = []
    least, most = [], []

    def add(columns: np.ndarray, values: np.ndarray, lower: float, upper: float) -> None:
        if math.isfinite(lower) or math.isfinite(upper):
            parts.append((columns, values))
            least.append(lower)
            most.append(upper)

    for year, (_, shared) in enumerate(years):
        for one in shared:
            cells = year * sites + np.flatnonzero(one.members)
            most_steps = math.inf if one.money else one.most_steps
            add(cells, np.ones(len(cells)), one.least_steps or -math.inf, most_steps)
            add(n + cells, np.ones(len(cells)), one.least_sites or -math.inf, one.most_sites)
    for some, money in _windows([[one for one in shared if one.money] for _, shared in years], carry_steps):
        cells = np.concatenate([year * sites + np.flatnonzero(one.members) for year, one in some])
        add(cells, np.ones(len(cells)), -math.inf, math.floor(money))
    coupling = len(parts)
    for i in range(n):
        add(np.array([i, n + i]), np.array([1.0, -float(high[i])]), -math.inf, 0.0)
        add(np.array([i, n + i]), np.array([1.0, -float(low[i])]), 0.0, math.inf)
    for change in changes:
        i, j = change.before, change.after
        top, floor = float(high[j]), change.least_ratio * float(high[i])
        if math.isfinite(change.most_ratio):
            add(np.array([j, i, n + i]), np.array([1.0, -change.most_ratio, top]), -math.inf, top)
        if floor > 0:
            add(np.array([j, i, n + j]), np.array([1.0, -change.least_ratio, -floor]), -floor, math.inf)
        if change.goes_on:
            add(np.array([n + j, n + i]), np.array([1.0, -1.0]), 0.0, math.inf)
    at = np.repeat(np.arange(len(parts)), [len(columns) for columns, _ in parts])
    columns, values = (np.concatenate(found) for found in zip(*parts, strict=True))
    rows = csr_array((values, (at, columns)), shape=(len(parts), 2 * n))
    return Model(low, high, must, may, rows, np.array(least), np.array(most), coupling, tuple(changes))


def _windows(years: list[list[Shared]], carry_steps: float) -> Iterator[tuple[list[tuple[int, Shared]], float]]:
    """Give limits on money, each on some years one after the other, and its steps.

    Money can be paid if and only if in all years from one to another no more is spent than these years have, and what may come
    into the first of them; the money of a year in turn has several limits where some is earmarked.
    """
    for first in range(len(years)):
        for last in range(first, len(years) if carry_steps else first + 1):
            for some in itertools.product(*years[first : last + 1]):
                money = math.fsum(one.most_steps for one in some) + (carry_steps if first else 0.0)
                yield list(enumerate(some, start=first)), money


def possible(rules: Model, deadline: float = math.inf) -> bool:
    """Say whether any plan keeps all rules; what is not known by the deadline counts as possible, for the search to say more."""
    if not (rules.low <= rules.high)[rules.must].all():
        return False
    found = _any(rules, deadline)
    return found.x is not None or found.status == _OUT_OF_TIME


def any_plan(rules: Model, deadline: float = math.inf) -> np.ndarray | None:
    """Give the steps of any plan that keeps all rules; None if there is none, or none was found in time."""
    found = _any(rules, deadline)
    return None if found.x is None else np.rint(found.x[: rules.n]).astype(np.int64)


def _any(rules: Model, deadline: float) -> Any:
    """Ask the solver for any plan."""
    upper = np.concatenate([rules.high * rules.may, rules.may])
    lower = np.concatenate([np.zeros(rules.n), rules.must])
    whole = np.ones(2 * rules.n)
    return least(np.zeros(len(whole)), whole, (lower, upper), (rules.rows, rules.least, rules.most), deadline)


def least(
    objective: np.ndarray,
    whole: np.ndarray,
    bounds: tuple[np.ndarray, np.ndarray],
    rows: tuple[Any, np.ndarray, np.ndarray],
    deadline: float = math.inf,
) -> Any:
    """Call the mixed-integer solver for the least of an objective.

    Parameters
    ----------
    objective, whole : ndarray
        (v,) cost of each variable, and whether it is a whole number.
    bounds : tuple of ndarray
        Least and most of each variable.
    rows : tuple
        Matrix, and least and most of each of its rows.
    deadline : float
        Time (`time.monotonic`) after which the best found so far is given.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_array, diags_array

    # The solver keeps a row to 1e-6: numbers of up to one let whole numbers that are off by 1e-7 pass.
    matrix = csr_array(rows[0])
    largest = abs(matrix).max(axis=1).toarray().ravel()
    unit = 1.0 / np.where(largest > 0, largest, 1.0)
    options: dict[str, float] = {"mip_rel_gap": 0.0}
    if math.isfinite(deadline):
        options["time_limit"] = max(deadline - time.monotonic(), 1e-3)
    constraints = LinearConstraint(diags_array(unit) @ matrix, rows[1] * unit, rows[2] * unit)
    return milp(objective, integrality=whole, bounds=Bounds(*bounds), constraints=constraints, options=options)


def solve(problem: Problems, rules: Model, start: np.ndarray, deadline: float = math.inf) -> Answer:
    """Find the best plan; some plan keeps all rules.

    Parameters
    ----------
    problem : Problems
        One row: what the cells are worth.
    rules : Model
        What may be.
    start : ndarray
        (n,) steps around which the search for prices begins.
    deadline : float
        Time (`time.monotonic`) after which the best plan so far is given with its bound.
    """
    steps = any_plan(rules, deadline)
    if steps is None:
        return Answer(None, math.inf)
    root = _Chains(problem, rules)
    search = _Search(rules, deadline, steps, root.worth(steps))
    search.look(root, _Courses(root, root.first(start)))
    return search.run()


class _Part(NamedTuple):
    """Some of all plans: those in which some cells are funded and some are not."""

    chains: _Chains
    courses: _Courses
    dual: _Dual
    funded: np.ndarray  # (n,) share in which each cell is funded at the prices


class _Search:
    """Branch and bound: parts of all plans, the one with the greatest bound first (Land & Doig 1960, Econometrica 28)."""

    def __init__(self, rules: Model, deadline: float, best: np.ndarray, reached: float) -> None:
        self.rules, self.deadline, self.best, self.reached = rules, deadline, best, reached
        self.open: list[_Part] = []

    def run(self) -> Answer:
        """Give the best plan, and what no plan exceeds."""
        while self.open:
            part = max(self.open, key=lambda one: one.dual.bound)
            if part.dual.bound <= self.reached + self._tie(part):
                self.open.clear()
                break
            if time.monotonic() > self.deadline:
                break
            self.open.remove(part)
            cell = self._undecided(part)
            if cell is not None:
                for funded in (True, False):
                    chains = part.chains.decided(cell, funded)
                    self.look(chains, _Courses(chains, [(part.courses.chain, part.courses.steps)]))
            elif not self._close(part):
                self.open.append(part)
                break
        bounds = [part.dual.bound for part in self.open]
        return Answer(self.best, max([*bounds, self.reached]))

    def look(self, chains: _Chains, courses: _Courses) -> None:
        """Find prices for a part of the plans, and keep it if it may hold a better one."""
        dual, funded = chains.prices(courses, self.reached, self.deadline)
        part = _Part(chains, courses, dual, funded)
        if dual.bound > self.reached + self._tie(part):
            self.open.append(part)
            if self._half(part) is None:  # the courses found on the way make a good plan
                self._improve(part, courses)

    def _tie(self, part: _Part) -> float:
        return 1e-12 * abs(part.dual.bound)

    def _allowed(self, part: _Part) -> float:
        """Loss that a course of a better plan may have at most."""
        return part.dual.bound - self.reached + self._tie(part)

    def _improve(self, part: _Part, courses: _Courses) -> bool:
        """Take the best plan made of some courses, if there is one; say whether it is known to be their best."""
        steps, proven = _best_plan(courses, part.dual, self.rules, self.deadline, part.dual.bound - self.reached)
        if steps is not None and part.chains.worth(steps) > self.reached:
            self.best, self.reached = steps, part.chains.worth(steps)
        return proven

    def _half(self, part: _Part) -> int | None:
        """Cell that the prices fund most nearly by half, if there is one that they fund in part."""
        away = np.abs(part.funded - 0.5)
        return int(away.argmin()) if away.min(initial=0.5) < 0.5 - 1e-6 else None

    def _undecided(self, part: _Part) -> int | None:
        """Cell to decide on: one that the prices fund in part; else, if courses are too many, one for which there are both."""
        half = self._half(part)
        if half is not None:
            return half
        if part.chains.within(part.dual, self._allowed(part), MOST_COURSES) is not None:
            return None
        courses = part.chains.within(part.dual, self._allowed(part), MANY_COURSES)
        if courses is None or len(courses.chain) <= MOST_COURSES:
            return None
        cells, some = part.chains.cells[courses.chain], courses.steps > 0
        on, off = (np.bincount(cells[which], minlength=self.rules.n) for which in (some, ~some))
        both = np.minimum(on, off)
        return int(both.argmax()) if both.max() > 0 else None

    def _close(self, part: _Part) -> bool:
        """Compare all plans of a part that may be better than the best one; say whether that was done."""
        allowed = self._allowed(part)
        while allowed > self._tie(part) and part.chains.within(part.dual, allowed, MOST_COURSES) is None:
            allowed /= 4
        while time.monotonic() < self.deadline:
            courses = part.chains.within(part.dual, allowed, MANY_COURSES)
            if courses is None or not self._improve(part, courses):
                return False
            if self._allowed(part) <= allowed:
                return True
            allowed = min(4 * allowed, self._allowed(part))
        return False


class _Dual(NamedTuple):
    """Prices of the rules that sites share, and what they prove."""

    price: np.ndarray  # (r,) of the upper ends; below 0 where the lower end binds
    bound: float
    best: np.ndarray  # (c,) greatest profit of each chain


class _Courses:
    """Courses of steps that chains may take."""

    def __init__(self, chains: _Chains, found: list[tuple[np.ndarray, np.ndarray]]) -> None:
        """Take pairs of chains (m,) and their steps (m, years); what a chain may not do is left out."""
        self.chains = chains
        self._take(found)

    def add(self, chain: np.ndarray, steps: np.ndarray) -> bool:
        """Take some more; say whether any is new."""
        before = len(self.chain)
        self._take([(self.chain, self.steps), (chain, steps)])
        return len(self.chain) > before

    def _take(self, found: list[tuple[np.ndarray, np.ndarray]]) -> None:
        chains = self.chains
        both = np.unique(np.concatenate([np.column_stack([chain, steps]) for chain, steps in found]), axis=0)
        cells = chains.cells[both[:, 0]]
        worth = chains.value[cells, np.where(both[:, 1:] > 0, both[:, 1:] - chains.low[cells] + 1, 0)].sum(axis=1)
        fits = np.isfinite(worth)
        self.chain, self.steps, self.worth, cells = both[fits, 0], both[fits, 1:], worth[fits], cells[fits]
        # What a course takes of each shared rule: (r, m).
        self.takes = sum(
            chains.of_steps[:, cells[:, t]] * self.steps[:, t]
            + chains.of_places[:, cells[:, t]] * (self.steps[:, t] > 0)
            for t in range(cells.shape[1])
        )


class _Chains:
    """What each site may do over the years in which one amount depends on the last, and what that is worth."""

    def __init__(self, problem: Problems, rules: Model) -> None:
        self.rules, n, count = rules, rules.n, rules.coupling
        # Without limits on changes each cell is a chain of its own.
        self.after = {one.before: one for one in rules.changes}
        heads = sorted(set(range(n)) - {one.after for one in rules.changes})
        cells = [[head] for head in heads]
        for chain in cells:
            while chain[-1] in self.after:
                chain.append(self.after[chain[-1]].after)
        self.cells = np.array(cells)
        self.low = rules.low
        width = int(np.max(np.where(rules.may, rules.high - rules.low + 1, 1), initial=1))
        self.amounts = rules.low[:, None] + np.arange(width)  # (n, width), of a funded cell
        worth = problem.curve.value(self.amounts, problem.need[0][:, None], problem.scale_eur[0][:, None])
        fits = rules.may[:, None] & (self.amounts <= rules.high[:, None])
        none = np.where(rules.must, -np.inf, 0.0)[:, None]
        self.value = np.hstack([none, np.where(fits, worth, -np.inf)])  # (n, 1 + width): nothing, or from the floor on
        dense = rules.rows[np.arange(count)].toarray()
        self.of_steps, self.of_places = dense[:, :n], dense[:, n:]
        self.least, self.most = rules.least[:count], rules.most[:count]
        self.windows = [self._window(cells) for cells in self.cells.T[:-1]]
        self.goes_on = [np.array([self.after[int(cell)].goes_on for cell in cells]) for cells in self.cells.T[:-1]]

    def _window(self, before: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """First and last index (1: the floor) of the next year that each amount allows; none where the first is above the last."""
        change = [self.after[int(cell)] for cell in before]
        after = np.array([one.after for one in change])
        least, most = (
            np.array([getattr(one, end) for one in change])[:, None] for end in ("least_ratio", "most_ratio")
        )
        low, high = self.rules.low[after][:, None], self.rules.high[after][:, None]
        first = np.maximum(np.ceil(self.amounts[before] * least - 1e-9), low) - low + 1
        last = np.minimum(np.floor(self.amounts[before] * most + 1e-9), high) - low + 1
        return first.astype(np.int64), last.astype(np.int64)

    def worth(self, steps: np.ndarray) -> float:
        """Value of a plan."""
        index = np.where(steps > 0, steps - self.low + 1, 0)
        return math.fsum(self.value[np.arange(len(steps)), index])

    def decided(self, cell: int, funded: bool) -> _Chains:
        """Give the same with a cell that must be funded, or may not be."""
        other = copy.copy(self)
        other.value = self.value.copy()
        other.value[cell, slice(0, 1) if funded else slice(1, None)] = -np.inf
        return other

    def first(self, start: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
        """Courses to begin with: the floor, the cap and some amounts between, in all years the same share of the way."""
        here = (np.clip(start, self.rules.low, self.rules.high) - self.rules.low) / np.maximum(
            self.rules.high - self.rules.low, 1
        )
        profits = []
        for part in (-0.2, -0.05, 0.0, 0.05, 0.2):
            aim = np.rint((self.rules.high - self.rules.low) * np.clip(here + part, 0, 1)).astype(np.int64)
            # A profit that falls with the distance from the aim: the course of greatest profit is one near it that is allowed.
            away = np.abs(np.arange(self.amounts.shape[1]) - aim[:, None]).astype(float)
            profits.append(np.where(np.isfinite(self.value), np.hstack([np.full((len(aim), 1), -1e6), -away]), -np.inf))
        return [(np.arange(len(self.cells)), self._course(self._to_go(profit))) for profit in profits]

    # --- prices ---

    def profit(self, price: np.ndarray) -> np.ndarray:
        """Profit of each amount of each cell, (n, 1 + width)."""
        per_step, per_place = price @ self.of_steps, price @ self.of_places
        profit = self.value.copy()
        profit[:, 1:] -= self.amounts * per_step[:, None] + per_place[:, None]
        return profit

    def _to_go(self, profit: np.ndarray) -> list[np.ndarray]:
        """For each year (c, 1 + width): the greatest profit from this year on, by the amount of this year."""
        to_go = [profit[self.cells[:, -1]]]
        for year in range(len(self.windows) - 1, -1, -1):
            then, (first, last) = to_go[0], self.windows[year]
            nothing = np.where(self.goes_on[year][:, None], -np.inf, then[:, :1])
            funded = np.maximum(_greatest(then[:, 1:], first - 1, last - 1), nothing)
            to_go.insert(0, profit[self.cells[:, year]] + np.hstack([then.max(axis=1, keepdims=True), funded]))
        return to_go

    def _allowed(self, year: int, chain: np.ndarray, index: np.ndarray) -> np.ndarray:
        """Say which amounts of the next year may follow some amounts, (m, 1 + width)."""
        places = np.arange(self.value.shape[1])
        at = np.maximum(index - 1, 0)
        first, last = (end[chain, at][:, None] for end in self.windows[year])
        funded = np.where(places == 0, ~self.goes_on[year][chain][:, None], (places >= first) & (places <= last))
        return np.where((index > 0)[:, None], funded, True)

    def _course(self, to_go: list[np.ndarray]) -> np.ndarray:
        """Steps (c, years) of the greatest profit."""
        chain = np.arange(len(self.cells))
        index = [to_go[0].argmax(axis=1)]
        for year in range(len(self.windows)):
            allowed = self._allowed(year, chain, index[-1])
            index.append(np.where(allowed, to_go[year + 1], -np.inf).argmax(axis=1))
        return self._steps(chain, np.array(index).T)

    def _steps(self, chain: np.ndarray, index: np.ndarray) -> np.ndarray:
        return np.where(index > 0, self.low[self.cells[chain]] + index - 1, 0)

    def dual(self, price: np.ndarray) -> tuple[_Dual, np.ndarray]:
        """Give the bound that prices prove, and the best course of each chain."""
        to_go = self._to_go(self.profit(price))
        best = to_go[0].max(axis=1)
        over, under = np.maximum(price, 0.0), np.maximum(-price, 0.0)
        there = math.fsum(over[over > 0] * self.most[over > 0]) - math.fsum(under[under > 0] * self.least[under > 0])
        return _Dual(price, math.fsum(best) + there, best), self._course(to_go)

    def prices(self, courses: _Courses, enough: float, deadline: float) -> tuple[_Dual, np.ndarray]:
        """Give the prices with the least bound, or one that is low enough, and the share in which each cell is funded at them.

        The courses grow by those that are best on the way.
        """
        from scipy.optimize import linprog
        from scipy.sparse import csr_array

        upper, lower = np.isfinite(self.most), np.isfinite(self.least)
        finite = np.where(np.isfinite(self.value), np.abs(self.value), 0.0)
        penalty = 2 * float(finite.max(initial=1e-300))
        found = self.dual(np.zeros(len(self.most)))[0]
        r, c = int(upper.sum() + lower.sum()), len(self.cells)
        funded = np.zeros(self.rules.n)
        for _ in range(MOST_ROUNDS):
            m = len(courses.chain)
            rows = np.hstack([np.vstack([courses.takes[upper], -courses.takes[lower]]), -np.eye(r)])
            once = csr_array((np.ones(m), (courses.chain, np.arange(m))), shape=(c, m + r))
            master = linprog(
                np.concatenate([-courses.worth / penalty, np.ones(r)]),
                A_ub=rows,
                b_ub=np.concatenate([self.most[upper], -self.least[lower]]),
                A_eq=once,
                b_eq=np.ones(c),
                bounds=np.column_stack([np.zeros(m + r), np.concatenate([np.ones(m), np.full(r, np.inf)])]),
                method="highs",
            )
            if master.x is None:
                break
            funded = np.zeros(self.rules.n)
            np.add.at(funded, self.cells[courses.chain], master.x[:m, None] * (courses.steps > 0))
            price = np.zeros(len(self.most))
            marginals = -np.minimum(master.ineqlin.marginals, 0.0) * penalty
            price[upper] += marginals[: upper.sum()]
            price[lower] -= marginals[upper.sum() :]
            dual, steps = self.dual(price)
            found = min(found, dual, key=lambda one: one.bound)
            done = found.bound <= max(enough, -master.fun * penalty + 1e-9 * abs(found.bound))
            if not courses.add(np.arange(c), steps) or done or time.monotonic() > deadline:
                break
        return found, funded

    # --- courses with little loss ---

    def within(self, dual: _Dual, allowed: float, most: float = math.inf) -> _Courses | None:
        """Give all courses that miss the greatest profit of their chain by no more than is allowed; None if they are too many."""
        profit = self.profit(dual.price)
        to_go = self._to_go(profit)
        chain, first = np.nonzero(dual.best[:, None] - to_go[0] <= allowed)
        index, so_far = first[:, None], profit[self.cells[chain, 0], first]
        for year in range(len(self.windows)):
            if len(chain) > most:
                return None
            follows = self._allowed(year, chain, index[:, -1])
            ahead = so_far[:, None] + to_go[year + 1][chain]
            row, then = np.nonzero(follows & (dual.best[chain][:, None] - ahead <= allowed))
            chain, index = chain[row], np.column_stack([index[row], then])
            so_far = so_far[row] + profit[self.cells[chain, year + 1], then]
        return None if len(chain) > most else _Courses(self, [(chain, self._steps(chain, index))])


def _greatest(values: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
    """Greatest of values[row, first..last] for each entry; -inf where there is none (sparse table: Bender & Farach-Colton 2000)."""
    width = values.shape[1]
    levels = [values]
    while 2 ** len(levels) <= width:
        half = 2 ** (len(levels) - 1)
        levels.append(np.maximum(levels[-1][:, :-half], levels[-1][:, half:]))
    found, row = np.full(first.shape, -np.inf), np.arange(len(values))[:, None]
    length = last - first + 1
    level = np.floor(np.log2(np.maximum(length, 1))).astype(np.int64)
    for at, table in enumerate(levels):
        here = (length > 0) & (level == at)
        if here.any():
            end = np.minimum(np.maximum(last - 2**at + 1, 0), table.shape[1] - 1)
            begin = np.clip(first, 0, table.shape[1] - 1)
            found = np.where(here, np.maximum(table[row, begin], table[row, end]), found)
    return found


def _best_plan(
    courses: _Courses, dual: _Dual, rules: Model, deadline: float, distance: float
) -> tuple[np.ndarray | None, bool]:
    """Give the best plan made of some courses, and whether that is proven; None if there is none (then that is proven)."""
    from scipy.sparse import csr_array, vstack

    chains, m, c = courses.chains, len(courses.chain), len(courses.chains.cells)
    # The loss of a course and what it leaves of the priced rules, up to what is the same for all plans.
    missed = dual.best[courses.chain] - courses.worth
    unit = SCALE / min(max(distance, 1e-300), max(float(np.abs(missed).max(initial=0.0)), 1e-300))
    once = csr_array((np.ones(m), (courses.chain, np.arange(m))), shape=(c, m))
    found = least(
        missed * unit,
        np.ones(m),
        (np.zeros(m), np.ones(m)),
        (
            vstack([once, csr_array(courses.takes)]),
            np.concatenate([np.ones(c), chains.least]),
            np.concatenate([np.ones(c), chains.most]),
        ),
        deadline,
    )
    if found.x is None:
        return None, found.status == 2 or "infeasible" in found.message.lower()  # also "unbounded or infeasible"
    steps = np.zeros(rules.n, dtype=np.int64)
    for at in np.flatnonzero(found.x[:m] > 0.5):
        steps[chains.cells[courses.chain[at]]] = courses.steps[at]
    return steps, found.status == 0
