"""What ``reviewer models`` reports through the life of a model."""

import shutil
from pathlib import Path

import pytest

from reviewer.errors import ModelMissingError
from reviewer.models import catalog
from reviewer.models.catalog import ModelStatus, check_model, fetch_model, list_models
from reviewer.models.registry import ModelEntry
from tests.models.fakes import install_tiny, tiny_encoder, tiny_entry


@pytest.fixture
def entries(site: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelEntry, ...]:
    install_tiny(site)
    both = (tiny_entry(), tiny_encoder(site))
    monkeypatch.setattr(catalog, "load_registry", lambda: both)
    return both


def states(home: Path) -> dict[str, tuple[bool, bool, bool]]:
    return {
        status.name: (status.installed, status.assembled, status.verified) for status in list_models(home)
    }


def test_shipped_registry_is_listed_in_order(home: Path) -> None:
    names = [status.name for status in list_models(home)]
    assert names == ["qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "multilingual-e5-small"]


def test_status_tells_what_a_user_asks(entries: tuple[ModelEntry, ...], home: Path) -> None:
    assert list_models(home)[0] == ModelStatus(
        name="tiny",
        kind="gguf",
        size=entries[0].size,
        licence="MIT",
        installed=True,
        assembled=False,
        verified=False,
    )


def test_state_follows_the_model(entries: tuple[ModelEntry, ...], site: Path, home: Path) -> None:
    assert states(home) == {"tiny": (True, False, False), "tiny-e5": (True, False, False)}
    for entry in entries:
        fetch_model(entry, home)
    assert states(home) == {"tiny": (True, True, True), "tiny-e5": (True, True, True)}
    (entries[0].folder(home) / "tiny.gguf").write_bytes(b"damaged")
    (entries[1].folder(home) / "sentence-transformers" / "model.safetensors").write_bytes(b"damaged")
    shutil.rmtree(site)
    assert states(home) == {"tiny": (False, True, False), "tiny-e5": (False, True, False)}


def test_fetch_and_check_return_what_is_loaded(entries: tuple[ModelEntry, ...], home: Path) -> None:
    for entry, name in zip(entries, ("tiny.gguf", "sentence-transformers"), strict=True):
        with pytest.raises(ModelMissingError):
            check_model(entry, home)
        path = fetch_model(entry, home)
        assert path == entry.folder(home) / name
        assert check_model(entry, home) == path
