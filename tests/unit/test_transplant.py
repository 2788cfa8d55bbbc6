"""Embeddings carried over to another vocabulary."""

import pytest
import torch

from nmt.recipe import TokenizerSection
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import Tokenizer
from nmt.train.transplant import RowMap
from tests.unit.test_extend import ENGLISH, blocks_of, czech, trained  # noqa: F401
from tests.unit.test_trainer import records, run

NAMES = ("src_embedding.tokens.weight", "tgt_embedding.tokens.weight", "output.weight", "output.bias")


@pytest.fixture
def parent(toy_run):
    return toy_run(name="parent", train__average_best=0, train__max_steps=60, train__eval_every=30)


def begun(folder):
    return ckpt.find_checkpoint(folder, "0").tensors("model.safetensors")


def best(folder):
    return ckpt.find_checkpoint(folder, "best").tensors("model.safetensors")


# --- pieces ----------------------------------------------------------------------------------------------------------


def test_a_piece_begins_as_the_old_one_of_equal_text_or_as_the_mean_of_its_parts():
    old = trained()
    new, (learned,) = old.extended(blocks_of(*["ones žluť one1", "stones"] * 3), 9)
    rows = RowMap.between(old, new, "tgt")
    assert rows.equal == {i: i for i in range(old.tgt_vocab_size)}
    assert list(rows.cut) == list(range(old.tgt_vocab_size, new.tgt_vocab_size))
    for (text, _), parts in zip(learned.pieces, rows.cut.values(), strict=True):
        pieces = old.pieces(parts)
        assert b"".join(_bytes(p) for p in pieces).decode() == text
    table = torch.randn(old.tgt_vocab_size, 5)
    mapped = rows.apply(table)
    assert torch.equal(mapped[: len(table)], table)
    for i, parts in rows.cut.items():
        torch.testing.assert_close(mapped[i], sum(table[p] for p in parts) / len(parts))
    assert rows.apply(table[:, 0]).shape == (new.tgt_vocab_size,)


def _bytes(piece):
    return bytes([int(piece[1:-1], 16)]) if piece.startswith("<0x") else piece.encode()


def test_a_piece_that_goes_on_in_a_word_is_cut_without_a_space():
    old = trained()
    (inside, begins), (spaced,) = old.cut(["ne", "▁ne"], "src"), old.encode(["ne"], "src")
    assert begins == spaced and "▁" not in "".join(old.pieces(inside))
    assert "".join(old.pieces(begins)) == "▁ne"


def test_nothing_is_normalised_where_a_piece_is_cut():
    assert trained().pieces(trained().cut(["½"], "src")[0]) == ["<0xC2>", "<0xBD>"]


def test_a_new_control_piece_begins_as_the_mean_of_all():
    old, table = trained(), torch.randn(300, 4)
    rows = RowMap({i: i for i in range(300)}, {300: []})
    torch.testing.assert_close(rows.apply(table)[300], table.mean(0))
    assert old.control_ids("src") == {0, 1, 2, 3}


def test_each_side_has_its_own_pieces():
    def blocks(src, tgt):
        return lambda side: [(side, [line.encode() for line in (src if side == "src" else tgt)])]

    section = TokenizerSection(vocab_size=300, shared=False)
    apart = Tokenizer.train(blocks(ENGLISH, [line.upper() for line in ENGLISH]), section)
    shared = trained()
    i = shared.id_of("▁one")
    assert RowMap.between(apart, shared, "src").equal[i] == apart.id_of("▁one", "src")
    assert RowMap.between(apart, shared, "tgt").cut[i] == apart.cut(["▁one"], "tgt")[0]


# --- in training -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tied", ["all", "none"])
def test_with_an_equal_tokenizer_it_changes_nothing(toy_recipe, tied):
    keys = {"train__average_best": 0, "model__tie_embeddings": tied}
    parent = run(toy_recipe(name="parent", **keys))
    child = run(toy_recipe(name="child", **keys, train__init_from={"run": str(parent), "vocabulary": "map"}))
    mine, theirs = begun(child), best(parent)
    assert mine.keys() == theirs.keys()
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)
    (record,) = records(child, "init")
    sides = ["both sides"] if tied == "all" else ["source", "target"]
    assert record["vocabulary"] == {side: [320, 0] for side in sides}


def test_another_tokenizer_is_mapped(parent, toy_recipe, czech, capsys):  # noqa: F811
    keys = {"data__root": czech, "train__max_steps": 1, "tokenizer__vocab_size": 350, "name": "child"}
    folder = run(toy_recipe(**keys, train__init_from={"run": str(parent), "vocabulary": "map"}))
    old, new = Tokenizer.load(parent), Tokenizer.load(folder)
    assert not new.extends(old)
    mine, theirs = begun(folder), best(parent)
    common = [piece for piece in new.vocabulary("tgt") if old.id_of(piece) is not None]
    assert len(common) > 270
    for name in set(NAMES) & mine.keys():
        for piece in common:
            assert torch.equal(mine[name][new.id_of(piece)], theirs[name][old.id_of(piece)])
        for piece in set(new.vocabulary("tgt")) - {*common, "<unk>"}:
            (parts,) = old.cut([piece], "tgt")
            torch.testing.assert_close(mine[name][new.id_of(piece)], theirs[name][parts].mean(0))
    others = mine.keys() - set(NAMES)
    assert all(torch.equal(mine[name], theirs[name]) for name in others)
    (record,) = records(folder, "init")
    equal, means = record["vocabulary"]["both sides"]
    assert equal + means == new.tgt_vocab_size
    width = mine["output.bias"].numel() * 32
    assert record["parts"]["embeddings"] == {"copied": equal * 32, "mapped": means * 32, "fresh": 0, "frozen": 0}
    assert equal * 32 + means * 32 == width
    said = capsys.readouterr().err
    assert f"Pieces of both sides: {equal} are that run's, {means} begin as the mean of several of its." in said


def test_an_extended_tokenizer_is_mapped_without_being_asked(parent, toy_recipe, czech):  # noqa: F811
    keys = {"data__root": czech, "tokenizer": {"extend": 12}, "train__max_steps": 1, "name": "child"}
    mine = begun(run(toy_recipe(**keys, train__init_from=str(parent))))
    theirs = best(parent)
    for name in set(NAMES) & mine.keys():
        assert len(mine[name]) == len(theirs[name]) + 12
        assert torch.equal(mine[name][:-12], theirs[name])


def test_separate_vocabularies_are_mapped_each_by_itself(toy_recipe, czech):  # noqa: F811
    apart = {"model__tie_embeddings": "target", "train__average_best": 0}
    parent = run(toy_recipe(name="parent", **apart, tokenizer={"vocab_size": 310, "shared": False}))
    section = {"run": str(parent), "vocabulary": "map"}
    keys = {"data__root": czech, "train__max_steps": 1, "name": "child", **apart, "train__init_from": section}
    folder = run(toy_recipe(**keys, tokenizer={"vocab_size": 305, "shared": False}))
    old, new = Tokenizer.load(parent), Tokenizer.load(folder)
    mine, theirs = begun(folder), best(parent)
    for side, name in (("src", NAMES[0]), ("tgt", NAMES[1]), ("tgt", NAMES[3])):
        for i in range(4, len(mine[name])):
            (piece,) = new.pieces([i], side)
            same = old.id_of(piece, side)
            parts = old.cut([piece], side)[0] if same is None else [same]
            torch.testing.assert_close(mine[name][i], theirs[name][parts].mean(0))
