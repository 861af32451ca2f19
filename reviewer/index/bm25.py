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
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError
from reviewer.folding import fold
from reviewer.index.fusion import Ranking

# Raise whenever tokenise() or the folding changes: indexes of another version are refused.
TOKENISER_VERSION = "1"

_PARAMS = "params.index.json"
_HASHES = "tokens.npy"
# ASCII words whole; runs of any other letters or digits are cut into characters and pairs.
_WORD_OR_RUN = re.compile(r"([a-z0-9]+)|([^\W_a-z0-9]+)")
# So many postings of a query's tokens, rarest first, are added up in a mapped index (decision 0009).
_POSTINGS = 1_000_000
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


class _Postings(Protocol):
    """What is used of ``scipy.sparse.csc_array``, one column a token."""

    indptr: npt.NDArray[np.int32]

    def __getitem__(self, at: tuple[slice, npt.NDArray[np.signedinteger]]) -> Self: ...

    def __matmul__(self, weights: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]: ...


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

    def __init__(self, model: _Model, hashes: npt.NDArray[np.uint64] | None = None) -> None:
        self._model = model
        self._hashes = hashes
        self._postings: _Postings | None = None
        if hashes is not None:
            model.vocab_dict = HashedVocabulary(hashes)
            self._postings = _matrix(model)

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
        return cls(model, np.array([*map(_hash, vocabulary)], dtype=np.uint64) if mapped else None)

    def scores(self, query: str) -> npt.NDArray[np.float32]:
        """Return one score a row, shape [n], >= 0; all 0 when no token of the query is known."""
        numbers = self._model.get_tokens_ids(tokenise(query))
        return np.asarray(self._model.get_scores_from_ids(numbers), dtype=np.float32)

    def search(
        self, query: str, top_k: int, *, among: npt.NDArray[np.bool_] | None = None
    ) -> list[tuple[int, float]]:
        """Return what :meth:`rank` finds as (row, score)."""
        return self.rank(query, top_k, among=among).pairs()

    def rank(self, query: str, top_k: int, *, among: npt.NDArray[np.bool_] | None = None) -> Ranking:
        """Return at most ``top_k`` rows, best first, equal scores by row.

        Rows that share no token with the query are left out, so the ranking may be empty. A mapped index
        counts the rarest tokens only, as many as ``_POSTINGS`` allows.

        Args:
            query: What to search for.
            top_k: Below 1 gives an empty ranking.
            among: Which rows may be found, shape [n]; None allows all.
        """
        scores = self.scores(query) if self._postings is None else self._quick_scores(self._postings, query)
        if among is not None:
            scores *= among
        rows = np.flatnonzero(scores > 0)
        if 0 < top_k < len(rows):
            # Sorting 100,000 scores would take longer than computing them.
            rows = rows[scores[rows] >= np.partition(scores[rows], -top_k)[-top_k]]
        order = rows[np.argsort(-scores[rows], kind="stable")][: max(top_k, 0)]
        return Ranking(order, scores[order])

    def _quick_scores(self, postings: _Postings, query: str) -> npt.NDArray[np.float32]:
        """Return :meth:`scores` without the tokens that stand in most passages, where it has too many.

        Those cost most of the time and tell least. The rarest token always counts.
        """
        counts = Counter(tokenise(query))
        known = [
            (number, n)
            for token, n in counts.items()
            if (number := self._model.vocab_dict.get(token)) is not None
        ]
        numbers, weights = np.array(known, dtype=np.intc).reshape(-1, 2).T
        lengths = postings.indptr[numbers + 1] - postings.indptr[numbers]
        rarest = np.argsort(lengths, kind="stable")
        n_counted = max(1, int(np.searchsorted(np.cumsum(lengths[rarest]), _POSTINGS, side="right")))
        counted = rarest[:n_counted]
        return postings[:, numbers[counted]] @ weights[counted].astype(np.float32)

    def save(self, folder: Path) -> None:
        """Write arrays and vocabulary into ``folder``, creating it.

        Raises:
            OSError: it cannot be written.
        """
        if self._hashes is None:
            self._model.save(folder, show_progress=False, allow_pickle=False)
            return
        self._model.vocab_dict = {}  # bm25s writes it in full
        self._model.save(folder, show_progress=False, allow_pickle=False)
        self._model.vocab_dict = HashedVocabulary(self._hashes)
        np.save(folder / _HASHES, self._hashes, allow_pickle=False)

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
                return cls(model, np.load(folder / _HASHES, mmap_mode="r", allow_pickle=False))
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


def _matrix(model: _Model) -> _Postings:
    """Return the scores of every token in every row as a sparse matrix over the arrays of ``model``.

    Its product with a query takes a third of the time of adding up the postings by numpy.
    """
    from scipy.sparse import csc_array  # type: ignore[import-untyped]

    data, rows, starts = (np.asarray(model.scores[name]) for name in ("data", "indices", "indptr"))
    # Of two integer types, scipy would copy one.
    matrix: _Postings = csc_array(
        (data, rows, starts.astype(rows.dtype)), shape=(model.scores["num_docs"], len(starts) - 1)
    )
    return matrix


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
