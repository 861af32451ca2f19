"""What an import tells a person, as Markdown: what it found, guessed, left out and doubts."""

from collections import Counter
from collections.abc import Iterator, Sequence

from reviewer.ingestion.book import Book, Chapter
from reviewer.ingestion.furniture import Removed
from reviewer.ingestion.revision import Revision
from reviewer.manual.imported import RuleEntry, one_line

KIND_NAMES = {"checkable": "可检查", "conduct": "仪容举止", "process": "内部流程", "background": "背景"}
_EXCERPT_CHARS = 60


def render_report(book: Book, revision: Revision) -> str:
    """Return the report."""
    return "\n".join(_lines(book, revision)) + "\n"


def count_kinds(rules: Sequence[RuleEntry]) -> str:
    """Return how many rules there are of each class, in Chinese."""
    counts = Counter(rule.kind for rule in rules)
    return "、".join(f"{name} {counts[kind]}" for kind, name in KIND_NAMES.items())  # type: ignore[index]


def _lines(book: Book, revision: Revision) -> Iterator[str]:
    rules = {rule.id: rule for rule in revision.rules}
    kept_ids = revision.record.kept_ids
    yield "# 导入报告"
    yield ""
    yield f"{len(book.chapters)} 份文件，{len(rules)} 条规则：{count_kinds(revision.rules)}。"
    yield "只有 class 为 checkable 的规则会对照回复检查，其余供查阅；guessed 列出的各项由机器推断，请核对。"
    yield from ("", "## 可能矛盾的时限", "")
    for found in book.contradictions:
        yield f"- {found.thing}："
        yield from (f"  - {kept_ids.get(rule, rule)}：{words}" for rule, words in found.rules)
    yield from ([] if book.contradictions else ["没有发现。"])
    yield from ("", "## 近似的规则", "")
    for group in book.groups:
        names = [kept_ids.get(rule, rule) for rule in group]
        yield "- " + "；".join(f"{name}（{rules[name].title}）" if name in rules else name for name in names)
    yield from ([] if book.groups else ["没有发现。"])
    if revision.lost:
        yield from ("", "## 未能带入的人工规则", "")
        yield from (f"- {name}：新文件里找不到它引用的原文，原规则仍在旧目录里" for name in revision.lost)
    for chapter in book.chapters:
        yield from _chapter(chapter)


def _chapter(chapter: Chapter) -> Iterator[str]:
    text = chapter.source.document.text
    yield from ("", f"## 未导入：{chapter.source.name}", "")
    yield from _parts(text, chapter.removed)
    yield from ("", f"## 保留在 documents/ 里、没有成为规则：{chapter.source.name}", "")
    yield from _parts(text, chapter.unused)


def _parts(text: str, parts: Sequence[Removed]) -> Iterator[str]:
    for part in parts:
        words = one_line(text[part.start : part.end])
        excerpt = words if len(words) <= _EXCERPT_CHARS else words[:_EXCERPT_CHARS] + "…"
        yield f"- {part.why}（{part.start}-{part.end}）：{excerpt}"
    if not parts:
        yield "没有。"
