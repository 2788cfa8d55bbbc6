"""What holds for every format: nothing is lost or touched that was not translated, and nothing hangs or crashes."""

from __future__ import annotations

import ast
import io
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import DataError
from nmt.formats.choose import format_of, read_document
from nmt.formats.document import About, Unit
from nmt.formats.package import open_package
from nmt.formats.translating import Answer, Question, translate_units
from nmt.formats.xml import check, read_xml
from nmt.text.inline import Inline, Tag, plain, with_codes, with_placeholders, written
from nmt.text.links import Link, units
from tests.documents import all_documents

DOCUMENTS = all_documents()
BILINGUAL = {"a.po", "a.xlf", "b.xlf", "a.tmx", "a.xcstrings"}  # in which the translation stands beside the source
EXPECTED = {
    "a.txt": 3, "a.html": 7, "a.md": 11, "a.po": 4, "a.xlf": 4, "b.xlf": 1, "a.tmx": 1, "a.srt": 3, "a.vtt": 2,
    "a.json": 11, "a.arb": 1, "a.docx": 6, "a.pptx": 5, "a.odt": 5,
    "a.odp": 5, "a.xlsx": 7, "a.epub": 10,
    "strings.xml": 12, "a.strings": 5, "b.strings": 1, "a.xcstrings": 5, "a.csv": 6, "a.tsv": 3,
}  # fmt: skip


def about(name: str, **more: object) -> About:
    return About(name, "en", "fr", **more)  # type: ignore[arg-type]


def shout(questions: Sequence[Question]) -> list[Answer]:
    """A translator: capitals, each word aligned to itself."""
    answers = []
    for text in (question.text for question in questions):
        links = [Link(span, span) for span in units(text)]
        answers.append(Answer("".join(c.upper() if len(c.upper()) == 1 else c for c in text), links))
    return answers


def echo(questions: Sequence[Question]) -> list[Answer]:
    return [Answer(question.text) for question in questions]


def tags(items: Inline) -> Counter[str]:
    return Counter(item.code for item in items if isinstance(item, Tag))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_as_many_units_as_there_are_texts(name: str) -> None:
    document = read_document(DOCUMENTS[name], about(name))
    assert [plain(u.source) for u in document.units] and len(document.units) == EXPECTED[name]
    assert all(unit.where for unit in document.units)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_untranslated_it_is_the_very_same_file(name: str) -> None:
    assert read_document(DOCUMENTS[name], about(name)).write() == DOCUMENTS[name]


@pytest.mark.parametrize("name", sorted(set(DOCUMENTS) - BILINGUAL))
def test_with_its_source_as_translation_it_is_the_very_same_file(name: str) -> None:
    document = read_document(DOCUMENTS[name], about(name))
    translate_units(document.units, echo)
    assert all(unit.target == unit.source for unit in document.units)
    assert document.write() == DOCUMENTS[name]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_translated_it_is_read_again_with_the_translations_and_all_tags(name: str) -> None:
    document = read_document(DOCUMENTS[name], about(name))
    tally = translate_units(document.units, shout)
    assert tally.translated == len(document.units) and not tally.empty
    assert all(tags(u.source) == tags(u.target or ()) for u in document.units)
    data = document.write()
    assert data != DOCUMENTS[name]
    again = read_document(data, about(name, all=True))
    if name in BILINGUAL:
        known = [plain(with_codes(unit.known)) for unit in again.units]
        for unit in document.units:
            assert any(same(plain(unit.target or ()), text) for text in known), unit.where
    else:
        wanted = [squeezed(plain(unit.target or ())) for unit in document.units]
        assert [squeezed(plain(unit.source)) for unit in again.units] == wanted or name in ("a.srt", "a.html")
        assert Counter(" ".join(wanted).split()) == Counter(
            " ".join(squeezed(plain(u.source)) for u in again.units).split()
        )


def squeezed(text: str) -> str:
    return " ".join(text.split())


def same(wanted: str, text: str) -> bool:
    return squeezed(wanted).replace(" ", "") in text.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize("name", DOCUMENTS)
@given(data=st.data())
@settings(max_examples=25)
def test_a_translation_of_one_unit_changes_nothing_else(name: str, data: st.DataObject) -> None:
    document = read_document(DOCUMENTS[name], about(name))
    number = data.draw(st.integers(0, len(document.units) - 1))
    translate_units([document.units[number]], shout)
    again = read_document(document.write(), about(name, all=True))
    texts = Counter(squeezed(plain(u.source)) for u in again.units)
    for i, unit in enumerate(document.units):
        if i != number and name != "a.srt":
            assert texts[squeezed(plain(unit.source))], unit.where


@pytest.mark.parametrize("name", DOCUMENTS)
@given(data=st.data())
@settings(max_examples=40)
def test_a_damaged_file_is_refused_or_read_never_a_crash(name: str, data: st.DataObject) -> None:
    raw = bytearray(DOCUMENTS[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 1))
        match data.draw(st.sampled_from(["set", "cut", "copy", "insert"])):
            case "set":
                raw[at] = data.draw(st.integers(0, 255))
            case "cut":
                del raw[at : at + data.draw(st.integers(1, 30))]
                raw = raw or bytearray(b"x")
            case "copy":
                raw[at:at] = raw[max(0, at - 20) : at]
            case _:
                raw[at:at] = data.draw(st.sampled_from([b"<", b">", b'"', b"{", b"}", b"\\", b"\n", b"&", b"`", b"]("]))
    try:
        document = read_document(bytes(raw), about(name))
        assert document.write() == bytes(raw)
        translate_units(document.units, shout)
        document.write()
    except DataError as e:
        assert name in e.message


@given(st.text(max_size=60), st.sampled_from([n for n in DOCUMENTS if not DOCUMENTS[n].startswith(b"PK")]))
def test_any_text_is_refused_or_read_and_kept(text: str, name: str) -> None:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return
    try:
        document = read_document(data, about(name))
    except DataError:
        return
    assert document.write() == data
    translate_units(document.units, echo)
    assert name in BILINGUAL or document.write() == data


# --- formats by name and content -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_format_is_known_by_its_content_where_the_name_says_nothing(name: str) -> None:
    kind = format_of(name, DOCUMENTS[name])
    if kind not in ("markdown", "po", "json", "text", "csv", "tsv"):
        if name in ("a.tmx", "b.strings"):
            return  # of UTF-16: by its name
        assert format_of("file", DOCUMENTS[name]) == kind
    else:
        assert format_of("file", DOCUMENTS[name]) == "text"


def test_names_that_lie_are_told() -> None:
    assert format_of("a.docx", DOCUMENTS["a.odt"]) == "odt"
    with pytest.raises(DataError, match=r"a\.docx is no ZIP archive"):
        format_of("a.docx", b"Hello")
    with pytest.raises(DataError, match=r"a\.md is a ZIP archive"):
        format_of("a.md", DOCUMENTS["a.odt"])
    with pytest.raises(DataError, match=r"a\.pdf is a document of a kind that is not translated"):
        format_of("a.pdf", b"%PDF-1.4")
    with pytest.raises(DataError, match="x is not text"):
        format_of("x", b"\0\1\2")


# --- safety ----------------------------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_zip_bombs_are_counted_while_they_unpack() -> None:
    bomb = zipped({"word/document.xml": b"<x>" + b"a" * (40 << 20) + b"</x>"})
    with pytest.raises(DataError, match=r"a\.docx unpacks to more than \d+ MiB"):
        open_package(bomb, "a.docx")
    # headers that lie about the size
    lying = bytearray(bomb)
    for at in (lying.find(b"PK\x03\x04") + 22, lying.find(b"PK\x01\x02") + 24):
        lying[at : at + 4] = (100).to_bytes(4, "little")
    with pytest.raises(DataError, match=r"a\.docx"):
        open_package(bytes(lying), "a.docx")
    with pytest.raises(DataError, match="2,001 members"):
        open_package(zipped({str(i): b"" for i in range(2001)}), "a.docx")


def test_encrypted_and_double_members_are_refused() -> None:
    data = bytearray(zipped({"word/document.xml": b"<x/>"}))
    data[data.find(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="encrypted"):
        open_package(bytes(data), "a.docx")
    double = zipped({"a": b"1", "b": b"2"}).replace(b"b", b"a")
    with pytest.raises(DataError, match="two members of one name"):
        open_package(double, "a.docx")


LAUGHS = b"""<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>"""
XXE = b"""<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>"""


@pytest.mark.parametrize("data", [LAUGHS, XXE])
def test_entities_are_refused(data: bytes) -> None:
    with pytest.raises(DataError, match="declares an entity"):
        read_xml(data, "a.tmx")


def test_a_doctype_alone_is_harmless_and_fetches_nothing() -> None:
    _, _, root = read_xml(b'<!DOCTYPE tmx SYSTEM "http://127.0.0.1:1/tmx14.dtd"><tmx>a &amp; b</tmx>', "a.tmx")
    assert root.content() == "a & b"


def test_xml_that_is_too_deep_is_refused() -> None:
    with pytest.raises(DataError, match="more than 200 elements within each other"):
        read_xml(b"<a>" * 300 + b"</a>" * 300, "a.tmx")


def test_faults_of_xml_name_their_line() -> None:
    with pytest.raises(DataError, match=r"a\.tmx:2 is not well-formed XML"):
        check("<a>\n<b></a>", "a.tmx")


def test_formats_need_no_torch_and_no_network_modules() -> None:
    code = (
        "import sys; sys.path.insert(0, '.')\n"
        "from nmt.formats.choose import read_document\nfrom nmt.formats.document import About\n"
        "from nmt.formats.translating import translate_units\nfrom tests.documents import all_documents\n"
        "for name, data in all_documents().items(): read_document(data, About(name, 'en', 'fr'))\n"
        "print([m for m in ('torch', 'pandas', 'datasets', 'numpy') if m in sys.modules])"
    )
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "[]"


def test_no_format_imports_what_is_under_the_gpl() -> None:
    allowed = {*sys.stdlib_module_names, "nmt", "lxml", "markdown_it"}
    for path in (Path(__file__).resolve().parents[2] / "nmt" / "formats").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, path


# --- units -----------------------------------------------------------------------------------------------------------


def test_placeholders_are_asked_for_and_at_last_put_in() -> None:
    calls: list[list[list[str]]] = []

    def engine(questions: Sequence[Question]) -> list[Answer]:
        calls.append([list(question.codes) for question in questions])
        return [Answer(q.text.replace("{name}", "{nom}").replace("Hello", "Bonjour")) for q in questions]

    unit = Unit(with_placeholders(["Hello {name} you"]), "x")
    tally = translate_units([unit], engine)
    assert calls == [[[]], [["{name}"]], [[]]]
    assert unit.guess and tally.guesses == 1
    assert sorted(written(unit.target or ()).split()) == ["Bonjour", "you", "{name}"]


def test_what_is_said_twice_is_translated_once_and_what_is_no_text_never() -> None:
    asked: list[str] = []

    def engine(questions: Sequence[Question]) -> list[Answer]:
        asked.extend(question.text for question in questions)
        return [Answer("x") for _ in questions]

    doubles = [Unit((text,), "") for text in ("Hello", " Hello\n", "12 %", "…", "")]
    tally = translate_units(doubles, engine)
    assert asked == ["Hello"] and tally.translated == 2
    assert doubles[1].target == (" ", "x", "\n") and doubles[2].target is None


def test_an_empty_translation_leaves_the_source() -> None:
    unit = Unit(("Hello",), "")
    assert translate_units([unit], lambda questions: [Answer(" ") for _ in questions]).empty == 1
    assert unit.target is None


def test_a_memory_comes_first() -> None:
    unit, other = Unit((" Hello  there ",), ""), Unit(("Bye",), "")
    tally = translate_units([unit, other], shout, {"Hello there": "Salut"})
    assert unit.target == (" ", "Salut", " ") and unit.from_memory and tally.from_memory == 1
    assert other.target == ("BYE",) and not other.from_memory
