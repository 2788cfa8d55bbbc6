"""Strings of programs as their files write them: text with escapes, tags and placeholders."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator

from nmt.text.inline import Inline, Span, Tag, pairs, with_codes, written

# What printf and Apple's catalogues have besides placeholders, and what has to stay as it is no less.
_FIXED = re.compile(r"%%|%#@\w+@|%arg\b")
UNICODE = r"(?:\\[uU][dD][89abAB][0-9a-fA-F]{2})?\\[uU][0-9a-fA-F]{4}"  # one character
_BULLET = re.compile(r"[-*•]\s")
_HEX = re.compile(r"\\[uU]([0-9a-fA-F]{4})")


def message(raw: str, escapes: re.Pattern[str], signs: Callable[[str], str]) -> Inline:
    """`escapes` finds them in the text as it is written; `signs` says what one of them stands for, or nothing where
    that is not text. Escapes of white space, and those without signs, are tags: they stay as they are written.
    """
    both = re.compile(f"(?:{_FIXED.pattern})|(?:{escapes.pattern})", escapes.flags)
    items: list[str | Tag] = []
    for item in with_codes(raw):
        for part in [item] if isinstance(item, Tag) else _parts(item, both, signs):
            if isinstance(part, str) and items and isinstance(items[-1], str):
                items[-1] += part
            elif _is_space(part) and items and _is_space(items[-1]):
                items[-1] = Tag(written([items[-1], part]), text=" ")
            elif part:
                items.append(part)
    return tuple(items)


def _is_space(item: str | Tag) -> bool:
    return isinstance(item, Tag) and item.text.isspace() and not item.name


def paragraphs(raw: str, new_line: str, read: Callable[[Span], Inline]) -> list[tuple[Span, Inline]]:
    """Where each stands, and what it is; the whole as one, where tags go across the end of one. `new_line` is a pattern
    of line breaks as they are written; one alone may be within a sentence.
    """
    cuts = [match.span() for match in re.finditer(rf"(?:\s|{new_line})++", raw) if _is_end(raw, match, new_line)]
    spans = [*zip([0, *(end for _, end in cuts)], [*(begin for begin, _ in cuts), len(raw)], strict=True)]
    found = [(span, read(span)) for span in spans]
    return found if all(_is_whole(items) for _, items in found) else [((0, len(raw)), read((0, len(raw))))]


def _is_end(raw: str, spaces: re.Match[str], new_line: str) -> bool:
    breaks = len(re.findall(new_line, spaces[0]))
    ends = raw[max(0, spaces.start() - 1) : spaces.start()] in tuple(".!?:;…") or bool(_BULLET.match(raw, spaces.end()))
    return breaks > 1 or (breaks == 1 and ends)


def _is_whole(items: Inline) -> bool:
    return 2 * len(pairs(items)[0]) == sum(isinstance(item, Tag) and item.kind != "alone" for item in items)


def _parts(text: str, both: re.Pattern[str], signs: Callable[[str], str]) -> Iterator[str | Tag]:
    at = 0
    for match in both.finditer(text):
        yield text[at : match.start()]
        at = match.end()
        code = match[0]
        if _FIXED.fullmatch(code):
            yield Tag(code, text="%" if code == "%%" else code)
            continue
        sign = signs(code)
        is_text = sign and not sign.isspace() and unicodedata.category(sign) not in ("Cc", "Cs", "Zl", "Zp")
        yield sign if is_text else Tag(code, text=" " if sign.isspace() else "")
    yield text[at:]


def characters(escapes: str) -> str:
    r"""Of `\u00e9`; nothing where it is half a character."""
    units = "".join(chr(int(code, 16)) for code in _HEX.findall(escapes))
    try:
        return units.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return ""
