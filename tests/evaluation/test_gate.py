from pathlib import Path

import pytest
from pydantic import ValidationError

from reviewer.errors import InputError
from reviewer.evaluation import gate
from reviewer.evaluation.gate import Floors, MaxFlips
from reviewer.evaluation.metrics.measure import Measure
from tests.evaluation.runs import record, run

GOOD = run([record("e1", "E01", "E01"), record("e2", "A02", "A02"), record("e3"), record("e4", "A01", "")])


def test_a_run_holds_its_own_floors() -> None:
    floors = gate.record(GOOD, 0.0)
    result = gate.check(GOOD, floors)
    assert result.passed
    assert (result.broken, result.flipped, result.missing) == ((), (), ())


def test_recorded_floors_are_the_values_less_the_margin() -> None:
    floors = gate.record(GOOD, 0.05)
    # Flag recall 2 of 3; specificity 1 of 1; verdict 3 of 4; micro F1 2 * 2 / (2 * 2 + 0 + 1) = 0.8.
    assert floors.measures["flag_recall"] == pytest.approx(2 / 3 - 0.05, abs=1e-6)
    assert floors.measures["flag_specificity"] == pytest.approx(0.95)
    assert floors.measures["verdict_accuracy"] == pytest.approx(0.70)
    assert floors.measures["citation_f1"] == pytest.approx(0.75)
    assert floors.cases == {"e1": "right", "e2": "right", "e3": "right", "e4": "wrong"}
    assert (floors.data, floors.data_hash) == ("test", "d1")


def test_every_gated_measure_exists() -> None:
    assert set(gate.record(GOOD, 0.0).measures) == set(gate.GATED)


def test_undefined_measures_are_not_recorded() -> None:
    floors = gate.record(run([record("e1")]), 0.0)
    assert set(floors.measures) == {"verdict_accuracy", "flag_specificity"}


def test_a_drop_below_the_floor_fails_and_is_named() -> None:
    floors = Floors(measures={"flag_recall": 0.9, "flag_specificity": 0.9})
    result = gate.check(GOOD, floors)
    assert not result.passed
    assert [(fault.name, fault.floor) for fault in result.broken] == [("flag_recall", 0.9)]
    assert "违规检出率（召回）：0.667，下限 0.900" in gate.render_text(result)


def test_a_measure_that_the_run_lacks_fails() -> None:
    result = gate.check(GOOD, Floors(measures={"no_such": 0.5, "brier_skill": 0.0}))
    assert [(fault.name, fault.value) for fault in result.broken] == [
        ("brier_skill", None),
        ("no_such", None),
    ]
    assert "没有数值" in gate.render_text(result)


def test_less_is_better_makes_the_floor_a_ceiling() -> None:
    floors = Floors(measures={"alerts_per_100_acceptable": 10.0})
    over = Measure("alerts_per_100_acceptable", 10.5, None, None, 40, "lower")
    under = Measure("alerts_per_100_acceptable", 9.5, None, None, 40, "lower")
    assert not gate.judge(GOOD, floors, [over]).passed
    assert "上限 10.000" in gate.render_text(gate.judge(GOOD, floors, [over]))
    assert gate.judge(GOOD, floors, [under]).passed


def test_one_red_line_that_flips_fails() -> None:
    floors = Floors(measures={}, cases={"e1": "right"})
    result = gate.check(run([record("e1", "E01", "A02")]), floors)
    assert not result.passed
    assert [(case.id, case.red, case.verdict) for case in result.flipped] == [("e1", True, "revise")]
    assert "红线样本 1 条（允许 0）" in gate.render_text(result)


@pytest.mark.parametrize(("n_flips", "passed"), [(2, True), (3, False)])
def test_two_other_examples_may_flip(n_flips: int, passed: bool) -> None:
    names = [f"e{number}" for number in range(5)]
    floors = Floors(measures={}, cases=dict.fromkeys(names, "right"))
    records = [record(name, "A02", "" if number < n_flips else "A02") for number, name in enumerate(names)]
    result = gate.check(run(records), floors)
    assert result.passed is passed
    assert len(result.flipped) == n_flips


def test_the_file_sets_how_many_may_flip() -> None:
    floors = Floors(measures={}, cases={"e1": "right"}, max_flips=MaxFlips(red=1))
    assert gate.check(run([record("e1", "E01", "")]), floors).passed


def test_leaving_an_example_out_is_no_way_to_pass() -> None:
    result = gate.check(GOOD, Floors(measures={}, cases={"e1": "right", "gone": "wrong"}))
    assert not result.passed
    assert result.missing == ("gone",)
    assert "缺少 1 条已记录的样本：gone" in gate.render_text(result)


def test_what_is_newly_right_is_reported() -> None:
    result = gate.check(GOOD, Floors(measures={}, cases={"e1": "wrong", "e4": "wrong"}))
    assert result.passed
    assert result.gained == ("e1",)
    assert "新判对 1 条" in gate.render_text(result)


def test_floors_of_other_data_are_refused() -> None:
    with pytest.raises(InputError, match="下限是在数据"):
        gate.check(GOOD, Floors(measures={}, data="dev", data_hash="other"))


def test_a_negative_margin_is_refused() -> None:
    with pytest.raises(InputError, match="负数"):
        gate.record(GOOD, -0.1)


def test_floors_survive_the_file(tmp_path: Path) -> None:
    path = tmp_path / "floors.json"
    floors = gate.record(GOOD, 0.02)
    gate.write_floors(path, floors)
    assert gate.read_floors(path) == floors
    assert gate.check(GOOD, gate.read_floors(path)).passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "不可用"),
        ('{"measures": {}, "cases": {"e1": "maybe"}}', r"cases\.e1"),
        ('{"measurs": {}}', "measur"),
    ],
    ids=["no JSON", "no state", "misspelt"],
)
def test_a_damaged_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "floors.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        gate.read_floors(path)


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--record"):
        gate.read_floors(tmp_path / "none.json")


@pytest.mark.parametrize("value", ["NaN", "Infinity"])
def test_a_floor_is_a_number(value: str) -> None:
    with pytest.raises(ValidationError):
        Floors.model_validate_json(f'{{"measures": {{"flag_recall": {value}}}}}')
