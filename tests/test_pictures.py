"""Pictures in the documentation show what a person sees today.

Each holds in its metadata what it was taken of: the texts that stood there, and the page's own files. Where these have changed the
test fails; `make pictures` (QUARTIER_PICTURES=write) takes them anew. Pixels are not compared: letters differ from machine to machine.
"""

import hashlib
import os
from pathlib import Path

import pytest
from person import PANEL, Person
from PIL import Image, PngImagePlugin
from test_person import opened

import quartier

ROOT = Path(__file__).parents[1]
PAGE = Path(quartier.__file__).parent / "page"
WRITES = os.environ.get("QUARTIER_PICTURES") == "write"
STEPS = ("beginn", "warum", "vergleich", "unmoeglich")
VIEW = {"width": 1280, "height": 960}


def shown(page):
    """Say what a picture is taken of, in a few letters."""
    texts = page.locator(PANEL).evaluate(
        "one => { const copy = one.cloneNode(true); copy.querySelectorAll('svg').forEach(part => part.remove()); return copy.textContent; }"
    )  # which labels of the map find room depends on the machine's letters
    files = [path.read_bytes() for path in sorted(PAGE.iterdir())]
    return hashlib.sha256(b"\0".join([texts.encode(), *files])).hexdigest()[:16]


def take(page, name):
    """Compare a picture in docs/images/ with the page, or take it."""
    path, of = ROOT / "docs" / "images" / f"explorer-{name}.png", shown(page)
    if WRITES:
        page.mouse.move(0, 0)
        page.wait_for_timeout(400)
        page.screenshot(path=path)
        picture = Image.open(path).convert("RGB").quantize(128, dither=Image.Dither.NONE)
        said = PngImagePlugin.PngInfo()
        said.add_text("Shows", of)
        picture.save(path, optimize=True, pnginfo=said)
    with Image.open(path) as picture:
        assert picture.text["Shows"] == of, f"{path.name} is stale: make pictures"
        assert picture.size == (VIEW["width"], VIEW["height"])


def test_the_pictures_of_the_guide_show_the_panel_as_it_is(visit, voila):
    page = opened(visit, voila, viewport=VIEW).page
    found = []

    def look(step):
        if step in STEPS:
            top = {"beginn": "section", "warum": "tr.qp-asked", "vergleich": "fieldset", "unmoeglich": "h2"}[step]
            page.locator(PANEL).locator(top).first.evaluate("one => one.scrollIntoView({block: 'start'})")
            page.mouse.wheel(0, -120)
            page.wait_for_timeout(200)
            take(page, step)
            found.append(step)

    me = Person(page, look)
    me.answer_a_committee()
    me.wish_the_impossible()
    me.press("Zurück zum Beginn")
    me.done(lambda: me.panel.get_by_label("Sprache").select_option("en"))
    page.locator(PANEL).locator("h2").evaluate("one => one.scrollIntoView({block: 'start'})")
    take(page, "english")
    assert sorted(found) == sorted(STEPS)


@pytest.mark.parametrize("name", [*STEPS, "english"])
def test_every_picture_of_the_panel_stands_in_the_guide(name):
    assert f"images/explorer-{name}.png" in (ROOT / "docs" / "explorer.md").read_text(encoding="utf-8")
