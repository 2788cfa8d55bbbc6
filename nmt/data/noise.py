"""Noise: what a line of text becomes for a model that learns to restore it.

Every function is pure: the same rows and the same seed give the same result, on any rank, killed or not. Many rows are
worked on together; there is no loop over lines.

A *unit* is what is masked as a whole: a word (infill) or a piece. Masking first decides how many units of a row go,
cuts that number into spans, and then puts the spans among the units that stay, all arrangements being equally probable.
So spans never overlap, and exactly the wanted number of units is masked.

Letters: N rows, U units, S spans, P pieces of all rows together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.recipe.objective import ObjectiveSection
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID, RaggedIds, Tokenizer
from nmt.tokenizer.control import CLS, MASK, SENTINELS, SEP

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

LONGEST_WORD = 8  # pieces; where no spaces are written, each piece of a longer stretch counts as a word
RANDOM = 0.1  # share of the masks that are a random piece instead (BART, MASS, BERT)
DROPPED = BLANKED = 0.1  # shares of the words of a source that is distorted (Lample et al. 2018; Edunov et al. 2018)
MOVED = 3  # places that its words may go
KEPT = 0.1  # share of the masked pieces that are shown after all (MASS, BERT)
BLOCK = 1 << 16  # rows looked at together, so that memory stays flat
_STOPS, _FULL_STOPS, _CLOSING = (".", "!", "?", "…", "؟", "।"), ("。", "！", "？"), "\"'»”’)]」』"
_TRIES = 8  # spans drawn for a row beyond twice those expected


@dataclass(frozen=True)
class Pieces:
    """What noise has to know of a vocabulary."""

    starts: Mask  # by id: begins a word
    plain: Ints  # ids that may stand in for another: no special, control or byte pieces
    mask: int  # the id of `<mask>`
    sentinels: Ints  # the ids of `<x0>`, `<x1>`, …
    cls: int = UNK_ID  # the id of `<cls>`
    sep: int = UNK_ID
    stops: Mask | None = None  # by id: ends a sentence if a word begins behind it; or, the second row, in any case

    @property
    def marks(self) -> Ints:
        """What stands between texts, and is never hidden."""
        return np.array([self.cls, self.sep, EOS_ID])

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Pieces:
        """Of a tokenizer whose vocabulary both sides share."""
        control = tokenizer.control
        starts = np.array([piece.startswith("▁") for piece in tokenizer.vocabulary("tgt")])
        sentinels = [control[name] for name in SENTINELS if name in control]
        ends = [piece.rstrip(_CLOSING) for piece in tokenizer.vocabulary("tgt")]
        stops = np.array([[end.endswith(marks) for end in ends] for marks in (_STOPS, _FULL_STOPS)])
        return cls(starts, np.array(tokenizer.plain_ids("tgt")), control.get(MASK, UNK_ID), np.array(sentinels),
                   control.get(CLS, UNK_ID), control.get(SEP, UNK_ID), stops)  # fmt: skip


@dataclass(frozen=True)
class View:
    """Lines as a model sees them under an objective: what is read, and what is to be written.

    Where `given` is None, the decoder sees the target shifted by one, as in translation. Else it sees the rows of
    `given` instead, `<s>` included, and the target, equally long, has PAD where nothing is learned.
    """

    src: RaggedIds
    tgt: RaggedIds
    given: RaggedIds | None = None


def view(rows: RaggedIds, section: ObjectiveSection, pieces: Pieces, seed: Sequence[int]) -> View:
    """The lines `rows` under an objective of one language."""
    starts = range(0, max(1, len(rows)), BLOCK)
    parts = [_view(_rows(rows, i, i + BLOCK), section, pieces, np.random.default_rng([*seed, i])) for i in starts]
    given = [part.given for part in parts if part.given is not None]
    return View(_joined([p.src for p in parts]), _joined([p.tgt for p in parts]), _joined(given) if given else None)


def _view(rows: RaggedIds, section: ObjectiveSection, pieces: Pieces, rng: np.random.Generator) -> View:
    match section.kind:
        case "infill":
            read = permuted(rows, pieces, rng) if section.permute_sentences else rows
            return View(infill(read, section.mask, section.span, pieces, rng), rows)
        case "mass":
            return mass(rows, section.mask, pieces, rng)
        case "spans":
            return spans(rows, section.mask, section.span, pieces, rng)
        case "lm":
            return View(RaggedIds(rows.ids[:0], np.zeros_like(rows.offsets)), rows)
    raise ValueError(f"{section.kind} is not learned from lines of one language")


def sentences(rows: RaggedIds, pieces: Pieces) -> Mask:
    """Of each piece whether it begins a sentence: the first of a row, and those behind a stop."""
    assert pieces.stops is not None, "the vocabulary's stops are known"
    before, behind = rows.ids[:-1], rows.ids[1:]
    begins = np.zeros(len(rows.ids), bool)
    begins[1:] = pieces.stops[0, before] & pieces.starts[behind] | pieces.stops[1, before] & ~pieces.stops[1, behind]
    begins[rows.offsets[:-1][rows.lengths > 0]] = True
    return begins


def permuted(rows: RaggedIds, pieces: Pieces, rng: np.random.Generator) -> RaggedIds:
    """The sentences of each row in a random order (Lewis et al. 2020, section 2.2: sentence permutation)."""
    begins = sentences(rows, pieces)
    first = np.flatnonzero(begins)
    length = np.diff(np.append(first, len(begins)))
    row = np.repeat(np.arange(len(rows)), _per_row(rows, begins))
    order = np.lexsort((rng.random(len(first)), row))
    index = np.repeat(first[order], length[order]) + _numbers(length[order])
    return RaggedIds(rows.ids[index], rows.offsets)


def infill(rows: RaggedIds, share: float, mean: float, pieces: Pieces, rng: np.random.Generator) -> RaggedIds:
    """Text infilling (Lewis et al. 2020, section 2.2): of each row's U words ⌈share · U⌉ are masked, in spans whose
    lengths are Poisson; each span becomes one `<mask>`, and one of length 0 puts a `<mask>` between two words.
    """
    words = _words(rows, pieces)
    per_row = _per_row(rows, words)
    budget = np.ceil(share * per_row - 1e-9).astype(np.int64)
    cut = _cut(budget, mean, rng, least=0)
    items = _arrange(rows, words, per_row, cut, rng)
    new = _stand_ins(len(items.span_at), pieces, rng)
    return items.replaced(rows, new)


def spans(rows: RaggedIds, share: float, mean: float, pieces: Pieces, rng: np.random.Generator) -> View:
    """Span corruption (Raffel et al. 2020, section 3.1.4): the row with each span of pieces replaced by a sentinel; and
    the spans, each behind its sentinel, and a last sentinel. A row has at most as many spans as there are sentinels,
    less one; span lengths are 1 + Poisson(mean − 1).
    """
    each = np.ones(len(rows.ids), bool)
    per_row = rows.lengths
    budget = np.where(per_row > 0, np.maximum(1, np.rint(share * per_row)), 0).astype(np.int64)
    budget = np.minimum(budget, per_row) if share else np.zeros_like(per_row)
    cut = _cut(budget, mean, rng, least=1, most=len(pieces.sentinels) - 1)
    items = _arrange(rows, each, per_row, cut, rng)
    sentinels = pieces.sentinels[_numbers(cut.per_row)]
    src = items.replaced(rows, sentinels)
    # The target: the masked pieces, a sentinel before each span, and one at the end of the row.
    masked = items.masked
    taken = RaggedIds(rows.ids[masked], _offsets(_per_row(rows, masked)))
    ends = np.cumsum(cut.lengths)
    before = np.concatenate([ends - cut.lengths, taken.offsets[1:]])
    marks = np.concatenate([sentinels, pieces.sentinels[cut.per_row]])
    row = np.concatenate([np.repeat(np.arange(len(rows)), cut.per_row), np.arange(len(rows))])
    order = np.lexsort((np.arange(len(row)), row))
    return View(src, _inserted(taken, before[order], marks[order], cut.per_row + 1))


def mass(rows: RaggedIds, share: float, pieces: Pieces, rng: np.random.Generator) -> View:
    """Masked sequence to sequence (Song et al. 2019, section 3.2): of each row a stretch of round(share · length)
    pieces is hidden, with BERT's stand-ins; the decoder writes it, and sees of what stood before only its pieces.
    """
    lengths = rows.lengths
    number = np.where(lengths > 0, np.maximum(1, np.rint(share * lengths)), 0).astype(np.int64)
    first = rows.offsets[:-1] + (rng.random(len(rows)) * (lengths - number + 1)).astype(np.int64)
    masked = _ranges(len(rows.ids), first, number)
    src = hidden(rows, masked, pieces, rng)
    given = np.full(len(rows.ids), pieces.mask, np.int64)
    behind = np.flatnonzero(masked[:-1] & masked[1:]) + 1  # whose piece before is in the stretch, too
    given[behind] = rows.ids[behind - 1]
    given[rows.offsets[:-1][lengths > 0]] = BOS_ID
    target = np.where(masked, rows.ids, PAD_ID)
    return View(src, RaggedIds(target, rows.offsets), RaggedIds(given, rows.offsets))


def hidden(rows: RaggedIds, masked: Mask, pieces: Pieces, rng: np.random.Generator) -> RaggedIds:
    """The rows with masked pieces hidden: 80 % behind `<mask>`, 10 % behind a random piece, 10 % not (Devlin et al.
    2019, section 3.1).
    """
    ids, at = rows.ids.astype(np.int64), np.flatnonzero(masked)
    chance = rng.random(len(at))
    random = pieces.plain[rng.integers(len(pieces.plain), size=len(at))]
    ids[at] = np.select([chance < KEPT, chance < KEPT + RANDOM], [ids[at], random], pieces.mask)
    return RaggedIds(ids, rows.offsets)


def distorted(rows: RaggedIds, pieces: Pieces, seed: Sequence[int]) -> RaggedIds:
    """Sources with noise (Lample et al. 2018, section 2.3; Edunov et al. 2018, section 3): of the words of each row
    10 % are left out and 10 % become one `<mask>`; no word goes further than three places. A row never loses all its
    words.
    """
    starts = range(0, max(1, len(rows)), BLOCK)
    return _joined([_distorted(_rows(rows, i, i + BLOCK), pieces, np.random.default_rng([*seed, i])) for i in starts])


def _distorted(rows: RaggedIds, pieces: Pieces, rng: np.random.Generator) -> RaggedIds:
    words = _words(rows, pieces)
    first, per_row = np.flatnonzero(words), _per_row(rows, words)
    length, row = np.diff(np.append(first, len(words))), np.repeat(np.arange(len(rows)), per_row)
    stays = rng.random(len(first)) >= DROPPED
    stays |= (np.bincount(row, stays, len(rows)) == 0)[row]
    blank = rng.random(len(first)) < BLANKED
    order = np.lexsort((_numbers(per_row) + rng.random(len(first)) * (MOVED + 1), row))
    order = order[stays[order]]
    new = np.where(blank, 1, length)[order]
    ids = np.asarray(rows.ids, np.int64)[np.repeat(first[order], new) + _numbers(new)]
    ids[np.repeat(blank[order], new)] = pieces.mask
    return RaggedIds(ids, _offsets(np.bincount(row[order], new, len(rows)).astype(np.int64)))


def cut(ids: Ints, share: float, spared: Mask, examples: Ints, seed: Sequence[int]) -> Ints:
    """Lines (B,S) as ids with each token replaced by `<unk>`, which text hardly ever has, with probability `share`;
    `spared` says by id what stays. A line's choice depends on its number in `examples` (B,), not on what is beside it.
    """
    keep = _uniform(seed, examples, ids.shape[1]) >= share
    return np.where(keep | spared[ids], ids, UNK_ID)


def _uniform(seed: Sequence[int], rows: Ints, width: int) -> npt.NDArray[np.float64]:
    """Numbers of [0, 1), (B,width), each of which follows from the seed, its row's number and its place alone:
    SplitMix64 (Steele et al. 2014), asked for its numbers out of order.
    """
    begin = np.random.SeedSequence(seed).generate_state(1, np.uint64)
    number = (rows.astype(np.uint64)[:, None] << np.uint64(24)) + np.arange(1, width + 1, dtype=np.uint64)
    x: npt.NDArray[Any] = begin + number * np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    x = x ^ (x >> np.uint64(31))
    uniform: npt.NDArray[np.float64] = np.multiply(x >> np.uint64(11), 2.0**-53, dtype=np.float64)
    return uniform


def _stand_ins(number: int, pieces: Pieces, rng: np.random.Generator) -> Ints:
    """So many masks, some of which are a random piece."""
    random = pieces.plain[rng.integers(len(pieces.plain), size=number)]
    return np.where(rng.random(number) < RANDOM, random, pieces.mask)


# --- spans -----------------------------------------------------------------------------------------------------------


def _words(rows: RaggedIds, pieces: Pieces) -> Mask:
    """Of each piece whether it begins a word."""
    starts = pieces.starts[rows.ids]
    starts[rows.offsets[:-1][rows.lengths > 0]] = True
    begins = np.flatnonzero(starts)
    length = np.diff(np.append(begins, len(starts)))
    starts[_ranges(len(starts), begins[length > LONGEST_WORD], length[length > LONGEST_WORD])] = True
    return starts


@dataclass(frozen=True)
class _Cut:
    """Spans of each row: how many, and the units of each, row after row."""

    per_row: Ints  # (N,)
    lengths: Ints  # (S,)


def _cut(budget: Ints, mean: float, rng: np.random.Generator, least: int, most: int | None = None) -> _Cut:
    """Each row's budget cut into spans of `least` + Poisson(mean − least) units, the last of them trimmed. At most
    `most` spans a row: what would be more is not masked.
    """
    tries = int(2 * budget.max(initial=0) / max(mean, 0.5)) + _TRIES
    drawn = least + rng.poisson(mean - least, (len(budget), tries))
    drawn[:, -1] += budget  # so that every budget is met, however small the spans came out
    sums = np.cumsum(drawn, 1)
    before = sums - drawn
    used = before < budget[:, None]
    if most is not None:
        used[:, most:] = False
    lengths = np.minimum(drawn, budget[:, None] - before)
    return _Cut(used.sum(1), lengths[used])


@dataclass(frozen=True)
class _Items:
    """Rows as items: units that stay, and spans, in the order in which they stand."""

    masked: Mask  # (P,) of each piece
    span_at: Ints  # (S,) the index of the piece before which the span's mark goes: where the span was
    per_row: Ints  # (N,) spans

    def replaced(self, rows: RaggedIds, marks: Ints) -> RaggedIds:
        """The rows without the masked pieces, with `marks` (S,) where the spans were."""
        kept = ~self.masked
        index = np.concatenate([[0], np.cumsum(kept)])
        stay = RaggedIds(rows.ids[kept], index[rows.offsets])
        return _inserted(stay, index[self.span_at], marks, self.per_row)


def _arrange(rows: RaggedIds, starts: Mask, per_row: Ints, cut: _Cut, rng: np.random.Generator) -> _Items:
    """Put the spans among the units that stay. `starts` says which pieces begin a unit; rows have `per_row` of them."""
    spans_of = cut.per_row
    row_of_span = np.repeat(np.arange(len(rows)), spans_of)
    masked_units = np.bincount(row_of_span, cut.lengths, len(rows)).astype(np.int64)
    staying = per_row - masked_units
    items = staying + spans_of
    row = np.repeat(np.arange(len(rows)), items)
    order = np.lexsort((rng.random(len(row)), row))
    rank = np.empty(len(row), np.int64)
    rank[order] = np.arange(len(row)) - np.repeat(_offsets(items)[:-1], items)
    is_span = rank < np.repeat(spans_of, items)
    length = np.ones(len(row), np.int64)  # units of each item
    length[is_span] = cut.lengths
    unit_begins = np.append(np.flatnonzero(starts), len(rows.ids))  # piece index of each unit
    first_unit = np.cumsum(length) - length
    span_units = first_unit[is_span]
    begin, end = unit_begins[span_units], unit_begins[span_units + cut.lengths]
    return _Items(_ranges(len(rows.ids), begin, end - begin), begin, spans_of)


# --- rows of unequal length ------------------------------------------------------------------------------------------


def _rows(rows: RaggedIds, begin: int, end: int) -> RaggedIds:
    offsets = rows.offsets[begin : end + 1]
    return RaggedIds(np.asarray(rows.ids[offsets[0] : offsets[-1]], np.int64), offsets - offsets[0])


def _joined(parts: Sequence[RaggedIds]) -> RaggedIds:
    if len(parts) == 1:
        return parts[0]
    return RaggedIds(np.concatenate([p.ids for p in parts]), _offsets(np.concatenate([p.lengths for p in parts])))


def _offsets(lengths: npt.NDArray[np.integer[Any]]) -> Ints:
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def _per_row(rows: RaggedIds, mask: Mask) -> Ints:
    """How many pieces of each row are in a mask."""
    sums = np.concatenate([[0], np.cumsum(mask)])
    return np.diff(sums[rows.offsets]).astype(np.int64)


def _ranges(size: int, first: Ints, number: Ints) -> Mask:
    """True in each [first, first + number); they do not overlap."""
    change = np.zeros(size + 1, np.int64)
    np.add.at(change, first, 1)
    np.add.at(change, first + number, -1)
    return np.cumsum(change[:-1]) > 0


def _numbers(per_row: Ints) -> Ints:
    """0, 1, … within each row."""
    return np.arange(per_row.sum()) - np.repeat(_offsets(per_row)[:-1], per_row)


def _inserted(rows: RaggedIds, before: Ints, marks: Ints, per_row: Ints) -> RaggedIds:
    """The rows with marks put before the pieces of these indices; they are in order, so many to each row."""
    place = before + np.arange(len(before))
    ids = np.empty(len(rows.ids) + len(marks), np.int64)
    old = np.ones(len(ids), bool)
    old[place] = False
    ids[place] = marks
    ids[old] = rows.ids
    return RaggedIds(ids, _offsets(rows.lengths + per_row))
