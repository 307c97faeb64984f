"""Where two files differ: row and column of a table, cell of a notebook or of a spreadsheet, pixel of a picture."""

from __future__ import annotations

import base64
import csv
import dataclasses
import io
import itertools
import json
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from quartier.language import Texts

PIXEL_STEP = 64
"""Of 255: how far a colour may be off once code or packages changed. The edge of a letter may be, a bar of another colour not."""

PIXEL_SHARE = 20e-6
"""Share of the pixels that may be further off then: the edges of a few letters, no letter (a letter has some 200 of 2 million)."""

Cause = Literal[
    "tampered", "inputs", "code", "packages", "python", "platform", "unrepeatable", "scenario", "parameters"
]

_MOST_KEYS = 4
"""Columns that it may take to tell a row from all others: area, site, indicator and date."""

_MOST_UNPACKED = 200_000_000
"""Bytes; a spreadsheet that unpacks to more was not made by a run, and is not opened."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that is not as expected.

    Attributes
    ----------
    file : str
        Path below the run's folder; one in ``inputs/`` stands for the city's file, too. Empty: between two scenarios, not two versions
        of one file.
    row : int, optional
        Row of a table or line of a text, as a spreadsheet or an editor counts them.
    column : str, optional
        Column of a table, field of a scenario or of the manifest, part of a notebook's cell.
    given, expected : str, optional
        What is in the run, and what is expected there; None: nothing.
    place : str
        What a row is about, such as its site; sheet; cell of a notebook; pixel.
    what : str
        In words, where that is not all.
    causes : tuple of str
        Whose doing it is; several where it may be any of them.
    """

    file: str
    row: int | None = None
    column: str | None = None
    given: str | None = None
    expected: str | None = None
    place: str = ""
    what: str = ""
    causes: tuple[Cause, ...] = ()

    def line(self, texts: Texts) -> str:
        """Give place and values as one line, without the cause."""
        given, expected = (texts.text("nothing") if v is None else texts.given(v) for v in (self.given, self.expected))
        if not self.file:
            return f"{self.what or self.column}: {given} \N{RIGHTWARDS ARROW} {expected}"
        row = [] if self.row is None else [texts.text("row {row}", row=self.row)]
        if self.place and row and self.file.endswith(".csv"):
            row = [f"{row[0]} ({self.place})"]
        elif self.place:
            row = [self.place, *row]
        column = [] if self.column is None else [self.column]
        if self.file.endswith((".csv", ".xlsx")):
            column = [texts.text("column {column}", column=name) for name in column]
        where = ", ".join([self.file, *row, *column])
        if self.what:
            where = f"{where}: {self.what}"
        if self.given is None and self.expected is None:
            return where
        if self.causes and self.causes[0] in ("inputs", "scenario", "parameters"):
            return texts.text("{where}: was {old}, is {new}", where=where, old=given, new=expected)
        return texts.text("{where}: given {given}, expected {expected}", where=where, given=given, expected=expected)

    def sentence(self, texts: Texts) -> str:
        """Give place, values and cause as one line."""
        causes = texts.either(texts.name("cause", cause) for cause in self.causes)
        return f"{self.line(texts)} ({causes})" if causes else self.line(texts)

    def as_json(self, texts: Texts) -> dict[str, Any]:
        """Give the same for machines."""
        return {
            "file": self.file or None,
            "place": self.place or None,
            "row": self.row,
            "column": self.column,
            "given": self.given,
            "expected": self.expected,
            "cause": list(self.causes),
            "sentence": self.sentence(texts),
        }


ABSENT: Any = object()

_Pair = tuple[str | None, str | None]

Change = dict[tuple[str, ...], Any]
"""Leaves of a manifest by their path, and other values for them."""


def leaves(value: Any, path: tuple[str, ...] = ()) -> Change:
    """Give the leaves of nested mappings; a list is a leaf, and so is an empty mapping in another."""
    if isinstance(value, Mapping) and (value or not path):
        return {leaf: v for key, part in value.items() for leaf, v in leaves(part, (*path, str(key))).items()}
    return {path: value}


def changed_leaves(given: Any, expected: Any) -> Change:
    """Leaves of `expected` that `given` has not, and those it has too many as absent."""
    old, new = leaves(given), leaves(expected)
    return {path: new.get(path, ABSENT) for path in (*old, *new) if old.get(path, ABSENT) != new.get(path, ABSENT)}


def shown(value: Any) -> str | None:
    """Give a value as it is told, plain values in a list one after the other; None where there is none."""
    if value is ABSENT or value == []:
        return None
    if isinstance(value, list) and not any(isinstance(one, (list, dict)) for one in value):
        return ", ".join(str(shown(one)) for one in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def places(
    given: Path, expected: Path, path: str, texts: Texts, *, is_tolerant: bool = False, inputs: bool = False
) -> list[Difference]:
    """Find where two files differ.

    Parameters
    ----------
    given, expected : Path
        The files.
    path : str
        Name for both; its ending says how they are read.
    texts : Texts
        For what has no name of its own.
    is_tolerant : bool
        Let pictures differ as they may between versions of packages.
    inputs : bool
        Look at what a run is made from alone: of notebooks at their cells and not their outputs.

    Returns
    -------
    list of Difference
        None where they show the same, or where one of them cannot be read.
    """
    try:
        one, other = given.read_bytes(), expected.read_bytes()
    except OSError:
        return []
    if one == other:
        return []
    compare: Callable[[], Iterable[Difference]] = {
        ".csv": lambda: _csv_places(one, other, path, texts),
        ".png": lambda: _image_places(one, other, path, texts, is_tolerant=is_tolerant),
        ".ipynb": lambda: _notebook_places(one, other, path, texts, is_tolerant=is_tolerant, inputs=inputs),
        ".xlsx": lambda: _spreadsheet_places(one, other, path, texts),
        ".yaml": lambda: _scenario_places(given, expected, path),
        ".json": lambda: _json_places(one, other, path),
    }.get(Path(path).suffix, lambda: _text_places(one, other, path))
    try:
        return list(compare())
    except Exception:  # whatever a damaged file does to its reader: then it is compared as a text, or not at all
        try:
            return list(_text_places(one, other, path))
        except ValueError:
            return []


def _text_places(given: bytes, expected: bytes, path: str) -> Iterator[Difference]:
    """Name the first line that differs."""
    lines = (one.decode("utf-8").splitlines() for one in (given, expected))
    for row, (old, new) in enumerate(itertools.zip_longest(*lines), start=1):
        if old != new:
            yield Difference(path, row, None, *_excerpts(old, new))
            return


def _excerpts(old: str | None, new: str | None) -> _Pair:
    """Cut what two long lines have in common."""
    if old is None or new is None or max(len(old), len(new)) <= 60:
        return old, new
    same = next(
        (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new))
    )
    start = max(0, same - 20)
    old, new = (("…" if start else "") + one[start : start + 56] for one in (old, new))
    return old, new


def csv_rows(raw: bytes) -> list[list[str]]:
    """Read the cells of a table, as a spreadsheet or quartier wrote it."""
    try:
        text = raw.decode("utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("cp1252")
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))


def _csv_places(given: bytes, expected: bytes, path: str, texts: Texts) -> Iterator[Difference]:
    """Compare tables cell by cell; rows are matched by the first columns that tell them apart."""
    one, other = csv_rows(given), csv_rows(expected)
    if not one or not other:
        yield from _text_places(given, expected, path)
        return
    columns = [column for column in other[0] if column in one[0]]
    for column in one[0]:
        if column not in columns:
            yield Difference(path, 1, column, column, None)
    for column in other[0]:
        if column not in columns:
            yield Difference(path, 1, column, None, column)
    if columns != [column for column in one[0] if column in columns]:
        what = texts.text("the columns are in another order")
        yield Difference(path, 1, None, ", ".join(one[0]), ", ".join(other[0]), what=what)
    width = next((n for n in range(1, min(_MOST_KEYS, len(other[0])) + 1) if _tells_apart(one, other, n)), 0)

    def keyed(rows: list[list[str]]) -> dict[tuple[Any, ...], int]:
        found: dict[tuple[Any, ...], int] = {}
        for number, row in enumerate(rows[1:], start=1):
            found.setdefault(tuple(row[:width]) if width else (number,), number)
        return found

    olds, news = keyed(one), keyed(other)
    pairs = [(olds[key], news[key]) for key in news if key in olds]
    left = sorted(set(range(1, len(one))) - {old for old, _ in pairs})
    lacking = sorted(set(range(1, len(other))) - {new for _, new in pairs})
    # A row whose key was changed stands where it stood.
    replaced = [number for number in left if number in lacking]
    order = [old for _, old in sorted((new, old) for old, new in pairs)]
    moved = next(((at, meant) for at, meant in zip(sorted(order), order, strict=True) if at != meant), None)
    if moved:
        what = texts.text("the rows are in another order")
        there, meant = (", ".join(one[number][:width]) for number in moved)
        yield Difference(path, moved[0] + 1, None, there, meant, what=what)
    for old, new in sorted([*pairs, *((number, number) for number in replaced)]):
        yield from _row_places(one, other, old, new, path, ", ".join(other[new][:width]))
    for number in left:
        if number not in replaced:
            yield Difference(path, number + 1, None, ", ".join(one[number]), None, ", ".join(one[number][:width]))
    for number in lacking:
        if number not in replaced:
            yield Difference(path, number + 1, None, None, ", ".join(other[number]), ", ".join(other[number][:width]))


def _tells_apart(one: list[list[str]], other: list[list[str]], width: int) -> bool:
    """Whether the first columns are the same in both tables and tell the rows of the expected one apart."""
    keys = [tuple(row[:width]) for row in other[1:]]
    return one[0][:width] == other[0][:width] and len(set(keys)) == len(keys)


def _row_places(
    one: list[list[str]], other: list[list[str]], old: int, new: int, path: str, place: str
) -> Iterator[Difference]:
    """Compare the cells of two rows by their columns; what stands beyond the columns has a number."""

    def named(rows: list[list[str]], number: int) -> dict[str, str]:
        head = rows[0]
        return {head[at] if at < len(head) else str(at + 1): cell for at, cell in enumerate(rows[number])}

    before, after = named(one, old), named(other, new)
    for column in (*after, *(column for column in before if column not in after)):
        if before.get(column) != after.get(column):
            if {column in one[0], column in other[0]} == {True, False}:
                continue  # a whole column, told once
            yield Difference(path, old + 1, column, before.get(column), after.get(column), place)


def _image_places(
    given: bytes,
    expected: bytes,
    path: str,
    texts: Texts,
    *,
    is_tolerant: bool,
    place: str = "",
    column: str | None = None,
) -> Iterator[Difference]:
    """Compare pictures pixel by pixel, and the text that stands for them."""
    import numpy as np
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        one, other = (Image.open(io.BytesIO(raw)) for raw in (given, expected))
    prefix = f"{place}, " if place else ""
    said = [image.info.get("Description") for image in (one, other)]
    if said[0] != said[1]:
        yield Difference(path, None, "Description", *_excerpts(*said), place)
    if one.size != other.size:
        old, new = (f"{image.size[0]} × {image.size[1]}" for image in (one, other))
        yield Difference(path, None, column, old, new, place, texts.text("another size"))
        return
    before, after = (np.asarray(image.convert("RGBA"), dtype=np.int16) for image in (one, other))
    off = np.abs(before - after).max(axis=2)
    clear = off > (PIXEL_STEP if is_tolerant else 0)
    n = int(clear.sum())
    if n > (PIXEL_SHARE * clear.size if is_tolerant else 0):
        y, x = (int(v) for v in np.argwhere(clear)[0])
        old, new = ("#" + "".join(f"{int(part):02x}" for part in image[y, x]) for image in (before, after))
        where = prefix + texts.text("pixel x = {x}, y = {y}", x=x, y=y)
        what = texts.text("{n} pixel differs", plural="{n} pixels differ", n=n)
        yield Difference(path, None, column, old, new, where, what)


def _notebook_places(
    given: bytes, expected: bytes, path: str, texts: Texts, *, is_tolerant: bool, inputs: bool
) -> Iterator[Difference]:
    """Compare notebooks cell by cell."""
    one, other = (_cells_by_id(raw) for raw in (given, expected))
    for key in (*other, *(key for key in one if key not in other)):
        old, new = one.get(key), other.get(key)
        cell = new or old or {}
        if cell.get("execution_count"):
            place = texts.text("cell [{n}]", n=cell["execution_count"])
        else:
            place = texts.text("{n}th cell", n=list(other if key in other else one).index(key) + 1)
        before, after = (None if cell is None else _cell_parts(cell, inputs=inputs) for cell in (old, new))
        if before is None or after is None:
            sources = _first_difference(*(None if one is None else one["source"] for one in (before, after)))
            yield Difference(path, None, None, *sources, place)
            continue
        yield from _output_places(before, after, path, place, texts, is_tolerant=is_tolerant)
        if not inputs:
            outputs = ([_output_parts(output) for output in cell.get("outputs", [])] for cell in (old or {}, new or {}))
            for left, right in itertools.zip_longest(*outputs, fillvalue={}):
                yield from _output_places(left, right, path, place, texts, is_tolerant=is_tolerant)
    ids = [list(one), list(other)]
    if not inputs and ids[0] != ids[1] and sorted(ids[0]) == sorted(ids[1]):
        yield Difference(path, what=texts.text("the cells are in another order"))


def _cells_by_id(raw: bytes) -> dict[str, dict[str, Any]]:
    """Give the cells of a notebook; those without an id by their number."""
    return {str(cell.get("id", number)): cell for number, cell in enumerate(json.loads(raw)["cells"])}


def _cell_parts(cell: Mapping[str, Any], *, inputs: bool) -> dict[str, str]:
    """Give what a cell is, but for its outputs."""
    found = {"cell_type": cell["cell_type"], "source": _joined(cell["source"])}
    found["tags"] = ", ".join(cell.get("metadata", {}).get("tags", []))
    return found if inputs else {**found, "execution_count": str(cell.get("execution_count"))}


def _joined(text: Any) -> str:
    return text if isinstance(text, str) else "".join(text)


def _first_line(text: str) -> str:
    return text.strip().partition("\n")[0]


def _first_difference(old: str | None, new: str | None) -> _Pair:
    """Give the first line in which two texts differ."""
    if old is None or new is None:
        return (None if old is None else _first_line(old)), (None if new is None else _first_line(new))
    for one, other in itertools.zip_longest(old.split("\n"), new.split("\n")):
        if one != other:
            return _excerpts(one, other)
    return old, new


def _output_parts(output: Mapping[str, Any]) -> dict[str, str]:
    """Give what an output shows by kind: text/plain, image/png, stdout, ..."""
    if output["output_type"] == "stream":
        return {output["name"]: _joined(output["text"])}
    if output["output_type"] == "error":
        return {"error": f"{output['ename']}: {output['evalue']}"}
    found = {}
    for kind, shown in output.get("data", {}).items():
        found[kind] = _joined(shown) if isinstance(shown, (str, list)) else json.dumps(shown, sort_keys=True)
    for kind, said in output.get("metadata", {}).items():
        found[f"{kind} (metadata)"] = json.dumps(said, sort_keys=True, ensure_ascii=False)
    return found


def _output_places(
    old: Mapping[str, str], new: Mapping[str, str], path: str, place: str, texts: Texts, *, is_tolerant: bool
) -> Iterator[Difference]:
    """Compare what two outputs show."""
    for kind in (*new, *(kind for kind in old if kind not in new)):
        before, after = old.get(kind), new.get(kind)
        if before == after:
            continue
        if kind == "image/png" and before is not None and after is not None:
            try:
                one, other = (base64.b64decode(image) for image in (before, after))
                found = list(_image_places(one, other, path, texts, is_tolerant=is_tolerant, place=place, column=kind))
            except Exception:  # a picture that cannot be read
                found = [Difference(path, None, kind, *_first_difference(before, after), place)]
            yield from found
        else:
            yield Difference(path, None, kind, *_first_difference(before, after), place)


def _spreadsheet_places(given: bytes, expected: bytes, path: str, texts: Texts) -> Iterator[Difference]:
    """Compare spreadsheets cell by cell: values, formulas with their results, number formats."""
    from openpyxl.utils import get_column_letter

    one, other = _spreadsheet_cells(given), _spreadsheet_cells(expected)
    kinds = ("", texts.text("number format"), texts.text("result of the formula"))
    for sheet in (*other, *(sheet for sheet in one if sheet not in other)):
        place = texts.text("sheet {name}", name=texts.given(sheet))
        if sheet not in one or sheet not in other:
            old, new = (sheet if sheet in book else None for book in (one, other))
            yield Difference(path, None, None, old, new, place)
            continue
        for row, column in sorted({*one[sheet], *other[sheet]}):
            olds, news = (book[sheet].get((row, column), (None, None, None)) for book in (one, other))
            for kind, old, new in zip(kinds, olds, news, strict=True):
                if kind == kinds[2] and None in (old, new):  # a program need not keep results
                    continue
                if old != new:
                    yield Difference(path, row, get_column_letter(column), old, new, place, kind)
    if list(one) != list(other) and sorted(one) == sorted(other):
        what = texts.text("the sheets are in another order")
        yield Difference(path, None, None, ", ".join(one), ", ".join(other), what=what)


def _spreadsheet_cells(raw: bytes) -> dict[str, dict[tuple[int, int], tuple[str | None, str | None, str | None]]]:
    """By sheet and by row and column: value or formula, number format, result of a formula."""
    import openpyxl

    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > _MOST_UNPACKED:
            raise ValueError
    found: dict[str, dict[tuple[int, int], tuple[str | None, str | None, str | None]]] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about what a spreadsheet program added; it has no values
        books = [openpyxl.load_workbook(io.BytesIO(raw), data_only=results) for results in (False, True)]
    for sheet, results in zip(books[0].worksheets, books[1].worksheets, strict=True):
        cells = found.setdefault(sheet.title, {})
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None or cell.has_style:
                    result = results.cell(cell.row, cell.column).value if cell.data_type == "f" else None
                    shown = (
                        str(one) if one not in (None, "") else None for one in (cell.value, cell.number_format, result)
                    )
                    cells[cell.row, cell.column] = tuple(shown)  # type: ignore[assignment]
    return found


def _scenario_places(given: Path, expected: Path, path: str) -> Iterator[Difference]:
    """Compare scenario files field by field."""
    from quartier.scenario import Scenario

    lines = given.read_text(encoding="utf-8").splitlines()
    old, new = (Scenario.from_yaml(file.resolve()).model_dump(mode="json") for file in (given, expected))
    for leaf, value in changed_leaves(old, new).items():
        before = leaves(old).get(leaf, ABSENT)
        if {} in (before, value):  # what came into a field that was empty, or was in one that is, tells it by itself
            continue
        row = next((n for n, line in enumerate(lines, start=1) if line.startswith(f"{leaf[0]}:")), None)
        yield Difference(path, row, ".".join(leaf), shown(before), shown(value))


def _json_places(given: bytes, expected: bytes, path: str) -> Iterator[Difference]:
    """Compare JSON files field by field."""
    old, new = (_named(json.loads(raw)) for raw in (given, expected))
    for leaf, value in changed_leaves(old, new).items():
        before, after = _first_difference(shown(leaves(old).get(leaf, ABSENT)), shown(value))
        yield Difference(path, None, ".".join(leaf), before, after)


def _named(value: Any) -> Any:
    """Turn lists of things with a name into mappings, so that one in between does not shift all others."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        value = {str(one["name"]): one for one in value}
    return {key: _named(part) for key, part in value.items()} if isinstance(value, dict) else value
