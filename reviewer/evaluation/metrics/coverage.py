"""What would be gained by leaving the least certain drafts to a person: risk against coverage.

The confidence of a flag: with a citation, the highest probability among the cited rules; without
one, one less the highest probability among all rules. (The distance of the most certain rule from
0.5 will not do: one of 46 rules is always plainly kept.)

Source: El-Yaniv and Wiener (2010); Geifman and El-Yaniv (2017) for the area.
"""

from collections.abc import Sequence

import numpy as np

from reviewer.evaluation.metrics.calibration import CurvePoint
from reviewer.evaluation.metrics.counts import cited_by, clusters_of, flagged, verdict_of
from reviewer.evaluation.metrics.intervals import FloatArray, IntArray, compact, divide, reweighted
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.records import Record


def confidence(record: Record) -> float | None:
    """Return how sure the flag is, 0-1; None without a verdict or without the probabilities for it."""
    if verdict_of(record) == "not_assessed":
        return None
    cited, disputed = cited_by(record), frozenset(record.example.disputed)
    chances = {
        each.rule: each.probability
        for each in record.outcome.rules
        if each.probability is not None and each.status in ("found", "clear") and each.rule not in disputed
    }
    if cited:
        return max((chances[rule] for rule in cited if rule in chances), default=None)
    return 1 - max(chances.values()) if chances else None


def risk_coverage(records: Sequence[Record]) -> tuple[CurvePoint, ...]:
    """Return share of drafts kept (x) and share of wrong flags among them (y), surest first.

    Drafts of equal confidence come in together; ``n`` is how many are kept.
    """
    wrong, starts, _ = _ranked(records)
    if not len(wrong):
        return ()
    kept = np.r_[starts[1:], len(wrong)]
    errors = wrong.cumsum()[kept - 1]
    return tuple(
        CurvePoint(float(n / len(wrong)), float(bad / n), int(n)) for n, bad in zip(kept, errors, strict=True)
    )


def aurc(records: Sequence[Record]) -> Measure:
    """Mean risk over all coverages, 0-1, lower is better; undefined without probabilities."""
    wrong, starts, clusters = _ranked(records)
    n_clusters, places = compact(clusters)

    def area(drawn: FloatArray) -> FloatArray:
        drafts = drawn[:, places]
        sizes = np.add.reduceat(drafts, starts, axis=1)
        errors = np.add.reduceat(drafts * wrong, starts, axis=1)
        risk = np.nan_to_num(divide(errors.cumsum(axis=1), sizes.cumsum(axis=1)))
        return divide((risk * sizes).sum(1), sizes.sum(1))

    return reweighted("aurc", "lower", area, n_clusters, n=len(wrong))


def _ranked(records: Sequence[Record]) -> tuple[FloatArray, IntArray, IntArray]:
    """Return wrong (0 or 1), starts of the runs of equal confidence, and clusters, surest first."""
    sure = [(confidence(record), record) for record in records]
    kept = [(chance, record) for chance, record in sure if chance is not None]
    chances = np.array([chance for chance, _ in kept], dtype=np.float64)
    known = [record for _, record in kept]
    order = np.argsort(-chances, kind="stable")
    ranked = chances[order]
    wrong = np.array([flagged(record) != record.example.is_wrong for record in known], dtype=np.float64)
    fresh = np.r_[True, ranked[1:] != ranked[:-1]] if len(ranked) else np.zeros(0, dtype=np.bool_)
    return wrong[order], np.flatnonzero(fresh).astype(np.int64), clusters_of(known)[order]
