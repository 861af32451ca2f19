"""Which rows of a file are read, and as what."""

import json
from pathlib import Path

import pytest

from reviewer.batch import Task, read_tasks
from reviewer.errors import InputError
from tests.batch.runs import raises, written


def read(path: Path) -> tuple[list[Task], list[str]]:
    faults: list[str] = []
    tasks = read_tasks(path, {"channel": "phone"}, on_fault=lambda fault: faults.append(str(fault)))
    return tasks, faults


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
        ("{", "不是合法的 JSON"),
        ("[1]", "不是 JSON 对象"),
        ('{"text": "您好"}', "没有“draft”列"),
        ('{"draft": ""}', "草稿是空的"),
        ('{"draft": 5}', "请求的 draft 不可用：应是字符串，或字符串的列表。"),
        ('{"draft": "您好", "stage": "later"}', "不是允许的值（可用：opening、middle、closing、unknown）。"),
        ('{"draft": "您好", "identity_verified": "x"}', "identity_verified 不可用：应是 true 或 false。"),
        ('{"draft": "您好", "facts": {}}', "facts 不可用：应是列表。"),
        ('{"draft": "您好", "history": [{"role": "agent"}]}', "history.0.text 不可用：缺少这个字段。"),
        ('{"draft": "您好", "history": ["客户"]}', "history.0 不可用：应是由字段组成的对象。"),
        ('{"draft": "您好", "history": "客户：在"}', "history 应是 JSON 列表"),
        ('{"draft": "您好\\ud800"}', "草稿第 3 个字符是控制字符"),
        ('{"draft": "您好", "facts": ["\\ud800"]}', "事实第 1 个字符是控制字符"),
        ("[" * 100_000, "不是合法的 JSON"),
        ('{"draft": "您好", "id": ["a"]}', "的 id 应是文字或数字"),
        ('{"draft": "您好", "id": true}', "的 id 应是文字或数字"),
        ('{"draft": "您好", "id": "a\\ud800"}', "的 id 里有控制字符"),
        ('{"draft": "您好", "id": "a\\n"}', "的 id 里有控制字符"),
        ('{"draft": "您好", "agent_id": "\\ud800"}', "agent_id 不可用：不是合法的 Unicode 文本。"),
        (f'{{"draft": "您好", "agent_id": "{"1" * 65}"}}', "agent_id 不可用：太长。"),
        ('{"draft": "您好", "history": [{"role": "agent", "text": "\\ud800"}]}', "请求的 history"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_the_rest_is_read(tmp_path: Path, row: str, what: str) -> None:
    path = written(tmp_path / "in.jsonl", f'{{"draft": "您好。"}}\n{row}\n{{"draft": "好的。"}}\n')
    tasks, [fault] = read(path)
    assert [(task.path, task.line) for task in tasks] == [(path, 1), (path, 3)]
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
    assert "引号不配对：从这一行到文件末尾都没有读" in fault


def test_rows_that_a_quotation_runs_together_are_told_as_such(tmp_path: Path) -> None:
    path = written(tmp_path / "in.csv", 'draft,customer\n"您好。,a\n好的。,b"\n再见。,c\n')
    tasks, [fault] = read(path)
    assert [task.request.draft for task in tasks] == ["再见。"]
    assert fault == f"{path}:2 引号里的内容跨了几行，这一行有 1 列，表头有 2 列。"


@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_row_knows_where_it_stands_and_its_text(tmp_path: Path, encoding: str, line_end: str) -> None:
    # A lone carriage return within a cell ends no line.
    rows = ["draft,customer", '"您好，', '请""稍""等。",甲', "", '好的。,"乙\r丙"', "再见。,丁"]
    tasks, faults = read(written(tmp_path / "in.csv", line_end.join(rows).encode(encoding)))
    assert faults == []
    assert [(task.line, task.text) for task in tasks] == [
        (2, line_end.join(rows[1:3])),
        (5, rows[4]),
        (6, rows[5]),
    ]
    objects = [f'{{"draft": "{draft}"}}' for draft in ("您好。", "好的。")]
    tasks, _ = read(written(tmp_path / "in.jsonl", line_end.join((*objects, "")).encode(encoding)))
    assert [(task.line, task.text) for task in tasks] == [*enumerate(objects, start=1)]


def test_without_a_line_feed_a_carriage_return_ends_a_line(tmp_path: Path) -> None:
    tasks, _ = read(written(tmp_path / "in.csv", "draft\r您好。\r好的。\r"))
    assert [(task.line, task.text) for task in tasks] == [(2, "您好。"), (3, "好的。")]


def test_a_table_without_drafts_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="没有“draft”列"):
        read(written(tmp_path / "in.csv", "text\n您好\n"))
