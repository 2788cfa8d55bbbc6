"""SRT and WebVTT: cues of one sentence are translated together and shared out again; times never change."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from nmt.errors import DataError
from nmt.formats.document import About, Document, Unit, decoded
from nmt.text.inline import Inline, Tag, has_letters, plain, with_codes, written
from nmt.text.links import units

LINE = 42  # characters; a cue has two lines where it needs to
MAX_JOINED = 3  # cues
MAX_GAP = 1.0  # seconds between cues of one sentence
_TIME = r"(?:(\d+):)?(\d{1,2}):(\d{2})[,.](\d{3})"
_TIMES = re.compile(rf"^{_TIME}[ \t]*-->[ \t]*{_TIME}[^\n]*\n((?:(?![ \t]*\r?\n)[^\n]+\n?)*)", re.MULTILINE)
_ENDS = re.compile(r"[.!?…。！？♪\]):;\"”»]\s*$")
_DASH = re.compile(r"\s*[-–—]\s*\S")
_SPEAKER = re.compile(r"<v[. ][^>]*>")


@dataclass
class _Cue:
    begin: int
    end: int  # of its text, without the line end
    start: float
    stop: float
    text: str


def read(data: bytes, about: About) -> Document:
    """Raises DataError where it has no cues."""
    text, encode = decoded(data, about.name)
    cues = [cue for match in _TIMES.finditer(text if text.endswith("\n") else text + "\n") if (cue := _cue(match)).text]
    if not cues and text.strip():
        raise DataError(f"{about.name} has no cues: there is no line such as 00:00:01,000 --> 00:00:02,500.")
    groups = list(_groups(cues, about.per_cue))
    parts: list[tuple[Unit, list[tuple[int, int, str]]]] = []
    for group in groups:
        where = f"cue at {_clock(group[0].start)}"
        if len(group) == 1 and len(_speakers(group[0])) > 1:
            for span in _speakers(group[0]):
                parts.append((Unit(_joined([span[2]]), where), [span]))
        else:
            parts.append((Unit(_joined([cue.text for cue in group]), where), [(c.begin, c.end, c.text) for c in group]))
    parts = [(unit, spans) for unit, spans in parts if has_letters(unit.source)]

    def write() -> bytes:
        pieces: list[str] = []
        at = 0
        end = "\r\n" if "\r\n" in text else "\n"
        for unit, spans in parts:
            if not unit.changed:
                continue
            shared = shared_out(unit.target or (), [len(plain(with_codes(old))) for *_, old in spans])
            for (begin, last, _), new in zip(spans, shared, strict=True):
                pieces += [text[at:begin], wrapped(new).replace("\n", end)]
                at = last
        return encode("".join([*pieces, text[at:]])) if pieces else data

    return Document([unit for unit, _ in parts], write)


def _cue(match: re.Match[str]) -> _Cue:
    hours, minutes, seconds, milliseconds, *stop, _ = (
        int(group or 0) if i < 8 else 0 for i, group in enumerate(match.groups())
    )
    text = match[9].rstrip("\r\n")
    begin = match.start(9)
    start = hours * 3600 + minutes * 60 + seconds + milliseconds / 1000
    return _Cue(begin, begin + len(text), start, stop[0] * 3600 + stop[1] * 60 + stop[2] + stop[3] / 1000, text)


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 3600:02}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"


def _groups(cues: Sequence[_Cue], per_cue: bool) -> Iterator[list[_Cue]]:
    group: list[_Cue] = []
    for cue in cues:
        if group and not (not per_cue and len(group) < MAX_JOINED and _goes_on(group[-1], cue)):
            yield group
            group = []
        group.append(cue)
    if group:
        yield group


def _goes_on(cue: _Cue, following: _Cue) -> bool:
    """Whether a sentence goes on in the next cue, by the same speaker."""
    if not 0 <= following.start - cue.stop < MAX_GAP or _DASH.match(following.text) or _DASH.match(cue.text):
        return False
    same = _SPEAKER.findall(following.text) in ([], _SPEAKER.findall(cue.text))
    return same and not _ENDS.search(plain(with_codes(cue.text))) and cue.text.count("<") == cue.text.count("</") * 2


def _speakers(cue: _Cue) -> list[tuple[int, int, str]]:
    """The lines of a dialogue, `- Hello.` and `- Hi.`, if it is one."""
    lines = list(re.finditer(r"[^\r\n]+", cue.text))
    if len(lines) < 2 or not all(_DASH.match(line[0]) for line in lines):
        return []
    found = []
    for line in lines:
        begin = line.start() + len(re.match(r"\s*[-–—]\s*", line[0])[0])  # type: ignore[index]
        found.append((cue.begin + begin, cue.begin + line.end(), cue.text[begin : line.end()]))
    return found


def _joined(texts: Sequence[str]) -> Inline:
    """On one line. What says where a line stands, `{\\an8}`, is not shown to the translator."""
    items = with_codes(" ".join(re.sub(r"\s*\r?\n\s*", " ", text) for text in texts))
    return tuple(replace(i, text="") if isinstance(i, Tag) and i.code.startswith("{\\") else i for i in items)


def shared_out(items: Inline, lengths: Sequence[int]) -> list[str]:
    """A translation as the texts of several cues, about as long as these were; cut between words. Tags that are open
    where it is cut are closed, and opened again.
    """
    if len(lengths) == 1:
        return [written(items)]
    text = plain(items)
    ends = [end for _, end in units(text)]
    cuts: list[int] = []
    for number in range(1, len(lengths)):
        wanted = len(text) * sum(lengths[:number]) / max(1, sum(lengths))
        free = [e for e in ends if e > (cuts[-1] if cuts else 0) and e < len(text) and not _joins_next(text, e)]
        cuts.append(min(free, key=lambda e: abs(e - wanted), default=len(text)))
    parts: list[str] = []
    part, at = "", 0
    open_: list[Tag] = []
    for item in items:
        if isinstance(item, Tag):
            part += item.code
            at += len(item.text)
            open_ = [*open_, item] if item.kind == "open" else open_[:-1] if item.kind == "close" else open_
            continue
        while cuts and cuts[0] <= at + len(item) and len(parts) < len(lengths) - 1:
            size = max(0, cuts.pop(0) - at)
            parts.append((part + item[:size]).strip() + "".join(f"</{tag.name}>" for tag in reversed(open_)))
            part, item, at = "".join(tag.code for tag in open_), item[size:].lstrip(), at + size
            at += len(text[at:]) - len(text[at:].lstrip())
        part += item
        at += len(item)
    parts.append(part.strip())
    return [*parts, *[""] * (len(lengths) - len(parts))]


def _joins_next(text: str, end: int) -> bool:
    """Whether what follows is no word but a sign that belongs to what was before."""
    return bool(re.match(r"[^\w\s]", text[end:])) or text[end - 1] in "'’"


def wrapped(text: str) -> str:
    """In two lines of about the same length, where one is too long."""
    width = len(re.sub(r"<[^>]*>", "", text))
    if width <= LINE:
        return text
    places = [m.start() for m in re.finditer(r" (?![^<]*>)", text)]
    if not places:
        return text
    best = min(places, key=lambda place: abs(len(re.sub(r"<[^>]*>", "", text[:place])) - width / 2))
    return text[:best] + "\n" + text[best + 1 :]
