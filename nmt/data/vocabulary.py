"""Which lines of the training text the tokenizer learns from, all of it or more pieces for one that is there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import SplitAudit
from nmt.data.corpus import side_of
from nmt.data.counting import count_characters, distinct_characters
from nmt.data.filters import Routing
from nmt.data.rereading import read_again
from nmt.errors import DataError
from nmt.recipe import DataSection, Recipe, TokenizerSection
from nmt.recipe.defaults import vocab_size
from nmt.tokenizer import Side, Tokenizer
from nmt.tokenizer.control import CLS, MASK, SENTINELS, SEP
from nmt.tokenizer.learn import Blocks, VocabularyTooLargeError


def train_tokenizer(
    recipe: Recipe, train: SplitAudit, routing: Routing, older: Path | None = None
) -> tuple[Tokenizer, int]:
    """The tokenizer, with the control pieces that the objectives need, and how many lines it learned from: none where
    it is taken from elsewhere as it is, or is that of an `older` run.
    """
    section = recipe.tokenizer
    if older is not None:
        console.info(
            f"Keeping the tokenizer of {older}: an older nmt began that run, and it goes on only with its own."
        )
        return Tokenizer.take(older), 0
    if section.taken_from is not None and section.extend is None:
        console.info(f"Taking the tokenizer of {section.taken_from}.")
        return taken(recipe, Path(section.taken_from)), 0
    tokenizer, lines = _train(recipe.data, section, train, routing)
    return tokenizer.with_control(control_pieces(recipe)), lines


def taken(recipe: Recipe, source: Path) -> Tokenizer:
    """What `tokenizer.from` stands for."""
    return Tokenizer.take(source).with_control(control_pieces(recipe))


def control_pieces(recipe: Recipe) -> list[str]:
    """What its objectives read and write beside text."""
    objectives = [recipe.objective_of(corpus) for corpus in recipe.data.train]
    kinds = {objective.kind for objective in objectives}
    masks = [MASK] if kinds & {"infill", "mass", "mlm"} else []
    marks = [CLS, SEP] if any(objective.pairs != "none" for objective in objectives) else []
    joints = [name for name in [recipe.data.joint] if name is not None and name not in marks]
    return masks + marks + joints + (SENTINELS if "spans" in kinds else [])


def _train(data: DataSection, section: TokenizerSection, train: SplitAudit, routing: Routing) -> tuple[Tokenizer, int]:
    sources = [source for source, _ in train.sources]
    kept = routing.mask("train")
    total = int(kept.sum())
    wanted = max(1, min(total, section.max_sentences // 2 if section.shared else section.max_sentences))
    rank: npt.NDArray[np.int64] = np.cumsum(kept) - kept  # of each kept pair among the kept
    chosen = kept & ((rank + 1) * wanted // total > rank * wanted // total)

    def blocks(*sides: Side) -> Iterator[tuple[Side, list[bytes]]]:
        for number, index, chunk in read_again(sources, len(chosen)):
            picks = np.flatnonzero(chosen[index : index + len(chunk.src)]).tolist()
            alone = side_of(data, sources[number].corpus)
            for side in sides:
                if alone not in (None, side):
                    continue
                column = getattr(chunk, side)
                yield side, [column[i] for i in picks]

    lines = 2 * wanted - int((chosen & train.of_one_language).sum())
    if section.taken_from is not None and section.extend is not None:
        console.info(f"Extending the tokenizer of {section.taken_from} by what {lines:,} lines have …")
        return _extended(section.taken_from, section.extend, blocks), lines
    console.info(f"Training the tokenizer on {lines:,} lines …")
    if "vocab_size" not in section.open_keys:
        return Tokenizer.train(blocks, section), lines
    characters = sum((count_characters(lines) for _, lines in blocks("src", "tgt")), np.zeros(0x110000, np.int64))
    size = vocab_size(int(characters.sum()) // 2 * total // wanted, distinct_characters(characters))
    try:
        return Tokenizer.train(blocks, section.changed({"vocab_size": size})), lines
    except VocabularyTooLargeError as e:
        return Tokenizer.train(blocks, section.model_copy(update={"vocab_size": e.most})), lines


def _extended(source: str, number: int, blocks: Callable[..., Blocks]) -> Tokenizer:
    """Raises DataError where the text has not so many pieces, RunError where the model is of another kind."""
    tokenizer, learned = Tokenizer.take(Path(source)).extended(blocks, number)
    if (most := min(len(found.pieces) for found in learned)) < number:
        raise DataError(
            f"the training text is too small for `tokenizer.extend: {number}`. It has {most:,} pieces that {source} "
            "lacks and that are there twice.",
            "Set a smaller `tokenizer.extend`.",
        )
    before, after = (sum(getattr(found, when) for found in learned) for when in ("before", "after"))
    console.info(f"With {number:,} more pieces these lines have {after:,} tokens in place of {before:,}.")
    return tokenizer
