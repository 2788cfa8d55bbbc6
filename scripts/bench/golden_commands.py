"""Commands of nmt for goldens.py: with a checkout's code, each as fresh as if a shell had started it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from contextlib import suppress
from pathlib import Path
from typing import NoReturn


def start_over(checkout: Path, env: dict[str, str]) -> NoReturn:
    """Begin again in a process that finds a copy of the checkout's code, so that it may be edited meanwhile. However
    this one ends, it ends that one too, and its forks.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory() as folder:
        code = Path(folder) / "code"
        shutil.copytree(checkout / "nmt", code / "nmt", ignore=shutil.ignore_patterns("__pycache__"))
        fixed = {"PYTHONPATH": str(code), "OMP_NUM_THREADS": "2", "COLUMNS": "120", "NO_COLOR": "1", **env}
        process = subprocess.Popen([sys.executable, *sys.argv], env=os.environ | fixed, start_new_session=True)
        try:
            sys.exit(process.wait())
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class FailedError(Exception):
    """A command ended with an error."""


def start(args: list[str], work: Path, log: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> int:
    """Begin `nmt ARGS` in a fork of this process, which has imported torch but nothing of nmt: so each command starts
    fresh, without the seconds that torch takes. Gives the process; its output goes to work/LOG.out and .err.
    """
    (work / f"{log}.in").write_bytes(stdin)
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.chdir(work)
        for number, end, flags in (
            (0, "in", os.O_RDONLY),
            (1, "out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
            (2, "err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC),
        ):
            os.dup2(os.open(f"{log}.{end}", flags), number)
        os.environ.update(env or {})
        sys.argv = ["nmt", *args]
        from nmt.cli import main

        main()
        code = 0
    except SystemExit as e:
        code = e.code if isinstance(e.code, int) else int(e.code is not None)
    except BaseException:  # noqa: BLE001 - the parent shows it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def finish(processes: list[int], args: list[str], work: Path, log: str) -> bytes:
    """Wait for what `start` began; gives the standard output of the first."""
    codes = [os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) for process in processes]
    if any(codes):
        said = (work / f"{log}.err").read_text(encoding="utf-8", errors="replace")
        raise FailedError(f"nmt {' '.join(args)} ended with {codes}:\n{said[-3000:]}")
    return (work / f"{log}.out").read_bytes()


def nmt(args: list[str], work: Path, stdin: bytes = b"", processes: int = 1) -> bytes:
    """Run `nmt ARGS`, with several processes as torchrun would start them; gives standard output."""
    if processes == 1:
        return finish([start(args, work, "command", stdin)], args, work, "command")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    begun = []
    for rank in range(processes):
        env = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "LOCAL_WORLD_SIZE": processes}
        address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
        log = f"command-{rank}" if rank else "command"
        begun.append(start(args, work, log, env={k: str(v) for k, v in env.items()} | address))
    return finish(begun, args, work, "command")
