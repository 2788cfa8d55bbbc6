"""How the routers of all replicas and ranks do, looked at in the last step of each interval of the log."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn

from nmt.model.experts import watched
from nmt.model.load import Loads, merged
from nmt.train.parallel import World


class Routers:
    """Those of this rank's models, of one kind."""

    def __init__(self, models: Sequence[nn.Module], world: World, log_every: int) -> None:
        self.models, self.world, self.log_every = models, world, log_every
        self._loads: Loads = {}

    @contextmanager
    def watched(self, step: int) -> Iterator[None]:
        """Within, `step` is done; what routers do in it is kept if it is the last of its interval."""
        if step % self.log_every:
            yield
            return
        with watched(*self.models) as each:
            yield
        self._loads = merged(each)

    def taken(self) -> Loads:
        """What was kept, of all ranks, and is forgotten now; empty if nothing was, as in a model without experts. All
        ranks have to be here.
        """
        loads, self._loads = self._loads, {}
        return merged(self.world.everyone(loads))
