"""The quality dialogue as tables: what the sites reported, with nothing that gives a small count away, and made-up reports marked."""

import dataclasses
import itertools
import re
from pathlib import Path

import pandas as pd
import pytest
from small_city import write_city
from test_disclosure import faults

import quartier as q
from quartier import quality
from quartier.disclosure import HIDDEN, Published, is_small, publish, recoverable
from quartier.figures import alt_text
from quartier.language import PlainError, Texts
from quartier.report import table_bundle

DATA = Path(__file__).parents[1] / "data"
YEARS = (2021, 2022)


@pytest.fixture(scope="module")
def sites():
    return q.load(DATA)


@pytest.fixture(scope="module")
def made_up(sites):
    return q.dialogue(sites, demonstration=True)


def with_tables(sites, **tables):
    """The same sites with other tables."""
    return dataclasses.replace(sites, _tables={**sites.tables, **tables}, cache={})


def real(sites, change=lambda frame: frame):
    """The same sites as if the made-up reports were real ones, changed."""
    given = {
        name.removeprefix("demonstration_"): table.assign(basis="stated")
        for name, table in sites.tables.items()
        if name.startswith("demonstration_")
    }
    return with_tables(sites, **{**given, "reports": change(given["reports"])})


def put(site_id, indicator, value, year=2022):
    """Change one figure."""

    def change(frame):
        frame = frame.copy()
        row = (frame["site_id"] == site_id) & (frame["indicator"] == indicator) & (frame["year"] == year)
        assert row.sum() == 1
        frame.loc[row, "value"] = value
        return frame

    return change


def with_threshold(sites, below):
    programme = sites.tables["programme"]
    return with_tables(
        sites,
        programme=programme.assign(value=programme["value"].where(programme["rule"] != "small_count_below", below)),
    )


def shown_to_readers(dialogue, tables):
    """What readers of every table and the figure have, put together from these tables alone, never from the raw reports."""
    found = dict.fromkeys(tables.counts)
    people = {key[1] for key in found if len(key) == 2}

    def see(site, indicator, value):
        if indicator in people and isinstance(value, float) and value == value:
            found[site, indicator] = int(value)

    for row in dialogue.figures().to_dict("records"):
        see(row["site_id"], row["indicator"], row["value"])
    for row in dialogue.totals().to_dict("records"):
        see(None, row["indicator"], row["value"])
    ids = {name: site for site, name in dialogue.site_names.items()}
    for goal in dialogue.sites.tables["goals"]["goal_id"]:
        for row in dialogue.by_site(goal).to_dict("records"):
            for indicator, value in row.items():
                see(ids.get(row["name"]), indicator, float(value) if isinstance(value, int) else value)
    return found


# --- nothing is given away ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("year", "below"), list(itertools.product(YEARS, (3, 5, 10, 50))))
def test_no_hidden_count_can_be_worked_out_from_all_tables_of_a_year(sites, year, below):
    city = with_threshold(sites, below)
    raw = quality.counts(city, year, demonstration=True)
    shown = shown_to_readers(q.dialogue(city, year, demonstration=True), raw)
    published = Published(shown, raw.sums, raw.untold)
    assert not recoverable(published, below)
    assert not faults(raw, published, below)
    assert all(shown[key] is None for key, count in raw.counts.items() if is_small(count, below))
    owners = city.frame["provider"].fillna("?")
    for _, group in owners.groupby(owners):
        own = [key for key in raw.counts if key[0] in group.index]
        assert not faults(raw, published, below, own)


def test_the_attack_finds_the_counts_where_only_the_small_ones_are_hidden(sites):
    # One site is below the threshold: the total gives it away.
    def alone(frame):
        return put("braker-strasse", "people_at_home", 2)(
            frame.assign(value=frame["value"].mask(frame["indicator"] == "people_at_home", 20.0))
        )

    city = real(sites, alone)
    raw = quality.counts(city, 2022)
    careless = publish(raw, [("braker-strasse", "people_at_home")])
    assert recoverable(careless, 5) == [("braker-strasse", "people_at_home")]
    assert recoverable(quality.published(city, 2022), 5) == []


def test_a_change_is_only_given_where_both_years_are_shown(made_up):
    figures = made_up.figures()
    both = figures["value"].map(lambda one: isinstance(one, float)) & figures["last_year"].map(
        lambda one: isinstance(one, float)
    )
    assert (figures["value"] == HIDDEN).any()
    assert (figures["last_year"] == HIDDEN).any()
    assert figures.loc[~both, "change"].isna().all()
    assert (figures.loc[both, "change"] == figures.loc[both, "value"] - figures.loc[both, "last_year"]).all()


def test_a_year_looks_the_same_the_year_after(sites):
    before = q.dialogue(sites, 2021, demonstration=True).figures().set_index(["site_id", "indicator"])["value"]
    after = q.dialogue(sites, 2022, demonstration=True).figures().set_index(["site_id", "indicator"])["last_year"]
    pd.testing.assert_series_equal(before, after, check_names=False)


def test_neither_sentence_nor_picture_tells_a_hidden_count(sites):
    city = real(sites, put("brockeiche", "people_reached", 3))
    frame = city.tables["reports"]
    chosen = (frame["site_id"] == "brockeiche") & frame["indicator"].isin(
        ["people_80_plus", "people_new", "people_at_home"]
    )
    city = with_tables(city, reports=frame.assign(value=frame["value"].mask(chosen & (frame["year"] == 2022), 1.0)))
    dialogue = q.dialogue(city)
    reached = dialogue.reached().set_index("site_id")
    assert reached["value"]["brockeiche"] == HIDDEN
    ax = q.plot_dialogue(dialogue.reached())
    assert "Brockeiche geheim (Vorjahr: 513)" in alt_text(ax)
    drawn = {bar.get_width() for bar in ax.patches}
    assert 3.0 not in drawn
    assert 621.0 in drawn
    assert "„geheim“ heißt" in alt_text(ax)


def test_where_no_threshold_is_stated_four_people_are_hidden_and_five_are_not(sites):
    programme = sites.tables["programme"]
    city = with_tables(sites, programme=programme[programme["rule"] != "small_count_below"])
    assert quality.threshold(city) == 5 == quality.SMALL_BELOW
    assert quality.threshold(with_threshold(sites, 10)) == 10


def test_counts_of_things_and_hours_are_shown_however_small(made_up):
    figures = made_up.figures()
    assert not (figures.loc[figures["unit"] != "Personen", "value"] == HIDDEN).any()
    assert (figures.loc[figures["indicator"] == "network_meetings", "value"] == 4.0).any()


# --- what the tables say ------------------------------------------------------------------------------------------


def test_figures_that_may_be_shown_are_those_that_were_reported(sites, made_up):
    raw = sites.tables["demonstration_reports"]
    raw = raw[raw["year"] == 2022].set_index(["site_id", "indicator"])["value"]
    shown = made_up.figures().set_index(["site_id", "indicator"])["value"]
    assert set(shown.index) == set(raw.index)
    seen = shown[shown != HIDDEN]
    assert len(seen) > 0.9 * len(shown)
    assert (seen.astype(float) == raw[seen.index]).all()


def test_totals_add_up_what_was_reported(sites, made_up):
    raw = sites.tables["demonstration_reports"]
    sums = raw[raw["year"] == 2022].groupby("indicator")["value"].sum()
    shown = made_up.totals().set_index("indicator")["value"]
    assert shown["people_reached"] == 4618
    assert shown[shown != HIDDEN].astype(float).to_dict() == pytest.approx(sums[shown[shown != HIDDEN].index].to_dict())


def test_totals_of_different_sites_have_no_change(sites):
    city = real(sites, lambda frame: frame[(frame["year"] != 2022) | (frame["site_id"] != "wefelshof")])
    dialogue = q.dialogue(city)
    assert dialogue.totals()["change"].isna().all()
    assert (dialogue.totals()["sites"] == 6).all()
    assert dialogue.without_report()["name"].tolist() == ["Wefelshof"]
    said = " ".join(dialogue.sentences())
    assert "Für 2022 haben 6 von 7 Standorten mit Vereinbarung berichtet." in said
    assert "Noch kein Bericht: Wefelshof." in said
    assert "weniger als 2021" not in said


def test_a_figure_that_nobody_reported_is_missing_and_not_hidden(sites):
    city = real(
        sites, lambda frame: frame[(frame["site_id"] != "wefelshof") | (frame["indicator"] != "people_at_home")]
    )
    table = q.dialogue(city).by_site("beratung").set_index("name")["people_at_home"]
    assert table["Wefelshof"] is None
    assert HIDDEN in set(table)
    figures = q.dialogue(city).figures()
    assert not ((figures["site_id"] == "wefelshof") & (figures["indicator"] == "people_at_home")).any()


def test_everything_made_up_says_so_and_nothing_else_does(sites, made_up):
    marked = "Angenommen, zur Vorführung erfunden"
    reports = q.dialogue(real(sites))
    for name in ("figures", "totals", "reached", "texts", "measures", "without_report"):
        assert marked in getattr(made_up, name)().attrs["caption"], name
        assert marked not in getattr(reports, name)().attrs["caption"], name
        assert "2022" in getattr(reports, name)().attrs["caption"], name
    assert made_up.sentences()[0] == made_up.mark_sentence
    assert reports.mark_sentence == ""
    assert not any(marked in sentence for sentence in reports.sentences())
    title = q.plot_dialogue(made_up.reached()).get_title()
    assert title == "Erreichte Menschen ab 65, 2022 gegenüber 2021 (erfunden)"
    assert "erfunden" not in q.plot_dialogue(reports.reached()).get_title()


def test_made_up_reports_are_only_given_when_asked_for(sites):
    assert "reports" not in sites.tables
    with pytest.raises(PlainError, match="Noch hat kein Standort berichtet"):
        q.dialogue(sites)


def test_a_city_without_reports_or_with_others_is_told_in_words(sites, tmp_path):
    with pytest.raises(PlainError, match="Für 2019 gibt es keine Berichte, nur für 2021 und 2022"):
        q.dialogue(sites, 2019, demonstration=True)
    city = q.load(write_city(tmp_path / "city"))
    for ask in (q.goals, q.dialogue):
        with pytest.raises(PlainError, match="keine Kennzahlen des Qualitätsdialogs"):
            ask(city)
    with pytest.raises(PlainError, match="keine erfundenen Berichte"):
        q.dialogue(
            with_tables(sites, demonstration_reports=sites.tables["demonstration_reports"][:0]), demonstration=True
        )
    with pytest.raises(PlainError, match="Das Ziel „begegnungen“ gibt es nicht"):
        q.dialogue(sites, demonstration=True).by_site("begegnungen")


def test_half_a_person_and_a_part_of_nothing_are_refused(sites):
    with pytest.raises(PlainError, match="wefelshof, people_reached, 2022: 12,50"):
        q.dialogue(real(sites, put("wefelshof", "people_reached", 12.5))).figures()
    kinds = sites.tables["dialogue_indicators"]
    wrong = kinds.assign(part_of=kinds["part_of"].replace("people_reached", "visits"))
    with pytest.raises(PlainError, match="angegeben visits"):
        q.dialogue(with_tables(sites, dialogue_indicators=wrong), demonstration=True).totals()


def test_what_a_city_does_not_have_is_said_in_its_place(sites, tmp_path):
    scenario = q.Scenario()
    full = q.dialogue_views(sites, scenario)
    assert not [name for name, one in full.items() if isinstance(one, PlainError)]
    assert len(full["by_site"]) == 5
    assert full["moved"].attrs["caption"] == q.dialogue(sites, demonstration=True).mark_sentence
    small = q.dialogue_views(q.load(write_city(tmp_path / "city")), scenario)
    assert list(small) == list(full)
    assert all(isinstance(one, PlainError) for one in small.values())


def test_views_are_of_the_real_reports_where_there_are_any(sites):
    found = q.dialogue_views(real(sites), q.Scenario())
    assert not [name for name, one in found.items() if isinstance(one, PlainError)]
    assert "erfunden" not in found["sentences"] + found["learnt"] + found["totals"].attrs["caption"]
    assert "caption" not in found["moved"].attrs


def test_tables_are_shown_one_after_the_other(made_up, capsys):
    q.show([made_up.by_site(goal) for goal in ("beratung", "ehrenamt")])
    printed = capsys.readouterr().out
    assert printed.index("Beratungen") < printed.index("Stunden der Ehrenamtlichen")


def test_open_measures_of_former_years_are_not_forgotten(made_up):
    measures = made_up.measures()
    assert set(measures["year"]) == {"2021", "2022"}
    assert set(measures.loc[measures["year"] == "2021", "state"]) == {"open"}
    assert q.dialogue(made_up.sites, 2021, demonstration=True).measures()["year"].eq("2021").all()


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        '=HYPERLINK("http://x","y")',
        "Zeile\r\nzwei\u202eumgedreht\x07",
        "<b>fett</b> & mehr",
    ],
)
def test_what_a_site_writes_stays_text(sites, text):
    city = real(sites)
    written = city.tables["report_texts"].assign(text=text)
    agreed = city.tables["measures"].assign(text=text, owner=text)
    dialogue = q.dialogue(with_tables(city, report_texts=written, measures=agreed))
    for table in (dialogue.texts(), dialogue.measures()):
        shown = table_bundle(table, Texts("de"), None)
        assert not re.search(r"<(script|b)\b", shown["text/html"])
        assert all(one.isprintable() for one in table["text"])
    if text.startswith("="):
        assert table["text"][0] == text


def test_tables_have_headings_in_both_languages(sites):
    for language in ("de", "en"):
        dialogue = q.dialogue(sites, demonstration=True, language=language)
        for table in (
            dialogue.figures(),
            dialogue.totals(),
            dialogue.texts(),
            dialogue.measures(),
            q.goals(sites, language),
        ):
            for column in table.columns:
                assert Texts(language).column(column) != column, (language, column)
    assert "Assumed, made up for demonstration" in " ".join(dialogue.sentences())


def test_a_picture_is_that_of_one_indicator(made_up):
    with pytest.raises(PlainError, match="die Zahlen einer Kennzahl, nicht von 12"):
        q.plot_dialogue(made_up.figures())
