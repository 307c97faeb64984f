"""A live panel behind JupyterLab or Voilà, and a browser without a window that opens it: for `benchmarks.panel` and `benchmarks.soak`."""

import contextlib
import csv
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
DOORS = ("jupyterlab", "voila")
PANEL = '[data-testid="quartier-panel"]'
SETTINGS = {
    # Answers of a panel go the short way: see docs/performance.md.
    "@jupyterlab/apputils-extension:kernels-settings": {"commsOverSubshells": "disabled"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
# Errors go to a file: what a thread of the kernel prints reaches no page.
PREPARE = """\
import logging, threading, warnings
logging.basicConfig(filename="kernel.log", level=logging.WARNING)
logging.captureWarnings(True)
warnings.simplefilter("default")
threading.excepthook = lambda args: logging.error("thread", exc_info=args.exc_value)
"""
OPEN = """\
import quartier as q
sites = q.load("data")
panel = q.explore(sites, {scenario}.replace(time_limit_s=20), folder="kept")  # as the notebook of the panel
panel
"""


def prepare(folder: Path, sites: int, more: str = "") -> None:
    """Lay out a folder: the data, with so many sites, and a notebook of two cells that opens a panel."""
    shutil.copytree(DATA, folder / "data")
    scenario = 'q.Scenario.named("baseline")'
    if sites > 14:
        multiply(folder / "data", sites)
        budget, places = round(80_000 * sites / 14, -3), sites * 10 // 14
        scenario = f'q.Scenario(budget_eur={budget:.0f}, max_sites={places}, excluded=["declined"])'
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{at}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, source in enumerate((PREPARE + more, OPEN.format(scenario=scenario)))
    ]
    notebook = {
        "cells": cells,
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    (folder / "panel.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    (folder / "settings").mkdir()
    (folder / "settings" / "overrides.json").write_text(json.dumps(SETTINGS), encoding="utf-8")


def multiply(data: Path, sites: int) -> None:
    """Make up sites: those that are known again and again under other names, with other caps and catchments, somewhere in town."""
    drawn = np.random.default_rng([2025, sites])
    head, *rows = _rows(data / "agreements.csv")
    sites_known = list(dict.fromkeys(row[head.index("site_id")] for row in rows))
    copies = [(one, number) for number in range(1 + sites // len(sites_known)) for one in sites_known][:sites]

    def renamed(one: str, number: int) -> str:
        return one if number == 0 else f"{one}-{number}"

    for table in ("sites", "agreements", "catchments", "site_rules"):
        head, *rows = _rows(data / f"{table}.csv")
        at = {name: place for place, name in enumerate(head)}
        made = []
        for one, number in copies:
            for row in rows:
                if row[at["site_id"]] != one or (
                    number and table == "agreements" and row is not last_of(rows, at, one)
                ):
                    continue
                new = list(row)
                new[at["site_id"]] = renamed(one, number)
                if number and table == "sites":
                    new[at["name"]] = f"{row[at['name']]} ({number + 1})"
                    new[at["latitude"]] = f"{drawn.uniform(51.95, 52.10):.4f}"
                    new[at["longitude"]] = f"{drawn.uniform(8.43, 8.64):.4f}"
                elif number and table == "agreements":
                    new[at["agreement_id"]] = f"{row[at['agreement_id']]}-{number}"
                elif number and table == "catchments":
                    new[at["share"]] = f"{float(row[at['share']]) * drawn.uniform(0.5, 1.0):.3f}"
                elif number and table == "site_rules" and row[at["rule"]] == "max_eur":
                    new[at["value"]] = str(int(row[at["value"]]) + 100 * int(drawn.integers(-20, 21)))
                made.append(new)
        with (data / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([head, *made])


def last_of(rows: list[list[str]], at: dict[str, int], site: str) -> list[str]:
    return [row for row in rows if row[at["site_id"]] == site][-1]


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@contextlib.contextmanager
def serving(door: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Start a server in a folder that was prepared; give the address of the notebook there, and the process."""
    port = _free_port()
    if door == "voila":
        command = ["voila", "panel.ipynb", f"--port={port}", "--no-browser", "--Voila.ip=127.0.0.1", "--token="]
        address, ready = f"http://127.0.0.1:{port}/", f"http://127.0.0.1:{port}/voila/static/voila.js"
    else:
        command = [
            *("jupyterlab", "--allow-root", f"--port={port}", "--no-browser", "--ServerApp.ip=127.0.0.1"),
            *("--IdentityProvider.token=t", "--LabApp.app_settings_dir=settings"),
        ]
        address, ready = f"http://127.0.0.1:{port}/lab/tree/panel.ipynb?token=t&reset", f"http://127.0.0.1:{port}/api"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "JUPYTER_CONFIG_DIR": str(folder / "jupyter")}
    environment["PYTHONWARNINGS"] = (
        "ignore"  # those of the servers; the kernel's are switched on again in its first cell
    )
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait_for(ready, process)
            yield address, process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _free_port() -> int:
    for port in random.sample(range(9100, 9200), 100):  # two that start at once do not take the same
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)):
                return port
    raise RuntimeError("no free port from 9100 to 9199")


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        if process.poll() is not None:
            raise RuntimeError(f"the server ended with {process.returncode}: see server.log in its folder")
        try:
            urllib.request.urlopen(address, timeout=2).close()
            return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the server did not start within a minute")


@contextlib.contextmanager
def browsing(faults: list[str], width: int = 1440) -> Iterator[Any]:
    """Give a page of Chromium, which reaches nothing but this machine; errors on it are added to `faults`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as player:
        browser = player.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=[
                *("--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"),
                "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            ],
        )
        page = browser.new_page(viewport={"width": width, "height": 1000})

        def heard(message: Any) -> None:
            at = message.location.get("url", "")
            if message.type == "error" and (not at.startswith("http") or "127.0.0.1" in at):
                faults.append(f"console: {message.text[:500]} ({at})")

        page.on("console", heard)
        page.on("pageerror", lambda error: faults.append(f"page: {error}"))
        yield page
        browser.close()
