"""Better translations that people tell, kept as tables to train on: a file for each pair of languages."""

from __future__ import annotations

from pathlib import Path

from nmt.errors import DataError
from nmt.serve.refusal import Refusal

MOST = 100 << 20  # bytes of a file


class Suggestions:
    """In a folder. `data.train: {path: en-fr.tsv, source: en, target: fr}` reads what is there."""

    def __init__(self, folder: Path) -> None:
        """Raises DataError where it cannot be made."""
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as e:
            raise DataError(f"nothing can be kept in {folder}: {e.strerror or e}.", "Give another folder.") from e

    def add(self, source: str, target: str, text: str, better: str) -> None:
        """A line of two columns, without the line breaks and tabs that the texts have. Raises Refusal (503) where no
        more are kept.
        """
        path = self._folder / f"{source}-{target}.tsv"
        line = "\t".join(" ".join(one.split()) for one in (text, better))
        try:
            with path.open("a", encoding="utf-8", newline="\n") as file:
                if file.tell() > MOST:
                    raise Refusal(503, "No more suggestions are kept.")
                file.write(f"{line}\n" if file.tell() else f"{source}\t{target}\n{line}\n")
        except OSError:
            raise Refusal(503, "The suggestion could not be kept.") from None
