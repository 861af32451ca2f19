"""Lines into units and sections: joined, cut, numbered, headed."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.ingestion.limits import Limits
from reviewer.ingestion.numbering import number_of
from reviewer.ingestion.outline import Section, sections_of, title_of
from reviewer.ingestion.readers.registry import read_document
from reviewer.ingestion.units import Unit, units_of
from reviewer.ingestion.wording import durations, quotations, sentences


def units(text: str) -> list[Unit]:
    document = read_document(text.encode(), "a.txt", Limits())
    return units_of(document.text, document.blocks)


def outline(text: str) -> dict[str, list[str]]:
    return {section.heading: [unit.words for unit in section.units] for section in sections_of(units(text))}


@pytest.mark.parametrize(
    ("text", "style", "ordinal"),
    [
        ("第三条 应当礼貌", "article", "三"),
        ("第二章总则", "chapter", "二"),
        ("步骤1：响应", "step", "1"),
        ("一、称呼", "cn", "一"),
        ("（二）退换", "cn_paren", "二"),
        ("1.2 时限", "dotted", "1.2"),
        ("3、不得敷衍", "num", "3"),
        ("(4) 致歉", "num_paren", "4"),
        ("B、核实", "alpha", "B"),
        ("②. 核实", "circle", "②"),
        ("• 核实", "bullet", "•"),
        ("- 1、核实", "num", "1"),
        ("√ 请稍等", "right", "√"),
        ("× 等着", "wrong", "×"),
    ],
)
def test_numbers_and_marks_are_recognised(text: str, style: str, ordinal: str) -> None:
    number = number_of(text)
    assert number is not None
    assert (number.style, number.ordinal) == (style, ordinal)


@pytest.mark.parametrize(
    "text", ["24 小时内答复", "3.5元起", "100分制", "一般投诉当日办结", "第三方不得介入", "- - - -"]
)
def test_quantities_are_not_numbers_of_lines(text: str) -> None:
    number = number_of(text)
    assert number is None or number.style == "bullet"


def test_headings_nest_by_their_style() -> None:
    assert outline(
        "接待守则\n一、称呼\n1、应当用敬语。\n二、时限\n（一）电话\n1、三声内接听。\n（二）在线\n1、当日答复客人。\n"
    ) == {
        "接待守则 / 称呼": ["应当用敬语。"],
        "接待守则 / 时限 / 电话": ["三声内接听。"],
        "接待守则 / 时限 / 在线": ["当日答复客人。"],
    }


def test_a_second_manual_in_the_same_file_begins_anew() -> None:
    found = outline("接待守则\n一、称呼\n1、应当用敬语。\n退换守则\n一、时限\n1、应当七日内答复客人。\n")
    assert list(found) == ["接待守则 / 称呼", "退换守则 / 时限"]


def test_short_numbered_lines_are_a_list_not_headings() -> None:
    assert outline("禁语\n一、不能说的话\n1、不知道\n2、自己看\n3、等着\n") == {
        "禁语 / 不能说的话": ["不知道", "自己看", "等着"]
    }


def test_lines_of_one_sentence_are_joined() -> None:
    text = "应当在客人进门之后的第一时间主动上前问候并且引导客人到合适的\n座位就座。\n不得冷落客人。\n"
    assert [unit.words for unit in units(text)] == [
        "应当在客人进门之后的第一时间主动上前问候并且引导客人到合适的座位就座。",
        "不得冷落客人。",
    ]


LOST = (
    "接待问答客人要找店长时：√ 店员：“请您稍坐，我去请店长过来，好吗？”× “店长没空！”客人打听别的客人时："
    "√ 店员：“很抱歉，客人的情况我们要保密。”× 不可以说：“他刚走，你去追吧。”客人要求打折时："
    "√ 店员：“目前是统一价。”"
)


def test_situations_and_marks_are_found_where_line_breaks_were_lost() -> None:
    found = sections_of(units(LOST))
    assert [section.path[-1] for section in found] == [
        "接待问答客人要找店长时",
        "客人打听别的客人时",
        "客人要求打折时",
    ]
    assert [unit.style for unit in found[0].units] == ["right", "wrong"]
    assert found[1].units[1].words == "不可以说：“他刚走，你去追吧。”"


def test_numbers_inside_a_long_paragraph_begin_lines_in_their_order() -> None:
    text = (
        "一、说明：本店接待分三步。 A、先问候，让客人坐下，再问清来意，不要急于介绍商品，也不要让客人久等。"
        " B、再核实，看清单据上的日期和金额，与系统里的记录逐项对照。"
        " C、最后答复客人，说明办法和时间；型号 E、F 两款除外。"
    )
    assert [unit.style for unit in units(text)] == ["cn", "alpha", "alpha", "alpha"]


def test_a_table_that_came_one_cell_a_line_is_put_together() -> None:
    text = (
        "话术\n1.咨询\n阶段\n话术\n注意\n问候\n“您好，欢迎光临。”\n面向客人。\n结尾\n“请慢走。”\n送到门口。\n"
        "2.投诉\n阶段\n话术\n注意\n安抚\n“非常抱歉。”\n先听完。\n"
    )
    blocks = [unit.block for unit in units(text) if unit.block.cells]
    assert [block.columns for block in blocks] == [("阶段", "话术", "注意")] * 3
    firsts = [block.cells[0] for block in blocks]
    assert [text[first:last] for first, last in firsts] == ["问候", "结尾", "安抚"]


def test_the_title_is_the_first_line_unless_it_is_a_sentence() -> None:
    assert title_of(units("接待守则\n应当礼貌。\n")) == "接待守则"
    assert title_of(units("应当礼貌。\n接待守则\n")) == ""
    assert title_of([]) == ""


def test_quotations_survive_marks_typed_the_wrong_way() -> None:
    def quoted(text: str) -> list[str]:
        return [text[first:last] for first, last in quotations(text)]

    assert quoted("别回“没货“两个字，改说“马上补”。") == ["没货", "马上补"]
    assert quoted('“早"在门口，“慢走”在柜台') == ["早", "慢走"]
    assert quoted("他喊：“怎么回事" + "，没有下文" * 60 + "。说“好的”。") == ["好的"]


def test_sentences_end_outside_quotations_and_brackets() -> None:
    text = "可以说：“您好！请坐。”（必要时起身；不要拖。）然后核实：“是您吗？”再答复。"
    assert [text[a:b] for a, b in sentences(text)] == [
        "可以说：“您好！请坐。”（必要时起身；不要拖。）然后核实：“是您吗？”",
        "再答复。",
    ]


def test_durations_are_minutes() -> None:
    found = durations("15分钟内；2小时；3个工作日；半天；一个月；一日三餐")
    assert [minutes for _, _, minutes in found] == [15, 120, 3 * 1440, 720, 30 * 1440]


PIECES = st.sampled_from(
    [
        "√",
        "×",
        "一、",
        "二、",
        "1、",
        "A、",
        "①",
        "：",
        "。",
        "；",
        "“",
        "”",
        "（",
        "\n",
        "\n\n",
        "  ",
        "不得",
        "应当",
        "客户",
        "说",
        "7.1",
    ]
)


@given(st.lists(st.one_of(PIECES, st.text("客人您好请稍等，", max_size=30)), max_size=60))
def test_units_and_sections_are_the_text_in_order(parts: list[str]) -> None:
    text = "甲" + "".join(parts)
    found = sections_of(units(text))
    places = [unit.block for section in found for unit in section.units]
    assert all(a.end <= b.start for a, b in itertools.pairwise(places))
    assert all(text[block.start : block.end].strip() for block in places)


def test_a_section_knows_where_it_stands() -> None:
    section = sections_of(units("守则\n应当礼貌。\n"))[0]
    assert section == Section(("守则",), 0, section.units)
    assert section.end == len("守则\n应当礼貌。")
