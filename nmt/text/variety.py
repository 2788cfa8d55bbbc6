"""How varied texts are (distinct-n, Li et al. 2016), and how much of them is copied from their sources."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from nmt.text.by_line import MeanOfLines, Refs, Values, of_each, pseudo_values
from nmt.text.rouge import TOKENIZERS, ngrams


def distinct(n: int, tokenizer: str) -> MeanOfLines:
    """Different n-grams of all texts together, of all their n-grams. References are not looked at."""

    def values(hyps: Sequence[str], _: Sequence[Refs]) -> Values:
        of_line = [ngrams(TOKENIZERS[tokenizer](hyp), n) for hyp in hyps]
        every = sum(of_line, Counter[tuple[str, ...]]())
        number = every.total()
        if not number:
            return [(0.0,)] * len(hyps)
        without = []
        for own in of_line:
            alone = sum(every[gram] == times for gram, times in own.items())  # that no other line has
            without.append((len(every) - alone) / max(1, number - own.total()))
        return pseudo_values(len(every) / number, without)

    return MeanOfLines(f"distinct{n}", values, {"distinct": str(n), "tok": tokenizer}, counts_references=False)


def copied_share(tokenizer: str) -> MeanOfLines:
    """The share of a text's words that its source has, too; the mean of all texts. Of an empty one: 0."""
    words = TOKENIZERS[tokenizer]

    def of_line(hyp: str, sources: Refs) -> tuple[float]:
        known, own = set(words(sources[0])), words(hyp)
        return (sum(word in known for word in own) / max(1, len(own)),)

    signature = {"copied": "words", "tok": tokenizer, "against": "source"}
    return MeanOfLines("copied_share", of_each(of_line), signature, counts_references=False)
