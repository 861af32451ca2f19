"""What is written for the lines of the input, after a good end and after a bad one."""

import json
from pathlib import Path
from typing import Any

import pytest

from reviewer.batch import open_annotations, open_output, read_tasks, run_batch
from reviewer.errors import EngineError, InputError, StorageError
from tests.batch.runs import CONDITIONS, Judge, written

ROWS = (
    "id,draft,customer\r\n"
    "a,你等一下。,在吗\r\n"
    'b,"您好，\r\n""你""等一下。",在吗\r\n'
    "c,,在吗\r\n"
    "d,好的。,在吗\r\n"
    "e,太长。,在吗\r\n"
    "f,你好。,在吗\r\n"
)
TOO_LONG = {"太长。": InputError("草稿太长。")}


def annotate(source: Path, judge: Judge, *targets: Path) -> None:
    with open_annotations(source, targets) as annotations, open_output(source.parent / "out.jsonl") as output:
        tasks = read_tasks(source, {}, on_fault=annotations.fault)
        run_batch(tasks, output, judge, CONDITIONS, on_fault=annotations.fault, on_line=annotations.line)


def found_in(target: Path) -> list[tuple[int | None, str | None]]:
    """Return line and rule of every diagnostic."""
    items: list[dict[str, Any]] = [json.loads(line) for line in target.read_text("utf-8").splitlines()]
    return [
        (item["location"].get("range", {}).get("start", {}).get("line"), item.get("code", {}).get("value"))
        for item in items
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_findings_stand_at_the_lines_of_the_input_and_passes_nowhere(tmp_path: Path, encoding: str) -> None:
    source = written(tmp_path / "in.csv", ROWS.encode(encoding))
    targets = (tmp_path / "new" / "found.rdjsonl", tmp_path / "found.sarif")
    annotate(source, Judge(**TOO_LONG), *targets)
    assert found_in(targets[0]) == [(2, "A01"), (3, "A01"), (8, "A01"), (5, None), (7, None)]
    (run,) = json.loads(targets[1].read_text(encoding="utf-8"))["runs"]
    regions = [result["locations"][0]["physicalLocation"]["region"] for result in run["results"]]
    assert [(region["startLine"], region.get("startColumn")) for region in regions] == [
        (2, 3), (3, None), (8, 3)
    ]  # fmt: skip
    assert [result["properties"]["row"] for result in run["results"]] == ["a", "b", "f"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["found.sarif", "in.csv", "new", "out.jsonl"]


def test_known_rows_are_included(tmp_path: Path) -> None:
    source, target = written(tmp_path / "in.csv", ROWS), tmp_path / "found.sarif"
    annotate(source, Judge(**TOO_LONG), target)
    first, judge = target.read_text(encoding="utf-8"), Judge(**TOO_LONG)
    annotate(source, judge, target)
    assert judge.asked == ["太长。"]
    assert target.read_text(encoding="utf-8") == first


def test_a_batch_that_stops_does_not_look_clean(tmp_path: Path) -> None:
    source, target = written(tmp_path / "in.csv", ROWS), written(tmp_path / "found.rdjsonl", "")
    with pytest.raises(EngineError):
        annotate(source, Judge(**{"好的。": EngineError("引擎坏了。")}), target)
    assert found_in(target) == [(5, None), (None, None)]
    assert "引擎坏了。" in target.read_text(encoding="utf-8")


def test_so_does_one_that_is_interrupted_or_cannot_read(tmp_path: Path) -> None:
    target = tmp_path / "found.rdjsonl"
    with pytest.raises(KeyboardInterrupt), open_annotations(tmp_path / "in.csv", [target]):
        raise KeyboardInterrupt
    assert "已中断" in target.read_text(encoding="utf-8")
    with pytest.raises(InputError):
        annotate(tmp_path / "in.csv", Judge(), target)
    assert "读不了文件" in target.read_text(encoding="utf-8")


def test_the_path_is_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "replies").mkdir()
    target = tmp_path / "found.rdjsonl"
    annotate(written(Path("replies/in.csv"), ROWS), Judge(), target)
    items = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
    assert {item["location"]["path"] for item in items} == {"replies/in.csv"}


def test_a_target_that_cannot_be_written_is_refused_at_once(tmp_path: Path) -> None:
    written(tmp_path / "file", "")
    judge = Judge()
    with pytest.raises(StorageError):
        annotate(written(tmp_path / "in.csv", ROWS), judge, tmp_path / "file" / "found.sarif")
    assert judge.asked == []


def test_until_the_end_the_target_says_that_the_batch_was_not_finished(tmp_path: Path) -> None:
    source, target = written(tmp_path / "in.csv", ROWS), written(tmp_path / "found.rdjsonl", "")
    with open_annotations(source, [target]):
        assert found_in(target) == [(None, None)]
        assert "没有做完" in target.read_text(encoding="utf-8")
    assert target.read_text(encoding="utf-8") == ""
