import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.rows import FileReview
from reviewer.formats.sarif import format_sarif, format_sarif_file
from reviewer.schema import NotAssessedOut, Review, RewriteOut
from tests.formats.reviews import make_file, make_finding, make_review

DRAFT = "您好🙏\n你等着吧，别问了。"


def run_of(review: Review, path: str = "draft.txt") -> dict[str, Any]:
    log = json.loads(format_sarif(review, path=path))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def test_regions_count_code_points() -> None:
    run = run_of(make_review(DRAFT, [make_finding(DRAFT, "等着吧，")]))
    assert run["columnKind"] == "unicodeCodePoints"
    (location,) = run["results"][0]["locations"]
    assert location["physicalLocation"]["region"] == {
        "startLine": 2,
        "startColumn": 2,
        "endLine": 2,
        "endColumn": 6,
        "charOffset": 5,
        "charLength": 4,
        "snippet": {"text": "等着吧，"},
    }


@given(st.text(st.sampled_from("您a🙏\n\r"), min_size=1, max_size=30), st.data())
def test_offset_and_lines_name_the_same_text(draft: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(draft)))
    end = data.draw(st.integers(start, len(draft)))
    run = run_of(make_review(draft, [make_finding(draft, (start, end))]))
    region = run["results"][0]["locations"][0]["physicalLocation"]["region"]
    lines = draft.split("\n")

    def offset(line: int, column: int) -> int:
        return sum(len(before) + 1 for before in lines[: line - 1]) + column - 1

    assert offset(region["startLine"], region["startColumn"]) == region["charOffset"] == start
    assert offset(region["endLine"], region["endColumn"]) == start + region["charLength"] == end


def test_rules_are_listed_once_and_referred_to() -> None:
    findings = [
        make_finding(DRAFT, "你等着吧，", rule="A04", severity="major"),
        make_finding(DRAFT, "您好", rule="A05", severity="red", probability=1.0, origin="check"),
        make_finding(DRAFT, "别问了。", rule="A04", severity="major"),
        make_finding(DRAFT, rule="C01"),
    ]
    run = run_of(make_review(DRAFT, findings))
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["A04", "A05", "C01"]
    results = run["results"]
    assert [rules[result["ruleIndex"]]["id"] for result in results] == [
        result["ruleId"] for result in results
    ]
    assert [result["level"] for result in results] == ["warning", "error", "warning", "note"]
    assert results[1]["properties"] == {"probability": 1.0, "origin": "check"}
    assert "region" not in results[3]["locations"][0]["physicalLocation"]


def test_what_was_not_assessed_makes_the_invocation_unsuccessful() -> None:
    entry = NotAssessedOut(rule="E01", severity="red", why="到达时限")
    (invocation,) = run_of(make_review(not_assessed=[entry]))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {
            "level": "error",
            "message": {"text": "规则 E01 未审核：到达时限"},
            "properties": {"rule": "E01", "severity": "red"},
        }
    ]
    assert run_of(make_review())["invocations"][0]["executionSuccessful"] is True


def test_only_a_rewrite_that_can_be_sent_as_it_is_is_a_fix() -> None:
    finding = make_finding(DRAFT, "你等着吧，")
    verified = make_review(DRAFT, [finding], rewrite=RewriteOut(text="请您稍等。", status="verified"))
    (fix,) = run_of(verified)["results"][0]["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    assert replacement["deletedRegion"]["charLength"] == len(DRAFT)
    assert replacement["insertedContent"] == {"text": "请您稍等。"}
    unverified = make_review(DRAFT, [finding], rewrite=RewriteOut(text="请您稍等。", status="unverified"))
    assert "fixes" not in run_of(unverified)["results"][0]
    blank = RewriteOut(text="[具体时间]前答复您。", status="verified", placeholders=["[具体时间]"])
    waiting = make_review(DRAFT, [finding], rewrite=blank)
    assert "fixes" not in run_of(waiting)["results"][0]


def test_a_message_holds_no_placeholder_and_no_link() -> None:
    finding = make_finding(DRAFT, reason="见 {0} [这里](https://example.com)")
    (result,) = run_of(make_review(DRAFT, [finding]))["results"]
    assert result["message"]["text"] == "敬语称谓：见 {{0}} [这里] (https://example.com)"


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("草稿 1.txt", "%E8%8D%89%E7%A8%BF%201.txt"),
        ("a:b#c.txt", "a%3Ab%23c.txt"),
        ("drafts/a.txt", "drafts/a.txt"),
    ],
)
def test_the_path_is_a_uri_reference(path: str, uri: str) -> None:
    run = run_of(make_review(DRAFT, [make_finding(DRAFT)]), path)
    assert run["artifacts"][0]["location"]["uri"] == uri


def test_an_absolute_path_is_a_file_uri(tmp_path: Path) -> None:
    run = run_of(make_review(), str(tmp_path / "a b.txt"))
    uri = run["artifacts"][0]["location"]["uri"]
    assert uri.startswith("file:///")
    assert uri.endswith("/a%20b.txt")


def run_of_file(file: FileReview) -> dict[str, Any]:
    (run,) = json.loads(format_sarif_file(file))["runs"]
    assert isinstance(run, dict)
    return run


def test_a_finding_on_a_row_stands_at_its_line_and_columns() -> None:
    draft = "您好🙏你等着吧，"
    finding = make_finding(draft, "你等着吧，", severity="major")
    run = run_of_file(make_file((7, f'r1,"{draft}",在吗', make_review(draft, [finding]))))
    (result,) = run["results"]
    (location,) = result["locations"]
    assert run["artifacts"] == [{"location": {"uri": "replies/a.csv"}}]
    assert location["physicalLocation"] == {
        "artifactLocation": {"uri": "replies/a.csv", "index": 0},
        "region": {
            "startLine": 7,
            "startColumn": 8,
            "endLine": 7,
            "endColumn": 13,
            "snippet": {"text": "你等着吧，"},
        },
    }
    assert result["level"] == "warning"
    assert result["message"]["text"] == "r7：敬语称谓：用“你”称呼客户。\n原文：“你等着吧，”"
    assert result["properties"] == {"row": "r7", "probability": 0.9, "origin": "grader"}
    assert run["invocations"] == [{"executionSuccessful": True, "toolExecutionNotifications": []}]
    assert run["tool"]["driver"]["version"] == "0.1.0"


def test_what_cannot_be_found_in_the_row_stands_at_the_whole_line_once() -> None:
    draft = '你说"好"，你等着。'
    finding = make_finding(draft, "你", '说"好"，')
    row = json.dumps({"draft": draft, "customer": "你"}, ensure_ascii=False)
    (result,) = run_of_file(make_file((3, row, make_review(draft, [finding]))))["results"]
    assert [place["physicalLocation"]["region"] for place in result["locations"]] == [{"startLine": 3}]


def test_rules_of_all_rows_are_listed_once() -> None:
    reviews = [
        make_review("你好", [make_finding("你好", "你", rule=rule) for rule in rules])
        for rules in (("A01", "A04"), ("A04",))
    ]
    run = run_of_file(make_file(*((line, "你好", review) for line, review in enumerate(reviews, start=1))))
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["A01", "A04"]
    assert [(result["ruleId"], result["ruleIndex"]) for result in run["results"]] == [
        ("A01", 0), ("A04", 1), ("A04", 1)
    ]  # fmt: skip


def test_rows_without_a_verdict_make_the_invocation_unsuccessful() -> None:
    late = [NotAssessedOut(rule="E01", severity="major", why="到{0}时限")]
    file = make_file((4, "您好", make_review("您好", not_assessed=late)))
    file.refuse(2, "replies/a.csv:2 草稿是空的。")
    file.stop("引擎坏了。")
    (invocation,) = run_of_file(file)["invocations"]
    assert invocation["executionSuccessful"] is False
    told = invocation["toolExecutionNotifications"]
    places = [entry["locations"][0]["physicalLocation"].get("region") for entry in told]
    assert places == [{"startLine": 2}, {"startLine": 4}, None]
    assert [entry["level"] for entry in told] == ["error", "warning", "error"]
    assert told[0]["message"]["text"].endswith("replies/a.csv:2 草稿是空的。")
    assert told[1]["message"]["text"] == (
        "r4：没有审完，不能当作通过：规则未审核 1 条（重要1）——到{{0}}时限：E01"
    )
    assert "引擎坏了" in told[2]["message"]["text"]


def test_a_file_of_which_nothing_was_reviewed_names_no_version() -> None:
    file = FileReview("a.csv")
    file.stop("没有 a.csv。")
    run = run_of_file(file)
    assert "version" not in run["tool"]["driver"]
    assert (run["results"], run["properties"]) == ([], {})
