"""Does new code do what old code did, bit for bit? Run both through the command line, and compare what they wrote.

    git worktree add /tmp/base COMMIT                      # the code before
    python scripts/bench/goldens.py write /tmp/base a.json
    python scripts/bench/goldens.py write . b.json         # the code now
    python scripts/bench/goldens.py compare a.json b.json  # exit code 1 if they differ

Three recipes: the demo, Multi30k (if --data has it) and one of two tables with a vocabulary for each language. Of each:
the prepared files, 20 steps of training in several ways (precision, replicas, two processes, resumed), translations by
several searches, forced scores and an evaluation. --quick takes the demo alone. The code is copied first, so that the
checkout may be edited meanwhile. On two free cores it takes three minutes, one with --quick.

Floating-point sums depend on the machine, on its number of cores and on the versions of libraries. So compare two
checkouts on one machine, in one environment, one after the other; a file from elsewhere says nothing.

The text is taken out of git at one commit and the recipes are written here, so that neither changes with the code.

To see whether new code still reads old run folders, keep them and let the new code translate with them:

    python scripts/bench/goldens.py write /tmp/base a.json --keep old
    python scripts/bench/goldens.py read . b.json --runs old
    python scripts/bench/goldens.py compare a.json b.json --common
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shutil
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from golden_commands import FailedError, nmt, start_over
from golden_differences import differences
from golden_recipes import COMMON, RECIPES, TRAIN

ROOT = Path(__file__).resolve().parents[2]
TEXT_COMMIT = "686a45e"  # whose data/demo is the text, however the demo changes
STEPS = 20
LINES = 200  # translated by each search

# Imported once for all commands, which are forks: torch and what its optimizers want take ten seconds.
PACKAGES = ("torch", "torch._dynamo", "sacrebleu", "sentencepiece", "safetensors.torch", "pydantic", "typer", "rich")

# How the 20 steps are trained: name -> (processes, keys)
TRAININGS: dict[str, tuple[int, list[str]]] = {
    "fp32": (1, []),
    "two replicas": (1, ["train.threads=2"]),
    "two processes": (2, []),
    "bf16": (1, ["train.precision=bf16", "train.batch_tokens=300"]),
    "bf16, two replicas": (1, ["train.precision=bf16", "train.threads=2"]),
}
LONGER = ["train.max_steps=120", "train.eval_every=120", "train.save_every=120", "train.warmup_steps=20"]

SEARCHES: dict[str, list[str]] = {
    "greedy": ["--beam-size", "1"],
    "beam": ["--beam-size", "5"],
    "n-best 3": ["--n-best", "3", "--format", "jsonl"],
    "sampling": ["--sample", "--top-p", "0.9", "--temperature", "0.8", "--seed", "7", "--scores"],
    "prefix": ["--prefix", "Le petit", "--scores"],
    "include": ["--include", "voiture", "--scores"],
    "exclude": ["--exclude", "le", "--no-repeat-ngram", "3", "--scores"],
    "alignments": ["--alignments", "--coverage-penalty", "0.2"],
    "diverse groups": ["--beam-size", "4", "--diverse-groups", "2", "--n-best", "2"],
    "MBR": ["--mbr", "chrf", "--beam-size", "4"],
}


# --- what is recorded ------------------------------------------------------------------------------------------------


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def prepared(folder: Path) -> dict[str, Any]:
    """sha256 of each file, named by side; of the manifest, what was read and counted. Of format 1 (by side) and format
    2 (by language, with a table of examples that are all in order).
    """
    import numpy as np

    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    side = {name: language["vocabulary"] for name, language in manifest.get("languages", {}).items()}
    files, out_of_order = {}, []
    for path in sorted(folder.iterdir()):
        if path.name.endswith(".examples.npy"):
            table = np.load(path)
            if not (table[:, 1:] == np.arange(len(table))[:, None]).all():
                out_of_order.append(path.name)
        elif path.name != "manifest.json":
            parts = path.name.split(".")
            files[".".join([parts[0], *(side.get(part, part) for part in parts[1:])])] = sha256(path.read_bytes())
    return {"files": files, "inputs": manifest["inputs"], "out of order": out_of_order,
            "splits": {name: counted(split) for name, split in manifest["splits"].items()}}  # fmt: skip


def counted(split: dict[str, Any]) -> dict[str, Any]:
    """What the manifest says of a split, in either format."""
    found = {"read": split["read"], "dropped": split["dropped"], "pairs": split.get("pairs", split.get("examples"))}
    for side in ("src", "tgt"):
        for kind in ("tokens", "longest", "p99"):
            found[f"{side}_{kind}"] = split[side][kind] if side in split else split[f"{side}_{kind}"]
    return found


def trained(run: Path) -> dict[str, Any]:
    """The log without what measures time, and sha256 of each tensor of the last checkpoint."""
    from safetensors import safe_open

    log = []
    for line in (run / "log.jsonl").read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["event"] != "start":
            log.append({k: v for k, v in record.items() if "second" not in k})
    weights = {}
    last = max(p for p in (run / "checkpoints").iterdir() if p.name.startswith("step-"))
    with safe_open(last / "model.safetensors", "pt") as file:
        for name in sorted(file.keys()):
            tensor = file.get_tensor(name)
            weights[name] = f"{tensor.dtype} {list(tensor.shape)} {sha256(tensor.contiguous().numpy().tobytes())}"
    return {"log": {f"{r['event']} {r.get('step')}": r for r in log}, "weights": weights}


def lines(output: bytes) -> list[Any]:
    """Each line by itself; JSON as its values."""
    return [json.loads(line) if line.startswith("{") else line for line in output.decode("utf-8").splitlines()]


def without_time(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: without_time(v) for k, v in value.items() if "second" not in k}
    return value


# --- cases -----------------------------------------------------------------------------------------------------------


def write_text(folder: Path) -> None:
    """The demo's text as of TEXT_COMMIT, and the tables made of it."""
    folder.mkdir()
    text = {}
    for split, most in (("train", 10_000), ("valid", 30), ("test", LINES)):
        for lang in ("en", "fr"):
            file = f"{split}.{lang}"
            command = ["git", "-C", str(ROOT), "show", f"{TEXT_COMMIT}:data/demo/{file}"]
            text[file] = subprocess.check_output(command, text=True, encoding="utf-8").split("\n")[:-1][:most]
            (folder / file).write_text("".join(f"{line}\n" for line in text[file]), encoding="utf-8")
    pairs = list(zip(text["train.en"], text["train.fr"], strict=True))
    # What the filters look for: a pair twice within a corpus and across both, blanks, a far longer side, a copy, a
    # long line; and characters that normalisation changes.
    odd = [pairs[7], ("", "Rien."), ("Yes.", "Oui, " * 6 + "oui."), ("Paris", "Paris"), ("word " * 30, "mot " * 30)]
    odd += [("It costs ½ euro …", "Cela coûte ½ euro…"), ("a\u00a0b １２", "a b １２"), ("日本", "le Japon")]
    first, second = pairs[:3000] + odd, pairs[3000:6000] + odd + pairs[10:20]
    table = "".join(f"{en}\t{fr}\n" for en, fr in first)
    (folder / "first.tsv").write_text(table, encoding="utf-8")
    rows = [json.dumps({"id": i, "text": {"en": en, "fr": fr}}) for i, (en, fr) in enumerate(second)]
    (folder / "second.jsonl").write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    swapped = zip(text["valid.fr"], text["valid.en"], strict=True)
    (folder / "test.tsv").write_text("".join(f"{fr}\t{en}\n" for fr, en in swapped), encoding="utf-8")


def train(case: str, work: Path, name: str, keys: list[str], processes: int = 1) -> Path:
    """Train into runs/NAME/CASE, and give that."""
    runs = f"train.runs_dir=runs/{name}"
    nmt(["train", f"{case}.yaml", runs, *keys], work, processes=processes)
    return work / "runs" / name / case


def resumed(case: str, work: Path) -> dict[str, Any]:
    """The run `fp32` without its last checkpoint, trained on from the one before."""
    shutil.copytree(work / "runs" / "fp32", work / "runs" / "resumed")
    shutil.rmtree(work / "runs" / "resumed" / case / "checkpoints" / f"step-{STEPS:08d}")
    return trained(train(case, work, "resumed", []))


def use(case: str, work: Path, source: bytes, target: bytes) -> dict[str, Any]:
    """What is done with the run trained for longer."""
    run = f"runs/longer/{case}"
    found: dict[str, Any] = {"translate": {}}
    for name, options in SEARCHES.items():
        found["translate"][name] = lines(nmt(["translate", "--run", run, *options], work, source))
    # Weights of two runs on one vocabulary
    both = ["--run", run, "--run", f"runs/fp32/{case}"]
    found["translate"]["ensemble"] = lines(nmt(["translate", *both, "--scores"], work, source))
    (work / "source.txt").write_bytes(source)
    (work / "target.txt").write_bytes(target)
    texts = ["--src", "source.txt", "--tgt", "target.txt", "--format", "jsonl"]
    found["score"] = lines(nmt(["score", "--run", run, *texts], work))
    found["evaluate"] = without_time(json.loads(nmt(["evaluate", "--run", run, "--json"], work)))
    return found


def test_lines(case: str, work: Path) -> tuple[bytes, bytes]:
    """LINES of the first test set, as prepared from its files."""
    folder = work / "text"
    if case == "multi30k":
        import gzip

        texts = [gzip.decompress((Path(os.environ["GOLDENS_DATA"]) / f"test_2016_flickr.{lang}.gz").read_bytes())
                 for lang in ("en", "fr")]  # fmt: skip
    else:
        texts = [(folder / f"test.{lang}").read_bytes() for lang in ("en", "fr")]
    source, target = (b"".join(text.splitlines(keepends=True)[:LINES]) for text in texts)
    return source, target


def run_case(case: str, work: Path, only_read: bool) -> dict[str, Any]:
    if only_read:
        shutil.rmtree(work / "runs" / "resumed")
        return {"train": {"resumed": resumed(case, work)}, **use(case, work, *test_lines(case, work))}
    work.mkdir(parents=True)
    write_text(work / "text")
    recipe = (RECIPES[case] + TRAIN + COMMON).replace("{multi30k}", os.environ["GOLDENS_DATA"])
    (work / f"{case}.yaml").write_text(recipe, encoding="utf-8")
    nmt(["prepare", f"{case}.yaml"], work)
    found: dict[str, Any] = {"prepare": prepared(work / "prepared" / case), "train": {}}
    for name, (processes, keys) in TRAININGS.items():
        found["train"][name] = trained(train(case, work, name, keys, processes))
    found["train"]["resumed"] = resumed(case, work)
    found["train"]["longer"] = trained(train(case, work, "longer", LONGER))
    return {**found, **use(case, work, *test_lines(case, work))}


def run_cases(cases: list[str], work: Path, only_read: bool) -> dict[str, Any]:
    """Every case in a process of its own."""
    for name in PACKAGES:
        importlib.import_module(name)

    begun = {}
    for case in cases:
        process = os.fork()
        if not process:
            code = 1
            try:
                began = time.monotonic()
                found = run_case(case, work / case, only_read)
                (work / f"{case}.json").write_text(json.dumps(found), encoding="utf-8")
                print(f"{case}: {time.monotonic() - began:.0f} s", file=sys.stderr)
                code = 0
            except FailedError as e:
                print(f"{case}: {e}", file=sys.stderr)
            except BaseException:  # noqa: BLE001 - of a fork, which must not return
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        begun[case] = process
    failed = [case for case, process in begun.items() if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])]
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")
    return {case: json.loads((work / f"{case}.json").read_text(encoding="utf-8")) for case in cases}


def write(options: argparse.Namespace) -> None:
    if "GOLDENS_DATA" not in os.environ:
        start_over(options.checkout, {"GOLDENS_DATA": str((options.data / "multi30k").resolve())})
    find = [sys.executable, "-P", "-c", "import nmt; print(nmt.__file__)"]
    imported = subprocess.check_output(find, text=True).strip()
    if Path(os.environ["PYTHONPATH"]) not in Path(imported).parents:
        raise SystemExit(f"python imports {imported} instead of the copy in {os.environ['PYTHONPATH']}")
    there = Path(os.environ["GOLDENS_DATA"]).is_dir()
    cases = ["demo"] if options.quick else [case for case in RECIPES if case != "multi30k" or there]
    runs: Path | None = getattr(options, "runs", None)
    if runs is not None:
        cases = [case for case in cases if (runs / case).is_dir()]
    if not options.quick and not there:
        print(f"Multi30k is left out: there is no {os.environ['GOLDENS_DATA']}", file=sys.stderr)
    work = Path(os.environ["PYTHONPATH"]).with_name("work")
    if runs is not None:
        shutil.copytree(runs, work)
    work.mkdir(exist_ok=True)
    found = run_cases(cases, work, only_read=runs is not None)
    if keep := getattr(options, "keep", None):
        shutil.copytree(work, keep)
    options.out.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {options.out}: {', '.join(cases)}")


# --- the command line -------------------------------------------------------------------------------------------------


def compare(options: argparse.Namespace) -> None:
    a, b = (json.loads(path.read_text(encoding="utf-8")) for path in (options.first, options.second))
    differing = False
    for case in {**a, **b}:
        if case not in a or case not in b:
            print(f"{case}: only in {options.first if case in a else options.second}")
            differing |= not options.common
            continue
        for part in {**a[case], **b[case]}:
            sides = [{case: {part: side[case][part]}} if part in side[case] else {} for side in (a, b)]
            if options.common and not all(sides):
                continue
            told, moved = differences(*sides, common=options.common)
            print(f"{case}/{part}: {'DIFFERENT' if told else 'equal'}")
            for line in told:
                print(f"  ✗ {line}")
            for line in moved:
                print(f"  moved: {line}")
            differing |= bool(told)
    sys.exit(1 if differing else 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    for name, words in (
        ("write", "run everything with a checkout's code"),
        ("read", "only translate, score and evaluate with runs that were kept, and resume one"),
    ):
        command = commands.add_parser(name, help=words)
        command.add_argument("checkout", type=Path, help="the folder that holds the code, as nmt/")
        command.add_argument("out", type=Path, help="a JSON file to write")
        command.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="holds multi30k/")
        command.add_argument("--quick", action="store_true", help="the demo alone")
        if name == "write":
            command.add_argument("--keep", type=Path, help="a new folder that gets the runs")
        else:
            command.add_argument("--runs", type=Path, required=True, help="a folder that --keep made")
        command.set_defaults(call=write)
    command = commands.add_parser("compare", help="say what differs between two files")
    command.add_argument("first", type=Path)
    command.add_argument("second", type=Path)
    command.add_argument("--common", action="store_true", help="only what both files have")
    command.set_defaults(call=compare)
    options = parser.parse_args()
    options.call(options)


if __name__ == "__main__":
    main()
