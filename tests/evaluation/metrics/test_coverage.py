import pytest

from reviewer.evaluation.metrics.calibration import CurvePoint
from reviewer.evaluation.metrics.coverage import aurc, confidence, risk_coverage
from tests.evaluation.metrics.builders import record

CITED = record("1", gold=["A01"], cited=["A01"], chances={"A01": 0.9, "B01": 0.1})
QUIET = record("2", chances={"A01": 0.3, "B01": 0.1})
WRONG = record("3", gold=["A01"], chances={"A01": 0.4})


def test_confidence() -> None:
    assert confidence(CITED) == 0.9
    assert confidence(QUIET) == pytest.approx(0.7)
    assert confidence(record("4")) is None
    assert confidence(record("5", cited=["A01"], chances={"B01": 0.1})) is None
    assert confidence(record("6", verdict="not_assessed", chances={"A01": 0.9})) is None


def test_curve_and_area() -> None:
    # Surest first: right, right, wrong: risks 0, 0, 1/3.
    records = [WRONG, QUIET, CITED]
    assert risk_coverage(records) == (
        CurvePoint(1 / 3, 0.0, 1),
        CurvePoint(2 / 3, 0.0, 2),
        CurvePoint(1.0, 1 / 3, 3),
    )
    found = aurc(records)
    assert found.value == pytest.approx(1 / 9)
    assert found.n == 3


def test_equal_confidence_comes_in_together() -> None:
    twin = record("4", gold=["A01"], chances={"A01": 0.3, "B01": 0.1})
    # Two of equal confidence, one wrong: one point at risk 1/2, whatever the order.
    assert risk_coverage([QUIET, twin]) == risk_coverage([twin, QUIET]) == (CurvePoint(1.0, 0.5, 2),)
    assert aurc([QUIET, twin]).value == 0.5


def test_without_probabilities_undefined() -> None:
    assert risk_coverage([record("1")]) == ()
    assert (aurc([record("1")]).value, aurc([]).n) == (None, 0)
