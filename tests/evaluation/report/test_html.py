import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from reviewer.evaluation.compare import compare
from reviewer.evaluation.metrics.summary import summarise
from reviewer.evaluation.records import Run
from reviewer.evaluation.report.html import (
    render_comparison,
    render_report,
    write_comparison,
    write_report,
)
from tests.evaluation.runs import record, run

_VOID = {"meta", "br"}
_HOSTILE = "</details><script>alert(1)</script><img src=https://example.com/x> & 不归我管"


class Page(HTMLParser):
    """Reads a page strictly: every element is closed in order; keeps attributes and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(name="sample", scope="module")
def _sample() -> Run:
    return run(
        [
            record("e1", "A02", "A02", probability=0.9, total_ms=1000),
            record("e2", "E01", "", probability=0.2, total_ms=2000, draft=_HOSTILE),
            record("e3", "", "A01", probability=0.7, total_ms=1500),
            record("e4", probability=0.3, total_ms=1200),
            record("e5", "A01", "", error="超时 <5s>"),
        ],
        system="<b>甲</b>",
    )


@pytest.fixture(name="html", scope="module")
def _html(sample: Run) -> str:
    return render_report(sample, summarise(sample))


def test_report_is_well_formed_with_unique_ids_and_live_anchors(html: str) -> None:
    page = Page(html)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    anchors = {str(attributes["href"]) for tag, attributes in page.elements if tag == "a"}
    assert anchors <= {f"#{each}" for each in ids}


def test_report_loads_nothing_and_runs_nothing(html: str) -> None:
    page = Page(html)
    names = {tag for tag, _ in page.elements}
    assert names.isdisjoint({"script", "img", "link", "iframe", "object", "form"})
    for _, attributes in page.elements:
        for name, value in attributes.items():
            assert name != "src"
            assert not name.startswith("on")
            assert not re.search(r"https?:|//", value or "")
    style = html.partition("<style>")[2].partition("</style>")[0]
    assert "url(" not in style
    assert "@import" not in style
    policy = [attributes["content"] for _, attributes in page.elements if "http-equiv" in attributes]
    assert policy == ["default-src 'none'; style-src 'unsafe-inline'"]


def test_drafts_names_and_errors_are_escaped_but_whole(html: str) -> None:
    assert "<script" not in html
    assert "<b>甲" not in html
    page = Page(html)
    assert "评测报告：<b>甲</b>" in page.text
    assert _HOSTILE in page.text
    assert "超时 <5s>" in page.text


def test_report_shows_figures_plots_and_provenance(html: str) -> None:
    page = Page(html)
    # Flag recall: e1 of e1, e2, e5; Wilson interval of 1 in 3.
    assert "0.333" in page.text
    assert "0.061 至 0.792" in page.text
    assert sum(tag == "svg" for tag, _ in page.elements) == 4
    assert "漏掉红线（1）" in page.text
    assert "数据哈希" in page.text


def test_report_suits_dark_print_and_phone(html: str) -> None:
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
    assert 'name="viewport"' in html


def test_robustness_stands_there_only_with_data(html: str) -> None:
    assert 'id="robustness"' not in html
    base = record("b")
    variant = record("v", "", "A01")
    couple = [
        base.model_copy(update={"example": base.example.model_copy(update={"kind": "base", "partner": "v"})}),
        variant.model_copy(
            update={
                "example": variant.example.model_copy(
                    update={"kind": "variant", "partner": "b", "tags": ["错字"]}
                )
            }
        ),
    ]
    paired = run(couple)
    text = render_report(paired, summarise(paired))
    assert 'id="robustness"' in text
    assert "错字" in text


def test_an_unfinished_run_says_so(sample: Run) -> None:
    manifest = sample.manifest.model_copy(update={"n_examples": 9})
    partial = Run(manifest, sample.records)
    assert "应有 9 条，现有 5 条" in render_report(partial, summarise(partial))


def test_an_empty_run_gives_a_report() -> None:
    empty = run([])
    page = Page(render_report(empty, summarise(empty)))
    assert "没有判错的样本。" in page.text
    assert sum(tag == "svg" for tag, _ in page.elements) == 0


def test_report_is_written_whole_and_the_same_every_time(sample: Run, tmp_path: Path) -> None:
    path = write_report(sample, tmp_path / "new")
    first = path.read_bytes()
    assert path == tmp_path / "new" / "report.html"
    assert sorted(each.name for each in path.parent.iterdir()) == ["metrics.json", "report.html"]
    assert json.loads((path.parent / "metrics.json").read_text(encoding="utf-8"))["n_records"] == 5
    assert write_report(sample, tmp_path / "new").read_bytes() == first


def test_comparison_page_is_self_contained_and_says_what_changed(sample: Run, tmp_path: Path) -> None:
    better = run([record("e1", "A02", "A02"), record("e2", "E01", "E01", draft=_HOSTILE), record("x")])
    comparison = compare(sample, better)
    page = Page(render_comparison(comparison))
    assert "变好的样本（1）" in page.text
    assert "变差的样本（0）" in page.text
    assert "只在 A 里的样本（3）" in page.text
    assert "E01" in page.text
    assert "script" not in {tag for tag, _ in page.elements}
    path = write_comparison(comparison, tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["compare.html", "compare.json"]
    assert path.name == "compare.html"


def test_comparison_without_any_citation_has_dashes() -> None:
    empty = run([record("e1")])
    page = Page(render_comparison(compare(empty, empty)))
    assert "无从比较" in page.text
    assert "–" in page.text
