"""What all the measurements of a run come to, in a few sentences that a person reads first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from nmt.evaluate.analysis import Analysis
from nmt.evaluate.robustness import Robustness
from nmt.run.results import Results
from nmt.text.metrics import BITS, METRICS, label

WEAK_VARIANT = 5.0  # chrF points that another way of writing costs, from which on it is worth a sentence
WEAK_WORDS = 0.5  # F1 of rare words below which it is worth a sentence
MANY_FLAGS = 0.01  # share of a test set's translations that look wrong


def verdict(
    valid: Mapping[str, float], results: Results, analyses: Sequence[Analysis], robustness: Sequence[Robustness]
) -> list[str]:
    """Sentences: how good it is, then what it is weak at, the worst first. `valid`: scores of the validation set."""
    return [*_quality(valid, results), *_flagged(results), *_fragile(robustness), *_rare(analyses)]


def _quality(valid: Mapping[str, float], results: Results) -> Iterator[str]:
    for test, scores in results.scores.items():
        if metric := next((name for name in METRICS if name in scores), None):
            yield f"On {test} it reaches {label(metric)} {scores[metric].text(metric)}, out of 100."
        if BITS in scores:
            yield f"On {test} it needs {scores[BITS].text(BITS)} bits a character."
    if "in_training" in results.drawn:
        yield f"Of the lines that it draws, {results.drawn['in_training']:.0%} stand in its training text."
    if not results.scores:
        first = next((name for name in METRICS if name in valid), None)
        known = f" On the validation set it has {label(first)} {valid[first]:.1f}." if first else ""
        yield f"It was not evaluated on a test set yet.{known}"


def _flagged(results: Results) -> Iterator[str]:
    for test, details in results.details.items():
        wrong = sum(details.flags.values())
        if details.sentences and wrong:
            share = wrong / details.sentences
            amount = f"{share:.0%} of the translations" if share >= MANY_FLAGS else f"{wrong:,} of the translations"
            kinds = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in details.flags.items() if count)
            yield f"On {test}, {amount} look wrong at first sight: {kinds}."


def _fragile(robustness: Sequence[Robustness]) -> Iterator[str]:
    weak = [(v.chrf_loss, v.name, r.name) for r in robustness for v in r.variants if v.chrf_loss >= WEAK_VARIANT]
    lost = sorted(weak, reverse=True)
    for loss, variant, test in lost[:3]:
        yield f"It is fragile: with {variant}, {test} loses {loss:.0f} points of chrF."


def _rare(analyses: Sequence[Analysis]) -> Iterator[str]:
    for a in analyses:
        weak = [f for f in a.by_frequency if f.words and f.f1 < WEAK_WORDS]
        if weak:
            worst = min(weak, key=lambda f: f.f1)
            yield (
                f"Rare words are weak: of the words of {a.name} that training has {worst.name} times, "
                f"{worst.recall:.0%} are translated as in the reference."
            )
