"""The deterministic checks, in the order in which they run."""

from collections.abc import Callable
from dataclasses import dataclass

from reviewer.checks.bank_cards import find_bank_cards
from reviewer.checks.brush_off import find_brush_off
from reviewer.checks.closing import find_missing_closing
from reviewer.checks.form_of_address import find_endearments, find_familiar_address
from reviewer.checks.greeting import find_missing_greeting
from reviewer.checks.identity_numbers import find_identity_numbers
from reviewer.checks.personal_accounts import find_personal_accounts
from reviewer.checks.phone_numbers import find_phone_numbers
from reviewer.checks.red_line_phrases import find_red_line_phrases
from reviewer.checks.subject import CheckSettings, Subject, make_subject
from reviewer.checks.time_promises import find_time_promises
from reviewer.types import Conversation, Hit

__all__ = ["CHECKS", "Check", "CheckSettings", "run_checks"]


@dataclass(frozen=True, slots=True)
class Check:
    """One deterministic check and the rules that its hits can cite."""

    name: str
    rule_ids: tuple[str, ...]
    find: Callable[[Subject], tuple[Hit, ...]]


CHECKS: tuple[Check, ...] = (
    Check("identity_numbers", ("E01",), find_identity_numbers),
    Check("bank_cards", ("E01",), find_bank_cards),
    Check("phone_numbers", ("E02", "S07"), find_phone_numbers),
    Check("personal_accounts", ("S07", "E02", "E03"), find_personal_accounts),
    Check("red_line_phrases", ("A05", "E03", "D02"), find_red_line_phrases),
    Check("brush_off", ("A02",), find_brush_off),
    Check("familiar_address", ("A01",), find_familiar_address),
    Check("endearments", ("A08",), find_endearments),
    Check("time_promises", ("C07",), find_time_promises),
    Check("greeting", ("C01",), find_missing_greeting),
    Check("closing", ("C08",), find_missing_closing),
)


def run_checks(conversation: Conversation, settings: CheckSettings) -> tuple[Hit, ...]:
    """Run every check and return all hits in the order of the checks.

    Two checks may cite the same rule, each with its own spans and reason. A check that fails raises:
    a review that silently lost a check would not be a review.
    """
    subject = make_subject(conversation, settings)
    return tuple(hit for check in CHECKS for hit in check.find(subject))
