"""The folder that holds runs: what stands in it under a run's name is complete, whatever was killed on its way.

A run is made in a hidden folder beside, which its process holds a lock on. The next run finds the hidden folders that nobody
holds any more and puts what is in them below `failed/`. Names are given, and the link `latest` is set, under the folder's own lock,
so that any number of runs can be at work at once.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

try:
    import fcntl
except ImportError:  # Windows: two runs at once are then kept apart by their names alone
    fcntl = None  # type: ignore[assignment]

from quartier.manifest import FILE

LATEST, FAILED, FAILURE = "latest", "failed", "failure.json"
_LOCK, _SETTLING = ".lock", "settling"


class Place:
    """Where a run is made until it is complete.

    Attributes
    ----------
    out : Path
        The folder that holds runs, absolute.
    name : str
        The name that the run should have.
    work : Path
        Folder for the run's files.
    """

    def __init__(self, out: Path, name: str, partial: Path, held: BinaryIO) -> None:
        self.out, self.name, self.work, self._partial, self._held = out, name, partial / name, partial, held

    def keep(self, finish: Callable[[str], None]) -> Path:
        """Give the finished run its name, the first of ``name``, ``name-2``, ... that is free, and set the link to it.

        Parameters
        ----------
        finish : callable
            Takes the name and writes what depends on it into `work`.

        Raises
        ------
        OSError
            The folder cannot be written to, or the disk is full.
        """
        _to_disk(self.work)
        with locked(self.out):
            for target in free_names(self.out, self.name):
                finish(target.name)
                _to_disk(self.work)
                (self._partial / _SETTLING).write_text(target.name, encoding="utf-8")
                try:
                    self.work.rename(target)
                except OSError:
                    # Somebody may have taken the name in between; anything else is an error.
                    if not os.path.lexists(target):
                        raise
                    continue
                _set_latest(self.out, target.name)
                return target
        raise AssertionError("there is always a free name")

    def set_aside(self, failure: Mapping[str, Any]) -> Path:
        """Move what is there below ``failed/`` together with what is known of the failure.

        Returns
        -------
        Path
            Where it is; the hidden folder itself where nothing can be moved.
        """
        try:
            with locked(self.out):
                return _set_aside(self.out, self.work, failure)
        except OSError:
            self._held.close()  # so that the next run may try
            return self.work


@contextmanager
def begun(out: Path, name: str) -> Iterator[Place]:
    """Make a place for a run, and tidy away what runs that were killed have left.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    made = [path for path in (out, *out.parents) if not path.exists()]
    # Absolute: Papermill, in another thread, may stand in another folder for a moment.
    out = out.absolute()
    with locked(out):
        sweep(out)
        partial = next(free_names(out, f".{name}.partial-{os.getpid()}"))
        partial.mkdir()
        held = open_locked(partial / _LOCK)
    place = Place(out, name, partial, held)
    try:
        place.work.mkdir()
        yield place
    finally:
        if not place.work.exists() or not held.closed:
            shutil.rmtree(partial, ignore_errors=True)
        held.close()
        for path in made:
            if path.is_dir() and {one.name for one in path.iterdir()} <= {_LOCK}:
                shutil.rmtree(path, ignore_errors=True)


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of the folder that holds runs: for names and links, a moment; a process that is killed lets go of it.

    Raises
    ------
    OSError
        The folder cannot be written to.
    """
    out.mkdir(parents=True, exist_ok=True)
    held = open_locked(out / _LOCK)
    try:
        yield
    finally:
        held.close()


def sweep(out: Path) -> list[Path]:
    """Put what runs that were killed have left below ``failed/``; the folder's lock must be held.

    Returns
    -------
    list of Path
        Where it is now.
    """
    moved = []
    for partial in sorted(out.glob(".*.partial-*")):
        if partial.is_symlink() or not partial.is_dir() or is_held(partial):
            continue
        name = partial.name[1 : partial.name.rindex(".partial-")]
        work, settling = partial / name, partial / _SETTLING
        try:
            if work.is_dir() and any(path.is_file() for path in work.rglob("*")):
                moved.append(_set_aside(out, work, {"kind": "killed"}))
            elif not work.exists() and settling.is_file():
                _set_latest(out, settling.read_text(encoding="utf-8"))  # killed between name and link
            shutil.rmtree(partial)
        except OSError:  # the next run tries again
            continue
    return moved


def is_held(partial: Path) -> bool:
    """Tell whether a process is at work in a hidden folder."""
    try:
        open_locked(partial / _LOCK, wait=False).close()
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def at_work(out: Path) -> list[str]:
    """Names of the runs that are being made in a folder just now."""
    partials = sorted(path for path in out.glob(".*.partial-*") if path.is_dir() and (path / _LOCK).exists())
    return [path.name[1 : path.name.rindex(".partial-")] for path in partials if is_held(path)]


def complete(out: Path) -> list[Path]:
    """List the complete runs in a folder, by name."""
    found = [path for path in out.glob("*") if not path.is_symlink() and not path.name.startswith(".")]
    return sorted(path for path in found if (path / FILE).is_file())


def _set_aside(out: Path, work: Path, failure: Mapping[str, Any]) -> Path:
    folder = out / FAILED
    if folder.is_symlink():  # never move anything to where a link leads
        raise NotADirectoryError(folder)
    folder.mkdir(exist_ok=True)
    for target in free_names(folder, work.name):
        try:
            work.rename(target)
        except OSError:
            if not os.path.lexists(target):
                raise
            continue
        try:
            # Not the name that the run would have had: that may be another's by now.
            told = {**failure, "run": f"{FAILED}/{target.name}"}
            text = json.dumps(told, ensure_ascii=False, indent=2) + "\n"
            (target / FAILURE).write_text(text, encoding="utf-8", newline="\n")
        except OSError:  # a full disk: what is there is kept all the same
            (target / FAILURE).unlink(missing_ok=True)
        return target
    raise AssertionError("there is always a free name")


def free_names(folder: Path, name: str) -> Iterator[Path]:
    """Paths of this name that are free just now: ``name``, ``name-2``, ..."""
    for number in itertools.count(1):
        path = folder / (name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(path):
            yield path


def _set_latest(out: Path, name: str) -> None:
    link, aside = out / LATEST, out / f".{LATEST}-{os.getpid()}"
    if os.path.lexists(link) and not link.is_symlink():
        return  # somebody's own folder or file
    try:
        aside.unlink(missing_ok=True)
        aside.symlink_to(name, target_is_directory=True)
        aside.replace(link)
    except OSError:  # a file system without links, or a full disk; the run itself is complete
        aside.unlink(missing_ok=True)


def open_locked(path: Path, *, wait: bool = True, shared: bool = False) -> BinaryIO:
    """Open a file and hold its lock until it is closed; a link in its place is not followed.

    Raises
    ------
    BlockingIOError
        Another process holds the lock, and it was not to be waited for; a shared one may be held by several.
    """
    file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666), "r+b")
    if fcntl is not None:
        try:
            kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
            fcntl.flock(file, kind | (0 if wait else fcntl.LOCK_NB))
        except BaseException:
            file.close()
            raise
    return file


def _to_disk(folder: Path) -> None:
    """Have everything below a folder on the disk before it gets its name, so that a power cut leaves no half files under it."""
    for at, _, files in os.walk(folder):
        for name in (*files, "."):
            if os.name == "nt" and name == ".":
                continue  # a folder cannot be opened there
            handle = os.open(Path(at, name), os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
