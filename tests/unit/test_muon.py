import math

import pytest
import torch

from nmt.model.kinds import matrix_blocks
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.train.muon import MOMENTUM, Muon, orthogonalize
from nmt.train.weights import FlatWeights


@pytest.mark.parametrize("shape", [(3, 8, 8), (2, 16, 5), (2, 5, 16), (1, 64, 64)])
@pytest.mark.parametrize("condition", [1, 1e2, 1e4, 1e6])
def test_orthogonalize_levels_the_singular_values(shape, condition):
    torch.manual_seed(0)
    u, s, vh = torch.linalg.svd(torch.randn(shape), full_matrices=False)
    s = torch.logspace(0, -math.log10(condition), s.size(1)).expand_as(s)
    x = (u * s[:, None]) @ vh
    out = orthogonalize(x)
    assert out.shape == x.shape
    after = torch.linalg.svdvals(out)  # falling, as `s` is, but in an order of their own
    rounding = 0.003
    large = (s / x.norm(dim=(1, 2))[:, None] >= 0.0015).sum(1)
    for i, number in enumerate(large):
        levelled, left = after[i, :number], after[i, number:]
        assert 0.68 - rounding < levelled.min()
        assert levelled.max() < 1.203 + rounding
        assert (left <= 485 * s[i, number:] / x[i].norm() + rounding).all()


def test_orthogonalize_keeps_the_directions():
    torch.manual_seed(0)
    x = torch.randn(3, 16, 5)
    u, _, vh = torch.linalg.svd(x, full_matrices=False)
    out = u.mT @ orthogonalize(x) @ vh.mT
    off = out - torch.diag_embed(torch.linalg.diagonal(out))
    assert off.abs().max() < 1e-4


def test_orthogonalize_of_nothing_is_nothing():
    assert torch.equal(orthogonalize(torch.zeros(1, 4, 3)), torch.zeros(1, 4, 3))


def test_a_step_is_the_formula_for_each_matrix_alone():
    torch.manual_seed(0)
    weights, grad = torch.randn(2 * 12 + 20), torch.randn(2 * 12 + 20)
    muon = Muon(weights.clone(), grad, [(2, 3, 4), (1, 5, 4)], 0.1, torch.float32)
    momentum = torch.zeros_like(grad)
    expected = weights.clone()
    for _ in range(3):
        muon.step(0.01, torch.tensor(True))
        momentum = MOMENTUM * momentum + (1 - MOMENTUM) * grad
        direction = (1 - MOMENTUM) * grad + MOMENTUM * momentum
        for begin, rows in ((0, 3), (12, 3), (24, 5)):
            part = slice(begin, begin + rows * 4)
            update = orthogonalize(direction[part].view(1, rows, 4)).flatten()
            expected[part] = expected[part] * (1 - 0.01 * 0.1) - 0.01 * 0.2 * max(rows, 4) ** 0.5 * update
    torch.testing.assert_close(muon.weights, expected)


@pytest.mark.parametrize("activation", ["relu", "swiglu"])
def test_fused_projections_are_cut_into_their_maps_and_embeddings_are_left_to_adamw(toy_recipe, activation):
    section = ModelSection(
        d_model=16, d_ff=24, num_heads=2, num_encoder_layers=1, num_decoder_layers=1, activation=activation
    )
    model = Transformer(section, 40, 40)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    weights = FlatWeights(model, toy_recipe().train, torch.float32, matrix_blocks(model))
    for name, p in model.named_parameters():
        assert torch.equal(p, before[name]), name
    square = 3 + 1 + (3 + 1) + (1 + 2 + 1)  # self-attention of both layers, cross-attention
    gates = 2 if activation == "swiglu" else 1
    assert sorted(weights.muon.shapes) == sorted([(square, 16, 16), (2 * gates, 24, 16), (2, 16, 24)])
    momentum = {name for name in weights.state() if name.startswith("momentum.")}
    assert len(momentum) == len(matrix_blocks(model))
    assert not any("tokens" in name or "norm" in name or "bias" in name for name in momentum)
