"""How good a language model is: by test sets, and by what it draws itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Protocol

from nmt import console
from nmt.data.store import PreparedSplit
from nmt.errors import RunError
from nmt.evaluate.evaluation import writing
from nmt.evaluate.prepared import lines_of
from nmt.evaluate.training_text import check_same_data
from nmt.run.folder import load_run_recipe
from nmt.run.results import FOLDER, KeptScore, readable_results
from nmt.text.metrics import BITS, LOSS
from nmt.text.words import words
from nmt.tokenizer import Tokenizer

SAMPLES = 200  # lines that are drawn
BLOCK = 10_000  # lines decoded at a time
PERPLEXITY, DISTINCT, COPIED = "perplexity", "distinct_2", "in_training"
COLUMNS = ["test set", "lines", "loss", "perplexity", "bits a character"]
SAMPLE_COLUMNS = ["samples", "distinct-2", "in the training text"]


class Scored(Protocol):
    @property
    def log_prob(self) -> float: ...

    @property
    def tokens(self) -> list[int]: ...


class Draws(Protocol):
    """What is needed of a Generator; a stand-in serves in tests."""

    def score(self, lines: Sequence[str]) -> Sequence[Scored]: ...
    def generate(self, prompts: Sequence[str], number: int = 1) -> list[list[str]]: ...


@dataclass(frozen=True)
class TextScores:
    """Of one test set. `</s>` counts as a token, the end of a line as no character."""

    name: str
    lines: int
    tokens: int
    characters: int
    nats: float  # -log p of all lines

    @property
    def scores(self) -> dict[str, float]:
        loss = self.nats / self.tokens
        return {LOSS: loss, PERPLEXITY: math.exp(min(700.0, loss)),
                BITS: self.nats / math.log(2) / max(1, self.characters)}  # fmt: skip

    def row(self) -> list[str]:
        """As COLUMNS say."""
        loss, perplexity, bits = self.scores.values()
        return [self.name, f"{self.lines:,}", f"{loss:.4f}", f"{perplexity:.2f}", f"{bits:.3f}"]


@dataclass(frozen=True)
class Drawn:
    """Of lines drawn from the start."""

    lines: list[str]
    distinct: float  # different pairs of neighbouring words / all of them (distinct-2, Li et al. 2016)
    copied: float | None  # share that stands in the training text; None: that is not here

    def row(self) -> list[str]:
        """As SAMPLE_COLUMNS say."""
        copied = "not known" if self.copied is None else f"{100 * self.copied:.1f} %"
        return [f"{len(self.lines):,}", f"{self.distinct:.3f}", copied]

    @property
    def scores(self) -> dict[str, float]:
        return {DISTINCT: self.distinct} | ({} if self.copied is None else {COPIED: self.copied})


@dataclass(frozen=True)
class LanguageEvaluation:
    tests: list[TextScores]
    drawn: Drawn

    def to_json(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {t.name: {"lines": t.lines, **t.scores} for t in self.tests}
        return found | {"samples": {"lines": len(self.drawn.lines), **self.drawn.scores}}


def evaluate_language_model(run: Path, generator: Draws, test: Sequence[str] = ()) -> LanguageEvaluation:
    """Score test sets of the run's recipe as evaluation.evaluate_run does, and SAMPLES lines that the model draws. The
    scores are kept in the run folder.
    """
    recipe = load_run_recipe(run)
    tests = []
    for name, lines in lines_of(run, test).items():
        with console.progress(f"Scoring {name}", len(lines), "lines") as advance:
            tests.append(_scored(name, lines, generator, advance))
    (lines,) = generator.generate([""], SAMPLES)
    drawn = Drawn(lines, distinct_2(lines), _copied(run, recipe.prepared_dir, lines))
    evaluation = LanguageEvaluation(tests, drawn)
    _keep(run, evaluation)
    return evaluation


def distinct_2(lines: Sequence[str]) -> float:
    """Different pairs of neighbouring words of all such pairs."""
    pairs = list(chain.from_iterable(pairwise(words(line)) for line in lines))
    return len(set(pairs)) / max(1, len(pairs))


def _scored(name: str, lines: Sequence[str], generator: Draws, advance: Callable[[int], None]) -> TextScores:
    nats, tokens = 0.0, 0
    for begin in range(0, len(lines), BLOCK):
        block = lines[begin : begin + BLOCK]
        for found in generator.score(block):
            nats, tokens = nats - found.log_prob, tokens + len(found.tokens) + 1
        advance(len(block))
    return TextScores(name, len(lines), tokens, sum(map(len, lines)), nats)


def _copied(run: Path, prepared: Path, lines: Sequence[str]) -> float | None:
    """The share of lines that stand in the training text with the same words, whatever the case and punctuation."""
    try:
        check_same_data(run, prepared)
        split = PreparedSplit.open(prepared, "train")
    except RunError as e:
        console.warn(f"Whether samples stand in the training text is not told: {e.message}")
        return None
    tokenizer, wanted = Tokenizer.load(run), {tuple(words(line)) for line in lines}
    seen = set()
    with console.progress("Reading the training text", len(split), "lines") as advance:
        for part in split.parts():
            for begin in range(0, len(part), BLOCK):
                text = tokenizer.decode([part.written[i] for i in range(begin, min(len(part), begin + BLOCK))])
                seen |= wanted & {tuple(words(line)) for line in text}
                advance(len(text))
    return sum(tuple(words(line)) in seen for line in lines) / max(1, len(lines))


def _keep(run: Path, evaluation: LanguageEvaluation) -> None:
    with writing(run / FOLDER):
        before = readable_results(run)
        new = {t.name: {name: KeptScore(score=value) for name, value in t.scores.items()} for t in evaluation.tests}
        before.model_copy(update={"scores": before.scores | new, "drawn": evaluation.drawn.scores}).save(run)
