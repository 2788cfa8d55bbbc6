"""What the sections of a recipe are made of: their base, and numbers with limits."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator


def no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # Python would take it for 0 or 1
    return value


def _sha256(value: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise ValueError("must be a SHA-256 checksum of 64 hex digits")
    return value.lower()


MAX_NAME, MAX_PATH = 240, 3000  # bytes; file systems take 255 and 4096, and we put something behind


def check_path(value: object) -> object:
    """Raises ValueError for text that can name no file, so that it is told before anything is done."""
    if isinstance(value, str):
        if hidden := re.search("[\x00-\x1f\x7f]", value):
            raise ValueError(f"must be a name without U+{ord(hidden[0]):04X}")
        coded = value.encode(errors="replace")
        if len(coded) > MAX_PATH or max(map(len, coded.split(b"/"))) > MAX_NAME:
            raise ValueError(f"must be a name of at most {MAX_NAME} bytes")
    return value


Int = Annotated[int, BeforeValidator(no_bool), Field(lt=1 << 63)]
Float = Annotated[float, BeforeValidator(no_bool)]
PositiveInt = Annotated[Int, Field(gt=0)]
NonNegativeInt = Annotated[Int, Field(ge=0)]
PositiveFloat = Annotated[Float, Field(gt=0)]
NonNegativeFloat = Annotated[Float, Field(ge=0)]
Probability = Annotated[Float, Field(ge=0, lt=1)]
PathText = Annotated[str, BeforeValidator(check_path)]
Sha256 = Annotated[str, AfterValidator(_sha256)]


def derived(provisional: Any) -> Any:
    """The default of a key whose value follows from the data and the planned length, where the recipe gives none or
    says `auto`; see defaults.py. Until it is derived it holds `provisional`.
    """
    return Field(default=provisional, json_schema_extra={"derived": True})


def _without_none(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_none(inner) for key, inner in value.items() if inner is not None}
        case list():
            return [_without_none(inner) for inner in value]
        case _:
            return value


def of_kind(value: Any) -> Any:
    """What a kind alone stands for."""
    return {"kind": value} if isinstance(value, str) else value


class Section(BaseModel):
    """Base of all sections: immutable, unknown keys refused, numbers finite, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _auto(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        auto = {key for key in cls.derived_keys() if isinstance(values.get(key), str) and values[key] == "auto"}
        return {key: value for key, value in values.items() if key not in auto}

    @classmethod
    def derived_keys(cls) -> list[str]:
        return [key for key, field in cls.model_fields.items() if field.json_schema_extra == {"derived": True}]

    @property
    def open_keys(self) -> list[str]:
        """Keys that are still to be derived."""
        return [key for key in self.derived_keys() if key not in self.model_fields_set]

    def as_written(self) -> dict[str, Any]:
        """Plain values with every default spelled out, and `auto` for what is to be derived; reads back as equal."""
        values = self.model_dump(mode="json")
        open_keys, derived_keys = self.open_keys, self.derived_keys()
        return {
            key: "auto" if key in open_keys else _without_none(value)
            for key, value in values.items()
            if value is not None or key in derived_keys
        }

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """With other values, checked; what was not given stays so. Raises pydantic's ValidationError."""
        return type(self).model_validate(self.model_dump(exclude_unset=True) | dict(changes))


def flatten(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """What a section was dumped to as (key, value), with dots where it is nested."""
    if isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from flatten(inner, f"{key}.{name}" if key else str(name))
    else:
        yield key, value
