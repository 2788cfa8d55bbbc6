"""The kinds of model, and the one place that makes a model of its section."""

from __future__ import annotations

from torch import nn

from nmt.model.attention import CrossAttention, SelfAttention
from nmt.model.decoder_only import DecoderOnly
from nmt.model.encoder_only import EncoderOnly
from nmt.model.feed_forward import Slot
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection

Writer = Transformer | DecoderOnly  # what writes a target, token by token
Model = Writer | EncoderOnly


def build(section: ModelSection, src_vocab_size: int, tgt_vocab_size: int) -> Model:
    """A model with random weights."""
    match section.kind:
        case "encoder_decoder":
            return Transformer(section, src_vocab_size, tgt_vocab_size)
        case "encoder":
            return EncoderOnly(section, src_vocab_size)
        case "decoder":
            return DecoderOnly(section, tgt_vocab_size)


def dense_names(model: nn.Module) -> dict[str, str]:
    """Parameters of slots that can begin as those of the usual block, which are called so."""
    return {
        f"{name}.{own}": f"{name}.{dense}"
        for name, module in model.named_modules()
        if isinstance(module, Slot)
        for own, dense in module.dense().items()
    }


def matrix_blocks(model: nn.Module) -> dict[str, int]:
    """The layers' weight matrices, by parameter name → how many linear maps each holds, one below another."""
    return {
        f"{name}.{weight}": maps
        for name, module in model.named_modules()
        if isinstance(module, SelfAttention | CrossAttention | Slot)
        for weight, maps in module.matrices().items()
    }
