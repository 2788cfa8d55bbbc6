"""What is asked for one line: its text, and what its translation must or must not have in it; as JSON lines say it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nmt.decode.source_fields import ONE_FIELD, SourceFields
from nmt.errors import DataError, join_faults
from nmt.text.phrases import check_unicode

MAX_N_BEST = 100
MAX_DEPTH = 100  # objects and lists within each other; what reads our output may not follow deeper
_HINT = 'A line is a JSON object such as {"text": "A dog."}; the lines before it are translated.'
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")  # also halves of a whole pair


@dataclass(frozen=True)
class Request:
    """One line to translate, and what is asked of it beyond the options of the whole."""

    text: str
    prefix: str = ""  # the translation must begin so
    include: tuple[str, ...] = ()  # phrases that must appear in it
    exclude: tuple[str, ...] = ()  # phrases that must not
    n_best: int | None = None  # None: as many as is asked of all
    fields: Mapping[str, Any] = field(default_factory=dict)  # of a JSON line: passed through untouched, in this order
    to: str | None = None  # into this language; None: what is asked of all
    source: str | None = None  # from this language

    def __post_init__(self) -> None:
        """Raises DataError for a phrase of nothing, which every text has, and for what is no text."""
        check_unicode("text", self.text)
        check_unicode("prefix", self.prefix)
        for name in ("include", "exclude"):
            for phrase in getattr(self, name):
                check_unicode("phrase", phrase)
                if not phrase.strip():
                    raise DataError(f"a phrase to {name} is blank.", "Leave it out, or say what it should be.")


def parse_request(
    line: str, where: str, reserved: Collection[str] = (), source_fields: SourceFields = ONE_FIELD
) -> Request:
    """The request of a JSON object: the source in `text` or `source`, or in the fields that the run reads; what is
    asked in `prefix`, `include`, `exclude`, `n_best`, `to` and `from` (absent or null: nothing), and other fields,
    which are not looked at.

    `reserved` are names that the output will need, so that another field of that name would be lost. Raises DataError
    naming `where` for what is no such object, or no JSON that every program reads alike: a key that stands twice, NaN
    and numbers beyond a double, half of a surrogate pair, nesting deeper than MAX_DEPTH.
    """
    try:
        values = _load(line)
    except _Fault as fault:
        raise DataError(f"{where} {fault}.", _HINT) from None
    faults: list[str] = []
    text = source_fields.take(values, faults)
    if text is None:
        text = _source(values, faults, [str(name) for name in source_fields.names])
    asked = {name: _asked(name, values.pop(name, None), faults) for name in ("prefix", "include", "exclude", "n_best")}
    # The answer names the languages, too.
    asked["to"], asked["source"] = (_asked(name, values.get(name), faults) for name in ("to", "from"))
    faults += [
        f"has a field `{name}`, which the output has too; give it another name" for name in values if name in reserved
    ]
    if faults:
        raise DataError(join_faults([f"{where} {fault}." for fault in faults]), _HINT)
    return Request(source_fields.check(text, where), fields=values, **asked)


class _Fault(ValueError):
    """What is wrong with a line, to be said after its name."""


def _load(line: str) -> dict[str, Any]:
    if not line or line.isspace():
        raise _Fault("is blank, and a line of the output has to answer it")
    try:
        values = json.loads(
            line, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int
        )
        deep = _is_deeper(values, MAX_DEPTH)
    except json.JSONDecodeError as e:
        raise _Fault(f"is not valid JSON: {e.msg} (character {e.pos + 1} of the line)") from None
    except RecursionError:
        deep = True
    if deep:
        raise _Fault(f"has more than {MAX_DEPTH} lists and objects within each other")
    if not isinstance(values, dict):
        raise _Fault(f"is {_kind(values)}, not an object")
    if _SURROGATE.search(line):
        try:
            json.dumps(values, ensure_ascii=False).encode()
        except UnicodeEncodeError as e:
            raise _Fault(
                f"has half of a surrogate pair, \\u{ord(e.object[e.start]):x}, which is no character"
            ) from None
    return values


def _source(values: dict[str, Any], faults: list[str], names: Sequence[str]) -> str:
    """Taken out of `values`; `names` are other fields that could have been given."""
    given = [name for name in ("text", "source") if name in values]
    text = [values.pop(name) for name in given]
    if len(given) == 1 and isinstance(text[0], str):
        return text[0]
    if len(given) == 1:
        faults.append(f"has {_kind(text[0])} as `{given[0]}`, not a string")
    else:
        faults.append(
            "has both `text` and `source`; one of them is the source"
            if given
            else f"has no field {' or '.join(f'`{name}`' for name in names or ('text', 'source'))}"
        )
    return ""


def _asked(name: str, value: Any, faults: list[str]) -> Any:
    """The value of a field that asks for something, as Request has it."""
    many = name in ("include", "exclude")
    if value is None:
        return () if many else {"prefix": ""}.get(name)
    if name == "n_best":
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_N_BEST:
            return value
        wanted = f"a whole number from 1 to {MAX_N_BEST}"
    elif many:
        if isinstance(value, list) and all(isinstance(v, str) and v.strip() for v in value):
            return tuple(value)
        wanted = "a list of strings that are not blank"
    else:
        if isinstance(value, str):
            return value
        wanted = "a string"
    faults.append(f"has {_kind(value)} as `{name}`, not {wanted}")
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Fault(f"has the field {json.dumps(next(k for k in keys if keys.count(k) > 1))} twice")
    return values


def _constant(name: str) -> Any:
    raise _Fault(f"has {name}, which is no number of JSON")


def _float(digits: str) -> float:
    if not math.isfinite(value := float(digits)):
        raise _Fault(f"has a number that is too large: {digits[:30]}")
    return value


def _int(digits: str) -> int:
    try:
        return int(digits)
    except ValueError:  # Python's limit against denial of service
        raise _Fault(f"has a number of {len(digits):,} digits") from None


def _is_deeper(value: Any, most: int) -> bool:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return children is not None and (most == 0 or any(_is_deeper(child, most - 1) for child in children))


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool() | int() | float():
            return json.dumps(value)
        case str():
            return "a string"
        case list():
            return "a list"
        case _:
            return "an object"
