"""Write a run as a model of CTranslate2.

The folder has what its own tools load (model.bin, vocabularies, config.json) and the SentencePiece models beside it:
tokenizer.src.model cuts source lines (and normalises them), tokenizer.tgt.model puts translations together; of older
runs, and where nothing is normalised, tokenizer.model does both.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from nmt.decode.ct2 import FOLDER, ORIGIN, POSITIONS, CTranslate2Engine, import_ctranslate2
from nmt.decode.translator import Translator
from nmt.errors import RunError
from nmt.files import describe_file, staging
from nmt.model.decoder import DecoderLayer
from nmt.model.embedding import Embedding, sinusoids
from nmt.model.encoder import EncoderLayer
from nmt.model.feed_forward import FeedForward
from nmt.model.transformer import Transformer
from nmt.run.abilities import check_exports
from nmt.run.folder import load_run_recipe
from nmt.run.load import load_translator_model
from nmt.run.manifest import run_manifest
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.tokenizer import SEEN_FILE, SHARED_FILE, SRC_FILE, TGT_FILE

if TYPE_CHECKING:
    from torch import Tensor, nn

_FILES = (
    "model.bin", "config.json", "shared_vocabulary.json", "source_vocabulary.json", "target_vocabulary.json",
    SHARED_FILE, SRC_FILE, TGT_FILE, SEEN_FILE, ORIGIN,
)  # fmt: skip
SAMPLES = 100  # lines that an export is tried with


@dataclass(frozen=True)
class Exported:
    """Of `samples` lines, so many are translated the same by both engines; 0 samples: there was no text."""

    folder: Path
    samples: int
    same: int


def export_run(run: Path, checkpoint: str, quantization: str | None) -> Exported:
    """Write a run's model to `ctranslate2` in its folder, and translate samples with both engines."""
    check_exports(run, load_run_recipe(run))
    model, tokenizer, recipe, found = load_translator_model(run, checkpoint, "cpu", torch.float32)
    assert isinstance(model, Transformer), "no other kind is exported"
    origin = {"checkpoint": found.path.name, "sha256": found.sha256["model.safetensors"]}
    export(model, tokenizer, run / FOLDER, quantization, origin)
    valid = recipe.prepared_dir / run_manifest(run).text_of("valid", "src")
    if not valid.exists():
        return Exported(run / FOLDER, 0, 0)
    lines = valid.read_bytes().decode().split("\n")[:-1][:SAMPLES]
    # What both can do
    plain = {"coverage_penalty": 0.0, "min_len_ratio": 0.0, "diverse_groups": 1, "sampling": False, "mbr": "none"}
    decode = recipe.decode.changed(plain)
    ours = Translator.of_models([model], tokenizer, decode)
    engine = CTranslate2Engine(run / FOLDER, tokenizer, "cpu", model.section.position_limit)
    theirs = Translator(engine, tokenizer, decode)
    pairs = zip(ours.translate(lines), theirs.translate(lines), strict=True)
    return Exported(run / FOLDER, len(lines), sum(a.text == b.text for a, b in pairs))


def export(
    model: Transformer, tokenizer: Tokenizer, folder: Path, quantization: str | None, origin: dict[str, str]
) -> None:
    """Write the model; an export in `folder` is replaced when all is written, anything else is not: RunError. `origin`
    tells which weights it has.
    """
    ct2 = import_ctranslate2()
    spec = _spec(ct2, model)
    spec.register_source_vocabulary(tokenizer.vocabulary("src"))
    spec.register_target_vocabulary(tokenizer.vocabulary("tgt"))
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = spec.config.bos_token
    with staging(folder, _FILES if (folder / ORIGIN).exists() else ()) as new:
        spec.validate()
        spec.optimize(quantization=quantization)
        spec.save(str(new))
        tokenizer.save(new)
        files = {path.name: describe_file(path).sha256 for path in sorted(new.iterdir())}
        (new / ORIGIN).write_text(json.dumps(origin | {"files": files}), encoding="utf-8")


def _spec(ct2: Any, model: Transformer) -> Any:
    section = model.section
    kinds = ct2.specs.common_spec.Activation
    spec = ct2.specs.TransformerSpec.from_config(
        (section.num_encoder_layers, section.num_decoder_layers), section.num_heads, pre_norm=section.norm == "pre",
        activation={"relu": kinds.RELU, "gelu": kinds.GELU, "swiglu": kinds.SWISH}[section.activation],
        ffn_glu=section.activation == "swiglu",
    )  # fmt: skip
    _embedding(spec.encoder, spec.encoder.embeddings[0], model.src_embedding)
    _embedding(spec.decoder, spec.decoder.embeddings, model.tgt_embedding)
    if section.norm == "pre":
        _norm(spec.encoder.layer_norm, model.encoder_norm)
        _norm(spec.decoder.layer_norm, model.decoder_norm)
    for to, layer in zip([*spec.encoder.layer, *spec.decoder.layer], [*model.encoder, *model.decoder], strict=True):
        _layer(to, layer)
    _linear(spec.decoder.projection, model.output)
    return spec


def _layer(to: Any, layer: EncoderLayer | DecoderLayer) -> None:
    _norm(to.self_attention.layer_norm, layer.self_residual.norm)
    _linear(to.self_attention.linear[0], layer.self_attention.qkv)
    _linear(to.self_attention.linear[1], layer.self_attention.out)
    if isinstance(layer, DecoderLayer):
        _norm(to.attention.layer_norm, layer.cross_residual.norm)
        for i, linear in enumerate((layer.cross_attention.q, layer.cross_attention.kv, layer.cross_attention.out)):
            _linear(to.attention.linear[i], linear)
    _norm(to.ffn.layer_norm, layer.ff_residual.norm)
    slot = layer.feed_forward
    if not isinstance(slot, FeedForward):
        raise RunError(
            f"CTranslate2 has no counterpart of this model's feed-forward blocks ({type(slot).__name__}).",
            "Translate with our own engine: nmt translate without `--engine ctranslate2`",
        )
    inner = slot.inner
    if slot.activation == "swiglu":
        halves = zip(inner.weight.chunk(2), inner.bias.chunk(2), strict=True)
        for part, (weight, bias) in zip((to.ffn.linear_0, to.ffn.linear_0_noact), halves, strict=True):
            part.weight, part.bias = _array(weight), _array(bias)
    else:
        _linear(to.ffn.linear_0, inner)
    _linear(to.ffn.linear_1, slot.outer)


def _embedding(part: Any, to: Any, embedding: Embedding) -> None:
    to.weight = _array(embedding.tokens.weight)
    learned = embedding.positions
    size = embedding.tokens.embedding_dim
    part.position_encodings.encodings = _array(learned.weight if learned is not None else sinusoids(POSITIONS, size))


def _linear(to: Any, linear: nn.Linear) -> None:
    to.weight, to.bias = _array(linear.weight), _array(linear.bias)


def _norm(to: Any, norm: nn.Module) -> None:
    to.gamma, to.beta = _array(cast("Tensor", norm.weight)), _array(cast("Tensor", norm.bias))


def _array(tensor: Tensor) -> Any:
    return tensor.detach().float().cpu().numpy().copy()  # quantizing changes it in place
