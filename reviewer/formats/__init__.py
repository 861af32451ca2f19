"""Reviews as text: for a terminal, as JSON, for reviewdog, for SARIF readers."""

from reviewer.formats.registry import (
    FORMAT_NAMES,
    FileFormatter,
    FormatName,
    Formatter,
    get_file_formatter,
    get_formatter,
)
from reviewer.formats.rows import FileReview, Row

__all__ = [
    "FORMAT_NAMES",
    "FileFormatter",
    "FileReview",
    "FormatName",
    "Formatter",
    "Row",
    "get_file_formatter",
    "get_formatter",
]
