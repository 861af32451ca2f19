"""The record: what is kept, for whom, how long, and that a kill loses nothing acknowledged."""

import contextlib
import itertools
import json
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from reviewer.errors import StorageError
from reviewer.service.errors import UnknownReviewError
from reviewer.service.record import Entry, Feedback, Record
from tests.service.fakes import RED, wait_for
from tests.service.processes import served_by_a_process

ENTRY = Entry(
    id="r1",
    key="前台",
    conversation="c1",
    request_hash="h",
    draft_hash="d",
    versions="{}",
    verdict="pass",
    gate="pass",
    score=100,
    findings="[]",
    not_assessed="[]",
    timing_ms="{}",
    request=None,
)
ACCEPTED = Feedback("", "accepted", "", "")
_DAY_S = 86_400


class Clock:
    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "record.sqlite3"


@pytest.fixture
def record(path: Path) -> Iterator[Record]:
    opened = Record(path)
    yield opened
    opened.close()


def test_what_was_written_is_there_when_opened_again(path: Path) -> None:
    first = Record(path)
    first.write(ENTRY, begun=0)
    first.add_feedback("r1", ACCEPTED)
    first.close()
    second = Record(path)
    assert second.find("r1", key="前台") == ENTRY
    assert list(second.with_feedback()) == [(ENTRY, [ACCEPTED])]
    second.close()


def test_the_file_is_private_and_in_wal_mode(record: Record, path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    reader = sqlite3.connect(path)
    assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    reader.close()


def test_the_final_outcome_replaces_the_early_one_and_keeps_its_feedback(record: Record) -> None:
    record.write(ENTRY, begun=0)
    record.add_feedback("r1", ACCEPTED)
    final = replace(ENTRY, timing_ms='{"total": 9.0}')
    record.update(final)
    assert list(record.with_feedback()) == [(final, [ACCEPTED])]


def test_a_key_sees_and_deletes_its_own_reviews_only(record: Record) -> None:
    record.write(ENTRY, begun=0)
    with pytest.raises(UnknownReviewError):
        record.find("r1", key="后台")
    assert record.delete_conversation("c1", key="后台") == 0
    assert record.delete_conversation("c1", key="前台") == 1
    with pytest.raises(UnknownReviewError):
        record.find("r1", key="前台")
    with pytest.raises(UnknownReviewError):
        record.add_feedback("r1", ACCEPTED)


def test_what_is_deleted_leaves_no_trace_in_the_files(record: Record, path: Path) -> None:
    record.write(replace(ENTRY, request="客户的秘密原话"), begun=0)
    record.add_feedback("r1", Feedback("", "edited", "秘密理由", "秘密回复"))
    assert record.delete_conversation("c1", key="前台") == 1
    assert record.fold()
    for file in path.parent.iterdir():
        assert "秘密".encode() not in file.read_bytes(), file.name
    assert list(record.with_feedback()) == []


def test_a_reader_that_keeps_the_log_from_being_folded_is_noticed(record: Record, path: Path) -> None:
    record.write(replace(ENTRY, request="客户的秘密原话"), begun=0)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM reviews").fetchall()
        assert record.delete_conversation("c1", key="前台") == 1
        assert not record.fold()
        assert any("秘密".encode() in file.read_bytes() for file in path.parent.iterdir())
    assert record.fold()
    assert not any("秘密".encode() in file.read_bytes() for file in path.parent.iterdir())


def test_what_is_under_way_when_it_is_deleted_is_not_written(record: Record) -> None:
    begun = record.now()
    record.write(ENTRY, begun=begun)
    assert record.delete_conversation("c1", key="前台") == 1
    record.update(ENTRY)
    record.write(replace(ENTRY, id="r2"), begun=begun)
    record.write(replace(ENTRY, id="r3", key="后台"), begun=begun)
    record.write(replace(ENTRY, id="r4"), begun=record.now() + 1)
    for gone in ("r1", "r2"):
        with pytest.raises(UnknownReviewError):
            record.find(gone, key="前台")
    assert record.find("r3", key="后台").id == "r3"
    assert record.find("r4", key="前台").id == "r4"


def test_a_conversation_can_be_deleted_whatever_its_key(record: Record) -> None:
    for name, key in (("r1", ""), ("r2", "前台"), ("r3", "作废的")):
        record.write(replace(ENTRY, id=name, key=key), begun=0)
    record.write(replace(ENTRY, id="r4", conversation="c2"), begun=0)
    assert record.delete_conversation("c1", key=None) == 3
    assert record.find("r4", key="前台").id == "r4"


@pytest.mark.parametrize("version", [1, 2])
def test_a_record_of_an_earlier_version_is_brought_up_to_date(path: Path, version: int) -> None:
    Record(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        for column in ("disabled", "manual")[version - 1 :]:
            database.execute(f"ALTER TABLE reviews DROP COLUMN {column}")
        values = "'r0', 1, '前台', '', '', '', '', '', '', 1, '', '', '', ''" + ", '[]'" * (version - 1)
        database.execute(f"INSERT INTO reviews VALUES ({values})")
        database.execute(f"PRAGMA user_version = {version}")
        database.commit()
    record = Record(path)
    found = record.find("r0", key="前台")
    assert (found.disabled, found.manual) == ("[]", "")
    record.write(ENTRY, begun=0)
    assert record.find("r1", key="前台") == ENTRY
    record.close()


@pytest.mark.parametrize("version", [0, 1])
def test_many_that_open_it_at_once_bring_it_up_to_date_once(path: Path, version: int) -> None:
    openers = 8
    for _ in range(5):
        if version:
            Record(path).close()
            with contextlib.closing(sqlite3.connect(path)) as database:
                for column in ("disabled", "manual"):
                    database.execute(f"ALTER TABLE reviews DROP COLUMN {column}")
                database.execute(f"PRAGMA user_version = {version}")
        together = threading.Barrier(openers)

        def opened(together: threading.Barrier = together) -> None:
            together.wait()
            Record(path).close()

        with ThreadPoolExecutor(openers) as pool:
            for opening in [pool.submit(opened) for _ in range(openers)]:
                opening.result()
        record = Record(path)
        record.write(ENTRY, begun=0)
        record.close()
        shutil.rmtree(path.parent)


def test_it_waits_for_another_that_just_makes_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits = list[float]()
    path.parent.mkdir()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def sleep(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                other.execute("ROLLBACK")

        monkeypatch.setattr("reviewer.service.record.time.sleep", sleep)
        record = Record(path)
    record.write(ENTRY, begun=0)
    record.close()
    assert len(waits) == 3


def test_what_is_past_its_days_goes(path: Path) -> None:
    clock = Clock()
    record = Record(path, clock=clock)
    record.write(ENTRY, begun=0)
    clock.now += 2 * _DAY_S
    record.write(replace(ENTRY, id="r2"), begun=0)
    assert record.delete_older_than(3) == 0
    clock.now += 2 * _DAY_S
    assert record.delete_older_than(3) == 1
    assert record.find("r2", key="前台").id == "r2"
    record.close()


def test_a_record_of_another_version_or_no_record_is_refused(path: Path) -> None:
    Record(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(StorageError, match="另一个版本"):
        Record(path)
    path.write_bytes("不是数据库".encode() * 1000)
    with pytest.raises(StorageError, match="无法读写"):
        Record(path)


@pytest.mark.parametrize("enough", [2, 30])
def test_a_kill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, enough: int) -> None:
    told: list[str] = []
    noted: list[int] = []

    def ask(client: httpx2.Client, name: str) -> None:
        with contextlib.suppress(httpx2.TransportError):
            for number in itertools.count():
                answer = client.post("/v1/review", json={"draft": f"{RED}{name}{number}"}).json()
                told.append(answer["request_id"])
                note = {"request_id": answer["request_id"], "action": "accepted"}
                noted.append(client.post("/v1/feedback", json=note).json()["feedback_id"])

    with served_by_a_process(tmp_path) as (process, client), ThreadPoolExecutor() as pool:
        for name in "甲乙丙":
            pool.submit(ask, client, name)
        wait_for(lambda: len(noted) >= enough)
        process.kill()
    record = Record(tmp_path / "record.sqlite3")
    kept = {request_id: record.find(request_id, key="") for request_id in told}
    notes = [note for _, notes in record.with_feedback() for note in notes]
    record.close()
    assert len(told) >= enough
    assert {json.loads(entry.findings)[0]["rule"] for entry in kept.values()} == {"E03"}
    assert len(notes) >= len(noted)
