"""95 % intervals: Wilson for a plain share, percentile bootstrap for everything else.

The bootstrap draws clusters (a contrast pair, else the example), because two drafts of one
situation are not two independent observations. It works on counts summed by cluster, so that a
resample is one row of a matrix product and 520 examples by 46 rules take milliseconds.

Source: Wilson (1927); Efron and Tibshirani (1993), chapter 13, the percentile interval.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from statsmodels.stats.proportion import proportion_confint  # type: ignore[import-untyped]

from reviewer.evaluation.metrics.measure import Better, Measure, undefined

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]
# Sums or weights, one resample a row, to one value a row; NaN where it is undefined.
Statistic = Callable[[FloatArray], FloatArray]

RESAMPLES = 1000
SEED = 0
_ALPHA = 0.05


def proportion(hits: int, n: int, name: str, better: Better, *, scale: float = 1.0) -> Measure:
    """Return ``hits / n * scale`` with its Wilson interval; undefined when ``n`` is 0."""
    if n == 0:
        return undefined(name, better)
    low, high = proportion_confint(hits, n, alpha=_ALPHA, method="wilson")
    # Rounding may leave an end a hair inside the share.
    low, high = min(float(low), hits / n), max(float(high), hits / n)
    return Measure(name, scale * hits / n, scale * low, scale * high, n, better)


def divide(numerator: FloatArray, denominator: FloatArray) -> FloatArray:
    """Return the quotient element by element, NaN where the denominator is 0."""
    quotient: FloatArray = np.full(denominator.shape, np.nan)
    np.divide(numerator, denominator, out=quotient, where=denominator != 0)
    return quotient


def ratio(sums: FloatArray) -> FloatArray:
    """Statistic of two columns: the first sum over the second."""
    return divide(sums[:, 0], sums[:, 1])


def weights(n_clusters: int, generator: np.random.Generator) -> FloatArray:
    """Return how often each cluster is drawn, shape (RESAMPLES, n_clusters)."""
    draws = generator.integers(n_clusters, size=(RESAMPLES, n_clusters))
    cells = draws + np.arange(RESAMPLES)[:, None] * n_clusters
    drawn = np.bincount(cells.ravel(), minlength=RESAMPLES * n_clusters)
    return drawn.reshape(RESAMPLES, n_clusters).astype(np.float64)


def bootstrapped(
    name: str,
    better: Better,
    statistic: Statistic,
    counts: FloatArray,
    clusters: IntArray,
    *,
    n: int,
    generator: np.random.Generator | None = None,
) -> Measure:
    """Return a statistic of column sums with its percentile interval.

    Args:
        name: Name of the measure.
        better: Its direction.
        statistic: From sums, shape (resamples, columns), to values, shape (resamples,).
        counts: One row an item, one column a quantity that adds up.
        clusters: Cluster of each row, any integers.
        n: How many items the value is taken over.
        generator: Source of the draws; a fresh one with seed 0 without it.

    Returns:
        The measure; undefined when the statistic is NaN on the data itself or there are no rows.
        Resamples on which it is NaN are left out.
    """
    if not len(counts):
        return undefined(name, better)
    n_clusters, places = compact(clusters)
    sums = np.zeros((n_clusters, counts.shape[1]))
    np.add.at(sums, places, counts)
    value = float(statistic(sums.sum(axis=0, keepdims=True))[0])
    values = statistic(weights(len(sums), generator or np.random.default_rng(SEED)) @ sums)
    return _measure(name, better, value, values, n)


def reweighted(
    name: str,
    better: Better,
    statistic: Statistic,
    n_clusters: int,
    *,
    n: int,
    generator: np.random.Generator | None = None,
) -> Measure:
    """Like ``bootstrapped``, for a statistic that is no function of sums, such as AUROC.

    Args:
        name: Name of the measure.
        better: Its direction.
        statistic: From the weights of the clusters, shape (resamples, n_clusters), to (resamples,).
        n_clusters: How many clusters there are; ``compact`` numbers them.
        n: How many items the value is taken over; undefined when 0.
        generator: Source of the draws; a fresh one with seed 0 without it.
    """
    if n == 0:
        return undefined(name, better)
    value = float(statistic(np.ones((1, n_clusters)))[0])
    values = statistic(weights(n_clusters, generator or np.random.default_rng(SEED)))
    return _measure(name, better, value, values, n)


def compact(clusters: IntArray) -> tuple[int, IntArray]:
    """Return the number of clusters, and ``clusters`` renumbered from 0 without gaps."""
    names, places = np.unique(clusters, return_inverse=True)
    return len(names), places.astype(np.int64)


def _measure(name: str, better: Better, value: float, values: FloatArray, n: int) -> Measure:
    if not np.isfinite(value):
        return undefined(name, better)
    known = values[np.isfinite(values)]
    if not len(known):
        return Measure(name, value, None, None, n, better)
    low, high = np.percentile(known, [100 * _ALPHA / 2, 100 * (1 - _ALPHA / 2)])
    return Measure(name, value, float(low), float(high), n, better)
