"""Text in, text out: the one way to translate, used by training, by every command, and as a Python API.

from nmt import Translator
Translator.load("runs/multi30k").translate(["A dog runs."])
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nmt.decode.beam import Hypothesis
from nmt.decode.engine import BeamEngine, Engine
from nmt.decode.forced import Forced, Pair, align, force, words_of
from nmt.decode.mbr import expected_utility
from nmt.decode.parts import MAX_SEGMENT, Cutter, Domain, Part
from nmt.decode.repair import missing, say_more
from nmt.decode.request import Request
from nmt.decode.scorer import EnsembleScorer, ModelScorer
from nmt.decode.sentences import rejoin
from nmt.decode.terms import Glossary, contains, protected_spans
from nmt.errors import DataError, RecipeError, RunError, join_faults
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
    segments: int = 1  # parts that were translated apart
    cut: bool = False  # some of them not where a sentence ends
    src_tokens: tuple[str, ...] = ()  # pieces of the source
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
        # Of every line that does not say otherwise
        self.prefix, self.include, self.exclude = "", tuple[str, ...](), tuple[str, ...]()
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
        self, lines: Sequence[str | Request], *, n_best: int = 1, attention: bool = False,
        on_progress: Callable[[int], None] | None = None,
    ) -> list[Translation]:  # fmt: skip
        """Translate each line. A blank line stays blank; a line break within a line counts as a space.

        attention: give every hypothesis its alignment and attention (of the models that make an ensemble, the mean).
        on_progress is told how many more lines are done.
        """
        requests = [self._request(line) for line in lines]
        by_sentence = self.decode.split_sentences == "auto"
        cutter = Cutter(self.tokenizer, self.domain, self.engine.max_positions, by_sentence)
        parts = cutter.cut(requests, n_best)
        for part in parts:
            self._add_terms(part)
        waiting = Counter(part.line for part in parts)  # parts of each line
        done = len(requests) - len(waiting)
        for found in self._search(parts):
            for part in found:
                waiting[part.line] -= 1
                done += waiting[part.line] == 0
            if on_progress:
                on_progress(done)
                done = 0
        if on_progress and done:  # blank lines alone
            on_progress(done)
        self._repair(parts)
        if attention:
            self._look(parts)
        of_line: list[list[Part]] = [[] for _ in requests]
        for part in parts:
            of_line[part.line].append(part)
        return [self._assemble(own) for own in of_line]

    def _request(self, line: str | Request) -> Request:
        request = line if isinstance(line, Request) else Request(line)
        return replace(
            request, prefix=request.prefix or self.prefix,
            include=(*request.include, *self.include), exclude=(*request.exclude, *self.exclude),
        )  # fmt: skip

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
            wanting = [part for part in wanting if say_more(part, self.tokenizer)]
            if not wanting:
                break
            for _ in self._search(wanting):
                pass

    # --- looking at what was found ------------------------------------------------------------------------------------

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[Hypothesis]:
        """What the model makes of given translations (source, target): `token_log_probs`, and what the search would
        give them. Neither side is cut. Raises DataError naming the pair that is longer than the model knows places for.
        """
        src_ids = self.tokenizer.encode([src for src, _ in pairs], "src")
        ids = list(zip(src_ids, self.tokenizer.encode([tgt for _, tgt in pairs], "tgt"), strict=True))
        limit = self.engine.max_positions
        for number, (src, tgt) in enumerate(ids, 1):
            if limit is not None and max(len(src), len(tgt)) >= limit:
                raise DataError(
                    f"pair {number:,} has {max(len(src), len(tgt)):,} tokens; the model knows {limit - 1:,}."
                )
        return [
            Hypothesis(
                list(tgt), sum(found.log_probs), sum(found.log_probs) / (len(tgt) + 1) ** self.decode.length_penalty,
                token_log_probs=tuple(found.log_probs),
            )
            for (_, tgt), found in zip(ids, self._force(ids), strict=True)
        ]  # fmt: skip

    def _force(self, pairs: Sequence[Pair]) -> list[Forced]:
        if not self.models:
            raise RunError("CTranslate2 gives no probabilities of tokens and no attention.", "Leave `--engine` out.")
        order = sorted(range(len(pairs)), key=lambda i: -max(map(len, pairs[i])))
        found: dict[int, Forced] = {}
        while order:
            size = max(1, self.decode.batch_tokens // (max(map(len, pairs[order[0]])) + 1))
            batch, order = order[:size], order[size:]
            results = force(self.models, [pairs[i] for i in batch], self.decode.ensemble)
            found |= dict(zip(batch, results, strict=True))
        return [found[i] for i in range(len(pairs))]

    def _look(self, parts: Sequence[Part]) -> None:
        """Add alignment and attention to all hypotheses."""
        pairs = [(part.sentence.ids, h.tokens) for part in parts for _, h in part.hypotheses]
        forced = iter(self._force(pairs))
        for part in parts:
            src_words = words_of(self.tokenizer.pieces(part.sentence.ids, "src"))
            for n, (text, h) in enumerate(part.hypotheses):
                attention = next(forced).attention[: len(h.tokens), : len(src_words)]
                pairs_of_words = align(attention, src_words, words_of(self.tokenizer.pieces(h.tokens)))
                part.hypotheses[n] = text, replace(h, alignment=tuple(pairs_of_words), attention=attention)

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
        lacking = [phrase for part in parts for phrase in missing(part.hypotheses[0][0], part.include, self.tokenizer)]
        forbidden = {phrase for part in parts for phrase in part.exclude if contains(best, phrase)}
        return Translation(
            best, hypotheses, len(parts), any(part.cut for part in parts),
            tuple(piece for part in parts for piece in self.tokenizer.pieces(part.sentence.ids, "src")),
            tuple(lacking), tuple(sorted(forbidden)),
        )  # fmt: skip

    def _join(self, parts: list[Part], hypotheses: list[tuple[str, Hypothesis]]) -> tuple[str, Hypothesis]:
        text = rejoin([part.text for part in parts], [text for text, _ in hypotheses], self.domain.target_lang)
        tokens = [i for _, h in hypotheses for i in h.tokens]
        log_prob = sum(h.log_prob for _, h in hypotheses)
        score = log_prob / (len(tokens) + len(hypotheses)) ** self.decode.length_penalty
        joined = Hypothesis(tokens, log_prob, score)
        if any(h.attention is None for _, h in hypotheses):
            return text, joined
        return text, replace(joined, **self._side_by_side(parts, [h for _, h in hypotheses]))

    def _side_by_side(self, parts: list[Part], hypotheses: list[Hypothesis]) -> dict[str, Any]:
        """Alignment and attention of a whole line."""
        alignment: list[tuple[int, int]] = []
        attention = np.zeros(
            (sum(len(h.tokens) for h in hypotheses), sum(len(p.sentence.ids) for p in parts)), np.float32
        )
        src_word = tgt_word = src_token = tgt_token = 0
        for part, h in zip(parts, hypotheses, strict=True):
            assert h.alignment is not None and h.attention is not None
            alignment += [(src + src_word, tgt + tgt_word) for src, tgt in h.alignment]
            rows, columns = h.attention.shape
            attention[tgt_token : tgt_token + rows, src_token : src_token + columns] = h.attention
            src_token, tgt_token = src_token + columns, tgt_token + rows
            src_word += _count_words(self.tokenizer.pieces(part.sentence.ids, "src"))
            tgt_word += _count_words(self.tokenizer.pieces(h.tokens))
        return {"alignment": tuple(alignment), "attention": attention}


def _count_words(pieces: Sequence[str]) -> int:
    return max(words_of(pieces), default=-1) + 1


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
    several = lengths.get("src_several_sentences", 1.0) >= 0.01
    return Domain(recipe.data.source_lang, recipe.data.target_lang, typical, lengths["src_longest"], several)


def _changed(section: DecodeSection, changes: dict[str, object]) -> DecodeSection:
    from pydantic import ValidationError

    try:
        return section.changed(changes)
    except ValidationError as e:
        raise RecipeError(join_faults([f"decode: {fault}" for fault in faults(e, changes, type(section))])) from None
