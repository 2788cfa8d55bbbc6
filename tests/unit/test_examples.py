"""Examples, and the two sides of them."""

from __future__ import annotations

import numpy as np
import pytest

from nmt.data import examples as module
from nmt.data.examples import Examples, column
from nmt.recipe.directions import Direction
from nmt.tokenizer import RaggedIds

EN, FR, DE = RaggedIds.of([[1], [2, 2], [3]]), RaggedIds.of([[4, 4], [], [6]]), RaggedIds.of([[7], [8, 8], [9]])
LINES = {"en": EN, "fr": FR, "de": DE}


def examples(*rows: tuple[int, int, int]) -> Examples:
    return Examples(np.array(rows, np.int32).reshape(-1, 3))


def lines(found: module.Lines) -> list[list[int]]:
    return [list(found[i]) for i in range(len(found))]


def test_a_table_of_three_languages_has_six_directions() -> None:
    """Each line is stored once, and each direction is a corpus."""
    pairs = [("en", "fr"), ("fr", "en"), ("en", "de"), ("de", "en"), ("fr", "de"), ("de", "fr")]
    found = examples(*[(c, row, row) for c in range(6) for row in range(3)])
    directions = [Direction(*pair) for pair in pairs]
    for side, which in (("src", 0), ("tgt", 1)):
        expected = [list(LINES[pair[which]][row]) for pair in pairs for row in range(3)]
        made = column(found, side, LINES, directions)  # type: ignore[arg-type]
        assert lines(made) == expected and made.lengths.tolist() == [len(line) for line in expected]


def test_text_of_one_language_has_no_targets() -> None:
    found = examples((0, 0, -1), (0, 2, -1))
    directions = [Direction("fr", None)]
    assert lines(column(found, "src", LINES, directions)) == [[4, 4], [6]]
    assert lines(column(found, "tgt", LINES, directions)) == [[], []]


def test_lines_in_order_are_the_stored_lines_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK", 2)  # looked at in two blocks
    directions = [Direction("en", "fr"), Direction("en", "de")]
    whole = examples((0, 0, 2), (1, 1, 1), (1, 2, 0))
    assert column(whole, "src", LINES, directions) is EN
    assert lines(column(whole, "tgt", LINES, directions)) == [[6], [8, 8], [7]]
    part = whole.take(np.array([0, 1]))
    assert lines(column(part, "src", LINES, directions)) == [[1], [2, 2]]  # not all of them
    assert whole.corpora == [0, 1] and part.take(np.array([1])).corpora == [1]


def test_nothing_has_two_empty_sides() -> None:
    for side in ("src", "tgt"):
        assert lines(column(examples(), side, LINES, [Direction("en", "fr")])) == []  # type: ignore[arg-type]
