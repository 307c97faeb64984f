"""Every kind of bad input ends in one error that names file, row and column, what was given and what was expected.

Each case says why it is bad, does one thing to a sound city, and names the one fault that must be found.
"""

import datetime
import random
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_city import DIALOGUE as ADDED
from small_city import (
    TABLES,
    all_of,
    appended,
    changed,
    described,
    fingerprint,
    outlined,
    recoded,
    removed,
    write_city,
    write_dialogue,
    written,
)

import quartier as q
from quartier.data import Fault
from quartier.scenario import MAX_YAML_BYTES, PARAMETERS, with_parameters

TODAY = datetime.date(2026, 11, 24)
NOISE = random.Random(3).randbytes(400)


@pytest.fixture
def city(tmp_path):
    return write_city(tmp_path / "city")


def bad(reason, damage, file, row, column, given, expected):
    return pytest.param(damage, Fault(file, row, column, given, expected), id=reason)


def quoted(text):
    return f"“{text}”"


def field(resource, name):
    return next(field for field in resource["schema"]["fields"] if field["name"] == name)


def refused(error, *faults):
    """The error lists just these faults, each in words."""
    assert {fault._replace(said="") for fault in error.faults} == set(faults)  # what a panel says: test_screen.py
    assert len(error.faults) == len(faults)
    message = str(error)
    assert len(message.splitlines()) == 1 + len(faults)
    for fault in faults:
        kind = "parameter" if fault.file == "parameters" else "column"  # typed, not read from a table
        for part in (fault.file, f"row {fault.row}", f"{kind} {fault.column}", fault.given, fault.expected):
            assert part in message or part.endswith(" None")


# fmt: off
# --- files ------------------------------------------------------------------------------------------------------

NO_TEXT = "a text file in UTF-8 or Windows-1252"
NO_FILE = "the file that the data package describes"
NO_HEADER = "column names parted by comma, semicolon or tab"
UNDESCRIBED = "only columns that the data package describes"
COLUMN = "a column of this name"
HEADER = "a column name, each only once"
ONCE = "each only once"
NUMBER = "a number"
CELLS_5 = "5 cells as in the first row"

FILES = [
    bad("a folder without a data package describes nothing", removed("datapackage.json"),
        "datapackage.json", None, None, "no such file", "a Frictionless data package"),
    bad("a file that the package describes is missing", removed("partners.csv"),
        "partners.csv", None, None, "no such file", NO_FILE),
    bad("a folder is no table", all_of(removed("partners.csv"), lambda folder: (folder / "partners.csv").mkdir()),
        "partners.csv", None, None, "a folder", "a readable file"),
    bad("a spreadsheet saved under the name of a table", written("partners.csv", b"PK\x03\x04" + NOISE),
        "partners.csv", None, None, "a spreadsheet (XLSX, ODS or XLS)", "a CSV file: save the table as CSV"),
    bad("an empty file has no columns", written("partners.csv", b""),
        "partners.csv", 1, None, "", NO_HEADER),
    bad("random bytes are no text", written("partners.csv", NOISE),
        "partners.csv", 1, None, quoted(r"b'\x8d'"), NO_TEXT),
    bad("UTF-16 without a mark could be anything", recoded("partners.csv", "utf-16-le"),
        "partners.csv", 1, None, quoted(r"b'\x00'"), NO_TEXT),
    bad("UTF-16 that breaks off within a letter", written("partners.csv", TABLES["partners"].encode("utf-16")[:-1]),
        "partners.csv", 5, None, quoted(r"b'\n'"), NO_TEXT),
    bad("two encodings in one file would spoil half of its umlauts",
        written("sites.csv", TABLES["sites"].encode().replace("ü".encode(), b"\xfc", 1)),
        "sites.csv", 3, None, quoted(r"b'\xfc'"), NO_TEXT),
    bad("umlauts of MS-DOS would become other letters",
        all_of(changed("sites.csv", "Hügel", "Berg"), changed("sites.csv", "Mühle", "Höhle"), recoded("sites.csv", "cp850")),
        "sites.csv", 4, None, quoted(r"b'\x94'"), NO_TEXT),
    bad("umlauts of a Mac would become other letters", recoded("sites.csv", "mac-roman"),
        "sites.csv", 3, None, quoted(r"b'\x9f'"), NO_TEXT),
    bad("a separator that nobody uses leaves one column",
        written("programme.csv", TABLES["programme"].replace(",", "|").encode()),
        "programme.csv", 1, None, quoted("rule|name|value|text|unit|basis|source_id|formula"), NO_HEADER),
    bad("a quotation mark that is never closed swallows the rest", changed("partners.csv", '"Scholle, eG"', '"Scholle, eG'),
        "partners.csv", 5, None, quoted("awo,provider,AWO,stated,amt"), "a table of comma-separated values"),
    bad("a renamed column is missing, and the nearest is named", changed("partners.csv", "kind", "knid"),
        "partners.csv", 1, "kind", quoted("knid"), COLUMN),
    bad("a column that is left out is missing",
        written("partners.csv", b"partner_id,kind,name,source_id\nwohnbau,housing_company,W,amt\n"),
        "partners.csv", 1, "basis", "partner_id, kind, name, source_id", COLUMN),
    bad("two columns of one name cannot be told apart", changed("partners.csv", "kind,name", "name,name"),
        "partners.csv", 1, None, quoted("name"), HEADER),
    bad("values below no column name mean nothing", changed("programme.csv", "text", ""),
        "programme.csv", 1, None, quoted(""), HEADER),
    bad("a row with too many cells has slipped", appended("partners.csv", "drk,provider,DRK, Kreisverband,stated,amt"),
        "partners.csv", 6, None, "6 cells", CELLS_5),
    bad("a row with too few cells has slipped", appended("partners.csv", "drk,provider,stated,amt"),
        "partners.csv", 6, None, "4 cells", CELLS_5),
    bad("an empty row in the middle may be a lost one", changed("partners.csv", "awo,", ",,,,\nawo,"),
        "partners.csv", 5, None, "an empty row", "empty rows only at the end"),
    bad("a blank line in the middle may be a lost one", changed("partners.csv", "awo,", "\nawo,"),
        "partners.csv", 5, None, "an empty row", "empty rows only at the end"),
]

# --- cells ------------------------------------------------------------------------------------------------------

GROUP = "a number that can be read in one way only: {0}{1} or {0} and {1} thousandths?".format
IN_FULL = "a number in full, not shortened by the spreadsheet"
NO_CURRENCY = "a number without a currency: it is not in EUR"
NAME = "a name of a-z, 0-9, - and _"
PERIOD = "a day, a month or a year as in 2019-12-31, 2018-06 or 2006"
DAY = "a day as in 2021-01-26 or 26.01.2021"
NO_DAY = "a day that is in the calendar, as in 2021-01-26 or 26.01.2021"
FUTURE = "a day that is not in the future"
FORMULA = "the formula of a derived figure"


def amount(reason, given, expected):
    return bad(reason, changed("site_rules.csv", "hill,min_eur,4000", f'hill,min_eur,"{given}"'),
               "site_rules.csv", 6, "value", quoted(given), expected)


def share(reason, given, expected):
    return bad(reason, changed("catchments.csv", "hill,ufer,0.8", f"hill,ufer,{given}"),
               "catchments.csv", 3, "share", quoted(given), expected)


def people(reason, given, expected):
    return bad(reason, changed("indicators.csv", "1400", given), "indicators.csv", 4, "value", quoted(given), expected)


def day(reason, given, expected, shown=""):
    return bad(reason, changed("agreements.csv", "negotiating,2021-01-26", f"negotiating,{given}"),
               "agreements.csv", 4, "date", quoted(shown or given), expected)


CELLS = [
    amount("a lone group of three may be thousands or thousandths", "80.000", GROUP("80", "000")),
    amount("a lone group after a comma may be thousands or thousandths", "1,234", GROUP("1", "234")),
    amount("an amount below zero has the wrong sign", "-4000", "at least 0"),
    amount("a shortened number has lost its digits", "1,2E+05", IN_FULL),
    amount("another currency is not reckoned", "4000 USD", NUMBER),
    amount("a text in a number is no number", "ca. 4000", NUMBER),
    amount("points that do not part thousands mean nothing", "1.23.456", NUMBER),
    amount("two numbers are not one", "4000 14000", NUMBER),
    amount("infinity is no amount", "inf", NUMBER),
    bad("a number beyond all floats is infinite", changed("site_rules.csv", "hill,min_eur,4000", f"hill,min_eur,{'9' * 400}"),
        "site_rules.csv", 6, "value", quoted("9" * 57 + "..."), "a finite number"),
    share("a share of nothing is no catchment", "0", "more than 0"),
    share("a share above the whole counts people twice", "1.5", "at most 1"),
    share("a share below zero takes people away", "-0.5", "more than 0"),
    share("a per cent sign leaves open what the number is", "80 %", "a number without a per cent sign, as in 0.125"),
    share("a share is no money", "80 €", NO_CURRENCY),
    share("an error value of the spreadsheet is no number", "#NV", "a number, not a spreadsheet's error value"),
    people("fewer people than none", "-1", "at least 0"),
    people("NaN is no number of people", "nan", NUMBER),
    people("a word is no number of people", "viele", NUMBER),
    people("people are not counted in euros", "1400 EUR", NO_CURRENCY),
    day("a day after today has not happened", "2027-01-01", FUTURE, "1 Jan 2027"),
    day("the 31st of February never was", "31.02.2021", NO_DAY),
    day("2021 was no leap year", "2021-02-29", NO_DAY),
    day("a year of two digits may be of any century", "26.01.21", DAY),
    day("an American date may be read two ways", "01/02/2021", DAY),
    day("a month is no day", "Januar 2021", DAY),
    bad("a history that runs back has no latest status",
        changed("agreements.csv", "prospective,2020-01-31", "prospective,2021-02-01"),
        "agreements.csv", 3, "date", quoted("26 Jan 2021"), "a day after the site's row before (1 Feb 2021)"),
    bad("two rows of a site on one day leave its status open",
        appended("agreements.csv", "more-2021,hill,,,signed,2021-01-26,,stated,amt"),
        "agreements.csv", 6, "date", quoted("26 Jan 2021"), "a day after the site's row before (26 Jan 2021)"),
    bad("nobody was counted in a year to come", changed("indicators.csv", "ufer,,old,2018", "ufer,,old,2027"),
        "indicators.csv", 3, "date", quoted("2027"), FUTURE),
    bad("a month that does not exist", changed("indicators.csv", "2019-12,", "2019-13,"),
        "indicators.csv", 5, "date", quoted("2019-13"), PERIOD),
    bad("the year nought is in no calendar", changed("indicators.csv", "ufer,,old,2018", "ufer,,old,0000"),
        "indicators.csv", 3, "date", quoted("0000"), PERIOD),
    bad("a scale of zero divides by zero", changed("site_rules.csv", "hill,scale_eur,8000", "hill,scale_eur,0"),
        "site_rules.csv", 8, "value", quoted("0"), "more than 0"),
    bad("a floor above the cap leaves no amount", changed("site_rules.csv", "hill,min_eur,4000", "hill,min_eur,15000"),
        "site_rules.csv", 6, "value", quoted("15,000 EUR"), "at most max_eur (14,000 EUR)"),
    bad("a weight below zero makes need a merit", changed("indicator_kinds.csv", "2.5", "-2.5"),
        "indicator_kinds.csv", 4, "need_weight", quoted("-2.5"), "at least 0"),
    bad("a mistyped status is no status", changed("agreements.csv", "negotiating", "negotiatin"),
        "agreements.csv", 4, "status", quoted("negotiatin"), "one of signed, negotiating, prospective, declined"),
    bad("an unknown basis says nothing about a figure", changed("catchments.csv", "0.8,share,assumed", "0.8,share,guessed"),
        "catchments.csv", 3, "basis", quoted("guessed"), "one of stated, derived, assumed"),
    bad("a figure without a basis has no pedigree", changed("catchments.csv", "0.8,share,assumed", "0.8,share,"),
        "catchments.csv", 3, "basis", "", "a value"),
    bad("a figure without a source has no pedigree", changed("indicators.csv", "1400,Personen,stated,,amt", "1400,Personen,stated,,"),
        "indicators.csv", 4, "source_id", "", "a value"),
    bad("a derived figure without its formula cannot be checked", changed("indicators.csv", "Zahl ab 65 minus Zahl bis 79", ""),
        "indicators.csv", 7, "formula", "", FORMULA),
    bad("a derived figure in a table without formulas cannot be checked", changed("partners.csv", "AWO,stated", "AWO,derived"),
        "partners.csv", 5, "formula", "", FORMULA),
    bad("an unknown kind of partner has no part in an agreement", changed("partners.csv", "rathaus,city", "rathaus,town"),
        "partners.csv", 2, "kind", quoted("town"), "one of city, housing_company, provider"),
    bad("an unknown rule of a site has no meaning", changed("site_rules.csv", "previous_eur", "last_eur"),
        "site_rules.csv", 5, "rule", quoted("last_eur"), "one of min_eur, max_eur, scale_eur, previous_eur"),
    bad("an amount in another unit is not reckoned", changed("site_rules.csv", "hill,min_eur,4000,EUR", "hill,min_eur,4,TEUR"),
        "site_rules.csv", 6, "unit", quoted("TEUR"), "one of EUR"),
    bad("a share in per cent is not reckoned", changed("catchments.csv", "0.8,share", "0.8,percent"),
        "catchments.csv", 3, "unit", quoted("percent"), "one of share"),
    bad("an indicator in a unit that is not its own", changed("indicators.csv", "1400,Personen", "1400,Haushalte"),
        "indicators.csv", 4, "unit", quoted("Haushalte"), "the unit Personen"),
    bad("a site without a name", changed("sites.csv", "hill,Am Hügel", "hill,"), "sites.csv", 3, "name", "", "a value"),
    bad("a row without its value", changed("indicators.csv", "1400", ""), "indicators.csv", 4, "value", "", "a value"),
    bad("an id with capitals and a blank is written differently next time", changed("partners.csv", "rathaus,", "Rat Haus,"),
        "partners.csv", 2, "partner_id", quoted("Rat Haus"), NAME),
    bad("an id with an umlaut is written differently elsewhere", changed("partners.csv", "rathaus,", "räthaus,"),
        "partners.csv", 2, "partner_id", quoted("räthaus"), NAME),
    bad("a latitude beyond the pole", changed("sites.csv", "52.03", "520.3"), "sites.csv", 2, "latitude", quoted("520.3"), "at most 90"),
    bad("an area of no size", changed("areas.csv", "20.25", "0"), "areas.csv", 6, "area_km2", quoted("0"), "more than 0"),
    bad("a kind of area that the package does not list", changed("areas.csv", "sued,district", "sued,quarter"),
        "areas.csv", 4, "kind", quoted("quarter"), "one of city, district, statistical district"),
    bad("half a flat, where the package asks for whole ones", changed("sites.csv", "44", "44.5"),
        "sites.csv", 5, "flats", quoted("44.5"), "a whole number"),
    bad("fewer flats than the package allows", changed("sites.csv", ",44,", ",0,"),
        "sites.csv", 5, "flats", quoted("0"), "at least 1"),
    bad("more flats than the package allows", changed("sites.csv", ",44,", ",501,"),
        "sites.csv", 5, "flats", quoted("501"), "at most 500"),
    bad("an id that is not of the package's form", changed("agreements.csv", "hill-2021", "hill-21"),
        "agreements.csv", 4, "agreement_id", quoted("hill-21"), "a text of the form [a-z]+-20[0-9]{2}"),
]

# --- rows that must fit together --------------------------------------------------------------------------------


def dangling(file, row, column, old, new, value, expected):
    return bad(f"{column} of {file} points at nothing", changed(file, old, new), file, row, column, quoted(value), expected)


ROWS = [
    bad("a site that stands twice", appended("sites.csv", "mill,Mühle,,,,,stated,amt,"),
        "sites.csv", 6, "site_id", quoted("mill"), ONCE),
    bad("a catchment that stands twice", appended("catchments.csv", "hill,heide,0.5,share,assumed,annahme,"),
        "catchments.csv", 7, "site_id+area_id", quoted("hill / heide"), ONCE),
    bad("a rule that stands twice", appended("site_rules.csv", "hill,max_eur,9000,EUR,assumed,annahme,"),
        "site_rules.csv", 12, "site_id+rule", quoted("hill / max_eur"), ONCE),
    bad("two values of one day", appended("indicators.csv", "ufer,,old,31.12.2019,1,Personen,stated,,amt"),
        "indicators.csv", 11, "area_id+site_id+indicator+date", quoted("ufer / old / 2019-12-31"), ONCE),
    bad("a value of a year and one of its last day", appended("indicators.csv", "ufer,,old,2019,1,Personen,stated,,amt"),
        "indicators.csv", 11, "date", quoted("2019"), ONCE),
    dangling("partners.csv", 5, "source_id", "AWO,stated,amt", "AWO,stated,amd", "amd",
             "a source_id of sources.csv; the nearest is amt"),
    dangling("areas.csv", 4, "part_of", "Süd,stadt", "Süd,staat", "staat", "a area_id of areas.csv; the nearest is stadt"),
    dangling("sites.csv", 5, "area_id", "Hof,hafen", "Hof,haven", "haven", "a area_id of areas.csv; the nearest is hafen"),
    dangling("agreements.csv", 4, "site_id", "hill-2021,hill", "hill-2021,holl", "holl",
             "a site_id of sites.csv; the nearest is hill"),
    dangling("agreements.csv", 5, "housing_company_id", "yard,scholle", "yard,scholl", "scholl",
             "a partner_id of partners.csv; the nearest is scholle"),
    dangling("agreements.csv", 3, "provider_id", "park,wohnbau,awo", "park,wohnbau,caritas", "caritas",
             "a partner_id of partners.csv"),
    dangling("catchments.csv", 6, "site_id", "mill,", "mull,", "mull", "a site_id of sites.csv; the nearest is mill"),
    dangling("catchments.csv", 4, "area_id", "hill,heide", "hill,heise", "heise", "a area_id of areas.csv; the nearest is heide"),
    dangling("indicators.csv", 2, "area_id", "stadt,", "staat,", "staat", "a area_id of areas.csv; the nearest is stadt"),
    dangling("indicators.csv", 10, "site_id", ",yard", ",jard", "jard", "a site_id of sites.csv; the nearest is yard"),
    dangling("indicators.csv", 2, "indicator", ",residents", ",resident", "resident",
             "a indicator of indicator_kinds.csv; the nearest is residents"),
    dangling("site_rules.csv", 5, "site_id", "park,previous_eur", "pork,previous_eur", "pork",
             "a site_id of sites.csv; the nearest is park"),
    bad("a housing company does no neighbourhood work", changed("agreements.csv", "park,wohnbau,awo", "park,wohnbau,scholle"),
        "agreements.csv", 3, "provider_id", quoted("scholle"), "a partner of the kind provider"),
    bad("a provider owns no houses", changed("agreements.csv", "yard,scholle", "yard,awo"),
        "agreements.csv", 5, "housing_company_id", quoted("awo"), "a partner of the kind housing_company"),
    bad("an area that is a part of itself lies in no district", changed("areas.csv", "Süd,stadt", "Süd,sued"),
        "areas.csv", 4, "part_of", quoted("sued"), "an area that is not a part of itself"),
    bad("an indicator of two places", changed("indicators.csv", ",yard,", "hafen,yard,"),
        "indicators.csv", 10, "area_id+site_id", quoted("hafen / yard"), "either an area or a site"),
    bad("an indicator of no place", changed("indicators.csv", "stadt,,residents", ",,residents"),
        "indicators.csv", 2, "area_id+site_id", quoted(" / "), "either an area or a site"),
    bad("a candidate without a catchment has no need", changed("catchments.csv", "park,ufer,0.6,share,assumed,annahme,\n", ""),
        "catchments.csv", None, "site_id", "", "a catchment for the site park"),
    bad("a part of another catchment's area counts its people twice",
        all_of(changed("catchments.csv", "hill,heide", "hill,sued"),
               appended("indicators.csv", "sued,,old,2019,9,Personen,stated,,amt", "sued,,very_old,2019,9,Personen,stated,,amt")),
        "catchments.csv", 5, "area_id", quoted("hafen"), "an area that is no part of another catchment's area (sued)"),
    bad("an area without a value would count as empty",
        changed("indicators.csv", "heide,,old,2019-12-31,600,Personen,stated,,amt\n", ""),
        "indicators.csv", None, "indicator", "", "a value of old for the area heide"),
    bad("a candidate without a cap", changed("site_rules.csv", "hill,max_eur,14000,EUR,assumed,annahme,\n", ""),
        "site_rules.csv", None, "rule", "", "a row max_eur for the site hill"),
    bad("a city without candidates has nothing to distribute", written("agreements.csv", TABLES["agreements"].split("\n")[0].encode()),
        "agreements.csv", None, None, "no rows", "at least one site"),
    bad("no indicator counts for the need",
        all_of(changed("indicator_kinds.csv", "Personen,1,", "Personen,,"), changed("indicator_kinds.csv", "2.5", "0")),
        "indicator_kinds.csv", None, "need_weight", "", "at least one indicator with a weight"),
]

# --- the data package -------------------------------------------------------------------------------------------

RESOURCES = "a list of resources, each with name and path"
INSIDE = "a path inside the folder"
ONE_COLUMN = "one column that refers to one column"
SCHEMA = "a schema with a list of fields, each with a name"
CITY_KEY = {"fields": "city", "reference": {"resource": "areas", "fields": "area_id"}}
TITLE_KEY = {"fields": "name", "reference": {"resource": "areas", "fields": "title"}}
REASON_KEY = {"fields": "reason", "reference": {"resource": "partners", "fields": "name"}}


def package(reason, change, column, given, expected, file="datapackage.json", row=None):
    return bad(reason, described(change), file, row, column, given, expected)


def schema(table, **changes):
    return lambda d: d[table]["schema"].update(changes)


def constraints(table, column, rules):
    return lambda d: field(d[table], column).update(constraints=rules)


PACKAGE = [
    bad("broken JSON", written("datapackage.json", b'{"name": "x",\n "resources": [,]}'),
        "datapackage.json", 2, None, quoted('"resources": [,]}'), "valid JSON"),
    bad("JSON without end", written("datapackage.json", b"[" * 200_000), "datapackage.json", None, None, "", "valid JSON"),
    bad("a package that is a list", written("datapackage.json", b"[]"), "datapackage.json", None, "resources", "", RESOURCES),
    package("a resource without a path", lambda d: d["partners"].pop("path"), "resources", "", RESOURCES),
    package("a table that the model needs is not described", lambda d: d[""]["resources"].remove(d["partners"]),
            "resources", "", "a resource named partners"),
    package("a table that is described twice", lambda d: d[""]["resources"].append(d["partners"]),
            "resources", quoted("partners"), ONCE),
    package("a path that leads out of the folder", lambda d: d["partners"].update(path="../partners.csv"),
            "partners.path", quoted("../partners.csv"), INSIDE),
    package("a path from the root", lambda d: d["partners"].update(path="/etc/passwd"),
            "partners.path", quoted("/etc/passwd"), INSIDE),
    package("a path that only one system reads so", lambda d: d["partners"].update(path="..\\partners.csv"),
            "partners.path", quoted("..\\partners.csv"), INSIDE),
    package("a path longer than any system takes", lambda d: d["partners"].update(path="p" * 5000),
            None, "no such file", NO_FILE, file="p" * 5000),
    package("a type that disagrees with the contract", lambda d: field(d["catchments"], "share").update(type="string"),
            "catchments.share", quoted("string"), "the type number | integer"),
    package("a column that is described, but not there", lambda d: d["partners"]["schema"]["fields"].append({"name": "phone"}),
            "phone", "partner_id, kind, name, basis, source_id", COLUMN, file="partners.csv", row=1),
    package("a column that is there, but not described", lambda d: d["sites"]["schema"]["fields"].pop(5),
            "flats", quoted("flats"), UNDESCRIBED, file="sites.csv", row=1),
    package("a resource without a schema", lambda d: d["partners"].pop("schema"), "partners.schema", quoted("None"), SCHEMA),
    package("a field that is only a name", schema("partners", fields=["name"], missingValues=[]),
            "partners.schema", quoted("{'fields': ['name'], 'missingValues': []}"), SCHEMA),
    package("a column that is described twice", lambda d: d["partners"]["schema"]["fields"].append({"name": "name"}),
            "partners.fields", quoted("partner_id, kind, name, basis, source_id, name"), ONCE),
    package("constraints that are a word", constraints("sites", "flats", "many"),
            "sites.flats", quoted("many"), "names with a value each"),
    package("a least value that is a word", constraints("sites", "flats", {"minimum": "one"}),
            "sites.flats.minimum", quoted("one"), NUMBER),
    package("a list of values that is a word", constraints("areas", "kind", {"enum": "city"}),
            "areas.kind.enum", quoted("city"), "a list"),
    package("a pattern that is no regular expression", constraints("sites", "name", {"pattern": "[a-"}),
            "sites.name.pattern", quoted("[a-"), "unterminated character set at position 0"),
    package("a primary key that is no column", schema("partners", primaryKey="id"),
            "partners.primaryKey", quoted("id"), "one of partner_id, kind, name, basis, source_id"),
    package("a foreign key that is no column", schema("partners", foreignKeys=[CITY_KEY]),
            "partners.foreignKeys", quoted(str(CITY_KEY)[:57] + "..."), ONE_COLUMN),
    package("a foreign key without its other end", schema("partners", foreignKeys="areas"),
            "partners.foreignKeys", quoted("areas"), ONE_COLUMN),
    package("a foreign key to a column that is not there", schema("partners", foreignKeys=[TITLE_KEY]),
            "partners.foreignKeys", quoted("title"), "a column of areas.csv"),
    package("a reference that only the package asks for", schema("agreements", foreignKeys=REASON_KEY),
            "reason", quoted("andere Vorstellungen"), "a name of partners.csv", file="agreements.csv", row=5),
    package("values that only the package wants to be unique", constraints("sites", "area_id", {"unique": True}),
            "area_id", quoted("nord"), ONCE, file="sites.csv", row=3),
    package("a key that only the package wants to be unique", schema("sites", primaryKey=["area_id"]),
            "area_id", quoted("nord"), ONCE, file="sites.csv", row=3),
    package("a value that only the package asks for", constraints("sites", "area_id", {"required": True}),
            "area_id", "", "a value", file="sites.csv", row=4),
    package("another sign for a missing value would be read as a text", schema("sites", missingValues=["", "-"]),
            "sites.missingValues", quoted("['', '-']"), "only the blank cell as a missing value"),
]

# --- boundaries -------------------------------------------------------------------------------------------------


def boundary(reason, change, path, given, expected):
    return bad(reason, change if callable(change) else outlined(change), "boundaries.geojson", None, path, given, expected)


def at(number, *keys, value):
    """Put a value somewhere into a feature."""
    def change(features):
        place = features[number]
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = value
    return outlined(change)


RING = "rings of points, each a longitude and a latitude"
DEGREES = "longitude and latitude in degrees (WGS 84), -180 to 180 and -90 to 90"
CLOSED = "a ring of at least three places that ends where it begins"
POLYGON = "a Polygon or a MultiPolygon"
COLLECTION = "a GeoJSON collection of features (FeatureCollection)"
NORD, SUED = "features[0].properties", "features[1].properties"
HERE, THERE = "features[0].geometry.coordinates", "features[1].geometry.coordinates"

BOUNDARIES = [
    bad("outlines that are no JSON", written("boundaries.geojson", b'{"type": "FeatureCollection",'),
        "boundaries.geojson", 1, None, quoted('{"type": "FeatureCollection",'), "valid JSON"),
    boundary("outlines that are no text", written("boundaries.geojson", NOISE), None, "", "valid JSON"),
    boundary("outlines nested without end", written("boundaries.geojson", b"[" * 200_000), None, "", "valid JSON"),
    boundary("a folder is no file of outlines", lambda folder: (folder / "boundaries.geojson").mkdir(),
             None, "a folder", "a readable file"),
    boundary("a single feature is no collection", written("boundaries.geojson", b'{"type": "Feature"}'),
             None, quoted("Feature"), COLLECTION),
    boundary("a list is no collection", written("boundaries.geojson", b"[1]"), None, "", COLLECTION),
    boundary("a collection of nothing draws nothing", outlined(list.clear), None, quoted("FeatureCollection"), COLLECTION),
    boundary("outlines in every detail would hold up the page", written("boundaries.geojson", b" " * 10_000_001),
             None, "more than 10 MB", "at most 10 MB; simplify the outlines"),
    boundary("a point has no outline", at(0, "geometry", value={"type": "Point", "coordinates": [8.5, 52.0]}),
             "features[0].geometry.type", quoted("Point"), POLYGON),
    boundary("a feature may have no geometry", at(1, "geometry", value=None), "features[1].geometry.type", "", POLYGON),
    boundary("an area that is not in the table", at(0, "properties", "area_id", value="nordd"),
             f"{NORD}.area_id", quoted("nordd"), "a area_id of areas.csv; the nearest is nord"),
    boundary("a number is no area", at(0, "properties", "area_id", value=5), f"{NORD}.area_id", quoted("5"), "a value"),
    boundary("outlines of nobody know no area", outlined(lambda f: f[0]["properties"].pop("area_id")),
             f"{NORD}.area_id", "", "a value"),
    boundary("two outlines of one area", at(1, "properties", "area_id", value="nord"),
             f"{SUED}.area_id", quoted("nord"), ONCE),
    boundary("outlines without a source", outlined(lambda f: f[1]["properties"].pop("source_id")),
             f"{SUED}.source_id", "", "a value"),
    boundary("a source that is not in the table", at(1, "properties", "source_id", value="katasta"),
             f"{SUED}.source_id", quoted("katasta"), "a source_id of sources.csv; the nearest is kataster"),
    bad("outlines may be shown only under a licence", all_of(outlined(len), changed("sources.csv", ",dl-de/by-2-0", ",")),
        "sources.csv", 4, "licence", "", "a licence: the boundaries of this source are shown"),
    boundary("metres of UTM are no degrees", at(0, "geometry", "coordinates", 0, 0, value=[467000.0, 5763000.0]),
             HERE, quoted("[467000.0, 5763000.0]"), DEGREES),
    boundary("infinity is nowhere", at(0, "geometry", "coordinates", 0, 0, value=[float("inf"), 52.0]),
             HERE, quoted("[inf, 52.0]"), DEGREES),
    boundary("not a number is nowhere", at(1, "geometry", "coordinates", 0, 0, 1, value=[8.5, float("nan")]),
             THERE, quoted("[8.5, nan]"), DEGREES),
    boundary("a text is no coordinate", at(0, "geometry", "coordinates", 0, 0, value=["8.5", "52"]),
             HERE, quoted("['8.5', '52']"), RING),
    boundary("a polygon as deep as a multipolygon", at(1, "geometry", "type", value="Polygon"),
             THERE, quoted("[[8.45, 51.4], [8.55, 51.4], [8.55, 51.6], [8.45, 51.6], ..."), RING),
    boundary("a polygon without a ring", at(0, "geometry", "coordinates", value=[]), HERE, quoted("[]"), RING),
    boundary("a ring that does not close", outlined(lambda f: f[0]["geometry"]["coordinates"][0].pop()),
             HERE, "4 points", CLOSED),
    boundary("two places have no area", at(0, "geometry", "coordinates", value=[[[8.5, 52.0], [8.6, 52.0], [8.5, 52.0]]]),
             HERE, "3 points", CLOSED),
    boundary("longitude and latitude exchanged", at(0, "geometry", "coordinates", value=[
        [[52.0, 8.5], [52.1, 8.5], [52.1, 8.6], [52.0, 8.5]]]),
        HERE, "52 / 8.5", "an outline around the place of the area, 8.5592 / 52.0247"),
    boundary("outlines of quarters are no districts", outlined(lambda f: (f.pop(), f[0]["properties"].update(area_id="ufer"))),
             None, "", "the boundary of at least one district"),
]

# --- the quality dialogue and the cooperation -------------------------------------------------------------------


def dialogue(reason, file, old, new, row, column, given, expected):
    return bad(reason, all_of(write_dialogue, changed(file, old, new)), file, row, column, given, expected)


DIALOGUE = [
    dialogue("an event that ends before it begins", "calendar.csv", "2026-07-01,2026-12-31", "2026-07-01,2026-06-30",
             3, "ends", quoted("30 Jun 2026"), "a day that is not before the first (1 Jul 2026)"),
    dialogue("an agreement of no site cannot end", "calendar.csv", "2026-12-31,,park", "2026-12-31,,",
             4, "site_id", "", "the site whose agreement ends"),
    dialogue("a step that is due before it began", "steps.csv", "2026-04-15", "2025-04-15",
             2, "due_date", quoted("15 Apr 2025"), "a day that is not before the first (3 Nov 2025)"),
    dialogue("instalments that pay too little", "instalments.csv", "0.4", "0.3",
             None, "share", quoted("0.9000"), "shares that add up to 1"),
    dialogue("instalments that pay too much", "instalments.csv", "0.4", "0.4003",
             None, "share", quoted("1.0003"), "shares that add up to 1"),
    dialogue("half a person cannot be reached", "reports.csv", "120", "120.5",
             3, "value", quoted("120.5"), "a whole number"),
    dialogue("made-up people are whole, too", "demonstration_reports.csv", ",90,", ",90.5,",
             2, "value", quoted("90.5"), "a whole number"),
    dialogue("a figure in another unit than its indicator", "reports.csv", "5999.5,EUR", "5999.5,Stunden",
             2, "unit", quoted("Stunden"), "the unit EUR"),
    dialogue("a year to come has no report", "reports.csv", "2025,park,spent", "2027,park,spent",
             2, "year", quoted("2027"), "a year that is not in the future"),
    dialogue("a made-up report of a year to come", "demonstration_reports.csv", "2024", "2027",
             2, "year", quoted("2027"), "a year that is not in the future"),
    dialogue("a measure agreed on in a year to come", "measures.csv", "park-1,2025", "park-1,2027",
             2, "year", quoted("2027"), "a year that is not in the future"),
    dialogue("half a year is no year", "reports.csv", "2025,park,spent", "2024.5,park,spent",
             2, "year", quoted("2024.5"), "a whole number"),
    dialogue("bounds that no figure can keep", "dialogue_indicators.csv", "0,5000", "6000,5000",
             3, "least", quoted("6,000"), "at most the greatest value (5,000)"),
    dialogue("two figures for the same part of the curve", "dialogue_indicators.csv", "people,people,yes", "people,money,yes",
             3, "role", quoted("money"), ONCE),
    dialogue("a figure of an unknown indicator", "reports.csv", "park,spent", "park,spend",
             2, "indicator", quoted("spend"), "a indicator of dialogue_indicators.csv; the nearest is spent"),
    dialogue("a report of an unknown site", "reports.csv", "2025,park,spent", "2025,perk,spent",
             2, "site_id", quoted("perk"), "a site_id of sites.csv; the nearest is park"),
    dialogue("a step with an unknown partner", "steps.csv", "hill,awo", "hill,awoo",
             2, "partner_id", quoted("awoo"), "a partner_id of partners.csv; the nearest is awo"),
    dialogue("an indicator for no goal", "dialogue_indicators.csv", "spent,treffen", "spent,traeffen",
             2, "goal_id", quoted("traeffen"), "a goal_id of goals.csv; the nearest is treffen"),
]
# fmt: on


def test_the_tables_of_the_dialogue_are_read_where_a_city_brings_them(city):
    plain = q.load(city)
    write_dialogue(city)
    sites = q.load(city, today=TODAY)
    assert set(sites.tables) - set(plain.tables) == set(ADDED)
    assert sites.table("reports")["value"].tolist() == [5999.5, 120]
    assert sites.table("steps")["due_date"].tolist() == [datetime.date(2026, 4, 15), None]


def test_thirds_are_a_whole_as_far_as_they_can_be_written(city):
    write_dialogue(city)
    thirds = "".join(f"{name},Rate,4711,0.3333,2026-04-01,assumed,annahme\n" for name in "abc")
    (city / "instalments.csv").write_text(ADDED["instalments"].splitlines()[0] + "\n" + thirds, encoding="utf-8")
    assert q.load(city).table("instalments")["share"].sum() == pytest.approx(0.9999)


@pytest.mark.parametrize(("damage", "fault"), FILES + CELLS + ROWS + PACKAGE + BOUNDARIES + DIALOGUE)
def test_a_bad_folder_is_refused_with_the_one_fault_it_has(city, damage, fault):
    damage(city)
    before = fingerprint(city)
    with pytest.raises(q.DataError) as error:
        q.load(city, language="en", today=TODAY)
    refused(error.value, fault)
    assert fingerprint(city) == before


@pytest.mark.parametrize(
    ("folder", "given"),
    [
        ("city/sites.csv", "a file"),
        *((one, "no such folder") for one in ("nowhere", "n" * 5000, "~nobody-of-this-name/data", "city\0data")),
    ],
)
def test_a_folder_that_is_not_there_is_refused_and_a_file_is_called_one(city, monkeypatch, folder, given):
    monkeypatch.chdir(city.parent)
    before = fingerprint(city.parent)
    with pytest.raises(q.DataError) as error:
        q.load(folder, language="en")
    refused(error.value, Fault(folder, None, None, given, "a folder with a datapackage.json"))
    assert fingerprint(city.parent) == before


FAULTS_IN_MANY_FILES = (
    Fault("agreements.csv", 2, "date", quoted("31 Jan 2030"), FUTURE),
    Fault("agreements.csv", 3, "date", quoted("26 Jan 2021"), "a day after the site's row before (31 Jan 2030)"),
    Fault("areas.csv", 2, None, "9 cells", "10 cells as in the first row"),
    Fault("catchments.csv", 2, "share", quoted("1.5"), "at most 1"),
    Fault("catchments.csv", 3, "site_id", quoted("hil"), "a site_id of sites.csv; the nearest is hill"),
    Fault("datapackage.json", None, "indicator_kinds.path", quoted("../indicator_kinds.csv"), INSIDE),
    Fault("indicators.csv", 4, "value", quoted("viele"), NUMBER),
    Fault("indicators.csv", 7, "formula", "", FORMULA),
    Fault("partners.csv", 1, "kind", quoted("knid"), COLUMN),
    Fault("partners.csv", 5, "basis", quoted("said"), "one of stated, derived, assumed"),
    Fault("programme.csv", None, None, "no such file", NO_FILE),
    Fault("site_rules.csv", 12, "site_id+rule", quoted("hill / max_eur"), ONCE),
    Fault("sources.csv", 2, "title", "", "a value"),
)


def test_faults_in_many_files_are_all_listed_in_one_error_in_the_order_of_files_and_rows(city):
    all_of(
        changed("agreements.csv", "2020-01-31", "2030-01-31"),
        changed("areas.csv", "stadt,city,Übersee,", "stadt,city,Übersee"),
        changed("catchments.csv", "0.6", "1.5"),
        changed("catchments.csv", "hill,ufer", "hil,ufer"),
        described(lambda d: d["indicator_kinds"].update(path="../indicator_kinds.csv")),
        changed("indicators.csv", "1400", "viele"),
        changed("indicators.csv", "Zahl ab 65 minus Zahl bis 79", ""),
        changed("partners.csv", "kind", "knid"),
        changed("partners.csv", "AWO,stated", "AWO,said"),
        removed("programme.csv"),
        appended("site_rules.csv", "hill,max_eur,9000,EUR,assumed,annahme,"),
        changed("sources.csv", "amt,Melderegister", "amt,"),
    )(city)
    before = fingerprint(city)
    with pytest.raises(q.DataError) as error:
        q.load(city, language="en", today=TODAY)
    refused(error.value, *FAULTS_IN_MANY_FILES)
    assert error.value.faults == FAULTS_IN_MANY_FILES
    assert str(error.value).startswith(
        f"{city}: 13 faults; nothing was changed.\n  - agreements.csv, row 2, column date: "
    )
    assert fingerprint(city) == before


def test_every_fault_of_the_boundaries_is_listed_in_one_error(city):
    all_of(
        at(0, "properties", "area_id", value="nordd"),
        at(0, "geometry", "coordinates", 0, 0, value=[467000.0, 5763000.0]),
        at(1, "geometry", value={"type": "Point", "coordinates": [8.5, 52.0]}),
        at(1, "properties", "source_id", value="nobody"),
        changed("partners.csv", "AWO,stated", "AWO,said"),
    )(city)
    with pytest.raises(q.DataError) as error:
        q.load(city, language="en", today=TODAY)
    places = {(fault.file, fault.column) for fault in error.value.faults}
    outlines = {f"{NORD}.area_id", HERE, "features[1].geometry.type", f"{SUED}.source_id"}
    assert places == {("partners.csv", "basis"), *(("boundaries.geojson", place) for place in outlines)}
    assert len(error.value.faults) == 5


def test_faults_are_told_in_german_unless_asked_otherwise(city):
    changed("catchments.csv", "hill,ufer,0.8", "hill,ufer,1.5")(city)
    with pytest.raises(q.DataError) as error:
        q.load(city)
    assert error.value.faults == (Fault("catchments.csv", 3, "share", "„1.5“", "höchstens 1"),)
    assert (
        str(error.value).splitlines()[1]
        == "  - catchments.csv, Zeile 3, Spalte share: gegeben „1.5“, erwartet höchstens 1"
    )


# --- Sites.from_frame, Sites.replace ----------------------------------------------------------------------------

COLUMNS = (
    "one of site_id, need, status, scale_eur, min_eur, max_eur, name, provider, housing_company, district, previous_eur"
)
HEADINGS = "site_id, need, status, scale_eur, min_eur, max_eur"


def frame(**columns):
    """Two sound sites, with some columns as given."""
    sound = {
        "site_id": ["a", "b"],
        "need": [100.0, 200.0],
        "status": ["signed", "prospective"],
        "scale_eur": [8000, 8000],
        "min_eur": [4000.0, 4000.0],
        "max_eur": [14000, 14000],
    }
    return pd.DataFrame(sound | columns)


# fmt: off
FRAMES = [
    ("a dictionary is no table", {}, None, None, "dict", "pandas.DataFrame"),
    ("a table without rows has no sites", frame().head(0), None, None, "no rows", "at least one site"),
    ("a column is missing", frame().drop(columns="need"), None, "need",
     "site_id, status, scale_eur, min_eur, max_eur", COLUMN),
    ("a renamed column is missing, and the nearest is named", frame().rename(columns={"need": "needs"}), None, "need",
     quoted("needs"), COLUMN),
    ("an unknown column would be ignored", frame(colour="red"), None, "colour", quoted("colour"), COLUMNS),
    ("a mistyped optional column would be ignored", frame(provder="AWO"), None, "provder", quoted("provder"),
     f"{COLUMNS}; the nearest is provider"),
    ("a column that stands twice", pd.concat([frame(), frame()[["need"]]], axis=1), None, None, f"{HEADINGS}, need", HEADER),
    ("an id that stands twice", frame(site_id=["a", "a"]), 2, "site_id", quoted("a"), ONCE),
    ("an id that is a number", frame(site_id=["a", 7]), 2, "site_id", quoted("7"), "a text"),
    ("an id that is missing", frame(site_id=["a", None]), 2, "site_id", "", "a value"),
    ("an id of blanks", frame(site_id=["a", "  "]), 2, "site_id", "", "a value"),
    ("a need that is NaN", frame(need=[1, np.nan]), 2, "need", "", "a value"),
    ("a need that is pandas.NA", frame(need=pd.array([1, pd.NA], dtype="Int64")), 2, "need", "", "a value"),
    ("a need without end", frame(need=[1, np.inf]), 2, "need", quoted("inf"), "a finite number"),
    ("a need below zero", frame(need=[1, -1.0]), 2, "need", quoted("-1.0"), "at least 0"),
    ("a need that is a text", frame(need=[1, "200"]), 2, "need", quoted("200"), NUMBER),
    ("a need that is true", frame(need=[1, True]), 2, "need", quoted("True"), NUMBER),
    ("a need that is a list", frame(need=[1, [200]]), 2, "need", quoted("[200]"), NUMBER),
    ("a need that is no float", frame(need=[1, Decimal(200)]), 2, "need", quoted("Decimal('200')"), NUMBER),
    ("a status that is mistyped", frame(status=["signed", "sigend"]), 2, "status", quoted("sigend"),
     "one of signed, negotiating, prospective, declined"),
    ("a status that is missing", frame(status=["signed", None]), 2, "status", "", "a value"),
    ("a scale of zero", frame(scale_eur=[8000, 0]), 2, "scale_eur", quoted("0.0"), "more than 0"),
    ("a floor below zero", frame(min_eur=[4000, -1]), 2, "min_eur", quoted("-1.0"), "at least 0"),
    ("a floor without end", frame(min_eur=[4000, np.inf]), 2, "min_eur", quoted("inf"), "a finite number"),
    ("a floor above the cap", frame(min_eur=[4000, 15000]), 2, "min_eur", "15,000 EUR", "at most max_eur (14,000 EUR)"),
    ("an amount of last year that is a word", frame(previous_eur=[4000, "none"]), 2, "previous_eur", quoted("none"), NUMBER),
    ("a provider that is a list", frame(provider=["AWO", ["AWO", "DRK"]]), 2, "provider", quoted("['AWO', 'DRK']"), "a text"),
]
# fmt: on


@pytest.mark.parametrize(("table", "fault"), [pytest.param(c[1], Fault("DataFrame", *c[2:]), id=c[0]) for c in FRAMES])
def test_a_bad_table_of_sites_is_refused_with_the_one_fault_it_has(table, fault):
    before = table.copy()
    with pytest.raises(q.DataError) as error:
        q.Sites.from_frame(table, language="en")
    refused(error.value, fault)
    if isinstance(table, pd.DataFrame):
        pd.testing.assert_frame_equal(table, before)


def test_columns_that_are_numbers_are_refused_by_name():
    with pytest.raises(q.DataError) as error:
        q.Sites.from_frame(pd.DataFrame([[1, 2]]), language="en")
    assert {fault.column for fault in error.value.faults} == {*HEADINGS.split(", "), "0", "1"}


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"c": {"need": 1}}, Fault("Sites", None, "site_id", quoted("c"), "a known site")),
        ({"a": {"colour": "red"}}, Fault("Sites", None, "colour", quoted("red"), None)),
        ({"a": {"site_id": "c"}}, Fault("Sites", None, "site_id", quoted("c"), None)),
        ({"a": {"min_eur": "much"}}, Fault("Sites", 1, "min_eur", quoted("much"), NUMBER)),
        ({"b": {"min_eur": 15_000}}, Fault("Sites", 2, "min_eur", "15,000 EUR", "at most max_eur (14,000 EUR)")),
        ({"b": {"need": float("nan")}}, Fault("Sites", 2, "need", "", "a value")),
        (
            {"b": {"status": "gone"}},
            Fault("Sites", 2, "status", quoted("gone"), "one of " + ", ".join(q.data.STATUSES)),
        ),
    ],
)
def test_a_bad_variation_of_sites_is_refused(changes, fault):
    sites = q.Sites.from_frame(frame())
    before = sites.frame
    if fault.expected is None:
        fault = fault._replace(expected="one of " + ", ".join(before.columns))
    with pytest.raises(q.DataError) as error:
        sites.replace(changes, language="en")
    refused(error.value, fault)
    pd.testing.assert_frame_equal(sites.frame, before)


# --- scenario files ---------------------------------------------------------------------------------------------

STATUSES = "one of signed, negotiating, prospective, declined"
CHOICES = "status, min_eur, max_eur, scale_eur, previous_eur, need"
LEAST = "at least 0"
ONE_NUMBER, A_SHARE = "a number as in 80000", "a number as in 0.5"
WRITTEN_OUT = "values written out, no anchors"
PLAIN = "plain values, no tags"
NO_FIELD, NO_PARAMETER = "no field of this name", "no parameter of this name"
TWICE = ("the field a second time", "each field only once")
DISAGREE = "choices that do not go together"
PAIRS = "field: value, one a row"
LAUGHS = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"
FIELDS = list(q.Scenario.model_fields)


def fields(nearest):
    return "one of " + ", ".join([nearest, *(name for name in FIELDS if name != nearest)])


VALID = "valid YAML: field: value, spaces to indent, quotes and brackets closed"


# fmt: off
YAML = [
    ("a colon is missing", "name: x\nbudget_eur 80000\n", 2, None, quoted("budget_eur 80000"), VALID),
    ("a colon too many", "name: x\ntitle: a: b\n", 2, None, quoted("title: a: b"), VALID),
    ("a bracket is not closed", "committed: [signed", 1, None, quoted("committed: [signed"), VALID),
    ("a quote is not closed", "title: 'x\nbudget_eur: 3\n", 1, None, quoted("title: 'x"), VALID),
    ("a tab indents", "need_weights:\n\told: 1\n", 2, None, quoted("\\told: 1"), VALID),
    ("a second document follows", "name: x\n---\nname: y\n", 2, None, quoted("---"), VALID),
    ("a control character", "name: x\ntitle: \x07\n", 2, None, quoted("\\x07"), VALID),
    ("brackets without end", "a: " + "[" * 40_000, 1, None, "more levels", "at most 10 levels"),
    ("dashes without end", "a:\n" + "- " * 40_000, 2, None, "more levels", "at most 10 levels"),
    ("a list of fields", "- name\n- title\n", 1, None, "a list", PAIRS),
    ("a sentence", "80000 EUR for ten sites", 1, None, quoted("80000 EUR for ten sites"), PAIRS),
    ("nothing but a remark", "# later\n", 1, None, "an empty file", PAIRS),
    ("an anchor", LAUGHS, 1, None, "&a", WRITTEN_OUT),
    ("an alias", "budget_eur: *a\n", 1, None, "&a", WRITTEN_OUT),
    ("a tag that would run a program", "title: !!python/object/apply:os.system ['touch ran']\n", 1, None,
     quoted("('!!', 'python/object/apply:os.system')"), PLAIN),
    ("a tag that names a type", "budget_eur: !!float 80000\n", 1, None, quoted("('!!', 'float')"), PLAIN),
    ("a directive", "%YAML 1.1\n---\nname: x\n", 1, None, quoted("(1, 1)"), PLAIN),
    ("another mapping's keys", "name: x\n<<: {budget_eur: 1}\n", 2, None, quoted("<<"), "a name"),
    ("a key that is a list", "? [a, b]\n: 1\n", 1, None, quoted("[a, b]"), "a name"),
    ("a key that is a number", "name: x\n1: 2\n", 2, None, quoted("1"), "a name"),
    ("a field that stands twice", "name: x\nbudget_eur: 1\nbudget_eur: 2\n", 3, "budget_eur", *TWICE),
    ("a weight that stands twice", "need_weights:\n  old: 1\n  old: 2\n", 3, "need_weights.old", *TWICE),
    ("a lone group may be thousands", "budget_eur: 80.000\n", 1, "budget_eur", quoted("80.000"), GROUP("80", "000")),
    ("a lone group in a weight", "need_weights:\n  old: 1.125\n", 2, "need_weights.old", quoted("1.125"), GROUP("1", "125")),
    ("a time is read as ninety", "max_sites: 1:30\n", 1, "max_sites", quoted("1:30"), ONE_NUMBER),
    ("ten is read as eight", "max_sites: 010\n", 1, "max_sites", quoted("010"), ONE_NUMBER),
    ("a number to another base", "max_sites: 0x10\n", 1, "max_sites", quoted("0x10"), ONE_NUMBER),
    ("infinity", "budget_eur: .inf\n", 1, "budget_eur", quoted(".inf"), "a finite number"),
    ("infinity in capitals", "budget_eur: -.INF\n", 1, "budget_eur", quoted("-.INF"), "a finite number"),
    ("no number", "budget_eur: .NaN\n", 1, "budget_eur", quoted(".NaN"), "a finite number"),
    ("a number beyond all floats", "budget_eur: 1.0e+999\n", 1, "budget_eur", quoted("1.0e+999"), "a finite number"),
    ("a number of 5000 digits", f"seed: {'9' * 5000}\n", 1, "seed", quoted("9" * 57 + "..."), "a finite number"),
    ("a mistyped field, and the nearest is named", "name: x\nbudget_euro: 1\n", 2, "budget_euro", NO_FIELD, fields("budget_eur")),
    ("a budget in words", "budget_eur: viel\n", 1, "budget_eur", quoted("viel"), ONE_NUMBER),
    ("a budget as a German writes it", "budget_eur: 80.000,00\n", 1, "budget_eur", quoted("80.000,00"), ONE_NUMBER),
    ("a budget that is a list", "budget_eur: [80000]\n", 1, "budget_eur", quoted("[80000]"), ONE_NUMBER),
    ("a budget that is true", "budget_eur: yes\n", 1, "budget_eur", quoted("True"), ONE_NUMBER),
    ("a budget that is missing", "budget_eur:\n", 1, "budget_eur", quoted("None"), ONE_NUMBER),
    ("a budget below zero", "budget_eur: -1\n", 1, "budget_eur", quoted("-1"), "at least 0"),
    ("a budget beyond reason", "budget_eur: 10000000000000\n", 1, "budget_eur", quoted("10000000000000"), "at most 1,000,000,000,000"),
    ("a step of zero", "step_eur: 0\n", 1, "step_eur", quoted("0"), "more than 0"),
    ("half a site", "max_sites: 9.5\n", 1, "max_sites", quoted("9.5"), "a whole number"),
    ("a number of sites that is true", "max_sites: true\n", 1, "max_sites", quoted("True"), "a whole number"),
    ("a number of years that is true", "years: true\n", 1, "years", quoted("True"), "a whole number"),
    ("no year at all", "years: 0\n", 1, "years", quoted("0"), "at least 1"),
    ("more years than anybody plans", "years: 11\n", 1, "years", quoted("11"), "at most 10"),
    ("a later budget below zero", "years: 2\nlater_budgets_eur: [-1]\n", 2, "later_budgets_eur.0", quoted("-1"), "at least 0"),
    ("a year of thirteen months", "months: {s1: 13}\n", 1, "months.s1", quoted("13"), "at most 12"),
    ("half a month", "months: {s1: 0.5}\n", 1, "months.s1", quoted("0.5"), "a whole number"),
    ("sites that are a word", "sites: hill\n", 1, "sites", quoted("hill"), "names of sites with their changes"),
    ("a site that is a status", "sites:\n  hill: signed\n", 2, "sites.hill", quoted("signed"), f"fields with their values: {CHOICES}"),
    ("a choice that is mistyped", "sites:\n  hill:\n    statsu: signed\n", 3, "sites.hill.statsu", NO_FIELD,
     f"one of {CHOICES}"),
    ("a status of a site that is mistyped", "sites:\n  a: {need: 1}\n  hill:\n    status: sigend\n", 4, "sites.hill.status",
     quoted("sigend"), STATUSES),
    ("a site with nothing chosen", "sites:\n  hill: {}\n", 2, "sites.hill", quoted("{}"), f"one of {CHOICES}"),
    ("a lone group at a site", "sites:\n  hill: {max_eur: 9.000}\n", 2, "sites.hill.max_eur", quoted("9.000"), GROUP("9", "000")),
    ("a scale of zero", "sites: {hill: {scale_eur: 0}}\n", 1, "sites.hill.scale_eur", quoted("0"), "more than 0"),
    ("a floor of a site above its cap", "sites: {hill: {min_eur: 2, max_eur: 1}}\n", 1, "sites.hill",
     quoted("{'min_eur': 2, 'max_eur': 1}"), "min_eur is not above max_eur"),
    ("a floor for all beside one of a site", "min_eur: 1\nsites: {hill: {min_eur: 2}}\n", None, None, DISAGREE,
     "min_eur: none for all sites while hill have their own"),
    ("a site that stands twice", "sites:\n  hill: {need: 1}\n  hill: {need: 2}\n", 3, "sites.hill", *TWICE),
    ("a limit of a group that is mistyped", "groups:\n- {by: provider, name: A}\n- by: provider\n  name: B\n  max: 1\n", 5,
     "groups.1.max", NO_FIELD, "one of max_eur, by, name, min_eur, min_share, max_share, min_sites, max_sites"),
    ("money for nobody known", "earmarked: [{by: provider, amount_eur: 1}]\n", 1, "earmarked.0.name", "", "a value"),
    ("money that is owed", "earmarked: [{by: provider, name: A, amount_eur: -1}]\n", 1, "earmarked.0.amount_eur", quoted("-1"), LEAST),
    ("an aversion that is no number", "inequality_aversion: .nan\n", 1, "inequality_aversion", quoted("nan"), "at least 0"),
    ("an aversion with a comma", "inequality_aversion: 0,5\n", 1, "inequality_aversion", quoted("0,5"), A_SHARE),
    ("a later budget in words", "years: 2\nlater_budgets_eur: [viel]\n", 2, "later_budgets_eur.0", quoted("viel"), ONE_NUMBER),
    ("a name with path parts", "name: ../x\n", 1, "name", quoted("../x"), "a name of a-z, 0-9 and -"),
    ("a name in capitals", "name: Baseline\n", 1, "name", quoted("Baseline"), "a name of a-z, 0-9 and -"),
    ("a name with a line's end", 'name: "x\\n"\n', 1, "name", quoted("x\\n"), "a name of a-z, 0-9 and -"),
    ("a name longer than a folder's", f"name: {'n' * 61}\n", 1, "name", quoted("n" * 57 + "..."), "a shorter text"),
    ("statuses that are a word", "committed: signed\n", 1, "committed", quoted("signed"), "a list of statuses"),
    ("statuses that are a mapping", "committed: {signed: yes}\n", 1, "committed", quoted("{'signed': True}"), "a list of statuses"),
    ("a status that is mistyped", "committed: [sigend]\n", 1, "committed.0", quoted("sigend"), STATUSES),
    ("a method that is not known", "method: best\n", 1, "method", quoted("best"), "one of optimal, equal-split, need-proportional"),
    ("a curve that is not known", "response: steep\n", 1, "response", quoted("steep"), "one of saturating, linear, power, hill-concave"),
    ("a language that is not spoken", "language: fr\n", 1, "language", quoted("fr"), "one of de, en"),
    ("an aversion without end", "inequality_aversion: 101\n", 1, "inequality_aversion", quoted("101"), "at most 100, or infinite"),
    ("a base coverage of zero", "base_coverage: 0\n", 1, "base_coverage", quoted("0"), "more than 0"),
    ("a base coverage above the whole", "base_coverage: 1.5\n", 1, "base_coverage", quoted("1.5"), "at most 1"),
    ("weights that are a list", "need_weights: [1, 2]\n", 1, "need_weights", quoted("[1, 2]"), "names with a weight each"),
    ("a weight that is a word", "need_weights: {old: much}\n", 1, "need_weights.old", quoted("much"), A_SHARE),
    ("a weight below zero", "need_weights: {old: -1}\n", 1, "need_weights", quoted("{'old': -1}"), "weights of at least 0"),
    ("no weight above zero", "need_weights: {old: 0}\n", 1, "need_weights", quoted("{'old': 0}"), "at least one weight above 0"),
    ("a group without a name", "groups: [{by: provider, max_eur: 1}]\n", 1, "groups.0.name", "", "a value"),
    ("a group by something else", "groups: [{by: street, name: A}]\n", 1, "groups.0.by", quoted("street"),
     "one of provider, housing_company, district"),
    ("a group's floor above its cap", "groups: [{by: provider, name: A, min_eur: 2, max_eur: 1}]\n", 1, "groups.0",
     quoted("{'by': 'provider', 'name': 'A', 'min_eur': 2, 'max_eur': 1}"), "min_eur is not above max_eur"),
    ("a group beside a rule of division", "method: equal-split\ngroups: [{by: provider, name: A, max_eur: 1}]\n", None, None, DISAGREE,
     "groups only with the method optimal: a rule of division knows no shared limits"),
    ("a change limit below zero", "max_change_share: -0.1\n", 1, "max_change_share", quoted("-0.1"), "at least 0"),
    ("a search without time", "time_limit_s: 0\n", 1, "time_limit_s", quoted("0"), "more than 0"),
    ("a status both committed and excluded", "committed: [signed, declined]\n", None, None, DISAGREE,
     "committed and excluded do not both name declined"),
    ("a floor above the cap", "min_eur: 9000\nmax_eur: 8000\n", None, None, DISAGREE,
     "min_eur (9,000 EUR) is not above max_eur (8,000 EUR)"),
    ("more sites needed than allowed", "min_sites: 11\n", None, None, DISAGREE, "min_sites (11) is not above max_sites (10)"),
]
# fmt: on


@pytest.mark.parametrize(("text", "fault"), [pytest.param(c[1], Fault("x.yaml", *c[2:]), id=c[0]) for c in YAML])
def test_a_bad_scenario_file_is_refused_with_the_one_fault_it_has(tmp_path, monkeypatch, text, fault):
    monkeypatch.chdir(tmp_path)
    Path("x.yaml").write_text(text, encoding="utf-8")
    before = fingerprint(tmp_path)
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_yaml("x.yaml", language="en")
    if fault.given is None:
        fault = fault._replace(given=error.value.faults[0].given)
    refused(error.value, fault)
    assert fingerprint(tmp_path) == before


def test_several_faults_of_a_scenario_are_listed_in_one_error(tmp_path):
    (tmp_path / "x.yaml").write_text("name: X\nbudget: 1\nmax_sites: ten\ncommitted: [signd]\n", encoding="utf-8")
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_yaml(tmp_path / "x.yaml")
    assert {(fault.row, fault.column) for fault in error.value.faults} == {
        (1, "name"),
        (2, "budget"),
        (3, "max_sites"),
        (4, "committed.0"),
    }


def test_a_value_that_can_be_read_in_two_ways_is_told_with_all_other_faults_and_once(city):
    text = """\
name: kaput
title: 5
budget_eur: 64.000
reserve_eur: 100
max_sites: 10.000
1: x
budget: 1
min_sites: 3
min_sites: ten
sites: {hil: {need: 1}, hill: {min_eur: 5, max_eur: 1.000}}
groups: [{by: provider, name: A, min_eur: 5, max_eur: 1.000, max_share: 2}]
"""
    (city / "scenarios" / "kaputt.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.named("kaputt", city, "en", q.load(city))
    assert [(fault.row, fault.column) for fault in error.value.faults] == [
        (1, "name"),
        (2, "title"),
        (3, "budget_eur"),
        (5, "max_sites"),
        (6, None),
        (7, "budget"),
        (9, "min_sites"),
        (10, "sites.hill.max_eur"),
        (10, "sites"),
        (11, "groups.0.max_eur"),
        (11, "groups.0.name"),
        (11, "groups.0.max_share"),
    ]


def test_what_a_scenario_file_names_and_the_city_has_not_is_told_with_its_other_faults(city):
    text = """\
name: cut
groups:
- {by: provider, name: AWO, max_eur: 9000}
- {by: housing_company, name: Scholle, max_share: 1.5}
earmarked: [{by: district, name: Ost, amount_eur: 5}]
sites: {hil: {status: signed}}
months: {moor: 6}
need_weights: {very_olde: 1}
max_sites: ten
"""
    (city / "scenarios" / "cut.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.named("cut", city, "en", q.load(city))
    refused(
        error.value,
        Fault("cut.yaml", 4, "groups.1.max_share", quoted("1.5"), "at most 1"),
        Fault(
            "cut.yaml",
            4,
            "groups.1.name",
            quoted("Scholle"),
            f"one of {quoted('Scholle, eG')}, {quoted('Wohnbau GmbH')}",
        ),
        Fault("cut.yaml", 5, "earmarked.0.name", quoted("Ost"), f"one of {quoted('Nord')}, {quoted('Süd')}"),
        Fault("cut.yaml", 6, "sites", quoted("hil"), "one of hill, park, yard"),
        Fault("cut.yaml", 7, "months", quoted("moor"), "one of park, hill, yard"),
        Fault("cut.yaml", 8, "need_weights", quoted("very_olde"), "one of very_old, old"),
        Fault("cut.yaml", 9, "max_sites", quoted("ten"), "a whole number"),
    )
    assert [fault.row for fault in error.value.faults] == [4, 4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize(
    ("content", "given", "expected"),
    [
        (b"#" * (MAX_YAML_BYTES + 1), "a larger file", "a file of at most 100,000 bytes"),
        ("title: Kürzung".encode("cp1252"), "a file in another encoding", "a text file in UTF-8"),
        (NOISE, "a file in another encoding", "a text file in UTF-8"),
    ],
    ids=["a file larger than any scenario", "umlauts of Windows", "random bytes"],
)
def test_a_scenario_file_that_is_no_such_text_is_refused(tmp_path, content, given, expected):
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_yaml(path, language="en")
    refused(error.value, Fault("x.yaml", None, None, given, expected))


def test_a_scenario_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_yaml(tmp_path / "x.yaml", language="en")
    refused(error.value, Fault("x.yaml", None, None, "no such file", "a scenario file"))
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_yaml(tmp_path, language="en")
    refused(error.value, Fault(tmp_path.name, None, None, "a folder", "a readable file"))


@pytest.mark.parametrize(
    ("name", "known"),
    [("bassline", "baseline, cut"), ("cutt", "cut, baseline"), ("../scenarios/cut", "baseline, cut"), ("", "baseline, cut"),
     ("/etc/passwd", "baseline, cut"), ("Baseline", "baseline, cut"), ("cut.yaml", "baseline, cut"), (None, "baseline, cut")],
)  # fmt: skip
def test_a_scenario_of_no_known_name_is_refused_and_the_nearest_is_named(city, name, known):
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.named(name, city, language="en")
    given = quoted(name if isinstance(name, str) else "None")
    refused(error.value, Fault(str(city / "scenarios"), None, "scenario", given, f"one of {known}"))


def test_a_scenario_of_another_name_than_its_file_is_refused(city):
    changed("scenarios/cut.yaml", "name: cut", "name: cutting")(city)
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.named("cut", city, language="en")
    refused(error.value, Fault("cut.yaml", 1, "name", quoted("cutting"), "the name of the file (cut)"))


@pytest.mark.parametrize("folder", ["nowhere", "n" * 5000])
def test_a_folder_without_scenarios_is_refused(tmp_path, monkeypatch, folder):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.named("baseline", folder, language="en")
    place = str(Path(folder) / "scenarios")
    refused(error.value, Fault(place, None, None, "", "a folder with scenario files"))


def test_a_bad_change_of_a_scenario_is_refused():
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario(language="en").replace(budgt_eur=1, max_sites="ten")
    refused(
        error.value,
        Fault("Scenario baseline", None, "budgt_eur", NO_FIELD, fields("budget_eur")),
        Fault("Scenario baseline", None, "max_sites", quoted("ten"), "a whole number"),
    )


@pytest.mark.parametrize(
    ("language", "head"), [("de", "Szenario baseline: 1 Fehler"), ("en", "Scenario baseline: 1 fault")]
)
def test_an_error_about_a_scenario_that_is_no_file_begins_in_its_language(language, head):
    with pytest.raises(q.ScenarioError, match=head):
        q.Scenario(language=language).replace(budgt_eur=1)


# --- parameters of a notebook and of the command line -----------------------------------------------------------


def parameters(city, **changes):
    return {"data_dir": str(city), "scenario": "baseline", **dict.fromkeys(PARAMETERS), "language": "en", **changes}


def known(nearest=None):
    names = ["data_dir", "scenario", *PARAMETERS]
    return "one of " + ", ".join([nearest, *(n for n in names if n != nearest)] if nearest else names)


# fmt: off
CHANGED_PARAMETERS = [
    ("a mistyped parameter, and the nearest is named", {"budget_euro": 64000}, "budget_euro", NO_PARAMETER, known("budget_eur")),
    ("an unknown parameter", {"colour": "red"}, "colour", NO_PARAMETER, known()),
    ("a field that is no parameter", {"seed": 3}, "seed", NO_PARAMETER, known()),
    ("a budget that is a text", {"budget_eur": "64000"}, "budget_eur", quoted("64000"), ONE_NUMBER),
    ("a budget that is true", {"budget_eur": True}, "budget_eur", quoted("True"), ONE_NUMBER),
    ("a budget that is NaN", {"budget_eur": float("nan")}, "budget_eur", quoted("nan"), "a finite number"),
    ("a budget that is infinite", {"budget_eur": float("inf")}, "budget_eur", quoted("inf"), "a finite number"),
    ("a budget that is a list", {"budget_eur": [64000]}, "budget_eur", quoted("[64000]"), ONE_NUMBER),
    ("a number of sites that is a float", {"max_sites": 10.0}, "max_sites", quoted("10.0"), "a whole number"),
    ("a curve that is not known", {"response": "steep"}, "response", quoted("steep"), "one of saturating, linear, power, hill-concave"),
    ("a scenario that is a number", {"scenario": 1}, "scenario", quoted("1"), "a text"),
    ("a folder that is missing", {"data_dir": None}, "data_dir", quoted("None"), "a text"),
    ("a folder that is no plain text", {"data_dir": Path("data")}, "data_dir", quoted(repr(Path("data"))), "a text"),
]
# fmt: on


@pytest.mark.parametrize(
    ("changes", "fault"), [pytest.param(c[1], Fault("parameters", None, *c[2:]), id=c[0]) for c in CHANGED_PARAMETERS]
)
def test_a_bad_parameter_is_refused_in_a_notebook_and_on_the_command_line(city, changes, fault):
    given = parameters(city, **changes)
    before = fingerprint(city)
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_parameters(given)
    refused(error.value, fault)
    if not {"data_dir", "scenario"} & changes.keys():
        with pytest.raises(q.ScenarioError) as error:
            with_parameters("baseline", city, {"language": "en", **changes})
        refused(error.value, fault._replace(expected=fault.expected.replace("data_dir, scenario, ", "")))
    assert fingerprint(city) == before


def test_a_parameter_that_is_taken_out_of_the_cell_is_missed(city):
    given = parameters(city)
    del given["step_eur"]
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_parameters(given)
    refused(error.value, Fault("parameters", None, "step_eur", "", "a parameter of this name"))


def test_parameters_that_disagree_with_the_scenario_are_refused(city):
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_parameters(parameters(city, min_sites=11))
    refused(error.value, Fault("parameters", None, None, DISAGREE, "min_sites (11) is not above max_sites (10)"))


def test_all_bad_parameters_are_listed_in_one_error(city):
    with pytest.raises(q.ScenarioError) as error:
        q.Scenario.from_parameters(parameters(city, scenario="cutt", max_site=9, budget_eur="much", language="fr"))
    assert {fault.column for fault in error.value.faults} == {"scenario", "max_site", "budget_eur", "language"}


def test_what_a_run_names_otherwise_is_refused_as_a_parameter_with_the_way_to_name_it(city):
    with pytest.raises(q.ScenarioError) as error:
        with_parameters("baseline", city, {"language": "en", "scenario": "cut", "data_dir": "x", "max_site": 9})
    refused(
        error.value,
        Fault("parameters", None, "max_site", NO_PARAMETER, known("max_sites").replace("data_dir, scenario, ", "")),
        Fault("parameters", None, "scenario", quoted("cut"), "its name right after the command: quartier run SCENARIO"),
        Fault("parameters", None, "data_dir", quoted("x"), "the folder as an option: quartier run --data DIR"),
    )


# --- weights ----------------------------------------------------------------------------------------------------


def test_a_weight_of_an_unknown_indicator_is_refused_and_the_nearest_is_named_first(city):
    with pytest.raises(q.PlainError) as error:
        q.weigh(q.load(city), {"very_olt": 1.0})
    assert "„very_olt“" in str(error.value)
    assert "very_old, old" in str(error.value)


@pytest.mark.parametrize("weight", [-1, float("nan"), float("inf"), "2", None])
def test_a_weight_that_is_no_number_of_at_least_zero_is_refused(city, weight):
    with pytest.raises(q.PlainError, match="old: „"):
        q.contributions(q.load(city), {"old": weight})


def test_weights_and_indicators_are_refused_where_the_need_was_given():
    sites = q.Sites.from_frame(frame())
    with pytest.raises(q.PlainError, match="need_weights"):
        q.weigh(sites, {"old": 1.0})
    for reckon in (q.contributions, q.need.indicator_totals, q.need.shares):
        with pytest.raises(q.PlainError):
            reckon(sites)


def test_at_least_40_kinds_of_bad_input_are_tried():
    cases = [FILES, CELLS, ROWS, PACKAGE, FRAMES, YAML, CHANGED_PARAMETERS]
    reasons = {case.id if hasattr(case, "id") else case[0] for kind in cases for case in kind}
    assert len(reasons) >= 40
