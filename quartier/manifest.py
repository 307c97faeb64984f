"""What a run says of itself: `manifest.json`, with which anyone can tell whether the folder is whole and make it again."""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from quartier.language import PlainError, Texts
from quartier.plan import Plan

FILE = "manifest.json"
INPUTS = "inputs"
"""Folder in a run with copies of all that it was made from."""

FORMAT: Literal["quartier-run"] = "quartier-run"
VERSION: Literal[1] = 1
"""Raised with every change after which an older quartier would misread the file."""

_Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
_PART = r"(\.{3,}|\.{0,2}[^./\\\x00][^/\\\x00]*)"  # a name that is neither . nor ..
_Path = Annotated[str, StringConstraints(pattern=rf"^{_PART}(/{_PART})*$")]
"""Path below the run's folder, with slashes on every machine."""


class ManifestError(PlainError):
    """A manifest that cannot be read: there is none, it was cut short, it is of a newer version."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class File(_Part):
    """Size and hash of a file."""

    size_bytes: int = Field(ge=0)
    sha256: _Hash


class Chosen(_Part):
    """The scenario as it was used."""

    name: str = Field(description="Name of the scenario's file without .yaml.")
    title: str
    fields: dict[str, Any] = Field(description="Every field, with the parameters applied; infinity as the text inf.")


class Code(_Part):
    """The package that made the run."""

    version: str = Field(description="Version of quartier.")
    package_sha256: _Hash = Field(description="Over the paths and contents of all files of the package.")
    commit: str | None = Field(description="Commit of the checkout; null where the package is installed without one.")
    is_clean: bool | None = Field(description="Whether the checkout was as committed; null where there is none.")


class Environment(_Part):
    """What the package ran on."""

    python: str
    platform: str
    packages: dict[str, str] = Field(description="Every installed package and its version.")
    lock_sha256: _Hash | None = Field(description="Hash of requirements.lock; null where there is none.")


class Result(_Part):
    """The plan in figures."""

    outcome: str = Field(description="Name of the outcome, such as OPTIMAL.")
    amounts_eur: dict[str, float] = Field(description="EUR for each site, 0 where not funded; sums over the years.")
    amounts_by_year_eur: dict[str, dict[str, float]] = Field(
        description="By year, where a plan has several; else empty."
    )
    spent_eur: float
    funded_sites: int
    benefit: float = Field(description="Weighted residents reached.")
    objective: float = Field(description="What was maximised.")
    bound: float = Field(description="No plan under these rules has a greater objective.")
    gap: float = Field(description="(bound - objective) / |bound|.")


class Basis(_Part):
    """How much rests on assumed figures."""

    stated: int = Field(description="Figures of sites that stand in a source.")
    derived: int = Field(description="Figures of sites that are worked out from stated ones.")
    assumed: int = Field(description="Figures of sites that are a planner's assumption, or rest on one.")
    sentence: str


class Manifest(_Part):
    """Everything that is needed to tell whether a run is whole, and to make it again."""

    format: Literal["quartier-run"] = FORMAT
    version: Literal[1] = VERSION
    name: str = Field(description="Name of the run's folder.")
    begun: datetime.datetime = Field(description="When it was begun, UTC.")
    took_s: float = Field(ge=0, description="Seconds from beginning to end, by a clock that does not jump.")
    data: _Path = Field(description="Name of the city's folder below inputs/.")
    scenario: Chosen
    parameters: dict[str, str | int | float | None] = Field(
        description="Parameters that were given beside the scenario; infinity as the text inf."
    )
    notebooks: tuple[_Path, ...] = Field(description="Names of the notebooks, in the order of their execution.")
    inputs: dict[_Path, File] = Field(description="Everything below inputs/.")
    outputs: dict[_Path, File] = Field(description="Every other file of the run.")
    code: Code
    environment: Environment
    seed: int
    result: Result
    basis: Basis
    seal: str = Field(
        default="",
        description="Hash over all of the above. It shows a slip of the hand; it is no signature: whoever edits can seal anew.",
    )

    @property
    def changes(self) -> dict[str, Any]:
        """The parameters as Python values."""
        return {name: math.inf if value == "inf" else value for name, value in self.parameters.items()}

    @property
    def files(self) -> dict[str, File]:
        """Every file of the run but the manifest, by its path."""
        return {**{f"{INPUTS}/{path}": file for path, file in self.inputs.items()}, **self.outputs}

    def is_sealed(self) -> bool:
        """Tell whether the manifest is as it was written."""
        return self.seal == _seal(self.model_dump(mode="json"))


def describe(
    plan: Plan,
    folder: Path,
    *,
    data: str,
    parameters: Mapping[str, Any],
    notebooks: Iterable[str],
    begun: datetime.datetime,
    took_s: float,
    name: str,
) -> Manifest:
    """Describe a finished run whose files are all in `folder`.

    Parameters
    ----------
    plan : Plan
        What the run shows.
    folder : Path
        Holds all files of the run but the manifest.
    data : str
        Name of the city's folder below ``inputs/``.
    parameters : mapping
        What was given beside the scenario.
    notebooks : iterable of str
        Names of the executed notebooks.
    begun : datetime
        With a time zone.
    took_s : float
        Seconds from beginning to end.
    name : str
        Name that the folder will have.

    Raises
    ------
    OSError
        A file cannot be read.
    """
    found = hashes(folder)
    scenario = plan.scenario
    rows = {str(year): amounts for year, amounts in plan.amounts_by_year.items()} if plan.years else {}
    counts = plan.sites.basis.stack().value_counts()
    made = Manifest(
        name=name,
        begun=begun.astimezone(datetime.UTC).replace(microsecond=0),
        took_s=round(took_s, 1),
        data=data,
        scenario=Chosen(name=scenario.name, title=scenario.title, fields=_plain(scenario.model_dump())),
        parameters=_plain(parameters),
        notebooks=tuple(notebooks),
        inputs={path.removeprefix(f"{INPUTS}/"): file for path, file in found.items() if path.startswith(f"{INPUTS}/")},
        outputs={path: file for path, file in found.items() if not path.startswith(f"{INPUTS}/")},
        code=code(),
        environment=environment(),
        seed=scenario.seed,
        result=Result(
            outcome=plan.outcome.name,
            amounts_eur={str(site): float(amount) for site, amount in plan.amounts.items()},
            amounts_by_year_eur={
                year: {str(site): float(amount) for site, amount in amounts.items()} for year, amounts in rows.items()
            },
            spent_eur=float(plan.spent_eur),
            funded_sites=int(plan.funded_sites),
            benefit=float(plan.benefit),
            objective=float(plan.objective),
            bound=float(plan.bound),
            gap=float(plan.gap),
        ),
        basis=Basis(
            sentence=plan.assumed_sentence(),
            **{basis: int(counts.get(basis, 0)) for basis in ("stated", "derived", "assumed")},
        ),
    )
    return sealed(made)


def sealed(manifest: Manifest) -> Manifest:
    """Give the manifest with the seal that its content has."""
    return manifest.model_copy(update={"seal": _seal(manifest.model_dump(mode="json"))})


def write(manifest: Manifest, folder: Path) -> None:
    """Write `manifest.json` into a folder."""
    text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, indent=2, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8", newline="\n")


def read(folder: Path, texts: Texts) -> Manifest:
    """Read the manifest of a run.

    Raises
    ------
    ManifestError
        There is none, it is none, or it was made by a newer quartier. An edited one is read: see `Manifest.is_sealed`.
    """
    path = folder / FILE
    where = texts.given(str(path), most=200)
    try:
        given = json.loads(path.read_bytes().decode("utf-8"))
    except OSError:
        raise ManifestError(
            texts.text(
                "There is no run in {folder}: {file} is missing.", folder=texts.given(str(folder), 200), file=FILE
            )
        ) from None
    except (ValueError, RecursionError):
        raise ManifestError(texts.text("{file} is cut short, or no JSON file.", file=where)) from None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise ManifestError(texts.text("{file} is not the manifest of a run.", file=where))
    version = given.get("version")
    if isinstance(version, int) and version > VERSION:
        raise ManifestError(
            texts.text(
                "{file} is of version {given}; this quartier reads up to version {known}. A newer quartier is needed.",
                file=where,
                given=version,
                known=VERSION,
            )
        )
    try:
        return Manifest.model_validate(given)
    except ValidationError as error:
        fields = dict.fromkeys(".".join(map(str, one["loc"])) for one in error.errors(include_url=False))
        raise ManifestError(
            texts.text("{file} is not as it was written. Faults in: {fields}", file=where, fields=", ".join(fields))
        ) from None


def lasting_hash(manifest: Manifest) -> str:
    """Give a hash over what a run was made from and what it found: the same whenever it is made again.

    Not in it: when and where it was made, with which versions, and files that are drawn from the tables.
    """
    content = manifest.model_dump(mode="json", include={"scenario", "parameters", "inputs", "seed", "result"})
    tables = {path: file.sha256 for path, file in manifest.outputs.items() if path.startswith("tables/")}
    return _seal({**content, "tables": tables})


def schema() -> dict[str, Any]:
    """Give the JSON Schema of `manifest.json`."""
    described = Manifest.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **described}


def hashes(folder: Path) -> dict[str, File]:
    """Hash every file below a folder but its manifest; links are not followed and not listed.

    Returns
    -------
    dict of str to File
        By path with slashes, sorted.
    """
    found = {}
    for path in walk(folder):
        if path != FILE and not (folder / path).is_symlink():
            found[path] = hash_file(folder / path)
    return found


def walk(folder: Path) -> list[str]:
    """List every file and link below a folder, as paths with slashes, sorted; links are not followed."""
    found = []
    for at, folders, files in os.walk(folder, followlinks=False):
        linked = [name for name in folders if Path(at, name).is_symlink()]
        found += [Path(at, name).relative_to(folder).as_posix() for name in (*files, *linked)]
    return sorted(found)


def hash_file(path: Path) -> File:
    """Hash a file.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return File(size_bytes=file.tell(), sha256=digest.hexdigest())


def code() -> Code:
    """Describe the package that is running."""
    package = Path(__file__).parent
    digest = hashlib.sha256()
    for path in walk(package):
        if "__pycache__" not in path and not path.endswith(".pyc"):
            digest.update(f"{path}\0{hash_file(package / path).sha256}\n".encode())
    commit, is_clean = _checkout(package.parent)
    return Code(
        version=importlib.metadata.version("quartier"),
        package_sha256=digest.hexdigest(),
        commit=commit,
        is_clean=is_clean,
    )


@functools.cache
def environment() -> Environment:
    """Describe Python and the packages that are installed."""
    packages = {
        re.sub(r"[-_.]+", "-", one.metadata["Name"]).lower(): one.version for one in importlib.metadata.distributions()
    }
    lock = Path(__file__).parents[1] / "requirements.lock"
    return Environment(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}",
        packages=dict(sorted(packages.items())),
        lock_sha256=hash_file(lock).sha256 if lock.is_file() else None,
    )


def _checkout(root: Path) -> tuple[str | None, bool | None]:
    """Commit of a checkout and whether it is as committed; nothing where there is no checkout or no git."""
    if not (root / ".git").exists():
        return None, None

    def git(*arguments: str) -> str:
        # No lock for the index: another git command may be at work.
        command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout.strip()

    try:
        return git("rev-parse", "HEAD"), not git("status", "--porcelain")
    except (OSError, subprocess.SubprocessError):
        return None, None


def _seal(content: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in content.items() if key != "seal"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Give a value as JSON has it, which knows no infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return "inf" if value == math.inf else value
