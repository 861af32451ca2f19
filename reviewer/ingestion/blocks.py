"""What a reader makes of a file: its plain text, and the blocks that it consists of."""

import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["heading", "paragraph", "item", "row"]


@dataclass(frozen=True, slots=True)
class Block:
    """A part of the text, ``text[start:end]``, without white space at its ends.

    ``level`` is 1 and up for a heading whose level the format says, else 0. ``page`` counts from 1
    where the format has pages, else 0. ``wrapped`` is true where a line break may stand inside a
    sentence. ``cells`` are the parts of a table's row, ``columns`` what stands at the head of each.
    ``links`` is the share, 0-1, of its characters that are links or navigation.
    """

    start: int
    end: int
    kind: Kind = "paragraph"
    level: int = 0
    page: int = 0
    wrapped: bool = False
    cells: tuple[tuple[int, int], ...] = ()
    columns: tuple[str, ...] = ()
    links: float = 0.0


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document as read: ``title`` is empty when the format does not say; blocks are in order."""

    title: str
    text: str
    blocks: tuple[Block, ...]


@dataclass
class TextBuilder:
    """Collects the text of a document, one block a line, and where each block stands in it."""

    parts: list[str] = field(default_factory=list)
    blocks: list[Block] = field(default_factory=list)
    length: int = 0

    def add(
        self, text: str, kind: Kind = "paragraph", *, level: int = 0, page: int = 0, wrapped: bool = False,
        links: float = 0.0,
    ) -> None:  # fmt: skip
        """Append one block; a blank one is left out."""
        text = text.replace("\r", "").strip()
        if not text:
            return
        block = Block(
            self.length, self.length + len(text), kind, level=level, page=page, wrapped=wrapped, links=links
        )
        self._append(text, block)

    def add_row(self, cells: list[str], columns: tuple[str, ...]) -> None:
        """Append a table's row, its cells divided by tabs; one without any text is left out.

        Columns of another number than the cells say nothing of them.
        """
        texts = [" ".join(cell.split()) for cell in cells]
        if not any(texts):
            return
        bounds, at = [], self.length
        for text in texts:
            bounds.append((at, at + len(text)))
            at += len(text) + 1
        line = "\t".join(texts)
        end = self.length + len(line.rstrip("\t"))
        cut = tuple((min(first, end), min(last, end)) for first, last in bounds)
        named = columns if len(columns) == len(texts) else ()
        self._append(line, Block(self.length, end, "row", cells=cut, columns=named))

    def build(self, title: str) -> Extracted:
        """Return the document."""
        return Extracted(title.strip(), "".join(self.parts), tuple(self.blocks))

    def _append(self, text: str, block: Block) -> None:
        self.parts.append(text + "\n")
        self.blocks.append(block)
        self.length += len(text) + 1


def add_table(builder: TextBuilder, rows: list[list[str]]) -> None:
    """Append a table: a row of names, under titles at most, becomes what the cells below it are called.

    A table of one row is text. A row whose cells all say the same (merged cells) is a heading.
    """
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if len(rows) < 2 or all(len([cell for cell in row if cell.strip()]) < 2 for row in rows):
        for row in rows:
            builder.add(" ".join(cell.strip() for cell in dict.fromkeys(row)))
        return
    head = next((at for at, row in enumerate(rows[:_HEAD_ROWS]) if _names_columns(row)), None)
    # What stands above the names is a title over the table or a remark.
    if head is not None and any(len(_distinct(row)) > 1 for row in rows[:head]):
        head = None
    for row in rows[: head or 0]:
        builder.add(" ".join(_distinct(row)))
    columns = () if head is None else tuple(cell.strip() for cell in rows[head])
    for row in rows if head is None else rows[head + 1 :]:
        if len(set(row)) == 1 and len(row) > 1 and not is_mark(row[0]):
            builder.add(row[0])
        else:
            builder.add_row(row, columns)


def is_mark(cell: str) -> bool:
    """Whether a cell says yes or no and nothing else."""
    return cell.strip() in YES | NO


def _names_columns(row: list[str]) -> bool:
    """Whether a row can be the names of columns: short, no sentences, of yes and no both or none."""
    names = {cell.strip() for cell in row}
    short = all(0 < len(name) <= _COLUMN_CHARS and not _SENTENCE.search(name) for name in names)
    paired = bool(names & YES) == bool(names & NO)
    return short and len(names) > 1 and paired


def _distinct(row: list[str]) -> list[str]:
    """Return the texts of a row, that of merged cells once."""
    return list(dict.fromkeys(cell.strip() for cell in row if cell.strip()))


#: Cells that answer a question in their column's name.
YES = frozenset("√✓✔☑✅是对Yy")
NO = frozenset("×✗✘✕✖☒❌否错Nn")
#: Merged cells are written out so many times at most.
MAX_SPAN = 100
# Longer than any name of a column, shorter than most cells that say something.
_COLUMN_CHARS = 12
# How far down the names of the columns may stand.
_HEAD_ROWS = 5
_SENTENCE = re.compile('[。！？!?；;“”"]')
