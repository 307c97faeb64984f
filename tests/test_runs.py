"""A run is checked before it starts, is the same on any day, and is kept whole or not at all."""

import ast
import contextlib
import datetime
import errno
import json
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from small_city import changed, fingerprint, write_city

import quartier as q
from quartier import kernels, manifest, outputs, pages, report, runs
from quartier.language import Texts
from quartier.scenario import PARAMETERS, ScenarioError

MONDAY = datetime.date(2026, 11, 23)
NAMES = ("data_dir", "scenario", *PARAMETERS)
PLAN = """\
import quartier as q
chosen = q.Scenario.from_parameters(globals())
plan = q.allocate(q.load(data_dir), chosen)
q.show(plan)"""
ANY_KERNEL = """\
import os, sys
print(sys.executable, os.environ["PYTHONHASHSEED"], hash("quartier"), os.path.basename(os.getcwd()), file=sys.stderr)"""


def write_notebook(path, *cells, names=NAMES):
    """Write a notebook with a parameters cell and these cells of code."""
    values = dict.fromkeys(names) | {"data_dir": "data", "scenario": "baseline"}
    source = "\n".join(f"{name} = {values[name]!r}" for name in names)
    first = nbformat.v4.new_code_cell(source, id="settings", metadata={"tags": ["parameters"]})
    rest = [nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path.parent.mkdir(exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[first, *rest], metadata={"kernelspec": kernel}), path)


@pytest.fixture(scope="module")
def warm():
    """Kernels that are ready, for all runs of this module."""
    with kernels.ready() as ready:
        yield ready


@pytest.fixture
def project(tmp_path, monkeypatch, warm):
    """A folder with a city and a notebook, kernels that are ready, and the working directory in it."""
    monkeypatch.setattr(kernels, "ready", lambda: contextlib.nullcontext(warm))
    folder = tmp_path / "project"
    write_city(folder / "data")
    write_notebook(folder / "notebooks" / "01_plan.ipynb", PLAN)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def no_kernel(monkeypatch):
    """Write a notebook as it is, in place of executing it, and remember with what; draw nothing."""
    calls = []

    def write(path, target, parameters, home, *rest):
        calls.append((path.name, parameters, home))
        target.write_bytes(path.read_bytes())

    monkeypatch.setattr(runs, "_execute_notebook", write)
    monkeypatch.setattr(report, "_save_figures", lambda *args: None)
    monkeypatch.setattr(pages, "save", lambda *args, **options: None)
    return calls


@pytest.fixture
def no_figures(monkeypatch):
    """Draw nothing: that takes seconds, and other tests see to it."""
    monkeypatch.setattr(report, "_save_figures", lambda *args: None)


def run(**changes):
    return runs.run(**{"today": MONDAY, "progress": False, **changes})


def result(folder):
    """Contents of the files of a run by their paths; the manifest tells times and stays out."""
    return {path: content for path, content in fingerprint(Path(folder)).items() if path != manifest.FILE}


def lasting(folder):
    """Files in the folder, without the lock that stays in a folder for runs."""
    return {path: content for path, content in fingerprint(folder).items() if not path.endswith(".lock")}


# --- with a kernel ------------------------------------------------------------------------------------------------


def test_two_runs_on_different_days_are_the_same_but_for_their_name(project, monkeypatch):
    write_notebook(project / "notebooks" / "01_plan.ipynb", PLAN, ANY_KERNEL, "q.show(q.plot_amounts(plan))")
    first = run(parameters={"budget_eur": 16_000})
    monkeypatch.setenv("MPLBACKEND", "svg")
    monkeypatch.setenv("PYTHONHASHSEED", "7")
    monkeypatch.setenv("TZ", "Pacific/Auckland")
    monkeypatch.chdir(project / "notebooks")
    second = run(parameters={"budget_eur": 16_000}, out=project / "elsewhere", today=MONDAY + datetime.timedelta(400))
    assert (first, second.name) == (Path("outputs/2026-11-23-baseline"), "2027-12-28-baseline")
    parts = {"inputs", "notebooks", "pages", "tables", "figures", report.SPREADSHEET, manifest.FILE}
    assert {path.name for path in second.iterdir()} == parts
    assert result(project / first) == result(second)
    raw = (project / first / "notebooks" / "01_plan.ipynb").read_text(encoding="utf-8")
    executed = nbformat.reads(raw, as_version=4)
    outputs = [output for cell in executed.cells if cell.cell_type == "code" for output in cell.outputs]
    assert "16.000 EUR" in outputs[0].data["text/plain"]
    assert outputs[1].text.split()[0] == sys.executable
    assert outputs[1].text.split()[1] == "0"
    assert outputs[2].metadata["image/png"]["alt"] == outputs[2].data["text/plain"]
    assert len(outputs) == 4
    assert "papermill" not in executed.metadata
    for cell in executed.cells:
        assert set(cell.metadata) <= {"tags"}
    injected = next(cell for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", []))
    assert ast.parse(injected.source)
    assert "budget_eur = 16000" in injected.source
    assert "max_sites" not in injected.source
    nbformat.validate(executed)


def test_a_run_of_what_a_panel_wrote_has_the_amounts_of_the_panel_and_says_what_was_chosen(project):
    panel = q.explore(q.load("data"), q.Scenario.named("baseline"))
    panel.set(status={"hill": "signed"}, budget_eur=16_000)
    panel.lock("park", 9_000)
    panel.to_yaml("data/scenarios/mine.yaml")
    folder = run(scenario="mine")
    made = manifest.read(folder, q.language.Texts())
    assert made.result.amounts_eur == panel.plan.amounts.to_dict() == {"park": 9_000, "hill": 7_000, "yard": 0}
    assert made.scenario.fields["sites"] == {"hill": {"status": "signed"}, "park": {"min_eur": 9_000, "max_eur": 9_000}}
    assert "Mindestbetrag" in made.basis.sentence
    shown = nbformat.read(folder / "notebooks" / "01_plan.ipynb", as_version=4).cells[-1].outputs[0].data["text/plain"]
    assert panel.plan.summary()[1] in shown
    table = (folder / "tables" / "scenario.csv").read_text(encoding="utf-8")
    assert "hill.status=signed; park.min_eur=9000.0; park.max_eur=9000.0" in table


def test_a_failing_notebook_is_named_in_one_line_and_what_was_done_is_set_aside(project, no_figures):
    earlier = result(run())
    write_notebook(
        project / "notebooks" / "02_broken.ipynb", "print('bis hier')", "raise ValueError('erste Zeile\\nzweite Zeile')"
    )
    with pytest.raises(runs.RunError) as failed:
        run(parameters={"max_sites": 2}, jobs=1)
    line, hint, where = str(failed.value).splitlines()
    assert line == "02_broken.ipynb, Zelle [4]: abgebrochen: erste Zeile zweite Zeile"
    assert hint.endswith("papermill notebooks/02_broken.ipynb out.ipynb -p scenario baseline -p max_sites 2")
    assert where == "Was fertig war, liegt in outputs/failed/2026-11-23-baseline"
    assert failed.value.exit_code == 1
    folder = project / "outputs" / "failed" / "2026-11-23-baseline"
    told = json.loads((folder / outputs.FAILURE).read_text(encoding="utf-8"))
    assert (told["notebook"], told["cell"], told["kind"], told["error"]) == (
        "02_broken.ipynb",
        4,
        "error",
        "ValueError",
    )
    assert told["again"] == "quartier run baseline -p max_sites=2"
    assert told["message"] == f"{line}\n{hint}"
    partial = nbformat.read(folder / "notebooks" / "02_broken.ipynb", as_version=4)
    assert any("bis hier" in output.get("text", "") for cell in partial.cells for output in cell.get("outputs", ()))
    assert {path.name for path in (folder / "notebooks").iterdir()} == {"01_plan.ipynb", "02_broken.ipynb"}
    assert not (folder / manifest.FILE).exists()
    assert result("outputs/2026-11-23-baseline") == earlier
    assert str(Path("outputs/latest").readlink()) == "2026-11-23-baseline"


@pytest.mark.parametrize("shown", ["print(float('nan'))", "q.Scenario; __import__('pandas').Series([1.5, None])"])
def test_a_notebook_that_shows_what_is_no_figure_is_refused(project, no_figures, shown):
    write_notebook(project / "notebooks" / "02_nan.ipynb", f"import quartier as q\n{shown}")
    with pytest.raises(
        runs.RunError, match=r"02_nan\.ipynb, Zelle \[3\]: abgebrochen: es zeigt (nan|NaN), was keine Zahl ist"
    ):
        run()


def test_a_program_of_an_environment_in_the_folder_is_named_by_its_path_there(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    paths = {"in": str(tmp_path / ".venv" / "bin"), "out": str(tmp_path.parent / ".venv" / "bin")}
    for place, named in (("in", ".venv/bin/papermill"), ("out", "papermill")):
        monkeypatch.setattr(runs.sysconfig, "get_path", {"scripts": paths[place]}.get)
        assert runs._here("papermill") == named


def test_the_way_to_see_another_citys_failure_again_names_the_city():
    assert runs._options({"data_dir": "my city", "scenario": "cut"}, every=True) == [
        "-p data_dir 'my city'",
        "-p scenario cut",
    ]
    assert runs._options({"data_dir": "my city", "scenario": "cut", "max_sites": 2}) == [
        "--data 'my city'",
        "-p max_sites=2",
    ]


@pytest.mark.filterwarnings("error")
def test_notebooks_are_refreshed_without_a_warning_and_without_a_trace(project):
    (notebook,) = runs.refresh()
    assert nbformat.read(notebook, as_version=4).cells[-1].outputs
    assert [path.name for path in notebook.parent.iterdir()] == ["01_plan.ipynb"]


def test_papermill_alone_refuses_what_a_run_refuses(project):
    with pytest.raises(papermill.PapermillExecutionError) as refused:
        papermill.execute_notebook(
            "notebooks/01_plan.ipynb", None, parameters={"budget": 64_000}, kernel_name="python3", progress_bar=False
        )
    assert refused.value.ename == "ScenarioError"
    assert "budget_eur" in refused.value.evalue


# --- checked before anything is started ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "kind", "says"),
    [
        ({"scenario": "nosuch"}, ScenarioError, "baseline, cut"),
        ({"scenario": "../scenarios/baseline"}, ScenarioError, "baseline, cut"),
        ({"scenario": "baseline/"}, ScenarioError, "baseline, cut"),
        ({"scenario": "baseline\x00"}, ScenarioError, "baseline, cut"),
        ({"scenario": ""}, ScenarioError, "baseline, cut"),
        (
            {"parameters": {"budget": 1}},
            ScenarioError,
            ", ".join(PARAMETERS),
        ),
        ({"parameters": {"budget_eur": "80.000"}}, ScenarioError, "80000"),
        ({"parameters": {"max_sites": 7.5}}, ScenarioError, "ganze Zahl"),
        ({"parameters": {"data_dir": "elsewhere"}}, ScenarioError, "quartier run --data"),
        ({"parameters": {"scenario": "cut"}}, ScenarioError, "gleich nach dem Befehl: quartier run SZENARIO"),
        ({"parameters": {"language": "fr"}}, ScenarioError, "de, en"),
        ({"parameters": {"budget_eur": 100}}, q.InfeasibleScenario, "4.000 EUR"),
        ({"data": "nosuch"}, q.DataError, "nosuch"),
        ({"notebooks": "nosuch"}, runs.RunError, "nosuch"),
        ({"out": ""}, runs.RunError, "Namen"),
        ({"out": " "}, runs.RunError, "Namen"),
        ({"out": "data/sites.csv"}, runs.RunError, "Datei dieses Namens"),
        ({"out": "data/sites.csv/runs"}, runs.RunError, "Datei dieses Namens"),
        ({"out": "x" * 300}, runs.RunError, "zu lang"),
    ],
)
def test_what_cannot_work_is_refused_before_a_notebook_is_started(project, no_kernel, asked, kind, says):
    before = fingerprint(project)
    with pytest.raises(kind) as refused:
        run(**asked)
    assert says in str(refused.value)
    assert getattr(refused.value, "exit_code", 2) == 2
    assert no_kernel == []
    assert fingerprint(project) == before


def test_a_fault_in_the_data_is_found_before_a_notebook_is_started(project, no_kernel):
    changed("sites.csv", "Am Park", "")(project / "data")
    with pytest.raises(q.DataError, match=r"sites\.csv"):
        run()
    assert no_kernel == []


def test_a_fault_in_a_scenario_to_compare_with_is_found_before_a_notebook_is_started(project, no_kernel):
    for fault in ("budget_eur: -1", "groups: [{by: provider, name: AWOO, max_eur: 1}]"):
        (project / "data" / "scenarios" / "cut.yaml").write_text(f"name: cut\n{fault}\n")
        with pytest.raises(ScenarioError, match=r"cut\.yaml, Zeile 2"):
            run()
    assert no_kernel == []


@pytest.mark.parametrize("content", ["", "{", '{"cells": 1}', "[]"])
def test_a_damaged_notebook_is_named(project, no_kernel, content):
    (project / "notebooks" / "02_damaged.ipynb").write_text(content)
    with pytest.raises(runs.RunError, match=r"02_damaged\.ipynb"):
        run()
    assert no_kernel == []


def test_an_outputs_folder_that_may_not_be_written_to_is_named(project, no_kernel, monkeypatch):
    make = Path.mkdir

    def refuse(path, *args, **kwargs):
        if "outputs" in str(path):
            raise PermissionError(errno.EACCES, "Permission denied")
        return make(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(runs.RunError, match="darf nicht geschrieben werden") as refused:
        run()
    assert "\n" not in str(refused.value)
    assert no_kernel == []


# --- notebooks ----------------------------------------------------------------------------------------------------


def test_notebooks_are_executed_in_the_order_of_their_names(project, no_kernel):
    for name in ("10_z", "02_b"):
        write_notebook(project / "notebooks" / f"{name}.ipynb", PLAN)
    run()
    assert [name for name, *_ in no_kernel] == ["01_plan.ipynb", "02_b.ipynb", "10_z.ipynb"]


def test_notebooks_without_the_parameters_of_a_run_are_left_out_and_named(project, no_kernel):
    write_notebook(project / "notebooks" / "02_other.ipynb", "x = 1", names=("data_dir", "scenario", "budget_eur"))
    nbformat.write(nbformat.v4.new_notebook(), project / "notebooks" / "03_empty.ipynb")
    job = runs.prepare(today=MONDAY)
    folder = job.execute(progress=False)
    assert [name for name, *_ in no_kernel] == ["01_plan.ipynb"]
    assert any("02_other.ipynb, 03_empty.ipynb" in line for line in job.closing(folder))


def test_a_notebook_is_given_what_was_asked_for_and_no_path_of_this_machine(project, no_kernel, monkeypatch):
    monkeypatch.chdir(project / "notebooks")
    run(scenario="cut", parameters={"max_sites": 2})
    ((_, parameters, home),) = no_kernel
    assert parameters == {"data_dir": "data", "scenario": "cut", "max_sites": 2}
    assert home.name == manifest.INPUTS


def test_another_city_is_run_with_the_notebooks_here(project, no_kernel, tmp_path):
    write_city(tmp_path / "elsewhere" / "übersee")
    folder = run(data=tmp_path / "elsewhere" / "übersee")
    ((name, parameters, _),) = no_kernel
    assert (name, parameters["data_dir"]) == ("01_plan.ipynb", "übersee")
    assert (folder / "inputs" / "übersee" / "sites.csv").is_file()


# --- the folder of a run ------------------------------------------------------------------------------------------


def test_a_run_sets_all_scenarios_side_by_side(project, no_kernel):
    assert (run(scenario="cut") / "tables" / "scenarios.csv").read_text(encoding="utf-8").count("\n") == 3


def test_a_run_never_takes_the_place_of_another(project, no_kernel):
    folders = [run(), run(), run()]
    assert [folder.name for folder in folders] == [f"2026-11-23-baseline{end}" for end in ("", "-2", "-3")]
    assert {path.name for path in Path("outputs").iterdir()} == {
        *(folder.name for folder in folders),
        ".lock",
        "latest",
    }
    assert result(folders[0]) == result(folders[1])
    assert [manifest.read(folder, q.language.Texts()).name for folder in folders] == [folder.name for folder in folders]
    assert Path("outputs/latest").resolve().name == "2026-11-23-baseline-3"


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch])
def test_a_name_that_is_taken_by_anything_is_left_alone(project, no_kernel, make):
    Path("outputs").mkdir()
    make(Path("outputs/2026-11-23-baseline"))
    assert run().name == "2026-11-23-baseline-2"


def test_a_name_that_is_taken_in_between_is_left_alone(project, no_kernel, monkeypatch):
    rename, asked = Path.rename, []

    def late(path, target):
        asked.append(target)
        if len(asked) == 1:
            (target / "notebooks").mkdir(parents=True)
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    assert run().name == "2026-11-23-baseline-2"


def test_a_run_with_changes_is_set_beside_the_scenario_it_changes(project, no_kernel):
    job = runs.prepare(parameters={"budget_eur": 15_000}, today=MONDAY)
    assert list(job.others) == ["baseline-changed", "baseline", "cut"]
    assert job.others["baseline-changed"].scenario.title == "baseline (geändert)"
    assert list(runs.prepare(today=MONDAY).others) == ["baseline", "cut"]
    assert list(runs.prepare(parameters={"language": "en"}, today=MONDAY).others) == ["baseline", "cut"]


@pytest.mark.parametrize("place", ["notebooks", "tables"])
def test_a_disk_that_fills_up_is_told_and_leaves_no_run(project, no_figures, monkeypatch, place):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    if place == "notebooks":
        monkeypatch.setattr(runs, "_execute_notebook", full)
    else:
        monkeypatch.setattr(
            runs, "_execute_notebook", lambda path, target, *rest: target.write_bytes(path.read_bytes())
        )
        monkeypatch.setattr(report, "save", full)
    with pytest.raises(runs.RunError, match="Datenträger ist voll") as failed:
        run()
    assert failed.value.exit_code == 1
    assert outputs.complete(Path("outputs")) == []
    assert {path.name for path in Path("outputs").iterdir()} == {".lock", "failed"}


def within_a_library(*_):
    """Be interrupted where Python or a library makes another error of it."""

    def interrupted(*_):
        raise KeyboardInterrupt

    try:
        type("Half", (), {"part": type("Part", (), {"__set_name__": interrupted})()})
    except RuntimeError:  # so says Python up to 3.11
        raise
    except KeyboardInterrupt as error:
        raise ImportError("initialization failed") from error


@pytest.mark.parametrize("ended", [KeyboardInterrupt, within_a_library, RuntimeError])
def test_a_run_that_is_interrupted_leaves_no_run(project, no_figures, monkeypatch, ended):
    def interrupt(path, target, *rest):
        target.write_text("half")
        if ended is within_a_library:
            ended()
        raise ended

    monkeypatch.setattr(runs, "_execute_notebook", interrupt)
    expected = ended if ended is RuntimeError else runs.Interrupted
    with pytest.raises(expected) as stopped:
        run()
    assert outputs.complete(Path("outputs")) == []
    if ended is not RuntimeError:
        assert (stopped.value.folder / "notebooks" / "01_plan.ipynb").read_text() == "half"


def test_an_input_that_changes_after_the_check_stops_the_run(project, no_kernel):
    job = runs.prepare(today=MONDAY)
    changed("scenarios/cut.yaml", "name: cut", "name: cut\ntitle: Anders")(project / "data")
    with pytest.raises(runs.RunError, match=r"cut\.yaml wurde geändert"):
        job.execute(progress=False)
    assert no_kernel == []


def test_a_run_holds_all_that_it_was_made_from_and_can_be_made_again_from_it(project, no_kernel):
    first = run(scenario="cut", parameters={"max_sites": 2})
    described = manifest.read(first, q.language.Texts())
    again = runs.run(
        described.scenario.name,
        described.changes,
        out="again",
        data=first / "inputs" / described.data,
        notebooks=first / "inputs" / "notebooks",
        today=MONDAY,
        progress=False,
    )
    assert result(again) == result(first)


def test_side_by_side_or_one_after_another_gives_the_same(project, no_figures):
    write_notebook(project / "notebooks" / "02_more.ipynb", PLAN, "q.show(q.plot_amounts(plan))")
    write_notebook(project / "notebooks" / "03_more.ipynb", PLAN, "q.show(plan.table())")
    assert result(run(jobs=1)) == result(run(jobs=3))


def test_the_closing_lines_are_the_plan_in_five_lines_and_the_path(project, no_kernel):
    job = runs.prepare(today=MONDAY)
    folder = job.execute(progress=False)
    assert job.closing(folder) == [*job.plan.summary(), f"Alles liegt in {folder}"]
    assert len(job.plan.summary()) == 5


def test_progress_is_told_on_the_error_stream_only(project, no_kernel, capsys):
    run(progress=True)
    told = capsys.readouterr()
    assert told.out == ""
    assert "01_plan" in told.err
    assert "2/2" in told.err


# --- parameters of the command line -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("budget_eur=64000", 64_000),
        (" budget_eur = 64000 ", 64_000),
        ("budget_eur=64000.5", 64_000.5),
        ("inequality_aversion=0.25", 0.25),
        ("inequality_aversion=0.125", 0.125),
        ("budget_eur=-1", -1),
        ("response=linear", "linear"),
        ("language=en", "en"),
        ("budget_eur=64000,5", "64000,5"),
        ("budget_eur=80.000,00", "80.000,00"),
        ("budget_eur=1e5", "1e5"),
        ("budget_eur=nan", "nan"),
        ("max_sites=010", "010"),
        ("max_sites=true", "true"),
        ("response=a=b", "a=b"),
    ],
)
def test_a_value_is_a_number_only_if_it_can_be_read_in_one_way(text, value):
    ((_, found),) = runs.parse_parameters([text]).items()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["budget_eur=80.000", "budget_eur=1.234", "budget_eur=-1.234"])
def test_a_lone_thousands_point_is_refused_with_both_readings(text):
    with pytest.raises(ScenarioError, match="Tausendstel"):
        runs.parse_parameters([text])


@pytest.mark.parametrize("text", ["budget_eur", "=64000", "budget_eur=", "", "="])
def test_half_a_parameter_is_refused(text):
    with pytest.raises(ScenarioError, match="budget_eur=64000"):
        runs.parse_parameters([text])


def test_a_parameter_given_twice_is_refused():
    with pytest.raises(ScenarioError, match="nur einmal"):
        runs.parse_parameters(["max_sites=8", "max_sites=9"])


def test_all_faults_of_the_parameters_come_in_one_error():
    with pytest.raises(ScenarioError) as refused:
        runs.parse_parameters(["budget_eur=80.000", "nix", "max_sites=8", "max_sites=8"])
    assert len(refused.value.faults) == 3


def test_what_else_is_wrong_with_the_parameters_is_told_with_one_that_is_given_twice():
    given = ["max_sites=8", "max_sites=9", "budget=64000", "step_eur=viel", "budget_eur=64.000", "scenario=cut"]
    with pytest.raises(ScenarioError) as refused:
        runs.parse_parameters(given)
    assert sorted(fault.column for fault in refused.value.faults) == [
        "budget",
        "budget_eur",
        "max_sites",
        "scenario",
        "step_eur",
    ]


# --- check --------------------------------------------------------------------------------------------------------


def test_a_check_says_what_is_there_and_what_is_assumed(project):
    before = fingerprint(project)
    lines = runs.check()
    text = "\n".join(lines)
    assert "  Standorte: 4 Zeilen" in lines
    assert "3 mögliche Standorte: Am Park, Am Hügel und Hof" in lines
    assert "Bekannt, aber nicht im Gespräch: Alte Mühle" in lines
    assert "  Einzugsgebiete: 3 Angaben" in lines
    assert "baseline: Plan „baseline“: 20.000 EUR" in text
    assert "cut: Plan „cut“" in text
    assert fingerprint(project) == before


def test_a_check_names_the_faults_of_all_scenarios(project):
    scenarios = project / "data" / "scenarios"
    (scenarios / "cut.yaml").write_text("name: cut\nbudget: 1\n")
    (scenarios / "poor.yaml").write_text("name: poor\nbudget_eur: 100\n")
    with pytest.raises(q.PlainError) as refused:
        runs.check()
    assert "cut.yaml" in str(refused.value)
    assert "poor" in str(refused.value)  # an impossible plan says itself whose it is
    assert "4.000 EUR" in str(refused.value)


def test_a_check_names_the_faults_of_data_and_scenarios_in_one_error(project):
    changed("sites.csv", "Am Park", "")(project / "data")
    (project / "data" / "scenarios" / "cut.yaml").write_text("name: cut\nbudget: 1\n")
    for check in (runs.check, run):
        with pytest.raises(q.DataError) as refused:
            check()
        assert [fault.file for fault in refused.value.faults] == ["sites.csv", "cut.yaml"]


def test_the_folder_that_holds_runs_is_made_with_its_parents_and_nothing_else(project, no_kernel):
    run(out="deep/down/outputs")
    made = {
        str(path.relative_to(project))
        for path in (project / "deep").glob("**/*")
        if len(path.parts) - len(project.parts) < 5
    }
    names = ("2026-11-23-baseline", "latest", ".lock")
    assert made == {"deep/down", "deep/down/outputs", *(f"deep/down/outputs/{name}" for name in names)}


def test_an_infinite_aversion_can_be_asked_for_and_no_infinite_budget():
    changes = runs.parse_parameters(["inequality_aversion=inf"])
    assert q.Scenario().replace(**changes).inequality_aversion == float("inf")
    with pytest.raises(q.ScenarioError, match="endliche Zahl"):
        q.Scenario().replace(**runs.parse_parameters(["budget_eur=inf"]))


@pytest.mark.parametrize(("seconds", "said"), [(0.001, "0,001"), (2.5, "2,5"), (600.0, "600"), (86_400, "86.400")])
def test_the_time_of_a_cell_is_told_as_it_was_given(seconds, said):
    stopped = kernels.NotebookStopped(1, "time", "")
    error = runs._stopped(Path("plan.ipynb"), stopped, {}, seconds, Texts())
    assert f"länger als {said} Sekunden" in str(error)
