"""Impossible scenarios, with limits that cross or over years: conflicts are irreducible, repairs least, by rules stated again."""

from __future__ import annotations

import functools
import itertools
import math
from typing import NamedTuple

import numpy as np
import oracle
import oracle_years
import pytest
from scipy.optimize import LinearConstraint, linprog, milp

import quartier as q
from quartier.explorer import _difference
from quartier.language import Texts

ONCE_FAULTY = (101, 102, 106, 122, 140, 141, 142, 149, 151, 216, 227, 228, 232, 1053, 1065, 1097, 1209)
PROBLEMS = [*range(100), *range(1000, 1040), *ONCE_FAULTY]
TIGHTER_FROM = 1000
BATCH = 20
KINDS = (
    "step_eur",
    "excluded",
    "max_eur",
    "min_eur",
    "max_change_share",
    "reserve_eur",
    "min_sites",
    "max_sites",
    "budget_eur",
    "commitment",
)
LIMITS = ("min_eur", "max_eur")
NUMBERS = ("budget_eur", "reserve_eur", "max_sites", "min_sites", "max_change_share")


def problems():
    """Seeds in batches."""
    batches = [PROBLEMS[at : at + BATCH] for at in range(0, len(PROBLEMS), BATCH)]
    return pytest.mark.parametrize("seeds", batches, ids=lambda seeds: f"{seeds[0]}-")


@functools.cache
def conflict(seed: int) -> tuple[q.Sites, q.Scenario, q.InfeasibleScenario | None]:
    """A problem, the later ones with most of the money kept back or hardly any change allowed, and what is said of it."""
    sites, scenario = oracle.crossing_problem(seed, most_sites=4)
    if seed >= TIGHTER_FROM:
        kept = {"reserve_eur": 0.7 * scenario.budget_eur}
        scenario = scenario.replace(**kept) if seed % 2 else scenario.replace(max_change_share=0.1, may_end=True)
    return sites, scenario, q.find_conflict(sites, scenario)


def impossible(seeds):
    for seed in seeds:
        sites, scenario, error = conflict(seed)
        if error is not None:
            yield seed, sites, scenario, error


def all_kinds(scenario: q.Scenario) -> set[str]:
    return {*KINDS, *(f"groups.{i}" for i in range(len(scenario.groups)))}


# --- the rules, stated here once more ------------------------------------------------------------------------------


def some_plan(sites: q.Sites, scenario: q.Scenario, kinds: set[str]) -> bool:
    """Whether any amounts keep these rules of the scenario and no others: every set of funded sites is tried.

    A group's shares stay shares of the budget that is stated, also where the budget itself is let go.
    """
    ranges = [site_range(row, scenario, kinds) for _, row in sites.frame.iterrows()]
    fewest = scenario.min_sites if "min_sites" in kinds else 0
    most = scenario.max_sites if "max_sites" in kinds else math.inf
    choices = [[True] if must else [False, True] if may else [False] for must, may, _, _ in ranges]
    return any(
        fewest <= sum(funded) <= most and fits(sites, scenario, kinds, ranges, np.array(funded))
        for funded in itertools.product(*choices)
    )


def site_range(row, scenario: q.Scenario, kinds: set[str]) -> tuple[bool, bool, float, float]:
    """Whether the site must and may be funded, and its least and greatest amount then.

    One that is let in, where sites may not end, is as one that had no money before: that it must go on is no rule of its own.
    """
    low, high = (row[name] if getattr(scenario, name) is None else getattr(scenario, name) for name in LIMITS)
    low, high = low if "min_eur" in kinds else 0.0, high if "max_eur" in kinds else math.inf
    out = row["status"] in scenario.excluded
    must = row["status"] in scenario.committed and "commitment" in kinds
    let_in = out and "excluded" not in kinds and not scenario.may_end
    if "max_change_share" in kinds and scenario.max_change_share is not None and row["previous_eur"] > 0 and not let_in:
        low = max(low, row["previous_eur"] * (1 - scenario.max_change_share))
        high = min(high, row["previous_eur"] * (1 + scenario.max_change_share))
        must = must or (not scenario.may_end and not out)
    may = not (out and "excluded" in kinds)
    return must, may, low, high


def fits(sites: q.Sites, scenario: q.Scenario, kinds: set[str], ranges: list, funded: np.ndarray) -> bool:
    """Whether some amounts of exactly these sites keep floors, caps, budget and groups."""
    step, there = scenario.step_eur, scenario.budget_eur - (scenario.reserve_eur if "reserve_eur" in kinds else 0.0)
    sums = [(funded, 0.0, there if "budget_eur" in kinds else math.inf)]
    for i, group in enumerate(scenario.groups):
        if f"groups.{i}" in kinds:
            own = funded & (sites.frame[group.by] == group.name).to_numpy()
            if not (group.min_sites or 0) <= own.sum() <= (math.inf if group.max_sites is None else group.max_sites):
                return False
            least = max(group.min_eur or 0.0, (group.min_share or 0.0) * scenario.budget_eur)
            most = [m for m in (group.max_eur, times(group.max_share, scenario.budget_eur)) if m is not None]
            sums.append((own, least, min(most, default=math.inf)))
    low = [low for _, _, low, _ in itertools.compress(ranges, funded)]
    high = [high for _, _, _, high in itertools.compress(ranges, funded)]
    slack, rows = 1e-6, np.array([own[funded] for own, _, _ in sums], dtype=float)
    least, most = np.array([least for _, least, _ in sums]), np.array([most for _, _, most in sums])
    if not funded.any():
        return bool((least <= slack).all() and (most >= -slack).all())
    if "step_eur" not in kinds:  # any amounts: a linear programme
        low = np.maximum(low, step / 1000)
        if (low > np.array(high) + slack).any():
            return False
        bounded = np.isfinite(most)
        answer = linprog(
            np.zeros(len(low)),
            A_ub=np.vstack([-rows, rows[bounded]]),
            b_ub=np.concatenate([-least, most[bounded]]) + slack,
            bounds=list(zip(low, np.maximum(low, high), strict=True)),
        )
        assert answer.status in (0, 2), answer.message
        return answer.status == 0
    # Whole steps: all of them, up to the floor and all that groups ask for, for more than that could be taken away again.
    asked = sum(math.ceil((one - slack) / step) for one in least if one > slack)
    from_, to = [max(1, math.ceil((one - slack) / step)) for one in low], []
    for start, one in zip(from_, high, strict=True):
        to.append(start + asked if one == math.inf else min(start + asked, math.floor((one + slack) / step)))
    counts = np.meshgrid(*(np.arange(a, b + 1) for a, b in zip(from_, to, strict=True)), indexing="ij")
    together = rows @ (np.array([count.ravel() for count in counts]) * step)
    return bool(((together >= least[:, None] - slack) & (together <= most[:, None] + slack)).all(axis=0).any())


def times(share: float | None, budget: float) -> float | None:
    return None if share is None else share * budget


# --- claims --------------------------------------------------------------------------------------------------------


@problems()
def test_the_statement_of_the_rules_equals_brute_force(seeds):
    for seed in seeds:
        sites, scenario, error = conflict(seed)
        best = oracle.best(sites, scenario)
        assert some_plan(sites, scenario, all_kinds(scenario)) == (best is not None), f"problem {seed}"
        assert (error is None) == (best is not None), f"problem {seed}"


def test_many_kinds_of_conflicts_and_repairs_are_among_them():
    found = list(impossible(PROBLEMS))
    assert len(found) >= 60
    assert len({frozenset(rule.kind.partition(".")[0] for rule in error.conflict) for *_, error in found}) >= 20
    assert {number.field for _, *problem in found for number in numbers(*problem)} >= {
        *NUMBERS,
        *("min_eur", "max_eur", "min_share", "max_share"),
    }


@problems()
def test_a_conflict_of_crossing_limits_is_irreducible(seeds):
    for seed, sites, scenario, error in impossible(seeds):
        kinds = {rule.kind for rule in error.conflict}
        assert len(kinds) == len(error.conflict), f"problem {seed}: a rule is named twice"
        assert kinds <= all_kinds(scenario), f"problem {seed}: {kinds}"
        assert not some_plan(sites, scenario, kinds), f"problem {seed}: {kinds} is no conflict by itself"
        for kind in kinds:
            assert some_plan(sites, scenario, kinds - {kind}), f"problem {seed}: {kinds} does not need {kind}"


@problems()
def test_each_repair_of_crossing_limits_works(seeds):
    for seed, sites, scenario, error in impossible(seeds):
        assert error.repairs, f"problem {seed}"
        for repair in error.repairs:
            assert oracle.best(*repair.apply(sites, scenario)) is not None, f"problem {seed}: {repair.sentence}"


@problems()
def test_each_repair_works_where_the_scenario_chooses_for_single_sites(seeds):
    tried = 0
    for seed in seeds:
        sites, bare = oracle.crossing_problem(seed, most_sites=4)
        scenario, changed = oracle.with_choices(seed, sites, bare)
        error = q.find_conflict(sites, scenario)
        expected = q.find_conflict(changed, bare)
        assert str(error) == str(expected), f"problem {seed}"
        for number, repair in enumerate(error.repairs if error else ()):
            tried += 1
            here, mended = repair.apply(sites, scenario)
            assert mended.settled(here)[0] is here, f"problem {seed}: {repair.sentence} is undone by the scenario"
            other, plain = expected.repairs[number].apply(changed, bare)
            assert not _difference(other, here), f"problem {seed}: {repair.sentence}"
            assert mended.replace(sites={}) == plain
            assert mended.sites.keys() == scenario.sites.keys()
            assert oracle.best(here, plain) is not None, f"problem {seed}: {repair.sentence}"
            assert q.find_conflict(here, mended) is None
            if not _difference(changed, here):  # a repair of the scenario alone can be written as one
                assert q.find_conflict(sites, mended) is None
    assert tried


def test_a_repair_of_a_site_that_the_scenario_chooses_changes_what_the_scenario_says_of_it():
    sites, scenario = oracle.crossing_problem(0, most_sites=4)
    site_id = sites.site_ids[0]
    scenario = q.Scenario(
        budget_eur=100,
        step_eur=100,
        committed=["signed"],
        sites={site_id: {"status": "signed", "min_eur": 500.0, "max_eur": 600.0}},
    )
    sites = sites.replace({one: {"status": "prospective", "min_eur": 100, "max_eur": 900} for one in sites.site_ids})
    repairs = {repair.rule: repair for repair in q.find_conflict(sites, scenario).repairs}
    _, lower = repairs["min_eur"].apply(sites, scenario)
    assert lower.sites[site_id].choices() == {"status": "signed", "min_eur": 100, "max_eur": 600}
    _, free = repairs["commitment"].apply(sites, scenario)
    assert free.sites[site_id].status != "signed"
    _, more = repairs["budget_eur"].apply(sites, scenario)
    assert more == scenario.replace(budget_eur=500.0)
    for mended in (lower, free, more):
        assert q.allocate(sites, mended)


@problems()
def test_no_change_of_a_repaired_number_that_is_smaller_by_whole_units_would_do(seeds):
    for seed, *problem in impossible(seeds):
        for number in numbers(*problem):
            works = [value for value in number.smaller() if oracle.best(*number.variation(value)) is not None]
            assert not works, f"problem {seed}: {number.sentence}, but {works[0]:g} would do"


@problems()
def test_a_raised_budget_and_a_lowered_reserve_are_least_to_the_cent(seeds):
    for seed, *problem in impossible(seeds):
        for number in numbers(*problem):
            if number.field in ("budget_eur", "reserve_eur"):
                nearer = number.after + math.copysign(0.01, number.before - number.after)
                assert oracle.best(*number.variation(nearer)) is None, (
                    f"problem {seed}: {number.sentence}: a cent too much"
                )


@problems()
def test_the_sentence_of_a_repair_says_the_number_of_its_change(seeds):
    for seed, *problem in impossible(seeds):
        for number in numbers(*problem):
            assert number.shown() in number.sentence, f"problem {seed}: {number.sentence}, but {number.shown()}"


@problems()
def test_a_rule_that_is_changed_twice_on_the_way_is_told_once(seeds):
    for seed, _, _, error in impossible(seeds):
        for repair in error.repairs:
            said = [part.split(" auf ")[0] for part in repair.sentence.split("; außerdem ")]
            assert len(set(said)) == len(said), f"problem {seed}: {repair.sentence}"


@problems()
def test_a_rule_without_which_there_is_a_plan_has_a_repair_of_its_own(seeds):
    for seed, sites, scenario, error in impossible(seeds):
        alone = {repair.rule for repair in error.repairs if not repair.goes_on}
        for kind in {rule.kind for rule in error.conflict} - alone:
            free = without(sites, scenario, kind)
            assert free is None or oracle.best(*free) is None, f"problem {seed}: nothing is said of {kind}"


@problems()
def test_all_limits_of_a_group_are_lifted_only_where_no_single_one_will_do(seeds):
    for seed, sites, scenario, error in impossible(seeds):
        for group, repair in lifted(sites, scenario, error):
            for field in limits_of(scenario, group):
                eased = with_limit(scenario, group, field, None)
                assert oracle.best(sites, eased) is None, (
                    f"problem {seed}: {repair.sentence}, but {field} alone would do"
                )


# --- over years ----------------------------------------------------------------------------------------------------

YEARS = [*range(200), *range(1000, 1040)]


@functools.cache
def conflict_over_years(seed: int) -> tuple[q.Sites, q.Scenario, q.InfeasibleScenario | None]:
    """A problem, the later ones with most of the money kept back, or with little in the later years and little carried over."""
    sites, scenario = oracle_years.problem(seed)
    if seed >= TIGHTER_FROM and seed % 2:
        scenario = scenario.replace(reserve_eur=0.7 * min(scenario.budgets_eur))
    elif seed >= TIGHTER_FROM:
        years, step = max(2, scenario.years), scenario.step_eur
        later = {"later_budgets_eur": [0.2 * scenario.budget_eur] * (years - 1), "carry_limit_eur": 0.4 * step}
        scenario = scenario.replace(budget_eur=2 * scenario.budget_eur, years=years, reserve_eur=0.0, **later)
    return sites, scenario, q.find_conflict(sites, scenario)


def impossible_over_years(first: int):
    for seed in YEARS[first : first + BATCH]:
        sites, scenario, error = conflict_over_years(seed)
        if error is not None:
            yield seed, sites, scenario, error


def some_plan_over_years(sites: q.Sites, scenario: q.Scenario, kinds: set[str], whole_years: bool = False) -> bool:
    """Whether any amounts over the years keep these rules and no others: every choice of funded sites and years is tried.

    Without the budget, shares are those of the stated budget that asks for least. Months are known of the sites, unless the
    years are to be whole ones.
    """
    by_year = []
    for year in range(scenario.years):  # later on, the amount of last year is known only from the plan
        frame, here = sites.frame if year == 0 else sites.frame.assign(previous_eur=math.nan), []
        for site, row in frame.iterrows():
            share = 1.0 if whole_years else oracle_years.part(scenario, site, year)
            must, may, low, high = site_range(row, scenario, kinds)
            here.append((must, may, low * share, high * share, share))
        by_year.append(here)
    fewest = scenario.min_sites if "min_sites" in kinds else 0
    most = scenario.max_sites if "max_sites" in kinds else math.inf
    choices = []
    for here in by_year:
        each = itertools.product(*([True] if must else [False, True] if may else [False] for must, may, *_ in here))
        choices.append([np.array(some) for some in each if fewest <= sum(some) <= most])
    return any(
        fit_over_years(sites, scenario, kinds, by_year, np.array(funded)) for funded in itertools.product(*choices)
    )


def fit_over_years(sites, scenario: q.Scenario, kinds: set[str], by_year: list, funded: np.ndarray) -> bool:
    """Whether some amounts of exactly these sites (years, n) keep all limits: a small programme with payments of earmarks."""
    frame, slack, whole = sites.frame, 1e-6, "step_eur" in kinds
    unit = scenario.step_eur if whole else 1.0
    low, high, share = (np.array([[site[at] for site in here] for here in by_year]) for at in (2, 3, 4))
    low = np.where(funded, np.ceil(np.maximum(low / unit, 1) - slack) if whole else np.maximum(low, 1e-3), 0.0)
    high = np.where(funded, np.floor(high / unit + slack) if whole else high + slack, 0.0)
    if (low > high).any():
        return False
    # Amounts in units, what each earmark pays, and what goes over to the next year.
    amounts = np.arange(low.size).reshape(low.shape)
    paid = low.size + np.arange(len(scenario.earmarked) * low.size).reshape(-1, *low.shape)
    carried = low.size + paid.size + np.arange(scenario.years - 1)
    width, rows, least, most = low.size + paid.size + len(carried), [], [], []

    def add(parts, lower: float, upper: float) -> None:
        row = np.zeros(width)
        for columns, factor in parts:
            row[columns] += factor
        rows.append(row)
        least.append(lower)
        most.append(upper)

    for year, budget in enumerate(scenario.budgets_eur):
        for i in range(len(sites)):
            add([(amounts[year, i], unit), (paid[:, year, i], -1.0)], -slack, math.inf)
        if "budget_eur" in kinds:
            there = budget - (scenario.reserve_eur if "reserve_eur" in kinds else 0.0)
            there += scenario.carried_eur if year == 0 else 0.0
            over = [(carried[year : year + 1], 1.0), (carried[max(year - 1, 0) : year], -1.0)]
            add([(amounts[year], unit), (paid[:, year].ravel(), -1.0), *over], -math.inf, there + slack)
        for at, one in enumerate(scenario.earmarked):
            others = (frame[one.by] != one.name).to_numpy()
            add([(paid[at, year], 1.0)], -math.inf, one.amount_eur)
            add([(paid[at, year][others], 1.0)], -math.inf, 0.0)
        for at, group in enumerate(scenario.groups):
            if f"groups.{at}" not in kinds:
                continue
            own = (frame[group.by] == group.name).to_numpy()
            count = (funded[year] & own).sum()
            if not (group.min_sites or 0) <= count <= (math.inf if group.max_sites is None else group.max_sites):
                return False
            lean, rich = (
                (budget,) * 2 if "budget_eur" in kinds else (min(scenario.budgets_eur), max(scenario.budgets_eur))
            )
            floor = max(group.min_eur or 0.0, (group.min_share or 0.0) * lean)
            caps = [cap for cap in (group.max_eur, times(group.max_share, rich)) if cap is not None]
            add([(amounts[year][own], unit)], floor - slack, min(caps, default=math.inf) + slack)
        if year > 0 and scenario.max_change_share is not None and "max_change_share" in kinds:
            if not scenario.may_end and (funded[year - 1] & ~funded[year]).any():
                return False
            for i in np.flatnonzero(funded[year - 1] & funded[year]):
                now, then = unit / share[year, i], unit / share[year - 1, i]
                for sign in (1, -1):
                    ratio = 1 + sign * scenario.max_change_share
                    add(
                        [(amounts[year, i], sign * now), (amounts[year - 1, i], -sign * ratio * then)], -math.inf, slack
                    )
    limit = scenario.carry_limit_eur if "carry_limit_eur" in kinds else math.inf
    answer = milp(
        np.zeros(width),
        constraints=LinearConstraint(np.array(rows), least, most),
        bounds=(
            np.concatenate([low.ravel(), np.zeros(width - low.size)]),
            np.concatenate([high.ravel(), np.full(paid.size, math.inf), np.full(len(carried), limit)]),
        ),
        integrality=np.concatenate([np.full(low.size, int(whole)), np.zeros(width - low.size)]),
    )
    assert answer.status in (0, 2), answer.message
    return answer.status == 0


def kinds_over_years(scenario: q.Scenario) -> set[str]:
    return {*all_kinds(scenario), "carry_limit_eur"}


over_years = pytest.mark.parametrize("first", range(0, len(YEARS), BATCH))


@over_years
def test_the_statement_of_the_rules_over_years_equals_brute_force(first):
    for seed in YEARS[first : first + BATCH]:
        sites, scenario, error = conflict_over_years(seed)
        said = some_plan_over_years(sites, scenario, kinds_over_years(scenario))
        assert said == any(True for _ in oracle_years.plans(sites, scenario)), f"problem {seed}"
        assert said == (error is None), f"problem {seed}"


def test_many_kinds_of_conflicts_over_years_are_among_them():
    found = [problem for first in range(0, len(YEARS), BATCH) for problem in impossible_over_years(first)]
    assert len(found) >= 60
    kinds = {rule.kind.partition(".")[0] for *_, error in found for rule in error.conflict}
    assert kinds >= {
        "months",
        "carry_limit_eur",
        "max_change_share",
        "reserve_eur",
        "budget_eur",
        "groups",
        "commitment",
    }


@over_years
def test_a_conflict_over_years_is_irreducible(first):
    for seed, sites, scenario, error in impossible_over_years(first):
        kinds = {rule.kind for rule in error.conflict}
        assert kinds <= {*kinds_over_years(scenario), "months"}, f"problem {seed}: {kinds}"
        rules = kinds - {"months"}
        assert not some_plan_over_years(sites, scenario, rules), f"problem {seed}: {kinds} is no conflict by itself"
        for kind in kinds:
            free = some_plan_over_years(sites, scenario, rules - {kind}, whole_years=kind == "months")
            assert free, f"problem {seed}: {kinds} does not need {kind}"


@over_years
def test_each_repair_over_years_works(first):
    for seed, sites, scenario, error in impossible_over_years(first):
        assert error.repairs, f"problem {seed}"
        for repair in error.repairs:
            some = next(oracle_years.plans(*repair.apply(sites, scenario)), None)
            assert some is not None, f"problem {seed}: {repair.sentence}"


# --- what a repair changes -----------------------------------------------------------------------------------------


class Number(NamedTuple):
    """One number that a repair changes: of the scenario, or a limit of one of its groups."""

    sites: q.Sites
    scenario: q.Scenario
    group: int | None
    field: str
    before: float
    after: float
    sentence: str

    @property
    def unit(self) -> float:
        """Least change that is looked for."""
        if self.field.endswith("sites"):
            return 1
        if self.field == "max_change_share":
            return 0.001
        if self.field.endswith("share"):
            return self.scenario.step_eur / self.scenario.budget_eur if self.scenario.budget_eur else 1.0
        return self.scenario.step_eur

    def variation(self, value: float) -> tuple[q.Sites, q.Scenario]:
        if self.group is None:
            return self.sites, self.scenario.replace(**{self.field: value})
        return self.sites, with_limit(self.scenario, self.group, self.field, value)

    def smaller(self) -> list[float]:
        """Smaller changes, by one unit, two and so on; of many, the first twenty."""
        way = math.copysign(self.unit, self.before - self.after)
        count = math.ceil(abs(self.after - self.before) / self.unit - 1e-9)
        return [self.after + type(self.after)(k * way) for k in range(1, min(count, 21))]

    def shown(self) -> str:
        texts = Texts(self.scenario.language)
        if self.field.endswith("eur"):
            return texts.eur(self.after)
        return texts.percent(self.after) if self.field.endswith("share") else str(self.after)


def numbers(sites: q.Sites, scenario: q.Scenario, error: q.InfeasibleScenario):
    """Repairs that change one number of the scenario and nothing else."""
    for repair in error.repairs:
        mended_sites, mended = repair.apply(sites, scenario)
        if repair.goes_on or not mended_sites.frame.equals(sites.frame):
            continue
        changed = [
            (group, field, before[field], after[field])
            for group, before, after in [
                (None, scenario.model_dump(exclude={"groups"}), mended.model_dump(exclude={"groups"})),
                *(
                    (i, scenario.groups[i].model_dump(), mended.groups[i].model_dump())
                    for i in range(len(mended.groups))
                ),
            ]
            for field in before
            if before[field] != after[field]
        ]
        if any(after is None or after is True for *_, after in changed):  # a limit is lifted, or sites may end
            continue
        assert len(changed) == 1, repair.sentence
        if changed[0][1] in NUMBERS or changed[0][0] is not None:
            yield Number(sites, scenario, *changed[0], repair.sentence)


def with_limit(scenario: q.Scenario, group: int, field: str, value: float | None) -> q.Scenario:
    groups = [one.model_dump() for one in scenario.groups]
    groups[group][field] = value
    return scenario.replace(groups=groups)


def limits_of(scenario: q.Scenario, group: int) -> list[str]:
    stated = scenario.groups[group].model_dump(exclude={"by", "name"}, exclude_none=True)
    return list(stated)


def lifted(sites: q.Sites, scenario: q.Scenario, error: q.InfeasibleScenario):
    """Repairs that lift all limits, two or more, of a group; with the number of the group."""
    for repair in error.repairs:
        kind, _, group = repair.rule.partition(".")
        if kind == "groups" and not repair.goes_on and len(limits_of(scenario, int(group))) > 1:
            _, mended = repair.apply(sites, scenario)
            if not limits_of(mended, int(group)):
                yield int(group), repair


def without(sites: q.Sites, scenario: q.Scenario, kind: str) -> tuple[q.Sites, q.Scenario] | None:
    """The problem without one rule; None where brute force would not end."""
    frame = sites.frame.reset_index()
    if kind == "budget_eur":
        caps = frame["max_eur"].sum() if scenario.max_eur is None else scenario.max_eur * len(frame)
        return sites, scenario.replace(budget_eur=float(caps) + scenario.budget_eur)
    if kind in LIMITS:
        frame[kind] = 0.0 if kind == "min_eur" else np.maximum(frame["min_eur"], scenario.budget_eur)
        return q.Sites.from_frame(frame), scenario.replace(**{kind: None})
    free = {
        "reserve_eur": 0.0,
        "max_sites": max(len(frame), scenario.max_sites),
        "min_sites": 0,
        "max_change_share": None,
        "excluded": (),
    }
    return (sites, scenario.replace(**{kind: free[kind]})) if kind in free else None
