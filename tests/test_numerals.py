"""Numbers as people write them."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.numerals import NUMERAL, numeral_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", "0"),
        ("007", "7"),
        ("3.50", "3.5"),
        ("1,299", "1299"),
        ("12,345,678.9", "12345678.9"),
        ("三", "3"),
        ("两", "2"),
        ("十", "10"),
        ("十五", "15"),
        ("二十", "20"),
        ("九十九", "99"),
        ("一百零五", "105"),
        ("一百五", "150"),
        ("两千三", "2300"),
        ("两千零三", "2003"),
        ("一万二", "12000"),
        ("十二万", "120000"),
        ("一亿二千万", "120000000"),
        ("3万", "30000"),
        ("1.5万", "15000"),
        ("3千5百", "3500"),
        ("二〇二五", "2025"),
        ("一三八", "138"),
        ("叁佰", "300"),
        ("三点五", "3.5"),
        ("半", "0.5"),
    ],
)
def test_numeral_value_reads_the_number(text: str, value: str) -> None:
    assert numeral_value(text) == Decimal(value)
    assert re.fullmatch(NUMERAL, text)


@pytest.mark.parametrize("text", ["", "三五", "几", "3a", "十三五点", "点五", "三四十", "a3"])
def test_what_is_no_single_number_has_no_value(text: str) -> None:
    assert numeral_value(text) is None


@pytest.mark.parametrize("text", ["1" * 20_000, "一" * 20_000, "1," * 10_000, "1.1" * 5_000])
def test_the_pattern_is_linear_in_long_runs(text: str) -> None:
    assert sum(1 for _ in re.finditer(NUMERAL + "天", text)) == 0


def in_chinese(value: int) -> str:
    """Write 1 to 9999 in full Chinese numerals."""
    digits, units = "零一二三四五六七八九", ("", "十", "百", "千")
    parts = [
        digits[int(d)] + (units[place] if d != "0" else "") for place, d in enumerate(reversed(str(value)))
    ]
    return re.sub("零+", "零", "".join(reversed(parts))).rstrip("零")


@given(st.integers(1, 9999))
def test_full_numerals_are_read_back(value: int) -> None:
    assert numeral_value(in_chinese(value)) == value
