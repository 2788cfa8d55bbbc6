"""The Transformer encoder-decoder (Vaswani et al. 2017), and the state of a decoder between steps.

Shapes: B sentences, S source, T target positions, D d_model, H heads, K head width, V vocabulary,
N hypotheses: the same number for each sentence, a sentence's own next to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from nmt.model.layers import DecoderLayer, Embedding, EncoderLayer, KeysValues
from nmt.recipe import ModelSection


@dataclass
class DecoderState:
    """What decoding needs to go on: keys and values of the memory per sentence, of the past per hypothesis."""

    cross: list[KeysValues]  # per layer, (B,H,S,K)
    cross_bias: Tensor | None  # (B,1,1,S)
    past: list[KeysValues | None]  # per layer, (N,H,T,K)
    length: int = 0  # T: positions decoded so far

    def select(self, rows: Tensor, sentences: Tensor | None = None) -> None:
        """Keep the hypotheses `rows` (N',), in that order, and the sentences `sentences` (B',; None: all)."""
        self.past = [kv and (kv[0].index_select(0, rows), kv[1].index_select(0, rows)) for kv in self.past]
        if sentences is not None:
            self.cross = [(k.index_select(0, sentences), v.index_select(0, sentences)) for k, v in self.cross]
            if self.cross_bias is not None:
                self.cross_bias = self.cross_bias.index_select(0, sentences)


class Transformer(nn.Module):
    """Ids to hidden states and logits. Knows no text, no files, no other processes."""

    def __init__(self, section: ModelSection, src_vocab_size: int, tgt_vocab_size: int) -> None:
        super().__init__()
        self.section = section
        d = section.d_model
        tgt_tokens = nn.Embedding(tgt_vocab_size, d)
        src_tokens = tgt_tokens if section.tie_embeddings == "all" else nn.Embedding(src_vocab_size, d)
        for tokens in (src_tokens, tgt_tokens):
            nn.init.normal_(tokens.weight, std=d**-0.5)
        self.src_embedding = Embedding(section, src_tokens)
        self.tgt_embedding = Embedding(section, tgt_tokens)
        self.encoder = nn.ModuleList(EncoderLayer(section) for _ in range(section.num_encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(section) for _ in range(section.num_decoder_layers))
        # Pre-norm leaves the sum of the residuals unnormalised (Wang et al. 2019, section 2.2).
        self.encoder_norm = nn.LayerNorm(d) if section.norm == "pre" else nn.Identity()
        self.decoder_norm = nn.LayerNorm(d) if section.norm == "pre" else nn.Identity()
        self.output = nn.Linear(d, tgt_vocab_size)
        nn.init.zeros_(self.output.bias)
        if section.tie_embeddings == "none":
            nn.init.normal_(self.output.weight, std=d**-0.5)
        else:
            self.output.weight = tgt_tokens.weight
        for module in self.modules():
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)

    def matrix_blocks(self) -> dict[str, int]:
        """The layers' weight matrices, by parameter name → how many linear maps each holds, one below another."""
        fused = {"qkv": 3, "kv": 2, "inner": 2 if self.section.activation == "swiglu" else 1}
        return {
            f"{name}.weight": fused.get(name.rpartition(".")[2], 1)
            for name, module in self.named_modules()
            if isinstance(module, nn.Linear) and module is not self.output
        }

    def encode(self, src: Tensor, src_mask: Tensor | None) -> Tensor:
        """src (B,S) and its mask (B,S; True = visible, None: all are) to memory (B,S,D)."""
        bias = visibility_bias(src_mask, self.output.weight.dtype)
        x = self.src_embedding(src)
        for layer in self.encoder:
            x = layer(x, bias)
        memory: Tensor = self.encoder_norm(x)
        return memory

    def start(self, memory: Tensor, src_mask: Tensor | None) -> DecoderState:
        """A decoder's state before the first target token."""
        layers = cast("list[DecoderLayer]", self.decoder)
        cross = [layer.cross_attention.project_kv(memory) for layer in layers]
        return DecoderState(cross, visibility_bias(src_mask, self.output.weight.dtype), [None] * len(layers))

    def decode(self, tgt_in: Tensor, state: DecoderState) -> Tensor:
        """The next T tokens of each hypothesis, (N,T), to hidden states (N,T,D); each sees itself and all before it.

        Training gives all of tgt_in at once to a fresh state, decoding one token after another. `state` moves on by T.
        """
        length = tgt_in.size(1)
        if length > 1 and state.length:
            raise ValueError("several tokens at once need a fresh state")
        bias = causal_bias(length, tgt_in.device, self.output.weight.dtype) if length > 1 else None
        x = self.tgt_embedding(tgt_in, state.length)
        for i, layer in enumerate(self.decoder):
            x, state.past[i] = layer(x, bias, state.past[i], state.cross[i], state.cross_bias)
        state.length += length
        hidden: Tensor = self.decoder_norm(x)
        return hidden

    def step(self, last: Tensor, state: DecoderState) -> Tensor:
        """One more token of each hypothesis, last (N,), to the logits (N,V) of the one after it."""
        logits: Tensor = self.output(self.decode(last[:, None], state)[:, 0])
        return logits

    def forward(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor) -> Tensor:
        """Hidden states (B,T,D) of tgt_in; `output` of them gives logits, which the loss never holds all at once."""
        return self.decode(tgt_in, self.start(self.encode(src, src_mask), src_mask))


def visibility_bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """mask (B,S), True = visible, to a bias (B,1,1,S)."""
    if mask is None:
        return None
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf"))[:, None, None]


def causal_bias(length: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(T,T): position t sees positions up to t."""
    return torch.full((length, length), float("-inf"), dtype=dtype, device=device).triu_(1)
