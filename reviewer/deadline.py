"""A point in time that long work looks at."""

import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Deadline:
    """When to stop; ``at`` is on the monotonic clock in seconds, None means never."""

    at: float | None = None

    @classmethod
    def after_ms(cls, ms: float | None) -> "Deadline":
        """Return the deadline ``ms`` milliseconds from now, or one that never comes for None."""
        return cls(None if ms is None else time.monotonic() + ms / 1000)

    @property
    def expired(self) -> bool:
        """Whether the time is up."""
        return self.at is not None and time.monotonic() >= self.at
