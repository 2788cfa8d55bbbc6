"""What finds the translations of token ids: our own beam search, or another engine behind the same call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Protocol

import torch

from nmt.data.batches import pad
from nmt.data.tags import UNTAGGED, Tags
from nmt.decode.beam import Hypothesis, Search, beam_search
from nmt.decode.constrained import constrained_search
from nmt.decode.labels import OneOf
from nmt.decode.rules import Rules
from nmt.decode.sampling import noise_of, sample
from nmt.decode.scorer import StepScorer
from nmt.errors import RecipeError
from nmt.text.phrases import glues
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

WORTH_SHARING = 400  # source tokens for each worker, or sharing costs more than it saves
MAX_WORKERS = 4  # searches at a time on a CPU; Python runs only one thread's own code at a time


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


class Engine(Protocol):
    """Anything that translates ids. `max_positions` is the most tokens, `</s>` counted, that it knows places for;
    `workers` is how many batches it works on at a time.
    """

    @property
    def max_positions(self) -> int | None: ...

    @property
    def workers(self) -> int: ...

    def check(self, decode: DecodeSection, terms: bool) -> None:
        """Raises RecipeError listing what is asked for and cannot be done; `terms`: that phrases must be kept to."""
        ...

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterable[list[list[Hypothesis]]]:
        """The n_best hypotheses, best first, of each sentence of each batch; batches in order."""
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


class BeamEngine:
    """Beam search over a scorer."""

    def __init__(
        self, scorer: StepScorer, device: torch.device, vocabulary: Sequence[str],
        never: tuple[int, ...] = (PAD_ID, UNK_ID, BOS_ID), outputs: Sequence[Sequence[int]] = (),
    ) -> None:  # fmt: skip
        """`vocabulary`: the target's pieces, by id; `never`: ids that are not written; `outputs`: the only ones there
        are, if there are few. It uses as many threads as torch does when it is made.
        """
        self.never = never
        self.one_of = OneOf(outputs, EOS_ID) if outputs else None
        self.scorer, self.device = scorer, device
        self.threads = torch.get_num_threads()
        self.goes_on = [glues(piece) for piece in vocabulary]

    @property
    def max_positions(self) -> int | None:
        return self.scorer.max_positions

    @property
    def workers(self) -> int:
        """The operators of one search are too short to be shared by several threads, so on a CPU each has a search."""
        return min(self.threads, MAX_WORKERS) if self.device.type == "cpu" else 1

    def check(self, decode: DecodeSection, terms: bool) -> None:
        """It can do everything, but that labels are chosen as a whole."""
        if self.one_of is not None and (terms or decode.min_len_ratio or decode.no_repeat_ngram):
            raise RecipeError(
                "a run of labels writes one of them, whatever else is asked of its output.",
                "Leave out prefix, include, exclude, glossary, protect, min_len_ratio and no_repeat_ngram.",
            )

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        search = partial(self._search, decode=decode, n_best=n_best)
        if self.workers == 1 or len(batches) == 1:
            yield from map(search, batches)
            return
        searches = [self._pool.submit(search, batch) for batch in batches]
        try:
            for found in searches:
                yield found.result()
        finally:
            for begun in searches:
                begun.cancel()
            torch.set_num_threads(self.threads)  # of threads that are started from here on

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        """One for all calls, also those from several threads; each of its threads has its share of torch's."""
        share = self.threads // self.workers
        return ThreadPoolExecutor(self.workers, "search", initializer=torch.set_num_threads, initargs=(share,))

    def _search(self, batch: Batch, decode: DecodeSection, n_best: int) -> list[list[Hypothesis]]:
        """Those that must have phrases in them go another way than the rest."""
        found: list[list[Hypothesis]] = [[] for _ in batch]
        for constrained in (False, True):
            which = [i for i, s in enumerate(batch) if bool(s.include) == constrained]
            if which:
                results = self._search_alike([batch[i] for i in which], decode, n_best)
                for i, hypotheses in zip(which, results, strict=True):
                    found[i] = hypotheses
        return found

    def _search_alike(self, batch: Batch, decode: DecodeSection, n_best: int) -> list[list[Hypothesis]]:
        ids, padded = pad([s.read for s in batch])
        src = torch.from_numpy(ids).to(self.device)
        mask = src != PAD_ID if padded else None
        most = longest(batch, decode, self.max_positions)
        if self.one_of is not None:
            most = [self.one_of.longest] * len(batch)
        fewest = [min(int(len(s.ids) * decode.min_len_ratio), n - 1) for s, n in zip(batch, most, strict=True)]
        rules = Rules(EOS_ID, [s.prefix for s in batch], [s.exclude for s in batch], fewest, decode.no_repeat_ngram)
        rule = self.one_of or (rules if rules.needed else None)
        starts = torch.tensor([s.tags.start for s in batch], device=self.device)
        how = Search(
            starts, EOS_ID, self.never, decode.beam_size, n_best, decode.length_penalty,
            decode.coverage_penalty, decode.diverse_groups, decode.diversity, rule,
        )  # fmt: skip
        max_len = torch.tensor(most)
        if batch[0].include:
            phrases = [s.include for s in batch]
            return constrained_search(self.scorer, src, mask, max_len, how, phrases, self.goes_on)
        if decode.sampling:
            noise = [noise_of(s.read, decode.seed, decode.beam_size, n) for s, n in zip(batch, most, strict=True)]
            cut = (decode.temperature, decode.top_k, decode.top_p)
            return sample(self.scorer, src, mask, max_len, how, noise, *cut)
        return beam_search(self.scorer, src, mask, max_len, how)
