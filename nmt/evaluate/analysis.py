"""Where a translator is weak: by length, by how rare the words are, by what it has seen, and its worst sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from nmt.errors import NMTError, RunError
from nmt.evaluate.directions import tokenize_of
from nmt.evaluate.texts import Texts
from nmt.evaluate.training_text import TrainingText, read_training_text
from nmt.run.folder import load_run_recipe
from nmt.text.flags import flags
from nmt.text.metrics import make_metric, reference_streams
from nmt.text.words import words

LENGTHS = (5, 10, 15, 20, 30, 50)  # words of the source; the last bucket has no end
FREQUENCIES = (0, 4, 19, 99, 999)  # times that a word stands in the training text
SEEN = {"seen": "in training", "near": "in training but for a word", "new": "new"}
WORST = 10


@dataclass(frozen=True)
class Group:
    """Sentences that have something in common, and how well they are translated."""

    name: str
    sentences: int
    bleu: float
    chrf: float
    length_ratio: float  # characters of the translations : of the references that they are most like


@dataclass(frozen=True)
class Frequency:
    """Words of the references that stand so often in the training text, and how many of them are produced. Of several
    references that counts which the translation is most like.

    A word counts as produced as often as it stands in both sentences; F1 is the harmonic mean of precision and recall.
    """

    name: str
    words: int  # in the references
    precision: float  # 0 to 1
    recall: float
    f1: float


@dataclass(frozen=True)
class Sentence:
    number: int  # counted from 1
    chrf: float
    flags: list[str]
    src: str
    ref: str
    hyp: str


@dataclass(frozen=True)
class Analysis:
    """The weak spots of one test set. What needs the training text is empty where that is `missing`, which says why."""

    name: str
    by_length: list[Group]
    by_seen: list[Group]
    by_difficulty: list[Group]  # how often training had the rarest word of the first reference
    by_frequency: list[Frequency]
    worst: list[Sentence]
    missing: str = ""

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "name"}

    def group_rows(self) -> list[list[str]]:
        """As GROUP_COLUMNS say."""
        named = [("source words", g) for g in self.by_length] + [("source", g) for g in self.by_seen]
        named += [("rarest word", g) for g in self.by_difficulty]
        return [
            [self.name, what, g.name, f"{g.sentences:,}", f"{g.bleu:.1f}", f"{g.chrf:.1f}", f"{g.length_ratio:.2f}"]
            for what, g in named
        ]

    def frequency_rows(self) -> list[list[str]]:
        """As FREQUENCY_COLUMNS say."""
        return [
            [self.name, f.name, f"{f.words:,}", *(f"{100 * value:.1f}" for value in (f.precision, f.recall, f.f1))]
            for f in self.by_frequency
        ]


GROUP_COLUMNS = ["test set", "by", "which", "lines", "BLEU", "chrF", "length"]
FREQUENCY_COLUMNS = ["test set", "times in training", "words", "precision %", "recall %", "F1 %"]


def analyse_run(run: Path, tests: Iterable[str] = (), prepared: Path | None = None) -> list[Analysis]:
    """Of the translations that `nmt evaluate` kept; of all test sets where none is named.

    Raises RunError where there are none, DataError where they do not fit each other.
    """
    folder = run / "evaluation"
    names = list(tests) or sorted(path.name.removesuffix(".hyp.txt") for path in folder.glob("*.hyp.txt"))
    if not names:
        raise RunError(f"{run} has not been evaluated.", f"Run: nmt evaluate --run {run}")
    recipe = load_run_recipe(run)
    texts = {name: Texts.kept(folder, name) for name in names}
    if uneven := [name for name, t in texts.items() if {len(t.src)} != {len(t.hyp), *map(len, t.refs)}]:
        raise RunError(f"{folder}/{uneven[0]}.*.txt have different numbers of lines.", f"Run: nmt evaluate --run {run}")
    training: TrainingText | None = None
    written: dict[str, str] = {}
    missing = ""
    try:
        src = [line for t in texts.values() for line in t.src]
        tgt = [line for t in texts.values() for line in (*t.hyp, *chain(*t.refs))]
        training, written = read_training_text(run, prepared or recipe.prepared_dir, src, tgt)
    except NMTError as e:
        missing = e.message
    return [analyse(name, t, tokenize_of(recipe, name), training, written, missing) for name, t in texts.items()]


def analyse(
    name: str, texts: Texts, bleu_tokenize: str = "13a",
    training: TrainingText | None = None, written: dict[str, str] | None = None, missing: str = "",
) -> Analysis:  # fmt: skip
    """`written` is how the tokenizer writes lines, where that is not as they are."""
    nearest = nearest_references(texts)

    def groups(lines: Sequence[str], key: Callable[[str], str], order: Sequence[str]) -> list[Group]:
        return _groups(texts, nearest, [key(line) for line in lines], order, bleu_tokenize)

    by_length = groups(texts.src, lambda line: _bucket(len(words(line)), LENGTHS), _labels(LENGTHS))
    by_seen: list[Group] = []
    by_difficulty: list[Group] = []
    by_frequency: list[Frequency] = []
    if training is not None:
        known = training.seen
        counts = training.counts
        by_seen = groups(texts.src, lambda line: SEEN[known[line]], list(SEEN.values()))
        as_written = written or {}
        hyps, refs, first = ([as_written.get(x, x) for x in side] for side in (texts.hyp, nearest, texts.refs[0]))
        by_frequency = _frequencies(hyps, refs, training)
        by_difficulty = groups(
            first, lambda line: _bucket(min((counts[w] for w in words(line)), default=0), FREQUENCIES),
            _labels(FREQUENCIES),
        )  # fmt: skip
    return Analysis(name, by_length, by_seen, by_difficulty, by_frequency, worst_sentences(texts), missing)


def worst_sentences(texts: Texts, number: int = WORST) -> list[Sentence]:
    """Those with the lowest chrF first."""
    chrf = make_metric("chrf")
    rows_of_refs = zip(*reference_streams(texts.refs), strict=True)
    values = [float(chrf.sentence_score(h, refs).score) for h, refs in zip(texts.hyp, rows_of_refs, strict=True)]
    order = sorted(range(len(values)), key=lambda i: (values[i], i))[:number]
    rows = ((i, texts.src[i], texts.refs[0][i], texts.hyp[i]) for i in order)
    return [Sentence(i + 1, round(values[i], 2), flags(s, h), s, r, h) for i, s, r, h in rows]


def nearest_references(texts: Texts) -> list[str]:
    """Of each line the reference that its translation is most like, by chrF."""
    chrf = make_metric("chrf")
    rows = zip(*reference_streams(texts.refs), strict=True)
    return [max((r for r in refs if r is not None), key=lambda r: chrf.sentence_score(hyp, [r]).score)
            for hyp, refs in zip(texts.hyp, rows, strict=True)]  # fmt: skip


def _labels(edges: Sequence[int]) -> list[str]:
    """`1-5`, `6-10`, … `51+`; a bucket of one number is that number."""
    begins = [0 if edges[0] == 0 else 1, *(edge + 1 for edge in edges)]
    closed = [str(a) if a == b else f"{a}-{b}" for a, b in zip(begins, edges, strict=False)]
    return [*closed, f"{begins[-1]:,}+"]


def _bucket(value: int, edges: Sequence[int]) -> str:
    return _labels(edges)[sum(value > edge for edge in edges)]


def _groups(
    texts: Texts, nearest: Sequence[str], keys: Sequence[str], order: Sequence[str], bleu_tokenize: str
) -> list[Group]:
    """Those that have sentences."""
    streams = reference_streams(texts.refs)
    found = []
    for name in order:
        rows = [i for i, key in enumerate(keys) if key == name]
        if not rows:
            continue
        hyps, refs = [texts.hyp[i].rstrip() for i in rows], [[stream[i] for i in rows] for stream in streams]
        bleu, chrf = (
            float(make_metric(metric, bleu_tokenize).corpus_score(hyps, refs).score) for metric in ("bleu", "chrf")
        )
        ratio = sum(map(len, hyps)) / max(1, sum(len(nearest[i]) for i in rows))
        found.append(Group(name, len(rows), round(bleu, 2), round(chrf, 2), round(ratio, 3)))
    return found


def _frequencies(hyps: Sequence[str], refs: Sequence[str], training: TrainingText) -> list[Frequency]:
    produced, wanted, right = Counter[str](), Counter[str](), Counter[str]()
    for hyp, ref in zip(hyps, refs, strict=True):
        a, b = Counter(words(hyp)), Counter(words(ref))
        for counts, into in ((a, produced), (b, wanted), (a & b, right)):
            for word, number in counts.items():
                into[_bucket(training.counts[word], FREQUENCIES)] += number
    found = []
    for name in _labels(FREQUENCIES):
        if wanted[name] or produced[name]:
            precision, recall = right[name] / max(1, produced[name]), right[name] / max(1, wanted[name])
            f1 = 2 * precision * recall / (precision + recall) if right[name] else 0.0
            found.append(Frequency(name, wanted[name], round(precision, 4), round(recall, 4), round(f1, 4)))
    return found
