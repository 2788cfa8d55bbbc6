"""Tags put round the words of a translation that those come from which they were round in the source.

A pair goes round the hull of the words aligned to its words; punctuation at its ends goes in if it was in. A tag alone
goes beside the word aligned to its neighbour. No tag parts a word, none is lost, doubled or added, and pairs stay
nested: where two claim the same words, the border is drawn where it cuts off least. Whatever is placed by such a guess
is told.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from nmt.text.inline import Inline, Node, Sentence, Span, Tag, placeholders, walk
from nmt.text.links import Link, units
from nmt.text.phrases import occurrences

_END_SIGNS = ".,;:!?…。！？、，；：»”’)]}"
_FIRST_SIGNS = "¿¡«“‘([{"


@dataclass(frozen=True)
class Projected:
    """The translation with its tags. guess: that some of them are where they should be is not certain."""

    items: Inline
    guess: bool = False


def keeps_codes(sentence: Sentence, translation: str) -> bool:
    """Whether all that should stand in the translation as it is stands there, and no other placeholder does."""
    found = _shown(sentence, translation)
    named = [text for code in sentence.codes for text in placeholders(code)]
    return len(found) == len(sentence.codes) and sorted(placeholders(translation)) == sorted(named)


def without_placeholders(text: str) -> str:
    """Text in which the source's placeholders were not shown, without any that it has all the same."""
    for code in placeholders(text):
        text = text.replace(code, "")
    return " ".join(text.split(" "))


def project(sentence: Sentence, translation: str, links: Sequence[Link]) -> Projected:
    """The translation of a sentence with the tags of that. `links` are between characters of both."""
    translation = translation.strip()
    if translation == sentence.text:
        return Projected(sentence.items)
    if not sentence.nodes:
        return Projected(tuple(item for item in (*sentence.before, translation, *sentence.after) if item))
    nodes = _copied(sentence.nodes)
    placing = _Placing(sentence, nodes, translation, links)
    placing.place(nodes, 0, len(placing.units))
    whole = [*sentence.before, *placing.emit(nodes, 0, len(translation)), *sentence.after]
    items = _swap_crossed(whole, sentence.crossing)
    first, last = len(sentence.before), len(items) - len(sentence.after)
    edges = [tuple(i for i in edge if not isinstance(i, Node)) for edge in (items[:first], items[last:])]
    return Projected((*edges[0], *_spaced(items[first:last]), *edges[1]), placing.guess)


def _copied(nodes: Sequence[Node]) -> list[Node]:
    return [replace(node, children=_copied(node.children)) for node in nodes]


def _shown(sentence: Sentence, translation: str) -> dict[int, Span]:
    """Where placeholders and their like stand in the translation, by the order of their nodes."""
    found: dict[int, Span] = {}
    taken: list[Span] = []
    # The longest first: it may have others in it.
    for node in sorted((n for n in walk(sentence.nodes) if n.shown), key=lambda n: n.begin - n.end):
        code = sentence.text[node.begin : node.end]
        for at in occurrences(translation, code):
            if all(at + len(code) <= begin or end <= at for begin, end in taken):
                found[node.order] = (at, at + len(code))
                taken.append(found[node.order])
                break
    return found


class _Placing:
    """Where the nodes of a sentence go. Ranges are of units of the translation, but for what is said to be of
    characters.
    """

    def __init__(self, sentence: Sentence, roots: Sequence[Node], translation: str, links: Sequence[Link]) -> None:
        self.source, self.translation = sentence.text, translation
        self.shown = _shown(sentence, translation)
        self.guess = False
        nodes = list(walk(roots))
        self.codes = {self.shown[n.order]: n.items[0] for n in nodes if n.order in self.shown}
        bounds = sorted({place for node in nodes for place in (node.begin, node.end)})
        refined = [part for one in links for part in self._refined(one, bounds)]
        cuts = {one.tgt[0] for one in refined} & {one.tgt[1] for one in refined}
        self.units = self._units(cuts)
        self.links: list[list[Span]] = [[] for _ in self.units]  # spans of the source, of each unit
        self.weak: list[list[Span]] = [[] for _ in self.units]
        code_spans = set(self.codes)
        sources = {self.shown[n.order]: (n.begin, n.end) for n in nodes if n.order in self.shown}
        for k, unit in enumerate(self.units):
            if unit in code_spans:
                self.links[k] = [sources[unit]]
                continue
            for one in refined:
                if _overlap(unit, one.tgt) and not any(_overlap(one.src, span) for span in sources.values()):
                    (self.weak if one.weak else self.links)[k].append(one.src)
        self.code_ends = {place for span in sources.values() for place in span}
        self.source_units = units(self.source)
        self.ranges: dict[int, Span] = {}  # of pairs that cover something
        self.places: dict[int, int] = {}  # in characters, of all other nodes

    def _refined(self, one: Link, bounds: Sequence[int]) -> Iterable[Link]:
        """A word that is the same in both, and has a tag in it, is aligned character by character there."""
        (begin, end), (tgt, tgt_end) = one.src, one.tgt
        inner = [b for b in bounds if begin < b < end]
        if not inner or self.source[begin:end] != self.translation[tgt:tgt_end]:
            return [one]
        edges = [begin, *inner, end]
        return [Link((a, b), (tgt + a - begin, tgt + b - begin), one.weak) for a, b in pairwise(edges)]

    def _units(self, cuts: Iterable[int]) -> list[Span]:
        """Codes whole, and words; cut where the same word is cut in the source."""
        found = sorted(self.codes)
        for begin, end in units(self.translation):
            if not any(_overlap((begin, end), span) for span in self.codes):
                found += pairwise([begin, *sorted(c for c in cuts if begin < c < end), end])
        return sorted(found)

    # --- pairs -------------------------------------------------------------------------------------------------------

    def place(self, nodes: Sequence[Node], lo: int, hi: int) -> None:
        """All nodes that lie beside each other, in the units from lo to hi."""
        covering = [node for node in nodes if node.is_pair]
        owner = [self._owner(covering, k) for k in range(lo, hi)]
        found: list[tuple[Node, Span, list[int]]] = []
        for node in covering:
            own = [k for k, one in enumerate(owner, lo) if one is node]
            if not own:
                free = [k for k in range(lo, hi) if owner[k - lo] is None and not self._is_sign(k, _END_SIGNS)]
                own = [k for k in free if _most(self.weak[k], node)][:1]
                self.guess = True
            if own:
                found.append((node, self._hull(node, own, owner, lo, hi), own))
        self._draw_borders(found)
        for node in covering:
            if node.order not in self.ranges:
                node.items = _flat(node, self.shown)
                node.end, node.children, node.space = node.begin, [], (False, False)
        for node in covering:
            if node.order in self.ranges:
                self.place(node.children, *self.ranges[node.order])
        alone = [n for n in nodes if n.order not in self.ranges and n.order not in self.shown]
        taken = [self._characters(self.ranges[n.order]) for n in covering if n.order in self.ranges]
        first, last = self._characters((lo, hi)) if hi > lo else (len(self.translation),) * 2
        if (lo, hi) == (0, len(self.units)):
            first, last = 0, len(self.translation)
        for node in alone:
            self.places[node.order] = _outside(min(max(self._beside(node), first), last), [*taken, *self.codes])

    def _owner(self, nodes: Sequence[Node], k: int) -> Node | None:
        best = max(nodes, key=lambda node: _most(self.links[k], node), default=None)
        return best if best and _most(self.links[k], best) else None

    def _hull(self, node: Node, own: list[int], owner: Sequence[Node | None], lo: int, hi: int) -> Span:
        begin, end = own[0], own[-1] + 1
        if end - begin > 2 * len(own):  # most of it is of others: the best stretch
            self.guess = True
            begin, end = _best_stretch(own)
        closes = self._has_sign(node.end, -1, _END_SIGNS)
        opens = self._has_sign(node.begin, 0, _FIRST_SIGNS)
        while end - begin > 1 and self._is_sign(end - 1, _END_SIGNS) and not closes:
            end -= 1
        while end - begin > 1 and self._is_sign(begin, _FIRST_SIGNS) and not opens:
            begin += 1
        while closes and end < hi and owner[end - lo] in (None, node) and self._is_sign(end, _END_SIGNS):
            end += 1
        while opens and begin > lo and owner[begin - 1 - lo] in (None, node) and self._is_sign(begin - 1, _FIRST_SIGNS):
            begin -= 1
        return begin, end

    def _has_sign(self, place: int, before: int, signs: str) -> bool:
        """Whether a pair of the source has such a sign just inside of its border."""
        return place not in self.code_ends and self.source[place + before : place + before + 1] in tuple(signs)

    def _is_sign(self, k: int, signs: str) -> bool:
        return self.units[k] not in self.codes and self.translation[slice(*self.units[k])] in signs

    def _draw_borders(self, found: list[tuple[Node, Span, list[int]]]) -> None:
        """Where ranges overlap: the border between two that cuts off the fewest of their own units."""
        found.sort(key=lambda one: (sum(one[2]) / len(one[2]), one[0].order))
        free = 0
        for i, (node, (begin, end), own) in enumerate(found):
            begin = max(begin, free)
            for _, (next_begin, _), others in found[i + 1 :]:
                if next_begin < end:
                    self.guess = True
                    border = min(
                        range(begin, end + 1), key=lambda b: sum(k >= b for k in own) + sum(k < b for k in others)
                    ) if begin < end else begin  # fmt: skip
                    end = min(end, border)
            if begin < end and any(begin <= k < end for k in own):
                self.ranges[node.order] = begin, end
                free = end
            else:
                self.guess = True

    # --- what stands alone -------------------------------------------------------------------------------------------

    def _beside(self, node: Node) -> int:
        """A place in characters: after what the word before it became, or before that after it; the word that it
        touches comes first.
        """
        at = node.begin
        if at == 0 or at >= len(self.source):
            return 0 if at == 0 else len(self.translation)
        after = bisect_left(self.source_units, (at, at))
        if after and self.source_units[after - 1][1] > at:  # within a word: before it, if it does not end there
            after -= 1
            self.guess = True
            left = False
        else:
            left = not node.space[0] or node.space[1]
        before = after - 1
        for distance in range(len(self.source_units)):
            for side in (left, not left):
                k = before - distance if side else after + distance
                if 0 <= k < len(self.source_units) and (place := self._became(self.source_units[k], side)) is not None:
                    self.guess |= distance > 0
                    return self._past_signs(place, at) if side else place
        self.guess = True
        return len(self.translation) * at // len(self.source) if not self.units else self._nearest(at)

    def _became(self, word: Span, end: bool) -> int | None:
        for links in (self.links, self.weak):
            own = [self.units[k] for k, spans in enumerate(links) if any(_overlap(word, span) for span in spans)]
            if own:
                return own[-1][1] if end else own[0][0]
        return None

    def _past_signs(self, place: int, at: int) -> int:
        """After the punctuation, if it stood after that in the source."""
        while self.source[at - 1 : at] in tuple(_END_SIGNS) and self.translation[place : place + 1] in tuple(
            _END_SIGNS
        ):
            place += 1
        return place

    def _nearest(self, at: int) -> int:
        """The end of the unit that is as far on in the translation as that place in the source."""
        wanted = at * len(self.translation) / len(self.source)
        return min((end for _, end in self.units), key=lambda end: abs(end - wanted))

    def _characters(self, units_: Span) -> Span:
        return self.units[units_[0]][0], self.units[units_[1] - 1][1]

    # --- writing -----------------------------------------------------------------------------------------------------

    def emit(self, nodes: Sequence[Node], begin: int, end: int) -> list[str | Tag | Node]:
        """The translation from character to character, with the nodes that lie there; those alone as nodes."""
        placed: list[tuple[int, int, int, Node]] = []
        for node in nodes:
            if node.order in self.ranges:
                placed.append((self._characters(self.ranges[node.order])[0], 1, node.order, node))
            elif node.order in self.places:
                placed.append((self.places[node.order], 0, node.order, node))
        items: list[str | Tag | Node] = []
        at = begin
        for place, is_pair, _, node in sorted(placed, key=lambda one: one[:3]):
            items += self._text(at, place)
            at = place
            if is_pair:
                at = self._characters(self.ranges[node.order])[1]
                items += [node.items[0], *self.emit(node.children, place, at), node.items[1]]
            else:
                items.append(node)
        return [*items, *self._text(at, end)]

    def _text(self, begin: int, end: int) -> Iterable[str | Tag]:
        at = begin
        for span, code in sorted(self.codes.items()):
            if begin <= span[0] and span[1] <= end:
                yield self.translation[at : span[0]]
                yield code
                at = span[1]
        yield self.translation[at:end]


def _overlap(a: Span, b: Span) -> int:
    return max(0, min(a[1], b[1]) - max(a[0], b[0]))


def _most(spans: Sequence[Span], node: Node) -> int:
    return max((_overlap(span, (node.begin, node.end)) for span in spans), default=0)


def _best_stretch(own: Sequence[int]) -> Span:
    """Where units of its own outnumber others most: the longest such, of these the first."""
    best, best_sum = (own[0], own[0] + 1), 1
    for i, begin in enumerate(own):
        for n, last in enumerate(own[i:], 1):
            value = 2 * n - (last + 1 - begin)
            if (value, last + 1 - begin) > (best_sum, best[1] - best[0]):
                best, best_sum = (begin, last + 1), value
    return best


def _outside(place: int, taken: Sequence[Span]) -> int:
    """The same place, or the nearest end of what it would lie in."""
    for begin, end in taken:
        if begin < place < end:
            return begin if place - begin < end - place else end
    return place


def _flat(node: Node, shown: dict[int, Span]) -> Inline:
    """The tags of a pair that covers nothing any more, with those in it; but for codes that stand in the text."""
    within = [item for child in node.children if child.order not in shown for item in _flat(child, shown)]
    if len(node.items) == 2 and node.end > node.begin:
        return (node.items[0], *within, node.items[1])
    return node.items


def _swap_crossed(items: Sequence[str | Tag | Node], crossing: Sequence[tuple[Tag, Tag]]) -> list[str | Tag | Node]:
    """Tags that crossed others open before they close."""
    found = list(items)
    places: dict[int, tuple[int, int | None]] = {id(t): (i, None) for i, t in enumerate(found) if isinstance(t, Tag)}
    places |= {id(tag): (i, k) for i, n in enumerate(found) if isinstance(n, Node) for k, tag in enumerate(n.items)}
    for opens, closes in crossing:
        a, b = places.get(id(opens)), places.get(id(closes))
        if a and b and (a[0], a[1] or 0) > (b[0], b[1] or 0):
            for (i, k), tag in ((a, closes), (b, opens)):
                at = found[i]
                if isinstance(at, Node) and k is not None:
                    at.items = (*at.items[:k], tag, *at.items[k + 1 :])
                else:
                    found[i] = tag
    return found


def _spaced(items: Sequence[str | Tag | Node]) -> Inline:
    """With space beside what stands alone as it was in the source."""
    found: list[str | Tag] = []
    waiting = False  # for the text that comes next: it begins with a space
    eat = False  # or with none
    for item in items:
        if isinstance(item, Tag):
            found.append(item)
        elif isinstance(item, str):
            if not item:
                continue
            if eat:
                item = item.lstrip(" ")
            elif waiting and not item.startswith(" "):
                item = " " + item
            waiting = eat = False
            found.append(item)
        else:
            before, after = item.space
            parts = any(isinstance(tag, Tag) and tag.text.isspace() for tag in item.items)
            at = next((i for i in range(len(found) - 1, -1, -1) if isinstance(found[i], str)), None)
            last = found[at] if at is not None else ""
            if before and last and not str(last).endswith(" "):
                found.append(" ")
            elif not before and at is not None and (after or parts):
                found[at] = str(last).rstrip(" ")
                waiting = waiting or (after and not parts and last != found[at])
            found += item.items
            waiting = (waiting or after) and bool(last or before)
            eat = not after and (before or parts)
    for order, strip in ((range(len(found)), str.lstrip), (range(len(found) - 1, -1, -1), str.rstrip)):
        for i in order:  # none at the edges
            item = found[i]
            if isinstance(item, str):
                found[i] = strip(item, " ")
            if found[i] and not (isinstance(item, Tag) and not item.shown):
                break
    return tuple(item for item in found if item != "")
