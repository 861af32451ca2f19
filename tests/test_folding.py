"""Folding keeps the way back to the original characters."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.folding import fold

# Ordinary text and what people hide in it: invisible characters, marks, blanks, traditional letters.
MESSY = st.text(
    st.one_of(st.characters(), st.sampled_from("加微信轉賬１３８\u200b\ufe0f\u20e3 \u3000㎡ﬁ①\r\n\t"))
).map(str)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("１３８００００", "1380000"),
        ("ＶＸ：Ａｂｃ", "vx:abc"),
        ("請加我個人微信轉賬", "请加我个人微信转账"),
        ("加 我　微\u200b信", "加我微信"),
        ("加 我 vx 号", "加我vx号"),
        ("３ 天内 3 kg", "3天内3 kg"),
        ("1️⃣3️⃣8️⃣", "138"),
        ("①３㎡", "13m2"),
        ("微̶信̶", "微信"),
        ("好的\r\n再见", "好的\n再见"),
        ("hello  world", "hello  world"),
        ("您好 ， 请问", "您好,请问"),
        ("\ud83d好", "好"),
    ],
)
def test_fold_gives_the_plain_form(text: str, folded: str) -> None:
    assert fold(text).text == folded


def test_span_reaches_back_over_what_was_dropped() -> None:
    text = "请１ ３\u200b8️⃣元，㎡"
    folded = fold(text)
    at = folded.text.index("8")
    assert folded.span(at, at + 1).text == "8️⃣"
    whole = folded.span(0, len(folded.text))
    assert (whole.start, whole.end, whole.text) == (0, len(text), text)
    # m2 comes from one character: either half of it is that character.
    at = folded.text.index("m2")
    assert folded.span(at, at + 1) == folded.span(at + 1, at + 2) == folded.span(at, at + 2)


def test_span_refuses_a_range_outside_the_text() -> None:
    with pytest.raises(ValueError, match="outside"):
        fold("好的").span(0, 3)


def test_fold_of_twenty_thousand_characters_keeps_every_offset() -> None:
    text = "請 加我个人微信１３８\u200b，" * 1540
    folded = fold(text)
    assert folded.text == "请加我个人微信138," * 1540
    assert folded.span(11 * 1539, 11 * 1540).text == "請 加我个人微信１３８\u200b，"


@given(MESSY, st.data())
def test_span_is_verbatim_and_ordered(text: str, data: st.DataObject) -> None:
    folded = fold(text)
    end = data.draw(st.integers(0, len(folded.text)))
    start = data.draw(st.integers(0, end))
    span = folded.span(start, end)
    assert span.text == text[span.start : span.end]
    assert (span.start < span.end) == (start < end)


@given(MESSY)
def test_every_folded_character_maps_to_the_character_it_came_from(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    for at, char in enumerate(folded.text):
        assert char in fold(folded.span(at, at + 1).text).text


@given(MESSY)
def test_fold_twice_changes_nothing_visible(text: str) -> None:
    once = fold(text).text
    assert fold(once).text.replace(" ", "") == once.replace(" ", "")


def test_chinese_text_in_base64_is_read_and_stands_at_its_whole_run() -> None:
    hidden = base64.b64encode("加我微信".encode()).decode()
    folded = fold(f"好的 {hidden}，谢谢")
    assert folded.text == "好的加我微信,谢谢"
    start = folded.text.index("微信")
    assert folded.span(start, start + 2).text == hidden


@pytest.mark.parametrize(
    "text", ["SF1234567890123", "https://example.com/abcdefghijkl", "abcdefghijklmnop=="]
)
def test_what_only_looks_encoded_stays(text: str) -> None:
    assert fold(text).text == text.lower()
