"""Lines in capitals and titles: translated as plain text, answered as they were written; all else is untouched."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.data.case import CaseCounter, CaseTable
from nmt.data.manifest import CASE
from nmt.data.prepare import prepare
from nmt.decode.assembly import Translation
from nmt.decode.case import Case, answered
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.request import Request
from nmt.decode.translator import Translator
from nmt.recipe import DecodeSection, Recipe
from nmt.text.case import FormCounts, Forms, kind_of, outside, upper

TEXT = [
    "The man from Boston wears a T-shirt and says that I am here.",
    "We saw the man's dog in Boston, and the TV was on.",
    "A man and a dog run; the Straße is red.",
] * 3


NO_TOKENIZER: Any = None  # which is asked only where there is no table


def forms(lines: Sequence[str] = TEXT, language: str = "en") -> Forms:
    counts = FormCounts()
    counts.add(lines)
    return Forms(counts.forms(language, 1000), language)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("A MAN IS HERE.", "upper"),
        ("STOP NOW", "upper"),
        ("iPHONES ARE SOLD HERE", "upper"),
        ("ПРИВЕТ, МИР", "upper"),
        ("STOP", None),
        ("A B C D", None),
        ("The UN and NATO met", None),
        ("A Man Is Running Here Now", "title"),
        ("New York City", None),
        ("A Man is Running Here Now", None),
        ("a man runs", None),
        ("北京 上海 天津 重庆 🙂", None),
        ("<B>STOP NOW</B> https://a.b/c-d-e", "upper"),
        ("", None),
    ],
)
def test_kinds_of_lines(line: str, kind: str | None) -> None:
    assert kind_of(line) == kind


def test_plain_text_is_as_the_training_text_has_it() -> None:
    known = forms()
    assert known.plain("THE MAN'S T-SHIRT IS RED. I SAW BOSTON!", "upper") == "The man's T-shirt is red. I saw Boston!"
    assert known.plain("WE SAW A ZEBRA ON TV", "upper") == "We saw a zebra on TV"
    assert known.plain("The Man Saw Angela In Boston", "title") == "The man saw Angela in Boston"
    assert known.plain("DIE STRASSE", "upper") == "Die Straße"


def test_turkish_has_two_letters_i() -> None:
    known = forms(["bu ışık ve bir istasyon"], "tr")
    assert known.plain("BU IŞIK, İSTASYON VE IRMAK", "upper") == "Bu ışık, istasyon ve ırmak"
    assert known.plain("IŞIK İSTASYON", "upper") == "Işık istasyon"
    assert upper("iki ışık", "tr") == "İKİ IŞIK" and upper("iki", "en") == "IKI"


def test_what_is_no_language_stays() -> None:
    known = forms()
    line = "SEE <b Class=X>HTTPS</b> AND https://Ex.org/A {Name} XyZ42 AT MAN"
    assert known.plain(line, "upper", ["XyZ42"]) == "See <b Class=X>https</b> and https://Ex.org/A {Name} XyZ42 at man"
    assert outside("a {b} c term", ["term"], str.upper) == "A {b} C term"


@given(st.text(max_size=40), st.sampled_from(["upper", "title"]))
def test_any_line_is_taken(line: str, kind: str) -> None:
    kind_of(line)
    made = forms().plain(line, kind)  # type: ignore[arg-type]
    assert upper(made, "en") == upper(line, "en") or "ß" in made + line or not line.isascii()


def test_clean_lines_are_not_touched(shared_data: Path) -> None:
    for name in ("multi30k/val.en.gz", "multi30k/val.fr.gz", "multi30k/val.de.gz", "tatoeba/eng-fra.tsv.gz"):
        lines = gzip.decompress((shared_data / name).read_bytes()).decode().split("\n")[:40_000]
        assert [line for line in lines for text in line.split("\t")[:2] if kind_of(text)] == []


def test_validation_text_in_capitals_comes_back(shared_data: Path) -> None:
    train, valid = (
        gzip.decompress((shared_data / f"multi30k/{name}.en.gz").read_bytes()).decode().split("\n")[:-1]
        for name in ("train", "val")
    )
    known = forms(train[::2])
    same = [known.plain(line.upper(), "upper") == line for line in valid]
    assert sum(same) / len(same) > 0.93


# --- the table --------------------------------------------------------------------------------------------------------


def table(lines: list[str], folder: Path) -> Case:
    counter = CaseCounter(["en"], len(lines))
    counter.add("en", lines)
    (folder / CASE).write_bytes(counter.to_json())
    return Case.load(folder, NO_TOKENIZER)


def test_what_the_training_text_has_is_left_to_the_model(tmp_path: Path) -> None:
    line = Request("THE MAN IS HERE")
    assert table(TEXT, tmp_path).plain(line, "en")[0].text == "The man is here"
    assert table([*TEXT, "THE MAN IS HERE"], tmp_path).plain(line, "en") == (line, None)
    assert table([line.lower() for line in TEXT], tmp_path).plain(line, "en")[0].text == "The man is here"


def test_only_lines_of_that_language_and_without_a_beginning(tmp_path: Path) -> None:
    case = table(TEXT, tmp_path)
    for request, language in ((Request("THE MAN", prefix="LE"), "en"), (Request("THE MAN"), "fr")):
        assert case.plain(request, language) == (request, None)


def test_a_damaged_table_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = Request("THE MAN IS HERE")
    (tmp_path / CASE).write_text('{"languages": {"en": {"kinds": ["loud"], "forms": []}}}')
    assert Case.load(tmp_path, NO_TOKENIZER).plain(line, "en") == (line, None)
    assert "Lines in capitals are translated as they are." in capsys.readouterr().err


def test_many_lines_are_thinned(tmp_path: Path) -> None:
    every, some = CaseCounter(["en"], 10), CaseCounter(["en"], 300_000)
    for counter in (every, some):
        for _ in range(4):
            counter.add("en", TEXT)
    assert every._counts["en"].lines == 36 and some._counts["en"].lines == 12


def test_without_a_table_what_the_tokenizer_has_seen_says_it() -> None:
    known = {"A", "man", "is", "here", "Man", "NATO", "UN"}
    case = Case(unknown=lambda text: sum(word not in known for word in text.split()))
    assert case.plain(Request("A MAN IS HERE"), "en") == (Request("A man is here"), "upper")
    for text in ("NATO UN", "ZZZ YYY", "A Man Is Here"):  # known so, or no better otherwise; titles are left alone
        assert case.plain(Request(text), "en") == (Request(text), None)


def test_an_answer_keeps_phrases() -> None:
    t = Translation("le mot {x}", [("le mot {x}", Hypothesis([1], 0.0, 0.0)), ("un mot", Hypothesis([2], 0.0, 0.0))])
    assert answered(t, "upper", "fr", ["mot"]).text == "LE mot {x}"
    assert [text for text, _ in answered(t, "upper", "fr", []).hypotheses] == ["LE MOT {x}", "UN MOT"]
    assert answered(t, "title", "fr", []) is t and answered(t, None, "fr", []) is t


# --- a run ------------------------------------------------------------------------------------------------------------


def test_a_run_translates_capitals_as_it_translates_plain_text(toy_run: Callable[..., Path]) -> None:
    run = toy_run()
    assert set(CaseTable.load(run).languages) == {"en"}  # type: ignore[union-attr]
    translator = Translator.load(run)
    plain, loud = ([t.text for t in translator.translate([line])] for line in ("One two three", "ONE TWO THREE"))
    kept = [t.text for t in translator.translate(["ONE TWO THREE"], case="keep")]
    assert loud == [plain[0].upper()] and kept != loud
    (run / CASE).unlink()  # as of an older nmt
    old = Translator.load(run)
    assert [t.text for t in old.translate(["ONE TWO THREE"])] == loud
    assert [t.text for t in old.translate(["ONE TWO THREE"], case="keep")] == kept


def test_only_sources_of_translations_are_counted(toy_recipe: Callable[..., Recipe]) -> None:
    folder = prepare(toy_recipe())
    found = CaseTable.load(folder)
    assert found is not None and set(found.languages) == {"en"}
    assert set(found.languages["en"].forms) == {"one", "two", "three", "four", "five", "six", "seven", "eight"}
    assert DecodeSection().case == "auto"
