"""Which rules are asked, in which order."""

from reviewer.grading.candidates import fit_of, resident_rules, select_candidates
from reviewer.manual.catalogue import Catalogue


def test_a_small_manual_is_asked_whole_gravest_first_then_most_relevant(catalogue: Catalogue) -> None:
    relevance = {"S12": 0.9, "A02": 0.8, "E03": 0.1, "A05": 0.2}
    chosen = select_candidates(catalogue.rules, relevance)
    assert {rule.id for rule in chosen.asked} == {rule.id for rule in catalogue.rules}
    assert chosen.skipped == ()
    assert [rule.id for rule in chosen.asked][:2] == ["A05", "E03"]
    severities = [rule.severity for rule in chosen.asked]
    assert severities == sorted(severities, key=["red", "major", "minor"].index)
    assert next(rule.id for rule in chosen.asked if rule.severity == "major") == "A02"
    assert next(rule.id for rule in chosen.asked if rule.severity == "minor") == "S12"


def test_a_large_manual_keeps_standing_and_red_rules_and_the_most_relevant(catalogue: Catalogue) -> None:
    must = {rule.id for rule in catalogue.rules if rule.standing or rule.severity == "red"}
    chosen = select_candidates(catalogue.rules, {"C07": 1.0, "S06": 0.9}, limit=len(must) + 2)
    assert {rule.id for rule in chosen.asked} == must | {"C07", "S06"}
    assert len(chosen.asked) + len(chosen.skipped) == len(catalogue.rules)


def test_no_limit_asks_everything(catalogue: Catalogue) -> None:
    assert select_candidates(catalogue.rules, {}, limit=None).skipped == ()


def test_a_large_manual_is_not_resident(catalogue: Catalogue) -> None:
    assert resident_rules(catalogue.rules) == catalogue.rules
    assert resident_rules(catalogue.rules, limit=10) == ()


def test_a_trained_classifier_orders_alone() -> None:
    assert fit_of({"A02": 0.9, "S12": 0.1}, {"S12": -0.5, "A02": -3.0}) == {"S12": -0.5, "A02": -3.0}
    assert fit_of({"A02": 0.9}, {}) == {"A02": 0.9}


def test_a_negative_score_still_comes_before_none(catalogue: Catalogue) -> None:
    must = {rule.id for rule in catalogue.rules if rule.standing or rule.severity == "red"}
    chosen = select_candidates(catalogue.rules, {"C07": -4.0}, limit=len(must) + 1)
    assert "C07" in {rule.id for rule in chosen.asked}
