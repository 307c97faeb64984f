"""The two doors to the panel, seen in a browser: JupyterLab, and the page without code."""

import json
import re
import time
import urllib.error
import urllib.request

import browser as browsers
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from quartier import doors
from quartier.language import PlainError
from quartier.notebooks import METADATA

# JupyterLab


@pytest.fixture(scope="module")
def opened(browser, lab):
    """Open the notebook as `make lab` does, and wait until it has been executed."""
    seen = browsers.visit(browser, viewport={"width": 1280, "height": 900})
    seen.open(lab.address(f"lab/tree/{doors.NOTEBOOK}") + "&reset")  # without what other tests have opened
    seen.panel()
    seen.idle()
    yield seen
    seen.page.context.close()


def test_jupyterlab_opens_with_the_panel_ready_and_asks_nothing_of_other_machines(opened):
    assert opened.panel().is_visible()
    assert opened.outside == []
    assert opened.errors == []


def test_jupyterlab_executes_the_notebook_once(opened):
    last = opened.page.locator(".jp-CodeCell .jp-InputPrompt").last
    assert last.inner_text().strip() == "[3]:"


def test_jupyterlab_is_german(opened):
    assert opened.page.locator("html").get_attribute("lang") == "de-DE"
    menus = opened.page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert {"Datei", "Bearbeiten", "Hilfe"} <= set(menus)


def test_jupyterlab_answers_the_panel_without_a_detour(lab):
    """Comms over subshells cost 30 ms for each move of a slider."""
    request = urllib.request.Request(
        f"{lab.url}lab/api/settings/@jupyterlab/apputils-extension:kernels-settings?token={lab.token}"
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        schema = json.load(answer)["schema"]
    assert schema["properties"]["commsOverSubshells"]["default"] == "disabled"


@pytest.mark.parametrize(("asks", "prompt"), [(True, "[1]:"), (False, "[ ]:")])
def test_only_a_notebook_that_asks_for_it_is_executed_when_it_is_opened(lab, visit, asks, prompt):
    notebook = new_notebook(cells=[new_code_cell("1")], metadata={**METADATA, "quartier": {"run_on_open": asks}})
    nbformat.write(notebook, lab.folder / f"asks-{asks}.ipynb")
    seen = visit()
    seen.open(lab.address(f"lab/tree/asks-{asks}.ipynb") + "&reset")
    seen.idle()
    if asks:
        seen.page.locator(".jp-CodeCell .jp-InputPrompt", has_text=prompt).wait_for()
    else:
        seen.page.wait_for_timeout(1500)
    assert seen.page.locator(".jp-CodeCell .jp-InputPrompt").inner_text().strip() == prompt


def test_jupyterlab_asks_for_the_token(lab):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{lab.url}api/contents", timeout=10)
    assert caught.value.code == 403
    caught.value.close()


# The page without code


@pytest.fixture(scope="module")
def page(browser, voila):
    seen = browsers.visit(browser, viewport={"width": 1280, "height": 900})
    began = time.monotonic()
    seen.open(voila.address())
    seen.panel()
    print(f"opened in {time.monotonic() - began:.1f} s")
    yield seen
    seen.page.context.close()


def test_the_page_shows_the_panel_and_asks_nothing_of_other_machines(page):
    assert page.panel().is_visible()
    assert page.outside == []
    assert page.errors == []


def test_the_page_has_a_language_a_title_a_main_part_and_a_way_to_it(page):
    assert page.page.locator("html").get_attribute("lang") == "de"
    assert page.page.title() == "Möglichkeiten ausprobieren"
    assert page.page.get_by_role("main").locator(browsers.PANEL).count() == 1
    page.page.locator("body").evaluate("body => body.querySelector('.quartier-skip').focus()")
    page.page.keyboard.press("Enter")
    assert page.page.evaluate("document.activeElement.getAttribute('role')") == "main"


def test_axe_finds_nothing_on_the_page(page):
    assert browsers.axe(page.page) == []


def test_the_page_holds_no_code_and_no_text_about_code(page, voila):
    with urllib.request.urlopen(voila.address(), timeout=30) as answer:
        sent = answer.read().decode()
    for text in (sent, page.page.content()):
        assert "q.load(" not in text
        assert "from_parameters" not in text
        assert "Die folgende Zelle" not in text
    assert "Die Frage:" in page.text()


def test_without_the_token_there_is_only_a_form_that_asks_for_it(voila, visit):
    seen = visit()
    seen.open(voila.url, wait="load")
    assert "/login" in seen.page.url
    assert seen.page.locator("input[type=password]").count() == 1
    assert seen.page.locator(browsers.PANEL).count() == 0
    assert seen.outside == []


@pytest.mark.parametrize("path", ["voila/files/06_erkunden.ipynb", "voila/files/data/sites.csv", "api/contents"])
def test_the_page_gives_out_no_files(voila, path):
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(voila.address(path), timeout=10)
    assert caught.value.code in (403, 404)
    caught.value.close()


def test_each_visitor_has_a_panel_of_their_own(page, voila, visit):
    other = visit()
    other.open(voila.address())
    other.panel().get_by_role("button", name="um 10 % kürzen").click()
    other.page.get_by_text("72.000 EUR").first.wait_for()
    assert "72.000 EUR" not in page.panel().inner_text()


def entered(visit, address: str, **options):
    """Visit the page; the place of somebody who has just left is free a moment later, on a busy machine some seconds."""
    deadline = time.monotonic() + 20
    while True:
        seen = visit(**options)
        status = seen.open(address).status
        if status == 200:
            return seen
        assert (status, time.monotonic() < deadline) == (503, True)
        seen.page.close()
        time.sleep(0.5)


def test_behind_a_proxy_that_adds_the_token_the_panel_moves_and_who_leaves_makes_room(tmp_path, visit):
    folder = browsers.copy(tmp_path)
    options = ("--visitors=1", "--waiting=0", "--base-url=/quartier/")
    with browsers.serving(folder, "app", *options, base_url="/quartier/") as server:
        for _ in range(2):
            seen = entered(visit, server.url, extra_http_headers={"Authorization": f"token {server.token}"})
            seen.panel().get_by_role("button", name="um 10 % kürzen").click()
            seen.page.get_by_text("72.000 EUR").first.wait_for()
            assert (seen.outside, seen.errors) == ([], [])
            seen.page.close(run_before_unload=True)


def test_who_came_with_the_token_in_the_address_makes_room_on_leaving(tmp_path, visit):
    with browsers.serving(browsers.copy(tmp_path), "app", "--visitors=1", "--waiting=0") as server:
        for _ in range(2):
            seen = entered(visit, server.address())
            seen.panel()
            seen.open("about:blank")


def asked(address: str) -> tuple[int, str]:
    """Give status and text of an answer."""
    try:
        with urllib.request.urlopen(address, timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_a_planners_error_is_told_and_a_visitor_too_many_is_asked_to_come_again_later(tmp_path):
    with failing(tmp_path, "budget_eur = -1", "--visitors=1", "--base-url=/quartier/", base_url="/quartier/") as server:
        status, told = asked(server.address())
        assert (status, "budget_eur" in told, "Traceback" in told) == (200, True, False)
        status, told = asked(server.address())
        assert (status, "Alle Plätze sind belegt" in told) == (503, True)


def test_any_other_error_is_kept_to_the_server(tmp_path):
    with failing(tmp_path, "1 / 0") as server:
        status, told = asked(server.address())
    assert (status, "ZeroDivisionError" in told, "1 / 0" in told) == (200, False, False)
    assert "Die Seite konnte nicht aufgebaut werden. Der Grund steht im Protokoll des Servers." in told
    assert "ZeroDivisionError" in server.log.read_text()


def failing(folder, line: str, *options: str, base_url: str = "/"):
    """Serve the notebook with one more line in its cell of parameters."""
    path = browsers.copy(folder) / doors.NOTEBOOK
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source += f"\n{line}"
    nbformat.write(notebook, path)
    return browsers.serving(folder, "app", "--waiting=0", *options, base_url=base_url)


# Their command lines


def test_a_notebook_that_is_not_there_or_lies_elsewhere_is_refused(tmp_path, monkeypatch):
    (tmp_path / "far.ipynb").write_text("{}")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for path in ("none.ipynb", "../far.ipynb", "."):
        with pytest.raises(PlainError, match=re.escape(f"„{path}“")):
            doors.lab_command(path)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"port": 70000}, "70000"),
        ({"visitors": 0}, "0 Plätze"),
        ({"base_url": "quartier"}, "„quartier“"),
        ({"language": "fr"}, "fr"),
    ],
)
def test_what_the_page_cannot_be_is_refused_in_one_line(monkeypatch, wrong, said):
    monkeypatch.chdir(browsers.ROOT)
    with pytest.raises(PlainError, match=said) as caught:
        doors.open_app(say=print, **wrong)
    assert len(str(caught.value).splitlines()) == 1
