from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from reviewer.index.chunks import PASSAGE_CHARS, chunk_manual, split_text
from tests.index.samples import RULES, SECTIONS, Section, make_passages

# White space of several kinds, sentence ends, and letters that must survive.
_TEXTS = st.text(st.sampled_from("甲乙丙ab1，。！？；\n\n \t\u3000\r"), max_size=200)


@given(text=_TEXTS, limit=st.integers(1, 30))
def test_split_text_loses_nothing_but_white_space(text: str, limit: int) -> None:
    parts = split_text(text, limit=limit)

    assert "".join("".join(parts).split()) == "".join(text.split())


@given(text=_TEXTS, limit=st.integers(1, 30))
def test_split_text_gives_verbatim_parts_in_order_within_the_limit(text: str, limit: int) -> None:
    position = 0
    for part in split_text(text, limit=limit):
        assert 1 <= len(part) <= limit
        assert part == part.strip()
        position = text.index(part, position) + len(part)


def test_split_text_cuts_at_lines_then_sentences_then_anywhere() -> None:
    assert split_text("甲甲甲\n乙乙乙", limit=8) == ["甲甲甲\n乙乙乙"]
    assert split_text("甲甲甲\n乙乙乙", limit=5) == ["甲甲甲", "乙乙乙"]
    assert split_text("甲甲。乙乙。丙丙", limit=6) == ["甲甲。乙乙。", "丙丙"]
    assert split_text("甲甲甲甲甲", limit=2) == ["甲甲", "甲甲", "甲"]


def test_split_text_of_blank_text_is_empty() -> None:
    assert split_text(" \n\u3000\n", limit=5) == []


def test_nothing_in_nothing_out() -> None:
    assert chunk_manual((), ()) == ()


def test_a_rule_becomes_one_passage_with_verbatim_text_and_source() -> None:
    passage = chunk_manual((), RULES)[1]

    assert (passage.id, passage.rule_id, passage.checkable) == ("rule:E02", "E02", True)
    assert (passage.document, passage.section) == ("《投诉处理》", "E02 不外泄内部号码")
    assert passage.text == RULES[1].text


def test_a_rule_is_searchable_by_id_title_situation_text_examples_and_customer() -> None:
    rule = RULES[1]
    searchable = chunk_manual((), RULES)[1].searchable

    for part in (rule.id, rule.title, rule.when, rule.text, rule.bad, rule.good, rule.good_context.customer):
        assert part in searchable


def test_facets_are_situation_bad_example_and_bad_answer_to_the_customer() -> None:
    passage = chunk_manual((), RULES)[1]

    assert passage.facets == (
        "客户要其他部门的电话",
        "维修部的手机你自己打。",
        "售后的电话给我一个维修部的手机你自己打。",
    )
    assert passage.embedded == (passage.searchable, *passage.facets)


def test_a_standing_rule_has_no_situation_and_no_facet_twice() -> None:
    passage = chunk_manual((), RULES)[0]

    assert passage.facets == ("这个我不知道，没办法。",)
    assert "any" not in passage.searchable


def test_a_rule_without_examples_has_no_blank_facet() -> None:
    rule = replace(RULES[0], bad="", good="")

    assert chunk_manual((), [rule])[0].facets == ()


def test_sections_keep_rule_checkability_and_heading() -> None:
    stated, guidance = make_passages()[-2:]

    assert (stated.rule_id, stated.checkable, stated.section) == ("E02", True, "E02 不外泄内部号码")
    assert (guidance.rule_id, guidance.checkable, guidance.section) == (None, False, "仪容")
    assert guidance.text == SECTIONS[1].text
    assert guidance.searchable == f"仪容\n{SECTIONS[1].text}"


def test_a_long_section_is_cut_and_every_part_carries_the_heading() -> None:
    long = replace(SECTIONS[1], text="\n".join(f"第{number}条，坐姿端正。" * 10 for number in range(9)))
    passages = chunk_manual([long], ())

    assert len(passages) > 1
    assert all(len(passage.text) <= PASSAGE_CHARS for passage in passages)
    assert all(passage.searchable.startswith("仪容\n") for passage in passages)


def test_identifiers_are_unique_where_headings_repeat() -> None:
    repeated: Sequence[Section] = [
        SECTIONS[0],
        SECTIONS[1],
        SECTIONS[1],
        replace(SECTIONS[1], document="norms"),
    ]
    ids = [passage.id for passage in chunk_manual(repeated, RULES)]

    assert len(ids) == len(set(ids)) == 7
    assert ids[3:] == ["complaints#1.1", "complaints#2.1", "complaints#3.1", "norms#1.1"]
