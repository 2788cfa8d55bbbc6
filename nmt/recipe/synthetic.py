"""Pairs of which other runs make one side: `data.synthetic`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from nmt.recipe.corpus import Corpus
from nmt.recipe.directions import Direction, Language
from nmt.recipe.section import Float, PathText, PositiveInt, Section

Method = Literal["back_translation", "self_training", "distillation", "diversification", "pivot"]

# Each method's keys beside those of all
_KEYS: dict[str, set[str]] = {
    "back_translation": {"text", "lang", "path", "with"},
    "self_training": {"text", "lang", "path", "with"},
    "distillation": {"with", "best"},
    "diversification": {"forward", "backward"},
    "pivot": {"through", "with"},
}
_NEEDED = {"back_translation": {"text", "with"}, "self_training": {"text", "with"}, "distillation": {"with"},
           "pivot": {"through", "with"}}  # fmt: skip
_MADE_THERE = {"sampling", "mbr", "ensemble", "compute", "precision", "valid_beam_size", "batch_tokens"}


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, str) else value


Runs = Annotated[list[PathText], Field(min_length=1), BeforeValidator(_one_or_many)]


class Synthetic(Section):
    """Pairs that are made once, before the data are prepared, and kept in `synthetic/` beside `prepared_dir`.

    * back_translation: text of the target language is translated back, and learned as what its translation is a
      translation of (Sennrich et al. 2016);
    * self_training: text of the source language is translated, and learned with that translation (He et al. 2020);
    * distillation: the targets of `train` are replaced by translations of their sources (Kim and Rush 2016), with
      `best` by that of the beam which is most like the target that stands there (their "interpolation");
    * diversification: beside the pairs of `train` stand their sources with translations by each of `forward`, and their
      targets as translations of what each of `backward` makes of them (Nguyen et al. 2020);
    * pivot: directions of which `train` has no pairs, zero-shot otherwise, are learned from pairs of their target and
      the language `through`, whose text is translated into their source (pseudo-parallel corpus, Firat et al. 2016).

    Runs are folders, or recipes that `nmt train` trains first. Several runs of `with` translate together, as an
    ensemble; each of `forward` and of `backward` alone.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    method: Method
    text: PathText | int | list[PathText] | None = None  # a file or several, or a column of `path`
    lang: Language | None = None  # of the text; needed where there are several directions
    path: PathText | None = None
    through: Language | None = None  # the language that both languages of a direction have pairs with
    with_: Runs | None = Field(default=None, alias="with")
    forward: Runs | None = None
    backward: Runs | None = None
    # beam: what a beam search finds; sampling: drawn by its probability (Edunov et al. 2018); noised: as beam, and
    # sources are learned with noise, other in each epoch: words left out, blanked and moved
    search: Literal["beam", "sampling", "noised"] = "beam"
    decode: dict[str, Any] = {}  # keys of `decode` that shall be other than in the recipe of the run
    best: Literal["chrf", "bleu"] | None = None
    tag: bool = False  # sources begin with `<bt>` (Caswell et al. 2019)
    take: PositiveInt | None = None  # so many lines of the text; which ones depends on the text only
    keep: Annotated[Float, Field(gt=0, le=1)] = 1.0  # the share that the model found most probable, a token
    share: Annotated[Float, Field(gt=0, lt=1)] | None = None  # of an epoch's target tokens

    @property
    def teachers(self) -> list[str]:
        """All runs that are named."""
        return [*(self.with_ or ()), *(self.forward or ()), *(self.backward or ())]

    @property
    def replaces(self) -> bool:
        """Whether it stands in the place of pairs of `train`."""
        return self.method == "distillation"

    def makes(self, direction: Direction, corpora: Sequence[Sequence[str]]) -> bool:
        """Whether it is for a direction that none of the corpora, of such languages, has pairs of."""
        return (
            self.through is not None
            and not any(direction.reads(known) for known in corpora)
            and any({self.through, direction.tgt} <= set(known) for known in corpora)
        )

    def corpora(self, lang: str) -> list[Corpus]:
        """The text, where it is none of `train`."""
        texts = self.text if isinstance(self.text, list) else [self.text]
        return [Corpus.model_validate({"text": text, "lang": lang, "path": self.path}) for text in texts]

    @model_validator(mode="after")
    def _fits_the_method(self) -> Synthetic:
        given = {{"with_": "with"}.get(key, key) for key, value in self if value is not None}
        own = set().union(*_KEYS.values())
        if missing := sorted(_NEEDED.get(self.method, set()) - given):
            raise ValueError(f"`method: {self.method}` needs {', '.join(f'`{key}`' for key in missing)}")
        if surplus := sorted(given & own - _KEYS[self.method]):
            raise ValueError(f"`method: {self.method}` has no {', '.join(f'`{key}`' for key in surplus)}")
        if self.method == "diversification" and not self.teachers:
            raise ValueError("`method: diversification` needs `forward` or `backward`: runs that translate")
        if twice := [run for i, run in enumerate(self.teachers) if run in self.teachers[:i]]:
            raise ValueError(f"`{twice[0]}` is named twice")
        if self.best is not None and self.search == "sampling":
            raise ValueError("`best` chooses from a beam, and `search: sampling` has none")
        if fixed := sorted(_MADE_THERE & self.decode.keys()):
            what = "`search: sampling` sets it" if fixed == ["sampling"] else "it is not for `data.synthetic`"
            raise ValueError(f"`decode` has `{fixed[0]}`: {what}")
        if self.text == [] or (isinstance(self.text, list) and self.path is not None):
            raise ValueError("`text` must be a file, a list of files, or one column of `path`")
        if self.text is not None:
            self.corpora(self.lang or "und")  # which checks their keys
        return self
