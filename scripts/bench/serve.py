"""Requests a second and waiting times of `nmt serve`, beside a bare loop of CTranslate2 with the same model.

    python scripts/bench/serve.py runs/multi30k-en-fr [--text FILE] [--clients 1 8 32] [--seconds 10] [--rounds 3]
    python scripts/bench/serve.py runs/multi30k-en-fr --soak 20000
    python scripts/bench/serve.py runs/multi30k-en-fr --reloads 20
    python scripts/bench/serve.py runs/multi30k-en-fr --rival 5000
    python scripts/bench/serve.py runs/multi30k-en-fr --overload 4 --options=--max-queue=4000

Clients ask for one line each over connections that stay open. The loop stands for the best that a program of one's own
could do: lines go to `translate_batch(asynchronous=True)` as soon as as many as there are clients are not under way,
with a worker of one thread for each core and no HTTP. Both take turns, and so does a LibreTranslate that was started
with the same model (`nmt package --for argos`) and listens on the port `--rival`. The soak asks from 64 clients, of
whom 5 % leave before their answer, and checks that every answer is that of its own text. Models are loaded anew one
time after the other while eight clients ask. Under overload requests come evenly, as many times as often as eight
clients get answers, whether or not those before were answered. A table of medians is printed, and as the last line a
JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

WARM_UP = 50  # lines


class Client:
    """A connection that stays open."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.reader: asyncio.StreamReader | None = None

    async def ask(self, text: str, source: str, target: str) -> tuple[int, str]:
        """Status, and the translation or what is wrong."""
        if self.reader is None:
            self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps({"q": text, "source": source, "target": target}).encode()
        head = ["POST /translate HTTP/1.1", "Host: localhost", "Content-Type: application/json"]
        head += [f"Content-Length: {len(body)}", "", ""]
        self.writer.write("\r\n".join(head).encode() + body)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        found = re.search(r"content-length: (\d+)", answer, re.IGNORECASE)
        assert found is not None
        values = json.loads(await self.reader.readexactly(int(found[1])))
        return int(answer.split(" ", 2)[1]), values.get("translatedText", values.get("error"))

    def leave(self) -> None:
        if self.reader is not None:
            self.writer.close()
            self.reader = None


class Served:
    """`nmt serve` in a process of its own."""

    def __init__(self, run: Path, options: Sequence[str]) -> None:
        command = [sys.executable, "-c", "from nmt.cli import main; main()", "serve", str(run), "--port", "0", *options]
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if ready := re.search(r"Ready: http://[^:]+:(\d+)", line):
                self.port, self.start = int(ready[1]), time.perf_counter() - began
                break
        else:
            raise SystemExit("the server did not start")
        self.reloads = 0
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        """What it logs is read, or it would wait."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.reloads += "Loaded anew." in line

    @property
    def megabytes(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) / 1024

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


async def load(
    port: int, lines: Sequence[str], pair: tuple[str, str], clients: int, seconds: float
) -> dict[str, float]:
    """Requests a second, and milliseconds that half and 95 % of them wait at most."""
    waits: list[float] = []
    end = time.perf_counter() + seconds

    async def one(number: int) -> None:
        client, i = Client(port), number * 997
        while time.perf_counter() < end:
            began = time.perf_counter()
            status, _ = await client.ask(lines[i % len(lines)], *pair)
            assert status == 200
            waits.append(time.perf_counter() - began)
            i += 1
        client.leave()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(clients)))
    return summary(waits, time.perf_counter() - began)


def summary(waits: list[float], seconds: float) -> dict[str, float]:
    waits.sort()
    return {
        "requests_per_s": len(waits) / seconds, "p50_ms": 1000 * waits[len(waits) // 2],
        "p95_ms": 1000 * waits[int(len(waits) * 0.95)],
    }  # fmt: skip


def bare(run: Path, text: Path, clients: int, seconds: float) -> None:
    """In a process of its own: the same of CTranslate2 alone, as JSON."""
    import ctranslate2

    from nmt.decode.exported import FOLDER
    from nmt.run.folder import load_run_recipe
    from nmt.tokenizer import Tokenizer

    decode = load_run_recipe(run).decode
    tokenizer = Tokenizer.load(run)
    engine = ctranslate2.Translator(str(run / FOLDER), inter_threads=len(os.sched_getaffinity(0)), intra_threads=1)
    ids = {piece: i for i, piece in enumerate(tokenizer.vocabulary("tgt"))}
    lines = text.read_text(encoding="utf-8").splitlines()

    def begin(line: str) -> Any:
        pieces = tokenizer.pieces(tokenizer.encode([line], "src")[0], "src")
        how = {"beam_size": decode.beam_size, "length_penalty": decode.length_penalty}
        return engine.translate_batch([pieces], asynchronous=True, **how)[0]

    for line in lines[:WARM_UP]:
        begin(line).result()
    waits: list[float] = []
    began = time.perf_counter()
    under_way: list[tuple[float, Any]] = []
    i = 0
    while time.perf_counter() - began < seconds or under_way:
        while len(under_way) < clients and time.perf_counter() - began < seconds:
            under_way.append((time.perf_counter(), begin(lines[i % len(lines)])))
            i += 1
        asked, result = under_way.pop(0)
        tokenizer.decode([[ids[piece] for piece in result.result().hypotheses[0]]])
        waits.append(time.perf_counter() - asked)
    print(json.dumps(summary(waits, time.perf_counter() - began)))


async def reload(server: Served, lines: Sequence[str], pair: tuple[str, str], number: int) -> dict[str, Any]:
    """The models so many times anew, while eight clients ask: answers, and those that were faults."""
    counts = {"answered": 0, "faults": 0}
    loading = True

    async def one(seed: int) -> None:
        dice, own = random.Random(seed), Client(server.port)
        while loading:
            status, _ = await own.ask(dice.choice(lines), *pair)
            counts["answered" if status == 200 else "faults"] += 1

    asking = [asyncio.ensure_future(one(seed)) for seed in range(8)]
    for done in range(number):
        server.process.send_signal(signal.SIGHUP)
        while server.reloads <= done:
            await asyncio.sleep(0.02)
    loading = False
    await asyncio.gather(*asking)
    return {"reloads": server.reloads} | counts


async def overload(
    port: int, lines: Sequence[str], pair: tuple[str, str], times: int, seconds: float
) -> dict[str, Any]:
    """Waits of those that were answered and of those that were refused, where so many times too many come."""
    normal = await load(port, lines, pair, 8, seconds)
    rate = times * normal["requests_per_s"]
    waits: dict[int, list[float]] = {200: [], 503: []}
    free: list[Client] = []

    async def one(line: str) -> None:
        own = free.pop() if free else Client(port)
        began = time.perf_counter()
        status, _ = await own.ask(line, *pair)
        waits[status].append(time.perf_counter() - began)
        free.append(own)

    began, tasks = time.perf_counter(), []
    while (now := time.perf_counter() - began) < seconds:
        for _ in range(int(now * rate) - len(tasks)):
            tasks.append(asyncio.ensure_future(one(lines[len(tasks) % len(lines)])))
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    over = time.perf_counter() - began
    found = {"normal": normal, "accepted": summary(waits[200], over)}
    if waits[503]:
        found["refused"] = summary(waits[503], over)
    return {
        "overload": times, "asked": len(tasks), "answers": {status: len(each) for status, each in waits.items()},
    } | {who: {key: round(value, 1) for key, value in of.items()} for who, of in found.items()}  # fmt: skip


async def soak(port: int, lines: Sequence[str], pair: tuple[str, str], number: int) -> dict[str, int]:
    """How many of so many requests were answered, left, and wrong: each is compared with its text asked for alone."""
    alone, client = {}, Client(port)
    for line in lines:
        alone[line] = (await client.ask(line, *pair))[1]
    counts = {"answered": 0, "left": 0, "wrong": 0, "faults": 0}
    waiting = list(range(number))

    async def one(seed: int) -> None:
        dice, own = random.Random(seed), Client(port)
        while waiting:
            waiting.pop()
            line = dice.choice(lines)
            if dice.random() < 0.05:
                asking = asyncio.ensure_future(own.ask(line, *pair))
                await asyncio.sleep(dice.random() * 0.01)
                asking.cancel()
                own.leave()
                counts["left"] += 1
                continue
            status, text = await own.ask(line, *pair)
            counts["faults"] += status >= 500
            counts["wrong"] += status == 200 and text != alone[line]
            counts["answered"] += status == 200

    await asyncio.gather(*(one(seed) for seed in range(64)))
    return counts


def main() -> None:
    """Measure, print a table and a JSON object."""
    parser = argparse.ArgumentParser(description="Requests a second of nmt serve, beside CTranslate2 alone.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--text", type=Path, help="lines to translate (default: the run's validation set)")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--soak", type=int, default=0, metavar="REQUESTS")
    parser.add_argument("--reloads", type=int, default=0, metavar="TIMES")
    parser.add_argument("--overload", type=int, default=0, metavar="TIMES")
    parser.add_argument(
        "--rival", type=int, metavar="PORT", help="of a LibreTranslate that runs here, with the same model"
    )
    parser.add_argument("--options", nargs="*", default=[], help="of nmt serve, such as --options=--reproducible")
    parser.add_argument("--bare", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()

    from nmt.run.folder import load_run_recipe

    recipe = load_run_recipe(args.run)
    text = args.text or recipe.prepared_dir / f"valid.{recipe.data.source_lang}.txt"
    if args.bare:
        bare(args.run, text, args.bare, args.seconds)
        return
    lines = text.read_text(encoding="utf-8").splitlines()
    pair = (recipe.data.source_lang, recipe.data.target_lang)
    server = Served(args.run, args.options)
    result: dict[str, Any] = {"start_s": round(server.start, 2), "rss_mb_at_start": round(server.megabytes)}
    if args.soak:
        result |= asyncio.run(soak(server.port, lines[:500], pair, args.soak))
    elif args.reloads:
        result |= asyncio.run(reload(server, lines[:500], pair, args.reloads))
    elif args.overload:
        asyncio.run(load(server.port, lines, pair, 2, 2))
        result |= asyncio.run(overload(server.port, lines, pair, args.overload, args.seconds))
    else:
        asyncio.run(load(server.port, lines, pair, 2, 2))
        found: dict[tuple[str, int], list[dict[str, float]]] = {}
        command = [sys.executable, __file__, str(args.run), "--text", str(text), "--seconds", str(args.seconds)]
        for _ in range(args.rounds):
            for clients in args.clients:
                ours = asyncio.run(load(server.port, lines, pair, clients, args.seconds))
                found.setdefault(("nmt serve", clients), []).append(ours)
                done = subprocess.run([*command, "--bare", str(clients)], capture_output=True, text=True, check=True)
                found.setdefault(("ctranslate2", clients), []).append(json.loads(done.stdout.splitlines()[-1]))
                if args.rival:
                    theirs = asyncio.run(load(args.rival, lines, pair, clients, args.seconds))
                    found.setdefault(("rival", clients), []).append(theirs)
        print("| clients | engine | requests/s | p50 ms | p95 ms |\n|---|---|---|---|---|")
        for (engine, clients), rounds in sorted(found.items(), key=lambda item: item[0][1]):
            medians = {key: statistics.median(one[key] for one in rounds) for key in rounds[0]}
            print(f"| {clients} | {engine} | " + " | ".join(f"{value:.1f}" for value in medians.values()) + " |")
            result[f"{engine} {clients}"] = {key: round(value, 1) for key, value in medians.items()}
        for clients in args.clients:
            ours = result[f"nmt serve {clients}"]["requests_per_s"]
            for engine in ("ctranslate2", "rival") if args.rival else ("ctranslate2",):
                ratio = ours / result[f"{engine} {clients}"]["requests_per_s"]
                result[f"ratio {clients}" + (" rival" if engine == "rival" else "")] = round(ratio, 3)
    result["rss_mb_at_end"] = round(server.megabytes)
    result["exit"] = server.stop()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
