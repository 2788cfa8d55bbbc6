"""SentencePiece behind our names: nothing unknown, nothing lost."""

from __future__ import annotations

import io
import random
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sentencepiece import SentencePieceNormalizer, SentencePieceTrainer

from nmt.errors import DataError, RunError
from nmt.recipe import TokenizerSection
from nmt.tokenizer import Side, Tokenizer
from nmt.tokenizer.learn import Blocks
from nmt.tokenizer.normalization import normalizer
from nmt.tokenizer.words import Words

WORDS = ["cat", "dog", "house", "runs", "sleeping", "under", "the", "a", "tree", "beautiful"]
KINDS = ["bpe", "unigram"]
SIDES: tuple[Side, Side] = ("src", "tgt")


def text(count: int = 400, seed: int = 1) -> list[bytes]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(WORDS, k=rng.randint(2, 9))).encode() for _ in range(count)]


def blocks(src: Iterable[bytes], tgt: Iterable[bytes] = ()) -> Callable[..., Blocks]:
    """The training text, as preparing gives it."""
    lines: dict[Side, Iterable[bytes]] = {"src": src, "tgt": tgt}

    def read(*sides: Side) -> Blocks:
        return ((side, [line]) for side in sides for line in lines[side])

    return read


def trained(kind: str = "bpe", **changes: object) -> Tokenizer:
    section = TokenizerSection.model_validate({"kind": kind, "vocab_size": 310, **changes})
    return Tokenizer.train(blocks(text(), [line.upper() for line in text()]), section)


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
    for side in SIDES:
        assert loaded.encode(text(9), side) == made.encode(text(9), side)


def test_separate_models_are_of_their_own_language() -> None:
    made = trained(shared=False)
    assert (made.src_vocab_size, made.tgt_vocab_size) == (310, 310)
    assert len(made.encode([b"beautiful"], "src")[0]) < len(made.encode([b"beautiful"], "tgt")[0])
    assert made.decode(made.encode(["CAT"], "tgt"), "tgt") == ["CAT"]


def test_user_symbols_are_one_piece() -> None:
    made = trained(user_symbols=["<2fr>", "⟨x⟩"])
    (ids,) = made.encode(["<2fr> cat ⟨x⟩"], "src")
    assert {"<2fr>", "⟨x⟩"} <= set(made.pieces(ids))


@pytest.mark.parametrize(("kind", "most", "todo"), [("bpe", 479, "."), ("unigram", 315, ", or `kind: bpe`.")])
def test_too_large_a_vocabulary_says_how_large_it_may_be(kind: str, most: int, todo: str) -> None:
    with pytest.raises(DataError) as e:
        trained(kind, vocab_size=5000)
    message = f"the training text is too small for `tokenizer.vocab_size: 5000`. It allows at most {most}."
    assert (e.value.message, e.value.hint) == (message, f"Set a smaller `tokenizer.vocab_size`{todo}")
    assert trained(kind, vocab_size=most).src_vocab_size == most


def test_too_small_a_vocabulary_says_how_large_it_must_be() -> None:
    signs = [chr(0x4E00 + i).encode() for i in range(200)]
    section = TokenizerSection(vocab_size=400, character_coverage=1.0, user_symbols=["<x>"])
    with pytest.raises(DataError) as e:
        Tokenizer.train(blocks(signs), section)
    assert e.value.message == (
        "the training text needs more than `tokenizer.vocab_size: 400`: 260 pieces are fixed, 1 symbol, and 201 are "
        "characters."
    )
    assert e.value.hint == (
        "Set `tokenizer.vocab_size` well above 462, or `tokenizer.character_coverage: auto`, which writes rare "
        "characters as bytes."
    )


def test_a_text_of_spaces_is_told() -> None:
    with pytest.raises(DataError, match="the training text holds nothing but spaces"):
        Tokenizer.train(blocks([b" ", b""]), TokenizerSection(vocab_size=310))


def test_characters_take_at_most_half_of_the_vocabulary_and_the_rarest_are_bytes() -> None:
    signs = [chr(0x4E00 + i) for i in range(200)]  # the first of them most often
    lines = ["".join(signs[: i + 1]).encode() for i in range(200)] + ["".join(signs[:60]).encode()] * 9000
    tokenizer = Tokenizer.train(blocks(lines), TokenizerSection(vocab_size=400, character_coverage="auto"))
    pieces = set(tokenizer.vocabulary("src"))
    have = [sign in pieces for sign in signs]
    assert have == sorted(have, reverse=True)
    assert 65 <= sum(have) <= 70  # (400 - 260) / 2, of which one is the space
    assert tokenizer.decode(tokenizer.encode(["".join(signs)], "tgt")) == ["".join(signs)]


# --- normalisation ---------------------------------------------------------------------------------------------------

# As a person writes it, and as it is learned to be written: the same but for white space and control characters
TARGETS = [
    "10 m² et ½ … ﬁn", "（你好，世界！）ＡＢＣ", "Vas-y\u202f! \xab\xa0non\xa0\xbb", "x\x1b[31m\x07\ufeffy",
    "a\u3000b  c ", "می\u200cخواهم", "神", "𝑥 ℌ ① ™ K",
]  # fmt: skip
WRITTEN = [
    "10 m² et ½ … ﬁn", "（你好，世界！）ＡＢＣ", "Vas-y ! \xab non \xbb", "x[31my",
    "a b c", "می\u200cخواهم", "神", "𝑥 ℌ ① ™ K",
]  # fmt: skip


@pytest.mark.parametrize("normalization", ["nmt_nfkc", "nfkc"])
@pytest.mark.parametrize("shared", [True, False])
def test_a_target_keeps_all_that_can_be_seen(normalization: str, shared: bool) -> None:
    made = trained(normalization=normalization, shared=shared)
    assert made.decode(made.encode(TARGETS, "tgt")) == WRITTEN


def test_a_source_is_normalised() -> None:
    made = trained()
    assert made.decode(made.encode(["m² ½ … Ａ，"], "src"), "src") == ["m2 1⁄2 ... A,"]


def test_a_source_keeps_its_joiners_and_loses_marks_of_direction() -> None:
    made = trained()
    lines = ["می\u200cخواهم کتاب\u200cها", "👩\u200d💻", "\u200fשלום\u200e abc\u061c", "a\u200bb"]
    expected = ["می\u200cخواهم کتاب\u200cها", "👩\u200d💻", "שלום abc", "a b"]
    assert made.decode(made.encode(lines, "src"), "src") == expected


def test_all_other_characters_are_normalised_as_sentencepiece_does() -> None:
    theirs = SentencePieceNormalizer(rule_name="nmt_nfkc", add_dummy_prefix=False, escape_whitespaces=False)
    ours = normalizer(TokenizerSection(normalization="nmt_nfkc"), "src")
    lines = [f"a{chr(i)}b" for i in (*range(1, 0xD800), *range(0xF900, 0x20000)) if i != 0xA]
    made = ours([line.encode() for line in lines]) if ours else []
    differing = [line for line, a, b in zip(lines, theirs.normalize(lines), made, strict=True) if a != b.decode()]
    assert differing == ["a\u061cb", "a\u200cb", "a\u200eb", "a\u200fb"]


def test_both_sides_share_the_pieces_though_not_the_rules() -> None:
    made = trained()
    assert made.shared and made.vocabulary("src") == made.vocabulary("tgt")
    assert set(made.files) == {"tokenizer.src.model", "tokenizer.tgt.model"}
    assert set(trained(normalization="identity").files) == {"tokenizer.model"}
    assert not trained(shared=False).shared


def test_what_is_not_normalised_gives_the_pieces_it_always_gave() -> None:
    """As in runs of before, whose one model had its own rules: text that these leave alone has the same ids."""
    out = io.BytesIO()
    lines = [*text(), *(line.upper() for line in text())]
    SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=out, model_type="bpe", vocab_size=310, character_coverage=1.0,
        normalization_rule_name="nmt_nfkc", byte_fallback=True, pad_id=0, unk_id=1, bos_id=2, eos_id=3,
        max_sentence_length=1 << 20, num_threads=4, minloglevel=2,
    )  # fmt: skip
    before, now = Tokenizer(out.getvalue()), trained(character_coverage=1.0)
    assert before.shared and before.vocabulary("src") == now.vocabulary("tgt")
    for side in SIDES:
        assert before.encode(text(50, 7), side) == now.encode(text(50, 7), side)
    assert before.decode(before.encode(["m²"], "tgt")) == ["m2"]


@given(st.sampled_from(["é", "Ệ", "ǖ", "が", "각", "ñ"]), st.sampled_from(["NFC", "NFD"]))
def test_an_encoding_of_a_character_makes_no_difference(exact_side: Tokenizer, character: str, form: str) -> None:
    written = unicodedata.normalize(form, character)  # type: ignore[arg-type]
    assert exact_side.decode(exact_side.encode([written], "tgt")) == [character]


@pytest.fixture(scope="module")
def exact_side() -> Tokenizer:
    return trained()


# --- what the training text never had --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def counted() -> Tokenizer:
    """Its source has three numbers, its target the same in other words; 北 is so rare that it is written as bytes."""
    src, tgt = [b"one two three"] * 300 + ["two 北".encode()], [b"un deux trois"] * 301
    section = TokenizerSection(vocab_size=300, character_coverage=0.999)
    made = Tokenizer.train(blocks(src, tgt), section)
    rows = [("src", made.encode(src, "src")), ("tgt", made.encode(tgt, "tgt"))]
    made.count((side, np.concatenate(ids)) for side, ids in rows)
    return made


def unseen(tokenizer: Tokenizer, line: str, side: Side = "src") -> list[str]:
    return tokenizer.unseen(tokenizer.encode([line], side)[0], side)


def test_what_the_source_side_never_had_is_named(counted: Tokenizer) -> None:
    assert unseen(counted, "one two three") == unseen(counted, "") == []
    assert unseen(counted, "one 北京 two 😀") == ["京", "😀"]  # 北 it had
    assert unseen(counted, "one 北京", "tgt") != []
    assert "".join(unseen(counted, "un deux")) and not unseen(counted, "un deux", "tgt")


def unseen_words(tokenizer: Tokenizer, line: str) -> tuple[list[str], int]:
    # Among other lines, of which it does not depend.
    found = tokenizer.unseen_in(tokenizer.encode(["x", line, "", "y two"], "src"))[1]
    return list(found.words), found.of_words


def test_words_that_the_source_never_had_are_named(counted: Tokenizer) -> None:
    assert unseen_words(counted, "two, three; one three!") == ([], 4)
    assert unseen_words(counted, "two tree; thr, one. One onetwo") == (["tree", "thr", "One", "onetwo"], 6)
    assert unseen_words(counted, "tréo two-three 'one") == (["tréo"], 4)
    # Numbers and scripts without spaces have no words here.
    assert unseen_words(counted, "17 3.5 北京大学 two") == ([], 1)
    assert unseen_words(counted, "") == unseen_words(counted, "!?") == ([], 0)


def test_words_of_several_lines_do_not_run_into_each_other() -> None:
    words = Words(["<unk>", "▁a", "b", ".", "▁", "<0xC3>"])
    begins, ends, hashes = words.find(np.array([1, 2, 2, 3, 5, 1, 4, 2, 5, 1]))
    assert list(zip(begins.tolist(), ends.tolist(), strict=True)) == [(0, 3), (5, 6), (7, 9), (9, 10)]
    assert len(set(hashes.tolist())) == 3 and hashes[1] == hashes[3]


def test_counts_are_kept_and_an_older_run_knows_the_characters_without_a_piece(
    counted: Tokenizer, tmp_path: Path
) -> None:
    counted.save(tmp_path)
    loaded = Tokenizer.load(tmp_path)
    assert loaded.files == counted.files and loaded.fingerprint == counted.fingerprint
    for line in ("one 北京 two 😀", "un deux"):
        assert unseen(loaded, line) == unseen(counted, line)
        assert unseen_words(loaded, line) == unseen_words(counted, line)
    (tmp_path / "tokenizer.seen.json").unlink()
    older = Tokenizer.load(tmp_path)
    assert older.fingerprint == counted.fingerprint
    assert (unseen(older, "one 北京 😀"), unseen(older, "un deux")) == (["北京", "😀"], [])
    assert unseen_words(older, "un deux")[0] == []


@pytest.mark.parametrize(
    "content", ["{", "[]", "[" * 9999, '{"src": {"pieces": [1], "bytes": ""}}', '{"src": 3}', '{"src": {"pieces": 3}}']
)
def test_broken_counts_are_told(counted: Tokenizer, tmp_path: Path, content: str) -> None:
    counted.save(tmp_path)
    (tmp_path / "tokenizer.seen.json").write_text(content)
    with pytest.raises(RunError, match=r"the tokenizer of .*, tokenizer\.seen\.json, is damaged"):
        Tokenizer.load(tmp_path)


@pytest.mark.parametrize("fault", [DataError("a file changed"), KeyboardInterrupt(), ValueError("other")])
def test_what_stops_the_lines_is_raised_as_it_is(fault: BaseException) -> None:
    def lines() -> Iterator[bytes]:
        yield from text()
        raise fault

    with pytest.raises(type(fault)) as e:
        Tokenizer.train(blocks(lines()), TokenizerSection(vocab_size=310))
    assert e.value is fault


def test_a_missing_or_broken_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the tokenizer of .* cannot be read: No such file"):
        Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"nonsense")
    with pytest.raises(RunError, match=r"the tokenizer of .*, tokenizer\.model, is damaged"):
        Tokenizer.load(tmp_path)
