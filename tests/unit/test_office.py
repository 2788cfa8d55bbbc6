"""Word, PowerPoint and OpenDocument: what their own libraries read in the translated files."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Sequence

import docx
import pptx
import pytest

from nmt.errors import DataError
from nmt.formats.choose import read_document
from nmt.formats.document import About, Document
from nmt.formats.translating import Answer, Question, translate_units
from nmt.formats.xml import check
from nmt.text.inline import plain
from nmt.text.links import Link, units
from tests import documents
from tests.documents import FIELD, docx_of


def swap(questions: Sequence[Question]) -> list[Answer]:
    """A translator: the first two words change places, everything in capitals."""
    answers = []
    for text in (question.text for question in questions):
        words = units(text)
        if len(words) < 2:
            answers.append(Answer(text.upper(), [Link(span, span) for span in words]))
            continue
        (a, b), (c, d) = words[:2]
        new = (text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]).upper()
        shift = (d - c) - (b - a)
        links = [Link((a, b), (c + shift, d)), Link((c, d), (a, a + d - c))]
        answers.append(Answer(new, [*links, *(Link(span, span) for span in words[2:])]))
    return answers


def translated(data: bytes, name: str = "a.docx") -> tuple[Document, bytes]:
    document = read_document(data, About(name, "en", "fr"))
    translate_units(document.units, swap)
    return document, document.write()


def body_of(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read("word/document.xml").decode()
    check(text, "document.xml")
    return re.findall(r"<w:body>(.*)</w:body>", text, re.DOTALL)[0]


def sources(body: str) -> list[str]:
    units_ = read_document(docx_of(body), About("a.docx")).units
    return [plain(unit.source) for unit in units_ if unit.where.startswith("document")]


def paragraph(*runs: str) -> str:
    return f"<w:p>{''.join(runs)}</w:p>"


def run(text: str, look: str = "", more: str = "") -> str:
    return f'<w:r{more}>{look and f"<w:rPr>{look}</w:rPr>"}<w:t xml:space="preserve">{text}</w:t></w:r>'


def test_word_reads_text_looks_tables_headers_and_footers() -> None:
    document, data = translated(documents.docx())
    found = docx.Document(io.BytesIO(data))
    texts = [p.text for p in found.paragraphs]
    assert texts == ["HEADING A", "BRING PLEASE YOUR TOMATO NOW.", "FIRST THE LINE\nLINE TWO\tAND A TAB"]
    assert found.paragraphs[0].style.name == "Heading 1"
    assert [r.text for r in found.paragraphs[1].runs if r.bold] == ["YOUR"]
    assert [c.text for c in found.tables[0].rows[0].cells] == ["CELL A", "12"]
    assert found.sections[0].header.paragraphs[0].text == "HEADER THE"
    assert found.sections[0].footer.paragraphs[0].text == "FOOTER THE"
    assert len(document.units) == 6


def test_members_that_did_not_change_are_the_same_and_in_the_same_order() -> None:
    data = documents.docx()
    old, new = (zipfile.ZipFile(io.BytesIO(one)) for one in (data, translated(data)[1]))
    assert old.namelist() == new.namelist()
    changed = [name for name in old.namelist() if old.read(name) != new.read(name)]
    assert all(re.match(r"word/(document|header|footer)", name) for name in changed)
    for a, b in zip(old.infolist(), new.infolist(), strict=True):
        assert (a.compress_type, a.date_time, a.external_attr) == (b.compress_type, b.date_time, b.external_attr)


def test_runs_that_look_alike_are_one_text() -> None:
    body = paragraph(
        '<w:pPr><w:jc w:val="left"/></w:pPr>', run("Hel", '<w:lang w:val="en-US"/>', ' w:rsidR="00A1"'),
        '<w:proofErr w:type="spellStart"/>', run("lo wor", "", ' w:rsidR="00B2"'), run("ld", "<w:noProof/>"),
    )  # fmt: skip
    assert sources(body) == ["Hello world"]
    _, data = translated(docx_of(body))
    assert re.sub(r"<w:rPr>.*?</w:rPr>", "", body_of(data)) == (
        '<w:p><w:pPr><w:jc w:val="left"/></w:pPr><w:r><w:t xml:space="preserve">WORLD HELLO</w:t></w:r></w:p>'
    )


def test_the_look_of_most_needs_no_tags_and_others_follow_their_words() -> None:
    body = paragraph(run("red house", "<w:b/>"), run(" and more, much more of it"))
    _, data = translated(docx_of(body))
    assert body_of(data) == paragraph(run("HOUSE RED", "<w:b/>"), run(" AND MORE, MUCH MORE OF IT"))


def test_a_hyperlink_is_no_end_of_the_sentence() -> None:
    link = f'<w:hyperlink r:id="rId9" w:history="1">{run("our page", "<w:u/>")}</w:hyperlink>'
    body = paragraph(run("Please see "), link, run(" for more."))
    assert sources(body) == ["Please see our page for more."]
    _, data = translated(docx_of(body))
    upper = f'<w:hyperlink r:id="rId9" w:history="1">{run("OUR PAGE", "<w:u/>")}</w:hyperlink>'
    assert body_of(data) == paragraph(run("SEE PLEASE "), upper, run(" FOR MORE."))


def test_fields_keep_their_instructions_and_their_order() -> None:
    field = FIELD.format("begin") + "<w:r><w:instrText> REF x \\h </w:instrText></w:r>" + FIELD.format("separate")
    body = paragraph(run("See "), field, run("Table one"), FIELD.format("end"), run(" below."))
    assert sources(body) == ["See Table one below."]
    _, data = translated(docx_of(body))
    new = body_of(data)
    kinds = re.findall(r'fldCharType="(\w+)"', new)
    assert kinds == ["begin", "separate", "end"] and new.count("<w:instrText> REF x \\h </w:instrText>") == 1
    # one that goes on in the next paragraph, as a table of contents does
    toc = paragraph(FIELD.format("begin"), "<w:r><w:instrText>TOC</w:instrText></w:r>", FIELD.format("separate"),
                    run("First thing")) + paragraph(run("Second thing"), FIELD.format("end"))  # fmt: skip
    _, data = translated(docx_of(toc))
    assert re.findall(r'fldCharType="(\w+)"|>([A-Z]+ [A-Z]+)<', body_of(data)) == [
        ("begin", ""), ("separate", ""), ("", "THING FIRST"), ("", "THING SECOND"), ("end", ""),
    ]  # fmt: skip


def test_text_boxes_are_translated_in_both_their_forms_and_notes_stay_at_their_words() -> None:
    inner = paragraph(run("boxed text"))
    box = (
        f'<w:r><mc:AlternateContent><mc:Choice Requires="wps"><wps:txbx><w:txbxContent>{inner}'
        f"</w:txbxContent></wps:txbx></mc:Choice><mc:Fallback><v:textbox><w:txbxContent>{inner}</w:txbxContent></v:textbox></mc:Fallback>"
        "</mc:AlternateContent></w:r>"
    )
    body = paragraph(run("The dog"), '<w:r><w:footnoteReference w:id="2"/></w:r>', run(" barks here"), box)
    assert sorted(sources(body)) == ["The dog barks here", "boxed text", "boxed text"]
    _, data = translated(docx_of(body))
    new = body_of(data)
    assert new.count("TEXT BOXED") == 2 and "boxed" not in new
    assert re.search(r'>DOG<(?:(?!<w:t).)*<w:footnoteReference w:id="2"/>', new.replace("DOG THE", "DOG<")) or (
        new.index("footnoteReference") < new.index("BARKS")
    )
    # the same where nothing but the box changes
    document = read_document(docx_of(body), About("a.docx"))
    translate_units([u for u in document.units if plain(u.source) == "boxed text"], swap)
    assert body_of(document.write()) == body.replace("boxed text", "TEXT BOXED")


def test_deleted_text_comments_anchors_and_numbers_stay() -> None:
    body = paragraph('<w:bookmarkStart w:id="0" w:name="x"/>', run("Some text"), '<w:bookmarkEnd w:id="0"/>',
                     '<w:del w:id="1"><w:r><w:delText>gone</w:delText></w:r></w:del>',
                     f'<w:ins w:id="2">{run(" added")}</w:ins>') + paragraph(run("12,5 %"))  # fmt: skip
    assert sources(body) == ["Some text added"]
    _, data = translated(docx_of(body))
    new = body_of(data)
    for code in ('<w:bookmarkStart w:id="0" w:name="x"/>', '<w:bookmarkEnd w:id="0"/>', "<w:delText>gone</w:delText>",
                 '<w:ins w:id="2">', paragraph(run("12,5 %"))):  # fmt: skip
        assert new.count(code) == 1


def test_what_xml_has_not_is_escaped_or_left_out() -> None:
    document = read_document(docx_of(paragraph(run("A &lt;b&gt; &amp; c"))), About("a.docx"))
    assert plain(document.units[0].source) == "A <b> & c"
    translate_units(document.units, lambda questions: [Answer("x < y & z \x07]]>") for _ in questions])
    assert "x &lt; y &amp; z ]]&gt;" in body_of(document.write())


def test_powerpoint_reads_titles_points_tables_and_notes() -> None:
    document, data = translated(documents.pptx(), "a.pptx")
    slide = pptx.Presentation(io.BytesIO(data)).slides[0]
    assert slide.shapes.title.text == "TITLE THE"
    paragraphs = slide.placeholders[1].text_frame.paragraphs
    assert [p.text for p in paragraphs] == ["POINT FIRST", "POINT SECOND GOES ON"]
    assert [(r.text.strip(), r.font.bold) for r in paragraphs[1].runs] == [("POINT SECOND", True), ("GOES ON", None)]
    assert slide.notes_slide.notes_text_frame.text == "SLOWLY SPEAK"
    table = next(shape for shape in slide.shapes if shape.has_table)
    assert table.table.cell(0, 0).text == "CELL A"
    assert document.units[0].where.startswith("slide1")


def test_opendocument_keeps_its_type_first_and_notes_at_their_words() -> None:
    document, data = translated(documents.odt(), "a.odt")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        content = archive.read("content.xml").decode()
    check(content, "content.xml")
    assert '<text:h text:outline-level="1">HEADING A</text:h>' in content
    assert '<text:span text:style-name="B">YOUR</text:span> TOMATO<text:note ' in content
    assert "<text:p>NOTE A</text:p></text:note-body></text:note> NOW.</text:p>" in content
    assert '<text:a xlink:href="http://x.y">OF A LINK</text:a><text:s text:c="3"/>HERE' in content
    assert "<text:p>12</text:p><text:p/>" in content and "<text:p>Comment</text:p>" in content
    assert plain(document.units[0].source) == "A heading"


def test_what_is_left_is_told() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(documents.pptx())) as old, zipfile.ZipFile(out, "w") as new:
        for info in old.infolist():
            new.writestr(info, old.read(info))
        new.writestr("ppt/diagrams/data1.xml", b"<x/>")
    assert read_document(out.getvalue(), About("a.pptx")).notes == ["a.pptx: the text of SmartArt stays as it is."]


@pytest.mark.parametrize("name", ["a.docx", "a.odt", "a.pptx"])
def test_an_archive_of_something_else_is_refused(name: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../x", b"y")
    with pytest.raises(DataError, match=rf"{name} is no \.{name[2:]} file"):
        read_document(out.getvalue(), About(name))
