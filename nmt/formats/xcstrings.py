"""Xcode's string catalogues, .xcstrings: JSON in which the translations of a string stand beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nmt.errors import DataError
from nmt.formats.bilingual import closest
from nmt.formats.document import About, Document, Slot, Unit, decoded, edited
from nmt.formats.json_strings import NO_TEXT
from nmt.formats.json_tree import Node, added, tree
from nmt.formats.messages import message, paragraphs
from nmt.text.inline import Inline, has_letters, written

_LINE = re.compile(r"(?<!\s)\s*\n\s*")
_NEW_LINE = r"\n"
_UNIT = "stringUnit"


@dataclass
class _Entry:
    """A string, and what its localization is made of."""

    node: Node
    localization: dict[str, Any]  # of the source, or of the key
    texts: list[tuple[dict[str, Any], list[Slot]]]  # its string units, and what stands in their values

    @property
    def units(self) -> list[Unit]:
        return [slot.unit for _, slots in self.texts for slot in slots]


def read(data: bytes, about: About) -> Document:
    """Without `about.all` only strings that have no translation yet. Raises DataError where it is no such catalogue."""
    text, encode = decoded(data, about.name)
    catalogue = _catalogue(text, about.name)
    if not about.target:
        raise DataError(f"{about.name}: the run does not say into which language it translates.", "Give --to.")
    source = catalogue["sourceLanguage"]
    if about.source and closest(about.source, [source]) is None:
        raise DataError(
            f"{about.name} says that its source is in {source}, but the run translates from {about.source}.",
            "Take a run that translates from that language, or mend what the file says.",
        )
    target = closest(about.target, [one for one in _languages(catalogue) if one != source]) or about.target
    nodes = tree(text).members["strings"].members
    entries = [
        entry
        for key, value in catalogue["strings"].items()
        if isinstance(value, dict) and (entry := _entry(nodes[key], key, value, source, target, about)).units
    ]

    def write() -> bytes:
        new_line = "\r\n" if "\r\n" in text else "\n"
        done = [entry for entry in entries if any(unit.target is not None for unit in entry.units)]
        edits = [_edit(new_line, entry, target, about) for entry in done]
        return encode(edited(text, [], edits=edits)) if edits else data

    return Document([unit for entry in entries for unit in entry.units], write)


def _catalogue(text: str, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
        tree(text)
    except json.JSONDecodeError as e:
        raise DataError(f"{name}:{e.lineno} is not valid JSON: {e.msg} (character {e.colno}).") from None
    except RecursionError:
        raise DataError(f"{name} has too many lists and objects within each other.") from None
    if not isinstance(found, dict) or not isinstance(found.get("strings"), dict):
        raise DataError(f"{name} is no string catalogue: it has no object `strings`.")
    if not isinstance(found.get("sourceLanguage"), str):
        raise DataError(f"{name} is no string catalogue: it does not say its `sourceLanguage`.")
    return found


def _languages(catalogue: dict[str, Any]) -> list[str]:
    """That there are translations in."""
    found = [_localizations(entry) for entry in catalogue["strings"].values() if isinstance(entry, dict)]
    return list(dict.fromkeys(language for localizations in found for language in localizations))


def _localizations(entry: dict[str, Any]) -> dict[str, Any]:
    found = entry.get("localizations")
    return {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}


def _entry(node: Node, key: str, value: dict[str, Any], source: str, target: str, about: About) -> _Entry:
    there = _localizations(value)
    localization = there.get(source, {})
    if not any(_string_units(localization)):
        localization = {_UNIT: {"value": key}}
    known = {path: unit["value"] for path, unit in _string_units(there.get(target, {})) if unit.get("state") != "new"}
    texts: list[tuple[dict[str, Any], list[Slot]]] = []
    if value.get("shouldTranslate") is not False and (about.all or not any(known.values())):
        for path, one in _string_units(localization):
            slots = list(_slots(one["value"], ", ".join([key or '""', *path]), known.get(path, "")))
            texts += [(one, slots)] if slots else []
    return _Entry(node, localization, texts)


def _slots(value: str, where: str, known: str) -> Iterator[Slot]:
    if NO_TEXT.fullmatch(value):
        return
    for span, source in paragraphs(value, _NEW_LINE, lambda span: _message(value[slice(*span)])):
        if has_letters(source):
            yield Slot(*span, Unit(source, where, known=known), lambda target, _: written(target))


def _string_units(localization: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """With the names that lead there: of variations such as `plural`, and of substitutions."""
    for name, value in localization.items():
        if name == _UNIT and isinstance(value, dict) and isinstance(value.get("value"), str):
            yield path, value
        elif isinstance(value, dict):
            yield from _string_units(value, path if name in ("variations", "substitutions") else (*path, name))


def _message(text: str) -> Inline:
    return message(text, _LINE, lambda _: "\n")


def _edit(new_line: str, entry: _Entry, target: str, about: About) -> tuple[int, int, str]:
    state = "needs_review" if about.mark else "translated"
    localization = _with_targets(entry.localization, {id(one): slots for one, slots in entry.texts}, state)
    there = entry.node.members.get("localizations")
    if there is None:
        return added(entry.node, "localizations", {target: localization}, new_line)
    return added(there, target, localization, new_line)


def _with_targets(value: dict[str, Any], slots: dict[int, list[Slot]], state: str) -> dict[str, Any]:
    """A localization with translations in its string units; what has nothing to translate is as it was."""
    found: dict[str, Any] = {}
    for name, one in value.items():
        if name == _UNIT and isinstance(one, dict):
            own = slots.get(id(one), [])
            done = all(slot.unit.target is not None for slot in own)
            found[name] = {"state": state if done else "new", "value": edited(one.get("value", ""), own)}
        else:
            found[name] = _with_targets(one, slots, state) if isinstance(one, dict) else one
    return found
