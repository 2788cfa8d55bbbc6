"""What is wrong with values that do not fit their model, as sentences that name keys as the user writes them."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from nmt.errors import quoted, shown

Location = Sequence[str | int]

_MUST_BE = re.compile(r"(`[^`]*`) must be (.*), but is (.*)\.", re.DOTALL)
_KIND = re.compile(r"(literal|function-\w+)\[")
_LIST, _SECTION = "a list", "a section with keys"
_WANTED = {
    "int": "a whole number", "float": "a number", "finite": "a finite number", "bool": "true or false",
    "string": "text", "list": _LIST, "tuple": _LIST, "set": _LIST, "dict": _SECTION, "model": _SECTION,
}  # fmt: skip
_BOUNDS = {
    "greater_than": ("gt", "greater than"), "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"), "less_than_equal": ("le", "at most"),
}  # fmt: skip


def faults(error: ValidationError, values: Any, model: type[BaseModel]) -> list[str]:
    """Each fault of `values` once. `values` is what was checked against `model`."""
    return _joined(dict.fromkeys(_sentence(e, values, model) for e in error.errors(include_url=False)))


def _joined(sentences: Iterable[str]) -> list[str]:
    """Where a key may be one thing or another, pydantic says of each why it is not that; one sentence says it all."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for sentence in sentences:
        match = _MUST_BE.fullmatch(sentence)
        key, what, found = match.groups() if match else (sentence, "", "")
        wanted.setdefault((key, found), []).append(what)
    return [f"{key} must be {' or '.join(whats)}, but is {found}." if found else key
            for (key, found), whats in wanted.items()]  # fmt: skip


def show(value: Any) -> str:
    """A value of YAML as it may stand in a sentence."""
    match value:
        case None:
            return "empty"
        case bool():
            return str(value).lower()
        case list() | tuple() | set():
            return "a list"
        case dict():
            return "a section"
        case int() if abs(value) >= 10**40:
            return "a number of more than 40 digits"
        case str():
            return quoted(value)
        case _:
            return str(value)


def _sentence(error: Any, values: Any, model: type[BaseModel]) -> str:
    location: Location = error["loc"]
    key = f"`{_key(location, values)}`" if location else "the recipe"
    found = show(error["input"])
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden" | "invalid_key":
            close = _suggest(location, values, model)
            return f"{key} is not a known key" + (f"; did you mean `{close}`?" if close else ".")
        case "missing":
            return f"{key} is missing."
        case "value_error":
            message = str(context["error"])
            if message == "is missing":
                return f"{key} is missing."
            if message.startswith("must "):
                return f"{key} {message}, but is {found}."
            return f"{key}: {message}." if location else f"{message}."
        case "literal_error":
            choices = re.findall(r"'([^']*)'", context["expected"])
            one_of = "one of " if len(choices) > 1 else ""
            return f"{key} must be {one_of}{', '.join(f'`{c}`' for c in choices)}, but is {found}."
        case "too_short":
            return f"{key} must not be empty."
        case "too_long":
            return f"{key} must have {context['max_length']} items, but has {len(error['input'])}."
        case bound if bound in _BOUNDS:
            name, words = _BOUNDS[bound]
            limit = context[name]
            return (
                f"{key} must be {words} {limit:g}, but is {found}."
                if isinstance(limit, float)
                else f"{key} must be {words} {limit}, but is {found}."
            )
        case "string_type" if location and location[-1] == "[key]":
            return f"{key}: a name must be text, but is {found}; put it in quotes."
        case "string_type" if not isinstance(error["input"], list | dict | None):
            return f"{key} must be text, but is {found}; put it in quotes."
        case other:
            wanted = _WANTED.get(other.partition("_")[0])
            if wanted:
                return f"{key} must be {wanted}, but is {found}."
            return f"{key}: {error['msg'][0].lower()}{error['msg'][1:]}, but is {found}."


def _key(location: Location, values: Any) -> str:
    parts: list[str] = []
    node = values
    for part in location:
        if part == "[key]":
            break
        if (
            isinstance(part, int)
            and not isinstance(node, list | tuple)
            and not (isinstance(node, dict) and part in node)
        ):
            continue  # one corpus may stand for a list of one
        if isinstance(part, str) and parts and (not isinstance(node, dict) or _KIND.match(part)):
            continue  # no key, but what pydantic calls one of the kinds that the value may be of
        parts.append(shown(part))
        try:
            node = node[part]
        except (KeyError, IndexError, TypeError):
            node = None
    return ".".join(parts)


def _suggest(location: Location, values: Any, model: type[BaseModel]) -> str | None:
    """The key that was probably meant: one of the same section, or the same in another section."""
    *parents, last = location
    section: Any = model
    for part in parents:
        if _is_model(section):
            field = section.model_fields.get(part)
            section = _without_none(field.annotation) if field else None
        else:
            section = get_args(section)[-1]  # of a list or a dictionary: what it holds
    if close := difflib.get_close_matches(str(last), section.model_fields, n=1, cutoff=0.6):
        return _key([*parents, close[0]], values)
    known = list(_known_keys(model))
    same = [key for key in known if key.rpartition(".")[2] == last]
    return same[0] if same else None


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield prefix + name
        inner = _without_none(field.annotation)
        if _is_model(inner):
            yield from _known_keys(inner, f"{prefix}{name}.")


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _without_none(annotation: Any) -> Any:
    """A section that may be left out, as a section."""
    models = [part for part in get_args(annotation) if _is_model(part)]
    return models[0] if len(models) == 1 and NoneType in get_args(annotation) else annotation
