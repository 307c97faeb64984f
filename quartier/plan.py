"""The result: who gets how much, how far to trust it, and why. Needs no solver to be read."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quartier import benefit as curves
from quartier.language import PlainError, Texts, mark
from quartier.scenario import GROUP_LIMITS

if TYPE_CHECKING:
    import pandas as pd

    from quartier.data import Sites
    from quartier.scenario import Earmark, Group, Scenario

TOLERANCE = 1e-9
"""Relative tolerance of every check: far below a cent of 80,000 EUR, far above the rounding of floats."""

ROUNDING = 1e-13
"""Relative rounding of a quotient of floats: 80,000 / 0.1 may come out just below 800,000 steps; less than a step up to 1e12 of them."""

MOST_STEPS = 1e12
"""More steps than any amount has; keeps sums over a million sites within whole numbers of 64 bits."""


_CURVES = {
    "assumed": mark("the response curve"),
    "quality": mark("the form of the response curve, its scales learned from the reports"),
    "demonstration": mark("the response curve, its scales learned from made-up reports"),
}
"""What of the response curve is assumed, by where its scales come from."""


class Outcome(enum.Enum):
    """How far a plan can be trusted; the value is the sentence that says so."""

    OPTIMAL = mark("Proven optimal: no plan under these rules reaches more.")
    FEASIBLE = mark("Keeps all rules, but the search was stopped before it was proven that no plan reaches more.")
    INFEASIBLE = mark("No plan keeps all rules.")
    BY_RULE = mark("Divided by a stated rule, not optimised.")
    IN_YEARS = mark("A year of a plan over several years, which is judged as a whole.")


class Limits(NamedTuple):
    """The rules as whole steps: what each site may get, shape (n,), and how many steps of money there are."""

    committed: np.ndarray
    fundable: np.ndarray
    low: np.ndarray
    high: np.ndarray
    budget: int


def limits(sites: Sites, scenario: Scenario) -> Limits:
    """Turn floors, caps and budget into whole steps.

    A site is fundable if its status is not excluded and some multiple of the step lies between floor and cap. Floor and
    cap are the scenario's where it states them, else the site's own; a funded site gets at least one step. Of a scenario over
    several years these are the limits of the first; `single_years` gives each.
    """
    step, n, part = scenario.step_eur, len(sites), year_share(sites, scenario)
    floor = np.full(n, scenario.min_eur) if scenario.min_eur is not None else sites.numbers("min_eur")
    cap = np.full(n, scenario.max_eur) if scenario.max_eur is not None else sites.numbers("max_eur")
    if scenario.max_change_share is not None:
        had = np.nan_to_num(sites.numbers("previous_eur"))
        least = np.where(had > 0, had * (1 - scenario.max_change_share), floor)
        most = np.where(had > 0, had * (1 + scenario.max_change_share), cap)
        floor, cap = np.maximum(floor, least), np.minimum(cap, most)
    floor, cap = floor * part, cap * part
    low = np.minimum(np.ceil(np.maximum(floor, step) / step * (1 - ROUNDING)), MOST_STEPS).astype(np.int64)
    high = np.minimum(np.floor(cap / step * (1 + ROUNDING)), MOST_STEPS).astype(np.int64)
    budget = math.floor(money_limits(sites, scenario)[0].most_steps)
    committed = np.isin(sites.statuses, scenario.committed)
    if scenario.max_change_share is not None and not scenario.may_end:
        committed |= (had > 0) & ~np.isin(sites.statuses, scenario.excluded)
    fundable = ~np.isin(sites.statuses, scenario.excluded) & (low <= high)
    return Limits(committed, fundable, low, high, budget)


def year_share(sites: Sites, scenario: Scenario) -> np.ndarray:
    """Give the part of the year in which each site is funded, shape (n,): floor, cap, need and effect scale are those of this part.

    Raises
    ------
    PlainError
        The months name a site that is none.
    """
    share = np.ones(len(sites))
    if scenario.months:
        texts, at = Texts(scenario.language), {site_id: i for i, site_id in enumerate(sites.site_ids)}
        for site_id, months in scenario.months.items():
            if site_id not in at:
                raise PlainError(
                    texts.text(
                        "months: there is no site {site}. Known are {known}.",
                        site=texts.given(site_id),
                        known=", ".join(at),
                    )
                )
            share[at[site_id]] = months / 12
    return share


def single_years(sites: Sites, scenario: Scenario) -> list[tuple[Sites, Scenario]]:
    """State each year by itself, without what the years before and after have to do with it."""
    if scenario.years == 1:
        return [(sites, scenario)]
    apart = {"years": 1, "later_budgets_eur": (), "carry_limit_eur": 0.0}
    later = apart | {"months": {}, "carried_eur": 0.0}
    return [
        (sites, scenario.replace(**apart)),
        *(
            (_had(sites, np.full(len(sites), math.nan)), scenario.replace(**later, budget_eur=budget_eur))
            for budget_eur in scenario.budgets_eur[1:]
        ),
    ]


def chained_years(sites: Sites, scenario: Scenario, amounts_eur: np.ndarray) -> list[tuple[Sites, Scenario]]:
    """State each year as it is after the years before it: last year's amounts and the money carried over are known.

    Parameters
    ----------
    amounts_eur : array, shape (years, n)
    """
    found: list[tuple[Sites, Scenario]] = []
    for year, (here, one) in enumerate(single_years(sites, scenario)):
        if year > 0:
            before, rules = found[-1]
            had = amounts_eur[year - 1] / year_share(before, rules)
            carried_eur = carried_over_eur(before, rules, amounts_eur[year - 1], scenario.carry_limit_eur)
            here = _had(here, np.where(had > 0, had, math.nan))
            one = one.replace(carried_eur=carried_eur)
        found.append((here, one))
    return found


def _had(sites: Sites, previous_eur: np.ndarray) -> Sites:
    """Sites with other amounts of last year."""
    return dataclasses.replace(sites, _frame=sites.frame.assign(previous_eur=previous_eur), cache={})


class Shared(NamedTuple):
    """A limit on some sites together, in whole steps; infinite where there is none."""

    members: np.ndarray  # (n,) bool
    least_steps: float
    most_steps: float
    least_sites: float
    most_sites: float
    money: bool = False
    """Whether it is a limit on the money that is there, to which money carried over adds."""


def shared_limits(sites: Sites, scenario: Scenario) -> list[Shared]:
    """Turn the scenario's groups into whole steps.

    Raises
    ------
    PlainError
        A group names nobody.
    """
    texts, found = Texts(scenario.language), []
    step, budget = scenario.step_eur, scenario.budget_eur
    for group in scenario.groups:
        members = _of(sites, group, "groups", texts)
        floor = max(group.min_eur or 0.0, (group.min_share or 0.0) * budget)
        cap = min(
            math.inf if group.max_eur is None else group.max_eur,
            math.inf if group.max_share is None else group.max_share * budget,
        )
        found.append(
            Shared(
                members,
                math.ceil(floor / step * (1 - ROUNDING)),
                math.floor(cap / step * (1 + ROUNDING)) if math.isfinite(cap) else math.inf,
                group.min_sites or 0,
                math.inf if group.max_sites is None else group.max_sites,
            )
        )
    return found


def _of(sites: Sites, one: Group | Earmark, field: str, texts: Texts) -> np.ndarray:
    """Say which sites belong to a partner or district, shape (n,).

    Raises
    ------
    PlainError
        None does.
    """
    key = f"{one.by}: {one.name}"
    if key in sites.cache:
        return sites.cache[key]
    column = sites.frame[one.by]
    members = (column == one.name).to_numpy(dtype=bool)
    if not members.any():
        known = sorted(set(column.dropna()))
        raise PlainError(
            texts.text(
                "{field}: no site has the {by} {name}. Known are {known}.",
                field=field,
                by=texts.name("column", one.by),
                name=texts.given(one.name),
                known=", ".join(texts.given(name, most=200) for name in known) or "-",  # whole, to be copied
            )
        )
    members.setflags(write=False)
    sites.cache[key] = members
    return members


def _earmarks(sites: Sites, scenario: Scenario) -> list[tuple[np.ndarray, float]]:
    """Give every set of earmarks: the sites that have a part in one of the set, and the EUR of the others; the empty set first.

    Amounts can be paid if and only if, for every set, the sites outside it get no more than the city's own money and the
    other earmarks (maximum flow, minimum cut: Ford & Fulkerson 1956).
    """
    texts, nobody = Texts(scenario.language), np.zeros(len(sites), dtype=bool)
    found = [(nobody, math.fsum(one.amount_eur for one in scenario.earmarked))]
    for one in scenario.earmarked:
        members = _of(sites, one, "earmarked", texts)
        found += [(some | members, rest - one.amount_eur) for some, rest in found]
    return found


def money_limits(sites: Sites, scenario: Scenario) -> list[Shared]:
    """Give the money of a year in steps, not rounded: what all sites may get together, then the sites that earmarks leave out."""
    own = scenario.budget_eur + scenario.carried_eur - scenario.reserve_eur
    return [
        Shared(~some, 0, (own + rest) / scenario.step_eur * (1 + ROUNDING), 0, math.inf, money=True)
        for some, rest in _earmarks(sites, scenario)
    ]


def all_limits(sites: Sites, scenario: Scenario) -> tuple[Limits, list[Shared]]:
    """Give all rules of a year: of each site, and on places, money and groups together."""
    places = Shared(np.ones(len(sites), dtype=bool), 0, math.inf, scenario.min_sites, scenario.max_sites)
    return limits(sites, scenario), [places, *money_limits(sites, scenario), *shared_limits(sites, scenario)]


def linked(scenario: Scenario) -> bool:
    """Say whether one year has to do with another."""
    return scenario.years > 1 and (scenario.carry_limit_eur > 0 or scenario.max_change_share is not None)


def crosses(scenario: Scenario) -> bool:
    """Say whether limits tie sites together besides budget and places, or years hang together: more than prices can prove."""
    return bool(scenario.groups or scenario.earmarked or linked(scenario))


def own_money_left(sites: Sites, scenario: Scenario, amounts_eur: np.ndarray) -> float:
    """Give the EUR of a year's budget, and of what was carried into it, that are left, when earmarked money is used first."""
    used = min(rest + math.fsum(amounts_eur[some]) for some, rest in _earmarks(sites, scenario))
    return scenario.budget_eur + scenario.carried_eur - (math.fsum(amounts_eur) - used)


def carried_over_eur(sites: Sites, scenario: Scenario, amounts_eur: np.ndarray, limit_eur: float) -> float:
    """Give the EUR that a year leaves to the next: what is left beside the reserve, up to the limit."""
    spare = own_money_left(sites, scenario, amounts_eur) - scenario.reserve_eur
    return float(np.round(min(max(spare, 0.0), limit_eur), 9))


class Rule(NamedTuple):
    """A rule of the scenario that takes part in a conflict; ``kind`` is the scenario's field or ``commitment``."""

    kind: str
    sentence: str


@dataclasses.dataclass(frozen=True)
class Repair:
    """The least change to one rule that makes a plan possible again."""

    rule: str
    sentence: str
    change: Callable[[Sites, Scenario], tuple[Sites, Scenario]]
    goes_on: bool = False
    """Whether another conflict is left then, which the sentence and the change mend as well."""

    def apply(self, sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
        """Give sites and scenario with the change made; a plan is possible for them."""
        return self.change(sites, scenario)


class InfeasibleScenario(PlainError):
    """No plan keeps all rules.

    Attributes
    ----------
    conflict : tuple of Rule
        A smallest set of rules that cannot hold together.
    repairs : tuple of Repair
        For each of these rules that can give way, the least change.
    """

    def __init__(self, sentence: str, conflict: tuple[Rule, ...], repairs: tuple[Repair, ...], texts: Texts) -> None:
        self.conflict, self.repairs = conflict, repairs
        lines = [sentence, texts.text("These rules cannot hold together:")]
        lines += [f"  - {rule.sentence}" for rule in conflict]
        if repairs:
            lines += [
                texts.text("Each of these ways by itself would mend it:"),
                *(f"  - {repair.sentence}" for repair in repairs),
            ]
        super().__init__("\n".join(lines))


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """Who gets how much, how far to trust it, and why.

    Attributes
    ----------
    sites, scenario
        What the plan was made for. The sites are as the scenario chooses single ones (`Scenario.settled`); to solve again for sites that
        are changed further, take these and the scenario with ``sites={}``, or its choices win.
    need : Series
        Weighted residents, index site_id.
    amounts : Series
        EUR, index site_id, in the order of the sites; 0 where not funded. Over several years: the sums.
    objective : float
        What was maximised, over all years; equals `benefit` when the inequality aversion is 0. At an infinite aversion: the
        smallest coverage among the sites that may be funded and have a need.
    bound : float
        No plan under these rules can exceed this objective.
    outcome : Outcome
        How far the plan can be trusted.
    baseline_amounts : DataFrame
        EUR, index site_id, one column a baseline: ``equal_split``, ``need_proportional``, ``last_year`` where there is one.
    years : tuple of Plan
        Over several years: each year as a plan of its own, given the years before it; else empty.
    """

    sites: Sites
    scenario: Scenario
    need: pd.Series
    amounts: pd.Series
    objective: float
    bound: float
    outcome: Outcome
    baseline_amounts: pd.DataFrame
    years: tuple[Plan, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Plan({self.scenario.name}: {self.spent_eur:g} EUR at {self.funded_sites} sites,"
            f" benefit {self.benefit:.1f}, {self.outcome.name}, gap {self.gap:.1e})"
        )

    @property
    def texts(self) -> Texts:
        """Texts in the scenario's language."""
        return Texts(self.scenario.language)

    @property
    def gap(self) -> float:
        """Relative distance of the objective from the bound, 0 or more."""
        return 0.0 if self.bound == self.objective else max(0.0, (self.bound - self.objective) / abs(self.bound))

    @property
    def spent_eur(self) -> float:
        """Sum of the amounts, EUR."""
        return math.fsum(self.amounts)

    @property
    def left_over_eur(self) -> float:
        """Budget that is not given out, EUR; earmarked money is used first and lapses where it is not."""
        if self.years:  # what a year leaves to the next is left over only once
            carried = math.fsum(year.scenario.carried_eur for year in self.years[1:])
            return math.fsum(year.left_over_eur for year in self.years) - carried
        return own_money_left(self.sites, self.scenario, self.amounts.to_numpy())

    @property
    def funded_sites(self) -> int:
        """Count of sites that get money."""
        return int((self.amounts.to_numpy() > 0).sum())

    @property
    def amounts_by_year(self) -> pd.DataFrame:
        """EUR, index site_id, one column a year: 1, 2, ..."""
        import pandas as pd

        return pd.DataFrame({number: year.amounts for number, year in enumerate(self.years or (self,), start=1)})

    @property
    def benefit(self) -> float:
        """Total benefit: weighted residents reached."""
        return math.fsum(self._benefits())

    def _benefits(self, amounts_eur: np.ndarray | None = None) -> np.ndarray:
        """Weighted residents reached at each site: by the plan's own amounts, over all years, or by those of one year."""
        if self.years:
            return np.sum([year._benefits() for year in self.years], axis=0)
        x, part = self.amounts.to_numpy() if amounts_eur is None else amounts_eur, year_share(self.sites, self.scenario)
        need, scale = self.need.to_numpy() * part, self.sites.numbers("scale_eur") * part
        return curves.residents_reached(x, need, scale, self.scenario.response)

    # --- proof ---

    def broken_rules(self, amounts_eur: np.ndarray | None = None) -> list[str]:
        """Sentences for every rule that the amounts break, worked out from the amounts in EUR alone; empty if none.

        Parameters
        ----------
        amounts_eur : array, shape (n,), or (years, n) of a plan over several years, optional
            Amounts to check; the plan's own by default.
        """
        if self.years:
            by_year = self.amounts_by_year.to_numpy().T if amounts_eur is None else np.asarray(amounts_eur, dtype=float)
            chain = chained_years(self.sites, self.scenario, by_year)
            return [
                self.texts.text("Year {year}: {sentence}", year=number, sentence=sentence)
                for number, ((sites, scenario), x) in enumerate(zip(chain, by_year, strict=True), start=1)
                for sentence in dataclasses.replace(self, sites=sites, scenario=scenario, years=()).broken_rules(x)
            ]
        scenario, texts = self.scenario, self.texts
        x = self.amounts.to_numpy() if amounts_eur is None else np.asarray(amounts_eur, dtype=float)
        found = []
        if not np.isfinite(x).all() or (x < 0).any():
            return [texts.text("An amount is negative or no number.")]
        slack = TOLERANCE * max(scenario.budget_eur, 1.0)
        for group in scenario.groups:
            members = (self.sites.frame[group.by] == group.name).to_numpy(dtype=bool)
            together, number = math.fsum(x[members]), int((x[members] > 0).sum())
            share = scenario.budget_eur  # a share is kept in EUR, so that a budget of zero breaks none
            values = {"eur": (together, 1.0, slack), "share": (together, share, slack), "sites": (number, 1, 0.0)}
            for field in GROUP_LIMITS:
                limit, (value, unit, tolerance) = getattr(group, field), values[field[4:]]
                if limit is not None and (limit * unit - value) * (1 if field.startswith("min") else -1) > tolerance:
                    found.append(
                        texts.text(
                            "{name} gets {amount} at {n} sites, against its limit {limit}.",
                            name=group.name,
                            amount=texts.eur(together),
                            n=number,
                            limit=f"{field} {limit:g}",
                        )
                    )
        left = own_money_left(self.sites, scenario, x)
        if left < scenario.reserve_eur - slack:
            found.append(
                texts.text(
                    "{spent} are given out, {budget} are there.",
                    spent=texts.eur(math.fsum(x)),
                    budget=texts.eur(math.fsum(x) + left),
                )
            )
        count = int((x > 0).sum())
        if count > scenario.max_sites or count < scenario.min_sites:
            found.append(
                texts.text(
                    "{n} sites are funded; {low} to {high} may be.",
                    n=count,
                    low=scenario.min_sites,
                    high=scenario.max_sites,
                )
            )
        floor, cap = self.sites.numbers("min_eur"), self.sites.numbers("max_eur")
        if scenario.min_eur is not None:
            floor = np.full(len(x), scenario.min_eur)
        if scenario.max_eur is not None:
            cap = np.full(len(x), scenario.max_eur)
        part = year_share(self.sites, scenario)
        floor, cap = floor * part, cap * part
        steps, statuses = x / scenario.step_eur, self.sites.statuses
        previous = np.nan_to_num(self.sites.numbers("previous_eur")) * part
        change = math.inf if scenario.max_change_share is None else scenario.max_change_share
        had = (previous > 0) & np.isfinite(change)
        broken = {
            mark("{site} is excluded and gets {amount}."): np.isin(statuses, scenario.excluded) & (x > 0),
            mark("{site} is committed and gets nothing."): np.isin(statuses, scenario.committed) & (x <= 0),
            mark("{site} gets {amount}, less than its floor."): (x > 0) & (x < floor * (1 - TOLERANCE)),
            mark("{site} gets {amount}, more than its cap."): x > cap * (1 + TOLERANCE),
            mark("{site} gets {amount}, a greater change against last year than allowed."): (
                had & (x > 0) & (np.abs(x - previous) > np.where(had, change, 0.0) * previous + slack)
            ),
            mark("{site} had money last year and may not end."): (
                had & (x <= 0) & (not scenario.may_end) & ~np.isin(statuses, scenario.excluded)
            ),
            mark("{site} gets {amount}, no whole number of steps."): (
                np.abs(steps - np.rint(steps)) > TOLERANCE * np.maximum(1.0, np.abs(steps))
            ),
        }
        for sentence, where in broken.items():
            if where.any():  # a copy of the whole table for the names, only where one is needed
                names = self.sites.frame["name"]
                found += [
                    texts.text(sentence, site=names.iloc[i], amount=texts.eur(x[i])) for i in np.flatnonzero(where)
                ]
        return found

    # --- tables ---

    def table(self) -> pd.DataFrame:
        """One row a site, in the order of the sites.

        Returns
        -------
        DataFrame
            Index site_id; name, status, need (weighted residents, for the time in which there is money), min_eur, max_eur,
            amount_eur, coverage (share of the need reached), benefit (weighted residents reached), marginal_per_1000_eur (weighted
            residents that the next step would reach, allowed or not, per 1,000 EUR; for a site without money: its
            floor), why (sentence). Over several years: sums, the coverage of all of them, the best of the next steps, and the
            reasons of each year.
        """
        import pandas as pd

        if self.years:
            return self._table_of_years()
        sites, x = self.sites.frame, self.amounts.to_numpy()
        rules = limits(self.sites, self.scenario)
        step = self.scenario.step_eur
        benefits = self._benefits(x)
        following = np.where(x > 0, x + step, rules.low * step)
        marginal = (self._benefits(following) - benefits) / (following - x) * 1000
        return pd.DataFrame(
            {
                "name": sites["name"],
                "status": sites["status"],
                "need": self._needs(),
                "min_eur": np.round(rules.low * step, 9),
                "max_eur": np.round(rules.high * step, 9),
                "amount_eur": self.amounts,
                "coverage": self._coverage(),
                "benefit": benefits,
                "marginal_per_1000_eur": marginal,
                "why": self._reasons(rules),
            },
            index=pd.Index(self.sites.site_ids, name="site_id"),
        )

    def _coverage(self) -> np.ndarray:
        """Share of the need that is reached in the time in which a site is funded."""
        scale = self.sites.numbers("scale_eur") * year_share(self.sites, self.scenario)
        return curves.coverage(self.amounts.to_numpy(), scale, self.scenario.response)

    def _needs(self) -> np.ndarray:
        """Weighted residents, each counted for the part of the years in which there is money for the site."""
        parts = [year_share(year.sites, year.scenario) for year in self.years or (self,)]
        return self.need.to_numpy() * np.sum(parts, axis=0)

    def _table_of_years(self) -> pd.DataFrame:
        tables, needs = [year.table() for year in self.years], self._needs()
        whole = tables[0].copy()
        for column in ("min_eur", "max_eur", "amount_eur", "benefit"):
            whole[column] = np.sum([table[column] for table in tables], axis=0)
        whole["need"] = needs
        whole["coverage"] = np.divide(whole["benefit"], needs, out=np.zeros(len(needs)), where=needs > 0)
        whole["marginal_per_1000_eur"] = np.max([table["marginal_per_1000_eur"] for table in tables], axis=0)
        whole["why"] = [
            " ".join(
                self.texts.text(
                    "Year {year} ({amount}): {sentence}",
                    year=number,
                    amount=self.texts.eur(table["amount_eur"].iloc[i]),
                    sentence=table["why"].iloc[i],
                )
                for number, table in enumerate(tables, start=1)
            )
            for i in range(len(whole))
        ]
        return whole

    def baselines(self) -> pd.DataFrame:
        """What simpler ways to divide the same money would reach, and lose.

        Returns
        -------
        DataFrame
            Index baseline (``plan`` first); benefit, lost_benefit (weighted residents less than this plan), lost_share (of
            this plan's benefit), spent_eur, funded_sites, keeps_rules.
        """
        import pandas as pd

        rows, years = {}, self.years or (self,)
        for name in ("plan", *self.baseline_amounts):
            by_year = np.array([year._amounts_of(name) for year in years])
            reached = math.fsum(math.fsum(year._benefits(x)) for year, x in zip(years, by_year, strict=True))
            rows[name] = {
                "benefit": reached,
                "lost_benefit": self.benefit - reached,
                "lost_share": (self.benefit - reached) / self.benefit if self.benefit else 0.0,
                "spent_eur": math.fsum(by_year.ravel()),
                "funded_sites": int((by_year > 0).any(axis=0).sum()),
                "keeps_rules": not self.broken_rules(by_year if self.years else by_year[0]),
            }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("baseline")

    def _amounts_of(self, name: str) -> np.ndarray:
        return (self.amounts if name == "plan" else self.baseline_amounts[name]).to_numpy()

    # --- words ---

    def outcome_sentence(self) -> str:
        """How far the plan can be trusted, with bound and gap."""
        texts = self.texts
        sentence = texts.text(self.outcome.value)
        if self.outcome is Outcome.IN_YEARS:
            return sentence
        if math.isinf(self.scenario.inequality_aversion):
            if self.outcome is Outcome.OPTIMAL:
                sentence = texts.text(
                    "Proven: no plan under these rules covers the least covered site better, nor, if that is equal, the next."
                )
            least = texts.percent(self.objective)
            return texts.text("{outcome} Smallest coverage {least}.", outcome=sentence, least=least)
        if self.outcome is Outcome.OPTIMAL:
            return texts.text(
                "{outcome} Objective {objective}, upper bound {bound}, gap {gap}.",
                outcome=sentence,
                objective=texts.number(self.objective, 1),
                bound=texts.number(self.bound, 1),
                gap=self._gap_text(),
            )
        told = mark("{outcome} It reaches {objective}; no plan reaches more than {bound} (gap {gap}).")
        if self.scenario.inequality_aversion:  # then the objective counts no persons
            told = mark("{outcome} Objective {objective}; no plan has more than {bound} (gap {gap}).")
        return texts.text(
            told,
            outcome=sentence,
            objective=texts.number(self.objective, 1),
            bound=texts.number(self.bound, 1),
            gap=self._gap_text(),
        )

    def _gap_text(self) -> str:
        """Gap in per cent; a small one is not rounded to nothing, which would read like a proof."""
        if 0 < self.gap < 0.0005:
            return self.texts.text("below {least}", least=self.texts.percent(0.001))
        return self.texts.percent(self.gap)

    def left_over_sentence(self) -> str:
        """Why money is left over, if any is."""
        scenario, texts, left = self.scenario, self.texts, self.left_over_eur
        if self.years:
            chain = [*(year.scenario.carried_eur for year in self.years[1:]), 0.0]
            return " ".join(
                texts.text("Year {year}: {sentence}", year=number, sentence=year._left_over_of_year(carried))
                for number, (year, carried) in enumerate(zip(self.years, chain, strict=True), start=1)
            )
        slack = TOLERANCE * max(1.0, scenario.budget_eur)
        if left <= slack:
            return texts.text("The whole budget is given out.")
        reserve, whole = scenario.reserve_eur, texts.eur(scenario.budget_eur + scenario.carried_eur)
        left -= reserve  # what is kept back needs no other reason
        if left <= slack:
            return texts.text(
                "{reserve} of {budget} are kept back as a reserve; all else is given out.",
                reserve=texts.eur(reserve),
                budget=whole,
            )
        if reserve > 0:
            head = texts.text(
                "{reserve} of {budget} are kept back as a reserve; another {left} are left over:",
                reserve=texts.eur(reserve),
                budget=whole,
                left=texts.eur(left),
            )
        else:
            head = texts.text("{left} of {budget} are left over:", left=texts.eur(left), budget=whole)
        rules, step, x = limits(self.sites, scenario), scenario.step_eur, self.amounts.to_numpy()
        if left < step * (1 - TOLERANCE):
            return f"{head} " + texts.text("less than one step of {step}.", step=texts.eur(step))
        steps = np.rint(x / step).astype(np.int64)
        spare = math.floor(left / step * (1 + TOLERANCE))
        room = (steps > 0) & (steps < rules.high)
        if any(self._group_at_cap(int(i)) for i in np.flatnonzero(room)):
            return f"{head} " + texts.text("the limits of partners and districts allow no more at the funded sites.")
        if room.any():
            return f"{head} " + texts.text("more money would reach nobody more at the funded sites.")
        reasons = []
        if (steps > 0).any():
            reasons.append(texts.text("every funded site is at its cap"))
        waiting = rules.fundable & (steps == 0)
        if not waiting.any():
            reasons.append(texts.text("no further site may be funded"))
        elif self.funded_sites >= scenario.max_sites:
            reasons.append(
                texts.text("the only place is taken", plural="all {n} places are taken", n=scenario.max_sites)
                if scenario.max_sites
                else texts.text("there are no places")
            )
        elif (rules.low[waiting] > spare).all():
            least = float(rules.low[waiting].min()) * step
            reasons.append(texts.text("the smallest floor of a further site is {least}", least=texts.eur(least)))
        else:
            reasons.append(texts.text("no further site would reach anybody more"))
        return f"{head} {texts.listing(reasons)}."

    def _left_over_of_year(self, carried_eur: float) -> str:
        """Why money of a year among others is left over."""
        texts, reserve = self.texts, self.scenario.reserve_eur
        left, parts = self.left_over_eur - carried_eur - reserve, []
        if carried_eur > 0:
            parts.append(texts.text("{carried} go over to the next year", carried=texts.eur(carried_eur)))
        if reserve > 0:
            parts.append(texts.text("{reserve} are kept back as a reserve", reserve=texts.eur(reserve)))
        if left > TOLERANCE * max(1.0, self.scenario.budget_eur):
            parts.append(texts.text("{left} are left over", left=texts.eur(left)))
        return f"{texts.listing(parts)}." if parts else texts.text("The whole budget is given out.")

    def idle_sentences(self) -> list[str]:
        """Rules of the scenario that have no effect, since what they need is not there; who set one believes that it holds."""
        texts, scenario = self.texts, self.scenario
        limited, must_go_on = scenario.max_change_share is not None, not scenario.may_end
        if limited and scenario.years == 1 and not (self.sites.numbers("previous_eur") > 0).any():
            if must_go_on:
                return [
                    texts.text(
                        "The limit on changes against last year has no effect, nor that no funding may end:"
                        " the data have no amounts of last year (previous_eur)."
                    )
                ]
            return [
                texts.text(
                    "The limit on changes against last year has no effect: the data have no amounts of last year (previous_eur)."
                )
            ]
        if must_go_on and not limited:
            return [
                texts.text(
                    "That no funding may end (may_end) has no effect without a limit on changes against last year"
                    " (max_change_share)."
                )
            ]
        return []

    def assumed_sentence(self) -> str:
        """Which figures behind the plan are assumed, not stated in a source; says so, too, where the origin is unknown."""
        texts, basis = self.texts, self.sites.basis
        if basis.empty:
            return texts.text(
                "The origin of the figures is not documented: the sites were given as a table without sources."
            )
        parts = []
        if "assumed" not in self.sites.cache:
            self.sites.cache["assumed"] = (basis == "assumed").sum()
        assumed = self.sites.cache["assumed"]
        chosen = [name for name in ("min_eur", "max_eur") if getattr(self.scenario, name) is not None]
        for figure in basis.columns.difference(chosen, sort=False):
            count = int(assumed[figure])
            if count:
                parts.append(
                    texts.text(
                        "{figure} ({n} of {total} sites)",
                        figure=texts.name("figure", figure),
                        n=count,
                        total=len(basis),
                    )
                )
        parts.append(texts.text(_CURVES[self.sites.learned.origin if self.sites.learned else "assumed"]))
        return texts.text("Assumed, not stated in a source: {parts}.", parts=texts.listing(parts))

    def attribution(self) -> str:
        """Line that names the sources whose licence asks for it; empty where there are none."""
        cache = self.sites.cache  # all plans of these sites have the same
        if "attribution" not in cache:
            sources = self.sites.tables.get("sources")
            licensed = [] if sources is None else sources[sources["licence"].notna()].to_dict("records")
            used = set(self.sites.indicators_used()["source_id"]) if licensed else ()
            cache["attribution"] = [
                f"{one['publisher']} ({one['licence']})" for one in licensed if one["source_id"] in used
            ]
        shown = cache["attribution"]
        return self.texts.text("Source: {sources}", sources="; ".join(dict.fromkeys(shown))) if shown else ""

    def summary(self) -> list[str]:
        """Give the plan in five lines, and a sixth where a rule has no effect."""
        texts, scenario = self.texts, self.scenario
        total = math.fsum(self._needs())
        given: dict[str, Any] = {
            "n": self.funded_sites,
            "name": texts.given(scenario.title or scenario.name),
            "spent": texts.eur(self.spent_eur),
            "total": len(self.sites),
            "most": scenario.max_sites,
        }
        if self.years:
            head = texts.text(
                "Plan {name}: {spent} in {years} years for {n} site of {total} (at most {most} a year).",
                plural="Plan {name}: {spent} in {years} years for {n} sites of {total} (at most {most} a year).",
                years=len(self.years),
                **given,
            )
        else:
            head = texts.text(
                "Plan {name}: {spent} for {n} site of {total} (at most {most}).",
                plural="Plan {name}: {spent} for {n} sites of {total} (at most {most}).",
                **given,
            )
        return [
            head,
            texts.text(
                "Benefit: {benefit} weighted residents reached, {share} of the need of all sites.",
                benefit=texts.number(self.benefit, 1),
                share=texts.percent(self.benefit / total if total else 0.0),
            ),
            self.outcome_sentence(),
            self.left_over_sentence(),
            self.assumed_sentence(),
            *self.idle_sentences(),
        ]

    def explain(self, site_id: str) -> str:
        """Say what a site gets and what binds it, in a few sentences.

        Raises
        ------
        PlainError
            No site has this id.
        """
        texts, table = self.texts, self.table()
        if site_id not in table.index:
            raise PlainError(
                texts.text(
                    "{site} is no site of this plan. Known are {known}.",
                    site=texts.given(site_id),
                    known=", ".join(table.index),
                )
            )
        row = table.loc[site_id]
        parts = []
        if row["amount_eur"] > 0:
            parts.append(texts.text("{site} gets {amount}.", site=row["name"], amount=texts.eur(row["amount_eur"])))
            parts.append(row["why"])
            parts.append(
                texts.text(
                    "This reaches {benefit} of {need} weighted residents ({share}).",
                    benefit=texts.number(row["benefit"], 1),
                    need=texts.number(self._needs()[self.sites.site_ids.index(site_id)], 1),
                    share=texts.percent(row["coverage"]),
                )
            )
            first = self.years[0] if self.years else self
            if site_id in self.scenario.months and first.amounts[site_id] > 0:
                months = self.scenario.months[site_id]
                parts.append(
                    texts.text(
                        "It is funded for {n} month of the first year, with floor, cap and effect of this time.",
                        plural="It is funded for {n} months of the first year, with floor, cap and effect of this time.",
                        n=months,
                    )
                )
            if row["amount_eur"] + 1000 <= row["max_eur"] and not self.years:
                more = self._benefits(self.amounts.to_numpy() + 1000) - self._benefits()
                gain = texts.number(more[self.sites.site_ids.index(site_id)], 1)
                parts.append(texts.text("Another 1,000 EUR would reach {gain} more here.", gain=gain))
        else:
            parts.append(texts.text("{site} gets nothing.", site=row["name"]))
            parts.append(row["why"])
        basis = self.sites.basis
        assumed = [texts.name("figure", figure) for figure in basis.columns if basis.loc[site_id, figure] == "assumed"]
        if assumed:
            parts.append(texts.text("Assumed here: {parts}.", parts=texts.listing(assumed)))
        return " ".join(parts)

    def _group_at_cap(self, i: int) -> str | None:
        """Name of a group of site i that cannot take another step, if there is one."""
        steps = np.rint(self.amounts.to_numpy() / self.scenario.step_eur)
        for group, shared in zip(self.scenario.groups, shared_limits(self.sites, self.scenario), strict=True):
            if shared.members[i] and steps[shared.members].sum() + 1 > shared.most_steps:
                return group.name
        return None

    def _reasons(self, rules: Limits) -> list[str]:
        """Why each site gets what it gets: the first rule that binds it.

        That the next step counts more elsewhere follows from optimality: else the step could be moved.
        """
        scenario, texts, step = self.scenario, self.texts, self.scenario.step_eur
        if self.outcome is Outcome.BY_RULE:
            rule = texts.name("method", scenario.method)
        steps = np.rint(self.amounts.to_numpy() / step).astype(np.int64)
        levelling = math.isinf(scenario.inequality_aversion)
        full, in_years = self.funded_sites >= scenario.max_sites, self.outcome is Outcome.IN_YEARS
        own = own_money_left(self.sites, scenario, self.amounts.to_numpy()) - scenario.reserve_eur
        spare = own >= step * (1 - TOLERANCE)  # money that any site could get
        reasons = []
        for i, status in enumerate(self.sites.statuses):
            low, high = texts.eur(rules.low[i] * step), texts.eur(rules.high[i] * step)
            shown = texts.name("status", str(status))
            if steps[i] == 0:
                if status in scenario.excluded:
                    reason = texts.text(
                        "Not funded: sites with the status {status} are excluded.", status=texts.given(shown)
                    )
                elif rules.low[i] > rules.high[i]:
                    reason = texts.text(
                        "Not funded: no multiple of {step} lies between its floor and its cap.",
                        step=texts.eur(step),
                    )
                elif self.outcome is Outcome.BY_RULE:
                    reason = texts.text("Not funded by the rule {rule}.", rule=texts.given(rule))
                elif self.need.iloc[i] == 0:
                    reason = texts.text("Not funded: its need is zero.")
                elif scenario.max_sites == 0:
                    reason = texts.text("Not funded: there are no places.")
                elif in_years:
                    reason = texts.text("Not funded in this year: over all years, the money reaches more elsewhere.")
                elif levelling:
                    reason = (
                        texts.text("Not funded: all {n} places are taken.", n=scenario.max_sites)
                        if full
                        else texts.text(
                            "Not funded: there is no room for its floor of {low} beside those of the others.", low=low
                        )
                    )
                elif full:
                    reason = texts.text(
                        "Not funded: the only place is taken, and giving it that place would not reach more.",
                        plural="Not funded: all {n} places are taken, and giving it one of them would not reach more.",
                        n=scenario.max_sites,
                    )
                elif rules.low[i] > rules.budget:
                    reason = texts.text("Not funded: its floor of {low} is more than the budget.", low=low)
                else:
                    reason = texts.text(
                        "Not funded: its floor of {low} would have to come from sites where it counts as much or more, or is bound.",
                        low=low,
                    )
            elif self.outcome is Outcome.BY_RULE:
                reason = texts.text("By the rule {rule}, within floor and cap.", rule=texts.given(rule))
            elif rules.low[i] == rules.high[i]:
                reason = texts.text("Floor and cap are the same ({low}).", low=low)
            elif steps[i] == rules.high[i]:
                reason = texts.text("At its cap of {high}.", high=high)
            elif in_years and steps[i] == rules.low[i]:
                reason = texts.text("At its floor of {low}.", low=low)
            elif name := self._group_at_cap(i):
                reason = texts.text(
                    "Between floor and cap: {name} is at its cap for all its sites together.", name=name
                )
            elif in_years:
                reason = texts.text("Between floor and cap, as it is best over all years together.")
            elif levelling and steps[i] == rules.low[i]:
                reason = texts.text("At its floor of {low}.", low=low)
            elif levelling and not spare and not (scenario.groups or scenario.earmarked):
                reason = texts.text(
                    "Between floor and cap: another {step} would have to come from a site that would then be covered no better.",
                    step=texts.eur(step),
                )
            elif spare:
                reason = texts.text("More money would reach nobody more here.")
            elif steps[i] == rules.low[i]:
                reason = texts.text(
                    "At its floor of {low}: the next {step} would have to come from sites where they count as much or more, or are bound.",
                    low=low,
                    step=texts.eur(step),
                )
            elif scenario.groups or scenario.earmarked:
                reason = texts.text("Between floor and cap, as the limits of partners and districts allow.")
            else:
                reason = texts.text(
                    "Between floor and cap: the last {step} count at least as much here"
                    " as another {step} would at any other funded site below its cap.",
                    step=texts.eur(step),
                )
            reasons.append(reason)
        return reasons


def objective(sites: Sites, scenario: Scenario, need: np.ndarray, amounts_eur: np.ndarray) -> float:
    """What a plan maximises in a year, rounded once (`math.fsum`), whatever the order of the sites.

    The summed welfare of the amounts; at an infinite inequality aversion the smallest coverage among the sites that may be funded
    and have a need, which is what the equally distributed equivalent of Atkinson (1970) comes to there.
    """
    part = year_share(sites, scenario)
    need, scale = need * part, sites.numbers("scale_eur") * part
    if math.isinf(scenario.inequality_aversion):
        rules = limits(sites, scenario)
        counted = (rules.fundable | rules.committed) & (need > 0)
        return (
            float(curves.coverage(amounts_eur, scale, scenario.response)[counted].min(initial=math.inf))
            if counted.any()
            else 0.0
        )
    return math.fsum(
        curves.welfare(
            amounts_eur,
            need,
            scale,
            scenario.response,
            inequality_aversion=scenario.inequality_aversion,
            base_coverage=scenario.base_coverage,
        )
    )
