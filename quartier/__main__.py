"""The command line: ``quartier run``, ``verify``, ``paper``, ``calendar``, ... (``quartier --help``). No logic of its own."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


_Out = Annotated[str, typer.Option("--out", metavar="DIR", help="Folder that holds runs.")]
_Data = Annotated[str, typer.Option("--data", metavar="DIR", help="The city's folder.")]


@app.command("run")
def _run(
    scenario: Annotated[
        str | None, typer.Argument(metavar="SCENARIO", help="A name in data/scenarios/; baseline by default.")
    ] = None,
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
    data: _Data = "data",
    is_all: Annotated[bool, typer.Option("--all", help="Every scenario, one after another.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", metavar="N", help="Notebooks executed side by side; by default one a core.")
    ] = None,
    cell_time_s: Annotated[
        float, typer.Option("--cell-time", metavar="SECONDS", help="Seconds that a cell may take.")
    ] = 600.0,
    every: Annotated[
        str | None,
        typer.Option(
            "--every",
            metavar="PERIOD",
            help="week, month, quarter or year: do nothing where the present one has a complete run with these parameters.",
        ),
    ] = None,
    is_exclusive: Annotated[
        bool, typer.Option("--exclusive", help="Do nothing, and leave with 3, while another run is being made in DIR.")
    ] = False,
    log: Annotated[
        str | None, typer.Option("--log-json", metavar="FILE", help="Append a line of JSON for each event.")
    ] = None,
    on_failure: Annotated[
        str | None,
        typer.Option(
            "--on-failure", metavar="COMMAND", help="Command that is told of a failure: JSON on its standard input."
        ),
    ] = None,
    webhook: Annotated[
        str | None, typer.Option("--webhook", metavar="URL", help="Address that is told of a failure: the same JSON.")
    ] = None,
) -> int:
    """Make a plan and keep all of it.

    Executes the notebooks and saves figures, tables and a spreadsheet. Everything is checked before anything is started. What a
    run that fails has done is kept in DIR/failed/.
    """
    from quartier import schedule

    order = schedule.Order(
        scenario=scenario,
        is_all=is_all,
        parameters=tuple(parameters or ()),
        out=out,
        data=data,
        jobs=jobs,
        cell_time_s=cell_time_s,
        every=every,
        is_exclusive=is_exclusive,
        log=log,
        on_failure=on_failure,
        webhook=webhook,
    )
    return schedule.run(order, typer.echo, _complain, lambda: _ended.code)


@app.command("runs")
def _runs(
    out: _Out = "outputs",
    is_json: Annotated[bool, typer.Option("--json", help="For machines: sorted, full precision.")] = False,
) -> None:
    """List runs: what each reached and changed.

    Also whether it was made again with the same result, and which runs failed.
    """
    from quartier import schedule

    found = schedule.list_runs(out)
    if is_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2, sort_keys=True))
    else:
        typer.echo("\n".join(schedule.sentences(found, out)))


@app.command("tidy")
def _tidy(
    keep: Annotated[
        int,
        typer.Option("--keep", metavar="N", help="How many of each scenario, its parameters and its city are kept."),
    ] = 12,
    out: _Out = "outputs",
    papers: Annotated[
        list[str] | None,
        typer.Option(
            "--papers",
            metavar="PATH",
            help="A paper, or a folder of papers: runs that it names are kept, beside those in DIR/papers.txt. May be repeated.",
        ),
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do it; without, only say what would be done.")] = False,
) -> None:
    """Remove older runs, none that a paper names.

    Kept as well: the run that DIR/latest leads to, and folders that were renamed or changed by hand.
    """
    from quartier import schedule

    typer.echo("\n".join(schedule.tidy(out, keep, papers or (), is_dry=not is_sure)))


@app.command("check")
def _check(
    data: _Data = "data",
    notebooks: Annotated[
        str | None,
        typer.Option(
            "--notebooks", metavar="DIR", help="Check these notebooks instead: clean, in order, and up to date."
        ),
    ] = None,
) -> None:
    """Check data and scenarios, or notebooks.

    Says what is in the data, and what of it is assumed; of notebooks, where they are not clean, not in order, or not up to date.
    """
    from quartier import runs

    if notebooks is None:
        typer.echo("\n".join(runs.check(data)))
    elif faults := runs.check_notebooks(notebooks):
        typer.echo("\n".join(faults), err=True)
        raise typer.Exit(1)
    else:
        typer.echo(Texts().text("The notebooks in {folder} are clean and up to date.", folder=Texts().given(notebooks)))


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

    Executes the run's notebooks in a folder that is gone afterwards: not for a run from somebody you do not trust; --hashes-only
    executes nothing. Leaves with 0 (the same), 1 (different), 2 (wrong input) or 3 (could not be made again).
    """
    from quartier import comparison, review

    for option, is_given in (("--hashes-only", hashes_only), ("--data", data is not None)):
        if against is not None and is_given:
            raise PlainError(Texts().text("Either --against or {option}.", option=option))
    found: review.Review | comparison.Comparison
    if against is not None:
        found = comparison.compare(run, against)
    else:
        found = review.verify(run, data=data, hashes_only=hashes_only, progress=not as_json and sys.stderr.isatty())
    typer.echo(json.dumps(found.as_json(), ensure_ascii=False, indent=2) if as_json else "\n".join(found.sentences()))
    raise typer.Exit(found.exit_code)


@app.command("paper")
def _paper(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run's folder, or its name below outputs/.")
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="mitteilung, beschluss, bericht, foerderbescheid-anlage, kasse, or alle: those that the data suffice for.",
        ),
    ] = "alle",
    out: Annotated[
        str | None,
        typer.Option("--out", metavar="DIR", help="Folder for the papers; papers/<run>/ beside the run by default."),
    ] = None,
    is_draft: Annotated[
        bool, typer.Option("--draft", help="Says draft on each page; the run's hashes are enough for it.")
    ] = False,
    has_english: Annotated[bool, typer.Option("--english-summary", help="The summary in English as well.")] = False,
    templates: Annotated[
        str | None,
        typer.Option("--templates", metavar="DIR", help="Templates to use in place of those in data/papers/."),
    ] = None,
    write_templates: Annotated[
        str | None,
        typer.Option("--write-templates", metavar="DIR", help="Only copy our templates there, to be edited in Word."),
    ] = None,
) -> None:
    """Write papers about a run: Word and PDF.

    For the committees, the sites and the treasury. A run that does not verify is refused; one that was never made again is made again
    first, but for a draft. The run is kept by tidy from then on.
    """
    from quartier import papers

    if write_templates is not None:
        typer.echo("\n".join(papers.copy_templates(write_templates)))
    elif run is None:
        raise PlainError(Texts().text("Which run is the paper about? quartier runs lists them."))
    else:
        found = papers.write(
            run,
            kind,
            out=out,
            is_draft=is_draft,
            has_english=has_english,
            templates=templates,
            progress=sys.stderr.isatty(),
        )
        typer.echo("\n".join(found.sentences()))


_Language = Annotated[str, typer.Option("--language", metavar="LANGUAGE", help="de or en.")]


@app.command("calendar")
def _calendar(
    out: Annotated[
        str, typer.Option("--out", metavar="FILE.ics", help="File that is written; its folder is made.")
    ] = "termine.ics",
    data: _Data = "data",
    language: _Language = "de",
) -> None:
    """Write the dates into a file for a calendar.

    Dialogue, reports, committees, deadlines, next steps and instalments, as Outlook, Thunderbird and others read them. Assumed
    dates say that they are.
    """
    from quartier import ledger

    typer.echo(ledger.write_calendar(data, out, language))


@app.command("lab", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def _lab(
    context: typer.Context,
    notebook: Annotated[str | None, typer.Option("--notebook", metavar="FILE", help="Another notebook.")] = None,
    language: _Language = "de",
) -> None:
    """Open JupyterLab with the panel to try choices ready.

    Asks nothing of the network. Options that are not here are JupyterLab's own: --no-browser, --port=8889.
    """
    from quartier import doors

    doors.open_lab(notebook or doors.NOTEBOOK, language=language, options=context.args)


@app.command("app")
def _app(
    notebook: Annotated[str | None, typer.Option("--notebook", metavar="FILE", help="Another notebook.")] = None,
    language: _Language = "de",
    port: Annotated[int, typer.Option("--port", metavar="PORT", help="Port on this machine, 127.0.0.1.")] = 8866,
    base_url: Annotated[
        str, typer.Option("--base-url", metavar="PATH", help="Path of the page behind a proxy: /quartier/")
    ] = "/",
    visitors: Annotated[int, typer.Option("--visitors", metavar="N", help="Most visitors at once.")] = 8,
    waiting: Annotated[
        int, typer.Option("--waiting", metavar="N", help="How many kernels are kept ready for the next visitors.")
    ] = 1,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Do not open the page here.")] = False,
) -> None:
    """Serve the panel as a page without code.

    For who has the token, until Ctrl+C. JUPYTER_TOKEN in the environment sets the token; else there is a new one each time.
    """
    from quartier import doors

    doors.open_app(
        notebook or doors.NOTEBOOK,
        say=typer.echo,
        language=language,
        port=port,
        base_url=base_url,
        visitors=visitors,
        waiting=waiting,
        open_browser=not no_browser,
    )


quality = typer.Typer(help="Ask the sites what was done, and take in the answers.", rich_markup_mode=None)
app.add_typer(quality, name="quality")


@quality.command("forms")
def _forms(
    year: Annotated[int, typer.Option("--year", metavar="YEAR", help="Year that is reported on, up to the next one.")],
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the forms.")] = "formulare",
    data: _Data = "data",
    language: _Language = "de",
) -> None:
    """Write a form for each site with an agreement.

    XLSX, with last year's values beside. A form of the same name that holds something else is never written over.
    """
    from quartier import forms
    from quartier.data import load

    sites = load(data, language=language)
    written = forms.write_forms(sites, year, out, language)
    lines = [*map(str, written), forms.ended_before(sites, year, language)]
    typer.echo("\n".join(filter(None, lines)))


@quality.command("collect")
def _collect(
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="Folder with the forms that came back, XLSX or ODS.")],
    data: _Data = "data",
    year: Annotated[
        int | None,
        typer.Option("--year", metavar="YEAR", help="Year that is reported on; that of most forms by default."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option("--source", metavar="NAME", help="Source of the reports; qualitaetsdialog-YEAR by default."),
    ] = None,
    is_check: Annotated[bool, typer.Option("--check", help="Only check; change nothing.")] = False,
    language: _Language = "de",
) -> None:
    """Read forms and take them into the city's folder.

    Every fault is told with file, sheet and cell; while there is one, nothing is changed. Made-up forms go into tables of their own.
    """
    from quartier import forms

    typer.echo("\n".join(forms.take_in(folder, data, language, year=year, source_id=source, check_only=is_check)))


@quality.command("demonstrate")
def _demonstrate(
    out: Annotated[str, typer.Option("--out", metavar="DIR", help="Folder for the forms.")],
    year: Annotated[
        int | None, typer.Option("--year", metavar="YEAR", help="A year of the made-up reports; the latest by default.")
    ] = None,
    data: _Data = "data",
    language: _Language = "de",
) -> None:
    """Write forms that are filled in with made-up reports, to try collect with.

    Marked as made up on every sheet.
    """
    from quartier import forms
    from quartier.data import load

    written = forms.demonstrate(load(data, language=language), out, year, language)
    typer.echo("\n".join(str(path) for path in written))


@quality.command("round")
def _round(
    out: Annotated[
        str, typer.Option("--out", metavar="DIR", help="Folder of all that is made; a new one each time.")
    ] = "outputs/vorfuehrung",
    data: _Data = "data",
) -> None:
    """Go once round with made-up reports.

    Forms that come back, what they teach, the plan that takes it up, and all its papers as drafts. The city's folder stays as it is.
    """
    from quartier import circle

    circle.go_round(out, data, progress=sys.stderr.isatty(), say=typer.echo)


def _usage(error: Exception) -> str:
    """Say in the planner's language what is wrong with the command line; typer's own words are English."""
    texts, words = Texts(), sys.argv[1:]
    named, commands = ["quartier"], getattr(typer.main.get_command(app), "commands", {})
    while words and words[0] in commands:  # some errors do not know which command they are about
        named.append(words.pop(0))
        commands = getattr(commands[named[-1]], "commands", {})
    option, parameter = getattr(error, "option_name", None), getattr(error, "param", None)
    if option and hasattr(error, "possibilities"):
        wrong = texts.perhaps(
            texts.text("There is no option {option}.", option=option), option, error.possibilities or ()
        )
    elif option and any(word.startswith(f"{option}=") for word in words):
        wrong = texts.text("The option {option} takes no value.", option=option)
    elif option:
        wrong = texts.text("The option {option} needs a value.", option=option)
    elif parameter is not None:
        name = parameter.opts[-1] if parameter.opts[-1].startswith("-") else parameter.metavar
        wrong = (
            texts.text("{name} has a value that cannot be read: {given}", name=name, given=texts.given(" ".join(words)))
            if getattr(error, "message", "")
            else texts.text("{name} is missing.", name=name)
        )
    elif commands and words:
        before = " ".join(named) + " "
        wrong = texts.text("There is no command {command}.", command=before + words[0])
        wrong = texts.perhaps(wrong, words[0], commands, before)
    elif commands:
        wrong = texts.text("Which command? {names}", names=texts.either(" ".join([*named, name]) for name in commands))
    else:
        wrong = texts.text("The command line is not understood: {given}", given=texts.given(" ".join(sys.argv[1:])))
    return f"{wrong}\n{texts.text('What there is: {command}', command=' '.join([*named, '--help']))}"


def _complain(text: str) -> None:
    typer.echo(text, err=True)


class _Ended(KeyboardInterrupt):
    """Raised where the command is at work when the system or a person ends it."""


class _Ending:
    """Which signal has ended the command; none so far."""

    number: int | None = None

    @property
    def code(self) -> int | None:
        return None if self.number is None else 128 + self.number


_ended = _Ending()


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let SIGINT, SIGTERM and SIGHUP end the command in the same way: once; while it cleans up, none is heard."""
    is_ending, over, main_thread = False, threading.Event(), threading.main_thread()

    def end(number: int, _: object) -> None:
        nonlocal is_ending
        if is_ending:
            return
        is_ending, _ended.number = True, number
        logging.disable()  # what the notebooks' kernels have to say about their end is not for a planner
        ended = _Ended()
        threading.Thread(target=insist, args=(weakref.ref(ended), number), daemon=True).start()
        try:
            raise ended
        finally:
            del ended  # else its own traceback keeps it

    def insist(ended: weakref.ref[_Ended], number: int) -> None:
        # Where Python was in a destructor or a callback of a library, the interrupt is lost: nobody holds it any more.
        nonlocal is_ending
        while not over.wait(0.2):
            if ended() is None:
                is_ending = False
                if hasattr(signal, "pthread_kill") and main_thread.ident:
                    signal.pthread_kill(main_thread.ident, number)  # so that the main thread wakes where it waits
                else:
                    signal.raise_signal(number)
                return

    def tell_lost(lost: Any) -> None:
        if not issubclass(lost.exc_type, _Ended):  # which is raised once more, so that nothing is to be told
            hook(lost)

    names = ("SIGINT", "SIGTERM", "SIGHUP")
    before, hook = {}, sys.unraisablehook
    sys.unraisablehook = tell_lost
    if threading.current_thread() is main_thread:
        for number in (getattr(signal, name) for name in names if hasattr(signal, name)):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        over.set()
        sys.unraisablehook = hook
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(code: int) -> NoReturn:
    """Leave with an exit code; after an end from outside at once.

    A library that was interrupted while it was loaded may not survive Python's own end: Matplotlib's took the process with it.
    """
    if _ended.number is not None:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):  # whoever was reading may be gone
                stream.flush()
        os._exit(code)
    sys.exit(code)


def main() -> NoReturn:
    """Run the command line and leave with an exit code.

    0: done, the same; 1: failed on its way, different; 2: wrong input; 3: another run is being made, a run cannot be made again;
    130, 143, 129: ended by SIGINT, SIGTERM, SIGHUP.
    """
    try:
        with _ended_by_signals():
            code = app(sys.argv[1:] or ["--help"], prog_name="quartier", standalone_mode=False)
    except PlainError as error:
        _complain(str(error))
        _leave(getattr(error, "exit_code", 2))
    except (KeyboardInterrupt, typer.Abort):
        code = 130
    except _UsageError as error:
        _complain(_usage(error))
        _leave(2)
    if code == 130:  # so says typer, whatever the signal was
        _complain(Texts().text("Interrupted; nothing was kept."))
        code = _ended.code or code
    _leave(code or 0)


if __name__ == "__main__":
    main()
