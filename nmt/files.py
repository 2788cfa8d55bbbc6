"""Files and folders that are whole or not there: written beside their place, synced and renamed. And checksums."""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


def write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@dataclass(frozen=True)
class InputFile:
    path: Path
    size: int
    mtime_ns: int
    sha256: str

    def changed(self) -> bool:
        """Whether it was written to, or taken away, since it was described."""
        try:
            now = self.path.stat()
        except OSError:
            return True
        return (now.st_size, now.st_mtime_ns) != (self.size, self.mtime_ns)


def describe_file(path: Path) -> InputFile:
    stat = path.stat()
    with open(path, "rb") as f:
        return InputFile(path, stat.st_size, stat.st_mtime_ns, hashlib.file_digest(f, "sha256").hexdigest())
