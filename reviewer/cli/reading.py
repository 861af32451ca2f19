"""Where a draft and its history come from: argument, standard input, file or paste."""

import json
import sys
from pathlib import Path
from typing import Any, BinaryIO

from reviewer.errors import InputError

_END = "."


def read_draft(argument: str | None, file: Path | None, *, stdin: BinaryIO | None, interactive: bool) -> str:
    """Return the draft.

    Args:
        argument: The draft itself, ``-`` for standard input, None when not given.
        file: A UTF-8 file to read instead.
        stdin: Standard input, as bytes; None when it is closed.
        interactive: Whether a person sits at it, so that pasting may be offered.

    Raises:
        InputError: nothing, or more than one thing, was given; a file cannot be read; not UTF-8.
    """
    if argument is not None and file is not None:
        raise InputError("草稿参数和 --file 只能给一个。")
    if file is not None:
        return _decode(_read_bytes(file, "草稿文件"), str(file))
    if argument == "-" and stdin is not None:
        return _decode(stdin.read(), "标准输入")
    if argument is not None and argument != "-":
        return argument
    if interactive and stdin is not None:
        return _paste(stdin)
    raise InputError("没有草稿：请给出草稿，或用 - 从标准输入读取，或用 --file 指定文件。")


def read_history(path: Path | None) -> list[dict[str, Any]]:
    """Return the earlier turns of the JSON file ``path``; [] for None.

    Raises:
        InputError: it cannot be read, is not JSON, or not a list of {role, text}.
    """
    if path is None:
        return []
    text = _decode(_read_bytes(path, "历史文件"), str(path))
    try:
        turns = json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InputError(f"历史文件 {path} 不是 JSON：{cause}。") from cause
    if not isinstance(turns, list) or not all(isinstance(turn, dict) for turn in turns):
        raise InputError(f'历史文件 {path} 应是列表，形如 [{{"role": "customer", "text": "…"}}]。')
    return turns


def _read_bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as cause:
        raise InputError(f"读不了{what} {path}：{cause.strerror}。") from cause


def _decode(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as cause:
        raise InputError(f"{what}不是 UTF-8 文本（第 {cause.start + 1} 个字节），请先转换编码。") from cause


def _paste(stdin: BinaryIO) -> str:
    sys.stderr.write(f"请粘贴草稿，单独一行“{_END}”或 Ctrl-D 结束：\n")
    sys.stderr.flush()
    lines: list[str] = []
    for raw in stdin:
        line = _decode(raw, "粘贴的内容")
        if line.rstrip("\r\n") == _END:
            break
        lines.append(line)
    return "".join(lines).removesuffix("\n")
