"""Other people's labelled replies, brought into our format by a small mapping file.

The mapping is YAML::

    columns: {draft: 客服回复, customer: 客户消息, labels: 问题类型}   # our field: their column
    labels: {态度差: [A05], 泄露隐私: [E01], 正常: []}                 # their label: our rules
    separator: "、"                                                   # inside a cell of labels
    defaults: {channel: online, stage: middle}                       # where there is no column
    verdicts: {合格: pass, 不合格: revise}                            # of columns.verdict, optional
    values: {channel: {电话: phone}}                                  # their words for ours, optional

The verdict follows from the severities of the rules. Their own verdict counts where their labels name
no rule; one that says pass of a row with a violation is refused.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from reviewer.errors import InputError
from reviewer.evaluation.examples import Example, LabelledVerdict
from reviewer.evaluation.rows import Row, read_rows
from reviewer.evaluation.validation import severities_of, verdict_for
from reviewer.files import atomic_path
from reviewer.malformed import where_it_is
from reviewer.manual.catalogue import Catalogue
from reviewer.request import conversation_of
from reviewer.types import Severity

_Plain = Literal[
    "id", "industry", "channel", "stage", "customer", "draft", "rewrite", "manner", "author", "pair"
]
_Column = Literal[_Plain, "history", "labels", "quote", "verdict"]
_Default = Literal["industry", "channel", "stage", "manner", "author"]
_PLAIN: tuple[_Plain, ...] = (
    "id", "industry", "channel", "stage", "customer", "draft", "rewrite", "manner", "author", "pair"
)  # fmt: skip


def _with_text_keys(value: object) -> object:
    """Return a mapping with keys such as 1 as text, the way a cell holds them."""
    if not isinstance(value, dict):
        return value
    return {str(key) if type(key) is int else key: entry for key, entry in value.items()}


class _Mapping(BaseModel):
    """The mapping file; see the module for its fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)
    columns: dict[_Column, str]
    labels: Annotated[dict[str, list[str]], BeforeValidator(_with_text_keys)] = Field(default_factory=dict)
    separator: str = ""
    defaults: dict[_Default, str] = Field(default_factory=dict)
    verdicts: Annotated[dict[str, LabelledVerdict], BeforeValidator(_with_text_keys)] = Field(
        default_factory=dict
    )
    values: dict[Literal["channel", "stage"], dict[str, str]] = Field(default_factory=dict)


def import_labels(table: Path, mapping: Path, catalogue: Catalogue) -> list[Example]:
    """Return the rows of a CSV, TSV or JSONL table as examples, in their order.

    Without a column of ids a row is named after the file and its line.

    Args:
        table: UTF-8, with or without a byte order mark, or GB 18030; the first row of CSV and TSV names
            the columns.
        mapping: The mapping file.
        catalogue: The manual, for the rules' ids and severities.

    Raises:
        InputError: a file cannot be read, the mapping contradicts itself, the table or the manual, or a
            row is unusable; the message names line and column.
    """
    plan = _read_mapping(mapping, catalogue)
    importer = _Importer(table, plan, severities_of(catalogue))
    examples: list[Example] = []
    lines: dict[str, int] = {}
    for row in read_rows(table, plan.columns.values()):
        example = importer.example(row)
        if example.id in lines:
            raise InputError(f"{table}:{row.line} 的编号 {example.id} 与第 {lines[example.id]} 行重复。")
        lines[example.id] = row.line
        examples.append(example)
    if not examples:
        raise InputError(f"{table} 里没有数据行。")
    return examples


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """Write ``examples`` as JSONL that ``read_examples`` gives back, whole or not at all.

    Raises:
        StorageError: the folder is not writable or the disk is full.
    """
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for example in examples:
            file.write(json.dumps(example.model_dump(mode="json"), ensure_ascii=False) + "\n")


def _read_mapping(path: Path, catalogue: Catalogue) -> _Mapping:
    import yaml

    try:
        data: object = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        plan = _Mapping.model_validate(data)
    except ValidationError as cause:
        fault = cause.errors(include_url=False, include_input=False)[0]
        place = where_it_is(fault["loc"]) or "最外层"
        raise InputError(f"映射文件 {path} 的 {place} 不可用：{fault['msg']}。") from cause
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as cause:
        raise InputError(f"读不了映射文件 {path}：{' '.join(str(cause).split())}。") from cause
    if "draft" not in plan.columns:
        raise InputError(f"映射文件 {path} 的 columns 缺少 draft：请写明哪一列是客服回复。")
    if not {"labels", "verdict"} & plan.columns.keys():
        raise InputError(f"映射文件 {path} 的 columns 缺少 labels 或 verdict：请写明哪一列是标注。")
    known = severities_of(catalogue)
    for label, rules in plan.labels.items():
        for rule in rules:
            if rule not in known:
                raise InputError(f"映射文件 {path} 的标签“{label}”指向 {rule}，手册里没有这条规则。")
    return plan


@dataclass(frozen=True, slots=True)
class _Importer:
    """Makes examples of the rows of one table."""

    table: Path
    plan: _Mapping
    severities: Mapping[str, Severity]

    def example(self, row: Row) -> Example:
        """Return the example of one row."""
        rules = list(dict.fromkeys(rule for label in self._labels(row) for rule in self._rules(row, label)))
        fields: dict[str, object] = {"id": f"{self.table.stem}-{row.line}", "author": self.table.stem}
        fields |= {str(name): text for name, text in self.plan.defaults.items()}
        fields |= {name: text for name in _PLAIN if (text := self._text(row, name))}
        for name, words in self.plan.values.items():
            fields[name] = words.get(str(fields.get(name, "")), fields.get(name, "unknown"))
        fields["draft"] = self._text(row, "draft")
        fields["history"] = self._history(row)
        quote = self._quote(row)
        fields["violations"] = [{"rule": rule, "quote": quote} for rule in rules]
        fields["verdict"] = self._verdict(row, rules)
        return self._checked(row, fields)

    def _checked(self, row: Row, fields: Mapping[str, object]) -> Example:
        try:
            example = Example.model_validate(fields)
            conversation_of(example.request())
        except ValidationError as cause:
            fault = cause.errors(include_url=False, include_input=False)[0]
            name = str(fault["loc"][0]) if fault["loc"] else "draft"
            raise self._refuse(row, name, f"不可用（{fault['msg']}）") from cause
        except InputError as cause:
            raise self._refuse(row, "draft", f"不能审核：{cause}") from cause
        return example

    def _labels(self, row: Row) -> list[str]:
        cell = self._cell(row, "labels")
        if cell is None:
            return []
        if isinstance(cell, list):
            return [str(part).strip() for part in cell]
        text = str(cell).strip()
        parts = text.split(self.plan.separator) if self.plan.separator else [text]
        # A separator at the end of a cell is no label; an empty cell is one, which may be mapped.
        return [part.strip() for part in parts if part.strip()] or [""]

    def _rules(self, row: Row, label: str) -> list[str]:
        if label in self.plan.labels:
            return self.plan.labels[label]
        if not label and "verdict" in self.plan.columns:
            return []
        what = (
            f"标签“{label}”不在映射文件的 labels 里"
            if label
            else "没有标签（合格的话请在 labels 里写 '': []）"
        )
        raise self._refuse(row, "labels", what)

    def _verdict(self, row: Row, rules: list[str]) -> LabelledVerdict:
        implied = verdict_for(rules, self.severities)
        if "verdict" not in self.plan.columns:
            return implied
        word = self._text(row, "verdict")
        verdicts: Mapping[str, LabelledVerdict] = self.plan.verdicts or _OURS
        if word not in verdicts:
            raise self._refuse(row, "verdict", f"结论“{word}”不在映射文件的 verdicts 里")
        if rules and verdicts[word] == "pass":
            raise self._refuse(row, "verdict", f"结论“{word}”是合格，却标有违规 {'、'.join(rules)}")
        return implied if rules else verdicts[word]

    def _quote(self, row: Row) -> str:
        quote = self._text(row, "quote")
        if quote not in self._text(row, "draft"):
            raise self._refuse(row, "quote", f"引文“{quote}”与回复不是逐字一致")
        return quote

    def _history(self, row: Row) -> object:
        """Return the turns: a list in JSONL, JSON text in a cell of CSV."""
        cell = self._cell(row, "history")
        if not isinstance(cell, str):
            return cell or []
        try:
            return json.loads(cell) if cell.strip() else []
        except ValueError as cause:
            what = """不是 JSON 列表，如 [{"role": "customer", "text": "在吗"}]"""
            raise self._refuse(row, "history", what) from cause

    def _text(self, row: Row, name: _Column) -> str:
        """Return the cell as text without blanks around it; empty where there is no such column."""
        cell = self._cell(row, name)
        if cell is None:
            return ""
        if isinstance(cell, str | int | float):
            # As the reviewer does, so that offsets into the draft hold.
            return str(cell).replace("\r\n", "\n").replace("\r", "\n").strip()
        raise self._refuse(row, name, "不是文字")

    def _cell(self, row: Row, name: _Column) -> Any:  # noqa: ANN401 - whatever JSON holds
        column = self.plan.columns.get(name)
        return None if column is None else row.cells[column]

    def _refuse(self, row: Row, name: str, what: str) -> InputError:
        column = next((theirs for ours, theirs in self.plan.columns.items() if ours == name), name)
        return InputError(f"{self.table}:{row.line} 的“{column}”列{what}。")


_OURS: Mapping[str, LabelledVerdict] = {"pass": "pass", "revise": "revise", "block": "block"}
