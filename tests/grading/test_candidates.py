"""Which rules are asked, in which order."""

from dataclasses import replace

from reviewer.grading.candidates import fit_of, heard_among, resident_rules, select_candidates, speakers
from reviewer.manual.catalogue import Catalogue
from reviewer.types import Conversation, Rule
from tests.other_manual import namesake, stranger


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


def test_of_what_nothing_is_learned_nothing_is_asked(catalogue: Catalogue) -> None:
    learned = {"A01", "A05", "S12"}
    chosen = select_candidates(catalogue.rules, {"A01": 1.0}, learned=learned)
    assert [rule.id for rule in chosen.asked] == ["A05", "A01", "S12"]
    assert chosen.strange == tuple(rule for rule in catalogue.rules if rule.id not in learned)
    assert chosen.skipped == ()
    assert select_candidates(catalogue.rules, {}, learned=None).strange == ()


def test_strange_rules_take_no_place_of_others(catalogue: Catalogue) -> None:
    minor = [rule for rule in catalogue.rules if rule.severity == "minor" and not rule.standing][:4]
    learned = {rule.id for rule in minor[1:]}
    chosen = select_candidates(minor, {minor[3].id: 1.0}, limit=2, learned=learned)
    assert chosen.asked == (minor[3], minor[1])
    assert (chosen.skipped, chosen.strange) == ((minor[2],), (minor[0],))


def test_the_gravest_of_namesakes_speaks_of_equals_the_first(catalogue: Catalogue) -> None:
    abuse, leak = catalogue.rule("A05"), catalogue.rule("E01")
    rules = [
        namesake(abuse, "R100", severity="minor"),
        namesake(abuse, "R200", severity="major"),
        namesake(leak, "R300"),
        namesake(abuse, "R400", severity="major"),
        namesake(leak, "R500"),
    ]
    assert speakers(rules) == {"R100": "R200", "R200": "R200", "R300": "R300", "R400": "R200", "R500": "R300"}


def test_rules_that_are_known_as_nothing_speak_for_themselves(catalogue: Catalogue) -> None:
    abuse = catalogue.rule("A05")
    rules = [namesake(abuse, "R100"), stranger(abuse, "R200"), stranger(abuse, "A05")]
    assert speakers(rules) == {"R100": "R100", "R200": "R200", "A05": "A05"}
    assert speakers(catalogue.rules) == {rule.id: rule.id for rule in catalogue.rules}


def test_the_teams_severities_say_who_speaks_and_the_place_what_is_known(catalogue: Catalogue) -> None:
    abuse, goodbye = catalogue.rule("A05"), catalogue.rule("C08")
    rules = [namesake(abuse, "R100"), namesake(abuse, "R200"), namesake(goodbye, "R300")]

    def adjusted(rule: Rule) -> Rule:
        return replace(rule, severity="minor") if rule.id == "R100" else rule

    heard = heard_among(rules, Conversation(draft="好的。", stage="opening"), adjusted)
    assert heard.rules == (rules[1], rules[2])
    # A goodbye is judged at the end alone.
    assert heard.known == (rules[1],)
    assert heard.speakers == {"R100": "R200", "R200": "R200", "R300": "R300"}
