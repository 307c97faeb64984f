"""What stands under a run's name is complete: names, the link to the latest, what killed runs leave."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quartier import outputs
from quartier.manifest import FILE

NAME = "2026-11-23-baseline"


def make(out, name=NAME, content="whole"):
    """Make a run of one file and a manifest."""
    with outputs.begun(out, name) as place:
        (place.work / "table.csv").write_text(content)
        return place.keep(lambda name: (place.work / FILE).write_text(name))


def names(out):
    return sorted(path.name for path in out.iterdir())


@pytest.fixture
def killed(tmp_path):
    """Begin a run in another process that is killed in the middle; give the folder for runs."""
    out = tmp_path / "läufe und mehr"
    code = (
        "import sys, time; from pathlib import Path; from quartier import outputs\n"
        f"with outputs.begun(Path({str(out)!r}), {NAME!r}) as place:\n"
        "    (place.work / 'table.csv').write_text('half'); print('begun', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "begun\n"
        yield out, process
        process.kill()


def test_a_run_gets_its_name_with_everything_in_it_and_is_the_latest(tmp_path):
    folder = make(tmp_path / "out")
    assert folder == tmp_path / "out" / NAME
    assert ((folder / "table.csv").read_text(), (folder / FILE).read_text()) == ("whole", NAME)
    assert names(tmp_path / "out") == [".lock", NAME, "latest"]
    assert str((tmp_path / "out" / "latest").readlink()) == NAME
    assert outputs.complete(tmp_path / "out") == [folder]


def test_the_manifest_is_told_the_name_that_the_run_gets(tmp_path):
    make(tmp_path)
    second = make(tmp_path)
    assert (second.name, (second / FILE).read_text()) == (f"{NAME}-2", f"{NAME}-2")
    assert str((tmp_path / "latest").readlink()) == f"{NAME}-2"


def test_a_run_that_is_not_kept_leaves_nothing(tmp_path):
    def fail():
        with outputs.begun(tmp_path / "a" / "b", NAME) as place:
            (place.work / "half").touch()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert names(tmp_path) == []


def test_what_a_killed_run_left_is_found_below_failed_by_the_next_run(killed):
    out, process = killed
    make(out)
    assert (out / "failed").exists() is False  # it is still at work
    assert outputs.at_work(out) == [NAME]
    process.kill()
    process.wait()
    assert outputs.at_work(out) == []
    make(out)
    assert names(out) == [".lock", NAME, f"{NAME}-2", "failed", "latest"]
    left = out / "failed" / NAME
    assert (left / "table.csv").read_text() == "half"
    assert json.loads((left / outputs.FAILURE).read_text()) == {"run": f"failed/{NAME}", "kind": "killed"}


def test_a_run_killed_between_its_name_and_the_link_is_the_latest_after_all(tmp_path, monkeypatch):
    make(tmp_path)
    monkeypatch.setattr(outputs, "_set_latest", lambda *args: os._exit(9))
    pid = os.fork()
    if not pid:
        make(tmp_path)
    os.waitpid(pid, 0)
    monkeypatch.undo()
    assert str((tmp_path / "latest").readlink()) == NAME
    assert [path.name for path in outputs.complete(tmp_path)] == [NAME, f"{NAME}-2"]
    with outputs.locked(tmp_path):
        assert outputs.sweep(tmp_path) == []
    assert str((tmp_path / "latest").readlink()) == f"{NAME}-2"
    assert names(tmp_path) == [".lock", NAME, f"{NAME}-2", "latest"]


def test_a_failed_run_is_set_aside_with_its_reason_and_never_over_another(tmp_path):
    for _ in range(2):
        with outputs.begun(tmp_path, NAME) as place:
            (place.work / "half").touch()
            kept = place.set_aside({"reason": "So nicht."})
    assert kept == tmp_path / "failed" / f"{NAME}-2"
    assert json.loads((kept / outputs.FAILURE).read_text()) == {"reason": "So nicht.", "run": f"failed/{NAME}-2"}
    assert names(tmp_path) == [".lock", "failed"]


def test_a_link_in_place_of_failed_is_not_followed(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    out = tmp_path / "out"
    out.mkdir()
    (out / "failed").symlink_to(tmp_path / "elsewhere")
    with outputs.begun(out, NAME) as place:
        (place.work / "half").touch()
        kept = place.set_aside({})
    assert names(tmp_path / "elsewhere") == []
    assert (kept / "half").exists()


@pytest.mark.parametrize("trap", [".lock", "latest"])
def test_a_link_that_leads_out_of_the_folder_is_not_written_through(tmp_path, trap):
    outside = tmp_path / "outside"
    outside.write_text("mine")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / trap).symlink_to(outside)
    if trap == ".lock":
        with pytest.raises(OSError, match="symbolic links"):
            make(tmp_path / "out")
    else:
        make(tmp_path / "out")
    assert outside.read_text() == "mine"


def test_a_folder_called_latest_is_somebodys_own(tmp_path):
    (tmp_path / "latest").mkdir()
    make(tmp_path)
    assert (tmp_path / "latest").is_dir()
    assert not (tmp_path / "latest").is_symlink()


def test_a_run_is_complete_only_with_its_manifest(tmp_path):
    folder = make(tmp_path)
    (tmp_path / "mine").mkdir()
    assert outputs.complete(tmp_path) == [folder]
    (folder / FILE).unlink()
    assert outputs.complete(tmp_path) == []


def test_many_at_once_get_a_name_each(tmp_path):
    code = (
        "from pathlib import Path; from quartier import outputs\n"
        f"with outputs.begun(Path({str(tmp_path)!r}), {NAME!r}) as place:\n"
        f"    place.keep(lambda name: (place.work / {FILE!r}).write_text(name))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(8)]
    assert [process.wait() for process in processes] == [0] * 8
    found = outputs.complete(tmp_path)
    assert sorted(folder.name for folder in found) == sorted([NAME, *(f"{NAME}-{number}" for number in range(2, 9))])
    assert all((folder / FILE).read_text() == folder.name for folder in found)
    assert Path(tmp_path, "latest").resolve() in found


def test_the_lock_is_let_go_of_by_a_process_that_is_killed(tmp_path):
    code = (
        "import time; from pathlib import Path; from quartier import outputs\n"
        f"with outputs.locked(Path({str(tmp_path)!r})):\n    print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        with pytest.raises(BlockingIOError):
            outputs.open_locked(tmp_path / ".lock", wait=False)
        process.kill()
    begun = time.monotonic()
    with outputs.locked(tmp_path):
        assert time.monotonic() - begun < 30
