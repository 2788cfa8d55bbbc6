"""Kinds of model: what each is made of, and which objective each can learn."""

import pytest
import torch

from nmt.errors import RecipeError, RunError
from nmt.model.encoder_only import EncoderOnly
from nmt.model.kinds import build, matrix_blocks
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.recipe.defaults import parameters
from nmt.run.abilities import check_translates
from nmt.train.estimate import Size, size_of

SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 2, "num_encoder_layers": 3}


@pytest.fixture
def encoder():
    torch.manual_seed(1)
    return build(ModelSection(kind="encoder", **SHAPE), 300, 300).eval()


def test_a_kind_is_made_of_its_section(encoder):
    assert isinstance(encoder, EncoderOnly)
    assert isinstance(build(ModelSection(**SHAPE), 300, 400), Transformer)
    assert encoder.output.weight is encoder.src_embedding.tokens.weight
    assert {name.split(".")[0] for name in matrix_blocks(encoder)} == {"encoder"}


def test_an_encoder_is_that_of_a_translator(encoder):
    """The same parameters by the same names do the same."""
    translator = build(ModelSection(**SHAPE), 300, 300).eval()
    theirs = dict(translator.named_parameters())
    for name, parameter in encoder.named_parameters():
        if name in theirs:
            theirs[name].data.copy_(parameter)
    src = torch.randint(4, 300, (2, 5))
    mask = torch.tensor([[True] * 5, [True] * 3 + [False] * 2])
    assert torch.equal(encoder.encode(src, mask), translator.encode(src, mask))
    assert torch.equal(encoder(src, mask, None), translator.encode(src, mask))


def test_segments_and_pairs(encoder):
    src = torch.randint(4, 300, (2, 5))
    first = torch.zeros(2, 5, dtype=torch.int64)
    assert not torch.equal(encoder(src, None, first), encoder(src, None, 1 - first))
    assert encoder.pair_logits(encoder(src, None, first)).shape == (2, 2)


def test_the_size_of_an_encoder_has_no_decoder(encoder):
    section = encoder.section
    expected = Size(sum(p.numel() for p in encoder.parameters()), encoder.kept_per_token())
    assert size_of(section, [300, 300]) == expected
    assert section.layers == (3, 0)
    assert parameters(section, 300) == 3 * (4 * 32 * 32 + 2 * 32 * 48) + 300 * 32


def test_an_encoder_has_no_layers_of_a_decoder():
    with pytest.raises(ValueError, match="`kind: encoder` has no `num_decoder_layers`"):
        ModelSection(kind="encoder", num_decoder_layers=2)
    section = ModelSection(kind="encoder", preset="base")
    assert "num_decoder_layers" not in section.as_written()
    assert ModelSection(**section.as_written()) == section
    assert ModelSection(kind="encoder").changed({"preset": "tiny"}).num_encoder_layers == 4


ENCODER = {"kind": "encoder", **SHAPE}
TEXT = [{"text": "train.en", "lang": "en"}]
VALID = [{"text": "valid.en", "lang": "en"}]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"objective": "mlm"},
            "toy: `objective: mlm` is learned by an encoder: set `model.kind: encoder`.",
        ),
        (
            {"objective": "infill", "model": ENCODER},
            "toy: `objective: infill` is learned by an encoder_decoder: set `model.kind: encoder_decoder`.",
        ),
        (
            {"objective": "translate", "model": ENCODER},
            "toy: `data.train.0` is text of one language; say what is learned from it: `objective: mlm`.",
        ),
        (
            {"objective": "infill", "train__init_from": "runs/a", "train__guard": "runs/a"},
            "toy: `train.guard` scores translations, and what is trained does not translate.",
        ),
        (
            {"objective": {"kind": "mass", "permute_sentences": True}},
            "toy: `objective`: `kind: mass` has no `permute_sentences`; `infill` has.",
        ),
        (
            {"objective": {"kind": "infill", "pairs": "next"}},
            "toy: `objective`: `kind: infill` has no `pairs`; `mlm` has.",
        ),
        (
            {"objective": {"kind": "mlm", "span": 2.0}, "model": ENCODER},
            "toy: `objective`: `kind: mlm` has no `span`.",
        ),
        (
            {"objective": "mlm", "model": ENCODER, "data__train": {"source": "train.en", "target": "train.fr"}},
            "toy: `objective: mlm` is learned from text of one language, and `data.train` has none: give `text` and "
            "`lang`, or set `pairs: translation`.",
        ),
        (
            {"objective": {"kind": "mlm", "pairs": "translation"}, "model": ENCODER,
             "data__train": {"source": "train.en", "target": "train.fr"}},
            "toy: `data.valid` has no target, but what is trained learns pairs.",
        ),
    ],
)  # fmt: skip
def test_which_objective_goes_with_which_kind(toy_recipe, keys, message):
    plain = {"data__train": TEXT, "data__valid": VALID, "data__test": {}}
    with pytest.raises(RecipeError) as caught:
        toy_recipe(**plain | keys)
    assert str(caught.value.message) == message


def test_what_an_encoder_cannot_do(toy_recipe):
    plain = {"data__train": TEXT, "data__valid": VALID, "data__test": {}, "model": ENCODER}
    with pytest.raises(RunError) as caught:
        check_translates("runs/x", toy_recipe(**plain, objective="mlm"))
    assert str(caught.value) == (
        "runs/x is an encoder: it scores masked words, but cannot translate. Use it with `train.init_from`."
    )
    with pytest.raises(RunError) as caught:
        check_translates("runs/x", toy_recipe(**plain, objective={"kind": "mlm", "pairs": "next"}))
    assert str(caught.value) == (
        "runs/x is an encoder: it scores masked words and pairs, but cannot translate. Use it with `train.init_from`."
    )
