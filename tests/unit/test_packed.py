"""A run in one file: what is read again, and what is not, whoever made it."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.files import new_file
from nmt.run.packed import MAX_MEMBERS, cache, pack, unpacked

FILES = {
    "recipe.yaml": b"name: small\n",
    "checkpoints/step-00000008/model.safetensors": bytes(range(256)) * 9000,  # several blocks
    "ctranslate2/shared_vocabulary.json": b"[]",
    "tokenizer.src.model": b"",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    pack(tmp_path / "small.nmt", "small", FILES)
    return tmp_path / "small.nmt"


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_comes_out_is_what_went_in(package: Path) -> None:
    folder = unpacked(package)
    assert contents(folder) == FILES
    assert folder.is_relative_to(cache()) and folder.name.startswith("small-")


def test_equal_runs_give_equal_bytes(package: Path, tmp_path: Path) -> None:
    pack(tmp_path / "again.nmt", "small", FILES)
    assert (tmp_path / "again.nmt").read_bytes() == package.read_bytes()
    assert unpacked(tmp_path / "again.nmt") == unpacked(package)


def test_it_is_unpacked_once(package: Path) -> None:
    folder = unpacked(package)
    before = (folder / "recipe.yaml").stat().st_mtime_ns
    assert unpacked(package) == folder and (folder / "recipe.yaml").stat().st_mtime_ns == before
    assert [path.name for path in cache().iterdir()] == [folder.name]


def test_packages_of_one_name_do_not_meet(package: Path, tmp_path: Path) -> None:
    pack(tmp_path / "other.nmt", "small", FILES | {"recipe.yaml": b"name: other\n"})
    assert contents(unpacked(tmp_path / "other.nmt"))["recipe.yaml"] == b"name: other\n"
    assert contents(unpacked(package)) == FILES


def test_what_is_no_file_is_left_as_it_is(tmp_path: Path) -> None:
    assert unpacked(tmp_path) == tmp_path
    assert unpacked(tmp_path / "nothing") == tmp_path / "nothing"


def test_nothing_is_overwritten(package: Path) -> None:
    before = package.read_bytes()
    with pytest.raises(RunError, match=r"small\.nmt exists; it is left as it is"):
        pack(package, "small", {"recipe.yaml": b"other"})
    assert package.read_bytes() == before
    assert [path.name for path in package.parent.iterdir()] == ["small.nmt"]


def test_half_a_file_never_has_its_name(tmp_path: Path) -> None:
    def interrupted() -> None:
        with new_file(tmp_path / "new" / "small.nmt") as file:
            file.write(b"half")
            file.flush()
            assert not (tmp_path / "new" / "small.nmt").exists()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list((tmp_path / "new").iterdir()) == []


def test_others_may_read_what_the_umask_lets_them(package: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(package.stat().st_mode) == 0o666 & ~mask


# --- files that are not what they should be --------------------------------------------------------------------------


def index_of(files: dict[str, bytes], **changes: object) -> bytes:
    members = {name: {"size": len(c), "sha256": hashlib.sha256(c).hexdigest()} for name, c in files.items()}
    return json.dumps({"format": 1, "nmt": "1", "name": "x", "files": members} | changes).encode()


def archive(path: Path, members: list[tuple[str, bytes]], compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members:
            made.writestr(zipfile.ZipInfo(name), content, compression)
    return path


def made(path: Path, files: dict[str, bytes]) -> Path:
    return archive(path, [("package.json", index_of(files)), *files.items()])


def flipped(content: bytes, what: bytes) -> bytes:
    at = content.index(what)
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def says_longer(content: bytes) -> bytes:
    """The directory at the end says more bytes of a member than there are."""
    at = content.rindex(b"PK\x01\x02")
    return content[: at + 20] + struct.pack("<II", 1 << 30, 1 << 30) + content[at + 28 :]


OTHER = {"recipe.yaml": b"name: x\n"}
WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "text": (lambda p: (p.write_bytes(b"name: x\n"), p)[1], "neither a run folder nor a package of nmt"),
    "empty": (lambda p: (p.write_bytes(b""), p)[1], "neither a run folder nor a package of nmt"),
    "another archive": (lambda p: archive(p, [("a.txt", b"a")]), "it has no package.json"),
    "parent": (lambda p: made(p, {"../recipe.yaml": b"x"}), "holds '../recipe.yaml'"),
    "parent within": (lambda p: made(p, {"ctranslate2/../../x.json": b"x"}), "holds 'ctranslate2/../../x.json'"),
    "absolute": (lambda p: made(p, {"/etc/recipe.yaml": b"x"}), "holds '/etc/recipe.yaml'"),
    "backslash": (lambda p: made(p, {"ctranslate2\\x.json": b"x"}), "holds"),
    "pickle": (lambda p: made(p, {"checkpoints/a/model.pt": b"x"}), "holds 'checkpoints/a/model.pt'"),
    "line break": (lambda p: made(p, {"recipe.yaml\n": b"x"}), "holds 'recipe.yaml"),
    "many": (
        lambda p: made(p, {f"ctranslate2/{i}.json": b"" for i in range(MAX_MEMBERS)}), "a package has at most 100",
    ),
    "compressed": (
        lambda p: archive(p, [("package.json", index_of(OTHER)), *OTHER.items()], zipfile.ZIP_DEFLATED),
        "is compressed",
    ),
    "not listed": (
        lambda p: archive(p, [("package.json", index_of({})), *OTHER.items()]), "are not those that it lists",
    ),
    "missing": (lambda p: archive(p, [("package.json", index_of(OTHER))]), "are not those that it lists"),
    "twice by case": (
        lambda p: made(p, {"ctranslate2/a.json": b"", "ctranslate2/A.json": b""}), "are not those that it lists",
    ),
    "another checksum": (
        lambda p: archive(p, [("package.json", index_of(OTHER)), ("recipe.yaml", b"name: y\n")]),
        "the checksum of recipe.yaml is not the one written with it",
    ),
    "no index": (lambda p: archive(p, [("package.json", b"[1]")]), "it holds no JSON object"),
    "index of other types": (lambda p: archive(p, [("package.json", b'{"format": "1"}')]), "package.json: `format`"),
    "newer": (lambda p: archive(p, [("package.json", index_of({}, format=2))]), "has format 2"),
    "endless index": (lambda p: archive(p, [("package.json", b" " * (2 << 20))]), "its package.json is too long"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_package_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    make, said = WRONG[name]
    file = make(tmp_path / "wrong.nmt")
    with pytest.raises(RunError) as e:
        unpacked(file)
    assert said in e.value.message and e.value.hint
    assert not cache().exists() or list(cache().iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != "cache") == ["wrong.nmt"]


@pytest.mark.parametrize(
    "damage", [lambda c: c[: len(c) // 2], lambda c: flipped(c, b"name: small"), says_longer, lambda c: c[100:]]
)
def test_a_damaged_package_is_refused(damage: Callable[[bytes], bytes], package: Path) -> None:
    package.write_bytes(damage(package.read_bytes()))
    with pytest.raises(RunError):
        unpacked(package)
    assert not cache().exists() or list(cache().iterdir()) == []


def test_no_more_comes_out_than_went_in(tmp_path: Path) -> None:
    """Members that overlap: the directory names the same bytes many times."""
    content = b"x" * 100_000
    files = {f"ctranslate2/{i}.json": content for i in range(2)}
    made(tmp_path / "twice.nmt", files)
    data = bytearray((tmp_path / "twice.nmt").read_bytes())
    directory = [i for i in range(len(data)) if data[i : i + 4] == b"PK\x01\x02"]
    offset = data[directory[1] + 42 : directory[1] + 46]
    data[directory[2] + 42 : directory[2] + 46] = offset
    (tmp_path / "twice.nmt").write_bytes(bytes(data))
    with pytest.raises(RunError):
        unpacked(tmp_path / "twice.nmt")


def test_where_nothing_can_be_unpacked_it_is_said(package: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(RunError, match="cannot be unpacked into") as e:
        unpacked(package)
    assert "XDG_CACHE_HOME" in e.value.hint
