"""From a Word document to a tagged PDF: what the document says is read as data and set by Typst; what cannot be carried over is named.

Nothing of the document is ever Typst markup. Its texts travel as JSON, and one program of our own, ``templates/papers/paper.typ``, puts
them on the page. Looks that carry no meaning (colours, fonts, borders) are those of that program, not of the document.
"""

from __future__ import annotations

import datetime
import importlib.util
import io
import json
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartier.data import Fault, FaultyInput
from quartier.language import LANGUAGES, Texts, mark

if TYPE_CHECKING:
    from docx.document import Document

PROGRAM = Path(__file__).parent / "templates" / "papers" / "paper.typ"
EMU_PER_MM = 36_000
TWIPS_PER_MM = 1440 / 25.4
SMALL_STYLE = "Small Text"
"""Name of the style of small print; Word has none of its own."""
LEAD_STYLE = f"{SMALL_STYLE} Lead"
"""Name of the style of a line of small print that others stand below; it rests on that of small print."""

_NAMES = {
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main": "w",
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main/strict": "w",
    "http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing": "wp",
    "http://schemas.openxmlformats.org/drawingml/2006/main": "a",
    "http://schemas.openxmlformats.org/officeDocument/2006/relationships": "r",
    "http://schemas.openxmlformats.org/officeDocument/2006/math": "m",
    "http://schemas.openxmlformats.org/markup-compatibility/2006": "mc",
    "http://schemas.microsoft.com/office/drawing/2017/decorative": "adec",
}
_SPACES = {short: long for long, short in reversed(_NAMES.items())}
_PACKAGE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"

_FOREIGN = {
    "mc:AlternateContent": mark("a text box or a shape"),
    "w:pict": mark("a text box or a shape"),
    "w:txbxContent": mark("a text box or a shape"),
    "w:framePr": mark("a text frame"),
    "w:object": mark("an embedded object"),
    "w:altChunk": mark("an embedded document"),
    "w:subDoc": mark("an embedded document"),
    "w:footnoteReference": mark("a footnote"),
    "w:endnoteReference": mark("an endnote"),
    "w:commentReference": mark("a comment"),
    "w:commentRangeStart": mark("a comment"),
    "w:ins": mark("a tracked change"),
    "w:del": mark("a tracked change"),
    "w:moveFrom": mark("a tracked change"),
    "w:moveTo": mark("a tracked change"),
    "w:rPrChange": mark("a tracked change"),
    "w:pPrChange": mark("a tracked change"),
    "m:oMath": mark("an equation"),
    "m:oMathPara": mark("an equation"),
    "w:sym": mark("a sign of a symbol font"),
    "w:vanish": mark("hidden text"),
    "w:vMerge": mark("cells merged downwards"),
    "wp:anchor": mark("a picture that floats; it has to stand in line with the text"),
    "w:ruby": mark("a reading aid above the text"),
    "w:ptab": mark("a tab that is bound to the margin"),
}
"""What a page of ours has no place for, by the element of WordprocessingML (ECMA-376) that holds it."""

_SILENT = {
    *("w:pPr", "w:rPr", "w:proofErr", "w:bookmarkStart", "w:bookmarkEnd", "w:permStart", "w:permEnd", "w:sectPr"),
    *("w:lastRenderedPageBreak", "w:tblPr", "w:tblGrid", "w:tcPr", "w:trPr", "w:sdtPr", "w:sdtEndPr", "w:tblPrEx"),
    *("w:commentRangeEnd", "w:moveFromRangeStart", "w:moveFromRangeEnd", "w:moveToRangeStart", "w:moveToRangeEnd"),
    *("w:annotationRef", "w:smartTagPr", "w:customXmlPr"),
}
_WRAPPERS = {"w:sdt", "w:sdtContent", "w:smartTag", "w:customXml"}
_PATTERNS = {"decimal": "1.", "lowerLetter": "a)", "upperLetter": "A.", "lowerRoman": "i.", "upperRoman": "I."}
_PICTURES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/svg+xml": "svg"}
_NUMERIC = re.compile(
    r"(?!\d+\.\d+\.\d{4})[+\-\u2212]?[\d.,\u00a0\u202f ]*\d(\s*(EUR|€|%|Std\.|h))?\s*\*?|[\u2013\u2014-]?"
)


class FaultyTemplate(FaultyInput):
    """A template or a document cannot be used: every fault, with the file, what is there and what could be."""


class _Reader:
    """Reads one document into plain data, and collects what cannot be carried over.

    Parameters
    ----------
    document : docx.document.Document
        What is read.
    file : str
        Name of the document in faults.
    texts : Texts
        Language of faults.

    Attributes
    ----------
    faults : list of Fault
        What cannot be carried over.
    pictures : dict
        File name to bytes.
    """

    def __init__(self, document: Document, file: str, texts: Texts) -> None:
        self.document, self.file, self.texts = document, file, texts
        self.faults: list[Fault] = []
        self.pictures: dict[str, bytes] = {}
        self._part: Any = document.part
        self._styles = {one.get(_w("styleId")): one for one in document.styles.element.iter(_w("style"))}
        self._counts: dict[tuple[str, int], int] = {}
        self._numbering = next(
            (r.target_part.element for r in document.part.rels.values() if r.reltype == _PACKAGE + "numbering"), None
        )

    # --- the whole ---

    def content(self) -> dict[str, Any]:
        """Read body, heads and feet."""
        body = self.document.element.body
        self._look_for_foreign(body)
        section = body.find(_w("sectPr"))
        for one in body.iter(_w("sectPr")):
            if one is not section and one.getparent() is not body:
                self._fault(self.texts.text("a section break"), one)
        settings = self.document.settings.element
        if _on(settings, "evenAndOddHeaders"):
            self._fault(self.texts.text("different heads on even and odd pages"), settings)
        columns = None if section is None else section.find(_w("cols"))
        if columns is not None and int(columns.get(_w("num"), "1")) > 1:
            self._fault(self.texts.text("several columns"), section)
        found: dict[str, Any] = {"body": self.blocks(body)}
        is_first_apart = section is not None and _on(section, "titlePg")
        for place, tag in (("head", "headerReference"), ("foot", "footerReference")):
            parts = {} if section is None else {one.get(_w("type")): one.get(_r("id")) for one in section.iter(_w(tag))}
            found[place] = self._margin(parts.get("default"))
            found[place + "_first"] = self._margin(parts.get("first")) if is_first_apart else found[place]
        return found

    def _margin(self, relation: str | None) -> list[dict[str, Any]]:
        """Read a head or a foot; its blocks are paragraphs only."""
        if relation is None:
            return []
        part = self.document.part.rels[relation].target_part
        before, self._part = self._part, part
        try:
            # A part that docxtpl has rendered is no longer of its own class; its bytes are the same to read.
            root = part.element
            self._look_for_foreign(root)
            blocks = self.blocks(root)
            for block in blocks:
                if block["kind"] not in ("text", "space"):
                    self._fault(self.texts.text("more than lines of text in the head or foot of the page"), root)
            return blocks
        finally:
            self._part = before

    def _look_for_foreign(self, root: Any) -> None:
        seen = set()
        for element in root.iter():
            name = short_name(element)
            if name in _FOREIGN and not any(one in seen for one in element.iterancestors()):
                # One fault for a text box, however many elements it is made of.
                seen.add(element)
                self._fault(self.texts.text(_FOREIGN[name]), element)
            elif name == "w:tbl" and any(short_name(one) == "w:tc" for one in element.iterancestors()):
                self._fault(self.texts.text("a table in a table"), element)

    def _fault(self, what: str, element: Any) -> None:
        near = next((one for one in (element, *element.iterancestors()) if short_name(one) == "w:p"), element)
        words = "".join(one.text or "" for one in near.iter(_w("t"))).strip()
        given = self.texts.text("{what} near {text}", what=what, text=self.texts.given(words)) if words else what
        fault = Fault(
            self.file,
            None,
            None,
            given,
            self.texts.text("headings, paragraphs, lists, tables with a head row, pictures with an alternative text"),
        )
        if fault not in self.faults:
            self.faults.append(fault)

    # --- blocks ---

    def blocks(self, root: Any) -> list[dict[str, Any]]:
        """Read what stands one below the other in a body, a cell, a head or a foot."""
        found: list[dict[str, Any]] = []
        for element in self._children(root):
            name = short_name(element)
            if name == "w:p":
                found += self._paragraph(element)
            elif name == "w:tbl":
                found.append(self._table(element))
            elif name not in _SILENT and name not in _FOREIGN:
                self._unknown(element)
        return _with_captions(_with_lists(found))

    def _children(self, root: Any) -> Iterator[Any]:
        """Give the children of an element; wrappers without a meaning of their own (content controls) are opened."""
        for child in root:
            if short_name(child) in _WRAPPERS:
                yield from self._children(child)
            elif isinstance(child.tag, str):
                yield child

    def _unknown(self, element: Any) -> None:
        self._fault(self.texts.text("an element {name}", name=short_name(element)), element)

    def _paragraph(self, element: Any) -> list[dict[str, Any]]:
        spans = _merged(self._spans(element, {}))
        block = self._paragraph_kind(element)
        found: list[dict[str, Any]] = []
        if self._is_on(element, "pageBreakBefore"):
            found.append({"kind": "pagebreak"})
        piece: list[dict[str, Any]] = []
        for span in [*spans, None]:
            if span is None or span.get("pagebreak"):
                if any(one.get("t", "x").strip() for one in piece):
                    found.append({**block, "spans": _stripped(piece)})
                elif span is None and not found:
                    found.append({"kind": "space"})
                if span is not None:
                    found.append({"kind": "pagebreak"})
                piece = []
            else:
                piece.append(span)
        return found

    def _paragraph_kind(self, element: Any) -> dict[str, Any]:
        """Say what a paragraph is: from its style, its outline level and its numbering."""
        names = self._style_names(element)
        level = self._outline_level(element, names)
        numbered = self._numbering_of(element)
        if "title" in names:
            return {"kind": "title"}
        if level is not None:
            if numbered is not None:
                self._fault(self.texts.text("a numbered heading"), element)
            return {"kind": "heading", "level": level}
        if numbered is not None:
            return {"kind": "item", **numbered}
        if "caption" in names:
            return {"kind": "caption"}
        sides = {"right": "right", "end": "right", "center": "center"}
        indent = self._property(element, "ind")
        hanging = 0.0 if indent is None else float(indent.get(_w("hanging"), "0")) / TWIPS_PER_MM
        return {
            "kind": "text",
            "align": sides.get(_value(self._property(element, "jc")) or "", "left"),
            "hanging_mm": round(hanging, 2),
            "is_sticky": self._is_on(element, "keepNext"),
            "is_subtitle": "subtitle" in names,
            "is_small": SMALL_STYLE.lower() in names,
            "is_lead": LEAD_STYLE.lower() in names,
        }

    def _outline_level(self, element: Any, names: list[str]) -> int | None:
        for name in names:
            if found := re.fullmatch(r"heading (\d)", name):
                return int(found[1])
        level = _value(self._property(element, "outlineLvl"))
        return int(level) + 1 if level is not None and int(level) < 9 else None

    def _style_chain(self, element: Any) -> Iterator[Any]:
        """Give a paragraph's or a run's style and those that it rests on."""
        prefix = {"w:p": "p", "w:r": "r", "w:tbl": "tbl"}[short_name(element)]
        own = element.find(f"{_w(prefix + 'Pr')}/{_w(prefix + 'Style')}")
        key = None if own is None else own.get(_w("val"))
        if key is None and prefix == "p":
            key = next(
                (k for k, one in self._styles.items() if one.get(_w("type")) == "paragraph" and one.get(_w("default"))),
                None,
            )
        seen = set()
        while key in self._styles and key not in seen:
            seen.add(key)
            yield self._styles[key]
            key = _value(self._styles[key].find(_w("basedOn")))

    def _style_names(self, element: Any) -> list[str]:
        return [(_value(style.find(_w("name"))) or "").lower() for style in self._style_chain(element)]

    def _property(self, element: Any, name: str) -> Any:
        """Find a paragraph's property: its own, or that of its style."""
        for one in (element, *self._style_chain(element)):
            found = one.find(f"{_w('pPr')}/{_w(name)}")
            if found is not None:
                return found
        return None

    def _is_on(self, element: Any, name: str) -> bool:
        found = self._property(element, name)
        return found is not None and found.get(_w("val"), "1") not in ("0", "false", "off")

    def _numbering_of(self, element: Any) -> dict[str, Any] | None:
        own = self._property(element, "numPr")
        if own is None or self._numbering is None:
            return None
        key = _value(own.find(_w("numId")))
        level = int(_value(own.find(_w("ilvl"))) or 0)
        if key in (None, "0"):
            return None
        path = f"w:num[@w:numId='{key}']/w:abstractNumId/@w:val"
        abstract = self._numbering.xpath(path)
        path = f"w:abstractNum[@w:abstractNumId='{(abstract or [''])[0]}']/w:lvl[@w:ilvl='{level}']/w:numFmt/@w:val"
        form = (self._numbering.xpath(path) or ["none"])[0]
        if form == "none":
            return None
        if form != "bullet" and form not in _PATTERNS:
            self._fault(self.texts.text("a list numbered in another way than 1, a, A, i, I"), element)
        # Word's own lists of a second level are styles of their own.
        deeper_style = next(
            (re.fullmatch(r"list (?:bullet|number) (\d)", name) for name in self._style_names(element)), None
        )
        level += int(deeper_style[1]) - 1 if deeper_style else 0
        for deeper in [one for one in self._counts if one[0] == key and one[1] > level]:
            del self._counts[deeper]
        number = self._counts[key, level] = self._counts.get((key, level), 0) + 1
        return {"level": level, "pattern": _PATTERNS.get(form), "number": number}

    # --- text ---

    def _spans(self, root: Any, look: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Read the text of a paragraph in pieces of one look."""
        found: list[dict[str, Any]] = []
        field: list[str] | None = None
        is_result = False
        for element in self._children(root):
            name = short_name(element)
            if name == "w:r":
                own = {**look, **self._look(element)}
                for piece in element:
                    kind = piece.get(_w("fldCharType")) if short_name(piece) == "w:fldChar" else None
                    if kind == "begin":
                        field, is_result = [], False
                    elif kind == "separate":
                        is_result = True
                    elif kind == "end":
                        found += self._field("".join(field or []), element, own)
                        field = None
                    elif short_name(piece) == "w:instrText" and field is not None:
                        field.append(piece.text or "")
                    elif field is None or not is_result:
                        found += self._piece(piece, own)
            elif name == "w:hyperlink":
                found += self._spans(element, {**look, **self._link(element)})
            elif name == "w:fldSimple":
                found += self._field(element.get(_w("instr"), ""), element, look)
            elif name not in _SILENT and name not in _FOREIGN:
                self._unknown(element)
        return found

    def _piece(self, piece: Any, look: Mapping[str, Any]) -> list[dict[str, Any]]:
        name = short_name(piece)
        signs = {"w:tab": "\t", "w:noBreakHyphen": "\u2011", "w:softHyphen": "\u00ad"}
        if name == "w:t":
            return [{"t": piece.text or "", **look}]
        if name in signs:
            return [{"t": signs[name], **look}]
        if name in ("w:br", "w:cr"):
            kind = piece.get(_w("type"), "textWrapping")
            if kind == "column":
                self._fault(self.texts.text("a column break"), piece)
            return [{"pagebreak": True} if kind == "page" else {"break": True}]
        if name == "w:drawing":
            return self._picture(piece)
        if name not in _SILENT and name not in _FOREIGN:
            self._unknown(piece)
        return []

    def _look(self, run: Any) -> dict[str, Any]:
        """Read what a run's look means: stressed, struck out, raised; from itself or its character style."""
        found: dict[str, Any] = {}
        for one in reversed([run, *self._style_chain(run)]):
            properties = one.find(_w("rPr"))
            if properties is None:
                continue
            for key, name in (("b", "b"), ("i", "i"), ("s", "strike")):
                if properties.find(_w(name)) is not None:
                    found[key] = _on(properties, name)
            underline = properties.find(_w("u"))
            if underline is not None:
                found["u"] = underline.get(_w("val")) != "none"
            language = _value(properties.find(_w("lang")))
            if language is not None:
                found["lang"] = language.partition("-")[0]
            raised = _value(properties.find(_w("vertAlign")))
            if raised is not None:
                found["v"] = {"superscript": "super", "subscript": "sub"}.get(raised, "")
        return {key: value for key, value in found.items() if value}

    def _link(self, element: Any) -> dict[str, Any]:
        relation = element.get(_r("id"))
        target = self._part.rels[relation].target_ref if relation in self._part.rels else ""
        if not re.match(r"(https?://|mailto:)[^\s]+$", target):
            self._fault(self.texts.text("a link to another place than the web or a mail address"), element)
            return {}
        return {"link": target}

    def _field(self, instruction: str, element: Any, look: Mapping[str, Any]) -> list[dict[str, Any]]:
        word = (instruction.split() or [""])[0].upper()
        if word not in ("PAGE", "NUMPAGES"):
            self._fault(self.texts.text("a field {name}", name=word), element)
            return []
        return [{"field": word.lower(), **look}]

    def _picture(self, drawing: Any) -> list[dict[str, Any]]:
        inline = drawing.find(qualified("wp:inline"))
        if inline is None:
            return []  # an anchor: named already
        blip = inline.find(".//" + qualified("a:blip"))
        key = None if blip is None else blip.get(_r("embed"))
        part = self._part.rels[key].target_part if key in self._part.rels else None
        form = None if part is None else _PICTURES.get(part.content_type)
        if part is None or form is None:
            self._fault(self.texts.text("a chart, or a picture that is neither PNG, JPEG, GIF nor SVG"), drawing)
            return []
        crop = inline.find(".//" + qualified("a:srcRect"))
        if crop is not None and any(value.strip("0%") for value in crop.attrib.values()):
            self._fault(self.texts.text("a cropped picture"), drawing)
        properties = inline.find(qualified("wp:docPr"))
        is_silent = inline.find(".//" + qualified("adec:decorative") + "[@val='1']") is not None
        said = (properties.get("descr") or "").strip()
        if not said and not is_silent:
            self._fault(self.texts.text("a picture without an alternative text"), drawing)
        extent = inline.find(qualified("wp:extent"))
        name = f"picture-{len(self.pictures) + 1}.{form}"
        self.pictures[name] = part.blob
        size = {side: round(int(extent.get(key)) / EMU_PER_MM, 2) for side, key in (("width", "cx"), ("height", "cy"))}
        return [{"picture": name, "alt": None if is_silent else said, **size}]

    # --- tables ---

    def _table(self, element: Any) -> dict[str, Any]:
        rows = [self._row(one) for one in self._children(element) if short_name(one) == "w:tr"]
        heads = len(list(takewhile(lambda row: row["is_head"], rows)))
        grid = [int(one.get(_w("w"), "0")) for one in element.iterfind(f"{_w('tblGrid')}/{_w('gridCol')}")]
        if not heads:
            self._fault(self.texts.text("a table without a head row that is repeated on each page"), element)
        if any(sum(cell["span"] for cell in row["cells"]) != len(grid) for row in rows):
            self._fault(self.texts.text("a table whose rows differ in the number of their cells"), element)
        return {
            "kind": "table",
            "columns": [max(width, 1) for width in grid],
            "aligns": _aligns([row["cells"] for row in rows[heads:]], len(grid)),
            "head": [row["cells"] for row in rows[:heads]],
            "rows": [row["cells"] for row in rows[heads:]],
            "has_room": _has_room(rows, grid),
            # Word's own way to keep a table on one page.
            "is_whole": all(
                self._is_on(row.find(f".//{_w('p')}"), "keepNext") for row in element.findall(_w("tr"))[:-1]
            ),
        }

    def _row(self, element: Any) -> dict[str, Any]:
        properties = element.find(_w("trPr"))
        cells = []
        for cell in self._children(element):
            if short_name(cell) != "w:tc":
                continue
            span = _value(cell.find(f"{_w('tcPr')}/{_w('gridSpan')}"))
            blocks = [one for one in self.blocks(cell) if one["kind"] != "space"]
            if any(one["kind"] not in ("text", "list") for one in blocks):
                self._fault(self.texts.text("more than text and lists in a table cell"), cell)
            length = sum(len(one.text or "") for one in cell.iter(_w("t")))
            # A row stays on one page, unless it might be longer than one.
            cells.append({"blocks": blocks, "span": int(span or 1), "is_long": length > _LONG_CELL})
        return {"cells": cells, "is_head": properties is not None and _on(properties, "tblHeader")}


_LONG_CELL = 800
"""Letters of a cell that may not fit on a page."""
_PADDING = 220
"""What is left free in a cell, twips."""
_TABLE_PT = 9.2
"""Size of the letters in a table of `PROGRAM`, points."""
_PARTS = re.compile(r"[ \n\t]+(?!EUR|%)|(?<=[-/])")
"""Where a cell's text may be parted: not in words, nor between an amount and its unit."""


def room_for(text: str, *, is_bold: bool, is_whole: bool = False) -> float:
    """Measure the width that a column needs so that no word of a cell is parted, or no line of it, twips.

    Measured is our own font, which is wider than Word's: what fits in the PDF fits in Word.
    """
    font = _font(is_bold)
    pieces = text.split("\n") if is_whole else _PARTS.split(text)
    return max(map(font.getlength, pieces)) * _TABLE_PT * 20 / font.size + _PADDING


@cache
def _font(is_bold: bool) -> Any:
    from PIL import ImageFont

    name = "DejaVuSans-Bold.ttf" if is_bold else "DejaVuSans.ttf"
    # The basic layout is the same on every machine.
    return ImageFont.truetype(_fonts() / name, 1000, layout_engine=ImageFont.Layout.BASIC)


def _has_room(rows: Iterable[Mapping[str, Any]], widths: list[int]) -> bool:
    """See whether every column is as wide as its longest word; where one is not, words are parted."""
    whole = (row for row in rows if len(row["cells"]) == len(widths))
    return all(
        room_for(_words(cell["blocks"]), is_bold=row["is_head"]) <= width + 1
        for row in whole
        for cell, width in zip(row["cells"], widths, strict=True)
    )


def _w(name: str) -> str:
    return qualified(f"w:{name}")


def _r(name: str) -> str:
    return qualified(f"r:{name}")


def qualified(name: str) -> str:
    """Give a short name ("w:p") as lxml writes it, with its namespace in full.

    Examples
    --------
    >>> qualified("w:p")
    '{http://schemas.openxmlformats.org/wordprocessingml/2006/main}p'
    """
    prefix, _, local = name.partition(":")
    return f"{{{_SPACES[prefix]}}}{local}"


def short_name(element: Any) -> str:
    """Name an element with the usual prefix of its namespace ("w:p"); empty for a comment."""
    if not isinstance(element.tag, str):
        return ""
    space, _, name = element.tag.rpartition("}")
    return f"{_NAMES.get(space[1:], '?')}:{name}"


def _value(element: Any) -> str | None:
    return None if element is None else element.get(_w("val"))


def _on(parent: Any, name: str) -> bool:
    found = parent.find(_w(name))
    return found is not None and found.get(_w("val"), "1") not in ("0", "false", "off")


def _merged(spans: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Join neighbouring pieces of the same look: Word splits texts wherever they were once edited."""
    found: list[dict[str, Any]] = []
    for span in spans:
        if span.get("t") == "":
            continue
        if found and "t" in span and "t" in found[-1] and {**span, "t": ""} == {**found[-1], "t": ""}:
            found[-1] = {**span, "t": found[-1]["t"] + span["t"]}
        else:
            found.append(span)
    return found


def _stripped(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Drop line breaks at the start and end of a paragraph."""
    while spans and "break" in spans[0]:
        spans = spans[1:]
    while spans and "break" in spans[-1]:
        spans = spans[:-1]
    return spans


def _with_lists(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Put items that follow each other into lists, those of a deeper level into the item above them."""
    found: list[dict[str, Any]] = []
    at = 0
    while at < len(blocks):
        if blocks[at]["kind"] != "item":
            found.append(blocks[at])
            at += 1
            continue
        items = list(takewhile(lambda block: block["kind"] == "item", blocks[at:]))
        found += _lists(items)
        at += len(items)
    return found


def _lists(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while items:
        first, rest = items[0], items[1:]
        deeper = list(takewhile(lambda one, level=first["level"]: one["level"] > level, rest))  # type: ignore[misc]
        items = rest[len(deeper) :]
        item = {"spans": first["spans"], "number": first["number"], "below": _lists(deeper)}
        if found and found[-1]["pattern"] == first["pattern"]:
            found[-1]["items"].append(item)
        else:
            found.append({"kind": "list", "pattern": first["pattern"], "items": [item]})
    return found


def _with_captions(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give a caption to the table or picture that it stands above or below; one without either is a text."""
    found = list(blocks)
    for at, block in enumerate(found):
        if block["kind"] != "caption":
            continue
        for near in (at + 1, at - 1):
            other = found[near] if 0 <= near < len(found) else {"kind": ""}
            if "caption" not in other and (other["kind"] == "table" or _is_picture(other)):
                found[near] = {**other, "caption": block["spans"], "is_caption_above": near > at}
                found[at] = {"kind": "gone"}
                break
        else:
            found[at] = {**block, "kind": "text", "align": "left", "hanging_mm": 0, "is_sticky": False}
    return [block for block in found if block["kind"] != "gone"]


def _is_picture(block: Mapping[str, Any]) -> bool:
    return block["kind"] == "text" and len(block["spans"]) == 1 and "picture" in block["spans"][0]


def _aligns(rows: list[list[dict[str, Any]]], width: int) -> list[str]:
    """Put columns of numbers to the right, all others to the left."""
    found = []
    for column in range(width):
        cells = [_words(row[column]["blocks"]) for row in rows if len(row) == width]
        is_number = any(re.search(r"\d", cell) for cell in cells) and all(_NUMERIC.fullmatch(cell) for cell in cells)
        found.append("right" if is_number else "left")
    return found


def _words(blocks: Iterable[Mapping[str, Any]]) -> str:
    return " ".join(
        "".join(span.get("t", " ") for span in block.get("spans", [{"t": "x"}])) for block in blocks
    ).strip()


def foreign_content(document: Document, file: str, texts: Texts) -> list[Fault]:
    """List what a document holds that cannot be carried over into the PDF.

    Parameters
    ----------
    document : docx.document.Document
        A document or a template.
    file : str
        Its name in the faults.
    texts : Texts
        Language of the faults.

    Returns
    -------
    list of Fault
        Empty where all can be carried over.
    """
    reader = _Reader(document, file, texts)
    reader.content()
    return reader.faults


def to_pdf(docx: bytes, *, file: str = "DOCX") -> bytes:
    """Set a Word document as a tagged PDF.

    Typst is asked for PDF/UA-1: it refuses a document without title, a picture without alternative text, a skipped heading level.
    The same document gives the same bytes.

    Parameters
    ----------
    docx : bytes
        The document; its title, language, author, subject and date of creation become those of the PDF.
    file : str
        Its name in faults.

    Returns
    -------
    bytes
        The PDF.

    Raises
    ------
    FaultyTemplate
        The document holds what cannot be carried over; each kind is named once for each paragraph.
    """
    from docx import Document

    document = Document(io.BytesIO(docx))
    properties = document.core_properties
    language = properties.language[:2] if properties.language[:2] in LANGUAGES else LANGUAGES[0]
    texts = Texts(language)
    reader = _Reader(document, file, texts)
    content = reader.content()
    faults = [*reader.faults, *_heading_faults(content["body"], file, texts)]
    if not properties.title:
        faults.append(Fault(file, None, None, "", texts.text("a title in the properties of the document")))
    if faults:
        raise FaultyTemplate(faults, texts, file)
    created = properties.created or datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    content |= {
        "title": properties.title,
        "author": properties.author,
        "subject": properties.subject,
        "language": language,
        "created": [created.year, created.month, created.day],
    }
    try:
        return _set(content, reader.pictures)
    except RuntimeError as error:  # what Typst raises
        raise FaultyTemplate(_refused(error, file, texts), texts, file) from error


def _refused(error: RuntimeError, file: str, texts: Texts) -> list[Fault]:
    """Say in words what Typst refused: mostly signs that the fonts do not have, and no page is to show boxes in their place."""
    signs = dict.fromkeys(
        re.findall(r'text `"(.+?)"` could not be displayed', f"{error} {getattr(error, 'diagnostic', '')}")
    )
    if signs:
        expected = texts.text("signs that the fonts of the PDF have; leave it out or write it as a word")
        return [
            Fault(file, None, None, texts.text("the sign {sign}", sign=texts.given(sign)), expected) for sign in signs
        ]
    given = texts.text("a page that cannot be set ({reason})", reason=str(error))
    return [
        Fault(
            file,
            None,
            None,
            given,
            texts.text("headings, paragraphs, lists, tables with a head row, pictures with an alternative text"),
        )
    ]


def _heading_faults(blocks: list[dict[str, Any]], file: str, texts: Texts) -> list[Fault]:
    """List headings that skip a level: whoever listens would miss one."""
    faults, before = [], 0
    for block in blocks:
        if block["kind"] != "heading":
            continue
        if block["level"] > before + 1:
            given = texts.text(
                "a heading {text} of level {level}", text=texts.given(_words([block])), level=block["level"]
            )
            faults.append(Fault(file, None, None, given, texts.text("level {level} before it", level=before + 1)))
        before = block["level"]
    return faults


def _set(content: Mapping[str, Any], pictures: Mapping[str, bytes]) -> bytes:
    import typst

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "paper.typ").write_bytes(PROGRAM.read_bytes())
        (place / "content.json").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
        for name, picture in pictures.items():
            (place / name).write_bytes(picture)
        year, month, day = content["created"]
        return typst.compile(
            str(place / "paper.typ"),
            root=str(place),
            format="pdf",
            font_paths=[str(_fonts())],
            ignore_system_fonts=True,
            pdf_standards=["ua-1"],
            timestamp=datetime.datetime(year, month, day, tzinfo=datetime.UTC),
        )


def _fonts() -> Path:
    """Find the fonts that come with Matplotlib, without loading it: the same on every machine, with umlauts, Greek and Cyrillic."""
    spec = importlib.util.find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("matplotlib")
    return Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf"
