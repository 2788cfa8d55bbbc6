"""Where two texts that should be parallel shift apart, judged by the lengths of their lines, punctuation and digits.

A line and its translation have similar lengths (Gale and Church 1993). Standardised log lengths of true pairs are
taken as bivariate normal with correlation r, those of unrelated lines as independent; the log-likelihood ratio of
the two is positive evidence for a pairing, negative against it. Counts of some characters add theirs in the same way.
A text that lost or gained lines pairs source line i with target line i + offset, another offset after each fault:
Viterbi finds the offsets, in blocks, then to the line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.integer[Any]]
Floats = npt.NDArray[np.float32]

_BLOCK = 32  # lines judged together by the search over offsets
_REACH = 3  # offsets tried beyond those that the counts demand
_SWITCH_COST = 20.0  # nats; each change of offset must earn this much
_MAX_OFFSETS = 50
_AROUND = 32  # lines before and after that make up the neighbourhood
_GUESS = 0.7
_MIN_LINES = 20
_MIN_CORRELATION = 0.3  # below, lengths tell nothing
_LIMIT = 5.0  # no line counts for more nats than this


@dataclass(frozen=True)
class Shift:
    """From source line `line` (from 1) on, it is target line `line + offset` that belongs to it."""

    line: int
    offset: int


def line_features(lines: Sequence[bytes]) -> Features:
    """What a line and its translation have in common: (features, lines)."""
    counts = [[line.count(mark) for line in lines] for mark in (b"?", b"!", b",")]
    digits = [len(line) - len(line.translate(None, b"0123456789")) for line in lines]
    return np.array([[len(line) for line in lines], *counts, digits], np.int32)


def find_shifts(src: Features, tgt: Features) -> list[Shift]:
    """The changes of offset in the order of the lines; empty where there are none, or nothing can be told.

    Takes the lengths of the lines (lines,), or their `line_features` (features, lines). With unequal counts the first
    line that is out of step is what users look for: `find_shifts(...)[0].line`. With equal counts there are shifts
    only where one lost line is made up for by another.
    """
    n, surplus = src.shape[-1], tgt.shape[-1] - src.shape[-1]
    if min(n, tgt.shape[-1]) < _MIN_LINES:
        return []
    offsets = list(range(min(0, surplus) - _REACH, max(0, surplus) + _REACH + 1))
    if len(offsets) > _MAX_OFFSETS:  # so many lines are hardly lost one by one
        offsets = sorted({o for end in (0, surplus) for o in range(end - _REACH, end + _REACH + 1)})
    pairing = _Pairing(_standardised(np.atleast_2d(src)), _standardised(np.atleast_2d(tgt)), offsets)
    changes: list[Shift] = []
    for _ in range(2):  # the correlations are guesses at first, then those of the pairs found
        changes = _best_path(pairing, surplus)
        if not changes:
            return []
        pairing.r = _correlations(pairing, changes)
        if max(pairing.r) < _MIN_CORRELATION:
            return []
    return _convincing(changes, pairing, surplus)


class _Pairing:
    """Evidence for and against pairs of lines."""

    def __init__(self, x: Floats, y: Floats, offsets: list[int]) -> None:
        self.x, self.y = x, y  # (features, lines), standardised, of source and target
        self.offsets = offsets
        self.r = [_GUESS] * len(x)  # correlation of each feature between true pairs

    def nats(self, offset: int, start: int, end: int) -> Floats:
        """Evidence for pairing source line i with target line i + offset, start <= i < end; 0 beyond the texts."""
        evidence = np.zeros(end - start, np.float32)
        first, last = max(start, -offset), min(end, self.x.shape[1], self.y.shape[1] - offset)
        if first < last:
            for x, y, r in zip(self.x, self.y, self.r, strict=True):
                a, b, rr = x[first:last], y[first + offset : last + offset], r * r
                nats = (2 * r * a * b - rr * (a * a + b * b)) / (2 * (1 - rr)) - 0.5 * math.log(1 - rr)
                evidence[first - start : last - start] += np.clip(nats, -_LIMIT, _LIMIT)
        return evidence


def _standardised(features: Features) -> Floats:
    """Logs less the mean of the neighbourhood (sorted text would seem to fit at any offset), in standard deviations."""
    logs = np.log(features.astype(np.float32) + 1)
    sums = np.cumsum(logs, axis=1, dtype=np.float64)
    sums = np.concatenate([np.zeros((len(logs), 1)), sums], axis=1)
    lines = np.arange(logs.shape[1])
    start, end = np.maximum(lines - _AROUND, 0), np.minimum(lines + _AROUND + 1, logs.shape[1])
    logs -= ((sums[:, end] - sums[:, start]) / (end - start)).astype(np.float32)
    standardised: Floats = np.clip(logs / np.maximum(logs.std(axis=1, keepdims=True), 1e-6), -4, 4)
    return standardised


def _best_path(pairing: _Pairing, surplus: int) -> list[Shift]:
    """Viterbi over blocks of lines, then each change placed to the line.

    One state more than there are offsets: lines that belong to nothing, as where a whole block was lost.
    """
    n, offsets = pairing.x.shape[1], pairing.offsets
    starts = np.arange(0, n, _BLOCK)
    gains = [np.add.reduceat(pairing.nats(o, 0, n), starts) for o in offsets]
    blocks = np.stack([*gains, np.zeros(len(starts))], axis=1)  # (blocks, states)
    zero, nothing, stay = offsets.index(0), len(offsets), np.arange(len(offsets) + 1)
    best = np.full(len(stay), -_SWITCH_COST)
    best[zero] = 0.0
    came_from = np.zeros(blocks.shape, np.int16)
    for t, gain in enumerate(blocks):
        top = int(best.argmax())
        floor = best[top] - _SWITCH_COST
        came_from[t] = np.where(best < floor, top, stay)
        best = np.maximum(best, floor) + gain
    best[stay != offsets.index(surplus)] -= _SWITCH_COST  # lines missing at the very end are a change too
    path = [int(best.argmax())]
    for t in range(len(blocks) - 1, 0, -1):
        path.append(int(came_from[t, path[-1]]))
    changes, before, left = [], zero, 0  # left: the block in which the offset before was last seen
    for t, after in enumerate(reversed(path)):
        if after not in (before, nothing):
            place = _place(pairing, offsets[before], offsets[after], left * _BLOCK, t * _BLOCK)
            changes.append(Shift(place + 1, offsets[after]))
            before = after
        left = t if after != nothing else left
    if offsets[before] != surplus:
        changes.append(Shift(n + 1 + min(0, surplus - offsets[before]), surplus))
    return changes


def _place(pairing: _Pairing, before: int, after: int, left: int, near: int) -> int:
    """The line (from 0) between `left` and `near`, or a little beyond, at which changing from one offset to the other
    explains most."""
    lost = max(0, before - after)  # source lines whose counterpart is gone pair with nothing
    start, end = max(0, left - 2 * _BLOCK - lost), min(pairing.x.shape[1], near + 2 * _BLOCK + lost)
    head = np.concatenate([[0.0], np.cumsum(pairing.nats(before, start, end))])
    tail = np.concatenate([np.cumsum(pairing.nats(after, start, end)[::-1])[::-1], np.zeros(lost + 1)])
    return start + int(np.argmax(head + tail[lost : lost + len(head)]))


def _correlations(pairing: _Pairing, changes: list[Shift]) -> list[float]:
    """Of each feature, over the pairs as the changes put them."""
    lines = pairing.x.shape[1]
    partner = np.arange(lines)
    for before, change in zip([Shift(1, 0), *changes], changes, strict=False):
        partner[change.line - 1 :] += change.offset - before.offset
    inside = (partner >= 0) & (partner < pairing.y.shape[1])
    a, b = pairing.x[:, inside], pairing.y[:, partner[inside]]
    norm = np.sqrt((a * a).mean(axis=1) * (b * b).mean(axis=1))
    return [float(r) for r in np.clip((a * b).mean(axis=1) / np.maximum(norm, 1e-6), 0, 0.98)]


def _convincing(changes: list[Shift], pairing: _Pairing, surplus: int) -> list[Shift]:
    """Without the stretches where the offset before fits too: a change must be needed, not only possible. The last
    change stays where the counts demand one."""
    kept: list[Shift] = []
    ends = [c.line - 1 for c in changes[1:]] + [pairing.x.shape[1]]
    for change, end in zip(changes, ends, strict=True):
        before = kept[-1].offset if kept else 0
        demanded = change is changes[-1] and change.offset == surplus
        fails = pairing.nats(before, change.line - 1, max(end, change.line)).sum() < 0 if change.line <= end else False
        if change.offset != before and (fails or demanded):
            while kept and kept[-1].line >= change.line:
                kept.pop()
            kept.append(change)
    return kept
