"""Batches that a thread makes ready."""

from __future__ import annotations

import threading
from typing import Any, cast

import numpy as np
import pytest
import torch

from nmt.train.epochs import Epoch
from nmt.train.feed import Feed


class Epochs:
    """Says which thread made which batch."""

    def __init__(self) -> None:
        self.made: list[tuple[int, bool]] = []

    def batch(self, part: Any) -> torch.Tensor:
        self.made.append((int(part[0]), threading.current_thread() is threading.main_thread()))
        if part[0] < 0:
            raise ValueError("no such pair")
        return torch.from_numpy(part)


@pytest.mark.parametrize("ahead", [True, False])
def test_what_is_announced_is_made_ready_and_nothing_is_made_twice(ahead: bool) -> None:
    own = Epochs()
    epoch, feed = cast(Epoch, own), Feed(torch.device("cpu"), ahead)
    parts = [np.array([i]) for i in range(5)]
    feed.announce(epoch, parts[:2])
    got = [feed.batch(epoch, part) for part in parts[:2]]
    feed.announce(epoch, parts[2:4])
    got += [feed.batch(epoch, part) for part in (parts[4], parts[3], parts[2])]
    assert [int(batch) for batch in got] == [0, 1, 4, 3, 2]
    assert sorted(own.made) == [(i, not ahead or i == 4) for i in range(5)]


def test_an_error_comes_where_the_batch_is_asked_for() -> None:
    epoch, feed = cast(Epoch, Epochs()), Feed(torch.device("cpu"), ahead=True)
    part = np.array([-1])
    feed.announce(epoch, [part])
    with pytest.raises(ValueError, match="no such pair"):
        feed.batch(epoch, part)
