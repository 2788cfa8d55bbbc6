"""The rules of where sentences end, run as the network that they are. That an ONNX runtime reads it: test_argos."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nmt.sentencepiece_model import fields
from nmt.share.splitter import Splitter

_MADE: dict[str, Splitter] = {}


def split(language: str, text: str) -> list[str]:
    """As MiniSBD does: a sentence ends with the character of which the third score is the highest, and at the end."""
    splitter = _MADE.setdefault(language, Splitter.of(language))
    ids = torch.tensor([splitter.ids.get(character, 1) for character in text], dtype=torch.long)
    kinds = torch.from_numpy(splitter.table)[ids].T[None]
    padded = torch.nn.functional.pad(kinds, (splitter.before, splitter.after))
    around = torch.nn.functional.conv1d(padded, torch.from_numpy(splitter.rules), torch.from_numpy(splitter.rule_bias))
    ends = (torch.from_numpy(splitter.ends), torch.from_numpy(splitter.end_bias))
    scores = torch.nn.functional.conv1d(around.relu(), *ends)[0]
    found, begin = [], 0
    for at in (scores.argmax(0) == 2).nonzero().flatten().tolist():
        found.append(text[begin : at + 1].strip())
        begin = at + 1
    return [*found, rest] if (rest := text[begin:].strip()) else found


@pytest.mark.parametrize(
    ("language", "sentences"),
    [
        ("en", ["Hello there.", "How are you?", "I am fine!", "Good…", "Bye"]),
        ("en", ["Dr. Smith met J. K. Rowling at 5 p.m. today.", "It cost 3.50 euros in 1999.", "Then it rose."]),
        ("en", ['"Go."', "He left (quietly.)", "Then “Really?” he asked."]),
        ("en", ["Well... he said.", "Well...", "So e.g. this and i.e. that.", "I see."]),
        ("en", ["1. What comes first.", "Then the rest."]),
        ("en", ["Visit nmt.example.org/a.b now.", "Версия 2.0 вышла.", "Хорошо."]),
        ("de", ["Am 3. Mai kam Dr. Müller, z. B. mit d.h. Frau.", "Vgl. Abb. 3 dazu.", "Gut!"]),
        ("fr", ["« Bonjour. »", "Puis M. Dupont et Mme. Durand sont partis.", "Ça va ?", "Oui."]),
        ("de-AT", ["Das ist ca. Mitte Mai.", "Gut."]),
        ("xx", ["Anything.", "Dr. Who."]),
        ("ar", ["كيف حالك؟", "أنا بخير.", "شكرا!"]),
        ("hi", ["यह एक वाक्य है।", "यह दूसरा है।"]),
        ("en", ["🙂 Fine.", "OK 🙂."]),
    ],
)
def test_sentences(language: str, sentences: list[str]) -> None:
    assert split(language, " ".join(sentences)) == sentences


def test_sentences_without_spaces_between_them() -> None:
    sentences = ["你好。", "今天天气很好！！", "“是吗？”", "他问。", "好"]
    assert split("zh", "".join(sentences)) == sentences


@given(st.text(max_size=60) | st.text("aZ.!? \"')»。9", max_size=60), st.sampled_from(["en", "de", "zh", "ar"]))
def test_nothing_is_lost(text: str, language: str) -> None:
    found = split(language, text) if text else []
    assert "".join("".join(found).split()) == "".join(text.split())
    assert all(found)


@given(st.text("aZ.!? \"')»9", max_size=40))
def test_what_is_far_away_changes_nothing(text: str) -> None:
    """So that a long text may be read in parts."""
    alone = split("en", f"xyzw xyzw xyzw {text}")
    after = split("en", f"Begin here. xyzw xyzw xyzw {text}")
    assert after == ["Begin here. " + alone[0], *alone[1:]]


def test_the_file_is_what_onnx_says() -> None:
    """Its fields, by number: version, producer, graph, operators, and three descriptions."""
    content = Splitter.of("fr").onnx()
    assert [number for number, _ in fields(content)] == [1, 2, 7, 8, 14, 14, 14]
    graph = dict(fields(content))[7]
    assert isinstance(graph, bytes)
    assert [number for number, _ in fields(graph)] == [1] * 6 + [2] + [5] * 5 + [11, 11, 12]
