import json
from typing import Any

from reviewer.formats.rdjsonl import format_rdjsonl
from reviewer.schema import Review, RewriteOut
from tests.formats.reviews import make_finding, make_review

DRAFT = "您好🙏\n你等着吧，别问了。"
REWRITE = RewriteOut(text="请您稍等。", status="verified")


def diagnostics(review: Review) -> list[dict[str, Any]]:
    return [json.loads(line) for line in format_rdjsonl(review, path="草稿.txt").splitlines()]


def test_columns_are_bytes_and_the_end_is_exclusive() -> None:
    (found,) = diagnostics(make_review(DRAFT, [make_finding(DRAFT, "等着吧，")]))
    assert found["location"] == {
        "path": "草稿.txt",
        "range": {"start": {"line": 2, "column": 4}, "end": {"line": 2, "column": 16}},
    }
    line = DRAFT.split("\n")[1].encode()
    assert line[4 - 1 : 16 - 1].decode() == "等着吧，"


def test_severity_rule_and_source() -> None:
    findings = [
        make_finding(DRAFT, rule="A05", severity="red"),
        make_finding(DRAFT, rule="A04", severity="major"),
        make_finding(DRAFT, rule="A01", severity="minor"),
    ]
    found = diagnostics(make_review(DRAFT, findings))
    assert [(item["code"], item["severity"]) for item in found] == [
        ({"value": "A05"}, "ERROR"),
        ({"value": "A04"}, "WARNING"),
        ({"value": "A01"}, "INFO"),
    ]
    assert all(item["source"] == {"name": "reviewer"} for item in found)


def test_an_absence_has_a_file_but_no_range() -> None:
    (found,) = diagnostics(make_review(DRAFT, [make_finding(DRAFT)]))
    assert found["location"] == {"path": "草稿.txt"}


def test_further_clauses_are_named_in_the_message() -> None:
    (found,) = diagnostics(make_review(DRAFT, [make_finding(DRAFT, "你等着吧，", "别问了。")]))
    assert found["message"].splitlines() == [
        "敬语称谓：用“你”称呼客户。",
        "另见：“别问了。”",
        "规则：全程用“您”称呼客户。（服务规范 A01 敬语称谓）",
    ]


def test_only_a_verified_rewrite_is_suggested() -> None:
    finding = make_finding(DRAFT, "你等着吧，")
    (verified,) = diagnostics(make_review(DRAFT, [finding], rewrite=REWRITE))
    assert verified["suggestions"] == [
        {"range": {"start": {"line": 1, "column": 1}, "end": {"line": 2, "column": 28}}, "text": "请您稍等。"}
    ]
    unverified = RewriteOut(text="请您稍等。", status="unverified")
    (withheld,) = diagnostics(make_review(DRAFT, [finding], rewrite=unverified))
    assert "suggestions" not in withheld


def test_no_line_is_longer_than_the_reader_takes() -> None:
    finding = make_finding(DRAFT, "你等着吧，")
    long = RewriteOut(text="请" * 21_840, status="verified")
    output = format_rdjsonl(make_review(DRAFT, [finding], rewrite=long), path="d")
    assert len(output.encode()) < 64 * 1024
    assert "suggestions" not in output
    assert output.count("\n") == 1


def test_no_findings_give_no_output() -> None:
    assert format_rdjsonl(make_review(), path="d") == ""
