"""The translators that a server has, and which of them answers."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nmt.errors import RunError
from nmt.serve.names import match, name_of
from nmt.serve.refusal import Refusal
from nmt.text.language import Languages

if TYPE_CHECKING:
    from nmt.decode.choose import EngineName
    from nmt.decode.translator import Translator


@dataclass(frozen=True, eq=False)
class Model:
    """A run that was loaded. `pairs`: source and target language of what it was trained to translate."""

    name: str
    translator: Translator
    pairs: tuple[tuple[str, str], ...]
    seconds: float  # that loading took

    @classmethod
    def load(cls, run: Path, device: str, engine: EngineName, decode: dict[str, object]) -> Model:
        """Raises RunError where the run is none, or no translator between languages that have names."""
        from nmt.decode.translator import Translator

        began = time.monotonic()
        translator = Translator.load(run, device=device, engine=engine, decode=decode, threads=0)
        domain = translator.domain
        pairs = tuple((route.source_lang, route.target_lang) for route in domain.routes)
        if domain.labels or domain.fields.names or not all(all(pair) for pair in pairs):
            raise RunError(
                f"{run} does not translate from one language into another, so it cannot be served.",
                "`nmt serve` is for translators whose recipes name their languages.",
            )
        return cls(run.name, translator, pairs, time.monotonic() - began)

    def card(self) -> dict[str, Any]:
        """What is known of it, for whoever asks."""
        return {
            "name": self.name,
            "checkpoint": self.translator.checkpoint,
            "engine": self.translator.engine_name,
            "pairs": [{"source": source, "target": target} for source, target in self.pairs],
            "beam_size": self.translator.decode.beam_size,
            "load_seconds": round(self.seconds, 3),
        }


@dataclass(frozen=True)
class Way:
    """Of a text: its language, which in percent it is sure to be, the other, and what translates; None: they are the
    same.
    """

    source: str
    target: str
    sure: float
    translator: Translator | None


class Models:
    """Several, the later of two for one pair before the earlier."""

    def __init__(self, models: Sequence[Model]) -> None:
        self.all = list(models)
        self.of_pair = {pair: model for model in models for pair in model.pairs}
        self.targets: dict[str, list[str]] = {}  # source → targets
        for source, target in self.of_pair:
            self.targets.setdefault(source, []).append(target)
        self.codes = list(dict.fromkeys(code for pair in self.of_pair for code in pair))
        self._languages = _together([m.translator.languages for m in models if m.translator.languages])

    def replaced(self) -> Iterator[tuple[str, str, Model, Model]]:
        """Pairs that several have: source, target, and whose translations are taken instead of whose."""
        seen: dict[tuple[str, str], Model] = {}
        for model in self.all:
            for pair in model.pairs:
                if pair in seen:
                    yield *pair, model, seen[pair]
                seen[pair] = model

    def source(self, code: str) -> str:
        """The source language that a code means. Raises Refusal (400) where there is none."""
        if (found := match(code, self.targets)) is None:
            raise Refusal(400, f"{code} is not supported")
        return found

    def target(self, code: str, source: str) -> str:
        """The target language that a code means, or the source itself. Raises Refusal (400)."""
        among = self.targets[source]
        if (found := match(code, among)) is not None:
            return found
        if match(code, [source]) is not None:
            return source
        if match(code, self.codes) is None:
            raise Refusal(400, f"{code} is not supported")
        raise Refusal(
            400, f"{name_of(code)} ({code}) is not available as a target language from {name_of(source)} ({source})"
        )

    def pick(self, source: str, target: str, name: str | None = None) -> Model:
        """What translates between two languages: the model of that name, if one is given. Raises Refusal (400)."""
        if name is None:
            return self.of_pair[source, target]
        for model in reversed(self.all):
            if model.name == name and (source, target) in model.pairs:
                return model
        raise Refusal(400, f"no model {name!r} translates from {source} into {target}")

    def way(self, source: str | None, target: str, text: str) -> Way:
        """`source` None: it is detected by the text. Raises Refusal (400)."""
        code, sure = self.detected(text) if source is None else (self.source(source), 100.0)
        into = self.target(target, code)
        return Way(code, into, sure, None if code == into else self.pick(code, into).translator)

    def detect(self, text: str) -> list[tuple[str, float]]:
        """Source languages and how probable each is, from 0 to 100, the best first: by the text that the models were
        trained on. One source language alone is the answer to everything.
        """
        if len(self.targets) == 1:
            return [(next(iter(self.targets)), 100.0)]
        known = dict(self._languages.ranked(text) if self._languages else [])
        rest = max(0.0, 100.0 - sum(known.values())) if len(known) < len(self.codes) else 0.0
        others = [code for code in self.codes if code not in known]
        found = [*known.items(), *((code, rest / len(others)) for code in others)]
        return sorted(found, key=lambda item: (-item[1], item[0]))

    def detected(self, text: str) -> tuple[str, float]:
        """The best of detect that something translates from."""
        return next((code, sure) for code, sure in self.detect(text) if code in self.targets)


def _together(several: Sequence[Languages]) -> Languages | None:
    """One that tells all their languages apart."""
    if len(several) < 2:
        return several[0] if several else None
    return Languages.together(several)
