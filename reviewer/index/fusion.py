"""Rankings as arrays, and their fusion."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

# Cormack, Clarke and Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank
# Learning Methods, SIGIR 2009, section 2.
RRF_K = 60

Items = npt.NDArray[np.signedinteger]


@dataclass(frozen=True, slots=True)
class Ranking:
    """Distinct rows with their scores, both of shape [n], best first."""

    rows: Items
    scores: npt.NDArray[np.float32]

    @classmethod
    def of(cls, rows: Items, scores: npt.NDArray[np.float32]) -> Self:
        """Sort ``rows`` by their ``scores``, highest first, equal ones by row."""
        order = np.lexsort((rows, -scores))
        return cls(rows[order], scores[order])

    @classmethod
    def empty(cls) -> Self:
        """Return the ranking of nothing."""
        return cls(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.float32))

    def place(self, row: int) -> tuple[int, float] | tuple[None, None]:
        """Return the rank of ``row``, from 1, and its score; None twice where it is not ranked."""
        at = np.flatnonzero(self.rows == row)
        return (int(at[0]) + 1, float(self.scores[at[0]])) if len(at) else (None, None)

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
