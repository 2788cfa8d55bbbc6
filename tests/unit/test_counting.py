"""How much text there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nmt.data.corpus import PairSource
from nmt.data.counting import count_characters, count_pairs, distinct_characters
from nmt.recipe import Corpus


def test_characters_are_counted_not_bytes() -> None:
    counts = count_characters(["été".encode(), "日本".encode(), b"e"])
    assert counts.sum() == 6
    assert [counts[ord(c)] for c in "éte日"] == [2, 1, 1, 1]


def test_bytes_that_are_no_text_count_as_replacement_characters() -> None:
    assert count_characters([b"a\xff"])[0xFFFD] == 1


def test_rare_characters_do_not_count_as_different() -> None:
    counts = np.zeros(0x110000, np.int64)
    assert distinct_characters(counts) == 0
    counts[[ord("a"), ord("b")]] = 6000, 3999
    assert distinct_characters(counts) == 2
    counts[ord("z")] = 1
    assert distinct_characters(counts) == 2
    counts[ord("z")] = 100
    assert distinct_characters(counts) == 3


def test_pairs_of_several_corpora_are_counted_together(tmp_path: Path) -> None:
    (tmp_path / "a.en").write_text("one\ntwo\n")
    (tmp_path / "a.fr").write_text("un\ndeux\n")
    (tmp_path / "b.tsv").write_text("three\ttrois\n")
    sources = [
        PairSource(Corpus(source="a.en", target="a.fr"), tmp_path),
        PairSource(Corpus(path="b.tsv", source=0, target=1), tmp_path),
    ]
    found = count_pairs(sources)
    assert (found.pairs, found.characters) == (3, (11, 11))


def test_of_a_corpus_what_is_taken_counts(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("one\tun\n" * 10)
    corpora = [Corpus(path="a.tsv", source=0, target=1, take=4), Corpus(path="a.tsv", source=0, target=1, take=40)]
    found = count_pairs([PairSource(corpus, tmp_path) for corpus in corpora])
    assert (found.lines, found.characters) == ((14, 14), (42, 28))
