import pytest
import torch

from nmt.train import loss as loss_module
from nmt.train.loss import Mixture, pair_loss, smoothed_loss


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


# --- two passes ------------------------------------------------------------------------------------------------------

RDROP, SIMCUT = Mixture((0.5, 0.5), (0.5, 0.5), 2.5), Mixture((1.0, 0.0), (1.0, 0.0), 3.0)
LOPSIDED = Mixture((0.3, 0.6), (0.2, 0.9), 1.7)  # every term weighs something else


def pair_by_hand(hidden, weight, bias, target, smoothing, mixture):
    """The definition, for autograd to differentiate."""
    real = target != 0
    logs = [torch.log_softmax(h[real] @ weight.t() + bias, -1) for h in hidden]
    wanted = torch.full_like(logs[0], smoothing / weight.size(0))
    wanted.scatter_add_(1, target[real][:, None], torch.full_like(wanted[:, :1], 1 - smoothing))
    first, second = logs
    kl = [(a.exp() * (a - b)).sum() for a, b in ((first, second), (second, first))]
    divergence = sum(share * one for share, one in zip(mixture.divergence, kl, strict=True))
    cross = [-(wanted * log).sum() for log in logs]
    plain = [-log.gather(1, target[real][:, None]).sum() for log in logs]
    mixed, mixed_plain = (
        sum(c * x for c, x in zip(mixture.cross_entropy, each, strict=True)) for each in (cross, plain)
    )
    return mixed + mixture.weight * divergence, mixed_plain, divergence


@pytest.fixture
def pair(case):
    _, weight, bias, target = case
    torch.manual_seed(1)
    hidden = torch.randn(2, 3, 5, 8, dtype=torch.float64, requires_grad=True)
    return hidden, *(t.detach().double().requires_grad_() for t in (weight, bias)), target


@pytest.mark.parametrize("mixture", [RDROP, SIMCUT, LOPSIDED], ids=["rdrop", "simcut", "lopsided"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("chunk_rows", [1, 4, 1000])
def test_two_passes_are_the_hand_formula_in_fp64(pair, mixture, smoothing, chunk_rows, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS_PAIR", chunk_rows * 2 * 11)
    wanted = pair_by_hand(*pair, smoothing, mixture)
    got = pair_loss(*pair, smoothing, mixture)
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)
    gradients = [torch.autograd.grad(values[0], pair[:3]) for values in (got, wanted)]
    for mine, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-12, rtol=1e-12)
    assert not any(reported.requires_grad for reported in got[1:])


def test_two_passes_pass_gradcheck(pair):
    *inputs, target = pair
    assert torch.autograd.gradcheck(lambda *x: pair_loss(*x, target, 0.1, LOPSIDED)[0], inputs)


@pytest.mark.parametrize("mixture", [RDROP, SIMCUT], ids=["rdrop", "simcut"])
def test_passes_that_agree_have_the_plain_loss_and_its_gradient(pair, mixture):
    hidden, weight, bias, target = pair
    single = hidden[0].detach().requires_grad_()
    plain_loss, plain = smoothed_loss(single, weight, bias, target, 0.1)
    both = torch.stack([single, single])
    loss, nll, divergence = pair_loss(both, weight, bias, target, 0.1, mixture)
    assert divergence == 0
    torch.testing.assert_close(torch.stack([loss, nll]), torch.stack([plain_loss, plain]))
    leaves = [single, weight, bias]
    for mine, theirs in zip(torch.autograd.grad(loss, leaves), torch.autograd.grad(plain_loss, leaves), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-6, rtol=1e-6)


def test_two_passes_over_a_whole_are_the_sum_of_their_splits(pair):
    hidden, weight, bias, target = pair
    whole = torch.stack(pair_loss(hidden, weight, bias, target, 0.1, RDROP))
    parts = sum(
        torch.stack(pair_loss(hidden[:, i : i + 1], weight, bias, target[i : i + 1], 0.1, RDROP)) for i in range(3)
    )
    torch.testing.assert_close(whole, parts)


def test_two_passes_over_nothing_real_are_no_loss_and_no_gradient(pair):
    hidden, weight, bias, target = pair
    found = pair_loss(hidden, weight, bias, torch.zeros_like(target), 0.1, SIMCUT)
    found[0].backward()
    assert [value.item() for value in found] == [0, 0, 0]
    assert hidden.grad.abs().max() == 0


@pytest.mark.parametrize("chunk_rows", [2, 1000])
@pytest.mark.parametrize("product_rows", [1, 6, 1000])
def test_two_passes_in_bf16_are_compared_in_fp32(pair, chunk_rows, product_rows, monkeypatch):
    monkeypatch.setattr(loss_module, "CHUNK_ELEMENTS_PAIR", chunk_rows * 2 * 11)
    monkeypatch.setattr(loss_module, "PRODUCT_ROWS", product_rows)
    *inputs, target = pair
    low = [t.detach().bfloat16().requires_grad_() for t in inputs]
    got, wanted = pair_loss(*low, target, 0.1, RDROP), pair_loss(*inputs, target, 0.1, RDROP)
    assert {value.dtype for value in got} == {torch.float32}
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine.double(), theirs, rtol=0.02, atol=0.2)
    got[0].backward()
    wanted[0].backward()
    for mine, theirs in zip(low, inputs, strict=True):
        torch.testing.assert_close(mine.grad.double(), theirs.grad, rtol=0.05, atol=0.1)
