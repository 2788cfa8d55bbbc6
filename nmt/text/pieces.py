"""Pieces as SentencePiece writes them: which of them begin a word, and what they spell."""

from __future__ import annotations

from collections.abc import Sequence

SPACE = "▁"  # the space before a word
JOINER = "￭"  # no space stands behind it, though the next piece begins with one; see nmt/tokenizer/apostrophe.py


def begin_words(pieces: Sequence[str]) -> list[bool]:
    """Of each piece of a line whether it begins a word of the text, which has spaces between its words."""
    return [
        i == 0 or (piece.startswith(SPACE) and not pieces[i - 1].endswith(JOINER)) for i, piece in enumerate(pieces)
    ]


def bare(piece: str) -> str:
    """Its characters, without spaces."""
    return piece.replace(SPACE, "").replace(JOINER, "")
