import math

import pytest
import torch
from torch.nn import functional as F

from nmt.model.attention import attention
from nmt.model.dropout import dropout, dropout_add, dropout_mask, dropped, seed_dropout
from nmt.model.embedding import sinusoids
from nmt.model.incremental import IncrementalDecoder
from nmt.model.transformer import Transformer
from nmt.recipe import PRESETS, ModelSection

SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 4, "num_encoder_layers": 2, "num_decoder_layers": 2, "dropout": 0.0}
VARIANTS = [
    {},
    {"norm": "post"},
    {"activation": "gelu", "positions": "learned"},
    {"activation": "swiglu", "tie_embeddings": "target"},
    {"positions": "rotary"},
    {"positions": "mixed"},
    {"tie_embeddings": "none", "num_encoder_layers": 3, "num_decoder_layers": 1},
]


@pytest.fixture(params=VARIANTS, ids=lambda v: "-".join(map(str, v.values())) or "default")
def model(request):
    torch.manual_seed(0)
    return Transformer(ModelSection(**(SHAPE | request.param)), 50, 50).eval()


@pytest.fixture
def batch():
    src = torch.tensor([[5, 6, 7, 3], [8, 3, 0, 0], [9, 10, 3, 0]])
    tgt = torch.tensor([[2, 11, 12, 13, 14], [2, 15, 16, 17, 18], [2, 19, 20, 21, 22]])
    return src, src != 0, tgt


def test_attention_is_the_naive_formula():
    torch.manual_seed(0)
    q, k, v = torch.randn(2, 3, 5, 8), torch.randn(2, 3, 7, 8), torch.randn(2, 3, 7, 8)
    visible = torch.rand(2, 1, 5, 7) > 0.3
    visible[..., 0] = True
    out = attention(q, k, v, torch.zeros(2, 1, 5, 7).masked_fill(~visible, float("-inf")))
    for b in range(2):
        for h in range(3):
            for t in range(5):
                seen = visible[b, 0, t]
                weights = torch.softmax(k[b, h, seen] @ q[b, h, t] / math.sqrt(8), 0)
                torch.testing.assert_close(out[b, h, t], weights @ v[b, h, seen])


def test_masked_source_positions_have_no_influence_and_no_gradient(model, batch):
    src, mask, tgt = batch
    changed = torch.where(mask, src, 33)
    torch.testing.assert_close(model(src, mask, tgt), model(changed, mask, tgt))
    embedded = model.src_embedding(src).detach().requires_grad_()
    model.src_embedding.forward = lambda ids: embedded
    model(src, mask, tgt).sum().backward()
    assert embedded.grad[~mask].abs().max() == 0
    assert embedded.grad[mask].abs().max() > 0


def test_no_position_sees_the_future(model, batch):
    src, mask, tgt = batch
    other = tgt.clone()
    other[:, 3:] = 40
    torch.testing.assert_close(model(src, mask, tgt)[:, :3], model(src, mask, other)[:, :3])


def test_incremental_decoding_is_the_full_forward(model, batch):
    src, mask, tgt = batch
    full = model.output(model(src, mask, tgt))
    decoder = IncrementalDecoder(model)
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        for t in range(tgt.size(1)):
            torch.testing.assert_close(decoder.step(tgt[:, t : t + 1], state)[:, 0], full[:, t], atol=2e-5, rtol=1e-4)


def test_incremental_decoding_is_the_full_forward_after_select(model, batch):
    src, mask, tgt = batch
    decoder = IncrementalDecoder(model)
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        decoder.step(tgt[:, :1], state)
        state.select(torch.tensor([[0, 0]] * 3))  # two hypotheses a sentence
        decoder.step(torch.tensor([[11, 30], [15, 31], [19, 32]]), state)
        state.select(torch.tensor([[1, 0]] * 3), torch.tensor([0, 2]))  # swapped, and sentence 1 is done
        logits = decoder.step(torch.tensor([[12, 12], [20, 20]]), state).flatten(0, 1)
        rows = torch.tensor([[2, 30, 12], [2, 11, 12], [2, 32, 20], [2, 19, 20]])
        sentences = torch.tensor([0, 0, 2, 2])
        full = model.output(model(src[sentences], mask[sentences], rows))
    torch.testing.assert_close(logits, full[:, -1], atol=2e-5, rtol=1e-4)


def test_incremental_decoding_forgets_only_what_no_hypothesis_sees(batch):
    torch.manual_seed(0)
    model = Transformer(ModelSection(**SHAPE), 50, 50).eval()
    src, mask, _ = batch
    decoder, hypotheses, steps = IncrementalDecoder(model), 4, 120
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        rows = torch.full((3, 1, 1), 2)  # (B,k,t) what the hypotheses are
        for t in range(steps):
            decoder.step(rows[:, :, -1], state)
            parents = torch.randint(0, rows.size(1), (len(rows), hypotheses))
            kept = torch.tensor([0, 2]) if t == 70 else torch.arange(len(rows))  # sentence 1 is done
            state.select(parents, kept if t == 70 else None)
            rows = rows.gather(1, parents[:, :, None].expand(-1, -1, t + 1))[kept]
            rows = torch.cat([rows, torch.randint(4, 50, (len(rows), hypotheses, 1))], 2)
        logits = decoder.step(rows[:, :, -1], state).flatten(0, 1)
        sentences = torch.tensor([0, 2]).repeat_interleave(hypotheses)
        full = model.output(model(src[sentences], mask[sentences], rows.flatten(0, 1)))
    torch.testing.assert_close(logits, full[:, -1], atol=2e-5, rtol=1e-4)
    assert state.layers[0].past.size(3) < hypotheses * steps


def test_output_does_not_depend_on_padding_or_neighbours(model, batch):
    src, mask, tgt = batch
    alone = model(src[1:2, :2], None, tgt[1:2])
    torch.testing.assert_close(alone[0], model(src, mask, tgt)[1], atol=2e-5, rtol=1e-4)


def test_what_attention_saw_comes_with_the_same_hidden_states_and_is_what_each_step_sees(model, batch):
    src, mask, tgt = batch
    hidden, attention = model.with_attention(src, mask, tgt)
    assert torch.equal(hidden, model(src, mask, tgt))
    assert attention.shape == (len(model.decoder), *tgt.shape, src.size(1))
    torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))
    assert attention.masked_select(~mask[None, :, None]).abs().max() == 0
    decoder = IncrementalDecoder(model)
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        state.seen = []
        for t in range(tgt.size(1)):
            decoder.step(tgt[:, t : t + 1], state)
            torch.testing.assert_close(torch.stack(state.seen)[:, :, 0], attention[:, :, t], atol=2e-5, rtol=1e-4)


ATTENTION = {
    "self_attention": ["qkv.weight", "qkv.bias", "out.weight", "out.bias"],
    "cross_attention": ["q.weight", "q.bias", "kv.weight", "kv.bias", "out.weight", "out.bias"],
}
FEED_FORWARD = [
    "feed_forward.inner.weight",
    "feed_forward.inner.bias",
    "feed_forward.outer.weight",
    "feed_forward.outer.bias",
]


def layer_names(prefix, sublayers, residuals):
    names = [f"{kind}.{name}" for kind in sublayers for name in ATTENTION[kind]] + FEED_FORWARD
    names += [f"{kind}_residual.norm.{name}" for kind in residuals for name in ("weight", "bias")]
    return [f"{prefix}.{name}" for name in names]


def test_parameters_have_the_names_and_the_order_of_checkpoints():
    """Files hold them by name; their order decides how the sum of a gradient's norm is rounded."""
    section = ModelSection(
        **SHAPE | {"num_encoder_layers": 1, "num_decoder_layers": 1}, positions="learned", tie_embeddings="none"
    )
    assert [name for name, _ in Transformer(section, 50, 50).named_parameters()] == [
        *(f"{side}_embedding.{kind}.weight" for side in ("src", "tgt") for kind in ("tokens", "positions")),
        *layer_names("encoder.0", ["self_attention"], ["self", "ff"]),
        *layer_names("decoder.0", ["self_attention", "cross_attention"], ["self", "cross", "ff"]),
        *(f"{side}_norm.{name}" for side in ("encoder", "decoder") for name in ("weight", "bias")),
        "output.weight",
        "output.bias",
    ]  # fmt: skip


def test_learned_positions_say_where_they_end():
    model = Transformer(ModelSection(**SHAPE, positions="learned", max_positions=4), 50, 50)
    with pytest.raises(ValueError, match="5 tokens, but the model has learned 4 positions"):
        model.encode(torch.ones(1, 5, dtype=torch.int64), None)


def test_sinusoids_are_the_papers_formula():
    table = sinusoids(50, 16)
    for position, i in ((0, 0), (3, 1), (49, 7)):
        angle = position / 10000 ** (2 * i / 16)
        assert table[position, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-6)
        assert table[position, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-6)


@pytest.mark.parametrize(("tie", "matrices"), [("all", 1), ("target", 2), ("none", 3)])
def test_tied_embeddings_share_their_parameters(tie, matrices):
    model = Transformer(ModelSection(**SHAPE, tie_embeddings=tie), 50, 50)
    weights = [model.src_embedding.tokens.weight, model.tgt_embedding.tokens.weight, model.output.weight]
    assert len({id(w) for w in weights}) == matrices


def test_presets_have_the_sizes_of_the_literature():
    with torch.device("meta"):
        models = {p: Transformer(ModelSection(preset=p), 8000, 8000) for p in PRESETS}
    sizes = {p: sum(w.numel() for w in model.parameters()) for p, model in models.items()}
    assert 44e6 < sizes["base"] - 8000 * 512 < 45e6  # Vaswani et al. 2017, table 3: 65M with 37,000 pieces
    assert 175e6 < sizes["big"] - 8000 * 1024 < 177e6
    assert sizes["tiny"] < 2.5e6 < sizes["small"] < 8e6


def test_dropout_keeps_the_right_share_and_the_expectation():
    torch.manual_seed(0)
    mask = dropout_mask(torch.empty(1000, 333), 0.25)
    assert set(mask.unique().tolist()) == {0.0, 1.0}
    assert mask.mean().item() == pytest.approx(0.75, abs=0.005)
    # Rows and columns are independent of each other.
    assert mask.mean(0).std().item() == pytest.approx(math.sqrt(0.75 * 0.25 / 1000), rel=0.15)
    x, y = torch.zeros(1000, 333), torch.ones(1000, 333)
    assert dropout_add(x, y, 0.25).mean().item() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("p", [0.5, 0.1, 0.05, 0.003, 1 / 512, 0.001, 1e-4, 0.999])
def test_dropout_drops_as_it_says_whatever_the_probability(p):
    torch.manual_seed(0)
    size = 4_000_000
    share = 1 - dropout_mask(torch.empty(size), p).mean(dtype=torch.float64).item()
    assert share == pytest.approx(dropped(p), abs=5 * math.sqrt(dropped(p) / size))
    assert dropped(p) == pytest.approx(p, abs=1 / 256) and dropped(p) > 0
    for y in (dropout(torch.ones(size), p), dropout_add(torch.zeros(size), torch.ones(size), p)):
        assert y.count_nonzero() < size
        assert y.max() == pytest.approx(1 / (1 - dropped(p)))


def test_dropout_masks_are_those_that_runs_were_trained_with():
    """A resumed run goes on with the masks it would have had."""
    masks = {
        0.05: "1111101111111111111111111111",
        0.1: "1111011111111101111011111111",
        0.25: "0111111111111111111111110101",
    }
    seed_dropout(0, torch.device("cpu"))
    for p, mask in masks.items():
        assert "".join(str(int(kept)) for kept in dropout_mask(torch.empty(40), p)[: len(mask)]) == mask


def test_dropout_gradient_flows_where_values_did():
    torch.manual_seed(0)
    x, y = torch.randn(7, 5, requires_grad=True), torch.randn(7, 5, requires_grad=True)
    out = dropout_add(x, y, 0.5)
    out.sum().backward()
    assert torch.equal(x.grad, torch.ones(7, 5))
    torch.testing.assert_close(out, x + y * y.grad)
    assert set(y.grad.unique().tolist()) == {0.0, 2.0}


def test_dropout_zero_is_a_plain_sum():
    x, y = torch.randn(3, 3), torch.randn(3, 3)
    assert torch.equal(dropout_add(x, y, 0.0), x + y)


def test_the_fused_kernel_and_our_attention_agree():
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, 8) for _ in range(3))
    torch.testing.assert_close(attention(q, k, v, None), F.scaled_dot_product_attention(q, k, v))
