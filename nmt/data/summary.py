"""What people see of a preparation: what was wrong with the text, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping

from nmt import console
from nmt.data.audit import AuditReport
from nmt.data.manifest import SplitStatistics
from nmt.recipe import TokenizerSection
from nmt.tokenizer import Tokenizer


def show_audit(report: AuditReport) -> None:
    if rows := report.rows():
        console.table("Audit", ["split", "found", "pairs", "first at"], rows)
    else:
        console.info("Audit: nothing unusual found.")
    for warning in report.warnings:
        console.warn(warning)


def show_splits(splits: Mapping[str, SplitStatistics], tokenizer: Tokenizer, section: TokenizerSection) -> None:
    if dropped := splits["train"].dropped:
        console.info(f"Left out of train: {', '.join(f'{n:,} {reason}' for reason, n in dropped.items())}.")
    pieces = f"{tokenizer.src_vocab_size:,}" + ("" if tokenizer.shared else f" + {tokenizer.tgt_vocab_size:,}")
    console.info(f"Tokenizer: {section.kind}, {pieces} pieces{', shared' if tokenizer.shared else ''}.")
    columns = ["split", "pairs", "source tokens", "target tokens", "a source", "a target", "longest"]
    rows = [
        [name, s.examples, s.src.tokens, s.tgt.tokens, f"{s.src.tokens / s.examples:.1f}",
         f"{s.tgt.tokens / s.examples:.1f}", max(s.src.longest, s.tgt.longest)]
        for name, s in splits.items()
    ]  # fmt: skip
    console.table("Prepared", columns, rows)
