"""Which stretch of a translation comes from which of its source: attention of tokens as links between characters."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from nmt.text.inline import Span
from nmt.text.phrases import joins
from nmt.text.pieces import bare

# An article looks at the noun that it stands before, but less than the noun's own translation does. Below this share of
# what that has, a word comes from nothing. By scripts/bench/tags.py, 200 pairs: at 0 tags are around the right word
# alone in 144, at 0.6 in 180, at 0.75 in 187; but there some lose their word.
SHARE = 0.6
_APOSTROPHES = "'’"


@dataclass(frozen=True)
class Link:
    """From a stretch of the source to one of the translation. weak: nothing better was found for that of the source."""

    src: Span
    tgt: Span
    weak: bool = False


_BYTE = re.compile(r"<0x([0-9A-F]{2})>")


def units(text: str) -> list[Span]:
    """What is aligned, and what no tag may part: words, of scripts without spaces characters, signs. Of `l'homme` the
    `l'` is one; `don't` and `it's` are whole.
    """
    found: list[Span] = []
    begin: int | None = None  # of the word that goes on
    for i, c in enumerate(text + " "):
        within = begin is not None
        if joins(c):
            begin = i if begin is None else begin
            continue
        if begin is not None:
            if c in _APOSTROPHES and joins(text[i + 1 : i + 2]):
                long = all(joins(text[k : k + 1]) for k in (i + 1, i + 2, i + 3))
                if not long:
                    continue
                found.append((begin, i + 1))
                begin = None
                continue
            found.append((begin, i))
            begin = None
        if c.isspace() or i == len(text):
            continue
        if found and found[-1][1] == i and not within and unicodedata.category(c)[0] in "MC":
            found[-1] = found[-1][0], i + 1  # a mark on what stands before it, or what joins two emoji
        else:
            found.append((i, i + 1))
    return found


def link(
    attention: Sequence[Sequence[float]], src_pieces: Sequence[str], tgt_pieces: Sequence[str], source: str,
    translation: str,
) -> list[Link]:  # fmt: skip
    """Of each unit of the translation to the unit of the source that its pieces look at most; weak ones to those that
    none looks at so.

    attention: T,S of the pieces; pieces are SentencePiece's, with `▁` for a space. Texts that were normalised on their
    way to pieces, or from them, are matched character by character, else in proportion.
    """
    src_units, tgt_units = units(source), units(translation)
    if not src_units or not tgt_units:
        return []
    src_of = _units_of(src_pieces, source, src_units)
    tgt_of = _units_of(tgt_pieces, translation, tgt_units)
    weights = [[0.0] * len(src_units) for _ in tgt_units]
    for row, own in zip(attention, tgt_of, strict=False):
        for t in own:
            into = weights[t]
            for weight, units_ in zip(row, src_of, strict=False):
                for s in units_:
                    into[s] += float(weight) / len(units_)
    best = [max(range(len(src_units)), key=row.__getitem__) for row in weights]
    peaks = [max(row[s] for row in weights) for s in range(len(src_units))]
    found = [Link(src_units[s], tgt_units[t]) for t, s in enumerate(best) if weights[t][s] > SHARE * peaks[s]]
    for s in sorted(set(range(len(src_units))) - set(best)):
        t = max(range(len(tgt_units)), key=lambda t: weights[t][s])
        if weights[t][s] > 0:
            found.append(Link(src_units[s], tgt_units[t], weak=True))
    return found


def _units_of(pieces: Sequence[str], text: str, of: Sequence[Span]) -> list[list[int]]:
    """For each piece the units that it is a part of."""
    unit_at = {i: number for number, (begin, end) in enumerate(of) for i in range(begin, end)}
    spelled = _spelled(pieces)
    places = [i for i, c in enumerate(text) for d in unicodedata.normalize("NFKC", c) if not d.isspace()]
    found: list[list[int]] = [[] for _ in pieces]
    if not places or not spelled:
        return found
    for k, piece in enumerate(spelled):
        at = places[k] if len(places) == len(spelled) else places[k * len(places) // len(spelled)]
        if at in unit_at and unit_at[at] not in found[piece]:
            found[piece].append(unit_at[at])
    return found


def _spelled(pieces: Sequence[str]) -> list[int]:
    """The number of the piece that each character comes from, without spaces."""
    found: list[int] = []
    held: list[tuple[int, int]] = []  # bytes and their pieces
    for i, piece in enumerate([*pieces, ""]):
        if byte := _BYTE.fullmatch(piece):
            held.append((int(byte[1], 16), i))
            continue
        if held:
            begin = 0
            for character in bytes(value for value, _ in held).decode("utf-8", "replace"):
                if not character.isspace():
                    found.append(held[min(begin, len(held) - 1)][1])
                begin += len(character.encode())
            held = []
        found += [i] * len(unicodedata.normalize("NFKC", bare(piece)))
    return found
