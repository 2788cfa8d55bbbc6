"""JSON of messages (nested, i18next, ARB): string values, edited where they stand; keys, order and layout stay."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from nmt.errors import DataError
from nmt.formats.document import About, CodeOf, Document, Slot, Unit, decoded, edited, source_only
from nmt.formats.icu import branches, quoted, with_numbers
from nmt.text.inline import Inline, has_letters, with_codes

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\],:]')
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
NO_TEXT = re.compile(  # URLs, addresses, paths, names; but `Loading...` is a word
    r"(?:https?|mailto|ftp):\S*|[^\s@]++@[^\s.]++\.\S++"
    r"|(?!(?:[^\W\d_]|-)+\.+$)[#.~/]?(?=[\w-]*?[/_.\d])[\w./#?=&%-]++"
)


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it is no JSON, or has no text at the keys that were asked for."""
    text, encode = decoded(data, about.name)
    try:
        json.loads(text)
    except json.JSONDecodeError as e:
        raise DataError(f"{about.name}:{e.lineno} is not valid JSON: {e.msg} (character {e.colno}).") from None
    except RecursionError:
        raise DataError(f"{about.name} has too many lists and objects within each other.") from None
    arb = about.name.lower().endswith(".arb")
    plain_ascii = text.isascii() and "\\u" in text
    slots: list[Slot] = []
    locale: tuple[int, int, str] | None = None
    for path, begin, raw in _values(text):
        if arb and any(key.startswith("@") for key in path):
            if path == ["@@locale"] and about.target:
                locale = (begin, begin + len(raw), about.target.replace("-", "_"))
            continue
        if not about.keys or any(fnmatchcase(".".join(path), pattern) for pattern in about.keys):
            slots += _slots(raw, begin, ".".join(path), plain_ascii, arb)

    def write() -> bytes:
        if not any(slot.unit.changed for slot in slots):
            return data
        return encode(edited(text, slots, edits=[locale] if locale else []))

    if about.keys and not slots:
        raise DataError(f"{about.name} has no text at {', '.join(about.keys)}.", "A key is written as in: menu.file.*")
    return Document([slot.unit for slot in slots], write)


def _slots(raw: str, begin: int, path: str, plain_ascii: bool, arb: bool) -> Iterator[Slot]:
    """Of one string: of an ICU message each of its branches."""
    text, places = _unescaped(raw)
    if NO_TEXT.fullmatch(text):
        return
    frames = branches(text)

    def render(target: Inline, code: CodeOf) -> str:
        return _written(target, code, plain_ascii, bool(frames) or arb)

    for number, (first, last) in enumerate(frames or [(0, len(text))], 1):
        source = with_numbers(text[first:last]) if frames else with_codes(text[first:last])
        if has_letters(source):
            unit = Unit(source, f"{path}, part {number}" if frames else path)
            yield Slot(begin + places[first], begin + places[last], unit, render)


def _written(target: Inline, code: CodeOf, plain_ascii: bool, icu: bool) -> str:
    text = source_only(target, code, str)
    return json.dumps(quoted(text) if icu else text, ensure_ascii=plain_ascii)[1:-1]


def _unescaped(raw: str) -> tuple[str, list[int]]:
    """The characters of a string, and where each begins; at last where it ends."""
    characters: list[str] = []
    places: list[int] = []
    at = 0
    while at < len(raw):
        match = _ESCAPE.match(raw, at)
        character, end = raw[at], at + 1
        if match:
            character, end = chr(int(match[1], 16)) if match[1] else _ESCAPES.get(match[2], match[2]), match.end()
            low = _ESCAPE.match(raw, end)
            if "\ud800" <= character <= "\udbff" and low and low[1] and 0xDC00 <= int(low[1], 16) <= 0xDFFF:
                character = (character + chr(int(low[1], 16))).encode("utf-16", "surrogatepass").decode("utf-16")
                end = low.end()
            elif "\ud800" <= character <= "\udfff":
                character = "\ufffd"
        characters.append(character)
        places.append(at)
        at = end
    return "".join(characters), [*places, len(raw)]


def _values(text: str) -> Iterator[tuple[list[str], int, str]]:
    """Of each string that is a value: the keys to it (of lists numbers), where its content begins, and that."""
    path: list[str] = []
    lists: list[bool] = []
    at_key = False
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "{" | "[":
                lists.append(token[0] == "[")
                path.append("0" if lists[-1] else "")
                at_key = not lists[-1]
            case "}" | "]":
                lists.pop()
                path.pop()
                at_key = False
            case ",":
                at_key = not lists[-1]
                if lists[-1]:
                    path[-1] = str(int(path[-1]) + 1)
            case ":":
                at_key = False
            case _ if at_key:
                path[-1] = _unescaped(token[1])[0]
            case _:
                yield [*path], token.start(1), token[1]
