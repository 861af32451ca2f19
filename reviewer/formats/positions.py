"""Lines and columns of an offset, as the interchange formats count them.

A line ends at LF (so CR LF ends one too); a lone CR does not end a line. Source: SARIF 2.1.0
``run.newlineSequences`` (default CR LF and LF); reviewdog splits at LF.
"""

from typing import NamedTuple


class Position(NamedTuple):
    """A place in a text; ``line`` and ``column`` start at 1."""

    line: int
    column: int


def code_point_position(text: str, offset: int) -> Position:
    """Return where code-point ``offset`` of ``text`` stands, the column in code points."""
    line, line_start = _line(text, offset)
    return Position(line, offset - line_start + 1)


def utf8_position(text: str, offset: int) -> Position:
    """Return where code-point ``offset`` of ``text`` stands, the column in bytes of UTF-8."""
    line, line_start = _line(text, offset)
    return Position(line, len(text[line_start:offset].encode("utf-8", "surrogatepass")) + 1)


def _line(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, text.rfind("\n", 0, offset) + 1
