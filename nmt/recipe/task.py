"""What text is made of what text: the values that keys have where a recipe does not give them, and words for people.

A task decides nothing else: whatever it sets, a recipe can set itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nmt.text.flags import FLAGS, TAGS

TaskName = Literal["translate", "summarise", "answer", "dialogue", "generate", "classify"]
UNDETERMINED = "und"  # BCP 47's code for a language that is not said


@dataclass(frozen=True)
class Task:
    """One entry of TASKS."""

    does: str  # what a run of it does, of what: `summarises documents`
    source: str  # what people call the two sides
    target: str
    metrics: tuple[str, ...]  # `evaluate.metrics`
    metric: str  # `train.metric`
    valid: tuple[str, ...]  # what translations of the validation set are scored by
    flags: tuple[str, ...] = ("empty", "repetition")  # what may be wrong with an output; see nmt.text.flags
    section: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # other keys, by section
    corpus: Mapping[str, Any] = field(default_factory=dict)  # keys of every corpus with a source

    @property
    def defaults(self) -> dict[str, dict[str, Any]]:
        """Section → key → value."""
        own: dict[str, dict[str, Any]] = {"evaluate": {"metrics": [*self.metrics]}, "train": {"metric": self.metric}}
        return own | {name: dict(keys) for name, keys in self.section.items()}


def _texts(decode: dict[str, Any], **data: Any) -> dict[str, dict[str, Any]]:
    """Whole texts of any length, in a language that need not be said."""
    filters = {"max_ratio": 0, "max_chars": 10_000}
    return {"data": {"filters": filters} | data, "decode": {"split_sentences": "whole", "max_segment": 2000} | decode}


TASKS: dict[str, Task] = {
    "translate": Task(
        "translates", "source", "translation", ("bleu", "chrf", "chrf++", "ter"), "bleu", ("bleu", "chrf"),
        (*FLAGS, TAGS),
    ),
    "summarise": Task(
        "summarises documents", "document", "summary",
        ("rouge1", "rouge2", "rougeL", "rougeLsum", "copied_share"), "rougeL", ("rouge1", "rouge2", "rougeL"),
        section=_texts({"max_len_ratio": 1.0}),
    ),
    "answer": Task(
        "answers questions", "question", "answer", ("em", "f1"), "f1", ("em", "f1"),
        section=_texts({"max_len_ratio": 1.0}),
    ),
    "dialogue": Task(
        "replies", "history", "reply", ("em", "f1", "bleu", "distinct1", "distinct2"), "f1", ("f1", "bleu"),
        section=_texts({"max_len_ratio": 1.0, "max_len_extra": 50}), corpus={"turns": True},
    ),
    "generate": Task(
        "writes text", "input", "text", ("bleu", "rougeL", "distinct1", "distinct2", "copied_share"), "rougeL",
        ("bleu", "rougeL"), section=_texts({"max_len_extra": 100}),
    ),
    "classify": Task(
        "classifies texts", "text", "label", ("accuracy", "macro_f1"), "accuracy", ("accuracy", "macro_f1"),
        section=_texts({"max_len_ratio": 1.0}, labels="auto"),
    ),
}  # fmt: skip


def with_task_defaults(values: Any) -> Any:
    """The plain values of a recipe, with those of its task where it gives none."""
    name = values.get("task", "translate") if isinstance(values, dict) else "translate"
    if name == "translate":  # whose values are those of the sections
        return values
    task = TASKS.get(name) if isinstance(name, str) else None
    filled = _filled(values, task.defaults if task else {})
    data = filled.get("data")
    if not isinstance(data, dict):
        return filled
    language = data.get("source_lang", UNDETERMINED)
    data = _filled(data, {"source_lang": language, "target_lang": data.get("target_lang", language)})
    return filled | {"data": _filled_corpora(data, task.corpus) if task else data}


def _filled_corpora(data: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    def corpus(given: Any) -> Any:
        return _filled(given, defaults) if isinstance(given, dict) and "source" in given else given

    found = dict(data)
    for key in ("train", "valid"):
        given = data.get(key)
        found[key] = [*map(corpus, given)] if isinstance(given, list) else corpus(given)
    tests = data.get("test")
    if isinstance(tests, dict):
        found["test"] = {name: corpus(given) for name, given in tests.items()}
    return {key: value for key, value in found.items() if key in data}


def _filled(values: dict[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """With what is missing, also within sections."""
    found = dict(values)
    for key, default in defaults.items():
        if key not in found:
            found[key] = default
        elif isinstance(default, dict) and isinstance(found[key], dict):
            found[key] = _filled(found[key], default)
    return found
