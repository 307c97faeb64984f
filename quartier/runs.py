"""Papermill runs: notebooks, tables and figures of one plan in a folder of their own, or nothing at all."""

from __future__ import annotations

import ast
import dataclasses
import datetime
import itertools
import json
import logging
import math
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quartier import optimise, report
from quartier import scenario as scenarios
from quartier.data import LONE_GROUP, Fault, ambiguous, find_path, load
from quartier.language import LANGUAGES, PlainError, Texts
from quartier.plan import InfeasibleScenario, Plan

_KERNEL_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "agg",  # whatever the reader's shell says; figures are shown by `quartier.show` alone
}
_HIDDEN_METADATA = ("papermill", "execution")
"""Metadata with timings, paths and chance ids, which would tell one run from the next."""


class RunError(PlainError):
    """A run that cannot be started as asked, or that failed on its way.

    Attributes
    ----------
    exit_code : int
        2: wrong input, nothing was started; 1: failed on its way, nothing was kept.
    """

    def __init__(self, message: str, *, exit_code: int = 2) -> None:
        self.exit_code = exit_code
        super().__init__(message)


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
        What the notebooks are given: the scenario, and the changed parameters.
    notebooks : tuple of Path
        What is executed, in this order.
    left_out : tuple of str
        Names of notebooks without the parameters of a run.
    home : Path
        Where the notebooks work: the folder that holds the city's folder, so that no path of this machine gets into them.
    out : Path
        The folder that holds runs.
    date : date
        Day in the name of the run.
    """

    plan: Plan
    others: Mapping[str, Plan | InfeasibleScenario]
    parameters: Mapping[str, Any]
    notebooks: tuple[Path, ...]
    left_out: tuple[str, ...]
    home: Path
    out: Path
    date: datetime.date

    def execute(self, *, progress: bool = True) -> Path:
        """Execute the notebooks, save tables and figures, and give the folder of the run.

        All is done in a hidden folder beside, which gets its name only when everything is in it.

        Raises
        ------
        RunError
            A notebook failed, or the disk is full; nothing is kept.
        """
        from tqdm import tqdm

        texts, name = self.plan.texts, f"{self.date.isoformat()}-{self.plan.scenario.name}"
        try:
            with (
                report.aside(self.out / f".{name}.partial-{os.getpid()}") as partial,
                _kernels() as kernel,
                tqdm(
                    total=len(self.notebooks) + 1,
                    file=sys.stderr,
                    disable=not progress,
                    bar_format="{desc} {bar:20} {n_fmt}/{total_fmt} {elapsed}",
                ) as bar,
            ):
                work = partial / name
                (work / "notebooks").mkdir(parents=True)
                for path in self.notebooks:
                    bar.set_description_str(path.stem)
                    _execute_notebook(path, work / "notebooks" / path.name, self.parameters, self.home, kernel, texts)
                    bar.update()
                bar.set_description_str(texts.text("tables and figures"))
                report.save(self.plan, work, scenarios=self.others)
                bar.update()
                return _settle(work, self.out)
        except OSError as error:
            raise RunError(report.unwritable(self.out, error, texts), exit_code=1) from error
        except RunError:
            raise
        except PlainError as error:
            raise RunError(str(error), exit_code=1) from error

    def closing(self, folder: Path) -> list[str]:
        """Say what the run kept: the plan in five lines, notebooks that were left out, and the path."""
        texts, lines = self.plan.texts, self.plan.summary()
        if self.left_out:
            lines.append(
                texts.text("Left out, without the parameters of a run: {notebooks}", notebooks=", ".join(self.left_out))
            )
        return [*lines, texts.text("All of it is in {folder}", folder=folder)]


def run(
    scenario: str = "baseline",
    parameters: Mapping[str, Any] | None = None,
    out: str | Path = "outputs",
    data: str | Path = "data",
    notebooks: str | Path = "notebooks",
    today: datetime.date | None = None,
    progress: bool = True,
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

    Returns
    -------
    Path
        Folder of the run.

    Raises
    ------
    PlainError
        Data, scenario, parameters or folders cannot be used; then nothing was started. A `RunError`, too, if it failed later.
    """
    return prepare(scenario, parameters, out, data, notebooks, today).execute(progress=progress)


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
    sites = load(data, language=texts.language)
    _refuse_places(changes, texts)
    chosen = scenarios.with_parameters(scenario, str(data), changes)
    texts = Texts(chosen.language)
    plan = optimise.allocate(sites, chosen)
    others = optimise.side_by_side(sites, chosen, data)
    files, left_out = _find_notebooks(notebooks, folder, texts)
    home = folder.resolve().parent
    given = {"data_dir": folder.resolve().name, "scenario": scenario, **changes}
    if not str(out).strip():
        raise RunError(texts.text("The folder that holds runs needs a name."))
    try:
        with report.aside(Path(out) / f".partial-{os.getpid()}"):
            pass
    except OSError as error:
        raise RunError(report.unwritable(Path(out), error, texts)) from error
    return Job(plan, others, given, files, left_out, home, Path(out), today or datetime.date.today())


def check(data: str | Path = "data") -> list[str]:
    """Check a city's folder and all its scenarios, and say what is in it and what is assumed.

    Returns
    -------
    list of str
        Lines for the reader, in German.

    Raises
    ------
    PlainError
        All faults of the data, or else of the scenarios.
    """
    sites, texts = load(data), Texts()
    faults, lines = [], [texts.text("The data in {folder} can be used:", folder=texts.given(str(data)))]
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
            plan = optimise.allocate(sites, scenarios.Scenario.named(name, data))
            lines.append(f"  {name}: {plan.summary()[0]}")
        except PlainError as error:
            faults.append(str(error))
    if faults:
        raise PlainError("\n".join(faults))
    return lines


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
    for assignment in assignments:
        name, equals, value = (part.strip() for part in assignment.partition("="))
        if not (equals and name and value):
            faults.append(
                Fault(file, None, None, texts.given(assignment), texts.text("name=value, as in budget_eur=64000"))
            )
        elif name in found:
            faults.append(Fault(file, None, name, texts.given(value), texts.text("each parameter only once")))
        elif LONE_GROUP.fullmatch(value):
            whole, part = value.split(".")
            faults.append(Fault(file, None, name, texts.given(value), ambiguous(whole, part, texts)))
        found[name] = _read_value(value)
    if faults:
        raise scenarios.ScenarioError(faults, texts, file)
    return found


def _read_value(text: str) -> int | float | str:
    """Read a number as a scenario file writes it; what is none stays a text, and is refused where a number is expected."""
    if text in (".inf", "inf"):  # an infinite inequality aversion; refused for all else
        return math.inf
    if re.fullmatch(r"[+-]?(0|[1-9]\d*)", text):
        return int(text)
    return float(text) if re.fullmatch(r"[+-]?(0|[1-9]\d*)\.\d+", text) else text


def _refuse_places(changes: Mapping[str, Any], texts: Texts) -> None:
    """Refuse the notebook parameters that a run sets itself."""
    places = [name for name in ("data_dir", "scenario") if name in changes]
    if places:
        file, expected = texts.text("parameters"), texts.text("one of {values}", values=", ".join(scenarios.PARAMETERS))
        faults = [Fault(file, None, name, texts.given(changes[name]), expected) for name in places]
        raise scenarios.ScenarioError(faults, texts, file)


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
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except OSError as error:
        raise RunError(f"{path.name}: {error.strerror}") from error
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


@contextmanager
def _kernels() -> Iterator[str]:
    """Make a kernel of this very Python known, free of the reader's own IPython settings; give its name.

    A kernel called python3 may belong to another environment; `JUPYTER_PATH` is where Jupyter looks first.
    """
    from ipykernel.kernelspec import get_kernel_dict

    with tempfile.TemporaryDirectory(prefix="quartier-") as folder:
        spec = Path(folder, "kernels", "python3")
        spec.mkdir(parents=True)
        environment = {**_KERNEL_ENVIRONMENT, "IPYTHONDIR": str(Path(folder, "ipython"))}
        described = {**get_kernel_dict(["--no-stderr", "--log-level=ERROR"]), "env": environment}
        (spec / "kernel.json").write_text(json.dumps(described), encoding="utf-8")
        before = os.environ.get("JUPYTER_PATH")
        os.environ["JUPYTER_PATH"] = folder if not before else os.pathsep.join([folder, before])
        log = logging.getLogger("papermill")  # what it has to say comes as an error, too
        level = log.level
        log.setLevel(logging.CRITICAL)
        try:
            yield spec.name
        finally:
            log.setLevel(level)
            if before is None:
                del os.environ["JUPYTER_PATH"]
            else:
                os.environ["JUPYTER_PATH"] = before


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
    import nbformat

    folder = Path(notebooks).resolve()
    files = tuple(sorted(folder.glob("*.ipynb")))
    with _kernels() as kernel:
        for path in files:
            aside = path.with_name(f".{path.name}.partial-{os.getpid()}")
            try:
                _execute_notebook(path, aside, {}, folder.parent, kernel, Texts())
                done = nbformat.read(aside, as_version=4)
                # The version of this very Python is of no use to a reader.
                done.metadata = {
                    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
                    "language_info": {"name": "python"},
                }
                aside.write_text(nbformat.writes(done) + "\n", encoding="utf-8", newline="\n")
                aside.replace(path)
            finally:
                aside.unlink(missing_ok=True)
    return files


def _execute_notebook(
    path: Path, target: Path, parameters: Mapping[str, Any], home: Path, kernel: str, texts: Texts
) -> None:
    """Execute a notebook and write it without what would tell one run from the next."""
    import nbformat
    import papermill

    notebook = _read_notebook(path, texts)
    try:
        done = papermill.execute_notebook(
            notebook, None, parameters=dict(parameters), kernel_name=kernel, cwd=home, progress_bar=False
        )
    except papermill.PapermillExecutionError as error:
        reason = " ".join(f"{error.evalue or error.ename}".split())
        raise _stopped(path, error.exec_count, reason, parameters, texts) from error
    except RuntimeError as error:  # the kernel did not start, or died
        raise _stopped(path, None, " ".join(str(error).split()), parameters, texts) from error
    _strip(done)
    target.write_text(nbformat.writes(done), encoding="utf-8", newline="\n")


def _stopped(path: Path, cell: int | None, reason: str, parameters: Mapping[str, Any], texts: Texts) -> RunError:
    """Say in one line what stopped a notebook, and how to see it again."""
    where = path.name if cell is None else texts.text("{notebook}, cell [{n}]", notebook=path.name, n=cell)
    given = " ".join(f"-p {name} {value}" for name, value in parameters.items() if name != "data_dir")
    again = f"papermill {path.parent.name}/{path.name} out.ipynb {given}"
    return RunError(
        texts.text("{where} stopped, nothing was kept: {reason}", where=where, reason=reason)
        + "\n"
        + texts.text("To see it again: {command}", command=again),
        exit_code=1,
    )


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


def _settle(work: Path, out: Path) -> Path:
    """Give a finished run its name, the first of ``name``, ``name-2``, ... that is free."""
    for number in itertools.count(1):
        target = out / (work.name if number == 1 else f"{work.name}-{number}")
        if os.path.lexists(target):
            continue
        try:
            return work.rename(target)
        except OSError:
            # Another run may have taken the name in between; anything else is an error.
            if not os.path.lexists(target):
                raise
    raise AssertionError("count() does not end")
