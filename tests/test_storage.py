"""A disk that is full, and files that may not grow: the run stays as it was, and goes on when there is room."""

from __future__ import annotations

import hashlib
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def full_disk() -> Iterator[None]:
    """No byte more fits beside what is here."""
    ballast = Path("ballast")
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    yield
    ballast.unlink()


@contextmanager
def small_files() -> Iterator[None]:
    """Files may have 50 kB, as with `ulimit -f`."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], capture_output=True)
    except OSError:
        mounted = None
    if mounted is None or mounted.returncode:
        pytest.skip("NOT TESTED: no file system can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def last_bytes(folder: Path) -> dict[str, str]:
    files = sorted((folder / "runs/mini/checkpoints/step-00000008").glob("*.safetensors"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check(trained: Path, folder: Path, nmt, trouble, says: str) -> None:
    for name in ("mini.yaml", "text", "data"):
        source = trained / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    assert nmt("train", "mini.yaml", "train.max_steps=4")[0] == 0
    first = Path("runs/mini/checkpoints/step-00000004")
    before = {path.name: path.read_bytes() for path in first.iterdir()}
    with trouble():
        code, _, err = nmt("train", "mini.yaml")
        said = " ".join(err.split())
        assert code == 2, said
        assert says in said
        assert "Make room" in said
        assert "Traceback" not in err
        assert {path.name: path.read_bytes() for path in first.iterdir()} == before
        assert nmt("translate", stdin=b"The cat sleeps.\n")[0] == 0
    code, _, err = nmt("train", "mini.yaml")
    assert code == 0, err
    assert "Resuming runs/mini after step 4" in err
    assert last_bytes(folder) == last_bytes(trained)


def test_a_full_disk(trained, small_disk, nmt, monkeypatch):
    monkeypatch.chdir(small_disk)
    check(trained, small_disk, nmt, full_disk, "No space left on device")


def test_a_file_size_limit(trained, tmp_path, nmt, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(trained, tmp_path, nmt, small_files, "File too large")
