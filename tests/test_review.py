"""A run that was changed is found out, with the place and whose doing it is; one that was not is the same, wherever it lies."""

import base64
import contextlib
import datetime
import io
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
import openpyxl
import pytest
from PIL import Image, PngImagePlugin
from small_city import all_of, appended, changed, fingerprint, removed, write_city, written
from test_runs import PLAN, write_notebook

import quartier as q
from quartier import comparison, pages, report, review, runs
from quartier import manifest as manifests
from quartier.language import Texts

PICTURE = "q.show(q.plot_amounts(plan))"
MONDAY = datetime.date(2026, 11, 23)
NAME = "2026-11-23-baseline"
RUN = Path("outputs") / NAME


def make_run(project, today=MONDAY, scenario="baseline", **parameters):
    job = runs.prepare(scenario, parameters, project / "outputs", project / "data", project / "notebooks", today=today)
    return job.execute(progress=False)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A project with an executed run, and the same run made again from its own copies, on another day."""
    project = tmp_path_factory.mktemp("review")
    write_city(project / "data")
    write_notebook(project / "notebooks" / "01_plan.ipynb", PLAN, "print('eins')\nprint('zwei')", PICTURE)
    manifest = review.read_manifest(make_run(project, max_sites=2))
    scratch = tmp_path_factory.mktemp("scratch")
    shutil.copytree(project / RUN / "inputs", scratch / "inputs")
    again = review.execute(manifest.model_copy(update={"name": "2027-01-01-baseline"}), scratch, progress=False)
    return project, again


@pytest.fixture
def project(made, tmp_path, monkeypatch):
    """A copy of the project, as the working directory. Nothing is executed: what came out again is there already."""
    folder, again = made
    target = tmp_path / "project"
    shutil.copytree(folder, target, symlinks=True)
    monkeypatch.chdir(target)
    monkeypatch.setattr(review, "execute", lambda manifest, scratch, *, progress: again)
    return target


# --- ways to change a run -----------------------------------------------------------------------------------------


def in_manifest(*path, to, is_sealed=False):
    """Edit a value of the manifest; sealed anew, it is consistent in itself."""

    def damage(run):
        content = json.loads((run / manifests.FILE).read_text(encoding="utf-8"))
        at = content
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = to(at[path[-1]]) if callable(to) else to
        (run / manifests.FILE).write_text(json.dumps(content, ensure_ascii=False, indent=2), encoding="utf-8")
        if is_sealed:
            manifests.write(manifests.sealed(manifests.read(run, Texts())), run)

    return damage


def in_notebook(change, file="notebooks/01_plan.ipynb"):
    """Change a notebook; the change gets its cells."""

    def damage(run):
        notebook = nbformat.read(run / file, as_version=4)
        change(notebook.cells)
        (run / file).write_text(nbformat.writes(notebook), encoding="utf-8")

    return damage


def in_picture(file, change):
    """Change a picture and keep the text that stands for it."""

    def damage(run):
        with Image.open(run / file) as opened:
            image, info = opened.convert("RGBA"), opened.info
        said = PngImagePlugin.PngInfo()
        said.add_itxt("Description", info["Description"])
        image = change(image) or image
        image.save(run / file, pnginfo=said)

    return damage


def in_cell_picture(cells):
    data = next(output for output in cells[4].outputs if "image/png" in output.get("data", {})).data
    image = Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).convert("RGBA")
    image.putpixel((7, 5), (255, 0, 0, 255))
    stream = io.BytesIO()
    image.save(stream, "png")
    data["image/png"] = base64.b64encode(stream.getvalue()).decode()


def in_spreadsheet(cell, value=None, form=None):
    def damage(run):
        book = openpyxl.load_workbook(run / "verteilung.xlsx")
        if value is not None:
            book.worksheets[0][cell] = value
        if form is not None:
            book.worksheets[0][cell].number_format = form
        book.save(run / "verteilung.xlsx")

    return damage


def linked(file, to):
    def damage(run):
        shutil.move(run / file, run.parent / "moved")
        (run / file).symlink_to(to or run.parent / "moved")

    return damage


def cut_short(file, share=2):
    return lambda run: (run / file).write_bytes((run / file).read_bytes()[: (run / file).stat().st_size // share])


def swapped(file):
    def damage(run):
        head, one, other, *rest = (run / file).read_text(encoding="utf-8").splitlines(keepends=True)
        (run / file).write_text("".join([head, other, one, *rest]), encoding="utf-8")

    return damage


def renamed(old, new):
    return lambda run: (run / old).rename(run / new)


def first_output(cells, number):
    return cells[number].outputs[0]


def at(**expected):
    """Where a difference is, and what it says."""
    return expected


TABLE, NOTEBOOK, FIGURE, BOOK = (
    "tables/distribution.csv",
    "notebooks/01_plan.ipynb",
    "figures/amounts.png",
    "verteilung.xlsx",
)

TAMPERED = {
    "an amount in a table": (
        changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,"),
        at(file=TABLE, row=2, column="amount_eur", place="park", given="9000.0", expected="8000.0"),
    ),
    "a blank in a table": (
        changed(TABLE, "hill,Am Hügel,", "hill,Am Hügel ,"),
        at(file=TABLE, row=3, column="name", place="hill", given="Am Hügel ", expected="Am Hügel"),
    ),
    "a key in a table": (
        changed(TABLE, "hill,Am Hügel", "park,Am Hügel"),
        at(file=TABLE, row=3, column="site_id", given="park", expected="hill"),
    ),
    "line ends of a table": (
        lambda run: (run / TABLE).write_bytes((run / TABLE).read_bytes().replace(b"\n", b"\r\n")),
        at(file=TABLE, row=None, column=None),
    ),
    "the order of rows": (swapped(TABLE), at(file=TABLE, row=2, given="hill", expected="park")),
    "a row more": (
        appended(TABLE, "mill,Alte Mühle"),
        at(file=TABLE, row=5, place="mill", given="mill, Alte Mühle", expected=None),
    ),
    "a table that is cut short": (
        lambda run: (run / TABLE).write_bytes((run / TABLE).read_bytes().split(b"yard,")[0]),
        at(file=TABLE, row=4, place="yard", given=None),
    ),
    "a pixel": (
        in_picture(FIGURE, lambda image: image.putpixel((11, 13), (255, 0, 0, 255))),
        at(file=FIGURE, place="Pixel x = 11, y = 13", given="#ff0000ff", expected="#ffffffff"),
    ),
    "the size of a picture": (
        in_picture(FIGURE, lambda image: image.crop((0, 0, 50, 40))),
        at(file=FIGURE, what="andere Größe", given="50 × 40"),
    ),
    "a picture that is cut short": (cut_short(FIGURE), at(file=FIGURE, column=None)),
    "a drawing": (
        lambda run: changed("figures/need.svg", "</svg>", "<g/></svg>")(run),
        at(file="figures/need.svg", given="<g/></svg>", expected="</svg>"),
    ),
    "a line of output": (
        in_notebook(lambda cells: first_output(cells, 3).update(text="eins\ndrei\n")),
        at(file=NOTEBOOK, place="Zelle [4]", column="stdout", given="drei", expected="zwei"),
    ),
    "a table in a notebook": (
        in_notebook(
            lambda cells: first_output(cells, 2).data.update(
                {"text/html": first_output(cells, 2).data["text/html"].replace("20.000", "21.000")}
            )
        ),
        at(file=NOTEBOOK, place="Zelle [3]", column="text/html"),
    ),
    "the source of a cell": (
        in_notebook(lambda cells: cells[3].update(source="print('eins')\nprint('drei')")),
        at(file=NOTEBOOK, place="Zelle [4]", column="source", given="print('drei')", expected="print('zwei')"),
    ),
    "a parameter in the executed notebook": (
        in_notebook(lambda cells: cells[1].update(source=cells[1].source.replace("max_sites = 2", "max_sites = 3"))),
        at(file=NOTEBOOK, place="Zelle [2]", column="source", given="max_sites = 3", expected="max_sites = 2"),
    ),
    "a picture in a notebook": (
        in_notebook(in_cell_picture),
        at(file=NOTEBOOK, place="Zelle [5], Pixel x = 7, y = 5", column="image/png", given="#ff0000ff"),
    ),
    "a cell's number": (
        in_notebook(lambda cells: cells[3].update(execution_count=9)),
        at(file=NOTEBOOK, place="Zelle [4]", column="execution_count", given="9", expected="4"),
    ),
    "a cell that is taken out": (
        in_notebook(lambda cells: cells.pop(3)),
        at(file=NOTEBOOK, place="Zelle [4]", given=None, expected="print('eins')"),
    ),
    "a notebook that is cut short": (cut_short(NOTEBOOK), at(file=NOTEBOOK)),
    "a number in the spreadsheet": (
        in_spreadsheet("F11", 9000),
        at(file=BOOK, place="Blatt „Verteilung“", row=11, column="F", given="9000", expected="8000"),
    ),
    "a format in the spreadsheet": (
        in_spreadsheet("F11", form="0.00"),
        at(file=BOOK, row=11, column="F", what="Zahlenformat", given="0.00", expected='#,##0 "EUR"'),
    ),
    "a spreadsheet that is cut short": (cut_short(BOOK), at(file=BOOK, column=None)),
    "an input of the run": (
        changed("inputs/data/site_rules.csv", "hill,max_eur,14000", "hill,max_eur,9000"),
        at(
            file="inputs/data/site_rules.csv",
            row=7,
            column="value",
            place="hill, max_eur",
            given="9000",
            expected="14000",
        ),
    ),
    "a scenario of the run": (
        changed("inputs/data/scenarios/cut.yaml", "18000", "17000"),
        at(file="inputs/data/scenarios/cut.yaml", row=2, column="budget_eur", given="17000.0", expected="18000.0"),
    ),
    "a type in the run's data package": (
        changed("inputs/data/datapackage.json", '"maximum": 500', '"maximum": 50'),
        at(
            file="inputs/data/datapackage.json",
            column="resources.sites.schema.fields.flats.constraints.maximum",
            given="50",
            expected="500",
        ),
    ),
    "a notebook of the run's inputs": (
        in_notebook(lambda cells: cells[2].update(source="print('vier')"), "inputs/notebooks/01_plan.ipynb"),
        at(file="inputs/notebooks/01_plan.ipynb", place="3. Zelle", column="source", given="print('vier')"),
    ),
    "a table that is deleted": (removed(TABLE), at(file=TABLE, what="fehlt")),
    "a figure that is deleted": (removed(FIGURE), at(file=FIGURE, what="fehlt")),
    "an input that is deleted": (
        removed("inputs/data/areas.csv"),
        at(file="inputs/data/areas.csv", what="fehlt"),
    ),
    "a file more": (
        written("tables/more.csv", b"x\n"),
        at(file="tables/more.csv", what="ist eine Datei, die nicht aus dem Lauf stammt"),
    ),
    "a file that is a link out of the run": (
        linked(TABLE, None),
        at(file=TABLE, what="ist eine Verknüpfung, der nicht gefolgt wird"),
    ),
    "a link to nowhere": (
        linked(FIGURE, "/nowhere"),
        at(file=FIGURE, what="ist eine Verknüpfung, der nicht gefolgt wird"),
    ),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_what_was_changed_after_the_run_is_named_with_its_place(project, name):
    damage, expected = TAMPERED[name]
    damage(RUN)
    found = review.verify(RUN)
    assert found.exit_code == 1
    (difference,) = [one for one in found.differences if one.file == expected["file"]]
    assert {key: getattr(difference, key) for key in expected} == expected
    assert {one.causes for one in found.differences} == {("tampered",)}
    assert {one.file for one in found.differences} == {expected["file"]}
    text = "\n".join(found.sentences())
    assert "Nach dem Lauf verändert:" in text
    assert difference.line(Texts()) in text


def test_a_renamed_notebook_is_missing_and_one_too_many(project):
    renamed(NOTEBOOK, "notebooks/02_plan.ipynb")(RUN)
    found = review.verify(RUN)
    assert [(one.file, one.what) for one in found.differences] == [
        (NOTEBOOK, "fehlt"),
        ("notebooks/02_plan.ipynb", "ist eine Datei, die nicht aus dem Lauf stammt"),
    ]


def test_a_folder_that_is_a_link_is_not_looked_into(project, tmp_path):
    shutil.move(RUN / "tables", tmp_path / "tables")
    (RUN / "tables").symlink_to(tmp_path / "tables")
    found = review.verify(RUN)
    assert {one.causes for one in found.differences} == {("tampered",)}
    assert {one.what for one in found.differences if one.file != "tables"} == {"fehlt"}
    assert sum(one.file == "tables" for one in found.differences) == 1


# --- the manifest -------------------------------------------------------------------------------------------------

EDITED = {
    "an amount": ("result", "amounts_eur", "park"),
    "money spent": ("result", "spent_eur"),
    "the optimum": ("result", "objective"),
    "the benefit": ("result", "benefit"),
    "the bound": ("result", "bound"),
    "the gap": ("result", "gap"),
    "the outcome": ("result", "outcome"),
    "the number of funded sites": ("result", "funded_sites"),
    "quartier's version": ("code", "version"),
    "the package's hash": ("code", "package_sha256"),
    "a package's version": ("environment", "packages", "numpy"),
    "the version of Python": ("environment", "python"),
    "the system": ("environment", "platform"),
    "the lock's hash": ("environment", "lock_sha256"),
    "the commit": ("code", "commit"),
    "whether all was committed": ("code", "is_clean"),
    "the seed": ("seed",),
    "a parameter": ("parameters", "max_sites"),
    "a field of the scenario": ("scenario", "fields", "step_eur"),
    "the scenario's title": ("scenario", "title"),
    "the run's name": ("name",),
    "a file's hash": ("outputs", TABLE, "sha256"),
    "a file's size": ("inputs", "data/areas.csv", "size_bytes"),
    "figures that are assumed": ("basis", "assumed"),
    "the sentence about assumptions": ("basis", "sentence"),
}


def other_value(value):
    """Another value that a manifest can hold in its place."""
    if isinstance(value, bool) or value is None:
        return not value if value is not None else "0" * 40
    if isinstance(value, str):
        return "ab" * 32 if len(value) == 64 else f"{value}1"
    return value + 1


@pytest.mark.parametrize("name", EDITED)
def test_a_value_that_was_edited_in_the_manifest_is_named(project, name):
    path = EDITED[name]
    is_null = path[-1] in ("commit", "is_clean") and manifests.code().commit is None
    before = json.loads((RUN / manifests.FILE).read_text(encoding="utf-8"))
    for key in path:
        before = before[key]
    in_manifest(*path, to="0" * 40 if is_null and path[-1] == "commit" else other_value)(RUN)
    found = review.verify(RUN)
    assert found.exit_code == 1
    (difference,) = found.differences
    assert (difference.file, difference.column) == (manifests.FILE, ".".join(path))
    assert difference.expected == (before if isinstance(before, str) else json.dumps(before))
    assert difference.causes == ("tampered",)


def test_an_edited_language_is_told_in_the_runs_own(project):
    in_manifest("scenario", "fields", "language", to="en")(RUN)
    found = review.verify(RUN)
    assert [(one.column, one.given, one.expected) for one in found.differences] == [
        ("scenario.fields.language", "en", "de")
    ]
    assert "Nach dem Lauf verändert:" in found.sentences()


def test_a_broken_seal_that_nothing_explains_is_told(project):
    in_manifest("begun", to="2026-01-01T00:00:00Z")(RUN)
    (difference,) = review.verify(RUN).differences
    assert (difference.file, difference.causes) == (manifests.FILE, ("tampered",))
    assert "Siegel passt nicht" in difference.what


def test_of_several_edited_values_those_that_disagree_with_what_comes_out_are_named(project):
    in_manifest("begun", to="2026-01-01T00:00:00Z")(RUN)
    in_manifest("result", "bound", to=1.5)(RUN)
    found = review.verify(RUN)
    assert [(one.column, one.given, one.causes) for one in found.differences] == [
        (None, None, ("tampered",)),
        ("result.bound", "1.5", ("tampered",)),
    ]


def test_a_table_and_its_hash_changed_together_are_both_named(project):
    changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,")(RUN)
    file = manifests.hash_file(RUN / TABLE)
    in_manifest("outputs", TABLE, to=file.model_dump())(RUN)
    found = review.verify(RUN)
    assert {(one.file, one.column) for one in found.differences} >= {
        (manifests.FILE, f"outputs.{TABLE}.sha256"),
        (TABLE, "amount_eur"),
    }
    assert {one.causes for one in found.differences} == {("tampered",)}


def test_a_run_that_was_changed_and_sealed_anew_is_different_still(project):
    changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,")(RUN)
    in_manifest("outputs", TABLE, to=manifests.hash_file(RUN / TABLE).model_dump(), is_sealed=True)(RUN)
    found = review.verify(RUN)
    (difference,) = found.differences
    assert (difference.file, difference.row, difference.column) == (TABLE, 2, "amount_eur")
    assert difference.causes == ("unrepeatable",)
    assert any("sein Manifest angepasst" in line for line in found.sentences())


def test_an_amount_that_was_edited_and_sealed_anew_is_different_still(project):
    in_manifest("result", "amounts_eur", "park", to=9000.0, is_sealed=True)(RUN)
    (difference,) = review.verify(RUN).differences
    assert (difference.column, difference.given, difference.expected) == ("result.amounts_eur.park", "9000.0", "8000.0")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (cut_short(manifests.FILE), "abgeschnitten"),
        (written(manifests.FILE, b""), "abgeschnitten"),
        (written(manifests.FILE, b"[]"), "nicht das Manifest"),
        (written(manifests.FILE, b"[" * 100_000), "abgeschnitten"),
        (in_manifest("version", to=2), "Version 2"),
        (in_manifest("inputs", to={}), "01_plan.ipynb"),
        (in_manifest("notebooks", to=["02_other.ipynb"]), "02_other.ipynb"),
        (in_manifest("notebooks", to=[]), "Notebooks"),
        (in_manifest("data", to=".."), "Fehler in: data"),
        (in_manifest("outputs", to=lambda files: {**files, "../x": files[TABLE]}), "../x"),
        (in_manifest("outputs", to=lambda files: {**files, "/x": files[TABLE]}), "/x"),
        (in_manifest("result", "gap", to="viel"), "result.gap"),
        (removed(manifests.FILE), "fehlt"),
        (linked(manifests.FILE, None), "fehlt"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_wrong_input(project, say, damage, says):
    damage(RUN)
    code, out, err = say("verify", RUN)
    assert (code, out) == (2, "")
    assert says in err
    assert "Traceback" not in err


# --- inputs that changed ------------------------------------------------------------------------------------------

CHANGED = {
    "a value of the city": (
        changed("data/site_rules.csv", "hill,max_eur,14000", "hill,max_eur,9000"),
        at(file="inputs/data/site_rules.csv", row=7, column="value", given="14000", expected="9000"),
    ),
    "a row more": (
        appended("data/sources.csv", "neu,Neues,Stadt,2026,"),
        at(file="inputs/data/sources.csv", row=4, place="neu", given=None),
    ),
    "a row less": (
        changed(
            "data/agreements.csv", "yard-2021,yard,scholle,,declined,2021-01-26,andere Vorstellungen,stated,amt\n", ""
        ),
        at(file="inputs/data/agreements.csv", row=5, place="yard-2021", expected=None),
    ),
    "a value that four columns tell": (
        changed("data/indicators.csv", "ufer,,old,2018,9999", "ufer,,old,2018,9998"),
        at(file="inputs/data/indicators.csv", row=3, column="value", place="ufer, , old, 2018", expected="9998"),
    ),
    "a column more": (
        changed("data/partners.csv", "basis,source_id\n", "basis,source_id,note\n"),
        at(file="inputs/data/partners.csv", row=1, column="note", given=None, expected="note"),
    ),
    "a field of a scenario": (
        changed("data/scenarios/baseline.yaml", "20000", "21000"),
        at(file="inputs/data/scenarios/baseline.yaml", row=2, column="budget_eur", given="20000.0", expected="21000.0"),
    ),
    "a scenario more": (
        written("data/scenarios/new.yaml", b"name: new\nbudget_eur: 1000\n"),
        at(file="inputs/data/scenarios/new.yaml", what="ist hier neu"),
    ),
    "a scenario less": (
        removed("data/scenarios/cut.yaml"),
        at(file="inputs/data/scenarios/cut.yaml", what="gibt es hier nicht mehr"),
    ),
    "a cell of a notebook": (
        in_notebook(lambda cells: cells[2].update(source="print('vier')"), NOTEBOOK),
        at(file="inputs/notebooks/01_plan.ipynb", place="3. Zelle", column="source", expected="print('vier')"),
    ),
}


@pytest.mark.parametrize("name", CHANGED)
def test_an_input_that_changed_since_the_run_is_named_and_the_run_comes_out_again(project, name):
    damage, expected = CHANGED[name]
    damage(project)
    found = review.verify(RUN)
    assert found.exit_code == 1
    (difference,) = found.differences
    assert {key: getattr(difference, key) for key in expected} == expected
    assert difference.causes == ("inputs",)
    assert (
        "Eingaben seit dem Lauf geändert (aus seinen eigenen Kopien kommt wieder dasselbe heraus):" in found.sentences()
    )
    assert review.verify(RUN, data=RUN / "inputs" / "data").exit_code == 0


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (appended("data/scenarios/baseline.yaml", "# nur eine Bemerkung"), "baseline.yaml ist nur in der Form anders"),
        (
            in_notebook(lambda cells: cells[2].update(outputs=[]) or cells[2].update(execution_count=9), NOTEBOOK),
            "01_plan.ipynb",
        ),
        (lambda project: shutil.move(project / "data", project / "moved"), "keinen Ordner „data“"),
    ],
)
def test_what_changes_nothing_is_a_note(project, damage, says):
    damage(project)
    found = review.verify(RUN)
    assert found.exit_code == 0
    assert any(says in note for note in found.notes)


def test_a_run_alone_is_asked_about_with_its_own_inputs(project):
    removed("inputs/data/areas.csv")(RUN)
    shutil.copy("data/sites.csv", RUN / "inputs" / "data" / "scenarios" / "more.yaml")
    found = review.verify(RUN, data=RUN / "inputs" / "data")
    assert {one.file for one in found.differences} == {"inputs/data/areas.csv", "inputs/data/scenarios/more.yaml"}
    assert {one.causes for one in found.differences} == {("tampered",)}


def test_an_input_of_the_run_without_an_original_is_named_and_nothing_is_made_from_it(project, monkeypatch):
    changed("inputs/data/site_rules.csv", "hill,max_eur,14000", "hill,max_eur,9000")(RUN)
    monkeypatch.setattr(review, "execute", lambda *args, **options: pytest.fail("executed"))
    found = review.verify(RUN, data=RUN / "inputs" / "data")
    (difference,) = found.differences
    assert (difference.file, difference.causes) == ("inputs/data/site_rules.csv", ("tampered",))
    assert found.exit_code == 1
    assert "lässt sich nicht wiederholen" in found.compared


# --- the same -----------------------------------------------------------------------------------------------------


def test_a_run_that_nobody_touched_is_the_same_on_another_day(project):
    before = fingerprint(project)
    found = review.verify(RUN)
    assert (found.exit_code, found.differences, found.notes) == (0, (), ())
    assert found.sentences() == [
        f"{NAME}: gleich.",
        "Neu ausgeführt und verglichen: 1 Notebook (5 Zellen), 18 Tabellen, 9 Abbildungen, 1 Seite, die Excel-Datei, 14 Eingaben, "
        "Optimum und Schranke.",
    ]
    assert fingerprint(project).keys() - before.keys() == {f"outputs/{review.VERIFIED}"}
    assert {path: one for path, one in fingerprint(project).items() if path in before} == before


def test_a_copied_run_is_the_same_elsewhere_under_another_name(project, tmp_path, monkeypatch):
    copy = tmp_path / "elsewhere" / "kopie"
    shutil.copytree(RUN, copy)
    monkeypatch.chdir(copy.parent)
    found = review.verify("kopie")
    assert found.exit_code == 0
    assert found.notes == (
        f"Der Ordner heißt kopie; der Lauf hieß {NAME}.",
        "Hier gibt es keinen Ordner „data“; ob sich die Eingaben seither geändert haben, wurde nicht geprüft.",
    )


@pytest.mark.parametrize("asked", [NAME, RUN, f"{RUN}/", "latest", "outputs/latest"])
def test_a_run_is_found_by_its_path_its_name_or_a_link(project, asked):
    assert review.find_run(asked) == project / RUN


@pytest.mark.parametrize("words", [("verify",), ("paper",), ("verify", NAME, "--against")])
def test_the_name_of_a_run_that_is_mistyped_is_answered_with_the_nearest(project, say, words):
    code, out, err = say(*words, NAME[:-1])
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        f"In „{NAME[:-1]}“ liegt kein Lauf: manifest.json fehlt. Gemeint war vielleicht: {NAME}",
        "Alle Läufe: quartier runs",
    ]


@pytest.mark.parametrize("asked", ["nosuch", "", "x" * 5000, "a\0b", "data", ".."])
def test_a_folder_that_is_no_run_is_wrong_input(project, say, asked):
    code, out, err = say("verify", asked)
    assert (code, out) == (2, "")
    assert "manifest.json fehlt" in err


def test_what_programs_leave_in_a_folder_is_a_note(project):
    (RUN / "notebooks" / ".ipynb_checkpoints").mkdir()
    shutil.copy(RUN / NOTEBOOK, RUN / "notebooks" / ".ipynb_checkpoints" / "01_plan-checkpoint.ipynb")
    (RUN / ".~lock.verteilung.xlsx#").touch()
    found = review.verify(RUN)
    assert found.exit_code == 0
    assert len(found.notes) == 2


# --- whose doing --------------------------------------------------------------------------------------------------

CHANGES = {
    "code": (("code", "package_sha256"), "ab" * 32, "der Code (0.1.0"),
    "packages": (("environment", "packages", "numpy"), "2.0.0", "Pakete (numpy 2.0.0 →"),
    "python": (("environment", "python"), "3.9.1", "Python (3.9.1 →"),
    "platform": (("environment", "platform"), "Plan9 mips", "das System (Plan9 mips →"),
}


@pytest.fixture
def came_out(made, tmp_path, monkeypatch):
    """Change what comes out again."""

    def came_out(*damages):
        again = tmp_path / made[1].name
        shutil.copytree(made[1], again)
        for damage in damages:
            damage(again)
        content = manifests.read(again, Texts())
        outputs = {path: file for path, file in manifests.hashes(again).items() if not path.startswith("inputs/")}
        manifests.write(manifests.sealed(content.model_copy(update={"outputs": outputs})), again)
        monkeypatch.setattr(review, "execute", lambda manifest, scratch, *, progress: again)

    return came_out


@pytest.mark.parametrize("cause", CHANGES)
def test_changes_that_change_nothing_are_told_and_the_run_is_the_same(project, cause):
    path, value, says = CHANGES[cause]
    in_manifest(*path, to=value, is_sealed=True)(RUN)
    found = review.verify(RUN)
    assert found.exit_code == 0
    assert any("Es kommt dasselbe heraus" in note and says in note for note in found.notes)


@pytest.mark.parametrize("cause", CHANGES)
def test_what_comes_out_different_is_put_down_to_what_has_changed(project, came_out, cause):
    path, value, says = CHANGES[cause]
    in_manifest(*path, to=value, is_sealed=True)(RUN)
    came_out(changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,"))
    found = review.verify(RUN)
    (difference,) = found.differences
    assert (difference.file, difference.row, difference.column) == (TABLE, 2, "amount_eur")
    assert (difference.given, difference.expected, difference.causes) == ("8000.0", "9000.0", (cause,))
    assert any("Seit dem Lauf geändert" in line and says in line for line in found.sentences())


def test_several_things_that_changed_are_all_named(project, came_out):
    for path, value, _ in CHANGES.values():
        in_manifest(*path, to=value, is_sealed=True)(RUN)
    came_out(removed(TABLE), written("tables/new.csv", b"x\n"))
    found = review.verify(RUN)
    assert [(one.file, one.what) for one in found.differences] == [
        (TABLE, "kommt nicht mehr heraus"),
        ("tables/new.csv", "kommt heraus und fehlt im Lauf"),
    ]
    assert {one.causes for one in found.differences} == {("code", "packages", "python", "platform")}


def shade(image):
    """Change every pixel a little, as another version of a package may."""
    return image.point(lambda value: max(0, value - 3))


@pytest.mark.parametrize(("changes", "exit_code"), [(["packages"], 0), (["code"], 0), ([], 1)])
def test_a_picture_may_differ_a_little_once_something_changed(project, came_out, changes, exit_code):
    for name in changes:
        path, value, _ = CHANGES[name]
        in_manifest(*path, to=value, is_sealed=True)(RUN)
    came_out(in_picture(FIGURE, shade))
    found = review.verify(RUN)
    assert found.exit_code == exit_code
    if not changes:
        (difference,) = found.differences
        assert (difference.place, difference.causes) == ("Pixel x = 0, y = 0", ("unrepeatable",))


def test_a_bar_of_another_length_is_more_than_a_little(project, came_out):
    path, value, _ = CHANGES["packages"]
    in_manifest(*path, to=value, is_sealed=True)(RUN)
    came_out(in_picture(FIGURE, lambda image: image.paste((255, 0, 0, 255), (100, 100, 120, 110))))
    (difference,) = review.verify(RUN).differences
    assert (difference.file, difference.place, difference.what) == (
        FIGURE,
        "Pixel x = 100, y = 100",
        "200 Pixel sind anders",
    )


@pytest.mark.parametrize(("cause", "exit_code"), [("packages", 0), ("code", 1)])
def test_a_drawing_whose_picture_looks_the_same_is_a_note_once_packages_changed(project, came_out, cause, exit_code):
    path, value, _ = CHANGES[cause]
    in_manifest(*path, to=value, is_sealed=True)(RUN)
    came_out(changed("figures/need.svg", "</svg>", "<g/></svg>"))
    assert review.verify(RUN).exit_code == exit_code


# --- could not be made again, exit codes, records -----------------------------------------------------------------


@pytest.mark.parametrize("error", [runs.RunError("So nicht.", exit_code=1), OSError(28, "No space left on device")])
def test_a_run_that_cannot_be_made_again_leaves_with_3_and_no_record(project, say, monkeypatch, error):
    def fail(*args, **options):
        raise error

    monkeypatch.setattr(review, "execute", fail)
    code, out, _ = say("verify", RUN)
    assert code == 3
    assert "Der Lauf ließ sich nicht wiederholen: " in out
    assert not (RUN.parent / review.VERIFIED).exists()


@pytest.mark.parametrize("error", [None, KeyboardInterrupt(), runs.RunError("So nicht.")])
def test_the_scratch_folder_is_gone_whatever_happens(project, made, monkeypatch, tmp_path, error):
    used = []

    def work(manifest, scratch, *, progress):
        used.append(fingerprint(scratch))
        if error:
            raise error
        return made[1]

    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(review, "execute", work)
    before = fingerprint(RUN)
    with pytest.raises(KeyboardInterrupt) if isinstance(error, KeyboardInterrupt) else contextlib.nullcontext():
        review.verify(RUN)
    assert {path: one for path, one in used[0].items() if one} == {
        path: one for path, one in before.items() if one and path.startswith("inputs/")
    }
    assert list((tmp_path / "scratch").iterdir()) == []
    assert fingerprint(RUN) == before


def test_exit_codes_tell_same_from_different(project, say):
    assert say("verify", RUN)[0] == 0
    assert say("verify", RUN, "--hashes-only")[0] == 0
    changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,")(RUN)
    assert say("verify", RUN)[0] == 1
    assert say("verify", RUN, "--hashes-only")[0] == 1
    assert say("verify", RUN, "--data", "nosuch")[0] == 2


def test_json_holds_the_same_findings(project, say):
    changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,")(RUN)
    code, out, err = say("verify", RUN, "--json")
    told = json.loads(out)
    assert (code, err, told["result"]) == (1, "", "different")
    (difference,) = told["differences"]
    assert difference == {
        "file": TABLE,
        "place": "park",
        "row": 2,
        "column": "amount_eur",
        "given": "9000.0",
        "expected": "8000.0",
        "cause": ["tampered"],
        "sentence": f"{TABLE}, Zeile 2 (park), Spalte amount_eur: gegeben „9000.0“, erwartet „8000.0“ (nach dem Lauf verändert)",
    }


def test_twenty_differences_of_a_file_are_told_and_the_others_counted(project):
    table = RUN / "tables" / "scenario.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",true", ",TRUE").replace(",false", ",FALSE"), "utf-8")
    found = review.verify(RUN)
    n = len(found.differences)
    assert n > 21
    assert sum("scenario.csv" in line for line in found.sentences()) == review.MOST_TOLD
    assert any(f"und noch {n - review.MOST_TOLD}" in line for line in found.sentences())


def test_hashes_are_compared_without_any_heavy_library(project):
    heavy = ("pandas", "scipy", "matplotlib", "papermill", "nbformat", "openpyxl", "PIL", "quartier.runs")
    code = (
        f"import sys; sys.argv = ['quartier', 'verify', {str(RUN)!r}, '--hashes-only']\n"
        "from quartier.__main__ import main\n"
        "try: main()\n"
        f"finally: print(*(name for name in {heavy!r} if name in sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "gleich." in done.stdout
    assert done.stderr.strip() == ""


def test_a_verified_run_is_remembered_as_long_as_its_manifest_is_the_same(project):
    assert review.verified("outputs") == {}
    review.verify(RUN)
    (record,) = review.verified("outputs").values()
    assert (record["run"], record["result"], record["quartier"]) == (NAME, "same", q.__version__)
    removed(TABLE)(RUN)
    review.verify(RUN)
    assert review.verified("outputs")[NAME]["result"] == "different"
    in_manifest("seed", to=7)(RUN)
    assert review.verified("outputs") == {}


def test_lines_that_are_cut_short_or_no_records_are_left_out(project):
    review.verify(RUN)
    known = review.verified("outputs")
    file = Path("outputs") / review.VERIFIED
    line = file.read_text(encoding="utf-8")
    file.write_text('[]\n{"run": "../x", "result": "same"}\n{"run": 1}\n' + line + line[:50], encoding="utf-8")
    assert review.verified("outputs") == known
    review.verify(RUN)
    assert json.loads(file.read_text(encoding="utf-8").splitlines()[-1])["result"] == "same"


@pytest.mark.parametrize("options", [{"hashes_only": True}, {}])
def test_nothing_is_recorded_of_hashes_alone_or_where_that_may_not_be_written(project, options, tmp_path):
    if not options:
        (RUN.parent / review.VERIFIED).symlink_to(tmp_path / "elsewhere")
    assert review.verify(RUN, **options).exit_code == 0
    assert review.verified("outputs") == {}
    assert not (tmp_path / "elsewhere").exists()


# --- two runs -----------------------------------------------------------------------------------------------------


@pytest.fixture
def two(project, monkeypatch):
    """Make runs of nothing but inputs, result and the table of amounts."""

    def save(plan, folder, **_):
        (folder / "tables").mkdir()
        plan.table().to_csv(folder / TABLE, lineterminator="\n")

    monkeypatch.setattr(runs, "_execute_notebook", lambda path, target, *rest: target.write_bytes(path.read_bytes()))
    monkeypatch.setattr(pages, "save", lambda *args, **options: None)
    monkeypatch.setattr(report, "save", save)

    def two(damage, scenario="baseline", before=None, **parameters):
        old = make_run(project, MONDAY + datetime.timedelta(7), **(before or {}))
        damage(project)
        new = make_run(project, MONDAY + datetime.timedelta(8), scenario, **parameters)
        return old, new

    return two


def nothing(project):
    """Change nothing."""


def amounts(run):
    return manifests.read(run, Texts()).result.amounts_eur


def test_a_changed_cap_is_found_to_move_the_money(two):
    old, new = two(changed("data/site_rules.csv", "hill,max_eur,14000", "hill,max_eur,9000"))
    assert (amounts(old)["hill"], amounts(new)["hill"]) == (12000, 9000)
    found = comparison.compare(new, old)
    assert found.exit_code == 1
    assert {move.site: move.change_eur for move in found.moves} == {"hill": -3000, "park": 3000}
    (change,) = found.changes
    assert (change.file, change.row, change.column) == ("inputs/data/site_rules.csv", 7, "value")
    (share,) = found.shares
    assert (share.change, set(share.moves)) == ("inputs/data/site_rules.csv", set(found.moves))
    text = "\n".join(found.sentences())
    assert "  - Am Hügel: 12.000 EUR → 9.000 EUR (-3.000 EUR)" in text
    assert "site_rules.csv, Zeile 7 (hill, max_eur), Spalte value: war „14000“, ist „9000“" in text


def test_changes_that_act_together_are_told_apart_from_what_each_does_alone(two):
    # Alone, less need at the hill would give the park more; with its cap at 8,000 it cannot have it.
    both = all_of(
        changed("data/site_rules.csv", "park,max_eur,14000", "park,max_eur,8000"),
        changed("data/catchments.csv", "hill,heide,0.5", "hill,heide,0.1"),
    )
    old, new = two(both)
    found = comparison.compare(new, old)
    shares = {share.change: {move.site: move.change_eur for move in share.moves} for share in found.shares}
    assert shares["inputs/data/site_rules.csv"] == {}
    assert shares["inputs/data/catchments.csv"]["park"] > 0
    assert shares["mehrere davon zusammen"]["park"] == -shares["inputs/data/catchments.csv"]["park"]
    for site in ("park", "hill"):
        assert sum(one.get(site, 0) for one in shares.values()) == amounts(new)[site] - amounts(old)[site]


@pytest.mark.parametrize(
    ("damage", "scenario", "parameters", "change"),
    [
        (changed("data/scenarios/baseline.yaml", "20000", "15000"), "baseline", {}, "das Szenario"),
        (nothing, "cut", {}, "das Szenario"),
        (nothing, "baseline", {"budget_eur": 15000}, "die Parameter"),
    ],
)
def test_scenario_and_parameters_are_told_apart(two, damage, scenario, parameters, change):
    old, new = two(damage, scenario, **parameters)
    found = comparison.compare(new, old)
    (share,) = [share for share in found.shares if share.moves]
    assert share.change == change
    assert set(share.moves) == set(found.moves) != set()


def test_two_scenarios_are_told_by_their_fields_and_not_as_versions_of_one_file(two, say):
    chosen = appended("data/scenarios/cut.yaml", "excluded: [declined, negotiating]")
    old, new = two(chosen, "cut")
    code, out, _ = say("verify", new, "--against", old)
    assert code == 1
    said = out.partition("Was sich geändert hat:\n")[2].splitlines()
    assert said[0] == "  - Szenario: „baseline“ → „cut“"
    assert "  - budget_eur: „20000.0“ → „18000.0“" in said
    assert "  - excluded: „declined“ → „declined, negotiating“" in said
    assert out.count("„cut“") == 1
    assert "cut.yaml" not in out
    first, *_ = json.loads(say("verify", new, "--against", old, "--json")[1])["changes"]
    assert (first["file"], first["column"], first["given"], first["expected"]) == (None, "scenario", "baseline", "cut")


@pytest.mark.parametrize("option", [("--hashes-only",), ("--data", "data")])
def test_what_a_comparison_does_not_take_is_refused(say, option):
    code, out, err = say("verify", "one", "--against", "other", *option)
    assert (code, out, err) == (2, "", f"Entweder --against oder {option[0]}.\n")


def test_a_parameter_that_was_not_given_is_told_as_the_scenario_has_it(two):
    old, new = two(nothing, budget_eur=15000)
    for pair, line in (((new, old), "war „20000“, ist „15000“"), ((old, new), "war „15000“, ist „20000“")):
        (change,) = comparison.compare(*pair).changes
        assert change.line(Texts()) == f"manifest.json, parameters.budget_eur: {line}"


def test_a_status_that_a_scenario_chooses_is_found_to_move_the_money(two, say):
    old, new = two(appended("data/scenarios/baseline.yaml", "sites:\n  hill: {status: declined}"))
    assert (amounts(old)["hill"], amounts(new)["hill"]) == (12000, 0)
    found = comparison.compare(new, old)
    (change,) = found.changes
    assert (change.file, change.column) == ("inputs/data/scenarios/baseline.yaml", "sites.hill.status")
    assert (change.given, change.expected) == (None, "declined")
    (share,) = [share for share in found.shares if share.moves]
    assert (share.change, set(share.moves)) == ("das Szenario", set(found.moves))
    _, out, _ = say("verify", new, "--against", old)
    assert "sites.hill.status" in out
    assert "declined" in out
    assert manifests.read(new, Texts()).scenario.fields["sites"] == {"hill": {"status": "declined"}}


def test_a_change_that_alone_gives_no_plan_is_told(two):
    floors = changed("data/site_rules.csv", "park,min_eur,4000", "park,min_eur,13000")
    old, new = two(floors, before={"budget_eur": 9000}, budget_eur=15000)
    shares = {share.change: share for share in comparison.compare(new, old).shares}
    assert shares["inputs/data/site_rules.csv"].why_not
    assert "site_rules.csv: damit allein gibt es keinen Plan: " in "\n".join(comparison.compare(new, old).sentences())


def test_equal_results_are_the_same_whatever_has_changed(two, say):
    old, new = two(changed("data/sources.csv", "Annahmen der Planung", "Annahmen"))
    code, out, _ = say("verify", new, "--against", old)
    assert code == 0
    assert "Jeder Standort bekommt so viel wie vorher." in out
    assert "inputs/data/sources.csv: bewegt nichts" in out
    assert not Path("outputs", review.VERIFIED).exists()
    told = json.loads(say("verify", new, "--against", old, "--json")[1])
    assert (told["result"], told["moves"]) == ("same", [])


def test_what_the_present_code_does_not_bring_about_is_put_down_to_code_or_packages(two):
    old, new = two(nothing)
    in_manifest("result", "amounts_eur", "park", to=7000.0, is_sealed=True)(old)
    found = comparison.compare(new, old)
    (share,) = found.shares
    assert share.change == "Code oder Pakete"
    assert [(move.site, move.change_eur) for move in share.moves] == [("park", 1000)]


def test_runs_without_a_common_site_are_refused(two, say):
    old, new = two(nothing)
    content = json.loads((old / manifests.FILE).read_text(encoding="utf-8"))["result"]["amounts_eur"]
    in_manifest("result", "amounts_eur", to={f"x-{site}": amount for site, amount in content.items()}, is_sealed=True)(
        old
    )
    code, out, err = say("verify", new, "--against", old)
    assert (code, out) == (2, "")
    assert "keinen gemeinsamen Standort" in err


def test_a_run_that_was_changed_is_told_when_it_is_compared(two):
    old, new = two(nothing)
    changed(TABLE, "14000.0,8000.0,", "14000.0,9000.0,")(old)
    assert any(f"quartier verify {old.name}" in note for note in comparison.compare(new, old).notes)


def test_an_english_run_is_told_in_english(two):
    old, new = two(nothing, language="en")
    assert "Every site gets as much as before." in comparison.compare(new, old).sentences()
    assert review.verify(new, hashes_only=True).sentences()[0] == f"{new.name}: the same."
