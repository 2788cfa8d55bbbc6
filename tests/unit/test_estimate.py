import torch

from nmt.device import memory_size
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.train import estimate
from nmt.train.estimate import Size, memory_bytes, size_of
from tests.unit.test_trainer import run


def test_the_size_is_that_of_the_model_with_all_its_layers():
    section = ModelSection(d_model=32, d_ff=48, num_heads=2, num_encoder_layers=4, num_decoder_layers=3, norm="post")
    model = Transformer(section, 300, 400)
    assert size_of(section, [300, 400]) == Size(sum(p.numel() for p in model.parameters()), model.kept_per_token())


def test_memory_is_weights_and_what_each_replica_needs():
    size = Size(1000, 30)
    assert memory_bytes(size, 50, 4) == 1000 * 4 * 5 + 50 * 30 * 4
    assert memory_bytes(size, 50, 4, replicas=2) == 1000 * 4 * 6 + 2 * 50 * 30 * 4
    # bf16: a copy of the weights, and gradients in both types
    assert memory_bytes(size, 50, torch.bfloat16.itemsize) == 1000 * (4 * 4 + 2 + 4 + 2) + 50 * 30 * 2


def test_more_memory_than_there_is_is_said_and_training_goes_on(toy_recipe, monkeypatch, capsys):
    recipe = toy_recipe(train__max_steps=1, train__max_tokens=375)
    monkeypatch.setattr(estimate, "memory_size", lambda _: None)  # not told
    run(recipe)
    assert "of memory" not in capsys.readouterr().err
    monkeypatch.setattr(estimate, "memory_size", lambda _: 100 << 20)
    needed = estimate.megabytes(estimate.check_memory(recipe, [320, 320], torch.device("cpu")))
    capsys.readouterr()
    said = (
        f"This training needs about {needed} of memory, but cpu has 100 MB. Take a smaller model or a smaller "
        "`train.max_tokens` (now 375)."
    )
    run(recipe, fresh=True)
    before, after = " ".join(capsys.readouterr().err.split()).split(said)
    assert "step 1/1" not in before and "step 1/1" in after
    estimate.estimate(recipe, "toy.yaml")
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_model_for_no_machine_is_said_by_the_real_size_of_this_one(toy_recipe, capsys):
    recipe = toy_recipe(model__d_model=1_000_000, model__d_ff=1_000_000)
    assert estimate.check_memory(recipe, [320, 320], torch.device("cpu")) > 1e14
    there = estimate.megabytes(memory_size(torch.device("cpu")))
    assert f"but cpu has {there}." in " ".join(capsys.readouterr().err.split())


def test_a_training_of_pairs_is_estimated_by_both_texts(toy_recipe, tmp_path, capsys):
    """As many steps as an epoch has, and derived keys by what batches count."""
    encoder = {"kind": "encoder", "d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1}
    of_pairs = {"objective": {"kind": "mlm", "pairs": "translation"}, "model": encoder}
    recipe = toy_recipe(**of_pairs, train__batch_tokens=500, train__max_steps=1)
    guessed = dict(estimate.estimate(recipe, tmp_path / "toy.yaml")[1])
    run(recipe)
    said = capsys.readouterr().err
    rows = dict(estimate.estimate(recipe, tmp_path / "toy.yaml")[1])
    steps, tokens = rows["steps an epoch"], int(rows["target tokens an epoch"].replace(",", ""))
    assert f"and {steps} steps an epoch" in said
    assert int(steps) == round(tokens / 500)
    assert int(guessed["steps an epoch"].removeprefix("about ")) > 0.6 * int(steps)
