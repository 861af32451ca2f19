"""From a name or path in the settings to a model on this disk."""

import hashlib
from pathlib import Path
from typing import IO, Any

import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError, StorageError
from reviewer.models import hashing, resolve
from reviewer.models.registry import ModelKind
from reviewer.models.resolve import ResolvedModel, resolve_model
from tests.models.fakes import install_tiny, tiny_encoder, tiny_entry

COMMIT = "0" * 40


@pytest.fixture
def registry(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the tiny models in the place of the real ones."""
    install_tiny(site)
    entries = (tiny_entry(), tiny_encoder(site))
    monkeypatch.setattr(resolve, "load_registry", lambda: entries)


@pytest.fixture
def gguf(tmp_path: Path) -> Path:
    path = tmp_path / "my model.gguf"
    path.write_bytes(b"GGUF and more")
    return path


def write_st(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "modules.json").write_text("[]")
    return folder


@pytest.mark.usefixtures("registry")
def test_registry_name_is_assembled(home: Path) -> None:
    entry = tiny_entry()
    found = resolve_model("tiny", home)
    assert found == ResolvedModel(entry.folder(home) / "tiny.gguf", "gguf", entry.sha256, "tiny")
    assert found.path.is_file()


@pytest.mark.usefixtures("registry")
def test_registry_encoder_comes_in_both_forms(home: Path) -> None:
    found = resolve_model("tiny-e5", home, kind="encoder")
    assert found.path.name == "sentence-transformers"
    assert found.gguf is not None
    assert found.gguf.is_file()
    assert found.vocabulary == found.gguf.parent


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("value", "kind", "message"),
    [
        ("tiny", "encoder", "tiny 是语言模型，不能用作检索模型"),
        ("tiny-e5", "gguf", "tiny-e5 是检索模型，不能用作语言模型"),
    ],
)
def test_model_of_the_other_kind_is_refused(home: Path, value: str, kind: ModelKind, message: str) -> None:
    with pytest.raises(ModelMissingError, match=message):
        resolve_model(value, home, kind=kind)


def test_any_gguf_file_is_accepted(gguf: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = resolve_model(str(gguf), home)
    wanted = hashlib.sha256(b"GGUF and more").hexdigest()
    assert found == ResolvedModel(gguf, "gguf", wanted, "my model")
    monkeypatch.setattr(hashing, "file_sha256", lambda *_, **__: pytest.fail("hashed again"))
    assert resolve_model(str(gguf), home) == found


def test_path_may_be_relative_to_here_or_to_the_users_home(
    gguf: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(gguf.parent)
    monkeypatch.setenv("HOME", str(gguf.parent))
    assert resolve_model(gguf.name, home).path == gguf
    assert resolve_model(f"~/{gguf.name}", home).path == gguf


@pytest.mark.parametrize("value", ["none.gguf", "", ".", "~nobody-here/x", "qwen"])
def test_unknown_language_model_lists_the_known_ones(home: Path, value: str) -> None:
    with pytest.raises(
        ModelMissingError, match=r"请写 GGUF 文件的路径，或已知的模型名（qwen2\.5-coder-0\.5b、"
    ):
        resolve_model(value, home)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 zip"])
def test_file_that_is_no_gguf_is_refused(tmp_path: Path, home: Path, content: bytes) -> None:
    other = tmp_path / "weights.gguf"
    other.write_bytes(content)
    with pytest.raises(ModelCorruptError, match="不是 GGUF 文件"):
        resolve_model(str(other), home)


def test_unreadable_file_is_a_storage_error(gguf: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def denied(path: Path, *args: Any, **kwargs: Any) -> IO[Any]:  # noqa: ANN401 -- as Path.open
        if path == gguf:
            raise PermissionError(13, "Permission denied")
        stream: IO[Any] = real(path, *args, **kwargs)
        return stream

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(StorageError):
        resolve_model(str(gguf), home)


def test_sentence_transformers_folder_is_accepted(tmp_path: Path, home: Path) -> None:
    folder = write_st(tmp_path / "my-encoder")
    found = resolve_model(str(folder), home, kind="encoder")
    assert (found.path, found.kind, found.name) == (folder, "encoder", "my-encoder")
    assert (found.gguf, found.vocabulary) == (None, None)
    (folder / "model.safetensors").write_bytes(b"other weights")
    assert resolve_model(str(folder), home, kind="encoder").sha256 != found.sha256


def test_other_folder_is_refused(tmp_path: Path, home: Path) -> None:
    with pytest.raises(ModelCorruptError, match=r"缺少 modules\.json"):
        resolve_model(str(tmp_path), home, kind="encoder")


def test_hub_model_in_the_local_cache_is_found_by_name(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = tmp_path / "hub"
    snapshot = write_st(hub / "models--some--encoder" / "snapshots" / COMMIT)
    (hub / "models--some--encoder" / "refs").mkdir()
    (hub / "models--some--encoder" / "refs" / "main").write_text(COMMIT)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    found = resolve_model("some/encoder", home, kind="encoder")
    assert (found.path, found.name) == (snapshot, "some/encoder")


@pytest.mark.parametrize("value", ["some/encoder", "none", "/no/such/folder", "", "a b"])
def test_unknown_encoder_is_never_downloaded(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(ModelMissingError, match="或用已知的模型名（multilingual-e5-small）"):
        resolve_model(value, home, kind="encoder")
