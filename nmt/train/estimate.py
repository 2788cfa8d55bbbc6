"""What a recipe would cost, before anything is trained: `nmt train --dry-run`."""

from __future__ import annotations

from nmt.data.batches import fill, plan_batches
from nmt.data.manifest import NotPreparedError, check_prepared
from nmt.data.store import PreparedSplit
from nmt.device import choose_device, choose_dtype, set_threads
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection, Recipe
from nmt.train.parallel import choose_max_tokens
from nmt.train.replicas import choose_replicas


def estimate(recipe: Recipe) -> list[tuple[str, str]]:
    """Rows of (what, how much). What needs the prepared data says so where there is none."""
    import torch

    section = recipe.train
    try:
        sizes = (check_prepared(recipe).tokenizer[f"{side}_vocab_size"] for side in ("src", "tgt"))
        split = PreparedSplit.open(recipe.prepared_dir, "train")
    except NotPreparedError:
        sizes, split = (recipe.tokenizer.vocab_size for _ in range(2)), None
    with torch.device("meta"):
        model = Transformer(recipe.model, *sizes)
    parameters = sum(p.numel() for p in model.parameters())
    device = choose_device(section.device)
    dtype = choose_dtype(section.precision, device)
    max_tokens = choose_max_tokens(section, device)
    replicas = choose_replicas(section, device, set_threads(section.threads), 1)
    rows = [("parameters", f"{parameters:,}")]
    if split is None:
        rows.append(("tokens and steps an epoch", "not known before: nmt prepare"))
    else:
        lengths = split.src.lengths, split.tgt.lengths
        updates = plan_batches(*lengths, section.batch_tokens, max_tokens, recipe.seed, 0, replicas)
        tokens = int(split.tgt.lengths.sum()) + len(split)
        rows += [
            ("target tokens an epoch", f"{tokens:,}"),
            ("steps an epoch", f"{len(updates):,}"),
            (
                "real / padded tokens",
                f"source {fill(updates, split.src.lengths):.1%}, target {fill(updates, split.tgt.lengths):.1%}",
            ),
        ]
        ends = [section.max_steps, section.max_epochs and section.max_epochs * len(updates)]
        if total := min((end for end in ends if end), default=None):
            rows.append(("steps in all", f"{total:,}, {total / len(updates):.1f} epochs"))
    kind = {torch.float32: "fp32", torch.bfloat16: "bf16"}[dtype]
    memory = memory_bytes(recipe.model, parameters, max_tokens, dtype.itemsize, replicas)
    rows += [("device", f"{device}, {kind}"), ("memory, roughly", f"{memory / 2**20 + 300:,.0f} MB")]
    return rows


def memory_bytes(model: ModelSection, parameters: int, max_tokens: int, itemsize: int, replicas: int = 1) -> int:
    """Weights, two moments and the average in fp32 (and in bf16 a copy of the weights); for each replica its gradients
    (in fp32, and in bf16 too) and what the backward pass keeps of a full micro-batch: so many d_model and d_ff wide
    rows a layer, counted from layers.py.
    """
    low = itemsize if itemsize < 4 else 0
    encoder = model.num_encoder_layers * (12 * model.d_model + 2 * model.d_ff)
    decoder = model.num_decoder_layers * (19 * model.d_model + 2 * model.d_ff)
    kept = max_tokens * (encoder + decoder + 6 * model.d_model) * itemsize
    return parameters * (4 * 4 + low) + replicas * (parameters * (4 + low) + kept)
