"""The money's circle, once round: reports come back, what they teach, the plan that takes it up, the papers that tell of it.

Nothing is done here that the commands ``quality collect``, ``run`` and ``paper`` would not do one after the other. It is gone round
with the made-up reports, so that a city sees what comes out before there are any; with its own reports it gives the three commands.
"""

from __future__ import annotations

import datetime
import shutil
from collections.abc import Callable
from pathlib import Path

from quartier import forms, papers, report, runs
from quartier.blank import known_reports
from quartier.data import Sites, find_path, load, no_folder
from quartier.language import LANGUAGES, PlainError, Texts
from quartier.outputs import free_names

FORMS, DATA = "formulare", "data"
"""Folders of what is gone round with: the forms, year by year, and the city's folder that they are collected into."""


def go_round(
    out: str | Path,
    data: str | Path = "data",
    *,
    notebooks: str | Path = "notebooks",
    today: datetime.date | None = None,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> Path:
    """Go from the made-up reports to an updated plan and its papers, all drafts.

    Parameters
    ----------
    out : path
        Folder of all that is made; with ``-2``, ``-3``, ... where there is one already. Nothing is ever overwritten.
    data : path
        The city's folder; it stays as it is, a copy of it takes in the reports.
    notebooks, today, progress
        As for `runs.run`.
    say : callable
        Is told each step in a line.

    Returns
    -------
    Path
        The folder: forms, the city's folder, the run, and ``papers/``. But for what names the time in the run's manifest, the same
        data give the same bytes on the same day.

    Raises
    ------
    PlainError
        There are no made-up reports, there are real ones (they would stand in papers that are marked as made up), the folder is a
        file, or one of the steps cannot be done; then nothing is left behind.
    """
    texts, city = Texts(), find_path(data)
    sites, wanted = load(city), Path(out)
    _refuse_real_reports(sites, texts)
    years = _years(sites, texts)
    if wanted.is_file():
        raise PlainError(no_folder(wanted, out, texts))
    try:
        with report.aside(wanted.parent / f".partial-{wanted.name}") as work:
            copy = work / DATA
            shutil.copytree(city, copy)
            for year in years:
                written = forms.demonstrate(load(copy), work / FORMS / str(year), year)
                say(texts.text("{n} forms of {year} are filled in.", n=len(written), year=year))
                forms.take_in(work / FORMS / str(year), copy, LANGUAGES[0])
                say(texts.text("What they say is collected."))
            run = runs.run(
                parameters={"response_from": "demonstration"},
                out=work,
                data=copy,
                notebooks=notebooks,
                today=today,
                progress=progress,
            )
            say(texts.text("The plan that takes it up: {run}.", run=run.name))
            found = papers.write(run, is_draft=True, progress=progress)
            say(texts.text("{n} papers are written.", n=sum(path.suffix == ".pdf" for path in found.files)))
            for note in found.notes:
                say(note)
            target = next(free_names(wanted.parent, wanted.name))
            work.rename(target)
    except OSError as error:
        raise PlainError(report.unwritable(wanted.parent, error, texts)) from error
    say(texts.text("All of it is in {folder}, the papers in {papers}.", folder=target, papers=target / papers.FOLDER))
    return target


def _refuse_real_reports(sites: Sites, texts: Texts) -> None:
    """Refuse a city whose sites have reported: their figures would stand in papers that are marked as made up."""
    real = known_reports(sites, "reports", demonstration=False)
    if real is not None and len(real):
        raise PlainError(
            texts.text(
                "These data hold reports of the sites, which no demonstration may be mixed with. "
                "A plan that learns from them: {command}",
                command="quartier run -p response_from=quality",
            )
        )


def _years(sites: Sites, texts: Texts) -> list[int]:
    """Years of the made-up reports."""
    reports = known_reports(sites, "reports", demonstration=True)
    years = [] if reports is None else sorted({int(year) for year in reports["year"]})
    if not years:
        raise PlainError(texts.text("These data hold no made-up reports of such a year."))
    return years
