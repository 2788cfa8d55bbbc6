"""What is learned: the loss of a batch, what an update's gradient is divided by, and how good a model is.

The trainer and the validation know no loss by name. Another kind of learning is another class with these methods, and
a line in `choose_objective`.

Everything is a sum, and is divided once for a whole update, by its tokens on all ranks. So an update is the same
however it is cut into micro-batches, as long as a batch's loss is a sum over what is in it. A mean over the batch is
none, and neither is a factor that follows from a micro-batch's own counts. Where parts of a loss are counted in
different things, masked tokens and pairs of sentences, a constant has to stand between them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nmt.data.batches import Batch, Indices
from nmt.data.masking import ALONE, MaskedBatch
from nmt.model.encoder_only import EncoderOnly
from nmt.model.transformer import Transformer
from nmt.recipe import ConsistencySection, Recipe
from nmt.text.metrics import BITS, LOSS, MASKED_LOSS
from nmt.tokenizer import PAD_ID
from nmt.train.epochs import Epoch
from nmt.train.loss import Mixture, pair_loss, smoothed_loss

CHARACTERS = "characters"


@dataclass(frozen=True)
class Loss:
    """Of a batch. Scalars, summed over what it teaches; losses in nats."""

    total: Tensor  # what is minimised
    sums: dict[str, Tensor]  # name → what else is reported of it, without gradients


class Objective(Protocol):
    """One for a whole training: it is called from several threads at a time, so it keeps nothing."""

    text_metrics: tuple[str, ...]  # what translations of the validation set are scored by; if none, there are none

    def num_tokens(self, epoch: Epoch, part: Indices) -> int:
        """What a part of an update counts for. Every rank asks for all parts, and collates only its own."""

    def loss(self, model: Any, batch: Any) -> Loss:
        """Of a model of the kind that the objective is for, and what Epoch.batch makes for it; in the mode, training
        or not, that the model is in. `total` may have no gradients: validation needs none.
        """

    def judge(self, sums: Mapping[str, float], num_tokens: int) -> dict[str, float]:
        """The validation scores that follow from the sums over the whole validation set; one of them is `loss`. Among
        the sums is CHARACTERS, of its sources as text.
        """


class Write:
    """Each target token from the source and the tokens before it, by label-smoothed cross-entropy; the sides of an
    example, a translation or a line that noise was added to, say what is learned. Translations are validated by
    `metrics`, those usual for the task and the one that the best checkpoint is chosen by.
    """

    def __init__(self, label_smoothing: float, metrics: Sequence[str]) -> None:
        self.label_smoothing = label_smoothing
        # Those of one direction as those of all
        names = [name.partition(":")[0] for name in metrics if name != LOSS]
        self.text_metrics = tuple(dict.fromkeys(names))

    def num_tokens(self, epoch: Epoch, part: Indices) -> int:
        return epoch.tokens_of(part)

    def loss(self, model: Transformer, batch: Batch) -> Loss:
        hidden, output = model(batch.src, batch.src_mask, batch.tgt_in), model.output
        smoothed, plain = smoothed_loss(
            hidden, output.weight, output.bias, batch.tgt_out, self.label_smoothing, batch.num_tokens
        )
        return Loss(smoothed, {"nll": plain})

    def judge(self, sums: Mapping[str, float], num_tokens: int) -> dict[str, float]:
        """The loss is not smoothed."""
        return {LOSS: round(sums["nll"] / num_tokens, 6)}


class Agree:
    """What Write learns, and that two passes over an example, with other dropout and perhaps with tokens cut out,
    predict the same.

    With ½ (CE₁ + CE₂) in front, a weight is half of the α that R-Drop's authors take for CE₁ + CE₂ in translation. What
    layers add to the loss they add for both passes. A batch that is read once, as all of validation, is Write's.
    """

    def __init__(self, write: Write, section: ConsistencySection) -> None:
        self._write, self.text_metrics = write, write.text_metrics
        match section.kind:
            case "rdrop":
                self._mixture = Mixture((0.5, 0.5), (0.5, 0.5), section.weight)
            case "simcut":
                self._mixture = Mixture((1.0, 0.0), (1.0, 0.0), section.weight)

    def num_tokens(self, epoch: Epoch, part: Indices) -> int:
        return self._write.num_tokens(epoch, part)

    def loss(self, model: Transformer, batch: Batch) -> Loss:
        """`kl` is the divergence of the two passes without its weight."""
        if batch.passes == 1:
            return self._write.loss(model, batch)
        hidden, output = model(batch.src, batch.src_mask, batch.tgt_in).unflatten(0, (2, -1)), model.output
        loss, plain, divergence = pair_loss(
            hidden, output.weight, output.bias, batch.tgt_out, self._write.label_smoothing, self._mixture,
            batch.num_tokens,
        )  # fmt: skip
        return Loss(loss, {"nll": plain, "kl": divergence})

    def judge(self, sums: Mapping[str, float], num_tokens: int) -> dict[str, float]:
        return self._write.judge(sums, num_tokens)


class FillIn:
    """The pieces behind masks, and whether two texts belong together, by an encoder alone: the mean loss of a masked
    piece plus that of a pair (Devlin et al. 2019). See MaskedSides.pair_weight for what stands between the two sums.
    """

    text_metrics: tuple[str, ...] = ()

    def __init__(self, label_smoothing: float) -> None:
        self.label_smoothing = label_smoothing

    def num_tokens(self, epoch: Epoch, part: Indices) -> int:
        return epoch.tokens_of(part)

    def loss(self, model: EncoderOnly, batch: MaskedBatch) -> Loss:
        hidden, output = model(batch.src, batch.src_mask, batch.segments), model.output
        smoothed, plain = smoothed_loss(
            hidden, output.weight, output.bias, batch.tgt_out, self.label_smoothing, batch.num_tokens
        )
        sums = {"nll": plain}
        if not torch.is_grad_enabled():
            masked = batch.tgt_out != PAD_ID
            sums["masked_right"] = (output(hidden[masked]).argmax(-1) == batch.tgt_out[masked]).sum()
        if batch.segments is None:
            return Loss(smoothed, sums)
        real = batch.together != ALONE
        logits, labels = model.pair_logits(hidden)[real].float(), batch.together[real]
        pair = cross_entropy(logits, labels, reduction="sum")
        if torch.is_grad_enabled():
            sums["pair"] = batch.pair_weight * pair.detach()
        else:
            sums |= {"pair_nll": pair, "pairs": real.sum(), "pair_right": (logits.argmax(-1) == labels).sum()}
        return Loss(smoothed + batch.pair_weight * pair, sums)

    def judge(self, sums: Mapping[str, float], num_tokens: int) -> dict[str, float]:
        """The loss as above, and which share of the masked pieces and of the pairs is found, in percent; where pairs
        are learned, the masked pieces' part of the loss, too.
        """
        found = {LOSS: sums["nll"] / num_tokens, "masked_accuracy": 100 * sums["masked_right"] / num_tokens}
        if pairs := sums.get("pairs"):
            found[MASKED_LOSS] = found[LOSS]
            found[LOSS] += sums["pair_nll"] / pairs
            found["pair_accuracy"] = 100 * sums["pair_right"] / pairs
        return {name: round(value, 6 if name in (LOSS, MASKED_LOSS) else 4) for name, value in found.items()}


class Continue:
    """Each token of a line from those before it: a language model. Validated by bits a character too, which models with
    other vocabularies can be compared by.
    """

    text_metrics: tuple[str, ...] = ()

    def __init__(self, label_smoothing: float) -> None:
        self._write = Write(label_smoothing, ())

    def num_tokens(self, epoch: Epoch, part: Indices) -> int:
        return self._write.num_tokens(epoch, part)

    def loss(self, model: Any, batch: Batch) -> Loss:
        return self._write.loss(model, batch)

    def judge(self, sums: Mapping[str, float], num_tokens: int) -> dict[str, float]:
        bits = sums["nll"] / math.log(2) / max(1, sums[CHARACTERS])
        return {**self._write.judge(sums, num_tokens), BITS: round(bits, 6)}


def choose_objective(recipe: Recipe) -> Objective:
    if recipe.objective.kind == "lm" and not recipe.translates:
        return Continue(recipe.train.label_smoothing)
    if recipe.model.kind == "encoder":
        return FillIn(recipe.train.label_smoothing)
    metrics = (*recipe.about_task.valid, recipe.train.metric) if recipe.translates else ()
    write = Write(recipe.train.label_smoothing, metrics)
    return write if recipe.train.consistency is None else Agree(write, recipe.train.consistency)
