"""Plain text: a line is a unit."""

from __future__ import annotations

import re

from nmt.formats.document import About, Document, Slot, Unit, decoded, text_document
from nmt.text.inline import has_letters, plain


def read(data: bytes, about: About) -> Document:
    """Lines end in LF or CR LF. Tags and placeholders in them are text like any other, as for `nmt translate` without a
    file.
    """
    text, encode = decoded(data, about.name)
    slots = [
        Slot(*match.span(), Unit((match[0],), f"line {number:,}"), lambda target, _: plain(target))
        for number, line in enumerate(re.finditer(r"[^\n]*\n?", text), 1)
        if (match := re.compile(r"[^\r\n](?:[^\n]*[^\r\n])?").search(text, *line.span())) and has_letters((match[0],))
    ]
    return text_document(text, encode, data, slots)
