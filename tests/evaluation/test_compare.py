import json

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.compare import Comparison, compare, conclusion, flag_right, render_text
from reviewer.evaluation.metrics.counts import verdict_right
from reviewer.evaluation.records import Record, Run
from tests.evaluation.runs import record, run

# id, gold, cited by a, cited by b
CASES = [
    ("e1", "A02", "A02", "A02"),  # both right
    ("e2", "A02", "", "A02"),  # b finds a violation
    ("e3", "", "A01", ""),  # b drops a false alarm
    ("e4", "A01", "A01", ""),  # b loses a violation
    ("e5", "E01", "A02", "E01"),  # flag right in both, verdict and rule only in b
    ("e6", "", "", ""),  # both right
]


def runs() -> tuple[Run, Run]:
    a = run([record(name, gold, cited) for name, gold, cited, _ in CASES], system="甲")
    # The order of the second run does not matter.
    b = run([record(name, gold, cited) for name, gold, _, cited in reversed(CASES)], system="乙")
    return a, b


@pytest.fixture(name="comparison")
def _comparison() -> Comparison:
    return compare(*runs())


def test_mcnemar_counts_who_alone_is_right(comparison: Comparison) -> None:
    test = comparison.flag_test
    # Both: e1, e5, e6. Only a: e4. Only b: e2, e3.
    assert (test.both, test.only_a, test.only_b, test.neither) == (3, 1, 2, 0)
    # Exact: 2 * P(X <= 1), X binomial(3, 1/2) = 2 * (1 + 3) / 8 = 1.
    assert test.p_value == pytest.approx(1.0)


def test_mcnemar_is_exact_and_two_sided() -> None:
    a = run([record(f"e{number}", "A02", "") for number in range(6)])
    b = run([record(f"e{number}", "A02", "A02") for number in range(6)])
    # 2 * (1/2)^6 = 1/32.
    assert compare(a, b).flag_test.p_value == pytest.approx(1 / 32)


def test_same_runs_differ_in_nothing() -> None:
    a, _ = runs()
    comparison = compare(a, a)
    assert comparison.flag_test.p_value == 1.0
    assert (comparison.micro_f1.difference, comparison.micro_f1.low, comparison.micro_f1.high) == (0, 0, 0)
    assert (comparison.rules, comparison.flips) == ((), ())


def test_micro_f1_of_both_and_their_difference(comparison: Comparison) -> None:
    paired = comparison.micro_f1
    # a: tp 2 (e1, e4), fp 2 (e3, e5), fn 2 (e2, e5): 4 / 8. b: tp 3, fp 0, fn 1 (e4): 6 / 7.
    assert paired.a == pytest.approx(0.5)
    assert paired.b == pytest.approx(6 / 7)
    assert paired.difference == pytest.approx(6 / 7 - 0.5)
    assert paired.low is not None
    assert paired.high is not None
    assert -1 <= paired.low < 6 / 7 - 0.5 < paired.high <= 1


def test_bootstrap_draws_whole_contrast_pairs() -> None:
    # In each pair one draft is won and the other is not: F1 of a is 0, of b 2 * 1 / (2 * 1 + 1) = 2/3
    # in every pair, so that every resample of pairs has the same difference.
    def half(cited: str) -> Run:
        return run(
            [
                record(f"{pair}-{side}", "A02", cited if side == "x" else "", pair=pair)
                for pair in ("p1", "p2", "p3", "p4")
                for side in ("x", "y")
            ]
        )

    paired = compare(half(""), half("A02")).micro_f1
    assert [paired.low, paired.high] == pytest.approx([2 / 3, 2 / 3])


def test_f1_without_label_and_citation_is_undefined() -> None:
    empty = run([record("e1"), record("e2")])
    paired = compare(empty, empty).micro_f1
    assert (paired.a, paired.b, paired.difference, paired.low, paired.high) == (None,) * 5
    assert "无从比较" in render_text(compare(empty, empty))


def test_rule_wins_and_losses(comparison: Comparison) -> None:
    rows = {
        change.rule: (change.n_gold, change.won, change.lost, change.alarms_new, change.alarms_gone)
        for change in comparison.rules
    }
    # A01: e4 lost, alarm of e3 gone. A02: e2 won, alarm of e5 gone. E01: e5 won.
    assert rows == {"A01": (1, 0, 1, 0, 1), "A02": (2, 1, 0, 0, 1), "E01": (1, 1, 0, 0, 0)}
    assert [change.rule for change in comparison.rules] == ["A01", "E01", "A02"]  # balance 0, 1, 2


def test_new_false_alarm_counts_against_b() -> None:
    comparison = compare(run([record("e1")]), run([record("e1", "", "A01")]))
    (change,) = comparison.rules
    assert (change.alarms_new, change.balance) == (1, -1)


def test_flips_name_the_change(comparison: Comparison) -> None:
    flips = {flip.id: (flip.change, flip.flag) for flip in comparison.flips}
    assert flips == {
        "e2": ("better", True),
        "e3": ("better", True),
        "e4": ("worse", True),
        "e5": ("better", False),
    }


def test_not_assessed_is_never_right() -> None:
    failed = record("e1", "", "", verdict="not_assessed")
    broken = record("e1", "", "", error="超时")
    assert not flag_right(failed)
    assert not verdict_right(failed)
    assert not flag_right(broken)
    assert not verdict_right(broken)


def test_verdict_of_a_disputed_example_is_that_of_the_flag() -> None:
    # The label says revise only because of the disputed rule: silence is right.
    assert verdict_right(record("e1", "A01", "", disputed="A01"))
    assert not verdict_right(record("e1", "A01", "A02", disputed="A01"))


def test_a_dispute_about_another_rule_excuses_no_missed_red_line() -> None:
    assert not verdict_right(record("e1", "E01", "A02", disputed="B06"))
    assert not verdict_right(record("e1", "E01", "A02 B06", disputed="B06"))
    assert verdict_right(record("e1", "E01", "E01 B06", disputed="B06"))
    assert not verdict_right(record("e1", "A01", "E01", disputed="B06"))


def test_examples_of_one_run_only_are_listed() -> None:
    a = run([record("e1"), record("e2")])
    b = run([record("e2"), record("e3")])
    comparison = compare(a, b)
    assert (comparison.n_shared, comparison.only_in_a, comparison.only_in_b) == (1, ("e1",), ("e3",))
    assert "只在 A 里：e1" in render_text(comparison)


@pytest.mark.parametrize(
    "other", [record("e1", draft="别的草稿"), record("e1", "A01")], ids=["draft", "label"]
)
def test_other_data_under_the_same_id_is_refused(other: Record) -> None:
    with pytest.raises(InputError, match="e1"):
        compare(run([record("e1")]), run([other]))


def test_no_shared_example_is_refused() -> None:
    with pytest.raises(InputError, match="没有相同的样本"):
        compare(run([record("e1")]), run([record("e2")]))


def test_text_gives_figures_and_examples(comparison: Comparison) -> None:
    text = render_text(comparison)
    assert "A 0.500，B 0.857，差 +0.357" in text
    assert "仅 A 对 1，仅 B 对 2" in text
    assert "变差的样本 1 条：\n  e4（标注 需修改：A01）需修改 → 通过" in text


def test_json_is_stable(comparison: Comparison) -> None:
    assert comparison.to_json() == compare(*runs()).to_json()
    loaded = json.loads(comparison.to_json())
    assert loaded["flag_test"]["only_b"] == 2
    assert loaded["flips"][0]["id"] == "e2"


def test_one_example_proves_nothing() -> None:
    few = compare(run([record("e1", "A01", "")]), run([record("e1", "A01", "A01")]))
    assert "太少" in conclusion(few)
