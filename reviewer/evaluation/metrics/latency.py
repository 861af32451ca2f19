"""How long a review takes, and how much text the language model reads for it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from reviewer.evaluation.metrics.counts import clusters_of
from reviewer.evaluation.metrics.intervals import RESAMPLES, SEED, FloatArray, bootstrapped, ratio
from reviewer.evaluation.metrics.measure import Measure, undefined
from reviewer.evaluation.records import Record

TOTAL = "total"


@dataclass(frozen=True, slots=True)
class StageRow:
    """Median and 95th percentile of one step over the ``n`` reviews that took it."""

    stage: str
    n: int
    p50_ms: float
    p95_ms: float


def latency_measures(records: Sequence[Record]) -> tuple[Measure, Measure, Measure]:
    """Return p50 and p95 of the whole review in ms, and mean tokens a request; errors are left out.

    All are better when lower, and undefined without a time, or without a review. A system without a
    language model reads 0 tokens.
    """
    done = [record for record in records if not record.outcome.error]
    totals = np.array([each.outcome.timing_ms[TOTAL] for each in done if TOTAL in each.outcome.timing_ms])
    tokens = np.array([[each.outcome.n_tokens, 1] for each in done], dtype=np.float64).reshape(-1, 2)
    return (
        _percentile("latency_p50_ms", totals, 50),
        _percentile("latency_p95_ms", totals, 95),
        bootstrapped("tokens_per_request", "lower", ratio, tokens, clusters_of(done), n=len(done)),
    )


def stage_rows(records: Sequence[Record]) -> tuple[StageRow, ...]:
    """Return a row a step, slowest median first; the whole review is not among them."""
    times: dict[str, list[float]] = {}
    for record in records:
        if not record.outcome.error:
            for stage, spent_ms in record.outcome.timing_ms.items():
                times.setdefault(stage, []).append(spent_ms)
    times.pop(TOTAL, None)
    rows = [
        StageRow(stage, len(spent), *(float(each) for each in np.percentile(spent, [50, 95])))
        for stage, spent in times.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.p50_ms, row.stage)))


def _percentile(name: str, totals: FloatArray, rank: int) -> Measure:
    if not len(totals):
        return undefined(name, "lower")
    draws = np.random.default_rng(SEED).integers(len(totals), size=(RESAMPLES, len(totals)))
    low, high = np.percentile(np.percentile(totals[draws], rank, axis=1), [2.5, 97.5])
    return Measure(name, float(np.percentile(totals, rank)), float(low), float(high), len(totals), "lower")
