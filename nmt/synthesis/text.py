"""The lines that a set is made of."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

from nmt import console
from nmt.data.corpus import PairSource
from nmt.data.examples import SIDES
from nmt.data.sources import sources_of, stored_directions
from nmt.errors import DataError
from nmt.synthesis.plan import Set
from nmt.text.lines import bad_byte
from nmt.tokenizer import Side

Line = tuple[str, str]  # what is translated, and the translation that stands there, if `best` or `through` asks for it


def lines_of(wanted: Set) -> list[Line]:
    """Each line once, in the order of the text; none that is blank, or longer than `data.filters.max_chars`. `take`
    takes those with the smallest hashes, so that the choice depends on the text only. Raises DataError where there are
    none.
    """
    most = wanted.text.filters.max_chars
    found: dict[Line, None] = {}
    with console.progress(f"Reading the text of {wanted.key}", None, "lines") as advance:
        for chunk in _chunks(wanted):
            kept = (line for line in chunk if line[0] and (line[1] or wanted.item.through is None))
            found |= {line: None for line in kept if not (most and len(line[0]) > most)}
            advance(len(chunk))
    lines, names = list(found), ", ".join(wanted.inputs)
    if not lines:
        raise DataError(f"`{wanted.key}`: there is no line to translate in {names}.")
    take = wanted.item.take
    if take is None:
        return lines
    if take > len(lines):
        raise DataError(
            f"`{wanted.key}.take: {take}` asks for more lines than {names} has: {len(lines):,} different ones."
        )
    chosen = sorted(range(len(lines)), key=lambda i: blake2b("\n".join(lines[i]).encode(), digest_size=8).digest())
    return [lines[i] for i in sorted(chosen[:take])]


def _chunks(wanted: Set) -> Iterator[list[Line]]:
    with_reference = wanted.item.best is not None or wanted.item.through is not None
    stored = stored_directions(wanted.text)[wanted.text.trained.index(wanted.direction)]
    read = wanted.item.through or (stored.src if wanted.made == "tgt" else stored.tgt)
    for source in sources_of(wanted.text)["train"]:
        side: Side = "src"
        if not source.corpus.of_one_language:
            if wanted.item.through is not None:
                if {read, stored.tgt} != set(source.lines):
                    continue
            elif stored not in source.directions:
                continue
            side = SIDES[source.lines.index(str(read))]
        other = SIDES[side == "src"]
        for chunk in source.chunks():
            references = getattr(chunk, other) if with_reference else [b""] * len(chunk.src)
            pairs = zip(getattr(chunk, side), references, strict=False)  # audited later: files may be unequal
            yield [
                (_text(raw, source, side, place), _text(reference, source, other, place))
                for place, (raw, reference) in enumerate(pairs, chunk.first_line)
            ]


def _text(raw: bytes, source: PairSource, side: Side, line: int) -> str:
    try:
        return raw.decode().strip()
    except UnicodeDecodeError as e:
        where = source.where(side, line) + bad_byte(raw, e)
        raise DataError(f"{where} is not valid UTF-8.", "Convert it to UTF-8.") from None
