"""Whether line n of one side belongs to line n of the other, and where that ends: faults and warnings of the audit."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from nmt.data.corpus import PairSource
from nmt.data.shift import Features, Shift, find_shifts, line_features
from nmt.errors import plural

LOOKED_AT = 1_000_000  # lines together, so that memory stays flat; what comes behind is judged by itself
Lengths = npt.NDArray[np.uint16]


def check_alignment(
    source: PairSource, src: Lengths, tgt: Lengths, in_table: bool, faults: list[tuple[str, str]], warnings: list[str]
) -> None:
    """`src`, `tgt`: the lengths of the source's lines; `in_table`: other sources have files in common with it, and all
    are compared together.
    """
    if source.corpus.of_one_language or (len(src) != len(tgt) and in_table):
        return
    if len(src) == len(tgt) and not any(find_shifts(*part) for part in _parts(src, tgt)):
        return
    shifts = _shifts(source)
    if len(src) != len(tgt):
        (fewer, less), (more, most) = sorted([(len(src), source.label("src")), (len(tgt), source.label("tgt"))])
        counts = f"{less} has {plural(fewer, 'line')}, but {most} has {more:,}"
        faults.append((f"{counts}; parallel files must have one line per pair.", _where_shifted(shifts, fewer)))
        return
    for i, shift in enumerate(shifts):
        if shift.offset:
            end = shifts[i + 1].line - 1 if i + 1 < len(shifts) else len(src)
            by = f"{abs(shift.offset)} line{'s' if abs(shift.offset) > 1 else ''}"
            files = " and ".join(dict.fromkeys((source.label("src"), source.label("tgt"))))
            warnings.append(f"{files}: lines {shift.line:,} to {end:,} seem to be shifted against each other by {by}. "
                            "The counts agree, but the pairs there do not belong together.")  # fmt: skip


def _where_shifted(shifts: list[Shift], fewer: int) -> str:
    if not shifts:
        return "Where they shift cannot be told from the lengths of the lines; compare them side by side."
    if shifts[0].line > fewer - 2:
        return f"They seem to agree up to line {fewer:,}; the lines after it have no counterpart."
    at = [f"{shift.line:,}" for shift in shifts[:5]]
    if len(at) > 1:
        return f"The texts seem to shift at lines {', '.join(at[:-1])} and {at[-1]}."
    return f"The texts seem to shift at line {at[0]}."


def _shifts(source: PairSource) -> list[Shift]:
    """Those of the first lines that have any. Lengths were at hand; now that something is wrong, a second reading for
    more evidence is worth its time.
    """
    first, features = 0, [(line_features([]), line_features([]))]
    for chunk in source.chunks():
        features.append((line_features(chunk.src), line_features(chunk.tgt)))
        if sum(src.shape[1] for src, _ in features) >= 2 * LOOKED_AT:
            src, tgt = (np.concatenate(side, axis=1) for side in zip(*features, strict=True))
            if found := find_shifts(src[:, :LOOKED_AT], tgt[:, :LOOKED_AT]):
                return [Shift(first + shift.line, shift.offset) for shift in found]
            first, features = first + LOOKED_AT, [(src[:, LOOKED_AT:], tgt[:, LOOKED_AT:])]
    found = find_shifts(*(np.concatenate(side, axis=1) for side in zip(*features, strict=True)))
    return [Shift(first + shift.line, shift.offset) for shift in found]


def _parts(src: Features, tgt: Features) -> Iterator[tuple[Features, Features]]:
    """Lengths, so many of them together; the last part has what would be left over."""
    number = max(1, len(src) // LOOKED_AT)
    for i in range(number):
        part = slice(i * LOOKED_AT, None if i == number - 1 else (i + 1) * LOOKED_AT)
        yield src[part], tgt[part]
