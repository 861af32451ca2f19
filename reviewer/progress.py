"""How long work reports how far it is; who shows it stands in ``reviewer.cli.progress``."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where long preparation reports to: bytes or pieces of a named thing, and one-line notes."""

    bytes_done: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    items_done: Callable[[str, int, int], None] = lambda _what, _done, _total: None
    note: Callable[[str], None] = lambda _text: None


SILENT = Progress()
