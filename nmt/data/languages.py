"""Which language each line is in: learned from the training text itself, and looked at in all of the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from nmt import console
from nmt.data.audit import SplitAudit
from nmt.data.corpus import Chunk, PairSource
from nmt.data.examples import SIDES
from nmt.data.rereading import read_again
from nmt.text.language import Languages
from nmt.text.lines import add_found
from nmt.tokenizer import Side

LEARNED = 10_000  # lines that a language is learned from, at most, spread evenly
LONGEST = 1000  # bytes of a line, so that one that is no sentence does not stand for its language
FEW = 200_000  # pairs; so many are kept in memory between two readings
SHOWN = 3  # lines of each kind
WIDTH = 80  # characters of a line that is shown
WRONG, MIXED = "wrong_language", "mixed_language"  # kinds of findings


@dataclass
class LanguageAudit:
    """What tells the languages of the training text apart, and the lines that are in another than they should be."""

    languages: Languages
    examples: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))  # by kind

    def tell(self) -> None:
        """Show some of these lines."""
        for kind, what in ((WRONG, "In another language"), (MIXED, "Partly in another language")):
            for example in self.examples[kind]:
                console.info(f"{what}: {example}")


def audit_languages(splits: Mapping[str, SplitAudit]) -> LanguageAudit | None:
    """Adds to what was found in the splits. None where the training text is in one language."""
    train = splits["train"]
    chunks: list[tuple[int, int, Chunk]] | None = list(_read(train)) if train.pairs <= FEW else None
    texts: dict[str, list[bytes]] = defaultdict(list)
    step = max(1, train.pairs // LEARNED)
    for number, index, chunk in chunks or _read(train):
        for _, lines, language in _sides(train.sources[number][0], chunk):
            texts[language] += [line[:LONGEST] for line in lines[-index % step :: step]]
    if len(texts) < 2:
        return None
    audit = LanguageAudit(Languages.learn({language: b"\n".join(lines) for language, lines in texts.items()}))
    for split in splits.values():
        for number, _, chunk in chunks if split is train and chunks is not None else _read(split):
            _look(audit, split, split.sources[number][0], chunk)
    return audit


def _read(split: SplitAudit) -> Iterator[tuple[int, int, Chunk]]:
    return read_again([source for source, _ in split.sources], split.pairs)


def _sides(source: PairSource, chunk: Chunk) -> Iterator[tuple[Side, list[bytes], str]]:
    """The sides that were not read before, their lines, and the language that these should be in."""
    for side in source.new:
        name = source.lines[SIDES.index(side)]
        yield side, chunk.src if side == "src" else chunk.tgt, name.partition(".")[0]


def _look(audit: LanguageAudit, split: SplitAudit, source: PairSource, chunk: Chunk) -> None:
    for side, lines, language in _sides(source, chunk):
        for kind, mask in zip((WRONG, MIXED), audit.languages.foreign(b"\n".join(lines), language), strict=True):
            found = np.flatnonzero(mask).tolist()
            if not found:
                continue
            add_found(split.found, kind, len(found), source.where(side, chunk.first_line + found[0]))
            for i in found[: SHOWN - len(audit.examples[kind])]:
                text = lines[i].decode("utf-8", "replace")
                text = text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
                audit.examples[kind].append(f"{source.where(side, chunk.first_line + i)}: {text}")
