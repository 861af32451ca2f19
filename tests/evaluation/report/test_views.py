import pytest

from reviewer.evaluation.metrics.measure import Measure, undefined
from reviewer.evaluation.metrics.summary import summarise
from reviewer.evaluation.report import views
from tests.evaluation.runs import DRAFT, record, run


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("citation_f1", 0.12345, "0.123"),
        ("latency_p50_ms", 2345.6, "2,346"),
        ("tokens_per_request", 512.4, "512"),
        ("n_errors", 2.0, "2"),
        ("alerts_per_100_acceptable", 12.34, "12.3"),
        ("brier_skill", -0.5, "-0.500"),
        ("citation_f1", None, "–"),
    ],
)
def test_digits_suit_the_unit(name: str, value: float | None, text: str) -> None:
    assert views.number(name, value) == text


def test_a_bar_is_drawn_for_shares_only() -> None:
    share = views.measure_view(Measure("flag_recall", 0.5, 0.25, 0.75, 40, "higher"))
    assert share.bar == (25.0, 50.0, 50.0)
    assert share.interval == "0.250 至 0.750"
    assert views.measure_view(Measure("latency_p50_ms", 900.0, 800.0, 1000.0, 4, "lower")).bar is None
    assert views.measure_view(Measure("brier_skill", 0.1, -0.1, 0.3, 4, "higher")).bar is None


def test_an_undefined_measure_has_no_interval() -> None:
    view = views.measure_view(undefined("flag_recall", "higher"))
    assert (view.value, view.interval, view.bar) == ("–", "", None)


def test_sections_hold_every_measure_once_and_no_empty_section() -> None:
    measures = [
        Measure("flag_recall", 0.5, None, None, 2, "higher"),
        undefined("flag_kappa", "higher"),
        undefined("redteam_success_rate", "lower"),
        Measure("balanced_accuracy_contrast", 0.5, None, None, 2, "higher"),
        Measure("brand_new", 0.5, None, None, 2, "higher"),
    ]
    shown = {title: len(rows) for title, rows in views.sections(measures)}
    assert shown == {"判定与报警": 2, "概率校准": 1, "其他": 1}


def test_every_measure_of_a_summary_has_its_section() -> None:
    known = summarise(run([record("e1", "A02", "A02", probability=0.9, total_ms=10)])).measures
    assert "其他" not in dict(views.sections(known))


def test_headline_measures_exist() -> None:
    assert len(views.headline(summarise(run([record("e1")])))) == len(views.HEADLINE)


def test_rules_without_label_and_citation_are_left_out() -> None:
    small = run([record("e1", "E01", "A02")])
    rows = [(row.rule, row.n_gold, row.n_cited, row.precision, row.recall, row.severity)
            for row in views.rule_views(small, summarise(small))]  # fmt: skip
    # A02 is cited once in vain: precision 0, recall undefined. E01 the other way round.
    assert rows == [("A02", 0, 1, "0.000", "–", "严重"), ("E01", 1, 0, "–", "0.000", "红线")]


def test_wrong_examples_stand_under_their_gravest_fault() -> None:
    parts = views.wrong_examples(
        run(
            [
                record("right", "A02", "A02"),
                record("inexact", "A02", "A01"),
                record("heavier", "A02", "A02 E01"),
                record("alarm", "", "A01"),
                record("missed", "A01", ""),
                record("red", "A01 E01", "A01"),
                record("broken", "A01", "", error="超时"),
            ]
        )
    )
    assert [[view.id for view in rows] for _, rows in parts] == [
        ["broken"], ["red"], ["missed"], ["alarm"], ["heavier"], ["inexact"],
    ]  # fmt: skip
    (view,) = dict(parts)["判定对，引用的规则不完全对"]
    assert (view.missed, view.false, view.hits) == (("A02 不推诿",), ("A01 敬语称谓",), ())


def test_pieces_join_to_the_draft_and_mark_quote_and_span() -> None:
    # The quote 不归我管 covers 5-9 of the draft, the span 3-7: both on 5-7.
    parts = views.pieces(record("e1", "A02", "A02"))
    assert "".join(text for text, _ in parts) == DRAFT
    assert parts == (("您好，", ""), ("这事", "cited"), ("不归", "gold cited"), ("我管", "gold"), ("。", ""))


def test_groups_come_one_table_a_kind() -> None:
    summary = summarise(run([record("e1", "A02", "A02"), record("e2")]))
    (table,) = views.group_tables(summary, {"industry": "行业"})
    assert table.title == "行业"
    assert [(name, n) for name, n, _ in table.rows] == [("银行", 2)]


def test_provenance_leaves_out_what_is_empty() -> None:
    rows = dict(views.provenance(run([record("e1")])))
    assert rows["数据哈希"] == "d1"
    assert rows["版本 reviewer"] == "0.1.0"
    assert "代码提交" not in rows
