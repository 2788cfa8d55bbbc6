"""Whether an answer is right: exact match and F1 of words as for SQuAD (Rajpurkar et al. 2016), accuracy, macro-F1."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from nmt.text.by_line import MeanOfLines, Refs, Values, of_each, pseudo_values
from nmt.text.words import is_alone

_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normalized(answer: str) -> str:
    """As SQuAD's own script has it: in lower case, without ASCII punctuation, English articles and extra spaces."""
    return " ".join(_ARTICLES.sub(" ", answer.lower().translate(_NO_PUNCTUATION)).split())


def exact_match() -> MeanOfLines:
    """The share of answers that are one of the references, once normalized."""

    def of_line(hyp: str, refs: Refs) -> tuple[float]:
        return (float(any(normalized(hyp) == normalized(ref) for ref in refs)),)

    return MeanOfLines("em", of_each(of_line), {"em": "exact", "norm": "squad"})


def word_f1() -> MeanOfLines:
    """F1 of the words, which spaces divide; of scripts without spaces each character is one. The best reference
    counts.
    """

    def of_line(hyp: str, refs: Refs) -> tuple[float]:
        return (max(_f1(_words(hyp), _words(ref)) for ref in refs),)

    return MeanOfLines("f1", of_each(of_line), {"f1": "words", "norm": "squad"})


def _words(answer: str) -> list[str]:
    spaced = "".join(f" {c} " if is_alone(c) else c for c in normalized(answer))
    return spaced.split()


def _f1(hyp: Sequence[str], ref: Sequence[str]) -> float:
    if not hyp or not ref:  # an answer of nothing is right where there is none
        return float(hyp == ref)
    same = (Counter(hyp) & Counter(ref)).total()
    return 2 * same / (len(hyp) + len(ref))


def accuracy() -> MeanOfLines:
    """The share of lines that are one of the references, but for spaces around them."""

    def of_line(hyp: str, refs: Refs) -> tuple[float]:
        return (float(hyp.strip() in [ref.strip() for ref in refs]),)

    return MeanOfLines("accuracy", of_each(of_line), {"accuracy": "exact"})


def macro_f1() -> MeanOfLines:
    """The mean of the F1 of all labels: those of the references, and those of the hypotheses, which then are wrong."""
    return MeanOfLines("macro_f1", _macro_f1, {"macro_f1": "labels"})


def _macro_f1(hyps: Sequence[str], refs: Sequence[Refs]) -> Values:
    found = [hyp.strip() for hyp in hyps]
    wanted = [hyp if hyp in (own := [ref.strip() for ref in of_line]) else own[0]
              for hyp, of_line in zip(found, refs, strict=True)]  # fmt: skip
    hits = Counter(hyp for hyp, ref in zip(found, wanted, strict=True) if hyp == ref)
    both = Counter(found) + Counter(wanted)  # F1 = 2 hits / both

    def of_label(label: str, less_hits: int = 0, less: int = 0) -> float:
        return 2 * (hits[label] - less_hits) / (both[label] - less)

    total = sum(map(of_label, both))
    without = []
    for hyp, ref in zip(found, wanted, strict=True):
        labels = {hyp, ref}
        right = int(hyp == ref)
        rest = [(label, 2 if right else 1) for label in labels]
        kept = [(label, less) for label, less in rest if both[label] > less]
        changed = total - sum(map(of_label, labels)) + sum(of_label(label, right, less) for label, less in kept)
        without.append(changed / max(1, len(both) - len(labels) + len(kept)))
    return pseudo_values(total / len(both), without)
