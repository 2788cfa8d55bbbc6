"""Noise: what is masked is exactly what was to be, the rest stays, and the same seed gives the same."""

import itertools
import random

import numpy as np
import pytest

from nmt.data import noise
from nmt.data.noise import Pieces, infill, mass, spans, view
from nmt.recipe import ObjectiveSection
from nmt.tokenizer import BOS_ID, PAD_ID, RaggedIds

MASK, FIRST_SENTINEL = 160, 161
# Ids 10 to 149 are text; the even ones begin a word. A row below begins each of its words with one.
PIECES = Pieces(np.arange(200) % 2 == 0, np.arange(10, 150), MASK, np.arange(FIRST_SENTINEL, 193))


def rng(seed=0):
    return np.random.default_rng(seed)


def some_rows(number=200, longest=40, seed=1):
    draw = rng(seed)
    rows = [draw.integers(10, 150, size=draw.integers(0, longest + 1)).tolist() for _ in range(number)]
    return RaggedIds.of([[row[0] // 2 * 2, *row[1:]] if row else [] for row in rows])


def words_of(row):
    """Pieces of each word; the first piece begins one in any case."""
    words = []
    for i, piece in enumerate(row):
        if i == 0 or piece % 2 == 0:
            words.append([])
        words[-1].append(piece)
    return [part for word in words for part in ([[p] for p in word] if len(word) > noise.LONGEST_WORD else [word])]


def masked_words(before, after):
    """How many words are gone, if what is left of `before` stands in `after` in order, between masks; else None."""
    left, gone = list(words_of(before)), 0
    rest = list(after)
    while left or rest:
        if left and rest[: len(left[0])] == left[0]:
            rest = rest[len(left.pop(0)) :]
        elif rest and rest[0] == MASK:
            rest.pop(0)
        elif left:
            left.pop(0)
            gone += 1
        else:
            return None
    return gone


@pytest.fixture
def no_random_pieces(monkeypatch):
    monkeypatch.setattr(noise, "RANDOM", 0.0)


@pytest.mark.parametrize(("share", "mean"), [(0.3, 3.0), (0.35, 3.5), (0.9, 1.0), (0.1, 8.0)])
def test_infill_masks_as_many_words_as_it_should(no_random_pieces, share, mean):
    # Different words, so that what is left can be found again in one way only
    rows = RaggedIds.of([random.Random(i).sample(range(10, 150), i % 40) for i in range(200)])
    for before, after in zip(rows, infill(rows, share, mean, PIECES, rng()), strict=True):
        before, after = before.tolist(), after.tolist()
        assert masked_words(before, after) == int(np.ceil(share * len(words_of(before)) - 1e-9))


def test_infill_without_a_mask_is_a_copy():
    rows = some_rows()
    noised = infill(rows, 0.0, 3.0, PIECES, rng())
    assert noised.ids.tolist() == rows.ids.tolist()
    assert noised.offsets.tolist() == rows.offsets.tolist()


def test_infill_gives_each_span_one_mask_and_puts_some_between_words(no_random_pieces):
    rows = RaggedIds.of([list(range(10, 150, 2))] * 500)
    noised = infill(rows, 0.3, 3.0, PIECES, rng())
    masks = int((noised.ids == MASK).sum())
    words = 500 * 21
    assert words / 3.4 < masks < words / 2.7  # Poisson lengths of mean 3, the last one trimmed
    assert noised.lengths.sum() == rows.lengths.sum() - words + masks


def test_a_tenth_of_the_masks_are_random_pieces():
    rows = RaggedIds.of([[10] * 20] * 2000)
    noised = infill(rows, 0.3, 3.0, PIECES, rng())
    masks, others = (noised.ids == MASK).sum(), ((noised.ids != MASK) & (noised.ids != 10)).sum()
    assert 0.08 < others / (masks + others) < 0.12


def test_text_without_spaces_is_not_masked_as_one_word(no_random_pieces):
    rows = RaggedIds.of([[10, *[11] * 39]] * 100)
    noised = infill(rows, 0.3, 3.0, PIECES, rng())
    assert all(20 <= int((row == 11).sum()) <= 39 for row in noised)


def test_spans_and_what_is_left_are_the_line():
    rows = some_rows()
    seen = spans(rows, 0.15, 3.0, PIECES, rng())
    for row, src, tgt in zip(rows, seen.src, seen.tgt, strict=True):
        filled, taken = [], {}
        for piece in tgt.tolist():
            if piece >= FIRST_SENTINEL:
                taken[piece] = current = []
            else:
                current.append(piece)
        for piece in src.tolist():
            filled += taken.pop(piece) if piece >= FIRST_SENTINEL else [piece]
        assert filled == row.tolist()
        assert list(taken.values()) == [[]]  # a last sentinel, behind which nothing follows
        masked = len(row) - int((src < FIRST_SENTINEL).sum())
        assert masked == (max(1, round(0.15 * len(row))) if len(row) else 0)


def test_a_line_has_no_more_spans_than_there_are_sentinels():
    rows = RaggedIds.of([[10] * 3000])
    seen = spans(rows, 0.5, 1.0, PIECES, rng())
    marks = [piece for piece in seen.tgt[0].tolist() if piece >= FIRST_SENTINEL]
    assert marks == list(range(FIRST_SENTINEL, 193))


def test_mass_learns_one_stretch_and_shows_the_decoder_nothing_else():
    rows = some_rows()
    seen = mass(rows, 0.5, PIECES, rng())
    for row, src, tgt, given in zip(rows, seen.src, seen.tgt, seen.given, strict=True):
        learned = np.flatnonzero(tgt != PAD_ID)
        assert len(learned) == (max(1, round(0.5 * len(row))) if len(row) else 0)
        assert len(src) == len(tgt) == len(given) == len(row)
        if not len(row):
            continue
        first, last = learned[0], learned[-1]
        assert last - first == len(learned) - 1  # in a row
        assert tgt[learned].tolist() == row[learned].tolist()
        assert given[0] == BOS_ID
        shown = [int(row[i - 1]) if first < i <= last else MASK for i in range(1, len(row))]
        assert given[1:].tolist() == shown
        outside = np.setdiff1d(np.arange(len(row)), learned)
        assert src[outside].tolist() == row[outside].tolist()


def test_mass_hides_eight_of_ten_behind_the_mask():
    rows = RaggedIds.of([[10] * 20] * 2000)
    seen = mass(rows, 0.5, PIECES, rng())
    hidden = seen.src.ids[seen.tgt.ids != PAD_ID]
    assert 0.78 < (hidden == MASK).mean() < 0.82
    assert 0.08 < (hidden == 10).mean() < 0.12


def test_sentences_change_places_and_nothing_else():
    # Id 20 ends a sentence where a word begins behind it (`.`), 30 in any case (`。`).
    stops = np.array([np.arange(200) == 20, np.arange(200) == 30])
    pieces = Pieces(PIECES.starts, PIECES.plain, MASK, PIECES.sentinels, stops=stops)
    first, second, third = [40, 41, 20], [50, 20, 51, 30], [61, 63]  # no word begins with 51: no end before it
    rows = RaggedIds.of([first + second + third, [], first, third] * 40)
    assert noise.sentences(rows, pieces).reshape(40, -1).sum(1).tolist() == [5] * 40
    mixed = [row.tolist() for row in noise.permuted(rows, pieces, rng())]
    assert [mixed[i] for i in range(len(mixed)) if i % 4] == [[], first, third] * 40
    orders = {tuple(row) for row in mixed[::4]}
    assert orders <= {tuple(a + b + c) for a, b, c in itertools.permutations([first, second, third])}
    assert len(orders) == 6
    section = ObjectiveSection(kind="infill", mask=0, permute_sentences=True)
    seen = view(rows, section, pieces, [1])
    assert seen.tgt.ids.tolist() == rows.ids.tolist()
    assert [sorted(row.tolist()) for row in seen.src] == [sorted(row.tolist()) for row in rows]


@pytest.mark.parametrize("kind", ["infill", "mass", "spans"])
def test_noise_follows_from_the_seed(kind, monkeypatch):
    monkeypatch.setattr(noise, "BLOCK", 64)
    rows, section = some_rows(), ObjectiveSection(kind=kind)
    one, again, other = (view(rows, section, PIECES, seed) for seed in ([3, 1], [3, 1], [3, 2]))
    assert one.src.ids.tolist() == again.src.ids.tolist()
    assert one.src.ids.tolist() != other.src.ids.tolist()
    # A block's noise does not depend on the blocks after it.
    fewer = view(RaggedIds(rows.ids[: rows.offsets[64]], rows.offsets[:65]), section, PIECES, [3, 1])
    assert [row.tolist() for row in one.src][:64] == [row.tolist() for row in fewer.src]


@pytest.mark.parametrize("kind", ["infill", "mass", "spans"])
@pytest.mark.parametrize("rows", [[], [[]], [[], [10], []]])
def test_empty_and_very_short_lines(kind, rows):
    rows = RaggedIds.of(rows)
    seen = view(rows, ObjectiveSection(kind=kind), PIECES, [1])
    assert len(seen.src) == len(seen.tgt) == len(rows)


def test_a_distorted_source_loses_few_words_and_moves_none_far() -> None:
    from nmt.data.noise import distorted

    rng = np.random.default_rng(1)
    plain = np.ones(200, bool)
    pieces = Pieces(plain, np.arange(10, 200), 5, np.zeros(0, np.int64))
    rows = RaggedIds.of([list(range(10, 10 + int(n))) for n in rng.integers(0, 40, 3000)])
    found = distorted(rows, pieces, [3])
    again = distorted(rows, pieces, [3])
    assert np.array_equal(found.ids, again.ids)
    assert not np.array_equal(found.ids, distorted(rows, pieces, [4]).ids)
    assert ((rows.lengths == 0) == (found.lengths == 0)).all()
    assert len(found.ids) / len(rows.ids) == pytest.approx(0.9, abs=0.01)
    assert np.mean(found.ids == 5) == pytest.approx(0.1, abs=0.01)
    for row in found:
        left = row[row != 5] - 10
        # No word stands behind one that was four places or more behind it
        assert all(later > max(left[:i], default=0) - 4 for i, later in enumerate(left))
