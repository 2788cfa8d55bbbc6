"""A model written for CTranslate2 is the same model. That beams agree is tested with a trained one: test_learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from nmt.data.tags import Tags
from nmt.decode.beam_engine import BeamEngine
from nmt.decode.ct2 import CTranslate2Engine
from nmt.decode.either import EitherEngine
from nmt.decode.engine import Batch, Pair, Sentence
from nmt.decode.export import export
from nmt.decode.exported import Aligned, Origin
from nmt.decode.forced import attention_by_layer
from nmt.decode.request import Request
from nmt.decode.translator import Translator
from nmt.errors import RecipeError, RunError
from nmt.model.transformer import Transformer
from nmt.recipe import DecodeSection, ModelSection, TokenizerSection
from nmt.tokenizer import BOS_ID, Tokenizer

LINES = ["one two", "", "three", "four five six seven eight one", "two one three three", "\u202bשלום 🙂"]
SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 4, "num_encoder_layers": 2, "num_decoder_layers": 1, "dropout": 0}
GREEDY = DecodeSection(beam_size=1, max_len_ratio=1, max_len_extra=3)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    lines = [line.encode() for line in LINES * 50]
    return Tokenizer.train(lambda *_: [("src", lines)], TokenizerSection(vocab_size=300))


def random_model(tokenizer: Tokenizer, **changes: object) -> Transformer:
    torch.manual_seed(1)
    section = ModelSection.model_validate(SHAPE | changes)
    model = Transformer(section, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and scales too, and sharper choices
            parameter.add_(0.05 * torch.randn_like(parameter)).mul_(1.3)
    return model


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "post", "activation": "gelu"},
        {"activation": "swiglu", "positions": "learned", "max_positions": 128},
        {"tie_embeddings": "none"},
        {"positions": "rotary"},
        {"positions": "mixed"},
    ],
    ids=str,
)
def test_both_engines_go_the_same_way(tmp_path: Path, tokenizer: Tokenizer, changes: dict[str, object]) -> None:
    model = random_model(tokenizer, **changes)
    export(model, tokenizer, tmp_path / "ctranslate2")
    ours = BeamEngine.of_models([model], tokenizer)
    theirs = CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu")
    alone = [[Sentence(ids)] for ids in tokenizer.encode([line for line in LINES if line], "src")]
    for [[a]], [[b]] in zip(ours.search(alone, GREEDY, 1), theirs.search(alone, GREEDY, 1), strict=True):
        assert a.tokens == b.tokens


@pytest.mark.parametrize("told", [True, False])
def test_tags_tell_both_engines_the_same(tmp_path: Path, tokenizer: Tokenizer, told: bool) -> None:
    """A tag before the source is a piece like others; one that decoding begins with is given with each sentence."""
    model = random_model(tokenizer)
    export(model, tokenizer, tmp_path / "ctranslate2", told=told)
    ours = BeamEngine.of_models([model], tokenizer)
    theirs = CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu")
    ids, other = tokenizer.encode(["one two three", "four five"], "src")
    every = [Tags(src=7, start=start if told else BOS_ID) for start in (BOS_ID, 8, 9)]
    [found] = theirs.search([[Sentence(ids, tags=tags) for tags in every]], GREEDY, 1)
    [expected] = ours.search([[Sentence(ids, tags=tags) for tags in every]], GREEDY, 1)
    assert [h.tokens for [h] in found] == [h.tokens for [h] in expected]
    assert len({tuple(h.tokens) for [h] in found}) == (3 if told else 1)
    begun = [Sentence(ids, prefix=tuple(other), tags=tags) for tags in every]
    [found], [expected] = theirs.search([begun], GREEDY, 1), ours.search([begun], GREEDY, 1)
    for [a], [b] in zip(found, expected, strict=True):
        assert a.tokens == b.tokens and a.tokens[: len(other)] == other
        assert a.log_prob == pytest.approx(b.log_prob, abs=1e-3)
    pairs = [Pair(tags.read(ids), other, tags.start) for tags in every]
    for a, b in zip(theirs.score(pairs, GREEDY), ours.score(pairs, GREEDY), strict=True):
        assert a == pytest.approx(b, abs=1e-4)
    assert theirs.score([Pair(ids, other)], GREEDY)[0] != pytest.approx(theirs.score(pairs[:1], GREEDY)[0], abs=1e-3)
    for pair, attention in zip(pairs, theirs.attention(pairs, GREEDY, exact=False), strict=True):
        (layers,) = attention_by_layer(model, [pair])
        assert attention[: len(other), : len(pair.src)] == pytest.approx(layers[-1], abs=1e-5)


# --- what both can do ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def both(tokenizer: Tokenizer, tmp_path_factory: pytest.TempPathFactory) -> tuple[BeamEngine, CTranslate2Engine]:
    """Our own engine and CTranslate2, of the same weights; of three layers, the middle one is to align words."""
    model = random_model(tokenizer, num_decoder_layers=3)
    folder = tmp_path_factory.mktemp("run") / "ctranslate2"
    export(model, tokenizer, folder, origin=Origin(aligned=Aligned(layer=1, agreement=0.9)))
    return BeamEngine.of_models([model], tokenizer), CTranslate2Engine(folder, tokenizer, "cpu")


Both = tuple[BeamEngine, CTranslate2Engine]


def pairs_of(tokenizer: Tokenizer) -> list[Pair]:
    rows = tokenizer.encode(LINES, "src")
    return [Pair(src, tgt) for src, tgt in zip(rows, [*rows[3:], *rows[:3]], strict=True)]


def test_given_translations_have_the_same_probabilities(both: Both, tokenizer: Tokenizer) -> None:
    pairs, decode = pairs_of(tokenizer), DecodeSection()
    ours, theirs = (engine.score(pairs, decode) for engine in both)
    for pair, a, b in zip(pairs, ours, theirs, strict=True):
        assert len(b) == len(pair.tgt) + 1
        assert b == pytest.approx(a, abs=1e-4)


@pytest.mark.parametrize("batch_tokens", [16_384, 20])
def test_the_attention_is_that_of_the_chosen_layer(both: Both, tokenizer: Tokenizer, batch_tokens: int) -> None:
    pairs = [pair for pair in pairs_of(tokenizer) if pair.src]
    ours, theirs = both
    found = theirs.attention(pairs, DecodeSection(batch_tokens=batch_tokens), exact=False)
    for pair, attention in zip(pairs, found, strict=True):
        (layers,) = attention_by_layer(ours.models[0], [pair])
        assert attention[: len(pair.tgt), : len(pair.src)] == pytest.approx(layers[1], abs=1e-5)


def test_a_translation_begins_with_what_is_wanted_and_has_nothing_unwanted(both: Both, tokenizer: Tokenizer) -> None:
    translator = Translator(both[1], tokenizer, DecodeSection(beam_size=3, max_len_ratio=1, max_len_extra=3))
    (free,) = translator.translate(["one two"], n_best=2)
    unwanted = tuple(free.hypotheses[0][1].tokens[:1])
    wanted = [
        Sentence(ids, tuple(prefix), exclude=exclude)
        for ids in tokenizer.encode(["one two", "three"], "src")
        for prefix in ([], tokenizer.encode(["seven"], "tgt")[0])
        for exclude in ((), (unwanted,))
    ]
    (found,) = both[1].search([wanted], translator.decode, 2)
    for sentence, hypotheses in zip(wanted, found, strict=True):
        scores = [h.score for h in hypotheses]
        assert scores == sorted(scores, reverse=True)
        for h in hypotheses:
            assert tuple(h.tokens[: len(sentence.prefix)]) == sentence.prefix
            assert all(phrase[0] not in h.tokens for phrase in sentence.exclude)
            if sentence.prefix or sentence.exclude:  # the model's own probability, not that of what was allowed
                (forced,) = both[0].score([Pair(sentence.ids, h.tokens)], translator.decode)
                assert h.log_prob == pytest.approx(sum(forced), abs=1e-3)
                assert h.score == pytest.approx(h.log_prob / (len(h.tokens) + 1), abs=1e-4)


def test_a_long_line_in_a_batch_lets_no_other_grow(both: Both, tokenizer: Tokenizer) -> None:
    """Of random weights translations are as long as they may be."""
    ids = tokenizer.encode(["one", "four five six seven eight one two three"], "src")
    decode = DecodeSection(beam_size=2, max_len_ratio=1, max_len_extra=2)
    (together,) = both[1].search([[Sentence(row) for row in ids]], decode, 1)
    alone = [hypotheses for [hypotheses] in both[1].search([[Sentence(row)] for row in ids], decode, 1)]
    assert [h.tokens for [h] in together] == [h.tokens for [h] in alone]
    for row, [h] in zip(ids, together, strict=True):
        assert len(h.tokens) <= len(row) + 2
        assert h.log_prob == pytest.approx(sum(both[0].score([Pair(row, h.tokens)], decode)[0]), abs=1e-3)


def test_n_best(tmp_path: Path, tokenizer: Tokenizer) -> None:
    export(random_model(tokenizer), tokenizer, tmp_path / "ctranslate2", "int8")
    engine = CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu")
    assert engine.name == "ctranslate2 int8"
    (found,) = Translator(engine, tokenizer, DecodeSection(beam_size=3)).translate(["one two"], n_best=3)
    scores = [hypothesis.score for _, hypothesis in found.hypotheses]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)


def test_int8_is_made_of_what_is_stored_in_more(tmp_path: Path, tokenizer: Tokenizer) -> None:
    export(random_model(tokenizer), tokenizer, tmp_path / "ctranslate2")
    names = [CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu", None, c).name for c in ("float32", "int8")]
    assert names == ["ctranslate2 float32", "ctranslate2 int8"]


# --- what is left to our own engine -----------------------------------------------------------------------------------


class Watched:
    """Our own engine, and which sentences it was given."""

    def __init__(self, engine: BeamEngine) -> None:
        self.engine = engine
        self.searched: list[Sentence] = []

    def search(self, batches: list[Batch], decode: DecodeSection, n_best: int) -> object:
        self.searched += [sentence for batch in batches for sentence in batch]
        return self.engine.search(batches, decode, n_best)

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)


@pytest.fixture
def either(both: Both) -> tuple[EitherEngine, Watched]:
    own = Watched(both[0])
    return EitherEngine(both[1], lambda: own, None), own  # type: ignore[arg-type, return-value]


def test_only_lines_that_lack_a_phrase_are_searched_by_our_own_engine(
    either: tuple[EitherEngine, Watched], tokenizer: Tokenizer
) -> None:
    engine, own = either
    translator = Translator(engine, tokenizer, DecodeSection(beam_size=3, max_len_ratio=1, max_len_extra=3))
    lines = ["one two", "three", "four five"]
    free = [t.text for t in translator.translate(lines)]
    assert own.searched == []
    there = free[0].split()[0]
    found = translator.translate([Request(lines[0], include=(there,)), Request(lines[1], include=("eight",)), lines[2]])
    assert [sentence.ids for sentence in own.searched] == tokenizer.encode([lines[1]], "src")
    assert (found[0].text, found[2].text) == (free[0], free[2])
    assert "eight" in found[1].text and not found[1].missing


def test_a_search_that_ctranslate2_lacks_is_our_own(either: tuple[EitherEngine, Watched], tokenizer: Tokenizer) -> None:
    engine, own = either
    translator = Translator(engine, tokenizer, DecodeSection(beam_size=2, max_len_ratio=1))
    ours = Translator(own.engine, tokenizer, translator.decode)
    for change in ({"sampling": True}, {"coverage_penalty": 0.2}, {"min_len_ratio": 0.9}):
        own.searched = []
        found = translator.translate(LINES, **change)  # type: ignore[arg-type]
        assert [t.text for t in found] == [t.text for t in ours.translate(LINES, **change)]  # type: ignore[arg-type]
        assert len(own.searched) == 5


def test_what_is_longer_than_there_are_places_is_our_own(
    either: tuple[EitherEngine, Watched], tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, own = either
    monkeypatch.setattr(engine.first, "max_positions", 20)
    short, long = tokenizer.encode(["one", "four five six seven eight one two three " * 3], "src")
    batches = [[Sentence(long), Sentence(short)], [Sentence(short)]]
    found = list(engine.search(batches, DecodeSection(beam_size=2, max_len_ratio=0.1, max_len_extra=2), 1))
    assert [len(hypotheses) for hypotheses in found] == [2, 1]
    assert own.searched == [Sentence(long)]


def test_alignments_are_of_one_layer_and_attention_is_of_all(
    either: tuple[EitherEngine, Watched], tokenizer: Tokenizer
) -> None:
    translator = Translator(either[0], tokenizer, DecodeSection(beam_size=2, max_len_ratio=1))
    lines = [line for line in LINES if line]
    for t in translator.translate(lines, n_best=2, alignment=True):
        for _, h in t.hypotheses:
            assert h.attention is not None and h.attention.shape == (len(h.tokens), len(t.src_tokens))
            assert [tgt for _, tgt in h.alignment or ()] == list(range(len(h.alignment or ())))
    ours = Translator(either[1].engine, tokenizer, translator.decode)
    for t, wanted in zip(
        translator.translate(lines, n_best=2, attention=True),  # with one alone, CTranslate2 ends some searches sooner
        ours.translate(lines, n_best=2, attention=True),
        strict=True,
    ):
        assert t.text == wanted.text
        (_, a), (_, b) = t.hypotheses[0], wanted.hypotheses[0]
        assert a.attention is not None and np.allclose(a.attention, b.attention, atol=1e-5)
        assert a.alignment == b.alignment


def test_what_ctranslate2_lacks_is_refused_where_it_was_asked_for_by_name(both: Both, tokenizer: Tokenizer) -> None:
    engine = EitherEngine(both[1], lambda: both[0], None, strict=True)
    translator = Translator(engine, tokenizer, DecodeSection(beam_size=2))
    with pytest.raises(RecipeError) as e:
        translator.translate(["one"], sampling=True)
    assert e.value.message == "CTranslate2 cannot do: sampling."
    with pytest.raises(RecipeError) as e:
        translator.translate(["one"], compute="int8")
    assert e.value.message == "decode: `compute` is chosen where runs are loaded."


# --- faults ----------------------------------------------------------------------------------------------------------


def test_what_was_not_exported_is_told(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(RunError, match="holds no CTranslate2 model") as e:
        CTranslate2Engine(tmp_path / "run" / "ctranslate2", tokenizer, "cpu")
    assert e.value.hint == f"Run: nmt export --run {tmp_path / 'run'}"


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.src.model"])
def test_a_flipped_bit_of_an_export_is_told(tmp_path: Path, tokenizer: Tokenizer, name: str) -> None:
    folder = tmp_path / "ctranslate2"
    export(random_model(tokenizer), tokenizer, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(RunError) as e:
        CTranslate2Engine(folder, tokenizer, "cpu")
    assert e.value.message == f"{folder / name} is damaged: its checksum is not the one written with it."
    (folder / name).unlink()
    with pytest.raises(RunError):
        CTranslate2Engine(folder, tokenizer, "cpu")
