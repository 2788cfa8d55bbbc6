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
_SENTENCE_END = re.compile(r"[.!?…:;]$")  # before a space
_FULL_WIDTH_END = re.compile(r"[。！？；]$")


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
            from nmt.decode.ct2 import FOLDER, CTranslate2Engine, check_origin
            from nmt.train.parallel import choose_device

            recipe, tokenizer = load_run_recipe(run), Tokenizer.load(run)
            check_origin(run, checkpoint, recipe.train.metric)
            kind = choose_device(device, said="`--device").type
            limit = recipe.model.position_limit
            translator = cls(CTranslate2Engine(run / FOLDER, tokenizer, kind, limit), tokenizer, recipe.decode)
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
        """Translate each line. A blank line stays blank; a line break within a line counts as a space. `on_progress` is
        told how many more lines are done.
        """
        decode = self.decode.model_copy(update={"beam_size": max(self.decode.beam_size, n_best)})
        segments: list[list[int]] = []
        owner: list[int] = []
        missing = []  # segments of each line
        for i, ids in enumerate(self.tokenizer.encode([" ".join(line.splitlines()) for line in lines], "src")):
            parts = self._split(ids) if ids else []
            segments += parts
            owner += [i] * len(parts)
            missing.append(len(parts))
        found: list[list[Hypothesis]] = [[] for _ in segments]
        batches = list(self._batches([len(s) for s in segments], decode))
        results = self.engine.search([[segments[i] for i in batch] for batch in batches], decode, n_best)
        done = missing.count(0)
        for batch, hypotheses in zip(batches, results, strict=True):
            for i, hyps in zip(batch, hypotheses, strict=True):
                found[i] = hyps
                missing[owner[i]] -= 1
                done += missing[owner[i]] == 0
            if on_progress:
                on_progress(done)
                done = 0
        if on_progress and done:  # blank lines alone
            on_progress(done)
        parts_of: list[list[list[Hypothesis]]] = [[] for _ in lines]
        for i, hyps in zip(owner, found, strict=True):
            parts_of[i].append(hyps)
        return [self._assemble(parts) for parts in parts_of]

    def _batches(self, lengths: list[int], decode: DecodeSection) -> Iterator[list[int]]:
        """Segments of like length together, longest first, as many as decode.batch_tokens allows."""
        order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
        begin = 0
        while begin < len(order):
            size = max(1, decode.batch_tokens // (decode.beam_size * (lengths[order[begin]] + 1)))
            yield order[begin : begin + size]
            begin += size

    def _split(self, ids: list[int]) -> list[list[int]]:
        """Cut what is too long for one search: at a sentence's end if there is one, else between words or anywhere."""
        limit = self.engine.max_positions
        most = MAX_SEGMENT if limit is None else min(MAX_SEGMENT, limit - 1)
        parts = []
        while len(ids) > most:
            pieces = self.tokenizer.pieces(ids[: most + 1], "src")
            words = [i for i in range(1, most + 1) if pieces[i].startswith("▁")]
            ends = [i for i in words if _SENTENCE_END.search(pieces[i - 1])]
            ends += [i for i in range(1, most + 1) if _FULL_WIDTH_END.search(pieces[i - 1])]
            cut = max(ends, default=0) or max(words, default=0) or most
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
