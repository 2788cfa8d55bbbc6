"""A translator as a judge of pairs: what does not belong together is found, and left out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from nmt.commands.options import load_pair_scorer, pair_filter
from nmt.data.manifest import Manifest
from nmt.data.prepare import prepare
from nmt.decode.contrast import OTHERS, ContrastScorer
from tests.unit.conftest import make_toy, toy_pairs
from tests.unit.test_trainer import run as train_it


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the text of a toy recipe, and `more` of it."""
    folder = tmp_path_factory.mktemp("judge")
    text = folder / "text"
    text.mkdir()
    for name, number, seed in (("train", 600, 1), ("valid", 20, 2), ("test", 20, 3), ("more", 200, 4)):
        pairs = toy_pairs(number, seed)
        for side, lang in enumerate(("en", "fr")):
            (text / f"{name}.{lang}").write_text("".join(pair[side] + "\n" for pair in pairs), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def judge(folder: Path) -> Path:
    keys = {"name": "judge", "train__max_steps": 150, "train__eval_every": 150, "train__learning_rate": 1e-2,
            "train__schedule": "cosine", "train__average_best": 0, "model__dropout": 0.0, "train__ema_decay": 0.9,
            "train__runs_dir": str(folder / "runs"), "data__prepared_dir": str(folder / "prepared")}  # fmt: skip
    recipe = make_toy(folder / "text", folder, **keys)
    train_it(recipe)
    return recipe.run_dir


@pytest.fixture(scope="module")
def mixed(folder: Path) -> tuple[list[tuple[str, str]], set[int]]:
    """Pairs that nobody learned from, and which of them have the target of another."""
    sides = [(folder / "text" / f"more.{lang}").read_text(encoding="utf-8").splitlines() for lang in ("en", "fr")]
    pairs = [pair for pair in dict.fromkeys(zip(*sides, strict=True)) if len(pair[0].split()) > 2]
    swapped = range(0, len(pairs) - 1, 10)
    wrong = {i: pairs[i + 1][1] for i in swapped}
    return [(src, wrong.get(i, tgt)) for i, (src, tgt) in enumerate(pairs)], set(wrong)


def test_swapped_targets_are_found(judge: Path, mixed: tuple[list[tuple[str, str]], set[int]]) -> None:
    scorer = load_pair_scorer(judge, "best", "cpu")
    assert isinstance(scorer, ContrastScorer)
    pairs, wrong = mixed
    found = scorer.score(pairs)
    assert all(0 <= p <= 1 for p in found)
    doubted = {i for i, p in enumerate(found) if p < 0.5}
    assert len(doubted & wrong) >= 0.8 * len(wrong)
    assert len(doubted - wrong) <= 0.1 * len(pairs)
    assert scorer.score(pairs) == found


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([], []),
        ([("one two", "un deux")], [1.0]),
        ([("one two", " "), ("", "un")], [0.0, 0.0]),
        ([("one two", "un deux")] * (OTHERS + 2), [1.0] * (OTHERS + 2)),  # no other source
    ],
)
def test_where_nothing_can_be_compared(judge: Path, texts: list[tuple[str, str]], expected: list[float]) -> None:
    assert ContrastScorer.load(judge).score(texts) == expected


def test_the_last_pair_of_a_long_text_is_held_against_those_before(
    judge: Path, mixed: tuple[list[tuple[str, str]], set[int]]
) -> None:
    scorer = ContrastScorer.load(judge)
    pairs = [pair for i, pair in enumerate(mixed[0]) if i not in mixed[1]]
    scorer.score(pairs)
    right, wrong = (scorer.score([pair])[0] for pair in (pairs[0], (pairs[0][0], pairs[-1][1])))
    assert wrong < 0.5 < right


def test_what_it_doubts_is_left_out_of_a_training(
    judge: Path, mixed: tuple[list[tuple[str, str]], set[int]], folder: Path, tmp_path: Path
) -> None:
    pairs, wrong = mixed
    for side, lang in enumerate(("en", "fr")):
        (folder / "text" / f"dirty.{lang}").write_text("".join(p[side] + "\n" for p in pairs), encoding="utf-8")
    recipe = make_toy(folder / "text", tmp_path, data__train={"source": "dirty.en", "target": "dirty.fr"},
                      data__filters={"pair_score": {"run": str(judge)}}, data__prepared_dir=str(tmp_path))  # fmt: skip
    dropped = Manifest.load(prepare(recipe, scorer_of=pair_filter)).splits["train"].dropped
    assert 0.8 * len(wrong) <= dropped["pair score"] <= len(wrong) + 0.1 * len(pairs)


def test_the_command_tells_probabilities(judge: Path, tmp_path: Path, nmt: Any) -> None:
    (tmp_path / "s.txt").write_text("one two three\nfour five\nsix seven eight\n", encoding="utf-8")
    (tmp_path / "t.txt").write_text("un deux trois\nquatre cinq\nun deux trois\n", encoding="utf-8")
    files = "--src", str(tmp_path / "s.txt"), "--tgt", str(tmp_path / "t.txt")
    code, out, err = nmt("score", "--pair", "--run", str(judge), *files, "--format", "jsonl")
    assert code == 0, err
    found = [json.loads(line)["probability"] for line in out.splitlines()]
    assert found[0] > 0.5 > found[2]
