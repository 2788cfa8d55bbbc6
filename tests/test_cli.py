"""The commands as a user types them. What they say to wrong input is in the tables of test_bad_input and _text."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nmt.version import VERSION


def test_help_is_quick_and_imports_nothing_heavy():
    code = (
        "import sys; sys.argv = ['nmt', '--help']\n"
        "from nmt.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sentencepiece', 'sacrebleu', 'datasets', 'numpy', 'pandas', 'safetensors'}\n"
        "heavy &= set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_python_runs_it_too():
    done = subprocess.run([sys.executable, "-m", "nmt", "--version"], check=True, capture_output=True, text=True)
    assert done.stdout.startswith("nmt ")


def test_version(nmt):
    code, out, _ = nmt("--version")
    assert (code, out) == (0, f"nmt {VERSION}\n")


def test_prepare_again_says_it_is_done(project, nmt):
    code, out, err = nmt("prepare", "mini.yaml")
    assert (code, out) == (0, "")
    assert "is prepared already" in err


def test_train_goes_on_and_fresh_keeps_the_old_run(project, nmt):
    code, _, err = nmt("train", "mini.yaml", "train.max_steps=10")
    assert code == 0
    assert "Resuming runs/mini after step 8" in err
    code, _, err = nmt("train", "mini.yaml", "--fresh", "train.max_steps=2")
    assert code == 0
    assert "The old run is kept as runs/mini.1" in err
    assert (project / "runs/mini.1/checkpoints/step-00000010").is_dir()


def test_dry_run_shows_the_resolved_recipe_and_costs_and_trains_nothing(project, nmt):
    shutil.rmtree("runs")
    code, out, err = nmt("train", "mini.yaml", "--dry-run", "train.learning_rate=1e-3")
    assert code == 0
    assert "learning_rate: 0.001" in out
    assert "label_smoothing: 0.1" in out
    for what in ("parameters", "steps an epoch", "memory"):
        assert what in err
    assert not Path("runs").exists()


def test_dry_run_before_preparing_counts_and_estimates(project, nmt):
    shutil.rmtree("runs")
    shutil.rmtree("data/prepared")
    keys = ("tokenizer.vocab_size=auto", "train.warmup_steps=auto")
    code, out, err = nmt("train", "mini.yaml", "--dry-run", *keys)
    assert code == 0, err
    assert "Not prepared yet: nmt prepare mini.yaml\n" in err
    assert re.search(r"training pairs +300, before filters", err)
    for what in (r"steps an epoch +about \d+", r"steps in all +about 8", r"parameters +\d", "memory"):
        assert re.search(what, err), what
    assert "vocab_size: auto" not in out
    assert "warmup_steps: 1\n" in out
    assert not any(Path("data").rglob("*.u16"))
    Path("text/train.en").unlink()
    code, out, err = nmt("train", "mini.yaml", "--dry-run", *keys)
    assert code == 0, err
    assert "not here yet: `nmt prepare` gets it, or says what is missing" in err
    assert "warmup_steps: auto" in out


def test_what_is_to_be_prepared_again_is_named(project, nmt):
    Path("data/prepared/mini/train.en.u16").write_bytes(b"")
    code, _, err = nmt("train", "mini.yaml", "--dry-run")
    assert code == 2
    assert "RECIPE" not in err
    assert "nmt prepare mini.yaml --force" in err


def test_a_recipe_without_a_length_prepares_but_does_not_train(project, nmt):
    text = Path("mini.yaml").read_text(encoding="utf-8").replace("max_steps: 8, ", "")
    Path("own.yaml").write_text(text.replace("name: mini", "name: été"), encoding="utf-8")
    code, _, err = nmt("prepare", "own.yaml")
    assert code == 0, err
    assert Path("data/prepared/été/manifest.json").exists()
    code, _, err = nmt("train", "own.yaml")
    assert code == 2
    assert err == (
        "✗ own.yaml does not say how long to train: `train` has no limit.\n"
        "  Give one, for example train: {max_minutes: 60}; or `max_steps`, `max_epochs` or `patience`.\n"
    )


def test_your_own_text_from_files_to_a_translation(project, nmt):
    """In a folder of one's own: a recipe is written, and what it does not say is derived."""
    shutil.rmtree("runs")
    shutil.rmtree("data")
    code, out, err = nmt("init", "text/train.en", "text/train.fr", "--output", "own.yaml")
    assert (code, out) == (0, ""), err
    assert "300 pairs. The first:\n  en  " in err
    assert "Wrote own.yaml: 15 pairs held out for validation and as many for a test, an hour of training." in err
    assert "nmt train own.yaml --dry-run" in err
    code, _, err = nmt("train", "own.yaml", "train.max_minutes=null", "train.max_steps=3", "train.threads=1")
    assert code == 0, err
    assert "model.preset tiny" in err
    code, out, err = nmt("translate", stdin=b"The cat sleeps.\n")
    assert code == 0, err
    assert out.count("\n") == 1
    assert nmt("evaluate")[0] == 0


def test_init_overwrites_nothing_and_says_what_it_wants(project, nmt):
    before = Path("mini.yaml").read_bytes()
    code, _, err = nmt("init", "text/train.en", "text/train.fr", "-o", "mini.yaml")
    assert code == 2
    assert "✗ mini.yaml exists already; it is left as it is." in err
    assert Path("mini.yaml").read_bytes() == before
    code, _, err = nmt("init")
    assert code == 2
    assert "Give two text files, line n of one translating line n of the other: nmt init train.en train.fr" in err


def test_without_a_recipe_the_demo_is_taken_and_said(project, nmt):
    code, _, err = nmt("prepare")
    assert code == 2
    assert "no recipe was given, and there is no recipes/demo.yaml here" in err
    Path("recipes").mkdir()
    shutil.copy("mini.yaml", "recipes/demo.yaml")
    code, _, err = nmt("prepare")
    assert code == 0
    assert "No recipe given: taking the demo, recipes/demo.yaml" in err


def test_translate_is_line_by_line_with_stdout_pure(project, nmt):
    text = "The cat sleeps.\n\n  \nשלום 🙂\x00\u2028!\n".encode() + b"word " * 3000 + b"\nlast"
    code, out, _ = nmt("translate", stdin=text)
    lines = out.split("\n")
    assert code == 0
    assert len(lines) == 7
    assert lines[6] == ""
    assert lines[1] == lines[2] == ""


def test_translate_says_which_run_it_took_and_warns_of_long_lines(project, nmt):
    code, _, err = nmt("translate", stdin=b"word " * 1000 + b"\n")
    assert code == 0
    assert "Using runs/mini (step-0000000" in err
    assert "line 1 is very long; it was translated in " in err


def test_empty_input_gives_empty_output(project, nmt):
    assert nmt("translate", stdin=b"")[:2] == (0, "")


def test_translate_files_and_formats(project, nmt):
    Path("in.txt").write_text("The cat sleeps.\nA dog.\n")
    assert nmt("translate", "-i", "in.txt", "-o", "out.txt")[0] == 0
    assert len(Path("out.txt").read_text().splitlines()) == 2
    assert not Path("out.txt.partial").exists()
    _, out, _ = nmt("translate", "-i", "in.txt", "--format", "jsonl", "--n-best", "2")
    rows = [json.loads(line) for line in out.splitlines()]
    assert [len(r["hypotheses"]) for r in rows] == [2, 2]
    _, out, _ = nmt("translate", "-i", "in.txt", "--scores", "--beam-size", "1")
    assert all(float(line.split("\t")[0]) < 0 for line in out.splitlines())


def test_export_and_translate_with_it(project, nmt):
    assert nmt("export")[0] == 0
    code, out, err = nmt("export", "--quantization", "int8")  # in its place
    assert (code, out) == (0, "")
    assert re.search(r"Written: runs/mini/ctranslate2\. \d+ of 20 sample lines are translated the same\.", err)
    code, out, _ = nmt("translate", "--engine", "ctranslate2", stdin=b"The cat sleeps.\n\nA dog.\n")
    assert code == 0
    assert out.count("\n") == 3
    assert out.split("\n")[1] == ""
    assert (project / "runs/mini/ctranslate2/model.bin").exists()
    best = json.loads((project / "runs/mini/ctranslate2/nmt.json").read_text())["checkpoint"]
    other = {"step-00000004": "step-00000008", "step-00000008": "step-00000004"}[best]
    code, _, err = nmt("translate", "--engine", "ctranslate2", "--checkpoint", other, stdin=b"A dog.\n")
    assert code == 0
    assert f"was exported from {best}, which is not {other}. To renew it: nmt export" in " ".join(err.split())


def test_compare_runs_and_files(project, nmt):
    shutil.copytree("runs/mini", "runs/other")
    assert nmt("evaluate", "--run", "runs/mini")[0] == 0
    assert nmt("evaluate", "--run", "runs/other", "--beam-size", "1")[0] == 0
    code, out, _ = nmt("compare", "runs/mini", "runs/other", "--show", "1")
    assert code == 0
    assert out.startswith("test set\tmetric\tsystem\tscore")
    assert re.search(r"^first other: \d+ sentences better, \d+ worse, \d+ alike \(chrF\)$", out, re.MULTILINE)
    assert len(re.findall(r"^first line \d+: ", out, re.MULTILINE)) == 1
    hyp = "runs/mini/evaluation/first.hyp.txt"
    code, out, _ = nmt("compare", hyp, "text/test.fr", "--ref", "text/test.fr", "--json")
    assert code == 0
    assert json.loads(out)[""]["metrics"]["bleu"]["test.fr"]["significant"] is True


def test_weak_spots_and_robustness_as_tables_and_as_json(project, nmt):
    code, out, err = nmt("evaluate", "--analyse", "--robustness", "--beam-size", "1")
    assert code == 0, err
    tables = [block.split("\n") for block in out.split("\n\n")]
    second = [table[0].split("\t")[1] for table in tables[:5]]
    assert second == ["metric", "lines", "source in", "by", "times in training"]
    assert all(len(line.split("\t")) == len(t[0].split("\t")) for t in tables[:5] for line in t if line)
    assert sum(block[0].startswith("first line ") for block in tables) == 10
    code, out, _ = nmt("evaluate", "--analyse", "--robustness", "--beam-size", "1", "--json")
    found = json.loads(out)["first"]
    assert code == 0 and len(found["analysis"]["worst"]) == 10
    assert [v["name"] for v in found["robustness"]["variants"]][:2] == ["clean", "upper case"]
    assert found["output"]["sentences"] == 20


def test_evaluate_agrees_with_itself_and_the_run_can_move(project, nmt):
    code, out, _ = nmt("evaluate", "--json")
    assert code == 0
    scores = json.loads(out)["first"]
    assert set(scores) >= {"bleu", "chrf", "chrf++", "ter"}
    assert "version" in scores["bleu"]["signature"]
    kept = project / "runs/mini/evaluation"
    code, out, _ = nmt("evaluate", "--hyp", str(kept / "first.hyp.txt"), "--ref", "text/test.fr", "--json")
    assert next(iter(json.loads(out).values()))["bleu"]["score"] == scores["bleu"]["score"]
    code, out, _ = nmt("evaluate", "--test", "valid", "--json")
    best = json.loads(out)["valid"]["bleu"]["score"]
    logged = [json.loads(line) for line in Path("runs/mini/log.jsonl").read_text().splitlines()]
    assert best == pytest.approx(max(r["bleu"] for r in logged if r["event"] == "valid"), abs=1e-3)
    shutil.move("runs/mini", "elsewhere")
    assert nmt("translate", "--run", "elsewhere", stdin=b"A dog.\n")[0] == 0


def test_a_closed_pipe_is_no_error(project):
    """With -i too, where the input was once blamed."""
    Path("many").write_text("A dog.\n" * 30)
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [sys.executable, "-c", "from nmt.cli import main; main()", "translate", "-i", "many"]
    done = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, timeout=120)
    os.close(write_end)
    assert (done.returncode, done.stderr.count(b"\n")) == (141, 1)  # it says which run it took


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
    said = process.stderr.read().decode().splitlines()
    assert said[-1] == "! Stopped."
    assert not any("Fatal" in line for line in said)


def test_at_a_terminal_there_is_a_prompt_and_each_line_gets_its_answer(project):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", "from nmt.cli import main; main()", "translate", "--beam-size", "1"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    said = b""
    for until, typed in ((b"> ", b"A dig\x7f\x7fog.\n"), (b"> ", b"\x04")):  # backspaces: readline edits
        at = len(said)
        while until not in said[at:]:
            said += os.read(ours, 4096)
        os.write(ours, typed)
    assert process.wait(timeout=60) == 0
    os.close(ours)
    text = said.decode(errors="replace").replace("\r\n", "\n")
    assert "Type a line and press Enter; Ctrl-D ends.\n" in text
    assert len(text.partition("og.\n")[2].splitlines()) >= 2  # the answer, and the next prompt
    assert " lines in " not in text


def test_an_unexpected_failure_says_so_and_exits_with_1(project, nmt, monkeypatch):
    def fail(*_, **__):
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("nmt.data.prepare.prepare", fail)
    code, _, err = nmt("prepare", "mini.yaml")
    assert code == 1
    assert "nmt failed: ZeroDivisionError: oh" in err
    assert "Traceback" not in err
