"""What incremental decoding carries from step to step: weights that were looked up, keys and values, who sees what.

Shapes: B sentences, k hypotheses of each, S source positions, D d_model, H heads, K head width, L entries of the past,
R how many there is room for.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from nmt.model.decoder import DecoderLayer

ROOM_STEPS = 16  # that the past has room for, before what nobody sees any more is thrown out

Linear = tuple[Tensor, Tensor]  # weight and bias
Norm = tuple[tuple[int, ...], Tensor, Tensor, float]  # what `torch.layer_norm` wants


class LayerWeights:
    """Of a decoder layer, looked up once for all steps."""

    def __init__(self, layer: DecoderLayer) -> None:
        own, cross = layer.self_attention, layer.cross_attention
        self.qkv, self.out = linear_of(own.qkv), linear_of(own.out)
        self.cross_q, self.cross_out = linear_of(cross.q), linear_of(cross.out)
        self.feed_forward = layer.feed_forward.function()
        self.self_norm, self.cross_norm = norm_of(layer.self_residual.norm), norm_of(layer.cross_residual.norm)
        self.ff_norm = norm_of(layer.ff_residual.norm)


class LayerState:
    """A layer's weights, and its keys and values: of the memory, and of all that was decoded.

    The past is only ever added to: whichever hypothesis goes on, its ancestors' entries stay where they are, and a bias
    says which are its own. So nothing is copied when a beam is reordered, and all hypotheses of a sentence attend in
    one product.
    """

    def __init__(self, layer: DecoderLayer, memory: Tensor) -> None:
        self.weights = LayerWeights(layer)
        self.cross = torch.stack(layer.cross_attention.project_kv(memory))  # (2,B,H,S,K)
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
        for layer in self.layers:
            layer.cross, layer.past = layer.cross.index_select(1, sentences), layer.past.index_select(1, sentences)

    def _make_room(self, k: int) -> None:
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


def linear_of(linear: nn.Linear) -> Linear:
    return linear.weight, linear.bias


def norm_of(norm: nn.LayerNorm) -> Norm:
    return norm.normalized_shape, norm.weight, norm.bias, norm.eps
