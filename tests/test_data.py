"""Reading a city's folder: what spreadsheets make of a table is read as meant, or refused; nothing is changed on the way."""

import csv
import dataclasses
import datetime
import io
import json
import re
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_city import NUMBERS, TABLES, all_of, appended, changed, fingerprint, recoded, rows, write_city

import quartier as q
from quartier.data import Unreadable, current_agreements, find_path, parse_date, parse_number, parse_period, period_end
from quartier.language import Texts

DATA = Path(__file__).parents[1] / "data"
TEXTS = Texts("en")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_city(tmp_path_factory.mktemp("clean") / "city")


@pytest.fixture(scope="module")
def sites(folder):
    return q.load(folder)


def same(one, other):
    """All tables are equal, cell by cell and by type."""
    pd.testing.assert_frame_equal(one.frame, other.frame)
    assert one.tables.keys() == other.tables.keys()
    for name, table in one.tables.items():
        pd.testing.assert_frame_equal(table, other.tables[name])


# --- what a German Excel makes of a table -----------------------------------------------------------------------


def german_number(cell, euros):
    """Show a number as Excel does: as an amount of money, or with a decimal comma."""
    value = Decimal(cell)
    if euros:
        return f"{value:,.2f} €".translate(str.maketrans(",.", ".,"))
    return cell.replace(".", ",")


def german_day(cell):
    return re.sub(r"^(\d{4})-(\d\d)-(\d\d)$", r"\3.\2.\1", cell)


def excel(name, *, separator=";", ending="\r\n", first="", cell=str, after="", quoting=csv.QUOTE_MINIMAL, last=()):
    """Write a table as a German Excel does."""
    table, target = rows(name), io.StringIO()
    header = table[0]
    writer = csv.writer(target, delimiter=separator, lineterminator="\n", quoting=quoting)
    writer.writerow([cell(column) for column in header])
    for row in table[1:]:
        unit = dict(zip(header, row, strict=True)).get("unit")
        shown = []
        for column, value in zip(header, row, strict=True):
            if value and column in NUMBERS | {"flats"}:
                value = german_number(value, unit == "EUR")
            shown.append(cell(german_day(value) if column == "date" else value))
        writer.writerow(shown)
    body = "".join(f"{line}{after}\n" for line in target.getvalue().splitlines())
    return (first + body + "".join(f"{line}\n" for line in last)).replace("\n", ending)


@pytest.mark.parametrize(
    ("style", "encoding"),
    [
        pytest.param({}, "utf-8", id="semicolons, decimal commas, amounts with thousands points and a euro sign"),
        pytest.param({}, "utf-8-sig", id="a byte order mark"),
        pytest.param({}, "cp1252", id="umlauts and euro signs of Windows"),
        pytest.param({"separator": "\t"}, "utf-16", id="Unicode text, parted by tabs"),
        pytest.param({"separator": ","}, "utf-8", id="commas that part columns and decimals in quoted cells"),
        pytest.param({"ending": "\n"}, "utf-8", id="line ends of Linux"),
        pytest.param({"first": "sep=;\n"}, "utf-8-sig", id="a first line that names the separator"),
        pytest.param({"after": ";;;"}, "utf-8", id="trailing empty columns"),
        pytest.param({"last": [";;;;", "", " ; ;", ";;;;;;;;;;;;;"]}, "utf-8", id="trailing empty rows"),
        pytest.param({"cell": lambda text: f"  {text}\u00a0"}, "utf-8", id="spaces and fixed spaces round a value"),
        pytest.param({"cell": lambda text: f" {text}\t"}, "utf-8", id="a tab behind a value"),
        pytest.param({"quoting": csv.QUOTE_ALL}, "utf-8", id="every cell in quotation marks"),
        pytest.param(
            {"quoting": csv.QUOTE_ALL, "after": ";;", "last": [";;"], "first": "sep=;\n"}, "cp1252", id="all of it"
        ),
    ],
)
def test_what_a_german_excel_makes_of_the_tables_is_read_as_meant(sites, folder, tmp_path, style, encoding):
    write_city(tmp_path / "city")
    for name in TABLES:
        (tmp_path / "city" / f"{name}.csv").write_bytes(excel(name, **style).encode(encoding))
    assert "8.000,50 €" in excel("site_rules")
    assert "26.01.2021" in excel("agreements")
    same(sites, q.load(tmp_path / "city"))


@pytest.mark.parametrize(
    "style",
    [{}, {"sep": ";", "decimal": ",", "encoding": "cp1252"}, {"sep": "\t", "decimal": ",", "encoding": "utf-16"}],
)
@pytest.mark.parametrize("original", ["small", "real"])
def test_every_table_that_was_read_can_be_written_and_read_again(sites, folder, tmp_path, style, original):
    source, read = (folder, sites) if original == "small" else (DATA, q.load(DATA))
    target = tmp_path / "city"
    target.mkdir()
    for path in [*source.glob("*.csv"), source / "datapackage.json", *source.glob("*/*.csv")]:
        (target / path.relative_to(source)).parent.mkdir(exist_ok=True)
        (target / path.relative_to(source)).write_bytes(path.read_bytes())
    described = json.loads((source / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    paths = {resource["name"]: resource["path"] for resource in described}
    for name, table in read.tables.items():
        # Three decimals would be refused without a decimal comma: 52.025 may be thousands.
        digits = None if style else "%.4f"
        table.to_csv(target / paths[name], index=False, float_format=digits, **style)
    same(read, q.load(target))


def test_three_decimals_are_read_where_the_file_writes_decimal_commas(tmp_path):
    city = write_city(tmp_path / "city")
    changed("sites.csv", "52.03", "52.025")(city)
    with pytest.raises(q.DataError):
        q.load(city)
    table = (city / "sites.csv").read_text(encoding="utf-8").replace(",", ";").replace(".", ",")
    (city / "sites.csv").write_text(table, encoding="utf-8")
    assert q.load(city).tables["sites"]["latitude"][2] == 52.025


def test_rows_are_numbered_as_a_spreadsheet_shows_them(tmp_path):
    city = write_city(tmp_path / "city")
    changed("partners.csv", '"Scholle, eG"', '"Scholle\r\neG"')(city)
    changed("partners.csv", "partner_id,", "sep=,\npartner_id,")(city)
    changed("partners.csv", "AWO,stated", "AWO,said")(city)
    with pytest.raises(q.DataError) as error:
        q.load(city)
    assert [(fault.row, fault.column) for fault in error.value.faults] == [(5, "basis")]


# --- numbers and days -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("80000", 80000),
        ("80.000,00 €", 80000),
        ("80.000,00\u00a0EUR", 80000),
        ("€ 80,000.00", 80000),
        ("80 000", 80000),
        ("80\u202f000,5", 80000.5),
        ("80'000.50", 80000.5),
        ("1.234.567", 1234567),
        ("1,234,567.8", 1234567.8),
        ("0.125", 0.125),
        ("0,125", 0.125),
        ("1234.567", 1234.567),
        ("-12,5", -12.5),
        ("\u221212.5", -12.5),
        ("+3", 3),
        (" 7 Euro ", 7),
    ],
)
def test_a_number_is_read_as_meant(cell, value):
    assert parse_number(cell, TEXTS) == value


@pytest.mark.parametrize(
    "cell",
    ["1.234", "-1.234", "80.000 €", "1,234", "1.2.3", "1,2,3", "1.23,4", "12.34.567", "1 2", "1 2345", "12 345 67", "1.5 000",
     "", "-", "€", "1-", "--1", "0x10", "1_000", "1e3", "1,2E+05", "12 %", "#NV", "#DIV/0!", "nan", "inf", "ca. 5", "5 bis 6", "½"],
)  # fmt: skip
def test_what_could_mean_two_numbers_or_none_is_refused(cell):
    with pytest.raises(Unreadable):
        parse_number(cell, TEXTS)


def test_a_file_with_semicolons_writes_decimal_commas():
    assert parse_number("1,234", TEXTS, decimal_comma=True) == 1.234
    with pytest.raises(Unreadable):
        parse_number("1.234", TEXTS, decimal_comma=True)


@settings(max_examples=1000)
@given(
    value=st.decimals(-(10**12), 10**12, allow_nan=False, places=4),
    digits=st.integers(0, 4),
    grouped=st.sampled_from(["", ".", " ", "\u00a0", "\u202f", "'"]),
    german=st.booleans(),
    around=st.sampled_from(["{}", " {} ", "{} €", "{}\u00a0EUR", "€ {}", "{} Euro"]),
)
def test_a_written_number_comes_back_or_is_refused_but_is_never_another(value, digits, grouped, german, around):
    value = round(value, digits)
    text = f"{value:,.{digits}f}" if grouped else f"{value:.{digits}f}"
    if german:
        text = text.translate(str.maketrans({",": grouped, ".": ","}))
    elif grouped and grouped != ".":
        text = text.replace(",", grouped)
    bare = text.lstrip("-")
    if re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", bare):
        with pytest.raises(Unreadable):
            parse_number(around.format(text), TEXTS)
    else:
        assert parse_number(around.format(text), TEXTS) == float(value)


def readings(text):
    """All that a person may take the text for, of whatever language."""
    found = set()
    for group, point in ((".", ","), (",", ".")):
        pattern = rf"[+-]?(\d+|[1-9]\d{{0,2}}(\{group}\d{{3}})+)(\{point}\d+)?"
        if re.fullmatch(pattern, text):
            found.add(float(text.replace(group, "").replace(point, ".")))
    return found


@settings(max_examples=2000)
@given(st.text("0123456789.,-", min_size=1, max_size=12))
def test_a_text_with_two_readings_is_refused_and_one_with_none_as_well(text):
    meant = readings(text)
    try:
        read = parse_number(text, TEXTS)
    except Unreadable:
        assert len(meant) != 1
    else:
        assert meant == {read}


@pytest.mark.parametrize(
    ("cell", "day"),
    [
        ("2021-01-26", (2021, 1, 26)),
        ("26.01.2021", (2021, 1, 26)),
        ("1.2.2021", (2021, 2, 1)),
        ("29.02.2020", (2020, 2, 29)),
    ],
)
def test_a_day_is_read_as_it_is_written_here(cell, day):
    assert parse_date(cell, TEXTS) == datetime.date(*day)


@settings(max_examples=200)
@given(st.dates(datetime.date(1000, 1, 1), datetime.date(2999, 12, 31)))
def test_every_day_comes_back_in_both_forms(day):
    assert parse_date(day.isoformat(), TEXTS) == parse_date(f"{day.day}.{day.month}.{day.year}", TEXTS) == day
    assert parse_period(f"{day:%d.%m.%Y}", TEXTS) == day.isoformat()
    assert period_end(day.isoformat()) == day


@pytest.mark.parametrize(
    ("period", "end"), [("2006", (2006, 12, 31)), ("2018-06", (2018, 6, 30)), ("2020-02", (2020, 2, 29)), ("2019-12-31", (2019, 12, 31))]
)  # fmt: skip
def test_a_period_ends_on_its_last_day(period, end):
    assert parse_period(period, TEXTS) == period
    assert period_end(period) == datetime.date(*end)


# --- what a folder becomes --------------------------------------------------------------------------------------


def test_a_site_with_an_agreement_is_a_candidate_with_its_latest_status_partners_district_and_rules(sites):
    table = sites.frame
    assert list(table.index) == list(sites.site_ids) == ["park", "hill", "yard"]
    assert list(table["status"]) == list(sites.statuses) == ["signed", "negotiating", "declined"]
    assert list(table["name"]) == ["Am Park", "Am Hügel", "Hof"]
    assert list(table["district"]) == ["Nord", "Nord", "Süd"]
    assert list(table["housing_company"]) == ["Wohnbau GmbH", "Wohnbau GmbH", "Scholle, eG"]
    assert list(table["provider"][:2]) == ["AWO", "AWO"]
    assert pd.isna(table["provider"]["yard"])
    assert list(sites.numbers("scale_eur")) == [8000.5, 8000, 8000]
    assert list(sites.numbers("min_eur")) == [4000] * 3
    assert list(sites.numbers("max_eur")) == [14000] * 3
    assert sites.numbers("previous_eur")[0] == 6000
    assert np.isnan(sites.numbers("previous_eur")[1:]).all()
    assert not sites.has_need
    assert len(sites) == 3
    assert repr(sites) == "Sites(3: 1 signed, 1 negotiating, 1 declined)"


def test_a_known_site_without_an_agreement_is_no_candidate(sites):
    assert "mill" in set(sites.tables["sites"]["site_id"])
    assert "mill" not in sites.site_ids


def test_the_order_of_the_sites_is_that_of_their_table(tmp_path):
    city = write_city(tmp_path / "city")
    header, *lines = (city / "sites.csv").read_text(encoding="utf-8").splitlines()
    (city / "sites.csv").write_text("\n".join([header, *reversed(lines)]), encoding="utf-8")
    assert q.load(city).site_ids == ("yard", "hill", "park")


def test_a_column_that_only_the_package_describes_is_typed_as_it_says(sites):
    assert list(sites.tables["sites"]["flats"].dropna()) == [30, 12, 44]


def test_today_is_not_in_the_future(tmp_path):
    city = write_city(tmp_path / "city")
    q.load(city, today=datetime.date(2021, 1, 26))
    with pytest.raises(q.DataError) as error:
        q.load(city, today=datetime.date(2021, 1, 25))
    assert {(fault.file, fault.row) for fault in error.value.faults} == {("agreements.csv", row) for row in (3, 4, 5)}


def test_loading_writes_nothing(tmp_path):
    city = write_city(tmp_path / "city")
    before = fingerprint(tmp_path)
    q.load(city)
    assert fingerprint(tmp_path) == before


def test_a_relative_folder_is_looked_for_in_the_parents_of_the_working_directory(folder, monkeypatch, sites):
    below = folder / "scenarios"
    monkeypatch.chdir(below)
    assert find_path("city") == folder
    assert find_path("city/scenarios/cut.yaml") == below / "cut.yaml"
    same(q.load("city"), sites)
    assert find_path("elsewhere") == Path("elsewhere")


def test_a_folder_at_hand_comes_before_one_further_up(folder, monkeypatch):
    (folder.parent / "near" / "city").mkdir(parents=True)
    monkeypatch.chdir(folder.parent / "near")
    assert find_path("city") == Path("city")


def test_another_citys_names_of_files_are_free(tmp_path, sites):
    city = write_city(tmp_path / "city")
    (city / "tables").mkdir()
    (city / "partners.csv").rename(city / "tables" / "Träger 2021.csv")
    changed("datapackage.json", '"partners.csv"', '"tables/Träger 2021.csv"')(city)
    same(q.load(city), sites)


def test_the_status_of_a_site_is_that_of_its_latest_day_not_of_its_last_row():
    days = [datetime.date(2021, 1, 1), datetime.date(2020, 1, 1)]
    table = pd.DataFrame({"site_id": ["a", "a"], "date": days, "status": ["signed", "prospective"]})
    assert list(current_agreements(table)["status"]) == ["signed"]


# --- frozen -----------------------------------------------------------------------------------------------------


def test_sites_cannot_be_changed(sites):
    with pytest.raises(dataclasses.FrozenInstanceError):
        sites._frame = None
    for array in (sites.numbers("min_eur"), sites.statuses):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = array[1]
    for view in (lambda: sites.frame, lambda: sites.tables["catchments"], lambda: sites.basis, sites.indicators_used):
        before, given_out = view(), view()
        given_out.loc[given_out.index[0], :] = np.nan
        pd.testing.assert_frame_equal(view(), before)
    sites.tables.clear()
    sites.weights.clear()
    assert sites.tables
    assert sites.weights == {"old": 1, "very_old": 2.5}


def test_a_variation_leaves_the_sites_as_they_were(sites):
    before = sites.frame
    other = sites.replace({"hill": {"status": "signed", "min_eur": 5000}, "yard": {"provider": None}})
    pd.testing.assert_frame_equal(sites.frame, before)
    assert other.frame.loc["hill", ["status", "min_eur"]].tolist() == ["signed", 5000.0]
    assert list(other.statuses) == ["signed", "signed", "declined"]
    rest = other.frame.drop(columns=["status", "min_eur"])
    pd.testing.assert_frame_equal(rest, before.drop(columns=["status", "min_eur"]))
    assert other.tables.keys() == sites.tables.keys()
    same(sites.replace({}), sites)


# --- pedigree ---------------------------------------------------------------------------------------------------


def test_the_basis_of_each_figure_is_that_of_its_row_and_of_the_need_that_of_the_weakest(sites):
    basis = sites.basis
    assert list(basis.index) == ["park", "hill", "yard"]
    assert list(basis["status"]) == ["stated", "assumed", "stated"]
    assert list(basis["scale_eur"]) == ["derived", "assumed", "assumed"]
    assert basis["previous_eur"]["park"] == "stated"
    assert basis["previous_eur"][1:].isna().all()
    assert list(basis["need"]) == ["assumed"] * 3  # the weights are


def test_a_need_of_stated_and_derived_figures_is_derived(tmp_path):
    city = write_city(tmp_path / "city")
    for line in (
        "old,Menschen von 65 bis 79,Residents 65 to 79,Personen,1,",
        "very_old,Menschen ab 80,Residents 80 and over,Personen,2.5,",
    ):
        changed("indicator_kinds.csv", f"{line}assumed", f"{line}stated")(city)
    basis = q.load(city).basis["need"]
    assert dict(basis) == {"park": "assumed", "hill": "assumed", "yard": "derived"}


def test_every_assumed_figure_that_counts_is_listed_and_no_other(sites):
    table = sites.assumptions()
    assert list(table.columns) == ["table", "key", "figure", "value", "unit", "source_id", "note"]
    assert list(table["table"].value_counts(sort=False).items()) == [
        ("agreements", 1),
        ("catchments", 3),  # not the mill's, which is no candidate
        ("indicator_kinds", 2),
        ("site_rules", 8),
    ]
    first = table.iloc[1]
    assert first.tolist()[:6] == ["catchments", "park / ufer", "share", "0.6", "share", "annahme"]
    assert set(table["source_id"]) == {"annahme"}


def test_a_figure_that_was_changed_is_assumed_and_listed_in_the_place_of_that_of_the_data(sites):
    before = sites.assumptions()
    changed = {"park": {"status": "negotiating", "scale_eur": 9000}, "hill": {"previous_eur": 3000, "min_eur": 4500}}
    other = sites.replace(changed)
    assert other.basis.loc["park"].to_dict() == sites.basis.loc["park"].to_dict() | dict.fromkeys(
        changed["park"], "assumed"
    )
    assert other.basis.loc["hill", "previous_eur"] == "assumed"
    assert (
        other.basis.drop(index="park")
        .drop(columns="previous_eur")
        .equals(sites.basis.drop(index="park").drop(columns="previous_eur"))
    )
    table = other.assumptions()
    cells = ["table", "key", "figure", "value", "unit"]
    assert table[table["table"] == "scenario"][cells].to_numpy().tolist() == [
        ["scenario", "park", "status", "negotiating", ""],
        ["scenario", "park", "scale_eur", "9000", "EUR"],
        ["scenario", "hill", "min_eur", "4500", "EUR"],
        ["scenario", "hill", "previous_eur", "3000", "EUR"],
    ]
    gone = before.merge(table[table["table"] != "scenario"], how="left", indicator=True).query("_merge == 'left_only'")
    assert gone[cells[:3]].to_numpy().tolist() == [["site_rules", "hill", "min_eur"]]
    sentence = q.allocate(other, q.Scenario(committed=[])).assumed_sentence()
    assert "Status (2 von 3 Standorten)" in sentence
    assert "Status (1 von 3 Standorten)" in q.allocate(sites, q.Scenario(committed=[])).assumed_sentence()


def test_a_figure_that_is_as_in_the_data_again_is_as_firm_as_there(sites):
    back = sites.replace({"park": {"status": "declined"}}).replace({"park": {"status": "signed"}})
    assert back.basis.equals(sites.basis)
    assert back.assumptions().equals(sites.assumptions())


def test_an_assumed_count_is_listed_where_it_is_the_latest_of_a_catchment(tmp_path):
    city = write_city(tmp_path / "city")
    all_of(
        changed("indicators.csv", "1400,Personen,stated,,amt", "1400,Personen,assumed,,annahme"),
        changed("indicators.csv", "9999,Personen,stated,,amt", "9999,Personen,assumed,,annahme"),
        appended("indicators.csv", "stadt,,old,2019,9,Personen,assumed,,annahme"),
    )(city)
    table = q.load(city).assumptions().query("table == 'indicators'")
    assert table[["key", "figure", "value", "unit"]].to_numpy().tolist() == [["ufer", "old", "1400", "Personen"]]


def test_the_real_data_are_read_whole():
    read, described = q.load(DATA), json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    paths = {resource["name"]: resource["path"] for resource in described}
    for name, table in read.tables.items():
        with (DATA / paths[name]).open(encoding="utf-8", newline="") as source:
            cells = list(csv.reader(source))
        assert list(table.columns) == cells[0]
        assert len(table) == len(cells) - 1
        blank = np.array([[cell == "" for cell in row] for row in cells[1:]])
        assert (table.isna().to_numpy() == blank).all(), name


# --- Sites.from_frame -------------------------------------------------------------------------------------------


@pytest.fixture
def table():
    return pd.DataFrame(
        {
            "site_id": ["b", " a "],
            "need": [200, 100],
            "status": ["signed", "prospective"],
            "scale_eur": [8000, 8000.5],
            "min_eur": [4000, 4000],
            "max_eur": [14000, 14000],
        },
        index=[7, 7],
    )


def test_a_table_of_sites_is_taken_as_it_is_and_not_changed(table):
    before = table.copy()
    read = q.Sites.from_frame(table)
    pd.testing.assert_frame_equal(table, before)
    assert read.site_ids == ("b", "a")
    assert read.has_need
    assert list(read.numbers("need")) == [200, 100]
    assert list(read.frame["name"]) == ["b", "a"]
    assert read.frame[["district", "housing_company", "provider", "previous_eur"]].isna().all(axis=None)
    assert read.tables == {}
    assert read.weights == {}
    assert read.assumptions().empty
    assert list(read.basis.index) == ["b", "a"]
    table.loc[:, "need"] = 0
    assert list(read.numbers("need")) == [200, 100]


def test_the_ids_may_be_the_index_and_missing_optional_values_may_be_of_any_kind(table):
    indexed = table.set_index("site_id").assign(
        previous_eur=pd.array([5000, pd.NA], dtype="Int64"), provider=["AWO", np.nan], district=["Nord", None]
    )
    read = q.Sites.from_frame(indexed)
    assert read.site_ids == ("b", "a")
    assert read.frame["previous_eur"].isna().tolist() == [False, True]
    assert read.frame[["provider", "district"]].isna().to_numpy().tolist() == [[False, False], [True, True]]


def test_a_table_that_was_given_out_is_taken_back(table):
    read = q.Sites.from_frame(table)
    pd.testing.assert_frame_equal(q.Sites.from_frame(read.frame).frame, read.frame)
    other = read.replace({"a": {"need": 0}})
    assert list(other.numbers("need")) == [200, 0]
    assert list(read.numbers("need")) == [200, 100]


def test_windows_umlauts_are_read_where_only_one_table_has_them(tmp_path, sites):
    city = write_city(tmp_path / "city")
    recoded("sites.csv", "cp1252")(city)
    same(q.load(city), sites)
