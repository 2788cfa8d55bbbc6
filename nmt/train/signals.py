"""Signals while training: finish the step, save, say how to go on. A second Ctrl-C ends at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from nmt import console


class Signals:
    """What has been asked for since training began: `stop` by which signal (0: none), and whether to `save` now."""

    def __init__(self) -> None:
        self.stop = 0
        self.save = False

    def _on_stop(self, number: int, _: FrameType | None) -> None:
        if self.stop:
            raise KeyboardInterrupt
        self.stop = number
        console.warn("Finishing this step and saving. Once more ends at once; the last checkpoint stays whole.")

    def _on_save(self, number: int, _: FrameType | None) -> None:
        self.save = True


@contextmanager
def watch_signals() -> Iterator[Signals]:
    signals = Signals()
    handlers = {signal.SIGINT: signals._on_stop, signal.SIGTERM: signals._on_stop}
    if hasattr(signal, "SIGUSR1"):
        handlers[signal.SIGUSR1] = signals._on_save
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
