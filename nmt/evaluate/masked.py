"""How good an encoder alone is: which share of masked pieces it finds, how probable text is to it, and which pairs it
knows.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nmt import console
from nmt.data.batches import plan_batches
from nmt.data.masking import ALONE, MaskedSides, Rows, masked_sides, texts
from nmt.data.noise import Pieces
from nmt.data.sides import VALID, objectives_of
from nmt.data.store import PreparedSplit
from nmt.evaluate.evaluation import writing
from nmt.evaluate.prepared import chosen_tests
from nmt.evaluate.training_text import check_same_data
from nmt.model.encoder_only import EncoderOnly
from nmt.recipe import Recipe
from nmt.run.folder import load_run_recipe
from nmt.run.results import FOLDER, KeptScore, readable_results
from nmt.tokenizer import PAD_ID, RaggedIds, Tokenizer

MAX_TOKENS = 4096  # padded, at a time
ACCURACY, PSEUDO_PERPLEXITY, PAIR_ACCURACY = "masked_accuracy", "pseudo_perplexity", "pair_accuracy"
COLUMNS = ["test set", "examples", "masked accuracy", "pseudo-perplexity", "pair accuracy"]


@dataclass(frozen=True)
class MaskedScores:
    """Of one test set; accuracies in percent. Where there are pairs, half of those that accuracies are measured on are
    false; the pseudo-perplexity is of the true ones.
    """

    name: str
    examples: int
    scores: dict[str, float]  # by ACCURACY, PSEUDO_PERPLEXITY and, where there are pairs, PAIR_ACCURACY

    def row(self) -> list[str]:
        """As COLUMNS say."""
        masked, pseudo = self.scores[ACCURACY], self.scores[PSEUDO_PERPLEXITY]
        pair = f"{self.scores[PAIR_ACCURACY]:.1f}" if PAIR_ACCURACY in self.scores else ""
        return [self.name, f"{self.examples:,}", f"{masked:.1f}", f"{pseudo:.2f}", pair]

    def to_json(self) -> dict[str, Any]:
        return {"examples": self.examples, **self.scores}


def evaluate_encoder(
    run: Path, model: EncoderOnly, tokenizer: Tokenizer, test: Sequence[str] = ()
) -> list[MaskedScores]:
    """Score test sets of the run's recipe, chosen as evaluation.evaluate_run does; the scores are kept in the run
    folder. Raises RunError where the prepared data are gone or others.
    """
    recipe = load_run_recipe(run)
    names = chosen_tests(run, recipe, test)
    check_same_data(run, recipe.prepared_dir)
    found = [_scored(PreparedSplit.open(recipe.prepared_dir, name), recipe, model, tokenizer) for name in names]
    with writing(run / FOLDER):
        before = readable_results(run)
        new = {t.name: {name: KeptScore(score=value) for name, value in t.scores.items()} for t in found}
        before.model_copy(update={"scores": before.scores | new}).save(run)
    return found


@torch.inference_mode()
def _scored(split: PreparedSplit, recipe: Recipe, model: EncoderOnly, tokenizer: Tokenizer) -> MaskedScores:
    objectives, pieces = objectives_of(recipe), Pieces.of(tokenizer)
    where = split.lines, split.directions
    sides = masked_sides(split.examples, *where, objectives, pieces, [recipe.seed, VALID])
    scores = _accuracies(sides, model)
    nats, number = 0.0, 0
    with console.progress(f"Scoring {split.name}", len(split), "examples") as advance:
        for corpus in split.examples.corpora:
            own = split.examples.take(np.flatnonzero(split.examples.corpus == corpus))
            rows = texts(own, *where, objectives[corpus], pieces, None)
            for index in range(len(own)):
                found = one_by_one(rows, index, model, pieces)
                nats, number = nats - float(found.sum()), number + len(found)
                advance(1)
    scores[PSEUDO_PERPLEXITY] = round(math.exp(min(700.0, nats / max(1, number))), 4)
    return MaskedScores(split.name, len(split), scores)


def _accuracies(sides: MaskedSides, model: EncoderOnly) -> dict[str, float]:
    device = next(model.parameters()).device
    right = pairs_right = pairs = 0
    lengths = sides.src.lengths
    for update in plan_batches(lengths, lengths, int(lengths.sum()) + len(sides) + 1, MAX_TOKENS, 0, 0):
        for part in update:
            batch = sides.batch(part).to(device)
            hidden, masked = model(batch.src, batch.src_mask, batch.segments), batch.tgt_out != PAD_ID
            right += int((model.output(hidden[masked]).argmax(-1) == batch.tgt_out[masked]).sum())
            real = batch.together != ALONE
            pairs += int(real.sum())
            if batch.segments is not None:
                pairs_right += int((model.pair_logits(hidden)[real].argmax(-1) == batch.together[real]).sum())
    found = {ACCURACY: round(100 * right / max(1, int(sides.learned.sum())), 4)}
    return found | ({PAIR_ACCURACY: round(100 * pairs_right / pairs, 4)} if pairs else {})


@torch.inference_mode()
def one_by_one(rows: Rows, index: int, model: EncoderOnly, pieces: Pieces) -> torch.Tensor:
    """Of one row the log-probability of each of its pieces, masked alone, from all the others (Salazar et al. 2020)."""
    ids = np.asarray(rows.ids[index], np.int64)
    at = np.flatnonzero(~np.isin(ids, pieces.marks))
    device = next(model.parameters()).device
    found = [torch.zeros(0)]
    size = max(1, MAX_TOKENS // max(1, len(ids)))
    for begin in range(0, len(at), size):
        places = at[begin : begin + size]
        copies = np.tile(ids, (len(places), 1))
        copies[np.arange(len(places)), places] = pieces.mask
        table = RaggedIds(copies.ravel(), np.arange(len(places) + 1) * len(ids))
        second = np.full(len(places), rows.second[index])
        batch = MaskedSides(table, table, second, second, second).batch(np.arange(len(places))).to(device)
        hidden = model(batch.src, None, batch.segments)[torch.arange(len(places)), torch.from_numpy(places)]
        log_probs = model.output(hidden).float().log_softmax(-1).cpu()
        found.append(log_probs[torch.arange(len(places)), torch.from_numpy(ids[places])])
    return torch.cat(found)
