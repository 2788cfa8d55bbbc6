"""The slot for the feed-forward block: what it says of itself is so, and another filling needs no other edit."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nmt.decode.beam_engine import BeamEngine
from nmt.decode.engine import Sentence
from nmt.decode.export import export
from nmt.decode.scorer import ModelScorer
from nmt.errors import RunError
from nmt.model.attention import causal_bias
from nmt.model.experts import Experts
from nmt.model.feed_forward import ACTIVATIONS, FeedForward, Slot
from nmt.model.incremental import IncrementalDecoder
from nmt.model.kinds import matrix_blocks
from nmt.model.transformer import Transformer
from nmt.recipe import DecodeSection, ModelSection, TokenizerSection
from nmt.tokenizer import BOS_ID, EOS_ID, Tokenizer
from nmt.train.loss import smoothed_loss
from nmt.train.replicas import Replicas
from nmt.train.weights import FlatWeights

SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 2, "num_encoder_layers": 2, "num_decoder_layers": 2, "dropout": 0.1}


class Branches(Slot):
    """Two small networks, between which each position chooses softly."""

    def __init__(self, section):
        super().__init__()
        self.section = section
        self.choice = nn.Linear(section.d_model, 1)
        self.first = nn.Linear(section.d_model, 2 * section.d_ff)  # of both branches
        self.second = nn.ModuleList(nn.Linear(section.d_ff, section.d_model) for _ in range(2))

    def forward(self, x, real=None):
        p = self.choice(x).sigmoid()
        a, b = self.first(x).tanh().chunk(2, -1)
        return p * self.second[0](a) + (1 - p) * self.second[1](b)

    def matrices(self):
        return {"first.weight": 2, "second.0.weight": 1, "second.1.weight": 1}

    def kept_per_token(self):
        return 2 * self.section.d_ff + 2 * self.section.d_model + 2


@pytest.fixture
def branched():
    torch.manual_seed(0)
    section = ModelSection(**SHAPE)
    model = Transformer(section, 40, 40)
    for layer in (*model.encoder, *model.decoder):
        layer.feed_forward = Branches(section)
    return model


@pytest.fixture
def batch():
    torch.manual_seed(1)
    src = torch.randint(4, 40, (12, 7))
    src[::2, 5:] = 0
    tgt_out = torch.cat([src[:, :5].flip(1), torch.full((12, 1), EOS_ID)], 1)  # what can be learned
    tgt_in = torch.cat([torch.full((12, 1), BOS_ID), tgt_out[:, :-1]], 1)
    return src, src != 0, tgt_in, tgt_out


def numbers_kept(function, *given):
    """How many fp32 numbers the backward pass of function() needs, besides parameters and `given`."""
    known = {t.untyped_storage().data_ptr() for t in given}
    storages = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        if not isinstance(tensor, nn.Parameter) and storage.data_ptr() not in known:
            storages[storage.data_ptr()] = (storage.nbytes(), tensor)  # held, so that no other takes its place
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda t: t):
        kept = function()
    assert kept.requires_grad
    return sum(size for size, _ in storages.values()) / 4


@pytest.mark.parametrize("p", [0.0, 0.3])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_block_keeps_as_many_numbers_as_it_says(activation, p):
    block = FeedForward(ModelSection(**SHAPE, activation=activation, activation_dropout=p))
    x = torch.randn(50, 32, requires_grad=True)
    weights = [p.t() for p in block.parameters() if p.dim() == 2]
    assert numbers_kept(lambda: block(x), x, *weights) == 50 * block.kept_per_token()


@pytest.mark.parametrize("experts", [None, {"number": 2}], ids=["dense", "experts"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_dropout_is_between_the_projections_and_in_training_alone(activation, experts):
    """With a first projection that gives ones, and a second that sums, a result says which share was kept."""
    section = ModelSection(
        d_model=2, d_ff=4096, num_heads=1, activation=activation, activation_dropout=0.25, experts=experts
    )
    block = FeedForward(section) if experts is None else Experts(section)
    inner, outer, inner_bias = (
        (block.inner, block.outer, block.inner_bias) if experts else
        (block.inner.weight, block.outer.weight, block.inner.bias)
    )  # fmt: skip
    nn.init.zeros_(inner), nn.init.ones_(inner_bias), nn.init.ones_(outer)
    x = torch.zeros(50, 2)
    whole = block.eval()(x)
    some = block.train()(x) / whole
    assert torch.equal(block.eval()(x), whole)
    assert some.mean().item() == pytest.approx(1, abs=0.01)
    # Of 4,096 elements, each 0 or 4/3, the mean has a standard deviation of 0.009
    assert 0.006 < some[:, 0].std().item() < 0.013


def test_dropout_of_0_is_the_block_as_it_was():
    torch.manual_seed(0)
    block, x = FeedForward(ModelSection(**SHAPE)).train(), torch.randn(5, 32)
    weights = block.inner.weight, block.inner.bias, block.outer.weight, block.outer.bias
    assert torch.equal(block(x), F.linear(F.linear(x, *weights[:2]).relu(), *weights[2:]))


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_a_layer_keeps_about_as_many_numbers_as_it_says(norm):
    model = Transformer(ModelSection(**SHAPE, norm=norm), 40, 40).train()
    x, memory = (torch.randn(6, 16, 32, requires_grad=True) for _ in range(2))
    weights = [p.t() for p in model.parameters() if p.dim() == 2]
    bias = causal_bias(x)
    encoder, decoder = model.encoder[0], model.decoder[0]
    cross = decoder.cross_attention.project_kv
    kept = numbers_kept(lambda: encoder(x, None, None), *weights) / x[..., 0].numel()
    assert kept == pytest.approx(encoder.kept_per_token(), rel=0.1)
    kept = numbers_kept(lambda: decoder(x, bias, cross(memory), None, None), memory, *weights) / x[..., 0].numel()
    assert kept == pytest.approx(decoder.kept_per_token(), rel=0.1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_decoding_calls_the_same_arithmetic(activation):
    block = FeedForward(ModelSection(**SHAPE, activation=activation))
    x = torch.randn(2, 3, 32)
    expected = block.outer(ACTIVATIONS[activation](block.inner(x)))
    assert torch.equal(block(x), expected)
    assert torch.equal(block.function()(x), expected)


def test_another_filling_trains(branched, batch, toy_recipe):
    src, mask, tgt_in, tgt_out = batch
    weights = FlatWeights(branched, toy_recipe().train, torch.float32, matrix_blocks(branched))
    choices = [name for name, _ in branched.named_parameters() if ".choice." in name]
    momentum = {name.removeprefix("momentum.") for name in weights.state() if name.startswith("momentum.")}
    assert len(choices) == 2 * 4
    assert momentum == set(matrix_blocks(branched))
    assert not momentum.intersection(choices)
    assert (2 * 4, 48, 32) in weights.muon.shapes  # both halves of `first` in four layers

    def work(model, rows):
        hidden = model.train()(src[rows], mask[rows], tgt_in[rows])
        loss, _ = smoothed_loss(hidden, model.output.weight, model.output.bias, tgt_out[rows], 0.0)
        loss.backward()
        return loss.item()

    replicas = Replicas(branched, weights, 2, 2)
    losses = []
    for step in range(1, 31):
        losses.append(sum(replicas.run([slice(0, 6), slice(6, 12)], work)) / tgt_out.numel())
        assert weights.update(5e-3, tgt_out.numel(), step).isfinite()
    assert losses[-1] < losses[0] / 2


def test_another_filling_decodes(branched, batch):
    src, mask, tgt_in, _ = batch
    branched.eval()
    full = branched.output(branched(src, mask, tgt_in))
    decoder = IncrementalDecoder(branched)
    with torch.inference_mode():
        state = decoder.start(branched.encode(src, mask), mask)
        for t in range(tgt_in.size(1)):
            step = decoder.step(tgt_in[:, t : t + 1], state)[:, 0]
            torch.testing.assert_close(step, full[:, t], atol=2e-5, rtol=1e-4)
    engine = BeamEngine(ModelScorer(branched), torch.device("cpu"), [""] * 40)
    [[[found]]] = engine.search([[Sentence([5, 6, 7])]], DecodeSection(beam_size=3), 1)
    assert found.tokens


def test_another_filling_has_its_memory_counted(branched):
    usual = Transformer(ModelSection(**SHAPE), 40, 40)
    assert branched.kept_per_token() - usual.kept_per_token() == 4 * (2 * 48 + 2 * 32 + 2 - 48)


def test_another_filling_is_refused_by_name_where_there_is_no_counterpart(branched, tmp_path):
    pytest.importorskip("ctranslate2")
    lines = [b"one two three", b"\xc3\xa9t\xc3\xa9 four five six seven eight nine ten"] * 50
    tokenizer = Tokenizer.train(lambda *_: [("src", lines)], TokenizerSection(vocab_size=300))
    with pytest.raises(RunError) as refused:
        export(branched, tokenizer, tmp_path / "ctranslate2")
    assert refused.value.message == "CTranslate2 has no counterpart of this model's feed-forward blocks (Branches)."
    assert list(tmp_path.iterdir()) == []
