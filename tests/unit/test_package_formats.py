"""EPUB, ODP and XLSX: what is translated in them, what is not, and what other libraries read in the results."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.errors import DataError
from nmt.formats.choose import format_of, read_document
from nmt.formats.document import About, Document
from nmt.formats.translating import Answer, Question, translate_units
from nmt.formats.xml import check
from nmt.text.inline import plain
from nmt.text.links import Link, units
from tests import documents
from tests.documents import CHAPTER, OPF, SHARED_STRINGS, SHEET, epub, xlsx_of
from tests.unit.test_office import swap


def translated(data: bytes, name: str, target: str = "fr") -> tuple[Document, bytes]:
    document = read_document(data, About(name, "en", target))
    translate_units(document.units, swap)
    return document, document.write()


def member(data: bytes, name: str) -> str:
    """Its text, well-formed."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(name).decode()
    check(text, name)
    return text


def sources(data: bytes, name: str) -> list[str]:
    return [plain(unit.source) for unit in read_document(data, About(name, "en", "fr")).units]


def changed(old: bytes, new: bytes) -> set[str]:
    """Members that are not the same; all are there, in their order, and packed as they were."""
    a, b = (zipfile.ZipFile(io.BytesIO(data)) for data in (old, new))
    for one, other in zip(a.infolist(), b.infolist(), strict=True):
        assert (one.filename, one.compress_type) == (other.filename, other.compress_type)
    return {name for name in a.namelist() if a.read(name) != b.read(name)}


# --- EPUB ------------------------------------------------------------------------------------------------------------


def test_a_book_is_translated_with_its_title_and_contents() -> None:
    _, data = translated(epub(), "a.epub")
    assert changed(epub(), data) == {"OEBPS/book.opf", "OEBPS/c 1.xhtml", "OEBPS/nav.xhtml", "OEBPS/toc.ncx"}
    first = zipfile.ZipFile(io.BytesIO(data)).infolist()[0]
    assert (first.filename, first.compress_type, first.extra) == ("mimetype", zipfile.ZIP_STORED, b"")
    chapter = member(data, "OEBPS/c 1.xhtml")
    assert '<p>BRING PLEASE <i>YOUR</i> TOMATO&nbsp;NOW.<br/><a id="p2"/>IT IS <b>HERE</b>.</p><hr/>' in chapter
    assert 'alt="DOG A"' in chapter and '<h1 id="c1">ONE CHAPTER</h1>' in chapter
    assert '<a href="c%201.xhtml">ONE CHAPTER</a>' in member(data, "OEBPS/nav.xhtml")
    contents = member(data, "OEBPS/toc.ncx")
    assert "<docTitle><text>BOOK THE</text>" in contents and "<navLabel><text>ONE CHAPTER</text>" in contents
    opf = member(data, "OEBPS/book.opf")
    assert "<dc:title>BOOK THE</dc:title>" in opf
    assert ">&lt;p&gt;BOOK A OF &lt;i&gt;DOGS&lt;/i&gt;&lt;/p&gt;<" in opf


def test_names_of_people_and_numbers_of_pages_stay_in_a_book() -> None:
    _, data = translated(epub(), "a.epub")
    assert "<dc:creator>Ann Author</dc:creator>" in member(data, "OEBPS/book.opf")
    assert ">Ann Author<" in member(data, "OEBPS/toc.ncx") and ">xii<" in member(data, "OEBPS/toc.ncx")
    assert ">xii<" in member(data, "OEBPS/nav.xhtml")


@pytest.mark.parametrize(("target", "said"), [("fr", "fr"), ("", "en")])
def test_a_book_says_its_new_language_where_that_is_known(target: str, said: str) -> None:
    _, data = translated(epub(), "a.epub", target)
    assert f"<dc:language>{said}</dc:language>" in member(data, "OEBPS/book.opf")
    assert f'xml:lang="{said}"' in member(data, "OEBPS/c 1.xhtml") and f'lang="{said}"' in member(
        data, "OEBPS/nav.xhtml"
    )
    assert f'xml:lang="{said}"' in member(data, "OEBPS/toc.ncx")


ENCRYPTION = """<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container"
 xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod Algorithm="{}"/><enc:CipherData>
<enc:CipherReference URI="OEBPS/x"/></enc:CipherData></enc:EncryptedData></encryption>"""


def test_a_book_with_drm_is_refused_and_one_with_hidden_fonts_is_not() -> None:
    drm = ENCRYPTION.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc").encode()
    with pytest.raises(DataError, match=r"^a\.epub is encrypted \(DRM\), and cannot be read\."):
        read_document(epub({"META-INF/encryption.xml": drm}), About("a.epub"))
    fonts = ENCRYPTION.format("http://www.idpf.org/2008/embedding").encode()
    assert sources(epub({"META-INF/encryption.xml": fonts}), "a.epub") == sources(epub(), "a.epub")


@pytest.mark.parametrize(("more", "message"), [
    ({"META-INF/container.xml": b"<container/>"}, r"a\.epub is no \.epub file: its META-INF/container\.xml names no"),
    ({"META-INF/container.xml": b"<container"}, r"a\.epub \(META-INF/container\.xml\):1 is not well-formed XML"),
    ({"OEBPS/c 1.xhtml": b"<html><p>One<br></p></html>"}, r"a\.epub \(OEBPS/c 1\.xhtml\):1 is not well-formed XML"),
    ({"OEBPS/c 1.xhtml": b'<!DOCTYPE html [<!ENTITY a SYSTEM "/etc/passwd">]><html>&a;</html>'}, "declares an entity"),
    ({"OEBPS/c 1.xhtml": b"<html>\xff</html>"}, r"a\.epub \(OEBPS/c 1\.xhtml\) is not valid utf-8"),
])  # fmt: skip
def test_a_damaged_book_is_refused_with_the_place(more: dict[str, bytes], message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_document(epub(more), About("a.epub"))


def test_what_a_book_lists_but_has_not_is_left_out() -> None:
    opf = OPF.replace("nav.xhtml", "../../no.xhtml").replace("toc.ncx", "https://x.y/toc.ncx")
    assert sources(epub({"OEBPS/book.opf": opf.encode()}), "a.epub")[2:] == sources(epub(), "a.epub")[2:6]


def test_characters_that_xml_has_not_do_not_damage_a_chapter() -> None:
    document = read_document(epub(), About("a.epub"))
    translate_units(document.units, lambda questions: [Answer("x < y & z \x07]]>") for _ in questions])
    assert ">x &lt; y &amp; z ]]&gt;<" in member(document.write(), "OEBPS/c 1.xhtml")


TANGLE = """<html><body><div><b>One</b> two <i>three <span>four<div>five</div> six</span> seven</i> <em>eight</em></div>
<p>Nine<br></br><img src="a.png"></img> ten <b>eleven {name}</b> <code>f()</code></p></body></html>"""


@given(st.data())
def test_a_chapter_stays_well_formed_wherever_tags_go(data: st.DataObject) -> None:
    def shuffled(questions: Sequence[Question]) -> list[Answer]:
        return [Answer(q.text, [Link(s, data.draw(st.sampled_from(units(q.text)))) for s in units(q.text)])
                for q in questions]  # fmt: skip

    document = read_document(epub({"OEBPS/c 1.xhtml": TANGLE.encode()}), About("a.epub", "en", "fr"))
    translate_units(document.units, shuffled)
    chapter = member(document.write(), "OEBPS/c 1.xhtml")
    assert sorted(re.findall("<[^>]*>", chapter)) == sorted(re.findall("<[^>]*>", TANGLE))
    assert "<br></br>" in chapter and '<img src="a.png"></img>' in chapter
    assert Counter(re.sub("<[^>]*>", " ", chapter).split()) == Counter(re.sub("<[^>]*>", " ", TANGLE).split())


# --- ODP -------------------------------------------------------------------------------------------------------------


def test_slides_of_opendocument_are_translated_with_their_notes() -> None:
    document, data = translated(documents.odp(), "a.odp")
    assert changed(documents.odp(), data) == {"content.xml"}
    content = member(data, "content.xml")
    for text in (">FOOTER OUR</presentation:footer-decl>", '<text:span text:style-name="B">POINT</text:span> FIRST',
                 "<text:p>TITLE THE</text:p>", "<text:p>SLOWLY SPEAK</text:p>", "<text:p>CELL A</text:p>",
                 'draw:name="page1"', "<text:p>7</text:p>"):  # fmt: skip
        assert text in content
    assert [u.where for u in document.units[1:]] == [
        "slide 1, paragraph 1", "slide 1, paragraph 2", "slide 1, paragraph 3", "slide 2, paragraph 1",
    ]  # fmt: skip


# --- XLSX ------------------------------------------------------------------------------------------------------------


def test_cells_are_translated_and_numbers_formulas_and_addresses_are_not() -> None:
    data = documents.xlsx()
    document, new = translated(data, "a.xlsx")
    assert changed(data, new) == {"xl/workbook.xml", "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"}
    assert member(new, "xl/worksheets/sheet1.xml") == member(data, "xl/worksheets/sheet1.xml").replace(
        "Stands inline", "INLINE STANDS"
    )
    strings = re.findall("<si>.*?</si>", member(new, "xl/sharedStrings.xml"), re.DOTALL)
    assert strings[:2] == ["<si><t>PRICE</t></si>", "<si><t>DOG THE SLEEPS</t></si>"]
    assert '<r><rPr><b/><sz val="11"/></rPr><t xml:space="preserve">YOUR</t></r>' in strings[2]
    assert strings[3] == '<si><t xml:space="preserve"> SPACE A &amp; A\nLINE SECOND </t></si>'
    assert strings[4] == SHARED_STRINGS[4] and strings[6:] == SHARED_STRINGS[6:]
    assert strings[5] == SHARED_STRINGS[5].replace("東京", "京東")  # the phonetic guide stays
    assert [unit.where for unit in document.units][-1] == "sheet1, cell A4"


def test_phonetic_guides_stay_beside_runs() -> None:
    guide = '<rPh sb="0" eb="2"><t>トウキョウ</t></rPh><phoneticPr fontId="1"/>'
    data = xlsx_of([f"<si><r><t>Tokyo</t></r><r><rPr><b/></rPr><t>tower</t></r>{guide}</si>"])
    strings = member(translated(data, "a.xlsx")[1], "xl/sharedStrings.xml")
    assert f"{guide}</si>" in strings and strings.count("<rPh") == 1 and "TOKYO" in strings


def test_cells_are_found_in_any_xml() -> None:
    cell = '<c r="A1" t="inlineStr"><is><t>Some text</t></is></c>'
    for sheet in (cell, f"<!-- <c> -->{cell}", f"{cell}<c r='A2' t='inlineStr'/><c r='A3' x='>'><v>1</v></c><si/>",
                  cell.replace("Some text", "<![CDATA[Some text]]>")):  # fmt: skip
        data = xlsx_of(None, f"<sheetData><row>{sheet}</row></sheetData>")
        assert sources(data, "a.xlsx") == ["Some text"]
        assert "TEXT SOME</t>" in member(translated(data, "a.xlsx")[1], "xl/worksheets/sheet1.xml").replace("]]>", "")
    nested = f'<c t="inlineStr"><is><c t="inlineStr"></c></is></c>{cell}'  # which no program writes
    assert sources(xlsx_of(None, f"<sheetData><row>{nested}</row></sheetData>"), "a.xlsx") == ["Some text"]


def test_what_formulas_make_is_calculated_anew() -> None:
    assert '<calcPr calcId="124519"/>' in member(documents.xlsx(), "xl/workbook.xml")
    assert re.search('<calcPr[^>]* fullCalcOnLoad="1"', member(translated(documents.xlsx(), "a.xlsx")[1],
                                                              "xl/workbook.xml"))  # fmt: skip
    plain_sheet = xlsx_of(SHARED_STRINGS, "<sheetData/>")
    assert changed(plain_sheet, translated(plain_sheet, "a.xlsx")[1]) == {"xl/sharedStrings.xml"}


TABLE = b"""<table xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" id="1" name="T" displayName="T"
 ref="A1:B4"><tableColumns count="2"><tableColumn id="1" name="Price"/><tableColumn id="2" name="A_x000a_ b"/>
</tableColumns></table>"""


def test_names_of_columns_and_texts_that_formulas_name_stay() -> None:
    checks = '<dataValidations><dataValidation><formula1>"Yes please,No"</formula1></dataValidation></dataValidations>'
    sheet = SHEET.replace('"Open"', '"&lt;&gt;Open"') + checks
    strings = ["Price", "Prices", "open", "Yes please", "A\n b", "Open <b>it</b>".replace("<", "&lt;")]
    data = xlsx_of([f"<si><t>{text}</t></si>" for text in strings], sheet, {"xl/tables/table1.xml": TABLE})
    document = read_document(data, About("a.xlsx"))
    assert [plain(unit.source) for unit in document.units] == ["Prices", "Open <b>it</b>", "Stands inline"]
    assert document.notes == ["a.xlsx: left as it is, for formulas or tables name it: 4 texts."]


def test_line_breaks_in_cells_stay_where_they_are() -> None:
    texts = ["One dog\r\nTwo cats", "One dog&#10;Two cats", "One dog_x000D_\nTwo cats"]
    data = xlsx_of([f"<si><t>{text}</t></si>" for text in texts], "<sheetData/>")
    assert sources(data, "a.xlsx") == ["One dog", "Two cats"] * 3
    strings = re.findall("<t>(.*?)</t>", member(translated(data, "a.xlsx")[1], "xl/sharedStrings.xml"), re.DOTALL)
    assert strings == ["DOG ONE\r\nCATS TWO", "DOG ONE&#10;CATS TWO", "DOG ONE_x000D_\nCATS TWO"]
    runs = xlsx_of(["<si><r><t>One dog\nhere</t></r><r><rPr><b/></rPr><t>, too</t></r></si>"], "<sheetData/>")
    assert sources(runs, "a.xlsx") == ["One dog here, too"]
    assert member(translated(runs, "a.xlsx")[1], "xl/sharedStrings.xml").count("\n") == 2  # one in the head of the file


@pytest.mark.parametrize("strings", [None, [], ["<si/>", "<si><t/></si>", "<si><t> 12 </t></si>"]])
def test_a_workbook_without_texts_is_the_same(strings: list[str] | None) -> None:
    data = xlsx_of(strings, "<sheetData/>")
    document = read_document(data, About("a.xlsx"))
    assert not document.units and document.write() == data


def test_other_archives_are_told_by_their_content() -> None:
    assert format_of("a.xlsx", documents.docx()) == "docx" and format_of("a.docx", documents.xlsx()) == "xlsx"
    assert format_of("a.epub", documents.odp()) == "odp" and format_of("a.odt", epub()) == "epub"
    nested = documents.zipped({"xl/workbook.xml": b"", "xl/embeddings/a.docx": b"word/document.xml" * 2})
    assert format_of("file", nested) == "xlsx"
    with pytest.raises(DataError, match=r"a\.xlsx has a password, or is of Office 97-2003"):
        format_of("a.xlsx", bytes.fromhex("D0CF11E0A1B11AE1") + b"\0" * 600)
    for name in ("a.xlsx", "a.epub", "a.odp"):
        with pytest.raises(DataError, match=rf"{name} is damaged"):
            read_document(epub()[:700], About(name), name[2:])
        with pytest.raises(DataError, match=rf"{name} is no \.{name[2:]} file"):
            read_document(documents.zipped({"../x": b"y"}), About(name))


# --- other libraries -------------------------------------------------------------------------------------------------


def test_openpyxl_reads_the_translated_workbook() -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="NOT TESTED: openpyxl is not installed")
    sheet = openpyxl.load_workbook(io.BytesIO(translated(documents.xlsx(), "a.xlsx")[1]))["The sheet"]
    assert [sheet[name].value for name in ("A1", "B1", "A2", "B2", "C2", "A3", "B3", "C3", "A4", "C4")] == [
        "PRICE", "DOG THE SLEEPS", 12.5, "BRING PLEASE YOUR TOMATO NOW", " SPACE A & A\nLINE SECOND ", "open",
        '=B1&"!"', '=COUNTIF(A1:A9,"Open")', "INLINE STANDS", True,
    ]  # fmt: skip


def test_ebooklib_reads_the_translated_book() -> None:
    library = pytest.importorskip("ebooklib.epub", reason="NOT TESTED: ebooklib is not installed")
    book = library.read_epub(io.BytesIO(translated(epub(), "a.epub")[1]))
    assert (book.title, book.get_metadata("DC", "language")[0][0]) == ("BOOK THE", "fr")
    assert [entry.title for entry in book.toc] == ["ONE CHAPTER"]
    chapter = book.get_item_with_href("c 1.xhtml").get_content().decode()
    assert "BRING PLEASE" in chapter and CHAPTER.count("<p>") == chapter.count("<p>")
