"""A city of three candidate sites, small enough to reckon by hand: its tables, its data package, and ways to damage them.

Ufer (a part of the district Nord) has more claims than residents: the park claims 0.6 of it, the hill 0.8. The yard has
its own count of the very old, which takes the place of its catchment's. The mill is known, but no candidate.
"""

import csv
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

TABLES = {
    "sources": """\
source_id,title,publisher,date,licence
amt,Melderegister,Stadt Übersee,2020,CC BY-SA 4.0
annahme,Annahmen der Planung,Stadt Übersee,2021-01,
""",
    "areas": """\
area_id,kind,name,part_of,area_km2,latitude,longitude,basis,source_id,formula
stadt,city,Übersee,,80.5,,,stated,amt,
nord,district,Nord,stadt,40.25,52.0247,8.5592,derived,amt,Summe der Bezirke
sued,district,Süd,stadt,40.25,51.5,8.5,derived,amt,Summe der Bezirke
ufer,statistical district,Ufer,nord,20.0,,,stated,amt,
heide,statistical district,Heide,nord,20.25,,,stated,amt,
hafen,statistical district,Hafen,sued,40.25,,,stated,amt,
""",
    "partners": """\
partner_id,kind,name,basis,source_id
rathaus,city,Stadt Übersee,stated,amt
wohnbau,housing_company,Wohnbau GmbH,stated,amt
scholle,housing_company,"Scholle, eG",stated,amt
awo,provider,AWO,stated,amt
""",
    "sites": """\
site_id,name,area_id,latitude,longitude,flats,basis,source_id,formula
park,Am Park,nord,52.03,8.56,30,stated,amt,
hill,Am Hügel,nord,,,,stated,amt,
mill,Alte Mühle,,,,12,stated,amt,
yard,Hof,hafen,,,44,stated,amt,
""",
    "agreements": """\
agreement_id,site_id,housing_company_id,provider_id,status,date,reason,basis,source_id
park-2020,park,wohnbau,,prospective,2020-01-31,,assumed,annahme
park-2021,park,wohnbau,awo,signed,2021-01-26,,stated,amt
hill-2021,hill,wohnbau,awo,negotiating,2021-01-26,,assumed,annahme
yard-2021,yard,scholle,,declined,2021-01-26,andere Vorstellungen,stated,amt
""",
    "catchments": """\
site_id,area_id,share,unit,basis,source_id,formula
park,ufer,0.6,share,assumed,annahme,
hill,ufer,0.8,share,assumed,annahme,
hill,heide,0.5,share,assumed,annahme,
yard,hafen,1,share,stated,amt,
mill,hafen,0.25,share,assumed,annahme,
""",
    "indicator_kinds": """\
indicator,name_de,name_en,unit,need_weight,basis,source_id
residents,Menschen,Residents,Personen,,stated,amt
old,Menschen von 65 bis 79,Residents 65 to 79,Personen,1,assumed,annahme
very_old,Menschen ab 80,Residents 80 and over,Personen,2.5,assumed,annahme
""",
    "indicators": """\
area_id,site_id,indicator,date,value,unit,basis,formula,source_id
stadt,,residents,2019-12-31,80000,Personen,stated,,amt
ufer,,old,2018,9999,Personen,stated,,amt
ufer,,old,2019-12-31,1400,Personen,stated,,amt
ufer,,very_old,2019-12,700,Personen,stated,,amt
heide,,old,2019-12-31,600,Personen,stated,,amt
heide,,very_old,2019-12-31,100,Personen,derived,Zahl ab 65 minus Zahl bis 79,amt
hafen,,old,2019,300,Personen,stated,,amt
hafen,,very_old,2019,50,Personen,stated,,amt
,yard,very_old,2020-06,80,Personen,stated,,amt
""",
    "site_rules": """\
site_id,rule,value,unit,basis,source_id,formula
park,min_eur,4000,EUR,assumed,annahme,
park,max_eur,14000,EUR,assumed,annahme,
park,scale_eur,8000.5,EUR,derived,amt,80005 EUR / 10
park,previous_eur,6000,EUR,stated,amt,
hill,min_eur,4000,EUR,assumed,annahme,
hill,max_eur,14000,EUR,assumed,annahme,
hill,scale_eur,8000,EUR,assumed,annahme,
yard,min_eur,4000,EUR,assumed,annahme,
yard,max_eur,14000,EUR,assumed,annahme,
yard,scale_eur,8000,EUR,assumed,annahme,
""",
    "programme": """\
rule,name,value,text,unit,basis,source_id,formula
budget_eur,Mittel im Jahr,20000,,EUR,stated,amt,
max_sites,Höchstzahl der Standorte,2,,Standorte,stated,amt,
""",
}
NUMBERS = {"area_km2", "latitude", "longitude", "share", "need_weight", "value"}

DIALOGUE = {
    "goals": """\
goal_id,field,name,basis,source_id
treffen,Begegnung,Menschen treffen einander.,assumed,annahme
""",
    "dialogue_indicators": """\
indicator,goal_id,name_de,name_en,help_de,unit,period,reported_by,kind,role,required,least,most,basis,source_id
spent,treffen,Ausgaben,Spending,Alle Ausgaben.,EUR,year,provider,eur,money,yes,0,90000,assumed,annahme
reached,treffen,Erreichte,People reached,Jeder einmal.,Personen,year,provider,people,people,yes,0,5000,assumed,annahme
""",
    "reports": """\
year,site_id,indicator,value,unit,basis,source_id,file,cell,note
2025,park,spent,5999.5,EUR,stated,amt,park.xlsx,Bericht!C5,
2025,park,reached,120,Personen,stated,amt,park.xlsx,Bericht!C6,
""",
    "measures": """\
measure_id,year,site_id,text,owner,due_date,state,basis,source_id,file,cell,note
park-1,2025,park,Den Raum abends öffnen.,AWO,2026-06-30,open,stated,amt,park.xlsx,Bericht!C9,
park-2,2025,park,Neue Stühle kaufen.,AWO,2026-02-28,done,stated,amt,park.xlsx,Bericht!C10,
""",
    "demonstration_reports": """\
year,site_id,indicator,value,unit,basis,source_id,file,cell,note
2024,park,reached,90,Personen,assumed,annahme,,,Erfunden.
""",
    "calendar": """\
event_id,kind,name,begins,ends,body,site_id,basis,source_id,formula
rat,committee,Mitteilung an den Rat,2026-03-02,2026-03-02,Rat; Seniorenbeirat,,stated,amt,
bericht,report,Bericht,2026-07-01,2026-12-31,Rat,,derived,amt,zweite Jahreshälfte
ende-park,renewal,Vereinbarung läuft aus,2026-12-31,2026-12-31,,park,assumed,annahme,
""",
    "steps": """\
step_id,kind,site_id,partner_id,since,next_step,due_date,blocked_by,basis,source_id
hill,negotiation,hill,awo,2025-11-03,Entwurf schicken,2026-04-15,Urlaub,stated,amt
noch-eine,approach,,,2026-01-05,Noch ein Unternehmen ansprechen,,,stated,amt
""",
    "instalments": """\
instalment_id,name,account,share,due_date,basis,source_id
eins,Erste Rate,4711,0.6,2026-04-01,assumed,annahme
zwei,Zweite Rate,4711,0.4,2026-10-01,assumed,annahme
""",
}
"""Tables that a city may do without."""

_DIALOGUE_NUMBERS = {"year", "value", "least", "most", "share"}
_DIALOGUE_DAYS = {"begins", "ends", "since", "due_date"}


def package() -> dict[str, Any]:
    """Describe the tables, as a city would."""
    resources = []
    for name, text in TABLES.items():
        header = text.splitlines()[0].split(",")
        kinds = dict.fromkeys(header, "string") | dict.fromkeys(NUMBERS & set(header), "number")
        if name == "agreements":
            kinds["date"] = "date"
        fields: list[dict[str, Any]] = [{"name": column, "type": kinds[column]} for column in header]
        if name == "sites":
            fields[5] = {"name": "flats", "type": "integer", "constraints": {"minimum": 1, "maximum": 500}}
        if name == "areas":
            fields[1]["constraints"] = {"enum": ["city", "district", "statistical district"]}
        if name == "agreements":
            fields[0]["constraints"] = {"pattern": "[a-z]+-20[0-9]{2}", "unique": True, "required": True}
        resources.append({"name": name, "path": f"{name}.csv", "schema": {"fields": fields, "missingValues": [""]}})
    return {"name": "uebersee", "resources": resources}


def boundaries() -> dict[str, Any]:
    """Describe made-up outlines of the two districts: Nord has a lake in it, Süd is of two parts."""

    def box(west: float, south: float, east: float, north: float) -> list[list[float]]:
        return [[west, south], [east, south], [east, north], [west, north], [west, south]]

    nord = {"type": "Polygon", "coordinates": [box(8.5, 52.0, 8.6, 52.05), box(8.51, 52.01, 8.52, 52.02)]}
    sued = {"type": "MultiPolygon", "coordinates": [[box(8.45, 51.4, 8.55, 51.6)], [box(8.6, 51.4, 8.61, 51.41)]]}
    return {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {"area_id": name, "source_id": "kataster"}, "geometry": geometry}
            for name, geometry in (("nord", nord), ("sued", sued))
        ],
    }


def write_boundaries(folder: Path) -> Path:
    """Add the outlines of the districts to a city that was written, and the source that they come from."""
    (folder / "boundaries.geojson").write_text(json.dumps(boundaries()), encoding="utf-8")
    with (folder / "sources.csv").open("a", encoding="utf-8") as sources:
        sources.write("kataster,Bezirksgrenzen,Katasteramt Übersee,2024,dl-de/by-2-0\n")
    return folder


def write_city(folder: Path) -> Path:
    """Write the tables, the data package and two scenarios."""
    (folder / "scenarios").mkdir(parents=True)
    for name, text in TABLES.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    (folder / "datapackage.json").write_text(json.dumps(package(), ensure_ascii=False, indent=1), encoding="utf-8")
    (folder / "scenarios" / "baseline.yaml").write_text("name: baseline\nbudget_eur: 20000\n", encoding="utf-8")
    (folder / "scenarios" / "cut.yaml").write_text("name: cut\nbudget_eur: 18000\n", encoding="utf-8")
    return folder


def write_dialogue(folder: Path) -> Path:
    """Add the tables of the quality dialogue, the next steps and the calendar to a city that was written."""
    path = folder / "datapackage.json"
    described = json.loads(path.read_text(encoding="utf-8"))
    kinds = dict.fromkeys(_DIALOGUE_NUMBERS, "number") | dict.fromkeys(_DIALOGUE_DAYS, "date")
    for name, text in DIALOGUE.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        header = text.splitlines()[0].split(",")
        fields = [{"name": column, "type": kinds.get(column, "string")} for column in header]
        described["resources"].append({"name": name, "path": f"{name}.csv", "schema": {"fields": fields}})
    path.write_text(json.dumps(described, ensure_ascii=False, indent=1), encoding="utf-8")
    return folder


def rows(name: str) -> list[list[str]]:
    """Give the cells of a table, the header first."""
    return list(csv.reader(TABLES[name].splitlines()))


def fingerprint(folder: Path) -> dict[str, str]:
    """Paths and contents of everything in a folder, to see that nothing was written."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in sorted(folder.rglob("*"))
    }


# --- damage: each gives a function that changes one thing in a folder ---

Damage = Callable[[Path], object]


def changed(file: str, old: str, new: str) -> Damage:
    """Replace a text that stands in the file once."""

    def damage(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return damage


def appended(file: str, *lines: str) -> Damage:
    """Add rows at the end."""

    def damage(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as target:
            target.write("".join(f"{line}\n" for line in lines))

    return damage


def written(file: str, content: bytes) -> Damage:
    """Put something else in the place of the file."""
    return lambda folder: (folder / file).write_bytes(content)


def recoded(file: str, encoding: str) -> Damage:
    """Write the file's text in another encoding."""

    def damage(folder: Path) -> None:
        (folder / file).write_bytes((folder / file).read_text(encoding="utf-8").encode(encoding))

    return damage


def removed(file: str) -> Damage:
    """Take the file away."""
    return lambda folder: (folder / file).unlink()


def described(change: Callable[[dict[str, Any]], object]) -> Damage:
    """Change the data package; the change gets the resources by name, and the package as ``""``."""

    def damage(folder: Path) -> None:
        path = folder / "datapackage.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        change({"": content, **{resource["name"]: resource for resource in content["resources"]}})
        path.write_text(json.dumps(content), encoding="utf-8")

    return damage


def outlined(change: Callable[[list[dict[str, Any]]], object]) -> Damage:
    """Change the features of the boundaries, which are written if they are not there."""

    def damage(folder: Path) -> None:
        path = folder / "boundaries.geojson"
        if not path.exists():
            write_boundaries(folder)
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content["features"])
        path.write_text(json.dumps(content), encoding="utf-8")

    return damage


def all_of(*damages: Damage) -> Damage:
    """Do several things to the same folder."""

    def damage(folder: Path) -> None:
        for one in damages:
            one(folder)

    return damage
