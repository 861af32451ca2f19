"""The lines of a batch on disk: what is known already, what is added, the whole at the end."""

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewer.batch.rows import Task
from reviewer.errors import InputError, StorageError
from reviewer.files import atomic_path, ensure_dir, storage_error
from reviewer.formats.escaping import json_text
from reviewer.pipeline import OUT_OF_TIME
from reviewer.schema import Review
from reviewer.types import Verdict

# How a line of a part file begins: a torn one that begins otherwise is not ours.
_OPENING = b'{"id"'
_REMEDY = "请换一个 --out，或先移走该文件"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Was(_Record):
    """What an earlier batch said of a row: by which manual, and the cited rules, title by id."""

    manual: str
    verdict: Verdict
    rules: dict[str, str]


class Line(_Record):
    """One line of the output.

    ``key`` names all that decided the review, ``request`` what was reviewed; ``was`` is None where no
    earlier batch was given, or it does not have the row.
    """

    id: str
    key: str
    request: str
    review: Review
    was: Was | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a line lies: reviews of thousands of rows are not all kept in memory."""

    path: Path
    start: int
    length: int

    def read(self) -> Line:
        """Return the line."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return Line.model_validate_json(file.read(self.length))


class Output:
    """What is known of the reviews of ``out``, and its part file, open for appending; see ``open_output``."""

    def __init__(self, out: Path, part: Path, journal: io.FileIO) -> None:
        self._out = out
        self._part = part
        self._journal = journal
        self._known: dict[str, Place] = {}
        end = 0
        for path in (out, part):
            for place, line in read_lines(path, remedy=_REMEDY, torn=path == part):
                if all(entry.why != OUT_OF_TIME for entry in line.review.not_assessed):
                    self._known[line.key] = place
                if path == part:
                    end = place.start + place.length
        try:
            journal.truncate(end)
        except OSError as cause:
            raise _storage_error(part, cause) from cause

    def __contains__(self, key: str) -> bool:
        return key in self._known

    def add(self, line: Line) -> None:
        """Put ``line`` on disk.

        Raises:
            StorageError: that is not possible; the part file is as it was.
        """
        data = _text(line).encode()
        start = self._journal.seek(0, os.SEEK_END)
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._journal.write(rest) or 0 :]
            os.fsync(self._journal.fileno())
        except OSError as cause:
            with contextlib.suppress(OSError):
                self._journal.truncate(start)
            raise _storage_error(self._part, cause) from cause
        self._known[line.key] = Place(self._part, start, len(data))

    def finish(
        self, keyed: Sequence[tuple[Task, str]], was: Callable[[Task], Was | None]
    ) -> Iterator[tuple[Task, Line]]:
        """Yield the tasks with the lines of their keys, in order, and write ``out`` with them.

        Args:
            keyed: Tasks and the keys of their reviews.
            was: What an earlier batch said of a task.

        Raises:
            StorageError: that is not possible; ``out`` is as it was.
        """
        with atomic_path(self._out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as sink:
            for task, key in keyed:
                if key in self._known:
                    known = self._known[key].read()
                    line = known.model_copy(update={"id": task.id, "was": was(task)})
                    sink.write(_text(line))
                    yield task, line
            sink.flush()
            os.fsync(sink.fileno())
        self._journal.truncate(0)


def part_of(out: Path) -> Path:
    """Return the part file of ``out``."""
    return out.parent / f"{out.name}.part"


def read_lines(path: Path, *, remedy: str, torn: bool = False) -> Iterator[tuple[Place, Line]]:
    """Yield the lines of ``path``, if that exists, and where they stand.

    Args:
        path: What was written earlier.
        remedy: What to do about a file of something else, in Chinese.
        torn: The last line may be what a kill left of one.

    Raises:
        InputError: something else than the reviews of a batch stands there.
        StorageError: it cannot be read.
    """
    if not path.exists():
        return
    start = 0
    try:
        with path.open("rb") as file:
            for number, data in enumerate(file, start=1):
                if torn and _is_torn(data):
                    return
                yield Place(path, start, len(data)), _line(data, f"{path}:{number}", remedy)
                start += len(data)
    except OSError as cause:
        raise storage_error(path, cause) from cause


@contextmanager
def open_output(out: Path) -> Iterator[Output]:
    """Yield what ``out`` and ``OUT.part`` hold, locked for this process; the lock goes with the process.

    An ``OUT.part`` in which nothing stands is removed at the end.

    Args:
        out: Its folder is made if need be.

    Raises:
        InputError: one of the two holds something else than the reviews of a batch; it is left alone.
        StorageError: it cannot be read or written, or another batch is writing it.
    """
    part = part_of(out)
    ensure_dir(part.parent)
    try:
        # Unbuffered: what the disk had no room for must not be tried again when the file is closed.
        journal = part.open("ab", buffering=0)
    except OSError as cause:
        raise storage_error(part, cause) from cause
    with journal:
        if not _is_locked(journal, part):
            raise StorageError(f"另一个批量审核正在写 {part}；请等它结束或换一个 --out。")
        try:
            yield Output(out, part, journal)
        finally:
            if not os.fstat(journal.fileno()).st_size:
                part.unlink(missing_ok=True)


def _is_locked(journal: io.FileIO, part: Path) -> bool:
    """Lock ``journal``; say whether that worked and it is still ``part``: whoever is done removes that."""
    import fcntl

    try:
        fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(journal.fileno()), part.stat())
    except OSError:
        return False


def _storage_error(path: Path, cause: OSError) -> StorageError:
    if cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError(f"磁盘已满，无法写入 {path}；已审的都在，清理空间后用同一命令继续。")
    return storage_error(path, cause)


def _text(line: Line) -> str:
    return json_text(line.model_dump(mode="json")) + "\n"


def _is_torn(data: bytes) -> bool:
    """Return whether ``data`` is one of our lines without its end; not so a foreign file of one line."""
    if data.endswith(b"\n") or not (data.startswith(_OPENING) or _OPENING.startswith(data)):
        return False
    try:
        Line.model_validate_json(data)
    except ValidationError as cause:
        return cause.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid"
    return True


def _line(data: bytes, place: str, remedy: str) -> Line:
    try:
        return Line.model_validate_json(data)
    except ValidationError as cause:
        raise InputError(f"{place} 不是这个版本的 reviewer batch 写的；{remedy}。") from cause
