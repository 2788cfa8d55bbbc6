"""What a recipe does not say and the data and the planned length decide: pure functions of counts.

The rules follow what is published on small corpora and what this project's own recipes were tuned to. They should come
within a tenth of what tuning would reach; scripts/bench/own_text.py measures it. In short: a small text needs a small
vocabulary, a small model and small batches; many epochs need much dropout, one or two hardly any; and the learning rate
rises for a tenth of the training and falls to zero at its end, whatever its length.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nmt.recipe.model import ModelSection
from nmt.recipe.recipe import Recipe
from nmt.recipe.train import TrainSection

FIXED_PIECES = 260  # of any vocabulary: 256 bytes and 4 special symbols
# A preset larger than tiny is for a text of so many target tokens, if the training reads as many as the second number.
LADDER = {"big": (200_000_000, 600_000_000), "base": (10_000_000, 80_000_000), "small": (1_000_000, 10_000_000)}
MANY_STEPS = 20_000  # more than a schedule needs: then larger batches use the machine better
MANY_EPOCHS = 10  # from here on weights are learned by heart, and decay helps
VALIDATIONS = (4, 20)  # in a training, fewest and most
VALIDATING = 0.05  # of the time, at most


@dataclass(frozen=True)
class Counts:
    """Of the prepared data."""

    target_tokens: int  # of the training pairs, `</s>` counted
    valid_tokens: int  # of the validation pairs, likewise


@dataclass(frozen=True)
class Machine:
    """How fast a step is: of all processes together."""

    flops: float = 5e10  # floating-point operations a second
    overhead: float = 0.0  # seconds of a step, however small it is


@dataclass(frozen=True)
class Plan:
    """How long a training will be. All None: until its patience ends it."""

    steps: float | None
    seconds_per_step: float

    @property
    def seconds(self) -> float | None:
        return None if self.steps is None else self.steps * self.seconds_per_step


def vocab_size(characters: int, distinct: int) -> int:
    """Of a training text of so many characters a side, that many of them different.

    20 · words^0.4 for words of six characters: 4,700 for 150,000 short pairs, 32,000 for four million sentences. A
    piece must be seen often enough to be learned: a hundred times, Gowda and May 2020 find
    (https://aclanthology.org/2020.findings-emnlp.352). For a small text that would cut words into letters: it has 2,000
    pieces, if it has 15 words for each. A script of many characters takes twice their number.
    """
    words = max(1, characters / 6)
    by_words = max(20 * math.pow(words, 0.4), min(2000, words / 15))
    by_script = FIXED_PIECES + 2 * distinct + 100
    return min(32_000, math.ceil(max(by_words, by_script) / 100) * 100)


def derive(recipe: Recipe, counts: Counts, machine: Machine) -> dict[str, Any]:
    """Values for the recipe's open keys of `model` and `train`.

    * preset: the largest that text and length are enough for (LADDER);
    * batch_tokens: about 60 updates an epoch, from 1,024 to 2,048 tokens, and more where there would be MANY_STEPS;
    * learning_rate: 6e-3 for a width of 128, less in proportion to a greater width and to the root of a batch below
      1,024; half of it for AdamW and for post-norm, a tenth where it begins with the weights of another run; for noam,
      whose `learning_rate` is a factor, 1;
    * dropout: from 0.05 for one or two epochs over 0.1 for five to 0.3 for fifty; 0.1 at most for a large text;
    * weight_decay: 0.1 for ten epochs or more, else none;
    * schedule: cosine to the end, if there is one that is sure to come; warm-up: a tenth of the steps, four times the
      width at most;
    * max_epochs: where minutes are the only limit, 20 million tokens, but 30 to 200 epochs: more is wasted time;
    * eval_every: up to 20 validations in a training, in a twentieth of its time; patience: half of them, 10 at least;
    * average_best: none, for the last weights of a falling schedule are better than any average; else 5.
    """
    section, open_keys = recipe.train, set(recipe.open_keys)
    found: dict[str, Any] = {}

    def settle(key: str, value: Any) -> Any:
        if key in open_keys:
            found[key] = value
            return value
        name, _, inner = key.partition(".")
        return getattr(getattr(recipe, name), inner)

    only_minutes = section.max_minutes is not None and section.max_steps is None
    epochs = round(min(200, max(30, 20e6 / counts.target_tokens)))
    max_epochs = settle("train.max_epochs", epochs if only_minutes else None)
    section = section.model_copy(update={"max_epochs": max_epochs})

    model = recipe.model
    if "model.preset" in open_keys:
        model = _model(recipe, section, counts, machine)
        found["model.preset"] = model.preset
    batch = settle("train.batch_tokens", _batch_tokens(recipe, section, model, counts, machine))
    plan = plan_of(recipe, section, model, counts, batch, machine)

    epochs_planned = math.inf if plan.steps is None else plan.steps * batch / counts.target_tokens
    settle("model.dropout", _dropout(epochs_planned, counts.target_tokens))
    settle("train.weight_decay", 0.1 if epochs_planned >= MANY_EPOCHS else 0.0)
    schedule = settle("train.schedule", "cosine" if section.has_length else "inverse_sqrt")
    settle("train.learning_rate", _learning_rate(recipe, schedule, model, batch))
    longest = 4 * model.d_model
    settle("train.warmup_steps", longest if plan.steps is None else min(longest, math.ceil(plan.steps / 10)))
    falls = schedule in ("cosine", "linear")
    settle("train.average_best", 0 if falls else 5)
    every = settle("train.eval_every", _eval_every(recipe, model, counts, batch, plan, machine))
    settle("train.patience", max(10, math.ceil((plan.steps or 0) / every / 2)) if falls else 0)
    return found


def plan_of(
    recipe: Recipe, section: TrainSection, model: ModelSection, counts: Counts, batch: int, machine: Machine
) -> Plan:
    """How long the training will be with such a model and batch."""
    read = batch * section.most_passes
    step = 6 * parameters(model, recipe.tokenizer.vocab_size) * read / machine.flops + machine.overhead
    ends = [
        section.max_steps,
        section.max_epochs and section.max_epochs * max(1, round(counts.target_tokens / batch)),
        section.max_minutes and section.max_minutes * 60 / step,
    ]
    return Plan(min((end for end in ends if end), default=None), step)


def parameters(model: ModelSection, vocab_size: int) -> int:
    """Weights that a target token is multiplied with: of layers and output, biases and embeddings left out."""
    d, gates = model.d_model, 3 if model.activation == "swiglu" else 2
    encoder, decoder = model.layers
    blocks = round((encoder + decoder) * gates * d * model.d_ff * model.blocks_per_layer)
    return encoder * 4 * d * d + decoder * 8 * d * d + blocks + vocab_size * d


def _model(recipe: Recipe, section: TrainSection, counts: Counts, machine: Machine) -> ModelSection:
    for preset, (text, read) in LADDER.items():
        model = recipe.model.changed({"preset": preset})
        batch = _batch_tokens(recipe, section, model, counts, machine)
        steps = plan_of(recipe, section, model, counts, batch, machine).steps
        if counts.target_tokens >= text and (steps is None or steps * batch >= read):
            return model
    return recipe.model.changed({"preset": "tiny"})


def _batch_tokens(recipe: Recipe, section: TrainSection, model: ModelSection, counts: Counts, machine: Machine) -> int:
    if "train.batch_tokens" not in recipe.open_keys:
        return section.batch_tokens
    batch = int(min(2048, max(1024, 2 ** round(math.log2(counts.target_tokens / 60)))))
    while batch < min(16_384, counts.target_tokens / 60):
        steps = plan_of(recipe, section, model, counts, batch, machine).steps
        if steps is None or steps <= MANY_STEPS:
            break
        batch *= 2
    return batch


def _dropout(epochs: float, target_tokens: int) -> float:
    most = min(0.3, max(0.1, 0.3 - 0.1 * math.log10(target_tokens / 5e6)))
    by_epochs = 0.1 + 0.1 * math.log(epochs / 5, 3)
    return round(min(most, max(0.05, by_epochs)) * 20) / 20


def _learning_rate(recipe: Recipe, schedule: str, model: ModelSection, batch: int) -> float:
    if schedule == "noam":
        return 1.0
    rate = 6e-3 * min(1, 128 / model.d_model) * min(1, batch / 1024) ** 0.5
    section = recipe.train
    for slower, times in ((section.optimizer == "adamw", 2), (model.norm == "post", 2), (section.init_from, 10)):
        rate /= times if slower else 1
    return float(f"{rate:.2g}")


def _eval_every(recipe: Recipe, model: ModelSection, counts: Counts, batch: int, plan: Plan, machine: Machine) -> int:
    if plan.steps is None or plan.seconds is None:
        return min(5000, max(200, round(counts.target_tokens / batch)))
    # A beam costs about twice as much a token as the forward pass, and some hundred small steps.
    tokens = counts.valid_tokens * (recipe.decode.valid_beam_size or recipe.decode.beam_size)
    seconds = 4 * parameters(model, recipe.tokenizer.vocab_size) * tokens / machine.flops + 100 * machine.overhead
    fewest, most = VALIDATIONS
    number = min(most, max(fewest, int(plan.seconds * VALIDATING / seconds)))
    return math.ceil(plan.steps / number)


def describe(values: Mapping[str, Any]) -> str:
    """`model.dropout 0.2, train.warmup_steps 150`; empty where nothing is decided that a person would ask about."""
    quiet = ("train.patience", "train.average_best")
    shown = {key: value for key, value in sorted(values.items()) if value and key not in quiet}
    return ", ".join(f"{key} {value}" for key, value in shown.items())
