"""CTranslate2 for what it can do, and our own engine, loaded when it is first needed, for the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from nmt import console
from nmt.decode.ct2 import CTranslate2Engine, lacks
from nmt.decode.engine import Batch, Engine, Pair, longest
from nmt.decode.hypothesis import Hypothesis

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nmt.recipe import DecodeSection


class EitherEngine:
    """Two engines of the same weights. What must be included in a translation, attention of all layers, and what is
    longer than CTranslate2 has places for, is left to our own; so is, if it is not `strict`, a search that CTranslate2
    lacks.
    """

    def __init__(
        self, first: CTranslate2Engine, load_own: Callable[[], Engine], max_positions: int | None, strict: bool = False
    ) -> None:
        """max_positions: those of the model, whatever CTranslate2 has."""
        self.first, self.max_positions, self.strict = first, max_positions, strict
        self._load_own = load_own
        self._own: Engine | None = None

    @property
    def name(self) -> str:
        return self.first.name

    @property
    def workers(self) -> int:
        return self.first.workers

    @property
    def own(self) -> Engine:
        """Raises ImportError where torch is not installed."""
        if self._own is None:
            self._own = self._load_own()
        return self._own

    def check(self, decode: DecodeSection, terms: bool) -> None:
        if self.strict:
            self.first.check(decode, terms)
        elif lacks(decode):
            self.own.check(decode, terms)

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        if lacks(decode):
            return iter(self.own.search(batches, decode, n_best))
        here = [
            [i for i, (s, most) in enumerate(zip(batch, longest(batch, decode, None), strict=True))
             if not s.include and max(len(s.read) + 1, most) <= self.first.max_positions]
            for batch in batches
        ]  # fmt: skip
        if all(len(numbers) == len(batch) for numbers, batch in zip(here, batches, strict=True)):
            return self.first.search(batches, decode, n_best)
        return self._search_both(batches, here, decode, n_best)

    def _search_both(
        self, batches: Sequence[Batch], here: Sequence[Sequence[int]], decode: DecodeSection, n_best: int
    ) -> Iterator[list[list[Hypothesis]]]:
        """`here`: the numbers of the sentences of each batch that are not our own engine's."""
        away = [sorted({*range(len(b))} - {*numbers}) for b, numbers in zip(batches, here, strict=True)]
        mine = [[b[i] for i in numbers] for b, numbers in zip(batches, away, strict=True)]
        first = self.first.search([[b[i] for i in n] for b, n in zip(batches, here, strict=True) if n], decode, n_best)
        try:
            own = iter(self.own.search([batch for batch in mine if batch], decode, n_best))
        except ImportError:
            console.warn("PyTorch is not installed: what must be in a translation cannot be searched for.")
            own = ([[] for _ in batch] for batch in mine if batch)
        for batch, *parts in zip(batches, here, away, strict=True):
            found: list[list[Hypothesis]] = [[] for _ in batch]
            for numbers, results in zip(parts, (first, own), strict=True):
                if numbers:
                    for i, hypotheses in zip(numbers, next(results), strict=True):
                        found[i] = hypotheses
            yield found

    def score(self, pairs: Sequence[Pair], decode: DecodeSection) -> list[list[float]]:
        return self._of_given(pairs).score(pairs, decode)

    def attention(self, pairs: Sequence[Pair], decode: DecodeSection, exact: bool) -> Sequence[npt.NDArray[np.float32]]:
        engine = self.own if exact else self._of_given(pairs)
        return engine.attention(pairs, decode, exact)

    def _of_given(self, pairs: Sequence[Pair]) -> Engine:
        most = max((len(side) + 1 for pair in pairs for side in (pair.src, pair.tgt)), default=0)
        return self.first if most <= self.first.max_positions else self.own
