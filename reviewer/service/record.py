"""The record: every review that was answered, and what agents made of it, in one SQLite file.

A row is committed before its answer leaves, so a kill at any moment loses nothing that a client was
told; ``synchronous=FULL`` holds this for a power cut as well. Texts are kept only where the service
was told to. Blocking; not the event loop's business.
"""

import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path

from reviewer.errors import StorageError
from reviewer.files import ensure_dir, storage_error
from reviewer.service.errors import UnknownReviewError

_SCHEMA_VERSION = 3
_DAY_S = 86_400
_LOCK_WAIT_S = 5.0
_LOG_RETRY_S = 0.01
# Folding waits with the lock held, while reviews want to be written.
_FOLD_WAIT_MS = 200
# Far longer than any review is under way, batches included.
_REMEMBERED_S = 86_400.0
_SCHEMA = (
    """CREATE TABLE reviews (
    id TEXT PRIMARY KEY,
    at REAL NOT NULL,
    key TEXT NOT NULL,
    conversation TEXT NOT NULL,
    request_hash TEXT NOT NULL,
    draft_hash TEXT NOT NULL,
    versions TEXT NOT NULL,
    verdict TEXT NOT NULL,
    gate TEXT NOT NULL,
    score INTEGER,
    findings TEXT NOT NULL,
    not_assessed TEXT NOT NULL,
    timing_ms TEXT NOT NULL,
    request TEXT,
    disabled TEXT NOT NULL DEFAULT '[]',
    manual TEXT NOT NULL DEFAULT ''
)""",
    "CREATE INDEX reviews_by_time ON reviews (at)",
    "CREATE INDEX reviews_by_conversation ON reviews (conversation)",
    """CREATE TABLE feedback (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    review TEXT NOT NULL REFERENCES reviews (id) ON DELETE CASCADE,
    at REAL NOT NULL,
    rule TEXT NOT NULL,
    action TEXT NOT NULL,
    reason TEXT NOT NULL,
    reply TEXT NOT NULL
)""",
    "CREATE INDEX feedback_by_review ON feedback (review)",
)
# What brings a record one version further, by the version it has.
_STEPS = {
    1: "ALTER TABLE reviews ADD COLUMN disabled TEXT NOT NULL DEFAULT '[]'",
    2: "ALTER TABLE reviews ADD COLUMN manual TEXT NOT NULL DEFAULT ''",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One answered review. The fields from ``versions`` on that are not plain words are JSON.

    ``findings`` holds rules, offsets and probabilities, without words of the draft; ``request`` is
    the whole request, None unless texts are kept; ``disabled`` are the rules that did not count;
    ``manual`` is its name, empty where there was but one.
    """

    id: str
    key: str
    conversation: str
    request_hash: str
    draft_hash: str
    versions: str
    verdict: str
    gate: str
    score: int | None
    findings: str
    not_assessed: str
    timing_ms: str
    request: str | None
    disabled: str = "[]"
    manual: str = ""


@dataclass(frozen=True, slots=True)
class Feedback:
    """What an agent made of the finding of ``rule``, or of the whole review when that is empty."""

    rule: str
    action: str
    reason: str
    reply: str


class Record:
    """An open record. May be shared between threads."""

    def __init__(
        self,
        path: Path,
        *,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Open ``path``, making it, readable for its owner only, if need be.

        Raises:
            StorageError: it cannot be opened, or another version made it.
        """
        self._path = path
        self._clock = clock
        self._monotonic = monotonic
        self._forgotten: dict[tuple[str, str], float] = {}
        self._lock = threading.Lock()
        ensure_dir(path.parent)
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except OSError as cause:
            raise storage_error(path, cause) from cause
        with self._faults():
            self._database = sqlite3.connect(
                path, timeout=_LOCK_WAIT_S, check_same_thread=False, isolation_level=None
            )
        self._prepare()

    def now(self) -> float:
        """Return a moment to give to ``write``: seconds, monotonic."""
        return self._monotonic()

    def write(self, entry: Entry, *, begun: float) -> None:
        """Commit ``entry``, unless its conversation was deleted since ``begun``.

        Raises:
            StorageError: that was not possible.
        """
        with self._transaction() as database:
            if self._forgotten.get((entry.conversation, entry.key), -math.inf) >= begun:
                return
            database.execute(
                f"INSERT INTO reviews (at, {_COLUMNS})"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (self._clock(), *astuple(entry)),
            )

    def update(self, entry: Entry) -> None:
        """Commit the final outcome of a review that was written; nothing if it has been deleted since.

        Raises:
            StorageError: that was not possible.
        """
        with self._transaction() as database:
            database.execute(
                "UPDATE reviews SET verdict = ?, gate = ?, score = ?, findings = ?, not_assessed = ?,"
                " timing_ms = ? WHERE id = ?",
                (
                    entry.verdict,
                    entry.gate,
                    entry.score,
                    entry.findings,
                    entry.not_assessed,
                    entry.timing_ms,
                    entry.id,
                ),
            )

    def find(self, review: str, *, key: str) -> Entry:
        """Return the review ``review`` of ``key``.

        Raises:
            UnknownReviewError: ``key`` has no such review.
            StorageError: the record cannot be read.
        """
        with self._lock, self._faults():
            row = self._database.execute(
                f"SELECT {_COLUMNS} FROM reviews WHERE id = ? AND key = ?", (review, key)
            ).fetchone()
        if row is None:
            raise UnknownReviewError("没有这次审核的记录：编号有误、已过保留期或已删除。")
        return Entry(*row)

    def add_feedback(self, review: str, feedback: Feedback) -> int:
        """Commit ``feedback`` on a review that is there, and return its number.

        Raises:
            UnknownReviewError: the review has just been deleted.
            StorageError: that was not possible.
        """
        with self._transaction() as database:
            known = database.execute("SELECT 1 FROM reviews WHERE id = ?", (review,)).fetchone()
            if known is None:
                raise UnknownReviewError("这次审核的记录已被删除。")
            row = database.execute(
                "INSERT INTO feedback (review, at, rule, action, reason, reply) VALUES (?, ?, ?, ?, ?, ?)"
                " RETURNING id",
                (
                    review,
                    self._clock(),
                    feedback.rule,
                    feedback.action,
                    feedback.reason,
                    feedback.reply,
                ),
            ).fetchone()
        return int(row[0])

    def with_feedback(self) -> Iterator[tuple[Entry, Sequence[Feedback]]]:
        """Yield every review that has feedback, oldest first, with its feedback in order of arrival.

        Raises:
            StorageError: the record cannot be read.
        """
        with self._lock, self._faults():
            rows = self._database.execute(
                f"SELECT {_COLUMNS} FROM reviews WHERE id IN (SELECT review FROM feedback) ORDER BY at, id"
            ).fetchall()
            notes = self._database.execute(
                "SELECT review, rule, action, reason, reply FROM feedback ORDER BY id"
            ).fetchall()
        by_review: dict[str, list[Feedback]] = {}
        for review, *note in notes:
            by_review.setdefault(review, []).append(Feedback(*note))
        for row in rows:
            entry = Entry(*row)
            yield entry, by_review.get(entry.id, [])

    def delete_conversation(self, conversation: str, *, key: str | None) -> int:
        """Delete the reviews of a conversation of ``key``, with their feedback; return how many.

        None stands for every key, and for what was asked without one. A review that is under way will
        not be written, if its key is named.

        Raises:
            StorageError: that was not possible.
        """
        if key is None:
            return self._delete("conversation = ?", (conversation,))
        return self._delete("conversation = ? AND key = ?", (conversation, key), forget=(conversation, key))

    def delete_older_than(self, days: int) -> int:
        """Delete what is older than ``days``, with its feedback; return how many reviews.

        Raises:
            StorageError: that was not possible.
        """
        return self._delete("at < ?", (self._clock() - days * _DAY_S,))

    def fold(self) -> bool:
        """Fold the log into the file: until then the log still holds what was deleted.

        Returns:
            Whether that is done; another program that reads the record can prevent it.

        Raises:
            StorageError: the record cannot be written.
        """
        with self._lock, self._faults():
            self._database.execute(f"PRAGMA busy_timeout = {_FOLD_WAIT_MS}")
            try:
                busy = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            finally:
                self._database.execute(f"PRAGMA busy_timeout = {round(_LOCK_WAIT_S * 1000)}")
        return not busy

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._database.close()

    def _prepare(self) -> None:
        with self._faults():
            self._use_log()
            for setting in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
                self._database.execute(f"PRAGMA {setting}")
        # Whoever opens it at the same moment waits here, and then finds it done.
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == _SCHEMA_VERSION:
                return
            if version not in (0, *_STEPS):
                raise StorageError(
                    f"{self._path} 是另一个版本的记录（{version}）；请换一个 --record，或升级 reviewer。"
                )
            steps = [_STEPS[each] for each in range(version, _SCHEMA_VERSION)] if version else _SCHEMA
            for statement in steps:
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def _use_log(self) -> None:
        """Switch to a write-ahead log; SQLite itself does not wait for others that do the same."""
        end = time.monotonic() + _LOCK_WAIT_S
        while True:
            try:
                self._database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError as cause:
                if cause.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                    raise
            time.sleep(_LOG_RETRY_S)

    def _delete(
        self, condition: str, values: tuple[object, ...], *, forget: tuple[str, str] | None = None
    ) -> int:
        with self._transaction() as database:
            deleted = database.execute(f"DELETE FROM reviews WHERE {condition}", values).rowcount
            if forget is not None:
                self._remember(forget)
        return deleted

    def _remember(self, forgotten: tuple[str, str]) -> None:
        now = self._monotonic()
        recent = {what: at for what, at in self._forgotten.items() if now - at < _REMEMBERED_S}
        self._forgotten = {**recent, forgotten: now}

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._faults():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    @contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as cause:
            raise StorageError(f"审核记录 {self._path} 无法读写：{cause}；请检查磁盘和权限。") from cause


_COLUMNS = (
    "id, key, conversation, request_hash, draft_hash, versions, verdict, gate, score,"
    " findings, not_assessed, timing_ms, request, disabled, manual"
)
