"""What to say more of a search whose translations lack what must be in them, or have what must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nmt.decode.parts import Part
from nmt.decode.terms import contains
from nmt.tokenizer import Tokenizer


def say_more(part: Part, tokenizer: Tokenizer) -> bool:
    """Add to a part's sentence what its hypotheses show to be needed; False if nothing is."""
    texts = [text for text, _ in part.hypotheses]
    before = part.sentence
    if not before.include and any(missing(text, part.include, tokenizer) for text in texts):
        phrases = tokenizer.encode(list(part.include), "tgt")
        part.sentence = replace(part.sentence, include=tuple(tuple(ids) for ids in phrases if ids))
    runs = {
        run for text, h in part.hypotheses for phrase in part.exclude
        if contains(text, phrase) and (run := _run_of(phrase, h.tokens, tokenizer))
    }  # fmt: skip
    if new := runs - set(before.exclude):
        part.sentence = replace(part.sentence, exclude=(*part.sentence.exclude, *sorted(new)))
    return part.sentence != before


def missing(text: str, phrases: Sequence[str], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The phrases that are not in the text, or not as often as they are named."""
    plain = tokenizer.decode(tokenizer.encode(list(phrases), "tgt"))  # as it can come out
    wanted = Counter(zip(phrases, plain, strict=True))
    return tuple(phrase for (phrase, as_text), n in wanted.items() if not contains(text, as_text, n))


def _run_of(phrase: str, tokens: list[int], tokenizer: Tokenizer) -> tuple[int, ...] | None:
    """The shortest run of the tokens that spells the phrase."""
    for size in range(1, len(tokens) + 1):
        runs = [tokens[i : i + size] for i in range(len(tokens) - size + 1)]
        for run, text in zip(runs, tokenizer.decode(runs), strict=True):
            if contains(text, phrase):
                return tuple(run)
    return None
