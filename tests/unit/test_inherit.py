"""Beginning with another run's weights: what is taken, what is fresh, what is frozen, and what is refused."""

import os
import shutil
import signal

import pytest
import torch

from nmt.data.prepare import prepare
from nmt.decode.translator import Translator
from nmt.errors import Interrupted, RecipeError, RunError
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.recipe.init_from import PARTS, InitFrom
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import Tokenizer
from nmt.train.inherit import part_of, plan_inheritance
from nmt.train.trainer import train
from nmt.train.weights import FlatWeights
from tests.unit.test_trainer import ChangedLoss, last_bytes, records, run, timeless


@pytest.fixture
def parent(toy_run):
    return toy_run(name="parent", train__average_best=0, train__max_steps=60, train__eval_every=30)


@pytest.fixture
def child(toy_recipe, parent):
    """Makes recipes that begin with `parent`'s weights."""

    def make(**keys):
        keys = {"train__init_from": str(parent), "train__average_best": 0, "name": "child"} | keys
        return toy_recipe(**keys)

    return make


def weights(folder, which="last"):
    return ckpt.find_checkpoint(folder, which).tensors("model.safetensors")


def of_part(tensors, part):
    return {name: tensor for name, tensor in tensors.items() if part_of(name) == part}


def test_the_child_begins_as_good_as_its_parent_to_the_digit(parent, child):
    best = ckpt.find_checkpoint(parent, "best")
    folder = run(child(train__max_steps=1))
    first, *_ = records(folder, "valid")
    assert first["step"] == 0
    assert {name: first[name] for name in best.state.valid} == best.state.valid
    taken, theirs = weights(folder, "0"), best.tensors("model.safetensors")
    assert taken.keys() == theirs.keys()
    assert all(torch.equal(taken[name], theirs[name]) for name in theirs)


def test_what_was_taken_is_told_and_logged(parent, child, capsys):
    folder = run(child(train__init_from={"run": str(parent), "freeze": ["encoder"]}))
    best = ckpt.find_checkpoint(parent, "best")
    (record,) = records(folder, "init")
    assert (record["run"], record["checkpoint"]) == (str(parent), best.path.name)
    assert record["sha256"] == best.sha256["model.safetensors"]
    sizes = {part: sum(t.numel() for t in of_part(weights(parent), part).values()) for part in PARTS}
    wanted = {part: {"copied": n, "mapped": 0, "fresh": 0, "frozen": 0} for part, n in sizes.items()}
    wanted["encoder"]["frozen"] = sizes["encoder"]
    assert record["parts"] == wanted
    said = capsys.readouterr().err
    assert f"Begun with the weights of {parent}, {best.path.name}." in said
    assert f"child: 32,064 parameters ({sizes['encoder']:,} frozen), fp32 on cpu" in said


def test_weights_that_get_worse_leave_the_parent_s_the_best(child):
    folder = run(child(train__learning_rate=1.0, train__warmup_steps=0))
    assert ckpt.find_checkpoint(folder, "best", "bleu").state.step == 0


# --- parts and layers ------------------------------------------------------------------------------------------------


def test_every_parameter_is_of_a_part():
    section = ModelSection(
        d_model=8, d_ff=8, num_heads=2, num_encoder_layers=1, num_decoder_layers=1, positions="learned",
        tie_embeddings="none", activation="swiglu",
    )  # fmt: skip
    assert {part_of(name) for name, _ in Transformer(section, 9, 9).named_parameters()} == set(PARTS)


def test_parts_that_are_not_named_are_random(parent, child):
    folder = run(child(train__init_from={"run": str(parent), "parts": ["encoder", "output"]}, train__max_steps=1))
    begun, theirs = weights(folder, "0"), weights(parent, "best")
    for name, tensor in begun.items():
        # The embeddings are the output's matrix too.
        taken = part_of(name) in ("encoder", "output", "embeddings")
        assert torch.equal(tensor, theirs[name]) == taken, name
    (record,) = records(folder, "init")
    assert record["parts"]["decoder"]["copied"] == record["parts"]["embeddings"]["fresh"] == 0


def test_layers_are_taken_by_number(parent, child):
    folder = run(child(model__num_encoder_layers=2, train__max_steps=1))
    begun, theirs = weights(folder, "0"), weights(parent, "best")
    assert all(torch.equal(begun[name], tensor) for name, tensor in theirs.items())
    (record,) = records(folder, "init")
    assert record["parts"]["encoder"]["fresh"] == sum(
        tensor.numel() for name, tensor in begun.items() if name.startswith("encoder.1.")
    )
    grandchild = child(name="grandchild", train__init_from=str(folder), train__max_steps=1)
    again = weights(run(grandchild), "0")
    assert again.keys() == theirs.keys()


def test_tied_embeddings_are_taken_apart_but_not_put_together(parent, child):
    folder = run(child(model__tie_embeddings="none", train__max_steps=1))
    begun, theirs = weights(folder, "0"), weights(parent, "best")
    for name in ("src_embedding.tokens.weight", "tgt_embedding.tokens.weight", "output.weight"):
        assert torch.equal(begun[name], theirs["src_embedding.tokens.weight"])
    with pytest.raises(RunError) as refused:
        run(child(name="tied", train__init_from=str(folder)))
    assert refused.value.message == (
        f"`train.init_from: {folder}` has other matrices for src_embedding.tokens.weight and "
        "tgt_embedding.tokens.weight and output.weight, which are tied here."
    )
    assert refused.value.hint == "Set `model.tie_embeddings: none`, as that run has."


# --- freezing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("frozen", [["encoder"], ["embeddings", "output"], ["encoder", "decoder", "cross_attention"]])
def test_what_is_frozen_never_changes_a_byte(parent, child, frozen, precision):
    keys = {"train__weight_decay": 0.1, "train__average_best": 3, "train__threads": 2, "train__batch_tokens": 1100}
    recipe = child(**keys, train__precision=precision, train__init_from={"run": str(parent), "freeze": frozen})
    folder = run(recipe)
    theirs = weights(parent, "best")
    for checkpoint in ckpt.checkpoints(folder):
        mine = checkpoint.tensors("model.safetensors")
        for part in PARTS:
            for name, tensor in of_part(mine, part).items():
                unchanged = part in frozen or checkpoint.state.step == 0
                assert torch.equal(tensor, theirs[name]) == unchanged, (checkpoint.path.name, name)
    assert any(c.path.name == "average" for c in ckpt.checkpoints(folder))


@pytest.mark.parametrize("steps", [1, 5, 8])
def test_stopped_and_resumed_it_ends_with_the_same_bytes(parent, child, tmp_path, steps):
    frozen = {"run": str(parent), "parts": ["embeddings", "encoder", "output"], "freeze": ["encoder"]}
    keys = {"train__init_from": frozen, "model__dropout": 0.2, "train__eval_every": 4}

    def stop(loss, n):
        if n == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    whole = run(child(**keys, train__runs_dir=str(tmp_path / "whole")))
    broken = child(**keys, train__runs_dir=str(tmp_path / "broken"))
    with pytest.raises(Interrupted):
        run(broken, objective=ChangedLoss(stop))
    parent.rename(parent.with_name("gone"))  # it was needed to begin only
    resumed = run(broken)
    assert last_bytes(resumed) == last_bytes(whole)
    for event in ("init", "step", "valid"):
        assert timeless(resumed, event) == timeless(whole, event)


def test_killed_before_its_first_checkpoint_it_begins_anew(child, monkeypatch):
    recipe = child(train__max_steps=1)
    with monkeypatch.context() as patch:
        patch.setattr(ckpt, "save_checkpoint", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run(recipe)
    folder = run(recipe)
    assert len(records(folder, "init")) == 1
    assert [r["step"] for r in records(folder, "valid")] == [0, 1]


# --- what is refused -------------------------------------------------------------------------------------------------


def refused(recipe):
    with pytest.raises(RunError) as caught:
        run(recipe)
    assert not recipe.run_dir.exists()
    return caught.value.message, caught.value.hint


def test_another_vocabulary_is_refused(parent, child, tmp_path):
    other = {"data__prepared_dir": str(tmp_path / "other"), "tokenizer__vocab_size": 310}
    message, hint = refused(child(**other))
    assert message == f"`train.init_from: {parent}` has 320 pieces, the prepared data 310 others."
    assert hint == (
        f"Take its tokenizer (`tokenizer: {{from: {parent}}}`), or let embeddings be mapped: "
        f"`train.init_from: {{run: {parent}, vocabulary: map}}`."
    )
    without = {"run": str(parent), "parts": ["encoder", "decoder", "cross_attention"]}
    assert records(run(child(**other, train__init_from=without)), "init")


def test_a_model_of_another_kind_is_refused(parent, child):
    message, hint = refused(child(model__num_heads=4, model__d_ff=32, model__dropout=0.3))
    assert message == (
        f"`train.init_from: {parent}` has `model.d_ff: 64`, but the recipe says 32; "
        "`model.num_heads: 2`, but the recipe says 4."
    )
    assert hint == (
        "Give the model the same values. Numbers of layers, dropout, `tie_embeddings` and what balances experts may "
        "differ."
    )


@pytest.mark.parametrize("change", ["num_heads: 2>num_heads: 4", "activation: relu>activation: gelu"])
def test_a_parent_whose_recipe_was_edited_is_refused(parent, child, change):
    before, after = change.split(">")
    path = parent / "recipe.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace(before, after), encoding="utf-8")
    message, hint = refused(child())
    assert message.endswith(f" was trained with `model.{before}`, but the recipe says {after.split()[1]}.")
    assert hint == "Was recipe.yaml in the run changed? Put back what it said."


def test_layers_that_the_parent_lacks_cannot_be_frozen(parent, child):
    recipe = child(model__num_encoder_layers=2, train__init_from={"run": str(parent), "freeze": ["encoder"]})
    message, hint = refused(recipe)
    assert message.startswith(f"`train.init_from: {parent}` has no encoder.1.")
    assert message.endswith("and `train.init_from.freeze` would keep it random.")
    assert hint == "Give the model no more layers than that run has (1 and 1), or do not freeze `encoder`."


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"parts": ["encoder"], "freeze": ["decoder"]},
         "`train.init_from`: `freeze` has `decoder`, but `parts` has not: it would stay random."),
        ({"freeze": list(PARTS)}, "`train.init_from`: `freeze` has all parts: nothing is left to learn."),
        ({"parts": []}, "`train.init_from.parts` must not be empty."),
        ({"parts": ["tail"]},
         "`train.init_from.parts.0` must be one of `embeddings`, `encoder`, `decoder`, `cross_attention`, `output`, "
         "but is 'tail'."),
        ({"part": "all"}, "`train.init_from.part` is not a known key; did you mean `train.init_from.parts`?"),
    ],
)  # fmt: skip
def test_recipes_that_make_no_sense_are_refused(toy_recipe, keys, said):
    with pytest.raises(RecipeError) as caught:
        toy_recipe(train__init_from={"run": "runs/x"} | keys)
    assert caught.value.message == f"toy: {said}"


def test_a_folder_alone_means_all_of_it(toy_recipe):
    section = toy_recipe(train__init_from="runs/x").train.init_from
    assert section == InitFrom(run="runs/x", parts="all", freeze=[])
    assert section.parts == list(PARTS)


def test_a_training_that_began_cannot_begin_otherwise(parent, child, toy_recipe):
    recipe = child()
    folder = run(recipe)
    with pytest.raises(RunError) as caught:
        run(child(train__init_from=None))
    assert caught.value.message == f"{folder} was begun with `train.init_from: {parent}`, but the recipe has none."
    with pytest.raises(RunError) as caught:
        run(child(train__init_from={"run": str(parent), "freeze": ["encoder"]}))
    assert caught.value.message == (
        f"{folder} was begun with `train.init_from: {parent}`, but the recipe says "
        f"{{run: {parent}, freeze: [encoder]}}."
    )
    plain = run(toy_recipe(name="plain"))
    with pytest.raises(RunError) as caught:
        run(child(name="plain", train__average_best=5))
    assert caught.value.message == f"{plain} was begun without `train.init_from`, but the recipe says {parent}."


def test_fresh_needs_the_parent_again(parent, child):
    recipe = child()
    folder = run(recipe)
    shutil.rmtree(parent)
    with pytest.raises(RunError, match="is not a run folder"):
        train(recipe, recipe.prepared_dir, "nmt train", fresh=True)
    assert folder.is_dir() and not folder.with_name("child.1").exists()


def test_a_plan_reads_no_weights(parent, child):
    for file in parent.glob("checkpoints/*/*.safetensors"):
        file.write_bytes(b"")
    recipe = child()
    plan = plan_inheritance(recipe, recipe.train.init_from, Tokenizer.load(prepare(recipe)))
    assert len(plan.sources) == len(dict(Transformer(recipe.model, 320, 320).named_parameters()))


# --- an anchor, and no training at all -------------------------------------------------------------------------------


def test_an_anchor_holds_what_was_taken_over(parent, child):
    def distance(folder, part):
        theirs = of_part(weights(parent, "best"), part)
        mine = of_part(weights(folder), part)
        return sum(float((mine[name] - theirs[name]).square().sum()) for name in mine) ** 0.5

    section = {"run": str(parent), "parts": ["embeddings", "encoder", "output"]}
    keys = {"train__init_from": section, "train__ema_decay": 0.0}
    free = run(child(**keys))
    held = run(child(**keys, name="held", train__anchor=20.0))
    for part in ("encoder", "embeddings"):
        assert distance(held, part) < 0.8 * distance(free, part)
    state = ckpt.find_checkpoint(held, "last").tensors("train.safetensors")
    starts = {name.removeprefix("start.") for name in state if name.startswith("start.")}
    assert starts == {name for name in weights(held) if part_of(name) in section["parts"]}


def test_a_step_goes_that_part_of_the_way_back(toy_recipe):
    section = toy_recipe(train__init_from="runs/x", train__anchor=0.5).train
    model = torch.nn.Linear(3, 2)
    flat = FlatWeights(model, section, torch.float32)
    flat.anchor_here({"weight"})
    start = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1.0
        model.bias += 1.0
    bias = model.bias.detach().clone()
    flat.update(rate=0.1, num_tokens=1, step=1)  # by a gradient of zero
    torch.testing.assert_close(model.weight.detach(), start + 0.95)
    assert torch.equal(model.bias.detach(), bias)


def test_no_anchor_is_the_training_of_before(parent, child):
    assert last_bytes(run(child())) == last_bytes(run(child(name="zero", train__anchor=0.0)))


@pytest.mark.parametrize("steps", [1, 7])
def test_with_an_anchor_and_a_mapped_vocabulary_it_resumes_with_the_same_bytes(parent, child, tmp_path, steps):
    keys = {
        "tokenizer__vocab_size": 310, "train__anchor": 1.0, "model__dropout": 0.2, "train__eval_every": 4,
        "train__init_from": {"run": str(parent), "vocabulary": "map", "freeze": ["encoder"]},
    }  # fmt: skip

    def stop(loss, n):
        if n == steps:
            os.kill(os.getpid(), signal.SIGTERM)
        return loss

    whole = run(child(**keys, train__runs_dir=str(tmp_path / "whole")))
    broken = child(**keys, train__runs_dir=str(tmp_path / "broken"))
    with pytest.raises(Interrupted):
        run(broken, objective=ChangedLoss(stop))
    parent.rename(parent.with_name("gone"))  # what the anchor pulls to is kept
    assert last_bytes(run(broken)) == last_bytes(whole)


def test_without_a_step_it_is_the_parent(parent, child, capsys):
    folder = run(child(train__max_steps=0))
    theirs, mine = Translator.load(parent), Translator.load(folder)
    lines = ["one two three", "eight", "", "six seven two two one", "unknown words"]
    assert list(mine.translate(lines)) == list(theirs.translate(lines))
    best = ckpt.find_checkpoint(parent, "best")
    assert ckpt.find_checkpoint(folder, "best").sha256["model.safetensors"] == best.sha256["model.safetensors"]
    assert [r["step"] for r in records(folder, "valid")] == [0]
    said = capsys.readouterr().err
    assert "Stops after 0 steps." in said and "warm-up" not in said.split("Begun with")[1]


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"anchor": 0.01}, "`train`: `anchor: 0.01` needs `init_from`: it pulls towards the weights of that run."),
        ({"max_steps": 0}, "`train`: `max_steps: 0` needs `init_from`: nothing would ever be learned."),
    ],
)
def test_what_needs_a_parent_is_refused_without(toy_recipe, keys, said):
    with pytest.raises(RecipeError) as caught:
        toy_recipe(**{f"train__{key}": value for key, value in keys.items()})
    assert caught.value.message == f"toy: {said}"


def test_layers_that_differ_in_number_are_told(parent, child, capsys):
    folder = run(child(model__num_encoder_layers=3, train__max_steps=1))
    assert "Layers of the encoder: 1 are that run's, the other 2 fresh." in capsys.readouterr().err
    run(child(name="less", train__init_from=str(folder), train__max_steps=1))
    assert "Layers of the encoder: the first 1 of that run's 3." in capsys.readouterr().err
