"""The same text written otherwise."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.evaluate.robustness import COLUMNS, VARIANTS, kept_robustness, measure_robustness, with_typos
from nmt.recipe import DecodeSection, make_recipe

SRC = ["Two dogs run through the deep snow.", "A man sings …", "dogs"]
REF = ["Deux chiens courent dans la neige profonde.", "Un homme chante …", "chiens"]


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("upper case", "SHE DOESN'T ASK: WHY?"),
        ("lower case", "she doesn't ask: why?"),
        ("title case", "She Doesn't Ask: Why?"),
        ("no final punctuation", "She doesn't ask: why"),
    ],
)
def test_variants(variant: str, expected: str) -> None:
    assert VARIANTS[variant]("She doesn't ask: why?", 1) == expected


def test_a_line_of_signs_stays() -> None:
    assert [write("…", 1) for write in VARIANTS.values()] == ["…"] * 5


@given(st.text(), st.integers(0, 9))
def test_typos_are_seeded_and_leave_the_ends_of_words(line: str, number: int) -> None:
    written = with_typos(line, number)
    assert written == with_typos(line, number)
    assert line[:1] == written[:1] and abs(len(written) - len(line)) <= len(line) // 4


def test_typos_are_in_some_words_of_some_lines() -> None:
    lines = [with_typos(SRC[0], i) for i in range(200)]
    changed = sum(a != b for line in lines for a, b in zip(line.split(), SRC[0].split(), strict=True))
    assert 0.1 < changed / (200 * 4) < 0.2  # four words are long enough
    assert len(set(lines)) > 10


@dataclass
class Line:
    text: str


@dataclass
class Strict:
    """Knows the clean lines; says nothing to all others."""

    decode: DecodeSection = field(default_factory=DecodeSection)
    checkpoint: str = "step-1"
    engine_name: str = "nmt fp32"
    asked: list[str] = field(default_factory=list)

    def translate(
        self, lines: Sequence[str], *, to: str | None = None, source: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Line]:  # fmt: skip
        self.asked += lines
        return [Line(dict(zip(SRC, REF, strict=True)).get(line, "")) for line in lines]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    pair = {"source": "a", "target": "b"}
    data = {"source_lang": "en", "target_lang": "fr", "train": pair, "valid": pair}
    recipe = make_recipe({"name": "r", "data": data, "train": {"max_steps": 1}}, "r")
    (tmp_path / "recipe.yaml").write_text(recipe.dump(), encoding="utf-8")
    (tmp_path / "evaluation").mkdir()
    for kind, lines in (("src", SRC), ("hyp", REF), ("ref", REF)):
        (tmp_path / f"evaluation/t.{kind}.txt").write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")
    return tmp_path


def test_what_each_variant_costs(run: Path) -> None:
    translator = Strict()
    (found,) = measure_robustness(run, translator, ["t"])
    clean, *others = found.variants
    assert clean.chrf == pytest.approx(100) and [v.name for v in others] == list(VARIANTS)
    by_name = {v.name: v for v in others}
    assert (by_name["upper case"].changed, by_name["upper case"].chrf_loss) == (3, pytest.approx(100))
    assert by_name["lower case"].changed == by_name["no final punctuation"].changed == 2  # `dogs` stays
    assert all(v.chrf_loss == pytest.approx(clean.chrf - v.chrf) for v in others)
    assert len(translator.asked) == len(set(translator.asked)) and not set(translator.asked) & set(SRC)
    assert [row[2] for row in found.rows()] == ["", *(str(v.changed) for v in others)]


def test_every_reference_counts(run: Path) -> None:
    shutil.copy(run / "evaluation/t.hyp.txt", run / "evaluation/t.ref.1.txt")
    (run / "evaluation/t.ref.txt").write_text("x\n" * len(SRC), encoding="utf-8")
    (found,) = measure_robustness(run, Strict(), ["t"])
    assert found.variants[0].chrf == pytest.approx(100)


class Loud(Strict):
    """Answers capitals with capitals, and small letters with small letters."""

    def translate(
        self, lines: Sequence[str], *, to: str | None = None, source: str | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Line]:  # fmt: skip
        known = {s: r for source, ref in zip(SRC, REF, strict=True)
                 for s, r in ((source.upper(), ref.upper()), (source.lower(), ref))}  # fmt: skip
        return [Line(known.get(line, "")) for line in lines]


def test_capitals_are_held_against_capitals(run: Path) -> None:
    (found,) = measure_robustness(run, Loud(), ["t"])
    by_name = {v.name: v for v in found.variants}
    loud, low = by_name["upper case"], by_name["lower case"]
    assert loud.chrf == pytest.approx(100) == loud.any_case and loud.bleu_loss == 0
    assert low.chrf < 100 and low.any_case == pytest.approx(100)
    assert [len(row) for row in found.rows()] == [len(COLUMNS)] * 6


def test_files_of_before_have_one_figure(run: Path) -> None:
    before = {"name": "clean", "changed": 0, "bleu": 50.0, "chrf": 60.0, "bleu_loss": 0.0, "chrf_loss": 0.0}
    (run / "evaluation/t.robustness.json").write_text(json.dumps({"variants": [before]}))
    assert kept_robustness(run)[0].rows() == [["t", "clean", "", "50.0", "", "60.0", "", "", ""]]


def test_it_is_kept_for_the_report(run: Path) -> None:
    measured = measure_robustness(run, Strict(), ["t"])
    assert kept_robustness(run) == measured
    kept = json.loads((run / "evaluation/t.robustness.json").read_text(encoding="utf-8"))
    assert kept["checkpoint"] == "step-1" and kept["typos"] == {"rate": 0.15, "seed": 1}
    (run / "evaluation/t.robustness.json").write_text("{", encoding="utf-8")
    assert kept_robustness(run) == []
