"""What is asked for one line: its text, and what its translation must or must not have in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One line to translate, and what is asked of it beyond the options of the whole."""

    text: str
    prefix: str = ""  # the translation must begin so
    include: tuple[str, ...] = ()  # phrases that must appear in it
    exclude: tuple[str, ...] = ()  # phrases that must not
    n_best: int | None = None  # None: as many as is asked of all
    fields: Mapping[str, Any] = field(default_factory=dict)  # of a JSON line: passed through untouched, in this order
