"""The weights that a model begins with, and a model without any."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_FILLS = {"normal_", "uniform_", "kaiming_uniform_", "fill_", "zero_"}


def begin_alone(model: nn.Module, tables: Iterable[Tensor], width: int) -> None:
    """Of a stack alone, an encoder or a decoder: matrices that have a row for each piece N(0, 1 / width), biases 0;
    the layers have begun already.
    """
    for table in tables:
        nn.init.normal_(table, std=width**-0.5)
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


class ShapesAlone(TorchFunctionMode):
    """Within, tensors have a shape, but no memory and no values. On the device `meta` alone, filling a tensor at random
    would import torch._dynamo, which takes longer than the rest of torch.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:  # fmt: skip
        if func.__name__ in _FILLS:
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))

    def __enter__(self) -> ShapesAlone:
        self._device = torch.device("meta")
        self._device.__enter__()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *failed: Any) -> None:
        super().__exit__(*failed)  # type: ignore[no-untyped-call]
        self._device.__exit__(*failed)
