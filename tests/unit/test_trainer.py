"""Training as a whole, on a toy: exact resume, accumulation, averaging, faults."""

import dataclasses
import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest
import torch

from nmt.data.check import deciding_keys
from nmt.data.prepare import prepare
from nmt.errors import Interrupted, RunError, TrainingError
from nmt.recipe import fingerprint
from nmt.run import checkpoint as ckpt
from nmt.run.compat import check_same_experiment
from nmt.run.folder import run_lock, set_aside
from nmt.train import trainer as trainer_module
from nmt.train.adamw import AdamW, Group
from nmt.train.objective import Write
from nmt.train.trainer import train
from nmt.train.weights import FlatWeights
from tests.unit.conftest import prepared_before

GOLDEN = Path(__file__).parent.parent / "golden" / "losses.json"


def run(recipe, **options):
    return train(recipe, prepared(recipe), "nmt train toy.yaml", **options)


def prepared(recipe):
    """What `prepare` gives; of the toy text a copy, where the same was prepared before."""
    root = prepared_before(Path(recipe.data.root))
    kept = root / fingerprint(deciding_keys(recipe), recipe.name)
    if kept.exists() and not recipe.prepared_dir.exists():
        shutil.copytree(kept, recipe.prepared_dir)
    folder = prepare(recipe)
    if root.exists() and not kept.exists():
        shutil.copytree(folder, kept)
    return folder


class ChangedLoss(Write):
    """Translation whose loss, the n-th that training asks for, is changed by `change(loss, n)`."""

    def __init__(self, change):
        super().__init__(0.1, ("bleu", "chrf"))
        self.change, self.calls = change, 0

    def loss(self, model, batch):
        loss = super().loss(model, batch)
        if not model.training:
            return loss
        self.calls += 1
        return dataclasses.replace(loss, total=self.change(loss.total, self.calls))


def last_bytes(folder):
    return {p.name: p.read_bytes() for p in ckpt.find_checkpoint(folder, "last").path.glob("*.safetensors")}


def records(folder, event):
    lines = (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()
    return [r for r in map(json.loads, lines) if r["event"] == event]


def timeless(folder, event):
    """Records without what measures time; so a resumed run's are those of one never interrupted."""
    return [{k: v for k, v in r.items() if k not in ("seconds", "tokens_per_second")} for r in records(folder, event)]


@pytest.fixture
def stop_after(monkeypatch):
    """Send this process a signal when a training has done that many steps."""

    def arm(steps, number=signal.SIGTERM):
        original, done = trainer_module.Trainer._step, [0]

        def step(self):
            original(self)
            done[0] += 1
            if done[0] == steps:
                os.kill(os.getpid(), number)

        monkeypatch.setattr(trainer_module.Trainer, "_step", step)

    return arm


# Without dropout, whose masks depend on the shape of a batch; and with an epsilon that keeps Adam from blowing up the
# rounding errors of gradients that are zero.
SMOOTH = {"model__dropout": 0.0, "train__adam_eps": 1e-3, "train__max_steps": 6}

HARD = {
    "tokenizer__sampling": 0.1,
    "model__dropout": 0.2,
    "train__max_tokens": 100,
    "train__average_best": 2,
    "train__weight_decay": 0.01,
    "train__patience": 3,
    "train__eval_every": 2,
    "train__log_every": 5,
}


@pytest.mark.parametrize(
    "extra", [{}, HARD, HARD | {"train__precision": "bf16"}], ids=["plain", "all-on", "all-on-bf16"]
)
@pytest.mark.parametrize("steps", [1, 5, 8])
def test_a_stopped_and_resumed_run_ends_with_the_same_bytes(toy_recipe, toy_run, tmp_path, stop_after, extra, steps):
    whole = toy_run(**extra)
    broken = toy_recipe(**extra, train__runs_dir=str(tmp_path / "broken"))
    stop_after(steps)
    with pytest.raises(Interrupted) as stopped:
        run(broken)
    assert stopped.value.exit_code == 143
    assert "Go on where it stopped: nmt train toy.yaml" in str(stopped.value)
    resumed = run(broken)
    assert last_bytes(resumed) == last_bytes(whole)
    for event in ("step", "valid", "average"):
        assert timeless(resumed, event) == timeless(whole, event)


@pytest.mark.parametrize("moment", ["measuring", "writing it down"])
@pytest.mark.parametrize("which", [1, 6], ids=["first", "last"])
def test_a_training_killed_while_it_validates_loses_no_step(toy_recipe, toy_run, tmp_path, monkeypatch, moment, which):
    whole = toy_run(**HARD)
    broken = toy_recipe(**HARD, train__runs_dir=str(tmp_path / "broken"))
    where, name = (trainer_module.Validator, "measure") if moment == "measuring" else (ckpt, "update_state")
    original, calls = getattr(where, name), [0]

    def killed(*args, **keys):
        calls[0] += 1
        if calls[0] == which:
            raise KeyboardInterrupt
        return original(*args, **keys)

    monkeypatch.setattr(where, name, killed)
    with pytest.raises(KeyboardInterrupt):
        run(broken)
    last = ckpt.find_checkpoint(broken.run_dir, "last")
    assert (last.state.step, last.state.valid) == (2 * which, {})
    resumed = run(broken)
    assert last_bytes(resumed) == last_bytes(whole)
    for event in ("step", "valid", "samples", "average", "end"):
        assert timeless(resumed, event) == timeless(whole, event)
    assert {c.path.name: c.state.valid for c in ckpt.checkpoints(resumed)} == {
        c.path.name: c.state.valid for c in ckpt.checkpoints(whole)
    }


def test_a_run_from_scratch_is_repeated_bit_for_bit(toy_recipe, toy_run, tmp_path):
    again = run(toy_recipe(train__runs_dir=str(tmp_path / "again")))
    assert last_bytes(again) == last_bytes(toy_run())


def test_another_seed_gives_another_model(toy_recipe, toy_run, tmp_path):
    other = run(toy_recipe(seed=2, train__runs_dir=str(tmp_path / "other")))
    assert last_bytes(other) != last_bytes(toy_run())


def test_accumulation_changes_nothing_but_rounding(toy_recipe, tmp_path):
    a, b = (
        ckpt.find_checkpoint(
            run(toy_recipe(**SMOOTH, train__max_tokens=n, train__runs_dir=str(tmp_path / str(n)))), "last"
        ).tensors("train.safetensors")
        for n in (60, 1000)
    )
    for name in a:
        if name.startswith("master."):
            torch.testing.assert_close(a[name], b[name], atol=2e-5, rtol=1e-3)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_twenty_golden_losses(toy_recipe, optimizer):
    """What the first steps cost must not change unnoticed: model, batching, loss and optimizer are all in them."""
    often = {"train__log_every": 1, "train__eval_every": 20, "train__save_every": 20}
    folder = run(toy_recipe(train__max_steps=20, train__optimizer=optimizer, **often))
    losses = [r["loss"] for r in records(folder, "step")]
    assert losses == pytest.approx(json.loads(GOLDEN.read_text(encoding="utf-8"))[optimizer], rel=2e-3)


def test_a_finished_run_is_left_alone(toy_recipe, capsys):
    folder = run(toy_recipe())
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")}
    run(toy_recipe())
    assert "nothing to do" in capsys.readouterr().err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*.safetensors")} == before


def test_a_finished_run_goes_on_when_its_limit_is_raised(toy_recipe, tmp_path):
    run(toy_recipe(train__average_best=0))
    longer = run(toy_recipe(train__max_steps=18, train__average_best=0))
    whole = run(toy_recipe(train__max_steps=18, train__average_best=0, train__runs_dir=str(tmp_path / "whole")))
    assert last_bytes(longer) == last_bytes(whole)


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_a_falling_schedule_goes_on_to_a_new_end_and_says_so(toy_recipe, schedule, capsys):
    keys = {"train__schedule": schedule, "train__average_best": 0, "train__log_every": 1}
    folder = run(toy_recipe(**keys))
    assert records(folder, "step")[-1]["learning_rate"] == 0
    capsys.readouterr()
    run(toy_recipe(**keys, train__max_steps=18))
    said = capsys.readouterr().err
    assert f"! {folder} goes on with `train.max_steps` from 12 to 18. From here on its learning rate" in said
    whole = run(toy_recipe(**keys, train__max_steps=18, name="whole"))
    rates = [[r["learning_rate"] for r in records(f, "step")] for f in (folder, whole)]
    assert rates[0][12:] == rates[1][12:]
    assert rates[0][-1] == 0
    capsys.readouterr()
    run(toy_recipe(**keys, train__max_steps=18))
    assert "goes on with" not in capsys.readouterr().err


def test_the_schedule_ends_with_the_minutes(toy_recipe, monkeypatch):
    """By a clock on which a step takes six seconds, so that the minute is over after ten."""
    clock = iter(range(10_000))
    monkeypatch.setattr(trainer_module.time, "perf_counter", lambda: 6.0 * next(clock))
    keys = {"train__schedule": "linear", "train__max_steps": None, "train__max_minutes": 1, "train__warmup_steps": 2}
    folder = run(toy_recipe(**keys, train__log_every=1, train__eval_every=1000, train__average_best=0))
    rates = [r["learning_rate"] for r in records(folder, "step")]
    assert len(rates) == 10
    assert rates[:2] == [0.0025, 0.005]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[-1] <= 0.005 / 8


def test_a_warmup_longer_than_the_training_is_said(toy_recipe, capsys):
    run(toy_recipe(train__warmup_steps=12, train__average_best=0))
    assert (
        "! The training will be over after 12 steps, all of them in the warm-up of 12: "
        "the learning rate will not reach 0.005." in capsys.readouterr().err
    )
    run(toy_recipe(train__warmup_steps=11, train__average_best=0, name="other"))
    assert "warm-up" not in capsys.readouterr().err


def test_a_changed_recipe_is_refused_naming_the_key(toy_recipe):
    recipe = toy_recipe()
    folder = run(recipe)
    with pytest.raises(RunError) as refused:
        run(toy_recipe(train__learning_rate=1e-3, model__d_ff=32))
    assert "was begun with `model.d_ff: 64`, but the recipe says 32" in refused.value.message
    assert "`train.learning_rate: 0.005`, but the recipe says 0.001" in refused.value.message
    check_same_experiment(folder, toy_recipe(train__log_every=1, train__max_steps=99), recipe.prepared_dir, "nmt train")


def test_a_run_goes_on_with_the_data_it_was_begun_with_only(toy_recipe, toy_text, tmp_path):
    recipe = toy_recipe(data__root=str(shutil.copytree(toy_text, tmp_path / "text")))
    folder = run(recipe)
    tokenizer = (folder / "tokenizer.tgt.model").read_bytes()
    with open(tmp_path / "text/train.en", "a") as en, open(tmp_path / "text/train.fr", "a") as fr:
        print("nine", file=en)
        print("neuf", file=fr)
    prepare(recipe, force=True)
    with pytest.raises(RunError, match="was begun with other prepared data") as refused:
        train(recipe, recipe.prepared_dir, "nmt train toy.yaml")
    assert "--fresh" in refused.value.hint
    assert (folder / "tokenizer.tgt.model").read_bytes() == tokenizer


def test_a_run_that_is_being_trained_is_not_set_aside(toy_recipe):
    recipe = toy_recipe()
    folder = run(recipe)
    with run_lock(folder), pytest.raises(RunError, match="is being trained by process"):
        train(recipe, recipe.prepared_dir, "", fresh=True)
    assert folder.is_dir()
    assert not folder.with_name("toy.1").exists()


def test_learned_positions_must_be_enough(toy_recipe):
    recipe = toy_recipe(model__positions="learned", model__max_positions=5)
    with pytest.raises(RunError, match=r"`model\.max_positions: 5` is too small: the longest sentence has \d+ tokens"):
        run(recipe)
    assert not recipe.run_dir.exists()


def test_setting_aside_never_overwrites(tmp_path):
    run_dir = tmp_path / "run"
    assert set_aside(run_dir) is None
    for number in (1, 2):
        run_dir.mkdir()
        (run_dir / "what").write_text(str(number))
        assert set_aside(run_dir) == tmp_path / f"run.{number}"
    assert (tmp_path / "run.1" / "what").read_text() == "1"


def test_a_step_that_is_not_finite_is_skipped_and_counted(toy_recipe, capsys):
    sometimes_nan = ChangedLoss(lambda loss, n: loss * float("nan") if n == 4 else loss)
    folder = run(toy_recipe(), objective=sometimes_nan)
    state = ckpt.find_checkpoint(folder, "last").state
    assert (state.step, state.skipped_steps) == (12, 1)
    assert re.search(r"step \d: the gradient is not finite; the step is skipped \(1 so far\)", capsys.readouterr().err)
    weights = ckpt.find_checkpoint(folder, "last").tensors("model.safetensors")
    assert all(t.isfinite().all() for t in weights.values())


def test_many_bad_steps_end_with_advice(toy_recipe):
    with pytest.raises(TrainingError, match="3 steps in a row were not finite") as stopped:
        run(toy_recipe(train__max_bad_steps=3), objective=ChangedLoss(lambda loss, _: loss * float("nan")))
    assert "smaller `train.learning_rate`" in stopped.value.hint
    assert stopped.value.exit_code == 1


def test_early_stopping_waits_for_its_patience(toy_recipe, monkeypatch):
    scores = iter([5.0, 7.0, 6.0, 6.5, 6.9, 6.0])
    monkeypatch.setattr(trainer_module.Validator, "measure", lambda *_, **__: ({"loss": 1.0, "bleu": next(scores)}, []))
    folder = run(toy_recipe(train__max_steps=100, train__eval_every=2, train__patience=3, train__average_best=0))
    assert [r["step"] for r in records(folder, "valid")] == [2, 4, 6, 8, 10]
    assert ckpt.find_checkpoint(folder, "best", "bleu").state.step == 4


@pytest.mark.parametrize("limit", [{"train__max_epochs": 2}, {"train__max_minutes": 0.0005}])
def test_epochs_and_minutes_stop_too(toy_recipe, limit):
    folder = run(toy_recipe(train__max_steps=None, train__average_best=0, **limit))
    state = ckpt.find_checkpoint(folder, "last").state
    assert (state.epoch == 2 and state.batch_in_window == 0) or state.seconds >= 0.03
    assert state.valid  # the last step is always validated


def test_a_second_training_of_the_same_run_is_refused(toy_recipe):
    recipe = toy_recipe()
    folder = run(recipe)
    with run_lock(folder), pytest.raises(RunError, match=f"is being trained by process {os.getpid()} on "):
        run(recipe)


def test_weights_can_be_taken_from_another_run(toy_recipe, tmp_path):
    first = run(toy_recipe())
    second = toy_recipe(train__init_from=str(first), name="tuned", data__prepared_dir=str(tmp_path / "prepared"))
    folder = run(second)
    before = records(first, "step")[0]["loss"]
    assert records(folder, "step")[0]["loss"] < before


def test_the_moving_average_is_the_formula(toy_recipe):
    recipe = toy_recipe(train__ema_decay=0.9)
    model = torch.nn.Linear(3, 2)
    weights = FlatWeights(model, recipe.train, torch.float32)
    expected = weights.master.clone()
    for step in range(1, 4):
        weights.grad.copy_(torch.randn(8))
        weights.update(0.1, 5, step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * weights.master
    torch.testing.assert_close(weights.ema, expected)
    raw = model.weight.clone()
    with weights.averaged(model):
        torch.testing.assert_close(model.weight, weights.owners.views(weights.ema)["weight"])
    assert torch.equal(model.weight, raw)


def test_flat_weights_step_like_plain_adamw(toy_recipe):
    section = toy_recipe(train__weight_decay=0.1, train__clip_norm=0.5).train
    torch.manual_seed(0)
    model, twin = torch.nn.Linear(4, 3), torch.nn.Linear(4, 3)
    twin.load_state_dict(model.state_dict())
    weights = FlatWeights(model, section, torch.float32)
    plain = torch.optim.AdamW(
        [{"params": [twin.weight], "weight_decay": 0.1}, {"params": [twin.bias], "weight_decay": 0.0}],
        lr=0.01, betas=section.adam_betas, eps=section.adam_eps,
    )  # fmt: skip
    for step in range(1, 6):
        x = torch.randn(7, 4)
        for net in (model, twin):
            (net(x) ** 2).sum().backward()
        weights.gradients.add_micro_batch()
        for p in twin.parameters():
            p.grad /= 7
        torch.nn.utils.clip_grad_norm_(twin.parameters(), 0.5)
        plain.step()
        plain.zero_grad()
        weights.update(0.01, 7, step)
    torch.testing.assert_close(model.weight, twin.weight)
    torch.testing.assert_close(model.bias, twin.bias)


def test_adamw_is_torchs_to_the_bit():
    torch.manual_seed(0)
    twins = [torch.randn(50), torch.randn(7)]
    groups = [Group(twin.clone(), torch.zeros_like(twin), decay) for twin, decay in zip(twins, (0.1, 0.0), strict=True)]
    ours = AdamW(groups, (0.9, 0.98), 1e-9)
    theirs = torch.optim.AdamW(
        [{"params": [twin], "weight_decay": group.decay} for twin, group in zip(twins, groups, strict=True)],
        betas=(0.9, 0.98), eps=1e-9, fused=True,
    )  # fmt: skip
    for step in range(1, 5):
        for twin, group in zip(twins, groups, strict=True):
            group.grad.copy_(torch.randn_like(twin))
            twin.grad = group.grad.clone()
        for group in theirs.param_groups:
            group["lr"] = 0.01 * step
        ours.step(0.01 * step, torch.tensor(True))
        theirs.step()
    assert all(torch.equal(twin, group.weights) for twin, group in zip(twins, groups, strict=True))


def test_a_resumed_optimizer_is_as_torch_makes_it(toy_recipe):
    """Where its numbers lie, and of which type: fused kernels take no other."""

    def kinds(weights):
        entries = [group.state for group in weights.adam.groups]
        return [{name: (t.device, t.dtype, t.shape) for name, t in entry.items()} for entry in entries]

    begun, resumed = (FlatWeights(torch.nn.Linear(3, 2), toy_recipe().train, torch.float32) for _ in range(2))
    begun.update(0.1, 5, 1)
    resumed.load(begun.translating(), begun.state(), 1)
    assert kinds(resumed) == kinds(begun)


def test_a_resumed_optimizer_lies_where_its_weights_do(toy_recipe):
    """On a GPU, for which torch's device without data stands here."""
    section = toy_recipe().train
    begun = FlatWeights(torch.nn.Linear(3, 2), section, torch.float32)
    begun.update(0.1, 5, 1)
    resumed = FlatWeights(torch.nn.Linear(3, 2, device="meta"), section, torch.float32)
    resumed.load(begun.translating(), begun.state(), 1)
    entries = [group.state for group in resumed.adam.groups]
    assert {name: tensor.device.type for entry in entries for name, tensor in entry.items()} == dict.fromkeys(
        ("step", "exp_avg", "exp_avg_sq"), "meta"
    )


@pytest.mark.slow
def test_a_compiled_model_learns_the_same(toy_recipe):
    """Compiling takes a minute, and needs a C++ compiler."""
    if shutil.which("c++") is None and shutil.which("g++") is None:
        pytest.skip("NOT TESTED: there is no C++ compiler")
    losses = []
    for name, compiled in (("plain", False), ("compiled", True)):
        folder = run(toy_recipe(name=name, train__compile=compiled, train__max_steps=6, train__log_every=1))
        losses.append([r["loss"] for r in records(folder, "step")])
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
