"""The Transformer encoder-decoder (Vaswani et al. 2017).

Shapes: B sentences, S source, T target positions, D d_model, L decoder layers, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nmt.model.attention import visibility_bias
from nmt.model.decoder import Decoder, DecoderLayer
from nmt.model.decoder_state import DecoderState, LayerState
from nmt.model.embedding import PADDING, Embedding
from nmt.model.encoder import Encoder, EncoderLayer
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
        self.encoder = Encoder(EncoderLayer(section, i) for i in range(section.num_encoder_layers))
        self.decoder = Decoder(DecoderLayer(section, i) for i in range(section.num_decoder_layers))
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

    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each pair of a source and a target position, about."""
        layers = [layer.kept_per_token() for layer in self.encoder] + [layer.kept_per_token() for layer in self.decoder]
        return sum(layers) + 6 * self.section.d_model  # embeddings, last norms, what the loss gets and gives back

    def encode(self, src: Tensor, src_mask: Tensor | None) -> Tensor:
        """src (B,S) and its mask (B,S; True = visible, None: all are) to memory (B,S,D)."""
        bias = visibility_bias(src_mask, self.output.weight.dtype)
        memory: Tensor = self.encoder_norm(self.encoder(self.src_embedding(src), bias, src_mask))
        return memory

    def begin(self, memory: Tensor, src_mask: Tensor | None) -> DecoderState:
        """The state before the first target token; memory (B,S,D) and src_mask (B,S) as the encoder has them."""
        bias = visibility_bias(src_mask, memory.dtype)
        if bias is not None:
            bias = bias.expand(-1, self.section.num_heads, -1, -1).contiguous()
        keys_values = [torch.stack(layer.cross_attention.project_kv(memory)) for layer in self.decoder]
        pairs = zip(self.decoder, keys_values, strict=True)
        return DecoderState([LayerState(layer, cross, cross[:, :, :, :0]) for layer, cross in pairs], bias)

    def forward(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor) -> Tensor:
        """Hidden states (B,T,D) of tgt_in (B,T), each of which sees itself and all before it. `output` of them gives
        logits, which the loss never holds all at once.
        """
        memory, bias = self.encode(src, src_mask), visibility_bias(src_mask, self.output.weight.dtype)
        hidden: Tensor = self.decoder_norm(self.decoder(self.tgt_embedding(tgt_in), memory, bias, tgt_in != PADDING))
        return hidden

    def with_attention(self, src: Tensor, src_mask: Tensor | None, tgt_in: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` gives, and what each layer of the decoder attends to in the source: the mean over heads,
        (L,B,T,S).
        """
        memory, bias = self.encode(src, src_mask), visibility_bias(src_mask, self.output.weight.dtype)
        x, attention = self.decoder.with_attention(self.tgt_embedding(tgt_in), memory, bias, tgt_in != PADDING)
        return self.decoder_norm(x), attention
