"""pyproject.toml, environment.yml and requirements.lock say the same: names, ranges, versions, hashes."""

import itertools
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PYTHONS = {"3.11": "3.11.7", "3.12": "3.12.1", "3.13": "3.13.0"}
PLATFORMS = {
    "linux": {
        "sys_platform": "linux",
        "os_name": "posix",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    },
    "macOS": {
        "sys_platform": "darwin",
        "os_name": "posix",
        "platform_system": "Darwin",
        "platform_machine": "arm64",
    },
    "Windows": {
        "sys_platform": "win32",
        "os_name": "nt",
        "platform_system": "Windows",
        "platform_machine": "AMD64",
    },
}
# conda-forge's `matplotlib` brings a window toolkit that nothing here needs; its `playwright` is only the driver, without Python.
CONDA_NAMES = {"matplotlib-base": "matplotlib", "playwright-python": "playwright"}

PROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
CONDA = (ROOT / "environment.yml").read_text(encoding="utf-8")
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")


def ranges(requirements: list[str]) -> dict[str, SpecifierSet]:
    """Map the canonical name of each requirement to its range."""
    parsed = [Requirement(text) for text in requirements]
    return {canonicalize_name(one.name): one.specifier for one in parsed}


def project_ranges(text: str) -> dict[str, SpecifierSet]:
    """Direct dependencies of pyproject.toml, those of the tests included."""
    project = tomllib.loads(text)["project"]
    return ranges(project["dependencies"] + project["optional-dependencies"]["dev"])


def conda_ranges(text: str) -> dict[str, SpecifierSet]:
    """Direct dependencies of environment.yml under the names that pip knows, without Python and pip."""
    lines = yaml.safe_load(text)["dependencies"]
    pip = [line for part in lines if isinstance(part, dict) for line in part["pip"] if not line.startswith("-e ")]
    named = ranges([line for line in lines if isinstance(line, str)] + pip)
    return {CONDA_NAMES.get(name, name): span for name, span in named.items() if name not in ("python", "pip")}


def locked(text: str) -> list[tuple[Requirement, int]]:
    """Each requirement of the lock with the number of its hashes."""
    joined = re.sub(r"\\\n", " ", text)
    entries = [line for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(Requirement(re.split(r"\s--hash=", entry)[0]), entry.count("--hash=sha256:")) for entry in entries]


def chosen(text: str, python: str, platform: dict[str, str]) -> dict[str, list[str]]:
    """Map each name to the versions that the lock would install there; one each, or the lock is broken."""
    here = {
        **platform,
        "python_full_version": python,
        "python_version": python.rpartition(".")[0],
        "extra": "",
    }
    here |= {
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "implementation_version": python,
    }
    versions: dict[str, list[str]] = {}
    for one, _ in locked(text):
        if one.marker is None or one.marker.evaluate(here):
            (pin,) = one.specifier
            versions.setdefault(canonicalize_name(one.name), []).append(pin.version)
    return versions


def lock_faults(text: str, wanted: dict[str, SpecifierSet], python: str, platform: dict[str, str]) -> list[str]:
    """Direct dependencies that the lock does not give exactly once and within their range."""
    given = chosen(text, python, platform)
    return [
        f"{name}: wanted {span}, locked {given.get(name, [])}"
        for name, span in wanted.items()
        if len(given.get(name, [])) != 1 or not span.contains(given[name][0])
    ]


def test_pyproject_and_environment_name_the_same_dependencies_and_ranges():
    assert conda_ranges(CONDA) == project_ranges(PROJECT)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  - numpy>=2.3,<3\n", ""),
        ("  - numpy>=2.3,<3\n", "  - numpy>=2.2,<3\n"),
        ("  - numpy>=2.3,<3\n", "  - numpy>=2.3,<3\n  - dask>=2026\n"),
        ("      - axe-playwright-python>=0.1.7,<0.2\n", ""),
    ],
    ids=["a name is missing", "a range differs", "a name is too many", "a name for pip is missing"],
)
def test_an_environment_that_differs_is_noticed(old, new):
    assert old in CONDA
    assert conda_ranges(CONDA.replace(old, new)) != project_ranges(PROJECT)


def test_pyproject_and_environment_name_the_same_pythons():
    python = next(line for line in yaml.safe_load(CONDA)["dependencies"] if str(line).startswith("python"))
    wanted = SpecifierSet(tomllib.loads(PROJECT)["project"]["requires-python"])
    assert Requirement(python).specifier == wanted
    assert [minor for minor in range(9, 17) if wanted.contains(f"3.{minor}.0")] == [int(name[2:]) for name in PYTHONS]


def test_every_direct_dependency_has_a_lower_bound():
    assert [
        name for name, span in project_ranges(PROJECT).items() if not any(one.operator == ">=" for one in span)
    ] == []


def test_the_peers_of_the_benchmark_are_an_extra_of_their_own_and_not_in_the_lock():
    extras = tomllib.loads(PROJECT)["project"]["optional-dependencies"]
    peers = ranges(extras["peers"])
    assert [name for name, span in peers.items() if not any(one.operator == ">=" for one in span)] == []
    shared = peers.keys() & project_ranges(PROJECT).keys()
    assert {name: peers[name] for name in shared} == {name: project_ranges(PROJECT)[name] for name in shared}
    assert {canonicalize_name(one.name) for one, _ in locked(LOCK)} & (peers.keys() - shared) == set()


@pytest.mark.parametrize("python", PYTHONS.values(), ids=PYTHONS)
@pytest.mark.parametrize("platform", PLATFORMS.values(), ids=PLATFORMS)
def test_the_lock_gives_each_direct_dependency_once_and_within_its_range(python, platform):
    assert lock_faults(LOCK, project_ranges(PROJECT), python, platform) == []


@pytest.mark.parametrize(("python", "platform"), [*itertools.product(PYTHONS.values(), PLATFORMS.values())])
def test_the_lock_gives_nothing_twice(python, platform):
    assert {name: versions for name, versions in chosen(LOCK, python, platform).items() if len(versions) != 1} == {}


@pytest.mark.parametrize(
    ("lock", "why"),
    [
        ("", "nothing is locked"),
        ("numpy==2.2.0 --hash=sha256:00", "below the range"),
        ("numpy==2.4.0 --hash=sha256:00 \nnumpy==2.5.0 --hash=sha256:00", "twice"),
        ("numpy==2.4.0 ; python_full_version >= '3.12' \\\n    --hash=sha256:00", "not on this Python"),
    ],
)
def test_a_lock_that_does_not_fit_is_noticed(lock, why):
    wanted = {"numpy": SpecifierSet(">=2.3,<3")}
    assert len(lock_faults(lock, wanted, "3.11.7", PLATFORMS["linux"])) == 1, why


def test_a_lock_that_fits_has_no_faults():
    lock = """numpy==2.4.0 ; python_full_version < '3.12' --hash=sha256:00
              numpy==2.5.0 ; python_full_version >= '3.12' --hash=sha256:00"""
    for python in PYTHONS.values():
        assert lock_faults(lock, {"numpy": SpecifierSet(">=2.3,<3")}, python, PLATFORMS["linux"]) == []


def test_everything_locked_has_one_exact_version_and_hashes():
    assert len(locked(LOCK)) > 100
    for requirement, hashes in locked(LOCK):
        assert [pin.operator for pin in requirement.specifier] == ["=="], requirement
        assert hashes >= 1, requirement


# Where to install from is the business of the machine. In brackets, so that this file does not find itself.
ADDRESS = re.compile(r"https?:|file:|git[+]|index[-]url|find[-]links|trusted[-]host")


def test_the_lock_has_no_address():
    assert ADDRESS.findall(LOCK) == []


@pytest.mark.parametrize(
    "line",
    [
        "numpy @ https://example.org/numpy.whl",
        "-" * 2 + "extra-index" + "-url http://example.org",
        "--find-links /wheels",
    ],
)
def test_an_address_in_the_lock_is_noticed(line):
    assert ADDRESS.search(line)


def test_every_goal_of_make_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    goals = set(re.search(r"^\.PHONY:(.*)", makefile, re.MULTILINE)[1].split()) - {"FORCE"}
    assert goals == set(re.findall(r"^([a-z-]+):.*## \S", makefile, re.MULTILINE))
    assert goals >= {"help", "setup", "run", "test", "lab", "check", "bench", "lock", "clean"}


def test_a_change_has_to_pass_what_a_person_runs_and_nothing_else():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    commands = [line for line in script.splitlines() if line and not line.startswith(("#", "set ", "cd ", "export "))]
    assert commands == ["make check", "make test"]


def test_a_change_has_to_pass_the_tests_in_a_browser_too():
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert re.search("^export QUARTIER_BROWSER=required", script, re.MULTILINE)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^test:.*\n.*tests/browser\.py\n.*pytest", makefile, re.MULTILINE)


@pytest.mark.parametrize(("asked", "code"), [("", 0), ("required", 1)])
def test_where_no_browser_can_be_had_it_is_said_loudly_and_is_an_error_only_where_one_is_required(asked, code):
    lines = [
        "import sys; sys.path.insert(0, 'tests')",
        "import browser",
        "browser.install = lambda: None; browser.shutil.which = lambda name: None",
        "sys.exit(browser.main())",
    ]
    environment = {**os.environ, "QUARTIER_BROWSER": asked, "PLAYWRIGHT_BROWSERS_PATH": "/nowhere"}
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert (told.returncode, "LEFT OUT" in told.stderr) == (code, True)
