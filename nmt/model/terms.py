"""Terms that a layer adds to the loss, such as a router's balance, without a return value of their own.

A layer hands its output through `add_term`, which gives it back as it is. On the way back through it the term receives
the gradient that it would have as a part of the loss. Neither the layers above nor the loss know of it.

The loss is a sum over positions that is divided once, by the target tokens of a whole update. So a term must be a sum
over positions too: its mean over the batch times how many there are. Then an update's gradient is the same however it
was cut into micro-batches, replicas and ranks. What is no sum over positions (a balance is a product of two means) is
worked out for each micro-batch and weighs by its positions: it comes close to that of the whole update, and equals it
only where all micro-batches are alike. In the encoder positions are of the source: a mean of 1 counts there as source
tokens / target tokens.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

Terms = dict[str, Tensor]  # name → (), the sum over layers


class _Own(threading.local):
    terms: Terms | None = None  # of the micro-batch that this thread is at


_own = _Own()


@contextmanager
def collected_terms() -> Iterator[Terms]:
    """What the terms come to whose gradient is worked out for this thread's forward passes within; without weights. It
    is filled by the backward pass: what has no gradient is not there, and what runs twice counts twice.
    """
    before, _own.terms = _own.terms, {}
    try:
        yield _own.terms
    finally:
        _own.terms = before


def add_term(x: Tensor, name: str | None, term: Tensor, weight: float) -> Tensor:
    """x, with `weight` times the scalar `term` added to the loss that is made of it, and reported as `name`, if it has
    one. Several layers may use one name. Where no gradients are wanted it does nothing.
    """
    if not torch.is_grad_enabled():
        return x
    out: Tensor = _Term.apply(x, term, name, weight)  # type: ignore[no-untyped-call]
    return out


class _Term(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, term: Tensor, name: str | None, weight: float) -> Tensor:
        ctx.save_for_backward(term)
        # The backward pass may run in another thread: which micro-batch this is, is known here.
        ctx.name, ctx.weight, ctx.terms = name, weight, _own.terms
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor | None, ...]:
        (term,) = ctx.saved_tensors
        if ctx.terms is not None and ctx.name is not None:
            value = term.detach().float()
            ctx.terms[ctx.name] = ctx.terms[ctx.name] + value if ctx.name in ctx.terms else value
        return upstream, torch.full_like(term, ctx.weight), None, None
