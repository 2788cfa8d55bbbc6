"""What the sections of a recipe are made of: their base, and numbers with limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _no_bool(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # Python would take it for 0 or 1
    return value


def _sha256(value: str) -> str:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", value):
        raise ValueError("must be a SHA-256 checksum of 64 hex digits")
    return value.lower()


Int = Annotated[int, BeforeValidator(_no_bool), Field(lt=1 << 63)]
Float = Annotated[float, BeforeValidator(_no_bool)]
PositiveInt = Annotated[Int, Field(gt=0)]
NonNegativeInt = Annotated[Int, Field(ge=0)]
PositiveFloat = Annotated[Float, Field(gt=0)]
NonNegativeFloat = Annotated[Float, Field(ge=0)]
Probability = Annotated[Float, Field(ge=0, lt=1)]
Sha256 = Annotated[str, AfterValidator(_sha256)]


class Section(BaseModel):
    """Base of all sections: immutable, unknown keys refused, numbers finite, defaults checked too."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True)

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """With other values, checked. Raises pydantic's ValidationError."""
        return type(self).model_validate(self.model_dump() | dict(changes))
