"""CTranslate2, an engine in C++ for any machine, behind the same calls as our own search. Needs no torch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.decode.engine import Batch, Pair, longest
from nmt.decode.exported import FLOAT32, POSITIONS, check_files, read_config
from nmt.decode.hypothesis import Hypothesis
from nmt.device import usable_cores
from nmt.errors import RecipeError, RunError
from nmt.tokenizer import UNK_ID, Tokenizer

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from nmt.recipe import DecodeSection


def import_ctranslate2() -> Any:
    try:
        import ctranslate2
    except ImportError:
        raise RunError("CTranslate2 is not installed.", "Run: pip install ctranslate2") from None
    return ctranslate2


def lacks(decode: DecodeSection) -> list[str]:
    """What CTranslate2 cannot do of what is asked of a search."""
    asked = {
        "coverage_penalty": decode.coverage_penalty > 0, "min_len_ratio": decode.min_len_ratio > 0,
        "diverse_groups": decode.diverse_groups > 1, "sampling": decode.sampling, "bf16": decode.precision == "bf16",
    }  # fmt: skip
    return [name for name, wanted in asked.items() if wanted]


class CTranslate2Engine:
    """Translates with a folder that `export` wrote. It does not know phrases that must be included."""

    def __init__(
        self, folder: Path, tokenizer: Tokenizer, device: str, max_positions: int | None = None, compute: str = FLOAT32
    ) -> None:
        """compute: `int8` makes that of weights that are stored in more bits, which are used as stored otherwise.
        Raises RunError where CTranslate2 cannot load the folder.
        """
        ct2 = import_ctranslate2()
        if not (folder / "model.bin").exists():
            raise RunError(f"{folder} holds no CTranslate2 model.", f"Run: nmt export --run {folder.parent}")
        check_files(folder)
        self.max_positions = max_positions or POSITIONS
        self.workers = usable_cores() if device == "cpu" else 1
        self.src, self.tgt = tokenizer.vocabulary("src"), tokenizer.vocabulary("tgt")
        self.ids = {piece: i for i, piece in enumerate(self.tgt)}
        self.never = [[self.tgt[i]] for i in tokenizer.never_written if i != UNK_ID]
        try:
            # One thread a batch of sentences, as in our own engine.
            self.translator = ct2.Translator(
                str(folder), device=device, compute_type="default" if compute == FLOAT32 else compute,
                inter_threads=self.workers, intra_threads=1, max_queued_batches=-1,
            )  # fmt: skip
        except (RuntimeError, ValueError) as e:
            raise RunError(f"CTranslate2 cannot load {folder}: {e}", f"Run: nmt export --run {folder.parent}") from None
        self.told = read_config(folder)["decoder_start_token"] is None  # with what a translation begins, each time
        self.name = f"ctranslate2 {self.translator.compute_type.partition('_')[0]}"  # of int8_float32, int8

    def check(self, decode: DecodeSection, terms: bool) -> None:
        if lacking := lacks(decode):
            raise RecipeError(
                f"CTranslate2 cannot do: {', '.join(lacking)}.", "Leave these out, or translate with our own engine."
            )

    # --- searching ---------------------------------------------------------------------------------------------------

    def search(self, batches: Sequence[Batch], decode: DecodeSection, n_best: int) -> Iterator[list[list[Hypothesis]]]:
        """As our own search, but that probabilities are of what may come: pieces that never do have none. They are the
        model's own where a translation has to begin or must not go on in some way, or is cut for its length.
        """
        begun = [(batch, self._begin(batch, decode, n_best)) for batch in batches]
        return (self._end(batch, searches, decode, n_best) for batch, searches in begun)

    def _begin(self, batch: Batch, decode: DecodeSection, n_best: int) -> list[tuple[list[int], int, list[Any]]]:
        """Searches that are on their way: numbers of sentences, the most tokens, and what will be found of each. What
        must not be in a translation is said of a whole call, so there is one for each such list.
        """
        alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for i, sentence in enumerate(batch):
            alike.setdefault(sentence.exclude, []).append(i)
        searches = []
        for exclude, numbers in alike.items():
            own = [batch[i] for i in numbers]
            most = max(1, max(longest(own, decode, self.max_positions)) - 1)
            prefixed = self.told or any(s.prefix for s in own)
            results = self.translator.translate_batch(
                [self._read(s.read) for s in own],
                [self._begun(s.tags.start, s.prefix) for s in own] if prefixed else None,
                beam_size=decode.beam_size, num_hypotheses=n_best, return_scores=True,
                length_penalty=decode.length_penalty, no_repeat_ngram_size=decode.no_repeat_ngram,
                max_decoding_length=most, min_decoding_length=0, max_input_length=0, disable_unk=True,
                suppress_sequences=[*self.never, *map(self._pieces, exclude)], asynchronous=True,
            )  # fmt: skip
            searches.append((numbers, most, results))
        return searches

    def _end(
        self, batch: Batch, searches: list[tuple[list[int], int, list[Any]]], decode: DecodeSection, n_best: int
    ) -> list[list[Hypothesis]]:
        found: list[list[Hypothesis]] = [[] for _ in batch]
        unsure: list[int] = []
        limits = longest(batch, decode, self.max_positions)
        for numbers, most, results in searches:
            for i, result in zip(numbers, (result.result() for result in results), strict=True):
                found[i] = [
                    _hypothesis([self.ids[piece] for piece in pieces], score, decode.length_penalty)
                    for pieces, score in zip(result.hypotheses, result.scores, strict=True)
                ]
                length = max(len(h.tokens) for h in found[i])
                if length >= limits[i] and len(batch) > 1:  # only the longest of a call limits its translations
                    (found[i],) = self._end([batch[i]], self._begin([batch[i]], decode, n_best), decode, n_best)
                elif length >= most or batch[i].prefix or batch[i].exclude:
                    unsure.append(i)
        return self._scored(batch, found, unsure, decode) if unsure else found

    def _scored(
        self, batch: Batch, found: list[list[Hypothesis]], which: Sequence[int], decode: DecodeSection
    ) -> list[list[Hypothesis]]:
        """With the model's own probabilities for hypotheses of these sentences, each once, best first."""
        for i in which:
            different = {tuple(h.tokens): h for h in found[i]}
            found[i] = list(different.values())
        pairs = [Pair(batch[i].read, h.tokens, batch[i].tags.start) for i in which for h in found[i]]
        scores = iter(self.score(pairs, decode))
        for i in which:
            own = [_rescored(h, sum(next(scores)), decode.length_penalty) for h in found[i]]
            found[i] = sorted(own, key=lambda h: -h.score)
        return found

    # --- what is given -----------------------------------------------------------------------------------------------

    def score(self, pairs: Sequence[Pair], decode: DecodeSection) -> list[list[float]]:
        if not pairs:
            return []
        results = self.translator.score_batch(
            [self._read(pair.src) for pair in pairs], [self._begun(pair.start, pair.tgt) for pair in pairs],
            max_input_length=0, max_batch_size=decode.batch_tokens, batch_type="tokens",
        )  # fmt: skip
        return [list(result.log_probs) for result in results]

    def attention(self, pairs: Sequence[Pair], decode: DecodeSection, exact: bool) -> list[npt.NDArray[np.float32]]:
        """The mean over the heads of the layer that was chosen when the model was exported: a translation that is given
        is a prefix of one that is searched for.
        """
        import numpy as np

        if not pairs:
            return []
        order = sorted(range(len(pairs)), key=lambda i: -len(pairs[i].tgt))
        size = max(1, decode.batch_tokens // (max(len(pair.src) + len(pair.tgt) for pair in pairs) + 1))
        found: dict[int, npt.NDArray[np.float32]] = {}
        begun = []
        for begin in range(0, len(order), size):
            which = order[begin : begin + size]
            results = self.translator.translate_batch(
                [self._read(pairs[i].src) for i in which], [self._begun(pairs[i].start, pairs[i].tgt) for i in which],
                beam_size=1, max_decoding_length=len(pairs[which[0]].tgt) + 1, max_input_length=0,
                return_attention=True, asynchronous=True,
            )  # fmt: skip
            begun.append((which, results))
        for which, results in begun:
            found |= {i: np.array(r.result().attention[0], np.float32) for i, r in zip(which, results, strict=True)}
        return [found[i] for i in range(len(pairs))]

    def _read(self, ids: Sequence[int]) -> list[str]:
        return [self.src[i] for i in ids]

    def _begun(self, start: int, ids: Sequence[int]) -> list[str]:
        """A translation as far as it is given; what it starts with is part of that where the model has to be told."""
        return self._pieces([start, *ids] if self.told else ids)

    def _pieces(self, ids: Sequence[int]) -> list[str]:
        return [self.tgt[i] for i in ids]


def _hypothesis(tokens: list[int], score: float, length_penalty: float) -> Hypothesis:
    return Hypothesis(tokens, score * (len(tokens) + 1) ** length_penalty, score)


def _rescored(h: Hypothesis, log_prob: float, length_penalty: float) -> Hypothesis:
    return replace(h, log_prob=log_prob, score=log_prob / (len(h.tokens) + 1) ** length_penalty)
