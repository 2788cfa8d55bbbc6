"""What is made alike before text is cut into pieces: much on the source side, next to nothing on the target side.

A source line may lose what makes no difference (full-width forms, ligatures, `…` for `...`): fewer pieces have to be
learned. What a target line loses, the model can never write. So a target keeps all its characters; only white space
becomes plain spaces, control characters go, and of two encodings of the same character (canonically equivalent ones, as
é in one code point or in two) one is taken. `identity` changes nothing but runs of spaces, on both sides.

SentencePiece's nmt_nfkc makes spaces of the zero-width non-joiner and of marks of direction, and so two words of one.
Here the non-joiner stays, as the joiner does: Persian and other scripts spell with both. A mark of direction goes
without a trace, as it only says how a line is shown.

SentencePiece keeps the rules in the model file. Two models that differ in them alone have the same pieces and ids.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from itertools import chain, starmap
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nmt.sentencepiece_model import fields, message, replace_rules
from nmt.tokenizer.apostrophe import with_joining, with_split

if TYPE_CHECKING:
    from nmt.recipe import TokenizerSection
    from nmt.tokenizer.ids import Side

Name = Literal["nmt_nfkc", "nfkc", "identity"]

# Letters with diacritics, kana, Hangul. Ideographs have none but those that other glyphs of the same sign have, which
# make a difference in names.
_WITH_DECOMPOSITIONS = ((0xC0, 0x3100), (0xAC00, 0xD7A4))

_UNLIKE_NMT_NFKC = {"\u200c": "\u200c", "\u200e": "", "\u200f": "", "\u061c": ""}

_CHARSMAP = 2  # field of NormalizerSpec
_BLOCK = 256  # nodes of a trie
_IS_LEAF, _LABEL, _HAS_LEAF, _FAR = 1 << 31, 1 << 31 | 0xFF, 1 << 8, 1 << 9  # bits of a node


def normalizer(section: TokenizerSection, side: Side) -> Callable[[Sequence[bytes]], list[bytes]] | None:
    """What makes lines alike before a model is trained on them; None: they stay as they are."""
    if not (rules := _rules(section.normalization, side, section.apostrophe == "split")):
        return None
    found = _sentencepiece().SentencePieceNormalizer(
        normalizer_spec=rules, add_dummy_prefix=False, escape_whitespaces=False
    )

    def normalize(lines: Sequence[bytes]) -> list[bytes]:
        made: list[bytes] = found.normalize(list(lines))
        return made

    return normalize


def with_rules(model: bytes, section: TokenizerSection, side: Side) -> bytes:
    """The model with the rules of that side."""
    split = section.apostrophe == "split"
    if rules := _rules(section.normalization, side, split):
        model = replace_rules(model, rules)
    return with_joining(model) if split else model


def without_rules(model: bytes) -> bytes:
    """What decides pieces and ids. Raises ValueError where it is no model."""
    return replace_rules(model, b"")


@cache
def _rules(name: Name, side: Side, split: bool) -> bytes:
    """A serialized NormalizerSpec; empty: there are no rules."""
    make = _sentencepiece().SentencePieceNormalizer
    if name == "identity":
        return make(norm_map=list(with_split({}).items())).serialized_normalizer_spec() if split else b""
    made = make(rule_name=name) if side == "src" else make(norm_map=list((_spaces() | _canonical()).items()))
    spec: bytes = made.serialized_normalizer_spec()
    if name == "nmt_nfkc" and side == "src":
        spec = _changed(spec, _UNLIKE_NMT_NFKC)
    if split:
        rules = with_split({text: to for text, to in make(normalizer_spec=spec).Decompile() if text != to})
        spec = make(norm_map=list(rules.items())).serialized_normalizer_spec()
    return spec


def _spaces() -> dict[str, str]:
    """White space to plain spaces; control characters and byte order marks inside a text to nothing."""
    controls = [chr(i) for i in (*range(1, 0x20), *range(0x7F, 0xA0))]
    white = "\t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
    return dict.fromkeys([*controls, "\ufeff"], "") | dict.fromkeys([*white, "▁"], " ")  # SentencePiece's own sign


def _canonical() -> dict[str, str]:
    """Other encodings of a character, such as a decomposed one, to its composed form (NFC): by the Unicode data that
    all versions of Python have, so that all make the same tokenizer.
    """
    nfc, nfd = (partial(unicodedata.ucd_3_2_0.normalize, form) for form in ("NFC", "NFD"))
    rules = {}
    for character in map(chr, chain.from_iterable(starmap(range, _WITH_DECOMPOSITIONS))):
        parts, composed = nfd(character), nfc(character)
        for i in range(len(parts)):
            rules[nfc(parts[: i + 1]) + parts[i + 1 :]] = composed
        rules[character] = composed
    return {before: after for before, after in rules.items() if before != after == nfc(before)}


def _sentencepiece() -> Any:
    import sentencepiece

    sentencepiece.SetMinLogLevel(2)
    return sentencepiece


# --- compiled rules --------------------------------------------------------------------------------------------------


def _changed(spec: bytes, changes: Mapping[str, str]) -> bytes:
    """A serialized NormalizerSpec with other results for characters that it has rules for."""
    return b"".join(
        message(field, _with_results(value, changes) if field == _CHARSMAP else value)
        for field, value in fields(spec)
        if isinstance(value, bytes)
    )


def _with_results(charsmap: bytes, changes: Mapping[str, str]) -> bytes:
    """`charsmap` is the size of a trie in bytes, the trie, and results that end with a zero byte; the trie maps the
    UTF-8 of what is replaced to where in these its result begins. The trie is a double array as darts-clone has it
    (https://github.com/s-yata/darts-clone): 32 bits a node.
    """
    size = int.from_bytes(charsmap[:4], "little")
    nodes = np.frombuffer(charsmap[4 : 4 + size], "<u4").tolist()
    results = charsmap[4 + size :]
    for before, after in changes.items():
        at = 0
        for byte in before.encode():
            at ^= _offset(nodes[at]) ^ byte
            if nodes[at] & _LABEL != byte:
                raise ValueError(f"no rule for U+{ord(before):04X}")
        # What the last byte leads to may be shared with other keys, so it gets a block of its own: a leaf, no children.
        leaf = len(nodes)
        nodes[at] = nodes[at] & _LABEL | _HAS_LEAF | (at ^ leaf) << 10
        nodes += [len(results) | _IS_LEAF] + [0] * (_BLOCK - 1)
        results += after.encode() + b"\0"
    trie = np.array(nodes, "<u4").tobytes()
    return len(trie).to_bytes(4, "little") + trie + results


def _offset(node: int) -> int:
    """From a node to its children, each of which lies at this, xor its byte."""
    return node >> 10 << (8 if node & _FAR else 0)
