"""Where sentences end, as a network that programs with an ONNX runtime can run: rules, not weights that were learned.

The network reads a text character by character. Each is of a kind (a dot, a space, a small letter), and some letters
are told apart, for abbreviations. A first convolution has a filter for each rule, which is 1 where all that the rule
asks for stands around a character, and 0 elsewhere; a second one adds up what speaks for an end of a sentence and
against it.

It errs to the side of too few ends: a sentence too long costs little, a cut in `Dr. Smith` spoils both halves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from nmt.sentencepiece_model import integer, message

_MARKS = {
    "space": " ", "dot": ".", "mark": "!?…؟۔।॥።", "wide": "。！？｡", "quote": "\"'", "close": "”’»›)]}」』）】",
    "digit": "0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९",
}  # fmt: skip
_LETTERS = [chr(code) for span in ((0x41, 0x180), (0x370, 0x460), (0x531, 0x588)) for code in range(*span)]
_OF: dict[str, str] = _MARKS | {
    "lower": "".join(c for c in _LETTERS if c.islower()), "upper": "".join(c for c in _LETTERS if c.isupper()),
}  # fmt: skip
KINDS = (*_OF, "other")
_END, _LETTER, _CLOSING = ("dot", "mark"), ("lower", "upper"), ("quote", "close")

# Before a name or a number, so never at the end of a sentence; single letters never are, in any language.
_ABBREVIATIONS = {
    "": "Dr Prof St Nr No vs",
    "de": "Hr Fr bzw ca vgl Str Bd Abs inkl evtl ggf Jh geb Abb Kap Tel Okt",
    "en": "Mr Mrs Ms Mt Rev Gen Sgt Capt Col Lt Vol Fig Eq pp cf ca approx ed eds",
    "es": "Sr Sra Srta Dra Dña Ud Uds pág núm art",
    "fr": "MM Mme Mlle Me Mgr Pr Ste av env janv févr oct sept vol",
    "it": "Sig Dott pag art ca",
    "nl": "dhr mevr drs ir bijv nl ca blz",
    "pl": "dr prof św np tzw ul pl ks",
    "pt": "Sr Sra Dra pág núm art",
    "ru": "им ул гг стр см пр акад",
}
_ORDINALS = {"cs", "da", "de", "et", "fi", "hr", "hu", "is", "lv", "nb", "nn", "no", "sk", "sl", "sr", "tr"}
_LONGEST = max(len(word) for words in _ABBREVIATIONS.values() for word in words.split())


@dataclass(frozen=True)
class _Rule:
    """What stands at which distance from a character, and what does not."""

    speaks: int  # 1 for an end there, -1 against it
    needs: Mapping[int, Iterable[str]]  # distance → kinds or letters, one of which it is
    lacks: Mapping[int, Iterable[str]] = field(default_factory=dict)


def _rules(language: str) -> list[_Rule]:
    any_kind = KINDS
    rules = [
        _Rule(1, {0: _END, 1: ["space"]}, {2: ["lower", "close"]}),
        _Rule(1, {-1: _END, 0: _CLOSING, 1: ["space"]}, {2: ["lower"]}),
        _Rule(1, {-2: _END, -1: ["space"], 0: ["close"], 1: ["space"]}, {2: ["lower"]}),  # `. »`
        _Rule(1, {0: ["wide"]}, {1: ["wide", *_END, *_CLOSING]}),
        _Rule(1, {-1: ["wide"], 0: _CLOSING}, {1: ["wide", *_CLOSING]}),
        _Rule(-1, {-1: _LETTER, 0: ["dot"]}, {-2: _LETTER}),  # `J. Smith`, `z. B. der`
        _Rule(-1, {-1: ["digit"], 0: ["dot"]}, {-2: any_kind}),  # `1. What comes first` at the beginning
        _Rule(-1, {-2: ["digit"], -1: ["digit"], 0: ["dot"]}, {-3: any_kind}),
    ]
    if language in _ORDINALS:
        rules.append(_Rule(-1, {-1: ["digit"], 0: ["dot"]}))  # `am 3. Mai`
    for word in f"{_ABBREVIATIONS['']} {_ABBREVIATIONS.get(language, '')}".split():
        letters = {at - len(word): [letter] for at, letter in enumerate(word)}
        letters[-len(word)] = [word[0], "upper"]  # at the beginning of a sentence
        rules.append(_Rule(-1, letters | {0: ["dot"]}, {-len(word) - 1: _LETTER}))
    return rules


@dataclass(frozen=True)
class Splitter:
    """The network. Sizes: V characters, C kinds and letters, R rules, W places that a rule looks at."""

    language: str
    ids: dict[str, int]  # of a character; 0 is nothing, 1 any other
    table: npt.NDArray[np.float32]  # (V, C)
    rules: npt.NDArray[np.float32]  # (R, C, W)
    rule_bias: npt.NDArray[np.float32]  # (R,)
    ends: npt.NDArray[np.float32]  # (3, R, 1): nothing, end of a word, end of a sentence
    end_bias: npt.NDArray[np.float32]  # (3,)

    before = _LONGEST + 1  # places before a character that rules look at
    after = 2

    @classmethod
    def of(cls, language: str) -> Splitter:
        """Of a language by its code; one that has no list of abbreviations has those of all."""
        base = language.replace("_", "-").partition("-")[0].lower()
        rules = _rules(base)
        letters = sorted({n for r in rules for names in r.needs.values() for n in names if n not in KINDS})
        columns = {name: i for i, name in enumerate((*KINDS, *letters))}
        ids = {character: 2 + i for i, character in enumerate(dict.fromkeys("".join(_OF.values())))}
        table = np.zeros((len(ids) + 2, len(columns)), np.float32)
        table[1, columns["other"]] = 1
        for kind, characters in _OF.items():
            table[[ids[c] for c in characters], columns[kind]] = 1
        for letter in letters:
            table[ids[letter], columns[letter]] = 1
        filters = np.zeros((len(rules), len(columns), cls.before + 1 + cls.after), np.float32)
        for number, rule in enumerate(rules):
            for sign, around in ((1, rule.needs), (-1, rule.lacks)):
                for distance, names in around.items():
                    filters[number, [columns[name] for name in names], cls.before + distance] = sign
        ends = np.zeros((3, len(rules), 1), np.float32)
        ends[2, :, 0] = [rule.speaks for rule in rules]
        bias = np.array([1 - len(rule.needs) for rule in rules], np.float32)
        return cls(base, ids, table, filters, bias, ends, np.array([0, -1, -0.5], np.float32))

    def onnx(self) -> bytes:
        """As a file: https://onnx.ai/onnx/repo-docs/IR.html, with the names and the description that MiniSBD reads:
        `units` (batch, characters) and `features`, of which there are none, to scores (batch, characters, 3).
        """
        constants = {"table": self.table, "rules": self.rules, "rule_bias": self.rule_bias, "ends": self.ends,
                     "end_bias": self.end_bias}  # fmt: skip
        nodes = [
            _node("Gather", ["table", "units"], "kinds"),
            _node("Transpose", ["kinds"], "by_kind", perm=[0, 2, 1]),
            _node("Conv", ["by_kind", "rules", "rule_bias"], "around", pads=[self.before, self.after]),
            _node("Relu", ["around"], "fulfilled"),
            _node("Conv", ["fulfilled", "ends", "end_bias"], "by_class"),
            _node("Transpose", ["by_class"], "scores", perm=[0, 2, 1]),
        ]
        graph = b"".join(
            [
                *(message(1, node) for node in nodes),
                message(2, b"sentences"),
                *(message(5, _tensor(name, values)) for name, values in constants.items()),
                message(11, _value("units", _INT64, ["batch", "length"])),
                message(11, _value("features", _FLOAT, ["batch", "length", "none"])),
                message(12, _value("scores", _FLOAT, ["batch", "length", "classes"])),
            ]
        )
        units = {"<PAD>": 0, "<UNK>": 1} | self.ids
        about = {
            "lang_code": self.language,
            "config": json.dumps({"max_seqlen": 1000, "batch_size": 1, "feat_funcs": []}),
            "vocab": json.dumps({"_unit2id": units, "_id2unit": list(units)}, ensure_ascii=False),
        }
        return b"".join(
            [
                integer(1, _IR), message(2, b"nmt"), message(7, graph), message(8, integer(2, _OPSET)),
                *(message(14, _text(1, key) + _text(2, value)) for key, value in about.items()),
            ]
        )  # fmt: skip


# --- the protocol buffer of ONNX -------------------------------------------------------------------------------------

_IR, _OPSET = 8, 13
_FLOAT, _INT64 = 1, 7  # types of elements
_INTS = 7  # type of an attribute


def _text(number: int, text: str) -> bytes:
    return message(number, text.encode())


def _node(kind: str, inputs: Iterable[str], output: str, **attributes: list[int]) -> bytes:
    found = [
        message(5, _text(1, name) + b"".join(integer(8, n) for n in numbers) + integer(20, _INTS))
        for name, numbers in attributes.items()
    ]
    return b"".join([*(_text(1, name) for name in inputs), _text(2, output), _text(4, kind), *found])


def _tensor(name: str, values: npt.NDArray[np.float32]) -> bytes:
    shape = b"".join(integer(1, size) for size in values.shape)
    return shape + integer(2, _FLOAT) + _text(8, name) + message(9, values.astype("<f4").tobytes())


def _value(name: str, kind: int, shape: Iterable[str]) -> bytes:
    sizes = b"".join(message(1, _text(2, size)) for size in shape)
    return _text(1, name) + message(2, message(1, integer(1, kind) + message(2, sizes)))
