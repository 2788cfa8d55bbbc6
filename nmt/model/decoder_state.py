"""What incremental decoding carries from step to step: weights that were looked up, keys and values, who sees what.

Shapes: B sentences, k hypotheses of each, S source positions, D d_model, H heads, K head width, L entries of the past,
R how many there is room for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.decoder import DecoderLayer
from nmt.model.encoder import EncoderLayer

ROOM_STEPS = 16  # that the past has room for, before what nobody sees any more is thrown out

Linear = tuple[Tensor, Tensor]  # weight and bias
Norm = tuple[tuple[int, ...], Tensor, Tensor, float]  # what `torch.layer_norm` wants


class LayerWeights:
    """Of a layer, looked up once for all steps; `cross` is that of a layer with cross-attention."""

    def __init__(self, layer: DecoderLayer | EncoderLayer) -> None:
        own = layer.self_attention
        self.qkv, self.out = linear_of(own.qkv), linear_of(own.out)
        self.rotary = own.rotary
        self.cross = CrossWeights(layer) if isinstance(layer, DecoderLayer) else None
        self.feed_forward = layer.feed_forward.function()
        self.self_norm, self.ff_norm = norm_of(layer.self_residual.norm), norm_of(layer.ff_residual.norm)


class CrossWeights:
    """Of the cross-attention of a layer."""

    def __init__(self, layer: DecoderLayer) -> None:
        self.q, self.out = linear_of(layer.cross_attention.q), linear_of(layer.cross_attention.out)
        self.norm = norm_of(layer.cross_residual.norm)


class LayerState:
    """A layer's weights, and its keys and values: of the memory, and of all that was decoded.

    The past is only ever added to: whichever hypothesis goes on, its ancestors' entries stay where they are, and a bias
    says which are its own. So nothing is copied when a beam is reordered, and all hypotheses of a sentence attend in
    one product.
    """

    def __init__(self, layer: DecoderLayer | EncoderLayer, cross: Tensor | None, past: Tensor) -> None:
        self.weights = LayerWeights(layer)
        self.cross = cross  # (2,B,H,S,K), if it has cross-attention
        self.past = past  # (2,B,H,R,K)


@dataclass
class DecoderState:
    """What decoding needs to go on."""

    layers: list[LayerState]
    cross_bias: Tensor | None = None  # (B,H,1,S): 0 where the source is visible, -inf elsewhere; None: all is
    bias: Tensor | None = None  # (B,k,L): 0 where a hypothesis sees an entry of the past, -inf elsewhere; None: all do
    used: int = 0  # L
    prefix: int = 0  # the first so many entries of the past are of the source, and stay there
    position: int | Tensor = 0  # of the next token; (B) where it differs
    seen: list[Tensor] | None = None  # if wanted: what each layer attended to in the last step, (B,k,S)

    def extend(self, k: int) -> slice:
        """Room for one more entry of each of k hypotheses, which it alone sees; gives their places in the past."""
        self._make_room(k)
        new = slice(self.used, self.used + k)
        self.used = new.stop
        if self.bias is not None:
            itself = self.bias.new_full((k, k), float("-inf")).fill_diagonal_(0)
            self.bias = torch.cat([self.bias, itself.expand(len(self.bias), k, k)], 2)
        return new

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
        if isinstance(self.position, Tensor):
            self.position = self.position.index_select(0, sentences)
        for layer in self.layers:
            layer.past = layer.past.index_select(1, sentences)
            layer.cross = None if layer.cross is None else layer.cross.index_select(1, sentences)

    def positions(self, k: int) -> int | Tensor:
        """Of the next token of k hypotheses a sentence, (B·k) where it differs."""
        return self.position.repeat_interleave(k) if isinstance(self.position, Tensor) else self.position

    def source_visible(self) -> Tensor | None:
        """Which entries of the source each sentence sees, (B,`prefix`); None: all."""
        return None if self.bias is None else self.bias[:, 0, : self.prefix] == 0

    def _make_room(self, k: int) -> None:
        """For k more entries of the past; those that no hypothesis sees make way first."""
        if self.used + k <= self.layers[0].past.size(3):
            return
        order, keep = None, self.used
        if self.bias is not None:
            visible = (self.bias == 0).any(1)  # (B,L)
            visible[:, : self.prefix] = True
            keep = int(visible.sum(1).max())
            if keep < self.used:  # entries have no order: each brought its position along when it was embedded
                order = visible.to(torch.uint8).argsort(dim=1, descending=True, stable=True)[:, :keep]
                self.bias = self.bias.gather(2, order[:, None].expand(-1, self.bias.size(1), -1))
        for layer in self.layers:
            old = layer.past[:, :, :, : self.used]
            if order is not None:
                old = old.gather(3, order[None, :, None, :, None].expand(*old.shape[:3], -1, old.size(4)))
            layer.past = old.new_empty(*old.shape[:3], max(2 * keep, keep + ROOM_STEPS * k), old.size(4))
            layer.past[:, :, :, :keep] = old
        self.used = keep


def seen_in_source(weights: Tensor, visible: Tensor | None) -> Tensor:
    """What is attended to in a source whose `</s>` is not there: weights (B,T,S−1) of its other tokens, of which
    `visible` (B,S−1; None: all) are seen, to (B,T,S), where all the rest counts as `</s>`.
    """
    rest = 1 - weights.sum(-1, keepdim=True)
    full = F.pad(weights, (0, 1))
    ends = weights.new_full((len(weights),), weights.size(-1)) if visible is None else visible.sum(1)
    return full.scatter_add(2, ends.long()[:, None, None].expand_as(rest), rest)


def linear_of(linear: nn.Linear) -> Linear:
    return linear.weight, linear.bias


def norm_of(norm: nn.LayerNorm) -> Norm:
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps
