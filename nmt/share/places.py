"""Where the files of whoever trained a model lay is nobody's business: absolute paths become names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath
from typing import Any

from nmt.recipe.plain_yaml import parse_yaml

_KEYS = ("from", "init_from", "runs_dir", "replay")  # beside section `data`, keys that name files


class Places:
    """Absolute paths that a run's recipe has, and that of the run itself."""

    def __init__(self, run: Path) -> None:
        values = parse_yaml((run / "recipe.yaml").read_text(encoding="utf-8"), "recipe.yaml")
        found = {str(run.resolve()), *_paths(values, False)}
        self._names: dict[str, str] = {}
        for path in sorted(found, key=len, reverse=True):  # the longer before what it begins with
            if (name := _pure(path).name) and len(path) > 1:
                self._names |= {path: name, json.dumps(path)[1:-1]: name}
        self._known = re.compile("|".join(map(re.escape, self._names)))

    def without(self, text: str) -> str:
        """The text with the last part of each path in its place."""
        return self._known.sub(lambda match: self._names[match[0]], text) if self._names else text


def _pure(path: str) -> PurePath:
    return PurePosixPath(path) if path.startswith("/") else PureWindowsPath(path)


def _paths(value: Any, named: bool) -> Iterator[str]:
    """`named`: whether what is here names files."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _paths(inner, named or key == "data" or key in _KEYS)
    elif isinstance(value, list):
        for inner in value:
            yield from _paths(inner, named)
    elif named and isinstance(value, str) and (value.startswith(("/", "~")) or PureWindowsPath(value).is_absolute()):
        yield value
