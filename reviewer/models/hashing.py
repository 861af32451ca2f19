"""SHA-256 of files and folders, remembered by path, size and modification time."""

import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reviewer.errors import StorageError
from reviewer.files import atomic_path, storage_error

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all."""

CHUNK_BYTES = 1 << 20

_CACHE = Path("models") / "hashes.json"


def file_sha256(path: Path, *, progress: Progress | None = None) -> str:
    """Hash a file in full, about 1 GB a second; ``progress`` gets bytes done and in all.

    Raises:
        StorageError: it cannot be read.
    """
    digest, done = hashlib.sha256(), 0
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                if progress:
                    progress(done, size)
    except OSError as cause:
        raise storage_error(path, cause) from cause
    return digest.hexdigest()


class HashCache:
    """SHA-256 of files under a cache folder ``home``: a file is read once, then only looked at.

    What is remembered lies in ``home/models/hashes.json``. A cache that cannot be written is not an
    error: hashing again next time is merely slower.
    """

    def __init__(self, home: Path) -> None:
        self._path = home / _CACHE

    def file(self, path: Path) -> str:
        """Return the SHA-256 of one file.

        Raises:
            StorageError: it cannot be read.
        """
        return self._hash([path])[0]

    def folder(self, folder: Path) -> str:
        """Return one SHA-256 over the names and hashes of all files below ``folder``.

        Hidden files and the ``meta.json`` are left out: they say nothing about the content.

        Raises:
            StorageError: a file cannot be read.
        """
        names = sorted(
            path.relative_to(folder).as_posix()
            for path in folder.rglob("*")
            if path.is_file() and not path.name.startswith(".") and path.name != "meta.json"
        )
        hashes = self._hash([folder / name for name in names])
        listing = "".join(f"{sha256}  {name}\n" for sha256, name in zip(hashes, names, strict=True))
        return hashlib.sha256(listing.encode()).hexdigest()

    def _hash(self, paths: list[Path]) -> list[str]:
        remembered = self._load()
        fresh: dict[str, Any] = {}
        hashes = []
        for path in paths:
            key, state = str(path.absolute()), _state(path)
            known = remembered.get(key)
            if isinstance(known, dict) and all(known.get(name) == value for name, value in state.items()):
                hashes.append(str(known.get("sha256")))
                continue
            hashes.append(file_sha256(path))
            fresh[key] = {**state, "sha256": hashes[-1]}
        if fresh:
            self._save({**remembered, **fresh})
        return hashes

    def _load(self) -> dict[str, Any]:
        try:
            content = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _save(self, content: dict[str, Any]) -> None:
        with contextlib.suppress(StorageError), atomic_path(self._path) as temporary:
            temporary.write_text(json.dumps(content, ensure_ascii=False, indent=1), encoding="utf-8")


def _state(path: Path) -> dict[str, int]:
    try:
        stat = path.stat()
    except OSError as cause:
        raise storage_error(path, cause) from cause
    return {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
