"""A review as text: for a terminal, as JSON, for reviewdog, for SARIF readers."""

from reviewer.formats.registry import FORMAT_NAMES, FormatName, Formatter, get_formatter

__all__ = ["FORMAT_NAMES", "FormatName", "Formatter", "get_formatter"]
