"""Whether any plan keeps all rules; if none does: which rules conflict, by how much, and the least change that mends it.

Floors, caps, places and budget leave four ways in which a scenario can be impossible; a plan exists exactly when none holds:

1. a committed site has no amount between its floor and its cap,
2. more sites are committed than there are places,
3. more sites are asked for (`min_sites`) than may be funded,
4. the floors of the sites that must be funded, with the cheapest others that must join them, are more than the budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from quartier import need as needs
from quartier.data import STATUSES
from quartier.language import Texts
from quartier.plan import InfeasibleScenario, Limits, Repair, Rule, limits

if TYPE_CHECKING:
    from quartier.data import Sites
    from quartier.scenario import Scenario

Change = Callable[["Sites", "Scenario"], tuple["Sites", "Scenario"]]


def refuse_impossible(sites: Sites, scenario: Scenario) -> None:
    """Return if some plan keeps all rules.

    Raises
    ------
    InfeasibleScenario
        None does.
    """
    found = next(_conflicts(sites, scenario), None)
    if found is not None:
        raise found


def _conflicts(sites: Sites, scenario: Scenario) -> Iterator[InfeasibleScenario]:
    """Every conflict that holds, of sites before places before money."""
    rules, texts = limits(sites, scenario), Texts(scenario.language)
    context = _Conflict(sites, scenario, rules, texts)
    for i in np.flatnonzero(rules.committed & (rules.low > rules.high)):
        yield context.no_amount(int(i))
    if rules.committed.sum() > scenario.max_sites:
        yield context.too_few_places()
    if scenario.min_sites > (rules.committed | rules.fundable).sum():
        yield context.too_few_sites()
    elif context.required(rules.committed, scenario.min_sites) > rules.budget:
        yield context.too_little_money()


class _Conflict:
    """Words and repairs of a conflict; one method for each of the four ways."""

    def __init__(self, sites: Sites, scenario: Scenario, rules: Limits, texts: Texts) -> None:
        self.sites, self.scenario, self.rules, self.texts = sites, scenario, rules, texts
        self.names = [str(name) for name in sites.frame["name"]]
        self.step = float(scenario.step_eur)
        self.count = int(rules.committed.sum())

    # --- the four ways ---

    def no_amount(self, i: int) -> InfeasibleScenario:
        """A committed site has no amount between its floor and its cap."""
        texts, rules, site, name = self.texts, self.rules, self.sites.site_ids[i], self.names[i]
        floor, cap = self._limit("min_eur", i), self._limit("max_eur", i)
        least, most = float(rules.low[i] * self.step), float(rules.high[i] * self.step)
        conflict = [
            Rule("commitment", texts.text("{site} must be funded", site=name)),
            Rule("max_eur", texts.text("its cap is {cap}", cap=texts.eur(cap))),
        ]
        if cap >= self.step:  # below one step, the floor does not matter
            conflict.append(Rule("min_eur", texts.text("its floor is {floor}", floor=texts.eur(floor))))
        if floor <= cap:
            conflict.append(Rule("step_eur", texts.text("amounts are multiples of {step}", step=texts.eur(self.step))))
        repairs = []
        if most > 0:
            sentence = texts.text("lower the floor of {site} to {floor}", site=name, floor=texts.eur(most))
            repairs.append(self._repair("min_eur", sentence, self._set_limit("min_eur", site, most)))
        sentence = texts.text("raise the cap of {site} to {cap}", site=name, cap=texts.eur(least))
        repairs.append(self._repair("max_eur", sentence, self._set_limit("max_eur", site, least)))
        repairs.append(self._release([i]))
        head = texts.text(
            "{site} must be funded, but no multiple of {step} lies between its floor of {floor} and its cap of {cap}.",
            site=name,
            step=texts.eur(self.step),
            floor=texts.eur(floor),
            cap=texts.eur(cap),
        )
        return InfeasibleScenario(head, tuple(conflict), tuple(repairs), texts)

    def too_few_places(self) -> InfeasibleScenario:
        """More sites are committed than there are places."""
        texts, count, most = self.texts, self.count, self.scenario.max_sites
        head = texts.text(
            "{n} site must be funded; places: {most}; missing: {missing}.",
            plural="{n} sites must be funded; places: {most}; missing: {missing}.",
            n=count,
            most=most,
            missing=count - most,
        )
        raised = texts.text("raise the number of places to {n}", n=count)
        need = needs.weigh(self.sites, self.scenario.need_weights).to_numpy()
        order = sorted(map(int, np.flatnonzero(self.rules.committed)), key=lambda i: (need[i], self.sites.site_ids[i]))
        return InfeasibleScenario(
            head,
            (self._commitment(), Rule("max_sites", texts.text("places: at most {n}", n=most))),
            (
                self._repair("max_sites", raised, lambda sites, scenario: (sites, scenario.replace(max_sites=count))),
                self._release(order[: count - most]),
            ),
            texts,
        )

    def too_few_sites(self) -> InfeasibleScenario:
        """More sites are asked for than may be funded."""
        texts, asked = self.texts, self.scenario.min_sites
        can = int((self.rules.committed | self.rules.fundable).sum())
        fewer = texts.text("lower the least number of sites to {n}", n=can)
        return InfeasibleScenario(
            texts.text("At least {n} sites are to be funded; only {can} may be.", n=asked, can=can),
            (
                self._asked(),
                Rule("excluded", texts.text("status, floor and cap leave {n} sites that may be funded", n=can)),
            ),
            (self._repair("min_sites", fewer, lambda sites, scenario: (sites, scenario.replace(min_sites=can))),),
            texts,
        )

    def too_little_money(self) -> InfeasibleScenario:
        """The floors of the sites that must be funded are more than the budget."""
        texts, scenario, rules = self.texts, self.scenario, self.rules
        # Commitments or the number asked for alone may be too dear; only if neither is, both take part in the conflict.
        nobody = np.zeros(len(self.sites), dtype=bool)
        committed_alone = self.required(rules.committed, 0) > rules.budget
        asked_alone = not committed_alone and self.required(nobody, scenario.min_sites) > rules.budget
        asked = 0 if committed_alone else scenario.min_sites
        total = max(self.count, asked)
        required = float(self.required(rules.committed, asked) * self.step)
        head = texts.text(
            "{n} site needs at least {required}; {budget} are there; {missing} are missing.",
            plural="{n} sites need at least {required}; {budget} are there; {missing} are missing.",
            n=total,
            required=texts.eur(required),
            budget=texts.eur(scenario.budget_eur),
            missing=texts.eur(required - scenario.budget_eur),
        )
        conflict = [] if asked_alone else [self._commitment()]
        if not committed_alone:
            conflict.append(self._asked())
        conflict.append(Rule("budget_eur", texts.text("the budget is {budget}", budget=texts.eur(scenario.budget_eur))))
        conflict.append(Rule("min_eur", texts.text("their floors add up to {required}", required=texts.eur(required))))
        enough = float(self.required(rules.committed, scenario.min_sites) * self.step)
        raised = texts.text(
            "raise the budget by {missing} to {required}",
            missing=texts.eur(enough - scenario.budget_eur),
            required=texts.eur(enough),
        )
        repairs = [
            self._repair("budget_eur", raised, lambda sites, scenario: (sites, scenario.replace(budget_eur=enough)))
        ]
        repairs += self._lower_floors(scenario.min_sites)
        if not asked_alone:
            repairs += self._release_dearest(asked)
        if not committed_alone:
            can = next(n for n in range(asked, -1, -1) if self.required(rules.committed, n) <= rules.budget)
            fewer = texts.text("lower the least number of sites to {n}", n=can)
            repairs.append(
                self._repair("min_sites", fewer, lambda sites, scenario: (sites, scenario.replace(min_sites=can)))
            )
        return InfeasibleScenario(head, tuple(conflict), tuple(repairs), texts)

    # --- arithmetic ---

    def required(self, committed: np.ndarray, asked: int, ceiling: int | None = None) -> int:
        """Steps that the floors of the committed sites take, with the cheapest others up to the number asked for."""
        low = self.rules.low if ceiling is None else np.minimum(self.rules.low, ceiling)
        others = np.sort(low[(self.rules.fundable | self.rules.committed) & ~committed])
        return int(low[committed].sum() + others[: max(0, asked - int(committed.sum()))].sum())

    def _lower_floors(self, asked: int) -> list[Repair]:
        """The highest ceiling on all floors with which the money does."""
        rules = self.rules
        fits = [
            level for level in (1, int(rules.low.max())) if self.required(rules.committed, asked, level) <= rules.budget
        ]
        if not fits:
            return []
        below, above = 1, int(rules.low.max())
        while above - below > 1:
            middle = (below + above) // 2
            if self.required(rules.committed, asked, middle) <= rules.budget:
                below = middle
            else:
                above = middle
        floor = float(below * self.step)
        sentence = self.texts.text("lower the floors to at most {floor}", floor=self.texts.eur(floor))

        def change(sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
            if scenario.min_eur is not None:
                return sites, scenario.replace(min_eur=min(scenario.min_eur, floor))
            own = zip(sites.site_ids, sites.numbers("min_eur"), strict=True)
            return sites.replace({site: {"min_eur": floor} for site, value in own if value > floor}), scenario

        return [self._repair("min_eur", sentence, change)]

    def _release_dearest(self, asked: int) -> list[Repair]:
        """The fewest commitments to give up so that the money does, the highest floors first, then the least need."""
        rules, kept, gone = self.rules, self.rules.committed.copy(), []
        need = needs.weigh(self.sites, self.scenario.need_weights).to_numpy()
        for i in sorted(map(int, np.flatnonzero(kept)), key=lambda i: (-rules.low[i], need[i], self.sites.site_ids[i])):
            if self.required(kept, asked) <= rules.budget:
                break
            kept[i] = False
            gone.append(i)
        return [self._release(gone)]

    def _limit(self, field: str, i: int) -> float:
        stated = getattr(self.scenario, field)
        return float(self.sites.numbers(field)[i]) if stated is None else float(stated)

    # --- rules and repairs ---

    def _commitment(self) -> Rule:
        sentence = self.texts.text("{n} site must be funded", plural="{n} sites must be funded", n=self.count)
        return Rule("commitment", sentence)

    def _asked(self) -> Rule:
        return Rule("min_sites", self.texts.text("at least {n} sites are to be funded", n=self.scenario.min_sites))

    def _release(self, which: Iterable[int]) -> Repair:
        """Release sites from their commitment: they may still be funded, but need not."""
        which = [int(i) for i in which]
        listed = self.texts.listing(self.names[i] for i in which)
        sentence = self.texts.text("release {sites} from the commitment", sites=listed)
        free = [status for status in STATUSES if status not in self.scenario.committed]
        free.sort(key=lambda status: status in self.scenario.excluded)
        moved = {self.sites.site_ids[i]: {"status": free[0]} for i in which} if free else {}

        def change(sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
            return (sites.replace(moved), scenario) if moved else (sites, scenario.replace(committed=()))

        return self._repair("commitment", sentence, change)

    @staticmethod
    def _set_limit(field: str, site: str, value: float) -> Change:
        """Change a floor or cap: the scenario's where it states one, else the site's own."""

        def change(sites: Sites, scenario: Scenario) -> tuple[Sites, Scenario]:
            if getattr(scenario, field) is not None:
                return sites, scenario.replace(**{field: value})
            return sites.replace({site: {field: value}}), scenario

        return change

    def _repair(self, rule: str, sentence: str, change: Change) -> Repair:
        """Make a repair; where another conflict is left then, it goes on with that one's first repair and says so."""
        left = next(_conflicts(*change(self.sites, self.scenario)), None)
        if left is None:
            return Repair(rule, sentence, change)
        further = left.repairs[0]
        both = self.texts.text("{first}, and {second}", first=sentence, second=further.sentence)
        return Repair(rule, both, lambda sites, scenario: further.apply(*change(sites, scenario)))
