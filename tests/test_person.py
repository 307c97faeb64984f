"""The panel in a real browser: what a person gets there, with and without a mouse, on any screen, when something goes wrong."""

import json
import os
import shutil
import subprocess
import sys
import urllib.request

import browser as browsers
import pandas as pd
import pytest
from person import PANEL, Person, WithoutMouse
from playwright.sync_api import expect

import quartier as q

WIDE, NARROW = {"width": 1440, "height": 1000}, {"width": 375, "height": 800}
SITES = q.load("data")


def opened(visit, voila, **options):
    """Open the page, with no plan kept by somebody before."""
    for path in (voila.folder / "outputs" / "kept").glob("*.yaml"):
        path.unlink()
    seen = visit(**options)
    seen.open(voila.address())
    seen.panel()
    return seen


def opened_in_lab(visit, lab, name):
    """Open a copy of the notebook, with a kernel of its own."""
    shutil.copy(lab.folder / "notebooks" / "06_erkunden.ipynb", lab.folder / "notebooks" / f"{name}.ipynb")
    seen = visit(viewport=WIDE)
    seen.open(lab.address(f"lab/tree/notebooks/{name}.ipynb") + "&reset")
    seen.panel()
    seen.idle()
    return seen


def names_of(amounts):
    """Amounts by name, as the table of the panel has them."""
    return {SITES.frame.loc[site_id, "name"]: amount for site_id, amount in amounts.items()}


# --- what a committee asks ---------------------------------------------------------------------------------------


def test_a_person_answers_a_committee_and_a_run_of_the_saved_file_gives_the_same_amounts(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    kept = me.answer_a_committee()
    me.wish_the_impossible()
    text = me.save("ohne-vennhofallee")
    assert (seen.errors, seen.outside) == ([], [])
    path = voila.folder / "data" / "scenarios" / "ohne-vennhofallee.yaml"
    path.write_text(text, encoding="utf-8")
    assert names_of(q.allocate(SITES, q.Scenario.from_yaml(path)).amounts) == kept
    ran = subprocess.run(
        [sys.executable, "-m", "quartier", "run", "ohne-vennhofallee"],
        cwd=voila.folder,
        env={**os.environ, "PYTHONWARNINGS": ""},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    table = pd.read_csv(
        next(voila.folder.glob("outputs/*-ohne-vennhofallee/tables/distribution.csv")), index_col="site_id"
    )
    assert names_of(table["amount_eur"]) == kept
    path.unlink()


def test_the_same_is_done_with_the_keyboard_alone(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = WithoutMouse(seen.page)
    kept = me.answer_a_committee("ohne Vennhofallee, ohne Maus")  # a kernel that was waiting knows what was kept before
    me.wish_the_impossible()
    me.save("ohne-vennhofallee")
    assert kept["Vennhofallee"] == 0
    assert seen.errors == []


def test_the_same_is_done_on_a_telephone(visit, voila):
    seen = opened(visit, voila, viewport=NARROW, color_scheme="dark", has_touch=True)
    me = Person(seen.page)
    assert me.answer_a_committee("ohne Vennhofallee, am Telefon")["Vennhofallee"] == 0
    me.wish_the_impossible()
    assert seen.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_the_slider_is_moved_with_the_arrow_keys_and_is_one_step_back(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = WithoutMouse(seen.page)
    slider = me.panel.get_by_role("slider", name="Budget im Jahr")
    me.reach(slider)
    for _ in range(3):
        me.done(lambda: seen.page.keyboard.press("ArrowLeft"))
    seen.page.wait_for_timeout(300)
    assert me.figure("Verteilt") == "77.000 EUR"
    assert slider.get_attribute("aria-valuetext") == "77.000 EUR"
    while me.panel.get_by_role("button", name="Rückgängig").is_enabled():
        me.press("Rückgängig")
    assert me.figure("Verteilt") == "80.000 EUR"


def test_no_press_is_lost_however_fast_it_follows(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    slider, box = me.panel.get_by_role("slider", name="Budget im Jahr"), me.box("Budget im Jahr (EUR)")
    slider.focus()
    for presses, pause_ms, key, shown in (
        (10, 0, "ArrowRight", "90.000"),
        (30, 30, "ArrowLeft", "60.000"),
        (20, 60, "ArrowRight", "80.000"),
    ):
        for _ in range(presses):
            seen.page.keyboard.press(key)
            seen.page.wait_for_timeout(pause_ms)
        assert slider.input_value() == shown.replace(".", "")
        expect(box).to_have_value(shown)
        assert slider.input_value() == shown.replace(".", "")
    cut = me.panel.get_by_role("button", name="um 10 % kürzen")
    for _ in range(5):
        cut.click()
    expect(box).to_have_value("47.239")
    for name in ("jetzt", "Beginn"):
        me.panel.get_by_role("checkbox", name=name, exact=True).click()
    expect(me.panel.get_by_text("„Beginn“ gegenüber „jetzt“")).to_be_visible()


# --- accessible -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_in_the_panel_whatever_is_unfolded(visit, voila, viewport):
    seen = opened(visit, voila, viewport=viewport, reduced_motion="reduce")
    me = Person(seen.page)
    for group in me.panel.locator("details").all():
        if group.get_attribute("open") is None:
            group.locator("summary").click()
    me.press("Vennhofallee")
    me.press("Beträge von Hand eingeben")
    me.fill("Diesen Plan merken als", "A")
    me.press("Merken", exact=True)
    me.tick("Beginn")
    me.tick("jetzt")
    me.type("Budget im Jahr (EUR)", "acht tausend")
    me.type("Plätze: höchstens", "3")
    seen.page.wait_for_timeout(400)
    for scheme in ("light", "dark"):
        seen.page.emulate_media(color_scheme=scheme)
        assert me.panel.evaluate("one => getComputedStyle(one).colorScheme") == scheme
        assert browsers.axe(seen.page, PANEL) == []


def test_jupyterlab_s_panel_has_nothing_for_axe_to_find(visit, lab):
    seen = opened_in_lab(visit, lab, "axe")
    me = Person(seen.page)
    me.press("um 10 % kürzen")
    me.press("Vennhofallee")
    assert browsers.axe(seen.page, PANEL) == []


def test_nothing_is_cut_at_twice_the_size(visit, voila):
    seen = opened(visit, voila, viewport={"width": 720, "height": 500}, device_scale_factor=2)
    assert seen.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    wide = seen.page.evaluate(
        """panel => [...document.querySelectorAll(panel + " *")].filter(one => {
             const box = one.getBoundingClientRect(), all = document.querySelector(panel).getBoundingClientRect();
             return box.width > 1 && box.right > all.right + 1 && !one.closest(".qp-scroll, pre, svg");
           }).map(one => one.outerHTML.slice(0, 100))""",
        PANEL,
    )
    assert wide == []


def test_the_focus_stays_or_goes_to_what_comes_next(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = WithoutMouse(seen.page)
    me.type("Budget im Jahr (EUR)", "12.000")
    me.press("das Budget um")
    assert "28.000 EUR für 7 Standorte" in me.holds()
    me.press("Rückgängig")
    me.press("Rückgängig")
    assert me.holds() == "Rückgängig"
    assert not me.panel.get_by_role("button", name="Rückgängig").is_enabled()
    me.press("Braker Straße", exact=True)
    me.press("Festhalten", exact=True)
    assert me.holds() == "Freigeben"
    me.press("Freigeben", exact=True)
    assert me.holds() == "Festhalten"
    me.press("Beträge von Hand eingeben")
    me.type("Betrag von Hand für Brockeiche", "viel")
    assert me.panel.get_by_role("alert").filter(has_text="„viel“ ist keine Zahl").is_visible()
    assert me.holds() == "Braker Straße"
    me.type("Betrag von Hand für Braker Straße", "5.000")
    assert me.panel.get_by_role("alert").count() == 0
    assert me.holds() != ""


def test_a_kept_plan_is_deleted_only_when_asked_twice(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me, keys = WithoutMouse(seen.page), seen.page.keyboard
    for name in ("A", "B"):
        me.fill("Diesen Plan merken als", name)
        me.press("Merken", exact=True)
    delete = me.panel.get_by_role("button", name="Löschen: A")
    me.reach(delete)
    keys.press("Enter")
    assert me.holds() == "Wirklich löschen? A"
    assert "Wirklich löschen? A" in me.hears()
    keys.press("Escape")
    assert me.holds() == "Löschen: A"
    keys.press("Enter")
    keys.press("Tab")
    assert me.holds() == "Nicht löschen: A"
    keys.press("Enter")
    assert me.holds() == "Löschen: A"
    delete.dblclick()
    assert me.holds() == "Wirklich löschen? A"
    me.done(lambda: keys.press("Enter"))
    assert me.holds() == "Dorthin gehen: B"
    assert "Gelöscht: A" in me.hears()
    assert not me.panel.get_by_text("Löschen: A").count()


def test_files_are_announced_and_who_stops_waiting_is_told(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = WithoutMouse(seen.page)
    me.save("leise")
    assert "Heruntergeladen: leise.yaml" in me.hears()
    me.reach(me.panel.get_by_role("button", name="Tabellen und Abbildungen (ZIP)"))
    seen.page.keyboard.press("Enter")
    assert "werden zusammengestellt" in me.hears()
    me.panel.get_by_role("button", name="Anhalten").wait_for()
    me.press("Anhalten")
    assert me.holds().startswith("Angehalten.")
    assert "Angehalten." in me.hears()


@pytest.mark.parametrize("viewport", [(1440, 900), (768, 900), (375, 760), (720, 450)], ids=str)
def test_what_is_pinned_on_top_leaves_room_and_never_hides_the_focus(visit, voila, viewport):
    seen = opened(visit, voila, viewport=dict(zip(("width", "height"), viewport, strict=True)))
    me = Person(seen.page)
    for budget in ("72.000", "12.000"):
        me.type("Budget im Jahr (EUR)", budget)
        me.box("Name des Szenarios (a-z, 0-9, -)").focus()
        seen.page.wait_for_timeout(50)
        pinned = me.panel.get_by_role("status").first.locator("..").bounding_box()
        assert pinned["y"] == 0  # nothing passes above it
        assert pinned["height"] <= viewport[1] / (2 if viewport == (1440, 900) else 3) + 1
        steps = 0
        while hidden := seen.page.evaluate(
            """panel => {
                 const one = document.activeElement, box = one.getBoundingClientRect();
                 const bar = document.querySelector(panel + " [role=status]").parentElement;
                 if (!bar.parentElement.contains(one) || bar.contains(one)) return null;
                 const least = Math.max(0, bar.getBoundingClientRect().bottom);
                 return [bar.getBoundingClientRect().top <= 0 && box.top < least && box.height < innerHeight - least, one.outerHTML];
               }""",
            PANEL,
        ):
            assert not hidden[0], hidden[1][:200]
            seen.page.keyboard.press("Shift+Tab")
            steps += 1
        assert steps > 30


@pytest.mark.parametrize("width", [320, 768])
def test_long_names_and_large_sums_stay_in_their_boxes(visit, voila, width):
    seen = opened(visit, voila, viewport={"width": width, "height": 800})
    me = Person(seen.page)
    name = "Kürzung um zehn Prozent, ohne Vennhofallee, mit der Rücklage"
    assert len(name) == 60
    me.fill("Diesen Plan merken als", name)
    me.press("Merken", exact=True)
    me.type("Budget im Jahr (EUR)", "1.000.000.000.000")
    me.done(lambda: me.panel.get_by_label("Änderungen zeigen seit").select_option(name))
    me.tick("Beginn")
    me.tick(name)
    me.press("Beträge von Hand eingeben")
    assert seen.page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    over = me.panel.locator("dl > div, dl strong, dl span, table:not(.qp-compared)").evaluate_all(
        """all => all.filter(one => one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
             || one.getBoundingClientRect().right > one.parentElement.getBoundingClientRect().right + 1)
           .map(one => one.outerHTML.slice(0, 100))"""
    )
    assert over == []
    heads = me.panel.get_by_role("region", name="Nebeneinander").get_by_role("columnheader").all()
    assert max(one.bounding_box()["height"] for one in heads) < 160


# --- two languages ----------------------------------------------------------------------------------------------


def test_the_language_is_switched_in_the_panel(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    me.done(lambda: me.panel.get_by_label("Sprache").select_option("en"))
    assert me.figure("Given out") == "80,000 EUR"
    assert me.panel.get_attribute("lang") == "en"
    german = ("Standort", "Betrag", "Nutzen", "Bedarf", "Rückgängig", "höchstens", "gewichtete", "Karte", "Szenario")
    text = me.panel.inner_text().replace("Standort in Senne (GSWG)", "")
    assert [word for word in german if word in text] == []


# --- what goes wrong --------------------------------------------------------------------------------------------


def test_a_wrong_entry_is_told_where_the_person_looks_and_stays_to_be_corrected(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    before = me.amounts()
    for label, text in (
        ("Budget im Jahr (EUR)", "acht tausend"),
        ("Budget im Jahr (EUR)", "1e12"),
        ("Plätze: höchstens", "-3"),
        ("Schrittweite der Beträge (EUR)", "0"),
    ):
        me.type(label, text)
        box = me.box(label)
        assert box.get_attribute("aria-invalid") == "true", text
        told = seen.page.locator(f"#{box.get_attribute('aria-describedby')}")
        assert told.is_visible()
        assert text in told.inner_text()
        assert box.input_value() == text
        assert me.amounts() == before


def test_names_are_never_markup(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    me.fill("Diesen Plan merken als", "<img src=x onerror=alert(1)>")
    me.press("Merken", exact=True)
    assert me.panel.locator("img").count() == 0
    assert me.says("ist kein Name für einen Plan")


def test_kept_plans_are_there_when_the_page_is_opened_again(visit, voila):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    me.press("um 10 % kürzen")
    me.fill("Diesen Plan merken als", "gekürzt")
    me.press("Merken", exact=True)
    again = visit(viewport=WIDE)
    again.open(voila.address())
    again.panel()
    other = Person(again.page)
    other.press("Dorthin gehen: gekürzt")
    assert other.amounts() == me.amounts()


def test_a_damaged_scenario_file_is_told(visit, voila, tmp_path):
    seen = opened(visit, voila, viewport=WIDE)
    me = Person(seen.page)
    path = tmp_path / "kaputt.yaml"
    path.write_text("name: kaputt\nbudget_eur: viel\n")
    me.done(lambda: me.panel.get_by_label("Szenariodatei laden").set_input_files(path))
    assert me.says("budget_eur")
    path.write_text("name: gut\nbudget_eur: 60000\n")
    me.done(lambda: me.panel.get_by_label("Szenariodatei laden").set_input_files(path))
    assert me.figure("Verteilt") == "60.000 EUR"


def test_a_kernel_that_is_restarted_under_the_page_is_told(visit, lab):
    seen = opened_in_lab(visit, lab, "restart")
    with urllib.request.urlopen(f"{lab.url}api/sessions?token={lab.token}", timeout=10) as answer:
        (kernel,) = {one["kernel"]["id"] for one in json.load(answer) if one["path"].endswith("restart.ipynb")}
    urllib.request.urlopen(
        urllib.request.Request(f"{lab.url}api/kernels/{kernel}/restart?token={lab.token}", method="POST"), timeout=30
    ).close()
    me = Person(seen.page)
    me.panel.get_by_role("button", name="um 10 % kürzen").click()
    me.panel.get_by_text("Keine Antwort vom Rechenkern").wait_for(timeout=20_000)
    assert me.panel.get_by_role("alert").filter(has_text="Gemerkte Pläne sind gespeichert").is_visible()


def test_two_tabs_on_one_panel_show_the_same(visit, lab):
    page = opened_in_lab(visit, lab, "tabs").page
    page.get_by_role("menuitem", name="Datei").click()
    page.keyboard.press("Escape")
    page.locator(".jp-OutputArea").filter(has=page.locator(PANEL)).last.click(button="right", position={"x": 5, "y": 5})
    page.locator('[data-command="notebook:create-output-view"]').click()
    page.wait_for_function("panel => document.querySelectorAll(panel).length === 2", arg=PANEL, timeout=20_000)
    first, second = page.locator(PANEL).first, page.locator(PANEL).last
    first.get_by_role("button", name="um 10 % kürzen").click()
    second.get_by_text("72.000 EUR für 8 Standorte").first.wait_for(timeout=10_000)
    assert first.get_by_text("72.000 EUR für 8 Standorte").first.is_visible()
