"""An encoder alone: which piece stands behind a mask, and whether two texts belong together (Devlin et al. 2019).

Shapes: B examples, S positions, D d_model, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from nmt.model.attention import visibility_bias
from nmt.model.embedding import Embedding
from nmt.model.encoder import Encoder, EncoderLayer
from nmt.model.initial import begin_alone
from nmt.recipe import ModelSection


class EncoderOnly(nn.Module):
    """Ids to hidden states; `output` of these gives logits of the pieces. Its parameters are called as those of the
    Transformer, whose encoder may begin with them. What is for pairs alone is always there, and stays random where no
    pairs are learned.
    """

    def __init__(self, section: ModelSection, vocab_size: int) -> None:
        super().__init__()
        self.section = section
        d = section.d_model
        tokens = nn.Embedding(vocab_size, d)
        self.src_embedding = Embedding(section, tokens)
        self.segments = nn.Embedding(2, d)  # of the first text, and of the second
        self.encoder = Encoder(EncoderLayer(section, i) for i in range(section.num_encoder_layers))
        self.encoder_norm = nn.LayerNorm(d) if section.norm == "pre" else nn.Identity()
        self.output = nn.Linear(d, vocab_size)
        self.pooler = nn.Linear(d, d)
        self.belongs = nn.Linear(d, 2)
        begin_alone(self, (tokens.weight, self.segments.weight, self.output.weight), d)
        if section.tie_embeddings != "none":
            self.output.weight = tokens.weight

    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each position, about."""
        return sum(layer.kept_per_token() for layer in self.encoder) + 6 * self.section.d_model

    def encode(self, src: Tensor, src_mask: Tensor | None) -> Tensor:
        """src (B,S) and its mask (B,S; True = visible, None: all are) to hidden states (B,S,D)."""
        return self._hidden(self.src_embedding(src), src_mask)

    def forward(self, src: Tensor, src_mask: Tensor | None, segments: Tensor | None) -> Tensor:
        """As `encode`, where positions belong to the first (0) or the second (1) of two texts: segments (B,S)."""
        x = self.src_embedding(src)
        if segments is not None:
            x = torch.add(x, self.segments(segments), alpha=self.src_embedding.scale)  # as large as pieces are
        return self._hidden(x, src_mask)

    def pair_logits(self, hidden: Tensor) -> Tensor:
        """Of hidden states (B,S,D) that the two texts are strangers, and that they belong together: (B,2)."""
        logits: Tensor = self.belongs(torch.tanh(self.pooler(hidden[:, 0])))
        return logits

    def _hidden(self, x: Tensor, src_mask: Tensor | None) -> Tensor:
        bias = visibility_bias(src_mask, self.output.weight.dtype)
        hidden: Tensor = self.encoder_norm(self.encoder(x, bias, src_mask))
        return hidden
