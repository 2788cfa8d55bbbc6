"""HTML and XHTML: text between block elements, with the inline ones as tags; and attributes that people read."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from nmt.formats.document import About, CodeOf, Document, Slot, Unit, declared_encoding, decoded, edited, source_only
from nmt.text.inline import Inline, Span, Tag, has_letters, with_placeholders, written

_TOKEN = re.compile(
    r"(?P<other><!--.*?-->|<!\[CDATA\[.*?\]\]>|<![^>]*>|<\?[^>]*>)"
    r"""|<(?P<close>/?)(?P<name>[A-Za-z][^\s/>"'<]*)(?P<rest>(?:[^>"'<]++|"[^"]*+"|'[^']*+')*+|[^<>]*)>""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s"'>/=]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")
_INLINE = re.compile(
    "a|abbr|acronym|b|bdi|bdo|big|br|button|canvas|cite|code|data|del|dfn|em|font|i|iframe|img|input|ins|kbd|label|map|"
    "mark|math|meter|nobr|object|output|picture|progress|q|ruby|rb|rp|rt|s|samp|small|source|span|strike|strong|sub|"
    "sup|svg|time|tt|u|var|video|audio|wbr|.+-.+"
)
_VOID = re.compile("area|base|br|col|embed|hr|img|input|link|meta|param|source|track|wbr")
_VOID_END = re.compile(r"</([A-Za-z]+)\s*>")  # which XML asks for: <br></br>
_RAW = ("script", "style", "textarea", "xmp", "template")  # in which nothing is a tag, or nothing is read
_OPAQUE = {*_RAW, "pre", "code", "kbd", "samp", "var", "math", "svg", "iframe", "object", "video", "audio", "canvas"}
_READ = ("alt", "title", "placeholder", "aria-label")  # attributes
_SHOWN = 40  # characters of code that stand in the sentence


@dataclass
class _Token:
    span: Span
    name: str = ""  # in lower case; none: text or a comment
    close: bool = False
    attributes: dict[str, tuple[str, Span]] | None = None
    opaque: bool = False  # the whole element


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it is in no encoding that is known."""
    declared = declared_encoding(data, r"<meta[^>]+charset=[\"']?\s*([\w.:-]+)")
    declared = declared or declared_encoding(data, r"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)") or "utf-8"
    text, encode = decoded(data, about.name, declared)
    slots = html_slots(text, (0, len(text)))

    def write() -> bytes:
        if not any(slot.unit.changed for slot in slots):
            return data
        return encode(edited(text, slots, edits=language_edits(text, about)))

    return Document([slot.unit for slot in slots], write)


def language_edits(text: str, about: About) -> list[tuple[int, int, str]]:
    """What sets the language of the page, where it says one."""
    first = next((t for t in _tokens(text, (0, len(text))) if t.name == "html"), None)
    found = first.attributes if first else None
    names = [name for name in ("lang", "xml:lang") if found and found.get(name, ("",))[0]]
    return [(*found[name][1], about.target) for name in names if found and about.target]


def html_slots(text: str, span: Span) -> list[Slot]:
    """Of a page, or a part of it; attributes come before the text that they are in."""
    slots: list[Slot] = []
    run: list[_Token] = []
    nbsp = "&nbsp;" if "&nbsp;" in text else "\xa0"
    for token in [*_tokens(text, span), _Token((span[1], span[1]), "/")]:
        slots += _attributes(text, token)
        if not token.name or _INLINE.fullmatch(token.name):
            run.append(token)
            continue
        slots += _run(text, run, nbsp)
        run = []
    return slots


def _attributes(text: str, token: _Token) -> Iterator[Slot]:
    found = {} if token.opaque else token.attributes or {}
    if found.get("translate", ("",))[0] == "no":
        return
    read_ = [name for name in _READ if name in found]
    if token.name == "meta" and found.get("name", ("",))[0].lower() == "description" and "content" in found:
        read_.append("content")
    if token.name == "input" and found.get("type", ("",))[0].lower() in ("submit", "button") and "value" in found:
        read_.append("value")
    for name in read_:
        value, where = found[name]
        unit = Unit(with_placeholders([value]), f"{_line(text, token.span)} ({name})")
        if has_letters(unit.source):
            quote = text[where[0] - 1]
            yield Slot(*where, unit, lambda target, _, q=quote: _quoted(written(target), q))  # type: ignore[misc]


def _run(text: str, run: list[_Token], nbsp: str) -> Iterator[Slot]:
    """Of what stands between two blocks."""
    while run and not run[0].name and not text[slice(*run[0].span)].strip():
        run = run[1:]
    items: list[str | Tag] = []
    for token in run:
        raw = text[slice(*token.span)]
        if not token.name and not raw.startswith(("<!", "<?")):
            items.append(html.unescape(raw))
        elif token.opaque:
            inner = html.unescape(re.sub(r"<[^>]*>", "", raw)).strip()
            shown = inner if token.name in ("code", "kbd", "samp", "var") and len(inner) <= _SHOWN else ""
            items.append(Tag(raw, text=shown, at=token.span))
        elif token.name and not _VOID.fullmatch(token.name) and not raw.endswith("/>"):
            items.append(Tag(raw, "close" if token.close else "open", token.name, at=token.span))
        else:
            items.append(Tag(raw, text=" " if token.name == "br" else "", at=token.span))
    source = with_placeholders(items)
    if has_letters(source):
        begin, end = run[0].span[0], run[-1].span[1]
        unit = Unit(source, _line(text, (begin, end)))
        yield Slot(begin, end, unit, lambda target, code: _written(target, code, nbsp))


def _written(target: Inline, code: CodeOf, nbsp: str) -> str:
    return source_only(target, _code(code, _escaped), lambda text: _escaped(text).replace("\xa0", nbsp))


def _code(code: CodeOf, escape: Callable[[str], str]) -> CodeOf:
    """Placeholders, which are text to HTML, are escaped too."""
    return lambda tag: escape(tag.code) if tag.at is None else code(tag)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _quoted(text: str, quote: str) -> str:
    text = _escaped(text)
    return text.replace(quote, "&quot;" if quote == '"' else "&#39;") if quote in "\"'" else text.replace(" ", "&#32;")


def _line(text: str, span: Span) -> str:
    begin = span[0] + len(text[slice(*span)]) - len(text[slice(*span)].lstrip())
    return f"line {text.count(chr(10), 0, begin) + 1:,}"


# --- tokens ----------------------------------------------------------------------------------------------------------


def _tokens(text: str, span: Span) -> Iterator[_Token]:
    """Text, tags and comments, in order; of elements that are not read, the whole."""
    at, end = span
    while at < end:
        match = _TOKEN.search(text, at, end)
        if match is None:
            yield _Token((at, end))
            return
        if match.start() > at:
            yield _Token((at, match.start()))
        at = match.end()
        if match["other"]:
            yield _Token(match.span())
            continue
        name = match["name"].lower()
        attributes: dict[str, tuple[str, Span]] = {}
        for found in _ATTRIBUTE.finditer(text, *match.span("rest")) if not match["close"] else ():
            value, where = found[2] or "", found.span(2) if found[2] else (found.end(), found.end())
            if value[:1] in ("'", '"'):
                value, where = value[1:-1], (where[0] + 1, where[1] - 1)
            attributes.setdefault(found[1].lower(), (html.unescape(value), where))
        untold = attributes.get("translate", ("",))[0].lower() == "no"
        untold = untold or "notranslate" in attributes.get("class", ("",))[0].split()
        alone = bool(_VOID.fullmatch(name)) or match["rest"].endswith("/") or bool(match["close"])
        opaque = not alone and (name in _OPAQUE or (untold and name not in ("html", "body")))
        if opaque:
            at = _end_of(text, name, at, end)
        if not match["close"] and _VOID.fullmatch(name) and (closing := _VOID_END.match(text, at, end)):
            at = closing.end() if closing[1].lower() == name else at
        yield _Token((match.start(), at), name, bool(match["close"]), attributes, opaque)


def _end_of(text: str, name: str, at: int, end: int) -> int:
    """The place after the tag that closes an element whose content begins there."""
    depth = 1
    for match in re.compile(rf"<(/?){re.escape(name)}(?=[\s/>])[^>]*>", re.IGNORECASE).finditer(text, at, end):
        if match[0].endswith("/>"):
            continue
        depth += -1 if match[1] else name not in _RAW
        if depth == 0:
            return match.end()
    return end
