"""A review as Reviewdog Diagnostic Format, one JSON diagnostic a line.

Source: reviewdog ``proto/rdf/reviewdog.proto``: lines and columns start at 1, a column counts bytes
of UTF-8, the end is exclusive. Its reader rejects fields that it does not know, so only those of
the first published version are written, and it rejects lines of 64 KiB.
"""

from typing import Any

from reviewer.formats.escaping import json_text, one_line
from reviewer.formats.positions import Position, utf8_position
from reviewer.schema import FindingOut, Review
from reviewer.types import Severity

_SEVERITY: dict[Severity, str] = {"red": "ERROR", "major": "WARNING", "minor": "INFO"}
# bufio.MaxScanTokenSize of the Go standard library, which counts the line break too.
_MAX_LINE_BYTES = 64 * 1024 - 2
_MAX_QUOTE_CHARS = 40


def format_rdjsonl(review: Review, *, path: str) -> str:
    """Return one line for each finding, in the order of the review; no findings give an empty text.

    A verified rewrite is suggested by every diagnostic, because it resolves all of them and a
    diagnostic has to stand alone; it is left out where the line would become too long.

    Args:
        review: the review.
        path: the file that holds the draft, as the reader of the diagnostics knows it.
    """
    return "".join(_line(review, finding, path) + "\n" for finding in review.findings)


def _line(review: Review, finding: FindingOut, path: str) -> str:
    diagnostic = {
        "message": _message(finding),
        "location": _location(review.draft, finding, path),
        "severity": _SEVERITY[finding.rule.severity],
        "source": {"name": "reviewer"},
        "code": {"value": finding.rule.id},
    }
    plain = json_text(diagnostic)
    if review.rewrite.status != "verified":
        return plain
    whole = _range(review.draft, 0, len(review.draft))
    suggested = json_text({**diagnostic, "suggestions": [{"range": whole, "text": review.rewrite.text}]})
    return suggested if len(suggested.encode()) <= _MAX_LINE_BYTES else plain


def _message(finding: FindingOut) -> str:
    rule = finding.rule
    parts = [f"{rule.title}：{one_line(finding.reason)}"]
    # A diagnostic has one location: the clauses after the first can only be named.
    if others := finding.spans[1:]:
        parts.append("另见：" + "、".join(f"“{_shorten(one_line(span.text))}”" for span in others))
    parts.append(f"规则：{one_line(rule.text)}（{rule.source.document} {rule.source.section}）")
    return "\n".join(parts)


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE_CHARS else text[:_MAX_QUOTE_CHARS] + "…"


def _location(draft: str, finding: FindingOut, path: str) -> dict[str, Any]:
    if not finding.spans:
        return {"path": path}
    first = finding.spans[0]
    return {"path": path, "range": _range(draft, first.start, first.end)}


def _range(draft: str, start: int, end: int) -> dict[str, Any]:
    return {"start": _position(utf8_position(draft, start)), "end": _position(utf8_position(draft, end))}


def _position(position: Position) -> dict[str, int]:
    return position._asdict()
