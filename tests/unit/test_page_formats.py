"""HTML, Markdown and subtitles: what is translated in them, and what is not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta

import pytest
import srt
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from nmt.errors import DataError
from nmt.formats.choose import read_document
from nmt.formats.document import About
from nmt.formats.subtitles import shared_out, wrapped
from nmt.formats.translating import Answer, Question, translate_units
from nmt.text.inline import plain, with_codes
from nmt.text.links import Link, units
from tests.documents import SRT, VTT


def shout(questions: Sequence[Question]) -> list[Answer]:
    return [Answer(q.text.upper(), [Link(span, span) for span in units(q.text)]) for q in questions]


def translated(text: str, name: str, **more: object) -> str:
    document = read_document(text.encode(), About(name, "en", "fr", **more))  # type: ignore[arg-type]
    translate_units(document.units, shout)
    return document.write().decode()


def sources(text: str, name: str) -> list[str]:
    return [plain(unit.source).strip() for unit in read_document(text.encode(), About(name)).units]


# --- HTML ------------------------------------------------------------------------------------------------------------


def test_blocks_end_a_text_and_inline_elements_do_not() -> None:
    page = "<div>One <b>two</b><p>three<br>four</p>five<table><tr><td>six<td>seven</table></div>"
    assert sources(page, "a.html") == ["One two", "three four", "five", "six", "seven"]
    assert translated(page, "a.html") == re.sub("One|two|three|four|five|six|seven", lambda m: m[0].upper(), page)


@pytest.mark.parametrize("code", [
    "<script>var a = '<p>text</p>';</script>", "<style>p { color: red }</style>", "<pre>code <b>here</b></pre>",
    "<p translate=no>text <b>here</b></p>", '<p class="a notranslate">text</p>', "<!-- a comment -->",
    "<textarea>text</textarea>", "<div translate='no'><div>text</div><div>text</div></div>",
    "<svg><text>text</text></svg>", "<p>12 %</p>",
])  # fmt: skip
def test_what_is_not_translated(code: str) -> None:
    assert sources(f"<p>One</p>{code}<p>Two</p>", "a.html") == ["One", "Two"]


def test_attributes_that_people_read() -> None:
    page = """<img alt='A "dog"' title=Dog src=x><input placeholder="Your name" aria-label="Name" value="v">
<input type=submit value="Send"><meta name="Description" content="A page"><meta name="x" content="y">"""
    assert sorted(sources(page, "a.html")) == ['A "dog"', "A page", "Dog", "Name", "Send", "Your name"]
    new = translated(page, "a.html")
    assert "<img alt='A \"DOG\"' title=DOG src=x>" in new and 'content="A PAGE"><meta name="x" content="y">' in new


def test_an_attribute_within_a_text_that_changes_too() -> None:
    assert translated('<p>See <img alt="a dog"> here</p>', "a.html") == '<p>SEE <img alt="A DOG"> HERE</p>'


def test_entities_case_and_doctype_stay_and_what_is_new_is_escaped() -> None:
    page = "<!doctype html>\n<P CLASS=x>A&nbsp;b &lt; c &copy;</P><p>&eacute;t&eacute; 12</p>"
    document = read_document(page.encode(), About("a.html", target="fr"))
    document.units[0].target = ("x\xa0y < z & w",)
    assert document.write().decode() == page.replace("A&nbsp;b &lt; c &copy;", "x&nbsp;y &lt; z &amp; w")


def test_the_language_is_set_once_something_is_translated() -> None:
    page = '<html lang="en" xml:lang=en><p>One</p></html>'
    assert translated(page, "a.xhtml") == '<html lang="fr" xml:lang=fr><p>ONE</p></html>'
    assert read_document(page.encode(), About("a.html", target="fr")).write().decode() == page


def test_other_encodings_are_kept() -> None:
    page = '<meta charset="iso-8859-1"><p>Été</p>'.encode("latin-1")
    document = read_document(page, About("a.html"))
    document.units[0].target = ("Žluť é",)
    assert document.write() == '<meta charset="iso-8859-1"><p>&#381;lu&#357; é</p>'.encode("latin-1")


# --- Markdown --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [
    "```\ncode\n```\n", "    code\n", "[a]: http://x.y 'title'\n", "---\nlayout: post\ntags: [one, two]\n---\n",
    "***\n",
    "<!-- comment -->\n", "12. 34\n",
])  # fmt: skip
def test_markdown_that_is_not_translated(text: str) -> None:
    assert sources(f"{text}\nOne\n", "a.md") == ["One"]


@pytest.mark.parametrize(("text", "wanted"), [
    ("# A *title* {#x-y}\n", "# A *TITLE* {#x-y}\n"),
    ("See [the page](http://x.y/a_(b) 'T') here\n", "SEE [THE PAGE](http://x.y/a_(b) 'T') HERE\n"),
    ("See [the page][ref] and [that]\n\n[ref]: /a\n[that]: /b\n",
     "SEE [THE PAGE][ref] AND [THAT]\n\n[ref]: /a\n[that]: /b\n"),
    ("![a dog](dog.png)\n", "![A DOG](dog.png)\n"),
    ("use `a_b` or <https://x.y> now\n", "USE `a_b` OR <https://x.y> NOW\n"),
    ("> one\n> two **three\n> four** five\n", "> ONE TWO **THREE FOUR** FIVE\n"),
    ("* one\n\n  more\n* two\n", "* ONE\n\n  MORE\n* TWO\n"),
    ("| a b | `c` d |\n|---|---|\n| e | f \\| g |\n", "| A B | `c` D |\n|---|---|\n| E | F \\| G |\n"),
    ("Title\n=====\n", "TITLE\n=====\n"),
    ("one  \ntwo\\\nthree\r\n", "ONE  \nTWO\\\nTHREE\r\n"),
    ("<div>\n<p>some text</p>\n</div>\n", "<div>\n<p>SOME TEXT</p>\n</div>\n"),
    ("a <b>bold</b> \\* star &amp; more\n", "A <b>BOLD</b> \\* STAR & MORE\n"),
    ("---\ntitle: 'It''s'\ndescription: some text # c\n---\none\n",
     "---\ntitle: 'IT''S'\ndescription: SOME TEXT # c\n---\nONE\n"),
])  # fmt: skip
def test_markdown_is_edited_in_its_source(text: str, wanted: str) -> None:
    assert translated(text, "a.md") == wanted


@pytest.mark.parametrize(
    "new", ["# no title", "1. no list", "- no list", "a *b* _c_ [d](e) <f>", "> no quote", "x\\y `z"]
)
def test_a_translation_that_looks_like_markdown_is_escaped(new: str) -> None:
    document = read_document(b"Some text\n", About("a.md"))
    document.units[0].target = (new,)
    again = read_document(document.write(), About("a.md"))
    assert [plain(unit.source) for unit in again.units] == [new]


def test_emphasis_of_nothing_is_not_written() -> None:
    document = read_document(b"Some **bold** text\n", About("a.md"))
    source = document.units[0].source
    document.units[0].target = ("x ", source[1], source[3], " y")
    assert document.write() == b"x  y\n"


# --- subtitles -------------------------------------------------------------------------------------------------------


def test_srt_times_and_order_stay_and_its_library_reads_it() -> None:
    old = list(srt.parse(SRT.decode()))
    new = list(srt.parse(translated(SRT.decode(), "a.srt")))
    assert [(c.index, c.start, c.end) for c in new] == [(c.index, c.start, c.end) for c in old]
    assert [c.content for c in new] == [
        "THE LITTLE DOG IS <i>RUNNING</i> IN THE", "BIG GREEN GARDEN OF MY OLD\nFRIEND, WHO LIVES NEAR THE SEA.",
        "- HELLO.\n- HI!", "♪ 123 ♪",
    ]  # fmt: skip
    assert new[0].start == timedelta(seconds=1)


def test_each_cue_by_itself_if_so_asked() -> None:
    joined = sources(SRT.decode(), "a.srt")
    assert joined[0] == "The little dog is running in the big green garden of my old friend, who lives near the sea."
    alone = read_document(SRT, About("a.srt", per_cue=True)).units
    assert len(alone) == len(joined) + 1


@pytest.mark.parametrize("second", ["00:00:03,600 --> 00:00:04,000", "00:00:02,400 --> 00:00:04,000"])
def test_cues_far_apart_or_at_once_are_not_joined(second: str) -> None:
    text = f"1\n00:00:01,000 --> 00:00:02,500\nOne of\n\n2\n{second}\nthe two\n"
    assert sources(text, "a.srt") == ["One of", "the two"]


def test_vtt_keeps_settings_notes_styles_and_voices() -> None:
    new = translated(VTT.decode(), "a.vtt")
    for code in ("WEBVTT - title", "NOTE a comment --\nthat goes on", "::cue { color: red }",
                 "intro\n", "align:start position:10%",
                 "<v Roger>HELLO THERE, <i>MY</i> FRIEND.</v>", "{\\an8}UP THERE"):  # fmt: skip
        assert code in new
    assert [c.start for c in webvtt.from_string(new)] == ["00:00:01.000", "00:00:03.000"]


def test_a_file_without_cues_is_refused() -> None:
    with pytest.raises(DataError, match=r"a\.srt has no cues"):
        read_document(b"Hello\n", About("a.srt"))


@given(st.lists(st.sampled_from(["dog", "a", "<i>", "</i>", "garden,", "你好", "!"]), max_size=12), st.integers(1, 3))
def test_no_word_is_lost_where_a_translation_is_shared_out(words: list[str], cues: int) -> None:
    items = with_codes(" ".join(words))
    parts = shared_out(items, [5] * cues)
    assert len(parts) == cues
    assert re.sub(r"\s", "", "".join(plain(with_codes(p)) for p in parts)) == re.sub(r"\s", "", plain(items))


def test_lines_are_wrapped_at_a_space() -> None:
    assert wrapped("short") == "short"
    lines = wrapped("a line that is much longer than what is <i>read at</i> one glance by anybody").split("\n")
    assert len(lines) == 2 and abs(len(lines[0]) - len(lines[1])) < 16
