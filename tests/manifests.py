"""A manifest for tests that have no text to prepare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nmt.data.manifest import (
    FORMAT,
    Audit,
    Corpus,
    File,
    Language,
    Manifest,
    SideStatistics,
    SplitStatistics,
    TokenizerFacts,
)


def manifest(
    directions: Sequence[tuple[str, str | None]], outputs: Mapping[str, str] | None = None,
    splits: Sequence[str] = ("train", "valid"),
) -> Manifest:  # fmt: skip
    """Of corpora in these directions; `outputs` are sha256 sums by file name."""
    languages = dict.fromkeys(name for direction in directions for name in direction if name is not None)
    side = SideStatistics(tokens=0, longest=0)
    split = SplitStatistics(read=0, dropped={}, examples=0, src=side, tgt=side, lines=dict.fromkeys(languages, 0))
    return Manifest(
        format=FORMAT, nmt="0", name="r", fingerprint="0", sections={}, inputs={},
        outputs={name: File(size=0, sha256=digest) for name, digest in (outputs or {}).items()},
        corpora=[Corpus(name="", split="train", src=src, tgt=tgt, read=0, examples=dict.fromkeys(splits, 0), sha256={})
                 for src, tgt in directions],
        languages={name: Language(vocabulary="src" if name == "en" else "tgt", vocab_size=1 << 16)
                   for name in languages},
        splits=dict.fromkeys(splits, split), audit=Audit(splits={}, warnings=[]),
        tokenizer=TokenizerFacts(fingerprint="0", src_vocab_size=0, tgt_vocab_size=0, lines=0),
    )  # fmt: skip
