"""Text in, text out: the one way to translate, used by training, by every command, and as a Python API.

from nmt import Translator
Translator.load("runs/multi30k").translate(["A dog runs."])
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from nmt.data.batches import pad
from nmt.decode.beam import Hypothesis, beam_search
from nmt.decode.scorer import ModelScorer, StepScorer
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID, Tokenizer

if TYPE_CHECKING:
    from nmt.recipe import DecodeSection

MAX_SEGMENT = 250  # source tokens translated as one; far beyond a sentence, and quadratic costs stay small
_SENTENCE_END = re.compile(r"[.!?…:;。！？；]$")


@dataclass(frozen=True)
class Translation:
    """One line's translation: the best text, and every hypothesis asked for, best first."""

    text: str
    hypotheses: list[tuple[str, Hypothesis]]
    segments: int = 1  # into how many parts a line had to be split


class Translator:
    """A model, its tokenizer and how to search. Output i belongs to line i, and does not depend on the other lines."""

    def __init__(self, scorer: StepScorer, tokenizer: Tokenizer, decode: DecodeSection, device: torch.device) -> None:
        self.scorer, self.tokenizer, self.decode, self.device = scorer, tokenizer, decode, device
        self.run: Path | None = None  # where it was loaded from, and which checkpoint
        self.checkpoint = ""

    @classmethod
    def load(cls, run: str | Path, *, checkpoint: str = "best", device: str = "auto") -> Translator:
        """Of a run folder. Raises RunError where it is none, or is damaged."""
        from nmt.train.checkpoint import load_model

        model, tokenizer, recipe, found = load_model(Path(run), checkpoint, device)
        translator = cls(ModelScorer(model), tokenizer, recipe.decode, next(model.parameters()).device)
        translator.run, translator.checkpoint = Path(run), found.path.name
        return translator

    def translate(
        self, lines: Sequence[str], *, n_best: int = 1, on_progress: Callable[[int], None] | None = None
    ) -> list[Translation]:
        """Translate each line. A blank line stays blank; a line break within a line counts as a space."""
        segments: list[list[int]] = []
        owner: list[int] = []
        for i, ids in enumerate(self.tokenizer.encode([" ".join(line.splitlines()) for line in lines], "src")):
            parts = self._split(ids) if ids else []
            segments += parts
            owner += [i] * len(parts)
        found: list[list[Hypothesis]] = [[] for _ in segments]
        for batch in self._batches([len(s) for s in segments]):
            for i, hyps in zip(batch, self._search([segments[i] for i in batch], n_best), strict=True):
                found[i] = hyps
            if on_progress:
                on_progress(len({owner[i] for i in batch}))
        parts_of: list[list[list[Hypothesis]]] = [[] for _ in lines]
        for i, hyps in zip(owner, found, strict=True):
            parts_of[i].append(hyps)
        return [self._assemble(parts) for parts in parts_of]

    def _search(self, segments: list[list[int]], n_best: int) -> list[list[Hypothesis]]:
        ids, padded = pad(segments)
        src = torch.from_numpy(ids).to(self.device)
        lengths = torch.tensor([len(s) + 1 for s in segments])
        max_len = (lengths * self.decode.max_len_ratio).long() + self.decode.max_len_extra
        return beam_search(
            self.scorer, src, src != PAD_ID if padded else None, max_len,
            bos_id=BOS_ID, eos_id=EOS_ID, banned=(PAD_ID, UNK_ID, BOS_ID),
            beam_size=max(self.decode.beam_size, n_best), n_best=n_best, length_penalty=self.decode.length_penalty,
        )  # fmt: skip

    def _batches(self, lengths: list[int]) -> Iterator[list[int]]:
        """Segments of like length together, longest first, as many as decode.batch_tokens allows."""
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        begin = 0
        while begin < len(order):
            size = max(1, self.decode.batch_tokens // (self.decode.beam_size * (lengths[order[begin]] + 1)))
            yield order[begin : begin + size]
            begin += size

    def _split(self, ids: list[int]) -> list[list[int]]:
        """Cut what is too long for one search: at a sentence's end if there is one, else between words or anywhere."""
        parts = []
        while len(ids) > MAX_SEGMENT:
            pieces = self.tokenizer.pieces(ids[: MAX_SEGMENT + 1], "src")
            words = [i for i in range(1, MAX_SEGMENT + 1) if pieces[i].startswith("▁")]
            ends = [i for i in words if _SENTENCE_END.search(pieces[i - 1])]
            cut = next(iter(reversed(ends)), 0) or next(iter(reversed(words)), 0) or MAX_SEGMENT
            parts.append(ids[:cut])
            ids = ids[cut:]
        return [*parts, ids]

    def _assemble(self, parts: list[list[Hypothesis]]) -> Translation:
        if not parts:
            return Translation("", [("", Hypothesis([], 0.0, 0.0))], 0)
        if len(parts) == 1:
            texts = self.tokenizer.decode([h.tokens for h in parts[0]])
            return Translation(texts[0], list(zip(texts, parts[0], strict=True)))
        # The n-best of a whole are the parts' n-best of the same rank side by side.
        joined = []
        for rank in range(min(map(len, parts))):
            hyps = [part[rank] for part in parts]
            text = " ".join(t for t in self.tokenizer.decode([h.tokens for h in hyps]) if t)
            tokens = [i for h in hyps for i in h.tokens]
            log_prob = sum(h.log_prob for h in hyps)
            score = log_prob / (len(tokens) + len(hyps)) ** self.decode.length_penalty
            joined.append((text, Hypothesis(tokens, log_prob, score)))
        return Translation(joined[0][0], joined, len(parts))
