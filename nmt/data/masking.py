"""Examples as an encoder alone reads them: pieces hidden behind masks, and pairs of texts that belong together or not.

An example is a line, `A </s>`, as a translator's encoder reads it; or, where pairs are learned, `<cls> A <sep> B <sep>`
(Devlin et al. 2019, section 3.1). Half of the pairs have another's B: half of these any other's, half one of nearly the
same length, so that lengths alone do not tell. What an epoch has is a function of the examples and a seed.

Letters: N examples, B examples of a batch, S positions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nmt.data.examples import NONE, Column, Examples, Lines, column, table_of
from nmt.data.noise import Ints, Mask, Pieces, hidden
from nmt.recipe import ObjectiveSection
from nmt.recipe.directions import Direction
from nmt.tokenizer import EOS_ID, PAD_ID, RaggedIds

ALONE = -1  # in place of a label: an example without a second text
MARKS = 3  # in a pair: <cls> and <sep> twice
NEAR = 8  # places in the order of lengths from which another's text of nearly the same length is taken


@dataclass(frozen=True)
class MaskedBatch:
    """One micro-batch for an encoder alone; what a Batch has, but for `tgt_in`."""

    src: Tensor  # (B,S)
    src_mask: Tensor | None  # (B,S), True = visible; None where nothing is padded
    tgt_out: Tensor  # (B,S) the piece behind a mask, PAD elsewhere
    segments: Tensor | None  # (B,S) 1 in the second text; None where there is none
    together: Tensor  # (B,) 1: the two texts belong together, 0: not, ALONE
    num_tokens: int  # pieces behind masks
    pair_weight: float  # how many of them a pair counts for

    def to(self, device: torch.device) -> MaskedBatch:
        if device.type == "cpu":
            return self
        mask, segments = (
            None if t is None else t.to(device, non_blocking=True) for t in (self.src_mask, self.segments)
        )
        src, tgt_out, together = (t.to(device, non_blocking=True) for t in (self.src, self.tgt_out, self.together))
        return MaskedBatch(src, mask, tgt_out, segments, together, self.num_tokens, self.pair_weight)


@dataclass(frozen=True)
class Rows:
    """Texts before anything is hidden."""

    ids: RaggedIds
    second: Ints  # (N,) where the second text begins; 0: there is none
    together: Ints  # (N,)


@dataclass(frozen=True)
class MaskedSides:
    """An epoch's examples. Both sides of one have the same length; `tgt` has PAD where nothing is learned."""

    src: Lines
    tgt: Lines
    second: Ints
    together: Ints
    learned: Ints  # (N,) pieces behind masks

    def __len__(self) -> int:
        return len(self.src)

    @cached_property
    def pair_weight(self) -> float:
        """The mean number of masked pieces of a pair: so an epoch's loss is the mean of a masked piece plus that of a
        pair, and a constant of the epoch stands between the two.
        """
        pairs = int((self.together != ALONE).sum())
        return float(self.learned.sum()) / pairs if pairs else 0.0

    def batch(self, index: Ints) -> MaskedBatch:
        """The micro-batch of the examples `index`."""
        chosen = index.tolist()
        src, padded = _padded([self.src[i] for i in chosen])
        tgt_out, _ = _padded([self.tgt[i] for i in chosen])
        second = self.second[index]
        places = np.arange(src.shape[1])
        segments = ((places >= second[:, None]) & (second[:, None] > 0)).astype(np.int64) if second.any() else None
        return MaskedBatch(
            torch.from_numpy(src), torch.from_numpy(src != PAD_ID) if padded else None, torch.from_numpy(tgt_out),
            None if segments is None else torch.from_numpy(segments), torch.from_numpy(self.together[index]),
            int(self.learned[index].sum()), self.pair_weight,
        )  # fmt: skip


def masked_sides(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction],
    objectives: Sequence[ObjectiveSection], pieces: Pieces, seed: Sequence[int],
) -> MaskedSides:  # fmt: skip
    """As sides_of, whose arguments they are, where all objectives are `mlm`."""
    number = np.array([objectives.index(objective) for objective in objectives])[examples.corpus]
    found = np.unique(number).tolist()
    src, tgt, second, together, learned = [], [], *(np.zeros(len(examples), np.int64) for _ in range(3))
    of_part, row = np.searchsorted(found, number), np.zeros(len(examples), np.int32)
    for part, first in enumerate(found):
        mine = np.flatnonzero(of_part == part)
        objective, rng = objectives[first], np.random.default_rng([*seed, first])
        rows = texts(examples.take(mine), lines, directions, objective, pieces, rng)
        masked = choose(rows.ids, ~np.isin(rows.ids.ids, pieces.marks), objective.mask, rng)
        src.append(hidden(rows.ids, masked, pieces, rng))
        tgt.append(RaggedIds(np.where(masked, rows.ids.ids, PAD_ID), rows.ids.offsets))
        second[mine], together[mine], row[mine] = rows.second, rows.together, np.arange(len(mine))
        learned[mine] = per_row(rows.ids, masked)
    return MaskedSides(Column(src, of_part, row), Column(tgt, of_part, row), second, together, learned)


def texts(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction], objective: ObjectiveSection,
    pieces: Pieces, rng: np.random.Generator | None,
) -> Rows:  # fmt: skip
    """Lines, or pairs: half of them false, or, without `rng`, all of them true."""
    a = table_of(column(examples, "src", lines, directions))
    if objective.pairs == "none":
        nothing = np.zeros(len(a), np.int64)
        return Rows(in_a_row([a, EOS_ID]), nothing, nothing + ALONE)
    b = table_of(column(examples, "tgt", lines, [Direction(d.src, d.tgt or d.src) for d in directions]))
    return pairs(a, b, pieces, rng, (examples.rows("tgt") != NONE) & (a.lengths > 0) & (b.lengths > 0))


def pairs(a: RaggedIds, b: RaggedIds, pieces: Pieces, rng: np.random.Generator | None, whole: Mask) -> Rows:
    """`<cls> A <sep> B <sep>` of each line of `a` and of `b`, or of another line of `b`. What is not `whole` is A
    alone, and has no label.
    """
    own = np.flatnonzero(whole)
    other = np.arange(len(a))
    if rng is not None and len(own) > 1:
        other[own] = own[partners(RaggedIds(*_taken(b, own)), rng)]
    chosen = RaggedIds(*_taken(b, other))
    together = np.where(whole, other == np.arange(len(a)), ALONE).astype(np.int64)
    rows = in_a_row([pieces.cls, a, pieces.sep, chosen, pieces.sep])
    return Rows(rows, np.where(whole, a.lengths + 2, 0), together)


def partners(b: RaggedIds, rng: np.random.Generator) -> Ints:
    """For each line its own number, or, for half of them, another's: half of these any, half one of nearly the same
    length. Where the other is the same text, it stays its own.
    """
    number = len(b)
    false = rng.permutation(number)[: number // 2]
    far, near = false[: len(false) // 2], false[len(false) // 2 :]
    partner = np.arange(number)
    partner[far] = (far + rng.integers(1, number, len(far))) % number
    order = np.lexsort((rng.random(number), b.lengths))
    rank = np.empty(number, np.int64)
    rank[order] = np.arange(number)
    step = rng.integers(1, NEAR + 1, len(near)) * rng.choice([-1, 1], len(near))
    place = rank[near] + step
    place = np.where((place < 0) | (place >= number), rank[near] - step, place)
    partner[near] = order[np.clip(place, 0, number - 1)]
    keys = _keys(b)
    return np.where(keys[partner] == keys, np.arange(number), partner)


def choose(rows: RaggedIds, open_to: Mask, share: float, rng: np.random.Generator) -> Mask:
    """round(share · length) of each row's pieces that are `open_to` it, and at least one, all choices being equally
    probable.
    """
    at = np.flatnonzero(open_to)
    lengths = per_row(rows, open_to)
    number = np.minimum(lengths, np.maximum(1, np.rint(share * lengths).astype(np.int64))) if share else 0 * lengths
    row = np.repeat(np.arange(len(rows)), lengths)
    order = np.lexsort((rng.random(len(at)), row))
    place = np.arange(len(at)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    masked = np.zeros(len(rows.ids), bool)
    masked[at[order[place < np.repeat(number, lengths)]]] = True
    return masked


def in_a_row(parts: Sequence[RaggedIds | int]) -> RaggedIds:
    """Of each row its line of every part, one behind the other; a number is an id that every row has."""
    tables = [part for part in parts if isinstance(part, RaggedIds)]
    lengths = sum((part.lengths if isinstance(part, RaggedIds) else np.int64(1) for part in parts), np.int64(0))
    offsets = np.concatenate([[0], np.cumsum(np.broadcast_to(lengths, len(tables[0])))]).astype(np.int64)
    ids = np.empty(offsets[-1], np.int64)
    at = offsets[:-1].copy()
    for part in parts:
        if isinstance(part, RaggedIds):
            within = np.arange(len(part.ids)) - np.repeat(part.offsets[:-1], part.lengths)
            ids[np.repeat(at, part.lengths) + within] = part.ids
            at += part.lengths
        else:
            ids[at] = part
            at += 1
    return RaggedIds(ids, offsets)


def per_row(rows: RaggedIds, mask: Mask) -> Ints:
    """How many pieces of each row are in a mask."""
    return np.diff(np.concatenate([[0], np.cumsum(mask)])[rows.offsets]).astype(np.int64)


def _taken(rows: RaggedIds, which: Ints) -> tuple[Ints, Ints]:
    """Ids and offsets of some of the rows."""
    lengths = rows.lengths[which]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    within = np.arange(offsets[-1]) - np.repeat(offsets[:-1], lengths)
    return np.asarray(rows.ids, np.int64)[np.repeat(rows.offsets[which], lengths) + within], offsets


def _keys(rows: RaggedIds) -> npt.NDArray[np.uint64]:
    """A number of each row that equal rows share, and others hardly ever."""
    place = np.arange(len(rows.ids)) - np.repeat(rows.offsets[:-1], rows.lengths)
    mixed = (rows.ids.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    mixed ^= mixed >> np.uint64(29)
    mixed *= (2 * place + 1).astype(np.uint64) * np.uint64(0xBF58476D1CE4E5B9) | np.uint64(1)
    return np.diff(np.concatenate([np.zeros(1, np.uint64), np.cumsum(mixed, dtype=np.uint64)])[rows.offsets])


def _padded(rows: Sequence[npt.NDArray[np.int64]]) -> tuple[npt.NDArray[np.int64], bool]:
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), PAD_ID, np.int64)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = row
    return ids, any(len(row) < longest for row in rows)
