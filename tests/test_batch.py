"""Reviews of many rows: what is read, what is written, what a killed run keeps."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typing_extensions import Buffer

from reviewer.batch import Conditions, Line, Summary, Task, open_output, read_tasks, run_batch
from reviewer.errors import EngineError, InputError, StorageError, TextTooLongError
from reviewer.pipeline import OUT_OF_TIME
from reviewer.request import request_of
from reviewer.schema import NotAssessedOut, Review, ReviewRequest
from tests.formats.reviews import make_finding, make_review

VERSIONS = make_review().versions
CONDITIONS = Conditions(VERSIONS, {"rewrite": True})
DRAFTS = ("您好，请稍等。", "你等一下。", "好的。")


class Judge:
    """Finds fault with 你; remembers what it was asked; fails at the drafts in ``faults``."""

    def __init__(self, **faults: Exception) -> None:
        self.asked: list[str] = []
        self._faults = faults

    def __call__(self, request: ReviewRequest, /) -> Review:
        draft = str(request.draft)
        self.asked.append(draft)
        if draft in self._faults:
            raise self._faults[draft]
        return make_review(draft, [make_finding(draft, "你")] if "你" in draft else [])


def tasks_of(*drafts: str) -> list[Task]:
    return [
        Task(f"t{number}", f"in.jsonl:{number}", request_of({"draft": draft}))
        for number, draft in enumerate(drafts, start=1)
    ]


def raises(fault: InputError) -> None:
    raise fault


def run(
    out: Path,
    judge: Judge,
    *drafts: str,
    conditions: Conditions = CONDITIONS,
    on_fault: Callable[[InputError], None] = raises,
) -> list[Line]:
    with open_output(out) as output:
        run_batch(tasks_of(*drafts), output, judge, conditions, on_fault=on_fault)
    return lines_of(out)


def lines_of(out: Path) -> list[Line]:
    return [Line.model_validate_json(line) for line in out.read_text(encoding="utf-8").splitlines()]


def written(path: Path, text: str | bytes) -> Path:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(path: Path) -> tuple[list[Task], list[str]]:
    faults: list[str] = []
    tasks = read_tasks(path, {"channel": "phone"}, on_fault=lambda fault: faults.append(str(fault)))
    return tasks, faults


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
        "import os, signal, sys\nfrom pathlib import Path\nfrom tests.test_batch import DRAFTS, Judge, run\n"
        "class Killed(Judge):\n"
        "    def __call__(self, request, /):\n"
        "        if len(self.asked) == 2:\n            os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().__call__(request)\n"
        "run(Path(sys.argv[1]), Killed(), *DRAFTS)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(out)], cwd=Path(__file__).parents[1], check=False)
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


def test_jsonl_rows_have_the_fields_of_a_request(tmp_path: Path) -> None:
    row = {
        "id": 7,
        "draft": ["您好。", "请稍等。"],
        "customer": "在吗",
        "history": [{"role": "customer", "text": "喂"}],
        "identity_verified": True,
        "facts": ["满 99 元包邮"],
        "note": "x",
    }
    unused: list[str] = []
    path = written(
        tmp_path / "in.jsonl", json.dumps(row) + "\n\n" + '{"draft": "好的。", "channel": "online"}'
    )
    tasks = read_tasks(path, {"channel": "phone"}, on_fault=raises, on_unused=unused.extend)
    assert [task.id for task in tasks] == ["7", "3"]
    assert tasks[0].request.model_dump() == {
        **{name: value for name, value in row.items() if name not in ("id", "note")},
        "channel": "phone",
        "stage": "unknown",
        "agent_id": "",
    }
    assert tasks[1].request.channel == "online"
    assert unused == ["note"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_columns_have_the_same_names(tmp_path: Path, encoding: str) -> None:
    text = (
        "id,draft,customer,history,identity_verified,facts,stage\r\n"
        'a,"您好，\n请稍等。",在吗,"[{""role"": ""agent"", ""text"": ""您好""}]",false,"一\n二",\r\n'
        ",好的。,,,,,closing\r\n"
    )
    tasks, faults = read(written(tmp_path / "in.csv", text.encode(encoding)))
    assert faults == []
    first, second = (task.request for task in tasks)
    assert [task.id for task in tasks] == ["a", "5"]
    assert (first.draft, first.customer, first.identity_verified) == ("您好，\n请稍等。", "在吗", False)
    assert [(turn.role, turn.text) for turn in first.history] == [("agent", "您好")]
    assert first.facts == ["一", "二"]
    assert (second.stage, second.identity_verified, second.facts) == ("closing", None, [])


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("{", "不是 JSON"),
        ("[1]", "不是 JSON 对象"),
        ('{"text": "您好"}', "没有“draft”列"),
        ('{"draft": ""}', "草稿是空的"),
        ('{"draft": 5}', "请求的 draft"),
        ('{"draft": "您好", "stage": "later"}', "请求的 stage"),
        ('{"draft": "您好", "history": "客户：在"}', "history 应是 JSON 列表"),
        ('{"draft": "您好\\ud800"}', "草稿第 3 个字符是控制字符"),
        ('{"draft": "您好", "facts": ["\\ud800"]}', "事实第 1 个字符是控制字符"),
        ("[" * 100_000, "不是 JSON"),
        ('{"draft": "您好", "id": ["a"]}', "的 id 应是文字或数字"),
        ('{"draft": "您好", "id": true}', "的 id 应是文字或数字"),
        ('{"draft": "您好", "id": "a\\ud800"}', "的 id 里有控制字符"),
        ('{"draft": "您好", "id": "a\\n"}', "的 id 里有控制字符"),
        ('{"draft": "您好", "agent_id": "\\ud800"}', "请求的 agent_id"),
        ('{"draft": "您好", "history": [{"role": "agent", "text": "\\ud800"}]}', "请求的 history"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path, row: str, what: str) -> None:
    path = written(tmp_path / "in.jsonl", f'{{"draft": "您好。"}}\n{row}\n{{"draft": "好的。"}}\n')
    tasks, [fault] = read(path)
    assert [task.place for task in tasks] == [f"{path}:1", f"{path}:3"]
    assert fault.startswith(f"{path}:2 ")
    assert what in fault


@pytest.mark.parametrize("row", ["只有一列", "好,x,y", "好" * 200_000 + ",x"])
def test_a_bad_row_of_a_table_is_told_with_its_line(tmp_path: Path, row: str) -> None:
    path = written(tmp_path / "in.csv", f"draft,customer\n您好。,a\n{row}\n好的。,b\n")
    tasks, [fault] = read(path)
    assert [task.request.customer for task in tasks] == ["a", "b"]
    assert fault.startswith(f"{path}:3 ")


@pytest.mark.parametrize("row", ['"您好"吗,x', '"您好,x'])
def test_behind_a_damaged_quotation_nothing_is_read(tmp_path: Path, row: str) -> None:
    path = written(tmp_path / "in.csv", f'draft,customer\n您好。,a\n{row}\n"好的。\n再见。",b\n好。,c\n')
    tasks, [fault] = read(path)
    assert [task.request.draft for task in tasks] == ["您好。"]
    assert fault.startswith(f"{path}:3 ")
    assert "以后的行没有读" in fault


def test_a_table_without_drafts_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有“draft”列"):
        read(written(tmp_path / "in.csv", "text\n您好\n"))


def test_the_summary_names_rules_gravest_and_most_frequent_first() -> None:
    summary = Summary()
    draft = "你等钱转我。"
    minor, other = make_finding(draft, "你"), make_finding(draft, "等", rule="A03", title="催促")
    red = make_finding(draft, "钱转我", rule="E03", title="私下交易", severity="red")
    for findings in ([minor], [minor, red], [other, minor]):
        summary.add(make_review(draft, findings))
    summary.add(make_review(draft, not_assessed=[NotAssessedOut(rule="E01", severity="red", why="到时限")]))
    assert summary.to_text(faults=2) == (
        "4 条：通过 0；建议修改 2；拦截，不可发送 1；未能完成审核 1\n"
        "其中 1 条有规则没有审到，不能当作通过。\n"
        "另有 2 行不能审核，见上面的说明。\n"
        "  E03 私下交易（红线）：1 条\n"
        "  A01 敬语称谓（轻微）：3 条\n"
        "  A03 催促（轻微）：1 条\n"
    )
