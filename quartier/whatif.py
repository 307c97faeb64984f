"""What would change a plan, what its rules cost, and which other plans are nearly as good.

Everything is found by solving again: each figure is the difference between two best plans, never a price read off the solver,
which would mislead where money comes in steps. Where more of something can only help (money, the need of a site that is to be
funded), the least that is enough is found by dividing the range; where that is not certain, every step is tried, from the least
on. Every answer holds for one change alone, all else as in the plan.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Concatenate, NamedTuple, ParamSpec, TypeVar

import numpy as np

from quartier.data import Sites
from quartier.feasibility import find_conflict
from quartier.language import PlainError, Texts, signed
from quartier.optimise import Plans, allocate, allocate_many, refuse_other_things
from quartier.plan import (
    ROUNDING,
    TOLERANCE,
    Limits,
    Outcome,
    Plan,
    crosses,
    limits,
    objective,
    single_years,
    year_share,
)

if TYPE_CHECKING:
    import pandas as pd

    from quartier.scenario import Scenario

NEED_STEP = 0.001
"""Needs are changed in steps of 0.1 %."""

MOST_NEED = 10.0
"""Greatest factor of a need that is tried."""

MOST_TRIED = 10_000
"""Most steps of budget that are tried one by one."""

MOST_TRIED_SINGLY = 100
"""The same where limits cross, which takes longer."""

AT_A_TIME = 32
"""Variants that are solved together while a range is divided."""

FINER = 100
"""Where amounts need not be multiples of the step, they are multiples of this part of it; still finer would change nothing."""

ALTERNATIVES_TOLD = 3
"""Most alternatives that are put into sentences."""

TOPICS = ("money", "sites", "rules", "alternatives")
"""What sentences are about, in their order."""

HARDLY = 0.001
"""Share of the objective; what rounds to less is hardly anything."""

MANY = 5
"""From so many names on, sites are named together where they are all there are."""

MUST, MAY, MAY_NOT = "signed", "prospective", "declined"
"""Statuses of a problem that is stated anew: a site must, may or may not be funded."""


P = ParamSpec("P")
T = TypeVar("T")

_ANSWERS: weakref.WeakKeyDictionary[Plan, dict[Any, Any]] = weakref.WeakKeyDictionary()
"""What was found about a plan, for as long as there is the plan: tables, sentences and figures ask for the same things."""


def _once(ask: Callable[Concatenate[Plan, P], T]) -> Callable[Concatenate[Plan, P], T]:
    """Let a question about a plan be worked out only once; who asks gets a copy of the answer."""

    @functools.wraps(ask)
    def answer(plan: Plan, *args: P.args, **kwargs: P.kwargs) -> T:
        found = _ANSWERS.setdefault(plan, {})
        key = (ask.__name__, args, tuple(sorted(kwargs.items())))
        if key not in found:
            found[key] = ask(plan, *args, **kwargs)
        return copy.deepcopy(found[key])

    return answer


@dataclasses.dataclass(frozen=True, eq=False)
class _Problem:
    """A plan's problem, to be varied: the statuses say no more than `MUST`, `MAY` and `MAY_NOT`; the need is given."""

    frame: pd.DataFrame
    scenario: Scenario
    solved: dict[bytes, Plans] = dataclasses.field(default_factory=dict, init=False)
    """Plans for other budgets, by the budgets: many questions begin with the same ones."""

    @property
    def singly(self) -> bool:
        """Whether variants of it are solved one after the other, which takes longer."""
        return crosses(self.scenario) or self.scenario.years > 1

    @property
    def at_a_time(self) -> int:
        """Variants of it that are solved together."""
        return 1 if self.singly else AT_A_TIME

    def solve(self, budget_eur: np.ndarray | None = None, need: np.ndarray | None = None) -> Plans:
        """Solve it, for one or many budgets or needs."""
        # The frame is that of checked sites, so it is not checked again: that would take longer than to solve it.
        if need is not None:
            return allocate_many(Sites(self.frame), self.scenario, budget_eur=budget_eur, need=need)
        key = b"" if budget_eur is None else budget_eur.tobytes()
        if key not in self.solved:
            self.solved[key] = allocate_many(Sites(self.frame), self.scenario, budget_eur=budget_eur)
        return self.solved[key]

    def site(self, site_id: Any, **changes: Any) -> _Problem:
        """Change the row of a site, or of some."""
        frame = self.frame.copy()
        for column, value in changes.items():
            frame.loc[site_id, column] = value
        return dataclasses.replace(self, frame=frame)

    def under(self, **changes: Any) -> _Problem:
        """Change fields of the scenario."""
        return dataclasses.replace(self, scenario=self.scenario.replace(**changes))

    def own_limits(self) -> _Problem:
        """Move floor and cap of the scenario, where it states them, to each site."""
        stated = {name: getattr(self.scenario, name) for name in ("min_eur", "max_eur")}
        frame = self.frame.assign(**{name: value for name, value in stated.items() if value is not None})
        return _Problem(frame, self.scenario.replace(min_eur=None, max_eur=None))

    def with_more(self, steps: np.ndarray) -> Plans:
        """Solve it with a number of steps more budget, or less."""
        return self.solve(np.maximum(0.0, self.scenario.budget_eur + steps * self.scenario.step_eur))

    def most_steps_more(self) -> int:
        """Steps beyond the budget with which every site could be at its cap: still more would change nothing."""
        rules = [limits(*year) for year in single_years(Sites(self.frame), self.scenario)]
        return max(0, *(int(one.high[one.committed | one.fundable].sum()) - one.budget for one in rules))


def _problem(plan: Plan) -> _Problem:
    """State the plan's problem anew.

    Raises
    ------
    PlainError
        The plan was divided by a rule: nothing follows for it from plans that are optimal. Or it is a year among others, or made
        for an infinite inequality aversion, where plans are not compared by one number.
    """
    texts = plan.texts
    if plan.outcome is Outcome.BY_RULE:
        raise PlainError(
            texts.text(
                "This plan divides by a stated rule. What would change a plan is only known of plans that are optimised."
            )
        )
    if plan.outcome is Outcome.IN_YEARS:
        raise PlainError(texts.text("What would change a plan over several years is only known of all years together."))
    if math.isinf(plan.scenario.inequality_aversion):
        raise PlainError(texts.text("What would change a plan is not known at an infinite inequality aversion."))
    found = _ANSWERS.setdefault(plan, {})
    if _Problem in found:
        return found[_Problem]
    scenario, statuses = plan.scenario, plan.sites.statuses
    classes = np.where(np.isin(statuses, scenario.committed), MUST, MAY).astype(object)
    classes[np.isin(statuses, scenario.excluded)] = MAY_NOT
    frame = plan.sites.frame.assign(need=plan.need, status=classes)
    # What the scenario chooses for single sites is in the plan's sites; chosen again, it would undo what is varied there.
    stated = scenario.replace(
        committed=(MUST,), excluded=(MAY_NOT,), need_weights={}, sites={}, response_from="assumed"
    )
    return found.setdefault(_Problem, _Problem(frame, stated))


def _place(plan: Plan, site_id: str) -> int:
    """Row of a site."""
    if site_id not in plan.sites.site_ids:
        raise PlainError(
            plan.texts.text(
                "{site} is no site of this plan. Known are {known}.",
                site=plan.texts.given(site_id),
                known=", ".join(plan.sites.site_ids),
            )
        )
    return plan.sites.site_ids.index(site_id)


def _reach(plans: Plans, level: float) -> np.ndarray:
    """Whether plans reach an objective; where there is no plan, not."""
    return plans.objective >= level - TOLERANCE * abs(level)


def _last(holds: Callable[[np.ndarray], np.ndarray], most: int, at_a_time: int = AT_A_TIME) -> int:
    """Greatest number of 0 to `most` at which something holds; it does at 0 (not asked), and no more once it fails."""
    low, high = 0, most + 1
    while high - low > 1:
        tried = np.unique(np.linspace(low, high, at_a_time + 2).astype(np.int64))
        tried = tried[(tried > low) & (tried < high)]
        answers = holds(tried)
        until = len(tried) if answers.all() else int(np.argmin(answers))
        low, high = int([low, *tried][until]), int([*tried, high][until])
    return low


def _first(holds: Callable[[np.ndarray], np.ndarray], most: int, at_a_time: int = AT_A_TIME) -> float:
    """Least number of 1 to `most` at which something holds, by trying each; NaN if it does at none."""
    start, count = 1, at_a_time
    while start <= most:
        tried = np.arange(start, min(start + count, most + 1))
        answers = holds(tried)
        if answers.any():
            return float(tried[np.argmax(answers)])
        start, count = start + count, 2 * count if at_a_time > 1 else 1
    return math.nan


# --- a little more, a little less ---------------------------------------------------------------------------------


@_once
def next_money(plan: Plan, amount_eur: float = 1000.0) -> pd.DataFrame:
    """Show where additional money would go, and where it would be taken if there were less.

    Parameters
    ----------
    plan : Plan
        An optimised one.
    amount_eur : float
        How much more, and how much less.

    Returns
    -------
    DataFrame
        Index site_id; name, amount_eur, more_eur and less_eur (EUR by which the amount changes with more and with less; NaN
        where that is impossible). ``attrs["more"]`` and ``attrs["less"]`` say what this means in total: budget_eur, possible,
        benefit and objective (changes, NaN where impossible), why (what makes it impossible; else empty).
    """
    import pandas as pd

    problem, budget = _problem(plan), plan.scenario.budget_eur
    asked = np.array([budget + amount_eur, budget - amount_eur])
    found = problem.solve(np.maximum(asked, 0.0))
    table = pd.DataFrame({"name": plan.sites.frame["name"], "amount_eur": plan.amounts})
    for row, side in enumerate(("more", "less")):
        possible = bool(asked[row] >= plan.scenario.reserve_eur and np.isfinite(found.objective[row]))
        change = found.amounts[row] - plan.amounts.to_numpy()
        table[f"{side}_eur"] = np.round(change, 9) if possible else math.nan
        table.attrs[side] = {
            "budget_eur": float(asked[row]),
            "possible": possible,
            "benefit": float(found.benefit[row]) - plan.benefit if possible else math.nan,
            "objective": float(found.objective[row]) - plan.objective if possible else math.nan,
            "why": "" if possible else _why_impossible(plan, float(asked[row])),
        }
    return table


def _why_impossible(plan: Plan, budget_eur: float) -> str:
    """First sentence of the conflict at another budget."""
    texts = plan.texts
    if budget_eur >= plan.scenario.reserve_eur:
        conflict = find_conflict(plan.sites, plan.scenario.replace(budget_eur=budget_eur))
        if conflict is not None:
            return str(conflict).splitlines()[0]
    return texts.text("The budget is only {budget}.", budget=texts.eur(plan.scenario.budget_eur))


# --- what it would take -------------------------------------------------------------------------------------------


def least_change(plan: Plan, site_id: str) -> pd.DataFrame:
    """Say what would fund a site that is not funded, or give a funded one a step more: the least change, each alone.

    Parameters
    ----------
    plan : Plan
        An optimised one.
    site_id : str
        A site of the plan.

    Returns
    -------
    DataFrame
        Index change: ``need_factor`` (times its need, in steps of 0.1 %), ``budget_eur`` (in steps), ``max_sites`` (places) and
        ``min_eur`` (its own floor, in steps); for a funded site only ``budget_eur``. Columns now, then (the least that is
        enough; NaN: not by this) and tried_to (the end of what was tried).

    Raises
    ------
    PlainError
        No site has this id, or the plan was divided by a rule.
    """
    import pandas as pd

    problem, at = _problem(plan), _place(plan, site_id)
    had = plan.amounts.iloc[at]
    rows = {"budget_eur": _least_budget(problem, lambda plans: plans.amounts[:, at] > had + TOLERANCE)}
    if had == 0:
        rows = {
            "need_factor": _least_need(problem, at),
            **rows,
            "max_sites": _least_places(problem, at),
            "min_eur": _greatest_floor(problem, at),
        }
    return pd.DataFrame.from_dict(rows, orient="index", columns=["now", "then", "tried_to"]).rename_axis("change")


def _least_need(problem: _Problem, at: int) -> tuple[float, float, float]:
    """Factor from which on the site is funded: what a plan with it reaches grows with its need, all others stay."""
    own = problem.frame["need"].to_numpy(dtype=float)

    def unfunded(steps: np.ndarray) -> np.ndarray:
        needs = np.tile(own, (len(steps), 1))
        needs[:, at] *= 1 + steps * NEED_STEP
        return problem.solve(need=needs).amounts[:, at] == 0

    most = round((MOST_NEED - 1) / NEED_STEP)
    enough = _last(unfunded, most, problem.at_a_time) + 1
    return 1.0, 1 + enough * NEED_STEP if enough <= most else math.nan, MOST_NEED


def _least_budget(problem: _Problem, enough: Callable[[Plans], np.ndarray]) -> tuple[float, float, float]:
    """Every budget is tried: a site that is funded may lose its money again when there is more of it."""
    budget, step = problem.scenario.budget_eur, problem.scenario.step_eur
    most = min(problem.most_steps_more(), MOST_TRIED_SINGLY if problem.singly else MOST_TRIED)
    found = _first(lambda steps: enough(problem.with_more(steps)), most, problem.at_a_time)
    return budget, budget + found * step, budget + most * step


def _least_places(problem: _Problem, at: int) -> tuple[float, float, float]:
    places, most = problem.scenario.max_sites, max(problem.scenario.max_sites, len(problem.frame))
    enough = (n for n in range(places + 1, most + 1) if problem.under(max_sites=n).solve().amounts[0, at] > 0)
    return places, next(enough, math.nan), most


def _greatest_floor(problem: _Problem, at: int) -> tuple[float, float, float]:
    """Floor up to which the site is funded: each plan that a floor allows, a lower one allows, too."""
    own, site_id, step = problem.own_limits(), problem.frame.index[at], problem.scenario.step_eur
    least = math.ceil(max(own.frame["min_eur"].iloc[at], step) / step * (1 - ROUNDING))

    def unfunded(lower: np.ndarray) -> np.ndarray:
        floors = [own.site(site_id, min_eur=float((least - steps) * step)) for steps in lower]
        return np.array([changed.solve().amounts[0, at] == 0 for changed in floors])

    enough = _last(unfunded, least - 1, at_a_time=1) + 1
    return float(own.frame["min_eur"].iloc[at]), float((least - enough) * step) if enough < least else math.nan, step


# --- what it would cost -------------------------------------------------------------------------------------------


class Replacement(NamedTuple):
    """What it costs to fund a site anyway.

    Attributes
    ----------
    possible : bool
        Whether any plan funds it under the other rules; else the figures are NaN.
    amount_eur : float
        What the site gets in the best plan that funds it.
    benefit, objective : float
        What that plan reaches less than the best one; below 0 if the site is excluded and would do good.
    extra_eur : float
        Least additional budget with which it reaches the same objective, in steps; NaN if no budget does.
    amounts : Series
        EUR, index site_id: that plan.
    """

    possible: bool
    amount_eur: float
    benefit: float
    objective: float
    extra_eur: float
    amounts: pd.Series


def replacement_cost(plan: Plan, site_id: str) -> Replacement:
    """Say what it costs to fund a site anyway, whatever its status; nothing if it is funded.

    Raises
    ------
    PlainError
        No site has this id, or the plan was divided by a rule.
    """
    import pandas as pd

    at = _place(plan, site_id)
    forced = _problem(plan).site(site_id, status=MUST)
    found = forced.solve()
    amounts = pd.Series(found.amounts[0], index=plan.amounts.index, name="amount_eur")
    if not np.isfinite(found.objective[0]):
        return Replacement(False, math.nan, math.nan, math.nan, math.nan, amounts * math.nan)
    return Replacement(
        possible=True,
        amount_eur=float(amounts.iloc[at]),
        benefit=plan.benefit - float(found.benefit[0]),
        objective=plan.objective - float(found.objective[0]),
        extra_eur=_least_extra(forced, plan.objective),
        amounts=amounts,
    )


def _why_not_beside(plan: Plan, site_id: str) -> str:
    """First sentence of the conflict there would be if a site had to be funded: of one, or of what is there for all."""
    forced = _problem(plan).site(site_id, status=MUST)
    conflict = find_conflict(Sites(forced.frame), forced.scenario)
    return plan.texts.text("no plan keeps all rules then.") if conflict is None else str(conflict).splitlines()[0]


def _least_extra(problem: _Problem, level: float) -> float:
    """EUR in steps that must be added to reach an objective, which never falls when the budget grows; NaN: no sum does.

    (Only a floor that is a share of the budget can make it fall; then there may be a smaller sum, too.)
    """
    if _reach(problem.solve(), level)[0]:
        return 0.0
    most = problem.most_steps_more()
    enough = _last(lambda steps: ~_reach(problem.with_more(steps), level), most, problem.at_a_time) + 1
    return float(enough * problem.scenario.step_eur * problem.scenario.years) if enough <= most else math.nan


class _Without(NamedTuple):
    """A problem without one rule: the scenario's field, and whom or what it is about."""

    rule: str
    subject: str
    problem: _Problem


@_once
def cost_of_rules(plan: Plan) -> pd.DataFrame:
    """Say what each rule costs: how much better the best plan would be if it were not there.

    Parameters
    ----------
    plan : Plan
        An optimised one.

    Returns
    -------
    DataFrame
        One row a rule that can be let go. rule (the scenario's field), subject (site_id of a single commitment, status of an
        exclusion, name of a group; else empty), benefit and objective (gains), saved_eur (how much less than this plan
        spends, with budgets cut in steps, would be enough for its objective). Without the rule ``step_eur`` amounts are
        multiples of a hundredth of it.
    """
    import pandas as pd

    step, budget, rows = plan.scenario.step_eur, plan.scenario.budget_eur, []
    for rule, subject, problem in _without_each_rule(plan):
        unspent = 0 if plan.years else plan.left_over_eur - problem.scenario.reserve_eur
        first = math.floor(unspent / step * (1 + TOLERANCE)) + 1  # the cut that takes a step of what is spent
        found = problem.solve(np.array([budget, max(0.0, budget - first * step)]))
        # Most rules save nothing: one step less tells.
        some = first <= _most_cut(problem.scenario, step) and _reach(found, plan.objective)[1]
        spent = _least_spent(problem, plan.objective, step) if some else plan.spent_eur
        rows.append(
            {
                "rule": rule,
                "subject": subject,
                "benefit": float(found.benefit[0]) - plan.benefit,
                "objective": float(found.objective[0]) - plan.objective,
                "saved_eur": max(0.0, round(plan.spent_eur - spent, 9)),
            }
        )
    return pd.DataFrame(rows, columns=["rule", "subject", "benefit", "objective", "saved_eur"])


def _most_cut(scenario: Scenario, step: float) -> int:
    """Steps by which every year's budget can be cut before it is below the reserve."""
    return math.floor((min(scenario.budgets_eur) - scenario.reserve_eur) / step * (1 + TOLERANCE))


def _least_spent(problem: _Problem, level: float, step: float) -> float:
    """EUR given out with the least budget, cut in steps, that is enough for an objective; the budget as it is must be."""
    budget = problem.scenario.budget_eur

    def cut(steps: np.ndarray) -> Plans:
        return problem.solve(np.maximum(0.0, budget - steps * step))

    most = _last(lambda steps: _reach(cut(steps), level), _most_cut(problem.scenario, step), problem.at_a_time)
    return math.fsum(cut(np.array([most])).amounts[0])


def _without_each_rule(plan: Plan) -> Iterator[_Without]:
    """Let go of one rule at a time; of those that are there at all."""
    problem, scenario, statuses = _problem(plan), plan.scenario, plan.sites.statuses
    ids, n = np.array(plan.sites.site_ids), len(plan.sites)
    committed = np.isin(statuses, scenario.committed)
    for site_id in ids[committed]:
        yield _Without("committed", str(site_id), problem.site(site_id, status=MAY))
    if committed.sum() > 1:
        yield _Without("committed", "", problem.site(ids[committed], status=MAY))
    for status in scenario.excluded:
        if (statuses == status).any():
            yield _Without("excluded", status, problem.site(ids[statuses == status], status=MAY))
    if scenario.max_sites < n:
        yield _Without("max_sites", "", problem.under(max_sites=n))
    if scenario.min_sites > 0:
        yield _Without("min_sites", "", problem.under(min_sites=0))
    own = problem.own_limits()
    yield _Without("min_eur", "", dataclasses.replace(own, frame=own.frame.assign(min_eur=0.0)))
    # Nobody gets more than there is in all years, nor twelve times that a year.
    there = math.fsum([*scenario.budgets_eur, scenario.carried_eur, *(one.amount_eur for one in scenario.earmarked)])
    caps = own.frame["max_eur"].clip(lower=there * (12 if scenario.months else 1))
    yield _Without("max_eur", "", dataclasses.replace(own, frame=own.frame.assign(max_eur=caps)))
    yield _Without("step_eur", "", problem.under(step_eur=scenario.step_eur / FINER))
    if scenario.reserve_eur > 0:
        yield _Without("reserve_eur", "", problem.under(reserve_eur=0.0))
    if scenario.max_change_share is not None:
        yield _Without("max_change_share", "", problem.under(max_change_share=None))
    if scenario.months:
        yield _Without("months", "", problem.under(months={}))
    if scenario.years > 1:
        yield _Without("carry_limit_eur", "", problem.under(carry_limit_eur=there))
    for at, group in enumerate(scenario.groups):
        others = scenario.groups[:at] + scenario.groups[at + 1 :]
        yield _Without("groups", group.name, problem.under(groups=others))


# --- what reports have taught ---------------------------------------------------------------------------------------


def what_moved(sites: Sites, scenario: Scenario) -> pd.DataFrame:
    """Set the plan with effect scales learned from reports beside the one with those that the data assume.

    Parameters
    ----------
    sites : Sites
        As they were read.
    scenario : Scenario
        Its `response_from` says which reports; all else is the same in both plans.

    Returns
    -------
    DataFrame
        One row a site, index site_id: name; scale_before_eur, scale_after_eur (effect scales, EUR); before_eur, after_eur,
        change_eur (amounts of the best plans, EUR).

    Raises
    ------
    PlainError
        The scenario asks for no reports.
    ScenarioError
        There are none to learn from.
    InfeasibleScenario
        No plan keeps all rules.
    """
    import pandas as pd

    refuse_other_things("what_moved", sites, scenario)
    if scenario.response_from == "assumed":
        texts = Texts(scenario.language)
        raise PlainError(
            texts.text(
                "{where}: given {given}, expected {expected}",
                where="response_from",
                given=texts.given(scenario.response_from),
                expected=texts.text("one of {values}", values="quality, demonstration"),
            )
        )
    before, after = allocate(sites, scenario.replace(response_from="assumed")), allocate(sites, scenario)
    return pd.DataFrame(
        {
            "name": sites.frame["name"],
            "scale_before_eur": before.sites.numbers("scale_eur"),
            "scale_after_eur": after.sites.numbers("scale_eur"),
            "before_eur": before.amounts,
            "after_eur": after.amounts,
            "change_eur": after.amounts - before.amounts,
        },
        index=pd.Index(sites.site_ids, name="site_id"),
    )


# --- fairness -----------------------------------------------------------------------------------------------------

AVERSIONS = (0.0, 0.5, 1.0, 2.0, 5.0, math.inf)
"""From most benefit to the least covered first; 0.5 to 2 is the range that is usual for incomes (Atkinson 1970)."""


def frontier(sites: Sites, scenario: Scenario, aversions: Sequence[float] = AVERSIONS) -> pd.DataFrame:
    """Set benefit against inequality: the best plan at each inequality aversion, and what it costs in benefit and in EUR.

    Parameters
    ----------
    sites : Sites
        Checked sites.
    scenario : Scenario
        Its own aversion does not count.
    aversions : sequence of float
        0 to 100, or infinite (`math.inf`).

    Returns
    -------
    DataFrame
        One row an aversion, in their order: inequality_aversion; benefit (weighted residents reached); gini (Gini coefficient,
        0 equal to 1, of the coverages of the sites that may be funded and have a need, each site counted once); min_coverage (the
        smallest of these); price_share (price of fairness: share of the greatest possible benefit that is given up: Bertsimas,
        Farias & Trichakis 2011, Operations Research 59(1), 17-31); price_eur (how much less than the plan spends would be
        enough for this benefit if only benefit counted, with budgets cut in steps); funded_sites; outcome.

    Raises
    ------
    InfeasibleScenario
        No plan keeps all rules.
    PlainError
        The scenario divides by a rule.
    ScenarioError
        An aversion that cannot be.
    """
    import pandas as pd

    refuse_other_things("frontier", sites, scenario)
    sites, scenario = scenario.settled(sites)
    most = allocate(sites, scenario.replace(inequality_aversion=0.0))
    if most.outcome is Outcome.BY_RULE:
        raise PlainError(
            most.texts.text(
                "This plan divides by a stated rule. What evenness costs is only known of plans that are optimised."
            )
        )
    problem, rows = _problem(most), []
    for aversion in aversions:
        plan = most if aversion == 0 else allocate(sites, scenario.replace(inequality_aversion=float(aversion)))
        covered, spent = _coverages(plan), _least_spent(problem, plan.benefit, scenario.step_eur)
        rows.append(
            {
                "inequality_aversion": float(aversion),
                "benefit": plan.benefit,
                "gini": gini(covered),
                "min_coverage": float(covered.min(initial=1.0)),
                "price_share": 1 - plan.benefit / most.benefit if most.benefit else 0.0,
                "price_eur": max(0.0, round(plan.spent_eur - spent, 9)),
                "funded_sites": plan.funded_sites,
                "outcome": plan.outcome.name,
            }
        )
    return pd.DataFrame(rows)


def _coverages(plan: Plan) -> np.ndarray:
    """Coverages of the sites that may be funded and have a need."""
    years = [limits(*year) for year in single_years(plan.sites, plan.scenario)]
    may = np.any([rules.committed | rules.fundable for rules in years], axis=0)
    return plan.table()["coverage"].to_numpy()[may & (plan.need.to_numpy() > 0)]


def gini(values: np.ndarray) -> float:
    """Gini coefficient of values of at least 0: their mean difference over twice their mean (Gini 1912); 0 where all are alike."""
    n, total = len(values), math.fsum(values)
    if not total:
        return 0.0
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return math.fsum(ranks * np.sort(values)) / (n * total)


# --- nearly as good -----------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Alternatives:
    """Plans that are nearly as good as the best one, and what all of them share.

    Attributes
    ----------
    within_share : float
        Share of the best plan's objective that they may miss.
    amounts : DataFrame
        EUR, index site_id; column 0 is the plan itself, 1, 2, ... are the alternatives, the most different first.
    plans : DataFrame
        Index as the columns of `amounts`; objective, benefit, lost_share (of the best objective), changed_sites (funded in one
        of the two, the alternative or the plan, only) and moved_eur (given otherwise than in the plan).
    sites : DataFrame
        Index site_id; name, in_plans (``all``, ``some`` or ``none`` of all plans within the share fund it: exact), least_eur and
        most_eur (least and greatest amount of the site in any such plan that funds it: exact; NaN where none does).
    """

    within_share: float
    amounts: pd.DataFrame
    plans: pd.DataFrame
    sites: pd.DataFrame


@_once
def alternatives(plan: Plan, within_share: float = 0.01, count: int = 5) -> Alternatives:
    """Give plans within a share of the best one that differ as much as possible, and what is common to all such plans.

    Which sites are in all, some or none of these plans, and with which amounts, is exact: each site in turn is forced in, forced
    out, held low and held high as far as the share allows. The plans shown are chosen among those found on the way, each as
    different as possible (in sites, then in EUR) from those chosen before: a sample, not all there are.

    Parameters
    ----------
    plan : Plan
        An optimised one.
    within_share : float
        Share of the objective that a plan may miss, 0 to 1.
    count : int
        Most alternatives that are given.

    Raises
    ------
    PlainError
        The plan is one over several years, was divided by a rule, or made for an infinite inequality aversion.
    """
    import pandas as pd

    if plan.years:
        raise PlainError(plan.texts.text("Alternatives are only known of plans for one year."))
    problem, level = _problem(plan).own_limits(), plan.objective * (1 - within_share)
    rules = limits(plan.sites, plan.scenario)
    found, rows = [plan.amounts.to_numpy()], {}
    for at, site_id in enumerate(plan.sites.site_ids):
        forced_in, forced_out = (problem.site(site_id, status=status) for status in (MUST, MAY_NOT))
        funded = _within(forced_in, level) if rules.committed[at] or rules.fundable[at] else None
        without = None if rules.committed[at] else _within(forced_out, level)
        span = [] if funded is None else _extremes(forced_in, at, level, funded, rules)
        found += [amounts for amounts in (funded, without, *span) if amounts is not None]
        amounts_here = [amounts[at] for amounts in span]
        rows[site_id] = {
            "name": plan.sites.frame["name"].iloc[at],
            "in_plans": "none" if funded is None else "all" if without is None else "some",
            "least_eur": min(amounts_here, default=math.nan),
            "most_eur": max(amounts_here, default=math.nan),
        }
    chosen = _most_different(np.unique(np.round(found, 9), axis=0), plan.amounts.to_numpy(), count)
    return Alternatives(
        within_share,
        pd.DataFrame(np.transpose(chosen), index=plan.amounts.index),
        pd.DataFrame([_beside(plan, amounts, level) for amounts in chosen]),
        pd.DataFrame.from_dict(rows, orient="index").rename_axis("site_id"),
    )


def _within(problem: _Problem, level: float) -> np.ndarray | None:
    """Amounts of the best plan if it reaches the level."""
    found = problem.solve()
    return found.amounts[0] if _reach(found, level)[0] else None


def _extremes(problem: _Problem, at: int, level: float, start: np.ndarray, rules: Limits) -> list[np.ndarray]:
    """Plans that give a funded site least and most and still reach the level: the tighter its limits, the less is reached."""
    site_id, step = problem.frame.index[at], problem.scenario.step_eur
    part = year_share(Sites(problem.frame), problem.scenario)[at]  # floors and caps are those of a whole year
    here, ends = round(start[at] / step), []
    for column, way, room in (
        ("max_eur", -1, here - int(rules.low[at])),
        ("min_eur", 1, min(int(rules.high[at]), rules.budget) - here),
    ):

        def held(steps: int, column: str = column, way: int = way) -> np.ndarray | None:
            return _within(problem.site(site_id, **{column: float((here + way * steps) * step / part)}), level)

        def near(steps: np.ndarray, held: Callable[[int], np.ndarray | None] = held) -> np.ndarray:
            return np.array([held(int(one)) is not None for one in steps])

        far = _last(near, room, at_a_time=1)
        found = held(far) if far else start
        ends.append(start if found is None else found)
    return ends


def _most_different(found: np.ndarray, first: np.ndarray, count: int) -> list[np.ndarray]:
    """Choose plans one by one, each the farthest from those chosen before."""
    chosen = [first]
    while len(chosen) <= count:
        nearest = [min(_difference(one, other) for other in chosen) for one in found]
        at = max(range(len(found)), key=nearest.__getitem__)
        if nearest[at] == (0, 0.0):
            break
        chosen.append(found[at])
    return chosen


def _difference(one: np.ndarray, other: np.ndarray) -> tuple[int, float]:
    """Sites that only one of two plans funds, and EUR that they place differently."""
    change = one - other
    moved = max(change[change > 0].sum(), -change[change < 0].sum())
    return int(((one > 0) != (other > 0)).sum()), round(float(moved), 9)


def _beside(plan: Plan, amounts: np.ndarray, level: float) -> dict[str, float]:
    """Row of an alternative, checked from its amounts like any plan."""
    reached = objective(plan.sites, plan.scenario, plan.need.to_numpy(), amounts)
    broken = plan.broken_rules(amounts)
    if broken or reached < level - TOLERANCE * abs(level):
        raise RuntimeError("quartier made an alternative that is none; please report this: " + " ".join(broken))
    changed, moved = _difference(amounts, plan.amounts.to_numpy())
    return {
        "objective": reached,
        "benefit": math.fsum(plan._benefits(amounts)),
        "lost_share": (plan.objective - reached) / plan.objective if plan.objective else 0.0,
        "changed_sites": changed,
        "moved_eur": moved,
    }


# --- words --------------------------------------------------------------------------------------------------------


class Statement(NamedTuple):
    """A sentence, and the figures that it was made from, by name; the end of a name is the unit."""

    sentence: str
    figures: dict[str, Any]


def sentences(plan: Plan, about: str | None = None) -> list[Statement]:
    """Say all of this in the scenario's language: what more and less money, each site, each rule and other plans come to.

    Parameters
    ----------
    plan : Plan
        Where nothing is known of it, the only sentence says why.
    about : str, optional
        One of `TOPICS`; all of them by default.

    Returns
    -------
    list of Statement
        Each with its figures: ``..._eur`` in EUR, ``..._share`` a share, ``..._worth`` what the plan maximises (weighted residents,
        if the inequality aversion is 0).

    Raises
    ------
    PlainError
        There is no such topic.
    """
    texts, words = plan.texts, _Words(plan)
    if about not in (None, *TOPICS):
        raise PlainError(
            texts.text("There is no topic {given}; one of {known}.", given=texts.given(about), known=", ".join(TOPICS))
        )
    try:
        _problem(plan)
    except PlainError as error:
        return [Statement(str(error), {})]
    makers = {
        "money": _money_sentences,
        "sites": _site_sentences,
        "rules": _rule_sentences,
        "alternatives": _alternative_sentences,
    }
    of_one_year = ("sites", "alternatives")
    if plan.years and about in of_one_year:
        return [words.text("This is only known of plans for one year.")]
    chosen = [about] if about else [topic for topic in TOPICS if not (plan.years and topic in of_one_year)]
    return [said for topic in chosen for said in makers[topic](plan, words)]


def about_site(plan: Plan, site_id: str) -> list[Statement]:
    """Say what it would take to give one site more, or any money at all, and what that would cost the others.

    Parameters
    ----------
    plan : Plan
        Where nothing is known of it, the only sentence says why.
    site_id : str
        A site of the plan.

    Raises
    ------
    PlainError
        No site has this id.
    """
    words, at = _Words(plan), _place(plan, site_id)
    try:
        if plan.amounts.iloc[at] > 0:
            now, then, tried = least_change(plan, site_id).loc["budget_eur"]
            given = {"step_eur": plan.scenario.step_eur}
            if math.isnan(then) and tried <= now:
                return [words.text("More budget would not give more here.")]
            if math.isnan(then):
                return [words.text("More budget would not give more here (tried up to {tried_eur}).", tried_eur=tried)]
            return [
                words.text(
                    "For {step_eur} more here, the budget must grow at least by {more_eur}.",
                    **given,
                    more_eur=then - now,
                )
            ]
        found = [_replacement_sentence(plan, words, site_id)]
        if plan.sites.statuses[at] not in plan.scenario.excluded:
            found.insert(0, _least_change_sentence(plan, words, site_id))
        return found
    except PlainError as error:
        return [Statement(str(error), {})]


class _Words:
    """Makes statements: each figure is shown by the unit at the end of its name."""

    def __init__(self, plan: Plan) -> None:
        self.texts = plan.texts
        self.names = plan.sites.frame["name"].to_dict()
        self.funded = [self.names[str(site_id)] for site_id in plan.amounts.index[plan.amounts > 0]]
        self.total = plan.objective
        self.in_residents = plan.scenario.inequality_aversion == 0

    def text(self, message: str, **figures: Any) -> Statement:
        """Translate the message and fill in the figures; a list of statements brings its own figures along."""
        shown = {name: self._shown(name, value) for name, value in figures.items()}
        parts = figures.pop("parts", [])
        for part in parts:
            figures |= part.figures
        return Statement(self.texts.text(message, **shown), figures)

    def worth(self, side: str, objective: float) -> dict[str, float]:
        """What a plan reaches more or less, and which share of the plan's objective that is."""
        return {f"{side}_worth": objective, f"{side}_share": objective / self.total if self.total else 0.0}

    def _shown(self, name: str, value: Any) -> str:
        texts = self.texts
        if name == "parts":
            return texts.either(part.sentence for part in value)
        if name == "change_eur":
            return self._shown_changes(value)
        if isinstance(value, dict):
            return texts.listing(f"{site} ({self._shown(name, part)})" for site, part in value.items())
        if isinstance(value, list):
            return texts.listing(value)
        if isinstance(value, str):
            return value
        if name.endswith(("_eur", "_share", "_worth")) and value < 0:
            return signed(value, self._shown(name, -value))
        if name.endswith("_eur"):
            return texts.eur(value)
        if name.endswith("_share"):
            return self._not_nothing(value, 0.001, texts.percent)
        if name.endswith("_worth"):
            amount = self._not_nothing(value, 0.1, lambda x: texts.number(x, 1))
            if self.in_residents:
                return texts.text("{amount} weighted residents", amount=amount)
            return texts.text("{amount} points of the objective", amount=amount)
        return texts.number(value)

    def _shown_changes(self, changes: dict[str, float]) -> str:
        """Amounts with their sign; sites whose amounts change alike are told together."""
        texts, parts = self.texts, []
        kinds = {eur: [site for site, change in changes.items() if change == eur] for eur in changes.values()}
        rest = next((eur for eur, sites in kinds.items() if self._are_the_others(sites, changes)), None)
        for eur in sorted(kinds, key=lambda eur: eur == rest):  # those not named come last
            change, sites = signed(eur, texts.eur(abs(eur))), kinds[eur]
            if eur == rest and len(kinds) == 1:
                parts.append(texts.text("{change} for each funded site", change=change))
            elif eur == rest:
                parts.append(texts.text("{change} for each other funded site", change=change))
            elif len(sites) == 1:
                parts.append(texts.text("{change} for {site}", change=change, site=sites[0]))
            else:
                parts.append(texts.text("{change} each for {sites}", change=change, sites=texts.listing(sites)))
        return "; ".join(parts)

    def _are_the_others(self, sites: list[str], changes: dict[str, float]) -> bool:
        """Whether these are many, and all funded sites but for those that are named with another change."""
        named = set(changes) - set(sites)
        return len(sites) >= MANY and set(sites) == set(self.funded) - named

    def _not_nothing(self, value: float, least: float, form: Callable[[float], str]) -> str:
        """Show a number; a small one is not rounded to nothing."""
        return self.texts.text("below {least}", least=form(least)) if 0 < value < least / 2 else form(value)


def _changes(before: pd.Series, change: pd.Series, names: dict[str, str]) -> dict[str, float]:
    """EUR by which amounts change, by name of the site, the greatest gain first."""
    moved = change[change.abs() > TOLERANCE * max(1.0, float(before.max()))].sort_values(ascending=False, kind="stable")
    return {names[str(site)]: round(float(eur), 9) for site, eur in moved.items()}


def _money_sentences(plan: Plan, words: _Words, amount_eur: float = 1000.0) -> Iterator[Statement]:
    if not words.in_residents:
        yield words.text(
            "In this plan a site counts the more, the less it is covered. "
            "Gains and losses are therefore given in points of its objective, not in residents."
        )
    table = next_money(plan, amount_eur)
    more, less = (_changes(plan.amounts, table[f"{side}_eur"].fillna(0.0), words.names) for side in ("more", "less"))
    each_year = plan.scenario.years > 1
    if more and each_year:
        yield words.text(
            "With {amount_eur} more in each year, the sums of all years would change as follows: {change_eur}. "
            "It would reach {gain_worth} more ({gain_share}).",
            amount_eur=amount_eur,
            change_eur=more,
            **words.worth("gain", table.attrs["more"]["objective"]),
        )
    elif more:
        yield words.text(
            "With {amount_eur} more, the amounts would change as follows: {change_eur}. It would reach {gain_worth} more ({gain_share}).",
            amount_eur=amount_eur,
            change_eur=more,
            **words.worth("gain", table.attrs["more"]["objective"]),
        )
    else:
        yield words.text("Another {amount_eur} would change nothing.", amount_eur=amount_eur)
    if not table.attrs["less"]["possible"]:
        why = table.attrs["less"]["why"]
        yield words.text("A cut of {amount_eur} is impossible: {why}", amount_eur=amount_eur, why=why)
    elif less and each_year:
        yield words.text(
            "With {amount_eur} less in each year, the sums of all years would change as follows: {change_eur}. "
            "It would reach {loss_worth} less ({loss_share}).",
            amount_eur=amount_eur,
            change_eur=less,
            **words.worth("loss", -table.attrs["less"]["objective"]),
        )
    elif less:
        yield words.text(
            "With {amount_eur} less, the amounts would change as follows: {change_eur}. It would reach {loss_worth} less ({loss_share}).",
            amount_eur=amount_eur,
            change_eur=less,
            **words.worth("loss", -table.attrs["less"]["objective"]),
        )
    else:
        yield words.text("A cut of {amount_eur} would change nothing.", amount_eur=amount_eur)


def _site_sentences(plan: Plan, words: _Words) -> Iterator[Statement]:
    reached, never, tried = {}, [], 0.0
    for site_id, amount in plan.amounts.items():
        if amount > 0:
            now, then, tried = least_change(plan, str(site_id)).loc["budget_eur"]
            if math.isnan(then):
                never.append(words.names[str(site_id)])
            else:
                reached[words.names[str(site_id)]] = then - now
    step = plan.scenario.step_eur
    if reached:
        yield words.text(
            "For at least {step_eur} more at a site, the budget must grow at least by: {sites_eur}.",
            step_eur=step,
            sites_eur=dict(sorted(reached.items(), key=lambda item: item[1])),
        )
    if never:
        if tried > plan.scenario.budget_eur:
            yield words.text(
                "More budget would not give more to {sites} (tried up to {tried_eur}).", sites=never, tried_eur=tried
            )
        else:  # there is enough already for every site to be at its cap
            yield words.text("More budget would not give more to {sites}.", sites=never)
    for site_id, amount in plan.amounts.items():
        if amount == 0:
            if plan.sites.statuses[plan.amounts.index.get_loc(site_id)] not in plan.scenario.excluded:
                yield _least_change_sentence(plan, words, str(site_id))
            yield _replacement_sentence(plan, words, str(site_id))


def _least_change_sentence(plan: Plan, words: _Words, site_id: str) -> Statement:
    table, name = least_change(plan, site_id), words.names[site_id]
    now, then, tried = (table[column] for column in table.columns)
    parts = {
        "need_factor": words.text("a need that is {need_share} higher", need_share=then["need_factor"] - 1),
        "budget_eur": words.text(
            "a budget that is {more_eur} higher ({budget_eur})",
            more_eur=then["budget_eur"] - now["budget_eur"],
            budget_eur=then["budget_eur"],
        ),
        "max_sites": words.text(
            "{places} places instead of {max_sites}", places=then["max_sites"], max_sites=now["max_sites"]
        ),
        "min_eur": words.text("a floor lowered to {floor_eur}", floor_eur=then["min_eur"]),
    }
    others = {
        "need_factor": words.text("a higher need (up to {factor} times)", factor=tried["need_factor"]),
        "budget_eur": words.text("more budget (up to {tried_eur})", tried_eur=tried["budget_eur"])
        if tried["budget_eur"] > now["budget_eur"]
        else words.text("more budget"),
        "max_sites": words.text("more places"),
        "min_eur": words.text("a lower floor"),
    }
    enough = [part for change, part in parts.items() if not math.isnan(then[change])]
    not_by = [part for change, part in others.items() if math.isnan(then[change])]
    if not enough:
        return words.text("{site} would not be funded by any of these changes alone: {parts}.", parts=not_by, site=name)
    found = words.text("{site} would be funded by each of these changes alone: {parts}.", parts=enough, site=name)
    if not not_by:
        return found
    rest = words.text("Not enough alone: {parts}.", parts=not_by)
    return Statement(f"{found.sentence} {rest.sentence}", found.figures | rest.figures)


def _replacement_sentence(plan: Plan, words: _Words, site_id: str) -> Statement:
    found, name = replacement_cost(plan, site_id), words.names[site_id]
    if not found.possible:
        why = _why_not_beside(plan, site_id)
        return words.text("{site} cannot be funded beside what the other rules ask for: {why}", site=name, why=why)
    given = {"site": name, "amount_eur": found.amount_eur}
    slack = TOLERANCE * abs(plan.objective)
    if found.objective < -slack:
        gain = words.worth("gain", -found.objective)
        return words.text(
            "Were {site} admitted, it would get {amount_eur}; the plan would reach {gain_worth} more ({gain_share}).",
            **given,
            **gain,
        )
    if found.objective <= slack:
        return words.text("If {site} were funded anyway (with {amount_eur}), as much would be reached.", **given)
    given |= words.worth("loss", found.objective)
    if math.isnan(found.extra_eur):
        return words.text(
            "If {site} were funded anyway (with {amount_eur}), {loss_worth} less would be reached ({loss_share}); "
            "no budget would make up for it.",
            **given,
        )
    return words.text(
        "If {site} were funded anyway (with {amount_eur}), {loss_worth} less would be reached ({loss_share}); "
        "{extra_eur} more budget would make up for it.",
        **given,
        extra_eur=found.extra_eur,
    )


def _rule_sentences(plan: Plan, words: _Words) -> Iterator[Statement]:
    table = cost_of_rules(plan)
    free = table["objective"] <= TOLERANCE * abs(plan.objective)
    little = ~free & (table["objective"] < HARDLY / 2 * abs(plan.objective)) & (table["saved_eur"] == 0)
    # Where not all is given out, less might be read as less than the budget.
    left = plan.left_over_eur > TOLERANCE * plan.scenario.budget_eur
    for row in table[~free & ~little].sort_values("objective", ascending=False, kind="stable").itertuples():
        rule = _rule_phrase(plan, words, row.rule, row.subject)
        gain = words.worth("gain", row.objective)
        if row.saved_eur > 0:
            yield words.text(
                "Without {rule}, {gain_worth} more would be reached ({gain_share}), "
                "or as much as now with {saved_eur} less than is given out now."
                if left
                else "Without {rule}, {gain_worth} more would be reached ({gain_share}), or as much as now with {saved_eur} less.",
                rule=rule,
                **gain,
                saved_eur=row.saved_eur,
            )
        else:
            yield words.text("Without {rule}, {gain_worth} more would be reached ({gain_share}).", rule=rule, **gain)
    if little.any():
        yield words.text(
            "Without {rules}, hardly more would be reached (below {hardly_share}).",
            rules=_rule_phrases(plan, words, table[little]),
            hardly_share=HARDLY,
        )
    costless = table[free]
    committed = costless["rule"] == "committed"
    single = costless[committed & (costless["subject"] != "")]
    if (committed & (costless["subject"] == "")).any():  # then each single one costs nothing, too
        costless = costless.drop(single.index)
    elif len(single) > 1:
        costless = costless.drop(single.index)
        yield words.text(
            "Nothing more would be reached without a single one of the commitments to {sites}.",
            sites=[words.names[site_id] for site_id in single["subject"]],
        )
    if len(costless):
        yield words.text("Nothing more would be reached without {rules}.", rules=_rule_phrases(plan, words, costless))


def _rule_phrases(plan: Plan, words: _Words, table: pd.DataFrame) -> str:
    """Name rules so that they can follow "without"."""
    return words.texts.either(_rule_phrase(plan, words, row.rule, row.subject) for row in table.itertuples())


def _rule_phrase(plan: Plan, words: _Words, rule: str, subject: str) -> str:
    """Name a rule so that it can follow "without"."""
    texts, scenario = words.texts, plan.scenario
    if rule == "committed" and subject:
        return texts.text("the commitment to {site}", site=words.names[subject])
    if rule == "excluded":
        status = texts.given(texts.name("status", subject))
        return texts.text("the exclusion of sites with the status {status}", status=status)
    if rule == "groups":
        return texts.text("the limits of {name}", name=texts.given(subject))
    return {
        "committed": texts.text("all commitments"),
        "max_sites": texts.text("the limit of {n} places", n=scenario.max_sites),
        "min_sites": texts.text("the demand for at least {n} sites", n=scenario.min_sites),
        "min_eur": texts.text("the floors"),
        "max_eur": texts.text("the caps"),
        "step_eur": texts.text("the step of {step}", step=texts.eur(scenario.step_eur)),
        "reserve_eur": texts.text("the reserve of {reserve}", reserve=texts.eur(scenario.reserve_eur)),
        "max_change_share": texts.text("the limit on changes against last year"),
        "months": texts.text("the later start"),
        "carry_limit_eur": texts.text(
            "the limit of {value} on money carried over", value=texts.eur(scenario.carry_limit_eur)
        ),
    }[rule]


def _alternative_sentences(plan: Plan, words: _Words) -> Iterator[Statement]:
    found = alternatives(plan, count=ALTERNATIVES_TOLD)
    may = ~np.isin(plan.sites.statuses, plan.scenario.excluded)
    names = {str(kind): list(rows["name"]) for kind, rows in found.sites[may].groupby("in_plans")}
    if len(names.get("all", [])) >= MANY and set(names["all"]) == set(words.funded):
        yield words.text(
            "Every plan that reaches at most {within_share} less funds all {n} sites that this plan funds.",
            within_share=found.within_share,
            n=len(words.funded),
        )
    elif "all" in names:
        yield words.text(
            "Every plan that reaches at most {within_share} less funds {sites}.",
            within_share=found.within_share,
            sites=names["all"],
        )
    else:
        yield words.text(
            "No site is funded in every plan that reaches at most {within_share} less.", within_share=found.within_share
        )
    if "some" in names:
        yield words.text("Funded in some of these plans only: {sites}.", sites=names["some"])
    if "none" in names:
        yield words.text("None of these plans funds any of these sites: {sites}.", sites=names["none"])
    for number in found.plans.index[1:]:
        change = _changes(plan.amounts, found.amounts[number] - plan.amounts, words.names)
        loss = plan.objective - found.plans.loc[number, "objective"]
        if loss <= TOLERANCE * abs(plan.objective):
            yield words.text(
                "Alternative {number} to this plan: {change_eur}. It would reach as much.",
                number=number,
                change_eur=change,
            )
        else:
            yield words.text(
                "Alternative {number} to this plan: {change_eur}. It would reach {loss_worth} less ({loss_share}).",
                number=number,
                change_eur=change,
                **words.worth("loss", loss),
            )
