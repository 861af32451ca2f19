import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.escaping import json_text, one_line, visible

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@given(ANY_TEXT)
def test_visible_leaves_nothing_that_steers_a_terminal(text: str) -> None:
    shown = visible(text)
    hidden = {char for char in shown if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}}
    assert hidden <= {"\n", "\u200d"}


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_visible_keeps_ordinary_text(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31m红\x1b[0m", "<U+001B>[31m红<U+001B>[0m"),
        ("\x9b2J", "<U+009B>2J"),
        ("a\r\nb\rc", "a\nb<U+000D>c"),
        ("a\tb", "a    b"),
        ("\u202e倒序", "<U+202E>倒序"),
        ("零\u200b宽", "零<U+200B>宽"),
        ("👨\u200d👩\u200d👧🙏\ufe0f", "👨\u200d👩\u200d👧🙏\ufe0f"),
    ],
)
def test_visible_spells_out_controls(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_one_line_shows_line_breaks() -> None:
    assert one_line("甲\r\n乙\n") == "甲⏎乙⏎"


@given(ANY_TEXT)
def test_json_text_reads_back_and_can_be_encoded(text: str) -> None:
    raw = json_text({"text": text})
    assert json.loads(raw) == {"text": text}
    assert not any(unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"} for char in raw)
    assert raw.encode("utf-8")


def test_json_text_keeps_chinese_readable() -> None:
    assert json_text(["您好，👋", "\x9b\u202e"]) == '["您好，👋", "\\u009b\\u202e"]'
