"""Small counts of people stay secret: what is published is attacked by programmes of its own, and by trying every table there is."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from quartier.disclosure import Range, is_small, protect, publish, ranges, recoverable, totals

PART_OF = {"old": "all", "new": "all"}


def table(**columns):
    """Counts by (row, column); a row is numbered, None is not reported."""
    return {
        (row, column): count
        for column, counts in columns.items()
        for row, count in enumerate(counts)
        if count is not None
    }


def attack(published, key, known=None):
    """Least and greatest value of a count in fractions, by an own programme with the published counts as bounds."""
    counts = {**published.counts, **(known or {})}
    keys = list(counts)
    rows = np.zeros((len(published.sums), len(keys)))
    for row, (whole, parts) in zip(rows, published.sums, strict=True):
        row[keys.index(whole)] = 1
        for part in parts:
            row[keys.index(part)] -= 1
    bounds = [(0, None) if count is None else (count, count) for count in counts.values()]
    goal = [float(one == key) for one in keys]
    ends = []
    for sign in (1, -1):
        solved = linprog(
            [sign * one for one in goal], A_eq=rows, b_eq=np.zeros(len(rows)), bounds=bounds, method="highs-ds"
        )
        ends.append(sign * solved.fun if solved.status == 0 else math.inf)
    return Range(round(ends[0], 6), round(ends[1], 6))


def every_table(published, most):
    """Every table of whole numbers that agrees with what is published, its unknown counts by key; unknown ones up to `most`."""
    keys = [key for key, count in published.counts.items() if count is None]
    sums = [(whole, parts) for whole, parts in published.sums if {whole, *parts} & set(keys)]
    # Totals and rests follow from the others; only those that no sum gives need to be tried.
    free, given_by = [], []
    known = {key for key in published.counts if key not in keys}
    while len(known) < len(published.counts):
        for whole, parts in sums:
            missing = [key for key in (whole, *parts) if key not in known]
            if len(missing) == 1:
                given_by.append((missing[0], whole, parts))
                known.add(missing[0])
                break
        else:
            free.append(next(key for key in keys if key not in known))
            known.add(free[-1])
    for values in itertools.product(range(most + 1), repeat=len(free)):
        counts = {**published.counts, **dict(zip(free, values, strict=True))}
        for key, whole, parts in given_by:
            if key == whole:
                counts[key] = sum(counts[part] for part in parts)
            else:
                counts[key] = counts[whole] - sum(counts[part] for part in parts if part != key)
            if counts[key] < 0:
                break
        else:
            if all(counts[whole] == sum(counts[part] for part in parts) for whole, parts in sums):
                yield {key: counts[key] for key in keys}


def faults(tables, published, below, known=()):
    """Counts that the attack finds out: hidden ones, and small ones that follow from two that are shown."""
    told = {key: tables.counts[key] for key in known}
    found = []
    for key, count in tables.counts.items():
        is_kept = key in published.hidden or (key in tables.untold and is_small(count, below))
        if is_kept and key not in told:
            least, greatest = attack(published, key, told)
            least, greatest = math.ceil(least - 1e-6), greatest if greatest == math.inf else math.floor(greatest + 1e-6)
            floor = attack(publish(tables, tables.counts), key, told).least  # what a reader knows of a total anyway
            is_open = greatest >= below and greatest - least + 1 >= below
            if not is_open or (is_small(count, below) and least > max(1, math.ceil(floor - 1e-6))):
                found.append((key, count, least, greatest))
    return found


def small_tables(rows, least=1):
    """Tables of all, old and new people, some rows without old or new."""
    row = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.booleans())
    return st.lists(row, min_size=least, max_size=rows).map(
        lambda found: table(
            all=[max(one) for one, *_ in ((r[:3],) for r in found)],
            old=[r[1] for r in found],
            new=[r[2] if r[3] else None for r in found],
        )
    )


@pytest.mark.parametrize("below", [3, 5, 10])
def test_a_small_count_is_hidden_and_one_at_the_threshold_is_not(below):
    # So many sites that others are left: two hidden ones are enough.
    counts = table(all=[0, below - 1, below, 3 * below, 4 * below, 5 * below])
    published = protect(totals(counts, {}), below)
    assert (1, "all") in published.hidden
    assert published.counts[3, "all"] == 3 * below
    assert len(published.hidden) == 2


def test_without_the_further_ones_a_hidden_count_is_found_out():
    tables = totals(table(all=[3, 12, 40]), {})
    careless = publish(tables, [(0, "all")])
    assert recoverable(careless, 5) == [(0, "all")]
    assert ranges(careless, [(0, "all")]) == {(0, "all"): Range(3, 3)}
    assert faults(tables, careless, 5)
    assert recoverable(protect(tables, 5), 5) == []


def test_a_count_that_lies_in_a_narrow_range_is_found_out_too():
    # 4 and 2 leave 0 to 6 for each; 2 and 2 leave 0 to 4, five numbers, but all of them small.
    wide = publish(totals(table(all=[4, 2, 9]), {}), [(0, "all"), (1, "all")])
    narrow = publish(totals(table(all=[2, 2, 9]), {}), [(0, "all"), (1, "all")])
    assert recoverable(wide, 5) == []
    assert recoverable(narrow, 5) == [(0, "all"), (1, "all")]


def test_the_rest_between_a_part_and_its_whole_is_not_given_away_either():
    tables = totals(table(all=[40, 50, 60], old=[39, 20, 30]), PART_OF)
    assert faults(tables, publish(tables, []), 5), "one person is under 80"
    published = protect(tables, 5)
    assert not faults(tables, published, 5)
    assert {key[0] for key in published.hidden} >= {0}


def test_a_small_count_may_still_be_one_whatever_bounds_the_others():
    # All ten people at the second site are old: were only they hidden, the first had at least four, and it has four.
    tables = totals(table(all=[40, 10, 50], old=[4, 10, 45]), PART_OF)
    tempting = publish(tables, [(0, "old"), (1, "old")])
    assert recoverable(tempting, 5) == []
    assert faults(tables, tempting, 5) == [((0, "old"), 4, 4, 14)]
    assert ranges(protect(tables, 5), [(0, "old")])[0, "old"].least <= 1


def test_a_provider_that_knows_its_own_sites_finds_out_no_others():
    tables = totals(table(all=[3, 12, 40, 50]), {})
    own = [(1, "all")]
    alone = protect(tables, 5)
    assert faults(tables, alone, 5, own), "whoever knows the second count subtracts it"
    published = protect(tables, 5, [own, [(0, "all")], [(2, "all")], [(3, "all")]])
    for known in ([], own, [(0, "all")], [(2, "all")], [(3, "all")]):
        assert not faults(tables, published, 5, known)
        assert not recoverable(published, 5, {key: tables.counts[key] for key in known})


def test_the_total_of_a_lone_site_is_hidden_with_it():
    published = protect(totals(table(all=[2]), {}), 5)
    assert published.hidden == ((0, "all"), (None, "all"))


def test_zero_is_shown_where_nothing_hangs_on_it():
    published = protect(totals(table(all=[0, 7, 8]), {}), 5)
    assert published.hidden == ()


def test_a_threshold_of_one_hides_nothing():
    tables = totals(table(all=[1, 2, 3], old=[1, 1, 1]), PART_OF)
    assert protect(tables, 1).hidden == ()


def test_the_order_of_the_sites_does_not_tell_which_counts_are_small():
    counts = table(all=[3, 12, 40])
    again = protect(totals(counts, {}), 5)
    assert again == protect(totals(counts, {}), 5)
    assert not hasattr(again, "small")
    turned = protect(totals(dict(reversed(counts.items())), {}), 5)
    assert set(turned.hidden) == set(again.hidden)


@settings(max_examples=60)
@given(counts=small_tables(6), below=st.sampled_from([3, 5, 10]))
def test_an_attack_by_linear_programme_finds_nothing(counts, below):
    tables = totals(counts, PART_OF)
    published = protect(tables, below)
    assert faults(tables, published, below) == []
    assert recoverable(published, below) == []
    assert all(published.counts[key] is None for key, count in counts.items() if is_small(count, below))


@settings(max_examples=25)
@given(counts=small_tables(5, least=2), below=st.sampled_from([3, 5]))
def test_no_provider_finds_anything_out_by_a_linear_programme(counts, below):
    tables = totals(counts, PART_OF)
    owners = [[key for key in counts if key[0] % 2 == turn] for turn in (0, 1)]
    published = protect(tables, below, owners)
    for known in ([], *owners):
        rests = [key for key in tables.untold if key[0] is not None and (key[0], key[1]) in known]
        assert faults(tables, published, below, [*known, *rests]) == []


@settings(max_examples=40)
@given(
    counts=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=3).map(
        lambda rows: table(all=[max(row) for row in rows], old=[min(row) for row in rows])
    ),
    below=st.sampled_from([2, 3]),
)
def test_every_table_of_whole_numbers_that_agrees_leaves_as_much_open(counts, below):
    tables = totals(counts, PART_OF)
    published = protect(tables, below)
    seen = {}
    for one in every_table(published, most=12):
        for key, count in one.items():
            seen.setdefault(key, set()).add(count)
    for key in seen:
        count = tables.counts[key]
        if key in published.hidden or is_small(count, below):
            assert len(seen[key]) >= below, (key, seen[key])
            assert max(seen[key]) >= below
            if is_small(count, below):
                assert seen[key] >= set(range(1, below + 1)), (key, seen[key])


def fewest(tables, below):
    """How few counts can be hidden so that nothing is found out, by trying all choices, the smallest first."""
    must = {key for key, count in tables.counts.items() if key not in tables.untold and is_small(count, below)}
    others = [key for key in tables.counts if key not in must and key not in tables.untold]
    for size in range(len(others) + 1):
        for more in itertools.combinations(others, size):
            if not faults(tables, publish(tables, must | set(more)), below):
                return len(must) + size
    raise AssertionError("all hidden leaves everything open")


def test_hardly_more_is_hidden_than_must_be(request):
    chance = np.random.default_rng(7)
    hidden = least = 0
    for _ in range(25 if request.config.getoption("--thorough") else 10):
        rows = int(chance.integers(2, 5))
        whole = chance.integers(1, 30, rows)
        tables = totals(
            table(all=whole.tolist(), old=(whole * chance.uniform(0, 1, rows)).astype(int).tolist()), PART_OF
        )
        published = protect(tables, 4)
        assert not faults(tables, published, 4)
        hidden += len(published.hidden)
        least += fewest(tables, 4)
    assert least <= hidden <= 1.05 * least, (hidden, least)


def test_many_sites_do_not_take_long():
    chance = np.random.default_rng(1)
    whole = chance.poisson(60, 60)
    tables = totals(table(all=whole.tolist(), old=chance.binomial(whole, 0.1).tolist()), PART_OF)
    published = protect(tables, 5)
    assert recoverable(published, 5) == []
    assert len(published.hidden) < 1.2 * sum(is_small(count, 5) for count in tables.counts.values()) + 2
