"""A folder for a hub of models: CTranslate2's files, packages for nmt and Argos, a card with its YAML."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from nmt import console
from nmt.errors import RunError
from nmt.files import list_some, others, staging
from nmt.recipe.plain_yaml import dump_yaml
from nmt.run.abilities import check_shares
from nmt.share.about import About, exported
from nmt.share.argos import argos_package, fits, name_for
from nmt.share.bundle import bundle
from nmt.share.card import card
from nmt.text.metrics import label
from nmt.tokenizer.tokenizer import SHARED_FILE, SRC_FILE, TGT_FILE

# Licences that the Hugging Face hub has a name for; others are `other`, with a name of their own.
_KNOWN = {
    "afl-3.0", "agpl-3.0", "apache-2.0", "artistic-2.0", "bsd", "bsd-2-clause", "bsd-3-clause", "bsl-1.0", "cc",
    "cc-by-2.0", "cc-by-3.0", "cc-by-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0", "cc-by-nc-nd-4.0",
    "cc-by-nc-sa-4.0", "cc-by-nd-4.0", "cc-by-sa-3.0", "cc-by-sa-4.0", "cc0-1.0", "ecl-2.0", "epl-2.0", "eupl-1.1",
    "eupl-1.2", "gpl", "gpl-2.0", "gpl-3.0", "isc", "lgpl", "lgpl-2.1", "lgpl-3.0", "mit", "mpl-2.0", "ms-pl", "ncsa",
    "odbl", "ofl-1.1", "openrail", "osl-3.0", "pddl", "postgresql", "unlicense", "wtfpl", "zlib",
}  # fmt: skip
_METRICS = {"bleu": "bleu", "chrf": "chrf", "chrf++": "chrf", "ter": "ter", "comet": "comet"}  # as hubs call them

_WAYS = """\
With nmt, which cuts long lines into sentences, keeps to glossaries and serves the model over HTTP:

```bash
echo 'A sentence.' | nmt translate --run {package}
nmt serve {package}
```

With [CTranslate2](https://opennmt.net/CTranslate2) and SentencePiece alone, a sentence at a time, in this folder:

```python
import ctranslate2, sentencepiece

translator = ctranslate2.Translator(".")
source = sentencepiece.SentencePieceProcessor(model_file="{src}")
target = sentencepiece.SentencePieceProcessor(model_file="{tgt}")
pieces = source.encode(["A sentence."], out_type=str)
found = translator.translate_batch(pieces, beam_size={beam_size}, length_penalty={length_penalty:g}, disable_unk=True)
print(target.decode([translation.hypotheses[0] for translation in found])[0])
```"""

_ARGOS = """\
With Argos Translate and LibreTranslate, in 8 bits:

```bash
python -c "import argostranslate.package as p; p.install_from_path('{argos}')"
```"""


def hub_folder(about: About, target: Path, license_text: Path | None = None) -> None:
    """Write the folder. Raises RunError where the run cannot be exported, does not translate between two languages, is
    damaged, or where something stands in `target`.
    """
    check_shares(about.run, about.recipe)
    if there := others(target, ()):
        raise RunError(f"{target} is not empty (it holds {list_some(there)}).", "Choose another folder.")
    with staging(target) as new:
        for path in exported(about.run, about.recipe).iterdir():
            shutil.copyfile(path, new / path.name)
        package = f"{about.recipe.name}.nmt"
        bundle(about, new / package, license_text)
        ways = _WAYS
        if fits(about.run):
            argos_package(about, new / name_for(about), license_text)
            ways += _ARGOS
        else:
            console.info("Without a package for Argos Translate: it cannot read `tokenizer.apostrophe: split`.")
        own = (new / SRC_FILE).exists()
        decode = about.recipe.decode
        ways = ways.format(
            package=package, argos=name_for(about), src=SRC_FILE if own else SHARED_FILE,
            tgt=TGT_FILE if own else SHARED_FILE, beam_size=decode.beam_size, length_penalty=decode.length_penalty,
        )  # fmt: skip
        if license_text is not None:
            shutil.copyfile(license_text, new / "LICENSE")
        front = dump_yaml(front_matter(about, license_text is not None))
        (new / "README.md").write_text(f"---\n{front}---\n\n{card(about, ways)}", encoding="utf-8")


def front_matter(about: About, with_license_text: bool) -> dict[str, Any]:
    """What a hub reads of a card: https://huggingface.co/docs/hub/model-cards"""
    languages = list(dict.fromkeys(re.split("[-_]", code)[0].lower() for code in about.languages))
    corpora = list(dict.fromkeys(corpus.hub for corpus in about.recipe.data.train if corpus.hub))
    found: dict[str, Any] = {
        "language": languages,
        **_license(about.recipe.license, with_license_text),
        "library_name": "ctranslate2",
        "pipeline_tag": "translation",
        "tags": ["translation", "nmt", "ctranslate2", "sentencepiece"],
    }
    if corpora:
        found["datasets"] = corpora
    results = _results(about)
    if results:
        found["metrics"] = list(dict.fromkeys(metric["type"] for result in results for metric in result["metrics"]))
        found["model-index"] = [{"name": about.recipe.name, "results": results}]
    return found


def _license(name: str | None, with_text: bool) -> dict[str, str]:
    if name is None:
        return {"license": "unknown"}
    if name.lower() in _KNOWN:
        return {"license": name.lower()}
    slug = re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.") or "own"
    return {"license": "other", "license_name": slug} | ({"license_link": "LICENSE"} if with_text else {})


def _results(about: About) -> list[dict[str, Any]]:
    found = []
    for test, scores in about.results.scores.items():
        metrics = [
            {"type": _METRICS[metric], "value": round(kept.score, 2), "name": label(metric)}
            | ({"args": {"signature": kept.signature}} if kept.signature else {})
            for metric, kept in scores.items()
            if metric in _METRICS
        ]
        if metrics:
            slug = re.sub(r"[^\w.-]+", "-", f"{about.recipe.name}-{test}")
            found.append(
                {
                    "task": {"type": "translation", "name": f"Translation, {about.pairs}"},
                    "dataset": {"type": slug, "name": test},
                    "metrics": metrics,
                }
            )
    return found
