"""Two passes over each example that should predict the same: what they read, what is learned, and how it is counted."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from nmt.data.batches import collate
from nmt.data.noise import cut
from nmt.data.passes import AS_IT_IS, Reading, never_cut
from nmt.errors import Interrupted, RecipeError, RunError
from nmt.model.kinds import build
from nmt.model.transformer import Transformer
from nmt.recipe import ConsistencySection, ModelSection, TrainSection, load_recipe
from nmt.recipe.passes import WHOLE, Hidden
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID, UNK_ID, RaggedIds, Tokenizer
from nmt.tokenizer.control import MASK, tag
from nmt.train.epochs import TrainingData
from nmt.train.objective import Agree, Write, choose_objective
from nmt.train.validation import Validator
from tests.unit.test_trainer import HARD, SMOOTH, last_bytes, prepared, records, run, stop_after, timeless

__all__ = ["stop_after"]  # a fixture

SPARED = np.arange(100) < 10  # 4 to 9 are control pieces
SEED = [1, 0]


def some_ids(rows=400, width=50):
    return np.random.default_rng(0).integers(10, 100, (rows, width))


# --- what is cut -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_so_many_tokens_are_cut_and_the_others_stay(share):
    ids = some_ids()
    found = cut(ids, share, SPARED, np.arange(len(ids)), SEED)
    changed = found != ids
    assert (found[changed] == UNK_ID).all()
    number, variance = changed.sum(), ids.size * share * (1 - share)
    assert abs(number - share * ids.size) < 4 * variance**0.5
    per_row = changed.sum(1)  # binomial: rows are cut independently of each other, and so are places
    assert per_row.var() == pytest.approx(50 * share * (1 - share), rel=0.3)
    assert np.abs(changed.mean(0) - share).max() < 5 * (share * (1 - share) / len(ids)) ** 0.5


def test_nothing_that_is_no_text_is_ever_cut():
    ids = np.tile([BOS_ID, 4, 9, 50, EOS_ID, PAD_ID], (200, 1))
    found = cut(ids, 0.9, SPARED, np.arange(200), SEED)
    assert (found[:, [0, 1, 2, 4, 5]] == ids[:, [0, 1, 2, 4, 5]]).all()
    assert 0.8 < (found[:, 3] == UNK_ID).mean() < 1


def test_what_is_cut_from_an_example_depends_on_nothing_beside_it():
    ids = some_ids()
    whole = cut(ids, 0.2, SPARED, np.arange(len(ids)), SEED)
    some = np.array([300, 7, 41])
    assert (cut(ids[some, :20], 0.2, SPARED, some, SEED) == whole[some, :20]).all()
    for other in ([1, 1], [2, 0]):
        assert (cut(ids, 0.2, SPARED, np.arange(len(ids)), other) != whole).mean() > 0.2


def test_control_pieces_and_tags_are_no_text(toy_recipe):
    tokenizer = Tokenizer.load(prepared(toy_recipe())).with_control([tag("fr"), MASK])
    for spared in never_cut(tokenizer):
        ids = {PAD_ID, UNK_ID, BOS_ID, EOS_ID, *tokenizer.control.values()}
        assert set(np.flatnonzero(spared).tolist()) == ids
        assert len(ids) == 6


# --- how batches are read --------------------------------------------------------------------------------------------


@pytest.fixture
def batch():
    src, tgt = RaggedIds.of([[17, 18, 19], [20], [21, 22]]), RaggedIds.of([[25], [26, 27, 28], [30, 31]])
    return collate(src, tgt, np.arange(3))


def test_a_batch_read_once_and_whole_is_itself(batch):
    assert AS_IT_IS.read(batch, np.arange(3)) is batch
    assert batch.passes == 1


def test_two_passes_are_the_rows_twice_and_what_is_learned_once(batch):
    twice = Reading((WHOLE, WHOLE), SEED, (SPARED, SPARED)).read(batch, np.arange(3))
    assert (twice.passes, twice.num_tokens) == (2, batch.num_tokens)
    assert twice.tgt_out is batch.tgt_out
    for name in ("src", "src_mask", "tgt_in"):
        first, second = getattr(twice, name).chunk(2)
        assert torch.equal(first, second) and torch.equal(first, getattr(batch, name))


def test_a_batch_read_once_with_dropped_tokens_still_has_to_be_written_whole(batch):
    once = Reading((Hidden(0.5, 0.5),), SEED, (SPARED, SPARED)).read(batch, np.arange(3))
    assert once.passes == 1
    for name in ("src", "tgt_in"):
        found, whole = getattr(once, name), getattr(batch, name)
        assert not torch.equal(found, whole)
        assert (found[found != whole] == UNK_ID).all()
    assert once.tgt_out is batch.tgt_out and torch.equal(once.src_mask, batch.src_mask)


def test_the_second_pass_alone_is_cut_on_both_sides(batch):
    reading = Reading((WHOLE, Hidden(0.5, 0.5)), SEED, (SPARED, SPARED))
    twice = reading.read(batch, np.arange(3))
    for name in ("src", "tgt_in"):
        whole, (first, second) = getattr(batch, name), getattr(twice, name).chunk(2)
        assert torch.equal(first, whole)
        assert not torch.equal(second, whole)
        assert (second[second != whole] == UNK_ID).all()
    assert torch.equal(twice.src_mask.chunk(2)[1], batch.src_mask)
    assert torch.equal(reading.read(batch, np.arange(3)).src, twice.src)


# --- recipes ---------------------------------------------------------------------------------------------------------


def test_a_kind_alone_has_its_authors_weights():
    found = [TrainSection(consistency=kind).consistency for kind in ("rdrop", "simcut")]
    assert [(c.weight, c.cut, c.from_epoch) for c in found] == [(2.5, 0.0, 0), (3.0, 0.05, 0)]
    assert TrainSection(consistency={"kind": "simcut", "weight": 1}).consistency.cut == 0.05
    with pytest.raises(ValidationError):
        ConsistencySection(kind="drop")


def test_passes_of_an_epoch():
    assert TrainSection().passes(0) == (WHOLE,)
    late = TrainSection(consistency={"kind": "simcut", "cut": 0.25, "from_epoch": 2})
    assert [late.passes(n) for n in (1, 2)] == [(WHOLE,), (WHOLE, Hidden(0.25, 0.25))]


def test_it_is_written_and_read_back(toy_recipe, tmp_path):
    recipe = toy_recipe(train__consistency="rdrop")
    (tmp_path / "toy.yaml").write_text(recipe.dump(), encoding="utf-8")
    assert load_recipe(tmp_path / "toy.yaml") == recipe
    assert "consistency" not in toy_recipe().dump()


@pytest.mark.parametrize(("key", "value"), [("consistency", "rdrop"), ("token_drop", 0.1)])
def test_what_has_no_targets_has_neither(toy_recipe, key, value):
    text = {"text": "valid.en", "lang": "en"}
    with pytest.raises(RecipeError) as refused:
        toy_recipe(data__train=[text], data__valid=text, data__test={}, objective="infill", **{f"train__{key}": value})
    assert str(refused.value).startswith(f"toy: `train.{key}` is for sources with targets, and `data.train` has none")


def test_dropped_tokens_are_a_share_of_each_side_and_of_what_a_cut_leaves():
    both, one = (TrainSection(token_drop=value) for value in (0.5, {"source": 0.2}))
    assert (both.passes(0), one.passes(0)) == ((Hidden(0.5, 0.5),), (Hidden(0.2, 0),))
    cut_too = TrainSection(token_drop=0.5, consistency={"kind": "simcut", "cut": 0.5})
    assert cut_too.passes(0) == (Hidden(0.5, 0.5), Hidden(0.75, 0.75))
    for wrong in (1, -0.1, True, "much", {"src": 0.1}):
        with pytest.raises(ValidationError):
            TrainSection(token_drop=wrong)


# --- training --------------------------------------------------------------------------------------------------------


def data_of(recipe, max_tokens=300):
    folder = prepared(recipe)
    return TrainingData(folder, recipe, Tokenizer.load(folder), max_tokens)


def test_a_micro_batch_has_room_for_both_passes_and_its_tokens_count_once(toy_recipe):
    once, twice = (
        data_of(toy_recipe(**keys)) for keys in ({}, {"train__consistency": {"kind": "simcut", "from_epoch": 1}})
    )
    assert [u for update in twice.epoch(0).updates for p in update for u in p.tolist()] == [
        u for update in once.epoch(0).updates for p in update for u in p.tolist()
    ]
    objective = choose_objective(twice.recipe)
    assert isinstance(objective, Agree)
    for plain, both in zip(once.epoch(1).updates, twice.epoch(1).updates, strict=True):
        assert np.concatenate(plain).tolist() == np.concatenate(both).tolist()
        tokens = [
            sum(objective.num_tokens(data.epoch(1), part) for part in update)
            for data, update in ((once, plain), (twice, both))
        ]
        assert tokens[0] == tokens[1]
        for part in both:
            batch = twice.epoch(1).batch(part)
            assert batch.passes == 2
            assert max(batch.src.numel(), batch.tgt_in.numel()) <= 300


def masters(folder):
    tensors = ckpt.find_checkpoint(folder, "last").tensors("train.safetensors")
    return {name: tensor for name, tensor in tensors.items() if name.startswith("master.")}


def assert_alike(one, other):
    for name, tensor in masters(one).items():
        torch.testing.assert_close(tensor, masters(other)[name], atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("consistency", ["rdrop", {"kind": "simcut", "cut": 0.0}], ids=["rdrop", "simcut"])
def test_without_dropout_and_cut_it_is_plain_training(toy_recipe, tmp_path, consistency):
    plain, twice = (
        run(toy_recipe(**SMOOTH, train__consistency=value, train__runs_dir=str(tmp_path / name)))
        for name, value in (("plain", None), ("twice", consistency))
    )
    assert_alike(plain, twice)
    for one, two in zip(records(plain, "step"), records(twice, "step"), strict=True):
        assert two.pop("kl") == pytest.approx(0, abs=1e-6)
        assert (two["nll"], two["tokens"]) == (pytest.approx(one["nll"], rel=1e-3), one["tokens"])


def test_a_cut_update_is_the_same_however_it_is_cut_into_micro_batches(toy_recipe, tmp_path):
    keys = SMOOTH | {"train__consistency": {"kind": "simcut", "cut": 0.2}}
    few, many = (
        run(toy_recipe(**keys, train__max_tokens=n, train__runs_dir=str(tmp_path / str(n)))) for n in (2000, 120)
    )
    assert_alike(few, many)
    kl = [[r["kl"] for r in records(folder, "step")] for folder in (few, many)]
    assert kl[0] == pytest.approx(kl[1], rel=1e-2) and min(kl[0]) > 0


@pytest.mark.parametrize("kind", ["rdrop", "simcut"])
def test_a_stopped_and_resumed_run_of_two_passes_ends_with_the_same_bytes(
    toy_recipe, toy_run, tmp_path, stop_after, kind
):
    keys = HARD | {"train__consistency": {"kind": kind, "cut": 0.1}, "train__strata": 3}
    whole = toy_run(**keys)
    broken = toy_recipe(**keys, train__runs_dir=str(tmp_path / "broken"))
    stop_after(5)
    with pytest.raises(Interrupted):
        run(broken)
    resumed = run(broken)
    assert last_bytes(resumed) == last_bytes(whole)
    assert timeless(resumed, "step") == timeless(whole, "step")
    assert all(record["kl"] > 0 for record in records(whole, "step"))


def test_validation_reads_once_and_cuts_nothing(toy_recipe, tmp_path):
    """A second pass that weighs nothing changes nothing, though nearly all of it is cut: so validations are alike."""
    unheard = {"kind": "simcut", "weight": 0.0, "cut": 0.9}
    plain, twice = (
        run(toy_recipe(**SMOOTH, train__consistency=value, train__runs_dir=str(tmp_path / name)))
        for name, value in (("plain", None), ("twice", unheard))
    )
    one, two = (records(folder, "valid")[-1] for folder in (plain, twice))
    assert one.keys() == two.keys()
    assert two["loss"] == pytest.approx(one["loss"], rel=1e-4)
    assert records(twice, "step")[-1]["kl"] > 0.01


def test_tokens_are_dropped_anew_in_each_epoch_and_never_in_validation(toy_recipe, tmp_path):
    keys = SMOOTH | {"train__token_drop": {"source": 0.3, "target": 0.1}, "train__max_steps": 8}
    data = data_of(toy_recipe(**keys))
    example = np.array([7])
    seen = [data.epoch(n).batch(example).src.tolist() for n in range(8)]
    assert len({str(rows) for rows in seen}) > 1
    one, other = (
        run(toy_recipe(**keys, train__max_tokens=n, train__runs_dir=str(tmp_path / str(n)))) for n in (2000, 60)
    )
    assert_alike(one, other)
    plain = run(toy_recipe(**SMOOTH | {"train__max_steps": 8}, train__runs_dir=str(tmp_path / "plain")))
    assert records(one, "step")[-1]["nll"] > records(plain, "step")[-1]["nll"]
    recipe = toy_recipe(**keys)
    tokenizer = Tokenizer.load(prepared(recipe))
    model = build(recipe.model, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size)
    device = torch.device("cpu")
    epoch = Validator(recipe.prepared_dir, recipe, tokenizer, choose_objective(recipe), model, device, 300).epoch
    assert not any((epoch.batch(part).src == UNK_ID).any() for update in epoch.updates for part in update)


def test_a_batch_that_is_read_once_has_the_plain_loss(batch):
    section = ModelSection(d_model=16, d_ff=32, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
    torch.manual_seed(0)
    model, write = Transformer(section, 100, 100).eval(), Write(0.1, ("bleu",))
    agree = Agree(write, ConsistencySection(kind="rdrop"))
    one, other = (objective.loss(model, batch) for objective in (write, agree))
    assert torch.equal(one.total, other.total) and one.sums.keys() == other.sums.keys() == {"nll"}
    assert agree.text_metrics == ("bleu",)


def test_a_run_does_not_go_on_with_other_passes(toy_recipe):
    run(toy_recipe(train__max_steps=2))
    with pytest.raises(RunError) as refused:
        run(toy_recipe(train__max_steps=4, train__consistency={"kind": "rdrop", "weight": 1}))
    assert (
        "was begun without `train.consistency`, but the recipe says {kind: rdrop, weight: 1.0}" in refused.value.message
    )
