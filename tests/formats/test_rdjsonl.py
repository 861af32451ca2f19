import json
from typing import Any

from reviewer.formats.rdjsonl import format_rdjsonl, format_rdjsonl_file
from reviewer.formats.rows import FileReview, Row
from reviewer.schema import NotAssessedOut, Review, RewriteOut
from tests.formats.reviews import make_file, make_finding, make_review

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


def of_file(file: FileReview) -> list[dict[str, Any]]:
    return [json.loads(line) for line in format_rdjsonl_file(file).splitlines()]


def test_a_finding_on_a_row_stands_at_its_line_and_bytes() -> None:
    draft = "您好🙏你等着吧，别问了。"
    row = f'r1,"{draft}"'
    review = make_review(draft, [make_finding(draft, "你等着吧，", "别问了。")], rewrite=REWRITE)
    (found,) = of_file(make_file((7, row, review)))
    assert found["location"] == {
        "path": "replies/a.csv",
        "range": {"start": {"line": 7, "column": 15}, "end": {"line": 7, "column": 30}},
    }
    assert row.encode()[15 - 1 : 30 - 1].decode() == "你等着吧，"
    assert found["message"].splitlines() == [
        "r7：敬语称谓：用“你”称呼客户。",
        "原文：“你等着吧，”、“别问了。”",
        "规则：全程用“您”称呼客户。（服务规范 A01 敬语称谓）",
    ]
    assert (found["severity"], found["code"]) == ("INFO", {"value": "A01"})
    # The rewrite is of the draft, not of the row.
    assert "suggestions" not in found


def test_what_cannot_be_found_in_the_row_is_a_range_of_lines() -> None:
    review = make_review("你你", [make_finding("你你", "你"), make_finding("你你")])
    ambiguous, missing = of_file(make_file((3, "你你", review)))
    assert ambiguous["location"]["range"] == missing["location"]["range"] == {"start": {"line": 3}}
    assert "原文" not in missing["message"]


def test_rows_without_a_verdict_are_diagnostics_too() -> None:
    file = make_file(
        *(
            (line, "您好", make_review("您好", not_assessed=[entry]))
            for line, entry in (
                (9, NotAssessedOut(rule="A01", severity="minor", why="到时限")),
                (4, NotAssessedOut(rule="E01", severity="red", why="到时限")),
            )
        )
    )
    file.refuse(2, "replies/a.csv:2 草稿是空的。")
    file.stop("引擎坏了。" * 10_000)
    found = of_file(file)
    assert [item["location"].get("range", {}).get("start") for item in found] == [
        {"line": 2}, {"line": 4}, {"line": 9}, None
    ]  # fmt: skip
    assert [item["severity"] for item in found] == ["WARNING", "WARNING", "INFO", "WARNING"]
    assert "r4：没有审完" in found[1]["message"]
    assert all(len(line.encode()) < 64 * 1024 for line in format_rdjsonl_file(file).splitlines())


def test_no_row_makes_a_line_longer_than_the_reader_takes() -> None:
    file = FileReview("a.csv")
    finding = make_finding("你" * 4_000, (0, 4_000))
    file.add(Row("行" * 30_000, 1, "x"), make_review("你" * 4_000, [finding]))
    assert len(format_rdjsonl_file(file).encode()) < 64 * 1024


def test_a_file_of_passes_gives_no_output() -> None:
    assert format_rdjsonl_file(make_file((1, "您好", make_review("您好")))) == ""
