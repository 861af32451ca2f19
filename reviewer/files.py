"""Writing files so that nobody ever sees half of one."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reviewer.errors import StorageError


def storage_error(path: Path, cause: OSError) -> StorageError:
    """Turn an OS failure on ``path`` into one line that says what to do."""
    if cause.errno == errno.ENOSPC:
        return StorageError(f"磁盘已满，无法写入 {path}；请清理空间，或用 REVIEWER_HOME 指到别的磁盘。")
    if cause.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return StorageError(f"没有权限写入 {path}；请检查目录权限，或用 REVIEWER_HOME 指到可写的目录。")
    return StorageError(f"无法读写 {path}：{cause.strerror or cause}。")


def ensure_dir(path: Path) -> Path:
    """Create ``path`` and its parents.

    Raises:
        StorageError: if that is not possible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise storage_error(path, cause) from cause
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@contextlib.contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary sibling of ``target`` that replaces it when the block ends well.

    On any error, and on Ctrl-C, the temporary file is removed and ``target`` is as it was.

    Raises:
        StorageError: the folder is not writable or the disk is full.
    """
    ensure_dir(target.parent)
    try:
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part")
    except OSError as cause:
        raise storage_error(target.parent, cause) from cause
    os.close(handle)
    temporary = Path(name)
    # mkstemp makes a private file; a cache may be shared, so the usual permissions apply.
    temporary.chmod(0o666 & ~_umask())
    try:
        yield temporary
        temporary.replace(target)
    except OSError as cause:
        raise storage_error(target, cause) from cause
    finally:
        temporary.unlink(missing_ok=True)


def drop_torn_line(path: Path) -> None:
    """Remove a last line without an end, which a kill left behind; a missing file is none.

    Raises:
        StorageError: the file cannot be read or written.
    """
    if not path.exists():
        return
    try:
        data = path.read_bytes()
    except OSError as cause:
        raise storage_error(path, cause) from cause
    whole = data[: data.rfind(b"\n") + 1]
    if whole != data:
        with atomic_path(path) as temporary:
            temporary.write_bytes(whole)


@contextlib.contextmanager
def locked(folder: Path, work: str, *, remedy: str = "请等它结束或换一个 --out") -> Iterator[None]:
    """Keep two processes from writing into one folder; the lock goes with the process.

    Args:
        folder: Made if need be.
        work: What is being done there, in Chinese, for the message.
        remedy: What to do when another one is at it, in Chinese, for the message.

    Raises:
        StorageError: another one is at it, or the folder cannot be written.
    """
    import fcntl

    path = ensure_dir(folder) / ".lock"
    try:
        handle = path.open("w", encoding="utf-8")
    except OSError as cause:
        raise storage_error(path, cause) from cause
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as cause:
            raise StorageError(f"另一个{work}正在写 {folder}；{remedy}。") from cause
        yield
