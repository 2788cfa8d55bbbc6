"""Scores of texts, each with its signature. BLEU, chrF, chrF++ and TER are sacreBLEU's (Post 2018)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.util import find_spec
from typing import Any, Literal, Protocol

from nmt.errors import DataError


class Scorer(Protocol):
    """A metric of sacreBLEU, or MeanOfLines."""

    def corpus_score(self, hyps: Any, refs: Any) -> Any: ...
    def sentence_score(self, hyp: Any, refs: Any) -> Any: ...
    def get_signature(self) -> Any: ...


@dataclass(frozen=True)
class Metric:
    """One entry of METRICS. `make` gets the names of a tokenizer for BLEU (with the language of the text, where it is
    known: see `in_language`) and of one for ROUGE and its kin, and gives what scores: an object with sacreBLEU's
    methods, which its significance tests take too.
    """

    name: str  # in recipes, options and JSON
    label: str  # in tables
    make: Callable[[str, str], Scorer]
    higher_is_better: bool = True
    against: Literal["references", "source"] = "references"  # what texts are compared with


def _bleu(words: str) -> Scorer:
    from sacrebleu.metrics.bleu import BLEU

    tokenize = words.partition(":")[0]
    try:
        # force: no warning about tokenized text at every validation
        return BLEU(tokenize=tokenize, force=True)
    except (ImportError, RuntimeError) as e:
        reason = str(e).strip().partition("\n")[0]
        raise DataError(
            f"BLEU cannot be computed with `bleu_tokenize: {tokenize}`: {reason}",
            "Install what it needs, such as sacrebleu[ja] or sacrebleu[ko], or choose another, such as char.",
        ) from None


def _bleu_moses(words: str) -> Scorer:
    """BLEU of text in lower case, normalised and cut by Moses, without smoothing: multi-bleu.perl of what papers on
    Multi30k score.
    """
    from sacrebleu.metrics.bleu import BLEU

    from nmt.text.moses import LANGUAGES, VERSION, moses

    language = base_language(words.partition(":")[2])
    if language not in LANGUAGES:
        raise DataError(
            f"`bleu_moses_lc` knows how Moses cuts {', '.join(LANGUAGES)}, but not {language or 'others'}.",
            "Of files say the language, such as `--lang fr`; of another language leave that metric out.",
        )
    scorer: Any = BLEU(lowercase=True, tokenize="none", smooth_method="none", force=True)
    scorer.tokenizer, scorer.tokenizer_signature = moses(language), f"moses-{language}-norm-{VERSION}"
    made: Scorer = scorer
    return made


def _chrf(word_order: int) -> Scorer:
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=word_order)


def _ter() -> Scorer:
    from sacrebleu.metrics.ter import TER

    return TER()


def _rouge(kind: str) -> Callable[[str, str], Scorer]:
    def make(_: str, tokenize: str) -> Scorer:
        from nmt.text.rouge import rouge

        return rouge(kind, tokenize)

    return make


def _answer(name: str) -> Callable[[str, str], Scorer]:
    def make(_: str, __: str) -> Scorer:
        from nmt.text import answers

        scorer: Scorer = getattr(answers, name)()
        return scorer

    return make


def _distinct(n: int) -> Callable[[str, str], Scorer]:
    def make(_: str, tokenize: str) -> Scorer:
        from nmt.text.variety import distinct

        return distinct(n, tokenize)

    return make


def _copied_share(_: str, tokenize: str) -> Scorer:
    from nmt.text.variety import copied_share

    return copied_share(tokenize)


# A new metric is one more entry: recipes, commands, comparisons and reports all look here.
METRICS = {
    metric.name: metric
    for metric in (
        Metric("bleu", "BLEU", lambda words, _: _bleu(words)),
        Metric("bleu_moses_lc", "BLEU (Moses, lc)", lambda words, _: _bleu_moses(words)),
        Metric("chrf", "chrF", lambda _, __: _chrf(0)),
        Metric("chrf++", "chrF++", lambda _, __: _chrf(2)),
        Metric("ter", "TER", lambda _, __: _ter(), higher_is_better=False),
        *(Metric(f"rouge{kind}", f"ROUGE-{kind}", _rouge(kind)) for kind in ("1", "2", "L", "Lsum")),
        Metric("em", "exact match", _answer("exact_match")),
        Metric("f1", "word F1", _answer("word_f1")),
        Metric("accuracy", "accuracy", _answer("accuracy")),
        Metric("macro_f1", "macro-F1", _answer("macro_f1")),
        *(Metric(f"distinct{n}", f"distinct-{n}", _distinct(n)) for n in (1, 2)),
        Metric("copied_share", "copied share", _copied_share, higher_is_better=False, against="source"),
    )
}
OF_TRANSLATIONS = ("bleu", "chrf", "chrf++", "ter")
ROUGE_TOKENIZERS = ("unicode", "rouge")
LOSS = "loss"  # what a validation measures besides METRICS, in nats a token; lower is better
BITS = "bits_per_character"  # of a language model: `</s>` costs bits, but the end of a line is no character
MASKED_LOSS = "masked_loss"  # of an encoder that learns pairs: the part of its loss that is of masked pieces
EXPERT_LOAD = "expert_load"  # the most that falls on one expert of any layer, as a multiple of the mean
_LABELS = {LOSS: LOSS, BITS: "bits a character", EXPERT_LOAD: "highest expert load", "perplexity": "perplexity"} | {
    name: name.replace("_", " ") for name in (MASKED_LOSS, "masked_accuracy", "pair_accuracy", "pseudo_perplexity")
}


def label(name: str) -> str:
    """What a table calls a metric, or a metric of one direction (`bleu:en-fr`); names of programs outside, such as
    comet, in capitals.
    """
    name, _, direction = name.partition(":")
    if direction:
        return f"{label(name)} {direction}"
    return METRICS[name].label if name in METRICS else _LABELS.get(name, name.upper())


def figure(name: str, value: float) -> str:
    """A value of a metric as people read it."""
    return f"{value:.3f}" if name in (LOSS, BITS, MASKED_LOSS) else f"{value:.1f}"


def higher_is_better(name: str) -> bool:
    """Whether a larger value of the metric, or of the loss, means better translations, in whatever direction."""
    name = name.partition(":")[0]
    return METRICS[name].higher_is_better if name in METRICS else name not in (LOSS, BITS, MASKED_LOSS)


def bleu_tokenizer(wanted: str, target_lang: str) -> str:
    """How BLEU splits words; `auto` goes by the target language. Chinese has a tokenizer of its own in sacreBLEU;
    Japanese and Korean have one each where it is installed; in other languages without spaces each character counts.
    """
    if wanted != "auto":
        return wanted
    match language := base_language(target_lang):
        case "zh" | "yue" | "wuu":
            return "zh"
        case "ja" | "ko":
            package = {"ja": "MeCab", "ko": "mecab_ko"}[language]
            return f"{language}-mecab" if find_spec(package) else "char"
        case "th" | "lo" | "km" | "my" | "bo" | "dz":
            return "char"
        case _:
            return "13a"


def in_language(tokenize: str, language: str) -> str:
    """The name of a tokenizer for BLEU with the language of the text: `13a:fr`."""
    return f"{tokenize}:{language}"


def base_language(code: str) -> str:
    """`pt` of `pt-BR`."""
    return re.split("[-_]", code.lower())[0]


@dataclass(frozen=True)
class Score:
    """A corpus score, 0 to 100 (TER may exceed it, and less is better), and what is needed to compute it again."""

    name: str
    value: float
    signature: str
    interval: float | None = None  # half the width of the 95 % confidence interval, if it was asked for
    parts: dict[str, float] = field(default_factory=dict)  # of ROUGE: precision and recall

    def to_json(self) -> dict[str, Any]:
        interval = {} if self.interval is None else {"interval": self.interval}
        return {"score": self.value, **interval, **self.parts, "signature": self.signature}

    def __str__(self) -> str:
        return f"{self.value:.1f}" + ("" if self.interval is None else f" ± {self.interval:.1f}")


def score(
    hyps: Sequence[str],
    refs: Sequence[str] | Sequence[Sequence[str]],
    metrics: Sequence[str] = OF_TRANSLATIONS,
    bleu_tokenize: str = "13a",
    confidence: bool = False,
    rouge_tokenize: str = "unicode",
    src: Sequence[str] | None = None,
) -> list[Score]:
    """Corpus scores in the order of `metrics`, of BLEU and its kin the very numbers of the `sacrebleu` command; with
    `confidence` those of its --confidence, too (bootstrap resampling with a fixed seed, Koehn 2004).

    `refs` is one reference for each hypothesis, or several such lists; see reference_streams. Raises DataError where
    there is nothing to score or the numbers of lines differ, or where a metric reads the source and `src` is None.
    """
    from sacrebleu.significance import PairedTest

    # Trailing spaces count for some tokenizers; the command takes them away too.
    hyps = [line.rstrip() for line in hyps]
    streams = reference_streams(refs)
    if not hyps or not streams:
        raise DataError(f"there are no {'translations' if streams else 'references'} to score.")
    for stream in streams:
        if len(stream) != len(hyps):
            raise DataError(
                f"there are {len(hyps):,} translations, but {len(stream):,} references; line n belongs to line n."
            )
    scores = []
    for name in metrics:
        metric: Any = make_metric(name, bleu_tokenize, rouge_tokenize)
        against = compared_with(name, streams, src)
        if confidence:
            # The test of one system alone; corpus_score's own bootstrap fails where a resample has no match.
            signatures, results = PairedTest([("", hyps)], {name: metric}, against, test_type="bs")()
            ((label, signature),) = signatures.items()
            result: Any = results[label][0]
            value, interval = float(result.score), float(result.ci)
        else:
            value, interval = float(metric.corpus_score(hyps, against).score), None
            signature = metric.get_signature()
        # Signature and parts are whole after scoring only
        scores.append(Score(name, value, signature.format(), interval, getattr(metric, "parts", {})))
    return scores


def compared_with(name: str, streams: list[list[Any]], src: Sequence[str] | None) -> list[list[Any]]:
    """What a metric compares texts with: the streams of references, or their sources."""
    if name not in METRICS or METRICS[name].against == "references":
        return streams
    if not src:
        raise DataError(f"`{name}` reads the source, too.", "Give `--src FILE`.")
    return [list(src)]


def reference_streams(refs: Sequence[str] | Sequence[Sequence[str]]) -> list[list[Any]]:
    """References as sacreBLEU takes them: without trailing spaces; and None, which it passes over, where a line of any
    stream but the first is blank. An empty string would count as a reference, as it does for its command: BLEU and TER
    go by the lengths of all.
    """
    lines = [ref for ref in refs if isinstance(ref, str)]
    streams = [lines] if lines else [ref for ref in refs if not isinstance(ref, str)]
    return [[line.rstrip() or ("" if number == 0 else None) for line in s] for number, s in enumerate(streams)]


def check_metrics(names: Sequence[str]) -> None:
    """Raises DataError where one is none, or is there twice."""
    for i, name in enumerate(names):
        if name not in METRICS:
            close = get_close_matches(name, METRICS, n=1)
            hint = f"Did you mean `{close[0]}`? " if close else ""
            raise DataError(f"`{name}` is no metric.", f"{hint}Known: {', '.join(METRICS)}.")
        if name in names[:i]:
            raise DataError(f"the metric `{name}` is named twice.", "Name each once.")


def make_metric(name: str, bleu_tokenize: str = "13a", rouge_tokenize: str = "unicode") -> Scorer:
    """What scores by that metric. Raises DataError where it is unknown, or needs what is not installed."""
    check_metrics([name])
    return METRICS[name].make(bleu_tokenize, rouge_tokenize)
