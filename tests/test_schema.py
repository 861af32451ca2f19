import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from reviewer.schema import Review, RewriteOut, review_schema
from tests.formats.reviews import make_finding, make_review

SCHEMA_FILE = Path(__file__).parents[1] / "docs" / "review.schema.json"
COMMAND = "python -m reviewer.schema > docs/review.schema.json"
DRAFT = "你等着吧，别问了。"
RED = {"rule": "E01", "severity": "red", "why": "到达时限"}
MAJOR = {"rule": "D01", "severity": "major", "why": "到达时限"}
MINOR = {"rule": "A09", "severity": "minor", "why": "到达时限"}
FINDING = make_finding(DRAFT, "你等着吧，", severity="major").model_dump(mode="json")


def dumped(review: Review) -> dict[str, Any]:
    return review.model_dump(mode="json")


@pytest.fixture
def clean() -> dict[str, Any]:
    """A review with nothing to say, to be spoiled."""
    return dumped(make_review(DRAFT))


@pytest.fixture
def revise() -> dict[str, Any]:
    return dumped(make_review(DRAFT, [make_finding(DRAFT, "你等着吧，", severity="major")]))


def test_the_published_schema_is_up_to_date() -> None:
    published = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    assert published == review_schema(), f"regenerate it: {COMMAND}"


def test_the_command_writes_what_is_published() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "reviewer.schema"], capture_output=True, check=True, cwd=SCHEMA_FILE.parents[1]
    )
    assert done.stdout.decode("utf-8") == SCHEMA_FILE.read_text(encoding="utf-8"), f"regenerate it: {COMMAND}"


def test_the_schema_is_a_schema_and_accepts_reviews(clean: dict[str, Any], revise: dict[str, Any]) -> None:
    schema = review_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == "reviewer.review/1"
    for review in (clean, revise):
        jsonschema.Draft202012Validator(schema).validate(review)


@pytest.mark.parametrize("key", [field.alias or name for name, field in Review.model_fields.items()])
def test_the_schema_misses_every_key(clean: dict[str, Any], key: str) -> None:
    del clean[key]
    with pytest.raises(jsonschema.ValidationError, match="is a required property"):
        jsonschema.Draft202012Validator(review_schema()).validate(clean)


def test_the_schema_rejects_unknown_keys_and_verdicts(clean: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(review_schema())
    assert not validator.is_valid({**clean, "extra": 1})
    assert not validator.is_valid({**clean, "verdict": "fine"})


@pytest.mark.parametrize(
    "span",
    [
        {"start": 0, "end": 2, "text": "您等"},
        {"start": 0, "end": 3, "text": "你等"},
        {"start": 2, "end": 1, "text": ""},
        {"start": 8, "end": 10, "text": "。"},
        {"start": 10, "end": 10, "text": ""},
    ],
)
def test_a_span_is_verbatim(revise: dict[str, Any], span: dict[str, Any]) -> None:
    revise["findings"][0]["spans"] = [span]
    with pytest.raises(ValidationError, match="is not verbatim in the draft"):
        Review.model_validate(revise)


@pytest.mark.parametrize("spans", [[], [{"start": 9, "end": 9, "text": ""}]])
def test_an_absence_has_no_or_empty_spans(revise: dict[str, Any], spans: list[dict[str, Any]]) -> None:
    revise["findings"][0]["spans"] = spans
    assert len(Review.model_validate(revise).findings) == 1


def test_spans_of_the_rewrite_refer_to_the_rewrite() -> None:
    text = "请等着吧。"
    good = make_finding(text, "等着吧。")
    assert RewriteOut(text=text, status="unverified", findings=[good]).findings == [good]
    with pytest.raises(ValidationError, match="is not verbatim in the rewrite"):
        RewriteOut(text="请稍等。", status="unverified", findings=[good])


@pytest.mark.parametrize(("status", "text"), [("none", "请稍等。"), ("verified", ""), ("unverified", "")])
def test_a_rewrite_has_a_text_unless_there_is_none(status: str, text: str) -> None:
    with pytest.raises(ValidationError, match="exactly when its status is not none"):
        RewriteOut.model_validate({"text": text, "status": status})


@pytest.mark.parametrize("fault", [{"findings": [{**FINDING, "spans": []}]}, {"changed_facts": ["3天"]}])
def test_a_verified_rewrite_has_no_fault(fault: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="neither findings nor changed facts"):
        RewriteOut.model_validate({"text": "请稍等。", "status": "verified", **fault})


def spoil(**changes: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda review: {**review, **changes}


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (spoil(not_assessed=[MINOR, RED]), "pass but these rules are not assessed: E01"),
        (spoil(not_assessed=[MAJOR]), "pass but these rules are not assessed: D01"),
        (spoil(findings=[FINDING]), "pass but there are findings"),
        (spoil(verdict="revise"), "revise but there are no findings"),
        (spoil(verdict="block"), "block exactly when a red rule is violated"),
        (spoil(verdict="not_assessed", not_assessed=[RED]), "has no score"),
        (spoil(assessed=["A09"], not_assessed=[MINOR]), "both answered and not assessed: A09"),
    ],
)
def test_the_verdict_follows_from_the_parts(
    clean: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]], complaint: str
) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Review.model_validate(change(clean))


def test_a_red_finding_blocks(revise: dict[str, Any]) -> None:
    revise["findings"][0]["rule"]["severity"] = "red"
    with pytest.raises(ValidationError, match="block exactly when a red rule is violated"):
        Review.model_validate(revise)
    assert Review.model_validate({**revise, "verdict": "block", "not_assessed": [MAJOR]}).verdict == "block"


def test_pass_survives_an_unanswered_minor_rule(clean: dict[str, Any]) -> None:
    review = Review.model_validate({**clean, "not_assessed": [MINOR]})
    assert review.verdict == "pass"
    assert not review.complete


def test_an_error_does_not_quote_the_draft(revise: dict[str, Any]) -> None:
    revise["verdict"] = "pass"
    with pytest.raises(ValidationError) as caught:
        Review.model_validate(revise)
    assert "别问了" not in str(caught.value)
