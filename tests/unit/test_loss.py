import pytest
import torch

from nmt.train import loss as loss_module
from nmt.train.loss import smoothed_loss


def by_hand(hidden, weight, bias, target, smoothing):
    """The formula, a position at a time."""
    total = torch.zeros(())
    plain = torch.zeros(())
    for h, t in zip(hidden.flatten(0, -2), target.flatten(), strict=True):
        if t == 0:
            continue
        log_probs = torch.log_softmax(weight @ h + bias, 0)
        wanted = torch.full_like(log_probs, smoothing / len(log_probs))
        wanted[t] += 1 - smoothing
        total = total - (wanted * log_probs).sum()
        plain = plain - log_probs[t]
    return total, plain


@pytest.fixture
def case():
    torch.manual_seed(0)
    hidden = torch.randn(3, 5, 8, requires_grad=True)
    weight, bias = torch.randn(11, 8, requires_grad=True), torch.randn(11, requires_grad=True)
    target = torch.randint(1, 11, (3, 5))
    target[1, 3:] = 0
    return hidden, weight, bias, target


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk_rows", [1, 4, 1000])
def test_values_and_gradients_are_the_hand_formula(case, smoothing, chunk_rows, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", chunk_rows * 11)
    hidden, weight, bias, target = case
    wanted, wanted_plain = by_hand(hidden, weight, bias, target, smoothing)
    gradients = torch.autograd.grad(wanted, [hidden, weight, bias])
    got, plain = smoothed_loss(hidden, weight, bias, target, smoothing)
    torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(plain, wanted_plain)
    for mine, theirs in zip(torch.autograd.grad(got, [hidden, weight, bias]), gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-5)


def test_the_gradient_scales_with_what_comes_from_above(case):
    hidden, weight, bias, target = case
    one = torch.autograd.grad(smoothed_loss(hidden, weight, bias, target, 0.1)[0], [hidden, weight])
    three = torch.autograd.grad(3 * smoothed_loss(hidden, weight, bias, target, 0.1)[0], [hidden, weight])
    for a, b in zip(one, three, strict=True):
        torch.testing.assert_close(3 * a, b)


def test_a_sum_is_the_sum_of_its_splits(case):
    hidden, weight, bias, target = case
    whole = smoothed_loss(hidden, weight, bias, target, 0.1)[0]
    parts = sum(smoothed_loss(hidden[i : i + 1], weight, bias, target[i : i + 1], 0.1)[0] for i in range(3))
    torch.testing.assert_close(whole, parts)


def test_nothing_real_is_no_loss_and_no_gradient(case):
    hidden, weight, bias, target = case
    value, _ = smoothed_loss(hidden, weight, bias, torch.zeros_like(target), 0.1)
    value.backward()
    assert value == 0
    assert hidden.grad.abs().max() == 0


@pytest.mark.parametrize("chunk_rows", [1, 4, 1000])
@pytest.mark.parametrize("product_rows", [1, 6, 1000])
def test_bf16_comes_close_to_fp32(case, chunk_rows, product_rows, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS", chunk_rows * 11)
    monkeypatch.setattr(loss_module, "PRODUCT_ROWS", product_rows)
    hidden, weight, bias, target = case
    low = [t.detach().bfloat16().requires_grad_() for t in (hidden, weight, bias)]
    got, _ = smoothed_loss(*low, target, 0.1)
    wanted, _ = smoothed_loss(hidden, weight, bias, target, 0.1)
    torch.testing.assert_close(got, wanted, rtol=0.01, atol=0.1)
    got.backward()
    wanted.backward()
    for mine, theirs in zip(low, (hidden, weight, bias), strict=True):
        torch.testing.assert_close(mine.grad.float(), theirs.grad, rtol=0.05, atol=0.05)
