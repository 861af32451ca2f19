"""Logs: no number, card or address of a person survives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.service.masking import MASK, mask


@pytest.mark.parametrize(
    ("text", "private"),
    [
        ("我的手机是13800138000，谢谢", "13800138000"),
        ("手机 138-0013-8000。", "138-0013-8000"),
        ("手机一三八零零一三八零零零", "一三八零零一三八零零零"),
        ("打１３８００１３８０００", "１３８００１３８０００"),
        ("身份证11010519491231002X", "11010519491231002X"),
        ("卡号6222 0200 0011 1222 333", "6222 0200 0011 1222 333"),
        ("邮箱 li.si@example.com.cn。", "li.si@example.com.cn"),
        ("您加我微信 wx_lisi88，私下聊", "wx_lisi88"),
    ],
)
def test_personal_data_is_masked_and_the_rest_stays(text: str, private: str) -> None:
    masked = mask(text)
    assert private not in masked
    assert MASK in masked
    assert masked.startswith(text[:1])


def test_short_numbers_and_words_stay() -> None:
    text = "您好，退款320元3天内到账，工号1024。"
    assert mask(text) == text


@given(st.text(alphabet="您好12３四五.@- a\n", max_size=60))
def test_no_long_run_of_digits_survives(text: str) -> None:
    digits = 0
    for char in mask(text):
        digits = digits + 1 if char in "12３四五" else 0
        assert digits < 6
