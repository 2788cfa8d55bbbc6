"""The process in which one document is read and written: whatever is in it, the server goes on.

It has no model. Through its standard streams it is given the document, asks for translations of sentences, and gives
the document in the other language: messages, each with its length before it (8 bytes, the highest first). All are JSON
but the documents themselves.
"""

from __future__ import annotations

import json
import os
import queue
import threading
import traceback
from collections.abc import Sequence
from typing import Any, BinaryIO

from nmt.errors import NMTError
from nmt.formats.choose import read_document
from nmt.formats.document import About
from nmt.formats.translating import Answer, Question, translate_units
from nmt.serve.limits import MAX_TEXT
from nmt.text.inline import plain
from nmt.text.links import Link

SAMPLE = 2000  # characters, by which its language is told


def main() -> None:
    """Translate the document that comes; ends with whoever began it."""
    incoming: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    # What is printed must not come among the messages.
    out, given = os.fdopen(os.dup(1), "wb"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    threading.Thread(target=_listen, args=(given, incoming), daemon=True).start()
    about = json.loads(incoming.get())
    _limit(about["seconds"], about["megabytes"])
    try:
        _translate(about["name"], about["target"], incoming, out)
    except NMTError as e:
        _send(out, {"fault": e.message})
    except MemoryError:
        os._exit(1)
    except Exception as e:  # noqa: BLE001  # the server logs it; without what it says, which may be text of the document
        _send(out, {"broken": "".join([*traceback.format_tb(e.__traceback__), type(e).__name__])})
    os._exit(0)


def _limit(seconds: int, megabytes: int) -> None:
    """`seconds`: of a processor."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return
    os.nice(5)  # after the threads that translate
    for what, most in (
        (resource.RLIMIT_CPU, seconds), (resource.RLIMIT_AS, megabytes << 20), (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):  # fmt: skip
        resource.setrlimit(what, (most, most))


def _listen(given: BinaryIO, incoming: queue.SimpleQueue[bytes]) -> None:
    """Takes in messages. The end of them is the end of the server."""
    while len(head := given.read(8)) == 8:
        incoming.put(given.read(int.from_bytes(head)))
    os._exit(1)


def _translate(name: str, target: str, incoming: queue.SimpleQueue[bytes], out: BinaryIO) -> None:
    document = read_document(incoming.get(), About(name, target=target))
    sizes = [len(plain(unit.source)) for unit in document.units]
    if sizes and max(sizes) > MAX_TEXT:
        long = document.units[sizes.index(max(sizes))].where
        raise NMTError(f"{name} has {max(sizes):,} characters without a break ({long}); at most {MAX_TEXT:,}.")
    sample = " ".join(plain(unit.source) for unit in document.units[:SAMPLE])[:SAMPLE]
    _send(out, {"characters": sum(sizes), "sample": sample})

    def ask(questions: Sequence[Question]) -> list[Answer]:
        _send(out, {"questions": [[question.text, question.codes, question.aligned] for question in questions]})
        answers = json.loads(incoming.get())
        return [Answer(text, [Link((a, b), (c, d), weak) for a, b, c, d, weak in links]) for text, links in answers]

    if not translate_units(document.units, ask).translated:
        raise NMTError(f"nothing to translate was found in {name}")
    data = document.write()
    _send(out, {"written": len(data)})
    out.write(len(data).to_bytes(8) + data)
    out.flush()


def _send(out: BinaryIO, message: dict[str, Any]) -> None:
    data = json.dumps(message).encode()
    out.write(len(data).to_bytes(8) + data)
    out.flush()
