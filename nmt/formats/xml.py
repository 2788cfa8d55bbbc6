"""XML as a tree that knows where in the text each of its elements stands, so that the text itself can be edited.

expat says whether it is well-formed; entities of its own, which can grow without end or read files, are refused, and
nothing is ever fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html.entities import html5
from xml.parsers import expat

from nmt.errors import DataError
from nmt.formats.document import declared_encoding, decoded

MAX_DEPTH = 200  # elements within each other
_TOKEN = re.compile(
    r"<!--.*?-->|<!\[CDATA\[(?P<cdata>.*?)\]\]>|<\?.*?\?>|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>|</(?P<end>[^\s>]+)\s*>"
    r"""|<(?P<start>[^\s/>!?]+)(?P<attributes>(?:[^"'>/]++|"[^"]*+"|'[^']*+'|/(?!>))*+)(?P<alone>/?)>|(?P<text>[^<]+)""",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"""([^\s=]+)\s*=\s*("[^"]*"|'[^']*')""")
_REFERENCE = re.compile(r"&(?:#(\d+)|#[xX]([0-9a-fA-F]+)|([\w.-]+));")
XML = "http://www.w3.org/XML/1998/namespace"


@dataclass
class Text:
    """Characters between tags."""

    begin: int
    end: int
    text: str


@dataclass
class Element:
    """From `begin` to `end` in the text; its content from `inner` to `inner_end`."""

    name: str  # without prefix
    prefix: str
    space: str  # its namespace
    attributes: dict[str, str]  # by name as written
    begin: int
    inner: int
    inner_end: int = 0
    end: int = 0
    parent: Element | None = None
    children: list[Element | Text] = field(default_factory=list)

    @property
    def elements(self) -> list[Element]:
        return [child for child in self.children if isinstance(child, Element)]

    def child(self, name: str) -> Element | None:
        return next((child for child in self.elements if child.name == name), None)

    def above(self) -> Iterator[Element]:
        """Itself and what it lies in, from inside to outside."""
        at: Element | None = self
        while at is not None:
            yield at
            at = at.parent

    def walk(self) -> Iterator[Element]:
        """Itself and all elements within, in the order of the text."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting += reversed(element.elements)

    def content(self) -> str:
        """The text of the whole."""
        parts = []
        waiting: list[Element | Text] = [self]
        while waiting:
            item = waiting.pop()
            if isinstance(item, Text):
                parts.append(item.text)
            else:
                waiting += reversed(item.children)
        return "".join(parts)

    def inherited(self, name: str) -> str:
        """An attribute of its own or of the nearest that has it around it."""
        return next((one.attributes[name] for one in self.above() if name in one.attributes), "")

    @property
    def language(self) -> str:
        return self.inherited("xml:lang") or self.inherited("lang")


def read_xml(data: bytes, name: str) -> tuple[str, Callable[[str], bytes], Element]:
    """The text, how to write such, and its root. Raises DataError where it is no well-formed XML, or has entities."""
    text, encode = xml_text(data, name)
    return text, encode, tree(text, name)


def xml_text(data: bytes, name: str) -> tuple[str, Callable[[str], bytes]]:
    """As `read_xml`, without the tree."""
    text, encode = decoded(data, name, declared_encoding(data, r"^\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)"))
    check(text, name)
    return text, encode


def check(text: str, name: str) -> None:
    """Raises DataError where text is no well-formed XML, or declares entities."""
    parser = expat.ParserCreate("utf-8")

    def refuse(entity: str, *_: object) -> None:
        raise DataError(f"{name} declares an entity ({entity[:60]!r}), which is not safe to read.", "Save it without.")

    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as e:
        raise DataError(
            f"{name}:{e.lineno} is not well-formed XML: {expat.ErrorString(e.code)} (character {e.offset + 1}).",
            "Was it cut short? A program that reads such files tells more.",
        ) from None
    except UnicodeError:
        raise DataError(f"{name} is not valid Unicode.", "Convert it to UTF-8.") from None


def tree(text: str, name: str, span: tuple[int, int] | None = None) -> Element:
    """Of well-formed XML, or of an element in it, which knows no namespaces from around it."""
    root: Element | None = None
    open_: list[tuple[Element, dict[str, str]]] = []
    known = {"xml": XML}
    for match in _TOKEN.finditer(text, *span or (0, len(text))):
        if match["start"]:
            attributes = {a[1]: unescaped(a[2][1:-1]) for a in _ATTRIBUTE.finditer(match["attributes"])}
            spaces = open_[-1][1] if open_ else known
            if own := {a[6:]: v for a, v in attributes.items() if a == "xmlns" or a.startswith("xmlns:")}:
                spaces = spaces | own
            prefix, _, local = match["start"].rpartition(":")
            element = Element(local, prefix, spaces.get(prefix, ""), attributes, match.start(), match.end())
            if open_:
                element.parent = open_[-1][0]
                element.parent.children.append(element)
            root = root or element
            if match["alone"]:
                element.inner_end = element.end = match.end()
            else:
                open_.append((element, spaces))
                if len(open_) > MAX_DEPTH:
                    raise DataError(f"{name} has more than {MAX_DEPTH} elements within each other.")
        elif match["end"]:
            element, _ = open_.pop()
            element.inner_end, element.end = match.start(), match.end()
        elif open_ and (match["text"] or match["cdata"]):
            raw = match["cdata"]
            open_[-1][0].children.append(Text(*match.span(), unescaped(match["text"]) if raw is None else raw))
    assert root is not None and not open_, "expat has read it"
    return root


def attribute_edit(text: str, element: Element, name: str, value: str) -> tuple[int, int, str]:
    """What sets an attribute, by its name as written."""
    begin = element.begin + 1 + len(f"{element.prefix}:" if element.prefix else "") + len(element.name)
    for match in _ATTRIBUTE.finditer(text, begin, element.inner):
        if match[1] == name:
            quote = match[2][0]
            return (*match.span(2), f"{quote}{escaped_attribute(value)}{quote}")
    return begin, begin, f' {name}="{escaped_attribute(value)}"'


def allowed(text: str) -> str:
    """Without the characters that XML has not."""
    return _FORBIDDEN.sub("", text)


def escaped(text: str) -> str:
    """As content. Characters that XML has not are left out."""
    return allowed(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def escaped_attribute(text: str) -> str:
    return escaped(text).replace('"', "&quot;").replace("'", "&#39;")


_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def unescaped(text: str) -> str:
    """References as characters; those that nobody knows as they are."""
    return _REFERENCE.sub(_character, text) if "&" in text else text


def _character(match: re.Match[str]) -> str:
    if match[3]:
        return html5.get(f"{match[3]};", match[0])
    value = int(match[1][:8]) if match[1] else int(match[2][:8], 16)
    return chr(value) if 0 < value < 0x110000 and not 0xD800 <= value < 0xE000 else match[0]
