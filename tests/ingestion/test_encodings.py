"""Bytes into text: the encodings of Chinese files, and what is no text."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.errors import DocumentError
from reviewer.ingestion.encodings import decode, shown_name
from tests.ingestion.documents import TEXT

TRADITIONAL = "應當使用敬語稱呼顧客，不得說「不知道」。請耐心解答顧客的問題，並致歉。" * 4


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "gb18030", "gbk"])
def test_simplified_text_is_read_in_its_encoding(encoding: str) -> None:
    assert decode(TEXT.encode(encoding)) == TEXT


@pytest.mark.parametrize("encoding", ["utf-8", "big5", "gb18030"])
def test_traditional_text_stays_traditional(encoding: str) -> None:
    assert decode(TRADITIONAL.encode(encoding)) == TRADITIONAL


def test_a_short_line_in_gb18030_is_read() -> None:
    assert decode("您好，请稍等。".encode("gb18030")) == "您好，请稍等。"


def test_line_ends_become_line_feeds() -> None:
    assert decode("甲\r\n乙\r丙".encode()) == "甲\n乙\n丙"


def test_mixed_encodings_are_refused_with_the_line() -> None:
    data = "第一行是统一码。\n".encode() + "第二行是国标码。\n".encode("gb18030")
    with pytest.raises(DocumentError, match="第 2 行"):
        decode(data)


@pytest.mark.parametrize(
    "data", [b"\x7fELF\x02\x01\x00\x00\xff\xfe", bytes(range(1, 256)) * 4, b"\x01\x02\x03ascii"]
)
def test_binary_is_refused(data: bytes) -> None:
    with pytest.raises(DocumentError, match=r"不是文本文件|认不出"):
        decode(data)


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_every_text_survives_utf_8(text: str) -> None:
    assert decode(text.encode("utf-8-sig")) == text


def test_a_name_is_shown_on_one_line_whatever_its_encoding() -> None:
    assert shown_name(Path(os.fsdecode("接待.txt".encode("gb18030")))) == "接待.txt"
    assert shown_name(Path("a\nb.txt")) == "a b.txt"
