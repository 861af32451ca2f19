"""One engine, owned by one thread, behind one bounded queue.

The reviewer is opened, used and closed on its own thread. Requests wait in order of arrival; their
deadline counts from their arrival. A request that would not get its verdict in time is refused at
once, so that what is accepted is answered. Source: decision 7.
"""

import json
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Protocol

from reviewer.errors import ReviewerError
from reviewer.folders import OWN_MANUAL
from reviewer.outcome import UNADJUSTED, Adjustments
from reviewer.pipeline import Listener
from reviewer.resources import full_hash
from reviewer.schema import Review, ReviewRequest, VersionsOut
from reviewer.service.errors import BusyError, internal_error

_LOADING_RETRY_S = 5
_STOPPING_RETRY_S = 10
_LONGEST_RETRY_S = 60
# What a stop waits for: loading, which cannot be cut short, and a review's step beyond its deadline.
_LOADING_STOP_S = 1.0
_LAST_STEP_S = 10.0
# Weight of the newest review in the measured pace: about the last ten count.
_NEWEST = 0.2


class _Versioned(Protocol):
    @property
    def versions(self) -> VersionsOut: ...


class Reviewing(Protocol):
    """What the queue needs of a ``Reviewer``."""

    @property
    def pipelines(self) -> Mapping[str, _Versioned]:
        """What says which versions answer, by manual."""
        ...

    def review(
        self,
        request: ReviewRequest,
        *,
        deadline_ms: float | None,
        rewrite: bool,
        all_rules: bool,
        adjustments: Adjustments,
        manual: str,
        listener: Listener,
    ) -> Review:
        """Review one draft."""
        ...

    def close(self) -> None:
        """Free the models."""
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """One review to be done. Equal work that is in flight is done once."""

    request: ReviewRequest
    rewrite: bool
    all_rules: bool
    deadline_ms: float
    adjustments: Adjustments = UNADJUSTED
    manual: str = OWN_MANUAL

    @property
    def content_key(self) -> str:
        """SHA-256 of all that decides the answer, the time limit aside."""
        team = (sorted(self.adjustments.severity.items()), sorted(self.adjustments.disabled))
        return full_hash(
            self.request.model_dump_json().encode(),
            bytes([self.rewrite, self.all_rules]),
            json.dumps(team).encode(),
            self.manual.encode(),
        )


@dataclass(frozen=True, slots=True)
class VerdictReached:
    """The findings stand; a rewrite may follow."""

    review: Review


@dataclass(frozen=True, slots=True)
class RewriteText:
    """A piece of the rewrite as it is written, not verified yet."""

    text: str


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole review; ``in_time`` says that nothing was cut for the deadline."""

    review: Review
    in_time: bool


@dataclass(frozen=True, slots=True)
class Failed:
    """There will be no review."""

    error: ReviewerError


Event = VerdictReached | RewriteText | Finished | Failed
Hear = Callable[[Event], None]


@dataclass(eq=False, slots=True)
class _Job:
    key: tuple[str, float]
    work: Work
    expires: float
    tickets: list["Ticket"] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)


@dataclass(eq=False, frozen=True, slots=True)
class Ticket:
    """One client's share of a job; ``shared`` says that somebody else had asked for the same."""

    job: _Job
    hear: Hear
    shared: bool


class _Abandoned(Exception):  # noqa: N818
    """Nobody waits for this review any more."""


class ReviewQueue:
    """Hands work to the engine thread and its events back to whoever waits."""

    def __init__(
        self,
        open_reviewer: Callable[[], Reviewing],
        *,
        size: int,
        on_failed: Callable[[ReviewerError], None] = lambda _error: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Keep how to open the reviewer; ``start`` does.

        Args:
            open_reviewer: Called once, on the engine thread.
            size: How many requests may wait, the running one not counted.
            on_failed: Told on the engine thread when it ends by a fault: the reviewer cannot be
                opened, or broke in a way that is no fault of one review.
            clock: Seconds, monotonic.
        """
        self._open = open_reviewer
        self._size = size
        self._on_failed = on_failed
        self._clock = clock
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._waiting: deque[_Job] = deque()
        self._in_flight: dict[tuple[str, float], _Job] = {}
        self._running: _Job | None = None
        self._running_since = 0.0
        self._versions: Mapping[str, VersionsOut] | None = None
        self._failure: ReviewerError | None = None
        self._stopping = False
        self._job_pace = _Pace()
        self._verdict_pace = _Pace()
        self._thread = threading.Thread(target=self._main, name="reviewer-engine", daemon=True)

    @property
    def length(self) -> int:
        """How many requests wait, the running one not counted."""
        return len(self._waiting)

    def start(self) -> None:
        """Start the engine thread, which loads the models."""
        self._thread.start()

    def require_ready(self, manual: str = OWN_MANUAL) -> VersionsOut:
        """Return the versions that answer by ``manual``.

        Raises:
            BusyError: the models are still loading.
            ReviewerError: they could not be loaded, or the engine thread has ended.
        """
        if self._failure is not None:
            raise self._failure.with_traceback(None)  # else every raise would make it longer
        if self._versions is None:
            raise BusyError("模型正在载入，请稍后再试。", retry_after_s=_LOADING_RETRY_S)
        return self._versions[manual]

    def submit(self, work: Work, hear: Hear) -> Ticket:
        """Queue ``work``, or join the same work in flight.

        Args:
            work: What to do; its deadline starts now.
            hear: Told of events in order, on the engine thread or on this one; must not block.

        Raises:
            BusyError: no room, no chance to be in time, or not ready.
            ReviewerError: the models could not be loaded, or the engine thread has ended.
        """
        key = (work.content_key, work.deadline_ms)
        with self._lock:
            self.require_ready()
            if self._stopping:
                raise _stopping()
            job = self._in_flight.get(key)
            shared = job is not None
            if job is None:
                self._refuse_if_late(work)
                job = _Job(key, work, self._clock() + work.deadline_ms / 1000)
                self._in_flight[key] = job
                self._waiting.append(job)
                self._wake.notify()
            ticket = Ticket(job, hear, shared)
            job.tickets.append(ticket)
            for event in job.heard:
                hear(event)
        return ticket

    def leave(self, ticket: Ticket) -> None:
        """Take a client that has gone, or has its answer, off its job; a job without clients is dropped."""
        job = ticket.job
        with self._lock:
            if ticket in job.tickets:
                job.tickets.remove(ticket)
            if not job.tickets and job in self._waiting:
                self._waiting.remove(job)
                self._close_to_newcomers(job)

    def drain(self) -> None:
        """Refuse what waits and whatever comes; what runs goes on."""
        with self._lock:
            self._stopping = True
            while self._waiting:
                self._publish(self._waiting.popleft(), Failed(_stopping()))
            self._wake.notify()

    def close(self) -> None:
        """Drain, let the running review finish, and close the reviewer.

        Blocks until that is done, but not for loading, nor for an engine that does not come back.
        """
        self.drain()
        with self._lock:
            running = self._running
            patience_s = _LOADING_STOP_S if self._versions is None else _LAST_STEP_S
            if running is not None:
                patience_s += max(0.0, running.expires - self._clock())
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def _refuse_if_late(self, work: Work) -> None:
        ahead_s = self._ahead_s()
        late = ahead_s > 0 and ahead_s + self._verdict_pace.mean_s > work.deadline_ms / 1000
        if late or len(self._waiting) >= self._size:
            retry = min(_LONGEST_RETRY_S, max(1, math.ceil(ahead_s)))
            raise BusyError(
                f"请求太多，来不及审（{len(self._waiting)} 个在等），请 {retry} 秒后再试。",
                retry_after_s=retry,
            )

    def _ahead_s(self) -> float:
        """Return the expected seconds until the engine is free for a newcomer."""
        ahead = len(self._waiting) * self._job_pace.mean_s
        if self._running is not None:
            taken = self._clock() - self._running_since
            # One that takes longer than most, or is the first, may well take as long again.
            ahead += self._job_pace.mean_s - taken if taken < self._job_pace.mean_s else taken
        return ahead

    def _main(self) -> None:
        try:
            with closing(self._open()) as reviewer:
                self._versions = {name: each.versions for name, each in reviewer.pipelines.items()}
                while (job := self._next()) is not None:
                    self._run(reviewer, job)
        except BaseException as error:
            # Whatever it is, it would end this thread unseen, and everybody would wait for ever.
            self._give_up(error if isinstance(error, ReviewerError) else internal_error(error))

    def _give_up(self, failure: ReviewerError) -> None:
        """Tell everybody who waits, and whoever comes, that there will be no more reviews."""
        with self._lock:
            self._failure = failure
            self._running = None
            self._waiting.clear()
            for job in tuple(self._in_flight.values()):
                self._publish(job, Failed(failure))
        self._on_failed(failure)

    def _next(self) -> _Job | None:
        """Return the next job, waiting for one; None when the service stops."""
        with self._lock:
            while not self._waiting and not self._stopping:
                self._wake.wait()
            if not self._waiting:
                return None
            self._running_since = self._clock()
            self._running = self._waiting.popleft()
            return self._running

    def _run(self, reviewer: Reviewing, job: _Job) -> None:
        begun = self._clock()

        def on_verdict(review: Review) -> None:
            self._verdict_pace.add(self._clock() - begun)
            with self._lock:
                self._publish(job, VerdictReached(review))
                if not job.tickets:
                    self._close_to_newcomers(job)
                    raise _Abandoned

        def on_text(text: str) -> None:
            with self._lock:
                self._publish(job, RewriteText(text))

        outcome: Finished | Failed | None
        try:
            review = reviewer.review(
                job.work.request,
                deadline_ms=max(0.0, (job.expires - begun) * 1000),
                rewrite=job.work.rewrite,
                all_rules=job.work.all_rules,
                adjustments=job.work.adjustments,
                manual=job.work.manual,
                listener=Listener(verdict=on_verdict, rewrite_text=on_text),
            )
            outcome = Finished(review, self._clock() < job.expires)
        except _Abandoned:
            outcome = None
        except ReviewerError as error:
            outcome = Failed(error)
        except Exception as error:
            outcome = Failed(internal_error(error))
        with self._lock:
            self._running = None
            self._job_pace.add(self._clock() - begun)
            if outcome is not None:
                self._publish(job, outcome)

    def _publish(self, job: _Job, event: Event) -> None:
        """Tell everybody on ``job``; after its last event nobody joins it any more."""
        if isinstance(event, Finished | Failed):
            self._close_to_newcomers(job)
        job.heard.append(event)
        for ticket in job.tickets:
            ticket.hear(event)

    def _close_to_newcomers(self, job: _Job) -> None:
        if self._in_flight.get(job.key) is job:
            del self._in_flight[job.key]


@dataclass(slots=True)
class _Pace:
    """Moving average of seconds; 0 until something was measured."""

    mean_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.mean_s = seconds if not self.mean_s else (1 - _NEWEST) * self.mean_s + _NEWEST * seconds


def _stopping() -> BusyError:
    return BusyError("服务正在停止，请稍后再试。", retry_after_s=_STOPPING_RETRY_S)
