"""Does a run still match what it records of itself: weights, recipe, tokenizer, prepared data, text, versions?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from nmt.data.corpus import input_paths
from nmt.data.manifest import Manifest, NotPreparedError
from nmt.errors import RunError, plural
from nmt.files import describe_file
from nmt.recipe import Recipe, fingerprint
from nmt.run.checkpoint import find_checkpoint, read_checkpoint
from nmt.run.environment import environment
from nmt.run.folder import load_run_recipe
from nmt.run.log import last_start
from nmt.run.manifest import run_manifest
from nmt.tokenizer import fingerprint_of

Result = Literal["ok", "differs", "missing", "changed"]


@dataclass(frozen=True)
class Finding:
    """`differs`: the bytes are not what was recorded. `missing`: nothing is there to compare, which does no harm to
    the run. `changed`: this machine is another than the run was trained on, so training anew may give other bytes.
    """

    what: str
    result: Result
    remark: str = ""


def verify_run(run: Path) -> list[Finding]:
    """Raises RunError where `run` is not a run folder."""
    recipe = load_run_recipe(run)
    start = last_start(run)
    return [
        *_weights(run),
        _recipe(run, recipe, start),
        _same("tokenizer", fingerprint_of(run), start.get("tokenizer"), "another than the run was trained with"),
        *_data(run, recipe),
        *_machine(recipe, start),
    ]


def verdict(findings: Sequence[Finding]) -> str:
    """What they come to, in a sentence."""
    counts = {result: sum(f.result == result for f in findings) for result in get_args(Result)}
    checks = plural(len(findings), "check")
    if counts["differs"]:
        return f"{counts['differs']:,} of {checks} FAILED: what differs is listed below."
    others = [f"{counts['missing']} had nothing to compare with"] * bool(counts["missing"])
    others += [f"{counts['changed']} would be another on this machine"] * bool(counts["changed"])
    return f"everything matches ({checks}{''.join(f'; {other}' for other in others)})."


def _same(what: str, now: Any, before: Any, remark: str) -> Finding:
    if before is None:
        return Finding(what, "missing", "nothing was recorded")
    return Finding(what, "ok") if now == before else Finding(what, "differs", remark)


def _recipe(run: Path, recipe: Recipe, start: dict[str, Any]) -> Finding:
    """By the file. An older nmt recorded only the values of all keys that it knew, so a difference may be a new key."""
    what, before = "recipe.yaml", start.get("recipe_file")
    if before is not None:
        return _same(what, describe_file(run / what).sha256, before, "changed since training was last started")
    if start.get("recipe") in (None, fingerprint(recipe)):
        return _same(what, fingerprint(recipe), start.get("recipe"), "")
    return Finding(what, "missing", "an older nmt recorded it otherwise")


def _weights(run: Path) -> Iterator[Finding]:
    find_checkpoint(run, "last")  # there must be one
    for folder in sorted((run / "checkpoints").iterdir()):
        if "." in folder.name:
            continue
        try:
            sums = read_checkpoint(folder).sha256
        except RunError as e:
            yield Finding(folder.name, "differs", e.message)
            continue
        for name, before in sums.items():
            what, path = f"{folder.name}/{name}", folder / name
            # What only resuming needs is removed from older checkpoints.
            if path.exists() or name == "model.safetensors":
                now = describe_file(path).sha256 if path.exists() else None
                remark = "altered or damaged" if now else "not there"
                yield Finding(what, "ok") if now == before else Finding(what, "differs", remark)


def _data(run: Path, recipe: Recipe) -> Iterator[Finding]:
    recorded = run_manifest(run)
    folder = recipe.prepared_dir
    try:
        prepared = Manifest.load(folder)
    except NotPreparedError:
        yield Finding(str(folder), "missing", "the prepared data are not here")
    except RunError as e:
        yield Finding(str(folder), "differs", e.message)
    else:
        if recorded != prepared if recorded.format == prepared.format else not recorded.prepares_the_same(prepared):
            yield Finding(str(folder), "differs", "prepared anew, from other text or otherwise")
            return
        for name, file in prepared.outputs.items():
            path = folder / name
            now = describe_file(path).sha256 if path.exists() else None
            remark = "altered or damaged" if now else "not there"
            yield Finding(str(path), "ok") if now == file.sha256 else Finding(str(path), "differs", remark)
    paths = input_paths(recipe.data)
    for name, file in recorded.inputs.items():
        path = paths.get(name, Path(recipe.data.root) / name)
        if not path.is_file():
            yield Finding(str(path), "missing", "the text is not here")
        elif describe_file(path).sha256 == file.sha256:
            yield Finding(str(path), "ok")
        else:
            yield Finding(str(path), "differs", "changed since it was prepared")


def _machine(recipe: Recipe, start: dict[str, Any]) -> Iterator[Finding]:
    for name, now in environment(recipe).items():
        before = start.get(name)
        if name in ("recipe", "recipe_file", "seed") or before is None:
            continue
        yield Finding(name, "ok") if now == before else Finding(name, "changed", f"{now} here, {before} then")
