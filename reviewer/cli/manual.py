"""``reviewer manual``: turn documents into rules, and say what changed between two versions."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reviewer.cli.exit_codes import FOUND, OK
from reviewer.cli.packages import require_packages

if TYPE_CHECKING:
    from reviewer.ingestion.importing import Imported
    from reviewer.manual.difference import Difference

app = typer.Typer(help="把手册文件变成规则，比较两个版本。", no_args_is_help=True, rich_markup_mode=None)

_PACKAGES = {
    "docx": "python-docx",
    "pypdf": "pypdf",
    "openpyxl": "openpyxl",
    "defusedxml": "defusedxml",
    "selectolax": "selectolax",
    "charset_normalizer": "charset-normalizer",
    "rapidfuzz": "rapidfuzz",
    "sklearn": "scikit-learn",
}
_REMEDY = "安装：pip install 'reviewer[import]'"
_CHANGES = {"added": "新增", "removed": "删去", "reworded": "改写", "moved": "移动", "changed": "改设"}
_FIELDS = {
    "kind": "class", "title": "标题", "severity": "severity", "points": "扣分", "deduction": "扣分项",
    "when": "适用", "stages": "阶段", "channels": "渠道", "require": "要求", "avoid": "避免",
    "approved": "可用说法", "forbidden": "禁用说法", "yields_to": "让位于",
    "same_as": "same_as",
}  # fmt: skip
_SHOWN_CHARS = 60


@app.command("import")
def import_(
    files: Annotated[
        list[Path], typer.Argument(help="手册的全部文件：docx、pdf、html、md、txt、xlsx、csv。")
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="规则写到哪个目录；已有的手册不会被覆盖。")] = Path(
        "rules"
    ),
) -> None:
    """把手册文件变成规则，写成可以核对和修改的 YAML。

    同样的文件再导入一次，什么都不会变；文件有变化时，新规则写到旁边的 *.proposed/，人工的修改保留在内。
    """
    require_packages(_PACKAGES, work="导入", remedy=_REMEDY)
    from reviewer.ingestion.importing import import_manual
    from reviewer.manual.catalogue import load_catalogue
    from reviewer.resources import resource_dir

    known = load_catalogue(resource_dir("corpus")).rules
    imported = import_manual(files, out, known=known, notify=lambda text: typer.echo(text, err=True))
    for line in _summary(imported, out):
        typer.echo(line)


@app.command("diff")
def diff(
    old: Annotated[Path, typer.Argument(help="旧版手册的目录。")],
    new: Annotated[Path, typer.Argument(help="新版手册的目录。")],
) -> None:
    """比较两个版本的手册：新增、删去、改写、移动的规则。退出码 0 没有差别，1 有。"""
    require_packages({"rapidfuzz": "rapidfuzz"}, work="比较", remedy=_REMEDY)
    from reviewer.manual.difference import compare_rules, list_rules

    differences = compare_rules(list_rules(old), list_rules(new))
    for difference in differences:
        for line in _shown(difference):
            typer.echo(line)
    counts = [
        f"{name} {count}"
        for change, name in _CHANGES.items()
        if (count := sum(each.change == change for each in differences))
    ]
    typer.echo("、".join(counts) if counts else "没有差别。")
    raise typer.Exit(FOUND if differences else OK)


def _summary(imported: "Imported", out: Path) -> list[str]:
    from reviewer.ingestion.report import count_kinds
    from reviewer.manual.imported import CATALOGUE_FILE, REPORT_FILE

    book, stored = imported.book, imported.stored
    rules = stored.revision.rules
    removed = sum(len(chapter.removed) for chapter in book.chapters)
    unused = sum(len(chapter.unused) for chapter in book.chapters)
    left_out = f"未导入 {removed} 段（网站内容、页眉页脚、目录、重复），没有成为规则 {unused} 段"
    doubts = f"近似的规则 {len(book.groups)} 组，可能矛盾的时限 {len(book.contradictions)} 处"
    checkable = [rule for rule in rules if rule.kind == "checkable"]
    same = sum(bool(rule.same_as) for rule in checkable)
    lines = [
        f"{len(book.chapters)} 份文件，{len(rules)} 条规则：{count_kinds(rules)}",
        f"可检查的规则里 {same} 条像随附手册的规则（same_as，请核对），按那些判断；其余没有训练过的判断",
        f"{left_out}，{doubts}；见 {stored.folder / REPORT_FILE}",
    ]
    if stored.outcome == "unchanged":
        return [*lines, f"没有变化，{out} 未动。"]
    if stored.outcome == "proposed":
        return [
            *lines,
            f"{out} 未动；新规则写在 {stored.folder}，人工的修改保留在内。",
            f"比较：reviewer manual diff {out} {stored.folder}；采用：用它替换 {out}。",
        ]
    return [*lines, f"请核对 {stored.folder / CATALOGUE_FILE}，然后：reviewer index build --manual {out}"]


def _shown(difference: "Difference") -> list[str]:
    from reviewer.manual.difference import changed_fields

    old, new = difference.old, difference.new
    rule = new or old
    assert rule is not None
    name = rule.id if not (old and new and old.id != new.id) else f"{old.id} → {new.id}"
    lines = [f"{_CHANGES[difference.change]} {name} {rule.title}（{rule.document}{rule.section}）"]
    if difference.change == "reworded" and old and new:
        lines += [f"  {sign} {words}" for sign, words in zip("-+", _around(old.text, new.text), strict=True)]
    if difference.change == "moved" and old:
        lines.append(f"  原在 {old.document}{old.section}")
    if difference.change == "changed" and old and new:
        for field, before, after in changed_fields(old, new):
            was, now = _around(before, after)
            lines.append(f"  {_FIELDS[field]}：{was or '无'} → {now or '无'}")
    return lines


def _around(old: str, new: str) -> tuple[str, str]:
    """Return both texts on one line, cut so that the first place where they differ is seen."""
    pairs = enumerate(zip(old, new, strict=False))
    same = next((at for at, (left, right) in pairs if left != right), min(len(old), len(new)))
    start = 0 if max(len(old), len(new)) <= _SHOWN_CHARS else max(0, same - _SHOWN_CHARS // 3)
    return _short(old, start), _short(new, start)


def _short(text: str, start: int) -> str:
    end = start + _SHOWN_CHARS
    return ("…" if start else "") + text[start:end] + ("…" if end < len(text) else "")
