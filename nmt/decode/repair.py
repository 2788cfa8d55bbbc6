"""What to say more of a search whose translations lack what must be in them, or have what must not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from nmt.decode.parts import Part
from nmt.text.phrases import contains, glues, joins
from nmt.text.spans import appended, respaced, spaced
from nmt.tokenizer import Tokenizer


def say_more(part: Part, tokenizer: Tokenizer) -> bool:
    """Add to a part's sentence what its hypotheses show to be needed; whether it must be searched for again."""
    texts = [text for text, _ in part.hypotheses]
    before = part.sentence
    if not before.include and part.can_include and any(missing(text, part.include, tokenizer) for text in texts):
        wanted = _without_parts(part.include)
        numbers = [wanted[:i].count(phrase) for i, phrase in enumerate(wanted)]  # which of those that are alike
        phrases = [_phrase_ids(p, spaced(p, n, part.text), tokenizer) for p, n in zip(wanted, numbers, strict=True)]
        part.sentence = replace(part.sentence, include=tuple(ids for ids in phrases if ids))
    runs = {
        run for text, h in part.hypotheses for phrase in forbidden(text, part.exclude, tokenizer)
        if (run := _run_of(phrase, h.tokens, tokenizer))
    }  # fmt: skip
    if new := runs - set(before.exclude):
        part.sentence = replace(part.sentence, exclude=(*part.sentence.exclude, *sorted(new)))
    return part.sentence != part.searched


def keep_good(part: Part, tokenizer: Tokenizer) -> None:
    """Leave out hypotheses that are not as they should be, where others are."""
    good = [
        (text, h)
        for text, h in part.hypotheses
        if not missing(text, part.include, tokenizer) and not forbidden(text, part.exclude, tokenizer)
    ]
    part.hypotheses = good or part.hypotheses


def set_apart(part: Part) -> None:
    """Give phrases that the source has the space of the source; tell which found no place in the translation."""
    if not part.include:
        return
    part.hypotheses = [(respaced(part.text, text, part.include), h) for text, h in part.hypotheses]
    if part.sentence.include:
        part.appended = appended(part.text, part.hypotheses[0][0], part.include)


def missing(text: str, phrases: Sequence[str], tokenizer: Tokenizer) -> tuple[str, ...]:
    """The phrases that are not in the text, or not as often as they are named."""
    if not phrases:
        return ()
    wanted = Counter(zip(phrases, _as_output(phrases, tokenizer), strict=True))
    return tuple(phrase for (phrase, plain), n in wanted.items() if not contains(text, plain, n))


def forbidden(text: str, phrases: Sequence[str], tokenizer: Tokenizer) -> tuple[str, ...]:
    """Those of the phrases that are in the text, as they would come out."""
    return tuple(plain for plain in _as_output(phrases, tokenizer) if contains(text, plain))


def _as_output(phrases: Sequence[str], tokenizer: Tokenizer) -> list[str]:
    """Phrases normalised as the tokenizer does it."""
    return tokenizer.decode(tokenizer.encode(list(phrases), "tgt")) if phrases else []


def _without_parts(phrases: Sequence[str]) -> list[str]:
    """Without phrases that lie within another."""
    return [p for p in phrases if not any(p != other and contains(other, p) for other in phrases)]


def _phrase_ids(phrase: str, spaced: bool, tokenizer: Tokenizer) -> tuple[int, ...]:
    """Its pieces; without the space that they begin with, where none stands before the phrase."""
    ids = tokenizer.encode([phrase], "tgt")[0]
    if not ids or spaced:
        return tuple(ids)
    first = tokenizer.pieces(ids[:1])[0]
    if first == "▁":
        return tuple(ids[1:])
    unspaced = tokenizer.id_of(first.removeprefix("▁"))
    return tuple(ids) if unspaced is None else (unspaced, *ids[1:])


def _run_of(phrase: str, tokens: list[int], tokenizer: Tokenizer) -> tuple[int, ...] | None:
    """The shortest run of the tokens that spells the phrase, and is no part of a longer word."""
    pieces = tokenizer.pieces(tokens)
    ends = {i for i in range(len(pieces) + 1) if i in (0, len(pieces)) or not glues(pieces[i])}  # of words
    begins = ends if joins(phrase[:1]) else set(range(len(pieces)))
    for size in range(1, len(tokens) + 1):
        starts = [i for i in range(len(tokens) - size + 1) if i in begins and i + size in ends]
        for i, text in zip(starts, tokenizer.decode([tokens[i : i + size] for i in starts]), strict=True):
            if contains(text, phrase):
                return tuple(tokens[i : i + size])
    return None
