"""Paragraphs of styled text, wrapped by terminal cells: a Chinese character takes two.

A :class:`Block` is what the text format is made of. It prints itself plain (:meth:`Block.plain`) or,
being a rich renderable, in colour. Rules of line breaking: nothing closes at the start of a line or
opens at its end, words and numbers stay whole (a part of W3C clreq, section 3.1.3).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

MIN_WIDTH = 20
_NO_LINE_START = frozenset("，。！？；：、”’）】》〉」』…—～·,.!?;:)]}%％")
_NO_LINE_END = frozenset("“‘（【《〈「『([{¥$￥")
_JOINER = "\u200d"

# Roles of a fragment; "bracket" is shown only where there is no colour to mark with.
STYLES: dict[str, str] = {
    "text": "",
    "bracket": "",
    "dim": "dim",
    "label": "dim",
    "heading": "bold",
    "pass": "bold green",
    "revise": "bold yellow",
    "block": "bold red",
    "not_assessed": "bold magenta",
    "red": "underline red",
    "major": "underline yellow",
    "minor": "underline cyan",
    "red-number": "bold red",
    "major-number": "bold yellow",
    "minor-number": "bold cyan",
    "removed": "red",
    "added": "green",
}


@dataclass(frozen=True, slots=True)
class Fragment:
    """Text, already escaped, with the role that decides its style."""

    text: str
    role: str = "text"


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Fragments that flow together; ``indent`` and ``hanging`` are cells before the first and later lines."""

    fragments: tuple[Fragment, ...] = ()
    indent: int = 0
    hanging: int = 0


@dataclass(frozen=True, slots=True)
class Block:
    """Paragraphs from top to bottom."""

    paragraphs: tuple[Paragraph, ...]

    def __add__(self, other: Block) -> Block:
        return Block(self.paragraphs + other.paragraphs)

    def plain(self, *, width: int | None = None) -> str:
        """Return the text without any control sequence, every line ended by a line break.

        Args:
            width: cells a line may take, at least :data:`MIN_WIDTH`; None leaves lines long.
        """
        lines = (line for paragraph in self.paragraphs for line in _lines(paragraph, width, colour=False))
        return "".join("".join(piece.text for piece in line).rstrip(" ") + "\n" for line in lines)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        from rich.text import Text

        for paragraph in self.paragraphs:
            for line in _lines(paragraph, options.max_width, colour=True):
                # Text, never markup: a draft may hold [bold] or [/]. The console must not wrap again.
                parts = [
                    ("".join(piece.text for piece in pieces), STYLES[role])
                    for role, pieces in groupby(line, key=lambda piece: piece.role)
                ]
                yield Text.assemble(*parts, no_wrap=True, overflow="ignore")


def _lines(paragraph: Paragraph, width: int | None, *, colour: bool) -> Iterator[list[Fragment]]:
    """Yield the lines of ``paragraph``; an empty one gives one empty line."""
    fragments = [piece for piece in paragraph.fragments if not (colour and piece.role == "bracket")]
    indent = paragraph.indent
    for hard_line in _split_at_breaks(fragments):
        for line in _wrap(hard_line, width, indent, paragraph.hanging):
            yield [Fragment(" " * indent), *line] if line else []
            indent = paragraph.hanging


def _split_at_breaks(fragments: Sequence[Fragment]) -> list[list[Fragment]]:
    lines: list[list[Fragment]] = [[]]
    for fragment in fragments:
        first, *rest = fragment.text.split("\n")
        lines[-1].append(Fragment(first, fragment.role))
        lines.extend([Fragment(part, fragment.role)] for part in rest)
    return [[piece for piece in line if piece.text] for line in lines]


def _wrap(line: Sequence[Fragment], width: int | None, indent: int, hanging: int) -> Iterator[list[Fragment]]:
    """Fill lines greedily; the first has ``indent`` cells less room, the others ``hanging``."""
    if width is None:
        yield list(line)
        return
    from rich.cells import cell_len

    width = max(width, MIN_WIDTH)
    room = width - indent
    current: list[Fragment] = []
    for unit in _units(line, width - max(indent, hanging)):
        size = cell_len("".join(piece.text for piece in unit))
        start = 0
        if size > room and current:
            yield current
            current, room = [], width - hanging
            # A blank does not begin a line; what is glued to it does.
            start = int(unit[0].text == " ")
        current.extend(unit[start:])
        room -= size - start
    yield current


def _units(line: Sequence[Fragment], limit: int) -> Iterator[list[Fragment]]:
    """Yield the pieces a line may not break inside of, none wider than ``limit`` unless one character is."""
    from rich.cells import cell_len

    unit: list[Fragment] = []
    size = 0
    for char in (Fragment(char, piece.role) for piece in line for char in piece.text):
        cells = cell_len(char.text)
        joined = bool(unit) and (cells == 0 or unit[-1].text == _JOINER)
        if unit and not joined and (not _glued(unit[-1].text, char.text) or size + cells > limit):
            yield unit
            unit, size = [], 0
        unit.append(char)
        size += cells
    if unit:
        yield unit


def _glued(before: str, after: str) -> bool:
    if after in _NO_LINE_START or before in _NO_LINE_END:
        return True
    return before.isascii() and after.isascii() and before != " " and after != " "
