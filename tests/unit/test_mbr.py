import random

import numpy as np
import pytest
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from nmt.decode.mbr import bleu_of_pairs, chrf_of_pairs, expected_utility

ODD = [
    "",
    "a",
    "a a a a",
    "b b",
    "Ja !",
    "a b c d e",
    "e d c b a",
    "über Straße.",
    "a, b, c; d",
    "👍 👍",
    "  spaces   in it ",
]


WORDS = ["the", "a", "cat", "dog", "sat", "ran", "on", "mat", ".", ","]


def some_texts(number):
    draw = random.Random(number)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 12))) for _ in range(number)]


@pytest.mark.parametrize(
    ("table", "metric"),
    [(chrf_of_pairs, CHRF()), (bleu_of_pairs, BLEU(effective_order=True, force=True))],
    ids=["chrf", "bleu"],
)
def test_scores_of_pairs_are_sacrebleus_sentence_scores(table, metric):
    texts = list(dict.fromkeys(ODD + some_texts(30)))
    wanted = [[metric.sentence_score(hyp, [ref]).score for ref in texts] for hyp in texts]
    np.testing.assert_allclose(table(texts), wanted, atol=1e-9)


@pytest.mark.parametrize("utility", ["chrf", "bleu"])
def test_a_text_that_stands_there_twice_counts_twice(utility):
    texts = ["a cat sat", "a dog ran", "a cat sat", "a cat ran"]
    metric = CHRF() if utility == "chrf" else BLEU(effective_order=True, force=True)
    wanted = [np.mean([metric.sentence_score(hyp, [ref]).score for ref in texts]) for hyp in texts]
    assert expected_utility(texts, utility) == pytest.approx(wanted)


def test_one_text_and_empty_texts():
    assert expected_utility(["a b c d"], "bleu") == pytest.approx([100])
    assert expected_utility(["", ""], "chrf") == expected_utility(["", ""], "bleu") == [0, 0]


def test_bleu_splits_words_as_it_does_for_scores():
    texts = ["我喜欢吃红苹果", "我喜欢吃绿苹果", "你好吗朋友"]
    metric = BLEU(tokenize="zh", effective_order=True, force=True)
    wanted = [np.mean([metric.sentence_score(hyp, [ref]).score for ref in texts]) for hyp in texts]
    assert expected_utility(texts, "bleu", "zh") == pytest.approx(wanted)
    assert wanted[0] > wanted[2]
