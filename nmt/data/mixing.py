"""Which examples an epoch has of each corpus: by the recipe's shares, and by its temperature.

Pure functions of their arguments: any epoch can be had at any time, and is always the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from nmt.data.examples import Examples, Lines
from nmt.data.index import Blocks
from nmt.data.sources import epoch_size
from nmt.data.tags import NOTHING
from nmt.recipe import ObjectiveSection
from nmt.recipe.directions import Direction

_MIX = 1  # a further number of a seed, so that nothing is drawn as something else is


def mix(
    examples: Examples, directions: Sequence[Direction], objectives: Sequence[ObjectiveSection], temperature: float,
    seed: Sequence[int],
) -> Examples:  # fmt: skip
    """An epoch's examples, in order, of which those of each direction have a share in proportion to their number to the
    power of 1/temperature (Arivazhagan et al. 2019): whole rounds of them, and of the last round a random part. There
    are as many as without; with a temperature of 1, each once. `directions` and `objectives` are by corpus.
    """
    mixed = [d if o.kind == "translate" else None for d, o in zip(directions, objectives, strict=True)]
    names = list(dict.fromkeys(d for d in mixed if d is not None))
    if temperature == 1 or len(names) < 2:
        return examples
    number = np.array([names.index(d) if d is not None else NOTHING for d in mixed])[examples.corpus]
    own = [np.flatnonzero(number == n) for n in range(len(names))]
    wanted = _tempered([len(which) for which in own], temperature)
    drawn = [np.flatnonzero(number == NOTHING)]
    for n, which in enumerate(own):
        if len(which):
            rounds, rest = divmod(wanted[n], len(which))
            part = np.random.default_rng([*seed, n, _MIX]).choice(len(which), rest, replace=False)
            drawn += [which] * rounds + [which[part]]
    return examples.take(np.sort(np.concatenate(drawn)))


def draw(
    examples: Examples, shares: Sequence[float | None], tokens: Lines, seed: Sequence[int], tables: Sequence[int] = ()
) -> Examples:
    """An epoch's examples, in order: of a corpus without a share each once; of one with a share as many as bring it to
    that share of all target tokens. Drawn are whole rounds of a corpus, and of the last round a random part. Where all
    have shares, an epoch has as many tokens as the text.

    `shares`: by corpus; `tokens`: what counts as target of each example; `tables`: corpora of one table have the same
    number there, and one share.
    """
    if all(share is None for share in shares):
        return examples
    table = np.array(tables or range(len(shares)))
    corpus, lengths = table[examples.corpus], tokens.lengths + 1
    own = {int(c): np.flatnonzero(corpus == c) for c in np.unique(table[examples.corpora])}
    size = {c: int(lengths[which].sum()) for c, which in own.items()}
    asked = {c: share for c in own if (share := shares[int(np.argmax(table == c))]) is not None}
    wanted = _shared({c: len(which) for c, which in own.items()}, size, asked)
    drawn = []
    for c, which in own.items():
        rounds, rest = divmod(wanted[c], len(which))
        part = np.random.default_rng([*seed, c]).choice(len(which), rest, replace=False)
        drawn += [which] * rounds + [which[part]]
    return examples.take(np.sort(np.concatenate(drawn)))


def how_many(
    corpora: Sequence[Blocks], shares: Sequence[float | None], tables: Sequence[int],
    directions: Sequence[Direction], objectives: Sequence[ObjectiveSection], temperature: float,
) -> list[int]:  # fmt: skip
    """How many examples of each corpus an epoch has, as `draw` and `mix` would choose them one after the other."""
    numbers = [float(corpus.examples) for corpus in corpora]
    there = [c for c, corpus in enumerate(corpora) if corpus.examples]
    if any(shares[c] is not None for c in there):
        examples, tokens, asked = Counter[int](), Counter[int](), {}
        for c in there:
            examples[tables[c]] += corpora[c].examples
            tokens[tables[c]] += corpora[c].tokens
            if (share := shares[c]) is not None:
                asked[tables[c]] = share
        drawn = _shared(examples, tokens, asked)
        for c in there:
            numbers[c] *= drawn[tables[c]] / examples[tables[c]]
    mixed = {c: directions[c] for c in there if objectives[c].kind == "translate"}
    names = list(dict.fromkeys(mixed.values()))
    if temperature != 1 and len(names) > 1:
        own = [sum(numbers[c] for c in mixed if mixed[c] == name) for name in names]
        factors = [after / before for after, before in zip(_tempered(own, temperature), own, strict=True)]
        for c, name in mixed.items():
            numbers[c] *= factors[names.index(name)]
    return [max(1, round(number)) if number else 0 for number in numbers]


def _shared(examples: Mapping[int, int], tokens: Mapping[int, int], asked: Mapping[int, float]) -> dict[int, int]:
    """How many examples of each table have its share of all tokens; of those without a share, each once."""
    total = epoch_size(tokens, asked)
    scale = 1.0 if tokens.keys() - asked.keys() else 1 / sum(asked.values())
    return {
        c: max(1, round(total * scale * asked[c] * examples[c] / tokens[c]) if c in asked else examples[c])
        for c in tokens
    }


def _tempered(examples: Sequence[float], temperature: float) -> list[int]:
    """As many in all, each direction's part in proportion to its number to the power of 1/temperature."""
    weights = np.array([float(number) ** (1 / temperature) if number else 0.0 for number in examples])
    wanted = weights / weights.sum() * sum(examples)
    return [max(1, round(number)) if number else 0 for number in wanted.tolist()]
