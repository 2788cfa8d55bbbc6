"""A decoder alone (Radford et al. 2018; Liu et al. 2018): one stack of layers that reads a source, `<s>` and a target
as one row of tokens.

`<s>` is what stands between source and target, so the source goes without its `</s>`. Where the source is empty, the
rest is a plain language model, and what a Transformer's decoder would be without cross-attention. Positions are counted
without padding: a target begins right behind its source, whatever else is in the batch.

Shapes: B sentences, S source and T target positions, P = S − 1 positions of sources without `</s>`, N = P + T, D
d_model, H heads, K head width, L layers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nmt.model.attention import attention_weights
from nmt.model.decoder_state import DecoderState, LayerState, seen_in_source
from nmt.model.embedding import PADDING, Embedding
from nmt.model.encoder import Encoder, EncoderLayer
from nmt.model.initial import begin_alone
from nmt.recipe import ModelSection


class DecoderOnly(nn.Module):
    """Stands behind the same calls as the Transformer. Its parameters are called as those of the Transformer, whose
    decoder may begin with them.
    """

    def __init__(self, section: ModelSection, vocab_size: int) -> None:
        super().__init__()
        self.section = section
        d = section.d_model
        tokens = nn.Embedding(vocab_size, d)
        self.tgt_embedding = Embedding(section, tokens)
        self.decoder = Encoder(EncoderLayer(section, i, "decoder") for i in range(section.num_decoder_layers))
        self.decoder_norm = nn.LayerNorm(d) if section.norm == "pre" else nn.Identity()
        self.output = nn.Linear(d, vocab_size)
        begin_alone(self, (tokens.weight, self.output.weight), d)
        if section.tie_embeddings != "none":
            self.output.weight = tokens.weight

    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each pair of a source and a target position, about."""
        return 2 * sum(layer.kept_per_token() for layer in self.decoder) + 6 * self.section.d_model

    def encode(self, src: Tensor, src_mask: Tensor | None) -> Tensor:
        """src (B,S) and its mask (B,S; True = visible, None: all are) to memory: each layer's keys and values of the
        sources, (L,2,B,H,P,K).
        """
        row = _Row(src, src_mask, src[:, :0])
        x, places, bias, memory = self._embed(row), row.places(), self._bias(row), []
        for layer in self.decoder:
            q, k, v = layer.project(x, places)
            memory.append(torch.stack([k, v]))
            x = layer.attended(x, q, k, v, bias, row.real)
        return torch.stack(memory)

    def begin(self, memory: Tensor, src_mask: Tensor | None) -> DecoderState:
        """The state before the first target token; memory as `encode` makes it, src_mask (B,S)."""
        layers = [LayerState(layer, None, past) for layer, past in zip(self.decoder, memory, strict=True)]
        size = memory.size(-2)
        visible = _visible(src_mask)
        if visible is None:
            return DecoderState(layers, used=size, prefix=size, position=size)
        bias = memory.new_zeros(visible.shape).masked_fill_(~visible, float("-inf"))[:, None]
        return DecoderState(layers, bias=bias, used=size, prefix=size, position=visible.sum(1))

    def forward(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor) -> Tensor:
        """Hidden states (B,T,D) of tgt_in (B,T), each of which sees the source, itself and all before it. `output` of
        them gives logits, which the loss never holds all at once.
        """
        row = _Row(src, src_mask, tgt_in)
        x, places, bias = self._embed(row), row.places(), self._bias(row)
        for layer in self.decoder:
            x = layer.attended(x, *layer.project(x, places), bias, row.real)
        hidden: Tensor = self.decoder_norm(x[:, row.size :])
        return hidden

    def with_attention(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and what each layer sees of the source: the mean over heads, (L,B,T,S). What it sees of
        the target counts as `</s>`.
        """
        row = _Row(src, src_mask, tgt_in)
        x, places, bias, seen = self._embed(row), row.places(), self._bias(row), []
        for layer in self.decoder:
            q, k, v = layer.project(x, places)
            weights = attention_weights(q, k, bias).mean(1)[:, row.size :, : row.size]
            seen.append(seen_in_source(weights, row.visible))
            x = layer.attended(x, q, k, v, bias, row.real)
        return self.decoder_norm(x[:, row.size :]), torch.stack(seen)

    def _embed(self, row: _Row) -> Tensor:
        places = row.places()
        embedded: Tensor = self.tgt_embedding(row.ids) if places is None else self.tgt_embedding.placed(row.ids, places)
        return embedded

    def _bias(self, row: _Row) -> Tensor:
        """Who sees whom: (N,N), or (B,1,N,N) where sources are padded."""
        number, size = row.ids.size(1), row.size
        sees = torch.ones(number, number, dtype=torch.bool, device=row.ids.device).tril_()
        if self.section.prefix == "visible":
            sees[:size, :size] = True
        if row.visible is not None:
            there = torch.cat([row.visible, row.visible.new_ones(len(row.ids), number - size)], 1)
            itself = torch.eye(number, dtype=torch.bool, device=sees.device)  # padding too, or it would be no number
            sees = (sees & there[:, None] | itself)[:, None]
        dtype = self.output.weight.dtype
        return torch.zeros(sees.shape, dtype=dtype, device=sees.device).masked_fill_(~sees, float("-inf"))


class _Row:
    """Sources without `</s>`, and targets behind them."""

    def __init__(self, src: Tensor, src_mask: Tensor | None, tgt: Tensor) -> None:
        self.visible = _visible(src_mask)  # (B,P); None: all are
        self.size = src.size(1) - 1  # P
        self.ids = torch.cat([src[:, :-1], tgt], 1)  # (B,N)
        self.real = self.ids != PADDING  # (B,N)

    def places(self) -> Tensor | None:
        """The position of each token, (B,N); None: from 0 on, as nothing is padded."""
        if self.visible is None:
            return None
        places = torch.arange(self.ids.size(1), device=self.ids.device)
        padding = self.size - self.visible.sum(1, keepdim=True)
        return torch.where(places < self.size, places, places - padding)


def _visible(src_mask: Tensor | None) -> Tensor | None:
    """Of the mask (B,S) of sources that end with `</s>`, that of their other tokens, (B,P)."""
    return None if src_mask is None else src_mask[:, 1:]
