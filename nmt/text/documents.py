"""Files that are more than lines of text: read line by line, they would be taken for something else, or destroyed."""

from __future__ import annotations

from pathlib import PurePath

_KINDS = {
    "subtitles": (".srt", ".vtt", ".ass", ".sub"),
    "a message catalogue": (".po", ".pot", ".xliff", ".xlf", ".resx", ".properties", ".strings", ".xcstrings"),
    "a translation memory": (".tmx", ".sdltm"),
    "a page with tags": (".html", ".htm", ".xhtml", ".xml"),
    "a document": (".docx", ".doc", ".odt", ".rtf", ".pdf", ".epub", ".md", ".rst", ".tex"),
    "a spreadsheet": (".xlsx", ".xls", ".ods"),
    "a table": (".csv", ".tsv", ".parquet", ".jsonl"),
    "slides": (".pptx", ".ppt", ".odp"),
    "data": (".json", ".yaml", ".yml"),
}
_TABLE = "with a column for each language"
_TO_TABLE = {
    "a message catalogue": "Name a .po or .xlf as the `path` of a corpus: train: {path: messages.po}. Of others make a "
    f"table, .csv or .tsv, {_TABLE}.",
    "a translation memory": "Name a .tmx as the `path` of a corpus: train: {path: memory.tmx}. Others can be exported.",
    "a spreadsheet": f"Save it as a table, .csv or .tsv, {_TABLE}.",
    "data": "Write one JSON object a line, and call the file .jsonl.",
}


def kind_of(name: str | PurePath) -> tuple[str, str] | None:
    """What a file is by its name, and its suffix; None: lines of text, as far as the name says. `.gz` may follow."""
    path = PurePath(name)
    suffix = (PurePath(path.stem) if path.suffix.lower() == ".gz" else path).suffix.lower()
    return next(((kind, suffix) for kind, suffixes in _KINDS.items() if suffix in suffixes), None)


def how_to_train_on(kind: str) -> str:
    """What to do with such a file to train on it."""
    return _TO_TABLE.get(
        kind, "Save its text as a plain file of each language, line n of one translating line n of the other."
    )
