"""Write a run as a model of CTranslate2.

The folder has what its own tools load (model.bin, vocabularies, config.json) and the SentencePiece models beside it:
tokenizer.src.model cuts source lines (and normalises them), tokenizer.tgt.model puts translations together; of older
runs, and where nothing is normalised, tokenizer.model does both.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nmt.decode.assembly import Translation
from nmt.decode.ct2 import CTranslate2Engine, import_ctranslate2
from nmt.decode.exported import FLOAT32, FOLDER, INT8, ORIGIN, POSITIONS, Compared, Origin
from nmt.decode.translator import Translator, domain_of
from nmt.decode.trial import ValidText, best_layer, plain, valid_text
from nmt.errors import RunError
from nmt.files import describe_file, staging, write_atomically
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
from nmt.tokenizer.tokenizer import FIELDS_FILE, SEEN_FILE, SHARED_FILE, SRC_FILE, TGT_FILE

if TYPE_CHECKING:
    from torch import Tensor, nn

_FILES = (
    "model.bin", "config.json", "shared_vocabulary.json", "source_vocabulary.json", "target_vocabulary.json",
    SHARED_FILE, SRC_FILE, TGT_FILE, SEEN_FILE, FIELDS_FILE, ORIGIN,
)  # fmt: skip


def export_run(run: Path, checkpoint: str = "best", quantization: str | None = None) -> tuple[Path, Compared | None]:
    """Write a run's model to `ctranslate2` in its folder, and translate validation text with both engines. Gives the
    folder, and how they compare; None: there was no text.
    """
    check_exports(run, load_run_recipe(run))
    model, tokenizer, recipe, found = load_translator_model(run, checkpoint, "cpu", "fp32")
    assert isinstance(model, Transformer), "no other kind is exported"
    ours = Translator.of_models([model], tokenizer, plain(recipe.decode), domain_of(recipe, run_manifest(run)))
    text = valid_text(run, recipe)
    expected = ours.translate(text.src) if text else []
    origin = Origin(
        checkpoint=found.path.name, sha256=found.sha256["model.safetensors"],
        aligned=best_layer(model, ours, text.samples(text.src), text.samples(expected)) if text else None,
    )  # fmt: skip
    told = recipe.data.tagging in ("target", "both")
    origin = export(model, tokenizer, run / FOLDER, quantization, origin, told=told)
    if text is None:
        return run / FOLDER, None
    compared = _compare(run / FOLDER, ours, text, expected, quantization)
    origin = origin.model_copy(update={"compared": compared})
    write_atomically(run / FOLDER / ORIGIN, _json(origin))
    return run / FOLDER, compared


def _compare(
    folder: Path, ours: Translator, text: ValidText, expected: Sequence[Translation], quantization: str | None
) -> Compared:
    bleu, alike = {"nmt": text.bleu(expected)}, list[bool]()
    for compute in [quantization] if quantization else [INT8, FLOAT32]:
        engine = CTranslate2Engine(folder, ours.tokenizer, "cpu", ours.engine.max_positions, compute)
        found = Translator(engine, ours.tokenizer, ours.decode, ours.domain).translate(text.src)
        bleu[compute] = text.bleu(found)
        samples = zip(text.samples(found), text.samples(expected), strict=True)
        alike = [a.text == b.text for a, b in samples]
    return Compared(lines=len(alike), same=sum(alike), sentences=len(text.src), bleu=bleu)


def export(
    model: Transformer,
    tokenizer: Tokenizer,
    folder: Path,
    quantization: str | None = None,
    origin: Origin | None = None,
    *,
    told: bool = False,
) -> Origin:
    """Write the model; an export in `folder` is replaced when all is written, anything else is not: RunError. `origin`
    tells which weights it has; gives what was written of it. `told`: decoding begins with a tag, not with `<s>`, and
    whoever translates gives it, before all else of a translation.
    """
    ct2, origin = import_ctranslate2(), origin or Origin()
    spec = _spec(ct2, model)
    if origin.aligned:
        spec.decoder.alignment_layer = _int16(origin.aligned.layer)
    spec.decoder.alignment_heads = _int16(0)  # all of them
    spec.register_source_vocabulary(tokenizer.vocabulary("src"))
    spec.register_target_vocabulary(tokenizer.vocabulary("tgt"))
    spec.config.add_source_eos = True
    spec.config.decoder_start_token = None if told else spec.config.bos_token
    with staging(folder, _FILES if (folder / ORIGIN).exists() else ()) as new:
        spec.validate()
        spec.optimize(quantization=quantization)
        spec.save(str(new))
        tokenizer.save(new)
        files = {path.name: describe_file(path).sha256 for path in sorted(new.iterdir())}
        origin = origin.model_copy(update={"stored": quantization or FLOAT32, "files": files})
        (new / ORIGIN).write_bytes(_json(origin))
    return origin


def _json(origin: Origin) -> bytes:
    return origin.model_dump_json(indent=1, exclude_none=True).encode() + b"\n"


def _spec(ct2: Any, model: Transformer) -> Any:
    section = model.section
    kinds, of = ct2.specs.common_spec.Activation, ct2.specs.transformer_spec
    shape = {
        "num_heads": section.num_heads,
        "pre_norm": section.norm == "pre",
        "activation": {"relu": kinds.RELU, "gelu": kinds.GELU, "swiglu": kinds.SWISH}[section.activation],
        "ffn_glu": section.activation == "swiglu",
    }
    spec = ct2.specs.TransformerSpec(
        of.TransformerEncoderSpec(section.num_encoder_layers, **shape),
        of.TransformerDecoderSpec(section.num_decoder_layers, **shape),
    )
    _embedding(spec.encoder, spec.encoder.embeddings[0], model.src_embedding)
    _embedding(spec.decoder, spec.decoder.embeddings, model.tgt_embedding)
    if section.norm == "pre":
        _norm(spec.encoder.layer_norm, model.encoder_norm)
        _norm(spec.decoder.layer_norm, model.decoder_norm)
    attention = ct2.specs.attention_spec.MultiHeadAttentionSpec
    for to, layer in zip([*spec.encoder.layer, *spec.decoder.layer], [*model.encoder, *model.decoder], strict=True):
        rotary = layer.self_attention.rotary
        if rotary is not None:  # CTranslate2 adds positions to embeddings too if the first layer's attention has none
            to.self_attention = attention(self_attention=True, rotary_dim=rotary.width, rotary_interleave=False)
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
    if not embedding.absolute:
        return
    learned = embedding.positions
    size = embedding.tokens.embedding_dim
    part.position_encodings.encodings = _array(learned.weight if learned is not None else sinusoids(POSITIONS, size))


def _linear(to: Any, linear: nn.Linear) -> None:
    to.weight, to.bias = _array(linear.weight), _array(linear.bias)


def _norm(to: Any, norm: nn.Module) -> None:
    to.gamma, to.beta = _array(cast("Tensor", norm.weight)), _array(cast("Tensor", norm.bias))


def _int16(number: int) -> Any:
    import numpy as np

    return np.dtype("int16").type(number)


def _array(tensor: Tensor) -> Any:
    return tensor.detach().float().cpu().numpy().copy()  # quantizing changes it in place
