"""A paragraph in one line: cut into sentences, and put together again from their translations.

Where sentences end is the judgement of sentencex (https://github.com/wikimedia/sentencex), rules of the Wikimedia
Foundation for about 300 languages, without a model. We take back some of its cuts: one too few costs little, one within
`M. Dupont` spoils both halves.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

# Before a name or a number, so never at the end of a sentence; what sentencex 1.0 does not know of such.
_ABBREVIATIONS = {
    "de": {"Abs", "Bd", "inkl", "Okt"},
    "en": {"Ms", "Vol", "approx", "ed", "eds"},
    "es": {"Dña"},
    "fr": {"Dr", "Me", "Mgr", "Mlle", "Mme", "Pr", "St", "Ste", "janv", "no", "oct", "sept"},
    "it": {"pag"},
    "nl": {"mevr"},
    "pl": {"dr", "św"},
    "pt": {"pág"},
    "ru": {"им"},
}
BLOCK = (
    10_000  # characters looked at together: sentencex takes the square of the time where quotation marks do not close
)
_LAST_WORD = re.compile(r"[^\W\d_]+$")
_UNSPACED = {"ja", "lzh", "wuu", "yue", "zh"}  # nothing stands between sentences; Thai and Khmer have a space there


def split(text: str, language: str) -> list[str]:
    """The sentences of a text, each with the white space after it, the first with that before it: joined they are the
    text, character by character.

    `language` is a code such as `en` or `pt-BR`; one that sentencex does not know is cut by general rules. Text
    without a letter (`1.`, `***`) is no sentence of its own. A text without a cut is one part, also the empty text.
    """
    language = _base(language)
    last_letter = next((i for i in range(len(text) - 1, -1, -1) if text[i].isalpha()), -1)
    parts: list[str] = []
    begin = previous = 0  # of this part; of what has come to it since the last cut that was looked at
    lettered = False
    for cut in _cuts(text, language):
        piece, previous = text[previous:cut], cut
        lettered = lettered or any(map(str.isalpha, piece))
        if lettered and cut <= last_letter and _may_end(piece, text[cut], language):
            parts.append(text[begin:cut])
            begin, lettered = cut, False
    return [*parts, text[begin:]]


def rejoin(parts: Sequence[str], translations: Sequence[str], language: str) -> str:
    """One text of the translations of `split`'s parts, with the white space that stood between the parts.

    White space around the whole has no place in a translation. `language` is the target's: where it leaves spaces
    between sentences, one stands also where the source had none (or an ideographic one); where it does not, a single
    space goes, unless the characters on both sides are narrow, as Latin letters are. A part without translation leaves
    no gap.
    """
    unspaced = _base(language) in _UNSPACED
    whole, gap = "", ""
    for part, translation in zip(parts, translations, strict=True):
        translation = translation.strip()
        if translation and whole:
            if unspaced and gap == " " and (_is_wide(whole[-1]) or _is_wide(translation[0])):
                gap = ""
            elif not gap or (gap == "\u3000" and not unspaced):
                narrow = not (_is_wide(whole[-1]) or _is_wide(translation[0]))
                gap = " " if narrow or not unspaced else ""
            whole += gap
        if translation:
            whole += translation
            gap = part[len(part.rstrip()) :]
    return whole


def _base(language: str) -> str:
    """`pt` of `pt-BR`; sentencex takes the longer for a language that it does not know."""
    return re.split("[-_]", language)[0].lower()


def _cuts(text: str, language: str) -> Iterator[int]:
    """Where sentences begin, but for the first; after the white space."""
    from sentencex import segment

    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair is no text to sentencex, but a replacement is as long
        text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    done = cut = 0
    while done < len(text):
        sentences = segment(language, text[done : done + BLOCK])
        if done + BLOCK < len(text):
            if len(sentences) == 1:
                done += BLOCK  # no cut: what follows may belong to it
                continue
            sentences.pop()  # it may go on; the next block begins with it
        for sentence in sentences:
            done += len(sentence)
            at = done
            while at < len(text) and text[at].isspace():
                at += 1
            if cut < at < len(text):
                yield at
                cut = at


def _may_end(piece: str, following: str, language: str) -> bool:
    """Whether a sentence may end with `piece`, when the character `following` goes on."""
    end = piece.rstrip()
    if end == piece and end[-1].isascii() and not _is_wide(following):
        return False  # within www.Example.Com, or file.Name
    if end.endswith("."):
        word = _LAST_WORD.search(end[-20:-1])
        # A letter alone is mostly an initial or an abbreviation: M. Dupont, p. ex., т. е. English ones are known.
        if word and (word[0] in _ABBREVIATIONS.get(language, ()) or (len(word[0]) == 1 and language != "en")):
            return False
    return True


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in ("W", "F")
