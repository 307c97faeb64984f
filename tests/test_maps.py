"""What the live map shows: the same as the figure, as plain JSON, fast; and a script that trusts no name."""

import functools
import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from small_city import changed, described, outlined, write_boundaries, write_city

import quartier as q
from quartier import figures, maps, runs
from quartier.data import input_files
from quartier.language import PlainError
from quartier.looks import LIGHT, LOOKS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "quartier" / "page"


@functools.cache
def bielefeld() -> q.Sites:
    return q.load(ROOT / "data")


def baseline(**changes) -> q.Scenario:
    return q.Scenario.named("baseline", ROOT / "data").replace(**changes)


def everywhere(n: int = 14) -> q.Sites:
    """Give so many sites a made-up place each, near the districts; beyond 14 they are the same houses again."""
    sites, rng = bielefeld(), np.random.default_rng(1)
    tables, times = sites.tables, -(-n // len(sites))

    def again(table: pd.DataFrame) -> pd.DataFrame:
        return pd.concat(
            [table.assign(site_id=[f"{one}-{at}" for one in table["site_id"]]) for at in range(times)],
            ignore_index=True,
        )

    for name in ("agreements", "catchments", "site_rules"):
        tables[name] = again(tables[name])
    houses = tables["sites"][tables["sites"]["site_id"].isin(sites.site_ids)]
    houses = again(houses).iloc[:n].reset_index(drop=True)
    tables["sites"] = houses.assign(
        latitude=52.02 + 0.03 * rng.standard_normal(n), longitude=8.53 + 0.04 * rng.standard_normal(n)
    )
    frame = again(sites.frame.reset_index()).iloc[:n].set_index("site_id")
    return q.Sites(frame, tables)


def spots(data) -> dict[str, dict]:
    return {spot["key"]: spot for spot in data["spots"]}


# --- the data ---


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("sites", [bielefeld, everywhere])
def test_the_data_are_json_and_say_what_the_figure_says(sites, language):
    plan = q.allocate(sites(), baseline(language=language))
    data = maps.map_data(plan)
    assert json.loads(json.dumps(data)) == data
    ax = q.plot_map(plan)
    assert data["alt"] == figures.alt_text(ax)
    drawn = " ".join(text.get_text() for text in ax.get_figure().findobj(lambda one: hasattr(one, "get_text")))
    drawn = " ".join(drawn.split())
    for said in (data["title"], *data["notes"], *(spot["head"] for spot in data["spots"])):
        assert said in drawn
    assert data["beside"]["heading"] in drawn


def test_every_amount_is_on_the_map_once():
    for sites in (bielefeld(), everywhere()):
        plan = q.allocate(sites, baseline())
        data, shown = maps.map_data(plan), []
        for spot in data["spots"]:
            shown += [spot["site"]] if spot["site"] else spot["members"]
        nowhere = [row["site_id"] for row in data["beside"]["rows"] if not row["district"]]
        assert sorted([*shown, *nowhere]) == sorted(sites.site_ids)
        sizes = [spot["side"] for spot in data["spots"]]
        assert (min(sizes), max(sizes)) == (0, 1)


def test_a_spot_keeps_its_key_and_place_from_plan_to_plan():
    sites = everywhere()
    one = spots(maps.map_data(q.allocate(sites, baseline())))
    other = spots(maps.map_data(q.allocate(sites, baseline(budget_eur=60_000, language="en"))))
    assert one.keys() == other.keys()
    assert len(one) == 24
    assert [(spot["x"], spot["y"]) for spot in one.values()] == [(spot["x"], spot["y"]) for spot in other.values()]
    assert [spot["side"] for spot in one.values()] != [spot["side"] for spot in other.values()]


@pytest.mark.parametrize(("language", "less"), [("de", "\u22121.000 EUR"), ("en", "\u22121,000 EUR")])
def test_a_change_is_said_with_its_sign_where_there_is_one(language, less):
    before = q.allocate(bielefeld(), baseline(language=language))
    after = q.allocate(bielefeld(), baseline(language=language, budget_eur=79_000))
    found = spots(maps.map_data(after, before))
    moved = (after.amounts - before.amounts).groupby(bielefeld().frame["district"]).sum()
    areas = bielefeld().table("areas").set_index("area_id")["name"]
    for key, spot in found.items():
        change = moved.get(areas[key.removeprefix("district:")], 0.0)
        assert spot["change"] == (f"\u2212{after.texts.eur(-change)}" if change else "")
    assert {spot["change"] for spot in spots(maps.map_data(after)).values()} == {""}
    assert any(spot["change"].startswith("+") for spot in spots(maps.map_data(before, after)).values())
    total = maps.map_data(after, before)["beside"]["rows"]
    assert sum(row["change"] != "" for row in total) == (after.amounts != before.amounts).sum()
    assert less in {*(row["change"] for row in total), before.texts.eur(-1000).replace("-", "\u2212")}


def test_the_legend_names_only_what_is_drawn():
    kinds = [entry["kind"] for entry in maps.map_data(q.allocate(bielefeld(), baseline()))["legend"]]
    assert kinds == ["district", "square"]
    kinds = [entry["kind"] for entry in maps.map_data(q.allocate(everywhere(), baseline()))["legend"]]
    assert kinds == ["district", *LOOKS]


def test_other_weights_and_another_language_are_not_taken_from_what_was_kept():
    heads = {}
    for language in ("de", "en"):
        for weights in ({}, {"residents_65_79": 1.0}):
            plan = q.allocate(bielefeld(), baseline(language=language, need_weights=weights))
            heads[language, len(weights)] = spots(maps.map_data(plan))["district:mitte"]["head"]
    assert len(set(heads.values())) == 4
    assert heads["en", 0] == "Mitte (4,159)"


def test_without_any_coordinates_there_are_no_data():
    sites = q.Sites.from_frame(
        pd.DataFrame(
            {"site_id": ["a"], "need": 1.0, "status": "signed", "scale_eur": 1e3, "min_eur": 1e3, "max_eur": 1e4}
        )
    )
    with pytest.raises(PlainError, match="Es gibt keine Karte zu zeichnen"):
        maps.map_data(q.allocate(sites, q.Scenario(budget_eur=5000)))


@pytest.mark.parametrize(("n", "limit_ms"), [(14, 3), (200, 15)])
def test_the_data_of_a_further_plan_take_milliseconds(n, limit_ms):
    sites = everywhere(n)
    scenario = baseline(budget_eur=6000 * n, max_sites=n)
    first, *plans = [q.allocate(sites, scenario.replace(budget_eur=scenario.budget_eur - 500 * k)) for k in range(8)]
    maps.map_data(first)
    taken = []
    for plan in plans:
        start = time.process_time()
        maps.map_data(plan, first)
        taken.append(1000 * (time.process_time() - start))
    assert min(taken) < limit_ms  # the least of them: what else the machine does is not measured


# --- boundaries ---


def outlined_city(tmp_path, change=lambda folder: None) -> q.Sites:
    folder = write_boundaries(write_city(tmp_path / "city"))
    change(folder)
    return q.load(folder)


def wiggly(points: int):
    """Give the outline of Nord so many points: a coast that no page shows in full."""

    def change(features):
        turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
        away = 0.05 + 0.002 * np.sin(40 * turn) + 1e-5 * np.sin(np.arange(points))
        ring = np.column_stack([8.56 + away * np.cos(turn), 52.02 + away * np.sin(turn)]).tolist()
        features[0]["geometry"]["coordinates"] = [[*ring, ring[0]]]

    return outlined(change)


def numbers(path: str) -> np.ndarray:
    return np.array(re.findall(r"-?\d+\.\d+", path), dtype=float).reshape(-1, 2)


def test_districts_with_a_boundary_have_an_outline_around_their_place(tmp_path):
    data = maps.map_data(q.allocate(outlined_city(tmp_path), q.Scenario(budget_eur=20_000)))
    assert data["outlines"].keys() == {"district:nord", "district:sued"}
    assert json.loads(json.dumps(data)) == data
    for key, path in data["outlines"].items():
        spot, points = spots(data)[key], numbers(path)
        assert spot["outlined"]
        assert (points.min(axis=0) < (spot["x"], spot["y"])).all()
        assert (points.max(axis=0) > (spot["x"], spot["y"])).all()
        assert path.count("M") == path.count("Z") == 2  # with its lake; with its other part
    across, up = data["km"]
    every = np.vstack([numbers(path) for path in data["outlines"].values()])
    assert np.ptp(every, axis=0) == pytest.approx([across, up], abs=0.002)
    assert "district" not in [entry["kind"] for entry in data["legend"]]


def test_without_boundaries_there_are_no_outlines(tmp_path):
    data = maps.map_data(q.allocate(q.load(write_city(tmp_path / "city")), q.Scenario(budget_eur=20_000)))
    assert data["outlines"] == {}
    assert not any(spot["outlined"] for spot in data["spots"])


def test_outlines_are_simplified_to_what_a_page_shows(tmp_path):
    sites = outlined_city(tmp_path, wiggly(60_000))
    data = maps.map_data(q.allocate(sites, q.Scenario(budget_eur=20_000)))
    given = sites.table("boundaries")["rings"][0][0]
    kept = numbers(data["outlines"]["district:nord"])
    assert len(given) == 60_000
    assert 30 < len(kept) < 2_000
    assert np.ptp(kept, axis=0) == pytest.approx(np.ptp(given, axis=0) * [68.4, 111.195], rel=0.05)


def test_a_district_without_coordinates_stands_in_the_middle_of_its_boundary(tmp_path):
    known = changed("areas.csv", ",51.5,8.5,", ",,,")
    data = maps.map_data(q.allocate(outlined_city(tmp_path, known), q.Scenario(budget_eur=20_000)))
    sued = spots(data)["district:sued"]
    first = numbers(data["outlines"]["district:sued"].split("Z")[0])
    assert (sued["x"], sued["y"]) == pytest.approx((first.min(axis=0) + first.max(axis=0)) / 2, abs=0.01)


def test_boundaries_are_copied_with_the_inputs_and_counted_by_the_check(tmp_path):
    folder = write_city(tmp_path / "city")
    assert "boundaries.geojson" not in input_files(folder)
    assert "Grenzen der Gebiete" not in "\n".join(runs.check(folder))
    write_boundaries(folder)
    assert input_files(folder).count("boundaries.geojson") == 1
    assert "Grenzen der Gebiete: 2 Zeilen" in "\n".join(runs.check(folder))
    job = runs.prepare(data=folder, out=tmp_path / "outputs", notebooks=ROOT / "notebooks")
    assert job.inputs["city/boundaries.geojson"] == (folder / "boundaries.geojson").read_bytes()


def test_a_package_may_keep_its_boundaries_in_another_file(tmp_path):
    def moved(folder):
        (folder / "boundaries.geojson").rename(folder / "grenzen.json")
        entry = {"name": "boundaries", "path": "grenzen.json"}
        described(lambda package: package[""]["resources"].append(entry))(folder)
        assert "grenzen.json" in input_files(folder)
        assert "boundaries.geojson" not in input_files(folder)

    assert len(outlined_city(tmp_path, moved).table("boundaries")) == 2


# --- the script ---


def code(file: str = "map.js") -> str:
    """Give the script without its comments."""
    return re.sub(r"(?m)(^|\s)//.*$", "", (PAGE / file).read_text(encoding="utf-8"))


def test_the_script_holds_no_text_that_anybody_reads():
    literals = [
        text
        for pair in re.findall(r'"([^"\n]*)"|`([^`]*)`', re.sub(r"\$\{[^}]*\}", "", code()))
        for text in pair
        if text
    ]
    assert len(literals) > 50
    spoken = [text for text in literals if re.search(r"[A-Z][a-z]{2,}|[a-z]{2,} [a-z]{2,}", text)]
    known = {"Enter"}  # the name of a key
    assert [text for text in spoken if not text.startswith("qp-map") and text not in known] == []


def test_the_script_sets_names_as_text_only():
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|Function\(|DOMParser", code())
    assert "textContent" in code()


def test_the_script_fits_into_one_module_with_others():
    top = re.findall(r"(?m)^(\w+) ?(\w*)", code())
    declared = [(kind, name) for kind, name in top if kind not in ("}", "]")]
    assert [name for kind, name in declared if kind == "function"] == ["quartierMap"]
    assert all(kind == "const" for kind, name in declared if name != "quartierMap")
    assert all(name.startswith("quartierMap") for _, name in declared)
    assert not re.search(
        r"(?m)^\s*(import|export)\b|\bfetch\(|XMLHttpRequest|https?://(?!www\.w3\.org/2000/svg)", code()
    )


def test_script_and_style_know_every_status_and_its_marker():
    style = (PAGE / "map.css").read_text(encoding="utf-8")
    for status, look in LOOKS.items():
        assert f'[data-status="{status}"]' in style
        assert re.search(rf'(?m)^  "?{re.escape(look.marker)}"?: "M', code())


def test_without_the_pages_colours_the_map_has_those_of_paper():
    style = (PAGE / "map.css").read_text(encoding="utf-8")
    found = re.findall(r"var\(--qp-([\w-]+), (#\w+)\)", style)
    assert len(found) == style.count("var(")
    for name, colour in found:
        assert LIGHT[name] == (colour if len(colour) == 7 else "#" + "".join(2 * one for one in colour[1:]))


# --- the script in a browser ---

DRAW = "(data) => quartierMap(document.querySelector('main'), data) && null"


def empty_page(visit, **options):
    """Open a page with the script, its style and a place for a map."""
    page = visit(**options).page
    style, script = ((PAGE / file).read_text(encoding="utf-8") for file in ("map.css", "map.js"))
    page.set_content(f"<style>{style}</style><main></main><script>{script}</script>")
    return page


def test_no_symbol_grows_out_of_nothing_or_shrinks_to_nothing(visit):
    rich = maps.map_data(q.allocate(bielefeld(), baseline()))
    poor = {**rich, "spots": [spot if spot["site"] else {**spot, "side": 0.0, "money": ""} for spot in rich["spots"]]}
    less = {**rich, "spots": [{**spot, "side": spot["side"] / 2} for spot in rich["spots"]]}
    with_money = sum(not spot["site"] and spot["side"] > 0 for spot in rich["spots"])
    page = empty_page(visit, reduced_motion="no-preference")
    moves = []
    for data, squares in ((poor, 0), (rich, with_money), (less, with_money), (poor, 0), (rich, with_money)):
        page.evaluate(DRAW, data)
        moves += page.evaluate(
            "() => document.getAnimations().flatMap((one) => one.effect.getKeyframes().map((frame) => frame.transform))"
        )
        page.evaluate("() => Promise.all(document.getAnimations().map((one) => one.finished)).then(() => null)")
        assert page.locator(".qp-map-labels .qp-map-square:visible").count() == squares
    scales = [float(scale) for move in moves for scale in re.findall(r"scale\(([^)]*)\)", move)]
    assert len(set(scales)) > 2  # something has grown
    assert min(scales) >= 1  # as a label is that only moves


def test_the_map_follows_the_width_of_its_place_without_an_error_on_the_page(visit):
    data = maps.map_data(q.allocate(bielefeld(), baseline()))
    page = empty_page(visit)
    page.evaluate("() => { window.errors = []; addEventListener('error', (event) => errors.push(event.message)); }")
    page.evaluate(DRAW, data)
    for width in (900, 320, 700):
        page.evaluate("(width) => { document.querySelector('main').style.width = `${width}px`; }", width)
        page.locator(f".qp-map[width='{width}']").wait_for(timeout=5_000)
    assert page.evaluate("() => errors") == []
