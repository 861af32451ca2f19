"""The shipped manual: complete, and the same in Markdown and catalogue."""

import re
from collections import Counter

import pytest

from reviewer.manual.catalogue import Catalogue
from reviewer.manual.markdown import Section
from reviewer.types import Rule

SEVERITIES = {
    "red": "A05 D02 E01 E03",
    "major": "A02 A03 A04 A06 B01 B02 B03 B05 C02 C05 C07 C11 D01 D03 D04 E02 S06 S08",
    "minor": "A01 A07 A08 A09 B04 B06 B07 B08 C01 C03 C04 C06 C08 C09 C10 "
    "S02 S03 S04 S05 S07 S09 S10 S11 S12",
}
SEVERITY_OF = {rule_id: severity for severity, ids in SEVERITIES.items() for rule_id in ids.split()}
RULE_IDS = sorted(SEVERITY_OF)

LEVELS = {"red": "红线（不得发送）", "major": "重要（扣 10 分）", "minor": "轻微（扣 5 分）"}
STAGES = {
    ("opening",): "开场",
    ("closing",): "收尾",
    ("opening", "middle", "closing"): "全部",
}
CHANNELS = {("phone",): "电话", ("online", "phone"): "全部"}
REFERENCE = "参考：不能从一条回复中检查，不作为判定依据。"
ABOUT = "说明：本节讲手册本身怎样使用，不作为判定依据。"


def section_of(catalogue: Catalogue, rule: Rule) -> Section:
    (section,) = [section for section in catalogue.sections if section.rule_id == rule.id]
    return section


def test_the_46_rules_have_their_severities(catalogue: Catalogue) -> None:
    assert len(SEVERITY_OF) == 46
    assert [rule.id for rule in catalogue.rules] == RULE_IDS
    assert {rule.id: rule.severity for rule in catalogue.rules} == SEVERITY_OF


def test_points_follow_severity_from_a_base_of_100(catalogue: Catalogue) -> None:
    assert catalogue.base_score == 100
    price = {"red": 100, "major": 10, "minor": 5}
    assert {rule.id: rule.points for rule in catalogue.rules} == {
        rule.id: price[rule.severity] for rule in catalogue.rules
    }


def test_only_the_items_of_the_regulation_share_a_deduction(catalogue: Catalogue) -> None:
    shared = Counter(rule.deduction for rule in catalogue.rules)
    groups = {
        frozenset(rule.id for rule in catalogue.rules if rule.deduction == name)
        for name, count in shared.items()
        if count > 1
    }
    assert groups == {frozenset({"A03", "A04"}), frozenset({"D01", "D04"})}
    for group in groups:
        first, second = (catalogue.rule(name) for name in sorted(group))
        assert second.id in section_of(catalogue, first).text
        assert first.id in section_of(catalogue, second).text


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_markdown_says_what_the_catalogue_says(catalogue: Catalogue, rule_id: str) -> None:
    rule = catalogue.rule(rule_id)
    section = section_of(catalogue, rule)
    assert (section.heading, section.title) == (f"{rule.id} {rule.title}", rule.source.document)
    assert section.heading == rule.source.section
    assert section.text.split("\n")[:-1] == [
        rule.text,
        f"适用：{'每一条回复' if rule.standing else rule.when}",
        f"级别：{LEVELS[rule.severity]}",
        f"阶段：{STAGES[rule.stages]}；渠道：{CHANNELS[rule.channels]}",
        f"推荐：“{rule.good}”",
        f"避免：“{rule.bad}”",
    ]


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_rule_text_is_requirement_and_prohibition(catalogue: Catalogue, rule_id: str) -> None:
    rule = catalogue.rule(rule_id)
    assert rule.text == f"{rule.require}。不要{rule.avoid}。"
    assert 30 <= len(rule.text) <= 120


def test_stage_and_channel_restrictions(catalogue: Catalogue) -> None:
    assert {rule.id for rule in catalogue.rules if rule.stages == ("opening",)} == {"C01"}
    assert {rule.id for rule in catalogue.rules if rule.stages == ("closing",)} == {"C08"}
    assert {rule.id for rule in catalogue.rules if rule.channels == ("phone",)} == {"S10", "S11"}


def test_every_other_section_is_marked(catalogue: Catalogue) -> None:
    marks: dict[str, Counter[str]] = {document.stem: Counter() for document in catalogue.documents}
    for section in catalogue.sections:
        if section.rule_id is None:
            assert not section.checkable
            marks[section.document][section.text.split("\n")[0]] += 1
        else:
            assert section.checkable
    assert all(found.keys() <= {REFERENCE, ABOUT} for found in marks.values())
    assert all(found[REFERENCE] >= 3 for found in marks.values())
    assert sum(found[ABOUT] for found in marks.values()) == 2


def test_scoring_section_states_the_points(catalogue: Catalogue) -> None:
    (scoring,) = [section for section in catalogue.sections if section.heading == "计分方法"]
    assert f"基准分是 {catalogue.base_score} 分" in scoring.text
    for line in ("红线：不得发送，该条回复计 0 分。", "重要：每次扣 10 分。", "轻微：每次扣 5 分。"):
        assert line in scoring.text.split("\n")
    red = "、".join(rule.id for rule in catalogue.rules if rule.severity == "red")
    assert f"（{red}）" in scoring.text


def test_precedence_notes_stand_in_the_manual(catalogue: Catalogue) -> None:
    (section,) = [s for s in catalogue.sections if s.heading == "资料不一致与规则冲突时的取舍"]
    notes = [f"{'、'.join(note.rules)}：{note.stands}{note.why}" for note in catalogue.precedence]
    assert section.text.split("\n")[2:] == notes


def test_every_yield_is_explained_by_a_note_and_in_the_section(catalogue: Catalogue) -> None:
    pairs = {(rule.id, other) for rule in catalogue.rules for other in rule.yields_to}
    assert ("C06", "C05") in pairs
    assert ("A06", "A05") in pairs
    for loser, winner in pairs:
        assert any({loser, winner} <= set(note.rules) for note in catalogue.precedence)
        texts = [section_of(catalogue, catalogue.rule(name)).text for name in (loser, winner)]
        assert winner in texts[0] or loser in texts[1]


@pytest.mark.parametrize(
    ("first", "second"),
    [("A05", "S09"), ("A05", "B01"), ("D03", "E03"), ("A02", "S08"), ("A01", "A05"), ("C02", "E01")],
)
def test_rules_that_are_cited_together_do_not_yield(catalogue: Catalogue, first: str, second: str) -> None:
    assert second not in catalogue.rule(first).yields_to
    assert first not in catalogue.rule(second).yields_to


def test_everything_named_in_the_manual_exists(catalogue: Catalogue) -> None:
    headings = {section.heading for section in catalogue.sections}
    for section in catalogue.sections:
        assert set(re.findall(r"[A-Z]\d{2}", section.text)) <= SEVERITY_OF.keys()
        assert set(re.findall(r"《(.+?)》", section.text)) <= headings


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_approved_wording_is_a_conversation_of_its_rule(catalogue: Catalogue, rule_id: str) -> None:
    rule = catalogue.rule(rule_id)
    context = rule.good_context
    assert context.draft == rule.good != rule.bad
    assert rule in catalogue.applicable(context)
    assert context.customer
    # Outside the two rules made for them, an opening or a closing would have to obey those as well.
    expected = rule.stages[0] if len(rule.stages) == 1 else "middle"
    assert context.stage == expected


@pytest.mark.parametrize("rule_id", RULE_IDS)
def test_approved_wording_avoids_what_other_rules_forbid(catalogue: Catalogue, rule_id: str) -> None:
    good = catalogue.rule(rule_id).good
    forbidden = (
        "你",
        "喂",
        "不知道",
        "不清楚",
        "没办法",
        "必须",
        "尽快",
        "回头",
        "马上",
        "应该",
        "大概",
        "可能",
        "亲爱",
    )
    assert [word for word in forbidden if word in good] == []
    assert not re.search(r"\d{5,}", good)


def test_wordings_are_distinct(catalogue: Catalogue) -> None:
    wordings = Counter(text for rule in catalogue.rules for text in (rule.good, rule.bad, rule.text))
    assert [text for text, count in wordings.items() if count > 1] == []
