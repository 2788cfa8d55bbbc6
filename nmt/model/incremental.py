"""The decoder of a model, one token of each hypothesis at a time (incremental decoding), for inference.

It is the layers' arithmetic, but for the feed-forward block, which is the layer's own. Attention is written out here
because a step is so short that the number of operators decides, and Python's way through modules is long: for one
sentence, calling the layers instead takes a third more time.

Shapes: B sentences, k hypotheses of each, S source positions, D d_model, H heads, K head width, V vocabulary, L entries
of the past, R how many there is room for.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from nmt.model.decoder_state import DecoderState, seen_in_source
from nmt.model.kinds import Writer
from nmt.model.rotary import turn


class IncrementalDecoder:
    """Of one model, whose weights may change between one `start` and the next."""

    def __init__(self, model: Writer) -> None:
        self.model = model

    def start(self, memory: Tensor, src_mask: Tensor | None) -> DecoderState:
        """The state before the first target token; memory as the model's `encode` makes it, src_mask (B,S)."""
        return self.model.begin(memory, src_mask)

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        """One more token of each hypothesis, last (B,k), to the logits (B,k,V) of the one after it."""
        model, section = self.model, self.model.section
        (b, k), h, pre = last.shape, section.num_heads, section.norm == "pre"
        new = state.extend(k)
        bias, cross_bias = state.bias, state.cross_bias
        if bias is not None:
            bias = bias[:, None].expand(b, h, k, -1).reshape(b * h, k, -1)
        if cross_bias is not None:
            cross_bias = cross_bias.flatten(0, 1)
        seen = []

        places = state.positions(k)
        x = model.tgt_embedding.at(last.flatten(), places)  # (B·k,D)
        rotary = state.layers[-1].weights.rotary
        angles = None if rotary is None else rotary.at(places, x)  # (2,K), or (2,B·k,K)
        if angles is not None and angles.dim() == 3:
            angles = angles.view(2, b, 1, k, -1)
        for layer in state.layers:
            w = layer.weights
            y = torch.layer_norm(x, *w.self_norm) if pre else x
            qkv = F.linear(y, *w.qkv).view(b, k, 3, h, -1).permute(2, 0, 3, 1, 4)  # (3,B,H,k,K)
            if angles is not None and w.rotary is not None:
                qkv = torch.cat([turn(qkv[:2], angles), qkv[2:]])
            layer.past[:, :, :, new] = qkv[1:]
            keys, values = layer.past.flatten(1, 2)[:, :, : new.stop].unbind(0)  # (B·H,L,K)
            y, weights = attend(qkv[0], keys, values, bias)
            x = F.linear(y, *w.out).add_(x)
            x = x if pre else torch.layer_norm(x, *w.self_norm)

            if w.cross is not None and layer.cross is not None:
                y = torch.layer_norm(x, *w.cross.norm) if pre else x
                q = F.linear(y, *w.cross.q).view(b, k, h, -1).transpose(1, 2)
                keys, values = layer.cross.flatten(1, 2).unbind(0)  # (B·H,S,K)
                y, weights = attend(q, keys, values, cross_bias)
                x = F.linear(y, *w.cross.out).add_(x)
                x = x if pre else torch.layer_norm(x, *w.cross.norm)
            if state.seen is not None:
                mean = weights.view(b, h, k, -1).mean(1)
                cross = w.cross is not None
                seen.append(mean if cross else seen_in_source(mean[..., : state.prefix], state.source_visible()))

            y = torch.layer_norm(x, *w.ff_norm) if pre else x
            x = w.feed_forward(y).add_(x)
            x = x if pre else torch.layer_norm(x, *w.ff_norm)
        state.position = state.position + 1
        state.seen = None if state.seen is None else seen
        logits: Tensor = model.output(model.decoder_norm(x)).view(b, k, -1)
        return logits


def attend(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention of q (B,H,k,K) to keys and values (B·H,L,K), bias (B·H,1 or k,L): (B·k,D) and its weights (B·H,k,L).

    The formula of `attention`, in three operators instead of five: scale and bias are part of the product of batches.
    Training does not use it, because it rounds otherwise: runs would no longer be repeated bit for bit.
    """
    b, h, k, width = q.shape
    q, start = q.reshape(b * h, k, width), 1.0
    if bias is None:
        bias, start = q.new_empty(1, 1, 1), 0.0  # which is not looked at
    weights = torch.baddbmm(bias, q, keys.transpose(1, 2), beta=start, alpha=width**-0.5).softmax(-1)
    out = (weights @ values).view(b, h, k, width).transpose(1, 2).reshape(b * k, h * width)
    return out, weights
