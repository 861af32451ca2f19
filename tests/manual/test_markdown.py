"""A manual document falls into sections, and one in another form is refused."""

from pathlib import Path

import pytest

from reviewer.errors import CorpusError
from reviewer.manual.markdown import Section, load_sections, parse_document

DOCUMENT = """\
# 服务规范

开头的话不属于任何一节。

## A01 敬语称谓

> 全程用“您”称呼客户。
> 不要用“你”。

- 适用：每一条回复
- 推荐：**您好**，请看`设置`

两句话
写在两行。

### 边界

| 情形 | 算不算 |
|---|---|
| 短答 | 不算 |

## 仪容着装

> 参考：不能从一条回复中检查，不作为判定依据。

    衣着整洁
"""


def test_rule_section_is_plain_text_one_line_a_block() -> None:
    rule, _ = parse_document(DOCUMENT, stem="norms")
    assert rule == Section(
        document="norms",
        title="《服务规范》",
        heading="A01 敬语称谓",
        rule_id="A01",
        text="全程用“您”称呼客户。不要用“你”。\n适用：每一条回复\n推荐：您好，请看设置\n两句话写在两行。\n"
        "边界\n情形\n算不算\n短答\n不算",
        checkable=True,
    )


def test_marked_section_is_not_checkable_and_has_no_rule() -> None:
    _, reference = parse_document(DOCUMENT, stem="norms")
    assert (reference.rule_id, reference.checkable) == (None, False)
    assert reference.text == "参考：不能从一条回复中检查，不作为判定依据。\n衣着整洁"


def test_hard_break_stays_a_line_break() -> None:
    source = "# 甲\n\n## A01 乙\n\n第一行  \n第二行\n"
    assert parse_document(source, stem="x")[0].text == "第一行\n第二行"


@pytest.mark.parametrize("heading", ["A1 甲", "a01 甲", "A01", "A01甲", "附 A01 甲"])
def test_other_headings_are_no_rules(heading: str) -> None:
    source = f"# 甲\n\n## {heading}\n\n> 不作为判定依据。\n"
    assert parse_document(source, stem="x")[0].rule_id is None


def test_document_without_sections_is_empty() -> None:
    assert parse_document("# 甲\n\n只有开头。\n", stem="x") == ()


@pytest.mark.parametrize(
    ("source", "fragment"),
    [
        ("", "有且只有一个一级标题，现有 0 个"),
        ("# 甲\n\n# 乙\n", "现有 2 个"),
        ("# 甲\n\n## 闲话\n\n没有标记。\n", "x.md 第 3 行：“闲话”没有规则编号"),
        ("# 甲\n\n## A01 乙\n\n> 不作为判定依据。\n", "x.md 第 3 行：“A01 乙”是一条规则"),
        ("# 甲\n\n## 闲话\n\n不作为判定依据。\n", "没有规则编号"),
        ("# 甲\n\n## A01 乙\n\n丙\n\n## A01 乙\n\n丁\n", "两节同名“A01 乙”"),
    ],
)
def test_broken_document_is_refused(source: str, fragment: str) -> None:
    with pytest.raises(CorpusError) as caught:
        parse_document(source, stem="x")
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_folder_is_read_by_file_name(tmp_path: Path) -> None:
    for name in ("b.md", "a.md", "note.txt"):
        (tmp_path / name).write_text(f"# {name}\n\n## A01 甲\n\n乙\n", encoding="utf-8")
    assert [section.document for section in load_sections(tmp_path)] == ["a", "b"]
    assert load_sections(tmp_path / "nowhere") == ()


def test_unreadable_document_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(b"\xff\xfe#")
    with pytest.raises(CorpusError, match=r"无法读取 a\.md"):
        load_sections(tmp_path)
