"""Tags: control pieces that tell a model which language is meant, or that a source was made by a model. They are put
in by their ids, beside the text.

`source`: the source begins with the target's tag (Johnson et al. 2017). `target`: the decoder begins with it, in place
of `<s>`; it is given, and never searched for or scored. `both`: the source begins with the tag of its own language, the
decoder with the target's (NLLB Team 2022).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nmt.recipe import Corpus, DataSection
from nmt.recipe.directions import Direction
from nmt.tokenizer import BOS_ID
from nmt.tokenizer.control import BT, tag

NOTHING = -1  # in place of an id


@dataclass(frozen=True)
class Tags:
    """Ids that a translation's sides begin with."""

    src: int = NOTHING  # before the source
    start: int = BOS_ID  # what the decoder begins with

    def read(self, ids: Sequence[int]) -> list[int]:
        """A source with its tag."""
        return list(ids) if self.src == NOTHING else [self.src, *ids]


UNTAGGED = Tags()


def tags_of(data: DataSection) -> list[str]:
    """The names of the tags of languages that a recipe needs."""
    languages = [d.tgt for d in data.evaluated] + [d.src for d in data.evaluated if data.tagging == "both"]
    return [tag(name) for name in dict.fromkeys(languages) if name is not None] if data.tagging else []


def tags_between(data: DataSection, src: str | None, tgt: str, ids: Mapping[str, int]) -> Tags:
    """Of one direction, by the ids of the tags; `src` must be known where the source's own language is told."""
    match data.tagging:
        case "source":
            return Tags(src=ids[tag(tgt)])
        case "target":
            return Tags(start=ids[tag(tgt)])
        case "both":
            return Tags(ids[tag(str(src))], ids[tag(tgt)])
    return UNTAGGED


@dataclass(frozen=True)
class CorpusTags:
    """By the number of a corpus in the prepared data."""

    src: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    made: npt.NDArray[np.int64]  # before all else, of sources that are told from text by people

    @classmethod
    def of(
        cls, data: DataSection, directions: Sequence[Direction], ids: Mapping[str, int], corpora: Sequence[Corpus] = ()
    ) -> CorpusTags:
        """Text of one language is restored in that language. `corpora`: what the numbers count; without, none has a
        `tag`.
        """

        def between(direction: Direction) -> Tags:
            src, tgt = (name.partition(".")[0] for name in (direction.src, direction.tgt or direction.src))
            return tags_between(data, src, tgt, ids) if data.tagging and tag(tgt) in ids else UNTAGGED

        found = [between(direction) for direction in directions]
        made = np.full(len(found), NOTHING)
        made[[i for i, corpus in enumerate(corpora) if corpus.tag]] = ids.get(BT, NOTHING)
        return cls(np.array([t.src for t in found]), np.array([t.start for t in found]), made)
