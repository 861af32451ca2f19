"""Replies on offer: from the approved wordings first, verified and repaired, and the better of two."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from reviewer.deadline import Deadline
from reviewer.rewriting.mending import Mended, mend
from reviewer.rewriting.rewriter import Proposal
from reviewer.rewriting.verification import Verdict
from reviewer.rewriting.wordings import WordingBook
from reviewer.schema import RewriteOrigin
from reviewer.types import Conversation, Finding, Span

# The first reply and two repairs: what the third does not mend, a fourth does not either.
_ROUNDS = 3
_NO_WORDINGS = "手册没有 {} 的批准说法"


class Judge(Protocol):
    """Verifies a proposal in the situation of one draft."""

    def __call__(self, proposal: Proposal, mended: Mended) -> Verdict:
        """Judge ``proposal``; ``mended`` says which facts may go and what may not stand in it."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A reply, who wrote it and what its verification said.

    ``causes`` are the parts of ``text`` that a rule put in or changed, with the rule's id, in order.
    """

    text: str
    origin: RewriteOrigin
    verdict: Verdict
    causes: tuple[tuple[str, Span], ...] = ()


def mend_and_verify(
    conversation: Conversation,
    findings: Sequence[Finding],
    book: WordingBook,
    *,
    judge: Judge,
    deadline: Deadline,
) -> Offer | None:
    """Return the best reply that the approved wordings give, None when they have nothing to say.

    A reply that breaks further rules is mended again with these, from the draft, at most twice and not
    past the deadline.
    """
    known = list(findings)
    attempts: dict[str, int] = {}
    offers: list[Offer] = []
    for _ in range(_ROUNDS):
        if offers and deadline.expired:
            break
        mended = mend(conversation, known, book, attempts=attempts)
        if mended.text in [conversation.draft, *(offer.text for offer in offers)]:
            break
        verdict = judge(Proposal(mended.text, "end"), mended)
        offers.append(_offer(mended, verdict))
        if verdict.verified or not verdict.findings:
            break
        known = _learn(known, verdict.findings, mended, book, attempts)
    return better(*offers)


def better(*offers: Offer | None) -> Offer | None:
    """Return the verified offer or the one with the fewest and lightest faults; the earlier of equals."""
    made = [offer for offer in offers if offer is not None]
    return min(made, key=lambda offer: (not offer.verdict.verified, offer.verdict.faults), default=None)


def _offer(mended: Mended, verdict: Verdict) -> Offer:
    if mended.speechless and not verdict.verified:
        missing = _NO_WORDINGS.format("、".join(mended.speechless))
        verdict = replace(verdict, note="；".join(filter(None, (verdict.note, missing))))
    if mended.lost:
        lost = tuple(f"丢失：{span.text}" for span in mended.lost)
        verdict = replace(verdict, verified=False, changed_facts=(*verdict.changed_facts, *lost))
    causes = tuple((piece.rule, place) for place, piece in mended.places if piece.rule)
    return Offer(mended.text, "wordings", verdict, causes)


def _learn(
    known: Sequence[Finding],
    found: Sequence[Finding],
    mended: Mended,
    book: WordingBook,
    attempts: dict[str, int],
) -> list[Finding]:
    """Return ``known`` with what was found of the reply, as findings of the draft.

    A rule that was already known has had a wording in vain, which ``attempts`` counts; where it points
    at that wording, it says nothing new of the draft, unless it is about a leak.
    """
    merged = {finding.rule.id: finding for finding in known}
    for finding in found:
        rule = finding.rule.id
        spans = tuple(span for own in finding.spans for span in mended.in_draft(own))
        before = merged.get(rule)
        if before is not None:
            attempts[rule] = attempts.get(rule, 0) + 1
            entry = book.get(rule)
            strict = entry is not None and entry.facts in ("contact", "extent")
            new = spans if strict or not any(map(mended.is_new, finding.spans)) else ()
            spans = tuple(sorted({*before.spans, *new}, key=lambda span: (span.start, span.end)))
        merged[rule] = replace(before or finding, spans=spans)
    return list(merged.values())
