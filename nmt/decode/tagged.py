"""Lines with tags that are to be kept: translated without them; they come back round the words that they were round."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from nmt.text.inline import Sentence, Tag, detag, written
from nmt.text.links import link
from nmt.text.projection import project
from nmt.text.spans import with_codes

if TYPE_CHECKING:
    from nmt.decode.assembly import Translation
    from nmt.decode.request import Request
    from nmt.tokenizer import Tokenizer

_LINE_BREAKS = re.compile(r"[\r\n]+")


def put_aside(request: Request, protect: bool) -> tuple[Request, Sentence | None]:
    """A line without its tags, where all of them are to be kept: `protect`, or all among its `include`. None: it is as
    it was. A model that never saw tags makes nothing of a sentence with them. How the line is to begin says nothing of
    tags, and one may come to stand in it; where it has tags itself, the line is left as it is.
    """
    if "<" not in request.text or "<" in request.prefix:
        return request, None
    asked = set(request.include)
    codes = with_codes(_LINE_BREAKS.sub(" ", request.text))
    items = [i if isinstance(i, str) or not i.shown or protect or i.code in asked else i.code for i in codes]
    tags = {item.code for item in items if isinstance(item, Tag) and not item.shown}
    if not tags or not (protect or tags <= asked):
        return request, None
    sentence = detag(items)
    include = tuple(phrase for phrase in request.include if phrase not in tags)
    return replace(request, text=sentence.text, include=include), sentence


def put_back(t: Translation, sentence: Sentence, tokenizer: Tokenizer) -> Translation:
    """The translation with the tags of its line, by the attention of each hypothesis."""
    hypotheses = []
    for text, h in t.hypotheses:
        attention = [] if h.attention is None else h.attention.tolist()
        links = link(attention, t.src_tokens, tokenizer.pieces(h.tokens, "tgt"), sentence.text, text)
        hypotheses.append((written(project(sentence, text, links).items).strip(), h))
    return replace(t, text=hypotheses[0][0], hypotheses=hypotheses)
