"""`nmt package`: a run that is handed on does what it did, says what it is, and takes none of its text along."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import ctranslate2
import pytest

from nmt.decode.translator import Translator
from nmt.run.packed import cache
from tests.conftest import Nmt

RUN = "runs/mini"
LINES = "The cat sleeps.\n\nA dog 🙂 北京.\n".encode()


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def packaged(nmt: Nmt, receiver: str, output: str, *args: str) -> str:
    """What the command says."""
    code, out, err = nmt("package", RUN, "-o", output, "--for", receiver, *args)
    assert code == 0, err
    assert out == ""
    return err


# --- for nmt ---------------------------------------------------------------------------------------------------------


def test_a_package_translates_as_its_run(project: Path, nmt: Nmt) -> None:
    assert f"{RUN} was not evaluated: its card has no scores." in packaged(nmt, "nmt", "mini.nmt")
    Path("src").write_bytes(LINES)
    commands = {
        "translate": ("--format", "jsonl", "--n-best", "2", "--alignments"),
        "score": ("--src", "src", "--tgt", "src"),
    }
    before = {name: nmt(name, "--run", RUN, *args, stdin=LINES) for name, args in commands.items()}
    included = nmt("translate", "--run", RUN, "--include", "tomate", stdin=LINES)
    shutil.rmtree("runs")
    for name, args in commands.items():
        code, out, err = nmt(name, "--run", "mini.nmt", *args, stdin=LINES)
        assert (code, out) == before[name][:2], err
    assert nmt("translate", "--run", "mini.nmt", "--include", "tomate", stdin=LINES)[:2] == included[:2]
    assert len(list(cache().iterdir())) == 1
    translator = Translator.load("mini.nmt")
    assert translator.engine_name.startswith(("ctranslate2", "nmt")) and len(translator.translate(["A dog."])) == 1


def test_a_package_does_not_say_where_its_files_lay(project: Path, nmt: Nmt, tmp_path: Path) -> None:
    """Neither the paths of the recipe nor that of the run; and it is read as before."""
    secret = tmp_path / "its maker's home"
    shutil.move("text", secret)
    recipe = Path(RUN, "recipe.yaml").read_text(encoding="utf-8")
    manifest = Path(RUN, "manifest.json").read_text(encoding="utf-8")
    moved = recipe.replace("root: text", f"root: {json.dumps(str(secret))}")
    moved = moved.replace("source: train.en", f"source: {json.dumps(str(secret / 'train.en'))}")
    assert moved.count(str(secret)) == 2
    Path(RUN, "recipe.yaml").write_text(moved, encoding="utf-8")
    told = manifest.replace('"train.en and', f'"{secret}/train.en and').replace(
        '"warnings": []', f'"warnings": ["See {secret}/train.en:3 and {project}/{RUN}."]'
    )
    assert told.count(str(secret)) == 2
    Path(RUN, "manifest.json").write_text(told, encoding="utf-8")
    before = nmt("translate", "--run", RUN, stdin=LINES)
    packaged(nmt, "hub", "hub")
    with zipfile.ZipFile("hub/mini.nmt") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    files |= {path.name: path.read_bytes() for path in Path("hub").iterdir() if path.suffix != ".nmt"}
    assert [name for name, content in files.items() if str(tmp_path).encode() in content] == []
    assert b"See train.en:3 and mini." in files["manifest.json"] and b'root: "its maker' in files["recipe.yaml"]
    assert nmt("translate", "--run", "hub/mini.nmt", stdin=LINES)[:2] == before[:2]


@pytest.mark.usefixtures("project")
def test_a_package_is_served(nmt: Nmt) -> None:
    from nmt.serve.models import Model

    packaged(nmt, "nmt", "mini.nmt")
    shutil.rmtree("runs")
    assert Model.load(Path("mini.nmt"), "cpu", "auto", {}).pairs == (("en", "fr"),)


def test_no_text_is_in_it(project: Path, nmt: Nmt) -> None:
    assert nmt("evaluate", "--run", RUN)[0] == 0
    packaged(nmt, "nmt", "mini.nmt")
    everything = Path("mini.nmt").read_bytes()
    for file in (project / "text").iterdir():
        lines = [line for line in file.read_bytes().split(b"\n") if len(line) > 20]
        assert lines and not [line for line in lines if line in everything]


@pytest.mark.usefixtures("project")
def test_the_card_has_scores_and_license(nmt: Nmt) -> None:
    assert nmt("evaluate", "--run", RUN)[0] == 0
    recipe = Path(RUN, "recipe.yaml")
    recipe.write_text(f"license: cc-by-4.0\n{recipe.read_text()}")
    Path("terms.txt").write_text("Do what you like.\n")
    assert "not evaluated" not in packaged(nmt, "nmt", "mini.nmt", "--license-file", "terms.txt")
    with zipfile.ZipFile("mini.nmt") as archive:
        card = archive.read("README.md").decode()
        assert archive.read("LICENSE") == b"Do what you like.\n"
    assert card.startswith("# mini: English to French\n")
    assert "## Licence\n\ncc-by-4.0.\n" in card
    scores = json.loads(Path(RUN, "evaluation", "results.json").read_text())["scores"]["first"]
    for found in scores.values():
        assert f"{found['score']:.1f} ± {found['interval']:.1f}" in card
        assert f"`{found['signature']}`" in card


@pytest.mark.usefixtures("project")
def test_what_cannot_be_done_is_said(nmt: Nmt) -> None:
    def said(*args: str) -> str:
        code, _, err = nmt("package", *args)
        assert code == 2
        return err

    Path("mine.nmt").write_text("mine")
    assert "mine.nmt exists; it is left as it is." in said(RUN, "-o", "mine.nmt", "--for", "nmt")
    assert Path("mine.nmt").read_text() == "mine"
    assert "text is not a run folder" in said("text", "-o", "a.nmt", "--for", "nmt")
    assert "no file nothing" in said(RUN, "-o", "a.nmt", "--for", "nmt", "--license-file", "nothing")
    for model in Path(RUN, "checkpoints").glob("*/model.safetensors"):
        model.write_bytes(model.read_bytes()[:-1] + b"?")
    assert "damaged" in said(RUN, "-o", "a.nmt", "--for", "nmt")
    assert not Path("a.nmt").exists()


# --- for hubs --------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("project")
def test_a_hub_reads_the_card(nmt: Nmt) -> None:
    from huggingface_hub import ModelCard

    assert nmt("evaluate", "--run", RUN)[0] == 0
    packaged(nmt, "hub", "hub")
    data = ModelCard.load(Path("hub", "README.md")).data
    assert (data.language, data.license, data.library_name) == (["en", "fr"], "unknown", "ctranslate2")
    assert (data.pipeline_tag, data.model_name) == ("translation", "mini")
    scores = json.loads(Path(RUN, "evaluation", "results.json").read_text())["scores"]["first"]
    found = {(r.metric_name, r.metric_value) for r in data.eval_results or ()}
    assert found == {(name, round(scores[key]["score"], 2)) for name, key in
                     (("BLEU", "bleu"), ("chrF", "chrf"), ("chrF++", "chrf++"), ("TER", "ter"))}  # fmt: skip
    assert {r.dataset_name for r in data.eval_results or ()} == {"first"}


@pytest.mark.parametrize(
    ("license", "expected"),
    [
        ("Apache-2.0", {"license": "apache-2.0"}),
        ("in-house: ask #me", {"license": "other", "license_name": "in-house-ask-me", "license_link": "LICENSE"}),
        ("东", {"license": "other", "license_name": "own", "license_link": "LICENSE"}),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_hub_knows_the_license(license: str, expected: dict[str, str], nmt: Nmt) -> None:
    from huggingface_hub import ModelCard

    recipe = Path(RUN, "recipe.yaml")
    recipe.write_text(f"license: '{license}'\n{recipe.read_text()}")
    Path("terms.txt").write_text("Ask me.\n")
    packaged(nmt, "hub", "hub", "--license-file", "terms.txt")
    data = ModelCard.load(Path("hub", "README.md")).data.to_dict()
    assert {key: value for key, value in data.items() if key.startswith("license")} == expected
    assert Path("hub", "LICENSE").read_text() == "Ask me.\n"


@pytest.mark.usefixtures("project")
def test_what_a_card_shows_to_do_works(
    nmt: Nmt, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged(nmt, "hub", "hub")
    monkeypatch.chdir("hub")
    shutil.rmtree("../runs")
    card = Path("README.md").read_text()
    assert "nmt translate --run mini.nmt" in card
    assert nmt("translate", "--run", "mini.nmt", stdin=LINES)[1].count("\n") == 3
    exec(card.split("```python\n")[1].split("```")[0], {})
    assert capfd.readouterr().out.count("\n") == 1


@pytest.mark.usefixtures("project")
def test_a_folder_that_has_something_is_left_as_it_is(nmt: Nmt) -> None:
    Path("hub").mkdir()
    Path("hub", "mine.txt").write_text("mine")
    code, _, err = nmt("package", RUN, "-o", "hub", "--for", "hub")
    assert code == 2 and "hub is not empty (it holds mine.txt)." in err
    assert [path.name for path in Path("hub").iterdir()] == ["mine.txt"]


# --- for Argos Translate and LibreTranslate: see also unit/test_argos ------------------------------------------------


@pytest.mark.usefixtures("project")
def test_an_argos_package_is_whole(nmt: Nmt) -> None:
    packaged(nmt, "argos", "mini.argosmodel")
    with zipfile.ZipFile("mini.argosmodel") as archive:
        found = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        assert {name.partition("/")[0] for name in archive.namelist()} == {"translate-en_fr-1_0"}
    assert sorted(found) == [
        "README.md", "metadata.json", "minisbd/en.onnx", "model/config.json", "model/model.bin",
        "model/shared_vocabulary.json", "sentencepiece.model",
    ]  # fmt: skip
    assert json.loads(found["metadata.json"]) == {
        "package_version": "1.0", "argos_version": "1.9.0", "from_code": "en", "from_name": "English",
        "to_code": "fr", "to_name": "French", "type": "translate",
    }  # fmt: skip
    assert found["sentencepiece.model"] == Path(RUN, "tokenizer.src.model").read_bytes()
    with zipfile.ZipFile("mini.argosmodel") as archive:
        archive.extractall("unpacked")
    translator = ctranslate2.Translator("unpacked/translate-en_fr-1_0/model")
    assert translator.compute_type == "int8_float32"  # as it is stored
    card = found["README.md"].decode()
    assert "So measured on the validation set: BLEU " in card and "install_from_path('mini.argosmodel')" in card


@pytest.mark.parametrize(
    ("language", "code"),
    [("en", "en"), ("de-AT", "de"), ("deu", "de"), ("pt_BR", "pb"), ("pt", "pt"), ("zh", "zh"), ("zh-Hant", "zt"),
     ("gsw", "gsw")],
)  # fmt: skip
def test_argos_has_codes_of_its_own(language: str, code: str) -> None:
    from nmt.share.argos import code_of

    assert code_of(language) == code


@pytest.mark.usefixtures("project")
def test_who_cannot_put_apostrophes_back_gets_no_package(
    nmt: Nmt, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, _, err = nmt("train", "mini.yaml", "name=split", "tokenizer.apostrophe=split", "train.max_steps=8")
    assert code == 0, err
    code, _, err = nmt("package", "runs/split", "-o", "split.argosmodel", "--for", "argos")
    assert code == 2 and not Path("split.argosmodel").exists()
    assert err.endswith(
        "✗ runs/split has `tokenizer.apostrophe: split`, and Argos Translate would write `l'￭ homme`.\n"
        "  Package it for `hub` or `nmt`, or train without that key.\n"
    )
    code, _, err = nmt("package", "runs/split", "-o", "hub", "--for", "hub")
    assert code == 0 and "Without a package for Argos Translate" in err
    assert list(Path("hub").glob("*.nmt")) and not list(Path("hub").glob("*.argosmodel"))
    monkeypatch.chdir("hub")
    card = Path("README.md").read_text()
    assert "Argos" not in card
    exec(card.split("```python\n")[1].split("```")[0], {})
    assert "￭" not in capfd.readouterr().out
