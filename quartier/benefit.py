r"""Every formula: response curves, coverage, inequality aversion. numpy only.

For a site with need n (weighted residents), effect scale s (EUR) and amount x (EUR):

    coverage        c(x) = r(x / s)                     share of the need that is reached, 0 to 1
    benefit         b(x) = n * c(x)                     weighted residents reached
    welfare         u(x) = n * (phi(c0 + c(x)) - phi(c0))
                    phi(c) = c^(1-a) / (1-a),  log(c) at a = 1        (Atkinson 1970, inequality aversion a, base coverage c0)

At a = 0 welfare and benefit are the same. All curves start at 0, never fall and are concave, so that money is worth most
where least has been spent; this is what the exact solution rests on.

| response | r(z), z = x / s | reads | source |
|---|---|---|---|
| saturating | 1 - exp(-z) | the scale reaches 63 % | modified exponential: Lilien, Kotler & Moorthy (1992), Marketing Models, ch. 14 |
| linear | min(z, 1) | the scale reaches everybody | constant returns up to full reach |
| power | min(z^(1/2), 1) | a quarter of the scale reaches half | constant elasticity: Cobb & Douglas (1928), Am. Econ. Rev. 18 |
| hill-concave | z / (1 + z) | the scale reaches half | Hill (1910), J. Physiol. 40, with coefficient 1 (Michaelis-Menten) |

No study gives such a curve for money at a site of neighbourhood work: which curve and which scale are assumptions of the plan.

References
----------
Atkinson, A. B. (1970). On the measurement of inequality. Journal of Economic Theory 2(3), 244-263.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

POWER_EXPONENT = 0.5
"""Elasticity of the power curve; an assumption, halfway between no effect (0) and constant returns (1)."""

RESPONSES = ("saturating", "linear", "power", "hill-concave")


def response(spend_ratio: ArrayLike, curve: str = "saturating") -> np.ndarray:
    """Share of the need reached when ``spend_ratio`` times the effect scale is spent.

    Parameters
    ----------
    spend_ratio : array_like
        Amount over effect scale, without unit, at least 0; any shape.
    curve : str
        One of `RESPONSES`.

    Returns
    -------
    ndarray
        Coverage between 0 and 1, same shape.
    """
    z = np.asarray(spend_ratio, dtype=float)
    if curve == "saturating":
        return -np.expm1(-z)
    if curve == "linear":
        return np.minimum(z, 1.0)
    if curve == "power":
        return np.minimum(z**POWER_EXPONENT, 1.0)
    if curve == "hill-concave":
        return 1.0 / (1.0 + 1.0 / np.maximum(z, np.finfo(float).tiny)) * (z > 0)
    raise ValueError(f"curve: {curve!r}, expected one of {', '.join(RESPONSES)}")


def coverage(amount_eur: ArrayLike, scale_eur: ArrayLike, curve: str = "saturating") -> np.ndarray:
    """Share of the need reached, between 0 and 1; amount and scale in EUR, broadcast against each other."""
    with np.errstate(over="ignore"):  # a scale near zero: everybody is reached at once
        return response(np.asarray(amount_eur, dtype=float) / np.asarray(scale_eur, dtype=float), curve)


def residents_reached(
    amount_eur: ArrayLike, need: ArrayLike, scale_eur: ArrayLike, curve: str = "saturating"
) -> np.ndarray:
    """Weighted residents reached; amount and scale in EUR, need in weighted residents, broadcast against each other."""
    return np.asarray(need, dtype=float) * coverage(amount_eur, scale_eur, curve)


def welfare(
    amount_eur: ArrayLike,
    need: ArrayLike,
    scale_eur: ArrayLike,
    curve: str = "saturating",
    *,
    inequality_aversion: float = 0.0,
    base_coverage: float = 0.05,
) -> np.ndarray:
    """Inequality-averse value of an amount (Atkinson 1970); equals the benefit at an aversion of 0.

    Parameters
    ----------
    amount_eur, need, scale_eur : array_like
        EUR, weighted residents, EUR; broadcast against each other.
    curve : str
        One of `RESPONSES`.
    inequality_aversion : float
        0 or more, finite. The more, the more the least covered count.
    base_coverage : float
        Coverage that everybody has without the programme, above 0: keeps the value of nothing finite.

    Returns
    -------
    ndarray
        0 where nothing is spent; weighted residents at an aversion of 0, else without a unit of its own.
    """
    reached, n, a = coverage(amount_eur, scale_eur, curve), np.asarray(need, dtype=float), inequality_aversion
    if a == 0:
        return n * reached
    growth = np.log1p(reached / base_coverage)  # log of (c0 + c) / c0
    if a == 1:
        return n * growth
    # phi(c0 + c) - phi(c0) = c0^(1-a) * ((1 + c/c0)^(1-a) - 1) / (1 - a); expm1 keeps its digits near a = 1
    return n * base_coverage ** (1 - a) * np.expm1((1 - a) * growth) / (1 - a)


def amount_at_marginal(
    marginal: ArrayLike, need: ArrayLike, scale_eur: ArrayLike, curve: str = "saturating"
) -> np.ndarray:
    """Amount at which another euro reaches just ``marginal`` weighted residents more: the derivative of the benefit, inverted.

    Parameters
    ----------
    marginal : array_like
        Weighted residents a EUR, at least 0.
    need, scale_eur : array_like
        Weighted residents, EUR; broadcast against each other.
    curve : str
        One of `RESPONSES`.

    Returns
    -------
    ndarray
        EUR; 0 where the first euro already reaches less, infinite where every euro reaches more. The linear curve gives its
        kink where it reaches more than ``marginal``.
    """
    p, n, s = (np.asarray(part, dtype=float) for part in (marginal, need, scale_eur))
    with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
        if curve == "saturating":  # n / s * exp(-x / s) = p
            amount = s * np.log(n / (s * p))
        elif curve == "linear":  # n / s up to x = s
            amount = np.where(n > s * p, s, 0.0)
        elif curve == "power":  # n * e * x^(e - 1) / s^e = p, up to x = s
            e = POWER_EXPONENT
            amount = np.minimum((e * n / (p * s**e)) ** (1 / (1 - e)), s)
        elif curve == "hill-concave":  # n * s / (s + x)^2 = p
            amount = np.sqrt(n * s / p) - s
        else:
            raise ValueError(f"curve: {curve!r}, expected one of {', '.join(RESPONSES)}")
    return np.where(n > 0, np.maximum(amount, 0.0), 0.0)
