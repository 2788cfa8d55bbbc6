"""From which languages into which a recipe translates, and which of the text is for that."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator

if TYPE_CHECKING:
    from nmt.recipe.corpus import Corpus
    from nmt.recipe.data import DataSection


@dataclass(frozen=True)
class Direction:
    """Text in `src` becomes text in `tgt`; of text of one language there is no target."""

    src: str
    tgt: str | None

    def __str__(self) -> str:
        return self.src if self.tgt is None else f"{self.src}-{self.tgt}"

    def reads(self, languages: Collection[str]) -> bool:
        """Whether both of its languages are among these."""
        return {self.src, self.tgt} <= set(languages)


def _language(value: object) -> object:
    # YAML 1.1 reads a bare `no` (Norwegian) as false.
    value = "no" if value is False else value
    if value is not None and not (isinstance(value, str) and re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", value)):
        raise ValueError("must be a language code such as `en` or `pt-BR`")
    return value


Language = Annotated[str, BeforeValidator(_language)]


def parse(text: str, languages: Collection[str]) -> Direction | None:
    """`en-fr`, of languages that there are; a code may have a hyphen, too."""
    cuts = (i for i, character in enumerate(text) if character == "-")
    return next((Direction(text[:i], text[i + 1 :]) for i in cuts if {text[:i], text[i + 1 :]} <= set(languages)), None)


def check_directions(data: DataSection) -> None:
    """Raises ValueError for directions that cannot be, or that there is no text for."""
    for key in ("directions", "zero_shot"):
        for number, text in enumerate(named := getattr(data, key)):
            direction = parse(text, data.languages)
            if direction is None or direction.src == direction.tgt:
                raise ValueError(f"`{key}` has `{text}`, but must name two of its languages, {_listed(data.languages)}")
            if text in named[:number] or (key == "zero_shot" and text in data.directions):
                raise ValueError(f"`{text}` is there twice, in `directions` or `zero_shot`")
    splits: dict[str, Sequence[Corpus]] = {"train": data.train, "valid": data.valid}
    for name, corpora in splits.items():
        wanted = data.trained if name == "train" else data.evaluated
        # What is held out comes from the training text.
        languages = [data.languages_of(c) for c in (data.train if corpora[0].holdout else corpora)]
        for direction in wanted:
            learned = name == "train" and any(item.makes(direction, languages) for item in data.synthetic)
            if not (learned or any(direction.reads(known) for known in languages)):
                raise ValueError(f"no corpus of `{name}` has both languages of the direction `{direction}`")
    for key, corpus in _named(data):
        if not any(d.reads(data.languages_of(corpus)) for d in data.evaluated):
            listed = _listed(data.languages_of(corpus))
            raise ValueError(f"`{key}` has the languages {listed}, between which nothing is translated")


def _named(data: DataSection) -> Iterable[tuple[str, Corpus]]:
    """The corpora of several languages, with their keys."""
    groups: dict[str, Sequence[Corpus]] = {"train": data.train, "valid": data.valid}
    groups |= {f"test.{name}": [corpus] for name, corpus in data.test.items()}
    for name, corpora in groups.items():
        for i, corpus in enumerate(corpora):
            if corpus.holdout is None and corpus.lang is None:
                yield (f"{name}.{i}" if len(corpora) > 1 else name), corpus


def _listed(languages: Sequence[str]) -> str:
    return ", ".join(languages)
