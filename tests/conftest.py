"""Settings for all tests, and how many random problems they solve."""

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
