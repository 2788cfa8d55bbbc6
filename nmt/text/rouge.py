"""ROUGE (Lin 2004): how much of a reference a text has, in n-grams or in the longest common subsequence.

Implementations differ by many points, so a score's signature says how it was made. With the tokenizer `rouge` the
scores are those of the package rouge-score without its stemmer, which knows a–z and 0–9 alone: French loses its accents
to it, and Chinese everything. `unicode` splits text of any language, and ASCII text in the same way.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from nmt.text.by_line import MeanOfLines, Refs, of_each
from nmt.text.sentences import split
from nmt.text.words import is_alone

Words = tuple[str, ...]
Scores = tuple[float, float, float]  # F1, precision, recall
Tokenizer = Callable[[str], Words]

PARTS = ("precision", "recall")
_LATIN = re.compile("[a-z0-9]+")
_NONE: Scores = (0.0, 0.0, 0.0)


def latin_words(text: str) -> Words:
    """As rouge-score: in lower case; all but a–z and 0–9 stands between words."""
    return tuple(_LATIN.findall(text.lower()))


@lru_cache(maxsize=10_000)  # a reference is split once for all metrics and systems
def unicode_words(text: str) -> Words:
    """In lower case; letters, marks and digits make words. Of scripts without spaces each character is one."""
    if text.isascii():
        return latin_words(text)
    words: list[str] = []
    inside = alone = False  # the last word may go on; it takes nothing but marks
    for character in unicodedata.normalize("NFC", text.casefold()):
        match unicodedata.category(character)[0]:
            case "M" if inside:
                words[-1] += character
            case "L" | "N":
                own = is_alone(character)
                if inside and not own and not alone:
                    words[-1] += character
                else:
                    words.append(character)
                inside, alone = True, own
            case _:
                inside = False
    return tuple(words)


TOKENIZERS: dict[str, Tokenizer] = {"unicode": unicode_words, "rouge": latin_words}


def rouge(kind: str, tokenizer: str) -> MeanOfLines:
    """`kind`: 1, 2 …, for n-grams; `L`; or `Lsum`, sentence by sentence. Of several references the best by F1 counts.

    Sentences of Lsum end at line breaks; those of a text without one where `nmt.text.sentences` finds it.
    """
    words = TOKENIZERS[tokenizer]

    def of_line(hyp: str, refs: Refs) -> Scores:
        match kind:
            case "L":
                found = [_of_subsequence(words(hyp), words(ref)) for ref in refs]
            case "Lsum":
                sentences = _sentences(hyp, words)
                found = [_of_sentences(sentences, _sentences(ref, words)) for ref in refs]
            case _:
                found = [_of_ngrams(words(hyp), words(ref), int(kind)) for ref in refs]
        return max(found, key=lambda scores: scores[0])

    sentences = {"sent": "auto"} if kind == "Lsum" else {}
    signature = {"rouge": kind, "tok": tokenizer, "stem": "no", **sentences}
    return MeanOfLines(f"rouge{kind}", of_each(of_line), signature, PARTS)


def _scores(hits: int, hyp: int, ref: int) -> Scores:
    """Of what both have, and what each has."""
    if not hits:
        return _NONE
    precision, recall = hits / hyp, hits / ref
    return 2 * precision * recall / (precision + recall), precision, recall


def ngrams(words: Sequence[str], n: int) -> Counter[Words]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


def _of_ngrams(hyp: Words, ref: Words, n: int) -> Scores:
    ours, theirs = ngrams(hyp, n), ngrams(ref, n)
    return _scores((ours & theirs).total(), ours.total(), theirs.total())


def _of_subsequence(hyp: Words, ref: Words) -> Scores:
    return _scores(_common(hyp, ref), len(hyp), len(ref))


def _common(a: Words, b: Words) -> int:
    """The length of the longest common subsequence; a bit for each word of `a` (Hyyrö 2004)."""
    places: Counter[str] = Counter()
    for i, word in enumerate(a):
        places[word] |= 1 << i
    every = (1 << len(a)) - 1
    row = every  # a 0 where a row of the table is one greater than in the column before
    for word in b:
        taken = row & places[word]
        row = ((row + taken) | (row - taken)) & every
    return len(a) - row.bit_count()


def _sentences(text: str, words: Tokenizer) -> list[Words]:
    parts = text.split("\n") if "\n" in text else split(text, "")
    return [words(part) for part in parts]


def _of_sentences(hyp: list[Words], ref: list[Words]) -> Scores:
    """Of each reference sentence the words in any longest common subsequence with a sentence of the hypothesis; a word
    counts at most as often as both have it (ROUGE 1.5.5).
    """
    left = Counter(word for sentence in hyp for word in sentence)
    hits = 0
    for sentence in ref:
        union = set().union(*(_places(sentence, other) for other in hyp))
        for i in sorted(union):
            if left[sentence[i]]:
                left[sentence[i]] -= 1
                hits += 1
    return _scores(hits, sum(map(len, hyp)), sum(map(len, ref)))


def _places(ref: Words, hyp: Words) -> set[int]:
    """Where in the reference sentence the words of a longest common subsequence stand; of several the last ones."""
    table = [[0] * (len(hyp) + 1)]
    for word in ref:
        row = [0]
        for j, other in enumerate(hyp):
            row.append(table[-1][j] + 1 if word == other else max(table[-1][j + 1], row[-1]))
        table.append(row)
    found, i, j = set(), len(ref), len(hyp)
    while i and j:
        if ref[i - 1] == hyp[j - 1]:
            i, j = i - 1, j - 1
            found.add(i)
        elif table[i][j - 1] > table[i - 1][j]:
            j -= 1
        else:
            i -= 1
    return found
