"""Reviews the rows of a file, one line of JSON each, so that a killed run goes on where it stopped.

Reviews are appended to ``OUT.part``, which is locked and put on disk line by line; when all rows are
done, ``OUT`` is written from it whole and in the order of the rows. A review is known by the content of
its request, the options and the versions that decided it: rows that were changed are reviewed again,
rows that only moved are not; nor is anything known of a row that time did not suffice for.
"""

import contextlib
import errno
import io
import json
import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, ValidationError

from reviewer.errors import InputError, StorageError, TextTooLongError
from reviewer.evaluation.rows import OnFault, Row, read_rows
from reviewer.files import atomic_path, ensure_dir, storage_error
from reviewer.formats.escaping import json_text, one_line
from reviewer.formats.text import SEVERITIES, VERDICTS
from reviewer.pipeline import OUT_OF_TIME
from reviewer.request import conversation_of, request_of
from reviewer.resources import full_hash
from reviewer.schema import Review, ReviewRequest, RuleOut, VersionsOut
from reviewer.types import SEVERITY_ORDER, Verdict

_FIELDS = tuple(ReviewRequest.model_fields)
_ID, _DRAFT = "id", "draft"
# How a line of a part file begins: a torn one that begins otherwise is not ours.
_OPENING = b'{"id"'


class Line(BaseModel):
    """One line of the output; ``key`` names what decided the review."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: str
    key: str
    review: Review


@dataclass(frozen=True, slots=True)
class Task:
    """One row that can be reviewed; ``place`` is its file and line."""

    id: str
    place: str
    request: ReviewRequest


@dataclass(frozen=True, slots=True)
class Conditions:
    """What decides a review besides its request: versions, and options that are plain JSON."""

    versions: VersionsOut
    options: Mapping[str, object]

    def key(self, request: ReviewRequest) -> str:
        """Return the SHA-256 of ``request`` under these conditions."""
        options = json.dumps(self.options, sort_keys=True)
        parts = (request.model_dump_json(), options, self.versions.model_dump_json())
        return full_hash(*(part.encode() for part in parts))


class Judge(Protocol):
    """Reviews one draft, or refuses it with an ``InputError`` or ``TextTooLongError``."""

    def __call__(self, request: ReviewRequest, /) -> Review:
        """Return the review."""
        ...


@dataclass
class Summary:
    """What a batch found; fed with one review after the other."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    incomplete: int = 0
    _known: dict[str, RuleOut] = field(default_factory=dict)

    def add(self, review: Review) -> None:
        """Count ``review``."""
        self.verdicts[review.verdict] += 1
        self.incomplete += not review.complete
        for finding in review.findings:
            self.rules[finding.rule.id] += 1
            self._known[finding.rule.id] = finding.rule

    def to_text(self, *, faults: int) -> str:
        """Return one line on all, and one a rule: gravest and most frequent first.

        Args:
            faults: How many rows could not be reviewed.
        """
        parts = [f"{name} {self.verdicts[verdict]}" for verdict, name in VERDICTS.items()]
        lines = [f"{self.verdicts.total()} 条：{'；'.join(parts)}"]
        if self.incomplete:
            lines.append(f"其中 {self.incomplete} 条有规则没有审到，不能当作通过。")
        if faults:
            lines.append(f"另有 {faults} 行不能审核，见上面的说明。")
        for rule in sorted(self._known.values(), key=self._rank):
            title = f"{one_line(rule.id)} {one_line(rule.title)}"
            lines.append(f"  {title}（{SEVERITIES[rule.severity]}）：{self.rules[rule.id]} 条")
        return "".join(line + "\n" for line in lines)

    def _rank(self, rule: RuleOut) -> tuple[int, int, str]:
        return SEVERITY_ORDER[rule.severity], -self.rules[rule.id], rule.id


def read_tasks(
    path: Path,
    defaults: Mapping[str, object],
    *,
    on_fault: OnFault,
    on_unused: Callable[[Sequence[str]], None] = lambda _columns: None,
) -> list[Task]:
    """Return the rows of the CSV, TSV or JSONL file ``path`` that can be reviewed, in their order.

    A row has the fields of a ``ReviewRequest`` and, if need be, an ``id``; its line number stands for a
    missing one. In CSV ``history`` is JSON and ``facts`` has one fact a line.

    Args:
        path: What to read.
        defaults: Fields for rows that leave them open.
        on_fault: Told of each row that cannot be reviewed; the message names file and line.
        on_unused: Told once, when there are any, of columns that mean nothing here.

    Raises:
        InputError: the file cannot be read at all.
    """
    tasks: list[Task] = []
    unused: dict[str, None] = {}
    for row in read_rows(path, [_DRAFT], on_fault=on_fault):
        unused.update(dict.fromkeys(name for name in row.cells if name not in (*_FIELDS, _ID)))
        place = f"{path}:{row.line}"
        try:
            tasks.append(_task(row, place, defaults))
        except InputError as fault:
            on_fault(InputError(f"{place} {fault}"))
    if unused:
        on_unused(list(unused))
    return tasks


class Output:
    """What is known of the reviews of ``out``, and its part file, open for appending; see ``open_output``."""

    def __init__(self, out: Path, part: Path, journal: io.FileIO) -> None:
        self._out = out
        self._part = part
        self._journal = journal
        done, _ = _index(out)
        going_on, end = _index(part, torn=True)
        self._known = {**done, **going_on}
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
        self._known[line.key] = _Place(self._part, start, len(data))

    def finish(self, keyed: Sequence[tuple[Task, str]]) -> Iterator[Review]:
        """Yield the reviews of the tasks by their keys, in order, and write ``out`` with them.

        Raises:
            StorageError: that is not possible; ``out`` is as it was.
        """
        with atomic_path(self._out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as sink:
            for task, key in keyed:
                if key in self._known:
                    line = self._known[key].read()
                    sink.write(_text(line.model_copy(update={"id": task.id})))
                    yield line.review
            sink.flush()
            os.fsync(sink.fileno())
        self._journal.truncate(0)


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
    part = out.with_name(out.name + ".part")
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


def run_batch(
    tasks: Sequence[Task],
    output: Output,
    judge: Judge,
    conditions: Conditions,
    *,
    on_fault: OnFault,
    on_review: Callable[[Review], None] = lambda _review: None,
    on_done: Callable[[int, int], None] = lambda _done, _total: None,
) -> None:
    """Review what ``output`` has no review of, then write it whole.

    Args:
        tasks: In the order of the output.
        output: What is known already.
        judge: Reviews one draft.
        conditions: What else decides the reviews.
        on_fault: Told of each draft that the judge refuses.
        on_review: Told of every review of the output, known ones too, in order.
        on_done: Told of rows done and in all.

    Raises:
        StorageError: the output cannot be written.
        ReviewerError: the reviewer failed; what is done stays and the run can be resumed.
    """
    keyed = [(task, conditions.key(task.request)) for task in tasks]
    missing = dict.fromkeys(key for _, key in keyed if key not in output)
    on_done(len(tasks) - len(missing), len(tasks))
    for task, key in keyed:
        if key not in missing:
            continue
        del missing[key]
        try:
            review = judge(task.request)
        except (InputError, TextTooLongError) as fault:
            on_fault(InputError(f"{task.place} {fault}"))
        else:
            output.add(Line(id=task.id, key=key, review=review))
        on_done(len(tasks) - len(missing), len(tasks))
    for review in output.finish(keyed):
        on_review(review)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a line lies: reviews of thousands of rows are not all kept in memory."""

    path: Path
    start: int
    length: int

    def read(self) -> Line:
        with self.path.open("rb") as file:
            file.seek(self.start)
            return Line.model_validate_json(file.read(self.length))


def _task(row: Row, place: str, defaults: Mapping[str, object]) -> Task:
    given = {name: row.cells[name] for name in _FIELDS if row.cells.get(name) not in (None, "")}
    fields: dict[str, object] = {**defaults, **given, _DRAFT: row.cells[_DRAFT]}
    for name, read in (("history", _turns), ("facts", str.splitlines)):
        if isinstance(value := fields.get(name), str):
            fields[name] = read(value)
    request = request_of(fields)
    conversation_of(request)
    return Task(_id(row), place, request)


def _id(row: Row) -> str:
    value = row.cells.get(_ID)
    if value in (None, ""):
        return str(row.line)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise InputError("的 id 应是文字或数字。")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in str(value)):
        raise InputError("的 id 里有控制字符，请清除后重试。")
    return str(value)


def _turns(text: str) -> Any:  # noqa: ANN401 - whatever JSON holds; the request checks it
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InputError('的 history 应是 JSON 列表，形如 [{"role": "customer", "text": "…"}]。') from cause


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


def _index(path: Path, *, torn: bool = False) -> tuple[dict[str, _Place], int]:
    """Return where the line of each key stands in ``path``, if that exists, and where the last one ends.

    Lines of rows that time did not suffice for are passed over.

    Args:
        path: What was written earlier.
        torn: The last line may be what a kill left of one.
    """
    places: dict[str, _Place] = {}
    start = 0
    if not path.exists():
        return places, start
    try:
        with path.open("rb") as file:
            for number, data in enumerate(file, start=1):
                if torn and _is_torn(data):
                    break
                line = _line(data, f"{path}:{number}")
                if all(entry.why != OUT_OF_TIME for entry in line.review.not_assessed):
                    places[line.key] = _Place(path, start, len(data))
                start += len(data)
    except OSError as cause:
        raise storage_error(path, cause) from cause
    return places, start


def _is_torn(data: bytes) -> bool:
    """Return whether ``data`` is one of our lines without its end; not so a foreign file of one line."""
    if data.endswith(b"\n") or not (data.startswith(_OPENING) or _OPENING.startswith(data)):
        return False
    try:
        Line.model_validate_json(data)
    except ValidationError as cause:
        return cause.errors(include_url=False, include_input=False)[0]["type"] == "json_invalid"
    return True


def _line(data: bytes, place: str) -> Line:
    try:
        return Line.model_validate_json(data)
    except ValidationError as cause:
        raise InputError(
            f"{place} 不是这个版本的 reviewer batch 写的；请换一个 --out，或先移走该文件。"
        ) from cause
