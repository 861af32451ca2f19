"""Every approved wording, in its context, passes every deterministic check."""

import pytest

from reviewer.checks import CheckSettings, run_checks
from reviewer.manual.catalogue import Catalogue, load_catalogue
from reviewer.resources import resource_dir
from reviewer.types import Rule

RULES = load_catalogue(resource_dir("corpus")).rules


@pytest.mark.parametrize("rule", RULES, ids=[rule.id for rule in RULES])
def test_approved_wording_passes_every_check(rule: Rule) -> None:
    assert run_checks(rule.good_context, CheckSettings()) == ()


def test_there_is_a_wording_for_every_rule(catalogue: Catalogue) -> None:
    assert all(rule.good and rule.good_context.draft == rule.good for rule in catalogue.rules)
