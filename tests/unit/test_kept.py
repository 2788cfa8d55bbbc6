"""Shards of results that are kept while a long work lasts, and preparing that was killed."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nmt.data import audit as audit_module
from nmt.data import encode as encode_module
from nmt.data import kept
from nmt.data.kept import HERE, Share, Work, kept_for
from nmt.data.prepare import prepare
from nmt.errors import RunError
from nmt.recipe import Recipe

Toy = Callable[..., Recipe]


@dataclass(frozen=True)
class Doubled:
    number: int
    row: np.ndarray

    def pack(self) -> tuple[Any, Sequence[np.ndarray]]:
        return self.number, [self.row]

    @classmethod
    def unpack(cls, values: Any, arrays: Sequence[np.ndarray]) -> Doubled:
        return cls(values, *arrays)


def doubler(calls: list[int], fail_at: int) -> Callable[[int], Doubled]:
    def double(task: int) -> Doubled:
        if task == fail_at:
            raise KeyError(task)
        calls.append(task)
        return Doubled(2 * task, np.arange(task))

    return double


def run(work: Work, number: int, calls: list[int], fail_at: int = -1) -> list[tuple[int, int, int]]:
    found = work.in_order("stage", Doubled, doubler, (calls, fail_at), range(number))
    return [(task, result.number, int(result.row.sum())) for task, result in found]


@pytest.mark.parametrize("number", [0, 1, 4, 5, 11])
def test_results_are_the_same_wherever_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(kept, "SHARD", 4)
    expected = run(HERE, number, [])
    work, calls = Work(folder=tmp_path / "a" / "b"), list[int]()
    assert run(work, number, calls) == expected and calls == list(range(number))
    assert len(list(tmp_path.rglob("*.*"))) == number // 4  # whole shards alone
    calls.clear()
    assert run(work, number, calls) == expected
    assert calls == list(range(number // 4 * 4, number))  # what was no whole shard


def test_a_work_that_failed_goes_on_with_its_shard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SHARD", 3)
    work, calls = Work(folder=tmp_path / "b"), list[int]()
    with pytest.raises(KeyError):
        run(work, 12, calls, fail_at=7)
    assert sorted(path.name for path in tmp_path.rglob("*.*")) == ["stage-00000.shard", "stage-00001.shard"]
    calls.clear()
    assert run(work, 12, calls) == run(HERE, 12, [])
    assert calls == list(range(6, 12))
    work.over()
    assert not work.folder.exists()  # type: ignore[union-attr]


def test_what_is_kept_of_something_else_is_removed(tmp_path: Path) -> None:
    one = kept_for(tmp_path / "toy", "one")
    one.mkdir(parents=True)
    assert kept_for(tmp_path / "toy", "one") == one and one.exists()
    assert kept_for(tmp_path / "toy", "two") != one and not one.exists()


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SHARD", 3)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write .*/file/b/stage-00000\.shard: Not a directory"):
        run(Work(folder=tmp_path / "file" / "b"), 3, [])


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks and shards so small that a toy text has many."""
    monkeypatch.setattr("nmt.data.corpus.CHUNK_PAIRS", 50)
    monkeypatch.setattr(kept, "SHARD", 3)


def test_shards_of_any_size_give_the_same_bytes(
    toy_recipe: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys: dict[str, Any] = {"data__valid": {"holdout": 15}, "data__filters": {"drop_duplicates": True}}
    plain = contents(prepare(toy_recipe(**keys)))
    for chunk, shard in ((2000, 1), (300, 1), (40, 1), (40, 7)):  # 1, 7 and 50 shards, and 8 of several tasks
        monkeypatch.setattr("nmt.data.corpus.CHUNK_PAIRS", chunk)
        monkeypatch.setattr(kept, "SHARD", shard)
        folder = tmp_path / f"{chunk}-{shard}"
        assert contents(prepare(toy_recipe(**keys, data__prepared_dir=str(folder)))) == plain
        assert not list(folder.glob(".*.shards"))


@pytest.mark.parametrize("stage", ["audit", "encode"])
def test_preparing_that_was_killed_does_no_shard_again(
    toy_recipe: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: None, stage: str
) -> None:
    recipe = toy_recipe(data__prepared_dir=str(tmp_path / "whole"))
    whole = contents(prepare(recipe))
    recipe = toy_recipe(data__prepared_dir=str(tmp_path / "killed"))
    module, name = {"audit": (audit_module, "_examine"), "encode": (encode_module, "_Encoded")}[stage]
    real, calls = getattr(module, name), list[int]()

    def counted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 20:
            os._exit(9)
        return real(*args)

    counted.unpack = getattr(real, "unpack", None)  # type: ignore[attr-defined]
    pid = os.fork()
    if not pid:  # as a process that is killed: nothing is tidied up
        try:
            setattr(module, name, counted)
            prepare(recipe, processes=1)
        except BaseException:  # noqa: BLE001 - nothing of this process may go on in pytest
            traceback.print_exc()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    (shards,) = (tmp_path / "killed").glob(".toy.shards/*")
    done = len(list(shards.glob(f"{stage}-*.shard")))
    assert done == 6  # 19 tasks in shards of 3
    monkeypatch.setattr(module, name, counted)
    calls[:] = [1] * 20  # it only counts from here on
    assert contents(prepare(recipe, processes=1)) == whole
    again = len(calls) - 20
    calls[:] = [1] * 20
    prepare(recipe, force=True, processes=1)
    assert again == len(calls) - 20 - 18
    assert not list((tmp_path / "killed").glob(".toy.shards"))


def test_a_damaged_shard_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "SHARD", 2)
    work = Work(folder=tmp_path / "a" / "b")
    run(work, 5, [])
    (path, _) = sorted((tmp_path / "a" / "b").iterdir())
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RunError, match=r"stage-00000\.shard cannot be read: .*") as e:
        run(work, 5, [])
    assert e.value.hint == f"Remove {tmp_path / 'a' / 'b'}; what it keeps is then made again."


# --- several that share a preparation --------------------------------------------------------------------------------


def share_in_a_process(recipe: Recipe, share: Share, die_at: int = -1) -> int:
    """Its number. It dies, as if it were killed, before it writes one shard of all."""

    def write(path: Path, shard: Sequence[Any]) -> None:
        written.append(path.name)
        if len(written) == die_at:
            os._exit(9)
        real(path, shard)

    real, written = kept._write, list[str]()
    pid = os.fork()
    if not pid:
        try:
            kept._write = write
            prepare(recipe, processes=1, share=share)
        except BaseException:  # noqa: BLE001 - nothing of this process may go on in pytest
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return pid


def ended(pid: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


@pytest.mark.parametrize("of", [2, 3])
def test_several_that_share_a_preparation_give_the_same_bytes(
    toy_recipe: Toy, tmp_path: Path, many: None, of: int
) -> None:
    keys: dict[str, Any] = {"data__valid": {"holdout": 15}, "data__filters": {"drop_duplicates": True}}
    whole = contents(prepare(toy_recipe(**keys, data__prepared_dir=str(tmp_path / "whole"))))
    recipe = toy_recipe(**keys, data__prepared_dir=str(tmp_path / "shared"))
    pids = [share_in_a_process(recipe, Share(number, of)) for number in range(1, of + 1)]
    assert [ended(pid) for pid in pids] == [0] * of
    assert contents(recipe.prepared_dir) == whole
    assert not list(tmp_path.rglob("*.shards"))


@pytest.mark.parametrize("dead", [1, 2])
def test_one_that_died_is_started_again(toy_recipe: Toy, tmp_path: Path, many: None, dead: int) -> None:
    whole = contents(prepare(toy_recipe(data__prepared_dir=str(tmp_path / "whole"))))
    recipe = toy_recipe(data__prepared_dir=str(tmp_path / "shared"))
    other = share_in_a_process(recipe, Share(3 - dead, 2))
    assert ended(share_in_a_process(recipe, Share(dead, 2), die_at=3)) == 9
    assert not (recipe.prepared_dir / "manifest.json").exists()
    assert ended(share_in_a_process(recipe, Share(dead, 2))) == 0
    assert ended(other) == 0
    assert contents(recipe.prepared_dir) == whole


def test_every_shard_has_one_owner() -> None:
    owners = [Share(1, 3).owner("audit-train-0-0", number) for number in range(6)]
    assert sorted(str(owner) for owner in owners) == ["1/3", "1/3", "2/3", "2/3", "3/3", "3/3"]
    for number, of in ((0, 3), (4, 3), (1, 0)):
        with pytest.raises(ValueError, match="is no share"):
            Share(number, of)
