"""Glossaries that clients keep on the server."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from nmt.errors import DataError
from nmt.files import write_atomically
from nmt.serve.refusal import Refusal
from nmt.text.terms import Glossary, Terms

MAX_GLOSSARIES, MAX_ENTRIES = 100, 10_000
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Kept:
    """One glossary. `owner`: the key of who made it, or nothing."""

    glossary_id: str
    name: str
    source_lang: str
    target_lang: str
    creation_time: str
    entries: tuple[tuple[str, str], ...]
    owner: str = ""

    @property
    def terms(self) -> Terms:
        return Terms(glossary=Glossary(sorted(self.entries, key=lambda term: -len(term[0]))))


class Glossaries:
    """In memory, and in a folder if there is one, so that they are there after a restart."""

    def __init__(self, folder: Path | None) -> None:
        """Raises DataError where the folder cannot be used, or what is in it is damaged."""
        self._folder = folder
        self._kept: dict[str, Kept] = {}
        if folder is None:
            return
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for path in sorted(folder.glob("*.json")):
                values = json.loads(path.read_text(encoding="utf-8"))
                values["entries"] = tuple((source, target) for source, target in values["entries"])
                kept = Kept(**values)
                self._kept[kept.glossary_id] = kept
        except (OSError, ValueError, TypeError, KeyError) as e:
            raise DataError(f"the glossaries in {folder} cannot be read: {e}", "Mend or remove the file.") from e

    def add(self, name: str, source: str, target: str, entries: Sequence[tuple[str, str]], owner: str) -> Kept:
        """Raises Refusal (400, 456)."""
        if not entries:
            raise Refusal(400, "No dictionary entries provided")
        if len(entries) > MAX_ENTRIES or len(self._kept) >= MAX_GLOSSARIES:
            raise Refusal(456, f"At most {MAX_GLOSSARIES} glossaries of {MAX_ENTRIES} entries are kept.")
        sources = [source_term for source_term, _ in entries]
        if len(set(sources)) < len(sources):
            twice = next(term for term in sources if sources.count(term) > 1)
            raise Refusal(400, f"Key with the value {twice!r} is not unique")
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        kept = Kept(str(uuid4()), name, source, target, now, tuple(entries), owner)
        if self._folder is not None:
            content = json.dumps(asdict(kept), ensure_ascii=False)
            write_atomically(self._folder / f"{kept.glossary_id}.json", content.encode())
        self._kept[kept.glossary_id] = kept
        return kept

    def __len__(self) -> int:
        return len(self._kept)

    def of(self, owner: str) -> list[Kept]:
        return [kept for kept in self._kept.values() if kept.owner == owner]

    def get(self, glossary_id: str, owner: str) -> Kept:
        """Raises Refusal (404)."""
        kept = self._kept.get(glossary_id)
        if kept is None or kept.owner != owner:
            raise Refusal(404, "Glossary not found")
        return kept

    def remove(self, glossary_id: str, owner: str) -> None:
        """Raises Refusal (404)."""
        kept = self.get(glossary_id, owner)
        if self._folder is not None and _ID.fullmatch(kept.glossary_id):
            (self._folder / f"{kept.glossary_id}.json").unlink(missing_ok=True)
        del self._kept[glossary_id]
