"""Whether a proposed reply may be called verified.

A rewrite is verified only when it differs from the draft, was not cut short, was graded again on
every applicable rule without a finding, lost or invented no fact, and holds nothing that may not stand
beside the breach. Anything less is said.
"""

import re
from collections.abc import Collection, Sequence
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
_REST_BREAKS = "保留的原话单独核对，仍不符合 {}"


@dataclass(frozen=True, slots=True)
class Regrading:
    """The findings of the proposed reply; ``complete`` when every applicable rule was answered.

    ``suspects`` are of red lines that are not violated by the thresholds, yet not unlikely either.
    """

    findings: tuple[Finding, ...]
    complete: bool
    suspects: tuple[Finding, ...] = ()


class Recheck(Protocol):
    """Reviews a text as a draft in the same situation, by the same rules and checks."""

    def __call__(self, draft: str) -> Regrading:
        """Return what is wrong with ``draft``."""
        ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is known about a proposed reply.

    ``note`` says in Chinese what neither the findings nor the changed facts say. ``judged`` when the
    rules were asked about it, or enough of them to find fault. ``rest`` are the findings, and ``suspects``
    the suspicions, of what the reply keeps of the draft; their spans stand in that text.
    """

    verified: bool
    findings: tuple[Finding, ...] = ()
    changed_facts: tuple[str, ...] = ()
    note: str = ""
    judged: bool = True
    rest: tuple[Finding, ...] = ()
    suspects: tuple[Finding, ...] = ()

    @property
    def faults(self) -> tuple[int, ...]:
        """How bad it is, for comparing: whether it was judged, findings by gravity, facts, reservations."""
        severities = [finding.rule.severity for finding in self.findings]
        by_gravity = (severities.count(name) for name in SEVERITY_ORDER)
        return (not self.judged, *by_gravity, len(self.changed_facts), bool(self.note))


@dataclass(frozen=True, slots=True)
class Demands:
    """What a verified reply to one draft has to respect.

    ``removable`` are spans of the draft whose facts may go, because a rule demands it; ``banned`` those that
    may not stand in the reply. ``known`` is text that it may take facts from: conversation, team facts,
    violated rules. ``forbidden`` are patterns that it does not match, such as a sum beside a breach of
    authority. ``rest`` is what it keeps of the draft, judged by itself when all else is in order, and by the
    rules ``pointing`` alone: those that words break, not what is missing. ``settled`` are the rules that an
    approved wording in the reply fulfils to the letter.
    """

    removable: Sequence[Span] = ()
    banned: Sequence[Span] = ()
    known: str = ""
    forbidden: Sequence[str] = ()
    rest: str = ""
    pointing: Collection[str] = ()
    settled: Collection[str] = ()


def verify(proposal: Proposal, draft: str, demands: Demands, *, recheck: Recheck) -> Verdict:
    """Judge ``proposal`` against ``draft``.

    Args:
        proposal: A reply with text.
        draft: What the agent wrote.
        demands: What the reply has to respect.
        recheck: Reviews a text.
    """
    if proposal.ended != "end":
        return Verdict(False, note=_CUT_SHORT[proposal.ended], judged=False)
    if _same(proposal.text, draft):
        return Verdict(False, note="改写与草稿相同，问题未改掉", judged=False)
    if kept := [span.text for span in demands.banned if len(span.text) > 1 and span.text in proposal.text]:
        return Verdict(False, note=_KEPT.format(kept[0]), judged=False)
    changes = compare_facts(draft, proposal.text, removable=demands.removable, known=demands.known)
    regrading = recheck(proposal.text)
    findings = tuple(each for each in regrading.findings if each.rule.id not in demands.settled)
    facts = _changed(changes)
    notes = [] if regrading.complete else ["未能核对全部规则"]
    notes += [
        _KEPT.format(match[0]) for each in demands.forbidden if (match := re.search(each, proposal.text))
    ]
    if len(own := _work_numbers(proposal.text)) > 1 and not own <= _work_numbers(draft):
        notes.append(f"改写里有不止一个工号：{'、'.join(sorted(own))}")
    wrong = bool(findings or facts)
    judged = regrading.complete or wrong
    verdict = Verdict(not (wrong or notes), findings, facts, "；".join(notes), judged)
    if not (verdict.verified and demands.rest):
        return verdict
    return _judged_alone(regrading if _same(demands.rest, proposal.text) else recheck(demands.rest), demands)


def _judged_alone(rest: Regrading, demands: Demands) -> Verdict:
    """Return the verdict on a reply in order, by what is found of its ``rest``."""
    broken = tuple(each for each in rest.findings if each.rule.id in demands.pointing and each.spans)
    if not (broken or rest.suspects):
        return Verdict(True)
    rules = dict.fromkeys(each.rule.id for each in (*broken, *rest.suspects))
    note = _REST_BREAKS.format("、".join(rules))
    return Verdict(False, note=note, rest=broken, suspects=rest.suspects)


def _work_numbers(text: str) -> set[str]:
    return {fact.value for fact in extract_facts(text) if fact.kind == "work_number"}


def _changed(changes: FactChanges) -> tuple[str, ...]:
    missing = [f"丢失：{fact.span.text}" for fact in changes.missing]
    invented = [f"新增：{fact.span.text}" for fact in changes.invented]
    return tuple(missing + invented)


def _same(left: str, right: str) -> bool:
    return "".join(left.split()) == "".join(right.split())
