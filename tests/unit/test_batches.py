import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data.batches import collate, fill, plan_batches
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, RaggedIds

lengths = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=80)


@settings(deadline=None, max_examples=60)
@given(lengths, st.integers(1, 500), st.integers(62, 600), st.integers(0, 3), st.integers(0, 3), st.integers(1, 5))
def test_the_plan_covers_every_pair_once_and_never_exceeds_max_tokens(
    pairs, batch_tokens, max_tokens, seed, epoch, strata
):
    src, tgt = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    plan = plan_batches(src, tgt, batch_tokens, max_tokens, seed, epoch, strata=strata)
    assert all(len(part) for update in plan for part in update)
    parts = [part for update in plan for part in update]
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(pairs)))
    for part in parts:
        assert len(part) * (max(src[part].max(), tgt[part].max()) + 1) <= max_tokens


def test_a_pair_longer_than_max_tokens_comes_alone_and_is_not_lost():
    src, tgt = np.array([5, 500, 5]), np.array([5, 400, 5])
    plan = plan_batches(src, tgt, 1000, 100, 0, 0)
    parts = [part.tolist() for update in plan for part in update]
    assert [1] in parts
    assert sorted(i for part in parts for i in part) == [0, 1, 2]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 5), st.integers(1, 5), st.integers(200, 700))
def test_shares_divide_an_update_evenly(seed, shares, max_tokens):
    rng = np.random.default_rng(seed)
    src, tgt = rng.integers(1, 30, 500), rng.integers(1, 30, 500)
    for update in plan_batches(src, tgt, 600, max_tokens, 1, 0, shares):
        assert len(update) % shares == 0
        tokens = [int((src[p] + tgt[p] + 2).sum()) for p in update]
        assert max(tokens) - min(tokens) <= 2 * 60


def test_micro_batches_are_no_more_than_needed():
    src = tgt = np.full(60, 9)
    assert [len(update) for update in plan_batches(src, tgt, 300, 300, 0, 0)] == [1, 1]
    assert [len(update) for update in plan_batches(src, tgt, 300, 299, 0, 0)] == [2, 2]


@pytest.mark.parametrize("strata", [1, 4])
def test_the_plan_is_pure_and_differs_between_epochs_and_seeds(strata):
    rng = np.random.default_rng(0)
    src, tgt = rng.integers(1, 30, 500), rng.integers(1, 30, 500)

    def plan(seed, epoch):
        updates = plan_batches(src, tgt, 300, 300, seed, epoch, strata=strata)
        return [part.tolist() for update in updates for part in update]

    assert plan(1, 0) == plan(1, 0)
    assert plan(1, 0) != plan(1, 1)
    assert plan(1, 0) != plan(2, 0)


@pytest.mark.parametrize("strata", [1, 4])
def test_what_an_update_learns_from_depends_neither_on_max_tokens_nor_on_shares(strata):
    rng = np.random.default_rng(0)
    src, tgt = rng.integers(1, 30, 500), rng.integers(1, 30, 500)

    def updates(max_tokens, shares):
        plan = plan_batches(src, tgt, 600, max_tokens, 1, 0, shares, strata)
        return [np.concatenate(update).tolist() for update in plan]

    assert updates(64, 1) == updates(5000, 1) == updates(5000, 6)


def test_updates_hold_about_batch_tokens_real_target_tokens():
    rng = np.random.default_rng(0)
    src, tgt = rng.integers(1, 30, 3000), rng.integers(1, 30, 3000)
    plan = plan_batches(src, tgt, 600, 600, 1, 0)
    tokens = [sum(int(tgt[p].sum()) + len(p) for p in update) for update in plan]
    assert np.mean(tokens) == pytest.approx(600, rel=0.02)
    assert max(tokens) - min(tokens) <= 62


def test_with_strata_every_update_has_short_and_long_pairs_in_micro_batches_of_one_length():
    rng = np.random.default_rng(0)
    src, tgt = rng.integers(1, 30, 3000), rng.integers(1, 30, 3000)
    plan = plan_batches(src, tgt, 600, 600, 1, 0, strata=4)
    for update in plan:
        assert tgt[np.concatenate(update)].std() > 0.5 * tgt.std()
        assert len({int(np.median(tgt[part])) for part in update}) >= 3
    assert np.mean([np.ptp(tgt[part]) for update in plan for part in update]) < 0.5
    tokens = [sum(int(tgt[p].sum()) + len(p) for p in update) for update in plan]
    assert np.mean(tokens) == pytest.approx(600, rel=0.02)
    assert fill(plan, tgt) >= fill(plan_batches(src, tgt, 600, 600, 1, 0), tgt)


@pytest.mark.parametrize("shares", [2, 3, 4, 6])
def test_shares_divide_strata_evenly(shares):
    src, tgt = pairs_of_like_length()
    for update in plan_batches(src, tgt, 2000, 2000, 1, 0, shares, 4):
        assert len(update) % shares == 0
        work = [sum(int((src[p] + tgt[p] + 2).sum()) for p in update[rank::shares]) for rank in range(shares)]
        assert max(work) < 1.25 * min(work)


def pairs_of_like_length():
    rng = np.random.default_rng(0)
    src = rng.integers(5, 25, 6000)
    return src, src + rng.integers(0, 3, 6000)


def meeting_again(first, second):
    """The probability that two pairs of one update of the first epoch are in one update of the second."""
    where = np.empty(sum(len(part) for update in second for part in update), np.int64)
    for number, update in enumerate(second):
        where[np.concatenate(update)] = number
    counts = [np.bincount(where[np.concatenate(update)]) for update in first]
    together = sum(int((c * (c - 1)).sum()) for c in counts)
    return together / sum(int(c.sum() * (c.sum() - 1)) for c in counts)


def test_with_strata_pairs_of_an_update_seldom_meet_again():
    src, tgt = pairs_of_like_length()
    again = [
        meeting_again(*(plan_batches(src, tgt, 1000, 1000, 1, e, strata=strata) for e in (0, 1))) for strata in (1, 4)
    ]
    assert again[0] > 0.2
    assert again[1] < again[0] / 4


def test_fill_counts_real_over_padded_tokens():
    assert fill([[np.array([0, 1])]], np.array([3, 1])) == pytest.approx((4 + 2) / 8)


def test_multi30k_is_filled_to_95_percent(shared_data):
    import gzip

    def words(lang):
        with gzip.open(shared_data / "multi30k" / f"train.{lang}.gz", "rt", encoding="utf-8", newline="\n") as f:
            return np.array([len(line.split()) + 2 for line in f], np.int64)

    src, tgt = words("en"), words("fr")
    plan = plan_batches(src, tgt, 1536, 1536, 1, 0)
    assert fill(plan, src) >= 0.95
    assert fill(plan, tgt) >= 0.95


def test_collate_shifts_the_target_and_masks_padding():
    src, tgt = RaggedIds.of([[7, 8], [9]]), RaggedIds.of([[5], [6, 7, 8]])
    batch = collate(src, tgt, np.array([0, 1]))
    assert batch.src.tolist() == [[7, 8, EOS_ID], [9, EOS_ID, PAD_ID]]
    assert batch.src_mask.tolist() == [[True, True, True], [True, True, False]]
    assert batch.tgt_in.tolist() == [[BOS_ID, 5, PAD_ID, PAD_ID], [BOS_ID, 6, 7, 8]]
    assert batch.tgt_out.tolist() == [[5, EOS_ID, PAD_ID, PAD_ID], [6, 7, 8, EOS_ID]]
    assert batch.num_tokens == 6


def test_collate_has_no_mask_where_nothing_is_padded():
    assert collate(RaggedIds.of([[7], [8]]), RaggedIds.of([[5], [6]]), np.array([0, 1])).src_mask is None
