"""Folders that are whole or not there: filled beside their place, synced, then renamed into it."""

from __future__ import annotations

import glob
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nmt.errors import RunError


@contextmanager
def staging(target: Path) -> Iterator[Path]:
    """A folder to fill that takes the place of `target` at the end, or vanishes."""
    folder = target.with_name(f"{target.name}.tmp-{os.getpid()}")
    recover(target)
    try:
        folder.mkdir(parents=True)
        yield folder
        for path in [*folder.iterdir(), folder]:
            _sync(path)
        _swap(folder, target)
    except OSError as e:
        raise RunError(
            f"cannot write {target}: {e.strerror or e}.",
            "Free some space, mend its permissions, or choose another folder.",
        ) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _swap(folder: Path, target: Path) -> None:
    old = target.with_name(f"{target.name}.old-{os.getpid()}")
    if target.exists():
        shutil.rmtree(old, ignore_errors=True)  # of an attempt that failed after its renames
        os.rename(target, old)
    try:
        os.rename(folder, target)
    except BaseException:
        if old.exists():
            os.rename(old, target)
        raise
    _sync(target.parent)
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def recover(target: Path) -> None:
    """Clear away what killed preparations left; bring back a folder that was killed between its two renames."""
    if not target.parent.is_dir():
        return
    for path in target.parent.glob(f"{glob.escape(target.name)}.*"):
        match = re.fullmatch(r"(tmp|old)-(\d+)", path.name[len(target.name) + 1 :])
        if match and not _alive(int(match[2])):
            if match[1] == "old" and not target.exists():
                os.rename(path, target)
            else:
                shutil.rmtree(path, ignore_errors=True)


def _alive(pid: int) -> bool:
    """Whether another process has this number; a folder with our own is left from before a restart."""
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
