"""Reading the rows of a CSV, TSV or JSONL table whose encoding is not known for sure."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.errors import InputError

# GB 18030 reads what Excel saves as CSV on a Chinese system; as it reads nearly anything it comes last.
_ENCODINGS = ("utf-8-sig", "gb18030")
_DELIMITERS = {".csv": ",", ".tsv": "\t"}
_JSON_LINES = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Row:
    """Cells by column and the line that the row begins on, from 1; a header counts as a line."""

    line: int
    cells: Mapping[str, Any]


def read_rows(path: Path, columns: Collection[str]) -> Iterator[Row]:
    """Yield the rows of ``path`` that are not blank; every one has all of ``columns``.

    Raises:
        InputError: the file cannot be read, is of another kind, lacks a column, or a row is damaged.
    """
    suffix = path.suffix.lower()
    if suffix in _DELIMITERS:
        return _separated(path, columns, _DELIMITERS[suffix])
    if suffix in _JSON_LINES:
        return _json_lines(path, columns)
    raise InputError(f"不认识 {path} 的格式；请另存为 .csv、.tsv 或 .jsonl。")


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise InputError(f"读不了标注文件 {path}：{cause.strerror or cause}。") from cause
    for encoding in _ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError(f"{path} 既不是 UTF-8 也不是 GB18030 编码；请另存为 UTF-8。")


def _separated(path: Path, columns: Collection[str], delimiter: str) -> Iterator[Row]:
    # newline="" leaves line ends inside quoted cells to the reader.
    reader = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter, strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            begin, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = [cell.strip() for cell in cells]
                _check_header(path, header, columns)
            elif len(cells) != len(header):
                raise InputError(f"{path}:{begin} 有 {len(cells)} 列，表头有 {len(header)} 列。")
            else:
                yield Row(begin, dict(zip(header, cells, strict=True)))
    except csv.Error as cause:
        raise InputError(f"{path}:{line} 不是合法的 CSV：{cause}。") from cause


def _check_header(path: Path, header: list[str], columns: Collection[str]) -> None:
    for column in columns:
        if header.count(column) != 1:
            what = "没有" if column not in header else "有不止一个"
            raise InputError(f"{path} {what}“{column}”列；表头是：{'、'.join(header)}。")


def _json_lines(path: Path, columns: Collection[str]) -> Iterator[Row]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            cells = json.loads(line)
        except ValueError as cause:
            raise InputError(f"{path}:{number} 不是 JSON：{cause}。") from cause
        if not isinstance(cells, dict):
            raise InputError(f"{path}:{number} 不是 JSON 对象。")
        for column in columns:
            if column not in cells:
                raise InputError(f"{path}:{number} 没有“{column}”列。")
        yield Row(number, cells)
