"""A step that the host does not wait for: on a CPU, where nothing is waited for, by the operators that would wait."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from nmt.model.attention import attention, causal_bias, fused
from nmt.recipe import Recipe
from nmt.tokenizer import PAD_ID, Tokenizer
from nmt.train.epochs import TrainingData
from nmt.train.feed import Feed
from nmt.train.objective import choose_objective
from nmt.train.parallel import ALONE
from nmt.train.signals import Signals
from nmt.train.trainer import Trainer
from tests.unit.test_trainer import prepared

WAITING = ("_local_scalar_dense", "item", "nonzero", "is_nonzero", "equal", "masked_select", "_unique2", "unique_dim")
CPU = torch.device("cpu")


class NoWaiting(TorchDispatchMode):
    """Refuses what reads a value of a device, or a size that only the device knows."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func.overloadpacket.__name__ not in WAITING, f"the host would wait in {func}"
        return func(*args, **(kwargs or {}))


def trainer(recipe: Recipe) -> Trainer:
    folder = prepared(recipe)
    (recipe.run_dir / "checkpoints").mkdir(parents=True)
    return Trainer(recipe, recipe.run_dir, folder, choose_objective(recipe), CPU, ALONE, Signals(), "")


KINDS: dict[str, dict[str, Any]] = {
    "muon": {"train__max_tokens": 100, "train__weight_decay": 0.1},
    "adamw-bf16": {"train__optimizer": "adamw", "train__precision": "bf16"},
    "simcut": {"train__consistency": "simcut"},
    "decoder": {"model": {"kind": "decoder", "d_model": 32, "d_ff": 64, "num_heads": 2, "num_decoder_layers": 1}},
}


@pytest.mark.parametrize("kind", KINDS)
def test_the_host_waits_for_no_step(toy_recipe: Callable[..., Recipe], kind: str) -> None:
    """But looks at several together; what it then knows is as if it had looked after each."""
    keys = {"train__log_every": 100, "train__save_every": 100, "train__eval_every": 100, **KINDS[kind]}
    looking, hurrying = (trainer(toy_recipe(**keys, name=name)) for name in ("a", "b"))
    hurrying.look_every = 100
    hurrying.accumulation.feed = Feed(CPU, ahead=True)
    for _ in range(4):
        looking._step()
    with NoWaiting():
        for _ in range(4):
            hurrying._step()
    assert hurrying.state.interval.steps == 0
    hurrying._look()
    assert hurrying.state.interval == looking.state.interval
    assert hurrying.norm == looking.norm
    assert torch.equal(hurrying.weights.master, looking.weights.master)


def test_steps_that_are_not_finite_are_counted_at_the_look(
    toy_recipe: Callable[..., Recipe], capsys: pytest.CaptureFixture[str]
) -> None:
    own = trainer(toy_recipe())
    own.look_every = 100
    reduce = own.weights.reduce
    before = own.weights.master.clone()

    def broken() -> None:
        reduce()
        own.weights.grad[7] = float("inf")

    own.weights.reduce = broken  # type: ignore[method-assign]
    own._step()
    own._step()
    assert torch.equal(own.weights.master, before)
    own.weights.reduce = reduce  # type: ignore[method-assign]
    own._step()
    assert not torch.equal(own.weights.master, before)
    assert own.state.skipped_steps == 0
    own._look()
    assert (own.state.skipped_steps, own.state.bad_in_a_row, own.state.interval.steps) == (2, 0, 3)
    assert "step 2: the gradient is not finite; the step is skipped (2 so far)." in capsys.readouterr().err


@pytest.mark.parametrize("objective", ["translate", "infill", "mass", "spans", "mlm"])
def test_batches_know_how_many_targets_are_real(toy_recipe: Callable[..., Recipe], objective: str) -> None:
    """By that number the loss finds them."""
    keys: dict[str, Any] = {"objective": objective, "data__test": {}}
    if objective == "translate":
        keys["train__token_drop"] = 0.3
    else:
        keys["data__train"], keys["data__valid"] = (
            [{"text": f"{part}.en", "lang": "en"}] for part in ("train", "valid")
        )
    if objective == "mlm":
        keys["model"] = {"kind": "encoder", "d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1}
        keys["train__metric"] = "loss"
    recipe = toy_recipe(**keys)
    data = TrainingData(prepared(recipe), recipe, Tokenizer.load(recipe.prepared_dir), 100)
    epoch = data.epoch(0)
    for part in (part for update in epoch.updates for part in update):
        batch = epoch.batch(part)
        assert batch.num_tokens == int((batch.tgt_out != PAD_ID).sum())


def test_a_kernel_that_is_told_of_the_order_does_as_the_bias_says() -> None:
    q, k, v = torch.randn(3, 2, 4, 7, 8)
    bias = causal_bias(torch.empty(2, 7, 32))
    torch.testing.assert_close(fused(q, k, v, "causal"), attention(q, k, v, bias))
    assert causal_bias(torch.empty(2, 7, 32, device="meta")) == "causal"
