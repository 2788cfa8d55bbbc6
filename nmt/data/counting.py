"""How much text there is, counted before anything is prepared."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from nmt import console
from nmt.data.corpus import PairSource
from nmt.data.sources import epochs_part, sources_of, stored_directions
from nmt.recipe import DataSection

RARE = 0.0005  # of the text: characters that make up less, all together, need no piece of their own


@dataclass(frozen=True)
class RawCounts:
    """Of a text as it stands: nothing filtered, nothing held out."""

    lines: tuple[int, int]  # source, target
    characters: tuple[int, int]  # source, target
    distinct: int  # different characters on both sides, rare ones left out
    epoch: float = 1.0  # how much an epoch has, to this: see the shares of corpora

    @property
    def pairs(self) -> int:
        return min(self.lines)


def count_pairs(sources: Iterable[PairSource]) -> RawCounts:
    """Of a corpus with `take` its share, as if all its lines were as long. Raises DataError where the text cannot be
    read.
    """
    sizes = []
    number, characters, seen = np.zeros(2), np.zeros(2), np.zeros(0x110000, np.int64)
    with console.progress("Counting", None, "pairs") as advance:
        for source in sources:
            own, written = np.zeros(2), np.zeros(2)
            for chunk in source.chunks():
                for side, text in enumerate((chunk.src, chunk.tgt)):
                    counts = count_characters(text)
                    own[side] += len(text)
                    written[side] += counts.sum()
                    seen += counts
                advance(len(chunk.src))
            taken = min(1.0, (source.corpus.take or math.inf) / max(1, own.min()))
            sizes.append((source, taken * float(written[1])))
            number, characters = number + taken * own, characters + taken * written
    lines, letters = np.rint(number).astype(int).tolist(), np.rint(characters).astype(int).tolist()
    return RawCounts((lines[0], lines[1]), (letters[0], letters[1]), distinct_characters(seen), epochs_part(sizes))


def count_characters(lines: Sequence[bytes]) -> np.ndarray:
    """How often each Unicode character occurs, by its number; what is not UTF-8 counts as U+FFFD."""
    codes = np.frombuffer(b"".join(lines).decode("utf-8", "replace").encode("utf-32-le"), "<u4")
    return np.bincount(codes, minlength=0x110000)


def distinct_characters(counts: np.ndarray) -> int:
    """How many different ones make up all of the text but RARE."""
    frequent = np.sort(counts[counts > 0])[::-1].cumsum()
    return int(np.searchsorted(frequent, (1 - RARE) * frequent[-1])) + 1 if len(frequent) else 0


def count_splits(data: DataSection) -> dict[str, RawCounts | int]:
    """Of train and valid; a number of pairs where they are held out of train."""
    found: dict[str, RawCounts | int] = {}
    sources, learned = sources_of(data), stored_directions(data)
    for name, corpora in {"train": data.train, "valid": data.valid}.items():
        # Once for each direction in which they are learned
        own = [s for s in sources[name] for d in s.directions if d in learned or d.tgt is None]
        held_out = corpora[0].holdout
        found[name] = count_pairs(own) if held_out is None else held_out
    return found
