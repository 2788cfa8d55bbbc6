"""The training loop: ids to checkpoints.

Every random thing is a pure function of (seed, step or epoch, rank): the plan, the sampled segmentations and the
dropout masks. So a checkpoint needs no random state, and a resumed run repeats an uninterrupted one bit for bit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from nmt import console
from nmt.data.manifest import Manifest
from nmt.device import choose_device, choose_dtype, set_threads
from nmt.errors import Interrupted, RunError
from nmt.model.kinds import build, matrix_blocks
from nmt.recipe import Recipe
from nmt.run import checkpoint as ckpt
from nmt.run.checkpoint import rank
from nmt.run.environment import environment
from nmt.run.folder import run_lock
from nmt.run.log import last_start
from nmt.run.state import Interval, TrainState
from nmt.tokenizer import Tokenizer
from nmt.train.accumulation import Accumulation
from nmt.train.averaging import try_average
from nmt.train.epochs import Epoch, TrainingData
from nmt.train.estimate import check_memory
from nmt.train.experts import Shards, lay_out
from nmt.train.guard import guarded, judge_anew, try_interpolations
from nmt.train.health import check_interval, check_step, check_warmup, hardly_learned, unigram_loss
from nmt.train.inherit import inherit
from nmt.train.journal import Journal
from nmt.train.objective import Objective, choose_objective
from nmt.train.outcomes import Outcomes
from nmt.train.owners import who_share
from nmt.train.parallel import ALONE, World, choose_max_tokens, choose_shares, local_rank, together
from nmt.train.progress import Progress
from nmt.train.replicas import Replicas, choose_replicas
from nmt.train.routers import Routers
from nmt.train.schedule import learning_rate
from nmt.train.settle import like_parent
from nmt.train.signals import Signals, watch_signals
from nmt.train.start import begin, check_start, make_self_sufficient
from nmt.train.validation import Valid, Validator, show
from nmt.train.weights import FlatWeights


def train(
    recipe: Recipe, prepared: Path, command: str, fresh: bool = False, objective: Objective | None = None
) -> Path:
    """Train, or go on with, the recipe's run; returns the run folder. `command` is what starts it again; `fresh` sets
    an old run aside instead of going on with it; `objective` is what is learned, if it is not the recipe's.

    Raises RunError where the folder holds another recipe's run or cannot be used, TrainingError where numbers or memory
    give out, Interrupted after a signal.
    """
    recipe = like_parent(recipe)
    device = choose_device(recipe.train.device, local_rank())
    run = recipe.run_dir
    try:
        with together(device.type) as world:
            check_start(recipe, prepared, world, fresh)
            recipe = begin(recipe, prepared, command, fresh, world)
            if world.is_main:
                check_memory(recipe, Manifest.load(prepared).tokenizer.vocab_sizes, device)
            with run_lock(run) if world.is_main else nullcontext(_unlocked) as check, watch_signals() as signals:
                objective = objective or choose_objective(recipe)
                trainer = Trainer(recipe, run, prepared, objective, device, world, signals, command)
                trainer.check_place = check
                trainer.run()
    except OSError as e:
        raise RunError(
            f"the run folder {run} cannot be written: {e.strerror or e}.",
            "Make room, mend its permissions, or choose another `train.runs_dir`.",
        ) from None
    return run


def _unlocked() -> None:
    """Of a rank that writes nothing, and of a folder that nobody else knows."""


class Trainer:
    """One run on one rank. All ranks do the same with their shares of each update, and of a validation; rank 0 scores
    and saves.
    """

    def __init__(
        self, recipe: Recipe, run: Path, prepared: Path, objective: Objective,
        device: torch.device, world: World, signals: Signals, command: str,
    ) -> None:  # fmt: skip
        self.recipe, self.section, self.run_dir, self.objective = recipe, recipe.train, run, objective
        self.device, self.world, self.signals, self.command = device, world, signals, command
        self.threads = set_threads(self.section.threads)
        self.dtype = choose_dtype(self.section.precision, device)
        max_tokens = choose_max_tokens(self.section, device)
        self.tokenizer = Tokenizer.load(prepared)
        replicas = choose_replicas(self.section, device, self.threads, world.size)
        self.workers = world.share(world.size * replicas)
        shares = choose_shares(self.section, device, self.workers)
        self.data = TrainingData(prepared, recipe, self.tokenizer, max_tokens, shares)
        torch.manual_seed(recipe.seed)
        self.model = build(recipe.model, self.tokenizer.src_vocab_size, self.tokenizer.tgt_vocab_size).to(device)
        self.inherited = inherit(self.model, recipe, self.tokenizer)
        shards = Shards(lay_out(world, self.section.expert_parallel, recipe.model.experts), recipe.model.experts)
        self.model, validated = shards.divide(self.model, self.dtype)
        blocks = matrix_blocks(self.model) if self.section.optimizer == "muon" else {}
        sharing = ALONE if shards.names else who_share(world, self.model)
        self.weights = FlatWeights(self.model, self.section, self.dtype, blocks, shards, sharing)
        if self.inherited:
            self.weights.anchor_here(self.inherited.names)
        # Compiling leaves the parameters where they are.
        trained: Any = torch.compile(self.model, dynamic=True) if self.section.compile else self.model
        shared = Replicas(trained, self.weights, replicas, self.threads)
        self.accumulation = Accumulation(
            recipe.seed, self.section, objective, self.data, self.weights, shared, device, world
        )
        self.routers = Routers([member for member, _ in shared.members], world, self.section.log_every)
        self.validator = Validator(prepared, recipe, self.tokenizer, objective, validated, device, max_tokens)
        old = guarded(recipe, self.validator)
        self.validator.also = old.measure if old else None
        self.state = TrainState()
        self.check_place: Callable[[], None] = _unlocked  # raises where the run folder is another by now
        self.validated = False  # the checkpoint that it goes on from
        self.norm = self.rate = 0.0  # of the last step
        self.outcomes = Outcomes()
        # A CPU is not waited for; else the host hurries on, not too far.
        self.look_every = 1 if device.type == "cpu" else min(self.section.log_every, self.section.max_bad_steps)
        if world.is_main:
            ckpt.clear_leftovers(run)
            judge_anew(run, old)
        world.barrier()
        resumed = self._resume()
        self.state.shares = self.data.shares
        world.check_same({"step": self.state.step, "weights": self.weights.fingerprint()})
        if world.is_main:
            make_self_sufficient(run, recipe, prepared, self.tokenizer)
        self.journal = Journal(recipe, run, self.state.step if resumed else -1, self.validated, world.is_main)
        self.progress = Progress(self.section, self.data.steps_per_epoch)

    @property
    def epoch(self) -> Epoch:
        return self.data.epoch(self.state.epoch, self.state.window)

    # --- the loop ----------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """To the recipe's end, or a signal."""
        if self.progress.is_over(self.state) and self.journal.ended_at == self.state.step:
            console.info(
                f"{self.run_dir} is trained to its end ({self.state.step:,} steps); nothing to do. "
                "To train on, raise its limits; to train anew: --fresh"
            )
            return
        self._announce()
        if self.inherited:
            self._save()
        section = self.section
        if self._validation_is_due() and not self.validated:
            self._validate()  # which it was killed in
        while not self.progress.is_over(self.state):
            started = time.perf_counter()
            self._step()
            took = time.perf_counter() - started
            self.state.interval.seconds += took
            self.state.seconds += took
            stop, save = self._agree()
            step, over = self.state.step, self.progress.is_over(self.state)
            if step % section.log_every == 0 or over:
                self._end_interval()
            due = self._validation_is_due()
            if due or step % section.eval_every == 0 or step % section.save_every == 0 or stop or save:
                self._save()  # first, so that a validation that fails takes no step with it
            if due:
                self._validate()
            if stop:
                raise Interrupted(
                    stop,
                    f"stopped by signal {stop} after step {step:,}; everything is saved in {self.run_dir}.",
                    f"Go on where it stopped: {self.command}",
                )
        self._finish()

    def _step(self) -> None:
        """One update; moves `state` on."""
        state = self.state
        with self.routers.watched(state.step + 1):
            sums, num_tokens = self.accumulation.gradients(state)
        state.step += 1
        planned = self.progress.planned_steps(state)
        self.rate = learning_rate(self.section, self.recipe.model.d_model, state.step, planned)
        norm = self.weights.update(self.rate, num_tokens, state.step)
        self.outcomes.add(state.step, num_tokens, sums, norm)
        state.batch_in_window += 1
        state.tokens_seen += num_tokens
        if state.batch_in_window == len(self.epoch.updates):
            self._end_window()
        if state.step % self.look_every == 0:
            self._look()

    def _look(self) -> None:
        """What became of the steps since the last look, into `state`."""
        for outcome in self.outcomes.taken():
            self.norm, finite = outcome.norm, math.isfinite(outcome.norm)
            check_step(self.state, outcome.step, finite, self.section, self.run_dir)
            if finite:
                self.state.interval.add(outcome.sums, outcome.tokens)
            self.state.interval.steps += 1

    def _end_window(self) -> None:
        state = self.state
        state.epoch, state.window = self.data.windows.after(state.epoch, state.window)
        state.batch_in_window = 0

    def _gather_interval(self) -> None:
        """Sum the interval's losses over all ranks, into rank 0."""
        sums = self.world.sum_by_name(self.state.interval.sums)
        self.state.interval.sums = sums if self.world.is_main else {}

    def _end_interval(self) -> None:
        self._look()
        state = self.state
        if self.world.size > 1:
            self._gather_interval()
        self.journal.interval(state.interval, state, self.rate, self.norm, self.progress)
        self.journal.routers(state.step, self.routers.taken())
        check_interval(state, self.section)
        if state.step == self.section.log_every and self.section.max_minutes is not None:
            check_warmup(self.section, self.progress.planned_steps(state))
        state.interval = Interval()

    # --- validation and checkpoints ----------------------------------------------------------------------------------

    def _validation_is_due(self) -> bool:
        state, progress = self.state, self.progress
        # What was taken over from another run is the first candidate for the best.
        regular = state.step % self.section.eval_every == 0 and (state.step > 0 or self.section.init_from is not None)
        return progress.is_over(state) or (regular and progress.validation_fits(state))

    def _validate(self) -> None:
        """Loss, BLEU and chrF of the averaged weights, by the Translator that `nmt translate` uses. The checkpoint of
        this step is there, and gets the scores.
        """
        started = time.perf_counter()
        state, section = self.state, self.section
        with_text = self.progress.is_over(state) or not 0 < state.step < section.eval_from
        with self.weights.averaged(self.validator.model):
            # Where each has a part of the experts, rank 0 alone has a whole model.
            apart = bool(self.weights.shards.names)
            if self.world.is_main or not apart:
                valid, hyps = self.validator.measure(with_text, ALONE if apart else self.world)
        if self.world.is_main:
            state.valid = valid
            if section.metric in valid:
                self._count_patience(ckpt.new_alone(valid))
            state.seconds += time.perf_counter() - started
            self.journal.validation(state, valid, self.validator.samples(hyps, section.samples))
            self.journal.directions(state.step, self.validator.experts if hyps else {})
            ckpt.update_state(self.run_dir, self._checkpoint_name, state)
            ckpt.prune(self.run_dir, max(section.keep, section.average_best), section.metric)
            state.valid = {}
        self._agree()
        (took,) = self.world.largest([time.perf_counter() - started])
        self.progress.validation_took(took)  # the same on all, as they decide by it whether there will be another

    def _count_patience(self, valid: Valid) -> None:
        state, metric = self.state, self.section.metric
        best = state.best_valid or ({} if state.best_score is None else {metric: state.best_score})
        if not best or rank(valid, metric) > rank(best, metric):
            state.best_score, state.best_valid = valid[metric], dict(valid)
            state.best_step, state.bad_validations = state.step, 0
        else:
            state.bad_validations += 1

    def _agree(self) -> tuple[int, bool]:
        """The signal to stop by (0: none) and whether to save now; the same on all ranks, as is the end of the run."""
        state, signals = self.state, self.signals
        mine = [signals.stop, signals.save, state.seconds, state.bad_validations]
        stop, save, state.seconds, bad = self.world.largest(mine)
        state.bad_validations = int(bad)
        return int(stop), bool(save)

    @property
    def _checkpoint_name(self) -> str:
        return f"step-{self.state.step:08d}"

    def _save(self) -> None:
        self._look()
        if self.world.size > 1:
            self._gather_interval()
        tensors = self.weights.translating(), self.weights.state()  # all ranks: each may have a part
        if self.world.is_main:
            self.check_place()
            ckpt.save_checkpoint(self.run_dir, self._checkpoint_name, self.state, *tensors, self.recipe.model)
            ckpt.prune(self.run_dir, max(self.section.keep, self.section.average_best), self.section.metric)
        self.signals.save = False
        self.world.barrier()

    def _resume(self) -> bool:
        """Restore the newest checkpoint that is whole; False where there is none at all."""
        for checkpoint in reversed([c for c in ckpt.checkpoints(self.run_dir) if c.trainable]):
            try:
                weights, training = (checkpoint.tensors(f"{kind}.safetensors") for kind in ("model", "train"))
            except RunError as e:
                console.warn(f"{e.message} The one before it is used.")
                continue
            checkpoint.check_model(self.recipe.model)
            self.state = checkpoint.state
            if not self.world.is_main:
                self.state.interval.sums = {}
            self._cut_as_before()
            self.weights.load(weights, training, self.state.step - self.state.skipped_steps)
            if self.state.batch_in_window >= len(self.epoch.updates):  # an older nmt kept more of the text
                self._end_window()
            self.validated, self.state.valid = bool(self.state.valid), {}
            console.info(f"Resuming {self.run_dir} after step {self.state.step:,}.")
            return True
        if any((self.run_dir / "checkpoints").glob("step-*")):
            raise RunError(
                f"no checkpoint of {self.run_dir} is whole enough to go on from.",
                f"Restore the run folder from a copy, or set it aside and start over: {self.command} --fresh",
            )
        return False

    def _cut_as_before(self) -> None:
        """Into the micro-batches of the run so far, so that dropout is the same, however many ranks there are now; anew
        where these are so many that some would have none.
        """
        state, data = self.state, self.data
        smaller = state.max_tokens if self.section.max_tokens == "auto" else None
        anew = data.shares
        data.cut(smaller or data.max_tokens, state.shares or anew)
        updates = self.epoch.updates
        if sum(map(len, updates)) < self.workers * len(updates):
            data.cut(data.max_tokens, anew)

    def _finish(self) -> None:
        """Try the average of the best checkpoints, and weights between those and the parent's; whichever is best on
        validation is what the run translates with.
        """
        if not self.world.is_main:
            return
        state, metric = self.state, self.section.metric
        if record := try_average(self.run_dir, self.section, state, self.validator):
            self.journal.write(event="average", step=state.step, **record)
        for record in try_interpolations(self.run_dir, self.recipe, self.tokenizer, state, self.validator):
            self.journal.write(event="interpolation", step=state.step, **record)
        best = ckpt.find_checkpoint(self.run_dir, "best", metric)
        self.journal.write(
            event="end", step=state.step, seconds=round(state.seconds, 1), best=best.path.name, **best.state.valid
        )
        unigram = unigram_loss(self.epoch.sides.tgt, self.validator.epoch.sides.tgt)
        trouble = hardly_learned(state, self.section, best.state.valid, unigram)
        console.info(
            f"{'Stopped' if trouble else 'Done'}: {state.step:,} steps in {state.seconds / 60:.1f} minutes. Best on "
            f"validation: {best.path.name} ({show(best.state.valid)}). Run folder: {self.run_dir}"
        )
        if trouble:
            console.warn(trouble)

    def _tell_other_precision(self, kind: str) -> None:
        before = last_start(self.run_dir).get("precision")
        if self.section.precision == "auto" and before not in (None, kind):
            console.warn(
                f"{self.run_dir} was trained in {before} until now; here `train.precision: auto` chooses {kind}. "
                f"It goes on in {kind}, so the result will not be that of one training in {before}."
            )

    def _announce(self) -> None:
        parameters = f"{sum(p.numel() for p in self.validator.model.parameters()):,} parameters"
        if frozen := sum(p.numel() for p in self.weights.frozen.values()):
            parameters += f" ({frozen:,} frozen)"
        kind = {torch.float32: "fp32", torch.bfloat16: "bf16"}[self.dtype]
        self._tell_other_precision(kind)
        processes = f", {self.world.size} processes" if self.world.size > 1 else ""
        if self.weights.shards.names:
            processes += f", {self.weights.shards.layout}"
        console.info(f"{self.recipe.name}: {parameters}, {kind} on {self.device}, {self.threads} threads{processes}")
        console.info(self.data.describe(self.epoch))
        console.info(self.progress.describe_end())
        check_warmup(self.section, self.progress.planned_steps(self.state))
        self.journal.write(
            event="start", step=self.state.step, **environment(self.recipe), tokenizer=self.tokenizer.fingerprint,
            device=str(self.device), precision=kind, threads=self.threads, processes=self.world.size,
        )  # fmt: skip
        if self.inherited:
            self.inherited.show()
            self.journal.write(event="init", step=self.state.step, **self.inherited.record)
