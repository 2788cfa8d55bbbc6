"""SentencePiece behind our names: nothing unknown, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nmt.errors import DataError, RunError
from nmt.recipe import TokenizerSection
from nmt.tokenizer import Tokenizer

WORDS = ["cat", "dog", "house", "runs", "sleeping", "under", "the", "a", "tree", "beautiful"]
KINDS = ["bpe", "unigram"]


def text(count: int = 400, seed: int = 1) -> list[bytes]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(2, 9))).encode() for _ in range(count)]


def trained(kind: str = "bpe", **changes: object) -> Tokenizer:
    section = TokenizerSection.model_validate({"kind": kind, "vocab_size": 310, **changes})
    return Tokenizer.train(text(), [line.upper() for line in text()], section)


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return trained(request.param)


@pytest.fixture(scope="module")
def exact() -> Tokenizer:
    return trained(normalization="identity")


def test_text_comes_back(tokenizer: Tokenizer) -> None:
    lines = [line.decode() for line in text(50, 2)]
    assert tokenizer.decode(tokenizer.encode(lines, "src")) == lines


def test_bytes_and_text_give_the_same_ids(tokenizer: Tokenizer) -> None:
    lines = ["the café \U0001f600", "", "  two  spaces "]
    assert tokenizer.encode(lines, "src") == tokenizer.encode([line.encode() for line in lines], "src")


def test_nothing_is_unknown_and_special_ids_are_never_in_text(tokenizer: Tokenizer) -> None:
    specials = {tokenizer.pad_id, tokenizer.bos_id, tokenizer.eos_id, tokenizer.unk_id}
    lines = ["日本語 \U0001f680 ✓ Ωmega", "<s> </s> <pad> <unk>", "\x01\x7f", ""]
    for ids in tokenizer.encode(lines, "tgt"):
        assert not specials & set(ids)


@settings(max_examples=200, deadline=None)
@given(line=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\n\u2581"), max_size=40))
def test_any_text_without_normalisation_comes_back(exact: Tokenizer, line: str) -> None:
    (ids,) = exact.encode([line], "src")
    assert exact.unk_id not in ids
    (back,) = exact.decode([ids])
    assert back.split(" ") == line.split(" ") or back.split() == line.split()


@settings(max_examples=100, deadline=None)
@given(ids=st.lists(st.integers(0, 309), max_size=20))
def test_any_ids_give_exactly_one_line(exact: Tokenizer, ids: list[int]) -> None:
    (line,) = exact.decode([ids])
    assert "\n" not in line and "\r" not in line
    line.encode()


def test_training_twice_gives_the_same_model(tokenizer: Tokenizer) -> None:
    kinds = {trained(kind).fingerprint for kind in KINDS}
    assert len(kinds) == 2 and tokenizer.fingerprint in kinds


@pytest.mark.parametrize("shared", [True, False])
def test_saved_and_loaded_it_is_the_same(tmp_path: Path, shared: bool) -> None:
    made = trained(shared=shared)
    made.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.shared is shared and loaded.fingerprint == made.fingerprint
    for side in ("src", "tgt"):
        assert loaded.encode(text(9), side) == made.encode(text(9), side)  # type: ignore[arg-type]


def test_separate_models_are_of_their_own_language() -> None:
    made = trained(shared=False)
    assert (made.src_vocab_size, made.tgt_vocab_size) == (310, 310)
    assert len(made.encode([b"beautiful"], "src")[0]) < len(made.encode([b"beautiful"], "tgt")[0])
    assert made.decode(made.encode(["CAT"], "tgt"), "tgt") == ["CAT"]


def test_user_symbols_are_one_piece() -> None:
    made = trained(user_symbols=["<2fr>", "⟨x⟩"])
    (ids,) = made.encode(["<2fr> cat ⟨x⟩"], "src")
    assert {"<2fr>", "⟨x⟩"} <= set(made.pieces(ids))


def test_too_large_a_vocabulary_says_how_large_it_may_be() -> None:
    section = TokenizerSection(vocab_size=5000, kind="unigram")
    with pytest.raises(DataError) as e:
        Tokenizer.train(text(20), text(20), section)
    assert e.value.message.startswith(
        "the training text is too small for `tokenizer.vocab_size: 5000`. It allows at most "
    )


@pytest.mark.parametrize("fault", [DataError("a file changed"), KeyboardInterrupt(), ValueError("other")])
def test_what_stops_the_lines_is_raised_as_it_is(fault: BaseException) -> None:
    def lines() -> Iterator[bytes]:
        yield from text()
        raise fault

    with pytest.raises(type(fault)) as e:
        Tokenizer.train(lines(), (), TokenizerSection(vocab_size=310))
    assert e.value is fault


def test_a_missing_or_broken_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the tokenizer of .* cannot be read: No such file"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"nonsense")
    with pytest.raises(RunError, match=r"the tokenizer of .*, tokenizer\.model, is damaged"):
        Tokenizer.load(tmp_path)
