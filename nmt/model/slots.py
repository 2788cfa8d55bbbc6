"""Which filling a layer's slot has."""

from __future__ import annotations

from typing import Literal

from nmt.model.experts import Experts
from nmt.model.feed_forward import FeedForward, Slot
from nmt.recipe import ModelSection


def fill(section: ModelSection, stack: Literal["encoder", "decoder"], layer: int) -> Slot:
    """Of a stack's layer, counted from 0, with random weights."""
    experts = section.experts
    return Experts(section) if experts is not None and experts.has(stack, layer) else FeedForward(section)
