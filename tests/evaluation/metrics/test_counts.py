from reviewer.evaluation.metrics.counts import (
    cited_by,
    clusters_of,
    count,
    flagged,
    verdict_of,
)
from tests.evaluation.metrics.builders import record, run


def test_rules_in_dispute_are_in_neither_matrix() -> None:
    counts = count(run(record("1", gold=["A01", "B01"], cited=["A01", "R01"], disputed=["A01", "R01"])))
    assert counts.rules == ("A01", "B01", "C01", "S01", "R01")
    assert counts.gold.tolist() == [[False, True, False, False, False]]
    assert not counts.cited.any()


def test_a_label_that_the_manual_does_not_know_is_not_lost() -> None:
    counts = count(run(record("1", gold=["Z99"])))
    assert counts.rules[-1] == "Z99"
    assert counts.gold[0, -1]


def test_an_error_is_not_assessed_and_cites_nothing() -> None:
    failed = record("1", cited=["A01"], error="超时")
    assert verdict_of(failed) == "not_assessed"
    assert cited_by(failed) == frozenset()
    assert not flagged(failed)


def test_no_verdict_is_no_flag() -> None:
    assert not flagged(record("1", cited=["A01"], verdict="not_assessed"))
    assert flagged(record("1", cited=["A01"]))


def test_clusters_are_contrast_pairs_and_partners() -> None:
    records = [
        record("1", pair="p"),
        record("2"),
        record("3", pair="p"),
        record("4", partner="5"),
        record("5", partner="4"),
    ]
    assert clusters_of(records).tolist() == [0, 1, 0, 2, 2]
