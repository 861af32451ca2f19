import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.evaluation.metrics.intervals import RESAMPLES, bootstrapped, divide, proportion, ratio, weights
from reviewer.evaluation.metrics.measure import Measure


def _mean(values: list[float], clusters: list[int]) -> Measure:
    columns = np.array([[value, 1.0] for value in values]).reshape(-1, 2)
    return bootstrapped("m", "higher", ratio, columns, np.array(clusters, dtype=np.int64), n=len(values))


def test_proportion_is_wilson() -> None:
    # 5 of 10, z = 1.96: centre 0.5, half width z / (1 + z^2/n) * sqrt(0.25/n + z^2/(4 n^2)) = 0.2634
    found = proportion(5, 10, "m", "higher")
    assert (found.value, found.n) == (0.5, 10)
    assert found.low == pytest.approx(0.2366, abs=1e-4)
    assert found.high == pytest.approx(0.7634, abs=1e-4)


def test_proportion_scales_value_and_interval() -> None:
    found = proportion(5, 10, "m", "lower", scale=100)
    assert found.value == 50
    assert found.high == pytest.approx(76.34, abs=1e-2)


def test_nothing_counted_is_undefined() -> None:
    assert proportion(0, 0, "m", "higher") == Measure("m", None, None, None, 0, "higher")
    assert _mean([], []) == Measure("m", None, None, None, 0, "higher")


def test_zero_denominator_is_undefined_not_nan() -> None:
    found = bootstrapped("m", "lower", ratio, np.zeros((3, 2)), np.arange(3), n=3)
    assert found == Measure("m", None, None, None, 0, "lower")


def test_divide_gives_nan_only_where_the_denominator_is_zero() -> None:
    assert np.isnan(divide(np.array([1.0, 4.0]), np.array([0.0, 2.0]))).tolist() == [True, False]


def test_every_resample_draws_as_many_clusters_as_there_are() -> None:
    drawn = weights(7, np.random.default_rng(0))
    assert drawn.shape == (RESAMPLES, 7)
    assert (drawn.sum(axis=1) == 7).all()
    # Each cluster is drawn once a resample on average; the error of a mean of 1,000 is about 0.03.
    assert drawn.mean(axis=0) == pytest.approx(np.ones(7), abs=0.15)


def test_interval_is_near_the_normal_one() -> None:
    # 40 of 100: standard error sqrt(0.4 * 0.6 / 100) = 0.049, so about 0.304 to 0.496.
    found = _mean([1.0] * 40 + [0.0] * 60, list(range(100)))
    assert found.value == 0.4
    assert found.low == pytest.approx(0.304, abs=0.02)
    assert found.high == pytest.approx(0.496, abs=0.02)


def test_clusters_widen_the_interval() -> None:
    values = [1.0] * 20 + [0.0] * 20
    alone, paired = _mean(values, list(range(40))), _mean(values, [number // 2 for number in range(40)])
    assert alone.value == paired.value == 0.5
    assert alone.low is not None
    assert paired.low is not None
    # Twice the variance: 1.41 times as wide.
    assert (0.5 - paired.low) / (0.5 - alone.low) == pytest.approx(1.41, abs=0.2)


def test_same_seed_same_interval() -> None:
    assert _mean([0.0, 1.0, 1.0], [0, 1, 2]) == _mean([0.0, 1.0, 1.0], [0, 1, 2])


@settings(deadline=None)
@given(value=st.floats(0, 1), n=st.integers(1, 30))
def test_interval_of_a_constant_sample_is_the_constant(value: float, n: int) -> None:
    found = _mean([value] * n, list(range(n)))
    assert (found.value, found.low, found.high) == pytest.approx((value, value, value), abs=1e-12)


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_wilson_contains_the_share(hits: list[bool]) -> None:
    found = proportion(sum(hits), len(hits), "m", "higher")
    assert found.value is not None
    assert found.low is not None
    assert found.high is not None
    assert -1e-12 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-12
