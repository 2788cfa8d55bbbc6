"""What is in the run folders: a line for each (`nmt runs`), or the details of one (`nmt show`). Reads, never writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nmt.data.manifest import MANIFEST
from nmt.errors import NMTError, RunError
from nmt.recipe import Recipe
from nmt.run.checkpoint import EXCESS, OLD, best_first, checkpoints
from nmt.run.folder import TRAIN_FIRST, load_run_recipe
from nmt.run.log import curve, last_start, read_log
from nmt.run.manifest import run_manifest
from nmt.run.provenance import described, provenance
from nmt.run.results import KeptScore, readable_results
from nmt.text.metrics import figure, label

COLUMNS = ["run", "pair", "steps", "min", "valid", "tests (BLEU)", "trained", "MB"]
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Run:
    """What a run folder says of its training."""

    path: Path
    recipe: Recipe
    steps: int = 0
    seconds: float = 0.0
    trained: float = 0.0  # when, in seconds since 1970
    best: str = ""  # the checkpoint
    valid: dict[str, float] = field(default_factory=dict)  # of the best
    tests: dict[str, dict[str, KeptScore]] = field(default_factory=dict)  # test set → metric → score
    means: dict[str, dict[str, KeptScore]] = field(default_factory=dict)  # over directions; empty where there is one

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.path.rglob("*") if path.is_file())

    def row(self, now: float) -> list[str]:
        """As COLUMNS say."""
        metric = self.recipe.train.metric  # by which the best checkpoint was chosen
        first = self.recipe.about_task.metrics[0]
        # Of several directions the mean alone, which is the first
        shown = dict([*self.means.items()][:1]) or self.tests
        tests = ", ".join(f"{name} {s[first].score:.1f}" for name, s in shown.items() if first in s)
        return [
            self.path.name, self.recipe.languages, f"{self.steps:,}",
            f"{self.seconds / 60:.1f}", _scores({k: v for k, v in self.valid.items() if k == metric}), tests,
            age(now - self.trained) if self.steps else "", f"{self.size / 1e6:,.0f}",
        ]  # fmt: skip

    def details(self) -> list[tuple[str, str]]:
        """Rows of (what, how much)."""
        model, train = self.recipe.model, self.recipe.train
        rows = [
            ("recipe", f"{self.recipe.name}, {self.recipe.does if self.recipe.translates else self.recipe.languages}"),
            ("model", f"{'+'.join(str(n) for n in model.layers if n)} layers, d_model {model.d_model}, "
                      f"d_ff {model.d_ff}, {model.num_heads} heads, dropout {model.dropout:g}"),
            ("training", f"{train.optimizer}, learning rate {train.learning_rate:g} ({train.schedule}), "
                         f"{train.batch_tokens:,} tokens a step"),
            ("trained", f"{self.steps:,} steps in {self.seconds / 60:.1f} minutes"),
        ]  # fmt: skip
        if model.experts is not None:
            rows.insert(2, ("experts", model.experts.describe()))
        if (self.path / MANIFEST).exists():
            splits = run_manifest(self.path).splits
            pairs = ", ".join(f"{name} {split.examples:,}" for name, split in splits.items())
            rows.append(("pairs" if self.recipe.translates else "lines", pairs))
        log = read_log(self.path)
        for key in ("loss", *(k for k in (train.metric,) if k != "loss")):
            if values := [value for _, value in curve(log, "valid", key)]:
                rows.append((f"validation {label(key)}", f"{sparkline(values)}  {values[0]:.2f} → {values[-1]:.2f}"))
        if self.best:
            alone = {name: value for name, value in self.valid.items() if ":" not in name}
            rows.append(("best checkpoint", f"{self.best} ({_scores(alone)})"))
        for name, scores in (self.tests | self.means).items():
            found = " · ".join(f"{label(metric)} {figure(metric, s.score)}" for metric, s in scores.items())
            rows.append((f"test {name}", found))
        tree = described(provenance(self.path), self.seconds)
        rows += [("made of" if i == 0 else "", line) for i, line in enumerate(tree)]
        start = last_start(self.path)
        kept = ("nmt", "torch", "device", "precision", "threads", "seed", "recipe", "tokenizer")
        rows.append(("made with", ", ".join(f"{key} {start[key]}" for key in kept if key in start)))
        return rows


def read_run(path: Path) -> Run:
    """Raises RunError where it is no run folder."""
    recipe = load_run_recipe(path)
    found = checkpoints(path)
    if not found:
        return Run(path, recipe)
    last = max((c for c in found if c.is_step), key=lambda c: c.state.step, default=found[-1])
    trained = max(c.path.stat().st_mtime for c in found)
    best = next(iter(best_first(found, recipe.train.metric)), None)
    results = readable_results(path)
    means = results.together.scores if results.together and len(recipe.data.evaluated) > 1 else {}
    return Run(path, recipe, last.state.step, last.state.seconds, trained, best.path.name if best else "",
               best.state.valid if best else {}, results.scores, means)  # fmt: skip


def list_runs(folder: Path) -> list[Run]:
    """The run trained last first. Raises RunError where there is none; folders that are damaged are left out."""
    found = []
    for path in sorted(folder.glob("*/recipe.yaml")):
        try:
            found.append(read_run(path.parent))
        except NMTError:
            continue  # `nmt show` and `nmt verify` say what is wrong with it
    if not found:
        raise RunError(f"there is no run in {folder}/ yet.", TRAIN_FIRST)
    return sorted(found, key=lambda run: -run.trained)


def _scores(valid: dict[str, float]) -> str:
    """Without those of one direction each."""
    shown = {name: value for name, value in valid.items() if ":" not in name and name != EXCESS}
    words = {name: "old domain " * name.startswith(OLD) + label(name.removeprefix(OLD)) for name in shown}
    return " · ".join(f"{words[name]} {value:.2f}" for name, value in shown.items())


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A curve in one line: the lowest value is ▁, the highest █; of more values than `width`, evenly spread ones."""
    if len(values) > width:
        values = [values[round(i * (len(values) - 1) / (width - 1))] for i in range(width)]
    low, high = min(values), max(values)
    scale = (len(BARS) - 1) / (high - low) if high > low else 0
    return "".join(BARS[round((value - low) * scale)] for value in values)


def age(seconds: float) -> str:
    """`3 minutes ago`, in the largest unit that there is one of."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = int(seconds // length)
            return f"{number} {unit}{'' if number == 1 else 's'} ago"
    return "just now"
