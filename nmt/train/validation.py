"""How good the model is: loss, BLEU and chrF on the validation set, by the Translator that `nmt translate` uses."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import torch

from nmt.data.batches import collate, plan_batches
from nmt.data.store import PreparedSplit
from nmt.decode.translator import Translator, domain_of
from nmt.errors import TrainingError
from nmt.model.transformer import Transformer
from nmt.recipe import Recipe
from nmt.text.metrics import LOSS, METRICS, label, score
from nmt.tokenizer import Tokenizer
from nmt.train.loss import smoothed_loss

Valid = dict[str, float]  # loss (nats a target token), bleu, chrf
Sample = dict[str, str]  # source, hypothesis, reference


class Validator:
    """The validation set, and the model that training changes."""

    def __init__(
        self, prepared: Path, recipe: Recipe, tokenizer: Tokenizer,
        model: Transformer, device: torch.device, max_tokens: int,
    ) -> None:  # fmt: skip
        self.split = PreparedSplit.open(prepared, "valid")
        self.src, self.ref = self.split.text("src"), self.split.text("tgt")
        self.model, self.device, self.max_tokens = model, device, max_tokens
        chosen = (recipe.train.metric,) if recipe.train.metric != LOSS else ()
        self.metrics, self.bleu_tokenize = tuple(dict.fromkeys(("bleu", "chrf", *chosen))), recipe.bleu_tokenize
        beam_size = recipe.decode.valid_beam_size or recipe.decode.beam_size
        decode = recipe.decode.model_copy(update={"beam_size": beam_size})
        self.translator = Translator.of_models([model], tokenizer, decode, domain_of(recipe, prepared))

    def measure(self, with_text: bool = True) -> tuple[Valid, list[str]]:
        """Scores of the weights that the model holds now, and its translations if they were asked for."""
        self.model.eval()
        valid, hyps = {"loss": self._loss()}, []
        if not math.isfinite(valid["loss"]):
            raise TrainingError(
                f"the validation loss is {valid['loss']}: these weights cannot translate.",
                "Start over with a lower `train.learning_rate` or a longer `train.warmup_steps`.",
            )
        if with_text:
            hyps = [t.text for t in self.translator.translate(self.src)]
            for result in score(hyps, self.ref, self.metrics, self.bleu_tokenize):
                valid[result.name] = round(result.value, 4)
        return valid, hyps

    def samples(self, hyps: list[str], number: int) -> list[Sample]:
        """The first sentences, which are the same at every validation."""
        rows = zip(self.src, hyps, self.ref, strict=False)  # without translations there are no samples
        return [{"source": s, "hypothesis": h, "reference": r} for s, h, r in islice(rows, number)]

    @torch.inference_mode()
    def _loss(self) -> float:
        """Mean -log p a target token, in nats; not smoothed."""
        split, total, output = self.split, 0.0, self.model.output
        num_tokens = int(split.tgt.lengths.sum()) + len(split)
        for update in plan_batches(split.src.lengths, split.tgt.lengths, num_tokens + 1, self.max_tokens, 0, 0):
            for part in update:
                batch = collate(split.src, split.tgt, part).to(self.device)
                hidden = self.model(batch.src, batch.src_mask, batch.tgt_in)
                total += float(smoothed_loss(hidden, output.weight, output.bias, batch.tgt_out, 0.0)[1])
        return round(total / num_tokens, 6)


def show(valid: Valid) -> str:
    """`loss 1.2345 · ppl 3.44 · BLEU 45.6 · chrF 67.8`."""
    parts = [f"loss {valid['loss']:.4f}", f"ppl {math.exp(min(20, valid['loss'])):.2f}"] if "loss" in valid else []
    return " · ".join(parts + [f"{label(key)} {valid[key]:.2f}" for key in METRICS if key in valid])
