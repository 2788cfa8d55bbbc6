"""How the model is trained: optimisation, when it stops, how often it looks up, the machine."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from nmt.recipe.evaluate import Criterion
from nmt.recipe.init_from import Guard, InitFrom, of_folder
from nmt.recipe.passes import WHOLE, ConsistencySection, Hidden, TokenDrop, on_both_sides
from nmt.recipe.section import (
    Int,
    NonNegativeFloat,
    NonNegativeInt,
    PathText,
    PositiveFloat,
    PositiveInt,
    Probability,
    Section,
    derived,
    of_kind,
)


class TrainSection(Section):
    """Optimisation. `batch_tokens` is part of the experiment, `max_tokens` of the machine: see data/batches.py.

    Keys whose default is `derived` follow from the data and the planned length: see defaults.py.
    """

    # What is optimised
    label_smoothing: Probability = 0.1
    # Two passes over each example that should predict the same: rdrop, simcut, or more keys
    consistency: Annotated[ConsistencySection | None, BeforeValidator(of_kind)] = None
    token_drop: Annotated[TokenDrop | None, BeforeValidator(on_both_sides)] = None  # a number, or {source, target}
    batch_tokens: PositiveInt = derived(4096)  # real target tokens an update, about
    # From so many parts of the range of lengths an update has pairs, in no fewer micro-batches; 1: of one length
    strata: Annotated[Int, Field(ge=1, le=64)] = 1
    optimizer: Literal["muon", "adamw"] = "muon"  # muon: of the layers' matrices; all else has AdamW
    learning_rate: PositiveFloat = derived(1e-3)  # the peak
    schedule: Literal["inverse_sqrt", "noam", "cosine", "linear"] = derived("inverse_sqrt")
    warmup_steps: NonNegativeInt = derived(1000)
    min_learning_rate: NonNegativeFloat = 0.0  # where cosine and linear end
    adam_betas: tuple[Probability, Probability] = (0.9, 0.98)
    adam_eps: PositiveFloat = 1e-9
    weight_decay: NonNegativeFloat = derived(0.0)
    # With init_from: how strongly what was taken over is pulled back to what it was. Each step goes learning rate times
    # this of the way (L2-SP, Li et al. 2018, decoupled as weight decay is)
    anchor: NonNegativeFloat = 0.0
    clip_norm: NonNegativeFloat = 1.0  # of the whole gradient; 0 turns it off
    ema_decay: Probability = 0.999  # exponential moving average of the weights; 0 turns it off
    average_best: NonNegativeInt = derived(
        5
    )  # at the end, try the average of this many best checkpoints; 0 or 1: never
    # When it stops: whatever comes first; cosine and linear end there too
    max_steps: NonNegativeInt | None = None  # 0, with init_from: that run's weights as they are
    max_epochs: PositiveInt | None = derived(None)
    max_minutes: PositiveFloat | None = None
    patience: NonNegativeInt = derived(0)  # validations without a better `metric`; 0 turns early stopping off
    metric: Criterion = "bleu"
    # How often it looks up
    eval_every: PositiveInt = derived(1000)  # steps
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
    # Processes of torchrun that share one set of experts, each having a part of them; 1: every process has all
    expert_parallel: Annotated[Int, Field(ge=1, le=65_536)] = 1
    max_bad_steps: PositiveInt = 10  # updates in a row whose numbers are not finite
    init_from: Annotated[InitFrom | None, BeforeValidator(of_folder)] = (
        None  # a run to begin from: its folder, or {run, parts, freeze, vocabulary}
    )
    # A run whose validation set is watched, so that what it could do is not forgotten: its folder, or {run, max_drop}
    guard: Annotated[Guard | None, BeforeValidator(of_folder)] = None
    runs_dir: PathText = "runs"  # the run folder is runs_dir/<recipe name>

    @property
    def falls_to_an_end(self) -> bool:
        """Whether the learning rate depends on how long the training is to be."""
        return self.schedule in ("cosine", "linear")

    @property
    def has_length(self) -> bool:
        """Whether a limit is given that is sure to come."""
        return not (self.max_steps is None and self.max_epochs is None and self.max_minutes is None)

    def passes(self, epoch: int) -> tuple[Hidden, ...]:
        """How often an epoch, counted from 0, reads its examples, and what each time is not shown."""
        first = WHOLE if self.token_drop is None else self.token_drop.hidden
        if self.consistency is None or epoch < self.consistency.from_epoch:
            return (first,)
        return first, first.and_of_the_rest(self.consistency.cut)

    @property
    def most_passes(self) -> int:
        return 1 if self.consistency is None else 2

    @model_validator(mode="after")
    def _has_a_beginning(self) -> TrainSection:
        if self.anchor and self.init_from is None:
            raise ValueError(f"`anchor: {self.anchor:g}` needs `init_from`: it pulls towards the weights of that run")
        if self.max_steps == 0 and self.init_from is None:
            raise ValueError("`max_steps: 0` needs `init_from`: nothing would ever be learned")
        return self

    @model_validator(mode="after")
    def _falls_to_an_end(self) -> TrainSection:
        if self.falls_to_an_end and not self.has_length:
            raise ValueError(
                f"`schedule: {self.schedule}` needs `max_steps`, `max_epochs` or `max_minutes`, to know where it ends"
            )
        return self

    @model_validator(mode="after")
    def _guards_a_parent(self) -> TrainSection:
        if self.guard is not None and self.init_from is None:
            raise ValueError("`guard` needs `init_from`: without it there is nothing to forget")
        return self
