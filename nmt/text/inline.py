"""Text with inline tags: the plain sentence under them, which is translated, and what each of them covers there.

Tags are codes that somebody else understands: of HTML, XLIFF, Word. Placeholders such as `{name}` or `%1$s` are tags
that stand in the sentence as they are. How they come into the translation is the matter of nmt.text.projection.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

Span = tuple[int, int]  # of characters: the first, and that after the last


@dataclass(frozen=True)
class Tag:
    """A code that is no text. Those that open and close, of one name and nested, are a pair; any other stands alone."""

    code: str  # as it is written in its file
    kind: Literal["open", "close", "alone"] = "alone"
    name: str = ""
    text: str = ""  # what stands for it in the sentence: a placeholder's own; a space for what parts words, as <br>
    at: Span | None = field(default=None, compare=False)  # where it stands in its file, if something in it may change

    @property
    def shown(self) -> bool:
        """Whether it can be seen in the sentence."""
        return bool(self.text.strip())


Inline = tuple[str | Tag, ...]

_PLACEHOLDER = re.compile(
    r"""
    \{\{[^{}\n]{1,60}\}\} | [$%\#]?\{[^{}\n]{0,60}\}        # {{x}} {x} ${x} %{x} #{x}
  | \$t\([^()\n]{1,80}\)                                    # of i18next
  | %\(\w+\)[-+0\#]*\d*(?:\.\d+)?[a-zA-Z]                   # %(x)d of Python
  | %(?:\d+\$)?[-+0\#]*\d*(?:\.\d+)?(?:hh|ll|[hlqjzt])?[sdiufFeEgGxXcp@](?![^\W\d_])
  | (?<!_)__[^\W_](?:\w*?[^\W_])?__(?!_)
    """,
    re.VERBOSE,
)
_NAME = r"[A-Za-z][\w:.-]*+"
_CODE = re.compile(rf"<(?P<close>/?)(?P<name>{_NAME})(?:\s[^<>]*?)?\s*(?P<alone>/?)>|<\d[\d:.]*>|<!--.*?-->", re.DOTALL)
ALONE = {"area", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}  # of HTML
_SPACES = " \t\r\n"


def placeholders(text: str) -> list[str]:
    """`{name}`, `{{x}}`, `%(count)d`, `%1$s` and the like, in order."""
    return _PLACEHOLDER.findall(text)


def with_placeholders(items: Iterable[str | Tag]) -> Inline:
    """With the placeholders of the text as tags."""
    return tuple(part for item in items for part in (_marked(item) if isinstance(item, str) else [item]))


def _marked(text: str) -> Iterator[str | Tag]:
    end = 0
    for match in _PLACEHOLDER.finditer(text):
        if match.start() > end:
            yield text[end : match.start()]
        yield Tag(match[0], text=match[0])
        end = match.end()
    if end < len(text):
        yield text[end:]


def tag_of(match: re.Match[str]) -> Tag:
    """Of a tag as in HTML, with groups `name` (None: a comment or a number), `close` and `alone`."""
    name = match["name"]
    if name is None or match["alone"] or name.lower() in ALONE:
        return Tag(match[0], text=" " if name and name.lower() == "br" else "")
    return Tag(match[0], "close" if match["close"] else "open", name)


def with_codes(text: str) -> Inline:
    """Text of a message, in which tags are written as in HTML, with these and its placeholders as tags."""
    items: list[str | Tag] = []
    end = 0
    for match in _CODE.finditer(text):
        items.append(text[end : match.start()])
        end = match.end()
        items.append(tag_of(match))
    return with_placeholders(item for item in [*items, text[end:]] if item)


def written(items: Iterable[str | Tag]) -> str:
    """Text and codes as they are."""
    return "".join(item if isinstance(item, str) else item.code for item in items)


def plain(items: Iterable[str | Tag]) -> str:
    """The text alone, with what stands for tags."""
    return "".join(item if isinstance(item, str) else item.text for item in items)


def has_letters(items: Iterable[str | Tag]) -> bool:
    """Whether there is anything to translate: numbers, signs and placeholders are the same in every language."""
    return any(map(str.isalpha, "".join(item for item in items if isinstance(item, str))))


def pairs(items: Sequence[str | Tag]) -> tuple[dict[int, int], list[Span]]:
    """Which tags are a pair: place of that which opens -> of that which closes. And those that would be, but that they
    cross another.
    """
    found: dict[int, int] = {}
    open_: list[int] = []
    waiting: dict[str, list[int]] = defaultdict(list)
    crossing: list[Span] = []
    for i, item in enumerate(items):
        if isinstance(item, str) or item.kind == "alone":
            continue
        if item.kind == "open":
            open_.append(i)
            continue
        at = next((k for k in range(len(open_) - 1, -1, -1) if _name(items[open_[k]]) == item.name), None)
        if at is not None:
            for left in open_[at + 1 :]:
                waiting[_name(items[left])].append(left)
            found[open_[at]] = i
            del open_[at:]
        elif waiting[item.name]:
            crossing.append((waiting[item.name].pop(), i))
    return found, crossing


def _name(item: str | Tag) -> str:
    return item.name if isinstance(item, Tag) else ""


# --- the sentence ----------------------------------------------------------------------------------------------------


@dataclass
class Node:
    """A tag or a pair of them, and what of the sentence it covers: of one that stands alone, a place."""

    begin: int
    end: int
    order: int  # among all of the sentence
    items: Inline  # the two of a pair; of what covers nothing all that is in it
    children: list[Node] = field(default_factory=list)
    space: tuple[bool, bool] = (False, False)  # whether there is some before and after it in the source

    @property
    def is_pair(self) -> bool:
        return self.end > self.begin and len(self.items) == 2

    @property
    def shown(self) -> bool:
        return self.end > self.begin and len(self.items) == 1


@dataclass
class Sentence:
    """What is translated, and what was put aside for that."""

    items: Inline
    text: str  # the sentence: no tags, one space at a time, none at the edges
    before: Inline  # white space and tags at the edges, which stay there
    after: Inline
    nodes: list[Node]
    crossing: list[tuple[Tag, Tag]]

    @property
    def codes(self) -> list[str]:
        """What should stand in the translation as it is."""
        return [node.items[0].text for node in walk(self.nodes) if node.shown and isinstance(node.items[0], Tag)]


def walk(nodes: Iterable[Node]) -> Iterator[Node]:
    """All of them, with those below."""
    for node in nodes:
        yield node
        yield from walk(node.children)


def detag(items: Sequence[str | Tag], show: bool = True) -> Sentence:
    """The sentence under the tags. With `show` placeholders stand in it."""
    items = tuple(item for item in items if item != "")
    matched, crossing = pairs(items)
    visible = [
        i for i, item in enumerate(items) if (item if isinstance(item, str) else item.text * show).strip(_SPACES)
    ]
    crossed = [(items[a], items[b]) for a, b in crossing]
    if not visible:
        return Sentence(items, "", items, (), [], crossed)  # type: ignore[arg-type]
    first, last = visible[0], visible[-1]
    partner = matched | {close: open_ for open_, close in matched.items()}
    core: list[tuple[int, str | Tag]] = list(enumerate(items))[first : last + 1]
    before, moved = _edge(items, range(first), partner, first, last)
    core[:0] = moved
    after, moved = _edge(items, range(len(items) - 1, last, -1), partner, first, last)
    core += moved[::-1]
    after.reverse()
    head = items[first]
    if isinstance(head, str):
        before.append(head[: len(head) - len(head.lstrip(_SPACES))])
    tail = items[last]
    if isinstance(tail, str):
        after.insert(0, tail[len(tail.rstrip(_SPACES)) :])
    text, nodes = _tree(core, matched, show)
    kept = [tuple(item for item in edge if item) for edge in (before, after)]
    return Sentence(items, text, kept[0], kept[1], nodes, crossed)  # type: ignore[arg-type]


def _edge(
    items: Sequence[str | Tag], order: Iterable[int], partner: dict[int, int], first: int, last: int
) -> tuple[list[str | Tag], list[tuple[int, str | Tag]]]:
    """What is beyond the text, from outside to inside: what stays there; and from where a pair begins whose other end
    is within the text, the tags.
    """
    stays: list[str | Tag] = []
    moved: list[tuple[int, str | Tag]] = []
    for i in order:
        if isinstance(items[i], str) or not (moved or first <= partner.get(i, -1) <= last):
            stays.append(items[i])
        else:
            moved.append((i, items[i]))
    return stays, moved


def _tree(core: Sequence[tuple[int, str | Tag]], matched: dict[int, int], show: bool) -> tuple[str, list[Node]]:
    raw = "".join(item if isinstance(item, str) else item.text for _, item in core)
    at = 0  # in `raw`
    text = ""
    root = Node(0, 0, 0, ())
    stack = [root]
    closes: set[int] = set()
    for order, (i, item) in enumerate(core):
        if isinstance(item, str):
            at += len(item)
            text = _append(text, item)
            continue
        space = raw[at - 1 : at].isspace(), raw[at + len(item.text) :][:1].isspace()
        at += len(item.text)
        if i in matched:
            node = Node(len(text), len(text), order, (item,), space=space)
            stack[-1].children.append(node)
            stack.append(node)
            closes.add(matched[i])
        elif i in closes:
            node = stack.pop()
            _close(node, item, text, space[1])
        else:
            node = Node(len(text), len(text), order, (item,), space=space)
            if item.shown and show:
                text += item.text
                node.end = len(text)
            elif item.text:
                text = _append(text, " ")
            stack[-1].children.append(node)
    text = text.rstrip(_SPACES)
    for node in walk(root.children):
        node.begin, node.end = min(node.begin, len(text)), min(node.end, len(text))
    return text, root.children


def _append(text: str, more: str) -> str:
    """With one space where there are several; none at the beginning."""
    more = re.sub(rf"[{_SPACES}]+", " ", more)
    return text + (more.lstrip(" ") if not text or text.endswith(" ") else more)


def _close(node: Node, tag: Tag, text: str, space_after: bool) -> None:
    """A pair that covers no more than white space is one thing, with all that is in it."""
    if text[node.begin :].strip():
        node.items, node.end = (*node.items, tag), len(text)
        node.space = node.space[0], space_after
        return
    within = tuple(item for child in node.children for item in child.items)
    node.items, node.end, node.children = (*node.items, *within, tag), node.begin, []
    node.space = node.space[0], space_after
