"""Words as papers on Multi30k count them: the text in lower case, with plain punctuation, cut by Moses.

The pipeline `lowercase.perl | normalize-punctuation.perl -l LANG | tokenizer.perl -l LANG` of Moses as of December 2017
(commit 3a0631a, which made the files of Multi30k), written anew. Its quirks are kept, for scores depend on them: what
normalize-punctuation.perl does, it does to bytes, so beside ’ it knows no letters but a to z, and the end of the line
is a character.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

LANGUAGES = ("cs", "de", "en", "fr")
VERSION = "3a0631a"

# Abbreviations whose full stop stays with them, also at the end of a line; those that text in lower case can have.
_ABBREVIATIONS = {
    "cs": (
        "abl absol abt ad adj adv aj ak akt alch amer anat angl anglosas anon ap apod arab arch archit arg astr "
        "astrol atd atp att aut bd belg bibl biogr biol boh bot br bulh bás cca chcsl chem cit cizojaz col csl "
        "círk dat dep dial dl doc dol dop dopr dosl dór děj dět ed ekon epic etnonym eufem ev event f facs fam "
        "fasc fem fil film fol form fot fr franc fut fyz gen geogr geol geom germ gram hebr herald hist hl hod "
        "hor horn hovor hrsg hud hut ibid ie il imp impf ind indoevr inf instr interj iron it ión jap jhdt jv "
        "kanad katalán kl klas kniž koed kol komp konj konkr korej kr krit kuch kř lat les lid lit liturg log lok "
        "lék m mat maď meteor metr mj ml mld mod mp ms mysl n např neklas nepubl nesklon než no nom nprap nr náb "
        "námoř násl něm ob obch obr obyč odd odp ojed okr opr opt orig p part pas pejor pers pf phil pl plpf "
        "pokrač pol pomn popř port pozn prep prof práv pseud pt předl přel přeprac přivl příl r rcsl red refl reg "
        "repr resp revid rkp roz rozš roč rum rus s samohl samost sect sest seš sg sign sl slang slov souhl spec "
        "sport srov srv st stfr stol stsl střv subj subst superl sv sz tab tech telev teol tis tj trans typogr "
        "tzn tzv táz tř univ uspoř var vedl verb voj vok vol vs vulg vyd vyobr vztaž výtv vč vůb zahr zal zast "
        "zejm zeměd zkr zprac zvl zájm zř č čas čes čj čp čín ř řec šk špan švýc"
    ),
    "de": (
        "a b bzgl bzw c ca d dergl dgl e etc evtl f ff g ggf h i ii iii iv ix j jun k l m n o p pp q r s sen sog "
        "sogen spp t u usf usw v vgl vi vii viii vs w x xi xii xiii xiv xix xv xvi xvii xviii xx y z zzt "
        + " ".join(map(str, range(1, 100)))
    ),
    "en": ("rev v vs"),
    "fr": (
        "al ann apr art auj av b boul c ca cf chap contr d dir e env etc ex f fasc fig fr fém g h hab i ibid id "
        "inf j k l lib m masc ms n n/réf o p pl pp q r s sec sect sing sq sqq suiv sup suppl t tél u v vb vol vs "
        "w x y z éd"
    ),
}
_BEFORE_NUMBERS = {"en": "pp"}


def moses(language: str) -> Callable[[str], str]:
    """What puts spaces between the words of a line, and escapes signs as Moses does; of LANGUAGES."""
    normalize, tokenize = _normalizer(language), _tokenizer(language)

    @lru_cache(1 << 16)  # references are cut at every validation
    def cut(line: str) -> str:
        lowered = line.replace("Σ", "σ").lower()  # Perl has one small sigma
        return tokenize(normalize(lowered))

    return cut


# --- normalize-punctuation.perl --------------------------------------------------------------------------------------

_NO_BREAK = "\u00a0"  # a space at which no line is broken
_PUNCTUATION = [
    (r"\r", ""), (r"\(", " ("), (r"\)", ") "), (" +", " "), (r"\) ([.!:?;,])", r")\1"), (r"\( ", "("), (r" \)", ")"),
    (r"(\d) %", r"\1%"), (" :", ":"), (" ;", ";"),
    ("`", "'"), ("''", ' " '), ("„|“|”", '"'), ("–", "-"), ("—", " - "), (" +", " "), ("´", "'"),
    ("([A-Za-z])‘([A-Za-z])", r"\1'\2"), ("([A-Za-z])’([A-Za-z])", r"\1'\2"), ("‘|‚|’|''", '"'), ("…", "..."),
    (f"{_NO_BREAK}«{_NO_BREAK}", ' "'), (f"«{_NO_BREAK}|«", '"'), (f"{_NO_BREAK}»{_NO_BREAK}", '" '),
    (f"{_NO_BREAK}»|»", '"'),
    (f"{_NO_BREAK}%", "%"), (f"nº{_NO_BREAK}", "nº "), (f"{_NO_BREAK}:", ":"), (f"{_NO_BREAK}ºC", " ºC"),
    (f"{_NO_BREAK}cm", " cm"), (rf"{_NO_BREAK}\?", "?"), (f"{_NO_BREAK}!", "!"), (f"{_NO_BREAK};", ";"),
    (f",{_NO_BREAK}", ", "), (" +", " "),
]  # fmt: skip
_QUOTES = {  # where a quotation ends: in English behind a comma or full stop, else before
    "en": [(r'"([,.]+)', r'\1"')],
    "cs": [],
}  # fmt: skip
_OTHER_QUOTES = [(',"', '",'), (r'(\.+)"(\s*[^<])', r'"\1\2')]


def _normalizer(language: str) -> Callable[[str], str]:
    thousands = (rf"(\d){_NO_BREAK}(\d)", r"\1.\2" if language == "en" else r"\1,\2")
    rules = [*_PUNCTUATION, *_QUOTES.get(language, _OTHER_QUOTES), thousands]
    compiled = [(re.compile(before.encode()), after.encode()) for before, after in rules]

    def normalize(line: str) -> str:
        text = line.encode(errors="replace") + b"\n"
        for before, after in compiled:
            text = before.sub(after, text)
        return text[:-1].decode(errors="replace")

    return normalize


# --- tokenizer.perl --------------------------------------------------------------------------------------------------

_LETTER, _LETTER_OR_DIGIT, _NUMBER = r"\p{Alphabetic}", r"\p{Alphabetic}\p{Nd}", r"\p{N}"
_DOT = "\x01"  # of several in a row
_SIGNS = [(rf"([^{_LETTER_OR_DIGIT}\s.'`,\-])", r" \1 ")]
_DOTS = re.compile(r"\.{2,}")  # which stay together
_COMMAS = [(rf"([^{_NUMBER}]),", r"\1 , "), (rf",([^{_NUMBER}])", r" , \1"), (rf"({_NUMBER}),$", r"\1 ,")]
_APOSTROPHES = {
    "en": [
        (rf"([^{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"), (rf"([^{_LETTER}{_NUMBER}])'([{_LETTER}])", r"\1 ' \2"),
        (rf"([{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"), (rf"([{_LETTER}])'([{_LETTER}])", r"\1 '\2"),
        (rf"({_NUMBER})'(s)", r"\1 '\2"),
    ],
    "fr": [
        (rf"([^{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"), (rf"([^{_LETTER}])'([{_LETTER}])", r"\1 ' \2"),
        (rf"([{_LETTER}])'([^{_LETTER}])", r"\1 ' \2"), (rf"([{_LETTER}])'([{_LETTER}])", r"\1' \2"),
    ],
}  # fmt: skip
_OTHER_APOSTROPHES = [("'", " ' ")]
_STOP_AND_QUOTE = re.compile(r"\.' ?$")
_ESCAPES = str.maketrans({
    _DOT: ".", "&": "&amp;", "|": "&#124;", "<": "&lt;", ">": "&gt;", "'": "&apos;", '"': "&quot;", "[": "&#91;",
    "]": "&#93;",
})  # fmt: skip


def _tokenizer(language: str) -> Callable[[str], str]:
    import regex  # which knows Unicode's properties

    signs, words = (
        [(regex.compile(before), after) for before, after in rules]
        for rules in (_SIGNS, [*_COMMAS, *_APOSTROPHES.get(language, _OTHER_APOSTROPHES)])
    )
    stops = _stops(language)

    def tokenize(line: str) -> str:
        text = re.sub(r"[\0-\x1f]", "", regex.sub(r"\p{White_Space}+", " ", line))
        text = re.sub(" +", " ", text).strip(" ")
        for before, after in signs:
            text = before.sub(after, text)
        text = _DOTS.sub(lambda found: f" {_DOT * len(found[0])} ", text)
        for before, after in words:
            text = before.sub(after, text)
        text = re.sub(" +", " ", " ".join(stops(text.rstrip(" ").split(" ")))).strip(" ")
        return _STOP_AND_QUOTE.sub(" . ' ", text).translate(_ESCAPES)

    return tokenize


def _stops(language: str) -> Callable[[Sequence[str]], list[str]]:
    """What cuts the full stop off words that end with one."""
    import regex

    always = frozenset(_ABBREVIATIONS[language].split())
    before_numbers = frozenset(_BEFORE_NUMBERS.get(language, "").split())
    letter, small = regex.compile(rf"[{_LETTER}]"), regex.compile(r"\p{Lowercase}")

    def stays(word: str, following: str) -> bool:
        initials = "." in word and letter.search(word)
        if initials or word in always or small.match(following):
            return True
        return word in before_numbers and following[:1].isascii() and following[:1].isdigit()

    def cut(words: Sequence[str]) -> list[str]:
        return [
            f"{word[:-1]} ." if len(word) > 1 and word.endswith(".") and not stays(word[:-1], following) else word
            for word, following in zip(words, [*words[1:], ""], strict=True)
        ]

    return cut
