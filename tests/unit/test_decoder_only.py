"""A decoder alone: one row of source, `<s>` and target, behind the calls of the Transformer."""

import pytest
import torch

from nmt.decode.beam import Search, beam_search
from nmt.decode.constrained import constrained_search
from nmt.decode.engine import Pair
from nmt.decode.forced import force
from nmt.decode.rules import Rules
from nmt.decode.sampling import noise_of, sample
from nmt.decode.scorer import EnsembleScorer, ModelScorer
from nmt.model.decoder_only import DecoderOnly
from nmt.model.incremental import IncrementalDecoder
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.tokenizer import BOS_ID, EOS_ID, PAD_ID

SHAPE = {"d_model": 32, "d_ff": 48, "num_heads": 4, "num_decoder_layers": 2, "dropout": 0.0}
VARIANTS = [
    {"prefix": "visible"},
    {"prefix": "causal"},
    {"prefix": "visible", "norm": "post", "tie_embeddings": "none"},
    {"prefix": "causal", "activation": "swiglu"},
    {"prefix": "visible", "positions": "rotary"},
    {"prefix": "visible", "positions": "mixed"},
]
CLOSE = {"atol": 2e-5, "rtol": 1e-4}


def made(**keys):
    torch.manual_seed(0)
    return DecoderOnly(ModelSection(kind="decoder", **(SHAPE | keys)), 50).eval()


@pytest.fixture(params=VARIANTS, ids=lambda v: "-".join(v.values()))
def model(request):
    return made(**request.param)


@pytest.fixture
def batch():
    src = torch.tensor([[5, 6, 7, 3], [8, 3, 0, 0], [9, 10, 3, 0], [3, 0, 0, 0]])
    tgt = torch.tensor([[2, 11, 12, 13, 14], [2, 15, 16, 17, 18], [2, 19, 20, 21, 22], [2, 23, 24, 25, 26]])
    return src, src != PAD_ID, tgt


def test_nothing_depends_on_padding_or_neighbours(model, batch):
    src, mask, tgt = batch
    together = model(src, mask, tgt)
    for i, length in enumerate(mask.sum(1).tolist()):
        alone = model(src[i : i + 1, :length], None, tgt[i : i + 1])
        torch.testing.assert_close(alone[0], together[i], **CLOSE)
    torch.testing.assert_close(model(torch.where(mask, src, 33), mask, tgt), together)


def test_no_position_sees_the_future(model, batch):
    src, mask, tgt = batch
    other = tgt.clone()
    other[:, 3:] = 40
    torch.testing.assert_close(model(src, mask, tgt)[:, :3], model(src, mask, other)[:, :3])


@pytest.mark.parametrize("prefix", ["visible", "causal"])
def test_source_positions_see_what_the_prefix_says(prefix):
    model, src = made(prefix=prefix), torch.tensor([[5, 6, 7, 3]])
    other = torch.tensor([[5, 6, 9, 3]])
    memory, changed = model.encode(src, None), model.encode(other, None)  # (L,2,B,H,P,K)
    before = slice(0, 2)
    same = torch.allclose(memory[1][..., before, :], changed[1][..., before, :])
    assert same == (prefix == "causal")
    assert torch.equal(memory[0][..., before, :], changed[0][..., before, :])  # the first layer's are of each token
    assert not torch.allclose(memory[1][..., 2, :], changed[1][..., 2, :])


def test_a_visible_and_a_causal_prefix_differ(batch):
    src, mask, tgt = batch
    visible, causal = made(prefix="visible"), made(prefix="causal")
    causal.load_state_dict(visible.state_dict())
    differs = (visible(src, mask, tgt) - causal(src, mask, tgt)).abs().amax((1, 2))
    assert (differs[[0, 2]] > 1e-3).all()
    assert (differs[[1, 3]] < 1e-6).all()  # of a source of one token, and of none, both see the same


def test_incremental_decoding_is_the_full_forward(model, batch):
    src, mask, tgt = batch
    full = model.output(model(src, mask, tgt))
    decoder = IncrementalDecoder(model)
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        for t in range(tgt.size(1)):
            torch.testing.assert_close(decoder.step(tgt[:, t : t + 1], state)[:, 0], full[:, t], **CLOSE)


@pytest.mark.parametrize("padded", [True, False])
def test_decoding_forgets_only_what_no_hypothesis_sees(batch, padded):
    model = made(prefix="visible")
    src, mask, _ = batch
    if not padded:
        src, mask = torch.tensor([[5, 6, 7, 3]] * 4), None
    decoder, hypotheses, steps = IncrementalDecoder(model), 4, 60
    with torch.inference_mode():
        state = decoder.start(model.encode(src, mask), mask)
        state.seen = []
        rows = torch.full((4, 1, 1), 2)  # (B,k,t) what the hypotheses are
        for t in range(steps):
            decoder.step(rows[:, :, -1], state)
            parents = torch.randint(0, rows.size(1), (len(rows), hypotheses))
            kept = torch.tensor([0, 2, 3]) if t == 30 else torch.arange(len(rows))  # sentence 1 is done
            state.select(parents, kept if t == 30 else None)
            rows = rows.gather(1, parents[:, :, None].expand(-1, -1, t + 1))[kept]
            rows = torch.cat([rows, torch.randint(4, 50, (len(rows), hypotheses, 1))], 2)
        logits = decoder.step(rows[:, :, -1], state).flatten(0, 1)
        sentences = torch.tensor([0, 2, 3]).repeat_interleave(hypotheses)
        own = None if mask is None else mask[sentences]
        hidden, attention = model.with_attention(src[sentences], own, rows.flatten(0, 1))
        full = model.output(hidden)
    torch.testing.assert_close(logits, full[:, -1], **CLOSE)
    torch.testing.assert_close(torch.stack(state.seen).flatten(1, 2), attention[:, :, -1], **CLOSE)
    assert state.layers[0].past.size(3) < hypotheses * steps


def test_what_is_seen_of_the_source_sums_to_one(model, batch):
    src, mask, tgt = batch
    hidden, attention = model.with_attention(src, mask, tgt)
    assert torch.equal(hidden, model(src, mask, tgt))
    assert attention.shape == (2, *tgt.shape, src.size(1))
    torch.testing.assert_close(attention.sum(-1), torch.ones(attention.shape[:-1]))
    assert attention.masked_select(~mask[None, :, None]).abs().max() == 0
    assert (attention[:, 3, :, 0] == 1).all()  # an empty source: all is of the target


def test_without_a_source_it_is_a_decoder_without_cross_attention(batch):
    _, _, tgt = batch
    model = made(prefix="causal")
    section = ModelSection(**SHAPE, num_encoder_layers=1, tie_embeddings="target")
    other = Transformer(section, 50, 50).eval()
    found = other.load_state_dict(model.state_dict(), strict=False)
    assert found.unexpected_keys == []
    fresh = {name.split(".")[0] for name in found.missing_keys}
    assert fresh == {"src_embedding", "encoder", "encoder_norm", "decoder"}
    for layer in other.decoder:
        torch.nn.init.zeros_(layer.cross_attention.out.weight)
    src = torch.full((len(tgt), 1), EOS_ID)
    torch.testing.assert_close(model(src, None, tgt), other(src, None, tgt), **CLOSE)


# --- searches --------------------------------------------------------------------------------------------------------


def how(size, rule=None):
    return Search(BOS_ID, EOS_ID, (PAD_ID, 1, BOS_ID), beam_size=size, n_best=size, rule=rule)


def test_a_beams_log_prob_is_the_forced_score(model, batch):
    src, mask, _ = batch
    limits = torch.full((len(src),), 8)
    for scorer, models in ((ModelScorer(model), [model]), (EnsembleScorer([ModelScorer(model)] * 2), [model, model])):
        found = beam_search(scorer, src, mask, limits, how(3))
        for row, seen, hypotheses in zip(src, mask, found, strict=True):
            ids = row[seen][:-1].tolist()
            forced = force(models, [Pair(ids, h.tokens) for h in hypotheses])
            for h, one in zip(hypotheses, forced, strict=True):
                assert sum(one.log_probs) == pytest.approx(h.log_prob, abs=1e-3)


def test_searches_do_not_depend_on_the_batch(model, batch):
    src, mask, _ = batch
    limit = torch.tensor([8])
    rules = Rules(EOS_ID, [(30, 31)] * 4, [((40,),)] * 4, [3] * 4, 2)
    together = beam_search(ModelScorer(model), src, mask, limit.expand(4), how(3, rules))
    noise = [noise_of(row.tolist(), 1, 3, 8) for row in src]
    drawn = sample(ModelScorer(model), src, mask, limit.expand(4), how(3), noise)
    phrases = [((33, 34),)] * 4
    kept = constrained_search(ModelScorer(model), src, mask, limit.expand(4), how(3), phrases, [False] * 50)
    for i, length in enumerate(mask.sum(1).tolist()):
        alone = src[i : i + 1, :length], None, limit
        rule = Rules(EOS_ID, [(30, 31)], [((40,),)], [3], 2)
        for mine, others in (
            (beam_search(ModelScorer(model), *alone, how(3, rule)), together),
            (sample(ModelScorer(model), *alone, how(3), noise[i : i + 1]), drawn),
            (constrained_search(ModelScorer(model), *alone, how(3), phrases[:1], [False] * 50), kept),
        ):
            assert [h.tokens for h in mine[0]] == [h.tokens for h in others[i]]
        assert all(h.tokens[:2] == [30, 31] for h in together[i])


def test_the_coverage_penalty_reads_what_is_seen(model, batch):
    src, mask, _ = batch
    limits = torch.full((len(src),), 8)
    plain = beam_search(ModelScorer(model), src, mask, limits, how(3))
    less = beam_search(ModelScorer(model), src, mask, limits, Search(BOS_ID, EOS_ID, (0, 1, 2), 3, 3, 1.0, 0.5))
    assert all(a[0].score >= b[0].score for a, b in zip(plain, less, strict=True))
    assert [h.score for h in plain[3]] == [h.score for h in less[3]]  # an empty source: nothing can be missing
