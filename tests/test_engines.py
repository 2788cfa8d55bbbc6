"""Which engine the commands translate with, why, and what they do without."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.decode.exported import MOST_APART
from tests.conftest import Nmt

RUN = Path("runs/mini")
ORIGIN = RUN / "ctranslate2" / "nmt.json"
HEAVY = ("torch", "pandas", "pyarrow", "datasets", "matplotlib", "sacrebleu")
LINES = "The cat sleeps.\n\nA dog.\n"

COMMANDS_AND_WHAT_THEY_LOADED = f"""\
import io, os, sys
from nmt.cli import main
without, *commands = sys.argv[1:]
for name in without.split():
    sys.modules[name] = None  # as if it were not installed
os._exit = sys.exit  # where a thread still reads
stdin = sys.stdin.buffer.read()
for command in commands:
    sys.argv = ["nmt", *command.split()]
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin))
    try:
        main()
    except SystemExit as e:
        assert not e.code, command
    loaded = [name for name in {HEAVY} if sys.modules.get(name) is not None]
    print("loaded", *loaded, file=sys.stderr)
"""


def in_a_process(*commands: str, without: str = "") -> tuple[str, str]:
    """stdout and stderr of commands in a process of their own, and after each which heavy packages are loaded."""
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS_AND_WHAT_THEY_LOADED, without, *commands], input=LINES, capture_output=True,
        text=True, env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.fixture
def trusted(project: Path) -> Path:
    """A project whose export is as good as our own engine, whatever so short a training made of it."""
    assert json.loads(ORIGIN.read_text())["stored"] == "float32"  # by `nmt train`
    measured(0, 0)
    return project


def measured(nmt: float, float32: float) -> None:
    """Write into the export what the validation is said to have given."""
    origin = json.loads(ORIGIN.read_text())
    origin["compared"]["bleu"] = {"nmt": nmt, "float32": float32}
    ORIGIN.write_text(json.dumps(origin))


@pytest.mark.usefixtures("trusted")
def test_translating_and_scoring_load_no_torch() -> None:
    Path("lines").write_text(LINES)
    out, err = in_a_process(
        "translate",
        "translate --format jsonl --n-best 2 --alignments --prefix La --exclude chat --no-repeat-ngram 3",
        "translate --compute int8 --scores --length-penalty 0.5",
        "score --src lines --tgt lines",
    )
    assert [line for line in err.splitlines() if line.startswith("loaded")] == ["loaded"] * 4
    assert "own engine" not in err
    assert len(out.splitlines()) == 4 * 3


@pytest.mark.usefixtures("trusted")
def test_of_a_package_no_torch_is_loaded_either(nmt: Nmt, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert nmt("package", str(RUN), "-o", "mini.nmt", "--for", "nmt")[0] == 0
    out, err = in_a_process("translate --run mini.nmt")
    assert err.splitlines()[-1] == "loaded" and len(out.splitlines()) == 3


@pytest.mark.usefixtures("trusted")
def test_our_own_engine_is_loaded_for_a_phrase_that_is_lacking() -> None:
    out, err = in_a_process("translate --format jsonl --include tomate")
    assert err.splitlines()[-1] == "loaded torch"
    found = [json.loads(line) for line in out.splitlines()]
    assert all("tomate" in t["translation"] for t in found if t["source"])


@pytest.mark.usefixtures("trusted")
def test_without_torch_a_phrase_that_is_lacking_is_flagged() -> None:
    out, err = in_a_process("translate --format jsonl --include tomate", without="torch")
    assert "PyTorch is not installed: what must be in a translation cannot be searched for." in err
    found = [json.loads(line) for line in out.splitlines()]
    assert ["missing_phrase" in t["flags"] for t in found] == [True, False, True]


@pytest.mark.usefixtures("trusted")
def test_engines_write_the_same_scores(nmt: Nmt) -> None:
    """Of given text; what they find of a model that knows nothing may differ."""
    for name in ("src", "tgt"):
        Path(name).write_text("The cat sleeps.\n\nA dog.\nUne tomate 🙂 北京\n")
    rows = {}
    for engine in ("nmt", "ctranslate2", "auto"):
        code, out, _ = nmt("score", "--src", "src", "--tgt", "tgt", "--engine", engine)
        assert code == 0
        rows[engine] = [float(value) for value in out.split()]
    assert rows["auto"] == rows["ctranslate2"] == pytest.approx(rows["nmt"], abs=1e-3)


@pytest.mark.usefixtures("trusted")
def test_auto_says_why_it_is_not_ctranslate2(nmt: Nmt) -> None:
    def why(*args: str) -> str:
        code, _, err = nmt("translate", "--run", str(RUN), *args, stdin=b"A dog.\n")
        assert code == 0, err
        return "".join(line for line in err.splitlines(keepends=True) if "engine" in line)

    assert why() == why("--engine", "nmt") == why("--engine", "ctranslate2") == ""
    mine = "Translating with our own engine: "
    assert why("--sample") == f"{mine}CTranslate2 cannot do: sampling.\n"
    assert why("--precision", "bf16") == f"{mine}CTranslate2 cannot do: bf16.\n"
    best = json.loads(ORIGIN.read_text())["checkpoint"]
    other = next(path.name for path in (RUN / "checkpoints").iterdir() if path.name not in (best, "average"))
    renew = f"nmt export --run {RUN}"
    stale = f"{mine}{RUN}/ctranslate2 was exported from {best}, which is not {other}; {renew}.\n"
    assert why("--checkpoint", other) == stale
    measured(40.0, 40.0 - MOST_APART - 0.01)
    assert why() == f"{mine}CTranslate2 scores 39.89 BLEU where our own engine scores 40.00.\n"
    measured(40.0, 40.0)
    model = RUN / "ctranslate2" / "model.bin"
    model.write_bytes(model.read_bytes()[:-1] + b"?")
    assert why() == f"{mine}{model} is damaged: its checksum is not the one written with it.\n"
    ORIGIN.write_text("{}")
    assert why() == f"{mine}{RUN}/ctranslate2 is damaged, or by an older nmt; {renew}.\n"
    shutil.rmtree(RUN / "ctranslate2")
    assert why() == f"{mine}there is no export for CTranslate2; {renew}.\n"


@pytest.mark.usefixtures("trusted")
def test_weights_stored_in_fewer_bits_are_used_where_they_are_asked_for(nmt: Nmt) -> None:
    assert nmt("export", "--quantization", "int8")[0] == 0
    command = "evaluate", "--run", str(RUN), "--test", "valid", "--json"

    def engine(*args: str) -> tuple[str, str]:
        _, out, err = nmt(*command, *args)
        return json.loads(out)["valid"]["output"]["engine"], err

    name, err = engine()
    assert name == "nmt fp32" and f"{RUN}/ctranslate2 is stored in int8; to use it: --engine ctranslate2." in err
    assert engine("--engine", "ctranslate2")[0] == engine("--compute", "int8")[0] == "ctranslate2 int8"


@pytest.mark.usefixtures("trusted")
def test_every_score_says_its_engine(nmt: Nmt) -> None:
    _, out, _ = nmt("evaluate")
    assert "ctranslate2 float32" in out
    details = json.loads((RUN / "evaluation" / "results.json").read_text())["details"]
    assert [test["engine"] for test in details.values()] == ["ctranslate2 float32"]
    _, out, _ = nmt("evaluate", "--engine", "nmt", "--json")
    assert json.loads(out)["first"]["output"]["engine"] == "nmt fp32"
    assert json.loads((RUN / "evaluation" / "results.json").read_text())["details"]["first"]["engine"] == "nmt fp32"


@pytest.mark.usefixtures("project")
def test_an_export_that_fails_is_a_warning(nmt: Nmt) -> None:
    shutil.rmtree(RUN / "ctranslate2")
    (RUN / "ctranslate2").mkdir()
    (RUN / "ctranslate2" / "mine.txt").write_text("mine")
    code, _, err = nmt("train", "mini.yaml")
    assert code == 0
    said = f"{RUN} was not exported for CTranslate2, and translates with our own engine: "
    assert f"{said}{RUN}/ctranslate2 holds what nmt did not write (mine.txt); it is left as it is." in err
    assert (RUN / "ctranslate2" / "mine.txt").read_text() == "mine"


@pytest.mark.usefixtures("project")
def test_training_exports_what_is_not_exported_yet(nmt: Nmt) -> None:
    before = ORIGIN.stat().st_mtime_ns
    code, _, err = nmt("train", "mini.yaml")
    assert code == 0 and "Exported" not in err and ORIGIN.stat().st_mtime_ns == before
    shutil.rmtree(RUN / "ctranslate2")
    code, _, err = nmt("train", "mini.yaml")
    assert code == 0 and f"Exported for CTranslate2: {RUN}/ctranslate2. " in err


def test_what_does_not_go_with_an_engine_is_told(project: Path, nmt: Nmt) -> None:
    code, _, err = nmt("translate", "--engine", "nmt", "--compute", "int8", stdin=b"A dog.\n")
    assert code == 2 and "`--compute` is for CTranslate2." in err
    code, _, err = nmt("translate", "--engine", "ctranslate2", "--precision", "bf16", stdin=b"A dog.\n")
    assert code == 2 and "CTranslate2 cannot do: bf16." in err
    code, _, err = nmt("translate", "--engine", "ctranslate2", "--run", str(RUN), "--run", str(RUN), stdin=b"A dog.\n")
    assert code == 2 and "CTranslate2 translates with one run." in err
