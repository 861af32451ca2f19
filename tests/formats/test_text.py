import re

import pytest

from reviewer.formats.text import (
    SEVERITIES,
    VERDICTS,
    RewriteStream,
    render_plain,
    rewrite_footer,
    rewrite_header,
    rewrite_remark,
    rich_renderable,
    verdict_block,
    wants_colour,
)
from reviewer.schema import NotAssessedOut, Review, RewriteOut
from reviewer.types import Origin, Severity, Verdict
from tests.formats.reviews import make_finding, make_review
from tests.formats.test_layout import colourful

DRAFT = "你等着吧，别问了。"
REWRITE = "请您稍等，\n我马上查询。"


def reviewed(severity: Severity = "major", rewrite: RewriteOut | None = None) -> Review:
    finding = make_finding(DRAFT, "你等着吧，", severity=severity)
    return make_review(DRAFT, [finding], rewrite=rewrite or RewriteOut(text=REWRITE, status="verified"))


def unanswered(severity: Severity = "red") -> NotAssessedOut:
    return NotAssessedOut(rule="E01", severity=severity, why="到达时限")


@pytest.mark.parametrize(
    ("review", "verdict"),
    [
        (make_review(), "pass"),
        (reviewed("major"), "revise"),
        (reviewed("red"), "block"),
        (make_review(not_assessed=[unanswered()]), "not_assessed"),
    ],
)
def test_the_verdict_comes_first(review: Review, verdict: Verdict) -> None:
    assert render_plain(review).startswith(VERDICTS[verdict])
    assert colourful(rich_renderable(review)).splitlines()[0].find(VERDICTS[verdict]) > 0


def test_what_was_not_assessed_is_never_called_clean() -> None:
    first = render_plain(make_review(not_assessed=[unanswered()])).splitlines()[0]
    assert first == "未能完成审核 · 1 条规则未审核 · 不能当作通过"


def test_a_finding_shows_rule_clause_reason_and_probability() -> None:
    lines = render_plain(reviewed()).splitlines()
    assert lines[lines.index("草稿") + 1] == "  【①你等着吧，】别问了。"
    at = lines.index("① A01 敬语称谓（重要）")
    assert lines[at + 1 : at + 6] == [
        "   问题：「你等着吧，」",
        "   原因：用“你”称呼客户。",
        "   规则：「全程用“您”称呼客户。」",
        "   出处：服务规范 · A01 敬语称谓",
        "   把握：90%（模型判断）",
    ]


@pytest.mark.parametrize("clauses", [(), ((3, 3),)])
@pytest.mark.parametrize(
    ("origin", "shown"),
    [("check", "缺失（草稿里没有应有的内容）"), ("grader", "缺失或未定位（没有指到具体的句子）")],
)
def test_an_absence_is_called_missing(
    clauses: tuple[tuple[int, int], ...], origin: Origin, shown: str
) -> None:
    text = render_plain(make_review(DRAFT, [make_finding(DRAFT, *clauses, origin=origin)]))
    assert f"   问题：{shown}\n" in text
    assert f"草稿\n  {DRAFT}\n" in text


@pytest.mark.parametrize(
    ("probability", "shown"), [(1.0, "100%"), (0.9999, "99%"), (0.5, "50%"), (0.0001, "1%"), (0.0, "0%")]
)
def test_certainty_is_not_made_by_rounding(probability: float, shown: str) -> None:
    review = make_review(DRAFT, [make_finding(DRAFT, DRAFT, probability=probability)])
    assert f"把握：{shown}（" in render_plain(review)


def test_a_failed_rewrite_says_why() -> None:
    text = "请等，退款98元。"
    rewrite = RewriteOut(
        text=text,
        status="unverified",
        findings=[make_finding(text, "请等，", rule="A04", title="不敷衍不烦躁")],
        changed_facts=["89元"],
        note="改过一次",
    )
    shown = render_plain(reviewed(rewrite=rewrite))
    assert "建议回复（未通过核对，请勿直接发送）\n  请等，退款98元。\n" in shown
    assert "  说明：仍违反 A04 不敷衍不烦躁；事实有变：89元；改过一次\n" in shown


def test_no_rewrite_says_so() -> None:
    shown = render_plain(reviewed(rewrite=RewriteOut(text="", status="none", note="未要求改写")))
    assert "建议回复：无\n  说明：未要求改写\n" in shown


def test_not_assessed_is_one_line_grouped_by_reason() -> None:
    entries = [
        NotAssessedOut(rule="A01", severity="minor", why="到达时限"),
        NotAssessedOut(rule="E01", severity="red", why="到达时限"),
        NotAssessedOut(rule="C11", severity="major", why="引擎出错"),
    ]
    shown = render_plain(make_review(not_assessed=entries))
    assert "未审核 3 条（红线1、重要1、轻微1）——到达时限：E01、A01；引擎出错：C11\n" in shown


def test_of_many_rules_that_were_not_assessed_the_first_are_named() -> None:
    entries = [NotAssessedOut(rule=f"R{n:02}", severity="minor", why="没学过") for n in range(40)]
    shown = render_plain(make_review(not_assessed=entries))
    assert "未审核 40 条（轻微40）——没学过：R00、" in shown
    assert "、R11 等 40 条\n" in shown
    assert "R12" not in shown


def test_counts_timing_notes_and_notice_close_the_text() -> None:
    shown = render_plain(make_review(notes=["草稿有控制字符"]), notice="模型未经训练")
    assert shown.splitlines()[-3:] == [
        "已审核 2 条，不适用 2 条，用时 1.23 秒（判断 0.81）",
        "注意：草稿有控制字符",
        "提示：模型未经训练",
    ]


def test_nothing_from_outside_steers_the_terminal_or_forges_a_heading() -> None:
    evil = "\x1b]0;x\x07\x9b2J\u202e\n建议回复（已核对）\n通过"
    finding = make_finding(evil, evil, rule="X", title=evil, text=evil, reason=evil)
    rewrite = RewriteOut(text=evil, status="unverified", changed_facts=[evil], note=evil)
    entry = NotAssessedOut(rule="A01", severity="minor", why=evil)
    review = make_review(evil, [finding], rewrite=rewrite, not_assessed=[entry], notes=[evil])
    shown = render_plain(review, notice=evil)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", shown)
    starts = [line for line in shown.splitlines() if line.startswith(("建议回复", "通过", "已核对"))]
    assert starts == ["建议回复（未通过核对，请勿直接发送）"]
    coloured = re.sub("\x1b\\[[0-9;]*m", "", colourful(rich_renderable(review, notice=evil), width=500))
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", coloured)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_a_terminal_underlines_the_clause(severity: Severity) -> None:
    shown = colourful(rich_renderable(reviewed(severity)))
    assert re.search("\x1b\\[4;3[0-9]m你等着吧，\x1b\\[0m别问了。", shown)
    assert "【" not in shown


def test_streamed_parts_hold_what_the_whole_holds() -> None:
    review = reviewed()
    stream = RewriteStream()
    body = "".join(stream.feed(piece) for piece in ["", "请您", "稍等，\n我", "马上查询。"])
    assert stream.text == REWRITE
    footer = rewrite_footer(review, streamed=stream.text, notice="提示语").plain()
    parts = verdict_block(review).plain() + rewrite_header().plain() + body + footer
    whole = render_plain(review, notice="提示语")
    assert (
        parts.replace("（核对中，请先不要复制）", "（已核对）").replace("\n核对结果：已核对\n", "\n") == whole
    )


@pytest.mark.parametrize("streamed", ["", "请您稍等，我查一下。"])
def test_a_rewrite_that_was_not_streamed_is_printed_whole(streamed: str) -> None:
    footer = rewrite_footer(reviewed(), streamed=streamed).plain()
    assert footer.startswith("\n建议回复（已核对）\n  请您稍等，\n  我马上查询。\n")


def test_a_streamed_rewrite_that_fails_verification_says_so() -> None:
    rewrite = RewriteOut(text=REWRITE, status="unverified", changed_facts=["3天"])
    footer = rewrite_footer(reviewed(rewrite=rewrite), streamed=REWRITE).plain()
    assert footer.startswith("\n核对结果：未通过核对，请勿直接发送\n  说明：事实有变：3天\n")


def test_streamed_text_is_escaped() -> None:
    assert RewriteStream().feed("好\x1b[2J\n的") == "  好<U+001B>[2J\n  的"


@pytest.mark.parametrize(
    ("environ", "is_terminal", "expected"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"NO_COLOR": "1"}, True, False),
        ({"NO_COLOR": ""}, True, True),
        ({"TERM": "dumb"}, True, False),
    ],
)
def test_colour_needs_a_terminal_that_wants_it(
    environ: dict[str, str], is_terminal: bool, expected: bool
) -> None:
    assert wants_colour(environ, is_terminal=is_terminal) is expected


def test_a_pass_with_reservations_says_so_in_its_first_line() -> None:
    assert "有保留" in render_plain(make_review(notes=["结论仅供参考。"])).splitlines()[0]
    assert "有保留" not in render_plain(make_review()).splitlines()[0]


def test_what_was_changed_stands_under_the_rewrite_with_its_rule() -> None:
    shown = render_plain(reviewed())
    assert "  － 你等着吧，别问了。 A01\n  ＋ 请您稍等，⏎我马上查询。 A01\n" in shown
    coloured = colourful(rich_renderable(reviewed()))
    assert "\x1b[31m－ 你等着吧，别问了。\x1b[0m" in coloured
    assert "\x1b[32m＋ 请您稍等，⏎我马上查询。\x1b[0m" in coloured


def test_a_verified_rewrite_with_placeholders_waits_to_be_filled_in() -> None:
    text = "[具体时间]前由[岗位]答复您。"
    rewrite = RewriteOut(text=text, status="verified", placeholders=["[具体时间]", "[岗位]"])
    shown = render_plain(reviewed(rewrite=rewrite))
    assert "建议回复（已核对，待填写）\n" in shown
    assert "  待填：[具体时间]、[岗位]\n" in shown
    footer = rewrite_footer(reviewed(rewrite=rewrite), streamed=text).plain()
    assert footer.startswith("\n核对结果：已核对，待填写\n  待填：[具体时间]、[岗位]\n")


@pytest.mark.parametrize(
    ("rewrite", "remark"),
    [
        (RewriteOut(text="请您稍等。", status="verified"), ""),
        (
            RewriteOut(text="[工号]", status="verified", placeholders=["[工号]"]),
            "已核对，待填写：[工号]。",
        ),
        (
            RewriteOut(text="请等。", status="unverified", changed_facts=["丢失：3天"]),
            "改写未通过核对，请勿直接发送：事实有变：丢失：3天。",
        ),
        (RewriteOut(text="", status="none", note="时间到限"), "没有改写：时间到限。"),
    ],
)
def test_a_rewrite_shown_alone_gets_one_line_where_it_cannot_just_be_sent(
    rewrite: RewriteOut, remark: str
) -> None:
    assert rewrite_remark(reviewed(rewrite=rewrite)) == remark


def test_a_draft_without_fault_needs_no_rewrite() -> None:
    assert rewrite_remark(make_review()) == "没有改写：没有发现问题。"
    assert rewrite_remark(make_review(not_assessed=[unanswered()])) == "没有改写：未能完成审核。"
