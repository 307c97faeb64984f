"""Whether any plan keeps all rules; if none does: which rules conflict, by how much, and the least change that mends it.

A conflict is found by letting go of one rule after the other as long as the rest still cannot hold together (deletion
filter: Chinneck & Dravnieks 1991, ORSA J. Computing 3(2), 157-168). What remains is irreducible: without any one of its
rules there would be a plan. A repair is the least change to one rule with which there is a plan again, found by trying.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from quartier import crossing
from quartier import need as needs
from quartier.data import STATUSES
from quartier.language import Texts
from quartier.plan import InfeasibleScenario, Limits, Repair, Rule, crosses, limits, single_years, year_share
from quartier.scenario import GROUP_LIMITS

if TYPE_CHECKING:
    from quartier.data import Sites
    from quartier.scenario import Group, Scenario

NO_LIMIT_EUR = 1e12
"""More than any budget: a rule that does not bind."""


class _Problem(NamedTuple):
    sites: Sites
    scenario: Scenario


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


def find_conflict(sites: Sites, scenario: Scenario) -> InfeasibleScenario | None:
    """Say what makes the scenario impossible, with the least repairs, without raising it; None if some plan keeps all rules."""
    problem = _Problem(sites, scenario)
    return None if _possible(problem) else _explanation(problem)


def required_steps(sites: Sites, scenario: Scenario) -> int:
    """Least steps that must be given out: the floors of the committed sites and of the cheapest others asked for."""
    return _required(limits(sites, scenario), scenario.min_sites)


def _required(rules: Limits, min_sites: int) -> int:
    needed = int(rules.low[rules.committed].sum())
    missing = min_sites - int(rules.committed.sum())
    if missing > 0:
        needed += int(np.sort(rules.low[rules.fundable & ~rules.committed])[:missing].sum())
    return needed


def possible(sites: Sites, scenario: Scenario) -> bool:
    """Say whether a plan exists: amounts, places, sites and money for all that must be funded; where limits cross, by a solver."""
    if crosses(scenario):
        return crossing.possible(crossing.rules_of(sites, scenario, lean=True))
    return all(_possible_in(*year) for year in single_years(sites, scenario))


def _possible_in(sites: Sites, scenario: Scenario) -> bool:
    rules = limits(sites, scenario)
    return bool(
        (rules.low <= rules.high)[rules.committed].all()
        and rules.committed.sum() <= scenario.max_sites
        and scenario.min_sites <= (rules.committed | rules.fundable).sum()
        and _required(rules, scenario.min_sites) <= rules.budget
    )


def _possible(problem: _Problem) -> bool:
    return possible(*problem)


# --- conflicts ----------------------------------------------------------------------------------------------------

# In the order in which rules are let go: a conflict is told in terms of the last of these that it needs.
_KINDS = (
    "step_eur",
    "excluded",
    "max_eur",
    "min_eur",
    "months",
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
    """Rules that can be let go, each group by itself."""
    groups = [f"groups.{i}" for i in range(len(problem.scenario.groups))]
    return [one for kind in _KINDS for one in (groups if kind == "groups" else [kind])]


def _only(problem: _Problem, kinds: Iterable[str]) -> _Problem:
    """Give the problem with these rules alone. Shares stay shares of the budget that is stated, also where it is let go."""
    scenario, kinds = problem.scenario, set(kinds)
    let_go: dict[str, object] = {
        "step_eur": scenario.step_eur * (1e-2 if scenario.groups else 1e-6),
        "excluded": (),
        "max_eur": NO_LIMIT_EUR,
        "min_eur": 0.0,
        "months": {},
        "max_change_share": None,
        "carry_limit_eur": NO_LIMIT_EUR,
        "reserve_eur": 0.0,
        "min_sites": 0,
        "max_sites": max(len(problem.sites), scenario.max_sites),
        "budget_eur": NO_LIMIT_EUR,
        "committed": (),
    }
    changes = {
        name: value for name, value in let_go.items() if {"committed": "commitment"}.get(name, name) not in kinds
    }
    if "budget_eur" not in kinds:
        changes["later_budgets_eur"] = ()
    kept = [group for i, group in enumerate(scenario.groups) if f"groups.{i}" in kinds]
    groups = [limits for group in kept for limits in _in_eur(group, scenario.budget_eur)]
    return _Problem(problem.sites, scenario.replace(groups=groups, **changes))


def _in_eur(group: Group, budget_eur: float) -> list[dict[str, object]]:
    """Give a group's limits with its shares in EUR, as a group of their own: the two may contradict each other."""
    plain = {**group.model_dump(), "min_share": None, "max_share": None}
    shares = {end: getattr(group, f"{end}_share") for end in ("min", "max")}
    amounts = {f"{end}_eur": share * budget_eur for end, share in shares.items() if share is not None}
    return [plain, {"by": group.by, "name": group.name, **amounts}] if amounts else [plain]


def _irreducible(problem: _Problem) -> list[str]:
    rules, kinds = limits(*problem), _kinds(problem)
    if (rules.committed & (rules.low > rules.high)).any():  # no amount for a site: told as such, whatever else is wrong
        elsewhere = ("budget_eur", "max_sites", "min_sites")
        kinds = [*elsewhere, *(kind for kind in kinds if kind not in elsewhere)]
    for kind in list(kinds):
        rest = [other for other in kinds if other != kind]
        if not _possible(_only(problem, rest)):
            kinds = rest
    return kinds[::-1]


def _explanation(problem: _Problem) -> InfeasibleScenario:
    words = _Words(problem, _irreducible(problem))
    rules = tuple(words.rule(kind) for kind in words.kinds)
    found = sorted(_all_repairs(problem, words), key=lambda repair: repair.goes_on)
    return InfeasibleScenario(words.head(), rules, tuple(found), words.texts)


def _all_repairs(problem: _Problem, words: _Words) -> Iterator[Repair]:
    """One repair for each rule that can give way; giving up a commitment is told last."""
    for kind in sorted(words.kinds, key=lambda kind: kind == "commitment"):
        yield from _repairs(problem, kind, words)


# --- repairs ------------------------------------------------------------------------------------------------------

Variation = Callable[[_Problem], _Problem]


def _repairs(problem: _Problem, kind: str, words: _Words) -> Iterable[Repair]:
    """Give the least change to one rule that mends the conflict; where others are left, with their first repair."""
    for possible in words.mended:
        for sentence, change in _CHANGES[kind.partition(".")[0]](problem, words, kind):
            changed = change(problem)
            if not possible(changed):
                continue
            if _possible(changed):
                yield Repair(kind, sentence, _then(change))
            else:
                further = next(_all_repairs(changed, _Words(changed, _irreducible(changed))))
                both = words.texts.text("{first}; and {second}", first=sentence, second=further.sentence)
                yield Repair(kind, both, _then(change, further), goes_on=True)
            return


def _then(change: Variation, further: Repair | None = None) -> Callable[[Sites, Scenario], tuple[Sites, Scenario]]:
    def apply(sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
        changed = change(_Problem(sites, scenario))
        return (changed.sites, changed.scenario) if further is None else further.apply(*changed)

    return apply


Changes = Iterable[tuple[str, Variation]]
"""Changes to one rule with their sentences, the least first."""


def _field(**changes: object) -> Variation:
    return lambda problem: _Problem(problem.sites, problem.scenario.replace(**changes))


def _status(moved: dict[str, dict[str, str]]) -> Variation:
    return lambda problem: _Problem(problem.sites.replace(moved), problem.scenario)


def _raise_budget(problem: _Problem, words: _Words, kind: str) -> Changes:
    texts, scenario = words.texts, problem.scenario
    step, there = scenario.step_eur, scenario.budget_eur

    def raised(enough: float) -> tuple[str, Variation]:
        more = enough - there
        sentence = texts.text(
            "raise the budget by {missing} to {required}", missing=texts.eur(more), required=texts.eur(enough)
        )
        if scenario.years > 1:
            sentence = texts.text("raise the budget of each year by {missing}", missing=texts.eur(more))
        later = tuple(budget_eur + more for budget_eur in scenario.later_budgets_eur)
        return sentence, _field(budget_eur=enough, later_budgets_eur=later)

    if crosses(scenario) or scenario.years > 1:  # more than floors ask for money: found by halving
        high = sum(int(limits(*year).high.sum()) for year in single_years(*problem))
        most = int(min(high, (NO_LIMIT_EUR - max(scenario.budgets_eur)) // step))
        yield raised(there + _least(problem, words, lambda steps: raised(there + steps * step)[1], most) * step)
        return
    for asked in (problem, words.conflict):
        enough = float(required_steps(*asked) * step) + asked.scenario.reserve_eur - scenario.carried_eur
        if enough > there:
            yield raised(enough)


def _least(problem: _Problem, words: _Words, change: Callable[[int], Variation], most: int) -> int:
    """Least whole number up to `most` with which a change mends the conflict, found by halving; `most` if none does."""
    for possible in words.mended:
        if most > 0 and possible(change(most)(problem)):
            low, high = 0, most
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (low, middle) if possible(change(middle)(problem)) else (middle, high)
            return high
    return most


def _raise_carry(problem: _Problem, words: _Words, kind: str) -> Changes:
    step, stated = problem.scenario.step_eur, problem.scenario.carry_limit_eur
    most = math.ceil(sum(problem.scenario.budgets_eur) / step) + 1
    limit = stated + _least(problem, words, lambda steps: _field(carry_limit_eur=stated + steps * step), most) * step
    sentence = words.texts.text("let {value} go over to the next year", value=words.texts.eur(limit))
    yield sentence, _field(carry_limit_eur=limit)


def _whole_year(problem: _Problem, words: _Words, kind: str) -> Changes:
    """Fund sites that start later for the whole year: one of them, else all."""
    months, names = problem.scenario.months, problem.sites.frame["name"]
    for gone in [*([site_id] for site_id in months), list(months)]:
        sentence = words.texts.text(
            "fund {sites} for the whole year", sites=words.texts.listing(names[site_id] for site_id in gone)
        )
        yield sentence, _field(months={site_id: value for site_id, value in months.items() if site_id not in gone})


def _lower_reserve(problem: _Problem, words: _Words, kind: str) -> Changes:
    step, kept = problem.scenario.step_eur, problem.scenario.reserve_eur

    def change(steps: int) -> Variation:
        return _field(reserve_eur=max(0.0, kept - steps * step))

    reserve = max(0.0, kept - _least(problem, words, change, math.ceil(kept / step)) * step)
    yield words.texts.text("lower the reserve to {value}", value=words.texts.eur(reserve)), _field(reserve_eur=reserve)


def _ease_change(problem: _Problem, words: _Words, kind: str) -> Changes:
    """Raise the change limit in steps of a tenth of a per cent."""
    stated = problem.scenario.max_change_share or 0.0
    share = stated + _least(problem, words, lambda steps: _field(max_change_share=stated + steps / 1000), 10_000) / 1000
    sentence = words.texts.text("raise the limit of change to {share}", share=words.texts.percent(share))
    yield sentence, _field(max_change_share=share)


def _ease_group(problem: _Problem, words: _Words, kind: str) -> Changes:
    """Ease one limit of a group as little as will do, else lift them all."""
    scenario, at, step = problem.scenario, int(kind.partition(".")[2]), problem.scenario.step_eur
    group, texts = scenario.groups[at], words.texts

    def variation(**changes: object) -> Variation:
        eased = [one.model_dump() for one in scenario.groups]
        eased[at] |= changes
        return _field(groups=eased)

    units = {"eur": step, "share": step / scenario.budget_eur if scenario.budget_eur else 1.0, "sites": 1}
    for field in GROUP_LIMITS:
        stated, unit = getattr(group, field), units[field[4:]]
        if stated is None or not _possible(_only(variation(**{field: None})(problem), words.kinds)):
            continue
        sign = -1 if field.startswith("min") else 1

        def eased(
            steps: int, field: str = field, stated: float = stated, unit: float = unit, sign: int = sign
        ) -> Variation:
            value = max(0, stated + sign * steps * unit)
            return variation(**{field: min(1.0, value) if field.endswith("share") else value})

        most = len(problem.sites) if field.endswith("sites") else limits(*problem).budget
        number = _least(problem, words, eased, most)
        value = max(0, stated + sign * number * unit)
        shown = (
            texts.eur(value)
            if field.endswith("eur")
            else texts.percent(value)
            if field.endswith("share")
            else str(value)
        )
        yield (
            texts.text("change the limit {field} of {name} to {value}", field=field, name=group.name, value=shown),
            eased(number),
        )
    without = [one.model_dump() for i, one in enumerate(scenario.groups) if i != at]
    yield texts.text("lift the limits of {name}", name=group.name), _field(groups=without)


def _raise_places(problem: _Problem, words: _Words, kind: str) -> Changes:
    for places in range(problem.scenario.max_sites + 1, len(problem.sites) + 1):
        yield words.texts.text("raise the number of places to {n}", n=places), _field(max_sites=places)


def _lower_least_sites(problem: _Problem, words: _Words, kind: str) -> Changes:
    for asked in range(problem.scenario.min_sites - 1, -1, -1):
        yield words.texts.text("lower the least number of sites to {n}", n=asked), _field(min_sites=asked)


def _at_the_sites(column: str, value_eur: float, eased: Callable[[float, float], float]) -> Variation:
    """Ease floors (`min`) or caps (`max`) to a value: the scenario's where it states them, else those of the sites."""

    def change(problem: _Problem) -> _Problem:
        sites, scenario = problem
        stated = getattr(scenario, column)
        if stated is not None:
            return _Problem(sites, scenario.replace(**{column: eased(stated, value_eur)}))
        own = dict(zip(sites.site_ids, sites.numbers(column).tolist(), strict=True))
        moved = {site: {column: value_eur} for site, value in own.items() if eased(value, value_eur) != value}
        return _Problem(sites.replace(moved), scenario)

    return change


def _lower_floors(problem: _Problem, words: _Words, kind: str) -> Changes:
    """The highest level of floors that fits is found by halving: lower floors only ever need less money."""
    sites, scenario = problem
    step, floors = scenario.step_eur, sites.numbers("min_eur") if scenario.min_eur is None else scenario.min_eur
    for possible in words.mended:
        fits, too_high = 0, math.ceil(np.max(floors) / step)
        while too_high - fits > 1:
            middle = (fits + too_high) // 2
            change = _at_the_sites("min_eur", middle * step, min)
            fits, too_high = (middle, too_high) if possible(change(problem)) else (fits, middle)
        if fits:
            floor = float(fits * step)
            sentence = words.texts.text("lower the floors to at most {floor}", floor=words.texts.eur(floor))
            yield sentence, _at_the_sites("min_eur", floor, min)


def _raise_caps(problem: _Problem, words: _Words, kind: str) -> Changes:
    """Without limits that cross, only the floor of a site that has no amount can be the cap it needs."""
    step = problem.scenario.step_eur

    def raised(cap: float) -> tuple[str, Variation]:
        sentence = words.texts.text("raise the caps to at least {cap}", cap=words.texts.eur(cap))
        return sentence, _at_the_sites("max_eur", cap, max)

    for year in single_years(*problem):
        rules = limits(*year)
        stuck = rules.low > rules.high
        for cap in np.unique((rules.low * step / year_share(*year))[stuck]):
            yield raised(float(cap))
    if crosses(problem.scenario):
        most = math.ceil((sum(problem.scenario.budgets_eur) + problem.scenario.carried_eur) / step)
        yield raised(_least(problem, words, lambda steps: raised(steps * step)[1], most) * step)


def _smaller_step(problem: _Problem, words: _Words, kind: str) -> Changes:
    for parts in range(2, 1001):
        step = problem.scenario.step_eur / parts
        yield words.texts.text("lower the step to {step}", step=words.texts.eur(step)), _field(step_eur=step)


def _admit_statuses(problem: _Problem, words: _Words, kind: str) -> Changes:
    excluded = problem.scenario.excluded
    for count in range(1, len(excluded) + 1):
        for admitted in combinations(excluded, count):
            listed = words.texts.listing(words.texts.given(words.texts.name("status", status)) for status in admitted)
            sentence = words.texts.text("admit sites with the status {status}", status=listed)
            yield sentence, _field(excluded=tuple(status for status in excluded if status not in admitted))


def _release(problem: _Problem, words: _Words, kind: str) -> Changes:
    """Release sites from their commitment: first those without an amount, then high floors if money lacks, then little need."""
    sites, scenario = problem
    rules, need, ids = limits(*problem), needs.weigh(sites, scenario.need_weights).to_numpy(), sites.site_ids
    costs = rules.low if "budget_eur" in words.kinds else np.zeros(len(ids))
    stuck = rules.low > rules.high
    order = sorted(map(int, np.flatnonzero(rules.committed)), key=lambda i: (~stuck[i], -costs[i], need[i], ids[i]))
    free = [status for status in STATUSES if status not in scenario.committed]
    free.sort(key=lambda status: status in scenario.excluded)
    for count in range(1, len(order) + 1):
        gone = order[:count]
        sentence = words.texts.text(
            "release {sites} from the commitment", sites=words.texts.listing(words.names[i] for i in gone)
        )
        if free:
            yield sentence, _status({ids[i]: {"status": free[0]} for i in gone})
        else:
            yield sentence, _field(committed=())


_CHANGES: dict[str, Callable[[_Problem, _Words, str], Changes]] = {
    "groups": _ease_group,
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
        # What a change is tried against: all rules, then, where others are broken too, this conflict alone.
        self.mended = (_possible, lambda changed: _possible(_only(changed, kinds)))
        self.rules = limits(*self.conflict)

    def head(self) -> str:
        """Say in sites, places and EUR what is missing."""
        texts, rules, scenario = self.texts, self.rules, self.problem.scenario
        count = int(rules.committed.sum())
        groups = [self.problem.scenario.groups[int(kind.partition(".")[2])].name for kind in self.kinds if "." in kind]
        if groups:
            return texts.text(
                "The limits of {names} cannot be kept together with the other rules.", names=texts.listing(groups)
            )
        beyond = scenario.years > 1 or scenario.earmarked or scenario.carried_eur or scenario.months
        if beyond or {"max_change_share", "reserve_eur"} & set(self.kinds):
            return texts.text("No plan keeps all rules.")
        if "budget_eur" in self.kinds:
            required = required_steps(*self.conflict) * self.conflict.scenario.step_eur
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

    def rule(self, kind: str) -> Rule:
        """Give a rule of the conflict in words."""
        texts, scenario, sites = self.texts, self.problem.scenario, self.problem.sites
        if kind == "commitment":
            n = int(limits(*self.problem).committed.sum())
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
        if "." in kind:
            group = scenario.groups[int(kind.partition(".")[2])]
            stated_limits = ", ".join(
                f"{name} {value:g}" for name in GROUP_LIMITS if (value := getattr(group, name)) is not None
            )
            return Rule(kind, texts.text("limits of {name}: {limits}", name=group.name, limits=stated_limits))
        stated = getattr(scenario, kind)
        values = sites.numbers(kind) if stated is None else np.array([stated])
        low, high = texts.eur(values.min()), texts.eur(values.max())
        shown = low if low == high else texts.text("{low} to {high}", low=low, high=high)
        if kind == "min_eur":
            return Rule(kind, texts.text("floor of a site: {value}", value=shown))
        return Rule(kind, texts.text("cap of a site: {value}", value=shown))
