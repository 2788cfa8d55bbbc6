"""Which lines of the training text the tokenizer learns from, all of it or more pieces for one that is there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from nmt import console
from nmt.data.audit import SplitAudit
from nmt.data.counting import count_characters, distinct_characters
from nmt.data.examples import SIDES
from nmt.data.filters import Routing
from nmt.data.placement import Mask, place
from nmt.data.rereading import read_again
from nmt.data.sources import vocabularies
from nmt.data.tags import tags_of
from nmt.errors import DataError
from nmt.recipe import DataSection, Recipe, TokenizerSection
from nmt.recipe.defaults import vocab_size
from nmt.tokenizer import Side, Tokenizer
from nmt.tokenizer.control import BT, CLS, MASK, SENTINELS, SEP
from nmt.tokenizer.learn import Blocks, VocabularyTooLargeError

_TOGETHER = 1 << 20  # lines looked at at a time, so that memory stays flat


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
    masks = [MASK] if kinds & {"infill", "mass", "mlm"} or any(corpus.noise for corpus in recipe.data.train) else []
    marks = [CLS, SEP] if any(objective.pairs != "none" for objective in objectives) else []
    joints = [name for name in [recipe.data.joint] if name is not None and name not in marks]
    told = [BT] if any(corpus.tag for corpus in recipe.data.train) else []
    return masks + marks + joints + told + (SENTINELS if "spans" in kinds else []) + tags_of(recipe.data)


def _train(data: DataSection, section: TokenizerSection, train: SplitAudit, routing: Routing) -> tuple[Tokenizer, int]:
    sources = [source for source, _ in train.sources]
    stored = _stored(train, routing)
    totals = {side: int(kept.sum()) for side, kept in stored.items()}
    most = section.max_sentences // 2 if section.shared else section.max_sentences
    wanted = {side: max(1, min(total, most)) for side, total in totals.items()}
    chosen = {side: _thinned(kept, wanted[side]) for side, kept in stored.items()}
    as_side = vocabularies(data)

    def blocks(*sides: Side) -> Iterator[tuple[Side, list[bytes]]]:
        for number, index, chunk in read_again(sources, train.pairs):
            for side in sources[number].new:
                own = as_side[sources[number].lines[SIDES.index(side)]]
                if own not in sides:
                    continue
                column = getattr(chunk, side)
                picks = np.flatnonzero(chosen[side][index : index + len(chunk.src)]).tolist()
                yield own, [column[i] for i in picks]

    lines = sum(int(mask.sum()) for mask in chosen.values()) - int((chosen["src"] & train.of_one_language).sum())
    if section.taken_from is not None and section.extend is not None:
        console.info(f"Extending the tokenizer of {section.taken_from} by what {lines:,} lines have …")
        return _extended(section.taken_from, section.extend, blocks), lines
    console.info(f"Training the tokenizer on {lines:,} lines …")
    if "vocab_size" not in section.open_keys:
        return Tokenizer.train(blocks, section), lines
    characters = sum((count_characters(lines) for _, lines in blocks("src", "tgt")), np.zeros(0x110000, np.int64))
    every, looked_at = sum(totals.values()), sum(wanted.values())
    size = vocab_size(int(characters.sum()) // 2 * every // looked_at, distinct_characters(characters))
    try:
        return Tokenizer.train(blocks, section.changed({"vocab_size": size})), lines
    except VocabularyTooLargeError as e:
        return Tokenizer.train(blocks, section.model_copy(update={"vocab_size": e.most})), lines


def _stored(train: SplitAudit, routing: Routing) -> dict[Side, Mask]:
    """Of the lines of each side of the pairs whether they are stored as training text: those of a language once. A line
    of one language counts for both.
    """
    code = routing.names.index("train")
    found: dict[Side, list[Mask]] = {"src": [], "tgt": []}
    placed = place(train.sources, routing.codes, [code], Counter())
    for (source, number), places in zip(train.sources, placed, strict=True):
        for side, masks in found.items():
            new = side in source.new or source.corpus.of_one_language
            masks.append(places.codes[side] == code if new else np.zeros(number, np.bool_))
    return {side: np.concatenate(masks) for side, masks in found.items()}


def _thinned(kept: Mask, wanted: int) -> Mask:
    """So many of them, spread evenly."""
    total, before = max(1, int(kept.sum())), 0
    thinned: Mask = np.zeros_like(kept)
    for begin in range(0, len(kept), _TOGETHER):
        part = kept[begin : begin + _TOGETHER]
        rank = before + np.cumsum(part) - part  # of each among the kept
        thinned[begin : begin + _TOGETHER] = part & ((rank + 1) * wanted // total > rank * wanted // total)
        before += int(part.sum())
    return thinned


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
