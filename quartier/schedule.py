"""Runs that nobody watches: when one is due, who is told how it ended, which runs there are, and which may go."""

from __future__ import annotations

import datetime
import functools
import html
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quartier import comparison, kernels, manifest, outputs, report, review, runs
from quartier.data import find_path, no_folder, system_reason
from quartier.language import PlainError, Texts, mark
from quartier.scenario import files_not_read, parameter_faults, scenario_names

PERIODS = ("week", "month", "quarter", "year")
"""What a run may be due once in; weeks are those of ISO 8601, which begin on Monday."""

BUSY = 3
"""Exit code where another run is being made and none beside it was wanted."""

COMMAND_TIME_S, WEBHOOK_TIME_S = 60.0, 10.0
PAPERS = "papers.txt"
"""List in the folder that holds runs: names of runs that papers rest on, one a line."""

_EXCLUSIVE = ".exclusive"
_CLUTTER = (".ipynb_checkpoints", ".DS_Store", "Thumbs.db")
"""Names of what programs leave in a folder in which somebody has only looked."""

Say = Callable[[str], object]


@dataclass(frozen=True)
class Order:
    """What a run, or the runs of all scenarios, are asked for.

    Attributes
    ----------
    scenario : str, optional
        A name in ``<data>/scenarios/``; None is ``baseline``.
    is_all : bool
        Every scenario of the city, one after another.
    parameters : sequence of str
        Changes as ``name=value``.
    out, data : str
        Folder that holds runs; the city's folder.
    jobs : int, optional
        How many notebooks are executed side by side.
    cell_time_s : float
        Seconds that a cell may take.
    every : str, optional
        One of `PERIODS`: nothing is done where there is a complete run in the present one.
    is_exclusive : bool
        Do nothing while another run is being made in the same folder.
    log : str, optional
        File that gets a line of JSON for each event.
    on_failure : str, optional
        Command that is told of a failure.
    webhook : str, optional
        Address that is told of a failure.
    """

    scenario: str | None = None
    is_all: bool = False
    parameters: Sequence[str] = ()
    out: str = "outputs"
    data: str = "data"
    jobs: int | None = None
    cell_time_s: float = runs.CELL_TIME_S
    every: str | None = None
    is_exclusive: bool = False
    log: str | None = None
    on_failure: str | None = None
    webhook: str | None = None


# --- making runs --------------------------------------------------------------------------------------------------


def run(order: Order, say: Say, complain: Say, ended: Callable[[], int | None] = lambda: None) -> int:
    """Do what is asked for, and tell everyone who is to know.

    Parameters
    ----------
    order : Order
        What is asked for.
    say, complain : callable
        Take a text for the reader: results, and what went wrong.
    ended : callable
        Gives the exit code of a run that a person or the system has asked to end; None while nobody has.

    Returns
    -------
    int
        0: done, or nothing was due; 1: failed on its way; 2: wrong input; 3: another run is being made. Of several scenarios the
        greatest.

    Raises
    ------
    RunError
        Interrupted; the exit code is with it.
    """
    chronicle = _Chronicle(order, complain, "" if order.is_all else order.scenario or "baseline")
    try:
        chronicle.check()
        names, changes = _checked(order)
        with ExitStack() as stack:
            if order.is_exclusive:
                stack.enter_context(_alone(Path(order.out)))
            warm = functools.cache(lambda: stack.enter_context(kernels.ready()))  # shared, and only where one is due
            return max([_run_one(name, changes, order, chronicle, say, warm, ended) for name in names])
    except _BusyError as busy:
        say(str(busy))
        chronicle.write("busy", message=str(busy), exit_code=BUSY)
        return BUSY
    except PlainError as error:
        return chronicle.fail(error)
    except KeyboardInterrupt as error:
        folder: Path | None = getattr(error, "folder", None)
        code = ended() or 128 + signal.SIGINT
        said = Texts().text("Interrupted; nothing was kept.")
        if folder:
            said = Texts().text("Interrupted; what was done is in {folder}", folder=folder)
        chronicle.tell(
            "interrupted",
            run=f"{outputs.FAILED}/{folder.name}" if folder else None,
            message=said,
            exit_code=code,
        )
        raise runs.RunError(said, exit_code=code) from None


def _checked(order: Order) -> tuple[list[str], dict[str, Any]]:
    """Give the scenarios and the changes, or say what is wrong with what was asked for."""
    texts = Texts()
    if not order.out.strip():
        raise runs.RunError(texts.text("The folder that holds runs needs a name."))
    if not order.data.strip():
        raise runs.RunError(texts.text("The city's folder needs a name."))
    if order.every is not None and order.every not in PERIODS:
        raise _refused("--every", order.every, texts.either(PERIODS))
    if order.jobs is not None and order.jobs < 1:
        raise _refused("--jobs", order.jobs, texts.text("a whole number of 1 or more"))
    if not 0 < order.cell_time_s < math.inf:
        raise _refused("--cell-time", order.cell_time_s, texts.text("a number of seconds above 0"))
    if order.is_all and order.scenario is not None:
        raise runs.RunError(texts.text("Either one scenario or --all."))
    changes = runs.parse_parameters(order.parameters)
    names = scenario_names(order.data) if order.is_all else [order.scenario or "baseline"]
    if not names:
        raise runs.RunError(texts.text("There are no scenarios in {folder}.", folder=texts.given(order.data)))
    known = scenario_names(order.data)
    if known and names[0] not in [*known, *(Path(file).stem for file in files_not_read(order.data))]:
        raise runs.RunError("\n".join(_unknown_scenario(names[0], known, changes, texts)))
    return names, changes


def _unknown_scenario(name: str, known: Sequence[str], changes: Mapping[str, Any], texts: Texts) -> Iterator[str]:
    """Say that there is no scenario of a name, which was perhaps meant, and what else is wrong with the parameters."""
    yield texts.perhaps(texts.text("There is no scenario {name}.", name=texts.given(name)), name, known)
    yield texts.text("What there is: {command}", command=", ".join(known))
    yield from (f"  - {fault.sentence(texts)}" for fault in parameter_faults(changes, texts))


def _refused(option: str, given: object, expected: str) -> runs.RunError:
    texts = Texts()
    return runs.RunError(
        texts.text(
            "{option} takes {expected}, not {given}.", option=option, expected=expected, given=texts.given(str(given))
        )
    )


def _run_one(
    name: str,
    changes: Mapping[str, Any],
    order: Order,
    chronicle: _Chronicle,
    say: Say,
    warm: Callable[[], kernels.Kernels],
    ended: Callable[[], int | None],
) -> int:
    """Run a scenario if it is due, and tell how it went."""
    chronicle.turn_to(name)
    if order.every and (done := done_in_period(order.out, order.data, name, changes, order.every)):
        texts = Texts()
        said = texts.text("Nothing to do: {run} is {period}.", run=done, period=texts.name("period", order.every))
        say(said)
        chronicle.write("skipped", run=done, message=said, exit_code=0)
        return 0
    chronicle.write("begun")
    try:
        with _seen(order):
            ready = warm()  # gets ready while the data are read
            job = runs.prepare(name, changes, order.out, order.data)
            # A bar that nobody watches only fills a log.
            is_watched = sys.stderr.isatty()
            folder = job.execute(progress=is_watched, jobs=order.jobs, cell_time_s=order.cell_time_s, warm=ready)
    except Exception as error:
        if ended():  # a library has made another error of the interrupt, as pandas' parser does
            raise runs.Interrupted(getattr(error, "folder", None)) from error
        if isinstance(error, PlainError):
            return chronicle.fail(error)
        traceback.print_exc()  # a fault of the program: told like any other, and with what helps to find it
        return chronicle.fail(runs.RunError(f"{type(error).__name__}: {error}", exit_code=1))
    lines, plan = job.closing(folder), job.plan
    say("\n".join(lines))
    chronicle.write(
        "done",
        run=folder.name,
        message=lines[0],
        exit_code=0,
        benefit=float(plan.benefit),
        gap=float(plan.gap),
        spent_eur=float(plan.spent_eur),
    )
    return 0


def done_in_period(
    out: str | Path,
    data: str | Path,
    scenario: str,
    changes: Mapping[str, Any],
    every: str,
    today: datetime.date | None = None,
) -> str | None:
    """Name a complete run of a scenario in the present period, if there is one.

    Only runs of this very period count: one that a wrong clock has dated into the future keeps nothing from being done.

    Parameters
    ----------
    out, data : path
        The folder that holds runs; the city's folder.
    scenario : str
        Name of the scenario.
    changes : mapping
        Parameters that differ from the scenario; a run with others is another run.
    every : str
        One of `PERIODS`.
    today : date, optional
        The current day by default.
    """
    now, city = period(today or datetime.date.today(), every), find_path(data).resolve().name
    for folder in reversed(outputs.complete(Path(out))):
        try:
            made = manifest.read(folder, Texts())
        except PlainError:
            continue
        same = (made.scenario.name, made.data, made.changes) == (scenario, city, dict(changes))
        if same and period(_day(made), every) == now:
            return folder.name
    return None


def period(day: datetime.date, every: str) -> tuple[int, int]:
    """Give the week, month, quarter or year that a day lies in, as year and number.

    Examples
    --------
    >>> period(datetime.date(2027, 1, 1), "week"), period(datetime.date(2027, 1, 1), "quarter")
    ((2026, 53), (2027, 1))
    """
    if every == "week":
        year, week, _ = day.isocalendar()
        return year, week
    return day.year, {"month": day.month, "quarter": (day.month + 2) // 3, "year": 1}[every]


def _day(made: manifest.Manifest) -> datetime.date:
    """Day of a run: the one in its name, which people see, else the one on which it was begun."""
    try:
        return datetime.date.fromisoformat(made.name[:10])
    except ValueError:
        return made.begun.astimezone().date()


class _BusyError(Exception):
    """Another run is being made."""


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Be the only one of those who want to be alone in a folder, and not beside any other run that is being made.

    The lock is the process's own: whatever ends it, the lock is free.
    """
    texts = Texts()
    busy = texts.text("Nothing was done: another run is being made in {folder}.", folder=texts.given(str(out)))
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = outputs.open_locked(out / _EXCLUSIVE, wait=False)
    except BlockingIOError:
        raise _BusyError(busy) from None
    except OSError as error:
        raise runs.RunError(report.unwritable(out, error, texts)) from error
    try:
        if outputs.at_work(out):
            raise _BusyError(busy)
        yield
    finally:
        held.close()


@contextmanager
def _seen(order: Order) -> Iterator[None]:
    """Let those who want to be alone in a folder know of a run before it has a place there."""
    with ExitStack() as held:
        # Somebody is alone there, or there is no such folder yet: neither keeps this run from being made.
        with suppress(OSError):
            held.enter_context(outputs.open_locked(Path(order.out) / _EXCLUSIVE, wait=False, shared=True))
        yield


# --- telling ------------------------------------------------------------------------------------------------------


class _Chronicle:
    """Tells a log what happens, and a command and an address what went wrong; what fails at it is told and changes nothing."""

    def __init__(self, order: Order, complain: Say, scenario: str) -> None:
        self._order, self._complain, self._scenario = order, complain, scenario
        self._since, self._can_log = time.monotonic(), order.log is not None

    def turn_to(self, scenario: str) -> None:
        """Tell of this scenario from now on."""
        self._scenario, self._since = scenario, time.monotonic()

    def check(self) -> None:
        """Refuse what could never tell anyone anything, before anything is started.

        Raises
        ------
        RunError
            The log cannot be written to, the command is none, the address is none.
        """
        texts, order = Texts(), self._order
        if order.log is not None:
            try:
                os.close(_opened(order.log))
            except (OSError, ValueError) as error:
                self._can_log = False
                raise runs.RunError(_unloggable(order.log, error)) from error
        if order.on_failure is not None and not _words(order.on_failure):
            raise _refused("--on-failure", order.on_failure, texts.text("a command"))
        if order.webhook is not None and not _is_address(order.webhook):
            raise _refused("--webhook", order.webhook, texts.text("an address that begins with https:// or http://"))

    def fail(self, error: PlainError) -> int:
        """Tell everyone of a failure, and give the exit code."""
        texts, code = Texts(), getattr(error, "exit_code", 2)
        said = str(error)
        if self._scenario:
            said = texts.text("No run of {scenario}: {why}", scenario=texts.given(self._scenario), why=said)
        self._complain(said)
        folder: Path | None = getattr(error, "folder", None)
        self.tell("failed", run=f"{outputs.FAILED}/{folder.name}" if folder else None, message=said, exit_code=code)
        return code

    def tell(self, event: str, **known: Any) -> None:
        """Write an event into the log, and tell command and address of it."""
        told = self.write(event, **known)
        body = _json(told)
        words, address = _words(self._order.on_failure or ""), self._order.webhook
        if words:
            surroundings = {
                "QUARTIER_MESSAGE": told["message"].replace("\0", "")[:10_000],
                "QUARTIER_RUN": told["run"] or "",
                "QUARTIER_EXIT_CODE": str(told["exit_code"]),
            }
            if reason := _call(words, body, surroundings):
                self._complain(Texts().text("The command of --on-failure did not work: {reason}", reason=reason))
        if address is not None and _is_address(address) and (reason := _post(address, body)):
            self._complain(Texts().text("The address of --webhook was not reached: {reason}", reason=reason))

    def write(self, event: str, **known: Any) -> dict[str, Any]:
        """Write an event into the log, and give it."""
        order = self._order
        told = {
            "time": f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
            "event": event,
            "scenario": self._scenario or None,
            "parameters": list(order.parameters),
            "run": None,
            "seconds": round(time.monotonic() - self._since, 1),
            "exit_code": None,
            "message": None,
            "benefit": None,
            "gap": None,
            "spent_eur": None,
            **known,
        }
        if order.log is not None and self._can_log:
            try:
                at = _opened(order.log)
                try:
                    os.write(at, _json(told) + b"\n")  # one write to the end: lines of several processes do not mix
                finally:
                    os.close(at)
            except OSError as error:
                self._can_log = False  # once is enough
                self._complain(_unloggable(order.log, error))
        return told


def _opened(log: str) -> int:
    # Opened for each line, so that the log may be rotated meanwhile.
    return os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)


def _unloggable(log: str, error: Exception) -> str:
    texts = Texts()
    reason = system_reason(error, texts)
    if isinstance(error, FileNotFoundError):  # the file itself would be made
        reason = texts.text("no such folder")
    return texts.text("The log {file} cannot be written: {reason}", file=texts.given(log, 200), reason=reason)


def _json(told: Mapping[str, Any]) -> bytes:
    known = {key: None if isinstance(one, float) and not math.isfinite(one) else one for key, one in told.items()}
    return json.dumps(known, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _words(command: str) -> list[str]:
    """Split a command as a shell does; nothing where it is none."""
    try:
        return shlex.split(command)
    except ValueError:
        return []


def _call(words: list[str], body: bytes, surroundings: Mapping[str, str]) -> str:
    """Start a command with a body on its standard input, wait, and say what went wrong, if anything did."""
    texts = Texts()
    # Files, not pipes: nobody waits for what the command may have left running in the background.
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as errors:
        given.write(body)
        given.seek(0)
        try:
            called = subprocess.Popen(
                words,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                env={**os.environ, **surroundings},
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            is_there = not isinstance(error, FileNotFoundError)
            return f"{words[0]}: {system_reason(error, texts) if is_there else texts.text('no such program')}"
        try:
            code = called.wait(COMMAND_TIME_S)
        except subprocess.TimeoutExpired:
            _kill(called)
            return texts.text(
                "{name} took longer than {seconds} seconds", name=words[0], seconds=texts.number(COMMAND_TIME_S)
            )
        except BaseException:
            _kill(called)
            raise
        if code == 0:
            return ""
        errors.seek(0)
        last = errors.read().decode("utf-8", "replace").strip().splitlines()[-1:]
        return texts.text("{name} left with exit code {code}", name=words[0], code=code) + "".join(
            f": {line}" for line in last
        )


def _kill(called: subprocess.Popen[bytes]) -> None:
    """Kill a command and what it has started."""
    try:
        os.killpg(called.pid, signal.SIGKILL)
    except (OSError, AttributeError):
        called.kill()
    called.wait()


def _is_address(address: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(address)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows no redirection: what was posted would be lost on the way."""

    def redirect_request(self, *args: Any) -> None:
        return None


def _post(address: str, body: bytes) -> str:
    """Post a body, and say what went wrong, if anything did; without the address, which may hold a secret."""
    host, texts = urllib.parse.urlsplit(address).hostname, Texts()
    reason = texts.text("{name} took longer than {seconds} seconds", name=host, seconds=texts.number(WEBHOOK_TIME_S))
    answer = [reason]

    def post() -> None:
        asked = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="POST")
        try:
            with urllib.request.build_opener(_Straight).open(asked, timeout=WEBHOOK_TIME_S):
                answer[0] = ""
        except urllib.error.HTTPError as error:
            answer[0] = f"{host}: HTTP {error.code}"
            error.close()
        except Exception as error:  # whatever it was, it changes nothing
            why = getattr(error, "reason", None) or error
            if not isinstance(why, TimeoutError):  # said already
                answer[0] = f"{host}: {why}"

    # In a thread, since the limit of a socket is one for each step, not for all of it.
    thread = threading.Thread(target=post, daemon=True)
    thread.start()
    thread.join(WEBHOOK_TIME_S)
    return answer[0]


# --- which runs there are -----------------------------------------------------------------------------------------


def list_runs(out: str | Path = "outputs") -> dict[str, Any]:
    """List the runs in a folder, oldest first.

    Returns
    -------
    dict
        ``runs``: complete ones, each with what it changed against the one before it of the same scenario and city (None: there is
        none before) and the names of the sites where it did, as far as a run tells them; ``unreadable``, ``at_work``, ``failed``.

    Raises
    ------
    PlainError
        There is no such folder, but for ``outputs``, which the first run makes.
    """
    folder, texts = Path(out), Texts()
    if not folder.is_dir() and (folder != Path("outputs") or folder.exists()):
        raise PlainError(no_folder(folder, out, texts))
    made, unreadable = _read_runs(folder, texts)
    looked_at, before, listed = review.verified(folder), dict[tuple[str, str, str], manifest.Manifest](), []
    named = dict[str, dict[str, str]]()  # by city: names of sites, the latest ones; one that is gone keeps its own
    for path, one in made:
        # Beside the last one with the same parameters; the first with others beside the last of the scenario.
        same, any_other = (
            (one.data, one.scenario.name, json.dumps(one.parameters, sort_keys=True)),
            (one.data, one.scenario.name, ""),
        )
        last = before.get(same) or before.get(any_other)
        before[same] = before[any_other] = one
        record = looked_at.get(path.name)
        names = named.setdefault(one.data, {})
        names |= comparison.site_names(path)
        changes = None if last is None else _changes(last, one)
        listed.append(
            {
                "run": path.name,
                "date": _day(one).isoformat(),
                "begun": f"{one.begun:%Y-%m-%dT%H:%M:%SZ}",
                "city": one.data,
                "scenario": one.scenario.name,
                "parameters": one.parameters,
                "benefit": one.result.benefit,
                "gap": one.result.gap,
                "spent_eur": one.result.spent_eur,
                "funded_sites": one.result.funded_sites,
                "changes_eur": changes,
                "names": {site: names[site] for site in changes or {} if site in names},
                "verified": record and {"date": record.get("date"), "result": record.get("result")},
            }
        )
    failed = [{"run": path.name, **_known(path)} for path in _failed(folder)]
    return {
        "runs": listed,
        "unreadable": [{"folder": path.name, "reason": reason} for path, reason in unreadable],
        "at_work": outputs.at_work(folder),
        "failed": failed,
    }


def sentences(listed: Mapping[str, Any], out: str | Path = "outputs") -> list[str]:
    """Give a list of runs as a table for people, with a line each for what is not complete."""
    texts = Texts()
    lines = []
    if listed["runs"]:
        heads = [
            texts.text("run"),
            texts.text("date"),
            texts.text("scenario"),
            texts.text("reached"),
            texts.text("gap"),
            texts.text("made again"),
            texts.text("changes"),
        ]
        rows = [_row(one, texts) for one in listed["runs"]]
        widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
        for row in (heads, *rows):
            cells = [
                cell.rjust(w) if at in (3, 4) else cell.ljust(w)
                for at, (cell, w) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
    else:
        lines.append(texts.text("There is no complete run in {folder}.", folder=texts.given(str(out))))
    for one in listed["unreadable"]:
        lines.append(texts.text("Not readable: {folder}: {reason}", folder=one["folder"], reason=one["reason"]))
    if listed["at_work"]:
        lines.append(texts.text("Being made: {runs}", runs=", ".join(listed["at_work"])))
    if listed["failed"]:
        last = listed["failed"][-1]
        lines.append(
            texts.text(
                "{n} run was not finished: {run} ({why})",
                plural="{n} runs were not finished, the last one {run} ({why})",
                n=len(listed["failed"]),
                run=f"{outputs.FAILED}/{last['run']}",
                why=str(last.get("message") or _why_unfinished(last.get("kind"), texts)).splitlines()[0],
            )
        )
    return lines


_KINDS = {"interrupted": mark("interrupted"), "killed": mark("it was killed, or the machine was switched off")}


def _why_unfinished(kind: object, texts: Texts) -> str:
    """Say why a run was not finished that says no more of it than the kind of its failure."""
    return texts.text(_KINDS[kind]) if kind in _KINDS else texts.text("for an unknown reason")


def _row(one: Mapping[str, Any], texts: Texts) -> list[str]:
    changed = "".join(f" {name}={value}" for name, value in one["parameters"].items())
    return [
        one["run"],
        texts.date(datetime.date.fromisoformat(one["date"])),
        f"{one['scenario']}{changed}",
        texts.number(one["benefit"], 1),
        texts.percent(one["gap"], 2),
        _made_again(one["verified"], texts),
        _told_changes(one["changes_eur"], one["names"], texts),
    ]


def _made_again(record: Mapping[str, Any] | None, texts: Texts) -> str:
    if not record:
        return texts.text("no")
    try:
        day = texts.date(datetime.datetime.fromisoformat(str(record["date"])).astimezone().date())
    except ValueError:
        day = "?"
    if record["result"] == "same":
        return texts.text("the same, {date}", date=day)
    return texts.text("different, {date}", date=day)


def _told_changes(
    changes: Mapping[str, float] | None, names: Mapping[str, str], texts: Texts, most: int = 3, longest: int = 24
) -> str:
    if changes is None:
        return texts.text("the first")
    if not changes:
        return texts.text("none")
    biggest = sorted(changes, key=lambda site: (-abs(changes[site]), site))
    told = []
    for site in biggest[:most]:
        name = " ".join(names.get(site, site).split()) or site
        name = name if len(name) <= longest else f"{name[: longest - 1].rstrip()}\u2026"
        told.append(f"{name} {'+' if changes[site] > 0 else ''}{texts.eur(changes[site])}")
    more = len(biggest) - most
    if more > 0:
        told.append(texts.text("{n} more site", plural="{n} more sites", n=more))
    return texts.listing(told)


def _changes(before: manifest.Manifest, now: manifest.Manifest) -> dict[str, float]:
    """EUR that each site has more than before; without those that have as much."""
    old, new = before.result.amounts_eur, now.result.amounts_eur
    found = {site: new.get(site, 0.0) - old.get(site, 0.0) for site in sorted({*old, *new})}
    return {site: amount for site, amount in found.items() if abs(amount) >= 0.005}


def _read_runs(folder: Path, texts: Texts) -> tuple[list[tuple[Path, manifest.Manifest]], list[tuple[Path, str]]]:
    """Complete runs with what they say of themselves, oldest first; those that cannot be read, with the reason."""
    made, unreadable = [], []
    for path in outputs.complete(folder):
        try:
            made.append((path, manifest.read(path, texts)))
        except PlainError as error:
            unreadable.append((path, str(error)))
    return sorted(made, key=lambda one: (one[1].begun, one[0].name)), unreadable


def _failed(folder: Path) -> list[Path]:
    """Folders of runs that were not finished, oldest first."""
    home = folder / outputs.FAILED
    if home.is_symlink():
        return []
    found = [path for path in home.glob("*") if not path.is_symlink() and (path / outputs.FAILURE).is_file()]
    return sorted(found, key=lambda path: (str(_known(path).get("begun") or path.name[:10]), path.name))


def _known(failed: Path) -> dict[str, Any]:
    """What a run that was not finished says of itself."""
    try:
        known = json.loads((failed / outputs.FAILURE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {**known, "run": failed.name} if isinstance(known, dict) else {}


# --- which runs may go --------------------------------------------------------------------------------------------


def tidy(out: str | Path, keep: int, papers: Sequence[str | Path] = (), *, is_dry: bool = True) -> list[str]:
    """Remove older runs: of each scenario, with its parameters and its city, all but the newest ones.

    Never removed: the run that ``latest`` leads to, a run that a paper names, a folder that was renamed or that holds anything
    that the run has not made, and what is no run. Links are not followed.

    Parameters
    ----------
    out : path
        The folder that holds runs.
    keep : int
        How many complete runs of each kind, and how many that were not finished, are kept.
    papers : sequence of path
        Files that may name runs, and folders of such files; beside the names in ``papers.txt``.
    is_dry : bool
        Only say what would be done.

    Returns
    -------
    list of str
        Lines for the reader: what was kept and why, what was removed, how much space that frees.

    Raises
    ------
    RunError
        Fewer than one are to be kept, a paper cannot be searched, or the folder cannot be written to. Nothing was removed.
    """
    folder, texts = Path(out), Texts()
    if keep < 1:
        raise _refused("--keep", keep, texts.text("a whole number of 1 or more"))
    if not folder.is_dir():
        raise runs.RunError(no_folder(folder, out, texts))
    cited = _Cited(folder, papers, texts)
    lines, hidden = [], []
    try:
        with ExitStack() as stack:
            if not is_dry:
                stack.enter_context(outputs.locked(folder))
                for moved in outputs.sweep(folder):
                    lines.append(texts.text("Left by a run that was killed, now in {folder}", folder=moved))
            kept, going = _sorted_out(folder, keep, cited, texts)
            sizes = {path: _size(path) for path in going}
            if not is_dry:
                # At once for any reader; what takes long is done when nobody waits for the lock.
                for number, path in enumerate(going):
                    hidden.append(folder / f".{path.name}.removed-{os.getpid()}-{number}")
                    path.rename(hidden[-1])
                hidden += [path for path in folder.glob(".*.removed-*") if path not in hidden]
    except OSError as error:
        raise runs.RunError(report.unwritable(folder, error, texts), exit_code=1) from error
    for path in hidden:
        if not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
    left = [path for path in hidden if path.is_dir()]
    lines += [texts.text("kept: {run} ({why})", run=path.relative_to(folder), why=why) for path, why in kept]
    said = mark("would be removed: {run} ({size})") if is_dry else mark("removed: {run} ({size})")
    lines += [texts.text(said, run=path.relative_to(folder), size=_megabytes(sizes[path], texts)) for path in going]
    lines += [texts.text("{file} names {run}, which is not there.", file=PAPERS, run=name) for name in cited.unknown()]
    lines += [texts.text("Could not be deleted all the way: {folder}", folder=path) for path in left]
    total = _megabytes(sum(sizes.values()), texts)
    if not is_dry:
        lines.append(texts.text("Freed: {size}", size=total))
    elif going:
        lines.append(texts.text("Nothing was removed yet. With --yes, {size} are freed.", size=total))
    else:
        lines.append(texts.text("There is nothing to remove."))
    return lines


def _sorted_out(folder: Path, keep: int, cited: _Cited, texts: Texts) -> tuple[list[tuple[Path, str]], list[Path]]:
    """Runs that are kept, each with the reason, and runs that go."""
    made, unreadable = _read_runs(folder, texts)
    latest = folder / outputs.LATEST
    leads_to = latest.readlink().name if latest.is_symlink() else None
    kept = list(unreadable)
    going: list[Path] = []
    groups = dict[str, list[Path]]()
    for path, one in made:
        if path.name != one.name:
            kept.append((path, texts.text("was renamed")))
            continue
        kind = json.dumps([one.data, one.scenario.name, one.parameters], sort_keys=True)
        groups.setdefault(kind, []).append(path)
    known = dict(made)
    unfinished = _failed(folder)
    for group in (*groups.values(), unfinished):
        for path in group[-keep:]:
            kept.append((path, texts.text("one of the newest {n}", n=str(keep))))
        for path in group[:-keep]:
            if paper := cited.where(path.name):
                kept.append((path, texts.text("named in {file}", file=paper)))
            elif path.parent == folder and path.name == leads_to:
                kept.append((path, texts.text("{link} leads to it", link=outputs.LATEST)))
            elif path in known and (foreign := _foreign(path, known[path])):
                kept.append((path, texts.text("{file} is not as the run has left it", file=foreign)))
            else:
                going.append(path)
    return kept, going


def _foreign(folder: Path, made: manifest.Manifest) -> str:
    """Name a file in a run that the run has not made, or not so; somebody's work may be in it."""
    known = made.files
    for path in manifest.walk(folder):
        if path == manifest.FILE or set(path.split("/")) & set(_CLUTTER):
            continue
        if path not in known or (folder / path).is_symlink() or manifest.hash_file(folder / path) != known[path]:
            return path
    return ""


def _size(folder: Path) -> int:
    return sum((folder / path).lstat().st_size for path in manifest.walk(folder))


def _megabytes(size: int, texts: Texts) -> str:
    return f"{texts.number(size / 1e6, 1)} MB"


class _Cited:
    """Names of runs in papers: those of a list, and those that stand in a text.

    Raises
    ------
    RunError
        A paper cannot be searched.
    """

    def __init__(self, folder: Path, papers: Sequence[str | Path], texts: Texts) -> None:
        self._folder, self._listed, self._texts = folder, list[str](), dict[str, str]()
        listed = folder / PAPERS
        if os.path.lexists(listed):
            for line in (_text(listed) or self._refuse(listed, texts)).splitlines():
                if name := line.partition("#")[0].strip().rstrip("/"):
                    self._listed.append(name.rpartition("/")[2])
        for given in map(Path, papers):
            if not given.exists():
                raise runs.RunError(texts.text("There is no file {file}.", file=texts.given(str(given))))
            files = [given]
            if given.is_dir():
                files = sorted(
                    path for path in given.rglob("*") if path.is_file() and path.suffix.lower() not in _PICTURES
                )
            for path in files:
                found = _text(path)
                self._texts[str(path)] = self._refuse(path, texts) if found is None else _plain(found)

    @staticmethod
    def _refuse(path: Path, texts: Texts) -> str:
        raise runs.RunError(
            texts.text(
                "{file} cannot be searched for names of runs. Write them into {list}, one a line, and leave the file out. "
                "Nothing was removed.",
                file=texts.given(str(path), 200),
                list=PAPERS,
            )
        )

    def where(self, name: str) -> str | None:
        """Name a paper in which a run is named."""
        if name in self._listed:
            return PAPERS
        return next((paper for paper, text in self._texts.items() if name in text), None)

    def unknown(self) -> list[str]:
        """Names in the list that no run has."""
        homes = (self._folder, self._folder / outputs.FAILED)
        return [name for name in self._listed if not any((home / name).is_dir() for home in homes)]


_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".tif", ".tiff")
"""Not searched where they stand in a folder of papers."""


def _text(path: Path) -> str | None:
    """Read the text of a paper; None where it cannot be searched."""
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as parts:
                inside = [
                    name for name in parts.namelist() if name.lower().endswith((".xml", ".rels", ".txt", ".html"))
                ]
                return "\n".join(parts.read(name).decode("utf-8", "replace") for name in inside) if inside else None
        raw = path.read_bytes()
        if raw.startswith(b"%PDF"):
            return _pdf_text(path)
        if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
            return raw.decode("utf-16")
        return None if b"\0" in raw else raw.decode("utf-8", "replace")
    except (OSError, ValueError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return None


def _pdf_text(path: Path) -> str | None:
    """Text of a PDF, where a program for it is installed (pdftotext of poppler) and finds any."""
    if not (program := shutil.which("pdftotext")):
        return None
    try:
        done = subprocess.run([program, str(path), "-"], capture_output=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.stdout.strip() else None


def _plain(text: str) -> str:
    """Give a text without what may stand within a name: marks of a document, line breaks, hyphens of other kinds."""
    text = re.sub(r"<\w+:noBreakHyphen\b[^>]*>", "-", text)
    stripped = html.unescape(re.sub(r"<[^<>]*>", "", text))
    # With the marks, too: a name may stand in an address.
    return "\n".join(re.sub(r"[\s\u00ad]", "", re.sub(r"[\u2010-\u2013\u2212]", "-", one)) for one in (stripped, text))
