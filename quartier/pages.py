"""One executed notebook as one HTML page that needs nothing else: no network, no script, no file beside it.

The page is for reading, on a screen of any size, on paper and by ear, and it may come from a run that was tampered with: all
HTML of the notebook goes through a list of what is allowed, and the page forbids the browser to load anything.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from quartier import kernels, report
from quartier.data import system_reason
from quartier.language import LANGUAGES, PlainError, Texts

# --- the page -----------------------------------------------------------------------------------------------------


def page(notebook: Any, *, language: str = LANGUAGES[0], title: str | None = None) -> str:
    """Give an executed notebook as an HTML page that loads nothing: no script, no font, no picture from elsewhere.

    Pictures of the notebook are in the page; pictures elsewhere, on the web or in a folder, are named in its place. A link to
    another notebook leads to that notebook's page. The same notebook gives the same page.

    Parameters
    ----------
    notebook : path or NotebookNode
        An executed notebook; cells after an error need not be executed.
    language : str
        Language of the page and of what it says itself; German by default.
    title : str, optional
        Title of the page; the first heading by default, or else the name of the file.

    Returns
    -------
    str
        The page.

    Raises
    ------
    PlainError
        This is no notebook, there is nothing in it, or it has not been executed.
    """
    texts = Texts(language)
    is_file = isinstance(notebook, (str, Path))
    node = read(Path(notebook), texts) if is_file else notebook
    name = Path(notebook).stem if is_file else title or texts.text("Notebook")
    _refuse_unfinished(node, Path(notebook).name if is_file else name, texts)
    writer = _Writer(texts)
    cells = [writer.cell(cell) for cell in node.cells]
    shown = {
        "language": texts.language,
        "title": title or (_plain(writer.headings[0].html) if writer.headings else "") or name,
        "has_heading": bool(writer.headings),
        "cells": [cell for cell in cells if cell],
        "contents": _contents(writer.headings[1:]),
        "contents_label": texts.text("Contents"),
        "skip_label": texts.text("Skip to the text"),
        "style": (_TEMPLATES / "page" / "style.css").read_text(encoding="utf-8"),
    }
    made, _ = exporter().from_notebook_node(node, resources={"page": shown})
    return str(made).encode("utf-8", "replace").decode("utf-8")  # a lone surrogate is no character of any file


def exporter() -> Any:
    """Make what fills in the template of a page."""
    from nbconvert.exporters.templateexporter import TemplateExporter

    made = TemplateExporter(
        template_name="page", extra_template_basedirs=[str(_TEMPLATES)], template_extension=".html.j2"
    )
    made.default_preprocessors = []
    return made


_TEMPLATES = Path(__file__).parent / "templates"


def save(notebook: str | Path, target: str | Path, *, language: str = LANGUAGES[0], title: str | None = None) -> Path:
    """Write the page of an executed notebook into a file, whole or not at all, in place of a former one.

    Parameters
    ----------
    notebook : path
        An executed notebook.
    target : path
        The file; its folder is made if it is not there.
    language, title
        As for `page`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    PlainError
        As for `page`, or nothing can be written there.
    """
    made, place = page(notebook, language=language, title=title), Path(target)
    try:
        with report.aside(place.parent / f".{place.name}.partial-{os.getpid()}") as partial:
            (partial / place.name).write_text(made, encoding="utf-8", newline="\n")
            (partial / place.name).replace(place)
    except OSError as error:
        raise PlainError(report.unwritable(place.parent, error, Texts(language))) from error
    return place


def read(path: Path, texts: Texts) -> Any:
    """Read a notebook of any format as one of the present format.

    Raises
    ------
    PlainError
        There is no such file, or it is no notebook.
    """
    import warnings

    problems: dict[str, Any] = {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cells without an id: none is needed here
            source = path.read_text(encoding="utf-8")
            notebook = kernels.nbformat().reads(source, as_version=4, capture_validation_error=problems)
    except OSError as error:
        raise PlainError(f"{path.name}: {system_reason(error, texts)}") from error
    except Exception as error:  # nbformat has no common base for what may be wrong with a file
        raise PlainError(texts.text("{file} is no notebook that can be read.", file=path.name)) from error
    if problems:
        raise PlainError(texts.text("{file} is no notebook that can be read.", file=path.name))
    return notebook


def _refuse_unfinished(notebook: Any, name: str, texts: Texts) -> None:
    """Refuse a notebook with nothing in it, or with cells that were not executed though none before them failed."""
    filled = [cell for cell in notebook.cells if cell.source.strip()]
    if not filled:
        raise PlainError(texts.text("There is nothing in {file}.", file=name))
    for cell in filled:
        if cell.cell_type == "code":
            if any(output.output_type == "error" for output in cell.outputs):
                break
            if cell.execution_count is None:
                raise PlainError(
                    texts.text("{file} has cells that were not executed; a page shows a finished notebook.", file=name)
                )


class _Heading(NamedTuple):
    """A heading of the text: its level on the page, its id, and its words."""

    level: int
    id: str
    html: str


def _contents(headings: list[_Heading]) -> str:
    """Give the headings as nested lists of links."""
    if not headings:
        return ""
    lines, depth, top = [], 0, min(heading.level for heading in headings)
    for heading in headings:
        level = min(heading.level - top + 1, depth + 1)
        if level > depth:
            lines.append("<ul>")
        else:
            lines.append("</li>" + "</ul></li>" * (depth - level))
        depth = level
        words = re.sub(r"<(?!/?(m[a-z]+|code|em|strong|sub|sup)\b)[^>]*>", "", heading.html)  # no links, no pictures
        lines.append(f'<li><a href="#{html.escape(heading.id)}">{words}</a>')
    return "\n".join([*lines, "</li></ul>" * depth])


# --- cells --------------------------------------------------------------------------------------------------------

_SHOWN = (
    "text/html",
    "text/markdown",
    "image/svg+xml",
    "image/png",
    "image/jpeg",
    "image/gif",
    "text/latex",
    "text/plain",
)
"""Kinds of output, the best first."""

_ALIGNED = re.compile(r"\S(  |\t)")
"""What tells a table of fixed width, whose lines must not be wrapped."""


class _Writer:
    """Writes the cells one after the other, and remembers what must be numbered and named once on the page."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.headings: list[_Heading] = []
        self._levels: list[int] = []
        self._ids = {"content", "contents"}
        self._regions = 0

    def cell(self, cell: Any) -> str:
        """Give a cell as HTML; a raw cell is meant for other forms than this one."""
        if cell.cell_type == "markdown":
            made = self._structured(_markdown(cell.source, cell.get("attachments", {}), self.texts))
            return f'<div class="prose">\n{self._with_headings(made)}\n</div>' if made.strip() else ""
        if cell.cell_type != "code" or not cell.source.strip():
            return ""
        count = " " if cell.execution_count is None else cell.execution_count
        outputs = "\n".join(filter(None, (self._output(output, count) for output in joined(cell.outputs))))
        return "\n".join(filter(None, [self._code(cell, count), outputs]))

    def _code(self, cell: Any, count: object) -> str:
        from nbconvert.filters.highlight import Highlight2HTML

        tags = cell.metadata.get("tags", [])
        if "injected-parameters" in tags:
            summary = self.texts.text("Settings of this run [{count}]", count=count)
        elif "parameters" in tags:
            summary = self.texts.text("Settings [{count}]", count=count)
        else:
            summary = self.texts.text("Code [{count}]", count=count)
        code = Highlight2HTML(pygments_lexer="ipython3")(cell.source)
        return f'<details class="code"><summary>{summary}</summary>\n{code.strip()}\n</details>'

    def _output(self, output: Any, count: object) -> str:
        if output.output_type == "stream":
            text = output.text.rstrip("\n")
            if not text:
                return ""
            if output.name != "stderr":
                return self._text(text)
            label = self.texts.text("Message of the program on the side (stderr):")
            return f'<div class="message"><p class="label">{label}</p>\n<pre>{_coloured(text)}</pre></div>'
        if output.output_type == "error":
            label = html.escape(self.texts.text("Error in cell [{count}]: {name}", count=count, name=output.ename))
            said = "\n".join(output.traceback) or output.evalue
            return f'<div class="message error"><p class="label">{label}</p>\n<pre>{_coloured(said)}</pre></div>'
        forms = ((kind, output.data[kind]) for kind in _SHOWN if kind in output.data)
        made = next(filter(None, (self._shown(kind, value, output) for kind, value in forms)), "")
        active = [value for kind, value in output.data.items() if kind in ("text/html", "text/markdown")]
        if "application/javascript" in output.data or any(_ACTIVE.search(str(value)) for value in active):
            note = self.texts.text("Active content was taken out of this output.")
            made += f'\n<p class="label">{note}</p>'
        return f'<div class="output">\n{made.strip()}\n</div>' if made else ""

    def _shown(self, kind: str, value: Any, output: Any) -> str:
        """Give one form of an output as HTML; nothing if there is nothing to see in it."""
        if not isinstance(value, str) or not value.strip():
            return ""
        if kind == "text/plain":
            return self._text(value)
        if kind == "text/latex":
            return self._structured(_clean(_latex(value)))
        if kind.startswith("image/"):
            return self._figure(kind, value, output)
        made = _clean(value) if kind == "text/html" else _markdown(value, {}, self.texts)
        # The headings of the page are those of its text.
        made = re.sub(r"<(/?)h[1-6]>", r"<\1p>", self._structured(made))
        return made if _plain(made) or "<img" in made else ""

    def _text(self, text: str) -> str:
        block = f"<pre>{_coloured(text)}</pre>"
        if not _ALIGNED.search(text):
            return block
        return self._region(self.texts.text("Text {n}", n=self._number()), block)

    def _figure(self, kind: str, value: str, output: Any) -> str:
        metadata = output.get("metadata", {}).get(kind, {})
        alt = metadata.get("alt") if isinstance(metadata, Mapping) else None
        plain = output.data.get("text/plain", "")
        # `<Figure size 640x480 with 1 Axes>` is what Matplotlib says of any figure.
        fallback = "" if not isinstance(plain, str) or plain.startswith("<") else plain
        data = value.encode() if kind == "image/svg+xml" else _decoded(value)
        picture = _Picture.of(kind, data)
        if picture is None:
            return f'<p class="label">{self.texts.text("A picture that cannot be read.")}</p>'
        words = str(alt or picture.said or fallback or self.texts.text("A picture without a description"))
        source = f"data:{kind};base64,{base64.b64encode(data).decode()}"
        return f'<figure><img src="{source}" alt="{html.escape(words)}"{picture.size}></figure>'

    def _structured(self, made: str) -> str:
        """Give tables, formulas and pictures in allowed HTML what a reader needs: regions, scopes, text alternatives."""
        made = re.sub(r"<img\b[^>]*>", self._picture, made)
        bare = re.compile(r"<th(?=[ >])(?![^>]* scope=)")
        made = re.sub(r"<thead>.*?</thead>", lambda m: bare.sub('<th scope="col"', m[0]), made, flags=re.DOTALL)
        made = bare.sub('<th scope="row"', made)
        made = re.sub(
            r"<caption>((?:(?!<caption>).)*?)</caption>",
            r'<caption><span class="caption">\1</span></caption>',
            made,
            flags=re.DOTALL,
        )
        made = re.sub(r"<td(?=[^>]*>[^<]{60})", '<td class="long"', made)
        made = re.sub(r"<table\b[^>]*>", self._table, made).replace("</table>", "</table></div>")
        label = html.escape(self.texts.text("Formula"))
        return re.sub(
            r'(<math\b[^>]* display="block"(?:(?!<math\b).)*?</math>)',
            rf'<span class="formula" role="group" tabindex="0" aria-label="{label}">\1</span>',
            made,
            flags=re.DOTALL,
        )

    def _table(self, found: re.Match[str]) -> str:
        number = self._number()
        if self.headings:
            name = self.texts.text("Table {n}: {heading}", n=number, heading=_plain(self.headings[-1].html))
        else:
            name = self.texts.text("Table {n}", n=number)
        return self._region(name, found[0]).removesuffix("</div>")

    def _region(self, name: str, block: str) -> str:
        """Put what may be wider than the screen into a region of its own, which the keyboard can reach and scroll."""
        return f'<div class="scroll" role="region" tabindex="0" aria-label="{html.escape(name)}">{block}</div>'

    def _number(self) -> int:
        self._regions += 1
        return self._regions

    def _picture(self, found: re.Match[str]) -> str:
        """Keep a picture that is in the notebook; name one that is not."""
        attributes = dict(re.findall(r'([a-z]+)="([^"]*)"', found[0]))
        alt = attributes.get("alt", "").strip()
        if "src" not in attributes:
            named = self.texts.text("This picture is not in the notebook: {name}", name=alt or "?")
            return f'<span class="label">{named}</span>'
        alt = alt or html.escape(self.texts.text("A picture without a description"))
        return f'<img src="{attributes["src"]}" alt="{alt}">'

    def _with_headings(self, made: str) -> str:
        """Give headings their ids, and levels that begin with one and skip none."""
        found = re.compile(r"<h([1-6])>(.*?)</h\1>", re.DOTALL)
        if any(re.search("<h[1-6]>", one[2]) for one in found.finditer(made)):  # one within another: no headings at all
            return re.sub(r"<(/?)h[1-6]>", r"<\1div>", made)
        return found.sub(self._heading, made)

    def _heading(self, found: re.Match[str]) -> str:
        source, words = int(found[1]), found[2].strip()
        if not _plain(words):
            return ""
        if self._levels:  # the first heading is the page's; all others are below it
            self._levels[1:] = [level for level in self._levels[1:] if level < source]
        self._levels.append(source)
        level = min(len(self._levels), 6)
        heading = _Heading(level, self._id(_plain(words)), words)
        self.headings.append(heading)
        return f'<h{level} id="{html.escape(heading.id)}">{words}</h{level}>'

    def _id(self, words: str) -> str:
        """Make an id of a heading's words as Jupyter does, so that links within a notebook lead there; each only once."""
        first = name = re.sub(r"\s+", "-", words)
        number = 1
        while name in self._ids:
            number += 1
            name = f"{first}-{number}"
        self._ids.add(name)
        return name


def joined(outputs: list[Any]) -> Iterator[Any]:
    """Give the outputs of a cell, what was written to one stream bit by bit as one."""
    held = None
    for output in outputs:
        if output.output_type != "stream":
            if held is not None:
                yield held
                held = None
            yield output
        elif held is not None and held.name == output.name:
            held = type(output)({**held, "text": held.text + output.text})
        else:
            if held is not None:
                yield held
            held = output
    if held is not None:
        yield held


# --- pictures -----------------------------------------------------------------------------------------------------


class _Picture(NamedTuple):
    """What a picture says of itself: its own text alternative and its size, as attributes."""

    said: str
    size: str

    @staticmethod
    def of(kind: str, data: bytes) -> _Picture | None:
        """Look into a picture; None if it is none."""
        if kind == "image/svg+xml":
            found = re.search(r"<(title|desc)\b[^>]*>(.*?)</\1>", data.decode("utf-8", "replace"), re.DOTALL)
            said = " ".join(_plain(found[2]).split()) if found else ""
            return _Picture(said, "") if b"<svg" in data else None
        from PIL import Image

        try:
            with Image.open(io.BytesIO(data), formats=[kind.partition("/")[2].upper()]) as picture:
                width, height = picture.size
                return _Picture(str(picture.info.get("Description", "")), f' width="{width}" height="{height}"')
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            return None


def _decoded(value: str) -> bytes:
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return b""


# --- text and formulas --------------------------------------------------------------------------------------------

_INLINE = r"(?s:(?<![$\\\d])\$(?![\s$])(?P<math_inline_tex>(?:\\.|[^$\\])+?)(?<!\s)\$(?![\d$]))"
"""A formula within a line, as Pandoc reads it: no space inside the signs; and no digit beside them, so that prices stay."""

_DISPLAY = r"^ {0,3}(?s:\$\$(?:(?!\n[ \t]*\n).)+?\$\$|\\begin\{(?P<math_env_name>[a-z]*\*?)\}.*?\\end\{(?P=math_env_name)\})[ \t]*$"
"""A formula of its own begins its line and holds no empty one."""


def _markdown(source: str, attachments: Any, texts: Texts) -> str:
    """Give Markdown as allowed HTML, its formulas as MathML."""
    from nbconvert.filters.markdown_mistune import (
        IPythonRenderer,
        MarkdownWithMath,
        MathBlockParser,
        MathInlineParser,
    )

    class Renderer(IPythonRenderer):
        def heading(self, text: str, level: int, **attrs: Any) -> str:
            return f"<h{level}>{text}</h{level}>\n"

        def inline_math(self, body: str) -> str:
            return _formula(body, f"${body}$", "inline")

        def block_math(self, body: str) -> str:
            return _formula(body, f"$${body}$$", "block")

        def latex_environment(self, name: str, body: str) -> str:
            whole = f"\\begin{{{name}}}{body}\\end{{{name}}}"
            return _formula(whole, whole, "block")

        def block_mermaidjs(self, code: str) -> str:  # it would need a script
            return f"<pre><code>{html.escape(code)}</code></pre>\n"

        def _embed_image_or_attachment(self, src: str) -> str:
            name = src.removeprefix("attachment:")
            known = src != name and name in attachments
            return str(super()._embed_image_or_attachment(src)) if known else src

    block, inline = MathBlockParser(), MathInlineParser(hard_wrap=False)
    block.specification["multiline_math"] = _DISPLAY
    inline.specification["inline_math_tex"] = _INLINE
    renderer = Renderer(escape=False, attachments=attachments)
    made = MarkdownWithMath(renderer, block, inline).render(source)
    made = re.sub(r'<input class="task-list-item-checkbox"[^>]*?( checked)?/?>', _box, made)
    return _clean(made)


def _box(found: re.Match[str]) -> str:
    return "☑ " if found[1] else "☐ "


def _latex(value: str) -> str:
    """Give an output in LaTeX as HTML: the formula between its signs, or else the text as it is."""
    body = value.strip()
    for sign, kind in (("$$", "block"), ("$", "inline")):
        if len(body) > 2 * len(sign) and body.startswith(sign) and body.endswith(sign):
            inner = body[len(sign) : -len(sign)].removeprefix(r"\displaystyle")
            return _formula(inner, body, "block" if r"\displaystyle" in body else kind)
    return _formula(body, body, "block")


def _formula(body: str, source: str, display: str) -> str:
    """Give a formula as MathML; where it cannot be converted, its source."""
    from latex2mathml.converter import convert

    try:
        made = convert(body.strip(), display=display)
    except Exception:  # there is no common base of what may be wrong with a formula
        made = ""
    # Commands that are not known, and signs that belong to a table, come through as if they were names.
    if not made or re.search(r"<m[io]>(\\|&</)", made):
        return f"<code>{html.escape(source)}</code>"
    return str(made)


# --- what is allowed ----------------------------------------------------------------------------------------------


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MATHML = _words(
    "math mrow mi mn mo ms mtext mspace mstyle mpadded mphantom menclose merror mfrac msqrt mroot msub msup msubsup munder mover "
    "munderover mmultiscripts mprescripts none mtable mtr mtd"
)
_TAGS = _MATHML | _words(
    "a abbr b blockquote br caption cite code col colgroup dd del details dfn div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 "
    "hr i img ins kbd li mark ol p pre q s samp small span strong sub summary sup table tbody td tfoot th thead time tr u ul "
    "var wbr"
)
_ATTRIBUTES = {
    "*": _words("lang dir title"),
    "a": _words("href"),
    "img": _words("src alt"),
    "ol": _words("start reversed"),
    "td": _words("colspan rowspan style"),
    "th": _words("colspan rowspan scope style"),
    "details": _words("open"),
}
_OF_MATHML = _words(
    "accent columnalign columnlines columnspacing depth display displaystyle fence form height largeop linethickness lspace "
    "mathvariant maxsize minsize movablelimits notation rowlines rowspacing rspace scriptlevel separator stretchy symmetric "
    "voffset width xmlns"
)
_STYLES = ("text-align", "white-space")
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp|svg\+xml);base64,[A-Za-z0-9+/=\s]+")
_ADDRESS = re.compile(r"(https?|mailto):.*|[^:]*([/?#].*)?", re.DOTALL | re.IGNORECASE)
_ACTIVE = re.compile(
    r"<\s*(script|iframe|object|embed|form|input|button|base|link|meta|audio|video)\b|<[^>]*([\s\"'/]on[a-z]+\s*=|javascript:)",
    re.IGNORECASE,
)
"""What HTML that only shows something does not need. It decides about a note to the reader, not about what is allowed."""


def _is_allowed(tag: str, name: str, value: str) -> bool:
    """Decide about an attribute: nothing that acts, loads, or gives an id that the page may have given already."""
    if tag in _MATHML:
        return name in _OF_MATHML
    if name == "class":  # colours of code, as nbconvert writes them
        return tag == "span" and re.fullmatch(r"[a-z][a-z0-9]?", value) is not None
    if name not in _ATTRIBUTES["*"] | _ATTRIBUTES.get(tag, frozenset()):
        return False
    if name == "src":
        return _PICTURE.fullmatch(value) is not None
    if name == "href":
        return _ADDRESS.fullmatch(re.sub(r"[\x00-\x20]", "", html.unescape(value))) is not None
    return True


def _clean(source: str) -> str:
    """Give HTML with nothing but what is allowed, well-formed; links to notebooks lead to their pages."""
    # nbconvert brings bleach along; asked for through its door, it need not be declared a second time.
    from nbconvert.preprocessors.sanitize import CSSSanitizer, clean

    # The texts inside these are not for readers, neither as code nor, their tags taken away, as words.
    source = re.sub(r"<(script|style)\b.*?(</\1\s*>|\Z)", "", source, flags=re.DOTALL | re.IGNORECASE)
    made = clean(
        source,
        tags=_TAGS,
        attributes=_is_allowed,
        protocols=("http", "https", "mailto", "data"),
        strip=True,
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
    )
    return re.sub(r'(<a\b[^>]*? href="(?![a-z]+:)[^"#?]*)\.ipynb(?=["#?])', r"\1.html", str(made))


def _coloured(text: str) -> str:
    """Give a text of a terminal as HTML, with its named colours, which the style sheet makes readable, and no free ones."""
    from nbconvert.filters.ansi import ansi2html

    return re.sub(r' style="[^"]*"', "", str(ansi2html(text)))


def _plain(made: str) -> str:
    """Give the words of allowed HTML."""
    return html.unescape(re.sub(r"<[^>]*>", "", made)).strip()
