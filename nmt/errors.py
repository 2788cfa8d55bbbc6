"""The errors a user can meet: what is wrong, where, and what to do about it.

Layer 0: everything may import this, it imports nothing of ours. The command line prints `message` and
`hint` without a traceback and exits with `exit_code`: 2 for the user's input, 1 for our own failure.
"""

from __future__ import annotations

from collections.abc import Sequence


class NMTError(Exception):
    """Something the user can mend. `message` says what is wrong and where, `hint` what to do."""

    exit_code = 2

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else self.message


class RecipeError(NMTError):
    """A recipe or an override that cannot be used."""


class DataError(NMTError):
    """Text that cannot be read, or would train on nonsense."""


class RunError(NMTError):
    """A run folder, prepared folder or checkpoint that is missing, does not match, or is broken."""


class TrainingError(NMTError):
    """Training cannot go on (numbers not finite, no memory): not the input's fault alone."""

    exit_code = 1


class OutputError(NMTError):
    """Results that cannot be written: a full disk, or a pipe that nobody reads any more."""

    exit_code = 1


class Interrupted(NMTError):
    """A signal ended the work in good order; exits as a shell expects of that signal (130 for Ctrl-C, 143 for TERM)."""

    def __init__(self, signal_number: int, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.exit_code = 128 + signal_number


def join_faults(faults: Sequence[str]) -> str:
    """One message of several faults: a lone fault as it is, several as a list, so that none hides another."""
    return faults[0] if len(faults) == 1 else f"{len(faults)} faults:\n" + "\n".join(f"  - {f}" for f in faults)


def plural(number: int, what: str) -> str:
    """`1 line`, `2,000 lines`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def quoted(text: str, most: int = 60) -> str:
    """What others wrote, as it may stand in a sentence: in quotes, on one line, cut where it is long."""
    return repr(text if len(text) <= most else text[: most - 1] + "…")


def shown(text: object, most: int = 60) -> str:
    """The same without quotes: a name."""
    return quoted(str(text), most)[1:-1]
