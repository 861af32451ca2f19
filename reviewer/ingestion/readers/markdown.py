"""Markdown files, by markdown-it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from reviewer.ingestion.blocks import Extracted, TextBuilder, add_table
from reviewer.ingestion.encodings import decode
from reviewer.ingestion.readers.web import add_page
from reviewer.manual.markdown import plain_text

if TYPE_CHECKING:
    from markdown_it.token import Token


def read_markdown(data: bytes) -> Extracted:
    """Read a Markdown file (CommonMark with tables).

    Raises:
        DocumentError: it is not text.
    """
    from markdown_it import MarkdownIt

    builder = TextBuilder()
    tokens = MarkdownIt("commonmark").enable("table").parse(decode(data))
    title, level, items = "", 0, 0
    rows: list[list[str]] = []
    for token in tokens:
        items += token.nesting * (token.type in ("list_item_open", "list_item_close"))
        if token.type == "heading_open":
            level = int(token.tag[1:])
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            add_table(builder, rows)
            rows = []
        elif token.type == "inline":
            text = _text(token.children or [])
            title = title or (text if level == 1 else "")
            if rows:
                rows[-1].append(text)
            else:
                builder.add(text, "heading" if level else "item" if items else "paragraph", level=level)
        elif token.type == "heading_close":
            level = 0
        elif token.type == "html_block":
            add_page(builder, token.content)
        elif token.type in ("fence", "code_block"):
            builder.add(token.content)
    return builder.build(title)


def _text(children: Sequence["Token"]) -> str:
    """Return the text on one line; a hard line break is a blank."""
    return plain_text(children).replace("\n", " ")
