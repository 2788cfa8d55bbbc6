"""What an epoch has of each corpus, and how its examples look under their objectives."""

import numpy as np

from nmt.data.batches import collate
from nmt.data.examples import Examples
from nmt.data.mixing import draw
from nmt.data.noise import Pieces
from nmt.data.sides import sides_of
from nmt.data.tags import NOTHING, CorpusTags
from nmt.recipe import ObjectiveSection
from nmt.recipe.directions import Direction
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, RaggedIds

TRANSLATE, INFILL, MASS = (ObjectiveSection(kind=kind) for kind in ("translate", "infill", "mass"))
PIECES = Pieces(np.ones(100, bool), np.arange(10, 50), 90, np.arange(91, 99))


def untagged(corpora):
    return CorpusTags(np.full(corpora, NOTHING), np.full(corpora, BOS_ID), np.full(corpora, NOTHING))


def examples(*runs):
    """Of (corpus, number of examples, target row or −1 of the first)."""
    rows = []
    for corpus, number, tgt in runs:
        rows += [(corpus, i, tgt + i if tgt >= 0 else -1) for i in range(number)]
    return Examples(np.array(rows, np.int32).reshape(-1, 3))


def test_without_shares_an_epoch_is_the_text():
    found = examples((0, 5, 0), (1, 3, -1))
    assert draw(found, [None, None], RaggedIds.of([[1]] * 8), [1, 0]) is found


def test_a_share_is_of_the_target_tokens():
    found = examples((0, 100, 0), (1, 1000, -1))
    tokens = RaggedIds.of([[1] * 9] * 100 + [[1] * 4] * 1000)  # 1,000 and 5,000 tokens, `</s>` counted
    drawn = draw(found, [None, 0.75], tokens, [1, 0])
    counts = np.bincount(drawn.corpus)
    assert counts.tolist() == [100, 600]
    assert len({tuple(row) for row in drawn.table.tolist()}) == 700  # none twice
    assert (np.diff(drawn.corpus) >= 0).all()  # in order
    many = draw(found, [0.9, None], tokens, [1, 0])  # a small corpus comes again and again
    assert np.bincount(many.corpus).tolist() == [4500, 1000]
    assert set(np.bincount(many.rows("src")[many.corpus == 0]).tolist()) == {45}


def test_where_all_have_shares_an_epoch_is_as_long_as_the_text():
    found = examples((0, 100, 0), (1, 100, -1))
    tokens = RaggedIds.of([[1] * 9] * 200)
    assert np.bincount(draw(found, [0.2, 0.6], tokens, [1, 0]).corpus).tolist() == [50, 150]


def test_a_draw_follows_from_its_seed():
    found, tokens = examples((0, 50, 0), (1, 50, -1)), RaggedIds.of([[1]] * 100)
    one, again, other = (draw(found, [None, 0.2], tokens, seed).table.tolist() for seed in ([1, 0], [1, 0], [1, 1]))
    assert one == again != other


def test_corpora_with_several_objectives_side_by_side():
    lines = {"en": RaggedIds.of([[10, 11], [12, 13, 14]]), "fr": RaggedIds.of([[20], [21, 22]])}
    directions = [Direction("en", "fr"), Direction("fr", None), Direction("en", None)]
    found = Examples(np.array([(0, 0, 0), (0, 1, 1), (1, 1, -1), (2, 1, -1)], np.int32))
    sides = sides_of(found, lines, directions, [TRANSLATE, INFILL, MASS], PIECES, [1, 0], untagged(3))
    assert sides.src[0].tolist() == [10, 11]
    assert sides.tgt[0].tolist() == [20]
    assert sides.tgt[2].tolist() == [21, 22]
    assert 90 in sides.src[2].tolist() or set(sides.src[2].tolist()) - {21, 22}
    assert len(sides.given[0]) == len(sides.given[2]) == 0
    assert sides.given[3][0] == BOS_ID
    assert sides.learned.tolist() == [2, 3, 3, 2]  # of the last one half of three pieces, and no `</s>`


def test_translation_alone_has_the_rows_as_they_are_stored():
    lines = {"en": RaggedIds.of([[10, 11], [12]]), "fr": RaggedIds.of([[20], [21, 22]])}
    found = examples((0, 2, 0))
    sides = sides_of(found, lines, [Direction("en", "fr")], [TRANSLATE], None, [1, 0], untagged(1))
    assert sides.src is lines["en"]
    assert sides.tgt is lines["fr"]
    assert sides.given is None


def test_a_batch_with_what_is_given():
    src, tgt = RaggedIds.of([[10], [11, 12, 13]]), RaggedIds.of([[20], [PAD_ID, 12, PAD_ID]])
    given = RaggedIds.of([[], [BOS_ID, 90, 12]])
    batch = collate(src, tgt, np.array([0, 1]), given)
    assert batch.tgt_in.tolist() == [[BOS_ID, 20, PAD_ID, PAD_ID], [BOS_ID, 90, 12, PAD_ID]]
    assert batch.tgt_out.tolist() == [[20, EOS_ID, PAD_ID, PAD_ID], [PAD_ID, 12, PAD_ID, PAD_ID]]
    assert batch.num_tokens == 3
