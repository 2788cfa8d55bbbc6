"""What a server takes, and from whom."""

from __future__ import annotations

import hmac
import time
from dataclasses import dataclass, field
from pathlib import Path

from nmt.errors import DataError, RecipeError
from nmt.serve.refusal import Refusal

LOOPBACK = ("127.0.0.1", "localhost", "::1")
MAX_BODY = 1 << 20  # bytes
MAX_FILE = 20 << 20
MAX_TEXT = 50_000  # characters
MAX_TEXTS = 100  # in a request
MAX_LINES = 10_000  # in a request
MAX_ALTERNATIVES = 20
BODY_SECONDS = 30.0  # in which a body must have come


@dataclass(frozen=True)
class Keys:
    """Who may ask: keys, each with the characters a minute that it may have translated (none: any number)."""

    minutes: dict[str, int | None]

    @classmethod
    def load(cls, path: Path) -> Keys:
        """Of a file of lines, `key` or `key characters-a-minute`; `#` begins a comment. Raises DataError."""
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as e:
            raise DataError(f"the keys {path} cannot be read: {e}", "Give a text file with a key on each line.") from e
        minutes: dict[str, int | None] = {}
        for number, line in enumerate(lines, 1):
            fields = line.partition("#")[0].split()
            if not fields:
                continue
            if len(fields) > 2 or (len(fields) == 2 and not (fields[1].isdecimal() and int(fields[1]) > 0)):
                raise DataError(f"{path}:{number} is not a key with a number of characters a minute.")
            if not fields[0].isascii():
                raise DataError(f"{path}:{number} has a key with characters beyond ASCII, which no header can carry.")
            minutes[fields[0]] = int(fields[1]) if len(fields) == 2 else None
        if not minutes:
            raise DataError(f"{path} has no keys.", "Give a key on each line.")
        return cls(minutes)

    def find(self, given: str) -> str | None:
        """The key that was given, if it is one; all are compared, in a time that tells nothing of them."""
        found = None
        for key in self.minutes:
            if hmac.compare_digest(key.encode(), given.encode("utf-8", "replace")):
                found = key
        return found


@dataclass
class Quota:
    """Characters that each key has left: as many as it may have a minute, filled up evenly."""

    keys: Keys
    _left: dict[str, tuple[float, float]] = field(default_factory=dict)  # key → characters, at what time

    def take(self, key: str, characters: int) -> None:
        """Raises Refusal (429) where it has not so many left; a larger text than a minute's goes when all is left."""
        most = self.keys.minutes[key]
        if most is None:
            return
        now = time.monotonic()
        left, then = self._left.get(key, (float(most), now))
        left = min(most, left + (now - then) * most / 60)
        wanted = min(characters, most)
        if wanted > left:
            wait = int((wanted - left) * 60 / most) + 1
            raise Refusal(429, f"Slowdown: {most} characters a minute are allowed", retry_after=wait)
        self._left[key] = (left - characters, now)


def check_exposed(host: str, keys: Path | None, open_to_all: bool) -> None:
    """Raises RecipeError where others could ask who were not asked to."""
    if host not in LOOPBACK and keys is None and not open_to_all:
        raise RecipeError(
            f"`--host {host}` lets other machines use this server.",
            "Say who may: `--keys FILE`; or let everybody: `--open`.",
        )


def check_texts(texts: list[str]) -> None:
    """Raises Refusal (400, 413) where there are too many, or one is too long."""
    if len(texts) > MAX_TEXTS:
        raise Refusal(413, f"Invalid request: {len(texts)} texts exceed the limit of {MAX_TEXTS}")
    for text in texts:
        if len(text) > MAX_TEXT:
            raise Refusal(400, f"Invalid request: request ({len(text)}) exceeds text limit ({MAX_TEXT})")
        if any("\ud800" <= c <= "\udfff" for c in text):
            raise Refusal(400, "Invalid request: the text has half of a surrogate pair, which is no character")
