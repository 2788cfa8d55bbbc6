"""A run in one file, to hand on: a ZIP archive, not compressed, of what translating needs.

    package.json                      what it is, and size and sha256 of every other member
    recipe.yaml, manifest.json, languages.bin, case.json, tokenizer.*, README.md, LICENSE
    checkpoints/NAME/                 model.safetensors, state.json
    ctranslate2/                      the same weights for CTranslate2

Unpacked, it is a run folder. That is done once, into the user's cache, in a folder that is named by the content, so
that the file may lie where nothing can be written, and two of one name never meet. Whoever made the file need not be
trusted: names of members are those above, sizes are counted while reading, and nothing in it is a pickle.
"""

from __future__ import annotations

import hashlib
import os
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from nmt.errors import RunError, plural
from nmt.files import describe_file, new_file, staging
from nmt.records import Record, parse_record
from nmt.version import VERSION

FORMAT = 1
INDEX = "package.json"
MAX_MEMBERS = 100
MAX_INDEX = 1 << 20  # bytes
_BLOCK = 1 << 20
_NAME = re.compile(
    r"(?:recipe\.yaml|manifest\.json|languages\.bin|case\.json|README\.md|LICENSE|tokenizer(?:\.[a-z]+)+"
    r"|checkpoints/[a-z0-9-]+/(?:model\.safetensors|state\.json)|ctranslate2/\w+(?:\.\w+)+)",
    re.ASCII,
)
_NOT_ONE = "Give the folder that `nmt train` made, or a file that `nmt package` wrote."
_AGAIN = "Get the file again."
_ELSEWHERE = "Make room there, or let XDG_CACHE_HOME name another folder."


class Member(Record):
    size: int
    sha256: str


class Index(Record):
    """package.json."""

    format: int
    nmt: str
    name: str  # of the run
    files: dict[str, Member]


# --- writing ---------------------------------------------------------------------------------------------------------


def pack(target: Path, name: str, files: Mapping[str, Path | bytes]) -> None:
    """Write a file that `unpacked` reads; `files` by the names that they have in it. Equal runs give equal bytes.
    Raises RunError where something stands there, or the disk does not take it.
    """
    members = {member: _describe(content) for member, content in files.items()}
    index = Index(format=FORMAT, nmt=VERSION, name=name, files=members)
    head = index.model_dump_json(indent=1).encode() + b"\n"
    if wrong := [member for member in files if not _NAME.fullmatch(member)]:
        raise ValueError(f"{wrong[0]} would not be read again")
    write_zip(target, {INDEX: head, **files})


def write_zip(target: Path, files: Mapping[str, Path | bytes]) -> None:
    """An archive that is not compressed, and holds no time. Raises RunError where something stands there, or the disk
    does not take it.
    """
    with new_file(target) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o644 << 16
            info.file_size = content.stat().st_size if isinstance(content, Path) else len(content)
            with archive.open(info, "w") as member:
                if isinstance(content, bytes):
                    member.write(content)
                    continue
                with open(content, "rb") as file:
                    while block := file.read(_BLOCK):
                        member.write(block)


def _describe(content: Path | bytes) -> Member:
    if isinstance(content, bytes):
        return Member(size=len(content), sha256=hashlib.sha256(content).hexdigest())
    found = describe_file(content)
    return Member(size=found.size, sha256=found.sha256)


# --- reading ---------------------------------------------------------------------------------------------------------


def unpacked(run: Path) -> Path:
    """The run folder that a package is, unpacked if it was not yet; what is no file is left as it is. Raises RunError
    where it is no package, is damaged, or is more than it says.
    """
    if not run.is_file():
        return run
    with _opened(run) as archive:
        head = _read_index(archive, run)
        index = parse_record(head.decode(errors="replace"), f"{run}: {INDEX}", Index, _AGAIN)
        if index.format != FORMAT:
            raise RunError(f"{run} has format {index.format}, but this nmt reads format {FORMAT}.", "Update nmt.")
        folder = cache() / f"{_plain(index.name)}-{hashlib.sha256(head).hexdigest()[:16]}"
        if folder.is_dir():
            return folder
        members = _members(archive, run, index)
        try:
            folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with staging(folder) as new:
                _extract(archive, members, index, new, run)
        except OSError as e:
            raise RunError(f"{run} cannot be unpacked into {folder.parent}: {e.strerror}.", _ELSEWHERE) from None
        except RunError as e:
            if not folder.is_dir():  # else another process has done it meanwhile
                raise RunError(e.message, e.hint if str(run) in e.message else _ELSEWHERE) from None
    return folder


def cache() -> Path:
    """Where packages are unpacked."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "nmt" / "packages"


@contextmanager
def _opened(run: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(run)
    except OSError as e:
        raise RunError(f"{run} cannot be read: {e.strerror or e}.") from None
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise RunError(f"{run} is neither a run folder nor a package of nmt.", _NOT_ONE) from None
    with archive:
        try:
            yield archive
        except (zipfile.BadZipFile, NotImplementedError, EOFError, ValueError, RuntimeError) as e:
            raise RunError(f"{run} is damaged: {e or type(e).__name__}.", _AGAIN) from None


def _read_index(archive: zipfile.ZipFile, run: Path) -> bytes:
    if INDEX not in archive.NameToInfo:
        raise RunError(f"{run} is an archive, but no package of nmt: it has no {INDEX}.", _NOT_ONE)
    with _open_member(archive, archive.NameToInfo[INDEX], run) as file:
        head = file.read(MAX_INDEX + 1)
    if len(head) > MAX_INDEX:
        raise RunError(f"{run} is no package of nmt: its {INDEX} is too long.", _NOT_ONE)
    return head


def _members(archive: zipfile.ZipFile, run: Path, index: Index) -> list[zipfile.ZipInfo]:
    """Those to be unpacked. Raises RunError where they are not what the index says, or none of a package's."""
    infos = [info for info in archive.infolist() if info.filename != INDEX]
    names = [info.filename for info in infos]
    if len(archive.infolist()) > MAX_MEMBERS:
        raise RunError(f"{run} has {plural(len(names), 'member')}; a package has at most {MAX_MEMBERS}.", _NOT_ONE)
    if foreign := [name for name in names if not _NAME.fullmatch(name)]:
        raise RunError(f"{run} holds {foreign[0]!r}, which no package of nmt does.", "It is not unpacked.")
    if sorted(names) != sorted(index.files) or len({name.lower() for name in names}) < len(names):
        raise RunError(f"{run} is damaged: its members are not those that it lists.", _AGAIN)
    return infos


def _extract(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], index: Index, folder: Path, run: Path) -> None:
    left = run.stat().st_size  # as nothing is compressed, no more can come of it
    for info in members:
        path, digest = folder / info.filename, hashlib.sha256()
        path.parent.mkdir(parents=True, exist_ok=True)
        with _open_member(archive, info, run) as file, open(path, "xb") as out:
            while block := file.read(_BLOCK):
                left -= len(block)
                if left < 0:
                    raise RunError(f"{run} unpacks to more than it is long.", "It is not unpacked.")
                digest.update(block)
                out.write(block)
        if digest.hexdigest() != index.files[info.filename].sha256:
            raise RunError(
                f"{run} is damaged: the checksum of {info.filename} is not the one written with it.",
                _AGAIN,
            )


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, run: Path) -> IO[bytes]:
    if info.compress_type != zipfile.ZIP_STORED:
        raise RunError(f"{run} is compressed, which no package of nmt is.", _AGAIN)
    try:
        return archive.open(info)
    except OSError as e:  # the directory names a place before the beginning
        raise zipfile.BadZipFile(e.strerror or str(e)) from None


def _plain(name: str) -> str:
    """As the beginning of the name of a folder: whatever it says, of letters and digits."""
    return re.sub(r"[^\w-]", "_", name, flags=re.ASCII)[:50] or "run"
