"""Texts larger than memory: epochs by windows, and prepared data of which only what is asked for is read."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.data import rows, store, windows
from nmt.data.index import Blocks
from nmt.data.manifest import MANIFEST
from nmt.data.mixing import how_many
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit
from nmt.data.windows import Windows, moment
from nmt.errors import Interrupted, RunError
from nmt.files import describe_file
from nmt.recipe import ObjectiveSection, Recipe
from nmt.recipe.directions import Direction
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import Epoch, TrainingData
from nmt.train.trainer import train
from tests.unit.test_denoising import stop_after
from tests.unit.test_parallel import torchrun
from tests.unit.test_trainer import last_bytes, records, timeless

Toy = Callable[..., Recipe]
TRANSLATE = ObjectiveSection(kind="translate")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks and windows of a size that a toy text fills."""
    for module in (rows, windows):
        monkeypatch.setattr(module, "BLOCK", 64)
    for module in (store, windows):
        monkeypatch.setattr(module, "AT_HAND", 512)


def blocks(examples: int) -> Blocks:
    return Blocks(examples=examples, written=[10] * -(-examples // windows.BLOCK))


def data(recipe: Recipe, shares: int = 1) -> TrainingData:
    folder = prepare(recipe)
    return TrainingData(folder, recipe, Tokenizer.load(folder), 200, shares)


def sentences(epoch: Epoch) -> list[tuple[tuple[int, ...], tuple[int, ...]]]:
    """The pairs of an epoch, in the order in which they are trained."""
    sides = epoch.sides
    numbers = [int(i) for update in epoch.updates for part in update for i in part]
    return [(tuple(map(int, sides.src[i])), tuple(map(int, sides.tgt[i]))) for i in numbers]


# --- which examples --------------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(sizes=st.lists(st.integers(0, 900), min_size=1, max_size=4), epoch=st.integers(0, 5), seed=st.integers(0, 3))
def test_windows_have_every_example_once_an_epoch(sizes: list[int], epoch: int, seed: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "BLOCK", 16)
        patch.setattr(windows, "AT_HAND", 100)
        every = Windows([blocks(size) for size in sizes], sizes, seed)
        found = [every.examples(epoch, w) for w in range(every.number)] if sum(sizes) else []
        assert sorted(i for own in found for i in own.tolist()) == list(range(sum(sizes)))
        assert every.number == max(1, -(-sum(sizes) // 100))
        for own in found:
            assert np.all(np.diff(own) > 0) and len(own) <= 100 + len(sizes)  # in order, and no more than memory holds


def test_another_epoch_has_the_blocks_in_another_order(small: None) -> None:
    every = Windows([blocks(2000)], [2000], 1)
    first, second, other = (set(w.examples(e, 0).tolist()) for w, e in
                            ((every, 0), (every, 1), (Windows([blocks(2000)], [2000], 2), 0)))  # fmt: skip
    assert first != second and first != other
    assert first == set(Windows([blocks(2000)], [2000], 1).examples(0, 0).tolist())


def test_each_window_is_mixed_alike_and_rounds_go_on_in_the_next_epoch(small: None) -> None:
    """A large corpus once an epoch, a small one 2.5 times, of one a third."""
    sizes, wanted = [3000, 200, 900], [3000, 500, 300]
    every = Windows([blocks(size) for size in sizes], wanted, 3)
    seen: Counter[int] = Counter()
    for epoch in range(4):
        for window in range(every.number):
            own = every.examples(epoch, window)
            of = np.searchsorted(np.cumsum(sizes), own, side="right")
            counts = np.bincount(of, minlength=3)
            assert np.all(np.abs(counts - np.array(wanted) / every.number) < 1)
            seen.update(own.tolist())
    times = [[seen[i] for i in range(begin, begin + size)] for begin, size in zip([0, 3000, 3200], sizes, strict=True)]
    assert set(times[0]) == {4} and set(times[1]) == {10} and set(times[2]) == {1, 2}
    assert sum(times[2]) == 1200


def test_what_comes_after(small: None) -> None:
    every = Windows([blocks(1000)], [1000], 0)
    assert every.number == 2
    assert every.after(0, 0) == (0, 1) and every.after(3, 1) == (4, 0)
    assert moment(5, 0) == 5  # so that what fits a window is drawn as it has always been
    assert len({moment(e, w) for e in range(9) for w in range(9)}) == 81


def test_shares_and_temperature_decide_how_many() -> None:
    made = [Blocks(examples=1000, written=[10_000]), Blocks(examples=100, written=[2000])]
    en_fr, en_de = Direction("en", "fr"), Direction("en", "de")
    both, objectives = [en_fr, en_de], [TRANSLATE, TRANSLATE]
    assert how_many(made, [None, None], [0, 1], both, objectives, 1) == [1000, 100]
    assert how_many(made, [None, 0.5], [0, 1], both, objectives, 1) == [1000, 500]  # 10,000 tokens of 20 each
    first, second = how_many(made, [None, None], [0, 1], both, objectives, 2)
    assert first / second == pytest.approx(10**0.5, rel=0.01) and first + second == 1100
    assert how_many(made, [None, None], [0, 1], [en_fr, en_fr], objectives, 2) == [1000, 100]  # one direction
    alone = ObjectiveSection(kind="infill")
    assert how_many(made, [None, None], [0, 1], both, [TRANSLATE, alone], 2) == [1000, 100]


# --- prepared data ---------------------------------------------------------------------------------------------------


def test_taken_examples_are_those_examples(toy_recipe: Toy, small: None) -> None:
    split = PreparedSplit.open(prepare(toy_recipe()), "train")
    for which in (np.arange(100, 700), np.array([0, 63, 64, 64, 1999]), np.arange(0)):
        part = split.taken(which)
        assert [list(row) for row in part.src] == [list(split.src[i]) for i in which.tolist()]
        assert [list(row) for row in part.tgt] == [list(split.tgt[i]) for i in which.tolist()]
    part = split.taken(np.arange(100, 700))
    assert part.src is part.lines["en"]  # in order, so that no line needs to be looked up
    assert [list(row) for part in split.parts() for row in part.src] == [list(row) for row in split.src]


def test_the_index_knows_the_tokens_of_blocks(toy_recipe: Toy, small: None) -> None:
    split = PreparedSplit.open(prepare(toy_recipe()), "train")
    corpus, *others = split.index.corpora
    assert all(other.examples == 0 for other in others)  # of valid and test
    assert corpus.examples == len(split)
    lengths = split.tgt.lengths + 1
    assert corpus.written == [int(lengths[i : i + 64].sum()) for i in range(0, len(split), 64)]
    assert corpus.tokens == int(lengths.sum())


def test_damage_of_a_window_is_told(toy_recipe: Toy, small: None) -> None:
    recipe = toy_recipe()
    folder = prepare(recipe)
    path = folder / "train.fr.u16"
    path.write_bytes(path.read_bytes()[:-2] + b"\xff\xff")
    split = PreparedSplit.open(folder, "train")  # which looks at no ids
    with pytest.raises(RunError, match=r"train\.fr\.u16 is damaged: it holds ids that the tokenizer does not have"):
        list(split.parts())
    lengths = np.load(folder / "train.en.lengths.npy")
    lengths[5] += 1
    np.save(folder / "train.en.lengths.npy", lengths)
    with pytest.raises(RunError, match="the lengths of lines do not divide their ids"):
        next(PreparedSplit.open(folder, "train").parts())


def to_format_2(folder: Path) -> None:
    """Prepared data as they were before there were lengths and indexes."""
    for path in folder.glob("*.lengths.npy"):
        offsets = np.concatenate([[0], np.cumsum(np.load(path), dtype=np.int64)])
        np.save(path.with_name(path.name.replace(".lengths.", ".offsets.")), offsets)
        path.unlink()
    for path in folder.glob("*.index.json"):
        path.unlink()
    values = json.loads((folder / MANIFEST).read_bytes())
    paths = [path for path in sorted(folder.iterdir()) if path.name != MANIFEST]
    outputs = {p.name: {"size": p.stat().st_size, "sha256": describe_file(p).sha256} for p in paths}
    (folder / MANIFEST).write_text(json.dumps(values | {"format": 2, "outputs": outputs}), encoding="utf-8")


def test_prepared_data_of_format_2_are_read(toy_recipe: Toy) -> None:
    recipe = toy_recipe()
    now = data(recipe)
    to_format_2(recipe.prepared_dir)
    before = TrainingData(recipe.prepared_dir, recipe, Tokenizer.load(recipe.prepared_dir), 200)
    assert sentences(before.epoch(1)) == sentences(now.epoch(1))
    assert before.split.index == now.split.index


def test_a_run_goes_on_with_data_prepared_anew(toy_recipe: Toy, tmp_path: Path) -> None:
    recipe = toy_recipe(train__max_steps=6)
    to_format_2(prepare(recipe))
    train(recipe, recipe.prepared_dir, "")
    for path in recipe.run_dir.glob("checkpoints/*/state.json"):
        file = json.loads(path.read_bytes())
        del file["state"]["window"]
        file["state"]["batch_in_epoch"] = file["state"].pop("batch_in_window")
        path.write_text(json.dumps(file | {"format": 2}), encoding="utf-8")
    prepare(recipe, force=True)
    longer = toy_recipe(train__max_steps=8)
    train(longer, longer.prepared_dir, "")
    whole = toy_recipe(train__max_steps=8, train__runs_dir=str(tmp_path / "whole"))
    train(whole, whole.prepared_dir, "")
    assert last_bytes(longer.run_dir) == last_bytes(whole.run_dir)


# --- training --------------------------------------------------------------------------------------------------------


def test_an_epoch_of_windows_has_the_pairs_of_one(toy_recipe: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = sentences(data(toy_recipe()).epoch(0))
    for module, name, value in ((rows, "BLOCK", 64), (windows, "BLOCK", 64), (store, "AT_HAND", 512)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(windows, "AT_HAND", 512)
    recipe = toy_recipe()
    prepare(recipe, force=True)  # with an index of these blocks
    made = data(recipe)
    assert made.windows.number == 4
    parts = [made.epoch(0, w) for w in range(4)]
    assert sorted(pair for part in parts for pair in sentences(part)) == sorted(whole)
    assert made.steps_per_epoch == sum(len(part.updates) for part in parts)
    other = data(recipe, shares=3)  # as several ranks have it
    assert [[sorted(np.concatenate(u).tolist()) for u in other.epoch(0, w).updates] for w in range(4)] == [
        [sorted(np.concatenate(u).tolist()) for u in part.updates] for part in parts
    ]
    assert sentences(made.epoch(0, 1)) == sentences(parts[1])  # at any time
    assert sentences(made.epoch(1, 1)) != sentences(parts[1])


def test_a_fault_of_the_next_window_is_told_when_it_is_needed(toy_recipe: Toy, small: None) -> None:
    recipe = toy_recipe()
    prepare(recipe, force=True)
    made = data(recipe)

    def taken(which: np.ndarray) -> PreparedSplit:
        if len(calls) == 1:
            raise RunError("the disk is gone.")
        calls.append(1)
        return real(which)

    calls: list[int] = []
    real = made.split.taken
    object.__setattr__(made.split, "taken", taken)
    first = made.epoch(0, 0)
    assert first is made.epoch(0, 0)
    with pytest.raises(RunError, match="the disk is gone"):
        made.epoch(0, 1)


MIXED: dict[str, Any] = {
    "tokenizer__sampling": 0.1,
    "data__noise": {"typos": 0.2},
    "train__token_drop": 0.1,
    "data__train": [
        {"source": "train.en", "target": "train.fr"},
        {"source": "valid.en", "target": "valid.fr", "share": 0.2},
    ],
}


@pytest.mark.parametrize("keys", [{}, MIXED], ids=["plain", "sampled, noisy and mixed"])
def test_a_run_stopped_inside_a_window_goes_on_bit_for_bit(
    toy_recipe: Toy, small: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: dict[str, Any]
) -> None:
    common = {**keys, "data__prepared_dir": str(tmp_path / "small"), "train__max_steps": 24, "train__save_every": 50,
              "train__eval_every": 50}  # fmt: skip
    whole, part = (toy_recipe(**common, train__runs_dir=str(tmp_path / name)) for name in ("whole", "part"))
    train(whole, prepare(whole), "")
    with monkeypatch.context() as patch:
        stop_after(patch, 19)
        with pytest.raises(Interrupted):
            train(part, part.prepared_dir, "")
    stopped = ckpt.find_checkpoint(part.run_dir, "last").state
    assert stopped.window >= 1 and stopped.batch_in_window > 0
    train(part, part.prepared_dir, "")
    assert last_bytes(part.run_dir) == last_bytes(whole.run_dir)
    assert timeless(part.run_dir, "step") == timeless(whole.run_dir, "step")


def test_more_than_a_window_trains_to_the_end_of_its_epochs(toy_recipe: Toy, small: None, tmp_path: Path) -> None:
    recipe = toy_recipe(data__prepared_dir=str(tmp_path / "small"), train__max_epochs=1, train__max_steps=None)
    run = train(recipe, prepare(recipe), "")
    state = ckpt.find_checkpoint(run, "last").state
    made = TrainingData(recipe.prepared_dir, recipe, Tokenizer.load(recipe.prepared_dir), 400)
    assert (state.epoch, state.window, state.batch_in_window) == (1, 0, 0)
    assert state.step == made.steps_per_epoch


@pytest.mark.slow
def test_ranks_share_windows_and_one_goes_on_inside(toy_recipe: Toy, small: None, tmp_path: Path) -> None:
    common = {"model__dropout": 0.0, "train__adam_eps": 1e-3, "train__max_steps": 24, "train__save_every": 50,
              "train__eval_every": 50, "data__prepared_dir": str(tmp_path / "small")}  # fmt: skip
    whole, part = (toy_recipe(**common, train__runs_dir=str(tmp_path / name)) for name in ("whole", "part"))
    train(whole, prepare(whole), "")
    (tmp_path / "part.yaml").write_text(part.dump(), encoding="utf-8")
    sizes = "from nmt.data import rows, store, windows\nrows.BLOCK = windows.BLOCK = 64\n"
    sizes += "store.AT_HAND = windows.AT_HAND = 512\n"
    done = torchrun(tmp_path, "train", tmp_path / "part.yaml", "train.max_steps=15", before=sizes)
    assert done.returncode == 0, done.stderr
    state = ckpt.find_checkpoint(part.run_dir, "last").state
    assert state.window == 1 and state.batch_in_window > 0
    train(part, part.prepared_dir, "")
    losses = [[record["loss"] for record in records(run.run_dir, "step")] for run in (part, whole)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)
