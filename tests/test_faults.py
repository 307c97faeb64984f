"""What a run survives: being killed, many at once, a full disk, a folder made read-only, kernels that die, hang or talk nonsense.

All of it is done to the real command in processes of its own, on a folder with spaces and umlauts. `--thorough` kills a hundred
times and starts twenty runs at once.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small_city import fingerprint, write_city
from test_runs import PLAN, write_notebook

from quartier import manifest, outputs, review
from quartier.language import Texts

QUARTIER = [sys.executable, "-m", "quartier"]
LONGEST_S = 300
"""No command here takes as long; one that does hangs."""


NAME = "Planung für Übersee (Entwurf 2)"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with a city, two notebooks and a run, and how long the run took."""
    folder = tmp_path_factory.mktemp("made") / NAME
    write_city(folder / "data")
    for number in (1, 2):
        write_notebook(folder / "notebooks" / f"0{number}_plan.ipynb", PLAN)
    (folder.parent / "temporary").mkdir()
    begun = time.monotonic()
    assert call(folder).returncode == 0
    return folder, time.monotonic() - begun


@pytest.fixture
def project(made, tmp_path):
    """A copy of the folder with its run, and a folder for temporary files beside."""
    (tmp_path / "temporary").mkdir()
    return shutil.copytree(made[0], tmp_path / NAME, symlinks=True)


def heard():
    """Let a process hear SIGINT, which one started in the background of a shell ignores."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def start(folder, *words, before=()):
    """Start a run in a folder, as a leader of its own group of processes."""
    environment = {**os.environ, "TMPDIR": str(folder.parent / "temporary"), "PYTHONPATH": ""}
    return subprocess.Popen(
        [*before, *QUARTIER, "run", *words],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heard,
    )


def end(process):
    out, err = process.communicate(timeout=LONGEST_S)
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def call(folder, *words, before=()):
    return end(start(folder, *words, before=before))


def whole(folder):
    """Contents of the complete runs of a folder by their names; each is checked against its hashes."""
    found = {}
    for run in outputs.complete(folder / "outputs"):
        assert review.verify(run, hashes_only=True).exit_code == 0, run
        assert manifest.read(run, Texts()).name == run.name
        found[run.name] = fingerprint(run)
    return found


def nothing_is_left(folder):
    """Wait until no process is at work in a folder or its temporary files, which are gone, too; say what is left."""
    deadline = time.monotonic() + 20
    while left := [*processes_in(folder.parent), *(folder.parent / "temporary").iterdir()]:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    return left == [], left


def processes_in(folder):
    """Numbers of the processes that work in a folder, or were started with its name."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            known = [os.fsencode((process / "cwd").readlink()), (process / "environ").read_bytes()]
            is_dead = (process / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if any(os.fsencode(folder) in one for one in known) and not is_dead and int(process.name) != os.getpid():
                found.append(int(process.name))
    return found


def has_begun(out):
    """Tell whether a run has written a file of its own."""
    work = [path for path in out.glob(".*.partial-*/*") if path.is_dir()]
    return any(files for folder in work for _, _, files in os.walk(folder))  # which may be gone at any moment


def test_killed_at_any_moment_a_run_leaves_no_half_folder_and_harms_no_other(project, made, request):
    times = 100 if request.config.getoption("--thorough") else 3
    before, chance, takes_s = whole(project), random.Random(1), made[1]
    for turn in range(times):
        process = start(project)
        if turn == 0:  # one for certain in the middle of its work, with a file of it, however fast this machine is now
            deadline = time.monotonic() + 60
            while not has_begun(project / "outputs") and time.monotonic() < deadline:
                time.sleep(0.01)
        else:
            time.sleep(chance.uniform(0, takes_s))
        process.send_signal(signal.SIGKILL)
        end(process)
        after = whole(project)
        assert {name: after[name] for name in before} == before
        assert (project / "outputs" / "latest").resolve().name in after
        before = after
    assert nothing_is_left(project)[0], nothing_is_left(project)
    done = call(project)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(whole(project)) == len(before) + 1
    assert [path.name for path in (project / "outputs").glob(".*.partial-*")] == []
    for failed in (project / "outputs" / "failed").iterdir():
        assert json.loads((failed / outputs.FAILURE).read_text())["kind"] == "killed"


def test_many_runs_at_once_are_all_complete(project, request):
    count = 20 if request.config.getoption("--thorough") else 3
    done = [end(process) for process in [start(project, "--jobs", "1") for _ in range(count)]]
    assert [one.returncode for one in done] == [0] * count, [one.stderr for one in done]
    assert len(whole(project)) == count + 1
    results = {
        json.dumps({path: content for path, content in files.items() if path != manifest.FILE})
        for files in whole(project).values()
    }
    assert len(results) == 1, "all of them are the same"
    assert nothing_is_left(project)[0]


@pytest.mark.parametrize(
    ("cell", "kind", "says"),
    [
        ("import os; os._exit(7)", "died", "sein Prozess ist abgestürzt"),
        (
            "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: time.sleep(1000)",
            "time",
            "länger als 3 Sekunden",
        ),
        ("for _ in range(100): print('x' * 1_000_000)", "output", "mehr aus, als ein Notebook fassen kann"),
    ],
    ids=["dies", "hangs", "100 MB"],
)
def test_a_kernel_that_fails_is_named_in_one_line_and_nothing_is_lost(project, cell, kind, says):
    before = whole(project)
    write_notebook(project / "notebooks" / "03_broken.ipynb", "print('bis hier')", cell)
    done = call(project, "--cell-time", "3")
    assert done.returncode == 1
    first, *_ = done.stderr.splitlines()
    assert says in first
    assert "03_broken.ipynb, Zelle [4]" in first
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 3
    assert whole(project) == before
    (failed,) = (project / "outputs" / "failed").iterdir()
    told = json.loads((failed / outputs.FAILURE).read_text(encoding="utf-8"))
    assert (told["notebook"], told["cell"], told["kind"]) == ("03_broken.ipynb", 4, kind)
    assert "bis hier" in (failed / "notebooks" / "03_broken.ipynb").read_text(encoding="utf-8")
    assert nothing_is_left(project)[0], nothing_is_left(project)


@pytest.fixture
def small_disk(project):
    """Mount a disk of a few MB in place of the folder for runs; its size can be changed."""
    out = project / "outputs"

    def mount(*options):
        return subprocess.run(["mount", *options, str(out)], capture_output=True, text=True, check=False)

    kept = project / "kept"
    shutil.copytree(out, kept, symlinks=True)
    made = mount("-t", "tmpfs", "-o", "size=64m", "tmpfs")
    if made.returncode:
        pytest.skip(f"a disk cannot be mounted here: {made.stderr.strip()}")
    shutil.copytree(kept, out, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(kept)
    yield lambda kilobytes: mount("-o", f"remount,size={kilobytes}k").check_returncode()
    subprocess.run(["umount", str(out)], check=True)


def test_on_a_full_disk_a_run_says_so_and_older_runs_stay(project, small_disk):
    before = whole(project)
    for free_kb in (16, 600):  # there is no room to begin, or none to end
        disk = os.statvfs(project / "outputs")
        used_kb = (disk.f_blocks - disk.f_bfree) * disk.f_frsize // 1024
        small_disk(used_kb + free_kb)
        done = call(project)
        assert done.returncode in (1, 2), free_kb
        assert "der Datenträger ist voll" in done.stderr.splitlines()[0]
        assert "Traceback" not in done.stderr
        assert whole(project) == before
    small_disk(64 * 1024)
    assert call(project).returncode == 0
    assert len(whole(project)) == len(before) + 1
    assert [path.name for path in (project / "outputs").glob(".*.partial-*")] == []


def without_rights(
    words=("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-dac_override,-dac_read_search"),
):
    """Start of a command that keeps root from writing where nobody may."""
    if os.geteuid():
        return ()
    tried = subprocess.run([*words, "true"], capture_output=True, check=False) if shutil.which(words[0]) else None
    if tried is None or tried.returncode:
        pytest.skip("root can write anywhere here")
    return words


def test_a_folder_made_read_only_in_the_middle_is_told_and_older_runs_stay(project):
    before, out = whole(project), project / "outputs"
    here = project / "reached"
    cell = f"import pathlib, time; pathlib.Path({str(here)!r}).touch(); time.sleep(4)"
    write_notebook(project / "notebooks" / "03_slow.ipynb", cell)
    process = start(project, before=without_rights())
    deadline = time.monotonic() + LONGEST_S
    while not here.exists():
        assert process.poll() is None, end(process).stderr
        assert time.monotonic() < deadline
        time.sleep(0.05)
    folders = [out, *(path for path in out.rglob("*") if path.is_dir() and not path.is_symlink())]
    for folder in folders:
        folder.chmod(0o555)
    done = end(process)
    assert done.returncode == 1
    assert "darf nicht geschrieben werden" in done.stderr.splitlines()[0]
    assert "Traceback" not in done.stderr
    assert whole(project) == before
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            folder.chmod(0o755)
    (project / "notebooks" / "03_slow.ipynb").unlink()
    assert call(project, before=without_rights()).returncode == 0
    assert len(whole(project)) == len(before) + 1
    assert [path.name for path in out.glob(".*.partial-*")] == []
    # Named by its own day, which need not be that of the run before.
    assert [path.name[len("2026-11-30-") :] for path in (out / "failed").iterdir()] == ["baseline"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_run_that_is_ended_leaves_the_lock_and_what_it_had(project, number, code):
    before = whole(project)
    here = project / "reached"
    write_notebook(project / "notebooks" / "03_slow.ipynb", f"open({str(here)!r}, 'w'); __import__('time').sleep(1000)")
    process = start(project)
    while not here.exists():
        assert process.poll() is None, end(process).stderr
        time.sleep(0.05)
    process.send_signal(number)
    done = end(process)
    assert (done.returncode, done.stdout) == (code, "")
    assert "outputs/failed/" in done.stderr
    assert whole(project) == before
    (failed,) = (project / "outputs" / "failed").iterdir()
    assert json.loads((failed / outputs.FAILURE).read_text())["kind"] == "interrupted"
    assert nothing_is_left(project)[0], nothing_is_left(project)
    with outputs.locked(project / "outputs"):
        assert outputs.at_work(project / "outputs") == []
