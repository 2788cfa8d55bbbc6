"""Are synthetic pairs what was written, and do their teachers still make them?"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from nmt.data.synthetic import PIVOT, REFERENCE, SOURCE, TARGET, SyntheticManifest, read_manifest, synthetic_folders
from nmt.errors import NMTError
from nmt.files import describe_file
from nmt.run.checkpoint import find_checkpoint
from nmt.run.folder import load_run_recipe
from nmt.run.verify import Finding
from nmt.synthesis.make import chosen
from nmt.text.lines import decoded_lines

RECOMPUTED = 20  # pairs of each set
OTHERWISE = 2  # of them, that may be other by the rounding of another batch


def verify_sets(run: Path) -> Iterator[Finding]:
    """Of the synthetic pairs that a run learned from. Raises RunError where `run` is not a run folder."""
    for folder in synthetic_folders(load_run_recipe(run).data):
        try:
            manifest = read_manifest(folder)
        except NMTError:
            yield Finding(str(folder), "missing", "the synthetic pairs are not here")
            continue
        whole = True
        for name, file in manifest.outputs.items():
            path = folder / name
            now = describe_file(path).sha256 if path.exists() else None
            remark = "altered or damaged" if now else "not there"
            yield Finding(str(path), "ok") if now == file.sha256 else Finding(str(path), "differs", remark)
            whole = whole and now == file.sha256
        if whole:
            yield _recomputed(folder, manifest)


def _recomputed(folder: Path, manifest: SyntheticManifest) -> Finding:
    what = f"{folder}: {RECOMPUTED} pairs made again"
    if manifest.best is not None and REFERENCE not in manifest.outputs:  # an older nmt made it
        return Finding(what, "missing", "they were chosen by references, which are not kept")
    for teacher in manifest.teachers:
        run = Path(teacher.run)
        if not (run / "recipe.yaml").exists():
            return Finding(what, "missing", f"the teacher {run} is not here")
        best = find_checkpoint(run, "best", load_run_recipe(run).train.metric)
        if best.sha256["model.safetensors"] != teacher.sha256:
            return Finding(what, "missing", f"{run} has other weights now than {teacher.checkpoint} had")
    src, tgt = ([*decoded_lines(folder / name, name)] for name in (SOURCE, TARGET))
    read, written = (src, tgt) if manifest.made == "tgt" else (tgt, src)
    if manifest.through is not None:
        read = [*decoded_lines(folder / PIVOT, PIVOT)]
    refs = [*decoded_lines(folder / REFERENCE, REFERENCE)] if manifest.best is not None else [""] * len(read)
    number = min(RECOMPUTED, len(read))
    some = [i * len(read) // number for i in range(number)]
    try:
        again = _translated(manifest, [read[i] for i in some], [refs[i] for i in some])
    except NMTError as e:
        return Finding(what, "missing", e.message)
    other = [i for i, text in zip(some, again, strict=True) if text != written[i]]
    if len(other) > OTHERWISE:
        return Finding(what, "differs", f"{len(other)} of {number} are other, the first in line {other[0] + 1:,}")
    return Finding(what, "ok", f"{number - len(other)} of {number} are the same")


def _translated(manifest: SyntheticManifest, lines: list[str], refs: list[str]) -> list[str]:
    from nmt.decode.request import Request
    from nmt.decode.translator import Translator

    translator = Translator.load([teacher.run for teacher in manifest.teachers], decode=manifest.decode, threads=0)
    if len(translator.domain.routes) > 1:
        translator.source, translator.to = manifest.languages
    found = translator.translate(lines, n_best=translator.decode.beam_size if manifest.best else 1)
    tokenize = translator.route(Request("")).bleu_tokenize
    texts = (chosen(manifest.best, t, ref, tokenize)[0] for t, ref in zip(found, refs, strict=True))
    return [" ".join(text.split("\n")) for text in texts]
