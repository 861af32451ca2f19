"""The catalogue of an imported manual as YAML that a person reads and edits."""

from collections.abc import Mapping, Sequence
from typing import Any

from reviewer.ingestion.book import Chapter
from reviewer.ingestion.revision import Revision
from reviewer.manual.imported import CHANNELS, STAGES, ImportedEntry, RuleEntry

_HEADER = """\
# 由 reviewer manual import 生成，供人核对和修改。再次导入不会覆盖这个文件；有变化时另写到旁边的 *.proposed/。
# class: checkable 可对照回复检查，conduct 仪容举止，process 内部流程，background 背景。只引用 checkable。
# text 是 documents/ 里 start-end 处的原文，不要改。其余各项都可以改；guessed 列出由机器推断、应当核对的项。
# same_as: 随附手册里要求相同的规则；有它，确定性检查、训练过的分类器和改写才认得这一条，猜错的请改正或删去。
# severity: red 不得发送，major 重要，minor 轻微。when: any 表示每一条回复。approved、forbidden: 原文的说法。
"""
# What need not be written when it has this value.
_DEFAULTS: dict[str, object] = {
    "avoid": "",
    "approved": [],
    "forbidden": [],
    "stages": list(STAGES),
    "channels": list(CHANNELS),
    "points": None,
    "deduction": None,
    "yields_to": [],
    "same_as": "",
    "similar": [],
    "note": "",
}
_MAP, _SEQ = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_ON_ONE_LINE = ("stages", "channels", "guessed", "similar", "yields_to")


class _Flow(dict[str, Any]):
    """A mapping that is written on one line."""


class _FlowList(list[str]):
    """A list that is written on one line."""


def render_catalogue(
    chapters: Sequence[Chapter], revision: Revision, *, settings_of: ImportedEntry | None = None
) -> str:
    """Return the catalogue; base score and points are those of ``settings_of`` where there is one."""
    rules = revision.rules
    settings = settings_of or ImportedEntry(documents=[chapters[0].entry], rules=[])
    head: dict[str, Any] = {
        "schema": settings.schema_name,
        "language": settings.language,
        "base_score": settings.base_score,
        "points": _Flow(settings.points.model_dump()),
        "documents": [_document(chapter, revision.titles) for chapter in chapters],
    }
    if not rules:
        return _HEADER + _yaml({**head, "rules": []})
    # An empty line between the rules, so that a person finds his way.
    return _HEADER + _yaml(head) + "rules:\n" + "\n".join(_yaml([_rule(rule)]) for rule in rules)


def _document(chapter: Chapter, titles: Mapping[str, str]) -> dict[str, Any]:
    entry = chapter.entry
    sections = [_Flow(section.model_dump()) for section in entry.sections]
    return {"file": entry.file, "title": titles[entry.stem], "sections": sections}


def _rule(rule: RuleEntry) -> dict[str, Any]:
    fields = rule.model_dump(by_alias=True)
    kept = {
        name: value for name, value in fields.items() if name not in _DEFAULTS or _DEFAULTS[name] != value
    }
    return {name: _FlowList(value) if name in _ON_ONE_LINE else value for name, value in kept.items()}


def _yaml(data: object) -> str:
    import yaml

    base: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    dumper: Any = type("Dumper", (base,), {})
    dumper.add_representer(_Flow, lambda to, value: to.represent_mapping(_MAP, value, flow_style=True))
    dumper.add_representer(_FlowList, lambda to, value: to.represent_sequence(_SEQ, value, flow_style=True))
    text: str = yaml.dump(data, Dumper=dumper, allow_unicode=True, sort_keys=False, width=100_000)
    return text
