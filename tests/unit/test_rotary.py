"""Rotary positions: attention sees how far apart two tokens are."""

import pytest
import torch

from nmt.model.attention import SelfAttention
from nmt.model.rotary import Rotary, turn
from nmt.recipe import ModelSection


def test_products_depend_on_the_distance_alone():
    torch.manual_seed(0)
    angles, q, k = Rotary(8).first(40, torch.empty(0)), torch.randn(8), torch.randn(8)
    products = turn(q.expand(40, 8), angles) @ turn(k.expand(40, 8), angles).T
    for distance in (-7, 0, 3):
        along = products.diagonal(distance)
        torch.testing.assert_close(along, along[:1].expand_as(along))
    assert abs(products[0, 0] - products[0, 3]) > 1e-3
    torch.testing.assert_close(products[0, 0], q @ k)


def test_each_pair_of_dimensions_is_turned_by_its_angle():
    """As complex numbers: dimensions i and i + K/2 are one number, times exp(i · position / 10000^(2i/K))."""
    x = torch.randn(5, 6, dtype=torch.float64)
    turned = turn(x, Rotary(6).first(5, x))
    rate = 10000.0 ** (-torch.arange(0, 6, 2, dtype=torch.float64) / 6)
    angle = torch.arange(5, dtype=torch.float64)[:, None] * rate
    expected = torch.complex(x[:, :3], x[:, 3:]) * torch.polar(torch.ones_like(angle), angle)
    torch.testing.assert_close(turned, torch.cat([expected.real, expected.imag], 1), rtol=1e-6, atol=1e-6)


def test_gradients():
    x = torch.randn(2, 3, 6, dtype=torch.float64, requires_grad=True)
    angles = Rotary(6).first(3, x)
    assert torch.autograd.gradcheck(lambda x: turn(x, angles), (x,))


def test_positions_that_are_named_are_those_that_are_counted():
    rotary, like = Rotary(6), torch.empty(0)
    first = rotary.first(300, like)
    places = torch.tensor([[4, 299], [0, 7]])
    assert torch.equal(rotary.at(places, like), first[:, places])
    assert torch.equal(rotary.at(299, like), first[:, 299])


def test_training_goes_on_after_inference():
    attention = SelfAttention(ModelSection(d_model=16, num_heads=2, positions="rotary"), 0)
    x = torch.randn(1, 5, 16)
    with torch.inference_mode():
        attention.project(x)
    attention(*attention.project(x), None).sum().backward()
    assert attention.qkv.weight.grad is not None


def test_what_is_seen_moves_along():
    """The same tokens further to the right are attended to alike."""
    torch.manual_seed(0)
    attention = SelfAttention(ModelSection(d_model=16, num_heads=2, positions="rotary"), 0)
    x = torch.randn(1, 5, 16)
    here = attention(*attention.project(x), None)
    there = attention(*attention.project(x, torch.arange(30, 35)[None]), None)
    torch.testing.assert_close(here, there, rtol=1e-4, atol=1e-5)


def test_heads_have_even_width():
    with pytest.raises(ValueError, match="`positions: rotary` needs heads of even width, not 3"):
        ModelSection(d_model=12, num_heads=4, positions="rotary")
