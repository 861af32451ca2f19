"""Reviews as Reviewdog Diagnostic Format, one JSON diagnostic a line.

Source: reviewdog ``proto/rdf/reviewdog.proto``: lines and columns start at 1, a column counts bytes
of UTF-8, the end is exclusive. Its reader rejects fields that it does not know, so only those of
the first published version are written, and it rejects lines of 64 KiB.
"""

from collections.abc import Mapping
from typing import Any

from reviewer.formats.escaping import json_text, one_line
from reviewer.formats.positions import Position, utf8_position
from reviewer.formats.rows import FileReview, Notice, RowFinding
from reviewer.schema import FindingOut, Review, RuleOut
from reviewer.types import Severity

_SEVERITY: dict[Severity, str] = {"red": "ERROR", "major": "WARNING", "minor": "INFO"}
_SOURCE = {"name": "reviewer"}
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


def format_rdjsonl_file(file: FileReview) -> str:
    """Return one line for each finding on a row of ``file``, then one for each notice.

    A finding stands at its first clause that can be found in the row, else at the row's first line.
    """
    found = [_row_line(item, file.path) for item in file.findings]
    notices = [_notice_line(notice, file.path) for notice in file.notices_in_order()]
    return "".join(line + "\n" for line in found + notices)


def _line(review: Review, finding: FindingOut, path: str) -> str:
    diagnostic = _diagnostic(finding.rule, _message(finding), _location(review.draft, finding, path))
    plain = json_text(diagnostic)
    if review.rewrite.status != "verified":
        return plain
    whole = _range(review.draft, 0, len(review.draft))
    suggested = json_text({**diagnostic, "suggestions": [{"range": whole, "text": review.rewrite.text}]})
    return suggested if len(suggested.encode()) <= _MAX_LINE_BYTES else plain


def _row_line(item: RowFinding, path: str) -> str:
    rule, row = item.finding.rule, item.row
    message = "\n".join(part for part in (item.message, item.quotes, _quotation(rule)) if part)
    places = item.places
    where = _range(row.text, *places[0], line=row.line) if places else {"start": {"line": row.line}}
    return json_text(_diagnostic(rule, message, {"path": path, "range": where}))


def _notice_line(notice: Notice, path: str) -> str:
    where = {} if notice.line is None else {"range": {"start": {"line": notice.line}}}
    return json_text(
        {
            "message": notice.text,
            "location": {"path": path, **where},
            # Not an error: nothing is known to be wrong.
            "severity": "INFO" if notice.severity == "minor" else "WARNING",
            "source": _SOURCE,
        }
    )


def _diagnostic(rule: RuleOut, message: str, location: Mapping[str, object]) -> dict[str, object]:
    return {
        "message": message,
        "location": location,
        "severity": _SEVERITY[rule.severity],
        "source": _SOURCE,
        "code": {"value": rule.id},
    }


def _message(finding: FindingOut) -> str:
    rule = finding.rule
    parts = [f"{rule.title}：{one_line(finding.reason)}"]
    # A diagnostic has one location: the clauses after the first can only be named.
    if others := finding.spans[1:]:
        parts.append("另见：" + "、".join(f"“{_shorten(one_line(span.text))}”" for span in others))
    return "\n".join((*parts, _quotation(rule)))


def _quotation(rule: RuleOut) -> str:
    return f"规则：{one_line(rule.text)}（{rule.source.document} {rule.source.section}）"


def _shorten(text: str) -> str:
    return text if len(text) <= _MAX_QUOTE_CHARS else text[:_MAX_QUOTE_CHARS] + "…"


def _location(draft: str, finding: FindingOut, path: str) -> dict[str, Any]:
    if not finding.spans:
        return {"path": path}
    first = finding.spans[0]
    return {"path": path, "range": _range(draft, first.start, first.end)}


def _range(text: str, start: int, end: int, *, line: int = 1) -> dict[str, Any]:
    """Return the range of an excerpt of a file that begins on ``line``."""
    first, last = utf8_position(text, start), utf8_position(text, end)
    return {"start": _position(first, line), "end": _position(last, line)}


def _position(position: Position, line: int) -> dict[str, int]:
    return {"line": line + position.line - 1, "column": position.column}
