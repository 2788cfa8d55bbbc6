"""What the run folders say of their trainings."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.run.overview import COLUMNS, age, list_runs, read_run, sparkline


@pytest.fixture
def run(project: Path) -> Path:
    return project / "runs/mini"


def test_a_run_in_a_line(run: Path, nmt) -> None:  # type: ignore[no-untyped-def]
    assert nmt("evaluate")[0] == 0
    found = read_run(run)
    row = dict(zip(COLUMNS, found.row(found.trained + 7200), strict=True))
    bleu = json.loads((run / "evaluation/results.json").read_text())["scores"]["first"]["bleu"]["score"]
    assert row["run"] == "mini"
    assert row["pair"] == "en-fr"
    assert row["steps"] == "8"
    assert row["tests (BLEU)"] == f"first {bleu:.1f}"
    assert row["trained"] == "2 hours ago"
    assert re.fullmatch(r"BLEU [\d.]+", row["valid"])
    assert int(row["MB"]) == round(sum(p.stat().st_size for p in run.rglob("*") if p.is_file()) / 1e6)


def test_the_details_of_a_run(run: Path) -> None:
    details = dict(read_run(run).details())
    assert re.fullmatch(r"train \d+, valid 20, first 20", details["pairs"])
    assert details["trained"].startswith("8 steps in ")
    assert details["best checkpoint"].startswith("step-0000000")
    assert "threads 1" in details["made with"]
    assert set(details["validation loss"].split()[0]) <= set("▁▂▃▄▅▆▇█")


def test_runs_are_listed_newest_first_without_damaged_ones(run: Path, nmt) -> None:  # type: ignore[no-untyped-def]
    shutil.copytree(run, run.with_name("older"), copy_function=shutil.copy)
    shutil.copytree(run, run.with_name("broken"))
    (run.with_name("broken") / "recipe.yaml").write_text("name: [")
    found = [r.path.name for r in list_runs(run.parent)]
    assert sorted(found) == ["mini", "older"]
    code, out, _ = nmt("runs")
    assert code == 0
    assert [line.split("\t")[0] for line in out.splitlines()] == ["run", *found]
    code, out, _ = nmt("show", "runs/older")
    assert code == 0
    assert "older" not in out
    assert "best checkpoint" in out


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="there is no run in "):
        list_runs(tmp_path)
    with pytest.raises(RunError, match="is not a run folder"):
        read_run(tmp_path)


def test_a_curve_in_a_line() -> None:
    assert sparkline([1, 2, 3, 8]) == "▁▂▃█"
    assert sparkline([5, 5]) == "▁▁"
    assert len(sparkline(list(range(1000)), 30)) == 30
    assert sparkline(list(range(1000)), 30)[-1] == "█"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (200_000, "2 days ago")],
)
def test_ages(seconds: float, said: str) -> None:
    assert age(seconds) == said


def test_values_of_wrong_types_take_nothing_down(run: Path, nmt) -> None:  # type: ignore[no-untyped-def]
    log = run / "log.jsonl"
    good = log.read_text(encoding="utf-8")
    bad = [
        '{"event": "valid", "step": "x", "bleu": 1}',
        '{"event": 3, "step": 1}',
        '{"event": "valid", "step": 9, "bleu": "y"}',
        "[" * 10_000,
    ]
    log.write_text(good + "\n".join(bad) + "\n", encoding="utf-8")
    (run / "evaluation").mkdir(exist_ok=True)
    (run / "evaluation/results.json").write_text('{"scores": {"first": {"bleu": {"score": "12"}}}}', encoding="utf-8")
    code, out, err = nmt("show", str(run))
    assert code == 0
    assert "best checkpoint" in out
    assert "results.json: `scores.first.bleu.score` must be a number, but is '12'." in err
    assert nmt("runs")[0] == 0
    code, _, err = nmt("train", "mini.yaml", "train.max_steps=10")
    assert code == 0, err
    kept = log.read_text(encoding="utf-8")
    assert '"x"' not in kept
    assert kept.startswith(good.splitlines()[0])


def test_verify_opens_with_a_verdict(run: Path, nmt) -> None:  # type: ignore[no-untyped-def]
    code, out, _ = nmt("verify", str(run))
    assert code == 0
    assert re.fullmatch(
        r"runs/mini: everything matches \(\d+ checks\)\.\n", out.removeprefix(str(run.parent.parent) + "/")
    )
    assert len(nmt("verify", str(run), "--all")[1].splitlines()) > 10
    (run / "recipe.yaml").write_text((run / "recipe.yaml").read_text().replace("seed: 1", "seed: 2"))
    code, out, _ = nmt("verify", str(run))
    assert code == 1
    assert "1 of " in out.splitlines()[0]
    assert "FAILED: what differs is listed below." in out.splitlines()[0]
    assert "recipe.yaml" in out
