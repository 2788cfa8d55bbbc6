"""The numbers of log.jsonl as TensorBoard curves; an optional extra."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nmt.errors import RecipeError


class TensorBoard:
    """Writes the numbers of each record under its event's name. Raises RecipeError where the package is missing."""

    def __init__(self, run: Path, resume_step: int) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise RecipeError(
                "`train.tensorboard: true` needs the package tensorboard.", "Run: pip install 'nmt[tensorboard]'"
            ) from None
        # What was shown after the checkpoint that training resumes from is taken back.
        self._writer = SummaryWriter(run / "tensorboard", purge_step=resume_step + 1)

    def write(self, record: dict[str, Any]) -> None:
        for key, value in record.items():
            if key not in ("event", "step") and isinstance(value, int | float):
                self._writer.add_scalar(f"{record['event']}/{key}", value, record["step"])
        self._writer.flush()
