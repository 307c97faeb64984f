"""How soon a live panel answers on the page: `python -m benchmarks.panel [--rounds 3] [--moves 200] [--write]`.

JupyterLab and Voilà are started on a copy of the data, a browser without a window opens the panel in them and moves the slider of
the budget. A move counts until bars, table and reasons are in the page and painted: the frame after the change, and a task after it.
Where the time goes is told by clocks on the way: when the page has sent, when the kernel has the answer, when the socket has brought
it, when it is drawn. The table shows the quietest round of each case, the one with the smallest median; all rounds are printed.
"""

import argparse
import contextlib
import datetime
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.doors import DOORS, PANEL, ROOT, browsing, prepare, serving

PAGE = ROOT / "docs" / "performance.md"
MARKS = ("<!-- panel: written by `python -m benchmarks.panel` -->", "<!-- panel: end -->")
NAMES = {"jupyterlab": "JupyterLab", "voila": "Voilà"}
TARGETS = {14: "60 / 120 ms", 200: "200 ms"}
FIRST_S = {"jupyterlab": 3, "voila": 6}
# Each answer's time in the kernel goes to a file, a line each.
CLOCK = """
import time
from quartier import widget
_answer = widget._Host._answer
def _timed(self, action):
    start = time.perf_counter()
    _answer(self, action)
    with open("kernel-ms.txt", "a") as file:
        file.write(f"{1000 * (time.perf_counter() - start):.2f}\\n")
widget._Host._answer = _timed
"""
WATCH = """\
window.quartierTimes = { sent: 0, heard: 0 };
const Real = window.WebSocket, send = Real.prototype.send;
Real.prototype.send = function (data) {
  const text = typeof data === "string" ? data : new TextDecoder().decode(data);
  if (text.includes('"do":"set"')) window.quartierTimes.sent = performance.now();
  return send.call(this, data);
};
window.WebSocket = new Proxy(Real, { construct(target, given) {
  const socket = new target(...given);
  socket.addEventListener("message", ({ data }) => {
    const size = typeof data === "string" ? data.length : data.byteLength || data.size;
    if (size > 10000) window.quartierTimes.heard = performance.now();
  });
  return socket;
} });
"""
MOVE = """\
async (panel, moves) => {
  const slider = panel.querySelector("input[type=range]"), times = [];
  const low = 0.3 * Number(slider.max), wide = 0.5 * Number(slider.max), step = Number(slider.step);
  for (let number = 0; number < moves; number++) {
    const value = Math.round((low + wide * ((number * 0.618034) % 1)) / step) * step, before = panel.dataset.seq;
    const start = performance.now();
    const drawn = new Promise((resolve) => {
      const watch = new MutationObserver(() => {
        if (panel.dataset.seq === before) return;
        watch.disconnect();
        resolve(performance.now());
      });
      watch.observe(panel, { attributes: true, attributeFilter: ["data-seq"] });
    });
    slider.value = value;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    const ready = await drawn;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)));
    const end = performance.now(), { sent, heard } = window.quartierTimes;
    times.push({ whole: end - start, send: sent - start, away: heard - sent, draw: ready - heard, paint: end - ready });
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  return times;
}"""


class Round(NamedTuple):
    """A case measured once; ms but for `first`, which is in s."""

    median: float
    late: float  # 95th percentile
    first: float
    kernel: float
    transport: float
    draw: float
    paint: float
    load: float

    def said(self) -> str:
        return (
            f"{self.median:.0f} / {self.late:.0f} ms; first panel {self.first:.1f} s; kernel {self.kernel:.0f}, transport "
            f"{self.transport:.0f}, drawing {self.draw:.0f}, layout and paint {self.paint:.0f} ms; load {self.load:.1f}"
        )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.panel", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3, help="how often each case is measured, default 3")
    parser.add_argument("--moves", type=int, default=200, help="moves of the slider in a round, default 200")
    parser.add_argument("--sites", type=int, nargs="+", default=[14, 200], help="default 14 200")
    parser.add_argument("--doors", nargs="+", choices=DOORS, default=DOORS)
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    options = parser.parse_args()
    rounds: dict[tuple[str, int], list[Round]] = {(door, n): [] for n in options.sites for door in options.doors}
    faults: list[str] = []
    load = os.getloadavg()[0]
    for number in range(options.rounds):
        for (door, sites), found in rounds.items():
            found.append(measure(door, sites, options.moves, faults))
            print(f"round {number + 1}, {NAMES[door]}, {sites} sites: {found[-1].said()}", file=sys.stderr, flush=True)
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    text = f"{table(rounds)}\n\n{circumstances(load, options.rounds, options.moves)}"
    print(text)
    if options.write:
        page = PAGE.read_text(encoding="utf-8")
        start, end = (page.index(mark) for mark in MARKS)
        PAGE.write_text(f"{page[:start]}{MARKS[0]}\n\n{text}\n\n{page[end:]}", encoding="utf-8")
    return 0


def measure(door: str, sites: int, moves: int, faults: list[str]) -> Round:
    """Start a server anew, open the panel and move the slider."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, sites, CLOCK)
        with serving(door, folder) as (address, _), browsing(faults) as page:
            page.add_init_script(WATCH)
            first = open_in_lab(page, address) if door == "jupyterlab" else open_in_voila(page, address)
            page.wait_for_timeout(3_000)  # the picture that a notebook keeps is drawn after the panel
            page.locator(PANEL).evaluate(MOVE, 10)
            skipped = len((folder / "kernel-ms.txt").read_text().split())
            load = os.getloadavg()[0]
            times = page.locator(PANEL).evaluate(MOVE, moves)
            kernel = [float(one) for one in (folder / "kernel-ms.txt").read_text().split()[skipped:]]
    whole = sorted(one["whole"] for one in times)

    def middle(key: str) -> float:
        return statistics.median(one[key] for one in times)

    worked = statistics.median(kernel)
    return Round(
        statistics.median(whole),
        whole[int(0.95 * len(whole))],
        first,
        worked,
        middle("away") - worked + middle("send"),
        middle("draw"),
        middle("paint"),
        load,
    )


def open_in_voila(page: Any, address: str) -> float:
    start = time.perf_counter()
    page.goto(address, wait_until="commit")
    return painted(page) - start


def open_in_lab(page: Any, address: str) -> float:
    """Open the notebook, run its first cell, which only sets clocks, and then the panel's; that one is measured."""
    for patience in (30_000, 60_000):  # on a busy machine JupyterLab now and then misses its new kernel's first word
        page.goto(address)
        with contextlib.suppress(Exception):
            page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]", timeout=patience)
            break
    page.wait_for_timeout(1_500)
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.first.click()
    page.keyboard.press("Control+Enter")
    page.wait_for_selector(".jp-Notebook .jp-CodeCell >> nth=0 >> text=[1]", timeout=60_000)
    page.wait_for_timeout(1_000)
    cells.nth(1).click()
    start = time.perf_counter()
    page.keyboard.press("Control+Enter")
    return painted(page) - start


def painted(page: Any) -> float:
    page.wait_for_selector(f"{PANEL} .qp-table", timeout=60_000)
    page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 0)))")
    return time.perf_counter()


def table(rounds: dict[tuple[str, int], list[Round]]) -> str:
    lines = [
        "| | moved to painted: median / 95th percentile | target | kernel | transport | drawing | layout and paint | first panel "
        "| target |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for (door, sites), found in rounds.items():
        best = min(found, key=lambda one: one.median)
        first = min(one.first for one in found)
        lines.append(
            f"| {NAMES[door]}, {sites} sites | {best.median:.0f} / {best.late:.0f} ms | {TARGETS.get(sites, '')} | {best.kernel:.0f} ms "
            f"| {best.transport:.0f} ms | {best.draw:.0f} ms | {best.paint:.0f} ms | {first:.1f} s | {FIRST_S[door]} s |"
        )
    lines += ["", "All rounds (median / 95th percentile, ms; first panel, s; load of the machine):", ""]
    for (door, sites), found in rounds.items():
        said = "; ".join(f"{one.median:.0f} / {one.late:.0f}, {one.first:.1f}, {one.load:.1f}" for one in found)
        lines.append(f"- {NAMES[door]}, {sites} sites: {said}")
    return "\n".join(lines)


def circumstances(load: float, rounds: int, moves: int) -> str:
    return (
        f"*{datetime.date.today():%d %B %Y}, {rounds} rounds of {moves} moves on {len(os.sched_getaffinity(0))} cores shared "
        f"with other work; load of the machine before {load:.1f}, after {os.getloadavg()[0]:.1f}.*"
    )


if __name__ == "__main__":
    sys.exit(main())
