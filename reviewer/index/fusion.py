"""Rankings as arrays, and their fusion."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt

# Cormack, Clarke and Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank
# Learning Methods, SIGIR 2009, section 2.
RRF_K = 60

Items = npt.NDArray[np.signedinteger]
Scores = npt.NDArray[np.float32]
Ranks = npt.NDArray[np.float64]


def _unranked(rows: Items) -> tuple[Ranks, Scores]:
    """Return the places of rows that a search cannot find: no rank, no score."""
    return np.full(len(rows), np.inf), np.zeros(len(rows), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class Ranking:
    """Distinct rows with their scores, both of shape [n], best first.

    ``beyond`` gives rank and score of rows that are not among them; the rank is an estimate, infinite
    where the search cannot find the row at all. A whole ranking has no others.
    """

    rows: Items
    scores: Scores
    beyond: Callable[[Items], tuple[Ranks, Scores]] = field(default=_unranked, compare=False)

    @classmethod
    def of(cls, rows: Items, scores: Scores) -> Self:
        """Sort ``rows`` by their ``scores``, highest first, equal ones by row."""
        order = np.lexsort((rows, -scores))
        return cls(rows[order], scores[order])

    @classmethod
    def empty(cls) -> Self:
        """Return the ranking of nothing."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))

    def places(self, rows: Items) -> tuple[Ranks, Scores]:
        """Return the rank, from 1, and the score of each of ``rows``, in any order, both of its shape.

        What is not among the rows of the ranking ranks behind them all.
        """
        ranks, scores = _unranked(rows)
        by_row = np.argsort(self.rows)
        at = np.searchsorted(self.rows, rows, sorter=by_row)
        known = at < len(by_row)
        known[known] = self.rows[by_row[at[known]]] == rows[known]
        found = by_row[at[known]]
        ranks[known], scores[known] = found + 1, self.scores[found]
        others = ~known
        if others.any():
            estimated, scores[others] = self.beyond(rows[others])
            ranks[others] = np.maximum(estimated, len(self.rows) + 1)
        return ranks, scores

    def pairs(self) -> list[tuple[int, float]]:
        """Return (row, score), best first."""
        return list(zip(self.rows.tolist(), self.scores.tolist(), strict=True))


def reciprocal_rank_fusion(
    first: Items, second: Items, *, k: int = RRF_K
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Fuse two rankings into one.

    Args:
        first: distinct items >= 0, best first, shape [a]; memory grows with the largest.
        second: another ranking, shape [b]; an item may be absent from one of them.
        k: damps the advantage of the first ranks; at least 0.

    Returns:
        Every item of either ranking, and the sum of 1 / (k + rank) over the rankings that hold it, rank
        from 1; highest first, equal scores by item. Empty when there is nothing to rank.

    Source: Cormack, Clarke and Buettcher, SIGIR 2009.
    """
    total = np.zeros(1 + max(first.max(initial=-1), second.max(initial=-1)))
    # The sum of two terms does not depend on their order, so the order of the rankings breaks no tie.
    for ranking in (first, second):
        total[ranking] += 1 / (k + np.arange(1, len(ranking) + 1))
    items = np.flatnonzero(total)
    order = np.argsort(-total[items], kind="stable")
    return items[order], total[items[order]]
