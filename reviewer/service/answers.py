"""How a refusal looks: one JSON form, one line in Chinese."""

import logging
from collections.abc import Sequence
from typing import Any

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from reviewer.errors import EngineError, InputError, ReviewerError
from reviewer.malformed import what_is_wrong, where_it_is
from reviewer.service.errors import AccessError, ComeBackError, InternalError, UnknownReviewError
from reviewer.service.schemas import ErrorOut, Fault

_logger = logging.getLogger(__name__)
_STATUS_FAULTS = {
    403: Fault(code="origin", message="没有密钥时不接受别的网页发来的请求；请用 --cors 列出它的来源。"),
    404: Fault(code="not-found", message="没有这个地址；可用的地址见 /openapi.json。"),
    405: Fault(code="method", message="这个地址不支持该方法；可用的方法见 /openapi.json。"),
    408: Fault(code="timeout", message="请求体迟迟没有收完；请检查网络后再试。"),
    413: Fault(code="too-large", message="请求体太大；请缩短对话，或分几次提交。"),
    421: Fault(code="host", message="没有密钥时只能用 localhost 或 127.0.0.1 直接访问本服务，不能经过代理。"),
}
_OTHER_FAULT = Fault(code="request", message="请求不可用；请对照 /openapi.json 检查。")
_LONGEST_PLACE = 120
# What their messages say concerns the request, and names no file of this machine.
_FOR_CLIENTS = (AccessError, ComeBackError, EngineError, InputError, InternalError, UnknownReviewError)
_RETRY_S = 10


def error_answer(request_id: str, error: ReviewerError | HTTPException) -> JSONResponse:
    """Return the answer for ``error``, with Retry-After where there is something to wait for."""
    if isinstance(error, HTTPException):
        fault = _STATUS_FAULTS.get(error.status_code, _OTHER_FAULT)
        return _answer(request_id, fault, error.status_code, dict(error.headers or {}))
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, AccessError) else {}
    return _answer(request_id, fault_of(error), error.http_status, headers)


def fault_of(error: ReviewerError) -> Fault:
    """Return ``error`` as it stands in an answer or event; what only the owner may read goes to the log."""
    retry = _RETRY_S if error.http_status == 503 else None
    if isinstance(error, ComeBackError):
        retry = error.retry_after_s
    message = str(error)
    if not isinstance(error, _FOR_CLIENTS):
        _logger.error("%s", message)
        message = f"服务出了故障（{error.code}）；请把请求编号告诉管理员，原因在服务的日志里。"
    return Fault(code=error.code, message=message, retry_after_s=retry)


def malformed_answer(request_id: str, errors: Sequence[Any]) -> JSONResponse:
    """Return 422 for the first of pydantic's ``errors``: where it is and what is wrong there."""
    first = errors[0]
    # The first part of a place is always "body", "query" or the like.
    place = where_it_is(first["loc"][1:])[:_LONGEST_PLACE]
    what = what_is_wrong(first)
    shown = "".join(char if char.isprintable() else " " for char in place)
    where = f"请求的 {shown}：" if shown and first["type"] != "json_invalid" else ""
    return _answer(request_id, Fault(code="input", message=f"{where}{what}。"), 422, {})


def _answer(request_id: str, fault: Fault, status: int, headers: dict[str, str]) -> JSONResponse:
    content = ErrorOut(request_id=request_id, error=fault).model_dump()
    if fault.retry_after_s is not None:
        headers = {**headers, "Retry-After": str(fault.retry_after_s)}
    return JSONResponse(content, status_code=status, headers=headers)
