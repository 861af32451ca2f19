"""The loader proves the corpus, and rules apply by stage and channel."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir
from reviewer.types import Channel, Conversation, Stage

CATALOGUE = "catalogue.yaml"
NORMS = "manual/norms-and-scoring.md"
COMPLAINT = "manual/complaint-handling.md"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return Path(shutil.copytree(resource_dir("corpus"), tmp_path / "corpus"))


def replace(file: str, old: str, new: str) -> Callable[[Path], None]:
    """Break ``file`` at the first place that reads ``old``."""

    def change(folder: Path) -> None:
        path = folder / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def append(file: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write(new)

    return change


def write(file: str, content: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return change


def remove(file: str) -> Callable[[Path], None]:
    return lambda folder: (folder / file).unlink()


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no catalogue": (remove(CATALOGUE), "无法读取 catalogue.yaml"),
    "not utf-8": (write(CATALOGUE, b"\xff"), "无法读取 catalogue.yaml"),
    "not yaml": (replace(CATALOGUE, "rules:\n", "rules: [\n"), "不是合法的 YAML"),
    "control character": (append(CATALOGUE, "\x00"), "不是合法的 YAML"),
    "not a mapping": (write(CATALOGUE, b"- a\n"), "最外层：取值不合要求"),
    "empty": (write(CATALOGUE, b""), "最外层：取值不合要求"),
    "other schema": (replace(CATALOGUE, "reviewer.catalogue/1", "reviewer.catalogue/2"), "schema：取值不在"),
    "unknown field": (
        replace(CATALOGUE, "title: 敬语称谓", "title: 敬语称谓\n    tone: x"),
        "规则 A01 tone：不认识",
    ),
    "missing field": (replace(CATALOGUE, "    severity: minor\n", ""), "规则 A01 severity：缺少"),
    "unknown severity": (
        replace(CATALOGUE, "severity: minor", "severity: mild"),
        "规则 A01 severity：取值不在",
    ),
    "unknown stage": (
        replace(CATALOGUE, "stages: [opening, middle", "stages: [start, middle"),
        "规则 A01 stages.0：取值不在",
    ),
    "blank text": (replace(CATALOGUE, "bad: 喂，你等一下。", "bad: ''"), "规则 A01 bad：取值不合要求"),
    "rule without id": (replace(CATALOGUE, "  - id: A01\n    title", "  - title"), "第 1 条规则 id：缺少"),
    "rule not a mapping": (replace(CATALOGUE, "rules:\n", "rules:\n  - x\n"), "第 1 条规则：取值不合要求"),
    "repeated id": (replace(CATALOGUE, "id: A02", "id: A01"), "规则 A01 的编号出现了不止一次"),
    "unknown winner": (
        replace(CATALOGUE, "yields_to: [C05]", "yields_to: [C99]"),
        "规则 C06 的 yields_to 提到不存在的 C99",
    ),
    "mutual yield": (
        replace(
            CATALOGUE,
            "section: C05 转交要说明谁接手和多久反馈",
            "section: C05 转交要说明谁接手和多久反馈\n    yields_to: [C06]",
        ),
        "规则 C05 与 C06 互相让位",
    ),
    "yields to itself": (
        replace(CATALOGUE, "yields_to: [C05]", "yields_to: [C06]"),
        "规则 C06 与 C06 互相让位",
    ),
    "unknown material": (
        replace(CATALOGUE, "- 002 案例二分析 C", "- 009 案例二分析 C"),
        "规则 A01 的出处“009 案例二分析 C”",
    ),
    "unknown document": (
        replace(CATALOGUE, "document: norms-and-scoring", "document: norms"),
        "规则 A01 所在的文件 norms",
    ),
    "other section": (
        replace(CATALOGUE, "section: A01 敬语称谓", "section: A01 称谓"),
        "规则 A01 的 section 应当是",
    ),
    "requirement not in the text": (
        replace(CATALOGUE, "require: 全程用“您”称呼客户", "require: 全程称呼客户"),
        "规则 A01 的 text 与 require、avoid 不一致",
    ),
    "context outside the stage": (
        replace(CATALOGUE, "stage: opening", "stage: middle"),
        "规则 C01 的 good_context",
    ),
    "note on an unknown rule": (
        replace(CATALOGUE, "rules: [B03, B04]", "rules: [B03, B99]"),
        "规则 B99 在 precedence",
    ),
    "quote changed in the manual": (
        replace(NORMS, "> 全程用“您”称呼", "> 一直用“您”称呼"),
        "规则 A01 的 text 与 norms-and-scoring.md",
    ),
    "section renamed in the manual": (
        replace(NORMS, "## A01 敬语称谓", "## A01 敬称"),
        "规则 A01 在 norms-and-scoring.md 里没有",
    ),
    "rule only in the manual": (
        append(NORMS, "\n## Z01 新规\n\n> 甲。\n"),
        "规则 Z01 写在 norms-and-scoring.md 里",
    ),
    "rule in two documents": (
        append(COMPLAINT, "\n## A01 敬语称谓\n\n> 甲。\n"),
        "规则 A01 写在 complaint-handling.md 里",
    ),
    "unmarked section": (append(NORMS, "\n## 闲话\n\n甲。\n"), "“闲话”没有规则编号"),
    "other title": (
        replace(NORMS, "# 服务规范与评分标准", "# 服务规范"),
        "标题是《服务规范》，目录写作《服务规范与评分标准》",
    ),
    "document missing": (remove(NORMS), "manual/norms-and-scoring.md：没有这个文件"),
    "document not listed": (
        write("manual/extra.md", "# 甲\n\n## A01 乙\n\n丙\n".encode()),
        "manual/extra.md：没有列入",
    ),
}


@pytest.mark.parametrize(("break_it", "fragment"), BROKEN.values(), ids=BROKEN.keys())
def test_broken_corpus_is_refused_in_one_line(
    corpus: Path, break_it: Callable[[Path], None], fragment: str
) -> None:
    break_it(corpus)
    with pytest.raises(CorpusError) as caught:
        load_catalogue(corpus)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


def test_copy_loads_with_the_same_hash_and_any_change_shows(corpus: Path, catalogue: Catalogue) -> None:
    assert load_catalogue(corpus) == catalogue
    replace(NORMS, "亲切来自把事情办好", "亲切来自办好事情")(corpus)
    assert load_catalogue(corpus).content_hash != catalogue.content_hash


def test_points_and_deduction_may_be_set_for_one_rule(corpus: Path) -> None:
    replace(
        CATALOGUE, "section: A01 敬语称谓", "section: A01 敬语称谓\n    points: 3\n    deduction: courtesy"
    )(corpus)
    rule = load_catalogue(corpus).rule("A01")
    assert (rule.points, rule.deduction) == (3, "courtesy")


def test_sections_follow_the_documents(catalogue: Catalogue) -> None:
    stems = [stem for stem, _ in itertools.groupby(section.document for section in catalogue.sections)]
    assert stems == [document.stem for document in catalogue.documents]


def test_unknown_rule_is_refused(catalogue: Catalogue) -> None:
    assert catalogue.rule("A05").title == "不辱骂嘲讽威胁争吵"
    with pytest.raises(CorpusError, match="没有规则 Z99"):
        catalogue.rule("Z99")


@pytest.mark.parametrize(
    ("stage", "channel", "left_out"),
    [
        ("opening", "phone", {"C08"}),
        ("middle", "phone", {"C01", "C08"}),
        ("closing", "phone", {"C01"}),
        ("unknown", "phone", {"C01", "C08"}),
        ("opening", "online", {"C08", "S10", "S11"}),
        ("middle", "unknown", {"C01", "C08"}),
        ("unknown", "online", {"C01", "C08", "S10", "S11"}),
        ("unknown", "unknown", {"C01", "C08"}),
    ],
)
def test_rules_apply_by_stage_and_channel(
    catalogue: Catalogue, stage: Stage, channel: Channel, left_out: set[str]
) -> None:
    conversation = Conversation(draft="您好", stage=stage, channel=channel)
    assert {rule.id for rule in catalogue.not_applicable(conversation)} == left_out
    kept = catalogue.applicable(conversation)
    assert kept == tuple(rule for rule in catalogue.rules if rule.id not in left_out)
