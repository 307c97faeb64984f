"""Shows a panel in the page: what a person does there goes to the panel, what the panel answers goes back.

The page (`page/panel.js`) sends one action at a time and waits for the answer, so that positions of a slider that were passed long
ago are never worked out. Actions are worked out in a thread of their own: the kernel stays awake, and a long one can be stopped.
Nothing is computed here that `Panel` would not compute from Python.

Where no page can be spoken to (a run, a notebook that is executed for comparing), a panel shows as a picture and a table; in
JupyterLab both lie below the live panel as well, out of sight, so that a saved notebook shows the last state when it is opened again.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import dataclasses
import functools
import html
import io
import json
import logging
import math
import os
import queue
import re
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from quartier import figures, screen
from quartier.data import Sites
from quartier.explorer import Panel
from quartier.language import PlainError
from quartier.report import publish, save, shell_of_notebook, show
from quartier.scenario import Scenario

QUIET_S = 1.5
"""After so long without a change the picture that a saved notebook keeps is drawn anew."""

PATIENCE_S = 30.0
"""After so long an action is ended as if somebody had stopped it."""

REST_S = 5.0
"""After so long beyond a change, what is still looked for is left out, the reasons of a site, say: its plan is to be seen, and moved on."""

_LOOKS = ("ask", "since", "compare", "code", "hand", "hand_end")

_PAGE = Path(__file__).parent / "page"
_AMOUNTS = ("budget_eur", "reserve_eur", "step_eur")
_COUNTS = ("max_sites", "min_sites")
_SHARES = ("base_coverage", "max_change_share")
_OF_ALL_OR_ONE = ("min_eur", "max_eur")
_log = logging.getLogger(__name__)
_hosts: WeakKeyDictionary[Panel, _Host] = WeakKeyDictionary()


def explore(sites: Sites, scenario: Scenario | None = None, *, folder: str | Path | None = None) -> Panel:
    """Begin to try choices. In a notebook the panel shows itself; everything it does can be done from Python, too.

    Parameters
    ----------
    sites : Sites
        The candidates.
    scenario : Scenario, optional
        Where to begin; the defaults of a scenario if not given.
    folder : path, optional
        Where plans are kept under a name; without one they last as long as the panel. A relative one is looked for as the data are:
        a notebook in ``notebooks/`` finds ``outputs/kept`` beside that folder.

    Returns
    -------
    Panel
        With the plans that an earlier panel has kept in the folder.

    Raises
    ------
    PlainError
        These are no sites or no scenario, or the scenario names partners, sites or indicators that the sites do not have.
    """
    panel = Panel(sites, Scenario.model_validate({}) if scenario is None else scenario, folder=folder)
    if shell := shell_of_notebook():
        shell.display_formatter.ipython_display_formatter.for_type(Panel, show_panel)
    return panel


def show_panel(panel: Panel) -> None:
    """Show a panel in a notebook: live where a page takes part, else as a picture and a table."""
    shell = shell_of_notebook()
    if shell is None or not _is_live(shell):
        _show_frozen(panel)
        return
    if panel not in _hosts:
        _hosts[panel] = _Host(panel)
    _hosts[panel].show(shell)


def _is_live(shell: Any) -> bool:
    """Whether somebody is there to take part: JupyterLab names the cell it runs, Voila names itself; other programs do neither."""
    asked = os.environ.get("QUARTIER_PANEL")
    if asked in ("live", "frozen"):
        return asked == "live"
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return False
    parent = kernel.get_parent("shell") or {}
    return _in_voila() or "cellId" in parent.get("metadata", {})


def _in_voila() -> bool:
    return os.environ.get("SERVER_SOFTWARE", "").startswith("voila/")


def _show_frozen(panel: Panel) -> None:
    """Show the state as a picture and a table. Kept plans are left out: whoever executes the notebook has others."""
    with contextlib.suppress(PlainError):
        show(figures.plot_amounts(panel.plan))
    publish(panel.described(), {})


def _frozen_html(panel: Panel) -> dict[str, str]:
    """Give picture and table in one piece."""
    bundle = panel.described()
    picture = ""
    with contextlib.suppress(PlainError):
        ax = figures.plot_amounts(panel.plan)
        data, alt = base64.b64encode(figures.screen_png(ax)).decode(), html.escape(figures.alt_text(ax), quote=True)
        picture = f'<img alt="{alt}" src="data:image/png;base64,{data}" style="max-width: 100%">\n'
    return {**bundle, "text/html": f'<div class="quartier-frozen">\n{picture}{bundle["text/html"]}\n</div>'}


@functools.cache
def _kind() -> Any:
    """Make the class that speaks with the page; here, so that only who shows a panel waits for the library."""
    import anywidget
    import traitlets

    class Shown(anywidget.AnyWidget):
        _esm = "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in ("map.js", "panel.js"))
        _css = "\n".join((_PAGE / name).read_text(encoding="utf-8") for name in ("panel.css", "map.css"))
        screen = traitlets.Dict().tag(sync=True)

    return Shown


class _Stopped(SystemExit):
    """Somebody does not want to wait any longer.

    No Exception: nobody else may take it for a failure of theirs; and a thread that it ends does so silently.
    """


class _Host:
    """A panel on a page, or on several: takes actions in the order they come, one after the other."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._view = screen.View()
        self._queue: queue.Queue[dict[str, Any]] = queue.Queue()
        self._seq = 1
        self._enough = threading.Event()
        self._answering = 0
        self._frozen: Callable[[], None] | None = None
        self.shown = _kind()(screen=self._screen({}, None))
        self.shown.on_msg(self._heard)
        panel.subscribe(self._told)
        self._thread = threading.Thread(target=self._work, name="quartier-panel", daemon=True)
        self._thread.start()

    def show(self, shell: Any) -> None:
        """Put a view of it below the cell."""
        data = {**self.shown._repr_mimebundle_()[0], "text/plain": self._panel.texts.text("Try choices")}
        shell.display_pub.publish(data=data)
        if _in_voila():
            return  # nobody saves that page

        def frozen(*, update: bool) -> None:
            transient = {"display_id": f"quartier-{id(self)}"}
            shell.display_pub.publish(data=_frozen_html(self._panel), transient=transient, update=update)

        frozen(update=False)
        self._frozen = functools.partial(frozen, update=True)

    # --- in the kernel's thread ---

    def _heard(self, _: Any, content: Any, buffers: Any) -> None:
        action = content if isinstance(content, dict) else {}
        if action.get("do") == "ping":
            self.shown.send({"kind": "pong", "client": action.get("client")})
        elif action.get("do") == "stop":
            self._enough.set()
        else:
            self._queue.put(action)

    def _told(self) -> None:
        if threading.get_ident() != self._answering:  # else the answer shows it anyway
            self._queue.put({"do": "show"})

    # --- in a thread of its own ---

    def _work(self) -> None:
        stale = False
        while True:
            try:
                action = self._queue.get(timeout=QUIET_S if stale else None)
            except queue.Empty:
                stale = False
                if self._frozen:
                    _in_kernel(self._frozen)
                continue
            try:
                if action.get("do") == "arrived":
                    # A kernel that was kept waiting for a visitor knows only what was kept when it was started.
                    self._panel.look_again()
                    continue
                self._answer(action)
                stale = self._frozen is not None
            except Exception:
                _log.exception("a panel could not answer")

    def _answer(self, action: dict[str, Any]) -> None:
        """Work an action out in a thread that can be ended wherever it is, and show what came of it."""
        self._seq += 1
        self._enough.clear()
        done, begun = _Done(), time.monotonic()
        doer = threading.Thread(target=self._work_out, args=(action, done), name="quartier-action", daemon=True)
        doer.start()

        def until() -> float:
            if action.get("do") == "export":
                return math.inf
            if done.changed is None or action.get("do") in _LOOKS:  # who wants to look at something waits for it
                return begun + PATIENCE_S
            return done.changed + REST_S

        _wait_for(doer, self._enough, until)
        self._answering = 0
        if done.screen is None:  # it was ended
            texts = self._panel.texts
            stopped = texts.text("Stopped. What was not finished is not done.")
            if done.changed is not None:
                stopped = texts.text("This is done. What else would be shown took too long and is left out.")
            done.screen = self._screen(action, _message([stopped]), brief=True)
        self.shown.screen = done.screen

    def _work_out(self, action: dict[str, Any], done: _Done) -> None:
        """Do what somebody wants; at the end ``done`` has what is to be shown, if nobody has ended it before."""
        with contextlib.suppress(_Stopped):
            self._show_what_comes_of(action, done)

    def _show_what_comes_of(self, action: dict[str, Any], done: _Done) -> None:
        view, texts = self._view, self._panel.texts
        self._answering = threading.get_ident()
        try:
            message = self._do(action)
            done.changed = time.monotonic()
            done.screen = self._screen(action, message)
        except PlainError as error:
            self._view = view
            message = _message(screen.told(self._panel, error), str(action.get("at", "")), error=True)
            done.screen = self._screen(action, message)
        except Exception:
            _log.exception("a panel could not do what it was told: %s", json.dumps(action, default=str)[:500])
            lines = [texts.text("This was not understood. Load the page again, or run the cell of the panel again.")]
            done.screen = self._screen(action, _message(lines, error=True))

    def _screen(self, action: dict[str, Any], message: dict[str, Any] | None, *, brief: bool = False) -> dict[str, Any]:
        found = screen.of(self._panel, dataclasses.replace(self._view, brief=brief))
        ack = [action.get("client"), action.get("n")] if "n" in action else None
        return {**found, "message": message, "seq": self._seq, "ack": ack}

    def _do(self, action: dict[str, Any]) -> dict[str, Any] | None:
        """Do what somebody wants.

        Returns
        -------
        dict or None
            A message, if there is something to say.

        Raises
        ------
        PlainError
            It cannot be done; nothing was changed.
        """
        panel, do = self._panel, action.get("do")
        match do:
            case "show":
                pass
            case "set":
                key = str(action["id"])
                value = self._times(key, action["times"]) if "times" in action else action["value"]
                self._set(key, value, sliding=bool(action.get("sliding")))
            case "settle":
                panel.settle()
            case "undo" | "redo" | "reset":
                getattr(panel, do)()
            case "repair":
                panel.repair(int(action["number"]))
            case "lock":
                panel.lock(str(action["site"]), self._number(action["value"], panel.texts.text("lock")))
            case "unlock":
                panel.unlock(str(action["site"]))
            case "keep":
                panel.keep(str(action["name"]), replace=bool(action.get("replace")))
                return _message([panel.texts.text("Kept.")])
            case "load":
                panel.load(str(action["name"]))
            case "forget":
                panel.forget(str(action["name"]))
                self._view = dataclasses.replace(
                    self._view, compared=tuple(name for name in self._view.compared if name != action["name"])
                )
                return _message([panel.texts.text("Deleted: {name}", name=str(action["name"]))])
            case _ if do in _LOOKS:
                self._look(do, action)
            case "limit_add" | "limit_remove":
                self._limit(do, action)
            case "yaml":
                return self._send(action, *_yaml(panel, str(action["name"])), "application/yaml")
            case "open":
                _open(panel, str(action["name"]), str(action["text"]))
                return _message([screen.loaded(panel.texts, str(action["name"]))])
            case "export":
                return self._send(action, "quartier.zip", _in_kernel(lambda: _zip(panel)), "application/zip")
            case _:
                raise ValueError(do)
        return None

    def _look(self, do: str, action: dict[str, Any]) -> None:
        """Change what is looked at; the panel stays as it is."""
        view, panel = self._view, self._panel
        if do == "ask":
            view = dataclasses.replace(view, asked=str(action["site"]))
        elif do == "since":
            view = dataclasses.replace(view, since=str(action["name"]))
        elif do == "code":
            view = dataclasses.replace(view, code=bool(action["on"]))
        elif do == "compare":
            names = tuple(None if name == "" else str(name) for name in action["names"])
            view = dataclasses.replace(view, compared=names)
        elif do == "hand_end":
            view = dataclasses.replace(view, by_hand=None)
        else:
            amounts = dict(panel.plan.amounts.to_dict() if view.by_hand is None else view.by_hand)
            if action.get("site"):
                amounts[str(action["site"])] = self._number(action["value"], panel.texts.text("Amount"))
            view = dataclasses.replace(view, by_hand=amounts)
        self._view = view

    # --- values ---

    def _number(self, value: Any, label: str) -> float:
        """Read a number that was typed, or that a slider gives; a whole one becomes an int."""
        texts = self._panel.texts
        read = texts.read_number(value) if isinstance(value, str) else value
        if isinstance(read, bool) or not isinstance(read, (int, float)) or not math.isfinite(read):
            raise PlainError(screen.no_number(texts, label, value))
        return int(read) if float(read).is_integer() else float(read)

    def _times(self, key: str, factor: Any) -> int:
        """Give a multiple of an amount as it is now, in whole EUR: clicks in a row count from each other, not from what is shown."""
        if key not in _AMOUNTS:
            raise ValueError(key)
        return math.floor(float(getattr(self._panel.scenario, key)) * float(factor) + 0.5)  # as the page rounds

    def _set(self, key: str, value: Any, *, sliding: bool) -> None:
        chosen = self._chosen(key, value)
        if sliding:
            self._panel.slide(**chosen)
        else:
            self._panel.set(**chosen)

    def _chosen(self, key: str, value: Any) -> dict[str, Any]:
        """Say what a control and its value mean for the panel."""
        panel, scenario = self._panel, self._panel.scenario
        field, _, of = key.partition(":")
        label = panel.texts.name("field", field)
        if field in _AMOUNTS or field in _COUNTS:
            return {field: self._number(value, label)}
        if field in _OF_ALL_OR_ONE:
            amount = None if value is None or (of and value == "") else self._number(value, label)
            return {field: {of: amount}} if of else {field: amount}
        if field in _SHARES:
            return {field: None if value is None else self._number(value, label) / 100}
        if field == "inequality_aversion":
            return {field: float(self._number(value, label))}
        if field == "leximin":
            finite = 0.0 if math.isinf(scenario.inequality_aversion) else scenario.inequality_aversion
            return {"inequality_aversion": math.inf if value else finite}
        if field == "may_end":
            return {field: bool(value)}
        if field in ("response", "response_from", "method", "language"):
            return {field: str(value)}
        if field == "status":
            return {"status": {of: str(value)}}
        if field == "rule":
            committed: list[str] = [status for status in scenario.committed if status != of]
            excluded: list[str] = [status for status in scenario.excluded if status != of]
            committed += [of] if value == "must" else []
            excluded += [of] if value == "not" else []
            return {"committed": sorted(committed), "excluded": sorted(excluded)}
        if field == "weight":
            weights = {**panel.sites.weights, **scenario.need_weights, of: float(self._number(value, of))}
            return {"need_weights": {} if weights == dict(panel.sites.weights) else weights}
        if field == "scale":
            factor = self._number(value, panel.texts.name("figure", "scale_eur")) / 100
            base = panel.unchanged
            scales = zip(base.site_ids, base.numbers("scale_eur"), strict=True)
            return {"scale_eur": {site_id: None if factor == 1 else float(scale) * factor for site_id, scale in scales}}
        raise ValueError(key)

    def _limit(self, do: str, action: dict[str, Any]) -> None:
        panel = self._panel
        groups = [{name: value for name, value in group if value is not None} for group in panel.scenario.groups]
        if do == "limit_remove":
            number, kind = str(action["id"]).split(":")
            del groups[int(number)][kind]
            groups = [group for group in groups if len(group) > 2]
        else:
            by, _, name = str(action["partner"]).partition(":")
            kind = str(action["limit"])
            value = self._number(action["value"], panel.texts.text("Limit"))
            value = value / 100 if kind.endswith("share") else value
            same = [group for group in groups if (group["by"], group["name"]) == (by, name)]
            if same:
                same[0][kind] = value
            else:
                groups.append({"by": by, "name": name, kind: value})
        panel.set(groups=groups)

    def _send(self, action: dict[str, Any], name: str, content: bytes, kind: str) -> dict[str, Any]:
        """Have the page that asked save a file; give the message that says so."""
        self.shown.send({"kind": "file", "client": action.get("client"), "name": name, "mime": kind}, [content])
        return _message([self._panel.texts.text("Downloaded: {name}", name=name)])


@dataclasses.dataclass
class _Done:
    """What came of an action: when it has changed the panel, and what is to be shown."""

    changed: float | None = None
    screen: dict[str, Any] | None = None


def _wait_for(thread: threading.Thread, enough: threading.Event, until: Callable[[], float]) -> None:
    """Wait for a thread; end it when there is enough, or at a time that may become known as it goes.

    It is told again until it ends: where Python is in a destructor or a callback of a library, it is not heard.
    """
    begun = time.monotonic()
    while thread.is_alive():
        thread.join(0.05 if time.monotonic() - begun > 0.05 else 0.005)
        if (enough.is_set() or time.monotonic() > until()) and thread.ident is not None:
            ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(_Stopped))
            thread.join(0.2)


def _in_kernel(task: Callable[[], Any]) -> Any:
    """Do something in the kernel's thread and wait for it: Matplotlib can only be used by one thread at a time."""
    kernel = getattr(shell_of_notebook(), "kernel", None)
    if kernel is None:
        return task()
    result: Future[Any] = Future()

    def do() -> None:
        try:
            result.set_result(task())
        except BaseException as error:
            result.set_exception(error)

    kernel.io_loop.add_callback(do)
    return result.result()


def _message(lines: list[str], at: str = "", *, error: bool = False) -> dict[str, Any]:
    return {"lines": lines, "at": at, "error": error}


def _yaml(panel: Panel, name: str) -> tuple[str, bytes]:
    """Give the scenario as a file and what it is called."""
    with tempfile.TemporaryDirectory() as folder:
        name = re.sub(r"\.ya?ml$", "", name.strip())
        if not re.fullmatch(r"[a-z0-9-]{1,60}", name):  # before it becomes part of a path
            texts = panel.texts
            raise PlainError(
                texts.text("{name} is no name of a scenario: a-z, 0-9 and - are, up to 60.", name=texts.given(name))
            )
        path = Path(folder) / f"{name}.yaml"
        panel.to_yaml(path)
        return path.name, path.read_bytes()


def _open(panel: Panel, name: str, text: str) -> None:
    """Go to the choices of a scenario file that was handed over."""
    with tempfile.TemporaryDirectory() as folder:
        plain = re.sub(r"[^\w .-]", "_", Path(name).name).lstrip(".")[:80] or "scenario.yaml"
        path = Path(folder) / plain
        path.write_text(text, encoding="utf-8")
        panel.from_yaml(path)


def _zip(panel: Panel) -> bytes:
    """Give tables and figures of the plan in one file, the same bytes each time."""
    stream = io.BytesIO()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "plan"
        save(panel.plan, root)
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(path for path in root.rglob("*") if path.is_file()):
                archive.writestr(
                    zipfile.ZipInfo(path.relative_to(root).as_posix()), path.read_bytes(), zipfile.ZIP_DEFLATED
                )
    return stream.getvalue()
