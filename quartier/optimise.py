r"""The exact plan: prices first, then the proof.

The problem: sites i get whole steps x_i, either none or low_i to high_i; together at most B steps at fewest to most sites;
the sum of concave values f_i(x_i) is to be largest.

1. *Prices.* At a price p for a step and m for a place each site alone takes its best amount (marginal analysis: Fox 1966). The sum
   of the sites' profits, plus the prices of what is there, bounds every plan from above (Lagrangian dual: Everett 1963,
   Geoffrion 1974). The best m for a given p is read off the sorted profits; the best p is found by cutting planes, exact for
   a piecewise linear function (Kelley 1960).
2. *A first plan.* The sites that are funded at these prices get the money step by step, by greatest gain, which is optimal for
   given sites (Fox 1966).
3. *Proof.* Each amount of each site misses its best profit by a loss. A plan's losses, and the price of what it leaves unused,
   add up to exactly its distance from the bound. So no amount with a loss above the distance of the first plan can be part
   of a better one; few are left, and all plans of these are compared by dynamic programming over (places, steps) used.

References
----------
Everett, H. (1963). Operations Research 11(3), 399-417. Fox, B. (1966). Management Science 13(3), 210-216.
Geoffrion, A. M. (1974). Mathematical Programming Study 2, 82-114. Kelley, J. E. (1960). J. SIAM 8(4), 703-712.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quartier import benefit as curves
from quartier import need as needs
from quartier.feasibility import find_conflict, refuse_impossible
from quartier.language import PlainError, Texts
from quartier.plan import InfeasibleScenario, Limits, Outcome, Plan, limits, objective

if TYPE_CHECKING:
    import pandas as pd

    from quartier.data import Sites
    from quartier.scenario import Scenario

TIE = 1e-12
"""Relative difference up to which two plans count as equally good: the rounding of sums of floats, no more."""

MAX_VALUES = 50_000_000
"""Most sites times steps that are tabulated: 400 MB."""

MAX_STATES = 4_000_000
"""Most states of the proof that are kept at a time; beyond, the first plan and its bound are given as they are."""


def allocate(sites: Sites, scenario: Scenario) -> Plan:
    """Give the best plan under the scenario's rules, with its proof.

    Of equally good plans: the one that spends least; then the one that gives more to the site with the greater need, and
    at the same need to the site with the smaller scale, floor, cap, then the earlier ``site_id``. The order of the rows
    and the names of the sites do not matter.

    Parameters
    ----------
    sites : Sites
        Checked sites.
    scenario : Scenario
        Checked choices.

    Returns
    -------
    Plan
        Checked from its amounts before it is called optimal.

    Raises
    ------
    InfeasibleScenario
        No plan keeps all rules; names the conflict and the least repairs.
    PlainError
        More steps than can be tabulated: the step is too small for the budget.
    """
    refuse_impossible(sites, scenario)
    rules = limits(sites, scenario)
    need = needs.weigh(sites, scenario.need_weights)
    rank = _rank(sites, need.to_numpy())
    baselines = _baselines(sites, scenario, rules, need.to_numpy(), rank)
    problem = _tabulate(sites, scenario, rules, need.to_numpy(), rank)
    deadline = math.inf if scenario.time_limit_s is None else time.monotonic() + scenario.time_limit_s
    solution = _solve(problem, deadline)
    steps = np.empty(len(sites), dtype=np.int64)
    steps[rank] = solution.steps
    if scenario.method != "optimal":
        steps = np.rint(baselines[scenario.method.replace("-", "_")] / scenario.step_eur).astype(np.int64)
    return _certified(sites, scenario, need, steps, solution, baselines)


def side_by_side(sites: Sites, scenario: Scenario, folder: str | Path = "data") -> dict[str, Plan | InfeasibleScenario]:
    """Set all scenarios of a city's folder beside a scenario.

    Parameters
    ----------
    sites : Sites
        The same for all scenarios.
    scenario : Scenario
        Stands first. If the folder's scenario of this name is another, it is called ``<name>-changed``.
    folder : path
        City's folder; the others are shown in the first one's language.

    Returns
    -------
    dict of str to Plan or InfeasibleScenario
        By name: the plan, or why there is none.

    Raises
    ------
    ScenarioError
        A scenario file has faults.
    """
    from quartier.scenario import Scenario, scenario_names

    beside = {
        name: Scenario.named(name, folder, scenario.language).replace(language=scenario.language)
        for name in scenario_names(folder)
    }
    unchanged = beside.get(scenario.name) in (scenario, None)
    beside = {scenario.name if unchanged else f"{scenario.name}-changed": scenario, **beside}
    return {name: find_conflict(sites, one) or allocate(sites, one) for name, one in beside.items()}


def leave_one_out(sites: Sites, scenario: Scenario) -> pd.DataFrame:
    """Show which indicator moves the money: the plan with each need indicator left out.

    Returns
    -------
    DataFrame
        EUR, index site_id; column ``all`` with every indicator, then one column for each indicator that is left out.
        If only one indicator has a weight, there is nothing to leave out.
    """
    import pandas as pd

    weights = {name: weight for name, weight in (scenario.need_weights or sites.weights).items() if weight}
    plans = {"all": allocate(sites, scenario).amounts}
    for name in weights if len(weights) > 1 else ():
        rest = {other: weight for other, weight in weights.items() if other != name}
        plans[name] = allocate(sites, scenario.replace(need_weights=rest)).amounts
    return pd.DataFrame(plans)


def _rank(sites: Sites, need: np.ndarray) -> np.ndarray:
    """Order of the sites that breaks ties: need (greatest first), scale, floor, cap, then site_id."""
    keys = [np.array(sites.site_ids, dtype=str)]
    keys += [sites.numbers(name) for name in ("max_eur", "min_eur", "scale_eur")]
    return np.lexsort([*keys, -need])


def _certified(
    sites: Sites,
    scenario: Scenario,
    need: pd.Series,
    steps: np.ndarray,
    solution: _Solution,
    baselines: dict[str, np.ndarray],
) -> Plan:
    """Make the plan and check it from its amounts; only then is it called optimal."""
    import pandas as pd

    index = pd.Index(sites.site_ids, name="site_id")
    amounts = np.round(steps * float(scenario.step_eur), 9)
    reached = objective(sites, scenario, need.to_numpy(), amounts)
    bound = max(reached, solution.bound)
    met = bound - reached <= 1e-9 * abs(bound)
    if scenario.method != "optimal":
        outcome = Outcome.BY_RULE
    else:
        outcome = Outcome.OPTIMAL if solution.proven and met else Outcome.FEASIBLE
        if bound - reached <= 4 * TIE * abs(bound):
            bound = reached
    plan = Plan(
        sites=sites,
        scenario=scenario,
        need=pd.Series(need.to_numpy(), index=index, name="need"),
        amounts=pd.Series(amounts, index=index, name="amount_eur"),
        objective=reached,
        bound=bound,
        outcome=outcome,
        baseline_amounts=pd.DataFrame(baselines, index=index),
    )
    broken = plan.broken_rules()
    if broken:
        raise RuntimeError("quartier made a plan that breaks its own rules; please report this: " + " ".join(broken))
    return plan


# --- the kernel ---------------------------------------------------------------------------------------------------


class _Problem(NamedTuple):
    """Values of whole steps in tie-breaking order; a value of -inf marks an amount that is not allowed."""

    values: np.ndarray  # (n, most steps + 1)
    committed: np.ndarray  # (n,) bool
    optional: np.ndarray  # (n,) bool
    low: np.ndarray  # (n,) steps
    budget: int
    fewest: int
    most: int


class _Solution(NamedTuple):
    steps: np.ndarray
    bound: float
    proven: bool


class _Prices(NamedTuple):
    """The dual at a price per step: its value, the price of a place, who is funded, how many steps they take."""

    value: float
    place: float
    funded: np.ndarray
    used: int


def _tabulate(sites: Sites, scenario: Scenario, rules: Limits, need: np.ndarray, rank: np.ndarray) -> _Problem:
    high = np.minimum(rules.high, rules.budget)
    open_to = rules.fundable & (rules.low <= high)
    width = int(high[open_to].max(initial=0)) + 1
    if width * len(sites) > MAX_VALUES:
        texts = Texts(scenario.language)
        raise PlainError(
            texts.text(
                "step_eur: {step} makes {n} amounts to compare; choose a larger step.",
                step=texts.eur(scenario.step_eur),
                n=texts.number(width * len(sites)),
            )
        )
    steps = np.arange(width)
    values = curves.welfare(
        np.round(steps * scenario.step_eur, 9),
        need[rank, None],
        sites.numbers("scale_eur")[rank, None],
        scenario.response,
        inequality_aversion=scenario.inequality_aversion,
        base_coverage=scenario.base_coverage,
    )
    allowed = (steps >= rules.low[rank, None]) & (steps <= high[rank, None]) & open_to[rank, None]
    allowed |= (steps == 0) & ~rules.committed[rank, None]
    return _Problem(
        values=np.where(allowed, values, -np.inf),
        committed=rules.committed[rank],
        optional=(open_to & ~rules.committed)[rank],
        low=rules.low[rank],
        budget=rules.budget,
        fewest=scenario.min_sites,
        most=scenario.max_sites,
    )


def _solve(problem: _Problem, deadline: float) -> _Solution:
    """Prices, a first plan, proof; see the head of this module."""
    price, dual = _best_price(problem)
    first, reached = _first_plan(problem, price, dual)
    proof = _prove(problem, price, dual, reached, deadline)
    if proof is None:
        return _Solution(first, dual.value, proven=False)
    steps, distance = proof
    return _Solution(steps, dual.value - distance, proven=True)


def _at_price(problem: _Problem, price: float) -> _Prices:
    """Lagrangian dual at a price per step, with the best price of a place."""
    values, committed, optional = problem.values, problem.committed, problem.optional
    net = values - price * np.arange(values.shape[1])
    net[~committed, 0] = -np.inf  # what the site makes if it is funded
    best = net.argmax(axis=1)
    profit = net[np.arange(len(best)), best]
    count = int(committed.sum())
    places, needed = problem.most - count, max(0, problem.fewest - count)
    candidates = np.flatnonzero(optional)
    order = candidates[np.argsort(-profit[candidates], kind="stable")]
    wanted = int((profit[order] > 0).sum())
    taken = order[: min(max(wanted, needed), places)]
    place = 0.0
    if wanted > places:  # a place is worth something between the last that gets one and the first that does not
        place = _between(profit[order[places]], profit[order[places - 1]] if places else math.inf)
    elif wanted < needed:  # sites are funded at a loss to fill the places
        place = _between(profit[order[needed]] if needed < len(order) else -math.inf, profit[order[needed - 1]])
    funded = committed.copy()
    funded[taken] = True
    value = math.fsum(profit[funded]) + price * problem.budget
    return _Prices(value, place, funded, int(best[funded].sum()))


def _between(low: float, high: float) -> float:
    if math.isinf(low):
        return high
    return low if math.isinf(high) else (low + high) / 2


def _best_price(problem: _Problem) -> tuple[float, _Prices]:
    """Price of a step at which the dual is least: the crossing of its outermost known lines, until it lies on both."""
    low, at_low = 0.0, _at_price(problem, 0.0)
    if at_low.used <= problem.budget:
        return low, at_low
    finite = np.where(np.isfinite(problem.values), np.abs(problem.values), 0.0)
    high = float(finite.max()) * 2 + 1e-300
    at_high = _at_price(problem, high)
    while at_high.used > problem.budget:  # pragma: no cover - a plan exists, so a high enough price frees the money
        high *= 16
        at_high = _at_price(problem, high)
    for _ in range(200):
        slope_low, slope_high = problem.budget - at_low.used, problem.budget - at_high.used
        if slope_high == 0:
            break
        middle = (at_high.value - at_low.value + slope_low * low - slope_high * high) / (slope_low - slope_high)
        if not low < middle < high:
            break
        at_middle = _at_price(problem, middle)
        crossing = at_low.value + slope_low * (middle - low)
        if at_middle.used > problem.budget:
            low, at_low = middle, at_middle
        else:
            high, at_high = middle, at_middle
        if at_middle.value - crossing <= 1e-15 * abs(crossing):
            break
    return (high, at_high) if at_high.value <= at_low.value else (low, at_low)


def _first_plan(problem: _Problem, price: float, dual: _Prices) -> tuple[np.ndarray, float]:
    """Best of a few plans that keep all rules: the sites funded around the best price, filled up by greatest gain."""
    tries = [
        dual.funded,
        _at_price(problem, price * (1 + 1e-9)).funded,
        _at_price(problem, price * (1 - 1e-9)).funded,
    ]
    fallback = problem.committed.copy()
    needed = max(0, problem.fewest - int(fallback.sum()))
    candidates = np.flatnonzero(problem.optional)
    fallback[candidates[np.argsort(problem.low[candidates], kind="stable")][:needed]] = True
    best, reached = None, -math.inf
    for funded in [*tries, fallback]:
        steps = _fill(problem, funded)
        if steps is not None:
            value = math.fsum(problem.values[np.arange(len(steps)), steps])
            if value > reached:
                best, reached = steps, value
    assert best is not None, "the fallback keeps all rules"
    return best, reached


def _fill(problem: _Problem, funded: np.ndarray) -> np.ndarray | None:
    """Give the funded sites their floors, then step by step where the gain is greatest; None if the floors are too much.

    Optional sites with the least at their floor per step are let go first where the floors do not fit.
    """
    funded = funded.copy()
    spare = problem.budget - int(problem.low[funded].sum())
    optional = np.flatnonzero(funded & problem.optional)
    worth = problem.values[optional, problem.low[optional]] / problem.low[optional]
    for site in optional[np.argsort(worth, kind="stable")]:
        if spare >= 0 or int(funded.sum()) <= problem.fewest:
            break
        funded[site] = False
        spare += int(problem.low[site])
    if spare < 0:
        return None
    steps = np.where(funded, problem.low, 0)
    beyond = np.arange(problem.values.shape[1] - 1)[None, :] >= steps[:, None]
    with np.errstate(invalid="ignore"):
        gain = np.diff(problem.values, axis=1)
    gain = np.where(beyond & funded[:, None] & np.isfinite(gain), gain, 0.0)
    sites, at = np.nonzero(gain > 0)
    chosen = np.argsort(-gain[sites, at], kind="stable")[:spare]
    return steps + np.bincount(sites[chosen], minlength=len(steps))


class _States(NamedTuple):
    """What the last sites can use together, and the least loss at which they can; sorted by key = places * width + steps."""

    key: np.ndarray
    loss: np.ndarray


def _prove(
    problem: _Problem, price: float, dual: _Prices, reached: float, deadline: float
) -> tuple[np.ndarray, float] | None:
    """Compare all plans that could be at least as good as the first one; give the best and its distance from the bound.

    None where time or memory would not do.
    """
    values, n, width = problem.values, len(problem.values), problem.budget + 1
    steps = np.arange(values.shape[1])
    profit = values - price * steps - dual.place * (steps > 0)
    best = profit.max(axis=1)
    loss = best[:, None] - profit
    places_priced = problem.most if dual.place > 0 else problem.fewest
    bound = math.fsum(best) + price * problem.budget + dual.place * places_priced
    tie = TIE * max(abs(bound), np.abs(values[np.isfinite(values)]).max(initial=0.0), 1e-300)
    cut = max(0.0, bound - reached) + 4 * tie
    options = [np.flatnonzero(row <= cut) for row in loss]
    after = [_States(np.zeros(1, dtype=np.int64), np.zeros(1))]
    for i in range(n - 1, -1, -1):
        states, choice = after[-1], options[i]
        if len(states.key) * len(choice) > MAX_STATES or time.monotonic() > deadline:
            return None
        key = (states.key[:, None] + np.where(choice > 0, width, 0) + choice).ravel()
        lost = (states.loss[:, None] + loss[i, choice]).ravel()
        fits = (lost <= cut) & ((states.key[:, None] % width + choice).ravel() <= problem.budget)
        fits &= key < (problem.most + 1) * width
        key, lost = key[fits], lost[fits]
        order = np.lexsort((lost, key))
        key, lost = key[order], lost[order]
        first = np.r_[True, key[1:] != key[:-1]] if len(key) else np.zeros(0, dtype=bool)
        after.append(_States(key[first], lost[first]))
    after.reverse()
    places, used = after[0].key // width, after[0].key % width
    unused = price * (problem.budget - used) + dual.place * (places_priced - places)
    distance = np.where(places >= problem.fewest, after[0].loss + unused, np.inf)
    least = float(distance.min(initial=np.inf))
    if not math.isfinite(least):  # pragma: no cover - the first plan is among those compared
        return None
    equal = np.flatnonzero(distance <= least + tie)
    equal = equal[used[equal] == used[equal].min()]
    plans = (_walk(loss, options, after, width, int(after[0].key[at]), float(after[0].loss[at]) + tie) for at in equal)
    chosen = max(plans, key=lambda plan: tuple(plan.tolist()))
    return chosen, bound_distance(dual.value, bound, least)


def bound_distance(value: float, bound: float, distance: float) -> float:
    """Distance from the dual's value; it and the bound summed by sites are the same but for rounding."""
    return value - (bound - distance)


def _walk(
    loss: np.ndarray, options: list[np.ndarray], after: list[_States], width: int, key: int, allowed: float
) -> np.ndarray:
    """Follow the proof forward: each site in turn takes the most with which the rest can still be as good."""
    plan = np.zeros(len(options), dtype=np.int64)
    for i, choice in enumerate(options):
        rest = after[i + 1]
        for step in choice[::-1]:
            left = key - int(step) - (width if step else 0)
            at = int(np.searchsorted(rest.key, left))
            if at < len(rest.key) and rest.key[at] == left and loss[i, step] + rest.loss[at] <= allowed:
                plan[i], key, allowed = step, left, allowed - float(loss[i, step])
                break
        else:  # pragma: no cover - each state was reached by one of the options
            raise RuntimeError("quartier lost its way in its own proof; please report this")
    return plan


# --- simpler ways to divide ----------------------------------------------------------------------------------------


def _baselines(
    sites: Sites, scenario: Scenario, rules: Limits, need: np.ndarray, rank: np.ndarray
) -> dict[str, np.ndarray]:
    """EUR, shape (n,), by equal split, by need, and last year's amounts where there are any."""
    result = {
        "equal_split": _split(rules, scenario, np.ones(len(need)), rank) * float(scenario.step_eur),
        "need_proportional": _split(rules, scenario, need, rank) * float(scenario.step_eur),
    }
    previous = sites.numbers("previous_eur")
    if np.isfinite(previous).any():
        result["last_year"] = np.nan_to_num(previous)
    return {name: np.round(amounts, 9) for name, amounts in result.items()}


def _split(rules: Limits, scenario: Scenario, weight: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Divide the budget by weights within floors and caps, in whole steps (largest remainder: Hare, Niemeyer).

    Funded are the committed sites, then the others in order of need, while places last and money for their floors and for
    those that must still follow.
    """
    funded = rules.committed.copy()
    optional = [int(i) for i in rank if rules.fundable[i] and not rules.committed[i]]
    spare = rules.budget - int(rules.low[funded].sum())
    for at, i in enumerate(optional):
        still_asked = max(0, scenario.min_sites - int(funded.sum()) - 1)
        kept_back = sum(sorted(int(rules.low[j]) for j in optional[at + 1 :])[:still_asked])
        if funded.sum() < scenario.max_sites and rules.low[i] + kept_back <= spare:
            funded[i] = True
            spare -= int(rules.low[i])
    low, high = rules.low[funded].astype(float), rules.high[funded].astype(float)
    total = min(float(rules.budget), high.sum())
    share = weight[funded]
    if not share.sum() > 0:
        share = np.ones(len(share))
    given = _fill_level(low, high, share, total) if funded.any() else low
    steps = np.floor(given + 1e-9)
    first = np.argsort(np.argsort(rank)[funded])  # the funded sites in tie-breaking order
    by_remainder = first[np.argsort(-(given - steps)[first], kind="stable")]
    missing = round(float(given.sum() - steps.sum()))
    steps[by_remainder[:missing]] += 1
    result = np.zeros(len(weight), dtype=np.int64)
    result[funded] = steps.astype(np.int64)
    return result


def _fill_level(low: np.ndarray, high: np.ndarray, share: np.ndarray, total: float) -> np.ndarray:
    """Amounts clip(level * share, low, high) that add up to the total, as far as the caps of sites with a share allow.

    The sum rises with the level in straight pieces: a site joins in at low / share and stays behind at high / share.
    """
    some = share > 0
    at = np.concatenate([low[some] / share[some], high[some] / share[some]])
    bend = np.concatenate([share[some], -share[some]])
    order = np.argsort(at, kind="stable")
    at, slope = at[order], np.cumsum(bend[order])
    sums = low.sum() + np.concatenate([[0.0], np.cumsum(slope[:-1] * np.diff(at))])
    level = float(np.interp(total, sums, at))
    return np.clip(level * share, low, high)
