"""Results of tasks, kept on disk while a long work lasts: one that was killed goes on with the shard that it was at.

A shard is so many tasks in a row, and is written when it is whole; so what is kept is always the beginning of the work,
and what comes after it is done as if nothing had happened. The size of a shard decides nothing but how much a kill can
cost.

Several processes, on one machine or on many that see the same folder, can share a work: each does shards of its own and
finds those of the others there. Whatever starts such processes will do, as array jobs of a scheduler: nothing passes
between them but files, and one that died is started again. (Ray or Spark would start them too, but bring a runtime to
install and keep alive on every host.) Each process holds the keys of all pairs.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
import zlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from nmt import console
from nmt.data.workers import in_order
from nmt.errors import RunError, plural

SHARD = 25  # tasks, so about half a million pairs; a text with fewer leaves nothing, unless several share the work
PATIENCE = 10.0  # seconds after which is said what is waited for

Task = TypeVar("Task")


class Packed(Protocol):
    """A result that goes to disk and back as values of JSON and arrays."""

    def pack(self) -> tuple[Any, Sequence[np.ndarray]]: ...
    @classmethod
    def unpack(cls, values: Any, arrays: Sequence[np.ndarray]) -> Any: ...


Result = TypeVar("Result", bound=Packed)


@dataclass(frozen=True)
class Share:
    """Which part of a work this process does, of how many; counted from 1."""

    number: int = 1
    of: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"{self.number} of {self.of} is no share")

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def owner(self, stage: str, shard: int) -> Share:
        return Share((zlib.crc32(stage.encode()) + shard) % self.of + 1, self.of)


ALONE = Share()


@dataclass(frozen=True)
class Work:
    """In how many processes tasks are done, and where their results are kept; in no `folder`: nowhere."""

    processes: int = 1
    folder: Path | None = None
    share: Share = ALONE

    def ahead(
        self, stage: str, make: Callable[..., Callable[[Task], Packed]], args: tuple[Any, ...], tasks: Iterable[Task]
    ) -> None:
        """Do what is this process's of a stage, where several share the work, before anything of it is waited for.
        Raises RunError where the disk does not take it.
        """
        if self.share.of == 1:
            return
        sizes: deque[tuple[int, int]] = deque()  # number of a shard, and of its tasks

        def own() -> Iterator[Task]:
            for number, shard in enumerate(_shards(tasks)):
                if self.share.owner(stage, number) == self.share and not self._path(stage, number).exists():
                    sizes.append((number, len(shard)))
                    yield from shard

        done: list[Packed] = []
        for _, result in in_order(make, args, own(), self.processes):
            done.append(result)
            if len(done) == sizes[0][1]:
                _write(self._path(stage, sizes.popleft()[0]), done)
                done = []

    def in_order(
        self, stage: str, kind: type[Result], make: Callable[..., Callable[[Task], Result]], args: tuple[Any, ...],
        tasks: Iterable[Task],
    ) -> Generator[tuple[Task, Result], None, None]:  # fmt: skip
        """As workers.in_order; results of a `stage`, which are of that `kind`, are kept, and those kept before read.
        Where several share the work, what others do of it is waited for. Raises RunError where the disk does not take
        them.
        """
        if self.share.of > 1:
            for number, tasks_of in enumerate(_shards(tasks)):
                path = self._path(stage, number)
                self.wait_for(path, self.share.owner(stage, number))
                yield from zip(tasks_of, _read(path, kind), strict=True)
            return
        tasks, number = iter(tasks), 0
        while self.folder is not None and (path := self._path(stage, number)).exists():
            yield from zip(islice(tasks, SHARD), _read(path, kind), strict=True)
            number += 1
        if number:
            console.info(f"{stage.partition('-')[0]}: {plural(number, 'shard')} had been done before.")
        shard: list[Result] = []
        for task, result in in_order(make, args, tasks, self.processes):
            if self.folder is not None:
                shard.append(result)
                if len(shard) == SHARD:
                    _write(self._path(stage, number), shard)
                    shard, number = [], number + 1
            yield task, result

    def _path(self, stage: str, number: int) -> Path:
        assert self.folder is not None
        return self.folder / f"{stage}-{number:05d}.shard"

    def wait_for(self, path: Path, owner: Share) -> None:
        """Until it is there."""
        began, told = time.monotonic(), False
        while not path.exists():
            if not told and time.monotonic() - began > PATIENCE:
                console.info(f"Waiting for what task {owner} makes ({path.name}). If that died, start it again.")
                told = True
            time.sleep(0.1 if not told else 1)

    def over(self) -> None:
        """Nothing that was kept is needed any more."""
        if self.folder is not None:
            shutil.rmtree(self.folder.parent, ignore_errors=True)


HERE = Work()  # in this process, and nothing is kept


def kept_for(target: Path, key: str) -> Path:
    """Where results are kept while `target` is made. `key` says what of; what is kept of anything else is removed."""
    every = target.with_name(f".{target.name}.shards")
    for other in every.iterdir() if every.is_dir() else ():
        if other.name != key:
            shutil.rmtree(other, ignore_errors=True)
    return every / key


def _shards(tasks: Iterable[Task]) -> Iterator[list[Task]]:
    tasks = iter(tasks)
    while shard := list(islice(tasks, SHARD)):
        yield shard


def _write(path: Path, shard: Sequence[Packed]) -> None:
    part = path.with_name(f"{path.name}.{socket.gethostname()}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            for result in shard:
                values, arrays = result.pack()
                text = json.dumps([values, len(arrays)]).encode()
                for array in (np.frombuffer(text, np.uint8), *arrays):
                    np.save(file, array, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileNotFoundError):  # another that prepares the same came to its end
            os.replace(part, path)
    except OSError as e:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        raise RunError(f"cannot write {path}: {e.strerror or e}.", "Make room there.") from None


def _read(path: Path, kind: type[Result]) -> Iterator[Result]:
    """One result at a time."""
    try:
        with open(path, "rb") as file:
            while file.peek(1):
                values, number = json.loads(np.load(file, allow_pickle=False).tobytes())
                found: Result = kind.unpack(values, [np.load(file, allow_pickle=False) for _ in range(number)])
                yield found
    except (OSError, ValueError, EOFError) as e:
        raise RunError(
            f"{path} cannot be read: {e}.", f"Remove {path.parent}; what it keeps is then made again."
        ) from None
