"""A person at the panel who never sees code: finds everything by its role and its label, with a mouse or with the keyboard alone."""

import re

PANEL = '[data-testid="quartier-panel"]'
MOST_TABS = 200


class Person:
    """Does what the panel is for. The steps that a test wants pictures of are passed to `look`.

    Parameters
    ----------
    page : Page
        Of playwright, with the panel on it.
    look : callable
        Called with the name of each step.
    """

    def __init__(self, page, look=lambda step: None):
        self.page, self.panel, self.look = page, page.locator(PANEL), look

    # --- hands ---

    def box(self, label):
        return self.panel.get_by_role("textbox", name=label, exact=True)

    def press(self, name, role="button", **more):
        self.done(lambda: self.panel.get_by_role(role, name=name, **more).click())

    def choose(self, label, option):
        self.done(lambda: self.panel.get_by_label(label, exact=True).select_option(label=option))

    def type(self, label, text):
        self.done(lambda: (self.box(label).fill(text), self.page.keyboard.press("Tab")))

    def fill(self, label, text):
        """Write into a field that is only looked at when a button is pressed."""
        self.box(label).fill(text)

    def tick(self, name):
        self.done(lambda: self.panel.get_by_role("checkbox", name=name, exact=True).click())

    def unfold(self, title):
        group = self.panel.locator("details").filter(has=self.page.get_by_role("heading", name=title))
        if group.get_attribute("open") is None:
            group.locator("summary").click()

    def done(self, act):
        """Act, and wait until the panel has answered."""
        before = self.seq()
        act()
        self.page.wait_for_function(
            "([panel, seq]) => Number(document.querySelector(panel).dataset.seq) > seq",
            arg=[PANEL, before],
            timeout=20_000,
        )
        self.page.wait_for_timeout(150)

    # --- eyes ---

    def seq(self):
        return int(self.panel.get_attribute("data-seq"))

    def figure(self, label):
        """What a key figure says."""
        return (
            self.panel.locator("dl > div")
            .filter(has=self.page.get_by_text(label, exact=True))
            .locator("strong")
            .inner_text()
        )

    def amounts(self):
        """Amounts in the table, EUR by name of the site."""
        rows = self.panel.get_by_role("table").first.get_by_role("row").all()
        found = {}
        for row in rows:
            head = row.get_by_role("rowheader")
            if head.count():
                cells = row.get_by_role("cell").first.inner_text()
                name = head.get_by_role("button").inner_text().strip()
                found[name] = float(re.match(r"[\d.]+", cells)[0].replace(".", ""))
        return found

    def holds(self):
        """What has the focus: its name or its words; empty where nothing of the panel has it."""
        return self.panel.evaluate(
            """panel => { const one = document.activeElement;
                 return panel.contains(one) ? one.getAttribute("aria-label") || one.innerText.trim() || one.tagName : ""; }"""
        )

    def hears(self):
        """What a screen reader is told last."""
        return self.panel.get_by_role("status").first.inner_text()

    def says(self, text):
        return self.panel.get_by_text(text).first.is_visible()

    # --- the journey ---

    def answer_a_committee(self, name="Kürzung, ohne Vennhofallee"):
        """Less money, failed talks: who loses, why, and what does it cost? Keep it, compare it, take it along."""
        start = self.amounts()
        self.look("beginn")
        self.press("um 10 % kürzen")
        assert self.figure("Verteilt") == "72.000 EUR"
        self.look("kuerzung")
        self.unfold("Standorte und Verhandlungen")
        self.choose("Vennhofallee", "abgelehnt")
        assert self.amounts()["Vennhofallee"] == 0
        self.look("gespraeche-gescheitert")
        self.press("Vennhofallee", exact=True)  # plans that are kept may have the site in their names
        assert self.says("Vennhofallee erhält kein Geld.")
        assert self.says("ausgeschlossen")
        self.look("warum")
        self.fill("Diesen Plan merken als", name)
        self.press("Merken", exact=True)
        assert self.says("Gemerkt.")
        self.tick("Beginn")
        self.tick(name)
        assert self.says("gegenüber „Beginn“")
        self.look("vergleich")
        kept = self.amounts()
        assert sum(kept.values()) < sum(start.values())
        return kept

    def wish_the_impossible(self):
        """Ask for what cannot be, and take one of the ways out."""
        before = self.amounts()
        self.type("Budget im Jahr (EUR)", "12.000")
        assert self.says("Gezeigt wird der letzte Plan, der möglich war.")
        assert self.amounts() == before
        self.look("unmoeglich")
        self.done(lambda: self.panel.get_by_role("button", name="das Budget um").click())
        assert not self.panel.get_by_text("Gezeigt wird der letzte Plan").count()
        self.look("repariert")
        self.press("Rückgängig")
        self.press("Rückgängig")
        assert self.amounts() == before
        assert self.box("Budget im Jahr (EUR)").input_value() == "72.000"

    def save(self, name):
        """Save the scenario, and give the file's text."""
        self.fill("Name des Szenarios (a-z, 0-9, -)", name)
        with self.page.expect_download() as download:
            self.press("Als Szenariodatei speichern (YAML)")
        assert download.value.suggested_filename == f"{name}.yaml"
        return download.value.path().read_text(encoding="utf-8")


class WithoutMouse(Person):
    """The same person with the keyboard alone: everything is reached with Tab, and seen to be."""

    def reach(self, target):
        """Press Tab until the target has the focus."""
        wanted = target.element_handle()
        for _ in range(MOST_TABS):
            if wanted.evaluate("one => one === document.activeElement"):
                seen = wanted.evaluate(
                    "one => { const s = getComputedStyle(one); return [s.outlineStyle, parseFloat(s.outlineWidth)]; }"
                )
                assert seen[0] != "none", "the focus is not seen"
                assert seen[1] >= 2, "the focus is hardly seen"
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{target} is not reached with Tab")

    def press(self, name, role="button", **more):
        self.reach(self.panel.get_by_role(role, name=name, **more))
        self.done(lambda: self.page.keyboard.press("Enter"))

    def choose(self, label, option):
        self.reach(self.panel.get_by_label(label, exact=True))
        self.done(lambda: self.page.keyboard.type(option))

    def type(self, label, text):
        self.reach(self.box(label))
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)
        self.done(lambda: self.page.keyboard.press("Tab"))

    def fill(self, label, text):
        self.reach(self.box(label))
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(text)

    def tick(self, name):
        self.reach(self.panel.get_by_role("checkbox", name=name, exact=True))
        self.done(lambda: self.page.keyboard.press("Space"))

    def unfold(self, title):
        group = self.panel.locator("details").filter(has=self.page.get_by_role("heading", name=title))
        if group.get_attribute("open") is None:
            self.reach(group.locator("summary"))
            self.page.keyboard.press("Enter")
