"""Documents that are ZIP archives of XML: read within limits, and written as they were but for what changed."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from nmt.errors import DataError, plural
from nmt.formats.document import Document, Slot, edited

MAX_MEMBERS = 2000
MAX_BYTES = 200 << 20  # unpacked
MAX_EXPANSION = 100
_SMALL = 1 << 20  # bytes that may come of any archive
_BLOCK = 1 << 16


@dataclass(frozen=True)
class Package:
    """The members of an archive in their order, each with what is said of it there."""

    data: bytes
    members: list[tuple[zipfile.ZipInfo, bytes]]

    def __getitem__(self, name: str) -> bytes:
        return next(content for info, content in self.members if info.filename == name)

    @property
    def names(self) -> list[str]:
        return [info.filename for info, _ in self.members]

    def write(self, changed: Mapping[str, bytes]) -> bytes:
        """The same archive with other content of some members; the very same bytes if there are none."""
        if not changed:
            return self.data
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for info, content in self.members:
                new = zipfile.ZipInfo(info.filename, info.date_time)
                new.compress_type = info.compress_type
                new.external_attr, new.create_system, new.comment = info.external_attr, info.create_system, info.comment
                archive.writestr(new, changed.get(info.filename, content))
        return out.getvalue()


def open_package(data: bytes, name: str) -> Package:
    """Raises DataError where it is no archive, damaged, encrypted, or unpacks to more than a document does: what comes
    out is counted, whatever its headers say.
    """
    members = []
    total = 0
    most = min(MAX_BYTES, max(_SMALL, MAX_EXPANSION * len(data)))
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MAX_MEMBERS:
                raise DataError(f"{name} has {plural(len(infos), 'member')}; a document has at most {MAX_MEMBERS:,}.")
            if len({info.filename for info in infos}) < len(infos):
                raise DataError(f"{name} is damaged: it has two members of one name.")
            for info in infos:
                if info.flag_bits & 1:
                    raise DataError(f"{name} is encrypted.", "Save it without a password.")
                blocks = []
                with archive.open(info) as file:
                    while block := file.read(_BLOCK):
                        total += len(block)
                        if total > most:
                            raise DataError(f"{name} unpacks to more than {most >> 20:,} MiB; that is no document.")
                        blocks.append(block)
                members.append((info, b"".join(blocks)))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError, RuntimeError) as e:
        raise DataError(f"{name} is damaged: {str(e) or type(e).__name__}.", "Can its own program open it?") from None
    return Package(data, members)


# A member that has text: its name, its text, how that is written, and what is translated of it.
Part = tuple[str, str, Callable[[str], bytes], list[Slot]]
Edit = tuple[int, int, str]
_NO_EDITS: Mapping[str, Sequence[Edit]] = {}


def package_document(
    package: Package,
    parts: Sequence[Part],
    notes: Sequence[str] = (),
    edits: Mapping[str, Sequence[Edit]] = _NO_EDITS,
) -> Document:
    """Of an archive with text in some of its members. `edits` of members are made if anything at all is translated."""

    def write() -> bytes:
        touched = {name for name, *_, slots in parts if any(slot.unit.changed for slot in slots)}
        if touched:
            touched |= {name for name, wanted in edits.items() if wanted}
        changed = {
            name: encode(edited(text, slots, edits=edits.get(name, ())))
            for name, text, encode, slots in parts
            if name in touched
        }
        return package.write(changed)

    return Document([slot.unit for *_, slots in parts for slot in slots], write, list(notes))
