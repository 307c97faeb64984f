"""Choices tried one after the other: each change gives a plan at once, can be taken back, kept under a name, and compared.

This is all that a panel with sliders and buttons does, without them. A choice is one of the scenario (budget, places, ...), one of
single sites (status, floor, cap, ...) or a lock, which holds a site at an amount. What cannot be is refused in words and changes
nothing; what is possible to state but not to keep leaves the last plan and says which rules conflict.
"""

from __future__ import annotations

import hashlib
import itertools
import logging
import math
import os
import re
import threading
import unicodedata
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from quartier.data import DataError, Fault, Sites, ambiguous, find_path, system_reason
from quartier.feasibility import Held, find_conflict
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.optimise import allocate, refuse_other_things
from quartier.outputs import locked
from quartier.plan import TOLERANCE, InfeasibleScenario, Plan, objective, year_share
from quartier.report import table_bundle, unwritable
from quartier.scenario import MAX_YAML_BYTES, OF_SITES, Scenario, ScenarioError, checked, in_unit, read_yaml, yaml_text

if TYPE_CHECKING:
    import pandas as pd

MOST_COMPARED = 4
"""Most plans side by side."""

MOST_LETTERS = 60
"""Longest name of a kept plan."""

MOST_SOLVED = 200
"""Plans that are held so that going back costs nothing; an older one is solved again."""

TOTAL = "Σ"
"""Row of the sums in `Panel.compare`."""

START = "⏮"
"""Stands for the beginning of a panel where the name of a kept plan may stand; no plan can be kept under it."""

_OWN_KEYS = ("kept", "data", "sites", "locks", "complete")
_log = logging.getLogger(__name__)

SiteChanges = dict[str, dict[str, Any]]


class _Choices(NamedTuple):
    """All that a plan depends on, beside the sites that the panel began with; the scenario chooses nothing for single sites."""

    scenario: Scenario
    changes: SiteChanges
    locks: dict[str, float]

    def key(self) -> str:
        """Equal choices have equal keys."""
        sites = sorted((site, sorted(one.items())) for site, one in self.changes.items())
        return repr((self.scenario.choices(), sites, sorted(self.locks.items())))


class _Solved(NamedTuple):
    """Choices worked out: the sites with what was changed there, and the plan or why there is none."""

    sites: Sites
    answer: Plan | InfeasibleScenario


class _Step(NamedTuple):
    """A place in the history; ``possible`` is the last place up to this one with a plan, -1 if there is none."""

    choices: _Choices
    possible: int


class _Kept(NamedTuple):
    """Choices under a name, and the file that holds them."""

    choices: _Choices
    path: Path | None
    data: str


class Start(NamedTuple):
    """Where a panel began.

    Attributes
    ----------
    scenario : Scenario
        Its choices.
    sites : Sites
        The candidates as they were given.
    plan : Plan or None
        The best plan then; None where none was possible.
    """

    scenario: Scenario
    sites: Sites
    plan: Plan | None


class Entered(NamedTuple):
    """How far amounts that were entered by hand are from the best plan.

    Attributes
    ----------
    benefit : float
        Weighted residents that the amounts reach.
    lost_benefit : float
        Weighted residents less than the plan; below 0 where evenness counts, or rules are broken, and they reach more.
    lost_share : float
        The loss as a share of the plan's benefit.
    lost_objective : float
        What is lost of what the plan maximises: the benefit, or with an inequality aversion its valuation.
    broken_rules : tuple of str
        A sentence for every rule that the amounts break.
    """

    benefit: float
    lost_benefit: float
    lost_share: float
    lost_objective: float
    broken_rules: tuple[str, ...]


class NameTaken(PlainError):
    """A plan is already kept under a name.

    Attributes
    ----------
    name : str
        The name.
    """

    def __init__(self, name: str, texts: Texts) -> None:
        self.name = name
        super().__init__(
            texts.text(
                "A plan is already kept under the name {name}; replace=True puts this one in its place.",
                name=texts.given(name),
            )
        )


class Panel:
    """Choices and their plan, with a way back. Made by `quartier.explore`.

    Every method either does what it says, or raises a `PlainError` and has changed nothing.

    Attributes
    ----------
    alone : RLock
        Held by whoever does several things in a row that nothing may come between, such as a page that shows the panel.
    """

    def __init__(self, sites: Sites, scenario: Scenario, *, folder: str | Path | None = None) -> None:
        refuse_other_things("explore", sites, scenario)
        self._base = sites
        self._solved: OrderedDict[str, _Solved] = OrderedDict()
        self._callbacks: list[Callable[[], object]] = []
        start = self._of_scenario(scenario)
        self._history = [_Step(start, 0 if self._is_possible(start) else -1)]
        self._at = 0
        self._sliding = ""
        self.alone = threading.RLock()
        self._folder = None if folder is None else _placed(Path(folder))
        self._kept: dict[str, _Kept] = {}
        self._unreadable: dict[str, str] = {}
        self._read_folder()

    def __repr__(self) -> str:
        state = "no plan" if self.impossible else repr(self.plan)
        return f"Panel({state}; step {self._at + 1} of {len(self._history)}, {len(self._kept)} kept)"

    # --- the present state ---

    @property
    def texts(self) -> Texts:
        """Texts in the scenario's language."""
        return Texts(self.scenario.language)

    @property
    def scenario(self) -> Scenario:
        """The scenario as it is chosen now; what is chosen for single sites is in `changes`, and its ``sites`` is empty."""
        return self._choices.scenario

    @property
    def title(self) -> str:
        """What the present choices are called; where they are no longer those that brought the title, it says so."""
        title = self.scenario.title or self.scenario.name
        first = self._choices  # the step that the title came with: the beginning, or a file
        for step in reversed(self._history[: self._at]):
            if (step.choices.scenario.title or step.choices.scenario.name) != title:
                break
            first = step.choices
        first = first._replace(scenario=first.scenario.replace(language=self.scenario.language))
        return title if first.key() == self._choices.key() else self.texts.text("{title} (changed)", title=title)

    @property
    def sites(self) -> Sites:
        """The sites with what is chosen for single ones, locks included."""
        return self._solve(self._choices).sites

    @property
    def unchanged(self) -> Sites:
        """The sites as they were given, with the effect scales that the scenario has learned from reports, if it asks for these."""
        return self._unchanged(self.scenario)

    @property
    def plan(self) -> Plan:
        """The best plan of the present choices, or of the last ones before them that have one.

        Raises
        ------
        InfeasibleScenario
            None of them has.
        """
        at = self._history[self._at].possible
        answer = self._solve(self._history[max(at, 0)].choices).answer
        if isinstance(answer, InfeasibleScenario):
            raise answer
        return answer

    @property
    def impossible(self) -> InfeasibleScenario | None:
        """Why the present choices have no plan, and what would mend it; None if they have one."""
        answer = self._solve(self._choices).answer
        return answer if isinstance(answer, InfeasibleScenario) else None

    @property
    def changes(self) -> SiteChanges:
        """What is chosen for single sites, as `Sites.replace` takes it, without locks."""
        return {site_id: dict(one) for site_id, one in self._choices.changes.items()}

    @property
    def locks(self) -> dict[str, float]:
        """Sites that are held at an amount, EUR."""
        return dict(self._choices.locks)

    @property
    def start(self) -> Start:
        """Where the panel began."""
        solved = self._solve(self._history[0].choices)
        plan = None if isinstance(solved.answer, InfeasibleScenario) else solved.answer
        return Start(self._history[0].choices.scenario, solved.sites, plan)

    @property
    def _choices(self) -> _Choices:
        return self._history[self._at].choices

    # --- choosing ---

    def set(self, **choices: Any) -> None:
        """Change any number of choices at once.

        Parameters
        ----------
        **choices
            A field of `Scenario` with its value. Or, in the place of its ``sites``, one of `OF_SITES` with ``{site_id: value}``, which
            changes these sites only; a value of None takes such a change back. ``min_eur`` and ``max_eur`` are both: a number (or
            None) is the scenario's floor or cap for all sites, a mapping that of single sites.

        Raises
        ------
        ScenarioError
            An unknown name, a value that cannot be, or choices that would have no effect beside others.
        DataError
            An unknown site, or a value that a site may not have.
        PlainError
            The choices name a partner or an indicator that there is not.
        """
        self._go(self._chosen(choices))

    def slide(self, **choices: Any) -> None:
        """Change choices as `set` does, while a hand is still moving: one slide of the same choices is one step of the history.

        A slide ends with `settle`, or with whatever else is done.

        Raises
        ------
        PlainError
            As `set`.
        """
        of = repr(
            [(name, sorted(value) if isinstance(value, Mapping) else "") for name, value in sorted(choices.items())]
        )
        self._go(self._chosen(choices), sliding=of)

    def settle(self) -> None:
        """End a slide; one that has led back to where it began leaves no step."""
        with self.alone:
            back = self._at > 0 and self._history[self._at].choices == self._history[self._at - 1].choices
            if self._sliding and back:
                del self._history[self._at :]
                self._at -= 1
            self._sliding = ""

    def _chosen(self, choices: Mapping[str, Any]) -> _Choices:
        """Give the present choices with changes, which are checked but not yet worked out."""
        texts, before = self.texts, self._choices
        of_sites = {
            name: value
            for name, value in choices.items()
            if name in OF_SITES and (name not in Scenario.model_fields or isinstance(value, Mapping))
        }
        fields = {name: value for name, value in choices.items() if name not in of_sites}
        faults = [fault for name, value in choices.items() for fault in self._misspelt(name, value)]
        if faults:
            raise ScenarioError(faults, texts, texts.text("parameters"))
        scenario = before.scenario.replace(**fields) if fields else before.scenario
        changes = {site_id: dict(one) for site_id, one in before.changes.items()}
        for name, values in of_sites.items():
            for site_id, value in values.items():
                changes.setdefault(site_id, {})[name] = value
                if value is None:
                    del changes[site_id][name]
        return _Choices(scenario, self._tidy(scenario, changes), before.locks)

    def repair(self, number: int) -> None:
        """Make one of the changes that ``impossible.repairs`` lists, counted from 0. Locks are let go where it says so.

        Raises
        ------
        PlainError
            There is nothing to repair, or no repair of this number.
        """
        repairs = self.impossible.repairs if self.impossible else ()
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)) or not 0 <= number < len(repairs):
            raise PlainError(
                self.texts.text(
                    "There is no repair {number}; there are {n}, counted from 0.",
                    number=self.texts.given(number),
                    n=len(repairs),
                )
            )
        now = self.sites
        sites, scenario = repairs[number].apply(now, self.scenario)
        touched = set(_difference(now, sites))
        locks = {site_id: amount for site_id, amount in self._choices.locks.items() if site_id not in touched}
        whole = _difference(self._unchanged(self.scenario), sites)
        changes = {site_id: one for site_id, one in whole.items() if site_id not in locks}
        kept = {site_id: one for site_id, one in self._choices.changes.items() if site_id in locks}
        self._go(_Choices(scenario, {**changes, **kept}, locks))

    def lock(self, site_id: str, amount_eur: float | None = None) -> None:
        """Hold a site at an amount, whatever else is chosen.

        Its floor and its cap are this amount then. A lock above zero is a promise: a site whose status commits nobody is
        counted among the committed as long as the lock holds.

        Parameters
        ----------
        site_id : str
            The site.
        amount_eur : float, optional
            Zero or an amount between the site's floor and cap, a multiple of the step; what the plan gives it if not given.

        Raises
        ------
        DataError
            No such site, or an amount that cannot be held there.
        PlainError
            The scenario has several years.
        """
        texts, before = self.texts, self._choices
        self._refuse_years(before)
        self._place(site_id)
        if amount_eur is None:
            amount_eur = float(self.plan.amounts[site_id])
        value = _amount(amount_eur)
        step = self.scenario.step_eur
        if value is None or abs(value / step - round(value / step)) > TOLERANCE * max(1.0, value / step):
            expected = texts.text("a multiple of {step}", step=texts.eur(step))
            fault = Fault(
                site_id, None, None, texts.given(amount_eur), expected, _no_amount(amount_eur, expected, texts)
            )
            raise DataError([fault], texts, texts.text("lock"))
        self._go(before._replace(locks={**before.locks, site_id: value}))

    def unlock(self, site_id: str) -> None:
        """Let go of a lock.

        Raises
        ------
        PlainError
            The site is not locked.
        """
        self._go(self._without_lock(site_id))

    def cost_of_lock(self, site_id: str) -> float:
        """Benefit that a lock costs: that of the plan without it, less that of the plan; weighted residents.

        Raises
        ------
        PlainError
            The site is not locked.
        InfeasibleScenario
            There is no plan with the lock, or none without it.
        """
        free = self._solve(self._without_lock(site_id)).answer
        if isinstance(free, InfeasibleScenario):
            raise free
        return free.benefit - self._present().benefit

    def undo(self) -> None:
        """Take the last change back.

        Raises
        ------
        PlainError
            There is none.
        """
        self._move(-1, mark("There is nothing to undo."))

    def redo(self) -> None:
        """Make the change again that was taken back last.

        Raises
        ------
        PlainError
            There is none.
        """
        self._move(1, mark("There is nothing to redo."))

    def reset(self) -> None:
        """Go back to the choices of the beginning; this can be undone, too."""
        self._go(self._history[0].choices)

    @property
    def can_undo(self) -> bool:
        """Whether there is a change to take back."""
        return self._at > 0

    @property
    def can_redo(self) -> bool:
        """Whether there is a change to make again."""
        return self._at + 1 < len(self._history)

    # --- plans under a name ---

    @property
    def kept(self) -> dict[str, Plan]:
        """The kept plans by name, as they are with the data of now."""
        return {name: self._plan_of(name) for name in self._kept}

    @property
    def unreadable(self) -> dict[str, str]:
        """Files of the folder that hold no kept plan of these sites: why, by file. They are left alone."""
        return dict(self._unreadable)

    @property
    def of_other_data(self) -> tuple[str, ...]:
        """Names of plans that were kept when the data were others; their amounts may be others now."""
        data = self._data()
        return tuple(name for name, one in self._kept.items() if one.data != data)

    def keep(self, name: str, *, replace: bool = False) -> None:
        """Keep the present plan under a name, at once also in the folder.

        Parameters
        ----------
        name : str
            Letters, digits, blanks and ``-_.,:()+%``; up to `MOST_LETTERS`.
        replace : bool
            Put it in the place of the plan that has this name.

        Raises
        ------
        PlainError
            A name that cannot be or is taken, no plan, or a folder that cannot be written to.
        """
        texts, choices = self.texts, self._choices
        name = _name(name, texts)
        if name.casefold() in _own_names():
            raise PlainError(
                texts.text(
                    "{name} cannot be the name of a plan: the plan of now or that of the beginning is called so.",
                    name=texts.given(name),
                )
            )
        self._present()
        if self._folder is None:
            self._refuse_taken(name, replace)
            self._kept[name] = _Kept(choices, None, self._data())
        else:
            try:
                with locked(self._folder):
                    self._read_folder()  # another panel may have kept something there
                    self._refuse_taken(name, replace)
                    self._write(name, choices)
            except OSError as error:
                raise PlainError(unwritable(self._folder, error, texts)) from error
        self._tell()

    def look_again(self) -> None:
        """Look for what other panels have kept in the folder meanwhile; who subscribed is told if something is there, or gone.

        Raises
        ------
        DataError
            The folder cannot be read.
        """
        self._read_folder()

    def load(self, name: str) -> None:
        """Go to the choices of a kept plan; this can be undone.

        Raises
        ------
        PlainError
            No plan was kept under this name.
        """
        self._go(self._kept_as(name).choices)

    def forget(self, name: str) -> None:
        """Do not keep a plan any longer, in the folder neither.

        Raises
        ------
        PlainError
            No plan was kept under this name, or its file cannot be deleted.
        """
        kept = self._kept_as(name)
        if kept.path is not None:
            try:
                kept.path.unlink(missing_ok=True)
            except OSError as error:
                raise PlainError(unwritable(kept.path.parent, error, self.texts)) from error
        del self._kept[name]
        self._tell()

    # --- comparing ---

    def compare(self, *names: str | None) -> pd.DataFrame:
        """Set up to four plans side by side.

        Parameters
        ----------
        *names : str or None
            Names of kept plans; None is the plan of now, `START` that of the beginning.

        Returns
        -------
        DataFrame
            Index site_id, the last row `TOTAL` holds the sums. Column name; for each plan ``<name> amount_eur`` and ``<name> benefit``
            (weighted residents); for each but the first ``<name> change_eur`` (what the site gains or loses against the first) and
            ``<name> lost_benefit`` (what it costs in benefit).

        Raises
        ------
        PlainError
            No name or too many, one twice, or one that was not kept.
        """
        import pandas as pd

        texts = self.texts
        called = {None: texts.text("now"), START: texts.text("beginning")}
        if not 1 <= len(names) <= MOST_COMPARED or len({called.get(name, name) for name in names}) < len(names):
            raise PlainError(texts.text("One to {n} different plans can be side by side.", n=MOST_COMPARED))
        plans = {called.get(name, name) or "": self._plan_of(name) for name in names}
        frame, headings = pd.DataFrame({"name": self._base.frame["name"]}), {}
        amounts = {name: plan.amounts.to_numpy() for name, plan in plans.items()}
        benefits = {name: plan._benefits() for name, plan in plans.items()}
        first = next(iter(plans))
        for name in plans:
            columns = {
                mark("{name}: amount (EUR)"): (f"{name} amount_eur", amounts[name]),
                mark("{name}: change (EUR)"): (f"{name} change_eur", amounts[name] - amounts[first]),
                mark("{name}: benefit"): (f"{name} benefit", benefits[name]),
                mark("{name}: lost benefit"): (f"{name} lost_benefit", benefits[first] - benefits[name]),
            }
            for heading, (key, values) in columns.items():
                if name != first or not key.endswith((" change_eur", " lost_benefit")):
                    frame[key], headings[key] = values, texts.text(heading, name=name)
        sums = {key: math.fsum(frame[key]) for key in headings}
        total = pd.DataFrame({"name": texts.text("all sites together"), **sums}, index=pd.Index([TOTAL]))
        whole = pd.concat([frame, total]).rename_axis("site_id")
        whole.attrs["headings"] = headings
        return whole

    def changed(self, since: str = START) -> pd.Series:
        """EUR that sites get more (or less) than in a kept plan, or at the beginning; only sites where there is a change.

        Raises
        ------
        PlainError
            No plan was kept under this name.
        InfeasibleScenario
            There was no plan at the beginning.
        """
        change = (self.plan.amounts - self._plan_of(since).amounts).rename("change_eur").rename_axis("site_id")
        return change[change != 0]

    def enter(self, amounts: Mapping[str, float]) -> Entered:
        """Say how far amounts entered by hand are from the plan of now. Nothing is changed by it.

        Parameters
        ----------
        amounts : mapping
            EUR by site_id; sites that are not named get nothing.

        Raises
        ------
        DataError
            An unknown site, or what is no amount.
        PlainError
            The scenario has several years.
        InfeasibleScenario
            The present choices have no plan.
        """
        texts, faults = self.texts, []
        self._refuse_years(self._choices)
        x = np.zeros(len(self._base))
        at = {site_id: i for i, site_id in enumerate(self._base.site_ids)}
        for site_id, given in dict(amounts).items():
            value = _amount(given)
            if site_id not in at:
                faults.append(self._unknown_site("amount_eur", site_id))
            elif value is None:
                least = texts.text("at least {value}", value=texts.eur(0))
                said = _no_amount(given, least, texts)
                faults.append(Fault(site_id, None, None, texts.given(given), texts.text("an amount in EUR"), said))
            else:
                x[at[site_id]] = value
        if faults:
            raise DataError(faults, texts, texts.text("amounts"))
        plan = self._present()
        benefit = math.fsum(plan._benefits(x))
        lost = plan.benefit - benefit
        reached = objective(plan.sites, plan.scenario, plan.need.to_numpy(), x)
        share = lost / plan.benefit if plan.benefit else 0.0
        return Entered(benefit, lost, share, plan.objective - reached, tuple(plan.broken_rules(x)))

    def why(self, site_id: str) -> str:
        """Say why a site gets what it gets, as `Plan.explain` does."""
        return self.plan.explain(site_id)

    # --- taking it elsewhere ---

    def to_yaml(self, path: str | Path) -> None:
        """Write the scenario as a file that ``quartier run`` takes and that gives the same amounts.

        The scenario gets the name of the file, without ``.yaml``, as a run wants it. What is chosen for single sites is its ``sites``; a
        lock is written there as what it is made of: floor and cap, and a status that commits.

        Raises
        ------
        PlainError
            Nothing can be written there.
        ScenarioError
            The file's name is no name of a scenario.
        """
        texts, target, choices = self.texts, Path(path), self._choices
        if target.suffix != ".yaml":
            expected = texts.text("a name that ends in {suffix}", suffix=".yaml")
            raise ScenarioError([Fault(target.name, None, None, "", expected)], texts, target.name)
        scenario = choices.scenario.replace(name=target.stem, sites=self._with_locks(choices))
        if scenario.title:
            scenario = scenario.replace(title=self.title[:200])
        try:
            scenario.to_yaml(target)
        except OSError as error:
            raise PlainError(unwritable(target.parent, error, texts)) from error

    def from_yaml(self, path: str | Path) -> None:
        """Go to the choices of a scenario file, those for single sites among them, without locks; this can be undone.

        Raises
        ------
        ScenarioError
            The file cannot be read or has faults, or chooses something for sites that there are not.
        PlainError
            It names partners or indicators that these sites do not have: it is another city's.
        """
        self._go(self._of_scenario(Scenario.from_yaml(path, self.scenario.language, self._base)))

    def python(self) -> str:
        """Give the Python that makes this very plan out of ``sites``, those that the panel began with."""
        sites, scenario, changes = "sites", self.scenario, self._with_locks(self._choices)
        if scenario.response_from != "assumed":  # there, a scale chosen as it is in the data counts as chosen
            scenario, changes = scenario.replace(sites=changes), {}
        if changes:
            lines = ",\n        ".join(f"{site!r}: {_literal(one)}" for site, one in changes.items())
            sites = f"sites.replace({{\n        {lines},\n    }})"
        fields = ",\n        ".join(f"{name}={_literal(value)}" for name, value in scenario.choices().items())
        return (
            f"import quartier as q\n\nplan = q.allocate(\n    {sites},\n    q.Scenario(\n        {fields},\n    ),\n)\n"
        )

    def subscribe(self, callback: Callable[[], object]) -> Callable[[], None]:
        """Have a function called once after each change; an error in it is logged and changes nothing.

        Returns
        -------
        callable
            Ends it.
        """
        self._callbacks.append(callback)

        def end() -> None:
            if callback in self._callbacks:
                self._callbacks.remove(callback)

        return end

    # --- showing ---

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """Give the state as a table and a few sentences, what is kept among them."""
        return self._bundle([*self._sentences(), *self._sentences_on_kept()])

    def described(self) -> dict[str, str]:
        """Give the state as HTML and as text, without what is kept in the folder: the same whoever looks at it."""
        return self._bundle(self._sentences())

    def _bundle(self, lines: list[str]) -> dict[str, str]:
        import html

        table = None
        if self._history[self._at].possible >= 0:
            frame = self.plan.table()
            columns = ["name", "status", "min_eur", "max_eur", "amount_eur", "coverage", "benefit"]
            table = table_bundle(frame[columns], self.texts, None)
        paragraphs = "\n".join(f"<p>{html.escape(line.strip())}</p>" for line in lines)
        parts = {"text/html": paragraphs, "text/plain": "\n".join(lines)}
        if table is None:
            return parts
        return {kind: f"{text}\n\n{table[kind]}" for kind, text in parts.items()}

    def _sentences(self) -> list[str]:
        texts, choices, impossible = self.texts, self._choices, self.impossible
        lines = []
        if impossible is not None:
            lines += str(impossible).splitlines()
            if self._history[self._at].possible >= 0:
                lines.append(texts.text("The table shows the last plan that was possible."))
        else:
            lines += self.plan.summary()
        if choices.changes:
            lines.append(texts.text("Changed at single sites: {sites}.", sites=self._names(choices.changes)))
        if choices.locks:
            held = [f"{self._names([site])} ({texts.eur(amount)})" for site, amount in choices.locks.items()]
            lines.append(texts.text("Locked: {sites}.", sites=texts.listing(held)))
        return lines

    def _sentences_on_kept(self) -> list[str]:
        texts, lines = self.texts, []
        if self._kept:
            names = texts.listing(texts.given(name) for name in self._kept)
            lines.append(texts.text("Kept plans: {names}.", names=names))
        if others := self.of_other_data:
            names = texts.listing(texts.given(name) for name in others)
            lines.append(texts.text("The data have changed since these were kept: {names}.", names=names))
        lines += [line for reason in self._unreadable.values() for line in reason.splitlines()]
        return lines

    def _names(self, site_ids: Iterable[str]) -> str:
        names = self._base.frame["name"]
        return self.texts.listing(names[site_id] for site_id in site_ids)

    # --- inside: choices and their plans ---

    def _go(self, choices: _Choices, sliding: str = "") -> None:
        """Make choices the present ones; what was taken back can no longer be made again."""
        with self.alone:
            if choices == self._choices:
                return
            self._solve(choices)  # refuses before anything is changed
            goes_on = sliding != "" and sliding == self._sliding
            if not goes_on:
                self.settle()
            at = self._at if goes_on else self._at + 1
            possible = at if self._is_possible(choices) else self._history[at - 1].possible
            self._history[at:] = [_Step(choices, possible)]
            self._at, self._sliding = at, sliding
        self._tell()

    def _move(self, by: int, nothing: str) -> None:
        with self.alone:
            self.settle()
            if not 0 <= self._at + by < len(self._history):
                raise PlainError(self.texts.text(nothing))
            self._at += by
        self._tell()

    def _tell(self) -> None:
        for callback in tuple(self._callbacks):
            try:
                callback()
            except Exception:
                _log.exception("a subscriber of the panel failed")

    def _is_possible(self, choices: _Choices) -> bool:
        return isinstance(self._solve(choices).answer, Plan)

    def _solve(self, choices: _Choices) -> _Solved:
        """Work choices out, unless that was done.

        Raises
        ------
        PlainError
            The choices contradict each other or the sites.
        """
        key = choices.key()
        if key not in self._solved:
            changes = self._with_locks(choices)
            before = self._unchanged(choices.scenario)
            sites = before.replace(changes, choices.scenario.language) if changes else before
            # A lock is a rule of its own in what is told: the sites know it only as their floor and cap.
            answer: Plan | InfeasibleScenario | None
            answer = find_conflict(sites, choices.scenario, self._held(choices)) if choices.locks else None
            if answer is None:
                try:
                    answer = allocate(sites, choices.scenario)
                except InfeasibleScenario as error:
                    answer = error
            self._solved[key] = _Solved(sites, answer)
            while len(self._solved) > MOST_SOLVED:
                self._solved.popitem(last=False)
        self._solved.move_to_end(key)
        return self._solved[key]

    def _held(self, choices: _Choices) -> dict[str, Held]:
        """Say what each locked site is held at, and what it has without."""
        free = self._free(choices)
        columns = ["min_eur", "max_eur", "status"]
        return {site: Held(amount, *free.loc[site, columns]) for site, amount in choices.locks.items()}

    def _free(self, choices: _Choices) -> pd.DataFrame:
        """Give the sites as they are chosen, without locks."""
        changes, language = choices.changes, choices.scenario.language
        return self._base.replace(changes, language).frame if changes else self._base.frame

    def _answer(self, choices: _Choices) -> Plan:
        answer = self._solve(choices).answer
        if isinstance(answer, InfeasibleScenario):
            raise answer
        return answer

    def _present(self) -> Plan:
        """Give the plan of the present choices, not of former ones."""
        return self._answer(self._choices)

    def _with_locks(self, choices: _Choices) -> SiteChanges:
        """Give all changes of sites, those of the locks among them.

        Raises
        ------
        PlainError
            They would have no effect beside the scenario's choices, or contradict each other.
        """
        scenario, locks = choices.scenario, choices.locks
        texts, faults = Texts(scenario.language), []
        for column in ("min_eur", "max_eur"):
            stated = getattr(scenario, column)
            own = [site for site, one in choices.changes.items() if column in one]
            if stated is not None and (own or locks):
                expected = texts.text(
                    "none for all sites while {sites} have their own", sites=self._names(dict.fromkeys([*own, *locks]))
                )
                said = texts.text(
                    "There can be none for all sites while {sites} have their own or are locked.",
                    sites=self._names(dict.fromkeys([*own, *locks])),
                )
                faults.append(Fault(texts.text("parameters"), None, column, texts.eur(stated), expected, said))
        if faults:
            raise ScenarioError(faults, texts, texts.text("parameters"))
        if not locks:
            return choices.changes
        self._refuse_years(choices)
        part = dict(zip(self._base.site_ids, year_share(self._base, scenario), strict=True))
        free = self._free(choices)
        changes = {site_id: dict(one) for site_id, one in choices.changes.items()}
        for site_id, amount in locks.items():
            status, eur = free.loc[site_id, "status"], amount / float(part[site_id])
            low, high = (float(free.loc[site_id, column]) for column in ("min_eur", "max_eur"))
            expected, said = "", ""
            if amount > 0 and status in scenario.excluded:
                expected = texts.text(
                    "nothing: sites with the status {status} are excluded", status=texts.name("status", status)
                )
            elif amount > 0 and status not in scenario.committed and not scenario.committed:
                expected = texts.text("a scenario that commits some status, so that a site can be held")
            elif amount > 0 and not low * (1 - TOLERANCE) <= eur <= high * (1 + TOLERANCE):
                expected = texts.text(
                    "nothing, or between its floor of {low} and its cap of {high}",
                    low=texts.eur(low * part[site_id]),
                    high=texts.eur(high * part[site_id]),
                )
            if expected and site_id in self._choices.locks:  # what is new is not the lock
                said = texts.text("Locked at {amount}; this has to be unlocked first.", amount=texts.eur(amount))
            if expected:
                faults.append(Fault(site_id, None, None, texts.eur(amount), expected, said))
            changes.setdefault(site_id, {}).update(min_eur=eur, max_eur=eur)
            if amount > 0 and status not in (*scenario.committed, *scenario.excluded) and scenario.committed:
                changes[site_id]["status"] = scenario.committed[0]
        if faults:
            raise DataError(faults, texts, texts.text("lock"))
        return changes

    def _of_scenario(self, scenario: Scenario) -> _Choices:
        """Take what a scenario chooses for single sites out of it: as changes it can be taken back one by one."""
        sites, _ = scenario.settled(self._base)
        rest = scenario.replace(sites={}) if scenario.sites else scenario
        return _Choices(rest, _difference(self._unchanged(rest), sites) if scenario.sites else {}, {})

    def _unchanged(self, scenario: Scenario) -> Sites:
        """Give the sites that the panel began with, with the effect scales that the scenario has learned, if it asks for these."""
        return scenario.settled(self._base)[0]

    def _tidy(self, scenario: Scenario, changes: SiteChanges) -> SiteChanges:
        """Check changes of sites, and leave out those that are none."""
        changes, before = {site_id: one for site_id, one in changes.items() if one}, self._unchanged(scenario)
        texts = Texts(scenario.language)
        faults = [fault for site_id, one in changes.items() for fault in _disorder(site_id, one, before, texts)]
        if faults:
            raise DataError(faults, texts, "Sites")
        return _difference(before, before.replace(changes, scenario.language)) if changes else {}

    def _misspelt(self, name: str, value: Any) -> list[Fault]:
        """What is wrong with a choice before its value is looked at: its name, its kind, its sites."""
        texts, file = self.texts, self.texts.text("parameters")
        if name == "sites":
            expected = texts.text("each choice by its own name: {example}", example='status={"site_id": "declined"}')
            return [Fault(file, None, name, texts.given(value), expected)]
        if name not in Scenario.model_fields and (name not in OF_SITES or name not in self._base.frame.columns):
            known = [*(one for one in Scenario.model_fields if one != "sites"), *OF_SITES]
            known = [one for one in known if one != "need" or self._base.has_need]
            return [Fault(file, None, name, texts.text("no field of this name"), texts.one_of(name, known))]
        found, values = [], [value]
        if name in OF_SITES and isinstance(value, Mapping):
            found = [self._unknown_site(name, site_id) for site_id in value if site_id not in self._base.site_ids]
            values = list(value.values())
        elif name not in Scenario.model_fields:
            expected = texts.text("a value for each site: {example}", example='{"site_id": value}')
            return [Fault(file, None, name, texts.given(value), expected)]
        for one in values:  # 80.000 is eighty in Python, as in a notebook's parameters
            if name.endswith("_eur") and isinstance(one, float) and one.is_integer() and 0 < one < 1000:
                found.append(Fault(file, None, name, f"{one:.0f}.0…", ambiguous(f"{one:.0f}", "000", texts)))
        return found

    def _unknown_site(self, column: str, site_id: object) -> Fault:
        texts = self.texts
        return Fault("Sites", None, column, texts.given(site_id), texts.one_of(site_id, self._base.site_ids))

    def _place(self, site_id: str) -> int:
        if site_id not in self._base.site_ids:
            raise DataError([self._unknown_site("site_id", site_id)], self.texts, "Sites")
        return self._base.site_ids.index(site_id)

    def _without_lock(self, site_id: str) -> _Choices:
        locks = self._choices.locks
        if site_id not in locks:
            known = ", ".join(locks) or "-"
            raise PlainError(
                self.texts.text(
                    "{site} is not locked. Locked are {known}.", site=self.texts.given(site_id), known=known
                )
            )
        return self._choices._replace(locks={other: eur for other, eur in locks.items() if other != site_id})

    def _refuse_years(self, choices: _Choices) -> None:
        if choices.scenario.years > 1:
            raise PlainError(self.texts.text("This is only known of plans for one year."))

    # --- inside: kept plans ---

    def _kept_as(self, name: str) -> _Kept:
        if name not in self._kept:
            known = self.texts.listing(self.texts.given(one) for one in self._kept)
            raise PlainError(
                self.texts.text(
                    "No plan was kept under the name {name}. Known are {known}.",
                    name=self.texts.given(name),
                    known=known or "-",
                )
            )
        return self._kept[name]

    def _plan_of(self, name: str | None) -> Plan:
        if name == START:
            return self._answer(self._history[0].choices)
        return self._present() if name is None else self._answer(self._kept_as(name).choices)

    def _refuse_taken(self, name: str, replace: bool) -> None:
        if name in self._kept and not replace:
            raise NameTaken(name, self.texts)

    def _data(self) -> str:
        """Say by which data a plan was made, in a few letters: sites as they stand there, need by the usual weights, reports."""
        if "explorer" not in self._base.cache:
            from quartier.need import weigh

            frame = self._base.frame.assign(weighed=[f"{need:.9g}" for need in weigh(self._base)])
            reports = [table.to_csv() for name, table in sorted(self._base.tables.items()) if name.endswith("reports")]
            self._base.cache["explorer"] = hashlib.sha256("".join([frame.to_csv(), *reports]).encode()).hexdigest()[:16]
        return str(self._base.cache["explorer"])

    def _read_folder(self) -> None:
        """Find the plans that were kept in the folder; what is none is told and left alone."""
        if self._folder is None:
            return
        kept, unreadable = {}, {}
        try:
            paths = sorted(path for path in self._folder.iterdir() if path.suffix == ".yaml" and path.name[0] != ".")
        except FileNotFoundError:
            paths = []
        except OSError as error:
            reason = system_reason(error, self.texts)
            fault = Fault(str(self._folder), None, None, reason, self.texts.text("a folder for kept plans"))
            raise DataError([fault], self.texts, str(self._folder)) from None
        for path in paths:
            try:
                name, one = self._read(path)
                if name in kept:
                    expected = self.texts.text("a name that is used once")
                    raise ScenarioError(
                        [Fault(path.name, None, "kept", self.texts.given(name), expected)], self.texts, path.name
                    )
                kept[name] = one
            except PlainError as error:
                said = str(error) if isinstance(error, (ScenarioError, DataError)) else f"{path.name}: {error}"
                unreadable[path.name] = said
        is_news = (kept, unreadable) != (self._kept, self._unreadable)
        self._kept, self._unreadable = kept, unreadable
        if is_news:
            self._tell()

    def _read(self, path: Path) -> tuple[str, _Kept]:
        """Read a kept plan.

        Raises
        ------
        PlainError
            The file is none, is cut short, or belongs to other sites.
        """
        texts, file = self.texts, path.name
        values, rows = read_yaml(path, texts)
        own = {key: values.pop(key) for key in _OWN_KEYS if key in values}
        expected = {
            "kept": (str, mark("the name of a kept plan")),
            "data": (str, mark("a text")),
            "sites": (dict, mark("names of sites with their changes")),
            "locks": (dict, mark("names of sites with an amount")),
            "complete": (bool, mark("the last row of a kept plan")),
        }
        faults = [
            Fault(file, rows.get(key), key, texts.given(own[key]) if key in own else "", texts.text(words))
            for key, (kind, words) in expected.items()
            if not isinstance(own.get(key), kind)
        ]
        if faults:
            raise ScenarioError(faults, texts, file)
        name = _name(own["kept"], texts)
        for key in ("sites", "locks"):
            wrong = [site for site in own[key] if site not in self._base.site_ids]
            faults += [self._unknown_site(key, site)._replace(file=file, row=rows.get(key)) for site in wrong]
        for site, one in own["sites"].items():
            if not isinstance(one, dict) or not set(one) <= set(OF_SITES):
                given, known = texts.given(one), texts.text("one of {values}", values=", ".join(OF_SITES))
                faults.append(Fault(file, rows["sites"], f"sites.{site}", given, known))
        for site, one in own["locks"].items():
            if _amount(one) is None:
                given = texts.given(one)
                faults.append(Fault(file, rows["locks"], f"locks.{site}", given, texts.text("an amount in EUR")))
        if faults:
            raise DataError(faults, texts, file)
        scenario = checked(values, file, texts, rows)
        locks = {site: float(one) for site, one in own["locks"].items()}
        choices = _Choices(scenario, self._tidy(scenario, own["sites"]), locks)
        answer = self._solve(choices).answer
        if isinstance(answer, InfeasibleScenario):
            raise PlainError(str(answer))
        return name, _Kept(choices, path, own["data"])

    def _write(self, name: str, choices: _Choices) -> None:
        """Write a kept plan aside, read it back, and give it its place."""
        assert self._folder is not None
        texts, data = self.texts, self._data()
        text = yaml_text(
            {
                "kept": name,
                "data": data,
                **choices.scenario.choices(),
                "sites": choices.changes,
                "locks": choices.locks,
                "complete": True,
            }
        )
        if len(text.encode()) > MAX_YAML_BYTES:
            most = texts.number(MAX_YAML_BYTES)
            raise PlainError(texts.text("Too much was changed to be kept: more than {n} bytes.", n=most))
        old = self._kept[name].path if name in self._kept else None
        target = old or next(path for path in self._free_paths(name) if not os.path.lexists(path))
        aside = target.with_name(f".{target.name}.partial-{os.getpid()}")
        try:
            with aside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            back = self._read(aside)
            if back[0] != name or back[1].choices != choices:
                raise RuntimeError(f"quartier would not read back what it keeps as {name!r}; please report this")
            aside.replace(target)
        finally:
            try:
                aside.unlink(missing_ok=True)
            except OSError:
                _log.warning("%s could not be deleted", aside)
        self._kept[name] = _Kept(choices, target, data)

    def _free_paths(self, name: str) -> Iterable[Path]:
        """File names for a kept plan: readable, and none that a system would refuse or take for another."""
        assert self._folder is not None
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        start = "-".join(re.findall("[a-z0-9]+", plain))[:40] or "plan"
        start += "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
        yield self._folder / f"{start}.yaml"
        yield from (self._folder / f"{start}-{number}.yaml" for number in itertools.count(2))


def _placed(folder: Path) -> Path:
    """Place a relative folder as `find_path` finds data, so that a notebook in ``notebooks/`` keeps its plans where a run keeps its own."""
    if folder.is_absolute() or Path(*folder.parts[:1]).is_dir():
        return folder
    home = find_path("data").absolute().parent
    return home / folder if Path.cwd().is_relative_to(home) and (home / folder.parts[0]).is_dir() else folder


def _name(name: Any, texts: Texts) -> str:
    """Check the name of a kept plan; no path, no markup, nothing invisible.

    Raises
    ------
    PlainError
        It is none.
    """
    plain = unicodedata.normalize("NFC", name).strip() if isinstance(name, str) else ""
    right = all(c.isalnum() or c in " -_.,:()+%" or unicodedata.category(c) == "Mn" for c in plain)
    if not right or not plain or len(plain) > MOST_LETTERS or plain[0] == ".":
        raise PlainError(
            texts.text(
                "{name} is no name of a plan: letters, digits, blanks and -_.,:()+% are, up to {n}.",
                name=texts.given(name),
                n=MOST_LETTERS,
            )
        )
    return plain


def _own_names() -> set[str]:
    """What a panel calls plans itself, in each of its languages."""
    return {Texts(language).text(name).casefold() for language in LANGUAGES for name in ("now", "beginning")}


def _amount(value: Any) -> float | None:
    """Read an amount in EUR; None if it is no finite number of at least 0."""
    if not _is_number(value):
        return None
    return float(value) if 0 <= value <= 1e12 else None


def _disorder(site_id: str, changes: Mapping[str, Any], before: Sites, texts: Texts) -> list[Fault]:
    """What is wrong with a site's floor and cap, told with the site; what is no number is left to those who check the whole table."""
    numbers = {name: one for name, one in changes.items() if name in ("min_eur", "max_eur") and _is_number(one)}
    least = texts.text("at least {value}", value=texts.eur(0))
    wrong = {name: _no_amount(one, least, texts) for name, one in numbers.items() if one < 0}
    faults = [Fault(site_id, None, name, texts.given(numbers[name]), least, said) for name, said in wrong.items()]
    low, high = (numbers.get(name, before.frame.loc[site_id, name]) for name in ("min_eur", "max_eur"))
    if numbers and not faults and low > high:
        expected = texts.text("at most max_eur ({value})", value=texts.eur(high))
        said = texts.text(
            "The floor ({low}) must not be above the cap ({high}).", low=texts.eur(low), high=texts.eur(high)
        )
        faults.append(Fault(site_id, None, "min_eur", texts.eur(low), expected, said))
    return faults


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _no_amount(given: Any, expected: str, texts: Texts) -> str:
    return texts.text(
        "{given} is not possible here; expected: {expected}.",
        given=in_unit(given, "amount_eur", texts),
        expected=expected,
    )


def _difference(before: Sites, after: Sites) -> SiteChanges:
    """Say what differs at which site, as `Sites.replace` takes it."""
    found: SiteChanges = {}
    one, other = before.frame, after.frame
    for column in OF_SITES:
        if column in one:
            x, y = one[column].to_numpy(), other[column].to_numpy()
            differs = (x != y) & ~(one[column].isna().to_numpy() & other[column].isna().to_numpy())
            for i in np.flatnonzero(differs):
                value = str(y[i]) if column == "status" else float(y[i])
                found.setdefault(before.site_ids[i], {})[column] = value
    return found


def _literal(value: Any) -> str:
    """Write a plain value as Python, all the way down."""
    if isinstance(value, float):
        return repr(float(value)) if math.isfinite(value) else f'float("{value}")'
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {_literal(part)}" for key, part in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return repr(value)
