"""Inner-product search over passage vectors, exact or in inverted lists; the only file that imports faiss."""

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index.fusion import Ranking

Kind = Literal["flat", "ivf"]
Vectors = npt.NDArray[np.float32]

# Up to here exact search takes 3 ms on one core, a hundredth of a check; beyond it grows with the manual
# (16 ms at 100,000) while inverted lists stay under 1 ms (decision 0009).
EXACT_UP_TO = 20_000
RECALL_AT = 8
# The bar is 0.98; the rest is for the error of a sample of some 250 queries.
WANTED_RECALL = 0.99

_FIRST_PROBES = 8
_POINTS_PER_LIST = 64
_SEED = 1234


class _FaissIndex(Protocol):
    """What is used of ``faiss.Index``."""

    d: int
    ntotal: int

    def search(
        self, x: Vectors, k: int, *, params: object = None
    ) -> tuple[Vectors, npt.NDArray[np.int64]]: ...


@dataclass(frozen=True, slots=True)
class Choice:
    """The type that was taken for an index, and why.

    Of ``lists`` inverted lists the nearest ``probes`` are searched (0 of 0 for an exact index);
    ``recall`` is the share of the exact ``RECALL_AT`` nearest that are found, 0-1, over ``queries``
    queries (none for an exact index).
    """

    kind: Kind
    lists: int
    probes: int
    recall: float
    queries: int


EXACT = Choice(kind="flat", lists=0, probes=0, recall=1.0, queries=0)


class DenseIndex:
    """A FAISS index of whole vectors, so that scores are exact whichever type finds them.

    Rows are numbered in the order the vectors were given.
    """

    def __init__(self, index: _FaissIndex, *, kind: Kind = "flat") -> None:
        self._index = index
        self._kind = kind

    def __len__(self) -> int:
        return self._index.ntotal

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._index.d

    @classmethod
    def build(cls, vectors: Vectors) -> Self:
        """Index ``vectors`` for exact search; float32 of shape [n, d], L2-normalised."""
        index = _faiss().IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        return cls(index)

    @classmethod
    def build_lists(cls, vectors: Vectors, queries: Vectors) -> tuple[Self, Choice]:
        """Index ``vectors`` in inverted lists, or exactly where a quarter of the lists is not enough.

        The same vectors and queries always give the same index.

        Args:
            vectors: As for :meth:`build`, at least one.
            queries: What recall is measured on, float32 of shape [q, d], L2-normalised, at least one.
        """
        faiss = _faiss()
        n_lists = max(1, round(2 * len(vectors) ** 0.5))
        index = faiss.index_factory(vectors.shape[1], f"IVF{n_lists},Flat", faiss.METRIC_INNER_PRODUCT)
        index.cp.seed = _SEED
        index.cp.max_points_per_centroid = _POINTS_PER_LIST
        index.cp.min_points_per_centroid = 1  # a warning on standard error otherwise
        index.train(vectors)
        index.add(vectors)
        k = min(RECALL_AT, len(vectors))
        nearest, _ = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        index.nprobe = _FIRST_PROBES
        while index.nprobe <= n_lists // 4:
            found, _ = index.search(queries, k)
            recall = recall_of(found, nearest)
            if recall >= WANTED_RECALL:
                return cls(index, kind="ivf"), Choice("ivf", n_lists, index.nprobe, recall, len(queries))
            index.nprobe *= 2
        return cls.build(vectors), EXACT

    def search(
        self, vector: Vectors, top_k: int, *, among: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Return what :meth:`rank` finds as (row, cosine)."""
        return self.rank(vector, top_k, among=among).pairs()

    def rank(self, vector: Vectors, top_k: int, *, among: npt.NDArray[np.bool_] | None = None) -> Ranking:
        """Return at most ``top_k`` rows, best first, equal cosines by row.

        Who asks for as many as there are gets them all, from whichever type of index.

        Args:
            vector: float32 of shape [d], L2-normalised.
            top_k: Fewer rows than this give them all; below 1 gives an empty ranking, as an empty index does.
            among: Which rows may be found, shape [n]; None allows all.
        """
        allowed = len(self) if among is None else int(among.sum())
        k = min(top_k, allowed)  # FAISS pads with id -1 beyond the last row
        if k < 1:
            return Ranking.empty()
        scores, rows = self._index.search(
            np.ascontiguousarray(vector[None], dtype=np.float32),
            k,
            params=self._parameters(among, allowed, whole=k == allowed),
        )
        found = rows[0] >= 0
        return Ranking.of(rows[0][found], scores[0][found])

    def _parameters(self, among: npt.NDArray[np.bool_] | None, allowed: int, *, whole: bool) -> object:
        faiss, index = _faiss(), self._index
        chosen = {}
        if among is not None:
            chosen["sel"] = faiss.IDSelectorBitmap(np.packbits(among, bitorder="little"))
        if self._kind == "flat":
            return faiss.SearchParameters(**chosen) if chosen else None
        lists: Any = index
        # The fewer rows may be found, the farther apart they lie.
        probes = lists.nlist if whole else -(-lists.nprobe * len(self) // allowed)
        return faiss.SearchParametersIVF(nprobe=min(lists.nlist, probes), **chosen)

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
    def load(
        cls, path: Path, *, dimension: int, count: int, kind: Kind = "flat", mapped: bool = False
    ) -> Self:
        """Read an index of ``count`` vectors of length ``dimension``.

        Args:
            path: What :meth:`save` wrote.
            dimension: Length of a vector.
            count: Number of vectors.
            kind: The type that it was saved as.
            mapped: Leave the vectors in the file, of which a search reads what it needs.

        Raises:
            IndexMismatchError: the file is missing, damaged or holds something else.
        """
        faiss = _faiss()
        try:
            index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC if mapped else 0)
        except (RuntimeError, MemoryError) as cause:
            raise _mismatch(path) from cause
        wanted = faiss.IndexFlat if kind == "flat" else faiss.IndexIVFFlat
        if not isinstance(index, wanted) or index.metric_type != faiss.METRIC_INNER_PRODUCT:
            raise _mismatch(path)
        if (index.d, index.ntotal) != (dimension, count):
            raise _mismatch(path)
        return cls(index, kind=kind)


def recall_of(found: Vectors, nearest: Vectors) -> float:
    """Return the share of the nearest that were found, 0-1, by their cosines, so that ties count alike.

    Args:
        found: Cosines of what a search found, shape [queries, k], best first.
        nearest: Those of exact search, the same shape.
    """
    # Another order of summation moves a cosine by about 1e-7.
    return float((found >= nearest[:, -1:] - 1e-6).mean())


def _mismatch(path: Path) -> IndexMismatchError:
    return IndexMismatchError(f"向量索引文件损坏或与记录不符（{path}），请运行 reviewer index build 重建。")


def _faiss() -> ModuleType:
    import faiss

    # Threads cost more than they bring to one query, and would compete with the engine's; one thread
    # also makes the training of lists repeatable.
    faiss.omp_set_num_threads(1)
    module: ModuleType = faiss
    return module
