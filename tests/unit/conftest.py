"""A toy world for tests of the model, the trainer and the search: small enough to train within seconds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from nmt.recipe import Recipe, make_recipe

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight"]
TRANSLATED = ["un", "deux", "trois", "quatre", "cinq", "six", "sept", "huit"]


def toy_pairs(number: int, seed: int) -> list[tuple[str, str]]:
    """Sentences of one to six number words, and their translation."""
    import random

    rng = random.Random(seed)
    pairs = []
    for _ in range(number):
        row = [rng.randrange(len(WORDS)) for _ in range(rng.randrange(1, 7))]
        pairs.append((" ".join(WORDS[i] for i in row), " ".join(TRANSLATED[i] for i in row)))
    return pairs


def prepared_before(root: Path) -> Path:
    """Where tests keep what was prepared of the toy text for those that come after."""
    return root.with_name(f"{root.name}-prepared")


@pytest.fixture(scope="session")
def toy_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("toy-text")
    prepared_before(folder).mkdir()
    for name, number, seed in (("train", 2000, 1), ("valid", 20, 2), ("test", 20, 3)):
        pairs = toy_pairs(number, seed)
        (folder / f"{name}.en").write_text("".join(s + "\n" for s, _ in pairs), encoding="utf-8")
        (folder / f"{name}.fr").write_text("".join(t + "\n" for _, t in pairs), encoding="utf-8")
    return folder


def make_toy(text: Path, folder: Path, **overrides: Any) -> Recipe:
    """A recipe of the toy text that works in `folder`; keyword arguments override, with `__` for a dot."""
    values: dict[str, Any] = {
        "name": "toy",
        "data": {
            "source_lang": "en",
            "target_lang": "fr",
            "root": str(text),
            "train": {"source": "train.en", "target": "train.fr"},
            "valid": {"source": "valid.en", "target": "valid.fr"},
            "test": {"test": {"source": "test.en", "target": "test.fr"}},
            "filters": {"drop_duplicates": False},
            "prepared_dir": str(folder / "prepared"),
        },
        "tokenizer": {"vocab_size": 320},
        "model": {
            "d_model": 32, "d_ff": 64, "num_heads": 2, "num_encoder_layers": 1, "num_decoder_layers": 1,
            "dropout": 0.1,
        },
        "train": {
            "batch_tokens": 300, "learning_rate": 5e-3, "warmup_steps": 10, "max_steps": 12, "eval_every": 6,
            "schedule": "inverse_sqrt", "average_best": 5, "patience": 0,
            "save_every": 6, "log_every": 3, "runs_dir": str(folder / "runs"), "threads": 1, "precision": "fp32",
            "samples": 1,
        },
        "decode": {"beam_size": 2, "max_len_extra": 4},  # a model that knows nothing writes as much as it may
    }  # fmt: skip
    for key, value in overrides.items():
        node = values
        *parents, last = key.split("__")
        for parent in parents:
            node = node.setdefault(parent, {})
        node[last] = value
    return make_recipe(values, "toy")


@pytest.fixture
def toy_recipe(toy_text: Path, tmp_path: Path) -> Callable[..., Recipe]:
    """Makes recipes of the toy text for this test alone: see make_toy."""
    return partial(make_toy, toy_text, tmp_path)


_TRAINED: dict[str, Path] = {}


@pytest.fixture
def toy_run(toy_text: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes trained runs of such recipes. Each is trained once for all tests of a process; the test gets a copy."""

    def make(**keys: Any) -> Path:
        from tests.unit.test_trainer import run

        key = repr(sorted(keys.items()))
        if key not in _TRAINED:
            _TRAINED[key] = run(make_toy(toy_text, tmp_path_factory.mktemp("toy-run"), **keys))
        return shutil.copytree(_TRAINED[key], tmp_path / "runs" / _TRAINED[key].name)

    return make
