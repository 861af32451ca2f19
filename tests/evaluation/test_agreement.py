"""Two annotators on the same examples."""

import json
import math
from collections.abc import Sequence

import pytest

from reviewer.errors import InputError
from reviewer.evaluation.agreement import Difference, agreement
from reviewer.evaluation.examples import Example, LabelledVerdict, LabelledViolation


def labelled(
    name: str, *rules: str, disputed: Sequence[str] = (), verdict: LabelledVerdict | None = None
) -> Example:
    return Example(
        id=name,
        draft=f"草稿{name}",
        verdict=verdict or ("revise" if rules else "pass"),
        violations=[LabelledViolation(rule=rule) for rule in rules],
        disputed=list(disputed),
    )


def test_figures_against_hand_counts() -> None:
    a = [labelled("1", "A01"), labelled("2", "A01", "B01"), labelled("3"), labelled("4")]
    b = [labelled("1", "A01"), labelled("2", "B01"), labelled("3", "A01"), labelled("4")]
    result = agreement(a, b)
    # Flags: a 1100, b 1110. Observed 3/4; by chance 1/2 * 3/4 + 1/2 * 1/4 = 1/2; kappa (3/4 - 1/2) / (1/2).
    assert result.flag_kappa == pytest.approx(0.5)
    assert (result.flag_agreed, result.verdict_agreed, result.rules_agreed) == (0.75, 0.75, 0.5)
    # Labels: a has 3, b has 3, 2 in common: 2 * 2 / (3 + 3).
    assert result.rule_f1 == pytest.approx(2 / 3)
    a01, b01 = result.rules
    # A01: a 1100, b 1010. Observed 2/4, chance 1/2: kappa 0.
    assert (a01.rule, a01.n_a, a01.n_b, a01.n_both, a01.agreed) == ("A01", 2, 2, 1, 0.5)
    assert a01.kappa == pytest.approx(0)
    assert (b01.kappa, b01.agreed) == (1.0, 1.0)
    assert result.differences == (
        Difference("2", "revise", "revise", ("A01",), ()),
        Difference("3", "pass", "revise", (), ("A01",)),
    )


def test_files_are_joined_by_id_and_what_is_missing_is_named() -> None:
    result = agreement(
        [labelled("1", "A01"), labelled("2")], [labelled("3"), labelled("2"), labelled("1", "A01")]
    )
    assert result.n == 2
    assert (result.missing_in_a, result.missing_in_b) == (("3",), ())
    assert (result.flag_kappa, result.rule_f1, result.differences) == (1.0, 1.0, ())
    assert "第一份缺 1 条：3" in result.to_text()


def test_a_single_rule_is_not_scored_on_its_absences() -> None:
    # One rule, a finds it in 1, b in 2, both in 1: 2 / 3; counting absences would give 3 / 4.
    result = agreement(
        [labelled("1", "A01"), *map(labelled, "234")],
        [labelled("1", "A01"), labelled("2", "A01"), *map(labelled, "34")],
    )
    assert result.rule_f1 == pytest.approx(2 / 3)


def test_disputed_rules_are_left_out_for_both() -> None:
    a = [labelled("1", "A01", "B01"), labelled("2", "B01"), labelled("3")]
    b = [labelled("1", "A01", disputed=["B01"]), labelled("2", "B01"), labelled("3")]
    result = agreement(a, b)
    assert (result.rule_f1, result.differences) == (1.0, ())
    assert [(row.rule, row.n_a, row.n_b) for row in result.rules] == [("A01", 1, 1), ("B01", 1, 1)]


def test_what_chance_cannot_be_told_from_is_undefined() -> None:
    clean = agreement([labelled("1"), labelled("2")], [labelled("1"), labelled("2")])
    assert (clean.flag_kappa, clean.rule_f1, clean.rules, clean.rules_agreed) == (None, None, (), 1.0)
    always = agreement([labelled("1", "A01")], [labelled("1", "A01")])
    assert always.rules[0].kappa is None
    # One of the two never finds it: defined, and no better than chance.
    never = agreement([labelled("1", "A01"), labelled("2")], [labelled("1"), labelled("2")])
    assert (never.rules[0].kappa, never.rule_f1) == (0.0, 0.0)


def test_a_verdict_alone_is_a_difference() -> None:
    result = agreement([labelled("1", "A01")], [labelled("1", "A01", verdict="block")])
    assert result.differences == (Difference("1", "revise", "block", (), ()),)
    assert (result.flag_agreed, result.verdict_agreed) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([labelled("1")], [labelled("2")], "没有共同的样本编号"),
        ([], [], "没有共同的样本编号"),
        ([labelled("1"), labelled("1")], [labelled("1")], "第一份标注里编号 1 重复"),
        ([labelled("1")], [labelled("1"), labelled("1")], "第二份标注里编号 1 重复"),
        (
            [labelled("1")],
            [labelled("1").model_copy(update={"draft": "另一句"})],
            "样本 1 在两份标注里的草稿不同",
        ),
    ],
)
def test_files_that_cannot_be_compared_are_refused(a: list[Example], b: list[Example], message: str) -> None:
    with pytest.raises(InputError, match=message):
        agreement(a, b)


def test_text_and_json_say_the_same() -> None:
    result = agreement([labelled("1", "A01"), labelled("2")], [labelled("1"), labelled("2")])
    text = result.to_text()
    assert "两份标注共有 2 条样本。" in text
    assert "| A01 | 1 | 0 | 0 | 50.0% | 0.000 |" in text
    assert "- 1：结论 revise / pass；仅第一份 A01；仅第二份 无" in text
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    assert data["rules"][0] == {"rule": "A01", "n_a": 1, "n_b": 0, "n_both": 0, "kappa": 0.0, "agreed": 0.5}
    assert math.isclose(data["flag_agreed"], 0.5)
    undefined = agreement([labelled("1")], [labelled("1")])
    assert undefined.to_json()["flag_kappa"] is None
    assert "kappa —" in undefined.to_text()
