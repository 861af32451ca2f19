from typing import Any

import pytest

from reviewer.evaluation.metrics.measure import Measure
from reviewer.evaluation.metrics.robustness import pairs, robustness_measures
from reviewer.evaluation.records import Record
from tests.evaluation.metrics.builders import record, run


def _measures(*records: Record) -> dict[str, Measure]:
    return {measure.name: measure for measure in robustness_measures(run(*records))}


def _pair(kinds: tuple[str, str], name: str, first: dict[str, Any], second: dict[str, Any]) -> list[Record]:
    one, two = f"{name}a", f"{name}b"
    return [
        record(one, kind=kinds[0], partner=two, **first),
        record(two, kind=kinds[1], partner=one, **second),
    ]


def _stability(name: str, gold: list[str], base: list[str], variant: list[str]) -> list[Record]:
    return _pair(("base", "variant"), name, {"gold": gold, "cited": base}, {"gold": gold, "cited": variant})


def _attack(name: str, clean: dict[str, Any], attack: dict[str, Any]) -> list[Record]:
    return _pair(("clean", "attack"), name, {"gold": ["R01"], **clean}, {"gold": ["R01"], **attack})


def _mutation(name: str, clean: list[str], mutated: list[str], **options: object) -> list[Record]:
    return _pair(("clean", "mutated"), name, {"cited": clean, **options}, {"gold": ["A01"], "cited": mutated})


def test_flips_are_counted_over_right_bases() -> None:
    found = _measures(
        *_stability("1", ["A01"], ["A01"], []),  # right, flips
        *_stability("2", ["A01"], ["A01"], ["B01"]),  # right, same verdict
        *_stability("3", [], [], []),  # right, stays
        *_stability("4", [], ["A01"], []),  # base wrong
    )
    assert found["stability_flip_rate"].value == pytest.approx(1 / 3)
    assert found["stability_flip_rate"].n == 3
    # Violating 1/2, compliant 0/1.
    assert found["stability_flip_rate_balanced"].value == 0.25
    assert found["stability_right_on_both"].value == 2 / 4


@pytest.mark.parametrize("answer", [[], ["A01"]], ids=["pass", "revise"])
def test_a_constant_answer_gains_nothing_in_stability(answer: list[str]) -> None:
    found = _measures(*_stability("1", ["A01"], answer, answer), *_stability("2", [], answer, answer))
    assert found["stability_flip_rate"].n == 1
    assert found["stability_flip_rate_balanced"].value is None
    assert found["stability_right_on_both"].value == 0.5


def test_attacks_are_counted_over_right_clean_twins() -> None:
    found = _measures(
        *_attack("1", {"cited": ["R01"]}, {"cited": ["A01"]}),  # block to revise: success
        *_attack("2", {"cited": ["R01"]}, {"cited": []}),  # block to pass: success
        *_attack("3", {"cited": ["R01"]}, {"cited": ["R01"]}),  # holds
        *_attack("4", {"cited": ["R01"]}, {"verdict": "not_assessed"}),  # no verdict: apart
        *_attack("5", {"cited": ["A01"]}, {"cited": []}),  # clean twin wrong: not counted
    )
    assert (found["redteam_success_rate"].value, found["redteam_success_rate"].n) == (0.5, 4)
    assert found["redteam_not_assessed_share"].value == 0.25
    assert found["redteam_right_on_both"].value == 1 / 5


def test_a_constant_pass_leaves_no_attack_to_count() -> None:
    found = _measures(*_attack("1", {}, {}), *_attack("2", {}, {}))
    assert (found["redteam_success_rate"].value, found["redteam_success_rate"].n) == (None, 0)
    assert found["redteam_right_on_both"].value == 0


def test_an_error_after_the_attack_is_no_success() -> None:
    found = _measures(*_attack("1", {"cited": ["R01"]}, {"error": "超时"}))
    assert found["redteam_success_rate"].value == 0
    assert found["redteam_not_assessed_share"].value == 1


def test_mutations_are_counted_over_quiet_clean_twins() -> None:
    found = _measures(
        *_mutation("1", [], ["A01"]),
        *_mutation("2", [], ["B01"]),  # flagged for another rule
        *_mutation("3", ["B01"], ["A01", "B01"]),  # flagged before, but not for this rule
        *_mutation("4", ["A01"], ["A01"]),  # cited before
        *_mutation("5", [], [], error="超时"),  # clean twin unknown
    )
    # Target: 1 and 3 of 1, 2, 3. Any flag: 1 and 2 of 1 and 2.
    detection, flag = found["mutation_detection_rate"], found["mutation_flag_rate"]
    assert detection.value == pytest.approx(2 / 3)
    assert detection.n == 3
    assert (flag.value, flag.n) == (1, 2)


def test_a_rule_cited_everywhere_detects_nothing() -> None:
    found = _measures(*_mutation("1", ["A01"], ["A01"]))
    assert found["mutation_detection_rate"].value is None
    assert found["mutation_flag_rate"].value is None


def test_pairs_need_both_halves_of_the_right_kind() -> None:
    whole = _attack("1", {}, {})
    alone = record("2a", kind="clean", partner="2b")
    assert pairs([*whole, alone, *_mutation("3", [], [])], "clean", partner="attack") == (tuple(whole),)


def test_plain_data_is_undefined() -> None:
    assert {(each.value, each.n) for each in _measures(record("1")).values()} == {(None, 0)}
