"""Bytes of a text file into text: UTF-8, UTF-16 with a mark, GB18030, Big5; never a guess half right."""

import codecs
import os
from pathlib import Path

from reviewer.errors import DocumentError

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_LEGACY = ["gb18030", "big5hkscs"]
# Text holds line ends and tabs; other control characters come from files that are no text.
_CONTROLS = frozenset(map(chr, range(32))) - frozenset("\t\n\x0b\x0c\r\x1a")
_CONTROL_SHARE = 0.001
# Three characters of Chinese in UTF-8; so long a run is never valid UTF-8 by chance.
_SURE_UTF8 = 9


def decode(data: bytes) -> str:
    """Return the text of ``data``, line ends as line feeds.

    Raises:
        DocumentError: it is not text, or in several encodings at once.
    """
    text = _decoded(data)
    controls = sum(text.count(control) for control in _CONTROLS)
    if controls > len(text) * _CONTROL_SHARE:
        raise DocumentError("不是文本文件，像是改了扩展名的二进制文件；请给出原来的文件")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def shown_name(path: Path) -> str:
    """Return a file's name on one line, also one that is not UTF-8; it names no file, it is for a reader."""
    name = os.fsencode(path.name)
    for encoding in ("utf-8", "gb18030"):
        try:
            text = name.decode(encoding)
        except UnicodeDecodeError:
            continue
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return name.decode("utf-8", "replace")


def _decoded(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data[len(mark) :], encoding)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        if b"\x00" in data:
            raise DocumentError("不是文本文件，像是改了扩展名的二进制文件；请给出原来的文件") from None
    _refuse_mixture(data)
    return _legacy(data)


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as cause:
        raise DocumentError(f"文字编码损坏（标明是 {encoding}）；请另存为 UTF-8 再导入") from cause


def _refuse_mixture(data: bytes) -> None:
    """Refuse a file that is UTF-8 on one line and something else on another."""
    first_other = utf8_lines = 0
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.isascii():
            continue
        try:
            line.decode("utf-8")
        except UnicodeDecodeError:
            first_other = first_other or number
        else:
            utf8_lines += sum(byte > 0x7F for byte in line) >= _SURE_UTF8
    if utf8_lines and first_other:
        raise DocumentError(f"混用了几种文字编码（第 {first_other} 行不是 UTF-8）；请统一存成 UTF-8 再导入")


def _legacy(data: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=_LEGACY, enable_fallback=False).best()
    if best is not None:
        return str(best)
    # Too short to tell by statistics: what decodes without a fault.
    for encoding in _LEGACY:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise DocumentError("认不出文字编码；请存成 UTF-8 再导入")
