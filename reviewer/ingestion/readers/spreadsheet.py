"""Spreadsheets: xlsx by openpyxl, csv by the standard library."""

import csv
import io
from collections.abc import Sequence

from reviewer.errors import DocumentError
from reviewer.ingestion.blocks import Extracted, TextBuilder, add_table
from reviewer.ingestion.encodings import decode

_MAX_CELLS = 1_000_000
_DELIMITERS = ",\t;"


def read_xlsx(data: bytes) -> Extracted:
    """Read every sheet that is not hidden, its name as a heading; formulas by their last value.

    Raises:
        DocumentError: it has too many cells.
    """
    from openpyxl import load_workbook

    book = load_workbook(io.BytesIO(data), data_only=True, keep_links=False)
    builder = TextBuilder()
    cells = 0
    for sheet in book.worksheets:
        if sheet.sheet_state != "visible":
            continue
        rows: list[list[str]] = []
        for row in sheet.iter_rows(values_only=True):
            cells += len(row)
            if cells > _MAX_CELLS:
                raise DocumentError(f"表格超过 {_MAX_CELLS} 个单元格；请分成几份")
            rows.append(["" if value is None else str(value) for value in row])
        _fill_merged(rows, [merged.bounds for merged in sheet.merged_cells.ranges])
        builder.add(sheet.title, "heading", level=1)
        add_table(builder, _squared(rows))
    return builder.build("")


def read_csv(data: bytes) -> Extracted:
    """Read a table divided by commas, tabs or semicolons.

    Raises:
        DocumentError: it is not text, or no table.
    """
    text = decode(data)
    first = text.split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as cause:
        raise DocumentError("不是合法的 CSV（引号或分隔符不配对）；请重新导出") from cause
    builder = TextBuilder()
    add_table(builder, _squared(rows))
    return builder.build("")


def _fill_merged(rows: list[list[str]], ranges: Sequence[tuple[int, int, int, int]]) -> None:
    """Write a merged cell's text into every cell of its range (first and last column, row; from 1)."""
    for left, top, right, bottom in ranges:
        if top > len(rows) or left > len(rows[top - 1]):
            continue
        text = rows[top - 1][left - 1]
        for row in rows[top - 1 : bottom]:
            row[left - 1 : right] = [text] * len(row[left - 1 : right])


def _squared(rows: list[list[str]]) -> list[list[str]]:
    """Drop columns without any text, and make all rows equally long."""
    width = max(map(len, rows), default=0)
    even = [[*row, *[""] * (width - len(row))] for row in rows]
    kept = [column for column in range(width) if any(row[column].strip() for row in even)]
    return [[row[column] for column in kept] for row in even]
