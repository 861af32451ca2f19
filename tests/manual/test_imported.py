"""The catalogue of an imported manual: proven, and only what is checkable can be cited."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from reviewer.errors import CorpusError
from reviewer.index.chunks import chunk_manual
from reviewer.index.encoder import HashingEncoder
from reviewer.index.store import build_index, open_index
from reviewer.manual.catalogue import load_catalogue
from reviewer.manual.imported import load_imported, one_line

TEXT = "前台守则\n不得直呼\n客人姓名。\n上班必须穿制服。\n"
QUOTE = "不得直呼\n客人姓名。"


def rule(**fields: object) -> dict[str, object]:
    start = TEXT.index(QUOTE)
    return {
        "id": "R1a2b3c4d",
        "class": "checkable",
        "title": "称呼",
        "severity": "major",
        "when": "any",
        "require": "用敬语称呼客人",
        "avoid": "不得直呼客人姓名",
        "approved": ["您好，贵宾。"],
        "forbidden": ["喂，老王。"],
        "text": "不得直呼客人姓名。",
        "document": "desk",
        "section": "称呼",
        "start": start,
        "end": start + len(QUOTE),
        "guessed": ["class"],
        **fields,
    }


def dress() -> dict[str, object]:
    text = "上班必须穿制服。"
    at = TEXT.index(text)
    fields = {
        "id": "R2",
        "class": "conduct",
        "text": text,
        "start": at,
        "end": at + len(text),
        "section": "着装",
    }
    return rule(**{**fields, "id": "R200"})


def write(folder: Path, *rules: dict[str, object], **top: object) -> Path:
    sections = [{"heading": "称呼", "start": 5, "end": len(TEXT)}]
    data: dict[str, Any] = {
        "schema": "reviewer.imported/1",
        "documents": [{"file": "desk.txt", "title": "前台守则", "sections": sections}],
        "rules": list(rules),
        **top,
    }
    (folder / "documents").mkdir()
    (folder / "documents" / "desk.txt").write_text(TEXT, encoding="utf-8")
    (folder / "catalogue.yaml").write_text(
        yaml.safe_dump(data, allow_unicode=True, sort_keys=False), encoding="utf-8"
    )
    return folder


def test_checkable_rules_become_rules_with_document_and_section(tmp_path: Path) -> None:
    catalogue = load_catalogue(write(tmp_path, rule(), dress()))
    (found,) = catalogue.rules
    assert (found.source.document, found.source.section) == ("《前台守则》", "称呼")
    assert (found.good, found.bad, found.points) == ("您好，贵宾。", "喂，老王。", 10)
    assert found.stages == ("opening", "middle", "closing")
    assert found.deduction == found.id
    assert [document.title for document in catalogue.documents] == ["《前台守则》"]


def test_a_rule_is_known_as_what_it_is_said_to_be_the_same_as_and_else_as_nothing(tmp_path: Path) -> None:
    known, own, shipped = load_catalogue(
        write(tmp_path, rule(same_as="A05"), rule(id="R300"), rule(id="A05"))
    ).rules
    assert (known.known_as, known.vouched) == ("A05", True)
    # Not even an id that a shipped rule has makes it that one.
    assert [(each.known_as, each.vouched) for each in (own, shipped)] == [("", False)] * 2


def test_points_and_base_are_those_of_the_file(tmp_path: Path) -> None:
    folder = write(tmp_path, rule(points=3), base_score=50, points={"red": 50, "major": 7, "minor": 2})
    catalogue = load_catalogue(folder)
    assert (catalogue.base_score, catalogue.rules[0].points) == (50, 3)


def test_the_hash_leaves_the_importers_notes_out(tmp_path: Path) -> None:
    folder = write(tmp_path, rule())
    before = load_catalogue(folder).content_hash
    (folder / "report.md").write_text("x", encoding="utf-8")
    (folder / "import.json").write_text("x", encoding="utf-8")
    assert load_catalogue(folder).content_hash == before
    (folder / "documents" / "desk.txt").write_text(TEXT + "补充。\n", encoding="utf-8")
    assert load_catalogue(folder).content_hash != before


def test_no_passage_of_dress_can_be_cited(tmp_path: Path) -> None:
    folder = write(tmp_path, rule(), dress())
    catalogue = load_catalogue(folder)
    passages = chunk_manual(catalogue.sections, catalogue.rules)
    encoder = HashingEncoder()
    build_index(tmp_path / "index", passages, encoder, manual_hash="m")
    index = open_index(tmp_path / "index", manual_hash="m", encoder_identity=encoder.identity)
    assert [score.rule_id for score in index.rank_rules("上班必须穿制服", encoder=encoder)] == ["R1a2b3c4d"]
    found = index.search("上班必须穿制服", encoder=encoder, top_k=3)
    assert any("制服" in hit.passage.text and not hit.passage.checkable for hit in found)
    assert np.isfinite([hit.score for hit in found]).all()


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "words changed": (
        lambda f: write(f, rule(text="不得直呼客人名字。")),
        "R1a2b3c4d 的 text 与 documents/desk.txt",
    ),
    "place changed": (lambda f: write(f, rule(start=0)), "的 text 与"),
    "same id": (lambda f: write(f, rule(), rule()), "出现了不止一次"),
    "other document": (lambda f: write(f, rule(document="x")), "没有列入 documents"),
    "unknown winner": (lambda f: write(f, rule(yields_to=["X01"])), "提到不存在的 X01"),
    "same as no id": (lambda f: write(f, rule(same_as="R1a2b3c4d")), "same_as：取值不合要求"),
    "unknown class": (lambda f: write(f, rule(**{"class": "dress"})), "规则 R1a2b3c4d class：取值不在"),
    "unknown field": (lambda f: write(f, rule(tone="x")), "规则 R1a2b3c4d tone：不认识"),
    "bad id": (lambda f: write(f, rule(id="../x")), "id：取值不合要求"),
    "path as document": (
        lambda f: write(f, rule(), documents=[{"file": "../x.txt", "title": "甲"}]),
        "documents.0.file：取值不合要求",
    ),
    "nothing checkable": (lambda f: write(f, dress()), "没有可以对照回复检查的规则"),
    "no document": (lambda f: (write(f, rule()) / "documents" / "desk.txt").unlink(), "无法读取 desk.txt"),
}


@pytest.mark.parametrize(("make", "fragment"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_catalogue_is_refused_in_one_line(
    make: Callable[[Path], object], fragment: str, tmp_path: Path
) -> None:
    make(tmp_path)
    with pytest.raises(CorpusError) as caught:
        load_imported(tmp_path)
    assert fragment in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "line"),
    [("不得\n敷衍", "不得敷衍"), (" a \n b ", "a b"), ("甲\n\n b", "甲b"), ("甲\t乙", "甲 乙"), ("", "")],
)
def test_text_is_put_on_one_line(text: str, line: str) -> None:
    assert one_line(text) == line
