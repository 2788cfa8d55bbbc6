"""The model file of SentencePiece, a protocol buffer, of which only what is needed here is read or written.

    1  the pieces, one message each: 1 text, 2 score (float), 3 type    2  how it was trained: 3 kind of model
    3  the rules of normalisation                          5  and those of denormalisation, of pieces put together

The order of the pieces decides their ids. A reader takes fields in any order, so that pieces can be put at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

_PIECE, _TRAINING, _RULES, RESTORING = 1, 2, 3, 5  # fields of the model
_TEXT, _SCORE, _TYPE = 1, 2, 3  # fields of a piece
_KIND = 3  # field of the training
_VARINT, _LENGTH_DELIMITED, _FOUR_BYTES = 0, 2, 5  # wire types
_KINDS: dict[int, Literal["unigram", "bpe"]] = {1: "unigram", 2: "bpe"}
NORMAL, CONTROL, USER_SYMBOL, BYTE = 1, 3, 4, 6  # types of pieces; text is cut into all but control pieces

# Rules that leave a text as it is, without a space in front of it: fields 3 (put one there), 4 (remove others), and 5
# (write `▁` for spaces) of the rules.
AS_IT_IS = bytes([3 << 3, 0, 4 << 3, 0, 5 << 3, 1])
PLAIN = bytes([3 << 3, 0, 4 << 3, 0, 5 << 3, 0])  # the same, and spaces stay spaces


@dataclass(frozen=True)
class Piece:
    text: str
    score: float
    type: int


def pieces_of(model: bytes) -> list[Piece]:
    """By id."""
    found = []
    for field, value in fields(model):
        if field == _PIECE and isinstance(value, bytes):
            parts = dict(fields(value))
            text, score, kind = parts[_TEXT], parts.get(_SCORE, 0.0), parts.get(_TYPE, NORMAL)
            assert isinstance(text, bytes) and isinstance(score, float) and isinstance(kind, int)
            found.append(Piece(text.decode(), score, kind))
    return found


def kind_of(model: bytes) -> Literal["unigram", "bpe"] | None:
    """None: another kind. Raises ValueError where it is no model."""
    training = dict(fields(model)).get(_TRAINING, b"")
    kind = dict(fields(training)).get(_KIND, 1) if isinstance(training, bytes) else None
    return _KINDS.get(kind) if isinstance(kind, int) else None


def replace_rules(model: bytes, rules: bytes) -> bytes:
    """The model with other rules; with none if they are empty. Raises ValueError where it is no model."""
    kept = [model[begin:end] for field, begin, end in _places(model) if field != _RULES]
    return b"".join(kept) + (message(_RULES, rules) if rules else b"")


def with_pieces(model: bytes, pieces: Iterable[Piece]) -> bytes:
    """The model with further pieces, behind those that it has."""
    return model + b"".join(message(_PIECE, _piece(piece)) for piece in pieces)


def _piece(piece: Piece) -> bytes:
    score = bytes([_SCORE << 3 | _FOUR_BYTES]) + struct.pack("<f", piece.score)
    return message(_TEXT, piece.text.encode()) + score + bytes([_TYPE << 3 | _VARINT, piece.type])


def fields(content: bytes) -> Iterator[tuple[int, bytes | int | float]]:
    """Number and value of each field of a message. Raises ValueError where it is none."""
    at = 0
    while at < len(content):
        tag, at = _read_varint(content, at)
        value: bytes | int | float
        match tag & 7:
            case wire if wire == _VARINT:
                value, at = _read_varint(content, at)
            case wire if wire == _LENGTH_DELIMITED:
                length, at = _read_varint(content, at)
                value, at = content[at : at + length], at + length
            case wire if wire == _FOUR_BYTES and at + 4 <= len(content):
                value, at = struct.unpack_from("<f", content, at)[0], at + 4
            case _:
                raise ValueError("not a SentencePiece model")
        if at > len(content):
            raise ValueError("not a SentencePiece model")
        yield tag >> 3, value


def _places(model: bytes) -> Iterator[tuple[int, int, int]]:
    """Number, begin and end of each field of a model, all of which are messages. A tokenizer is read many times, and
    has thousands of pieces: nothing is copied, and nearly all tags and lengths are one byte.
    """
    at = 0
    while at < len(model):
        begin = at
        tag, at = (model[at], at + 1) if model[at] < 0x80 else _read_varint(model, at)
        if tag & 7 != _LENGTH_DELIMITED or at == len(model):
            raise ValueError("not a SentencePiece model")
        length, at = (model[at], at + 1) if model[at] < 0x80 else _read_varint(model, at)
        at += length
        if at > len(model):
            raise ValueError("not a SentencePiece model")
        yield tag >> 3, begin, at


def message(field: int, content: bytes) -> bytes:
    """A field that holds bytes, text or a message."""
    return _varint(field << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def integer(field: int, number: int) -> bytes:
    """A field that holds a number that is not negative."""
    return _varint(field << 3 | _VARINT) + _varint(number)


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(message):
        byte = message[at]
        number |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return number, at
    raise ValueError("not a SentencePiece model")
