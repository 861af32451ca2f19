"""Fusion of rankings."""

import math
from collections import defaultdict
from collections.abc import Sequence

# Cormack, Clarke and Buettcher: Reciprocal Rank Fusion outperforms Condorcet and individual Rank
# Learning Methods, SIGIR 2009, section 2.
RRF_K = 60


def reciprocal_rank_fusion(rankings: Sequence[Sequence[int]], *, k: int = RRF_K) -> list[tuple[int, float]]:
    """Fuse rankings into one.

    Args:
        rankings: each lists distinct items, best first; an item may be absent from some.
        k: damps the advantage of the first ranks; at least 0.

    Returns:
        Every item of any ranking with the sum of 1 / (k + rank) over the rankings that hold it, rank
        from 1; highest first, equal scores by item. Empty when there is nothing to rank.

    Source: Cormack, Clarke and Buettcher, SIGIR 2009.
    """
    terms: defaultdict[int, list[float]] = defaultdict(list)
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            terms[item].append(1 / (k + rank))
    # fsum, so that the order of the rankings cannot break a tie.
    fused = ((item, math.fsum(parts)) for item, parts in terms.items())
    return sorted(fused, key=lambda entry: (-entry[1], entry[0]))
