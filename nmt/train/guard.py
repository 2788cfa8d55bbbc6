"""A guard against forgetting (`train.guard`): what the parent could do is scored at each validation beside what is new,
and the weights that the run translates with are the best ones on the new text that still can do it.

At the end weights between the parent's and the child's compete, too: θ = (1 − λ) θ_parent + λ θ_child. Between weights
of which one set began with the other, scores change gradually, and the middle is often better than a straight line
between the ends (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models").
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nmt import console
from nmt.errors import RunError
from nmt.evaluate.prepared import TestText, texts_of
from nmt.recipe import Recipe
from nmt.recipe.init_from import Guard
from nmt.run import checkpoint as ckpt
from nmt.run.checkpoint import find_checkpoint
from nmt.run.folder import load_run_recipe
from nmt.run.load import first_whole, load_weights
from nmt.run.state import TrainState
from nmt.text.metrics import higher_is_better, score
from nmt.tokenizer import Tokenizer
from nmt.train.inherit import plan_inheritance
from nmt.train.parallel import ALONE, World
from nmt.train.validation import Valid, Validator, show

SHARES = (0.3, 0.5, 0.7, 0.8, 0.9)  # λ: the child's


class OldDomain:
    """The validation set of the run that training began with, and what that run reached on it: in each direction that
    it learned and that the new run translates, too.
    """

    def __init__(self, section: Guard, recipe: Recipe, validator: Validator) -> None:
        """Raises RunError where the text is gone, the run was validated by another metric, or it has no direction in
        common with the recipe.
        """
        run, metric = Path(section.run), recipe.train.metric.partition(":")[0]
        theirs = load_run_recipe(run)
        key = f"`train.guard: {run}`"
        directions = [d for d in theirs.data.trained if d in recipe.data.evaluated]
        if not directions:
            learned, now = (", ".join(map(str, ds)) for ds in (theirs.data.trained, recipe.data.evaluated))
            raise RunError(
                f"{key} translates {learned}, but the recipe {now}: what that run could do cannot be scored.",
                "Leave `train.guard` out, or add one of its directions to the recipe.",
            )
        best = find_checkpoint(run, "best", theirs.train.metric)
        best.check_model(theirs.model)
        several = len(theirs.data.evaluated) > 1
        reached = {d: best.state.valid.get(f"{metric}:{d}" if several else metric) for d in directions}
        if None in reached.values():
            raise RunError(
                f"{key} was not validated by `{metric}`, which the new run is.",
                f"Set `train.metric: {theirs.train.metric}`, as that run has.",
            )
        try:
            texts = texts_of(run, ["valid"]).values()
        except RunError as e:
            raise RunError(f"{key}: its validation set cannot be read. {e.message}", e.hint) from None
        self.section, self.metric, self.validator = section, metric, validator
        self.texts = [text for text in texts if text.direction in directions]
        self.rouge_tokenize = theirs.evaluate.rouge_tokenize
        self.reached = _mean([value for value in reached.values() if value is not None])

    def measure(self, world: World = ALONE) -> Valid:
        """Of the weights that the model holds now: the score, the mean over directions, and by how much more it fell
        than it may; of several directions also that of each, as `old_bleu:en-fr`. Ranks share the work; rank 0 has it.
        """
        hyps = [self.validator.translate(text.src, text.direction, world) for text in self.texts]
        if not world.is_main:
            return {}
        values = {str(text.direction): self._score(text, own) for text, own in zip(self.texts, hyps, strict=True)}
        each = {f"{self.key}:{name}": value for name, value in values.items()} if len(values) > 1 else {}
        value = _mean(list(values.values()))
        return {self.key: value, ckpt.EXCESS: self.excess(value)} | each

    def _score(self, text: TestText, hyps: list[str]) -> float:
        (result,) = score(hyps, text.refs, [self.metric], text.bleu_tokenize,
                          rouge_tokenize=self.rouge_tokenize, src=text.src)  # fmt: skip
        return round(result.value, 4)

    @property
    def key(self) -> str:
        """What the score is called among those of a validation."""
        return f"{ckpt.OLD}{self.metric}"

    def excess(self, value: float) -> float:
        """By how much more a score is below what the parent reached than it may be."""
        drop = self.reached - value if higher_is_better(self.metric) else value - self.reached
        return round(max(0.0, drop - self.section.max_drop), 4)


def _mean(values: Sequence[float]) -> float:
    return round(sum(values) / len(values), 4)


def guarded(recipe: Recipe, validator: Validator) -> OldDomain | None:
    """What is to be watched, if anything is."""
    section = recipe.train.guard
    return None if section is None else OldDomain(section, recipe, validator)


def judge_anew(run: Path, old: OldDomain | None) -> None:
    """Write down by how much the earlier checkpoints miss the limit of today; where nothing is watched any more, that
    all are allowed. Needs the lock.
    """
    for checkpoint in ckpt.checkpoints(run):
        valid = checkpoint.state.valid
        if ckpt.EXCESS not in valid:
            continue
        excess = old.excess(valid[old.key]) if old and old.key in valid else 0.0
        if excess != valid[ckpt.EXCESS]:
            changed = dataclasses.replace(checkpoint.state, valid=valid | {ckpt.EXCESS: excess})
            ckpt.update_state(run, checkpoint.path.name, changed)


def try_interpolations(
    run: Path, recipe: Recipe, tokenizer: Tokenizer, state: TrainState, validator: Validator
) -> list[dict[str, Any]]:
    """Measure weights between the parent's and those of the best checkpoint on the new text alone, and save the best of
    them as one more checkpoint; if the training had come to an end before, in place of that one, unless that is better.
    Gives their records for the log; none where nothing is guarded. The validator's model has other weights afterwards.
    """
    if recipe.train.guard is None or recipe.train.init_from is None:
        return []
    plan = plan_inheritance(recipe, recipe.train.init_from, tokenizer)
    plan.copy_to(validator.model)
    parent = {name: validator.model.get_parameter(name).detach().clone() for name in plan.sources}
    metric = recipe.train.metric
    steps = [c for c in ckpt.checkpoints(run) if c.is_step and metric in c.state.valid]
    child, weights = first_whole(sorted(steps, key=lambda c: ckpt.rank(ckpt.new_alone(c.state.valid), metric))[::-1])
    best = ckpt.whole(run, ckpt.INTERPOLATED)
    records = []
    for share in SHARES:
        mixed = {
            name: parent[name].lerp(tensor.to(parent[name]), share) if name in parent else tensor
            for name, tensor in weights.items()
        }
        load_weights(validator.model, mixed, run)
        valid, _ = validator.measure()
        records.append({"share": share, "child": child.path.name, **valid})
        console.info(f"{share:.0%} of {child.path.name}, the rest of the parent: {show(valid)}".replace("%", " %"))
        if best is None or ckpt.rank(valid, metric) > ckpt.rank(best.state.valid, metric):
            kept = dataclasses.replace(state, valid=valid)
            path = ckpt.save_checkpoint(run, ckpt.INTERPOLATED, kept, mixed, None, recipe.model)
            best = ckpt.read_checkpoint(path)
    return records
