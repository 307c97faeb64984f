"""A browser for tests, the servers that it visits, and what it finds there.

As a program (`python tests/browser.py`, which `make test` runs first) it gets a browser where there is none. QUARTIER_BROWSER=required
makes a missing browser an error; else tests that need one are left out, and both say so.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.resources
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PANEL = '[data-testid="quartier-panel"]'
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
IS_REQUIRED = os.environ.get("QUARTIER_BROWSER") == "required"
MISSING = (
    "NO BROWSER: the tests of the pages that planners see are LEFT OUT.\n"
    "Install one (Debian, Ubuntu: apt install chromium; anywhere: .venv/bin/playwright install chromium), then `make test` again."
)
_OUTSIDE = re.compile(r"^(https?|wss?)://(?!127\.0\.0\.1[:/])")


# A browser


@functools.cache
def find() -> str | None:
    """Give the path of a browser: the system's, else the one that Playwright has fetched, else None."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        own = started.chromium.executable_path
    return own if Path(own).exists() else None


def install() -> None:
    """Get a browser: Playwright's own, else the distribution's where this may install it. Neither has to succeed."""
    ways = [[[sys.executable, "-m", "playwright", "install", "chromium"]]]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        get = ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"]
        # First, where it can be had: this one brings the libraries that it needs.
        ways.insert(0, [get, ["apt-get", "update"], get])
    for way in ways:
        for command in way:
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
            find.cache_clear()
            if find():
                return


def main() -> int:
    if not find():
        print("There is no browser for the tests: getting one", flush=True)
        install()
    if not find():
        line = "!" * 100
        print(f"{line}\n{MISSING}\n{line}", file=sys.stderr)
        return 1 if IS_REQUIRED else 0
    return 0


@contextlib.contextmanager
def launched() -> Iterator[Any]:
    """Give a browser that finds no other machine than this one."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=find(),
            args=[
                "--no-sandbox",
                "--disable-dev-shm-usage",
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        yield browser
        browser.close()


# What it visits


@dataclass(frozen=True)
class Server:
    """A server that was started for tests, in a copy of the project's folder."""

    url: str
    """Address with a slash at the end."""
    token: str
    folder: Path
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def address(self, path: str = "") -> str:
        """Give the address of a path, with the token."""
        return f"{self.url}{path}?token={self.token}"


def copy(folder: Path) -> Path:
    """Copy what the notebooks need, so that nothing is written into the project."""
    for name in ("data", "notebooks"):
        shutil.copytree(ROOT / name, folder / name)
    (folder / "outputs").mkdir(parents=True)
    return folder


@contextlib.contextmanager
def serving(folder: Path, command: str, *options: str, base_url: str = "/") -> Iterator[Server]:
    """Start `quartier lab` or `quartier app` in a folder, wait until it answers, end it afterwards."""
    port, token, log = free_port(), secrets.token_hex(8), folder / f"{command}.log"
    own = {name: str(folder / f".{name.lower()}") for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR")}
    environment = {**os.environ, **own, "JUPYTER_TOKEN": token, "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONWARNINGS", None)  # what other people's servers warn of is not ours to mend
    words = [sys.executable, "-m", "quartier", command, f"--port={port}", "--no-browser", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            words, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
    server = Server(f"http://127.0.0.1:{port}{base_url}", token, folder, log, process)
    try:
        answers(server)
        yield server
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def answers(server: Server, wait_s: float = 60) -> None:
    """Wait until a server answers whatever it is asked."""
    end = time.monotonic() + wait_s
    while time.monotonic() < end and server.process.poll() is None:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            try:
                urllib.request.urlopen(server.url + "api", timeout=5).close()
            except urllib.error.HTTPError as error:
                error.close()
            return
        time.sleep(0.05)
    raise AssertionError(f"no server:\n{server.log.read_text(errors='replace')[-3000:]}")


# A visit


@dataclass
class Visit:
    """A page, what it asked of other machines, and what went wrong in it."""

    page: Any
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def open(self, address: str, *, wait: str = "commit") -> Any:
        return self.page.goto(address, wait_until=wait)

    def panel(self, timeout_s: float = 60) -> Any:
        """Wait for the panel; give its locator."""
        found = self.page.locator(PANEL)
        found.wait_for(timeout=1000 * timeout_s)
        return found

    def idle(self, timeout_s: float = 60) -> None:
        """Wait until JupyterLab's notebook has been executed."""
        self.page.locator('.jp-Notebook-ExecutionIndicator[data-status="idle"]').wait_for(
            timeout=1000 * timeout_s, state="attached"
        )

    def text(self) -> str:
        return self.page.locator("body").inner_text()


def visit(browser: Any, **options: Any) -> Visit:
    """Open an empty page in a context of its own; `options` are the context's (color_scheme, viewport, ...)."""
    context = browser.new_context(locale="de-DE", bypass_csp=True, **options)
    made = Visit(context.new_page())
    made.page.on("request", lambda one: made.outside.append(one.url) if _OUTSIDE.match(one.url) else None)
    made.page.on("websocket", lambda one: made.outside.append(one.url) if _OUTSIDE.match(one.url) else None)
    made.page.on("console", lambda one: made.errors.append(one.text) if one.type == "error" else None)
    made.page.on("pageerror", lambda error: made.errors.append(str(error)))
    return made


def axe(page: Any, selector: str | None = None, *, without: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Give what axe-core has against a page, or the part of it that a selector finds: the rule and the first element.

    `without` names rules that are not asked.
    """
    if not page.evaluate("typeof axe === 'object'"):
        source = importlib.resources.files("axe_playwright_python") / "axe.min.js"
        page.evaluate(source.read_text(encoding="utf-8"))
    options = {"resultTypes": ["violations"], "rules": {name: {"enabled": False} for name in without}}
    found = page.evaluate("([selector, options]) => axe.run(selector || document, options)", [selector, options])
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]


if __name__ == "__main__":
    sys.exit(main())
