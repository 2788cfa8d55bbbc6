"""Translated documents that wait to be fetched: in memory, for a while, and never more than fits."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass, field

from nmt.serve.refusal import Refusal

KEEP = 30 * 60  # seconds
MOST = 200 << 20  # bytes, of all


@dataclass
class Stored:
    """One document. `data`: None while it is translated."""

    name: str
    owner: str  # key of who sent it, or nothing
    characters: int = 0
    data: bytes | None = None
    fault: str = ""
    secret: str = field(default_factory=lambda: secrets.token_hex(32))
    until: float = field(default_factory=lambda: time.monotonic() + KEEP)
    work: asyncio.Task[None] | None = None


class Store:
    """By random numbers that nobody can guess."""

    def __init__(self) -> None:
        self._all: dict[str, Stored] = {}

    def add(self, name: str, owner: str) -> tuple[str, Stored]:
        """Raises Refusal (503) where there is no room."""
        self._forget()
        if sum(len(one.data or b"") for one in self._all.values()) > MOST:
            raise Refusal(503, "Too many documents wait to be fetched. Try again.", retry_after=60)
        number, stored = secrets.token_hex(16), Stored(name, owner)
        self._all[number] = stored
        return number, stored

    def get(self, number: str) -> Stored:
        """Raises Refusal (404)."""
        self._forget()
        if number not in self._all:
            raise Refusal(404, "Document not found")
        return self._all[number]

    def remove(self, number: str) -> None:
        self._all.pop(number, None)

    def _forget(self) -> None:
        now = time.monotonic()
        for number in [number for number, one in self._all.items() if one.until < now]:
            del self._all[number]
