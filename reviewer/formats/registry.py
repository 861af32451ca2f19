"""Output formats by name."""

from collections.abc import Callable
from typing import Literal, get_args

from reviewer.errors import InputError
from reviewer.formats.json_format import format_json
from reviewer.formats.jsonl import format_jsonl
from reviewer.formats.rdjsonl import format_rdjsonl
from reviewer.formats.sarif import format_sarif
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


def get_formatter(name: str) -> Formatter:
    """Return the function from a review and the draft's file name to text that ends with a line break.

    Raises:
        InputError: there is no format of that name.
    """
    try:
        return _FORMATTERS[name]
    except KeyError:
        raise InputError(f"没有输出格式“{name}”；可用：{'、'.join(FORMAT_NAMES)}。") from None
