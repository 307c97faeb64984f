"""Runs that nobody watches: made when they are due, alone if so asked, told to whom it concerns, listed, and tidied away."""

import ast
import datetime
import http.server
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
import typer
from small_city import fingerprint, write_city
from test_runs import PLAN, write_notebook

import quartier as q
from quartier import manifest, outputs, report, runs, schedule
from quartier.__main__ import app
from quartier.language import Texts

TODAY = datetime.date(2026, 11, 24)
QUARTIER = (sys.executable, "-m", "quartier")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a city and a notebook that is not executed, no figures, and the working directory in it."""
    write_city(tmp_path / "data")
    write_notebook(tmp_path / "notebooks" / "01_plan.ipynb", PLAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "_execute_notebook", lambda path, target, *rest: target.write_bytes(path.read_bytes()))
    monkeypatch.setattr(runs.pages, "save", lambda source, target, **rest: target.write_text("page"))
    monkeypatch.setattr(report, "_save_figures", lambda *args: None)
    monkeypatch.setattr(report, "what_if", lambda plan: {})
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """What a run says of itself."""
    city = write_city(tmp_path_factory.mktemp("made") / "data")
    plan = q.allocate(q.load(city), q.Scenario.named("baseline", city))
    empty = city.parent / "run"
    empty.mkdir()
    begun = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.UTC)
    return manifest.describe(
        plan, empty, data="data", parameters={}, notebooks=[], begun=begun, took_s=1, name="2026-11-24-baseline"
    )


@pytest.fixture
def make(made, tmp_path):
    """Put a small run of a day into `outputs/`, as one that was made."""

    def make(day=TODAY, scenario="baseline", amounts=None, **parameters):
        folder = tmp_path / "outputs" / f"{day}-{scenario}"
        (folder / "notebooks").mkdir(parents=True)
        (folder / "notebooks" / "01_plan.ipynb").write_text("{}")
        result = made.result.model_copy(update={"amounts_eur": amounts} if amounts else {})
        changes = {
            "name": folder.name,
            "begun": made.begun.replace(year=day.year, month=day.month, day=day.day),
            "scenario": made.scenario.model_copy(update={"name": scenario}),
            "parameters": parameters,
            "outputs": manifest.hashes(folder),
            "result": result,
        }
        manifest.write(manifest.sealed(made.model_copy(update=changes)), folder)
        (folder.parent / "latest").unlink(missing_ok=True)
        (folder.parent / "latest").symlink_to(folder.name)
        return folder

    return make


def order(**asked):
    """Give exit code, what was said, what was complained about."""
    said, complained = [], []
    code = schedule.run(schedule.Order(**asked), said.append, complained.append)
    return code, said, complained


def logged(path="log.jsonl"):
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def runs_there():
    return [path.name for path in outputs.complete(Path("outputs"))]


def broken(*args):
    raise runs.RunError("So nicht.", exit_code=1)


# --- due ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("every", "day", "same", "other"),
    [
        ("week", "2026-11-23", "2026-11-29", "2026-11-30"),
        ("week", "2027-01-03", "2026-12-28", "2027-01-04"),  # the week of a year's end is one week
        ("month", "2026-11-01", "2026-11-30", "2026-12-01"),
        ("month", "2026-11-30", "2026-11-01", "2025-11-30"),
        ("quarter", "2026-09-30", "2026-07-01", "2026-10-01"),
        ("quarter", "2026-10-01", "2026-12-31", "2026-09-30"),
        ("year", "2026-01-01", "2026-12-31", "2027-01-01"),
        ("year", "2099-01-01", "2099-02-01", "2026-01-01"),  # a clock that once ran ahead keeps nothing from being due
    ],
)
def test_a_run_is_due_once_in_each_period(project, make, every, day, same, other):
    day, same, other = map(datetime.date.fromisoformat, (day, same, other))
    folder = make(day)
    assert schedule.done_in_period("outputs", "data", "baseline", {}, every, same) == folder.name
    assert schedule.done_in_period("outputs", "data", "baseline", {}, every, other) is None


def test_another_scenario_city_or_parameter_is_due_of_its_own(project, make):
    make(budget_eur=16_000)
    asked = {"out": "outputs", "every": "week", "today": TODAY}
    done = schedule.done_in_period
    assert done(data="data", scenario="baseline", changes={"budget_eur": 16_000}, **asked)
    assert not done(data="data", scenario="baseline", changes={}, **asked)
    assert not done(data="data", scenario="cut", changes={"budget_eur": 16_000}, **asked)
    write_city(project / "other")
    assert not done(data="other", scenario="baseline", changes={"budget_eur": 16_000}, **asked)


def test_a_run_that_cannot_be_read_or_is_not_complete_does_not_count(project, make):
    folder = make()
    (folder / "manifest.json").write_text("{")
    Path("outputs/failed/2026-11-24-baseline").mkdir(parents=True)
    assert not schedule.done_in_period("outputs", "data", "baseline", {}, "week", TODAY)


def test_what_is_not_due_is_said_in_one_line_and_changes_nothing(project, make):
    make(datetime.date.today())
    before = fingerprint(project / "outputs")
    code, said, complained = order(every="year", log="log.jsonl")
    assert (code, complained) == (0, [])
    assert re.fullmatch(r"Nichts zu tun: \d{4}-\d\d-\d\d-baseline ist aus diesem Jahr\.", *said)
    assert fingerprint(project / "outputs") == before
    assert [(one["event"], one["run"]) for one in logged()] == [("skipped", *runs_there())]


def test_what_failed_is_made_at_the_next_call(project, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(runs, "_execute_notebook", broken)
        assert order(every="quarter")[0] == 1
    assert runs_there() == []
    assert [order(every="quarter")[0] for _ in range(2)] == [0, 0]
    assert len(runs_there()) == 1


# --- all scenarios ------------------------------------------------------------------------------------------------


def test_all_scenarios_are_run_with_the_same_kernels_past_one_that_is_impossible(project, monkeypatch):
    (project / "data" / "scenarios" / "bad.yaml").write_text("name: bad\nbudget_eur: 100\n")
    started, ready = [], schedule.kernels.ready

    def counted(**options):
        started.append(options)
        return ready(**options)

    monkeypatch.setattr(schedule.kernels, "ready", counted)
    code, said, complained = order(is_all=True, log="log.jsonl")
    assert code == 2
    assert len(started) == 1
    assert len(said) == 2
    assert "„bad“" in complained[0].splitlines()[0]
    assert [name[11:] for name in runs_there()] == ["baseline", "cut"]
    assert [(one["event"], one["scenario"]) for one in logged()] == [
        ("begun", "bad"),
        ("failed", "bad"),
        ("begun", "baseline"),
        ("done", "baseline"),
        ("begun", "cut"),
        ("done", "cut"),
    ]


def test_a_city_without_scenarios_is_told(project):
    code, _, complained = order(is_all=True, data="nosuch")
    assert (code, complained) == (2, ["In „nosuch“ gibt es keine Szenarien."])


# --- told ---------------------------------------------------------------------------------------------------------


def test_the_log_says_in_a_line_what_was_reached(project):
    Path("log.jsonl").write_text("an older line\n")
    assert order(log="log.jsonl", parameters=("budget_eur=16000",))[0] == 0
    older, *lines = Path("log.jsonl").read_text(encoding="utf-8").splitlines()
    assert older == "an older line"
    begun, done = map(json.loads, lines)
    made = manifest.read(Path("outputs/latest"), Texts())
    assert (begun["event"], done["event"], done["exit_code"]) == ("begun", "done", 0)
    assert (done["run"], done["scenario"], done["parameters"]) == (made.name, "baseline", ["budget_eur=16000"])
    assert (done["benefit"], done["gap"], done["spent_eur"]) == (
        made.result.benefit,
        made.result.gap,
        made.result.spent_eur,
    )
    assert "16.000 EUR" in done["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", done["time"])
    assert begun.keys() == done.keys()


@pytest.mark.parametrize(("log", "why"), [("data", "ein Ordner"), ("nix/dir/x", "kein solcher Ordner")])
def test_a_log_that_cannot_be_written_is_one_line_before_anything_is_started(project, log, why):
    before = fingerprint(project)
    code, said, (line,) = order(log=log)
    assert (code, said) == (2, [])
    assert line == f"Kein Lauf von „baseline“: Das Protokoll „{log}“ kann nicht geschrieben werden: {why}"
    assert fingerprint(project) == before


def python(code):
    return shlex.join([sys.executable, "-c", code])


TELL = "import json, os, sys; json.dump([json.load(sys.stdin), dict(os.environ)], open('told.json', 'w'))"


@pytest.mark.parametrize("asked", [{"parameters": ("budget=1",)}, {"scenario": "nosuch"}, {"every": "hour"}, {}])
def test_a_failure_or_a_wrong_input_is_told_to_the_command_and_the_log(project, monkeypatch, asked):
    monkeypatch.setattr(runs, "_execute_notebook", broken)
    code, said, (complained,) = order(on_failure=python(TELL), log="log.jsonl", **asked)
    event, surroundings = json.loads(Path("told.json").read_text())
    assert (code, said) == (2 if asked else 1, [])
    assert event == logged()[-1]
    assert (event["event"], event["exit_code"], event["message"]) == ("failed", code, complained)
    assert surroundings["QUARTIER_MESSAGE"] == complained
    assert surroundings["QUARTIER_EXIT_CODE"] == str(code)
    assert complained.startswith(f"Kein Lauf von „{asked.get('scenario', 'baseline')}“: ")


def test_a_success_is_told_to_the_log_alone(project):
    assert order(on_failure=python(TELL), webhook="http://127.0.0.1:9/", log="log.jsonl")[0] == 0
    assert not Path("told.json").exists()


@pytest.mark.parametrize(
    ("command", "says"),
    [
        ("nosuch-command", "nosuch-command: kein solches Programm"),
        ("./data", "./data: keine Berechtigung"),
        (python("import sys; print('first', file=sys.stderr); sys.exit('no mail')"), "endete mit dem Code 1: no mail"),
        (python("import time; time.sleep(60)"), "länger als 1 Sekunden"),
    ],
)
def test_a_command_that_does_not_work_is_a_line_and_changes_no_exit_code(project, monkeypatch, command, says):
    monkeypatch.setattr(schedule, "COMMAND_TIME_S", 1 if "sleep" in command else 30)
    monkeypatch.setattr(runs, "_execute_notebook", broken)
    begun = time.monotonic()
    code, _, (_, line) = order(on_failure=command)
    assert code == 1
    assert says in line
    assert "\n" not in line
    assert time.monotonic() - begun < 30


def test_a_command_is_not_waited_for_by_what_it_leaves_running(project, monkeypatch):
    monkeypatch.setattr(runs, "_execute_notebook", broken)
    begun = time.monotonic()
    assert len(order(on_failure="sh -c 'sleep 20 &'")[2]) == 1
    assert time.monotonic() - begun < 15


@pytest.fixture
def server():
    """A server that answers as its path says and remembers what it was given."""
    posted = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            posted.append(
                (self.headers["Content-Type"], json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            )
            if self.path == "/slow":
                time.sleep(3)
            self.send_response(int(self.path[1:]) if self.path[1:].isdigit() else 200)
            self.send_header("Location", "/200")
            self.end_headers()

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as one:
        threading.Thread(target=one.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{one.server_port}", posted
        one.shutdown()


def test_a_failure_is_posted_to_the_webhook(project, monkeypatch, server):
    address, posted = server
    monkeypatch.setattr(runs, "_execute_notebook", broken)
    code, _, complained = order(webhook=f"{address}/200", log="log.jsonl")
    assert (code, len(complained)) == (1, 1)
    assert posted == [("application/json", logged()[-1])]


@pytest.mark.parametrize(("path", "says"), [("/500?secret", "HTTP 500"), ("/302", "HTTP 302"), ("/slow", "länger als")])
def test_a_webhook_that_does_not_answer_is_a_line_without_its_secrets(project, monkeypatch, server, path, says):
    address, posted = server
    monkeypatch.setattr(schedule, "WEBHOOK_TIME_S", 1 if path == "/slow" else 10)
    monkeypatch.setattr(runs, "_execute_notebook", broken)
    code, _, (_, line) = order(webhook=address + path.removesuffix("?secret"))
    assert code == 1
    assert says in line
    assert path not in line
    assert len(posted) == 1


# --- processes ----------------------------------------------------------------------------------------------------


def heard():
    """Let a process hear SIGINT, which one started in the background of a shell ignores, and SIGHUP, which one under nohup does."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.fixture
def slow(tmp_path):
    """A project of its own, whose one notebook tells that it is at work and takes its time."""
    write_city(tmp_path / "data")
    wait = "import pathlib, time\npathlib.Path({place!r}).touch()\ntime.sleep(6)".format(
        place=str(tmp_path / "at-work")
    )
    write_notebook(tmp_path / "notebooks" / "01_plan.ipynb", wait)
    started = []

    def start(*words):
        one = subprocess.Popen(
            [*QUARTIER, "run", "--out", str(tmp_path / "outputs"), *words],
            cwd=tmp_path,
            # As a person has it: an interrupt while a library is loaded leaves its file open, which is only told of where asked for.
            env={**os.environ, "PYTHONWARNINGS": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=heard,
        )
        started.append(one)
        return one

    yield tmp_path, start
    for one in started:
        if one.poll() is None:
            one.kill()
        one.communicate()


def wait_for(path, *processes, seconds=60):
    """Wait for a file that one of the processes makes."""
    end = time.monotonic() + seconds
    while not path.exists():
        left = [one.communicate() for one in processes if one.poll() is not None]
        assert not processes or len(left) < len(processes), left
        assert time.monotonic() < end, f"{path} did not come; {left}"
        time.sleep(0.05)


def test_of_two_that_start_at_once_one_is_made_and_an_end_from_outside_frees_the_lock(slow):
    folder, start = slow
    both = [start("--exclusive", "--log-json", "log.jsonl") for _ in range(2)]
    wait_for(folder / "at-work", *both)
    end = time.monotonic() + 60
    while all(one.poll() is None for one in both):
        assert time.monotonic() < end
        time.sleep(0.05)
    first, second = sorted(both, key=lambda one: one.poll() is not None)
    told, wrong = second.communicate()
    assert (second.returncode, wrong) == (3, "")
    assert re.fullmatch(r"Nichts getan: In „.*“ entsteht gerade ein anderer Lauf\.\n", told)
    assert first.poll() is None

    first.send_signal(signal.SIGTERM)
    first.send_signal(signal.SIGTERM)
    told, wrong = first.communicate(timeout=60)
    assert (first.returncode, told) == (143, "")
    assert re.fullmatch(r"Abgebrochen; was fertig war, liegt in .*\n", wrong), wrong
    line = wrong.rstrip("\n")
    kept = Path(line.removeprefix("Abgebrochen; was fertig war, liegt in "))
    assert json.loads((kept / "failure.json").read_text())["kind"] == "interrupted"
    assert {one.name for one in (folder / "outputs").iterdir()} == {".lock", ".exclusive", "failed"}
    with schedule._alone(folder / "outputs"):
        pass
    events = logged(folder / "log.jsonl")
    assert sorted(one["event"] for one in events) == ["begun", "busy", "interrupted"]
    assert events[-1]["run"] == f"failed/{kept.name}"
    assert events[-1]["exit_code"] == 143


def test_any_signal_ends_a_run_with_its_own_code(slow):
    folder, start = slow
    for number, code in ((signal.SIGINT, 130), (signal.SIGHUP, 129)):
        one = start("--jobs", "1")
        wait_for(folder / "at-work", one)
        (folder / "at-work").unlink()
        one.send_signal(number)
        _, wrong = one.communicate(timeout=60)
        assert one.returncode == code, wrong
        assert re.fullmatch(r"Abgebrochen; was fertig war, liegt in .*\n", wrong), wrong


@pytest.mark.parametrize(
    "error",
    [
        ValueError("C error: Calling read(nbytes) on source failed."),
        runs.RunError("So nicht.", folder=Path("outputs/failed/x")),
    ],
)
def test_an_interrupt_that_a_library_has_made_another_error_of_is_one_still(project, monkeypatch, capsys, error):
    def interrupted(*_, **__):
        raise error

    monkeypatch.setattr(runs.Job, "execute", interrupted)
    complained, where = [], getattr(error, "folder", None)
    with pytest.raises(runs.RunError) as caught:
        schedule.run(schedule.Order(log="log.jsonl"), print, complained.append, lambda: 129)
    assert caught.value.exit_code == 129
    assert str(caught.value) == (
        f"Abgebrochen; was fertig war, liegt in {where}" if where else "Unterbrochen; nichts wurde gespeichert."
    )
    assert complained == []
    assert capsys.readouterr() == ("", "")
    assert [(one["event"], one["exit_code"]) for one in logged()] == [("begun", None), ("interrupted", 129)]


def test_a_run_that_is_still_reading_its_data_keeps_away_one_that_wants_to_be_alone(project):
    Path("outputs").mkdir()
    with schedule._seen(schedule.Order()), schedule._seen(schedule.Order()):
        assert order(is_exclusive=True)[0] == 3
    assert order(is_exclusive=True)[0] == 0
    with schedule._alone(Path("outputs")):
        assert order()[0] == 0  # who does not mind company is not kept away


def test_a_run_made_by_hand_keeps_away_one_that_wants_to_be_alone(project):
    with outputs.begun(Path("outputs"), "2026-11-24-baseline"):
        code, said, complained = order(is_exclusive=True, log="log.jsonl")
    assert (code, complained) == (3, [])
    assert len(said) == 1
    assert [one["event"] for one in logged()] == ["busy"]
    assert order(is_exclusive=True)[0] == 0


# --- listed -------------------------------------------------------------------------------------------------------


def test_runs_are_listed_with_what_they_changed(project, make):
    amounts = {"park": 10_000.0, "hill": 10_000.0, "yard": 0.0, "mill": 0.0}
    make(TODAY.replace(day=23), amounts=amounts)
    make(TODAY, amounts={"park": 14_000.0, "hill": 4_000.5, "lake": 1_000.0, "mill": 500.0}, budget_eur=16_000)
    write_names("2026-11-24-baseline", hill="Am Hügel", park="Wohnpark Am Park und am Weiher")
    make(TODAY, "cut", amounts=amounts)
    make(TODAY.replace(day=25), amounts={**amounts, "mill": 100.0})
    make(TODAY.replace(day=26), amounts={**amounts, "mill": 100.0})
    Path("outputs/2026-11-27-torn").mkdir()
    Path("outputs/2026-11-27-torn/manifest.json").write_text("{")
    Path("outputs/failed/2026-11-27-cut").mkdir(parents=True)
    Path("outputs/failed/2026-11-27-cut/failure.json").write_text('{"kind": "killed", "message": "Strom weg.\\nMehr."}')
    digest = manifest.hash_file(Path("outputs/2026-11-24-cut/manifest.json")).sha256
    looked = {"run": "2026-11-24-cut", "manifest_sha256": digest, "date": "2026-11-27T12:00:00+00:00"}
    old = {**looked, "run": "2026-11-23-baseline", "manifest_sha256": "0" * 64, "result": "same"}
    lines = [old, {**looked, "result": "different"}, {**looked, "result": "same"}]
    Path("outputs/verified.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines) + "{torn")
    found = schedule.list_runs("outputs")
    assert [one["run"] for one in found["runs"]] == runs_there()[:-1]
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["runs"][1]["names"] == {"hill": "Am Hügel", "park": "Wohnpark Am Park und am Weiher"}
    before = fingerprint(project)
    schedule.list_runs("outputs")
    assert fingerprint(project) == before
    with outputs.begun(Path("outputs"), "2026-11-28-baseline"):
        lines = schedule.sentences(schedule.list_runs("outputs"))
    assert lines.pop(6).startswith("Nicht lesbar: 2026-11-27-torn: ")
    assert "\n".join(lines).replace("\u00a0", " ") == LISTED


def write_names(run, **names):
    """Give a run a table that names its sites, as far as a list of runs needs it."""
    rows = "".join(f"{site},{name}\n" for site, name in names.items())
    Path("outputs", run, "tables").mkdir()
    Path("outputs", run, "tables", "distribution.csv").write_text(f"site_id,name\n{rows}", encoding="utf-8")


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("interrupted", "unterbrochen"),
        ("killed", "abgebrochen, oder der Rechner wurde ausgeschaltet"),
        ("odd", "aus unbekanntem Grund"),
    ],
)
def test_a_run_that_says_no_more_than_how_it_ended_is_listed_in_words(project, kind, why):
    Path("outputs/failed/2026-11-27-cut").mkdir(parents=True)
    Path("outputs/failed/2026-11-27-cut/failure.json").write_text(json.dumps({"kind": kind}))
    last = schedule.sentences(schedule.list_runs("outputs"))[-1]
    assert last == f"1 Lauf wurde nicht fertig: failed/2026-11-27-cut ({why})"


def test_a_scenario_that_is_mistyped_is_told_with_the_one_that_was_perhaps_meant(project):
    code, said, (line,) = order(scenario="baselin", parameters=("budgt=3",))
    assert (code, said) == (2, [])
    assert line.splitlines()[:2] == [
        "Kein Lauf von „baselin“: Es gibt kein Szenario „baselin“. Gemeint war vielleicht: baseline",
        "Was es gibt: baseline, cut",
    ]
    assert line.splitlines()[2].startswith("  - Parameter budgt: gegeben kein Parameter dieses Namens, erwartet ")
    assert len(line.splitlines()) == 3
    assert order(scenario="zzz")[2] == ["Kein Lauf von „zzz“: Es gibt kein Szenario „zzz“.\nWas es gibt: baseline, cut"]


@pytest.mark.parametrize("asked", [{}, {"is_all": True}])
def test_a_city_without_a_name_is_told_so(project, asked):
    assert order(data=" ", **asked)[2][0].endswith("Der Ordner der Stadt braucht einen Namen.")


def test_where_there_is_no_run_that_is_said(project):
    assert schedule.sentences(schedule.list_runs("outputs")) == ["In „outputs“ gibt es keinen fertigen Lauf."]
    assert not Path("outputs").exists()


LISTED = """\
Lauf                 Datum       Szenario                   erreicht  Abstand  nachgerechnet       Änderungen zum vorigen
2026-11-23-baseline  23.11.2026  baseline                    2.581,9   0,00 %  nein                der erste
2026-11-24-baseline  24.11.2026  baseline budget_eur=16000   2.581,9   0,00 %  nein                Am Hügel -5.999,50 EUR, Wohnpark Am Park und am… +4.000 EUR, lake +1.000 EUR und 1 weiterer Standort
2026-11-24-cut       24.11.2026  cut                         2.581,9   0,00 %  gleich, 27.11.2026  der erste
2026-11-25-baseline  25.11.2026  baseline                    2.581,9   0,00 %  nein                mill +100 EUR
2026-11-26-baseline  26.11.2026  baseline                    2.581,9   0,00 %  nein                keine
Im Entstehen: 2026-11-28-baseline
1 Lauf wurde nicht fertig: failed/2026-11-27-cut (Strom weg.)"""  # noqa: E501


# --- tidied away --------------------------------------------------------------------------------------------------


@pytest.fixture
def many(project, make):
    """Four runs of one scenario, one of another, one with parameters."""
    for day in (21, 22, 23, 24):
        make(TODAY.replace(day=day))
    make(TODAY.replace(day=1), "cut")
    make(TODAY.replace(day=2), budget_eur=16_000)
    return Path("outputs")


def test_the_newest_of_each_kind_stay_and_the_others_go_at_once(many, monkeypatch):
    seen, delete = [], schedule.shutil.rmtree

    def watched(path, **options):
        seen.append(outputs.complete(many))
        delete(path, **options)

    monkeypatch.setattr(schedule.shutil, "rmtree", watched)
    lines = schedule.tidy("outputs", 1, is_dry=False)
    assert runs_there() == ["2026-11-01-cut", "2026-11-02-baseline", "2026-11-24-baseline"]
    assert [line.split()[1] for line in lines if line.startswith("entfernt")] == [
        f"2026-11-{day}-baseline" for day in (21, 22, 23)
    ]
    assert all(len(runs) == 3 for runs in seen), "a reader never sees half a run"
    assert lines[-1].startswith("Frei geworden: ")
    assert list(many.glob(".*.removed-*")) == []


def test_a_dry_run_changes_nothing_and_says_the_same(many):
    before = fingerprint(many)
    dry = schedule.tidy("outputs", 2)
    assert fingerprint(many) == before
    wet = schedule.tidy("outputs", 2, is_dry=False)
    assert [line.replace("würde entfernt", "entfernt") for line in dry[:-1]] == wet[:-1]
    assert "--yes" in dry[-1]
    assert schedule.tidy("outputs", 2)[-1] == "Es gibt nichts zu entfernen."


def test_the_latest_run_stays_though_newer_ones_are_kept(many):
    (many / "latest").unlink()
    (many / "latest").symlink_to("2026-11-21-baseline")
    lines = schedule.tidy("outputs", 1, is_dry=False)
    assert "2026-11-21-baseline" in runs_there()
    assert "bleibt: 2026-11-21-baseline (latest führt dorthin)" in lines


def word(path, text, inside="word/document.xml"):
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr(inside, text)


PAPERS = {
    "a.txt": lambda path: path.write_text("Grundlage: 2026-11-21-baseline."),
    "b.docx": lambda path: word(
        path, "<w:p><w:r><w:t>2026-11-</w:t></w:r><w:r><w:t>21-base\u00adline</w:t></w:r></w:p>"
    ),
    "c.docx": lambda path: word(path, "<w:t>2026<w:noBreakHyphen/>11</w:t><w:t>\u201121\u2011baseline</w:t>"),
    "d.odt": lambda path: word(path, '<text:a xlink:href="outputs/2026-11-21-baseline/x">hier</text:a>', "content.xml"),
    "e.xlsx": lambda path: word(path, "<si><t>2026-11-21-baseline</t></si>", "xl/sharedStrings.xml"),
    "f.md": lambda path: path.write_bytes("Grundlage:\n2026-11-21-\nbaseline".encode("utf-16")),
}


@pytest.mark.parametrize("name", PAPERS)
def test_a_run_that_a_paper_names_stays(many, name):
    Path("papers").mkdir()
    PAPERS[name](Path("papers", name))
    Path("papers/photo.png").write_bytes(b"\x89PNG\0")
    lines = schedule.tidy("outputs", 1, ["papers"], is_dry=False)
    assert runs_there() == ["2026-11-01-cut", "2026-11-02-baseline", "2026-11-21-baseline", "2026-11-24-baseline"]
    assert f"bleibt: 2026-11-21-baseline (genannt in papers/{name})" in lines


def test_a_run_on_the_list_of_papers_stays_and_a_slip_in_it_is_told(many):
    (many / "papers.txt").write_text(
        "# Ausschuss\n2026-11-21-baseline  # Vorlage 7\noutputs/2026-11-22-baseline/\n2026-1-1-x\n"
    )
    lines = schedule.tidy("outputs", 1, is_dry=False)
    assert "bleibt: 2026-11-21-baseline (genannt in papers.txt)" in lines
    assert "papers.txt nennt 2026-1-1-x; den Lauf gibt es nicht." in lines
    assert [name[8:10] for name in runs_there()] == ["01", "02", "21", "22", "24"]


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"\xd0\xcf\x11\xe0\0\0", b"PK\x03\x04\0torn"])
def test_a_paper_that_cannot_be_searched_stops_it_all(many, monkeypatch, content):
    monkeypatch.setenv("PATH", "")
    Path("paper").write_bytes(content)
    before = fingerprint(many)
    with pytest.raises(runs.RunError, match=r"papers\.txt") as refused:
        schedule.tidy("outputs", 1, ["paper"], is_dry=False)
    assert refused.value.exit_code == 2
    assert fingerprint(many) == before


def test_what_is_no_run_or_somebodys_work_stays(many, make, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    (many / "2026-11-21-baseline").rename(elsewhere)
    (many / "2026-11-21-baseline").symlink_to(elsewhere)
    (many / "2026-11-22-baseline" / "note.txt").write_text("Meine Notiz.")
    (many / "2026-11-23-baseline").rename(many / "beschluss")
    (many / "2026-11-20-baseline").mkdir()
    make(TODAY.replace(day=25))
    for day in (1, 2):
        (elsewhere / "unfinished" / f"2026-11-0{day}-cut").mkdir(parents=True)
        (elsewhere / "unfinished" / f"2026-11-0{day}-cut" / "failure.json").write_text("{}")
    (many / "failed").symlink_to(elsewhere / "unfinished")
    before = fingerprint(elsewhere)
    lines = schedule.tidy("outputs", 1, is_dry=False)
    assert fingerprint(elsewhere) == before
    assert (many / "2026-11-20-baseline").is_dir()
    assert "bleibt: 2026-11-22-baseline (note.txt ist nicht so, wie der Lauf es hinterlassen hat)" in lines
    assert "bleibt: beschluss (umbenannt)" in lines
    assert [line.split()[1] for line in lines if line.startswith("entfernt")] == ["2026-11-24-baseline"]


def test_a_look_into_a_run_does_not_keep_it(many):
    (many / "2026-11-21-baseline" / "notebooks" / ".ipynb_checkpoints").mkdir()
    (many / "2026-11-21-baseline" / "notebooks" / ".ipynb_checkpoints" / "01_plan-checkpoint.ipynb").touch()
    schedule.tidy("outputs", 1, is_dry=False)
    assert "2026-11-21-baseline" not in runs_there()


def test_failed_runs_beyond_the_newest_go_as_well(many):
    for day in (25, 27, 26):
        failed = many / "failed" / f"2026-11-{day}-baseline"
        failed.mkdir(parents=True)
        (failed / "failure.json").write_text(json.dumps({"begun": f"2026-11-{day}T12:00:00Z"}))
    (many / "failed" / "notes").mkdir()
    killed = many / ".2026-11-20-cut.partial-1"
    (killed / "2026-11-20-cut").mkdir(parents=True)
    (killed / "2026-11-20-cut" / "half").touch()
    (many / ".2026-11-01-baseline.removed-1-0").mkdir()
    lines = schedule.tidy("outputs", 2, is_dry=False)
    assert lines[0] == "Von einem abgeschossenen Lauf, liegt jetzt in outputs/failed/2026-11-20-cut"
    assert sorted(path.name[:10] for path in (many / "failed").iterdir()) == ["2026-11-26", "2026-11-27", "notes"]
    assert [path.name for path in many.glob(".*") if path.name != ".lock"] == []


# --- recipes ------------------------------------------------------------------------------------------------------

ROOT = Path(__file__).parents[1]
RECIPES = sorted(path for path in (ROOT / "docs" / "schedule").iterdir() if path.suffix != ".png")


def commands(path):
    """Every command of quartier in a file, as words."""
    if path.suffix == ".ipynb":
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        trees = [ast.parse("".join(cell["source"])) for cell in cells if cell["cell_type"] == "code"]
        nodes = [node for tree in trees for node in ast.walk(tree)]
        set_to = {
            node.targets[0].id: node.value.value
            for node in nodes
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        }
        calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "quartier"]
        return [[eval(ast.unparse(one), {"str": str}, set_to) for one in call.args] for call in calls]
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    found = [
        re.findall(r"(?:bin/quartier|`quartier) ((?:run|runs|tidy|check|verify)\b[^|>&;`]*)", line) for line in lines
    ]
    return [shlex.split(one) for line in found for one in line]


def understood(words):
    """Read a command as the command line does, without doing it."""
    group = typer.main.get_command(app)
    with group.make_context("quartier", list(words)) as context:
        name, command, rest = group.resolve_command(context, list(words))
        return command.make_context(name, rest, parent=context).params


@pytest.mark.parametrize("path", [*RECIPES, ROOT / "docs" / "schedule.md"], ids=lambda path: path.name)
def test_a_recipe_uses_only_what_the_command_line_understands(path):
    found = [understood(words) for words in commands(path)]
    assert all(one["every"] in schedule.PERIODS for one in found if one.get("every"))
    assert all(one["is_sure"] for one in found if "is_sure" in one and path in RECIPES), "tidied for real"
    assert found or path.name in ("quartier.timer", "quartier-failed.service")


@pytest.mark.parametrize("words", ["run --evry week", "run baseline cut", "tidy --keep", "sweep"])
def test_a_recipe_that_is_out_of_date_is_noticed(words):
    with pytest.raises(typer.BadParameter.__bases__[0]):
        understood(words.split())


def test_the_page_on_schedules_names_every_recipe():
    page = (ROOT / "docs" / "schedule.md").read_text(encoding="utf-8")
    assert [path.name for path in RECIPES if f"schedule/{path.name}" not in page] == []
