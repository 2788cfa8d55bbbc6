"""Text that a language model draws, from nothing or behind a prompt; and how probable it finds given text.

from nmt.decode.generator import Generator
Generator.load("runs/captions-lm").generate(["A dog"], 5)
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from nmt.decode.engine import Pair, Sentence, plan_searches
from nmt.decode.hypothesis import Hypothesis
from nmt.decode.translator import Translator, changed
from nmt.tokenizer import Side

MOST_AT_ONCE = 100  # samples of a prompt


class Generator:
    """A language model, its tokenizer and how samples are drawn. What is drawn behind a prompt depends on the prompt
    and the seed, not on other prompts.
    """

    def __init__(self, translator: Translator, side: Side, longest: int) -> None:
        """side: as which its text was encoded; longest: the most tokens that are drawn."""
        decode = {
            "sampling": True, "diverse_groups": 1, "mbr": "none", "no_repeat_ngram": 0, "min_len_ratio": 0.0,
            "max_len_ratio": 1.0, "max_len_extra": min(longest, 10_000),
        }  # fmt: skip
        self.translator, self.side = translator, side
        self.decode = changed(translator.decode, decode)

    @classmethod
    def load(
        cls, run: str | Path, *, checkpoint: str = "best", device: str = "auto", decode: dict[str, object] | None = None
    ) -> Generator:
        """Of a run folder; arguments as of Translator.load. Raises RunError where the run is no language model, or is
        damaged.
        """
        from nmt.data.sources import side_of
        from nmt.run.abilities import check_draws
        from nmt.run.folder import load_run_recipe
        from nmt.run.load import load_language_model
        from nmt.run.manifest import run_manifest

        recipe = load_run_recipe(Path(run))
        check_draws(Path(run), recipe)
        section = changed(recipe.decode, decode or {})
        model, tokenizer, _, found = load_language_model(Path(run), checkpoint, device, section.precision)
        translator = Translator.of_models([model], tokenizer, section)
        translator.run, translator.checkpoint = Path(run), found.path.name
        text = next(c for c in recipe.data.train if recipe.objective_of(c).kind == "lm")
        return cls(translator, side_of(recipe.data, text) or "tgt", run_manifest(Path(run)).splits["train"].tgt.longest)

    @property
    def checkpoint(self) -> str:
        return self.translator.checkpoint

    def generate(self, prompts: Sequence[str], number: int = 1) -> list[list[str]]:
        """So many samples of each prompt, which they begin with; a blank prompt is none. A line is at most as long as
        the longest of the training text, the prompt not counted.
        """
        samples: list[list[str]] = [[] for _ in prompts]
        for begin, seed in zip(range(0, number, MOST_AT_ONCE), count(self.decode.seed), strict=False):
            some = self._draw(prompts, min(MOST_AT_ONCE, number - begin), seed)
            for own, more in zip(samples, some, strict=True):
                own += more
        return samples

    def score(self, lines: Sequence[str]) -> list[Hypothesis]:
        """What the model makes of lines: `log_prob`, `</s>` counted, and `token_log_probs`."""
        rows = self._encode(lines)
        return self.translator.score_pairs([Pair([], ids) for ids in rows])

    def _draw(self, prompts: Sequence[str], number: int, seed: int) -> list[list[str]]:
        decode = self.decode.model_copy(update={"beam_size": number, "seed": seed})
        engine, tokenizer = self.translator.engine, self.translator.tokenizer
        sentences = [Sentence([], tuple(ids)) for ids in self._encode(prompts)]
        lengths = [len(sentence.prefix) + decode.max_len_extra for sentence in sentences]
        plan = plan_searches(lengths, decode.batch_tokens / number, engine.workers)
        results = engine.search([[sentences[i] for i in batch] for batch in plan], decode, number)
        found: dict[int, list[str]] = {}
        for batch, hypotheses in zip(plan, results, strict=True):
            for i, own in zip(batch, hypotheses, strict=True):
                found[i] = tokenizer.decode([h.tokens for h in own])
        return [found[i] for i in range(len(prompts))]

    def _encode(self, lines: Sequence[str]) -> list[list[int]]:
        return self.translator.tokenizer.encode([" ".join(line.splitlines()) for line in lines], self.side)
