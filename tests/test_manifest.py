"""A run's manifest says what it was made from, can be checked by anyone with a JSON Schema, and shows when it was edited."""

import datetime
import json
from pathlib import Path

import jsonschema
import pytest
from small_city import write_city

import quartier as q
from quartier import manifest
from quartier.language import Texts

ROOT = Path(__file__).parents[1]
NOON = datetime.datetime(2026, 11, 23, 13, 0, tzinfo=datetime.timezone(datetime.timedelta(hours=1)))


def describe(folder, plan, **changes):
    return manifest.describe(
        plan,
        folder,
        **{
            "data": "data",
            "parameters": {"inequality_aversion": float("inf")},
            "notebooks": ["01_plan.ipynb"],
            "begun": NOON,
            "took_s": 1.26,
            "name": "2026-11-23-cut",
            **changes,
        },
    )


@pytest.fixture
def plan(tmp_path):
    write_city(tmp_path / "city")
    return q.allocate(q.load(tmp_path / "city"), q.Scenario.named("cut", tmp_path / "city"))


@pytest.fixture
def folder(tmp_path, plan):
    """A run of three files, one of them an input, with its manifest."""
    run = tmp_path / "run"
    (run / "inputs" / "data").mkdir(parents=True)
    (run / "inputs" / "data" / "sites.csv").write_text("a")
    (run / "tables").mkdir()
    (run / "tables" / "need.csv").write_text("")
    (run / "übersicht.xlsx").write_text("b")
    manifest.write(describe(run, plan), run)
    return run


def test_a_manifest_is_read_as_it_was_written(folder, plan):
    read = manifest.read(folder, Texts())
    assert read == describe(folder, plan)
    assert read.is_sealed()
    assert read.begun == NOON
    assert read.changes == {"inequality_aversion": float("inf")}


def test_a_manifest_holds_the_plan_in_figures_and_what_rests_on_assumptions(folder, plan):
    read = manifest.read(folder, Texts())
    assert read.result.amounts_eur == dict(plan.amounts)
    assert (read.result.benefit, read.result.bound, read.result.gap) == (plan.benefit, plan.bound, plan.gap)
    assert read.result.outcome == "OPTIMAL"
    assert (
        read.basis.stated + read.basis.derived + read.basis.assumed == plan.sites.basis.count().sum()
    )  # blank: not given
    assert read.basis.sentence == plan.assumed_sentence()
    assert read.scenario.fields["budget_eur"] == plan.scenario.budget_eur
    assert set(read.scenario.fields) == set(q.Scenario.model_fields)


def test_every_file_has_the_hash_that_other_programs_find(folder):
    read = manifest.read(folder, Texts())
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert read.outputs["tables/need.csv"] == manifest.File(size_bytes=0, sha256=empty)
    assert list(read.files) == ["inputs/data/sites.csv", "tables/need.csv", "übersicht.xlsx"]


def test_links_are_not_followed_and_not_hashed(folder, tmp_path):
    (folder / "tables" / "link.csv").symlink_to(tmp_path / "city" / "data" / "sites.csv")
    (folder / "more").symlink_to(tmp_path / "city")
    assert {"more", "tables/link.csv"} <= set(manifest.walk(folder))
    assert set(manifest.hashes(folder)) == {"inputs/data/sites.csv", "tables/need.csv", "übersicht.xlsx"}


def test_versions_commit_and_lock_are_those_of_this_checkout(folder):
    read = manifest.read(folder, Texts())
    assert read.environment.packages["numpy"] == __import__("numpy").__version__
    assert read.environment.lock_sha256 == manifest.hash_file(ROOT / "requirements.lock").sha256
    assert read.code.version == q.__version__
    assert read.code.commit is None or len(read.code.commit) == 40


def test_the_code_has_another_hash_after_any_change_to_a_file_of_the_package(tmp_path, monkeypatch):
    package = tmp_path / "quartier"
    (package / "locale").mkdir(parents=True)
    (package / "locale" / "de.po").write_text("a")
    (package / "manifest.py").write_text("1")
    monkeypatch.setattr(manifest, "__file__", str(package / "manifest.py"))
    first = manifest.code()
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "manifest.pyc").write_text("compiled")
    assert manifest.code() == first
    (package / "locale" / "de.po").write_text("b")
    assert manifest.code().package_sha256 != first.package_sha256


def edit(folder, change):
    path = folder / manifest.FILE
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["result"].update(benefit=content["result"]["benefit"] + 1e-9),
        lambda content: content.update(seed=7),
        lambda content: content["environment"]["packages"].update(numpy="1.0"),
        lambda content: content["outputs"].pop("tables/need.csv"),
        lambda content: content["parameters"].clear(),
    ],
)
def test_an_edited_manifest_is_read_and_its_seal_is_broken(folder, change):
    edit(folder, change)
    assert not manifest.read(folder, Texts()).is_sealed()


def test_the_order_of_its_fields_and_its_spaces_do_not_matter(folder):
    edit(folder, lambda content: content.update(seed=content.pop("seed")))
    assert manifest.read(folder, Texts()).is_sealed()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "manifest.json fehlt"),
        ("", "abgeschnitten"),
        ('{"format": "quartier-run", "vers', "abgeschnitten"),
        ("[]", "nicht das Manifest eines Laufs"),
        ('{"format": "other"}', "nicht das Manifest eines Laufs"),
        ('{"format": "quartier-run", "version": 2}', "hat die Version 2"),
        ('{"format": "quartier-run", "version": 1}', "Fehler in: name"),
        (b"\xff\xfe", "abgeschnitten"),
    ],
)
def test_what_is_no_manifest_is_told_in_one_line(folder, content, says):
    path = folder / manifest.FILE
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(manifest.ManifestError, match=says) as refused:
        manifest.read(folder, Texts())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("path", ["/etc/passwd", "a//b", "a\\b", "", "../up", "a/../../b", ".."])
def test_a_path_that_leads_out_of_the_folder_is_refused(folder, path):
    edit(folder, lambda content: content["outputs"].update({path: {"size_bytes": 0, "sha256": "0" * 64}}))
    with pytest.raises(manifest.ManifestError, match="outputs"):
        manifest.read(folder, Texts())


def test_the_schema_in_the_docs_is_the_one_of_the_package():
    written = json.loads((ROOT / "docs" / "manifest.schema.json").read_text(encoding="utf-8"))
    assert written == manifest.schema()


def test_the_schema_holds_for_a_run_and_fails_for_a_broken_one(folder):
    schema = json.loads((ROOT / "docs" / "manifest.schema.json").read_text(encoding="utf-8"))
    content = json.loads((folder / manifest.FILE).read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(content, schema)
    for broken in (
        {**content, "seed": "x"},
        {**content, "extra": 1},
        {k: v for k, v in content.items() if k != "result"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_the_page_in_the_docs_names_every_field():
    page = (ROOT / "docs" / "manifest.md").read_text(encoding="utf-8")
    parts = [manifest.Manifest, *(part["title"] for part in manifest.schema()["$defs"].values())]
    for part in parts:
        model = part if isinstance(part, type) else getattr(manifest, part)
        for field in model.model_fields:
            assert f"`{field}`" in page, f"{model.__name__}.{field}"
