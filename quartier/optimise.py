"""The exact plan: rules turned into problems for the kernel (`quartier.prices`), its answers into checked plans."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from quartier import crossing, leximin, prices
from quartier import need as needs
from quartier.benefit import residents_reached
from quartier.data import Sites
from quartier.feasibility import find_conflict, possible, refuse_impossible
from quartier.language import PlainError, Texts
from quartier.plan import (
    MOST_STEPS,
    ROUNDING,
    TOLERANCE,
    InfeasibleScenario,
    Limits,
    Outcome,
    Plan,
    carried_over_eur,
    chained_years,
    crosses,
    limits,
    linked,
    objective,
    single_years,
    year_share,
)

if TYPE_CHECKING:
    import pandas as pd

    from quartier.scenario import Scenario


def allocate(sites: Sites, scenario: Scenario) -> Plan:
    """Give the best plan under the scenario's rules, with its proof.

    Of equally good plans: the one that spends least; then the one that gives more to the site with the greater need, and
    at the same need to the site with the smaller scale, floor, cap, then the earlier ``site_id``. The order of the rows
    and the names of the sites do not matter. Where limits cross or years hang together it is one of the equally good plans,
    the same in any order of the rows.

    Parameters
    ----------
    sites : Sites
        Checked sites.
    scenario : Scenario
        Checked choices.

    Returns
    -------
    Plan
        Checked from its amounts before it is called optimal. Its sites are as the scenario chooses them; its scenario is this one.

    Raises
    ------
    InfeasibleScenario
        No plan keeps all rules; names the conflict and the least repairs.
    ScenarioError
        The scenario chooses for single sites what cannot be.
    PlainError
        The sites or the scenario are something else.
    """
    refuse_other_things("allocate", sites, scenario)
    here, rest = scenario.settled(sites)
    refuse_impossible(here, rest)
    plan = _best(here, rest)
    return plan if rest is scenario else dataclasses.replace(plan, scenario=scenario)


def refuse_other_things(name: str, sites: object, *scenarios: object) -> None:
    """Return if sites are sites and scenarios are scenarios: the name of either in its place is a likely slip.

    Raises
    ------
    PlainError
        One of them is something else; names what asked, and what it was given.
    """
    from quartier.scenario import Scenario

    for thing, kind in ((sites, Sites), *((scenario, Scenario) for scenario in scenarios)):
        if not isinstance(thing, kind):
            texts = Texts()
            raise PlainError(
                texts.text(
                    "{name}: sites and a scenario, not {given}", name=name, given=texts.given(type(thing).__name__)
                )
            )


def refuse_too_many_steps(sites: Sites, scenario: Scenario) -> None:
    """Return if the budget has few enough steps, or sites for all of them: a zero too many should be told, not fill the memory.

    The plan itself is found for any budget; what the caps cost in it, which a run works out, is found by comparing all steps.

    Parameters
    ----------
    sites : Sites
        Sites as the scenario chooses them.
    scenario : Scenario
        A scenario that chooses nothing for single sites (`Scenario.settled`).

    Raises
    ------
    PlainError
        It has too many; names the budget, the step and the bound.
    """
    budget_eur, most = max(scenario.budgets_eur), MOST_STEPS_A_SITE * max(1, len(sites))
    if budget_eur / scenario.step_eur > most * (1 + ROUNDING) and _is_beyond_caps(sites, scenario):
        texts = Texts(scenario.language)
        raise PlainError(
            texts.text(
                "A budget of {budget} in steps of {step} has {steps} steps, more than all sites may take. So many cannot be solved,"
                " for time and memory grow"
                " with them: at most {most} can, with {n} sites. Is there a zero too many in the budget, or is the step too small?",
                budget=texts.eur(budget_eur),
                step=texts.eur(scenario.step_eur),
                steps=texts.number(math.floor(budget_eur / scenario.step_eur)),
                most=texts.number(most),
                n=len(sites),
            )
        )


def _is_beyond_caps(sites: Sites, scenario: Scenario) -> bool:
    """Whether some year has more money than all sites at their caps would take."""
    years = [limits(*year) for year in single_years(sites, scenario)]
    return any(one.budget > int(one.high[one.committed | one.fundable].sum()) for one in years)


def _best(sites: Sites, scenario: Scenario) -> Plan:
    """Give the best plan of a scenario that has one and chooses nothing for single sites."""
    deadline = math.inf if scenario.time_limit_s is None else time.monotonic() + scenario.time_limit_s
    if scenario.years > 1:
        return _over_years(sites, scenario, deadline)
    need = needs.weigh(sites, scenario.need_weights)
    rank = _rank(sites, need.to_numpy(), sites.numbers("scale_eur"))
    rules = limits(sites, scenario)
    baselines = _baselines(sites, scenario, rules, need.to_numpy(), rank)
    if scenario.method != "optimal":
        steps = np.rint(baselines[scenario.method.replace("-", "_")] / scenario.step_eur).astype(np.int64)
        bound = _best(sites, scenario.replace(method="optimal")).bound
    else:
        steps = np.empty(len(sites), dtype=np.int64)
        steps[rank], bound = _steps([(sites, scenario)], scenario, need.to_numpy(), rank, deadline)
    return _certified(sites, scenario, need, steps, bound, baselines)


def _steps(
    years: list[tuple[Sites, Scenario]], scenario: Scenario, need: np.ndarray, rank: np.ndarray, deadline: float
) -> tuple[np.ndarray, float]:
    """Best steps of one year, or of some years together, in order of rank year after year, and the bound on what they reach."""
    parts = [_problem(*year, limits(*year), need, rank) for year in years]
    crossed = crosses(scenario)
    if not crossed and math.isfinite(scenario.inequality_aversion):
        found = prices.solve(parts[0], deadline)
        return found.steps[0], float(found.bound[0])
    texts, rules = Texts(scenario.language), crossing.rules_of(years[0][0], scenario, rank) if crossed else None
    cells = parts[0].beside(parts[1:])
    if rules is None or math.isinf(scenario.inequality_aversion):
        answer = leximin.solve(cells, rules, deadline)
        best, bound = answer.steps, -math.inf if answer.proven else 1.0  # no coverage is more than everybody
    else:
        if int((rules.high - rules.low + 1)[rules.may].max(initial=0)) * rules.n > MOST_AMOUNTS:
            raise PlainError(
                texts.text(
                    "A step of {step} is too fine for limits that cross: more than {n} amounts would be compared.",
                    step=texts.eur(scenario.step_eur),
                    n=texts.number(MOST_AMOUNTS),
                )
            )
        # What the prices find for each year by itself, where there is a plan for it, is where the search begins.
        alone = [prices.solve(part, deadline).steps[0] if _have_plans(part)[0] else part.low[0] for part in parts]
        best, bound = crossing.solve(cells, rules, np.concatenate(alone), deadline)
    if best is None:
        raise PlainError(
            texts.text(
                "No plan was found in {seconds} s; whether there is one is not known.", seconds=scenario.time_limit_s
            )
        )
    return best, bound


def _have_plans(problems: prices.Problems) -> np.ndarray:
    """Say of each problem whether its places and its money suffice for the floors of those that must be funded, (m,)."""
    low, committed, optional = problems.low, problems.committed, problems.optional
    count = committed.sum(axis=1)
    missing = np.maximum(0, problems.fewest - count)
    cheapest = np.sort(np.where(optional, low, MOST_STEPS), axis=1)
    joining = np.arange(low.shape[1]) < missing[:, None]
    floors = np.where(committed, low, 0).sum(axis=1) + np.where(joining, cheapest, 0).sum(axis=1)
    return (count <= problems.most) & (missing <= optional.sum(axis=1)) & (floors <= problems.budget)


def _over_years(sites: Sites, scenario: Scenario, deadline: float) -> Plan:
    """Give the best plan over several years: together where one has to do with another, else each by itself."""
    import pandas as pd

    years, n, step = single_years(sites, scenario), len(sites), float(scenario.step_eur)
    need = needs.weigh(sites, scenario.need_weights)
    rank = _rank(sites, need.to_numpy(), sites.numbers("scale_eur"))
    if linked(scenario):
        best, bound = _steps(years, scenario, need.to_numpy(), rank, deadline)
        by_rank = best.reshape(len(years), n)
    else:
        found = [_steps([year], year[1], need.to_numpy(), rank, deadline) for year in years]
        by_rank = np.array([steps for steps, _ in found])
        bounds = [bound for _, bound in found]
        bound = max(bounds) if math.isinf(scenario.inequality_aversion) else math.fsum(bounds)
    steps = np.empty_like(by_rank)
    steps[:, rank] = by_rank
    amounts, plans = np.round(steps * step, 9), []
    simpler = _baselines_over_years(years, scenario, need.to_numpy(), rank)
    for year, x, baselines in zip(chained_years(sites, scenario, amounts), steps, simpler, strict=True):
        plans.append(_certified(*year, need, x, math.inf, baselines, Outcome.IN_YEARS))
    together = math.fsum if not math.isinf(scenario.inequality_aversion) else min
    reached = together(plan.objective for plan in plans)
    bound = max(reached, bound)
    # What a year may reach at most while the others stay as they are.
    plans = [dataclasses.replace(plan, bound=max(plan.objective, bound - (reached - plan.objective))) for plan in plans]
    plan = Plan(
        sites=sites,
        scenario=scenario,
        need=plans[0].need,
        amounts=pd.Series(amounts.sum(axis=0), index=plans[0].amounts.index, name="amount_eur"),
        objective=reached,
        bound=bound,
        outcome=Outcome.OPTIMAL if bound - reached <= TOLERANCE * abs(bound) else Outcome.FEASIBLE,
        baseline_amounts=sum(plan.baseline_amounts for plan in plans),
        years=tuple(plans),
    )
    return _checked(plan)


@dataclasses.dataclass(frozen=True, eq=False)
class Plans:
    """Many plans for the same sites.

    Attributes
    ----------
    amounts : ndarray, shape (m, n)
        EUR, in the order of the sites; 0 where not funded, and where no plan keeps all rules.
    objective, bound, benefit : ndarray, shape (m,)
        What was maximised, what no plan can exceed, and the weighted residents reached; NaN where no plan keeps all rules.
    outcome : tuple of Outcome, length m
        How far each plan can be trusted.
    """

    amounts: np.ndarray
    objective: np.ndarray
    bound: np.ndarray
    benefit: np.ndarray
    outcome: tuple[Outcome, ...]

    def __len__(self) -> int:
        return len(self.outcome)


def allocate_many(
    sites: Sites,
    scenario: Scenario | Sequence[Scenario],
    *,
    budget_eur: ArrayLike | None = None,
    need: ArrayLike | None = None,
    scale_eur: ArrayLike | None = None,
    available: ArrayLike | None = None,
) -> Plans:
    """Give the best plans of many variants at once; each is the plan that `allocate` would give.

    Parameters
    ----------
    sites : Sites
        The n sites of all variants.
    scenario : Scenario or sequence of Scenario
        One for all variants, or one for each.
    budget_eur : array_like, shape () or (m,), optional
        EUR; the scenario's by default. Over several years that of the first; the later ones change by as much.
    need, scale_eur : array_like, shape (n,) or (m, n), optional
        Weighted residents; EUR. By default as the scenario weighs them, and the sites' own.
    available : array_like of bool, shape (n,) or (m, n), optional
        Sites that are there at all; one that is not is neither committed nor funded.

    Raises
    ------
    PlainError
        Sites or scenarios that are something else; arrays of shapes that do not fit, or values that are not finite, or negative;
        choices for single sites that cannot be.

    Notes
    -----
    Where limits cross or years hang together, or the aversion is infinite, the variants are solved one after the other.
    """
    scenarios = [scenario] if not isinstance(scenario, Sequence) else list(scenario)
    refuse_other_things("allocate_many", sites, *scenarios)
    m, arrays = _broadcast(len(sites), len(scenarios), budget_eur, need, scale_eur, available)
    none = np.full(m, np.nan)
    plans = Plans(np.zeros((m, len(sites))), none, none.copy(), none.copy(), (Outcome.INFEASIBLE,) * m)
    outcome = list(plans.outcome)
    alike: dict[str, list[int]] = {}
    for row in range(m) if len(scenarios) > 1 else [0]:
        alike.setdefault(scenarios[row].model_dump_json(), []).append(row)
    for rows in alike.values():
        chosen = np.arange(m) if len(scenarios) == 1 else np.array(rows)
        here, one = scenarios[rows[0]].settled(sites)
        if crosses(one) or one.years > 1 or math.isinf(one.inequality_aversion):
            _solve_one_by_one(here, one, chosen, arrays, plans, outcome)
            continue
        for part in np.array_split(chosen, max(1, chosen.size * len(sites) // MOST_AT_ONCE)):
            _solve_rows(here, one, part, arrays, plans, outcome)
    return dataclasses.replace(plans, outcome=tuple(outcome))


MOST_AMOUNTS = 10_000_000
"""Most sites times amounts that are compared where limits cross; keeps memory below a gigabyte."""

MOST_STEPS_A_SITE = 1_000_000
"""Most steps of a budget beyond all caps for each site there is: 100,000,000 EUR in steps of 100 EUR. What the caps cost is found
by comparing these steps."""

MOST_AT_ONCE = 2_000_000
"""Most sites times variants that are solved at once; keeps memory below a gigabyte."""


def _broadcast(
    n: int,
    given: int,
    budget_eur: ArrayLike | None,
    need: ArrayLike | None,
    scale_eur: ArrayLike | None,
    available: ArrayLike | None,
) -> tuple[int, dict[str, np.ndarray]]:
    """Bring the arrays that are given to (m,) and (m, n), checked."""
    texts = Texts()
    asked = {"budget_eur": budget_eur, "need": need, "scale_eur": scale_eur, "available": available}
    arrays = {
        name: np.array(value, dtype=bool if name == "available" else float, ndmin=1 if name == "budget_eur" else 2)
        for name, value in asked.items()
        if value is not None
    }
    m = max([given, *(len(array) for array in arrays.values())])
    for name, shape in {"scenario": (given,), **{name: array.shape for name, array in arrays.items()}}.items():
        wanted = (m,) if name in ("budget_eur", "scenario") else (m, n)
        if len(shape) != len(wanted) or shape[0] not in (1, m) or shape[1:] != wanted[1:]:
            raise PlainError(
                texts.text(
                    "{name}: an array of the shape {given}, expected {wanted}", name=name, given=shape, wanted=wanted
                )
            )
    for name, array in arrays.items():
        if not np.isfinite(array).all() or (array < 0).any() or (name == "scale_eur" and (array == 0).any()):
            raise PlainError(texts.text("{name}: finite numbers of at least 0 are expected, scales above 0", name=name))
        arrays[name] = np.broadcast_to(array, (m, *array.shape[1:]))
    return m, arrays


def _solve_one_by_one(
    sites: Sites,
    scenario: Scenario,
    rows: np.ndarray,
    arrays: dict[str, np.ndarray],
    plans: Plans,
    outcome: list[Outcome],
) -> None:
    """Solve some rows of one scenario by stating each anew, and write the answers into the plans."""
    classes = np.select(
        [np.isin(sites.statuses, scenario.committed), np.isin(sites.statuses, scenario.excluded)],
        ["signed", "declined"],
        "prospective",
    )
    need = needs.weigh(sites, scenario.need_weights).to_numpy()
    for row in rows:
        given = {name: array[row] for name, array in arrays.items()}
        budget_eur = float(given.get("budget_eur", scenario.budget_eur))
        if budget_eur < scenario.reserve_eur:
            continue
        status = np.where(given.get("available", True), classes, "declined")
        frame = sites.frame.assign(
            need=given.get("need", need), scale_eur=given.get("scale_eur", sites.numbers("scale_eur")), status=status
        )
        # The frame is that of checked sites and the arrays are checked: to check them again would take longer than to solve.
        varied = (
            Sites(frame),
            scenario.replace(
                budget_eur=budget_eur,
                later_budgets_eur=tuple(
                    max(0.0, later + budget_eur - scenario.budget_eur) for later in scenario.later_budgets_eur
                ),
                committed=("signed",),
                excluded=("declined",),
                need_weights={},
            ),
        )
        if possible(*varied):
            plan = _best(*varied)
            plans.amounts[row], outcome[row] = plan.amounts, plan.outcome
            plans.objective[row], plans.bound[row], plans.benefit[row] = plan.objective, plan.bound, plan.benefit


def _solve_rows(
    sites: Sites,
    scenario: Scenario,
    rows: np.ndarray,
    arrays: dict[str, np.ndarray],
    plans: Plans,
    outcome: list[Outcome],
) -> None:
    """Solve some rows of one scenario and write the answers into the plans."""
    n, k, share = len(sites), len(rows), year_share(sites, scenario)
    rules = limits(sites, scenario)

    def part(name: str, otherwise: ArrayLike, shape: tuple[int, ...]) -> np.ndarray:
        return np.broadcast_to(arrays[name][rows] if name in arrays else np.asarray(otherwise), shape)

    need = part("need", needs.weigh(sites, scenario.need_weights).to_numpy(), (k, n))
    scale = part("scale_eur", sites.numbers("scale_eur"), (k, n))
    there = part("available", True, (k, n))
    money = part("budget_eur", scenario.budget_eur, (k,)) + scenario.carried_eur - scenario.reserve_eur
    budget = np.floor(np.maximum(money, 0.0) / scenario.step_eur * (1 + ROUNDING)).astype(np.int64)
    committed, fundable = rules.committed & there, rules.fundable & there
    rank = _rank(sites, need, scale)
    need, scale = need * share, scale * share
    low, high = rules.low[rank], np.minimum(rules.high[rank], budget[:, None])

    def ordered(array: np.ndarray) -> np.ndarray:
        return np.take_along_axis(array, rank, axis=1)

    problems = prices.Problems(
        curve=_curve(scenario),
        need=ordered(need),
        scale_eur=ordered(scale),
        low=low,
        high=np.maximum(high, low),
        committed=ordered(committed),
        optional=ordered(fundable & ~committed) & (low <= high),
        budget=budget,
        fewest=np.full(k, scenario.min_sites),
        most=np.full(k, scenario.max_sites),
    )
    at = np.flatnonzero(_have_plans(problems) & (~committed | (rules.low <= rules.high)).all(axis=1))
    if not at.size:
        return
    need, scale, rank, problems = need[at], scale[at], rank[at], problems.rows(at)
    found = prices.solve(problems)
    reached, bound = found.reached, found.bound
    steps = np.empty_like(found.steps)
    np.put_along_axis(steps, rank, found.steps, axis=1)
    _keep_rules(problems, found.steps)
    plans.amounts[rows[at]] = np.round(steps * float(scenario.step_eur), 9)
    plans.objective[rows[at]], plans.bound[rows[at]] = reached, bound
    amounts = steps * float(scenario.step_eur)
    plans.benefit[rows[at]] = residents_reached(amounts, need, scale, scenario.response).sum(axis=1)
    met = bound - reached <= TOLERANCE * np.abs(bound)
    for row, proven in zip(rows[at], met, strict=True):
        outcome[row] = Outcome.OPTIMAL if proven else Outcome.FEASIBLE


def _keep_rules(problems: prices.Problems, steps: np.ndarray) -> None:
    """Check plans from their steps, as `allocate` checks each from its amounts."""
    funded = steps > 0
    kept = (steps.sum(axis=1) <= problems.budget) & (funded.sum(axis=1) <= problems.most)
    kept &= funded.sum(axis=1) >= problems.fewest
    kept &= np.where(funded, (steps >= problems.low) & (steps <= problems.high), ~problems.committed).all(axis=1)
    kept &= (~funded | problems.committed | problems.optional).all(axis=1)
    if not kept.all():
        raise RuntimeError("quartier made a plan that breaks its own rules; please report this.")


def side_by_side(sites: Sites, scenario: Scenario, folder: str | Path = "data") -> dict[str, Plan | InfeasibleScenario]:
    """Set all scenarios of a city's folder beside a scenario.

    Parameters
    ----------
    sites : Sites
        The same for all scenarios: as they were read, not as one of them chooses single ones.
    scenario : Scenario
        Stands first. If the folder's scenario of this name is another, it is called ``<name>-changed``.
    folder : path
        City's folder; the others are shown in the first one's language, and take their effect scales from where it does: benefits
        by different scales cannot be compared.

    Returns
    -------
    dict of str to Plan or InfeasibleScenario
        By name: the plan, or why there is none.

    Raises
    ------
    ScenarioError
        A scenario file has faults.
    """
    refuse_other_things("side_by_side", sites, scenario)
    beside = scenarios_beside(sites, scenario, folder)
    unchanged = beside.get(scenario.name) in (scenario, None)
    beside = {scenario.name if unchanged else f"{scenario.name}-changed": scenario, **beside}
    return {name: find_conflict(sites, one) or allocate(sites, one) for name, one in beside.items()}


def scenarios_beside(sites: Sites, scenario: Scenario, folder: str | Path) -> dict[str, Scenario]:
    """Give the scenarios of a city's folder as `side_by_side` compares them with a scenario.

    Raises
    ------
    ScenarioError
        A scenario file has faults.
    """
    from quartier.scenario import Scenario, scenario_names

    beside = {}
    for name in scenario_names(folder):
        one = Scenario.named(name, folder, scenario.language, sites).replace(language=scenario.language)
        if one.response == scenario.response == "saturating":
            one = one.replace(response_from=scenario.response_from)
        beside[name] = one
    return beside


def leave_one_out(sites: Sites, scenario: Scenario) -> pd.DataFrame:
    """Show which indicator moves the money: the plan with each need indicator left out.

    Returns
    -------
    DataFrame
        EUR, index site_id; column ``all`` with every indicator, then one column for each indicator that is left out.
        If only one indicator has a weight, there is nothing to leave out.
    """
    import pandas as pd

    refuse_other_things("leave_one_out", sites, scenario)
    sites, scenario = scenario.settled(sites)
    weights = {name: weight for name, weight in (scenario.need_weights or sites.weights).items() if weight}
    plans = {"all": allocate(sites, scenario).amounts}
    for name in weights if len(weights) > 1 else ():
        rest = {other: weight for other, weight in weights.items() if other != name}
        plans[name] = allocate(sites, scenario.replace(need_weights=rest)).amounts
    return pd.DataFrame(plans)


def _rank(sites: Sites, need: np.ndarray, scale_eur: np.ndarray) -> np.ndarray:
    """Order of the sites that breaks ties: need (greatest first), scale, floor, cap, then site_id; shape of the need."""
    by_id = np.argsort(np.array(sites.site_ids, dtype=str), kind="stable")  # quick where they are in order already
    keys = [sites.numbers("max_eur"), sites.numbers("min_eur"), scale_eur, -need]
    return by_id[np.lexsort([np.broadcast_to(key, need.shape)[..., by_id] for key in keys])]


def _problem(sites: Sites, scenario: Scenario, rules: Limits, need: np.ndarray, rank: np.ndarray) -> prices.Problems:
    """One row for the kernel, in tie-breaking order; nobody gets more than the budget."""
    high, part = np.minimum(rules.high, rules.budget)[rank], year_share(sites, scenario)
    low = rules.low[rank]
    return prices.Problems(
        curve=_curve(scenario),
        need=(need * part)[None, rank],
        scale_eur=(sites.numbers("scale_eur") * part)[None, rank],
        low=low[None],
        high=np.maximum(high, low)[None],
        committed=rules.committed[None, rank],
        optional=(rules.fundable[rank] & ~rules.committed[rank] & (low <= high))[None],
        budget=np.array([rules.budget]),
        fewest=np.array([scenario.min_sites]),
        most=np.array([scenario.max_sites]),
    )


def _curve(scenario: Scenario) -> prices.Curve:
    return prices.Curve(
        float(scenario.step_eur), scenario.response, scenario.inequality_aversion, scenario.base_coverage
    )


def _certified(
    sites: Sites,
    scenario: Scenario,
    need: pd.Series,
    steps: np.ndarray,
    bound: float,
    baselines: dict[str, np.ndarray],
    outcome: Outcome | None = None,
) -> Plan:
    """Make the plan and check it from its amounts; only then is it called optimal."""
    import pandas as pd

    index = pd.Index(sites.site_ids, name="site_id")
    amounts = np.round(steps * float(scenario.step_eur), 9)
    reached = objective(sites, scenario, need.to_numpy(), amounts)
    bound = max(reached, bound)
    met = bound - reached <= TOLERANCE * abs(bound)
    if scenario.method != "optimal":
        outcome = Outcome.BY_RULE
    elif outcome is None:
        outcome = Outcome.OPTIMAL if met else Outcome.FEASIBLE
        if bound - reached <= 4 * prices.TIE * abs(bound):
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
    return _checked(plan)


def _checked(plan: Plan) -> Plan:
    broken = plan.broken_rules()
    if broken:
        raise RuntimeError("quartier made a plan that breaks its own rules; please report this: " + " ".join(broken))
    return plan


# --- simpler ways to divide ----------------------------------------------------------------------------------------


def _baselines(
    sites: Sites, scenario: Scenario, rules: Limits, need: np.ndarray, rank: np.ndarray
) -> dict[str, np.ndarray]:
    """EUR, shape (n,), by equal split, by need, and last year's amounts where there are any."""
    funded = _funded_by_need(rules, scenario, rank)
    result = {
        "equal_split": _split(rules, funded, np.ones(len(need)), rank) * float(scenario.step_eur),
        "need_proportional": _split(rules, funded, need, rank) * float(scenario.step_eur),
    }
    previous = sites.numbers("previous_eur")
    if np.isfinite(previous).any():
        result["last_year"] = np.nan_to_num(previous)
    return {name: np.round(amounts, 9) for name, amounts in result.items()}


def _baselines_over_years(
    years: list[tuple[Sites, Scenario]], scenario: Scenario, need: np.ndarray, rank: np.ndarray
) -> list[dict[str, np.ndarray]]:
    """EUR by equal split and by need in each year, each with what it has itself left in the year before."""
    found: list[dict[str, np.ndarray]] = [{} for _ in years]
    for name, weight in (("equal_split", np.ones(len(need))), ("need_proportional", need)):
        carried_eur = scenario.carried_eur
        for here, (sites, one) in zip(found, years, strict=True):
            year = one.replace(carried_eur=carried_eur)
            rules = limits(sites, year)
            steps = _split(rules, _funded_by_need(rules, year, rank), weight, rank)
            here[name] = np.round(steps * float(year.step_eur), 9)
            carried_eur = carried_over_eur(sites, year, here[name], scenario.carry_limit_eur)
    return found


def _funded_by_need(rules: Limits, scenario: Scenario, rank: np.ndarray) -> np.ndarray:
    """Fund the committed sites, then the others in order of need.

    While places last and money for their floors and for those that must still follow.
    """
    optional = rank[(rules.fundable & ~rules.committed)[rank]]
    floors = rules.low[optional].tolist()
    spare = rules.budget - int(rules.low[rules.committed].sum())
    count, taken = int(rules.committed.sum()), []
    for at, floor in enumerate(floors):
        if count >= scenario.max_sites or spare <= 0:
            break
        still_asked = scenario.min_sites - count - 1
        kept_back = sum(sorted(floors[at + 1 :])[:still_asked]) if still_asked > 0 else 0
        if floor + kept_back <= spare:
            taken.append(at)
            count += 1
            spare -= floor
    funded = rules.committed.copy()
    funded[optional[taken]] = True
    return funded


def _split(rules: Limits, funded: np.ndarray, weight: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Divide the budget among the funded by weights within floors and caps, in whole steps.

    By largest remainder (Hare, Niemeyer).
    """
    low, high = rules.low[funded].astype(float), rules.high[funded].astype(float)
    total = min(float(rules.budget), high.sum())
    share = weight[funded]
    if not share.sum() > 0:
        share = np.ones(len(share))
    given = _fill_level(low, high, share, total) if funded.any() else low
    steps = np.floor(given + 1e-9)
    first = (np.cumsum(funded) - 1)[rank[funded[rank]]]  # the funded sites in tie-breaking order
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
