"""What Prometheus reads: requests, queue, time, verdicts. Nothing in it names a customer."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from reviewer.service.policy import Gate
from reviewer.types import Verdict

CONTENT_TYPE = CONTENT_TYPE_LATEST
_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Metrics:
    """The counters of one service, in a registry of their own."""

    def __init__(self, queue_length: Callable[[], int]) -> None:
        """Register everything; ``queue_length`` is asked at each scrape."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "reviewer_requests", "Answered requests.", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "reviewer_request_seconds",
            "Arrival to last byte.",
            ["route"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._verdicts = Counter(
            "reviewer_verdicts", "Reviews by outcome.", ["verdict", "gate"], registry=self._registry
        )
        self._sources = Counter(
            "reviewer_answers", "Reviews by where they came from.", ["source"], registry=self._registry
        )
        length = Gauge("reviewer_queue_length", "Requests that wait.", registry=self._registry)
        length.set_function(queue_length)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the template, never the path."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def review(self, verdict: Verdict, gate: Gate) -> None:
        """Count one finished review."""
        self._verdicts.labels(verdict, gate).inc()

    def source(self, source: str) -> None:
        """Count where an answer comes from: engine, shared, cache."""
        self._sources.labels(source).inc()

    def exposition(self) -> bytes:
        """Return everything in Prometheus' text format."""
        return generate_latest(self._registry)
