"""YAML as recipes use it: safe, plain values only, read as people mean it; and `key=value` overrides of its keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from nmt.errors import RecipeError, join_faults, shown
from nmt.recipe.faults import show

MAX_DIGITS = 4300  # of a whole number: more Python does not read by default
_EXPONENT = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+\Z")


class _TooManyDigitsError(ConstructorError):
    """Of a number; the problem is how many."""


class _Loader(yaml.SafeLoader):
    """Reads 5e-4 as a number, which YAML 1.1 calls text. Refuses a key given twice; and aliases, which no recipe needs:
    a page of them can stand for more values than fit into memory.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            at = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise ConstructorError(
                None, None, "a value that begins with `*` must be in quotes (aliases are not known)", at
            )
        return super().compose_node(parent, index)

    def construct_object(self, node: Any, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                value.encode()  # half a surrogate pair can be written in escapes, but nowhere else
            return value
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception as e:  # PyYAML lets slip whatever int(), date() or a look-up raises
            kind = node.tag.rpartition(":")[2]
            if kind == "int" and len(node.value) > MAX_DIGITS:
                raise _TooManyDigitsError(None, None, f"{len(node.value):,}", node.start_mark) from e
            text = show(node.value) if isinstance(node, yaml.ScalarNode) else "this"
            raise ConstructorError(None, None, f"{text} cannot be read as {kind}", node.start_mark) from e

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen:
                raise ConstructorError(None, None, f"key `{shown(key_node.value)}` is given twice", key_node.start_mark)
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Writes what _Loader reads."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver("tag:yaml.org,2002:float", _EXPONENT, list("-+0123456789."))


def parse_yaml(text: str, where: str) -> Any:
    """Plain values from YAML text. Raises RecipeError with line and column."""
    try:
        return yaml.load(text, _Loader)
    except _TooManyDigitsError as e:
        line = e.problem_mark.line + 1 if e.problem_mark else 1
        raise RecipeError(f"{where}, line {line}: a number has too many digits ({e.problem}).") from None
    except yaml.MarkedYAMLError as e:
        at = f" at line {e.problem_mark.line + 1}, column {e.problem_mark.column + 1}" if e.problem_mark else ""
        # Some problems are only the second half of a sentence.
        said = f"{e.context}, {e.problem}" if str(e.problem).startswith("but ") else e.problem or e
        raise RecipeError(f"{where} is not valid YAML{at}: {said}.") from None
    except yaml.reader.ReaderError as e:
        line = text.count("\n", 0, e.position) + 1
        raise RecipeError(
            f"{where} holds the character U+{int(e.character):04X} in line {line}; YAML has no place for it."
        ) from None
    except (yaml.YAMLError, RecursionError) as e:
        reason = "it is nested too deeply" if isinstance(e, RecursionError) else e
        raise RecipeError(f"{where} is not valid YAML: {reason}.") from None


def dump_yaml(values: Any) -> str:
    """YAML text that `parse_yaml` reads back as the same values."""
    text: str = yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


def override(values: dict[str, Any], overrides: Sequence[str]) -> None:
    """Set keys of plain values in place. Raises RecipeError naming every override that cannot be applied."""
    problems = []
    for text in overrides:
        key, equals, raw = text.partition("=")
        if not equals or not all(key.split(".")):
            problems.append(f"override {show(text)} must look like `train.learning_rate=5e-4`.")
            continue
        *parents, last = key.split(".")
        try:
            node: Any = values
            for depth, parent in enumerate(parents):
                at = _index(node, parent, parents[:depth])
                if isinstance(node, dict) and node.get(at) is None:
                    node[at] = {}  # a section that the file leaves out or leaves empty
                node = node[at]
            node[_index(node, last, parents)] = parse_yaml(raw, "its value")
        except RecipeError as e:
            problems.append(f"override {show(text)}: {e.message}")
    if problems:
        raise RecipeError(join_faults(problems))


def _index(node: Any, key: str, parents: Sequence[str]) -> Any:
    """What to look up in `node`, which stands at `parents`, for a part of an override's key."""
    where = ".".join(parents)
    match node:
        case dict():
            return key
        case list() if key.isdecimal() and int(key) < len(node):
            return int(key)
        case list():
            raise RecipeError(f"`{where}` is a list; name one of its items, such as `{where}.0`, or set it whole.")
        case _:
            raise RecipeError(f"`{where}` is not a section, but {show(node)}.")
