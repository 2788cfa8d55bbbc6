"""Options of the command line that are keys of the recipe's `decode`: type, range and help are those of the section."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from typing import Annotated, Any, TypeVar, get_args

import typer

from nmt.errors import RecipeError
from nmt.recipe import DecodeSection

Command = TypeVar("Command", bound=Callable[..., None])


def with_search_options(panels: Mapping[str, Sequence[str]]) -> Callable[[Command], Command]:
    """A command whose `**search` is an option for each key of the decode section that is named, by panel of the help.

    It gets those that were given, with values that fit the key by itself.
    """
    options = [_parameter(key, panel) for panel, keys in panels.items() for key in keys]

    def change(command: Command) -> Command:
        @wraps(command)
        def run(**given: Any) -> None:
            search = {option.name: given.pop(option.name) for option in options}
            command(**given, **{key: value for key, value in search.items() if value is not None})

        signature = inspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        run.__signature__ = signature.replace(parameters=[*own, *options])  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in (*own, *options)}
        return run  # type: ignore[return-value]

    return change


def option_name(key: str) -> str:
    """`--beam-size` of `beam_size`."""
    return {"sampling": "--sample"}.get(key, "--" + key.replace("_", "-"))


def _parameter(key: str, panel: str) -> inspect.Parameter:
    """The option of a key, which is None if it is not given: then the recipe's value holds."""
    field = DecodeSection.model_fields[key]
    name, text = option_name(key), field.description or ""
    if isinstance(field.default, bool):
        switch = typer.Option(f"{name}/--no-{name[2:]}", help=text, rich_help_panel=panel)
        annotation: Any = Annotated[bool | None, switch]
    else:
        kind = {int: "N", float: "X"}.get(type(field.default)) or "|".join(get_args(field.annotation))
        value = typer.Option(
            name, help=f"{text} [{field.default:n}]" if kind in "NX" else f"{text} [{field.default}]",
            metavar=kind, parser=partial(_parse, key), rich_help_panel=panel,
        )  # fmt: skip
        annotation = Annotated[str | None, value]
    return inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _parse(key: str, text: str) -> Any:
    """The value of an option, as an override of a recipe would read it. Raises BadParameter where the key has none
    such.
    """
    from pydantic import ValidationError

    from nmt.recipe.faults import faults
    from nmt.recipe.plain_yaml import parse_yaml

    try:
        value = parse_yaml(text, "")
    except RecipeError:
        value = text
    try:
        DecodeSection.model_validate({key: value})
    except ValidationError as e:
        if e.errors()[0]["loc"]:  # else it does not fit the defaults of other keys, which may be given too
            fault = faults(e, {key: value}, DecodeSection)[0]
            raise typer.BadParameter(fault.removeprefix(f"`{key}` ")) from None
    return value
