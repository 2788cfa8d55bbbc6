import gzip
import io
import json
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from nmt.decode import streams
from nmt.decode.endpoints import format_of, open_input, open_output
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.render import Output
from nmt.decode.request import Request
from nmt.decode.streams import Tally, read_lines, read_requests, translate_stream
from nmt.decode.translator import Translation
from nmt.errors import DataError


class Characters:
    """A tokenizer whose ids are characters."""

    def pieces(self, ids, side="tgt"):
        assert side == "tgt"
        return [chr(i) for i in ids]


class Upper:
    """Translates into upper case."""

    tokenizer = Characters()

    def translate(self, requests, n_best=1, alignment=False, attention=False, on_progress=None):
        texts = [request.text.upper() for request in requests]
        return [Translation(text, [(text, self.hypothesis(text))] * n_best) for text in texts]

    def hypothesis(self, text):
        return Hypothesis([ord(c) for c in text], -0.5, -0.25)


def lines_of(content):
    return [line for chunk in read_lines(io.BytesIO(content), "in") for line in chunk]


@pytest.mark.parametrize(
    ("content", "lines"),
    [
        (b"", []),
        (b"a\nb\n", ["a", "b"]),
        (b"a\nb", ["a", "b"]),
        (b"\n\na\n", ["", "", "a"]),
        (b"a\r\nb\r\n", ["a", "b"]),
        ("\ufeffa\nb\u2028c\u0085d\x0be\n".encode(), ["a", "b\u2028c\u0085d\x0be"]),
        (b"a\x00b\n", ["a\x00b"]),
    ],
)
def test_lines_end_at_line_feeds_only(content, lines):
    assert lines_of(content) == lines


def test_long_input_comes_in_chunks_and_in_order(monkeypatch):
    monkeypatch.setattr(streams, "CHUNK_LINES", 7)
    chunks = list(read_lines(io.BytesIO(b"".join(b"%d\n" % i for i in range(100))), "in"))
    assert max(map(len, chunks)) <= 7
    assert [line for chunk in chunks for line in chunk] == [str(i) for i in range(100)]


def test_a_waiting_line_is_answered_before_the_next_comes():
    read_end, write_end = os.pipe()
    with os.fdopen(read_end, "rb") as source:
        chunks = read_lines(source, "in")
        os.write(write_end, b"first\n")
        assert next(chunks) == ["first"]
        threading.Timer(0.05, lambda: (os.write(write_end, b"second\n"), os.close(write_end))).start()
        assert next(chunks) == ["second"]
        assert list(chunks) == []


def test_bad_utf8_is_named_after_the_lines_before_it_were_given(monkeypatch):
    monkeypatch.setattr(streams, "CHUNK_LINES", 1)
    chunks = read_lines(io.BytesIO(b"good\nba\xff\n"), "in.txt")
    assert next(chunks) == ["good"]
    with pytest.raises(DataError, match=r"in\.txt:2:3 \(byte 0x..\) is not valid UTF-8"):
        next(chunks)


def test_an_endless_line_is_an_error(monkeypatch):
    monkeypatch.setattr(streams, "MAX_LINE_BYTES", 100)
    with pytest.raises(DataError, match="in:2 is longer than"):
        list(read_lines(io.BytesIO(b"a\n" + b"x" * 101), "in"))


def output(format="text", n_best=1, scores=False):
    out = io.BytesIO()
    chunks = [[Request("a"), Request("")], [Request("b")]]
    translate_stream(Upper(), chunks, out, Output(format, n_best, scores))
    return out.getvalue().decode()


def test_output_lines_answer_input_lines():
    assert output() == "A\n\nB\n"


def test_scores_and_n_best_are_tab_separated():
    assert output(scores=True) == "-0.2500\tA\n-0.2500\t\n-0.2500\tB\n"
    assert output(n_best=2).splitlines()[-1] == "3\t-0.2500\tB"


def test_jsonl_is_one_object_a_line():
    rows = [json.loads(line) for line in output("jsonl", n_best=2).splitlines()]
    assert [r["translation"] for r in rows] == ["A", "", "B"]
    assert rows[0]["hypotheses"] == [{"text": "A", "score": -0.25, "log_prob": -0.5, "tokens": ["A"]}] * 2
    assert [list(r) for r in rows] == [["source", "translation", "hypotheses", "flags", "unseen"]] * 3


# --- JSON lines ------------------------------------------------------------------------------------------------------


def translated(content, translator=None, format="jsonl", **wanted):
    """Output and error of a translation of JSON lines."""
    out, error = io.BytesIO(), None
    chunks = read_requests(io.BytesIO(content), "in.jsonl", input_format="jsonl", format=format)
    try:
        translate_stream(translator or Upper(), chunks, out, Output(format, **wanted))
    except DataError as e:
        error = e
    return out.getvalue().decode(), error


def test_fields_of_the_input_come_first_and_untouched():
    line = b'{"id": 7, "text": "caf\xc3\xa9", "n_best": 1, "meta": {"b": [1.5, null], "a": "\\u00e9"}}\r\n'
    out, _ = translated(line)
    assert out == (
        '{"id": 7, "meta": {"b": [1.5, null], "a": "é"}, "source": "café", "translation": "CAFÉ", "hypotheses": '
        '[{"text": "CAFÉ", "score": -0.25, "log_prob": -0.5, "tokens": ["C", "A", "F", "É"]}], "flags": [], '
        '"unseen": []}\n'
    )


def test_a_text_file_gives_requests_of_its_lines_alone():
    chunks = read_requests(io.BytesIO(b'{"text": "a"}\n\n'), "in", input_format="text")
    assert list(chunks) == [[Request('{"text": "a"}'), Request("")]]


@pytest.mark.parametrize("bad", [b"{", b"", b"7", b'{"text": "\xff"}', b'{"text": "a", "text": "a"}', b'{"text": NaN}'])
def test_lines_before_a_bad_one_are_translated_and_it_is_named(bad):
    good = b'{"text": "a"}\n'
    out, error = translated(good * 2 + bad + b"\n" + good)
    assert [json.loads(line)["translation"] for line in out.splitlines()] == ["A", "A"]
    assert error.message.startswith(("in.jsonl:3 ", "in.jsonl:3:11 "))
    assert "before it are translated" in error.hint


def test_a_field_of_the_output_s_name_is_refused_where_it_would_be_lost():
    line = b'{"source": "a", "translation": "old", "flags": []}\n'
    out, error = translated(line)
    assert out == ""
    assert "in.jsonl:1 has a field `translation`, which the output has too" in error.message
    assert "in.jsonl:1 has a field `flags`" in error.message
    assert translated(line, format="text") == ("A\n", None)


def test_a_source_with_line_breaks_is_answered_by_one_line_of_text():
    line = b'{"text": "a\\nb\\r\\nc"}\n'
    assert translated(line, format="text")[0] == "A B  C\n"
    assert translated(line, format="text", n_best=2)[0].count("\n") == 2
    assert json.loads(translated(line)[0])["translation"] == "A\nB\r\nC"


def test_an_alignment_is_written_as_pharaoh_does():
    class Aligned(Upper):
        def hypothesis(self, text):
            return replace(super().hypothesis(text), alignment=((0, 0), (0, 1), (2, 1)))

    line = b'{"text": "ab"}\n'
    (hypothesis,) = json.loads(translated(line, Aligned(), alignments=True)[0])["hypotheses"]
    assert hypothesis["alignment"] == "0-0 0-1 2-1"
    assert translated(line, Aligned(), format="text", alignments=True)[0] == "AB\t0-0 0-1 2-1\n"


@pytest.mark.parametrize(("log_prob", "marked"), [(-3 * 0.79, False), (-3 * 0.81, True)])
def test_a_translation_of_low_probability_is_marked(log_prob, marked):
    class Doubtful(Upper):
        def hypothesis(self, text):
            return Hypothesis([ord(c) for c in text], log_prob, log_prob)

    (line,) = translated(b'{"text": "12"}\n', Doubtful())[0].splitlines()
    assert json.loads(line)["flags"] == ["low_probability"] * marked


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.jsonl", "jsonl"), ("A.JSONL.gz", "jsonl"), ("a.json", "text"), ("jsonl", "text"), ("a.jsonl.txt", "text")],
)
def test_the_name_of_a_file_says_its_format(name, format):
    assert format_of(Path(name)) == format
    assert format_of(None) == "text"


# --- what is said at the end -----------------------------------------------------------------------------------------


def test_a_summary_says_how_many_lines_have_which_flags():
    tally = Tally()
    for flags in [["copied"], [], ["unseen", "copied"], ["unseen", "low_probability"]] + [[]] * 1996:
        tally.add(flags)
    assert tally.summary(12.34) == (
        "2,000 lines in 12.3 s. 3 flagged: 2 copied, 2 unseen, 1 low_probability (details: --format jsonl)."
    )
    assert tally.doubt() == ""
    assert Tally(2, flagged=0).summary(0.5) == "2 lines in 0.5 s."


@pytest.mark.parametrize(("doubtful", "said"), [(0, ""), (1, ""), (2, "2 of 10 lines: words that the training text ")])
def test_many_doubtful_lines_are_told(doubtful, said):
    tally = Tally()
    for number in range(10):
        tally.add(["unseen"] if number < doubtful else ["empty"])
    assert tally.doubt().startswith(said) and bool(said) == bool(tally.doubt())


def test_who_types_hears_of_each_doubtful_line(capsys):
    class Unsure(Upper):
        def translate(self, requests, **keys):
            words = {"ladder": ("ladder",)}
            return [
                replace(t, unseen=words.get(r.text, ()), unfamiliar=r.text in words)
                for r, t in zip(requests, super().translate(requests, **keys), strict=True)
            ]

    streams.console.stderr.cache_clear()
    translate_stream(Unsure(), [[Request("ladder")], [Request("dog")]], io.BytesIO(), Output(), typed=True)
    streams.console.stderr.cache_clear()
    assert capsys.readouterr().err == "! the training text never had: ladder; expect errors.\n"


@pytest.mark.parametrize(("content", "said"), [(b"a\r\nb\r\n", True), (b"a\nb\r\n", False)])
def test_line_ends_that_change_are_told(capsys, content, said):
    streams.console.stderr.cache_clear()
    list(read_requests(io.BytesIO(content), "in.txt", input_format="text"))
    streams.console.stderr.cache_clear()
    expected = "The lines of in.txt end in CR LF; those of the output will end in LF.\n"
    assert capsys.readouterr().err == expected * said


def test_progress_is_told_line_by_line():
    class Slow(Upper):
        def translate(self, requests, on_progress=None, **keys):
            on_progress(len(requests))
            return super().translate(requests, **keys)

    told = []
    tally = translate_stream(Slow(), [[Request("a")] * 2, [Request("b")]], io.BytesIO(), Output(), told.append)
    assert (told, tally.lines) == ([2, 1], 3)


# --- files -----------------------------------------------------------------------------------------------------------


def test_gzip_in_and_out(tmp_path):
    source, target = tmp_path / "in.gz", tmp_path / "out.gz"
    source.write_bytes(gzip.compress(b"a\nb\n"))
    with open_input(source) as (file, name), open_output(target) as out:
        translate_stream(Upper(), read_requests(file, name, input_format="text"), out, Output())
    assert gzip.decompress(target.read_bytes()) == b"A\nB\n"
