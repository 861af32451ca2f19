import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.sarif import format_sarif
from reviewer.schema import NotAssessedOut, Review, RewriteOut
from tests.formats.reviews import make_finding, make_review

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
