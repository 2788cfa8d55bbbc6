"""What the training text says about a test set: how often its words were seen, and whether its sentences were.

No raw text is needed: the prepared ids are decoded, a block at a time, and only what a test set asks for is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from nmt import console
from nmt.data.manifest import MANIFEST, Manifest
from nmt.data.store import PreparedSplit
from nmt.errors import RunError
from nmt.run.manifest import run_manifest, same_data
from nmt.text.words import words
from nmt.tokenizer import Side, Tokenizer

Seen = Literal["seen", "near", "new"]

BLOCK = 10_000  # sentences decoded at a time
NEAR_WORDS = 4  # of shorter sentences many differ in one word and mean something else


@dataclass
class TrainingText:
    """Of the training text, what was asked for."""

    counts: Counter[str]  # of each word that was asked for, on the target side
    seen: dict[str, Seen] = field(default_factory=dict)  # by source line


def read_training_text(
    run: Path, prepared: Path, src: Sequence[str], tgt: Sequence[str]
) -> tuple[TrainingText, dict[str, str]]:
    """How often the words of the lines `tgt` stand in the training targets, and whether the lines `src` are there:

    * `seen`: with the same words, whatever the case and punctuation;
    * `near`: with the same words but one that is another, more, fewer, or in another place (of four words or more);
    * `new`: neither.

    With it a mapping of each line of `tgt` to how the tokenizer writes it, which the counts are of. Raises RunError
    where the prepared data are gone, or are not those of the run.
    """
    check_same_data(run, prepared)
    tokenizer = Tokenizer.load(run)
    split = PreparedSplit.open(prepared, "train")
    as_written = dict(zip(tgt, tokenizer.decode(tokenizer.encode(tgt, "tgt"), "tgt"), strict=True))
    wanted = {word for line in as_written.values() for word in words(line)}
    text = TrainingText(Counter(dict.fromkeys(wanted, 0)))
    written = tokenizer.decode(tokenizer.encode(src, "src"), "src")
    finder = _Finder({line: tuple(words(w)) for line, w in zip(src, written, strict=True)})
    with console.progress("Reading the training text", len(split), "pairs") as advance:
        for sources, targets in _blocks(split, tokenizer):
            for line in targets:
                for word in words(line):
                    if word in wanted:
                        text.counts[word] += 1
            for line in sources:
                finder.look_at(tuple(words(line)))
            advance(len(sources))
    text.seen = finder.found()
    return text, as_written


def check_same_data(run: Path, prepared: Path) -> None:
    """Raises RunError where the prepared data are gone, or are not those of the run."""
    now = Manifest.load(prepared)
    if (run / MANIFEST).exists() and not same_data(run_manifest(run), now):
        raise RunError(f"{prepared} was prepared anew since {run} was trained.")


def _blocks(split: PreparedSplit, tokenizer: Tokenizer) -> Iterator[tuple[list[str], list[str]]]:
    def decoded(part: PreparedSplit, side: Side, begin: int) -> list[str]:
        rows = part.src if side == "src" else part.tgt
        return tokenizer.decode([rows[i] for i in range(begin, min(len(part), begin + BLOCK))], side)

    for part in split.parts():
        for begin in range(0, len(part), BLOCK):
            yield decoded(part, "src", begin), decoded(part, "tgt", begin)


class _Finder:
    """Finds sentences that differ in one word at most, by leaving out each word of either in turn."""

    def __init__(self, lines: Mapping[str, tuple[str, ...]]) -> None:
        self._lines = lines
        self._whole = set(lines.values())
        self._keys = {key for line in lines.values() if len(line) >= NEAR_WORDS for key in _shortened(line)}
        self._seen: set[tuple[str, ...]] = set()
        self._near: set[tuple[str, ...]] = set()  # keys that sentences of the training text have

    def look_at(self, line: tuple[str, ...]) -> None:
        if line in self._whole:
            self._seen.add(line)
        if len(line) >= NEAR_WORDS - 1:
            self._near.update(key for key in _shortened(line) if key in self._keys)

    def found(self) -> dict[str, Seen]:
        return {text: self._kind(line) for text, line in self._lines.items()}

    def _kind(self, line: tuple[str, ...]) -> Seen:
        if line in self._seen:
            return "seen"
        near = len(line) >= NEAR_WORDS and any(key in self._near for key in _shortened(line))
        return "near" if near else "new"


def _shortened(line: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The sentence itself, and without each of its words."""
    yield line
    for i in range(len(line)):
        yield line[:i] + line[i + 1 :]
