"""`tokenizer.apostrophe: split`: words behind an apostrophe are as they are elsewhere, and every line comes back."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentencepiece
from hypothesis import example, given
from hypothesis import strategies as st

from nmt.decode.alignment import words_of
from nmt.decode.parts import Cutter, Domain
from nmt.decode.request import Request
from nmt.decode.routes import ANY
from nmt.errors import RecipeError
from nmt.recipe import DecodeSection, TokenizerSection, make_recipe
from nmt.sentencepiece_model import replace_rules
from nmt.text.links import link
from nmt.text.pieces import JOINER
from nmt.tokenizer import RaggedIds, Side, Tokenizer
from nmt.tokenizer.apostrophe import splits

LINES = [
    "L'homme et l'enfant de l’école", "The man's dogs' tails", "un homme et une enfant", "l'arbre d'un homme", "école",
    "d’une école", "'quoted words'", "the dogs and a man",
]  # fmt: skip
SIDES: tuple[Side, Side] = ("src", "tgt")


@cache
def trained(apostrophe: str | None, normalization: str = "nmt_nfkc", kind: str = "bpe") -> Tokenizer:
    values = {"vocab_size": 305, "apostrophe": apostrophe, "normalization": normalization, "kind": kind}
    lines = [line.encode() for line in [*LINES, "quick brown foxes jump over lazy dogs while birds sing"] * 30]
    section = TokenizerSection.model_validate(values)
    return Tokenizer.train(lambda *sides: [(side, lines) for side in sides], section)


def pieces(tokenizer: Tokenizer, line: str, side: Side = "tgt") -> list[str]:
    return tokenizer.pieces(tokenizer.encode([line], side)[0], side)


def back(tokenizer: Tokenizer, lines: list[str], side: Side) -> list[str]:
    return tokenizer.decode(tokenizer.encode(lines, side), side)


# --- nothing is lost -------------------------------------------------------------------------------------------------

_ODD = "'’＇ʼ‘ lhHéÉo1²ﬁŉßǅ.-￭■▁ \t\u00a0\u3000\x01\x85\ufeff\u200b\u200d\u0301\u0302\u0327북北🙂"
ODD = st.text(st.sampled_from(_ODD), max_size=12)
SETTINGS = [("nmt_nfkc", "bpe"), ("nfkc", "bpe"), ("identity", "bpe"), ("nmt_nfkc", "unigram")]


@pytest.mark.parametrize(("normalization", "kind"), SETTINGS, ids=str)
@given(ODD | st.text(max_size=12), st.sampled_from(SIDES))
@example("l' homme", "tgt")
@example("l'￭ homme", "tgt")
@example("'’'l''￭￭ 'e\u0301'", "src")
def test_a_line_comes_back_as_it_would_without(normalization: str, kind: str, line: str, side: Side) -> None:
    line = line.replace("\n", " ").replace("\r", " ")
    without, split = (trained(apostrophe, normalization, kind) for apostrophe in (None, "split"))
    expected = back(without, [line.replace(JOINER, "■")], side)
    assert back(split, [line], side) == expected
    assert back(split, expected, side) == back(without, expected, side)


def test_lines_of_corpora_come_back(shared_data: Path) -> None:
    def read(name: str) -> list[str]:
        return gzip.decompress((shared_data / name).read_bytes()).decode().split("\n")[:-1]

    captions = [read(f"multi30k/train.{language}.gz") for language in ("en", "fr")]
    sentences = [line.split("\t")[i] for line in read("tatoeba/eng-fra.tsv.gz") for i in (0, 1)]
    without, split = trained(None), trained("split")
    for lines in (*captions, sentences):
        some = lines[::7]
        for side in SIDES:
            assert back(split, some, side) == back(without, some, side)


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", SIDES)
def test_a_word_has_the_pieces_that_it_has_elsewhere(side: Side) -> None:
    alone = pieces(trained("split"), "homme", side)
    for line in ("l'homme", "l’homme", "'homme", "qu'homme"):
        assert pieces(trained("split"), line, side)[-len(alone) :] == alone != pieces(trained(None), line, side)
    assert pieces(trained("split"), "l'E\u0301cole", side) == pieces(trained("split"), "l'École", side)


def test_nothing_else_is_cut() -> None:
    for line in ("dogs' tails", "l' homme", "c'", "''", "а'н", "5'"):
        assert JOINER not in "".join(pieces(trained("split"), line, "src"))


def test_a_space_that_is_there_makes_a_difference() -> None:
    assert pieces(trained("split"), "l'homme") != pieces(trained("split"), "l' homme")


def test_sampling_keeps_the_text() -> None:
    tokenizer = trained("split")
    rows = RaggedIds.of(tokenizer.encode(LINES, "tgt"))
    sampler = tokenizer.samplers(TokenizerSection(vocab_size=305, apostrophe="split", sampling=0.5), 1)["tgt"]
    drawn = [row.tolist() for epoch in range(5) for row in sampler.sample(rows, [1, epoch])]
    assert tokenizer.decode(drawn) == LINES * 5 and drawn[: len(LINES)] != [row.tolist() for row in rows]


def test_sentencepiece_alone_does_it() -> None:
    """So whoever has the model file needs no code of ours."""
    for side in SIDES:
        processor = sentencepiece.SentencePieceProcessor(model_proto=trained("split").model(side))
        for line in LINES:
            assert processor.decode(processor.encode(line, out_type=str)) == line
            assert processor.encode(line) == trained("split").encode([line], side)[0]


def test_a_model_says_whether_it_cuts() -> None:
    assert [splits(trained(a, n).model("tgt")) for a in (None, "split") for n in ("nmt_nfkc", "identity")] == [
        False, False, True, True,
    ]  # fmt: skip
    without = trained(None)
    assert replace_rules(without.model("src"), b"") == replace_rules(without.model("tgt"), b"")
    assert trained("split").shared and set(trained("split", "identity").files) == {"tokenizer.model"}


# --- what goes by words -----------------------------------------------------------------------------------------------


def test_words_are_those_of_the_text() -> None:
    for line in LINES:
        words = words_of(pieces(trained("split"), line))
        assert words[-1] + 1 == len(line.split())
    assert words_of(["▁l", f"'{JOINER}", "▁homme", "▁d", "ort"]) == [0, 0, 0, 1, 1]


def test_links_are_between_the_characters_of_the_text() -> None:
    def cut(line: str) -> list[str]:
        return pieces(trained("split"), line)

    text = "l'homme"
    own = cut(text)
    found = link(np.eye(len(own), len(own)).tolist(), own, own, text, text)
    assert found and all(link.src == link.tgt for link in found)


def test_a_long_line_is_not_cut_behind_an_apostrophe() -> None:
    tokenizer = trained("split")
    line = "homme homme l'homme"
    ids = tokenizer.encode([line], "src")[0]
    most = len(ids) - 1  # so that the last word but for its article has no room
    parts = Cutter(tokenizer, Domain(), None, DecodeSection(max_segment=most)).cut([Request(line)], 1, [ANY])
    assert [part.text for part in parts] == ["homme homme ", "l'homme "]


def test_what_begins_with_an_article_goes_on_without_a_space() -> None:
    tokenizer = trained("split")
    for text in ("un l'", "L’", "'"):
        begun = tokenizer.encode_beginning(text)
        assert tokenizer.decode([begun]) == [text]
        assert tokenizer.decode([begun + tokenizer.encode(["homme"], "tgt")[0]]) == [f"{text}homme"]
    for text in ("un homme", "l'homme", "", "l' "):
        assert tokenizer.encode_beginning(text) == tokenizer.encode([text], "tgt")[0]
    assert trained(None).encode_beginning("l'") == trained(None).encode(["l'"], "tgt")[0]


# --- recipes ----------------------------------------------------------------------------------------------------------


def recipe(**tokenizer: Any) -> Any:
    files = {"source": "a", "target": "b"}
    data = {"source_lang": "en", "target_lang": "fr", "train": files, "valid": files}
    return make_recipe({"name": "x", "data": data, "tokenizer": tokenizer}, "x")


def test_it_is_written_where_it_is_asked_for() -> None:
    assert "apostrophe" not in recipe().tokenizer.as_written()
    assert recipe(apostrophe="split").tokenizer.as_written()["apostrophe"] == "split"


def test_a_symbol_cannot_have_the_sign() -> None:
    assert recipe(user_symbols=[f"<{JOINER}>"]).tokenizer.user_symbols == [f"<{JOINER}>"]
    with pytest.raises(RecipeError, match="has a meaning of its own with `apostrophe: split`"):
        recipe(apostrophe="split", user_symbols=[f"<{JOINER}>"])
