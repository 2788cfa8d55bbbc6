"""The text read again after the audit, which knows how many lines it has; refused where it has changed since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nmt.data.corpus import Chunk, PairSource
from nmt.errors import DataError


def read_again(sources: Sequence[PairSource], pairs: int) -> Iterator[tuple[int, int, Chunk]]:
    """Chunks with the number of their source, and the index of their first pair among the `pairs` of all."""
    index = 0
    for number, source in enumerate(sources):
        for chunk in source.chunks():
            if index + len(chunk.src) > pairs or len(chunk.src) != len(chunk.tgt):
                raise changed_meanwhile(source.label("src"))
            yield number, index, chunk
            index += len(chunk.src)
    if index != pairs:
        raise changed_meanwhile(sources[-1].label("src"))


def changed_meanwhile(name: str) -> DataError:
    return DataError(f"{name} changed while it was being prepared.", "Prepare again when it is complete.")
