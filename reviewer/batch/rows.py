"""Which rows of a file can be reviewed, and as what."""

import json
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.errors import InputError, RowError
from reviewer.evaluation.rows import OnFault, Row, read_rows
from reviewer.request import conversation_of, request_of
from reviewer.schema import ReviewRequest

_FIELDS = tuple(ReviewRequest.model_fields)
_ID, _DRAFT = "id", "draft"


@dataclass(frozen=True, slots=True)
class Task:
    """One row that can be reviewed, and where it stands: file, first line from 1, text as it is there."""

    id: str
    path: Path
    line: int
    text: str
    request: ReviewRequest


def read_tasks(
    path: Path,
    defaults: Mapping[str, object],
    *,
    on_fault: OnFault,
    on_unused: Callable[[Sequence[str]], None] = lambda _columns: None,
) -> list[Task]:
    """Return the rows of the CSV, TSV or JSONL file ``path`` that can be reviewed, in their order.

    A row has the fields of a ``ReviewRequest`` and, if need be, an ``id``; its line number stands for a
    missing one. In CSV ``history`` is JSON and ``facts`` has one fact a line.

    Args:
        path: What to read.
        defaults: Fields for rows that leave them open.
        on_fault: Told of each row that cannot be reviewed; the message names file and line.
        on_unused: Told once, when there are any, of columns that mean nothing here.

    Raises:
        InputError: the file cannot be read at all.
    """
    tasks: list[Task] = []
    unused: dict[str, None] = {}
    for row in read_rows(path, [_DRAFT], on_fault=on_fault):
        unused.update(dict.fromkeys(name for name in row.cells if name not in (*_FIELDS, _ID)))
        try:
            tasks.append(_task(path, row, defaults))
        except InputError as fault:
            on_fault(RowError(path, row.line, str(fault)))
    if unused:
        on_unused(list(unused))
    return tasks


def _task(path: Path, row: Row, defaults: Mapping[str, object]) -> Task:
    given = {name: row.cells[name] for name in _FIELDS if row.cells.get(name) not in (None, "")}
    fields: dict[str, object] = {**defaults, **given, _DRAFT: row.cells[_DRAFT]}
    for name, read in (("history", _turns), ("facts", str.splitlines)):
        if isinstance(value := fields.get(name), str):
            fields[name] = read(value)
    request = request_of(fields)
    conversation_of(request)
    return Task(_id(row), path, row.line, row.text, request)


def _id(row: Row) -> str:
    value = row.cells.get(_ID)
    if value in (None, ""):
        return str(row.line)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError("的 id 应是文字或数字。")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(value)):
        raise InputError("的 id 里有控制字符，请清除后重试。")
    return str(value)


def _turns(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds; the request checks it
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InputError('的 history 应是 JSON 列表，形如 [{"role": "customer", "text": "…"}]。') from cause
