"""What is written, what a killed run keeps, what is reviewed again."""

import errno
import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typing_extensions import Buffer

from reviewer.batch import Conditions, open_output, run_batch
from reviewer.errors import EngineError, InputError, StorageError, TextTooLongError
from reviewer.pipeline import OUT_OF_TIME
from reviewer.schema import NotAssessedOut, Review, ReviewRequest
from tests.batch.runs import CONDITIONS, DRAFTS, VERSIONS, Judge, lines_of, raises, run, tasks_of, written
from tests.formats.reviews import make_review


def test_each_row_is_one_line_in_order_with_its_id(tmp_path: Path) -> None:
    lines = run(tmp_path / "new" / "out.jsonl", Judge(), *DRAFTS)
    assert [(line.id, line.review.draft) for line in lines] == [
        ("t1", DRAFTS[0]), ("t2", DRAFTS[1]), ("t3", DRAFTS[2])
    ]  # fmt: skip
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.jsonl"]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    with pytest.raises(EngineError):
        run(out, Judge(**{DRAFTS[2]: EngineError("引擎坏了")}), *DRAFTS)
    assert not out.exists()
    with (tmp_path / "out.jsonl.part").open("ab") as part:
        part.write('{"id": "t3", "key": "好'.encode()[:-1])
    judge = Judge()
    assert [line.review.draft for line in run(out, judge, *DRAFTS)] == list(DRAFTS)
    assert judge.asked == [DRAFTS[2]]


def test_kill_9_loses_no_review_that_was_done(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.batch.runs import DRAFTS, Judge, run\n"
        "class Killed(Judge):\n"
        "    def __call__(self, request, /):\n"
        "        if len(self.asked) == 2:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().__call__(request)\n"
        "run(Path(sys.argv[1]), Killed(), *DRAFTS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], cwd=Path(__file__).parents[2], check=False)
    assert done.returncode == -signal.SIGKILL
    judge = Judge()
    assert len(run(out, judge, *DRAFTS)) == len(DRAFTS)
    assert judge.asked == [DRAFTS[2]]


def test_only_what_changed_is_reviewed_again_and_what_is_gone_is_dropped(tmp_path: Path) -> None:
    out, judge = tmp_path / "out.jsonl", Judge()
    run(out, Judge(), *DRAFTS)
    lines = run(out, judge, DRAFTS[2], "您好。", DRAFTS[0])
    assert judge.asked == ["您好。"]
    assert [(line.id, line.review.draft) for line in lines] == [
        ("t1", DRAFTS[2]), ("t2", "您好。"), ("t3", DRAFTS[0])
    ]  # fmt: skip


@pytest.mark.parametrize(
    "conditions",
    [
        Conditions(VERSIONS.model_copy(update={"manual": "other"}), {"rewrite": True}),
        Conditions(VERSIONS, {"rewrite": False}),
    ],
)
def test_other_versions_or_options_review_everything_again(tmp_path: Path, conditions: Conditions) -> None:
    judge = Judge()
    run(tmp_path / "out.jsonl", Judge(), *DRAFTS)
    run(tmp_path / "out.jsonl", judge, *DRAFTS, conditions=conditions)
    assert judge.asked == list(DRAFTS)


def test_equal_rows_are_reviewed_once_and_written_each_with_its_id(tmp_path: Path) -> None:
    judge = Judge()
    lines = run(tmp_path / "out.jsonl", judge, DRAFTS[0], DRAFTS[0])
    assert judge.asked == [DRAFTS[0]]
    assert [line.id for line in lines] == ["t1", "t2"]


@pytest.mark.parametrize("fault", [InputError("太长。"), TextTooLongError("太长。")])
def test_a_draft_that_the_reviewer_refuses_does_not_stop_the_rest(tmp_path: Path, fault: Exception) -> None:
    faults: list[str] = []
    judge = Judge(**{DRAFTS[0]: fault})
    lines = run(tmp_path / "out.jsonl", judge, *DRAFTS, on_fault=lambda told: faults.append(str(told)))
    assert faults == ["in.jsonl:1 太长。"]
    assert [line.id for line in lines] == ["t2", "t3"]


def test_a_refused_draft_is_told_of_every_row_that_has_it(tmp_path: Path) -> None:
    faults: list[str] = []
    judge = Judge(**{DRAFTS[0]: InputError("太长。")})
    drafts = (DRAFTS[0], DRAFTS[1], DRAFTS[0])
    run(tmp_path / "out.jsonl", judge, *drafts, on_fault=lambda told: faults.append(str(told)))
    assert judge.asked == [*DRAFTS[:2]]
    assert faults == ["in.jsonl:1 太长。", "in.jsonl:3 太长。"]


def test_progress_counts_what_was_known_already(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    run(tmp_path / "out.jsonl", Judge(), *DRAFTS[:2])
    with open_output(tmp_path / "out.jsonl") as output:
        run_batch(
            tasks_of(*DRAFTS), output, Judge(), CONDITIONS,
            on_fault=raises, on_done=lambda done, total: seen.append((done, total)),
        )  # fmt: skip
    assert seen == [(2, 3), (3, 3)]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.part"])
@pytest.mark.parametrize(
    "content", ['{"id": "t1"}\n', '{"id": "t1"}', '{"id": "t1"}\n{"id"', "half of a downl", "1\n{"]
)
def test_a_file_of_something_else_is_left_alone(tmp_path: Path, name: str, content: str) -> None:
    path, judge = written(tmp_path / name, content), Judge()
    with pytest.raises(InputError, match=rf"{name}:1 不是这个版本的 reviewer batch 写的"):
        run(tmp_path / "out.jsonl", judge, *DRAFTS)
    assert path.read_text(encoding="utf-8") == content
    assert list(tmp_path.iterdir()) == [path]
    assert judge.asked == []


@pytest.mark.parametrize("cut", [1, 3, 6, 40, 400])
def test_a_last_line_may_be_torn_anywhere(tmp_path: Path, cut: int) -> None:
    out = tmp_path / "out.jsonl"
    run(out, Judge(), *DRAFTS)
    whole = out.read_bytes().splitlines(keepends=True)
    out.unlink()
    written(tmp_path / "out.jsonl.part", whole[0] + whole[1][:cut])
    judge = Judge()
    assert len(run(out, judge, *DRAFTS)) == len(DRAFTS)
    assert judge.asked == list(DRAFTS[1:])


def test_what_time_did_not_suffice_for_is_reviewed_again(tmp_path: Path) -> None:
    def late(request: ReviewRequest, /) -> Review:
        why = {DRAFTS[0]: OUT_OF_TIME, DRAFTS[1]: "检索未选中"}.get(str(request.draft))
        skipped = [NotAssessedOut(rule="E01", severity="red", why=why)] if why else []
        return make_review(str(request.draft), not_assessed=skipped)

    out, judge = tmp_path / "out.jsonl", Judge()
    with open_output(out) as output:
        run_batch(tasks_of(*DRAFTS), output, late, CONDITIONS, on_fault=raises)
    assert [line.review.complete for line in lines_of(out)] == [False, False, True]
    assert [line.review.complete for line in run(out, judge, *DRAFTS)] == [True, False, True]
    assert judge.asked == [DRAFTS[0]]


def test_a_full_disk_is_one_line_and_costs_only_the_review_that_did_not_fit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, calls = tmp_path / "out.jsonl", 0

    def full(_handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StorageError, match=r"磁盘已满.*用同一命令继续"):
            run(out, Judge(), *DRAFTS)
    part = tmp_path / "out.jsonl.part"
    assert [line.review.draft for line in lines_of(part)] == [DRAFTS[0]]
    judge = Judge()
    run(out, judge, *DRAFTS)
    assert judge.asked == list(DRAFTS[1:])
    assert not part.exists()


def test_a_write_that_takes_only_a_part_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow(io.FileIO):
        def write(self, data: Buffer, /) -> int:
            return super().write(memoryview(data)[:7])

    with open_output(tmp_path / "out.jsonl") as output:
        monkeypatch.setattr(output, "_journal", Slow(tmp_path / "out.jsonl.part", "ab"))
        run_batch(tasks_of(*DRAFTS), output, Judge(), CONDITIONS, on_fault=raises)
        output._journal.close()
    assert [line.review.draft for line in lines_of(tmp_path / "out.jsonl")] == list(DRAFTS)


def test_two_runs_do_not_write_into_one_file(tmp_path: Path) -> None:
    out = tmp_path / "out.jsonl"

    def second(_request: ReviewRequest) -> Review:
        with pytest.raises(StorageError, match="另一个批量审核"):
            run(out, Judge(), *DRAFTS)
        return make_review(DRAFTS[0])

    with open_output(out) as output:
        run_batch(tasks_of(DRAFTS[0]), output, second, CONDITIONS, on_fault=raises)
