"""manifest.json: what was prepared from what; and whether that is still what a recipe asks for."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nmt.data.corpus import file_names
from nmt.errors import RunError
from nmt.files import describe_file
from nmt.recipe import Recipe

FORMAT = 1
MANIFEST = "manifest.json"


class NotPreparedError(RunError):
    """There is no prepared data for the recipe yet."""


@dataclass(frozen=True)
class Manifest:
    """What was prepared from what. Holds no time and no path, so that equal preparations give equal files."""

    format: int
    nmt: str
    name: str
    fingerprint: str  # of `sections`
    sections: dict[str, Any]  # the keys of the recipe that decide the bytes
    inputs: dict[str, dict[str, Any]]  # file name -> size, sha256
    outputs: dict[str, dict[str, Any]]
    splits: dict[str, dict[str, Any]]  # read, dropped by reason, pairs, tokens
    tokenizer: dict[str, Any]  # fingerprint, vocabulary sizes, lines it learned from
    audit: dict[str, Any]

    def save(self, folder: Path) -> None:
        text = json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"
        (folder / MANIFEST).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Raises NotPreparedError where there is none, RunError where it cannot be used."""
        path = folder / MANIFEST
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                if not written_files(folder):
                    raise ValueError("no manifest of ours")
                raise RunError(
                    f"{folder} has format {values['format']}, but this nmt reads format {FORMAT}.",
                    "Prepare again: nmt prepare RECIPE --force",
                )
            found = cls(**values)
            parts = (found.sections, found.inputs, found.outputs, found.splits, found.tokenizer, found.audit)
            if not all(isinstance(part, dict) for part in parts):
                raise ValueError("a part is no mapping")
            return found
        except (FileNotFoundError, NotADirectoryError):
            raise NotPreparedError(f"no prepared data in {folder}.", "Run: nmt prepare RECIPE") from None
        except OSError as e:
            raise RunError(f"{path} cannot be read: {e.strerror}.") from None
        except (ValueError, TypeError, KeyError, RecursionError):
            again = f"If nothing of yours is in {folder}, remove it, and prepare again: nmt prepare RECIPE"
            raise RunError(f"{path} is damaged, or not a manifest of nmt.", again) from None


def written_files(folder: Path) -> set[str]:
    """The files that a preparation, by this nmt or an older one, wrote into `folder`, as its manifest lists them; none
    where there is no manifest of ours.
    """
    try:
        values = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        outputs = values["outputs"]
        ours = isinstance(values["format"], int) and {"nmt", "fingerprint", "sections", "tokenizer"} <= values.keys()
        listed = all(isinstance(file["size"], int) and len(file["sha256"]) == 64 for file in outputs.values())
        return {*outputs, MANIFEST} if ours and listed and outputs else set()
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return set()


def deciding_keys(recipe: Recipe) -> dict[str, Any]:
    """The keys of the data and tokenizer sections that decide the prepared bytes, flat, as the user writes them."""
    data = recipe.data.model_dump(mode="json", exclude_none=True, exclude={"root", "url", "sha256", "prepared_dir"})
    tokenizer = recipe.tokenizer.model_dump(mode="json", exclude={"sampling"})  # that happens in training
    tokenizer |= dict.fromkeys(recipe.tokenizer.open_keys, "auto")
    return dict(_flatten(data, "data")) | dict(_flatten(tokenizer, "tokenizer"))


def _flatten(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, (dict, list)):
        for name, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _flatten(inner, f"{key}.{name}")
    else:
        yield key, value


def check_prepared(recipe: Recipe, recipe_path: str | Path | None = None) -> Manifest:
    """The manifest of the recipe's prepared data.

    Raises NotPreparedError where there is none, RunError where it was made by other data or tokenizer keys (naming
    them) or where files are missing.
    """
    folder = recipe.prepared_dir
    manifest = Manifest.load(folder)
    again = f"Run: nmt prepare {recipe_path or 'RECIPE'} --force"
    now, before = deciding_keys(recipe), manifest.sections
    if before.get("tokenizer.vocab_size") == "auto":  # a recipe that says the number which that came to is the same
        size = max(manifest.tokenizer[f"{side}_vocab_size"] for side in ("src", "tgt"))
        before = before | ({"tokenizer.vocab_size": size} if now["tokenizer.vocab_size"] == size else {})
    differing = [key for key in {**now, **before} if now.get(key) != before.get(key)]
    if differing:
        key, *others = differing
        with_what = f"with `{key}: {before[key]}`" if key in before else f"without `{key}`"
        but = f"the recipe says {now[key]}" if key in now else "the recipe has no such key"
        also = f" So differ: {', '.join(f'`{k}`' for k in others)}." if others else ""
        raise RunError(f"{folder} was prepared {with_what}, but {but}.{also}", again)
    for name, file in manifest.inputs.items():
        if recipe.data.sha256.get(name, file["sha256"]) != file["sha256"]:
            raise RunError(f"{folder} was prepared from another {name} than `data.sha256` says.", again)
    for name, file in manifest.outputs.items():
        path = folder / name
        if not path.exists() or path.stat().st_size != file["size"]:
            raise RunError(f"{path} is {'not as it was written' if path.exists() else 'missing'}.", again)
    return manifest


def check_inputs(recipe: Recipe, manifest: Manifest, recipe_path: str | Path | None) -> None:
    """Input files may be gone once all is prepared; but where they are there, they must be the same."""
    for name in file_names(recipe.data):
        path = Path(recipe.data.root) / name
        if path.is_file() and describe_file(path).sha256 != manifest.inputs[name]["sha256"]:
            raise RunError(
                f"{name} has changed since {recipe.prepared_dir} was prepared from it.",
                f"Run: nmt prepare {recipe_path or 'RECIPE'} --force",
            )
