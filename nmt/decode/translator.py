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

from nmt.decode.beam import Hypothesis
from nmt.decode.engine import BeamEngine, Engine
from nmt.decode.scorer import ModelScorer
from nmt.tokenizer import Tokenizer

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

    def __init__(self, engine: Engine, tokenizer: Tokenizer, decode: DecodeSection) -> None:
        self.engine, self.tokenizer, self.decode = engine, tokenizer, decode
        self.run: Path | None = None  # where it was loaded from, and which checkpoint
        self.checkpoint = ""

    @classmethod
    def load(
        cls, run: str | Path, *, checkpoint: str = "best", device: str = "auto", engine: str = "nmt"
    ) -> Translator:
        """Of a run folder. `engine` is our own (`nmt`), or `ctranslate2` if the run was exported for it.

        Raises RunError where the folder is no run, or is damaged.
        """
        from nmt.train.checkpoint import load_model, load_run_recipe

        run = Path(run)
        if engine == "ctranslate2":
            from nmt.decode.ct2 import FOLDER, CTranslate2Engine

            recipe, tokenizer = load_run_recipe(run), Tokenizer.load(run)
            translator = cls(CTranslate2Engine(run / FOLDER, tokenizer, device), tokenizer, recipe.decode)
            translator.checkpoint = FOLDER
        else:
            model, tokenizer, recipe, found = load_model(run, checkpoint, device)
            beam = BeamEngine(ModelScorer(model), next(model.parameters()).device)
            translator = cls(beam, tokenizer, recipe.decode)
            translator.checkpoint = found.path.name
        translator.run = run
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
        batches = list(self._batches([len(s) for s in segments]))
        results = self.engine.search([[segments[i] for i in batch] for batch in batches], self.decode, n_best)
        for batch, hypotheses in zip(batches, results, strict=True):
            for i, hyps in zip(batch, hypotheses, strict=True):
                found[i] = hyps
            if on_progress:
                on_progress(len({owner[i] for i in batch}))
        parts_of: list[list[list[Hypothesis]]] = [[] for _ in lines]
        for i, hyps in zip(owner, found, strict=True):
            parts_of[i].append(hyps)
        return [self._assemble(parts) for parts in parts_of]

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
