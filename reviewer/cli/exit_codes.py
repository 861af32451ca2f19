"""What the exit code of a review says."""

from typing import TYPE_CHECKING

from reviewer.types import SEVERITY_ORDER

if TYPE_CHECKING:
    from reviewer.schema import Review
    from reviewer.settings import FailOn

OK, FOUND, FAULT, INCOMPLETE = 0, 1, 2, 3


def exit_code(review: "Review", fail_on: "FailOn") -> int:
    """Return 1 for findings at or above ``fail_on``, else 3 when a rule was not assessed, else 0."""
    if fail_on != "never" and any(
        SEVERITY_ORDER[finding.rule.severity] <= SEVERITY_ORDER[fail_on] for finding in review.findings
    ):
        return FOUND
    return OK if review.complete else INCOMPLETE
