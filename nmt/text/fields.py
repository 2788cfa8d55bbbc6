"""A source of several fields, such as question and context, or of several turns, as one line: with a TAB between them.

So a line of a table is a source as it stands. Fields have spaces in place of TABs of their own: a text can no more make
a field than it can make the control piece that stands for the TAB among the ids.
"""

from __future__ import annotations

from collections.abc import Sequence

SEP, TURN = "<sep>", "<turn>"  # the control pieces between fields, and between turns
TAB = "\t"


def join(fields: Sequence[bytes], turns: bool) -> bytes:
    """Of turns those that say something, however many they are; of fields all, so that each has its place."""
    plain = [field.replace(b"\t", b" ") for field in fields]
    return b"\t".join(field for field in plain if field.strip()) if turns else b"\t".join(plain)


def join_text(fields: Sequence[str], turns: bool) -> str:
    return join([field.encode() for field in fields], turns).decode()
