"""Claims about the data of this repository; only the files are read, not the package."""

import csv
import json
import re
from pathlib import Path

import pandas as pd
import pytest
from frictionless import Package

DATA = Path(__file__).parents[1] / "data"
DESCRIPTOR = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES = {resource["name"]: resource for resource in DESCRIPTOR["resources"]}
FIGURES = [
    "areas",
    "partners",
    "sites",
    "agreements",
    "catchments",
    "indicator_kinds",
    "indicators",
    "site_rules",
    "programme",
    "evidence",
    "goals",
    "dialogue_indicators",
    "calendar",
    "steps",
    "instalments",
    "demonstration_reports",
    "demonstration_report_texts",
    "demonstration_measures",
]
ATTRIBUTION = "© Stadt Bielefeld, Presseamt/Statistikstelle (CC BY-SA 4.0)"
ASSUMPTIONS = "annahme"


def read(name: str) -> pd.DataFrame:
    """Read a table as text, blank cells as empty strings."""
    return pd.read_csv(DATA / RESOURCES[name]["path"], dtype=str, keep_default_na=False)


def read_raw(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / RESOURCES[name]["path"], sep=";", dtype=str, keep_default_na=False)


def current_status() -> pd.Series:
    """Status of each candidate: that of its latest row."""
    return read("agreements").sort_values("date", kind="stable").groupby("site_id")["status"].last()


@pytest.fixture(scope="module")
def indicators() -> pd.Series:
    """Values by (area, indicator, date)."""
    table = read("indicators")
    table["value"] = pd.to_numeric(table["value"])
    return table[table["area_id"] != ""].set_index(["area_id", "indicator", "date"])["value"]


@pytest.fixture(scope="module")
def groups_of() -> dict[str, list[str]]:
    """Statistical districts that make up each area, itself included where it is one."""
    areas = read("areas")
    small = areas[areas["kind"] == "statistical district"]
    groups = {area: [area] for area in small["area_id"]}
    groups |= {district: list(part["area_id"]) for district, part in small.groupby("part_of")}
    (city,) = areas.loc[areas["kind"] == "city", "area_id"]
    return groups | {city: list(small["area_id"])}


# --- pedigree -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_every_row_has_a_basis_and_a_source_that_exists(name):
    table, sources = read(name), set(read("sources")["source_id"])
    assert set(table["basis"]) <= {"stated", "derived", "assumed"}
    assert set(table["source_id"]) <= sources


@pytest.mark.parametrize("name", [name for name in FIGURES if "formula" in read(name)])
def test_every_derived_figure_gives_its_formula(name):
    table = read(name)
    derived = table[table["basis"] == "derived"]
    assert (derived["formula"].str.len() > 3).all()


def test_no_figure_is_derived_where_no_formula_can_be_given():
    for name in FIGURES:
        table = read(name)
        assert "formula" in table or "derived" not in set(table["basis"])


@pytest.mark.parametrize("name", FIGURES)
def test_the_source_of_assumptions_stands_behind_all_assumed_rows_and_no_others(name):
    table = read(name)
    assert ((table["source_id"] == ASSUMPTIONS) == (table["basis"] == "assumed")).all()


@pytest.mark.parametrize("name", FIGURES)
def test_every_assumed_row_gives_a_reason_and_who_should_replace_it(name):
    table = read(name)
    for note in table.loc[table["basis"] == "assumed", "note"] if "note" in table else []:
        assert "Annahme" in note
        assert "zu ersetzen" in note or "festzulegen" in note
    assert "note" in table or "assumed" not in set(table["basis"])


def test_every_source_named_in_a_note_exists():
    sources = set(read("sources")["source_id"])
    families = {source.split("-")[0] for source in sources if "-" in source}
    named = re.compile(r"\b(?:" + "|".join(sorted(families)) + r")-[a-z0-9]+(?:-[a-z0-9]+)*\b")
    for name in FIGURES:
        table = read(name)
        texts = [text for column in {"note", "formula"} & set(table) for text in table[column]]
        found = {match for text in texts for match in named.findall(text)}
        assert found <= sources, name


# --- figures against the city's own files -------------------------------------------------------------------


def test_residents_are_the_sums_of_the_raw_file(indicators, groups_of):
    raw = read_raw("residents_raw")
    raw["area_id"] = "sb" + raw["stat_id_k"]
    raw["date"] = raw["stichtag"].str.replace(r"(\d\d)(\d\d)(\d{4})", r"\3-\2-\1", regex=True)
    raw["residents"] = raw["einwohnerzahl"].astype(int)
    ages = {
        "residents": ["1", "2", "3", "4"],
        "residents_under_18": ["1"],
        "residents_65_plus": ["3", "4"],
        "residents_65_79": ["3"],
        "residents_80_plus": ["4"],
    }
    given = {key: value for key, value in indicators.items() if key[1] in ages}
    assert len(given) == 5 * (72 * 2 + 11 * 10)
    for (area, indicator, date), value in given.items():
        chosen = raw["area_id"].isin(groups_of[area]) & raw["altersgruppen4"].isin(ages[indicator])
        assert value == raw.loc[chosen & (raw["date"] == date), "residents"].sum(), (area, indicator, date)


def test_households_are_the_sums_of_the_raw_file(indicators, groups_of):
    raw = read_raw("households_raw")
    raw["area_id"] = "sb" + raw["stat_id"].str[-2:]
    columns = {"households": "HH_insgesamt", "one_person_households": "EinPersonenHaushalte"}
    given = {key: value for key, value in indicators.items() if key[1] in columns}
    assert len(given) == 2 * (72 + 11)
    for (area, indicator, date), value in given.items():
        chosen = raw["area_id"].isin(groups_of[area]) & (raw["jahr"] == date[:4])
        assert value == raw.loc[chosen, columns[indicator]].astype(int).sum(), (area, indicator, date)


def test_statistical_districts_have_the_number_name_and_district_of_the_raw_file():
    raw, areas = read_raw("residents_raw"), read("areas").set_index("area_id")
    parts = raw.drop_duplicates("stat_id_k").set_index("stat_id_k")
    assert len(parts) == 72
    for number, row in parts.iterrows():
        assert areas.loc[f"sb{number}", "name"] == row["stat_name"].removesuffix(" stb")
        assert areas.loc[areas.loc[f"sb{number}", "part_of"], "name"] == row["stad_name"]


def test_the_rate_of_income_support_is_worked_out_as_its_formula_says(indicators):
    recipients = indicators["bielefeld", "persons_on_old_age_income_support", "2018-06-30"]
    residents = indicators["bielefeld", "residents_65_plus", "2018-12-31"]
    rate = indicators["bielefeld", "old_age_income_support_rate_65_plus", "2018"]
    assert rate == pytest.approx(100 * recipients / residents, abs=0.05)


def test_income_support_is_the_citys_rate_applied_to_each_statistical_district(indicators):
    rate = indicators["bielefeld", "old_age_income_support_rate_65_plus", "2018"] / 100
    supported = indicators.xs("income_support_65_plus", level="indicator")
    assert len(supported) == 72
    for (area, date), value in supported.items():
        assert value == pytest.approx(rate * indicators[area, "residents_65_plus", date], abs=0.0501)


def test_every_statistical_district_has_every_need_indicator(indicators, groups_of):
    kinds = read("indicator_kinds")
    needed = set(kinds.loc[kinds["need_weight"] != "", "indicator"])
    assert needed == {
        "residents_65_79",
        "residents_80_plus",
        "one_person_households",
        "income_support_65_plus",
    }
    for area in groups_of["bielefeld"]:
        assert needed <= set(indicators.loc[area].index.get_level_values("indicator")), area


def test_a_value_has_the_unit_of_its_indicator():
    units = read("indicator_kinds").set_index("indicator")["unit"]
    table = read("indicators")
    assert (table["indicator"].map(units) == table["unit"]).all()
    assert set(units.index) == set(table["indicator"])


def test_an_indicator_belongs_to_either_an_area_or_a_site():
    table = read("indicators")
    assert ((table["area_id"] == "") != (table["site_id"] == "")).all()


# --- programme, sites, agreements ---------------------------------------------------------------------------


def test_the_programme_is_what_the_council_notice_says():
    rules = read("programme").set_index("rule")
    assert rules.loc["budget_eur", ["value", "unit"]].tolist() == ["80000", "EUR"]
    assert rules.loc[["max_sites", "signed_sites"], "value"].tolist() == ["10", "7"]
    assert set(rules.loc[["budget_eur", "max_sites", "signed_sites"], "basis"]) == {"stated"}
    assert "10517/2014-2020" in rules.loc["decision_basis", "text"]
    assert rules.loc["decision_basis", "date"] == "2020-03-17"
    assert rules.loc["budget_per_place_eur", ["value", "basis"]].tolist() == ["8000", "derived"]


def test_seven_sites_have_signed_one_talks_and_one_has_declined():
    counts = current_status().value_counts().to_dict()
    assert counts == {"signed": 7, "negotiating": 1, "prospective": 5, "declined": 1}


def test_only_the_refusal_of_the_gswg_is_stated_all_other_statuses_are_assumed():
    table = read("agreements")
    stated = table[table["basis"] == "stated"]
    assert stated[["site_id", "status"]].to_numpy().tolist() == [["gswg-senne", "declined"]]
    assert stated["reason"].str.len().gt(0).all()


def test_partners_of_an_agreement_have_the_right_role():
    roles = read("partners").set_index("partner_id")["kind"]
    table = read("agreements")
    assert set(table["housing_company_id"].map(roles)) == {"housing_company"}
    assert set(table.loc[table["provider_id"] != "", "provider_id"].map(roles)) == {"provider"}


def test_every_candidate_has_floor_cap_and_scale_in_order():
    rules = read("site_rules").assign(value=lambda table: pd.to_numeric(table["value"]))
    values = rules.pivot_table(index="site_id", columns="rule", values="value")
    assert set(values.index) == set(current_status().index)
    assert values[["min_eur", "max_eur", "scale_eur"]].notna().all(axis=None)
    assert (values["min_eur"] <= values["max_eur"]).all()
    assert (values["scale_eur"] > 0).all()


def test_every_candidate_has_a_catchment_of_statistical_districts():
    catchments, kinds = read("catchments"), read("areas").set_index("area_id")["kind"]
    assert set(catchments["site_id"]) == set(current_status().index)
    assert set(catchments["area_id"].map(kinds)) == {"statistical district"}
    assert pd.to_numeric(catchments["share"]).between(0, 1, inclusive="right").all()


def test_a_catchment_lies_in_the_sites_own_district_where_that_is_known():
    part_of = read("areas").set_index("area_id")["part_of"]
    district = read("sites").set_index("site_id")["area_id"]
    for row in read("catchments").itertuples():
        assert district[row.site_id] in ("", part_of[row.area_id]), (row.site_id, row.area_id)


def test_catchments_overlap_in_brake_and_in_schildesche():
    table = read("catchments")
    total = pd.to_numeric(table["share"]).groupby(table["area_id"]).sum()
    assert {"sb18", "sb49", "sb51"} <= set(total.index[total > 1])


def test_the_catchment_of_am_pfarracker_holds_about_the_9500_people_that_are_stated(indicators):
    table = read("catchments")
    own = table[table["site_id"] == "am-pfarracker"]
    people = sum(float(row.share) * indicators[row.area_id, "residents", "2019-12-31"] for row in own.itertuples())
    assert people == pytest.approx(9500, rel=0.05)


# --- the quality dialogue and the next steps ---------------------------------------------------------------------


def test_no_report_stands_among_the_facts_and_every_made_up_one_says_so():
    assert not {"reports", "report_texts", "measures"} & set(RESOURCES)
    made_up = [name for name in RESOURCES if name.startswith("demonstration_")]
    assert len(made_up) == 3
    for name in made_up:
        assert RESOURCES[name]["path"].startswith("demonstration/")
        assert RESOURCES[name]["description"].startswith("Made up")
        table = read(name)
        assert set(table["basis"]) == {"assumed"}
        assert table["note"].str.contains("erfunden, kein Bericht eines Standorts").all()
    of_facts = {name for name, resource in RESOURCES.items() if resource["path"].startswith("demonstration/")}
    assert of_facts == set(made_up)


def test_only_the_two_committees_and_the_half_year_of_the_notice_are_known_dates():
    calendar = read("calendar")
    known = calendar[calendar["basis"] != "assumed"].set_index("event_id")
    assert known["source_id"].eq("mitteilung-2021").all()
    assert known[["kind", "begins", "ends", "basis"]].to_numpy().tolist() == [
        ["committee", "2021-01-26", "2021-01-26", "stated"],
        ["committee", "2021-03-24", "2021-03-24", "stated"],
        ["report", "2021-07-01", "2021-12-31", "derived"],
    ]
    title = read("sources").set_index("source_id").loc["mitteilung-2021", "title"]
    assert "SGA am 26.01.2021" in title
    assert "Seniorenrat am 24.03.2021" in title


def test_every_agreement_ends_once_and_no_other_site_has_an_end():
    calendar, status = read("calendar"), current_status()
    ends = calendar.loc[calendar["kind"] == "renewal", "site_id"]
    assert sorted(ends) == sorted(status.index[status == "signed"])


def test_a_step_without_a_site_is_what_the_notice_says_and_one_with_a_site_is_assumed():
    steps = read("steps")
    assert steps["basis"].tolist() == ["stated" if site == "" else "assumed" for site in steps["site_id"]]
    to_be_approached = read("programme").set_index("rule").loc["to_be_approached", "text"]
    assert "ein weiteres Wohnungsunternehmen" in to_be_approached
    assert set(steps.loc[steps["kind"] == "negotiation", "site_id"]) == {
        site for site, status in current_status().items() if status == "negotiating"
    }


def test_goals_indicators_and_instalments_are_all_assumed():
    for name in ("goals", "dialogue_indicators", "instalments"):
        assert set(read(name)["basis"]) == {"assumed"}
    assert pd.to_numeric(read("instalments")["share"]).sum() == 1
    assert read("dialogue_indicators").query("role != ''")["role"].tolist() == ["money", "hours", "people"]


# --- the data package and the form of the files -------------------------------------------------------------


def test_the_data_package_and_all_its_data_are_valid():
    report = Package(str(DATA / "datapackage.json")).validate()
    assert report.valid, report.flatten(["title", "rowNumber", "fieldNumber", "message"])
    assert report.stats["warnings"] == 0
    assert {task.name: task.stats["rows"] for task in report.tasks}["indicators"] == len(read("indicators"))


def test_every_csv_file_is_described_and_every_described_file_exists():
    on_disk = {path.relative_to(DATA).as_posix() for path in DATA.rglob("*.csv")}
    assert {resource["path"] for resource in RESOURCES.values()} == on_disk


@pytest.mark.parametrize("name", RESOURCES)
def test_every_column_is_described_in_order_and_every_number_has_a_unit(name):
    resource = RESOURCES[name]
    fields = resource["schema"]["fields"]
    with (DATA / resource["path"]).open(encoding="utf-8", newline="") as file:
        header = next(csv.reader(file, delimiter=resource.get("dialect", {}).get("delimiter", ",")))
    assert [field["name"] for field in fields] == header
    assert all(field["type"] and len(field["description"]) > 3 for field in fields)
    assert all(field.get("unit") for field in fields if field["type"] in ("number", "integer"))


@pytest.mark.parametrize("name", RESOURCES)
def test_every_table_has_a_key_a_licence_and_sources(name):
    resource = RESOURCES[name]
    assert resource["schema"]["primaryKey"]
    assert [licence["name"] for licence in resource["licenses"]] == ["CC-BY-SA-4.0"]
    assert all(source["title"] for source in resource["sources"])


@pytest.mark.parametrize("name", FIGURES)
def test_every_column_that_names_a_row_elsewhere_is_a_foreign_key(name):
    partners = {"partner_id", "housing_company_id", "provider_id"}
    ids = {"source_id", "area_id", "site_id", "part_of", *partners, "indicator", "goal_id"}
    schema = RESOURCES[name]["schema"]
    own_key = schema["primaryKey"] if isinstance(schema["primaryKey"], str) else ""
    expected = ids & {field["name"] for field in schema["fields"]} - {own_key}
    assert {key["fields"] for key in schema["foreignKeys"]} == expected


def test_the_citys_attribution_goes_with_everything_worked_out_from_its_figures():
    for name in ("areas", "indicators", "residents_raw", "households_raw"):
        assert RESOURCES[name]["attribution"] == ATTRIBUTION
    assert ATTRIBUTION in (DATA / "LICENSE.md").read_text(encoding="utf-8")
    assert ATTRIBUTION in (DATA / "README.md").read_text(encoding="utf-8")
    sources = read("sources").set_index("source_id")
    assert set(sources.loc[["losdb-bev", "losdb-hh"], "licence"]) == {"CC BY-SA 4.0"}
    assert sources.loc[["losdb-bev", "losdb-hh"], "publisher"].str.startswith("© Stadt Bielefeld").all()


@pytest.mark.parametrize("name", [*FIGURES, "sources"])
def test_a_table_is_plain_utf8_with_line_feeds_and_no_stray_spaces(name):
    content = (DATA / RESOURCES[name]["path"]).read_bytes()
    assert not content.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in content
    assert content.endswith(b"\n")
    table = read(name)
    assert not table.map(lambda cell: cell != cell.strip() or "\n" in cell or "  " in cell).any(axis=None)


@pytest.mark.parametrize("name", [*FIGURES, "sources"])
def test_dates_are_iso_days_months_or_years(name):
    table = read(name)
    for column in {"date", "opened", "begins", "ends", "since", "due_date"} & set(table):
        dates = table.loc[table[column] != "", column]
        pd.to_datetime(dates, format="ISO8601", errors="raise")
        assert dates.str.fullmatch(r"\d{4}(-\d{2}(-\d{2})?)?").all()


def test_the_readme_counts_the_rows_and_the_people_in_reach_as_they_are(indicators):
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in [*FIGURES, "sources"]:
        path = re.escape(RESOURCES[name]["path"])
        (count,) = re.findall(rf"^\| `{path}` \|.*\| ([\d,]+) \|$", readme, flags=re.MULTILINE)
        assert int(count.replace(",", "")) == len(read(name)), name
    catchments = read("catchments")
    people = [indicators[area, "residents", "2019-12-31"] for area in catchments["area_id"]] * pd.to_numeric(
        catchments["share"]
    )
    section = readme.split("### Catchments")[1].split("Two pairs overlap")[0]
    for site, reach in people.groupby(catchments["site_id"]).sum().items():
        assert f"| {reach:,.0f} |" in section, site
