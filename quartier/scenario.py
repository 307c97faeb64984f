"""The planner's choices: frozen, plain JSON types, checked where they are made. Files in YAML."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)

from quartier.data import LONE_GROUP, STATUSES, Fault, FaultyInput, Learned, Sites, ambiguous, find_path, system_reason
from quartier.evidence import learn
from quartier.language import LANGUAGES, PlainError, Texts, decimals, mark

Status = Literal["signed", "negotiating", "prospective", "declined"]
Partner = Literal["provider", "housing_company", "district"]

PARAMETERS = (
    "budget_eur",
    "max_sites",
    "min_sites",
    "step_eur",
    "min_eur",
    "max_eur",
    "response",
    "response_from",
    "inequality_aversion",
    "base_coverage",
    "language",
)
"""Fields that a notebook's parameters cell and ``quartier run -p`` may change."""

MAX_YAML_BYTES = 100_000
"""Far more than any scenario needs; keeps a mistaken file from being read at all."""

MAX_YAML_DEPTH = 10
"""Far deeper than any scenario; the time that PyYAML takes grows with the square of the depth."""

MAX_MONEY_LIMITS = 5_000
"""Most limits on money: ten years with one earmark, five with two, three with three."""

_KNOWN = ("data_dir", "scenario", *PARAMETERS)
_NAME = r"[a-z0-9]+(-[a-z0-9]+)*"


class _Disagreement(ValueError):
    """Choices that do not go together, in the names of the fields, and in a sentence for a panel."""

    def __init__(self, expected: str, said: str) -> None:
        super().__init__(expected)
        self.said = said


class _Contradictions(ValueError):
    """All that does not go together in a scenario."""

    def __init__(self, found: Sequence[ValueError]) -> None:
        super().__init__("; ".join(map(str, found)))
        self.found = found


def not_above(low: tuple[str, str], high: tuple[str, str], texts: Texts) -> str:
    """Say that one choice may not be above another; each with its label on the panel and its value."""
    return texts.text(
        "{first} ({low}) must not be above {second} ({high}).",
        first=texts.given(low[0]),
        low=low[1],
        second=texts.given(high[0]),
        high=high[1],
    )


class _Partner(BaseModel):
    """Whom a rule is about: the sites of a provider, a housing company or a district."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    by: Partner
    name: str = Field(min_length=1, max_length=200)


class Group(_Partner):
    """Limits on some sites together: those of a provider, a housing company or a district. None is no limit.

    Parameters
    ----------
    by : str
        ``provider``, ``housing_company`` or ``district``.
    name : str
        Which one, as it stands in the sites.
    min_eur, max_eur : float, optional
        EUR together.
    min_share, max_share : float, optional
        Share of the budget together, 0 to 1.
    min_sites, max_sites : int, optional
        Funded sites.
    """

    min_eur: float | None = Field(None, ge=0, le=1e12)
    max_eur: float | None = Field(None, ge=0, le=1e12)
    min_share: float | None = Field(None, ge=0, le=1)
    max_share: float | None = Field(None, ge=0, le=1)
    min_sites: int | None = Field(None, ge=0)
    max_sites: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _limits_agree(self, info: ValidationInfo) -> Self:
        for low, high in zip(GROUP_LIMITS[::2], GROUP_LIMITS[1::2], strict=True):
            least, most = getattr(self, low), getattr(self, high)
            if least is not None and most is not None and least > most:
                texts = (info.context or {}).get("texts") or Texts()
                expected = texts.text("{low} is not above {high}", low=low, high=high)
                first, second = (
                    (texts.text(LIMIT_LABELS[name]), in_unit(value, name, texts))
                    for name, value in ((low, least), (high, most))
                )
                raise _Disagreement(expected, not_above(first, second, texts))
        return self


LIMIT_LABELS = {
    "max_share": mark("at most, % of the budget"),
    "min_share": mark("at least, % of the budget"),
    "max_eur": mark("at most, EUR"),
    "min_eur": mark("at least, EUR"),
    "max_sites": mark("at most, sites"),
    "min_sites": mark("at least, sites"),
}
"""What a panel calls the limits of a group, in its order."""

GROUP_LIMITS = ("min_eur", "max_eur", "min_share", "max_share", "min_sites", "max_sites")
"""Limits of a group, floor and cap in turn."""


class Earmark(_Partner):
    """Money on top of the budget that may only go to some sites: what a partner adds for its own.

    Parameters
    ----------
    by : str
        ``provider``, ``housing_company`` or ``district``.
    name : str
        Which one, as it stands in the sites.
    amount_eur : float
        EUR a year; what its sites do not use lapses.
    """

    amount_eur: float = Field(ge=0, le=1e12)


class SiteChoice(BaseModel):
    """What is chosen for a single site. None is as in the data.

    Parameters
    ----------
    status : str, optional
        ``signed``, ``negotiating``, ``prospective`` or ``declined``.
    min_eur, max_eur : float, optional
        Floor and cap of the site, EUR.
    scale_eur : float, optional
        Effect scale, EUR.
    previous_eur : float, optional
        What it got last year, EUR.
    need : float, optional
        Weighted residents; only for sites that were given with their need.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    status: Status | None = None
    min_eur: float | None = Field(None, ge=0, le=1e12)
    max_eur: float | None = Field(None, ge=0, le=1e12)
    scale_eur: float | None = Field(None, gt=0, le=1e12)
    previous_eur: float | None = Field(None, ge=0, le=1e12)
    need: float | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _says_something(self, info: ValidationInfo) -> Self:
        texts = (info.context or {}).get("texts") or Texts()
        if not self.choices():
            raise ValueError(texts.text("one of {values}", values=", ".join(OF_SITES)))
        if self.min_eur is not None and self.max_eur is not None and self.min_eur > self.max_eur:
            raise ValueError(texts.text("{low} is not above {high}", low="min_eur", high="max_eur"))
        return self

    @model_serializer
    def choices(self) -> dict[str, Any]:
        """What is chosen, without what is as in the data; so it stands in files, too."""
        return {name: value for name, value in self if value is not None}


OF_SITES = tuple(SiteChoice.model_fields)
"""What may be chosen for single sites."""


class ScenarioError(FaultyInput):
    """The scenario or its parameters cannot be used: every fault with what was given and what was expected."""


class Scenario(BaseModel):
    """Every choice that a planner can make.

    Parameters
    ----------
    name : str
        ``[a-z0-9-]+``; names the run folder.
    budget_eur : float
        Money for the year, EUR.
    max_sites, min_sites : int
        Most and fewest sites that may be funded.
    step_eur : float
        Amounts are whole multiples of this, EUR.
    min_eur, max_eur : float, optional
        Floor and cap of a funded site, EUR; None: the site's own.
    committed, excluded : tuple of str
        Sites of these statuses must be funded, or may not.
    method : str
        ``optimal``, or a rule to compare with: ``equal-split``, ``need-proportional``.
    response : str
        Response curve, see `quartier.benefit`.
    response_from : str
        Where the effect scales come from: ``assumed``, those of the data; ``quality``, learned from the reports of the quality
        dialogue (`quartier.evidence`); ``demonstration``, from made-up reports. Only with the saturating response.
    inequality_aversion : float
        0: most benefit; the more, the more the least covered count (Atkinson 1970). At most 100, or infinite: then the least
        covered site comes first, whatever it costs the others (leximin).
    base_coverage : float
        Coverage that everybody has without the programme; only used with an inequality aversion.
    need_weights : dict
        Weight of each need indicator; one that is not named counts nothing. Empty: the weights of the data.
    groups : tuple of Group
        Limits by provider, housing company or district, which may cross.
    max_change_share : float, optional
        Most change of a site's amount against ``previous_eur``, as a share of that; sites without one are free.
    may_end : bool
        With a change limit: a site that had money may get none.
    reserve_eur : float
        Part of each year's budget that is kept back, EUR.
    years : int
        Years that are planned together, 1 to 10.
    later_budgets_eur : tuple of float
        Budgets of the second year and of those after it, EUR; empty: each year has `budget_eur`.
    carry_limit_eur : float
        Most money that a year may leave to the next, EUR.
    carried_eur : float
        Money that the year before the first has left, on top of its budget, EUR.
    months : dict
        Months (1 to 12) in which a site is funded in the first year, by site_id, if it starts later. Floor, cap and effect of
        such a site are those of that part of the year.
    earmarked : tuple of Earmark
        Money on top of the budget for some sites only.
    sites : dict
        What is chosen for single sites, a `SiteChoice` by site_id; it takes the place of what the data have. A floor or cap here
        and one for all sites exclude each other.
    seed : int
        Seed of anything random.
    language : str
        ``de`` or ``en``: language of what is shown.
    time_limit_s : float, optional
        Longest time for the search, seconds.

    Raises
    ------
    ScenarioError
        Lists every fault.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: str = Field("baseline", pattern=rf"^{_NAME}$", max_length=60)
    title: str = Field("", max_length=200)
    budget_eur: float = Field(80_000, ge=0, le=1e12)
    max_sites: int = Field(10, ge=0, le=10_000_000)
    min_sites: int = Field(0, ge=0, le=10_000_000)
    step_eur: float = Field(100, gt=0, le=1e12)
    min_eur: float | None = Field(None, ge=0, le=1e12)
    max_eur: float | None = Field(None, ge=0, le=1e12)
    committed: tuple[Status, ...] = Field(("signed",), strict=False)
    excluded: tuple[Status, ...] = Field(("declined",), strict=False)
    method: Literal["optimal", "equal-split", "need-proportional"] = "optimal"
    response: Literal["saturating", "linear", "power", "hill-concave"] = "saturating"
    response_from: Literal["assumed", "quality", "demonstration"] = "assumed"
    inequality_aversion: float = Field(0.0, ge=0, allow_inf_nan=True)
    base_coverage: float = Field(0.05, gt=0, le=1)
    need_weights: dict[str, float] = Field(default_factory=dict)
    groups: tuple[Group, ...] = Field((), strict=False)
    max_change_share: float | None = Field(None, ge=0, le=1e6)
    may_end: bool = True
    reserve_eur: float = Field(0.0, ge=0, le=1e12)
    years: int = Field(1, ge=1, le=10)
    later_budgets_eur: tuple[Annotated[float, Field(ge=0, le=1e12)], ...] = Field((), strict=False)
    carry_limit_eur: float = Field(0.0, ge=0, le=1e12)
    carried_eur: float = Field(0.0, ge=0, le=1e12)
    months: dict[str, Annotated[int, Field(ge=1, le=12)]] = Field(default_factory=dict)
    earmarked: tuple[Earmark, ...] = Field((), strict=False, max_length=5)
    sites: dict[str, SiteChoice] = Field(default_factory=dict)
    seed: int = Field(0, ge=0)
    language: Literal["de", "en"] = "de"
    time_limit_s: float | None = Field(None, gt=0)

    if not TYPE_CHECKING:  # editors and type checkers go on knowing the fields

        def __init__(self, /, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                texts = Texts(fields["language"] if fields.get("language") in LANGUAGES else LANGUAGES[0])
                name = fields.get("name", type(self).model_fields["name"].default)
                raise _refused(error, texts.text("Scenario {name}", name=name), texts) from None

        # Else pydantic would come through here wherever it makes a scenario, and leave the texts behind that `checked` gives it.
        __init__.__pydantic_base_init__ = True

    @field_validator("committed", "excluded", mode="before")
    @classmethod
    def _a_list_not_a_word(cls, value: Any) -> Any:
        # Without this, lax tuples would take the letters of a word, a set's chance order or a mapping's keys.
        if not isinstance(value, (list, tuple)):
            raise ValueError(mark("a list of statuses"))
        return value

    @field_validator("inequality_aversion")
    @classmethod
    def _aversion_is_workable_or_infinite(cls, value: float) -> float:
        if 100 < value < math.inf:  # powers that floats cannot hold
            raise ValueError(mark("at most 100, or infinite"))
        return value

    @field_validator("need_weights")
    @classmethod
    def _weights_are_not_negative(cls, weights: dict[str, float]) -> dict[str, float]:
        if any(weight < 0 for weight in weights.values()):
            raise ValueError(mark("weights of at least 0"))
        if weights and not any(weights.values()):
            raise ValueError(mark("at least one weight above 0"))
        return weights

    @model_validator(mode="after")
    def _choices_agree(self, info: ValidationInfo) -> Self:
        texts = (info.context or {}).get("texts") or Texts(self.language)
        if found := tuple(self._contradictions(texts)):
            raise _Contradictions(found)
        return self

    def _contradictions(self, texts: Texts) -> Iterator[ValueError]:
        """Give all choices that do not go together."""
        both = [status for status in self.committed if status in self.excluded]
        if both:
            yield ValueError(
                texts.text("committed and excluded do not both name {statuses}", statuses=texts.listing(both))
            )
        if self.min_eur is not None and self.max_eur is not None and self.min_eur > self.max_eur:
            low, high = texts.eur(self.min_eur), texts.eur(self.max_eur)
            yield _Disagreement(
                texts.text("min_eur ({low}) is not above max_eur ({high})", low=low, high=high),
                texts.text(
                    "The floor of a funded site ({low}) must not be above its cap ({high}).", low=low, high=high
                ),
            )
        for column in ("min_eur", "max_eur"):
            own = [site_id for site_id, one in self.sites.items() if getattr(one, column) is not None]
            if getattr(self, column) is not None and own:
                expected = texts.text("none for all sites while {sites} have their own", sites=texts.listing(own))
                yield ValueError(f"{column}: {expected}")
        if self.response_from != "assumed" and self.response != "saturating":
            curve = texts.given(texts.name("response", "saturating"))
            yield _Disagreement(
                texts.text(
                    "response_from {origin} only with the response saturating: the reports are read by this curve",
                    origin=self.response_from,
                ),
                texts.text(
                    "Learned effect scales only go with the response curve {curve}: the reports are read by it.",
                    curve=curve,
                ),
            )
        if self.groups and self.method != "optimal":
            yield _Disagreement(
                texts.text("groups only with the method optimal: a rule of division knows no shared limits"),
                texts.text(
                    "Limits by partner and district only go with {method}: a rule of division knows none.",
                    method=texts.given(texts.name("method", "optimal")),
                ),
            )
        if (self.earmarked or self.years > 1) and self.method != "optimal":
            yield _Disagreement(
                texts.text("years and earmarked only with the method optimal: a rule of division knows neither"),
                texts.text(
                    "Several years and earmarked money only go with {method}: a rule of division knows neither.",
                    method=texts.given(texts.name("method", "optimal")),
                ),
            )
        if self.later_budgets_eur and len(self.later_budgets_eur) != self.years - 1:
            yield ValueError(
                texts.text(
                    "later_budgets_eur has one budget for each year after the first ({n} of {years})",
                    n=len(self.later_budgets_eur),
                    years=self.years - 1,
                )
            )
        if self.carry_limit_eur and self._money_limits() > MAX_MONEY_LIMITS:
            yield ValueError(texts.text("fewer years or earmarked sums where money is carried over"))
        if self.reserve_eur > min(self.budgets_eur):
            low, high = texts.eur(self.reserve_eur), texts.eur(min(self.budgets_eur))
            yield _Disagreement(
                texts.text("reserve_eur ({low}) is not above budget_eur ({high})", low=low, high=high),
                texts.text("The reserve ({low}) must not be above the budget ({high}).", low=low, high=high),
            )
        if self.min_sites > self.max_sites:
            yield _Disagreement(
                texts.text(
                    "min_sites ({low}) is not above max_sites ({high})", low=self.min_sites, high=self.max_sites
                ),
                not_above(
                    (texts.text("Places: at least"), texts.number(self.min_sites)),
                    (texts.text("Places: at most"), texts.number(self.max_sites)),
                    texts,
                ),
            )

    @property
    def budgets_eur(self) -> tuple[float, ...]:
        """Budget of each year, EUR."""
        return (self.budget_eur, *(self.later_budgets_eur or (self.budget_eur,) * (self.years - 1)))

    def _money_limits(self) -> int:
        """Count the limits on money: one for each set of earmarks in each year, in all years from one to another."""
        each = 2 ** len(self.earmarked)
        return sum((self.years - length + 1) * each**length for length in range(1, self.years + 1))

    def replace(self, **changes: Any) -> Scenario:
        """Give a variation, checked like the original.

        Raises
        ------
        ScenarioError
            Lists every fault.
        """
        return checked({**self.model_dump(), **changes}, self._heading, Texts(self.language))

    @property
    def _heading(self) -> str:
        """What stands in the place of a file where a fault is in none."""
        return Texts(self.language).text("Scenario {name}", name=self.name)

    @classmethod
    def from_yaml(cls, path: str | Path, language: str = "de", sites: Sites | None = None) -> Scenario:
        """Read a scenario file.

        Parameters
        ----------
        path : path
            A YAML file of at most `MAX_YAML_BYTES`: field and value pairs, nothing else.
        language : str
            Language of the error, if there is one.
        sites : Sites, optional
            With them, sites, partners, districts and indicators that the file names and they do not have are faults of the file, too.

        Raises
        ------
        ScenarioError
            Lists every fault with its row.
        """
        return cls._from_file(path, Texts(language), sites)

    @classmethod
    def _from_file(cls, path: str | Path, texts: Texts, sites: Sites | None, name: str | None = None) -> Scenario:
        """Read a scenario file, which has to bear the name, if one is given."""
        file = Path(path).name
        values, rows, faults = _read_pairs(find_path(path), texts)
        scenario, misread = None, [fault.column or "" for fault in faults]
        if sites is not None:
            faults += _unknown_names(values, rows, file, sites, texts)
        try:
            scenario = checked(values, file, texts, rows)
        except ScenarioError as error:
            # A value that is read in two ways is told once, and what follows from one of the readings is no fault.
            faults += [
                fault
                for fault in error.faults
                if not any(f"{column}.".startswith(f"{fault.column or column}.") for column in misread)
            ]
        own = values.get("name", cls.model_fields["name"].default)
        if name not in (None, own) and "name" not in {fault.column for fault in faults}:
            expected = texts.text("the name of the file ({name})", name=name)
            faults.append(Fault(file, rows.get("name"), "name", texts.given(own), expected))
        if faults or scenario is None:
            raise ScenarioError(sorted(faults, key=lambda fault: fault.row or 0), texts, file)
        return scenario

    @classmethod
    def named(
        cls, name: str, folder: str | Path = "data", language: str = "de", sites: Sites | None = None
    ) -> Scenario:
        """Read ``<folder>/scenarios/<name>.yaml``; `sites` as for `from_yaml`.

        Raises
        ------
        ScenarioError
            There is no scenario of this name (the known ones are listed), or the file has faults.
        """
        texts, known, place = Texts(language), scenario_names(folder), str(Path(folder) / "scenarios")
        if not known:
            raise ScenarioError(
                [Fault(place, None, None, "", texts.text("a folder with scenario files"))], texts, place
            )
        if name not in known:
            expected, almost = (
                texts.one_of(name, known),
                [file for file in files_not_read(folder) if Path(file).stem == name],
            )
            if almost:
                name, expected = almost[0], texts.text("a name that ends in {suffix}", suffix=_SUFFIX)
            raise ScenarioError([Fault(place, None, "scenario", texts.given(name), expected)], texts, place)
        return cls._from_file(find_path(folder) / "scenarios" / f"{name}{_SUFFIX}", texts, sites, name)

    @classmethod
    def from_parameters(cls, namespace: Mapping[str, Any]) -> Scenario:
        """Make a notebook's scenario from its parameters cell: the file it names with the parameters that are not None.

        Parameters
        ----------
        namespace : mapping
            The notebook's ``globals()``. Its plain literals are the parameters; names with ``_`` are the kernel's.

        Raises
        ------
        ScenarioError
            An unknown parameter (the known ones are listed), one that is missing, or one of a wrong type or value.
        """
        hidden = {"In", "Out", "__name__"}
        given = {
            name: value
            for name, value in namespace.items()
            if name in _KNOWN or (_is_literal(value) and not name.startswith("_") and name not in hidden)
        }
        return _from_parameters(given, complete=True)

    def settled(self, sites: Sites) -> tuple[Sites, Scenario]:
        """Give the sites as the scenario chooses them, and the scenario without these choices.

        What solves or varies a problem begins with this, so that a choice is made once and whatever changes a site after that
        is not overridden. Where nothing is chosen for single sites nor learned, both are given as they are. A scale that is chosen for a
        site, here or with `Sites.replace`, takes the place of the learned one.

        Parameters
        ----------
        sites : Sites
            The candidates, settled before or not.

        Raises
        ------
        ScenarioError
            A choice for a site that there is not, a need where that is worked out, or a floor above its cap: lists every fault. Or there
        are no reports to learn the scales from.
        """
        if not self.sites and self.response_from == "assumed":
            return sites, self
        sites = self._with_learned(sites)
        texts, faults, changes = Texts(self.language), [], {}
        frame, known = sites.frame, list(sites.site_ids)
        file = self._heading
        for site_id, choice in self.sites.items():
            chosen, column = choice.choices(), f"sites.{site_id}"
            if site_id not in frame.index:
                faults.append(Fault(file, None, "sites", texts.given(site_id), texts.one_of(site_id, known)))
                continue
            if "need" in chosen and not sites.has_need:
                expected = texts.text("no need: that of these sites is worked out from indicators")
                faults.append(Fault(file, None, f"{column}.need", texts.given(chosen.pop("need")), expected))
            low, high = (chosen.get(name, frame.loc[site_id, name]) for name in ("min_eur", "max_eur"))
            if low > high:
                expected = texts.text("at most max_eur ({value})", value=texts.eur(high))
                faults.append(Fault(file, None, f"{column}.min_eur", texts.eur(low), expected))
            if differing := {name: value for name, value in chosen.items() if frame.loc[site_id, name] != value}:
                changes[site_id] = differing
        if faults:
            raise ScenarioError(faults, texts, file)
        return sites.replace(changes, self.language) if changes else sites, self.replace(
            sites={}, response_from="assumed"
        )

    def _with_learned(self, sites: Sites) -> Sites:
        """Give the sites with the effect scales that the reports teach, where the scenario asks for these."""
        if self.response_from == "assumed":
            return sites
        texts, file = Texts(self.language), self._heading
        try:
            scales = learn(sites, self.response_from, language=self.language).scale_eur
        except PlainError as error:
            expected = texts.text("assumed, as nothing can be learnt: {reason}", reason=str(error).rstrip("."))
            given = texts.given(self.response_from)
            raise ScenarioError([Fault(file, None, "response_from", given, expected)], texts, file) from error
        return sites.with_learned(Learned(self.response_from, scales.to_dict()))

    def to_yaml(self, path: str | Path) -> None:
        """Write the name and the fields that differ from their defaults, so that `from_yaml` gives the same scenario."""
        text, target = yaml_text(self.choices()), Path(path)
        aside = target.with_name(target.name + ".partial")
        try:
            aside.write_text(text, encoding="utf-8")
            aside.replace(target)
        finally:
            aside.unlink(missing_ok=True)

    def choices(self) -> dict[str, Any]:
        """Name, title and the fields that differ from their defaults, as plain JSON types."""
        changed = self.model_dump(mode="json", exclude_defaults=True)
        return {"name": self.name, **changed}


def _is_literal(value: Any) -> bool:
    """Whether a value is one that a parameters cell can hold, all the way down; what a notebook works out is none."""
    if isinstance(value, dict):
        return all(_is_literal(part) for part in (*value, *value.values()))
    if isinstance(value, (list, tuple)):
        return all(_is_literal(part) for part in value)
    return type(value) in (str, int, float, bool, type(None))


def scenario_names(folder: str | Path = "data") -> list[str]:
    """Names of the scenarios in a city's folder, sorted; none where there is no such folder."""
    try:
        return sorted(path.stem for path in (find_path(folder) / "scenarios").glob(f"*{_SUFFIX}"))
    except OSError:
        return []


def files_not_read(folder: str | Path = "data") -> list[str]:
    """Names of files beside the scenarios that seem to be some, but for the end of their name; sorted."""
    try:
        return sorted(
            path.name
            for path in (find_path(folder) / "scenarios").iterdir()
            if path.suffix != _SUFFIX and path.suffix.lower() in (_SUFFIX, ".yml") and not path.name.startswith(".")
        )
    except OSError:
        return []


def with_parameters(name: str, folder: str | Path, changes: Mapping[str, Any], sites: Sites | None = None) -> Scenario:
    """Give the named scenario with some parameters changed, as `Scenario.from_parameters` does in a notebook.

    Parameters
    ----------
    changes : mapping
        Some of `PARAMETERS`.
    sites : Sites, optional
        As for `Scenario.from_yaml`.

    Raises
    ------
    ScenarioError
        An unknown or ill-typed parameter, or no such scenario.
    """
    places = {"data_dir": str(folder), "scenario": name}
    misplaced = {place: changes[place] for place in places if place in changes}
    return _from_parameters({**changes, **places}, complete=False, misplaced=misplaced, sites=sites)


def _from_parameters(
    given: Mapping[str, Any], *, complete: bool, misplaced: Mapping[str, Any] | None = None, sites: Sites | None = None
) -> Scenario:
    language = given.get("language")
    texts = Texts(language if language in LANGUAGES else LANGUAGES[0])
    file = texts.text("parameters")
    faults = parameter_faults(given, texts, complete=complete, misplaced=misplaced)
    changes = {name: given[name] for name in PARAMETERS if given.get(name) is not None}
    base = None
    if isinstance(given.get("data_dir"), str) and isinstance(given.get("scenario"), str):
        try:
            base = Scenario.named(given["scenario"], given["data_dir"], texts.language, sites)
        except ScenarioError as error:
            faults += error.faults
    if faults or base is None:
        raise ScenarioError(faults, texts, file)
    chosen = checked({**base.model_dump(), **changes}, file, texts)
    if chosen.replace(language=base.language) != base:  # so that nobody takes it for the scenario of the file
        changed = mark("{title} (changed)")
        if chosen.response_from == "demonstration":
            changed = mark("{title} (changed, with scales from made-up reports)")
        return chosen.replace(title=texts.text(changed, title=base.title or base.name))
    return chosen


def parameter_faults(
    given: Mapping[str, Any], texts: Texts, *, complete: bool = False, misplaced: Mapping[str, Any] | None = None
) -> list[Fault]:
    """Give every fault that the parameters have by themselves, whatever scenario they change."""
    file, faults = texts.text("parameters"), list[Fault]()
    known = _KNOWN if complete else PARAMETERS
    for name in given:
        if name not in _KNOWN:
            faults.append(Fault(file, None, name, texts.text("no parameter of this name"), texts.one_of(name, known)))
    elsewhere = {
        "data_dir": mark("the folder as an option: quartier run --data DIR"),
        "scenario": mark("its name right after the command: quartier run SCENARIO"),
    }
    faults += [
        Fault(file, None, name, texts.given(value), texts.text(elsewhere[name]))
        for name, value in (misplaced or {}).items()
    ]
    for name in _KNOWN:
        if complete and name not in given:
            faults.append(Fault(file, None, name, "", texts.text("a parameter of this name")))
    for name in PARAMETERS:  # 80.000 is eighty in Python: a whole number of EUR is written without a point
        value = given.get(name)
        if name.endswith("_eur") and isinstance(value, float) and value.is_integer() and 0 < value < 1000:
            whole = f"{value:.0f}"
            faults.append(Fault(file, None, name, f"{whole}.0…", ambiguous(whole, "000", texts)))
    for name in ("data_dir", "scenario"):
        if name in given and not isinstance(given[name], str):
            faults.append(Fault(file, None, name, texts.given(given[name]), texts.text("a text")))
    changes = {name: given[name] for name in PARAMETERS if given.get(name) is not None}
    try:
        checked(changes, file, texts)
    except ScenarioError as error:
        # Whether the parameters agree can only be told beside the scenario's other fields; that has no column.
        faults += [fault for fault in error.faults if fault.column]
    return faults


def checked(values: Mapping[str, Any], file: str, texts: Texts, rows: Mapping[str, int] | None = None) -> Scenario:
    """Make a scenario of plain values; pydantic's findings become faults in words.

    Raises
    ------
    ScenarioError
        Lists every fault, with the file and, where the rows of the fields are given, its row.
    """
    try:
        return Scenario.model_validate(dict(values), context={"texts": texts})
    except ValidationError as error:
        raise _refused(error, file, texts, rows) from None


def _refused(error: ValidationError, file: str, texts: Texts, rows: Mapping[str, int] | None = None) -> ScenarioError:
    """Say in words what pydantic has found."""
    faults: dict[tuple[Any, ...], Fault] = {}
    for item in (one for several in error.errors(include_url=False) for one in _apart(several)):
        column = ".".join(str(part) for part in item["loc"]) or None
        within = [".".join(map(str, item["loc"][:count])) for count in range(len(item["loc"]), 0, -1)]
        row = next((rows[name] for name in within if name in rows), None) if rows else None
        given = "" if item["type"] == "missing" else texts.given(_shown(item["input"]))
        if not item["loc"]:
            given = texts.text("choices that do not go together")
        elif item["type"] == "extra_forbidden":  # its value would look like what should be another
            given = texts.text("no field of this name")
        expected = _expected(item, texts)
        fault = Fault(file, row, column, given, expected, _said(item, given, texts, in_file=rows is not None))
        faults.setdefault((row, item["loc"][:1], column) if item["loc"] else (expected,), fault)
    return ScenarioError(faults.values(), texts, file)


def _apart(item: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Give a finding of pydantic's once for each of the contradictions that it holds."""
    reason = (item.get("ctx") or {}).get("error")
    if not isinstance(reason, _Contradictions):
        return [item]
    return [{**item, "ctx": {"error": one}} for one in reason.found]


def _said(item: Mapping[str, Any], given: str, texts: Texts, *, in_file: bool) -> str:
    """Say a finding of pydantic's to somebody at a panel: with units, without names of fields, but for those that stand in a file."""
    if item["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(item["loc"][-1]), _fields(item), n=1)
        found = [
            texts.text("There is no field of this name."),
            *(texts.text("Is {name} meant?", name=one) for one in near),
        ]
        return " ".join(found)
    reason = (item.get("ctx") or {}).get("error")
    if isinstance(reason, _Disagreement) and not in_file:
        return reason.said
    if not item["loc"]:
        return texts.text("These choices do not go together. Expected: {expected}.", expected=_expected(item, texts))
    if in_file or item["type"] == "missing":
        return ""
    field = next((part for part in reversed(item["loc"]) if isinstance(part, str)), "")
    given = in_unit(item["input"], field, texts)
    expected = _expected(item, texts, field)
    return texts.text("{given} is not possible here; expected: {expected}.", given=given, expected=expected)


def in_unit(value: Any, field: str, texts: Texts) -> str:
    """Write the value of a field as a panel shows it, with its unit; what is no number as it was given."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return texts.given(_shown(value))
    if field.endswith("_share") or field == "base_coverage":
        return texts.percent(value, decimals(100 * value))
    return texts.eur(value) if field.endswith("_eur") else texts.exact(value)


def _unknown_names(
    values: Mapping[str, Any], rows: Mapping[str, int], file: str, sites: Sites, texts: Texts
) -> list[Fault]:
    """Faults for what a scenario file names and the sites do not have; what is no name at all is said by `checked`."""
    named: list[tuple[str, str, Any, list[str]]] = []  # column, what its row is known by, what is named, what there is
    for field in ("groups", "earmarked"):
        listed = values.get(field)
        for at, one in enumerate(listed if isinstance(listed, list) else ()):
            by = one.get("by") if isinstance(one, dict) else None
            if isinstance(by, str) and by in get_args(Partner):
                partners = sorted(set(sites.frame[by].dropna())) if by in sites.frame else []
                named.append((f"{field}.{at}.name", f"{field}.{at}.name", one.get("name"), partners))
    known = {"sites": list(sites.site_ids), "months": list(sites.site_ids)}
    if not sites.has_need:  # else no weights may be stated at all, which is said where the need is weighed
        known["need_weights"] = list(sites.weights)
    for field, names in known.items():
        chosen = values.get(field)
        named += [(field, f"{field}.{name}", name, names) for name in (chosen if isinstance(chosen, dict) else ())]
    faults = []
    for column, place, name, names in named:
        if isinstance(name, str) and name and name not in names:
            expected = texts.one_of(name, names)
            if column == place:  # a partner: in quotes and whole, to be copied, as such names hold commas
                expected = texts.one_of(texts.given(name, 200), [texts.given(one, 200) for one in names])
            others = [one for field, _, one, _ in named if field == column and one not in names]
            said = texts.text("There is no {name} in this city.", name=texts.given(name, 200))
            if column in ("sites", "months"):
                said = texts.text("These sites do not belong to this city: {sites}.", sites=", ".join(map(str, others)))
            faults.append(Fault(file, rows.get(place), column, texts.given(name), expected, said))
    return faults


def _shown(value: Any) -> Any:
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


_PARTS: dict[str, type[BaseModel]] = {"groups": Group, "earmarked": Earmark, "sites": SiteChoice}


def _fields(item: Mapping[str, Any]) -> list[str]:
    """Names that there are in the place of one that there is not."""
    return list(_PARTS.get(str(item["loc"][0]), Scenario).model_fields)


def _expected(item: Mapping[str, Any], texts: Texts, unit_of: str = "") -> str:
    """What a field should have been, in words, from pydantic's kind of error; limits with the unit of a field, if one is given."""
    kind, limits, field = item["type"], item.get("ctx") or {}, str(item["loc"][0]) if item["loc"] else ""
    if kind == "extra_forbidden":
        return texts.one_of(item["loc"][-1], _fields(item))
    if kind == "missing":
        return texts.text("a value")
    if kind == "model_type" and field in _PARTS:
        return texts.text("fields with their values: {values}", values=", ".join(_PARTS[field].model_fields))
    if kind == "dict_type" and field == "sites":
        return texts.text("names of sites with their changes")
    if kind in ("literal_error", "enum"):
        values = (
            ", ".join(STATUSES)
            if field in ("committed", "excluded")
            else str(limits["expected"]).replace("'", "").replace(" or ", ", ")
        )
        return texts.text("one of {values}", values=values)
    for name, sentence in (
        ("ge", mark("at least {value}")),
        ("gt", mark("more than {value}")),
        ("le", mark("at most {value}")),
    ):
        if name in limits:
            limit = in_unit(limits[name], unit_of, texts) if unit_of else texts.number(limits[name])
            return texts.text(sentence, value=limit)
    if kind == "value_error":
        reason = str(limits["error"])
        return texts.text(reason)
    if kind == "string_pattern_mismatch":
        return texts.text("a name of a-z, 0-9 and -")
    if kind.startswith("float") and not any(str(part).endswith("_eur") for part in item["loc"]):
        return texts.text("a number as in 0.5")
    words = {
        "int": mark("a whole number"),
        "float": mark("a number as in 80000"),
        "finite": mark("a finite number"),
        "string_too_long": mark("a shorter text"),
        "string": mark("a text"),
        "dict": mark("names with a weight each"),
        "tuple": mark("a list"),
        "too_long": mark("a shorter list"),
    }
    for start, sentence in words.items():
        if kind.startswith(start):
            return texts.text(sentence)
    return str(item["msg"])


# --- YAML -----------------------------------------------------------------------------------------------------------


class _PlainLoader(yaml.SafeLoader):
    """YAML as PyYAML reads it, but for dates; `read_yaml` refuses what a scenario has no use for before anything is built."""

    # No field is a date, and a title may well be one: it is text, also where no calendar has it (2021-02-30).
    yaml_implicit_resolvers: ClassVar = {
        first: [one for one in found if one[0] != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class _PlainDumper(yaml.SafeDumper):
    """YAML that `read_yaml` takes back."""


def _unambiguous_number(dumper: yaml.SafeDumper, value: float) -> yaml.ScalarNode:
    node = dumper.represent_float(value)
    if LONE_GROUP.fullmatch(node.value):
        node.value += "0"  # 1.125 would be refused, as it may be a thousand
    return node


def _visible_text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    # Line ends such as U+0085 would come back as others, unless they are escaped.
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if value.isprintable() else '"')


_PlainDumper.add_representer(float, _unambiguous_number)
_PlainDumper.add_representer(str, _visible_text)


def yaml_text(values: Mapping[str, Any]) -> str:
    """Write plain values as YAML that `read_yaml` takes back."""
    return yaml.dump(dict(values), Dumper=_PlainDumper, allow_unicode=True, sort_keys=False)


_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)


def read_yaml(path: Path, texts: Texts) -> tuple[dict[str, Any], dict[str, int]]:
    """Read field and value pairs, and the row of each field.

    Raises
    ------
    ScenarioError
        The file cannot be read, is no plain YAML, or holds what a person and YAML read differently.
    """
    values, rows, faults = _read_pairs(path, texts)
    if faults:
        raise ScenarioError(faults, texts, path.name)
    return values, rows


def _read_pairs(path: Path, texts: Texts) -> tuple[dict[str, Any], dict[str, int], list[Fault]]:
    """Read as `read_yaml` does, but give what a person and YAML read differently as faults beside the pairs."""
    file = path.name

    def refuse(row: int | None, column: str | None, given: str, expected: str) -> ScenarioError:
        return ScenarioError([Fault(file, row, column, given, expected)], texts, file)

    try:
        with path.open("rb") as source:
            raw = source.read(MAX_YAML_BYTES + 1)
        if len(raw) > MAX_YAML_BYTES:
            expected = texts.text("a file of at most {n} bytes", n=texts.number(MAX_YAML_BYTES))
            raise refuse(None, None, texts.text("a larger file"), expected)
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise refuse(None, None, texts.text("a file in another encoding"), texts.text("a text file in UTF-8")) from None
    except FileNotFoundError:
        raise refuse(None, None, texts.text("no such file"), texts.text("a scenario file")) from None
    except OSError as error:
        raise refuse(None, None, system_reason(error, texts), texts.text("a readable file")) from None
    try:
        depth = 0
        for token in yaml.scan(text, Loader=_PlainLoader):
            row = token.start_mark.line + 1
            depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
            if depth > MAX_YAML_DEPTH:
                raise refuse(row, None, texts.text("more levels"), texts.text("at most {n} levels", n=MAX_YAML_DEPTH))
            if isinstance(token, (yaml.AnchorToken, yaml.AliasToken)):
                raise refuse(row, None, f"&{token.value}", texts.text("values written out, no anchors"))
            if isinstance(token, (yaml.TagToken, yaml.DirectiveToken)):
                raise refuse(row, None, texts.given(str(token.value)), texts.text("plain values, no tags"))
        root = yaml.compose(text, Loader=_PlainLoader)
    except yaml.YAMLError as error:
        row, given = _unreadable_row(error, text)
        raise refuse(row, None, texts.given(given), texts.text(_VALID_YAML)) from None
    if not isinstance(root, yaml.MappingNode):
        given = texts.text("an empty file") if root is None else texts.given(str(root.value))
        if isinstance(root, yaml.SequenceNode):
            given = texts.text("a list")
        raise refuse(1, None, given, texts.text("field: value, one a row"))
    faults = [Fault(file, *found) for found in _misreadings(root, (), texts)]
    _keep_names(root)
    loader = _PlainLoader(text)
    try:
        values = loader.construct_document(root)
    except (yaml.YAMLError, ValueError) as error:
        if faults:  # such as a number of thousands of digits
            raise ScenarioError(faults, texts, file) from None
        row, given = _unreadable_row(error, text)
        raise refuse(row, None, texts.given(given), texts.text(_VALID_YAML)) from None
    finally:
        loader.dispose()
    return values, _rows(root, ()), faults


_SUFFIX = ".yaml"
_VALID_YAML = mark("valid YAML: field: value, spaces to indent, quotes and brackets closed")


def _unreadable_row(error: Exception, text: str) -> tuple[int | None, str]:
    """Find the row of a file that is no YAML, and what stands there: the parser's own words are English and for programmers."""
    if isinstance(error, yaml.reader.ReaderError):  # a character that YAML does not allow
        return text.count("\n", 0, error.position) + 1, text[error.position : error.position + 1]
    if not isinstance(error, yaml.MarkedYAMLError):
        return None, str(error).splitlines()[0]
    # Without its colon, or a second quote, a row is only found out further on.
    begun = error.context in ("while scanning a simple key", "while scanning a quoted scalar")
    place = error.context_mark if begun else error.problem_mark
    rows = text.splitlines()
    if place is None or not rows:
        return None, text
    row = min(place.line + 1, len(rows))
    return row, rows[row - 1].rstrip()


def _keep_names(node: Any) -> None:
    """Leave out what is under no name, which was told as a fault, so that the rest can be checked."""
    if isinstance(node, yaml.MappingNode):
        node.value = [(key, part) for key, part in node.value if key.tag.endswith(":str")]
        for _, part in node.value:
            _keep_names(part)
    elif isinstance(node, yaml.SequenceNode):
        for part in node.value:
            _keep_names(part)


def _rows(node: Any, path: tuple[str, ...]) -> dict[str, int]:
    """Row of each field, by its name; of a field within others by all their names with points, numbers in a list."""
    found: dict[str, int] = {}
    if isinstance(node, yaml.MappingNode):
        for key, part in node.value:
            inner = (*path, key.value)
            found |= {".".join(inner): key.start_mark.line + 1} | _rows(part, inner)
    elif isinstance(node, yaml.SequenceNode):
        for at, part in enumerate(node.value):
            inner = (*path, str(at))
            found |= {".".join(inner): part.start_mark.line + 1} | _rows(part, inner)
    return found


def _written(key: Any) -> str:
    """Give a name as it stands in the file."""
    mark = key.start_mark
    return key.value if isinstance(key, yaml.ScalarNode) else mark.buffer[mark.pointer : key.end_mark.pointer]


def _misreadings(node: Any, path: tuple[str, ...], texts: Texts) -> Iterable[tuple[int, str | None, str, str]]:
    """Row, column, given and expected of what YAML reads otherwise than a person means.

    80.000 as eighty, 1:30 as ninety, 010 as eight, the last of two equal keys, ``<<`` as another mapping's keys.
    """
    row, column = node.start_mark.line + 1, ".".join(path)
    if isinstance(node, yaml.MappingNode):
        seen = set()
        for key, part in node.value:
            name = key.value if key.tag.endswith(":str") else texts.given(_written(key))
            inner = (*path, name)
            if name != key.value:
                yield key.start_mark.line + 1, column or None, name, texts.text("a name")
            elif name in seen:
                given = texts.text("the field a second time")
                yield key.start_mark.line + 1, ".".join(inner), given, texts.text("each field only once")
            seen.add(name)
            yield from _misreadings(part, inner, texts)
    elif isinstance(node, yaml.SequenceNode):
        for at, part in enumerate(node.value):
            yield from _misreadings(part, (*path, str(at)), texts)
    elif node.style is None:
        value = node.value
        if LONE_GROUP.fullmatch(value):
            whole, part = value.split(".")
            yield row, column, texts.given(value), ambiguous(whole, part, texts)
        elif node.tag.endswith((":int", ":float")):
            if ":" in value or re.match(r"[+-]?0[0-9xb_]", value):
                yield row, column, texts.given(value), texts.text("a number as in 80000")
            elif column != "inequality_aversion" and not math.isfinite(float(re.sub(r"[_]|\.(?=[a-zA-Z])", "", value))):
                yield row, column, texts.given(value), texts.text("a finite number")
