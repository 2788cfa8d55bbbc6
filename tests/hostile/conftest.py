"""The folder in which a hostile case works."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile.hostile import make_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_folder(tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"
