"""What of a recipe's text is read together: pairs of lines, and in which directions they are learned or scored.

A table of several languages is read as the pairs that are needed of it, one language with another: so English, French
and German between which all is translated are three pairs. Lines are stored once a language, whatever pairs they are
part of; what is filtered is a pair, and what is held out is a line of the table, in all its languages.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nmt.data.corpus import PairSource, all_corpora
from nmt.data.examples import SIDES
from nmt.recipe import Corpus, DataSection
from nmt.recipe.directions import Direction
from nmt.tokenizer import Side


def stored_directions(data: DataSection, trained: bool = True) -> list[Direction]:
    """In which the recipe translates, of lines as they are called where they are stored: by their language; where
    source and target have the same, as when text is simplified, by side too. `trained`: without those only scored.
    """
    return [_stored(direction) for direction in (data.trained if trained else data.evaluated)]


def _stored(direction: Direction) -> Direction:
    if direction.src == direction.tgt:
        return Direction(f"{direction.src}.src", f"{direction.tgt}.tgt")
    return direction


def vocabularies(data: DataSection) -> dict[str, Side]:
    """What lines are stored as → whose rules of normalisation their ids have. A language that is written anywhere has
    those of targets, which keep its characters.
    """
    directions = stored_directions(data, trained=False)
    found: dict[str, Side] = {}
    for name in (name for d in directions for name in (d.src, d.tgt) if name is not None):
        found[name] = "tgt" if any(d.tgt == name for d in directions) else "src"
    for corpus in (c for group in all_corpora(data).values() for c in group if c.lang is not None):
        found.setdefault(_alone(data, corpus), "src")
    return found


def sides_read(data: DataSection) -> list[tuple[Side, str]]:
    """As what the lines of each language are learned: read, written, or both."""
    found: list[tuple[Side, str]] = []
    for direction in stored_directions(data):
        found += [("src", direction.src), ("tgt", str(direction.tgt))]
    return list(dict.fromkeys(found))


def _alone(data: DataSection, corpus: Corpus) -> str:
    """What the lines of a corpus of one language are stored as."""
    directions = stored_directions(data, trained=False)
    known = [name for d in directions for name in (d.tgt, d.src) if name and name.partition(".")[0] == corpus.lang]
    return known[0] if known else str(corpus.lang)


def side_of(data: DataSection, corpus: Corpus) -> Side | None:
    """The side whose rules the lines of a corpus of one language have: the target's, where it is a target anywhere.
    None: it has two.
    """
    return None if corpus.lang is None else vocabularies(data)[_alone(data, corpus)]


def sources_of(data: DataSection) -> dict[str, list[PairSource]]:
    """Split → what is read for it, in the order of the recipe; nothing where it is held out of train."""
    held_out = any(c.kind == "holdout" for group in all_corpora(data).values() for c in group)
    found: dict[str, list[PairSource]] = {}
    for split, corpora in all_corpora(data).items():
        # What is only scored can be held out of the training text, too.
        directions = stored_directions(data, trained=split == "train" and not held_out)
        found[split] = [
            source
            for table, corpus in enumerate(corpora)
            if corpus.kind != "holdout"
            for source in _sources(data, corpus, table, directions)
        ]
    return found


def _sources(data: DataSection, corpus: Corpus, table: int, directions: Sequence[Direction]) -> Iterator[PairSource]:
    root = Path(data.root)
    if corpus.of_one_language:
        name = _alone(data, corpus)
        yield PairSource(corpus, root, 0, (name, name), (Direction(name, None),), table, ("src",))
        return
    if corpus.made_elsewhere:  # lines of other languages are others here, each pair with its own
        for pair, own in _pairs(data, [_stored(direction) for direction in data.replayed(corpus)]).items():
            yield PairSource(corpus, root, lines=pair, directions=tuple(own), table=table)
        return
    seen: set[str] = set()
    for (src, tgt), own in _pairs(data, directions).items():
        columns = _columns(data, corpus, src, tgt)
        if columns is None:
            continue
        new = tuple(side for side, name in zip(SIDES, (src, tgt), strict=True) if name not in seen)
        seen |= {src, tgt}
        two = replace(PairSource(columns, root), lines=(src, tgt), directions=tuple(own), table=table, new=new)
        yield two


def _pairs(data: DataSection, directions: Sequence[Direction]) -> dict[tuple[str, str], list[Direction]]:
    """The directions by the two languages that they are between: these in the order of the first of them; or as the
    corpora with `source` and `target` have them.
    """
    first = [] if data.source_lang is None else [_stored(Direction(data.source_lang, data.target_lang))]
    found: dict[tuple[str, str], list[Direction]] = {}
    for direction in [*first, *directions]:
        assert direction.tgt is not None
        pair = (direction.src, direction.tgt)
        own = found.setdefault(pair if pair[::-1] not in found else pair[::-1], [])
        if direction in directions and direction not in own:
            own.append(direction)
    return {pair: own for pair, own in found.items() if own}


def _columns(data: DataSection, corpus: Corpus, src: str, tgt: str) -> Corpus | None:
    """The two columns of these languages; None where the corpus does not have both."""
    if table := corpus.table:
        if not {src, tgt} <= table.keys():
            return None
        return corpus.model_copy(update={"files": None, "columns": None, "source": table[src], "target": table[tgt]})
    own = _stored(Direction(str(data.source_lang), data.target_lang))
    return corpus if (src, tgt) == (own.src, own.tgt) else None


def learned(sources: Mapping[str, Sequence[PairSource]]) -> list[tuple[PairSource, Direction]]:
    """What the numbers of examples count: of each source each direction, split by split."""
    return [(source, direction) for group in sources.values() for source in group for direction in source.directions]


def epoch_size(sizes: Mapping[int, float], asked: Mapping[int, float]) -> float:
    """How much an epoch has of tables of such sizes, of which some have shares: each of the others once; where all
    have shares, as much as the text.
    """
    free = sum(size for table, size in sizes.items() if table not in asked)
    return free / (1 - sum(asked[table] for table in sizes if table in asked)) if free else sum(sizes.values())


def epochs_part(sources: Iterable[tuple[PairSource, float]]) -> float:
    """The size of an epoch to that of the text, by sources of training text and how much each has."""
    sizes: defaultdict[int, float] = defaultdict(float)
    asked = {}
    for source, size in sources:
        table = source.table or 0
        sizes[table] += size
        if source.corpus.share is not None and size:
            asked[table] = source.corpus.share
    whole = sum(sizes.values())
    return epoch_size(sizes, asked) / whole if whole else 1.0
