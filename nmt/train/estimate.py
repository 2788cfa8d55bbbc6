"""What a recipe would cost, before anything is trained: `nmt train --dry-run`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nmt import console
from nmt.data.check import check_prepared
from nmt.data.corpus import input_paths
from nmt.data.counting import RawCounts, count_splits
from nmt.data.manifest import NotPreparedError
from nmt.data.masking import MARKS
from nmt.device import choose_device, choose_dtype, memory_size, set_threads
from nmt.model.initial import ShapesAlone
from nmt.model.kinds import build
from nmt.recipe import ModelSection, Recipe
from nmt.recipe.defaults import Counts, plan_of, vocab_size
from nmt.run.abilities import knows_pairs
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import TrainingData
from nmt.train.parallel import choose_max_tokens
from nmt.train.progress import duration
from nmt.train.replicas import choose_replicas
from nmt.train.settle import check_length, counts_of, like_parent, measure, settle, settle_by_counts

if TYPE_CHECKING:
    import torch

OTHERWISE = 300 << 20  # bytes: Python, torch and its buffers
Rows = list[tuple[str, str]]
TIME = "time without validations, roughly"  # what a row of them is called


def estimate(recipe: Recipe, recipe_path: Path) -> tuple[Recipe, Rows]:
    """The recipe with its keys settled, and rows of (what, how much). Where nothing is prepared yet, they come from a
    count of the text. Raises RecipeError where there is no length to plan for.
    """
    check_length(recipe, str(recipe_path))
    recipe = like_parent(recipe)
    try:
        manifest = check_prepared(recipe, recipe_path)
    except NotPreparedError:
        console.info(f"Not prepared yet: nmt prepare {recipe_path}")
        return _before_preparing(recipe)
    recipe, counts = settle(recipe, manifest), counts_of(recipe, manifest)
    sizes = list(manifest.tokenizer.vocab_sizes)
    data = TrainingData(recipe.prepared_dir, recipe, Tokenizer.load(recipe.prepared_dir), *_shares(recipe))
    epoch = data.epoch(0)
    text = [
        ("training pairs", f"{len(data.split):,}"),
        ("target tokens an epoch", f"{counts.target_tokens:,}"),
        ("steps an epoch", f"{data.steps_per_epoch:,}"),
        ("padding", epoch.padding),
    ]
    return recipe, [*text, *_length(recipe, counts), *_sizes(recipe, sizes)]


def _before_preparing(recipe: Recipe) -> tuple[Recipe, Rows]:
    corpora = [*recipe.data.train, *recipe.data.valid]
    there = all(path.exists() for path in input_paths(recipe.data).values())
    if not there or any(corpus.kind == "hub" for corpus in corpora):
        rows = [("text", "not here yet: `nmt prepare` gets it, or says what is missing")]
        return recipe, rows if recipe.open_keys else [*rows, *_sizes(recipe, [recipe.tokenizer.vocab_size] * 2)]
    splits = count_splits(recipe.data)
    train = splits["train"]
    assert isinstance(train, RawCounts), "the recipe makes sure that train is not held out"
    if "tokenizer.vocab_size" in recipe.open_keys:
        size = vocab_size(sum(train.characters) // 2, train.distinct)
        recipe = recipe.filled({"tokenizer.vocab_size": size})
    held_out = sum(c.holdout or 0 for c in (*recipe.data.valid, *recipe.data.test.values()))
    pairs = max(1, train.pairs - held_out)
    characters, marks = (sum(train.characters), MARKS) if knows_pairs(recipe) else (train.characters[1], 0)
    a_pair = 1 + marks + characters / max(1, train.pairs) / _characters_a_piece(recipe.tokenizer.vocab_size)
    valid = splits["valid"] if isinstance(splits["valid"], int) else splits["valid"].pairs
    counts = Counts(round(pairs * a_pair * train.epoch), round(max(1, valid) * a_pair))
    recipe = settle_by_counts(recipe, counts)
    text = [
        ("training pairs", f"{pairs:,}, before filters"),
        ("target tokens an epoch", f"about {counts.target_tokens:,}"),
        ("steps an epoch", f"about {max(1, round(counts.target_tokens / recipe.train.batch_tokens)):,}"),
    ]
    return recipe, [*text, *_length(recipe, counts), *_sizes(recipe, [recipe.tokenizer.vocab_size] * 2)]


def _characters_a_piece(size: int) -> float:
    """As measured on English and French with 1,200 to 8,000 pieces; elsewhere a guess."""
    return max(1.0, 0.66 * math.log(size) - 2.0)


def _length(recipe: Recipe, counts: Counts) -> Rows:
    section = recipe.train
    if section.max_steps == 0:
        return [("steps in all", "0")]
    plan = plan_of(recipe, section, recipe.model, counts, section.batch_tokens, measure(recipe, 1))
    if plan.steps is None or plan.seconds is None:
        return [("steps in all", f"until {section.patience} validations bring nothing better")]
    epochs = plan.steps * section.batch_tokens / counts.target_tokens
    return [
        ("steps in all", f"about {plan.steps:,.0f}, {epochs:,.1f} epochs"),
        (TIME, duration(plan.seconds)),
    ]


def _shares(recipe: Recipe) -> tuple[int, int]:
    """max_tokens, and replicas on the cores of a CPU."""
    section, device = recipe.train, choose_device(recipe.train.device)
    return choose_max_tokens(section, device), choose_replicas(section, device, set_threads(section.threads), 1)


def _sizes(recipe: Recipe, vocab_sizes: list[int]) -> Rows:
    import torch

    device = choose_device(recipe.train.device)
    kind = {torch.float32: "fp32", torch.bfloat16: "bf16"}[choose_dtype(recipe.train.precision, device)]
    return [
        ("parameters", f"{size_of(recipe.model, vocab_sizes).parameters:,}"),
        ("device", f"{device}, {kind}"),
        ("memory, roughly", megabytes(check_memory(recipe, vocab_sizes, device))),
    ]


def check_memory(recipe: Recipe, vocab_sizes: Sequence[int], device: torch.device) -> int:
    """Bytes that training will need, roughly; warns where the device has fewer."""
    max_tokens, replicas = _shares(recipe)
    itemsize = choose_dtype(recipe.train.precision, device).itemsize
    needed = memory_bytes(size_of(recipe.model, vocab_sizes), max_tokens, itemsize, replicas) + OTHERWISE
    there = memory_size(device)
    if there is not None and needed > there:
        console.warn(
            f"This training needs about {megabytes(needed)} of memory, but {device} has {megabytes(there)}. Take a "
            f"smaller model or a smaller `train.max_tokens` (now {max_tokens:,})."
        )
    return needed


def megabytes(size: int) -> str:
    return f"{size / 2**20:,.0f} MB"


@dataclass(frozen=True)
class Size:
    """Of a model: its parameters, and how many numbers the backward pass needs of each pair of tokens."""

    parameters: int
    kept_per_token: int


def size_of(model: ModelSection, vocab_sizes: Sequence[int]) -> Size:
    """Layers of a side are alike, so models of few tell: many layers would take a while."""

    def of(encoder: int, decoder: int) -> Size:
        layers = {"num_encoder_layers": encoder, "num_decoder_layers": decoder}
        with ShapesAlone():
            few = build(model.model_copy(update=layers), *vocab_sizes)
        return Size(sum(p.numel() for p in few.parameters()), few.kept_per_token())

    def all_layers(one: int, encoder: int, decoder: int) -> int:
        more = [max(0, number - 1) for number in model.layers]
        return one + more[0] * (encoder - one) + more[1] * (decoder - one)

    few = of(1, 1), of(2, 1), of(1, 2)
    return Size(all_layers(*(s.parameters for s in few)), all_layers(*(s.kept_per_token for s in few)))


def memory_bytes(size: Size, max_tokens: int, itemsize: int, replicas: int = 1) -> int:
    """Weights, two moments and the average in fp32 (and in bf16 a copy of the weights); for each replica its gradients
    (in fp32, and in bf16 too) and what the backward pass keeps of a full micro-batch.
    """
    low = itemsize if itemsize < 4 else 0
    kept = max_tokens * size.kept_per_token * itemsize
    return size.parameters * (4 * 4 + low) + replicas * (size.parameters * (4 + low) + kept)
