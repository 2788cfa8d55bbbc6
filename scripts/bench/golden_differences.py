"""What differs between two files that goldens.py wrote, in few lines."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any


def inner(value: Any) -> dict[str, Any] | None:
    """The parts of a mapping or a list by name; None of anything else."""
    if isinstance(value, list):
        return {"(number)": len(value)} | {str(i): part for i, part in enumerate(value)}
    return value if isinstance(value, dict) else None


def leaves(value: Any, other: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """path → value, of everything that has no parts; what `other` lacks as a whole is told as a whole."""
    parts = inner(value)
    if parts is None:
        return {path: value}
    theirs = inner(other)
    if theirs is None and path:
        return {path: value}
    found: dict[tuple[str, ...], Any] = {}
    for key, part in parts.items():
        found |= leaves(part, (theirs or {}).get(key), (*path, key))
    return found


def group(path: tuple[str, ...]) -> str:
    """The path with `*` for line numbers and steps, so that one line tells of all."""
    return "/".join("*" if part.isdigit() else re.sub(r" \d+$", " *", part) for part in path)


def short(value: Any, longest: int = 60) -> str:
    text = json.dumps(value, ensure_ascii=False)
    if isinstance(value, str) and (digest := re.fullmatch(r"(.*?)([0-9a-f]{64})", value)):
        text = f"{digest[1]}{digest[2][:8]}…"
    return text if len(text) <= longest else text[: longest - 1] + "…"


def differences(a: dict[str, Any], b: dict[str, Any], common: bool) -> tuple[list[str], list[str]]:
    """What differs, and what has another name but the same sha256; a line for each group of paths."""
    ours, theirs = leaves(a, b), leaves(b, a)
    moved, found = [], defaultdict(list)
    only_b = {path for path in theirs if path not in ours}
    for path, value in ours.items():
        if path in theirs:
            if value != theirs[path]:
                found[group(path), "differ"].append(path)
            continue
        is_sum = isinstance(value, str) and re.search(r"[0-9a-f]{64}$", value)
        same = next((p for p in sorted(only_b) if p[:3] == path[:3] and theirs[p] == value), None) if is_sum else None
        if same:
            only_b.remove(same)
            moved.append(f"{'/'.join(path)} is now {'/'.join(same[3:])}, the same bytes")
        elif not common:
            found[group(path), "only in the first"].append(path)
    if not common:
        for path in sorted(only_b):
            found[group(path), "only in the second"].append(path)
    counts: dict[str, int] = defaultdict(int)
    for path in ours.keys() | theirs.keys():
        counts[group(path)] += 1
    told = []
    for (name, what), paths in found.items():
        first = paths[0]
        text = f"{name}: {len(paths)} of {counts[name]} {what}" if counts[name] > 1 else f"{name}: {what}"
        where = f" at {'/'.join(first)}" if counts[name] > 1 else ""
        text += f", first{where}: " if where else ": "
        text += " → ".join(short(side[first]) for side in (ours, theirs) if first in side)
        numbers = [(ours[p], theirs[p]) for p in paths if p in ours and p in theirs]
        if numbers and all(isinstance(n, float | int) for pair in numbers for n in pair):
            largest = max(abs(x - y) / max(abs(x), abs(y)) for x, y in numbers)
            text += f" (at most {largest:.2g} of the value)"
        told.append(text)
    return told, moved
