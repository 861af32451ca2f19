"""Web pages, by selectolax. Scripts are never run, nothing is fetched."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reviewer.ingestion.blocks import MAX_SPAN, Extracted, Kind, TextBuilder, add_table
from reviewer.ingestion.encodings import decode

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

# Never shown to a reader: by an element's own style, and by what it is.
_UNSEEN = re.compile(r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_HIDDEN = "script, style, noscript, template, iframe, object, svg, canvas, [hidden], [aria-hidden=true]"
# The furniture of a page by the meaning of the element (HTML Living Standard 4.3; WAI-ARIA landmarks).
_FURNITURE = (
    "nav, aside, footer, button, select, [role=navigation], [role=banner], [role=contentinfo], [role=search]"
)
_BLOCKS = frozenset(
    re.findall(
        r"\w+",
        "address article aside blockquote body button center dd details div dl dt fieldset figcaption figure"
        " caption td th tr footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section select"
        " summary table ul br",
    )
)
# Elements that a link's text may be wrapped in.
_LINK_DEPTH = 8


@dataclass
class _Pending:
    """Text of the block that is being read, and how much of it is links or stands in furniture."""

    parts: list[str] = field(default_factory=list)
    linked: int = 0

    def take(self) -> tuple[str, float]:
        text = " ".join("".join(self.parts).split())
        share = min(1.0, self.linked / len(text)) if text else 0.0
        self.parts, self.linked = [], 0
        return text, share


def read_html(data: bytes) -> Extracted:
    """Read a web page: headings, paragraphs, list items, tables.

    Raises:
        DocumentError: it is not text.
    """
    builder = TextBuilder()
    return builder.build(add_page(builder, decode(data)))


def add_page(builder: TextBuilder, source: str) -> str:
    """Append the blocks of a page or of a part of one, and return its title, empty when it has none."""
    from selectolax.lexbor import LexborHTMLParser

    tree = LexborHTMLParser(source)
    title = tree.css_first("title")
    unseen = [node for node in tree.css("[style]") if _UNSEEN.search(node.attributes.get("style") or "")]
    for node in [*tree.css(_HIDDEN), *unseen]:
        node.decompose()
    if tree.body is not None:
        _read(tree.body, builder)
    named = title.text() if title is not None else ""
    headings = tree.css("h1")
    return headings[0].text() if len(headings) == 1 else named


def _read(body: "LexborNode", builder: TextBuilder) -> None:
    furniture = {node.mem_id for node in body.css(_FURNITURE)}
    pending = _Pending()
    kind: Kind = "paragraph"
    level = inside = 0
    for tag, node, opens in _walk(body):
        if tag == "-text":
            text = node.text(deep=False) if opens else ""
            pending.parts.append(text)
            pending.linked += len(text.strip()) if inside or _within(node, "a") else 0
            continue
        if tag in _BLOCKS:
            text, share = pending.take()
            builder.add(text, kind, level=level, links=share)
            if tag == "table" and opens and not _is_layout(node):
                _add_table(builder, node, furniture=bool(inside))
            kind, level = _kind(tag) if opens and not inside else ("paragraph", 0)
        if node.mem_id in furniture:
            inside += 1 if opens else -1


def _walk(root: "LexborNode") -> Iterator[tuple[str, "LexborNode", bool]]:
    """Yield every node from ``root`` on in order, twice: when it opens and when it closes.

    A table is not entered, unless it holds other tables and is there for the layout.
    """
    node: LexborNode | None = root
    opens = True
    while node is not None:
        tag = node.tag or ""
        yield tag, node, opens
        child = node.first_child if opens and (tag != "table" or _is_layout(node)) else None
        if child is not None:
            node = child
        elif opens:
            opens = False
        elif node.mem_id == root.mem_id:
            return
        else:
            opens = node.next is not None
            node = node.next if opens else node.parent


def _is_layout(table: "LexborNode") -> bool:
    return len(table.css("table")) > 1


def _add_table(builder: TextBuilder, table: "LexborNode", *, furniture: bool) -> None:
    if furniture:
        builder.add(" ".join(table.text(separator=" ").split()), links=1.0)
        return
    for caption in table.css("caption"):
        builder.add(" ".join(caption.text().split()))
    add_table(builder, _rows(table))


def _rows(table: "LexborNode") -> list[list[str]]:
    """Return the texts of the cells, that of a merged cell in every place that it covers."""
    rows: list[list[str]] = []
    # Column to the text and the number of the rows below that it reaches into.
    reaching: dict[int, tuple[str, int]] = {}
    for row in table.css("tr"):
        texts: list[str] = []
        for cell in (each for each in row.iter() if each.tag in ("td", "th")):
            _take_reaching(texts, reaching)
            words = " ".join(cell.text().split())
            below = _span(cell, "rowspan") - 1
            for _ in range(_span(cell, "colspan")):
                if below:
                    reaching[len(texts)] = (words, below)
                texts.append(words)
        _take_reaching(texts, reaching)
        rows.append(texts)
    return rows


def _take_reaching(texts: list[str], reaching: dict[int, tuple[str, int]]) -> None:
    """Fill in the cells from rows above that stand next in the row."""
    while len(texts) in reaching:
        words, below = reaching.pop(len(texts))
        if below > 1:
            reaching[len(texts)] = (words, below - 1)
        texts.append(words)


def _span(cell: "LexborNode", name: str) -> int:
    value = cell.attributes.get(name) or ""
    return min(max(int(value), 1), MAX_SPAN) if value.isdecimal() else 1


def _kind(tag: str) -> tuple[Kind, int]:
    if len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        return "heading", int(tag[1])
    return ("item" if tag in ("li", "dd") else "paragraph"), 0


def _within(node: "LexborNode", tag: str) -> bool:
    """Whether an element ``tag`` holds the text, a few levels up; a block in between ends the search."""
    parent = node.parent
    for _ in range(_LINK_DEPTH):
        if parent is None or parent.tag in _BLOCKS:
            return False
        if parent.tag == tag:
            return True
        parent = parent.parent
    return False
