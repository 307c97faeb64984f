"""Settings for all tests, and how many random problems they solve."""

import signal
import sys

import browser as browsers
import office as offices
import pytest
from hypothesis import settings

# The same examples on every run and machine; a slow machine is no fault of the code.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


def pytest_addoption(parser):
    parser.addoption(
        "--thorough",
        action="store_true",
        help="solve all random problems of the tests marked `many`, not only a part spread over them",
    )


def pytest_configure(config):
    # What a shell starts in the background ignores SIGINT, and so would all processes that tests start and interrupt.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line(
        "markers",
        "many(default, thorough, batch, first=0): gives `seeds` in batches; `thorough` seeds from `first` on with --thorough,"
        " else `default` of them at equal distances",
    )


def pytest_generate_tests(metafunc):
    """Parametrise a test marked `many` with batches of seeds."""
    marker = metafunc.definition.get_closest_marker("many")
    if marker:
        seeds = many(*marker.args, thorough_run=metafunc.config.getoption("--thorough"), **marker.kwargs)
        metafunc.parametrize("seeds", seeds, ids=lambda batch: f"{batch[0]}-{batch[-1]}")


def many(default: int, thorough: int, batch: int, first: int = 0, *, thorough_run: bool) -> list[range]:
    """Seeds in batches: all of them, or a part at equal distances, which holds the same in every run."""
    if thorough % default or default % batch:
        raise pytest.UsageError(f"many: {default} does not divide {thorough}, or {batch} does not divide {default}")
    seeds = range(first, first + thorough, 1 if thorough_run else thorough // default)
    return [seeds[at : at + batch] for at in range(0, len(seeds), batch)]


# Pages in a browser: see browser.py


@pytest.fixture
def say(monkeypatch, capsys):
    """Give a command; get exit code, output and errors."""
    from quartier import __main__ as command

    def say(*words):
        monkeypatch.setattr(sys, "argv", ["quartier", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            command.main()
        told = capsys.readouterr()
        return left.value.code, told.out, told.err

    return say


@pytest.fixture(scope="module")
def browser():
    """Give a browser. Ended with its module: while Playwright is at work, nobody else may run an event loop."""
    if not browsers.find():
        if browsers.IS_REQUIRED:
            pytest.fail(browsers.MISSING)
        pytest.skip(browsers.MISSING)
    with browsers.launched() as started:
        yield started


@pytest.fixture
def visit(browser):
    """Give a function that opens an empty page in a context of its own, and takes the context's options."""
    made = []

    def begin(**options):
        made.append(browsers.visit(browser, **options))
        return made[-1]

    yield begin
    for one in made:
        if not one.page.is_closed():
            one.page.goto("about:blank")  # leaving the page ends its kernel; closing it like this would not
        one.page.context.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory):
    """Give the server of `quartier lab`, in German."""
    folder = browsers.copy(tmp_path_factory.mktemp("lab"))
    with browsers.serving(folder, "lab", "--allow-root") as server:
        yield server


@pytest.fixture(scope="session")
def voila(tmp_path_factory):
    """Give the server of `quartier app`, in German, with one kernel kept ready."""
    with browsers.serving(browsers.copy(tmp_path_factory.mktemp("app")), "app") as server:
        yield server


@pytest.fixture(scope="session")
def office(tmp_path_factory):
    """Give LibreOffice: see office.py."""
    if not offices.find():
        if offices.IS_REQUIRED:
            pytest.fail(offices.MISSING)
        pytest.skip(offices.MISSING)
    return offices.Office(tmp_path_factory.mktemp("office") / "profile")


def pytest_terminal_summary(terminalreporter):
    for name, missing in (("NO BROWSER", browsers.MISSING), ("NO LIBREOFFICE", offices.MISSING)):
        left_out = [one for one in terminalreporter.stats.get("skipped", []) if name in str(one.longrepr)]
        if left_out:
            terminalreporter.section(name, red=True, bold=True)
            terminalreporter.write_line(f"{len(left_out)} tests left out. {missing}", red=True, bold=True)
