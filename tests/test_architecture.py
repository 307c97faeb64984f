"""The shape of the package: one way through it, a home for each heavy library, nothing private in the files.

Each rule is a function that returns the faults of a folder. It meets the package, and broken ones.
"""

import ast
import fnmatch
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "quartier"

# A module may import those before it. `__init__` is the front door: it opens on all, none goes through it.
ORDER = (
    "language",
    "data",
    "need",
    "evidence",
    "scenario",
    "benefit",
    "plan",
    "prices",
    "crossing",
    "disclosure",
    "leximin",
    "feasibility",
    "optimise",
    "whatif",
    "demonstration",
    "looks",
    "captions",
    "maps",
    "figures",
    "report",
    "ledger",
    "sheets",
    "blank",
    "returned",
    "forms",
    "quality",
    "wording",
    "typeset",
    "documents",
    "kernels",
    "pages",
    "manifest",
    "outputs",
    "notebooks",
    "runs",
    "differences",
    "review",
    "comparison",
    "schedule",
    "contents",
    "papers",
    "circle",
    "explorer",
    "screen",
    "widget",
    "served",
    "doors",
    "__init__",
    "__main__",
)
HOME = {
    "babel": "language",
    "gettext": "language",
    "pandera": "data",
    "statsmodels": "evidence",
    "pydantic": ("scenario", "manifest"),
    "yaml": "scenario",
    "scipy.optimize": ("crossing", "disclosure"),
    "matplotlib": "figures",
    "xlsxwriter": ("report", "blank"),
    "python_calamine": "sheets",
    "lxml": ("sheets", "documents"),
    "papermill": ("kernels", "runs"),
    "nbclient": "kernels",
    "jupyter_client": "kernels",
    "ipykernel": ("kernels", "runs"),
    "nbformat": ("kernels", "pages", "runs", "served"),
    "nbconvert": "pages",
    "latex2mathml": "pages",
    "openpyxl": "differences",
    "icalendar": "ledger",
    "voila": "served",
    "anywidget": "widget",
    "ipywidgets": "widget",
    "docx": ("typeset", "documents"),
    "docxtpl": "documents",
    "jinja2": "documents",
    "pyphen": "wording",
    "typst": "typeset",
    "typer": "__main__",
}
# The formulas are for an economist to read: numpy and nothing else.
ONLY = {"benefit": {"numpy"}}
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
HEAVY = ("pandas", "matplotlib", "scipy", "pandera", "pydantic", "papermill")


@dataclass(frozen=True)
class Import:
    """One import of a module: where it stands, what it names, whether it is there for type checkers only."""

    module: str
    line: int
    name: str
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module}.py:{self.line} imports {self.name}"


def modules(package: Path) -> dict[str, ast.Module]:
    """Map the name of each module (its path without .py) to its syntax tree."""
    files = sorted(package.rglob("*.py"))
    return {
        file.relative_to(package).with_suffix("").as_posix(): ast.parse(file.read_text(encoding="utf-8"))
        for file in files
    }


def imports(package: Path) -> list[Import]:
    """All imports, wherever in a module they stand; the package's own in full: quartier.data.load."""
    found = []
    for module, tree in modules(package).items():
        for_types = {id(node) for block in ast.walk(tree) if is_type_checking(block) for node in ast.walk(block)}
        for node in ast.walk(tree):
            found += [
                Import(module, node.lineno, name, id(node) in for_types) for name in imported_names(node, package.name)
            ]
    return found


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def imported_names(node: ast.AST, package: str) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=source, names=names, level=level):
            start = ".".join(part for part in (package if level else "", source or "") if part)
            yield from (f"{start}.{alias.name}" for alias in names)
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if ast.unparse(func).endswith(
            "import_module"
        ):
            yield package + name if name.startswith(".") else name


def room(name: str, package: Path) -> str | None:
    """Name the module of the package that an import leads to; None where it leads outside."""
    first, *rest = name.split(".")
    if first != package.name:
        return None
    return rest[0] if rest and (package / f"{rest[0]}.py").exists() else "__init__"


def order_faults(package: Path) -> list[str]:
    """Modules without a place in the order, and arrows that run back."""
    faults = [f"{module}.py has no place in the order" for module in modules(package) if module not in ORDER]
    for one in imports(package):
        target = room(one.name, package)
        if target in ORDER and one.module in ORDER and ORDER.index(target) >= ORDER.index(one.module):
            faults.append(str(one))
    return faults


def home_faults(package: Path) -> list[str]:
    """Heavy libraries outside their home. An annotation may name a type of one: that loads nothing."""
    faults = []
    for one in imports(package):
        for library, home in HOME.items():
            # `import scipy` reaches scipy.optimize as well.
            reaches = f"{one.name}.".startswith(f"{library}.") or library.startswith(f"{one.name}.")
            homes = (home,) if isinstance(home, str) else home
            if reaches and one.module not in homes and not one.for_types:
                faults.append(str(one))
    return faults


def only_faults(package: Path) -> list[str]:
    """Libraries in a module that makes do with few."""
    return [
        str(one)
        for one in imports(package)
        if one.module in ONLY and is_third_party(one, package) and top(one) not in ONLY[one.module]
    ]


def dependency_faults(package: Path, declared: set[str]) -> list[str]:
    """Libraries that are imported but not declared (they come along with another one, until they do not)."""
    homes = importlib.metadata.packages_distributions()
    return [
        str(one)
        for one in imports(package)
        if is_third_party(one, package) and not declared & {canonical(name) for name in homes.get(top(one), [])}
    ]


def is_third_party(one: Import, package: Path) -> bool:
    return top(one) not in sys.stdlib_module_names and top(one) != package.name


def top(one: Import) -> str:
    return one.name.partition(".")[0]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def declared_dependencies() -> set[str]:
    """Names of what an installed quartier brings along; the tests' own tools are not among them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {canonical(re.split(r"[^\w.-]", text)[0]) for text in project["dependencies"]}


def name_faults(package: Path) -> list[str]:
    """Modules whose name says nothing, and functions or classes that share their name with a module."""
    names = modules(package)
    faults = [f"{module}.py: a name that says nothing" for module in names if Path(module).name.strip("_") in NAMELESS]
    for module, tree in names.items():
        faults += [f"{module}.py:{one.lineno} {one.name} is a module too" for one in public(tree) if one.name in names]
    return faults


def public(tree: ast.Module | ast.ClassDef) -> list[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes of a module, or methods of a class, that anyone may use."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [node for node in tree.body if isinstance(node, kinds) and not node.name.startswith("_")]


def docstring_faults(package: Path) -> list[str]:
    """Modules, public functions, classes and their public methods without a docstring."""
    faults = []
    for module, tree in modules(package).items():
        if not ast.get_docstring(tree):
            faults.append(f"{module}.py has no docstring")
        nodes = public(tree)
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                nodes += public(node)
            said_elsewhere = {ast.unparse(one).rpartition(".")[2] for one in node.decorator_list} & {
                "overload",
                "setter",
            }
            if not ast.get_docstring(node) and not said_elsewhere:
                faults.append(f"{module}.py:{node.lineno} {node.name} has no docstring")
    return faults


def loaded_by_import(folder: Path, libraries: tuple[str, ...]) -> list[str]:
    """Those of the libraries that `import quartier`, started in a folder, loads."""
    code = f"import sys, quartier; print(*(name for name in {libraries!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.split()


def project_files(root: Path) -> Iterator[Path]:
    """Every file that belongs to the project: all but what .gitignore names."""
    lines = (root / ".gitignore").read_text(encoding="utf-8").splitlines()
    ignored = [".git", *(line for line in lines if line and not line.startswith("#"))]
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)]
        yield from (
            Path(folder, name) for name in files if not any(fnmatch.fnmatch(name, pattern) for pattern in ignored)
        )


# Escaped or in brackets, so that this file does not find itself.
HOSTS = (
    r"pypi\.org",
    r"pythonhosted\.org",
    r"npmjs\.",
    r"anaconda\.",
    r"deb\.debian\.",
    r"crates\.io",
    r"index[-]url",
)
FOLDERS = (r"(?<![\w.~-])/(root|home|work|Users)/", r"[A-Z]:\\+Users\\")
PRIVATE = re.compile("|".join(HOSTS + FOLDERS).encode())


def private_faults(root: Path) -> list[str]:
    """Places where a file names a package registry or a folder of somebody's machine."""
    faults = []
    for file in sorted(project_files(root)):
        for number, line in enumerate(file.read_bytes().splitlines(), start=1):
            if found := PRIVATE.search(line):
                faults.append(f"{file.relative_to(root)}:{number} names {found[0].decode()}")
    return faults


# The package as it is


def test_there_is_a_package_to_look_at():
    assert {"__init__", "language", "data"} <= modules(PACKAGE).keys()


def test_every_arrow_between_modules_runs_one_way():
    assert order_faults(PACKAGE) == []


def test_every_heavy_library_stays_at_home():
    assert home_faults(PACKAGE) == []


def test_the_formulas_need_numpy_only():
    assert only_faults(PACKAGE) == []


def test_every_library_that_is_imported_is_declared():
    assert dependency_faults(PACKAGE, declared_dependencies()) == []


def test_every_name_says_one_thing():
    assert name_faults(PACKAGE) == []


def test_everything_public_has_a_docstring():
    assert docstring_faults(PACKAGE) == []


def test_importing_quartier_loads_no_heavy_library():
    assert loaded_by_import(ROOT, HEAVY) == []


def test_no_file_names_a_registry_or_a_folder_of_a_machine():
    assert private_faults(ROOT) == []


# Each rule is seen to fail


def written(folder: Path, **files: str) -> Path:
    """Write a small package called quartier; its file names are given without .py."""
    package = folder / "quartier"
    package.mkdir()
    for name, text in {
        "__init__": '"""Front door."""',
        "data": '"""Data."""',
        "plan": '"""Plan."""',
        **files,
    }.items():
        (package / f"{name}.py").write_text(text, encoding="utf-8")
    return package


@pytest.mark.parametrize(
    "line",
    [
        "from quartier.plan import Plan",
        "from quartier import plan",
        "from .plan import Plan",
        "from . import plan",
        "import quartier.plan",
        "import quartier as q",
        "from quartier import load",
        "from quartier.data import load",
        "def late():\n    from quartier.plan import Plan",
        "if TYPE_CHECKING:\n    from quartier.plan import Plan",
        "import importlib\nimportlib.import_module('quartier.plan')",
        "from importlib import import_module\nimport_module('.plan', 'quartier')",
    ],
)
def test_an_arrow_that_runs_back_is_noticed(tmp_path, line):
    package = written(tmp_path, data=line)
    assert len(order_faults(package)) == 1


@pytest.mark.parametrize("line", ["from quartier.data import load", "from . import data", "import quartier.data"])
@pytest.mark.parametrize("module", ["plan", "__init__", "__main__"])
def test_an_arrow_that_runs_on_is_fine(tmp_path, module, line):
    assert order_faults(written(tmp_path, **{module: line})) == []


def test_a_module_without_a_place_in_the_order_is_noticed(tmp_path):
    assert order_faults(written(tmp_path, extras="")) == ["extras.py has no place in the order"]


@pytest.mark.parametrize(
    "line",
    [
        "import matplotlib.pyplot as plt",
        "from matplotlib.figure import Figure",
        "def draw():\n    import matplotlib",
        "import scipy",
        "from scipy import optimize",
        "from scipy.optimize import milp",
        "import yaml",
        "from gettext import GNUTranslations",
        "import pandera.pandas as pa",
        "import importlib\nimportlib.import_module('papermill')",
    ],
)
def test_a_heavy_library_away_from_home_is_noticed(tmp_path, line):
    assert len(home_faults(written(tmp_path, plan=line))) == 1


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("figures", "def draw():\n    import matplotlib.pyplot"),
        ("crossing", "from scipy.optimize import milp"),
        ("plan", "from scipy.special import logsumexp"),
        ("report", "if TYPE_CHECKING:\n    from matplotlib.axes import Axes"),
        ("plan", "import pandas, yamlish"),
    ],
)
def test_a_library_at_home_is_fine(tmp_path, module, line):
    assert home_faults(written(tmp_path, **{module: line})) == []


def test_a_second_library_among_the_formulas_is_noticed(tmp_path):
    package = written(tmp_path, benefit="import math\nimport numpy as np\nimport pandas as pd\nfrom .data import load")
    assert only_faults(package) == ["benefit.py:3 imports pandas"]


def test_a_library_that_is_not_declared_is_noticed(tmp_path):
    package = written(tmp_path, plan="import json\nimport yaml\nimport numpy.linalg\nfrom quartier import data")
    assert dependency_faults(package, {"pyyaml"}) == ["plan.py:3 imports numpy.linalg"]


@pytest.mark.parametrize("name", ["utils", "helpers", "common", "_utils"])
def test_a_name_that_says_nothing_is_noticed(tmp_path, name):
    assert name_faults(written(tmp_path, **{name: ""})) == [f"{name}.py: a name that says nothing"]


@pytest.mark.parametrize("text", ["def plan(): ...", "class plan: ...", "async def plan(): ..."])
@pytest.mark.parametrize("module", ["plan", "data"])
def test_a_function_that_is_called_like_a_module_is_noticed(tmp_path, module, text):
    assert name_faults(written(tmp_path, **{module: text})) == [f"{module}.py:1 plan is a module too"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("x = 1", "plan.py has no docstring"),
        ('"""M."""\ndef f(): ...', "plan.py:2 f has no docstring"),
        ('"""M."""\nclass C: ...', "plan.py:2 C has no docstring"),
        ('"""M."""\nclass C:\n    """C."""\n    def m(self): ...', "plan.py:4 m has no docstring"),
        (
            '"""M."""\nclass C:\n    """C."""\n    class D:\n        """D."""\n        def m(self): ...',
            "plan.py:6 m has no docstring",
        ),
    ],
)
def test_a_missing_docstring_is_noticed(tmp_path, text, fault):
    assert docstring_faults(written(tmp_path, plan=text)) == [fault]


def test_what_is_private_or_overloaded_needs_no_docstring(tmp_path):
    text = '"""M."""\ndef _f(): ...\nclass _C:\n    def m(self): ...\n'
    text += '@overload\ndef g(): ...\ndef g():\n    """G."""'
    assert docstring_faults(written(tmp_path, plan=text)) == []


def test_a_front_door_that_loads_a_library_is_noticed(tmp_path):
    written(tmp_path, __init__="import colorsys")
    assert loaded_by_import(tmp_path, ("colorsys", "wave")) == ["colorsys"]


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/project/numpy",
        "https://files.python" + "hosted.org/x.whl",
        "--index" + "-url https://example.org",
        "'/" + "root/data'",
        "file:///" + "home/anna/x.csv",
        "C:" + "\\Users\\anna",
        "C:" + "\\\\Users\\\\anna",
    ],
)
def test_a_registry_or_a_folder_of_a_machine_is_noticed(tmp_path, text):
    (tmp_path / ".gitignore").write_text("# names\noutputs\n*.log\n")
    for place in ("a/note.md", "outputs/note.md", "b.log"):
        file = tmp_path / place
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"first line\n{text}\n")
    assert len(private_faults(tmp_path)) == 1
    assert private_faults(tmp_path)[0].startswith(str(Path("a", "note.md:2 names ")))


@pytest.mark.parametrize("text", ["https://www.bielefeld.de/home/x", "outputs/work/x", "~/work/x", "../root/x"])
def test_other_addresses_and_paths_are_fine(tmp_path, text):
    (tmp_path / ".gitignore").write_text("")
    (tmp_path / "note.md").write_text(text)
    assert private_faults(tmp_path) == []


def test_the_list_of_ignored_files_holds_names_only():
    lines = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "/" in line.partition("#")[0] or line.startswith("!")] == []
