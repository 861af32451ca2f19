"""Feedback as labelled examples, for ``reviewer train grader --data`` and ``reviewer eval``.

What agents say of a finding, not a second reading: a finding that was accepted or edited is a
violation, one that was overruled a near miss. Rules on which nobody has said anything, rules that
were not assessed, and rules that the team has switched off are in dispute: left out of scoring. Where
the first two could turn the verdict, there is no example.
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
    """How many examples were written; and how many reviews with feedback were not.

    ``undecided`` are those whose verdict hangs on a rule that nobody has judged, ``elsewhere`` those by
    another manual, or by another state of this one.
    """

    written: int
    without_text: int
    undecided: int
    elsewhere: int = 0


def export_feedback(record: Record, out: Path, catalogue: Catalogue) -> Exported:
    """Write an example for every review with feedback that decides it and whose text was recorded.

    Args:
        record: Where reviews and feedback are.
        out: What to write.
        catalogue: The manual whose reviews are wanted.

    Raises:
        StorageError: the record cannot be read or ``out`` not written.
    """
    written = without_text = undecided = elsewhere = 0
    with atomic_path(out) as temporary, temporary.open("w", encoding="utf-8") as sink:
        for entry, notes in record.with_feedback():
            if json.loads(entry.versions)["manual"] != catalogue.content_hash:
                elsewhere += 1
                continue
            if entry.request is None:
                without_text += 1
                continue
            example = example_of(entry, entry.request, notes, catalogue)
            if example is None:
                undecided += 1
                continue
            sink.write(json_text(example.model_dump(mode="json")) + "\n")
            written += 1
    return Exported(written, without_text, undecided, elsewhere)


def example_of(
    entry: Entry, request_json: str, notes: Sequence[Feedback], catalogue: Catalogue
) -> Example | None:
    """Return the labelled example of one review, None where its verdict is open.

    The latest word on a rule counts.
    """
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
    unjudged = [*silent, *json.loads(entry.not_assessed)]
    confirmed_rules = [finding["rule"] for finding in confirmed]
    severities = severities_of(catalogue)
    verdict = verdict_for(confirmed_rules, severities)
    if verdict_for([*confirmed_rules, *unjudged], severities) != verdict:
        return None
    reply = next((note.reply for note in reversed(notes) if note.reply), "")
    usable_reply = verdict != "pass" and reply.strip() != draft.strip()
    return Example(
        id=entry.id,
        draft=draft,
        verdict=verdict,
        violations=violations,
        rewrite=reply if usable_reply else "",
        near_miss=overruled,
        disputed=[*unjudged, *json.loads(entry.disabled)],
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
