"""Beginning with another run's weights (`train.init_from`): which parameter is taken from where, and which are frozen.

Parameters are found by name: so layers by their number, and a model may have more or fewer than the run has. What is
one tensor under several names, as tied embeddings are, is taken if any of them is wanted, and frozen likewise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from nmt.errors import RunError
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection, Recipe
from nmt.recipe.init_from import PARTS, InitFrom, Part
from nmt.run.checkpoint import Checkpoint, ranked_checkpoints
from nmt.run.folder import is_begun, load_run_recipe
from nmt.run.load import first_whole
from nmt.tokenizer import Tokenizer

# Keys of the model that may differ from those of the run: without them its weights still do what they did there.
_FREE = {"preset", "num_encoder_layers", "num_decoder_layers", "dropout", "attention_dropout", "tie_embeddings"}
_OF_POSITIONS = {"positions", "max_positions"}
_OF_PIECES: set[Part] = {"embeddings", "output"}  # of which each row belongs to a piece of the vocabulary
_HINT_MODEL = "Give the model the same values. Numbers of layers, dropout and `tie_embeddings` may differ."


def part_of(name: str) -> Part:
    """Of a parameter. The norm before or after cross-attention is of it; the last norm of a stack is of the stack."""
    words = name.split(".")
    if {"cross_attention", "cross_residual"} & set(words):
        return "cross_attention"
    match words[0]:
        case "src_embedding" | "tgt_embedding":
            return "embeddings"
        case "encoder" | "encoder_norm":
            return "encoder"
        case "decoder" | "decoder_norm":
            return "decoder"
        case "output":
            return "output"
    raise ValueError(f"{name} is of no part")


def inherit(model: nn.Module, recipe: Recipe, tokenizer: Tokenizer) -> dict[str, Any] | None:
    """Take over, unless the training has begun already and has weights of its own, what the recipe names; freeze what
    it wants frozen. Gives the record for the log, if anything was taken over.
    """
    section = recipe.train.init_from
    if section is None:
        return None
    freeze(model, section)
    if is_begun(recipe.run_dir):
        return None
    plan = plan_inheritance(recipe, section, tokenizer)
    checkpoint = plan.copy_to(model)
    return {
        "run": str(plan.run), "checkpoint": checkpoint.path.name,
        "sha256": checkpoint.sha256["model.safetensors"], "parts": plan.counts(model),
    }  # fmt: skip


def freeze(model: nn.Module, section: InitFrom) -> None:
    """No gradients from now on for what is frozen."""
    for name, names in _names(model).items():
        if {part_of(other) for other in names} & set(section.freeze):
            model.get_parameter(name).requires_grad_(False)


@dataclass(frozen=True)
class Inheritance:
    """What a model takes over: name → name in the run. Names are those of parameters; tied ones have one."""

    run: Path
    metric: str  # by which the run's best is chosen
    sources: dict[str, str]

    def copy_to(self, model: nn.Module) -> Checkpoint:
        """Gives the checkpoint. Raises RunError where the run has none that is whole."""
        checkpoint, weights = first_whole(ranked_checkpoints(self.run, "best", self.metric))
        for name, source in self.sources.items():
            model.get_parameter(name).data.copy_(weights[source])
        return checkpoint

    def counts(self, model: nn.Module) -> dict[str, dict[str, int]]:
        """Part → how many numbers of it were copied, are fresh (random), and are frozen."""
        found: dict[str, dict[str, int]] = {part: {"copied": 0, "fresh": 0, "frozen": 0} for part in PARTS}
        for name, parameter in model.named_parameters():
            of_part = found[part_of(name)]
            of_part["copied" if name in self.sources else "fresh"] += parameter.numel()
            of_part["frozen"] += 0 if parameter.requires_grad else parameter.numel()
        return found


def plan_inheritance(recipe: Recipe, section: InitFrom, tokenizer: Tokenizer) -> Inheritance:
    """Raises RunError naming what of the run does not fit the recipe, or the vocabulary; reads no weights."""
    run = Path(section.run)
    key = f"`train.init_from: {run}`"
    if not (run / "recipe.yaml").exists():
        raise RunError(f"{key} is not a run folder.", "Give the folder that `nmt train` made.")
    theirs = load_run_recipe(run)
    _check_vocabulary(key, section, tokenizer, Tokenizer.load(run))
    _check_model(key, section, recipe.model, theirs.model)
    ranked_checkpoints(run, "best", theirs.train.metric)
    with torch.device("meta"):
        sizes = tokenizer.src_vocab_size, tokenizer.tgt_vocab_size
        mine, other = (Transformer(r.model, *sizes) for r in (recipe, theirs))
    there = {alias: name for name, names in _names(other).items() for alias in names}
    sources = {}
    for name, names in _names(mine).items():
        wanted = [n for n in names if part_of(n) in section.parts]
        found = {there[n]: n for n in wanted if n in there}
        if len(found) > 1:
            raise RunError(
                f"{key} has other matrices for {' and '.join(found.values())}, which are tied here.",
                f"Set `model.tie_embeddings: {theirs.model.tie_embeddings}`, as that run has.",
            )
        if found:
            ((sources[name], _),) = found.items()
        elif {part_of(n) for n in names} & set(section.freeze):
            raise RunError(
                f"{key} has no {name}, and `train.init_from.freeze` would keep it random.",
                f"Give the model no more layers than that run has ({theirs.model.num_encoder_layers} and "
                f"{theirs.model.num_decoder_layers}), or do not freeze `{part_of(name)}`.",
            )
    return Inheritance(run, theirs.train.metric, sources)


def _names(model: nn.Module) -> dict[str, list[str]]:
    """Of each parameter its name, and all names that it has."""
    found: dict[int, list[str]] = defaultdict(list)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found[id(parameter)].append(name)
    return {names[0]: names for names in found.values()}


def _check_vocabulary(key: str, section: InitFrom, mine: Tokenizer, theirs: Tokenizer) -> None:
    if mine.fingerprint == theirs.fingerprint or not _OF_PIECES & set(section.parts):
        return

    def pieces(tokenizer: Tokenizer) -> str:
        sizes = [tokenizer.src_vocab_size] + ([] if tokenizer.shared else [tokenizer.tgt_vocab_size])
        return " + ".join(f"{size:,}" for size in sizes)

    raise RunError(
        f"{key} has {pieces(theirs)} pieces, the prepared data {pieces(mine)} others.",
        f"Take its tokenizer (`tokenizer: {{from: {section.run}}}`), or only parts that know no pieces "
        "(`train.init_from.parts: [encoder, decoder, cross_attention]`).",
    )


def _check_model(key: str, section: InitFrom, mine: ModelSection, theirs: ModelSection) -> None:
    keys = set(type(mine).model_fields) - _FREE
    if _OF_PIECES.issuperset(section.parts):
        keys &= {"d_model", *_OF_POSITIONS}
    if "embeddings" not in section.parts or mine.position_limit is theirs.position_limit is None:
        keys -= _OF_POSITIONS
    differing = [k for k in type(mine).model_fields if k in keys and getattr(mine, k) != getattr(theirs, k)]
    if differing:
        found = [f"`model.{k}: {getattr(theirs, k)}`, but the recipe says {getattr(mine, k)}" for k in differing]
        raise RunError(f"{key} has {'; '.join(found)}.", _HINT_MODEL)
