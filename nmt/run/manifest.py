"""The copy of the data's manifest in a run folder, of this format or of an older one."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from nmt.data.manifest import (
    FORMAT,
    MANIFEST,
    READABLE,
    Audit,
    Corpus,
    File,
    Format,
    Language,
    Manifest,
    NotPreparedError,
    SideStatistics,
    SplitStatistics,
    TokenizerFacts,
)
from nmt.errors import RunError
from nmt.records import Record, read_record


def run_manifest(run: Path) -> Manifest:
    """Its `format` is that of the file. Raises NotPreparedError where there is none, RunError where it is unusable."""
    path, hint = run / MANIFEST, "Restore the run folder from a copy, or train again."
    try:
        match read_record(path, Format, hint).format:
            case 1:
                return read_record(path, _Manifest1, hint).today()
            case number if number in READABLE:
                return read_record(path, Manifest, hint)
            case number:
                raise RunError(f"{path} has format {number}, but this nmt reads formats 1 to {FORMAT}.", "Update nmt.")
    except FileNotFoundError:
        raise NotPreparedError(f"{run} has no {MANIFEST}.", hint) from None


def same_data(run: Manifest, prepared: Manifest) -> bool:
    """Whether a run that was begun with one may go on with the other: the same files; or, of a run of an older format,
    the same text, tokenizer and keys of the data.
    """
    if run.prepares_the_same(prepared):
        return True
    keys = {key for key in run.sections.keys() & prepared.sections.keys() if key.startswith("data.")}
    return (
        run.format != prepared.format
        and run.inputs == prepared.inputs
        and all(run.sections[key] == prepared.sections[key] for key in keys)
        and run.tokenizer.fingerprint == prepared.tokenizer.fingerprint
    )


# --- format 1: one pair of languages, by side ------------------------------------------------------------------------


class _Split1(Record):
    read: int
    dropped: dict[str, int]
    pairs: int
    src_tokens: int
    tgt_tokens: int
    src_longest: int
    tgt_longest: int
    src_p99: int | None = None
    tgt_p99: int | None = None
    src_several_sentences: float | None = None

    def today(self, names: dict[str, str]) -> SplitStatistics:
        return SplitStatistics(
            read=self.read, dropped=self.dropped, examples=self.pairs,
            src=SideStatistics(tokens=self.src_tokens, longest=self.src_longest, p99=self.src_p99,
                               several_sentences=self.src_several_sentences),
            tgt=SideStatistics(tokens=self.tgt_tokens, longest=self.tgt_longest, p99=self.tgt_p99),
            lines=dict.fromkeys(names.values(), self.pairs),
        )  # fmt: skip


class _Tokenizer1(Record):
    fingerprint: str
    src_vocab_size: int
    tgt_vocab_size: int
    lines: int


class _Manifest1(Record):
    format: int
    nmt: str
    name: str
    fingerprint: str
    sections: dict[str, str | int | float | bool | None]
    inputs: dict[str, File]
    outputs: dict[str, File]
    splits: dict[str, _Split1]
    tokenizer: _Tokenizer1
    audit: Audit

    @model_validator(mode="after")
    def _whole(self) -> _Manifest1:
        if not {"train", "valid"} <= self.splits.keys():
            raise ValueError("it lacks the splits `train` and `valid`")
        if not {"data.source_lang", "data.target_lang"} <= self.sections.keys():
            raise ValueError("it lacks the languages in `sections`")
        return self

    def today(self) -> Manifest:
        """As if it had been written now, with one corpus in place of those that it does not count."""
        src, tgt = (str(self.sections[f"data.{side}_lang"]) for side in ("source", "target"))
        same = src == tgt
        names = {"src": f"{src}.src" if same else src, "tgt": f"{tgt}.tgt" if same else tgt}
        sizes = {"src": self.tokenizer.src_vocab_size, "tgt": self.tokenizer.tgt_vocab_size}
        pairs = {name: split.pairs for name, split in self.splits.items()}
        return Manifest(
            format=self.format, nmt=self.nmt, name=self.name, fingerprint=self.fingerprint, sections=self.sections,
            inputs=self.inputs, outputs={_renamed(name, names): file for name, file in self.outputs.items()},
            corpora=[Corpus(name="", split="train", src=names["src"], tgt=names["tgt"], examples=pairs, sha256={},
                            read=self.splits["train"].read)],
            languages={names["src"]: Language(vocabulary="src", vocab_size=sizes["src"]),
                       names["tgt"]: Language(vocabulary="tgt", vocab_size=sizes["tgt"])},
            splits={name: split.today(names) for name, split in self.splits.items()},
            tokenizer=TokenizerFacts(**self.tokenizer.model_dump()), audit=self.audit,
        )  # fmt: skip


def _renamed(name: str, names: dict[str, str]) -> str:
    """`train.src.u16` as `train.en.u16`."""
    for side, language in names.items():
        for suffix in ("u16", "u32", "offsets.npy", "txt"):
            if name.endswith(f".{side}.{suffix}"):
                return f"{name.removesuffix(f'{side}.{suffix}')}{language}.{suffix}"
    return name
