import torch

from nmt.model.transformer import Transformer
from nmt.recipe import ModelSection
from nmt.train.estimate import Size, memory_bytes, size_of


def test_the_size_is_that_of_the_model_with_all_its_layers():
    section = ModelSection(d_model=32, d_ff=48, num_heads=2, num_encoder_layers=4, num_decoder_layers=3, norm="post")
    model = Transformer(section, 300, 400)
    assert size_of(section, [300, 400]) == Size(sum(p.numel() for p in model.parameters()), model.kept_per_token())


def test_memory_is_weights_and_what_each_replica_needs():
    size = Size(1000, 30)
    assert memory_bytes(size, 50, 4) == 1000 * 4 * 5 + 50 * 30 * 4
    assert memory_bytes(size, 50, 4, replicas=2) == 1000 * 4 * 6 + 2 * 50 * 30 * 4
    # bf16: a copy of the weights, and gradients in both types
    assert memory_bytes(size, 50, torch.bfloat16.itemsize) == 1000 * (4 * 4 + 2 + 4 + 2) + 50 * 30 * 2
