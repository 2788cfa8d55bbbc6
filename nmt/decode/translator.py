"""Text in, text out: the one way to translate, used by training, by every command, and as a Python API.

from nmt import Translator
Translator.load("runs/multi30k").translate(["A dog runs."])
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from nmt.data.sources import stored_directions, vocabularies
from nmt.data.tags import tags_between
from nmt.decode.alignment import align, words_of
from nmt.decode.assembly import Translation, assemble
from nmt.decode.case import Case, answered
from nmt.decode.engine import Engine, Pair, plan_searches
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.mbr import ranked
from nmt.decode.parts import Cutter, Domain, Part
from nmt.decode.repair import keep_good, missing, say_more, set_apart
from nmt.decode.request import Request
from nmt.decode.routes import NoRouteError, Route, choose
from nmt.decode.source_fields import SourceFields
from nmt.decode.tagged import put_aside, put_back
from nmt.errors import DataError, RecipeError, RunError, join_faults
from nmt.recipe.faults import faults
from nmt.text.fields import TURN
from nmt.text.terms import Terms
from nmt.tokenizer import Tokenizer

if TYPE_CHECKING:
    from nmt.data.manifest import Manifest
    from nmt.decode.choose import EngineName
    from nmt.model.kinds import Writer
    from nmt.recipe import DecodeSection, Recipe
    from nmt.text.case import Kind
    from nmt.text.inline import Sentence
    from nmt.text.language import Languages

REPAIRS = 8  # searches at most for a translation that has, or has not, the phrases that it should


class Translator:
    """A model, its tokenizer and how to search. Output i belongs to line i, and with our own engine does not depend on
    the other lines.
    """

    def __init__(
        self, engine: Engine, tokenizer: Tokenizer, decode: DecodeSection, domain: Domain | None = None
    ) -> None:
        self.engine, self.tokenizer, self.decode = engine, tokenizer, decode
        self.domain = domain or Domain()
        self.to: str | None = None  # the language of every line's translation, and of its source; None: see routes.py
        self.source: str | None = None
        self.terms = Terms()  # what is asked of every line
        self.case = Case()  # what is known of how sources are written
        self.languages: Languages | None = None  # what tells whether a translation is in the right one
        self.run: Path | None = None  # where it was loaded from, and which checkpoint
        self.checkpoint = ""
        self.why_own = ""  # our own engine translates, where CTranslate2 was to be expected

    @classmethod
    def of_models(
        cls, models: Sequence[Writer], tokenizer: Tokenizer, decode: DecodeSection, domain: Domain | None = None
    ) -> Translator:
        """Of models on one device, several of which make an ensemble, by our own engine."""
        from nmt.decode.beam_engine import BeamEngine

        labels = domain.labels if domain else ()
        return cls(BeamEngine.of_models(models, tokenizer, decode.ensemble, labels), tokenizer, decode, domain)

    @classmethod
    def load(
        cls, run: str | Path | Sequence[str | Path], *, checkpoint: str = "best", device: str = "auto",
        engine: EngineName = "auto", decode: dict[str, object] | None = None, threads: int | None = None,
    ) -> Translator:  # fmt: skip
        """Of a run folder, or of a file that `nmt package --for nmt` wrote; or of several for an ensemble.

        checkpoint: `best`, `last`, or the name of one, such as `step-00001000`
        device: `auto` (a GPU if there is one), `cpu`, `cuda` or `mps`
        engine: our own (`nmt`), or `ctranslate2`, which `nmt train` and `nmt export` write a run for; `auto` takes
            CTranslate2 on a CPU where it serves as well, and our own for what CTranslate2 cannot do
        decode: keys of the recipe's section `decode` that shall have another value, such as
            {"beam_size": 8, "length_penalty": 0.8}. All of them, which `nmt translate --help` explains: beam_size,
            length_penalty, coverage_penalty, diverse_groups, diversity, max_len_ratio, max_len_extra, min_len_ratio,
            no_repeat_ngram, sampling, temperature, top_k, top_p, seed, mbr, split_sentences, max_segment, case,
            batch_tokens; and what is chosen here alone: ensemble, compute, precision. `translate` takes the others for
            one call.
        threads: of torch, if it is used; None leaves them as they are, 0 takes all that this process may use

        Raises RunError where a folder is no run, or is damaged, or several do not fit together; RecipeError for a key
        or a value that `decode` cannot have.
        """
        from nmt.decode.choose import Wanted, load_engine
        from nmt.run.abilities import check_translates
        from nmt.run.folder import load_run_recipe
        from nmt.run.load import load_languages
        from nmt.run.manifest import run_manifest
        from nmt.run.packed import unpacked

        runs = [unpacked(Path(r)) for r in ([run] if isinstance(run, str | Path) else run)]
        recipe = load_run_recipe(runs[0])
        check_translates(runs[0], recipe)
        section = changed(recipe.decode, decode or {})
        domain = domain_of(recipe, run_manifest(runs[0]))
        loaded = load_engine(Wanted(runs, recipe, section, checkpoint, device, domain.labels, threads), engine)
        translator = cls(loaded.engine, loaded.tokenizer, section, domain)
        translator.run, translator.languages = runs[0], load_languages(runs[0])
        translator.case = Case.load(runs[0], loaded.tokenizer)
        translator.checkpoint, translator.why_own = loaded.checkpoint, loaded.why_own
        return translator

    @property
    def engine_name(self) -> str:
        """What translates, and in which numbers: `ctranslate2 float32`."""
        return self.engine.name

    def translate(
        self, lines: Sequence[str | Request], *, to: str | None = None, source: str | None = None, n_best: int = 1,
        alignment: bool = False, attention: bool = False, on_progress: Callable[[int], None] | None = None,
        **decode: object,
    ) -> list[Translation]:  # fmt: skip
        """Translate each line. A blank line stays blank; a line break within a line counts as a space. A line of a run
        that reads several fields has them with a TAB between them.

        to: the language to translate into; needed where the run has several
        source: the language of the lines; needed where the model has to be told
        n_best: hypotheses of each line
        alignment: give every hypothesis its alignment, and the attention that it comes from
        attention: the same, by the mean over layers (and over models that make an ensemble)
        on_progress: is told how many more lines are done
        decode: keys of the recipe's section `decode` for this call, such as beam_size=8; `load` names them

        Raises TypeError for a string in place of a list, or what is neither text nor a Request; RecipeError for a
        search that cannot be.
        """
        if decode or to or source:
            changed = self._with(decode)
            changed.to, changed.source = to or self.to, source or self.source
            return changed.translate(
                lines, n_best=n_best, alignment=alignment, attention=attention, on_progress=on_progress
            )
        if n_best < 1:
            raise ValueError(f"n_best is {n_best}; it must be at least 1")
        if isinstance(lines, str | Request):
            raise TypeError("translate() takes a list of lines; of one line: translate([line])[0]")
        requests = [self._request(line, number) for number, line in enumerate(lines, 1)]
        self._check(requests)
        routes = self._routes(requests)
        requests, tagged = self._without_tags(requests)
        requests, kinds = self._plain(requests, routes)
        cutter = Cutter(self.tokenizer, self.domain, self.engine.max_positions, self.decode)
        of_line: list[list[Part]] = [[] for _ in requests]
        for part in cutter.cut(requests, n_best, routes):
            part.include = self.terms.of(part.text)
            of_line[part.line].append(part)
        parts = list(chain.from_iterable(of_line))
        for part, unseen in zip(parts, self.tokenizer.unseen_in([part.sentence.ids for part in parts]), strict=True):
            part.unseen = unseen
        waiting = [len(own) for own in of_line]
        done = waiting.count(0)
        for found in self._search(parts):
            for part in found:
                waiting[part.line] -= 1
                done += waiting[part.line] == 0
            if on_progress:
                on_progress(done)
                done = 0
        if on_progress and done:  # blank lines alone
            on_progress(done)
        self._repair(of_line)
        looked_at = parts if alignment or attention else [part for part in parts if tagged[part.line]]
        if looked_at:
            self._look(looked_at, exact=attention)
        translations = [
            assemble(own, request.prefix, self.tokenizer, self.decode.length_penalty)
            for request, own in zip(requests, of_line, strict=True)
        ]
        translations = self._where_foreign(translations, [route.target_lang for route in routes])
        translations = [
            put_back(t, sentence, self.tokenizer) if sentence else t
            for t, sentence in zip(translations, tagged, strict=True)
        ]
        return [
            answered(t, kind, route.target_lang, (*request.include, *self.terms.of(request.text))) if kind else t
            for t, kind, route, request in zip(translations, kinds, routes, requests, strict=True)
        ]

    def _without_tags(self, requests: Sequence[Request]) -> tuple[list[Request], list[Sentence | None]]:
        """What is to be translated in the place of lines whose tags are to be kept, and what those cover."""
        protect, several = self.terms.protect, bool(self.domain.fields.names)  # fields, which have TABs between them
        found = [(request, None) if several else put_aside(request, protect) for request in requests]
        return [request for request, _ in found], [sentence for _, sentence in found]

    def _plain(self, requests: Sequence[Request], routes: Sequence[Route]) -> tuple[list[Request], list[Kind | None]]:
        """What is to be translated in the place of lines in capitals, and how each was written."""
        if self.decode.case == "keep":
            return list(requests), [None] * len(requests)
        found = [self.case.plain(request, route.source_lang) for request, route in zip(requests, routes, strict=True)]
        return [request for request, _ in found], [kind for _, kind in found]

    def _where_foreign(self, translations: list[Translation], wanted: Sequence[str]) -> list[Translation]:
        """With a mark on those that are in another language than is wanted of them."""
        if self.languages is None:
            return translations
        found = list(translations)
        for language in dict.fromkeys(wanted):
            own = [i for i, name in enumerate(wanted) if name == language]
            foreign = self.languages.elsewhere([translations[i].text for i in own], language)
            for i, odd in zip(own, foreign, strict=True):
                if odd:
                    found[i] = replace(translations[i], foreign=True)
        return found

    def __repr__(self) -> str:
        languages = ", ".join(map(str, self.domain.routes))
        origin = f" of {self.run} ({self.checkpoint})" if self.run else ""
        return f"<Translator {languages}{origin}, beam_size {self.decode.beam_size}>"

    def _with(self, decode: dict[str, object]) -> Translator:
        """The same models, with another search."""
        other = copy(self)
        other.decode = changed(self.decode, decode)
        for key in ("ensemble", "compute", "precision"):
            if getattr(other.decode, key) != getattr(self.decode, key):
                raise RecipeError(
                    f"decode: `{key}` is chosen where runs are loaded.",
                    "Give it to Translator.load(..., decode={...}).",
                )
        return other

    def _request(self, line: str | Request, number: int) -> Request:
        if not isinstance(line, str | Request):
            raise TypeError(f"line {number} is a {type(line).__name__}, not a string or a Request")
        request, terms = line if isinstance(line, Request) else Request(line), self.terms
        if terms == Terms():
            return request
        return replace(
            request, prefix=request.prefix or terms.prefix,
            include=(*request.include, *terms.include), exclude=(*request.exclude, *terms.exclude),
        )  # fmt: skip

    def _routes(self, requests: Sequence[Request]) -> list[Route]:
        """Of each line. Raises DataError where it cannot be told, or is none of the model's."""
        found: dict[tuple[str | None, str | None], Route] = {}
        for number, request in enumerate(requests, 1):
            asked = request.to, request.source
            found[asked] = found.get(asked) or self.route(request, f"line {number:,}" if any(asked) else "")
        return [found[request.to, request.source] for request in requests]

    def route(self, request: Request, where: str = "") -> Route:
        """From which language into which a line is translated. Raises DataError, after `where`, where that cannot be
        told, or is none of the model's.
        """
        try:
            return choose(self.domain.routes, request.to or self.to, request.source or self.source)
        except NoRouteError as e:
            raise DataError(f"{where + ': ' if where else ''}{self.run or 'the model'} {e.problem}", e.hint) from None

    def _check(self, requests: Sequence[Request]) -> None:
        """Raises RecipeError where the search cannot do what is asked of it."""
        include = self.terms.glossary is not None or self.terms.protect or any(r.include for r in requests)
        self.engine.check(self.decode, include or any(r.prefix or r.exclude for r in requests))
        asked = {
            "sampling": self.decode.sampling, "coverage_penalty": self.decode.coverage_penalty > 0,
            "diverse_groups": self.decode.diverse_groups > 1,
        }  # fmt: skip
        if include and any(asked.values()):
            names = ", ".join(f"`{key}`" for key, wanted in asked.items() if wanted)
            raise RecipeError(
                f"{names} cannot be combined with phrases that translations must have (include, glossary, protect).",
                "Such phrases need a beam search of their own: leave out one or the other.",
            )

    # --- searching ---------------------------------------------------------------------------------------------------

    def _search(self, parts: Sequence[Part]) -> Iterator[list[Part]]:
        """Find the hypotheses of parts; gives those that are done, batch by batch."""
        for n_best in sorted({part.n_best for part in parts}):  # a line's beam does not depend on other lines' wishes
            own = [part for part in parts if part.n_best == n_best]
            decode = self._wider(n_best)
            lengths = [len(part.sentence.ids) + 1 for part in own]
            plan = plan_searches(lengths, decode.batch_tokens / decode.beam_size, self.engine.workers)
            batches = [[own[i] for i in batch] for batch in plan]
            number = decode.beam_size if decode.mbr != "none" else n_best
            results = self.engine.search([[part.sentence for part in batch] for batch in batches], decode, number)
            for batch, found in zip(batches, results, strict=True):
                texts = iter(self.tokenizer.decode([h.tokens for hypotheses in found for h in hypotheses]))
                for part, hypotheses in zip(batch, found, strict=True):
                    part.searched = part.sentence
                    if hypotheses:
                        each = [(next(texts), h) for h in hypotheses]
                        part.hypotheses = ranked(each, decode.mbr, part.route.bleu_tokenize)[:n_best]
                    elif part.sentence.include:  # which cannot be kept to, with all else that is asked
                        part.sentence, part.can_include = replace(part.sentence, include=()), False
                    else:
                        raise RunError("the model finds no translation.", "Are its weights finite? Try: nmt verify")
                yield batch

    def _wider(self, n_best: int) -> DecodeSection:
        """A beam that has room for n_best hypotheses; as many samples, where they are not chosen from."""
        decode = self.decode
        if decode.sampling and decode.mbr == "none":
            return decode.model_copy(update={"beam_size": n_best})
        beam_size = max(decode.beam_size, -(-n_best // decode.diverse_groups) * decode.diverse_groups)
        return decode.model_copy(update={"beam_size": beam_size})

    def _repair(self, of_line: Sequence[Sequence[Part]]) -> None:
        """Search again, with more said, for translations that lack what must be in them, or have what must not.

        Most have what they should by themselves, and then it is what the model likes best.
        """
        for own in of_line:
            for part in own:
                others = " ".join(other.hypotheses[0][0] for other in own if other is not part)
                lacking = missing(others, part.anywhere, self.tokenizer)
                part.include += tuple(phrase for phrase in part.anywhere if phrase in lacking)
        wanting = [part for part in chain.from_iterable(of_line) if part.include or part.exclude]
        for _ in range(REPAIRS):
            again = [part for part in wanting if say_more(part, self.tokenizer)]
            if not again:
                break
            for _ in self._search(again):
                pass
        for part in wanting:
            keep_good(part, self.tokenizer)
            set_apart(part)

    # --- looking at what was found ------------------------------------------------------------------------------------

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[Hypothesis]:
        """What the model makes of given translations (source, target): `token_log_probs`, and what a beam would give
        them. Neither side is cut. Raises DataError naming the pair that is longer than the model knows places for.
        """
        route = self.route(Request(""))
        src_ids = map(route.tags.read, self.tokenizer.encode([src for src, _ in pairs], route.side))
        ids = list(zip(src_ids, self.tokenizer.encode([tgt for _, tgt in pairs], "tgt"), strict=True))
        limit = self.engine.max_positions
        for number, (src, tgt) in enumerate(ids, 1):
            if limit is not None and max(len(src), len(tgt)) >= limit:
                raise DataError(
                    f"pair {number:,} has {max(len(src), len(tgt)):,} tokens; the model knows {limit - 1:,}."
                )
        return self.score_pairs([Pair(src, tgt, route.tags.start) for src, tgt in ids])

    def score_pairs(self, pairs: Sequence[Pair]) -> list[Hypothesis]:
        """As `score`, of ids."""
        return [
            Hypothesis(
                list(pair.tgt), sum(found), sum(found) / (len(pair.tgt) + 1) ** self.decode.length_penalty,
                token_log_probs=tuple(found),
            )
            for pair, found in zip(pairs, self.engine.score(pairs, self.decode), strict=True)
        ]  # fmt: skip

    def _look(self, parts: Sequence[Part], exact: bool) -> None:
        """Add alignments and attention to all hypotheses: the mean over layers if `exact`, else what costs less."""
        pairs = [
            Pair(part.sentence.read, h.tokens, part.route.tags.start) for part in parts for _, h in part.hypotheses
        ]
        found = iter(self.engine.attention(pairs, self.decode, exact))
        for part in parts:
            src_words = words_of(self.tokenizer.pieces(part.sentence.ids, "src"))
            tags = len(part.sentence.read) - len(src_words)
            for n, (text, h) in enumerate(part.hypotheses):
                attention = next(found)[: len(h.tokens), tags : tags + len(src_words)]
                alignment = tuple(align(attention, src_words, words_of(self.tokenizer.pieces(h.tokens))))
                part.hypotheses[n] = text, replace(h, alignment=alignment, attention=attention)


def domain_of(recipe: Recipe, manifest: Manifest) -> Domain:
    """By what was counted of the training text; older runs do not know what is typical."""
    src = manifest.splits["train"].src
    several = src.several_sentences is None or src.several_sentences >= 0.01
    data, sides = recipe.data, vocabularies(recipe.data)
    routes = tuple(
        Route(d.src, str(d.tgt), sides[stored.src], tags_between(data, d.src, str(d.tgt), manifest.tags),
              recipe.tokenize_for(str(d.tgt)))
        for d, stored in zip(data.evaluated, stored_directions(data, trained=False), strict=True)
    )  # fmt: skip
    return Domain(
        routes, src.p99, src.longest, several, SourceFields(data.fields, data.joint == TURN),
        tuple(manifest.labels or ()), recipe.about_task.flags,
    )  # fmt: skip


def changed(section: DecodeSection, changes: dict[str, object]) -> DecodeSection:
    """With other values. Raises RecipeError, naming the keys, for what cannot be."""
    from pydantic import ValidationError

    try:
        return section.changed(changes)
    except ValidationError as e:
        raise RecipeError(join_faults([f"decode: {fault}" for fault in faults(e, changes, type(section))])) from None
