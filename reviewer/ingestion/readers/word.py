"""Word files (docx), by python-docx."""

import io
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from reviewer.ingestion.blocks import MAX_SPAN, Extracted, Kind, TextBuilder, add_table

if TYPE_CHECKING:
    from docx.document import Document
    from docx.oxml.xmlchemy import BaseOxmlElement

_HEADING = re.compile(r"(?:heading|标题)\s*(\d)", re.IGNORECASE)
_TITLES = ("title", "标题")
_CONTENTS = re.compile(r"toc\s|目录", re.IGNORECASE)
# What encloses paragraphs, tables, rows and cells without being shown: content controls, tracked insertions.
_WRAPPERS = ("sdt", "sdtContent", "customXml", "smartTag", "ins", "moveTo")
_OFF = "@w:val='0' or @w:val='false' or @w:val='off'"
# Not the text as it stands: tracked deletions, hidden and struck text, text boxes, readings above characters.
_GONE = (
    "ancestor::w:del or ancestor::w:moveFrom or ancestor::w:txbxContent or ancestor::w:rt"
    f" or ancestor::w:r/w:rPr/*[self::w:vanish or self::w:strike or self::w:dstrike][not({_OFF})]"
)
_SHOWN = f"(.//w:t | .//w:r/w:tab | .//w:br | .//w:cr | .//w:noBreakHyphen)[not({_GONE})]"
_SIGNS = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}


def read_docx(data: bytes) -> Extracted:
    """Read the body of a Word file as it stands: tracked changes accepted, hidden and struck text left out.

    Headers, footers, notes and pictures are not part of it. Word's own table of contents is left out:
    its entries are marked as such.
    """
    import docx

    document = docx.Document(io.BytesIO(data))
    builder = TextBuilder()
    for element in _content(document.element.body, "p", "tbl"):
        if _name(element) == "tbl":
            _add_table(builder, element)
        else:
            _add_paragraph(builder, document, element)
    titles = [block for block in builder.blocks if block.level == 1]
    text = "".join(builder.parts)
    first = text[titles[0].start : titles[0].end] if titles else ""
    return builder.build(first or document.core_properties.title or "")


def _name(element: "BaseOxmlElement") -> str:
    return str(element.tag).rpartition("}")[2]


def _content(parent: "BaseOxmlElement", *names: str) -> Iterator[Any]:
    """Yield the children called ``names`` in order, also out of what encloses them."""
    for child in parent:
        name = _name(child)
        if name in names:
            yield child
        elif name in _WRAPPERS:
            yield from _content(child, *names)


def _text(paragraph: "BaseOxmlElement") -> str:
    """Return what a reader sees of a paragraph."""
    return "".join(_SIGNS.get(_name(part), part.text or "") for part in paragraph.xpath(_SHOWN))


def _add_paragraph(builder: TextBuilder, document: "Document", element: "BaseOxmlElement") -> None:
    from docx.text.paragraph import Paragraph

    paragraph = Paragraph(element, document._body)
    style = (paragraph.style.name if paragraph.style else "") or ""
    if _CONTENTS.match(style):
        return
    heading = _HEADING.match(style)
    level = int(heading[1]) if heading else 1 if style.lower() in _TITLES else 0
    properties = element.pPr
    listed = style.lower().startswith("list") or (properties is not None and properties.numPr is not None)
    kind: Kind = "heading" if level else "item" if listed else "paragraph"
    # A soft line break (Shift+Enter) divides lines that authors mean as paragraphs.
    for line in _text(element).split("\n"):
        builder.add(line, kind, level=level)


def _add_table(builder: TextBuilder, table: "BaseOxmlElement") -> None:
    """Append a table, a merged cell in every place that it covers, and after it the tables in its cells."""
    rows: list[list[str]] = []
    inner: list[Any] = []
    for row in _content(table, "tr"):
        if row.xpath("./w:trPr/w:del"):
            continue
        texts = [""] * min(row.grid_before, MAX_SPAN)
        for cell in _content(row, "tc"):
            at = len(texts)
            above = rows[-1][at] if rows and at < len(rows[-1]) else ""
            text = "\n".join(_text(paragraph) for paragraph in _content(cell, "p"))
            texts += [above if cell.vMerge == "continue" else text] * min(cell.grid_span, MAX_SPAN)
            inner += _content(cell, "tbl")
        rows.append(texts)
    add_table(builder, rows)
    for each in inner:
        _add_table(builder, each)
