"""What crosses the edge of the program: requests in, reviews out, as JSON.

``ReviewRequest`` and ``Review`` are the contract of the Python API, the command line and the
service; ``docs/review.schema.json`` is made from ``Review``:
``python -m reviewer.schema > docs/review.schema.json``.
"""

import json
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from reviewer.types import Channel, Origin, Role, Severity, Stage, Verdict

SCHEMA_NAME = "reviewer.review/1"
MAX_DRAFT_CHARS = 4_000
MAX_CONTEXT_CHARS = 20_000

RewriteStatus = Literal["verified", "unverified", "none"]
RewriteOrigin = Literal["wordings", "model", ""]


class _Record(BaseModel):
    # A validation error must not carry a draft into a log or a traceback.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


class TurnIn(_Record):
    """One earlier message of the conversation."""

    role: Role
    text: Annotated[str, Field(max_length=MAX_CONTEXT_CHARS)]


class ReviewRequest(_Record):
    """A draft to review and what is known of its situation."""

    draft: str | list[str] = Field(description="The draft; several bubbles are judged together.")
    customer: str = Field("", max_length=MAX_CONTEXT_CHARS, description="The customer's last message.")
    history: list[TurnIn] = Field(default_factory=list, description="Earlier messages, oldest first.")
    channel: Channel = "unknown"
    stage: Stage = "unknown"
    identity_verified: bool | None = Field(None, description="Has the customer's identity been verified?")
    agent_id: str = Field("", max_length=64, description="The agent's work number, if it may be told.")
    facts: list[str] = Field(default_factory=list, description="What the team knows to be true.")


class SourceOut(_Record):
    """Where the quoted rule text stands."""

    document: str
    section: str


class RuleOut(_Record):
    """The cited rule; ``text`` is verbatim in the manual section that ``source`` names."""

    id: str
    title: str
    severity: Severity
    text: str
    source: SourceOut


class SpanOut(_Record):
    """Half-open offsets into the judged text in Unicode code points; ``text`` is that part verbatim."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    text: str


class FindingOut(_Record):
    """One violated rule.

    No spans: something is missing (origin check), or no clause could be pointed at (origin grader).
    """

    rule: RuleOut
    probability: float = Field(ge=0, le=1)
    spans: list[SpanOut]
    reason: str
    origin: Origin


class CauseOut(_Record):
    """A part of a rewrite that was put in or changed because of ``rule``."""

    rule: str
    span: SpanOut


class RewriteOut(_Record):
    """The proposed reply.

    ``verified``: it passed the same rules and kept every fact. ``unverified``: it did not, or that
    could not be established; ``findings`` and ``changed_facts`` say why. ``none``: there is no text.
    The spans of ``findings`` and ``causes`` refer to ``text``. With ``placeholders`` it can be sent
    only after the agent has filled them in.
    """

    text: str
    status: RewriteStatus
    origin: RewriteOrigin = Field("", description="Approved wordings or the language model; empty: no text.")
    placeholders: list[str] = Field(
        default_factory=list, description="What the agent has to fill in, such as [具体时间], in order, once."
    )
    causes: list[CauseOut] = Field(
        default_factory=list, description="Which rule put in what; empty where a model wrote the text."
    )
    findings: list[FindingOut] = Field(default_factory=list)
    changed_facts: list[str] = Field(default_factory=list)
    note: str = Field("", description="What findings and changed_facts do not say of it, in Chinese.")

    @model_validator(mode="after")
    def _status_is_true(self) -> Self:
        _check_verbatim(self.findings, self.text, "rewrite")
        for cause in self.causes:
            _check_span(cause.rule, cause.span, self.text, "rewrite")
        if (self.status == "none") != (not self.text):
            raise ValueError("a rewrite has a text exactly when its status is not none")
        if self.status == "verified" and (self.findings or self.changed_facts):
            raise ValueError("a verified rewrite has neither findings nor changed facts")
        return self


class NotAssessedOut(_Record):
    """A rule that applies but has no answer; an unanswered red or major rule forbids ``pass``."""

    rule: str
    severity: Severity
    why: str


class VersionsOut(_Record):
    """Content hashes of everything that shaped the review."""

    app: str
    manual: str
    index: str
    model: str
    adapter: str
    classifier: str
    prompts: str
    calibration: str
    wordings: str = Field("", description="The approved wordings; empty when the manual has none.")


class Review(_Record):
    """The outcome of one review."""

    schema_name: Literal["reviewer.review/1"] = Field("reviewer.review/1", alias="schema")
    verdict: Verdict
    score: int | None = Field(ge=0, le=100, description="100 less deductions; null when not assessed.")
    draft: str = Field(description="The reviewed text that the spans of the findings refer to.")
    findings: list[FindingOut]
    rewrite: RewriteOut
    assessed: list[str] = Field(description="Ids of the rules that were answered.")
    not_assessed: list[NotAssessedOut]
    not_applicable: list[str] = Field(description="Rules whose stage or channel does not fit; never asked.")
    notes: list[str] = Field(default_factory=list, description="What the reader should know, in Chinese.")
    timing_ms: dict[str, float]
    versions: VersionsOut

    model_config = ConfigDict(populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="after")
    def _is_honest(self) -> Self:
        _check_verbatim(self.findings, self.draft, "draft")
        self._check_verdict()
        if unsure := {entry.rule for entry in self.not_assessed} & {*self.assessed, *self.not_applicable}:
            raise ValueError(f"rules are both answered and not assessed: {', '.join(sorted(unsure))}")
        return self

    def _check_verdict(self) -> None:
        has_red = any(finding.rule.severity == "red" for finding in self.findings)
        unanswered = [entry.rule for entry in self.not_assessed if entry.severity != "minor"]
        if has_red != (self.verdict == "block"):
            raise ValueError("the verdict is block exactly when a red rule is violated")
        if self.verdict == "pass" and self.findings:
            raise ValueError("the verdict is pass but there are findings")
        if self.verdict == "pass" and unanswered:
            raise ValueError(f"the verdict is pass but these rules are not assessed: {', '.join(unanswered)}")
        if self.verdict == "revise" and not self.findings:
            raise ValueError("the verdict is revise but there are no findings")
        if self.verdict == "not_assessed" and self.score is not None:
            raise ValueError("what was not assessed has no score")

    @property
    def complete(self) -> bool:
        """Whether every applicable rule was answered."""
        return not self.not_assessed


def review_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a review as it leaves the program."""
    schema = Review.model_json_schema(by_alias=True, mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_NAME, **schema}


def _check_verbatim(findings: Sequence[FindingOut], text: str, where: str) -> None:
    for finding in findings:
        for span in finding.spans:
            _check_span(finding.rule.id, span, text, where)


def _check_span(rule: str, span: SpanOut, text: str, where: str) -> None:
    if not span.start <= span.end <= len(text) or text[span.start : span.end] != span.text:
        raise ValueError(f"rule {rule}: [{span.start}, {span.end}) is not verbatim in the {where}")


if __name__ == "__main__":
    sys.stdout.write(json.dumps(review_schema(), ensure_ascii=False, indent=2) + "\n")
