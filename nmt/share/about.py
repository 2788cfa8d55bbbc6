"""What is known of a run, for those it is given to: read once, and none of its training text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from nmt.data.manifest import Manifest
from nmt.decode.choose import is_exported
from nmt.decode.exported import FOLDER, Compared, check_files, read_origin
from nmt.errors import NMTError
from nmt.evaluate.analysis import Analysis, analyse_run
from nmt.recipe import Recipe
from nmt.recipe.task import UNDETERMINED
from nmt.run.checkpoint import Checkpoint, find_checkpoint
from nmt.run.folder import load_run_recipe
from nmt.run.log import last_start
from nmt.run.manifest import run_manifest
from nmt.run.results import Results, readable_results
from nmt.serve.names import name_of
from nmt.share.places import Places


@dataclass(frozen=True)
class About:
    """Of a run and its best checkpoint."""

    run: Path
    recipe: Recipe
    manifest: Manifest
    checkpoint: Checkpoint
    results: Results
    weak: list[Analysis] = field(default_factory=list)  # of each test set that was evaluated
    start: dict[str, Any] = field(default_factory=dict)  # what the log says of machine and versions

    @cached_property
    def places(self) -> Places:
        return Places(self.run)

    @classmethod
    def read(cls, run: Path) -> About:
        """Raises RunError where it is no run, or has no checkpoint."""
        recipe = load_run_recipe(run)
        checkpoint = find_checkpoint(run, "best", recipe.train.metric)
        results = readable_results(run)
        return cls(run, recipe, run_manifest(run), checkpoint, results, _weak(run, results.scores), last_start(run))

    @property
    def languages(self) -> list[str]:
        """Codes, each once, sources first; none where the recipe does not say them."""
        directions = self.recipe.data.evaluated
        codes = dict.fromkeys([*(d.src for d in directions), *(str(d.tgt) for d in directions)])
        return [code for code in codes if code != UNDETERMINED]

    @property
    def pairs(self) -> str:
        """`English to French`; what it does, where it does not translate."""
        if self.recipe.task != "translate":
            return self.recipe.does
        return ", ".join(f"{name_of(d.src)} to {name_of(str(d.tgt))}" for d in self.recipe.data.evaluated)

    @property
    def compared(self) -> Compared | None:
        origin = read_origin(self.run / FOLDER)
        return origin.compared if origin else None


def _weak(run: Path, tests: Iterable[str]) -> list[Analysis]:
    """Of test sets whose translations are kept; none where they cannot be read: a card does without."""
    kept = [name for name in tests if (run / "evaluation" / f"{name}.hyp.txt").exists()]
    try:
        return analyse_run(run, kept) if kept else []
    except NMTError:
        return []


def exported(run: Path, recipe: Recipe) -> Path:
    """A run's export for CTranslate2, of its best weights; made anew where there is none of them. Raises RunError where
    the run cannot be exported, or its export is damaged.
    """
    if not is_exported(run, recipe):
        from nmt.decode.export import export_run

        export_run(run)
    check_files(run / FOLDER)
    return run / FOLDER
