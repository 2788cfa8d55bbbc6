"""A package for Argos Translate and LibreTranslate, with all that they need to be without the network."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from nmt.decode.ct2 import CTranslate2Engine
from nmt.decode.export import export
from nmt.decode.exported import INT8, Origin
from nmt.decode.translator import Translator, domain_of
from nmt.decode.trial import plain, valid_text
from nmt.errors import RunError
from nmt.files import refuse_any
from nmt.model.transformer import Transformer
from nmt.run.abilities import check_shares
from nmt.run.load import load_translator_model
from nmt.run.packed import write_zip
from nmt.serve.names import NAMES, match, name_of
from nmt.share.about import About
from nmt.share.card import card
from nmt.share.splitter import Splitter
from nmt.text.pieces import JOINER
from nmt.tokenizer import Tokenizer
from nmt.tokenizer.apostrophe import splits
from nmt.tokenizer.tokenizer import SHARED_FILE, SRC_FILE

VERSION, MADE_FOR = "1.0", "1.9.0"  # of the package; of Argos Translate
_OTHER = {"pt-br": "pb", "zh-hant": "zt", "zh-tw": "zt", "zh-hk": "zt"}  # what Argos calls them
_SEARCH = {"beam_size": 4, "length_penalty": 0.2}  # of Argos, whatever a package says

_WAYS = """\
Argos Translate and LibreTranslate take the file as it is, without the network:

```bash
python -c "import argostranslate.package as p; p.install_from_path('{file}')"
argos-translate --from {src} --to {tgt} 'A sentence.'
```

LibreTranslate has what is installed so, if it may read the same folder; started with one package alone it tries to load
others."""

_MORE = """\
The scores above are of the run, by the engine that is named. Argos has a search of its own (beam size 4, length penalty
0.2), these weights are stored in 8 bits, and it writes `_` as a space; LibreTranslate also changes capitals and the
final punctuation. {measured}Where sentences end is told by rules: `minisbd/{src}.onnx`."""


def fits(run: Path) -> bool:
    """Whether Argos writes what the run writes: it puts pieces together itself, without the tokenizer's rules."""
    return not splits(Tokenizer.load(run).model("tgt"))


def argos_package(about: About, target: Path, license_text: Path | None = None) -> None:
    """Write the file. Raises RunError where the run cannot be exported, does not translate between two languages, has a
    tokenizer that Argos cannot read, or something stands at `target`.
    """
    refuse_any(target)
    check_shares(about.run, about.recipe)
    if not fits(about.run):
        raise RunError(
            f"{about.run} has `tokenizer.apostrophe: split`, and Argos Translate would write `l'{JOINER} homme`.",
            "Package it for `hub` or `nmt`, or train without that key.",
        )
    (direction,) = about.recipe.data.evaluated
    src, tgt = code_of(direction.src), code_of(str(direction.tgt))
    about_it = {
        "package_version": VERSION, "argos_version": MADE_FOR, "from_code": src, "from_name": name_of(direction.src),
        "to_code": tgt, "to_name": name_of(str(direction.tgt)), "type": "translate",
    }  # fmt: skip
    folder = f"translate-{src}_{tgt}-{VERSION.replace('.', '_')}"
    with tempfile.TemporaryDirectory(prefix="nmt-argos-") as work:
        model, bleu = _int8(about, Path(work) / "model")
        measured = f"So measured on the validation set: BLEU {bleu:.2f}. " if bleu is not None else ""
        ways = _WAYS.format(file=target.name, src=src, tgt=tgt)
        own = model / SRC_FILE
        files: dict[str, Path | bytes] = {
            "metadata.json": json.dumps(about_it, ensure_ascii=False, indent=1).encode() + b"\n",
            "README.md": card(about, ways, _MORE.format(measured=measured, src=src)).encode(),
            "sentencepiece.model": own if own.exists() else model / SHARED_FILE,
            f"minisbd/{src}.onnx": Splitter.of(direction.src).onnx(),
        }
        files |= {f"model/{p.name}": p for p in sorted(model.iterdir())
                  if p.name in ("model.bin", "config.json") or p.name.endswith("_vocabulary.json")}  # fmt: skip
        if license_text is not None:
            files["LICENSE"] = license_text
        write_zip(target, {f"{folder}/{name}": content for name, content in files.items()})


def name_for(about: About) -> str:
    """What such a file is usually called."""
    (direction,) = about.recipe.data.evaluated
    return f"translate-{code_of(direction.src)}_{code_of(str(direction.tgt))}-{VERSION.replace('.', '_')}.argosmodel"


def code_of(language: str) -> str:
    """What Argos calls a language: `zt` of `zh-TW`, `de` of `deu` and of `de-AT`."""
    code = language.replace("_", "-").lower()
    return _OTHER.get(code) or match(code, NAMES) or code.partition("-")[0]


def _int8(about: About, folder: Path) -> tuple[Path, float | None]:
    """The weights in 8 bits, and how good they are with the search of Argos; None where the text to try is gone."""
    run, recipe = about.run, about.recipe
    model, tokenizer, _, _ = load_translator_model(run, "best", "cpu", "fp32")
    assert isinstance(model, Transformer), "no other kind is exported"
    export(model, tokenizer, folder, INT8, Origin())
    if (text := valid_text(run, recipe)) is None:
        return folder, None
    engine = CTranslate2Engine(folder, tokenizer, "cpu", recipe.model.position_limit)
    translator = Translator(engine, tokenizer, plain(recipe.decode).changed(_SEARCH), domain_of(recipe, about.manifest))
    return folder, text.bleu(translator.translate(text.src))
