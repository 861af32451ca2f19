"""What a team decides: gate, severities, rules switched off, numbers and facts."""

from pathlib import Path

import pytest

from reviewer.errors import SettingsError
from reviewer.manual.catalogue import Catalogue
from reviewer.outcome import UNADJUSTED, Adjustments
from reviewer.schema import NotAssessedOut, Review, ReviewRequest, RewriteOut
from reviewer.service.policy import (
    Gate,
    Policy,
    adjustments_of,
    gate_of,
    load_policies,
    with_policy_note,
    with_team_facts,
)
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


def test_rules_switched_off_are_named_in_the_notes() -> None:
    assert with_policy_note(red(), Policy(gate="never", facts=("包邮",))).notes == []
    assert with_policy_note(red(), Policy(disabled=("A01", "E01"))).notes == [
        "按团队设置停用的规则：A01、E01。"
    ]


def test_the_reviewer_is_told_severities_and_rules_switched_off() -> None:
    told = adjustments_of(Policy(gate="major", severity={"A01": "red"}, disabled=("A08",)))
    assert told == Adjustments({"A01": "red"}, frozenset({"A08"}))
    assert adjustments_of(Policy(gate="major")) == UNADJUSTED


def test_a_policy_within_a_manual_says_nothing_of_the_rules_of_another(catalogue: Catalogue) -> None:
    policy = Policy(severity={"A01": "red", "x1": "minor"}, disabled=("x2", "A08"), facts=("包邮",))
    assert policy.within(catalogue) == Policy(severity={"A01": "red"}, disabled=("A08",), facts=("包邮",))


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
    book = load_policies(path, {"default": catalogue})
    assert book.of("前台") == Policy(gate="minor", disabled=("A08",), severity={"A01": "major"})
    assert book.of("后台") == Policy(gate="major")
    assert book.of("别人") == Policy(gate="major", disabled=("A08",))
    assert load_policies(None, {"default": catalogue}).of("前台") == Policy()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("default: {gate: always}", "default.gate"),
        ("default: {off: [A01]}", "default"),
        ("keys: {前台: {disabled: [Z99]}}", "Z99"),
        ("keys: {前台: {severity: {Z99: red}}}", "Z99"),
        ("keys: {前台: {manual: 乙}}", "keys.前台 提到没有的手册“乙”；可用的有：default。"),
        ("default: [", "YAML"),
        ("- 1", "开头"),
        ("default: {public_numbers: [4008001234]}", "public_numbers.0 不可用：应是字符串。"),
        ("default: {per_minute: -1}", "per_minute 不可用：太小。"),
        ("default: {facts: [2025-02-30]}", "日期和号码请加引号"),
    ],
)
def test_a_faulty_file_is_one_line_that_says_where(
    tmp_path: Path, catalogue: Catalogue, text: str, where: str
) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=where) as refused:
        load_policies(path, {"default": catalogue})
    assert "\n" not in str(refused.value)


def test_a_missing_file_is_said_so(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(SettingsError, match="读不了"):
        load_policies(tmp_path / "none.yaml", {"default": catalogue})
