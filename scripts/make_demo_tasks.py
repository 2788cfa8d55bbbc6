"""Generate three small corpora for tasks other than translation: questions with their context, dialogues, and opinions.

They are entirely our own work, and small enough for a CPU. Each keeps some combinations, such as a name with a thing,
out of the training text, and the validation and test texts are made of these alone: so the scores measure whether a
model reads what it is given.

Usage: python scripts/make_demo_tasks.py [--out data]
"""

from __future__ import annotations

import argparse
import json
import random
import zlib
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

SEED = 20260
Row = dict[str, object]
SPLITS = {"train": 0, "valid": 1, "test": 2}

# A kind of words a line
_WORDS = """
names: Anna Ben Clara David Emma Felix Grace Hugo Ines Jack Kate Leo Mia Noah Olga Paul Rosa Sam Tina Victor
things: bag ball bike book bottle box camera chair clock coat cup drum hat key kite lamp mirror pen plate ring
places: attic basement bathroom bedroom car garage garden hall kitchen library office school shed shop
colours: black blue brown green grey pink purple red silver white yellow
days: Monday Tuesday Wednesday Thursday Friday Saturday Sunday
times: noon one two five six seven eight nine
guests: two three four five six seven eight
subjects: bed breakfast coffee film food garden hotel lake museum music pool room show soup staff view waiter
good: beautiful charming excellent friendly good great lovely nice perfect pleasant wonderful
bad: awful bad boring cold dirty dreadful loud poor sad terrible ugly
"""
WORDS = {kind: words.split() for kind, words in (line.split(": ") for line in _WORDS.strip().splitlines())}


def split_of(*combination: str) -> str:
    """Which split may have a combination; a checksum decides, so the choice is stable: 8 in 10 are for training."""
    return {0: "valid", 1: "test"}.get(zlib.crc32(":".join(combination).encode()) % 10, "train")


def question(d: random.Random, split: str) -> Row | None:
    """Three to five facts, and a question about one; two others share its name and its thing. In validation and tests
    the name and the thing of the question never stood together in training; all other facts are as in training. Two in
    five training contexts have two facts alone that share nothing, which is meant as an easier start.

    Answers are sentences that begin with what was asked for: in answers of one word small models learned which fact it
    is late or not at all.
    """
    name, thing = d.choice(WORDS["names"]), d.choice(WORDS["things"])
    if split_of(name, thing) != split:
        return None
    number = d.choice([2, 2, 3, 4, 5] if split == "train" else [3, 4, 5])
    owned = [(name, thing)]
    if number > 2:
        owned += [(name, d.choice(WORDS["things"])), (d.choice(WORDS["names"]), thing)]
    owned += [(d.choice(WORDS["names"]), d.choice(WORDS["things"])) for _ in range(number - len(owned))]
    if number == 2 and (owned[1][0] == name or owned[1][1] == thing):
        return None
    if len(set(owned)) < len(owned) or any(split_of(*pair) != "train" for pair in owned[1:]):
        return None
    kind, facts, answer = d.choice(["where", "colour"]), [], ""
    for i, (owner, what) in enumerate(owned):
        place, colour = d.choice(WORDS["places"]), d.choice(WORDS["colours"])
        about = kind if i < 3 else d.choice(["where", "colour"])  # else the question would tell which fact it is
        facts.append(f"{owner}'s {what} is in the {place}." if about == "where" else f"{owner} has a {colour} {what}.")
        if not i:
            answer = f"{name}'s {thing} is {f'in the {place}' if kind == 'where' else colour}."
    d.shuffle(facts)
    asked = f"Where is {name}'s {thing}?" if kind == "where" else f"What colour is {name}'s {thing}?"
    return {"question": asked, "context": " ".join(facts), "answer": answer}


ASKED = {
    "guests": ("For how many people?", "For {}, please."),
    "day": ("On which day?", "On {}."),
    "time": ("At what time?", "At {}."),
    "name": ("What name is it?", "{}."),
}


def booking(d: random.Random, split: str) -> Row | None:
    """A table is booked, one answer after the other; a guest may change one. What the restaurant says last has all that
    was said. In validation and tests that is asked, of days and times that never went together in training.
    """
    values = {
        "guests": d.choice(WORDS["guests"]),
        "day": d.choice(WORDS["days"]),
        "time": d.choice(WORDS["times"]),
        "name": d.choice(WORDS["names"]),
    }
    if split_of(values["day"], values["time"]) != split:
        return None
    first = d.sample(list(ASKED)[:3], d.randrange(3))
    said = {"guests": f"for {values['guests']}", "day": f"on {values['day']}", "time": f"at {values['time']}"}
    user = " ".join(["I would like a table", *(said[slot] for slot in first)]) + ("." if first else ", please.")
    history: list[str] = []
    examples: list[Row] = []
    for slot in [slot for slot in ASKED if slot not in first]:
        ask, answer = ASKED[slot]
        examples.append({"history": [*history], "user": user, "reply": ask})
        history += [user, ask]
        user = answer.format(values[slot])
    if d.random() < 0.3:
        slot, choices = d.choice([("guests", WORDS["guests"]), ("time", WORDS["times"])])
        before = d.choice(choices)
        if before == values[slot] or (slot == "time" and split_of(values["day"], before) != "train"):
            return None
        history = [turn.replace(said[slot], said[slot].replace(values[slot], before)) for turn in history]
        history = [turn.replace(said[slot].capitalize(), said[slot].capitalize().replace(values[slot], before))
                   for turn in history]  # fmt: skip
        examples = []
        user = user.rstrip(".") + f". No, make it {'a table ' if slot == 'guests' else ''}{said[slot]}."
    reply = f"A table for {values['guests']} on {values['day']} at {values['time']}, for {values['name']}."
    examples.append({"history": history, "user": user, "reply": reply})
    return d.choice(examples) if split == "train" and d.random() < 0.6 else examples[-1]


def opinion(d: random.Random, split: str) -> Row | None:
    """One or two opinions, some of them turned round; whether they are good, bad or both. In validation and tests the
    first has a subject and a word that never went together in training.
    """
    kinds, clauses = set(), []
    for i in range(d.choice([1, 2, 2])):
        good, turned = d.random() < 0.5, d.random() < 0.3
        subject, word = d.choice(WORDS["subjects"]), d.choice(WORDS["good"] if good else WORDS["bad"])
        if split_of(subject, word) != ("train" if i else split):
            return None
        clauses.append(f"the {subject} was {'not ' if turned else ''}{word}")
        kinds.add(good != turned)
    text = (", but " if len(kinds) == 2 else " and ").join(clauses)
    return {"text": f"{text[0].upper()}{text[1:]}.", "label": "mixed" if len(kinds) == 2 else
            "positive" if True in kinds else "negative"}  # fmt: skip


CORPORA: dict[str, tuple[Callable[[random.Random, str], Row | None], str, tuple[int, int, int]]] = {
    "demo-qa": (question, "tsv", (100_000, 300, 500)),
    "demo-dialogue": (booking, "jsonl", (6_000, 300, 500)),
    "demo-opinions": (opinion, "tsv", (6_000, 300, 500)),
}


def rows(make: Callable[[random.Random, str], Row | None], split: str) -> Iterator[Row]:
    """Different ones, without end."""
    d, seen = random.Random(SEED + SPLITS[split]), set()
    while True:
        row = make(d, split)
        if row is not None and (key := json.dumps(row)) not in seen:
            seen.add(key)
            yield row


def write(path: Path, found: list[Row]) -> None:
    if path.suffix == ".jsonl":
        lines = [json.dumps(row, ensure_ascii=False) for row in found]
    else:
        lines = ["\t".join(found[0]), *("\t".join(map(str, row.values())) for row in found)]
    path.write_bytes("".join(f"{line}\n" for line in lines).encode())


def main() -> None:
    """Write the files of each corpus into its folder."""
    parser = argparse.ArgumentParser(description="Generate small corpora of questions, dialogues and opinions.")
    parser.add_argument("--out", type=Path, default=Path("data"), help="output directory (default: %(default)s)")
    out = parser.parse_args().out
    for name, (make, kind, sizes) in CORPORA.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        for split, size in zip(SPLITS, sizes, strict=True):
            write(out / name / f"{split}.{kind}", list(islice(rows(make, split), size)))
        print(f"{out / name}: {', '.join(f'{split} {size:,}' for split, size in zip(SPLITS, sizes, strict=True))}")


if __name__ == "__main__":
    main()
