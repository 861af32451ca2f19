"""What a rewrite changed in the draft, clause by clause, and which rules asked for it."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reviewer.clauses import split_clauses
from reviewer.schema import Review, SpanOut
from reviewer.types import Clause


@dataclass(frozen=True, slots=True)
class Change:
    """Clauses that were left out and what stands in their place; either may be empty."""

    before: str
    after: str
    rules: tuple[str, ...]


def changes(review: Review) -> tuple[Change, ...]:
    """Return the changes from the draft to the rewrite, in order; empty when there is no rewrite.

    A change is owed to the rules whose wordings it holds and to the findings on what was left out;
    one that nothing points at, to the findings that no other change answers.
    """
    if not review.rewrite.text:
        return ()
    old, new = _clauses(review.draft), _clauses(review.rewrite.text)
    matcher = difflib.SequenceMatcher(None, _texts(old), _texts(new), autojunk=False)
    found = [
        Change(
            _shown(review.draft, old[a:b]),
            _shown(review.rewrite.text, new[c:d]),
            _rules(review, old[a:b], new[c:d]),
        )
        for kind, a, b, c, d in matcher.get_opcodes()
        if kind != "equal"
    ]
    named = {rule for change in found for rule in change.rules}
    left = tuple(finding.rule.id for finding in review.findings if finding.rule.id not in named)
    return tuple(change if change.rules else replace(change, rules=left) for change in found)


def _clauses(text: str) -> tuple[Clause, ...]:
    return split_clauses(text, limit=max(1, len(text)))


def _texts(clauses: Sequence[Clause]) -> list[str]:
    return [clause.span.text for clause in clauses]


def _shown(text: str, clauses: Sequence[Clause]) -> str:
    return text[clauses[0].span.start : clauses[-1].span.end] if clauses else ""


def _rules(review: Review, old: Sequence[Clause], new: Sequence[Clause]) -> tuple[str, ...]:
    wanted = [cause.rule for cause in review.rewrite.causes if _touches(cause.span, new)]
    cited = [
        finding.rule.id for finding in review.findings if any(_touches(span, old) for span in finding.spans)
    ]
    return tuple(dict.fromkeys(wanted + cited))


def _touches(span: SpanOut, clauses: Sequence[Clause]) -> bool:
    return any(span.start < clause.span.end and clause.span.start < span.end for clause in clauses)
