"""What finds the translations of token ids: our own beam search, or another engine behind the same calls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from nmt.data.tags import UNTAGGED, Tags

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nmt.decode.hypothesis import Hypothesis
    from nmt.recipe import DecodeSection

WORTH_SHARING = 400  # source tokens for each worker, or sharing costs more than it saves


@dataclass(frozen=True)
class Sentence:
    """What is searched for: a translation of `ids` that begins with `prefix`, has every phrase of `include` in it, and
    none of `exclude`. All are token ids, without `</s>`. `tags` tell the languages.
    """

    ids: list[int]
    prefix: tuple[int, ...] = ()
    include: tuple[tuple[int, ...], ...] = ()
    exclude: tuple[tuple[int, ...], ...] = ()
    tags: Tags = UNTAGGED

    @property
    def read(self) -> list[int]:
        """What the model reads: the tag, if there is one, then the source."""
        return self.tags.read(self.ids)


Batch = list[Sentence]  # that are translated together


@dataclass(frozen=True)
class Pair:
    """A translation that is given. All are token ids, without `</s>`; `start` is what the target begins with."""

    src: Sequence[int]
    tgt: Sequence[int]
    start: int = UNTAGGED.start


class Engine(Protocol):
    """Anything that translates ids. `name` is what scores say of it; `max_positions` the most tokens, `</s>` counted,
    that it knows places for; `workers` how many batches it works on at a time.
    """

    @property
    def name(self) -> str: ...

    @property
    def max_positions(self) -> int | None: ...

    @property
    def workers(self) -> int: ...

    def check(self, decode: DecodeSection, terms: bool) -> None:
        """Raises RecipeError listing what is asked for and cannot be done; `terms`: that phrases must be kept to."""
        ...

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterable[list[list[Hypothesis]]]:
        """The n_best hypotheses, best first, of each sentence of each batch; batches in order. None of a sentence: what
        it must include cannot be kept to.
        """
        ...

    def score(self, pairs: Sequence[Pair], decode: DecodeSection) -> list[list[float]]:
        """Of each pair the natural logarithms of the probabilities of the target's tokens, `</s>` last."""
        ...

    def attention(self, pairs: Sequence[Pair], decode: DecodeSection, exact: bool) -> Sequence[npt.NDArray[np.float32]]:
        """Of each pair what each token of the target (T or more) sees of each of the source (S or more), in the step
        that predicts it. `exact`: the mean over all layers; else whatever tells best which words belong together.
        """
        ...


def longest(batch: Batch, decode: DecodeSection, limit: int | None) -> list[int]:
    """The most tokens that a translation of each sentence may have, `</s>` counted."""
    wanted = [
        max(1, int((len(s.ids) + 1) * decode.max_len_ratio) + decode.max_len_extra)
        + len(s.prefix) + sum(map(len, s.include))
        for s in batch
    ]  # fmt: skip
    return wanted if limit is None else [min(length, limit) for length in wanted]


def plan_searches(lengths: Sequence[int], limit: float, workers: int) -> list[list[int]]:
    """Which sentences of these lengths are searched together: like with like, the longest first, at most `limit` padded
    tokens (or one sentence) in a batch, and as many batches of about one size that all workers have the same to do.
    """
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    batches = _cut(order, lengths, limit)
    shares = -(-len(batches) // workers) * workers
    smaller = sum(lengths) / max(1, shares)
    while sum(lengths) >= workers * WORTH_SHARING and smaller < limit:
        even = _cut(order, lengths, smaller)
        if len(even) <= shares:
            return even
        smaller *= 1.02  # it had no room for the padding
    return batches


def _cut(order: list[int], lengths: Sequence[int], limit: float) -> list[list[int]]:
    batches, begin = [], 0
    while begin < len(order):
        end = begin + max(1, int(limit // lengths[order[begin]]))
        batches.append(order[begin:end])
        begin = end
    return batches
