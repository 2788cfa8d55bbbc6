"""What the tokenizer takes from target lines is told, with its share and an example."""

from __future__ import annotations

import pytest

from nmt.data.round_trip import RoundTrip
from nmt.recipe import TokenizerSection
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.normalization import with_rules

LINES = ["one two", "three ½", "four", "x² and y²"]


def trained(normalization: str) -> Tokenizer:
    section = TokenizerSection.model_validate({"vocab_size": 300, "normalization": normalization})
    return Tokenizer.train(lambda *_: [("tgt", [line.encode() for line in LINES * 50])], section)


@pytest.fixture(scope="module")
def now() -> Tokenizer:
    return trained("nmt_nfkc")


@pytest.fixture(scope="module")
def before() -> Tokenizer:
    """As tokenizers were made: the source's rules hold for the target, too."""
    return Tokenizer(with_rules(trained("identity").files["tokenizer.model"], TokenizerSection(), "src"))


def told(tokenizer: Tokenizer, lines: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    round_trip = RoundTrip(tokenizer)
    round_trip.look_at(lines[:3])
    round_trip.look_at(lines[3:])
    round_trip.tell()
    return capsys.readouterr().err


def test_lines_that_come_back_are_not_mentioned(now: Tokenizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(now, [*LINES, " two  spaces ", "décomposé".replace("é", "e\u0301"), ""], capsys) == ""


def test_the_share_of_changed_lines_is_told_with_the_shortest(
    before: Tokenizer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(before, LINES, capsys) == (
        "! The tokenizer changes 50.0% of the target lines, such as 'three ½' into 'three 1⁄2': no translation can "
        "have what is lost. `tokenizer.normalization: identity` keeps it.\n"
    )


def test_one_line_in_a_thousand_is_no_matter(before: Tokenizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(before, ["½", *["one"] * 999], capsys) == ""
    assert told(before, ["½", *["one"] * 998], capsys) != ""


def test_white_space_is_told_as_such(now: Tokenizer, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(now, [*LINES, "four\u202f!"], capsys) == (
        "20.0% of the target lines have white space such as U+202F; translations will have plain spaces there.\n"
    )
