"""What a recipe takes from other runs: their tokenizer, how they tell languages, the directions of replayed pairs.

`tokenizer.from` is the tokenizer of a run, or a model file, in place of one that is trained.

Whoever begins with another run's weights (`train.init_from`) and says nothing of a tokenizer takes that run's too: its
embeddings mean nothing with another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.errors import RecipeError
from nmt.recipe.data import DataSection, TokenizerSection
from nmt.sentencepiece_model import kind_of

if TYPE_CHECKING:
    from nmt.recipe.recipe import Recipe

_OWN = {"from", "extend", "sampling"}  # keys of the section that are no property of the tokenizer itself
_WRITTEN_IF_SO = {"apostrophe"}  # properties that a recipe leaves out where they are not there


def with_taken_tokenizer(
    values: dict[str, Any], where: str, load_section: Callable[[Path], TokenizerSection]
) -> dict[str, Any]:
    """The values of a recipe with what its tokenizer section leaves open taken from the run that it names; a recipe
    that says everything, as that in a run folder does, does not need that run. Raises RecipeError where it says
    something else than the run.
    """
    section = values.get("tokenizer") if isinstance(values, dict) else None
    section = {} if section is None else section
    if not isinstance(values, dict) or not isinstance(section, dict):
        return values  # which is a fault that the check of all values names
    if "from" not in section and set(section) <= _OWN and (run := _parent(values)) is not None:
        section = section | {"from": run}
    source = section.get("from")
    properties = {f.alias or name for name, f in TokenizerSection.model_fields.items()} - _OWN
    if not isinstance(source, str) or properties - _WRITTEN_IF_SO <= set(section):
        return values
    if os.path.isfile(os.path.join(source, "recipe.yaml")):
        theirs = load_section(Path(source)).model_dump(mode="json")
        if isinstance(more := section.get("extend"), int):
            theirs["vocab_size"] += more
        section = _as_there(section, theirs, properties, where)
    elif os.path.isfile(source):
        section = _as_there(section, _kind_of_file(source), properties, where)
    else:
        key = "tokenizer.from" if "from" in (values.get("tokenizer") or {}) else "train.init_from"
        raise RecipeError(
            f"{where}: `{key}: {source}` is neither a run folder nor a model file of SentencePiece.",
            "Give the folder that `nmt train` made, or a .model file.",
        )
    return values | {"tokenizer": section}


def _as_there(section: dict[str, Any], theirs: Mapping[str, Any], properties: set[str], where: str) -> dict[str, Any]:
    """The section with what it leaves open as it is there."""
    for key in sorted(properties & set(section) & set(theirs)):
        source, said = section["from"], section[key]
        if said not in (theirs[key], "auto"):
            raise RecipeError(
                f"{where}: `tokenizer.{key}: {said}`, but the tokenizer of {source} has {theirs[key] or 'none'}.",
                "Leave that key out: `tokenizer.from` takes the tokenizer as it is.",
            )
    return {key: theirs[key] for key in properties & set(theirs)} | section


def _kind_of_file(source: str) -> dict[str, Any]:
    """Nothing where it cannot be told: preparing says what is wrong with the file."""
    try:
        kind = kind_of(Path(source).read_bytes())
    except (OSError, ValueError):
        return {}
    return {} if kind is None else {"kind": kind}


def with_taken_tags(values: dict[str, Any], where: str, load_data: Callable[[Path], DataSection]) -> dict[str, Any]:
    """The values of a recipe that begins with another run's weights, with languages told as they are there
    (`data.tags`): else the model would not understand. Raises RecipeError where it says something else than the run.
    """
    run, data = (_parent(values), values.get("data")) if isinstance(values, dict) else (None, None)
    if run is None or not isinstance(data, dict) or not os.path.isfile(os.path.join(run, "recipe.yaml")):
        return values
    theirs, own = load_data(Path(run)).tagging, data.get("tags")
    if theirs is None or own == theirs:
        return values
    if own is not None:
        raise RecipeError(
            f"{where}: `data.tags: {own}`, but {run}, which it begins with, has `tags: {theirs}`.",
            "Leave that key out: the languages are told as they are there.",
        )
    return values | {"data": data | {"tags": theirs}}


def with_replayed_directions(values: dict[str, Any], where: str, load: Callable[[Path], Recipe]) -> dict[str, Any]:
    """The values of a recipe with the directions of each run whose pairs are replayed (`data.train: {run: …}`). Raises
    RecipeError for what is no run, or has learned no pairs.
    """
    data = values.get("data") if isinstance(values, dict) else None
    train = data.get("train") if isinstance(data, dict) else None
    corpora = train if isinstance(train, list) else [train]
    found = []
    for number, corpus in enumerate(corpora):
        run = corpus.get("run") if isinstance(corpus, dict) else None
        if isinstance(corpus, dict) and isinstance(run, str) and corpus.get("directions") is None:
            key = f"{where}: `data.train{f'.{number}' if len(corpora) > 1 else ''}.run: {run}`"
            if not os.path.isfile(os.path.join(run, "recipe.yaml")):
                raise RecipeError(f"{key} is not a run folder.", "Give the folder that `nmt train` made.")
            theirs = load(Path(run))
            if not theirs.translates:
                raise RecipeError(
                    f"{key} has learned no pairs; there is nothing to replay.",
                    "Name its text itself: {text: FILE, lang: CODE, objective: KIND, share: SHARE}.",
                )
            corpus = corpus | {"directions": [str(direction) for direction in theirs.data.trained]}
        found.append(corpus)
    if found == corpora:
        return values
    assert isinstance(data, dict)
    return values | {"data": data | {"train": found}}


def _parent(values: Mapping[str, Any]) -> str | None:
    train = values.get("train")
    init = train.get("init_from") if isinstance(train, dict) else None
    run = init.get("run") if isinstance(init, dict) else init
    return run if isinstance(run, str) else None
