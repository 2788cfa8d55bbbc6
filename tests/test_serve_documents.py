"""Documents sent to `nmt serve` that would harm it, and servers that end while one is translated."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
import time
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest

from tests.test_serve import LINES, post_file, served

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are listed on Linux alone")


def children(pid: int) -> list[int]:
    return [int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()]


def runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    with suppress(OSError):
        return "State:\tZ" not in status.read_text()
    return False


def bomb(members: int, size: int) -> bytes:
    """A document that says that it is small."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for i in range(members):
            archive.writestr(f"word/document{i or ''}.xml", b"<a>" * (size // 3))
    return data.getvalue()


def test_a_bomb_takes_nothing_along_and_a_server_that_is_killed_leaves_nothing(trained: Path, tmp_path: Path) -> None:
    with served(trained / "runs" / "mini", tmp_path) as one:
        for name, data, said in (
            ("a.docx", bomb(1, 60 << 20), "unpacks to more than"),
            ("b.docx", bomb(2500, 30), "2,500 members"),
            ("c.md", b"> " * 400 + b"a dog\n\n[a", ""),
            ("d.json", b'{"a":' * 50_000, "d.json"),
        ):
            status, answer = post_file(one, name, data, source="en", target="fr")
            assert status in (200, 400) and said in str(answer)
        assert children(one.process.pid) == []
        assert one.ask("/translate", {"q": LINES[0], "source": "en", "target": "fr"})[0] == 200

        text = "".join(f"{LINES[0]} {i}\n" for i in range(5000)).encode()

        def send() -> None:
            with suppress(OSError):  # as its server ends
                post_file(one, "long.txt", text, source="en", target="fr")

        sending = threading.Thread(target=send)
        sending.start()
        while not (found := children(one.process.pid)):
            time.sleep(0.01)
        os.kill(one.process.pid, signal.SIGKILL)
        sending.join()
        while any(runs(child) for child in found):
            time.sleep(0.05)
