"""Scores by direction: what a test set is called in one of several directions, and what the directions come to.

Of a run of several directions, `flickr` is scored as `flickr:en-fr`, `flickr:fr-en` and so on; of a run of one it is
`flickr`. Results, kept texts, comparisons and reports go by these names.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from nmt.recipe import DataSection, Recipe
from nmt.recipe.directions import Direction
from nmt.text.metrics import Score, in_language

ENGLISH = "en"


def name_of(data: DataSection, test: str, direction: Direction) -> str:
    return f"{test}:{direction}" if len(data.evaluated) > 1 else test


def direction_of(data: DataSection, name: str) -> Direction:
    """The direction that scores of that name are of."""
    named = name.rpartition(":")[2]
    return next((d for d in data.evaluated if str(d) == named), data.trained[0])


def tokenize_of(recipe: Recipe, name: str, asked: str | None = None) -> str:
    """How BLEU splits words where scores have that name: as is asked, else by the language that is translated into."""
    language = str(direction_of(recipe.data, name).tgt)
    return in_language(asked, language) if asked else recipe.tokenize_for(language)


def means(data: DataSection, scores: Mapping[str, Sequence[Score]]) -> dict[str, list[Score]]:
    """Of scores by name, the same metrics each: the means over the trained directions, over those into English and out
    of it (or the commonest language), and over those that were not trained; of several test sets, apart.
    """
    tests = list(dict.fromkeys(name.rpartition(":")[0] for name in scores))
    found: dict[str, list[Score]] = {}
    for test in tests:
        own = {direction_of(data, name): s for name, s in scores.items() if name.rpartition(":")[0] == test}
        for label, directions in _groups(data).items():
            values = [own[d] for d in directions if d in own]
            if values:
                found[label if len(tests) == 1 else f"{test}, {label}"] = [
                    _mean(metric) for metric in zip(*values, strict=True)
                ]
    return found


def _groups(data: DataSection) -> dict[str, list[Direction]]:
    trained = data.trained
    times = Counter(name for d in trained for name in (d.src, d.tgt))
    hub = ENGLISH if ENGLISH in times else times.most_common(1)[0][0]
    return {
        "all trained (mean)": trained,
        f"into {hub} (mean)": [d for d in trained if d.tgt == hub],
        f"out of {hub} (mean)": [d for d in trained if d.src == hub],
        "zero-shot (mean)": [d for d in data.evaluated if d not in trained],
    }


def _mean(scores: Sequence[Score]) -> Score:
    """Of one metric."""
    number = len(scores)
    signature = f"mean of {number} direction{'' if number == 1 else 's'}"
    return Score(scores[0].name, sum(s.value for s in scores) / number, signature)
