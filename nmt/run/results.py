"""evaluation/results.json of a run: the scores of each test set, and how its translations were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from nmt import console
from nmt.errors import RunError
from nmt.files import write_atomically
from nmt.records import Record, read_record
from nmt.text.metrics import figure

FOLDER, FILE = "evaluation", "results.json"


class KeptScore(Record):
    score: float
    interval: float | None = None  # half the width of the 95 % confidence interval
    signature: str = ""

    def text(self, metric: str) -> str:
        """As a value of that metric."""
        return figure(metric, self.score) + ("" if self.interval is None else f" ± {self.interval:.1f}")


class Details(Record):
    """How the translations of a test set were made."""

    sentences: int = 0
    seconds: float | None = None
    checkpoint: str = ""
    step: int | None = None
    engine: str = ""  # and its numbers: `ctranslate2 float32`, `nmt fp32`; empty: an older nmt does not tell
    decode: dict[str, Any] = {}
    right_language: float | None = None  # percent of the lines that are in the language they should be in
    flags: dict[str, int] = {}  # how many translations look wrong, by name; see nmt.text.flags


class Together(Record):
    """What several test sets come to."""

    tests: list[str] = []
    scores: dict[str, dict[str, KeptScore]] = {}


class Results(Record):
    scores: dict[str, dict[str, KeptScore]] = {}  # test set → metric → score
    details: dict[str, Details] = {}
    together: Together | None = None
    drawn: dict[str, float] = {}  # of what a language model draws: metric → value

    def save(self, run: Path) -> None:
        text = self.model_dump_json(indent=1, exclude_none=True) + "\n"
        write_atomically(run / FOLDER / FILE, text.encode())


def read_results(run: Path) -> Results:
    """Empty where nothing was evaluated yet. Raises RunError, naming file and key, where it is damaged."""
    try:
        return read_record(run / FOLDER / FILE, Results, f"Evaluate again: nmt evaluate --run {run}")
    except FileNotFoundError:
        return Results()


def readable_results(run: Path) -> Results:
    """Empty where they are damaged, too, which is said."""
    try:
        return read_results(run)
    except RunError as e:
        console.warn(str(e))
        return Results()
