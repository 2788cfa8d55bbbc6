"""Our own engine: beam search over a scorer, for all that can be asked of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

import torch

from nmt.data.batches import pad
from nmt.decode.beam import Search, beam_search
from nmt.decode.constrained import constrained_search
from nmt.decode.engine import Batch, Pair, longest
from nmt.decode.forced import Forced, force
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.labels import OneOf
from nmt.decode.rules import Rules
from nmt.decode.sampling import noise_of, sample
from nmt.decode.scorer import EnsembleScorer, ModelScorer, StepScorer
from nmt.errors import RecipeError
from nmt.text.phrases import glues
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nmt.model.kinds import Writer
    from nmt.recipe import DecodeSection
    from nmt.tokenizer import Tokenizer

MAX_WORKERS = 4  # searches at a time on a CPU; Python runs only one thread's own code at a time


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
        self.models: list[Writer] = []  # what the scorer is made of, if it is of models
        self.name = "nmt"

    @classmethod
    def of_models(
        cls, models: Sequence[Writer], tokenizer: Tokenizer, mean_of: Literal["probability", "log"] = "probability",
        labels: Sequence[str] = (),
    ) -> BeamEngine:  # fmt: skip
        """Of models on one device, several of which make an ensemble; `labels`: the only outputs, if there are few."""
        scorers = [ModelScorer(model) for model in models]
        scorer = scorers[0] if len(scorers) == 1 else EnsembleScorer(scorers, mean_of)
        weights, outputs = next(models[0].parameters()), tokenizer.encode(labels, "tgt") if labels else ()
        engine = cls(scorer, weights.device, tokenizer.vocabulary("tgt"), tokenizer.never_written, outputs)
        engine.models = list(models)
        engine.name = f"nmt {'bf16' if weights.dtype == torch.bfloat16 else 'fp32'}"
        return engine

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

    def score(self, pairs: Sequence[Pair], decode: DecodeSection) -> list[list[float]]:
        return [found.log_probs for found in self._force(pairs, decode)]

    def attention(self, pairs: Sequence[Pair], decode: DecodeSection, exact: bool) -> list[npt.NDArray[np.float32]]:
        """The mean over all layers, and all models."""
        return [found.attention for found in self._force(pairs, decode)]

    def _force(self, pairs: Sequence[Pair], decode: DecodeSection) -> list[Forced]:
        lengths = [max(len(pair.src), len(pair.tgt)) for pair in pairs]
        order = sorted(range(len(pairs)), key=lambda i: -lengths[i])
        found: dict[int, Forced] = {}
        while order:
            size = max(1, decode.batch_tokens // (lengths[order[0]] + 1))
            batch, order = order[:size], order[size:]
            results = force(self.models, [pairs[i] for i in batch], decode.ensemble)
            found |= dict(zip(batch, results, strict=True))
        return [found[i] for i in range(len(pairs))]

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
