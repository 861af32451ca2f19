"""Replies on offer: from the approved wordings first, verified and repaired, and the better of two."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from reviewer.deadline import Deadline
from reviewer.rewriting.mended import Mended
from reviewer.rewriting.mending import mend
from reviewer.rewriting.rewriter import Proposal
from reviewer.rewriting.verification import Demands, Verdict
from reviewer.rewriting.wordings import WordingBook
from reviewer.schema import RewriteOrigin
from reviewer.types import Conversation, Finding, Rule, Span

# The first reply and two repairs: what the third does not mend, a fourth does not either. The last resort
# comes after them.
_ROUNDS = 3
_NO_WORDINGS = "手册没有 {} 的批准说法"
_EMPTY = "去掉违规的话以后没有实质内容"


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
    past the deadline; so is one whose kept words do not pass by themselves. Where that does not help, the
    wordings stand alone beside what the draft says of facts and business.
    """
    lesson = _Lesson(list(findings))
    offers: list[Offer] = []
    for number in range(_ROUNDS + 1):
        if offers and deadline.expired:
            break
        bare = number == _ROUNDS or lesson.learned_out
        mended = lesson.mended(conversation, book, bare=bare)
        if mended.text in [conversation.draft, *(offer.text for offer in offers)]:
            if bare:
                break
            lesson.learned_out = True
            continue
        verdict = judge(Proposal(mended.text, "end"), mended)
        offers.append(_offer(mended, verdict))
        if offers[-1].verdict.verified or bare:
            break
        lesson.learn(verdict, mended, book)
    return better(*offers)


def demands_on(
    proposal: Proposal,
    mended: Mended,
    conversation: Conversation,
    findings: Sequence[Finding],
    book: WordingBook,
) -> Demands:
    """Return what ``proposal`` has to respect; ``mended`` is what the wordings make of the same draft.

    A check points exactly, the model only at whole clauses: what a check objects to may not stand. The
    manual's example wordings are no source of facts: their times and names are nobody's promise.
    """
    checked = [span for finding in findings if finding.origin == "check" for span in finding.spans]
    own = mended.text == proposal.text
    return Demands(
        removable=[*checked, *mended.dropped],
        banned=checked,
        known=known_to_agent(conversation, [finding.rule for finding in findings]),
        forbidden=[*mended.forbidden, *book.unsendable],
        rest=mended.rest.text if own else "",
        pointing=book.pointing,
        settled=mended.settled if own else (),
    )


def known_to_agent(conversation: Conversation, rules: Iterable[Rule]) -> str:
    """Return what a reply may take facts from besides the draft: conversation and broken ``rules``."""
    texts = [conversation.customer, *conversation.facts, conversation.agent_id]
    texts += [turn.text for turn in conversation.history]
    return "\n".join([*texts, *(rule.text for rule in rules)])


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
    if mended.empty:
        verdict = replace(verdict, verified=False, note=_EMPTY)
    causes = tuple((piece.rule, place) for place, piece in mended.places if piece.rule)
    return Offer(mended.text, "wordings", verdict, causes)


@dataclass
class _Lesson:
    """What is known to be wrong with the draft; it grows with every reply that does not pass.

    A rule that was already known has had a wording in vain, which ``attempts`` counts. ``suspect`` are
    parts of the draft that look like a red line, though nothing is found. ``learned_out`` when there is
    nothing new to try.
    """

    known: list[Finding]
    attempts: dict[str, int] = field(default_factory=dict)
    suspect: tuple[Span, ...] = ()
    learned_out: bool = False

    def mended(self, conversation: Conversation, book: WordingBook, *, bare: bool) -> Mended:
        return mend(conversation, self.known, book, attempts=self.attempts, suspect=self.suspect, bare=bare)

    def learn(self, verdict: Verdict, mended: Mended, book: WordingBook) -> None:
        """Take in what was found of the reply and of its rest, as findings of the draft."""
        for finding in verdict.findings:
            self._add(finding, mended, book)
        known = {each.rule.id for each in self.known}
        for finding in verdict.rest:
            if finding.rule.id in known:
                self._add(finding, mended.rest, book)
        # What nobody finds in draft or reply needs no wording: it only goes.
        doubted = [each for each in verdict.rest if each.rule.id not in known] + list(verdict.suspects)
        spans = (span for finding in doubted for span in finding.spans)
        self.suspect += tuple(own for span in spans for own in mended.rest.in_draft(span))
        self.learned_out = not (verdict.findings or verdict.rest or verdict.suspects)

    def _add(self, finding: Finding, mended: Mended, book: WordingBook) -> None:
        """Add one finding; where it points at a wording, it says nothing new of the draft but for a leak."""
        rule = finding.rule.id
        spans = tuple(span for own in finding.spans for span in mended.in_draft(own))
        before = next((each for each in self.known if each.rule.id == rule), None)
        if before is None:
            self.known.append(replace(finding, spans=spans))
            return
        points_at_wording = any(map(mended.is_new, finding.spans))
        if points_at_wording or set(spans).issubset(before.spans):
            self.attempts[rule] = self.attempts.get(rule, 0) + 1
        entry = book.get(rule)
        strict = entry is not None and entry.facts in ("contact", "extent")
        new = spans if strict or not points_at_wording else ()
        merged = sorted({*before.spans, *new}, key=lambda span: (span.start, span.end))
        self.known[self.known.index(before)] = replace(before, spans=tuple(merged))
