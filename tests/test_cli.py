"""The commands as a user types them: what they do, and what they say to wrong input."""

from __future__ import annotations

import io
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nmt import cli

RECIPE = """
name: mini
data:
  source_lang: en
  target_lang: fr
  root: text
  train: {source: train.en, target: train.fr}
  valid: {source: valid.en, target: valid.fr}
  test:
    first: {source: test.en, target: test.fr}
tokenizer: {vocab_size: 400}
model: {d_model: 32, d_ff: 64, num_heads: 2, num_encoder_layers: 1, num_decoder_layers: 1}
train:
  {batch_tokens: 500, learning_rate: 5e-3, warmup_steps: 10, max_steps: 8, eval_every: 4, average_best: 0, threads: 1}
decode: {beam_size: 2}
"""


def nmt(capsys, *args, stdin=b""):
    """Run a command in this process; gives exit code, stdout, stderr."""
    patch = pytest.MonkeyPatch()
    patch.setattr(sys, "argv", ["nmt", *args])
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
    cli.console.stderr.cache_clear()
    capsys.readouterr()
    try:
        with pytest.raises(SystemExit) as stop:
            cli.main()
    finally:
        patch.undo()
    out, err = capsys.readouterr()
    return stop.value.code or 0, out, err


@pytest.fixture(scope="module")
def trained(tmp_path_factory, demo_data):
    """A folder with a recipe, its text, and a run trained for a few steps; copied by each test that changes it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "mini.yaml").write_text(RECIPE, encoding="utf-8")
    (folder / "text").mkdir()
    for split, lines in (("train", 300), ("valid", 20), ("test", 20)):
        for lang in ("en", "fr"):
            text = (demo_data / f"{split}.{lang}").read_text(encoding="utf-8").split("\n")[:lines]
            (folder / "text" / f"{split}.{lang}").write_text("".join(line + "\n" for line in text), encoding="utf-8")
    subprocess.run(
        [sys.executable, "-c", "from nmt.cli import main; main()", "train", "mini.yaml"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def project(trained, tmp_path, monkeypatch):
    folder = tmp_path / "project"
    shutil.copytree(trained, folder)
    monkeypatch.chdir(folder)
    return folder


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['nmt', '--help']\n"
        "from nmt.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sentencepiece', 'sacrebleu', 'datasets', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


@pytest.mark.parametrize("command", [[], ["prepare"], ["train"], ["translate"], ["evaluate"]])
def test_every_command_explains_itself_with_an_example(capsys, command):
    code, out, _ = nmt(capsys, *command, "--help")
    assert code == 0
    assert "nmt" in out
    assert not command or "Example" in out


def test_version(capsys):
    code, out, _ = nmt(capsys, "--version")
    assert (code, out) == (0, f"nmt {cli.__version__}\n")


def test_prepare_again_says_it_is_done(project, capsys):
    code, out, err = nmt(capsys, "prepare", "mini.yaml")
    assert (code, out) == (0, "")
    assert "is prepared already" in err


def test_train_goes_on_and_fresh_keeps_the_old_run(project, capsys):
    code, _, err = nmt(capsys, "train", "mini.yaml", "train.max_steps=10")
    assert code == 0
    assert "Resuming runs/mini after step 8" in err
    code, _, err = nmt(capsys, "train", "mini.yaml", "--fresh", "train.max_steps=2")
    assert code == 0
    assert "The old run is kept as runs/mini.1" in err
    assert (project / "runs/mini.1/checkpoints/step-00000010").is_dir()


def test_dry_run_shows_the_resolved_recipe_and_costs_and_trains_nothing(project, capsys):
    shutil.rmtree("runs")
    code, out, err = nmt(capsys, "train", "mini.yaml", "--dry-run", "train.learning_rate=1e-3")
    assert code == 0
    assert "learning_rate: 0.001" in out
    assert "label_smoothing: 0.1" in out
    for what in ("parameters", "steps an epoch", "memory"):
        assert what in err
    assert not Path("runs").exists()


def test_without_a_recipe_the_demo_is_taken_and_said(project, capsys):
    code, _, err = nmt(capsys, "prepare")
    assert code == 2
    assert "no recipe was given, and there is no recipes/demo.yaml here" in err
    Path("recipes").mkdir()
    shutil.copy("mini.yaml", "recipes/demo.yaml")
    code, _, err = nmt(capsys, "prepare")
    assert code == 0
    assert "No recipe given: taking the demo, recipes/demo.yaml" in err


def test_translate_is_line_by_line_with_stdout_pure(project, capsysbinary):
    text = "The cat sleeps.\n\n  \nשלום 🙂\x00\u2028!\n".encode() + b"word " * 3000 + b"\nlast"
    patch = pytest.MonkeyPatch()
    patch.setattr(sys, "argv", ["nmt", "translate"])
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text)))
    with pytest.raises(SystemExit):
        cli.main()
    patch.undo()
    out, _ = capsysbinary.readouterr()
    lines = out.decode().split("\n")
    assert len(lines) == 7
    assert lines[6] == ""
    assert lines[1] == lines[2] == ""


def test_translate_says_which_run_it_took_and_warns_of_long_lines(project, capsys):
    code, _, err = nmt(capsys, "translate", stdin=b"word " * 1000 + b"\n")
    assert code == 0
    assert "Using runs/mini (step-0000000" in err
    assert "line 1 is very long; it was translated in " in err


def test_empty_input_gives_empty_output(project, capsys):
    assert nmt(capsys, "translate", stdin=b"")[:2] == (0, "")


def test_translate_files_and_formats(project, capsys):
    Path("in.txt").write_text("The cat sleeps.\nA dog.\n")
    assert nmt(capsys, "translate", "-i", "in.txt", "-o", "out.txt")[0] == 0
    assert len(Path("out.txt").read_text().splitlines()) == 2
    assert not Path("out.txt.partial").exists()
    _, out, _ = nmt(capsys, "translate", "-i", "in.txt", "--format", "jsonl", "--n-best", "2")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [len(r["hypotheses"]) for r in rows] == [2, 2]
    _, out, _ = nmt(capsys, "translate", "-i", "in.txt", "--scores", "--beam-size", "1")
    assert all(float(line.split("\t")[0]) < 0 for line in out.splitlines())


def test_evaluate_agrees_with_itself_and_the_run_can_move(project, capsys):
    code, out, _ = nmt(capsys, "evaluate", "--json")
    assert code == 0
    scores = json.loads(out)["first"]
    assert set(scores) >= {"bleu", "chrf", "chrf++", "ter"}
    assert "version" in scores["bleu"]["signature"]
    kept = project / "runs/mini/evaluation"
    code, out, _ = nmt(capsys, "evaluate", "--hyp", str(kept / "first.hyp.txt"), "--ref", "text/test.fr", "--json")
    assert next(iter(json.loads(out).values()))["bleu"]["score"] == scores["bleu"]["score"]
    code, out, _ = nmt(capsys, "evaluate", "--test", "valid", "--json")
    best = json.loads(out)["valid"]["bleu"]["score"]
    logged = [json.loads(line) for line in Path("runs/mini/log.jsonl").read_text().splitlines()]
    assert best == pytest.approx(max(r["bleu"] for r in logged if r["event"] == "valid"), abs=1e-3)
    shutil.move("runs/mini", "elsewhere")
    assert nmt(capsys, "translate", "--run", "elsewhere", stdin=b"A dog.\n")[0] == 0


WRONG = {
    "missing recipe": (["train", "no.yaml"], None, "there is no recipe no.yaml"),
    "unknown key": (
        ["train", "mini.yaml", "train.warmup_step=3"],
        None,
        "`train.warmup_step` is not a known key; did you mean `train.warmup_steps`?",
    ),
    "wrong type": (["train", "mini.yaml", "train.learning_rate=fast"], None, "`train.learning_rate` must be"),
    "impossible combination": (
        ["train", "mini.yaml", "model.num_heads=3"],
        None,
        "`num_heads` (3) must divide `d_model` (32)",
    ),
    "override without value": (["train", "mini.yaml", "x"], None, "override 'x' must look like"),
    "recipe changed after preparing": (
        ["train", "mini.yaml", "tokenizer.vocab_size=350"],
        None,
        "was prepared with `tokenizer.vocab_size: 400`, but the recipe says 350",
    ),
    "recipe changed after training": (
        ["train", "mini.yaml", "model.d_ff=32"],
        None,
        "was begun with `model.d_ff: 64`, but the recipe says 32",
    ),
    "missing file": (
        ["prepare", "mini.yaml", "--force"],
        lambda: Path("text/train.fr").unlink(),
        "train.fr",
    ),
    "unequal lines": (
        ["prepare", "mini.yaml", "--force"],
        lambda: Path("text/train.fr").write_text(Path("text/train.fr").read_text().split("\n", 1)[1]),
        "train.fr has 299 lines, but train.en has 300",
    ),
    "bad UTF-8": (
        ["prepare", "mini.yaml", "--force"],
        lambda: Path("text/train.fr").write_bytes(b"ab\xff\n" * 300),
        "train.fr:1",
    ),
    "no run yet": (["translate"], lambda: shutil.rmtree("runs"), "there is no trained run in runs/ yet"),
    "not a run": (["translate", "--run", "text"], None, "text is not a run folder"),
    "unknown checkpoint": (["translate", "--checkpoint", "nine"], None, "has no checkpoint `nine`"),
    "broken checkpoint": (
        ["translate", "--checkpoint", "step-00000008"],
        lambda: Path("runs/mini/checkpoints/step-00000008/model.safetensors").write_bytes(b"no"),
        "model.safetensors is damaged",
    ),
    "missing input": (["translate", "-i", "no.txt"], None, "there is no input file no.txt"),
    "unknown test": (["evaluate", "--test", "second"], None, "first"),
    "hyp without ref": (["evaluate", "--hyp", "text/test.fr"], None, "`--hyp` and `--ref` go together"),
    "unequal hyp and ref": (["evaluate", "--hyp", "text/test.fr", "--ref", "text/train.fr"], None, "300"),
    "unknown option": (["translate", "--beem", "3"], None, "No such option"),
    "wrong option value": (["translate", "--beam-size", "0"], None, "beam-size"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_input_is_told_and_exits_with_2_and_changes_nothing(project, capsys, case):
    args, change, message = WRONG[case]
    if change:
        change()
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    code, out, err = nmt(capsys, *args)
    assert message in err.replace("\n", " ").replace("  ", " ") or message in err
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    after = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    assert {p: c for p, c in after.items() if p.name != "lock"} == {p: c for p, c in before.items() if p.name != "lock"}


def test_invalid_utf8_on_stdin_is_named(project, capsys):
    code, _, err = nmt(capsys, "translate", stdin=b"fine\nb\xe9\n")
    assert code == 2
    assert "<stdin>:2 is not valid UTF-8 (byte 2 of the line)" in err


def test_a_closed_pipe_is_no_error(project):
    command = f"yes 'A dog.' | head -300 | {sys.executable} -c 'from nmt.cli import main; main()' translate | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=120)
    assert done.stdout.count(b"\n") == 1
    assert b"Traceback" not in done.stderr
    assert b"Exception ignored" not in done.stderr


def test_ctrl_c_while_waiting_for_input_ends_quietly(project):
    """What was answered is complete; the exit code is the shell's for Ctrl-C."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from nmt.cli import main; main()", "translate"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(b"A dog.\n")
    process.stdin.flush()
    assert process.stdout.readline().endswith(b"\n")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert b"Fatal" not in process.stderr.read()


def test_an_unexpected_failure_says_so_and_exits_with_1(project, capsys, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("nmt.data.prepare.prepare", fail)
    code, _, err = nmt(capsys, "prepare", "mini.yaml")
    assert code == 1
    assert "nmt failed: ZeroDivisionError: oh" in err
    assert "Traceback" not in err
