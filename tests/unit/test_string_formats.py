"""Android's and Apple's files of strings, and tables: what is written, and what is never touched."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.errors import DataError
from nmt.formats.choose import format_of, kind_by_name, read_document
from nmt.formats.document import About, Document
from nmt.formats.table import is_text
from nmt.formats.translating import Answer, Question, translate_units
from nmt.formats.xml import check
from nmt.text.inline import Inline, Tag, plain
from nmt.text.links import Link
from tests.documents import ANDROID, CSV, STRINGS, STRINGS_16, TSV, XCSTRINGS
from tests.unit.test_message_formats import shout


def document(data: bytes | str, name: str, **more: object) -> Document:
    return read_document(data.encode() if isinstance(data, str) else data, About(name, "en", "fr", **more))  # type: ignore[arg-type]


def translated(data: bytes | str, name: str, **more: object) -> str:
    found = document(data, name, **more)
    translate_units(found.units, shout)
    return found.write().decode("utf-16" if found.write().startswith(b"\xff\xfe") else "utf-8")


def fault(data: bytes | str, name: str, **more: object) -> str:
    with pytest.raises(DataError) as e:
        document(data, name, **more)
    return e.value.message


# --- Android ---------------------------------------------------------------------------------------------------------


def string(content: str, attributes: str = "") -> str:
    return f'<resources xmlns:tools="t"><string name="s"{attributes}>{content}</string></resources>'


def of_string(content: str) -> str:
    new = translated(string(content), "strings.xml")
    return new[new.index('"s">') + 4 : new.index("</string>")]


def test_android_strings_are_translated_where_they_stand() -> None:
    new = translated(ANDROID, "strings.xml")
    check(new, "strings.xml")
    for line in (
        ">IT\\'S <b>MY</b> <a href='x'>DOG</a> <!-- a comment --> &amp; A &lt;i&gt;CAT&lt;/i&gt;\\u0020<",
        '>HELLO <xliff:g id="n" example="Bob">%1$s</xliff:g>, YOU HAVE %2$d AT 100%%<',
        '>"  IT\\\'S ÉTÉ  "<',
        ">ONE LINE.\\n\\nANOTHER\\n ONE<",
        '><![CDATA[<p>IT\\\'S <b>BOLD</b></p><p class=\\"x\\">TWO &amp; THREE</p>]]><',
        "><![CDATA[FISH & CHIPS]]><",
        '>\\@HOME AND \\"HERE\\"<',
        "<item>FIRST</item><item>@string/tags</item><item>12</item>",
        '<item quantity="one">%d DOG</item>\n        <item quantity="other">%d DOGS</item>',
    ):
        assert line in new, line
    for line in ('"app_name" translatable="false">Dog App<', ">@string/app_name<", ">https://x.y/z<", ">Old<"):
        assert line in new, line


def test_an_apostrophe_of_the_translation_is_escaped() -> None:
    found = document(string("The water of the dog"), "strings.xml")
    found.units[0].target = ('L\'eau "du" chien \\ ici',)
    assert '>L\\\'eau \\"du\\" chien \\\\ ici<' in found.write().decode()


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("What \\u0026 \\ud83d\\ude00 why\\?", "WHAT &amp; 😀 WHY?"),
        ("\\?Why", "\\?WHY"),
        ("A\\u00a0b c\\u00e9d", "A\\u00a0B CÉD"),
        ("  spaces\n   here  ", "  SPACES HERE  "),
        ("a <br/> b", "A <br/> B"),
        ("<b>One.\\nTwo</b> three", "<b>ONE.\\nTWO</b> THREE"),
        ("@android:string/ok", "@android:string/ok"),
        ("?attr/some_text", "?attr/some_text"),
        ("Loading...", "LOADING..."),
        ("one <![CDATA[<b>two</b>]]>", "ONE &lt;b&gt;TWO&lt;/b&gt;"),
        ("<![CDATA[Don\\'t. \\n\\nStop]]>", "<![CDATA[DON\\'T. \\n\\nSTOP]]>"),
    ],
)
def test_escapes_and_references(content: str, wanted: str) -> None:
    assert of_string(content) == wanted


def test_what_is_not_for_translators_is_left() -> None:
    for attributes in (' translatable="false"', ' tools:ignore="Typos,MissingTranslation"'):
        assert not document(string("Text", attributes), "strings.xml").units
    assert document(string("Text", ' tools:ignore="Typos"'), "strings.xml").units
    whole = string("Text").replace("<resources", '<resources translatable="false"')
    assert not document(whole, "strings.xml").units


def test_the_language_that_a_file_says_is_changed_with_it() -> None:
    said = string("Text").replace("<resources", '<resources tools:locale="en"')
    assert 'tools:locale="fr"' in translated(said, "strings.xml")


def test_xml_is_known_as_android_s_by_its_root() -> None:
    assert format_of("other.xml", ANDROID) == "android" == format_of("strings.xml", b"")
    assert [kind_by_name(n) for n in ("strings.xml", "my_strings.fr.xml", "layout.xml")] == ["android"] * 2 + [None]
    assert format_of("strings.xml", b'<?xml version="1.0"?><xliff version="1.2"/>') == "xliff"
    with pytest.raises(DataError, match="of a kind that is not translated"):
        format_of("layout.xml", b"<LinearLayout/>")


def test_faults_of_android_s_files() -> None:
    assert fault("<resources>\n<string>", "strings.xml").startswith("strings.xml:2 is not well-formed XML")
    assert "its root is <x>" in fault("<x/>", "strings.xml")
    assert fault("", "strings.xml").startswith("strings.xml:1 is not well-formed XML")
    assert "is not valid utf-8" in fault(b"<resources><string>\xe9</string></resources>", "strings.xml")


def test_a_head_of_many_comments_takes_no_time() -> None:
    began = time.monotonic()
    for comment in ("<!-- a -->\n", "/* a */\n"):
        format_of("file", (comment * 5000 + "<other/>").encode())
    assert time.monotonic() - began < 5


def backwards(questions: Sequence[Question]) -> list[Answer]:
    """The words in the opposite order, each aligned to itself."""
    answers = []
    for question in questions:
        words = [match.span() for match in re.finditer(r"\S+", question.text)][::-1]
        text, links = "", []
        for begin, end in words:
            text += " " * bool(text)
            links.append(Link((begin, end), (len(text), len(text) + end - begin)))
            text += question.text[begin:end]
        answers.append(Answer(text, links))
    return answers


PIECES = ["one ", "it\\'s ", "%1$s ", "\\n", "&lt;b>", "&lt;/b>", "<b>two ", "<i>", "</i>", "</b>", '"', " \\u0020",
          "<!-- c -->", "<xliff:g>A</xliff:g> ", "&amp; ", "\\@", "three. ", "<![CDATA[<u>x</u>]]>"]  # fmt: skip


@given(st.lists(st.sampled_from(PIECES), max_size=12))
def test_whatever_becomes_of_the_words_the_file_stays_well_formed(pieces: list[str]) -> None:
    text = string("".join(pieces)).replace("<resources", '<resources xmlns:xliff="urn:oasis:names:tc:xliff"')
    try:
        found = document(text, "strings.xml")
    except DataError:
        return
    translate_units(found.units, backwards)
    for unit in found.units:
        assert codes(unit.source) == codes(unit.target or ())
    document(found.write(), "strings.xml")


def codes(items: Inline) -> Counter[str]:
    return Counter(item.code for item in items if isinstance(item, Tag))


# --- .strings --------------------------------------------------------------------------------------------------------


def test_strings_change_in_their_values_alone() -> None:
    new = translated(STRINGS, "a.strings")
    old = STRINGS.decode().splitlines()
    assert new.splitlines() == [
        old[0], '"title" = "MY \\"BIG\\" DOG\\nAND A CAT";', old[2], 'bare.key = "TWO — THREE %@ AND %1$@";',
        '"two" = "FIRST LINE.\\n\\n* SECOND ONE";  "url" = "https://x.y/z"; "alone";',
        '"fixed" = "100%% OF <b>IT</b>";',
    ]  # fmt: skip
    assert [unit.where for unit in document(STRINGS, "a.strings").units][:2] == ["title", "bare.key"]


def test_strings_of_utf_16_stay_so() -> None:
    found = document(STRINGS_16, "a.strings")
    translate_units(found.units, shout)
    assert found.write() == STRINGS_16.decode("utf-16").replace("A dog", "A DOG").encode("utf-16")


def test_strings_of_older_ways() -> None:
    assert translated("{ a = Hello; 'b' = 'It\\'s'; }", "a.strings") == "{ a = \"HELLO\"; 'b' = 'IT\\'S'; }"
    assert translated('"a" = "One\nline \\101\\377";', "a.strings") == '"a" = "ONE\nLINE A\\377";'
    assert translated('"a" = "%#@n@ %% of them";', "a.strings") == '"a" = "%#@n@ %% OF THEM";'


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('"a" = "b";\n"c" = "d;\n', "a.strings:2: the string that begins here has no end: '\"d;'"),
        ('"a" = "b"\n"c" = "d";', 'a.strings:1: what begins here does not end in a semicolon: \'"a" = "b"\''),
        ('"a" = ;', "a.strings:1: there is no string here: ';'"),
        ('/* a\n"b" = "c";', "a.strings:1: there is no string here: '/* a'"),
        ("<?xml version='1.0'?><plist/>", "a.strings is a property list"),
        (b'"a" = "\xe9";', "a.strings is not valid utf-8 (byte 8)"),
    ],
)
def test_faults_of_strings_name_their_line(text: str | bytes, wanted: str) -> None:
    assert fault(text, "a.strings").startswith(wanted)


# --- .xcstrings ------------------------------------------------------------------------------------------------------


def test_a_catalogue_gets_what_it_lacks_and_keeps_every_line() -> None:
    new = translated(XCSTRINGS, "a.xcstrings")
    strings = json.loads(new)["strings"]
    unit = {"state": "needs_review", "value": "HELLO %@"}
    assert strings["Hello %@"] == {"comment": "A greeting", "localizations": {"fr": {"stringUnit": unit}}}
    assert strings["key"]["localizations"]["fr"]["stringUnit"]["value"] == 'THE "VALUE".\n\nAND MORE'
    plural = strings["%lld dogs"]["localizations"]["fr"]["variations"]["plural"]
    assert {k: v["stringUnit"]["value"] for k, v in plural.items()} == {"one": "%lld DOG", "other": "%lld DOGS"}
    assert strings["Done"]["localizations"]["fr"]["stringUnit"]["value"] == "Fait" and strings[""] == {}
    assert strings["Brand"] == {"shouldTranslate": False}
    # as Xcode would write it, but for the empty object
    layout = json.dumps(json.loads(new), indent=2, ensure_ascii=False, separators=(",", " : ")) + "\n"
    assert new.replace("{\n\n    }", "{}") == layout
    lines = iter(new.splitlines())
    assert all(any(line.rstrip(",") == one.rstrip(",") for one in lines) for line in XCSTRINGS.decode().splitlines())


def catalogue(entry: object, source: str = "en") -> str:
    return json.dumps({"sourceLanguage": source, "strings": {"A dog": entry}, "version": "1.0"})


def of_entry(entry: object, **more: object) -> dict[str, object]:
    return json.loads(translated(catalogue(entry), "a.xcstrings", **more))["strings"]["A dog"]  # type: ignore[no-any-return]


def localized(**units: tuple[str, str]) -> dict[str, object]:
    return {"localizations": {k: {"stringUnit": {"state": s, "value": v}} for k, (s, v) in units.items()}}


def test_what_is_there_already_stays_unless_it_is_new_or_all_is_wanted() -> None:
    assert of_entry({}) == of_entry(localized(fr=("new", ""))) == localized(fr=("needs_review", "A DOG"))
    assert of_entry({}, mark=False) == localized(fr=("translated", "A DOG"))
    assert of_entry(localized(fr=("translated", "Chien"))) == localized(fr=("translated", "Chien"))
    assert of_entry(localized(fr=("translated", "Chien")), all=True) == localized(fr=("needs_review", "A DOG"))
    both = localized(de=("translated", "Hund"), it=("translated", "Cane"))
    assert list(of_entry(both)["localizations"]) == ["de", "fr", "it"]  # type: ignore[call-overload]


def test_a_catalogue_with_variations_and_substitutions() -> None:
    source = {
        "localizations": {"en": {
            "stringUnit": {"state": "translated", "value": "%#@dogs@ here"},
            "substitutions": {"dogs": {"argNum": 1, "formatSpecifier": "lld", "variations": {"plural": {
                "other": {"stringUnit": {"state": "translated", "value": "%arg dogs"}}}}}},
        }}
    }  # fmt: skip
    found = of_entry(source)["localizations"]["fr"]  # type: ignore[index]
    assert found["stringUnit"]["value"] == "%#@dogs@ HERE"
    dogs = found["substitutions"]["dogs"]
    assert dogs["argNum"] == 1 and dogs["variations"]["plural"]["other"]["stringUnit"]["value"] == "%arg DOGS"


def test_the_language_of_a_catalogue_is_called_as_in_it() -> None:
    text = catalogue({}).replace(
        '{"A dog"', '{"Cat": ' + json.dumps(localized(**{"fr-FR": ("translated", "x")})) + ', "A dog"'
    )
    assert "fr-FR" in json.loads(translated(text, "a.xcstrings"))["strings"]["A dog"]["localizations"]


def test_faults_of_catalogues() -> None:
    assert fault("{\n\n]", "a.xcstrings").startswith("a.xcstrings:3 is not valid JSON")
    assert fault("", "a.xcstrings").startswith("a.xcstrings:1 is not valid JSON")
    assert "no object `strings`" in fault("[]", "a.xcstrings")
    assert "does not say its `sourceLanguage`" in fault('{"strings": {}}', "a.xcstrings")
    assert "says that its source is in de, but" in fault(catalogue({}, "de"), "a.xcstrings")
    assert fault('{"a":' * 100_000 + "1" + "}" * 100_000, "a.xcstrings").startswith("a.xcstrings has too many")
    units: object = {"en": {"stringUnit": [1]}}
    for odd in ([], 1, {"localizations": []}, {"localizations": units}, {"localizations": {"fr": 3}}):  # type: ignore[var-annotated]
        translated(catalogue(odd), "a.xcstrings")


# --- tables ----------------------------------------------------------------------------------------------------------


def test_cells_are_written_and_everything_else_stays() -> None:
    new = translated(CSV, "a.csv")
    assert new == (
        "\ufeffid;name;text;price;url\r\n"
        'A-12;"RED BALL";"ONE; ""TWO"" <b>THREE</b>\r\n\r\nA {name} HERE";12,50 EUR;https://x.y\r\n'
        "\r\n7;ÉTÉ;=SUM(A1:A3);3;<p>A</p><p>B</p>\r\n8;-\r\n"
    )
    assert translated(TSV, "a.tsv") == 'id\ttext\n1\tA "BIG" DOG\n2\t"QUOTED TEXT"\n3\t"HALF OF IT\n'


def test_columns_that_are_asked_for() -> None:
    text = "id,title,title_2,note\n1,One dog,Two dogs,Three dogs\n"
    assert translated(text, "a.csv", keys=("title*",)) == "id,title,title_2,note\n1,ONE DOG,TWO DOGS,Three dogs\n"
    assert fault(text, "a.csv", keys=("text",)) == "a.csv has no column text."
    assert document(text, "a.csv").units[0].where == "line 2, title"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_cell_gets_quotes_where_it_needs_them(separator: str) -> None:
    found = document(separator.join(("a", "b")) + "\n" + separator.join(("One dog", "Two dogs")) + "\n", "a.csv")
    found.units[0].target = (f'Un{separator} "deux"',)
    found.units[1].target = ("deux chiens",)
    new = found.write().decode()
    assert list(csv.reader(io.StringIO(new), delimiter=separator))[1] == [f'Un{separator} "deux"', "deux chiens"]
    assert '"deux chiens"' not in new


def test_a_separator_that_is_said_is_taken() -> None:
    assert translated("sep=|\na|b\nOne, dog|two; dogs\n", "a.csv") == "sep=|\na|b\nONE, DOG|TWO; DOGS\n"


@pytest.mark.parametrize(
    "cell",
    [
        "", "12", "1,250.50", "2024-03-12", "12/03/2024 10:30 AM", "2024-03-12T10:00:00Z", "12 kg", "EUR 12.50",
        "a@b.org", "https://x.y/a-b", "www.x.org", "ab_12", "SKU-1234", "AB-CD", "fooBar", "USD", "TRUE", "null", "n/a",
        "=A1+B1", "+33 1 23", "-x", "@user", "550e8400-e29b-41d4-a716-446655440000", "photo.jpg",
    ],
)  # fmt: skip
def test_cells_that_are_no_text(cell: str) -> None:
    assert not is_text(cell)


@pytest.mark.parametrize(
    "cell", ["Dog", "A dog", "dogs", "- a dog", "12 dogs", "Loading...", "AC adapter", "Ça va", "x y"]
)
def test_cells_that_are_text(cell: str) -> None:
    assert is_text(cell)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a,b\nc,d,e\n", "a.csv:2 has 3 cells, but the first line has 2."),
        ('a,b\n"x\ny",d\nc,"d\n', "a.csv:4: the quote that begins here has no end"),
        ('a,b\n"c"d,e\n', "a.csv:2 has text after a quoted cell: 'd,e\\n'"),
        (b"a,b\nc,\xe9\n", "a.csv is not valid utf-8 (byte 7)"),
    ],
)
def test_faults_of_tables_name_their_line(text: str | bytes, wanted: str) -> None:
    assert fault(text, "a.csv").startswith(wanted)


def test_rows_with_fewer_cells_are_read() -> None:
    assert translated("a,b,c\nOne dog\n\nTwo dogs,,,,\n", "a.csv") == "a,b,c\nONE DOG\n\nTWO DOGS,,,,\n"
    assert [document(text, "a.csv").units for text in ("", "a,b\n", "\n\n")] == [[], [], []]


def test_texts_of_paragraphs_are_translated_one_by_one() -> None:
    assert [plain(u.source) for u in document(string("One.\\nTwo\\nthree\\n\\nFour"), "strings.xml").units] == [
        "One.", "Two three", "Four",
    ]  # fmt: skip
