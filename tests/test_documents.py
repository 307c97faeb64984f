"""From a Word template to a DOCX and a tagged PDF: nothing is lost, nothing obeyed, every fault in words."""

import datetime
import io
import re
import shutil
import subprocess
import sys
import unicodedata
import zipfile
from pathlib import Path

import docx
import pdfua
import pypdf
import pytest
from docx import Document
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from quartier.documents import Picture, Trace, clean, render, template_from
from quartier.language import Texts
from quartier.typeset import FaultyTemplate, to_pdf

ROOT = Path(__file__).parents[1]
DE = Texts("de")

OUTLINE = """
= {{ heading }}
Gremien:: {{ committees }}
# Anlass
{{ reason }}
- erster **Punkt**
- zweiter Punkt
1. eins
1. zwei
{%p if sites %}
## Die Standorte
^ Die Standorte und ihr Geld
| Standort | Träger | Betrag> |
| {%tr for site in sites %} | | |
| {{ site.name }} | {{ site.provider }} | {{ site.amount }} |
| {%tr endfor %} | | |
| **Summe** | | {{ total }} |
{%p endif %}
{{ assumed_note }}
^ So verteilt sich das Geld
{{ figure }}
---
# Herkunft der Zahlen
| Zahl> | Tabelle | Zeile | Wert> |
| {%tr for origin in origins %} | | | |
| {{ origin.text }} | {{ origin.table }} | {{ origin.row }} | {{ origin.value }} |
| {%tr endfor %} | | | |
"""
HEAD, FOOT = "Stadt Bielefeld\tAmt für soziale Leistungen", "Lauf {{ run }}\tSeite [page] von [pages]"


def png(colour="#0072b2", size=(80, 30)):
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def contents(trace, **changed):
    sites = [("Almühle & Söhne", "AWO", 8000, True), ("Baumheide", "Diakonie", 12000, False)]
    return {
        "heading": "Informationsvorlage",
        "committees": "Seniorenrat und Sozialausschuss",
        "run": "2026-11",
        "reason": f"Die Stadt gibt {trace.show('80.000 EUR', table='assumptions', row='budget', column='value', value=80000)}.",
        "sites": [
            {
                "name": name,
                "provider": provider,
                "amount": trace.show(
                    DE.eur(amount), table="amounts", row=name, column="amount_eur", value=amount, assumed=assumed
                ),
            }
            for name, provider, amount, assumed in sites
        ],
        "total": trace.show("20.000 EUR", table="amounts", row="sum", column="amount_eur", value=20000, assumed=True),
        "figure": Picture(png(), "Balken: Almühle 8.000 EUR, Baumheide 12.000 EUR"),
        **changed,
    }


PROPERTIES = {
    "title": "Vorlage zur Quartiersarbeit",
    "subject": "Quartiersarbeit",
    "author": "Stadt Bielefeld",
    "created": datetime.date(2026, 11, 12),
}


def made(template, *, draft=False, trace=None, language="de", **changed):
    trace = trace or Trace(DE)
    context = contents(trace, **changed)
    return render(template, context, draft=draft, trace=trace, language=language, **PROPERTIES)


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("templates") / "mitteilung.docx"
    path.write_bytes(template_from(OUTLINE, head=HEAD, foot=FOOT))
    return path


@pytest.fixture(scope="module")
def paper(template):
    return made(template)


@pytest.fixture(scope="module")
def draft(template):
    return made(template, draft=True)


def simple(tmp_path, outline, context=None, *, edit=None, name="vorlage.docx", **options):
    """Fill in a template made from a few lines, after somebody has edited it."""
    path = tmp_path / name
    path.write_bytes(edited(template_from(outline), edit) if edit else template_from(outline))
    return render(path, context or {}, **PROPERTIES, **options)


def edited(raw, edit):
    document, out = docx.Document(io.BytesIO(raw)), io.BytesIO()
    edit(document)
    document.save(out)
    return out.getvalue()


def words_of(raw):
    document = docx.Document(io.BytesIO(raw))
    return "\n".join(
        "".join(
            {"t": one.text or "", "br": "\n", "tab": "\t"}.get(one.tag.rpartition("}")[2], "")
            for one in paragraph.iter()
        )
        for paragraph in document.element.body.iter(docx.oxml.ns.qn("w:p"))
    )


def pdf_words(pdf):
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)


def faults_of(action):
    with pytest.raises(FaultyTemplate) as raised:
        action()
    return str(raised.value)


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_document_has_the_properties_of_the_paper(paper, draft):
    properties = docx.Document(io.BytesIO(paper)).core_properties
    assert properties.title == "Vorlage zur Quartiersarbeit"
    assert properties.subject == "Quartiersarbeit"
    assert properties.author == properties.last_modified_by == "Stadt Bielefeld"
    assert properties.language == "de-DE"
    assert properties.created.date() == properties.modified.date() == datetime.date(2026, 11, 12)
    assert docx.Document(io.BytesIO(draft)).core_properties.title == "Vorlage zur Quartiersarbeit (Entwurf)"


def test_the_document_is_in_its_language(template, paper):
    for raw, code in ((paper, "de-DE"), (made(template, language="en"), "en-GB")):
        styles = docx.Document(io.BytesIO(raw)).styles.element
        assert set(styles.xpath("w:docDefaults/w:rPrDefault/w:rPr/w:lang/@w:val")) == {code}


def test_every_table_repeats_its_head_and_no_row_is_torn(paper):
    tables = docx.Document(io.BytesIO(paper)).tables
    assert len(tables) == 2
    for table in tables:
        assert [bool(row._tr.xpath("w:trPr/w:tblHeader")) for row in table.rows] == [
            True,
            *[False] * (len(table.rows) - 1),
        ]
        assert all(row._tr.xpath("w:trPr/w:cantSplit") for row in table.rows)


def test_a_picture_says_what_it_shows_and_has_the_width_asked_for(paper):
    document = docx.Document(io.BytesIO(paper))
    assert document.element.body.xpath(".//wp:docPr/@descr") == ["Balken: Almühle 8.000 EUR, Baumheide 12.000 EUR"]
    assert document.inline_shapes[0].width.mm == pytest.approx(160)


def test_a_draft_says_so_in_the_head_of_every_page(template, tmp_path, draft, paper):
    def first_page_apart(document):
        document.sections[0].different_first_page_header_footer = True
        document.sections[0].first_page_header.paragraphs[0].text = "Briefkopf"

    apart = tmp_path / "t.docx"
    apart.write_bytes(edited(template.read_bytes(), first_page_apart))
    for raw in (draft, made(apart, draft=True)):
        pages = pypdf.PdfReader(io.BytesIO(to_pdf(raw))).pages
        assert len(pages) > 1
        assert all(page.extract_text().startswith("Entwurf") for page in pages)
    assert "Entwurf" not in pdf_words(to_pdf(paper))
    section = docx.Document(io.BytesIO(made(apart, draft=True))).sections[0]
    assert [one.text for one in section.first_page_header.paragraphs] == ["Entwurf", "Briefkopf"]
    assert section.header.paragraphs[0].text == "Entwurf"


def test_loops_and_choices_are_those_of_the_template(template, paper):
    assert "Baumheide" in words_of(paper)
    assert "{" not in words_of(paper)
    assert "Die Standorte" not in words_of(made(template, sites=[]))


def test_an_empty_line_begins_a_paragraph_and_a_new_line_a_line(tmp_path):
    raw = simple(tmp_path, "{{ text }}", {"text": "eins\n\nzwei\ndrei\r\n\r\n\r\nvier\n"})
    assert [one.text for one in docx.Document(io.BytesIO(raw)).paragraphs] == ["eins", "zwei\ndrei", "vier"]


# --- where numbers are from -------------------------------------------------------------------------------------------


def test_each_number_that_is_printed_has_its_origin_once_and_in_order(template):
    trace = Trace(DE)
    trace.show("99", table="never", row="printed", column="x", value=99)
    raw = made(template, trace=trace)
    assert [(one.text, one.row, one.value, one.assumed) for one in trace.origins()] == [
        ("80.000 EUR", "budget", "80000", False),
        ("8.000 EUR", "Almühle & Söhne", "8000", True),
        ("12.000 EUR", "Baumheide", "12000", False),
        ("20.000 EUR", "sum", "20000", True),
    ]
    rows = [[cell.text for cell in row.cells] for row in docx.Document(io.BytesIO(raw)).tables[1].rows]
    assert rows == [
        ["Zahl", "Tabelle", "Zeile", "Wert"],
        ["80.000\u00a0EUR", "assumptions", "budget", "80000"],
        ["8.000\u00a0EUR", "amounts", "Almühle & Söhne", "8000"],
        ["12.000\u00a0EUR", "amounts", "Baumheide", "12000"],
        ["20.000\u00a0EUR", "amounts", "sum", "20000"],
    ]


def test_a_number_that_rests_on_an_assumption_has_a_sign_that_is_explained(template, paper):
    text = words_of(paper)
    assert "8.000\u00a0EUR*" in text  # an amount and its unit stay on one line
    assert "12.000\u00a0EUR*" not in text
    assert "* beruht auf Annahmen" in text
    without = made(template, sites=[], total="")
    assert "Annahmen" not in words_of(without)


def test_the_same_number_twice_is_one_origin_and_another_cell_another():
    trace = Trace(DE)
    cell = {"table": "t", "row": "r", "column": "c", "value": 1}
    text = trace.show("1", **cell) + trace.show("1", **cell) + trace.show("1", **{**cell, "row": "s"})
    assert trace.printed(text) == trace.plain(text) == "111"
    assert [one.row for one in trace.origins()] == ["r", "s"]
    trace.forget()
    assert trace.origins() == ()


def test_no_text_from_outside_can_claim_an_origin():
    first, second = Trace(DE), Trace(DE)
    foreign = second.show("1", table="t", row="r", column="c", value=1)
    first.show("1", table="t", row="r", column="c", value=1)
    first.printed(foreign)
    first.printed("\ue000:0\ue0011")
    assert first.origins() == ()


# --- the PDF ----------------------------------------------------------------------------------------------------------


def nodes(pdf):
    """Every element of the tag tree, in reading order: its kind, itself, the kinds above it."""

    def walk(element, above):
        element = element.get_object() if hasattr(element, "get_object") else element
        if isinstance(element, pypdf.generic.ArrayObject):
            for one in element:
                yield from walk(one, above)
        elif isinstance(element, pypdf.generic.DictionaryObject):
            kind = element.get("/S")
            if kind:
                yield kind, element, above
            if "/K" in element:
                yield from walk(element["/K"], (*above, kind) if kind else above)

    return list(walk(pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]["/StructTreeRoot"]["/K"], ()))


def check_pdf(pdf):
    """Look at what can be looked at: properties, tag tree, and the rules of PDF/UA-1 that `pdfua` knows (a part of them)."""
    root = pypdf.PdfReader(io.BytesIO(pdf)).trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] in ("de", "en")
    assert root["/ViewerPreferences"]["/DisplayDocTitle"]
    assert pypdf.PdfReader(io.BytesIO(pdf)).metadata.title
    levels = [int(kind[2:]) for kind, *_ in nodes(pdf) if re.fullmatch(r"/H\d", kind)]
    assert all(level <= before + 1 for before, level in zip([0, *levels], levels, strict=False))
    for kind, element, above in nodes(pdf):
        if kind == "/Figure":
            assert element["/Alt"].strip()
        if kind == "/TH":
            attributes = element["/A"]
            assert any(one.get_object().get("/Scope") == "/Column" for one in attributes)
        if kind in ("/TH", "/TD"):
            assert above[-1] == "/TR"
            assert "/Table" in above
    report = pdfua.validate(io.BytesIO(pdf))
    assert report.exit_code == 0, report.findings


def test_the_pdf_is_tagged_as_far_as_this_looks(paper, draft):
    for raw in (paper, draft):
        check_pdf(to_pdf(raw))


def test_the_pdf_is_in_the_language_of_the_document(template, paper):
    for raw, code in ((paper, "de"), (made(template, language="en"), "en")):
        assert pypdf.PdfReader(io.BytesIO(to_pdf(raw))).trailer["/Root"]["/Lang"] == code


def test_the_look_at_the_pdf_notices_what_is_missing(paper):
    reader = pypdf.PdfReader(io.BytesIO(to_pdf(paper)))
    writer = pypdf.PdfWriter(clone_from=reader)
    del writer.root_object["/Lang"]
    out = io.BytesIO()
    writer.write(out)
    with pytest.raises((KeyError, AssertionError)):
        check_pdf(out.getvalue())


def test_the_pdf_has_headings_lists_tables_and_pictures(paper):
    kinds = [kind for kind, *_ in nodes(to_pdf(paper))]
    count = {
        kind: kinds.count(kind) for kind in ("/Title", "/H1", "/H2", "/L", "/LI", "/Table", "/THead", "/TH", "/TR")
    }
    assert count == {
        "/Title": 1,
        "/H1": 2,
        "/H2": 1,
        "/L": 2,
        "/LI": 4,
        "/Table": 2,
        "/THead": 2,
        "/TH": 7,
        "/TR": 4 + 5,
    }
    assert kinds.count("/Caption") == 2
    [figure] = [element for kind, element, _ in nodes(to_pdf(paper)) if kind == "/Figure"]
    assert figure["/Alt"] == "Balken: Almühle 8.000 EUR, Baumheide 12.000 EUR"


def test_the_headings_are_bookmarks_and_the_pages_are_counted(paper):
    reader = pypdf.PdfReader(io.BytesIO(to_pdf(paper)))
    names = []

    def walk(items):
        for one in items:
            if isinstance(one, list):
                walk(one)
            else:
                names.append(one.title)

    walk(reader.outline)
    assert names == ["Anlass", "Die Standorte", "Herkunft der Zahlen"]
    for number, page in enumerate(reader.pages, start=1):
        assert f"Seite {number} von {len(reader.pages)}" in page.extract_text()
        assert "Lauf 2026-11" in page.extract_text()


@pytest.mark.parametrize(("rows", "is_parted"), [(12, True), (4, False)])
def test_a_long_table_fills_the_page_and_goes_on_below_its_head_and_a_small_one_stays_whole(tmp_path, rows, is_parted):
    table = ["| Kopf | Wert> |", *(f"| Reihe {number} | 8.000 EUR |" for number in range(rows))]
    raw = simple(tmp_path, "\n".join(["# Eins", *["Text"] * 35, "^ Tabelle", *table]))
    pdf = to_pdf(raw)
    first, second = (page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert ("Kopf" in first, "Kopf" in second) == (is_parted, True)
    check_pdf(pdf)
    [found] = docx.Document(io.BytesIO(raw)).tables
    kept = [row.cells[0].paragraphs[0].paragraph_format.keep_with_next for row in found.rows]
    assert all(kept[:2])
    assert all(kept[:-1]) is not is_parted


def test_every_font_of_the_pdf_is_within_it(paper):
    reader = pypdf.PdfReader(io.BytesIO(to_pdf(paper)))
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


def test_the_pdf_says_all_that_the_document_says(paper):
    def pieces(text):
        return sorted(re.findall(r"\S+", re.sub(r"[•\u2023]", " ", text)))

    document = docx.Document(io.BytesIO(paper))
    margins = [one.text for one in (*document.sections[0].header.paragraphs, *document.sections[0].footer.paragraphs)]
    pdf = to_pdf(paper)
    pages = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    expected = pieces(words_of(paper)) + pieces(" ".join(margins)) * pages
    expected += ["1.", "2.", *(str(number) for number in range(1, pages + 1)), *[str(pages)] * pages]
    assert pieces(pdf_words(pdf)) == sorted(expected)


def test_deeper_lists_links_and_stressed_words_are_carried_over(tmp_path):
    def edit(document):
        for text, style in (("außen", "List Bullet"), ("innen", "List Bullet 2"), ("wieder außen", "List Bullet")):
            document.add_paragraph(text, style=style)
        paragraph = document.add_paragraph("mehr ")
        target = document.part.relate_to(
            "https://example.org/x?a=1&b=2", docx.opc.constants.RELATIONSHIP_TYPE.HYPERLINK, is_external=True
        )
        paragraph._p.append(
            parse_xml(f'<w:hyperlink {nsdecls("w", "r")} r:id="{target}"><w:r><w:t>im Netz</w:t></w:r></w:hyperlink>')
        )
        run = paragraph.add_run(" gestrichen")
        run.font.strike = True
        paragraph.add_run("2").font.superscript = True
        paragraph.add_run("kursiv").italic = True

    pdf = to_pdf(simple(tmp_path, "# Eins", edit=edit))
    check_pdf(pdf)
    kinds = [kind for kind, *_ in nodes(pdf)]
    assert {"/Link", "/Em"} <= set(kinds)
    assert "im Netz gestrichen2kursiv" in pdf_words(pdf)
    [annotation] = pypdf.PdfReader(io.BytesIO(pdf)).pages[0]["/Annots"]
    assert annotation.get_object()["/A"]["/URI"] == "https://example.org/x?a=1&b=2"


def test_a_list_of_words_own_second_level_stands_in_the_first(tmp_path):
    def edit(document):
        for text, style in (("außen", "List Bullet"), ("innen", "List Bullet 2"), ("wieder außen", "List Bullet")):
            document.add_paragraph(text, style=style)

    lists = [above for kind, _, above in nodes(to_pdf(simple(tmp_path, "# Eins", edit=edit))) if kind == "/L"]
    assert [above.count("/L") for above in lists] == [0, 1]


def test_a_numbered_list_goes_on_after_a_text(tmp_path):
    pdf = to_pdf(simple(tmp_path, "# Eins\n1. eins\ndazwischen\n1. zwei"))
    assert re.findall(r"(\d)\. (\w+)", pdf_words(pdf)) == [("1", "eins"), ("2", "zwei")]


# --- the same bytes ---------------------------------------------------------------------------------------------------

IN_ANOTHER_PROCESS = """
import hashlib, sys
from pathlib import Path
sys.path[:0] = [{root!r}, {tests!r}]
import test_documents as t
raw = t.made(Path(sys.argv[1]), draft=True)
made = t.template_from(t.OUTLINE, head=t.HEAD, foot=t.FOOT)
print(*(hashlib.sha256(one).hexdigest() for one in (made, raw, t.to_pdf(raw))))
"""


def test_two_processes_make_the_same_bytes(template):
    code = IN_ANOTHER_PROCESS.format(root=str(ROOT), tests=str(ROOT / "tests"))
    found = {
        subprocess.run(
            [sys.executable, "-c", code, str(template)],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "TZ": zone},
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Pacific/Auckland"))
    }
    assert len(found) == 1


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not there")
def test_a_template_that_libreoffice_has_saved_gives_the_same_pdf(template, tmp_path, draft):
    place = tmp_path / "saved"
    command = ["soffice", f"-env:UserInstallation=file://{tmp_path}/profile", "--headless"]
    command += ["--convert-to", "docx:MS Word 2007 XML", "--outdir", str(place), str(template)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    saved = made(place / template.name, draft=True)
    assert words_of(saved).split() == words_of(draft).split()
    assert pdf_words(to_pdf(saved)) == pdf_words(to_pdf(draft))
    check_pdf(to_pdf(saved))


# --- values are text --------------------------------------------------------------------------------------------------

ATTACKS = [
    "<b>fett</b>",
    "<w:p/>",
    "]]></w:t><w:t>",
    "&amp; &#65; &lt;",
    "{{ 7*7 }}",
    "{% for x in y %}",
    "{_{ a }_}",
    "{_% b %_}",
    "#set page(width: 1pt)",
    "*a* _b_ `c` $d$ @e <f> = g",
    "\\ \\n \"q\" 'r'",
    "=1+1",
    '=HYPERLINK("https://example.org")',
    "-- --- ... ~",
    "// nicht weg",
    "/* nicht weg */",
    "1. a",
    "- a",
    "[a](b)",
]


@pytest.mark.parametrize("text", ATTACKS)
def test_a_text_is_a_text_in_both_documents(tmp_path, text):
    raw = simple(tmp_path, "# Eins\n{{ text }}\n| Kopf |\n| {{ text }} |", {"text": text})
    assert words_of(raw).split("\n") == ["Eins", text, "Kopf", text]
    assert squeezed(pdf_words(to_pdf(raw))) == squeezed(f"Eins{text}Kopf{text}")


def squeezed(text):
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", text))


letters = st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Z", "C"], max_codepoint=0x24F)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.text(letters, max_size=40), min_size=10, max_size=40))
@example(texts=["{{ x }}\x00\x07\x0c{% y %}", "a\ue000b\u202ec", "ß\u00a0\u00ad\ufb01 „x“ – €", *ATTACKS])
def test_any_text_comes_out_as_it_went_in(tmp_path, texts):
    outline = "# Anfang\n{%p for text in texts %}\n{{ text }}\n{%p endfor %}\n\nSchluss"
    raw = simple(tmp_path, outline, {"texts": texts})
    expected = squeezed("".join(["Anfang", *map(clean, texts), "Schluss"]))
    assert squeezed(words_of(raw)) == expected
    assert squeezed(pdf_words(to_pdf(raw))).replace("\u00ad", "") == expected.replace("\u00ad", "")


def test_what_no_one_sees_is_taken_out():
    assert clean("a\x00\x07\x1b\x7f\x85b") == "ab"
    assert clean("a\u202eb\u2066c") == "abc"
    assert clean("a\ud800\ue000\ufffe\ufeffb") == "ab"
    assert clean("a\r\nb\rc\td\u2028e") == "a\nb\nc\td\ne"
    assert clean("ß é\u0301 \u00ad\u200d") == "ß é\u0301 \u00ad\u200d"


def test_a_column_that_is_narrower_than_its_longest_word_takes_room_from_the_others(tmp_path):
    outline = "| Standort 10% | Bemerkung 90% |\n| {{ name }} | kurz |"
    path = tmp_path / "enge.docx"
    path.write_bytes(template_from(outline))
    widths = {}
    for name in ("Hof", "Heinrich-Heine-Siedlungsverwaltung"):
        document = Document(io.BytesIO(render(path, {"name": name}, **PROPERTIES)))
        widths[name] = [column.width for column in document.tables[0].columns]
    short, long = widths.values()
    assert long[0] > 1.5 * short[0]
    assert sum(long) == pytest.approx(sum(short), rel=0.01)


def test_a_column_takes_no_more_than_its_word_needs_and_first_what_others_do_not_use(tmp_path):
    outline = "| Standort 25% | Anbieter 28% | Stand 17% | Betrag> 30% |\n| Am Pfarracker | {{ long }} | {{ state }} | 8.000 EUR |"
    context = {"long": "AWO Kreisverband Bielefeld und noch einige Worte", "state": "unterschrieben*"}
    document = Document(io.BytesIO(simple(tmp_path, outline, context)))
    widths = [column.width for column in document.tables[0].columns]
    shares = [width / sum(widths) for width in widths]
    assert shares[:3] == pytest.approx([0.25, 0.28, 0.18], abs=0.015)
    assert shares[2] > 0.17
    assert "unterschrieben*" in pdf_words(to_pdf(simple(tmp_path, outline, context)))


def test_a_short_word_and_its_number_stay_on_one_line_of_the_pdf(tmp_path):
    tables = [f"| Menschen ab 65 Jahre {share}% | Rest {100 - share}% |\n| x | y |" for share in range(16, 24)]
    lines = pdf_words(to_pdf(simple(tmp_path, "\n\nDann\n".join(tables)))).splitlines()
    assert len(lines) > 2 * len(tables)
    assert not [line for line in lines if line.strip().endswith(" ab")]


@pytest.mark.parametrize("texts", [23, 24, 35, 36])
def test_rows_of_a_parted_table_are_not_alone_at_the_end_or_the_beginning_of_a_page(tmp_path, texts):
    rows = [f"| Reihe {number} | 8.000 EUR |" for number in range(16)]
    table = ["Was nun kommt.", "^ Tabelle", "| Kopf | Wert> |", *rows]
    raw = simple(tmp_path, "\n".join(["# Eins", *["Text"] * texts, *table]))
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(to_pdf(raw))).pages]
    counts = [page.count("Reihe") for page in pages]
    assert sum(counts) == 16
    assert not {1, 2} & set(counts)
    assert ["Was nun kommt." in page for page in pages].index(True) == [count > 0 for count in counts].index(True)
    check_pdf(to_pdf(raw))


def test_two_lines_of_the_origins_stay_with_their_lead(tmp_path):
    document = Document(io.BytesIO(simple(tmp_path, "Text\n~~ Tabelle\n~ eins\n~ zwei\n~ drei\n~~ Andere\n~ vier")))
    keeps = {one.text: bool(one.paragraph_format.keep_with_next) for one in document.paragraphs}
    assert [name for name, kept in keeps.items() if kept] == ["eins"]


def test_the_short_list_of_origins_names_a_row_and_its_key():
    trace = Trace(DE)
    for row, name in (("payable", "auszahlbar"), ("plan", "")):
        trace.printed(trace.show("1", table="t", row=row, column="c", value=1, row_name=name))
    [entry] = trace.origins_by_table()
    assert entry["columns"][0]["numbers"] == "auszahlbar [payable]: 1; plan: 1"


def test_a_heading_its_sentence_and_a_short_table_stay_together(tmp_path):
    outline = (
        "# Was gut lief\nSo schreiben sie es.\n- {{ one }}\n\nNächste Schritte:\n- zwei\n\nEin Satz.\n\nNoch einer."
    )
    outline += "\n| A | B |\n" + "| 1 | 2 |\n" * 10
    path = tmp_path / "seite.docx"
    path.write_bytes(template_from(outline))
    document = Document(io.BytesIO(render(path, {"one": "eins"}, **PROPERTIES)))
    keeps = {one.text: bool(one.paragraph_format.keep_with_next) for one in document.paragraphs if one.text}
    assert (keeps["So schreiben sie es."], keeps["Nächste Schritte:"], keeps["Ein Satz."]) == (True, True, False)
    assert keeps["Noch einer."]
    rows = [
        [bool(p.paragraph_format.keep_with_next) for c in row.cells for p in c.paragraphs]
        for row in document.tables[0].rows
    ]
    assert [all(row) for row in rows[:-1]] == [True] * (len(rows) - 1)
    assert not any(rows[-1])


def test_a_long_word_stays_on_the_page(tmp_path):
    raw = simple(tmp_path, "# Eins\n{{ text }}", {"text": "x" * 300})
    lines = [len(line) for line in pdf_words(to_pdf(raw)).splitlines()]
    assert max(lines) < 110
    assert sum(lines) == 300 + len("Eins")


@pytest.mark.parametrize("text", ["Größe → ≥ ½ ✓", "Ελληνικά", "Кириллица", "šđčćž łęąż ğış"])
def test_names_from_all_over_europe_are_shown(tmp_path, text):
    assert squeezed(text) in squeezed(pdf_words(to_pdf(simple(tmp_path, "{{ text }}", {"text": text}))))


def test_a_sign_that_no_font_has_is_named(tmp_path):
    raw = simple(tmp_path, "{{ text }}", {"text": "Liebe Grüße 中"})
    assert "das Zeichen „中“, erwartet Zeichen, die die Schriften des PDF haben" in faults_of(lambda: to_pdf(raw))


@pytest.mark.parametrize(
    "tag",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ text.__init__.__globals__ }}",
        "{{ cycler.__init__ }}",
        "{{ lipsum() }}",
        "{{ self._TemplateReference__context }}",
        "{% include 'x' %}",
        "{% import 'os' as os %}",
        "{{ text|safe }}",
        "{% autoescape false %}x{% endautoescape %}",
    ],
)
def test_a_template_reaches_nothing_but_its_contents(tmp_path, tag):
    assert "vorlage.docx" in faults_of(lambda: simple(tmp_path, f"# Eins\n{tag}", {"text": "<b>"}))


# --- faulty templates -------------------------------------------------------------------------------------------------


def test_every_fault_of_a_template_is_in_one_error(tmp_path):
    outline = """
# Eins
{{ titel }} und {{ budget }
{{ summe| }} {{ summe|gibtsnicht }}
| Kopf |
| {%tr for site in sites %} |
| {{ site.nmae }} |
| {%tr endfor %} |
{% if nie %}{{ gremein }}{% endif %}
"""
    context = {"title": "x", "sites": [{"name": "Alm"}], "summe": 1, "nie": False, "gremien": 1}
    said = faults_of(lambda: simple(tmp_path, outline.replace("{{ budget }\n", "\n"), context))
    assert "vorlage.docx: 5 Fehler; nichts wurde geändert." in said
    for words in (
        "gegeben das Feld „titel“, erwartet ein bekanntes Feld; vielleicht „title“",
        "gegeben „{{ summe| }}“, erwartet ein lesbarer Platzhalter",
        "gegeben „{{ summe|gibtsnicht }}“, erwartet ein lesbarer Platzhalter",
        "gegeben das Feld „nmae“, erwartet ein bekanntes Feld; vielleicht „name“",
        "gegeben das Feld „gremein“, erwartet ein bekanntes Feld; vielleicht „gremien“",
    ):
        assert words in said
    said = faults_of(lambda: simple(tmp_path, outline, context))
    assert "„{{“ ohne sein Gegenstück" in said
    assert "„titel“" in said
    assert "„gremein“" in said


def in_body(xml):
    return lambda document: document.element.body.insert(1, parse_xml(xml))


def in_paragraph(xml):
    spaces = nsdecls("w", "r", "wp", "a", "m") + (
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    )
    return in_body(f"<w:p {spaces}><w:r><w:t>Nahe</w:t></w:r>{xml}</w:p>")


def picture_without_words(document):
    document.add_picture(io.BytesIO(png()))


def cropped(document):
    document.add_picture(io.BytesIO(png()))
    document.element.body.xpath(".//wp:docPr")[0].set("descr", "Bild")
    fill = document.element.body.xpath(".//pic:blipFill")[0]
    fill.insert(1, parse_xml(f'<a:srcRect {nsdecls("a")} l="25000"/>'))


def nested_table(document):
    document.add_table(1, 1, style="Table Grid").cell(0, 0).add_table(1, 1)


def without_head(document):
    table = document.add_table(1, 1, style="Table Grid")
    table._tbl.tblPr.find(docx.oxml.ns.qn("w:tblLook")).set(docx.oxml.ns.qn("w:firstRow"), "0")


def merged_down(document):
    table = document.add_table(3, 2, style="Table Grid")
    table.cell(1, 0).merge(table.cell(2, 0))


def in_head(document):
    document.sections[0].header.paragraphs[0].text = "{{ unbekannt }}"


def columns(document):
    cols = document.sections[0]._sectPr.find(docx.oxml.ns.qn("w:cols"))
    cols.set(docx.oxml.ns.qn("w:num"), "2")


FOREIGN = {
    "text box": (
        in_paragraph("<w:r><mc:AlternateContent/></w:r>"),
        "ein Textfeld oder eine gezeichnete Form bei „Nahe“",
    ),
    "old shape": (in_paragraph("<w:r><w:pict/></w:r>"), "ein Textfeld oder eine gezeichnete Form"),
    "object": (in_paragraph("<w:r><w:object/></w:r>"), "ein eingebettetes Objekt"),
    "footnote": (in_paragraph('<w:r><w:footnoteReference w:id="1"/></w:r>'), "eine Fußnote"),
    "endnote": (in_paragraph('<w:r><w:endnoteReference w:id="1"/></w:r>'), "eine Endnote"),
    "comment": (in_paragraph('<w:r><w:commentReference w:id="1"/></w:r>'), "ein Kommentar"),
    "added": (in_paragraph('<w:ins w:id="1" w:author="x"><w:r><w:t>neu</w:t></w:r></w:ins>'), "nachverfolgte Änderung"),
    "deleted": (in_paragraph('<w:del w:id="1" w:author="x"/>'), "eine nachverfolgte Änderung"),
    "equation": (in_paragraph("<m:oMath/>"), "eine Formel"),
    "symbol": (in_paragraph('<w:r><w:sym w:font="Wingdings" w:char="F04A"/></w:r>'), "Symbolschrift"),
    "hidden": (in_paragraph("<w:r><w:rPr><w:vanish/></w:rPr><w:t>geheim</w:t></w:r>"), "ausgeblendeter Text"),
    "floating": (in_paragraph("<w:r><w:drawing><wp:anchor/></w:drawing></w:r>"), "ein frei stehendes Bild"),
    "chart": (
        in_paragraph('<w:r><w:drawing><wp:inline><wp:docPr id="1" name="x"/></wp:inline></w:drawing></w:r>'),
        "ein Diagramm",
    ),
    "date": (in_paragraph('<w:fldSimple w:instr="DATE"/>'), "ein Word-Feld DATE"),
    "contents": (
        in_paragraph(
            '<w:r><w:fldChar w:fldCharType="begin"/><w:instrText>TOC \\o</w:instrText>'
            '<w:fldChar w:fldCharType="separate"/><w:t>Alt</w:t><w:fldChar w:fldCharType="end"/></w:r>'
        ),
        "ein Word-Feld TOC",
    ),
    "inner link": (in_paragraph('<w:hyperlink w:anchor="x"><w:r><w:t>y</w:t></w:r></w:hyperlink>'), "ein Verweis"),
    "unknown": (in_paragraph("<w:neuesDing/>"), "ein Element w:neuesDing"),
    "frame": (in_body(f"<w:p {nsdecls('w')}><w:pPr><w:framePr/></w:pPr></w:p>"), "ein Positionsrahmen"),
    "section": (lambda document: (document.add_section(), document.add_paragraph("x")), "ein Abschnittswechsel"),
    "columns": (columns, "mehrere Spalten"),
    "picture": (picture_without_words, "ein Bild ohne Alternativtext"),
    "crop": (cropped, "ein zugeschnittenes Bild"),
    "nested": (nested_table, "eine Tabelle in einer Tabelle"),
    "merged": (merged_down, "nach unten verbundene Zellen"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_the_pdf_cannot_show_is_named(tmp_path, name):
    edit, words = FOREIGN[name]
    said = faults_of(lambda: simple(tmp_path, "# Eins\nText", edit=edit))
    assert words in said
    assert "erwartet Überschriften, Absätze, Listen" in said
    # The same where somebody has put it into the finished document.
    whole = simple(tmp_path, "# Eins\nText")
    assert words in faults_of(lambda: to_pdf(edited(whole, edit), file="fertig.docx"))


TAGS = {
    "half a field": ("Text {{ name", "„{{“ ohne sein Gegenstück"),
    "other half": ("Text name }}", "„}}“ ohne sein Gegenstück"),
    "no end": ("{%p if name %}\nText", "erwartet ein Ende dazu"),
    "no beginning": ("Text\n{%p endif %}", "erwartet der Anfang, der dazugehört"),
    "crossed": ("{% for a in names %}{% if a %}{% endfor %}{% endif %}", "erwartet der Anfang"),
    "unknown word": ("{% solange name %}", "erwartet ein Platzhalter mit for, if"),
    "no loop": ("{%p for name %}\nx\n{%p endfor %}", "erwartet ein lesbarer Platzhalter"),
    "bad choice": ("{% if %}x{% endif %}", "erwartet ein lesbarer Platzhalter"),
    "unknown filter": ("{{ name|gross }}", "erwartet ein lesbarer Platzhalter"),
    "German quotes": ("{{ name|default(„x“) }}", "erwartet ein lesbarer Platzhalter"),
    "row outside": ("{%tr for a in names %}", "erwartet eine Tabellenzeile darum herum"),
    "beside text": ("Davor {%p if name %}\nx\n{%p endif %}", "neben anderem Text"),
    "unknown field": ("{{ nmae }}", "das Feld „nmae“, erwartet ein bekanntes Feld; vielleicht „name“"),
    "nothing like it": ("{{ zzz }}", "das Feld „zzz“, erwartet ein bekanntes Feld: "),
    "outside its loop": ("{% for a in names %}{{ a }}{% endfor %}{{ a }}", "das Feld „a“, erwartet ein bekanntes Feld"),
    "unknown in a choice": ("{% if nmae %}x{% endif %}", "das Feld „nmae“"),
    "sums of texts": ("{{ name + 1 }}", "ein Platzhalter, der sich nicht auswerten lässt"),
}


@pytest.mark.parametrize("name", TAGS)
def test_a_faulty_tag_is_named(tmp_path, name):
    text, words = TAGS[name]
    assert words in faults_of(lambda: simple(tmp_path, f"# Eins\n{text}", {"name": "Alm", "names": ["a"]}))


def test_a_faulty_tag_in_the_head_is_named(tmp_path):
    assert "das Feld „unbekannt“" in faults_of(lambda: simple(tmp_path, "# Eins", edit=in_head))


def bomb():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package, package.open("word/document.xml", "w") as file:
        for _ in range(210):
            file.write(b"\0" * 1_000_000)
    return out.getvalue()


def repacked(raw, **changed):
    """Change parts of a package; None takes one out."""
    out = io.BytesIO()
    names = {name.replace("__", "/").replace("_dot_", "."): value for name, value in changed.items()}
    with zipfile.ZipFile(io.BytesIO(raw)) as source, zipfile.ZipFile(out, "w") as target:
        for name in source.namelist():
            if names.get(name, b"") is not None:
                target.writestr(name, names.pop(name, None) or source.read(name))
        for name, value in names.items():
            if value is not None:
                target.writestr(name, value)
    return out.getvalue()


GOOD = template_from("# Eins")
ENTITY = b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>'
FILES = {
    "empty": (b"", "eine leere Datei"),
    "text": (b"Hallo", "eine beschädigte Datei oder keine von Word"),
    "cut off": (GOOD[:2000], "eine beschädigte Datei oder keine von Word"),
    "word 97 or password": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "eine Datei mit Kennwort"),
    "open document": (repacked(GOOD, content_dot_xml=b"<x/>"), "eine OpenDocument-Datei"),
    "macros": (repacked(GOOD, word__vbaProject_dot_bin=b"x"), "eine Datei mit Makros"),
    "bomb": (bomb(), "größer als 200 MB"),
    "no document": (repacked(GOOD, word__document_dot_xml=None), "eine beschädigte Datei oder keine von Word"),
    "no list of contents": (repacked(GOOD, **{"[Content_Types]_dot_xml": None}), "oder keine von Word"),
    "broken XML": (repacked(GOOD, word__document_dot_xml=b"<w:document"), "eine beschädigte Datei oder keine von Word"),
    "other XML": (repacked(GOOD, word__document_dot_xml=b"<x/>"), "eine beschädigte Datei oder keine von Word"),
    "a spreadsheet": (
        repacked(
            GOOD, **{"[Content_Types]_dot_xml": None, "word__document_dot_xml": None, "xl__workbook_dot_xml": b"<x/>"}
        ),
        "eine beschädigte Datei oder keine von Word",
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_answered_in_words(tmp_path, name):
    raw, words = FILES[name]
    path = tmp_path / "vorlage.docx"
    path.write_bytes(raw)
    said = faults_of(lambda: render(path, {}, **PROPERTIES))
    assert said.startswith("vorlage.docx: 1 Fehler")
    assert words in said
    assert path.read_bytes() == raw


def test_a_missing_template_and_a_folder_are_answered_in_words(tmp_path):
    assert "eine Word-Datei (.docx)" in faults_of(lambda: render(tmp_path / "fehlt.docx", {}, **PROPERTIES))
    assert "eine Word-Datei (.docx)" in faults_of(lambda: render(tmp_path, {}, **PROPERTIES))


def test_a_template_reads_no_file_of_the_machine(tmp_path):
    document = zipfile.ZipFile(io.BytesIO(template_from("# Eins\nXX"))).read("word/document.xml")
    start = document.index(b"<w:document")
    raw = repacked(GOOD, word__document_dot_xml=document[:start] + ENTITY + document[start:].replace(b"XX", b"&e;"))
    path = tmp_path / "vorlage.docx"
    path.write_bytes(raw)
    try:
        found = words_of(render(path, {}, **PROPERTIES))
    except FaultyTemplate:
        return
    assert Path("/etc/hostname").read_text().strip() not in found


def test_a_heading_that_skips_a_level_and_a_table_without_a_head_are_named(tmp_path):
    said = faults_of(lambda: to_pdf(simple(tmp_path, "# Eins\n### Drei")))
    assert "eine Überschrift „Drei“ der Ebene 3, erwartet davor eine der Ebene 2" in said
    said = faults_of(lambda: to_pdf(simple(tmp_path, "# Eins", edit=without_head)))
    assert "eine Tabelle ohne Kopfzeile" in said


def test_the_template_knows_the_styles_of_word():
    styles = {style.name for style in docx.Document(io.BytesIO(template_from(OUTLINE))).styles}
    assert {
        "Title",
        "Heading 1",
        "Heading 2",
        "Heading 3",
        "List Bullet",
        "List Number",
        "Caption",
        "Table Grid",
    } <= styles
    used = [one.style.name for one in docx.Document(io.BytesIO(template_from(OUTLINE))).paragraphs]
    assert {"Title", "Heading 1", "Heading 2", "List Bullet", "List Number", "Caption", "Normal"} == set(used)
