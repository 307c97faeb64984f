"""Runs: notebooks, tables and figures of one plan in a folder of their own that says what it was made from."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import math
import os
import re
import shlex
import sys
import sysconfig
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, nullcontext
from decimal import Decimal
from pathlib import Path
from typing import Any

from quartier import kernels, manifest, optimise, outputs, pages, report
from quartier import notebooks as workbook
from quartier import scenario as scenarios
from quartier.data import (
    LONE_GROUP,
    DataError,
    Fault,
    Sites,
    ambiguous,
    find_path,
    input_files,
    load,
    no_folder,
    system_reason,
)
from quartier.language import LANGUAGES, PlainError, Texts, mark
from quartier.plan import InfeasibleScenario, Plan

NOTEBOOKS, PAGES = "notebooks", "pages"
CELL_TIME_S = 600.0
"""Seconds that a cell may take; those of this workbook take less than two."""

_HIDDEN_METADATA = ("papermill", "execution")
"""Metadata with timings, paths and chance ids, which would tell one run from the next."""

_NO_FIGURE = re.compile(r"(?<![\w./-])(nan|NaN|NaT)(?![\w./-])")


class RunError(PlainError):
    """A run that cannot be started as asked, or that failed on its way.

    Attributes
    ----------
    exit_code : int
        2: wrong input, nothing was started; 1: failed on its way.
    failure : dict
        What is known of a failure: notebook, cell, kind, reason, and how to see it again.
    folder : Path or None
        Where what was done is.
    """

    def __init__(
        self, message: str, *, exit_code: int = 2, failure: Mapping[str, Any] | None = None, folder: Path | None = None
    ) -> None:
        self.exit_code = exit_code
        self.failure = dict(failure or {})
        self.folder = folder
        super().__init__(message)


class Interrupted(KeyboardInterrupt):
    """A run that a person or the system ended.

    Attributes
    ----------
    folder : Path, optional
        Where what was done is; None where nothing was.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        super().__init__(str(folder or ""))


def _is_interrupt(error: BaseException | None) -> bool:
    """Tell whether an error is an interrupt, or was made of one: of any error in a class's body, Python makes a RuntimeError."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that is checked and ready to start.

    Attributes
    ----------
    plan : Plan
        The plan that the run will show.
    others : mapping of str to Plan or InfeasibleScenario
        All scenarios of the city's folder, by name, to set beside it.
    parameters : mapping
        What the notebooks are given: city's folder, scenario, and the changed parameters.
    inputs : mapping of str to bytes
        The files that the plan was made from and the notebooks, by their path below ``inputs/`` of the run.
    sources : mapping of str to Path
        Where each of them was read.
    left_out : tuple of str
        Names of notebooks without the parameters of a run.
    out : Path
        The folder that holds runs.
    date : date
        Day in the name of the run.
    """

    plan: Plan
    others: Mapping[str, Plan | InfeasibleScenario]
    parameters: Mapping[str, Any]
    inputs: Mapping[str, bytes]
    sources: Mapping[str, Path]
    left_out: tuple[str, ...]
    out: Path
    date: datetime.date

    @property
    def name(self) -> str:
        """Name of the run's folder, if it is free."""
        return f"{self.date.isoformat()}-{self.plan.scenario.name}"

    @property
    def notebooks(self) -> tuple[str, ...]:
        """Names of what is executed, in this order."""
        return tuple(path.rpartition("/")[2] for path in self.inputs if path.startswith(f"{NOTEBOOKS}/"))

    def execute(
        self,
        *,
        progress: bool = True,
        jobs: int | None = None,
        cell_time_s: float = CELL_TIME_S,
        warm: kernels.Kernels | None = None,
    ) -> Path:
        """Execute the notebooks, save tables and figures, and give the folder of the run.

        All is done in a hidden folder beside, which gets its name only when everything is in it. What a run that fails has done
        is kept below ``failed/``, with the reason.

        Parameters
        ----------
        progress : bool
            Show a bar on the standard error stream.
        jobs : int, optional
            How many notebooks are executed side by side; as many as there are cores by default. The result is the same.
        cell_time_s : float
            Seconds that one cell may take.
        warm : Kernels, optional
            Kernels that are ready; started for this run by default.

        Raises
        ------
        RunError
            A notebook failed, or the folder cannot be written to.
        Interrupted
            In place of a `KeyboardInterrupt`.
        """
        texts, begun, clock = self.plan.texts, datetime.datetime.now(datetime.UTC), time.monotonic()
        with ExitStack() as stack:
            try:
                place = stack.enter_context(outputs.begun(self.out, self.name))
            except OSError as error:
                raise RunError(report.unwritable(self.out, error, texts), exit_code=1) from error
            try:
                ready = warm or stack.enter_context(kernels.ready())
                self._copy_inputs(place.work)
                self._make(place.work, ready, jobs or _cores(), cell_time_s, progress)
                described = manifest.describe(
                    self.plan,
                    place.work,
                    data=self.parameters["data_dir"],
                    parameters={name: self.parameters[name] for name in self.parameters if name not in _PLACES},
                    notebooks=self.notebooks,
                    begun=begun,
                    took_s=time.monotonic() - clock,
                    name=self.name,
                )
                kept = place.keep(
                    lambda name: manifest.write(
                        manifest.sealed(described.model_copy(update={"name": name})), place.work
                    )
                )
                return self.out / kept.name
            except (KeyboardInterrupt, Exception) as error:
                if _is_interrupt(error):
                    kept = place.set_aside({**self._failure(begun), "kind": "interrupted"})
                    raise Interrupted(self.out / kept.relative_to(place.out)) from error
                if isinstance(error, (OSError, PlainError)):
                    failed = self._failed(error)
                    kept = place.set_aside({**self._failure(begun), **failed.failure, "message": str(failed)})
                    kept = self.out / kept.relative_to(place.out)
                    where = texts.text("What was done is in {folder}", folder=kept)
                    raise RunError(f"{failed}\n{where}", exit_code=1, failure=failed.failure, folder=kept) from error
                # A fault of this program: what was done is kept, the traceback too.
                place.set_aside({**self._failure(begun), "kind": "unexpected", "message": repr(error)})
                raise

    def closing(self, folder: Path) -> list[str]:
        """Say what the run kept: the plan in five lines, notebooks that were left out, and the path."""
        texts, lines = self.plan.texts, self.plan.summary()
        if self.left_out:
            lines.append(
                texts.text("Left out, without the parameters of a run: {notebooks}", notebooks=", ".join(self.left_out))
            )
        return [*lines, texts.text("All of it is in {folder}", folder=folder)]

    def _copy_inputs(self, work: Path) -> None:
        """Write what the plan was made from into the run; the notebooks are executed on it, and on nothing else.

        Raises
        ------
        RunError
            A file has changed since the plan was made.
        """
        texts = self.plan.texts
        for inside, content in self.inputs.items():
            source = self.sources[inside]
            if not source.is_file() or source.read_bytes() != content:
                raise RunError(
                    texts.text("{file} was changed while the run was being prepared. Start it again.", file=source.name)
                )
            target = work / manifest.INPUTS / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)

    def _make(self, work: Path, ready: kernels.Kernels, jobs: int, cell_time_s: float, progress: bool) -> None:
        """Execute the notebooks side by side; tables, figures and pages meanwhile, in this thread, which alone draws."""
        from tqdm import tqdm

        pages.exporter()  # before there are threads, for a library that two load at once may be half there
        texts = self.plan.texts
        for folder in (NOTEBOOKS, PAGES):
            (work / folder).mkdir()
        with tqdm(
            total=len(self.notebooks) + 1,
            file=sys.stderr,
            disable=not progress,
            bar_format="{desc} {bar:20} {n_fmt}/{total_fmt} {elapsed}",
        ) as bar:
            if not ready.forked and progress:
                bar.write(
                    texts.text("Every notebook gets a process of its own here: slower, with the same result."),
                    sys.stderr,
                )

            def execute(name: str) -> None:
                home = (work / manifest.INPUTS).absolute()
                source, target = home / NOTEBOOKS / name, work / NOTEBOOKS / name
                _execute_notebook(source, target, self.parameters, home, ready, texts, cell_time_s)
                bar.set_description_str(target.stem)
                bar.update()

            try:
                with ThreadPoolExecutor(jobs) as pool:
                    notebooks = {pool.submit(execute, name): Path(name).stem for name in self.notebooks}
                    try:
                        bar.set_description_str(texts.text("tables and figures"))
                        report.save(self.plan, work, scenarios=self.others)
                        bar.update()
                        for notebook in as_completed(notebooks):
                            notebook.result()
                            name, page = f"{notebooks[notebook]}.ipynb", f"{notebooks[notebook]}.html"
                            pages.save(work / NOTEBOOKS / name, work / PAGES / page, language=texts.language)
                    except BaseException:
                        for notebook in notebooks:
                            notebook.cancel()
                        ready.stop()
                        raise
            finally:
                ready.resume()

    def _failed(self, error: Exception) -> RunError:
        """Give any failure as one that names what happened."""
        texts = self.plan.texts
        if isinstance(error, OSError):
            reason = report.unwritable(self.out, error, texts)
            return RunError(reason, exit_code=1, failure={"kind": "folder", "reason": reason})
        if isinstance(error, RunError):
            return error
        return RunError(str(error), exit_code=1, failure={"kind": "error", "reason": str(error)})

    def _failure(self, begun: datetime.datetime) -> dict[str, Any]:
        """What is known of this run whatever ended it."""
        return {
            "begun": f"{begun:%Y-%m-%dT%H:%M:%SZ}",
            "scenario": self.plan.scenario.name,
            "again": " ".join([_here("quartier"), "run", self.parameters["scenario"], *_options(self.parameters)]),
        }


def run(
    scenario: str = "baseline",
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "outputs",
    data: str | Path = "data",
    notebooks: str | Path = "notebooks",
    today: datetime.date | None = None,
    progress: bool = True,
    jobs: int | None = None,
    cell_time_s: float = CELL_TIME_S,
    warm: kernels.Kernels | None = None,
) -> Path:
    """Make a plan and keep everything about it: executed notebooks, tables, figures, a spreadsheet.

    Parameters
    ----------
    scenario : str
        A name in ``<data>/scenarios/``.
    parameters : mapping, optional
        Parameters that differ from the scenario, see `quartier.scenario.PARAMETERS`.
    out : path
        Folder that holds runs; the run gets a folder of its own in it: ``<date>-<scenario>``, with ``-2``, ``-3``, ... where
        there is one already. Nothing is ever overwritten.
    data : path
        The city's folder.
    notebooks : path
        Folder of the notebooks; looked for beside the city's folder, too.
    today : date, optional
        Day in the name of the run; the current one by default.
    progress : bool
        Show a bar on the standard error stream.
    jobs, cell_time_s, warm
        As for `Job.execute`.

    Returns
    -------
    Path
        Folder of the run.

    Raises
    ------
    PlainError
        Data, scenario, parameters or folders cannot be used; then nothing was started. A `RunError`, too, if it failed later.
    """
    with nullcontext(warm) if warm else kernels.ready() as ready:  # gets ready while the data are read
        job = prepare(scenario, parameters, out, data, notebooks, today)
        return job.execute(progress=progress, jobs=jobs, cell_time_s=cell_time_s, warm=ready)


def prepare(
    scenario: str = "baseline",
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "outputs",
    data: str | Path = "data",
    notebooks: str | Path = "notebooks",
    today: datetime.date | None = None,
) -> Job:
    """Check everything that a run needs, before anything is started. Parameters and errors as for `run`."""
    changes = dict(parameters or {})
    texts = Texts(changes["language"] if changes.get("language") in LANGUAGES else LANGUAGES[0])
    folder = find_path(data)
    name = folder.resolve().name
    read = {f"{name}/{inside}": folder / inside for inside in input_files(folder)}
    inputs = {inside: path.read_bytes() for inside, path in read.items() if path.is_file()}  # before they are checked
    sites = _load(data, texts)
    chosen = scenarios.with_parameters(scenario, str(data), changes, sites)
    texts = Texts(chosen.language)
    optimise.refuse_too_many_steps(*chosen.settled(sites))
    plan = optimise.allocate(sites, chosen)
    others = optimise.side_by_side(sites, chosen, data)
    files, left_out = _find_notebooks(notebooks, folder, texts)
    read |= {f"{NOTEBOOKS}/{path.name}": path for path in files}
    inputs |= {f"{NOTEBOOKS}/{path.name}": path.read_bytes() for path in files}
    given = {"data_dir": name, "scenario": scenario, **changes}
    if not str(out).strip():
        raise RunError(texts.text("The folder that holds runs needs a name."))
    job = Job(plan, others, given, inputs, read, left_out, Path(out), today or datetime.date.today())
    try:
        with outputs.begun(job.out, job.name):
            pass
    except OSError as error:
        raise RunError(report.unwritable(job.out, error, texts)) from error
    return job


def _cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load(data: str | Path, texts: Texts) -> Sites:
    """Read a city's folder.

    Raises
    ------
    DataError
        All faults of the data, and those that the scenarios have whatever the data are.
    """
    try:
        return load(data, language=texts.language)
    except DataError as error:
        faults = list(error.faults)
        for name in scenarios.scenario_names(data):
            try:
                scenarios.Scenario.named(name, data, texts.language)
            except scenarios.ScenarioError as other:
                faults += other.faults
        raise DataError(faults, texts, str(data)) from error


def check(data: str | Path = "data") -> list[str]:
    """Check a city's folder and all its scenarios, and say what is in it and what is assumed.

    Returns
    -------
    list of str
        Lines for the reader, in German.

    Raises
    ------
    PlainError
        All faults of the data and of the scenarios. What a scenario names can only be looked for in data without faults.
    """
    texts, faults = Texts(), list[str]()
    sites = _load(data, texts)
    lines = [texts.text("The data in {folder} can be used:", folder=texts.given(str(data)))]
    for name, table in sites.tables.items():
        lines.append(
            "  "
            + texts.text("{table}: {n} row", plural="{table}: {n} rows", n=len(table), table=texts.name("table", name))
        )
    known = sites.tables["sites"]
    others = list(known.loc[~known["site_id"].isin(sites.site_ids), "name"])
    lines.append(
        texts.text("{n} candidate", plural="{n} candidates", n=len(sites)) + ": " + texts.listing(sites.frame["name"])
    )
    if others:
        lines.append(texts.text("Known, but without an agreement: {names}", names=texts.listing(others)))
    lines.append(texts.text("Assumed, not stated in a source:"))
    for name, count in sites.assumptions()["table"].value_counts(sort=False).items():
        lines.append(
            "  "
            + texts.text(
                "{table}: {n} figure", plural="{table}: {n} figures", n=int(count), table=texts.name("table", str(name))
            )
        )
    lines.append(texts.text("Scenarios:"))
    for name in scenarios.scenario_names(data):
        try:
            plan = optimise.allocate(sites, scenarios.Scenario.named(name, data, sites=sites))
            lines.append(f"  {name}: {plan.summary()[0]}")
            lines += [f"    {sentence}" for sentence in plan.idle_sentences()]
        except PlainError as error:
            told = str(error)
            faults.append(told if name in told.splitlines()[0] else f"{name}: {told}")
    if faults:
        raise PlainError("\n".join(faults))
    if others_there := scenarios.files_not_read(data):
        lines.append(
            texts.text("Not read, as the name of a scenario ends in .yaml: {files}", files=texts.listing(others_there))
        )
    return lines


def check_notebooks(folder: str | Path = "notebooks") -> list[str]:
    """Execute a folder's notebooks again and say where they are not clean or not up to date; nothing is written.

    Returns
    -------
    list of str
        One sentence for each fault, see `quartier.notebooks.check_notebooks`; none if all is as it should be.

    Raises
    ------
    PlainError
        There is no such folder.
    """
    if not Path(folder).is_dir():
        raise PlainError(no_folder(Path(folder), folder, Texts()))
    home = Path(folder).resolve().parent
    with kernels.ready() as warm:

        def execute(notebook: Any) -> Any:
            try:
                done = warm.execute(notebook, {}, home)
            except kernels.NotebookStopped as stopped:
                where = "" if stopped.cell is None else f"[{stopped.cell}] "
                raise PlainError(f"{where}{stopped.reason}") from stopped
            _strip(done)
            return done

        return workbook.check_notebooks(folder, execute=execute)


def parse_parameters(assignments: Iterable[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs as a command line gives them: whole numbers, numbers with a decimal point, other texts.

    Raises
    ------
    ScenarioError
        Lists every pair that cannot be read without guessing, such as ``budget_eur=80.000``.
    """
    texts, faults = Texts(), []
    file = texts.text("parameters")
    found: dict[str, Any] = {}
    unclear = set[str]()
    for assignment in assignments:
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not (equals and name and value):
            faults.append(
                Fault(file, None, None, texts.given(assignment), texts.text("name=value, as in budget_eur=64000"))
            )
            continue
        if name in found:
            faults.append(Fault(file, None, name, texts.given(value), texts.text("each parameter only once")))
            continue
        if LONE_GROUP.fullmatch(value):
            whole, part = value.split(".")
            faults.append(Fault(file, None, name, texts.given(value), ambiguous(whole, part, texts)))
            unclear.add(name)
        found[name] = _read_value(value)
    if faults:  # those of the others are told with them
        others = {name: value for name, value in found.items() if name not in unclear}
        misplaced = {name: value for name, value in found.items() if name in _PLACES}
        faults += scenarios.parameter_faults(others, texts, misplaced=misplaced)
        raise scenarios.ScenarioError(faults, texts, file)
    return found


def _read_value(text: str) -> int | float | str:
    """Read a number as a scenario file writes it; what is none stays a text, and is refused where a number is expected."""
    if text in (".inf", "inf"):  # an infinite inequality aversion; refused for all else
        return math.inf
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)", text):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?(0|[1-9]\d*)\.\d+", text) else text


# --- notebooks ----------------------------------------------------------------------------------------------------


def _find_notebooks(asked: str | Path, data: Path, texts: Texts) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Give the notebooks with the parameters of a run, sorted by name, and the names of the others."""
    folder = Path(asked)
    if not folder.is_absolute() and not folder.is_dir():
        folder = data.resolve().parent / folder
    needed = {"data_dir", "scenario", *scenarios.PARAMETERS}
    files: list[Path] = []
    left_out: list[Path] = []
    for path in sorted(folder.glob("*.ipynb")):
        (files if needed <= _parameters(_read_notebook(path, texts)) else left_out).append(path)
    if not files:
        raise RunError(
            texts.text("There is no notebook with the parameters of a run in {folder}.", folder=texts.given(str(asked)))
        )
    return tuple(files), tuple(path.name for path in left_out)


def _read_notebook(path: Path, texts: Texts) -> Any:
    try:
        return kernels.nbformat().read(path, as_version=4)
    except OSError as error:
        raise RunError(f"{path.name}: {system_reason(error, texts)}") from error
    except Exception as error:  # nbformat has no common base for what may be wrong with a file
        raise RunError(texts.text("{file} is no notebook that can be read.", file=path.name)) from error


def _parameters(notebook: Any) -> set[str]:
    """Names that the notebook's parameters cell sets."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and "parameters" in cell.metadata.get("tags", []):
            try:
                tree = ast.parse(cell.source)
            except SyntaxError:
                return set()
            targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
            return {target.id for target in targets if isinstance(target, ast.Name)}
    return set()


def refresh(notebooks: str | Path = "notebooks") -> tuple[Path, ...]:
    """Execute the notebooks where they are and keep their outputs, without timings, paths and chance ids.

    Only outputs change, never what is written in the cells. To be done after a change to the package, its texts or the data.

    Returns
    -------
    tuple of Path
        The notebooks, in order.

    Raises
    ------
    RunError
        A notebook failed; it is left as it was.
    """
    nbformat, folder = kernels.nbformat(), Path(notebooks).resolve()
    files = tuple(sorted(folder.glob("*.ipynb")))
    with kernels.ready() as warm, report.aside(folder / f".partial-{os.getpid()}") as partial:
        for path in files:
            aside = partial / path.name  # papermill warns of a name that does not end as a notebook's
            _execute_notebook(path, aside, {}, folder.parent, warm, Texts())
            done = nbformat.read(aside, as_version=4)
            # The version of this very Python is of no use to a reader.
            done.metadata = workbook.METADATA | {
                key: done.metadata[key] for key in [workbook.OWN] if key in done.metadata
            }
            aside.write_text(nbformat.writes(done) + "\n", encoding="utf-8", newline="\n")
            aside.replace(path)
    return files


def _execute_notebook(
    path: Path,
    target: Path,
    parameters: Mapping[str, Any],
    home: Path,
    warm: kernels.Kernels,
    texts: Texts,
    cell_time_s: float = CELL_TIME_S,
) -> None:
    """Execute a notebook and write it without what would tell one run from the next."""
    try:
        done = warm.execute(_read_notebook(path, texts), parameters, home, target=target, cell_time_s=cell_time_s)
    except kernels.NotebookStopped as stopped:
        raise _stopped(path, stopped, parameters, cell_time_s, texts) from stopped
    _strip(done)
    target.write_text(kernels.nbformat().writes(done), encoding="utf-8", newline="\n")
    for cell in done.cells:
        for output in cell.get("outputs", ()):
            shown = output.get("text") or output.get("data", {}).get("text/plain", "")
            if nothing_like := _NO_FIGURE.search(shown):
                nothing = kernels.NotebookStopped(cell.execution_count, "figure", nothing_like[0])
                raise _stopped(path, nothing, parameters, cell_time_s, texts)


_WHY = {
    "died": mark("its process died ({reason})"),
    "time": mark("a cell took longer than {seconds} seconds"),
    "output": mark("it prints more than a notebook can hold ({reason})"),
    "start": mark("its process could not be started ({reason})"),
    "figure": mark("it shows {reason}, which is no figure; quartier.show leaves missing values blank"),
}


def _stopped(
    path: Path, stopped: kernels.NotebookStopped, parameters: Mapping[str, Any], cell_time_s: float, texts: Texts
) -> RunError:
    """Say in one line what stopped a notebook, and how to see it again."""
    where = path.name
    if stopped.cell is not None:
        where = texts.text("{notebook}, cell [{n}]", notebook=path.name, n=stopped.cell)
    reason = stopped.reason
    if stopped.kind in _WHY:
        reason = texts.text(_WHY[stopped.kind], reason=stopped.reason, seconds=_in_full(cell_time_s, texts))
    command = [_here("papermill"), f"{path.parent.name}/{path.name}", "out.ipynb"]
    again = " ".join([*command, *_options(parameters, every=True)])
    failure = {
        "notebook": path.name,
        "cell": stopped.cell,
        "kind": stopped.kind,
        "error": stopped.name,
        "reason": reason,
        "notebook_again": again,
    }
    return RunError(
        texts.text("{where} stopped: {reason}", where=where, reason=reason)
        + "\n"
        + texts.text("To see it again: {command}", command=again),
        exit_code=1,
        failure=failure,
    )


def _in_full(number: float, texts: Texts) -> str:
    """Write a number with all the decimals that it was given with."""
    return texts.number(number, max(0, -int(Decimal(str(number)).normalize().as_tuple().exponent)))


_PLACES = ("data_dir", "scenario")


def _here(program: str) -> str:
    """Give a program's name so that it is found from this folder: an environment in it need not be active (``.venv/bin/papermill``)."""
    scripts = Path(sysconfig.get_path("scripts"))
    return str((scripts / program).relative_to(Path.cwd())) if scripts.is_relative_to(Path.cwd()) else program


def _options(parameters: Mapping[str, Any], *, every: bool = False) -> list[str]:
    """Give parameters as a command line has them: papermill's, or those of `quartier run`. The folder ``data`` goes without saying."""
    given = {
        name: shlex.quote(str(value)) for name, value in parameters.items() if (name, value) != ("data_dir", "data")
    }
    if every:
        return [f"-p {name} {value}" for name, value in given.items()]
    data = [f"--data {given['data_dir']}"] if "data_dir" in given else []
    return [*data, *(f"-p {name}={value}" for name, value in given.items() if name not in _PLACES)]


def _strip(notebook: Any) -> None:
    """Take out timings, paths and chance ids."""
    for part in (notebook, *notebook.cells):
        for key in _HIDDEN_METADATA:
            part.metadata.pop(key, None)
    for position, cell in enumerate(notebook.cells):
        if not cell.metadata.get("tags"):
            cell.metadata.pop("tags", None)
        elif "injected-parameters" in cell.metadata.tags:
            cell.id = f"injected-parameters-{position}"
