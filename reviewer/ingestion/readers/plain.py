"""Text files: one block a line. The text is the file's own, so that offsets are those of the file."""

import re

from reviewer.ingestion.blocks import Block, Extracted
from reviewer.ingestion.encodings import decode

_LINE = re.compile(r"[^\n]*\S")


def read_plain(data: bytes) -> Extracted:
    """Read a text file.

    Raises:
        DocumentError: it is not text.
    """
    text = decode(data)
    blocks = []
    for line in _LINE.finditer(text):
        start = line.end() - len(line[0].lstrip())
        blocks.append(Block(start, line.end(), wrapped=True))
    return Extracted("", text, tuple(blocks))
