"""The report of a run: whole HTML of one file, whatever stands in the data."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest

from nmt.errors import RunError
from nmt.evaluate.page import Html, escape, marked, table
from nmt.evaluate.report import build_report, write_report
from tests.conftest import Nmt

HOSTILE = "</dd></pre><script>alert(1)</script><img src=x onerror=alert(2)>&amp;\x00\x07\u2028\ud7ff"
VOID = {"meta"}


class Page(HTMLParser):
    """Checks that tags are closed in order; collects what the tests ask about."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            assert not name.startswith("on")
            if name in ("href", "src", "xlink:href", "action"):
                self.links.append(value or "")
            if name == "id":
                self.ids.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def run(project: Path) -> Path:
    """A run that was evaluated, by the look of it: its references pass for its translations, all but one."""
    run = Path("runs/mini")
    kept = run / "evaluation"
    kept.mkdir(exist_ok=True)
    for kind, lang in (("src", "en"), ("ref", "fr"), ("hyp", "fr")):
        shutil.copy(project / f"text/test.{lang}", kept / f"first.{kind}.txt")
    hyps = (kept / "first.hyp.txt").read_text(encoding="utf-8").split("\n")
    (kept / "first.hyp.txt").write_text("\n".join(["Rien du tout.", *hyps[1:]]), encoding="utf-8")
    scores = {"bleu": {"score": 91.234, "interval": 2.5, "signature": "nrefs:1|tok:13a"}}
    details = {
        "sentences": 20,
        "seconds": 2.0,
        "checkpoint": "step-9",
        "decode": {"beam_size": 4},
        "flags": {"empty": 7},
    }
    results = {"scores": {"first": scores}, "details": {"first": details}}
    (kept / "results.json").write_text(json.dumps(results), encoding="utf-8")
    variants = [{"name": n, "changed": 3, "bleu": 50.0, "chrf": 60.0, "bleu_loss": 1.25} for n in ("clean", "typos")]
    (kept / "first.robustness.json").write_text(json.dumps({"variants": variants}), encoding="utf-8")
    return run


def test_the_report_shows_what_there_is(run: Path) -> None:
    text = build_report(run, [(["▁A", "▁dog"], ["▁Un"], [[0.5, 0.5]])])
    page = Page(text)
    for heading in ("Scores", "Learning curves", "Length", "Weak spots", "Robustness", "Samples", "Worst sentences",
                    "Attention", "Data", "Recipe", "Fingerprints and versions"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in text
    for said in ("91.2 ± 2.5", "nrefs:1|tok:13a", "step-9, beam 4", "10.0", "after step", "Rien du tout", "max_steps",
                 "in training", "typos", "-1.2", "▁dog", "sha256 of train.en"):  # fmt: skip
        assert said in page.text, said
    assert "svg" in page.tags and "script" not in page.tags
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)
    assert not re.search(r"url\((?!#)|@import", text)


def test_of_several_references_the_first_is_shown(run: Path) -> None:
    kept = run / "evaluation"
    (kept / "first.ref.1.txt").write_text("Rien du tout.\n" + "\n" * 19, encoding="utf-8")
    text = Page(build_report(run, [])).text
    assert (kept / "first.ref.txt").read_text(encoding="utf-8").split("\n")[0] in text
    assert "line 1 · chrF 100" in text  # by the other


def test_the_same_run_gives_the_same_bytes(run: Path) -> None:
    assert write_report(run) == run / "report.html"
    first = (run / "report.html").read_bytes()
    write_report(run)
    assert (run / "report.html").read_bytes() == first
    assert not list(run.glob("*.tmp"))


def test_hostile_text_does_not_break_the_page(run: Path) -> None:
    kept = run / "evaluation"
    for kind in ("src", "hyp", "ref"):
        (kept / f"first.{kind}.txt").write_text(f"{HOSTILE} {kind}\n", encoding="utf-8", errors="replace")
    with open(run / "log.jsonl", "a", encoding="utf-8") as log:
        sample = {"source": HOSTILE, "hypothesis": HOSTILE, "reference": "</svg>"}
        records = [
            {"event": "samples", "step": 9, "samples": [sample, 3, {"source": 1}]}, {"event": "samples", "samples": 3},
            {"event": "start", "step": 0, "nmt": "<script>x</script>"}, {"event": "step", "step": "<b>", "nll": "<b>"},
            {"event": "step", "step": 9, "nll": float("nan")},
        ]  # fmt: skip
        log.write("".join(json.dumps(r) + "\n" for r in records))
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    manifest["audit"]["splits"]["train"]["found"]["<b>bad"] = {"count": 1, "first": "<script>.en:1"}
    manifest["audit"]["warnings"] = ["<script>"]
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    results = {"scores": {"<script>": {"<i>": {"score": 1, "signature": "<script>"}}}, "details": {}}
    (kept / "results.json").write_text(json.dumps(results), encoding="utf-8")
    text = build_report(run, [(["<script>"], ["</svg>"], [[1.0]])])
    page = Page(text)
    assert not {"script", "img", "i"} & page.tags
    assert "<script" not in text and "\x00" not in text and "\x07" not in text
    assert "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;��" in page.text


def test_what_was_not_measured_is_said_with_how_to_measure_it(project: Path) -> None:
    shutil.rmtree(project / "data")
    page = Page(build_report(Path("runs/mini")))
    assert "Not evaluated yet. Run: nmt evaluate --run runs/mini" in page.text
    assert "Not measured yet. Run: nmt evaluate --run runs/mini --robustness" in page.text


def test_without_prepared_data_the_rest_is_shown(run: Path) -> None:
    shutil.rmtree("data")
    page = Page(build_report(run))
    assert "What was seen in training is not told: no prepared data in data/prepared/mini." in page.text
    assert "Rien du tout" in page.text


@pytest.mark.parametrize("text", ["{", "[]", '{"scores": {"first": {"bleu": {}}}}', '{"scores": {"first": 3}}'])
def test_a_damaged_file_leaves_the_other_sections(run: Path, text: str) -> None:
    (run / "evaluation/results.json").write_text(text, encoding="utf-8")
    (run / "evaluation/first.robustness.json").write_text('{"variants": [{"name": "x"}]}', encoding="utf-8")
    page = Page(build_report(run))
    assert "Rien du tout" in page.text


def test_the_command_says_where_the_report_is(run: Path, nmt: Nmt) -> None:
    code, out, _ = nmt("report", "runs/mini")
    assert (code, out) == (0, "runs/mini/report.html\n")
    code, out, err = nmt("report", "text")
    assert (code, out) == (2, "") and "text is not a run folder" in err


def test_a_folder_that_cannot_be_written(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (run / "report.html").mkdir()
    with pytest.raises(RunError, match=r"report\.html cannot be written"):
        write_report(run)


# --- the pieces ------------------------------------------------------------------------------------------------------


def test_everything_but_markup_is_escaped() -> None:
    assert escape('<a href="x">&') == "&lt;a href=&quot;x&quot;&gt;&amp;"
    assert escape(Html("<b>")) == "<b>"
    assert escape("a\x00\x1b\x85\ufffeb\tc") == "a����b\tc"


def test_differences_are_struck_out_and_underlined() -> None:
    assert marked("Un chien <noir>.", "Un chat <noir>.").markup == ("Un <del>chien</del> <ins>chat</ins> &lt;noir&gt;.")

    assert marked("Un chien.", "Un chat.", with_missing=False).markup == "Un <ins>chat</ins>."


def test_columns_of_numbers_stand_to_the_right() -> None:
    markup = table(["what", "n"], [["a", "1,000"], ["b", "-2.5"]]).markup
    assert markup.count('class="n"') == 3 and '<th class="n">n</th>' in markup
    assert 'class="n"' not in table(["n", "text"], [["1", "a"]]).markup
