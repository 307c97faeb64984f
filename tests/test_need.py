"""Need by hand, and what must hold whatever the numbers: nobody is counted twice, nothing depends on the order of rows."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import all_of, appended, changed, write_city

import quartier as q
from quartier import need


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    return q.load(write_city(tmp_path_factory.mktemp("need") / "city"))


# --- by hand: Ufer has 1400 old and 700 very old residents, Heide 600 and 100, Hafen 300 and 50 -----------------


def test_where_catchments_claim_more_than_all_residents_each_gets_its_part(sites):
    table = need.shares(sites).set_index(["site_id", "area_id"])
    assert list(table.index) == [("park", "ufer"), ("hill", "ufer"), ("hill", "heide"), ("yard", "hafen")]
    assert list(table["share"]) == [0.6, 0.8, 0.5, 1]
    assert list(table["claimed"]) == pytest.approx([1.4, 1.4, 0.5, 1])
    assert list(table["effective_share"]) == pytest.approx([3 / 7, 4 / 7, 0.5, 1])


def test_indicators_are_summed_over_the_catchment_and_residents_never_counted_twice(sites):
    totals = need.indicator_totals(sites)
    assert totals.loc["park"].tolist() == pytest.approx([600, 300])
    assert totals.loc["hill"].tolist() == pytest.approx([800 + 300, 400 + 50])
    assert totals.loc[["park", "hill"], "old"].sum() == pytest.approx(1400 + 600 / 2)
    assert totals.index.tolist() == ["park", "hill", "yard"]
    assert totals.columns.tolist() == ["old", "very_old"]


def test_a_sites_own_count_takes_the_place_of_its_catchments_and_only_for_that_indicator(sites):
    assert need.indicator_totals(sites).loc["yard"].tolist() == [300, 80]


def test_the_need_is_the_weighted_sum(sites):
    assert q.weigh(sites).to_dict() == pytest.approx(
        {"park": 600 + 2.5 * 300, "hill": 1100 + 2.5 * 450, "yard": 300 + 200}
    )
    other = q.weigh(sites, {"old": 0.5, "very_old": 4})
    assert other.to_dict() == pytest.approx({"park": 300 + 1200, "hill": 550 + 1800, "yard": 150 + 320})
    assert other.name == "need"


def test_need_and_contributions_keep_the_order_of_the_sites(sites):
    assert q.weigh(sites).index.tolist() == list(sites.site_ids)
    assert q.contributions(sites).index.tolist() == list(sites.site_ids)


def test_the_contributions_add_up_to_the_need(sites):
    parts = q.contributions(sites)
    assert parts.loc["hill"].tolist() == pytest.approx([1100, 1125])
    pd.testing.assert_series_equal(parts.sum(axis=1), q.weigh(sites), check_names=False)


def test_an_indicator_that_is_left_out_counts_nothing(sites):
    parts = q.contributions(sites, {"very_old": 2.5})
    assert parts.columns.tolist() == ["very_old"]
    assert q.weigh(sites, {"very_old": 2.5}).to_dict() == pytest.approx({"park": 750, "hill": 1125, "yard": 200})
    assert q.weigh(sites, {"old": 0, "very_old": 2.5}).to_dict() == pytest.approx(
        {"park": 750, "hill": 1125, "yard": 200}
    )


def test_without_weights_those_of_the_data_hold(sites):
    for weights in (None, {}):
        assert q.contributions(sites, weights).columns.tolist() == ["old", "very_old"]
        assert q.weigh(sites, weights).equals(q.weigh(sites, {"old": 1, "very_old": 2.5}))


def test_the_latest_date_counts_wherever_its_row_stands(sites, tmp_path):
    city = write_city(tmp_path / "city")
    all_of(
        appended(
            "indicators.csv",
            "ufer,,old,2019-06-30,1,Personen,stated,,amt",
            "heide,,old,2020-01,700,Personen,stated,,amt",
        ),
        changed("indicators.csv", "hafen,,old,2019,300", "hafen,,old,2018-12-31,300"),
        appended("indicators.csv", "hafen,,old,2018-06,9,Personen,stated,,amt"),
    )(city)
    totals = need.indicator_totals(q.load(city))["old"]
    assert totals.to_dict() == pytest.approx({"park": 600, "hill": 800 + 350, "yard": 300})


def test_what_a_place_needs_does_not_depend_on_the_talks(sites):
    other = sites.replace({"hill": {"status": "declined"}, "yard": {"status": "signed"}})
    pd.testing.assert_series_equal(q.weigh(other), q.weigh(sites))


def test_a_need_that_is_given_is_taken_as_it_is():
    table = pd.DataFrame(
        {"site_id": ["b", "a"], "need": [2.5, 0], "status": "signed", "scale_eur": 8000, "min_eur": 0, "max_eur": 9000}
    )
    read = q.Sites.from_frame(table)
    assert q.weigh(read).to_dict() == {"b": 2.5, "a": 0}
    assert q.weigh(read, {}).equals(q.weigh(read))


def test_what_is_given_out_can_be_changed_without_harm(sites):
    before = need.indicator_totals(sites).copy()
    for table in (need.indicator_totals(sites), q.contributions(sites), need.shares(sites)):
        table.iloc[0] = 0
    weighed = q.weigh(sites)
    weighed.iloc[0] = -1
    assert need.indicator_totals(sites).equals(before)


# --- whatever the numbers ---------------------------------------------------------------------------------------

SITES = ["a", "b", "c", "d"]
AREAS = ["n", "o", "p"]
PLACES = [(site, area) for site in SITES for area in AREAS]


@st.composite
def cities(draw):
    """Sites with catchments, counts and weights; the need by hand, cell by cell."""
    claims = draw(st.lists(st.sampled_from(PLACES), min_size=1, unique=True))
    # Each site has a catchment, as a folder must.
    claims += [(site, draw(st.sampled_from(AREAS))) for site in SITES if site not in {s for s, _ in claims}]
    shares = {claim: draw(st.floats(1e-6, 1)) for claim in claims}
    counts = {(area, kind): draw(st.integers(0, 10**6)) for area in AREAS for kind in ("old", "very_old")}
    own = draw(st.dictionaries(st.sampled_from(SITES), st.integers(0, 10**6), max_size=2))
    weights = draw(st.fixed_dictionaries({"old": st.floats(0, 10), "very_old": st.floats(0, 10)}))
    return shares, counts, own, weights


def built(shares, counts, own, weights, order=lambda rows: rows):
    frame = pd.DataFrame({"name": SITES, "status": "signed"}, index=pd.Index(SITES, name="site_id"))
    claims = order([(site, area, share) for (site, area), share in shares.items()])
    rows = [(area, None, kind, "2020", float(value)) for (area, kind), value in counts.items()]
    rows += [(None, site, "old", "2020", float(value)) for site, value in own.items()]
    kinds = pd.DataFrame({"indicator": list(weights), "need_weight": list(weights.values())})
    tables = {
        "catchments": pd.DataFrame(claims, columns=["site_id", "area_id", "share"]),
        "indicators": pd.DataFrame(
            order(rows), columns=["area_id", "site_id", "indicator", "date", "value"], dtype=object
        ),
        "indicator_kinds": kinds,
    }
    tables["indicators"] = tables["indicators"].astype({"value": float})
    return q.Sites(frame, tables)


@settings(max_examples=60)
@given(cities())
def test_the_shares_of_an_area_never_make_more_than_the_whole(city):
    table = need.shares(built(*city))
    assert (table.groupby("area_id")["effective_share"].sum() <= 1 + 1e-12).all()
    assert (table["effective_share"] <= table["share"]).all()
    assert (table["effective_share"] > 0).all()
    enough = table["claimed"] <= 1
    assert (table.loc[enough, "effective_share"] == table.loc[enough, "share"]).all()


@settings(max_examples=60)
@given(cities())
def test_the_need_is_what_a_loop_over_sites_and_areas_gives(city):
    shares, counts, own, weights = city
    expected = {}
    for site in SITES:
        total = dict.fromkeys(weights, 0.0)
        for (other, area), share in shares.items():
            if other == site:
                claimed = sum(s for (_, place), s in shares.items() if place == area)
                for kind in weights:
                    total[kind] += share / max(1, claimed) * counts[area, kind]
        if site in own:
            total["old"] = own[site]
        expected[site] = sum(weights[kind] * total[kind] for kind in weights)
    assert q.weigh(built(*city), weights or None).to_dict() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@settings(max_examples=30)
@given(cities())
def test_sites_never_reach_more_people_than_there_are(city):
    shares, counts, _, weights = city
    totals = need.indicator_totals(built(shares, counts, {}, weights))
    for kind in weights:
        people = sum(count for (area, of), count in counts.items() if of == kind)
        assert totals[kind].sum() <= people * (1 + 1e-12)


@settings(max_examples=30)
@given(cities())
def test_the_order_of_the_rows_does_not_matter(city):
    straight, turned = built(*city), built(*city, order=lambda rows: rows[::-1])
    np.testing.assert_allclose(q.weigh(turned), q.weigh(straight), rtol=1e-12)
