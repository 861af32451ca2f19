"""From a request at the edge to a conversation that can be reviewed."""

import unicodedata
from collections.abc import Mapping

from pydantic import ValidationError

from reviewer.errors import InputError
from reviewer.malformed import what_is_wrong, where_it_is
from reviewer.schema import MAX_DRAFT_CHARS, ReviewRequest
from reviewer.types import Conversation, Turn

_ALLOWED_CONTROLS = "\n\t"


def request_of(fields: Mapping[str, object]) -> ReviewRequest:
    """Return the request that has ``fields``.

    Raises:
        InputError: one is missing, unknown, or has an unusable value.
    """
    try:
        return ReviewRequest.model_validate(fields)
    except ValidationError as cause:
        first = cause.errors(include_url=False, include_input=False)[0]
        raise InputError(f"请求的 {where_it_is(first['loc'])} 不可用：{what_is_wrong(first)}。") from cause


def conversation_of(request: ReviewRequest) -> Conversation:
    """Check ``request`` and join its bubbles.

    Line ends become line feeds; nothing else of the draft is changed, so that offsets hold.

    Raises:
        InputError: the draft is empty, without any word, or too long; or it, the customer's message or a
            fact holds control characters.
    """
    bubbles = [request.draft] if isinstance(request.draft, str) else request.draft
    draft = _lines("\n".join(bubbles))
    if not draft.strip():
        raise InputError("草稿是空的，请提供要审核的回复。")
    if len(draft) > MAX_DRAFT_CHARS:
        raise InputError(f"草稿有 {len(draft)} 个字，超过上限 {MAX_DRAFT_CHARS}；请分成几条审核。")
    _refuse_controls(draft, "草稿")
    if not any(character.isalnum() for character in draft):
        raise InputError("草稿里没有文字（只有符号或表情），无法审核。")
    customer = _lines(request.customer)
    _refuse_controls(customer, "客户消息")
    for fact in request.facts:
        _refuse_controls(_lines(fact), "事实")
    return Conversation(
        draft=draft,
        customer=customer,
        history=tuple(Turn(turn.role, _lines(turn.text)) for turn in request.history),
        channel=request.channel,
        stage=request.stage,
        identity_verified=request.identity_verified,
        agent_id=request.agent_id,
        facts=tuple(request.facts),
    )


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _refuse_controls(text: str, what: str) -> None:
    for position, character in enumerate(text, start=1):
        category = unicodedata.category(character)
        if category == "Cs" or (category == "Cc" and character not in _ALLOWED_CONTROLS):
            raise InputError(f"{what}第 {position} 个字符是控制字符 U+{ord(character):04X}，请清除后重试。")
