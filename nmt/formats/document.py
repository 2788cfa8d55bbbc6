"""What every format gives: units to translate, and the file with their translations; edited in place, never rebuilt."""

from __future__ import annotations

import codecs
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from nmt.errors import DataError
from nmt.text.inline import Inline, Span, Tag


@dataclass
class Unit:
    """A paragraph, a message, a caption: what is translated as a whole."""

    source: Inline
    where: str  # in the file, for people
    target: Inline | None = None  # None: it stays as it is
    guess: bool = False  # whether the place of a tag in the target is a guess
    from_memory: bool = False
    # What the file has as its translation already; it is no translation of the source where that is read alone.
    known: str = ""

    @property
    def changed(self) -> bool:
        return self.target is not None and self.target != self.source


def _base(language: str) -> str:
    return re.split("[-_@.]", language.lower())[0]


@dataclass(frozen=True)
class About:
    """What a format needs to know besides the file."""

    name: str  # of the file, for people
    source: str = ""  # languages; empty: not known
    target: str = ""
    all: bool = False  # also what has a translation already
    mark: bool = True  # translations as a machine's, where the format can say so
    per_cue: bool = False  # of subtitles: each by itself
    keys: tuple[str, ...] = ()  # of JSON: patterns of those whose values are text; none: all

    def check_target(self, said: Iterable[str]) -> None:
        """Raises DataError where the file says that it is translated into other languages. `fr` is also fr-CA."""
        other = [name for name in said if self.target and _base(name) != _base(self.target)]
        if other:
            raise DataError(
                f"{self.name} says that its translations are in {other[0]}, but the run translates into {self.target}.",
                "Take a run that translates into that language, or mend what the file says.",
            )


@dataclass
class Document:
    """A file that was read. `write` gives it with the units' targets: without any, the very bytes that were read."""

    units: list[Unit]
    write: Callable[[], bytes]
    notes: list[str] = field(default_factory=list)  # that people should hear


# --- text that is edited in place ------------------------------------------------------------------------------------

CodeOf = Callable[[Tag], str]


@dataclass(frozen=True)
class Slot:
    """A stretch of a text, and how it is written once its unit has a target. Slots may lie within another's tags."""

    begin: int
    end: int
    unit: Unit
    render: Callable[[Inline, CodeOf], str]  # of the target; how its tags are written, with what changed in them
    always: bool = False  # also if the target is the source: there is another place for it


def edited(
    text: str, slots: Sequence[Slot], span: Span | None = None, edits: Sequence[tuple[int, int, str]] = ()
) -> str:
    """The text, or a stretch of it, with all that changed. `edits` lie beside the slots; those at one place are made in
    their order.
    """
    changes: list[tuple[int, int, Slot | str]] = [(s.begin, s.end, s) for s in slots if _is_written(s)]
    order = sorted([*edits, *changes], key=lambda one: (one[0], one[1] > one[0], -one[1]))
    begins = [one[0] for one in order]

    def stretch(begin: int, end: int, within: bool) -> str:
        parts = []
        at, i = begin, bisect_left(begins, begin)
        while i < len(order) and order[i][0] < end + (not within):
            first, last, what = order[i]
            i += 1
            if first < at or last > end:
                continue  # within what was written, or around this stretch
            parts.append(text[at:first])
            parts.append(what if isinstance(what, str) else what.render(what.unit.target or (), code))
            at = last
        return "".join([*parts, text[at:end]])

    def code(tag: Tag) -> str:
        return tag.code if tag.at is None else stretch(*tag.at, True)

    return stretch(*(span or (0, len(text))), False)


def _is_written(slot: Slot) -> bool:
    return slot.unit.changed or (slot.always and slot.unit.target is not None)


# --- text as bytes ---------------------------------------------------------------------------------------------------

_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


def decoded(data: bytes, name: str, declared: str = "") -> tuple[str, Callable[[str], bytes]]:
    """The text of a file and how to write such: by its byte order mark, else as it declares, else UTF-8. Raises
    DataError naming the byte that is none.
    """
    bom, encoding = next(((bom, code) for bom, code in _BOMS if data.startswith(bom)), (b"", declared or "utf-8"))
    try:
        codecs.lookup(encoding)
        text = data[len(bom) :].decode(encoding)
        same = text.encode(encoding) == data[len(bom) :]
    except LookupError:
        raise DataError(
            f"{name} says that it is in {encoding!r}, which is not known.", "Convert it to UTF-8."
        ) from None
    except UnicodeError as e:
        at = f" (byte {e.start + len(bom) + 1:,})" if isinstance(e, UnicodeDecodeError) else ""
        raise DataError(f"{name} is not valid {encoding}{at}.", "Convert it to UTF-8.") from None
    if not same:
        raise DataError(f"{name} is in {encoding}, in a way that cannot be kept.", "Convert it to UTF-8.")
    if "\0" in text:
        raise DataError(f"{name} is no text: it has a NUL character.", "Is it a file of another kind?")
    return text, lambda new: bom + new.encode(encoding, "xmlcharrefreplace" if declared else "strict")


def declared_encoding(data: bytes, pattern: str) -> str:
    """What the file says of itself: the first group of the pattern, in its first 2,000 bytes."""
    found = re.search(pattern.encode(), data[:2000], re.IGNORECASE)
    return found[1].decode("ascii", "replace") if found else ""


def text_document(text: str, encode: Callable[[str], bytes], data: bytes, slots: Sequence[Slot]) -> Document:
    """Of a text with slots alone."""
    units = [slot.unit for slot in slots]
    return Document(units, lambda: encode(edited(text, slots)) if any(u.changed for u in units) else data)


def source_only(items: Inline, code: CodeOf, escape: Callable[[str], str]) -> str:
    """Text, escaped, and codes."""
    return "".join(escape(item) if isinstance(item, str) else code(item) for item in items)
