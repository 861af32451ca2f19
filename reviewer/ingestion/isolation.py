"""Reads a file in a process of its own, with bounds on its memory and time.

The parsers of foreign formats are large; a file made to hurt them must not take the program along.
"""

import subprocess
import sys
from pathlib import Path

from pydantic import TypeAdapter

from reviewer.errors import DocumentError
from reviewer.ingestion.blocks import Extracted
from reviewer.ingestion.encodings import shown_name
from reviewer.ingestion.limits import Limits

EXTRACTED = TypeAdapter(Extracted)
# What the process says in its exit code; anything else is a death.
READ, REFUSED = 0, 3


def read_isolated(path: Path, limits: Limits) -> Extracted:
    """Read ``path``; some 0.3 s beside the reading itself.

    Raises:
        DocumentError: it cannot be read within the limits; the message names the file.
    """
    refuse_unfit(path, limits)
    command = [sys.executable, "-P", "-m", "reviewer.ingestion.worker", str(path.absolute())]
    bounds = [str(limits.unpacked_bytes), str(limits.characters), str(limits.memory_bytes)]
    try:
        done = subprocess.run(
            [*command, *bounds],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=limits.seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as cause:
        raise DocumentError(f"{_shown(path)}：{limits.seconds:.0f} 秒内没有读完；请分成几份。") from cause
    if done.returncode == REFUSED:
        raise DocumentError(f"{_shown(path)}：{done.stdout.decode('utf-8')}。")
    if done.returncode != READ:
        raise DocumentError(f"{_shown(path)}：读取时内存或时间超限，已放弃；请分成几份，或另存为纯文本。")
    return EXTRACTED.validate_json(done.stdout)


def _shown(path: Path) -> str:
    return str(path.with_name(shown_name(path))) if path.name else str(path)


def refuse_unfit(path: Path, limits: Limits) -> None:
    """Refuse what is no file, or too large, before a byte of it is read.

    Raises:
        DocumentError: it is one of these; the message names the file.
    """
    try:
        size = path.stat().st_size
    except OSError as cause:
        raise DocumentError(f"{_shown(path)}：读不了（{cause.strerror}）；请核对路径和权限。") from cause
    if not path.is_file():
        raise DocumentError(f"{_shown(path)}：不是文件；请逐个给出文件。")
    if size > limits.file_bytes:
        raise DocumentError(f"{_shown(path)}：超过 {limits.file_bytes // 2**20} MB；请分成几份。")
