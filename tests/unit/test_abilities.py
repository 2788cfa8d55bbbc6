"""What a run cannot do is refused by its name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nmt.errors import RunError
from nmt.recipe import Recipe
from nmt.run.abilities import check_shares

FIELDS = {"path": "table.tsv", "source": ["question", "context"], "target": "answer"}


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"model__experts": {"number": 2}}, "run has experts, which CTranslate2 has no counterpart of."),
        ({"model": {"kind": "decoder"}}, "run is a decoder alone, which cannot be exported to CTranslate2."),
        ({"data__tags": "source"}, "run is told languages by tags, and programs of translation give a model one text"),
        ({"data__labels": "auto"}, "run chooses one of a few labels, which CTranslate2 cannot be held to."),
        ({"task": "summarise"}, "run summarises documents, and programs of translation give a model one text"),
        (
            {"data__train": FIELDS, "data__valid": FIELDS, "data__test": {"test": FIELDS}},
            "run reads several fields, and programs of translation give a model one text in one language.",
        ),
    ],
)
def test_what_other_programs_cannot_translate_with(
    keys: dict[str, Any], said: str, toy_recipe: Callable[..., Recipe]
) -> None:
    with pytest.raises(RunError) as e:
        check_shares(Path("run"), toy_recipe(**keys))
    assert said in e.value.message and e.value.hint


def test_what_they_can(toy_recipe: Callable[..., Recipe]) -> None:
    check_shares(Path("run"), toy_recipe())
