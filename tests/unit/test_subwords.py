"""Subword sampling: other segmentations of the same text, by the papers' distributions, the same in every process."""

from __future__ import annotations

import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from nmt.recipe import TokenizerSection
from nmt.tokenizer import RaggedIds, Tokenizer
from nmt.tokenizer import subwords as sampling
from nmt.tokenizer.subwords import SubwordSampler

KINDS = ["unigram", "bpe"]
PIECES = ["<s>", "<0x41>", "▁", "a", "b", "▁a", "ab", "▁ab"]
SCORES = [0.0, 0.0, -1.0, -2.0, -2.5, -1.5, -1.2, -3.0]
SPECIAL = [True, True, False, False, False, False, False, False]


def sampler(kind: str, strength: float, seed: int = 1) -> SubwordSampler:
    return SubwordSampler(PIECES, SCORES, SPECIAL, kind, strength, seed)  # type: ignore[arg-type]


def lists(rows: RaggedIds) -> list[list[int]]:
    return [list(map(int, row)) for row in rows]


@pytest.fixture(scope="module", params=KINDS)
def demo(request: pytest.FixtureRequest, demo_data: Path) -> tuple[Tokenizer, TokenizerSection, RaggedIds]:
    """A tokenizer of the demo, its section, and 500 lines that it encoded: with symbols, bytes and a blank line."""
    lines = (demo_data / "train.fr").read_bytes().split(b"\n")[:500]
    section = TokenizerSection(kind=request.param, vocab_size=500, user_symbols=["<x>"], sampling=0.2)
    tokenizer = Tokenizer.train(lambda *_: [("src", lines)], section)
    lines += [b"", "Le <x>chat<x> \u05d0mange.".encode()]
    return tokenizer, section, RaggedIds.of(tokenizer.encode(lines, "src"))


def test_the_text_stays_and_its_pieces_change(demo: tuple[Tokenizer, TokenizerSection, RaggedIds]) -> None:
    tokenizer, section, rows = demo
    draw = tokenizer.samplers(section, 1)["src"]
    one, again, other = (draw.sample(rows, seed) for seed in ([1, 1], [1, 1], [1, 2]))
    assert lists(one) == lists(again) != lists(other)
    assert lists(one) != lists(rows)
    assert tokenizer.decode(one) == tokenizer.decode(other) == tokenizer.decode(rows)
    assert len(one[500]) == 0
    symbols = [i for i in rows[501] if tokenizer.pieces([i])[0].startswith("<")]
    assert len(symbols) == 4  # two of the user, two bytes
    assert [i for i in one[501] if i in symbols] == symbols


def test_without_chance_it_is_the_tokenizers_own(demo: tuple[Tokenizer, TokenizerSection, RaggedIds]) -> None:
    """Dropping no merge, or with an exponent that leaves only the most probable."""
    tokenizer, section, rows = demo
    certain = {"bpe": 0.0, "unigram": 1000.0}[section.kind]
    draw = tokenizer.samplers(section.model_copy(update={"sampling": certain}), 1)["src"]
    assert lists(draw.sample(rows, [1])) == lists(rows)


@pytest.mark.parametrize("block", [1, 7])
def test_rows_keep_their_places_in_blocks_of_any_size(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    rows = RaggedIds.of([[], [7], [], [], [0, 6, 1], [7, 5, 4], []])
    monkeypatch.setattr(sampling, "BLOCK", block)
    assert lists(sampler("bpe", 1.0).sample(rows, [1])) == [[], [2, 3, 4], [], [], [0, 3, 4, 1], [2, 3, 4, 2, 3, 4], []]


def test_a_line_without_spaces_is_cut_into_words() -> None:
    """Else its cost would grow with the square of its length, and no two would be alike."""
    rows = RaggedIds.of([[7, *[6] * 40], [7], [6] * 40])
    drawn = lists(sampler("bpe", 1.0).sample(rows, [1]))
    assert drawn == [[2, 3, 4, *[3, 4] * 40], [2, 3, 4], [3, 4] * 40]


def test_no_rows() -> None:
    assert lists(sampler("bpe", 0.5).sample(RaggedIds.of([]), [1])) == []


def frequencies(draw: SubwordSampler, monkeypatch: pytest.MonkeyPatch) -> dict[tuple[int, ...], float]:
    """Of the segmentations of ▁ab."""
    number = 20_000
    monkeypatch.setattr(sampling, "VARIANTS", 1 << 40)  # as good as a new one each time
    counts = Counter(tuple(row) for row in lists(draw.sample(RaggedIds.of([[7]] * number), [1])))
    return {row: count / number for row, count in counts.items()}


def test_unigram_draws_by_the_smoothed_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    alpha = 0.4
    weights = {row: math.exp(alpha * sum(SCORES[i] for i in row)) for row in [(7,), (5, 4), (2, 6), (2, 3, 4)]}
    expected = {row: weight / sum(weights.values()) for row, weight in weights.items()}
    assert frequencies(sampler("unigram", alpha), monkeypatch) == pytest.approx(expected, abs=0.015)


def test_bpe_drops_each_merge_with_the_probability_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """First ▁+a (score -1.5) and a+b (-1.2) are possible, then ▁+ab or ▁a+b, which give ▁ab."""
    p = 0.3
    expected = {(2, 3, 4): p * p, (2, 6): (1 - p) * p, (5, 4): p * (1 - p) * p, (7,): (1 - p) * (1 + p) * (1 - p)}
    assert frequencies(sampler("bpe", p), monkeypatch) == pytest.approx(expected, abs=0.015)


def test_another_process_draws_the_same() -> None:
    """SentencePiece's own sampler does not."""
    code = (
        "from tests.unit.test_subwords import *\n"
        "rows = RaggedIds.of([[7, 5, 4]] * 50)\n"
        "print([lists(sampler(kind, 0.5).sample(rows, [1])) for kind in KINDS])"
    )
    root = Path(__file__).parents[2]
    said = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=root, env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
        ).stdout
        for seed in ("1", "2")
    }
    rows = RaggedIds.of([[7, 5, 4]] * 50)
    assert said == {f"{[lists(sampler(kind, 0.5).sample(rows, [1])) for kind in KINDS]}\n".encode()}
