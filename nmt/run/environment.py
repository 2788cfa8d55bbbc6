"""What a run was made with."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from typing import Any

import torch

from nmt.recipe import Recipe, fingerprint
from nmt.version import VERSION


def environment(recipe: Recipe) -> dict[str, Any]:
    """What, besides the text, a run's bytes may depend on."""
    return {
        "nmt": VERSION,
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in ("torch", "sentencepiece", "numpy")},
        "machine": platform.machine(),
        "processor": torch.backends.cpu.get_cpu_capability(),
        "seed": recipe.seed,
        "recipe": fingerprint(recipe),
        "recipe_file": hashlib.sha256(recipe.dump().encode()).hexdigest(),  # as the run folder has it
    }
