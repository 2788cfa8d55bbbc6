"""fairseq's decoder with a run's weights: what decode_speed.py puts beside ours. Runs in fairseq's own environment.

    python fairseq_decoder.py WORK BEAM BATCH_TOKENS THREADS

WORK/model.pt holds a run's section, pieces and weights, WORK/sources.json token ids. Prints seconds of the search alone
(neither tokenizing nor joining pieces, which the others' times have in them), peak MB and the best translations' ids.

Where the two differ, fairseq's modules are filled accordingly: sinusoids as learned positions, `<s>` as what the
decoder begins with, a bias of the output. Pre-norm and ReLU only, which are our defaults.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

POSITIONS = 512
WARM_UP = 50  # sentences
SPECIAL = {0: 1, 1: 3, 2: 0, 3: 2}  # our <pad> <unk> <s> </s> to fairseq's numbers; all other pieces have the same


def build(saved: dict[str, Any]) -> tuple[Any, Any]:
    """fairseq's model and dictionary."""
    import torch
    from fairseq.data import Dictionary
    from fairseq.models.transformer import TransformerConfig, TransformerModelBase

    section, weights = saved["section"], saved["weights"]
    if section["norm"] != "pre" or section["activation"] != "relu" or section["positions"] != "sinusoidal":
        raise SystemExit("fairseq_decoder.py knows pre-norm, ReLU and sinusoidal positions only.")
    dictionary = Dictionary()
    for piece in saved["pieces"][len(SPECIAL) :]:
        dictionary.add_symbol(piece)
    config = TransformerConfig()
    config.max_source_positions = config.max_target_positions = POSITIONS
    for side, layers in (("encoder", section["num_encoder_layers"]), ("decoder", section["num_decoder_layers"])):
        part = getattr(config, side)
        part.embed_dim, part.ffn_embed_dim = section["d_model"], section["d_ff"]
        part.layers, part.attention_heads = layers, section["num_heads"]
        part.normalize_before = part.learned_pos = True
    config.decoder.input_dim = config.decoder.output_dim = section["d_model"]
    model = TransformerModelBase.build_model(
        config, SimpleNamespace(source_dictionary=dictionary, target_dictionary=dictionary)
    )
    model.decoder.output_projection = torch.nn.Linear(section["d_model"], len(dictionary))
    model.load_state_dict(renamed(weights, section, model.state_dict()))
    return model.eval(), dictionary


def renamed(ours: dict[str, Any], section: dict[str, Any], theirs: dict[str, Any]) -> dict[str, Any]:
    """Our weights by fairseq's names. Raises SystemExit where one of fairseq's parameters gets none."""
    import torch

    out: dict[str, Any] = {}

    def linear(name: str, weight: Any, bias: Any) -> None:
        out[f"{name}.weight"], out[f"{name}.bias"] = weight, bias

    def layer(side: str, i: int, blocks: dict[str, str]) -> None:
        a, b = f"{side}.{i}", f"{side}.layers.{i}"
        for kind, fused, names in (("self_attention", "qkv", "qkv"), ("cross_attention", "kv", "kv")):
            if kind not in blocks:
                continue
            module = f"{b}.{blocks[kind]}"
            for j, name in enumerate(names):
                rows = slice(j * section["d_model"], (j + 1) * section["d_model"])
                linear(f"{module}.{name}_proj", *(ours[f"{a}.{kind}.{fused}.{x}"][rows] for x in ("weight", "bias")))
            if fused == "kv":
                linear(f"{module}.q_proj", *(ours[f"{a}.{kind}.q.{x}"] for x in ("weight", "bias")))
            linear(f"{module}.out_proj", *(ours[f"{a}.{kind}.out.{x}"] for x in ("weight", "bias")))
        same = {"feed_forward.inner": "fc1", "feed_forward.outer": "fc2", "ff_residual.norm": "final_layer_norm"}
        same |= {"self_residual.norm": "self_attn_layer_norm"}
        if side == "decoder":
            same["cross_residual.norm"] = "encoder_attn_layer_norm"
        for name, other in same.items():
            linear(f"{b}.{other}", *(ours[f"{a}.{name}.{x}"] for x in ("weight", "bias")))

    for i in range(section["num_encoder_layers"]):
        layer("encoder", i, {"self_attention": "self_attn"})
    for i in range(section["num_decoder_layers"]):
        layer("decoder", i, {"self_attention": "self_attn", "cross_attention": "encoder_attn"})
    order = torch.arange(len(ours["output.weight"]))  # which of our rows each of theirs is
    for mine, other in SPECIAL.items():
        order[other] = mine
    places = torch.zeros_like(theirs["encoder.embed_positions.weight"])
    places[2:] = sinusoids(len(places) - 2, section["d_model"])  # the first two are padding's
    for side, name in (("encoder", "src"), ("decoder", "tgt")):
        out[f"{side}.embed_tokens.weight"] = ours[f"{name}_embedding.tokens.weight"][order]
        out[f"{side}.embed_positions.weight"] = places
        linear(f"{side}.layer_norm", *(ours[f"{side}_norm.{x}"] for x in ("weight", "bias")))
    begin, end = SPECIAL[2], SPECIAL[3]
    out["decoder.embed_tokens.weight"][end] = out["decoder.embed_tokens.weight"][begin]
    linear("decoder.output_projection", ours["output.weight"][order], ours["output.bias"][order])
    out |= {name: x for name, x in theirs.items() if name.endswith("version")}  # or it is taken for one of an old kind
    missing = [name for name in theirs if name not in out]
    if missing or any(out[name].shape != theirs[name].shape for name in out):
        raise SystemExit(f"fairseq's {missing or 'weights'} do not fit")
    return out


def sinusoids(length: int, d_model: int) -> Any:
    import torch

    rate = torch.exp(torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10000.0) / d_model))
    angles = torch.arange(length, dtype=torch.float64)[:, None] * rate
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1).float()


def main() -> None:
    import torch
    from fairseq.sequence_generator import SequenceGenerator

    work, (beam, batch_tokens, threads) = Path(sys.argv[1]), map(int, sys.argv[2:5])
    torch.set_num_threads(threads)
    saved = torch.load(work / "model.pt", weights_only=True)
    sources = json.loads((work / "sources.json").read_text())
    model, dictionary = build(saved)
    decode = saved["decode"]
    generator = SequenceGenerator(
        [model], dictionary, beam_size=beam, max_len_a=decode["max_len_ratio"], unk_penalty=1e9,
        max_len_b=decode["max_len_extra"] + int(decode["max_len_ratio"]), len_penalty=decode["length_penalty"],
    )  # fmt: skip
    back = {theirs: mine for mine, theirs in SPECIAL.items()}
    end, pad = SPECIAL[3], SPECIAL[0]

    @torch.inference_mode()
    def translate(rows: list[list[int]]) -> list[list[int]]:
        order = sorted(range(len(rows)), key=lambda i: -len(rows[i]))
        found: dict[int, list[int]] = {}
        while order:
            size = max(1, batch_tokens // (beam * (len(rows[order[0]]) + 1)))
            batch, order = order[:size], order[size:]
            lengths = torch.tensor([len(rows[i]) + 1 for i in batch])
            src = torch.full((len(batch), int(lengths.max())), pad)
            for row, i in enumerate(batch):
                src[row, : lengths[row]] = torch.tensor([SPECIAL.get(t, t) for t in rows[i]] + [end])
            sample = {"net_input": {"src_tokens": src, "src_lengths": lengths}}
            for i, hypotheses in zip(batch, generator.generate([model], sample), strict=True):
                found[i] = [back.get(t, t) for t in hypotheses[0]["tokens"].tolist() if t != end]
        return [found[i] for i in range(len(rows))]

    translate(sources[:WARM_UP])
    begun = time.perf_counter()
    hyps = translate(sources)
    seconds = time.perf_counter() - begun
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, hyps]))


if __name__ == "__main__":
    main()
