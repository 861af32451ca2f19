"""Feedback as labelled examples, for ``reviewer train grader --data`` and ``reviewer eval``.

What agents say of a finding, not a second reading: a finding that was accepted or edited is a
violation, one that was overruled a near miss. Rules on which nobody has said anything, and rules that
were not assessed, are in dispute: left out of scoring.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reviewer.evaluation.examples import Example, LabelledViolation
from reviewer.evaluation.validation import severities_of, verdict_for
from reviewer.files import atomic_path
from reviewer.formats.escaping import json_text
from reviewer.manual.catalogue import Catalogue
from reviewer.request import conversation_of
from reviewer.schema import ReviewRequest
from reviewer.service.record import Entry, Feedback, Record

_AUTHOR = "feedback"
_FIELDS = ("channel", "stage", "history", "customer", "identity_verified", "facts")


@dataclass(frozen=True, slots=True)
class Exported:
    """How many examples were written, and how many reviews had feedback but no recorded text."""

    written: int
    without_text: int


def export_feedback(record: Record, out: Path, catalogue: Catalogue) -> Exported:
    """Write an example for every review with feedback whose text was recorded.

    Raises:
        StorageError: the record cannot be read or ``out`` not written.
    """
    written = without_text = 0
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as sink:
        for entry, notes in record.with_feedback():
            if entry.request is None:
                without_text += 1
                continue
            example = example_of(entry, entry.request, notes, catalogue)
            sink.write(json_text(example.model_dump(mode="json")) + "\n")
            written += 1
    return Exported(written, without_text)


def example_of(entry: Entry, request_json: str, notes: Sequence[Feedback], catalogue: Catalogue) -> Example:
    """Return the labelled example of one review; the latest word on a rule counts."""
    request = ReviewRequest.model_validate_json(request_json)
    draft = conversation_of(request).draft
    findings: list[dict[str, Any]] = json.loads(entry.findings)
    latest = _latest(notes, [finding["rule"] for finding in findings])
    confirmed = [f for f in findings if f["rule"] in latest and latest[f["rule"]].action != "overruled"]
    overruled = [rule for rule, note in latest.items() if note.action == "overruled"]
    silent = [finding["rule"] for finding in findings if finding["rule"] not in latest]
    violations = [
        violation
        for finding in confirmed
        for violation in _violations(finding, draft, latest[finding["rule"]].reason)
    ]
    verdict = verdict_for((violation.rule for violation in violations), severities_of(catalogue))
    reply = next((note.reply for note in reversed(notes) if note.reply), "")
    usable_reply = verdict != "pass" and reply.strip() != draft.strip()
    return Example(
        id=entry.id,
        draft=draft,
        verdict=verdict,
        violations=violations,
        rewrite=reply if usable_reply else "",
        near_miss=overruled,
        disputed=[*silent, *json.loads(entry.not_assessed)],
        author=_AUTHOR,
        **{name: getattr(request, name) for name in _FIELDS},
    )


def _latest(notes: Sequence[Feedback], found: Sequence[str]) -> dict[str, Feedback]:
    """Return the last word on each finding; a word on the whole review is one on all of them."""
    return {rule: note for note in notes for rule in ([note.rule] if note.rule else found) if rule in found}


def _violations(finding: dict[str, Any], draft: str, reason: str) -> Iterator[LabelledViolation]:
    quotes = dict.fromkeys(draft[start:end] for start, end in finding["spans"])
    for quote in quotes or [""]:
        yield LabelledViolation(rule=finding["rule"], quote=quote, reason=reason)
