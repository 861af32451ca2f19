import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from reviewer.formats.layout import MIN_WIDTH, Block, Fragment, Paragraph

TEXTS = st.text(st.sampled_from("您好退款abc 12345，。（）“”👨\u200d👩🙏\n"), max_size=80)


def colourful(block: Block, *, width: int = 60) -> str:
    """Return what a terminal of that width would receive."""
    stream = io.StringIO()
    Console(
        file=stream, force_terminal=True, color_system="truecolor", width=width, no_color=False, _environ={}
    ).print(block)
    return stream.getvalue()


def block_of(*fragments: Fragment, indent: int = 0, hanging: int = 0) -> Block:
    return Block((Paragraph(fragments, indent, hanging),))


@given(TEXTS, st.integers(1, 70), st.integers(0, 4), st.integers(0, 9))
def test_wrapping_loses_nothing_and_keeps_to_the_width(
    text: str, width: int, indent: int, hanging: int
) -> None:
    shown = block_of(Fragment(text), indent=indent, hanging=hanging).plain(width=width)
    assert "".join(shown.split()) == "".join(text.split())
    assert all(cell_len(line) <= max(width, MIN_WIDTH) for line in shown.splitlines())


@given(TEXTS)
def test_without_a_width_only_line_breaks_break(text: str) -> None:
    shown = block_of(Fragment(text)).plain()
    assert shown == "".join(line.rstrip(" ") + "\n" for line in text.split("\n"))


def test_lines_break_by_cells_and_by_the_rules_of_chinese() -> None:
    # Twenty cells: ten characters, and no line starts with ，or splits the number.
    shown = block_of(Fragment("一二三四五六七八九十，一二三四五六七（899.50元）")).plain(width=20)
    assert shown == "一二三四五六七八九\n十，一二三四五六七\n（899.50元）\n"


def test_a_word_longer_than_the_line_is_cut() -> None:
    assert block_of(Fragment("x" * 45)).plain(width=20) == "x" * 20 + "\n" + "x" * 20 + "\n" + "x" * 5 + "\n"


def test_a_blank_at_a_break_is_dropped() -> None:
    assert block_of(Fragment("您" * 10 + " 好")).plain(width=20) == "您" * 10 + "\n好\n"


def test_a_joined_emoji_is_never_cut() -> None:
    family = "👨\u200d👩\u200d👧"
    assert block_of(Fragment("您" * 9 + family + "好")).plain(width=20) == "您" * 9 + family + "\n好\n"


def test_later_lines_stand_under_the_text() -> None:
    shown = block_of(Fragment("原因：", "label"), Fragment("甲乙丙丁戊己庚\n辛"), indent=2, hanging=8).plain(
        width=20
    )
    assert shown == "  原因：甲乙丙丁戊己\n        庚\n        辛\n"


def test_colour_replaces_brackets() -> None:
    block = block_of(
        Fragment("【", "bracket"),
        Fragment("①", "red-number"),
        Fragment("坏", "red"),
        Fragment("】", "bracket"),
    )
    assert block.plain() == "【①坏】\n"
    assert colourful(block) == "\x1b[1;31m①\x1b[0m\x1b[4;31m坏\x1b[0m\n"


@pytest.mark.parametrize("text", ["[bold]粗[/bold]", "[/]", ":smile:", "[link=https://example.com]点[/link]"])
def test_rich_markup_in_a_text_is_shown_as_it_is(text: str) -> None:
    assert colourful(block_of(Fragment(text))) == text + "\n"


@given(TEXTS, st.integers(MIN_WIDTH, 70))
def test_colour_changes_nothing_but_colour(text: str, width: int) -> None:
    block = block_of(Fragment(text), indent=2, hanging=4)
    lines = [line.rstrip(" ") for line in colourful(block, width=width).splitlines()]
    assert lines == block.plain(width=width).splitlines()


def test_blocks_add_up() -> None:
    assert (block_of(Fragment("甲")) + block_of(Fragment("乙"))).plain() == "甲\n乙\n"
