"""A review as SARIF 2.1.0, for code-scanning services and editors.

Source: OASIS SARIF 2.1.0: regions count in Unicode code points (``columnKind``), ``charOffset``
starts at 0, lines and columns at 1, ``endColumn`` is exclusive.
"""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from reviewer.formats.escaping import json_text
from reviewer.formats.positions import code_point_position
from reviewer.schema import FindingOut, NotAssessedOut, Review, RuleOut
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
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(review, _uri(path))]}
    return json_text(log, indent=2) + "\n"


def _run(review: Review, uri: str) -> dict[str, Any]:
    rules = list({finding.rule.id: finding.rule for finding in review.findings}.values())
    order = [rule.id for rule in rules]
    return {
        "tool": {
            "driver": {
                "name": "reviewer",
                "version": review.versions.app,
                "language": "zh-CN",
                "rules": [_descriptor(rule) for rule in rules],
            }
        },
        "language": "zh-CN",
        "columnKind": "unicodeCodePoints",
        "artifacts": [{"location": {"uri": uri}, "encoding": "UTF-8"}],
        "invocations": [
            {
                "executionSuccessful": review.complete,
                "toolExecutionNotifications": [_notification(entry) for entry in review.not_assessed],
            }
        ],
        "results": [
            _result(review, finding, uri, order.index(finding.rule.id)) for finding in review.findings
        ],
        "properties": {
            "verdict": review.verdict,
            "score": review.score,
            "versions": review.versions.model_dump(mode="json"),
        },
    }


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


def _result(review: Review, finding: FindingOut, uri: str, rule_index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": rule_index,
        "level": _LEVEL[finding.rule.severity],
        "message": _message(f"{finding.rule.title}：{finding.reason}"),
        "locations": _locations(review.draft, finding, uri),
        "properties": {"probability": finding.probability, "origin": finding.origin},
    }
    # A fix is applied as it is: one with placeholders cannot be sent.
    if review.rewrite.status == "verified" and not review.rewrite.placeholders:
        result["fixes"] = [_fix(review, uri)]
    return result


def _locations(draft: str, finding: FindingOut, uri: str) -> list[dict[str, Any]]:
    artifact = {"uri": uri, "index": 0}
    if not finding.spans:
        return [{"physicalLocation": {"artifactLocation": artifact}}]
    return [
        {
            "physicalLocation": {
                "artifactLocation": artifact,
                "region": {**_region(draft, span.start, span.end), "snippet": {"text": span.text}},
            }
        }
        for span in finding.spans
    ]


def _region(draft: str, start: int, end: int) -> dict[str, Any]:
    first, last = code_point_position(draft, start), code_point_position(draft, end)
    return {
        "startLine": first.line,
        "startColumn": first.column,
        "endLine": last.line,
        "endColumn": last.column,
        "charOffset": start,
        "charLength": end - start,
    }


def _fix(review: Review, uri: str) -> dict[str, Any]:
    replacement = {
        "deletedRegion": _region(review.draft, 0, len(review.draft)),
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
