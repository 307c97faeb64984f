"""The notebooks: what planners see, and what they may change.

Each rule is a function that gives the faults of a notebook. It meets the notebooks, and broken ones.
"""

import ast
import base64
import copy
import io
import math
import re
import subprocess
import sys
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from PIL import Image

import quartier as q
from quartier import notebooks
from quartier.language import PlainError, Texts
from quartier.scenario import scenario_names

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))
TEXTS = Texts()
LARGEST = 400_000
"""Bytes of a notebook: what a reviewer's browser still shows as a difference."""

Notebook = Any


def read(file: Path) -> Notebook:
    return nbformat.read(file, as_version=4)


def code(notebook: Notebook) -> list[Any]:
    return [cell for _, cell in notebooks.code(notebook)]


def prose(notebook: Notebook) -> list[str]:
    """Texts of the notebook as a reader sees them: without code in backticks and targets of links."""
    texts = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return [re.sub(r"`[^`]*`|\]\([^)]*\)", "", text) for text in texts]


def outputs(notebook: Notebook) -> Iterator[Any]:
    for cell in code(notebook):
        yield from cell.outputs


def shown(notebook: Notebook) -> Iterator[str]:
    """All texts of the outputs, once as plain text."""
    for output in outputs(notebook):
        yield output.get("text") or output.get("data", {}).get("text/plain", "")


def parameters(notebook: Notebook) -> list[Any]:
    return [cell for _, cell in notebooks.tagged(notebook, "parameters")]


# The rules


def code_faults(notebook: Notebook) -> list[str]:
    """Cells of one to six lines that only call the package: no loops, no branches."""
    kinds = (ast.For, ast.While, ast.If, ast.Try, ast.With)
    faults = []
    for cell in code(notebook):
        if cell in parameters(notebook):
            continue
        if not 1 <= len(cell.source.splitlines()) <= 6:
            faults.append(f"{cell.id} has {len(cell.source.splitlines())} lines")
        faults += [
            f"{cell.id} has {type(node).__name__}"
            for node in ast.walk(ast.parse(cell.source))
            if isinstance(node, kinds)
        ]
    return faults


def order_faults(notebook: Notebook) -> list[str]:
    """A title and a paragraph, then prose and code in turn; one title in all."""
    kinds = [cell.cell_type for cell in notebook.cells]
    faults = [
        f"two code cells in a row at {at}" for at in range(1, len(kinds)) if kinds[at - 1 : at + 1] == ["code"] * 2
    ]
    if not re.match(r"# \d \w.*\n\n\S", notebook.cells[0].source):
        faults.append("does not begin with a title and a paragraph")
    titles = [line for text in prose(notebook) for line in text.splitlines() if line.startswith("# ")]
    return faults + [f"title {title}" for title in titles[1:]]


def id_faults(notebook: Notebook) -> list[str]:
    """Cells that are not numbered from top to bottom."""
    ids = [cell.id for cell in notebook.cells]
    return [] if ids == [f"{ids[0][:2]}-{number:02d}" for number in range(1, len(ids) + 1)] else [f"ids {ids}"]


def picture_faults(notebook: Notebook) -> list[str]:
    """Pictures that are no PNG, or whose text alternative differs from the text shown in their place."""
    faults = []
    for output in outputs(notebook):
        data = output.get("data", {})
        if "image/png" not in data:
            continue
        alt = output.metadata.get("image/png", {}).get("alt", "")
        if not alt or alt != data.get("text/plain"):
            faults.append(f"alt text {alt!r}")
        if not base64.b64decode(data["image/png"]).startswith(b"\x89PNG"):
            faults.append("no PNG")
    return faults


def stale_faults(notebook: Notebook) -> list[str]:
    """Numbers in the prose that would be wrong with other data or parameters."""
    found = re.compile(r"\d[\d.,\s]*(EUR|Euro|€|%|Prozent)|\b(19|20)\d\d\b")
    return [hit[0] for text in prose(notebook) for hit in found.finditer(text)]


ENGLISH = re.compile(
    r"\b(the|and|of|with|for|this|from|which|are|yes|no|not|sites?|need|amount|budget_eur|gap|bound|rows?)\b"
)
KEYS = re.compile(
    r"\w+_\w+|\b(value|unit|source|note|table|key|count|share|outcome|reason|publisher|licence|area|figure|date)\b",
    re.IGNORECASE,
)
POINTS = re.compile(r"(?<![\d.,])\d+\.\d{1,2}(?![\d.])|(?<!\d)[1-9]\d*,\d{3}\b")  # 0,068 can only be German
ATTRIBUTION = "CC BY-SA 4.0"
ADDRESS = re.compile(r"\S+/\w+\.csv\b.*")
"""Where a number is from: file, row and column as they are called there."""


def language_faults(notebook: Notebook) -> list[str]:
    """English words and decimal points in what planners read, and headings that are still the names of columns."""
    faults = []
    for text in [*prose(notebook), *shown(notebook)]:
        bare = ADDRESS.sub("", text.replace(ATTRIBUTION, ""))
        faults += [f"English: {hit[0]}" for hit in ENGLISH.finditer(bare)]
        faults += [f"decimal point: {hit[0]}" for hit in POINTS.finditer(bare)]
    for output in outputs(notebook):
        table = output.get("data", {}).get("text/html", "")
        for heading in re.findall(r'<th scope="col"[^>]*>(.*?)</th>', table):
            faults += [f"heading: {heading}" for _ in KEYS.findall(heading)[:1]]
    return faults


def assumption_faults(notebook: Notebook) -> list[str]:
    """Tables of the plan that do not say that they rest on assumed figures; the first notebook tells these apart itself."""
    tables = [
        output.data["text/html"]
        for output in outputs(notebook)
        if "<table>" in output.get("data", {}).get("text/html", "")
    ]
    if notebook.cells[0].source.startswith("# 1"):
        return []
    return [re.sub(r"<[^>]*>", " ", table)[:80] for table in tables if "ngenommen" not in table]


OWN_RULES: list[Callable[[Notebook], list[str]]] = [
    code_faults,
    order_faults,
    id_faults,
    picture_faults,
    stale_faults,
    language_faults,
    assumption_faults,
]
"""What these six keep beyond what `check_notebooks` asks of any."""

RULES = {rule.__name__: rule for rule in [*notebooks.RULES, *OWN_RULES]}


def faults(rule: str, notebook: Notebook) -> list[Any]:
    return RULES[rule](notebook) if RULES[rule] in OWN_RULES else RULES[rule](notebook, TEXTS)


# The notebooks as they are


def test_the_notebooks_are_numbered_and_the_third_is_the_distribution():
    names = [file.name for file in FILES]
    assert len(names) >= 7
    assert [name[:3] for name in names] == [f"{number:02}_" for number in range(1, len(names) + 1)]
    assert all(re.fullmatch(r"[a-z0-9_]+\.ipynb", name) for name in names)
    assert "verteilung" in names[2]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_keeps_the_rules(file, rule):
    assert faults(rule, read(file)) == []


def test_all_notebooks_begin_with_the_same_parameters_and_set_up():
    first = [[cell.source for cell in code(read(file))[:2]] for file in FILES]
    assert all(cells == first[0] for cells in first)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_is_small_enough_to_review(file):
    assert file.stat().st_size <= LARGEST


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_is_valid_and_written_as_nbformat_writes_it(file):
    notebook = read(file)
    nbformat.validate(notebook)
    assert file.read_text(encoding="utf-8") == nbformat.writes(notebook) + "\n"


def test_every_comment_on_a_parameter_with_money_names_its_unit():
    cell = parameters(read(FILES[0]))[0]
    tokens = list(tokenize.generate_tokens(io.StringIO(cell.source).readline))
    explained = {
        line.split(" = ")[0]: token.string
        for token in tokens
        if token.type == tokenize.COMMENT
        for line in [token.line]
    }
    assert all("EUR" in text for name, text in explained.items() if name.endswith("_eur"))


# Each rule is seen to fail


def broken(rule: str, change: Callable[[Notebook], object]) -> Any:
    return pytest.param(rule, change, id=rule)


def set_source(at: int, source: str) -> Callable[[Notebook], object]:
    return lambda notebook: code(notebook)[at].update(source=source)


def add_prose(text: str) -> Callable[[Notebook], object]:
    return lambda notebook: notebook.cells[0].update(source=notebook.cells[0].source + "\n" + text)


def add_output(text: str, name: str = "stdout") -> Callable[[Notebook], object]:
    return lambda notebook: code(notebook)[2].outputs.append(nbformat.v4.new_output("stream", name=name, text=text))


def picture(notebook: Notebook) -> Any:
    return next(output for output in outputs(notebook) if "image/png" in output.get("data", {}))


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        broken("parameter_faults", lambda notebook: code(notebook)[0].metadata.clear()),
        broken("parameter_faults", lambda notebook: code(notebook)[1].metadata.update(tags=["parameters"])),
        broken(
            "parameter_faults",
            lambda notebook: set_source(0, code(notebook)[0].source + "\nextra = 1  # neu")(notebook),
        ),
        broken(
            "parameter_faults",
            lambda notebook: set_source(0, code(notebook)[0].source.replace('"data"', 'str("data")'))(notebook),
        ),
        broken(
            "parameter_faults",
            lambda notebook: set_source(0, re.sub(r"  # .*", "", code(notebook)[0].source))(notebook),
        ),
        broken("definition_faults", set_source(2, "def show_it():\n    pass")),
        broken("definition_faults", set_source(2, "class Shown:\n    pass")),
        broken("definition_faults", set_source(2, "key = lambda row: row.name")),
        broken("definition_faults", set_source(2, "%matplotlib inline")),
        broken("code_faults", set_source(2, "for site in sites.site_ids:\n    print(site)")),
        broken("code_faults", set_source(2, "\n".join(["plan"] * 7))),
        broken("code_faults", set_source(2, "")),
        broken("order_faults", lambda notebook: notebook.cells.pop(3)),
        broken("order_faults", lambda notebook: notebook.cells.pop(0)),
        broken("order_faults", add_prose("# 9 Noch ein Titel")),
        broken("output_faults", lambda notebook: code(notebook)[3].update(execution_count=7)),
        broken("output_faults", lambda notebook: code(notebook)[-1].update(outputs=[])),
        broken("output_faults", add_output("achtung", "stderr")),
        broken(
            "output_faults",
            lambda notebook: code(notebook)[2].outputs.append(nbformat.v4.new_output("error", ename="E")),
        ),
        broken(
            "output_faults", lambda notebook: code(notebook)[2].outputs.append(nbformat.v4.new_output("execute_result"))
        ),
        broken("private_faults", add_output("/" + "home/planner/data")),
        broken("private_faults", add_output("Traceback (most recent call last)")),
        broken("metadata_faults", lambda notebook: notebook.metadata.update(papermill={"duration": 3.1})),
        broken("metadata_faults", lambda notebook: notebook.metadata.language_info.update(version="3.11.2")),
        broken(
            "metadata_faults",
            lambda notebook: code(notebook)[1].metadata.update(execution={"iopub.execute_input": "12:00"}),
        ),
        broken("metadata_faults", lambda notebook: notebook.cells[4].metadata.update(tags=["injected-parameters"])),
        broken("id_faults", lambda notebook: notebook.cells[4].update(id="f3a91c")),
        broken("picture_faults", lambda notebook: picture(notebook).metadata.clear()),
        broken("picture_faults", lambda notebook: picture(notebook).data.update({"text/plain": "<Axes>"})),
        broken("stale_faults", add_prose("Es sind 80.000 EUR da.")),
        broken("stale_faults", add_prose("Das sind 12,5 % mehr.")),
        broken("stale_faults", add_prose("Das war 2021 so.")),
        broken("language_faults", add_prose("Das sind the sites.")),
        broken("language_faults", add_output("Es fehlen 3.5 Plätze.")),
        broken("language_faults", add_output("Es fehlen 80,000 EUR.")),
        broken("language_faults", add_output("budget_eur steht in tables/scenario.csv")),
    ],
)
def test_a_broken_notebook_is_noticed(rule, change):
    notebook = copy.deepcopy(read(FILES[2]))
    change(notebook)
    assert faults(rule, notebook) != []


def test_a_table_that_was_not_translated_or_hides_its_assumptions_is_noticed():
    notebook = read(FILES[2])
    table = next(output for output in outputs(notebook) if "<table>" in output.get("data", {}).get("text/html", ""))
    table.data["text/html"] = '<table><th scope="col" style="text-align: left">left_over_eur</th></table>'
    assert "heading: left_over_eur" in language_faults(notebook)
    assert len(assumption_faults(notebook)) == 1


# The check of a folder


def folder_with(path: Path, *changes: Callable[[Notebook], object]) -> Path:
    """Write the third notebook, changed, into a folder of its own."""
    notebook = read(FILES[2])
    for change in changes:
        change(notebook)
    nbformat.write(notebook, path / "heft.ipynb")
    return path


def executed(notebook: Notebook) -> Notebook:
    """Give the notebook as it is kept, in place of executing it."""
    assert all(cell.execution_count is None and cell.outputs == [] for cell in code(notebook))
    return read(FILES[2])


def test_the_notebooks_pass_the_check():
    assert notebooks.check_notebooks(ROOT / "notebooks") == []


def test_a_notebook_that_is_the_same_when_executed_again_passes(tmp_path):
    assert notebooks.check_notebooks(folder_with(tmp_path), execute=executed) == []


def table(notebook: Notebook) -> Any:
    return next(output for output in outputs(notebook) if "<table>" in output.get("data", {}).get("text/html", ""))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (set_source(0, ""), "heft.ipynb, Zelle 3: gegeben die Parameter –, erwartet genau diese"),
        (
            lambda notebook: code(notebook)[0].metadata.clear(),
            "heft.ipynb: gegeben 0 Zellen mit Parametern, erwartet genau eine",
        ),
        (set_source(1, "def f(): pass"), "heft.ipynb, Zelle 5: gegeben „def f“, erwartet keine Definitionen"),
        (
            lambda notebook: code(notebook)[1].update(execution_count=9),
            "heft.ipynb, Zelle 5: gegeben die Ausführungsnummer [9]",
        ),
        (lambda notebook: code(notebook)[1].update(execution_count=None), "Zelle 5: gegeben die Ausführungsnummer [ ]"),
        (
            lambda notebook: code(notebook)[-1].update(outputs=[]),
            "gegeben keine Ausgabe, erwartet die Ausgabe ihres Codes",
        ),
        (add_output("/" + "home/anna/data"), "heft.ipynb, Zelle 7: gegeben „/" + "home/anna/data“, erwartet nichts"),
        (
            lambda notebook: notebook.metadata.update(papermill={}),
            "heft.ipynb: gegeben die Metadaten „papermill: {}“, erwartet keine",
        ),
        (lambda notebook: notebook.metadata.clear(), "heft.ipynb: gegeben die Metadaten „kein kernelspec“"),
    ],
)
def test_each_fault_is_said_with_notebook_cell_and_what_was_expected(tmp_path, change, said):
    assert any(said in sentence for sentence in notebooks.check_notebooks(folder_with(tmp_path, change)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda notebook: table(notebook).data.update(
                {"text/html": table(notebook).data["text/html"].replace("8.100", "8.200")}
            ),
            "gegeben eine veraltete Ausgabe: „... Westerfeldstraße unterschrieben 1.250,8 8.200 EUR",
        ),
        (
            add_output("neu"),
            "gegeben eine veraltete Ausgabe: „neu“ (stdout), erwartet nach dem Ausführen: keine Ausgabe",
        ),
        (lambda notebook: code(notebook)[2].outputs.clear(), "erwartet nach dem Ausführen: „"),
        (
            lambda notebook: picture(notebook).data.update({"image/png": OTHER_PICTURE}),
            "eine veraltete Ausgabe: ein Bild, erwartet",
        ),
        (
            lambda notebook: picture(notebook).data.update({"image/png": "AAAA"}),
            "eine veraltete Ausgabe: ein Bild, erwartet",
        ),
        (lambda notebook: picture(notebook).metadata["image/png"].update(alt="?"), "(metadata)"),
        (set_source(3, "q.show(1)"), "gegeben andere Zellen nach dem Ausführen"),
    ],
)
def test_an_outdated_output_is_noticed(tmp_path, change, said):
    sentences = notebooks.check_notebooks(folder_with(tmp_path, change), execute=executed)
    assert any(said in sentence for sentence in sentences), sentences


def png(colour: str | tuple[int, int, int], level: int = 6) -> str:
    stream = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(stream, "png", compress_level=level)
    return base64.b64encode(stream.getvalue()).decode()


OTHER_PICTURE = png("red")


@pytest.mark.parametrize(
    ("kept", "is_up_to_date"),
    [
        (png("red", 0), True),  # packed in another way
        (png((240, 15, 15)), True),  # shades that another processor rounds to
        (png((225, 0, 0)), False),
        (png("blue"), False),
    ],
)
def test_a_picture_is_the_same_however_it_is_packed_and_to_a_shade(tmp_path, kept, is_up_to_date):
    assert kept != OTHER_PICTURE
    folder = folder_with(tmp_path, lambda notebook: picture(notebook).data.update({"image/png": kept}))

    def again(notebook):
        made = executed(notebook)
        picture(made).data["image/png"] = OTHER_PICTURE
        return made

    assert (notebooks.check_notebooks(folder, execute=again) == []) == is_up_to_date


def test_a_notebook_that_fails_or_cannot_be_read_is_said_and_the_others_are_checked(tmp_path):
    def fail(notebook):
        raise PlainError("kaputt")

    folder = folder_with(tmp_path)
    (folder / "a.ipynb").write_text("{", encoding="utf-8")
    assert notebooks.check_notebooks(folder, execute=fail) == [
        "a.ipynb ist kein lesbares Notebook.",
        "heft.ipynb: gegeben „kaputt“, erwartet Zellen, die sich ausführen lassen",
    ]


def test_a_folder_without_notebooks_is_said(tmp_path):
    assert len(notebooks.check_notebooks(tmp_path)) == 1


# The notebooks in use


def execute(file: Path, **changes: Any) -> dict[str, Any]:
    """Run a notebook's cells here, without a kernel; changes follow the parameters cell, as papermill injects them."""
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for cell in code(read(file)):
        exec(compile(cell.source, f"{file.stem} {cell.id}", "exec"), namespace)
        if cell.metadata.get("tags"):
            namespace.update(changes)
    return namespace


@pytest.fixture
def in_notebooks(monkeypatch):
    """Work where Jupyter does; figures are drawn but not painted."""
    monkeypatch.chdir(ROOT / "notebooks")
    monkeypatch.setattr("quartier.figures.screen_png", lambda ax: b"")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_first_cells_can_be_executed_again_at_the_end(in_notebooks, file):
    namespace = execute(file)
    assert q.Scenario.from_parameters(namespace) == namespace["choices"]


@pytest.mark.parametrize(
    "changes",
    [
        {"budget_eur": 64000},
        {"scenario": "gleichverteilung", "max_sites": 7},
        {"scenario": "alle-zehn-plaetze", "inequality_aversion": 2, "response": "hill-concave", "language": "en"},
        {"budget_eur": 200000, "min_eur": 1000, "step_eur": 500},
        {"scenario": "kuerzung-10-prozent", "inequality_aversion": math.inf},
    ],
    ids=lambda changes: "-".join(changes),
)
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_notebook_runs_with_other_parameters(in_notebooks, file, changes):
    choices = execute(file, **changes)["choices"]
    assert {name: getattr(choices, name) for name in changes if name != "scenario"} == {
        name: value for name, value in changes.items() if name != "scenario"
    }


@pytest.mark.parametrize("name", scenario_names(ROOT / "data"))
def test_the_reasons_are_given_for_every_scenario_or_why_they_are_not_known(in_notebooks, capsys, name):
    plan = execute(FILES[4], scenario=name)["plan"]
    said = capsys.readouterr().out
    if plan.outcome is q.Outcome.OPTIMAL:
        assert "EUR mehr Budget würden sich die Beträge so ändern" in said
        assert "Preis (EUR)" in said
    else:
        assert said.count("nach einer festen Regel") > 4
    assert "Traceback" not in said


def test_the_impossible_example_says_what_is_missing_or_that_a_plan_exists(in_notebooks, capsys):
    execute(FILES[3])
    assert "Diese Regeln sind zusammen nicht erfüllbar" in capsys.readouterr().out
    execute(FILES[3], budget_eur=200000)
    assert "Mit diesem Mindestbetrag gibt es einen Plan." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "value", "expected"), [("budgett_eur", "1", "budget_eur"), ("budget_eur", "viel", "eine Zahl wie 80000")]
)
def test_plain_papermill_is_refused_an_unknown_or_ill_typed_parameter_in_one_message(tmp_path, name, value, expected):
    out = tmp_path / "out.ipynb"
    command = [sys.executable, "-m", "papermill", str(FILES[2]), str(out), "-p", name, value, "--no-progress-bar"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    notebook = read(out)
    errors = [output for output in outputs(notebook) if output.output_type == "error"]
    assert len(errors) == 1
    message = "\n".join(errors[0].traceback)
    assert name in message
    assert expected in message
    assert not re.search(r"Traceback|File |line \d|Error", message)
    later = code(notebook)[3:]
    assert all(cell.execution_count is None for cell in later)
