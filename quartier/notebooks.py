"""Rules for notebooks that stay clean: executed from top to bottom, up to date, without code or traces of their own."""

from __future__ import annotations

import ast
import base64
import binascii
import copy
import html
import io
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from quartier import pages
from quartier.language import LANGUAGES, PlainError, Texts
from quartier.scenario import PARAMETERS

NAMES = ("data_dir", "scenario", *PARAMETERS)
"""What the parameters cell of a notebook sets, in this order."""

METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""All that a notebook says of where it was executed."""

OWN = "quartier"
"""Key of the metadata that a notebook may have beside: ``{"run_on_open": true}`` has `quartier lab` execute it when it is opened."""


class Finding(NamedTuple):
    """One thing wrong with a notebook: the cell (the first is 1; None: the whole), what is there, what was expected."""

    cell: int | None
    given: str
    expected: str

    def sentence(self, notebook: str, texts: Texts) -> str:
        """Give the finding as one line of text."""
        where = notebook
        if self.cell is not None:
            where = texts.text("{notebook}, cell {n}", notebook=notebook, n=self.cell)
        return texts.text(
            "{where}: given {given}, expected {expected}", where=where, given=self.given, expected=self.expected
        )


def check_notebooks(
    folder: str | Path = "notebooks",
    *,
    execute: Callable[[Any], Any] | None = None,
    language: str = LANGUAGES[0],
) -> list[str]:
    """Check every notebook of a folder, and say what is wrong with each.

    Parameters
    ----------
    folder : path
        Folder of the notebooks.
    execute : callable, optional
        Takes a notebook without outputs and gives it executed with its own parameters; with it, kept outputs are compared with
        new ones: texts exactly, PNG by their pixels. A notebook that fails is to raise a `PlainError`, or to come back with its error.
    language : str
        Language of the sentences; German by default.

    Returns
    -------
    list of str
        One sentence for each fault: notebook, cell, what is there, what was expected. Empty: all is as it should be.
    """
    texts, sentences = Texts(language), []
    files = sorted(Path(folder).glob("*.ipynb"))
    if not files:
        return [texts.text("There is no notebook in {folder}.", folder=texts.given(str(folder)))]
    for file in files:
        try:
            notebook = pages.read(file, texts)
        except PlainError as error:
            sentences.append(str(error))
            continue
        found = [finding for rule in RULES for finding in rule(notebook, texts)]
        if execute is not None:
            try:
                found += changed(notebook, execute(without_outputs(notebook)), texts)
            except PlainError as error:
                found.append(Finding(None, texts.given(str(error), 200), texts.text("cells that can be executed")))
        sentences += [finding.sentence(file.name, texts) for finding in found]
    return sentences


def without_outputs(notebook: Any) -> Any:
    """Give a copy of a notebook as if it had never been executed."""
    bare = copy.deepcopy(notebook)
    for _, cell in code(bare):
        cell.update(outputs=[], execution_count=None)
    return bare


def code(notebook: Any) -> list[tuple[int, Any]]:
    """Give the cells of code, each with its number among all cells."""
    return [(number, cell) for number, cell in enumerate(notebook.cells, start=1) if cell.cell_type == "code"]


def tagged(notebook: Any, tag: str) -> list[tuple[int, Any]]:
    """Give the cells of code with a tag, each with its number."""
    return [(number, cell) for number, cell in code(notebook) if tag in cell.metadata.get("tags", [])]


# --- rules --------------------------------------------------------------------------------------------------------


def parameter_faults(notebook: Any, texts: Texts) -> list[Finding]:
    """One cell of parameters: plain values, the known names in their order, a comment for each."""
    found = tagged(notebook, "parameters")
    if len(found) != 1:
        given = texts.text("{n} cell of parameters", plural="{n} cells of parameters", n=len(found))
        expected = texts.text("exactly one, with the tag {tag}", tag=texts.given("parameters"))
        return [Finding(found[1][0] if found else None, given, expected)]
    number, cell = found[0]
    tree = _tree(cell.source)
    if tree is None:
        return []  # said by `definition_faults`
    faults, names, lines = [], [], cell.source.splitlines()
    for node in tree.body:
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)):
            expected = texts.text("a name and a plain value, as in budget_eur = 64000")
            faults.append(Finding(number, texts.given(ast.unparse(node)), expected))
            continue
        names += [ast.unparse(target) for target in node.targets]
        if "  # " not in lines[node.lineno - 1]:
            faults.append(Finding(number, texts.given(names[-1]), texts.text("a comment beside it that explains it")))
    if tuple(names) != NAMES:
        given = texts.text("the parameters {names}", names=", ".join(names) or "–")
        faults.append(Finding(number, given, texts.text("just these, in this order: {names}", names=", ".join(NAMES))))
    return faults


def definition_faults(notebook: Any, texts: Texts) -> list[Finding]:
    """Functions, classes and lambdas, which belong into the package, where they are tested."""
    faults = []
    for number, cell in code(notebook):
        tree = _tree(cell.source)
        if tree is None:
            given, expected = texts.text("code that cannot be read"), texts.text("Python without commands of IPython")
            faults.append(Finding(number, given, expected))
            continue
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                kind = "class" if isinstance(node, ast.ClassDef) else "def"
                given = texts.given(f"{kind} {node.name}")
            elif isinstance(node, ast.Lambda):
                given = texts.given(ast.unparse(node))
            else:
                continue
            faults.append(Finding(number, given, texts.text("no definitions: they belong into the package")))
    return faults


def output_faults(notebook: Any, texts: Texts) -> list[Finding]:
    """Outputs of one run from top to bottom, each where something is shown; no errors, nothing said on the side."""
    faults = []
    for place, (number, cell) in enumerate(code(notebook), start=1):
        if cell.execution_count != place:
            count = " " if cell.execution_count is None else cell.execution_count
            given = texts.text("the execution number [{count}]", count=count)
            expected = texts.text("[{count}], all cells executed once from top to bottom", count=place)
            faults.append(Finding(number, given, expected))
        if re.search(r"\b(show|print)\(", cell.source) and not cell.outputs:
            faults.append(Finding(number, texts.text("no output"), texts.text("the output of its code")))
        for output in cell.outputs:
            if output.output_type == "error":
                given = texts.text("an error: {name}", name=texts.given(f"{output.ename}: {output.evalue}"))
                faults.append(Finding(number, given, texts.text("a cell that is executed without an error")))
            elif output.get("name") == "stderr":
                given = texts.text("a message on the side: {text}", text=texts.given(output.text.strip()))
                faults.append(Finding(number, given, texts.text("no warnings and messages")))
            elif output.output_type == "execute_result":
                expected = texts.text("the function show around what is to be seen")
                faults.append(Finding(number, texts.text("a bare value as the last line"), expected))
    return faults


_PATHS = re.compile(r"(?<![\w./~-])(/(root|home|tmp|usr|work|Users|opt|var)/[\w.]|[A-Z]:\\+\w)[^\s\"'<>]*")
_REMAINS = re.compile("Traceback|site-packages")


def private_faults(notebook: Any, texts: Texts) -> list[Finding]:
    """Paths of a machine and remains of a debugger."""
    faults = [
        Finding(number, texts.given(found[0]), texts.text("nothing that tells of somebody's machine"))
        for number, cell in enumerate(notebook.cells, start=1)
        for text in _texts(cell)
        for found in [*_PATHS.finditer(text), *_REMAINS.finditer(text)]
    ]
    return list(dict.fromkeys(faults))


def metadata_faults(notebook: Any, texts: Texts) -> list[Finding]:
    """Nothing that tells one run from the next: no times, no versions; no cell that a run has put in."""
    faults = []
    metadata = json.loads(json.dumps(notebook.metadata))
    for key in sorted(metadata.keys() | METADATA.keys()):
        if metadata.get(key) != METADATA.get(key) and (key, metadata.get(key)) != (OWN, {"run_on_open": True}):
            expected = json.dumps(METADATA[key]) if key in METADATA else texts.text("none of it")
            given = (
                f"{key}: {json.dumps(metadata[key], ensure_ascii=False)}"
                if key in metadata
                else texts.text("no {key}", key=key)
            )
            faults.append(Finding(None, texts.text("the metadata {given}", given=texts.given(given)), expected))
    for number, cell in enumerate(notebook.cells, start=1):
        if "injected-parameters" in cell.metadata.get("tags", []):
            given, expected = texts.text("parameters put in by a run"), texts.text("the parameters cell alone")
            faults.append(Finding(number, given, expected))
        elif cell.metadata not in ({}, {"tags": ["parameters"]}):
            given = texts.given(json.dumps(cell.metadata, ensure_ascii=False, sort_keys=True))
            faults.append(Finding(number, texts.text("the metadata {given}", given=given), texts.text("none of it")))
    return faults


Rule = Callable[[Any, Texts], list[Finding]]
RULES: tuple[Rule, ...] = (parameter_faults, definition_faults, output_faults, private_faults, metadata_faults)
"""What every notebook keeps; all but `changed`, which needs it executed again."""


def _tree(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _texts(part: Any) -> Iterator[str]:
    """Give every text of a cell, however deep; pictures are none."""
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for key, one in part.items():
            if not key.startswith("image/") or isinstance(one, dict):
                yield from _texts(one)
    elif isinstance(part, list):
        for one in part:
            yield from _texts(one)


# --- up to date ---------------------------------------------------------------------------------------------------


def changed(notebook: Any, again: Any, texts: Texts) -> list[Finding]:
    """Outputs that differ from those of the same notebook executed again, the first of each cell."""
    kept, new = code(notebook), code(again)
    if [cell.source for _, cell in kept] != [cell.source for _, cell in new]:
        return [Finding(None, texts.text("other cells after it was executed"), texts.text("the same cells"))]
    faults = []
    for (number, cell), (_, other) in zip(kept, new, strict=True):
        old, now = _parts(cell), _parts(other)
        for place in range(max(len(old), len(now))):
            given = old[place] if place < len(old) else None
            expected = now[place] if place < len(now) else None
            if not _is_same(given, expected):
                said = [_told(one, rival, texts) for one, rival in ((given, expected), (expected, given))]
                faults.append(
                    Finding(
                        number,
                        texts.text("an outdated output: {text}", text=said[0]),
                        texts.text("as now: {text}", text=said[1]),
                    )
                )
                break
    return faults


class _Part(NamedTuple):
    """One form of one output: of which output and kind it is, and what it holds."""

    output: int
    kind: str
    value: Any


def _parts(cell: Any) -> list[_Part]:
    found = []
    for number, output in enumerate(pages.joined(cell.outputs)):
        if output.output_type == "stream":
            found.append(_Part(number, output.name, output.text))
        elif output.output_type == "error":
            found.append(_Part(number, "error", f"{output.ename}: {output.evalue}"))
        else:
            found += [_Part(number, kind, output.data[kind]) for kind in sorted(output.data)]
            if output.metadata:
                found.append(_Part(number, "metadata", json.dumps(output.metadata, sort_keys=True, ensure_ascii=False)))
    return found


def _is_same(one: _Part | None, other: _Part | None) -> bool:
    if one == other:
        return True
    if one is None or other is None or one[:2] != other[:2] or one.kind != "image/png":
        return False
    picture, rival = _picture(one.value), _picture(other.value)
    if picture is None or rival is None or picture.size != rival.size:
        return False
    from PIL import ImageChops

    return max(ImageChops.difference(picture, rival).tobytes()) <= FAINT


FAINT = 24
"""Of 255: how far the shade of a pixel may be off. Another processor rounds the last digit of an exponential differently, and the edge
of a curve becomes a little lighter or darker (up to 15 was seen); where something has changed, an edge is elsewhere."""


def _picture(value: str) -> Any:
    """Decode a PNG; the same picture may be packed in many ways. None where it cannot be read."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(base64.b64decode(value)), formats=["PNG"]) as picture:
            return picture.convert("RGBA")
    except (OSError, ValueError, SyntaxError, binascii.Error):
        return None


def _told(part: _Part | None, rival: _Part | None, texts: Texts) -> str:
    """Quote an output from where it begins to differ from its rival."""
    if part is None:
        return texts.text("no output")
    if part.kind.startswith("image/"):
        return texts.text("a picture")
    words = _words(part)
    others = _words(rival) if rival and rival.kind == part.kind else []
    same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(words, others, strict=False)))
    start = max(0, same - 3)  # a few words before, to find the place
    text = " ".join(words[start:])
    shown = texts.given(f"... {text}" if start else text) if text else texts.text("other spaces and signs")
    return f"{shown} ({part.kind})"


def _words(part: _Part) -> list[str]:
    return re.sub(r"<[^>]*>", " ", html.unescape(str(part.value))).split()
