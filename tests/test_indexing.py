"""From settings to the open index of a manual."""

import shutil
from pathlib import Path

import pytest

from reviewer import indexing
from reviewer.index.encoder import HashingEncoder
from reviewer.manual.catalogue import load_catalogue
from reviewer.progress import SILENT
from reviewer.settings import Settings
from tests.service.several import shorter_manual


def test_an_index_is_built_of_what_was_read_not_of_what_the_folder_says_by_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shorter_manual(tmp_path / "乙")
    catalogue, encoder = load_catalogue(folder), HashingEncoder()
    shutil.rmtree(folder)
    monkeypatch.setattr(indexing, "building_encoder", lambda *_, **__: encoder)
    settings = Settings(home=tmp_path / "home", corpus=folder)
    index = indexing.open_or_build(settings, catalogue, encoder, SILENT)
    assert index.search("您好", encoder=encoder, top_k=1)
