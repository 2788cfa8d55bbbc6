"""How training reads a micro-batch: once or twice, and each time with tokens that are not shown.

Which ones follows from the run's seed, the epoch, the example, the pass and the place in the line: the same on any rank
and however an update is cut into micro-batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nmt.data.batches import Batch, Indices
from nmt.data.masking import MaskedBatch
from nmt.data.noise import Mask, cut
from nmt.recipe.passes import WHOLE, Hidden
from nmt.tokenizer import Side, Tokenizer


def never_cut(tokenizer: Tokenizer) -> tuple[Mask, Mask]:
    """Of each id of source and target whether it is no text: `<s>`, `</s>`, padding, tags and other control pieces."""

    def of(side: Side) -> Mask:
        return np.isin(np.arange(len(tokenizer.vocabulary(side))), [*tokenizer.control_ids(side)])

    return of("src"), of("tgt")


@dataclass(frozen=True)
class Reading:
    """Of the examples of an epoch. `spared`: of each id of source and target whether it is always shown."""

    passes: tuple[Hidden, ...] = (WHOLE,)
    seed: Sequence[int] = ()
    spared: tuple[Mask, Mask] | None = None

    def read(self, batch: Batch | MaskedBatch, examples: Indices) -> Batch | MaskedBatch:
        """The micro-batch of these examples, as it is read: the rows of the first pass, then those of the second."""
        if isinstance(batch, MaskedBatch) or self.passes == (WHOLE,):
            return batch
        views = [self._pass(number, batch, examples) for number in range(len(self.passes))]
        mask = None if batch.src_mask is None else batch.src_mask.repeat(len(views), 1)
        return replace(
            batch, src=torch.cat([v.src for v in views]), src_mask=mask, tgt_in=torch.cat([v.tgt_in for v in views])
        )

    def _pass(self, number: int, batch: Batch, examples: Indices) -> Batch:
        def shown(ids: Tensor, share: float, side: int) -> Tensor:
            if not share:
                return ids
            assert self.spared is not None, "who hides tokens knows which are text"
            return torch.from_numpy(cut(ids.numpy(), share, self.spared[side], examples, [*self.seed, number, side]))

        src, tgt = self.passes[number]
        return replace(batch, src=shown(batch.src, src, 0), tgt_in=shown(batch.tgt_in, tgt, 1))


AS_IT_IS = Reading()
