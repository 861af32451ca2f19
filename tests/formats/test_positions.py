import pytest
from hypothesis import given
from hypothesis import strategies as st

from reviewer.formats.positions import Position, code_point_position, utf8_position

DRAFTS = st.text(st.sampled_from("a您𐐀🙏\r\n，"), max_size=40)


@given(DRAFTS, st.data())
def test_code_point_position_leads_back_to_the_offset(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, column = code_point_position(text, offset)
    lines = text.split("\n")
    assert sum(len(before) + 1 for before in lines[: line - 1]) + column - 1 == offset
    assert column - 1 <= len(lines[line - 1])


@given(DRAFTS, st.data())
def test_utf8_position_leads_back_to_the_offset_in_bytes(text: str, data: st.DataObject) -> None:
    offset = data.draw(st.integers(0, len(text)))
    line, column = utf8_position(text, offset)
    lines = text.encode().split(b"\n")
    assert sum(len(before) + 1 for before in lines[: line - 1]) + column - 1 == len(text[:offset].encode())


@pytest.mark.parametrize(
    ("offset", "points", "in_bytes"),
    [(0, (1, 1), (1, 1)), (1, (1, 2), (1, 2)), (2, (1, 3), (1, 6)), (4, (2, 1), (2, 1)), (5, (2, 2), (2, 4))],
)
def test_columns_count_what_each_format_counts(
    offset: int, points: tuple[int, int], in_bytes: tuple[int, int]
) -> None:
    # The first line is the example of reviewdog.proto: b is at column 6, 𐐀 having four bytes.
    text = "a𐐀b\n您好"
    assert code_point_position(text, offset) == Position(*points)
    assert utf8_position(text, offset) == Position(*in_bytes)


def test_a_lone_surrogate_has_a_position() -> None:
    assert utf8_position("\ud800a", 1) == Position(1, 4)
