import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.evaluation.metrics.spans import iou, positions, span_measures
from tests.evaluation.metrics.builders import record

DRAFT = "你好你好，不能退。"


def test_positions_are_of_every_occurrence() -> None:
    assert positions(DRAFT, "你好") == {0, 1, 2, 3}
    assert positions("哈哈哈", "哈哈") == {0, 1, 2}
    assert positions(DRAFT, "没有") == positions(DRAFT, "") == frozenset()


def test_figures_by_hand() -> None:
    records = [
        # Quote 5-8, marked 4-7: two of four.
        record(
            "1", gold=["A01"], cited=["A01"], draft=DRAFT, quotes={"A01": "不能退"}, spans={"A01": [(4, 7)]}
        ),
        # Right rule, wrong place; then right rule, no place.
        record(
            "2", gold=["A01"], cited=["A01"], draft=DRAFT, quotes={"A01": "不能退"}, spans={"A01": [(0, 2)]}
        ),
        record("3", gold=["B01"], cited=["B01"], draft=DRAFT, quotes={"B01": "不能退"}),
        # Not counted: an absence, a false alarm, a miss.
        record("4", gold=["C01"], cited=["C01"], draft=DRAFT),
        record("5", cited=["A01"], draft=DRAFT, spans={"A01": [(0, 2)]}),
        record("6", gold=["A01"], draft=DRAFT, quotes={"A01": "不能退"}),
    ]
    mean, overlap, missing = span_measures(records)
    assert mean.value == pytest.approx(0.5 / 3)
    assert mean.n == 3
    assert overlap.value == pytest.approx(1 / 3)
    assert missing.value == pytest.approx(1 / 3)


def test_two_spans_are_one_union() -> None:
    spans = {"A01": [(0, 2), (1, 4)]}
    found = record("1", gold=["A01"], cited=["A01"], draft=DRAFT, quotes={"A01": "你好"}, spans=spans)
    assert span_measures([found])[0].value == 1


def test_no_true_finding_is_undefined() -> None:
    for found in (span_measures([]), span_measures([record("1", gold=["A01"])])):
        assert [(measure.value, measure.n) for measure in found] == [(None, 0)] * 3


@settings(deadline=None)
@given(st.frozensets(st.integers(0, 20)), st.frozensets(st.integers(0, 20)))
def test_iou_is_a_share(first: frozenset[int], second: frozenset[int]) -> None:
    assert 0 <= iou(first, second) <= 1
    assert iou(first, second) == iou(second, first)
    assert iou(first, first) == (1 if first else 0)
