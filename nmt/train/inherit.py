"""Beginning with another run's weights (`train.init_from`): which parameter is taken from where, and which are frozen.

Parameters are found by name: so layers by their number, and a model may have more or fewer than the run has. What has a
row for each piece is carried over to another vocabulary by transplant.py. What is one tensor under several names, as
tied embeddings are, is taken if any of them is wanted, and frozen likewise.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from nmt import console
from nmt.errors import RunError
from nmt.model.initial import ShapesAlone
from nmt.model.kinds import build, dense_names
from nmt.recipe import ModelSection, Recipe
from nmt.recipe.init_from import PARTS, InitFrom, Part
from nmt.recipe.model import DROPOUTS, ModelKind
from nmt.run.checkpoint import Checkpoint, ranked_checkpoints
from nmt.run.folder import is_begun, load_run_recipe
from nmt.run.load import first_whole, load_tokenizer
from nmt.tokenizer import Side, Tokenizer
from nmt.train.transplant import RowMap

# Keys of the model that may differ from those of the run: without them its weights still do what they did there.
_FREE = {
    "kind", "prefix", "preset", "num_encoder_layers", "num_decoder_layers", "tie_embeddings", *DROPOUTS,
}  # fmt: skip
# Of a model of each kind, what one of another kind can begin with
_TAKEN: dict[ModelKind, tuple[Part, ...]] = {
    "encoder_decoder": PARTS, "encoder": ("embeddings", "encoder"), "decoder": ("embeddings", "decoder", "output"),
}  # fmt: skip
_OF_POSITIONS = {"positions", "max_positions"}
_OF_PIECES: set[Part] = {"embeddings", "output"}
# Parameters of which each row belongs to a piece of that side's vocabulary
_OF_SIDES: dict[str, Side] = {
    "src_embedding.tokens.weight": "src", "tgt_embedding.tokens.weight": "tgt", "output.weight": "tgt",
    "output.bias": "tgt",
}  # fmt: skip
_HINT_MODEL = (
    "Give the model the same values. Numbers of layers, dropout, `tie_embeddings` and what balances experts may differ."
)


def part_of(name: str) -> Part:
    """Of a parameter. The norm before or after cross-attention is of it; the last norm of a stack is of the stack."""
    words = name.split(".")
    if {"cross_attention", "cross_residual"} & set(words):
        return "cross_attention"
    match words[0]:
        case "src_embedding" | "tgt_embedding" | "segments":
            return "embeddings"
        case "encoder" | "encoder_norm":
            return "encoder"
        case "decoder" | "decoder_norm":
            return "decoder"
        case "output" | "pooler" | "belongs":
            return "output"
    raise ValueError(f"{name} is of no part")


@dataclass(frozen=True)
class Inherited:
    """What a model has taken over."""

    names: frozenset[str]  # of parameters
    record: dict[str, Any]  # for the log

    def show(self) -> None:
        found = self.record
        console.info(f"Begun with the weights of {found['run']}, {found['checkpoint']}.")
        for stack, (mine, theirs) in found["layers"].items():
            if mine > theirs:
                console.info(f"Layers of the {stack}: {theirs} are that run's, the other {mine - theirs} fresh.")
            elif mine < theirs:
                console.info(f"Layers of the {stack}: the first {mine} of that run's {theirs}.")
        for side, (old, new) in found.get("vocabulary", {}).items():
            console.info(f"Pieces of {side}: {old:,} are that run's, {new:,} begin as the mean of several of its.")
        rows = [[part.replace("_", "-"), *counts.values()] for part, counts in found["parts"].items()]
        console.table("Parameters", ["part", "copied", "mapped", "fresh", "frozen"], rows)


def inherit(model: nn.Module, recipe: Recipe, tokenizer: Tokenizer) -> Inherited | None:
    """Take over, unless the training has begun already and has weights of its own, what the recipe names; freeze what
    it wants frozen.
    """
    section = recipe.train.init_from
    if section is None:
        return None
    freeze(model, section)
    if is_begun(recipe.run_dir):
        return None
    plan = plan_inheritance(recipe, section, tokenizer)
    checkpoint = plan.copy_to(model)
    record = {
        "run": str(plan.run), "checkpoint": checkpoint.path.name,
        "sha256": checkpoint.sha256["model.safetensors"], "layers": plan.layers, "parts": plan.counts(model),
    }  # fmt: skip
    if plan.rows:
        names = {"src": "source", "tgt": "both sides" if recipe.model.tie_embeddings == "all" else "target"}
        record["vocabulary"] = {names[s]: (len(rows.equal), len(rows.cut)) for s, rows in sorted(plan.rows.items())}
    return Inherited(frozenset(plan.sources), record)


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
    layers: dict[str, tuple[int, int]]  # of each stack: here, and in the run
    sources: dict[str, str]
    rows: dict[Side, RowMap]  # where the vocabulary is another
    sides: dict[str, Side]  # of the parameters that have a row for each piece

    def copy_to(self, model: nn.Module) -> Checkpoint:
        """Gives the checkpoint. Raises RunError where the run has none that is whole."""
        checkpoint, weights = first_whole(ranked_checkpoints(self.run, "best", self.metric))
        for name, source in self.sources.items():
            rows, parameter = self._rows(name), model.get_parameter(name).data
            taken = rows.apply(weights[source]) if rows else weights[source]
            # As often as there are experts: each begins as the run's one block.
            parameter.view(-1, *taken.shape).copy_(taken)
        return checkpoint

    def counts(self, model: nn.Module) -> dict[str, dict[str, int]]:
        """Part → how many numbers of it were copied, are means of others, are fresh (random), and are frozen."""
        kinds = ("copied", "mapped", "fresh", "frozen")
        found: dict[str, dict[str, int]] = {part: dict.fromkeys(kinds, 0) for part in PARTS}
        for name, parameter in model.named_parameters():
            of_part, number, rows = found[part_of(name)], parameter.numel(), self._rows(name)
            mapped = len(rows.cut) * number // len(parameter) if rows else 0
            of_part["copied" if name in self.sources else "fresh"] += number - mapped
            of_part["mapped"] += mapped
            of_part["frozen"] += 0 if parameter.requires_grad else number
        return found

    def _rows(self, name: str) -> RowMap | None:
        return self.rows.get(self.sides[name]) if name in self.sides else None


def plan_inheritance(recipe: Recipe, section: InitFrom, tokenizer: Tokenizer) -> Inheritance:
    """Raises RunError naming what of the run does not fit the recipe, or the vocabulary; reads no weights."""
    run = Path(section.run)
    key = f"`train.init_from: {run}`"
    if not (run / "recipe.yaml").exists():
        raise RunError(f"{key} is not a run folder.", "Give the folder that `nmt train` made.")
    theirs, old = load_run_recipe(run), load_tokenizer(run)
    ranked_checkpoints(run, "best", theirs.train.metric)[0].check_model(theirs.model)
    section = _of_other_kind(key, section, recipe.model.kind, theirs.model.kind)
    _check_vocabulary(key, section, tokenizer, old)
    _check_model(key, section, recipe.model, theirs.model)
    with ShapesAlone():
        sizes = tokenizer.src_vocab_size, tokenizer.tgt_vocab_size
        mine, other = (build(r.model, *sizes) for r in (recipe, theirs))
    there = {alias: name for name, names in _names(other).items() for alias in names}
    there |= {name: there[dense] for name, dense in dense_names(mine).items() if name not in there and dense in there}
    sources, sides = {}, {}
    for name, names in _names(mine).items():
        wanted = [n for n in names if part_of(n) in section.parts]
        found = {there[n]: n for n in wanted if n in there}
        if len(found) > 1:
            raise RunError(
                f"{key} has other matrices for {' and '.join(found.values())}, which are tied here.",
                f"Set `model.tie_embeddings: {theirs.model.tie_embeddings}`, as that run has.",
            )
        if found:
            ((sources[name], alias),) = found.items()
            if alias in _OF_SIDES:
                sides[name] = _OF_SIDES[alias]
        elif {part_of(n) for n in names} & set(section.freeze):
            raise RunError(
                f"{key} has no {name}, and `train.init_from.freeze` would keep it random.",
                f"Give the model no more layers than that run has ({theirs.model.layers[0]} and "
                f"{theirs.model.layers[1]}), or do not freeze `{part_of(name)}`.",
            )
    numbers = zip(recipe.model.layers, theirs.model.layers, strict=True)
    layers = {stack: both for stack, both in zip(("encoder", "decoder"), numbers, strict=True) if all(both)}
    mapped = section.vocabulary == "map" or tokenizer.fingerprint != old.fingerprint
    rows = {side: RowMap.between(old, tokenizer, side) for side in set(sides.values())} if mapped else {}
    return Inheritance(run, theirs.train.metric, layers, sources, rows, sides)


def _of_other_kind(key: str, section: InitFrom, mine: ModelKind, theirs: ModelKind) -> InitFrom:
    """With the parts that models of two kinds have in common, where they are of two."""
    if mine == theirs:
        return section
    shared = [part for part in _TAKEN[theirs] if part in _TAKEN[mine]]
    if set(section.parts) == set(PARTS):
        return section.model_copy(update={"parts": shared})
    if others := [part for part in section.parts if part not in shared]:
        raise RunError(
            f"{key} is a model of another kind ({theirs}), of which `{others[0]}` cannot be taken.",
            f"Take of it: `train.init_from.parts: [{', '.join(shared)}]`.",
        )
    return section


def _names(model: nn.Module) -> dict[str, list[str]]:
    """Of each parameter its name, and all names that it has."""
    found: dict[int, list[str]] = defaultdict(list)
    for name, parameter in model.named_parameters(remove_duplicate=False):
        found[id(parameter)].append(name)
    return {names[0]: names for names in found.values()}


def _check_vocabulary(key: str, section: InitFrom, mine: Tokenizer, theirs: Tokenizer) -> None:
    if section.vocabulary == "map" or mine.extends(theirs) or not _OF_PIECES & set(section.parts):
        return

    def pieces(tokenizer: Tokenizer) -> str:
        sizes = [tokenizer.src_vocab_size] + ([] if tokenizer.shared else [tokenizer.tgt_vocab_size])
        return " + ".join(f"{size:,}" for size in sizes)

    raise RunError(
        f"{key} has {pieces(theirs)} pieces, the prepared data {pieces(mine)} others.",
        f"Take its tokenizer (`tokenizer: {{from: {section.run}}}`), or let embeddings be mapped: "
        f"`train.init_from: {{run: {section.run}, vocabulary: map}}`.",
    )


def _check_model(key: str, section: InitFrom, mine: ModelSection, theirs: ModelSection) -> None:
    keys = set(type(mine).model_fields) - _FREE
    if _OF_PIECES.issuperset(section.parts):
        keys &= {"d_model", *_OF_POSITIONS}
    if theirs.experts is None:  # of whose one block each expert begins as a copy
        keys -= {"experts"}
    if "embeddings" not in section.parts or mine.position_limit is theirs.position_limit is None:
        keys -= _OF_POSITIONS
    mine = _taught_as(mine, theirs)
    differing = [k for k in type(mine).model_fields if k in keys and getattr(mine, k) != getattr(theirs, k)]
    if differing:
        found = [f"`model.{k}: {getattr(theirs, k)}`, but the recipe says {getattr(mine, k)}" for k in differing]
        raise RunError(f"{key} has {'; '.join(found)}.", _HINT_MODEL)


def _taught_as(mine: ModelSection, theirs: ModelSection) -> ModelSection:
    """With what decides only how experts learn as it is there: translating does without. Where experts choose, their
    capacity says what they do.
    """
    if mine.experts is None or theirs.experts is None:
        return mine
    free = {"balance", "z_loss"} | ({"capacity"} if mine.experts.routing != "expert_choice" else set())
    same = {name: getattr(theirs.experts, name) for name in free}
    return mine.model_copy(update={"experts": mine.experts.model_copy(update=same)})
