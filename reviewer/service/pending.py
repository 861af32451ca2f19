"""A review that somebody waits for, and how long."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from dataclasses import dataclass

from reviewer.schema import Review
from reviewer.service.errors import BusyError
from reviewer.service.policy import Policy
from reviewer.service.queue import Event, Failed, Finished, RewriteText, Ticket, VerdictReached, Work
from reviewer.service.schemas import ReviewIn

# For the engine's last step after the deadline: a tenth of the usual one.
GRACE_S = 0.5


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the key (empty where none is needed) and its policy."""

    name: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Arrival:
    """When a request came, for record and cache: what is forgotten later keeps nothing of it."""

    at: float
    generation: int


@dataclass(frozen=True, slots=True)
class Pending:
    """A review that was let in; its events arrive in ``inbox``. It has no ticket if it was cached.

    Nobody waits for it beyond ``until``, a time of the event loop.
    """

    request_id: str
    caller: Caller
    asked: ReviewIn
    work: Work
    arrival: Arrival
    until: float
    inbox: asyncio.Queue[Event]
    ticket: Ticket | None


async def events_of(pending: Pending) -> AsyncIterator[Event]:
    """Yield events up to the last one, which says how it ended; when time is over, the verdict is all."""
    verdict: Review | None = None
    event: Event | None = None
    while not isinstance(event, Finished | Failed):
        event = await _next_event(pending)
        if event is None:
            event = Failed(_too_late(pending)) if verdict is None else Finished(verdict, in_time=False)
        if isinstance(event, VerdictReached):
            verdict = event.review
        yield event


async def _next_event(pending: Pending) -> Event | None:
    """Return the next event, None when time is over."""
    if not pending.inbox.empty():
        return pending.inbox.get_nowait()
    left_s = pending.until - asyncio.get_running_loop().time()
    with contextlib.suppress(TimeoutError):
        return await asyncio.wait_for(pending.inbox.get(), left_s)
    return None


def _too_late(pending: Pending) -> BusyError:
    retry = math.ceil(pending.work.deadline_ms / 1000)
    return BusyError(f"到时限还没有审完，请 {retry} 秒后再试。", retry_after_s=retry)


def replayed(review: Review) -> list[Event]:
    """Return the events of a review that is known already."""
    text = [RewriteText(review.rewrite.text)] if review.rewrite.text else []
    return [VerdictReached(review), *text, Finished(review, in_time=True)]
