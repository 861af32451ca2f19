"""Inner-product search over passage vectors, exact or after a scan; the only file that imports faiss."""

import random
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import ModuleType
from typing import Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError, StorageError
from reviewer.index.fusion import Items, Ranking, Ranks, Scores

Kind = Literal["flat", "pq"]
Vectors = npt.NDArray[np.float32]

# Up to here exact search takes 3 ms on one core, a hundredth of a check; beyond it grows with the manual
# (16 ms at 100,000, where a quick scan takes 3; decision 0009).
EXACT_UP_TO = 20_000
RECALL_AT = 8
# The bar is 0.98; the rest is for the error of a sample of some 250 queries.
WANTED_RECALL = 0.99

# A quick scan hands on at least so many rows to be scored exactly: half as many hold 0.988 of the
# nearest hundred of 100,000, these 0.999 (decision 0009).
_CANDIDATES = 1_000
_BITS = 4  # what FAISS scans in registers
_SAMPLE = 1_000
_SEED = 1234


@dataclass(frozen=True, slots=True)
class Choice:
    """The type that was taken for an index, and why.

    ``recall`` is the share of the exact ``RECALL_AT`` nearest that are found, 0-1, over ``queries``
    queries (none for an exact index).
    """

    kind: Kind
    recall: float
    queries: int


EXACT = Choice(kind="flat", recall=1.0, queries=0)


class _FaissIndex(Protocol):
    """What is used of ``faiss.IndexFlatIP`` and, with a ``refine_index``, of ``faiss.IndexRefineFlat``."""

    d: int
    ntotal: int
    refine_index: object

    def search(
        self, x: Vectors, k: int, *, params: object = None
    ) -> tuple[Vectors, npt.NDArray[np.int64]]: ...

    def get_xb(self) -> object: ...


class DenseIndex:
    """A FAISS index of whole vectors, so that scores are exact whichever type finds them.

    Rows are numbered in the order the vectors were given.
    """

    def __init__(self, index: _FaissIndex, *, kind: Kind = "flat") -> None:
        """Wrap an ``IndexFlatIP``, or for ``pq`` an ``IndexRefineFlat`` over an ``IndexPQFastScan``."""
        self._index = index
        self._exact: _FaissIndex = index if kind == "flat" else _faiss().downcast_index(index.refine_index)
        self._is_quick = kind == "pq"

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
    def build_quick(cls, vectors: Vectors, queries: Vectors) -> tuple[Self, Choice]:
        """Index ``vectors`` for a quick scan, or exactly where that finds too little.

        Beside the whole vectors stand copies with four bits a dimension, one of 16 learned values. All of
        them are scanned, and the best are scored by the whole vectors. The same vectors and queries always
        give the same index.

        Args:
            vectors: As for :meth:`build`, at least one.
            queries: What recall is measured on, float32 of shape [q, d], L2-normalised, at least one.

        Source: Andre, Kermarrec, Le Scouarnec: Quicker ADC, PAMI 2019, as in FAISS.
        """
        faiss = _faiss()
        count, dimension = vectors.shape
        codes = faiss.IndexPQFastScan(dimension, dimension, _BITS, faiss.METRIC_INNER_PRODUCT)
        codes.pq.cp.seed = _SEED
        codes.pq.cp.min_points_per_centroid = 1  # a warning on standard error otherwise
        index = faiss.IndexRefineFlat(codes)
        index.train(vectors)
        index.add(vectors)
        quick = cls(index, kind="pq")
        k = min(RECALL_AT, count)
        nearest, _ = faiss.knn(queries, vectors, k, metric=faiss.METRIC_INNER_PRODUCT)
        found = np.array([quick.rank(query, k).scores for query in queries])
        recall = recall_of(found, nearest)
        if recall < WANTED_RECALL:
            return cls.build(vectors), EXACT
        return quick, Choice("pq", recall, len(queries))

    def rank(self, vector: Vectors, top_k: int, *, among: npt.NDArray[np.bool_] | None = None) -> Ranking:
        """Return at most ``top_k`` rows, best first, equal cosines by row.

        Who asks for as many as there are gets them all, from whichever type of index. The ranks of others
        are estimated by a sample of all vectors.

        Args:
            vector: float32 of shape [d], L2-normalised.
            top_k: Fewer rows than this give them all; below 1 gives an empty ranking, as an empty index does.
            among: Which rows may be found, shape [n]; None allows all.
        """
        allowed = len(self) if among is None else int(among.sum())
        k = min(top_k, allowed)  # FAISS pads with id -1 beyond the last row
        if k < 1:
            return Ranking.empty()
        query = np.ascontiguousarray(vector[None], dtype=np.float32)
        if not self._is_quick or k == allowed or (among is not None and allowed <= EXACT_UP_TO):
            scores, rows = self._exact.search(query, k, params=_only(among))
        else:
            # A scan cannot leave rows out, so it looks for as many more as there are others.
            candidates = -(-max(k, _CANDIDATES) * len(self) // allowed)
            scores, rows = self._index.search(query, min(candidates, len(self)))
        found = rows[0] >= 0
        if among is not None:
            found &= among[rows[0]]
        best = Ranking.of(rows[0][found], scores[0][found])
        return Ranking(best.rows[:k], best.scores[:k], beyond=partial(self._beyond, query[0], among))

    def _beyond(
        self, vector: Vectors, among: npt.NDArray[np.bool_] | None, rows: Items
    ) -> tuple[Ranks, Scores]:
        """Return estimated ranks and exact cosines of ``rows``."""
        chosen, sampled = self._sample
        others = _cosines(sampled, vector)
        allowed = len(self)
        if among is not None:
            others, allowed = others[among[chosen]], int(among.sum())
        others.sort()
        cosines = _cosines(self._vectors[rows], vector)
        n_nearer = len(others) - np.searchsorted(others, cosines, side="right")
        # Every sampled vector stands for as many; half of one lies before the first.
        return (n_nearer.astype(np.float64) + 0.5) * allowed / max(1, len(others)), cosines

    @cached_property
    def _vectors(self) -> Vectors:
        """All vectors where FAISS keeps them, shape [n, d]."""
        view: Vectors = _faiss().rev_swig_ptr(self._exact.get_xb(), len(self) * self.dimension)
        return view.reshape(len(self), self.dimension)

    @cached_property
    def _sample(self) -> tuple[Items, Vectors]:
        """Rows by chance, the same every time, and their vectors; side by side they are read quicker.

        Rows at even distances could all be the same part of their passages.
        """
        chosen = np.sort(random.Random(_SEED).sample(range(len(self)), min(_SAMPLE, len(self))))
        return chosen, self._vectors[chosen]

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
        if not isinstance(index, faiss.IndexFlat if kind == "flat" else faiss.IndexRefineFlat):
            raise _mismatch(path)
        parts = [(index, type(index))]
        if kind == "pq":
            parts += [(index.base_index, faiss.IndexPQFastScan), (index.refine_index, faiss.IndexFlat)]
        shape = (dimension, count, faiss.METRIC_INNER_PRODUCT)
        for part, wanted in parts:
            if not isinstance(faiss.downcast_index(part), wanted):
                raise _mismatch(path)
            if (part.d, part.ntotal, part.metric_type) != shape:
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


def _cosines(vectors: Vectors, vector: Vectors) -> Scores:
    # Not by @: BLAS would wake threads for it, which costs more than it brings and depends on the machine.
    cosines: Scores = np.einsum("ij,j->i", vectors, vector)
    return cosines


def _only(among: npt.NDArray[np.bool_] | None) -> object:
    """Return the parameters of a search that may find only some rows."""
    if among is None:
        return None
    faiss = _faiss()
    return faiss.SearchParameters(sel=faiss.IDSelectorBitmap(np.packbits(among, bitorder="little")))


def _mismatch(path: Path) -> IndexMismatchError:
    return IndexMismatchError(f"向量索引文件损坏或与记录不符（{path}），请运行 reviewer index build 重建。")


def _faiss() -> ModuleType:
    import faiss

    # Threads cost more than they bring to one query, and would compete with the engine's; one thread
    # also makes training repeatable.
    faiss.omp_set_num_threads(1)
    module: ModuleType = faiss
    return module
