"""Faults of labelled data, and its coverage."""

import json
from pathlib import Path
from typing import Any

import pytest

from reviewer.evaluation.validation import validate, validate_file, verdict_for
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir
from reviewer.schema import MAX_DRAFT_CHARS

DRAFT = "你等一下，我加你微信。"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(resource_dir("corpus"))


def row(**changes: object) -> dict[str, Any]:
    """A faultless row: A01 is minor, E03 red."""
    return {
        "id": "x-1",
        "industry": "书店",
        "channel": "online",
        "stage": "middle",
        "customer": "有货吗",
        "draft": DRAFT,
        "verdict": "revise",
        "violations": [{"rule": "A01", "quote": "你等一下"}],
        "rewrite": "请您稍等。",
        **changes,
    }


def write(path: Path, *rows: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows), encoding="utf-8")
    return path


def test_a_faultless_file_has_no_faults(tmp_path: Path, catalogue: Catalogue) -> None:
    clean = row(id="x-2", draft="请您稍等。", verdict="pass", violations=[], rewrite="", near_miss=["A01"])
    assert validate_file(write(tmp_path / "a.jsonl", row(), clean), catalogue) == []


E03 = {"rule": "E03", "quote": "我加你微信"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"violations": [{"rule": "Z99"}]}, "violations 里的规则 Z99 不在手册里"),
        ({"near_miss": ["Z99"]}, "near_miss 里的规则 Z99 不在手册里"),
        ({"disputed": ["Z99"]}, "disputed 里的规则 Z99 不在手册里"),
        ({"violations": [{"rule": "A01", "quote": "你等等"}]}, "A01 的引文“你等等”与草稿不是逐字一致"),
        ({"violations": [E03]}, "结论是 revise，按所列违规应为 block"),
        ({"verdict": "block"}, "结论是 block，按所列违规应为 revise"),
        ({"violations": []}, "结论是 revise，按所列违规应为 pass"),
        ({"near_miss": ["A01"]}, "A01 既列为违规又列为 near_miss"),
        ({"disputed": ["A01"]}, "A01 既列为违规又列为 disputed"),
        ({"violations": [{"rule": "A01", "quote": "你"}] * 2}, "A01 以同一引文列了两次"),
        ({"violations": [{"rule": "C01"}]}, "C01 不适用于渠道 online、阶段 middle，却列为违规"),
        ({"violations": [{"rule": "S11"}]}, "S11 不适用于渠道 online、阶段 middle，却列为违规"),
        ({"violations": [], "verdict": "pass"}, "结论是 pass 却有 rewrite"),
        ({"rewrite": DRAFT + " "}, "rewrite 与草稿相同"),
        ({"draft": "。。。", "violations": [{"rule": "A01"}]}, "审核会拒绝这份草稿：草稿里没有文字"),
        (
            {"draft": "好" * (MAX_DRAFT_CHARS + 1), "violations": [{"rule": "A01"}]},
            "审核会拒绝这份草稿：草稿有",
        ),
        ({"customer": "问" * 20_001}, "审核会拒绝这份草稿：客户消息或上文过长"),
    ],
)
def test_each_fault_is_found_once_and_placed(
    tmp_path: Path, catalogue: Catalogue, changes: dict[str, Any], message: str
) -> None:
    path = write(tmp_path / "a.jsonl", row(id="x-0", draft="你" + DRAFT), row(**changes))
    [fault] = validate_file(path, catalogue)
    assert (fault.path, fault.line, fault.example) == (path, 2, "x-1")
    assert fault.message.startswith(message)
    assert str(fault) == f"{path}:2 x-1：{fault.message}"


def test_one_rule_may_be_broken_in_two_places(tmp_path: Path, catalogue: Catalogue) -> None:
    twice = [{"rule": "A01", "quote": "你等一下"}, {"rule": "A01", "quote": "加你微信"}]
    assert validate_file(write(tmp_path / "a.jsonl", row(violations=twice)), catalogue) == []


def test_repeated_ids_and_drafts_are_found_within_and_across_files(
    tmp_path: Path, catalogue: Catalogue
) -> None:
    first = write(tmp_path / "a.jsonl", row(), row(draft=DRAFT + "好"))
    second = write(tmp_path / "b.jsonl", row(id="x-9"))
    assert [fault.message for fault in validate_file(first, catalogue)] == ["编号与 a.jsonl:1 重复"]
    assert validate_file(second, catalogue) == []
    messages = [fault.message for fault in validate([first, second], catalogue).faults]
    assert messages == ["编号与 a.jsonl:1 重复", "情境和草稿都与 a.jsonl:1 x-1 相同"]


def test_the_same_draft_in_another_situation_is_no_repetition(tmp_path: Path, catalogue: Catalogue) -> None:
    path = write(tmp_path / "a.jsonl", row(), row(id="x-2", customer="几点关门"))
    assert validate_file(path, catalogue) == []


def test_an_unreadable_line_is_a_fault_of_the_file(tmp_path: Path, catalogue: Catalogue) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row(rewrite=DRAFT)) + "\n{\n", encoding="utf-8")
    known, broken = validate_file(path, catalogue)
    assert (known.line, known.message) == (1, "rewrite 与草稿相同")
    assert (broken.line, broken.example) == (0, "")
    assert f"{path}:2" in str(broken)


def test_twins_are_held_to_what_they_can_keep(tmp_path: Path, catalogue: Catalogue) -> None:
    two = [{"rule": "A01", "quote": "你等一下"}, {"rule": "A01", "quote": "加你微信"}]
    attack = row(attack="spacing", clean="你等 一下，我加 你微信。", violations=two)
    situation = {name: row()[name] for name in ("industry", "channel", "stage", "draft")}
    label = {"rule": "E03", "quote": "我加你微信", "reason": "", "level": "plain", "verdict": "block"}
    mutation = {**situation, **label, "id": "m-1", "customer": "在吗", "clean": "请您稍等。"}
    again = {**mutation, "id": "m-2", "draft": DRAFT + "快"}
    # Labels without quotes, one clean reply twice: no faults.
    assert validate_file(write(tmp_path / "a.jsonl", attack, mutation, again), catalogue) == []
    coverage = validate([tmp_path / "a.jsonl"], catalogue).coverage
    # 3 rows; A01 once in spite of two quotes; both mutated drafts break a red rule.
    assert coverage.examples == 3
    assert coverage.verdicts == {"pass": 0, "revise": 1, "block": 2}
    assert (coverage.violations["A01"], coverage.violations["E03"], coverage.violations["B01"]) == (1, 2, 0)


def test_verdict_follows_the_gravest_rule(catalogue: Catalogue) -> None:
    severities = {rule.id: rule.severity for rule in catalogue.rules}
    assert verdict_for([], severities) == "pass"
    assert verdict_for(["A01", "A02"], severities) == "revise"
    assert verdict_for(["A01", "E03"], severities) == "block"


def test_report_counts_what_the_files_cover(tmp_path: Path, catalogue: Catalogue) -> None:
    passing = {"verdict": "pass", "violations": [], "rewrite": "", "near_miss": ["A01", "B01"]}
    rows = [
        row(manner="real", pair="p1"),
        row(id="x-2", draft="请您稍等。", pair="p1", **passing),
        row(id="x-3", draft="有货的，请您稍等。", industry="花店", **passing),
        row(id="x-4", history=[{"role": "agent", "text": "您好"}], near_miss=["B01"]),
    ]
    report = validate([write(tmp_path / "a.jsonl", *rows)], catalogue)
    coverage = report.coverage
    assert report.faults == ()
    assert coverage.verdicts == {"pass": 2, "revise": 2, "block": 0}
    assert coverage.violations["A01"] == 2
    # B01 stands in three lists, one of them of a draft with a violation.
    assert (coverage.near_miss_passes["A01"], coverage.near_miss_passes["B01"]) == (2, 2)
    assert list(coverage.industries.items()) == [("书店", 3), ("花店", 1)]
    assert coverage.manners == {"": 3, "real": 1}
    assert (coverage.multi_turn_share, coverage.contrast_pair_share) == (0.25, 0.5)
    text = report.to_text()
    assert text.startswith("没有发现问题。\n")
    assert "样本 4 条：pass 2，revise 2，block 0" in text
    assert "有上文 1 条（25%）" in text
    assert "| A01 | 2 | 2 |" in text


def test_nothing_to_read_covers_nothing(catalogue: Catalogue) -> None:
    report = validate([], catalogue)
    assert report.coverage.multi_turn_share is None
    assert report.coverage.contrast_pair_share is None
    assert set(report.coverage.violations.values()) == {0}
    assert "有上文 0 条（—）" in report.to_text()
