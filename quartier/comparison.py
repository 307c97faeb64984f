"""Two runs side by side: who gains, who loses, and which of the changes between them moved the money."""

from __future__ import annotations

import csv
import dataclasses
import math
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from quartier.differences import ABSENT, Cause, Difference, changed_leaves, csv_rows, leaves, places, shown
from quartier.language import PlainError, Texts
from quartier.manifest import FILE, INPUTS, Manifest
from quartier.review import Look, find_run, told, what_changed


@dataclasses.dataclass(frozen=True)
class Move:
    """What a site got before and after, EUR."""

    site: str
    name: str
    before_eur: float
    after_eur: float

    @property
    def change_eur(self) -> float:
        """What it gained; negative: lost."""
        return self.after_eur - self.before_eur


@dataclasses.dataclass(frozen=True)
class Share:
    """What one change alone does to the older run.

    Attributes
    ----------
    change : str
        A file of the inputs, the scenario, the parameters, code and packages; or what comes from several together.
    moves : tuple of Move
        Amounts without and with it.
    why_not : str
        Why there is no plan with this change alone; empty where there is one.
    """

    change: str
    moves: tuple[Move, ...]
    why_not: str = ""


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes
    ----------
    before, after : Path
        Their folders.
    texts : Texts
        In the language of the later run.
    moves : tuple of Move
        Sites that got another amount, the greatest change first.
    results : mapping
        ``benefit``, ``spent_eur`` and ``gap``, before and after.
    changes : tuple of Difference
        What they were made from that is not the same.
    shares : tuple of Share
        What moves whom.
    notes : tuple of str
        What a reader should know.
    """

    before: Path
    after: Path
    texts: Texts
    moves: tuple[Move, ...]
    results: Mapping[str, tuple[float, float]]
    changes: tuple[Difference, ...]
    shares: tuple[Share, ...]
    notes: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """0: the same results; 1: different."""
        same = all(math.isclose(*pair, rel_tol=1e-9, abs_tol=1e-9) for pair in self.results.values())
        return int(bool(self.moves) or not same)

    def sentences(self) -> list[str]:
        """Say what moved and why, in the later run's language."""
        texts, results = self.texts, self.results
        lines = [
            texts.text("{after} against {before}:", after=self.after.name, before=self.before.name),
            texts.text(
                "Benefit {before} before, {after} after; spent {spent_before} before, {spent_after} after; gap to the bound "
                "{gap_before} before, {gap_after} after.",
                before=texts.number(results["benefit"][0], 1),
                after=texts.number(results["benefit"][1], 1),
                spent_before=texts.eur(results["spent_eur"][0]),
                spent_after=texts.eur(results["spent_eur"][1]),
                gap_before=texts.percent(results["gap"][0], 2),
                gap_after=texts.percent(results["gap"][1], 2),
            ),
        ]
        for said, sign in ((texts.text("Gains:"), 1), (texts.text("Loses:"), -1)):
            moves = [move for move in self.moves if move.change_eur * sign > 0]
            if moves:
                lines.append(said)
            for move in moves:
                before, after = texts.eur(move.before_eur), texts.eur(move.after_eur)
                lines.append(f"  - {move.name}: {before} → {after} ({_signed(move.change_eur, texts)})")
        if not self.moves:
            lines.append(texts.text("Every site gets as much as before."))
        if self.changes:
            lines += [texts.text("What has changed:"), *told(self.changes, texts)]
        if self.shares:
            lines.append(texts.text("What each of it does alone:"))
        for share in self.shares:
            moved = ", ".join(f"{move.name} {_signed(move.change_eur, texts)}" for move in share.moves)
            if share.why_not:
                moved = texts.text("there is no plan with this alone: {why}", why=share.why_not)
            lines.append(f"  - {share.change}: {moved or texts.text('moves nothing')}")
        return [*lines, *(texts.text("Note: {note}", note=note) for note in self.notes)]

    def as_json(self) -> dict[str, Any]:
        """Give the same for machines."""

        def moves(found: Iterable[Move]) -> list[dict[str, Any]]:
            return [{**dataclasses.asdict(move), "change_eur": move.change_eur} for move in found]

        return {
            "run": self.after.name,
            "against": self.before.name,
            "result": "different" if self.exit_code else "same",
            "moves": moves(self.moves),
            "results": {key: {"before": pair[0], "after": pair[1]} for key, pair in self.results.items()},
            "changes": [one.as_json(self.texts) for one in self.changes],
            "shares": [
                {"change": one.change, "moves": moves(one.moves), "why_not": one.why_not or None} for one in self.shares
            ],
            "notes": list(self.notes),
        }


def _signed(change_eur: float, texts: Texts) -> str:
    return ("+" if change_eur > 0 else "") + texts.eur(change_eur)


def compare(asked: str | Path, against: str | Path) -> Comparison:
    """Set a run beside an older one: who gains, who loses, and which change does it. No notebook is executed.

    Parameters
    ----------
    asked : path
        The later run.
    against : path
        The older run.

    Raises
    ------
    PlainError
        One of them is no run, or they have no site in common.
    """
    looks = []
    for folder in (find_run(against), find_run(asked)):
        look = Look(folder)
        look.check_files(None)
        looks.append(look)
    before, after = looks
    texts = after.texts
    notes = [
        texts.text("{run} is not as it was written: quartier verify {run} says what differs.", run=look.run.name)
        for look in looks
        if look.review("").differences
    ]
    old, new = before.manifest, after.manifest
    if not old.result.amounts_eur.keys() & new.result.amounts_eur.keys():
        raise PlainError(
            texts.text(
                "{after} and {before} have no site in common; there is nothing to compare.",
                after=after.run.name,
                before=before.run.name,
            )
        )
    names = {**site_names(before.run), **site_names(after.run)}
    results = {
        key: (float(getattr(old.result, key)), float(getattr(new.result, key)))
        for key in ("benefit", "spent_eur", "gap")
    }
    with tempfile.TemporaryDirectory(prefix="quartier-", ignore_cleanup_errors=True) as scratch:
        try:
            folders = [_copied_data(look, Path(scratch, name)) for look, name in ((before, "before"), (after, "after"))]
        except OSError:
            changes, shares = _parameter_changes(old, new), []
            notes.append(texts.text("What moved the amounts cannot be told: inputs of a run are missing."))
        else:
            changes = [*_input_changes(before, after, folders, texts), *_parameter_changes(old, new)]
            shares = _shares(before, after, folders, Path(scratch, "alone"), changes, names, texts)
    changed = what_changed(old, new, texts)
    if changed:
        notes.append(texts.text("Not the same, too: {changes}.", changes=texts.listing(changed.values())))
    moves = _moves(old.result.amounts_eur, new.result.amounts_eur, names)
    return Comparison(before.run, after.run, texts, moves, results, tuple(changes), tuple(shares), tuple(notes))


def site_names(run: Path) -> dict[str, str]:
    """Names of the sites, as far as the run's table can be read."""
    try:
        head, *rows = csv_rows((run / "tables" / "distribution.csv").read_bytes())
        return {row[head.index("site_id")]: row[head.index("name")] for row in rows}
    except (OSError, ValueError, IndexError, csv.Error):
        return {}


def _moves(before: Mapping[str, float], after: Mapping[str, float], names: Mapping[str, str]) -> tuple[Move, ...]:
    """Sites whose amount differs by a cent, the greatest change first."""
    sites = dict.fromkeys([*before, *after])
    moves = [Move(site, names.get(site, site), before.get(site, 0.0), after.get(site, 0.0)) for site in sites]
    return tuple(sorted((m for m in moves if abs(m.change_eur) >= 0.005), key=lambda m: -abs(m.change_eur)))


def _copied_data(look: Look, target: Path) -> Path:
    """Copy what a run was made from, without what is no longer as it was written."""
    for path, file in look.manifest.inputs.items():
        own = f"{INPUTS}/{path}"
        if look.files.get(own) != file:
            raise FileNotFoundError(own)
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(look.run / own, target / path)
    return target


def _parameter_changes(old: Manifest, new: Manifest) -> list[Difference]:
    """Name the parameters that differ; one that was not given is what the scenario says."""
    return [
        Difference(
            FILE,
            column=".".join(("parameters", *path)),
            given=_as_given(old, path),
            expected=_as_given(new, path),
            causes=("parameters",),
        )
        for path in changed_leaves(old.parameters, new.parameters)
        if path
    ]


def _as_given(one: Manifest, path: tuple[str, ...]) -> str | None:
    value = {**leaves(one.scenario.fields), **leaves(one.parameters)}.get(path, ABSENT)
    # The scenario holds 20000.0 where a person wrote 20000.
    return shown(int(value) if isinstance(value, float) and value.is_integer() else value)


def _of_city(manifest: Manifest) -> dict[str, str]:
    """Hashes of a run's inputs by their path, with the city's folder under one name."""
    own = f"{manifest.data}/"
    return {
        f"data/{path.removeprefix(own)}" if path.startswith(own) else path: file.sha256
        for path, file in manifest.inputs.items()
    }


def _input_changes(before: Look, after: Look, folders: Sequence[Path], texts: Texts) -> list[Difference]:
    """Name what differs between the inputs of two runs: file, row, column."""
    old, new = _of_city(before.manifest), _of_city(after.manifest)
    names = [look.manifest.scenario.name for look in (before, after)]
    chosen = [f"data/scenarios/{name}.yaml" for name in names]
    found: list[Difference] = []
    if names[0] != names[1]:
        # Two files, not two versions of one: what differs is told of the scenarios, by field.
        called = texts.text("scenario")
        called = called[0].upper() + called[1:]
        found.append(Difference("", None, "scenario", names[0], names[1], what=called, causes=("scenario",)))
        fields = _placed(before, after, folders, chosen[0], chosen[1], "scenario", texts)
        found += [dataclasses.replace(one, file="", row=None) for one in fields if one.column is not None]
    for path in (*new, *(path for path in old if path not in new)):
        if old.get(path) == new.get(path) or (names[0] != names[1] and path in chosen):
            continue
        own = path.replace("data/", f"{after.manifest.data}/", 1) if path.startswith("data/") else path
        if path not in old:
            found.append(Difference(f"{INPUTS}/{own}", what=texts.text("is new"), causes=("inputs",)))
        elif path not in new:
            found.append(Difference(f"{INPUTS}/{own}", what=texts.text("is gone"), causes=("inputs",)))
        else:
            found += _placed(before, after, folders, path, path, "scenario" if path == chosen[1] else "inputs", texts)
    return found


def _placed(
    before: Look, after: Look, folders: Sequence[Path], old: str, new: str, cause: Cause, texts: Texts
) -> list[Difference]:
    """Say where an input of two runs differs."""
    paths = [
        path.replace("data/", f"{look.manifest.data}/", 1) if path.startswith("data/") else path
        for look, path in ((before, old), (after, new))
    ]
    label = f"{INPUTS}/{paths[1]}"
    found = places(folders[0] / paths[0], folders[1] / paths[1], label, texts, inputs=True)
    if not found and old == new:
        found = [Difference(label, what=texts.text("differs in its form only"))]
    return [dataclasses.replace(one, causes=(cause,)) for one in found if one.column != "name" or cause != "scenario"]


def _shares(
    before: Look,
    after: Look,
    folders: Sequence[Path],
    scratch: Path,
    changes: Sequence[Difference],
    names: Mapping[str, str],
    texts: Texts,
) -> list[Share]:
    """Solve the older run again with one change at a time; what is left over comes from several together."""
    old, new = before.manifest, after.manifest
    cities = [folder / look.manifest.data for folder, look in zip(folders, (before, after), strict=True)]

    def solved(city: Path, scenario: str, parameters: Mapping[str, Any]) -> dict[str, float]:
        from quartier import optimise
        from quartier.data import load
        from quartier.scenario import with_parameters

        plan = optimise.allocate(load(city, language=texts.language), with_parameters(scenario, str(city), parameters))
        return {str(site): float(amount) for site, amount in plan.amounts.items()}

    try:
        start = solved(cities[0], old.scenario.name, old.changes)
        end = solved(cities[1], new.scenario.name, new.changes)
    except PlainError as error:
        return [Share(texts.text("Solved here again"), (), str(error))]
    asked: list[tuple[str, Callable[[], dict[str, float]]]] = []

    def with_file(path: str) -> dict[str, float]:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(cities[0], scratch)
        if (cities[1] / path).is_file():
            (scratch / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(cities[1] / path, scratch / path)
        else:
            (scratch / path).unlink(missing_ok=True)
        return solved(scratch, old.scenario.name, old.changes)

    def with_scenario() -> dict[str, float]:
        shutil.rmtree(scratch, ignore_errors=True)
        shutil.copytree(cities[0], scratch)
        file = Path("scenarios", f"{new.scenario.name}.yaml")
        shutil.copyfile(cities[1] / file, scratch / file)
        return solved(scratch, new.scenario.name, old.changes)

    data = f"{INPUTS}/{new.data}/"
    for label in dict.fromkeys(one.file for one in changes if one.causes == ("inputs",) and one.file.startswith(data)):
        path = label.removeprefix(data)
        if not path.startswith("scenarios/"):  # other scenarios move no money of this one
            asked.append((label, lambda path=path: with_file(path)))  # type: ignore[misc]
    if any(one.causes == ("scenario",) for one in changes):
        asked.append((texts.text("the scenario"), with_scenario))
    if any(one.causes == ("parameters",) for one in changes):
        asked.append((texts.text("the parameters"), lambda: solved(cities[0], old.scenario.name, new.changes)))
    shares = []
    total = {site: end.get(site, 0.0) - start.get(site, 0.0) for site in {**start, **end}}
    for label, solve in asked:
        try:
            alone = solve()
        except PlainError as error:
            shares.append(Share(label, (), " ".join(str(error).split())))
            continue
        shares.append(Share(label, _moves(start, alone, names)))
        for move in shares[-1].moves:
            total[move.site] = total.get(move.site, 0.0) - move.change_eur
    own = {
        site: (new.result.amounts_eur.get(site, 0.0) - old.result.amounts_eur.get(site, 0.0))
        - (end.get(site, 0.0) - start.get(site, 0.0))
        for site in {**start, **end, **old.result.amounts_eur, **new.result.amounts_eur}
    }
    together = (texts.text("several of them together"), total), (texts.text("code or packages"), own)
    shares += [Share(label, _moves({}, moved, names)) for label, moved in together if _moves({}, moved, names)]
    return shares
