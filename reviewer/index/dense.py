"""Exact inner-product search over passage vectors; the only file that imports faiss."""

from pathlib import Path
from types import ModuleType
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError, StorageError


class _FlatIndex(Protocol):
    """What is used of ``faiss.IndexFlatIP``."""

    d: int
    ntotal: int

    def search(
        self, x: npt.NDArray[np.float32], k: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]: ...


class DenseIndex:
    """A flat FAISS index; rows are numbered in the order the vectors were given.

    A manual has 10^2 to 10^4 passages: exact search takes under a millisecond, and an approximate
    index would only lose recall.
    """

    def __init__(self, index: _FlatIndex) -> None:
        self._index = index

    def __len__(self) -> int:
        return self._index.ntotal

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._index.d

    @classmethod
    def build(cls, vectors: npt.NDArray[np.float32]) -> Self:
        """Index ``vectors``, float32 of shape [n, d], L2-normalised."""
        index = _faiss().IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    def search(self, vector: npt.NDArray[np.float32], top_k: int) -> list[tuple[int, float]]:
        """Return at most ``top_k`` (row, cosine), best first, equal cosines by row.

        ``vector`` is float32 of shape [d], L2-normalised. Fewer rows than ``top_k`` give them all;
        an empty index or ``top_k`` below 1 gives an empty list.
        """
        k = min(top_k, len(self))  # FAISS pads with id -1 beyond the last row
        if k < 1:
            return []
        scores, rows = self._index.search(np.ascontiguousarray(vector[None], dtype=np.float32), k)
        found = [(int(row), float(score)) for row, score in zip(rows[0], scores[0], strict=True) if row >= 0]
        return sorted(found, key=lambda entry: (-entry[1], entry[0]))

    def save(self, path: Path) -> None:
        """Write the index to ``path``.

        Raises:
            StorageError: it cannot be written.
        """
        try:
            _faiss().write_index(self._index, str(path))
        except RuntimeError as cause:
            raise StorageError(f"无法写入索引文件 {path}；请检查磁盘空间和目录权限。") from cause

    @classmethod
    def load(cls, path: Path, *, dimension: int, count: int) -> Self:
        """Read a flat index of ``count`` vectors of length ``dimension``.

        Raises:
            IndexMismatchError: the file is missing, damaged or holds something else.
        """
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path))
        except (RuntimeError, MemoryError) as cause:
            raise _mismatch(path) from cause
        flat = isinstance(index, faiss.IndexFlat) and index.metric_type == faiss.METRIC_INNER_PRODUCT
        if not flat or (index.d, index.ntotal) != (dimension, count):
            raise _mismatch(path)
        return cls(index)


def _mismatch(path: Path) -> IndexMismatchError:
    return IndexMismatchError(f"向量索引文件损坏或与记录不符（{path}），请运行 reviewer index build 重建。")


def _faiss() -> ModuleType:
    import faiss

    # Threads cost more than they bring on an index this small, and would compete with the engine's.
    faiss.omp_set_num_threads(1)
    module: ModuleType = faiss
    return module
