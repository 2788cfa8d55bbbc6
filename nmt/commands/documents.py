"""`nmt translate FILE... -o OUT`: documents and files of messages, each written in its own format."""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nmt import console
from nmt.errors import DataError, RecipeError, join_faults, plural

if TYPE_CHECKING:
    from nmt.decode.translator import Translator
    from nmt.formats.document import About, Document
    from nmt.formats.translating import Tally

PANEL = "Documents"
SHOWN = 5  # places that are told one by one

FilesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="FILE", show_default=False,
        help="Documents, or folders of them, to translate into `-o`: txt, html, md, docx, odt, epub, pptx, odp, "
        "xlsx, po, xliff, tmx, srt, vtt, json, arb, xml of Android, strings, xcstrings, csv, tsv.",
    ),
]  # fmt: skip
AllOption = Annotated[
    bool,
    typer.Option(
        "--all", help="Translate anew what has a translation (po, xliff, tmx, xcstrings).", rich_help_panel=PANEL
    ),
]
MarkOption = Annotated[
    bool,
    typer.Option(
        "--mark/--no-mark", help="Mark translations as a machine's (po: fuzzy; xliff; tmx; xcstrings). [mark]",
        show_default=False, rich_help_panel=PANEL,
    ),
]  # fmt: skip
PerCueOption = Annotated[
    bool,
    typer.Option("--per-cue", help="Translate each cue by itself, not whole sentences (srt, vtt).",
                 rich_help_panel=PANEL),
]  # fmt: skip
KeysOption = Annotated[
    list[str] | None,
    typer.Option(metavar="PATTERN", help="Only values of these keys, such as `menu.*` (json), or columns that are "
                 "called so in the first line (csv, tsv); may be given several times. [json: all; csv, tsv: all cells "
                 "below the first line but numbers, dates, addresses, identifiers and formulas]",
                 rich_help_panel=PANEL),
]  # fmt: skip

MemoryOption = Annotated[
    list[Path] | None,
    typer.Option(
        "--tm", help="A translation memory (tmx, xlf, po): what it has is taken from there. Several may be given.",
        rich_help_panel=PANEL, show_default=False,
    ),
]  # fmt: skip

BILINGUAL = {"po", "xliff", "tmx", "xcstrings"}  # formats in which translations stand beside their sources
NEEDS = {"--all": BILINGUAL, "--no-mark": BILINGUAL, "--per-cue": {"subtitles"}, "--keys": {"json", "csv", "tsv"}}


@dataclass(frozen=True)
class Task:
    """A file, and where its translation goes."""

    source: Path
    target: Path
    data: bytes
    kind: str  # its format
    into: bool  # whether it goes into a folder, which may have to be made


def check_options(right: Mapping[str, bool], wrong: Mapping[str, bool]) -> None:
    """Raises RecipeError for one that is for lines where documents are given, or for documents where none is."""
    if given := [option for option, wanted in wrong.items() if wanted]:
        one, other = ("lines of text", "documents") if right else ("documents", "lines of text")
        raise RecipeError(f"`{given[0]}` is for {one}, not for {other}.", "Leave it out.")


def check_lines(input: Path | None, output: Path | None) -> None:
    """Raises RecipeError where lines would be called a translation memory."""
    if output is not None and output.suffix.lower() == ".tmx":
        given = shlex.quote(str(input)) if input else "FILE"
        raise RecipeError(
            f"lines of text are no translation memory, as {output} says.",
            f"Give the text as a document: nmt translate {given} -o {shlex.quote(str(output))}",
        )


def translate_documents(
    files: Sequence[str],
    output: Path | None,
    about: About,
    load: Callable[[], Translator],
    memories: Sequence[Path] = (),
) -> None:
    """Translate each. Raises an error before anything is written where one of them cannot be read, or the output
    would be in the place of an input; and where there is nothing to translate in any of them.
    """
    tasks, as_memory = _tasks(files, output)
    _check_needed(about, {task.kind for task in tasks})
    translator = load()
    if translator.domain.labels or translator.domain.fields.names:
        raise RecipeError(f"{translator.run} does not translate a text into a text, so it translates no documents.")
    about = _with_languages(about, translator)
    memory = _memory(memories, about)
    if as_memory:
        _check_languages(about)
    documents = _read(tasks, about)
    total = sum(len(document.units) for document in documents)
    if not total:
        raise DataError(
            f"there is nothing to translate in {_named(tasks)}.",
            "" if about.all or not any(task.kind in BILINGUAL for task in tasks)
            else "What has a translation is left as it is, unless you say --all.",
        )  # fmt: skip
    _translate(tasks, documents, translator, memory, total, about if as_memory else None)


def _check_needed(about: About, kinds: set[str]) -> None:
    """An option that changes nothing is a mistake."""
    given = {"--all": about.all, "--no-mark": not about.mark, "--per-cue": about.per_cue, "--keys": bool(about.keys)}
    for option in (option for option, wanted in given.items() if wanted):
        if not NEEDS[option] & kinds:
            raise RecipeError(
                f"`{option}` changes nothing: it is for {', '.join(sorted(NEEDS[option]))}.", "Leave it out."
            )


def _named(tasks: Sequence[Task]) -> str:
    return str(tasks[0].source) if len(tasks) == 1 else plural(len(tasks), "file")


def _with_languages(about: About, translator: Translator) -> About:
    from nmt.decode.request import Request

    route = translator.route(Request(""))
    return replace(about, source=route.source_lang, target=route.target_lang)


def _read(tasks: Sequence[Task], about: About) -> list[Document]:
    from nmt.formats.choose import read_document

    documents = []
    faults: list[DataError] = []
    for task in tasks:
        try:
            documents.append(read_document(task.data, replace(about, name=str(task.source)), task.kind))
        except DataError as e:
            faults.append(e)
    if faults:
        raise DataError(join_faults([fault.message for fault in faults]), faults[0].hint)
    return documents


def _memory(paths: Sequence[Path], about: About) -> dict[str, str]:
    """What the memories have; of two translations the later. Raises DataError for what is none, or of others."""
    from nmt.formats.memory import is_memory, pairs
    from nmt.formats.translating import normalised

    known: dict[str, str] = {}
    for path in paths:
        if not is_memory(path):
            raise DataError(
                f"{path} is no translation memory by its name.", "Give a .tmx (.gz may follow), .xlf or .po."
            )
        _check_languages(about)
        found = pairs(path, about.source, about.target, str(path))
        known |= {normalised(src): tgt for src, tgt in found if src.strip() and tgt.strip()}
    return known


def _check_languages(about: About) -> None:
    if not (about.source and about.target):
        raise DataError("the run does not say between which languages it translates.", "Give --from and --to.")


def _translate(
    tasks: Sequence[Task], documents: Sequence[Document], translator: Translator, memory: Mapping[str, str], total: int,
    as_memory: About | None,
) -> None:  # fmt: skip
    """`as_memory`: what is translated is written as one memory of these languages, not as documents."""
    from nmt.decode.documents import engine_of
    from nmt.decode.endpoints import open_output
    from nmt.formats.memory import memory_of
    from nmt.formats.translating import translate_units

    engine = engine_of(translator)
    failed = []
    with console.progress("Translating", total, "segments") as advance:
        for task, document in zip(tasks, documents, strict=True):
            began = time.monotonic()
            tally = translate_units(document.units, engine, memory, advance)
            if document.units and not tally.translated:
                failed.append(str(task.source))
                continue
            if as_memory is None:
                if task.into:
                    task.target.parent.mkdir(parents=True, exist_ok=True)
                with open_output(task.target) as out:
                    out.write(document.write())
            _report(task, document, tally, time.monotonic() - began)
    if as_memory is not None:
        with open_output(tasks[0].target) as out:
            units = [unit for document in documents for unit in document.units]
            out.write(memory_of(units, as_memory.source, as_memory.target))
    for note in dict.fromkeys(note for document in documents for note in document.notes):
        console.info(note)
    if failed:
        raise DataError(
            f"nothing came out of {', '.join(failed)}: every translation is empty.",
            "It was not written. Try: nmt verify",
        )


def _report(task: Task, document: Document, tally: Tally, seconds: float) -> None:
    if not document.units:
        console.warn(f"{task.source} has nothing to translate; {task.target} is the same.")
        return
    text = f"{task.target}: {tally.translated:,} of {plural(len(document.units), 'segment')} translated"
    if tally.from_memory:
        text += f", {tally.from_memory:,} of them from the memory"
    text += f", in {seconds:,.1f} s."
    if tally.flags:
        text += " Flagged: " + ", ".join(f"{number:,} {flag}" for flag, number in tally.flags.most_common()) + "."
    console.info(text)
    if tally.empty:
        console.warn(f"{plural(tally.empty, 'segment')} came out empty, and stay as they are.")
    guesses = [unit.where for unit in document.units if unit.guess]
    if guesses:
        more = f" and {len(guesses) - SHOWN:,} more" if len(guesses) > SHOWN else ""
        console.warn(f"Where tags stand is a guess in {'; '.join(guesses[:SHOWN])}{more}.")


# --- which files -----------------------------------------------------------------------------------------------------


def _tasks(files: Sequence[str], output: Path | None) -> tuple[list[Task], bool]:
    """And whether the output is one memory of all. Raises an error that names all files that are not there, or of no
    known format.
    """
    from nmt.formats.choose import format_of, kind_by_name

    found = _found(files)
    if output is None:
        first = found[0][0]
        folder = len(found) > 1 or os.path.isdir(files[0])
        name = "translated/" if folder else str(first.with_name(f"{first.stem}.translated{first.suffix}"))
        raise RecipeError(
            f"where shall the translation of {files[0]} go?",
            f"Run: nmt translate {shlex.join(files)} -o {shlex.quote(name)}",
        )
    as_memory = kind_by_name(output) == "tmx" and not any(kind_by_name(source) == "tmx" for source, _ in found)
    into = not as_memory and (len(found) > 1 or os.path.isdir(files[0]) or output.is_dir())
    if into and output.exists() and not output.is_dir():
        raise DataError(f"{output} is no folder, and {plural(len(found), 'file')} have to go there.")
    tasks: list[Task] = []
    faults: list[str] = []
    hint = ""
    for source, relative in found:
        target = output / relative if into else output
        try:
            data = source.read_bytes()
            kind = format_of(str(source), data)
            tasks.append(Task(source, target, data, kind, into))
        except OSError as e:
            faults.append(f"{source} cannot be read: {e.strerror or e}.")
        except DataError as e:
            faults.append(e.message)
            hint = hint or e.hint
        if target.exists() and os.path.samefile(source, target):
            faults.append(f"{target} is the input itself, and would be lost; give the output another name.")
    places = [] if as_memory else [task.target for task in tasks]
    doubles = [str(place) for i, place in enumerate(places) if place in places[:i]]
    faults += [f"two files would be written to {name}." for name in dict.fromkeys(doubles)]
    if not into:
        if not output.parent.is_dir():
            faults.append(f"{output} cannot be written: there is no folder {output.parent}.")
        faults += [fault for task in tasks if not as_memory for fault in _other_format(task, output)]
    if faults:
        raise DataError(join_faults(faults), hint)
    return tasks, as_memory


def _other_format(task: Task, output: Path) -> Iterator[str]:
    """A name that promises what is not done."""
    from nmt.formats.choose import kind_by_name

    named = kind_by_name(output)
    same = output.suffix.lower() == task.source.suffix.lower() or task.kind in ("text", "xliff")
    if named not in (None, task.kind) or (named is None and not same):
        what = f"{task.source} is translated within its format ({task.kind})"
        suffix = task.source.suffix if kind_by_name(task.source) in (None, task.kind) else f".{task.kind}"
        yield f"{what}, so call the output *{suffix}, not {output}; or make that a folder first."


def _found(files: Sequence[str]) -> list[tuple[Path, Path]]:
    """Files, each with its name in a folder of the output; of folders those whose names are of a known format."""
    from nmt.formats.choose import kind_by_name

    found: list[tuple[Path, Path]] = []
    missing = []
    for name in files:
        path = Path(name)
        if path.is_dir():
            inner = sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith("."))
            known = [p for p in inner if kind_by_name(p)]
            found += [(p, p.relative_to(path)) for p in known]
            if not known:
                raise DataError(f"there is no file to translate in {path}.")
            if len(known) < len(inner):
                console.info(f"{plural(len(inner) - len(known), 'other file')} in {path} left out.")
        elif path.exists():
            found.append((path, Path(path.name)))
        else:
            missing.append(f"there is no file {name}.")
    if missing and not found and not any(kind_by_name(name) for name in files):
        raise RecipeError(
            "the text to translate was given as an argument.",
            f"Give it through a pipe: echo {shlex.quote(' '.join(files))} | nmt translate",
        )
    if missing:
        raise DataError(join_faults(missing))
    return found
