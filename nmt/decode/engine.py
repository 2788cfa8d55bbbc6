"""What finds the translations of token ids: our own beam search, or another engine behind the same call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Protocol

import torch

from nmt.data.batches import pad
from nmt.decode.beam import Hypothesis, beam_search
from nmt.decode.scorer import StepScorer
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

MAX_WORKERS = 4  # searches at a time on a CPU; Python runs only one thread's own code at a time

Batch = list[list[int]]  # source ids of sentences that are translated together


class Engine(Protocol):
    """Anything that translates ids. `max_positions` is the most tokens, `</s>` counted, that it knows places for."""

    @property
    def max_positions(self) -> int | None: ...

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterable[list[list[Hypothesis]]]:
        """The n_best hypotheses, best first, of each sentence of each batch; batches in order."""
        ...


def longest(sources: Batch, decode: DecodeSection, limit: int | None) -> list[int]:
    """The most tokens that a translation of each source may have, `</s>` counted."""
    wanted = [int((len(ids) + 1) * decode.max_len_ratio) + decode.max_len_extra for ids in sources]
    return wanted if limit is None else [min(length, limit) for length in wanted]


class BeamEngine:
    """Beam search over a scorer."""

    def __init__(self, scorer: StepScorer, device: torch.device) -> None:
        self.scorer, self.device = scorer, device

    @property
    def max_positions(self) -> int | None:
        return self.scorer.max_positions

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        """On a CPU several searches run at a time, each in a thread of its own: the operators of one are too short to
        be shared by several threads.
        """
        search = partial(self._search, decode=decode, n_best=n_best)
        threads = torch.get_num_threads()
        workers = min(threads, MAX_WORKERS)
        if self.device.type != "cpu" or workers == 1 or len(batches) == 1:
            yield from map(search, batches)
            return
        torch.set_num_threads(threads // workers)  # of threads that are started from here on
        pool = ThreadPoolExecutor(workers, "search")
        try:
            yield from pool.map(search, batches)
        finally:
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)

    def _search(self, sources: Batch, decode: DecodeSection, n_best: int) -> list[list[Hypothesis]]:
        ids, padded = pad(sources)
        src = torch.from_numpy(ids).to(self.device)
        max_len = torch.tensor(longest(sources, decode, self.max_positions))
        return beam_search(
            self.scorer, src, src != PAD_ID if padded else None, max_len,
            bos_id=BOS_ID, eos_id=EOS_ID, banned=(PAD_ID, UNK_ID, BOS_ID),
            beam_size=decode.beam_size, n_best=n_best, length_penalty=decode.length_penalty,
        )  # fmt: skip
