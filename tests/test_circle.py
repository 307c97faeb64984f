"""One command goes from made-up reports to an updated plan and its papers, and comes out the same each time."""

import csv
import json
import shutil
from pathlib import Path

import pytest
from small_city import fingerprint, write_city
from test_papers import MONDAY, quick
from test_runs import PLAN, write_notebook

import quartier as q
from quartier import circle, manifest, runs
from quartier.data import DEMONSTRATION

DATA = Path(__file__).parents[1] / "data"
KINDS = {"mitteilung", "beschluss", "bericht", "foerderbescheid-anlage", "kasse"}


def go_round(folder, data=DATA, say=lambda _: None):
    return circle.go_round(folder / "vorfuehrung", data, notebooks=folder / "notebooks", today=MONDAY, say=say)


@pytest.fixture(scope="module")
def said():
    """What the first round says."""
    return []


@pytest.fixture(scope="module")
def rounds(tmp_path_factory, said):
    """Two rounds, one after the other."""
    folder = tmp_path_factory.mktemp("rounds")
    write_notebook(folder / "notebooks" / "01_plan.ipynb", PLAN)
    with pytest.MonkeyPatch.context() as patch:
        quick(patch)
        before = fingerprint(DATA)
        found = [go_round(folder, say=said.append), go_round(folder)]
        assert fingerprint(DATA) == before  # the city's own folder stays as it is
    return found


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def test_a_round_leaves_forms_reports_a_plan_and_all_papers(rounds):
    first, second = rounds
    assert (first.name, second.name) == ("vorfuehrung", "vorfuehrung-2")
    (run,) = first.glob("2026-*")
    written = {path.stem.removesuffix("-entwurf") for path in first.glob("papers/*/*.pdf")}
    assert written == KINDS == {path.stem.removesuffix("-entwurf") for path in first.glob("papers/*/*.docx")}
    assert manifest.read(run, q.language.Texts()).parameters == {"response_from": "demonstration"}
    assert (first / "papers.txt").read_text(encoding="utf-8").split() == [run.name]
    assert not list(first.parent.glob(".partial*"))


def test_a_round_says_that_the_calendar_ends_before_its_year(rounds, said):
    assert (
        "calendar.csv: Im Kalender stehen keine Termine für 2026. Termine, die hier stehen, sind aus anderen Jahren."
        in said
    )


def test_a_second_round_gives_the_same_bytes(rounds):
    first, second = (files(folder) for folder in rounds)
    assert first.keys() == second.keys()
    different = {path for path in first if first[path] != second[path]}
    assert {Path(path).name for path in different} == {manifest.FILE}  # it says when the run was made


def test_what_the_forms_say_is_what_the_made_up_tables_have(rounds):
    collected, known = (q.load(folder).table(f"{DEMONSTRATION}reports") for folder in (rounds[0] / "data", DATA))
    key = ["year", "site_id", "indicator", "value", "unit", "basis", "source_id"]
    assert collected[key].sort_values(key).values.tolist() == known[key].sort_values(key).values.tolist()
    assert collected["cell"].notna().all()


def test_the_plan_of_a_round_is_that_of_the_learned_scales(rounds):
    (run,) = rounds[0].glob("2026-*")
    with (run / "tables" / "distribution.csv").open(encoding="utf-8") as table:
        amounts = {row["site_id"]: float(row["amount_eur"]) for row in csv.DictReader(table)}
    sites, scenario = q.load(DATA), q.Scenario.named("baseline", DATA)
    learned = sites.replace(
        {site: {"scale_eur": value} for site, value in q.learn(sites, "demonstration").scale_eur.items()}
    )
    assert amounts == q.allocate(learned, scenario).amounts.to_dict()
    assert amounts != q.allocate(sites, scenario).amounts.to_dict()


def test_a_city_without_made_up_reports_is_told_so_and_nothing_is_left_behind(tmp_path):
    city = write_city(tmp_path / "data")
    with pytest.raises(q.PlainError, match="erfundenen"):
        circle.go_round(tmp_path / "out" / "vorfuehrung", city)
    assert not (tmp_path / "out").exists()


def test_made_up_reports_are_not_mixed_with_those_of_the_sites(tmp_path):
    city = shutil.copytree(DATA, tmp_path / "data")
    made_up = (city / "demonstration" / "reports.csv").read_text(encoding="utf-8").splitlines()
    (city / "reports.csv").write_text("\n".join([*made_up[:2], ""]), encoding="utf-8")
    package = json.loads((city / "datapackage.json").read_text(encoding="utf-8"))
    (one,) = (one for one in package["resources"] if one["path"] == "demonstration/reports.csv")
    package["resources"].append({**one, "name": "reports", "path": "reports.csv"})
    (city / "datapackage.json").write_text(json.dumps(package), encoding="utf-8")
    with pytest.raises(q.PlainError, match="Berichte der Standorte"):
        circle.go_round(tmp_path / "out" / "vorfuehrung", city)
    assert not (tmp_path / "out").exists()


def test_a_file_in_the_place_of_the_folder_is_left_alone(tmp_path):
    (tmp_path / "README.md").touch()
    with pytest.raises(q.PlainError, match="ist eine Datei"):
        circle.go_round(tmp_path / "README.md", DATA)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_step_that_fails_leaves_nothing_behind(tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise q.PlainError("kein Lauf")

    shutil.copytree(DATA, tmp_path / "data")
    monkeypatch.setattr(runs, "run", refuse)  # the forms are written and collected by then
    with pytest.raises(q.PlainError, match="kein Lauf"):
        go_round(tmp_path, tmp_path / "data")
    assert {path.name for path in tmp_path.iterdir()} == {"data"}
