"""Folders that stand for the installed packages and for the cache."""

from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder on sys.path, to install fake packages into."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return the cache folder, which does not exist yet."""
    return tmp_path / "cache"
