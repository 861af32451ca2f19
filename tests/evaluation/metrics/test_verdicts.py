import pytest
from sklearn.metrics import cohen_kappa_score

from reviewer.evaluation.metrics.counts import count_records
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.verdicts import verdict_measures
from reviewer.evaluation.records import Record
from tests.evaluation.metrics.builders import record, run

# bad: found, found as the wrong rule, missed, not assessed. good: left alone (3), raised, not assessed.
RECORDS = [
    record("1", gold=["A01"], cited=["A01"]),
    record("2", gold=["R01"], cited=["A01"]),
    record("3", gold=["A01"]),
    record("4", gold=["A01"], verdict="not_assessed"),
    record("5"),
    record("6"),
    record("7"),
    record("8", cited=["B01"]),
    record("9", cited=["B01"], error="超时"),
]


def _measures(*records: Record) -> dict[str, Measure]:
    return {measure.name: measure for measure in verdict_measures(run(*records))}


def test_figures_by_hand() -> None:
    found = _measures(*RECORDS)
    # Right verdicts: 1, 5, 6, 7 of 9 (2 is revise for block).
    assert found["verdict_accuracy"].value == pytest.approx(4 / 9)
    assert found["flag_recall"].value == 2 / 4
    assert found["flag_specificity"].value == 4 / 5
    assert found["flag_balanced_accuracy"].value == pytest.approx((0.5 + 0.8) / 2)
    assert found["alerts_per_100_acceptable"].value == 20
    assert found["not_assessed_share"].value == pytest.approx(2 / 9)
    assert (found["n_errors"].value, found["n_errors"].n) == (1, 9)


def test_kappa_is_that_of_scikit_learn() -> None:
    labels = [1, 1, 1, 1, 0, 0, 0, 0, 0]
    flags = [1, 1, 0, 0, 0, 0, 0, 1, 0]
    assert _measures(*RECORDS)["flag_kappa"].value == pytest.approx(cohen_kappa_score(labels, flags))


def test_a_constant_answer_is_at_chance() -> None:
    bad, good = record("1", gold=["A01"], cited=["A01"]), record("2", cited=["A01"])
    found = _measures(bad, good)
    assert found["flag_balanced_accuracy"].value == 0.5
    assert found["flag_kappa"].value == 0


def test_only_a_disputed_rule_cited_is_no_flag() -> None:
    found = _measures(record("1", cited=["B01"], disputed=["B01"]))
    assert found["flag_specificity"].value == 1
    assert found["alerts_per_100_acceptable"].value == 0


def test_undefined_without_the_class() -> None:
    found = _measures(record("1"), record("2"))
    assert found["flag_recall"] == Measure("flag_recall", None, None, None, 0, "higher")
    assert found["flag_balanced_accuracy"].value is None
    assert found["flag_kappa"].value is None
    assert found["flag_specificity"].value == 1


def test_empty_run_is_undefined() -> None:
    assert all((measure.value, measure.n) == (None, 0) for measure in _measures().values())


def test_a_label_without_rules_counts_for_the_flag_and_for_no_citation() -> None:
    bad = record("1", cited=["A01"])
    bad = bad.model_copy(update={"example": bad.example.model_copy(update={"verdict": "revise"})})
    found = _measures(bad, record("2"))
    assert (found["flag_recall"].value, found["flag_recall"].n) == (1.0, 1)
    assert (found["flag_specificity"].value, found["flag_specificity"].n) == (1.0, 1)
    assert not count_records([bad], ["A01"]).cited.any()
