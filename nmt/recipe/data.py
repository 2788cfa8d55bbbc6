"""Where the text comes from, and what becomes of it on the way to ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from nmt.recipe.corpus import Corpus
from nmt.recipe.directions import Direction, Language, check_directions, parse
from nmt.recipe.section import (
    Float,
    Int,
    NonNegativeFloat,
    NonNegativeInt,
    PathText,
    PositiveInt,
    Probability,
    Section,
    Sha256,
    derived,
    no_bool,
)
from nmt.recipe.synthetic import Synthetic
from nmt.text.fields import SEP, TURN
from nmt.text.pieces import JOINER

FEWEST_PIECES = 300  # of a vocabulary: 256 bytes, 4 special symbols, and some letters


class PairScore(Section):
    """A translator or a run of `objective: {kind: mlm, pairs: translation}`, and how probable it has to find a pair."""

    run: PathText
    min: Annotated[Float, Field(ge=0, le=1)] = 0.5


class Filters(Section):
    """Which training pairs are left out; validation and test sets are never filtered. 0 turns a limit off."""

    max_chars: NonNegativeInt = 2000  # a longer line is rarely one sentence, and costs memory squared
    max_ratio: NonNegativeFloat = 5.0  # longer side : shorter side in characters, both counted + 10
    drop_blank: bool = True  # pairs with nothing on one side or both
    drop_duplicates: bool = True  # the same source with the same target again
    drop_identical: bool = False  # source equals target: names and numbers may rightly do so
    pair_score: PairScore | None = None  # pairs that another run takes for no translations


class TextNoise(Section):
    """Shares of the training pairs that are written otherwise, others in each epoch; validation and test sets never
    are.
    """

    final_punctuation: Probability = 0.0  # both sides without their last sign, where it is the same
    upper: Probability = 0.0  # both sides in capitals; `decode.case` does without
    title: Probability = 0.0  # a capital in each word of the source
    typos: Probability = 0.0  # in about an eighth of the words of the source, one at least

    @property
    def there(self) -> bool:
        return any((self.final_punctuation, self.upper, self.title, self.typos))


def _with_languages(corpus: Corpus, data: Mapping[str, Any]) -> Corpus:
    if not corpus.is_memory or corpus.of_one_language:
        return corpus
    languages = {"source": corpus.source or data.get("source_lang"), "target": corpus.target or data.get("target_lang")}
    if any(isinstance(column, int) for column in (*corpus.fields, *corpus.targets)):
        raise ValueError(
            f"`{corpus.path}` is a translation memory: its `source` and `target` are languages, no numbers"
        )
    if None in languages.values():
        raise ValueError(f"`{corpus.path}` needs `source` and `target`, the languages that are meant")
    return corpus.model_copy(update=languages)


class DataSection(Section):
    """The text. File names are relative to `root`; a missing file is downloaded from `url` + its name.

    `source_lang` and `target_lang` are those of corpora with `source` and `target`, and the one direction that is
    translated where `directions` names none.
    """

    directions: list[str] = []  # that are trained: en-fr, fr-en
    zero_shot: list[str] = []  # that are not trained, but scored
    source_lang: Language | None = None
    target_lang: Language | None = None
    # Where the target's language is told: before the source, as what the decoder begins with; both: the source's own
    # language there, and the target's here. Without it: source, where there is more than one direction
    tags: Literal["source", "target", "both"] | None = None
    # An epoch has of each direction a share in proportion to its pairs^(1/temperature); .inf: of all alike
    temperature: Annotated[float, Field(ge=1, allow_inf_nan=True), BeforeValidator(no_bool)] = 1.0
    root: PathText = "."
    url: str | None = None
    sha256: dict[str, Sha256] = {}  # of the files, by name; needed for a download
    train: list[Corpus]
    synthetic: list[Synthetic] = []  # pairs that other runs make, learned beside those of `train`
    valid: list[Corpus]
    test: dict[str, Corpus] = {}
    filters: Filters = Filters()
    noise: TextNoise = TextNoise()
    # The only outputs there are; auto: those of the training text
    labels: Literal["auto"] | list[str] | None = None
    prepared_dir: PathText = "data/prepared"  # prepared data lands in prepared_dir/<recipe name>

    @field_validator("source_lang", "target_lang")
    @classmethod
    def _needed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and not info.data.get("directions"):
            raise ValueError("is missing")
        return value

    @field_validator("train", "valid", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return value if isinstance(value, list) else [value]

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: object) -> object:
        if value is None or value == "auto":
            return value
        if not isinstance(value, list) or len(value) < 2 or not all(isinstance(v, str) and v.strip() for v in value):
            raise ValueError("must be `auto`, or a list of two labels or more")
        if twice := [label for i, label in enumerate(value) if label in value[:i]]:
            raise ValueError(f"`{twice[0]}` is there twice")
        return [label.strip() for label in value]

    @field_validator("train", "valid", "test")
    @classmethod
    def _languages_of_memories(cls, value: Any, info: ValidationInfo) -> Any:
        """Of translation memories that do not say which of theirs are meant, the recipe's."""
        if isinstance(value, dict):
            return {name: _with_languages(corpus, info.data) for name, corpus in value.items()}
        return [_with_languages(corpus, info.data) for corpus in value]

    @field_validator("url")
    @classmethod
    def _http(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"https?://[^/]", value):
            raise ValueError("must begin with http:// or https://")
        return value

    @field_validator("test")
    @classmethod
    def _test_names(cls, value: dict[str, Corpus]) -> dict[str, Corpus]:
        for name in value:
            if not re.fullmatch(r"[^\W_][\w.-]*", name) or len(name.encode()) > 200 or name in ("train", "valid"):
                raise ValueError(f"`{name}` cannot name a test set: use letters, digits, `_`, `-`, `.`")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> DataSection:
        if not self.train:
            raise ValueError("`train` names no corpus")
        if any(c.kind == "holdout" for c in self.train):
            raise ValueError("`train` cannot be a `holdout`: that is taken out of train")
        if not self.valid or (len(self.valid) > 1 and any(c.kind == "holdout" for c in self.valid)):
            raise ValueError("`valid` must be one `holdout`, or one or more corpora")
        if len({len(c.targets) for c in self.valid}) > 1:
            raise ValueError("the corpora of `valid` have different numbers of references")
        self._check_fields()
        for corpus in (*self.train, *self.valid, *self.test.values()):
            if corpus.lang is not None and corpus.lang not in self.languages:
                listed = " and ".join(sorted(self.languages))
                raise ValueError(f"`lang: {corpus.lang}` is none of its languages, {listed}")
            if corpus.source is not None and None in (self.source_lang, self.target_lang):
                raise ValueError("a corpus with `source` and `target` needs `source_lang` and `target_lang`; "
                                 "or give `files: {en: …, fr: …}`")  # fmt: skip
            if len(corpus.targets) > 1 and len(self.evaluated) > 1:
                raise ValueError("`target` can be a list where there is one direction")
        for corpus in (*self.valid, *self.test.values()):
            of_training = ("run", "synthetic", "take", "share", "objective", "tag")
            if extra := [key for key in of_training if getattr(corpus, key) is not None]:
                raise ValueError(f"`{extra[0]}` is a key of training text alone")
        for corpus in self.train:
            if corpus.made_elsewhere and not self.replayed(corpus):
                theirs, own = ", ".join(corpus.directions or ()), ", ".join(map(str, self.trained))
                if corpus.synthetic is not None:
                    raise ValueError(f"`synthetic: {corpus.synthetic}` has pairs of {theirs}, but the recipe {own}")
                raise ValueError(f"`run: {corpus.run}` learned {theirs}, but the recipe {own}: nothing can be replayed")
        self._check_synthetic()
        if (asked := sum(c.share or 0 for c in self.train)) >= 1 and any(c.share is None for c in self.train):
            raise ValueError(f"the shares of `train` come to {asked:g}, and nothing is left for the other corpora")
        if self.directions or self.zero_shot or any(c.table for c in (*self.train, *self.valid, *self.test.values())):
            check_directions(self)
        return self

    def _check_synthetic(self) -> None:
        if self.synthetic and self.joint is not None:
            raise ValueError("`synthetic` is for sources of one field: those of this recipe have several, or turns")
        if self.synthetic and self.labels is not None:
            raise ValueError("`synthetic` is for text, and not for `labels`")
        if not any(item.replaces for item in self.synthetic):
            return
        if len(self.trained) > 1:
            raise ValueError("`method: distillation` replaces the targets of one direction, and the recipe has several")
        if any(corpus.holdout is not None for corpus in (*self.valid, *self.test.values())):
            raise ValueError(
                "`holdout` takes pairs out of `train`, but `method: distillation` replaces their targets: give files"
            )

    def _check_fields(self) -> None:
        corpora = [c for c in (*self.train, *self.valid, *self.test.values()) if c.source is not None]
        if len({bool(c.turns) for c in corpora}) > 1:
            raise ValueError("some corpora have `turns`, and some have not")
        if len(numbers := {len(c.fields) for c in corpora if not c.turns}) > 1:
            listed = " and ".join(map(str, sorted(numbers)))
            raise ValueError(f"the corpora have sources of {listed} fields; null stands for a field that one lacks")

    @property
    def fields(self) -> tuple[str | int, ...]:
        """The columns of a source of several fields, or of turns, as the first training corpus calls them."""
        found = next((c.fields for c in self.train if c.source is not None and c.has_fields), [])
        return tuple(column for column in found if column is not None)

    @property
    def joint(self) -> str | None:
        """The control piece between the fields of a source."""
        joints = [TURN if c.turns else SEP for c in (*self.train, *self.valid) if c.source is not None and c.has_fields]
        return joints[0] if joints else None

    @property
    def languages(self) -> list[str]:
        """Those of the two keys, then those of tables, as they come."""
        corpora = (*self.train, *self.valid, *self.test.values())
        named = [self.source_lang, self.target_lang, *(name for c in corpora for name in c.table)]
        return list(dict.fromkeys(name for name in named if name is not None))

    def languages_of(self, corpus: Corpus) -> list[str]:
        """Of text of one language that; none of what is held out."""
        if corpus.made_elsewhere:
            return list(dict.fromkeys(str(name) for d in self.replayed(corpus) for name in (d.src, d.tgt)))
        if corpus.table:
            return list(corpus.table)
        both = [self.source_lang, self.target_lang] if corpus.source is not None else [corpus.lang]
        return [name for name in both if name is not None]

    def replayed(self, corpus: Corpus) -> list[Direction]:
        """The directions in which pairs that come from other runs are learned: those that both have."""
        return [direction for direction in self.trained if str(direction) in (corpus.directions or ())]

    @property
    def trained(self) -> list[Direction]:
        """The directions that are learned."""
        if not self.directions:
            return [Direction(str(self.source_lang), self.target_lang)]
        return [found for text in self.directions if (found := parse(text, self.languages))]

    @property
    def evaluated(self) -> list[Direction]:
        """Those that are learned, and those that are only scored."""
        return [*self.trained, *(found for text in self.zero_shot if (found := parse(text, self.languages)))]

    @property
    def tagging(self) -> Literal["source", "target", "both"] | None:
        """Where languages are told; None: there is nothing to tell."""
        return self.tags or ("source" if len(self.evaluated) > 1 else None)


class TokenizerSection(Section):
    """SentencePiece (Kudo and Richardson 2018), trained on the training text only; or, with `from`, taken as it is."""

    model_config = ConfigDict(serialize_by_alias=True)

    # A run folder, or a .model file of SentencePiece; all other keys but `sampling` are then as they are there
    taken_from: PathText | None = Field(default=None, alias="from")
    extend: PositiveInt | None = None  # so many more pieces, learned from the training text, behind those (bpe only)
    kind: Literal["unigram", "bpe"] = "bpe"
    vocab_size: Annotated[Int, Field(ge=FEWEST_PIECES, le=1_000_000)] = derived(8000)
    shared: bool = True  # one vocabulary for both languages; needed to tie all embeddings
    # Share of the characters, as often as they occur, that have a piece; rarer ones are written as bytes. auto: all, as
    # long as they take at most half of the vocabulary
    character_coverage: Literal["auto"] | Annotated[Float, Field(ge=0.98, le=1)] = "auto"
    # Of the source. A target, which is learned to be written, keeps its characters, but for white space, which becomes
    # plain spaces, and control characters, which go; with identity both sides keep all of it
    normalization: Literal["nmt_nfkc", "nfkc", "identity"] = "nmt_nfkc"
    # split: an apostrophe is cut from the letter behind it, so that `homme` is the same in `l'homme`, and put back
    apostrophe: Literal["split"] | None = None
    user_symbols: list[str] = []  # never split, in either language: tags, placeholders
    sampling: Probability = 0.0  # share of merges dropped (bpe), or smoothing alpha (unigram), in training only
    max_sentences: PositiveInt = 2_000_000  # lines it is trained on at most, spread evenly over the corpus

    @property
    def origin(self) -> str:
        """Where the tokenizer comes from, for the manifest."""
        if self.taken_from is None:
            return "trained"
        return f"from {self.taken_from}" + (f", extended by {self.extend}" if self.extend else "")

    @field_validator("user_symbols")
    @classmethod
    def _symbols(cls, value: list[str]) -> list[str]:
        for i, symbol in enumerate(value):
            if symbol in value[:i]:
                raise ValueError(f"`{symbol}` is there twice")
            if symbol in ("<pad>", "<unk>", "<s>", "</s>", "<mask>", "<cls>", "<bt>", SEP, TURN) or re.fullmatch(
                r"<0x[0-9A-F]{2}>|<x[0-9]+>", symbol
            ):
                raise ValueError(f"`{symbol}` is a piece with a meaning of its own")
            if not symbol.strip() or re.search(r"[\x00-\x1f\x7f]|\s\s|^\s|\s$", symbol):
                raise ValueError("a symbol must be text without control characters and without spaces at its ends")
        return value

    @model_validator(mode="after")
    def _extensible(self) -> TokenizerSection:
        if self.apostrophe and (odd := next((symbol for symbol in self.user_symbols if JOINER in symbol), None)):
            raise ValueError(f"`{odd}`: `{JOINER}` has a meaning of its own with `apostrophe: split`")
        if self.extend is not None and self.taken_from is None:
            raise ValueError(f"`extend: {self.extend}` needs `from`: the run or .model file whose tokenizer gets more")
        if self.extend is not None and self.kind != "bpe":
            raise ValueError(
                f"`extend: {self.extend}` needs a model of kind bpe, but that of {self.taken_from} is {self.kind}: "
                "its probabilities would have to be learned anew"
            )
        return self
