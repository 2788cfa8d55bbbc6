"""From which language into which a line is translated, and what a model has to be told of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from nmt.data.tags import NOTHING, UNTAGGED, Tags
from nmt.tokenizer import BOS_ID, Side


@dataclass(frozen=True)
class Route:
    """One direction."""

    source_lang: str = ""  # empty: not known
    target_lang: str = ""
    side: Side = "src"  # whose rules of normalisation the source has
    tags: Tags = UNTAGGED
    bleu_tokenize: str = "13a"  # how BLEU splits words of the target language

    def __str__(self) -> str:
        return f"{self.source_lang or '?'}-{self.target_lang or '?'}"


ANY = Route()  # of a model that says nothing of its languages


class NoRouteError(ValueError):
    """What is wrong with what was asked, to be said after the name of the model; and what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem, self.hint = problem, hint


def choose(routes: Sequence[Route], to: str | None, source: str | None) -> Route:
    """The route into `to` from `source`. None: there is only one; or, of the source, the model need not be told. Any
    two languages that it knows, one as a source and one as a target, make a route. Raises NoRouteError.
    """
    targets = list(dict.fromkeys(route.target_lang for route in routes))
    sources = list(dict.fromkeys(route.source_lang for route in routes))
    if to is None and len(targets) > 1:
        raise NoRouteError(f"translates into {listed(targets)}; say which: --to {targets[0]}")
    if to is not None and to not in targets:
        raise NoRouteError(f"translates into {listed(targets)}, not into {to!r}.")
    if source is not None and source not in sources:
        raise NoRouteError(f"translates from {listed(sources)}, not from {source!r}.")
    into = [route for route in routes if to in (None, route.target_lang)]
    if source is None:
        if len(into) == 1:
            return into[0]
        if any(route.tags != into[0].tags for route in into):
            known = [route.source_lang for route in into]
            raise NoRouteError(f"translates from {listed(known)}; say which: --from {known[0]}")
        return replace(into[0], source_lang="")
    if exact := [route for route in into if route.source_lang == source]:
        return exact[0]
    if source == into[0].target_lang:
        raise NoRouteError(f"does not translate from {source} into {source}.")
    reads = next(route for route in routes if route.source_lang == source)
    own = reads.tags.src != NOTHING and reads.tags.start != BOS_ID  # the source's own language is told
    tags = Tags(reads.tags.src if own else into[0].tags.src, into[0].tags.start)
    return replace(into[0], source_lang=source, side=reads.side, tags=tags)


def listed(names: Sequence[str]) -> str:
    """`fr`, `fr and de`, `fr, de and cs`."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
