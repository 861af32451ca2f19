"""Embeds texts in steps: what was embedded once, by the same encoder, is never embedded again."""

import contextlib
import hashlib
import os
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from reviewer.errors import ModelCorruptError, StorageError
from reviewer.files import atomic_path, locked, storage_error
from reviewer.index.encoder import Encoder, Matrix

CACHE_FOLDER = ".vectors"

Progress = Callable[[int, int], None]

# A killed build loses at most this many texts, about a second of work.
_BATCH = 32
# Vectors of other manuals and former editions that are kept: 150 MB at 384 dimensions.
_SPARE = 100_000
_KEY_BYTES = 16

Records = npt.NDArray[np.void]


def embed(
    texts: Sequence[str], encoder: Encoder, folder: Path, *, progress: Progress | None = None
) -> Matrix:
    """Return one vector a text, in order, and keep them in a cache below ``folder`` as they come.

    A build that is killed goes on where it was, and one of a changed manual embeds what is new. Equal
    texts are embedded once. A vector is the same whether it comes from the cache or not.

    Args:
        texts: What to embed; may be empty.
        encoder: Its identity names the cache.
        folder: The parent of all indexes.
        progress: Called with the texts that have a vector and their number, first before any is embedded.

    Raises:
        ModelCorruptError: the encoder gives vectors of a wrong shape or not finite.
        StorageError: the disk is full.
    """
    report = progress or (lambda _done, _total: None)
    vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
    with _open_cache(folder, encoder) as cache:
        missing: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            known = None if text in missing else cache.find(text)
            if known is None:
                missing.setdefault(text, []).append(row)
            else:
                vectors[row] = known
        done = len(texts) - sum(map(len, missing.values()))
        report(done, len(texts))
        new = list(missing)
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            encoded = _encode(batch, encoder)
            cache.add(batch, encoded)
            for text, vector in zip(batch, encoded, strict=True):
                vectors[missing[text]] = vector
                done += len(missing[text])
            report(done, len(texts))
        cache.prune(texts)
    return vectors


class VectorCache:
    """A file of records of one size: key and checksum of a text, and its vector.

    A record that a kill or the disk damaged is not found. Only the one who holds the lock of the folder
    writes; for others ``add`` and ``prune`` do nothing.
    """

    def __init__(self, path: Path, dimension: int, *, writable: bool) -> None:
        """Look at the file, which need not exist.

        Raises:
            StorageError: it is there and cannot be read, or its torn end cannot be cut off.
        """
        self._path, self._writable = path, writable
        self._record = np.dtype(
            [("key", f"V{_KEY_BYTES}"), ("check", "<u4"), ("vector", "<f4", (dimension,))]
        )
        try:
            self._records = self._map()
        except OSError as cause:
            raise storage_error(path, cause) from cause
        self._rows = {key: row for row, key in enumerate(self._records["key"].tolist())}

    def find(self, text: str) -> npt.NDArray[np.float32] | None:
        """Return the vector of ``text``, shape [dimension], or None."""
        key = _key(text)
        row = self._rows.get(key)
        if row is None:
            return None
        vector: npt.NDArray[np.float32] = self._records["vector"][row]
        return vector if _checksum(key, vector) == self._records["check"][row] else None

    def add(self, texts: Sequence[str], vectors: Matrix) -> None:
        """Append what was embedded; a kill right after loses none of it.

        Raises:
            StorageError: it cannot be written.
        """
        if not self._writable:
            return
        records = np.zeros(len(texts), dtype=self._record)
        for record, text, vector in zip(records, texts, vectors, strict=True):
            key = _key(text)
            record["key"], record["check"], record["vector"] = key, _checksum(key, vector), vector
        try:
            with self._path.open("ab") as file:
                file.write(records.tobytes())
        except OSError as cause:
            raise storage_error(self._path, cause) from cause

    def prune(self, texts: Collection[str]) -> None:
        """Keep the vectors of ``texts`` and the newest ``_SPARE`` others once there are more.

        Raises:
            StorageError: it cannot be written.
        """
        if not self._writable:
            return
        records = self._map()
        wanted = set(map(_key, texts))
        if len(records) <= len(wanted) + _SPARE:
            return
        others = [row for row, key in enumerate(records["key"].tolist()) if key not in wanted]
        keep = np.ones(len(records), dtype=np.bool_)
        keep[others[: max(0, len(others) - _SPARE)]] = False
        with atomic_path(self._path) as temporary:
            temporary.write_bytes(records[keep].tobytes())

    def _map(self) -> Records:
        """Return all whole records of the file; a torn last one is cut off by whoever may write."""
        size = self._path.stat().st_size if self._path.exists() else 0
        count, torn = divmod(size, self._record.itemsize)
        if torn and self._writable:
            os.truncate(self._path, size - torn)
        if not count:
            return np.zeros(0, dtype=self._record)
        mapped: Any = np.memmap(self._path, dtype=self._record, mode="r", shape=(count,))
        return mapped.view(np.ndarray)  # type: ignore[no-any-return]


@contextlib.contextmanager
def _open_cache(folder: Path, encoder: Encoder) -> Iterator[VectorCache]:
    """Yield the cache of ``encoder``; where another builder is at it, to be read only."""
    place = folder / CACHE_FOLDER
    with contextlib.ExitStack() as held:
        writable = True
        try:
            held.enter_context(locked(place, "索引构建"))
        except StorageError:
            writable = False
        yield VectorCache(
            place / f"{encoder.identity}-{encoder.dimension}.bin", encoder.dimension, writable=writable
        )


def _encode(texts: Sequence[str], encoder: Encoder) -> Matrix:
    encoded = encoder.encode_document(texts)
    if encoded.shape != (len(texts), encoder.dimension) or not np.isfinite(encoded).all():
        raise ModelCorruptError("嵌入模型给出的向量形状不对或不是有限数；请重新获取该模型，或换一个模型。")
    return encoded


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]


def _checksum(key: bytes, vector: npt.NDArray[np.float32]) -> int:
    return zlib.crc32(np.ascontiguousarray(vector, dtype="<f4").tobytes(), zlib.crc32(key))
