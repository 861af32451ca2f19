"""Hashes of files and folders, and that they are not computed twice."""

import errno
import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from reviewer.errors import StorageError
from reviewer.models import hashing
from reviewer.models.hashing import HashCache, file_sha256


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF content")
    return path


def forbid_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "file_sha256", lambda *_, **__: pytest.fail("hashed again"))


def test_file_sha256_is_the_standard_one(model: Path) -> None:
    assert file_sha256(model) == hashlib.sha256(b"GGUF content").hexdigest()


def test_missing_file_is_a_storage_error(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="无法读写"):
        file_sha256(tmp_path / "none")
    with pytest.raises(StorageError, match="无法读写"):
        HashCache(tmp_path).file(tmp_path / "none")


def test_second_start_does_not_hash(model: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = HashCache(home).file(model)
    forbid_hashing(monkeypatch)
    assert HashCache(home).file(model) == first


@pytest.mark.parametrize("keep_time", [True, False], ids=["size changed", "time changed"])
def test_changed_file_is_hashed_again(model: Path, home: Path, *, keep_time: bool) -> None:
    first, stat = HashCache(home).file(model), model.stat()
    model.write_bytes(b"GGUF longer content" if keep_time else b"GGUF CONTENT")
    times = (stat.st_atime_ns, stat.st_mtime_ns) if keep_time else (1, 1)
    os.utime(model, ns=times)
    assert HashCache(home).file(model) != first


@pytest.mark.parametrize("content", ["", "[]", "{", '{"x": 1}'])
def test_damaged_memory_is_ignored(model: Path, home: Path, content: str) -> None:
    first = HashCache(home).file(model)
    (home / "models" / "hashes.json").write_text(content)
    assert HashCache(home).file(model) == first


def test_memory_of_other_files_is_kept(
    model: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"x")
    HashCache(home).file(model)
    HashCache(home).file(other)
    forbid_hashing(monkeypatch)
    HashCache(home).file(model)


def test_cache_that_cannot_be_written_still_answers(
    model: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(tempfile, "mkstemp", read_only)
    assert HashCache(home).file(model) == file_sha256(model)


def test_folder_hash_depends_on_content_and_names_only(tmp_path: Path, home: Path) -> None:
    folder = tmp_path / "st"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"1")
    (folder / "sub" / "b").write_bytes(b"2")
    first = HashCache(home).folder(folder)
    (folder / "meta.json").write_text("{}")
    (folder / ".lock").write_text("")
    assert HashCache(home).folder(folder) == first
    (folder / "sub" / "b").rename(folder / "sub" / "c")
    renamed = HashCache(home).folder(folder)
    assert renamed != first
    (folder / "a").write_bytes(b"11")
    assert HashCache(home).folder(folder) not in (first, renamed)
