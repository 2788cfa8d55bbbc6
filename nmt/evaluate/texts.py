"""Files of translations, references and sources: plain, gzip, or the JSON lines that `nmt translate` writes."""

from __future__ import annotations

import json
from pathlib import Path

from nmt.errors import DataError
from nmt.text.lines import decoded_lines


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
