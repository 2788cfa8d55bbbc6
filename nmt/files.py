"""Files and folders that are whole or not there: written beside their place, synced and renamed. And checksums.

A folder is written in a workplace beside it, `.NAME.nmt-XXXXXXXX`, which holds a marker that is locked as long as its
process lives. What a killed process leaves there is cleared away, or brought back, by the next; nothing else ever is.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from nmt.errors import RunError, plural

_MARKER = "made-by-nmt"
_NEW, _OLD = "new", "old"  # in a workplace: the folder being written, and the one that it replaces


@contextmanager
def staging(target: Path, ours: Collection[str] = ()) -> Iterator[Path]:
    """A folder to fill that takes the place of `target` at the end, or vanishes.

    A folder that stands there is replaced only if all that is in it are files named in `ours`. Raises RunError where
    something else is there, or where the disk does not take it.
    """
    place = Path(os.path.realpath(target))  # through a link, which stays
    recover(place)
    _refuse_others(target, ours)
    try:
        if not place.parent.exists():
            place.parent.mkdir(parents=True)
        with _workplace(place) as work:
            folder = work / _NEW
            folder.mkdir()
            yield folder
            for path in [*folder.iterdir(), folder]:
                _sync(path)
            _refuse_others(target, ours)
            _swap(folder, place, work / _OLD)
    except OSError as e:
        raise RunError(
            f"cannot write {target}: {e.strerror or e}.",
            "Make room, mend its permissions, or choose another folder.",
        ) from None


def others(folder: Path, ours: Collection[str]) -> list[str]:
    """What is in `folder` besides files named in `ours`; its own name where it is no folder."""
    if not os.path.lexists(folder):
        return []
    if not folder.is_dir():
        return [folder.name]
    plain = {path.name for path in folder.iterdir() if path.is_file() and not path.is_symlink()}
    return sorted(path.name for path in folder.iterdir() if path.name not in plain & set(ours))


def list_some(names: Collection[str]) -> str:
    """`a, b, c and 4 others`."""
    shown = [*names][:3]
    more = len(names) - len(shown)
    return ", ".join(shown) + (f" and {plural(more, 'other')}" if more else "")


def _refuse_others(target: Path, ours: Collection[str]) -> None:
    if found := others(target, ours):
        raise RunError(
            f"{target} holds what nmt did not write ({list_some(found)}); it is left as it is.",
            "Move it away, or choose another folder.",
        )


def _swap(folder: Path, target: Path, old: Path) -> None:
    if target.exists():
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


# --- workplaces ------------------------------------------------------------------------------------------------------


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder of our own beside `target`; it goes at the end, unless the folder that was replaced is still in it."""
    work = Path(tempfile.mkdtemp(prefix=f".{target.name}.nmt-", dir=target.parent))
    try:
        unlocked = work / f"{_MARKER}.new"
        with open(unlocked, "w", encoding="utf-8") as marker:
            marker.write("nmt makes this folder while it writes another, and takes it away again.\n")
            marker.flush()
            lock(marker)
            os.rename(unlocked, work / _MARKER)  # locked from when it can be found
            yield work
    finally:
        if not (work / _OLD).exists():
            shutil.rmtree(work, ignore_errors=True)


def lock(file: IO[str]) -> bool:
    """Lock an open file, without waiting. The system drops the lock with the process, so none outlives a crash."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def recover(target: Path) -> None:
    """Clear away what killed processes left of writing `target`; bring back a folder that was killed between its two
    renames.
    """
    target = Path(os.path.realpath(target))
    for work in target.parent.glob(f".{glob.escape(target.name)}.nmt-*"):
        _recover(work)


def recover_all(folder: Path) -> None:
    """As `recover`, for all that can be in `folder`."""
    for work in folder.glob(".*.nmt-*"):
        _recover(work)


def _recover(work: Path) -> None:
    name = re.fullmatch(r"\.(.+)\.nmt-[a-z0-9_]{8}", work.name)
    known = {_MARKER, _NEW, _OLD}
    with suppress(OSError):  # it is no workplace, another has cleared it away, or may not be touched
        if name is None or not {path.name for path in work.iterdir()} <= known:
            return
        with open(work / _MARKER, "r+", encoding="utf-8") as marker:
            if not lock(marker):
                return  # its process lives
            old, target = work / _OLD, work.with_name(name[1])
            if old.exists() and not target.exists():
                os.rename(old, target)
            shutil.rmtree(work, ignore_errors=True)


# --- files -----------------------------------------------------------------------------------------------------------


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


@contextmanager
def new_file(path: Path) -> Iterator[IO[bytes]]:
    """A file to write that has its name once it is whole, or vanishes. Raises RunError where something has that name,
    or where the disk does not take it.
    """
    refuse_any(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:100]}.", suffix=".tmp", dir=path.parent)
        try:
            with open(handle, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~_umask())
            refuse_any(path)
            os.replace(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    except OSError as e:
        raise RunError(
            f"cannot write {path}: {e.strerror or e}.", "Make room, mend its permissions, or choose another place."
        ) from None


def refuse_any(path: Path) -> None:
    """Raises RunError where something has that name."""
    if os.path.lexists(path):
        raise RunError(f"{path} exists; it is left as it is.", "Remove it, or choose another name.")


def _umask() -> int:
    """What the process takes away from the permissions of new files; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


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


def what_is_no_file(status: os.stat_result) -> str:
    """What stands there in place of a file that can be read from its beginning, any number of times; "" if it is one.
    Opened, a pipe may wait for ever, and a device may never end.
    """
    kinds = {stat.S_ISFIFO: "a pipe", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device", stat.S_ISSOCK: "a socket"}
    return next((kind for test, kind in kinds.items() if test(status.st_mode)), "")


def describe_file(path: Path) -> InputFile:
    stat = path.stat()
    with open(path, "rb") as f:
        return InputFile(path, stat.st_size, stat.st_mtime_ns, hashlib.file_digest(f, "sha256").hexdigest())
