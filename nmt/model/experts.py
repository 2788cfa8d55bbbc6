"""Feed-forward blocks of which each token uses few: a mixture of experts as a filling of the slot.

Shapes: D d_model, F d_ff, N experts, n nodes, T real tokens, P pairs of a token and an expert.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.dropout import dropout
from nmt.model.feed_forward import ACTIVATIONS, Slot, kept_by
from nmt.model.grouped import grouped_linear
from nmt.model.load import Load, Loads
from nmt.model.routing import (
    Pairs,
    Routed,
    balance_loss,
    bias_term,
    expert_choice,
    one_level,
    two_levels,
    within_capacity,
    z_loss,
)
from nmt.model.terms import add_term
from nmt.recipe import ExpertsSection, ModelSection

# Of each token of x (T,D) the weighted sum of what its experts make of it, (T,D)
Sum = Callable[[Tensor, Pairs], Tensor]
# The same, where some of the experts are elsewhere: it is given the Sum of those that are here
Exchange = Callable[[Sum, Tensor, Pairs], Tensor]

BIAS_WEIGHT = 1e-3  # of the biases' gradient: AdamW makes steps of it that do not depend on it, and the norm of the
# whole gradient, which is clipped, hardly does


class Router(nn.Module):
    """Sends tokens to experts. Its products are of fp32, whatever the model computes with: a probability in bf16 has
    too few digits to choose by.
    """

    def __init__(self, section: ExpertsSection, d_model: int) -> None:
        super().__init__()
        self.section = section
        number, nodes = section.number, section.nodes
        inner = number // nodes
        two = section.routing == "two_level"
        sizes = [nodes, number if section.per_node else inner] if two else [number]
        self.maps = nn.ModuleList(nn.Linear(d_model, size, bias=False) for size in sizes)
        for weight in self.weights():
            nn.init.normal_(weight, std=0.1 * d_model**-0.5)  # nearly even at first (Fedus et al. 2021, 2.4)
        biased = section.balance == "bias"
        self.biases = nn.ParameterList(nn.Parameter(torch.zeros(size)) for size in sizes) if biased else None

    def weights(self) -> list[Tensor]:
        """Of each level's map, (n,D)."""
        return [cast("nn.Linear", linear).weight for linear in self.maps]

    def forward(self, x: Tensor, real: Tensor | None) -> Routed:
        """x (T,D) of real tokens; real (B,S) where they are of sentences."""
        section, logits = self.section, [F.linear(*in_full(x, weight)) for weight in self.weights()]
        biases = None if self.biases is None else [*in_full(*self.biases)]
        match section.routing:
            case "switch":
                return one_level(logits[0], biases[0] if biases else None)
            case "top2":
                return one_level(logits[0], biases[0] if biases else None, 2)
            case "group_limited":
                return one_level(
                    logits[0], biases[0] if biases else None, section.top_k, section.nodes, section.top_nodes
                )
            case "two_level":
                if section.per_node:
                    logits[1] = logits[1].view(len(x), section.nodes, section.number // section.nodes)
                    biases = biases and [biases[0], biases[1].view(section.nodes, -1)]
                return two_levels(logits[0], logits[1], biases)
            case "expert_choice":
                assert real is not None, "experts choose among the tokens of sentences"
                return expert_choice(logits[0], real, section.capacity)


class Experts(Slot):
    """N blocks as one matrix each for all inner and all outer projections, one expert below another."""

    load: Load | None = None  # where it is watched
    exchange: Exchange | None = None  # where other processes hold others of the experts

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        assert section.experts is not None, "the section has experts"
        self.section, self.activation = section.experts, section.activation
        self.dropout = section.activation_dropout
        self.gates = 2 if section.activation == "swiglu" else 1
        number, d, f = section.experts.number, section.d_model, section.d_ff
        self.d_ff, self.held = f, range(number)
        self.router = Router(section.experts, d)
        self.inner = nn.Parameter(torch.empty(number * self.gates * f, d))
        self.outer = nn.Parameter(torch.empty(number * d, f))
        self.inner_bias = nn.Parameter(torch.zeros(number * self.gates * f))
        self.outer_bias = nn.Parameter(torch.zeros(number * d))
        for stacked in (self.inner, self.outer):
            for block in stacked.data.chunk(number):
                nn.init.xavier_uniform_(block)

    def hold(self, which: range, exchange: Exchange) -> None:
        """From now on only these experts are here, and `exchange` brings tokens to all. The router stays whole."""
        for name in self.dense():
            whole: nn.Parameter = getattr(self, name)
            height = len(whole) // len(self.held)
            part = whole.detach()[(which.start - self.held.start) * height :][: len(which) * height]
            setattr(self, name, nn.Parameter(part.clone()))
        self.held, self.exchange = which, exchange

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        tokens = x.reshape(-1, x.size(-1)) if real is None else x[real]
        if real is None and self.section.routing == "expert_choice":
            real = torch.ones(x.shape[:-1], dtype=torch.bool, device=x.device)
        routed = self.router(tokens, real)
        chosen = routed
        if torch.is_grad_enabled():
            tokens = self._with_terms(tokens, routed)
            if self.training and self.section.capacity and self.section.routing != "expert_choice":
                nodes = self.section.nodes if self.section.routing == "two_level" else 1
                routed = within_capacity(routed, self.section.capacity, nodes)
        if self.load is not None:
            self.load.add(chosen, routed.lost)
        pairs = routed.pairs
        y = self._sum(tokens, pairs) if self.exchange is None else self.exchange(self._sum, tokens, pairs)
        if len(y) == x[..., 0].numel():
            return y.view_as(x)
        assert real is not None, "only padding is no token"
        return torch.zeros_like(x).masked_scatter(real[..., None], y)  # padding has nothing but its residual

    def _with_terms(self, x: Tensor, routed: Routed) -> Tensor:
        """x (T,D) as it is, with what balances the routers added to the loss."""
        section = self.section
        for i, level in enumerate(routed.levels):
            if self.router.biases is not None:
                bias = self.router.biases[i].view(level.counts.shape)
                x = add_term(x, None, bias_term(level, bias), BIAS_WEIGHT)
            elif section.balance != "bias":
                weight = section.balance.intra if i else section.balance.inter
                x = add_term(x, "balance", balance_loss(level), weight) if weight else x
            if section.z_loss:
                x = add_term(x, "router z", z_loss(level), section.z_loss)
        return x

    def _sum(self, x: Tensor, pairs: Pairs) -> Tensor:
        """A Sum, of the experts that are here."""
        order = pairs.expert.argsort(stable=True)
        token, weight = pairs.token[order], pairs.weight[order].to(x.dtype)
        sizes = torch.bincount(pairs.expert - self.held.start, minlength=len(self.held)).tolist()
        h = grouped_linear(x.index_select(0, token), sizes, self.inner, self.inner_bias)
        inner = dropout(ACTIVATIONS[self.activation](h), self.dropout if self.training else 0.0)
        made = grouped_linear(inner, sizes, self.outer, self.outer_bias)
        return torch.zeros_like(x).index_add(0, token, made * weight[:, None])

    def matrices(self) -> dict[str, int]:
        return {"inner": len(self.held) * self.gates, "outer": len(self.held)}

    def dense(self) -> dict[str, str]:
        """Each expert as the block of a run without experts (sparse upcycling, Komatsuzaki et al. 2022)."""
        return {
            "inner": "inner.weight",
            "outer": "outer.weight",
            "inner_bias": "inner.bias",
            "outer_bias": "outer.bias",
        }

    def kept_per_token(self) -> int:
        """About: of each pair its row of x, what the block keeps, its result before and after the weight; and the
        routers' logits and probabilities.
        """
        d, each = self.outer.size(0) // len(self.held), kept_by(self.activation, self.dropout)
        pairs = self.section.per_token
        return round(pairs * (self.d_ff * each + 3 * d)) + 3 * sum(len(weight) for weight in self.router.weights())


def in_full(*tensors: Tensor) -> list[Tensor]:
    """In fp32 where they have fewer digits."""
    return [t if t.dtype == torch.float64 else t.float() for t in tensors]


@contextmanager
def watched(*models: nn.Module) -> Iterator[list[Loads]]:
    """What the routers of each model do within."""
    experts = [{n: m for n, m in model.named_modules() if isinstance(m, Experts)} for model in models]
    loads = [{name.split("_orig_mod.")[-1].removesuffix(".feed_forward"): Load() for name in of} for of in experts]
    for of, its in zip(experts, loads, strict=True):
        for module, load in zip(of.values(), its.values(), strict=True):
            module.load = load
    try:
        yield loads
    finally:
        for module in (module for of in experts for module in of.values()):
            module.load = None
