"""The recipe: one typed description of everything that decides a translator."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, field_validator, model_validator

from nmt.recipe.corpus import Corpus
from nmt.recipe.data import DataSection, TokenizerSection
from nmt.recipe.decode import DecodeSection
from nmt.recipe.evaluate import EvaluateSection
from nmt.recipe.model import ModelSection
from nmt.recipe.objective import ObjectiveSection
from nmt.recipe.plain_yaml import dump_yaml
from nmt.recipe.section import NonNegativeInt, Section, of_kind
from nmt.recipe.task import TASKS, Task, TaskName, with_task_defaults
from nmt.recipe.train import TrainSection
from nmt.text.metrics import LOSS, base_language, bleu_tokenizer, in_language
from nmt.text.moses import LANGUAGES


class Recipe(Section):
    """Everything that decides a run."""

    name: str
    license: str | None = None  # of the model, for those it is given to: a name such as `cc-by-4.0`
    seed: NonNegativeInt = 1
    task: TaskName = "translate"
    data: DataSection
    tokenizer: TokenizerSection = TokenizerSection()
    objective: Annotated[ObjectiveSection, BeforeValidator(of_kind)] = ObjectiveSection()  # a kind, or more keys
    model: ModelSection = ModelSection()
    train: TrainSection = TrainSection()  # without a limit it prepares data, but trains nothing
    decode: DecodeSection = DecodeSection()
    evaluate: EvaluateSection = EvaluateSection()

    @model_validator(mode="before")
    @classmethod
    def _of_task(cls, values: Any) -> Any:
        return with_task_defaults(values)

    @field_validator("name")
    @classmethod
    def _folder_name(cls, value: str) -> str:
        value = unicodedata.normalize("NFC", value)  # so that an accent is part of its letter
        if not re.fullmatch(r"[^\W_][\w.-]*", value) or value == "latest":
            raise ValueError("must be usable as a folder name: letters, digits, `_`, `-`, `.`; and not `latest`")
        if len(value.encode()) > 200:
            raise ValueError("must be usable as a folder name: at most 200 bytes long")
        return value

    @field_validator("license")
    @classmethod
    def _name_of_a_license(cls, value: str | None) -> str | None:
        if value is not None and (not value.strip() or len(value) > 200 or not value.isprintable()):
            raise ValueError("must be the name of a licence, in one line: `cc-by-4.0`, `apache-2.0`, `proprietary`")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.model.tie_embeddings == "all" and not self.tokenizer.shared:
            raise ValueError(
                "`model.tie_embeddings: all` needs `tokenizer.shared: true`; else choose `target` or `none`"
            )
        return self

    @model_validator(mode="after")
    def _marks_sources(self) -> Recipe:
        """Control pieces stand in sources by the ids that they have among targets."""
        tagged = any(corpus.tag for corpus in self.data.train) or any(item.tag for item in self.data.synthetic)
        noised = any(c.noise for c in self.data.train) or any(item.search == "noised" for item in self.data.synthetic)
        if (tagged or noised) and not self.tokenizer.shared:
            key = "tag: true" if tagged else "search: noised"
            raise ValueError(f"`{key}` needs `tokenizer.shared: true`")
        return self

    @model_validator(mode="after")
    def _shares_experts(self) -> Recipe:
        size, experts, train = self.train.expert_parallel, self.model.experts, self.train
        if size == 1:
            return self
        key = f"`train.expert_parallel: {size}`"
        if experts is None:
            raise ValueError(f"{key} needs `model.experts`: there are none to share")
        if experts.number % size:
            raise ValueError(f"{key} must divide `model.experts.number` ({experts.number})")
        if experts.routing == "expert_choice":
            raise ValueError(f"{key} is for tokens that choose their experts; `routing: expert_choice` has no such")
        if train.compile:
            raise ValueError(f"{key} cannot be compiled; set `train.compile: false`")
        if train.init_from is not None and train.init_from.freeze:
            raise ValueError(f"{key} trains all weights; leave out `train.init_from.freeze`")
        return self

    @model_validator(mode="after")
    def _tells_languages_apart(self) -> Recipe:
        evaluated = [str(direction) for direction in self.data.evaluated]
        if len(evaluated) > 1 and not self.tokenizer.shared:
            raise ValueError("several directions need `tokenizer.shared: true`: each language is read and written")
        named = self.train.metric.partition(":")[2]
        if named and named not in evaluated:
            listed = ", ".join(evaluated)
            raise ValueError(f"`train.metric: {self.train.metric}` names no direction that is validated: {listed}")
        return self

    @model_validator(mode="after")
    def _learns_what_it_has(self) -> Recipe:
        if self.task != "translate" and not self.translates:
            raise ValueError(
                f"`task: {self.task}` is learned from sources with targets, and `data.train` has none; "
                "text alone needs no `task`"
            )
        for i, corpus in enumerate(self.data.train):
            if corpus.of_one_language and not self.objective_of(corpus).of_one_language:
                kind = {"encoder": "mlm", "decoder": "lm", "encoder_decoder": "infill"}[self.model.kind]
                raise ValueError(
                    f"`data.train.{i}` is text of one language; say what is learned from it: `objective: {kind}`"
                )
        denoised = [c for c in self.data.train if c.of_one_language]
        if self.objective.of_one_language and not denoised:
            raise ValueError(
                f"`objective: {self.objective.kind}` is learned from text of one language, and `data.train` has none: "
                f"give `text` and `lang`{', or set `pairs: translation`' if self.objective.kind == 'mlm' else ''}"
            )
        if denoised and not self.tokenizer.shared:
            raise ValueError("text of one language needs `tokenizer.shared: true`: it is both read and written")
        with_targets = len(denoised) < len(self.data.train)
        for key, corpora in {"valid": self.data.valid, **{f"test.{k}": [c] for k, c in self.data.test.items()}}.items():
            if any(c.kind != "holdout" and c.of_one_language == with_targets for c in corpora):
                learn = "translates" if self.translates else "learns pairs" if with_targets else "does not translate"
                raise ValueError(
                    f"`data.{key}` has {'no' if with_targets else 'a'} target, but what is trained {learn}"
                )
        if self.translates or self.train.metric == LOSS:
            return self
        if "metric" in self.train.model_fields_set:
            raise ValueError(f"`train.metric: {self.train.metric}` needs translations; what is trained has a `loss`")
        return self.model_copy(update={"train": self.train.changed({"metric": LOSS})})

    @model_validator(mode="after")
    def _noises_translations(self) -> Recipe:
        if self.data.noise.there and (self.task != "translate" or not self.translates or self.data.fields):
            raise ValueError("`data.noise` is for pairs of a line and its translation; what is trained here is other")
        return self

    @model_validator(mode="after")
    def _cuts_words_that_moses_knows(self) -> Recipe:
        if "bleu_moses_lc" not in (self.train.metric.partition(":")[0], *self.evaluate.metrics) or not self.translates:
            return self
        unknown = [d.tgt for d in self.data.evaluated if d.tgt and base_language(d.tgt) not in LANGUAGES]
        if unknown:
            raise ValueError(f"`bleu_moses_lc` knows how Moses cuts {', '.join(LANGUAGES)}, but not {unknown[0]}")
        return self

    @model_validator(mode="after")
    def _smooths_only_what_is_written(self) -> Recipe:
        """Label smoothing is for translation; where pieces are filled in, the recipe has to ask for it."""
        if self.model.kind != "encoder" or "label_smoothing" in self.train.model_fields_set:
            return self
        return self.model_copy(update={"train": self.train.changed({"label_smoothing": 0.0})})

    @model_validator(mode="after")
    def _tags_are_no_symbols(self) -> Recipe:
        tags = [s for s in self.tokenizer.user_symbols if re.fullmatch(r"<2[\w-]+>", s)] if self.data.tagging else []
        if tags:
            raise ValueError(f"`tokenizer.user_symbols` has `{tags[0]}`, but such pieces tell languages here")
        return self

    @model_validator(mode="after")
    def _kind_can_learn(self) -> Recipe:
        for i, corpus in enumerate(self.data.train):
            objective = self.objective_of(corpus)
            if self.model.kind not in objective.learned_by:
                where = "" if objective == self.objective else f"`data.train.{i}`: "
                kind = objective.learned_by[0]
                raise ValueError(
                    f"{where}`objective: {objective.kind}` is learned by {'a' if kind == 'decoder' else 'an'} {kind}: "
                    f"set `model.kind: {kind}`"
                )
        if self.train.guard is not None and not self.translates:
            raise ValueError("`train.guard` scores translations, and what is trained does not translate")
        if self.train.guard is not None and self.train.metric == LOSS:
            raise ValueError("`train.guard` goes by translations: set another `train.metric` than `loss`")
        for key in ("consistency", "token_drop"):
            if getattr(self.train, key) is not None and not self.translates:
                raise ValueError(f"`train.{key}` is for sources with targets, and `data.train` has none")
        if self.model.kind == "decoder" and not self.tokenizer.shared:
            raise ValueError("`model.kind: decoder` needs `tokenizer.shared: true`")
        return self

    @property
    def translates(self) -> bool:
        """Whether a target is learned from its source."""
        return any(self.objective_of(corpus).kind == "translate" for corpus in self.data.train)

    @property
    def about_task(self) -> Task:
        """What the task is called, and what is usual for it."""
        return TASKS[self.task]

    @property
    def does(self) -> str:
        """`translates en-fr`, `answers questions`: of a run that writes a target for a source."""
        return f"{self.about_task.does} {self.languages}" if self.task == "translate" else self.about_task.does

    @property
    def draws(self) -> bool:
        """Whether text is learned from nothing but itself, so that it can be drawn: a language model."""
        return any(self.objective_of(corpus).kind == "lm" for corpus in self.data.train)

    @property
    def languages(self) -> str:
        """`en-fr`; of several directions `en+fr+de`, as where nothing is translated, `en` or `en+fr`; or the task."""
        if self.task != "translate":
            return self.task
        if self.translates and len(self.data.evaluated) == 1:
            return str(self.data.trained[0])
        each = [self.data.languages_of(corpus) for corpus in self.data.train]
        return "+".join(dict.fromkeys(language for found in each for language in found))

    def objective_of(self, corpus: Corpus) -> ObjectiveSection:
        """What is learned from a corpus: what it says itself; else the recipe's, or the translation that it has."""
        if corpus.objective is not None:
            return corpus.objective
        return self.objective if corpus.of_one_language == self.objective.of_one_language else ObjectiveSection()

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

    def tokenize_for(self, language: str) -> str:
        """How BLEU splits words of a target language, and that language."""
        return in_language(bleu_tokenizer(self.evaluate.bleu_tokenize, language), language)

    def dump(self) -> str:
        """The recipe as YAML, every default spelled out; `load_recipe` of it gives an equal recipe."""
        return dump_yaml({key: v.as_written() if isinstance(v, Section) else v for key, v in self if v is not None})


def fingerprint(*parts: Any) -> str:
    """16 hex digits that change when any of the (JSON-able or section) parts does."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]
