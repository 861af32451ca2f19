"""How often a key may ask: a token bucket a key.

Source: the token bucket of RFC 2697. The well-known package ``limits`` has windows only, which let
twice the rate through at their edge or remember every request.
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from reviewer.service.errors import RateLimitedError

# Who waits as told must get in, though sums of waits are a little off.
_ROUNDING = 1e-6


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimiter:
    """One bucket a name; it holds a minute's worth and fills up steadily."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with full buckets; ``clock`` gives seconds, monotonic."""
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}

    def take(self, name: str, *, per_minute: int, cost: int = 1, taken: int = 0) -> None:
        """Take ``cost`` tokens; ``per_minute`` 0 means no limit.

        Args:
            name: Whose bucket.
            per_minute: What the bucket holds, and what flows in a minute.
            cost: At most ``per_minute`` less ``taken``: more will never be there.
            taken: What the same request took before; it is put back with the refusal.

        Raises:
            RateLimitedError: there are not enough; nothing is taken.
        """
        if not per_minute:
            return
        now = self._clock()
        bucket = self._buckets.setdefault(name, _Bucket(per_minute, now))
        bucket.tokens = min(per_minute, bucket.tokens + (now - bucket.at) * per_minute / 60)
        bucket.at = now
        if bucket.tokens < cost - _ROUNDING:
            retry = max(1, math.ceil((cost - bucket.tokens) * 60 / per_minute))
            bucket.tokens += taken
            raise RateLimitedError(
                f"请求过于频繁（每分钟最多 {per_minute} 次），请 {retry} 秒后再试。", retry_after_s=retry
            )
        bucket.tokens -= cost
