"""BM25 over single characters, character pairs and ASCII words, by bm25s.

Words would need a segmenter, which can split wrongly. On the development files single characters
beside pairs raised recall@8 of situational rules from 0.65 to 0.68; triples added nothing.
"""

import json
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol, Self

import numpy as np
import numpy.typing as npt

from reviewer.errors import IndexMismatchError
from reviewer.folding import fold

# Raise whenever tokenise() or the folding changes: indexes of another version are refused.
TOKENISER_VERSION = "1"

_PARAMS = "params.index.json"
# ASCII words whole; runs of any other letters or digits are cut into characters and pairs.
_WORD_OR_RUN = re.compile(r"([a-z0-9]+)|([^\W_a-z0-9]+)")
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
    vocab_dict: dict[str, int]

    def get_tokens_ids(self, query_tokens: list[str]) -> list[int]: ...

    def get_scores_from_ids(self, query_tokens_ids: list[int]) -> npt.NDArray[np.float32]: ...

    def save(self, save_dir: Path, *, show_progress: bool, allow_pickle: bool) -> None: ...


class Bm25Index:
    """Scores texts by the tokens they share with a query; rows are numbered in the order given."""

    def __init__(self, model: _Model) -> None:
        self._model = model

    def __len__(self) -> int:
        return int(self._model.scores["num_docs"])

    @classmethod
    def build(cls, texts: Sequence[str]) -> Self:
        """Index at least one text; the same texts always give the same files."""
        documents = [tokenise(text) or [_NO_TOKEN] for text in texts]
        # bm25s numbers tokens by set order, which changes with every process.
        vocabulary = {
            token: number for number, token in enumerate(sorted({t for tokens in documents for t in tokens}))
        }
        model = _bm25s().BM25(method="lucene", k1=1.5, b=0.75)
        numbers = [[vocabulary[token] for token in tokens] for tokens in documents]
        model.index((numbers, vocabulary), create_empty_token=False, show_progress=False)
        return cls(model)

    def scores(self, query: str) -> npt.NDArray[np.float32]:
        """Return one score a row, shape [n], >= 0; all 0 when no token of the query is known."""
        numbers = self._model.get_tokens_ids(tokenise(query))
        return np.asarray(self._model.get_scores_from_ids(numbers), dtype=np.float32)

    def search(self, query: str, top_k: int) -> list[tuple[int, float]]:
        """Return at most ``top_k`` (row, score), best first, equal scores by row.

        Rows that share no token with the query are left out, so the list may be empty.
        """
        scores = self.scores(query)
        order = np.argsort(-scores, kind="stable")[: max(top_k, 0)]
        return [(int(row), float(scores[row])) for row in order if scores[row] > 0]

    def save(self, folder: Path) -> None:
        """Write arrays and vocabulary into ``folder``, creating it.

        Raises:
            OSError: it cannot be written.
        """
        self._model.save(folder, show_progress=False, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what :meth:`save` wrote.

        Raises:
            IndexMismatchError: a file is missing or damaged, or another bm25s wrote it.
        """
        library = _bm25s()
        try:
            params = json.loads((folder / _PARAMS).read_text(encoding="utf-8"))
            if params["version"] != library.__version__:
                raise ValueError(f"bm25s {params['version']}")
            model = library.BM25.load(
                folder, load_corpus=False, mmap=False, allow_pickle=False, show_progress=False
            )
            _check_shapes(model)
        except (OSError, EOFError, ValueError, KeyError, TypeError, AttributeError, IndexError) as cause:
            raise IndexMismatchError(
                f"索引里的 BM25 部分损坏或版本不符（{folder}），请运行 reviewer index build 重建。"
            ) from cause
        return cls(model)


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
