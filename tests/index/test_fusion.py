import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.index.fusion import reciprocal_rank_fusion

_RANKINGS = st.lists(st.lists(st.integers(0, 20), unique=True), max_size=4)


def test_scores_are_sums_of_reciprocal_ranks() -> None:
    # 7: 1/61 + 1/62 = 0.016393 + 0.016129 = 0.032522
    # 3: 1/62 + 1/63 = 0.016129 + 0.015873 = 0.032002
    # 5:        1/61 = 0.016393
    fused = reciprocal_rank_fusion([[7, 3], [5, 7, 3]])

    assert [item for item, _ in fused] == [7, 3, 5]
    assert [score for _, score in fused] == pytest.approx([0.032522, 0.032002, 0.016393], abs=1e-6)


def test_a_smaller_k_favours_the_first_rank() -> None:
    # k = 60: item 1 has 1/61 = 0.0164, item 2 has 1/62 + 1/62 = 0.0323, item 2 wins.
    # k = 0: item 1 has 1/1 = 1, item 2 has 1/2 + 1/2 = 1, a tie that the smaller item wins.
    rankings = [[1, 2], [3, 2]]

    assert reciprocal_rank_fusion(rankings)[0][0] == 2
    assert reciprocal_rank_fusion(rankings, k=0) == [(1, 1.0), (2, 1.0), (3, 1.0)]


def test_equal_scores_are_ordered_by_item() -> None:
    assert [item for item, _ in reciprocal_rank_fusion([[9, 4], [4, 9]])] == [4, 9]


@pytest.mark.parametrize("rankings", [[], [[]], [[], []]], ids=["none", "one-empty", "two-empty"])
def test_nothing_to_rank_gives_nothing(rankings: list[list[int]]) -> None:
    assert reciprocal_rank_fusion(rankings) == []


@given(rankings=_RANKINGS)
def test_every_item_appears_once_in_falling_order(rankings: list[list[int]]) -> None:
    fused = reciprocal_rank_fusion(rankings)

    assert sorted(item for item, _ in fused) == sorted({item for ranking in rankings for item in ranking})
    assert [score for _, score in fused] == sorted((score for _, score in fused), reverse=True)


@given(rankings=_RANKINGS)
def test_the_order_of_the_rankings_does_not_matter(rankings: list[list[int]]) -> None:
    assert reciprocal_rank_fusion(rankings) == reciprocal_rank_fusion(rankings[::-1])
