"""Runs looked at again: whether one is whole and comes out the same, and whose doing it is if not.

Hashes tell that something differs. Row, column, cell and pixel are found by comparing with what is made again from the run's
own copies in a scratch folder. Nothing is ever written into a run; one line about the outcome goes beside it.
"""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import datetime
import itertools
import json
import math
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from quartier import manifest as manifests
from quartier.data import find_path, system_reason

# Solvers, notebooks and pictures are imported where they are needed: hashes alone are compared in half a second.
from quartier.differences import ABSENT, Cause, Change, Difference, changed_leaves, csv_rows, leaves, places, shown
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.manifest import FILE, INPUTS, File, Manifest, ManifestError
from quartier.outputs import complete

MOST_TOLD = 20
"""Differences of one file that are told in words; the others are counted."""

VERIFIED = "verified.jsonl"
"""File beside the runs with a line for each run that was made again."""

MATTER = (
    *("numpy", "scipy", "pandas", "matplotlib", "pillow", "xlsxwriter", "ipykernel", "ipython", "nbconvert"),
    *("nbformat", "nbclient", "papermill", "babel", "pydantic", "pandera", "pyyaml", "latex2mathml"),
)
"""Packages that the files of a run come from; told before the others."""

_LEFT_BY_PROGRAMS = re.compile(r"(^|/)(\.ipynb_checkpoints/.+|\.DS_Store|Thumbs\.db|desktop\.ini|\.~lock\.[^/]*#)$")
"""What JupyterLab, spreadsheets and file managers leave where somebody looks at a run."""


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
            lines += told([one for one in self.differences if one.causes == causes], texts)
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


def told(differences: Sequence[Difference], texts: Texts) -> list[str]:
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
    said = texts.text("There is no run in {folder}: {file} is missing.", folder=where, file=FILE)
    there = [path.name for path in complete(Path("outputs"))]
    said = texts.perhaps(said, Path(asked).name, there)
    if there:
        said += "\n" + texts.text("All runs: {command}", command="quartier runs")
    raise ManifestError(said)


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
        except OSError:
            odd[path] = mark("a file that cannot be read")
    return files, odd


def _with_leaves(content: Any, change: Change) -> Any:
    """Give nested mappings with other leaves; absent ones are taken out."""
    made = json.loads(json.dumps(content))
    for path, value in change.items():
        at = made
        for key in path[:-1]:
            at = at.setdefault(key, {})
        if value is ABSENT:
            at.pop(path[-1], None)
        else:
            at[path[-1]] = value
    return made


def _unedited(manifest: Manifest, guesses: Iterable[Change]) -> tuple[Manifest, Change] | None:
    """Find what a manifest was before it was edited: the seal proves a guess. None where no guess is it.

    Returns
    -------
    Manifest
        As it was sealed.
    dict
        The leaves that were edited, with the values they had.
    """
    content = manifest.model_dump(mode="json")
    own = leaves(content)
    kept = []
    for guess in guesses:
        differing = {path: value for path, value in guess.items() if own.get(path, ABSENT) != value}
        if differing and differing not in kept:
            kept.append(differing)
    by_part: dict[str, Change] = {}
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


def _cheap_guesses(manifest: Manifest, files: Mapping[str, File], run: Path) -> Iterator[Change]:
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
        yield {("parameters", name): ABSENT}
    for path, file in files.items():
        part, key = ("inputs", path.removeprefix(f"{INPUTS}/")) if path.startswith(f"{INPUTS}/") else ("outputs", path)
        yield {(part, key, field): value for field, value in file.model_dump().items()}
    for language in LANGUAGES:
        yield {("scenario", "fields", "language"): language}
    try:
        rows = csv_rows((run / "tables" / "distribution.csv").read_bytes())
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


def _guesses_from(content: Mapping[str, Any], manifest: Manifest) -> Iterator[Change]:
    """Guess that each leaf of a manifest said what another content says."""
    own = manifest.model_dump(mode="json")
    for part, value in content.items():
        change = {(part, *path): one for path, one in changed_leaves(own[part], value).items()}
        if part in ("inputs", "outputs"):
            for path in dict.fromkeys(path[1] for path in change):
                yield {leaf: one for leaf, one in change.items() if leaf[1] == path}
        else:
            yield from ({leaf: one} for leaf, one in change.items())


def _edited(manifest: Manifest, change: Change) -> list[Difference]:
    """Say which values of a manifest were edited."""
    own = leaves(manifest.model_dump(mode="json"))
    return [
        Difference(
            FILE,
            column=".".join(path),
            given=shown(own.get(path, ABSENT)),
            expected=shown(value),
            causes=("tampered",),
        )
        for path, value in change.items()
        if own.get(path, ABSENT) != value
    ]


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
    look = Look(run)
    if hashes_only:
        look.check_files(None)
        n = len(look.manifest.files)
        compared = look.texts.text(
            "Compared by its hash: {n} file; nothing was executed again.",
            plural="Compared by their hashes: {n} files; nothing was executed again.",
            n=n,
        )
        if not look.differences:
            look.notes.append(
                look.texts.text(
                    "Files and manifest fit; whether the result is right is only told by making the run again."
                )
            )
        return look.review(compared)
    city = look.find_city(data)
    try:
        with tempfile.TemporaryDirectory(prefix="quartier-", ignore_cleanup_errors=True) as scratch:
            compared = look.check_again(Path(scratch), city, progress=progress)
    except OSError as error:
        compared = ""
        look.failed = look.texts.text("The run could not be made again: {why}", why=system_reason(error, look.texts))
    found = look.review(compared)
    if not found.failed:
        _record(found, look.manifest)
    return found


class Look:
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

    def check_seal(self, guesses: Iterable[Change]) -> None:
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
        changes = what_changed(self.manifest, fresh, texts)
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
            for path, value in changed_leaves(own[part], new[part]).items():
                old = leaves(own[part]).get(path, ABSENT)
                numbers = [one for one in (old, value) if is_tolerant and isinstance(one, float)]
                if len(numbers) == 2 and math.isclose(*numbers, rel_tol=1e-9, abs_tol=1e-9):  # last digits of a sum
                    continue
                found.append(
                    Difference(
                        FILE,
                        column=".".join((part, *path)),
                        given=shown(old),
                        expected=shown(value),
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


def what_changed(old: Manifest, new: Manifest, texts: Texts) -> dict[Cause, str]:
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
