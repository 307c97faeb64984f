"""Formulas against hand-made and published numbers, and the properties that the exact solution rests on."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quartier import benefit

curves = st.sampled_from(benefit.RESPONSES)
positive = st.floats(1e-3, 1e6)
aversions = st.one_of(st.just(0.0), st.just(1.0), st.floats(0, 6))


@pytest.mark.parametrize(
    ("curve", "spend_ratio", "reached", "why"),
    [
        ("saturating", 1.0, 1 - 1 / math.e, "the scale reaches 63 %"),
        ("saturating", math.log(2), 0.5, "half is reached at ln 2 of the scale"),
        ("linear", 0.25, 0.25, "a quarter of the money reaches a quarter"),
        ("linear", 3.0, 1.0, "nobody is reached more than once"),
        ("power", 0.25, 0.5, "a quarter of the scale reaches half"),
        ("power", 9.0, 1.0, "nobody is reached more than once"),
        ("hill-concave", 1.0, 0.5, "the scale reaches half"),
        ("hill-concave", 3.0, 0.75, "Michaelis-Menten: 3 / (1 + 3)"),
    ],
)
def test_curves_pass_through_the_points_that_define_them(curve, spend_ratio, reached, why):
    assert benefit.response(spend_ratio, curve) == pytest.approx(reached, rel=1e-14), why


@given(curves, st.lists(st.floats(0, 1e12), min_size=3, max_size=3))
def test_curves_start_at_zero_never_fall_and_never_exceed_one(curve, ratios):
    assert benefit.response(0.0, curve) == 0
    reached = benefit.response(np.sort(ratios), curve)
    assert (np.diff(reached) >= 0).all()
    assert ((reached >= 0) & (reached <= 1)).all()


@given(curves, aversions, positive, positive, st.floats(1e-3, 1))
def test_welfare_is_concave_in_money(curve, aversion, need, scale, base):
    amounts = np.linspace(0, 4 * scale, 41)
    values = benefit.welfare(amounts, need, scale, curve, inequality_aversion=aversion, base_coverage=base)
    gains = np.diff(values)
    assert (np.diff(gains) <= 1e-9 * abs(gains).max()).all()
    assert (gains >= 0).all()


@given(curves, positive, positive)
def test_without_aversion_welfare_is_the_benefit(curve, need, scale):
    amounts = np.linspace(0, 3 * scale, 7)
    assert (
        benefit.welfare(amounts, need, scale, curve) == benefit.residents_reached(amounts, need, scale, curve)
    ).all()


@given(curves, aversions, st.floats(0, 5))
def test_welfare_is_atkinsons_formula_word_for_word(curve, aversion, ratio):
    base, reached = 0.05, float(benefit.response(ratio, curve))
    if aversion == 1:
        expected = math.log(base + reached) - math.log(base)
    else:
        expected = ((base + reached) ** (1 - aversion) - base ** (1 - aversion)) / (1 - aversion)
    found = benefit.welfare(ratio, 1.0, 1.0, curve, inequality_aversion=aversion, base_coverage=base)
    assert found == pytest.approx(expected, rel=1e-6 if abs(aversion - 1) < 1e-3 else 1e-9, abs=1e-12)


@pytest.mark.parametrize("distance", [1e-3, 1e-6, 1e-9, 1e-12])
def test_welfare_goes_smoothly_through_an_aversion_of_one(distance):
    at_one = benefit.welfare(3.0, 2.0, 4.0, inequality_aversion=1.0)
    beside = benefit.welfare(3.0, 2.0, 4.0, inequality_aversion=1.0 + distance)
    assert beside == pytest.approx(at_one, rel=10 * distance)


@pytest.mark.parametrize("curve", benefit.RESPONSES)
def test_a_scale_near_zero_reaches_everybody_and_a_huge_one_nobody(curve):
    assert benefit.coverage(100.0, 1e-308, curve) == 1.0
    assert benefit.coverage(100.0, 1e300, curve) < 1e-100


def test_an_unknown_curve_is_refused_by_name():
    with pytest.raises(ValueError, match="saturating, linear, power, hill-concave"):
        benefit.response(1.0, "sigmoid")
