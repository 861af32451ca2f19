"""Finds the packaged ``prompts/`` and ``corpus/`` and hashes content."""

import hashlib
from pathlib import Path

from reviewer.errors import CorpusError

_PACKAGED = Path(__file__).parent / "_data"
_CHECKOUT = Path(__file__).parent.parent


def resource_dir(name: str) -> Path:
    """Return the folder ``name`` of the installed package or, in a checkout, of its top level.

    Raises:
        CorpusError: the folder is in neither place.
    """
    for root in (_PACKAGED, _CHECKOUT):
        if (root / name).is_dir():
            return root / name
    raise CorpusError(f"安装不完整：找不到 {name}/ 目录，请重新安装 reviewer。")


def read_text(path: Path) -> str:
    """Read a UTF-8 resource.

    Raises:
        CorpusError: it is missing or not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise CorpusError(
            f"无法读取 {path.name}（在 {path.parent}）；请检查目录设置，或重新安装 reviewer。"
        ) from cause


def content_hash(*parts: bytes) -> str:
    """Return the first 16 hex digits of ``full_hash``: a name for a version, not a key for foreign text."""
    return full_hash(*parts)[:16]


def full_hash(*parts: bytes) -> str:
    """Return the SHA-256, 64 hex digits, over length-prefixed ``parts``."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def tree_hash(folder: Path, *, without: frozenset[str] = frozenset()) -> str:
    """Return the content hash of every file below ``folder``: names and bytes, in sorted order.

    Hidden files do not count: they are the system's, not the manual's; nor do files of ``folder``
    itself that ``without`` names.

    Raises:
        CorpusError: a file cannot be read.
    """
    names = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    kept = [
        name
        for name in names
        if name.as_posix() not in without and not any(part.startswith(".") for part in name.parts)
    ]
    try:
        parts = [part for name in kept for part in (name.as_posix().encode(), (folder / name).read_bytes())]
    except OSError as cause:
        raise CorpusError(f"读不了手册文件 {cause.filename}：{cause.strerror}。") from cause
    return content_hash(*parts)
