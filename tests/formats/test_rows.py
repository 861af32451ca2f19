"""Where a clause stands in a row, and what is kept of a review."""

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.rows import FileReview, Row
from reviewer.schema import NotAssessedOut
from tests.formats.reviews import make_file, make_finding, make_review


@pytest.mark.parametrize(
    ("text", "quote", "place"),
    [
        ("a,你等着。", "你等着。", (2, 6)),
        ("a,你等着。", "您等着。", None),
        ("你,你等着。", "你", None),
        ("哈哈哈", "哈哈", None),
        ('"您好，\n你等着。"', "您好，", (1, 4)),
        ('"您好，\n你等着。"', "你等着。", None),
        ('"您好，\n您好，"', "您好，", None),
        ('"您好，\n你"', "，\n你", None),
        ("您好", "", None),
    ],
)
def test_a_quote_is_found_only_where_it_can_be_nowhere_else(
    text: str, quote: str, place: tuple[int, int] | None
) -> None:
    assert Row("r", 1, text).find(quote) == place


@given(st.text(st.sampled_from('您a,"\\\n🙏'), min_size=1, max_size=12), st.booleans(), st.data())
def test_what_is_found_is_the_quote_of_the_draft(draft: str, as_json: bool, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(draft) - 1))
    quote = draft[start : data.draw(st.integers(start + 1, len(draft)))]
    if as_json:
        text = json.dumps({"draft": draft}, ensure_ascii=False)
    else:
        sink = io.StringIO()
        csv.writer(sink, lineterminator="").writerow(["r1", draft])
        text = sink.getvalue()
    place = Row("r1", 1, text).find(quote)
    first = text.split("\n")[0]
    # Not count(): occurrences may overlap.
    times = sum(text.startswith(quote, at) for at in range(len(text)))
    assert (place is not None) == (times == 1 and quote in first)
    assert place is None or first[slice(*place)] == quote


def test_nothing_is_kept_of_a_row_that_passed() -> None:
    file = make_file((1, "您好", make_review("您好")))
    assert (file.findings, file.notices) == ([], [])
    assert file.versions == make_review().versions


def test_a_row_may_have_findings_and_open_rules() -> None:
    late = [
        NotAssessedOut(rule="A08", severity="minor", why="到时限"),
        NotAssessedOut(rule="E01", severity="red", why="到时限"),
    ]
    file = make_file((5, "你好", make_review("你好", [make_finding("你好", "你")], not_assessed=late)))
    assert [item.finding.rule.id for item in file.findings] == ["A01"]
    assert [(notice.line, notice.severity) for notice in file.notices] == [(5, "red")]


def test_notices_and_messages_are_one_line_each() -> None:
    finding = make_finding("你\n好", "你\n好", reason="第一行\n第二行")
    file = make_file((1, "x", make_review("你\n好", [finding])))
    file.refuse(1, "不是 JSON：\x1b[2J\n")
    (item,) = file.findings
    texts = (item.message, item.quotes, file.notices[0].text)
    assert all(text.isprintable() for text in texts)
    assert "“你⏎好”" in item.quotes


def test_what_concerns_the_whole_file_comes_last() -> None:
    file = FileReview("a.csv")
    file.stop("坏了。")
    file.refuse(9, "空的。")
    file.refuse(2, "空的。")
    assert [notice.line for notice in file.notices_in_order()] == [2, 9, None]


def test_words_of_the_customer_are_not_taken_for_those_of_the_draft() -> None:
    row = Row("a", 1, '{"draft":"\\u4f60\\u597d","customer":"你好"}', context="你好")
    assert row.find("你好") is None
