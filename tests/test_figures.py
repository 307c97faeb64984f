"""The figures say what the plan says, in the reader's language, with nothing overlapping, cut or hidden by grey printing.

The golden pictures show a small made-up city. After a change that is meant, look at the new ones and keep them:
``python tests/test_figures.py`` draws them all into ``tests/golden``.
"""

import functools
import hashlib
import io
import itertools
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Circle, PathPatch
from matplotlib.path import Path as MplPath
from matplotlib.text import Text
from PIL import Image
from small_city import TABLES, write_boundaries, write_city

import quartier as q
from quartier import figures, maps
from quartier.data import STATUSES
from quartier.language import PlainError
from quartier.looks import DARK, LIGHT, LOOKS, SERIES

ROOT = Path(__file__).parent.parent
GOLDEN = Path(__file__).parent / "golden"

# --- what is drawn: a city read from a folder, and tables of sites without sources ---


@functools.cache
def city(basis: str = "as it is") -> q.Sites:
    """Read the small city; with "stated" every figure of it is stated in a source."""
    with tempfile.TemporaryDirectory() as folder:
        path = write_city(Path(folder) / "city")
        if basis == "stated":
            for name, text in TABLES.items():
                (path / f"{name}.csv").write_text(text.replace(",assumed,", ",stated,"), encoding="utf-8")
        return q.load(path)


def table(n: int = 5, **columns: object) -> pd.DataFrame:
    """Make sites whose need falls from one to the next, of all statuses."""
    base = {
        "site_id": [f"ort-{at:02d}" for at in range(n)],
        "need": [2400.0 - 1800.0 * at / n for at in range(n)],
        "status": list(itertools.islice(itertools.cycle(["signed", "prospective", "negotiating", "declined"]), n)),
        "scale_eur": 8000.0,
        "min_eur": 4000.0,
        "max_eur": 14000.0,
    }
    return pd.DataFrame({**base, **columns})


LONG = "Quartierszentrum der Wohnungsbaugenossenschaft am Donaudampfschifffahrtsgesellschaftskapitänsplatz, Haus {}"


@functools.cache
def case(name: str, language: str = "de") -> tuple[q.Sites, q.Plan]:
    """Give sites and a plan by name."""
    scenario = q.Scenario(language=language, title="Plan 2021", budget_eur=30_000, max_sites=3)
    frames = {
        "without names": (table(3), {}),
        "forty": (table(40, scale_eur=[6000.0, 8000.0, 9000.0, 12000.0] * 10), {"budget_eur": 2e5, "max_sites": 24}),
        "long names": (table(6, name=[LONG.format(at) for at in range(6)], provider=[LONG.format("A")] * 6), {}),
        "nobody funded": (table(5, status="prospective"), {"max_sites": 0}),
        "last year": (table(4, previous_eur=[9000.0, 8000.0, 7000.0, 9000.0]), {}),
        "averse": (table(4), {"inequality_aversion": 2.0}),
        "cents": (table(3, need=0.2, min_eur=0.25, max_eur=2.5, scale_eur=1.0), {"budget_eur": 4.0, "step_eur": 0.25}),
        "millions": (table(3, max_eur=9e9, scale_eur=4e9, need=5e6), {"budget_eur": 9e9, "step_eur": 1e6}),
    }
    if name in ("city", "all stated"):
        sites = city("stated" if name == "all stated" else "as it is")
        plan = q.allocate(sites, scenario.replace(budget_eur=20_000))
    else:
        frame, changes = frames[name]
        sites = q.Sites.from_frame(frame)
        plan = q.allocate(sites, scenario.replace(**changes))
    return sites, plan


CASES = ["city", "without names", "forty", "long names", "nobody funded", "last year", "averse", "cents", "millions"]
FIGURES = ["cooperation", "need", "amounts", "response", "baselines", "changes", "frontier", "scenarios"]
PLAN_FIGURES = [*FIGURES[2:], "map"]
EVERY = [*FIGURES, "map"]  # a map can only be drawn of the city, whose places are known


def draw(figure: str, name: str = "city", language: str = "de", ax=None):
    """Draw a figure of a case."""
    sites, plan = case(name, language)
    match figure:
        case "cooperation":
            return q.plot_cooperation(sites, ax=ax, language=language)
        case "need":
            return q.plot_need(sites, ax=ax, language=language)
        case "changes":
            left_out = pd.DataFrame({"all": plan.amounts}) if sites.has_need else q.leave_one_out(sites, plan.scenario)
            return q.plot_changes(left_out, ax=ax, plan=plan)
        case "frontier":
            return q.plot_frontier(q.frontier(sites, plan.scenario), ax=ax, plan=plan)
        case "scenarios":
            less = q.allocate(
                sites, plan.scenario.replace(title="Weniger Geld", budget_eur=plan.scenario.budget_eur * 0.7)
            )
            return q.plot_scenarios([plan, less], ax=ax)
    return getattr(q, f"plot_{figure}")(plan, ax=ax)


def texts(ax) -> list[str]:
    """Everything that is written in the figure, each text as it stands there."""
    return [text.get_text() for text in shown_texts(ax)]


def shown_texts(ax) -> list[Text]:
    found = ax.get_figure(root=True).findobj(Text)
    return [text for text in found if text.get_text() and text.get_visible()]


def said(ax) -> str:
    """All that is written, in one line."""
    return " ".join(" ".join(texts(ax)).split())


# --- pictures ---


def reduced(png: bytes) -> Image.Image:
    """Reduce a picture to 64 colours: a golden picture of a tenth of the size."""
    return (
        Image.open(io.BytesIO(png))
        .convert("RGB")
        .quantize(64, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    )


def different_pixels(one: Image.Image, other: Image.Image) -> float:
    """Count the pixels in which two pictures differ clearly; infinite if the sizes differ."""
    if one.size != other.size:
        return float("inf")
    a, b = (np.asarray(image.convert("RGB"), dtype=int) for image in (one, other))
    return int((np.abs(a - b).max(axis=2) > 64).sum())


ALLOWED = 20  # pixels of a million: edges of letters, no letter


@pytest.mark.parametrize("figure", EVERY)
def test_a_figure_looks_as_its_golden_picture(figure, tmp_path):
    seen = reduced(figures.png_bytes(draw(figure)))
    seen.save(tmp_path / f"{figure}.png")
    golden = Image.open(GOLDEN / f"{figure}.png")
    assert different_pixels(seen, golden) <= ALLOWED, f"compare {GOLDEN / figure}.png with {tmp_path / figure}.png"


def test_a_hundred_euros_more_are_no_longer_the_golden_picture():
    _, plan = case("city")
    more = q.allocate(plan.sites, plan.scenario.replace(budget_eur=plan.scenario.budget_eur + 100))
    assert (
        different_pixels(reduced(figures.png_bytes(q.plot_amounts(more))), Image.open(GOLDEN / "amounts.png")) > ALLOWED
    )


HASHES = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from test_figures import EVERY, draw, figures
for name in EVERY:
    ax = draw(name)
    for kind in ("png", "svg"):
        print(name, kind, hashlib.sha256(figures._rendered(ax, kind)).hexdigest())
assert "matplotlib.pyplot" not in sys.modules, "pyplot is global state"
"""


def test_two_processes_draw_the_same_bytes_without_pyplot():
    done = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", HASHES, str(Path(__file__).parent)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert done[0].count("\n") == 2 * len(EVERY)
    assert done[0] == done[1]


# --- layout ---


def overlaps(ax) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes overlap, and texts that leave the figure (with an empty partner)."""
    figure = ax.get_figure(root=True)
    with matplotlib.style.context(figures._STYLE, after_reset=True):
        figure.canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown_texts(ax)]
    width, height = figure.bbox.width, figure.bbox.height
    found = [
        (text, "")
        for text, box in boxes
        if box.x0 < -0.5 or box.y0 < -0.5 or box.x1 > width + 0.5 or box.y1 > height + 0.5
    ]
    for (text, a), (other, b) in itertools.combinations(boxes, 2):
        across, up = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
        if across > 0.5 and up > 0.5:
            found.append((text, other))
    return found


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("figure", FIGURES)
def test_no_text_overlaps_another_or_leaves_the_figure(figure, name, language):
    assert overlaps(draw(figure, name, language)) == []


def test_an_overlap_and_a_text_outside_are_noticed():
    ax = draw("amounts")
    ax.text(0.5, 0.5, "darunter", transform=ax.transAxes)
    ax.text(0.5, 0.5, "darüber", transform=ax.transAxes)
    ax.text(4.0, 0.5, "draußen", transform=ax.transAxes)
    assert {("darunter", "darüber"), ("draußen", "")} <= set(overlaps(ax))


@pytest.mark.parametrize("figure", FIGURES)
def test_letters_are_large_enough_for_a_projector(figure):
    ax = draw(figure, "long names")
    assert min(text.get_fontsize() for text in shown_texts(ax)) >= 11
    assert {text.get_fontfamily()[0] for text in shown_texts(ax)} == {"DejaVu Sans"}
    width, height = ax.figure.get_size_inches()
    assert 10 <= width <= 12
    assert height <= 12


@pytest.mark.parametrize("figure", EVERY)
def test_a_given_axes_is_filled_and_nothing_beside_it_is_touched(figure):
    sheet = Figure(figsize=(16, 9))
    FigureCanvasAgg(sheet)
    ax, other = sheet.subplots(1, 2)
    other.plot([1, 2], label="steht schon da")
    box, before = ax.get_position().frozen(), other.get_position().frozen()
    assert draw(figure, ax=ax) is ax
    assert sheet.axes == [ax, other]
    assert len(other.lines) == 1
    assert other.get_position().bounds == before.bounds
    with matplotlib.style.context(figures._STYLE, after_reset=True):
        sheet.canvas.draw()
        place = box.transformed(sheet.transFigure)
        for text in shown_texts(ax):
            if text.axes is not other and text not in other.findobj(Text):
                extent = text.get_window_extent()
                assert place.x0 - 1 <= extent.x0, text.get_text()
                assert extent.x1 <= place.x1 + 1, text.get_text()
                assert place.y0 - 1 <= extent.y0, text.get_text()
                assert extent.y1 <= place.y1 + 1, text.get_text()


def test_a_given_axes_may_lie_in_a_subfigure():
    sheet = Figure(figsize=(20, 6), layout="constrained")
    FigureCanvasAgg(sheet)
    left, right = sheet.subfigures(1, 2)
    for part in (left, right):
        draw("amounts", ax=part.subplots())
    assert overlaps(left.axes[0]) == []
    assert figures.png_bytes(right.axes[0]).startswith(b"\x89PNG")


def test_labels_in_a_column_keep_their_order_and_do_not_overlap():
    heights = np.array([0.2, 0.4, 0.2, 0.2])
    places = figures._spread(np.array([1.0, 1.05, 1.1, 3.0]), heights, 0.0, 4.0)
    assert (np.diff(places) >= (heights[:-1] + heights[1:]) / 2 - 1e-12).all()
    assert places[3] == pytest.approx(3.0)
    assert places[0] - 0.1 >= 0
    full = figures._spread(np.full(4, 3.9), heights, 3.0, 4.0)
    assert full == pytest.approx([3.1, 3.4, 3.7, 3.9])


def test_a_long_name_keeps_its_beginning_and_its_end():
    lines = figures._wrap(LONG.format(7), 2.5, most=3)
    assert len(lines) == 3
    assert lines[0] == "Quartierszentrum der"
    assert lines[2].startswith("…")
    assert lines[2].endswith("Haus 7")
    assert all(figures._length(line) <= 2.5 for line in lines)


def test_a_dollar_sign_and_a_line_break_in_a_name_are_no_formula():
    sites = q.Sites.from_frame(table(3, name=["Haus $a_1$", "Haus\nB", r"Haus $\frac{"]))
    ax = q.plot_amounts(q.allocate(sites, q.Scenario()))
    assert {"Haus $a_1$", "Haus B", r"Haus $\frac{"} <= set(texts(ax))
    assert not any(text.get_parse_math() for text in shown_texts(ax))
    assert figures.png_bytes(ax).startswith(b"\x89PNG")


# --- settings of the reader ---


@pytest.mark.parametrize("figure", EVERY)
def test_the_readers_settings_are_neither_changed_nor_followed(figure):
    plain = figures.png_bytes(draw(figure))
    with matplotlib.rc_context(
        {"font.size": 30, "axes.facecolor": "black", "savefig.bbox": "tight", "text.color": "red"}
    ):
        before = dict(matplotlib.rcParams)
        seen = figures.png_bytes(draw(figure))
        assert dict(matplotlib.rcParams) == before
    assert hashlib.sha256(seen).digest() == hashlib.sha256(plain).digest()


def test_importing_the_figures_loads_no_matplotlib():
    code = "import sys, quartier.figures; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- words ---

ENGLISH = set(
    re.findall(
        r"\w+",
        """all amount amounts and assumed basis benefit blank bound cap company curve date declined derived district each
        excluded figures floor for funded gap housing indicator known less money more need needs negotiating not nothing
        objective of origin other place places prospective proven provider reached reason resident residents rests scale
        scenario scenarios share signed site sites source sources stated sum that the this upper weight weighted what
        with without""",
    )
)


@pytest.mark.parametrize("name", ["city", "nobody funded", "last year", "averse", "forty"])
@pytest.mark.parametrize("figure", FIGURES)
def test_a_german_figure_holds_no_english_word(figure, name):
    ax = draw(figure, name)
    for text in (said(ax), figures.alt_text(ax)):
        words = {word.lower() for word in re.findall(r"[^\W\d_]+", text)}
        assert words & ENGLISH == set()
        assert "_" not in text


@pytest.mark.parametrize("figure", EVERY)
def test_an_english_figure_is_english(figure):
    words = {word.lower() for word in re.findall(r"[^\W\d_]+", said(draw(figure, language="en")))}
    assert words & ENGLISH
    assert not words & {"und", "der", "die", "standorte", "betrag", "bedarf", "szenario", "angenommen"}


@pytest.mark.parametrize("name", ["city", "cents", "millions", "last year"])
@pytest.mark.parametrize("figure", FIGURES)
def test_numbers_are_written_as_the_language_does(figure, name):
    for language, wrong in (("de", r"\d\.\d{1,2}(?!\d)|\d,\d{3}\b|\d{4,}"), ("en", r"\d,\d{1,2}(?!\d)|\d{4,}")):
        for text in (said(draw(figure, name, language)), figures.alt_text(draw(figure, name, language))):
            dates = re.sub(r"\d\d?[. ](\d\d\.|\w+ )\d{4}|Plan 2021", "", text.replace("CC BY-SA 4.0", ""))
            three_digits = re.sub(r"\b0,\d{3}\b", "", dates)  # 0,385 weighted residents
            assert re.findall(wrong, three_digits) == []


def test_amounts_stand_with_thousands_points_and_unit():
    _, plan = case("last year")
    assert plan.amounts.iloc[0] == 11_800
    assert {"11.800 EUR", "10.000"} <= set(texts(draw("amounts", "last year")))
    assert {"11,800 EUR", "10,000"} <= set(texts(draw("amounts", "last year", "en")))


# --- honesty ---


@pytest.mark.parametrize("figure", EVERY)
def test_a_figure_that_rests_on_assumed_figures_says_so(figure):
    ax = draw(figure)
    assert "Angenommen, nicht durch eine Quelle belegt:" in said(ax)
    assert figures.alt_text(ax).endswith(("Beruht auf angenommenen Zahlen.", "angenommen, nicht gemessen."))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_of_unknown_origin_says_that_and_claims_nothing_else(figure):
    ax = draw(figure, "last year")
    assert "Die Herkunft der Zahlen ist nicht dokumentiert" in said(ax)
    assert "Angenommen" not in said(ax)
    assert "Quelle:" not in said(ax)
    assert "Beruht auf" not in figures.alt_text(ax)


@pytest.mark.parametrize("figure", EVERY)
def test_where_every_figure_is_stated_only_the_response_curve_is_assumed(figure):
    words = said(draw(figure, "all stated"))
    assert ("Wirkungskurve" in words) == (figure in PLAN_FIGURES)
    assert ("angenommen" in words.lower()) == (figure in PLAN_FIGURES)
    assert "Wirkungsskala sind angenommen" not in words


def test_the_response_figure_says_that_curve_and_scale_are_assumed():
    assert "Wirkungskurve und Wirkungsskala sind angenommen, nicht gemessen." in texts(draw("response"))
    assert "Die Wirkungskurve ist angenommen, nicht gemessen." in texts(draw("response", "last year"))


@pytest.mark.parametrize("figure", EVERY)
def test_the_source_is_named_as_its_licence_asks(figure):
    assert "Quelle: Stadt Übersee (CC BY-SA 4.0)" in texts(draw(figure))


def test_changes_without_their_plan_say_that_their_basis_is_not_given():
    _, plan = case("city")
    ax = q.plot_changes(q.leave_one_out(plan.sites, plan.scenario), names={"park": "Der Park", "old": "Ältere"})
    assert "Worauf die Beträge beruhen, ist hier nicht angegeben." in texts(ax)
    assert {"Der Park", "hill"} <= set(texts(ax))
    assert "ohne: Ältere" in said(ax)


# --- text alternatives ---


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("figure", FIGURES)
def test_a_text_alternative_is_short(figure, name):
    assert 40 < len(figures.alt_text(draw(figure, name))) <= figures.ALT_LENGTH


@pytest.mark.parametrize("figure", ["amounts", "response"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_a_text_alternative_names_every_amount(figure, language):
    _, plan = case("last year", language)
    said_so = figures.alt_text(draw(figure, "last year", language)).replace("\u00a0", " ")
    for site_id, amount in plan.amounts[plan.amounts > 0].items():
        assert f"{site_id} {plan.texts.eur(amount)}" in said_so


def test_text_alternatives_hold_the_numbers_of_the_other_figures():
    _, plan = case("city")
    number = plan.texts.number
    assert f"Am Hügel {number(plan.need['hill'])}" in figures.alt_text(draw("need"))
    assert f"dieser Plan {number(plan.benefit, 1)}" in figures.alt_text(draw("baselines"))
    assert f"Plan 2021: {plan.texts.eur(plan.spent_eur)}" in figures.alt_text(draw("scenarios"))
    assert "unterschrieben: 1, in Verhandlung: 1, abgelehnt: 1" in figures.alt_text(draw("cooperation"))
    changes = q.leave_one_out(plan.sites, plan.scenario)
    moved = (changes["old"] - changes["all"]).clip(lower=0).sum()
    assert f"ohne Menschen von 65 bis 79 {plan.texts.eur(moved)}" in figures.alt_text(draw("changes"))


def test_a_long_list_is_counted_where_it_is_cut():
    assert re.search(r"; \d+ weitere\.", figures.alt_text(draw("amounts", "forty")))


def test_an_axes_from_elsewhere_has_no_text_alternative():
    with pytest.raises(PlainError, match="Alternativtext"):
        figures.alt_text(Figure().subplots())


# --- what is drawn ---


def bars(ax) -> list[tuple[float, float]]:
    """Row and length of each bar."""
    return [(patch.get_y() + patch.get_height() / 2, patch.get_width()) for patch in ax.patches]


def test_the_bars_are_the_amounts_and_who_gets_nothing_has_a_word():
    _, plan = case("last year")
    amounts = plan.amounts.sort_values(ascending=False, kind="stable")
    ax = draw("amounts", "last year")
    assert bars(ax) == [(pytest.approx(row), amount) for row, amount in enumerate(amounts) if amount > 0]
    assert texts(ax).count("ausgeschlossen") == 1
    assert texts(draw("amounts", "nobody funded")).count("kein Platz") == 5
    poor = q.allocate(q.Sites.from_frame(table(2, status="prospective", need=[9.0, 0.0])), q.Scenario(budget_eur=100))
    assert {"nicht gefördert", "kein Bedarf"} <= set(texts(q.plot_amounts(poor)))
    coarse = q.allocate(q.Sites.from_frame(table(1, status="prospective", max_eur=4500.0)), q.Scenario(step_eur=5000))
    assert "kein möglicher Betrag" in texts(q.plot_amounts(coarse))


def test_floor_and_cap_are_marked_for_each_site():
    ax = draw("amounts", "last year")
    ranges = [line.get_xdata() for line in ax.lines if line.get_marker() == "|"]
    assert [list(ends) for ends in ranges] == [[4000, 14000]] * 4


def test_the_parts_of_the_need_add_up_and_the_greatest_is_on_top():
    _, plan = case("city")
    ax = draw("need")
    need = plan.need.sort_values(ascending=False)
    drawn = pd.DataFrame(bars(ax), columns=["row", "length"]).round({"row": 6}).groupby("row")["length"].sum()
    assert list(drawn) == pytest.approx(list(need))
    sums = [text.get_text() for text in ax.texts if text.get_bbox_patch() is not None]
    assert sums == [plan.texts.number(value) for value in need]


def test_other_weights_are_shown_and_no_weights_mean_those_of_the_data():
    ax = q.plot_need(city(), weights={"old": 0.5, "very_old": 1.125})
    assert {"Menschen von 65 bis 79, Gewicht 0,5", "Menschen ab 80, Gewicht 1,125"} <= set(texts(ax))
    assert texts(q.plot_need(city(), weights={})) == texts(draw("need"))


def test_each_funded_site_is_a_point_on_the_curve():
    _, plan = case("forty")
    ax = draw("response", "forty")
    funded = plan.table().query("amount_eur > 0")
    points = [line for line in ax.lines if line.get_marker() in {look.marker for look in LOOKS.values()}]
    to_data = ax.transData.inverted()
    seen = [to_data.transform(line.get_transform().transform(line.get_xydata()))[0] for line in points]
    wanted = funded.sort_values(["coverage", "amount_eur"], ascending=False, kind="stable")[["amount_eur", "coverage"]]
    assert np.array(seen) == pytest.approx(wanted.to_numpy(), abs=1e-6)


def test_the_bound_is_a_line_only_where_it_bounds_the_benefit():
    _, plan = case("last year")
    dashed = [line for line in draw("baselines", "last year").lines if line.get_linestyle() == "--"]
    assert [list(line.get_xdata()) for line in dashed] == [[plan.bound, plan.bound]]
    averse = draw("baselines", "averse")
    assert [line for line in averse.lines if line.get_linestyle() == "--"] == []
    assert "daher hier keine Linie" in said(averse)
    assert " ".join(case("averse")[1].outcome_sentence().split()) in said(averse)


def test_a_baseline_is_shown_with_what_it_loses_and_whether_it_keeps_the_rules():
    _, plan = case("last year")
    row = plan.baselines().loc["last_year"]
    assert not row["keeps_rules"]
    number, percent = plan.texts.number, plan.texts.percent
    more = f"{number(row['benefit'], 1)}, {number(-row['lost_benefit'], 1)} ({percent(-row['lost_share'])}) mehr"
    assert f"{more}, verletzt Regeln" in texts(draw("baselines", "last year"))
    row = plan.baselines().loc["equal_split"]
    less = f"{number(row['benefit'], 1)}, {number(row['lost_benefit'], 1)} ({percent(row['lost_share'])}) weniger"
    assert less in texts(draw("baselines", "last year"))
    assert [word for word in texts(draw("baselines", "nobody funded")) if "ebenso viel" in word]


def test_changes_are_signed_and_coloured_by_their_sign():
    amounts = pd.DataFrame({"all": [5000.0, 6000.0, 0.0], "old": [5300.0, 5700.0, 0.0]}, index=["a", "b", "c"])
    ax = q.plot_changes(amounts)
    assert {"+300", "\u2212300", "5.000", "11.000", "300"} <= set(texts(ax))
    cells = {matplotlib.colors.to_hex(patch.get_facecolor()) for patch in ax.patches}
    assert cells == {
        "#ffffff",
        *(figures._blend(colour, figures._STRONGEST) for colour in (figures._BLUE, figures._RED)),
    }


def frontier(*rows) -> pd.DataFrame:
    """Make a frontier of rows: inequality aversion, benefit, Gini coefficient, price as a share and in EUR."""
    columns = ["inequality_aversion", "benefit", "gini", "price_share", "price_eur"]
    return pd.DataFrame(rows, columns=columns, dtype=float)


def dots(ax) -> np.ndarray:
    """Places of the points in the axes' own numbers."""
    points = [line for line in ax.lines if line.get_marker() == "o"]
    to_data = ax.transData.inverted()
    return np.array([to_data.transform(line.get_transform().transform(line.get_xydata()))[0] for line in points])


def test_each_plan_of_the_frontier_is_a_point_at_its_inequality_and_benefit():
    sites, plan = case("last year")
    table = q.frontier(sites, plan.scenario)
    wanted = table.sort_values("benefit", ascending=False)[["gini", "benefit"]].round(9).drop_duplicates()
    assert dots(draw("frontier", "last year")) == pytest.approx(wanted.to_numpy(), abs=1e-6)


def test_a_point_of_the_frontier_is_labelled_with_its_aversion_and_its_price():
    ax = q.plot_frontier(frontier([0, 1000, 0.2, 0, 0], [0.5, 999.9, 0.1, 1e-4, 0], [np.inf, 950, 0, 0.05, 3100]))
    found = [text.replace("\u00a0", " ") for text in texts(ax)]
    for label in ("0: größter Nutzen", "0,5: unter 0,1 %, 0 EUR", "unendlich: 5,0 %, 3.100 EUR"):
        assert f"Aversion {label}" in found
    assert "Aversion unendlich: Nutzen 950, Gini 0,000, 5,0 %, 3.100 EUR" in figures.alt_text(ax).replace("\u00a0", " ")
    assert "Worauf die Beträge beruhen, ist hier nicht angegeben." in texts(ax)
    english = q.plot_frontier(frontier([2, 950, 0, 0.05, 3100]), language="en")
    assert "aversion 2: 5.0%, 3,100 EUR" in [text.replace("\u00a0", " ") for text in texts(english)]


def test_equal_points_of_the_frontier_have_one_label_and_the_plan_is_marked():
    _, plan = case("averse")
    rows = [[aversion, 1000, 0.2, 0, 0] for aversion in (0, 0.5, 2, 5)]
    ax = q.plot_frontier(frontier(*rows), plan=plan)
    assert len(dots(ax)) == 1
    bold = [text.get_text() for text in shown_texts(ax) if text.get_fontweight() == "bold"]
    assert "Aversion 0; 0,5; 2; 5: größter Nutzen" in bold
    assert "dieser Plan" in texts(ax)
    assert overlaps(ax) == []
    other = q.plot_frontier(frontier([1, 1000, 0.2, 0, 0]), plan=plan)
    assert "bester Plan bei einer Ungleichheitsaversion" in texts(other)


@pytest.mark.parametrize(
    "rows",
    [
        [[0, 0, 0, 0, 0]],
        [[0, 0.01, 0, 0, 0], [1, 0.01, 0.001, 0, 0]],
        [[a, 1000 - a / 100, 0.3 - a / 1000, a / 1e5, a] for a in range(12)],
        [[a, 1000 + a, 1, 0, 0] for a in range(3)],
        [[0, 9e12, 0.9, 0, 0], [100, 1, 0, 1, 9e12]],
    ],
)
def test_the_labels_of_a_frontier_never_overlap(rows):
    assert overlaps(q.plot_frontier(frontier(*rows))) == []


def test_an_axis_that_does_not_begin_at_zero_says_so():
    note = "Die senkrechte Achse beginnt nicht bei null."
    assert note in said(q.plot_frontier(frontier([0, 1000, 0.2, 0, 0], [1, 990, 0.1, 0.01, 100])))
    assert note not in said(q.plot_frontier(frontier([0, 1000, 0.2, 0, 0], [1, 0, 0.1, 1, 100])))


def test_where_nothing_is_known_of_evenness_the_figure_says_why():
    sites, plan = case("averse")
    divided = q.allocate(sites, plan.scenario.replace(method="equal-split"))
    with pytest.raises(PlainError) as refused:
        q.frontier(sites, divided.scenario)
    ax = q.plot_frontier(refused.value, plan=divided)
    assert str(refused.value) in said(ax)
    assert str(refused.value) in figures.alt_text(ax)
    assert "Es gibt nichts zu zeigen." in texts(q.plot_frontier(frontier()))


def test_scenarios_stand_side_by_side_and_who_gets_nothing_is_blank():
    _, plan = case("last year")
    only = q.allocate(plan.sites, plan.scenario.replace(name="nur", title="Nur einer", max_sites=1))
    ax = q.plot_scenarios([plan, only])
    numbers = [text for text in texts(ax) if re.fullmatch(r"[\d.]+", text)]
    gets = [
        plan.texts.number(amount) for pair in zip(plan.amounts, only.amounts, strict=True) for amount in pair if amount
    ]
    benefits = [plan.texts.number(one.benefit) for one in (plan, only)]
    assert numbers == [*gets, "3", "1", *benefits, "30.000", "14.000"]
    with pytest.raises(PlainError, match="keinen Plan"):
        q.plot_scenarios([])


def test_the_board_shows_status_partners_date_and_reason():
    words = said(draw("cooperation"))
    for part in ("unterschrieben: 1", "in Verhandlung: 1", "abgelehnt: 1", "26.01.2021", "Wohnbau GmbH", "AWO", "Süd"):
        assert part in words
    assert "Grund: andere Vorstellungen" in words
    assert texts(draw("cooperation")).count("angenommen") == 1
    assert texts(draw("cooperation")).count("nicht bekannt") == 1
    assert "Anbieter" not in said(draw("cooperation", "without names"))


def test_the_board_gives_a_status_that_was_chosen_no_day_and_no_reason_and_says_that_it_is_assumed():
    words = q.plot_cooperation(city("as it is").replace({"yard": {"status": "signed"}}))
    assert "unterschrieben: 2" in said(words)
    assert "Grund:" not in said(words)
    assert "Status (2 von 3 Standorten)" in said(words)
    assert texts(words).count("angenommen") == 2
    assert texts(words).count("26.01.2021") == 2


def test_a_housing_company_of_several_sites_stands_once_beside_them():
    partners = ["Wohnbau", "Wohnbau", "Scholle", "Wohnbau"]
    ax = q.plot_cooperation(q.Sites.from_frame(table(4, status="signed", housing_company=partners)))
    assert texts(ax).count("Wohnbau") == 2
    assert texts(ax).count("Scholle") == 1


# --- the map ---


@functools.cache
def bielefeld() -> q.Sites:
    return q.load(ROOT / "data")


@functools.cache
def mapped(scenario: str = "baseline", language: str = "de"):
    """Draw the map of a scenario of the data; for "invented", all houses have got a place, close together in their district."""
    sites, name = bielefeld(), scenario
    if scenario == "invented":
        tables, name = sites.tables, "baseline"
        houses, areas = tables["sites"], tables["areas"].set_index("area_id")
        for axis, middle in (("latitude", 52.02), ("longitude", 8.53)):
            place = houses["area_id"].map(areas[axis]).fillna(middle)
            houses[axis] = place + 0.02 * np.sin(np.arange(len(houses)) * (1 if axis == "latitude" else 2))
        sites = q.Sites(sites.frame, tables)
    plan = q.allocate(sites, q.Scenario.named(name, ROOT / "data").replace(language=language))
    return plan, q.plot_map(plan)


def changed(**columns: dict[str, object]) -> q.Plan:
    """Plan the small city with other coordinates: table=column to values."""
    sites, plan = case("city")
    tables = sites.tables
    for name, values in columns.items():
        tables[name] = tables[name].assign(**values)
    return q.allocate(q.Sites(sites.frame, tables), plan.scenario)


def symbols(ax) -> list[tuple[float, float, float, object]]:
    """Middle and half the width, in pixels, of every symbol, and the line that it is."""
    pixel = ax.figure.dpi / 72
    half = {"D": 2**-0.5, "o": 0.5, "s": 0.5, "^": 0.5, "X": 0.5}
    found = [line for line in ax.lines if line.get_marker() in half]
    places = [line.get_transform().transform(line.get_xydata())[0] for line in found]
    return [
        (x, y, half[line.get_marker()] * line.get_markersize() * pixel, line)
        for (x, y), line in zip(places, found, strict=True)
    ]


def circles(ax) -> list[tuple[float, float, float]]:
    """Middle and radius, in pixels, of the circle of each district, the largest first."""
    found = [patch for patch in ax.patches if isinstance(patch, Circle)]
    middles = [patch.get_transform().transform((0, 0)) for patch in found]
    edges = [patch.get_transform().transform((1, 0)) for patch in found]
    return [(*middle, np.hypot(*(edge - middle))) for middle, edge in zip(middles, edges, strict=True)]


def covered(ax) -> list[tuple[str, str]]:
    """Texts that overlap a symbol or a circle."""
    with matplotlib.style.context(figures._STYLE, after_reset=True):
        ax.figure.canvas.draw()
        boxes = [(text.get_text(), text.get_window_extent()) for text in shown_texts(ax)]
    found = []
    for text, box in boxes:
        for x, y, half, line in symbols(ax):
            across, up = min(box.x1, x + half) - max(box.x0, x - half), min(box.y1, y + half) - max(box.y0, y - half)
            if min(across, up) > 0.5:
                found.append((text, line.get_marker()))
        for x, y, radius in circles(ax):
            if np.hypot(x - np.clip(x, box.x0, box.x1), y - np.clip(y, box.y0, box.y1)) < radius - 0.5:
                found.append((text, "circle"))
    return found


SCENARIOS = sorted(path.stem for path in (ROOT / "data" / "scenarios").glob("*.yaml"))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("scenario", [*SCENARIOS, "invented"])
def test_no_label_of_the_map_overlaps_a_label_or_a_symbol(scenario, language):
    _, ax = mapped(scenario, language)
    assert len(SCENARIOS) == 7
    assert overlaps(ax) == []
    assert covered(ax) == []


def test_a_label_on_a_circle_or_a_symbol_is_noticed():
    _, ax = mapped.__wrapped__()
    (x, y, _), (across, up, *_) = circles(ax)[0], symbols(ax)[-1]
    for text, place in (("auf dem Kreis", (x, y)), ("auf dem Zeichen", (across, up))):
        ax.annotate(text, place, xycoords="figure pixels")
    assert {"auf dem Kreis", "auf dem Zeichen"} <= {text for text, _ in covered(ax)}


def test_no_lines_of_the_map_cross_each_other_or_a_label():
    _, ax = mapped("invented")
    lines = [tuple(map(tuple, line.get_xydata())) for line in ax.lines if line.get_color() == figures._QUIET]
    leaders = [line for line in lines if len(line) == 2 and line[0] != line[1]]
    assert len(leaders) > 1
    assert not any(figures._cross(one, other) for one, other in itertools.combinations(leaders, 2))
    one = figures._Place((2.0, 0.9, 3.0, 1.1), 5, ((0.0, 1.0), (2.0, 1.0)))
    across = figures._Place((0.8, 2.0, 1.2, 3.0), 5, ((1.0, 0.0), (1.0, 2.0)))
    through = figures._Place((0.9, 0.8, 1.1, 1.2), 5, ((1.0, 0.0), (1.0, 0.8)))
    above = figures._Place((0.8, -2.0, 1.2, -1.0), 5, ((1.0, 0.0), (1.0, -1.0)))
    assert [figures._in_the_way(one, other) for other in (across, through, above)] == [True, True, False]


def test_the_map_is_true_to_scale_with_north_up():
    plan, ax = mapped()
    rows = plan.sites.table("indicators").query("indicator == 'residents_80_plus' and date == '2019-12-31'")
    areas = plan.sites.table("areas").query("kind == 'district'").merge(rows[["area_id", "value"]], on="area_id")
    areas = areas.sort_values("value", ascending=False)  # as the circles are drawn
    seen = np.array(circles(ax))[:, :2]
    bar = next(line for line in ax.lines if line.get_color() == figures._INK)
    (x0, _), (x1, _) = bar.get_transform().transform(bar.get_xydata())
    assert "5 km" in texts(ax)
    a = np.radians(areas[["latitude", "longitude"]].to_numpy())
    for one, other in itertools.combinations(range(len(a)), 2):
        (p0, l0), (p1, l1) = a[one], a[other]
        half = np.sin((p1 - p0) / 2) ** 2 + np.cos(p0) * np.cos(p1) * np.sin((l1 - l0) / 2) ** 2
        km = 2 * 6371 * np.arcsin(np.sqrt(half))  # haversine
        drawn = np.hypot(*(seen[one] - seen[other])) / (x1 - x0) * 5
        assert drawn == pytest.approx(km, rel=0.01)
    assert np.corrcoef(seen[:, 0], areas["longitude"])[0, 1] == pytest.approx(1)
    assert np.corrcoef(seen[:, 1], areas["latitude"])[0, 1] == pytest.approx(1)
    assert "\u2191 N" in texts(ax)


def test_a_circle_is_as_large_as_the_residents_of_its_district():
    plan, ax = mapped()
    rows = plan.sites.table("indicators").query("indicator == 'residents_80_plus' and date == '2019-12-31'")
    values = rows.set_index("area_id")["value"]
    districts = plan.sites.table("areas").query("kind == 'district'").set_index("area_id")["name"]
    wanted = values[districts.index].to_numpy()
    areas = np.array(sorted(radius**2 for _, _, radius in circles(ax)))
    assert areas / areas.sum() == pytest.approx(np.sort(wanted) / wanted.sum(), rel=0.001)
    for area_id, name in districts.items():
        assert f"{name} ({plan.texts.number(values[area_id])})" in texts(ax)
    # Nord and Süd have no figure of their own: it is the sum of their parts.
    assert {"Nord (800)", "Süd (50)"} <= set(texts(draw("map")))


def test_the_circles_show_the_indicator_that_counts_most():
    assert "Menschen ab 80 Jahren" in texts(mapped()[1])
    plan, _ = mapped()
    other = q.allocate(plan.sites, plan.scenario.replace(need_weights={"residents_65_79": 1.0}))
    assert "Menschen von 65 bis 79 Jahren" in texts(q.plot_map(other))


def test_a_symbol_is_as_large_as_the_amount_and_shaped_by_the_status():
    plan, ax = mapped("invented")
    placed = {}
    for *_, line in symbols(ax):
        if line.get_zorder() == 3:
            placed.setdefault(line.get_marker(), []).append(line.get_markersize())
    table = plan.table()
    for status, look in LOOKS.items():
        assert len(placed.get(look.marker, [])) == (table["status"] == status).sum()
    signed = np.sort(table.query("status == 'signed'")["amount_eur"])
    assert np.sort(placed["o"]) ** 2 / max(placed["o"]) ** 2 == pytest.approx(signed / signed.max(), rel=1e-6)
    white = [line for *_, line in symbols(ax) if line.get_markerfacecolor() == "white"]
    assert len(white) == (table["amount_eur"] == 0).sum()


def test_a_site_without_a_place_is_listed_and_drawn_nowhere():
    plan, ax = mapped()
    assert {"o", "s", "D", "^", "X"} == {line.get_marker() for *_, line in symbols(ax)}
    listed = [line for *_, line in symbols(ax) if line.get_marker() != "s"]
    assert len({line.get_xdata()[0] for line in listed}) == 1  # the column of symbols of the list, not the map
    assert len(listed) == len(plan.sites)
    for name, amount in zip(plan.sites.frame["name"], plan.amounts, strict=True):
        assert name in texts(ax)
        assert not amount or plan.texts.eur(amount) in texts(ax)
    assert "Standorte, deren Lage nicht bekannt ist" in texts(ax)
    assert "drawn nowhere" in said(mapped("baseline", "en")[1])
    heepen = plan.amounts[plan.sites.frame["district"] == "Heepen"].sum()
    assert plan.texts.eur(heepen) in texts(ax)
    everywhere = mapped("invented")[1]
    assert "nicht bekannt ist" not in said(everywhere)
    assert "nirgends eingezeichnet" not in said(everywhere)


def test_a_district_without_coordinates_is_named_and_left_out():
    ax = q.plot_map(changed(areas={"latitude": [np.nan, 52.02, *[np.nan] * 4]}))
    assert len(circles(ax)) == 1
    assert "Bezirke ohne Koordinaten: Süd." in texts(ax)
    assert "Bezirke ohne Koordinaten" not in said(draw("map"))


def test_places_that_are_assumed_are_named():
    ax = q.plot_map(changed(areas={"basis": ["stated", "assumed", *["stated"] * 4]}))
    assert "Angenommene Lagen: Nord." in texts(ax)
    assert "Angenommene Lagen" not in said(draw("map"))


def test_without_any_coordinates_there_is_no_map():
    nowhere = {"latitude": np.nan}
    for plan in (case("last year")[1], changed(areas=nowhere, sites=nowhere)):
        assert not maps.has_map(plan.sites)
        with pytest.raises(PlainError, match="Es gibt keine Karte zu zeichnen") as refused:
            q.plot_map(plan)
        assert len(str(refused.value).splitlines()) == 1
    only_sites = changed(areas=nowhere)
    assert maps.has_map(only_sites.sites)
    assert circles(q.plot_map(only_sites)) == []


def test_the_map_says_that_it_is_schematic_and_whose_figures_it_shows():
    _, ax = mapped()
    assert "Schematische Karte ohne Grenzen" in said(ax)
    assert "© Stadt Bielefeld, Presseamt/Statistikstelle (CC BY-SA 4.0)" in said(ax)
    assert "Wikipedia (de) (CC BY-SA 4.0)" in said(ax)
    assert "Schematic map, without boundaries" in said(mapped("baseline", "en")[1])


@pytest.mark.parametrize("language", ["de", "en"])
def test_the_text_alternative_of_the_map_holds_districts_and_amounts(language):
    plan, ax = mapped("baseline", language)
    words, number = figures.alt_text(ax), plan.texts.number
    assert len(words) <= figures.ALT_LENGTH
    for part in (
        f"Heepen ({number(3320)}) {number(43900)} EUR",
        f"Gadderbaum ({number(797)});",
        f"{number(80000)} EUR",
    ):
        assert part in words
    _, places = mapped("invented", language)
    assert re.search(r"Am Pfarracker 14[.,]000 EUR", figures.alt_text(places))


def test_a_map_of_several_years_shows_their_sums_and_says_so():
    plan, _ = mapped()
    years = q.allocate(plan.sites, plan.scenario.replace(years=2))
    ax = q.plot_map(years)
    assert "(Summen von 2 Jahren)" in said(ax)
    assert f"{plan.texts.number(years.spent_eur)} EUR" in figures.alt_text(ax)


def test_the_map_can_be_read_on_a_telephone():
    _, ax = mapped()
    width, height = ax.figure.get_size_inches()
    smallest = min(text.get_fontsize() for text in shown_texts(ax)) / 72
    assert 375 * smallest / width >= 9.5  # pixels
    assert height <= 15
    assert {text.get_fontfamily()[0] for text in shown_texts(ax)} == {"DejaVu Sans"}


def test_circles_squares_and_symbols_of_the_map_differ_without_colour():
    looks = [figures._circle_look(), figures._square_look()]
    assert len({look["marker"] for look in looks} | {look.marker for look in LOOKS.values()}) == 5
    for status in ("signed", "negotiating"):  # the circle of a district, and what may stand on it
        assert abs(luminance(LIGHT[LOOKS[status].colour]) - luminance(figures._FAINT)) > 0.2
    assert contrast(figures._FAINT, figures._INK) >= 3


def test_more_labels_than_there_is_room_for_are_listed():
    spots = [figures._Spot(0.01 * n, 0.0, 0.0, f"Haus {n}", "1 EUR", 1.0, "signed", 0.1) for n in range(80)]
    boxes = figures._place_labels(spots, (-1.0, -1.0, 1.0, 1.0))
    found = [box for box in boxes if box is not None]
    assert 2 < len(found) < 80
    for a, b in itertools.combinations(found, 2):
        assert min(a[2], b[2]) <= max(a[0], b[0]) or min(a[3], b[3]) <= max(a[1], b[1])


# --- boundaries ---


@functools.cache
def outlined(language: str = "de"):
    """Draw the map of the small city with the outlines of its districts."""
    with tempfile.TemporaryDirectory() as folder:
        sites = q.load(write_boundaries(write_city(Path(folder) / "city")))
    plan = q.allocate(sites, q.Scenario(budget_eur=20_000, max_sites=3, title="Plan 2021", language=language))
    return plan, q.plot_map(plan)


def outlines(ax) -> list[PathPatch]:
    return [patch for patch in ax.patches if isinstance(patch, PathPatch)]


def test_where_the_city_brings_boundaries_districts_are_drawn_as_their_outlines():
    _, ax = outlined()
    assert len(outlines(ax)) == 2
    assert outlines(draw("map")) == []
    assert len({radius for *_, radius in circles(ax)}) == 1  # a dot each, however many residents
    for outline, (x, y, _) in zip(outlines(ax), circles(ax), strict=True):
        path = outline.get_path().transformed(outline.get_transform())
        assert path.get_extents().contains(x, y)
    nord = outlines(ax)[0].get_path()
    assert (nord.codes == MplPath.CLOSEPOLY).sum() == 2  # the lake in it is a hole


def test_the_map_names_the_source_of_its_boundaries_and_does_not_call_itself_one_without():
    for language, without in (("de", "ohne Grenzen"), ("en", "without boundaries")):
        _, ax = outlined(language)
        assert "Katasteramt Übersee (dl-de/by-2-0)" in said(ax)
        assert without not in said(ax)
        assert without in said(draw("map", language=language))
    assert "Katasteramt" not in said(draw("map"))


def test_no_label_of_a_map_with_boundaries_overlaps_another_or_a_symbol():
    for language in ("de", "en"):
        assert overlaps(outlined(language)[1]) == []
        assert covered(outlined(language)[1]) == []


# --- without colour ---


def luminance(colour) -> float:
    """Relative luminance, 0 to 1 (WCAG 2.1; IEC 61966-2-1)."""
    part = np.array(matplotlib.colors.to_rgb(colour))
    return float(np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def differ_in_grey(one, other) -> bool:
    lighter = abs(luminance(one.get_facecolor()) - luminance(other.get_facecolor())) > 0.2
    return one.get_hatch() != other.get_hatch() or lighter


@pytest.mark.parametrize(("figure", "name"), [("amounts", "last year"), ("need", "city")])
def test_bars_can_be_told_apart_in_grey(figure, name):
    handles = [handle for handle in draw(figure, name).get_legend().legend_handles if hasattr(handle, "get_hatch")]
    assert len(handles) >= 2
    assert all(differ_in_grey(one, other) for one, other in itertools.combinations(handles, 2))


def test_every_status_has_its_own_marker_and_hatch():
    assert tuple(LOOKS) == STATUSES
    assert len({look.marker for look in LOOKS.values()}) == len(STATUSES)
    assert len({look.hatch for look in LOOKS.values()}) == len(STATUSES)


def contrast(one, other) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
GROUPS = (tuple(LOOKS), tuple(look.colour for look in SERIES), ("more", "less"))

# Machado, Oliveira & Fernandes (2009), A Physiologically-based Model for Simulation of Color Vision Deficiency, IEEE Transactions on
# Visualization and Computer Graphics 15(6), table 1, severity 1.0; for linear RGB. Grey is the luminance of IEC 61966-2-1.
VISIONS = {
    "as most see": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}
APART = 15.0  # Delta E of CIE 1976: 2.3 is just noticeable; small areas that do not touch need several times as much


def lab(colour, vision: str) -> np.ndarray:
    """CIE L*a*b* (white D65) of a colour as somebody sees it."""
    part = np.array(matplotlib.colors.to_rgb(colour))
    linear = np.where(part <= 0.04045, part / 12.92, ((part + 0.055) / 1.055) ** 2.4)
    seen = np.clip(VISIONS[vision] @ linear, 0, 1)
    to_xyz = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x, y, z = np.array(to_xyz) @ seen / [0.95047, 1.0, 1.08883]
    f = [np.cbrt(t) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29 for t in (x, y, z)]
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def apart(one, other, vision: str) -> float:
    """Delta E of CIE 1976."""
    return float(np.linalg.norm(lab(one, vision) - lab(other, vision)))


@PALETTES
@pytest.mark.parametrize("vision", ["as most see", "protanopia", "deuteranopia"])
def test_colours_of_statuses_series_and_changes_stay_apart_for_the_colour_blind(palette, vision):
    for group in GROUPS:
        close = {
            (one, other): round(apart(palette[one], palette[other], vision), 1)
            for one, other in itertools.combinations(group, 2)
            if apart(palette[one], palette[other], vision) < APART
        }
        assert close == {}


def test_what_is_alike_in_grey_is_told_apart_without_any_colour():
    alike = [
        {pair for pair in itertools.combinations(group, 2) if apart(palette[pair[0]], palette[pair[1]], "grey") < APART}
        for palette in (LIGHT, DARK)
        for group in GROUPS
    ]
    assert all(alike)  # so hatch, marker or sign must carry every meaning: colour alone carries none
    for one, other in itertools.combinations(LOOKS.values(), 2):
        assert one.hatch != other.hatch
        assert one.marker != other.marker
    series = [figures._series_look(at)["hatch"] for at in range(1, 2 * len(SERIES))]
    assert len(set(series)) == len(series)
    assert figures._series_look(0)["hatch"] == ""
    _, plan = case("city")
    table = pd.DataFrame({"all": [5000.0, 5000.0], "x": [4000.0, 6000.0]}, index=["a", "b"])
    assert {"+1.000", "\u22121.000"} <= set(texts(q.plot_changes(table, plan=plan)))


@PALETTES
def test_letters_stand_out_from_every_ground_that_they_stand_on(palette):
    for ink in ("ink", "quiet"):
        for ground in ("ground", "faint"):
            assert contrast(palette[ink], palette[ground]) >= 4.5  # WCAG 2.2, 1.4.3


@PALETTES
def test_symbols_bars_and_lines_stand_out_from_their_ground_by_filling_or_by_outline(palette):
    for group in GROUPS:
        for name in group:
            for ground in ("ground", "faint"):  # a symbol may stand on the circle of a district
                if name.startswith("series") and ground == "faint":
                    continue
                seen = max(contrast(palette[name], palette[ground]), contrast(palette["edge"], palette[ground]))
                assert seen >= 3  # WCAG 2.2, 1.4.11
            assert contrast(palette["edge"], palette[name]) >= 3  # a hatch on its filling
    for line in ("quiet", "thin", "ink"):
        assert contrast(palette[line], palette["ground"]) >= 3
    assert contrast(palette["quiet"], palette["faint"]) >= 3  # the outline of a district


def test_every_filling_of_a_figure_has_an_outline_that_stands_out():
    looks = [figures._marker(look, 1.0)["markeredgecolor"] for look in LOOKS.values()]
    looks += [figures._bar(look)["edgecolor"] for look in LOOKS.values()]
    looks += [figures._series_look(at)["edgecolor"] for at in range(len(SERIES))]
    assert set(looks) == {LIGHT["edge"]}


def test_both_palettes_name_the_same_things():
    assert LIGHT.keys() == DARK.keys()


@pytest.mark.parametrize("colour", [figures._BLUE, figures._RED])
def test_a_number_stands_out_from_its_cell(colour):
    for strength in np.linspace(0, figures._STRONGEST, 30):
        assert contrast(figures._blend(colour, strength), figures._INK) >= 4.5  # WCAG 2.1, level AA
    assert contrast("white", figures._QUIET) >= 4.5


# --- files ---


def test_a_stem_gives_both_files_and_an_ending_gives_one(tmp_path):
    ax = draw("amounts")
    assert figures.save_figure(ax, tmp_path / "betrag-1.5") == (
        tmp_path / "betrag-1.5.png",
        tmp_path / "betrag-1.5.svg",
    )
    assert figures.save_figure(ax, str(tmp_path / "nur.svg")) == (tmp_path / "nur.svg",)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["betrag-1.5.png", "betrag-1.5.svg", "nur.svg"]
    assert (tmp_path / "betrag-1.5.png").read_bytes() == figures.png_bytes(ax)


def test_the_text_alternative_is_inside_the_files_and_no_date_or_version(tmp_path):
    ax = draw("amounts")
    png, svg = figures.save_figure(ax, tmp_path / "betrag")
    with Image.open(png) as image:
        assert image.info["Description"] == figures.alt_text(ax)
        assert set(image.info) == {"Description", "dpi"}
        assert image.info["dpi"] == pytest.approx((figures.DPI, figures.DPI), abs=0.1)
    text = svg.read_text(encoding="utf-8")
    assert (
        text.count(figures.alt_text(ax)) == 3
    )  # the title that a screen reader reads; title and description as metadata
    assert "<dc:date>" not in text
    assert matplotlib.__version__ not in text


def test_nothing_half_written_is_left_where_a_file_cannot_be_put(tmp_path):
    (tmp_path / "betrag.png").mkdir()
    with pytest.raises(OSError, match="betrag"):
        figures.save_figure(draw("amounts"), tmp_path / "betrag.png")
    with pytest.raises(OSError, match="fehlt"):
        figures.save_figure(draw("amounts"), tmp_path / "fehlt" / "betrag.png")
    with pytest.raises(PlainError):
        figures.save_figure(Figure().subplots(), tmp_path / "fremd")
    assert [path.name for path in tmp_path.iterdir()] == ["betrag.png"]
    assert list((tmp_path / "betrag.png").iterdir()) == []


if __name__ == "__main__":
    for one in EVERY:
        reduced(figures.png_bytes(draw(one))).save(GOLDEN / f"{one}.png", optimize=True)
