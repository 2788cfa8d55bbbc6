"""A first recipe for a person's own text: what was guessed of the files, how much is held out, how long to train."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nmt.data.corpus import PairSource
from nmt.data.counting import count_pairs
from nmt.data.guess import Guess, guess
from nmt.errors import DataError, RecipeError, plural
from nmt.recipe import Corpus, make_recipe
from nmt.recipe.plain_yaml import dump_yaml

MINUTES = 60
FEWEST = 20  # pairs, of which one each is held out


@dataclass(frozen=True)
class Draft:
    """What was found on the way to a recipe."""

    guess: Guess
    pairs: int
    held_out: int  # for validation, and as many for a test
    example: tuple[str, str]  # the first pair


def draft(
    files: Sequence[Path], source_lang: str | None, target_lang: str | None, output: Path | None
) -> tuple[Path, Draft]:
    """Write a recipe and give its path. Raises DataError for files that no recipe can be written for, RecipeError where
    the path is taken.
    """
    found = guess(files, source_lang, target_lang)
    path = output or Path(f"{_name(files[0], found)}.yaml")
    if path.exists():
        raise RecipeError(f"{path} exists already; it is left as it is.", "Choose another name: --output OTHER.yaml")
    source = PairSource(Corpus(**found.train), found.root)
    counts = count_pairs([source])
    if counts.pairs < FEWEST:
        raise DataError(
            f"there {'is' if counts.pairs == 1 else 'are'} only {plural(counts.pairs, 'pair')} in "
            f"{' and '.join(map(str, files))}.",
            f"At least {FEWEST} are needed: some are held out for validation and a test.",
        )
    # A twentieth, but no more than tell good from bad
    held_out = min(1000, counts.pairs // 20)
    first = next(iter(source.chunks()))
    example = first.src[0].decode("utf-8", "replace"), first.tgt[0].decode("utf-8", "replace")
    text = _recipe_text(path, files, found, counts.pairs, held_out)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as e:
        raise RecipeError(f"{path} cannot be written: {e.strerror or e}.", "Choose another: --output RECIPE") from None
    return path, Draft(found, counts.pairs, held_out, example)


def _recipe_text(path: Path, files: Sequence[Path], found: Guess, pairs: int, held_out: int) -> str:
    name = re.sub(r"[^\w.-]+", "-", path.stem).strip("-._") or "own-text"
    values: dict[str, Any] = {
        "name": name,
        "data": {
            "source_lang": found.source_lang,
            "target_lang": found.target_lang,
            "root": str(found.root),
            "train": found.train,
            "valid": {"holdout": held_out},
            "test": {"held_out": {"holdout": held_out}},
        },
        "train": {"max_minutes": MINUTES},
    }
    make_recipe(values, str(path))  # which says what is wrong with it, such as a language that is none
    head = (
        f"# {found.source_lang} to {found.target_lang}, from {' and '.join(p.name for p in files)}: {pairs:,} pairs.\n"
        f"#   nmt train {path}      nmt translate < input.txt      nmt evaluate\n"
        f"# What is not said here follows from the data and the length of the training; this shows all of it:\n"
        f"#   nmt train {path} --dry-run\n"
    )
    return head + dump_yaml(values)


def _name(first: Path, found: Guess) -> str:
    """After the file; after its folder where the file has only the name of its part, as in contracts/train.en."""
    stem = first.name.partition(".")[0]
    folder = first.resolve().parent.name
    if stem.lower() in ("train", "training", "corpus", "data", "text", found.source_lang, found.target_lang) and folder:
        stem = folder
    return f"{stem}-{found.source_lang}-{found.target_lang}"
