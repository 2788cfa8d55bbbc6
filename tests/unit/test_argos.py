"""A package in Argos Translate itself, without the network. It needs an environment of its own:

python -m venv /tmp/argos && /tmp/argos/bin/pip install argos-translate-lt
NMT_ARGOS_PYTHON=/tmp/argos/bin/python scripts/test -m slow -k argos
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nmt.data.prepare import prepare
from nmt.decode.translator import Translator
from nmt.recipe import Recipe
from nmt.share.about import About
from nmt.share.argos import argos_package
from nmt.share.splitter import Splitter
from nmt.train.trainer import train
from tests.unit.conftest import toy_pairs
from tests.unit.test_splitter import split

PYTHON = os.environ.get("NMT_ARGOS_PYTHON", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PYTHON, reason="NOT TESTED: NMT_ARGOS_PYTHON names no Python that has argos-translate-lt"),
]

TRANSLATE = """\
import json, socket, sys
def nothing(*_): raise OSError("no network")
socket.socket.connect = socket.create_connection = nothing
import argostranslate.package, argostranslate.translate
argostranslate.package.install_from_path(sys.argv[1])
(package,) = argostranslate.package.get_installed_packages()
found = argostranslate.translate.get_translation_from_codes("en", "fr")
lines = json.load(sys.stdin)
print(json.dumps({"name": str(package), "card": package.get_readme(), "lines": [found.translate(x) for x in lines]}))
"""
SPLIT = """\
import json, sys
from minisbd import SBDetect
print(json.dumps([SBDetect(sys.argv[1], use_gpu=False).sentences(text) for text in json.load(sys.stdin)]))
"""


def in_argos(script: str, argument: Path, given: list[str], home: Path) -> object:
    own = {f"XDG_{kind}_HOME": str(home / kind) for kind in ("DATA", "CONFIG", "CACHE")} | {"HOME": str(home)}
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [PYTHON, "-c", script, str(argument)], input=json.dumps(given), capture_output=True, text=True, env=kept | own
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("shared", [True, False], ids=["one vocabulary", "two vocabularies"])
def test_it_translates_as_nmt_does(shared: bool, toy_recipe: Callable[..., Recipe], tmp_path: Path) -> None:
    recipe = toy_recipe(
        tokenizer__shared=shared, model__tie_embeddings="all" if shared else "target",
        model__d_model=64, model__d_ff=128, train__max_steps=800, train__eval_every=800, train__save_every=800,
        train__optimizer="adamw", train__learning_rate=4e-3, train__weight_decay=0, train__warmup_steps=60,
        train__schedule="cosine", train__ema_decay=0.9, train__batch_tokens=400, model__dropout=0.05, train__threads=2,
    )  # fmt: skip
    run = train(recipe, prepare(recipe), "nmt train toy.yaml")
    argos_package(About.read(run), tmp_path / "toy.argosmodel")
    lines = [src for src, _ in toy_pairs(100, 99)]
    found = in_argos(TRANSLATE, tmp_path / "toy.argosmodel", lines, tmp_path / "home")
    assert isinstance(found, dict)
    assert found["name"] == "English → French" and found["card"].startswith("# toy: English to French\n")
    ours = Translator.load(run, engine="nmt", decode={"beam_size": 4, "length_penalty": 0.2}).translate(lines)
    same = sum(line == t.text for line, t in zip(found["lines"], ours, strict=True))
    assert same >= 98  # 8 bits and 32 differ at times


@pytest.mark.parametrize("language", ["en", "de", "zh", "ar"])
def test_it_splits_as_the_rules_say(language: str, tmp_path: Path) -> None:
    texts = [
        "Hello there. How are you? I am fine! \"Go.\" Then he left (quietly.) J. K. Rowling saw Dr. Smith.",
        "1. What comes first. « Bonjour. » Puis oui… Am 3. Mai, z. B. so. Vgl. Abb. 3 dazu.",
        "你好。今天天气很好！！“是吗？”他问。好", "كيف حالك؟ أنا بخير. شكرا! 🙂 A.", "x", "no end",
        "Many words, one after the other. " * 100,
    ]  # fmt: skip
    (tmp_path / "rules.onnx").write_bytes(Splitter.of(language).onnx())
    found = in_argos(SPLIT, tmp_path / "rules.onnx", texts, tmp_path / "home")
    assert found == [split(language, text) for text in texts]
