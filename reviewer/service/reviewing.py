"""From a request at the door to an answer that stands in the record."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from fastapi.sse import format_sse_event
from pydantic import BaseModel

from reviewer.checks import CheckSettings, run_checks
from reviewer.errors import InputError, ReviewerError
from reviewer.formats.escaping import json_text, one_line
from reviewer.grading.candidates import heard_among
from reviewer.request import conversation_of
from reviewer.resources import content_hash
from reviewer.schema import Review
from reviewer.service.answers import fault_of
from reviewer.service.cache import ReviewCache
from reviewer.service.errors import internal_error
from reviewer.service.keys import Keyring
from reviewer.service.limits import RateLimiter
from reviewer.service.manuals import Manual, Manuals
from reviewer.service.masking import mask
from reviewer.service.metrics import Metrics
from reviewer.service.pending import GRACE_S, Arrival, Caller, Pending, events_of, replayed
from reviewer.service.policy import (
    Policy,
    PolicyBook,
    adjustments_of,
    gate_of,
    with_policy_note,
    with_team_facts,
)
from reviewer.service.queue import (
    Event,
    Failed,
    Finished,
    ReviewQueue,
    RewriteText,
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


_Store = Callable[[Pending, Entry], None]


@dataclass(frozen=True, slots=True)
class ReviewService:
    """The parts of the service; used on the event loop, which it never blocks for long."""

    settings: Settings
    manuals: Manuals
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

    def charge(self, caller: Caller, cost: int, *, taken: int = 0) -> None:
        """Take ``cost`` requests off the rate of ``caller``, or put ``taken`` back.

        Raises:
            RateLimitedError: it asks too often.
        """
        self.limiter.take(caller.name, per_minute=self.per_minute(caller), cost=cost, taken=taken)

    def per_minute(self, caller: Caller) -> int:
        """Return how many requests ``caller`` may make a minute; 0 means as many as it likes."""
        own = caller.policy.per_minute
        return self.settings.serve_per_minute if own is None else own

    def arrive(self) -> Arrival:
        """Return the present moment."""
        return Arrival(self.record.now(), self.cache.generation)

    def manual_of(self, name: str, caller: Caller) -> Manual:
        """Return the manual ``name``; if that is empty, the one of the caller's policy, or the service's.

        Raises:
            InputError: there is none of that name.
        """
        return self.manuals.named(name or caller.policy.manual)

    def work_of(self, asked: ReviewIn, caller: Caller) -> Work:
        """Return what has to be done for ``asked``.

        Raises:
            InputError: the draft cannot be reviewed, or there is no such manual.
        """
        manual = self.manual_of(asked.manual, caller)
        request = with_team_facts(asked.request(), caller.policy)
        conversation_of(request)
        longest = self.settings.serve_deadline_ms
        return Work(
            request=request,
            # What writes is loaded only where the settings want rewrites.
            rewrite=self.settings.rewrite and asked.rewrite is not False,
            all_rules=asked.all_rules,
            deadline_ms=min(asked.deadline_ms or longest, longest),
            adjustments=adjustments_of(caller.policy.within(manual.catalogue)),
            manual=manual.key,
        )

    def begin(
        self, asked: ReviewIn, work: Work, caller: Caller, request_id: str, arrival: Arrival
    ) -> Pending:
        """Find ``work`` in the cache, or queue it.

        Raises:
            BusyError: the queue has no room, or the service is not ready.
            ReviewerError: the models could not be loaded.
        """
        inbox: asyncio.Queue[Event] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        until = loop.time() + work.deadline_ms / 1000 + GRACE_S
        known = self.cache.get(work, self.queue.require_ready(work.manual))
        if known is not None:
            self.metrics.source("cache")
            for event in replayed(known):
                inbox.put_nowait(event)
            return Pending(request_id, caller, asked, work, arrival, until, inbox, None)

        def hear(event: Event) -> None:
            # A loop that is closed has no client left to tell.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(inbox.put_nowait, event)

        ticket = self.queue.submit(work, hear)
        self.metrics.source("shared" if ticket.shared else "engine")
        return Pending(request_id, caller, asked, work, arrival, until, inbox, ticket)

    async def check(self, work: Work) -> list[CheckHit]:
        """Return what the deterministic checks find, gravest first: milliseconds, without the engine.

        To be asked before the work begins: the engine takes every core.
        """
        return await asyncio.to_thread(self._check, work)

    def leave(self, pending: Pending) -> None:
        """Say that nobody waits for ``pending`` any more."""
        if pending.ticket is not None:
            self.queue.leave(pending.ticket)

    async def answer(self, pending: Pending) -> Envelope:
        """Wait for the review, record it, and return it.

        Raises:
            BusyError: there is no verdict though its time is over.
            ReviewerError: the review failed, or could not be recorded.
        """
        try:
            *_, last = [event async for event in events_of(pending)]
            if isinstance(last, Finished):
                return await self._finish(pending, last, self._write)
            assert isinstance(last, Failed)
            raise last.error
        finally:
            self.leave(pending)

    async def stream(self, pending: Pending, hits: Sequence[CheckHit]) -> AsyncIterator[bytes]:
        """Yield server-sent events: checks, verdict, findings, rewrite…, done; or error at any point.

        Args:
            pending: What is waited for.
            hits: What ``check`` found.
        """
        try:
            yield _sse("checks", hits)
            async for event in events_of(pending):
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
            # A record without texts keeps nobody's words, not an agent's either.
            given = given.model_copy(update={"reason": "", "reply": ""})
        feedback = Feedback(given.rule, given.action, given.reason, given.reply)
        return await asyncio.to_thread(self.record.add_feedback, given.request_id, feedback)

    async def forget(self, conversation: str, caller: Caller) -> int:
        """Delete the reviews of a conversation, and what is in memory; return how many.

        Raises:
            StorageError: that was not possible.
        """
        try:
            deleted = await asyncio.to_thread(self.record.delete_conversation, conversation, key=caller.name)
        finally:
            # The cache does not know conversations; it refills.
            self.cache.clear()
        if deleted and not await asyncio.to_thread(self.record.fold):
            _logger.warning("已删除的记录还在数据库的日志文件里（另有程序正在读）；一小时内再清。")
        return deleted

    async def _tell(self, pending: Pending, event: Event) -> AsyncIterator[bytes]:
        if isinstance(event, Failed):
            raise event.error
        if isinstance(event, RewriteText):
            yield _sse("rewrite", {"text": event.text})
        elif isinstance(event, VerdictReached):
            early = await self._commit(pending, event.review, self._write)
            review = early.review
            verdict = VerdictOut(
                request_id=early.request_id, gate=early.gate, verdict=review.verdict, score=review.score
            )
            yield _sse("verdict", verdict)
            yield _sse("findings", review.findings)
        else:
            yield _sse("done", await self._finish(pending, event, self._update))

    async def _finish(self, pending: Pending, finished: Finished, store: _Store) -> Envelope:
        self.cache.put(pending.work, finished, generation=pending.arrival.generation)
        envelope = await self._commit(pending, finished.review, store)
        self.metrics.review(envelope.review.verdict, envelope.gate)
        await asyncio.to_thread(self._log, envelope)
        return envelope

    def _log(self, envelope: Envelope) -> None:
        """Log the outcome; the draft, masked, only where that is switched on."""
        review = envelope.review
        draft = f" 草稿={one_line(mask(review.draft))}" if self.settings.serve_log_text else ""
        _logger.info("%s 结论=%s 门=%s%s", envelope.request_id, review.verdict, envelope.gate, draft)

    async def _commit(self, pending: Pending, raw: Review, store: _Store) -> Envelope:
        """Apply the team's policy and put the outcome into the record."""
        policy = self._policy(pending)
        review = with_policy_note(raw, policy)
        envelope = Envelope(request_id=pending.request_id, gate=gate_of(review, policy), review=review)
        await asyncio.to_thread(store, pending, self._entry(pending, envelope))
        return envelope

    def _policy(self, pending: Pending) -> Policy:
        return pending.caller.policy.within(self.manuals.by_key[pending.work.manual].catalogue)

    def _write(self, pending: Pending, entry: Entry) -> None:
        self.record.write(entry, begun=pending.arrival.at)

    def _update(self, _pending: Pending, entry: Entry) -> None:
        self.record.update(entry)

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
            disabled=json.dumps(sorted(pending.work.adjustments.disabled)),
            manual=self.manuals.by_key[pending.work.manual].name,
        )

    def _check(self, work: Work) -> list[CheckHit]:
        manual = self.manuals.by_key[work.manual].catalogue
        conversation = conversation_of(work.request)
        applicable = work.adjustments.kept(manual.applicable(conversation))
        adjusted = work.adjustments.applied
        known = heard_among(applicable, conversation, adjusted).known
        rules = {rule.known_as: adjusted(rule) for rule in known}
        hits = [
            CheckHit(
                rule=rule.id,
                title=rule.title,
                severity=rule.severity,
                spans=[SpanHit(start=span.start, end=span.end, text=span.text) for span in hit.spans],
                reason=hit.reason,
            )
            for hit in run_checks(conversation, CheckSettings(self.settings.public_numbers))
            if (rule := rules.get(hit.rule_id)) is not None
        ]
        return sorted(hits, key=lambda hit: SEVERITY_ORDER[hit.severity])


def _sse(event: str, data: object) -> bytes:
    """Return one server-sent event; ``data`` is JSON on one line."""
    return format_sse_event(event=event, data_str=json_text(_plain(data)))


def _plain(data: object) -> object:
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if isinstance(data, list):
        return [_plain(each) for each in data]
    return data
