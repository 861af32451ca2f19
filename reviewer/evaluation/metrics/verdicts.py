"""Verdict and flag: is the draft raised, and rightly so?

A draft is flagged when it has a verdict and at least one cited rule; the label is whether it breaks
a rule. Rules in dispute are taken out of both. A draft that was not assessed is wrong for accuracy
and not flagged; its share is reported, because it would otherwise pass for specificity.
"""

from collections.abc import Sequence

import numpy as np

from reviewer.evaluation.metrics.counts import clusters_of, flagged, verdict_of, verdict_right
from reviewer.evaluation.metrics.intervals import FloatArray, bootstrapped, divide, proportion
from reviewer.evaluation.metrics.measure import Measure, undefined
from reviewer.evaluation.records import Record, Run


def verdict_measures(run: Run) -> tuple[Measure, ...]:
    """Return accuracy, the flag figures, alerts, and what was not assessed."""
    records = run.records
    return (
        verdict_accuracy(run),
        *flag_measures(records),
        flag_balanced_accuracy(records),
        flag_kappa(records),
        alerts_per_100_acceptable(records),
        not_assessed_share(records),
        n_errors(records),
    )


def verdict_accuracy(run: Run) -> Measure:
    """Share of drafts with exactly the labelled verdict, 0-1, higher is better."""
    hits = sum(verdict_right(record) for record in run.records)
    return proportion(hits, len(run.records), "verdict_accuracy", "higher")


def flag_measures(records: Sequence[Record]) -> tuple[Measure, Measure]:
    """Return recall (of violating drafts) and specificity (of the others), 0-1, higher is better."""
    bad = [flagged(record) for record in records if record.example.is_wrong]
    good = [not flagged(record) for record in records if not record.example.is_wrong]
    return (
        proportion(sum(bad), len(bad), "flag_recall", "higher"),
        proportion(sum(good), len(good), "flag_specificity", "higher"),
    )


def flag_balanced_accuracy(records: Sequence[Record]) -> Measure:
    """Mean of recall and specificity, 0-1, 0.5 by chance; undefined when either is."""
    confusion = _confusion(records)
    clusters = clusters_of(records)
    return bootstrapped("flag_balanced_accuracy", "higher", _balanced, confusion, clusters, n=len(records))


def flag_kappa(records: Sequence[Record]) -> Measure:
    """Cohen's kappa of flag and label, at most 1, 0 by chance; undefined when both are constant and equal.

    Source: Cohen (1960), as ``sklearn.metrics.cohen_kappa_score``; a test holds the two together.
    """
    return bootstrapped(
        "flag_kappa", "higher", kappa, _confusion(records), clusters_of(records), n=len(records)
    )


def kappa(sums: FloatArray) -> FloatArray:
    """Statistic: Cohen's kappa of tp, fp, fn, tn, one resample a row."""
    tp, fp, fn, tn = sums.T
    # (observed - expected) / (1 - expected), multiplied out.
    return divide(2 * (tp * tn - fp * fn), (tp + fp) * (fp + tn) + (tp + fn) * (fn + tn))


def alerts_per_100_acceptable(records: Sequence[Record]) -> Measure:
    """How many of 100 replies labelled ``pass`` are flagged, lower is better."""
    acceptable = [flagged(record) for record in records if record.example.verdict == "pass"]
    return proportion(sum(acceptable), len(acceptable), "alerts_per_100_acceptable", "lower", scale=100)


def not_assessed_share(records: Sequence[Record]) -> Measure:
    """Share of drafts without a verdict, errors included, lower is better."""
    hits = sum(verdict_of(record) == "not_assessed" for record in records)
    return proportion(hits, len(records), "not_assessed_share", "lower")


def n_errors(records: Sequence[Record]) -> Measure:
    """Number of drafts on which the system failed, lower is better; a count has no interval."""
    if not records:
        return undefined("n_errors", "lower")
    failed = sum(bool(record.outcome.error) for record in records)
    return Measure("n_errors", float(failed), None, None, len(records), "lower")


def _confusion(records: Sequence[Record]) -> FloatArray:
    flags = np.array([flagged(record) for record in records], dtype=np.bool_)
    golds = np.array([record.example.is_wrong for record in records], dtype=np.bool_)
    return np.stack([flags & golds, flags & ~golds, ~flags & golds, ~flags & ~golds], axis=1).astype(
        np.float64
    )


def _balanced(sums: FloatArray) -> FloatArray:
    tp, fp, fn, tn = sums.T
    return (divide(tp, tp + fn) + divide(tn, tn + fp)) / 2
