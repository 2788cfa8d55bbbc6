"""Where one set of examples comes from."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from nmt.formats.memory import is_memory
from nmt.recipe.directions import Language
from nmt.recipe.faults import show
from nmt.recipe.objective import ObjectiveSection
from nmt.recipe.section import Float, PathText, PositiveInt, Section, check_path, of_kind


def _column(value: object) -> object:
    """A file's name, a column's name, or its number."""
    number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000
    if not (number or isinstance(value, str | None)):
        raise ValueError("must be a file name, a column's name, or its number from 0")
    return check_path(value)


ColumnName = Annotated[str | int, BeforeValidator(_column)]


class Corpus(Section):
    """Where one set of sentence pairs comes from. The keys given decide the kind:

    * `source` and `target`: two plain or gzip text files, line n of one translates line n of the other;
    * with `path`: one .tsv, .csv, .jsonl or .parquet file (.gz may follow but for Parquet); `source` and `target` are
      its columns: their names, which a TSV or CSV file has in its first line; or numbers from 0 where it has none.
      For JSONL and Parquet dots reach into nested records;
    * with `path`: a translation memory, .tmx (.gz may follow), .xlf or .po; `source` and `target` are its languages, by
      default those of the recipe;
    * with `hub`: a dataset of the Hugging Face hub, read by `datasets`; columns as for Parquet;
    * with `text` and `lang`: text of one language, a line an example; from a plain or gzip file, or, with `path` or
      `hub`, from that column;
    * with `files`: a table of several languages, a text file each; line n of one translates line n of all others;
    * with `columns`, and `path` or `hub`: the same, a column of the file or dataset each;
    * with `run`: the pairs that another run learned from, not those that it held out or filtered: so that what it
      could do is not forgotten. They come from its prepared data;
    * with `synthetic`: pairs of which one side was made by other runs, from the folder that `data.synthetic` was made
      into (see synthetic.py), which takes care of this;
    * with `holdout` alone: that many pairs taken out of the training data. All pairs that share a source
      sentence go together, and which ones go depends on the text only, not on the order of the file.

    `source` may be a list of columns: the fields of one source, of which null leaves one blank. With `turns` they are
    the turns of a conversation: blank ones are left out, and a field of JSON lines may be a list of them.

    `target` may be a list: line n of each file, or each column, is a reference for line n of the source. A blank line
    of any but the first is no reference. The first is what is learned.
    """

    source: str | int | list[str | int | None] | None = None
    target: str | int | list[str | int] | None = None
    text: str | int | None = None
    lang: str | None = None
    files: dict[Language, PathText] | None = None
    columns: dict[Language, ColumnName] | None = None
    path: PathText | None = None
    hub: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    run: PathText | None = None
    synthetic: PathText | None = None
    # In which pairs are learned: those of a run, by default as it says itself; and synthetic ones
    directions: list[str] | None = None
    keep: Annotated[Float, Field(gt=0, le=1)] | None = None  # of synthetic pairs, the most probable
    noise: bool | None = None  # in the sources of synthetic pairs; see nmt/data/synthetic.py
    holdout: PositiveInt | None = None
    turns: bool | None = None
    # Of training text
    take: PositiveInt | None = None  # so many of its examples; which ones depends on the text only
    share: Annotated[Float, Field(gt=0, lt=1)] | None = None  # of an epoch's target tokens
    objective: Annotated[ObjectiveSection | None, BeforeValidator(of_kind)] = None  # default: the recipe's
    tag: bool | None = None  # sources begin with `<bt>`, which tells them from text by people (Caswell et al. 2019)

    @field_validator("source", "target", "text", mode="before")
    @classmethod
    def _columns(cls, value: object, info: ValidationInfo) -> object:
        if not (isinstance(value, list) and info.field_name in ("source", "target")):
            return _column(value)
        what = "reference" if info.field_name == "target" else "field"
        if not value or value == [None]:
            raise ValueError(f"the list is empty; name one {what} or more")
        for number, item in enumerate(value, 1):
            try:
                _column([] if item is None and what == "reference" else item)
            except ValueError as e:
                raise ValueError(f"item {number} {e}, but is {show(item)}") from None
            if item is not None and item in value[: number - 1]:
                raise ValueError(f"{show(item)} is there twice, and would count as two {what}s")
        return value if len(value) > 1 else value[0]

    @property
    def fields(self) -> list[str | int | None]:
        """The columns of the source: one, but where `source` is a list."""
        return self.source if isinstance(self.source, list) else [] if self.source is None else [self.source]

    @property
    def has_fields(self) -> bool:
        """Whether its sources are of several fields or turns."""
        return len(self.fields) > 1 or bool(self.turns)

    @property
    def targets(self) -> list[str | int]:
        """The references: one, but where `target` is a list."""
        return self.target if isinstance(self.target, list) else [] if self.target is None else [self.target]

    @property
    def kind(self) -> Literal["text", "table", "hub", "run", "synthetic", "holdout"]:
        if self.holdout is not None:
            return "holdout"
        if self.run is not None:
            return "run"
        if self.synthetic is not None:
            return "synthetic"
        return "hub" if self.hub is not None else "table" if self.path is not None else "text"

    @property
    def made_elsewhere(self) -> bool:
        """Whether its pairs are those of other runs, in the directions that it names."""
        return self.run is not None or self.synthetic is not None

    @property
    def is_memory(self) -> bool:
        """Whether its file is a translation memory, whose columns are languages."""
        return self.path is not None and is_memory(self.path)

    @property
    def of_one_language(self) -> bool:
        return self.text is not None

    def column(self, side: Literal["src", "tgt"], reference: int = 0) -> str | int:
        """The file or column of that side, of several fields the first; both are the same where it is text of one
        language.
        """
        return self.parts[0] if self.of_one_language or side == "src" else self.targets[reference]

    @property
    def table(self) -> dict[str, str | int]:
        """Of a table of several languages the file or column of each."""
        return {**(self.files or {}), **(self.columns or {})}

    @property
    def parts(self) -> list[str | int]:
        """All of its files or columns: the text, or the source and the targets."""
        found: list[str | int | None] = [self.text] if self.of_one_language else [*self.fields, *self.targets]
        return [column for column in [*self.table.values()] or found if column is not None]

    @model_validator(mode="after")
    def _one_kind(self) -> Corpus:
        given = {k for k, v in self if v is not None} - {"take", "share", "objective", "turns", "tag"}
        sides = {"text", "lang"} if self.text is not None or self.lang is not None else {"source", "target"}
        if self.columns is not None:
            sides = {"columns"}
        match self.kind:
            case "holdout":
                allowed, needed = {"holdout"}, {"holdout"}
            case "run":
                allowed, needed = {"run", "directions"}, {"run"}
            case "synthetic":
                needed = {"synthetic", "directions"}
                allowed = needed | {"keep", "noise"}
            case "hub":
                allowed = sides | {"hub", "config", "split", "revision"}
                needed = sides | {"hub", "split", "revision"}
            case "table":
                allowed = sides | {"path"}
                needed = {"path"} if self.is_memory and sides == {"source", "target"} else allowed
            case "text":
                allowed = needed = (
                    (sides if self.columns is None else {"path", *sides}) if self.files is None else {"files"}
                )
        if missing := sorted(needed - given):
            raise ValueError(f"a {self.kind} corpus needs {', '.join(f'`{k}`' for k in missing)}")
        if surplus := sorted(given - allowed):
            raise ValueError(f"a {self.kind} corpus has no {', '.join(f'`{k}`' for k in surplus)}")
        columns = self.parts
        if self.table and len(set(columns)) < max(2, len(columns)):
            key = "columns" if self.files is None else "files"
            raise ValueError(f"`{key}` must name two {key} or more, each of them once, by their languages")
        if len({type(column) for column in self.table.values()}) > 1:
            raise ValueError("`columns` has names and numbers of columns; give names only, or numbers only")
        if self.kind == "text" and any(isinstance(name, int) for name in columns):
            names = "`text` must be a file name" if self.of_one_language else "`source` and `target` must be file names"
            what = "it is a column of a file" if self.of_one_language else "they are columns of one file"
            raise ValueError(f"{names}; give `path` too if {what}")
        if self.objective is not None and self.objective.of_one_language != self.of_one_language:
            has = "`text`, but no target" if self.of_one_language else "`source` and `target`, not `text`"
            raise ValueError(f"`objective: {self.objective.kind}` cannot be learned from it: it has {has}")
        if len({type(column) for column in self.targets}) > 1:
            raise ValueError("`target` has names and numbers of columns; give names only, or numbers only")
        if self.tag and self.of_one_language:
            raise ValueError("`tag` is put before sources, and text of one language has none")
        if both := [column for column in self.fields if column in self.targets]:
            what = "file" if self.kind == "text" else "column"
            raise ValueError(f"`source` and `target` are the same {what}, {both[0]}")
        if self.kind == "text" and (len(self.fields) > 1 or (self.turns and self.source is not None)):
            many = "turns are" if self.turns else "several fields are"
            raise ValueError(f"{many} read from a table: give its file as `path`, and its columns as `source`")
        if len({type(column) for column in self.fields if column is not None}) > 1:
            raise ValueError("`source` has names and numbers of columns; give names only, or numbers only")
        return self
