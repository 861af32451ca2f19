"""Precedence, verdict and score."""

from dataclasses import replace

import pytest

from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import Adjustments, score_of, settle, verdict_of
from reviewer.types import Finding, Severity, Span


def finding(catalogue: Catalogue, rule_id: str, *, span: tuple[int, int] = (0, 2), p: float = 0.9) -> Finding:
    spans = (Span(*span, "文" * (span[1] - span[0])),) if span[1] > span[0] else ()
    return Finding(catalogue.rule(rule_id), p, spans, "", "grader")


def test_a_rule_yields_to_another_for_the_same_words(catalogue: Catalogue) -> None:
    kept = settle([finding(catalogue, "C06"), finding(catalogue, "C05")])
    assert [f.rule.id for f in kept] == ["C05"]


def test_a_rule_does_not_yield_for_other_words(catalogue: Catalogue) -> None:
    kept = settle([finding(catalogue, "C06", span=(4, 6)), finding(catalogue, "C05")])
    assert [f.rule.id for f in kept] == ["C05", "C06"]


@pytest.mark.parametrize(
    ("severity", "kept"),
    [
        ({}, ["A05"]),
        ({"A05": "minor"}, ["A03", "A05"]),
        ({"A05": "major"}, ["A05"]),
        ({"A03": "red"}, ["A05"]),
        ({"A03": "red", "A05": "major"}, ["A03", "A05"]),
        ({"A01": "red"}, ["A05"]),
    ],
)
def test_nothing_yields_to_what_a_team_made_less_grave(
    catalogue: Catalogue, severity: dict[str, Severity], kept: list[str]
) -> None:
    """The manual: A03 (major) yields to A05 (red)."""
    team = Adjustments(severity)
    found = [replace(f, rule=team.applied(f.rule)) for f in (finding(catalogue, r) for r in ("A03", "A05"))]
    assert [f.rule.id for f in settle(found, team)] == kept


def test_the_manuals_own_precedence_may_favour_the_less_grave(catalogue: Catalogue) -> None:
    """C11 (major) yields to C03 (minor): the same words, the closer rule."""
    assert [f.rule.id for f in settle([finding(catalogue, "C11"), finding(catalogue, "C03")])] == ["C03"]


@pytest.mark.parametrize(
    "yields",
    [
        {"A01": ("A01",)},
        {"A01": ("A02",), "A02": ("A01",)},
        {"A01": ("A02",), "A02": ("A03",), "A03": ("A01",)},
    ],
)
def test_rules_that_yield_in_a_circle_all_stand(
    catalogue: Catalogue, yields: dict[str, tuple[str, ...]]
) -> None:
    found = [finding(catalogue, rule) for rule in yields]
    circle = [replace(f, rule=replace(f.rule, yields_to=yields[f.rule.id])) for f in found]
    assert {f.rule.id for f in settle(circle)} == set(yields)


def test_findings_are_ordered_by_severity_then_probability(catalogue: Catalogue) -> None:
    kept = settle(
        [
            finding(catalogue, "A01", p=0.99),
            finding(catalogue, "B01", p=0.6),
            finding(catalogue, "B03", p=0.8),
            finding(catalogue, "E01", p=0.5, span=(8, 9)),
        ]
    )
    assert [f.rule.id for f in kept] == ["E01", "B03", "B01", "A01"]


@pytest.mark.parametrize(
    ("found", "unanswered", "expected"),
    [
        ([], [], "pass"),
        (["A01"], [], "revise"),
        (["A01", "E01"], [], "block"),
        (["E01"], ["A02"], "block"),
        (["A01"], ["E01"], "revise"),
        ([], ["A02"], "not_assessed"),
        ([], ["E01"], "not_assessed"),
        ([], ["A01"], "pass"),
    ],
)
def test_verdict(catalogue: Catalogue, found: list[str], unanswered: list[str], expected: str) -> None:
    findings = [finding(catalogue, rule_id) for rule_id in found]
    assert verdict_of(findings, [catalogue.rule(rule_id) for rule_id in unanswered]) == expected


def test_score_deducts_one_incident_once(catalogue: Catalogue) -> None:
    """A03 and A04 are one priced item: 100 - 10; A01 costs 5 more."""
    both = [finding(catalogue, "A03"), finding(catalogue, "A04")]
    assert score_of(both, base=100) == 90
    assert score_of([*both, finding(catalogue, "A01")], base=100) == 85


def test_score_never_falls_below_zero(catalogue: Catalogue) -> None:
    assert score_of([finding(catalogue, "E01"), finding(catalogue, "A01")], base=100) == 0
    many = [replace(finding(catalogue, "B01"), rule=replace(catalogue.rule("B01"), points=1000))]
    assert score_of(many, base=100) == 0
