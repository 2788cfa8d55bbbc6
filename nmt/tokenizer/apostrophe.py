"""Apostrophes kept apart from the word behind them (`tokenizer.apostrophe: split`).

`l'homme` is cut as `l'￭ homme`: so `homme` has the pieces that it has everywhere, and is learned from all places where
it stands. The joiner `￭`, which the tokenizer of OpenNMT has for the same purpose (https://github.com/OpenNMT/Tokenizer),
says that no space is behind it. Only it is undone, so a line comes back exactly, one with `l' homme` in it, too.

All of it is rules of SentencePiece, of normalisation before a line is cut and of denormalisation after it is put
together. They are in the model file: whoever reads that with SentencePiece gets plain text, without code of ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from nmt.sentencepiece_model import PLAIN, RESTORING, fields, message
from nmt.text.pieces import JOINER

APOSTROPHES = ("'", "’", "＇")
_LATIN = ((0x30, 0x3A), (0x41, 0x250), (0x1E00, 0x1F00))  # digits, and the blocks of letters
_INSTEAD = "■"  # of a joiner in a text, as in Unicode's compatible forms (NFKC)


def with_split(rules: Mapping[str, str]) -> dict[str, str]:
    """Rules of normalisation, text to text, and with them the cut of an apostrophe from a Latin letter or a digit
    behind it.
    """
    firsts = {c for begin, end in _LATIN for c in map(chr, range(begin, end)) if c.isalnum()}
    behind = {c: c for c in firsts} | {text: to for text, to in rules.items() if text[0] in firsts}
    cut = {
        apostrophe + text: f"{rules.get(apostrophe, apostrophe)}{JOINER} {to}"
        for apostrophe in APOSTROPHES
        for text, to in behind.items()
    }
    return {**rules, JOINER: _INSTEAD, **cut}


def with_joining(model: bytes) -> bytes:
    """The model with rules that undo the cut where pieces become text."""
    return model + message(RESTORING, _joining())


def splits(model: bytes) -> bool:
    """Whether a model cuts apostrophes off. Raises ValueError where it is no model."""
    return any(field == RESTORING and value == _joining() for field, value in fields(model))


@cache
def _joining() -> bytes:
    """A serialized NormalizerSpec."""
    from sentencepiece import SentencePieceNormalizer

    spec: bytes = SentencePieceNormalizer(norm_map=[(f"{JOINER} ", ""), (JOINER, "")]).serialized_normalizer_spec()
    return spec + PLAIN
