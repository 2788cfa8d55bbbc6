"""Wrong text, in every way a user can give it: to prepare, to translate, to evaluate."""

from __future__ import annotations

import gzip
import re
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.refused import FOLDER, PREPARED, RUN, Case, check, cut, flip, line, parameters, parquet, zipped

EN, FR, FR_GZ = "text/train.en", "text/train.fr", "text/train.fr.gz"
PREPARE = "prepare mini.yaml --force"
ZIPPED = f"{PREPARE} data.train.target=train.fr.gz"
HOME = f"{PREPARE} data.url=http://127.0.0.1:9/"  # nobody listens there, and nobody should be asked
PUT = r"Put (it|them) into text/, or set `data\.root`"
CONVERT = r"[Cc]onvert"
HELP = r"Try 'nmt translate (-h|--help)' for help"


def table(name: str, source: object = "en", target: object = "fr") -> str:
    return f"{PREPARE} 'data.train={{path: {name}, source: {source}, target: {target}}}'"


# fmt: off
PREPARED_TEXT = [
    Case("missing file", PREPARE, r"train\.fr is missing", PUT, {FR: None}),
    Case("missing files", PREPARE, r"2 files are missing: train\.en, train\.fr", PUT, {EN: None, FR: None}),
    Case("missing but zipped", PREPARE, r"train\.fr \(but train\.fr\.gz is there\) is missing", PUT,
         {FR: None, FR_GZ: zipped()}),
    Case("missing root", f"{PREPARE} data.root=nowhere", r"6 files are missing: train\.en, .*test\.fr",
         r"Put them into nowhere/, or set `data\.root`"),
    Case("root is a file", f"{PREPARE} data.root=mini.yaml", r"6 files are missing: train\.en", r"set `data\.root`"),
    Case("folder for a file", PREPARE, r"train\.fr cannot be read", r"Is a directory \(text/train\.fr\)", {FR: FOLDER}),
    Case("name too long for a file", f"{PREPARE} data.train.target={'x' * 300}",
         r"`data\.train\.target` must be a name of at most 240 bytes, but is 'x{59}…'\.", ""),
    Case("extra line", PREPARE, r"train\.en has 300 lines, but train\.fr has 301", "agree up to line 300",
         {FR: lambda text: text + b"Un de trop.\n"}),
    Case("blank line on one side", PREPARE, r"train\.fr has 301; .* must have one line per pair",
         r"shift at line 1[45]\d", {FR: line(150, b"\nUn.")}),
    Case("no line ends but CR", PREPARE, r"train\.fr has 1 line, but train\.en has 300", "must have one line per pair",
         {FR: lambda text: text.replace(b"\n", b"\r")}),
    Case("invalid UTF-8", PREPARE, r"train\.fr:7:3 \(byte 0xe9\): not valid UTF-8", CONVERT, {FR: line(7, b"Un\xe9")}),
    Case("Latin-1", PREPARE, r"train\.fr:\d+:\d+ \(byte 0x..\), .* more lines: not valid UTF-8", CONVERT,
         {FR: lambda text: text.decode().encode("latin-1", "replace")}),
    Case("UTF-16", PREPARE, r"train\.fr is UTF-16 text", CONVERT, {FR: lambda text: text.decode().encode("utf-16")}),
    Case("UTF-16 without a mark", PREPARE, r"train\.fr:1.* NUL", CONVERT,
         {FR: lambda text: text.decode().encode("utf-16-le")}),
    Case("NUL", PREPARE, r"train\.fr:5: holds a NUL byte", "[Rr]emove|[Tt]ake|[Ii]s it", {FR: line(5, b"Un\0deux")}),
    Case("zip archive", PREPARE, r"train\.fr is a zip archive", CONVERT, {FR: b"PK\x03\x04" + bytes(40)}),
    Case("over-long line", PREPARE, r"train\.fr:3 is longer than 1,000,000 bytes", "one sentence a line",
         {FR: line(3, b"x" * 1_000_001)}),
    Case("truncated gzip", ZIPPED, r"train\.fr\.gz is a damaged gzip file: it ends too early", "cut short",
         {FR_GZ: zipped(cut(-30))}),
    Case("altered gzip", ZIPPED, r"train\.fr\.gz is a damaged gzip file", "cut short", {FR_GZ: zipped(flip(300))}),
    Case("gzip with a wrong suffix, damaged", PREPARE, r"train\.fr is a damaged gzip file", "cut short",
         {FR: zipped(cut(-30))}),
    Case("not gzip though .gz", ZIPPED, r"train\.fr\.gz:1", CONVERT, {FR_GZ: bytes(range(256))}),
    Case("gzip bomb", ZIPPED, r"train\.fr\.gz expands more than 300 times", "that is no text",
         {FR_GZ: lambda _: gzip.compress((b"a" * 999 + b"\n") * 34_000)}),
    Case("empty train", PREPARE, r"`data\.train` has no pairs", r"train\.en is empty", {EN: b"", FR: b""}),
    Case("empty side", PREPARE, r"train\.fr has 0 lines, but train\.en has 300", "must have one line per pair",
         {FR: b""}),
    Case("empty valid", PREPARE, r"`data\.valid` has no pairs", r"valid\.en is empty",
         {"text/valid.en": b"", "text/valid.fr": b""}),
    Case("empty test", PREPARE, r"`data\.test\.first` has no pairs", r"test\.en is empty",
         {"text/test.en": b"", "text/test.fr": b""}),
    Case("several faults", PREPARE, r"3 faults: .*train\.fr:1: .*valid\.en:2:1 .*test\.fr has 19", "one line per pair",
         {FR: line(1, b"\0"), "text/valid.en": line(2, b"\xff"), "text/test.fr": lambda b: b.split(b"\n", 1)[1]}),
    Case("all pairs filtered away", f"{PREPARE} data.filters.max_chars=1", "nothing is left to train on: of 300 pairs",
         r"Look at `data\.filters`"),
    Case("all pairs held out", f"{PREPARE} 'data.valid={{holdout: 301}}'",
         r"`data\.valid\.holdout: 301` asks for more pairs than train can give", "Hold out less"),
    Case("too little for the vocabulary", f"{PREPARE} tokenizer.vocab_size=30000",
         r"too small for `tokenizer\.vocab_size: 30000`", r"Set a smaller `tokenizer\.vocab_size`"),
    Case("source is target", f"{PREPARE} data.train.target=train.en", r"`data\.train`.*train\.en", "same|two"),
    Case("a column is its own translation", table("t.tsv", 0, 0), r"`data\.train`.*column", "same|two",
         {"text/t.tsv": lambda _: b"".join(b"%d\t%d\n" % (i * i, i**3) for i in range(300))}),
    Case("TSV of too few columns", table("t.tsv", 0, 1), r"t\.tsv:2 has 1 column",
         r"column 1 is wanted \(counted from 0\)", {"text/t.tsv": b"a\tb\nc\n"}),
    Case("TSV without such a name", table("t.tsv", "en", "de"), r"t\.tsv:1 has no column `de`", "by tabs: `en`, `fr`",
         {"text/t.tsv": b"en\tfr\na\tb\n"}),
    Case("CSV without such a name", table("t.csv", "en", "fra"), r"t\.csv:1 has no column `fra`", "Did you mean `fr`",
         {"text/t.csv": b"en;fr\na;b\n"}),
    Case("CSV without an end", table("t.csv", 0, 1), r"t\.csv:2 is no line of a CSV file", "is written twice",
         {"text/t.csv": b'a,b\nc,"d\n'}),
    Case("unknown table", table("t.dat", 0, 1), r"t\.dat is no known table", r"must be \.tsv, \.csv, \.jsonl",
         {"text/t.dat": b"a,b\n"}),
    Case("TMX as a table", table("t.tmx", 0, 1), "a translation memory: its `source` and `target` are languages", "",
         {"text/t.tmx": b"<tmx/>"}),
    Case("XLSX as a table", table("t.xlsx", 0, 1), r"t\.xlsx is a spreadsheet \(\.xlsx\)", "Save it as a table",
         {"text/t.xlsx": b"PK"}),
    Case("subtitles as text", f"{PREPARE} data.train.target=train.fr.srt", r"train\.fr\.srt is subtitles \(\.srt\)",
         "plain file of each language", {"text/train.fr.srt": b"1"}),
    Case("a table as text", f"{PREPARE} data.train.target=train.tsv.gz", r"train\.tsv\.gz is a table \(\.tsv\)",
         "Name it as `path`", {"text/train.tsv.gz": b"1"}),
    Case("a device as text", f"{PREPARE} data.train.target=/dev/zero", "/dev/zero is a device", "save it to a file"),
    Case("a device as a table", f"{PREPARE} 'data.train={{path: /dev/random, source: 0, target: 1}}'",
         "/dev/random is a device", "save it to a file"),
    Case("JSONL broken", table("t.jsonl"), r"t\.jsonl:2 is not a JSON record", "Unterminated string .* column 8",
         {"text/t.jsonl": b'{"en": "a", "fr": "b"}\n{"en": "a\n'}),
    Case("JSONL nested too deeply", table("t.jsonl"), r"t\.jsonl:1 is not a JSON record", "recursion|nested",
         {"text/t.jsonl": b"[" * 100_000}),
    Case("JSONL without a key", table("t.jsonl"), r"t\.jsonl:1 has no field `fr`", "it has `en`, `de`",
         {"text/t.jsonl": b'{"en": "a", "de": "b"}\n'}),
    Case("JSONL of lists", table("t.jsonl"), r"t\.jsonl:1 has no field `en`", "has no field",
         {"text/t.jsonl": b'["a", "b"]\n'}),
    Case("JSONL with a number", table("t.jsonl"), r"t\.jsonl:1: field `fr`", "must be text, but is `7`",
         {"text/t.jsonl": b'{"en": "a", "fr": 7}\n'}),
    Case("JSONL with half a character", table("t.jsonl"), r"t\.jsonl:1: field `fr`",
         "holds half a surrogate pair at character 2", {"text/t.jsonl": b'{"en": "a", "fr": "b\\ud800"}\n'}),
    Case("Parquet broken", table("t.parquet"), r"t\.parquet cannot be read as Parquet", "Parquet",
         {"text/t.parquet": b"no such thing"}),
    Case("Parquet truncated", table("t.parquet"), r"t\.parquet cannot be read as Parquet", "Parquet",
         {"text/t.parquet": lambda _: parquet(en=["a"], fr=["b"])[:-20]}),
    Case("Parquet without a column", table("t.parquet"), r"t\.parquet row 1 has no field `fr`", "it has `en`",
         {"text/t.parquet": lambda _: parquet(en=["a"], de=["b"])}),
    Case("Parquet of numbers", table("t.parquet"), r"t\.parquet row 1: field `fr`", "must be text, but is `7`",
         {"text/t.parquet": lambda _: parquet(en=["a"], fr=[7])}),
    Case("wrong checksum", f"{PREPARE} 'data.sha256={{train.fr: {'f' * 64}}}'",
         r"train\.fr is not the file the recipe means: its sha256 is [0-9a-f]{64}", r"`data\.sha256` says f{64}"),
    Case("no checksum", HOME, r"`data\.sha256` has no checksum of train\.fr", PUT, {FR: None}),
    Case("name that leaves the folder", f"{HOME} data.train.target=../../etc/nothing",
         r"`\.\./\.\./etc/nothing` would land outside text", "needs a name inside it"),
    Case("name from the root", f"{HOME} data.train.target=/nowhere/train.fr",
         r"`/nowhere/train\.fr` would land outside text", "needs a name inside it"),
    Case("url of a file", f"{PREPARE} data.url=file:///etc", r"`data\.url` must begin with http", "is 'file:///etc'"),
    Case("url of ftp", f"{PREPARE} data.url=ftp://a/", r"`data\.url` must begin with http", "is 'ftp://a/'"),
    Case("text changed since", "prepare mini.yaml", rf"train\.fr has changed since {PREPARED} was prepared",
         r"Run: nmt prepare mini\.yaml --force", {FR: line(1, b"Autre.")}),
    Case("prepared_dir is a file", f"{PREPARE} data.prepared_dir=mini.yaml", r"cannot write mini\.yaml/mini",
         "choose another folder"),
    Case("prepared_dir holds other things", f"{PREPARE} name=text data.prepared_dir=.",
         r"text exists, but holds no prepared data", r"Move it away, or set `data\.prepared_dir`"),
]
TRANSLATED = [
    Case("stdin invalid UTF-8", "translate", r"<stdin>:1:2 \(byte 0xe9\) is not valid UTF-8", CONVERT,
         stdin=b"b\xe9\nfine\n"),
    Case("stdin UTF-16", "translate", r"<stdin>:1:1 \(byte 0xff\) is not valid UTF-8", CONVERT,
         stdin="One.\n".encode("utf-16")),
    Case("stdin line too long", "translate", "<stdin>:1 is longer than 1,000,000 bytes", "one sentence a line",
         stdin=b"x" * 1_000_001),
    Case("input missing", "translate -i no.txt", r"there is no input file no\.txt", "there is no input file"),
    Case("input a folder", "translate -i text", "text cannot be read", "Is a directory"),
    Case("input invalid UTF-8", "translate -i in.txt", r"in\.txt:1:3 \(byte 0xff\) is not valid UTF-8", CONVERT,
         {"in.txt": b"On\xff\n"}),
    Case("input gzip truncated", "translate -i in.gz", r"in\.gz .*(damaged|ended before|too early)", "cut short",
         {"in.gz": zipped(cut(30))}),
    Case("input gzip altered", "translate -i in.gz", r"in\.gz .*damaged", "cut short", {"in.gz": zipped(flip(12))}),
    Case("input a zip archive", "translate -i in.zip", r"in\.zip is a zip archive", CONVERT,
         {"in.zip": b"PK\x03\x04" + bytes(40)}),
    Case("output in no folder", "translate -o no/out.txt", r"no/out\.txt cannot be written: there is no folder no\.",
         "mkdir -p no",
         stdin=b"One.\n"),
    Case("output a folder", "translate -o text", "text cannot be written", "[Ii]s a (directory|folder)",
         stdin=b"One.\n"),
    Case("device", "translate --device tpu", "`?--device.* tpu", "has cpu", stdin=b"One.\n"),
    Case("beam size", "translate --beam-size 0", "--beam-size.*must be at least 1, but is 0", HELP),
    Case("beam size no number", "translate --beam-size many", "--beam-size.*must be a whole number", HELP),
    Case("length penalty", "translate --length-penalty=-1", "--length-penalty.*must be at least 0", HELP),
    Case("length penalty no number", "translate --length-penalty nan", "--length-penalty.*must be a finite", HELP),
    Case("length penalty infinite", "translate --length-penalty .inf", "--length-penalty.*must be a finite", HELP,
         stdin=b"One.\n"),
    Case("n-best", "translate --n-best 0", "--n-best.*(x>=1|than or equal to 1)", HELP),
    Case("engine without its model", "translate --engine ctranslate2", f"{RUN}/ctranslate2 holds no CTranslate2 model",
         f"Run: nmt export --run {RUN}", {f"{RUN}/ctranslate2": None}),
    Case("exported model damaged", "translate --engine ctranslate2", f"cannot load {RUN}/ctranslate2", "nmt export",
         {f"{RUN}/ctranslate2": FOLDER, f"{RUN}/ctranslate2/model.bin": b"no"}),
    Case("quantization", "export --quantization int3", "--quantization.*'int8'", "nmt export -h"),
    Case("format", "translate --format xml", "--format.*'text'.*'jsonl'", HELP),
    Case("option", "translate --beem 3", "No such option: --beem", HELP),
    Case("option of other commands", "report --run x", "No such option: --run",
         "the run stands by itself: nmt report RUN"),
    Case("text as an argument", "translate One.", "the text to translate was given as an argument",
         "echo One. . nmt translate"),
    Case("command", "translat", "No such command 'translat'", r"Did you mean|nmt -h"),
]
EVALUATED = [
    Case("hyp alone", "evaluate --hyp text/test.fr", "`--hyp` and `--ref` go together", "Give both files"),
    Case("ref alone", "evaluate --ref text/test.fr", "`--hyp` and `--ref` go together", "Give both files"),
    Case("unequal files", f"evaluate --hyp text/test.fr --ref {FR}", r"text/test\.fr has 20 lines, but .* has 300",
         "line n belongs to line n"),
    Case("one of two refs unequal", f"evaluate --hyp text/test.fr --ref text/test.en --ref {FR}",
         r"text/test\.fr has 20 lines, but text/train\.fr has 300", "line n belongs to line n"),
    Case("hyp and ref missing", "evaluate --hyp no.hyp --ref no.ref", r"2 faults: .* no file no\.hyp.* no file no\.ref",
         "there is no file"),
    Case("hyp a folder", "evaluate --hyp text --ref text/test.fr", "text cannot be read", "Is a directory"),
    Case("ref invalid UTF-8", "evaluate --hyp text/test.fr --ref r", r"r:2:2 \(byte 0xe9\) is not valid UTF-8", CONVERT,
         {"r": b"fine\nb\xe9\n"}),
    Case("hyp UTF-16", "evaluate --hyp h --ref text/test.fr", "h is UTF-16 text", CONVERT,
         {"h": "One.\n".encode("utf-16")}),
    Case("hyp gzip truncated", "evaluate --hyp h.gz --ref text/test.fr", r"h\.gz is a damaged gzip file", "cut short",
         {"h.gz": zipped(cut(-30))}),
    Case("hyp empty", "evaluate --hyp h --ref text/test.fr", "h is empty", "h is empty", {"h": b""}),
    Case("hyp name too long", f"evaluate --hyp {'x' * 300} --ref text/test.fr", "x{300}.*too long|no file x{300}",
         "no file|too long"),
    Case("test set", "evaluate --test second", f"`second` is no test set of {RUN}", "Known: first, valid"),
    Case("no prepared data", "evaluate", f"the test sets of {RUN} are not in {PREPARED}",
         rf"Run: nmt prepare {RUN}/recipe\.yaml", {PREPARED: None}),
    Case("prepared references missing", "evaluate", r"first\.fr\.txt .*(No such file|missing)", "[Pp]repare",
         {f"{PREPARED}/first.fr.txt": None}),
    Case("prepared references truncated", "evaluate", r"first\.fr\.txt is not as it was written", "[Pp]repare",
         {f"{PREPARED}/first.fr.txt": cut(-9)}),
    Case("prepared references altered", "evaluate", r"first\.fr\.txt is not as it was written", "[Pp]repare",
         {f"{PREPARED}/first.fr.txt": flip(9)}),
    Case("prepared anew since", "evaluate", rf"{PREPARED}/first\.fr\.txt is not the one that {RUN} was trained with",
         rf"Run: nmt prepare {RUN}/recipe\.yaml --force",
         {f"{PREPARED}/manifest.json": lambda text: re.sub(rb'("first.fr.txt":[^}]*"sha256": ")..', rb"\1zz", text)}),
    Case("manifest of the run broken", "evaluate", rf"{RUN}/manifest\.json is damaged", "[Pp]repare|Restore",
         {f"{RUN}/manifest.json": cut(-9)}),
]
# fmt: on
CASES = [*PREPARED_TEXT, *TRANSLATED, *EVALUATED]


@pytest.mark.parametrize("case", parameters(CASES))
def test_wrong_text_is_refused(project, nmt, case):
    check(case, nmt)


# --- any text --------------------------------------------------------------------------------------------------------

# Besides what is likely: all that some program somewhere takes for the end of a line, or for nothing at all.
STRANGE = st.sampled_from("\n\r\v\f\x1c\x85\u2028\u2029\0\t \ufeff\u200b\u0301")
ANY_TEXT = st.text(st.one_of(STRANGE, st.characters(exclude_categories=["Cs"])), max_size=30)


@settings(max_examples=20)
@given(ANY_TEXT)
def test_any_text_gives_one_line_for_each_line(trained, nmt, text):
    run = str(trained / "runs/mini")
    code, out, err = nmt("translate", "--run", run, "--beam-size", "1", stdin=text.encode())
    assert code == 0, err
    assert "Traceback" not in err
    # Only \n ends a line; the last one needs none.
    assert out.count("\n") == text.count("\n") + (text[-1:] not in ("", "\n"))
    assert out[-1:] in ("", "\n")


@pytest.fixture(scope="module")
def shifted(trained, tmp_path_factory):
    """A copy of the project whose text changes with every example."""
    return shutil.copytree(trained, tmp_path_factory.mktemp("shifted") / "project")


@settings(max_examples=20)
@given(st.sampled_from(["en", "fr"]), st.booleans(), st.integers(1, 290))
def test_the_audit_names_about_the_line_where_two_files_shift(trained, shifted, nmt, side, lost, number):
    """Of 300 lines, after one was lost or got in."""
    text = (trained / f"text/train.{side}").read_bytes()
    for lang in ("en", "fr"):
        shutil.copy(trained / f"text/train.{lang}", shifted / "text")
    lines = text.split(b"\n")
    lines[number - 1 : number - 1 + lost] = [] if lost else [b"Marie."]
    (shifted / f"text/train.{side}").write_bytes(b"\n".join(lines))
    where = [f"data.root={shifted / 'text'}", f"data.prepared_dir={shifted / 'new'}"]
    code, out, err = nmt("prepare", str(shifted / "mini.yaml"), *where)
    assert (code, out) == (2, "")
    said = re.search(r"The texts seem to shift at line (\d+)\.", err)
    assert said, err
    assert abs(int(said[1]) - number) <= 8
    assert not (shifted / "new").exists()
