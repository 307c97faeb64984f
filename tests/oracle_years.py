"""The slow oracle over several years, with earmarked money and sites that start later: every plan of every year is looked at."""

from __future__ import annotations

import itertools
import math

import numpy as np
import oracle
import pandas as pd

import quartier as q


def part(scenario: q.Scenario, site_id: str, year: int) -> float:
    """Part of the year for which a site gets money."""
    return scenario.months.get(site_id, 12) / 12 if year == 0 else 1.0


def options(row: pd.Series, scenario: q.Scenario, year: int, had: float) -> list[float]:
    """Amounts of a site in a year, given last year's amount (per year; 0 if it had none)."""
    share, step = part(scenario, row.name, year), scenario.step_eur
    low = row["min_eur"] if scenario.min_eur is None else scenario.min_eur
    high = row["max_eur"] if scenario.max_eur is None else scenario.max_eur
    must = row["status"] in scenario.committed
    if scenario.max_change_share is not None and had > 0:
        low = max(low, had * (1 - scenario.max_change_share) - 1e-6)
        high = min(high, had * (1 + scenario.max_change_share) + 1e-6)
        must = must or (not scenario.may_end and row["status"] not in scenario.excluded)
    amounts = [] if must else [0.0]
    if row["status"] not in scenario.excluded:
        there = sum(scenario.budgets_eur) + scenario.carried_eur + sum(one.amount_eur for one in scenario.earmarked)
        count = int(there / step + 1e-6)
        amounts += [k * step for k in range(1, count + 1) if low * share - 1e-9 <= k * step <= high * share + 1e-9]
    return amounts


def earmarked_used(frame: pd.DataFrame, scenario: q.Scenario, amounts: tuple[float, ...]) -> float:
    """Most earmarked money that the amounts can use: of at most two earmarks, first at the sites that only one may serve."""
    of = [[frame[one.by].iloc[i] == one.name for one in scenario.earmarked] for i in range(len(frame))]
    left, used, both = [one.amount_eur for one in scenario.earmarked], 0.0, 0.0
    for amount, belongs in zip(amounts, of, strict=True):
        if sum(belongs) == 1:
            at = belongs.index(True)
            taken = min(left[at], amount)
            left[at] -= taken
            used += taken
        elif sum(belongs) == 2:
            both += amount
    return used + min(sum(left), both)


def plans(sites: q.Sites, scenario: q.Scenario):
    """Every plan that keeps the rules: amounts of each year, and the value of each site in each year."""
    frame = sites.frame

    def go_on(year: int, had: list[float], carried: float):
        if year == scenario.years:
            yield (), ()
            return
        choices = [options(row, scenario, year, had[i]) for i, (_, row) in enumerate(frame.iterrows())]
        budget = scenario.budgets_eur[year]
        for amounts in itertools.product(*choices):
            funded = sum(x > 0 for x in amounts)
            left = budget + carried - (sum(amounts) - earmarked_used(frame, scenario, amounts)) - scenario.reserve_eur
            fits = scenario.min_sites <= funded <= scenario.max_sites and left >= -1e-6
            if not (fits and all(oracle.keeps(group, frame, list(amounts), budget) for group in scenario.groups)):
                continue
            shares = [part(scenario, site_id, year) for site_id in frame.index]
            values = tuple(
                oracle.value(x, row["need"] * share, row["scale_eur"] * share, scenario)
                for x, share, (_, row) in zip(amounts, shares, frame.iterrows(), strict=True)
            )
            annual = [x / share for x, share in zip(amounts, shares, strict=True)]
            for later, worth in go_on(year + 1, annual, min(scenario.carry_limit_eur, max(0.0, left))):
                yield (amounts, *later), (values, *worth)

    previous = frame["previous_eur"].fillna(0.0).tolist() if "previous_eur" in frame else [0.0] * len(frame)
    yield from go_on(0, previous, scenario.carried_eur)


def best(sites: q.Sites, scenario: q.Scenario) -> float | None:
    """Objective of the best plan, None if there is none."""
    return max((math.fsum(itertools.chain(*values)) for _, values in plans(sites, scenario)), default=None)


def problem(seed: int) -> tuple[q.Sites, q.Scenario]:
    """A random problem of two or three sites over one to three years, with all rules in any combination."""
    rng = np.random.default_rng(seed + 5_000_000)
    n, years = [(3, 1), (4, 1), (2, 2), (3, 2), (2, 3)][int(rng.integers(0, 5))]
    most = {1: 5, 2: 4, 3: 3}[years] if n < 4 else 4
    step = float(rng.choice([100, 250, 1000]))
    low = rng.integers(0, 3, n) * rng.choice([step, step * 0.7])
    frame = pd.DataFrame(
        {
            "site_id": [f"s{i}" for i in rng.permutation(n)],
            "need": rng.choice([0.0, 100.0, *rng.uniform(10, 200, 3)], n),
            "status": rng.choice(["signed", "negotiating", "prospective", "declined"], n, p=[0.35, 0.25, 0.3, 0.1]),
            "scale_eur": rng.choice([step * 2, *(rng.uniform(0.5, 10, 2) * step)], n),
            "min_eur": low,
            "max_eur": low + rng.integers(1, most, n) * step,
            "previous_eur": rng.choice([np.nan, step, 2 * step, 3 * step], n),
            "provider": rng.choice(list("AB"), n),
            "district": rng.choice(list("NS"), n),
        }
    )
    changes: dict = {}
    if rng.random() < 0.6:
        changes |= {"max_change_share": float(rng.choice([0.0, 0.25, 0.5, 1.0])), "may_end": bool(rng.random() < 0.7)}
    if years > 1 and rng.random() < 0.6:
        changes["carry_limit_eur"] = float(rng.choice([0.4, 1, 2, 10])) * step
    if rng.random() < 0.2:
        changes["carried_eur"] = float(rng.choice([0.6, 1.5])) * step
    budget = float(rng.integers(1, 3 * n + 1) * step * rng.choice([1, 0.5, 0.73]))
    if years > 1 and rng.random() < 0.5:
        changes["later_budgets_eur"] = [budget * float(rng.choice([0.5, 0.8, 1, 1.3])) for _ in range(years - 1)]
    if rng.random() < 0.4:
        changes["months"] = {f"s{int(rng.integers(0, n))}": int(rng.choice([3, 6, 9]))}
    if rng.random() < 0.4:
        wanted = [("provider", frame["provider"].iloc[0]), ("district", frame["district"].iloc[-1])]
        kept = wanted[: 1 + int(rng.random() < 0.4)]
        changes["earmarked"] = [
            {"by": by, "name": name, "amount_eur": float(rng.choice([0.5, 1, 2]) * step)} for by, name in kept
        ]
    if rng.random() < 0.3:
        limits = {"max_share": 0.5} if rng.random() < 0.5 else {"max_sites": 1}
        if rng.random() < 0.3:
            limits = {"min_eur": step}
        changes["groups"] = [{"by": "district", "name": frame["district"].iloc[0], **limits}]
    if rng.random() < 0.2:
        changes["reserve_eur"] = 0.1 * min(budget, *changes.get("later_budgets_eur", [budget]))
    most_sites = int(rng.integers(1, n + 1))
    scenario = q.Scenario(
        budget_eur=budget,
        max_sites=most_sites,
        min_sites=int(rng.integers(0, most_sites + 1)) if rng.random() < 0.2 else 0,
        step_eur=step,
        response=str(rng.choice(list(oracle.CURVES))),
        inequality_aversion=float(rng.choice([0, 0, 0.5, 1, 3])),
        committed=["signed"] if rng.random() < 0.6 else [],
        years=years,
        **changes,
    )
    return q.Sites.from_frame(frame), scenario
