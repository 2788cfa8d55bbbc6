"""What many tests need: where the data are, and as many threads as a small machine has cores."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The same examples everywhere, and no verdict by the clock: machines differ, and this one may be busy.
settings.register_profile("nmt", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("nmt")

# Torch reads it when it is first imported; so tests that do without torch do not import it.
os.environ.setdefault("OMP_NUM_THREADS", "2")

# Started in the background, a process and its children ignore Ctrl-C; what we test is what a person's terminal does.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root."""
    return ROOT


@pytest.fixture(scope="session")
def demo_data() -> Path:
    """The embedded English-French corpus."""
    return ROOT / "data" / "demo"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Corpora that are too large, or not ours, to be in the repository; tests that need them are skipped without."""
    folder = ROOT.parent / "shared" / "data"
    if not (folder / "multi30k").is_dir():
        pytest.skip(f"NOT TESTED: there are no corpora in {folder}")
    return folder
