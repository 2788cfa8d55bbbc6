"""The slot for a layer's feed-forward block, and the usual filling.

Shapes: D d_model, F d_ff; `…` is any number of dimensions before them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F

from nmt.model.dropout import dropout
from nmt.recipe import ModelSection

Function = Callable[[Tensor], Tensor]


class Slot(nn.Module, ABC):
    """What a layer makes of each position by itself: `slot(x)` of x (…,D) is a new tensor (…,D).

    Training calls it with (B,T,D) and with which positions are no padding, (B,T), if not all are; incremental decoding
    with (N,D). It tells what others would have to know of its
    inside; so another filling is another subclass, and no other code changes.
    """

    @abstractmethod
    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor: ...

    @abstractmethod
    def matrices(self) -> dict[str, int]:
        """The weights that Muon is for, by parameter name → how many linear maps of equal height each holds, one below
        another. All other parameters have AdamW.
        """

    @abstractmethod
    def kept_per_token(self) -> int:
        """How many numbers the backward pass needs of each position, besides x."""

    def dense(self) -> dict[str, str]:
        """Which parameters can begin as those of the usual block, one or several times one below another: name → name
        there.
        """
        return {}

    def function(self) -> Function:
        """`forward` for many calls with the weights as they are now; a filling may look them up once here. A step of
        incremental decoding is so short that Python's way through modules would cost more than the products.
        """
        return self.forward


class FeedForward(Slot):
    """Two projections around ReLU (Vaswani et al. 2017), GELU, or SwiGLU (Shazeer 2020), whose first is doubled; in
    training with dropout between them, if the recipe wants it.
    """

    def __init__(self, section: ModelSection) -> None:
        super().__init__()
        self.activation, self.dropout = section.activation, section.activation_dropout
        gated = section.activation == "swiglu"
        self.inner = nn.Linear(section.d_model, section.d_ff * (2 if gated else 1))
        self.outer = nn.Linear(section.d_ff, section.d_model)
        for linear in (self.inner, self.outer):
            nn.init.xavier_uniform_(linear.weight)

    def forward(self, x: Tensor, real: Tensor | None = None) -> Tensor:
        return self.function()(x)

    def function(self) -> Function:
        (a, b), (c, d) = ((linear.weight, linear.bias) for linear in (self.inner, self.outer))
        activation, p = ACTIVATIONS[self.activation], self.dropout if self.training else 0.0
        return lambda x: F.linear(dropout(activation(F.linear(x, a, b)), p), c, d)

    def matrices(self) -> dict[str, int]:
        return {"inner.weight": 2 if self.activation == "swiglu" else 1, "outer.weight": 1}

    def kept_per_token(self) -> int:
        return self.outer.in_features * kept_by(self.activation, self.dropout)


def swiglu(h: Tensor) -> Tensor:
    """SiLU(gate) · value for h (…,2F), the gate before the value; gives (…,F)."""
    gate, value = h.chunk(2, -1)
    return F.silu(gate) * value


def kept_by(activation: str, p: float) -> int:
    """How many numbers the backward pass needs of each element that the second projection gets, which is one of them:
    of ReLU its result; of GELU what it got; of SwiGLU both halves and SiLU's result; of dropout the mask.
    """
    # ReLU's result is what the projection gets, unless there is dropout between them.
    return {"relu": 2 if p else 1, "gelu": 2, "swiglu": 4}[activation] + (1 if p else 0)


ACTIVATIONS: dict[str, Function] = {"relu": F.relu, "gelu": F.gelu, "swiglu": swiglu}
