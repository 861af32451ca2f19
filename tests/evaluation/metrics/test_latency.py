from reviewer.evaluation.metrics.latency import StageRow, latency_measures, stage_rows
from tests.evaluation.metrics.builders import record

RECORDS = [
    record(str(ms), timing_ms={"total": ms, "grade": ms / 2, "index": 1}, n_tokens=ms)
    for ms in (100, 200, 300, 400, 500)
]


def test_percentiles_and_tokens() -> None:
    p50, p95, tokens = latency_measures([*RECORDS, record("6", timing_ms={"total": 9e9}, error="超时")])
    assert (p50.value, p50.n) == (300, 5)
    # Linear between 400 and 500: rank 0.95 * 4 = 3.8.
    assert p95.value == 480
    assert tokens.value == 300
    assert p50.low is not None
    assert p50.high is not None
    assert 100 <= p50.low <= 300 <= p50.high <= 500


def test_stages_are_slowest_first_without_the_total() -> None:
    assert stage_rows(RECORDS) == (StageRow("grade", 5, 150.0, 240.0), StageRow("index", 5, 1.0, 1.0))


def test_no_times_is_undefined() -> None:
    assert [each.value for each in latency_measures([])] == [None] * 3
    assert [each.value for each in latency_measures([record("1")])] == [None, None, 0]
    assert stage_rows([record("1")]) == ()
