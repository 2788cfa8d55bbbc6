"""The Transformer encoder-decoder (Vaswani et al. 2017).

Shapes: B sentences, S source, T target positions, D d_model, H heads, K head width, V vocabulary.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from nmt.model.layers import DecoderLayer, Embedding, EncoderLayer, KeysValues
from nmt.recipe import ModelSection


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

    def _cross(self, memory: Tensor) -> list[KeysValues]:
        layers = cast("list[DecoderLayer]", self.decoder)
        return [layer.cross_attention.project_kv(memory) for layer in layers]

    def forward(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor, seen: list[Tensor] | None = None) -> Tensor:
        """Hidden states (B,T,D) of tgt_in (B,T), each of which sees itself and all before it. `output` of them gives
        logits, which the loss never holds all at once. Adds to `seen` what each layer sees of the source, (B,T,S).
        """
        dtype = self.output.weight.dtype
        bias, cross_bias = causal_bias(tgt_in.size(1), tgt_in.device, dtype), visibility_bias(src_mask, dtype)
        cross = self._cross(self.encode(src, src_mask))
        x = self.tgt_embedding(tgt_in)
        for layer, keys_values in zip(self.decoder, cross, strict=True):
            x = layer(x, bias, keys_values, cross_bias, seen)
        hidden: Tensor = self.decoder_norm(x)
        return hidden


def visibility_bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """mask (B,S), True = visible, to a bias (B,1,1,S)."""
    if mask is None:
        return None
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf"))[:, None, None]


def causal_bias(length: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(T,T): position t sees positions up to t."""
    return torch.full((length, length), float("-inf"), dtype=dtype, device=device).triu_(1)
