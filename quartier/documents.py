"""From a template that a city edits in Word, and what a paper has to say, to a Word document; nothing here knows what that is.

Templates are Word files with fields in double braces (Jinja, through docxtpl). Only loops, choices and fields are taken; a template
cannot reach anything but the contents it is given. All values are text: markup in them is shown, not obeyed.
"""

from __future__ import annotations

import datetime
import difflib
import html
import io
import re
import secrets
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quartier.data import Fault, system_reason
from quartier.language import Texts
from quartier.typeset import (
    EMU_PER_MM,
    LEAD_STYLE,
    SMALL_STYLE,
    FaultyTemplate,
    foreign_content,
    qualified,
    room_for,
    short_name,
)

if TYPE_CHECKING:
    from docx.document import Document
    from jinja2.sandbox import ImmutableSandboxedEnvironment

MOST_BYTES = 200_000_000
"""A template that unpacks to more is not opened."""

_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_HALF_TAG = re.compile(r"\{\{|\}\}|\{%|%\}|\{#|#\}")
_WHOLE = ("tr", "tc", "p", "r")
"""Prefixes of a tag that stands for the whole row, cell, paragraph or run that it is in."""
_ENDS = {"for": "endfor", "if": "endif"}
_CODES = {"de": "de-DE", "en": "en-GB"}
_OWN = ("draft", "origins", "origins_by_table", "assumed_note")
"""Fields that every template knows."""
_UNSEEN = "\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Marks that turn the direction of writing, so that a text reads otherwise than it is; and the mark of a file's beginning."""
_LONG = 40
"""Letters of a text that the list of origins shows."""
_TRACE_START, _TRACE_END = "\ue000", "\ue001"


# --- where a number is from ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Origin:
    """Where a number in a paper is from.

    Attributes
    ----------
    text : str
        The number as it is printed, without the sign of an assumption.
    table, row, column : str
        The cell of the run.
    value : str
        What stands in that cell.
    assumed : bool
        It rests on an assumption.
    names : (str, str)
        What people call the table and the column.
    row_name : str
        What people call the row; empty where they have no other name.
    """

    text: str
    table: str
    row: str
    column: str
    value: str
    assumed: bool
    names: tuple[str, str]
    row_name: str = ""


class Trace:
    """Keeps where the numbers of a paper are from: those that are printed, once each, in the order in which they are.

    Parameters
    ----------
    texts : Texts
        Language of the paper.

    Examples
    --------
    >>> trace = Trace(Texts("en"))
    >>> amount = trace.show("8,000 EUR", table="amounts", row="alm", column="amount_eur", value=8000, assumed=True)
    >>> trace.printed(f"The site gets {amount}."), trace.origins()[0].value
    ('The site gets 8,000 EUR*.', '8000')
    """

    SIGN = "*"

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        # A mark that no text from outside can know.
        self._key = secrets.token_hex(8)
        self._pattern = re.compile(f"{_TRACE_START}{self._key}:(\\d+){_TRACE_END}")
        self._known: list[Origin] = []
        self._shown: dict[Origin, None] = {}

    def show(
        self,
        text: str,
        *,
        table: str,
        row: str,
        column: str,
        value: object,
        assumed: bool = False,
        names: tuple[str, str] | None = None,
        row_name: str = "",
    ) -> str:
        """Give a text that is traced wherever it is printed; it may stand inside other texts.

        Parameters
        ----------
        text : str
            The number as it is to be printed.
        table, row, column : str
            The cell of the run that it is from.
        value : object
            What stands in that cell.
        assumed : bool
            It rests on an assumption: it is printed with `SIGN`.
        names : (str, str), optional
            What people call the table and the column; what they are called in the run by default.
        row_name : str
            What people call the row; the list of origins then has its key in brackets.

        Returns
        -------
        str
            For the context of `render`, alone or as part of a sentence.
        """
        self._known.append(Origin(text, table, row, column, str(value), assumed, names or (table, column), row_name))
        return f"{_TRACE_START}{self._key}:{len(self._known) - 1}{_TRACE_END}{text}{self.SIGN if assumed else ''}"

    def printed(self, text: str) -> str:
        """Take note of the numbers in a text and give it as it is printed."""
        for found in self._pattern.finditer(text):
            self._shown.setdefault(self._known[int(found[1])])
        return self.plain(text)

    def plain(self, text: str) -> str:
        """Give a text as it would be printed, without taking note of it."""
        return self._pattern.sub("", text)

    def forget(self) -> None:
        """Begin again: nothing was printed yet."""
        self._shown.clear()

    def origins(self) -> tuple[Origin, ...]:
        """Origins of what was printed, once each, in order."""
        return tuple(self._shown)

    def origins_by_table(self) -> list[dict[str, Any]]:
        """Give the same as a short list: an entry a table, in it one a column, with row and number of each of its cells."""
        tables: dict[tuple[str, str], dict[tuple[str, str], dict[tuple[str, str], str]]] = {}
        for one in self._shown:
            shown = one.text if len(one.text) <= _LONG else f"{one.text[:_LONG]} \u2026"
            columns = tables.setdefault((one.table, one.names[0]), {})
            row = f"{one.row_name} [{one.row}]" if one.row_name else one.row
            row = row.replace("; ", " / ")  # a semicolon parts cells here
            cells = columns.setdefault((one.column, one.names[1]), {})
            # A summary in another language prints the same cell with other marks: once is enough here.
            cells.setdefault((row, re.sub(r"\D", "", shown) or shown), f"{row}: {shown}{self.SIGN * one.assumed}")
        return [
            {
                "table": table,
                "name": name,
                "columns": [
                    {"column": column, "name": called, "numbers": "; ".join(cells.values())}
                    for (column, called), cells in columns.items()
                ],
            }
            for (table, name), columns in tables.items()
        ]

    def note(self) -> str:
        """Say what the sign means; empty where no number that was printed rests on an assumption."""
        if not any(origin.assumed for origin in self._shown):
            return ""
        return self.texts.text("{sign} rests on assumptions", sign=self.SIGN)


@dataclass(frozen=True)
class Picture:
    """A picture for a template's field.

    Attributes
    ----------
    data : bytes
        PNG or JPEG.
    alt : str
        What it shows, for those who do not see it.
    width_mm : float
        Its width on paper, mm.
    """

    data: bytes
    alt: str
    width_mm: float = 160


# --- from template to document ------------------------------------------------------------------------------------


def render(
    template: Path,
    context: Mapping[str, Any],
    *,
    title: str,
    subject: str,
    author: str,
    created: datetime.date,
    language: str = "de",
    draft: bool = False,
    trace: Trace | None = None,
) -> bytes:
    """Fill in a Word template.

    The template also knows ``draft`` (true or false), ``origins`` (rows of `Origin`, for the list at the end),
    ``origins_by_table`` (the same in fewer lines, see `Trace`) and ``assumed_note`` (what the sign of an assumption means; empty where
    there is none). It is filled in twice, so that these may stand anywhere.

    Parameters
    ----------
    template : Path
        A DOCX file.
    context : mapping
        Fields: texts, numbers, lists and mappings of these, `Picture`.
    title, subject, author : str
        Properties of the document.
    created : date
        Its date, so that the same paper has the same bytes on any day.
    language : str
        One of `LANGUAGES`; that of the paper and of faults.
    draft : bool
        "Draft" stands in the head of every page and behind the title.
    trace : Trace, optional
        Takes note of the numbers that are printed.

    Returns
    -------
    bytes
        The DOCX file.

    Raises
    ------
    FaultyTemplate
        Every unknown field, faulty tag and content that the PDF could not show.
    """
    texts = Texts(language)
    raw = _read(template, texts)
    own = trace or Trace(texts)
    filling = _Filling(template.name, raw, texts, own)
    faults = [*filling.tag_faults(context), *foreign_content(_open(raw, template.name, texts), template.name, texts)]
    if filling.is_readable:
        # Whatever else is wrong, fields that only a loop can know are looked up as well, so that all is said at once.
        own.forget()
        filled = filling.fill({**context, **dict.fromkeys(_OWN, ()), "draft": draft, "assumed_note": ""})
    if faults := list(dict.fromkeys([*faults, *filling.faults])):
        raise FaultyTemplate(faults, texts, template.name)
    given = {
        "draft": draft,
        "origins": own.origins(),
        "origins_by_table": own.origins_by_table(),
        "assumed_note": own.note(),
    }
    own.forget()
    filled = filling.fill({**context, **given})
    if filling.faults:
        raise FaultyTemplate(dict.fromkeys(filling.faults), texts, template.name)
    document = _open(filled, template.name, texts)
    _finish(document, texts, is_draft=draft)
    _lay_out(document)
    properties = document.core_properties
    properties.title = own.plain(texts.text("{title} (draft)", title=title) if draft else title)
    properties.subject, properties.author, properties.language = (
        subject,
        author,
        _CODES[language],
    )
    properties.last_modified_by, properties.comments, properties.keywords = author, "", ""
    properties.category = properties.identifier = properties.version = properties.content_status = ""
    properties.revision = 1
    properties.created = properties.modified = datetime.datetime(created.year, created.month, created.day)
    if properties._element.find(f"{{{_CORE}}}lastPrinted") is not None:
        properties._element.remove(properties._element.find(f"{{{_CORE}}}lastPrinted"))
    return _packed(document)


def _read(template: Path, texts: Texts) -> bytes:
    """Read a template's bytes and see that they are a Word file without macros."""

    def refuse(given: str, expected: str) -> FaultyTemplate:
        return FaultyTemplate([Fault(template.name, None, None, given, expected)], texts, template.name)

    word = texts.text("a Word file (.docx)")
    try:
        raw = template.read_bytes()
    except OSError as error:
        raise refuse(system_reason(error, texts), word) from error
    if not raw:
        raise refuse(texts.text("an empty file"), word)
    if raw.startswith(b"\xd0\xcf\x11\xe0"):
        raise refuse(
            texts.text("a file with a password, or in the format of Word 97"), texts.text("a .docx without a password")
        )
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as package:
            names = package.namelist()
            if sum(one.file_size for one in package.infolist()) > MOST_BYTES:
                raise refuse(texts.text("a file that unpacks to more than 200 MB"), word)
            if package.testzip() is not None:
                raise refuse(texts.text("a damaged file"), word)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, zipfile.zlib.error) as error:  # type: ignore[attr-defined]
        raise refuse(texts.text("a damaged file, or none of Word"), word) from error
    if "content.xml" in names:
        raise refuse(texts.text("an OpenDocument file"), texts.text("a .docx; save it as \u201cWord 2007-365\u201d"))
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise refuse(texts.text("a file with macros"), texts.text("a .docx without macros"))
    if len(names) != len(set(names)):
        raise refuse(texts.text("a damaged file"), word)
    return raw


def _open(raw: bytes, file: str, texts: Texts) -> Document:
    from docx import Document
    from docx.opc.exceptions import OpcError
    from lxml import etree

    try:
        document = Document(io.BytesIO(raw))
        if document.element.body is None:
            raise ValueError
        return document
    except (OpcError, etree.LxmlError, KeyError, ValueError, AttributeError) as error:
        fault = Fault(
            file, None, None, texts.text("a damaged file, or none of Word"), texts.text("a Word file (.docx)")
        )
        raise FaultyTemplate([fault], texts, file) from error


class _Filling:
    """One template, its faults and the ways to fill it in."""

    def __init__(self, file: str, raw: bytes, texts: Texts, trace: Trace) -> None:
        self.file, self.texts, self.trace, self._raw = file, texts, trace, raw
        self.faults: list[Fault] = []
        self.is_readable = True
        self._faulty_fields: list[str] = []
        self._names: set[str] = set()

    # --- before filling in: the tags as they stand ---

    def tag_faults(self, context: Mapping[str, Any]) -> list[Fault]:
        """List faulty tags, and fields that are not known, also where no choice leads to them."""
        found: list[Fault] = []
        roots = list(_roots(_open(self._raw, self.file, self.texts)))
        # Names that a loop or a definition brings in are looked at where they stand, when the template is filled in.
        brought = {name for root in roots for tag in _TAG.findall(_text(root)) for name in _assigned(tag)}
        self._names = {*context, *_OWN}
        for root in roots:
            found += self._part_faults(root, self._names | brought)
        return found

    def _part_faults(self, root: Any, known: set[str]) -> Iterator[Fault]:
        open_tags: list[tuple[str, str]] = []
        paragraphs = list(root.iter(qualified("w:p")))
        tags = [(paragraph, tag) for paragraph in paragraphs for tag in _TAG.findall(_text(paragraph))]
        for paragraph in paragraphs:
            rest = _TAG.sub("", _text(paragraph))
            if half := _HALF_TAG.search(rest):
                self.is_readable = False
                yield self._fault(
                    self.texts.text(
                        "{tag} without its other half near {text}",
                        tag=self.texts.given(half[0]),
                        text=self.texts.given(_text(paragraph)),
                    ),
                    self.texts.text("a tag that begins and ends in one paragraph"),
                )
        for paragraph, tag in tags:
            yield from self._tag_faults(paragraph, tag, open_tags, known)
        for tag, _ in open_tags:
            self.is_readable = False
            yield self._fault(self.texts.given(tag), self.texts.text("an end to it"))

    def _tag_faults(
        self, paragraph: Any, tag: str, open_tags: list[tuple[str, str]], known: set[str]
    ) -> Iterator[Fault]:
        prefix, inner = _parted(tag)
        if tag.startswith("{#"):
            return
        if prefix:
            yield from self._whole_faults(paragraph, tag, prefix)
        if tag.startswith("{{"):
            fault = self._syntax_fault(tag, "{{" + inner + "}}")
            if fault is not None:
                self._faulty_fields.append(tag)
                yield fault
            else:
                yield from self._unknown("{{" + inner + "}}", known)
            return
        word = (inner.split() or [""])[0]
        if word in ("endfor", "endif", "else", "elif"):
            is_in_place = bool(open_tags) and (word in ("else", "elif") or _ENDS[open_tags[-1][1]] == word)
            if not is_in_place or (word == "elif" and open_tags[-1][1] != "if"):
                self.is_readable = False
                yield self._fault(self.texts.given(tag), self.texts.text("the beginning that belongs to it"))
            elif word.startswith("end"):
                open_tags.pop()
            if word != "elif":
                return
            complete = "{% if" + inner.strip().removeprefix("elif") + " %}{% endif %}"
        elif word in _ENDS:
            open_tags.append((tag, word))
            complete = "{%" + inner + "%}{% " + _ENDS[word] + " %}"
        elif word == "set":
            complete = "{%" + inner + "%}"
        else:
            self.is_readable = False
            yield self._fault(
                self.texts.given(tag), self.texts.text("a tag with for, if, elif, else, set or their end")
            )
            return
        fault = self._syntax_fault(tag, complete)
        if fault is not None:
            self.is_readable = False
            yield fault
        else:
            yield from self._unknown(complete, known)

    def _whole_faults(self, paragraph: Any, tag: str, prefix: str) -> Iterator[Fault]:
        """See that a tag for a whole row or paragraph takes no other text with it: docxtpl would drop that silently."""
        whole = paragraph
        while whole is not None and short_name(whole) != f"w:{prefix}" and prefix != "r":
            whole = whole.getparent()
        if whole is None:
            self.is_readable = False
            yield self._fault(self.texts.given(tag), self.texts.text("a row of a table around it"))
        elif prefix != "r" and _text(whole).strip() != tag:
            self.is_readable = False
            yield self._fault(
                self.texts.text("{tag} beside other text", tag=self.texts.given(tag)),
                self.texts.text("nothing else in its paragraph or row"),
            )

    def _syntax_fault(self, tag: str, source: str) -> Fault | None:
        from jinja2.exceptions import TemplateError

        try:
            # Compiled, not only parsed: filters and tests are looked up there.
            self._environment().from_string(_straight(source))
        except TemplateError:
            # Jinja's own words are English and for programmers.
            expected = self.texts.text("a tag that can be read, such as {example}", example="{{ betreff }}")
            return self._fault(self.texts.given(tag), expected)
        return None

    def _unknown(self, source: str, known: set[str]) -> Iterator[Fault]:
        from jinja2 import meta

        environment = self._environment()
        for name in sorted(meta.find_undeclared_variables(environment.parse(_straight(source))) - known):
            if name not in environment.globals:
                yield self._unknown_fault(name, self._names)

    def _unknown_fault(self, name: str, known: Iterable[str]) -> Fault:
        near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
        return self._fault(
            self.texts.text("the field {name}", name=self.texts.given(name)),
            self.texts.text("a known field; perhaps {name}", name=self.texts.given(near[0]))
            if near
            else self.texts.text("a known field: {names}", names=", ".join(sorted(known))),
        )

    def _fault(self, given: str, expected: str) -> Fault:
        return Fault(self.file, None, None, given, expected)

    # --- filling in ---

    def fill(self, context: Mapping[str, Any]) -> bytes:
        """Fill in the template; fields that are not known are left empty and listed in `faults`."""
        from docxtpl import DocxTemplate
        from lxml import etree

        faulty = self._faulty_fields

        class _Quiet(DocxTemplate):
            """Leaves properties alone (they are set afterwards) and reads no footnotes (there are none)."""

            def patch_xml(self, src_xml: str) -> str:
                xml = super().patch_xml(src_xml)
                for tag in faulty:
                    xml = xml.replace(_straight(tag), "")
                return xml

            def render_properties(self, *_: Any) -> None:
                pass

            def render_footnotes(self, *_: Any) -> None:
                pass

            def render_xml_part(self, src_xml: str, part: Any, *rest: Any) -> str:
                xml = super().render_xml_part(src_xml, part, *rest)
                etree.fromstring(xml.encode())  # docxtpl mends broken XML by leaving things out
                return xml

        filling = _Quiet(io.BytesIO(self._raw))
        environment = self._environment(filling)
        out = io.BytesIO()
        try:
            filling.render(dict(context), environment)
            filling.save(out)
        except FaultyTemplate:
            raise
        except Exception as error:  # whatever a template of others can bring about
            self.faults.append(
                self._fault(
                    self.texts.text("a tag that cannot be worked out ({reason})", reason=str(error)),
                    self.texts.text("fields, loops and choices"),
                )
            )
        return out.getvalue()

    def _environment(self, filling: Any = None) -> ImmutableSandboxedEnvironment:
        """Make a Jinja environment in which values are text and nothing else can be reached."""
        from jinja2 import ChainableUndefined
        from jinja2.runtime import missing
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        outer = self

        class _Unknown(ChainableUndefined):
            """A field that is not known: noted, then empty whatever is done with it."""

            def __init__(self, hint: Any = None, obj: Any = missing, name: Any = None, exc: Any = None) -> None:
                super().__init__(hint, obj, name)
                if isinstance(name, str):
                    outer.faults.append(outer._unknown_fault(name, outer._names if obj is missing else _names_of(obj)))

            def _same(self, *_: Any) -> _Unknown:
                return self

        for name in ("add", "radd", "sub", "rsub", "mul", "rmul", "truediv", "rtruediv", "floordiv", "mod", "call"):
            setattr(_Unknown, f"__{name}__", _Unknown._same)
        for name in ("lt", "le", "gt", "ge"):
            setattr(_Unknown, f"__{name}__", lambda *_: False)
        environment = ImmutableSandboxedEnvironment(
            undefined=_Unknown, autoescape=True, finalize=lambda value: self._printed(value, filling)
        )
        for name in ("safe", "tojson", "xmlattr", "urlize", "pprint", "random"):
            del environment.filters[name]
        for name in ("lipsum", "cycler", "joiner"):
            del environment.globals[name]
        return environment

    def _printed(self, value: Any, filling: Any) -> Any:
        """Give a value as the XML of its text."""
        if isinstance(value, Picture):
            return _Xml(_picture_xml(value, filling))
        if value is None:
            return ""
        text = clean(self.trace.printed(str(value)))
        # docxtpl takes a bell for a new paragraph, and some signs between braces for the braces of a tag.
        text = re.sub(r"\n{2,}", "\a", text.strip("\n"))
        text = re.sub(r"(?<=\d) (?=EUR\b)", "\u00a0", text)  # an amount and its unit stay on one line
        return _Xml(html.escape(text).replace("{_", "{&#95;").replace("_}", "&#95;}"))


class _Xml(str):
    """A text that is XML already."""

    def __html__(self) -> str:
        return self


def clean(text: str) -> str:
    r"""Take out of a text what no one sees: control characters, halves of pairs, marks that turn the direction of writing.

    Examples
    --------
    >>> clean("a\x07b\u202ec\r\nd")
    'abc\nd'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    return "".join(
        sign
        for sign in text
        if sign in "\n\t" or (unicodedata.category(sign) not in ("Cc", "Cs", "Co", "Cn") and sign not in _UNSEEN)
    )


def _picture_xml(picture: Picture, filling: Any) -> str:
    inline = filling.current_rendering_part.new_pic_inline(
        io.BytesIO(picture.data), width=round(picture.width_mm * EMU_PER_MM)
    )
    inline.docPr.set("descr", clean(picture.alt))
    return f'</w:t></w:r><w:r><w:drawing>{inline.xml}</w:drawing></w:r><w:r><w:t xml:space="preserve">'


def _names_of(value: Any) -> list[str]:
    """Names that a template could have meant."""
    if isinstance(value, Mapping):
        return [str(key) for key in value]
    return [name for name in dir(value) if not name.startswith("_")] if hasattr(value, "__dict__") else []


def _roots(document: Document) -> Iterator[Any]:
    """Give the parts of a document that have tags: its body, heads and feet."""
    yield document.element.body
    for relation in document.part.rels.values():
        if relation.reltype.endswith(("/header", "/footer")):
            yield relation.target_part.element


def _text(element: Any) -> str:
    return "".join(one.text or "" for one in element.iter(qualified("w:t")))


def _parted(tag: str) -> tuple[str, str]:
    """Part a tag into its prefix (of a whole row, cell, paragraph, run) and what it says."""
    inner = tag[2:-2].removeprefix("-").removesuffix("-")
    for prefix in _WHOLE:
        if inner.startswith(prefix + " "):
            return prefix, inner.removeprefix(prefix)
    return "", inner


def _straight(source: str) -> str:
    """Undo what Word does to quotation marks, as docxtpl does."""
    return re.sub("[\u201c\u201d]", '"', re.sub("[\u2018\u2019]", "'", source))


def _assigned(tag: str) -> set[str]:
    """Names that a loop or a definition brings in."""
    found = re.match(r"\s*(?:for\s+(.*?)\s+in\s|set\s+([^=]*))", _parted(tag)[1])
    if not tag.startswith("{%") or found is None:
        return set()
    return {*re.findall(r"\w+", found[1] or found[2] or ""), "loop"}


# --- the last touches -----------------------------------------------------------------------------------------------

_CORE = "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"


def _finish(document: Document, texts: Texts, *, is_draft: bool) -> None:
    """Set the language, repeat the heads of tables, and say "draft" in the head of every page."""
    code = _CODES[texts.language]
    styles = document.styles.element
    defaults = _made(_made(_made(styles, "w:docDefaults", 0), "w:rPrDefault", 0), "w:rPr")
    _made(defaults, "w:lang").set(qualified("w:val"), code)
    for language in styles.iterfind(f"{qualified('w:style')}[@{qualified('w:default')}='1']//{qualified('w:lang')}"):
        language.set(qualified("w:val"), code)
    for table in document.element.body.iter(qualified("w:tbl")):
        rows = table.findall(qualified("w:tr"))
        look = table.find(f"{qualified('w:tblPr')}/{qualified('w:tblLook')}")
        if rows and _has_head(look) and table.find(f".//{qualified('w:tblHeader')}") is None:
            _made(rows[0].get_or_add_trPr(), "w:tblHeader")
        for row in rows:
            _made(row.get_or_add_trPr(), "w:cantSplit", 0)
    if is_draft:
        for section in document.sections:
            heads = [section.header]
            if section.different_first_page_header_footer:
                heads.append(section.first_page_header)
            for head in heads:
                _say_first(head, texts.text("Draft"))


_SMALL_ROWS, _SMALL_TEXT = 12, 1000
"""Rows and letters of a table that is not parted: a longer one would leave much of a page empty by moving to the next as a whole."""
_END_ROWS = 3
"""Rows that stay together at each end of a longer one."""
_SHORT_TEXT = 500
"""Letters of a paragraph that moves to the next page with the table that it stands over."""


def _lay_out(document: Document) -> None:
    """Part no word where a column could be wider, no small table, and nothing from what it stands over."""
    body = document.element.body
    for table in body.iter(qualified("w:tbl")):
        _widen(table)
        rows = table.findall(qualified("w:tr"))
        is_small = len(rows) <= _SMALL_ROWS and len(_text(table)) <= _SMALL_TEXT
        # Neither the head with a row or two stands at the end of a page, nor the last row, mostly a sum, alone on the next.
        for row in rows[:-1] if is_small else [*rows[:_END_ROWS], *rows[-_END_ROWS:-1]]:
            for paragraph in row.iter(qualified("w:p")):
                paragraph.get_or_add_pPr().keepNext_val = True
    from docx.text.paragraph import Paragraph

    blocks = [one for one in body if short_name(one) in ("w:p", "w:tbl")]
    names = [(Paragraph(one, document).style.name or "") if short_name(one) == "w:p" else "Table" for one in blocks]  # type: ignore[union-attr]
    for at in range(1, len(blocks) - 1):
        if short_name(blocks[at]) != "w:p":
            continue
        text, before, after = _text(blocks[at]).rstrip(), names[at - 1], names[at + 1]
        if (
            (before.startswith("Heading") and after.startswith(("List", "Table", "Caption")))
            or (after.startswith(("Table", "Caption")) and not names[at].startswith("List") and len(text) < _SHORT_TEXT)
            or (after.startswith("List") and text.endswith(":"))
            # Two lines stay below what they are about.
            or (before == LEAD_STYLE and after == SMALL_STYLE)
        ):
            blocks[at].get_or_add_pPr().keepNext_val = True


def _widen(table: Any) -> None:
    """Widen columns that are narrower than their longest word, as far as it needs, at the cost of those with room."""
    grid = table.findall(f"{qualified('w:tblGrid')}/{qualified('w:gridCol')}")
    widths = [float(one.get(qualified("w:w"), "0")) for one in grid]
    # The longest word of each column, and its longest line.
    words, lines = [0.0] * len(grid), [0.0] * len(grid)
    rows = [row.findall(qualified("w:tc")) for row in table.findall(qualified("w:tr"))]
    for number, row in enumerate(rows):
        if len(row) == len(grid):
            for at, cell in enumerate(row):
                is_bold = number == 0 or cell.find(f".//{qualified('w:b')}") is not None
                text = "\n".join(_text(one) for one in cell.iter(qualified("w:p")))
                words[at] = max(words[at], min(room_for(text, is_bold=is_bold), sum(widths) / 2))
                lines[at] = max(lines[at], room_for(text, is_bold=is_bold, is_whole=True))
    fitted = widths
    # First from columns where no line is parted by it, then from those where lines are parted anyhow, last from all.
    parted = [word if line > width else width for word, line, width in zip(words, lines, widths, strict=True)]
    for needs in (list(map(max, words, lines)), parted, words):
        lacking = [max(need - width, 0) for need, width in zip(words, fitted, strict=True)]
        room = [max(width - need, 0) for need, width in zip(needs, fitted, strict=True)]
        taken = min(sum(lacking), sum(room))
        if taken:
            fitted = [
                width + lack * taken / sum(lacking) - free * taken / sum(room)
                for width, lack, free in zip(fitted, lacking, room, strict=True)
            ]
    if fitted == widths:
        return
    fitted = [round(width) for width in fitted]
    for one, width in zip(grid, fitted, strict=True):
        one.set(qualified("w:w"), str(width))
    for row in rows:
        if len(row) == len(grid):
            for cell, width in zip(row, fitted, strict=True):
                size = _made(cell.get_or_add_tcPr(), "w:tcW", 0)
                size.set(qualified("w:w"), str(width))
                size.set(qualified("w:type"), "dxa")


def _has_head(look: Any) -> bool:
    """See whether a table's style sets its first row apart; Word writes this as a word, older programs as a number."""
    if look is None:
        return True
    said = look.get(qualified("w:firstRow"))
    return (
        said not in ("0", "false") if said is not None else bool(int(look.get(qualified("w:val"), "0020"), 16) & 0x20)
    )


def _say_first(head: Any, text: str) -> None:
    from docx.oxml import OxmlElement
    from docx.text.paragraph import Paragraph

    first = OxmlElement("w:p")
    head.is_linked_to_previous = False
    head._element.insert(0, first)
    run = Paragraph(first, head).add_run(text)
    run.bold = True


def _made(parent: Any, name: str, place: int | None = None) -> Any:
    """Find a child of an element, or put one there."""
    from docx.oxml import OxmlElement

    found = parent.find(qualified(name))
    if found is None:
        found = OxmlElement(name)
        parent.insert(len(parent) if place is None else place, found)
    return found


def _packed(document: Document) -> bytes:
    """Write a document with fixed order and times: python-docx takes those of the clock."""
    raw, out = io.BytesIO(), io.BytesIO()
    document.save(raw)
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
        # Word wants the list of contents first.
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            target.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), source.read(name), zipfile.ZIP_DEFLATED)
    return out.getvalue()


# --- templates to begin with ----------------------------------------------------------------------------------------


CELL_STYLE = "Table Text"
"""Style of paragraphs in tables; Word has none of its own."""


def template_from(outline: str, *, head: str = "", foot: str = "", language: str = "de") -> bytes:
    """Make a Word template from a plain outline, to be edited in Word afterwards.

    Lines of the outline, an empty one or not between them::

        = title               # heading            ## heading of level 2         ### heading of level 3
        - item of a list      1. numbered item     ^ caption of what follows or stands above
        ~ small print         ~~ small print that stays with what follows
        text; **bold**        Label:: text (the text is set in from the label)
        | head | head |       rows of a table, the first is its head; a column of {{ }} fields ends in ``>`` in its head to stand
        | {%tr for ... %} |   to the right (``| Amount> |``); ``| Name 40% |`` says how wide a column is
        ---                   a new page             [en] in front of a line's text: it is in that language

    Parameters
    ----------
    outline : str
        The lines.
    head, foot : str
        Head and foot of each page, lines parted by a newline; a tab parts left from right; ``[page]`` and ``[pages]`` are numbers.
    language : str
        Language of the template.

    Returns
    -------
    bytes
        The DOCX file; the same outline gives the same bytes.
    """
    return _Outline(language).document(outline, head, foot)


class _Outline:
    """Writes an outline with the styles that Word knows."""

    def __init__(self, language: str) -> None:
        from docx import Document

        self.document_ = Document()
        self.texts = Texts(language)
        self._is_new_page = self._is_below_table = False
        self._dress()

    def document(self, outline: str, head: str, foot: str) -> bytes:
        """Write all lines."""
        rows: list[list[str]] = []
        for line in [*outline.strip("\n").splitlines(), ""]:
            if line.lstrip().startswith("|"):
                rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
                continue
            if rows:
                self._table(rows)
                rows, self._is_below_table = [], True
            if line.strip():
                self._line(line.strip())
        section = self.document_.sections[0]
        for place, said in ((section.header, head), (section.footer, foot)):
            for at, line in enumerate(said.splitlines()):
                paragraph = place.paragraphs[0] if at == 0 else place.add_paragraph(style=place.paragraphs[0].style)
                self._with_pages(paragraph, line)
        _finish(self.document_, self.texts, is_draft=False)
        properties = self.document_.core_properties
        properties.title = properties.subject = properties.comments = properties.author = ""
        properties.created = properties.modified = datetime.datetime(2026, 1, 1)
        return _packed(self.document_)

    def _line(self, line: str) -> None:
        from docx.shared import Mm, Pt

        if line == "---":
            self._is_new_page = True
            return
        styles = {
            "= ": "Title",
            "# ": "Heading 1",
            "## ": "Heading 2",
            "### ": "Heading 3",
            "- ": "List Bullet",
            "1. ": "List Number",
            "^ ": "Caption",
            "~ ": SMALL_STYLE,
            "~~ ": LEAD_STYLE,
        }
        start = next((start for start in styles if line.startswith(start)), "")
        paragraph = self.document_.add_paragraph(style=styles.get(start, "Normal"))
        if self._is_new_page:
            paragraph.paragraph_format.page_break_before, self._is_new_page = True, False
        if self._is_below_table and not line.startswith("{%p"):
            self._is_below_table = False
            if not start:
                paragraph.paragraph_format.space_before = Pt(10)
        language, line = re.findall(r"^(?:\[(de|en)\] )?(.*)$", line.removeprefix(start))[0]
        label, parted, text = line.partition(":: ")
        if not start and parted:
            paragraph.paragraph_format.left_indent, paragraph.paragraph_format.first_line_indent = Mm(45), Mm(-45)
            paragraph.add_run(f"{label}:").bold = True
            self._bold(paragraph, f"\t{text}")
        else:
            self._bold(paragraph, line)
        if language:
            for run in paragraph.runs:
                _made(run._r.get_or_add_rPr(), "w:lang").set(qualified("w:val"), _CODES[language])

    def _bold(self, paragraph: Any, text: str) -> None:
        for at, piece in enumerate(text.split("**")):
            if piece:
                paragraph.add_run(piece).bold = True if at % 2 else None

    def _with_pages(self, paragraph: Any, line: str) -> None:
        from docx.oxml import OxmlElement

        for piece in re.split(r"(\[pages?\])", line):
            if piece in ("[page]", "[pages]"):
                field = OxmlElement("w:fldSimple")
                field.set(qualified("w:instr"), "PAGE" if piece == "[page]" else "NUMPAGES")
                paragraph._p.append(field)
            elif piece:
                paragraph.add_run(piece)

    def _table(self, rows: list[list[str]]) -> None:
        from docx.enum.text import WD_ALIGN_PARAGRAPH
        from docx.shared import Mm

        heads = [re.findall(r"^(.*?)(>?)(?: (\d+)%)?$", cell)[0] for cell in rows[0]]
        rows = [[name for name, *_ in heads], *rows[1:]]
        width = len(heads)
        table = self.document_.add_table(rows=0, cols=width, style="Table Grid")
        is_right = [bool(right) for _, right, _ in heads]
        # Numbers are short, names are not.
        shares = [int(share) if share else 15 if right else 18 for _, right, share in heads]
        for column, share in zip(table.columns, shares, strict=True):
            column.width = Mm(round(165 * share / sum(shares)))
        for number, row in enumerate(rows):
            cells = table.add_row().cells
            for at, text in enumerate(row[:width]):
                cells[at].width = table.columns[at].width
                paragraph = cells[at].paragraphs[0]
                paragraph.style = self.document_.styles[CELL_STYLE]
                if number == 0:
                    paragraph.add_run(text).bold = True
                else:
                    self._bold(paragraph, text)
                if is_right[at] and not text.startswith("{%tr"):
                    paragraph.alignment = WD_ALIGN_PARAGRAPH.RIGHT

    def _dress(self) -> None:
        """Set fonts, sizes and margins of the styles, and drop the small picture that python-docx brings."""
        from docx.enum.style import WD_STYLE_TYPE
        from docx.enum.text import WD_TAB_ALIGNMENT
        from docx.oxml.ns import qn
        from docx.shared import Mm, Pt, RGBColor

        sizes = {"Normal": 10.5, "Title": 18, "Heading 1": 14, "Heading 2": 12, "Heading 3": 11, "Caption": 9}
        for name, size in {**sizes, "Header": 8.5, "Footer": 8.5}.items():
            style = self.document_.styles[name]
            style.font.name, style.font.size, style.font.color.rgb = "Arial", Pt(size), RGBColor(0x1A, 0x1A, 0x1A)
            fonts = style.element.rPr.rFonts
            for key in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
                fonts.attrib.pop(qn(f"w:{key}"), None)
        normal, caption = self.document_.styles["Normal"], self.document_.styles["Caption"]
        normal.paragraph_format.space_before, normal.paragraph_format.space_after = Pt(3), Pt(5)
        caption.paragraph_format.keep_with_next = True
        cell = self.document_.styles.add_style(CELL_STYLE, WD_STYLE_TYPE.PARAGRAPH)
        cell.base_style, cell.font.size = normal, Pt(9.5)
        cell.paragraph_format.space_before = cell.paragraph_format.space_after = Pt(2)
        small = self.document_.styles.add_style(SMALL_STYLE, WD_STYLE_TYPE.PARAGRAPH)
        small.base_style, small.font.size, small.paragraph_format.left_indent = normal, Pt(8), Mm(4)
        small.paragraph_format.space_before, small.paragraph_format.space_after = Pt(0), Pt(2)
        lead = self.document_.styles.add_style(LEAD_STYLE, WD_STYLE_TYPE.PARAGRAPH)
        lead.base_style, lead.paragraph_format.left_indent = small, Mm(0)
        lead.paragraph_format.space_before, lead.paragraph_format.keep_with_next = Pt(4), True
        border = self.document_.styles["Title"].element.pPr.find(qualified("w:pBdr"))
        border.getparent().remove(border)
        section = self.document_.sections[0]
        section.page_width, section.page_height = Mm(210), Mm(297)
        section.left_margin, section.right_margin, section.top_margin, section.bottom_margin = (
            Mm(25),
            Mm(20),
            Mm(30),
            Mm(25),
        )
        for name in ("Header", "Footer"):
            stops = self.document_.styles[name].paragraph_format.tab_stops
            stops.clear_all()
            stops.add_tab_stop(Mm(165), WD_TAB_ALIGNMENT.RIGHT)
        # Word minds the order of its settings: this one comes after the tab stops.
        settings = self.document_.settings.element
        _made(settings, "w:autoHyphenation", list(settings).index(settings.find(qualified("w:defaultTabStop"))) + 1)
        package = self.document_.part.package
        for key in [key for key, one in package.rels.items() if one.reltype.endswith("/thumbnail")]:
            del package.rels[key]
