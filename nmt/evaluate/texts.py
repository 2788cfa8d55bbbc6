"""Files of translations, references and sources: plain, gzip, or the JSON lines that `nmt translate` writes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path

from nmt.errors import DataError
from nmt.files import write_atomically
from nmt.text.lines import decoded_lines


@dataclass(frozen=True)
class Texts:
    """A test set and its translations; line n of one belongs to line n of the others."""

    src: list[str]  # empty where it is not known
    hyp: list[str]
    refs: list[list[str]]  # a blank line of any but the first is no reference

    @classmethod
    def kept(cls, folder: Path, test: str) -> Texts:
        """Those in the evaluation folder of a run. Raises DataError where they cannot be read."""
        src, hyp, ref = (read_lines(folder / f"{test}.{kind}.txt") for kind in ("src", "hyp", "ref"))
        return cls(src, hyp, [ref, *map(read_lines, _further(folder, test))])

    def keep(self, folder: Path, test: str) -> None:
        files = {"src": self.src, "hyp": self.hyp, "ref": self.refs[0]}
        files |= {f"ref.{number}": lines for number, lines in enumerate(self.refs[1:], 1)}
        for kind, lines in files.items():
            write_atomically(folder / f"{test}.{kind}.txt", "".join(f"{line}\n" for line in lines).encode())
        for path in list(_further(folder, test))[len(self.refs) - 1 :]:
            path.unlink()  # of an evaluation with more references


def _further(folder: Path, test: str) -> Iterator[Path]:
    """The files of further references, `t.ref.1.txt`, `t.ref.2.txt` …, as many as there are."""
    return takewhile(Path.exists, (folder / f"{test}.ref.{number}.txt" for number in count(1)))


def check_references(paths: Sequence[Path]) -> None:
    """Raises DataError where a file is named twice: it would count as two references."""
    if twice := [path for i, path in enumerate(paths) if path in paths[:i]]:
        raise DataError(f"`--ref {twice[0]}` is given twice.", "Give each file of references once.")


def language_of(path: Path) -> str:
    """What the ending of a file's name says: `fr` of `ref.fr.gz`; it may be no language."""
    return path.name.removesuffix(".gz").rpartition(".")[2]


def read_lines(path: Path) -> list[str]:
    """Of a plain or gzip file of UTF-8 text. Raises DataError where it is none, or is empty."""
    try:
        path.stat()
    except FileNotFoundError:
        raise DataError(f"there is no file {path}.") from None
    except OSError as e:
        raise DataError(f"{path} cannot be read: {e.strerror}.") from None
    lines = list(decoded_lines(path, str(path)))
    if not lines:
        raise DataError(f"{path} is empty.")
    return lines


def read_translations(path: Path) -> list[str]:
    """Of a text file; or of one whose name ends in .jsonl or .jsonl.gz, with the field `translation` in each line.

    Raises DataError naming the line that has none.
    """
    lines = read_lines(path)
    if not path.name.endswith((".jsonl", ".jsonl.gz")):
        return lines
    return [_translation(line, f"{path}:{number}") for number, line in enumerate(lines, 1)]


def _translation(line: str, where: str) -> str:
    hint = "Each line must be what `nmt translate --format jsonl` writes."
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as e:
        raise DataError(f"{where} is not valid JSON: {e}.", hint) from None
    if not isinstance(record, dict) or not isinstance(record.get("translation"), str):
        raise DataError(f"{where} has no text in a field `translation`.", hint)
    text: str = record["translation"]
    try:
        text.encode()
    except UnicodeEncodeError as e:
        raise DataError(
            f"{where}: `translation` holds half a surrogate pair at character {e.start + 1}.", hint
        ) from None
    return text
