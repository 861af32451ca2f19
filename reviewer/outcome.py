"""From findings to a verdict and a score, and to what leaves the program.

Source: severity and points of the catalogue (red blocks; five items priced by the scoring
regulation; the rest is this project's choice), precedence of the catalogue's ``yields_to``.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reviewer.rewriting import Offer, placeholders
from reviewer.schema import CauseOut, FindingOut, RewriteOut, RuleOut, SourceOut, SpanOut
from reviewer.types import SEVERITY_ORDER, Finding, Rule, Severity, Span, Verdict


@dataclass(frozen=True, slots=True)
class Adjustments:
    """What a team changes of the manual: severities by rule id, and rules that count nowhere."""

    severity: Mapping[str, Severity] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()

    def kept(self, rules: Sequence[Rule]) -> tuple[Rule, ...]:
        """Return the rules that are not disabled, as the manual has them."""
        return tuple(rule for rule in rules if rule.id not in self.disabled)

    def applied(self, rule: Rule) -> Rule:
        """Return ``rule`` with the team's severity."""
        severity = self.severity.get(rule.id)
        return rule if severity is None else replace(rule, severity=severity)


UNADJUSTED = Adjustments()


def settle(findings: Sequence[Finding], adjustments: Adjustments = UNADJUSTED) -> tuple[Finding, ...]:
    """Drop findings that yield to another one for the same words; gravest and likeliest first.

    Rules that yield to each other, round any number of corners, do not yield: nothing would be left.

    The manual's precedence goes with the manual's severities: where a team changed one of the two,
    nothing yields to what has become less grave.

    Args:
        findings: Of rules that are not disabled, with the team's severities.
        adjustments: Where these severities come from.
    """

    def wins(other: Finding, finding: Finding) -> bool:
        if adjustments.severity.keys().isdisjoint((other.rule.id, finding.rule.id)):
            return True
        return SEVERITY_ORDER[other.rule.severity] <= SEVERITY_ORDER[finding.rule.severity]

    below = {finding.rule.id: _all_below(finding.rule, findings) for finding in findings}
    kept = [
        finding
        for finding in findings
        if not any(
            other.rule.id in finding.rule.yields_to
            and finding.rule.id not in below[other.rule.id]
            and _same_words(finding.spans, other.spans)
            and wins(other, finding)
            for other in findings
        )
    ]
    return tuple(sorted(kept, key=lambda f: (SEVERITY_ORDER[f.rule.severity], -f.probability, f.rule.id)))


def verdict_of(findings: Sequence[Finding], unanswered: Sequence[Rule]) -> Verdict:
    """Return the verdict; without a finding it is pass only when no red or major rule is open."""
    if any(finding.rule.severity == "red" for finding in findings):
        return "block"
    if findings:
        return "revise"
    if any(rule.severity in ("red", "major") for rule in unanswered):
        return "not_assessed"
    return "pass"


def score_of(findings: Sequence[Finding], *, base: int) -> int:
    """Return ``base`` less the points of each incident, never below 0.

    Rules of one ``deduction`` group are one incident.
    """
    points: dict[str, int] = {}
    for finding in findings:
        group = finding.rule.deduction or finding.rule.id
        points[group] = max(points.get(group, 0), finding.rule.points)
    return max(0, base - sum(points.values()))


def finding_out(finding: Finding) -> FindingOut:
    """Return ``finding`` as it leaves the program."""
    rule = finding.rule
    return FindingOut(
        rule=RuleOut(
            id=rule.id,
            title=rule.title,
            severity=rule.severity,
            text=rule.text,
            source=SourceOut(document=rule.source.document, section=rule.source.section),
        ),
        probability=round(finding.probability, 4),
        spans=[_span_out(span) for span in finding.spans],
        reason=finding.reason,
        origin=finding.origin,
    )


def rewrite_out(
    offer: Offer | None, draft: str, *, approved: Collection[str] = (), why: str = ""
) -> RewriteOut:
    """Return ``offer`` as it leaves the program; ``why`` there is none, or no better one.

    What the draft itself has in brackets (``[图片]``) is not to be filled in, unless it is one of the
    placeholders of the ``approved`` wordings.
    """
    if offer is None:
        return RewriteOut(text="", status="none", note=why)
    verdict = offer.verdict
    own = set(placeholders(draft)).difference(approved)
    blanks = [blank for blank in dict.fromkeys(placeholders(offer.text)) if blank not in own]
    return RewriteOut(
        text=offer.text,
        status="verified" if verdict.verified else "unverified",
        origin=offer.origin,
        placeholders=blanks,
        causes=[CauseOut(rule=rule, span=_span_out(span)) for rule, span in offer.causes],
        findings=[finding_out(finding) for finding in verdict.findings],
        changed_facts=list(verdict.changed_facts),
        note=verdict.note if verdict.verified else "；".join(filter(None, (verdict.note, why))),
    )


def _all_below(rule: Rule, findings: Sequence[Finding]) -> set[str]:
    """Return the rules that ``rule`` yields to, directly or through others that were found."""
    rules = {finding.rule.id: finding.rule for finding in findings}
    seen: set[str] = set()
    left = [*rule.yields_to]
    while left:
        name = left.pop()
        if name in rules and name not in seen:
            seen.add(name)
            left += rules[name].yields_to
    return seen


def _same_words(left: Sequence[Span], right: Sequence[Span]) -> bool:
    return any(a.start < b.end and b.start < a.end for a in left for b in right)


def _span_out(span: Span) -> SpanOut:
    return SpanOut(start=span.start, end=span.end, text=span.text)
