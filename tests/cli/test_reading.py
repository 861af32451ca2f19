"""Where a draft and its history come from."""

import io
import json
from pathlib import Path

import pytest

from reviewer.cli.reading import read_draft, read_history
from reviewer.errors import InputError


def read(
    argument: str | None = None, file: Path | None = None, *, stdin: bytes = b"", interactive: bool = False
) -> str:
    return read_draft(argument, file, stdin=io.BytesIO(stdin), interactive=interactive)


def test_argument_stdin_and_file(tmp_path: Path) -> None:
    path = tmp_path / "d.txt"
    path.write_bytes("\ufeff您好\n".encode())
    assert read("您好") == "您好"
    assert read("-", stdin="您好\n\n再见".encode()) == "您好\n\n再见"
    assert read(file=path) == "您好\n"


@pytest.mark.parametrize("end", [b".\n", b".", b".\r\n", b""])
def test_paste_ends_at_a_lone_full_stop_or_the_end(end: bytes) -> None:
    pasted = "您好。\n\n请稍等\n".encode() + end
    assert read(stdin=pasted + (b"later" if b"\n" in end else b""), interactive=True) == "您好。\n\n请稍等"


def test_invalid_utf8_names_the_byte() -> None:
    with pytest.raises(InputError, match=r"标准输入不是 UTF-8.*第 4 个字节"):
        read("-", stdin="您".encode() + b"\xff\xfe")


def test_nothing_given_and_no_terminal() -> None:
    with pytest.raises(InputError, match="没有草稿"):
        read()


def test_two_drafts_given(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="只能给一个"):
        read("您好", tmp_path / "d.txt")


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="读不了草稿文件"):
        read(file=tmp_path / "none.txt")


def test_history_is_a_list_of_turns(tmp_path: Path) -> None:
    path = tmp_path / "h.json"
    path.write_text(json.dumps([{"role": "customer", "text": "在吗"}]), encoding="utf-8")
    assert read_history(path) == [{"role": "customer", "text": "在吗"}]
    assert read_history(None) == []


@pytest.mark.parametrize("text", ["{", "3", '{"role": "customer"}', '["x"]', ""])
def test_history_that_is_no_list_of_turns(tmp_path: Path, text: str) -> None:
    path = tmp_path / "h.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="历史文件"):
        read_history(path)
