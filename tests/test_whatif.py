"""Every change, cost and alternative is confirmed by solving with it, and with one step less."""

from __future__ import annotations

import itertools
import math
import re
from functools import cache
from pathlib import Path

import numpy as np
import oracle
import pandas as pd
import pytest
from babel.messages.pofile import read_po

import quartier as q
from quartier import feasibility, whatif
from quartier.language import Texts
from quartier.scenario import scenario_names

ROOT = Path(__file__).parents[1]
PROBLEMS, BATCH = 200, 20
BATCHES = range(0, PROBLEMS, BATCH)
CLOSE = 1e-9
MOST_PLANS = 4000
"""Most plans that the oracle looks at; beyond, the change is solved by `allocate`, which has tests of its own."""


@cache
def solved():
    """Plans of small random problems; those of impossible ones are left out."""
    found = []
    for seed in itertools.count(30_000):
        sites, scenario = oracle.random_problem(seed, most_sites=4)
        try:
            found.append((seed, q.allocate(sites, scenario)))
        except q.InfeasibleScenario:
            continue
        if len(found) == PROBLEMS:
            return found


def batch(first):
    return solved()[first : first + BATCH]


def changed(sites: q.Sites, **columns) -> q.Sites:
    """Sites with other columns; they were checked before."""
    return q.Sites(sites.frame.assign(**columns))


def at(sites: q.Sites, site_id: str, **values) -> q.Sites:
    frame = sites.frame
    for column, value in values.items():
        frame.loc[site_id, column] = value
    return q.Sites(frame)


def amount(sites: q.Sites, scenario: q.Scenario, site_id: str) -> float:
    """What the site gets in the best plan; 0 where there is no plan."""
    try:
        return q.allocate(sites, scenario).amounts[site_id]
    except q.InfeasibleScenario:
        return 0.0


@cache
def least_change(plan: q.Plan, site_id: str) -> pd.DataFrame:
    return q.least_change(plan, site_id)


def plans(sites: q.Sites, scenario: q.Scenario):
    return list(oracle.plans(sites, scenario))


def best(sites: q.Sites, scenario: q.Scenario) -> float:
    """Objective of the best plan, by the oracle where it is small; -inf where there is none."""
    if math.prod(len(oracle.options(row, scenario)) for _, row in sites.frame.iterrows()) <= MOST_PLANS:
        reached = oracle.best(sites, scenario)
        return -math.inf if reached is None else reached
    try:
        return q.allocate(sites, scenario).objective
    except q.InfeasibleScenario:
        return -math.inf


def best_with(sites: q.Sites, scenario: q.Scenario, site_id: str) -> float:
    """Objective of the best plan that funds a site, whatever its status, by brute force."""
    place = sites.site_ids.index(site_id)
    if sites.frame.loc[site_id, "status"] in scenario.excluded:
        sites = at(sites, site_id, status="negotiating")
    return max((reached for amounts, reached in plans(sites, scenario) if amounts[place] > 0), default=-math.inf)


def reaches(value: float, level: float) -> bool:
    return value >= level - CLOSE * abs(level)


# --- a little more, a little less -------------------------------------------------------------------------------


@pytest.mark.parametrize("first", BATCHES)
def test_more_and_less_money_go_where_the_best_plans_put_them(first):
    for seed, plan in batch(first):
        step = plan.scenario.step_eur
        for eur in (step, 2.5 * step):
            table = q.next_money(plan, eur)
            assert list(table["amount_eur"]) == list(plan.amounts)
            for side, budget in (("more", plan.scenario.budget_eur + eur), ("less", plan.scenario.budget_eur - eur)):
                total = table.attrs[side]
                scenario = plan.scenario.replace(budget_eur=max(budget, 0.0))
                reached = -math.inf if budget < 0 else best(plan.sites, scenario)
                assert total["possible"] == math.isfinite(reached), f"problem {seed}"
                assert bool(total["why"]) != total["possible"]
                assert total["budget_eur"] == budget
                if total["possible"]:
                    new = q.allocate(plan.sites, scenario)
                    assert plan.objective + total["objective"] == pytest.approx(reached, rel=CLOSE, abs=CLOSE)
                    assert plan.benefit + total["benefit"] == pytest.approx(new.benefit, rel=CLOSE, abs=CLOSE)
                    assert list(plan.amounts + table[f"{side}_eur"]) == pytest.approx(list(new.amounts))
                else:
                    assert table[f"{side}_eur"].isna().all()
                    assert math.isnan(total["objective"])


# --- what it would take -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", BATCHES)
def test_the_least_more_budget_is_enough_and_no_less_is(first):
    answers = []
    for seed, plan in batch(first):
        step, budget = plan.scenario.step_eur, plan.scenario.budget_eur
        for site_id, had in plan.amounts.items():
            now, then, tried_to = least_change(plan, site_id).loc["budget_eur"]
            assert now == budget
            last = then if math.isfinite(then) else tried_to
            steps = round((last - budget) / step)
            many = q.allocate_many(plan.sites, plan.scenario, budget_eur=budget + step * np.arange(steps + 1))
            gets = many.amounts[:, plan.sites.site_ids.index(site_id)] > had
            assert not gets[:-1].any(), f"problem {seed}: less is enough for {site_id}"
            assert gets[-1] == math.isfinite(then), f"problem {seed}: {site_id}"
            assert (amount(plan.sites, plan.scenario.replace(budget_eur=last), site_id) > had) == math.isfinite(then)
            beyond = plan.scenario.replace(budget_eur=tried_to + 1000 * step)
            assert math.isfinite(then) or not amount(plan.sites, beyond, site_id) > had
            answers.append(math.isfinite(then))
    assert len(set(answers)) == 2


@pytest.mark.parametrize("first", BATCHES)
def test_each_least_change_funds_the_site_and_one_step_less_does_not(first):
    answers = set()
    for seed, plan in batch(first):
        sites, scenario = plan.sites, plan.scenario
        step, own = scenario.step_eur, scenario.replace(min_eur=None)
        floors = sites.frame["min_eur"] if scenario.min_eur is None else scenario.min_eur
        for site_id in plan.amounts.index[plan.amounts == 0]:
            where = f"problem {seed}: {site_id}"
            table = least_change(plan, site_id)
            assert list(table.index) == ["need_factor", "budget_eur", "max_sites", "min_eur"]
            then = table["then"]
            answers |= {(change, math.isfinite(value)) for change, value in then.items()}

            need = sites.frame.loc[site_id, "need"]
            steps = 9000 if math.isnan(then["need_factor"]) else round((then["need_factor"] - 1) * 1000)
            for more, funded in ((steps, math.isfinite(then["need_factor"])), (steps - 1, False)):
                many = at(sites, site_id, need=need * (1 + more / 1000))
                assert (amount(many, scenario, site_id) > 0) == funded, f"{where}: {more} per mille more need"

            places = then["max_sites"] if math.isfinite(then["max_sites"]) else max(len(sites), scenario.max_sites)
            for most in range(scenario.max_sites + 1, int(places) + 1):
                funded = amount(sites, scenario.replace(max_sites=most), site_id) > 0
                assert funded == (most == then["max_sites"]), f"{where}: {most} places"

            least = changed(sites, min_eur=floors)
            assert table.loc["min_eur", "now"] == least.frame.loc[site_id, "min_eur"]
            lowest = then["min_eur"] if math.isfinite(then["min_eur"]) else step
            assert (amount(at(least, site_id, min_eur=lowest), own, site_id) > 0) == math.isfinite(then["min_eur"])
            if lowest + step < table.loc["min_eur", "now"]:
                assert amount(at(least, site_id, min_eur=lowest + step), own, site_id) == 0, where
    assert len(answers) >= 5, "changes that are enough and that are not are among them"


def fixed_amounts(need, amounts, **columns) -> q.Sites:
    frame = {"status": "prospective", "scale_eur": amounts, "min_eur": amounts, "max_eur": amounts, **columns}
    return q.Sites.from_frame(pd.DataFrame({"site_id": [f"s{i}" for i in range(len(need))], "need": need, **frame}))


def test_the_first_budget_that_funds_a_site_counts_though_a_greater_one_does_not():
    # 9,900 EUR fund s0; at 10,000 the two others together reach more; from 14,900 on s0 and one of them do.
    sites = fixed_amounts([61.0, 50.0, 50.0], [9900.0, 5000.0, 5000.0])
    scenario = q.Scenario(budget_eur=5500, response="linear", step_eur=100)
    assert q.least_change(q.allocate(sites, scenario), "s0").loc["budget_eur", "then"] == 9900
    at_ten = q.allocate(sites, scenario.replace(budget_eur=10_000))
    assert at_ten.amounts["s0"] == 0
    assert q.least_change(at_ten, "s0").loc["budget_eur", "then"] == 14_900


def test_the_least_need_by_hand():
    # One place and 1,000 EUR: s1 takes it from s0 as soon as its need is greater: 100 / 80 = 1.25, and one per mille more.
    sites = fixed_amounts([100.0, 80.0], [1000.0, 1000.0])
    table = q.least_change(q.allocate(sites, q.Scenario(budget_eur=1000, max_sites=1)), "s1")
    assert table.loc["need_factor", "then"] == pytest.approx(1.251, abs=0.0011)
    assert math.isnan(table.loc["max_sites", "then"])
    assert math.isnan(table.loc["budget_eur", "then"])


# --- what it would cost -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", BATCHES)
def test_the_cost_of_funding_a_site_anyway_is_confirmed(first):
    answers = set()
    for seed, plan in batch(first):
        sites, scenario, step = plan.sites, plan.scenario, plan.scenario.step_eur
        for site_id in sites.site_ids:
            where = f"problem {seed}: {site_id}"
            found = q.replacement_cost(plan, site_id)
            reached = best_with(sites, scenario, site_id)
            assert found.possible == math.isfinite(reached), where
            answers.add((found.possible, found.objective > 0, math.isfinite(found.extra_eur)))
            if not found.possible:
                assert found.amounts.isna().all()
                continue
            assert plan.objective - found.objective == pytest.approx(reached, rel=CLOSE, abs=CLOSE), where
            assert found.amount_eur == found.amounts[site_id] > 0
            if plan.amounts[site_id] > 0:
                assert list(found.amounts) == list(plan.amounts)
            extra = found.extra_eur if math.isfinite(found.extra_eur) else 50 * step
            more = scenario.replace(budget_eur=scenario.budget_eur + extra)
            assert reaches(best_with(sites, more, site_id), plan.objective) == math.isfinite(found.extra_eur), where
            if extra > 0:
                less = scenario.replace(budget_eur=scenario.budget_eur + extra - step)
                assert not reaches(best_with(sites, less, site_id), plan.objective), f"{where}: less makes up for it"
    assert len(answers) >= 3


def without(plan: q.Plan) -> dict[tuple[str, str], tuple[q.Sites, q.Scenario]]:
    """Sites and scenario without each rule that is there, stated here once more."""
    sites, scenario, found = plan.sites, plan.scenario, {}
    committed = [i for i, status in zip(sites.site_ids, sites.statuses, strict=True) if status in scenario.committed]
    for site_id in committed:
        found["committed", site_id] = (at(sites, site_id, status="negotiating"), scenario)
    if len(committed) > 1:
        found["committed", ""] = (sites, scenario.replace(committed=()))
    for status in set(scenario.excluded) & set(sites.statuses):
        others = tuple(other for other in scenario.excluded if other != status)
        found["excluded", str(status)] = (sites, scenario.replace(excluded=others))
    if scenario.max_sites < len(sites):
        found["max_sites", ""] = (sites, scenario.replace(max_sites=len(sites)))
    if scenario.min_sites:
        found["min_sites", ""] = (sites, scenario.replace(min_sites=0))
    found["min_eur", ""] = (changed(sites, min_eur=0.0), scenario.replace(min_eur=None))
    found["max_eur", ""] = (changed(sites, max_eur=1e9), scenario.replace(max_eur=None))
    if scenario.reserve_eur:
        found["reserve_eur", ""] = (sites, scenario.replace(reserve_eur=0.0))
    if scenario.max_change_share is not None:
        found["max_change_share", ""] = (sites, scenario.replace(max_change_share=None))
    for group in scenario.groups:
        rest = tuple(other for other in scenario.groups if other != group)
        found["groups", group.name] = (sites, scenario.replace(groups=rest))
    found["step_eur", ""] = (sites, scenario.replace(step_eur=scenario.step_eur / 100))
    return found


@pytest.mark.parametrize("first", BATCHES)
def test_the_cost_of_each_rule_is_confirmed(first):
    gained = set()
    for seed, plan in batch(first):
        step, budget = plan.scenario.step_eur, plan.scenario.budget_eur
        table, expected = q.cost_of_rules(plan), without(plan)
        assert sorted(zip(table["rule"], table["subject"], strict=True)) == sorted(expected)
        for row in table.itertuples():
            where = f"problem {seed}: {row.rule} {row.subject}"
            sites, scenario = expected[row.rule, row.subject]
            reached = best(sites, scenario)
            assert plan.objective + row.objective == pytest.approx(reached, rel=CLOSE, abs=CLOSE), where
            assert row.objective >= -CLOSE * plan.objective
            kept = {plan.spent_eur, budget} if row.saved_eur == 0 else {plan.spent_eur - row.saved_eur}
            assert reaches(best(sites, scenario.replace(budget_eur=max(kept))), plan.objective), where
            if min(kept) >= step:
                less = scenario.replace(budget_eur=min(kept) - step)
                assert not reaches(best(sites, less), plan.objective), f"{where}: more can be saved"
            if row.objective > CLOSE:
                gained.add(row.rule)
    assert len(gained) >= 4, "rules that cost something are among them"


@cache
def crossing():
    """Plans of small problems with limits that cross, change limits and a reserve; a floor as a share is no such limit."""
    found = []
    for seed in itertools.count(50_000):
        sites, scenario = oracle.crossing_problem(seed, most_sites=4)
        groups = [group.model_dump() | {"min_share": None} for group in scenario.groups if group.max_eur is not None]
        try:
            found.append((seed, q.allocate(sites, scenario.replace(groups=groups[:2]))))
        except q.InfeasibleScenario:
            continue
        if len(found) == 12:
            return found


@pytest.mark.parametrize("number", range(12))
def test_costs_are_confirmed_where_limits_cross(number):
    seed, plan = crossing()[number]
    sites, scenario, step = plan.sites, plan.scenario, plan.scenario.step_eur
    more = scenario.replace(budget_eur=scenario.budget_eur + step)
    assert plan.objective + q.next_money(plan, step).attrs["more"]["objective"] == pytest.approx(best(sites, more))
    for site_id in sites.site_ids:
        reached, found = best_with(sites, scenario, site_id), q.replacement_cost(plan, site_id)
        assert found.possible == math.isfinite(reached)
        assert not found.possible or plan.objective - found.objective == pytest.approx(reached, rel=CLOSE, abs=CLOSE)
    table, expected = q.cost_of_rules(plan), without(plan)
    assert sorted(zip(table["rule"], table["subject"], strict=True)) == sorted(expected)
    for row in table[table["rule"] != "step_eur"].itertuples():
        where = f"problem {seed}: {row.rule} {row.subject}"
        assert plan.objective + row.objective == pytest.approx(best(*expected[row.rule, row.subject])), where
        less, fewer = expected[row.rule, row.subject], plan.spent_eur + scenario.reserve_eur - row.saved_eur
        if row.rule != "reserve_eur" and fewer - step >= scenario.reserve_eur:
            if row.saved_eur > 0:
                assert reaches(best(less[0], less[1].replace(budget_eur=fewer)), plan.objective), where
            assert not reaches(best(less[0], less[1].replace(budget_eur=fewer - step)), plan.objective), where


# --- nearly as good ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", range(0, 80, BATCH))
def test_alternatives_and_what_they_share_equal_brute_force(first):
    kinds, several = set(), 0
    for seed, plan in batch(first):
        share = [0.01, 0.05, 0.2][seed % 3]
        found = q.alternatives(plan, within_share=share, count=4)
        level = plan.objective * (1 - share)
        near = np.array([x for x, reached in plans(plan.sites, plan.scenario) if reaches(reached, level)])
        for place, (site_id, row) in enumerate(found.sites.iterrows()):
            where, funded = f"problem {seed}: {site_id}", near[:, place][near[:, place] > 0]
            kind = "none" if not len(funded) else "all" if len(funded) == len(near) else "some"
            assert row["in_plans"] == kind, where
            kinds.add(kind)
            if len(funded):
                assert (row["least_eur"], row["most_eur"]) == pytest.approx((funded.min(), funded.max())), where
            else:
                assert math.isnan(row["least_eur"])
                assert math.isnan(row["most_eur"])
        assert list(found.amounts[0]) == list(plan.amounts)
        assert found.amounts.shape[1] == len(found.plans) <= 5
        for number, row in found.plans.iterrows():
            amounts = found.amounts[number].to_numpy()
            assert np.isclose(near, amounts).all(axis=1).any(), f"problem {seed}: alternative {number} is none"
            assert row["lost_share"] <= share + CLOSE
            assert row["changed_sites"] == ((amounts > 0) != (plan.amounts > 0)).sum()
        assert not found.amounts.T.round(6).duplicated().any()
        several += found.amounts.shape[1] > 1
    assert kinds == {"all", "some", "none"}
    assert several > 2


def test_the_first_alternative_changes_more_sites_before_it_moves_more_money():
    # All equal: another site is as good; with one place, either.
    sites = fixed_amounts([100.0, 99.5, 50.0], [1000.0, 1000.0, 1000.0])
    found = q.alternatives(q.allocate(sites, q.Scenario(budget_eur=1000, max_sites=1)))
    assert list(found.sites["in_plans"]) == ["some", "some", "none"]
    assert list(found.amounts[1]) == [0, 1000, 0]
    assert list(found.plans["changed_sites"]) == [0, 2]
    assert list(found.plans["moved_eur"]) == [0, 1000]


# --- words ------------------------------------------------------------------------------------------------------


def shown(name: str, value, texts: Texts, in_residents: bool) -> list[str]:
    """How a figure must stand in its sentence, from the unit in its name."""
    if isinstance(value, dict):
        return [part for site, eur in value.items() for part in (site, *shown(name, eur, texts, in_residents))]
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [value]
    if name.endswith("_eur"):
        return [f"\u2212{texts.eur(-value)}" if value < 0 else texts.eur(value)]
    if name.endswith("_share"):
        return [texts.percent(0.001 if 0 < value < 0.0005 else value)]
    if name.endswith("_worth"):
        return [texts.number(0.1 if 0 < value < 0.05 else value, 1)]
    return [texts.number(value)]


@pytest.mark.parametrize(("first", "language"), [(0, "en"), (20, "de")])
def test_each_sentence_holds_its_figures(first, language):
    texts, said = Texts(language), []
    for _, plan in batch(first):
        plan = q.allocate(plan.sites, plan.scenario.replace(language=language))
        for sentence, figures in q.sentences(plan):
            for name, value in figures.items():
                for part in shown(name, value, texts, plan.scenario.inequality_aversion == 0):
                    assert part in sentence, f"{name} = {value} is not in: {sentence}"
            assert not re.search(r"[{}]|nan|inf\b", sentence), sentence
            said.append(sentence)
    if language == "en":
        for start in ("With ", "Another ", "A cut of ", "If ", "Were ", "Without ", "Nothing more ", "Every plan "):
            assert any(sentence.startswith(start) for sentence in said), start
        for part in ("cannot be funded", "no budget", "more budget", "places instead", "floor lowered", "would not be"):
            assert any(part in sentence for sentence in said), part


ENGLISH = {
    "the",
    "would",
    "be",
    "all",
    "each",
    "with",
    "without",
    "more",
    "less",
    "funded",
    "site",
    "sites",
    "of",
    "to",
}


def words(texts) -> set[str]:
    return {word for text in texts for word in re.findall(r"[A-Za-zäöüÄÖÜß]{2,}", re.sub(r"{\w*}", "", text))}


@cache
def english_words() -> set[str]:
    """Words of the messages that no German text has, and some that none may have."""
    with (ROOT / "quartier" / "locale" / "de.po").open("rb") as source:
        entries = [(m.id, m.string) for m in read_po(source, locale="de") if m.id and m.context is None]
    both = [(part if isinstance(part, (list, tuple)) else [part] for part in entry) for entry in entries]
    english, german = (words(itertools.chain(*parts)) for parts in zip(*both, strict=True))
    return (english - german) | ENGLISH


@pytest.mark.parametrize("name", scenario_names(ROOT / "data"))
def test_german_sentences_of_the_city_have_no_english(name):
    plan = q.allocate(q.load(ROOT / "data"), q.Scenario.named(name, ROOT / "data"))
    for sentence, _ in q.sentences(plan):
        assert not words([sentence]) & english_words(), sentence


@pytest.mark.parametrize("aversion", [0.0, 1.0])
def test_sentences_by_topic_are_all_sentences(aversion):
    plan = q.allocate(q.load(ROOT / "data"), q.Scenario(inequality_aversion=aversion, min_sites=10))
    by_topic = [said for topic in whatif.TOPICS for said in q.sentences(plan, topic)]
    assert [said.sentence for said in by_topic] == [said.sentence for said in q.sentences(plan)]
    assert ("Punkten des Zielwerts" in by_topic[0].sentence) == (aversion > 0)
    with pytest.raises(q.PlainError, match="money, sites, rules, alternatives"):
        q.sentences(plan, "nothing")


def test_many_sites_that_change_alike_are_not_named_one_by_one():
    def said(funded, **kinds):
        changes = {name: eur for names, eur in kinds.values() for name in names.split()}
        words = whatif._Words(plan)
        words.funded = funded.split()
        return words._shown_changes(changes)

    plan = q.allocate(fixed_amounts([1.0], [100.0]), q.Scenario(budget_eur=200))
    assert said("a b c d e", one=("a b c d e", 100)) == "je +100 EUR für alle geförderten Standorte"
    assert said("a b c d e f", one=("b c d e f", 100), two=("a", -500)) == (
        "\u2212500 EUR für a; je +100 EUR für alle anderen geförderten Standorte"
    )
    assert said("a b c d e f", one=("a b c d e", 100)) == "je +100 EUR für a, b, c, d und e"
    assert said("a b c d", one=("a b c d", 100)) == "je +100 EUR für a, b, c und d"


def test_savings_are_counted_from_what_is_spent_not_from_the_budget():
    # Every funded site is at its cap of 14,000 EUR: 112,000 EUR of 200,000 are spent.
    data = q.load(ROOT / "data")
    plan = q.allocate(data, q.Scenario.named("baseline", ROOT / "data").replace(budget_eur=200_000))
    table = q.cost_of_rules(plan).set_index("subject")
    assert plan.spent_eur == 112_000
    assert table.loc["prospective", "saved_eur"] == 39_000
    free = plan.scenario.replace(excluded=("declined",))
    assert q.allocate(data, free.replace(budget_eur=73_000)).objective >= plan.objective
    assert q.allocate(data, free.replace(budget_eur=72_900)).objective < plan.objective
    assert (table.loc[table["objective"] == 0, "saved_eur"] == 0).all()
    said = " ".join(said.sentence for said in q.sentences(plan, "rules"))
    assert "ließe sich dann mit 39.000 EUR weniger erreichen, als jetzt verteilt werden." in said
    assert q.frontier(data, plan.scenario, [0, 1])["price_eur"].tolist() == [0, 0]


def test_a_site_for_which_the_money_does_not_do_is_told_so():
    plan = q.allocate(
        q.load(ROOT / "data"), q.Scenario.named("baseline", ROOT / "data").replace(budget_eur=28_000, language="en")
    )
    said = [said.sentence for said in q.sentences(plan, "sites")]
    needed = "8 sites need at least 32,000 EUR; 28,000 EUR are there; 4,000 EUR are missing."
    found = [sentence for sentence in said if "cannot be funded" in sentence]
    assert found[0] == f"Vennhofallee cannot be funded beside what the other rules ask for: {needed}"
    assert len(found) == 7
    assert all(sentence.endswith(needed) for sentence in found)


def test_no_higher_budget_is_said_to_be_tried_where_every_site_can_be_at_its_cap():
    sites = fixed_amounts([100.0, 80.0, 60.0], [1000.0, 1000.0, 1000.0])
    for budget_eur, site_id, tried in ((2500, "s0", True), (3000, "s0", False), (3000, "s2", False)):
        plan = q.allocate(sites, q.Scenario(budget_eur=budget_eur, max_sites=2, language="en"))
        said = " ".join(said.sentence for said in [*q.sentences(plan, "sites"), *whatif.about_site(plan, site_id)])
        assert ("up to 3,000 EUR" in said) == tried
        assert "ore budget" in said


def test_changes_have_the_sign_of_the_papers():
    plan = q.allocate(q.load(ROOT / "data"), q.Scenario(budget_eur=80_000))
    said = " ".join(said.sentence for said in q.sentences(plan))
    assert "\u2212" in said
    assert not re.search(r"-\d[\d.]* EUR", said)
    assert whatif._Words(plan)._shown("gain_worth", -3.0) == "\u22123,0 gewichtete Personen"


def test_money_that_is_kept_back_is_not_saved_without_the_reserve():
    plan = q.allocate(q.load(ROOT / "data"), q.Scenario(reserve_eur=5000))
    row = q.cost_of_rules(plan).set_index("rule").loc["reserve_eur"]
    assert row["objective"] > 0
    assert row["saved_eur"] == 0


def test_commitments_that_cost_nothing_together_are_told_together():
    plan = q.allocate(q.load(ROOT / "data"), q.Scenario.named("baseline", ROOT / "data"))
    rules = " ".join(said.sentence for said in q.sentences(plan, "rules"))
    assert "Auch ohne die Zusagen, " in rules
    assert "einzelne der Zusagen" not in rules
    assert "Ohne die Schrittweite von 100 EUR würde kaum mehr erreicht (unter 0,1\u00a0%)." in rules


def test_an_answer_is_found_once_and_given_as_a_copy(monkeypatch):
    plan = q.allocate(fixed_amounts([3.0, 2.0, 1.0], [100.0] * 3), q.Scenario(budget_eur=200, max_sites=2))
    first = q.cost_of_rules(plan)
    first.loc[:, "saved_eur"] = -1.0
    monkeypatch.setattr(whatif, "allocate_many", lambda *args, **kwargs: pytest.fail("solved again"))
    assert (q.cost_of_rules(plan)["saved_eur"] >= 0).all()


def test_a_frontier_of_a_plan_divided_by_a_rule_is_refused_in_words():
    sites = fixed_amounts([100.0, 80.0], [1000.0, 1000.0])
    with pytest.raises(q.PlainError, match="Was Gleichmäßigkeit kostet"):
        q.frontier(sites, q.Scenario(budget_eur=2000, method="equal-split"))


def test_the_reason_why_less_money_is_impossible_is_told():
    sites = fixed_amounts([100.0, 80.0], [1000.0, 1000.0], status="signed")
    plan = q.allocate(sites, q.Scenario(budget_eur=2000, language="en"))
    said = [sentence for sentence, _ in q.sentences(plan)]
    assert (
        "A cut of 1,000 EUR is impossible: 2 sites need at least 2,000 EUR; 1,000 EUR are there; 1,000 EUR are missing."
        in said
    )
    assert q.next_money(plan, 5000).attrs["less"]["why"] == "The budget is only 2,000 EUR."


# --- what is refused --------------------------------------------------------------------------------------------


def test_a_plan_divided_by_a_rule_is_refused_in_words():
    sites = fixed_amounts([100.0, 80.0], [1000.0, 1000.0])
    plan = q.allocate(sites, q.Scenario(budget_eur=2000, method="equal-split"))
    for ask in (q.next_money, q.cost_of_rules, q.alternatives, lambda one: q.least_change(one, "s0")):
        with pytest.raises(q.PlainError, match="optimierte Pläne"):
            ask(plan)
    assert [sentence for sentence, _ in q.sentences(plan)] == [
        "Dieser Plan teilt das Geld nach einer festen Regel. "
        "Was einen Plan ändern würde, lässt sich nur für optimierte Pläne sagen."
    ]


@pytest.mark.parametrize("ask", [q.least_change, q.replacement_cost])
def test_an_unknown_site_is_refused_with_the_known_ones(ask):
    plan = q.allocate(fixed_amounts([1.0, 2.0], [100.0, 100.0]), q.Scenario(budget_eur=200, language="en"))
    with pytest.raises(q.PlainError, match=r"“s9”.*s0, s1"):
        ask(plan, "s9")


def test_the_plan_and_its_sites_stay_as_they_were():
    _, plan = solved()[0]
    before, scenario = plan.sites.frame, plan.scenario.model_dump()
    amounts = plan.amounts.copy()
    q.sentences(plan)
    pd.testing.assert_frame_equal(plan.sites.frame, before)
    pd.testing.assert_series_equal(plan.amounts, amounts)
    assert plan.scenario.model_dump() == scenario


# --- fairness -----------------------------------------------------------------------------------------------------


def test_the_gini_coefficient_is_that_of_the_textbook():
    assert whatif.gini(np.array([1.0, 1.0, 1.0])) == 0
    assert whatif.gini(np.array([0.0, 0.0, 1.0])) == pytest.approx(2 / 3)  # one has all: (n - 1) / n
    values = np.array([0.3, 0.1, 0.6, 0.2])
    by_pairs = np.abs(values[:, None] - values).sum() / (2 * len(values) ** 2 * values.mean())
    assert whatif.gini(values) == pytest.approx(by_pairs, rel=1e-12)
    assert whatif.gini(np.zeros(3)) == 0


def test_the_price_of_fairness_is_confirmed_by_solving_with_as_much_less_and_one_step_more():
    confirmed = 0
    for seed in range(60):
        sites, scenario = oracle.random_problem(seed)
        if not feasibility.possible(sites, scenario):
            continue
        table = q.frontier(sites, scenario, [0, 1, 5, math.inf])
        assert list(table["inequality_aversion"]) == [0, 1, 5, math.inf]
        most = q.allocate(sites, scenario.replace(inequality_aversion=0.0))
        for row in table.itertuples():
            fair = q.allocate(sites, scenario.replace(inequality_aversion=row.inequality_aversion))
            assert row.benefit == pytest.approx(fair.benefit, rel=1e-12)
            assert row.price_share == pytest.approx(1 - fair.benefit / most.benefit if most.benefit else 0, abs=1e-12)
            assert row.price_share >= -1e-12
            for eur, enough in ((row.price_eur, True), (row.price_eur + scenario.step_eur, False)):
                less = scenario.replace(inequality_aversion=0.0, budget_eur=max(0.0, fair.spent_eur - eur))
                if eur > fair.spent_eur or not feasibility.possible(sites, less):
                    continue
                reached = q.allocate(sites, less).benefit
                assert (reached >= fair.benefit - 1e-9 * abs(fair.benefit)) == enough, f"problem {seed}: {eur}"
                confirmed += not enough
    assert confirmed > 50


def test_the_smallest_coverage_is_greatest_where_the_least_covered_come_first():
    for seed in range(80):
        sites, scenario = oracle.random_problem(seed)
        if feasibility.possible(sites, scenario):
            least = q.frontier(sites, scenario)["min_coverage"]
            assert least.iloc[-1] >= least.max() - 1e-12, f"problem {seed}"


# --- several years ------------------------------------------------------------------------------------------------


def test_answers_over_several_years_are_confirmed_by_solving_again():
    table = q.load("data").frame.assign(need=q.weigh(q.load("data")))
    sites = q.Sites.from_frame(table[table["status"] != "declined"].iloc[:8])
    scenario = q.Scenario(
        budget_eur=40_000, years=2, later_budgets_eur=[36_000], carry_limit_eur=2000, max_change_share=0.2, step_eur=500
    )
    plan = q.allocate(sites, scenario)
    money = whatif.next_money(plan)
    for side, change in (("more", 1000), ("less", -1000)):
        other = scenario.replace(budget_eur=40_000 + change, later_budgets_eur=[36_000 + change])
        assert money.attrs[side]["objective"] == pytest.approx(q.allocate(sites, other).objective - plan.objective)
    costs = whatif.cost_of_rules(plan).set_index("rule")
    free = q.allocate(sites, scenario.replace(max_change_share=None))
    assert costs.loc["max_change_share", "objective"] == pytest.approx(free.objective - plan.objective, abs=1e-9)
    saved = costs.loc["max_change_share", "saved_eur"] / 2  # in each of two years
    for eur, enough in ((saved, True), (saved + 500, False)):
        cut = free.scenario.replace(budget_eur=40_000 - eur, later_budgets_eur=[36_000 - eur])
        assert (q.allocate(sites, cut).objective >= plan.objective * (1 - 1e-9)) == enough
    with pytest.raises(q.PlainError, match="alle Jahre zusammen"):
        whatif.next_money(plan.years[0])
    with pytest.raises(q.PlainError, match="ein Jahr"):
        whatif.alternatives(plan)
    assert all("Jahr" in one.sentence for one in q.sentences(plan)[:2])


def test_what_would_change_a_plan_is_the_same_whether_its_scenario_or_its_sites_were_changed():
    told = 0
    for seed in range(60_000, 60_024):
        sites, bare = oracle.random_problem(seed, most_sites=4)
        scenario, changed = oracle.with_choices(seed, sites, bare)
        if q.find_conflict(sites, scenario):
            continue
        told += 1
        plan, other = q.allocate(sites, scenario), q.allocate(changed, bare)
        assert q.frontier(sites, scenario, (0.0, 1.0)).equals(q.frontier(changed, bare, (0.0, 1.0)))
        for site_id in sites.site_ids:
            assert q.least_change(plan, site_id).equals(q.least_change(other, site_id)), f"problem {seed}"
            one, two = (q.replacement_cost(asked, site_id) for asked in (plan, other))
            assert one.amounts.equals(two.amounts), f"problem {seed}"
            assert repr(one[:-1]) == repr(two[:-1]), f"problem {seed}"
        assert q.cost_of_rules(plan).equals(q.cost_of_rules(other)), f"problem {seed}"
        assert q.alternatives(plan).sites.equals(q.alternatives(other).sites), f"problem {seed}"
        assert q.next_money(plan, 500.0).equals(q.next_money(other, 500.0)), f"problem {seed}"
        said = [[one.sentence for one in q.sentences(asked)] for asked in (plan, other)]
        assert said[0] == said[1], f"problem {seed}"
    assert told >= 5


def test_answers_over_several_years_keep_the_choices_for_single_sites():
    columns = {"site_id": ["a", "b", "c"], "need": [300.0, 200.0, 100.0], "previous_eur": [1000.0, 3000.0, math.nan]}
    sites = q.Sites.from_frame(
        pd.DataFrame({**columns, "status": "prospective", "scale_eur": 2000.0, "min_eur": 500.0, "max_eur": 4000.0})
    )
    bare = q.Scenario(budget_eur=4000, step_eur=250, years=2, max_change_share=0.5)
    changes = {"a": {"previous_eur": 2000.0, "need": 280.0}, "c": {"status": "signed"}}
    plan, other = q.allocate(sites, bare.replace(sites=changes)), q.allocate(sites.replace(changes), bare)
    assert plan.amounts_by_year.equals(other.amounts_by_year)
    assert q.cost_of_rules(plan).equals(q.cost_of_rules(other))
    for year in plan.years:
        assert not year.scenario.sites  # else last year's amounts, as they are now, would be overridden
    assert q.allocate(plan.sites, plan.scenario).amounts_by_year.equals(plan.amounts_by_year)


def test_at_an_infinite_aversion_no_answer_is_invented():
    sites = q.load("data")
    plan = q.allocate(sites, q.Scenario(inequality_aversion=math.inf))
    assert [one.sentence for one in q.sentences(plan)] == [
        "Was einen Plan ändern würde, ist bei unendlicher Ungleichheitsaversion nicht bekannt."
    ]
