"""ROUGE, whose numbers are those of the package rouge-score where it is asked to split words as that does."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from nmt.text.metrics import make_metric, score
from nmt.text.rouge import latin_words, unicode_words
from nmt.version import VERSION

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/rouge.json").read_text(encoding="utf-8"))["cases"]
NAMES = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@pytest.mark.parametrize("name", NAMES)
def test_the_package_gives_the_same_scores(name: str) -> None:
    """tests/golden/rouge.json holds what rouge-score 0.1.2 said: RougeScorer([...]).score_multi, without a stemmer."""
    metric = make_metric(name, rouge_tokenize="rouge")
    for case in (case for case in GOLDEN if name != "rougeLsum" or "\n" in case["hyp"]):
        result = metric.sentence_score(case["hyp"], case["refs"])
        found = [result.score, metric.parts["precision"], metric.parts["recall"]]  # type: ignore[attr-defined]
        assert found == pytest.approx(case["scores"][name], abs=1e-6), case


def test_sentences_of_one_line_are_found() -> None:
    hyp, ref = "A dog runs. Two cats sleep.", "Two cats sleep. A dog runs."
    assert score([hyp], [ref], ["rougeLsum"])[0].value == pytest.approx(100)
    assert score([hyp], [ref], ["rougeL"])[0].value == pytest.approx(50)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("L'été, à Paris!", ["l", "été", "à", "paris"]),
        ("E\u0301te\u0301", ["été"]),  # whatever way the accents are written
        ("我爱你。OK 3", ["我", "爱", "你", "ok", "3"]),
        ("हिन्दी में", ["हिन्दी", "में"]),
        ("كتابٌ جديد", ["كتابٌ", "جديد"]),
        ("ที่นี่", ["ที่", "นี่"]),
        ("한국어 단어", ["한국어", "단어"]),
        ("dog 🐕‍🦺 ❤️", ["dog"]),
        ("don't e-mail_me 3.5", ["don", "t", "e", "mail", "me", "3", "5"]),
    ],
)
def test_words_of_any_language(text: str, words: list[str]) -> None:
    assert list(unicode_words(text)) == words


def test_of_ascii_text_both_tokenizers_make_the_same() -> None:
    draw = random.Random(1)
    for _ in range(200):
        text = "".join(chr(draw.randrange(32, 127)) for _ in range(40))
        assert unicode_words(text) == latin_words(text)
        accented = unicode_words(text + " é")  # by the way that other text goes
        assert accented == (*latin_words(text), "é")


def test_the_longest_common_subsequence_is_the_one_of_the_table() -> None:
    """Lsum finds it in a table, L bit by bit; of one sentence both are the same."""
    draw = random.Random(2)
    lines = ["".join(draw.choice("abc ") for _ in range(30)) for _ in range(60)]
    for hyp, ref in pairwise(lines):
        both = score([hyp], [ref], ["rougeL", "rougeLsum"])
        assert both[0].value == pytest.approx(both[1].value)


def test_signatures_say_how_a_score_was_made() -> None:
    one, several = score(["a b"], ["a c"], ["rougeL"])[0], score(["a", "b"], [["a", "b"], ["c", ""]], ["rougeL"])[0]
    assert one.signature == "rouge:L|tok:unicode|stem:no|refs:1|version:" + VERSION
    assert several.signature == "rouge:L|tok:unicode|stem:no|refs:var|agg:max|version:" + VERSION
    sure = score(["a"] * 4, [["a"] * 4, ["b"] * 4], ["rouge2"], rouge_tokenize="rouge", confidence=True)[0]
    assert sure.signature == "rouge:2|tok:rouge|stem:no|refs:2|agg:max|seed:12345|bs:1000|version:" + VERSION
    assert score(["a b"], ["a c"], ["rougeLsum"])[0].signature.startswith("rouge:Lsum|tok:unicode|stem:no|sent:auto|")


def test_precision_and_recall_stand_beside_the_score() -> None:
    (found,) = score(["a b c d", "x"], [["a b", "y"], ["a", "x y"]], ["rouge1"], confidence=True)
    assert found.parts == {"precision": pytest.approx(75), "recall": pytest.approx(75)}
    assert found.value == pytest.approx(100 * (2 / 3 + 2 / 3) / 2)
    assert list(found.to_json()) == ["score", "interval", "precision", "recall", "signature"]
