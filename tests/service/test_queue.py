"""The queue on its own: order, bounds, sharing, dropping, deadlines, stopping."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from reviewer.errors import EngineError, ReviewerError
from reviewer.schema import ReviewRequest
from reviewer.service.errors import BusyError
from reviewer.service.queue import Event, Failed, Finished, ReviewQueue, RewriteText, VerdictReached, Work
from tests.service.fakes import CLEAN, FAMILIAR, REWRITE, FakeReviewer, failing_factory, is_ready, wait_for


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def work(draft: str = CLEAN, *, deadline_ms: float = 60_000) -> Work:
    return Work(ReviewRequest(draft=draft), rewrite=True, all_rules=False, deadline_ms=deadline_ms)


@contextmanager
def running(
    reviewer: FakeReviewer, *, size: int = 4, clock: Clock | None = None
) -> Iterator[tuple[ReviewQueue, Clock]]:
    clock = clock or Clock()
    queue = ReviewQueue(lambda: reviewer, size=size, clock=clock)
    queue.start()
    wait_for(lambda: is_ready(queue))
    try:
        yield queue, clock
    finally:
        reviewer.gate.set()
        queue.close()


def busy(queue: ReviewQueue, reviewer: FakeReviewer) -> list[Event]:
    """Put the engine to work until its gate opens; return what that client hears."""
    reviewer.gate.clear()
    heard: list[Event] = []
    queue.submit(work("占用"), heard.append)
    assert reviewer.started.wait(10)
    return heard


def ended(heard: list[Event]) -> bool:
    return bool(heard) and isinstance(heard[-1], Finished | Failed)


def test_events_come_in_order() -> None:
    heard: list[Event] = []
    with running(FakeReviewer()) as (queue, _):
        queue.submit(work(FAMILIAR), heard.append)
        wait_for(lambda: ended(heard))
    assert [type(event) for event in heard] == [VerdictReached, RewriteText, RewriteText, Finished]
    assert "".join(event.text for event in heard if isinstance(event, RewriteText)) == REWRITE


def test_a_full_queue_refuses_with_the_measured_pace() -> None:
    reviewer = FakeReviewer()
    with running(reviewer, size=1) as (queue, clock):
        first = busy(queue, reviewer)
        clock.now += 7
        reviewer.gate.set()
        wait_for(lambda: ended(first))
        reviewer.started.clear()
        busy(queue, reviewer)
        queue.submit(work("等候"), lambda _event: None)
        with pytest.raises(BusyError) as refused:
            queue.submit(work("多余"), lambda _event: None)
        # 7 s each: the running one has just begun, one waits.
        assert refused.value.retry_after_s == 14
        assert queue.length == 1


def test_work_that_would_get_no_verdict_in_time_is_refused_unless_idle() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, clock):
        first = busy(queue, reviewer)
        clock.now += 7
        reviewer.gate.set()
        wait_for(lambda: ended(first))
        heard: list[Event] = []
        queue.submit(work(deadline_ms=1), heard.append)
        wait_for(lambda: ended(heard))
        reviewer.started.clear()
        busy(queue, reviewer)
        with pytest.raises(BusyError):
            queue.submit(work("来不及", deadline_ms=5_000), lambda _event: None)
        queue.submit(work("来得及", deadline_ms=20_000), lambda _event: None)


def test_the_deadline_counts_the_wait() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, clock):
        busy(queue, reviewer)
        heard: list[Event] = []
        queue.submit(work(deadline_ms=3_000), heard.append)
        clock.now += 0.5
        late: list[Event] = []
        queue.submit(work(FAMILIAR, deadline_ms=1_000), late.append)
        clock.now += 3
        reviewer.gate.set()
        wait_for(lambda: ended(late))
    assert reviewer.deadlines == [60_000, 0, 0]
    finished = late[-1]
    assert isinstance(finished, Finished)
    assert not finished.in_time


def test_nobody_waits_for_an_engine_that_does_not_come_back() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, clock):
        busy(queue, reviewer)
        queue.submit(work("等候", deadline_ms=5_000), lambda _event: None)
        clock.now += 6
        with pytest.raises(BusyError) as refused:
            queue.submit(work("来不及", deadline_ms=5_000), lambda _event: None)
        assert refused.value.retry_after_s == 6


class OutOfControl(BaseException):
    """No Exception: what a bare except would miss."""


@pytest.mark.parametrize("fault", [OutOfControl(), SystemExit(3), KeyboardInterrupt()])
def test_a_broken_engine_thread_is_said_to_everybody(fault: BaseException) -> None:
    told: list[ReviewerError] = []
    reviewer = FakeReviewer(fault=fault)
    queue = ReviewQueue(lambda: reviewer, size=4, on_failed=told.append)
    queue.start()
    wait_for(lambda: is_ready(queue))
    heard = busy(queue, reviewer)
    waiting: list[Event] = []
    queue.submit(work("等候"), waiting.append)
    reviewer.gate.set()
    wait_for(lambda: bool(told))
    for last in (heard[-1], waiting[-1]):
        assert isinstance(last, Failed)
        assert type(fault).__name__ in str(last.error)
    for call in (queue.require_ready, lambda: queue.submit(work(), lambda _event: None)):
        with pytest.raises(ReviewerError, match=type(fault).__name__):
            call()
    queue.close()
    assert reviewer.closed


def test_a_reviewer_whose_versions_cannot_be_told_is_a_failure() -> None:
    told: list[ReviewerError] = []
    reviewer = FakeReviewer()
    del reviewer.pipelines
    queue = ReviewQueue(lambda: reviewer, size=1, on_failed=told.append)
    queue.start()
    wait_for(lambda: bool(told))
    with pytest.raises(ReviewerError, match="AttributeError"):
        queue.require_ready()
    queue.close()


def test_a_stop_does_not_wait_for_models_that_are_loading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewer.service.queue._LOADING_STOP_S", 0.01)
    load = threading.Event()
    reviewer = FakeReviewer()

    def slowly() -> FakeReviewer:
        assert load.wait(10)
        return reviewer

    queue = ReviewQueue(slowly, size=1)
    queue.start()
    queue.close()
    assert not reviewer.closed
    load.set()
    wait_for(lambda: reviewer.closed)


def test_the_same_work_in_flight_is_done_once_and_latecomers_hear_all() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, _):
        first = busy(queue, reviewer)
        second: list[Event] = []
        assert queue.submit(work("占用"), second.append).shared
        assert not queue.submit(work("占用", deadline_ms=59_000), lambda _event: None).shared
        reviewer.gate.set()
        wait_for(lambda: ended(second))
    assert first == second
    assert [request.draft for request in reviewer.requests] == ["占用", "占用"]


def test_who_joins_after_the_verdict_hears_it_too() -> None:
    writing, go_on = threading.Event(), threading.Event()

    def hold() -> None:
        writing.set()
        assert go_on.wait(10)

    first: list[Event] = []
    second: list[Event] = []
    with running(FakeReviewer(between_pieces=hold)) as (queue, _):
        queue.submit(work(FAMILIAR), first.append)
        assert writing.wait(10)
        queue.submit(work(FAMILIAR), second.append)
        assert [type(event) for event in second] == [VerdictReached, RewriteText]
        go_on.set()
        wait_for(lambda: ended(second))
    assert first == second


def test_work_whose_clients_have_all_gone_is_dropped() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, _):
        busy(queue, reviewer)
        tickets = [queue.submit(work("走了"), lambda _event: None) for _ in range(2)]
        heard: list[Event] = []
        queue.submit(work("还在"), heard.append)
        queue.leave(tickets[0])
        assert queue.length == 2
        queue.leave(tickets[1])
        assert queue.length == 1
        reviewer.gate.set()
        wait_for(lambda: ended(heard))
    assert [request.draft for request in reviewer.requests] == ["占用", "还在"]


def test_no_rewrite_is_written_for_nobody() -> None:
    pieces: list[str] = []
    reviewer = FakeReviewer(between_pieces=lambda: pieces.append("written"))
    with running(reviewer) as (queue, _):
        reviewer.gate.clear()
        ticket = queue.submit(work(FAMILIAR), lambda _event: None)
        assert reviewer.started.wait(10)
        queue.leave(ticket)
        reviewer.gate.set()
        heard: list[Event] = []
        queue.submit(work(CLEAN), heard.append)
        wait_for(lambda: ended(heard))
    assert pieces == []


@pytest.mark.parametrize("fault", [EngineError("引擎坏了"), ZeroDivisionError("客户原话")])
def test_a_fault_fails_one_review_and_not_the_next(fault: Exception) -> None:
    reviewer = FakeReviewer(fault=fault)
    with running(reviewer) as (queue, _):
        heard: list[Event] = []
        queue.submit(work(), heard.append)
        wait_for(lambda: ended(heard))
        failed = heard[-1]
        assert isinstance(failed, Failed)
        assert "客户原话" not in str(failed.error)
        reviewer.fault = None
        again: list[Event] = []
        queue.submit(work(), again.append)
        wait_for(lambda: ended(again))
        assert isinstance(again[-1], Finished)


def test_stopping_refuses_what_waits_and_finishes_what_runs() -> None:
    reviewer = FakeReviewer()
    with running(reviewer) as (queue, _):
        first = busy(queue, reviewer)
        waiting: list[Event] = []
        queue.submit(work("等候"), waiting.append)
        queue.drain()
        (refused,) = waiting
        assert isinstance(refused, Failed)
        assert isinstance(refused.error, BusyError)
        with pytest.raises(BusyError, match="正在停止"):
            queue.submit(work("新来"), lambda _event: None)
        reviewer.gate.set()
        queue.close()
        assert isinstance(first[-1], Finished)
    assert reviewer.closed


def test_models_that_cannot_be_loaded_are_said_to_everybody() -> None:
    told: list[ReviewerError] = []
    queue = ReviewQueue(failing_factory, size=1, on_failed=told.append)
    with pytest.raises(BusyError, match="正在载入"):
        queue.submit(work(), lambda _event: None)
    queue.start()
    wait_for(lambda: bool(told))
    with pytest.raises(ReviewerError, match="模型文件不见了"):
        queue.submit(work(), lambda _event: None)
    queue.close()
