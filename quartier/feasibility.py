"""Whether any plan keeps all rules; if none does: which rules conflict, by how much, and the least change that mends it.

A conflict is found by letting go of one rule after the other as long as the rest still cannot hold together (deletion
filter: Chinneck & Dravnieks 1991, ORSA J. Computing 3(2), 157-168). What remains is irreducible: without any one of its
rules there would be a plan. A repair is the least change to one rule with which there is a plan again, found by trying.
"""

from __future__ import annotations

import bisect
import dataclasses
import functools
import itertools
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quartier import crossing
from quartier import need as needs
from quartier.data import STATUSES
from quartier.language import Texts, mark
from quartier.plan import (
    InfeasibleScenario,
    Limits,
    Repair,
    Rule,
    Shared,
    all_limits,
    crosses,
    limits,
    single_years,
    year_share,
)
from quartier.scenario import GROUP_LIMITS

if TYPE_CHECKING:
    from quartier.data import Sites
    from quartier.scenario import Scenario

NO_LIMIT_EUR = 1e12
"""More than any budget: a rule that does not bind."""

MOST_TENTHS = 1_000_000
"""Most by which a limit of change is raised, in tenths of a per cent."""

ROUNDING_STEPS = 1e-6
"""Parts of a step that carried money may be off."""

FEW_SITES = 100
"""Of no more sites than these it is tried whether each must be released; of more that would take long and help nobody."""


class Held(NamedTuple):
    """A site that somebody holds at an amount: its floor and cap are this amount then, and its status commits.

    Attributes
    ----------
    amount_eur : float
        What it is held at, EUR.
    min_eur, max_eur, status
        What it has without.
    """

    amount_eur: float
    min_eur: float
    max_eur: float
    status: str


class _Problem(NamedTuple):
    """The sites as they are held, if some are: being held is a rule of its own, and letting go gives a site back what it had."""

    sites: Sites
    scenario: Scenario
    held: Mapping[str, Held] = {}


def refuse_impossible(sites: Sites, scenario: Scenario) -> None:
    """Return if some plan keeps all rules.

    Raises
    ------
    InfeasibleScenario
        None does.
    """
    found = find_conflict(sites, scenario)
    if found is not None:
        raise found


def find_conflict(
    sites: Sites, scenario: Scenario, held: Mapping[str, Held] | None = None
) -> InfeasibleScenario | None:
    """Say what makes the scenario impossible, with the least repairs, without raising it; None if some plan keeps all rules.

    Sites that are held at an amount stay so in each repair that does not say that it lets go of them.
    """
    problem = _Problem(*scenario.settled(sites), held or {})
    return None if _possible(problem) else _explanation(problem)


def possible(sites: Sites, scenario: Scenario) -> bool:
    """Say whether a plan exists: amounts, places, sites and money for all that must be funded; by a solver where that is open.

    What the solver cannot say within the scenario's time limit counts as possible.
    """
    years = [all_limits(*year) for year in single_years(sites, scenario)]
    answer = _by_the_least_plan(years, scenario)
    if answer is not None:
        return answer
    limit_s = scenario.time_limit_s
    deadline = math.inf if limit_s is None else time.monotonic() + limit_s
    return crossing.possible(crossing.rules_of(sites, scenario, lean=True), deadline)


def _possible(problem: _Problem) -> bool:
    return possible(problem.sites, problem.scenario)


def _by_the_least_plan(years: list[tuple[Limits, list[Shared]]], scenario: Scenario) -> bool | None:
    """Say whether a plan exists, by the floors of the sites that must be funded and of the cheapest others asked for.

    None: the least plan does not say, as with floors of groups or years that hang together.
    """
    inflow, open_, first = 0.0, False, None
    for rules, shared in years:
        must, may = rules.committed, rules.committed | rules.fundable
        if (must & (rules.low > rules.high)).any() or scenario.min_sites > may.sum():
            return False
        steps = _least_steps(rules, scenario.min_sites)
        needed, spare = np.where(must, rules.low, 0), scenario.carry_limit_eur / scenario.step_eur
        for one in shared:
            of = one.members
            most = one.most_steps + (inflow if one.money else 0.0)
            least_of = steps if of.all() else needed  # the cheapest others need not be among the members
            if (
                least_of[of].sum() > most
                or (must & of).sum() > one.most_sites
                or rules.high[may & of].sum() < one.least_steps
                or (may & of).sum() < one.least_sites
            ):
                return False
            together, funded = steps[of].sum(), (steps[of] > 0).sum()
            open_ |= not one.least_steps <= together <= one.most_steps
            open_ |= not one.least_sites <= funded <= one.most_sites
            spare = min(spare, most - least_of[of].sum()) if one.money else spare
        inflow, first = spare + ROUNDING_STEPS, steps if first is None else first
        if scenario.max_change_share is not None and (scenario.months or not np.array_equal(steps, first)):
            open_ |= len(years) > 1
    return None if open_ else True


def _least_steps(rules: Limits, min_sites: int) -> np.ndarray:
    """Floors of the sites that must be funded and of the cheapest others asked for, shape (n,); 0 for those left out."""
    chosen, missing = rules.committed.copy(), min_sites - int(rules.committed.sum())
    if missing > 0:
        others = np.flatnonzero(rules.fundable & ~rules.committed)
        chosen[others[np.argsort(rules.low[others], kind="stable")[:missing]]] = True
    return np.where(chosen, rules.low, 0)


# --- conflicts ----------------------------------------------------------------------------------------------------

# In the order in which rules are let go: a conflict is told in terms of the last of these that it needs.
_KINDS = (
    "step_eur",
    "excluded",
    "held",
    "max_eur",
    "min_eur",
    "max_change_share",
    "carry_limit_eur",
    "reserve_eur",
    "min_sites",
    "max_sites",
    "groups",
    "budget_eur",
    "commitment",
)


def _kinds(problem: _Problem) -> list[str]:
    """Rules that can be let go, each group and each site that is held by itself."""
    several = {
        "groups": [f"groups.{i}" for i in range(len(problem.scenario.groups))],
        "held": [f"held.{site_id}" for site_id in problem.held],
    }
    return [one for kind in _KINDS for one in several.get(kind, [kind])]


def _is_group(kind: str) -> bool:
    return kind.startswith("groups.")


def _only(problem: _Problem, kinds: Iterable[str], *, whole_years: bool = False) -> _Problem:
    """Give the problem with these rules alone; with no rule let go is less allowed than before.

    Shares stay shares of the budget that is stated, also where it is let go, of several years the one that asks for least. A site
    that was excluded and no longer is need not go on because it had money. Months are no rule but what is known of the
    sites, for a part of a year has lower floors as well as lower caps: they count unless the year is to be a whole one.
    """
    kinds = set(kinds)
    problem = _freed(problem, [site_id for site_id in problem.held if f"held.{site_id}" not in kinds])
    sites, scenario, held = problem
    step, budgets = scenario.step_eur, scenario.budgets_eur
    let_go: dict[str, dict[str, object]] = {
        "step_eur": {"step_eur": step * (1e-2 if crosses(scenario) else 1e-6)},
        "excluded": {"excluded": ()},
        "max_eur": {"max_eur": NO_LIMIT_EUR},
        "min_eur": {"min_eur": 0.0},
        "max_change_share": {"max_change_share": None},
        "carry_limit_eur": {"carry_limit_eur": math.ceil((sum(budgets) + scenario.carried_eur) / step) * step},
        "reserve_eur": {"reserve_eur": 0.0},
        "min_sites": {"min_sites": 0},
        "max_sites": {"max_sites": max(len(sites), scenario.max_sites)},
        # With money without end, none needs to be earmarked or carried over.
        "budget_eur": {
            "budget_eur": NO_LIMIT_EUR,
            "later_budgets_eur": (),
            "carry_limit_eur": 0.0,
            "carried_eur": 0.0,
            "earmarked": (),
        },
        "commitment": {"committed": ()},
    }
    changes: dict[str, Any] = {
        name: value for kind, change in let_go.items() if kind not in kinds for name, value in change.items()
    }
    groups = [group.model_dump() for i, group in enumerate(scenario.groups) if f"groups.{i}" in kinds]
    if "budget_eur" not in kinds:
        groups = [limits for group in groups for limits in _in_eur(group, budgets)]
    if "excluded" not in kinds and scenario.max_change_share is not None and not scenario.may_end:
        out = np.isin(sites.statuses, scenario.excluded)
        sites = _with(sites, "previous_eur", np.where(out, math.nan, sites.numbers("previous_eur")))
    if whole_years:
        changes["months"] = {}
    for column in ("min_eur", "max_eur"):
        if held and column in changes:  # what is held stays so
            sites = _with(sites, column, np.where(_is_free(problem), changes.pop(column), sites.numbers(column)))
    return _Problem(sites, scenario.replace(groups=groups, **changes), held)


def _freed(problem: _Problem, gone: list[str]) -> _Problem:
    """Let go of sites that are held: they have the floor, cap and status again that they have without."""
    sites, held = problem.sites, problem.held
    if not gone:
        return problem
    at = [sites.site_ids.index(site_id) for site_id in gone]
    for column in ("min_eur", "max_eur", "status"):
        values = sites.frame[column].to_numpy().copy()
        values[at] = [getattr(held[site_id], column) for site_id in gone]
        sites = _with(sites, column, values)
    return _Problem(sites, problem.scenario, {one: held[one] for one in held if one not in gone})


def _is_free(problem: _Problem) -> np.ndarray:
    """Say which sites nobody holds, shape (n,)."""
    return ~np.isin(problem.sites.site_ids, list(problem.held))


def _in_eur(group: dict[str, Any], budgets: Iterable[float]) -> list[dict[str, Any]]:
    """Give a group's limits with its shares in EUR, as a group of their own: the two may contradict each other."""
    shares = {"min_eur": (group["min_share"], min(budgets)), "max_eur": (group["max_share"], max(budgets))}
    amounts = {limit: share * budget for limit, (share, budget) in shares.items() if share is not None}
    plain = {**group, "min_share": None, "max_share": None}
    return [plain, {"by": group["by"], "name": group["name"], **amounts}] if amounts else [plain]


def _with(sites: Sites, column: str, values: np.ndarray) -> Sites:
    """Give the sites with other values that are known to be right: checking them takes longer than all the rest."""
    kept = {name: value for name, value in sites.cache.items() if name != column}
    return dataclasses.replace(sites, _frame=sites.frame.assign(**{column: values}), cache=kept)


def _irreducible(problem: _Problem, known: Iterable[list[str]] = ()) -> list[str]:
    """Give a conflict; one of the known ones, if it still is one."""
    rules, kinds = limits(problem.sites, problem.scenario), _kinds(problem)
    kinds = next((one for one in known if not _possible(_only(problem, one))), kinds)
    kinds = [kind for kind in kinds if kind != "months"]
    groups = [kind for kind in kinds if _is_group(kind)]
    order = [[kind] for kind in kinds]
    if groups:  # all at once, before each by itself
        order.insert(kinds.index(groups[0]), groups)
    if (rules.committed & (rules.low > rules.high)).any():  # no amount for a site: told as such, whatever else is wrong
        order = [["budget_eur"], ["max_sites"], ["min_sites"], *order]
    current = _only(problem, kinds)
    for gone in order:
        rest = [kind for kind in kinds if kind not in gone]
        without = _only(problem, rest)
        same = without.scenario == current.scenario and not problem.held
        if len(rest) < len(kinds) and (same or not _possible(without)):
            kinds, current = rest, without
    if problem.scenario.months and _possible(_only(problem, kinds, whole_years=True)):
        kinds.insert(0, "months")
    return kinds[::-1]


def _explanation(problem: _Problem) -> InfeasibleScenario:
    words = _Words(problem, _irreducible(problem))
    rules = tuple(words.rule(kind) for kind in words.kinds)
    ways = [(way[0][0], _needed(problem, way)) for way in _ways(problem, words.kinds, [])]
    # What does without a change to the rule itself is the repair of another rule.
    ways = [way for way in ways if way[0] in dict(way[1])] or ways
    found = sorted((words.repair(*way) for way in ways), key=lambda repair: repair.goes_on)
    return InfeasibleScenario(words.head(), rules, tuple(found), words.texts)


# --- repairs ------------------------------------------------------------------------------------------------------

Change = Callable[[_Problem], _Problem]
Step = tuple[str, Change]
Test = Callable[[_Problem], bool]


def _ways(problem: _Problem, conflict: list[str], known: list[list[str]]) -> Iterator[list[Step]]:
    """Give the least change to each rule of a conflict that mends it; commitments come last.

    Where no change to the rule keeps all others, too, it is one that mends this conflict alone, with the first change that
    mends what is left then. Conflicts that are met on the way are added to the known ones.
    """
    kinds = _kinds(problem)
    for kind in sorted(conflict, key=lambda kind: kind == "commitment"):
        least = functools.partial(_CHANGES[kind.partition(".")[0]], problem, kind)
        rest = _only(problem, [other for other in kinds if other != kind], whole_years=kind == "months")
        # Smaller steps and shares of a greater budget may allow what the rule's absence, as it is stated here, does not.
        change = least(_possible) if kind in ("step_eur", "budget_eur") or _possible(rest) else None
        if change is not None:
            yield [(kind, change)]
            continue
        change = least(lambda changed: _possible(_only(changed, conflict)))
        if change is not None:
            changed = change(problem)
            left = _irreducible(changed, known)
            known.append(left)
            for further in itertools.islice(_ways(changed, left, known), 1):
                yield [(kind, change), *further]


def _needed(problem: _Problem, steps: list[Step]) -> list[Step]:
    """Leave out steps that later ones make needless."""
    for step in steps[:-1]:
        fewer = [other for other in steps if other is not step]
        steps = fewer if _possible(_changed(problem, fewer)) else steps
    return steps


def _changed(problem: _Problem, steps: Iterable[Step]) -> _Problem:
    return functools.reduce(lambda problem, step: step[1](problem), steps, problem)


def _chosen_anew(before: Scenario, after: Scenario, sites: Sites) -> Scenario:
    """Give a changed scenario the choices for single sites that it had before, as they are at the sites now."""
    after = after.replace(response_from=before.response_from)
    if not before.sites:
        return after
    frame, chosen = sites.frame, {}
    for site_id, choice in before.sites.items():
        here = {name: frame.loc[site_id, name] for name in choice.choices()}
        chosen[site_id] = {name: str(value) if name == "status" else float(value) for name, value in here.items()}
    return after.replace(sites=chosen)


def _field(**changes: object) -> Change:
    return lambda problem: problem._replace(scenario=problem.scenario.replace(**changes))


def _least(problem: _Problem, test: Test, change: Callable[[int], Change], most: int) -> Change | None:
    """Give the change by the least whole number up to `most` that passes the test, found by halving; None if `most` does not."""
    number = _least_number(problem, test, change, most)
    return change(number) if number else None


def _least_number(problem: _Problem, test: Test, change: Callable[[int], Change], most: int) -> int:
    if most < 1 or not test(change(most)(problem)):
        return 0
    return 1 + bisect.bisect_left(range(1, most), True, key=lambda number: test(change(number)(problem)))


def _first(problem: _Problem, test: Test, changes: Iterable[Change]) -> Change | None:
    return next((change for change in changes if test(change(problem))), None)


def _enough_steps(problem: _Problem) -> int:
    """Steps that are enough for any plan if there is one: all floors of sites and groups."""
    years = [all_limits(*year) for year in single_years(problem.sites, problem.scenario)]
    steps = sum(int(rules.low.sum()) + int(sum(one.least_steps for one in shared)) for rules, shared in years)
    return min(steps, int(NO_LIMIT_EUR / problem.scenario.step_eur))


def _raise_budget(problem: _Problem, kind: str, test: Test) -> Change | None:
    """The least budget in whole cents, found by halving: whole steps of it are of use, but what it is added to need not be any."""
    scenario, there = problem.scenario, problem.scenario.budget_eur
    cents = math.floor(there * 100 + 1e-6)
    share = min((group.max_share for group in scenario.groups if group.max_share), default=1.0)
    enough = (_enough_steps(problem) * scenario.step_eur + scenario.reserve_eur) / share
    most = min(math.ceil(enough * 100), math.floor((NO_LIMIT_EUR - max(scenario.budgets_eur)) * 100))

    def raised(more: int) -> Change:
        budget_eur = (cents + more) / 100
        later = tuple(other + budget_eur - there for other in scenario.later_budgets_eur)
        return _field(budget_eur=budget_eur, later_budgets_eur=later)

    # A least share of a group grows with the budget: too much may be as bad as too little.
    halved = most.bit_length() if any(group.min_share for group in scenario.groups) else 1
    tried = (most >> k for k in range(halved) if most >> k > 0)
    return _least(problem, test, raised, next((more for more in tried if test(raised(more)(problem))), 0))


def _raise_carry(problem: _Problem, kind: str, test: Test) -> Change | None:
    step, stated = problem.scenario.step_eur, problem.scenario.carry_limit_eur
    most = math.ceil(sum(problem.scenario.budgets_eur) / step) + 1
    return _least(problem, test, lambda steps: _field(carry_limit_eur=stated + steps * step), most)


def _whole_year(problem: _Problem, kind: str, test: Test) -> Change | None:
    """Fund sites that start later for the whole year: one of them, else all."""
    months = problem.scenario.months
    kept = [*({site: n for site, n in months.items() if site != gone} for gone in months), {}]
    return _first(problem, test, (_field(months=some) for some in kept))


def _lower_reserve(problem: _Problem, kind: str, test: Test) -> Change | None:
    """The greatest reserve in whole cents."""
    cents = math.ceil(problem.scenario.reserve_eur * 100 - 1e-6)
    return _least(problem, test, lambda less: _field(reserve_eur=(cents - less) / 100), cents)


def _ease_change(problem: _Problem, kind: str, test: Test) -> Change | None:
    """Raise the change limit in steps of a tenth of a per cent; rather than to 100 % or more, let sites end if that will do."""
    stated = problem.scenario.max_change_share or 0.0

    def raised(tenths: int, **further: bool) -> Change:
        return _field(max_change_share=stated + tenths / 1000, **further)

    change = _least(problem, test, raised, MOST_TENTHS)
    if problem.scenario.may_end or (change and (change(problem).scenario.max_change_share or 0.0) < 1):
        return change
    raised_and_may_end = functools.partial(raised, may_end=True)
    return (
        _first(problem, test, [_field(may_end=True)])
        or change
        or _least(problem, test, raised_and_may_end, MOST_TENTHS)
    )


def _ease_group(problem: _Problem, kind: str, test: Test) -> Change | None:
    """Ease one limit of a group as little as will do, in whole steps or sites; else lift one, else all."""
    scenario, at = problem.scenario, int(kind.partition(".")[2])
    stated = scenario.groups[at].model_dump(include=set(GROUP_LIMITS), exclude_none=True)

    def eased(**changes: object) -> Change:
        def change(problem: _Problem) -> _Problem:
            groups = [group.model_dump() for group in problem.scenario.groups]
            groups[at] |= changes
            return problem._replace(scenario=problem.scenario.replace(groups=groups))

        return change

    units = {
        "eur": scenario.step_eur,
        "share": scenario.step_eur / max(scenario.budget_eur, scenario.step_eur),
        "sites": 1,
    }
    for field in stated:
        lifted = eased(**{field: None})
        if not test(lifted(problem)):
            continue
        floor, unit = field.startswith("min"), units[field[4:]]
        whole = stated[field] / unit
        start = math.ceil(whole - 1e-9) if floor else math.floor(whole + 1e-9)
        top = {"eur": _enough_steps(problem), "share": math.ceil(1 / unit), "sites": len(problem.sites)}[field[4:]]

        def to(steps: int, field: str = field, floor: bool = floor, unit: float = unit, start: int = start) -> Change:
            value = max(0, (start - steps if floor else start + steps) * unit)
            return eased(**{field: min(1.0, value) if field.endswith("share") else value})

        return _least(problem, test, to, start if floor else top - start) or lifted
    return eased(**dict.fromkeys(stated))


def _raise_places(problem: _Problem, kind: str, test: Test) -> Change | None:
    stated = problem.scenario.max_sites
    return _least(problem, test, lambda more: _field(max_sites=stated + more), len(problem.sites) - stated)


def _lower_least_sites(problem: _Problem, kind: str, test: Test) -> Change | None:
    stated = problem.scenario.min_sites
    return _least(problem, test, lambda less: _field(min_sites=stated - less), stated)


def _at_the_sites(column: str, value_eur: float, eased: Callable[..., Any]) -> Change:
    """Ease floors or caps to a value: the scenario's where it states them, else those of the sites, held ones as they are without."""

    def change(problem: _Problem) -> _Problem:
        sites, scenario, held = problem
        stated = getattr(scenario, column)
        if stated is not None:
            return problem._replace(scenario=scenario.replace(**{column: float(eased(stated, value_eur))}))
        values = sites.numbers(column)
        sites = _with(sites, column, np.where(_is_free(problem), eased(values, value_eur), values))
        without: dict[str, dict[str, Any]] = {
            site_id: {column: float(eased(getattr(one, column), value_eur))} for site_id, one in held.items()
        }
        return _Problem(sites, scenario, {site_id: one._replace(**without[site_id]) for site_id, one in held.items()})

    return change


def _lower_floors(problem: _Problem, kind: str, test: Test) -> Change | None:
    """The highest level of floors that fits, in whole steps."""
    scenario, step = problem.scenario, problem.scenario.step_eur
    floors = [*problem.sites.numbers("min_eur")[_is_free(problem)], *(one.min_eur for one in problem.held.values())]
    top = math.ceil(np.max(floors if scenario.min_eur is None else scenario.min_eur) / step)
    return _least(problem, test, lambda less: _at_the_sites("min_eur", (top - less) * step, np.minimum), top - 1)


def _raise_caps(problem: _Problem, kind: str, test: Test) -> Change | None:
    """The lowest level of caps that is enough, in whole steps."""
    step, part = problem.scenario.step_eur, year_share(problem.sites, problem.scenario).min(initial=1.0)
    most = min(math.ceil(_enough_steps(problem) / part), int(NO_LIMIT_EUR / step))
    return _least(problem, test, lambda steps: _at_the_sites("max_eur", steps * step, np.maximum), most)


def _smaller_step(problem: _Problem, kind: str, test: Test) -> Change | None:
    """The step in two or more equal parts of whole cents."""
    cents = problem.scenario.step_eur * 100
    parts = (parts for parts in range(2, 1001) if abs(cents / parts - round(cents / parts)) < 1e-9)
    return _first(problem, test, (_field(step_eur=problem.scenario.step_eur / number) for number in parts))


def _admit_statuses(problem: _Problem, kind: str, test: Test) -> Change | None:
    excluded = problem.scenario.excluded
    kept = (some for count in range(len(excluded) - 1, -1, -1) for some in itertools.combinations(excluded, count))
    return _first(problem, test, (_field(excluded=some) for some in kept))


def _let_go(problem: _Problem, kind: str, test: Test) -> Change | None:
    """Let go of a site that is held."""
    return _first(problem, test, [lambda problem: _freed(problem, [kind.partition(".")[2]])])


def _release(problem: _Problem, kind: str, test: Test) -> Change | None:
    """Release sites from their commitment: first those without an amount, then high floors if money lacks, then little need.

    Those that are held stay committed.
    """
    sites, scenario, _ = problem
    rules, need, ids = limits(sites, scenario), needs.weigh(sites, scenario.need_weights).to_numpy(), sites.site_ids
    costs = rules.low if _least_steps(rules, 0).sum() > rules.budget else np.zeros(len(ids))
    stuck, bound = rules.low > rules.high, np.isin(sites.statuses, scenario.committed) & _is_free(problem)
    order = sorted(map(int, np.flatnonzero(bound)), key=lambda i: (~stuck[i], -costs[i], need[i], ids[i]))
    free = [status for status in STATUSES if status not in scenario.committed]
    if not free:
        return None if problem.held else _first(problem, test, [_field(committed=())])
    free.sort(key=lambda status: status in scenario.excluded)

    def released(gone: list[int]) -> Change:
        def change(problem: _Problem) -> _Problem:
            statuses = problem.sites.statuses.astype(object)
            statuses[gone] = free[0]
            return problem._replace(sites=_with(problem.sites, "status", statuses))

        return change

    gone = order[: _least_number(problem, test, lambda count: released(order[:count]), len(order))]
    for i in gone[::-1] if crosses(scenario) and len(gone) <= FEW_SITES else []:
        fewer = [other for other in gone if other != i]
        gone = fewer if test(released(fewer)(problem)) else gone
    return released(gone) if gone else None


_CHANGES: dict[str, Callable[[_Problem, str, Test], Change | None]] = {
    "groups": _ease_group,
    "held": _let_go,
    "max_change_share": _ease_change,
    "months": _whole_year,
    "carry_limit_eur": _raise_carry,
    "reserve_eur": _lower_reserve,
    "budget_eur": _raise_budget,
    "max_sites": _raise_places,
    "min_sites": _lower_least_sites,
    "min_eur": _lower_floors,
    "max_eur": _raise_caps,
    "step_eur": _smaller_step,
    "excluded": _admit_statuses,
    "commitment": _release,
}


# --- words --------------------------------------------------------------------------------------------------------


class _Words:
    """Sentences of a conflict, in the scenario's language."""

    def __init__(self, problem: _Problem, kinds: list[str]) -> None:
        self.problem, self.kinds = problem, kinds
        self.texts = Texts(problem.scenario.language)
        self.names = [str(name) for name in problem.sites.frame["name"]]
        self.conflict = _only(problem, kinds)
        self.rules = limits(self.conflict.sites, self.conflict.scenario)

    def head(self) -> str:
        """Say in sites, places and EUR what is missing."""
        texts, rules, scenario = self.texts, self.rules, self.problem.scenario
        count = int(rules.committed.sum())
        groups = [
            self.problem.scenario.groups[int(kind.partition(".")[2])].name for kind in self.kinds if _is_group(kind)
        ]
        if groups:
            return texts.text(
                "The limits of {names} cannot be kept together with the other rules.", names=texts.listing(groups)
            )
        beyond = scenario.years > 1 or scenario.earmarked or scenario.carried_eur or scenario.months
        if beyond or {"max_change_share", "reserve_eur"} & set(self.kinds):
            return texts.text("No plan keeps all rules.")
        if "budget_eur" in self.kinds:
            required = self.least_eur()
            return texts.text(
                "{n} site needs at least {required}; {budget} are there; {missing} are missing.",
                plural="{n} sites need at least {required}; {budget} are there; {missing} are missing.",
                n=max(count, self.conflict.scenario.min_sites),
                required=texts.eur(required),
                budget=texts.eur(scenario.budget_eur),
                missing=texts.eur(required - scenario.budget_eur),
            )
        if "max_sites" in self.kinds:
            return texts.text(
                "{n} site must be funded; places: {most}; missing: {missing}.",
                plural="{n} sites must be funded; places: {most}; missing: {missing}.",
                n=count,
                most=scenario.max_sites,
                missing=count - scenario.max_sites,
            )
        if "commitment" in self.kinds:
            stuck = [
                name for name, bad in zip(self.names, rules.committed & (rules.low > rules.high), strict=True) if bad
            ]
            return texts.text(
                "No amount is possible for {sites}, though it must be funded.", sites=texts.listing(stuck)
            )
        can = int(rules.fundable.sum())
        return texts.text("At least {n} sites are to be funded; only {can} may be.", n=scenario.min_sites, can=can)

    def least_eur(self) -> float:
        """What the sites need that the conflict is about.

        Where not even a step a site is there, floors are no part of the conflict: they are what is needed all the same.
        """
        conflict, kinds = self.conflict, self.kinds
        if "min_eur" not in kinds:
            held = [f"held.{site_id}" for site_id in self.problem.held]
            conflict = _only(self.problem, {*kinds, *held, "min_eur", "step_eur"})
        rules = limits(conflict.sites, conflict.scenario)
        return int(_least_steps(rules, conflict.scenario.min_sites).sum()) * conflict.scenario.step_eur

    def rule(self, kind: str) -> Rule:
        """Give a rule of the conflict in words."""
        texts, (sites, scenario, held) = self.texts, self.problem
        if kind.startswith("held."):
            site_id = kind.partition(".")[2]
            name, amount = sites.frame.loc[site_id, "name"], texts.eur(held[site_id].amount_eur)
            return Rule(kind, texts.text("{site} is locked at {amount}", site=name, amount=amount))
        if kind == "commitment":
            n = int(np.isin(sites.statuses, scenario.committed).sum())
            return Rule(kind, texts.text("{n} site must be funded", plural="{n} sites must be funded", n=n))
        if kind == "excluded":
            listed = texts.listing(texts.given(texts.name("status", status)) for status in scenario.excluded)
            return Rule(kind, texts.text("sites with the status {status} are excluded", status=listed))
        if kind == "max_sites":
            return Rule(kind, texts.text("places: at most {n}", n=scenario.max_sites))
        if kind == "min_sites":
            return Rule(kind, texts.text("at least {n} sites are to be funded", n=scenario.min_sites))
        if kind == "budget_eur" and scenario.years > 1:
            shown = texts.listing(texts.eur(budget_eur) for budget_eur in scenario.budgets_eur)
            return Rule(kind, texts.text("the budgets of the years are {budgets}", budgets=shown))
        if kind == "budget_eur":
            return Rule(kind, texts.text("the budget is {budget}", budget=texts.eur(scenario.budget_eur)))
        if kind == "step_eur":
            return Rule(kind, texts.text("amounts are multiples of {step}", step=texts.eur(scenario.step_eur)))
        if kind == "max_change_share":
            return Rule(
                kind,
                texts.text(
                    "change against last year: at most {share}", share=texts.percent(scenario.max_change_share or 0.0)
                ),
            )
        if kind == "carry_limit_eur":
            limit = texts.eur(scenario.carry_limit_eur)
            return Rule(kind, texts.text("from one year to the next go at most {value}", value=limit))
        if kind == "months":
            shown = texts.listing(f"{sites.frame.loc[site, 'name']}: {n}" for site, n in scenario.months.items())
            return Rule(kind, texts.text("months of the first year with money: {months}", months=shown))
        if kind == "reserve_eur":
            return Rule(kind, texts.text("{value} are kept back", value=texts.eur(scenario.reserve_eur)))
        if _is_group(kind):
            group = scenario.groups[int(kind.partition(".")[2])]
            stated_limits = ", ".join(
                f"{name} {value:g}" for name in GROUP_LIMITS if (value := getattr(group, name)) is not None
            )
            return Rule(kind, texts.text("limits of {name}: {limits}", name=group.name, limits=stated_limits))
        stated = getattr(scenario, kind)
        here = self.conflict.sites.numbers(kind)[_is_free(self.conflict)]  # a lock has no floor and cap of its own
        values = here if stated is None else np.array([stated])
        low, high = texts.eur(values.min()), texts.eur(values.max())
        shown = low if low == high else texts.text("{low} to {high}", low=low, high=high)
        if kind == "min_eur":
            return Rule(kind, texts.text("floor of a site: {value}", value=shown))
        return Rule(kind, texts.text("cap of a site: {value}", value=shown))

    def repair(self, rule: str, steps: list[Step]) -> Repair:
        """Give changes to a rule and to others in words; a rule that is changed twice is told once."""
        changed, kinds = _changed(self.problem, steps), sorted(dict(steps), key=lambda kind: kind != rule)
        sentences = [self.changed(kind, changed) for kind in kinds]
        sentence = sentences.pop()
        while sentences:
            sentence = self.texts.text("{first}; and {second}", first=sentences.pop(), second=sentence)

        def apply(sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
            here, after, _ = _changed(_Problem(*scenario.settled(sites), self.problem.held), steps)
            return here, _chosen_anew(scenario, after, here)

        return Repair(kinds[0], sentence, apply, goes_on=len(kinds) > 1)

    def changed(self, kind: str, changed: _Problem) -> str:
        """Say how a rule differs in a changed problem."""
        texts, (sites, before, _), (other_sites, after, _) = self.texts, self.problem, changed
        if kind.startswith("held."):
            return texts.text("unlock {site}", site=sites.frame.loc[kind.partition(".")[2], "name"])
        if kind == "budget_eur":
            more = texts.eur(after.budget_eur - before.budget_eur)
            if before.years > 1:
                return texts.text("raise the budget of each year by {missing}", missing=more)
            required = texts.eur(after.budget_eur)
            return texts.text("raise the budget by {missing} to {required}", missing=more, required=required)
        if kind == "max_change_share":
            said = []
            if after.max_change_share != before.max_change_share:
                share = texts.percent(after.max_change_share or 0.0)
                said.append(texts.text("raise the limit of change to {share}", share=share))
            if after.may_end != before.may_end:
                said.append(texts.text("let sites end"))
            return texts.listing(said)
        if kind == "months":
            whole = texts.listing(sites.frame.loc[site, "name"] for site in before.months if site not in after.months)
            return texts.text("fund {sites} for the whole year", sites=whole)
        if kind == "excluded":
            admitted = [status for status in before.excluded if status not in after.excluded]
            listed = texts.listing(texts.given(texts.name("status", status)) for status in admitted)
            return texts.text("admit sites with the status {status}", status=listed)
        if kind == "commitment":
            bound, free = np.isin(sites.statuses, before.committed), ~np.isin(other_sites.statuses, after.committed)
            gone = texts.listing(itertools.compress(self.names, bound & free))
            return texts.text("release {sites} from the commitment", sites=gone)
        if _is_group(kind):
            return self.eased(int(kind.partition(".")[2]), after)
        simple: dict[str, tuple[str, str]] = {
            "carry_limit_eur": (mark("let {value} go over to the next year"), "value"),
            "reserve_eur": (mark("lower the reserve to {value}"), "value"),
            "max_sites": (mark("raise the number of places to {n}"), "n"),
            "min_sites": (mark("lower the least number of sites to {n}"), "n"),
            "min_eur": (mark("lower the floors to at most {floor}"), "floor"),
            "max_eur": (mark("raise the caps to at least {cap}"), "cap"),
            "step_eur": (mark("lower the step to {step}"), "step"),
        }
        (message, name), value = simple[kind], getattr(after, kind)
        if value is None:  # at the sites
            without = [getattr(one, kind) for one in changed.held.values()]
            values = [*other_sites.numbers(kind)[_is_free(changed)], *without]
            value = max(values) if kind == "min_eur" else min(values)
        return texts.text(message, **{name: texts.eur(value) if kind.endswith("eur") else value})

    def eased(self, at: int, after: Scenario) -> str:
        """Say which limits of a group are others."""
        texts, group, other = self.texts, self.problem.scenario.groups[at], after.groups[at]
        fields = [field for field in GROUP_LIMITS if getattr(group, field) is not None]
        if len(fields) > 1 and all(getattr(other, field) is None for field in fields):
            return texts.text("lift the limits of {name}", name=group.name)
        said = []
        for field in fields:
            value = getattr(other, field)
            if value is None:
                said.append(texts.text("lift the limit {field} of {name}", field=field, name=group.name))
            elif value != getattr(group, field):
                shown = texts.eur(value) if field.endswith("eur") else str(value)
                shown = texts.percent(value) if field.endswith("share") else shown
                message = mark("change the limit {field} of {name} to {value}")
                said.append(texts.text(message, field=field, name=group.name, value=shown))
        return texts.listing(said)
