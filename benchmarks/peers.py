"""quartier and its peers on the same problems, side by side: `make bench-peers`, or `python -m benchmarks.peers`.

Each peer solves each problem in a process of its own. Measured is what is between plain numpy arrays and the amounts in EUR:
building the model and solving it. Imports are not, nor is what a library loads when it is first used: a problem of five sites
comes before. Every answer is checked by `benchmarks.instance`, which knows nothing of quartier or the peers.
"""

import argparse
import datetime
import json
import os
import platform
import resource
import signal
import statistics
import subprocess
import sys
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
FIGURE = ROOT / "docs" / "images" / "growth.png"
SIZES = (14, 100, 1_000, 10_000)
GROWTH = (10, 100, 1_000, 10_000, 100_000, 1_000_000)
ALONE = ("quartier", "kernel")
MARKS = ("<!-- {}: written by `make bench-peers` -->", "<!-- {}: end -->")


def main() -> int:
    options = arguments()
    if options.worker:
        return work(*options.worker, limit=options.limit, repeats=options.repeats)
    from benchmarks.solvers import PEERS

    names = [name for name in PEERS if not options.peers or name in options.peers]
    if unknown := set(options.peers or ()) - set(PEERS):
        sys.exit(f"No such peer: {', '.join(sorted(unknown))}. There are: {', '.join(PEERS)}")
    if options.write and options.peers:
        sys.exit("--write needs all peers: a page with some of them would mislead.")
    parts, rows = {"machine": machine(names)}, []
    for n in options.sizes:
        start = begin()
        group = [measure(name, n, step_of(n), options) for name in names if n <= PEERS[name].most]
        parts[f"{n} sites"] = f"{table(n, step_of(n), group)}\n\n{circumstances(start, group, options)}"
        rows += group
    if not options.no_growth:
        start = begin()
        grown = growth(options)
        parts["growth"] = f"{growth_table(grown)}\n\n{circumstances(start, grown, options)}"
        if options.write:
            draw(grown)
    print("\n" + "\n\n".join(parts.values()))
    if options.write:
        write(parts)
    wrong = [row for row in rows if row.get("wrong")]
    for row in wrong:
        print(f"WRONG: {row['peer']}, {row['n']:,} sites: {row['wrong']}", file=sys.stderr)
    return 1 if any(row["peer"] in ALONE for row in wrong) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.partition("\n")[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=list(SIZES), help="numbers of sites")
    parser.add_argument("--peers", nargs="*", help="names of peers; all by default")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for one solve, default 60")
    parser.add_argument("--repeats", type=int, default=5, help="calls, default 5; slow ones take fewer")
    parser.add_argument("--no-growth", action="store_true", help="leave out time and memory from 10 to 1,000,000 sites")
    parser.add_argument("--write", action="store_true", help="write docs/performance.md and docs/images/growth.png")
    parser.add_argument("--worker", nargs=3, metavar=("PEER", "SITES", "STEP"), help=argparse.SUPPRESS)
    return parser.parse_args()


def step_of(n: int) -> float:
    """EUR; from 10,000 sites on 1,000, since no peer ends with 100."""
    return 100.0 if n < 10_000 else 1_000.0


# --- one peer, one problem, one process ---------------------------------------------------------------------------


def work(name: str, sites: str, step: str, *, limit: float, repeats: int) -> int:
    """In a process of its own: solve, check, print what was found as JSON on the last line."""
    from benchmarks import instance, solvers

    peer, n = solvers.PEERS[name], int(sites)
    for module in peer.modules:
        import_module(module)
    peer.build(instance.make(5))(limit)
    before = peak_mb()
    given, calls = instance.make(n, float(step)), []
    began = time.perf_counter()
    while len(calls) < repeats and (not calls or not_too_slow(time.perf_counter() - began, len(calls))):
        cpu, start = cpu_seconds(), time.perf_counter()
        solve = peer.build(given)
        built = time.perf_counter()
        try:
            amounts, said = solve(limit)
        except solvers.NoPlanError as error:
            amounts, said = None, f"no plan ({str(error).partition('(')[0].strip().rstrip('.').lower()})"
        done = time.perf_counter()
        calls.append({"build": built - start, "solve": done - built, "cpu": cpu_seconds() - cpu})
    result = {"calls": calls, "said": said, "peak_mb": peak_mb(), "before_mb": before}
    if amounts is not None:
        result["faults"], result["value"] = instance.check(given, amounts)
        if result["faults"]:
            mended = instance.repaired(given, amounts)
            result["mended_faults"], result["mended"] = instance.check(given, mended)
    print(json.dumps(result))
    return 0


def not_too_slow(elapsed: float, calls: int) -> bool:
    """Five calls of up to 2 s, three of up to 5 s, one of what takes longer."""
    mean = elapsed / calls
    return mean <= 2 or (mean <= 5 and calls < 3)


def cpu_seconds() -> float:
    """Of this process and those that it started (CBC is one)."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def measure(name: str, n: int, step: float, options: argparse.Namespace) -> dict:
    """Start the process, wait for it, and add what it says."""
    print(f"{n:>9,} sites  {name:<14}", end=" ", flush=True)
    command = [sys.executable, "-m", "benchmarks.peers", "--worker", name, str(n), str(step)]
    command += ["--limit", str(options.limit), "--repeats", str(options.repeats)]
    one_core = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"), "1")
    row: dict = {"peer": name, "n": n, "step": step}
    deadline = 2 * options.limit + 30  # a peer that does not keep its limit, or builds for so long, is ended
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **one_core},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        out, errors = process.communicate(timeout=deadline)
    except BaseException as error:
        os.killpg(process.pid, signal.SIGKILL)  # what it started too: CBC holds its pipes open
        process.wait()
        if not isinstance(error, subprocess.TimeoutExpired):
            raise
        row["said"] = f"ended after {deadline:.0f} s"
    else:
        if process.returncode < 0:
            row["said"] = f"failed: ended by signal {-process.returncode}"
        elif process.returncode:
            row["said"] = f"failed: {(errors.strip() or 'no reason given').splitlines()[-1][:100]}"
        else:
            row |= json.loads(out.splitlines()[-1])
            row["total"] = statistics.median(call["build"] + call["solve"] for call in row["calls"])
            row["solve"] = statistics.median(call["solve"] for call in row["calls"])
            row["build"] = statistics.median(call["build"] for call in row["calls"])
    print(f"{shown(row.get('total')):>10}  {row['said']}", flush=True)
    return row


def growth(options: argparse.Namespace) -> list[dict]:
    rows, slow = [], set()
    for n in GROWTH:
        for name in ALONE:
            if name not in slow:
                row = measure(name, n, 100.0, options)
                rows.append(row)
                if row.get("total", options.limit) > options.limit / 4:
                    slow.add(name)
    return rows


# --- tables -------------------------------------------------------------------------------------------------------


def shown(seconds: float | None) -> str:
    if seconds is None:
        return "-"
    if seconds < 1e-4:
        return "< 0.1 ms"
    if seconds < 1:
        return f"{seconds * 1000:.{1 if seconds < 0.01 else 0}f} ms"
    return f"{seconds:.1f} s"


def table(n: int, step: float, rows: list[dict]) -> str:
    from benchmarks.solvers import PEERS

    ours = next((row for row in rows if row["peer"] == "quartier" and "value" in row), None)
    reference = ours["value"] if ours else max((row["value"] for row in rows if row.get("faults") == []), default=None)
    lines = [
        f"### {n:,} sites, steps of {step:,.0f} EUR",
        "",
        "| | build | solve | both, median | calls | times quartier | says | checked |",
        "|---|--:|--:|--:|--:|--:|---|---|",
    ]
    proven = {}
    for row in rows:
        label, exact, verdict = PEERS[row["peer"]].label, PEERS[row["peer"]].exact, judge(row, reference)
        total, ratio = row.get("total"), "-"
        if total and ours and row["peer"] != "quartier":
            ratio = f"{total / ours['total']:,.2g}" if total < 10 * ours["total"] else f"{total / ours['total']:,.0f}"
        if total and exact and row["said"] == "optimal" and not row.get("wrong") and row["peer"] not in ALONE:
            proven[label] = total
        calls = len(row.get("calls", ()))
        times = [shown(row.get(part)) for part in ("build", "solve", "total")]
        cells = (label, *times, str(calls or "-"), ratio, row["said"], verdict)
        lines.append("| " + " | ".join(cells) + " |")
    if proven and ours:
        fastest = min(proven, key=proven.__getitem__)
        lines += ["", f"Fastest exact peer: {fastest}, {compared(proven[fastest], ours)}."]
    return "\n".join(lines)


def compared(seconds: float, ours: dict) -> str:
    whole, solve = seconds / ours["total"], seconds / ours["solve"]
    said = (
        f"{whole:,.1f} times the time of quartier"
        if whole >= 1
        else f"**faster than quartier**: {whole:.2f} times its time"
    )
    return f"{said}, and {solve:,.1f} times that of `q.allocate` alone (the build is the check of the data, which no peer does)"


def judge(row: dict, reference: float | None) -> str:
    """What the independent check says; a peer that claims a proof and has less, or breaks a rule, is wrong."""
    from benchmarks.instance import TOLERANCE
    from benchmarks.solvers import PEERS

    if "value" not in row:
        return "-"
    faults, exact = list(row["faults"]), PEERS[row["peer"]].exact
    if faults:
        if exact:
            row["wrong"] = "; ".join(faults)
        mended = (
            less(row["mended"], reference) if not row["mended_faults"] else "not mended: " + row["mended_faults"][0]
        )
        return f"breaks rules: {'; '.join(faults)}. Mended: {mended}"
    if reference and abs(row["value"] / reference - 1) > TOLERANCE and row["said"] == "optimal" and exact:
        row["wrong"] = f"says optimal at {row['value']!r}, quartier has {reference!r}"
    return less(row["value"], reference)


def less(value: float, reference: float | None) -> str:
    from benchmarks.instance import TOLERANCE

    if not reference or abs(value / reference - 1) <= TOLERANCE:
        return "right, the same benefit"
    return f"{abs(value / reference - 1):.2%} {'less' if value < reference else 'MORE'} benefit"


def growth_table(rows: list[dict]) -> str:
    lines = [
        "| sites | `q.allocate`: data checked, build | build + solve, median | calls | peak memory | kernel alone | peak memory | says |",
        "|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for n in sorted({row["n"] for row in rows}):
        whole, kernel = (next((row for row in rows if row["n"] == n and row["peer"] == name), {}) for name in ALONE)
        said = " / ".join(row.get("said", "not tried: the size before took too long") for row in (whole, kernel))
        cells = (
            f"{n:,}",
            shown(whole.get("build")),
            shown(whole.get("total")),
            str(len(whole.get("calls", ())) or "-"),
        )
        cells += (memory(whole), shown(kernel.get("total")), memory(kernel), said)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def memory(row: dict) -> str:
    return f"{row['peak_mb']:,.0f} MB" if "peak_mb" in row else "-"


def machine(names: list[str]) -> str:
    from benchmarks.solvers import PEERS

    packages = dict.fromkeys(package for name in names for package in PEERS[name].packages)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return (
        f"{processor()}, {cores} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}; "
        + ", ".join(f"{name} {version(name)}" for name in packages)
        + "."
    )


def begin() -> tuple[float, float]:
    return os.getloadavg()[0], time.perf_counter()


def circumstances(start: tuple[float, float], rows: list[dict], options: argparse.Namespace) -> str:
    """When, how long, and how busy the machine was with other things."""
    calls = [call for row in rows for call in row.get("calls", ())]
    wall, cpu = sum(call["build"] + call["solve"] for call in calls), sum(call["cpu"] for call in calls)
    waiting = max(0.0, 1 - cpu / wall) if wall else 0.0
    return (
        f"*{datetime.date.today():%d %B %Y}, in {(time.perf_counter() - start[1]) / 60:.1f} minutes; time limit of a solve "
        f"{options.limit:.0f} s; load of the machine before {start[0]:.1f}, after {os.getloadavg()[0]:.1f} (1 is this command); "
        f"{waiting:.0%} of the time measured was waiting for a core.*"
    )


def processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        return next(line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or "processor unknown"


def write(parts: dict[str, str]) -> None:
    """Put the parts between their marks; the words around them are written by people."""
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts.items():
        start, end = (mark.format(name) for mark in MARKS)
        before, found, rest = text.partition(start)
        _, closed, rest = rest.partition(end)
        if not found or not closed:
            sys.exit(f"{PAGE.name} has no place for {name}: {start} ... {end}")
        text = f"{before}{start}\n\n{part}\n\n{end}{rest}"
    PAGE.write_text(text, encoding="utf-8")


# --- figure -------------------------------------------------------------------------------------------------------


def draw(rows: list[dict]) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    styles = {"quartier": ("o", "-", "q.allocate, data checked"), "kernel": ("s", "--", "the kernel alone")}
    for name, (marker, line, label) in styles.items():
        own = [row for row in rows if row["peer"] == name and "total" in row]
        sites = [row["n"] for row in own]
        look = {"marker": marker, "linestyle": line, "label": label, "color": "0.1", "markerfacecolor": "white"}
        left.plot(sites, [row["total"] for row in own], **look)
        right.plot(sites, [row["peak_mb"] for row in own], **look)
    ends = [min(row["n"] for row in rows), max(row["n"] for row in rows)]
    n, seconds = max((row["n"], row["total"]) for row in rows if row["peer"] == ALONE[-1] and "total" in row)
    left.plot(ends, [seconds * end / n for end in ends], ":", color="0.5", label="in proportion to the sites")
    for axes, title in ((left, "Build + solve, seconds (median)"), (right, "Peak memory of the process, MB")):
        axes.set(xscale="log", yscale="log", xlabel="sites")
        axes.set_title(title, loc="left", fontsize=10)
        axes.grid(which="major", color="0.88")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    right.set_ylim(10, None)
    right.set_yticks([ticks for ticks in (10, 20, 50, 100, 200, 500, 1_000, 2_000) if ticks <= right.get_ylim()[1]])
    for axis in (right.yaxis, left.xaxis, right.xaxis):
        axis.set_major_formatter("{x:,.0f}")
    right.yaxis.set_minor_formatter("")
    figure.savefig(FIGURE, dpi=120, metadata={"Software": None})


if __name__ == "__main__":
    sys.exit(main())
