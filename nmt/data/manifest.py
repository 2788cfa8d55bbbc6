"""manifest.json: what was prepared from what. Typed, and read here alone; a run folder keeps a copy of it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count, takewhile
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from nmt.errors import RunError
from nmt.files import InputFile
from nmt.records import Record, read_record
from nmt.tokenizer import Side

FORMAT = 3
READABLE = (2, FORMAT)  # of prepared data; 2 had offsets of 64 bits in place of lengths, and no index
KEPT = "of an older run"  # origin of a tokenizer that no preparation makes today
MANIFEST = "manifest.json"
CASE = "case.json"  # how words of the sources are written, for lines in capitals
LANGUAGES = "languages.bin"  # what tells the languages of the training text apart, where it has several
EXAMPLES = ".examples.npy"  # after the name of a split: see examples.py
_OF_FORMATS = (EXAMPLES, ".offsets.npy", ".lengths.npy", ".index.json")  # which one format has, and another has not


class NotPreparedError(RunError):
    """There is no prepared data for the recipe yet."""


class File(Record):
    size: int
    sha256: str


class Corpus(Record):
    """A corpus of the recipe as it was read; the first number of an example counts these from 0."""

    name: str  # what the user calls it
    split: str  # of the recipe: `train`, `valid` or a test set
    src: str  # the language of its sources, a key of `languages`
    tgt: str | None  # of its targets; None for text of one language
    read: int  # lines
    examples: dict[str, int]  # by split: also those held out
    sha256: dict[str, str]  # by language: of its lines as they were read, each with its \n


class Language(Record):
    """Lines of one language are stored together, once."""

    vocabulary: Side  # of the tokenizer
    vocab_size: int


class SideStatistics(Record):
    """Of the lines of one side of a split's examples."""

    tokens: int  # without `</s>`
    longest: int
    p99: int | None = None  # the length that 99 % of the lines do not exceed
    several_sentences: float | None = None  # share of lines; counted for training sources


SPLITS = ["split", "read", "pairs", "source tokens", "target tokens", "left out"]


class SplitStatistics(Record):
    read: int  # pairs, before any were left out
    dropped: dict[str, int]  # by reason
    examples: int
    src: SideStatistics
    tgt: SideStatistics
    lines: dict[str, int]  # by language


class TokenizerFacts(Record):
    fingerprint: str
    src_vocab_size: int
    tgt_vocab_size: int
    lines: int  # that it learned from
    origin: str = "trained"

    @property
    def vocab_sizes(self) -> tuple[int, int]:
        """Of source and target."""
        return self.src_vocab_size, self.tgt_vocab_size


class Found(Record):
    count: int
    first: str  # file and line


class AuditedSplit(Record):
    pairs: int
    found: dict[str, Found]


class Audit(Record):
    splits: dict[str, AuditedSplit]
    warnings: list[str]


class Manifest(Record):
    """What was prepared from what. Holds no time and no path, so that equal preparations give equal files."""

    format: int
    nmt: str
    name: str
    fingerprint: str  # of `sections`
    sections: dict[str, str | int | float | bool | None]  # the keys of the recipe that decide the bytes
    inputs: dict[str, File]
    outputs: dict[str, File]
    corpora: list[Corpus]
    languages: dict[str, Language]
    splits: dict[str, SplitStatistics]
    tokenizer: TokenizerFacts
    audit: Audit
    labels: list[str] | None = None  # the only targets there are
    scorer: str | None = None  # fingerprint of the run that `data.filters.pair_score` went by
    tags: dict[str, int] = Field(default_factory=dict)  # control pieces that tell languages, and their ids

    def save(self, folder: Path) -> None:
        # What there is none of is left out: so that it is what it was before there were any
        without = {name for name in ("labels", "scorer", "tags") if not getattr(self, name)}
        (folder / MANIFEST).write_text(self.model_dump_json(indent=1, exclude=without) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, again: str = "nmt prepare RECIPE --force") -> Manifest:
        """Of prepared data. `again` is the command that prepares anew. Raises NotPreparedError where there is none,
        RunError where it cannot be used.
        """
        path, hint = folder / MANIFEST, f"Prepare again: {again}"
        ours = bool(written_files(folder))
        if not ours:
            hint = f"If nothing of yours is in {folder}, remove it, and prepare again: {again.removesuffix(' --force')}"
        try:
            number = read_record(path, Format, hint).format
            if number not in READABLE and ours:
                raise RunError(f"{folder} was prepared in format {number}, but this nmt reads format {FORMAT}.", hint)
            return read_record(path, cls, hint)
        except FileNotFoundError:
            raise NotPreparedError(f"no prepared data in {folder}.", "Run: nmt prepare RECIPE") from None

    @model_validator(mode="after")
    def _consistent(self) -> Manifest:
        languages = {c.src for c in self.corpora} | {c.tgt for c in self.corpora if c.tgt is not None}
        if not self.corpora or not {"train", "valid"} <= self.splits.keys():
            raise ValueError("it lacks the corpora, or the splits `train` and `valid`")
        if unknown := languages.union(*(split.lines for split in self.splits.values())) - self.languages.keys():
            raise ValueError(f"it lacks the language {', '.join(f'`{name}`' for name in sorted(unknown))}")
        return self

    def text_of(self, split: str, side: Side) -> str:
        """The file that holds the raw lines of that side; kept for valid and tests."""
        corpus = next((corpus for corpus in self.corpora if split in corpus.examples), self.corpora[0])
        return f"{split}.{corpus.src if side == 'src' else corpus.tgt}.txt"

    def references_of(self, split: str) -> list[str]:
        """The files that hold the raw targets and their further references, if there are any: `t.fr.txt`,
        `t.fr.1.txt`.
        """
        first = self.text_of(split, "tgt")
        further = (f"{first.removesuffix('.txt')}.{number}.txt" for number in count(1))
        return [first, *takewhile(self.outputs.__contains__, further)]

    def texts_of(self, split: str) -> list[str]:
        """The files that hold the raw lines of a split of text of one language, a language each."""
        return list(dict.fromkeys(f"{split}.{c.src}.txt" for c in self.corpora if split in c.examples))

    def split_rows(self) -> list[list[str]]:
        """Of a table with the head SPLITS, for people."""
        return [
            [name, f"{s.read:,}", f"{s.examples:,}", f"{s.src.tokens:,}", f"{s.tgt.tokens:,}",
             ", ".join(f"{count:,} {reason}" for reason, count in s.dropped.items())]
            for name, s in self.splits.items()
        ]  # fmt: skip

    def prepares_the_same(self, other: Manifest) -> bool:
        """Whether training on either gives the same. What an older format does not have is not compared."""
        not_compared = (LANGUAGES, CASE) if self.format == other.format else (LANGUAGES, CASE, *_OF_FORMATS)
        mine, theirs = ({k: v for k, v in m.outputs.items() if not k.endswith(not_compared)} for m in (self, other))
        return mine == theirs


class Format(Record):
    """What all manifests have, whatever their format."""

    format: int


class Written(Format):
    """What a manifest of any format has, and no other program's file of that name."""

    nmt: str
    fingerprint: str
    sections: dict[str, Any]
    tokenizer: dict[str, Any]
    outputs: dict[str, File]


def written_files(folder: Path) -> set[str]:
    """The files that a preparation, by this nmt or an older one, wrote into `folder`, as its manifest lists them; none
    where there is no manifest of ours.
    """
    try:
        return {*read_record(folder / MANIFEST, Written).outputs, MANIFEST}
    except (FileNotFoundError, RunError):
        return set()


def sums(files: Mapping[str, InputFile]) -> dict[str, File]:
    return {name: File(size=file.size, sha256=file.sha256) for name, file in files.items()}
