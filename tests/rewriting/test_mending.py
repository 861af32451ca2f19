"""A mended reply changes what has to change, keeps the rest word for word, and is never empty."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reviewer.manual.catalogue import load_catalogue
from reviewer.resources import resource_dir
from reviewer.rewriting import mending
from reviewer.rewriting.facts import Fact, compare_facts, extract_facts
from reviewer.rewriting.mending import mend
from reviewer.rewriting.pieces import cut
from reviewer.rewriting.planning import MAX_ADDED_CHARS
from reviewer.rewriting.wordings import WordingBook, load_wordings
from reviewer.types import Conversation, Finding, Span
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


def test_a_condition_stays_when_something_is_missing() -> None:
    draft = "吊牌别剪，不影响二次销售，可以退。"
    assert "不影响二次销售" in mended(asked(draft), cited(CATALOGUE, "B03", draft))


def test_a_bare_greeting_is_empty_though_a_wording_was_thought_of() -> None:
    draft = "您好。乳牙反正要换的，应该不用补。"
    finding = cited(CATALOGUE, "D04", draft)
    rest = Span(3, len(draft), draft[3:])
    left = mend(asked(draft, "牙黑了一块要补吗"), [finding], BOOK, suspect=[rest])
    assert (left.text, left.empty) == ("您好。", True)
    assert not mend(asked(draft, "牙黑了一块要补吗"), [finding], BOOK).empty


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
    outcome = mend(asked(draft, "还没到！"), [cited(CATALOGUE, "B01", draft)], BOOK)
    new = [place for place, piece in outcome.places if piece.rule == "B01"]
    assert [outcome.is_new(place) for place, _ in outcome.places] == [False, True, False]
    assert outcome.in_draft(new[0]) == ()
    assert [span.text for span in outcome.in_draft(outcome.places[-1][0])] == ["请提供单号。"]
    assert all(outcome.text[place.start : place.end] == place.text for place, _ in outcome.places)


@pytest.mark.parametrize(
    ("draft", "rule", "quote", "kept"),
    [
        ("应该能退吧，运费一般是12元的。您先确定尺码", "D01", "应该能退吧", "运费一般是12元的。您先确定尺码"),
        ("打开设置，第二步点账号安全，第三步改密码。懂了吗", "A04", "第二步点账号安全", "第二步点账号安全"),
        ("第一步打开设置，第三步你赶紧改密码。", "A03", "第三步你赶紧改密码", "第三步麻烦您改密码。"),
        ("您可以自己打物流电话问，物流显示已经签收", "B05", "您可以自己打物流电话问", "物流显示已经签收"),
        ("处理完了，给个五星。您订的五星级酒店已确认", "C09", "给个五星", "您订的五星级酒店已确认"),
        (
            "肯定是您自己弄错了。您的订单没有问题，已经发货。",
            "B02",
            "肯定是您自己弄错了",
            "您的订单没有问题，已经发货。",
        ),
        ("蠢货。不支持现金退款，需要提供银行卡号", "A05", "蠢货", "不支持现金退款，需要提供银行卡号"),
        ("蠢货，在派送", "A05", "蠢货", "在派送"),
        ("烦死了，快递单号SF1234567890，在派送", "A04", "烦死了", "快递单号SF1234567890，在派送"),
        (
            "我做主给您免单。另外发票可以补开，还需要您补充身份证照片。",
            "D02",
            "我做主",
            "另外发票可以补开，还需要您补充身份证照片。",
        ),
        ("我做主给您免单。不用您提供材料。请放心使用。", "D02", "我做主", "不用您提供材料。请放心使用。"),
        ("全怪我们。责任认定需要您签字。", "B04", "全怪我们", "责任认定需要您签字。"),
        (
            "这个歌名叫《你好》，你直接搜就行，赶紧",
            "S07",
            "这个歌名叫《你好》",
            "这个歌名叫《你好》，你直接搜就行",
        ),
        ("给您打八折。请勿私下转账，旧版删掉再装。", "D03", "给您打八折", "请勿私下转账，旧版删掉再装。"),
        (
            "一般投诉15个工作日回您。到期后自动退回余额。",
            "C07",
            "一般投诉15个工作日回您。",
            "到期后自动退回余额",
        ),
        ("我不清楚。只退不换。", "A02", "我不清楚。", "只退不换"),
        ("这个没办法。只送到楼下。", "A02", "这个没办法。", "只送到楼下"),
        ("这事没人管。至于运费，由我们承担。", "C05", "这事没人管。", "至于运费"),
    ],
)
def test_an_answer_that_nobody_cites_stays(draft: str, rule: str, quote: str, kept: str) -> None:
    outcome = mend(asked(draft), [cited(CATALOGUE, rule, draft, quote)], BOOK)
    assert kept in outcome.text
    assert outcome.lost == ()


def test_what_belongs_to_a_promise_goes_with_its_sentence() -> None:
    draft = "这单我给您免了，赔您500，明天到账。另外您的发票已开，金额899元。"
    outcome = mend(asked(draft, "赔我！"), [cited(CATALOGUE, "D02", draft, "这单我给您免了")], BOOK)
    assert outcome.text.startswith("另外您的发票已开，金额899元。您的诉求我现在上报主管审批")
    assert "500" not in outcome.text
    assert "到账" not in outcome.text
    (pattern,) = outcome.forbidden
    assert re.search(pattern, draft)
    assert not re.search(pattern, outcome.text)


def test_a_fact_in_the_sentence_of_a_promise_is_told() -> None:
    draft = "我做主给您免了，三年不带花的，运费12元。"
    outcome = mend(asked(draft), [cited(CATALOGUE, "D02", draft, "我做主给您免了")], BOOK)
    assert "三年" not in outcome.text
    assert "运费12元。" in outcome.text
    assert [span.text for span in outcome.lost] == ["三年不带花的，"]


def test_a_finding_on_one_word_does_not_cite_what_another_rule_takes() -> None:
    draft = "应该能退吧。你的快递应该是放在驿站的。"
    guess = cited(CATALOGUE, "D01", draft, "应该能退吧。")
    address = cited(CATALOGUE, "A01", draft, "你", origin="check")
    lost = mend(asked(draft), [guess, address], BOOK).lost
    assert [span.text for span in lost] == ["你的快递应该是放在驿站的。"]
    both = cited(CATALOGUE, "B02", draft, "你的快递应该是放在驿站的。")
    assert mend(asked(draft), [guess, both], BOOK).lost == ()


def test_a_gift_on_top_and_the_plea_to_keep_it_quiet_go_by_their_own_patterns() -> None:
    draft = "我做主给您免了，外加半年会员。千万别提我。"
    outcome = mend(asked(draft), [cited(CATALOGUE, "D02", draft, "我做主给您免了")], BOOK)
    assert outcome.text in [wording.text for wording in BOOK.mendings["D02"].wordings]
    assert outcome.lost == ()


def test_a_sum_beside_an_admission_of_guilt_goes_and_is_told() -> None:
    draft = "上周就没货了，肯定是我们仓库搞错了，全赖我们，照价赔您300元"
    outcome = mend(asked(draft), [cited(CATALOGUE, "B04", draft, "全赖我们")], BOOK)
    assert outcome.text.startswith("很抱歉让您遇到这样的事。上周就没货了。事情的经过我先为您核实")
    assert [span.text for span in outcome.lost] == ["照价赔您300元"]


def test_an_insult_in_the_words_of_sympathy_goes_too() -> None:
    draft = "你理解能力太差了吧，蠢货，退款3月5日到账"
    outcome = mend(asked(draft), [cited(CATALOGUE, "A05", draft, "蠢货", origin="check")], BOOK)
    assert "理解能力" not in outcome.text
    assert outcome.text.endswith("退款3月5日到账")
    assert outcome.lost == ()


def test_a_refusal_does_not_stand_before_the_apology_as_a_greeting() -> None:
    draft = "您好，这里是没法给您退款的，您爱找谁找谁，有病吧"
    reply = mended(asked(draft, "气死我了"), cited(CATALOGUE, "A05", draft, "有病吧"))
    assert reply.startswith("您好，遇到这样的情况，换谁心里都不舒服，非常抱歉。")
    assert reply.index("抱歉") < reply.index("没法给您退款")
    assert "找谁" not in reply


def test_a_leak_takes_all_of_the_other_person_along() -> None:
    draft = "他姓李，在成都上班。他住3栋502，电话13900001111，后排靠窗，您的单号A1024已登记。"
    finding = cited(CATALOGUE, "E01", draft, "13900001111", origin="check")
    outcome = mend(asked(draft, "他电话多少"), [finding], BOOK)
    assert outcome.text.startswith("您的单号A1024已登记。很抱歉，客户的信息需要保密")
    assert outcome.lost == ()


def test_a_private_price_goes_with_all_that_advertises_it() -> None:
    draft = "官网是1200元。我这儿另外有个内部价900元，名额不多。快递明天到。"
    finding = cited(CATALOGUE, "D03", draft, "我这儿另外有个内部价900元，")
    reply = mended(asked(draft, "能便宜吗"), finding)
    assert reply.startswith("官网是1200元。快递明天到。价格是公司统一定的")
    assert "900" not in reply
    assert "名额" not in reply


def test_nothing_stays_that_makes_no_sense_by_itself() -> None:
    draft = "可以呀，您要是不开票，我给您打八折，再送一次保养。发票已寄出。"
    finding = cited(CATALOGUE, "D03", draft, "我给您打八折，")
    assert mended(asked(draft), finding).startswith("发票已寄出。价格以公司统一报价为准")


def test_a_reply_has_one_sentence_of_each_kind() -> None:
    draft = "这个我不知道。系统不会错，肯定是您弄错了。回头再说。"
    findings = [
        cited(CATALOGUE, "A02", draft, "这个我不知道。"),
        cited(CATALOGUE, "B02", draft, "肯定是您弄错了。"),
        cited(CATALOGUE, "C06", draft, "回头再说。"),
        *(cited(CATALOGUE, rule, draft) for rule in ("B01", "B03", "C11")),
    ]
    reply = mended(asked(draft, "等了三天还没到！"), *findings)
    assert reply.count("抱歉") == 1
    assert reply.count("核") <= 1
    assert reply.count("[具体时间]") == 1


def test_what_the_draft_asks_for_is_asked_at_once() -> None:
    draft = "座位号发一下。证件号也发。对了联系电话呢？"
    reply = mended(asked(draft), cited(CATALOGUE, "B08", draft, "证件号也发。"))
    assert reply == "为了核实情况、给您办理，麻烦您一次提供座位号、证件号、联系电话，可以吗？"


def test_a_suspect_sentence_goes_and_its_facts_are_told() -> None:
    draft = "这个我不知道。您等着瞧，我们明天上门。运费12元。"
    start = draft.index("您等着瞧")
    suspect = (Span(start, start + 5, "您等着瞧，"),)
    outcome = mend(asked(draft), [cited(CATALOGUE, "A02", draft, "这个我不知道。")], BOOK, suspect=suspect)
    assert "明天" not in outcome.text
    assert outcome.rest.text == "运费12元。"
    assert [span.text for span in outcome.lost] == ["我们明天上门。"]


def test_bare_keeps_facts_and_business_alone() -> None:
    draft = "您好，这个我不知道。那边风景好看得很呢。运费12元。"
    finding = cited(CATALOGUE, "A02", draft, "这个我不知道。")
    reply = mend(asked(draft), [finding], BOOK, bare=True).text
    assert reply.startswith("您好，运费12元。您说的情况")
    assert "风景" in mended(asked(draft), finding)


@pytest.mark.parametrize(
    ("rule", "draft", "reply"),
    [
        ("A01", "喂食器可以定时，你放心。", "喂食器可以定时，您放心。"),
        ("A01", "已登记。你等着吧。", "已登记。"),
        ("A01", "已登记。随便你", "已登记。"),
        ("A01", "点击“你好，我同意”按钮，你看下", "点击“你好，我同意”按钮，您看下"),
        ("A01", '你发"你好"到10086，发‘你好，在吗’也行', '您发"你好"到10086，发‘你好，在吗’也行'),
        ("A03", "系统识别问题已修复，你赶紧发", "系统识别问题已修复，麻烦您发"),
        ("A03", "这里特别说明：验证码不要说给任何人。别问那么多。", "这里特别说明：验证码不要说给任何人。"),
        ("A03", "点击“我同意，别问那么多”按钮，你赶紧发", "点击“我同意，别问那么多”按钮，麻烦您发"),
        ("A08", "好滴，退回您的支付宝，充电宝，买来干嘛～", "好的，退回您的支付宝，充电宝，买来干嘛。"),
        ("A08", "在的宝，母亲亲自来取", "在的，母亲亲自来取"),
        ("C06", "稍后会尽快回复您", "[具体时间]前回复您"),
        ("C06", "收到时我会尽快处理", "收到时我[具体时间]前处理"),
    ],
)
def test_words_are_exchanged_where_they_mean_what_the_rule_means(rule: str, draft: str, reply: str) -> None:
    whole = () if rule == "A08" else (draft,)
    assert mended(asked(draft), cited(CATALOGUE, rule, draft, *whole)) == reply


def test_what_stands_in_quotation_marks_goes_whole_or_not_at_all() -> None:
    draft = "请点“好的，这个我不知道，跳过”继续。"
    assert [piece.text for piece in cut(draft)] == [draft]


def test_jargon_leaves_no_half_sentence() -> None:
    draft = "OLT侧LOS告警，等NOC派单。"
    reply = mended(asked(draft), cited(CATALOGUE, "A09", draft, "OLT侧LOS告警，"))
    assert reply == "简单来说，[通俗的说明]。不知我这样说是否清楚？"


def test_a_question_back_needs_no_apology_and_no_second_question() -> None:
    draft = "那就给您退了吧"
    findings = [
        cited(CATALOGUE, "C03", draft, draft),
        *(cited(CATALOGUE, rule, draft) for rule in ("B03", "B07")),
    ]
    assert mended(asked(draft), *findings) == BOOK.mendings["C03"].wordings[0].text


def test_an_apology_of_the_draft_is_not_repeated_within_a_wording() -> None:
    draft = "对不起，这全是我们的错，我们负全责。"
    finding = cited(CATALOGUE, "B04", draft, "这全是我们的错，")
    replies = [mend(asked(draft), [finding], BOOK, attempts={"B04": n}).text for n in (0, 1)]
    assert replies[0].startswith("对不起。事情的经过我先为您核实")
    assert replies[1].startswith("对不起。具体原因")
    assert not any("负全责" in reply for reply in replies)


def test_a_denial_does_not_stay_beside_the_promise_to_look_into_it() -> None:
    draft = "30元就是流量费，肯定是您用的。"
    outcome = mend(asked(draft, "多扣了我30元"), [cited(CATALOGUE, "B02", draft, "30元就是流量费")], BOOK)
    assert "流量费" not in outcome.text
    assert outcome.lost == ()


def test_the_facts_of_a_long_draft_are_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(text: str) -> tuple[Fact, ...]:
        read.append(text)
        return extract_facts(text)

    monkeypatch.setattr(mending, "extract_facts", counted)
    draft = "等着，" * 1333
    mend(asked(draft), [cited(CATALOGUE, "A04", draft, draft)], BOOK)
    assert len(read) <= 2


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
    told = (*outcome.dropped, *outcome.lost)
    changes = compare_facts(draft, outcome.text, removable=told, known=known)
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
