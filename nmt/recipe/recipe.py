"""The recipe: one typed description of everything that decides a translator."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, field_validator, model_validator

from nmt.recipe.data import DataSection, TokenizerSection
from nmt.recipe.decode import DecodeSection
from nmt.recipe.evaluate import EvaluateSection
from nmt.recipe.model import ModelSection
from nmt.recipe.plain_yaml import dump_yaml
from nmt.recipe.section import NonNegativeInt, Section
from nmt.recipe.train import TrainSection
from nmt.text.metrics import bleu_tokenizer


class Recipe(Section):
    """Everything that decides a run."""

    name: str
    seed: NonNegativeInt = 1
    data: DataSection
    tokenizer: TokenizerSection = TokenizerSection()
    model: ModelSection = ModelSection()
    train: TrainSection = TrainSection()  # without a limit it prepares data, but trains nothing
    decode: DecodeSection = DecodeSection()
    evaluate: EvaluateSection = EvaluateSection()

    @field_validator("name")
    @classmethod
    def _folder_name(cls, value: str) -> str:
        value = unicodedata.normalize("NFC", value)  # so that an accent is part of its letter
        if not re.fullmatch(r"[^\W_][\w.-]*", value) or value == "latest":
            raise ValueError("must be usable as a folder name: letters, digits, `_`, `-`, `.`; and not `latest`")
        if len(value.encode()) > 200:
            raise ValueError("must be usable as a folder name: at most 200 bytes long")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.model.tie_embeddings == "all" and not self.tokenizer.shared:
            raise ValueError(
                "`model.tie_embeddings: all` needs `tokenizer.shared: true`; else choose `target` or `none`"
            )
        return self

    @property
    def open_keys(self) -> list[str]:
        """Keys that are still to be derived from the data and the planned length, with dots."""
        return [f"{name}.{key}" for name, section in self if isinstance(section, Section) for key in section.open_keys]

    def filled(self, values: Mapping[str, Any]) -> Recipe:
        """With values for such keys."""
        sections: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            section, _, key = name.partition(".")
            sections.setdefault(section, {})[key] = value
        return self.model_copy(update={name: getattr(self, name).changed(keys) for name, keys in sections.items()})

    @property
    def prepared_dir(self) -> Path:
        return Path(self.data.prepared_dir) / self.name

    @property
    def run_dir(self) -> Path:
        return Path(self.train.runs_dir) / self.name

    @property
    def bleu_tokenize(self) -> str:
        """How BLEU splits words of the target language."""
        return bleu_tokenizer(self.evaluate.bleu_tokenize, self.data.target_lang)

    def dump(self) -> str:
        """The recipe as YAML, every default spelled out; `load_recipe` of it gives an equal recipe."""
        return dump_yaml({key: v.as_written() if isinstance(v, Section) else v for key, v in self})


def fingerprint(*parts: Any) -> str:
    """16 hex digits that change when any of the (JSON-able or section) parts does."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
