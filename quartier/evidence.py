r"""What reports teach about the response curve: effect scales with intervals, pooled over the sites of a city.

A report of site i in year t says how much money x (EUR) was spent and how many people were reached, out of those in reach: a
coverage p. The saturating curve of the plan (`quartier.benefit`), p = 1 - exp(-x / s), is then

    log(-log(1 - p)) = log x - log s        the complementary log-log link (McCullagh & Nelder 1989, section 4.3)

so that a binomial generalised linear model with the offset log x estimates -log s of each report, and its standard error
(statsmodels). Reports of one site and sites of one city resemble each other; they are pooled in part (Gelman & Hill 2007, ch. 12):

    estimated log s_it = log s_i + noise of the year + error of sampling        sigma^2, known v_it
    log s_i = log a_i + mu + b_i,   b_i ~ N(0, tau^2)                           a_i: the scale that the data assume
    mu ~ N(0, 0.7^2),  tau ~ half-normal(0.5),  sigma ~ half-normal(0.3)        assumptions, see `PRIOR`

Given tau and sigma all is Gaussian and known in closed form; over these two it is summed on a grid. No random numbers: the same
reports give the same bytes. docs/evidence.md has the formulas and what was checked.

References
----------
McCullagh, P., & Nelder, J. A. (1989). Generalized Linear Models. 2nd edition, Chapman & Hall.
Gelman, A., & Hill, J. (2007). Data Analysis Using Regression and Multilevel/Hierarchical Models. Cambridge.
Gelman, A. (2006). Prior distributions for variance parameters in hierarchical models. Bayesian Analysis 1(3), 515-534.
"""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from quartier.data import DEMONSTRATION
from quartier.language import PlainError, Texts, mark
from quartier.need import people_in_reach

if TYPE_CHECKING:
    import pandas as pd

    from quartier.data import Sites

Origin = Literal["quality", "demonstration"]


class Prior(NamedTuple):
    """What is held possible before any report: standard deviations of logarithms, without unit. Assumptions.

    Attributes
    ----------
    common : float
        Of how far the assumed scales are off together: 0.7 is a factor of 3.2 up or down, with 90 %.
    sites : float
        Of the half-normal distribution of how far the sites lie apart.
    years : float
        Of the half-normal distribution of how far the years of a site lie apart.
    """

    common: float = 0.7
    sites: float = 0.5
    years: float = 0.3


PRIOR = Prior()
"""Wide enough for a city that knows little, and no wider: a scale ten times as large or small as assumed is not expected."""

WIDE = 1.7
"""An interval whose upper end is more than this many times the lower is called wide: nearly a third up or down from its middle."""

SURE = 0.95
"""Probability from which a difference is called supported; both ends of a 90 % interval are then on one side."""

_ENDS = (0.05, 0.5, 0.95)
_NINETY = 1.6448536269514722  # standard deviations on either side of the mean that hold 90 %
_NODES = 31
_NEGLIGIBLE = (
    30.0  # nodes whose log-weight is this far below the highest add nothing that floats can hold to nine digits
)


def log_scales(people: ArrayLike, in_reach: ArrayLike, money_eur: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Estimate the logarithm of the effect scale of each report, and its standard error.

    Parameters
    ----------
    people, in_reach, money_eur : array_like, shape (m,)
        People reached, people in reach (at least 1, need not be whole), EUR (above 0). Nobody or everybody reached has no finite
        estimate: half a person is added or taken away there (Cox & Snell 1989, section 2.1).

    Returns
    -------
    tuple of ndarray, shape (m,)
        Log of EUR; standard error, without unit.
    """
    import statsmodels.api as sm
    from statsmodels.tools.sm_exceptions import PerfectSeparationWarning

    total = np.asarray(in_reach, dtype=float)
    share = np.clip(np.asarray(people, dtype=float), 0.5, total - 0.5) / total
    offset = np.log(np.asarray(money_eur, dtype=float))
    estimate, error = np.empty(len(total)), np.empty(len(total))
    family = sm.families.Binomial(link=sm.families.links.CLogLog())
    for rows in np.array_split(np.arange(len(total)), math.ceil(len(total) / 50)):  # reports do not share a parameter
        with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
            # One parameter a report fits it exactly: statsmodels takes that for a mistake, and divides by no degrees of freedom.
            warnings.simplefilter("ignore", PerfectSeparationWarning)
            model = sm.GLM(share[rows], np.eye(len(rows)), family=family, offset=offset[rows], var_weights=total[rows])
            fitted = model.fit(tol=1e-12, maxiter=200)
        estimate[rows], error[rows] = -fitted.params, fitted.bse
    return estimate, error


@dataclasses.dataclass(frozen=True, eq=False)
class Posterior:
    """What is known of the sites after the reports: Gaussian distributions, one a node of the grid over tau and sigma.

    Attributes
    ----------
    weight : ndarray, shape (k,)
        Probability of each node; adds up to 1.
    tau, sigma : ndarray, shape (k,)
        Spread of sites and of years at each node.
    common : tuple of ndarray, shape (k,)
        Mean and variance of mu.
    shrunk, own, rest : ndarray, shape (k, n)
        Of each of the n sites with reports: 1 - B, the part of mu in its mean; B times its own mean; variance that is left when mu
        is known.
    """

    weight: np.ndarray
    tau: np.ndarray
    sigma: np.ndarray
    common: tuple[np.ndarray, np.ndarray]
    shrunk: np.ndarray
    own: np.ndarray
    rest: np.ndarray

    def of_site(self, row: int) -> np.ndarray:
        """Lower end, median and upper end of a site with reports: log of the factor on its assumed scale."""
        mean, variance = self.common
        part = self.shrunk[:, row]
        return self._ends(part * mean + self.own[:, row], part**2 * variance + self.rest[:, row])

    def of_new_site(self) -> np.ndarray:
        """Lower end, median and upper end of a site without reports."""
        mean, variance = self.common
        return self._ends(mean, variance + self.tau**2)

    def of_all(self) -> np.ndarray:
        """Lower end, median and upper end of what the sites have in common: mu."""
        return self._ends(*self.common)

    def of_spread(self) -> tuple[float, float, float]:
        """Lower end, median and upper end of the spread of the sites: tau."""
        order = np.argsort(self.tau, kind="stable")
        below = np.cumsum(self.weight[order]) - self.weight[order] / 2
        low, middle, high = np.interp(_ENDS, below, self.tau[order])
        return float(low), float(middle), float(high)

    def above(self, row: int, others: Sequence[int]) -> tuple[float, float]:
        """Say how far a site is above the mean of some others with reports: mean, and probability that it is above at all."""
        mean, variance = self.common
        rest, own = list(others), self.own
        part = self.shrunk[:, row] - self.shrunk[:, rest].mean(axis=1)
        centre = part * mean + own[:, row] - own[:, rest].mean(axis=1)
        spread = part**2 * variance + self.rest[:, row] + self.rest[:, rest].sum(axis=1) / len(rest) ** 2
        return float(self.weight @ centre), float(self.weight @ _normal(centre / np.sqrt(spread)))

    def above_others(self, row: int) -> tuple[float, float]:
        """Say how far a site is above the mean of all others with reports, as `above`; there must be one."""
        return self.above(row, self._others(row))

    def stands_out(self, row: int) -> str:
        """Say whether a site is surely ``above`` or ``below`` the others, or ``none`` of both.

        A single site far off must not make all others differ: with three sites or more it has to hold, too, against the others without
        the one farthest away.
        """
        others = self._others(row)
        if len(others) > 1:
            farthest = max(others, key=lambda other: (abs(self.above(row, [other])[0]), other))
            rounds = [others, [other for other in others if other != farthest]]
        else:
            rounds = [others]
        sure = [self.above(row, one)[1] for one in rounds]
        return "above" if min(sure) >= SURE else "below" if max(sure) <= 1 - SURE else "none"

    def _others(self, row: int) -> list[int]:
        return [other for other in range(self.shrunk.shape[1]) if other != row]

    def _ends(self, mean: np.ndarray, variance: np.ndarray) -> np.ndarray:
        """Quantiles `_ENDS` of the mixture of N(mean, variance), by halving."""
        deviation = np.sqrt(variance)
        low = np.full(len(_ENDS), float(np.min(mean - 8 * deviation)))
        high = np.full(len(_ENDS), float(np.max(mean + 8 * deviation)))
        for _ in range(45):
            middle = (low + high) / 2
            below = _normal((middle[:, None] - mean) / deviation) @ self.weight < _ENDS
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return (low + high) / 2


def _normal(z: np.ndarray) -> np.ndarray:
    """Distribution function of the standard normal."""
    from scipy.special import ndtr

    return ndtr(z)


def pool(estimate: ArrayLike, error: ArrayLike, site: ArrayLike, prior: Prior = PRIOR) -> Posterior:
    """Pool the reports of sites in part: how far each site is from what was assumed, and how far they all are.

    Parameters
    ----------
    estimate, error : array_like, shape (m,)
        Of each report: log of the estimated scale over the assumed one, and its standard error.
    site : array_like of int, shape (m,)
        Row of its site, 0 to n - 1; each has a report.
    prior : Prior
        What is held possible before.

    Returns
    -------
    Posterior
        Of these n sites. Without a report (m = 0): what is held possible before.
    """
    y, v, at = np.asarray(estimate, float), np.asarray(error, float) ** 2, np.asarray(site, dtype=int)
    bounds = [(math.log(1e-4 * scale), math.log(5 * scale)) for scale in (prior.sites, prior.years)]
    for _ in range(2):  # on all that is possible; then on the part of it that the reports leave
        tau, sigma = (np.exp(np.linspace(*ends, _NODES)) for ends in bounds)
        posterior, height = _on_grid(y, v, at, tau, sigma, prior)
        keeps = height > height.max() - _NEGLIGIBLE
        bounds = [
            _around(nodes, keeps.any(axis=axis), ends)
            for nodes, axis, ends in ((tau, 1, bounds[0]), (sigma, 0, bounds[1]))
        ]
    return posterior


def _around(nodes: np.ndarray, keeps: np.ndarray, ends: tuple[float, float]) -> tuple[float, float]:
    """Give the logarithms of the nodes just outside those that are kept."""
    kept = np.flatnonzero(keeps)
    first, last = max(kept[0] - 1, 0), min(kept[-1] + 1, len(nodes) - 1)
    return (ends[0] if first == 0 else math.log(nodes[first])), (
        ends[1] if last == len(nodes) - 1 else math.log(nodes[last])
    )


def _on_grid(
    y: np.ndarray, v: np.ndarray, at: np.ndarray, tau: np.ndarray, sigma: np.ndarray, prior: Prior
) -> tuple[Posterior, np.ndarray]:
    """Give the posterior on a grid of tau and sigma, and the logarithm of the weights, shape (tau, sigma)."""
    n = int(at.max()) + 1 if at.size else 0
    member = np.zeros((len(at), n))
    member[np.arange(len(at)), at] = 1.0
    precision = 1.0 / (sigma[:, None] ** 2 + v)  # (sigma, reports)
    total = precision @ member  # (sigma, sites)
    mean = (precision * y) @ member / total
    # Likelihood of a site's reports is that of their weighted mean, times how well they agree with it.
    agree = 0.5 * np.log(precision).sum(axis=1) - 0.5 * np.log(total).sum(axis=1)
    agree -= 0.5 * (precision * (y - mean @ member.T) ** 2).sum(axis=1)
    square = tau[:, None, None] ** 2
    spread = square + 1.0 / total  # (tau, sigma, sites)
    sharpness = 1.0 / prior.common**2 + (1.0 / spread).sum(axis=2)
    common = (mean / spread).sum(axis=2) / sharpness
    height = agree - 0.5 * np.log(spread).sum(axis=2) - 0.5 * np.log(sharpness)
    height -= 0.5 * ((mean**2 / spread).sum(axis=2) - common**2 * sharpness)
    # Half-normal priors; the nodes are even in the logarithm, hence the factors tau and sigma.
    height += (np.log(tau) - 0.5 * (tau / prior.sites) ** 2)[:, None]
    height += np.log(sigma) - 0.5 * (sigma / prior.years) ** 2
    weight = np.exp(height - height.max()).ravel()
    kept = weight > math.exp(-_NEGLIGIBLE)
    to_own = square / spread
    rows = np.broadcast_arrays(tau[:, None], sigma)
    posterior = Posterior(
        weight=weight[kept] / weight[kept].sum(),
        tau=rows[0].ravel()[kept],
        sigma=rows[1].ravel()[kept],
        common=(common.ravel()[kept], 1.0 / sharpness.ravel()[kept]),
        shrunk=(1.0 - to_own).reshape(len(kept), n)[kept],
        own=(to_own * mean).reshape(len(kept), n)[kept],
        rest=(to_own / total).reshape(len(kept), n)[kept],
    )
    return posterior, height


# --- from a city's reports ------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Evidence:
    """What the reports of a city teach about its effect scales. Made by `learn`.

    Attributes
    ----------
    origin : str
        ``quality``: real reports of the dialogue; ``demonstration``: made-up ones.
    typical : tuple of float
        Of a typical site, EUR: assumed scale, lower end of the 90 % interval, median, upper end.
    spread : tuple of float
        How far the sites lie apart, beyond what is assumed: standard deviation of the logarithm; lower end, median, upper end.
    eur_per_hour : float
        EUR an hour of paid work, over all reports used that have hours; NaN where none has.
    years : tuple of int
        Years of the reports used, sorted.
    sites : Sites
        Whose they are.
    """

    origin: Origin
    typical: tuple[float, float, float, float]
    spread: tuple[float, float, float]
    eur_per_hour: float
    years: tuple[int, ...]
    sites: Sites = dataclasses.field(repr=False)
    _table: pd.DataFrame
    _used: pd.DataFrame
    _left_out: pd.DataFrame

    @property
    def is_made_up(self) -> bool:
        """Whether it rests on reports that were made up for demonstration."""
        return self.origin == "demonstration"

    @property
    def prior(self) -> Prior:
        """What was held possible before; assumptions."""
        return PRIOR

    @property
    def before(self) -> tuple[float, float]:
        """What was held possible of a typical site before any report: ends of the 90 % interval, EUR; an assumption."""
        reach = math.exp(_NINETY * PRIOR.common)
        return self.typical[0] / reach, self.typical[0] * reach

    @property
    def scale_eur(self) -> pd.Series:
        """Learned effect scale of each candidate, shape (n,), EUR, index site_id: the median, to four digits."""
        return self._table["learned_eur"].copy()

    def table(self) -> pd.DataFrame:
        """Give one row a candidate site, index ``site_id``.

        Returns
        -------
        DataFrame
            name; assumed_eur, learned_eur (median), low_eur, high_eur (90 % interval), EUR; reports (how many were used);
            probability_above (that its scale is above those of the other sites with reports, measured against what is assumed; NaN
            without reports); difference: ``above``, ``below``, ``hours`` (one that the paid hours explain), ``none`` (not
            supported by the reports), None without reports or others; eur_per_hour of its reports, EUR.
        """
        return self._table.copy()

    def reports(self) -> pd.DataFrame:
        """Give the reports used: year, site_id, money_eur, hours, people, in_reach, scale_eur (of this report alone, EUR)."""
        return self._used.copy()

    def left_out(self) -> pd.DataFrame:
        """Give the reports left out: year, site_id, reason (a key of `REASONS`)."""
        return self._left_out.copy()

    def is_wide(self) -> pd.Series:
        """Say of each site whether its interval is wide, shape (n,), of bool: see `WIDE`."""
        return (self._table["high_eur"] > WIDE * self._table["low_eur"]).rename("is_wide")

    def sentences(self, language: str = "de") -> list[str]:
        """Say what was learnt, how sure that is, whether sites differ, what was left out and what was assumed beforehand."""
        texts = Texts(language)
        return [
            *self._on_the_reports(texts),
            *self._on_the_scale(texts),
            *self._on_the_width(texts),
            *self._on_differences(texts),
            *self._on_the_left_out(texts),
            self.prior_sentence(texts),
        ]

    def made_up_sentence(self, texts: Texts) -> str:
        """Say that the reports are made up; empty where they are not."""
        if not self.is_made_up:
            return ""
        return texts.text("These reports are made up for demonstration: nothing of this is known of any site.")

    def _on_the_reports(self, texts: Texts) -> list[str]:
        table = self._table
        found = [
            texts.text(
                "Learnt from {n} report of {sites} ({years}).",
                plural="Learnt from {n} reports of {sites} ({years}).",
                n=len(self._used),
                sites=texts.text("{n} site", plural="{n} sites", n=int((table["reports"] > 0).sum())),
                years=texts.listing(map(str, self.years)),
            )
        ]
        return [*found, *filter(None, [self.made_up_sentence(texts)])]

    def _on_the_scale(self, texts: Texts) -> list[str]:
        assumed, low, middle, high = (texts.eur(_rounded(value, 3)) for value in self.typical)
        return [
            texts.text(
                "A typical site needs {middle} a year to reach 63% of the people in its reach; with a probability of 90% it is"
                " between {low} and {high}. Until now {assumed} were assumed.",
                middle=middle,
                low=low,
                high=high,
                assumed=assumed,
            )
        ]

    def _on_the_width(self, texts: Texts) -> list[str]:
        found, table, is_wide = [], self._table, self.is_wide()
        _, low, _, high = self.typical
        if high > WIDE * low:
            found.append(
                texts.text(
                    "That is little evidence: the interval of the typical site is wide, its upper end is {ratio} times the lower."
                    " The figures rest largely on what was assumed beforehand.",
                    ratio=texts.number(high / low, 1),
                )
            )
        reported = is_wide & (table["reports"] > 0)
        if reported.any():
            found.append(
                texts.text(
                    "Wide (the upper end is more than {ratio} times the lower) are the intervals of: {sites}.",
                    ratio=texts.number(WIDE, 1),
                    sites=texts.listing(table.loc[reported, "name"]),
                )
            )
        without = int((table["reports"] == 0).sum())
        if without:
            found.append(
                texts.text(
                    "{n} site without a report is taken to be like the others; its interval is wider.",
                    plural="{n} sites without a report are taken to be like the others; their intervals are wider.",
                    n=without,
                )
            )
        return found

    def _on_differences(self, texts: Texts) -> list[str]:
        table, found = self._table, []
        reports = texts.text("The made-up reports") if self.is_made_up else texts.text("The reports")
        reported = int((table["reports"] > 0).sum())
        if reported < 2:
            return [texts.text("Only one site has reported, so that nothing can be said of differences between sites.")]
        beyond = (
            ""
            if len(set(table["assumed_eur"])) == 1
            else " " + texts.text("Measured is each site against the scale that is assumed for it.")
        )
        for kind, sentence in (
            (
                "above",
                mark("{reports} suggest that {site} needs more money than the others for the same coverage ({sure})."),
            ),
            (
                "below",
                mark("{reports} suggest that {site} needs less money than the others for the same coverage ({sure})."),
            ),
        ):
            for _, row in table[table["difference"] == kind].iterrows():
                sure = row["probability_above"] if kind == "above" else 1 - row["probability_above"]
                shown = (
                    texts.text("probability above {sure}", sure=texts.percent(0.99, 0))
                    if sure > 0.99
                    else texts.text("probability {sure}", sure=texts.percent(sure, 0))
                )
                found.append(texts.text(sentence, reports=reports, site=row["name"], sure=shown))
        for _, row in table[table["difference"] == "hours"].iterrows():
            found.append(
                texts.text(
                    "{site} differs from the others, but the paid hours explain it: an hour costs {own} there and {all} over all"
                    " sites; for the same hours no difference is supported.",
                    site=row["name"],
                    own=texts.eur(round(row["eur_per_hour"], 2)),
                    all=texts.eur(round(self.eur_per_hour, 2)),
                )
            )
        if not found:
            return [
                texts.text(
                    "{reports} do not support a difference between the sites; what seems to be one may be chance.",
                    reports=reports,
                )
                + beyond
            ]
        rest = int((table["difference"] == "none").sum())
        if rest:
            found.append(
                texts.text(
                    "For the other site with reports no difference is supported.",
                    plural="For the other {n} sites with reports no difference is supported.",
                    n=rest,
                )
            )
        found[-1] += beyond
        return found

    def _on_the_left_out(self, texts: Texts) -> list[str]:
        counts = self._left_out["reason"].value_counts()
        parts = [
            texts.text("{n} ({reason})", n=int(counts[key]), reason=texts.text(reason))
            for key, reason in REASONS.items()
            if key in counts
        ]
        if not parts:
            return []
        return [
            texts.text(
                "{n} report was left out: {parts}.",
                plural="{n} reports were left out: {parts}.",
                n=len(self._left_out),
                parts=texts.listing(parts),
            )
        ]

    def prior_sentence(self, texts: Texts) -> str:
        """Say what was assumed before any report."""
        return texts.text(
            "Assumed beforehand: the scales in the data are together off by a factor of at most {common} (with 90%); the sites"
            " mostly differ from each other by a factor of less than {sites}, the years of a site by one of less than {years}.",
            **{name: texts.number(math.exp(_NINETY * value), 1) for name, value in PRIOR._asdict().items()},
        )


REASONS = {
    "hidden": mark("so few people reached that the count is not passed on"),
    "incomplete": mark("money or people reached are missing"),
    "nobody": mark("nobody was reached, which the curve cannot explain"),
    "no_money": mark("no money was spent"),
    "beyond_reach": mark("more people reached than there are in reach"),
    "no_candidate": mark("the site is no candidate"),
}
"""Why a report is left out."""


def learn(sites: Sites, from_: Origin = "quality", *, language: str = "de") -> Evidence:
    """Learn the effect scales of the sites from their reports.

    Where scales were changed by a planner, those in the data stay what the reports are held against.

    Parameters
    ----------
    sites : Sites
        Sites read from a folder.
    from_ : str
        ``quality``: the table ``reports``; ``demonstration``: ``demonstration_reports``, which are made up.
    language : str
        Language of the error, if there is one.

    Returns
    -------
    Evidence
        Kept with the sites: asking again costs nothing.

    Raises
    ------
    PlainError
        The sites have no such reports, or none that can be used; or the data do not say what counts as money and people.
    """
    key = f"evidence: {from_}"
    if key not in sites.cache:
        sites.cache[key] = _learn(sites, from_, Texts(language))
    return sites.cache[key]


def table_of(from_: str) -> str:
    """Name of the table with the reports: ``reports`` or ``demonstration_reports``.

    Raises
    ------
    PlainError
        It is neither of the two origins.
    """
    if from_ not in ("quality", "demonstration"):
        texts = Texts()
        known = texts.text("one of {values}", values="quality, demonstration")
        raise PlainError(
            texts.text(
                "{where}: given {given}, expected {expected}", where="from_", given=texts.given(from_), expected=known
            )
        )
    return "reports" if from_ == "quality" else f"{DEMONSTRATION}reports"


def _learn(sites: Sites, from_: Origin, texts: Texts) -> Evidence:
    import pandas as pd

    used, left_out = _reports(sites, from_, texts)
    assumed = _assumed_scales(sites)
    reporting = [site for site in sites.site_ids if site in set(used["site_id"])]
    at = used["site_id"].map(reporting.index).to_numpy()
    estimate, error = log_scales(used["people"], used["in_reach"], used["money_eur"])
    used["scale_eur"] = np.exp(estimate)
    against = estimate - np.log(used["site_id"].map(assumed).to_numpy(dtype=float))
    posterior = pool(against, error, at)
    factors = dict.fromkeys(sites.site_ids, posterior.of_new_site())
    factors |= {site: posterior.of_site(row) for row, site in enumerate(reporting)}
    per_hour, overall = _eur_per_hour(used)
    table = pd.DataFrame(
        {
            "name": sites.frame["name"],
            "assumed_eur": assumed,
            **{
                column: [_rounded(assumed[site] * math.exp(factors[site][end])) for site in sites.site_ids]
                for end, column in ((1, "learned_eur"), (0, "low_eur"), (2, "high_eur"))
            },
            "reports": used["site_id"].value_counts().reindex(sites.site_ids, fill_value=0).to_numpy(),
        },
        index=pd.Index(sites.site_ids, name="site_id"),
    )
    differences = _differences(used, posterior, against, error, at, overall)
    for column, values in zip(("probability_above", "difference"), zip(*differences, strict=True), strict=True):
        table[column] = pd.Series(dict(zip(reporting, values, strict=True)), dtype=object).reindex(table.index)
    table["probability_above"] = table["probability_above"].astype(float)
    table["difference"] = table["difference"].astype(object).where(table["difference"].notna(), None)
    table["eur_per_hour"] = per_hour.reindex(table.index)
    centre = math.exp(np.log(assumed).mean())
    low, middle, high = (centre * float(np.exp(end)) for end in posterior.of_all())
    return Evidence(
        origin=from_,
        typical=(centre, low, middle, high),
        spread=posterior.of_spread(),
        eur_per_hour=overall,
        years=tuple(sorted({int(year) for year in used["year"]})),
        sites=sites,
        _table=table,
        _used=used,
        _left_out=left_out,
    )


def _assumed_scales(sites: Sites) -> pd.Series:
    """Scale of each candidate as the data have it, EUR, whatever a planner made of it."""
    rules = sites.table("site_rules")
    return rules[rules["rule"] == "scale_eur"].set_index("site_id")["value"].reindex(sites.site_ids).astype(float)


def _reports(sites: Sites, from_: Origin, texts: Texts) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reports that can be used, in the order of years and sites, and those that cannot, with the reason."""
    import pandas as pd

    name = table_of(from_)
    if name not in sites.tables or sites.table(name).empty:
        raise PlainError(texts.text("There are no reports of the sites to learn from (table {table}).", table=name))
    rows, indicators = sites.table(name), _indicators(sites, texts)
    wide = rows.pivot(index=["year", "site_id"], columns="indicator", values="value")
    wide = wide.reindex(columns=list(indicators.values())).set_axis(list(indicators), axis=1).reset_index()
    wide["year"] = wide["year"].astype(int)
    place = {site: i for i, site in enumerate(sites.site_ids)}
    wide = wide.assign(place=wide["site_id"].map(place)).sort_values(["year", "place", "site_id"])
    wide["in_reach"] = wide["site_id"].map(people_in_reach(sites))
    below = _small_count_below(sites)
    reasons = np.select(
        [
            wide["place"].isna(),
            wide["money_eur"].isna() | wide["people"].isna(),
            (wide["people"] > 0) & (wide["people"] < below),
            wide["people"] == 0,
            wide["money_eur"] <= 0,
            (wide["people"] > wide["in_reach"] + 0.5) | (wide["in_reach"] < 1),
        ],
        ["no_candidate", "incomplete", "hidden", "nobody", "no_money", "beyond_reach"],
        default="",
    )
    columns = ["year", "site_id", "money_eur", "hours", "people", "in_reach"]
    used = wide.loc[reasons == "", columns].reset_index(drop=True)
    left_out = wide.assign(reason=reasons).loc[reasons != "", ["year", "site_id", "reason"]].reset_index(drop=True)
    if used.empty:
        why = texts.listing(texts.text(REASONS[key]) for key in REASONS if key in set(left_out["reason"]))
        raise PlainError(
            texts.text("None of the reports in the table {table} can be used: {reasons}.", table=name, reasons=why)
        )
    return used, pd.DataFrame(left_out)


def _indicators(sites: Sites, texts: Texts) -> dict[str, str]:
    """Which indicators hold money, hours and people; hours may be missing."""
    found = {}
    roles = sites.table("dialogue_indicators") if "dialogue_indicators" in sites.tables else None
    for role, column in (("money", "money_eur"), ("hours", "hours"), ("people", "people")):
        named = [] if roles is None else list(roles.loc[roles["role"] == role, "indicator"])
        if len(named) > 1 or (not named and role != "hours"):
            raise PlainError(
                texts.text(
                    "{where}: given {given}, expected {expected}",
                    where=f"dialogue_indicators.csv, role {role}",
                    given=texts.given(", ".join(named)),
                    expected=texts.text("one indicator"),
                )
            )
        found[column] = named[0] if named else ""
    return found


def _small_count_below(sites: Sites) -> float:
    """Count of people from which on it is passed on; 0 where the city states none."""
    value = sites.table("programme").set_index("rule")["value"].get("small_count_below", math.nan)
    return 0.0 if math.isnan(value) else float(value)


def _eur_per_hour(used: pd.DataFrame) -> tuple[pd.Series, float]:
    """EUR an hour of each site with hours, and over all sites."""
    with_hours = used[used["hours"] > 0]
    sums = with_hours.groupby("site_id")[["money_eur", "hours"]].sum()
    total = sums.sum()
    return sums["money_eur"] / sums["hours"], float(total["money_eur"] / total["hours"]) if len(sums) else math.nan


def _differences(
    used: pd.DataFrame,
    posterior: Posterior,
    against: np.ndarray,
    error: np.ndarray,
    at: np.ndarray,
    eur_per_hour: float,
) -> list[tuple[float, str | None]]:
    """Say of each site with reports how probable it is above the others, and what that supports."""
    n = int(at.max()) + 1
    if n < 2:
        return [(math.nan, None)]
    found = [posterior.above_others(row) for row in range(n)]
    kinds = [posterior.stands_out(row) for row in range(n)]
    hours = used["hours"].to_numpy(dtype=float)
    if set(kinds) != {"none"} and (hours > 0).all():
        # As if every hour cost the same: what is left then is a difference for the same work.
        same = pool(against + np.log(hours * eur_per_hour / used["money_eur"].to_numpy(dtype=float)), error, at)
        for row, kind in enumerate(kinds):
            distance, _ = same.above_others(row)
            if kind != "none" and same.stands_out(row) == "none" and abs(distance) <= abs(found[row][0]) / 2:
                kinds[row] = "hours"
    return [(sure, kind) for (_, sure), kind in zip(found, kinds, strict=True)]


def _rounded(value: float, digits: int = 4) -> float:
    """Round to some digits that count: more are not known, and other machines may differ in the last ones."""
    return float(f"{value:.{digits}g}")
