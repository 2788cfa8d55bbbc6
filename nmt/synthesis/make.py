"""Sets are made in shards: what is killed loses the shard that it was at, and goes on to the same bytes.

data/synthetic/<hash>.parts/  00000.json.gz …  one shard each, whole or not there
                              lock             held as long as a process makes the set
"""

from __future__ import annotations

import gzip
import json
import signal
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt import console
from nmt.data.manifest import MANIFEST, sums
from nmt.data.synthetic import FORMAT, MADE, PIVOT, REFERENCE, SCORE, SOURCE, TARGET, SyntheticManifest
from nmt.errors import DataError, Interrupted, RunError, plural
from nmt.files import describe_file, lock, recover, staging, write_atomically
from nmt.recipe import Recipe
from nmt.run.provenance import Made, ancestor
from nmt.synthesis.leak import check_leaks
from nmt.synthesis.plan import Plan, Set
from nmt.synthesis.text import Line, lines_of
from nmt.text.flags import WRONG_LANGUAGE, flags
from nmt.train.progress import duration
from nmt.version import VERSION

if TYPE_CHECKING:
    from nmt.decode.assembly import Translation
    from nmt.decode.translator import Translator

SHARD = 5_000  # lines
DROPPED = ("empty", "copied", "repetition")  # flags of what is never learned from, beside WRONG_LANGUAGE
_LOCK = "lock"
# What was read, what was written, its log-probability in nats a token; and with `best` the reference that it is like,
# with `through` the translation of what was read.
Row = tuple[str, str, float, str]


def make_all(plan: Plan, evaluated: Recipe | None = None) -> None:
    """Make what is not there yet. Raises RunError where a teacher has seen the validation or test text of `evaluated`
    (default: of the plan's recipe).
    """
    check_leaks(evaluated or plan.recipe, plan.sets)
    waiting = [one for one in plan.sets if not one.is_made]
    for wanted in waiting:
        make(wanted)


def make(wanted: Set) -> None:
    """Make one set. Raises Interrupted after Ctrl-C: whole shards are kept."""
    recover(wanted.folder)
    lines = lines_of(wanted)
    shards = [lines[begin : begin + SHARD] for begin in range(0, len(lines), SHARD)]
    with _parts(wanted) as parts:
        try:
            made = list(_made(wanted, shards, parts))
        except (KeyboardInterrupt, Interrupted) as e:
            there = sum(len(shard) for n, shard in enumerate(shards) if _read(_path(parts, n)) is not None)
            number = signal.SIGINT if isinstance(e, KeyboardInterrupt) else e.exit_code - 128
            raise Interrupted(
                number, f"stopped: {there:,} of {len(lines):,} lines are translated, and kept in {parts}.",
                "To go on, start the same command again.",
            ) from None  # fmt: skip
        _write(wanted, len(lines), made)
        for path in (*(_path(parts, n) for n in range(len(shards))), parts / _LOCK):
            path.unlink(missing_ok=True)
    parts.rmdir()
    manifest = SyntheticManifest.model_validate_json((wanted.folder / MANIFEST).read_text(encoding="utf-8"))
    dropped = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in manifest.dropped.items())
    console.info(
        f"Made {wanted.folder}: {plural(manifest.pairs, 'pair')} by {wanted.title}"
        + (f"; left out: {dropped}." if dropped else ".")
    )


@dataclass(frozen=True)
class _Shard:
    rows: list[Row]
    dropped: Counter[str]
    seconds: float
    engine: str


@contextmanager
def _parts(wanted: Set) -> Iterator[Path]:
    parts = _place(wanted)
    try:
        parts.mkdir(parents=True, exist_ok=True)
        with open(parts / _LOCK, "a", encoding="utf-8") as file:
            if not lock(file):
                raise RunError(f"{parts} is being filled by another process.", "Wait for it, or stop it.")
            yield parts
    except OSError as e:
        raise RunError(f"cannot write {parts}: {e.strerror or e}.", "Make room, or mend its permissions.") from None


def _made(wanted: Set, shards: Sequence[Sequence[Line]], parts: Path) -> Iterator[_Shard]:
    """Each shard; those that are there already are read."""
    there = [_read(_path(parts, number)) for number in range(len(shards))]
    translator = None if all(there) else teacher_of(wanted)
    total = sum(map(len, shards))
    rate = _Rate(sum(len(shard) for shard, found in zip(shards, there, strict=True) if found is None))
    with console.progress(f"Making {wanted.title}", total, "lines") as advance:
        for number, (shard, found) in enumerate(zip(shards, there, strict=True)):
            if found is None:
                assert translator is not None
                begun = time.monotonic()

                def on_progress(more: int) -> None:
                    advance(more, rate.told(more))

                rows, dropped = translate(wanted, translator, shard, on_progress)
                found = _Shard(rows, dropped, time.monotonic() - begun, translator.engine_name)
                write_atomically(_path(parts, number), _packed(found))
            else:
                advance(len(shard))
            yield found


def remaining(wanted: Set, lines: Sequence[Line]) -> list[Line]:
    """Lines of which no shard is there yet."""
    parts = _place(wanted)
    begins = [begin for number, begin in enumerate(range(0, len(lines), SHARD)) if _read(_path(parts, number)) is None]
    return [line for begin in begins for line in lines[begin : begin + SHARD]]


class _Rate:
    """How fast lines are made, of so many that are waiting."""

    def __init__(self, waiting: int) -> None:
        self._begun, self._waiting, self._done = time.monotonic(), waiting, 0

    def told(self, more: int) -> str:
        """`412 lines/s`; with the time left where no bar says so."""
        self._done += more
        rate = max(1e-9, self._done / max(1e-9, time.monotonic() - self._begun))
        left = "" if console.stderr().is_terminal else f", ETA {duration((self._waiting - self._done) / rate)}"
        return f"{rate:,.0f} lines/s{left}"


def teacher_of(wanted: Set) -> Translator:
    """What translates: by the fastest engine that can. Raises RunError where its weights are not those of the plan."""
    from nmt.decode.translator import Translator

    values = wanted.decode.model_dump()
    translator = Translator.load(wanted.runs, decode=values, threads=0)
    names = ", ".join(teacher.checkpoint for teacher in wanted.teachers)
    if translator.checkpoint != names:
        raise RunError(
            f"{' and '.join(map(str, wanted.runs))} would translate with {translator.checkpoint}, not with the best "
            f"checkpoint, {names}.",
            "Restore the run folder from a copy.",
        )
    if translator.why_own:
        console.info(f"Translating with our own engine: {translator.why_own}.")
    read, written = wanted.languages
    if len(translator.domain.routes) > 1:
        translator.to, translator.source = written, read
    return translator


def translate(
    wanted: Set, translator: Translator, lines: Sequence[Line], on_progress: Callable[[int], None] | None = None
) -> tuple[list[Row], Counter[str]]:
    """What the teachers make of the lines, without what is flagged, which is counted by flag."""
    best = wanted.item.best
    n_best = wanted.decode.beam_size if best else 1
    found = translator.translate([read for read, _ in lines], n_best=n_best, on_progress=on_progress)
    into = [route.bleu_tokenize for route in translator.domain.routes if route.target_lang == wanted.languages[1]]
    rows, dropped = [], Counter[str]()
    for (read, reference), translation in zip(lines, found, strict=True):
        written, score = chosen(best, translation, reference, into[0])
        odd = [name for name in flags(read, written) if name in DROPPED]
        if translation.foreign and not odd:
            odd = [WRONG_LANGUAGE]
        if odd:
            dropped[odd[0]] += 1
        else:
            rows.append((read, " ".join(written.split("\n")), round(score, 4), reference))
    return rows, dropped


def chosen(best: str | None, translation: Translation, reference: str, bleu_tokenize: str) -> tuple[str, float]:
    """The translation, and its log-probability a token; with `best` the one that is most like the reference."""
    number = 0
    if best is not None:
        from nmt.decode.mbr import bleu_of_pairs, chrf_of_pairs

        texts = [reference, *(text for text, _ in translation.hypotheses)]
        table = chrf_of_pairs(texts) if best == "chrf" else bleu_of_pairs(texts, bleu_tokenize)
        number = int(table[1:, 0].argmax())
    text, hypothesis = translation.hypotheses[number]
    return text, hypothesis.log_prob / (len(hypothesis.tokens) + max(1, translation.segments))


# --- on disk ---------------------------------------------------------------------------------------------------------


def _place(wanted: Set) -> Path:
    return wanted.folder.with_name(f"{wanted.folder.name}.parts")


def _path(parts: Path, number: int) -> Path:
    return parts / f"{number:05d}.json.gz"


def _packed(shard: _Shard) -> bytes:
    values = {"rows": shard.rows, "dropped": shard.dropped, "seconds": shard.seconds, "engine": shard.engine}
    return gzip.compress(json.dumps(values, ensure_ascii=False).encode(), 6, mtime=0)


def _read(path: Path) -> _Shard | None:
    """None where it is not there, or damaged: then it is made anew."""
    try:
        values: Any = json.loads(gzip.decompress(path.read_bytes()))
        rows = [(str(read), str(written), float(score), str(ref)) for read, written, score, ref in values["rows"]]
        return _Shard(rows, Counter(values["dropped"]), float(values["seconds"]), str(values["engine"]))
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError):
        return None


def _write(wanted: Set, lines: int, shards: Sequence[_Shard]) -> None:
    dropped = sum((shard.dropped for shard in shards), Counter[str]())
    rows = [row for shard in shards for row in shard.rows]
    if not rows:
        listed = ", ".join(f"{number:,} {name}" for name, number in dropped.items())
        raise DataError(
            f"`{wanted.key}`: nothing that {wanted.title} makes can be learned from: {listed}.",
            "Is the run trained to its end, and the text in its language?",
        )
    read, written, scores, references = (list(column) for column in zip(*rows, strict=True))
    through = wanted.item.through
    columns = {SOURCE: read, TARGET: written}
    if wanted.made == "src":
        columns = {SOURCE: written, TARGET: references if through else read}
    columns[SCORE] = [f"{score:.4f}" for score in scores]
    if wanted.item.best:
        columns[REFERENCE] = references
    if through:
        columns[PIVOT] = read
    with staging(wanted.folder, {*columns, MANIFEST, MADE}) as folder:
        for name, texts in columns.items():
            (folder / name).write_bytes(gzip.compress("".join(f"{text}\n" for text in texts).encode(), 6, mtime=0))
        manifest = SyntheticManifest(
            format=FORMAT, nmt=VERSION, fingerprint=wanted.folder.name, method=wanted.item.method,
            src=wanted.direction.src, tgt=str(wanted.direction.tgt), made=wanted.made, teachers=list(wanted.teachers),
            decode=wanted.decode.model_dump(mode="json"), best=wanted.item.best, through=through, inputs=wanted.inputs,
            take=wanted.item.take, lines=lines, dropped=dict(sorted(dropped.items())), pairs=len(rows),
            outputs=sums({name: describe_file(folder / name) for name in columns}),
        )  # fmt: skip
        (folder / MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        made = Made(
            folder=str(wanted.folder), title=wanted.title, pairs=len(rows),
            seconds=round(sum(shard.seconds for shard in shards), 1),
            engine=", ".join(dict.fromkeys(shard.engine for shard in shards)),
            teachers=[ancestor(run) for run in wanted.runs],
        )  # fmt: skip
        (folder / MADE).write_text(made.model_dump_json(indent=1) + "\n", encoding="utf-8")
