"""The seam between the trainer and what is learned: other losses, and terms that layers add, reach gradient and log."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nmt.data.batches import collate
from nmt.model.terms import add_term, collected_terms
from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.run import checkpoint as ckpt
from nmt.tokenizer import PAD_ID, RaggedIds
from nmt.train.loss import smoothed_loss
from nmt.train.objective import Loss, Write
from nmt.train.outcomes import Sums
from nmt.train.replicas import Replicas
from nmt.train.weights import FlatWeights
from tests.unit.test_trainer import SMOOTH, last_bytes, records, run

# --- a term of a layer -----------------------------------------------------------------------------------------------

WEIGHT = 0.3


class Layer(torch.nn.Module):
    """y = x Wᵀ, and a term of its own: the sum of squares of what goes in, times a gate that only the term trains."""

    def __init__(self, name="balance", weight=WEIGHT):
        super().__init__()
        self.linear, self.gate = torch.nn.Linear(4, 4), torch.nn.Parameter(torch.tensor(2.0))
        self.name, self.weight = name, weight

    def term(self, x):
        return (self.gate * x**2).sum()

    def forward(self, x):
        return add_term(self.linear(x), self.name, self.term(x), self.weight)


@pytest.fixture
def layers():
    torch.manual_seed(0)
    return torch.nn.Sequential(Layer(), torch.nn.ReLU(), Layer())


def by_hand(layers, x):
    """The loss with its terms written out, and the terms."""
    first, second = layers[0], layers[2]
    h = F.relu(first.linear(x))
    terms = first.term(x) + second.term(h)
    return (second.linear(h) ** 2).sum() + WEIGHT * terms, terms


def test_the_gradient_is_that_of_the_loss_with_the_terms(layers):
    x = torch.randn(7, 4, requires_grad=True)
    wanted, terms = by_hand(layers, x)
    gradients = torch.autograd.grad(wanted, [x, *layers.parameters()])
    with collected_terms() as found:
        (layers(x) ** 2).sum().backward()
    for mine, theirs in zip([x, *layers.parameters()], gradients, strict=True):
        torch.testing.assert_close(mine.grad, theirs)
    assert list(found) == ["balance"]
    torch.testing.assert_close(found["balance"], terms.detach())
    assert not found["balance"].requires_grad


def test_a_term_changes_nothing_in_the_output(layers):
    x = torch.randn(7, 4)
    with_terms = layers(x)
    for layer in (layers[0], layers[2]):
        layer.forward = layer.linear.forward
    assert torch.equal(with_terms, layers(x))


def test_a_frozen_layer_s_term_is_reported_and_trains_what_it_can(layers):
    for p in layers[0].parameters():
        p.requires_grad_(False)
    x = torch.randn(7, 4)
    with collected_terms() as found:
        (layers(x) ** 2).sum().backward()
    torch.testing.assert_close(found["balance"], layers[2].term(F.relu(layers[0].linear(x))).detach())
    assert layers[2].gate.grad is not None


def test_without_gradients_there_are_no_terms(layers):
    with torch.inference_mode(), collected_terms() as found:
        x = torch.randn(7, 4)
        y = layers(x)
        assert add_term(y, "balance", y.sum(), 1.0) is y
    assert found == {}


def test_a_term_in_bf16_is_summed_in_fp32(layers):
    low = layers.bfloat16()
    x = torch.ones(300, 4, dtype=torch.bfloat16)
    with collected_terms() as found:
        (low(x) ** 2).sum().backward()
    assert found["balance"].dtype == torch.float32
    assert low[0].gate.grad.dtype == torch.bfloat16


@pytest.mark.parametrize("count", [1, 2, 3])
def test_replicas_and_micro_batches_add_up_to_one_batch(toy_recipe, layers, count):
    whole = torch.randn(24, 4)
    wanted, terms = by_hand(layers, whole)
    names = [name for name, _ in layers.named_parameters()]
    gradients = dict(zip(names, torch.autograd.grad(wanted, list(layers.parameters())), strict=True))
    weights = FlatWeights(layers, toy_recipe().train, torch.float32)
    replicas = Replicas(layers, weights, count, count)

    def work(model, part):
        with collected_terms() as found:
            loss = (model(part) ** 2).sum()
            loss.backward()
        return {"loss": loss.detach(), **found}

    sums = by_name(replicas.run(list(whole.split(3)), work))
    assert sums["balance"] == pytest.approx(terms.item(), rel=1e-5)
    assert sums["loss"] + WEIGHT * sums["balance"] == pytest.approx(wanted.item(), rel=1e-5)
    for name, gradient in weights.owners.views(weights.grad).items():
        torch.testing.assert_close(gradient, gradients[name], rtol=1e-4, atol=1e-4)


def by_name(parts):
    sums = Sums.of(parts, torch.device("cpu"))
    return dict(zip(sums.names, sums.values.tolist(), strict=True))


def test_sums_have_the_names_of_all_micro_batches():
    parts = [{"loss": torch.tensor(1.0)}, {"loss": torch.tensor(2.0), "balance": torch.tensor(4.0)}]
    assert by_name(parts) == {"loss": 3.0, "balance": 4.0}
    assert by_name([]) == {}


# --- other objectives ------------------------------------------------------------------------------------------------


class WithTerm(Write):
    """Has a term as if the model's last layer added it: its outputs should be small."""

    def __init__(self, weight):
        super().__init__(0.1, ("bleu", "chrf"))
        self.weight = weight

    def loss(self, model, batch):
        hidden = model(batch.src, batch.src_mask, batch.tgt_in)
        hidden = add_term(hidden, "size", hidden[batch.tgt_out != PAD_ID].pow(2).sum(), self.weight)
        output = model.output
        smoothed, plain = smoothed_loss(hidden, output.weight, output.bias, batch.tgt_out, self.label_smoothing)
        return Loss(smoothed, {"nll": plain})


def test_a_term_reaches_the_log_and_is_the_same_however_an_update_is_cut(toy_recipe, tmp_path):
    masters, logs = [], []
    for most in (60, 1000):
        recipe = toy_recipe(**SMOOTH, train__max_tokens=most, train__runs_dir=str(tmp_path / str(most)))
        folder = run(recipe, objective=WithTerm(0.01))
        masters.append(ckpt.find_checkpoint(folder, "last").tensors("train.safetensors"))
        logs.append(records(folder, "step"))
    assert all(record["size"] > 0 for record in logs[0])
    assert [r["size"] for r in logs[0]] == pytest.approx([r["size"] for r in logs[1]], rel=1e-3)
    for name in masters[0]:
        if name.startswith("master."):
            torch.testing.assert_close(masters[0][name], masters[1][name], atol=2e-5, rtol=1e-3)


def test_a_term_of_weight_0_is_reported_and_changes_no_byte(toy_recipe, tmp_path):
    plain = run(toy_recipe(train__runs_dir=str(tmp_path / "plain")))
    weightless = run(toy_recipe(train__runs_dir=str(tmp_path / "weightless")), objective=WithTerm(0.0))
    assert last_bytes(plain) == last_bytes(weightless)
    assert "size" in records(weightless, "step")[0]
    assert "size" not in records(plain, "step")[0]


class Recall:
    """Learns the source from the source, knows no translation, and is judged by how many tokens it gets right."""

    text_metrics = ()

    def num_tokens(self, epoch, part):
        return int(epoch.sides.src.lengths[part].sum()) + len(part)

    def loss(self, model, batch):
        logits = model.output(model.encode(batch.src, batch.src_mask))
        real = batch.src != PAD_ID
        right = (logits.argmax(-1) == batch.src)[real].sum()
        total = F.cross_entropy(logits[real], batch.src[real], reduction="sum")
        return Loss(total, {"nll": total.detach(), "right": right})

    def judge(self, sums, num_tokens):
        return {"loss": sums["nll"] / num_tokens, "accuracy": sums["right"] / num_tokens}


def test_another_objective_needs_no_other_trainer(toy_recipe, capsys):
    untied = toy_recipe(model__tie_embeddings="none", train__metric="loss", train__max_steps=24)
    folder = run(untied, objective=Recall())
    first, *_, last = records(folder, "valid")
    assert last["accuracy"] > first["accuracy"]
    assert f"validation after step 24: loss {last['loss']:.4f}" in (said := capsys.readouterr().err)
    assert f" · accuracy {last['accuracy']:.2f} (best so far)" in said
    assert not {"bleu", "chrf"} & last.keys()
    assert records(folder, "samples") == []
    assert 0 < records(folder, "step")[-1]["right"] <= 1


def test_translation_s_loss_is_the_sum_over_its_batches():
    torch.manual_seed(0)
    section = ModelSection(d_model=16, d_ff=32, num_heads=2, num_encoder_layers=1, num_decoder_layers=1)
    model = Transformer(section, 9, 9)
    src, tgt = (RaggedIds.of([[4, 5, 6], [7], [8, 4]]) for _ in range(2))
    objective = Write(0.1, ("bleu", "chrf", "loss", "bleu"))
    assert objective.text_metrics == ("bleu", "chrf")
    whole, *parts = (
        objective.loss(model.eval(), collate(src, tgt, np.array(rows))) for rows in ([0, 1, 2], [0], [1], [2])
    )
    torch.testing.assert_close(whole.total, sum(part.total for part in parts))
    torch.testing.assert_close(whole.sums["nll"], sum(part.sums["nll"] for part in parts))
    assert objective.judge({"nll": 6.0}, 4) == {"loss": 1.5}
