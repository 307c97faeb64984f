"""The notebooks of this project, executed in four ways side by side: `python -m benchmarks.notebooks [--write]`.

Each way is a process of its own, from its start to the last notebook on disk: libraries, kernels and the warm process are all in it.
The ways take turns, so that a machine that slows down slows all of them. After each round the outputs of quartier's kernels
are compared with those of plain Papermill: a way that loses a figure is not fast, it is wrong.
"""

import argparse
import datetime
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
MARKS = ("<!-- notebooks: written by `python -m benchmarks.notebooks` -->", "<!-- notebooks: end -->")
PARAMETERS = {"data_dir": "data", "scenario": "baseline"}
WAYS = {
    "papermill": "Papermill, one after another, a new kernel each",
    "scripts": "the same cells as plain scripts, one after another, no kernel",
    "ours-1": "quartier's kernels, one after another",
    "ours-2": "quartier's kernels, two at a time",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.notebooks", description=__doc__.partition("\n")[0])
    parser.add_argument("--repeats", type=int, default=5, help="rounds, default 5")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.relative_to(ROOT)}")
    parser.add_argument("--worker", nargs=2, metavar=("WAY", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        work(options.worker[0], Path(options.worker[1]))
        return 0
    load, seconds = os.getloadavg()[0], {way: [] for way in WAYS}
    for number in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            for way in WAYS:
                seconds[way].append(measure(way, Path(folder, way)))
            faults = [
                fault
                for way in ("ours-1", "ours-2")
                for fault in differences(Path(folder, "papermill"), Path(folder, way))
            ]
        if faults:
            print("\n".join(faults), file=sys.stderr)
            return 1
        print(f"round {number + 1}:", *(f"{way} {times[-1]:.1f} s" for way, times in seconds.items()), file=sys.stderr)
    text = f"{table(seconds)}\n\n{circumstances(load, options.repeats)}"
    print(text)
    if options.write:
        write(text)
    return 0


def notebooks() -> list[Path]:
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def measure(way: str, folder: Path) -> float:
    folder.mkdir()
    command = [sys.executable, "-m", "benchmarks.notebooks", "--worker", way, str(folder)]
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return time.perf_counter() - start


def work(way: str, folder: Path) -> None:
    """Execute all notebooks in one way. Only what a way needs is imported."""
    if way == "scripts":
        execute_scripts(folder)
    elif way == "papermill":
        execute_with_papermill(folder)
    else:
        execute_here(folder, jobs=int(way.rpartition("-")[2]))


def execute_scripts(folder: Path) -> None:
    import nbformat

    for path in notebooks():
        cells = [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]
        first, *rest = (cell.source for cell in cells)
        given = "\n".join(f"{name} = {value!r}" for name, value in PARAMETERS.items())
        script = folder / f"{path.stem}.py"
        script.write_text("\n".join([first, given, *rest]), encoding="utf-8")
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "agg"}
        subprocess.run([sys.executable, str(script)], cwd=ROOT, check=True, env=environment)


def execute_with_papermill(folder: Path) -> None:
    import papermill

    for path in notebooks():
        papermill.execute_notebook(
            path, folder / path.name, PARAMETERS, kernel_name="python3", cwd=ROOT, progress_bar=False
        )


def execute_here(folder: Path, jobs: int) -> None:
    from quartier import kernels

    with kernels.ready() as ready, ThreadPoolExecutor(jobs) as pool:
        import nbformat

        def execute(path: Path) -> None:
            given = nbformat.read(path, as_version=4)
            nbformat.write(ready.execute(given, PARAMETERS, ROOT), folder / path.name)

        list(pool.map(execute, notebooks()))


def differences(first: Path, second: Path) -> list[str]:
    """Where the outputs in two folders are not the same, and where there is no output to compare."""
    import nbformat

    faults, pictures = [], 0
    for path in notebooks():
        one, other = (nbformat.read(folder / path.name, as_version=4).cells for folder in (first, second))
        if [cell.source for cell in one] != [cell.source for cell in other]:
            faults.append(f"{path.name}: other cells in {second.name}")
        for number, (left, right) in enumerate(zip(one, other, strict=False)):
            pictures += sum("image/png" in output.get("data", {}) for output in left.get("outputs", ()))
            if left.get("outputs") != right.get("outputs"):
                faults.append(f"{path.name}, cell {number}: another output in {second.name} than in {first.name}")
    return faults if pictures else [*faults, f"no picture in {first.name}"]


def table(seconds: dict[str, list[float]]) -> str:
    medians = {way: statistics.median(times) for way, times in seconds.items()}
    lines = [
        f"| {len(notebooks())} notebooks, scenario baseline | median | fastest to slowest | times Papermill | times scripts |",
        "|---|--:|--:|--:|--:|",
    ]
    for way, label in WAYS.items():
        ratios = f"{medians[way] / medians['papermill']:.2f} | {medians[way] / medians['scripts']:.2f}"
        spread = f"{min(seconds[way]):.1f} to {max(seconds[way]):.1f} s"
        lines.append(f"| {label} | {medians[way]:.1f} s | {spread} | {ratios} |")
    return "\n".join(lines)


def circumstances(load: float, rounds: int) -> str:
    return (
        f"*{datetime.date.today():%d %B %Y}, {rounds} rounds on {len(os.sched_getaffinity(0))} cores; load of the machine before "
        f"{load:.1f}, after {os.getloadavg()[0]:.1f} (1 to 2 is this command). In each round the text and the pictures of both of "
        "quartier's ways were the same as those of Papermill, to the byte.*"
    )


def write(text: str) -> None:
    """Put the table between its marks; the words around it are written by people."""
    page = PAGE.read_text(encoding="utf-8")
    start, end = (page.index(mark) for mark in MARKS)
    PAGE.write_text(f"{page[:start]}{MARKS[0]}\n\n{text}\n\n{page[end:]}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
