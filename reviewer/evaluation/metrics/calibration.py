"""Do the probabilities mean what they say?

One decision is one rule of one draft that was assessed with a probability; rules in dispute and
rules that do not apply are left out. Most rules of most drafts are plainly kept, which flatters
any figure over all of them, so that the contrast (violations and near-misses alone) is given too.

Source: Brier (1950); Guo et al. (2017) for ECE; Hanley and McNeil (1982) for AUROC.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.calibration import calibration_curve

from reviewer.evaluation.metrics.counts import clusters_of
from reviewer.evaluation.metrics.intervals import (
    BoolArray,
    FloatArray,
    IntArray,
    Statistic,
    bootstrapped,
    compact,
    divide,
    reweighted,
)
from reviewer.evaluation.metrics.measure import Measure, undefined
from reviewer.evaluation.records import Record

N_BINS = 10
Binning = Literal["quantile", "uniform"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A point of a curve; ``n`` is how many decisions it stands for."""

    x: float
    y: float
    n: int


@dataclass(frozen=True, slots=True, eq=False)
class Decisions:
    """Assessed rules of all drafts, one an entry; ``probability`` is NaN where there is none."""

    probability: FloatArray
    gold: BoolArray
    near_miss: BoolArray
    found: BoolArray
    clusters: IntArray

    def where(self, keep: BoolArray) -> "Decisions":
        """Return those that ``keep`` marks."""
        return Decisions(
            self.probability[keep],
            self.gold[keep],
            self.near_miss[keep],
            self.found[keep],
            self.clusters[keep],
        )

    def contrast(self) -> "Decisions":
        """Return violations and near-misses alone."""
        return self.where(self.gold | self.near_miss)


def decisions(records: Sequence[Record], *, with_probability: bool = True) -> Decisions:
    """Return the decisions of ``records``; those without a probability only when asked for."""
    rows = []
    for record, cluster in zip(records, clusters_of(records), strict=True):
        if record.outcome.error or record.example.verdict_only:
            continue
        gold, disputed = record.example.gold, frozenset(record.example.disputed)
        near = frozenset(record.example.near_miss) - gold
        for each in record.outcome.rules:
            if each.status not in ("found", "clear") or each.rule in disputed:
                continue
            if each.probability is None and with_probability:
                continue
            chance = np.nan if each.probability is None else each.probability
            rows.append((chance, each.rule in gold, each.rule in near, each.status == "found", cluster))
    table = np.array(rows, dtype=np.float64).reshape(-1, 5)
    gold_, near_, found_ = (table[:, column].astype(np.bool_) for column in (1, 2, 3))
    return Decisions(table[:, 0], gold_, near_, found_, table[:, 4].astype(np.int64))


def calibration_measures(records: Sequence[Record]) -> tuple[Measure, ...]:
    """Return Brier score and skill, ECE, AUROC, and the same on violations against near-misses."""
    every = decisions(records)
    contrast = every.contrast()
    return (
        brier_score(every),
        brier_skill(every),
        ece("ece_equal_mass", every, "quantile"),
        ece("ece_fixed_width", every, "uniform"),
        ece("ece_contrast", contrast, "quantile"),
        auroc("auroc", every),
        auroc("auroc_contrast", contrast),
        balanced_accuracy_contrast(decisions(records, with_probability=False).contrast()),
    )


def brier_score(entries: Decisions) -> Measure:
    """Mean squared error of the probability, 0-1, lower is better."""
    return _summed("brier_score", "lower", entries, lambda sums: divide(sums[:, 1], sums[:, 0]))


def brier_skill(entries: Decisions) -> Measure:
    """Share of the base rate's Brier score that is saved, at most 1, 0 for the base rate itself.

    Undefined when all or none of the decisions are violations. Higher is better.
    """

    def skill(sums: FloatArray) -> FloatArray:
        n, error, violations = sums.T
        return 1 - divide(error, divide(violations * (n - violations), n))

    return _summed("brier_skill", "higher", entries, skill)


def ece(name: str, entries: Decisions, binning: Binning) -> Measure:
    """Expected calibration error over ten bins, 0-1, lower is better.

    Mean distance of probability and share of violations, weighted by bin. The edges are those of
    the whole sample in every resample. An interval of ECE leans upwards: noise is never negative.
    """
    bins = _bins(entries.probability, binning)
    rows = np.arange(len(bins))
    columns = np.zeros((len(bins), 2 * N_BINS))
    columns[rows, bins] = entries.probability - entries.gold
    columns[rows, N_BINS + bins] = 1

    def error(sums: FloatArray) -> FloatArray:
        return divide(np.abs(sums[:, :N_BINS]).sum(1), sums[:, N_BINS:].sum(1))

    return bootstrapped(name, "lower", error, columns, entries.clusters, n=len(bins))


def auroc(name: str, entries: Decisions) -> Measure:
    """Chance that a violation has a higher probability than another decision, 0-1, 0.5 by chance.

    Ties count half, as in ``sklearn.metrics.roc_auc_score``; a test holds the two together.
    Undefined without both classes. Higher is better.
    """
    if entries.gold.all() or not entries.gold.any():
        return undefined(name, "higher")
    n_clusters, places = compact(entries.clusters)
    # wins[c, d]: how often a violation of cluster c stands above another decision of cluster d. A
    # resample of clusters then needs no new ranking: it is one product with this table.
    wins = np.zeros((n_clusters, n_clusters))
    violations, owners = entries.probability[entries.gold], places[entries.gold]
    others, theirs = entries.probability[~entries.gold], places[~entries.gold]
    order = np.lexsort((others, theirs))
    for cluster, ranked in enumerate(
        np.split(others[order], np.searchsorted(theirs[order], range(1, n_clusters)))
    ):
        below = np.searchsorted(ranked, violations, "left") + np.searchsorted(ranked, violations, "right")
        wins[:, cluster] = np.bincount(owners, below / 2, minlength=n_clusters)
    sizes = np.stack([np.bincount(owners, minlength=n_clusters), np.bincount(theirs, minlength=n_clusters)])

    def area(drawn: FloatArray) -> FloatArray:
        n_violations, n_others = sizes @ drawn.T
        return divide(((drawn @ wins) * drawn).sum(1), n_violations * n_others)

    return reweighted(name, "higher", area, n_clusters, n=len(places))


def balanced_accuracy_contrast(entries: Decisions) -> Measure:
    """Mean of recall over violations and specificity over near-misses, 0-1, 0.5 by chance.

    By what the system decided, so that a system without probabilities has it too.
    """
    gold, found = entries.gold, entries.found
    columns = np.stack([gold & found, gold, ~gold & ~found, ~gold], axis=1).astype(np.float64)

    def balanced(sums: FloatArray) -> FloatArray:
        return (divide(sums[:, 0], sums[:, 1]) + divide(sums[:, 2], sums[:, 3])) / 2

    name = "balanced_accuracy_contrast"
    return bootstrapped(name, "higher", balanced, columns, entries.clusters, n=len(gold))


def reliability(entries: Decisions, binning: Binning) -> tuple[CurvePoint, ...]:
    """Return mean probability (x) and share of violations (y) of each bin that is not empty."""
    if not len(entries.gold):
        return ()
    observed, predicted = calibration_curve(
        entries.gold, entries.probability, n_bins=N_BINS, strategy=binning, pos_label=True
    )
    sizes = np.bincount(_bins(entries.probability, binning), minlength=N_BINS)
    points = zip(predicted, observed, sizes[sizes > 0], strict=True)
    return tuple(CurvePoint(float(x), float(y), int(n)) for x, y, n in points)


def _summed(
    name: str, better: Literal["higher", "lower"], entries: Decisions, statistic: Statistic
) -> Measure:
    errors = (entries.probability - entries.gold) ** 2
    columns = np.stack([np.ones_like(errors), errors, entries.gold.astype(np.float64)], axis=1)
    return bootstrapped(name, better, statistic, columns, entries.clusters, n=len(errors))


def _bins(probability: FloatArray, binning: Binning) -> IntArray:
    # The edges of ``calibration_curve``, so that error and plot speak of the same bins.
    if not len(probability):
        return np.zeros(0, dtype=np.int64)
    ticks = np.linspace(0, 1, N_BINS + 1)
    edges = np.percentile(probability, ticks * 100) if binning == "quantile" else ticks
    return np.searchsorted(edges[1:-1], probability).astype(np.int64)
