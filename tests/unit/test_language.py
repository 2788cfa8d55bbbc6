"""Which language a line is in: told from the training text itself."""

import json
from itertools import pairwise

import numpy as np
import pytest

from nmt.data.manifest import LANGUAGES, Manifest
from nmt.data.prepare import prepare
from nmt.decode.render import flags_of
from nmt.decode.request import Request
from nmt.decode.translator import Translator
from nmt.evaluate.evaluation import evaluate_run
from nmt.run.results import read_results
from nmt.text.language import Languages
from tests.unit.conftest import TRANSLATED

SHORT = ["", " ", "Paris", "12 345,67 %", "OK", "Tom", "Barack Obama", "...", "\U0001f642" * 9, "你好，世界"]


@pytest.fixture(scope="module")
def text(demo_data):
    """Split and language → lines."""
    return {
        (split, language): (demo_data / f"{split}.{language}").read_text(encoding="utf-8").split("\n")[:number]
        for split, number in (("train", 3000), ("test", 300))
        for language in ("en", "fr")
    }


@pytest.fixture(scope="module")
def languages(text):
    return Languages.learn({code: "\n".join(text["train", code]).encode() for code in ("en", "fr")})


@pytest.mark.parametrize("code", ["en", "fr"])
def test_held_out_lines_are_told(languages, text, code):
    lines = text["test", code]
    told = languages.tell("\n".join(lines).encode())
    assert told.count(code) >= 0.97 * len(lines)
    assert set(told) <= {code, None}


def test_of_names_numbers_and_a_word_or_two_nothing_is_said(languages):
    assert languages.tell("\n".join(SHORT).encode()) == [None] * len(SHORT)


def test_each_line_is_told_for_itself(languages, text):
    lines = [*text["test", "en"][:20], *SHORT, *text["test", "fr"][:20]]
    told = languages.tell("\n".join(lines).encode())
    assert told == [languages.tell(line.encode())[0] for line in lines]


def test_copies_and_halves_are_found(languages, text):
    english, french = text["test", "en"][:100], text["test", "fr"][:100]
    assert sum(languages.elsewhere(english, "fr")) >= 97
    assert sum(languages.elsewhere(french, "fr")) == 0
    long = [f"{a} {b} {a}" for a, b in pairwise(french) if len(a) > 30]
    halves = [f"{line} {english[7]} {english[8]}" for line in long]
    wrong, mixed = languages.foreign("\n".join([*long, *halves]).encode(), "fr")
    assert not wrong[: len(long)].any() and not mixed[: len(long)].any()
    assert (wrong | mixed)[len(long) :].mean() > 0.8


def test_what_is_learned_does_not_depend_on_the_order_of_lines_and_reads_back(languages, text):
    turned = Languages.learn({code: "\n".join(text["train", code][::-1]).encode() for code in ("fr", "en")})
    assert turned.to_bytes() == languages.to_bytes()
    again = Languages.from_bytes(languages.to_bytes())
    assert again.names == ("en", "fr") and np.array_equal(again.table, languages.table)
    with pytest.raises(ValueError, match="cannot reshape"):
        Languages.from_bytes(languages.to_bytes()[:-2])


def test_of_one_language_nothing_can_be_told(text):
    alone = Languages.learn({"en": "\n".join(text["train", "en"]).encode()})
    assert alone.tell(b"Je ne comprends pas.") == [None]
    assert not alone.knows("en")


# --- in the data, and in a run ---------------------------------------------------------------------------------------


def test_the_audit_finds_lines_of_another_language(toy_recipe, text, tmp_path, capsys):
    root = tmp_path / "text"
    root.mkdir()
    lines = {code: text["train", code][:400] for code in ("en", "fr")}
    lines["fr"][120] = "She would like to see the new house in the garden."
    lines["fr"][130] = "12 345"
    lines["en"][140] = "x " * 400_000  # which does not stand for English
    for code, own in lines.items():
        (root / f"train.{code}").write_text("\n".join(own) + "\n", encoding="utf-8")
        (root / f"valid.{code}").write_text("\n".join(text["test", code][:9]) + "\n", encoding="utf-8")
    recipe = toy_recipe(data__root=str(root), data__test={}, tokenizer__vocab_size=400)
    folder = prepare(recipe)
    found = Manifest.load(folder).audit.splits["train"].found["wrong_language"]
    assert (found.count, found.first) == (1, "train.fr:121")
    said = capsys.readouterr().err
    assert "in another language" in said
    assert f"In another language: train.fr:121: {lines['fr'][120]}" in " ".join(said.split())
    before = (folder / LANGUAGES).read_bytes()
    prepare(recipe, force=True)
    assert (folder / LANGUAGES).read_bytes() == before


def test_translations_in_the_wrong_language_are_flagged_and_counted(toy_run):
    folder = toy_run(name="parent", train__average_best=0, train__max_steps=60, train__eval_every=30)
    lines = ["one two three four five six", "seven", ""]
    assert not any(t.foreign for t in Translator.load(folder).translate(lines))
    assert evaluate_run(folder, Translator.load(folder)).tests[0].right_language == 100
    french = " ".join(TRANSLATED).encode()
    as_if = Languages.learn({"fr": b"one two three four five seven eight", "en": french})  # as if it wrote English
    (folder / LANGUAGES).write_bytes(as_if.to_bytes())
    translator = Translator.load(folder, decode={"min_len_ratio": 2.0})
    (found, *_) = translator.translate(lines)
    assert found.foreign and "wrong_language" in flags_of(Request(lines[0]), found)
    (test,) = evaluate_run(folder, translator).tests
    share = 100 * (1 - test.flags["wrong_language"] / 20)
    assert test.right_language == pytest.approx(share) and share < 100
    assert test.to_json()["output"]["right_language"] == test.right_language
    assert read_results(folder).details["test"].right_language == test.right_language


def test_a_run_of_an_older_nmt_does_without(toy_run, capsys):
    folder = toy_run()
    (folder / LANGUAGES).write_bytes(b"en fr\nno table")
    assert Translator.load(folder).languages is None
    assert "is damaged: whether translations are in the right language is not told." in capsys.readouterr().err
    (folder / LANGUAGES).unlink()
    assert Translator.load(folder).languages is None
    (test,) = evaluate_run(folder, Translator.load(folder)).tests
    assert test.right_language is None and "wrong_language" not in test.flags
    assert "right_language" not in json.dumps(test.to_json())
