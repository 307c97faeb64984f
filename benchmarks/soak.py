"""A live panel in Voilà clicked at random for a while: `python -m benchmarks.soak [--minutes 20] [--seed 1]`.

All its controls take part, with values that are right and values that are wrong. Nothing may be logged as an error on the page or in
the kernel, every action must be answered, and each minute, when garbage has been collected, what the panel shows must be what
`allocate` gives for the Python it shows. The memory of the kernel and of the page is printed each minute. The seed settles which
clicks are tried in which order; ends with 1 and says what went wrong where anything did.
"""

import argparse
import collections
import contextlib
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quartier as q
from benchmarks.doors import PANEL, browsing, prepare, serving
from quartier.language import Texts

SLOW_S = 2  # such answers are told at once
# A panel ends by itself what takes longer than half a minute, though not in the middle of a call of the solver.
ANSWER_S = 120
HANGS_S = 60  # what the kernel is doing then is kept, and told where no answer comes
WRONG = ("", "abc", "-5", "1e9", "1.5.5", "99999999999", "NaN", "1,240", "12;5", "<b>", "0", "\u2212300")
RIGHT = ("5000", "4.000", "12000", "64000", "10", "3", "1,5", "30", "250", "100", "80.000 EUR", "9500", "7")
NAMES = ("Plan A", "Plan B", "mit AWO (Mai)", "50% weniger", "", "../weg", "<i>x</i>", "x" * 60)
# What was asked for and took long, with the Python of it, is told at the end.
SLOW = f"""
import faulthandler
import time
from quartier import widget
_answer = widget._Host._answer
_stacks = open("stacks.txt", "w")
def _timed(self, action):
    with open("now.txt", "w", encoding="utf-8") as file:
        file.write(f"{{action}}, asked of\\n{{self._panel.python()}}\\n")
    faulthandler.dump_traceback_later({HANGS_S}, file=_stacks)
    start = time.perf_counter()
    _answer(self, action)
    faulthandler.cancel_dump_traceback_later()
    if (taken := time.perf_counter() - start) > {SLOW_S}:
        with open("slow.txt", "a", encoding="utf-8") as file:
            file.write(f"{{taken:.1f}} s: {{action}}\\n{{self._panel.python()}}\\n")
widget._Host._answer = _timed
"""
COUNT_SENT = """\
window.quartierSent = 0;
const send = WebSocket.prototype.send;
WebSocket.prototype.send = function (data) {
  const text = typeof data === "string" ? data : new TextDecoder().decode(data);
  if (text.includes('"method":"custom"') && /"client":"[^"]*","n":\\d+/.test(text)) window.quartierSent += 1;
  return send.call(this, data);
};
"""
ANSWERED = f"() => document.querySelector('{PANEL}').dataset.seq === String(1 + window.quartierSent)"
# With nothing to work out a page may still stand, where the browser is at work on a picture.
DRAWS = """\
() => Promise.race([
  new Promise((resolve) => requestAnimationFrame(() => resolve(true))),
  new Promise((resolve) => setTimeout(() => resolve(false), 2000)),
])"""
DRAG = """\
async (slider, shares) => {
  slider.focus();
  for (const share of shares) {
    slider.value = Number(slider.min) + share * (Number(slider.max) - Number(slider.min));
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  slider.blur();
}"""
SHOWN = """\
(panel) => ({
  language: panel.lang,
  impossible: panel.querySelector(".qp-old") !== null,
  amounts: [...panel.querySelectorAll(".qp-table .qp-eur")].map((one) => one.textContent),
  code: panel.querySelector("pre code") && panel.querySelector("pre code").textContent,
})"""


class Missed(Exception):
    """What was to be clicked is not there now."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=20, help="how long, default 20")
    parser.add_argument("--seed", type=int, default=1, help="which clicks, default 1")
    parser.add_argument("--sites", type=int, default=14, help="14, or so many made-up ones")
    options = parser.parse_args()
    faults: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, options.sites, SLOW)
        (folder / "right.yaml").write_text("name: right\nbudget_eur: 60000\nmax_sites: 8\n", encoding="utf-8")
        (folder / "wrong.yaml").write_text("name: wrong\nbudget_eur: viel\n", encoding="utf-8")
        with serving("voila", folder) as (address, server), browsing(faults) as page:
            page.set_default_timeout(4_000)
            page.add_init_script(COUNT_SENT)
            page.goto(address, wait_until="commit")
            page.wait_for_selector(f"{PANEL} h2", timeout=60_000)
            page.evaluate("document.querySelectorAll('.qp-choices details').forEach((one) => { one.open = true; })")
            page.wait_for_timeout(2_000)
            # As a page of ipywidgets opens, it closes the comm by which it has asked for states; the kernel logs that it knows none.
            opened = len((folder / "kernel.log").read_text(encoding="utf-8"))
            with contextlib.suppress(KeyboardInterrupt):
                Soak(page, folder, options.seed, faults).last(60 * options.minutes, kernel_of(server.pid))
            if (folder / "slow.txt").exists():
                print((folder / "slow.txt").read_text(encoding="utf-8")[:20_000])
            if logged := (folder / "kernel.log").read_text(encoding="utf-8")[opened:]:  # before it is shut down
                faults.append(f"the kernel's log:\n{logged[-4_000:]}")
    print("\n".join(["Wrong:", *faults] if faults else ["Nothing went wrong."]))
    return 1 if faults else 0


def kernel_of(server: int) -> Any:
    import psutil  # comes with ipykernel

    return next(
        one for one in psutil.Process(server).children(recursive=True) if "ipykernel" in " ".join(one.cmdline())
    )


class Soak:
    """Clicks and what came of them."""

    def __init__(self, page: Any, folder: Path, seed: int, faults: list[str]) -> None:
        self.page, self.folder, self.faults = page, folder, faults
        self.panel = page.locator(PANEL)
        self.random = random.Random(seed)
        self.done: collections.Counter[str] = collections.Counter()
        self.missed: collections.Counter[str] = collections.Counter()
        self.slowest: dict[str, float] = {}
        self.doing = ""
        self.browser = page.context.new_cdp_session(page)
        self.actions: dict[str, tuple[int, Callable[[], None]]] = {
            "slider": (20, self.slide),
            "box": (12, lambda: self.type(".qp-choices input.qp-number:not(:disabled)")),
            "check": (5, lambda: self.click(".qp-choices input[type=checkbox]")),
            "select": (10, lambda: self.select(".qp-choices select:not(:disabled)")),
            "jump": (3, lambda: self.click(".qp-jumps button")),
            "undo": (8, lambda: self.click(".qp-top button >> nth=0")),
            "redo": (4, lambda: self.click(".qp-top button >> nth=1")),
            "reset": (1, lambda: self.click(".qp-top button >> nth=2")),
            "language": (2, lambda: self.select(".qp-top select")),
            "repair": (6, lambda: self.click(".qp-repairs button")),
            "limit": (3, self.limit),
            "remove limit": (3, lambda: self.click(".qp-choices .qp-list button")),
            "ask": (6, lambda: self.click(".qp-name")),
            "own status": (3, lambda: self.select(".qp-detail select")),
            "own box": (4, lambda: self.type(".qp-detail .qp-choice:not(:last-child) input.qp-number:not(:disabled)")),
            "lock": (5, self.lock),
            "hand": (2, lambda: self.click(".qp-table-tools, section[aria-labelledby$=table] button[aria-pressed]")),
            "hand box": (5, lambda: self.type(".qp-byhand input")),
            "since": (2, lambda: self.select("section[aria-labelledby$=table] .qp-buttons select")),
            "keep": (4, self.keep),
            "load": (2, lambda: self.click("section[aria-labelledby$=kept] .qp-list button:nth-of-type(1)")),
            "forget": (2, lambda: self.click("section[aria-labelledby$=kept] .qp-list button:nth-of-type(2)")),
            "compare": (5, lambda: self.click("fieldset input:not(:disabled)")),
            "map": (2, lambda: self.click(".qp-map [data-site]")),
            "open": (1, self.open),
            "yaml": (1, lambda: self.click("section[aria-labelledby$=take] .qp-buttons:nth-of-type(1) > button")),
            # Only now and then, as it takes long: tables and figures.
            "export": (0, lambda: self.click("section[aria-labelledby$=take] .qp-buttons:nth-of-type(2) > button")),
        }

    def last(self, seconds: float, kernel: Any) -> None:
        """Click for so long."""
        start = time.monotonic()
        names, weights = zip(*((name, weight) for name, (weight, _) in self.actions.items()), strict=True)
        print(
            f"{'minute':>6} {'actions':>8} {'kernel MB':>10} {'page MB':>8} {'nodes':>8} {'listeners':>9} {'longest':>9}"
        )
        minute = 0
        self.sample(0, kernel)
        while time.monotonic() - start < seconds and len(self.faults) < 20:
            self.act(self.random.choices(names, weights)[0])
            if time.monotonic() - start >= 60 * (minute + 1):
                minute += 1
                self.compare()
                if minute % 5 == 0:
                    self.act("export")
                self.sample(minute, kernel)
        self.compare()
        print("done:", ", ".join(f"{name} {n}" for name, n in self.done.most_common()))
        print("not there:", ", ".join(f"{name} {n}" for name, n in self.missed.most_common()))
        slow = sorted(self.slowest.items(), key=lambda one: -one[1])[:8]
        print("longest answers:", ", ".join(f"{name} {taken:.2f} s" for name, taken in slow))

    def act(self, name: str) -> None:
        try:
            self.actions[name][1]()
        except Missed:
            self.missed[name] += 1
            return
        except Exception as error:  # a control that a person could not have used either
            self.wrong(f"{name}: {str(error)[:600]}")
        self.done[name] += 1
        self.answered(name)

    def answered(self, name: str) -> None:
        start = time.monotonic()
        try:
            self.page.wait_for_function(ANSWERED, timeout=1000 * ANSWER_S)
        except Exception:
            counted = self.page.evaluate(f"[document.querySelector('{PANEL}').dataset.seq, window.quartierSent]")
            drawing = "draws" if self.page.evaluate(DRAWS) else "draws nothing"
            self.wrong(f"{name}: no answer in {ANSWER_S} s; seq {counted[0]}, sent {counted[1]}, the page {drawing}")
            for kept in ("now.txt", "stacks.txt"):
                self.wrong((self.folder / kept).read_text(encoding="utf-8"))
        taken = time.monotonic() - start
        self.slowest[name] = max(self.slowest.get(name, 0.0), taken)
        if taken > SLOW_S:
            print(f"slow: {name} {taken:.1f} s; {self.doing}", flush=True)

    def wrong(self, fault: str) -> None:
        """Tell a fault at once, as the next click may end all, and once more at the end."""
        print(f"wrong: {fault}", flush=True)
        self.faults.append(fault)

    def compare(self) -> None:
        """Hold what is shown against `allocate`, given the Python that is shown."""
        summary = self.panel.locator("section[aria-labelledby$=take] summary")
        try:
            summary.click(timeout=30_000)
            self.page.wait_for_selector(f"{PANEL} pre code", timeout=1000 * ANSWER_S)
        except Exception:
            self.wrong(f"no Python was shown; the panel says {self.panel.locator('.qp-state').inner_text()!r}")
            return
        shown = self.panel.evaluate(SHOWN)
        summary.click()
        self.page.wait_for_selector(f"{PANEL} pre code", state="detached", timeout=1000 * ANSWER_S)
        if shown["impossible"]:
            return  # what is shown is an older plan, and says so
        names: dict[str, Any] = {"sites": q.load(self.folder / "data")}
        exec(shown["code"], names)
        texts = Texts(shown["language"])
        expected = [texts.eur(amount) for amount in names["plan"].amounts]
        if shown["amounts"] != expected:
            self.wrong(f"shown {shown['amounts']}, expected {expected} for\n{shown['code']}")
        self.done["compared with allocate"] += 1

    def sample(self, minute: int, kernel: Any) -> None:
        self.browser.send("HeapProfiler.collectGarbage")
        self.browser.send("Performance.enable")
        found = {one["name"]: one["value"] for one in self.browser.send("Performance.getMetrics")["metrics"]}
        print(
            f"{minute:>6} {self.done.total():>8} {kernel.memory_info().rss / 1e6:>10.1f} {found['JSHeapUsedSize'] / 1e6:>8.2f}"
            f" {found['Nodes']:>8.0f} {found['JSEventListeners']:>9.0f} {max(self.slowest.values(), default=0):>7.2f} s",
            flush=True,
        )

    # --- clicks ---

    def one(self, selector: str) -> Any:
        """Choose one of the controls that a selector finds and that can be seen."""
        found = self.panel.locator(selector)
        n = found.count()
        if not n:
            raise Missed
        chosen = found.nth(self.random.randrange(n))
        self.doing = selector
        if not chosen.is_visible() or not chosen.is_enabled():
            raise Missed
        return chosen

    def click(self, selector: str) -> None:
        control = self.one(selector)
        if "qp-map" in selector or "data-site" in selector:
            control.dispatch_event("click")
        else:
            control.click()

    def select(self, selector: str) -> None:
        control = self.one(selector)
        control.select_option(index=self.random.randrange(control.locator("option").count()))

    def type(self, selector: str) -> None:
        control = self.one(selector)
        value = self.random.choice(RIGHT if self.random.random() < 0.6 else WRONG)
        self.doing = f"{control.get_attribute('id')}: {value!r}"
        control.fill(value)
        control.press("Tab")

    def slide(self) -> None:
        shares = [self.random.random() for _ in range(self.random.randint(1, 6))]
        self.one(".qp-choices input[type=range]:not(:disabled)").evaluate(DRAG, shares)

    def limit(self) -> None:
        for select in (".qp-choices select[id$=partner]", ".qp-choices select[id$=limit]"):
            self.select(select)
        self.one("input[id$=limit_value]").fill(self.random.choice(RIGHT if self.random.random() < 0.8 else WRONG))
        self.one(".qp-choices .qp-controls > div > button").click()

    def lock(self) -> None:
        box = self.one(".qp-detail input[id$=lock], .qp-detail .qp-choice:last-child > button")
        if box.evaluate("(one) => one.tagName") == "INPUT":
            box.fill(self.random.choice(RIGHT if self.random.random() < 0.7 else WRONG))
        self.one(".qp-detail .qp-choice:last-child > button").click()

    def keep(self) -> None:
        self.one("section[aria-labelledby$=kept] input.qp-text").fill(self.random.choice(NAMES))
        if self.random.random() < 0.3:
            self.one("section[aria-labelledby$=kept] .qp-buttons .qp-check input").click()
        self.one("section[aria-labelledby$=kept] .qp-buttons > button").click()

    def open(self) -> None:
        name = self.random.choice(("right.yaml", "wrong.yaml"))
        self.panel.locator("input[type=file]").set_input_files(self.folder / name)
        self.page.wait_for_timeout(100)  # the page reads the file before it tells anybody


if __name__ == "__main__":
    sys.exit(main())
