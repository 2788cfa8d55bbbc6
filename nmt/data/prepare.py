"""Raw parallel text -> audited, filtered, encoded ids on disk with a manifest.

Everything is written to a folder beside the final one and renamed at the end: what stands in `prepared_dir` is whole.
The same recipe on the same text gives the same bytes, whatever the number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import AuditReport, audit
from nmt.data.corpus import Chunk, PairSource, all_corpora, resolve_files
from nmt.data.counting import count_characters, distinct_characters
from nmt.data.filters import Routing, route
from nmt.data.manifest import (
    FORMAT,
    MANIFEST,
    Manifest,
    NotPreparedError,
    check_inputs,
    check_prepared,
    deciding_keys,
    written_files,
)  # fmt: skip
from nmt.data.round_trip import RoundTrip
from nmt.data.store import IdsWriter, PreparedSplit
from nmt.data.workers import in_order
from nmt.device import usable_cores
from nmt.errors import DataError, RunError
from nmt.files import InputFile, describe_file, list_some, others, recover, staging
from nmt.recipe import Recipe, TokenizerSection, fingerprint
from nmt.recipe.defaults import vocab_size
from nmt.text.sentences import split as split_sentences
from nmt.tokenizer import Side, Tokenizer
from nmt.tokenizer.learn import VocabularyTooLargeError
from nmt.version import VERSION

__all__ = ["Manifest", "NotPreparedError", "check_prepared", "prepare"]

MAX_COUNTED = 10_000  # tokens; longer lines count as so long in the statistics of lengths
SAMPLE = 10_000  # lines in which sentences are counted
_SMALL = 50_000  # pairs; below, starting processes costs more than they gain
_SIDES: tuple[Side, Side] = ("src", "tgt")


def prepare(
    recipe: Recipe, force: bool = False, recipe_path: str | Path | None = None, processes: int | None = None
) -> Path:
    """Prepare the recipe's data and return the folder. What matches already is left as it is, unless `force`.

    Raises DataError for faults of the text, RunError for a folder that holds something else or cannot be written.
    """
    target = recipe.prepared_dir
    recover(target)
    if (target / MANIFEST).exists() and not force:
        manifest = check_prepared(recipe, recipe_path)
        check_inputs(recipe, manifest, recipe_path)
        console.info(f"{target} is prepared already and matches the recipe.")
        return target
    _check_replaceable(target)
    began = time.monotonic()
    inputs = resolve_files(recipe.data)
    sources = {
        name: [PairSource(c, Path(recipe.data.root)) for c in corpora if c.kind != "holdout"]
        for name, corpora in all_corpora(recipe.data).items()
    }
    cores = usable_cores() if processes is None else processes
    report = audit({name: group for name, group in sources.items() if group}, recipe.data.filters, cores)
    _show_audit(report)
    routing = route(recipe.data, report.splits["train"])
    if processes is None and sum(split.pairs for split in report.splits.values()) < _SMALL:
        cores = 1
    with staging(target, written_files(target)) as folder:
        training = time.monotonic()
        tokenizer, lines = _train_tokenizer(recipe, sources["train"], routing)
        training = time.monotonic() - training
        tokenizer.save(folder)
        round_trip = RoundTrip(tokenizer)
        splits = _write_splits(recipe, sources, report, routing, folder, tokenizer, cores, round_trip)
        tokenizer.count(PreparedSplit.open(folder, "train").blocks())
        tokenizer.save(folder)
        if changed := [name for name, file in inputs.items() if file.changed()]:
            raise _changed_meanwhile(changed[0])
        _write_manifest(recipe, folder, inputs, splits, report, tokenizer, lines)
    _show_splits(splits, tokenizer, recipe.tokenizer)
    round_trip.tell()
    seconds = time.monotonic() - began
    console.info(f"Prepared {target} in {seconds:.1f} s, of which the tokenizer's training took {training:.1f} s.")
    return target


def _check_replaceable(target: Path) -> None:
    """Raises RunError where a folder stands that we did not write, all of it: it is not replaced, not even by force."""
    ours = written_files(target)
    if not (found := others(target, ours)):
        return
    if ours:
        message = f"{target} holds what nmt did not write ({list_some(found)}); it is left as it is."
    else:
        manifest = f"{MANIFEST} is damaged, or not of nmt" if MANIFEST in found else f"no {MANIFEST}"
        message = f"{target} exists, but holds no prepared data ({manifest}); it is left as it is."
    raise RunError(message, "Move it away, or set `data.prepared_dir` to another folder.")


def _stream(sources: Sequence[PairSource], pairs: int) -> Iterator[tuple[int, Chunk]]:
    """Chunks with the index of their first pair in the split. The text was audited; it must not have changed since."""
    index = 0
    for source in sources:
        for chunk in source.chunks():
            if index + len(chunk.src) > pairs or len(chunk.src) != len(chunk.tgt):
                raise _changed_meanwhile(source.label("src"))
            yield index, chunk
            index += len(chunk.src)
    if index != pairs:
        raise _changed_meanwhile(sources[-1].label("src"))


def _changed_meanwhile(name: str) -> DataError:
    return DataError(f"{name} changed while it was being prepared.", "Prepare again when it is complete.")


# --- tokenizer and ids -----------------------------------------------------------------------------------------------


def _train_tokenizer(recipe: Recipe, sources: Sequence[PairSource], routing: Routing) -> tuple[Tokenizer, int]:
    """The tokenizer, and how many lines it learned from."""
    section = recipe.tokenizer
    kept = routing.mask("train")
    total = int(kept.sum())
    wanted = max(1, min(total, section.max_sentences // 2 if section.shared else section.max_sentences))
    rank: npt.NDArray[np.int64] = np.cumsum(kept) - kept  # of each kept pair among the kept
    chosen = kept & ((rank + 1) * wanted // total > rank * wanted // total)

    def blocks(*sides: Side) -> Iterator[tuple[Side, list[bytes]]]:
        for index, chunk in _stream(sources, len(chosen)):
            picks = np.flatnonzero(chosen[index : index + len(chunk.src)]).tolist()
            for side in sides:
                column = getattr(chunk, side)
                yield side, [column[i] for i in picks]

    console.info(f"Training the tokenizer on {wanted * 2:,} lines …")
    if "vocab_size" not in section.open_keys:
        return Tokenizer.train(blocks, section), wanted * 2
    characters = sum((count_characters(lines) for _, lines in blocks("src", "tgt")), np.zeros(0x110000, np.int64))
    size = vocab_size(int(characters.sum()) // 2 * total // wanted, distinct_characters(characters))
    try:
        return Tokenizer.train(blocks, section.changed({"vocab_size": size})), wanted * 2
    except VocabularyTooLargeError as e:
        return Tokenizer.train(blocks, section.model_copy(update={"vocab_size": e.most})), wanted * 2


@dataclass(frozen=True)
class _Task:
    split: str
    src: bytes  # lines joined by \n
    tgt: bytes
    pairs: int


@dataclass(frozen=True)
class _Rows:
    flat: npt.NDArray[np.unsignedinteger[Any]]
    lengths: npt.NDArray[np.int64]


def _encoder(folder: Path) -> Callable[[_Task], tuple[_Rows, _Rows]]:
    tokenizer = Tokenizer.load(folder)

    def rows(joined: bytes, side: Side) -> _Rows:
        size = tokenizer.src_vocab_size if side == "src" else tokenizer.tgt_vocab_size
        ids = tokenizer.encode(joined.split(b"\n"), side)
        lengths = np.fromiter(map(len, ids), np.int64, len(ids))
        dtype = np.uint16 if size <= 1 << 16 else np.uint32  # what is sent between processes is half as much
        return _Rows(np.fromiter(chain.from_iterable(ids), dtype, int(lengths.sum())), lengths)

    return lambda task: (rows(task.src, "src"), rows(task.tgt, "tgt"))


def _task(split: str, src: list[bytes], tgt: list[bytes]) -> _Task:
    return _Task(split, b"\n".join(src), b"\n".join(tgt), len(src))


def _tasks(sources: dict[str, list[PairSource]], report: AuditReport, routing: Routing) -> Iterator[_Task]:
    routed = [name for name in routing.names if name not in routing.reasons]
    for index, chunk in _stream(sources["train"], len(routing.codes)):
        codes = routing.codes[index : index + len(chunk.src)]
        for name in routed:
            picks = np.flatnonzero(codes == routing.names.index(name)).tolist()
            if picks:
                yield _task(name, [chunk.src[i] for i in picks], [chunk.tgt[i] for i in picks])
    for name, group in sources.items():
        if name not in routed:
            for _, chunk in _stream(group, report.splits[name].pairs):
                yield _task(name, chunk.src, chunk.tgt)


def _write_splits(
    recipe: Recipe, sources: dict[str, list[PairSource]], report: AuditReport, routing: Routing, folder: Path,
    tokenizer: Tokenizer, processes: int, round_trip: RoundTrip,
) -> dict[str, dict[str, Any]]:  # fmt: skip
    sizes = {"src": tokenizer.src_vocab_size, "tgt": tokenizer.tgt_vocab_size}
    counts = routing.counts()
    splits: dict[str, dict[str, Any]] = {
        name: {"read": report.splits[name].pairs if name in report.splits else counts[name], "dropped": {}, "pairs": 0}
        | {f"{side}_{what}": 0 for side in _SIDES for what in ("tokens", "longest", "p99")}
        for name in sources
    }
    several = looked_at = 0
    spread = {(name, side): np.zeros(MAX_COUNTED + 1, np.int64) for name in splits for side in _SIDES}
    moved = {name: counts[name] for name in routing.names[1:] if counts[name]}
    splits["train"]["dropped"] = {
        name if name in routing.reasons else f"held out for {name}": count for name, count in moved.items()
    }
    total = sum(split["read"] for split in splits.values()) - sum(moved.values())
    with ExitStack() as stack, console.progress("Encoding", total, "pairs") as advance:
        ids = {
            (name, side): stack.enter_context(IdsWriter(folder, name, side, sizes[side]))
            for name in splits for side in _SIDES
        }  # fmt: skip
        texts: dict[tuple[str, Side], IO[bytes]] = {
            (name, side): stack.enter_context(open(folder / f"{name}.{side}.txt", "wb"))
            for name in splits for side in _SIDES if name != "train"
        }  # fmt: skip
        work = stack.enter_context(closing(in_order(_encoder, (folder,), _tasks(sources, report, routing), processes)))
        for task, encoded in work:
            split = splits[task.split]
            split["pairs"] += task.pairs
            for side, rows in zip(_SIDES, encoded, strict=True):
                ids[task.split, side].append(rows.flat, rows.lengths)
                split[f"{side}_tokens"] += len(rows.flat)
                spread[task.split, side] += np.bincount(
                    np.minimum(rows.lengths, MAX_COUNTED), minlength=MAX_COUNTED + 1
                )
                split[f"{side}_longest"] = max(split[f"{side}_longest"], int(rows.lengths.max()))
                if text := texts.get((task.split, side)):
                    text.write((task.src if side == "src" else task.tgt) + b"\n")
            if task.split == "train" and looked_at < SAMPLE:
                lines = task.src.decode().split("\n")[:: max(1, task.pairs // 1000)]
                several += sum(len(split_sentences(line, recipe.data.source_lang)) > 1 for line in lines)
                looked_at += len(lines)
                round_trip.look_at(task.tgt.decode().split("\n")[:: max(1, task.pairs // 1000)])
            advance(task.pairs)
    splits["train"]["src_several_sentences"] = round(several / max(1, looked_at), 4)  # share of lines
    for (name, side), numbers in spread.items():
        # The length that 99 % of the lines do not exceed
        splits[name][f"{side}_p99"] = int(np.searchsorted(numbers.cumsum(), 0.99 * numbers.sum()))
    return splits


def _write_manifest(
    recipe: Recipe, folder: Path, inputs: dict[str, InputFile], splits: dict[str, dict[str, Any]], report: AuditReport,
    tokenizer: Tokenizer, lines: int,
) -> None:  # fmt: skip
    sections = deciding_keys(recipe)
    learned = {"fingerprint": tokenizer.fingerprint, "src_vocab_size": tokenizer.src_vocab_size,
               "tgt_vocab_size": tokenizer.tgt_vocab_size, "lines": lines}  # fmt: skip
    outputs = {path.name: describe_file(path) for path in sorted(folder.iterdir())}
    Manifest(
        FORMAT, VERSION, recipe.name, fingerprint(sections), sections, _sums(inputs), _sums(outputs), splits,
        learned, report.to_json(),
    ).save(folder)  # fmt: skip


def _sums(files: dict[str, InputFile]) -> dict[str, dict[str, Any]]:
    return {name: {"size": file.size, "sha256": file.sha256} for name, file in files.items()}


# --- what people see -------------------------------------------------------------------------------------------------


def _show_audit(report: AuditReport) -> None:
    if rows := report.rows():
        console.table("Audit", ["split", "found", "pairs", "first at"], rows)
    else:
        console.info("Audit: nothing unusual found.")
    for warning in report.warnings:
        console.warn(warning)


def _show_splits(splits: dict[str, dict[str, Any]], tokenizer: Tokenizer, section: TokenizerSection) -> None:
    if dropped := splits["train"]["dropped"]:
        console.info(f"Left out of train: {', '.join(f'{n:,} {reason}' for reason, n in dropped.items())}.")
    pieces = f"{tokenizer.src_vocab_size:,}" + ("" if tokenizer.shared else f" + {tokenizer.tgt_vocab_size:,}")
    console.info(f"Tokenizer: {section.kind}, {pieces} pieces{', shared' if tokenizer.shared else ''}.")
    columns = ["split", "pairs", "source tokens", "target tokens", "a source", "a target", "longest"]
    rows = [
        [name, s["pairs"], s["src_tokens"], s["tgt_tokens"], f"{s['src_tokens'] / s['pairs']:.1f}",
         f"{s['tgt_tokens'] / s['pairs']:.1f}", max(s["src_longest"], s["tgt_longest"])]
        for name, s in splits.items()
    ]  # fmt: skip
    console.table("Prepared", columns, rows)
