"""A run in one file, that `nmt translate --run`, `nmt score --run` and `nmt serve` take as they take its folder."""

from __future__ import annotations

from pathlib import Path

from nmt import console
from nmt.data.manifest import CASE, LANGUAGES, MANIFEST
from nmt.errors import RunError
from nmt.files import refuse_any
from nmt.run.abilities import check_exports, check_translates
from nmt.run.packed import pack
from nmt.share.about import About, exported
from nmt.share.card import card
from nmt.tokenizer import Tokenizer

_WAYS = """\
```bash
echo 'A sentence.' | nmt translate --run {file}{to}
nmt serve {file}
```

From Python: `Translator.load("{file}").translate(["A sentence."]{to_key})`, after `from nmt import Translator`."""


def bundle(about: About, target: Path, license_text: Path | None = None) -> None:
    """Write the best checkpoint, with its export for CTranslate2 where it can have one, and all that translating needs.
    Raises RunError where the run does not translate, is damaged, or something stands at `target`.
    """
    refuse_any(target)
    run = about.run
    check_translates(run, about.recipe)
    checkpoint, files = about.checkpoint, dict[str, Path | bytes]()
    try:
        check_exports(run, about.recipe)
    except RunError as e:
        console.info(f"Our own engine will translate: {e.message}")
    else:
        folder = exported(run, about.recipe)
        files |= {f"{folder.name}/{path.name}": path for path in sorted(folder.iterdir())}
    files |= {name: run / name for name in Tokenizer.load(run).files}
    files |= {name: _without_places(about, run / name) for name in (MANIFEST, "recipe.yaml")}
    files |= {name: run / name for name in (CASE, LANGUAGES) if (run / name).exists()}
    checkpoint.tensors("model.safetensors")  # are what was written
    where = f"checkpoints/{checkpoint.path.name}"
    files[f"{where}/model.safetensors"] = checkpoint.path / "model.safetensors"
    files[f"{where}/state.json"] = _without_places(about, checkpoint.path / "state.json")
    files["README.md"] = card(about, _ways(about, target.name)).encode()
    if license_text is not None:
        files["LICENSE"] = license_text
    pack(target, about.recipe.name, dict(sorted(files.items())))


def _without_places(about: About, path: Path) -> bytes:
    return about.places.without(path.read_text(encoding="utf-8")).encode()


def _ways(about: About, file: str) -> str:
    directions = about.recipe.data.evaluated
    if len(directions) == 1:
        return _WAYS.format(file=file, to="", to_key="")
    src, tgt = directions[0].src, directions[0].tgt
    return _WAYS.format(file=file, to=f" --from {src} --to {tgt}", to_key=f', source="{src}", to="{tgt}"')
