import re
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

from reviewer.evaluation.metrics.calibration import CurvePoint
from reviewer.evaluation.metrics.citations import RuleRow
from reviewer.evaluation.report.plots import latency_plot, reliability_plot, risk_coverage_plot, rule_f1_plot

POINTS = (CurvePoint(0.1, 0.0, 5), CurvePoint(0.6, 0.5, 5), CurvePoint(1.0, 1.0, 5))


def row(rule: str, n_gold: int, f1: float | None) -> RuleRow:
    return RuleRow(rule, n_gold, 1, 1, None, None, f1, None)


ROWS = (row("A01", 3, 0.25), row("E01", 2, 0.75), row("Z99", 0, None))
PLOTS: dict[str, Callable[[], str]] = {
    "reliability": lambda: reliability_plot(POINTS, POINTS[:2]),
    "risk-coverage": lambda: risk_coverage_plot(POINTS),
    "rule-f1": lambda: rule_f1_plot(ROWS, frozenset({"E01"})),
    "latency": lambda: latency_plot([1000.0, 2000.0, 9000.0]),
}


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize("name", PLOTS)
def test_svg_is_well_formed_and_needs_nothing(name: str) -> None:
    svg = PLOTS[name]()
    # What the HTML parser knows by itself, XML wants declared.
    ET.fromstring(svg.replace("<svg", '<svg xmlns:xlink="x"', 1))
    assert "http" not in svg
    assert "<style" not in svg
    assert "font-family" not in svg


@pytest.mark.parametrize("name", PLOTS)
def test_same_numbers_give_same_bytes(name: str) -> None:
    assert PLOTS[name]() == PLOTS[name]()


@pytest.mark.parametrize("name", PLOTS)
def test_colours_are_left_to_the_page(name: str) -> None:
    assert set(re.findall(r"#[0-9a-fA-F]{6}\b", PLOTS[name]())) == set()


def test_plots_share_no_id() -> None:
    ids = [each for draw in PLOTS.values() for each in re.findall(r'\bid="([^"]*)"', draw())]
    assert len(ids) == len(set(ids))


def test_every_reference_has_its_target() -> None:
    for draw in PLOTS.values():
        svg = draw()
        targets = set(re.findall(r'\bid="([^"]*)"', svg))
        references = set(re.findall(r'href="#([^"]*)"', svg)) | set(re.findall(r"url\(#([^)]*)\)", svg))
        assert references
        assert references <= targets


def test_text_stays_text() -> None:
    assert {"给出的概率", "实际违规比例", "违规与近似违规"} <= set(texts(PLOTS["reliability"]()))


def test_rules_stand_best_first_and_only_labelled_ones() -> None:
    shown = texts(PLOTS["rule-f1"]())
    assert [text for text in shown if "(" in text] == ["E01 (2)", "A01 (3)"]
    assert {"0.25", "0.75"} <= set(shown)


def test_latency_marks_the_percentiles_in_seconds() -> None:
    # p50 of 1, 2, 9 is 2; p95 lies 0.9 of the way from 2 to 9: 8.3.
    assert {"p50 2.00 秒", "p95 8.30 秒"} <= set(texts(PLOTS["latency"]()))


def test_times_of_zero_can_be_drawn() -> None:
    assert latency_plot([0.0]).startswith("<svg")


def test_nothing_to_draw_gives_no_plot() -> None:
    assert reliability_plot((), ()) == ""
    assert risk_coverage_plot(()) == ""
    assert rule_f1_plot((row("Z99", 0, None),), frozenset()) == ""
    assert latency_plot([]) == ""


def test_one_curve_of_two_is_enough() -> None:
    svg = reliability_plot((), POINTS)
    assert "违规与近似违规" in svg
    assert "全部规则" not in svg
