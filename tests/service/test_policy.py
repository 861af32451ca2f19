"""What a team decides: gate, severities, rules switched off, numbers and facts."""

from pathlib import Path

import pytest

from reviewer.errors import SettingsError
from reviewer.manual.catalogue import Catalogue
from reviewer.schema import NotAssessedOut, Review, ReviewRequest, RewriteOut
from reviewer.service.policy import Gate, Policy, apply_policy, gate_of, load_policies, with_team_facts
from reviewer.settings import FailOn
from reviewer.types import Severity
from tests.formats.reviews import make_finding, make_review
from tests.service.fakes import CLEAN, FAMILIAR, RED, REWRITE


def red() -> Review:
    return make_review(RED, [make_finding(RED, "个人账户", rule="E03", severity="red")])


def minor(*, open_rule: tuple[str, Severity] | None = None) -> Review:
    late = [NotAssessedOut(rule=open_rule[0], severity=open_rule[1], why="到时限")] if open_rule else []
    return make_review(
        FAMILIAR,
        [make_finding(FAMILIAR, "你")],
        not_assessed=late,
        rewrite=RewriteOut(text=REWRITE, status="verified"),
    )


def clean(*, open_severity: Severity | None = None) -> Review:
    late = [NotAssessedOut(rule="D01", severity=open_severity, why="到时限")] if open_severity else []
    return make_review(CLEAN, not_assessed=late)


@pytest.mark.parametrize(
    ("review", "level", "gate"),
    [
        (red(), "red", "block"),
        (red(), "never", "advise"),
        (minor(), "red", "advise"),
        (minor(), "major", "advise"),
        (minor(), "minor", "block"),
        (minor(open_rule=("E01", "red")), "red", "not_assessed"),
        (minor(open_rule=("E01", "red")), "minor", "block"),
        (minor(open_rule=("A08", "minor")), "red", "advise"),
        (clean(), "red", "pass"),
        (clean(), "minor", "pass"),
        (clean(open_severity="red"), "never", "not_assessed"),
        (clean(open_severity="minor"), "red", "not_assessed"),
    ],
)
def test_gate(review: Review, level: FailOn, gate: Gate) -> None:
    assert gate_of(review, Policy(gate=level)) == gate


def test_no_policy_changes_nothing(catalogue: Catalogue) -> None:
    review = red()
    assert apply_policy(review, Policy(gate="never", facts=("包邮",)), catalogue) is review


def test_a_rule_switched_off_counts_nowhere(catalogue: Catalogue) -> None:
    review = apply_policy(minor(open_rule=("E01", "red")), Policy(disabled=("A01", "E01")), catalogue)
    assert (review.verdict, review.score, review.findings) == ("pass", 100, [])
    assert review.not_assessed == []
    assert "A01" not in review.assessed
    assert review.rewrite.status == "none"
    assert "A01、E01" in review.notes[-1]


def test_a_raised_severity_reaches_verdict_order_and_gate(catalogue: Catalogue) -> None:
    draft = "你把钱转我个人账户。"
    review = make_review(
        draft,
        [make_finding(draft, "个人账户", rule="E03", severity="red"), make_finding(draft, "你")],
    )
    policy = Policy(severity={"A01": "red", "E03": "minor"})
    changed = apply_policy(review, policy, catalogue)
    assert [(f.rule.id, f.rule.severity) for f in changed.findings] == [("A01", "red"), ("E03", "minor")]
    assert (changed.verdict, gate_of(changed, policy)) == ("block", "block")
    assert changed.findings[0].spans == review.findings[1].spans


def test_a_lowered_severity_of_an_open_rule_lets_a_draft_pass_the_verdict_only(catalogue: Catalogue) -> None:
    policy = Policy(severity={"D01": "minor"})
    changed = apply_policy(clean(open_severity="major"), policy, catalogue)
    assert (changed.verdict, gate_of(changed, policy)) == ("pass", "not_assessed")


def test_a_rewrite_is_not_blamed_for_a_rule_switched_off(catalogue: Catalogue) -> None:
    draft = "你把钱转我个人账户。"
    review = make_review(
        draft,
        [make_finding(draft, "个人账户", rule="E03", severity="red"), make_finding(draft, "你")],
        rewrite=RewriteOut(text=FAMILIAR, status="unverified", findings=[make_finding(FAMILIAR, "你")]),
    )
    rewrite = apply_policy(review, Policy(disabled=("A01",)), catalogue).rewrite
    assert rewrite.findings == []
    assert rewrite.note == "改写只违反已停用的规则"


def test_facts_and_numbers_of_the_team_come_first() -> None:
    policy = Policy(public_numbers=("400-800-1234", "95588"), facts=("全场包邮",))
    request = with_team_facts(ReviewRequest(draft="好", facts=["客户是会员"]), policy)
    assert request.facts == ["可以对外公布的号码：400-800-1234、95588", "全场包邮", "客户是会员"]


def test_a_key_takes_from_the_default_what_it_leaves_open(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "default: {gate: major, disabled: [A08]}\n"
        "keys:\n  前台: {gate: minor, severity: {A01: major}}\n  后台: {disabled: []}\n",
        encoding="utf-8",
    )
    book = load_policies(path, catalogue)
    assert book.of("前台") == Policy(gate="minor", disabled=("A08",), severity={"A01": "major"})
    assert book.of("后台") == Policy(gate="major")
    assert book.of("别人") == Policy(gate="major", disabled=("A08",))
    assert load_policies(None, catalogue).of("前台") == Policy()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("default: {gate: always}", "default.gate"),
        ("default: {off: [A01]}", "default"),
        ("keys: {前台: {disabled: [Z99]}}", "Z99"),
        ("keys: {前台: {severity: {Z99: red}}}", "Z99"),
        ("default: [", "YAML"),
        ("- 1", "开头"),
        ("default: {public_numbers: [4008001234]}", "public_numbers"),
    ],
)
def test_a_faulty_file_is_one_line_that_says_where(
    tmp_path: Path, catalogue: Catalogue, text: str, where: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=where) as refused:
        load_policies(path, catalogue)
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_said_so(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(SettingsError, match="读不了"):
        load_policies(tmp_path / "none.yaml", catalogue)
