"""The line at which two texts shift apart, from the lengths of their lines alone and with the other features."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from nmt.data.shift import Features, Shift, find_shifts, line_features

MULTI30K = Path(__file__).parents[3] / "shared" / "data" / "multi30k"
CLOSE = 8  # lines


def made_up(lines: int, seed: int = 1) -> tuple[Features, Features]:
    """Lengths as of a text and its translation."""
    rng = np.random.default_rng(seed)
    src = rng.lognormal(4, 0.4, lines)
    return src.astype(np.int64), (src * 1.15 * rng.lognormal(0, 0.12, lines)).astype(np.int64)


@pytest.fixture(scope="module")
def multi30k() -> tuple[Features, Features]:
    if not MULTI30K.is_dir():
        pytest.skip(f"no {MULTI30K}")
    src, tgt = (gzip.decompress((MULTI30K / f"train.{x}.gz").read_bytes()).split(b"\n")[:-1] for x in ("en", "fr"))
    return line_features(src), line_features(tgt)


def test_true_pairs_are_left_alone(multi30k: tuple[Features, Features]) -> None:
    src, tgt = multi30k
    assert find_shifts(src[0], tgt[0]) == find_shifts(src, tgt) == []
    assert find_shifts(*made_up(3000)) == []


@pytest.mark.parametrize("at", [0, 1, 40, 1234, 15_000, 28_900, 28_999])
def test_a_line_lost_or_gained_is_found_to_a_few_lines(multi30k: tuple[Features, Features], at: int) -> None:
    src, tgt = multi30k
    (shift,) = find_shifts(src, np.delete(tgt, at, axis=1))
    assert abs(shift.line - 1 - at) <= CLOSE and shift.offset == -1
    (shift,) = find_shifts(src, np.insert(tgt, at, tgt[:, 77], axis=1))
    assert abs(shift.line - 1 - at) <= CLOSE and shift.offset == 1
    (shift,) = find_shifts(np.delete(src, at, axis=1), tgt)
    assert abs(shift.line - 1 - at) <= CLOSE and shift.offset == 1


@pytest.mark.parametrize("seed", range(8))
def test_a_shift_made_up_for_later_is_found_at_both_ends(seed: int) -> None:
    src, tgt = made_up(4000, seed)
    start, end = sorted(np.random.default_rng(seed).choice(np.arange(100, 3900, 100), 2, replace=False))
    first, last = find_shifts(src, np.insert(np.delete(tgt, start), end, 60))
    assert (first.offset, last.offset) == (-1, 0)
    assert abs(first.line - 1 - start) <= CLOSE and abs(last.line - 2 - end) <= CLOSE


def test_several_losses_a_lost_block_a_lost_head_and_a_lost_tail() -> None:
    src, tgt = made_up(5000)
    shifts = find_shifts(src, np.delete(tgt, [1000, 2000, 3000]))
    assert [s.offset for s in shifts] == [-1, -2, -3]
    assert all(abs(s.line - 1 - at) <= CLOSE for s, at in zip(shifts, (1000, 2000, 3000), strict=True))
    (block,) = find_shifts(src, np.delete(tgt, slice(2000, 2200)))
    assert abs(block.line - 2001) <= CLOSE and block.offset == -200
    assert find_shifts(src, tgt[:4000]) == [Shift(4001, -1000)]
    (head,) = find_shifts(src, tgt[1000:])
    assert abs(head.line - 1) <= CLOSE and head.offset == -1000


def test_where_lengths_tell_nothing_nothing_is_claimed() -> None:
    src, tgt = made_up(3000)
    unrelated = np.random.default_rng(2).permutation(tgt)
    assert find_shifts(src, unrelated) == find_shifts(src, unrelated[:-1]) == []
    assert find_shifts(np.full(500, 30), np.full(499, 30)) == []
    assert find_shifts(np.zeros(0, np.int64), tgt[:5]) == find_shifts(src[:5], tgt[:4]) == []


def test_sorted_text_where_neighbours_resemble_each_other_raises_no_alarm() -> None:
    src, tgt = made_up(20_000)
    order = np.argsort(src)
    assert find_shifts(src[order], tgt[order]) == []


def test_features_count_what_translations_keep() -> None:
    assert line_features([b"Is it 10, or 7?", b""]).tolist() == [[15, 0], [1, 0], [0, 0], [1, 0], [3, 0]]
