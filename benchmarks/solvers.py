"""The peers: each builds the model and gives back what solves it.

All exact ones state the same model, with x steps of money, y on or off and v the value of a site:

    maximise sum v,   sum x <= budget,   sum y <= places,   low y <= x <= high y,
    v <= gain x + start y   for each piece of the curve between neighbouring steps.

At whole steps the pieces meet the concave curve exactly, and `start y` instead of `start` (the perspective) makes the model as
tight as it can be without the budget. x needs no integrality of its own: for given sites the corners of the model are whole
steps, since all its breakpoints are. The other exact statement, one variable for each step, is `by_steps`.
"""

import contextlib
import io
import time
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.instance import Chords, Instance, chords, chords_at

GAP = 1e-9
"""Relative gap down to which a proof is asked for; the tolerance of quartier."""

Solve = Callable[[float], tuple[np.ndarray, str]]
"""Given a time limit in seconds: amounts in EUR, and what the peer says of them; "optimal" only if it says proven."""


class NoPlanError(Exception):
    """The peer ended without any plan."""


class Peer(NamedTuple):
    label: str
    modules: tuple[str, ...]
    packages: tuple[str, ...]
    build: Callable[[Instance], Solve]
    exact: bool = True  # asked for a proof
    most: int = 10_000  # sites; beyond, not tried


# --- quartier -----------------------------------------------------------------------------------------------------


def quartier(given: Instance) -> Solve:
    import pandas as pd

    import quartier as q

    frame = pd.DataFrame(
        {
            "site_id": [f"site-{at:07d}" for at in range(len(given.need))],
            "need": given.need,
            "status": "prospective",
            "scale_eur": given.scale_eur,
            "min_eur": given.min_eur,
            "max_eur": given.max_eur,
        }
    )
    sites = q.Sites.from_frame(frame)
    scenario = q.Scenario(budget_eur=given.budget * given.step_eur, max_sites=given.places, step_eur=given.step_eur)

    def solve(limit: float) -> tuple[np.ndarray, str]:
        plan = q.allocate(sites, scenario)
        return plan.amounts.to_numpy(), plan.outcome.name.lower()

    return solve


def kernel(given: Instance) -> Solve:
    from quartier import prices

    n = len(given.need)
    problem = prices.Problems(
        curve=prices.Curve(given.step_eur, "saturating", 0.0, 0.05),
        need=given.need[None],
        scale_eur=given.scale_eur[None],
        low=given.low[None],
        high=given.high[None],
        committed=np.zeros((1, n), dtype=bool),
        optional=np.ones((1, n), dtype=bool),
        budget=np.array([given.budget]),
        fewest=np.array([0]),
        most=np.array([given.places]),
    )

    def solve(limit: float) -> tuple[np.ndarray, str]:
        found = prices.solve(problem)
        gap = float((found.bound[0] - found.reached[0]) / abs(found.bound[0]))
        return found.steps[0] * given.step_eur, "optimal" if gap <= GAP else f"gap {gap:.1e}"

    return solve


# --- the model as a matrix ----------------------------------------------------------------------------------------


class Matrix(NamedTuple):
    """Minimise cost @ z, rows @ z <= upper, 0 <= z <= most."""

    cost: np.ndarray
    rows: Any  # scipy.sparse.csr_array
    upper: np.ndarray
    most: np.ndarray
    whole: np.ndarray  # bool


def by_chords(given: Instance, pieces: Chords, *, whole_steps: bool = False) -> Matrix:
    """Columns x, y, v."""
    from scipy import sparse

    n, at = len(given.need), np.arange(len(given.need))
    count = len(pieces.site)
    row = np.arange(count) + 2 * n + 2
    one = np.ones(n)
    entries = [
        (at, at, one), (at, n + at, -given.high.astype(float)),  # x <= high y
        (n + at, at, -one), (n + at, n + at, given.low.astype(float)),  # low y <= x
        (np.full(n, 2 * n), at, one), (np.full(n, 2 * n + 1), n + at, one),
        (row, 2 * n + pieces.site, np.ones(count)), (row, pieces.site, -pieces.gain), (row, n + pieces.site, -pieces.start),
    ]  # fmt: skip
    i, j, a = (np.concatenate(part) for part in zip(*entries, strict=True))
    upper = np.zeros(2 * n + 2 + count)
    upper[2 * n : 2 * n + 2] = given.budget, given.places
    return Matrix(
        cost=np.repeat([0.0, 0.0, -1.0], n),
        rows=sparse.csr_array((a, (i, j)), shape=(len(upper), 3 * n)),
        upper=upper,
        most=np.concatenate([given.high, one, given.value(given.high)]),
        whole=np.repeat([whole_steps, True, False], n),
    )


def by_steps(given: Instance, pieces: Chords, *, whole_steps: bool = False) -> Matrix:
    """Columns y, then one for each step above a site's floor."""
    from scipy import sparse

    n, at, count = len(given.need), np.arange(len(given.need)), len(pieces.site)
    step = n + np.arange(count)
    row = np.arange(count) + 2
    entries = [
        (np.zeros(n, dtype=int), at, given.low.astype(float)), (np.zeros(count, dtype=int), step, np.ones(count)),
        (np.ones(n, dtype=int), at, np.ones(n)),
        (row, step, np.ones(count)), (row, pieces.site, -np.ones(count)),
    ]  # fmt: skip
    i, j, a = (np.concatenate(part) for part in zip(*entries, strict=True))
    return Matrix(
        cost=-np.concatenate([given.value(given.low), pieces.gain]),
        rows=sparse.csr_array((a, (i, j)), shape=(count + 2, n + count)),
        upper=np.concatenate([[given.budget, given.places], np.zeros(count)]),
        most=np.ones(n + count),
        whole=np.concatenate([np.ones(n, dtype=bool), np.full(count, whole_steps)]),
    )


def amounts_of(given: Instance, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """EUR; the solvers' tolerance is rounded off, no more than that: the check would see it."""
    x, whole = np.asarray(x, dtype=float), np.rint(np.asarray(x, dtype=float))
    return np.where(np.asarray(y) > 0.5, np.where(np.abs(x - whole) < 1e-4, whole, x), 0.0) * given.step_eur


def amounts_of_steps(given: Instance, pieces: Chords, z: np.ndarray) -> np.ndarray:
    n = len(given.need)
    return amounts_of(given, given.low * np.rint(z[:n]) + np.bincount(pieces.site, z[n:], n), z[:n])


# --- HiGHS, as itself and through scipy ---------------------------------------------------------------------------


def highs_options(limit: float, gap: float = GAP) -> dict[str, float | int | bool]:
    return {"threads": 1, "mip_rel_gap": gap, "time_limit": limit, "output_flag": False}


def highs(model: Matrix, limit: float, gap: float = GAP) -> tuple[np.ndarray, str]:
    import highspy

    solver = highspy.Highs()
    for name, value in highs_options(limit, gap).items():
        solver.setOptionValue(name, value)
    given, rows = highspy.HighsLp(), model.rows
    given.num_col_, given.num_row_ = len(model.cost), len(model.upper)
    given.col_cost_, given.col_lower_, given.col_upper_ = model.cost, np.zeros(len(model.cost)), model.most
    given.row_lower_, given.row_upper_ = np.full(len(model.upper), -highspy.kHighsInf), model.upper
    given.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    given.a_matrix_.start_, given.a_matrix_.index_, given.a_matrix_.value_ = rows.indptr, rows.indices, rows.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    given.integrality_ = [kinds[whole] for whole in model.whole.tolist()]
    solver.passModel(given)
    solver.run()
    said = solver.getModelStatus()
    if not solver.getSolution().value_valid:
        raise NoPlanError(solver.modelStatusToString(said))
    proven = said == highspy.HighsModelStatus.kOptimal
    return np.array(solver.getSolution().col_value), "optimal" if proven else solver.modelStatusToString(said).lower()


def highspy_chords(given: Instance, *, gap: float = GAP, whole_steps: bool = False) -> Solve:
    model, n = by_chords(given, chords(given), whole_steps=whole_steps), len(given.need)

    def solve(limit: float) -> tuple[np.ndarray, str]:
        z, said = highs(model, limit, gap)
        return amounts_of(given, z[:n], z[n : 2 * n]), said

    return solve


def highspy_steps(given: Instance, *, whole_steps: bool = False) -> Solve:
    pieces = chords(given)
    model = by_steps(given, pieces, whole_steps=whole_steps)

    def solve(limit: float) -> tuple[np.ndarray, str]:
        z, said = highs(model, limit)
        return amounts_of_steps(given, pieces, z), said

    return solve


def milp(model: Matrix, limit: float) -> tuple[np.ndarray, str]:
    from scipy import optimize

    with contextlib.redirect_stderr(io.StringIO()):
        found = optimize.milp(
            model.cost,
            constraints=optimize.LinearConstraint(model.rows, ub=model.upper),
            bounds=optimize.Bounds(0, model.most),
            integrality=model.whole.astype(int),
            options={"mip_rel_gap": GAP, "time_limit": limit},
        )
    if found.x is None:
        raise NoPlanError(found.message)
    return found.x, "optimal" if found.status == 0 else "time limit"


def scipy_chords(given: Instance) -> Solve:
    model, n = by_chords(given, chords(given)), len(given.need)

    def solve(limit: float) -> tuple[np.ndarray, str]:
        z, said = milp(model, limit)
        return amounts_of(given, z[:n], z[n : 2 * n]), said

    return solve


def scipy_rounds(given: Instance) -> Solve:
    """As an expert would write it: few pieces first, more where the answer of the relaxed model lies, then on and off."""
    n = len(given.need)
    starts = (
        given.low + np.rint(part * (given.high - 1 - given.low)).astype(np.int64)
        for part in (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1)
    )
    first = joined([chords_at(given, at) for at in starts])

    def solve(limit: float) -> tuple[np.ndarray, str]:
        known, end, best, amounts, relaxed = first, time.perf_counter() + limit, -np.inf, None, True
        while (left := end - time.perf_counter()) > 0:
            model = by_chords(given, known)
            z, said = milp(model._replace(whole=np.zeros_like(model.whole)) if relaxed else model, left)
            x, y, v = z[:n], z[n : 2 * n], z[2 * n :]
            if not relaxed:
                steps = np.floor(amounts_of(given, x, y) / given.step_eur + 1e-9).astype(np.int64)
                value = float(given.value(steps).sum())
                if value > best:
                    best, amounts = value, steps * given.step_eur
                if said == "optimal" and v.sum() - best <= GAP * v.sum():
                    return amounts, "optimal"
            at = np.floor(x / np.maximum(y, 1e-9) + 1e-7).astype(np.int64)
            before = len(known.site)
            for place in (at, at - 1):  # both pieces that meet at the answer
                one = chords_at(given, place)
                broken = (y > 1e-7) & (v > one.gain * x + one.start * y + 1e-9 * np.abs(v))
                known = joined([known, Chords(*(part[broken] for part in one))])
            relaxed &= len(known.site) > before
        if amounts is None:
            raise NoPlanError("time limit")
        return amounts, "time limit"

    return solve


def joined(parts: list[Chords]) -> Chords:
    return Chords(*(np.concatenate(part) for part in zip(*parts, strict=True)))


# --- modelling languages ------------------------------------------------------------------------------------------


def pulp_cbc(given: Instance) -> Solve:
    import pulp

    n, pieces = len(given.need), chords(given)
    model = pulp.LpProblem("quartier", pulp.LpMaximize)
    x = [pulp.LpVariable(f"x{i}", 0, int(given.high[i])) for i in range(n)]
    y = [pulp.LpVariable(f"y{i}", cat="Binary") for i in range(n)]
    v = [pulp.LpVariable(f"v{i}", 0) for i in range(n)]
    model += pulp.lpSum(v)
    model += pulp.lpSum(x) <= given.budget
    model += pulp.lpSum(y) <= given.places
    for i in range(n):
        model += x[i] <= int(given.high[i]) * y[i]
        model += x[i] >= int(given.low[i]) * y[i]
    for i, gain, start in zip(pieces.site.tolist(), pieces.gain.tolist(), pieces.start.tolist(), strict=True):
        model += v[i] <= gain * x[i] + start * y[i]

    def solve(limit: float) -> tuple[np.ndarray, str]:
        model.solve(pulp.PULP_CBC_CMD(msg=False, threads=1, timeLimit=limit, gapRel=GAP))
        if model.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
            raise NoPlanError(pulp.LpStatus[model.status])
        said = "optimal" if model.sol_status == pulp.LpSolutionOptimal else "time limit"
        return amounts_of(given, [one.value() for one in x], [one.value() for one in y]), said

    return solve


def pyomo_highs(given: Instance) -> Solve:
    import pyomo.environ as pyo
    from pyomo.contrib import appsi

    n, pieces = len(given.need), chords(given)
    site, gain, start = pieces.site.tolist(), pieces.gain.tolist(), pieces.start.tolist()
    low, high = given.low.tolist(), given.high.tolist()
    model = pyo.ConcreteModel()
    model.x = pyo.Var(range(n), bounds=lambda _, i: (0, high[i]))
    model.y = pyo.Var(range(n), domain=pyo.Binary)
    model.v = pyo.Var(range(n), domain=pyo.NonNegativeReals)
    model.total = pyo.Objective(expr=pyo.quicksum(model.v.values()), sense=pyo.maximize)
    model.budget = pyo.Constraint(expr=pyo.quicksum(model.x.values()) <= given.budget)
    model.places = pyo.Constraint(expr=pyo.quicksum(model.y.values()) <= given.places)
    model.cap = pyo.Constraint(range(n), rule=lambda m, i: m.x[i] <= high[i] * m.y[i])
    model.floor = pyo.Constraint(range(n), rule=lambda m, i: m.x[i] >= low[i] * m.y[i])
    model.curve = pyo.Constraint(
        range(len(site)), rule=lambda m, k: m.v[site[k]] <= gain[k] * m.x[site[k]] + start[k] * m.y[site[k]]
    )

    def solve(limit: float) -> tuple[np.ndarray, str]:
        solver = appsi.solvers.Highs()
        solver.highs_options = highs_options(limit)
        solver.config.load_solution = False
        found = solver.solve(model)
        if found.best_feasible_objective is None:
            raise NoPlanError(str(found.termination_condition))
        found.solution_loader.load_vars()
        said = "optimal" if found.termination_condition == appsi.base.TerminationCondition.optimal else "time limit"
        return amounts_of(given, [model.x[i].value for i in range(n)], [model.y[i].value for i in range(n)]), said

    return solve


def linopy_highs(given: Instance) -> Solve:
    import linopy
    import pandas as pd
    import xarray as xr

    n = len(given.need)
    sites, steps = pd.RangeIndex(n, name="site"), np.arange(given.low.min(), given.high.max())
    worth = given.value(np.arange(given.low.min(), given.high.max() + 1)[:, None])
    gain = np.diff(worth, axis=0)
    start = worth[:-1] - gain * steps[:, None]
    at = pd.Index(steps, name="at")

    def array(values: np.ndarray, *coords: pd.Index) -> xr.DataArray:
        return xr.DataArray(values, coords=list(coords))

    model = linopy.Model()
    low, high = array(given.low.astype(float), sites), array(given.high.astype(float), sites)
    x = model.add_variables(lower=0, upper=high, name="x")
    y = model.add_variables(coords=[sites], name="y", binary=True)
    v = model.add_variables(lower=0, coords=[sites], name="v")
    model.add_constraints(x.sum() <= given.budget, name="budget")
    model.add_constraints(y.sum() <= given.places, name="places")
    model.add_constraints(x - high * y <= 0, name="cap")
    model.add_constraints(x - low * y >= 0, name="floor")
    kept = array((steps[:, None] >= given.low) & (steps[:, None] < given.high), at, sites)
    model.add_constraints(v - array(gain, at, sites) * x - array(start, at, sites) * y <= 0, name="curve", mask=kept)
    model.add_objective(v.sum(), sense="max")

    def solve(limit: float) -> tuple[np.ndarray, str]:
        _, condition = model.solve(
            solver_name="highs", io_api="direct", progress=False, log_to_console=False, **highs_options(limit)
        )
        if np.isnan(x.solution.to_numpy()).any():
            raise NoPlanError(condition)
        said = "optimal" if condition == "optimal" else "time limit"
        return amounts_of(given, x.solution.to_numpy(), y.solution.to_numpy()), said

    return solve


def cvxpy_highs(given: Instance) -> Solve:
    import cvxpy as cp

    n, pieces = len(given.need), chords(given)
    x, y, v = cp.Variable(n, nonneg=True), cp.Variable(n, boolean=True), cp.Variable(n, nonneg=True)
    model = cp.Problem(
        cp.Maximize(cp.sum(v)),
        [
            cp.sum(x) <= given.budget,
            cp.sum(y) <= given.places,
            x <= cp.multiply(given.high, y),
            x >= cp.multiply(given.low, y),
            v[pieces.site] <= cp.multiply(pieces.gain, x[pieces.site]) + cp.multiply(pieces.start, y[pieces.site]),
        ],
    )

    def solve(limit: float) -> tuple[np.ndarray, str]:
        model.solve(solver=cp.HIGHS, highs_options=highs_options(limit))
        if x.value is None:
            raise NoPlanError(model.status)
        return amounts_of(given, x.value, y.value), "optimal" if model.status == cp.OPTIMAL else "time limit"

    return solve


# --- OR-Tools CP-SAT ----------------------------------------------------------------------------------------------


def cp_sat(given: Instance) -> Solve:
    """One on/off variable a step.

    CP-SAT counts in whole numbers: here in 1e-12 of the largest possible sum. With 1e-9, its optimum of 1,000 sites was 2e-9 short.
    """
    from ortools.sat.python import cp_model

    n, pieces = len(given.need), chords(given)
    unit = 1e-12 * float(np.sort(given.value(given.high))[-given.places :].sum())
    first = np.rint(given.value(given.low) / unit).astype(np.int64).tolist()
    gain = np.rint(pieces.gain / unit).astype(np.int64).tolist()
    model = cp_model.CpModel()
    y = [model.new_bool_var("") for _ in range(n)]
    z = [model.new_bool_var("") for _ in gain]
    for i, one in zip(pieces.site.tolist(), z, strict=True):
        model.add_implication(one, y[i])
    weighted = cp_model.LinearExpr.weighted_sum
    model.add(weighted(y + z, given.low.tolist() + [1] * len(z)) <= given.budget)
    model.add(cp_model.LinearExpr.sum(y) <= given.places)
    model.maximize(weighted(y + z, first + gain))

    def solve(limit: float) -> tuple[np.ndarray, str]:
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.max_time_in_seconds = limit
        said = solver.solve(model)
        if said not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
            raise NoPlanError(solver.status_name(said))
        values = np.array([solver.value(one) for one in y + z], dtype=float)
        return amounts_of_steps(given, pieces, values), "optimal" if said == cp_model.OPTIMAL else "time limit"

    return solve


# --- not exact ----------------------------------------------------------------------------------------------------


def slsqp(given: Instance) -> Solve:
    """As marketing budget tools call it: from an equal split, money only, bounds only; no places, floors or steps."""
    from scipy import optimize

    n, budget = len(given.need), given.budget * given.step_eur

    def loss(x: np.ndarray) -> float:
        return -float((given.need * -np.expm1(-x / given.scale_eur)).sum())

    def slope(x: np.ndarray) -> np.ndarray:
        return -given.need / given.scale_eur * np.exp(-x / given.scale_eur)

    def solve(limit: float) -> tuple[np.ndarray, str]:
        found = optimize.minimize(
            loss,
            np.full(n, budget / n),
            jac=slope,
            method="SLSQP",
            bounds=[(0, cap) for cap in given.max_eur],
            constraints={"type": "eq", "fun": lambda x: x.sum() - budget, "jac": lambda x: np.ones((1, n))},
        )
        said = f'"{"success" if found.success else found.message}" after {found.nit} iteration' + "s" * (found.nit != 1)
        return found.x, said

    return solve


def by_need(given: Instance) -> Solve:
    """A rule, no solver: floors to the sites with most need, the rest in proportion to need, within caps."""

    def solve(limit: float) -> tuple[np.ndarray, str]:
        order = np.argsort(-given.need, kind="stable")[: given.places]
        order = order[np.cumsum(given.low[order]) <= given.budget]
        low, room = given.low[order], (given.high - given.low)[order]
        extra, spare = np.zeros(len(order)), float(given.budget - low.sum())
        while spare > 1e-6 and (open_ := extra < room).any():
            share = np.where(open_, given.need[order], 0.0)
            given_now = np.minimum(room - extra, spare * share / share.sum())
            extra, spare = extra + given_now, spare - float(given_now.sum())
        steps = low + np.floor(extra + 1e-9).astype(np.int64)
        left = int(min(given.budget, given.high[order].sum()) - steps.sum())
        open_ = np.flatnonzero(steps < given.high[order])
        steps[open_[:left]] += 1
        result = np.zeros(len(given.need))
        result[order] = steps * given.step_eur
        return result, "a rule"

    return solve


_HIGHS = ("highspy", "scipy.sparse")
_SCIPY = ("scipy.optimize", "scipy.sparse")

PEERS = {
    "quartier": Peer("**quartier** (`q.allocate`)", ("quartier", "pandas"), ("numpy", "pandas"), quartier),
    "kernel": Peer("quartier, the kernel alone (`prices.solve`)", ("quartier.prices",), (), kernel),
    "scipy": Peer("`scipy.optimize.milp`, all chords at once", _SCIPY, ("scipy",), scipy_chords),
    "scipy-rounds": Peer("`scipy.optimize.milp`, chords in rounds", _SCIPY, (), scipy_rounds),
    "highspy": Peer("HiGHS through highspy, all chords", _HIGHS, ("highspy",), highspy_chords),
    "highspy-steps": Peer("HiGHS through highspy, a variable a step", _HIGHS, (), highspy_steps),
    "highspy-int": Peer(
        "HiGHS, all chords, x declared whole", _HIGHS, (), partial(highspy_chords, whole_steps=True), most=1_000
    ),
    "highspy-gap": Peer(
        "HiGHS, all chords, content with its default gap of 0.01 %",
        _HIGHS,
        (),
        partial(highspy_chords, gap=1e-4),
        exact=False,
        most=1_000,
    ),
    "cvxpy": Peer("cvxpy with HiGHS", ("cvxpy", "highspy"), ("cvxpy",), cvxpy_highs),
    "linopy": Peer("linopy with HiGHS", ("linopy", "highspy"), ("linopy",), linopy_highs),
    "pyomo": Peer("Pyomo with HiGHS (appsi)", ("pyomo.environ", "highspy"), ("pyomo",), pyomo_highs),
    "pulp": Peer("PuLP with CBC", ("pulp",), ("pulp",), pulp_cbc),
    "cp-sat": Peer("OR-Tools CP-SAT, a variable a step", ("ortools.sat.python.cp_model",), ("ortools",), cp_sat),
    "slsqp": Peer(
        "SciPy SLSQP, as marketing budget tools use it", ("scipy.optimize",), (), slsqp, exact=False, most=1_000
    ),
    "by-need": Peer("greedy by need", (), (), by_need, exact=False),
}
