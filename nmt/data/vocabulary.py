"""Which lines of the training text the tokenizer learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.corpus import PairSource
from nmt.data.counting import count_characters, distinct_characters
from nmt.data.filters import Routing
from nmt.data.rereading import read_again
from nmt.recipe import TokenizerSection
from nmt.recipe.defaults import vocab_size
from nmt.tokenizer import Side, Tokenizer
from nmt.tokenizer.learn import VocabularyTooLargeError


def train_tokenizer(
    section: TokenizerSection, sources: Sequence[PairSource], routing: Routing, older: Path | None = None
) -> tuple[Tokenizer, int]:
    """The tokenizer, and how many lines it learned from: none where it is taken from elsewhere, or is that of an
    `older` run.
    """
    if older is not None:
        console.info(
            f"Keeping the tokenizer of {older}: an older nmt began that run, and it goes on only with its own."
        )
        return Tokenizer.take(older), 0
    if section.taken_from is not None:
        console.info(f"Taking the tokenizer of {section.taken_from}.")
        return Tokenizer.take(Path(section.taken_from)), 0
    kept = routing.mask("train")
    total = int(kept.sum())
    wanted = max(1, min(total, section.max_sentences // 2 if section.shared else section.max_sentences))
    rank: npt.NDArray[np.int64] = np.cumsum(kept) - kept  # of each kept pair among the kept
    chosen = kept & ((rank + 1) * wanted // total > rank * wanted // total)

    def blocks(*sides: Side) -> Iterator[tuple[Side, list[bytes]]]:
        for _, index, chunk in read_again(sources, len(chosen)):
            picks = np.flatnonzero(chosen[index : index + len(chunk.src)]).tolist()
            for side in sides:
                column = getattr(chunk, side)
                yield side, [column[i] for i in picks]

    console.info(f"Training the tokenizer on {wanted * 2:,} lines …")
    if "vocab_size" not in section.open_keys:
        return Tokenizer.train(blocks, section), wanted * 2
    characters = sum((count_characters(lines) for _, lines in blocks("src", "tgt")), np.zeros(0x110000, np.int64))
    size = vocab_size(int(characters.sum()) // 2 * total // wanted, distinct_characters(characters))
    try:
        return Tokenizer.train(blocks, section.changed({"vocab_size": size})), wanted * 2
    except VocabularyTooLargeError as e:
        return Tokenizer.train(blocks, section.model_copy(update={"vocab_size": e.most})), wanted * 2
