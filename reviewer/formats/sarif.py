"""Reviews as SARIF 2.1.0, for code-scanning services and editors.

Source: OASIS SARIF 2.1.0: regions count in Unicode code points (``columnKind``), ``charOffset``
starts at 0, lines and columns at 1, ``endColumn`` is exclusive.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from reviewer.formats.escaping import json_text
from reviewer.formats.positions import code_point_position
from reviewer.formats.rows import FileReview, Notice, RowFinding
from reviewer.schema import FindingOut, NotAssessedOut, Review, RuleOut, VersionsOut
from reviewer.types import Severity

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVEL: dict[Severity, str] = {"red": "error", "major": "warning", "minor": "note"}


def format_sarif(review: Review, *, path: str) -> str:
    """Return the review as an indented SARIF log with one run.

    Rules without an answer become notifications of an unsuccessful invocation, so that a reader
    cannot take an empty result list for a pass.

    Args:
        review: the review.
        path: the file that holds the draft.
    """
    uri = _uri(path)
    rules = _distinct(finding.rule for finding in review.findings)
    return _log(
        {"location": {"uri": uri}, "encoding": "UTF-8"},
        rules,
        [_draft_result(review, finding, uri, rules) for finding in review.findings],
        [_notification(entry) for entry in review.not_assessed],
        review.versions,
        properties={"verdict": review.verdict, "score": review.score},
    )


def format_sarif_file(file: FileReview) -> str:
    """Return what came of the rows of ``file`` as an indented SARIF log with one run.

    A finding stands at each of its clauses that can be found in the row, else at the row's first line.
    Notices become notifications of an unsuccessful invocation.
    """
    uri = _uri(file.path)
    rules = _distinct(item.finding.rule for item in file.findings)
    results = [_row_result(item, uri, rules) for item in file.findings]
    notifications = [_notice(notice, uri) for notice in file.notices_in_order()]
    return _log({"location": {"uri": uri}}, rules, results, notifications, file.versions, properties={})


def _log(
    artifact: Mapping[str, object],
    rules: Mapping[str, RuleOut],
    results: Sequence[Mapping[str, object]],
    notifications: Sequence[Mapping[str, object]],
    versions: VersionsOut | None,
    *,
    properties: Mapping[str, object],
) -> str:
    """Return a log with one run; ``versions`` is None when nothing was reviewed."""
    driver = {
        "name": "reviewer",
        **({"version": versions.app} if versions else {}),
        "language": "zh-CN",
        "rules": [_descriptor(rule) for rule in rules.values()],
    }
    run = {
        "tool": {"driver": driver},
        "language": "zh-CN",
        "columnKind": "unicodeCodePoints",
        "artifacts": [artifact],
        "invocations": [
            {"executionSuccessful": not notifications, "toolExecutionNotifications": notifications}
        ],
        "results": results,
        "properties": {**properties, **({"versions": versions.model_dump(mode="json")} if versions else {})},
    }
    return json_text({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _distinct(rules: Iterable[RuleOut]) -> dict[str, RuleOut]:
    return {rule.id: rule for rule in rules}


def _descriptor(rule: RuleOut) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": _message(rule.title),
        "fullDescription": _message(rule.text),
        "defaultConfiguration": {"level": _LEVEL[rule.severity]},
        "properties": {"severity": rule.severity, **rule.source.model_dump(mode="json")},
    }


def _notification(entry: NotAssessedOut) -> dict[str, Any]:
    return {
        "level": _LEVEL[entry.severity],
        "message": _message(f"规则 {entry.rule} 未审核：{entry.why}"),
        "properties": {"rule": entry.rule, "severity": entry.severity},
    }


def _notice(notice: Notice, uri: str) -> dict[str, Any]:
    region = None if notice.line is None else {"startLine": notice.line}
    return {
        "level": _LEVEL[notice.severity],
        "message": _message(notice.text),
        "locations": [_location(uri, region)],
    }


def _draft_result(
    review: Review, finding: FindingOut, uri: str, rules: Mapping[str, RuleOut]
) -> dict[str, Any]:
    message = f"{finding.rule.title}：{finding.reason}"
    result = _result(finding, message, _draft_locations(review.draft, finding, uri), rules)
    # A fix is applied as it is: one with placeholders cannot be sent.
    if review.rewrite.status == "verified" and not review.rewrite.placeholders:
        result["fixes"] = [_fix(review, uri)]
    return result


def _row_result(item: RowFinding, uri: str, rules: Mapping[str, RuleOut]) -> dict[str, Any]:
    message = "\n".join(part for part in (item.message, item.quotes) if part)
    result = _result(item.finding, message, _row_locations(item, uri), rules)
    return {**result, "properties": {"row": item.row.id, **result["properties"]}}


def _result(
    finding: FindingOut, message: str, locations: Sequence[object], rules: Mapping[str, RuleOut]
) -> dict[str, Any]:
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": list(rules).index(finding.rule.id),
        "level": _LEVEL[finding.rule.severity],
        "message": _message(message),
        "locations": locations,
        "properties": {"probability": finding.probability, "origin": finding.origin},
    }


def _draft_locations(draft: str, finding: FindingOut, uri: str) -> list[dict[str, Any]]:
    if not finding.spans:
        return [_location(uri, None)]
    return [
        _location(uri, {**_draft_region(draft, span.start, span.end), "snippet": {"text": span.text}})
        for span in finding.spans
    ]


def _row_locations(item: RowFinding, uri: str) -> list[dict[str, Any]]:
    row = item.row
    regions = [
        {**_region(row.text, start, end, line=row.line), "snippet": {"text": row.text[start:end]}}
        for start, end in item.places
    ]
    return [_location(uri, region) for region in regions or [{"startLine": row.line}]]


def _location(uri: str, region: Mapping[str, object] | None) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": uri, "index": 0}}
    return {"physicalLocation": place if region is None else {**place, "region": region}}


def _region(text: str, start: int, end: int, *, line: int = 1) -> dict[str, int]:
    """Return the region of an excerpt of a file that begins on ``line``."""
    first, last = code_point_position(text, start), code_point_position(text, end)
    return {
        "startLine": line + first.line - 1,
        "startColumn": first.column,
        "endLine": line + last.line - 1,
        "endColumn": last.column,
    }


def _draft_region(draft: str, start: int, end: int) -> dict[str, int]:
    return {**_region(draft, start, end), "charOffset": start, "charLength": end - start}


def _fix(review: Review, uri: str) -> dict[str, Any]:
    replacement = {
        "deletedRegion": _draft_region(review.draft, 0, len(review.draft)),
        "insertedContent": {"text": review.rewrite.text},
    }
    return {
        "description": _message("用已核对的建议回复替换整条草稿"),
        "artifactChanges": [{"artifactLocation": {"uri": uri, "index": 0}, "replacements": [replacement]}],
    }


def _uri(path: str) -> str:
    file = Path(path)
    return file.as_uri() if file.is_absolute() else quote(file.as_posix(), errors="surrogateescape")


def _message(text: str) -> dict[str, str]:
    """Wrap ``text`` as a SARIF message, in which braces are placeholders and ``[a](b)`` is a link."""
    return {"text": text.replace("{", "{{").replace("}", "}}").replace("](", "] (")}
