"""How good the model is on the validation set: by the objective's loss, and by translating as `nmt translate` does."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from nmt.data.batches import plan_batches
from nmt.data.manifest import Manifest
from nmt.data.sides import VALID, objectives_of, sides_of
from nmt.data.sources import stored_directions
from nmt.data.store import PreparedSplit
from nmt.data.tags import CorpusTags
from nmt.decode.translator import Translator, domain_of
from nmt.errors import TrainingError
from nmt.model.experts import watched
from nmt.model.kinds import Model, Writer
from nmt.model.load import Loads, merged
from nmt.recipe import Recipe
from nmt.recipe.directions import Direction
from nmt.run.checkpoint import EXCESS, OLD
from nmt.text.metrics import BITS, EXPERT_LOAD, LOSS, MASKED_LOSS, METRICS, label, score
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import Epoch, pieces_of
from nmt.train.objective import CHARACTERS, Objective
from nmt.train.parallel import ALONE, World

Valid = dict[str, float]  # loss (nats a target token), bleu, chrf, or what else the objective is judged by
Sample = dict[str, str]  # source, hypothesis, reference


@dataclass(frozen=True)
class ValidSet:
    """The validation set in one direction."""

    direction: Direction
    src: list[str]
    refs: list[list[str]]
    bleu_tokenize: str
    trained: bool  # or only scored


def _sets(split: PreparedSplit, recipe: Recipe) -> list[ValidSet]:
    data, found = recipe.data, []
    for direction, stored in zip(data.evaluated, stored_directions(data, trained=False), strict=True):
        own, trained = split.between([stored]), direction in data.trained
        tokenize = recipe.tokenize_for(str(direction.tgt))
        found.append(ValidSet(direction, own.text("src"), own.references(), tokenize, trained))
    return found


class Validator:
    """The validation set, and the model that training changes. `also`, where it is set, measures something more."""

    also: Callable[[World], Valid] | None = None

    def __init__(
        self, prepared: Path, recipe: Recipe, tokenizer: Tokenizer, objective: Objective,
        model: Model, device: torch.device, max_tokens: int,
    ) -> None:  # fmt: skip
        split = PreparedSplit.open(prepared, "valid")
        self.sets = _sets(split, recipe) if recipe.translates else []
        alone = [direction for direction in split.directions if direction.tgt is None]
        split = split.between([*stored_directions(recipe.data), *alone])
        self.characters = sum(map(len, split.text("src")))
        objectives = objectives_of(recipe)
        sides = sides_of(split.examples, split.lines, split.directions, objectives,
                         pieces_of(objectives, tokenizer), [recipe.seed, VALID],
                         CorpusTags.of(recipe.data, split.directions, tokenizer.control))  # fmt: skip
        every = int(sides.tgt.lengths.sum()) + len(sides)
        plan = plan_batches(sides.src.lengths, sides.tgt.lengths, every + 1, max_tokens, 0, 0)
        self.epoch = Epoch(sides, plan)
        self.objective, self.model, self.device = objective, model, device
        self.experts: dict[str, Loads] = {}  # what routers did when the sets were last translated, by direction
        self.rouge_tokenize = recipe.evaluate.rouge_tokenize
        beam_size = recipe.decode.valid_beam_size or recipe.decode.beam_size
        decode = recipe.decode.model_copy(update={"beam_size": beam_size})
        domain = domain_of(recipe, Manifest.load(prepared))
        self.translator = (
            Translator.of_models([model], tokenizer, decode, domain)
            if objective.text_metrics and isinstance(model, Writer) else None
        )  # fmt: skip

    def measure(self, with_text: bool = True, world: World = ALONE) -> tuple[Valid, list[list[str]]]:
        """Scores of the weights that the model holds now, and its translations, direction by direction, if they were
        asked for. Of several directions a score is the mean of those that are trained, and beside it stands that of
        each direction, as `bleu:en-fr`.

        The ranks of a world share the work, and rank 0 has all of the scores, the same as if it were alone: all have to
        be here, with the same weights.
        """
        self.model.eval()
        valid = self._by_loss(world)
        hyps: list[list[str]] = []
        if not math.isfinite(valid[LOSS]):
            raise TrainingError(
                f"the validation loss is {valid[LOSS]}: these weights are of no use.",
                "Start over with a lower `train.learning_rate` or a longer `train.warmup_steps`.",
            )
        if with_text and self.translator:
            for own in self.sets:
                with watched(self.model) as (loads,):
                    hyps.append(self.translate(own.src, own.direction, world))
                self.experts[str(own.direction)] = merged(world.everyone(loads))
            if world.is_main:
                valid |= self._by_text(hyps)
            if self.also:
                valid |= self.also(world)
        return valid, hyps

    def translate(self, src: Sequence[str], route: Direction, world: World = ALONE) -> list[str]:
        """What the model makes of these sentences; of each it makes the same, whatever others it is translated with."""
        assert self.translator is not None, "nothing is translated"
        mine = self.translator.translate(world.dealt(src), to=route.tgt, source=route.src)
        return world.collected([t.text for t in mine])

    def _by_text(self, hyps: list[list[str]]) -> Valid:
        found: dict[str, dict[str, float]] = {}
        for own, lines in zip(self.sets, hyps, strict=True):
            for result in score(
                lines,
                own.refs,
                self.objective.text_metrics,
                own.bleu_tokenize,
                rouge_tokenize=self.rouge_tokenize,
                src=own.src,
            ):
                found.setdefault(result.name, {})[str(own.direction)] = result.value
        valid: Valid = {}
        for name, values in found.items():
            trained = [values[str(own.direction)] for own in self.sets if own.trained]
            valid[name] = round(sum(trained) / len(trained), 4)
        if len(self.sets) > 1:
            each = {f"{name}:{d}": round(v, 4) for name, values in found.items() for d, v in values.items()}
            valid |= each
        return valid

    def samples(self, hyps: list[list[str]], number: int) -> list[Sample]:
        """The first sentences, which are the same at every validation; of several directions one after the other."""
        rows = [
            {"source": s, "hypothesis": h, "reference": r}
            for own, lines in zip(self.sets, hyps, strict=False)  # without translations there are no samples
            for s, h, r in list(zip(own.src, lines, own.refs[0], strict=True))[:number]
        ]
        return [row for i in range(number) for row in rows[i::number]][:number]

    @torch.inference_mode()
    def _by_loss(self, world: World) -> Valid:
        epoch = self.epoch
        parts = [part for update in epoch.updates for part in update]
        with watched(self.model) as (loads,):
            batches = (epoch.batch(part).to(self.device) for part in world.dealt(parts))
            found = [self.objective.loss(self.model, batch).sums for batch in batches]
        mine = [{name: float(value) for name, value in sums.items()} for sums in found]  # waits for the device
        loads = merged(world.everyone(loads))
        sums: dict[str, float] = defaultdict(float)
        for name, value in (item for part in world.collected(mine) for item in part.items()):
            sums[name] += value
        num_tokens = sum(self.objective.num_tokens(epoch, part) for part in parts)
        scores = self.objective.judge(sums | {CHARACTERS: self.characters}, num_tokens)
        return scores | ({EXPERT_LOAD: round(max(load.highest for load in loads.values()), 4)} if loads else {})


def show(valid: Valid) -> str:
    """`loss 1.2345 · ppl 3.44 · BLEU 45.6 · chrF 67.8`; the perplexity is of a token, without what pairs cost."""
    of_token = valid.get(MASKED_LOSS, valid.get(LOSS, 0.0))
    parts = [f"loss {valid[LOSS]:.4f}", f"ppl {math.exp(min(20, of_token)):.2f}"] if LOSS in valid else []
    quiet = (LOSS, MASKED_LOSS, EXCESS)
    named = {_named(key): value for key, value in valid.items() if key not in quiet and not _of_one(key)}
    parts += [f"{name} {value:.2f}" for name, value in named.items()]
    return " · ".join(parts) + (f" ({valid[EXCESS]:.2f} below what is allowed)" if valid.get(EXCESS) else "")


def by_direction(valid: Valid, metric: str) -> str:
    """`BLEU: en-fr 45.6 · fr-en 44.1`; empty where there is one direction."""
    name = metric.partition(":")[0]
    each = {key.partition(":")[2]: value for key, value in valid.items() if _of_one(key) and key.startswith(f"{name}:")}
    return f"{_named(name)}: " + " · ".join(f"{d} {value:.2f}" for d, value in each.items()) if each else ""


def _of_one(key: str) -> bool:
    """Whether a score is of one direction."""
    return key.removeprefix(OLD).partition(":")[0] in METRICS and ":" in key


def _named(key: str) -> str:
    if key.startswith(OLD):
        return f"old domain {_named(key.removeprefix(OLD))}"
    return label(key) if key in {*METRICS, BITS, EXPERT_LOAD} else key
