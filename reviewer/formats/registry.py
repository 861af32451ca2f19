"""Output formats by name."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from reviewer.errors import InputError
from reviewer.formats.json_format import format_json
from reviewer.formats.jsonl import format_jsonl
from reviewer.formats.rdjsonl import format_rdjsonl, format_rdjsonl_file
from reviewer.formats.rows import FileReview
from reviewer.formats.sarif import format_sarif, format_sarif_file
from reviewer.formats.text import render_plain
from reviewer.schema import Review

FormatName = Literal["text", "json", "jsonl", "rdjsonl", "sarif"]
FORMAT_NAMES: tuple[FormatName, ...] = get_args(FormatName)

# Takes the review and the name of the file that holds the draft, which text and JSON do not show.
Formatter = Callable[[Review, str], str]

_FORMATTERS: dict[str, Formatter] = {
    "text": lambda review, _path: render_plain(review),
    "json": lambda review, _path: format_json(review),
    "jsonl": lambda review, _path: format_jsonl(review),
    "rdjsonl": lambda review, path: format_rdjsonl(review, path=path),
    "sarif": lambda review, path: format_sarif(review, path=path),
}

FileFormatter = Callable[[FileReview], str]

_FILE_FORMATTERS: dict[str, FileFormatter] = {
    ".sarif": format_sarif_file,
    ".rdjsonl": format_rdjsonl_file,
}


def get_formatter(name: str) -> Formatter:
    """Return the function from a review and the draft's file name to text that ends with a line break.

    Raises:
        InputError: there is no format of that name.
    """
    try:
        return _FORMATTERS[name]
    except KeyError:
        raise InputError(f"没有输出格式“{name}”；可用：{'、'.join(FORMAT_NAMES)}。") from None


def get_file_formatter(path: Path) -> FileFormatter:
    """Return the function from what came of the rows of a file to the text of ``path``, by its suffix.

    Raises:
        InputError: there is no format of that suffix.
    """
    try:
        return _FILE_FORMATTERS[path.suffix.lower()]
    except KeyError:
        raise InputError(
            f"不认识 {path} 的格式；标注文件的名字要以 {' 或 '.join(_FILE_FORMATTERS)} 结尾。"
        ) from None
