"""Other people's tables become examples."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from reviewer.errors import InputError
from reviewer.evaluation.examples import read_examples
from reviewer.evaluation.mapping import import_labels, write_examples
from reviewer.evaluation.validation import validate_file
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir

PLAN: dict[str, Any] = {
    "columns": {"draft": "回复", "customer": "客户", "labels": "问题"},
    "labels": {"称呼": ["A01"], "私下交易": ["E03", "A01"], "正常": []},
    "separator": "、",
    "defaults": {"channel": "online", "stage": "middle", "industry": "书店"},
}
CSV = '回复,客户,问题\n你等一下,有货吗,称呼\n"您好，\n有货",有货吗,正常\n你加我微信,便宜点,称呼、私下交易\n'


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return load_catalogue(resource_dir("corpus"))


def plan(folder: Path, **changes: object) -> Path:
    path = folder / "plan.yaml"
    path.write_text(yaml.safe_dump({**PLAN, **changes}, allow_unicode=True), encoding="utf-8")
    return path


def table(folder: Path, text: str, *, name: str = "qa.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_csv_rows_become_examples(tmp_path: Path, catalogue: Catalogue, encoding: str) -> None:
    first, second, third = import_labels(table(tmp_path, CSV, encoding=encoding), plan(tmp_path), catalogue)
    assert (first.id, first.draft, first.customer, first.author) == ("qa-2", "你等一下", "有货吗", "qa")
    assert (first.channel, first.stage, first.industry) == ("online", "middle", "书店")
    assert (first.verdict, first.gold) == ("revise", frozenset({"A01"}))
    # The cell of line 3 holds a line break, so the next row begins on line 5.
    assert (second.draft, second.verdict, second.violations) == ("您好，\n有货", "pass", [])
    assert (third.id, third.verdict) == ("qa-5", "block")
    assert [violation.rule for violation in third.violations] == ["A01", "E03"]


def test_json_lines_hold_lists_numbers_and_history(tmp_path: Path, catalogue: Catalogue) -> None:
    columns = {"draft": "reply", "labels": "tags", "history": "turns", "id": "no", "quote": "bad"}
    rows = [
        {
            "reply": "你等一下",
            "tags": ["1"],
            "turns": [{"role": "customer", "text": "在吗"}],
            "no": 7,
            "bad": "你",
        },
        {"reply": "请您稍等", "tags": 0, "turns": None, "no": 8, "bad": ""},
    ]
    text = "\n\n".join(json.dumps(row) for row in rows)
    mapping = plan(tmp_path, columns=columns, labels={1: ["A01"], 0: []})
    first, second = import_labels(table(tmp_path, text, name="qa.jsonl"), mapping, catalogue)
    assert (first.id, first.history[0].text, first.violations[0].quote) == ("7", "在吗", "你")
    assert (second.id, second.history, second.verdict) == ("8", [], "pass")


def test_history_in_a_cell_is_json(tmp_path: Path, catalogue: Catalogue) -> None:
    mapping = plan(tmp_path, columns={"draft": "a", "labels": "b", "history": "c"})
    text = 'a\tb\tc\n请您稍等\t正常\t"[{""role"": ""agent"", ""text"": ""您好""}]"\n请稍等\t正常\t\n'
    first, second = import_labels(table(tmp_path, text, name="qa.tsv"), mapping, catalogue)
    assert ([turn.text for turn in first.history], second.history) == (["您好"], [])
    with pytest.raises(InputError, match=r"qa.tsv:2 的“c”列不是 JSON 列表"):
        import_labels(table(tmp_path, "a\tb\tc\n好的\t正常\t在吗\n", name="qa.tsv"), mapping, catalogue)


def test_their_words_for_channel_and_their_verdicts(tmp_path: Path, catalogue: Catalogue) -> None:
    mapping = plan(
        tmp_path,
        columns={**PLAN["columns"], "channel": "渠道", "verdict": "结论"},
        values={"channel": {"电话": "phone"}},
        verdicts={"合格": "pass", "不合格": "revise"},
    )
    head = "回复,客户,问题,渠道,结论\n"
    text = head + "你等,在,称呼,电话,不合格\n请稍等,在,,,不合格\n"
    text += "请您等,在,正常,online,合格\n你加微信,在,私下交易,电话,不合格\n"
    examples = import_labels(table(tmp_path, text), mapping, catalogue)
    assert [example.channel for example in examples] == ["phone", "online", "online", "phone"]
    # Rules decide where there are any (the last is red); else their own verdict counts.
    assert [example.verdict for example in examples] == ["revise", "revise", "pass", "block"]
    with pytest.raises(InputError, match=r"qa.csv:2 的“结论”列结论“合格”是合格，却标有违规 A01"):
        import_labels(table(tmp_path, head + "你等,在,称呼,电话,合格\n"), mapping, catalogue)
    with pytest.raises(InputError, match=r"qa.csv:2 的“结论”列结论“优”不在映射文件的 verdicts 里"):
        import_labels(table(tmp_path, head + "你等,在,称呼,电话,优\n"), mapping, catalogue)


def test_verdicts_alone_are_enough(tmp_path: Path, catalogue: Catalogue) -> None:
    mapping = plan(tmp_path, columns={"draft": "a", "verdict": "b"}, labels={})
    examples = import_labels(table(tmp_path, "a,b\n你等,revise\n请稍等,pass\n"), mapping, catalogue)
    assert [example.verdict for example in examples] == ["revise", "pass"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("回复,客户\n你等,在\n", "没有“问题”列；表头是：回复、客户"),
        ("回复,客户,问题,问题\n你等,在,称呼,正常\n", "有不止一个“问题”列"),
        (
            "回复,客户,问题\n请等,在,正常\n你等,在,傲慢\n",
            "qa.csv:3 的“问题”列标签“傲慢”不在映射文件的 labels 里",
        ),
        ("回复,客户,问题\n你等,在,\n", "qa.csv:2 的“问题”列没有标签"),
        ("回复,客户,问题\n你等,在\n", "qa.csv:2 有 2 列，表头有 3 列"),
        ("回复,客户,问题\n,在,称呼\n", "qa.csv:2 的“回复”列不能审核：草稿是空的"),
        ('回复,客户,问题\n"你等,在,称呼\n', "qa.csv:2 引号不配对"),
        ("回复,客户,问题\n", "没有数据行"),
        ("", "没有数据行"),
    ],
)
def test_unusable_tables_name_line_and_column(
    tmp_path: Path, catalogue: Catalogue, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_labels(table(tmp_path, text), plan(tmp_path), catalogue)


@pytest.mark.parametrize(
    ("columns", "text", "message"),
    [
        (
            {"id": "i"},
            "回复,客户,问题,i\n你等,在,称呼,1\n你等,在,称呼,1\n",
            "qa.csv:3 的编号 1 与第 2 行重复",
        ),
        ({"stage": "i"}, "回复,客户,问题,i\n你等,在,称呼,尾声\n", "qa.csv:2 的“i”列不可用"),
        (
            {"quote": "i"},
            "回复,客户,问题,i\n你等,在,称呼,你等等\n",
            "qa.csv:2 的“i”列引文“你等等”与回复不是逐字一致",
        ),
    ],
)
def test_unusable_cells_name_line_and_column(
    tmp_path: Path, catalogue: Catalogue, columns: dict[str, str], text: str, message: str
) -> None:
    mapping = plan(tmp_path, columns={**PLAN["columns"], **columns})
    with pytest.raises(InputError, match=message):
        import_labels(table(tmp_path, text), mapping, catalogue)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"回复": "好"}\n', "qa.jsonl:1 没有“客户”列"),
        ("[]\n", "qa.jsonl:1 不是 JSON 对象"),
        ("{\n", "qa.jsonl:1 不是合法的 JSON"),
        ('{"回复": {}, "客户": "在", "问题": "正常"}\n', "qa.jsonl:1 的“回复”列不是文字"),
    ],
)
def test_unusable_json_lines_are_named(tmp_path: Path, catalogue: Catalogue, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        import_labels(table(tmp_path, text, name="qa.jsonl"), plan(tmp_path), catalogue)


def test_files_that_are_no_table_are_refused(tmp_path: Path, catalogue: Catalogue) -> None:
    with pytest.raises(InputError, match=r"不认识 .*qa.xlsx 的格式；请另存为"):
        import_labels(tmp_path / "qa.xlsx", plan(tmp_path), catalogue)
    with pytest.raises(InputError, match="读不了文件"):
        import_labels(tmp_path / "none.csv", plan(tmp_path), catalogue)
    with pytest.raises(InputError, match="既不是 UTF-8 也不是 GB18030"):
        import_labels(table(tmp_path, CSV, encoding="utf-16"), plan(tmp_path), catalogue)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"labels": "b"}}, "columns 缺少 draft"),
        ({"columns": {"draft": "a"}}, "columns 缺少 labels 或 verdict"),
        ({"columns": {"draft": "a", "labels": "b", "mood": "c"}}, "的 columns.mood"),
        ({"labels": {"称呼": ["Z99"]}}, "标签“称呼”指向 Z99，手册里没有这条规则"),
        ({"labels": {"称呼": "A01"}}, "的 labels.称呼 不可用"),
        ({"colums": {}}, "的 colums 不可用"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_refused(
    tmp_path: Path, catalogue: Catalogue, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        import_labels(table(tmp_path, CSV), plan(tmp_path, **changes), catalogue)


@pytest.mark.parametrize("text", ["columns: [", "- a\n"])
def test_a_mapping_that_is_no_mapping_is_refused(tmp_path: Path, catalogue: Catalogue, text: str) -> None:
    broken = tmp_path / "plan.yaml"
    broken.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="映射文件"):
        import_labels(table(tmp_path, CSV), broken, catalogue)


def test_what_is_written_is_read_back_and_valid(tmp_path: Path, catalogue: Catalogue) -> None:
    examples = import_labels(table(tmp_path, CSV), plan(tmp_path), catalogue)
    target = tmp_path / "out" / "qa.jsonl"
    write_examples(target, examples)
    assert read_examples(target) == examples
    assert validate_file(target, catalogue) == []
    assert [path.name for path in target.parent.iterdir()] == ["qa.jsonl"]


def test_a_failed_write_leaves_what_was_there(tmp_path: Path, catalogue: Catalogue) -> None:
    target = tmp_path / "qa.jsonl"
    target.write_text("old", encoding="utf-8")
    with pytest.raises(AttributeError):
        write_examples(target, [*import_labels(table(tmp_path, CSV), plan(tmp_path), catalogue), None])  # type: ignore[list-item]
    assert target.read_text(encoding="utf-8") == "old"
