"""What follows from a rule's being the same as a shipped one."""

from dataclasses import replace

import pytest

from reviewer.errors import CorpusError
from reviewer.manual.catalogue import Catalogue, known_here
from reviewer.manual.sameness import adopt
from reviewer.types import Conversation, Rule
from tests.other_manual import namesake, stranger


def adopted(shipped: Catalogue, *rules: Rule) -> dict[str, Rule]:
    found = adopt(replace(shipped, rules=rules), shipped).rules
    assert [rule.id for rule in found] == [rule.id for rule in rules]
    return {rule.id: rule for rule in found}


def test_what_is_known_of_a_namesake_holds_where_the_shipped_rule_does(catalogue: Catalogue) -> None:
    everywhere = namesake(catalogue.rule("A05"), "R100")
    closing = replace(everywhere, id="R200", known_as="C08")
    rules = adopted(catalogue, everywhere, closing)
    assert rules["R100"] == everywhere
    assert rules["R200"].stages == everywhere.stages
    assert (rules["R200"].known_stages, rules["R200"].known_channels) == (("closing",), ("online", "phone"))
    middle, end = (Conversation(draft="好", stage=stage, channel="phone") for stage in ("middle", "closing"))
    assert [known_here(rules[name], middle) for name in ("R100", "R200")] == [True, False]
    assert known_here(rules["R200"], end)


def test_a_rule_with_the_id_of_a_shipped_one_and_other_words_is_not_known(catalogue: Catalogue) -> None:
    same, unlike = catalogue.rule("E02"), replace(catalogue.rule("C07"), text="一般投诉10个工作日内答复。")
    rules = adopted(catalogue, same, unlike)
    assert rules["E02"] == same
    assert rules["C07"].known_as == ""


def test_a_grave_rule_does_not_inherit_yielding_to_a_lesser_one(catalogue: Catalogue) -> None:
    curt, abuse = catalogue.rule("A03"), catalogue.rule("A05")
    assert curt.yields_to == ("A05",)
    rules = adopted(
        catalogue, namesake(curt, "R100", severity="red"), namesake(abuse, "R200", severity="minor")
    )
    assert rules["R100"].yields_to == ()


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


def test_a_rule_that_there_is_not_is_refused_in_one_line(catalogue: Catalogue) -> None:
    wrong = replace(namesake(catalogue.rule("A05"), "R100"), known_as="Z99")
    with pytest.raises(CorpusError, match=r"规则 R100 的 same_as 是 Z99") as caught:
        adopted(catalogue, wrong)
    assert "\n" not in str(caught.value)
