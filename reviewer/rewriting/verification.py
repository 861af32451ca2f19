"""Whether a proposed reply may be called verified.

A rewrite is verified only when it differs from the draft, was not cut short, was graded again on
every applicable rule without a finding, lost or invented no fact, and holds nothing that may not stand
beside the breach. Anything less is said.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from reviewer.rewriting.facts import FactChanges, compare_facts, extract_facts
from reviewer.rewriting.rewriter import Proposal
from reviewer.types import SEVERITY_ORDER, Finding, Span

_CUT_SHORT = {
    "stop": "改写没有写成一段完整的回复",
    "length": "改写过长，没有写完",
    "deadline": "时间到限，改写没有写完",
}
_KEPT = "改写里仍有“{}”"


@dataclass(frozen=True, slots=True)
class Regrading:
    """The findings of the proposed reply; ``complete`` when every applicable rule was answered."""

    findings: tuple[Finding, ...]
    complete: bool


class Recheck(Protocol):
    """Reviews a text as a draft in the same situation, by the same rules and checks."""

    def __call__(self, draft: str) -> Regrading:
        """Return what is wrong with ``draft``."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a proposed reply.

    ``note`` says in Chinese what neither the findings nor the changed facts say. ``judged`` when the
    rules were asked about it, or enough of them to find fault.
    """

    verified: bool
    findings: tuple[Finding, ...] = ()
    changed_facts: tuple[str, ...] = ()
    note: str = ""
    judged: bool = True

    @property
    def faults(self) -> tuple[int, ...]:
        """How bad it is, for comparing: whether it was judged, findings by gravity, facts, reservations."""
        severities = [finding.rule.severity for finding in self.findings]
        by_gravity = (severities.count(name) for name in SEVERITY_ORDER)
        return (not self.judged, *by_gravity, len(self.changed_facts), bool(self.note))


def verify(
    proposal: Proposal,
    draft: str,
    *,
    removable: Sequence[Span],
    banned: Sequence[Span],
    known: str,
    forbidden: Sequence[str] = (),
    recheck: Recheck,
) -> Verdict:
    """Judge ``proposal`` against ``draft``.

    Args:
        proposal: A reply with text.
        draft: What the agent wrote.
        removable: Spans of the draft whose facts may go, because a rule demands it.
        banned: Spans of the draft that may not stand in the reply.
        known: Text that the reply may take facts from: conversation, team facts, violated rules.
        forbidden: Patterns that a verified reply does not match, such as a sum beside a breach of authority.
        recheck: Reviews the proposed text.
    """
    if proposal.ended != "end":
        return Verdict(False, note=_CUT_SHORT[proposal.ended], judged=False)
    if _same(proposal.text, draft):
        return Verdict(False, note="改写与草稿相同，问题未改掉", judged=False)
    if kept := [span.text for span in banned if len(span.text) > 1 and span.text in proposal.text]:
        return Verdict(False, note=_KEPT.format(kept[0]), judged=False)
    changes = compare_facts(draft, proposal.text, removable=removable, known=known)
    regrading = recheck(proposal.text)
    facts = _changed(changes)
    notes = [] if regrading.complete else ["未能核对全部规则"]
    notes += [_KEPT.format(match[0]) for each in forbidden if (match := re.search(each, proposal.text))]
    if len(own := _work_numbers(proposal.text)) > 1 and not own <= _work_numbers(draft):
        notes.append(f"改写里有不止一个工号：{'、'.join(sorted(own))}")
    wrong = bool(regrading.findings or facts)
    judged = regrading.complete or wrong
    return Verdict(not (wrong or notes), regrading.findings, facts, "；".join(notes), judged)


def _work_numbers(text: str) -> set[str]:
    return {fact.value for fact in extract_facts(text) if fact.kind == "work_number"}


def _changed(changes: FactChanges) -> tuple[str, ...]:
    missing = [f"丢失：{fact.span.text}" for fact in changes.missing]
    invented = [f"新增：{fact.span.text}" for fact in changes.invented]
    return tuple(missing + invented)


def _same(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())
