"""From findings to a verdict and a score.

Source: severity and points of the catalogue (red blocks; five items priced by the scoring
regulation; the rest is this project's choice), precedence of the catalogue's ``yields_to``.
"""

from collections.abc import Sequence

from reviewer.types import SEVERITY_ORDER, Finding, Rule, Span, Verdict


def settle(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Drop findings that yield to another one for the same words; gravest and likeliest first."""
    kept = [
        finding
        for finding in findings
        if not any(
            other.rule.id in finding.rule.yields_to and _same_words(finding.spans, other.spans)
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


def _same_words(left: Sequence[Span], right: Sequence[Span]) -> bool:
    return any(a.start < b.end and b.start < a.end for a in left for b in right)
