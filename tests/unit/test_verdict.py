"""The sentences that a report opens with."""

from __future__ import annotations

from nmt.evaluate.analysis import Analysis, Frequency
from nmt.evaluate.robustness import Robustness, Variant
from nmt.evaluate.verdict import verdict
from nmt.run.results import Details, KeptScore, Results


def test_a_verdict_says_how_good_it_is_and_what_it_is_weak_at() -> None:
    results = Results(
        scores={"news": {"bleu": KeptScore(score=31.27, interval=1.2)}},
        details={"news": Details(sentences=200, flags={"empty": 0, "too_long": 4})},
    )
    rare = Frequency("1-4", 50, 0.2, 0.1, 0.13)
    analysis = Analysis("news", [], [], [], [Frequency("never", 0, 0, 0, 0), rare, Frequency("999+", 9, 1, 1, 1)], [])
    written = Robustness(
        "news", [Variant("clean", 0, 31, 50), Variant("typos", 9, 30, 48, 1, 2), Variant("upper case", 9, 0, 5, 31, 45)]
    )
    assert verdict({"bleu": 30.0}, results, [analysis], [written]) == [
        "On news it reaches BLEU 31.3 ± 1.2, out of 100.",
        "On news, 2% of the translations look wrong at first sight: 4 too long.",
        "It is fragile: with upper case, news loses 45 points of chrF.",
        "Rare words are weak: of the words of news that training has 1-4 times, "
        "10% are translated as in the reference.",
    ]


def test_a_run_without_scores_says_so() -> None:
    assert verdict({"bleu": 30.04}, Results(), [], []) == [
        "It was not evaluated on a test set yet. On the validation set it has BLEU 30.0."
    ]
