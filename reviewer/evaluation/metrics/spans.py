"""Does a right citation point at the right words?

Counted over true findings: rules both labelled with a quote and cited. A label without a quote is
of something missing, so there is nothing to point at.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from reviewer.evaluation.metrics.counts import cited_by, clusters_of
from reviewer.evaluation.metrics.intervals import bootstrapped, proportion, ratio
from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.records import Record


def span_measures(records: Sequence[Record]) -> tuple[Measure, Measure, Measure]:
    """Return mean IoU, the share that overlaps at all, and the share without any span.

    All are 0-1 and undefined without a true finding; one without a span has IoU 0.
    """
    found = [
        (cluster, marked, quoted)
        for record, cluster in zip(records, clusters_of(records), strict=True)
        for marked, quoted in _true_findings(record)
    ]
    columns = np.array([[iou(marked, quoted), 1.0] for _, marked, quoted in found]).reshape(-1, 2)
    clusters = np.array([cluster for cluster, _, _ in found], dtype=np.int64)
    n = len(found)
    overlaps = sum(bool(marked & quoted) for _, marked, quoted in found)
    missing = sum(not marked for _, marked, _ in found)
    return (
        bootstrapped("span_iou", "higher", ratio, columns, clusters, n=n),
        proportion(overlaps, n, "span_overlap_share", "higher"),
        proportion(missing, n, "span_missing_share", "lower"),
    )


def iou(first: frozenset[int], second: frozenset[int]) -> float:
    """Return intersection over union of two sets of positions, 0-1; 0 when both are empty."""
    union = len(first | second)
    return len(first & second) / union if union else 0.0


def positions(draft: str, quote: str) -> frozenset[int]:
    """Return the code points that any occurrence of ``quote`` covers; none when it is not in the draft."""
    covered: set[int] = set()
    start = draft.find(quote) if quote else -1
    while start >= 0:
        covered.update(range(start, start + len(quote)))
        start = draft.find(quote, start + 1)
    return frozenset(covered)


def _true_findings(record: Record) -> Iterator[tuple[frozenset[int], frozenset[int]]]:
    example = record.example
    for rule in sorted(example.gold & cited_by(record)):
        quotes = [violation.quote for violation in example.violations if violation.rule == rule]
        quoted = frozenset[int]().union(*(positions(example.draft, quote) for quote in quotes))
        if not quoted:
            continue
        spans = [span for each in record.outcome.rules if each.rule == rule for span in each.spans]
        yield frozenset().union(*(range(span.start, span.end) for span in spans)), quoted
