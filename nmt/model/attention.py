"""Multi-head attention (Vaswani et al. 2017, section 3.2).

Shapes: B sentences, T queries, S keys, D d_model, H heads, K head width (D = H * K).

A bias is added to the scores of queries and keys: 0 where a key is visible, -inf where it is not. It broadcasts to
(B,H,T,S).
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.dropout import dropout as drop
from nmt.model.rotary import Rotary, turn
from nmt.recipe import ModelSection

# "causal": position t sees positions up to t; a kernel that is told so is faster than one that gets a bias.
Bias = Tensor | Literal["causal"] | None


def attention(q: Tensor, k: Tensor, v: Tensor, bias: Bias, dropout: float = 0.0) -> Tensor:
    """softmax(q kᵀ / √K + bias) v for q (B,H,T,K), k and v (B,H,S,K); gives (B,H,T,K).

    On the CPU two batched products and a softmax beat the fused kernel for sentences, above all in the backward pass;
    elsewhere it wins.
    """
    if q.device.type != "cpu" or isinstance(bias, str):
        return fused(q, k, v, bias, dropout)
    return drop(attention_weights(q, k, bias), dropout) @ v


def fused(q: Tensor, k: Tensor, v: Tensor, bias: Bias, dropout: float = 0.0) -> Tensor:
    """The same by torch's kernels."""
    if isinstance(bias, str):
        return F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, dropout_p=dropout)


def attention_weights(q: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
    """softmax(q kᵀ / √K + bias) for q (B,H,T,K) and k (B,H,S,K); gives (B,H,T,S)."""
    scores = (q * (1 / math.sqrt(q.size(-1)))) @ k.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    return scores.softmax(-1)


def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """x (B,T,D) to (B,H,T,K)."""
    return x.view(*x.shape[:-1], num_heads, -1).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """x (B,H,T,K) to (B,T,D)."""
    return x.transpose(1, 2).flatten(2)


class SelfAttention(nn.Module):
    """Queries, keys and values of one sequence, by one fused projection. `number` is the layer's place in its stack,
    from 0, which decides whether they are rotary.
    """

    def __init__(self, section: ModelSection, number: int) -> None:
        super().__init__()
        d_model, self.num_heads, self.dropout = section.d_model, section.num_heads, section.attention_dropout
        first = section.first_rotary
        self.rotary = Rotary(d_model // self.num_heads) if first is not None and number >= first else None
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.out = nn.Linear(d_model, d_model)
        nn.init.xavier_uniform_(self.qkv.weight, gain=1 / math.sqrt(2))  # as if q, k and v were initialised alone

    def project(self, x: Tensor, positions: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """x (B,T,D), at positions (B,T), None: from 0 on, to q, k, v, each (B,H,T,K)."""
        width = x.size(2) // self.num_heads
        qkv = self.qkv(x).view(*x.shape[:2], 3, self.num_heads, width).permute(2, 0, 3, 1, 4)
        if self.rotary is None:
            q, k, v = qkv.unbind(0)
            return q, k, v
        angles = self.rotary.first(x.size(1), x) if positions is None else self.rotary.at(positions, x)[:, :, None]
        q, k = turn(qkv[:2], angles).unbind(0)
        return q, k, qkv[2]

    def forward(self, q: Tensor, k: Tensor, v: Tensor, bias: Bias) -> Tensor:
        """What `project` gave, with S = T, to (B,T,D)."""
        out: Tensor = self.out(merge_heads(attention(q, k, v, bias, self.dropout if self.training else 0.0)))
        return out

    def matrices(self) -> dict[str, int]:
        """Weights by parameter name → how many linear maps each holds, one below another."""
        return {"qkv.weight": 3, "out.weight": 1}


class CrossAttention(nn.Module):
    """Queries of the target, keys and values of the encoder's memory."""

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        d_model, self.num_heads, self.dropout = section.d_model, section.num_heads, section.attention_dropout
        self.q = nn.Linear(d_model, d_model)
        self.kv = nn.Linear(d_model, 2 * d_model)
        self.out = nn.Linear(d_model, d_model)
        nn.init.xavier_uniform_(self.kv.weight, gain=1 / math.sqrt(2))

    def project_kv(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """memory (B,S,D) to k, v, each (B,H,S,K)."""
        k, v = self.kv(memory).view(*memory.shape[:2], 2, self.num_heads, -1).permute(2, 0, 3, 1, 4).unbind(0)
        return k, v

    def forward(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor | None) -> Tensor:
        """x (B,T,D), and what `project_kv` gave, to (B,T,D)."""
        q = split_heads(self.q(x), self.num_heads)
        out: Tensor = self.out(merge_heads(attention(q, k, v, bias, self.dropout if self.training else 0.0)))
        return out

    def weights(self, x: Tensor, k: Tensor, bias: Tensor | None) -> Tensor:
        """What `forward` attends to, the mean over heads, (B,T,S)."""
        return attention_weights(split_heads(self.q(x), self.num_heads), k, bias).mean(1)

    def matrices(self) -> dict[str, int]:
        """Weights by parameter name → how many linear maps each holds, one below another."""
        return {"q.weight": 1, "kv.weight": 2, "out.weight": 1}


def visibility_bias(mask: Tensor | None, dtype: torch.dtype) -> Tensor | None:
    """mask (B,S), True = visible, to a bias (B,1,1,S)."""
    if mask is None:
        return None
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, float("-inf"))[:, None, None]


def causal_bias(x: Tensor) -> Bias:
    """For x (B,T,D), each position of which sees itself and all before it: (T,T) where `attention` adds it up."""
    if x.device.type != "cpu":
        return "causal"
    return x.new_full((x.size(1), x.size(1)), float("-inf")).triu_(1)
