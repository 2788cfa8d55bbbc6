"""Raw parallel text -> audited, filtered, encoded ids on disk with a manifest.

Everything is written to a folder beside the final one and renamed at the end: what stands in `prepared_dir` is whole.
The same recipe on the same text gives the same bytes, whatever the number of processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from nmt import console
from nmt.data.audit import AuditReport, audit
from nmt.data.case import CaseCounter
from nmt.data.check import (
    check_inputs,
    check_prepared,
    check_scorer,
    check_source,
    deciding_keys,
    remember_inputs,
    scorer_fingerprint,
)
from nmt.data.corpus import PairSource, resolve_files
from nmt.data.documents import check_documents
from nmt.data.encode import encode_share, write_splits
from nmt.data.filters import Routing, route
from nmt.data.kept import ALONE, Share, Work, kept_for
from nmt.data.labels import find_labels
from nmt.data.languages import audit_languages
from nmt.data.manifest import (
    CASE,
    FORMAT,
    KEPT,
    LANGUAGES,
    MANIFEST,
    Audit,
    Corpus,
    Language,
    Manifest,
    SplitStatistics,
    TokenizerFacts,
    sums,
    written_files,
)
from nmt.data.pair_filter import Score, doubted
from nmt.data.rereading import changed_meanwhile
from nmt.data.round_trip import RoundTrip
from nmt.data.sources import sides_read, sources_of, stored_directions, vocabularies
from nmt.data.store import id_blocks
from nmt.data.summary import show_audit, show_splits
from nmt.data.tags import tags_of
from nmt.data.vocabulary import train_tokenizer
from nmt.device import usable_cores
from nmt.errors import RunError
from nmt.files import InputFile, describe_file, list_some, others, recover, staging
from nmt.recipe import Recipe, fingerprint
from nmt.tokenizer import Tokenizer
from nmt.version import VERSION

_SMALL = 50_000  # pairs; below, starting processes costs more than they gain


def prepare(
    recipe: Recipe, force: bool = False, recipe_path: str | Path | None = None, processes: int | None = None,
    older: Path | None = None, scorer_of: Callable[[str], Score] | None = None, share: Share = ALONE,
) -> Path:  # fmt: skip
    """Prepare the recipe's data and return the folder. What matches already is left as it is, unless `force`. `older`
    is a run whose tokenizer is kept in place of a new one: see run/older.py. `scorer_of` gives what a run that scores
    pairs makes of them, for `data.filters.pair_score`. `share`: of several processes with the same recipe and folder,
    which this is; the first puts together what all make, and alone writes the folder.

    Raises DataError for faults of the text, RunError for a folder that holds something else or cannot be written.
    """
    if recipe.data.synthetic:
        raise ValueError("`data.synthetic` has to be made first: see nmt.synthesis")
    target = recipe.prepared_dir
    recover(target)
    if (target / MANIFEST).exists() and not force:
        manifest = check_prepared(recipe, recipe_path)
        check_inputs(recipe, manifest, recipe_path)
        console.info(f"{target} is prepared already and matches the recipe.")
        return target
    _check_replaceable(target)
    if recipe.tokenizer.taken_from and Path(recipe.tokenizer.taken_from).is_dir():
        check_source(Path(recipe.tokenizer.taken_from))
    check_scorer(recipe)
    began = time.monotonic()
    inputs = resolve_files(recipe.data)
    sources = sources_of(recipe.data)
    cores = usable_cores() if processes is None else processes
    work = Work(cores, kept_for(target, _key(recipe, inputs)), share)
    report = audit({name: group for name, group in sources.items() if group}, recipe.data.filters, work)
    in_languages = audit_languages(report.splits)
    show_audit(report)
    if in_languages:
        in_languages.tell()
    check_documents(recipe, report.splits["train"])
    routing = route(recipe.data, report.splits, _doubted(recipe, report, scorer_of))
    labels = find_labels(recipe.data, sources, routing)
    if processes is None and sum(split.pairs for split in report.splits.values()) < _SMALL:
        work = replace(work, processes=1)
    if share.number > 1:
        _encode_own(recipe, sources, report, routing, work)
        return target
    with staging(target, written_files(target)) as folder:
        training = time.monotonic()
        tokenizer, lines = train_tokenizer(recipe, report.splits["train"], routing, older)
        training = time.monotonic() - training
        if recipe.data.joint is not None:
            tokenizer.read_fields(recipe.data.joint)
        tokenizer.save(folder)
        if share.of > 1:
            with staging(_tokenizer_of(work), tokenizer.files) as shared:
                tokenizer.save(shared)
        round_trip = RoundTrip(tokenizer)
        case = CaseCounter(_plain_sources(recipe), report.splits["train"].pairs)
        splits, corpora = write_splits(recipe, sources, report, routing, folder, tokenizer, work, round_trip, case)
        tokenizer.count(id_blocks(folder, "train", sides_read(recipe.data)))
        tokenizer.save(folder)
        (folder / CASE).write_bytes(case.to_json())
        if in_languages:
            (folder / LANGUAGES).write_bytes(in_languages.languages.to_bytes())
        if changed := [name for name, file in inputs.items() if file.changed()]:
            raise changed_meanwhile(changed[0])
        origin = KEPT if older else recipe.tokenizer.origin
        _write_manifest(recipe, folder, inputs, splits, corpora, report, tokenizer, lines, origin, labels)
    work.over()
    remember_inputs(recipe, inputs.values())
    show_splits(splits, tokenizer, recipe.tokenizer)
    round_trip.tell()
    seconds = time.monotonic() - began
    console.info(f"Prepared {target} in {seconds:.1f} s, of which the tokenizer's training took {training:.1f} s.")
    return target


def _encode_own(
    recipe: Recipe, sources: Mapping[str, Sequence[PairSource]], report: AuditReport, routing: Routing, work: Work
) -> None:
    """As one of several, with the tokenizer that the first has trained."""
    folder = _tokenizer_of(work)
    work.wait_for(folder, replace(work.share, number=1))
    encode_share(recipe, sources, report, routing, folder, Tokenizer.load(folder), work)
    console.info(f"Task {work.share} is done. {recipe.prepared_dir} is written by task 1/{work.share.of}.")


def _tokenizer_of(work: Work) -> Path:
    assert work.folder is not None, "what is shared is kept"
    return work.folder / "tokenizer"


def _key(recipe: Recipe, inputs: Mapping[str, InputFile]) -> str:
    """Of everything that decides what its tasks come to."""
    texts = {name: file.sha256 for name, file in inputs.items()}
    return fingerprint(deciding_keys(recipe), texts, scorer_fingerprint(recipe), VERSION)


def _plain_sources(recipe: Recipe) -> list[str]:
    """What the sources are stored as whose case says nothing: those of lines that are translated."""
    if recipe.task != "translate" or not recipe.translates or recipe.data.fields:
        return []
    return list(dict.fromkeys(direction.src for direction in stored_directions(recipe.data)))


def _doubted(
    recipe: Recipe, report: AuditReport, scorer_of: Callable[[str], Score] | None
) -> npt.NDArray[np.bool_] | None:
    section = recipe.data.filters.pair_score
    if section is None:
        return None
    if scorer_of is None:
        raise ValueError("`data.filters.pair_score` needs a scorer")
    return doubted(section, report.splits["train"], scorer_of(section.run))


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


def _write_manifest(
    recipe: Recipe, folder: Path, inputs: Mapping[str, InputFile], splits: dict[str, SplitStatistics],
    corpora: list[Corpus], report: AuditReport, tokenizer: Tokenizer, lines: int, origin: str,
    labels: list[str],
) -> None:  # fmt: skip
    sections = deciding_keys(recipe)
    sizes = {"src": tokenizer.src_vocab_size, "tgt": tokenizer.tgt_vocab_size}
    Manifest(
        format=FORMAT, nmt=VERSION, name=recipe.name, fingerprint=fingerprint(sections), sections=sections,
        inputs=sums(inputs), outputs=sums({path.name: describe_file(path) for path in sorted(folder.iterdir())}),
        corpora=corpora, splits=splits, audit=Audit.model_validate(report.to_json()), scorer=scorer_fingerprint(recipe),
        languages={name: Language(vocabulary=side, vocab_size=sizes[side])
                   for name, side in vocabularies(recipe.data).items()},
        tags={tag: tokenizer.control[tag] for tag in tags_of(recipe.data)},
        tokenizer=TokenizerFacts(fingerprint=tokenizer.fingerprint, src_vocab_size=sizes["src"],
                                 tgt_vocab_size=sizes["tgt"], lines=lines,
                                 origin=origin),
        labels=labels or None,
    ).save(folder)  # fmt: skip
