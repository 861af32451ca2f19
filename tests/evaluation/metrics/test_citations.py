from dataclasses import replace

import pytest
from sklearn.metrics import cohen_kappa_score, f1_score

from reviewer.evaluation.metrics.citations import RuleRow, citation_measures, rule_rows
from reviewer.evaluation.metrics.counts import count
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.records import Record
from tests.evaluation.metrics.builders import record, run

# A01: 2 labelled, 2 cited, 1 both. B01: 0 labelled, 1 cited. R01: 2 labelled, 1 cited, 1 both.
RECORDS = [
    record("1", gold=["A01", "R01"], cited=["A01", "B01", "R01"]),
    record("2", gold=["A01"]),
    record("3", gold=["R01"]),
    record("4", cited=["A01"]),
]


def _measures(*records: Record) -> dict[str, Measure]:
    return {measure.name: measure for measure in citation_measures(run(*records))}


def test_figures_by_hand() -> None:
    found = _measures(*RECORDS)
    assert found["citation_precision"].value == 2 / 4
    assert found["citation_recall"].value == 2 / 4
    # 2 * 2 / (4 + 4)
    assert found["citation_f1"].value == 0.5
    # A01 2*1/(2+2) = 0.5, R01 2*1/(2+1) = 0.667; B01 has no label.
    assert found["citation_macro_f1"].value == pytest.approx((0.5 + 2 / 3) / 2)
    assert found["citation_macro_f1"].n == 2
    assert found["red_line_recall"].value == 1 / 2
    assert (found["red_line_precision"].value, found["red_line_precision"].n) == (1, 1)


def test_f1_is_that_of_scikit_learn() -> None:
    counts, found = count(run(*RECORDS)), _measures(*RECORDS)
    labelled = counts.gold.any(axis=0)
    assert found["citation_f1"].value == pytest.approx(f1_score(counts.gold, counts.cited, average="micro"))
    macro = f1_score(counts.gold[:, labelled], counts.cited[:, labelled], average="macro")
    assert found["citation_macro_f1"].value == pytest.approx(macro)


def test_interval_lies_around_the_value() -> None:
    found = _measures(*RECORDS)["citation_f1"]
    assert found.low is not None
    assert found.high is not None
    assert 0 <= found.low < 0.5 < found.high <= 1


def test_rule_rows() -> None:
    rows = {row.rule: row for row in rule_rows(count(run(*RECORDS)))}
    kappa = cohen_kappa_score([1, 1, 0, 0], [1, 0, 0, 1])
    assert rows["A01"].kappa == pytest.approx(kappa)
    assert replace(rows["A01"], kappa=None) == RuleRow("A01", 2, 2, 1, 0.5, 0.5, 0.5, None)
    assert (rows["B01"].precision, rows["B01"].recall, rows["B01"].f1) == (0, None, 0)
    assert rows["C01"] == RuleRow("C01", 0, 0, 0, None, None, None, None)


def test_nothing_labelled_or_cited_is_undefined() -> None:
    assert {(each.value, each.n) for each in _measures(record("1")).values()} == {(None, 0)}
    assert {(each.value, each.n) for each in _measures().values()} == {(None, 0)}


def test_a_label_never_cited_has_no_precision_but_a_recall() -> None:
    found = _measures(record("1", gold=["R01"]))
    assert found["red_line_precision"].value is None
    assert found["red_line_recall"].value == 0
    assert found["citation_f1"].value == 0
