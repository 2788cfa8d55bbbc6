"""Runs that an older nmt began go on, with the commands that anybody would try."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from nmt.data.manifest import KEPT, Manifest
from nmt.recipe import load_recipe
from nmt.run.checkpoint import find_checkpoint
from nmt.run.manifest import run_manifest
from nmt.run.older import older_run
from tests.conftest import Nmt
from tests.older_format import make_older
from tests.unit.test_trainer import last_bytes, timeless

RUN, PREPARED = Path("runs/mini"), Path("data/prepared/mini")


@pytest.fixture
def older(project: Path) -> Path:
    """The project as an older nmt left it, after 8 steps."""
    make_older(RUN, PREPARED)
    return project


def test_an_older_run_goes_on_as_one_of_today_does(project: Path, nmt: Nmt) -> None:
    shutil.copytree(RUN, "today/mini")
    assert nmt("train", "mini.yaml", "train.max_steps=12", "train.runs_dir=today")[0] == 0
    make_older(RUN, PREPARED)
    code, _, err = nmt("train", "mini.yaml", "train.max_steps=12")
    assert code == 2 and "was prepared in format 1" in err and "nmt prepare mini.yaml --force" in err
    code, _, err = nmt("prepare", "mini.yaml", "--force")
    assert code == 0
    assert "Keeping the tokenizer of runs/mini: an older nmt began that run, and it goes on only with its own." in err
    code, _, err = nmt("train", "mini.yaml", "train.max_steps=12")
    assert code == 0 and "Resuming runs/mini after step 8." in err
    assert last_bytes(RUN) == last_bytes(Path("today/mini"))
    assert timeless(RUN, "step") == timeless(Path("today/mini"), "step")  # losses go on where they were
    assert nmt("verify", "runs/mini")[0] == 0


def test_it_goes_on_once_more_and_where_the_data_are_gone(older: Path, nmt: Nmt) -> None:
    shutil.rmtree("data")
    assert nmt("train", "mini.yaml", "train.max_steps=9")[0] == 0
    assert run_manifest(RUN).tokenizer.origin == KEPT
    assert nmt("prepare", "mini.yaml", "--force")[0] == 0
    code, _, err = nmt("train", "mini.yaml", "train.max_steps=10")
    assert code == 0 and "Resuming runs/mini after step 9." in err


def test_an_epoch_that_became_shorter_ends_where_the_run_goes_on(older: Path, nmt: Nmt) -> None:
    for path in (RUN / "checkpoints").glob("*/state.json"):
        file = json.loads(path.read_bytes())
        file["state"]["batch_in_epoch"] = 1_000  # its name of then
        path.write_text(json.dumps(file), encoding="utf-8")
    assert nmt("prepare", "mini.yaml", "--force")[0] == 0
    assert nmt("train", "mini.yaml", "train.max_steps=9")[0] == 0
    state = find_checkpoint(RUN, "last").state
    assert (state.epoch, state.batch_in_window) == (1, 1)


def test_a_training_begun_anew_learns_its_own_tokenizer(older: Path, nmt: Nmt) -> None:
    assert nmt("prepare", "mini.yaml", "--force")[0] == 0
    assert Manifest.load(PREPARED).tokenizer.origin == KEPT
    assert nmt("train", "mini.yaml", "train.max_steps=1", "--fresh")[0] == 0
    assert Manifest.load(PREPARED).tokenizer.origin == run_manifest(RUN).tokenizer.origin == "trained"


def test_a_tokenizer_is_kept_only_for_a_run_that_can_go_on_with_it(older: Path) -> None:
    assert older_run(load_recipe("mini.yaml")) == RUN
    for change in ("tokenizer.vocab_size=500", "data.filters.max_chars=9", "tokenizer.from=runs/mini", "name=other"):
        assert older_run(load_recipe("mini.yaml", [change])) is None, change
    with open("text/train.en", "a", encoding="utf-8") as file:
        file.write("one more\n")
    assert older_run(load_recipe("mini.yaml")) is None


def test_a_run_of_today_needs_no_keeping(project: Path) -> None:
    assert older_run(load_recipe("mini.yaml")) is None
