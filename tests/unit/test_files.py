"""Folders that are whole or not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.files import recover, staging


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "place"
    for text in ("one", "two"):
        with staging(target) as folder:
            (folder / "file").write_text(text)
            assert folder.parent == target.parent and (not target.exists() or text == "two")
        assert (target / "file").read_text() == text and names(target.parent) == ["place"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_what_goes_wrong_leaves_the_folder_before(tmp_path: Path, fault: BaseException) -> None:
    with staging(tmp_path / "place") as folder:
        (folder / "file").write_text("one")

    def fail() -> None:
        with staging(tmp_path / "place") as folder:
            (folder / "file").write_text("two")
            raise fault

    with pytest.raises((KeyboardInterrupt, ValueError, RunError)):
        fail()
    assert names(tmp_path) == ["place"] and (tmp_path / "place" / "file").read_text() == "one"


def test_a_failed_rename_puts_the_folder_before_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with staging(tmp_path / "place") as folder:
        (folder / "file").write_text("one")
    real = os.rename

    def rename(src: Path, dst: Path) -> None:
        if ".tmp-" in src.name:
            raise OSError(5, "Input/output error")
        real(src, dst)

    monkeypatch.setattr(os, "rename", rename)
    with (
        pytest.raises(RunError, match=f"cannot write {tmp_path}/place: Input/output error"),
        staging(tmp_path / "place"),
    ):
        pass
    assert names(tmp_path) == ["place"] and (tmp_path / "place" / "file").read_text() == "one"


def test_only_what_dead_processes_left_is_cleared_away(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    living = os.getppid()
    for name in (
        f"p.tmp-{gone.pid}",
        f"p.tmp-{living}",
        f"p.tmp-{os.getpid()}",
        "p.tmp-x",
        "p2.tmp-1",
        f"p.old-{gone.pid}",
    ):
        (tmp_path / name).mkdir()
    recover(tmp_path / "p")  # also brings back the folder between its two renames
    assert names(tmp_path) == sorted(["p", f"p.tmp-{living}", "p.tmp-x", "p2.tmp-1"])
    (tmp_path / f"p.old-{gone.pid}").mkdir()
    recover(tmp_path / "p")
    assert names(tmp_path) == sorted(["p", f"p.tmp-{living}", "p.tmp-x", "p2.tmp-1"])
    recover(tmp_path / "nowhere" / "p")
