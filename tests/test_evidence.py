"""What is learnt from reports: the intervals hold what they promise, others agree, little evidence is told, and plans go through it.

No real reports are published. Those here are simulated from curves that are known, so that what is learnt can be held against them.
"""

import dataclasses
import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.meta_analysis import combine_effects

import quartier as q
from quartier import figures
from quartier.evidence import PRIOR, Prior, learn, log_scales, pool
from quartier.language import PlainError
from quartier.need import people_in_reach

DATA = Path(__file__).parents[1] / "data"
SITES = q.load(DATA)
BASELINE = q.Scenario.named("baseline", DATA)
MADE_UP = BASELINE.replace(response_from="demonstration")
SEVEN = SITES.site_ids[:7]


def reported(rows, sites=SITES, table="reports"):
    """Give the sites of Bielefeld with simulated reports: year, site_id, money, hours, people; None is not reported."""
    names = ("money_spent", "hours_paid", "people_reached")
    cells = [
        {"year": float(year), "site_id": site, "indicator": name, "value": float(value), "unit": "", "basis": "stated"}
        for year, site, *values in rows
        for name, value in zip(names, values, strict=True)
        if value is not None
    ]
    return dataclasses.replace(sites, _tables={**sites.tables, table: pd.DataFrame(cells)}, cache={})


def people(site, money, scale):
    """People that so much money reaches, rounded, by the curve of the plan."""
    return round(people_in_reach(SITES)[site] * -math.expm1(-money / scale))


def told(scales, years=(2021, 2022), money=8_000.0, hour=32.0):
    """Reports that follow the curves exactly."""
    return [
        (year, site, money, money / hour, people(site, money, scale))
        for year in years
        for site, scale in scales.items()
    ]


# --- calibration ---


def history(rng, sites, years, tau, sigma, mu, in_reach=600.0):
    """Simulate reports of known curves: log factors of the sites, and what `pool` takes."""
    truth = mu + rng.normal(0, tau, sites)
    at = np.repeat(np.arange(sites), years)
    money = rng.uniform(4_000, 14_000, len(at))
    scale = 8_000 * np.exp(truth[at] + rng.normal(0, sigma, len(at)))
    reached = rng.binomial(int(in_reach), -np.expm1(-money / scale))
    estimate, error = log_scales(reached, np.full(len(at), in_reach), money)
    return truth, (estimate - math.log(8_000), error, at)


@pytest.mark.parametrize("years", [1, 2, 3, 4])
def test_over_200_histories_the_intervals_hold_85_to_95_of_100_known_curves(years):
    rng, held, held_new = np.random.default_rng(2021 + years), [], []
    for _ in range(200):
        truth, found = history(rng, 7, years, tau=0.35, sigma=0.15, mu=0.2)
        posterior = pool(*found)
        ends = np.array([posterior.of_site(row) for row in range(7)])
        held.extend((ends[:, 0] <= truth) & (truth <= ends[:, 2]))
        low, _, high = posterior.of_new_site()
        held_new.append(low <= 0.2 + rng.normal(0, 0.35) <= high)
    assert 0.85 <= np.mean(held) <= 0.95
    assert 0.85 <= np.mean(held_new) <= 0.95


@pytest.mark.parametrize(("sites", "years"), [(2, 1), (3, 2), (7, 2)])
def test_curves_that_are_drawn_as_is_held_possible_are_held_by_the_intervals(sites, years):
    rng, held = np.random.default_rng(5), []
    for _ in range(200):
        tau, sigma, mu = [*np.abs(rng.normal(0, [PRIOR.sites, PRIOR.years])), rng.normal(0, PRIOR.common)]
        truth, found = history(rng, sites, years, tau, sigma, mu)
        posterior = pool(*found)
        for row in range(sites):
            low, _, high = posterior.of_site(row)
            held.append(low <= truth[row] <= high)
    assert 0.85 <= np.mean(held) <= 0.95


def test_where_sites_do_not_differ_hardly_one_is_said_to_differ():
    rng, said_so = np.random.default_rng(9), []
    for _ in range(200):
        _, found = history(rng, 7, 2, tau=0.0, sigma=0.15, mu=0.0)
        posterior = pool(*found)
        said_so += [posterior.stands_out(row) != "none" for row in range(7)]
    assert np.mean(said_so) < 0.03


def test_where_sites_lie_far_apart_the_outermost_are_found():
    _, found = history(np.random.default_rng(3), 7, 4, tau=0.8, sigma=0.1, mu=0.0)
    posterior = pool(*found)
    medians = [posterior.of_site(row)[1] for row in range(7)]
    assert posterior.stands_out(int(np.argmax(medians))) == "above"
    assert posterior.stands_out(int(np.argmin(medians))) == "below"


# --- others agree ---


def test_the_first_stage_is_the_closed_form():
    rng = np.random.default_rng(1)
    total, money = rng.uniform(50, 3_000, 120), rng.uniform(500, 20_000, 120)
    share = rng.uniform(0.01, 0.99, 120)
    estimate, error = log_scales(share * total, total, money)
    assert estimate == pytest.approx(np.log(money / -np.log1p(-share)), abs=1e-9)
    assert error == pytest.approx(np.sqrt(share / (total * (1 - share) * np.log1p(-share) ** 2)), rel=1e-6)


@pytest.mark.parametrize("reached", [0, 500])
def test_nobody_or_everybody_reached_has_a_finite_estimate_with_a_large_error(reached):
    estimate, error = log_scales([reached, 250], [500, 500], [8_000, 8_000])
    assert np.isfinite(estimate).all()
    assert (estimate[0] > estimate[1]) == (reached == 0)
    assert error[0] > 2 * error[1]


def test_a_sum_over_all_that_is_possible_gives_the_same_posterior():
    y, error, at = np.array([0.3, 0.55, -0.2]), np.array([0.05, 0.06, 0.08]), np.array([0, 0, 1])
    theta = np.linspace(-3, 3, 1201)
    mu, sigma = np.linspace(-2.6, 2.6, 66)[:, None], (np.arange(60) + 0.5) / 40

    def normal(x, deviation):
        return np.exp(-0.5 * (x / deviation) ** 2) / deviation

    def likelihood(site):
        parts = [normal(y[i] - theta, np.sqrt(sigma[:, None] ** 2 + error[i] ** 2)) for i in np.flatnonzero(at == site)]
        return math.prod(parts)  # (sigma, theta)

    first, second, density, common = likelihood(0), likelihood(1), np.zeros(len(theta)), np.zeros(len(mu))
    years = np.exp(-0.5 * (sigma / PRIOR.years) ** 2)
    for tau in (np.arange(80) + 0.5) / 40:
        given = normal(theta - mu, tau)  # (mu, theta)
        weight = math.exp(-0.5 * (tau / PRIOR.sites) ** 2) * years * normal(mu, PRIOR.common)  # (mu, sigma)
        density += ((weight * (given @ second.T)) @ first * given).sum(axis=0)
        common += (weight * (given @ second.T) * (given @ first.T)).sum(axis=1)
    below = np.cumsum(density) / density.sum()
    posterior = pool(y, error, at)
    assert posterior.of_site(0) == pytest.approx(np.interp([0.05, 0.5, 0.95], below, theta), abs=0.01)
    below = np.cumsum(common) / common.sum()
    middle = mu.ravel() + (mu[1] - mu[0]) / 2
    assert posterior.of_all() == pytest.approx(np.interp([0.05, 0.5, 0.95], below, middle), abs=0.02)


def test_with_nothing_assumed_it_is_the_random_effects_mean_of_statsmodels():
    _, (estimate, error, at) = history(np.random.default_rng(8), 40, 1, tau=0.35, sigma=0.0, mu=0.2)
    low, middle, high = pool(estimate, error, at, Prior(common=50.0, sites=20.0, years=1e-4)).of_all()
    other = combine_effects(estimate, error**2, method_re="iterated").summary_frame(alpha=0.1).loc["random effect"]
    assert middle == pytest.approx(other["eff"], abs=0.01)
    assert high - low == pytest.approx(other["ci_upp"] - other["ci_low"], rel=0.1)


def test_without_a_report_what_was_held_possible_stays():
    nothing = np.array([])
    assert pool(nothing, nothing, nothing).of_all() == pytest.approx([-1.6449 * 0.7, 0, 1.6449 * 0.7], abs=1e-3)


# --- properties ---


def test_the_order_of_the_rows_does_not_matter_to_the_last_digit():
    rows = told(dict(zip(SEVEN, (6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000), strict=True)))
    one = learn(reported(rows)).table()
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(rows))
        pd.testing.assert_frame_equal(learn(reported([rows[at] for at in order])).table(), one, check_exact=True)


def test_more_years_narrow_the_intervals():
    scales = dict(zip(SEVEN, (6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000), strict=True))
    widths = []
    for years in ((2021,), (2021, 2022), (2021, 2022, 2023, 2024)):
        table = learn(reported(told(scales, years))).table().loc[list(SEVEN)]
        widths.append(np.log(table["high_eur"] / table["low_eur"]))
    assert (widths[0] > widths[1]).all()
    assert (widths[1] > widths[2]).all()


def test_reports_of_the_others_pull_a_site_towards_them():
    far = SEVEN[0]
    alone = learn(reported(told({far: 20_000}, (2021,)))).scale_eur
    among = learn(reported(told({**dict.fromkeys(SEVEN, 8_000), far: 20_000}, (2021,)))).scale_eur
    assert 8_000 < among[far] < alone[far] < 20_000


def test_ten_times_the_money_is_ten_times_the_scale():
    rows = told(dict(zip(SEVEN, (6_000, 7_000, 8_000, 9_000, 10_000, 11_000, 12_000), strict=True)))
    more = [(year, site, 10 * money, hours, reached) for year, site, money, hours, reached in rows]
    rules = SITES.table("site_rules")
    rules["value"] = rules["value"].where(rules["rule"] != "scale_eur", 10 * rules["value"])
    ten = dataclasses.replace(SITES, _tables={**SITES.tables, "site_rules": rules}, cache={})
    one, other = learn(reported(rows)), learn(reported(more, ten))
    columns = ["assumed_eur", "learned_eur", "low_eur", "high_eur"]
    assert other.table()[columns].to_numpy() == pytest.approx(10 * one.table()[columns].to_numpy(), rel=1e-9)
    assert other.table()["difference"].equals(one.table()["difference"])


def test_many_reports_leave_the_scales_that_made_them():
    scales = dict(zip(SEVEN, (5_000, 6_500, 8_000, 9_500, 11_000, 12_500, 14_000), strict=True))
    learned = learn(reported(told(scales, range(2011, 2021)))).scale_eur[list(SEVEN)]
    assert learned.to_numpy() == pytest.approx(list(scales.values()), rel=0.02)


def test_a_site_without_reports_is_taken_to_be_like_the_others_and_less_sure():
    found = learn(reported(told(dict(zip(SEVEN, (9_000, 10_000, 11_000, 12_000, 9_500, 10_500, 11_500), strict=True)))))
    table = found.table()
    new = table[table["reports"] == 0]
    assert len(new) == 7
    assert (abs(new["learned_eur"] - found.typical[2]) < 5).all()
    assert (new["high_eur"] / new["low_eur"]).min() > (table["high_eur"] / table["low_eur"])[list(SEVEN)].max()


# --- little evidence is told ---


def test_two_sites_and_one_year_are_wide_and_the_text_says_so():
    found = learn(reported(told(dict(zip(SEVEN[:2], (8_000, 10_000), strict=True)), (2021,))))
    table = found.table()
    assert found.is_wide().all()
    assert found.typical[3] > 2 * found.typical[1]
    assert list(table["difference"].dropna()) == ["none", "none"]
    german, english = (" ".join(found.sentences(language)) for language in ("de", "en"))
    assert "Gelernt aus 2 Berichten von 2 Standorten (2021)." in german
    assert "Das sind wenige Belege" in german
    assert "Weit ist die Spanne" in german
    assert "Die Berichte belegen keinen Unterschied zwischen den Standorten" in german
    assert "That is little evidence" in english
    assert "belegen, dass" not in german
    assert "erfunden" not in german


def test_seven_sites_and_four_years_are_not_called_little():
    found = learn(reported(told(dict.fromkeys(SEVEN, 9_000), range(2018, 2022))))
    german = " ".join(found.sentences())
    assert "wenige Belege" not in german
    assert "Weit ist die Spanne" not in german
    assert "7 Standorte ohne Bericht" in german


def test_one_site_alone_says_nothing_of_differences():
    found = learn(reported(told({SEVEN[0]: 8_000})))
    assert found.table()["difference"].isna().all()
    assert "Nur ein Standort hat berichtet" in " ".join(found.sentences())


def test_what_is_assumed_beforehand_is_told_with_its_numbers():
    (said,) = [one for one in learn(SITES, "demonstration").sentences() if one.startswith("Vorher angenommen")]
    assert "Faktor 3,2" in said
    assert "Faktor 2,3" in said
    assert "Faktor 1,6" in said


def test_made_up_reports_are_called_made_up_and_support_nothing_as_a_fact():
    said = " ".join(learn(SITES, "demonstration").sentences())
    assert "zur Vorführung erfunden" in said
    assert "Die erfundenen Berichte sprechen dafür" in said
    assert "Die Berichte sprechen" not in said


# --- differences ---


def test_a_site_that_needs_more_for_the_same_is_named_and_the_others_are_not():
    far = SEVEN[2]
    found = learn(reported(told({**dict.fromkeys(SEVEN, 8_000), far: 16_000}, range(2018, 2022))))
    table = found.table()
    assert table["difference"][far] == "above"
    assert set(table["difference"].drop(far).dropna()) == {"none"}, "one far off must not make the others differ"
    assert table["probability_above"][far] > 0.99
    said = " ".join(found.sentences())
    assert f"sprechen dafür, dass {table['name'][far]} für die gleiche Reichweite mehr Geld braucht" in said


def test_a_difference_that_the_hours_explain_is_told_as_one():
    far = SEVEN[2]
    rows = told({**dict.fromkeys(SEVEN, 8_000), far: 16_000}, range(2018, 2022))
    dear = [(y, s, money, hours / 2 if s == far else hours, reached) for y, s, money, hours, reached in rows]
    found = learn(reported(dear))
    assert found.table()["difference"][far] == "hours"
    (said,) = [one for one in found.sentences() if "Stunden" in one]
    assert "Eine Stunde kostet dort 64 EUR" in said
    without = [(y, s, money, None, reached) for y, s, money, _, reached in dear]
    assert learn(reported(without)).table()["difference"][far] == "above"
    assert math.isnan(learn(reported(without)).eur_per_hour)


def test_a_difference_that_is_only_just_no_longer_sure_is_not_explained_by_the_hours():
    far, scales, rows = SEVEN[2], (7_000, 8_000, 20_000, 7_400, 8_800, 8_100, 8_600), []
    for year, turn in ((2021, 0.2), (2022, -0.2)):  # years differ, so that little is sure
        noisy = [scale * math.exp(turn * (-1) ** at) for at, scale in enumerate(scales)]
        rows += told(dict(zip(SEVEN, noisy, strict=True)), (year,))
    rows = [(y, s, money, hours * (0.9 if s == far else 1), reached) for y, s, money, hours, reached in rows]
    assert learn(reported(rows)).table()["difference"][far] == "above"


def test_sites_with_other_assumed_scales_are_measured_against_these():
    rules = SITES.table("site_rules")
    mine = (rules["rule"] == "scale_eur") & (rules["site_id"] == SEVEN[0])
    rules["value"] = rules["value"].where(~mine, 16_000.0)
    sites = dataclasses.replace(SITES, _tables={**SITES.tables, "site_rules": rules}, cache={})
    found = learn(reported(told({**dict.fromkeys(SEVEN, 8_000), SEVEN[0]: 16_000}, range(2018, 2022)), sites))
    assert set(found.table()["difference"].dropna()) == {"none"}
    assert found.scale_eur[SEVEN[0]] == pytest.approx(16_000, rel=0.05)
    assert "an dem Wert, der für ihn angenommen war" in " ".join(found.sentences())


# --- what is left out ---

FINE = told(dict.fromkeys(SEVEN[:3], 8_000))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ((2021, SEVEN[3], 8_000, 250, 4), "hidden"),
        ((2021, SEVEN[3], 8_000, 250, 1), "hidden"),
        ((2021, SEVEN[3], 8_000, 250, None), "incomplete"),
        ((2021, SEVEN[3], None, 250, 300), "incomplete"),
        ((2021, SEVEN[3], 8_000, 250, 0), "nobody"),
        ((2021, SEVEN[3], 0, 0, 300), "no_money"),
        ((2021, SEVEN[3], 8_000, 250, 50_000), "beyond_reach"),
    ],
)
def test_a_report_that_cannot_be_used_is_left_out_with_its_reason(row, reason):
    found = learn(reported([*FINE, row]))
    assert found.left_out().to_numpy().tolist() == [[2021, SEVEN[3], reason]]
    columns = ["learned_eur", "low_eur", "high_eur"]
    assert found.table()[columns].equals(learn(reported(FINE)).table()[columns])
    assert any(one.startswith("1 Bericht blieb außer Betracht: 1 (") for one in found.sentences())


def test_a_count_that_may_be_passed_on_is_used():
    found = learn(reported([*FINE, (2021, SEVEN[3], 8_000, 250, 5)]))
    assert found.left_out().empty
    assert found.table()["reports"][SEVEN[3]] == 1
    assert found.scale_eur[SEVEN[3]] > 8_500


def test_everybody_reached_is_used():
    total = math.floor(people_in_reach(SITES)[SEVEN[3]])
    assert learn(reported([*FINE, (2021, SEVEN[3], 8_000, 250, total)])).table()["reports"][SEVEN[3]] == 1


def test_a_year_without_a_report_is_fine():
    found = learn(reported([row for row in FINE if row[:2] != (2022, SEVEN[0])]))
    assert list(found.table()["reports"][list(SEVEN[:3])]) == [1, 2, 2]
    assert found.left_out().empty


def test_reports_of_a_site_that_is_no_candidate_are_left_out():
    found = learn(reported([*FINE, (2021, "elsewhere", 8_000, 250, 300)]))
    assert found.left_out().to_numpy().tolist() == [[2021, "elsewhere", "no_candidate"]]


def test_the_evidence_is_worked_out_once_and_holds_for_variations_of_the_sites():
    sites = reported(FINE)
    assert learn(sites) is learn(sites)
    assert learn(sites.replace({SEVEN[0]: {"scale_eur": 1.0}})) is learn(sites)


def test_what_is_handed_out_may_be_changed_without_harm():
    found = learn(reported(FINE))
    for handed_out in (found.table(), found.reports(), found.left_out()):
        handed_out.pop(handed_out.columns[-1])
    scales = found.scale_eur
    scales[:] = 0.0
    assert found.table()["eur_per_hour"].notna().any()
    assert (found.table()["learned_eur"] > 0).all()


# --- refused in words ---


def without_role(role):
    kinds = SITES.table("dialogue_indicators")
    kinds["role"] = kinds["role"].where(kinds["role"] != role, None)
    return dataclasses.replace(reported(FINE), _tables={**reported(FINE).tables, "dialogue_indicators": kinds})


FROM_FRAME = q.Sites.from_frame(SITES.frame.assign(need=q.weigh(SITES)))


@pytest.mark.parametrize(
    ("sites", "from_", "words"),
    [
        (SITES, "quality", "Es gibt keine Berichte"),
        (FROM_FRAME, "quality", "Es gibt keine Berichte"),
        (FROM_FRAME, "demonstration", "Es gibt keine Berichte"),
        (reported([(2021, SEVEN[0], 8_000, 250, 3)]), "quality", "Keiner der Berichte"),
        (without_role("people"), "quality", "role people"),
        (without_role("money"), "quality", "role money"),
        (SITES, "guessed", "quality, demonstration"),
    ],
)
def test_what_cannot_teach_is_refused_in_words(sites, from_, words):
    with pytest.raises(PlainError, match=words):
        learn(sites, from_)


@pytest.mark.parametrize("sites", [SITES, FROM_FRAME])
def test_a_scenario_that_asks_for_reports_that_there_are_not_is_refused(sites):
    for ask in (q.allocate, q.allocate_many, q.find_conflict, q.what_moved):
        with pytest.raises(q.ScenarioError, match=r"response_from: gegeben „quality“, erwartet assumed"):
            ask(sites, BASELINE.replace(response_from="quality"))


@pytest.mark.parametrize("curve", ["linear", "power", "hill-concave"])
def test_only_the_curve_by_which_reports_are_read_may_use_them(curve):
    with pytest.raises(q.ScenarioError, match="saturating"):
        BASELINE.replace(response_from="demonstration", response=curve)


def test_what_moved_wants_reports():
    with pytest.raises(PlainError, match="quality, demonstration"):
        q.what_moved(SITES, BASELINE)


# --- plans go through it ---


def by_hand(from_="demonstration", sites=SITES):
    """Give the sites with the learned scales put in by hand."""
    return q.Sites.from_frame(sites.frame.assign(need=q.weigh(sites), scale_eur=learn(sites, from_).scale_eur))


def test_a_plan_from_reports_is_that_of_sites_with_these_scales_put_in_by_hand():
    plan, other = q.allocate(SITES, MADE_UP), q.allocate(by_hand(), BASELINE)
    assert plan.amounts.equals(other.amounts)
    assert plan.benefit == other.benefit
    assert not plan.amounts.equals(q.allocate(SITES, BASELINE).amounts)
    assert plan.scenario == MADE_UP


def test_many_plans_from_reports_are_those_of_sites_with_these_scales():
    budgets = np.array([60_000.0, 80_000.0])
    one = q.allocate_many(SITES, MADE_UP, budget_eur=budgets)
    other = q.allocate_many(by_hand(), BASELINE, budget_eur=budgets)
    assert (one.amounts == other.amounts).all()


def test_several_years_and_leximin_go_through_it():
    for changes in ({"years": 2}, {"inequality_aversion": math.inf}, {"method": "equal-split"}):
        one, other = q.allocate(SITES, MADE_UP.replace(**changes)), q.allocate(by_hand(), BASELINE.replace(**changes))
        assert one.amounts.equals(other.amounts), changes
        assert one.benefit == pytest.approx(other.benefit, rel=1e-12), changes


def test_what_would_change_a_plan_goes_through_it():
    plan, other = q.allocate(SITES, MADE_UP), q.allocate(by_hand(), BASELINE)
    pd.testing.assert_frame_equal(q.next_money(plan), q.next_money(other))
    pd.testing.assert_frame_equal(q.frontier(SITES, MADE_UP, [0, 2]), q.frontier(by_hand(), BASELINE, [0, 2]))


def test_a_plan_solved_again_from_its_own_sites_is_the_same():
    plan = q.allocate(SITES, MADE_UP)
    for scenario in (plan.scenario, plan.scenario.replace(response_from="assumed")):
        assert q.allocate(plan.sites, scenario).amounts.equals(plan.amounts)


def test_a_scale_that_is_chosen_for_a_site_wins_even_where_it_is_that_of_the_data():
    learned = learn(SITES, "demonstration").scale_eur
    for chosen in (8_000.0, 5_000.0):
        scenario = MADE_UP.replace(sites={SEVEN[0]: {"scale_eur": chosen}})
        scales = q.allocate(SITES, scenario).sites.frame["scale_eur"]
        assert scales[SEVEN[0]] == chosen
        assert scales.drop(SEVEN[0]).equals(learned.drop(SEVEN[0]).rename("scale_eur"))


def test_a_scale_that_a_planner_changed_in_the_sites_stays():
    sites, _ = MADE_UP.settled(SITES.replace({SEVEN[0]: {"scale_eur": 5_000.0}}))
    assert sites.frame["scale_eur"][SEVEN[0]] == 5_000.0
    assert sites.frame["scale_eur"][SEVEN[1]] == learn(SITES, "demonstration").scale_eur[SEVEN[1]]


def test_reports_of_another_origin_take_the_place_of_those_before():
    sites = reported(told(dict.fromkeys(SEVEN, 12_000)))
    plan = q.allocate(sites, MADE_UP)
    again = q.allocate(plan.sites, BASELINE.replace(response_from="quality"))
    assert again.amounts.equals(q.allocate(sites, BASELINE.replace(response_from="quality")).amounts)


def test_a_repair_of_an_impossible_scenario_keeps_where_the_scales_come_from():
    impossible = MADE_UP.replace(budget_eur=1_000.0)
    conflict = q.find_conflict(SITES, impossible)
    sites, scenario = conflict.repairs[0].apply(SITES, impossible)
    assert scenario.response_from == "demonstration"
    assert sites.frame["scale_eur"].equals(learn(SITES, "demonstration").scale_eur.rename("scale_eur"))
    assert q.allocate(sites, scenario).spent_eur > 0


def test_what_moved_shows_both_plans():
    table = q.what_moved(SITES, MADE_UP)
    assert table["before_eur"].equals(q.allocate(SITES, BASELINE).amounts.rename("before_eur"))
    assert table["after_eur"].equals(q.allocate(SITES, MADE_UP).amounts.rename("after_eur"))
    assert (table["change_eur"] == table["after_eur"] - table["before_eur"]).all()
    assert set(table["scale_before_eur"]) == {8_000.0}
    assert table["scale_after_eur"].equals(learn(SITES, "demonstration").scale_eur.rename("scale_after_eur"))


# --- what it rests on is said ---


def test_scales_from_made_up_reports_are_assumed_and_told_as_made_up():
    plan = q.allocate(SITES, MADE_UP)
    assert set(plan.sites.basis["scale_eur"]) == {"assumed"}
    assert "die Wirkungskurve, deren Werte aus erfundenen Beispielberichten gelernt sind" in plan.assumed_sentence()
    rows = plan.sites.assumptions().query("figure == 'scale_eur'")
    assert set(rows["table"]) == {"demonstration_reports"}
    assert len(rows) == len(SITES)


def test_scales_from_reports_are_derived_and_only_the_form_of_the_curve_stays_assumed():
    plan = q.allocate(reported(told(dict.fromkeys(SEVEN, 9_000))), BASELINE.replace(response_from="quality"))
    assert set(plan.sites.basis["scale_eur"]) == {"derived"}
    assert "Wirkungsskala" not in plan.assumed_sentence()
    assert "die Form der Wirkungskurve" in plan.assumed_sentence()
    assert plan.sites.assumptions().query("figure == 'scale_eur'").empty


def test_a_scale_that_is_chosen_beside_learned_ones_is_told_as_an_assumption():
    scenario = BASELINE.replace(response_from="quality", sites={SEVEN[0]: {"scale_eur": 5_000.0}})
    sites = q.allocate(reported(told(dict.fromkeys(SEVEN, 9_000))), scenario).sites
    assert sites.basis["scale_eur"][SEVEN[0]] == "assumed"
    rows = sites.assumptions().query("figure == 'scale_eur'")
    assert rows[["table", "key"]].to_numpy().tolist() == [["scenario", SEVEN[0]]]


def test_a_run_with_made_up_reports_says_so_in_its_title():
    names = {"data_dir": str(DATA), "scenario": "baseline", **dict.fromkeys(q.scenario.PARAMETERS)}
    scenario = q.Scenario.from_parameters({**names, "response_from": "demonstration"})
    assert scenario.title == "Ausgangslage 2021 (geändert, mit Wirkungsskalen aus erfundenen Berichten)"


def test_no_scenario_of_the_city_rests_on_made_up_reports():
    for name in q.scenario.scenario_names(DATA):
        assert q.Scenario.named(name, DATA).response_from != "demonstration", name


# --- the panel ---


def test_the_panel_learns_forgets_and_keeps_what_was_chosen():
    panel = q.Panel(SITES, BASELINE)
    panel.set(response_from="demonstration")
    assert panel.plan.amounts.equals(q.allocate(SITES, MADE_UP).amounts)
    assert panel.changes == {}
    panel.set(scale_eur={SEVEN[0]: 8_000.0})
    chosen = q.allocate(SITES, MADE_UP.replace(sites={SEVEN[0]: {"scale_eur": 8_000.0}})).amounts
    assert panel.plan.amounts.equals(chosen)
    space = {"sites": SITES}
    exec(panel.python(), space)
    assert space["plan"].amounts.equals(chosen)
    panel.undo()
    panel.set(response_from="assumed")
    assert panel.plan.amounts.equals(q.allocate(SITES, BASELINE).amounts)


def test_the_panel_opens_a_scenario_from_reports_and_writes_it_again(tmp_path):
    scenario = MADE_UP.replace(sites={SEVEN[0]: {"scale_eur": 8_000.0}, SEVEN[1]: {"min_eur": 9_000.0}})
    panel = q.Panel(SITES, scenario)
    assert panel.changes == {SEVEN[0]: {"scale_eur": 8_000.0}, SEVEN[1]: {"min_eur": 9_000.0}}
    panel.to_yaml(tmp_path / "mine.yaml")
    back = q.Scenario.from_yaml(tmp_path / "mine.yaml")
    assert q.allocate(SITES, back).amounts.equals(q.allocate(SITES, scenario).amounts)


def test_a_repair_in_the_panel_takes_no_learned_scale_for_a_choice():
    panel = q.Panel(SITES, MADE_UP)
    panel.set(budget_eur=1_000.0)
    panel.repair(0)
    assert not any("scale_eur" in one for one in panel.changes.values())
    assert panel.scenario.response_from == "demonstration"


# --- the figure ---


@pytest.fixture(scope="module")
def drawn():
    return {language: q.plot_evidence(learn(SITES, "demonstration"), language=language) for language in ("de", "en")}


def said(ax):
    return [ax.get_title(), *(text.get_text() for text in ax.texts)]


def test_the_figure_shows_each_interval_where_it_is(drawn):
    table = learn(SITES, "demonstration").table()
    spans = {tuple(line.get_xdata()) for line in drawn["de"].lines if line.get_marker() == "|"}
    assert spans == set(zip(table["low_eur"], table["high_eur"], strict=True))
    marks = [line.get_marker() for line in drawn["de"].lines if line.get_marker() in ("o", "D")]
    assert (marks.count("o"), marks.count("D")) == (7, 7)


def test_the_figure_says_that_it_rests_on_made_up_reports(drawn):
    assert "Was erfundene Beispielberichte über die Wirkungsskala lehren würden" in said(drawn["de"])
    assert any("zur Vorführung erfunden" in text for text in said(drawn["de"]))
    assert any("made up for demonstration" in text for text in said(drawn["en"]))
    for ax in drawn.values():
        assert len(figures.alt_text(ax)) <= figures.ALT_LENGTH
    assert figures.alt_text(drawn["de"]).endswith("Nichts davon ist über einen Standort bekannt.")


def test_the_figure_of_real_reports_does_not_call_them_made_up():
    ax = q.plot_evidence(learn(reported(told(dict.fromkeys(SEVEN, 9_000)))))
    assert "Was die Berichte über die Wirkungsskala lehren" in said(ax)
    assert not any("erfunden" in text for text in [*said(ax), figures.alt_text(ax)])


def test_no_texts_of_the_figure_overlap_or_leave_it(drawn):
    for ax in drawn.values():
        figure = ax.get_figure(root=True)
        renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
        boxes = [text.get_window_extent(renderer) for text in ax.texts if text.get_text()]
        whole = figure.bbox
        assert all(box.x0 >= whole.x0 - 1 and box.x1 <= whole.x1 + 1 for box in boxes)
        assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_scenarios_side_by_side_take_their_scales_from_the_same_reports():
    sites, scenario = q.load(DATA), q.Scenario.named("baseline", DATA).replace(response_from="demonstration")
    learned = q.learn(sites, "demonstration").scale_eur
    beside = q.side_by_side(sites, scenario, DATA)
    assert len(beside) > 5
    for name, plan in beside.items():
        assert plan.sites.frame["scale_eur"].to_dict() == learned.to_dict(), name
