"""Runs looked at again: whether one is whole and comes out the same, and whose doing it is if not; what moved the money between two.

Hashes tell that something differs. Row, column, cell and pixel are found by comparing with what is made again from the run's
own copies in a scratch folder. Nothing is ever written into a run; one line about the outcome goes beside it.
"""

from __future__ import annotations

import base64
import contextlib
import csv
import dataclasses
import datetime
import io
import itertools
import json
import math
import os
import re
import shutil
import stat
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from quartier import manifest as manifests
from quartier.data import find_path
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.manifest import FILE, INPUTS, File, Manifest, ManifestError

# Solvers, notebooks and pictures are imported where they are needed: hashes alone are compared in half a second.

PIXEL_STEP = 64
"""Of 255: how far a colour may be off once code or packages changed. The edge of a letter may be, a bar of another colour not."""

PIXEL_SHARE = 20e-6
"""Share of the pixels that may be further off then: the edges of a few letters, no letter (a letter has some 200 of 2 million)."""

MOST_TOLD = 20
"""Differences of one file that are told in words; the others are counted."""

VERIFIED = "verified.jsonl"
"""File beside the runs with a line for each run that was made again."""

MATTER = (
    *("numpy", "scipy", "pandas", "matplotlib", "pillow", "xlsxwriter", "ipykernel", "ipython", "nbconvert"),
    *("nbformat", "nbclient", "papermill", "babel", "pydantic", "pandera", "pyyaml", "latex2mathml"),
)
"""Packages that the files of a run come from; told before the others."""

Cause = Literal[
    "tampered", "inputs", "code", "packages", "python", "platform", "unrepeatable", "scenario", "parameters"
]

_MOST_KEYS = 4
"""Columns that it may take to tell a row from all others: area, site, indicator and date."""

_MOST_UNPACKED = 200_000_000
"""Bytes; a spreadsheet that unpacks to more was not made by a run, and is not opened."""

_LEFT_BY_PROGRAMS = re.compile(r"(^|/)(\.ipynb_checkpoints/.+|\.DS_Store|Thumbs\.db|desktop\.ini|\.~lock\.[^/]*#)$")
"""What JupyterLab, spreadsheets and file managers leave where somebody looks at a run."""


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that is not as expected.

    Attributes
    ----------
    file : str
        Path below the run's folder; one in ``inputs/`` stands for the city's file, too.
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
        given, expected = (texts.text("nothing") if v is None else texts.given(v) for v in (self.given, self.expected))
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
            "file": self.file,
            "place": self.place or None,
            "row": self.row,
            "column": self.column,
            "given": self.given,
            "expected": self.expected,
            "cause": list(self.causes),
            "sentence": self.sentence(texts),
        }


@dataclasses.dataclass(frozen=True)
class Review:
    """What a look at a run has shown.

    Attributes
    ----------
    run : Path
        The run's folder.
    texts : Texts
        In the run's language.
    differences : tuple of Difference
        None where the run is the same.
    heads : mapping
        A sentence for each combination of causes.
    notes : tuple of str
        What a reader should know and what is no difference.
    compared : str
        How far the look went.
    failed : str
        Why the run could not be made again; empty where it could, or was not to be.
    """

    run: Path
    texts: Texts
    differences: tuple[Difference, ...]
    heads: Mapping[tuple[Cause, ...], str]
    notes: tuple[str, ...]
    compared: str
    failed: str = ""

    @property
    def exit_code(self) -> int:
        """0: the same; 1: different; 3: could not be made again."""
        return 3 if self.failed else int(bool(self.differences))

    @property
    def result(self) -> str:
        """same, different or failed."""
        return {0: "same", 1: "different", 3: "failed"}[self.exit_code]

    def sentences(self) -> list[str]:
        """Say what was found, in the run's language."""
        texts, name = self.texts, self.run.name
        lines = [self.failed] if self.failed else []
        if self.differences:
            n = len(self.differences)
            lines.append(texts.text("{run}: {n} difference.", plural="{run}: {n} differences.", n=n, run=name))
        elif not self.failed:
            lines.append(texts.text("{run}: the same.", run=name))
        for causes in dict.fromkeys(one.causes for one in self.differences):
            lines.append(self.heads.get(causes, "") or texts.text("Different:"))
            lines += _told([one for one in self.differences if one.causes == causes], texts)
        return [*lines, *filter(None, [self.compared]), *(texts.text("Note: {note}", note=note) for note in self.notes)]

    def as_json(self) -> dict[str, Any]:
        """Give the same for machines."""
        return {
            "run": self.run.name,
            "result": self.result,
            "differences": [one.as_json(self.texts) for one in self.differences],
            "notes": list(self.notes),
            "compared": self.compared,
            "failed": self.failed or None,
        }


def _told(differences: Sequence[Difference], texts: Texts) -> list[str]:
    """Give the lines of differences, not too many of one file."""
    lines = []
    for _, group in itertools.groupby(differences, key=lambda one: one.file):
        found = list(group)
        lines += [f"  - {one.line(texts)}" for one in found[:MOST_TOLD]]
        if len(found) > MOST_TOLD:
            n = len(found) - MOST_TOLD
            lines.append("    " + texts.text("and {n} more", plural="and {n} more", n=n))
    return lines


# --- a run and its files ------------------------------------------------------------------------------------------


def find_run(asked: str | Path, texts: Texts | None = None) -> Path:
    """Find a run: a path, or a name below ``outputs/``; a link to a run is followed.

    Raises
    ------
    ManifestError
        There is none.
    """
    texts = texts or Texts()
    for path in (Path(asked), Path("outputs") / asked):
        try:
            folder = path.expanduser().resolve()
            if (folder / FILE).is_file() and not (folder / FILE).is_symlink():
                return folder
        except (OSError, RuntimeError, ValueError):  # no system can hold such a path
            continue
    where = texts.given(str(asked), 200)
    raise ManifestError(texts.text("There is no run in {folder}: {file} is missing.", folder=where, file=FILE))


def read_manifest(run: Path, texts: Texts | None = None) -> Manifest:
    """Read a run's manifest and refuse one whose paths lead elsewhere or that names notebooks it does not hold.

    Raises
    ------
    ManifestError
        It cannot be used.
    """
    texts = texts or Texts()
    found = manifests.read(run, texts)
    paths = [*found.files, *found.notebooks, found.data]
    outside = [path for path in paths if {".", ".."} & set(path.split("/")) or len(path) > 1_000]
    outside += [path for path in (*found.notebooks, found.data) if "/" in path]
    if outside:
        raise ManifestError(
            texts.text("{file} names a path that it may not name: {path}", file=FILE, path=texts.given(outside[0]))
        )
    lacking = [name for name in found.notebooks if f"notebooks/{name}" not in found.inputs]
    if lacking or not found.notebooks:
        raise ManifestError(
            texts.text(
                "{file} does not fit: its inputs lack the notebooks that it names ({names}).",
                file=FILE,
                names=", ".join(lacking),
            )
        )
    return found


def _texts_of(manifest: Manifest) -> Texts:
    """Texts in the run's language, the default where it names none that is known."""
    language = manifest.scenario.fields.get("language")
    return Texts(language if language in LANGUAGES else LANGUAGES[0])


def _on_disk(run: Path) -> tuple[dict[str, File], dict[str, str]]:
    """Hash what is in a run, and say of everything else there what it is; nothing is followed or opened but files."""
    files, odd = {}, {}
    for path in manifests.walk(run):
        if path == FILE:
            continue
        try:
            if stat.S_ISREG((run / path).lstat().st_mode):
                files[path] = manifests.hash_file(run / path)
            elif (run / path).is_symlink():
                odd[path] = mark("a link, which is not followed")
            else:
                odd[path] = mark("no file")
        except OSError as error:
            odd[path] = error.strerror or str(error)
    return files, odd


_ABSENT: Any = object()

_Pair = tuple[str | None, str | None]

_Change = dict[tuple[str, ...], Any]
"""Leaves of a manifest by their path, and other values for them."""


def _leaves(value: Any, path: tuple[str, ...] = ()) -> _Change:
    """Give the leaves of nested mappings; a list is a leaf, and so is an empty mapping in another."""
    if isinstance(value, Mapping) and (value or not path):
        return {leaf: v for key, part in value.items() for leaf, v in _leaves(part, (*path, str(key))).items()}
    return {path: value}


def _changed_leaves(given: Any, expected: Any) -> _Change:
    """Leaves of `expected` that `given` has not, and those it has too many as absent."""
    old, new = _leaves(given), _leaves(expected)
    return {path: new.get(path, _ABSENT) for path in (*old, *new) if old.get(path, _ABSENT) != new.get(path, _ABSENT)}


def _with_leaves(content: Any, change: _Change) -> Any:
    """Give nested mappings with other leaves; absent ones are taken out."""
    made = json.loads(json.dumps(content))
    for path, value in change.items():
        at = made
        for key in path[:-1]:
            at = at.setdefault(key, {})
        if value is _ABSENT:
            at.pop(path[-1], None)
        else:
            at[path[-1]] = value
    return made


def _unedited(manifest: Manifest, guesses: Iterable[_Change]) -> tuple[Manifest, _Change] | None:
    """Find what a manifest was before it was edited: the seal proves a guess. None where no guess is it.

    Returns
    -------
    Manifest
        As it was sealed.
    dict
        The leaves that were edited, with the values they had.
    """
    content = manifest.model_dump(mode="json")
    own = _leaves(content)
    kept = []
    for guess in guesses:
        differing = {path: value for path, value in guess.items() if own.get(path, _ABSENT) != value}
        if differing and differing not in kept:
            kept.append(differing)
    by_part: dict[str, _Change] = {}
    for one in kept:
        by_part.setdefault(next(iter(one))[0], {}).update(one)
    together = {path: value for one in kept for path, value in one.items()}
    for change in [*kept, *by_part.values(), together]:
        try:
            made = Manifest.model_validate(_with_leaves(content, change))
        except (ValueError, AttributeError):  # a guess need not make a manifest
            continue
        if made.is_sealed():
            return made, change
    return None


def _cheap_guesses(manifest: Manifest, files: Mapping[str, File], run: Path) -> Iterator[_Change]:
    """Guess what a manifest said, from the files of the run and from what is installed here."""
    yield {("name",): run.name}
    fields, chosen = manifest.scenario.fields, manifest.scenario
    yield {("scenario", "name"): fields.get("name")}
    yield {("scenario", "title"): fields.get("title")}
    yield {("scenario", "fields", "name"): chosen.name}
    yield {("seed",): fields.get("seed")}
    yield {("scenario", "fields", "seed"): manifest.seed}
    for name, value in manifest.parameters.items():
        yield {("parameters", name): fields.get(name)}
        yield {("scenario", "fields", name): value}
        yield {("parameters", name): _ABSENT}
    for path, file in files.items():
        part, key = ("inputs", path.removeprefix(f"{INPUTS}/")) if path.startswith(f"{INPUTS}/") else ("outputs", path)
        yield {(part, key, field): value for field, value in file.model_dump().items()}
    for language in LANGUAGES:
        yield {("scenario", "fields", "language"): language}
    try:
        rows = _csv_rows((run / "tables" / "distribution.csv").read_bytes())
        for row in rows[1:]:
            named = dict(zip(rows[0], row, strict=False))
            yield {("result", "amounts_eur", named["site_id"]): float(named["amount_eur"])}
    except (OSError, ValueError, KeyError, IndexError, csv.Error):
        pass
    result = manifest.result.model_dump()
    yield {("result", "spent_eur"): math.fsum(manifest.result.amounts_eur.values())}
    yield {("result", "funded_sites"): sum(amount > 0 for amount in manifest.result.amounts_eur.values())}
    for one, other in itertools.permutations(("benefit", "objective", "bound"), 2):
        yield {("result", one): result[other]}  # often the same
    yield {("result", "gap"): 0.0}
    yield from _guesses_from(
        {"code": manifests.code().model_dump(mode="json"), "environment": manifests.environment().model_dump()},
        manifest,
    )


def _guesses_from(content: Mapping[str, Any], manifest: Manifest) -> Iterator[_Change]:
    """Guess that each leaf of a manifest said what another content says."""
    own = manifest.model_dump(mode="json")
    for part, value in content.items():
        change = {(part, *path): one for path, one in _changed_leaves(own[part], value).items()}
        if part in ("inputs", "outputs"):
            for path in dict.fromkeys(path[1] for path in change):
                yield {leaf: one for leaf, one in change.items() if leaf[1] == path}
        else:
            yield from ({leaf: one} for leaf, one in change.items())


def _edited(manifest: Manifest, change: _Change) -> list[Difference]:
    """Say which values of a manifest were edited."""
    own = _leaves(manifest.model_dump(mode="json"))
    return [
        Difference(
            FILE,
            column=".".join(path),
            given=_shown(own.get(path, _ABSENT)),
            expected=_shown(value),
            causes=("tampered",),
        )
        for path, value in change.items()
        if own.get(path, _ABSENT) != value
    ]


def _shown(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


# --- looking at a run ---------------------------------------------------------------------------------------------


def verify(
    asked: str | Path,
    *,
    data: str | Path | None = None,
    hashes_only: bool = False,
    progress: bool = False,
) -> Review:
    """Look at a run again: whether its files are as written, the city's still the same, and the same comes out.

    Parameters
    ----------
    asked : path
        The run: a path, or a name below ``outputs/``.
    data : path, optional
        The city's folder to compare the run's inputs with; by default the one here of the same name, if there is one.
    hashes_only : bool
        Compare hashes and seal alone: nothing is executed or recorded.
    progress : bool
        Show a bar on the standard error stream.

    Raises
    ------
    PlainError
        There is no run, its manifest cannot be used, or there is no such city's folder.
    """
    run = find_run(asked)
    look = _Look(run)
    if hashes_only:
        look.check_files(None)
        n = len(look.manifest.files)
        compared = look.texts.text(
            "Compared by its hash: {n} file; nothing was executed again.",
            plural="Compared by their hashes: {n} files; nothing was executed again.",
            n=n,
        )
        return look.review(compared)
    city = look.find_city(data)
    try:
        with tempfile.TemporaryDirectory(prefix="quartier-", ignore_cleanup_errors=True) as scratch:
            compared = look.check_again(Path(scratch), city, progress=progress)
    except OSError as error:
        compared = ""
        look.failed = look.texts.text("The run could not be made again: {why}", why=error.strerror or str(error))
    found = look.review(compared)
    if not found.failed:
        _record(found, look.manifest)
    return found


class _Look:
    """One look at a run: what is found is collected here."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.written = self.manifest = read_manifest(run)
        """The manifest as it stands in the run; `manifest` is what it was before it was edited, where that is found out."""
        self.is_restored = self.written.is_sealed()
        self.texts = _texts_of(self.written)
        self.files, self.odd = _on_disk(run)
        self.differences: list[Difference] = []
        self.heads: dict[tuple[Cause, ...], str] = {}
        self.notes: list[str] = []
        self.failed = ""
        self.check_seal(_cheap_guesses(self.written, self.files, run))
        if run.name != self.manifest.name:
            then = self.manifest.name
            self.notes.append(
                self.texts.text("The folder is called {now}; the run was called {then}.", now=run.name, then=then)
            )

    def review(self, compared: str) -> Review:
        """Give what was found; a broken seal that nothing explains is a difference, too."""
        if not self.is_restored:
            what = self.texts.text(
                "was edited after the run; its seal does not fit. Not every edited value can be told."
            )
            self.differences.insert(0, Difference(FILE, what=what, causes=("tampered",)))
        self.heads[("tampered",)] = self.texts.text("Changed after the run:")
        order = {"tampered": 0, "inputs": 1}
        found = sorted(dict.fromkeys(self.differences), key=lambda one: order.get("".join(one.causes), 2))
        return Review(self.run, self.texts, tuple(found), self.heads, tuple(self.notes), compared, self.failed)

    def check_seal(self, guesses: Iterable[_Change]) -> None:
        """Find out what an edited manifest said."""
        if self.is_restored:
            return
        found = _unedited(self.written, guesses)
        if found:
            self.manifest, self.is_restored = found[0], True
            self.differences += _edited(self.written, found[1])
            self.texts = _texts_of(self.manifest)

    # --- files of the run

    def check_files(self, again: Path | None, originals: Mapping[str, Path] | None = None) -> None:
        """Compare the files with the manifest; where they differ, say where, if there is something to compare with."""
        texts, told = self.texts, self.manifest.files
        for path, file in told.items():
            if self.files.get(path) == file:
                continue
            here = self.files.get(path)
            if path in self.odd:
                self._tampered(path, what=texts.text("is {this}", this=texts.text(self.odd[path])))
            elif here is None:
                self._tampered(path, what=texts.text("is missing"))
            else:
                original = (originals or {}).get(path)
                if again and not path.startswith(f"{INPUTS}/") and (again / path).is_file():
                    original = again / path
                found = places(self.run / path, original, path, texts) if original else []
                if found:
                    self.differences += [dataclasses.replace(one, causes=("tampered",)) for one in found]
                else:
                    sizes = [
                        texts.text("{n} byte", plural="{n} bytes", n=one.size_bytes) + f", SHA-256 {one.sha256[:12]}…"
                        for one in (here, file)
                    ]
                    self._tampered(path, what=texts.text("is not as it was written"), given=sizes[0], expected=sizes[1])
        for path in sorted({*self.files, *self.odd} - told.keys()):
            if _LEFT_BY_PROGRAMS.search(path):
                self.notes.append(texts.text("{file} is no part of the run; a program has left it there.", file=path))
            else:
                this = texts.text(self.odd.get(path) or mark("a file"))
                self._tampered(path, what=texts.text("is {this} that the run did not make", this=this))

    def _tampered(self, path: str, **said: Any) -> None:
        self.differences.append(Difference(path, causes=("tampered",), **said))

    def _changed_input(self, path: str, what: str) -> None:
        self.differences.append(Difference(path, what=what, causes=("inputs",)))

    # --- inputs

    def find_city(self, asked: str | Path | None) -> Path | None:
        """Find the city's folder to compare the inputs with."""
        texts = self.texts
        folder = find_path(asked if asked is not None else self.manifest.data)
        if folder.resolve() == self.run / INPUTS / self.manifest.data:  # asks about the run alone
            return None
        if (folder / "datapackage.json").is_file():
            return folder.resolve()
        if asked is not None:
            where = texts.given(str(asked), 200)
            raise PlainError(texts.text("There is no city's folder in {folder}.", folder=where))
        self.notes.append(
            texts.text(
                "There is no folder {folder} here; whether the inputs have changed since was not looked at.",
                folder=texts.given(self.manifest.data),
            )
        )
        return None

    def check_inputs(self, city: Path | None) -> dict[str, Path]:
        """Compare the inputs with the city's folder.

        Returns
        -------
        dict of str to Path
            By path in the run: a file of the content that the run was made from, its own copy or else the city's.
        """
        texts, originals = self.texts, {}
        self.heads[("inputs",)] = texts.text("Inputs changed since the run:")
        homes: dict[str, Path] = {}
        if city is not None:
            homes[self.manifest.data] = city
            # Where a run looks for its notebooks.
            notebooks = [one for one in (Path("notebooks"), city.parent / "notebooks") if one.is_dir()]
            if notebooks:
                homes["notebooks"] = notebooks[0]
        for path, file in self.manifest.inputs.items():
            own = f"{INPUTS}/{path}"
            if self.files.get(own) == file:
                originals[own] = self.run / own
            first, _, rest = path.partition("/")
            if first not in homes:
                continue
            here = homes[first] / rest
            try:
                same = manifests.hash_file(here) == file
            except OSError:
                self._changed_input(own, what=texts.text("is no longer here"))
                continue
            if same:
                originals.setdefault(own, here)
            elif own in originals:
                found = places(originals[own], here, own, texts, inputs=True)
                self.differences += [dataclasses.replace(one, causes=("inputs",)) for one in found]
                if not found:
                    self.notes.append(texts.text("{file} differs in its form only.", file=path))
            else:
                self._changed_input(own, what=texts.text("is not the same here as in the run"))
        if city is not None:
            here_too = {f"{self.manifest.data}/scenarios/{path.name}" for path in (city / "scenarios").glob("*.yaml")}
            for path in sorted(here_too - self.manifest.inputs.keys()):
                self._changed_input(f"{INPUTS}/{path}", what=texts.text("is new here"))
        return originals

    # --- made again

    def check_again(self, scratch: Path, city: Path | None, *, progress: bool) -> str:
        """Make the run again in a scratch folder and compare; say what was compared."""
        texts = self.texts
        originals = self.check_inputs(city)
        lacking = [path for path in self.manifest.inputs if f"{INPUTS}/{path}" not in originals]
        if lacking:
            self.check_files(None, originals)
            return texts.text(
                "The run cannot be made again: its inputs are not what it was made from ({files}).",
                files=", ".join(lacking[:5]) + (", …" if len(lacking) > 5 else ""),
            )
        for path, original in originals.items():
            target = scratch / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(original, target)
        try:
            again = execute(self.manifest, scratch, progress=progress)
            fresh = manifests.read(again, texts)
        except PlainError as error:
            self.check_files(None, originals)
            reason = str(error)
            if not self.is_restored and getattr(error, "exit_code", 2) == 2:
                # What cannot even be started was asked for by an edited manifest.
                return texts.text("The run could not be made again: {why}", why=reason)
            self.failed = texts.text("The run could not be made again: {why}", why=reason)
            return ""
        content = fresh.model_dump(mode="json", exclude={"name", "begun", "took_s", "seal", "format", "version"})
        self.check_seal(_guesses_from(content, self.written))
        changes = _changes(self.manifest, fresh, texts)
        self.check_files(again, originals)
        self._check_outputs(again, fresh, changes)
        return self._compared(fresh)

    def _check_outputs(self, again: Path, fresh: Manifest, changes: Mapping[Cause, str]) -> None:
        """Compare what came out again with what the manifest says that came out."""
        texts, causes = self.texts, tuple(changes) or ("unrepeatable",)
        said = texts.listing(changes.values())
        self.heads[causes] = (
            texts.text("Made again, this comes out different. What has changed since the run: {changes}.", changes=said)
            if changes
            else texts.text(
                "Made again, this comes out different, though nothing that it rests on has changed. Either the run was changed and "
                "its manifest made to fit, or the run cannot be repeated; please report that."
            )
        )
        found = self._result_differences(fresh, is_tolerant=bool(changes))
        figures_moved: set[str] = set()
        alike: list[str] = []
        told = self.manifest.outputs
        # Pictures first: what they show decides on the files that draw the same.
        for path in sorted({*told, *fresh.outputs}, key=lambda path: (not path.endswith(".png"), path)):
            if told.get(path) == fresh.outputs.get(path):
                continue
            if path not in fresh.outputs:
                found.append(Difference(path, what=texts.text("no longer comes out")))
            elif path not in told:
                found.append(Difference(path, what=texts.text("comes out, and is not in the run")))
            elif self.files.get(path) == told[path]:
                one = places(self.run / path, again / path, path, texts, is_tolerant=bool(changes))
                drawn = path.removesuffix(".svg") + ".png" if path.endswith(".svg") else path
                of_packages = {"packages", "python", "platform"} & changes.keys()
                if path.endswith(".png") and one:
                    figures_moved.add(path)
                if path.endswith((".svg", ".html")) and of_packages and drawn not in figures_moved:
                    one = []
                if one:
                    found += one
                elif changes:
                    alike.append(path)
                else:
                    found.append(Difference(path, what=texts.text("differs in its bytes, and shows the same")))
        if alike:
            self.notes.append(
                texts.text(
                    "{n} file differs in its bytes, and shows the same: {files}",
                    plural="{n} files differ in their bytes, and show the same: {files}",
                    n=len(alike),
                    files=", ".join(sorted(alike)),
                )
            )
        found.sort(key=lambda one: one.file)
        self.differences += [dataclasses.replace(one, causes=one.causes or causes) for one in found]
        if changes and not found:
            self.notes.append(texts.text("The same comes out, though this has changed: {changes}.", changes=said))
        inputs = [one for one in self.differences if one.causes == ("inputs",)]
        if inputs:
            self.heads[("inputs",)] = (
                texts.text("Inputs changed since the run (from its own copies, the same comes out again):")
                if not found
                else texts.text(
                    "Inputs changed since the run (from its own copies, it does not come out the same either):"
                )
            )
        if self.manifest.code.commit != fresh.code.commit and "code" not in changes:
            self.notes.append(texts.text("Another commit, but the same package."))
        if self.manifest.environment.lock_sha256 != fresh.environment.lock_sha256 and "packages" not in changes:
            self.notes.append(texts.text("Another requirements.lock, but the same packages."))

    def _result_differences(self, fresh: Manifest, *, is_tolerant: bool) -> list[Difference]:
        """Compare scenario and result, with optimum and bound; in an edited manifest, they are edited values."""
        found = []
        own = self.manifest.model_dump(mode="json")
        new = fresh.model_dump(mode="json")
        for part in ("scenario", "parameters", "notebooks", "seed", "result", "basis"):
            for path, value in _changed_leaves(own[part], new[part]).items():
                old = _leaves(own[part]).get(path, _ABSENT)
                numbers = [one for one in (old, value) if is_tolerant and isinstance(one, float)]
                if len(numbers) == 2 and math.isclose(*numbers, rel_tol=1e-9, abs_tol=1e-9):  # last digits of a sum
                    continue
                found.append(
                    Difference(
                        FILE,
                        column=".".join((part, *path)),
                        given=_shown(old),
                        expected=_shown(value),
                        causes=() if self.is_restored else ("tampered",),
                    )
                )
        return found

    def _compared(self, fresh: Manifest) -> str:
        """Say how much was compared."""
        texts, outputs = self.texts, fresh.outputs
        cells = 0
        for path in outputs:
            if path.endswith(".ipynb"):
                with contextlib.suppress(OSError, ValueError, LookupError, TypeError):  # damaged, and told already
                    cells += len(json.loads((self.run / path).read_bytes())["cells"])
        count = {end: sum(path.endswith(end) for path in outputs) for end in (".ipynb", ".csv", ".png", ".html")}
        n = count[".ipynb"]
        parts = [
            texts.text("{n} notebook", plural="{n} notebooks", n=n)
            + f" ({texts.text('{n} cell', plural='{n} cells', n=cells)})",
            texts.text("{n} table", plural="{n} tables", n=count[".csv"]),
            texts.text("{n} picture", plural="{n} pictures", n=count[".png"]),
        ]
        if count[".html"]:
            parts.append(texts.text("{n} page", plural="{n} pages", n=count[".html"]))
        parts += [
            texts.text("the spreadsheet"),
            texts.text("{n} input", plural="{n} inputs", n=len(self.manifest.inputs)),
        ]
        return texts.text("Executed again and compared: {parts}, optimum and bound.", parts=", ".join(parts))


def execute(manifest: Manifest, scratch: Path, *, progress: bool) -> Path:
    """Make a run again from the copies of its inputs in a scratch folder, and give its folder there.

    Raises
    ------
    PlainError
        It cannot be started or fails on its way.
    """
    from quartier import runs

    try:
        date = datetime.date.fromisoformat(manifest.name[:10])
    except ValueError:
        date = manifest.begun.date()
    inputs = scratch / INPUTS
    return runs.run(
        manifest.scenario.name,
        manifest.changes,
        out=scratch / "outputs",
        data=inputs / manifest.data,
        notebooks=inputs / "notebooks",
        today=date,
        progress=progress,
    )


def _changes(old: Manifest, new: Manifest, texts: Texts) -> dict[Cause, str]:
    """What a run rests on that is not its input and has changed: what may have made it different."""
    found: dict[Cause, str] = {}
    if (old.code.package_sha256, old.code.version) != (new.code.package_sha256, new.code.version):
        told = []
        for one in (old.code, new.code):
            commit = f" {one.commit[:9]}" if one.commit else ""
            told.append(f"{one.version}{commit}" + ("" if one.is_clean is not False else "+"))
        found["code"] = texts.text("the code ({old} → {new})", old=told[0], new=told[1])
    before, after = old.environment, new.environment
    names = [
        name
        for name in {**before.packages, **after.packages}
        if before.packages.get(name) != after.packages.get(name) and name != "quartier"
    ]
    if names:
        names.sort(key=lambda name: (MATTER.index(name) if name in MATTER else len(MATTER), name))
        first = [name for name in names if name in MATTER] or names[:3]
        shown = [f"{name} {before.packages.get(name, '–')} → {after.packages.get(name, '–')}" for name in first]
        if len(names) > len(first):
            shown.append(texts.text("and {n} more", plural="and {n} more", n=len(names) - len(first)))
        found["packages"] = texts.text("packages ({names})", names=", ".join(shown))
    if before.python != after.python:
        found["python"] = f"Python ({before.python} → {after.python})"
    if before.platform != after.platform:
        found["platform"] = texts.text("the system ({old} → {new})", old=before.platform, new=after.platform)
    return found


# --- where two files differ ---------------------------------------------------------------------------------------


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


def _csv_rows(raw: bytes) -> list[list[str]]:
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
    one, other = _csv_rows(given), _csv_rows(expected)
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
    for leaf, value in _changed_leaves(old, new).items():
        row = next((n for n, line in enumerate(lines, start=1) if line.startswith(f"{leaf[0]}:")), None)
        yield Difference(path, row, ".".join(leaf), _shown(_leaves(old).get(leaf, _ABSENT)), _shown(value))


def _json_places(given: bytes, expected: bytes, path: str) -> Iterator[Difference]:
    """Compare JSON files field by field."""
    old, new = (_named(json.loads(raw)) for raw in (given, expected))
    for leaf, value in _changed_leaves(old, new).items():
        before, after = _first_difference(_shown(_leaves(old).get(leaf, _ABSENT)), _shown(value))
        yield Difference(path, None, ".".join(leaf), before, after)


def _named(value: Any) -> Any:
    """Turn lists of things with a name into mappings, so that one in between does not shift all others."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "name" in one for one in value):
        value = {str(one["name"]): one for one in value}
    return {key: _named(part) for key, part in value.items()} if isinstance(value, dict) else value


# --- what is remembered of a look ---------------------------------------------------------------------------------


def _record(found: Review, manifest: Manifest) -> None:
    """Append a line about a run that was made again; not where that may not be written."""
    code = manifests.code()
    line = {
        "run": found.run.name,
        "manifest_sha256": manifests.hash_file(found.run / FILE).sha256,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "result": found.result,
        "quartier": code.version,
        "commit": code.commit,
    }
    path = found.run.parent / VERIFIED
    try:
        # One write to the end: lines of several at once do not mix. A link is not followed.
        at = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o644)
        try:
            size = os.fstat(at).st_size
            cut = size and os.pread(at, 1, size - 1) != b"\n"
            os.write(at, ("\n" * bool(cut) + json.dumps(line, ensure_ascii=False) + "\n").encode())
        finally:
            os.close(at)
    except OSError:
        return


def verified(parent: str | Path) -> dict[str, dict[str, Any]]:
    """Give the last record of each run in a folder that was made again and has the same manifest still.

    Parameters
    ----------
    parent : path
        The folder that holds runs.

    Returns
    -------
    dict of str to dict
        By name of the run: ``run``, ``manifest_sha256``, ``date`` (UTC), ``result`` (``same`` or ``different``), ``quartier``,
        ``commit``. Lines that are cut short, and what is no record, are left out.
    """
    folder = Path(parent)
    try:
        lines = (folder / VERIFIED).read_bytes().splitlines()
    except OSError:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for line in lines:
        try:
            record = json.loads(line)
            name, result = record["run"], record["result"]
            if "/" not in name and name not in (".", "..") and result in ("same", "different"):
                found[name] = record
        except (ValueError, LookupError, TypeError, RecursionError):
            continue
    hashes: dict[str, str] = {}
    for name in found:
        try:
            hashes[name] = manifests.hash_file(folder / name / FILE).sha256
        except (OSError, ValueError):
            continue
    return {name: one for name, one in found.items() if one.get("manifest_sha256") == hashes.get(name, "")}


# --- two runs -----------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Move:
    """What a site got before and after, EUR."""

    site: str
    name: str
    before_eur: float
    after_eur: float

    @property
    def change_eur(self) -> float:
        """What it gained; negative: lost."""
        return self.after_eur - self.before_eur


@dataclasses.dataclass(frozen=True)
class Share:
    """What one change alone does to the older run.

    Attributes
    ----------
    change : str
        A file of the inputs, the scenario, the parameters, code and packages; or what comes from several together.
    moves : tuple of Move
        Amounts without and with it.
    why_not : str
        Why there is no plan with this change alone; empty where there is one.
    """

    change: str
    moves: tuple[Move, ...]
    why_not: str = ""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes
    ----------
    before, after : Path
        Their folders.
    texts : Texts
        In the language of the later run.
    moves : tuple of Move
        Sites that got another amount, the greatest change first.
    results : mapping
        ``benefit``, ``spent_eur`` and ``gap``, before and after.
    changes : tuple of Difference
        What they were made from that is not the same.
    shares : tuple of Share
        What moves whom.
    notes : tuple of str
        What a reader should know.
    """

    before: Path
    after: Path
    texts: Texts
    moves: tuple[Move, ...]
    results: Mapping[str, tuple[float, float]]
    changes: tuple[Difference, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: the same results; 1: different."""
        same = all(math.isclose(*pair, rel_tol=1e-9, abs_tol=1e-9) for pair in self.results.values())
        return int(bool(self.moves) or not same)

    def sentences(self) -> list[str]:
        """Say what moved and why, in the later run's language."""
        texts, results = self.texts, self.results
        lines = [
            texts.text("{after} against {before}:", after=self.after.name, before=self.before.name),
            texts.text(
                "Benefit {before} before, {after} after; spent {spent_before} before, {spent_after} after; gap to the bound "
                "{gap_before} before, {gap_after} after.",
                before=texts.number(results["benefit"][0], 1),
                after=texts.number(results["benefit"][1], 1),
                spent_before=texts.eur(results["spent_eur"][0]),
                spent_after=texts.eur(results["spent_eur"][1]),
                gap_before=texts.percent(results["gap"][0], 2),
                gap_after=texts.percent(results["gap"][1], 2),
            ),
        ]
        for said, sign in ((texts.text("Gains:"), 1), (texts.text("Loses:"), -1)):
            moves = [move for move in self.moves if move.change_eur * sign > 0]
            if moves:
                lines.append(said)
            for move in moves:
                before, after = texts.eur(move.before_eur), texts.eur(move.after_eur)
                lines.append(f"  - {move.name}: {before} → {after} ({_signed(move.change_eur, texts)})")
        if not self.moves:
            lines.append(texts.text("Every site gets as much as before."))
        if self.changes:
            lines += [texts.text("What has changed:"), *_told(self.changes, texts)]
        if self.shares:
            lines.append(texts.text("What each of it does alone:"))
        for share in self.shares:
            moved = ", ".join(f"{move.name} {_signed(move.change_eur, texts)}" for move in share.moves)
            if share.why_not:
                moved = texts.text("there is no plan with this alone: {why}", why=share.why_not)
            lines.append(f"  - {share.change}: {moved or texts.text('moves nothing')}")
        return [*lines, *(texts.text("Note: {note}", note=note) for note in self.notes)]

    def as_json(self) -> dict[str, Any]:
        """Give the same for machines."""

        def moves(found: Iterable[Move]) -> list[dict[str, Any]]:
            return [{**dataclasses.asdict(move), "change_eur": move.change_eur} for move in found]

        return {
            "run": self.after.name,
            "against": self.before.name,
            "result": "different" if self.exit_code else "same",
            "moves": moves(self.moves),
            "results": {key: {"before": pair[0], "after": pair[1]} for key, pair in self.results.items()},
            "changes": [one.as_json(self.texts) for one in self.changes],
            "shares": [
                {"change": one.change, "moves": moves(one.moves), "why_not": one.why_not or None} for one in self.shares
            ],
            "notes": list(self.notes),
        }


def _signed(change_eur: float, texts: Texts) -> str:
    return ("+" if change_eur > 0 else "") + texts.eur(change_eur)


def compare(asked: str | Path, against: str | Path) -> Comparison:
    """Set a run beside an older one: who gains, who loses, and which change does it. No notebook is executed.

    Parameters
    ----------
    asked : path
        The later run.
    against : path
        The older run.

    Raises
    ------
    PlainError
        One of them is no run, or they have no site in common.
    """
    looks = []
    for folder in (find_run(against), find_run(asked)):
        look = _Look(folder)
        look.check_files(None)
        looks.append(look)
    before, after = looks
    texts = after.texts
    notes = [
        texts.text("{run} is not as it was written: quartier verify {run} says what differs.", run=look.run.name)
        for look in looks
        if look.review("").differences
    ]
    old, new = before.manifest, after.manifest
    if not old.result.amounts_eur.keys() & new.result.amounts_eur.keys():
        raise PlainError(
            texts.text(
                "{after} and {before} have no site in common; there is nothing to compare.",
                after=after.run.name,
                before=before.run.name,
            )
        )
    names = {**_site_names(before.run), **_site_names(after.run)}
    results = {
        key: (float(getattr(old.result, key)), float(getattr(new.result, key)))
        for key in ("benefit", "spent_eur", "gap")
    }
    with tempfile.TemporaryDirectory(prefix="quartier-", ignore_cleanup_errors=True) as scratch:
        try:
            folders = [_copied_data(look, Path(scratch, name)) for look, name in ((before, "before"), (after, "after"))]
        except OSError:
            changes, shares = _parameter_changes(old, new), []
            notes.append(texts.text("What moved the amounts cannot be told: inputs of a run are missing."))
        else:
            changes = [*_input_changes(before, after, folders, texts), *_parameter_changes(old, new)]
            shares = _shares(before, after, folders, Path(scratch, "alone"), changes, names, texts)
    changed = _changes(old, new, texts)
    if changed:
        notes.append(texts.text("Not the same, too: {changes}.", changes=texts.listing(changed.values())))
    moves = _moves(old.result.amounts_eur, new.result.amounts_eur, names)
    return Comparison(before.run, after.run, texts, moves, results, tuple(changes), tuple(shares), tuple(notes))


def _site_names(run: Path) -> dict[str, str]:
    """Names of the sites, as far as the run's table can be read."""
    try:
        head, *rows = _csv_rows((run / "tables" / "distribution.csv").read_bytes())
        return {row[head.index("site_id")]: row[head.index("name")] for row in rows}
    except (OSError, ValueError, IndexError, csv.Error):
        return {}


def _moves(before: Mapping[str, float], after: Mapping[str, float], names: Mapping[str, str]) -> tuple[Move, ...]:
    """Sites whose amount differs by a cent, the greatest change first."""
    sites = dict.fromkeys([*before, *after])
    moves = [Move(site, names.get(site, site), before.get(site, 0.0), after.get(site, 0.0)) for site in sites]
    return tuple(sorted((m for m in moves if abs(m.change_eur) >= 0.005), key=lambda m: -abs(m.change_eur)))


def _copied_data(look: _Look, target: Path) -> Path:
    """Copy what a run was made from, without what is no longer as it was written."""
    for path, file in look.manifest.inputs.items():
        own = f"{INPUTS}/{path}"
        if look.files.get(own) != file:
            raise FileNotFoundError(own)
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(look.run / own, target / path)
    return target


def _parameter_changes(old: Manifest, new: Manifest) -> list[Difference]:
    return [
        Difference(
            FILE,
            column=".".join(("parameters", *path)),
            given=_shown(_leaves(old.parameters).get(path, _ABSENT)),
            expected=_shown(value),
            causes=("parameters",),
        )
        for path, value in _changed_leaves(old.parameters, new.parameters).items()
        if path
    ]


def _of_city(manifest: Manifest) -> dict[str, str]:
    """Hashes of a run's inputs by their path, with the city's folder under one name."""
    own = f"{manifest.data}/"
    return {
        f"data/{path.removeprefix(own)}" if path.startswith(own) else path: file.sha256
        for path, file in manifest.inputs.items()
    }


def _input_changes(before: _Look, after: _Look, folders: Sequence[Path], texts: Texts) -> list[Difference]:
    """Name what differs between the inputs of two runs: file, row, column."""
    old, new = _of_city(before.manifest), _of_city(after.manifest)
    names = [look.manifest.scenario.name for look in (before, after)]
    chosen = [f"data/scenarios/{name}.yaml" for name in names]
    found: list[Difference] = []
    if names[0] != names[1]:
        found.append(Difference(FILE, None, "scenario", names[0], names[1], causes=("scenario",)))
        found += _placed(before, after, folders, chosen[0], chosen[1], "scenario", texts)
    for path in (*new, *(path for path in old if path not in new)):
        if old.get(path) == new.get(path) or (names[0] != names[1] and path in chosen):
            continue
        own = path.replace("data/", f"{after.manifest.data}/", 1) if path.startswith("data/") else path
        if path not in old:
            found.append(Difference(f"{INPUTS}/{own}", what=texts.text("is new"), causes=("inputs",)))
        elif path not in new:
            found.append(Difference(f"{INPUTS}/{own}", what=texts.text("is gone"), causes=("inputs",)))
        else:
            found += _placed(before, after, folders, path, path, "scenario" if path == chosen[1] else "inputs", texts)
    return found


def _placed(
    before: _Look, after: _Look, folders: Sequence[Path], old: str, new: str, cause: Cause, texts: Texts
) -> list[Difference]:
    """Say where an input of two runs differs."""
    paths = [
        path.replace("data/", f"{look.manifest.data}/", 1) if path.startswith("data/") else path
        for look, path in ((before, old), (after, new))
    ]
    label = f"{INPUTS}/{paths[1]}"
    found = places(folders[0] / paths[0], folders[1] / paths[1], label, texts, inputs=True)
    if not found and old == new:
        found = [Difference(label, what=texts.text("differs in its form only"))]
    return [dataclasses.replace(one, causes=(cause,)) for one in found if one.column != "name" or cause != "scenario"]


def _shares(
    before: _Look,
    after: _Look,
    folders: Sequence[Path],
    scratch: Path,
    changes: Sequence[Difference],
    names: Mapping[str, str],
    texts: Texts,
) -> list[Share]:
    """Solve the older run again with one change at a time; what is left over comes from several together."""
    old, new = before.manifest, after.manifest
    cities = [folder / look.manifest.data for folder, look in zip(folders, (before, after), strict=True)]

    def solved(city: Path, scenario: str, parameters: Mapping[str, Any]) -> dict[str, float]:
        from quartier import optimise
        from quartier.data import load
        from quartier.scenario import with_parameters

        plan = optimise.allocate(load(city, language=texts.language), with_parameters(scenario, str(city), parameters))
        return {str(site): float(amount) for site, amount in plan.amounts.items()}

    try:
        start = solved(cities[0], old.scenario.name, old.changes)
        end = solved(cities[1], new.scenario.name, new.changes)
    except PlainError as error:
        return [Share(texts.text("Solved here again"), (), str(error))]
    asked: list[tuple[str, Callable[[], dict[str, float]]]] = []

    def with_file(path: str) -> dict[str, float]:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(cities[0], scratch)
        if (cities[1] / path).is_file():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cities[1] / path, scratch / path)
        else:
            (scratch / path).unlink(missing_ok=True)
        return solved(scratch, old.scenario.name, old.changes)

    def with_scenario() -> dict[str, float]:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(cities[0], scratch)
        file = Path("scenarios", f"{new.scenario.name}.yaml")
        shutil.copyfile(cities[1] / file, scratch / file)
        return solved(scratch, new.scenario.name, old.changes)

    data = f"{INPUTS}/{new.data}/"
    for label in dict.fromkeys(one.file for one in changes if one.causes == ("inputs",) and one.file.startswith(data)):
        path = label.removeprefix(data)
        if not path.startswith("scenarios/"):  # other scenarios move no money of this one
            asked.append((label, lambda path=path: with_file(path)))  # type: ignore[misc]
    if any(one.causes == ("scenario",) for one in changes):
        asked.append((texts.text("the scenario"), with_scenario))
    if any(one.causes == ("parameters",) for one in changes):
        asked.append((texts.text("the parameters"), lambda: solved(cities[0], old.scenario.name, new.changes)))
    shares = []
    total = {site: end.get(site, 0.0) - start.get(site, 0.0) for site in {**start, **end}}
    for label, solve in asked:
        try:
            alone = solve()
        except PlainError as error:
            shares.append(Share(label, (), " ".join(str(error).split())))
            continue
        shares.append(Share(label, _moves(start, alone, names)))
        for move in shares[-1].moves:
            total[move.site] = total.get(move.site, 0.0) - move.change_eur
    own = {
        site: (new.result.amounts_eur.get(site, 0.0) - old.result.amounts_eur.get(site, 0.0))
        - (end.get(site, 0.0) - start.get(site, 0.0))
        for site in {**start, **end, **old.result.amounts_eur, **new.result.amounts_eur}
    }
    together = (texts.text("several of them together"), total), (texts.text("code or packages"), own)
    shares += [Share(label, _moves({}, moved, names)) for label, moved in together if _moves({}, moved, names)]
    return shares
