"""Results of tasks, kept on disk while a long work lasts: one that was killed goes on with the shard that it was at.

A shard is so many tasks in a row, and is written when it is whole; so what is kept is always the beginning of the work,
and what comes after it is done as if nothing had happened. The size of a shard decides nothing but how much a kill can
cost.
"""

from __future__ import annotations

import json
import os
import shutil
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

SHARD = 25  # tasks, so about half a million pairs; a text with fewer leaves nothing

Task = TypeVar("Task")


class Packed(Protocol):
    """A result that goes to disk and back as values of JSON and arrays."""

    def pack(self) -> tuple[Any, Sequence[np.ndarray]]: ...
    @classmethod
    def unpack(cls, values: Any, arrays: Sequence[np.ndarray]) -> Any: ...


Result = TypeVar("Result", bound=Packed)


@dataclass(frozen=True)
class Work:
    """In how many processes tasks are done, and where their results are kept; in no `folder`: nowhere."""

    processes: int = 1
    folder: Path | None = None

    def in_order(
        self, stage: str, kind: type[Result], make: Callable[..., Callable[[Task], Result]], args: tuple[Any, ...],
        tasks: Iterable[Task],
    ) -> Generator[tuple[Task, Result], None, None]:  # fmt: skip
        """As workers.in_order; results of a `stage`, which are of that `kind`, are kept, and those kept before read.
        Raises RunError where the disk does not take them.
        """
        tasks, number = iter(tasks), 0
        while self.folder is not None and (path := self._path(stage, number)).exists():
            for task, result in zip(islice(tasks, SHARD), _read(path, kind), strict=True):
                yield task, result
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


def _write(path: Path, shard: Sequence[Packed]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}")
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
    """SHARD results, one at a time."""
    try:
        with open(path, "rb") as file:
            for _ in range(SHARD):
                values, number = json.loads(np.load(file, allow_pickle=False).tobytes())
                found: Result = kind.unpack(values, [np.load(file, allow_pickle=False) for _ in range(number)])
                yield found
    except (OSError, ValueError, EOFError) as e:
        raise RunError(
            f"{path} cannot be read: {e}.", f"Remove {path.parent}; what it keeps is then made again."
        ) from None
