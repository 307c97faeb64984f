"""The quality dialogue as tables for people: goals, what the sites reported, what they said, and what was agreed.

Whatever this module gives may leave the administration: small counts of people are hidden, and so are those that give them away
(`disclosure`). Changes and totals are made of what is shown, or are themselves among what is kept. Reports that are made up for
demonstration are only given when asked for, and every table and sentence says so.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

from quartier.data import DEMONSTRATION, Sites
from quartier.disclosure import HIDDEN, Published, Tables, protect, totals
from quartier.evidence import learn
from quartier.figures import plot_dialogue, plot_evidence
from quartier.language import LANGUAGES, PlainError, Texts
from quartier.report import each_or_why
from quartier.whatif import what_moved

if TYPE_CHECKING:
    import pandas as pd

    from quartier.scenario import Scenario

SMALL_BELOW = 5
"""Threshold where the programme has no row ``small_count_below``, persons: counts from 1 to 4 are hidden."""

_PEOPLE = "people"


def goals(sites: Sites, language: str = LANGUAGES[0]) -> pd.DataFrame:
    """Goals of the dialogue with their indicators: what is counted, in which unit, and who reports it.

    Raises
    ------
    PlainError
        The data describe no indicators of the dialogue.
    """
    kinds = _kinds(sites, Texts(language))
    fields = sites.table("goals").set_index("goal_id")
    frame = kinds.assign(goal=kinds["goal_id"].map(fields["field"]), aim=kinds["goal_id"].map(fields["name"]))
    frame["counted"] = kinds[f"name_{language}"]
    return frame[["goal", "aim", "counted", "unit", "reported_by", "basis"]].reset_index(drop=True)


def dialogue(
    sites: Sites, year: int | None = None, demonstration: bool = False, language: str = LANGUAGES[0]
) -> Dialogue:
    """Give what the sites reported for a year, with small counts hidden.

    Parameters
    ----------
    sites : Sites
        Sites read from a folder with the tables of the quality dialogue.
    year : int, optional
        Year that was reported on; by default the latest.
    demonstration : bool
        Whether the made-up reports are meant, not the reports of the sites.
    language : str
        Language of names and sentences.

    Raises
    ------
    PlainError
        There are no reports, none for this year, or a count of people is not whole.
    """
    texts = Texts(language)
    _kinds(sites, texts)
    name = f"{DEMONSTRATION if demonstration else ''}reports"
    found = sites.tables.get(name)
    if found is None or found.empty:
        if demonstration:
            raise PlainError(texts.text("These data hold no made-up reports to try the quality dialogue with."))
        raise PlainError(texts.text("No site has reported yet: these data hold no reports of the quality dialogue."))
    years = sorted({int(one) for one in found["year"]})
    if year is not None and year not in years:
        raise PlainError(
            texts.text(
                "There are no reports for {year}, only for {years}.",
                year=year,
                years=texts.listing(map(str, years)),
            )
        )
    return Dialogue(sites, years[-1] if year is None else year, demonstration, language)


def dialogue_views(sites: Sites, scenario: Scenario) -> dict[str, Any]:
    """Give everything that a notebook shows of the dialogue and of what is learnt from it; made up where nobody has reported.

    Parameters
    ----------
    sites : Sites
        Sites read from a folder.
    scenario : Scenario
        Gives the language, and the plan that what was learnt would move.

    Returns
    -------
    dict of str to DataFrame, list of DataFrame, Axes, str or PlainError
        ``goals``, ``sentences``, ``reached`` (a picture), ``totals``, ``by_site`` (a table a goal), ``texts``, ``measures``, ``learnt``,
        ``evidence`` (a picture), ``moved``; where something is not known of the city, the reason in its place, to be shown like a
        table.
    """
    language, is_made_up = scenario.language, "reports" not in sites.tables
    origin: Literal["demonstration", "quality"] = "demonstration" if is_made_up else "quality"

    def told() -> Dialogue:
        return dialogue(sites, None, is_made_up, language)

    def moved() -> pd.DataFrame:
        frame = what_moved(sites, scenario.replace(response_from=origin))
        if is_made_up:
            frame.attrs["caption"] = told().mark_sentence
        return frame

    make: dict[str, Callable[[], Any]] = {
        "goals": lambda: goals(sites, language),
        "sentences": lambda: "\n".join(told().sentences()),
        "reached": lambda: plot_dialogue(told().reached(), language=language),
        "totals": lambda: told().totals().drop(columns="indicator"),
        "by_site": lambda: [told().by_site(goal) for goal in told().goal_ids],
        "texts": lambda: told().texts().drop(columns="site_id"),
        "measures": lambda: told().measures().drop(columns=["measure_id", "site_id"]),
        "learnt": lambda: "\n".join(learn(sites, origin).sentences(language)),
        "evidence": lambda: plot_evidence(learn(sites, origin), language=language),
        "moved": moved,
    }
    return each_or_why(make)


def _kinds(sites: Sites, texts: Texts) -> pd.DataFrame:
    """Indicators by key, in the order of the data."""
    found = sites.tables.get("dialogue_indicators")
    if found is None or found.empty or "goals" not in sites.tables:
        raise PlainError(texts.text("These data describe no indicators of the quality dialogue."))
    return found.set_index("indicator", drop=False)


@dataclasses.dataclass(frozen=True)
class Dialogue:
    """What the sites reported for one year; made by `dialogue`, which checks that there is something.

    In every table the string `HIDDEN` stands for a count that is kept secret, a missing value for one that nobody reported.

    Attributes
    ----------
    sites : Sites
        The sites and the tables of the dialogue.
    year : int
        Year that was reported on.
    demonstration : bool
        Whether all of it is made up.
    language : str
        Language of names and sentences.
    """

    sites: Sites
    year: int
    demonstration: bool
    language: str

    @property
    def _texts(self) -> Texts:
        """Texts of the language."""
        return Texts(self.language)

    @property
    def below(self) -> int:
        """Threshold of small counts, persons."""
        return threshold(self.sites)

    @property
    def mark_sentence(self) -> str:
        """Say that all of this is made up; empty where it is not."""
        if not self.demonstration:
            return ""
        return self._texts.text("Assumed, made up for demonstration: no site has reported this.")

    def hidden_sentence(self, sign: str = HIDDEN) -> str:
        """Say what the sign for a hidden count means."""
        return self._texts.text(
            "{sign} means: kept secret. These are counts of people from 1 to {most}, and others from which one could work them out.",
            sign=sign,
            most=self.below - 1,
        )

    @property
    def goal_ids(self) -> tuple[str, ...]:
        """Goals that something was reported for, in the order of the data."""
        kinds = _kinds(self.sites, self._texts)
        there = set(kinds.loc[kinds["indicator"].isin(self._reports(self.year)["indicator"]), "goal_id"])
        return tuple(str(goal) for goal in self.sites.table("goals")["goal_id"] if goal in there)

    @property
    def site_names(self) -> dict[str, str]:
        """Name of each site that reported for this year or the year before, by id, in the order of the data."""
        names = self.sites.table("sites").set_index("site_id")["name"]
        there = set(self._reports(self.year)["site_id"]) | set(self._reports(self.year - 1)["site_id"])
        order = dict.fromkeys([*self.sites.site_ids, *names.index])
        return {str(site_id): str(names[site_id]) for site_id in order if site_id in there}

    def figures(self) -> pd.DataFrame:
        """Every reported figure beside last year's: one row an indicator and site.

        Returns
        -------
        DataFrame
            ``goal, counted, name, value, last_year, change, unit, basis, indicator, site_id``; figures in `unit`. The change is only
            there where both figures are shown.
        """
        import pandas as pd

        now, before = self._figures(self.year), self._figures(self.year - 1)
        rows = []
        for indicator, kind in self._described():
            for site_id, name in self.site_names.items():
                key = (site_id, indicator)
                if key in now or key in before:
                    rows.append({**kind, "name": name, **_beside(now.get(key), before.get(key)), "site_id": site_id})
        return self._told(pd.DataFrame(rows, columns=[*_FIGURES, "indicator", "site_id"]))

    def reached(self) -> pd.DataFrame:
        """Rows of `figures` on people reached, which `plot_dialogue` draws; none where no indicator has that role."""
        kinds = _kinds(self.sites, self._texts)
        found = self.figures()
        rows = found[found["indicator"].isin(kinds.index[kinds["role"] == _PEOPLE])]
        return self._told(rows.reset_index(drop=True))

    def totals(self) -> pd.DataFrame:
        """Sum of each indicator over the sites that reported it, beside last year's: one row an indicator.

        Returns
        -------
        DataFrame
            ``goal, counted, value, last_year, change, unit, sites, basis, indicator``; `sites` is how many are in the sum. The change is
            only there where both sums are shown and the same sites are in them.
        """
        import pandas as pd

        now, before = self._figures(self.year), self._figures(self.year - 1)
        rows = []
        for indicator, kind in self._described():
            there = {site for site, one in now if one == indicator and site is not None}
            former = {site for site, one in before if one == indicator and site is not None}
            if not there and not former:
                continue
            figures = _beside(now.get((None, indicator)), before.get((None, indicator)))
            if there != former:
                figures["change"] = None
            rows.append({**kind, **figures, "sites": len(there)})
        columns = [column for column in _FIGURES if column not in ("name", "basis")]
        return self._told(pd.DataFrame(rows, columns=[*columns, "sites", "basis", "indicator"]))

    def by_site(self, goal_id: str) -> pd.DataFrame:
        """Figures of one goal as people like to read them: a row a site, a column an indicator, the totals last.

        Raises
        ------
        PlainError
            There is no such goal.
        """
        import pandas as pd

        kinds = _kinds(self.sites, self._texts)
        known = [str(one) for one in self.sites.table("goals")["goal_id"]]
        if goal_id not in known:
            raise PlainError(
                self._texts.text(
                    "There is no goal {given}, only {known}.",
                    given=self._texts.given(goal_id),
                    known=self._texts.listing(known),
                )
            )
        now = self._figures(self.year)
        chosen = [key for key in kinds.index[kinds["goal_id"] == goal_id] if (None, key) in now]
        names = {site: name for site, name in self.site_names.items() if any((site, key) in now for key in kinds.index)}
        rows: dict[str, list[Any]] = {"name": [*names.values(), self._texts.text("Sum")]}
        decimals: dict[str, int] = {}
        for key in chosen:
            column = [now.get((site, key)) for site in [*names, None]]
            # Rows and their sum with the same decimals: rounded one by one, they would not add up.
            if any(isinstance(one, float) and not one.is_integer() for one in column):
                decimals[key] = 2
            rows[key] = [
                one if one is None or isinstance(one, str) else round(one, decimals.get(key)) for one in column
            ]
        frame = self._told(pd.DataFrame(rows, dtype=object))
        field = self.sites.table("goals").set_index("goal_id")["field"][goal_id]
        frame.attrs["caption"] = f"{field}. {frame.attrs['caption']}"
        frame.attrs |= {"site_ids": tuple(names), "decimals": decimals}  # ids of all rows but the last
        called = kinds[f"name_{self.language}"]
        frame.attrs["headings"] = {
            key: called[key] if kinds["unit"][key] in called[key] else f"{called[key]} ({kinds['unit'][key]})"
            for key in chosen
        }
        return frame

    def texts(self) -> pd.DataFrame:
        """What the sites wrote, ``name, kind, text, basis, site_id``: their own words, to be read before they are passed on."""
        found = self._of_year("report_texts")
        if found is None:
            return self._told(_empty("name", "kind", "text", "basis", "site_id"))
        frame = found.assign(name=self._named(found["site_id"]), text=found["text"].map(inert))
        return self._told(frame[["name", "kind", "text", "basis", "site_id"]].reset_index(drop=True))

    def measures(self) -> pd.DataFrame:
        """What was agreed: measures of this year, and those of years before that are still open.

        Returns
        -------
        DataFrame
            ``name, text, owner, due_date, state, year, basis, measure_id, site_id``; `year` is when it was agreed.
        """
        columns = ["name", "text", "owner", "due_date", "state", "year", "basis", "measure_id", "site_id"]
        found = self._table("measures")
        if found is None:
            return self._told(_empty(*columns))
        years = found["year"].astype(int)
        found = found[(years == self.year) | ((years < self.year) & (found["state"] == "open"))]
        frame = found.assign(
            name=self._named(found["site_id"]),
            text=found["text"].map(inert),
            owner=found["owner"].map(inert),
            year=found["year"].astype(int).astype(str),
        )
        return self._told(frame[columns].reset_index(drop=True))

    def without_report(self) -> pd.DataFrame:
        """Signed sites that have not reported for this year: ``name, provider, housing_company``, index site_id."""
        frame = self.sites.frame
        missing = (frame["status"] == "signed") & ~frame.index.isin(self._reports(self.year)["site_id"])
        return self._told(frame.loc[missing].reindex(columns=["name", "provider", "housing_company"]))

    def sentences(self) -> list[str]:
        """Say in the language what was reported, who is missing, what changed, what was agreed and what is hidden."""
        return list(self._sentences())

    def _sentences(self) -> Iterator[str]:
        texts = self._texts
        if self.demonstration:
            yield self.mark_sentence
        signed = self.sites.frame.index[self.sites.frame["status"] == "signed"]
        missing = self.without_report()
        yield texts.text(
            "For {year}, {n} of {total} site with an agreement has reported.",
            plural="For {year}, {n} of {total} sites with an agreement have reported.",
            n=len(signed) - len(missing),
            year=self.year,
            total=len(signed),
        )
        if len(missing):
            yield texts.text("No report yet: {sites}.", sites=texts.listing(missing["name"]))
        yield from self._people_sentences()
        agreed = self.measures()
        if len(agreed):
            still = int((agreed["state"] == "open").sum())
            yield texts.text(
                "{n} agreed measure is still open.",
                plural="{n} agreed measures are still open.",
                n=still,
            )
        if self._published(self.year).hidden or self._published(self.year - 1).hidden:
            yield self.hidden_sentence()

    def _people_sentences(self) -> Iterator[str]:
        """Say how many people were reached in all, and how many more than in the year before."""
        texts, kinds, sums = self._texts, _kinds(self.sites, self._texts), self.totals()
        sums = sums[sums["indicator"].isin(kinds.index[kinds["role"] == _PEOPLE])]
        for row in sums.to_dict("records"):
            if isinstance(row["value"], str) or _is_missing(row["value"]):
                continue
            yield texts.text(
                "{counted}: {people}, added up over {n} site. Whoever came to several counts several times.",
                plural="{counted}: {people}, added up over {n} sites. Whoever came to several counts several times.",
                n=int(row["sites"]),
                counted=row["counted"],
                people=texts.number(row["value"]),
            )
            if not _is_missing(row["change"]):
                n, year = texts.number(abs(row["change"])), self.year - 1
                if row["change"] >= 0:
                    yield texts.text("That is {n} more than in {year}.", n=n, year=year)
                else:
                    yield texts.text("That is {n} fewer than in {year}.", n=n, year=year)

    # --- what is behind ---

    def _table(self, name: str) -> pd.DataFrame | None:
        return self.sites.tables.get(f"{DEMONSTRATION if self.demonstration else ''}{name}")

    def _of_year(self, name: str) -> pd.DataFrame | None:
        found = self._table(name)
        return None if found is None else found[found["year"].astype(int) == self.year]

    def _reports(self, year: int) -> pd.DataFrame:
        """Raw reports of a year: they stay in this module."""
        found = self._table("reports")
        assert found is not None  # `dialogue` has looked
        return found[(found["year"].astype(int) == year) & found["value"].notna()]

    def _published(self, year: int) -> Published:
        return published(self.sites, year, self.demonstration)

    def _figures(self, year: int) -> dict[tuple[str | None, str], float | str]:
        """Give figures by site (None: all that reported it) and indicator, counts of people protected."""
        shown: dict[tuple[str | None, str], float | str] = {}
        reports = self._reports(year)
        for row in reports.to_dict("records"):
            shown[str(row["site_id"]), str(row["indicator"])] = float(row["value"])
        for indicator, part in reports.groupby("indicator", sort=False):
            shown[None, str(indicator)] = math.fsum(part["value"])
        kept = self._published(year)
        for key, count in kept.counts.items():
            if key not in kept.untold:
                assert isinstance(key, tuple)
                shown[key] = HIDDEN if count is None else float(count)
        return shown

    def _described(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Give each indicator with what a row says of it."""
        kinds = _kinds(self.sites, self._texts)
        fields = self.sites.table("goals").set_index("goal_id")["field"]
        basis = self._reports(self.year).groupby("indicator")["basis"].agg(_weakest)
        for indicator, kind in kinds.iterrows():
            yield (
                str(indicator),
                {
                    "goal": fields.get(kind["goal_id"]),
                    "counted": kind[f"name_{self.language}"],
                    "unit": kind["unit"],
                    "basis": basis.get(indicator),
                    "indicator": str(indicator),
                },
            )

    def _named(self, site_ids: pd.Series) -> pd.Series:
        return site_ids.map(self.sites.table("sites").set_index("site_id")["name"])

    def _told(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Let a table's caption say its year, whether it is made up, and what the sign for hidden means where it stands."""
        has_hidden = bool((frame.map(lambda value: isinstance(value, str) and value == HIDDEN)).to_numpy().any())
        head = self._texts.text("Quality dialogue {year}.", year=self.year)
        parts = (head, self.mark_sentence, self.hidden_sentence() if has_hidden else "")
        in_words = self.hidden_sentence(self._texts.given(self._texts.text("secret"))) if has_hidden else ""
        caption = " ".join(part for part in parts if part)
        frame.attrs = {"year": self.year, "mark": self.mark_sentence, "hidden": in_words, "caption": caption}
        return frame


_FIGURES = ("goal", "counted", "name", "value", "last_year", "change", "unit", "basis")


def threshold(sites: Sites) -> int:
    """Count of people from which on it is shown: the programme's row ``small_count_below``, or `SMALL_BELOW`."""
    programme = sites.tables.get("programme")
    rows = {} if programme is None else dict(zip(programme["rule"], programme["value"], strict=True))
    value = rows.get("small_count_below")
    return SMALL_BELOW if value is None or _is_missing(value) else math.ceil(value)


def published(sites: Sites, year: int, demonstration: bool = False) -> Published:
    """Counts of people of a year as they may leave the administration, by (site, indicator); the totals have the site None.

    Hidden is what the tables of this year ask for: no table adds up years. So a year looks the same the year after.

    Raises
    ------
    PlainError
        A count of people is not whole, or an indicator is a part of something that is none.
    """
    key = f"dialogue {year} {demonstration}"
    if key not in sites.cache:
        sites.cache[key] = _protected(sites, year, demonstration)
    found = sites.cache[key]
    assert isinstance(found, Published)
    return found


def counts(sites: Sites, year: int, demonstration: bool = False) -> Tables:
    """Raw counts of people of a year, with their totals: not for anybody outside.

    Raises
    ------
    PlainError
        As `published`.
    """
    texts = Texts()
    kinds = _kinds(sites, texts)
    reports = sites.tables.get(f"{DEMONSTRATION if demonstration else ''}reports")
    people = kinds.index[kinds["kind"] == _PEOPLE]
    given: dict[tuple[Any, Any], int] = {}
    faults = []
    if reports is not None:
        reports = reports[(reports["year"].astype(int) == year) & reports["indicator"].isin(people)]
        for row in reports.dropna(subset=["value"]).to_dict("records"):
            given[row["site_id"], row["indicator"]] = int(row["value"])
            if row["value"] != int(row["value"]):
                faults.append(f"{row['site_id']}, {row['indicator']}, {year}: {texts.number(row['value'], 2)}")
    if faults:
        raise PlainError(
            texts.text("People are counted in whole numbers, these are not: {faults}", faults="; ".join(faults))
        )
    return totals(given, _parts(kinds, set(people), texts))


def _parts(kinds: pd.DataFrame, people: set[str], texts: Texts) -> dict[Any, Any]:
    """Give the indicator that each one is a part of, where the data say so."""
    if "part_of" not in kinds:
        return {}
    parts = {key: whole for key, whole in kinds["part_of"].items() if key in people and not _is_missing(whole)}
    unknown = sorted({str(whole) for whole in parts.values()} - people)
    if unknown:
        raise PlainError(
            texts.text(
                "dialogue_indicators.csv, column part_of: given {given}, expected an indicator that counts people.",
                given=texts.listing(unknown),
            )
        )
    return parts


def _protected(sites: Sites, year: int, demonstration: bool) -> Published:
    """Hide what the counts of a year ask for; a provider knows the figures of its own sites."""
    raw = counts(sites, year, demonstration)
    frame = sites.frame
    providers: Mapping[Any, Any] = dict(frame["provider"]) if "provider" in frame else {}
    known: dict[Any, list[Any]] = {}
    for key in raw.counts:
        assert isinstance(key, tuple)
        if key[0] is not None:
            provider = providers.get(key[0])
            known.setdefault(key[0] if _is_missing(provider) else f"provider {provider}", []).append(key)
    return protect(raw, threshold(sites), list(known.values()))


def inert(text: Any) -> str | None:
    """Give a text of a site on one line and without control characters; what it means to a program is up to who writes it out."""
    if _is_missing(text):
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())


def _beside(now: float | str | None, before: float | str | None) -> dict[str, Any]:
    """Put a figure beside last year's; the change only where both are shown."""
    is_known = isinstance(now, float) and isinstance(before, float)
    return {"value": now, "last_year": before, "change": now - before if is_known else None}  # type: ignore[operator]


def _weakest(bases: pd.Series) -> str:
    return next((basis for basis in ("assumed", "derived") if (bases == basis).any()), "stated")


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _empty(*columns: str) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=list(columns))
