"""Builds reviews for the tests of the formats."""

from collections.abc import Sequence

from reviewer.formats.rows import FileReview, Row
from reviewer.schema import (
    FindingOut,
    NotAssessedOut,
    Review,
    RewriteOut,
    RuleOut,
    SourceOut,
    SpanOut,
    VersionsOut,
)
from reviewer.types import Origin, Severity, Verdict

NO_REWRITE = RewriteOut(text="", status="none")
_SCORES: dict[Severity, int] = {"red": 100, "major": 10, "minor": 5}
_VERSIONS = VersionsOut(
    app="0.1.0",
    manual="1111111111111111",
    index="2222222222222222",
    model="3333333333333333",
    adapter="",
    classifier="",
    prompts="4444444444444444",
    calibration="5555555555555555",
)


def make_finding(
    draft: str,
    *clauses: str | tuple[int, int],
    rule: str = "A01",
    title: str = "敬语称谓",
    severity: Severity = "minor",
    text: str = "全程用“您”称呼客户。",
    reason: str = "用“你”称呼客户。",
    probability: float = 0.9,
    origin: Origin = "grader",
) -> FindingOut:
    """Return a finding on ``clauses`` of ``draft``: texts (the first place each stands at) or offsets."""
    bounds = [
        (draft.index(clause), draft.index(clause) + len(clause)) if isinstance(clause, str) else clause
        for clause in clauses
    ]
    return FindingOut(
        rule=RuleOut(
            id=rule,
            title=title,
            severity=severity,
            text=text,
            source=SourceOut(document="服务规范", section=f"{rule} {title}"),
        ),
        probability=probability,
        spans=[SpanOut(start=start, end=end, text=draft[start:end]) for start, end in bounds],
        reason=reason,
        origin=origin,
    )


def make_review(
    draft: str = "您好，请稍等。",
    findings: Sequence[FindingOut] = (),
    *,
    rewrite: RewriteOut = NO_REWRITE,
    not_assessed: Sequence[NotAssessedOut] = (),
    verdict: Verdict | None = None,
    notes: Sequence[str] = (),
) -> Review:
    """Return a valid review whose verdict and score follow from its parts unless given."""
    severities = [finding.rule.severity for finding in findings]
    if verdict is None:
        serious = any(entry.severity != "minor" for entry in not_assessed)
        clean: Verdict = "not_assessed" if serious else "pass"
        verdict = "block" if "red" in severities else "revise" if severities else clean
    score = max(0, 100 - sum(_SCORES[severity] for severity in severities))
    return Review(
        schema_name="reviewer.review/1",
        verdict=verdict,
        score=None if verdict == "not_assessed" else score,
        draft=draft,
        findings=list(findings),
        rewrite=rewrite,
        assessed=sorted({finding.rule.id for finding in findings} | {"A05", "D02"}),
        not_assessed=list(not_assessed),
        not_applicable=["C01", "C08"],
        notes=list(notes),
        timing_ms={"checks": 2.0, "grade": 812.4, "total": 1234.5},
        versions=_VERSIONS,
    )


def make_file(*rows: tuple[int, str, Review]) -> FileReview:
    """Return what came of ``rows``: line, text, review; the id is r and the line."""
    file = FileReview("replies/a.csv")
    for line, text, review in rows:
        file.add(Row(f"r{line}", line, text), review)
    return file
