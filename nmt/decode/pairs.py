"""How probable it is that two texts belong together, by an encoder that has learned pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from nmt.data.batches import plan_batches
from nmt.data.masking import MaskedSides, pairs
from nmt.data.noise import Pieces
from nmt.errors import DataError
from nmt.tokenizer import RaggedIds, Side, Tokenizer

if TYPE_CHECKING:
    from nmt.model.encoder_only import EncoderOnly

MAX_TOKENS = 4096  # padded, at a time


class PairScorer:
    """A model, its tokenizer, and whose text the two are: of a line and its translation, or of a line and the next."""

    def __init__(self, model: EncoderOnly, tokenizer: Tokenizer, sides: tuple[Side, Side] = ("src", "tgt")) -> None:
        self.model, self.tokenizer, self.sides = model, tokenizer, sides
        self.device = next(model.parameters()).device
        self.checkpoint = ""

    @classmethod
    def load(cls, run: Path, checkpoint: str = "best", device: str = "auto") -> PairScorer:
        """Raises RunError where the run has learned no pairs."""
        from nmt.data.sources import side_of
        from nmt.run.load import load_pair_model

        model, tokenizer, recipe, found = load_pair_model(run, checkpoint, device)
        of = next(corpus for corpus in recipe.data.train if recipe.objective_of(corpus).pairs != "none")
        alone = side_of(recipe.data, of)
        scorer = cls(model, tokenizer, (alone, alone) if alone else ("src", "tgt"))
        scorer.checkpoint = found.path.name
        return scorer

    @torch.inference_mode()
    def score(self, texts: Sequence[tuple[str, str]]) -> list[float]:
        """Probabilities from 0 to 1; 0 where a text is blank. Raises DataError naming the pair that is longer than the
        model knows places for.
        """
        first, second = (
            RaggedIds.of(self.tokenizer.encode([pair[i] for pair in texts], side)) for i, side in enumerate(self.sides)
        )
        whole = (first.lengths > 0) & (second.lengths > 0)
        rows = pairs(first, second, Pieces.of(self.tokenizer), None, whole)
        self._check(rows.ids.lengths)
        nothing = np.zeros(len(texts), np.int64)
        sides = MaskedSides(rows.ids, rows.ids, rows.second, rows.together, nothing)
        found = np.zeros(len(texts))
        lengths = rows.ids.lengths
        for update in plan_batches(lengths, lengths, int(lengths.sum()) + len(lengths) + 1, MAX_TOKENS, 0, 0):
            for part in update:
                batch = sides.batch(part).to(self.device)
                logits = self.model.pair_logits(self.model(batch.src, batch.src_mask, batch.segments))
                found[part] = logits.float().softmax(-1)[:, 1].cpu().numpy()
        return np.where(whole, found, 0.0).tolist()  # type: ignore[no-any-return]

    def _check(self, lengths: np.ndarray[tuple[int], np.dtype[np.int64]]) -> None:
        limit = self.model.section.position_limit
        longest = int(lengths.max(initial=0))
        if limit is not None and longest > limit:
            raise DataError(
                f"pair {int(lengths.argmax()) + 1:,} has {longest:,} tokens; the model knows places for {limit:,}.",
                "Leave it out, or train with `positions: mixed`.",
            )
