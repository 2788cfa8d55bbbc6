"""Folders that are whole or not there."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.files import recover, recover_all, staging

ROOT = Path(__file__).parents[2]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_folder_appears_whole_and_replaces_the_one_before(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "place"
    for text in ("one", "two"):
        with staging(target, ["file"]) as folder:
            (folder / "file").write_text(text)
            assert folder.parent.parent == target.parent and (not target.exists() or text == "two")
        assert (target / "file").read_text() == text and names(target.parent) == ["place"]


@pytest.mark.parametrize("fault", [KeyboardInterrupt, ValueError, OSError(28, "No space left on device")])
def test_what_goes_wrong_leaves_the_folder_before(tmp_path: Path, fault: BaseException) -> None:
    with staging(tmp_path / "place") as folder:
        (folder / "file").write_text("one")

    def fail() -> None:
        with staging(tmp_path / "place", ["file"]) as folder:
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
        if src.name == "new":
            raise OSError(5, "Input/output error")
        real(src, dst)

    monkeypatch.setattr(os, "rename", rename)
    with (
        pytest.raises(RunError, match=f"cannot write {tmp_path}/place: Input/output error"),
        staging(tmp_path / "place", ["file"]),
    ):
        pass
    assert names(tmp_path) == ["place"] and (tmp_path / "place" / "file").read_text() == "one"


def test_a_folder_with_anything_else_in_it_stays_as_it_is(tmp_path: Path) -> None:
    place = tmp_path / "place"
    for other in ("notes.txt", "folder/file", "link"):
        (place / other).parent.mkdir(parents=True, exist_ok=True)
        (place / "file").write_text("one")
        (place / other).symlink_to("file") if other == "link" else (place / other).write_text("mine")
        with pytest.raises(RunError) as e, staging(place, ["file", "folder", "link"]) as folder:
            (folder / "file").write_text("two")
        assert str(e.value) == (
            f"{place} holds what nmt did not write ({other.partition('/')[0]}); it is left as it is.\n"
            "  Move it away, or choose another folder."
        )
        assert (place / "file").read_text() == "one" and names(tmp_path) == ["place"]
        shutil.rmtree(place)


def test_what_is_put_there_meanwhile_stays_too(tmp_path: Path) -> None:
    place = tmp_path / "place"

    def write() -> None:
        with staging(place, ["file"]):
            place.mkdir()
            for name in "abcd":
                (place / name).write_text("mine")

    with pytest.raises(RunError, match=r"holds what nmt did not write \(a, b, c and 1 other\)"):
        write()
    assert names(place) == list("abcd") and names(tmp_path) == ["place"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "large" / "place").mkdir(parents=True)
    (tmp_path / "place").symlink_to(tmp_path / "large" / "place")
    for text in ("one", "two"):
        with staging(tmp_path / "place", ["file"]) as folder:
            (folder / "file").write_text(text)
        assert (tmp_path / "large" / "place" / "file").read_text() == text
    assert (tmp_path / "place").is_symlink() and names(tmp_path / "large") == ["place"]


KILLED = """\
import os, sys, pathlib
from nmt import files
target = pathlib.Path(sys.argv[1])
if sys.argv[2] == "between the renames":
    real = os.rename
    os.rename = lambda a, b: os._exit(9) if a.name == "new" else real(a, b)
with files.staging(target, ["file"]) as folder:
    (folder / "file").write_text("two")
    if sys.argv[2] == "while writing":
        os._exit(9)
"""


@pytest.mark.parametrize("when", ["while writing", "between the renames"])
def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path, when: str) -> None:
    place = tmp_path / "place"
    with staging(place) as folder:
        (folder / "file").write_text("one")
    for find in (lambda: recover(place), lambda: recover_all(tmp_path)):
        done = subprocess.run([sys.executable, "-c", KILLED, str(place), when], cwd=ROOT)
        assert done.returncode == 9 and names(tmp_path) != ["place"]
        find()
        assert names(tmp_path) == ["place"] and (place / "file").read_text() == "one"


def test_nothing_else_is_taken_for_a_leftover(tmp_path: Path) -> None:
    """Not a folder whose name looks like one, nor one with more in it, nor what a living process is writing."""
    for name in ("p.old-99999", "p.tmp-99999", ".p.nmt-abcdefgh", ".p.nmt-ijklmnop"):
        (tmp_path / name / "new").mkdir(parents=True)
        (tmp_path / name / "file").write_text("mine")
    (tmp_path / ".p.nmt-ijklmnop" / "made-by-nmt").write_text("")
    before = names(tmp_path)
    with staging(tmp_path / "p"):
        during = names(tmp_path)
        recover(tmp_path / "p")
        recover_all(tmp_path)
        assert names(tmp_path) == during and len(during) == len(before) + 1
    assert names(tmp_path) == sorted([*before, "p"])
    recover(tmp_path / "nowhere" / "p")
