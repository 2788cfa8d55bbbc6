import threading

import pytest
import torch

from nmt.train.replicas import MIN_SHARE, Replicas, choose_replicas
from nmt.train.weights import FlatWeights


@pytest.fixture
def flat(toy_recipe):
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 3)

    def make(dtype=torch.float32):
        twin = torch.nn.Linear(4, 3)
        twin.load_state_dict(model.state_dict())
        return twin, FlatWeights(twin, toy_recipe().train, dtype)

    return make


def loss_of(model, x):
    out = (model(x.to(model.weight.dtype)) ** 2).sum()
    out.backward()
    return float(out.detach())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("count", [2, 3])
def test_replicas_give_the_gradients_and_results_of_one_model(flat, dtype, count):
    parts = [torch.randn(5, 4) for _ in range(7)]
    outcomes = []
    for n in (1, count):
        model, weights = flat(dtype)
        replicas = Replicas(model, weights, n, n)
        for _ in range(2):
            results = replicas.run(parts, loss_of)
            grad = weights.grad.clone()
            weights.update(0.1, 10, 1)
        outcomes.append((results, grad, weights.master.clone()))
    torch.testing.assert_close(outcomes[0], outcomes[1], rtol=2e-2 if dtype == torch.bfloat16 else 1e-5, atol=1e-4)


def test_an_error_in_any_replica_comes_out_once_all_have_ended(flat):
    model, weights = flat()
    replicas = Replicas(model, weights, 2, 2)
    done = threading.Event()

    def work(_, part):
        if part == failing:
            raise ValueError(f"part {part}")
        done.wait(0.2)
        done.set()

    for failing in (0, 1):  # on the main thread, and on another
        done.clear()
        with pytest.raises(ValueError, match=f"part {failing}"):
            replicas.run([0, 1], work)
        assert done.is_set()


def test_the_number_of_threads_is_what_it_was_before(flat):
    model, weights = flat()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    seen = []
    Replicas(model, weights, 2, 2).run([0, 1], lambda *_: seen.append(torch.get_num_threads()))
    assert seen == [1, 1]
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_there_are_as_many_replicas_as_have_enough_to_do(toy_recipe):
    cpu = torch.device("cpu")

    def choose(threads, tokens, processes=1, **keys):
        return choose_replicas(toy_recipe(train__batch_tokens=tokens, **keys).train, cpu, threads, processes)

    assert choose(2, 4096) == 2
    assert choose(2, 4096, processes=8) == 1
    assert choose(2, 2 * MIN_SHARE - 1) == 1
    assert choose(16, 4096) == 8
    assert choose(6, 4096) == 6
    assert choose(2, 4096, train__compile=True) == 1
    section = toy_recipe(train__batch_tokens=4096).train
    assert choose_replicas(section, torch.device("cuda"), 16, 1) == 1
