import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from reviewer.evaluation.metrics.calibration import (
    Binning,
    CurvePoint,
    calibration_measures,
    decisions,
    reliability,
)
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.records import Record
from tests.evaluation.metrics.builders import record

# Decisions: (0.9, yes), (0.5, near miss), (0.5, yes), (0.1, no).
RECORDS = [
    record("1", gold=["A01"], cited=["A01"], chances={"A01": 0.9, "B01": 0.5}, near_miss=["B01"]),
    record("2", gold=["A01"], cited=["A01"], chances={"A01": 0.5, "B01": 0.1}),
]


def _measures(*records: Record) -> dict[str, Measure]:
    return {measure.name: measure for measure in calibration_measures(records)}


def test_figures_by_hand() -> None:
    found = _measures(*RECORDS)
    # (0.01 + 0.25 + 0.25 + 0.01) / 4; the base rate 0.5 has 0.25.
    assert found["brier_score"].value == pytest.approx(0.13)
    assert found["brier_skill"].value == pytest.approx(1 - 0.13 / 0.25)
    # Bins 0.1 (off by 0.1), 0.5 (two, together 1.0 of 1), 0.9 (off by 0.1): (0.1 + 0 + 0.1) / 4.
    assert found["ece_fixed_width"].value == pytest.approx(0.05)
    # Violations 0.9 and 0.5 against the near miss 0.5: (1 + 1/2) / 2.
    assert found["auroc_contrast"].value == pytest.approx(0.75)
    assert found["auroc_contrast"].n == 3
    # Both violations found, the near miss left alone.
    assert found["balanced_accuracy_contrast"].value == 1


def test_brier_and_auroc_are_those_of_scikit_learn() -> None:
    generator = np.random.default_rng(1)
    records = [
        record(
            str(number),
            gold=["A01"] if number % 3 == 0 else [],
            chances={"A01": float(generator.integers(6)) / 5, "B01": float(generator.random())},
        )
        for number in range(30)
    ]
    entries, found = decisions(records), _measures(*records)
    assert found["auroc"].value == pytest.approx(roc_auc_score(entries.gold, entries.probability))
    assert found["brier_score"].value == pytest.approx(brier_score_loss(entries.gold, entries.probability))
    assert found["auroc"].low is not None
    assert found["auroc"].high is not None
    assert found["auroc"].low < found["auroc"].high


def test_what_does_not_count() -> None:
    disputed = record("1", chances={"A01": 0.9}, disputed=["A01"])
    silent = record("2", chances={"A01": 0.9}, silent=["A01"])
    failed = record("3", chances={"A01": 0.9}, error="超时")
    assert len(decisions([disputed, silent, failed]).gold) == 0


def test_without_probabilities_only_the_decision_is_measured() -> None:
    found = _measures(record("1", gold=["A01"], cited=["A01"]), record("2", cited=["B01"], near_miss=["B01"]))
    # The violation is found, and so is the near miss: (1 + 0) / 2.
    assert found.pop("balanced_accuracy_contrast").value == 0.5
    assert {(measure.value, measure.n) for measure in found.values()} == {(None, 0)}


def test_one_class_has_neither_skill_nor_auroc() -> None:
    found = _measures(record("1", chances={"A01": 0.1}))
    assert found["brier_score"].value == pytest.approx(0.01)
    assert found["brier_skill"].value is None
    assert found["auroc"].value is None
    assert found["ece_contrast"].value is None


def test_base_rate_has_no_skill_and_no_error() -> None:
    records = [record(str(n), gold=["A01"] if n == 0 else [], chances={"A01": 0.25}) for n in range(4)]
    found = _measures(*records)
    assert found["brier_skill"].value == pytest.approx(0)
    assert found["ece_equal_mass"].value == pytest.approx(0)
    assert found["auroc"].value == 0.5


def test_reliability_curve() -> None:
    points = reliability(decisions(RECORDS), "uniform")
    assert [(round(point.x, 6), point.y, point.n) for point in points] == [
        (0.1, 0, 1),
        (0.5, 0.5, 2),
        (0.9, 1, 1),
    ]
    assert sum(point.n for point in reliability(decisions(RECORDS), "quantile")) == 4
    assert reliability(decisions([]), "quantile") == ()
    one = reliability(decisions([record("1", chances={"A01": 0.3})]), "quantile")
    assert one == (CurvePoint(0.3, 0.0, 1),)


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]), st.booleans()), min_size=1, max_size=30)
)
def test_curve_bins_are_those_of_the_error(values: list[tuple[float, bool]]) -> None:
    records = [
        record(str(number), gold=["A01"] if bad else [], chances={"A01": chance})
        for number, (chance, bad) in enumerate(values)
    ]
    entries, found = decisions(records), _measures(*records)
    binnings: list[tuple[str, Binning]] = [("ece_equal_mass", "quantile"), ("ece_fixed_width", "uniform")]
    for name, binning in binnings:
        points = reliability(entries, binning)
        assert sum(point.n for point in points) == len(values)
        error = sum(abs(point.x - point.y) * point.n for point in points) / len(values)
        assert found[name].value == pytest.approx(error)
