"""What a person's files are, by looking: which column is which, and which language.

`nmt init` shows what was guessed, with a pair as an example; nothing else relies on it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from nmt.errors import DataError, quoted
from nmt.text.documents import how_to_train_on, kind_of
from nmt.text.lines import line_blocks

LOOKED_AT = 200  # records
# ISO 639-1, and what people call some of them in a table
CODES = frozenset(re.findall("[a-z]{2}", """
aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en eo
es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu ja jv ka
kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng
nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su
sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu
"""))  # fmt: skip
NAMES = {
    "arabic": "ar", "bulgarian": "bg", "chinese": "zh", "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl",
    "english": "en", "estonian": "et", "finnish": "fi", "french": "fr", "german": "de", "greek": "el", "hebrew": "he",
    "hindi": "hi", "hungarian": "hu", "indonesian": "id", "italian": "it", "japanese": "ja", "korean": "ko",
    "latvian": "lv", "lithuanian": "lt", "norwegian": "no", "persian": "fa", "polish": "pl", "portuguese": "pt",
    "romanian": "ro", "russian": "ru", "slovak": "sk", "slovenian": "sl", "spanish": "es", "swedish": "sv",
    "thai": "th", "turkish": "tr", "ukrainian": "uk", "vietnamese": "vi",
}  # fmt: skip
ROLES = {"source": 0, "src": 0, "target": 1, "tgt": 1, "trg": 1}
TABLES = (".tsv", ".csv", ".jsonl", ".parquet")

Key = str | int


@dataclass(frozen=True)
class Guess:
    """The text of a recipe: what `data` says of the training text."""

    source_lang: str
    target_lang: str
    root: Path
    train: dict[str, Any]  # keys of a Corpus


@dataclass(frozen=True)
class Column:
    key: Key  # as a recipe names it: a name, or a number from 0
    samples: list[str]

    @property
    def name(self) -> str:
        """What may tell the language: the last part of a name with dots."""
        return str(self.key).rpartition(".")[2].strip().lower()

    @property
    def is_text(self) -> bool:
        """Mostly letters, so no number, date or address."""
        texts = [text for text in self.samples if text.strip()]
        wordy = [text for text in texts if 2 * sum(map(str.isalpha, text)) > len(text) and "://" not in text]
        return len(wordy) > 0.75 * len(texts)


def guess(files: Sequence[Path], source_lang: str | None = None, target_lang: str | None = None) -> Guess:
    """Of two files of lines, or of one table. Raises DataError for what cannot be seen, saying how to say it."""
    if not files:
        raise DataError(
            "no files were given to look at.",
            "Give two text files, line n of one translating line n of the other: nmt init train.en train.fr; "
            "or a table (.tsv, .csv, .jsonl, .parquet): nmt init pairs.tsv",
        )
    for path in files:
        if not path.is_file():
            raise DataError(f"{path} is no file." if path.exists() else f"there is no file {path}.")
        kind = kind_of(path)
        if kind and suffix(path) not in TABLES:
            raise DataError(
                f"{path} is {kind[0]} ({kind[1]}), which cannot be read as it is.", how_to_train_on(kind[0])
            )
    tables = [path for path in files if suffix(path) in TABLES]
    if len(files) == 1 and tables:
        return _table(files[0], source_lang, target_lang)
    if len(files) == 2 and not tables:
        return _texts(files[0], files[1], source_lang, target_lang)
    names = ", ".join(str(path) for path in files)
    raise DataError(
        f"a recipe is written for two text files, or for one table, but these are: {names}.",
        "Give those that you would train on; validation and test pairs are held out of them.",
    )


def suffix(path: Path) -> str:
    return Path(path.name.lower().removesuffix(".gz")).suffix


def language(text: str) -> str | None:
    """The code of a language that is meant by `en`, `pt-BR` or `English`."""
    code = re.fullmatch(r"([a-z]{2})([-_][a-z0-9]{2,8})*", text.lower())
    if code and code[1] in CODES:
        return text.lower() if len(text) == 2 else text
    return NAMES.get(text.lower())


# --- two files -------------------------------------------------------------------------------------------------------


def _texts(first: Path, second: Path, source_lang: str | None, target_lang: str | None) -> Guess:
    seen = [_language_of_file(path) for path in (first, second)]
    if (source_lang and source_lang == seen[1]) or (target_lang and target_lang == seen[0]):
        first, second, seen = second, first, seen[::-1]
    languages = _decided(seen, source_lang, target_lang, [str(first), str(second)])
    shared = first.parent == second.parent
    names = [path.name if shared else str(path) for path in (first, second)]
    return Guess(*languages, first.parent if shared else Path("."), {"source": names[0], "target": names[1]})


def _language_of_file(path: Path) -> str | None:
    """Of train.en, train.pt-BR.gz, en.txt or contracts-fr.txt."""
    name = re.sub(r"\.txt$", "", re.sub(r"\.gz$", "", path.name, flags=re.IGNORECASE), flags=re.IGNORECASE)
    return language(name.rpartition(".")[2]) or language(re.split(r"[._\s-]", name)[-1])


def _decided(
    seen: Sequence[str | None], source_lang: str | None, target_lang: str | None, labels: Sequence[str]
) -> tuple[str, str]:
    source, target = (said or (seen[i] if seen else None) for i, said in enumerate((source_lang, target_lang)))
    if source is None or target is None:
        options = {"--source-lang": (source, labels[0]), "--target-lang": (target, labels[1])}
        missing = {option: label for option, (found, label) in options.items() if found is None}
        of, name = (" and ".join(missing.values()), "its name" if len(missing) == 1 else "their names")
        raise DataError(
            f"the language of {of} cannot be seen from {name}.",
            f"Say it, as a code such as `en`: {' '.join(f'{option} CODE' for option in missing)}",
        )
    if source == target:
        raise DataError(f"both sides would be `{source}`.", "Say which is which: --source-lang CODE --target-lang CODE")
    return source, target


# --- a table ---------------------------------------------------------------------------------------------------------


def _table(path: Path, source_lang: str | None, target_lang: str | None) -> Guess:
    columns = _columns(path)
    by_role = {ROLES[c.name]: c for c in columns if c.name in ROLES}
    # A column `id` is one of numbers more often than one of Indonesian
    by_language = {found: c for c in reversed(columns) if c.is_text and (found := language(c.name))}
    if source_lang in by_language and target_lang in by_language:
        chosen, seen = [by_language[str(source_lang)], by_language[str(target_lang)]], [source_lang, target_lang]
    elif len(by_language) >= 2:
        first, second = list(reversed(by_language))[:2]
        if (source_lang and source_lang == second) or (target_lang and target_lang == first):
            first, second = second, first
        chosen, seen = [by_language[first], by_language[second]], [first, second]
    else:
        texts = [c for c in columns if c.is_text]
        chosen = [by_role[0], by_role[1]] if len(by_role) == 2 else texts[:2]
        seen = []
    if len(chosen) < 2:
        has = ", ".join(quoted(str(c.key), 30) for c in columns[:8]) or "none"
        raise DataError(f"{path} does not have two columns of text; its columns: {has}.")
    source, target = chosen
    labels = [f"column {source.key}", f"column {target.key} of {path}"]
    languages = _decided(seen, source_lang, target_lang, labels)
    return Guess(*languages, path.parent, {"path": path.name, "source": source.key, "target": target.key})


def _columns(path: Path) -> list[Column]:
    kind = suffix(path)
    if kind in (".jsonl", ".parquet"):
        records = list(islice(_jsonl(path) if kind == ".jsonl" else _parquet(path), LOOKED_AT))
        found: dict[str, list[str]] = {}
        for record in records:
            for key, text in _leaves(record):
                found.setdefault(key, []).append(text)
        return [Column(key, samples) for key, samples in found.items()]
    rows = list(islice(_tsv(path) if kind == ".tsv" else _csv(path), LOOKED_AT))
    width = min(map(len, rows), default=0)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    named = sum(cell in ROLES or language(cell) is not None for cell in header) >= 2
    keys: list[Key] = [cell.strip() for cell in rows[0]] if named else list(range(width))
    return [Column(key, [row[i] for row in rows[int(named) :]]) for i, key in enumerate(keys[:width])]


def _lines(path: Path) -> Iterator[str]:
    return (line.decode("utf-8", "replace") for block in line_blocks(path, str(path), {}) for line in block)


def _tsv(path: Path) -> Iterator[list[str]]:
    return (line.split("\t") for line in _lines(path))


def _csv(path: Path) -> Iterator[list[str]]:
    """By commas or by semicolons: by whichever gives the first records more columns."""
    some = [line + "\n" for line in islice(_lines(path), LOOKED_AT)]
    tried = {separator: list(csv.reader(some, delimiter=separator)) for separator in ",;"}
    return iter(max(tried.values(), key=lambda rows: min((len(row) for row in rows if row), default=0)))


def _jsonl(path: Path) -> Iterator[Any]:
    for number, line in enumerate(_lines(path), 1):
        try:
            yield json.loads(line)
        except (ValueError, RecursionError) as e:
            raise DataError(f"{path}:{number} is not a JSON record: {e}.") from None


def _parquet(path: Path) -> Iterator[Any]:
    import pyarrow as pa  # type: ignore[import-untyped]
    import pyarrow.parquet as pq  # type: ignore[import-untyped]

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(LOOKED_AT):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as e:
        raise DataError(f"{path} cannot be read as Parquet: {str(e).splitlines()[0]}") from None


def _leaves(record: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """The texts in a record, with the names that lead to them."""
    for key, value in record.items() if isinstance(record, dict) else ():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key}.")
        elif isinstance(value, str):
            yield prefix + key, value
