"""JSON as a tree that knows where in the text its objects stand, so that members can be added there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


@dataclass
class Node:
    """An object with its members, or anything else with none."""

    begin: int
    end: int = 0
    depth: int = 0
    members: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)  # where they begin


def tree(text: str) -> Node:
    """Of valid JSON. Of two members of one name the later."""
    root = Node(0)
    open_ = [root]  # what the values belong to
    lists = [True]
    key, at = "", -1
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "}" | "]":
                open_.pop().end = token.end()
                lists.pop()
                at = -1
            case ",":
                at = -1
            case ":":
                pass
            case _ if at < 0 and not lists[-1]:
                key, at = json.loads(token[0]), token.start()
            case value:
                node = Node(token.start(), token.end(), len(open_) - 1)
                open_[-1].members[key], open_[-1].keys[key] = node, at
                if value in ("{", "["):
                    open_.append(node)
                    lists.append(value == "[")
                    at = -1
    return next(iter(root.members.values()))


def added(node: Node, key: str, value: Any, new_line: str) -> tuple[int, int, str]:
    """What adds a member to an object, or sets it; as Xcode writes it, where the names of members are in order."""
    if key in node.members:
        old = node.members[key]
        return old.begin, old.end, written(value, old.depth, new_line)
    indent = new_line + "  " * (node.depth + 1)
    member = f"{json.dumps(key, ensure_ascii=False)} : {written(value, node.depth + 1, new_line)}"
    if not node.members:
        return node.begin, node.end, f"{{{indent}{member}{indent[:-2]}}}"
    following = next((place for name, place in sorted(node.keys.items(), key=lambda one: one[1]) if name > key), None)
    if following is not None:
        return following, following, f"{member},{indent}"
    end = max(one.end for one in node.members.values())
    return end, end, f",{indent}{member}"


def written(value: Any, depth: int, new_line: str) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2, separators=(",", " : "))
    return text.replace("\n", new_line + "  " * depth)
