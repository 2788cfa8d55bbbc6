"""The decoder of a Transformer, one token of each hypothesis at a time (incremental decoding), for inference.

It is DecoderLayer's arithmetic. It is written out here because a step is so short that the number of operators decides,
and Python's way through modules is long: for one sentence, calling the layers instead takes a third more time.

Shapes: B sentences, k hypotheses of each, S source positions, D d_model, H heads, K head width, V vocabulary, L entries
of the past, R how many there is room for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.attention import visibility_bias
from nmt.model.decoder import DecoderLayer
from nmt.model.feed_forward import activate
from nmt.model.transformer import Transformer

ROOM_STEPS = 16  # that the past has room for, before what nobody sees any more is thrown out


class LayerState:
    """A layer's weights, and its keys and values: of the memory, and of all that was decoded.

    The past is only ever added to: whichever hypothesis goes on, its ancestors' entries stay where they are, and a bias
    says which are its own. So nothing is copied when a beam is reordered, and all hypotheses of a sentence attend in
    one product.
    """

    def __init__(self, layer: DecoderLayer, memory: Tensor) -> None:
        at, cross, ff = layer.self_attention, layer.cross_attention, layer.feed_forward
        self.linears = [(m.weight, m.bias) for m in (at.qkv, at.out, cross.q, cross.out, ff.inner, ff.outer)]
        self.norms = [norm_of(frame.norm) for frame in (layer.self_residual, layer.cross_residual, layer.ff_residual)]
        self.cross = torch.stack(cross.project_kv(memory))  # (2,B,H,S,K)
        self.past = self.cross[:, :, :, :0]  # (2,B,H,R,K)


@dataclass
class DecoderState:
    """What decoding needs to go on."""

    layers: list[LayerState]
    cross_bias: Tensor | None  # (B,H,1,S): 0 where the source is visible, -inf elsewhere; None: all is
    bias: Tensor | None = None  # (B,k,L): 0 where a hypothesis sees an entry of the past, -inf elsewhere; None: all do
    used: int = 0  # L
    length: int = 0  # positions decoded so far
    seen: list[Tensor] | None = None  # if wanted: what each layer attended to in the last step, (B,k,S)

    def select(self, parents: Tensor, sentences: Tensor | None = None) -> None:
        """Go on with the hypotheses `parents` (B,k'), counted within their sentences, and then with no other sentences
        than `sentences` (B'; None: all).
        """
        if self.bias is not None:
            self.bias = self.bias.gather(1, parents[:, :, None].expand(-1, -1, self.used))
        elif parents.size(1) > 1:
            self.bias = self.layers[0].past.new_zeros(*parents.shape, self.used)
        if sentences is None:
            return
        self.bias = None if self.bias is None else self.bias.index_select(0, sentences)
        self.cross_bias = None if self.cross_bias is None else self.cross_bias.index_select(0, sentences)
        for layer in self.layers:
            layer.cross, layer.past = layer.cross.index_select(1, sentences), layer.past.index_select(1, sentences)

    def make_room(self, k: int) -> None:
        """For k more entries of the past; those that no hypothesis sees make way first."""
        if self.used + k <= self.layers[0].past.size(3):
            return
        order, keep = None, self.used
        if self.bias is not None:
            visible = (self.bias == 0).any(1)  # (B,L)
            keep = int(visible.sum(1).max())
            if keep < self.used:  # entries have no order: each brought its position along when it was embedded
                order = visible.to(torch.uint8).argsort(1, descending=True)[:, :keep]
                self.bias = self.bias.gather(2, order[:, None].expand(-1, self.bias.size(1), -1))
        for layer in self.layers:
            old = layer.past[:, :, :, : self.used]
            if order is not None:
                old = old.gather(3, order[None, :, None, :, None].expand(*old.shape[:3], -1, old.size(4)))
            layer.past = old.new_empty(*old.shape[:3], max(2 * keep, keep + ROOM_STEPS * k), old.size(4))
            layer.past[:, :, :, :keep] = old
        self.used = keep


class IncrementalDecoder:
    """Of one model, whose weights may change between one `start` and the next."""

    def __init__(self, model: Transformer) -> None:
        self.model = model

    def start(self, memory: Tensor, src_mask: Tensor | None) -> DecoderState:
        """The state before the first target token; memory (B,S,D) and src_mask (B,S) as the encoder has them."""
        heads = self.model.section.num_heads
        bias = visibility_bias(src_mask, memory.dtype)
        layers = [LayerState(layer, memory) for layer in self.model.decoder]
        return DecoderState(layers, None if bias is None else bias.expand(-1, heads, -1, -1).contiguous())

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        """One more token of each hypothesis, last (B,k), to the logits (B,k,V) of the one after it."""
        model, section = self.model, self.model.section
        (b, k), h, pre = last.shape, section.num_heads, section.norm == "pre"
        state.make_room(k)
        before, state.used = state.used, state.used + k
        bias = None
        if state.bias is not None:
            itself = state.bias.new_full((k, k), float("-inf")).fill_diagonal_(0)
            state.bias = torch.cat([state.bias, itself.expand(b, k, k)], 2)
            bias = state.bias[:, None].expand(b, h, k, -1).reshape(b * h, k, -1)
        cross_bias = None if state.cross_bias is None else state.cross_bias.flatten(0, 1)
        seen = []

        x = model.tgt_embedding.at(last.flatten(), state.length)  # (B·k,D)
        for layer in state.layers:
            (qkv_map, out_map, q_map, cross_out_map, inner_map, outer_map), norms = layer.linears, layer.norms
            y = torch.layer_norm(x, *norms[0]) if pre else x
            qkv = F.linear(y, *qkv_map).view(b, k, 3, h, -1).permute(2, 0, 3, 1, 4)  # (3,B,H,k,K)
            layer.past[:, :, :, before : state.used] = qkv[1:]
            keys, values = layer.past.flatten(1, 2)[:, :, : state.used].unbind(0)  # (B·H,L,K)
            y, _ = attend(qkv[0], keys, values, bias)
            x = F.linear(y, *out_map).add_(x)
            x = x if pre else torch.layer_norm(x, *norms[0])

            y = torch.layer_norm(x, *norms[1]) if pre else x
            q = F.linear(y, *q_map).view(b, k, h, -1).transpose(1, 2)
            keys, values = layer.cross.flatten(1, 2).unbind(0)  # (B·H,S,K)
            y, weights = attend(q, keys, values, cross_bias)
            if state.seen is not None:
                seen.append(weights.view(b, h, k, -1).mean(1))
            x = F.linear(y, *cross_out_map).add_(x)
            x = x if pre else torch.layer_norm(x, *norms[1])

            y = torch.layer_norm(x, *norms[2]) if pre else x
            x = F.linear(activate(F.linear(y, *inner_map), section.activation), *outer_map).add_(x)
            x = x if pre else torch.layer_norm(x, *norms[2])
        state.length += 1
        state.seen = None if state.seen is None else seen
        logits: Tensor = model.output(model.decoder_norm(x)).view(b, k, -1)
        return logits


def attend(q: Tensor, keys: Tensor, values: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention of q (B,H,k,K) to keys and values (B·H,L,K), bias (B·H,1 or k,L): (B·k,D) and its weights (B·H,k,L)."""
    b, h, k, width = q.shape
    q, start = q.reshape(b * h, k, width), 1.0
    if bias is None:
        bias, start = q.new_empty(1, 1, 1), 0.0  # which is not looked at
    weights = torch.baddbmm(bias, q, keys.transpose(1, 2), beta=start, alpha=width**-0.5).softmax(-1)
    out = (weights @ values).view(b, h, k, width).transpose(1, 2).reshape(b * k, h * width)
    return out, weights


def norm_of(norm: nn.LayerNorm) -> tuple[tuple[int, ...], Tensor, Tensor, float]:
    """What `torch.layer_norm` wants."""
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps
