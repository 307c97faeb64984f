"""The small city with a quality dialogue: indicators, last year's reports and measures; and forms of its sites, ways to damage them.

Am Park and Am Hügel have an agreement; the yard has declined. Am Park has reported for 2021; a measure of 2020 is still open.
"""

from __future__ import annotations

import datetime
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import openpyxl
from openpyxl.utils import range_boundaries
from small_city import changed, write_city

from quartier import forms

NOTE = "stated,amt"
TABLES = {
    "goals": f"""\
goal_id,field,name,basis,source_id
begegnung,Begegnung,Menschen treffen einander.,{NOTE}
mittel,Mittel und Zeit,Das Geld wird verwendet.,{NOTE}
""",
    "dialogue_indicators": f"""\
indicator,goal_id,name_de,name_en,help_de,unit,period,reported_by,kind,role,required,least,most,basis,source_id
hours,mittel,Bezahlte Stunden,Paid hours,Alle Stunden.,Stunden,year,provider,hours,hours,yes,0,20000,{NOTE}
money,mittel,Ausgegebene Mittel,Money spent,Was ausgegeben wurde.,EUR,year,provider,eur,money,yes,0,1000000,{NOTE}
people,begegnung,Erreichte Menschen,People reached,Jeder zählt einmal.,Personen,year,provider,people,people,yes,0,100000,{NOTE}
old,begegnung,davon 80 und älter,of these 80 and over,Teil davon.,Personen,year,provider,people,,no,0,100000,{NOTE}
visits,begegnung,Besuche,Visits,Wie oft jemand kam.,Besuche,year,provider,count,,no,,,{NOTE}
helpers,begegnung,Ehrenamtliche,Volunteers,Ohne Lohn.,Personen,year,housing_company,people,,no,1,100,{NOTE}
budget,mittel,Zuwendung,Grant,Zahlt die Stadt.,EUR,year,city,eur,,no,,,{NOTE}
""",
    "reports": f"""\
year,site_id,indicator,value,unit,basis,source_id,file,cell,note
2021,park,people,106,Personen,{NOTE},2021-park.xlsx,Bericht!F11,
2021,park,hours,198.5,Stunden,{NOTE},2021-park.xlsx,Bericht!F16,
2021,hill,people,44,Personen,{NOTE},2021-hill.xlsx,Bericht!F11,
""",
    "report_texts": f"""\
year,site_id,kind,text,basis,source_id,file,cell,note
2021,park,went_well,Das Café ist voll.,{NOTE},2021-park.xlsx,Rückblick!C10,
""",
    "measures": f"""\
measure_id,year,site_id,text,owner,due_date,state,basis,source_id,file,cell,note
park-2020-1,2020,park,Ein Angebot für Männer beginnen.,AWO,2021-12-31,open,{NOTE},,,
park-2021-1,2021,park,Den Raum am Abend öffnen.,Wohnbau,,open,{NOTE},,,
park-2021-2,2021,park,Einen Aushang machen.,AWO,2021-12-31,done,{NOTE},,,
hill-2021-1,2021,hill,Eine Bank aufstellen.,Wohnbau,2022-06-30,dropped,{NOTE},,,
""",
}
NUMBERS = {"value", "least", "most", "year"}

ANSWERS = forms.Answers(
    figures={"people": 118, "old": 40, "visits": 900, "helpers": 9, "hours": 200.5, "money": 6917.05},
    remarks={"visits": "geschätzt; -5 % möglich"},
    texts={
        "went_well": "Viele kommen wieder.\nEinige bringen Kuchen mit.",
        "went_badly": '=HYPERLINK("http://example.org";"x") <script>alert(\'x\')</script>',
    },
    states={"park-2020-1": "dropped", "park-2021-1": "done"},
    new=(
        forms.NewMeasure("+1 Gruppe für Spaziergänge", "AWO", datetime.date(2023, 9, 30)),
        forms.NewMeasure("Den Flur heller machen", "@Wohnbau"),
    ),
)


def write_dialogue_city(folder: Path, *, without: tuple[str, ...] = ()) -> Path:
    """Write the city; `without` names tables that it has not."""
    write_city(folder)
    changed("agreements.csv", "hill,wohnbau,awo,negotiating", "hill,wohnbau,awo,signed")(folder)
    path = folder / "datapackage.json"
    package = json.loads(path.read_text(encoding="utf-8"))
    for name, text in TABLES.items():
        if name in without:
            continue
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")
        columns = text.splitlines()[0].split(",")
        kinds = {column: "number" if column in NUMBERS else "string" for column in columns} | {"due_date": "date"}
        fields = [{"name": column, "type": kinds[column]} for column in columns]
        package["resources"].append({"name": name, "path": f"{name}.csv", "schema": {"fields": fields}})
    path.write_text(json.dumps(package, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return folder


# --- damage: each gives a function that makes another file of a form ---

Damage = Callable[[bytes], bytes]


def edited(*changes: Callable[[openpyxl.Workbook], object]) -> Damage:
    """Change the workbook, as a person does in a spreadsheet program."""

    def damage(raw: bytes) -> bytes:
        book = openpyxl.load_workbook(io.BytesIO(raw))
        for change in changes:
            change(book)
        content = io.BytesIO()
        book.save(content)
        return content.getvalue()

    return damage


def cell(sheet: str, name: str, value: Any, number_format: str | None = None) -> Callable[[openpyxl.Workbook], None]:
    """Fill in a cell."""

    def change(book: openpyxl.Workbook) -> None:
        book[sheet][name].value = value
        if number_format:
            book[sheet][name].number_format = number_format

    return change


def repacked(change: Callable[[dict[str, bytes]], object]) -> Damage:
    """Change the parts of the file."""

    def damage(raw: bytes) -> bytes:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            parts = {name: packed.read(name) for name in packed.namelist()}
        change(parts)
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, part in parts.items():
                packed.writestr(name, part)
        return content.getvalue()

    return damage


def as_ods(raw: bytes) -> bytes:
    """Make an ODS of an XLSX: values, formulas, merged cells, percentages, currencies, error values."""
    book = openpyxl.load_workbook(io.BytesIO(raw))
    tables = []
    for sheet in book.worksheets:
        rows, merged, covered = [], {}, set()
        for one in sheet.merged_cells.ranges:
            left, top, right, bottom = range_boundaries(str(one))
            merged[top, left] = (bottom - top + 1, right - left + 1)
            covered |= {(r, c) for r in range(top, bottom + 1) for c in range(left, right + 1)} - {(top, left)}
        for row in sheet.iter_rows():
            cells = []
            for one in row:
                spans = merged.get((one.row, one.column))
                attributes = (
                    f' table:number-rows-spanned="{spans[0]}" table:number-columns-spanned="{spans[1]}"'
                    if spans
                    else ""
                )
                tag = "covered-table-cell" if (one.row, one.column) in covered else "table-cell"
                cells.append(f"<table:{tag}{attributes}{_ods_value(one)}</table:{tag}>")
            rows.append(f"<table:table-row>{''.join(cells)}</table:table-row>")
        tables.append(f"<table:table table:name={quoteattr(sheet.title)}>{''.join(rows)}</table:table>")
    spaces = " ".join(
        f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    extra = 'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"'
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces} {extra} office:version="1.2"><office:body>'
        f"<office:spreadsheet>{''.join(tables)}</office:spreadsheet></office:body></office:document-content>"
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        target.writestr("content.xml", content)
        target.writestr(
            "META-INF/manifest.xml", '<manifest xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
        )
    return packed.getvalue()


def _ods_value(one: Any) -> str:
    """Give the rest of a cell's tag, and what is in the cell."""
    value = one.value
    if value is None:
        return ">"
    if one.data_type == "e":
        return f' office:value-type="string" office:string-value="" calcext:value-type="error"><text:p>{value}</text:p>'
    if isinstance(value, bool):
        return f' office:value-type="boolean" office:boolean-value="{str(value).lower()}"><text:p>{value}</text:p>'
    if isinstance(value, (datetime.datetime, datetime.date)):
        return f' office:value-type="date" office:date-value="{value.isoformat()[:10]}"><text:p>{value}</text:p>'
    if isinstance(value, (int, float)):
        kind = "percentage" if "%" in one.number_format else "currency" if "€" in one.number_format else "float"
        return f' office:value-type="{kind}" office:value="{value!r}"><text:p>{value}</text:p>'
    if one.data_type == "f":
        formula = quoteattr(f"of:{value}")
        return f' table:formula={formula} office:value-type="float" office:value="135"><text:p>135</text:p>'
    lines = "".join(f"<text:p>{escape(line)}</text:p>" for line in re.split("\r\n|\n", value))
    return f' office:value-type="string">{lines}'
