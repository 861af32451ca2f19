"""The JSON of the service: requests, envelopes, errors. The review itself is that of ``reviewer check``."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from reviewer.schema import Review, ReviewRequest, VersionsOut
from reviewer.service.policy import Gate
from reviewer.types import Channel, Severity, Stage, Verdict

FeedbackAction = Literal["accepted", "edited", "overruled"]
Identifier = Annotated[str, Field(max_length=128)]

_REVIEW_EXAMPLE: JsonValue = {
    "draft": "这个我不清楚，您直接打他手机问吧！",
    "customer": "你们售后部电话多少",
    "channel": "online",
    "stage": "middle",
    "conversation_id": "c-20250101-001",
}
_FEEDBACK_EXAMPLE: JsonValue = {
    "request_id": "0f8fad5bd9cb469fa16570867728950e",
    "rule": "A01",
    "action": "overruled",
    "reason": "这里的“你”是引用客户的原话",
}


class _Record(BaseModel):
    # A validation error must not carry a draft into a log or an answer.
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        json_schema_serialization_defaults_required=True,
    )


class ReviewIn(ReviewRequest):
    """A draft to review, and how."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REVIEW_EXAMPLE]})

    conversation_id: Identifier = Field("", description="会话编号；删除记录时按它查找")
    manual: Identifier = Field("", description="按哪份手册（名字见 /readyz）；不填按密钥的策略，再按服务的")
    rewrite: bool | None = Field(None, description="是否给出改写；不填按服务的设置")
    all_rules: bool = Field(False, description="逐条询问全部规则，不经检索筛选")
    deadline_ms: int | None = Field(
        None, ge=1, le=600_000, description="时限（毫秒，含排队），不超过服务的时限"
    )

    def request(self) -> ReviewRequest:
        """Return the part that the reviewer sees."""
        return ReviewRequest(**{name: getattr(self, name) for name in ReviewRequest.model_fields})


class BatchIn(_Record):
    """Several drafts; they are reviewed one after the other."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"requests": [_REVIEW_EXAMPLE]}]})

    requests: list[ReviewIn] = Field(min_length=1)


class Envelope(_Record):
    """A review and what to do with the draft."""

    request_id: str
    gate: Gate = Field(description="block 拦下，advise 提示，pass 放行，not_assessed 未审完（不等于通过）")
    review: Review


class VerdictOut(_Record):
    """What the stream says as soon as the findings stand."""

    request_id: str
    gate: Gate
    verdict: Verdict
    score: int | None


class Fault(_Record):
    """Why there is no answer; ``message`` is one line in Chinese."""

    code: str
    message: str
    retry_after_s: int | None = Field(None, description="几秒后可以再试；null 表示再试也没有用")


class ErrorOut(_Record):
    """Every answer from 400 upwards."""

    request_id: str
    error: Fault


class BatchOut(_Record):
    """One result a request, in their order."""

    results: list[Envelope | ErrorOut]


class SpanHit(_Record):
    """Half-open offsets into the draft, in code points."""

    start: int
    end: int
    text: str


class CheckHit(_Record):
    """What a deterministic check found, before any model was asked."""

    rule: str
    title: str
    severity: Severity
    spans: list[SpanHit]
    reason: str


class FeedbackIn(_Record):
    """What an agent made of a review: of one finding, or of all (no rule)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_FEEDBACK_EXAMPLE]})

    request_id: Identifier
    action: FeedbackAction = Field(description="accepted 采纳，edited 采纳并自行修改，overruled 不采纳")
    rule: Identifier = Field("", description="针对哪一条规则；不填表示整个审核结果")
    reason: str = Field("", max_length=2000, description="理由；不采纳时必填")
    reply: str = Field("", max_length=4000, description="最后发出的回复；只在服务保存原文时保存")


class FeedbackOut(_Record):
    """The number under which the feedback is kept."""

    feedback_id: int


class DeletedOut(_Record):
    """How many reviews of the conversation were deleted."""

    deleted: int


class RuleEntry(_Record):
    """One rule of the manual as it applies to this key."""

    id: str
    title: str
    severity: Severity
    disabled: bool
    text: str
    document: str
    section: str
    stages: list[Stage]
    channels: list[Channel]
    points: int


class RulesOut(_Record):
    """The manual's rules in its order."""

    name: str = Field(description="手册的名字")
    manual: str = Field(description="手册的版本")
    rules: list[RuleEntry]


class HealthOut(_Record):
    """The process is up."""

    status: Literal["ok"] = "ok"


class ManualOut(_Record):
    """One manual of the service."""

    name: str = Field(description="请求的 manual 里写的名字")
    manual: str = Field(description="手册的版本")
    fingerprint: str = Field(description="版本和决定结论的设置；与本机相同时 reviewer check 才用这份手册")


class ReadyOut(_Record):
    """The models are loaded."""

    status: Literal["ready"] = "ready"
    versions: VersionsOut = Field(description="按服务自己的手册时的版本")
    manuals: list[ManualOut] = Field(description="服务的手册，自己的在最前")
    policy: bool = Field(description="有没有团队策略；有的话结论可能与手册不同")
    rewrite: bool = Field(description="给不给改写")
    deadline_ms: int = Field(description="每个请求的时限（毫秒，含排队）")
