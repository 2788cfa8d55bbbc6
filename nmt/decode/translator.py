"""Text in, text out: the one way to translate, used by training, by every command, and as a Python API.

from nmt import Translator
Translator.load("runs/multi30k").translate(["A dog runs."])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.decode.beam import Hypothesis
from nmt.decode.engine import BeamEngine, Engine
from nmt.decode.mbr import expected_utility
from nmt.decode.parts import MAX_SEGMENT, Cutter, Domain, Part
from nmt.decode.request import Request
from nmt.decode.scorer import EnsembleScorer, ModelScorer
from nmt.decode.sentences import rejoin
from nmt.decode.terms import Glossary, contains, protected_spans
from nmt.errors import RecipeError, RunError, join_faults
from nmt.faults import faults
from nmt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from nmt.model.transformer import Transformer
    from nmt.recipe import DecodeSection, Recipe

REPAIRS = 8  # searches at most for a translation that has, or has not, the phrases that it should


@dataclass(frozen=True)
class Translation:
    """One line's translation: the best text, and every hypothesis asked for, best first."""

    text: str
    hypotheses: list[tuple[str, Hypothesis]]
    segments: int = 1  # into how many parts a line had to be split
    missing: tuple[str, ...] = ()  # phrases that should be in it and are not
    forbidden: tuple[str, ...] = ()  # that should not be, and are


class Translator:
    """A model, its tokenizer and how to search. Output i belongs to line i, and does not depend on the other lines."""

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, decode: DecodeSection, domain: Domain | None = None
    ) -> None:
        self.engine, self.tokenizer, self.decode = engine, tokenizer, decode
        self.domain = domain or Domain()
        self.glossary: Glossary | None = None  # terms that translations must keep to
        self.protect = False  # whether URLs, tags, numbers and the like are to stay as they are
        self.models: list[Transformer] = []  # what the engine searches with, if it is our own
        self.run: Path | None = None  # where it was loaded from, and which checkpoint
        self.checkpoint = ""

    @classmethod
    def of_models(
        cls, models: Sequence[Transformer], tokenizer: Tokenizer, decode: DecodeSection, domain: Domain | None = None
    ) -> Translator:
        """Of models on one device, several of which make an ensemble."""
        scorers = [ModelScorer(model) for model in models]
        scorer = scorers[0] if len(scorers) == 1 else EnsembleScorer(scorers, decode.ensemble)
        device = next(models[0].parameters()).device
        translator = cls(BeamEngine(scorer, device, tokenizer.vocabulary("tgt")), tokenizer, decode, domain)
        translator.models = list(models)
        return translator

    @classmethod
    def load(
        cls, run: str | Path | Sequence[str | Path], *, checkpoint: str = "best", device: str = "auto",
        engine: str = "nmt", decode: dict[str, object] | None = None,
    ) -> Translator:  # fmt: skip
        """Of a run folder, or of several for an ensemble. `engine` is our own (`nmt`), or `ctranslate2` if the run was
        exported for it; `decode` are changes to the recipe's section of that name.

        Raises RunError where a folder is no run, or is damaged, or several do not fit together.
        """
        from nmt.train.checkpoint import load_model, load_run_recipe
        from nmt.train.parallel import choose_device

        runs = [Path(r) for r in ([run] if isinstance(run, str | Path) else run)]
        recipe = load_run_recipe(runs[0])
        section = _changed(recipe.decode, decode or {})
        if engine == "ctranslate2":
            from nmt.decode.ct2 import FOLDER, CTranslate2Engine, check_origin

            if len(runs) > 1:
                raise RunError("CTranslate2 translates with one run.", "Give one `--run`, or leave `--engine` out.")
            tokenizer = Tokenizer.load(runs[0])
            check_origin(runs[0], checkpoint, recipe.train.metric)
            kind = choose_device(device, said="`--device").type
            ct2 = CTranslate2Engine(runs[0] / FOLDER, tokenizer, kind, recipe.model.position_limit)
            translator = cls(ct2, tokenizer, section, domain_of(recipe, runs[0]))
            translator.checkpoint = FOLDER
        else:
            loaded = [load_model(r, checkpoint, device) for r in runs]
            for r, (_, own, _, _) in zip(runs, loaded, strict=True):
                if own.fingerprint != loaded[0][1].fingerprint:
                    raise RunError(
                        f"{r} and {runs[0]} have different tokenizers, and cannot translate together.",
                        "An ensemble is of runs on the same prepared data: train them with other seeds or models.",
                    )
            models = [model for model, _, _, _ in loaded]
            translator = cls.of_models(models, loaded[0][1], section, domain_of(recipe, runs[0]))
            translator.checkpoint = ", ".join(found.path.name for _, _, _, found in loaded)
        translator.run = runs[0]
        return translator

    def translate(
        self, lines: Sequence[str | Request], *, n_best: int = 1, on_progress: Callable[[int], None] | None = None
    ) -> list[Translation]:
        """Translate each line. A blank line stays blank; a line break within a line counts as a space. `on_progress` is
        told how many more lines are done.
        """
        requests = [line if isinstance(line, Request) else Request(line) for line in lines]
        by_sentence = self.decode.split_sentences == "auto"
        cutter = Cutter(self.tokenizer, self.domain, self.engine.max_positions, by_sentence)
        parts = cutter.cut(requests, n_best)
        for part in parts:
            self._add_terms(part)
        missing = Counter(part.line for part in parts)  # parts of each line
        done = len(requests) - len(missing)
        for found in self._search(parts):
            for part in found:
                missing[part.line] -= 1
                done += missing[part.line] == 0
            if on_progress:
                on_progress(done)
                done = 0
        if on_progress and done:  # blank lines alone
            on_progress(done)
        self._repair(parts)
        of_line: list[list[Part]] = [[] for _ in requests]
        for part in parts:
            of_line[part.line].append(part)
        return [self._assemble(own) for own in of_line]

    def _add_terms(self, part: Part) -> None:
        if self.glossary is not None:
            part.include += tuple(self.glossary.matches(part.text))
        if self.protect:
            part.include += tuple(protected_spans(part.text))

    # --- searching ---------------------------------------------------------------------------------------------------

    def _search(self, parts: Sequence[Part]) -> Iterator[list[Part]]:
        """Find the hypotheses of parts; gives those that are done, batch by batch."""
        for n_best in sorted({part.n_best for part in parts}):  # a line's beam does not depend on other lines' wishes
            own = [part for part in parts if part.n_best == n_best]
            decode = self._wider(n_best)
            batches = list(_batches(own, decode))
            number = decode.beam_size if decode.mbr != "none" else n_best
            results = self.engine.search([[part.sentence for part in batch] for batch in batches], decode, number)
            for batch, found in zip(batches, results, strict=True):
                for part, hypotheses in zip(batch, found, strict=True):
                    if hypotheses:  # else no translation keeps to all that is asked: the one before stays
                        part.hypotheses = self._ranked(hypotheses, decode)[:n_best]
                yield batch

    def _wider(self, n_best: int) -> DecodeSection:
        """A beam that has room for n_best hypotheses."""
        groups = self.decode.diverse_groups
        beam_size = max(self.decode.beam_size, -(-n_best // groups) * groups)
        return self.decode.model_copy(update={"beam_size": beam_size})

    def _ranked(self, hypotheses: list[Hypothesis], decode: DecodeSection) -> list[tuple[str, Hypothesis]]:
        texts = self.tokenizer.decode([h.tokens for h in hypotheses])
        if decode.mbr == "none":
            return list(zip(texts, hypotheses, strict=True))
        utility = expected_utility(texts, decode.mbr)
        ranked = sorted(zip(texts, hypotheses, utility, strict=True), key=lambda found: -found[2])
        different = {text: replace(h, score=score) for text, h, score in reversed(ranked)}
        return list(reversed(different.items()))

    def _repair(self, parts: Sequence[Part]) -> None:
        """Search again, with more said, for translations that lack what must be in them, or have what must not.

        Most have what they should by themselves, and then it is what the model likes best.
        """
        wanting = [part for part in parts if part.include or part.exclude]
        for _ in range(REPAIRS):
            wanting = [part for part in wanting if self._say_more(part)]
            if not wanting:
                break
            for _ in self._search(wanting):
                pass

    def _say_more(self, part: Part) -> bool:
        """Add to a part's sentence what its hypotheses show to be needed; False if nothing is."""
        texts = [text for text, _ in part.hypotheses]
        before = part.sentence
        if not before.include and any(self._missing(text, part.include) for text in texts):
            phrases = self.tokenizer.encode(list(part.include), "tgt")
            part.sentence = replace(part.sentence, include=tuple(tuple(ids) for ids in phrases if ids))
        runs = {
            run for text, h in part.hypotheses for phrase in part.exclude
            if contains(text, phrase) and (run := self._run_of(phrase, h.tokens))
        }  # fmt: skip
        if new := runs - set(before.exclude):
            part.sentence = replace(part.sentence, exclude=(*part.sentence.exclude, *sorted(new)))
        return part.sentence != before

    def _missing(self, text: str, phrases: Sequence[str]) -> tuple[str, ...]:
        plain = self.tokenizer.decode(self.tokenizer.encode(list(phrases), "tgt"))  # as it can come out
        wanted = Counter(zip(phrases, plain, strict=True))
        return tuple(phrase for (phrase, as_text), n in wanted.items() if not contains(text, as_text, n))

    def _run_of(self, phrase: str, tokens: list[int]) -> tuple[int, ...] | None:
        """The shortest run of the tokens that spells the phrase."""
        for size in range(1, len(tokens) + 1):
            runs = [tokens[i : i + size] for i in range(len(tokens) - size + 1)]
            for run, text in zip(runs, self.tokenizer.decode(runs), strict=True):
                if contains(text, phrase):
                    return tuple(run)
        return None

    def _assemble(self, parts: list[Part]) -> Translation:
        if not parts:
            return Translation("", [("", Hypothesis([], 0.0, 0.0))], 0)
        if len(parts) == 1:
            hypotheses = parts[0].hypotheses
        else:
            # The n-best of a whole are the parts' n-best of the same rank side by side.
            ranks = range(min(len(part.hypotheses) for part in parts))
            hypotheses = [self._join(parts, [part.hypotheses[rank] for part in parts]) for rank in ranks]
        best = hypotheses[0][0]
        missing = [phrase for part in parts for phrase in self._missing(part.hypotheses[0][0], part.include)]
        forbidden = {phrase for part in parts for phrase in part.exclude if contains(best, phrase)}
        return Translation(best, hypotheses, len(parts), tuple(missing), tuple(sorted(forbidden)))

    def _join(self, parts: list[Part], hypotheses: list[tuple[str, Hypothesis]]) -> tuple[str, Hypothesis]:
        text = rejoin([part.text for part in parts], [text for text, _ in hypotheses], self.domain.target_lang)
        tokens = [i for _, h in hypotheses for i in h.tokens]
        log_prob = sum(h.log_prob for _, h in hypotheses)
        score = log_prob / (len(tokens) + len(hypotheses)) ** self.decode.length_penalty
        return text, Hypothesis(tokens, log_prob, score)


def _batches(parts: Sequence[Part], decode: DecodeSection) -> Iterator[list[Part]]:
    """Parts of like length together, longest first, as many as decode.batch_tokens allows."""
    ordered = sorted(parts, key=lambda part: -len(part.sentence.ids))
    begin = 0
    while begin < len(ordered):
        size = max(1, decode.batch_tokens // (decode.beam_size * (len(ordered[begin].sentence.ids) + 1)))
        yield ordered[begin : begin + size]
        begin += size


def domain_of(recipe: Recipe, folder: Path) -> Domain:
    """By the manifest of a run or of prepared data; older ones do not say what is typical."""
    from nmt.data.manifest import Manifest

    lengths = Manifest.load(folder).splits["train"]
    typical = lengths.get("src_p99", MAX_SEGMENT)
    return Domain(recipe.data.source_lang, recipe.data.target_lang, typical, lengths["src_longest"])


def _changed(section: DecodeSection, changes: dict[str, object]) -> DecodeSection:
    from pydantic import ValidationError

    try:
        return section.changed(changes)
    except ValidationError as e:
        raise RecipeError(join_faults([f"decode: {fault}" for fault in faults(e, changes, type(section))])) from None
