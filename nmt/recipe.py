"""The recipe: one typed description of everything that decides a translator.

A recipe file states only what differs from the defaults below. Unknown keys are refused with a suggestion,
all faults are reported at once, and the resolved recipe can be dumped, fingerprinted and loaded again.
"""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, ValidationError, field_validator, model_validator

from nmt.errors import RecipeError, join_faults
from nmt.faults import faults, show
from nmt.plain_yaml import dump_yaml, override, parse_yaml
from nmt.section import (
    Float,
    Int,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    Probability,
    Section,
    Sha256,
)  # fmt: skip


class Corpus(Section):
    """Where one set of sentence pairs comes from. The keys given decide the kind:

    * `source` and `target`: two plain or gzip text files, line n of one translates line n of the other;
    * with `path`: one .tsv, .jsonl or .parquet file (TSV and JSONL may be gzip); `source` and `target` name
      its columns: numbers from 0 for TSV, names for JSONL and Parquet (dots reach into nested records);
    * with `hub`: a dataset of the Hugging Face hub, read by `datasets`; columns as for Parquet;
    * with `holdout` alone: that many pairs taken out of the training data. All pairs that share a source
      sentence go together, and which ones go depends on the text only, not on the order of the file.
    """

    source: str | int | None = None
    target: str | int | None = None
    path: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str | None = None
    revision: str | None = None
    holdout: PositiveInt | None = None

    @field_validator("source", "target", mode="before")
    @classmethod
    def _column(cls, value: object) -> object:
        number = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10_000
        if not (number or isinstance(value, str | None)):
            raise ValueError("must be a file name, a column's name, or its number from 0")
        return value

    @property
    def kind(self) -> Literal["text", "table", "hub", "holdout"]:
        if self.holdout is not None:
            return "holdout"
        return "hub" if self.hub is not None else "table" if self.path is not None else "text"

    @model_validator(mode="after")
    def _one_kind(self) -> Corpus:
        given = {k for k, v in self if v is not None}
        match self.kind:
            case "holdout":
                allowed, needed = {"holdout"}, {"holdout"}
            case "hub":
                allowed = {"hub", "source", "target", "config", "split", "revision"}
                needed = {"hub", "source", "target", "split", "revision"}
            case "table":
                allowed = needed = {"path", "source", "target"}
            case "text":
                allowed = needed = {"source", "target"}
        if missing := sorted(needed - given):
            raise ValueError(f"a {self.kind} corpus needs {', '.join(f'`{k}`' for k in missing)}")
        if surplus := sorted(given - allowed):
            raise ValueError(f"a {self.kind} corpus has no {', '.join(f'`{k}`' for k in surplus)}")
        if self.kind == "text" and not (isinstance(self.source, str) and isinstance(self.target, str)):
            raise ValueError(
                "`source` and `target` must be file names; give `path` too if they are columns of one file"
            )
        if self.source is not None and self.source == self.target:
            what = "file" if self.kind == "text" else "column"
            raise ValueError(f"`source` and `target` are the same {what}, {self.source}")
        return self


class Filters(Section):
    """Which training pairs are left out; validation and test sets are never filtered. 0 turns a limit off."""

    max_chars: NonNegativeInt = 2000  # a longer line is rarely one sentence, and costs memory squared
    max_ratio: NonNegativeFloat = 5.0  # longer side : shorter side in characters, both counted + 10
    drop_blank: bool = True  # pairs with nothing on one side or both
    drop_duplicates: bool = True  # the same source with the same target again
    drop_identical: bool = False  # source equals target: names and numbers may rightly do so


class DataSection(Section):
    """The parallel text. File names are relative to `root`; a missing file is downloaded from `url` + its name."""

    source_lang: str
    target_lang: str
    root: str = "."
    url: str | None = None
    sha256: dict[str, Sha256] = {}  # of the files, by name; needed for a download
    train: list[Corpus]
    valid: Corpus
    test: dict[str, Corpus] = {}
    filters: Filters = Filters()
    prepared_dir: str = "data/prepared"  # prepared data lands in prepared_dir/<recipe name>

    @field_validator("source_lang", "target_lang", mode="before")
    @classmethod
    def _language(cls, value: object) -> object:
        # YAML 1.1 reads a bare `no` (Norwegian) as false.
        value = "no" if value is False else value
        if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z]{2,3}([-_][A-Za-z0-9]+)*", value):
            raise ValueError("must be a language code such as `en` or `pt-BR`")
        return value

    @field_validator("train", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return value if isinstance(value, list) else [value]

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
            if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", name) or name in ("train", "valid"):
                raise ValueError(f"`{name}` cannot name a test set: use letters, digits, `_`, `-`, `.`")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> DataSection:
        if not self.train:
            raise ValueError("`train` names no corpus")
        if any(c.kind == "holdout" for c in self.train):
            raise ValueError("`train` cannot be a `holdout`: that is taken out of train")
        return self


class TokenizerSection(Section):
    """SentencePiece (Kudo and Richardson 2018), trained on the training text only."""

    kind: Literal["unigram", "bpe"] = "bpe"
    vocab_size: Annotated[Int, Field(ge=300)] = 8000  # 256 byte pieces and 4 special symbols are among them
    shared: bool = True  # one vocabulary for both languages; needed to tie all embeddings
    character_coverage: Annotated[Float, Field(gt=0.9, le=1)] = 1.0
    normalization: Literal["nmt_nfkc", "nfkc", "identity"] = "nmt_nfkc"  # identity keeps full-width forms apart
    user_symbols: list[str] = []  # never split, in either language: tags, placeholders
    sampling: Probability = 0.0  # share of merges dropped (bpe), or smoothing alpha (unigram), in training only
    max_sentences: PositiveInt = 2_000_000  # lines it is trained on at most, spread evenly over the corpus


PRESETS: dict[str, dict[str, int]] = {
    "tiny": {"d_model": 128, "d_ff": 256, "num_heads": 4, "num_encoder_layers": 4, "num_decoder_layers": 4},
    "small": {"d_model": 256, "d_ff": 1024, "num_heads": 4, "num_encoder_layers": 3, "num_decoder_layers": 3},
    "base": {"d_model": 512, "d_ff": 2048, "num_heads": 8, "num_encoder_layers": 6, "num_decoder_layers": 6},
    "big": {"d_model": 1024, "d_ff": 4096, "num_heads": 16, "num_encoder_layers": 6, "num_decoder_layers": 6},
}


class ModelSection(Section):
    """The Transformer's shape. `preset` fills the numbers that are not given."""

    preset: Literal["tiny", "small", "base", "big"] = "small"
    d_model: PositiveInt = 0
    d_ff: PositiveInt = 0
    num_heads: PositiveInt = 0
    num_encoder_layers: PositiveInt = 0
    num_decoder_layers: PositiveInt = 0
    norm: Literal["pre", "post"] = "pre"
    activation: Literal["relu", "gelu", "swiglu"] = "relu"
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    max_positions: PositiveInt = 1024  # of learned positions; sinusoids have no end
    tie_embeddings: Literal["all", "target", "none"] = "all"
    dropout: Probability = 0.1
    attention_dropout: Probability = 0.0

    @property
    def position_limit(self) -> int | None:
        """The most tokens, `<s>` or `</s>` counted, that have a position; None: any number."""
        return self.max_positions if self.positions == "learned" else None

    @model_validator(mode="before")
    @classmethod
    def _fill_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        preset = values.get("preset")
        # An unknown preset is a fault of its own; without numbers there would be five more.
        return {**PRESETS[preset if isinstance(preset, str) and preset in PRESETS else "small"], **values}

    @model_validator(mode="after")
    def _divisible(self) -> ModelSection:
        if self.d_model % self.num_heads:
            raise ValueError(f"`num_heads` ({self.num_heads}) must divide `d_model` ({self.d_model})")
        if self.d_model % 2:
            raise ValueError(f"`d_model` ({self.d_model}) must be even")
        return self


class TrainSection(Section):
    """Optimisation. `batch_tokens` is part of the experiment, `max_tokens` of the machine: see data/batches.py."""

    # What is optimised
    label_smoothing: Probability = 0.1
    batch_tokens: PositiveInt = 4096  # real target tokens an update, about
    optimizer: Literal["muon", "adamw"] = "muon"  # muon: of the layers' matrices; all else has AdamW
    learning_rate: PositiveFloat = 1e-3  # the peak
    schedule: Literal["inverse_sqrt", "noam", "cosine", "linear"] = "inverse_sqrt"
    warmup_steps: NonNegativeInt = 1000
    min_learning_rate: NonNegativeFloat = 0.0  # where cosine and linear end
    adam_betas: tuple[Probability, Probability] = (0.9, 0.98)
    adam_eps: PositiveFloat = 1e-9
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: NonNegativeFloat = 1.0  # of the whole gradient; 0 turns it off
    ema_decay: Probability = 0.999  # exponential moving average of the weights; 0 turns it off
    average_best: NonNegativeInt = 5  # at the end, try the average of this many best checkpoints; 0 or 1: never
    # When it stops: whatever comes first
    max_steps: PositiveInt | None = None
    max_epochs: PositiveInt | None = None
    max_minutes: PositiveFloat | None = None
    patience: NonNegativeInt = 0  # validations without a better `metric`; 0 turns early stopping off
    metric: Literal["loss", "bleu", "chrf"] = "bleu"
    # How often it looks up
    eval_every: PositiveInt = 1000  # steps
    eval_from: NonNegativeInt = 0  # the first step at which translations are scored; losses always are
    log_every: PositiveInt = 50
    save_every: PositiveInt = 500
    keep: PositiveInt = 5  # checkpoints kept, the newest and the best besides
    samples: NonNegativeInt = 3  # validation sentences shown translated
    tensorboard: bool = False
    # The machine
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    threads: Annotated[Int, Field(ge=0, le=4096)] = 0  # 0: all that this process may use
    max_tokens: PositiveInt | Literal["auto"] = "auto"  # padded tokens a micro-batch, on either side
    compile: bool = False
    max_bad_steps: PositiveInt = 10  # updates in a row whose numbers are not finite
    init_from: str | None = None  # a run whose weights are taken to begin with; the tokenizer must be the same
    runs_dir: str = "runs"  # the run folder is runs_dir/<recipe name>

    @model_validator(mode="after")
    def _stops(self) -> TrainSection:
        if self.max_steps is None and self.max_epochs is None and self.max_minutes is None and not self.patience:
            raise ValueError("nothing stops the training: give `max_steps`, `max_epochs`, `max_minutes` or `patience`")
        if self.schedule in ("cosine", "linear") and self.max_steps is None and self.max_epochs is None:
            raise ValueError(f"`schedule: {self.schedule}` needs `max_steps` or `max_epochs`, to know where it ends")
        return self


class DecodeSection(Section):
    """Search. `nmt translate` has an option for nearly each."""

    beam_size: Annotated[Int, Field(ge=1, le=100)] = 5
    length_penalty: Annotated[Float, Field(ge=0, le=100)] = 1.0  # score = log_prob / length ** length_penalty
    coverage_penalty: Annotated[Float, Field(ge=0, le=100)] = 0.0  # for source tokens that got little attention
    diverse_groups: Annotated[Int, Field(ge=1, le=100)] = 1  # of hypotheses that keep apart from each other
    diversity: Annotated[Float, Field(ge=0, le=100)] = 0.5  # how much, in nats a token that an earlier group took
    # longest output = max_len_ratio * source tokens + max_len_extra; shortest = min_len_ratio * source tokens
    max_len_ratio: Annotated[Float, Field(gt=0, le=1000)] = 2.0
    max_len_extra: Annotated[Int, Field(ge=0, le=10_000)] = 20
    min_len_ratio: Annotated[Float, Field(ge=0, le=100)] = 0.0
    no_repeat_ngram: Annotated[Int, Field(ge=0, le=100)] = 0  # no so many tokens in a row twice; 0 turns it off
    # Instead of a beam, as many samples of the model's distribution as translations are wanted; with mbr, beam_size
    sampling: bool = False
    temperature: Annotated[Float, Field(gt=0, le=100)] = 1.0  # below 1 sharpens the distribution
    top_k: NonNegativeInt = 0  # the most probable tokens alone; 0: all
    top_p: Annotated[Float, Field(gt=0, le=1)] = 1.0  # the most probable tokens that together have this probability
    seed: NonNegativeInt = 1
    mbr: Literal["none", "chrf", "bleu"] = "none"  # take the hypothesis that is most like all others
    ensemble: Literal["probability", "log"] = "probability"  # of which several models take the mean
    split_sentences: Literal["auto", "never"] = "auto"  # auto: unless lines of several sentences were trained on
    batch_tokens: PositiveInt = 16_384  # source tokens times beam decoded together
    valid_beam_size: NonNegativeInt = 0  # of the validations in training; 0: beam_size, so that scores agree

    @model_validator(mode="after")
    def _groups(self) -> DecodeSection:
        for key in ("beam_size", "valid_beam_size"):
            if getattr(self, key) % self.diverse_groups:
                raise ValueError(f"`diverse_groups` ({self.diverse_groups}) must divide `{key}` ({getattr(self, key)})")
        if self.sampling and self.diverse_groups > 1:
            raise ValueError("`sampling` and `diverse_groups` exclude each other")
        if self.min_len_ratio > self.max_len_ratio:
            raise ValueError(f"`min_len_ratio` ({self.min_len_ratio}) is above `max_len_ratio` ({self.max_len_ratio})")
        return self


class EvaluateSection(Section):
    """Which metrics of sacreBLEU, and how BLEU splits words (`13a` unless the target language needs its own)."""

    metrics: Annotated[list[Literal["bleu", "chrf", "chrf++", "ter"]], Field(min_length=1)] = [
        "bleu", "chrf", "chrf++", "ter",
    ]  # fmt: skip
    bleu_tokenize: Literal["13a", "char", "intl", "zh", "ja-mecab", "ko-mecab", "none"] = "13a"


class Recipe(Section):
    """Everything that decides a run."""

    name: str
    seed: NonNegativeInt = 1
    data: DataSection
    tokenizer: TokenizerSection = TokenizerSection()
    model: ModelSection = ModelSection()
    train: TrainSection
    decode: DecodeSection = DecodeSection()
    evaluate: EvaluateSection = EvaluateSection()

    @field_validator("name")
    @classmethod
    def _folder_name(cls, value: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", value) or value == "latest":
            raise ValueError("must be usable as a folder name: letters, digits, `_`, `-`, `.`; and not `latest`")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.model.tie_embeddings == "all" and not self.tokenizer.shared:
            raise ValueError(
                "`model.tie_embeddings: all` needs `tokenizer.shared: true`; else choose `target` or `none`"
            )
        return self

    @property
    def prepared_dir(self) -> Path:
        return Path(self.data.prepared_dir) / self.name

    @property
    def run_dir(self) -> Path:
        return Path(self.train.runs_dir) / self.name

    def dump(self) -> str:
        """The resolved recipe as YAML, every default spelled out; `load_recipe` of it gives an equal recipe."""
        return dump_yaml(self.model_dump(mode="json", exclude_none=True))


def fingerprint(*parts: Any) -> str:
    """16 hex digits that change when any of the (JSON-able or section) parts does."""
    plain = [p.model_dump(mode="json") if isinstance(p, BaseModel) else p for p in parts]
    return hashlib.sha256(json.dumps(plain, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:16]


# --- loading ---------------------------------------------------------------------------------------------------------


def load_recipe(path: str | Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply `key=value` overrides (values as YAML, keys with dots).

    Raises RecipeError naming every fault found.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RecipeError(f"there is no recipe {path}.", _near_files(path)) from None
    except UnicodeDecodeError as e:
        raise RecipeError(f"{path} is not UTF-8 text (byte {e.start}); a recipe is a YAML file.") from None
    except OSError as e:
        raise RecipeError(f"cannot read the recipe {path}: {e.strerror}.") from None
    values = parse_yaml(text, str(path))
    if not isinstance(values, dict):
        raise RecipeError(f"{path} must hold keys and values (name: …), but is {show(values)}.")
    override(values, overrides)
    return make_recipe(values, str(path))


def make_recipe(values: dict[str, Any], where: str) -> Recipe:
    """A checked recipe of plain values; `where` names their origin in errors."""
    try:
        return Recipe.model_validate(values)
    except ValidationError as e:
        raise RecipeError(join_faults([f"{where}: {fault}" for fault in faults(e, values, Recipe)])) from None


def _near_files(path: Path) -> str:
    folder = path.parent if path.parent.is_dir() else Path("recipes")
    names = sorted(str(p) for p in folder.glob("*.y*ml")) if folder.is_dir() else []
    close = difflib.get_close_matches(str(path), names, n=1, cutoff=0.5)
    if close:
        return f"Did you mean {close[0]}?"
    return f"Recipes here: {', '.join(names)}" if names else "Give the path of a YAML file."
