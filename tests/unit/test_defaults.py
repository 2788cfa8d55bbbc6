"""What follows from the data and the planned length where a recipe does not say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.recipe import PRESETS, Recipe, load_recipe, make_recipe
from nmt.recipe.defaults import LADDER, VALIDATIONS, Counts, Machine, derive, plan_of, vocab_size

DATA = {"source_lang": "en", "target_lang": "fr", "train": {"source": "a", "target": "b"}, "valid": {"holdout": 1000}}
LAPTOP, GPU = Machine(5e10, 0.005), Machine(2e14, 0.03)


def recipe(model: Any = None, tokenizer: Any = None, **train: Any) -> Recipe:
    values = {"name": "own", "data": DATA, "train": train, "model": model or {}, "tokenizer": tokenizer or {}}
    return make_recipe(values, "own.yaml")


def derived(target_tokens: int, machine: Machine = LAPTOP, model: Any = None, **train: Any) -> dict[str, Any]:
    own = recipe(model, {"vocab_size": 4000}, **train)
    return {k.partition(".")[2]: v for k, v in derive(own, Counts(target_tokens, 12_000), machine).items()}


# --- which keys ------------------------------------------------------------------------------------------------------


def test_all_keys_that_can_be_derived_are_open_where_the_recipe_is_silent() -> None:
    assert recipe(max_minutes=10).open_keys == [
        "tokenizer.vocab_size", "model.preset", "model.dropout", "train.batch_tokens", "train.learning_rate",
        "train.schedule", "train.warmup_steps", "train.weight_decay", "train.average_best", "train.max_epochs",
        "train.patience", "train.eval_every",
    ]  # fmt: skip


def test_auto_is_what_silence_is() -> None:
    keys = {"warmup_steps": "auto", "schedule": "auto", "patience": "auto"}
    said = recipe({"preset": "auto", "dropout": "auto"}, {"vocab_size": "auto"}, max_minutes=10, **keys)
    assert said.open_keys == recipe(max_minutes=10).open_keys


def test_what_the_recipe_says_is_kept() -> None:
    own = recipe({"preset": "tiny", "dropout": 0.1}, max_minutes=10, warmup_steps=1000, max_epochs=None)
    values = derive(own, Counts(75_000, 8_000), LAPTOP)
    assert not {"model.preset", "model.dropout", "train.warmup_steps", "train.max_epochs"} & set(values)
    filled = own.filled(values)
    assert (filled.model.dropout, filled.train.warmup_steps, filled.train.max_epochs) == (0.1, 1000, None)


def test_a_number_of_the_shape_decides_that_the_shape_is_given() -> None:
    own = recipe({"d_ff": 512}, max_minutes=10)
    assert "model.preset" not in own.open_keys
    assert own.model.d_ff == 512
    assert own.model.d_model == PRESETS["small"]["d_model"]


def test_a_filled_recipe_has_no_open_key_and_reads_back_as_it_is(tmp_path: Any) -> None:
    own = recipe(max_minutes=10)
    filled = own.filled({"tokenizer.vocab_size": 1200, **derive(own, Counts(75_000, 8_000), LAPTOP)})
    assert filled.open_keys == []
    for written in (filled, own):
        (tmp_path / "again.yaml").write_text(written.dump(), encoding="utf-8")
        again = load_recipe(tmp_path / "again.yaml")
        assert again.open_keys == written.open_keys
        assert again == written
    assert "d_model: 128" in filled.dump()
    assert "warmup_steps: auto" in own.dump()


# --- the rules -------------------------------------------------------------------------------------------------------


def test_a_small_text_gets_a_small_vocabulary() -> None:
    # Characters a side and different characters of 5,000, 30,000 and 150,000 pairs of Tatoeba, English-French
    sizes = [vocab_size(n, 90) for n in (166_000, 1_001_000, 5_007_000)]
    assert sizes == [1900, 2500, 4700]
    assert vocab_size(10**12, 90) == 32_000
    assert vocab_size(200_000, 3_000) > 260 + 3_000  # a script of many characters
    assert vocab_size(1, 1) >= 300


def test_ten_minutes_on_a_laptop() -> None:
    small, middle, large = (derived(tokens, max_minutes=10) for tokens in (75_000, 385_000, 1_730_000))
    assert [case["preset"] for case in (small, middle, large)] == ["tiny"] * 3
    assert [case["dropout"] for case in (small, middle, large)] == [0.3, 0.15, 0.05]
    assert [case["weight_decay"] for case in (small, middle, large)] == [0.1, 0.0, 0.0]
    assert [case["batch_tokens"] for case in (small, middle, large)] == [1024, 2048, 2048]
    assert all(case["schedule"] == "cosine" and case["average_best"] == 0 for case in (small, middle, large))


def test_a_larger_model_needs_text_and_time() -> None:
    assert derived(1_730_000, max_minutes=480)["preset"] == "small"
    assert derived(1_730_000, GPU, max_minutes=10)["preset"] == "small"
    assert derived(75_000, GPU, max_minutes=600)["preset"] == "tiny"
    assert derived(120_000_000, GPU, max_minutes=600)["preset"] == "base"
    assert derived(1_730_000, max_steps=1500)["preset"] == "tiny"


def test_no_time_is_spent_on_epochs_that_bring_nothing() -> None:
    assert derived(75_000, max_minutes=600)["max_epochs"] == 200
    assert derived(50_000_000, max_minutes=600)["max_epochs"] == 30
    assert derived(75_000, max_minutes=600, max_steps=10**6)["max_epochs"] is None


def test_without_a_sure_end_nothing_falls_to_one() -> None:
    own = derived(385_000, patience=5)
    assert (own["schedule"], own["average_best"]) == ("inverse_sqrt", 5)
    assert "patience" not in own


def test_other_choices_have_learning_rates_of_their_own() -> None:
    assert derived(385_000, max_steps=5000)["learning_rate"] == 6e-3
    assert derived(385_000, max_steps=5000, optimizer="adamw")["learning_rate"] == 3e-3
    assert derived(385_000, max_steps=5000, schedule="noam")["learning_rate"] == 1.0
    assert derived(385_000, max_steps=5000, model={"preset": "base"})["learning_rate"] == 1.5e-3
    assert derived(385_000, max_steps=5000, model={"preset": "base", "norm": "post"})["learning_rate"] == 7.5e-4


def test_weights_that_are_taken_over_are_not_driven_out() -> None:
    own = derived(385_000, max_steps=5000, init_from="runs/other")
    assert own["learning_rate"] == pytest.approx(6e-4)


@given(
    tokens=st.integers(2, 10**10), minutes=st.floats(0.01, 10**5), speed=st.floats(1e9, 1e15),
    overhead=st.floats(0, 1), limit=st.sampled_from(["max_minutes", "max_steps", "max_epochs", "patience"]),
)  # fmt: skip
def test_whatever_the_counts_the_values_make_a_training(
    tokens: int, minutes: float, speed: float, overhead: float, limit: str
) -> None:
    machine = Machine(speed, overhead)
    own = recipe(**{limit: minutes if limit == "max_minutes" else 1 + int(minutes)})
    filled = own.filled(derive(own, Counts(tokens, 1 + tokens // 10), machine))
    section = filled.train
    assert set(filled.open_keys) <= {"tokenizer.vocab_size"}
    assert section.falls_to_an_end == (limit != "patience")
    plan = plan_of(filled, section, filled.model, Counts(tokens, 1), section.batch_tokens, machine)
    if plan.steps is not None:
        assert section.warmup_steps <= max(1, plan.steps / 10 + 1)
        assert plan.steps / section.eval_every <= VALIDATIONS[1]
    assert 0.05 <= filled.model.dropout <= 0.3
    assert filled.model.preset in {*LADDER, "tiny"}
