"""The text layer of PDF files, by pypdf."""

import io
import logging

from reviewer.errors import DocumentError
from reviewer.ingestion.blocks import Extracted, TextBuilder

_MAX_PAGES = 3000


def read_pdf(data: bytes) -> Extracted:
    """Read the text layer, one block a line.

    Raises:
        DocumentError: it asks for a password, has too many pages, or holds pictures only.
    """
    from pypdf import PdfReader

    # The library tells of every oddity of a file; what counts is whether text comes out.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(io.BytesIO(data))
    if reader.is_encrypted:
        raise DocumentError("PDF 有密码或加密；请去掉加密再导入")
    if len(reader.pages) > _MAX_PAGES:
        raise DocumentError(f"PDF 超过 {_MAX_PAGES} 页；请分成几份")
    builder = TextBuilder()
    for number, page in enumerate(reader.pages, start=1):
        for line in page.extract_text().split("\n"):
            builder.add(line, page=number, wrapped=True)
    if not builder.blocks:
        raise DocumentError("PDF 没有文字层，像是扫描件；请先做文字识别")
    information = reader.metadata
    return builder.build((information.title if information else None) or "")
