"""PO, XLIFF, TMX and JSON: messages of programs, and what belongs to them."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from nmt.errors import DataError
from nmt.formats.bilingual import closest
from nmt.formats.choose import read_document
from nmt.formats.document import About
from nmt.formats.icu import branches
from nmt.formats.translating import Answer, Question, translate_units
from nmt.formats.xml import check
from nmt.text.inline import plain
from nmt.text.links import Link, units
from tests.documents import ARB, JSON, PO, TMX, XLIFF, XLIFF2


def shout(questions: Sequence[Question]) -> list[Answer]:
    return [Answer(q.text.upper(), [Link(span, span) for span in units(q.text)]) for q in questions]


def translated(data: bytes | str, name: str, **more: object) -> str:
    raw = data.encode() if isinstance(data, str) else data
    document = read_document(raw, About(name, "en", "fr", **more))  # type: ignore[arg-type]
    translate_units(document.units, shout)
    return document.write().decode("utf-16" if raw.startswith(b"\xff\xfe") else "utf-8")


# --- PO --------------------------------------------------------------------------------------------------------------


def test_po_changes_translations_and_flags_alone() -> None:
    new = translated(PO, "a.po")
    kept = [line for line in PO.decode().splitlines() if not line.startswith(("msgstr", "#,"))]
    assert [line for line in kept if line not in new.splitlines()] == []
    assert '#, fuzzy, c-format\nmsgctxt "menu"' in new
    assert 'msgstr ""\n"OPEN <b>%s</b> AND \\"MORE\\"\\n"\n"NOW\\n"\n' in new
    assert '#, fuzzy\n#| msgid "Old"\nmsgid "New"\nmsgstr "NEW"' in new
    assert 'msgstr[0] "ONE FILE"\nmsgstr[1] "%d FILES"' in new
    assert (
        'msgstr "Fait"' in new
        and "#, fuzzy" not in translated(PO, "a.po", mark=False).replace(PO.decode()[-1], "")[:250]
    )


def test_po_says_that_it_marks_translations() -> None:
    assert "fuzzy" in read_document(PO, About("a.po")).notes[0]
    assert read_document(PO, About("a.po", mark=False)).notes == []


def test_po_with_all_translates_anew_what_has_a_translation() -> None:
    assert 'msgid "Done"\nmsgstr "DONE"' in translated(PO, "a.po", all=True)


def test_plural_forms_are_those_of_the_target() -> None:
    header = 'msgid ""\nmsgstr "Plural-Forms: nplurals={}; plural={};\\n"\n\n'
    message = 'msgid "one file"\nmsgid_plural "%d files"\n' + "".join(f'msgstr[{i}] ""\n' for i in range(3))
    polish = "(n==1 ? 0 : n%10>=2 && n%10<=4 ? 1 : 2)"
    new = translated(header.format(3, polish) + message, "a.po")
    assert re.findall(r'msgstr\[\d\] "(.*)"', new) == ["ONE FILE", "%d FILES", "%d FILES"]
    japanese = translated(header.format(1, "0") + message[: message.index("msgstr[1]")], "a.po")
    assert re.findall(r'msgstr\[\d\] "(.*)"', japanese) == ["%d FILES"]


def test_po_is_taken_by_gettext(tmp_path: Path) -> None:
    if shutil.which("msgfmt") is None:
        pytest.skip("NOT TESTED: there is no msgfmt")
    path = tmp_path / "a.po"
    path.write_text(translated(PO, "a.po", mark=False), encoding="utf-8")
    done = subprocess.run(["msgfmt", "--check-format", "--statistics", "-o", str(tmp_path / "a.mo"), str(path)],
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    # what had been fuzzy stays so, until somebody has looked at it
    assert "4 translated messages" in done.stderr or "3 translated messages, 1 fuzzy" in done.stderr


def test_lines_that_are_none_of_po_are_told() -> None:
    with pytest.raises(DataError, match=r"a\.po:2 is no line of a PO file: 'hello'"):
        read_document(b'msgid "a"\nhello\n', About("a.po"))


# --- XLIFF -----------------------------------------------------------------------------------------------------------


def test_xliff_targets_are_marked_and_stand_where_they_should() -> None:
    new = translated(XLIFF, "a.xlf")
    check(new, "a.xlf")
    mark = ' state="needs-review-translation" state-qualifier="mt-suggestion"'
    assert (
        f'</source>\n    <target{mark}>HELLO <g id="1">MY <x id="2"/> DOG</g> &amp; &lt;b&gt;X&lt;/b&gt;</target>'
        in new
    )
    assert f'<target{mark}><mrk mtype="seg" mid="0">ONE.</mrk> <mrk mtype="seg" mid="1">TWO.</mrk></target>' in new
    assert f'<target{mark}>A <bpt id="1">[b]</bpt>BIG<ept id="1">[/b]</ept> %s<ph id="3"/></target>' in new
    assert "<target>Fait</target>" in new and "<source>Approved</source><target/>" in new
    assert '<target state="final"></target>' in new and "<source>No</source></trans-unit>" in new
    assert new.count('target-language="fr"') == 1 and "<?xml version='1.0' encoding=\"utf-8\" ?>" in new


def test_xliff_2_segments_are_marked() -> None:
    new = translated(XLIFF2, "a.xlf")
    check(new, "a.xlf")
    assert '<segment state="translated" subState="nmt:mt" id="s">' in new and 'trgLang="fr"' in new
    assert '<target>HELLO <pc id="1">MY</pc> <sc id="2"/>DOG<ec startRef="2"/> <ph id="9"/></target>' in new
    assert new.count("<target>") == 1


def test_another_root_is_refused() -> None:
    with pytest.raises(DataError, match=r"a\.xlf is no XLIFF file: its root is <x>"):
        read_document(b"<x/>", About("a.xlf"))


# --- TMX -------------------------------------------------------------------------------------------------------------


def test_tmx_gets_what_it_lacks() -> None:
    new = translated(TMX, "a.tmx")
    assert '<tuv xml:lang="fr" creationid="nmt"><seg>HELLO <bpt i="1">&lt;b&gt;</bpt>YOU<ept' in new
    assert new.count("<tuv") == 5 and "<!DOCTYPE tmx" in new
    assert "<seg>DONE</seg>" in translated(TMX, "a.tmx", all=True)


def test_languages_are_matched_exactly_then_by_base() -> None:
    assert closest("en", ["en-US", "fr"]) == "en-US"
    assert closest("en-GB", ["en-US", "en-gb"]) == "en-gb"
    assert closest("en", ["en-US", "en-GB"]) is None and closest("de", ["en"]) is None
    assert closest("pt_BR", ["pt-br", "pt"]) == "pt-br"


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_keeps_keys_order_layout_escapes_and_what_is_no_text() -> None:
    new = translated(JSON, "a.json")
    old, found = json.loads(JSON), json.loads(new)
    assert found["menu"] == {"open": "OPEN <b>{{name}}</b>\n", "url": "https://x.y/z", "n": 3, "empty": ""}
    assert found["list"] == ["ONE THING", "TÉST 😀", None, True] and list(found) == list(old)
    assert "T\\u00c9ST \\ud83d\\ude00" in new  # as the others in this file
    assert found["nest"] == "SEE $t(menu.open)" and found["key_other"] == "{{count}} ITEMS"
    assert found["icu"] == "YOU HAVE {n, plural, =0 {NO FILES} one {# FILE} other {{x} HAS # FILES}} NOW."


def test_json_keys_that_are_asked_for() -> None:
    document = read_document(JSON, About("a.json", keys=("menu.*", "list.1")))
    assert [unit.where for unit in document.units] == ["menu.open", "list.1"]
    with pytest.raises(DataError, match="has no text at nothing"):
        read_document(JSON, About("a.json", keys=("nothing",)))


def test_a_word_with_a_stop_is_text_and_a_path_is_none() -> None:
    values = {"a": "Loading...", "b": "Done.", "c": "a.b", "d": "img/x.png", "e": "v1.", "f": "..."}
    assert [u.where for u in read_document(json.dumps(values).encode(), About("a.json")).units] == ["a", "b"]


def test_arb_keeps_what_is_about_its_messages() -> None:
    found = json.loads(translated(ARB, "a.arb"))
    assert found["@@locale"] == "fr" and found["hello"] == "HELLO {name}, IT'S ME"
    assert found["@hello"]["description"] == "A greeting"
    document = read_document(ARB, About("a.arb"))
    document.units[0].target = ("d'", document.units[0].source[1])
    assert json.loads(document.write())["hello"] == "d''{name}"  # else it would be quoted


def test_icu_frames_are_kept_however_they_are_nested() -> None:
    text = "{g, select, male {{n, plural, one {his file} other {his {n} files}}} other {'{'their'}' files}}"
    assert [text[b:e] for b, e in branches(text)] == ["", "", "his file", "his {n} files", "", "'{'their'}' files", ""]
    assert branches("{n, plural, one {x}") == [] and branches("Hello {name}") == []
    assert branches("{n, plural, one {x} other {y}} }") == []


def test_faults_of_json_name_their_line() -> None:
    with pytest.raises(DataError, match=r"a\.json:2 is not valid JSON"):
        read_document(b'{\n"a": }', About("a.json"))
    with pytest.raises(DataError, match="too many lists"):
        read_document(b"[" * 100_000 + b"]" * 100_000, About("a.json"))


def test_where_says_which_message() -> None:
    assert [u.where for u in read_document(PO, About("a.po")).units][:2] == ["line 9", "line 16"]
    assert plain(read_document(XLIFF, About("a.xlf")).units[0].source).startswith("Hello my")


XLIFF_TO = (
    '<xliff version="1.2"><file target-language="{0}"><trans-unit id="1"><source>Hello</source></trans-unit></file>'
    "</xliff>"
)
XLIFF2_TO = (
    '<xliff version="2.0" trgLang="{0}"><file><unit><segment><source>Hello</source></segment></unit></file></xliff>'
)
PO_TO = 'msgid ""\nmsgstr "Language: {0}\\n"\n\nmsgid "Hello"\nmsgstr ""\n'


@pytest.mark.parametrize(("text", "name"), [(XLIFF_TO, "a.xlf"), (XLIFF2_TO, "a.xlf"), (PO_TO, "a.po")])
def test_a_file_for_another_language_is_refused(text: str, name: str) -> None:
    for language in ("fr", "fr-CA", "fr_FR.UTF-8", ""):
        assert "HELLO" in translated(text.replace("{0}", language), name)
    with pytest.raises(DataError) as e:
        translated(text.replace("{0}", "de-AT"), name)
    assert e.value.message == f"{name} says that its translations are in de-AT, but the run translates into fr."
