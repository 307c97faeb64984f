"""Spreadsheets from outside, XLSX or ODS, read without trusting them: values, and what a person may have done to the cells.

python-calamine gives the values: one reader for both formats, whichever program wrote them. What it does not tell (formulas, error
values, merged cells, percentages, macros, a password) is read by lxml from the same, already unpacked parts. openpyxl is not used:
it knows nothing of ODS, and would be a second opinion on the values of XLSX.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from quartier.language import Texts

MOST_BYTES = 5_000_000
"""Most bytes of a file: a form has some 20,000."""

MOST_UNPACKED = 30_000_000
"""Most bytes of all parts of a file together, unpacked."""

MOST_PARTS = 500
MOST_ROWS, MOST_COLUMNS = 5_000, 200
"""A value in a row or a column beyond is not read: tables are made in full, however empty."""

MOST_CELLS, MOST_LETTERS = 20_000, 32_767
"""Most cells with a value in a file; most characters of a text (Excel's own limit)."""

Place = tuple[int, int]
"""Row and column, each from 0."""


class Unusable(ValueError):
    """A file that is not read: what it is (`given`), and what to do (`expected`)."""

    def __init__(self, given: str, expected: str) -> None:
        super().__init__(given, expected)
        self.given, self.expected = given, expected


class Sheet(NamedTuple):
    """One sheet: values by place (str, float, int, bool, date, datetime, time), and how the cells came to them."""

    name: str
    cells: Mapping[Place, Any]
    formulas: frozenset[Place]
    errors: Mapping[Place, str]
    merged: tuple[tuple[int, int, int, int], ...]
    shown_as: Mapping[Place, str]

    def is_merged(self, place: Place) -> bool:
        """Whether a cell is one with others."""
        row, column = place
        return any(top <= row <= bottom and left <= column <= right for top, left, bottom, right in self.merged)


class _Found(NamedTuple):
    """What lxml found in a sheet; in the order of the fields of `Sheet`."""

    formulas: set[Place]
    errors: dict[Place, str]
    merged: list[tuple[int, int, int, int]]
    shown_as: dict[Place, str]
    filled: list[Place]


def cell_name(place: Place) -> str:
    """Name a cell as spreadsheets do.

    Examples
    --------
    >>> cell_name((8, 5)), cell_name((0, 27))
    ('F9', 'AB1')
    """
    row, column = place
    letters = ""
    column += 1
    while column:
        column, letter = divmod(column - 1, 26)
        letters = chr(ord("A") + letter) + letters
    return f"{letters}{row + 1}"


def read(raw: bytes, texts: Texts) -> list[Sheet]:
    """Read the sheets of an XLSX or ODS file; what it is called does not matter.

    Parameters
    ----------
    raw : bytes
        The file.
    texts : Texts
        Language of the reasons.

    Returns
    -------
    list of Sheet
        In the order of the file.

    Raises
    ------
    Unusable
        The file is no such spreadsheet, damaged, too large, has macros or a password.
    """
    parts = _unpack(raw, texts)
    if any(re.search(r"vbaproject|^(basic|scripts|xl/macrosheets)/", name, re.IGNORECASE) for name in parts):
        raise _macros(texts)
    try:
        if "xl/workbook.xml" in parts:
            found = _look_into_xlsx(parts, texts)
        elif b"opendocument.spreadsheet" in parts.get("mimetype", b"") and "content.xml" in parts:
            found = _look_into_ods(parts, texts)
        else:
            raise Unusable(texts.text("a packed file, but no spreadsheet"), _save_as(texts))
        values = _values(parts)
    except Unusable:
        raise
    except BaseException as error:  # PanicException, what calamine's own language throws, is no Exception
        if isinstance(error, Exception) or type(error).__name__ == "PanicException":
            raise _damaged(texts) from None
        raise
    sheets = []
    for name, one in found.items():
        cells = {place: value for place, value in values.get(name, {}).items() if place not in one.errors}
        sheets.append(
            Sheet(name, cells, frozenset(one.formulas), one.errors, tuple(one.merged), one.shown_as),
        )
    return sheets


def _save_as(texts: Texts) -> str:
    return texts.text("the form, saved as XLSX or ODS")


def _macros(texts: Texts) -> Unusable:
    return Unusable(texts.text("a file with macros"), texts.text("the form without macros, saved as XLSX or ODS"))


def _damaged(texts: Texts) -> Unusable:
    expected = texts.text("a whole file: open it, save it as XLSX or ODS, and send it again")
    return Unusable(texts.text("a damaged spreadsheet"), expected)


# --- unpacking ----------------------------------------------------------------------------------------------------


def _unpack(raw: bytes, texts: Texts) -> dict[str, bytes]:
    """Unpack all parts within the limits.

    zipfile never gives more of a part than the file says that it holds, and refuses one that held more.
    """
    if not raw:
        raise Unusable(texts.text("an empty file"), _save_as(texts))
    if len(raw) > MOST_BYTES:
        raise _too_large(texts)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):  # an OLE compound file
        if "EncryptedPackage".encode("utf-16-le") in raw:
            raise _password(texts)
        raise Unusable(texts.text("a spreadsheet of the old kind (XLS)"), _save_as(texts))
    if not raw.startswith(b"PK"):
        raise Unusable(texts.text("no spreadsheet"), _save_as(texts))
    parts: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            infos = packed.infolist()
            if len(infos) > MOST_PARTS or sum(info.file_size for info in infos) > MOST_UNPACKED:
                raise _too_large(texts)
            for info in infos:
                if info.flag_bits & 0x1:
                    raise _password(texts)
                parts[info.filename.replace("\\", "/")] = packed.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as error:
        if isinstance(error, Unusable):
            raise
        raise _damaged(texts) from None
    if b"encryption-data" in parts.get("META-INF/manifest.xml", b""):
        raise _password(texts)
    return parts


def _too_large(texts: Texts) -> Unusable:
    given = texts.text("far more than a form holds")
    return Unusable(given, texts.text("the form alone: without pictures, other sheets or other rows"))


def _password(texts: Texts) -> Unusable:
    expected = texts.text("the form without a password: open it, save it without one, and send it again")
    return Unusable(texts.text("a file with a password"), expected)


def _values(parts: Mapping[str, bytes]) -> dict[str, dict[Place, Any]]:
    """Let calamine read the values of all sheets, from a file that is packed anew from what was unpacked."""
    import python_calamine

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as target:
        for name, content in parts.items():
            if name.endswith((".xml", ".rels")) or name == "mimetype":
                target.writestr(name, content)
    found: dict[str, dict[Place, Any]] = {}
    with python_calamine.load_workbook(io.BytesIO(packed.getvalue())) as book:
        for about in book.sheets_metadata:
            if about.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            rows = book.get_sheet_by_name(about.name).to_python(skip_empty_area=False)
            found[about.name] = {
                (row, column): value
                for row, cells in enumerate(rows)
                for column, value in enumerate(cells)
                if value != ""
            }
    return found


# --- what is not a value ------------------------------------------------------------------------------------------


def _tree(content: bytes, texts: Texts) -> Any:
    """Parse a part; nothing that it names is fetched or filled in, and one that defines entities is refused."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    root = etree.fromstring(content, parser)
    if root.getroottree().docinfo.doctype:
        given = texts.text("a file that no spreadsheet program writes")
        raise Unusable(given, _save_as(texts))
    return root


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _named(element: Any, name: str) -> Iterator[Any]:
    """Elements of this name below an element, whatever their namespace (Excel has a strict kind with its own)."""
    return (one for one in element.iter() if isinstance(one.tag, str) and _local(one) == name)


def _attribute(element: Any, name: str) -> str | None:
    """Value of an attribute, whatever its namespace."""
    return next((str(value) for key, value in element.attrib.items() if str(key).rpartition("}")[2] == name), None)


def _check(filled: int, place: Place, texts: Texts) -> None:
    """Refuse what would fill the memory."""
    if filled > MOST_CELLS or place[0] >= MOST_ROWS or place[1] >= MOST_COLUMNS:
        raise _too_large(texts)


def _look_into_xlsx(parts: Mapping[str, bytes], texts: Texts) -> dict[str, _Found]:
    """Find what is no value in the sheets of an XLSX file."""
    if b"macroenabled" in parts.get("[Content_Types].xml", b"").lower():
        raise _macros(texts)
    targets = {
        _attribute(one, "Id"): posixpath.normpath(posixpath.join("/xl", _attribute(one, "Target") or "")).lstrip("/")
        for one in _named(_tree(parts["xl/_rels/workbook.xml.rels"], texts), "Relationship")
    }
    for name, content in parts.items():
        if name.lower().endswith("sharedstrings.xml"):
            for one in _named(_tree(content, texts), "si"):
                if sum(len(text) for text in one.itertext()) > MOST_LETTERS:
                    raise _too_large(texts)
    styles = _styles_of_xlsx(parts, texts)
    found, filled = {}, 0
    for sheet in _named(_tree(parts["xl/workbook.xml"], texts), "sheet"):
        part = targets[sheet.get(next(key for key in sheet.attrib if str(key).endswith("}id")))]
        if "chartsheet" in part:
            continue
        one = _sheet_of_xlsx(_tree(parts[part], texts), styles, texts, filled)
        filled += len(one.filled)
        found[str(sheet.get("name"))] = one
    return found


def _sheet_of_xlsx(root: Any, styles: list[str], texts: Texts, filled: int) -> _Found:
    found = _Found(set(), {}, [], {}, [])
    row = column = -1
    for element in root.iter():
        tag = _local(element) if isinstance(element.tag, str) else ""
        if tag == "row":
            row, column = int(element.get("r") or row + 2) - 1, -1
        elif tag == "c":
            name = element.get("r")
            row, column = _place(name) if name else (row, column + 1)
            inside = {_local(child): child for child in element if isinstance(child.tag, str)}
            if inside.keys() & {"v", "is", "f"}:
                found.filled.append((row, column))
                _check(filled + len(found.filled), (row, column), texts)
            if "f" in inside:
                found.formulas.add((row, column))
            if element.get("t") == "e":
                value = inside.get("v")
                found.errors[row, column] = str(value.text) if value is not None and value.text else "#?"
            style = int(element.get("s") or 0)
            if style < len(styles) and styles[style]:
                found.shown_as[row, column] = styles[style]
        elif tag == "mergeCell":
            ends = str(element.get("ref")).split(":")
            found.merged.append((*_place(ends[0]), *_place(ends[-1])))
    return found


def _place(name: str) -> Place:
    """Read the name of a cell."""
    match = re.fullmatch(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})", name)
    if match is None:
        raise ValueError(name)
    column = 0
    for letter in match[1].upper():
        column = 26 * column + ord(letter) - ord("A") + 1
    return int(match[2]) - 1, column - 1


def _styles_of_xlsx(parts: Mapping[str, bytes], texts: Texts) -> list[str]:
    """Say of each cell format whether it shows a percentage or a currency."""
    if "xl/styles.xml" not in parts:
        return []
    root = _tree(parts["xl/styles.xml"], texts)
    # ECMA-376, part 1, 18.8.30: 9 and 10 are percentages; 5 to 8, 42 and 44 show the reader's own currency.
    kinds = {9: "percent", 10: "percent", **dict.fromkeys((5, 6, 7, 8, 42, 44), "currency")}
    for one in _named(root, "numFmt"):
        code = str(one.get("formatCode"))
        bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code)
        if "%" in bare:
            kinds[int(one.get("numFmtId"))] = "percent"
        elif re.search(r'[€$£]|"[^"]*EUR[^"]*"', re.sub(r"\[\$-[^\]]*\]", "", code)):
            kinds[int(one.get("numFmtId"))] = "currency"
    formats = next(_named(root, "cellXfs"), None)
    return [kinds.get(int(one.get("numFmtId") or 0), "") for one in ([] if formats is None else formats)]


def _look_into_ods(parts: Mapping[str, bytes], texts: Texts) -> dict[str, _Found]:
    """Find what is no value in the sheets of an ODS file."""
    found, filled = {}, 0
    for table in _named(_tree(parts["content.xml"], texts), "table"):
        one = _Found(set(), {}, [], {}, [])
        row = 0
        for element in _named(table, "table-row"):
            repeated, column, is_filled = int(_attribute(element, "number-rows-repeated") or 1), 0, False
            for cell in element:
                if not isinstance(cell.tag, str) or _local(cell) not in ("table-cell", "covered-table-cell"):
                    continue
                times = int(_attribute(cell, "number-columns-repeated") or 1)
                if (
                    _attribute(cell, "value-type")
                    or _attribute(cell, "formula")
                    or next(_named(cell, "p"), None) is not None
                ):
                    is_filled = True
                    last = (row + repeated - 1, column + times - 1)
                    _check(filled + len(one.filled) + repeated * times, last, texts)
                    for place in ((row + down, column + right) for down in range(repeated) for right in range(times)):
                        _look_into_cell_of_ods(cell, place, one, texts)
                down, right = (int(_attribute(cell, f"number-{way}-spanned") or 1) for way in ("rows", "columns"))
                if down * right > 1:
                    one.merged.append((row, column, row + down - 1, column + right - 1))
                column += times
            row += repeated
            if is_filled:
                _check(0, (row - 1, 0), texts)
        filled += len(one.filled)
        found[str(_attribute(table, "name"))] = one
    return found


def _look_into_cell_of_ods(cell: Any, place: Place, found: _Found, texts: Texts) -> None:
    found.filled.append(place)
    shown = "".join("".join(part.itertext()) for part in cell if isinstance(part.tag, str) and _local(part) == "p")
    if len(shown) > MOST_LETTERS:
        raise _too_large(texts)
    if _attribute(cell, "formula"):
        found.formulas.add(place)
    kinds = [str(value) for key, value in cell.attrib.items() if str(key).endswith("}value-type")]
    if "error" in kinds or (_attribute(cell, "formula") and re.match(r"#|Err:|Fehler:", shown)):
        found.errors[place] = shown or "#?"
    if "percentage" in kinds:
        found.shown_as[place] = "percent"
    elif "currency" in kinds:
        found.shown_as[place] = "currency"
