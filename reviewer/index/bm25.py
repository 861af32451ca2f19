"""BM25 over single characters, character pairs and ASCII words, by bm25s.

Words would need a segmenter, which can split wrongly. On the development files single characters
beside pairs raised recall@8 of situational rules from 0.65 to 0.68; triples added nothing.
"""

import hashlib
import json
import logging
import re
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError
from reviewer.folding import fold
from reviewer.index.fusion import Items, Ranking, Ranks, Scores

# Raise whenever tokenise() or the folding changes: indexes of another version are refused.
TOKENISER_VERSION = "1"

_PARAMS = "params.index.json"
_HASHES = "tokens.npy"
# ASCII words whole; runs of any other letters or digits are cut into characters and pairs.
_WORD_OR_RUN = re.compile(r"([a-z0-9]+)|([^\W_a-z0-9]+)")
_ROW_ARRAYS = ("data", "indices", "indptr")
# In a mapped index, so many postings of a query's tokens, rarest first, are added up over all rows, and at
# least so many of the best rows are then scored by all tokens: of 100,000 passages they hold all of the
# eight best, and of the hundred best (decision 0009).
_POSTINGS = 300_000
_CANDIDATES = 1_000
# Stands for a text without tokens; no query can hold it.
_NO_TOKEN = ""


def tokenise(text: str) -> list[str]:
    """Return the tokens of the folded ``text`` in order; punctuation and symbols give none."""
    return list(_tokens(fold(text).text))


def _tokens(folded: str) -> Iterator[str]:
    for word, run in _WORD_OR_RUN.findall(folded):
        if word:
            yield word
            continue
        yield from run
        yield from (run[at : at + 2] for at in range(len(run) - 1))


class _Model(Protocol):
    """What is used of ``bm25s.BM25``."""

    scores: dict[str, Any]
    vocab_dict: Mapping[str, int]

    def get_tokens_ids(self, query_tokens: list[str]) -> list[int]: ...

    def get_scores_from_ids(self, query_tokens_ids: list[int]) -> npt.NDArray[np.float32]: ...

    def save(self, save_dir: Path, *, show_progress: bool, allow_pickle: bool) -> None: ...


class _Sparse(Protocol):
    """What is used of the sparse arrays of scipy."""

    data: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int32]
    indptr: npt.NDArray[np.int32]

    def __getitem__(self, at: object) -> Self: ...

    def tocsr(self) -> "_Sparse": ...

    def __matmul__(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...


@dataclass(frozen=True, slots=True)
class _Mapped:
    """What a mapped index has besides: the scores of every token in every row, by token and by row."""

    hashes: npt.NDArray[np.uint64]
    by_token: _Sparse
    by_row: _Sparse

    def known(self, counts: Mapping[str, int]) -> tuple[npt.NDArray[np.intp], Scores]:
        """Return the numbers of those tokens of ``counts`` that any row holds, and their counts, both [n]."""
        wanted = np.array([_hash(token) for token in counts], dtype=np.uint64)
        numbers = np.minimum(np.searchsorted(self.hashes, wanted), len(self.hashes) - 1)
        held = self.hashes[numbers] == wanted
        return numbers[held], np.array(list(counts.values()), dtype=np.float32)[held]


class HashedVocabulary(Mapping[str, int]):
    """Numbers of tokens in a sorted array of hashes: a million of them need 8 MB and no loading.

    Two tokens with one hash, of which a million have a chance of one in thirty million, would count as one.
    """

    def __init__(self, hashes: npt.NDArray[np.uint64]) -> None:
        self._hashes = hashes.data  # numpy's own search takes ten times as long for one value

    def __getitem__(self, token: str) -> int:
        wanted = _hash(token)
        number = bisect_left(self._hashes, wanted)
        if number == len(self._hashes) or self._hashes[number] != wanted:
            raise KeyError(token)
        return number

    def __len__(self) -> int:
        return len(self._hashes)

    def __iter__(self) -> Iterator[str]:
        raise TypeError("the tokens behind the hashes are not kept")


class Bm25Index:
    """Scores texts by the tokens they share with a query; rows are numbered in the order given."""

    def __init__(self, model: _Model, mapped: _Mapped | None = None) -> None:
        self._model = model
        self._mapped = mapped
        if mapped is not None:
            model.vocab_dict = HashedVocabulary(mapped.hashes)

    def __len__(self) -> int:
        return int(self._model.scores["num_docs"])

    @classmethod
    def build(cls, texts: Sequence[str], *, mapped: bool = False) -> Self:
        """Index at least one text; the same texts always give the same files.

        Args:
            texts: What to index.
            mapped: Number the tokens by their hashes, so that no vocabulary has to be loaded.
        """
        # bm25s numbers tokens by set order, which changes with every process.
        numbers, vocabulary = _numbered(texts, order=_hash if mapped else str)
        model = _bm25s().BM25(method="lucene", k1=1.5, b=0.75)
        model.index((numbers, vocabulary), create_empty_token=False, show_progress=False)
        if not mapped:
            return cls(model)
        by_token = _matrix(model)
        return cls(
            model, _Mapped(np.array([*map(_hash, vocabulary)], dtype=np.uint64), by_token, by_token.tocsr())
        )

    def scores(self, query: str) -> npt.NDArray[np.float32]:
        """Return one score a row, shape [n], >= 0; all 0 when no token of the query is known."""
        numbers = self._model.get_tokens_ids(tokenise(query))
        return np.asarray(self._model.get_scores_from_ids(numbers), dtype=np.float32)

    def rank(self, query: str, top_k: int, *, among: npt.NDArray[np.bool_] | None = None) -> Ranking:
        """Return at most ``top_k`` rows, best first, equal scores by row.

        Rows that share no token with the query are left out, so the ranking may be empty. A mapped index
        looks for rows by the rarest tokens only, as many as ``_POSTINGS`` allows, and estimates the ranks
        of others by them; every score counts all tokens.

        Args:
            query: What to search for.
            top_k: Below 1 gives an empty ranking.
            among: Which rows may be found, shape [n]; None allows all.
        """
        if self._mapped is not None:
            return self._rank_mapped(self._mapped, query, top_k, among)
        scores = self.scores(query)
        if among is not None:
            scores *= among
        return _best(np.arange(len(self)), scores, top_k)

    def _rank_mapped(
        self, mapped: _Mapped, query: str, top_k: int, among: npt.NDArray[np.bool_] | None
    ) -> Ranking:
        numbers, times = mapped.known(Counter(tokenise(query)))
        if not len(numbers) or top_k < 1:
            return Ranking.empty()
        weights = np.zeros(len(mapped.hashes), dtype=np.float32)
        weights[numbers] = times
        if among is not None and among.sum() <= top_k:
            admitted = np.flatnonzero(among)
            return _best(admitted, mapped.by_row[admitted] @ weights, top_k)
        rarest = _rarest(mapped.by_token, numbers)
        rough = mapped.by_token[:, rarest] @ weights[rarest]
        if among is not None:
            rough *= among
        rising = np.sort(rough)
        rows = _top(rough, max(top_k, _CANDIDATES), rising)
        best = _best(rows, mapped.by_row[rows] @ weights, top_k)
        beyond = partial(_beyond, mapped.by_row, weights, rough, rising)
        return Ranking(best.rows, best.scores, beyond)

    def save(self, folder: Path) -> None:
        """Write arrays and vocabulary into ``folder``, creating it.

        Raises:
            OSError: it cannot be written.
        """
        if self._mapped is None:
            self._model.save(folder, show_progress=False, allow_pickle=False)
            return
        vocabulary, self._model.vocab_dict = self._model.vocab_dict, {}  # bm25s writes it in full
        self._model.save(folder, show_progress=False, allow_pickle=False)
        self._model.vocab_dict = vocabulary
        np.save(folder / _HASHES, self._mapped.hashes, allow_pickle=False)
        for name in _ROW_ARRAYS:
            np.save(_row_array(folder, name), getattr(self._mapped.by_row, name), allow_pickle=False)

    @classmethod
    def load(cls, folder: Path, *, mapped: bool = False) -> Self:
        """Read what :meth:`save` wrote; ``mapped`` leaves the arrays in their files and trusts them.

        Raises:
            IndexMismatchError: a file is missing or damaged, or another bm25s wrote it.
        """
        library = _bm25s()
        try:
            params = json.loads((folder / _PARAMS).read_text(encoding="utf-8"))
            if params["version"] != library.__version__:
                raise ValueError(f"bm25s {params['version']}")
            model = library.BM25.load(
                folder, load_corpus=False, mmap=mapped, allow_pickle=False, show_progress=False
            )
            if mapped:
                return cls(model, _read_mapped(folder, model))
            _check_shapes(model)
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as cause:
            raise IndexMismatchError(
                f"索引里的 BM25 部分损坏或版本不符（{folder}），请运行 reviewer index build 重建。"
            ) from cause
        return cls(model)


def _numbered(
    texts: Sequence[str], *, order: Callable[[str], str | int]
) -> tuple[list["array[int]"], dict[str, int]]:
    """Return the tokens of every text as numbers, and the tokens numbered in their ``order``.

    Token by token as text, 100,000 passages would take several GB.
    """
    provisional: dict[str, int] = {}
    documents = [
        array(
            "i", (provisional.setdefault(token, len(provisional)) for token in tokenise(text) or [_NO_TOKEN])
        )
        for text in texts
    ]
    vocabulary = {token: number for number, token in enumerate(sorted(provisional, key=order))}
    final = np.array([vocabulary[token] for token in provisional], dtype=np.intc)
    return [array("i", final[np.frombuffer(tokens, np.intc)].tobytes()) for tokens in documents], vocabulary


def _matrix(model: _Model) -> _Sparse:
    """Return the scores of every token in every row as a sparse matrix over the arrays of ``model``.

    Its product with a query takes a third of the time of adding up the postings by numpy.
    """
    from scipy.sparse import csc_array  # type: ignore[import-untyped]

    data, rows, starts = (np.asarray(model.scores[name]) for name in _ROW_ARRAYS)
    # Of two integer types, scipy would copy one.
    by_token: _Sparse = csc_array(
        (data, rows, starts.astype(rows.dtype)), shape=(model.scores["num_docs"], len(starts) - 1)
    )
    return by_token


def _read_mapped(folder: Path, model: _Model) -> _Mapped:
    from scipy.sparse import csr_array

    hashes = np.load(folder / _HASHES, mmap_mode="r", allow_pickle=False)
    arrays = [
        np.load(_row_array(folder, name), mmap_mode="r", allow_pickle=False).view(np.ndarray)
        for name in _ROW_ARRAYS
    ]
    by_row = csr_array(tuple(arrays), shape=(model.scores["num_docs"], len(hashes)))
    return _Mapped(hashes, _matrix(model), by_row)


def _row_array(folder: Path, name: str) -> Path:
    return folder / f"rows.{name}.npy"


def _rarest(by_token: _Sparse, numbers: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Return the rarest of the tokens ``numbers``, at least one, as many as ``_POSTINGS`` allows.

    Those that stand in most rows cost most of the time and tell least.
    """
    lengths = by_token.indptr[numbers + 1] - by_token.indptr[numbers]
    rarest = np.argsort(lengths, kind="stable")
    n_counted = max(1, int(np.searchsorted(np.cumsum(lengths[rarest]), _POSTINGS, side="right")))
    return numbers[rarest[:n_counted]]


def _top(scores: Scores, count: int, rising: Scores) -> Items:
    """Return the rows of the ``count`` highest scores above 0, in rising order, of equal ones the first.

    ``rising`` are the sorted ``scores``.
    """
    if count >= len(scores):
        return np.flatnonzero(scores > 0)
    least = max(rising[-count], np.float32(0))
    above = np.flatnonzero(scores > least)
    level = np.flatnonzero(scores == least)[: count - len(above)] if least > 0 else above[:0]
    return np.sort(np.concatenate([above, level]))


def _best(rows: Items, scores: Scores, top_k: int) -> Ranking:
    """Return the ``top_k`` best of ``rows``, which rise, by ``scores`` above 0."""
    chosen = _top(scores, top_k, np.sort(scores)) if top_k > 0 else np.zeros(0, dtype=np.int64)
    order = chosen[np.argsort(-scores[chosen], kind="stable")]
    return Ranking(rows[order], scores[order])


def _beyond(
    by_row: _Sparse, weights: npt.NDArray[np.float32], rough: Scores, rising: Scores, rows: Items
) -> tuple[Ranks, Scores]:
    """Return the ranks of ``rows`` by their ``rough`` scores, and their scores by all tokens."""
    scores = by_row[rows] @ weights
    ranks = 1.0 + len(rough) - np.searchsorted(rising, rough[rows], side="right")
    return np.where(scores > 0, ranks, np.inf), scores


def _hash(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _check_shapes(model: _Model) -> None:
    """Raise ValueError unless the loaded arrays fit each other: bm25s does not look."""
    data, rows, starts = (model.scores[name] for name in ("data", "indices", "indptr"))
    n_rows, n_tokens = model.scores["num_docs"], len(model.vocab_dict)
    fits = len(data) == len(rows) == starts[-1] and len(starts) == n_tokens + 1
    numbered = set(model.vocab_dict.values()) == set(range(n_tokens))
    if not (fits and numbered and rows.min() >= 0 and rows.max() < n_rows):
        raise ValueError("arrays do not fit")


def _bm25s() -> ModuleType:
    import bm25s

    # The library sets its own logger to DEBUG on import; hand the decision back to the application.
    logging.getLogger("bm25s").setLevel(logging.NOTSET)
    module: ModuleType = bm25s
    return module
