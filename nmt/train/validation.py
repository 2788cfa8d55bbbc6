"""How good the model is on the validation set: by the objective's loss, and by translating as `nmt translate` does."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import torch

from nmt.data.batches import plan_batches
from nmt.data.manifest import Manifest
from nmt.data.sides import VALID, objectives_of, sides_of
from nmt.data.store import PreparedSplit
from nmt.decode.translator import Translator, domain_of
from nmt.errors import TrainingError
from nmt.model.experts import watched
from nmt.model.kinds import Model, Writer
from nmt.recipe import Recipe
from nmt.run.checkpoint import EXCESS, OLD
from nmt.text.metrics import BITS, EXPERT_LOAD, LOSS, MASKED_LOSS, METRICS, label, score
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import Epoch, pieces_of
from nmt.train.objective import CHARACTERS, Objective

Valid = dict[str, float]  # loss (nats a target token), bleu, chrf, or what else the objective is judged by
Sample = dict[str, str]  # source, hypothesis, reference


class Validator:
    """The validation set, and the model that training changes. `also`, where it is set, measures something more."""

    also: Callable[[], Valid] | None = None

    def __init__(
        self, prepared: Path, recipe: Recipe, tokenizer: Tokenizer, objective: Objective,
        model: Model, device: torch.device, max_tokens: int,
    ) -> None:  # fmt: skip
        split = PreparedSplit.open(prepared, "valid")
        self.src, self.refs = (split.text("src"), split.references()) if recipe.translates else ([], [[]])
        self.characters = sum(map(len, split.text("src")))
        objectives = objectives_of(recipe)
        sides = sides_of(split.examples, split.lines, split.directions, objectives,
                         pieces_of(objectives, tokenizer), [recipe.seed, VALID])  # fmt: skip
        every = int(sides.tgt.lengths.sum()) + len(sides)
        plan = plan_batches(sides.src.lengths, sides.tgt.lengths, every + 1, max_tokens, 0, 0)
        self.epoch = Epoch(sides, plan)
        self.objective, self.model, self.device = objective, model, device
        self.bleu_tokenize, self.rouge_tokenize = recipe.bleu_tokenize, recipe.evaluate.rouge_tokenize
        beam_size = recipe.decode.valid_beam_size or recipe.decode.beam_size
        decode = recipe.decode.model_copy(update={"beam_size": beam_size})
        domain = domain_of(recipe, Manifest.load(prepared))
        self.translator = (
            Translator.of_models([model], tokenizer, decode, domain)
            if objective.text_metrics and isinstance(model, Writer) else None
        )  # fmt: skip

    def measure(self, with_text: bool = True) -> tuple[Valid, list[str]]:
        """Scores of the weights that the model holds now, and its translations if they were asked for."""
        self.model.eval()
        valid, hyps = self._by_loss(), []
        if not math.isfinite(valid[LOSS]):
            raise TrainingError(
                f"the validation loss is {valid[LOSS]}: these weights are of no use.",
                "Start over with a lower `train.learning_rate` or a longer `train.warmup_steps`.",
            )
        if with_text and self.translator:
            hyps = [t.text for t in self.translator.translate(self.src)]
            found = score(hyps, self.refs, self.objective.text_metrics, self.bleu_tokenize,
                          rouge_tokenize=self.rouge_tokenize, src=self.src)  # fmt: skip
            for result in found:
                valid[result.name] = round(result.value, 4)
            if self.also:
                valid |= self.also()
        return valid, hyps

    def samples(self, hyps: list[str], number: int) -> list[Sample]:
        """The first sentences, which are the same at every validation."""
        rows = zip(self.src, hyps, self.refs[0], strict=False)  # without translations there are no samples
        return [{"source": s, "hypothesis": h, "reference": r} for s, h, r in islice(rows, number)]

    @torch.inference_mode()
    def _by_loss(self) -> Valid:
        epoch, num_tokens = self.epoch, 0
        sums: dict[str, float] = defaultdict(float)
        with watched(self.model) as loads:
            for part in (part for update in epoch.updates for part in update):
                batch = epoch.batch(part).to(self.device)
                for name, value in self.objective.loss(self.model, batch).sums.items():
                    sums[name] += float(value)
                num_tokens += self.objective.num_tokens(epoch, part)
        scores = self.objective.judge(sums | {CHARACTERS: self.characters}, num_tokens)
        return scores | ({EXPERT_LOAD: round(max(load.highest for load in loads.values()), 4)} if loads else {})


def show(valid: Valid) -> str:
    """`loss 1.2345 · ppl 3.44 · BLEU 45.6 · chrF 67.8`; the perplexity is of a token, without what pairs cost."""
    of_token = valid.get(MASKED_LOSS, valid.get(LOSS, 0.0))
    parts = [f"loss {valid[LOSS]:.4f}", f"ppl {math.exp(min(20, of_token)):.2f}"] if LOSS in valid else []
    named = {_named(key): value for key, value in valid.items() if key not in (LOSS, MASKED_LOSS, EXCESS)}
    parts += [f"{name} {value:.2f}" for name, value in named.items()]
    return " · ".join(parts) + (f" ({valid[EXCESS]:.2f} below what is allowed)" if valid.get(EXCESS) else "")


def _named(key: str) -> str:
    if key.startswith(OLD):
        return f"old domain {_named(key.removeprefix(OLD))}"
    return label(key) if key in {*METRICS, BITS, EXPERT_LOAD} else key
