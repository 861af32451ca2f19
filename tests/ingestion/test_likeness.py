"""Which shipped rule an imported one resembles, and how the guess is kept apart from what a person says."""

import pytest

from reviewer.ingestion.book import SourceFile, build_book
from reviewer.ingestion.likeness import likely_same, with_likely_same
from reviewer.ingestion.limits import Limits
from reviewer.ingestion.readers.registry import read_document
from reviewer.manual.catalogue import Catalogue
from reviewer.manual.imported import RuleClass, RuleEntry

ABUSE = "受到客人误解或者辱骂时应当保持克制，不得骂人、讽刺、威胁、顶撞客人。"
UMBRELLA = "雨天离店时，前台要递上雨伞，并把伞架擦干。"


def entry(rule_id: str, text: str, kind: RuleClass = "checkable") -> RuleEntry:
    return RuleEntry.model_validate(
        {
            "id": rule_id,
            "class": kind,
            "title": text[:8],
            "severity": "minor",
            "when": "any",
            "require": text,
            "text": text,
            "document": "desk",
            "start": 0,
            "end": len(text),
            "guessed": ["class"],
        }
    )


def test_what_asks_for_the_same_in_other_words_is_found_and_nothing_else(catalogue: Catalogue) -> None:
    entries = [
        entry("R100", UMBRELLA),
        entry("R200", ABUSE),
        entry("R300", "不得泄露客户的证件号、住址和电话。"),
    ]
    assert likely_same(entries, catalogue.rules) == {"R200": "A05", "R300": "E01"}


def test_every_shipped_rule_is_most_like_itself(catalogue: Catalogue) -> None:
    entries = [entry(rule.id, rule.text) for rule in catalogue.rules]
    assert likely_same(entries, catalogue.rules) == {rule.id: rule.id for rule in catalogue.rules}


def test_a_guess_does_not_hang_on_what_else_was_imported(catalogue: Catalogue) -> None:
    alone = likely_same([entry("R200", ABUSE)], catalogue.rules)
    many = [entry(f"R{number}", ABUSE) for number in range(300, 330)]
    assert alone == {"R200": "A05"}
    assert likely_same([*many, entry("R200", ABUSE)], catalogue.rules)["R200"] == "A05"


@pytest.mark.parametrize("kind", ["conduct", "process", "background"])
def test_what_cannot_be_checked_is_like_nothing(catalogue: Catalogue, kind: RuleClass) -> None:
    assert likely_same([entry("R200", ABUSE, kind)], catalogue.rules) == {}


def test_nothing_is_like_nothing(catalogue: Catalogue) -> None:
    assert likely_same([], catalogue.rules) == {}
    assert likely_same([entry("R200", ABUSE)], ()) == {}


def test_a_guess_is_marked_and_the_rest_stays_as_it_is(catalogue: Catalogue) -> None:
    plain, alike = entry("R100", UMBRELLA), entry("R200", ABUSE)
    first, second = with_likely_same([plain, alike], catalogue.rules)
    assert first == plain
    assert second == alike.model_copy(update={"same_as": "A05", "guessed": ["class", "same_as"]})


def test_a_book_has_guesses_only_where_rules_are_known(catalogue: Catalogue) -> None:
    text = f"守则\n一、用语\n1、{ABUSE}\n2、{UMBRELLA}\n".encode()
    source = SourceFile("守则.txt", "0" * 64, read_document(text, "守则.txt", Limits()))
    guessed = {
        rule.same_as for rule in build_book([source], catalogue.rules).rules if "same_as" in rule.guessed
    }
    assert guessed == {"A05"}
    assert {rule.same_as for rule in build_book([source]).rules} == {""}


@pytest.mark.parametrize(
    "text",
    [
        "查询、咨询30分钟内答复，投诉和复杂情况4小时内答复。不要承诺比规定更长的时间。",
        "客户要其他部门或员工的电话时，可以直接把内部电话、手机号码告诉客户。",
    ],
)
def test_what_has_other_numbers_or_permits_what_is_forbidden_is_not_the_same(
    catalogue: Catalogue, text: str
) -> None:
    assert likely_same([entry("R100", text)], catalogue.rules) == {}


def test_a_namesake_holds_where_the_known_rule_does_unless_the_text_says(catalogue: Catalogue) -> None:
    goodbye = entry("R100", catalogue.rule("C08").text)
    narrow = goodbye.model_copy(update={"id": "R200", "stages": ["middle", "closing"], "severity": "red"})
    first, second = with_likely_same([goodbye, narrow], catalogue.rules)
    assert (first.same_as, first.stages, "stages" in first.guessed) == ("C08", ["closing"], True)
    assert (second.same_as, second.stages, "stages" in second.guessed) == (
        "C08",
        ["middle", "closing"],
        False,
    )


def test_a_guessed_severity_becomes_that_of_the_known_rule_and_a_given_one_stays(
    catalogue: Catalogue,
) -> None:
    given = entry("R200", ABUSE)
    guessed = given.model_copy(update={"id": "R100", "guessed": ["severity"]})
    first, second = with_likely_same([guessed, given], catalogue.rules)
    assert (first.severity, second.severity) == ("red", "minor")
