"""What follows from a rule's being the same as a shipped one."""

from dataclasses import replace

import pytest

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue
from reviewer.manual.sameness import adopt
from reviewer.types import Rule
from tests.other_manual import namesake, stranger


def adopted(shipped: Catalogue, *rules: Rule) -> dict[str, Rule]:
    found = adopt(replace(shipped, rules=rules), shipped).rules
    assert [rule.id for rule in found] == [rule.id for rule in rules]
    return {rule.id: rule for rule in found}


def test_a_namesake_is_judged_where_the_shipped_rule_is(catalogue: Catalogue) -> None:
    everywhere = namesake(catalogue.rule("A05"), "R100")
    closing = replace(everywhere, id="R200", known_as="C08")
    by_phone = replace(everywhere, id="R300", known_as="S10")
    rules = adopted(catalogue, everywhere, closing, by_phone)
    assert rules["R100"] == everywhere
    assert (rules["R200"].stages, rules["R200"].channels) == (("closing",), ("online", "phone"))
    assert (rules["R300"].stages, rules["R300"].channels) == (everywhere.stages, ("phone",))


def test_a_namesakes_own_narrower_place_stays(catalogue: Catalogue) -> None:
    narrow = namesake(catalogue.rule("A05"), "R100", stages=("middle",), channels=("phone",))
    assert adopted(catalogue, narrow)["R100"] == narrow


@pytest.mark.parametrize("place", [{"stages": ("opening",)}, {"channels": ("phone",)}])
def test_where_nothing_is_common_it_is_a_rule_of_its_own(
    catalogue: Catalogue, place: dict[str, object]
) -> None:
    original = replace(catalogue.rule("C08"), channels=("online",))
    shipped = replace(
        catalogue, rules=tuple(original if rule.id == "C08" else rule for rule in catalogue.rules)
    )
    elsewhere = namesake(original, "R100", **place)
    assert adopted(shipped, elsewhere)["R100"] == replace(elsewhere, known_as="", vouched=False)


def test_namesakes_yield_as_the_shipped_rules_do(catalogue: Catalogue) -> None:
    curt, abuse = catalogue.rule("A03"), catalogue.rule("A05")
    assert curt.yields_to == ("A05",)
    rules = adopted(
        catalogue,
        namesake(curt, "R100", yields_to=("R400",)),
        namesake(abuse, "R200"),
        namesake(abuse, "R300"),
        stranger(abuse, "R400"),
        stranger(curt, "R500"),
    )
    assert rules["R100"].yields_to == ("R400", "R200", "R300")
    assert [rules[name].yields_to for name in ("R200", "R300", "R400", "R500")] == [()] * 4


def test_precedence_of_the_manual_itself_is_not_doubled_and_not_turned_round(catalogue: Catalogue) -> None:
    curt, abuse = catalogue.rule("A03"), catalogue.rule("A05")
    known = namesake(curt, "R100", yields_to=("R200",)), namesake(abuse, "R200")
    assert adopted(catalogue, *known)["R100"].yields_to == ("R200",)
    reverse = namesake(curt, "R100"), namesake(abuse, "R200", yields_to=("R100",))
    assert adopted(catalogue, *reverse)["R100"].yields_to == ()


def test_a_namesake_that_became_a_rule_of_its_own_wins_nothing(catalogue: Catalogue) -> None:
    promise, handover = catalogue.rule("C06"), catalogue.rule("C05")
    assert promise.yields_to == ("C05",)
    shipped = replace(
        catalogue,
        rules=tuple(
            replace(rule, stages=("middle",)) if rule.id == "C05" else rule for rule in catalogue.rules
        ),
    )
    rules = adopted(shipped, namesake(promise, "R100"), namesake(handover, "R200", stages=("closing",)))
    assert rules["R100"].yields_to == ()


def test_a_rule_that_there_is_not_is_refused_in_one_line(catalogue: Catalogue) -> None:
    wrong = replace(namesake(catalogue.rule("A05"), "R100"), known_as="Z99")
    with pytest.raises(CorpusError, match=r"规则 R100 的 same_as 是 Z99") as caught:
        adopted(catalogue, wrong)
    assert "\n" not in str(caught.value)
