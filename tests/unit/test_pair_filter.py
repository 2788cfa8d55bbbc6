"""Where a model doubts nearly all pairs of many in a row, the sides are shifted there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nmt.data.pair_filter import SHIFTED, stretches
from nmt.data.prepare import prepare
from nmt.data.store import PreparedSplit


def found_in(marks: str) -> list[tuple[int, int]]:
    """`x` doubted, `.` not, ` ` not looked at."""
    return stretches(np.array([m == "x" for m in marks]), np.array([m != " " for m in marks]))


def test_many_doubted_pairs_in_a_row_are_a_stretch() -> None:
    few, many = "x" * (SHIFTED - 1), "x" * SHIFTED
    assert found_in("") == found_in("...") == found_in(few) == found_in(f"..{few}{'.' * 20}{few}") == []
    assert found_in(many) == [(0, SHIFTED - 1)]
    assert found_in(f"...{many}...") == [(3, SHIFTED + 2)]
    assert found_in(f"...{many}" + "." * 100 + many) == [(3, SHIFTED + 2), (SHIFTED + 103, 2 * SHIFTED + 102)]


def test_a_good_pair_among_doubted_ones_does_not_end_a_stretch() -> None:
    assert found_in("." * 30 + "xxxx.xxxxx" * 4 + "." * 30) == [(30, 69)]
    assert found_in("x" * 7 + " " * 50 + "x" * 8) == [(0, 64)]


def test_scattered_doubts_are_none() -> None:
    random = np.random.default_rng(1).random(20_000) < 0.2
    assert stretches(random, np.ones(len(random), bool)) == []


def test_prepare_names_the_lines(toy_recipe, toy_text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    src, tgt = ((toy_text / f"train.{side}").read_text(encoding="utf-8").splitlines() for side in ("en", "fr"))
    true = dict(zip(src, tgt, strict=True))
    tgt[400:461] = tgt[401:461] + tgt[400:401]
    for name, lines in (("shifted.en", src), ("shifted.fr", tgt)):
        (toy_text / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    recipe = toy_recipe(
        data__train={"source": "shifted.en", "target": "shifted.fr"},
        data__filters={"pair_score": {"run": "runs/pairs"}, "drop_duplicates": False},
    )
    folder = prepare(recipe, scorer_of=lambda run: lambda pairs: [float(true[a] == b) for a, b in pairs])
    wrong = [i for i, (a, b) in enumerate(zip(src, tgt, strict=True)) if true[a] != b]
    said = " ".join(capsys.readouterr().err.split())
    first, last = wrong[0] + 1, wrong[-1] + 1
    assert f"shifted.en:{first} to {last}: {len(wrong)} of {last - first + 1} pairs are taken for no trans" in said
    assert len(PreparedSplit.open(folder, "train")) == len(src) - len(wrong)
