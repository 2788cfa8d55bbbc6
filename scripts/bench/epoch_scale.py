"""What does a rank need to begin, and to go on inside, an epoch of a billion pairs?

    python scripts/bench/epoch_scale.py --pairs 1000000000

The pairs are simulated: lengths are those of the demo's text, again and again, and the ids a file of holes, so that no
disk is measured. Everything else is what training does: the windows, reading and planning one of them, the steps of an
epoch, and going on in the middle. Prints a table; the last line is a JSON object. Memory is what is private to the
process (RssAnon), beyond what it had before the data were opened.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from nmt.data.examples import Examples
from nmt.data.index import Blocks, Index
from nmt.data.prepare import prepare
from nmt.data.rows import BLOCK, StoredRows, offsets_of, sums_of
from nmt.data.store import PreparedSplit
from nmt.recipe import make_recipe
from nmt.tokenizer import Tokenizer
from nmt.train.epochs import TrainingData

DEMO = Path(__file__).parent.parent.parent / "data" / "demo"
TILE = 8 * BLOCK  # lines after which the lengths come again


class Again:
    """Lengths of so many lines, of which the first come again and again."""

    def __init__(self, tile: np.ndarray, number: int) -> None:
        self._tile, self._number, self.dtype = np.concatenate([tile, tile]), number, tile.dtype

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, part: slice) -> np.ndarray:
        begin, end, _ = part.indices(self._number)
        return self._tile[begin % TILE : begin % TILE + end - begin]


class InOrder:
    """A table of examples, of which number i is line i on both sides."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, which: np.ndarray) -> np.ndarray:
        return np.stack([np.zeros_like(which), which, which], axis=1).astype(np.int32)


def simulated(split: PreparedSplit, pairs: int, folder: Path) -> PreparedSplit:
    """As if the split had so many pairs."""
    lines, rng = {}, np.random.default_rng(0)
    sums: dict[str, np.ndarray] = {}
    for language, rows in split.lines.items():
        tile = rng.choice(rows.lengths, TILE).astype(np.uint16)
        own = np.resize(sums_of(tile), -(-pairs // BLOCK))
        if rest := pairs % BLOCK:
            first = (pairs - rest) % TILE
            own[-1] = tile[first : first + rest].sum()
        starts = offsets_of(own)
        with open(folder / f"{language}.u16", "wb") as file:
            file.truncate(int(starts[-1]) * 2)
        ids = np.memmap(folder / f"{language}.u16", "<u2", "r")
        lines[language] = StoredRows(ids, Again(tile, pairs), starts)  # type: ignore[arg-type]
        sums[language] = own
    target = str(split.directions[0].tgt)
    sizes = np.full(len(sums[target]), BLOCK)
    sizes[-1] = pairs - BLOCK * (len(sizes) - 1)
    blocks = [Blocks(examples=pairs, written=(sums[target] + sizes).tolist())]
    blocks += [Blocks(examples=0, written=[]) for _ in split.directions[1:]]
    index = Index(starts={name: rows.starts.tolist() for name, rows in lines.items()}, corpora=blocks)
    return replace(split, lines=lines, examples=Examples(InOrder(pairs)), index=index)  # type: ignore[arg-type]


def private_mb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


class Peak:
    """The most memory that the process has while this is open, in MB."""

    def __enter__(self) -> Peak:
        self.before = self.mb = private_mb()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.02):
            self.mb = max(self.mb, private_mb())

    def __exit__(self, *exc: object) -> None:
        self._over.set()
        self._thread.join()


def measure(pairs: int, batch_tokens: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        recipe = make_recipe({
            "name": "scale", "tokenizer": {"vocab_size": 4000}, "train": {"max_steps": 1, "batch_tokens": batch_tokens},
            "data": {"source_lang": "en", "target_lang": "fr", "root": str(DEMO), "prepared_dir": str(folder / "p"),
                     "train": {"source": "train.en", "target": "train.fr"}, "valid": {"holdout": 20}},
        }, "scale")  # fmt: skip
        prepared = prepare(recipe)
        tokenizer = Tokenizer.load(prepared)
        split = simulated(PreparedSplit.open(prepared, "train"), pairs, folder)
        opened = PreparedSplit.open
        PreparedSplit.open = lambda *_: split  # type: ignore[method-assign, assignment]
        try:

            def data() -> TrainingData:
                return TrainingData(prepared, recipe, tokenizer, batch_tokens)

            with Peak() as peak:
                begun = time.process_time(), time.monotonic()
                made = data()
                first = made._planned(0, 0)
                cpu, wall = time.process_time() - begun[0], time.monotonic() - begun[1]
                alone = peak.mb - peak.before
            window = made.windows.number // 2
            begun_steps = time.process_time()
            steps = round(sum(made.windows.tokens(0, w) / batch_tokens for w in range(made.windows.number)))
            steps_cpu = time.process_time() - begun_steps
            again, other = made._planned(3, window), data()._planned(3, window)  # as a run that goes on has it
            one, two = ([part.tolist() for update in plan.updates[::50] for part in update] for plan in (again, other))
        finally:
            PreparedSplit.open = opened  # type: ignore[method-assign]
    if one != two:
        raise SystemExit("a window planned again is another")
    return {"pairs": pairs, "windows": made.windows.number, "steps_an_epoch": steps,
            "pairs_of_a_window": len(first.sides), "updates_of_a_window": len(first.updates),
            "begin_cpu_seconds": round(cpu, 2), "begin_seconds": round(wall, 2),
            "steps_cpu_seconds": round(steps_cpu, 2), "private_mb": round(alone)}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000_000)
    parser.add_argument("--batch-tokens", type=int, default=25_000)
    options = parser.parse_args()
    found = measure(options.pairs, options.batch_tokens)
    for what, value in found.items():
        print(f"| {what.replace('_', ' ')} | {value:,} |")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
