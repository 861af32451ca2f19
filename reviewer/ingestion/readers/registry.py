"""Which reader a file gets: by what it holds, and only then by its name."""

import io
import zipfile
from collections.abc import Callable
from pathlib import PurePath

from reviewer.errors import DocumentError, ReviewerError
from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.markdown import read_markdown
from reviewer.ingestion.readers.pdf import read_pdf
from reviewer.ingestion.readers.plain import read_plain
from reviewer.ingestion.readers.spreadsheet import read_csv, read_xlsx
from reviewer.ingestion.readers.web import read_html
from reviewer.ingestion.readers.word import read_docx

Reader = Callable[[bytes], Extracted]

_BY_NAME: dict[str, Reader] = {
    ".txt": read_plain,
    ".text": read_plain,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".csv": read_csv,
    ".tsv": read_csv,
}
_BY_PART: dict[str, Reader] = {"word/document.xml": read_docx, "xl/workbook.xml": read_xlsx}
_OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
FORMATS = "docx、pdf、html、md、txt、xlsx、csv"


def read_document(data: bytes, name: str, limits: Limits) -> Extracted:
    """Read a file.

    Args:
        data: What it holds.
        name: Its name; the ending tells apart formats that are plain text.
        limits: How large it may be.

    Raises:
        DocumentError: it is empty, damaged, too large, or of no format known here.
    """
    if not data.strip():
        raise DocumentError("文件是空的")
    reader = _reader(data, name, limits)
    try:
        extracted = reader(data)
    except ReviewerError:
        raise
    except MemoryError as cause:
        raise DocumentError("读取时内存不够；请分成几份") from cause
    except Exception as cause:  # each library has a tree of its own, and damaged files leave all of them
        raise DocumentError(f"文件损坏或不完整（{type(cause).__name__}）；请重新导出") from cause
    if len(extracted.text) > limits.characters:
        raise DocumentError(f"文字超过 {limits.characters} 字；请分成几份")
    if not extracted.blocks:
        raise DocumentError("里面没有文字")
    return extracted


def _reader(data: bytes, name: str, limits: Limits) -> Reader:
    if data.startswith(b"%PDF-"):
        return read_pdf
    if data.startswith(_OLD_OFFICE):
        raise DocumentError("是旧版 Office 文件或加了密码的文件；请去掉密码，另存为 docx 或 xlsx")
    if data.startswith(b"PK"):
        return _of_archive(data, limits)
    suffix = PurePath(name).suffix.lower()
    if suffix in (".docx", ".xlsx", ".pdf"):
        raise DocumentError(f"内容不是 {suffix[1:]}（损坏，或改过扩展名）；请重新导出")
    if suffix not in _BY_NAME:
        raise DocumentError(f"不认识这种文件；可用：{FORMATS}")
    return _BY_NAME[suffix]


def _of_archive(data: bytes, limits: Limits) -> Reader:
    """Look at a ZIP file's directory before anything is unpacked."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as cause:
        raise DocumentError("文件损坏或不完整；请重新导出") from cause
    if sum(entry.file_size for entry in entries) > limits.unpacked_bytes:
        raise DocumentError(
            f"解开后超过 {limits.unpacked_bytes // 2**20} MB（压缩炸弹？）；请检查来源或分成几份"
        )
    names = {entry.filename for entry in entries}
    if any(".." in PurePath(name).parts or name.startswith("/") for name in names):
        raise DocumentError("压缩包里有越出目录的路径；这样的文件不导入")
    for part, reader in _BY_PART.items():
        if part in names:
            return reader
    raise DocumentError(f"是压缩包，但不是 docx 或 xlsx；可用：{FORMATS}")
