import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nmt.text import sentences
from nmt.text.sentences import rejoin, split

PARAGRAPHS = {
    "en": [
        "Dr. Smith went to Washington on Jan. 5. ",
        "He met Ms. Jones, J. R. Hale et al. and others (see Vol. 3, p. 7). ",
        '"Is it 3.50 or 4.00?" ',
        "Nobody knew!  ",
        "They visited www.Example.Com. ",
        "The end.",
    ],
    "fr": [
        "M. Dupont et Mme. Durand sont là. ",
        "« Bonjour ! Ça va ? » dit-il. ",
        "Il pèse 3,5 kg, p. ex. avec un sac. ",
        "C'est le no. 7. ",
        "Vraiment\u202f?\u00a0",
        "Oui.",
    ],
    "de": [
        "Am 3. Oktober kam Dr. Müller an. ",
        "Er sagte z. B. „Guten Tag.“ ",
        "Dann ging er in die Str. des 17. Juni! ",
        "Art. 5 Abs. 2 gilt. ",
        "Wirklich?",
    ],
    "zh": ["你好。", "今天天气很好！", "你呢？", "“我很好。”", "他说。"],
    "ja": ["こんにちは。", "今日は天気がいいですね！\u3000", "「そうですね。」", "終わり。"],
}


@pytest.mark.parametrize("language", PARAGRAPHS)
def test_paragraphs_are_cut_at_the_ends_of_sentences(language):
    parts = PARAGRAPHS[language]
    assert split("".join(parts), language) == parts


def test_a_language_with_a_region_is_that_language():
    text = "Dr. Smith is here. He sat down."
    for code in ("en", "en-US", "en_GB", "EN"):
        assert split(text, code) == ["Dr. Smith is here. ", "He sat down."]


def test_an_unknown_language_is_cut_by_general_rules():
    assert split("Aaa bbb. Ccc ddd! Eee.", "qqx") == ["Aaa bbb. ", "Ccc ddd! ", "Eee."]


@pytest.mark.parametrize("text", ["", " ", "1.", "1. First.", "No end", "***", "... !? ...", "Yes. ...", "A.", "\n\n"])
def test_what_is_no_sentence_of_its_own_stays_with_its_neighbour(text):
    assert split(text, "en") == [text]


def test_white_space_stays_with_the_sentence_before_it():
    text = " \t One here.\u3000Two there!\n\n Three now. \r"
    assert split(text, "en") == [" \t One here.\u3000", "Two there!\n\n ", "Three now. \r"]


# Letters and ends of sentences more often than chance would have it; any character at all beside them.
LINES = st.text(
    st.one_of(st.sampled_from("aB1.!?…。！؟։ \t\n\u00a0\u2028\u3000\"'“”«»()[]中ア́"), st.characters()), max_size=60
)
LANGUAGES = st.sampled_from(["en", "fr", "de", "zh", "ja", "ru", "ar", "hi", "hy", "my", "th", "qqx", "pt-BR", ""])


@given(LINES, LANGUAGES)
def test_the_parts_joined_are_the_text(text, language):
    parts = split(text, language)
    assert "".join(parts) == text
    assert all(parts) or parts == [""]
    assert not any(part[0].isspace() for part in parts[1:])


@given(LINES)
def test_a_copied_text_comes_back_as_it_was_between_its_ends(text):
    parts = split(text, "en")
    if all(part[-1:].isspace() for part in parts[:-1]) and "\u3000" not in text:
        assert rejoin(parts, parts, "en") == text.strip()


def test_a_long_line_is_looked_at_in_blocks(monkeypatch):
    monkeypatch.setattr(sentences, "BLOCK", 100)
    parts = ["Dr. Smith met Ms. Jones on Jan. 5. ", "Nobody knew!  ", "They visited www.Example.Com. "] * 20
    assert split("".join(parts) + "End.", "en") == [*parts, "End."]
    assert split("One here. " + "long " * 100 + "two. Three.", "en")[1:] == ["long " * 100 + "two. ", "Three."]


@given(LINES)
def test_blocks_lose_nothing(text):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sentences, "BLOCK", 5)
        assert "".join(split(text, "en")) == text


def test_long_lines_are_quick():
    for unit in ("A cat sat. ", ".", "Ab\n\n", '"(“', "a", "M. ", "1. ", "x ", "Www.Www"):
        text = "A cat sat. " + unit * (100_000 // len(unit))
        assert "".join(split(text, "fr")) == text


def test_white_space_comes_back_between_the_translations():
    assert rejoin([" One.  ", "Two.\n\n", "Three. "], ["Un.", " Deux. ", "Trois."], "fr") == "Un.  Deux.\n\nTrois."


@pytest.mark.parametrize(
    ("parts", "translations", "language", "whole"),
    [
        (["你好。", "再见。"], ["Hello.", "Goodbye."], "en", "Hello. Goodbye."),
        (["本当？\u3000", "はい。"], ["Really?", "Yes."], "en", "Really? Yes."),
        (["Hello. ", "Goodbye."], ["你好。", "再见。"], "zh-Hans", "你好。再见。"),
        (["你好。", "再见。"], ["こんにちは。", "さようなら。"], "ja", "こんにちは。さようなら。"),
        (["本当？\u3000", "はい。"], ["真的？", "是的。"], "zh", "真的？\u3000是的。"),
        (["Hello. ", "OK."], ["Hello.", "OK."], "zh", "Hello. OK."),
        (["你好。", "OK。"], ["Hello.", "OK."], "zh", "Hello. OK."),
        (["Hello. ", "Goodbye."], ["สวัสดี", "ลาก่อน"], "th", "สวัสดี ลาก่อน"),
        (["A cat.  ", "A dog.\t", "A bird."], ["Un chat.", "", "Un oiseau."], "fr", "Un chat.  Un oiseau."),
        (["A cat. "], [""], "fr", ""),
    ],
)
def test_the_target_language_says_whether_sentences_are_spaced(parts, translations, language, whole):
    assert rejoin(parts, translations, language) == whole


def test_the_library_is_imported_only_where_sentences_are_split():
    code = "import sys, nmt.text.sentences as s; assert 'sentencex' not in sys.modules; s.split('A.', 'en')"
    subprocess.run([sys.executable, "-c", code], check=True)
