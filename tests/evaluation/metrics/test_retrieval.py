from reviewer.evaluation.metrics.retrieval import retrieval_measures
from reviewer.evaluation.records import Record
from tests.evaluation.metrics.builders import record, run


def _values(*records: Record) -> dict[str, tuple[float | None, int]]:
    prefix = "retrieval_recall_at_"
    return {
        each.name.removeprefix(prefix): (each.value, each.n) for each in retrieval_measures(run(*records))
    }


def test_recall_by_hand() -> None:
    found = _values(
        record("1", gold=["S01", "C01", "A01"], ranking=["S01", "X", "C01"]),
        record("2", gold=["S01"], ranking=["X", "Y", "Z", "S01"]),
        record("3", gold=["A01"], ranking=["X"]),  # A01 is standing: asked anyway
    )
    # Three situational labels, ranks 1, 3, 4; without C01 two, ranks 1 and 4.
    assert found["1"] == (1 / 3, 3)
    assert found["3"] == (2 / 3, 3)
    assert found["5"] == found["8"] == (1, 3)
    assert found["3_without_stage_rules"] == (1 / 2, 2)


def test_a_record_without_ranking_is_a_miss_when_others_have_one() -> None:
    found = _values(record("1", gold=["S01"], ranking=["S01"]), record("2", gold=["S01"], error="超时"))
    assert found["8"] == (1 / 2, 2)


def test_no_ranking_at_all_is_undefined() -> None:
    assert set(_values(record("1", gold=["S01"])).values()) == {(None, 0)}
    assert set(_values(record("1", ranking=["S01"])).values()) == {(None, 0)}
