"""Noise in the text of training pairs (`data.noise`): lines as people also write them, drawn anew for each epoch.

An epoch's pairs get further lines, and examples that point to those in place of their own. The text of a line is what
the tokenizer makes of its ids, which is all that a model would see of the original. What an example becomes is a
function of (seed, epoch, its number): every rank comes to the same, and a training that was killed goes on as it was.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nmt.data.examples import NONE, SIDES, Examples
from nmt.recipe import TextNoise
from nmt.recipe.directions import Direction
from nmt.text.case import upper
from nmt.text.spans import protected_places
from nmt.tokenizer import RaggedIds, Side, Tokenizer

TYPOS = 0.12  # of the words of a line that has any; one at least
_SHORTEST = 3  # letters of a word that gets one
_WORD = re.compile(r"[^\W\d_]+")
_TITLED = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
_END = re.compile(r"(?<![.!?…。！？।])\s*([.!?…。！？।])\s*$")
_KINDS = {"。": ".", "।": ".", "！": "!", "？": "?"}
_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")  # of a keyboard
_NEIGHBOURS = {key: row[max(0, i - 1) : i] + row[i + 1 : i + 2] for row in _ROWS for i, key in enumerate(row)}
_DRAWN = 4  # as a further number of a seed, so that nothing is drawn as something else is


@dataclass(frozen=True)
class Pair:
    """A source, its target, and their languages."""

    src: str
    tgt: str
    languages: tuple[str, str] = ("", "")


def noised(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction | None],
    vocabularies: Mapping[str, Side], noise: TextNoise, tokenizer: Tokenizer, seed: Sequence[int],
) -> tuple[Examples, Mapping[str, RaggedIds]]:  # fmt: skip
    """Examples and lines of an epoch, with noise in those whose corpus has a direction; the same objects where there is
    no noise. `vocabularies`: whose rules each language's lines have.
    """
    kinds = _drawn(len(examples), noise, seed)
    told = np.array([direction is not None for direction in directions])[examples.corpus]
    chosen = np.flatnonzero(told & (examples.rows("tgt") != NONE) & kinds.any(1))
    if not len(chosen):
        return examples, lines
    names = [[getattr(directions[c], side) for c in examples.corpus[chosen].tolist()] for side in SIDES]
    before = [
        _texts([lines[n][i] for n, i in zip(own, examples.rows(side)[chosen].tolist(), strict=True)], own,
               vocabularies, tokenizer)
        for side, own in zip(SIDES, names, strict=True)
    ]  # fmt: skip
    pairs = [
        changed(Pair(src, tgt, (a.partition(".")[0], b.partition(".")[0])), kinds[i].tolist(),
                random.Random(f"{' '.join(map(str, seed))} {i}"))
        for src, tgt, a, b, i in zip(*before, *names, chosen.tolist(), strict=True)
    ]  # fmt: skip
    table, more = np.array(examples.table), dict(lines)
    for column, old, own in zip((1, 2), before, names, strict=True):
        new = [pair.src if column == 1 else pair.tgt for pair in pairs]
        for name in dict.fromkeys(own):
            which = [k for k in range(len(new)) if own[k] == name and new[k] != old[k]]
            rows = tokenizer.encode([new[k] for k in which], vocabularies[name])
            full = [(k, row) for k, row in zip(which, rows, strict=True) if row]
            table[chosen[[k for k, _ in full]], column] = len(more[name]) + np.arange(len(full))
            more[name] = _with_rows(more[name], [row for _, row in full])
    return Examples(table), more


def changed(pair: Pair, kinds: Sequence[bool], rng: random.Random) -> Pair:
    """`kinds`: which of the section's kinds of noise it gets, in their order."""
    punctuation, loud, title, typos = kinds
    src, tgt = pair.src, pair.tgt
    if punctuation:
        src, tgt = without_end(src, tgt)
    if typos:
        src = with_typos(src, rng)
    if loud:
        src, tgt = (upper(text, language) for text, language in zip((src, tgt), pair.languages, strict=True))
    elif title:
        src = _TITLED.sub(lambda m: upper(m[0][0], pair.languages[0]) + m[0][1:], src)
    return Pair(src, tgt, pair.languages)


def without_end(src: str, tgt: str) -> tuple[str, str]:
    """Both without their final sign, if it is of one kind, one sign, and not all that there is."""
    ends = _END.search(src), _END.search(tgt)
    if ends[0] is None or ends[1] is None or _kind(ends[0][1]) != _kind(ends[1][1]):
        return src, tgt
    cut = src[: ends[0].start()], tgt[: ends[1].start()]
    return cut if all(part.strip() for part in cut) else (src, tgt)


def with_typos(line: str, rng: random.Random) -> str:
    """One edit in some of the words: two letters swapped, one left out, doubled, or taken for its neighbour on the
    keyboard. Addresses, tags and the like have none.
    """
    kept = protected_places(line)
    words = [
        match for match in _WORD.finditer(line)
        if len(match[0]) >= _SHORTEST and all(match.end() <= begin or match.start() >= end for begin, end in kept)
    ]  # fmt: skip
    if not words:
        return line
    number = max(1, sum(rng.random() < TYPOS for _ in words))
    for match in sorted(rng.sample(words, number), key=lambda m: -m.start()):
        line = line[: match.start()] + _mistyped(match[0], rng) + line[match.end() :]
    return line


def _mistyped(word: str, rng: random.Random) -> str:
    i = rng.randrange(len(word) - 1)
    letter, after = word[i], word[i + 1]
    near = _NEIGHBOURS.get(letter.lower(), "")
    ways = ["drop", "double", *(["swap"] if letter != after else []), *(["near"] if near else [])]
    match rng.choice(ways):
        case "swap":
            return word[:i] + after + letter + word[i + 2 :]
        case "drop":
            return word[:i] + word[i + 1 :]
        case "double":
            return word[: i + 1] + word[i:]
    other = rng.choice(near)
    return word[:i] + (other.upper() if letter.isupper() else other) + word[i + 1 :]


def _kind(sign: str) -> str:
    return _KINDS.get(sign, sign)


def _drawn(number: int, noise: TextNoise, seed: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Which kinds of noise each example gets, in the section's order."""
    chances = np.array([noise.final_punctuation, noise.upper, noise.title, noise.typos])
    if not chances.any():
        return np.zeros((number, len(chances)), bool)
    drawn: npt.NDArray[np.bool_] = np.random.default_rng([*seed, 0, _DRAWN]).random((number, len(chances))) < chances
    return drawn


def _texts(
    rows: Sequence[Sequence[int]], names: Sequence[str], vocabularies: Mapping[str, Side], tokenizer: Tokenizer
) -> list[str]:
    texts = [""] * len(rows)
    for side in SIDES:
        own = [i for i, name in enumerate(names) if vocabularies[name] == side]
        for i, text in zip(own, tokenizer.decode([rows[i] for i in own], side), strict=True):
            texts[i] = text
    return texts


def _with_rows(stored: RaggedIds, rows: Sequence[Sequence[int]]) -> RaggedIds:
    """The lines, and further ones behind them."""
    if not rows:
        return stored
    new = RaggedIds.of(rows)
    ids = np.concatenate([stored.ids, new.ids.astype(stored.ids.dtype)])
    return RaggedIds(ids, np.concatenate([stored.offsets, stored.offsets[-1] + new.offsets[1:]]))
