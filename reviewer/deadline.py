"""A point in time that long work looks at, and how long its stages took."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


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


@dataclass
class StageClock:
    """How long each stage of a piece of work took."""

    started: float = field(default_factory=time.perf_counter)
    stages: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time spent inside to the stage ``name``."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            spent = (time.perf_counter() - begun) * 1000
            self.stages[name] = round(self.stages.get(name, 0.0) + spent, 1)

    def total(self) -> dict[str, float]:
        """Return milliseconds by stage, and since the beginning as ``total``."""
        return {**self.stages, "total": round((time.perf_counter() - self.started) * 1000, 1)}
