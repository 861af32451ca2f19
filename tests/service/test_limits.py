"""The token bucket: a burst, a steady rate, an honest Retry-After."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.service.errors import RateLimitedError
from reviewer.service.limits import RateLimiter


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_then_the_steady_rate() -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    for _ in range(30):
        limiter.take("甲", per_minute=30)
    with pytest.raises(RateLimitedError) as refused:
        limiter.take("甲", per_minute=30)
    assert refused.value.retry_after_s == 2
    clock.now += 2
    limiter.take("甲", per_minute=30)


def test_names_do_not_share_a_bucket() -> None:
    limiter = RateLimiter(Clock())
    limiter.take("甲", per_minute=1)
    limiter.take("乙", per_minute=1)


def test_zero_means_no_limit() -> None:
    limiter = RateLimiter(Clock())
    for _ in range(1000):
        limiter.take("甲", per_minute=0)


@pytest.mark.parametrize("spent", [1, 5, 10])
def test_who_is_refused_a_batch_and_waits_as_told_gets_it(spent: int) -> None:
    clock = Clock()
    limiter = RateLimiter(clock)

    def batch_of_ten() -> None:
        limiter.take("甲", per_minute=10)
        limiter.take("甲", per_minute=10, cost=9, taken=1)

    limiter.take("甲", per_minute=10, cost=spent)
    clock.now += 6
    if spent == 1:
        batch_of_ten()
        return
    with pytest.raises(RateLimitedError) as refused:
        batch_of_ten()
    clock.now += refused.value.retry_after_s
    batch_of_ten()


@given(st.lists(st.floats(0, 30), max_size=200), st.integers(1, 100))
def test_never_more_than_the_rate_and_who_waits_as_told_gets_in(pauses: list[float], per_minute: int) -> None:
    clock = Clock()
    limiter = RateLimiter(clock)
    passed = 0
    for pause in pauses:
        clock.now += pause
        try:
            limiter.take("甲", per_minute=per_minute)
        except RateLimitedError as refused:
            clock.now += refused.retry_after_s
            limiter.take("甲", per_minute=per_minute)
        passed += 1
    assert passed <= per_minute + clock.now * per_minute / 60 + 1e-6
