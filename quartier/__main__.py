"""The command line: ``quartier run``, ``quartier check``, ``quartier verify``. No logic of its own."""

from __future__ import annotations

import json
import logging
import sys
from typing import Annotated, Any, NoReturn

import typer

from quartier import __version__
from quartier.language import PlainError, Texts

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

_UsageError: Any = typer.BadParameter.__bases__[0]  # typer has no public name for errors of usage


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"quartier {__version__}")
        raise typer.Exit


@app.callback()
def _quartier(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Distribute a small, fixed budget for neighbourhood work with older people: exact, explained, repeatable."""


@app.command("run")
def _run(
    scenario: Annotated[str, typer.Argument(metavar="SCENARIO", help="A name in data/scenarios/.")] = "baseline",
    parameters: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--parameter",
            metavar="NAME=VALUE",
            help="Change a parameter of the scenario: -p budget_eur=64000. May be repeated.",
        ),
    ] = None,
    out: Annotated[
        str,
        typer.Option("--out", metavar="DIR", help="Folder that holds runs; each gets its own: DIR/<date>-<scenario>/."),
    ] = "outputs",
    data: Annotated[str, typer.Option("--data", metavar="DIR", help="The city's folder.")] = "data",
) -> None:
    """Make a plan and keep all of it.

    Executes the notebooks and saves figures, tables and a spreadsheet. Everything is checked before anything is started, and
    a run that fails leaves nothing behind.
    """
    from quartier import runs

    job = runs.prepare(scenario, runs.parse_parameters(parameters or []), out, data)
    typer.echo("\n".join(job.closing(job.execute())))


@app.command("check")
def _check(
    data: Annotated[str, typer.Option("--data", metavar="DIR", help="The city's folder.")] = "data",
) -> None:
    """Check data and scenarios; say what is assumed."""
    from quartier import runs

    typer.echo("\n".join(runs.check(data)))


@app.command("verify")
def _verify(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or its name below outputs/.")],
    against: Annotated[
        str | None,
        typer.Option(
            "--against", metavar="RUN", help="Compare with an older run: who gains, who loses, which change does it."
        ),
    ] = None,
    hashes_only: Annotated[
        bool, typer.Option("--hashes-only", help="Only compare files with their hashes; execute nothing.")
    ] = False,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="DIR",
            help="The city's folder to compare the run's inputs with; the one here of the same name where not given. "
            "RUN/inputs/data asks about the run alone.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Make a run again; say what differs and whose doing it is.

    Executes the notebooks in a folder that is gone afterwards. Leaves with 0 (the same), 1 (different), 2 (wrong input) or
    3 (could not be made again).
    """
    from quartier import review

    found: review.Review | review.Comparison
    if against is not None:
        found = review.compare(run, against)
    else:
        found = review.verify(run, data=data, hashes_only=hashes_only, progress=not as_json)
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else "\n".join(found.sentences()))
    raise typer.Exit(found.exit_code)


def _usage(error: Exception) -> str:
    """Say in the planner's language what is wrong with the command line; typer's own words are English."""
    texts, option = Texts(), getattr(error, "option_name", None)
    if option and hasattr(error, "possibilities"):
        wrong = texts.text("There is no option {option}.", option=option)
    elif option:
        wrong = texts.text("The option {option} needs a value.", option=option)
    else:
        wrong = texts.text("The command line is not understood: {given}", given=texts.given(" ".join(sys.argv[1:])))
    return f"{wrong}\n{texts.text('What there is: {command}', command='quartier --help')}"


def main() -> NoReturn:
    """Run the command line and leave with an exit code.

    0 (done, the same), 1 (failed on its way, different), 2 (wrong input), 3 (could not be made again) or 130 (interrupted).
    """
    try:
        code = app(sys.argv[1:] or ["--help"], prog_name="quartier", standalone_mode=False)
    except PlainError as error:
        typer.echo(str(error), err=True)
        sys.exit(getattr(error, "exit_code", 2))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except _UsageError as error:
        typer.echo(_usage(error), err=True)
        sys.exit(2)
    if code == 130:
        logging.disable()  # what the notebooks' kernel has to say about its end is not for a planner
        typer.echo(Texts().text("Interrupted; nothing was kept."), err=True)
    sys.exit(code or 0)


if __name__ == "__main__":
    main()
