"""PO and POT: messages of gettext. Only `msgstr` and the flag `fuzzy` are written; all other lines stay as they are."""

from __future__ import annotations

import gettext
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, declared_encoding, decoded, edited, source_only
from nmt.text.inline import Inline, Span, Tag, has_letters, plain, with_codes

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FIELD = re.compile(r'(msgctxt|msgid_plural|msgid|msgstr)(?:\[(\d+)\])?\s*(".*")\s*$')
_STRING = re.compile(r'\s*(".*")\s*$')
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{2})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_LANGUAGE = re.compile(r"^Language:[ \t]*(\S+)", re.MULTILINE)
_FORMS = re.compile(r"nplurals\s*=\s*(\d+)\s*;\s*plural\s*=\s*([^;]+)")


@dataclass
class Entry:
    """A message: its texts, and where they stand."""

    line: int
    texts: dict[str, str] = field(default_factory=dict)  # by keyword, of msgstr with its number: `msgstr[0]`
    spans: dict[str, Span] = field(default_factory=dict)  # of the strings
    begin: int = -1  # of msgctxt, or msgid, or the comment with what it was before
    flags: tuple[int, str] | None = None  # where its flags stand, and what they are
    end: int = 0


def read(data: bytes, about: About) -> Document:
    """Without `about.all` only messages that have no translation yet. Raises DataError naming a line that is none."""
    text, encode = decoded(data, about.name, _declared(data))
    entries = list(entries_of(text, about.name))
    header = next((e.texts.get("msgstr", "") for e in entries if e.texts.get("msgid") == ""), "")
    about.check_target(_LANGUAGE.findall(header))
    number, form = plural_forms(header, entries)
    end = "\r\n" if "\r\n" in text else "\n"
    slots: list[Slot] = []
    edits: list[tuple[int, int, Callable[[], str]]] = []
    for entry in entries:
        own = list(_slots(entry, about, number, form, end)) if entry.texts.get("msgid") else []
        slots += own
        if own and about.mark and (entry.flags is None or "fuzzy" not in entry.flags[1]):
            place = entry.begin if entry.flags is None else entry.flags[0]
            edits.append((place, place, _fuzzy(own, entry.flags is None, end)))

    def write() -> bytes:
        if all(slot.unit.target is None for slot in slots):
            return data
        return encode(edited(text, slots, edits=[(b, e, new()) for b, e, new in edits]))

    note = "Translations are marked `fuzzy`: msgfmt leaves them out until somebody has looked at them. Or: --no-mark"
    return Document([slot.unit for slot in slots], write, [note] if about.mark and slots else [])


def _declared(data: bytes) -> str:
    found = declared_encoding(data, r"Content-Type:[^\n]*?charset=([\w.:-]+?)\\n")
    return "" if found == "CHARSET" else found


def _fuzzy(slots: list[Slot], new_line: bool, end: str) -> Callable[[], str]:
    text = f"#, fuzzy{end}" if new_line else " fuzzy,"
    return lambda: text if any(slot.unit.target is not None for slot in slots) else ""


def _slots(entry: Entry, about: About, number: int, form: Callable[[int], int], end: str) -> Iterator[Slot]:
    plural = entry.texts.get("msgid_plural")
    forms = [key for key in entry.texts if key.startswith("msgstr")]
    if not about.all and any(entry.texts[key] for key in forms):
        return
    one = form(1)
    for key in forms:
        index = int(key[7:-1]) if "[" in key else 0
        text = entry.texts["msgid"] if plural is None or (number > 1 and index == one) else plural
        source = _codes(text)
        if has_letters(source):
            where = f"line {entry.line:,}" + (f", form {index}" if plural is not None else "")
            unit = Unit(source, where, known=entry.texts[key])
            yield Slot(*entry.spans[key], unit, lambda target, code: _written(target, code, end), always=True)


def _codes(text: str) -> Inline:
    """With line breaks as tags, so that there are as many in the translation."""
    return tuple(
        part for item in with_codes(text) for part in ([item] if isinstance(item, Tag) else _broken(item)) if part != ""
    )


def _broken(text: str) -> Iterator[str | Tag]:
    for i, line in enumerate(re.split(r"(?<=\S)\n(?=\S)", text)):
        if i:
            yield Tag("\n", text=" ")
        yield line


def _written(target: Inline, code: CodeOf, end: str) -> str:
    """A string; of several lines one after the other, as gettext writes them."""
    lines = source_only(target, code, str).split("\n")
    strings = [f'"{escaped(line)}\\n"' for line in lines[:-1]] + ([f'"{escaped(lines[-1])}"'] if lines[-1] else [])
    return strings[0] if len(strings) == 1 else end.join(['""', *strings])


def escaped(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")


def unescaped(strings: str) -> str:
    """Of what stands between the quotes of one string or several."""
    return _ESCAPE.sub(_character, strings)


def _character(match: re.Match[str]) -> str:
    if match[1]:
        return chr(int(match[1], 8))
    return chr(int(match[2], 16)) if match[2] else _ESCAPES.get(match[3], match[3])


def plural_forms(header: str, entries: list[Entry]) -> tuple[int, Callable[[int], int]]:
    """How many, and which one a number takes: as the header says, else as many as there are, the first of which is for
    one.
    """
    found = _FORMS.search(header)
    if found:
        try:
            return int(found[1]), gettext.c2py(found[2].strip())
        except (ValueError, RecursionError):
            pass
    number = max((sum(key.startswith("msgstr[") for key in entry.texts) for entry in entries), default=2)
    return number, lambda n: int(n != 1)


def entries_of(text: str, name: str) -> Iterator[Entry]:
    """The messages of a file that are not obsolete. Raises DataError naming the line that cannot be."""
    entry = Entry(1)
    current = ""
    at = 0
    for number, line in enumerate(_LINE.findall(text), 1):
        begin, at = at, at + len(line)
        bare = line.strip()
        if bare.startswith("#") or not bare:
            current = ""
            if entry.texts and any(key.startswith("msgstr") for key in entry.texts):
                yield entry
                entry = Entry(number)
            if bare.startswith("#,"):
                entry.flags = begin + line.index("#,") + 2, bare
            elif bare.startswith("#|") and entry.begin < 0:
                entry.begin = begin
            elif not bare:
                entry = Entry(number)
            continue
        if found := _FIELD.match(bare):
            key = found[1] + (f"[{int(found[2])}]" if found[2] else "")
            if key in ("msgctxt", "msgid") and any(k.startswith("msgstr") for k in entry.texts):
                yield entry
                entry = Entry(number)
            if not entry.texts:
                entry.line = number
                entry.begin = begin if entry.begin < 0 else entry.begin
            current = key
            first = begin + line.index(found[3], line.index(found[1]))
            entry.texts[key], entry.spans[key] = unescaped(found[3][1:-1]), (first, first + len(found[3]))
        elif current and (found := _STRING.match(bare)):
            entry.texts[current] += unescaped(found[1][1:-1])
            entry.spans[current] = entry.spans[current][0], begin + len(line.rstrip())
        else:
            raise DataError(f"{name}:{number} is no line of a PO file: {bare[:60]!r}.", "msgfmt -c tells more.")
    if any(key.startswith("msgstr") for key in entry.texts):
        yield entry


def pairs(data: bytes, name: str) -> Iterator[tuple[str, str, int]]:
    """Sources, translations and lines of messages that are translated, and not marked as fuzzy."""
    text, _ = decoded(data, name, _declared(data))
    for entry in entries_of(text, name):
        if entry.texts.get("msgid") and not (entry.flags and "fuzzy" in entry.flags[1]):
            plural = entry.texts.get("msgid_plural")
            for key in (k for k in entry.texts if k.startswith("msgstr")):
                src = entry.texts["msgid"] if plural is None or key == "msgstr[0]" else plural
                if entry.texts[key]:
                    yield plain((src,)), entry.texts[key], entry.line
