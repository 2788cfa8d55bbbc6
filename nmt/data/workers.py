"""Work spread over processes, with results in the order of the tasks: any number of processes gives the same bytes."""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from nmt.errors import RunError

Task = TypeVar("Task")
Result = TypeVar("Result")

_IN_FLIGHT = 2  # tasks a worker holds: one in work, one waiting, so that it never idles and memory stays flat
_FEW = 3  # tasks; so few are done sooner than a process starts


def in_order(
    make: Callable[..., Callable[[Task], Result]], args: tuple[Any, ...], tasks: Iterable[Task], processes: int
) -> Generator[tuple[Task, Result], None, None]:
    """Yield (task, make(*args)(task)) for each task. With fewer than two processes all happens in this one, and
    likewise if there are so few tasks that starting processes would cost more than it gains.

    `make` and its result's tasks and results must be picklable. Processes are spawned, not forked: the caller may
    have threads (torch, pyarrow). They end with this generator, and by themselves if this process is killed.
    """
    tasks = iter(tasks)
    few = list(itertools.islice(tasks, _FEW))
    tasks = itertools.chain(few, tasks)
    if processes < 2 or len(few) < _FEW:
        handle = make(*args)
        for task in tasks:
            yield task, handle(task)
        return
    context = multiprocessing.get_context("spawn")
    workers: list[tuple[Any, Connection]] = []
    try:
        for _ in range(processes):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_serve, args=(theirs, make, args), daemon=True)
            worker.start()
            theirs.close()
            workers.append((worker, ours))
        waiting: deque[tuple[int, Task]] = deque()
        for number, task in enumerate(tasks):
            # Task n goes to worker n mod processes, so the oldest task in flight is always the one to wait for.
            if len(waiting) == processes * _IN_FLIGHT:
                yield _collect(workers, waiting)
            at = number % processes
            try:
                workers[at][1].send(task)
            except OSError:
                raise _died(workers[at][0]) from None
            waiting.append((at, task))
        while waiting:
            yield _collect(workers, waiting)
    finally:
        for worker, ours in workers:
            ours.close()
            worker.terminate()
        for worker, _ in workers:
            worker.join()


def _collect(workers: list[tuple[Any, Connection]], waiting: deque[tuple[int, Task]]) -> tuple[Task, Any]:
    at, task = waiting.popleft()
    worker, ours = workers[at]
    try:
        result = ours.recv()
    except (EOFError, OSError):
        raise _died(worker) from None
    if isinstance(result, BaseException):
        raise result
    return task, result


def _died(worker: Any) -> RunError:
    worker.join(timeout=5)
    how = f"exit code {worker.exitcode}"
    return RunError(f"a worker process ended unexpectedly ({how}).", "Out of memory is the usual cause.")


def _serve(pipe: Connection, make: Callable[..., Callable[[Any], Any]], args: tuple[Any, ...]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends us
    inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
    threading.Thread(target=_receive, args=(pipe, inbox), daemon=True).start()
    handle = make(*args)
    while (task := inbox.get()) is not None:
        try:
            answer = handle(task)
        except Exception as e:  # noqa: BLE001 - told to the parent, who raises it
            answer = e
        try:
            pipe.send(answer)
        except OSError:  # the parent is gone
            return


def _receive(pipe: Connection, inbox: queue.SimpleQueue[Any]) -> None:
    # A thread of its own: were tasks read only between answers, both ends could block sending to each other.
    try:
        while True:
            inbox.put(pipe.recv())
    except (EOFError, OSError):
        inbox.put(None)
