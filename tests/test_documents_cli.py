"""`nmt translate FILE... -o OUT` as people use it."""

from __future__ import annotations

import io
import json
from pathlib import Path

import docx
import pytest

from tests.documents import ANDROID, HTML, JSON, PO, SRT, XLIFF
from tests.documents import docx as docx_document

pytestmark = pytest.mark.usefixtures("project")


def test_a_word_document_is_translated_and_said_so(nmt) -> None:
    Path("report.docx").write_bytes(docx_document())
    code, out, err = nmt("translate", "report.docx", "-o", "report.fr.docx")
    assert (code, out) == (0, ""), err
    assert "report.fr.docx: 6 of 6 segments translated" in err
    old, new = (docx.Document(name) for name in ("report.docx", "report.fr.docx"))
    assert len(new.paragraphs) == len(old.paragraphs) and new.paragraphs[0].style.name == "Heading 1"
    assert new.paragraphs[0].text not in ("", "A heading")
    assert sorted(p.name for p in Path().glob("report*")) == ["report.docx", "report.fr.docx"]


def test_lines_as_a_document_are_translated_as_lines(nmt) -> None:
    lines = Path("text/test.en").read_text(encoding="utf-8")
    Path("a.txt").write_text(lines, encoding="utf-8")
    page = "".join(f"<p>{line}</p>\n" for line in lines.splitlines())
    Path("a.html").write_text(page, encoding="utf-8")
    Path("a.json").write_text(json.dumps(lines.splitlines()), encoding="utf-8")
    code, wanted, _ = nmt("translate", stdin=lines.encode())
    assert code == 0
    code, _, err = nmt("translate", "a.txt", "a.html", "a.json", "-o", "out/")
    assert code == 0, err
    assert Path("out/a.txt").read_text(encoding="utf-8") == wanted
    assert json.loads(Path("out/a.json").read_text(encoding="utf-8")) == wanted.splitlines()
    import html

    assert html.unescape(Path("out/a.html").read_text(encoding="utf-8")) == "".join(
        f"<p>{line}</p>\n" for line in wanted.splitlines()
    )


def test_tags_and_placeholders_are_all_there(nmt) -> None:
    Path("a.json").write_bytes(JSON)
    Path("a.xlf").write_bytes(XLIFF)
    code, _, err = nmt("translate", "a.json", "a.xlf", "-o", "out")
    assert code == 0, err
    found = json.loads(Path("out/a.json").read_text(encoding="utf-8"))
    assert found["menu"]["open"].count("{{name}}") == 1 and found["menu"]["open"].count("<b>") == 1
    assert found["key_other"].count("{{count}}") == 1
    new = Path("out/a.xlf").read_text(encoding="utf-8")
    for code_ in ('<g id="1">', '<x id="2"/>', '<bpt id="1">[b]</bpt>', '<ph id="3"/>'):
        assert new.count(code_) == 2


def test_a_folder_is_translated_with_what_is_in_it(nmt) -> None:
    Path("site/sub").mkdir(parents=True)
    Path("site/a.html").write_bytes(HTML)
    Path("site/sub/b.srt").write_bytes(SRT)
    Path("site/style.css").write_text("p {}")
    Path("site/empty.html").write_text("<p>12</p>")
    code, _, err = nmt("translate", "site", "-o", "site.fr")
    assert code == 0, err
    assert sorted(str(p.relative_to("site.fr")) for p in Path("site.fr").rglob("*.*")) == [
        "a.html", "empty.html", "sub/b.srt",
    ]  # fmt: skip
    assert "1 other file in site left out" in err
    assert "site/empty.html has nothing to translate; site.fr/empty.html is the same" in err
    assert Path("site.fr/empty.html").read_text() == "<p>12</p>"


def test_translations_of_messages_are_marked_and_that_is_said(nmt) -> None:
    Path("a.po").write_bytes(PO)
    code, _, err = nmt("translate", "a.po", "-o", "fr.po")
    assert code == 0, err
    assert "marked `fuzzy`" in err and Path("fr.po").read_text(encoding="utf-8").count("#, fuzzy") == 3
    code, _, err = nmt("translate", "a.po", "-o", "fr.po", "--no-mark")
    assert "fuzzy" not in err.replace("1 fuzzy", "") and code == 0
    assert Path("fr.po").read_text(encoding="utf-8").count("#, fuzzy") == 1


@pytest.mark.parametrize(
    ("words", "says", "hint"),
    [
        ("a.html -o a.html", "a.html is the input itself", ""),
        ("a.html -o link.html", "link.html is the input itself", ""),
        ("a.html", "where shall the translation of a.html go?", "nmt translate a.html -o a.translated.html"),
        ("a.html a.po", "where shall the translation of a.html go?", "-o translated/"),
        ("no.docx -o x.docx", "there is no file no.docx.", ""),
        ("a.html no.docx -o x", "there is no file no.docx.", ""),
        ("a.pdf -o b.pdf", "a.pdf is a document of a kind that is not translated.", "Known are: .txt"),
        ("a.html -o b.docx", "a.html is translated within its format (html)", ""),
        ("a.html -o no/b.html", "no/b.html cannot be written: there is no folder no.", ""),
        ("a.html a.po -o a.json", "a.json is no folder, and 2 files have to go there.", ""),
        ("a.html sub/a.html -o out", "two files would be written to out/a.html.", ""),
        ("12.txt -o b.txt", "there is nothing to translate in 12.txt.", ""),
        ("done.po -o b.po", "there is nothing to translate in done.po.", "--all"),
        ("bad.json -o b.json", "bad.json:1 is not valid JSON", ""),
        ("bad.docx -o b.docx", "bad.docx is no ZIP archive, which its name does not say.", ""),
        ("lying.xlsx -o b.xlsx", "lying.xlsx is translated within its format (docx), so call the output *.docx", ""),
        ("bad.docx bad.json -o b", "bad.docx is no ZIP archive", ""),
        ("a.html -o b.html --n-best 3", "`--n-best` is for lines of text, not for documents.", "Leave it out"),
        ("a.html -o b.html -i x", "`--input` is for lines of text", ""),
        ("a.html -o b.html --keys x", "`--keys` changes nothing: it is for csv, json, tsv.", ""),
        ("a.csv -o b.csv", "a.csv:2 has 3 cells, but the first line has 2.", "needs quotes"),
        ("a.strings -o b.strings", "a.strings:2: the string that begins here has no end", ""),
        (
            "layout.xml -o b.xml",
            "layout.xml is a page with tags of a kind that is not translated.",
            "strings of Android",
        ),
        ("strings.xml -o b.html", "strings.xml is translated within its format (android)", ""),
        ("-i a.csv", "a.csv looks like a table (.csv)", "nmt translate a.csv -o OUTPUT"),
        ("--per-cue", "`--per-cue` is for documents, not for lines of text.", ""),
        ("a.html -o b.html --to de", "translates into fr, not into 'de'", ""),
        ("empty -o b", "there is no file to translate in empty.", ""),
        ("-i a.html", "a.html looks like a page with tags (.html)", "nmt translate a.html -o OUTPUT"),
    ],
)
def test_what_cannot_be_is_told_and_nothing_is_written(nmt, words: str, says: str, hint: str) -> None:
    contents = {
        "a.html": HTML, "sub/a.html": HTML, "a.po": PO, "a.json": JSON, "a.pdf": b"%PDF", "12.txt": b"12\n",
        "bad.json": b"{", "bad.docx": b"x", "lying.xlsx": docx_document(), "done.po": b'msgid "a"\nmsgstr "b"\n',
        "a.csv": b"a,b\nc,d,e\n", "a.strings": b'"a" = "b";\n"c" = "d;\n', "layout.xml": b"<x/>",
        "strings.xml": ANDROID,
    }  # fmt: skip
    for name, data in contents.items():
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(data)
    Path("link.html").symlink_to("a.html")
    Path("empty").mkdir()
    before = sorted((p, p.stat().st_mtime_ns) for p in Path().rglob("*") if p.is_file())
    code, out, err = nmt("translate", *words.split())
    assert (code, out) == (2, ""), err
    assert says in err and hint in err and "Traceback" not in err
    assert len(err.splitlines()) <= 4
    assert sorted((p, p.stat().st_mtime_ns) for p in Path().rglob("*") if p.is_file()) == before


def test_files_of_programs_are_found_by_name_and_content(nmt) -> None:
    Path("res/values").mkdir(parents=True)
    Path("res/values/strings.xml").write_bytes(ANDROID)
    Path("res/layout.xml").write_text("<LinearLayout/>")
    code, _, err = nmt("translate", "res", "-o", "res.fr")
    assert code == 0, err
    assert [str(p) for p in Path("res.fr").rglob("*.xml")] == ["res.fr/values/strings.xml"]
    Path("texts.xml").write_bytes(ANDROID)
    code, _, err = nmt("translate", "texts.xml", "-o", "out.xml")
    assert code == 0, err
    assert Path("out.xml").read_bytes() == Path("res.fr/values/strings.xml").read_bytes() != ANDROID


def test_a_table_of_lines_is_still_read_line_by_line(nmt) -> None:
    Path("a.tsv").write_text("The dog sleeps.\n")
    code, out, err = nmt("translate", "-i", "a.tsv", "--input-format", "text")
    assert code == 0 and len(out.splitlines()) == 1, err


def test_a_glossary_and_what_is_required_hold_for_documents_too(nmt) -> None:
    Path("a.html").write_bytes(b"<p>The <b>dog</b> sleeps.</p>")
    code, _, err = nmt("translate", "a.html", "-o", "b.html", "--include", "zèbre", "--engine", "nmt")
    assert code == 0, err
    assert "zèbre" in Path("b.html").read_text(encoding="utf-8")


def test_the_output_keeps_the_mode_of_what_it_replaces(nmt) -> None:
    Path("a.txt").write_text("A dog.\n")
    Path("b.txt").write_text("old")
    Path("b.txt").chmod(0o640)
    assert nmt("translate", "a.txt", "-o", "b.txt")[0] == 0
    assert Path("b.txt").stat().st_mode & 0o777 == 0o640 and Path("b.txt").read_text() != "old"


def test_other_scripts_and_emoji_pass(nmt) -> None:
    text = "مرحبا بالعالم\n你好，世界。\n😀\nA dog 👩‍🚀 sleeps.\n"
    Path("a.txt").write_text(text, encoding="utf-8")
    code, _, err = nmt("translate", "a.txt", "-o", "b.txt")
    assert code == 0, err
    new = Path("b.txt").read_text(encoding="utf-8").split("\n")
    assert len(new) == 5 and new[2] == "😀"
    assert io.BytesIO(Path("b.txt").read_bytes()).read().endswith(b"\n")


def test_what_a_memory_has_is_taken_from_it(nmt) -> None:
    Path("m.tmx").write_text(
        '<tmx version="1.4"><body><tu><tuv xml:lang="en-GB"><seg>The dog sleeps.</seg></tuv>'
        '<tuv xml:lang="fr"><seg>Le chien dort bien.</seg></tuv></tu></body></tmx>'
    )
    Path("a.html").write_bytes(b"<p>The <b>dog</b>\n sleeps.</p><p>A cat.</p>")
    code, _, err = nmt("translate", "a.html", "-o", "b.html", "--tm", "m.tmx")
    assert code == 0, err
    new = Path("b.html").read_text(encoding="utf-8")
    assert "1 of them from the memory" in err
    assert new.replace("<b>", "").replace("</b>", "").startswith("<p>Le chien dort bien.</p>") and new.count("<b>") == 1
    code, _, err = nmt("translate", "a.html", "-o", "c.html", "--tm", "a.html")
    assert code == 2 and "a.html is no translation memory by its name" in err


def test_a_memory_is_trained_on(nmt) -> None:
    sides = [Path(f"text/train.{lang}").read_text(encoding="utf-8").splitlines() for lang in ("en", "fr")]
    units = "".join(
        f'<tu><tuv xml:lang="en"><seg>{s}</seg></tuv><tuv xml:lang="fr"><seg>{t}</seg></tuv></tu>'
        for s, t in zip(*sides, strict=True)
    )
    lone = '<tu><tuv xml:lang="en"><seg>Alone.</seg></tuv></tu>'
    Path("text/m.tmx").write_text(f"<tmx><body>{lone}{units}</body></tmx>", encoding="utf-8")
    recipe = Path("mini.yaml").read_text(encoding="utf-8").replace(
        "train: {source: train.en, target: train.fr}", "train: {path: m.tmx}")  # fmt: skip
    Path("memory.yaml").write_text(recipe.replace("name: mini", "name: memory"), encoding="utf-8")
    code, _, err = nmt("prepare", "memory.yaml")
    assert code == 0, err
    assert "blank on one side only" in err and "m.tmx tu 1" in err


def test_what_is_translated_is_a_memory_if_the_output_is_one(nmt) -> None:
    """A memory that is read again, and from which all that was translated is taken."""
    from nmt.formats.memory import pairs

    Path("a.txt").write_text("The dog is here.\n42\nA cat & two <b>dogs</b>.\n", encoding="utf-8")
    Path("b.html").write_text("<p>The dog <i>is</i> here.</p><p>Where is it?</p>", encoding="utf-8")
    code, out, err = nmt("translate", "a.txt", "b.html", "-o", "both.tmx")
    assert (code, out) == (0, ""), err
    assert sorted(path.name for path in Path().iterdir() if path.suffix in (".tmx", ".html", ".txt")) == [
        "a.txt", "b.html", "both.tmx",
    ]  # fmt: skip
    found = dict(pairs(Path("both.tmx"), "en", "fr", "both.tmx"))
    assert len(found) == 3 and found.keys() >= {"The dog is here.", "Where is it?"}
    assert 'creationtool="nmt"' in Path("both.tmx").read_text(encoding="utf-8")
    code, _, err = nmt("translate", "b.html", "-o", "c.html", "--tm", "both.tmx")
    assert code == 0 and "2 of 2 segments translated, 2 of them from the memory" in err, err
    code, _, err = nmt("translate", "-i", "a.txt", "-o", "lines.tmx")
    assert code == 2 and "nmt translate a.txt -o lines.tmx" in err and not Path("lines.tmx").exists()
