"""A model written for CTranslate2 is the same model. That beams agree is tested with a trained one: test_learns."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from nmt.decode.beam_engine import BeamEngine
from nmt.decode.ct2 import CTranslate2Engine
from nmt.decode.engine import Sentence
from nmt.decode.export import export
from nmt.decode.scorer import ModelScorer
from nmt.decode.translator import Translator
from nmt.errors import RunError
from nmt.model.transformer import Transformer
from nmt.recipe import DecodeSection, ModelSection, TokenizerSection
from nmt.tokenizer import Tokenizer

LINES = ["one two", "", "three", "four five six seven eight one", "two one three three", "\u202bשלום 🙂"]
SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 4, "num_encoder_layers": 2, "num_decoder_layers": 1, "dropout": 0}


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    lines = [line.encode() for line in LINES * 50]
    return Tokenizer.train(lambda *_: [("src", lines)], TokenizerSection(vocab_size=300))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"norm": "post", "activation": "gelu"},
        {"activation": "swiglu", "positions": "learned", "max_positions": 128},
        {"tie_embeddings": "none"},
    ],
    ids=str,
)
def test_both_engines_go_the_same_way(tmp_path: Path, tokenizer: Tokenizer, changes: dict[str, object]) -> None:
    torch.manual_seed(1)
    section = ModelSection.model_validate(SHAPE | changes)
    model = Transformer(section, tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases and scales too, and sharper choices
            parameter.add_(0.05 * torch.randn_like(parameter)).mul_(1.3)
    export(model, tokenizer, tmp_path / "ctranslate2")
    decode = DecodeSection(beam_size=1, max_len_ratio=1, max_len_extra=3)
    ours = BeamEngine(ModelScorer(model), torch.device("cpu"), tokenizer.vocabulary("tgt"))
    theirs = CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu")
    alone = [[Sentence(ids)] for ids in tokenizer.encode([line for line in LINES if line], "src")]
    for [[a]], [[b]] in zip(ours.search(alone, decode, 1), theirs.search(alone, decode, 1), strict=True):
        assert a.tokens == b.tokens


def test_n_best(tmp_path: Path, tokenizer: Tokenizer) -> None:
    torch.manual_seed(1)
    model = Transformer(ModelSection.model_validate(SHAPE), tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    export(model, tokenizer, tmp_path / "ctranslate2", "int8")
    engine = CTranslate2Engine(tmp_path / "ctranslate2", tokenizer, "cpu")
    (found,) = Translator(engine, tokenizer, DecodeSection(beam_size=3)).translate(["one two"], n_best=3)
    scores = [hypothesis.score for _, hypothesis in found.hypotheses]
    assert len(scores) == 3 and scores == sorted(scores, reverse=True)


def test_what_was_not_exported_is_told(tmp_path: Path, tokenizer: Tokenizer) -> None:
    with pytest.raises(RunError, match="holds no CTranslate2 model") as e:
        CTranslate2Engine(tmp_path / "run" / "ctranslate2", tokenizer, "cpu")
    assert e.value.hint == f"Run: nmt export --run {tmp_path / 'run'}"


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.src.model"])
def test_a_flipped_bit_of_an_export_is_told(tmp_path: Path, tokenizer: Tokenizer, name: str) -> None:
    model = Transformer(ModelSection.model_validate(SHAPE), tokenizer.src_vocab_size, tokenizer.tgt_vocab_size).eval()
    folder = tmp_path / "ctranslate2"
    export(model, tokenizer, folder)
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(RunError) as e:
        CTranslate2Engine(folder, tokenizer, "cpu")
    assert e.value.message == f"{folder / name} is damaged: its checksum is not the one written with it."
    (folder / name).unlink()
    with pytest.raises(RunError):
        CTranslate2Engine(folder, tokenizer, "cpu")
