"""From a request at the door to an answer that stands in the record."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from reviewer.checks import CheckSettings, run_checks
from reviewer.errors import InputError, ReviewerError
from reviewer.formats.escaping import json_text, one_line
from reviewer.manual.catalogue import Catalogue
from reviewer.request import conversation_of
from reviewer.resources import content_hash
from reviewer.schema import Review
from reviewer.service.answers import fault_of
from reviewer.service.cache import ReviewCache
from reviewer.service.errors import internal_error
from reviewer.service.keys import Keyring
from reviewer.service.limits import RateLimiter
from reviewer.service.masking import mask
from reviewer.service.metrics import Metrics
from reviewer.service.policy import Policy, PolicyBook, apply_policy, gate_of, with_team_facts
from reviewer.service.queue import (
    Event,
    Failed,
    Finished,
    ReviewQueue,
    RewriteText,
    Ticket,
    VerdictReached,
    Work,
)
from reviewer.service.record import Entry, Feedback, Record
from reviewer.service.schemas import (
    CheckHit,
    Envelope,
    ErrorOut,
    FeedbackIn,
    ReviewIn,
    SpanHit,
    VerdictOut,
)
from reviewer.settings import Settings
from reviewer.types import SEVERITY_ORDER, Conversation

_logger = logging.getLogger(__name__)
_EXERCISES_THE_CHECKS = "您好，王师傅的手机是13800138000。"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of the key (empty where none is needed) and its policy."""

    name: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Pending:
    """A review that was let in; its events arrive in ``inbox``. It has no ticket if it was cached."""

    request_id: str
    caller: Caller
    asked: ReviewIn
    work: Work
    inbox: asyncio.Queue[Event]
    ticket: Ticket | None


@dataclass(frozen=True, slots=True)
class ReviewService:
    """The parts of the service; used on the event loop, which it never blocks for long."""

    settings: Settings
    catalogue: Catalogue
    policies: PolicyBook
    keyring: Keyring
    limiter: RateLimiter
    queue: ReviewQueue
    cache: ReviewCache
    record: Record
    metrics: Metrics

    def warm_up(self) -> None:
        """Load the tables of the checks, so that the first client does not pay for them."""
        run_checks(Conversation(draft=_EXERCISES_THE_CHECKS), CheckSettings())

    def let_in(self, secret: str | None) -> Caller:
        """Return who brings the key ``secret``, and take one request off its rate.

        Raises:
            AccessError: the key is missing or not valid.
            RateLimitedError: it asks too often.
        """
        name = self.keyring.name_of(secret)
        caller = Caller(name, self.policies.of(name))
        self.charge(caller, 1)
        return caller

    def charge(self, caller: Caller, cost: int) -> None:
        """Take ``cost`` requests off the rate of ``caller``.

        Raises:
            RateLimitedError: it asks too often.
        """
        own = caller.policy.per_minute
        per_minute = self.settings.serve_per_minute if own is None else own
        self.limiter.take(caller.name, per_minute=per_minute, cost=cost)

    def work_of(self, asked: ReviewIn, caller: Caller) -> Work:
        """Return what has to be done for ``asked``.

        Raises:
            InputError: the draft cannot be reviewed.
        """
        request = with_team_facts(asked.request(), caller.policy)
        conversation_of(request)
        longest = self.settings.serve_deadline_ms
        return Work(
            request=request,
            rewrite=self.settings.rewrite if asked.rewrite is None else asked.rewrite,
            all_rules=asked.all_rules,
            deadline_ms=min(asked.deadline_ms or longest, longest),
        )

    def begin(self, asked: ReviewIn, work: Work, caller: Caller, request_id: str) -> Pending:
        """Find ``work`` in the cache, or queue it.

        Raises:
            BusyError: the queue has no room, or the service is not ready.
            ReviewerError: the models could not be loaded.
        """
        inbox: asyncio.Queue[Event] = asyncio.Queue()
        known = self.cache.get(work, self.queue.require_ready())
        if known is not None:
            self.metrics.source("cache")
            for event in _replayed(known):
                inbox.put_nowait(event)
            return Pending(request_id, caller, asked, work, inbox, None)
        loop = asyncio.get_running_loop()

        def hear(event: Event) -> None:
            # A loop that is closed has no client left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(inbox.put_nowait, event)

        ticket = self.queue.submit(work, hear)
        self.metrics.source("shared" if ticket.shared else "engine")
        return Pending(request_id, caller, asked, work, inbox, ticket)

    def leave(self, pending: Pending) -> None:
        """Say that nobody waits for ``pending`` any more."""
        if pending.ticket is not None:
            self.queue.leave(pending.ticket)

    async def answer(self, pending: Pending) -> Envelope:
        """Wait for the review, record it, and return it.

        Raises:
            ReviewerError: the review failed, or could not be recorded.
        """
        try:
            while True:
                event = await pending.inbox.get()
                if isinstance(event, Finished):
                    return await self._finish(pending, event)
                if isinstance(event, Failed):
                    raise event.error
        finally:
            self.leave(pending)

    async def stream(self, pending: Pending) -> AsyncIterator[bytes]:
        """Yield server-sent events: checks, verdict, findings, rewrite…, done; or error at any point."""
        try:
            yield _sse("checks", await asyncio.to_thread(self._check, pending))
            event: Event | None = None
            while not isinstance(event, Finished | Failed):
                event = await pending.inbox.get()
                async for piece in self._tell(pending, event):
                    yield piece
        except Exception as error:
            fault = error if isinstance(error, ReviewerError) else internal_error(error)
            yield _sse("error", ErrorOut(request_id=pending.request_id, error=fault_of(fault)))
        finally:
            self.leave(pending)

    async def add_feedback(self, given: FeedbackIn, caller: Caller) -> int:
        """Record what an agent made of a review, and return its number.

        Raises:
            UnknownReviewError: the caller has no such review.
            InputError: it does not fit the review.
            StorageError: it could not be recorded.
        """
        entry = await asyncio.to_thread(self.record.find, given.request_id, key=caller.name)
        found = [finding["rule"] for finding in json.loads(entry.findings)]
        if given.rule and given.rule not in found:
            raise InputError(f"这次审核没有指出规则 {given.rule}；指出的是：{'、'.join(found) or '无'}。")
        if given.action == "overruled" and not given.reason.strip():
            raise InputError("不采纳（overruled）时请在 reason 里写明理由。")
        if given.action == "overruled" and not found:
            raise InputError("这次审核没有指出问题，没有可以不采纳的。")
        if entry.request is None:
            # A record without texts keeps no reply, and of a reason nothing personal.
            given = given.model_copy(update={"reason": mask(given.reason), "reply": ""})
        feedback = Feedback(given.rule, given.action, given.reason, given.reply)
        return await asyncio.to_thread(self.record.add_feedback, given.request_id, feedback)

    async def forget(self, conversation: str, caller: Caller) -> int:
        """Delete the reviews of a conversation, and what is in memory; return how many.

        Raises:
            StorageError: that was not possible.
        """
        # The cache does not know conversations; it refills.
        self.cache.clear()
        return await asyncio.to_thread(self.record.delete_conversation, conversation, key=caller.name)

    async def _tell(self, pending: Pending, event: Event) -> AsyncIterator[bytes]:
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, RewriteText):
            yield _sse("rewrite", {"text": event.text})
        elif isinstance(event, VerdictReached):
            early = await self._commit(pending, event.review)
            review = early.review
            verdict = VerdictOut(
                request_id=early.request_id, gate=early.gate, verdict=review.verdict, score=review.score
            )
            yield _sse("verdict", verdict)
            yield _sse("findings", review.findings)
        else:
            yield _sse("done", await self._finish(pending, event))

    async def _finish(self, pending: Pending, finished: Finished) -> Envelope:
        self.cache.put(pending.work, finished)
        envelope = await self._commit(pending, finished.review)
        self.metrics.review(envelope.review.verdict, envelope.gate)
        self._log(envelope)
        return envelope

    def _log(self, envelope: Envelope) -> None:
        """Log the outcome; the draft, masked, only where that is switched on."""
        review = envelope.review
        draft = f" 草稿={one_line(mask(review.draft))}" if self.settings.serve_log_text else ""
        _logger.info("%s 结论=%s 门=%s%s", envelope.request_id, review.verdict, envelope.gate, draft)

    async def _commit(self, pending: Pending, raw: Review) -> Envelope:
        """Apply the team's policy and put the outcome into the record."""
        policy = pending.caller.policy
        review = apply_policy(raw, policy, self.catalogue)
        envelope = Envelope(request_id=pending.request_id, gate=gate_of(review, policy), review=review)
        await asyncio.to_thread(self.record.write, self._entry(pending, envelope))
        return envelope

    def _entry(self, pending: Pending, envelope: Envelope) -> Entry:
        review = envelope.review
        findings = [
            {
                "rule": finding.rule.id,
                "severity": finding.rule.severity,
                "probability": finding.probability,
                "origin": finding.origin,
                "spans": [[span.start, span.end] for span in finding.spans],
            }
            for finding in review.findings
        ]
        keeps_text = self.settings.serve_record_text
        return Entry(
            id=envelope.request_id,
            key=pending.caller.name,
            conversation=pending.asked.conversation_id,
            request_hash=pending.work.content_key,
            draft_hash=content_hash(review.draft.encode()),
            versions=review.versions.model_dump_json(),
            verdict=review.verdict,
            gate=envelope.gate,
            score=review.score,
            findings=json.dumps(findings),
            not_assessed=json.dumps([entry.rule for entry in review.not_assessed]),
            timing_ms=json.dumps(review.timing_ms),
            request=pending.work.request.model_dump_json() if keeps_text else None,
        )

    def _check(self, pending: Pending) -> list[CheckHit]:
        """Return what the deterministic checks find, gravest first: milliseconds, without the engine."""
        policy = pending.caller.policy
        conversation = conversation_of(pending.work.request)
        rules = {rule.id: rule for rule in self.catalogue.applicable(conversation)}
        hits = [
            CheckHit(
                rule=hit.rule_id,
                title=rules[hit.rule_id].title,
                severity=policy.severity.get(hit.rule_id, rules[hit.rule_id].severity),
                spans=[SpanHit(start=span.start, end=span.end, text=span.text) for span in hit.spans],
                reason=hit.reason,
            )
            for hit in run_checks(conversation, CheckSettings(self.settings.public_numbers))
            if hit.rule_id in rules and hit.rule_id not in policy.disabled
        ]
        return sorted(hits, key=lambda hit: SEVERITY_ORDER[hit.severity])


def _replayed(review: Review) -> list[Event]:
    """Return the events of a review that is known already."""
    text = [RewriteText(review.rewrite.text)] if review.rewrite.text else []
    return [VerdictReached(review), *text, Finished(review, in_time=True)]


def _sse(event: str, data: object) -> bytes:
    """Return one server-sent event; ``data`` is JSON on one line."""
    return format_sse_event(event=event, data_str=json_text(_plain(data)))


def _plain(data: object) -> object:
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if isinstance(data, list):
        return [_plain(each) for each in data]
    return data
