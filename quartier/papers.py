"""Papers for the committees, the sites and the treasury: written from a run that verifies, with the origin of each number.

A paper is made of a template that a city edits in Word (headings and fixed sentences) and of what `contents` says about the run.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quartier import documents, optimise, outputs, report, review, schedule, typeset
from quartier import scenario as scenarios
from quartier.contents import BESIDE, CENTS, KINDS, Paper, PaperError, RunBasis, compose, no_papers, rows_of_csv
from quartier.data import load, no_folder
from quartier.language import Texts

ALL = "alle"
FOLDER = "papers"
"""Folder beside the runs that holds their papers."""

ORIGINS = "zahlen.csv"
"""How the name of the list ends that says for machines where each number of a paper comes from."""

TEMPLATES = Path(__file__).parent / "templates" / FOLDER


@dataclass(frozen=True)
class Written:
    """What was written: files, which papers there are none of, and why, and what they lack."""

    folder: Path
    files: tuple[Path, ...]
    left_out: Mapping[str, str]
    texts: Texts
    notes: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Say what was written and what was not."""
        texts = self.texts
        lines = [texts.text("Written: {file}", file=path) for path in self.files]
        lines += [texts.text("Not written: {kind}. {why}", kind=kind, why=why) for kind, why in self.left_out.items()]
        return [*lines, *self.notes]


# --- the run that a paper is about ------------------------------------------------------------------------------------


def open_run(asked: str | Path, *, is_draft: bool = False, progress: bool = False) -> RunBasis:
    """Open a run that a paper may be written about.

    Parameters
    ----------
    asked : path
        The run: a path, or a name below ``outputs/``.
    is_draft : bool
        Hashes are enough. Without, the run must have been made again with the same result; where there is no record of that, it is
        made again now.
    progress : bool
        Show a bar on the standard error stream while the run is made again.

    Raises
    ------
    PlainError
        There is no run; a `PaperError` where it does not verify or its plan is not what its inputs give.
    """
    run = review.find_run(asked)
    found = review.verify(run, hashes_only=True)
    texts = found.texts
    if found.differences:
        raise _refused(texts.text("its files are not as the run has left them."), found, texts)
    manifest = review.read_manifest(run, texts)
    data = run / "inputs" / manifest.data
    sites = load(data, language=texts.language, today=manifest.begun.date())
    chosen = scenarios.with_parameters(manifest.scenario.name, data, manifest.changes)
    saved = {path.stem: rows_of_csv(path.read_bytes().decode("utf-8")) for path in (run / "tables").glob("*.csv")}
    basis = RunBasis(sites, optimise.allocate(sites, chosen), manifest.data, saved, run, manifest, folder=data)
    _check_plan(basis, texts)
    if not is_draft and review.verified(run.parent).get(run.name, {}).get("result") != "same":
        again = review.verify(run, data=data, progress=progress)
        if again.exit_code:
            raise _refused(texts.text("made again, it does not come out the same."), again, texts)
    return basis


def _refused(why: str, found: review.Review, texts: Texts) -> PaperError:
    head = texts.text("No paper is written from {run}: {why}", run=found.run.name, why=why)
    return PaperError("\n".join([head, *found.sentences()]), exit_code=1)


def _check_plan(basis: RunBasis, texts: Texts) -> None:
    """Refuse a run whose table of amounts is not what its inputs give, and what no paper is made for."""
    if reason := no_papers(basis.plan, texts):
        raise PaperError(texts.text("No paper is written from {run}: {why}", run=basis.run.name, why=reason))
    amounts = {str(site): float(amount) for site, amount in basis.plan.amounts.items()}
    rows = basis.rows("distribution")
    said = {row["site_id"]: float(row["amount_eur"]) for row in rows}
    for site in {**amounts, **said}:
        made, own = amounts.get(site, math.nan), said.get(site, math.nan)
        if not math.isclose(made, own, rel_tol=0, abs_tol=1 / (2 * CENTS)):
            raise PaperError(
                texts.text(
                    "No paper is written from {run}: its table gives {site} {own}, its inputs give {made}.",
                    run=basis.run.name,
                    site=texts.given(site),
                    own=texts.eur(own),
                    made=texts.eur(made),
                ),
                exit_code=1,
            )


# --- writing ----------------------------------------------------------------------------------------------------------


def write(
    asked: str | Path,
    kind: str = ALL,
    *,
    out: str | Path | None = None,
    is_draft: bool = False,
    has_english: bool = False,
    templates: str | Path | None = None,
    progress: bool = False,
) -> Written:
    """Write papers about a run: DOCX, PDF, the list of their numbers, and the tables that were worked out for them.

    All appear together or not at all. The run's name is entered in the list of runs that `quartier tidy` keeps. The same run gives
    the same bytes on any day.

    Parameters
    ----------
    asked : path
        The run: a path, or a name below ``outputs/``.
    kind : str
        One of `KINDS`, or `ALL`: then those that the data suffice for.
    out : path, optional
        Folder of the papers; ``papers/<run>/`` beside the run by default. A run's own folder is sealed and refused.
    is_draft, has_english, progress
        As for `open_run` and `compose`.
    templates : path, optional
        Folder of a city's own templates; those in ``papers/`` of the run's copy of the city's folder by default, ours where it has none.

    Raises
    ------
    PlainError
        The run does not verify, the data lack what the paper is about, a template has faults, or the folder cannot be written to.
        Nothing was written.
    """
    texts = Texts()
    if kind not in (*KINDS, ALL):
        raise PaperError(
            texts.text(
                "There is no paper {kind}, only {known}.", kind=texts.given(kind), known=texts.listing([*KINDS, ALL])
            )
        )
    basis = open_run(asked, is_draft=is_draft, progress=progress)
    if basis.is_made_up and not is_draft:
        raise PaperError(
            texts.text(
                "{run} rests on made-up reports: only drafts are written of it (--draft).",
                run=basis.run.name,
            )
        )
    target = Path(out) if out is not None else basis.run.parent / FOLDER / basis.run.name
    if target.resolve().is_relative_to(basis.run):
        raise PaperError(texts.text("The folder of a run is sealed; papers have to go elsewhere."))
    papers, left_out = [], {}
    for one in KINDS if kind == ALL else (kind,):
        try:
            papers.append(compose(basis, one, is_draft=is_draft, has_english=has_english))
        except PaperError as error:
            if kind != ALL:
                raise
            left_out[one] = str(error)
    if not papers:
        raise PaperError("\n".join(dict.fromkeys(left_out.values())))
    used = _templates([paper.kind for paper in papers], basis, templates, texts)
    files: dict[str, bytes] = {}
    faults: list[documents.FaultyTemplate] = []
    for paper in papers:
        try:
            files |= _files_of(paper, basis, used[paper.kind], texts)
        except documents.FaultyTemplate as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise PaperError("\n".join(map(str, faults)))
    try:
        with report.aside(target / f".partial-{os.getpid()}") as partial:
            for name, content in files.items():
                place = partial / name
                place.parent.mkdir(exist_ok=True)
                place.write_bytes(content)
            _remember(basis.run)
            for name in files:
                place = target / name
                place.parent.mkdir(exist_ok=True)
                (partial / name).replace(place)
    except OSError as error:
        raise PaperError(report.unwritable(target, error, texts), exit_code=1) from error
    own = [
        texts.text("Template of {kind}: {file}", kind=kind, file=path)
        for kind, path in used.items()
        if path.parent != TEMPLATES
    ]
    lacking = [
        f"{'instalments.csv' if paper.kind == 'kasse' else 'calendar.csv'}: {paper.fields['ohne_termine']}"
        for paper in papers
        if paper.fields["ohne_termine"]
    ]
    unused = [] if templates is None else _unused(Path(templates))
    if unused:
        own.append(texts.text("Not used, as no template is called that: {files}", files=texts.listing(unused)))
    notes = tuple(dict.fromkeys([*own, *lacking]))
    return Written(target, tuple(target / name for name in files), left_out, texts, notes)


def _remember(run: Path) -> None:
    """Enter a run in the list of those that papers name, so that tidying keeps it."""
    with outputs.locked(run.parent):
        path = run.parent / schedule.PAPERS
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        named = {line.partition("#")[0].strip().rstrip("/").rpartition("/")[2] for line in before.splitlines()}
        if run.name not in named:
            end = "" if before.endswith("\n") or not before else "\n"
            beside = path.with_name(f".{path.name}-{os.getpid()}")
            beside.write_text(f"{before}{end}{run.name}\n", encoding="utf-8", newline="\n")
            beside.replace(path)


def _csv(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Give rows as our other tables."""
    import pandas as pd

    return report.csv_bytes(pd.DataFrame(list(rows), dtype=object))


def _files_of(paper: Paper, basis: RunBasis, template: Path, texts: Texts) -> dict[str, bytes]:
    """Make the files of a paper, by their path below the papers' folder."""
    author = paper.fields["stadt"]
    docx = documents.render(
        template,
        paper.fields,
        title=paper.title,
        subject=basis.run.name,
        author=author,
        created=basis.manifest.begun.date(),
        language=texts.language,
        draft=paper.is_draft,
        trace=paper.trace,
    )
    name = f"{paper.kind}-{_DRAFT}" if paper.is_draft else paper.kind
    origins = [
        {
            "printed": one.text,
            "table": one.table,
            "row": one.row,
            "column": one.column,
            "value": one.value,
            "assumed": "yes" if one.assumed else "no",
        }
        for one in paper.trace.origins()
    ]
    files = {
        f"{name}.docx": docx,
        f"{name}.pdf": typeset.to_pdf(docx, file=f"{name}.docx"),
        f"{name}-{ORIGINS}": _csv(origins),
    }
    return files | {f"{BESIDE}/{table}.csv": _csv(rows) for table, rows in paper.beside.items()}


_DRAFT = "entwurf"
"""Stands in the names of a draft's files, so that it never takes the place of a paper."""


# --- templates ----------------------------------------------------------------------------------------------------


def _templates(kinds: Sequence[str], basis: RunBasis, asked: str | Path | None, texts: Texts) -> dict[str, Path]:
    """Find the templates of papers: those that were asked for, else the city's own, else ours."""
    homes = [basis.run / "inputs" / basis.manifest.data / FOLDER, TEMPLATES]
    if asked is not None:
        if not Path(asked).is_dir():
            raise PaperError(no_folder(Path(asked), asked, texts))
        names = [f"{kind}.docx" for kind in KINDS]
        if not any((Path(asked) / name).is_file() for name in names):
            raise PaperError(
                texts.text(
                    "There is no template in {folder}; they are called {files}.",
                    folder=texts.given(str(asked), 200),
                    files=texts.listing(names),
                )
            )
        homes.insert(0, Path(asked))
    return {kind: next(home / f"{kind}.docx" for home in homes if (home / f"{kind}.docx").is_file()) for kind in kinds}


def _unused(folder: Path) -> list[str]:
    """Names of Word files in a folder of templates that are none of ours, such as one with a capital letter."""
    names = [
        path.name for path in folder.iterdir() if path.suffix.lower() == ".docx" and not path.name.startswith("~$")
    ]
    return sorted(set(names) - {f"{kind}.docx" for kind in KINDS})


def template_bytes(kind: str) -> bytes:
    """Make our template of a paper from its outline; what `copy_templates` copies was made by this."""
    lines = (TEMPLATES / f"{kind}.txt").read_text(encoding="utf-8").splitlines()
    places = {}
    for place in ("head", "foot"):
        start = f"{place}: "
        places[place] = "\n".join(line.removeprefix(start) for line in lines if line.startswith(start))
    outline = "\n".join(line for line in lines if not line.startswith(("head: ", "foot: ")))
    return documents.template_from(outline, **places)


def copy_templates(folder: str | Path) -> list[str]:
    """Copy our templates into a folder, to be edited in Word; what is there already is left alone.

    Returns
    -------
    list of str
        Lines for the reader: what was copied, and what was there.

    Raises
    ------
    PaperError
        The folder cannot be written to.
    """
    texts, target, lines = Texts(), Path(folder), []
    try:
        target.mkdir(parents=True, exist_ok=True)
        for kind in KINDS:
            place = target / f"{kind}.docx"
            if place.exists():
                lines.append(texts.text("{file} is there already and was left alone.", file=place))
            else:
                place.write_bytes((TEMPLATES / f"{kind}.docx").read_bytes())
                lines.append(texts.text("Written: {file}", file=place))
    except OSError as error:
        raise PaperError(report.unwritable(target, error, texts), exit_code=1) from error
    return lines
