"""The gradient of one update: micro-batches forward and backward, and summed.

What an update learns from (`batch_tokens`) is cut into micro-batches that a device has memory for (`max_tokens`). They
are dealt out to the ranks, and on each to its replicas. However it is cut and dealt, the sum is the same.
"""

from __future__ import annotations

import torch

from nmt import console
from nmt.data.batches import Indices
from nmt.errors import TrainingError
from nmt.model.dropout import seed_dropout
from nmt.model.kinds import Model
from nmt.model.terms import collected_terms
from nmt.recipe import TrainSection
from nmt.run.state import TrainState
from nmt.train.epochs import Epoch, TrainingData
from nmt.train.experts import idle
from nmt.train.feed import Feed
from nmt.train.objective import Objective
from nmt.train.outcomes import Sums
from nmt.train.parallel import World
from nmt.train.replicas import Replicas
from nmt.train.weights import FlatWeights

Share = tuple[Epoch, int, int, Indices]  # a micro-batch: of which epoch and step, its number in the step, pairs


class OutOfMemory(Exception):
    """On a micro-batch of so many pairs, source and target positions."""

    def __init__(self, pairs: int, src: int, tgt: int) -> None:
        super().__init__(f"{pairs} pairs, {src} source and {tgt} target positions")
        self.pairs, self.sizes = pairs, (pairs, src, tgt)


class Accumulation:
    """Sums an update's gradient into `weights.grad`."""

    def __init__(
        self, seed: int, section: TrainSection, objective: Objective, data: TrainingData,
        weights: FlatWeights, replicas: Replicas, device: torch.device, world: World,
    ) -> None:  # fmt: skip
        self.seed, self.section, self.objective, self.data = seed, section, objective, data
        self.weights, self.replicas, self.device, self.world = weights, replicas, device, world
        self.feed = Feed(device, ahead=device.type == "cuda")

    def gradients(self, state: TrainState) -> tuple[Sums, int]:
        """The gradient of the next update, summed over all ranks. Gives what _micro_batch gives, summed over this
        rank's share, and the update's tokens on all ranks. Where memory gives out on any and `max_tokens` is `auto`,
        all begin again in smaller parts, and `state` keeps how small.
        """
        while True:
            epoch = self.data.epoch(state.epoch, state.window)
            update = epoch.updates[state.batch_in_window]
            following = epoch.updates[state.batch_in_window + 1 : state.batch_in_window + 2]
            parts = [(epoch, state.step, i, part) for i, part in enumerate(update)]
            mine: list[Share | None] = [*self.world.dealt(parts)]
            if self.weights.shards.names and len(mine) < -(-len(update) // self.world.size):
                mine.append(None)  # others have one more
            too_large: OutOfMemory | None = None
            self.feed.announce(epoch, [part for update in following for part in self.world.dealt(update)])
            try:
                sums = Sums.of(self.replicas.run(mine, self._micro_batch), self.device)
            except OutOfMemory as e:
                too_large = e.with_traceback(None)  # whose frames hold tensors
            too_large = self._on_any_rank(too_large)
            if too_large is None:
                self.weights.reduce()
                return sums, sum(self.objective.num_tokens(epoch, part) for part in update)
            self._use_smaller_parts(too_large)
            state.max_tokens = self.data.max_tokens

    def _on_any_rank(self, mine: OutOfMemory | None) -> OutOfMemory | None:
        """Of the ranks that memory gave out on, the fewest pairs; the same on all."""
        if self.world.size == 1 or (mine and self.weights.shards.names):  # others of its set wait for its tokens
            return mine
        if not self.world.largest([float(mine is not None)])[0]:
            return None
        return OutOfMemory(*min(sizes for sizes in self.world.everyone(mine.sizes if mine else None) if sizes))

    def _micro_batch(self, model: Model, which: Share | None) -> dict[str, torch.Tensor]:
        """Forward and backward. Gives sums by name: the `loss` and what the objective and layers report. Its dropout
        follows from seed, step and number, wherever it is trained.
        """
        if which is None:
            idle(model)
            return {}
        epoch, step, number, part = which
        seed_dropout(((self.seed * 1_000_003 + step) * 4099 + number) % (1 << 63), self.device)
        batch = self.feed.batch(epoch, part)
        try:
            model.train()
            with collected_terms() as terms:
                loss = self.objective.loss(model, batch)
                loss.total.backward()  # type: ignore[no-untyped-call]
        except (torch.OutOfMemoryError, RuntimeError) as e:
            if isinstance(e, torch.OutOfMemoryError) or "allocate memory" in str(e):
                raise OutOfMemory(len(part), batch.src.size(1), batch.tgt_out.size(1)) from None
            raise
        return {"loss": loss.total.detach(), **loss.sums, **terms}

    def _use_smaller_parts(self, e: OutOfMemory) -> None:
        """Halve max_tokens; what an update learns from stays the same. Raises TrainingError where that cannot help or
        is not wanted, or where ranks share experts: these can only begin anew together.
        """
        if self.section.max_tokens != "auto" or self.weights.shards.names or e.pairs == 1:
            hint = (
                f"Set a smaller `train.max_tokens` (now {self.data.max_tokens}); an update learns from the same pairs."
            )
            if e.pairs == 1:
                hint = "Take a smaller model, or leave out long pairs: `data.filters.max_chars`."
            raise TrainingError(f"out of memory on a micro-batch of {e}.", hint) from None
        self.weights.clear_gradients()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        self.data.cut(self.data.max_tokens // 2, self.data.shares)
        console.warn(
            f"Out of memory on a micro-batch of {e}: from here on `train.max_tokens` is {self.data.max_tokens:,}."
        )
