"""Hashes by which lines and pairs are found to be the same: duplicates, leaks, what is held out together.

Lines are the same where nothing is different that a reader or the tokenizer goes by: a double space, a no-break space,
a full-width form or a soft hyphen makes no other sentence.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

Keys = npt.NDArray[np.uint64]
_TOGETHER = 1 << 20  # keys that are compared at a time, so that memory stays flat

# Soft hyphen, zero-width space, word joiner, byte order mark, marks of direction; but no joiners, which change letters.
_INVISIBLE = "\xad\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
_SPACES = "\t\r\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2028\u2029\u202f"  # others NFKC makes plain


def alike(text: str) -> str:
    """Lines, joined by \\n, in the form that they share with those that are the same: in NFKC (Unicode Standard Annex
    15), without invisible characters, with white space as single spaces between words. Most text is so already, and
    only looked through.
    """
    for invisible in _INVISIBLE:
        if invisible in text:
            text = text.replace(invisible, "")
    for space in _SPACES:
        if space in text:
            text = text.replace(space, " ")
    if not unicodedata.is_normalized("NFKC", text):
        text = "\n".join([line if line.isascii() else unicodedata.normalize("NFKC", line) for line in text.split("\n")])
    if "  " in text:
        text = re.sub("  +", " ", text)
    return text.replace("\n ", "\n").replace(" \n", "\n").strip(" ")


def source_keys(text: str, lines: int) -> Keys:
    """Of the first `lines` of a text made `alike`; case makes no difference."""
    return _hashes(text.casefold().encode().split(b"\n")[:lines])


def pair_keys(src: Sequence[bytes], tgt: Sequence[bytes]) -> Keys:
    """Of lines of texts made `alike`; case makes a difference."""
    return _hashes(map(b"\n".join, zip(src, tgt, strict=True)))


def _hashes(lines: Iterable[bytes]) -> Keys:
    """64 bits, the same in every process; of 5 million lines, two collide with a chance of 1 in a million."""
    return np.frombuffer(b"".join([blake2b(line, digest_size=8).digest() for line in lines]), "<u8")


def among(keys: Keys, some: Keys) -> npt.NDArray[np.bool_]:
    """Which of many keys are one of some."""
    found = np.zeros(len(keys), np.bool_)
    some = np.unique(some)
    for begin in range(0, len(keys) if len(some) else 0, _TOGETHER):
        part = keys[begin : begin + _TOGETHER]
        at = np.minimum(np.searchsorted(some, part), len(some) - 1)
        found[begin : begin + _TOGETHER] = some[at] == part
    return found


def there(some: Keys, keys: Keys) -> npt.NDArray[np.bool_]:
    """Which of some keys are one of many."""
    return np.isin(some, keys[among(keys, some)])


def repeated(keys: Keys) -> npt.NDArray[np.bool_]:
    """Of each key whether it stood before. They are sorted a part at a time: those that begin with the same bits."""
    found = np.zeros(len(keys), np.bool_)
    first_bits = (keys >> np.uint64(56)).astype(np.uint8)
    step = max(1, 256 * 2 * _TOGETHER // max(1, len(keys)))
    for low in range(0, 256, step):
        own = np.flatnonzero((first_bits >= low) & (first_bits <= min(255, low + step - 1)))
        again = np.ones(len(own), np.bool_)
        again[np.unique(keys[own], return_index=True)[1]] = False
        found[own[again]] = True
    return found
