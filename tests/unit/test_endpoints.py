"""Where translations go: files that are whole or not there, and what must not be lost."""

from __future__ import annotations

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from nmt.decode.endpoints import count_lines, input_format_of, open_input, open_output
from nmt.errors import DataError, NMTError, OutputError


def write(path: Path, *lines: bytes, source: Path | None = None) -> None:
    with open_input(source or Path(os.devnull)) as (file, _), open_output(path, file) as out:
        for line in lines:
            out.write(line)
            out.flush()


def test_an_interrupted_output_keeps_the_old_file_and_the_part(tmp_path: Path) -> None:
    target = tmp_path / "out.txt"
    target.write_text("old\n")

    def interrupted(line: bytes) -> None:
        with open_output(target) as out:
            out.write(line)
            raise KeyboardInterrupt

    for number in ("", "2", "3"):
        with pytest.raises(KeyboardInterrupt):
            interrupted(f"A{number}\n".encode())
        assert (tmp_path / f"out.txt.partial{number}").read_text() == f"A{number}\n"
    assert target.read_text() == "old\n"


@pytest.mark.parametrize("name", ["out.txt", "out.gz"])
def test_nothing_stays_of_a_translation_that_did_not_begin(tmp_path: Path, name: str) -> None:
    with pytest.raises(ZeroDivisionError), open_output(tmp_path / name):
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_takes_nothing_leaves_nothing(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(OutputError, match=r"out\.txt cannot be written"):
            write(tmp_path / "out.txt", b"new\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


def test_somebody_else_s_partial_stays(tmp_path: Path) -> None:
    (tmp_path / "out.txt.partial").write_text("mine")
    write(tmp_path / "out.txt", b"new\n")
    assert (tmp_path / "out.txt").read_text() == "new\n"
    assert (tmp_path / "out.txt.partial").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 2


def test_two_at_once_do_not_share_a_file(tmp_path: Path) -> None:
    with open_output(tmp_path / "out.txt") as one, open_output(tmp_path / "out.txt") as two:
        one.write(b"one\n" * 9)
        two.write(b"two\n")
    assert (tmp_path / "out.txt").read_text() == "one\n" * 9  # the last to end
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o600)
    link.symlink_to("target")
    write(link, b"new\n")
    assert link.is_symlink() and target.read_text() == "new\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    (tmp_path / "dangling").symlink_to("fresh")
    write(tmp_path / "dangling", b"new\n")
    assert (tmp_path / "fresh").read_text() == "new\n"


def test_pipes_and_devices_are_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write(pipe, b"A\n", b"B\n")
    reader.join()
    assert read == [b"A\nB\n"] and stat.S_ISFIFO(pipe.stat().st_mode)
    write(Path(os.devnull), b"A\n")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_the_input_itself_is_refused_by_whatever_name(tmp_path: Path) -> None:
    source = tmp_path / "a.txt"
    source.write_text("A dog.\n")
    (tmp_path / "link").symlink_to(source)
    os.link(source, tmp_path / "other")
    for name in ("a.txt", "link", "other"):
        with pytest.raises(DataError) as error:
            write(tmp_path / name, b"Un chien.\n", source=source)
        assert error.value.message == f"{tmp_path / name} is the input itself, and would be lost."
    assert source.read_text() == "A dog.\n"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no/dir/out.txt", "no/dir/out.txt cannot be written: there is no folder no/dir."),
        ("link", "link cannot be written: there is no folder {}/gone."),
        (".", ". cannot be written: it is a folder."),
        ("file/out.txt", "file/out.txt cannot be written: Not a directory."),
        ("/dev/full", "/dev/full cannot be written: No space left on device."),
    ],
)
def test_what_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, says: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    Path("link").symlink_to("gone/out.txt")
    with pytest.raises(NMTError) as error:
        write(Path(name), b"A\n")
    assert error.value.message == says.format(tmp_path)
    assert isinstance(error.value, OutputError) == (name == "/dev/full")


def test_a_file_of_the_output_s_that_is_not_the_output_is_not_blamed(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_output(tmp_path / "out.txt"):
        open(tmp_path / "another")  # noqa: SIM115


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no input file"), open_input(tmp_path / "no.txt"):
        pass
    with pytest.raises(DataError, match="cannot be read: Is a directory"), open_input(tmp_path):
        pass


@pytest.mark.parametrize("name", ["a.po", "A.XLIFF", "a.html", "a.tmx", "a.pdf", "a.csv", "a.md", "a.json"])
def test_documents_are_refused_by_their_name(name: str) -> None:
    with pytest.raises(DataError) as error:
        input_format_of(Path(name))
    assert error.value.message.startswith(f"{name} looks like ")


def test_other_names_are_text_or_json() -> None:
    names = [None, Path("a"), Path("a.txt"), Path("a.en"), Path("a.jsonl"), Path("a.txt.gz"), Path("a.jsonl.gz")]
    assert [input_format_of(name) for name in names] == ["text"] * 4 + ["jsonl", "text", "jsonl"]


def test_lines_are_counted_of_plain_files_alone(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("A\nB\n")
    assert [count_lines(tmp_path / "a"), count_lines(tmp_path / "no"), count_lines(None)] == [2, None, None]
    assert count_lines(Path(os.devnull)) is None
