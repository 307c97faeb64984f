r"""The exact close where limits cross: tangent cuts on the curves, by mixed-integer programming.

Limits by partner and district tie sites together in more than one way, so that prices alone do not prove a plan. The problem is
then stated with whole steps x_i, a yes or no y_i for each site, and a value v_i below every line that lies above its curve:

    v_i <= y_i * (f_i(a) - g_i(a) * a) + g_i(a) * x_i,      g_i(a) = f_i(a + 1) - f_i(a)

This is the perspective of the curve's chord through a and a + 1 (Frangioni & Gentile 2006, Mathematical Programming 106), which
holds for every whole number of steps because the curve is concave, and is exact at a and a + 1. The first chords are placed
at the floor, the cap and where the prices alone would put the site; more are added where the answer's v lies above its curve,
until none does (Kelley 1960, J. SIAM 8). On and off are variables of their own: semi-continuous ones are not trusted.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import numpy as np

from quartier.plan import Limits, Shared
from quartier.prices import Problems

SCALE = 1e4
"""Objective in the solver's numbers, so that its absolute tolerances (1e-6) lie far below 1e-9 of the objective."""

MOST_ROUNDS = 60


class Answer(NamedTuple):
    """Steps (n,), an upper bound on every plan's objective; steps are None where none were found."""

    steps: np.ndarray | None
    bound: float


def possible(rules: Limits, fewest: int, most: int, shared: list[Shared]) -> bool:
    """Say whether any plan keeps all rules and shared limits."""
    # No plan needs more at a site than its floor and all that groups ask for: keeps the solver's numbers small.
    asked = int(sum(one.least_steps for one in shared))
    high = np.minimum(rules.high, np.minimum(rules.budget, rules.low + asked))
    budget = int(min(rules.budget, high.sum()))
    may = rules.fundable & (rules.low <= high)
    model = _Model(rules.low, np.maximum(high, rules.low), rules.committed, may, budget, fewest, most, shared)
    return model.run(np.zeros(3 * model.n), [], math.inf).x is not None


def solve(problems: Problems, shared: list[Shared], start: np.ndarray, deadline: float = math.inf) -> Answer:
    """Solve the first row with limits that cross; some plan keeps them all.

    Parameters
    ----------
    problems : Problems
        One row.
    shared : list of Shared
        Besides budget and places.
    start : ndarray
        (n,) steps around which the first chords are placed.
    deadline : float
        Time (`time.monotonic`) after which the best plan so far is given with its bound.
    """
    one = problems._replace(**{name: getattr(problems, name)[0] for name in problems._fields[1:]})
    may = one.committed | one.optional
    model = _Model(one.low, one.high, one.committed, may, int(one.budget), int(one.fewest), int(one.most), shared)
    top = float(one.value(one.high).sum())
    unit = SCALE / top if top > 0 else 1.0
    chords = {
        (i, int(a)) for i in range(model.n) for a in _first_chords(int(one.low[i]), int(one.high[i]), int(start[i]))
    }
    best, reached, bound = None, -math.inf, math.inf
    for _ in range(MOST_ROUNDS):
        objective = np.concatenate([np.zeros(2 * model.n), -np.ones(model.n)])
        found = model.run(objective, [_chord(one, i, a, unit) for i, a in sorted(chords)], deadline - time.monotonic())
        if found.mip_dual_bound is not None and math.isfinite(found.mip_dual_bound):
            bound = min(bound, -found.mip_dual_bound / unit)
        if found.x is None:
            break
        steps = np.rint(found.x[: model.n]).astype(np.int64)
        value = np.where(steps > 0, one.value(steps), 0.0)
        if math.fsum(value) > reached:
            best, reached = steps, math.fsum(value)
        above = found.x[2 * model.n :] / unit - value > 1e-11 * top
        new = {
            (int(i), int(a))
            for i in np.flatnonzero(above)
            for a in (steps[i] - 1, steps[i])
            if one.low[i] <= a < one.high[i]
        }
        if found.status != 0 or new <= chords:
            break
        chords |= new
    return Answer(best, max(bound, reached) if best is not None else bound)


def _first_chords(low: int, high: int, start: int) -> set[int]:
    spread = max(1, (high - low) // 6)
    wanted = (low, high - 1, start - spread, start - 1, start, start + spread)
    return {min(max(a, low), max(high - 1, low)) for a in wanted}


def _chord(problem: Problems, i: int, a: int, unit: float) -> np.ndarray:
    """Row of ``v - y (f(a) - g a) - g x <= 0``; where floor and cap are one, of ``v <= y f(a)``."""
    n, need, scale = len(problem.need), problem.need[i], problem.scale_eur[i]
    here, following = problem.curve.value(np.array([a, a + 1]), need, scale) * unit
    slope = following - here if problem.high[i] > problem.low[i] else 0.0
    row = np.zeros(3 * n)
    row[i], row[n + i], row[2 * n + i] = -slope, -(here - slope * a), 1.0
    return row


class _Model:
    """The rules as rows over the columns x, y, v of each site, in this order."""

    def __init__(
        self,
        low: np.ndarray,
        high: np.ndarray,
        must: np.ndarray,
        may: np.ndarray,
        budget: int,
        fewest: int,
        most: int,
        shared: list[Shared],
    ) -> None:
        self.n, self.high, self.must, self.may = len(low), high, must, may | must
        whole = Shared(np.ones(self.n, dtype=bool), 0, budget, fewest, most)
        none, eye = np.zeros(self.n), np.eye(self.n)
        rows, least, greatest = [], [], []
        for one in [whole, *shared]:
            rows += [np.concatenate([one.members, none]), np.concatenate([none, one.members])]
            least += [one.least_steps, one.least_sites]
            greatest += [one.most_steps, one.most_sites]
        rows += [*np.hstack([eye, -np.diag(high)]), *np.hstack([eye, -np.diag(low)])]
        least += [-math.inf] * self.n + [0.0] * self.n
        greatest += [0.0] * self.n + [math.inf] * self.n
        self.rows = np.hstack([np.array(rows), np.zeros((len(rows), self.n))])
        self.least, self.greatest = np.array(least, dtype=float), np.array(greatest, dtype=float)

    def run(self, objective: np.ndarray, chords: list[np.ndarray], seconds: float):  # type: ignore[no-untyped-def]
        """Call the solver once."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        upper, lower = self.may.astype(float), self.must.astype(float)
        bounds = Bounds(
            np.concatenate([np.zeros(self.n), lower, np.zeros(self.n)]),
            np.concatenate([self.high * upper, upper, np.full(self.n, math.inf if chords else 0.0)]),
        )
        constraints = [LinearConstraint(self.rows, self.least, self.greatest)]
        if chords:
            constraints.append(LinearConstraint(np.array(chords), -math.inf, 0.0))
        options: dict[str, float] = {"mip_rel_gap": 0.0}
        if math.isfinite(seconds):
            options["time_limit"] = max(seconds, 1e-3)
        kind = np.concatenate([np.ones(2 * self.n), np.zeros(self.n)])
        return milp(objective, integrality=kind, bounds=bounds, constraints=constraints, options=options)
