"""Facts have one notation, generic words are none, and a rewrite is compared by value."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reviewer.rewriting.facts import FactChanges, compare_facts, extract_facts, placeholders
from reviewer.types import Span


def values(text: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.value) for fact in extract_facts(text)]


@pytest.mark.parametrize(
    ("writings", "fact"),
    [
        (
            ("300元", "３００元", "300.00元", "￥300", "¥ 300", "三百元", "三百块钱", "300块", "300 元"),
            ("money", "300元"),
        ),
        (("1,299元", "1299元", "一千二百九十九元", "￥1,299.00"), ("money", "1299元")),
        (("5万元", "50000元", "五万元"), ("money", "50000元")),
        (("5块5", "5.5元", "五块5"), ("money", "5.5元")),
        (("3毛", "0.3元", "3角"), ("money", "0.3元")),
        (("100-200元", "100元到200元", "100～200元"), ("money", "100~200元")),
        (("5%", "５％", "百分之五", "5个百分点"), ("percent", "5%")),
        (("85折", "8.5折", "八五折"), ("discount", "8.5折")),
        (("3天", "三天", "３ 天", "3日内", "3个自然日"), ("duration", "3天")),
        (("2小时", "两小时", "两个小时", "120分钟", "2个钟头"), ("duration", "120分钟")),
        (("一个半小时", "1.5小时", "90分钟"), ("duration", "90分钟")),
        (("3-5个工作日", "3到5个工作日", "三至五个工作日", "3～5工作日"), ("duration", "3~5个工作日")),
        (("半年", "六个月", "6个月"), ("duration", "6个月")),
        (("两周", "2星期", "14天"), ("duration", "14天")),
        (("18点", "18:00", "18：00", "下午6点", "傍晚六点", "下午6时", "18点整"), ("time", "18:00")),
        (("8点半", "8:30", "早上8点30分", "八点半"), ("time", "08:30")),
        (("中午12点半", "12:30"), ("time", "12:30")),
        (("下午2点到4点", "14点-16点", "14:00~16:00", "下午两点至四点"), ("time", "14:00~16:00")),
        (("2025年3月2日", "2025-03-02", "2025/3/2", "２０２５年３月２号"), ("date", "2025年3月2日")),
        (("3月2日", "3月2号", "三月二号"), ("date", "3月2日")),
        (("15号", "15日", "十五号"), ("date", "15日")),
        (("周三", "星期三", "礼拜三"), ("day", "周三")),
        (("明天", "明日"), ("day", "明天")),
        (("3件", "3 件", "３件"), ("quantity", "3件")),
        (("2.5公斤", "2.5kg", "2.5千克"), ("quantity", "2.5公斤")),
        (("13812340098", "138-1234-0098", "１３８ １２３４ ００９８"), ("phone", "13812340098")),
        (("400-812-0098", "4008120098"), ("phone", "4008120098")),
        (("6217 0000 5566 3393", "6217-0000-5566-3393"), ("card", "6217000055663393")),
        (("工号1024", "工号是1024", "1024号客服", "１０２４号为您服务"), ("work_number", "1024")),
        (("SF1234567890", "sf1234567890"), ("code", "sf1234567890")),
        (("KS-200", "ｋｓ-200"), ("code", "ks-200")),
        (("《退换货政策》", "《退换货 政策》"), ("policy", "退换货政策")),
        (("王师傅", "王師傅"), ("person", "王师傅")),
        (("https://a.example/b?c=1", "https://a.example/b?c=1。"), ("url", "https://a.example/b?c=1")),
        (("kf@a.example", "ＫＦ@a.example"), ("email", "kf@a.example")),
        (("138****0098",), ("masked", "138****0098")),
    ],
)
def test_all_writings_of_a_fact_have_one_value(writings: tuple[str, ...], fact: tuple[str, str]) -> None:
    for writing in writings:
        assert values(writing) == [fact], writing
        assert values(f"好的，{writing}，您看可以吗？") == [fact], writing


@pytest.mark.parametrize(
    "text",
    [
        "",
        "请您稍等一下，我马上为您查看。",
        "快一点，再说一遍，一起处理，一直在线",
        "第一步打开“我的”，第2步点账单，第三点请注意",
        "我有一个问题，两种办法，三位同事都在",
        "24小时在线客服，全天24小时营业，7×24小时热线",
        "等了半天，一天到晚，有一天",
        "百分百满意，100%用心",
        "万一有问题，千万别急，十分感谢，百度一下",
        "您提的两点建议我记下了，这一块我们会改进",
        "1. 打开设置 2. 点保存",
        "[具体时间]前由[岗位2]给您回电",
        "小程序里可以查，小时候，老顾客，小于标准",
        "几天前，三五天，十几块，好几百人",
        "责任主管会处理",
    ],
)
def test_generic_words_are_no_facts(text: str) -> None:
    assert values(text) == []


def test_facts_of_a_whole_reply_in_order() -> None:
    draft = "王师傅明早9点到11点上门，检测费50元，订单JD2025030199，七天内可退，工号1024，电话13812340098。"
    assert values(draft) == [
        ("person", "王师傅"),
        ("day", "明天"),
        ("time", "09:00~11:00"),
        ("money", "50元"),
        ("code", "jd2025030199"),
        ("duration", "7天"),
        ("work_number", "1024"),
        ("phone", "13812340098"),
    ]


@pytest.mark.parametrize(
    ("draft", "rewrite"),
    [
        ("退款３００元三天内到。", "您好，300元退款3天内到账。"),
        ("晚上8点前回电", "20:00前给您回电"),
        ("金额是300", "金额是300元"),
        ("我是1024号客服", "我的工号是1024"),
        ("补发1瓶", "给您补发一瓶"),
        ("需要两张照片", "麻烦您提供2张照片"),
        ("请看退换货政策", "请您查看《退换货政策》"),
        ("欠两万三", "您还欠23000元"),
        ("等了半天", "让您久等了"),
    ],
)
def test_the_same_facts_in_other_words_are_kept(draft: str, rewrite: str) -> None:
    assert compare_facts(draft, rewrite) == FactChanges()


@pytest.mark.parametrize(
    ("draft", "rewrite", "missing", "invented"),
    [
        ("退您300元", "退您500元", ["300元"], ["500元"]),
        ("3个工作日内到账", "3天内到账", ["3个工作日"], ["3天"]),
        ("3-5个工作日到账", "5个工作日到账", ["3~5个工作日"], ["5个工作日"]),
        ("下午6点前", "早上6点前", ["18:00"], ["06:00"]),
        ("周三送到", "周五送到", ["周三"], ["周五"]),
        ("订单JD2025030199已发", "您的订单已发出", ["jd2025030199"], []),
        ("王师傅会到", "李师傅会到", ["王师傅"], ["李师傅"]),
        ("好的，我来查", "好的，2小时内答复您", [], ["120分钟"]),
        ("尾号7764", "尾号7746", ["7764"], ["7746"]),
        ("打8折", "打9折", ["8折"], ["9折"]),
    ],
)
def test_a_changed_fact_is_missing_and_invented(
    draft: str, rewrite: str, missing: list[str], invented: list[str]
) -> None:
    changes = compare_facts(draft, rewrite)
    assert [fact.value for fact in changes.missing] == missing
    assert [fact.value for fact in changes.invented] == invented
    assert all(fact.span.text == draft[fact.span.start : fact.span.end] for fact in changes.missing)
    assert all(fact.span.text == rewrite[fact.span.start : fact.span.end] for fact in changes.invented)


def test_facts_in_removable_spans_may_go_but_not_their_twins_elsewhere() -> None:
    draft = "20个工作日后回您，费用50元。"
    at = draft.index("20个工作日后回您")
    removable = [Span(at, at + 8, draft[at : at + 8])]
    assert compare_facts(draft, "费用50元，[具体时间]答复您。", removable=removable) == FactChanges()
    twice = f"{draft}记住是20个工作日。"
    changes = compare_facts(twice, "费用50元。", removable=removable)
    assert [fact.span.start for fact in changes.missing] == [twice.rindex("20个工作日")]


def test_what_is_known_is_not_invented() -> None:
    known = "查询15分钟内答复；年费300元。\n客户：周三行不行"
    assert compare_facts("我查一下", "周三可以，15分钟内答复您，年费３００元。", known=known) == FactChanges()


def test_placeholders_are_no_facts_and_are_listed() -> None:
    text = "您好，[工号]为您服务，［具体时间］前回电，[2小时]内到。"
    assert placeholders(text) == ("[工号]", "［具体时间］", "[2小时]")
    assert compare_facts("好的", text) == FactChanges()
    assert placeholders("没有【品牌】占位") == ()


def test_each_changed_value_is_reported_once() -> None:
    assert len(compare_facts("300元，三百元，300元", "好的").missing) == 1


@pytest.mark.parametrize(
    "filler", ["1", "一", "1点", "a1-", "1,", "《", "300元，", "24小时", "http://a.", "*"]
)
def test_twenty_thousand_characters_are_compared(filler: str) -> None:
    text = (filler * 20_000)[:20_000]
    assert compare_facts(text, text) == FactChanges()


FRAGMENTS = st.sampled_from(
    [
        "退款",
        "300元",
        "3-5个工作日",
        "18:30",
        "下午6点",
        "3月2日",
        "15号",
        "工号1024",
        "KS-200",
        "王师傅",
        "八五折",
        "一个",
        " ",
        "，",
    ]
)
TEXTS = st.lists(st.one_of(FRAGMENTS, st.text(max_size=3)), max_size=10).map("".join)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")


@given(TEXTS)
def test_full_width_digits_change_nothing(text: str) -> None:
    assert values(text.translate(FULL_WIDTH)) == values(text)


@given(TEXTS)
def test_a_text_compared_with_itself_is_unchanged(text: str) -> None:
    assert compare_facts(text, text) == FactChanges()
    assert compare_facts("", text, known=text) == FactChanges()


@given(TEXTS)
@example("18:30¼0")
def test_facts_are_verbatim_in_order_and_do_not_overlap(text: str) -> None:
    at = 0
    for fact in extract_facts(text):
        assert fact.span.start >= at
        assert fact.span.text == text[fact.span.start : fact.span.end] != ""
        assert fact.value
        at = fact.span.end
