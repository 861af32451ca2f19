import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.index.fusion import RRF_K, Items, Ranking, Ranks, Scores, reciprocal_rank_fusion

_RANKING = st.lists(st.integers(0, 20), unique=True)


def fuse(first: Sequence[int], second: Sequence[int], *, k: int = RRF_K) -> list[tuple[int, float]]:
    items, scores = reciprocal_rank_fusion(
        np.array(first, dtype=np.int32), np.array(second, dtype=np.int64), k=k
    )
    return list(zip(items.tolist(), scores.tolist(), strict=True))


def fuse_by_definition(rankings: Sequence[Sequence[int]], *, k: int) -> list[tuple[int, float]]:
    """Add up exactly, item by item."""
    terms: defaultdict[int, list[float]] = defaultdict(list)
    for ranking in rankings:
        for rank, item in enumerate(ranking, start=1):
            terms[item].append(1 / (k + rank))
    fused = ((item, math.fsum(parts)) for item, parts in terms.items())
    return sorted(fused, key=lambda entry: (-entry[1], entry[0]))


def test_a_ranking_is_sorted_by_score_and_equal_scores_by_row() -> None:
    ranking = Ranking.of(np.array([9, 4, 7]), np.array([0.5, 0.5, 1], dtype=np.float32))

    assert ranking.pairs() == [(7, 1.0), (4, 0.5), (9, 0.5)]
    assert Ranking.empty().pairs() == []


def test_places_of_a_whole_ranking() -> None:
    ranking = Ranking.of(np.array([9, 4, 7]), np.array([0.5, 0.5, 1], dtype=np.float32))
    ranks, scores = ranking.places(np.array([5, 9, 11, 7]))

    assert ranks.tolist() == [math.inf, 3, math.inf, 1]
    assert scores.tolist() == [0, 0.5, 0, 1]
    assert Ranking.empty().places(np.array([5]))[0].tolist() == [math.inf]


def test_places_beyond_a_ranking_are_behind_it() -> None:
    rows, scores = np.array([7, 4]), np.array([1, 0.5], dtype=np.float32)
    estimates = {5: (1.0, 0.4), 6: (90.5, 0.1)}

    def beyond(others: Items) -> tuple[Ranks, Scores]:
        ranks, known = zip(*(estimates[row] for row in others.tolist()), strict=True)
        return np.array(ranks), np.array(known, dtype=np.float32)

    ranks, found = Ranking(rows, scores, beyond).places(np.array([6, 7, 5, 4]))
    assert ranks.tolist() == [90.5, 1, 3, 2]
    assert found.tolist() == pytest.approx([0.1, 1, 0.4, 0.5])


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    # 7: 1/61 + 1/62 = 0.016393 + 0.016129 = 0.032522
    # 3: 1/62 + 1/63 = 0.016129 + 0.015873 = 0.032002
    # 5:        1/61 = 0.016393
    fused = fuse([7, 3], [5, 7, 3])

    assert [item for item, _ in fused] == [7, 3, 5]
    assert [score for _, score in fused] == pytest.approx([0.032522, 0.032002, 0.016393], abs=1e-6)


def test_a_smaller_k_favours_the_first_rank() -> None:
    # k = 60: item 1 has 1/61 = 0.0164, item 2 has 1/62 + 1/62 = 0.0323, item 2 wins.
    # k = 0: item 1 has 1/1 = 1, item 2 has 1/2 + 1/2 = 1, a tie that the smaller item wins.
    assert fuse([1, 2], [3, 2])[0][0] == 2
    assert fuse([1, 2], [3, 2], k=0) == [(1, 1.0), (2, 1.0), (3, 1.0)]


def test_equal_scores_are_ordered_by_item() -> None:
    assert [item for item, _ in fuse([9, 4], [4, 9])] == [4, 9]


def test_nothing_to_rank_gives_nothing() -> None:
    assert fuse([], []) == []


@given(first=_RANKING, second=_RANKING, k=st.integers(0, 100))
def test_every_bit_is_that_of_the_definition(first: list[int], second: list[int], k: int) -> None:
    assert fuse(first, second, k=k) == fuse_by_definition([first, second], k=k)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_long_rankings_are_fused_by_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (rng.choice(6000, 4000, replace=False).tolist() for _ in range(2))

    assert fuse(first, second) == fuse_by_definition([first, second], k=RRF_K)


@given(first=_RANKING, second=_RANKING)
def test_the_order_of_the_rankings_does_not_matter(first: list[int], second: list[int]) -> None:
    assert fuse(first, second) == fuse(second, first)
