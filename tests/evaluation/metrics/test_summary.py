import json

import pytest

from reviewer.evaluation.metrics.measure import LABELS
from reviewer.evaluation.metrics.summary import summarise
from tests.evaluation.metrics.builders import record, run

RUN = run(
    record("1", gold=["A01"], cited=["A01"], chances={"A01": 0.9}, timing_ms={"total": 5, "grade": 4}),
    record("2", industry="快递", chances={"A01": 1 / 3}, timing_ms={"total": 7}),
)


def test_every_measure_has_one_name_and_a_label() -> None:
    names = [measure.name for measure in summarise(RUN).measures]
    assert len(names) == len(set(names))
    assert set(names) == set(LABELS)


def test_an_empty_run_is_undefined_throughout() -> None:
    summary = summarise(run())
    assert {(measure.value, measure.n) for measure in summary.measures} == {(None, 0)}
    assert summary.curves.risk_coverage == summary.curves.reliability == ()
    assert "NaN" not in summary.to_json()


def test_undefined_means_no_value_no_interval_and_nothing_counted() -> None:
    for measure in summarise(RUN).measures:
        assert (measure.value is None) == (measure.n == 0), measure
        if measure.value is None:
            assert measure.low is measure.high is None


def test_lookup_by_name() -> None:
    assert summarise(RUN).measure("flag_recall").value == 1
    with pytest.raises(KeyError):
        summarise(RUN).measure("没有")


def test_json_is_stable_and_rounded() -> None:
    text = summarise(RUN).to_json()
    assert text == summarise(RUN).to_json()
    data = json.loads(text)
    assert list(data) == sorted(data)
    assert data["curves"]["reliability"][0]["x"] == 0.333333
    row = data["rules"][0]
    assert (row.pop("rule"), row.pop("n_gold"), row.pop("n_cited"), row.pop("hits")) == ("A01", 1, 1, 1)
    assert row == {"precision": 1.0, "recall": 1.0, "f1": 1.0, "kappa": 1.0}
