"""A mended reply changes what has to change, keeps the rest word for word, and is never empty."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.manual.catalogue import load_catalogue
from reviewer.resources import resource_dir
from reviewer.rewriting.facts import compare_facts
from reviewer.rewriting.mending import MAX_ADDED_CHARS, mend
from reviewer.rewriting.pieces import cut
from reviewer.rewriting.wordings import WordingBook, load_wordings
from reviewer.types import Conversation, Finding
from tests.rewriting.situations import asked, cited

CATALOGUE = load_catalogue(resource_dir("corpus"))
BOOK = load_wordings(resource_dir("corpus"), CATALOGUE)
RULES = [rule.id for rule in CATALOGUE.rules]
CLAUSES = [
    "您好，",
    "您的退款320元已提交，",
    "3个工作日内到账。",
    "包裹今天发出\n",
    "请您留意短信。",
    "这个我不知道，",
    "工单号是A1024，",
    "仓库在核对库存 ",
    "谢谢您的理解。",
    "😀",
]


def mended(conversation: Conversation, *findings: Finding) -> str:
    return mend(conversation, findings, BOOK).text


def test_a_draft_without_findings_stays_as_it_is() -> None:
    draft = " 您好，\n请您稍等 \n"
    assert mended(asked(draft)) == draft


def test_a_colleagues_number_goes_and_the_rest_stays() -> None:
    draft = "您好，您的报修已登记，单号A1024。老张手机13900001111，您直接打给他。"
    reply = mended(asked(draft), cited(CATALOGUE, "E02", draft, "13900001111", origin="check"))
    assert reply.startswith("您好，您的报修已登记，单号A1024。很抱歉，同事的个人号码不便提供")
    assert "139" not in reply
    assert "老张" not in reply


def test_the_comfort_stands_after_the_greeting_and_the_farewell_last() -> None:
    draft = "您好，请提供一下单号。"
    conversation = asked(draft, "等了三天还没到！", stage="closing")
    findings = [cited(CATALOGUE, "C08", draft), cited(CATALOGUE, "B01", draft)]
    reply = mended(conversation, *findings)
    parts = ["您好，", "让您等了这么久", "请提供一下单号。", "请问还有其他"]
    assert sorted(parts, key=reply.index) == parts


def test_nobody_greets_or_apologises_twice() -> None:
    draft = "喂，你爱投诉就去投诉。他电话13900001111。"
    findings = [
        cited(CATALOGUE, "A05", draft, "爱投诉就去投诉", origin="check"),
        cited(CATALOGUE, "E02", draft, "13900001111", origin="check"),
        cited(CATALOGUE, "C01", draft),
    ]
    reply = mended(asked(draft, stage="opening"), *findings)
    assert reply.count("抱歉") == 1
    assert reply.count("您好") == 1
    assert reply.startswith("您好，感谢您的咨询，")


def test_one_clause_cited_twice_gets_the_graver_mend_alone() -> None:
    draft = "我私下给您打八折，您转我微信就行。"
    findings = [
        cited(CATALOGUE, "D03", draft, "我私下给您打八折，"),
        cited(CATALOGUE, "E03", draft, "您转我微信就行。"),
    ]
    assert (
        mended(asked(draft), *findings)
        == "为了保障您的权益，请您通过官方渠道下单和付款，有需要我可以协助您办理。"
    )


def test_a_clause_with_facts_is_softened_not_dropped() -> None:
    draft = "你的320元3天内到账，你等短信。"
    reply = mended(asked(draft), cited(CATALOGUE, "A01", draft, "你", origin="check"))
    assert reply == "您的320元3天内到账，您等短信。"


def test_facts_stay_where_the_rule_does_not_demand_that_they_go() -> None:
    draft = "查不了，您的押金200元自己去柜台问。"
    reply = mended(asked(draft), cited(CATALOGUE, "B05", draft, "您的押金200元自己去柜台问。"))
    assert "您的押金200元自己去柜台问。" in reply
    assert "这件事我来为您查询" in reply


def test_facts_go_where_the_rule_demands_it() -> None:
    draft = "您这单可退64元，我做主给您退128元。"
    outcome = mend(
        asked(draft, "赔我！"), [cited(CATALOGUE, "D02", draft, "我做主给您退128元", origin="check")], BOOK
    )
    assert outcome.text.startswith("您这单可退64元。您的诉求我现在上报主管审批")
    assert "128" not in outcome.text
    assert [span.text for span in outcome.dropped] == ["我做主给您退128元。"]


def test_what_stands_in_quotation_marks_is_not_exchanged() -> None:
    draft = "你点【猜你喜欢】就行。"
    assert (
        mended(asked(draft), cited(CATALOGUE, "A01", draft, "你", origin="check")) == "您点【猜你喜欢】就行。"
    )


def test_bubbles_stay_bubbles() -> None:
    draft = "退款已经提交\n这个我不知道\n祝您生活愉快"
    reply = mended(asked(draft), cited(CATALOGUE, "A02", draft, "这个我不知道"))
    first, second, third = reply.split("\n")
    assert (first, third) == ("退款已经提交", "祝您生活愉快")
    assert "核实" in second


def test_a_rule_that_only_bans_a_tone_adds_nothing_when_something_is_left() -> None:
    draft = "明天上午送到。都说几遍了，等着吧。"
    assert mended(asked(draft), cited(CATALOGUE, "A04", draft, "都说几遍了，")) == "明天上午送到。"
    alone = "都说几遍了，等着吧。"
    assert "核实" in mended(asked(alone), cited(CATALOGUE, "A04", alone, "都说几遍了，"))


def test_a_later_wording_is_tried_when_the_first_did_not_help() -> None:
    draft = "这个我不知道。"
    finding = cited(CATALOGUE, "A02", draft, draft)
    first, second = (mend(asked(draft), [finding], BOOK, attempts={"A02": n}).text for n in (0, 1))
    assert first != second


def test_a_rule_without_a_wording_is_named() -> None:
    draft = "这个我不知道。"
    outcome = mend(asked(draft), [cited(CATALOGUE, "A02", draft, draft)], WordingBook())
    assert (outcome.text, outcome.speechless) == (draft, ("A02",))


def test_which_words_of_the_draft_a_part_of_the_reply_is() -> None:
    draft = "您好，请提供单号。"
    outcome = mend(asked(draft), [cited(CATALOGUE, "B01", draft)], BOOK)
    new = [place for place, piece in outcome.places if piece.rule == "B01"]
    assert [outcome.is_new(place) for place, _ in outcome.places] == [False, True, False]
    assert outcome.in_draft(new[0]) == ()
    assert [span.text for span in outcome.in_draft(outcome.places[-1][0])] == ["请提供单号。"]
    assert all(outcome.text[place.start : place.end] == place.text for place, _ in outcome.places)


@st.composite
def breaches(draw: st.DrawFn) -> tuple[str, list[Finding]]:
    """Draw a draft of known clauses and findings on some of them, or on none."""
    draft = "".join(draw(st.lists(st.sampled_from(CLAUSES), min_size=1, max_size=6)))
    texts = [piece.text for piece in cut(draft)]
    rules = draw(st.lists(st.sampled_from(RULES), min_size=1, max_size=4, unique=True))
    return draft, [
        cited(CATALOGUE, rule, draft, *draw(st.lists(st.sampled_from(texts), max_size=2, unique=True)))
        for rule in rules
    ]


@settings(deadline=None, max_examples=150)
@given(breaches())
def test_what_is_not_mended_stays_word_for_word_and_in_order(case: tuple[str, list[Finding]]) -> None:
    draft, findings = case
    outcome = mend(asked(draft), findings, BOOK)
    kept = [piece.span for _, piece in outcome.places if piece.span is not None]
    assert kept == sorted(kept, key=lambda span: span.start)
    at = 0
    for _, piece in outcome.places:
        if piece.span is not None and not piece.rule:
            assert piece.text == piece.span.text
            at = outcome.text.index(piece.words, at) + len(piece.words)


@settings(deadline=None, max_examples=150)
@given(breaches())
def test_no_fact_is_lost_or_made_up(case: tuple[str, list[Finding]]) -> None:
    draft, findings = case
    outcome = mend(asked(draft), findings, BOOK)
    known = "\n".join(finding.rule.text for finding in findings)
    changes = compare_facts(draft, outcome.text, removable=outcome.dropped, known=known)
    assert changes.missing == changes.invented == ()


@settings(deadline=None, max_examples=150)
@given(breaches())
def test_a_reply_has_words_and_stays_near_the_draft(case: tuple[str, list[Finding]]) -> None:
    draft, findings = case
    text = mend(asked(draft), findings, BOOK).text
    assert any(char.isalnum() for char in text)
    assert len(text) <= len(draft) + MAX_ADDED_CHARS + len(draft)


@given(st.text(alphabet="好的，。！ \n你a1😀～", max_size=30))
def test_pieces_and_gaps_are_the_draft(draft: str) -> None:
    pieces = cut(draft)
    assert "".join(piece.gap + piece.text for piece in pieces) == draft[: len(draft.rstrip())] or not pieces
    assert all(piece.span and draft[piece.span.start : piece.span.end] == piece.text for piece in pieces)


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_mends_its_own_bad_example(rule: str) -> None:
    own = CATALOGUE.rule(rule)
    reply = mended(asked(own.bad, own.good_context.customer), cited(CATALOGUE, rule, own.bad, own.bad))
    assert reply not in ("", own.bad)
