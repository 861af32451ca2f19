"""The classifier as one manual sees it: which rules it knows, and by which names it speaks of them."""

from dataclasses import replace

import pytest

from reviewer.classifier import ManualClassifier, known_to
from reviewer.clauses import split_clauses
from reviewer.deadline import Deadline
from reviewer.manual.catalogue import Catalogue
from reviewer.types import Conversation
from tests.other_manual import TrainedOn, namesake, stranger

DRAFT = Conversation(draft="您好，请稍等。")


@pytest.fixture
def shipped(catalogue: Catalogue) -> TrainedOn:
    return TrainedOn(catalogue.rules, {"A05": 2.0, "E01": 1.0})


def test_it_knows_its_own_rules_as_worded_and_no_reworded_one(
    catalogue: Catalogue, shipped: TrainedOn
) -> None:
    assert known_to(shipped, catalogue.rules) == {rule.id: rule.id for rule in catalogue.rules}
    reworded = replace(catalogue.rule("A05"), text="不得骂人。")
    assert known_to(shipped, [reworded, catalogue.rule("A03")]) == {"A03": "A03"}


def test_it_knows_namesakes_whatever_their_words_and_no_stranger(
    catalogue: Catalogue, shipped: TrainedOn
) -> None:
    abuse = catalogue.rule("A05")
    rules = [namesake(abuse, "R100"), namesake(abuse, "R200"), stranger(abuse, "R300")]
    assert known_to(shipped, rules) == {"R100": "A05", "R200": "A05"}
    # An id that happens to be a shipped one says nothing.
    assert known_to(shipped, [stranger(catalogue.rule("S12"), "A05")]) == {}


def test_a_namesake_of_what_it_was_not_trained_on_is_unknown(catalogue: Catalogue) -> None:
    partial = TrainedOn([catalogue.rule("A01")])
    rules = [namesake(catalogue.rule("A01"), "R100"), namesake(catalogue.rule("A05"), "R200")]
    assert known_to(partial, rules) == {"R100": "A01"}


def test_a_namesake_of_a_shipped_rule_is_unknown_where_its_id_is_another_rules(catalogue: Catalogue) -> None:
    abuse = catalogue.rule("A05")
    trained = TrainedOn([replace(abuse, text="下雨时应当递上雨伞。")])
    assert known_to(trained, [namesake(abuse, "R100")]) == {}


def test_one_that_was_trained_on_the_other_manual_knows_it_by_its_own_ids(catalogue: Catalogue) -> None:
    rules = [stranger(catalogue.rule("A05"), "R100"), namesake(catalogue.rule("E01"), "R200")]
    assert known_to(TrainedOn(rules), rules) == {"R100": "R100", "R200": "R200"}


def test_it_scores_by_the_manuals_ids_and_nothing_else(shipped: TrainedOn) -> None:
    judging = ManualClassifier(shipped, {"R100": "A05", "R200": "A05", "R300": "E01", "R400": "Z99"})
    scores = judging.scores(DRAFT, split_clauses(DRAFT.draft), deadline=Deadline())
    assert {rule: score.logit for rule, score in scores.items()} == {"R100": 2.0, "R200": 2.0, "R300": 1.0}
    assert scores["R100"].weights == (1.0, 0.0)
    assert judging.identity == shipped.identity


def test_out_of_time_it_says_nothing(shipped: TrainedOn) -> None:
    shipped.in_time = False
    judging = ManualClassifier(shipped, {"R100": "A05"})
    assert judging.scores(DRAFT, split_clauses(DRAFT.draft), deadline=Deadline()) == {}
