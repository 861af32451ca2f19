"""What a run leaves on disk: it reads back the same, and a cut line costs one record at most."""

from pathlib import Path

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.records import (
    MANIFEST,
    RECORDS,
    Record,
    ordered,
    read_manifest,
    read_records,
    read_run,
    write_manifest,
)
from reviewer.files import drop_torn_line
from tests.evaluation import runs

RUN = runs.run(
    [
        runs.record("e1", "A02", "A02", probability=0.9, total_ms=12.5),
        runs.record("e2"),
        runs.record("e3", error="草稿是空的"),
    ]
)


def stored(folder: Path) -> Path:
    write_manifest(folder, RUN.manifest)
    lines = [record.model_dump_json() + "\n" for record in RUN.records]
    (folder / RECORDS).write_text("".join(lines), encoding="utf-8")
    return folder


def test_a_run_reads_back_the_same(tmp_path: Path) -> None:
    again = read_run(stored(tmp_path))
    assert again == RUN
    assert again.folder == tmp_path
    assert [path.name for path in sorted(tmp_path.iterdir())] == [RECORDS, MANIFEST]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    assert read_manifest(tmp_path) is None
    assert list(read_records(tmp_path)) == []
    with pytest.raises(InputError, match=r"没有评测结果"):
        read_run(tmp_path)


def test_a_last_line_cut_anywhere_is_passed_over_and_dropped(tmp_path: Path) -> None:
    path = stored(tmp_path) / RECORDS
    whole = path.read_bytes()
    last = RUN.records[0].model_dump_json().encode()
    within = last.index("您".encode()) + 1
    # Cut at the start, within a Chinese character, and just before the line's end.
    for cut in (1, within, len(last)):
        path.write_bytes(whole + last[:cut])
        assert read_run(tmp_path) == RUN
        drop_torn_line(path)
        assert path.read_bytes() == whole


def test_a_whole_file_is_not_touched(tmp_path: Path) -> None:
    path = stored(tmp_path) / RECORDS
    before = path.stat()
    drop_torn_line(path)
    after = path.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    drop_torn_line(tmp_path / "nowhere")


def test_a_damaged_line_is_named_with_what_to_do(tmp_path: Path) -> None:
    path = stored(tmp_path) / RECORDS
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0], b'{"example": 1}\xff', *lines[2:]]))
    with pytest.raises(InputError, match=r"records\.jsonl:2 已损坏；删除该行后重新运行"):
        read_run(tmp_path)


@pytest.mark.parametrize("text", ["", "{", '{"format": "reviewer.eval/2"}', "[]"])
def test_a_damaged_manifest_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json 已损坏") as caught:
        read_manifest(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_a_rule_in_dispute_does_not_count_as_cited() -> None:
    record = runs.record("e1", "A01", "A01 A02", disputed="A02")
    assert record.cited == {"A01"}
    assert record.example.gold == {"A01"}


def test_records_follow_the_order_of_the_data() -> None:
    shuffled: list[Record] = [RUN.records[2], RUN.records[0], RUN.records[1]]
    assert ordered(shuffled, ["e1", "e2", "e3"]) == list(RUN.records)
