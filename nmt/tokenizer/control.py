"""Control pieces: signs that a model reads or writes beside text, such as `<mask>`.

They are control symbols of SentencePiece, so no text ever becomes one: a line that holds the characters `<mask>` keeps
them as characters. They are appended to a model file, and leave the ids of all other pieces as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

MASK = "<mask>"
SENTINELS = [f"<x{i}>" for i in range(32)]
NAMES = frozenset([MASK, *SENTINELS])

_PIECES = 1  # field of a model: its pieces, in the order of their ids
_TEXT, _SCORE, _TYPE = 1, 2, 3  # fields of a piece
_VARINT, _BYTES, _FLOAT = 0, 2, 5  # wire types
_TYPES = {"normal": 1, "control": 3}


def appended(model: bytes, pieces: Iterable[tuple[str, float, Literal["normal", "control"]]]) -> bytes:
    """The model file with (text, score, type) as further pieces: a repeated field of a protobuf message may go on at
    its end.
    """
    return model + b"".join(_message(_PIECES, _piece(*piece)) for piece in pieces)


def _piece(text: str, score: float, kind: str) -> bytes:
    import struct

    fields = [_message(_TEXT, text.encode()), bytes([_SCORE << 3 | _FLOAT]) + struct.pack("<f", score)]
    return b"".join([*fields, bytes([_TYPE << 3 | _VARINT, _TYPES[kind]])])


def _message(field: int, content: bytes) -> bytes:
    length = bytearray()
    number = len(content)
    while number > 0x7F:
        length.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([field << 3 | _BYTES, *length, number]) + content


def lacking(vocabulary: Sequence[str], wanted: Sequence[str]) -> list[str]:
    """Those of the `wanted` that are no pieces yet."""
    known = set(vocabulary)
    return [name for name in wanted if name not in known]
