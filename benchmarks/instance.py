"""The problem that all peers solve, and the check of what they answer; numpy only, nothing of quartier."""

from typing import NamedTuple

import numpy as np

TOLERANCE = 1e-6
"""Relative difference up to which two values count as the same: the solvers' own tolerance."""


class Instance(NamedTuple):
    """Sites with a saturating curve; whole steps of money."""

    need: np.ndarray  # (n,) weighted residents
    scale_eur: np.ndarray  # (n,)
    min_eur: np.ndarray  # (n,)
    max_eur: np.ndarray  # (n,)
    step_eur: float
    low: np.ndarray  # (n,) steps: least amount of a funded site
    high: np.ndarray  # (n,) steps
    budget: int  # steps
    places: int

    def value(self, steps: np.ndarray) -> np.ndarray:
        """Benefit of each site's steps; the last axis is the sites."""
        return self.need * -np.expm1(-steps * self.step_eur / self.scale_eur)


class Chords(NamedTuple):
    """Pieces of the curve between neighbouring steps: gain of a step more, from `at` steps on, of site `site`."""

    site: np.ndarray
    at: np.ndarray
    gain: np.ndarray
    start: np.ndarray  # value at 0 steps of the line through the piece


def make(n: int, step_eur: float = 100.0, seed: int = 2025) -> Instance:
    """Make n sites; budget and places grow with n as 80,000 EUR and 10 places do for 14 sites."""
    random = np.random.default_rng([seed, n])
    need = np.round(random.uniform(500, 4_000, n), 1)
    scale = np.round(random.uniform(5_000, 12_000, n), -1)
    low_eur = np.round(random.uniform(3_600, 4_400, n), -2)
    high_eur = np.full(n, 14_000.0)
    return Instance(
        need=need,
        scale_eur=scale,
        min_eur=low_eur,
        max_eur=high_eur,
        step_eur=step_eur,
        low=np.ceil(low_eur / step_eur).astype(np.int64),
        high=np.floor(high_eur / step_eur).astype(np.int64),
        budget=int(80_000 * n / 14 // step_eur),
        places=max(1, n * 10 // 14),
    )


def chords(given: Instance) -> Chords:
    """All pieces between each site's floor and cap."""
    count = given.high - given.low
    site = np.repeat(np.arange(len(count)), count)
    at = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + given.low[site]
    return _pieces(given, site, at)


def chords_at(given: Instance, at: np.ndarray) -> Chords:
    """One piece a site, from `at` steps on."""
    return _pieces(given, np.arange(len(at)), np.clip(at, given.low, given.high - 1))


def _pieces(given: Instance, site: np.ndarray, at: np.ndarray) -> Chords:
    need, scale = given.need[site], given.scale_eur[site]
    below = need * -np.expm1(-at * given.step_eur / scale)
    above = need * -np.expm1(-(at + 1) * given.step_eur / scale)
    return Chords(site, at, above - below, below - (above - below) * at)


def check(given: Instance, amounts: np.ndarray) -> tuple[list[str], float]:
    """Rules that the amounts in EUR break, in words, and what they reach, computed anew."""
    amounts, faults = np.asarray(amounts, dtype=float), []
    funded = amounts > 1e-9 * given.step_eur
    if not np.isfinite(amounts).all():
        return ["amounts that are no numbers"], float("nan")
    if amounts.sum() > given.budget * given.step_eur * (1 + 1e-9):
        faults.append(f"{amounts.sum() - given.budget * given.step_eur:,.2f} EUR above the budget")
    if funded.sum() > given.places:
        faults.append(f"{funded.sum():,} sites funded, {given.places:,} allowed")
    if (amounts < 0).any():
        faults.append(f"{(amounts < 0).sum():,} amounts below zero")
    if below := int((funded & (amounts < given.min_eur - 1e-6)).sum()):
        faults.append(f"{below:,} below the floor")
    if above := int((amounts > given.max_eur + 1e-6).sum()):
        faults.append(f"{above:,} above the cap")
    if off := int((np.abs(amounts / given.step_eur - np.rint(amounts / given.step_eur)) > 1e-6).sum()):
        faults.append(f"{off:,} off the step")
    return faults, float((given.need * -np.expm1(-amounts / given.scale_eur))[funded].sum())


def repaired(given: Instance, amounts: np.ndarray) -> np.ndarray:
    """What a person would make of amounts that break rules: drop the smallest, raise to floors, cut to steps and budget."""
    steps = np.floor(np.clip(np.nan_to_num(amounts), 0, None) / given.step_eur + 1e-9).astype(np.int64)
    order = np.argsort(-steps, kind="stable")
    kept = order[: given.places]
    kept = kept[steps[kept] > 0]
    result = np.zeros_like(steps)
    result[kept] = np.clip(steps[kept], given.low[kept], given.high[kept])
    for site in kept[::-1]:  # too much: first what is above the floor, of the smallest amounts first
        over = int(result.sum()) - given.budget
        if over > 0:
            result[site] -= min(over, int(result[site] - given.low[site]))
    for site in kept[::-1]:
        if result.sum() > given.budget:
            result[site] = 0
    for site in kept:  # left over: to the largest
        result[site] += max(0, min(given.budget - int(result.sum()), int(given.high[site] - result[site])))
    return result * given.step_eur
