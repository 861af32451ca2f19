"""How a refusal looks: one JSON form, one line in Chinese."""

from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from reviewer.errors import ReviewerError
from reviewer.service.errors import AccessError, ComeBackError
from reviewer.service.schemas import ErrorOut, Fault

_STATUS_FAULTS = {
    404: Fault(code="not-found", message="没有这个地址；可用的地址见 /openapi.json。"),
    405: Fault(code="method", message="这个地址不支持该方法；可用的方法见 /openapi.json。"),
    413: Fault(code="too-large", message="请求体太大；请缩短对话，或分几次提交。"),
    421: Fault(code="host", message="没有密钥时只能用 localhost 或 127.0.0.1 访问本服务。"),
}
_OTHER_FAULT = Fault(code="request", message="请求不可用；请对照 /openapi.json 检查。")
_BROKEN = {
    "missing": "缺少这个字段",
    "extra_forbidden": "没有这个字段",
    "json_invalid": "请求体不是合法的 JSON",
    "model_attributes_type": "应是 JSON 对象，请求头须有 Content-Type: application/json",
    "literal_error": "不是允许的值",
    "string_type": "应是字符串",
    "string_too_long": "太长",
    "string_unicode": "不是合法的 Unicode 文本",
    "list_type": "应是列表",
    "too_short": "不能为空",
    "bool_type": "应是 true 或 false",
    "bool_parsing": "应是 true 或 false",
    "int_type": "应是整数",
    "int_parsing": "应是整数",
    "int_from_float": "应是整数",
}
_LONGEST_PLACE = 120


def error_answer(request_id: str, error: ReviewerError | HTTPException) -> JSONResponse:
    """Return the answer for ``error``, with Retry-After where there is something to wait for."""
    if isinstance(error, HTTPException):
        fault = _STATUS_FAULTS.get(error.status_code, _OTHER_FAULT)
        return _answer(request_id, fault, error.status_code, dict(error.headers or {}))
    headers = {}
    if isinstance(error, ComeBackError):
        headers["Retry-After"] = str(error.retry_after_s)
    if isinstance(error, AccessError):
        headers["WWW-Authenticate"] = "Bearer"
    return _answer(request_id, fault_of(error), error.http_status, headers)


def fault_of(error: ReviewerError) -> Fault:
    """Return ``error`` as it stands in an answer or event."""
    return Fault(code=error.code, message=str(error))


def malformed_answer(request_id: str, errors: Sequence[Any]) -> JSONResponse:
    """Return 422 for the first of pydantic's ``errors``: where it is and what is wrong there."""
    first = errors[0]
    # The first part of a place is always "body", "query" or the like.
    place = ".".join(str(part) for part in first["loc"][1:])[:_LONGEST_PLACE]
    what = _BROKEN.get(first["type"], f"不可用（{first['type']}）")
    shown = "".join(char if char.isprintable() else " " for char in place)
    where = f"请求的 {shown}：" if shown and first["type"] != "json_invalid" else ""
    return _answer(request_id, Fault(code="input", message=f"{where}{what}。"), 422, {})


def _answer(request_id: str, fault: Fault, status: int, headers: dict[str, str]) -> JSONResponse:
    content = ErrorOut(request_id=request_id, error=fault).model_dump()
    return JSONResponse(content, status_code=status, headers=headers)
