"""What is refused before anything is loaded, and that nothing else of the draft changes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import InputError
from reviewer.request import conversation_of, request_of
from reviewer.schema import MAX_DRAFT_CHARS, ReviewRequest


@pytest.mark.parametrize(
    ("draft", "message"),
    [
        ("", "空"),
        (" \n\t　", "空"),
        ([], "空"),
        ("😀🎉❤️", "没有文字"),
        ("……！？", "没有文字"),
        ("好" * (MAX_DRAFT_CHARS + 1), "超过上限"),
        ("好" * 20_000, "超过上限"),
        ("您好\x1b[31m", "控制字符 U\\+001B"),
        ("您好\x00", "第 3 个字符"),
        ("您好\udcff", "控制字符 U\\+DCFF"),
    ],
)
def test_drafts_that_cannot_be_reviewed(draft: str | list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        conversation_of(ReviewRequest(draft=draft))


def test_control_characters_in_the_customers_message_are_refused() -> None:
    with pytest.raises(InputError, match="客户消息"):
        conversation_of(ReviewRequest(draft="您好", customer="a\x07"))


def test_bubbles_are_joined_by_line_breaks() -> None:
    assert conversation_of(ReviewRequest(draft=["您好", "请稍等"])).draft == "您好\n请稍等"


def test_line_ends_are_unified() -> None:
    assert conversation_of(ReviewRequest(draft="您好\r\n请稍等\r")).draft == "您好\n请稍等\n"


@pytest.mark.parametrize("draft", ["請您稍等，我幫您查詢訂單。", "ＡＢＣ　１２３　您好", "〇〇您好，①②③"])
def test_other_scripts_and_widths_are_kept_as_they_are(draft: str) -> None:
    assert conversation_of(ReviewRequest(draft=draft)).draft == draft


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=200))
def test_accepted_text_is_never_changed(text: str) -> None:
    assert conversation_of(ReviewRequest(draft="好" + text)).draft == "好" + text


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"draft": "您好", "str": 1}, "请求的 str 不可用：没有这个字段"),
        ({"draft": 5}, "请求的 draft 不可用：应是字符串，或字符串的列表"),
        ({"draft": "您好", "history": [{"role": "agent"}]}, "请求的 history.0.text 不可用：缺少"),
    ],
)
def test_a_fault_is_told_by_the_name_of_the_field(fields: dict[str, object], where: str) -> None:
    with pytest.raises(InputError, match=where):
        request_of(fields)
