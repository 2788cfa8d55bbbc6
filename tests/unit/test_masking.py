"""What an encoder alone reads: exact numbers of masks, pairs half of which are false, the same for the same seed."""

import numpy as np
import pytest

from nmt.data.examples import Examples
from nmt.data.masking import ALONE, choose, in_a_row, masked_sides, pairs, partners
from nmt.data.noise import Pieces
from nmt.recipe import ObjectiveSection
from nmt.recipe.directions import Direction
from nmt.tokenizer import EOS_ID, PAD_ID, RaggedIds

CLS, SEP, MASK = 95, 96, 90
PIECES = Pieces(np.ones(100, bool), np.arange(10, 50), MASK, np.arange(91, 95), CLS, SEP)
MLM, TRANSLATION = ObjectiveSection(kind="mlm"), ObjectiveSection(kind="mlm", pairs="translation")
RNG = np.random.default_rng


def lines(number, seed, longest=30):
    rng = RNG(seed)
    return RaggedIds.of([rng.integers(10, 90, rng.integers(1, longest)).tolist() for _ in range(number)])


@pytest.mark.parametrize("share", [0.0, 0.15, 0.5])
def test_exactly_so_many_pieces_are_chosen(share):
    rows = lines(500, 1)
    open_to = RNG(2).random(len(rows.ids)) < 0.8
    masked = choose(rows, open_to, share, RNG(3))
    assert not masked[~open_to].any()
    for begin, end in zip(rows.offsets[:-1], rows.offsets[1:], strict=True):
        length = int(open_to[begin:end].sum())
        wanted = min(length, max(1, round(share * length))) if share else 0
        assert masked[begin:end].sum() == wanted


def test_what_stands_in_a_row():
    a, b = RaggedIds.of([[1, 2], []]), RaggedIds.of([[3], [4, 5]])
    assert [r.tolist() for r in in_a_row([7, a, 8, b, 8])] == [[7, 1, 2, 8, 3, 8], [7, 8, 4, 5, 8]]


def test_half_of_the_pairs_are_false_and_half_of_these_as_long():
    b = lines(4000, 1)
    partner = partners(b, RNG(2))
    false = np.flatnonzero(partner != np.arange(4000))
    assert len(false) == pytest.approx(2000, abs=30)  # some would have had the same text
    near = np.abs(b.lengths[false] - b.lengths[partner[false]]) <= 1
    assert 0.5 <= near.mean() < 0.65
    assert all(b[i].tolist() != b[int(partner[i])].tolist() for i in false)


def test_equal_texts_are_no_false_pair():
    assert partners(RaggedIds.of([[5, 6]] * 10), RNG(1)).tolist() == list(range(10))


def test_true_pairs_alone():
    a, b = RaggedIds.of([[1, 2], [3], [9]]), RaggedIds.of([[4], [5, 6], []])
    rows = pairs(a, b, PIECES, None, np.array([True, True, False]))
    assert rows.ids[0].tolist() == [CLS, 1, 2, SEP, 4, SEP]
    assert rows.second.tolist() == [4, 3, 0]
    assert rows.together.tolist() == [1, 1, ALONE]


@pytest.fixture
def corpus():
    table = np.array([(0, i, i) for i in range(200)] + [(1, i, -1) for i in range(100)], np.int32)
    return Examples(table), {"en": lines(200, 1), "fr": lines(200, 2)}, [Direction("en", "fr"), Direction("en", None)]


def test_an_epoch_of_pairs_and_lines(corpus):
    sides = masked_sides(*corpus, [TRANSLATION, MLM], PIECES, [1, 0])
    assert np.bincount(sides.together + 1).tolist() == [100, 100, 100]
    for i in (0, 150, 250):
        src, tgt = sides.src[i], sides.tgt[i]
        assert len(src) == len(tgt)
        assert (tgt != PAD_ID).sum() == sides.learned[i] >= 1
        marks = np.isin(src, [CLS, SEP, EOS_ID])
        assert (tgt[marks] == PAD_ID).all()
    assert sides.src[250][-1] == EOS_ID
    again, other = (masked_sides(*corpus, [TRANSLATION, MLM], PIECES, seed) for seed in ([1, 0], [1, 1]))
    rows = [[r.tolist() for r in found.src] for found in (sides, again, other)]
    assert rows[0] == rows[1] != rows[2]


def test_masked_pieces_are_masks_random_pieces_or_themselves(corpus):
    sides = masked_sides(*corpus, [ObjectiveSection(kind="mlm", mask=0.5)] * 2, PIECES, [1, 0])
    src, tgt = (np.concatenate(list(side)) for side in (sides.src, sides.tgt))
    masked = tgt != PAD_ID
    assert (src[masked] == MASK).mean() == pytest.approx(0.8, abs=0.03)
    assert (src[masked] == tgt[masked]).mean() == pytest.approx(0.1, abs=0.03)


def test_a_batch_says_where_the_second_text_is(corpus):
    sides = masked_sides(*corpus, [TRANSLATION, MLM], PIECES, [1, 0])
    batch = sides.batch(np.array([0, 250]))
    begin = len(corpus[1]["en"][0]) + 2
    assert batch.segments[0].tolist() == [0] * begin + [1] * (batch.src.size(1) - begin)
    assert not batch.segments[1].any()
    assert batch.together.tolist()[1] == ALONE
    assert batch.num_tokens == int((batch.tgt_out != PAD_ID).sum())
    assert sides.pair_weight == sides.learned.sum() / 200
    assert sides.batch(np.array([250, 251])).segments is None
