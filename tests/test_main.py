"""The command line: what it says, where it says it, and how it leaves."""

import contextlib
import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_city import changed, fingerprint, write_city, write_dialogue
from test_runs import PLAN, write_notebook

import quartier
from quartier import kernels, pages, report, runs


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder with a city and a notebook that is not executed, no figures, and the working directory in it."""
    write_city(tmp_path / "data")
    write_notebook(tmp_path / "notebooks" / "01_plan.ipynb", PLAN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(runs, "_execute_notebook", lambda path, target, *rest: target.write_bytes(path.read_bytes()))
    monkeypatch.setattr(report, "_save_figures", lambda *args: None)
    monkeypatch.setattr(pages, "save", lambda *args, **options: None)
    monkeypatch.setattr(
        kernels,
        "ready",
        lambda: contextlib.nullcontext(SimpleNamespace(forked=True, stop=lambda: None, resume=lambda: None)),
    )
    return tmp_path


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_the_help_names_the_commands(say, words):
    code, out, err = say(*words)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: quartier [OPTIONS] COMMAND")
    for line in (
        "run Make a plan",
        "check Check data and scenarios, or notebooks.",
        "verify Make a run again",
        "runs List",
        "tidy Remove",
        "calendar Write the dates",
        "--version",
    ):
        assert line in " ".join(out.split())
    assert "..." not in out.replace("[ARGS]...", "")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("run", "--help"), ("SCENARIO", "-p,", "--out", "--data", "--all", "--every", "--exclusive", "--on-failure")),
        (("check", "-h"), ("--data",)),
        (("runs", "-h"), ("--out", "--json")),
        (("tidy", "-h"), ("--keep", "--papers", "--yes")),
        (("calendar", "-h"), ("--out", "--data", "--language")),
    ],
)
def test_the_help_of_a_command_names_its_options(say, words, names):
    code, out, _ = say(*words)
    assert code == 0
    assert all(name in out for name in names)


def test_the_version_is_told(say):
    assert say("--version") == (0, f"quartier {quartier.__version__}\n", "")
    assert importlib.metadata.version("quartier") == quartier.__version__


def test_a_run_closes_with_the_plan_in_five_lines_and_the_path(project, say):
    code, out, err = say("run", "cut", "-p", "max_sites=2", "-p", "budget_eur=16000", "--out", "runs")
    assert code == 0
    lines = out.splitlines()
    assert len(lines) == 6
    assert "16.000 EUR" in lines[0]
    (folder,) = Path("runs").glob("*-cut")
    assert lines[5].endswith(str(folder))
    assert err == "", "a bar is for a terminal only"


def test_a_run_of_another_citys_folder(project, say, tmp_path):
    write_city(tmp_path / "other")
    changed("scenarios/baseline.yaml", "20000", "17000")(tmp_path / "other")
    code, out, _ = say("run", "--data", "other")
    assert code == 0
    assert "17.000 EUR" in out


def test_a_check_names_what_seems_to_be_a_scenario_and_is_not_read(project, say):
    (project / "data" / "scenarios" / "sparsam.yml").write_text("name: sparsam\n")
    code, out, _ = say("check")
    assert (code, out.splitlines()[-1]) == (
        0,
        "Nicht gelesen, denn der Name eines Szenarios endet auf .yaml: sparsam.yml",
    )


def test_a_check_says_what_is_there(project, say):
    code, out, err = say("check")
    assert (code, err) == (0, "")
    assert "Am Hügel" in out


def test_a_check_names_a_rule_without_effect(project, say):
    (project / "data" / "scenarios" / "ruhig.yaml").write_text("name: ruhig\nmay_end: false\n")
    _, out, _ = say("check")
    after = out.split("  ruhig: ")[1].splitlines()[1]
    assert after.startswith("    Dass kein Standort leer ausgehen darf (may_end), hat ohne ")


def test_the_dates_are_written_into_a_file_for_calendars(project, say):
    write_dialogue(project / "data")
    code, out, err = say("calendar", "--out", "dates.ics", "--language", "en")
    assert (code, out, err) == (0, "7 dates written to “dates.ics”: 2 Mar 2026 to 31 Dec 2026.\n", "")
    assert Path("dates.ics").read_bytes().startswith(b"BEGIN:VCALENDAR")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("run", "nosuch"), "baseline, cut"),
        (("run", "../baseline"), "baseline, cut"),
        (("run", "-p", "budget_eur=80.000"), "80000"),
        (("run", "-p", "budget_eur=viel"), "80000"),
        (("run", "-p", "budget=80000"), "budget_eur"),
        (("run", "-p", "budget_eur"), "Name=Wert"),
        (("run", "-p", "budget_eur=100"), "4.000 EUR"),
        (("run", "--out", "data/sites.csv"), "Datei dieses Namens"),
        (("run", "--out", ""), "Namen"),
        (("run", "--data", "nosuch"), "nosuch"),
        (("check", "--data", "nosuch"), "nosuch"),
        (("check", "--data", ""), "Der Ordner der Stadt braucht einen Namen."),
        (("check", "--notebooks", "nosuch"), "Einen Ordner „nosuch“ gibt es nicht."),
        (("run", "--bogus"), "--bogus"),
        (("run", "-p", "budget_eur=99999999999"), "Hat das Budget eine Null zu viel"),
        (("run", "-p"), "-p"),
        (("run", "baseline", "cut"), "run baseline cut"),
        (("run", "baseline", "--all"), "--all"),
        (("run", "--every", "fortnight"), "week, month, quarter oder year"),
        (("run", "--jobs", "0"), "ganze Zahl ab 1"),
        (("run", "--cell-time", "-1"), "Sekunden"),
        (("run", "--log-json", "nosuch/log.jsonl"), "nosuch/log.jsonl"),
        (("run", "--on-failure", ""), "Befehl"),
        (("run", "--webhook", "file:///etc/passwd"), "https://"),
        (("tidy", "--keep", "0"), "ganze Zahl ab 1"),
        (("tidy", "--keep", "3", "--out", "nosuch"), "nosuch"),
        (("runs", "--out", "nosuch"), "nosuch"),
        (("calendar", "--data", "nosuch"), "nosuch"),
        (("calendar", "--language", "fr"), "Die Sprache „fr“ gibt es hier nicht, nur de und en."),
        (("run", "sparsam"), "gegeben „sparsam.yml“, erwartet ein Name, der auf .yaml endet"),
        (("calendar",), "keine Termine"),
        (("fly",), "fly"),
    ],
)
def test_wrong_input_is_told_in_plain_words_on_the_error_stream(project, say, words, says):
    (project / "data" / "scenarios" / "sparsam.yml").write_text("name: sparsam\n")
    before = fingerprint(project)
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err
    assert "Error" not in err
    assert "Usage" not in err
    assert fingerprint(project) == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("runns",), "Den Befehl quartier runns gibt es nicht. Gemeint war vielleicht: quartier runs"),
        (
            ("quality", "colect"),
            "Den Befehl quartier quality colect gibt es nicht. Gemeint war vielleicht: quartier quality collect",
        ),
        (("fly",), "Den Befehl quartier fly gibt es nicht."),
        (("quality",), "Welcher Befehl? quartier quality forms, quartier quality collect, "),
        (("tidy", "--kep", "3"), "Die Option --kep gibt es nicht. Gemeint war vielleicht: --keep"),
        (("-x",), "Die Option -x gibt es nicht."),
        (("tidy", "--keep"), "Die Option --keep braucht einen Wert."),
        (("tidy", "--yes=3"), "Zur Option --yes gehört kein Wert."),
        (("tidy", "--keep", "drei"), "--keep: Der Wert lässt sich nicht lesen: „--keep drei“"),
        (("verify",), "RUN fehlt."),
        (("quality", "forms"), "--year fehlt."),
        (("tidy", "3"), "Die Eingabe ist nicht verständlich: „tidy 3“"),
    ],
)
def test_what_is_wrong_with_a_command_line_is_named(say, words, says):
    code, out, err = say(*words)
    assert (code, out) == (2, "")
    assert err.splitlines()[0].startswith(says)


@pytest.mark.parametrize(
    ("words", "help_of"),
    [
        (("fly",), "quartier --help"),
        (("run", "baseline", "cut"), "quartier run --help"),
        (("paper", "--bogus"), "quartier paper --help"),
        (("tidy", "--keep"), "quartier tidy --help"),
        (("calendar", "--out"), "quartier calendar --help"),
        (("quality", "fly"), "quartier quality --help"),
        (("quality", "forms"), "quartier quality forms --help"),
    ],
)
def test_a_command_line_that_is_not_understood_is_sent_to_the_help_of_its_command(project, say, words, help_of):
    code, _, err = say(*words)
    assert (code, err.splitlines()[-1]) == (2, f"Was es gibt: {help_of}")


def test_a_check_of_faulty_data_leaves_with_2(project, say):
    changed("sites.csv", "Am Park", "")(project / "data")
    code, out, err = say("check")
    assert (code, out) == (2, "")
    assert "sites.csv" in err


def test_a_run_that_fails_on_its_way_leaves_with_1(project, say, monkeypatch):
    def fail(*args):
        raise runs.RunError("So nicht.", exit_code=1)

    monkeypatch.setattr(runs, "_execute_notebook", fail)
    code, out, err = say("run")
    assert (code, out) == (1, "")
    first, *_, last = err.splitlines()
    assert first == "Kein Lauf von „baseline“: So nicht."
    assert (Path(last[last.index("outputs/") :]) / "failure.json").is_file()


def test_an_interrupted_run_leaves_with_130(project, say, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(runs, "_execute_notebook", interrupt)
    monkeypatch.setattr("logging.disable", lambda *args: None)
    code, out, err = say("run")
    assert (code, out) == (130, "")
    (last,) = err.splitlines()
    assert last.startswith("Abgebrochen; was fertig war, liegt in outputs/failed/")
    assert (Path(last[last.index("outputs/") :]) / "failure.json").is_file()


LOST = """
import os, signal, time
from quartier import __main__ as command
class Library:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
def app(*words, **options):
    Library()
    time.sleep(30)
command.app = app
command.main()
"""


def test_a_signal_is_not_lost_in_a_librarys_destructor():
    done = subprocess.run([sys.executable, "-c", LOST], capture_output=True, text=True, timeout=20)
    assert done.returncode == 143
    assert done.stderr == "Unterbrochen; nichts wurde gespeichert.\n"


def test_the_planner_reads_no_english(project, say):
    told = [
        say("run", "-p", "max_sites=2"),
        say("check"),
        say("run", "nosuch"),
        say("run", "-x"),
        say("run", "--out", "data/sites.csv"),
    ]
    words = " ".join(out + err for _, out, err in told).split()
    assert not {"the", "of", "is", "and", "with", "no", "such", "file", "row", "rows", "figures", "nothing"} & set(
        words
    )


def test_python_m_quartier_is_the_same_command():
    done = subprocess.run(
        [sys.executable, "-m", "quartier", "--version"], capture_output=True, text=True, env=os.environ, check=True
    )
    assert done.stdout == f"quartier {quartier.__version__}\n"


def test_help_loads_no_heavy_library():
    code = (
        "import sys; sys.argv = ['quartier', '--help']\n"
        "from quartier.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(*(name for name in ('pandas', 'numpy', 'pydantic', 'papermill', 'matplotlib') if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == ""
