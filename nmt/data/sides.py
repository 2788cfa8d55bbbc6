"""The two sides of examples as training reads them, each under its corpus's objective.

Pure functions of their arguments: any epoch can be had at any time, and is always the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from nmt.data.batches import Batch, collate
from nmt.data.examples import Column, Examples, Lines, column, table_of
from nmt.data.masking import MaskedSides, masked_sides
from nmt.data.noise import Pieces, distorted, view
from nmt.data.sources import learned, sources_of
from nmt.data.tags import NOTHING, CorpusTags
from nmt.recipe import ObjectiveSection, Recipe
from nmt.recipe.directions import Direction
from nmt.tokenizer import BOS_ID, PAD_ID, Ids, RaggedIds

_NOISE = 2  # a further number of a seed, so that nothing is drawn as something else is
VALID = 1 << 32  # in place of an epoch's number: the noise of validation and test sets is always the same


@dataclass(frozen=True)
class Sides:
    """Line i of each is example i. `given` is what the decoder sees of an example in place of its target shifted by
    one; an empty line: that. A target with something given has PAD where nothing is learned.
    """

    src: Lines
    tgt: Lines
    given: Lines | None = None
    starts: npt.NDArray[np.int64] | None = None  # what the decoder begins with, if not with `<s>`

    def __len__(self) -> int:
        return len(self.src)

    def batch(self, index: npt.NDArray[np.int64]) -> Batch:
        """The micro-batch of the examples `index`."""
        return collate(self.src, self.tgt, index, self.given, self.starts)

    @cached_property
    def learned(self) -> npt.NDArray[np.int64]:
        """Of each example how many target tokens are learned; `</s>` counts where it is."""
        counts = self.tgt.lengths + 1
        if self.given is not None:
            for i in np.flatnonzero(self.given.lengths).tolist():
                counts[i] = np.count_nonzero(self.tgt[i] != PAD_ID)
        return counts


class Tagged(Sequence[Ids]):
    """Lines with an id before each; NOTHING: none."""

    def __init__(self, lines: Lines, before: npt.NDArray[np.int64]) -> None:
        self._lines, self._before = lines, before
        self.lengths: npt.NDArray[np.int64] = lines.lengths + (before != NOTHING)

    def __len__(self) -> int:
        return len(self._before)

    def __getitem__(self, i: Any) -> Any:
        before, line = self._before[i], self._lines[i]
        return line if before == NOTHING else np.concatenate([[before], line])


def objectives_of(recipe: Recipe) -> list[ObjectiveSection]:
    """Of each corpus that was read, by its number in the prepared data."""
    return [recipe.objective_of(source.corpus) for source, _ in learned(sources_of(recipe.data))]


def sides_of(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction],
    objectives: Sequence[ObjectiveSection], pieces: Pieces | None, seed: Sequence[int], tags: CorpusTags,
    noisy: Sequence[bool] = (),
) -> Sides | MaskedSides:  # fmt: skip
    """`directions`, `objectives` and `tags` are by corpus, and `noisy`, whose sources are distorted; `lines` by
    language. `pieces`: where there is noise.
    """
    if pieces is not None and all(objectives[corpus].kind == "mlm" for corpus in examples.corpora):
        return masked_sides(examples, lines, directions, objectives, pieces, seed)
    sides = _sides(examples, lines, directions, objectives, pieces, seed)
    if pieces is not None and any(noisy):
        sides = _distorted(sides, np.array(noisy)[examples.corpus], pieces, [*seed, _NOISE])
    return _tagged(sides, examples.corpus, objectives, tags)


def _distorted(sides: Sides, which: npt.NDArray[np.bool_], pieces: Pieces, seed: list[int]) -> Sides:
    """With noise in these sources."""
    own = np.flatnonzero(which)
    noised = distorted(RaggedIds.of([sides.src[i] for i in own.tolist()]), pieces, seed)
    rows = np.arange(len(sides), dtype=np.int32)
    rows[own] = np.arange(len(own))
    return replace(sides, src=Column([sides.src, noised], which.astype(np.int8), rows))


def _tagged(
    sides: Sides, corpus: npt.NDArray[np.int32], objectives: Sequence[ObjectiveSection], tags: CorpusTags
) -> Sides:
    """Lines that are written whole have the tags of their corpus."""
    told = np.array([objective.kind in ("translate", "infill") for objective in objectives])
    starts = np.where(told, tags.start, BOS_ID)[corpus]
    src = sides.src
    for before in (np.where(told, tags.src, NOTHING)[corpus], tags.made[corpus]):
        src = src if (before == NOTHING).all() else Tagged(src, before)
    return Sides(src, sides.tgt, sides.given, None if (starts == BOS_ID).all() else starts)


def _sides(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction],
    objectives: Sequence[ObjectiveSection], pieces: Pieces | None, seed: Sequence[int],
) -> Sides:  # fmt: skip
    number = np.array([objectives.index(objective) for objective in objectives])[examples.corpus]
    found = np.unique(number).tolist()
    parts = []
    for first in found:
        own = examples if len(found) == 1 else examples.take(np.flatnonzero(number == first))
        parts.append(_part(own, lines, directions, objectives[first], pieces, [*seed, first]))
    if len(parts) == 1:
        return parts[0]
    of_part = np.searchsorted(found, number)
    rows = np.zeros(len(examples), np.int32)
    for i, part in enumerate(parts):
        rows[of_part == i] = np.arange(len(part))
    src, tgt = Column([p.src for p in parts], of_part, rows), Column([p.tgt for p in parts], of_part, rows)
    if all(p.given is None for p in parts):
        return Sides(src, tgt)
    return Sides(src, tgt, Column([p.given or _nothing(len(p)) for p in parts], of_part, rows))


def _part(
    examples: Examples, lines: Mapping[str, RaggedIds], directions: Sequence[Direction], objective: ObjectiveSection,
    pieces: Pieces | None, seed: list[int],
) -> Sides:  # fmt: skip
    src = column(examples, "src", lines, directions)
    if objective.kind == "translate":
        return Sides(src, column(examples, "tgt", lines, directions))
    assert pieces is not None, "noise needs a vocabulary"
    seen = view(table_of(src), objective, pieces, seed)
    return Sides(seen.src, seen.tgt, seen.given)


def _nothing(number: int) -> RaggedIds:
    return RaggedIds(np.zeros(0, np.int64), np.zeros(number + 1, np.int64))
