"""What a model makes of a translation that is given: the probability of each token, and what it attends to.

Shapes: B pairs, S source and T target positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from nmt.data.batches import pad
from nmt.decode.engine import Pair
from nmt.decode.scorer import combined
from nmt.model.kinds import Writer
from nmt.tokenizer import PAD_ID


@dataclass(frozen=True)
class Forced:
    """Of one pair: natural logarithms (T) of the probabilities of its tokens, `</s>` last, and the attention (T,S) in
    the steps that predict them to the source tokens, `</s>` last: the mean over heads and layers.
    """

    log_probs: list[float]
    attention: npt.NDArray[np.float32]


@torch.inference_mode()
def force(
    models: Sequence[Writer], pairs: Sequence[Pair], mean_of: Literal["probability", "log"] = "probability"
) -> list[Forced]:
    """Of each pair of a batch; of several models the mean, as an ensemble takes it."""
    src, mask, tgt_in, tgt_out = _tensors(pairs, next(models[0].parameters()).device)
    logits, looks = [], []
    for model in models:
        hidden, by_layer = model.with_attention(src, mask, tgt_in)
        logits.append(model.output(hidden).float())
        looks.append(by_layer.float().mean(0))
    mixed = combined(logits, mean_of)
    log_probs = mixed.gather(2, tgt_out[:, :, None])[:, :, 0] - mixed.logsumexp(-1)
    attention = torch.stack(looks).mean(0)
    return [
        Forced(log_probs[i, :T].tolist(), attention[i, :T, : len(pair.src) + 1].cpu().numpy())
        for i, pair in enumerate(pairs)
        for T in [len(pair.tgt) + 1]
    ]


@torch.inference_mode()
def attention_by_layer(model: Writer, pairs: Sequence[Pair]) -> list[npt.NDArray[np.float32]]:
    """Of each pair of a batch the attention of the tokens (T) to those of the source (S) in each layer of the decoder,
    the mean over heads, (L,T,S).
    """
    src, mask, tgt_in, _ = _tensors(pairs, next(model.parameters()).device)
    _, found = model.with_attention(src, mask, tgt_in)
    return [found[:, i, : len(pair.tgt), : len(pair.src)].float().cpu().numpy() for i, pair in enumerate(pairs)]


def _tensors(pairs: Sequence[Pair], device: torch.device) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
    """Sources (B,S) and what of them is visible (None: all), what the decoder reads (B,T), and what follows that."""
    src_ids, padded = pad([pair.src for pair in pairs])
    src = torch.from_numpy(src_ids).to(device)
    tgt_out = torch.from_numpy(pad([pair.tgt for pair in pairs])[0]).to(device)
    first = torch.tensor([pair.start for pair in pairs], device=device)
    return src, src != PAD_ID if padded else None, torch.cat([first[:, None], tgt_out[:, :-1]], 1), tgt_out
