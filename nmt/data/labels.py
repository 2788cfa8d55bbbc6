"""Labels: targets of which there are few, and no others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches

import numpy as np

from nmt.data.corpus import PairSource
from nmt.data.filters import Routing
from nmt.data.rereading import read_again
from nmt.errors import DataError, plural
from nmt.recipe import DataSection

MOST = 1000  # that are found in a text: more are no labels


def find_labels(data: DataSection, sources: Mapping[str, Sequence[PairSource]], routing: Routing) -> list[str]:
    """Those that the recipe names, or those of the training text, in order; none where outputs are free. Raises
    DataError naming a line of any split that has another.
    """
    if data.labels is None:
        return []
    labels = sorted(_in_training(sources["train"], routing)) if data.labels == "auto" else list(data.labels)
    others = [found for group in sources.values() for source in group for found in _others(source, set(labels))]
    if others:
        where, label = others[0]
        close = get_close_matches(label, labels, n=1)
        meant = f" Did you mean `{close[0]}`?" if close else ""
        more = f" So have {plural(len(others) - 1, 'more line')}." if others[1:] else ""
        shown = ", ".join(labels[:20]) + (", …" if labels[20:] else "")
        raise DataError(f"{where} has `{label}`, which is none of the labels.{meant}{more}", f"They are: {shown}.")
    return labels


def _in_training(sources: Sequence[PairSource], routing: Routing) -> set[str]:
    kept, found = routing.mask("train"), set[str]()
    for number, index, chunk in read_again(sources, len(kept)):
        if sources[number].corpus.of_one_language:
            continue
        found |= {chunk.tgt[i].decode().strip() for i in np.flatnonzero(kept[index : index + len(chunk.tgt)]).tolist()}
        if len(found) > MOST:
            raise DataError(
                f"{sources[number].label('tgt')} has more than {MOST:,} different labels.",
                "Is it the column of labels? What is written freely is for another task than `classify`.",
            )
    return found


def _others(source: PairSource, labels: set[str]) -> Iterator[tuple[str, str]]:
    """Places of lines with something else, and what that is. A blank line of a further reference is none."""
    if source.corpus.of_one_language:
        return
    for stream in [source, *source.further_references()]:
        for chunk in stream.chunks():
            for line, raw in enumerate(chunk.tgt, chunk.first_line):
                label = raw.decode().strip()
                if label not in labels and (label or not stream.reference):
                    yield stream.where("tgt", line), label
