"""The one reader of the JSON files that nmt writes: into their types, or an error that names file and key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from nmt.errors import RunError, join_faults
from nmt.recipe.faults import faults

Some = TypeVar("Some", bound="Record")


class Record(BaseModel):
    """Base of what such a file holds: nothing is converted (a string is no number), and numbers are finite. Keys of a
    newer nmt are passed over.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", allow_inf_nan=False)


def read_record(path: Path, kind: type[Some], hint: str = "") -> Some:
    """Raises FileNotFoundError where there is no such file, RunError where it is not what nmt wrote."""
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(str(path)) from None
    except OSError as e:
        raise RunError(f"{path} cannot be read: {e.strerror or e}.", hint) from None
    except UnicodeDecodeError:
        raise RunError(f"{path} is damaged: it is no UTF-8 text.", hint) from None
    return parse_record(text, str(path), kind, hint)


def parse_record(text: str, where: str, kind: type[Some], hint: str = "") -> Some:
    """`where` names the text in errors. Raises RunError where it is not JSON of that kind."""
    try:
        values: Any = json.loads(text)
    except (ValueError, RecursionError) as e:
        reason = "it is nested too deeply" if isinstance(e, RecursionError) else f"it is no JSON ({e})"
        raise RunError(f"{where} is damaged: {reason}.", hint) from None
    if not isinstance(values, dict):
        raise RunError(f"{where} is damaged: it holds no JSON object.", hint)
    try:
        # By way of JSON, where a list stands for a tuple.
        return kind.model_validate_json(text)
    except ValidationError as e:
        raise RunError(join_faults([f"{where}: {fault}" for fault in faults(e, values, kind)]), hint) from None
