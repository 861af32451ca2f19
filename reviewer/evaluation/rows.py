"""Reading the rows of a CSV, TSV or JSONL table whose encoding is not known for sure."""

import csv
import io
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.errors import InputError, RowError

# GB 18030 reads what Excel saves as CSV on a Chinese system; as it reads nearly anything it comes last.
_ENCODINGS = ("utf-8-sig", "gb18030")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = frozenset({".jsonl", ".ndjson"})

OnFault = Callable[[RowError], None]


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column, the line that the row begins on, and its text as the file has it.

    Lines count from 1, a header too, and end at LF; at CR only where a file has no LF. The text ends
    without its line break and begins without a byte order mark.
    """

    line: int
    cells: Mapping[str, Any]
    text: str


def _refuse(fault: RowError) -> None:
    raise fault


def read_rows(path: Path, columns: Collection[str], *, on_fault: OnFault = _refuse) -> Iterator[Row]:
    """Yield the rows of ``path`` that are not blank; every one has all of ``columns``.

    Args:
        path: A file whose name says what it is.
        columns: What the header, or every JSON object, has to have.
        on_fault: Told of a damaged row, which is left out when that returns; in CSV a damaged quotation
            ends the reading.

    Raises:
        InputError: the file cannot be read, is of another kind, or lacks a column; or a row is damaged
            and ``on_fault`` was not given.
    """
    suffix = path.suffix.lower()
    if suffix in _DELIMITERS:
        return _separated(path, columns, _DELIMITERS[suffix], on_fault)
    if suffix in _JSON_LINES:
        return _json_lines(path, columns, on_fault)
    raise InputError(f"不认识 {path} 的格式；请另存为 .csv、.tsv 或 .jsonl。")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise InputError(f"读不了文件 {path}：{cause.strerror or cause}。") from cause
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path} 既不是 UTF-8 也不是 GB18030 编码；请另存为 UTF-8。")


def _separated(path: Path, columns: Collection[str], delimiter: str, on_fault: OnFault) -> Iterator[Row]:
    header: list[str] | None = None
    for line, cells, text in _cells(path, delimiter, on_fault):
        if not any(cell.strip() for cell in cells):
            continue
        if header is None:
            header = [cell.strip() for cell in cells]
            _check_header(path, header, columns)
        elif len(cells) != len(header):
            joined = "引号里的内容跨了几行，这一行" if "\n" in text else ""
            on_fault(RowError(path, line, f"{joined}有 {len(cells)} 列，表头有 {len(header)} 列。"))
        else:
            yield Row(line, dict(zip(header, cells, strict=True)), text)


def _cells(path: Path, delimiter: str, on_fault: OnFault) -> Iterator[tuple[int, list[str], str]]:
    """Yield the line that each record begins on, its cells, and its text."""
    # newline="" leaves line ends inside quoted cells to the reader.
    text = _text(path)
    # A long cell is no damage: whoever reads the row says what is too long. The limit is csv's own, for all.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    source = io.StringIO(text, newline="")
    reader = csv.reader(source, delimiter=delimiter, strict=True)
    line_end = "\n" if "\n" in text else "\r"
    line, start = 1, 0
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as cause:
            # Where a quote is wrong nobody knows where the next row begins: no pieces of rows.
            fault = RowError(path, line, "引号不配对：从这一行到文件末尾都没有读，请改正。")
            fault.__cause__ = cause
            on_fault(fault)
            return
        record = text[start : source.tell()]
        yield line, cells, record.rstrip("\r\n")
        line += record.count(line_end)
        start += len(record)


def _check_header(path: Path, header: list[str], columns: Collection[str]) -> None:
    for column in columns:
        if header.count(column) != 1:
            what = "没有" if column not in header else "有不止一个"
            raise InputError(f"{path} {what}“{column}”列；表头是：{'、'.join(header)}。")


def _json_lines(path: Path, columns: Collection[str], on_fault: OnFault) -> Iterator[Row]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            yield Row(number, _object(path, number, line, columns), line.rstrip("\r"))
        except RowError as fault:
            on_fault(fault)


def _object(path: Path, number: int, line: str, columns: Collection[str]) -> dict[str, Any]:
    try:
        cells = json.loads(line)
    except (ValueError, RecursionError) as cause:
        raise RowError(path, number, "不是合法的 JSON；请检查引号、括号和逗号。") from cause
    if not isinstance(cells, dict):
        raise RowError(path, number, "不是 JSON 对象。")
    for column in columns:
        if column not in cells:
            raise RowError(path, number, f"没有“{column}”列。")
    return cells
