"""A page of a notebook: whole in one file, for every reader, harmless whatever the notebook holds.

Each rule is a function that returns the faults of a page. It meets the pages of the notebooks, and broken ones.
"""

import base64
import copy
import errno
import io
import itertools
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

import nbformat
import pytest
from browser import axe
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image, PngImagePlugin

from quartier import pages
from quartier.language import PlainError

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "notebooks").glob("*.ipynb"))


# What a page consists of

VOID = {"meta", "link", "img", "br", "hr", "wbr", "col", "input", "mspace", "mprescripts", "none", "embed"}


class Element(NamedTuple):
    tag: str
    attributes: dict[str, str]
    inside: tuple[str, ...]
    words: list[str]


class Page(HTMLParser):
    """All elements of a page in their order, with what is around them and the words in them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[Element] = []
        self.open: list[Element] = []
        self.faults: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"{one.tag} is not closed" for one in self.open]

    def handle_starttag(self, tag, attrs):
        one = Element(tag, {name: value or "" for name, value in attrs}, tuple(o.tag for o in self.open), [])
        self.elements.append(one)
        if tag not in VOID:
            self.open.append(one)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in VOID:
            return
        if self.open and self.open[-1].tag == tag:
            self.open.pop()
        else:
            self.faults.append(f"</{tag}> has no beginning")

    def handle_data(self, data):
        for one in self.open:
            one.words.append(data)

    def all(self, *tags: str) -> list[Element]:
        return [one for one in self.elements if one.tag in tags]


def words(one: Element) -> str:
    return " ".join("".join(one.words).split())


def headings(page: Page) -> list[Element]:
    return page.all("h1", "h2", "h3", "h4", "h5", "h6")


# The rules


def form_faults(page: Page) -> list[str]:
    """Every element is closed where it belongs."""
    return page.faults


def head_faults(page: Page) -> list[str]:
    """A language, a title and a policy that forbids to load anything."""
    faults = []
    if page.all("html")[0].attributes.get("lang") not in ("de", "en"):
        faults.append("no language")
    if [bool(words(one)) for one in page.all("title")] != [True]:
        faults.append("no title")
    policies = [
        one.attributes["content"]
        for one in page.all("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    if len(policies) != 1 or not policies[0].startswith("default-src 'none'") or re.search(r"http|\*", policies[0]):
        faults.append("no policy")
    return faults


def loading_faults(page: Page) -> list[str]:
    """Nothing to load or to run: no address but in a link that a reader follows."""
    faults = [f"a {one.tag}" for one in page.all("script", "iframe", "object", "embed", "form", "base", "svg")]
    for one in page.elements:
        for name, value in one.attributes.items():
            if name.startswith("on") or re.match(r"\s*(javascript|vbscript):", value, re.IGNORECASE):
                faults.append(f"{one.tag} has {name}")
            elif (
                one.tag != "a" and name in ("src", "href", "srcset", "data", "poster") and not value.startswith("data:")
            ):
                faults.append(f"{one.tag} loads {value}")
            elif name == "style" and re.search(r"url|position|[@\\]", value):
                faults.append(f"{one.tag} has the style {value}")
    faults += [
        f"style loads {found}" for one in page.all("style") for found in re.findall(r"@import|url\([^)]*", words(one))
    ]
    return faults


def picture_faults(page: Page) -> list[str]:
    """Pictures without a text alternative."""
    return [
        f"{one.attributes.get('src', '')[:40]}" for one in page.all("img") if not one.attributes.get("alt", "").strip()
    ]


def id_faults(page: Page) -> list[str]:
    """Ids that are there twice, and links and labels that lead nowhere."""
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    faults = [f"{name} twice" for name in set(ids) if ids.count(name) > 1]
    for one in page.elements:
        targets = one.attributes.get("aria-labelledby", "").split()
        if one.tag == "a" and one.attributes.get("href", "").startswith("#"):
            targets.append(one.attributes["href"][1:])
        faults += [f"{target} is not there" for target in targets if target not in ids]
    return faults


def landmark_faults(page: Page) -> list[str]:
    """One main part, a way to skip to it, a named list of contents with all headings; regions with names of their own."""
    faults = [] if len(page.all("main")) == 1 else ["no main part"]
    body = next(place for place, one in enumerate(page.elements) if one.tag == "body")
    first, main = page.elements[body + 1], page.all("main")[:1]
    if first.tag != "a" or not main or first.attributes.get("href") != f"#{main[0].attributes.get('id')}":
        faults.append("no way to skip to it")
    lists = page.all("nav")
    linked = [one.attributes["href"][1:] for one in page.all("a") if "nav" in one.inside]
    if linked != [one.attributes.get("id") for one in headings(page)[1:]]:
        faults.append("contents differ from the headings")
    named = [one for one in page.elements if one.tag == "nav" or one.attributes.get("role") == "region"]
    names = [one.attributes.get("aria-label") or one.attributes.get("aria-labelledby") for one in named]
    faults += [f"the name {name}" for name in names if not name or names.count(name) > 1]
    return faults if len(lists) <= 1 else [*faults, "two lists of contents"]


def heading_faults(page: Page) -> list[str]:
    """Headings that do not begin with one, skip a level, or say nothing."""
    levels = [int(one.tag[1]) for one in headings(page)]
    faults = [] if levels[:1] == [1] and levels.count(1) == 1 else [f"levels {levels}"]
    faults += [f"{two} after {one}" for one, two in itertools.pairwise(levels) if two > one + 1]
    return faults + [f"an empty {one.tag}" for one in headings(page) if not words(one)]


def table_faults(page: Page) -> list[str]:
    """Tables outside a region that the keyboard can scroll, and header cells that do not say of what."""
    faults = [f"th {words(one)}" for one in page.all("th") if one.attributes.get("scope") not in ("col", "row")]
    regions = [one for one in page.elements if one.attributes.get("role") == "region"]
    faults += [f"region {one.attributes}" for one in regions if one.attributes.get("tabindex") != "0"]
    for place, one in enumerate(page.elements):
        if one.tag == "table" and page.elements[place - 1].attributes.get("role") != "region":
            faults.append(f"table {words(one)[:40]}")
    return faults


RULES = {
    rule.__name__: rule
    for rule in (
        form_faults,
        head_faults,
        loading_faults,
        picture_faults,
        id_faults,
        landmark_faults,
        heading_faults,
        table_faults,
    )
}


def faults(text: str) -> dict[str, list[str]]:
    page = Page(text)
    return {name: found for name, rule in RULES.items() if (found := rule(page))}


# The pages as they are


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return {file.stem: pages.page(file) for file in FILES}


@pytest.mark.parametrize("rule", RULES)
def test_the_pages_of_the_notebooks_keep_the_rules(made, rule):
    assert {name: found for name, text in made.items() if (found := RULES[rule](Page(text)))} == {}


def test_the_same_notebook_gives_the_same_page(made):
    assert pages.page(FILES[2]) == pages.page(nbformat.read(FILES[2], as_version=4)) == made[FILES[2].stem]


def test_a_notebook_is_not_changed_by_its_page():
    notebook = nbformat.read(FILES[2], as_version=4)
    before = copy.deepcopy(notebook)
    pages.page(notebook)
    assert notebook == before


def test_a_page_holds_all_that_the_notebook_holds(made):
    notebook = nbformat.read(FILES[2], as_version=4)
    page = Page(made[FILES[2].stem])
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3
    assert [one.attributes["alt"] for one in page.all("img")] == [o.metadata["image/png"]["alt"] for o in pictures]
    sources = [one.attributes["src"].partition(",")[2] for one in page.all("img")]
    assert [base64.b64decode(s) for s in sources] == [base64.b64decode(o.data["image/png"]) for o in pictures]
    tables = [
        output.data["text/html"] for output in outputs if "<table>" in output.get("data", {}).get("text/html", "")
    ]
    assert len(page.all("table")) == len(tables) >= 3
    assert [words(one) for one in page.all("table")] == [words(Page(table).all("table")[0]) for table in tables]
    assert len(page.all("caption")) == len(tables)
    code = [" ".join(cell.source.split()) for cell in notebook.cells if cell.cell_type == "code"]
    folded = [one for one in page.all("pre") if "details" in one.inside]
    assert [words(one) for one in folded] == code
    assert all("open" not in one.attributes for one in page.all("details"))


def test_the_title_of_a_page_is_its_first_heading_and_its_language_is_the_asked_one(made):
    page = Page(made[FILES[2].stem])
    assert words(page.all("title")[0]) == words(page.all("h1")[0])
    assert words(page.all("title")[0]).startswith("3 Die Verteilung")
    assert page.all("html")[0].attributes["lang"] == "de"
    english = Page(pages.page(FILES[2], language="en", title="The plan <1>"))
    assert words(english.all("title")[0]) == "The plan <1>"
    assert english.all("html")[0].attributes["lang"] == "en"
    assert "Contents" in words(english.all("nav")[0])


def test_a_link_to_another_notebook_leads_to_its_page(made):
    links = [one.attributes["href"] for one in Page(made[FILES[0].stem]).all("a")]
    assert links[-1] == "02_bedarf.html"


def test_a_page_is_written_whole_in_place_of_a_former_one(tmp_path, monkeypatch):
    target = tmp_path / "new" / "page.html"
    assert pages.save(FILES[3], target) == target
    assert target.read_text(encoding="utf-8") == pages.page(FILES[3])
    target.write_text("old")

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(PlainError, match="voll"):
        pages.save(FILES[3], target)
    assert [path.name for path in target.parent.iterdir()] == ["page.html"]
    assert target.read_text() == "old"


# Each rule is seen to fail


def swap(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert re.search(old, text)
        return re.sub(old, new, text, count=1)

    return change


@pytest.mark.parametrize(
    ("rule", "change"),
    [
        ("form_faults", swap("</table>", "")),
        ("form_faults", swap("</p>", "</b></p>")),
        ("head_faults", swap(' lang="de"', "")),
        ("head_faults", swap("<title>.*</title>", "<title> </title>")),
        ("head_faults", swap("default-src 'none'", "default-src *")),
        ("head_faults", swap("img-src data:", "img-src https:")),
        ("loading_faults", swap("</main>", "<script>1</script></main>")),
        ("loading_faults", swap("<p>", '<p onclick="x()">')),
        ("loading_faults", swap("<p>", '<p><a href="javascript:x()">a</a>')),
        ("loading_faults", swap('src="data:', 'src="https://example.org/')),
        ("loading_faults", swap('href="data:,"', 'href="favicon.ico"')),
        ("loading_faults", swap("<p>", '<p style="position: fixed">')),
        ("loading_faults", swap("</style>", "@import 'x.css';</style>")),
        ("picture_faults", swap(' alt="[^"]*"', "")),
        ("picture_faults", swap(' alt="[^"]*"', ' alt=" "')),
        ("id_faults", swap("<p>", '<p id="content">')),
        ("id_faults", swap(r' id="Einstellungen"', "")),
        ("id_faults", swap(' id="contents"', "")),
        ("landmark_faults", swap("<(/?)main", r"<\1div")),
        ("landmark_faults", swap('<a class="skip".*?</a>', "")),
        ("landmark_faults", swap('<a href="#Einstellungen".*?</a>', "")),
        ("landmark_faults", swap(' aria-labelledby="contents"', "")),
        ("landmark_faults", swap('aria-label="[^"]*2: [^"]*"', "")),
        ("heading_faults", swap(r"<h1(.*?)</h1>", r"<h2\1</h2>")),
        ("heading_faults", swap(r"<h2(.*?)</h2>", r"<h1\1</h1>")),
        ("heading_faults", swap(r"<h2(.*?)</h2>", r"<h3\1</h3>")),
        ("heading_faults", swap(r"(<h2[^>]*>).*?</h2>", r"\1</h2>")),
        ("table_faults", swap(' scope="col"', "")),
        ("table_faults", swap(' tabindex="0"', "")),
        ("table_faults", swap("<table>", "<div></div><table>")),
    ],
)
def test_a_broken_page_is_noticed(made, rule, change):
    assert RULES[rule](Page(change(made[FILES[2].stem]))) != []


# What a notebook may hold


def notebook(*cells, **metadata):
    """Give a notebook of these cells; a text is a cell of Markdown."""
    return new_notebook(
        cells=[new_markdown_cell(cell) if isinstance(cell, str) else cell for cell in cells], metadata=metadata
    )


def shows(*outputs):
    """Give an executed cell with these outputs; a mapping is data to display."""
    shown = [
        new_output("display_data", data=one) if isinstance(one, dict) and "output_type" not in one else one
        for one in outputs
    ]
    return new_code_cell("show()", execution_count=1, outputs=shown)


def body(*cells) -> str:
    """Give the main part of the page of these cells, once it keeps all rules."""
    text = pages.page(notebook(*cells))
    assert faults(text) == {}
    return text.partition("<main")[2].partition(">")[2].partition("</main>")[0]


@pytest.mark.parametrize(
    ("markdown", "levels"),
    [
        ("# A\n\n### B\n\n### C\n\n# D", [1, 2, 2, 2]),
        ("### A\n\n# B\n\n#### C\n\n## D\n\n### E\n\n## F", [1, 2, 3, 3, 4, 3]),
        ("# A\n\n## B\n\n#### C\n\n#### D\n\n### E\n\n## F", [1, 2, 3, 3, 3, 2]),
        ("<h2>A</h2>\n\nText\n\n<h5>B</h5>", [1, 2]),
        ("# A\n\n###\n\n## B", [1, 2]),
        ("No heading", [1]),
    ],
)
def test_headings_keep_their_order_and_skip_no_level(markdown, levels):
    page = Page(body(markdown))
    assert [int(one.tag[1]) for one in headings(page)] == levels


def test_headings_of_the_same_words_have_ids_of_their_own_and_the_contents_are_nested():
    text = body("# A", "## B c\n\n### B c\n\n## contents", "[to it](#B-c)")
    assert re.findall(r'<h\d id="(.*?)"', text) == ["A", "B-c", "B-c-2", "contents-2"]
    links = re.search(r"<nav.*?</nav>", text, re.DOTALL)[0]
    assert re.sub(r"\s+|<a[^>]*>|</a>", "", links.partition("</p>")[2]) == (
        "<ul><li>Bc<ul><li>Bc</li></ul></li><li>contents</li></ul></nav>"
    )


def test_the_contents_hold_words_and_formulas_of_headings_but_no_links_tables_or_pictures():
    text = body(
        "# A",
        "## [B](02_b.ipynb) $x$ `c` ![d](https://example.org/d.png)",
        "<h2>E<table><tr><td>1</td></tr></table></h2>",
    )
    links = re.search(r"<nav.*?</nav>", text, re.DOTALL)[0]
    assert "<math" in links
    assert "<code>c</code>" in links
    assert links.count("<a ") == 2
    assert "<table" not in links


def test_a_formula_becomes_mathml():
    text = body(
        r"So $x_i \le 1$ and",
        "$$\n\\sum_i n_i \\frac{a}{b}\n$$",
        r"Here $$x^2$$ too",
        r"\begin{pmatrix}a & b\end{pmatrix}",
    )
    page = Page(text)
    assert [one.attributes["display"] for one in page.all("math")] == ["inline", "block", "block", "block"]
    assert len(page.all("mfrac")) == 1
    assert "$" not in text
    wide = [one for one in page.all("span") if one.attributes.get("class") == "formula"]
    assert [one.attributes["tabindex"] for one in wide] == ["0"] * 3


@pytest.mark.parametrize(
    "markdown",
    [
        "5 $ und 6 $",
        "von $5 auf $6",
        "(5$) bis (6$)",
        r"\$x\$",
        "US-$ 5, dann 6$, 7$.",
        "`a $x$ b`",
        "```\n$$x$$\n$y$\n```",
        "    $x$",
        "`$$` und\n\n`$$`",
        "```python\ncost = '$x$'\n```",
    ],
)
def test_prices_and_code_are_no_formulas(markdown):
    text = body(markdown)
    assert "<math" not in text
    assert words(Page(f"<p>{text}</p>").all("p")[0]).count("$") == markdown.replace("\\", "").count("$")


@pytest.mark.parametrize("formula", [r"\frac{", r"\nosuch{x}", r"a & b", "{"])
def test_a_formula_that_cannot_be_converted_stays_as_its_source(formula):
    page = Page(body(f"$${formula}$$"))
    assert page.all("math") == []
    assert words(page.all("code")[0]) == f"$${formula}$$"


ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt src=https://example.org/x.js></sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://example.org/x.png' alt='far'>",
    "<img alt='a' src='data:image/png;base64,AAAA' onload=alert(1)>",
    "<img alt='<table>' src='data:text/html;base64,AAAA'>",
    "<a href='javascript:alert(1)'>a</a>",
    "<a href=' java&#10;script:alert(1)'>a</a>",
    "<a href='&#100;ata:text/html,<b>'>a</a>",
    "<a href='data:text/html,x'>a</a>",
    "<a href='vbscript:x'>a</a>",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></mglyph></table></mtext></math>",
    "<math href='javascript:alert(1)'><mi>x</mi></math>",
    "<iframe src='https://example.org'></iframe><object data=x></object><embed src=x>",
    "<form action='https://example.org'><input name=a><button>b</button></form>",
    "<base href='https://example.org'><meta http-equiv=refresh content='0;url=https://example.org'>",
    "<link rel=stylesheet href='https://example.org/x.css'>",
    "<style>@import 'https://example.org/x.css';</style><p style='background: url(https://example.org)'>p</p>",
    "<table><tr><td style='position: fixed; text-align: right'>1</td></tr></table>",
    "<div id=content class=skip role=main aria-hidden=true>d</div>",
    "</div></main></body><h1>new</h1>",
    "<table><tr><td>open",
    "<!-- <script>alert(1)</script> -->",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
    "<video src='https://example.org/x.mp4' poster='https://example.org/x.png'></video>",
    "<h2>a<math><mtext><a href='x'><h2>b</h2></a></mtext></math></h2>",
    "<table><caption>a<table><caption>b</caption></table></caption></table>",
    "<details open ontoggle=alert(1)><summary>s</summary>t</details>",
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("place", ["markdown", "text/html", "text/markdown"])
def test_nothing_active_survives(place, attack):
    text = body("# A", f"Word {attack}" if place == "markdown" else shows({place: f"<b>Word</b> {attack}"}), "End")
    assert "Word" in text
    assert not re.search(r"alert\(1\)\"|example\.org|position: fixed|@import", text)
    assert "End" in text


@pytest.mark.parametrize(
    "source", [r"\text{<script>alert(1)</script>}", r"\href{javascript:alert(1)}{x}", r"\style{color:red}{z}"]
)
def test_a_formula_brings_nothing_active_along(source):
    body(f"Word ${source}$")
    body(shows({"text/latex": f"${source}$"}))


def test_a_reader_is_told_that_active_content_was_taken_out():
    note = "aktive Inhalte entfernt"
    assert note in body(shows({"text/html": "<p>a</p><script>1</script>"}))
    assert note in body(shows({"text/html": "<p onclick='x'>a</p>"}))
    assert note not in body(
        shows({"text/html": "<style>p {}</style><p>a, one = 1, online=2, javascript: a language</p>"})
    )


def test_active_forms_of_an_output_give_way_to_plain_ones():
    widget = {"application/vnd.jupyter.widget-view+json": {"model_id": "1"}, "text/plain": "IntSlider(value=3)"}
    assert "IntSlider" in body(shows(widget))
    assert "drawn" in body(shows({"application/javascript": "alert(1)", "text/plain": "drawn"}))
    text = body(shows({"text/html": "<script>alert(1)</script><div></div>", "text/plain": "drawn"}))
    assert "drawn" in text
    assert "aktive Inhalte entfernt" in text


def test_state_of_widgets_is_left_out():
    text = pages.page(notebook("# A", widgets={"application/vnd.jupyter.widget-state+json": {"state": {"secret": 1}}}))
    assert "secret" not in text


def picture(**said) -> str:
    info, stream = PngImagePlugin.PngInfo(), io.BytesIO()
    for name, text in said.items():
        info.add_text(name, text)
    Image.new("RGB", (30, 20), "white").save(stream, "png", pnginfo=info)
    return base64.b64encode(stream.getvalue()).decode()


def test_a_picture_takes_the_best_text_alternative_there_is():
    own = new_output(
        "display_data", data={"image/png": picture(Description="in it")}, metadata={"image/png": {"alt": 'a "b" <c>'}}
    )
    texts = body(
        shows(
            own,
            {"image/png": picture(Description="in it"), "text/plain": "beside it"},
            {"image/png": picture(), "text/plain": "beside it"},
            {"image/png": picture(), "text/plain": "<Figure size 640x480 with 1 Axes>"},
            {
                "image/svg+xml": "<svg xmlns='http://www.w3.org/2000/svg'><title>drawn</title><script>alert(1)</script></svg>"
            },
        )
    )
    found = Page(texts).all("img")
    assert [one.attributes["alt"] for one in found] == [
        'a "b" <c>',
        "in it",
        "beside it",
        "Ein Bild ohne Beschreibung",
        "drawn",
    ]
    assert (found[0].attributes["width"], found[0].attributes["height"]) == ("30", "20")


@pytest.mark.parametrize("data", ["AAAA", "no base64", base64.b64encode(b"<script>").decode()])
def test_a_picture_that_is_none_is_named(data):
    assert "nicht lesen" in body(shows({"image/png": data}))


def test_an_attachment_is_in_the_page_and_a_picture_elsewhere_is_named():
    cell = new_markdown_cell(
        "![a plan](attachment:plan.png) ![gone](attachment:gone.png) ![far](https://example.org/x.png)"
    )
    cell["attachments"] = {"plan.png": {"image/png": picture()}}
    text = body(cell)
    assert [one.attributes["alt"] for one in Page(text).all("img")] == ["a plan"]
    assert "liegt nicht im Notebook: gone" in text
    assert "liegt nicht im Notebook: far" in text


def test_errors_and_messages_are_marked_in_words_and_their_colours_kept_apart():
    error = new_output(
        "error", ename="ValueError", evalue="no", traceback=["\x1b[0;31mValueError\x1b[0m: \x1b[38;5;196m<no>\x1b[0m"]
    )
    stderr = [new_output("stream", name="stderr", text=text) for text in ("care", "ful\n")]
    text = body(shows(*stderr, error), new_code_cell("never()"))
    assert "Fehler in Zelle [1]: ValueError" in text
    assert '<span class="ansi-red-fg">ValueError</span>: <span>&lt;no&gt;</span>' in text
    assert "(stderr)" in text
    assert "careful" in text
    assert "\x1b" not in text


def test_a_text_of_fixed_width_can_be_scrolled_and_prose_is_wrapped():
    text = body(
        shows(
            new_output("stream", name="stdout", text="a   b\n1   2\n"),
            new_output("display_data", data={"text/plain": "one two"}),
        )
    )
    assert len(Page(text).all("pre")) == 3
    assert text.count('role="region"') == 1


def test_tables_of_any_origin_get_scopes():
    plain = "<table><thead><tr><th></th><th>a</th></tr></thead><tbody><tr><th>1</th><td>2</td></tr></tbody></table>"
    text = body("|a|b|\n|-|-:|\n|1|2|", shows({"text/html": plain}))
    scopes = [one.attributes["scope"] for one in Page(text).all("th")]
    assert scopes == ["col", "col", "col", "col", "row"]


def test_boxes_of_a_list_of_tasks_are_signs():
    text = body("- [ ] open\n- [x] done")
    assert "☐ open" in text
    assert "☑ done" in text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "kein lesbares Notebook"),
        ("[]", "kein lesbares Notebook"),
        ('{"cells": 1}', "kein lesbares Notebook"),
        (
            '{"cells": [{"cell_type": "code"}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}',
            "kein lesbares Notebook",
        ),
        ("", "kein lesbares Notebook"),
        (nbformat.writes(notebook()), "In heft.ipynb steht nichts"),
        (nbformat.writes(notebook(" ", new_code_cell(" "))), "In heft.ipynb steht nichts"),
        (nbformat.writes(notebook("# A", new_code_cell("1"))), "heft.ipynb hat Zellen, die nicht ausgeführt wurden"),
    ],
)
def test_what_is_no_finished_notebook_is_refused_in_one_line(tmp_path, capsys, content, said):
    file = tmp_path / "heft.ipynb"
    file.write_text(content, encoding="utf-8")
    with pytest.raises(PlainError, match=said) as caught:
        pages.page(file)
    assert len(str(caught.value).splitlines()) == 1
    assert capsys.readouterr() == ("", "")


def test_a_notebook_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(PlainError, match=r"none\.ipynb"):
        pages.page(tmp_path / "none.ipynb")


def test_a_notebook_of_an_older_format_gets_its_page(tmp_path):
    file = tmp_path / "old.ipynb"
    file.write_text(
        '{"cells": [{"cell_type": "markdown", "metadata": {}, "source": ["# Old"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 2}'
    )
    assert faults(pages.page(file)) == {}


def test_a_page_without_a_heading_is_named_after_its_file(tmp_path):
    file = tmp_path / "heft.ipynb"
    nbformat.write(notebook("Text"), file)
    page = Page(pages.page(file))
    assert words(page.all("h1")[0]) == words(page.all("title")[0]) == "heft"


def test_half_a_character_does_not_keep_a_page_from_being_written():
    assert "Text ?" in pages.page(notebook("Text \ud800"))


# In a browser


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 320)])
def test_a_browser_finds_nothing_to_load_and_nothing_that_keeps_a_reader_out(visit, made, tmp_path, scheme, width):
    seen = visit(color_scheme=scheme, viewport={"width": width, "height": 800}, offline=True)
    page = seen.page
    for name, text in made.items():
        (tmp_path / f"{name}.html").write_text(text, encoding="utf-8")
        asked: list[str] = []
        page.on("request", lambda request, asked=asked: asked.append(request.url))
        seen.open((tmp_path / f"{name}.html").as_uri(), wait="load")
        assert [url for url in asked if not url.startswith("data:")] == [page.url]
        assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
        for narrow in (360, 320, width):
            page.set_viewport_size({"width": narrow, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= narrow
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert axe(page) == []
    assert seen.errors == []
