"""The addresses of the service. Every answer from 400 upwards is an ``ErrorOut``."""

import asyncio
from collections.abc import Coroutine
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Body, Depends, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from reviewer.errors import InputError, ReviewerError
from reviewer.service.answers import fault_of
from reviewer.service.metrics import CONTENT_TYPE
from reviewer.service.pending import Caller
from reviewer.service.reviewing import ReviewService
from reviewer.service.schemas import (
    BatchIn,
    BatchOut,
    DeletedOut,
    Envelope,
    ErrorOut,
    FeedbackIn,
    FeedbackOut,
    HealthOut,
    ManualOut,
    ReadyOut,
    ReviewIn,
    RuleEntry,
    RulesOut,
)

T = TypeVar("T")

_ERRORS = (400, 401, 403, 404, 405, 408, 413, 421, 422, 429, 500, 503)
_EVENT_SCHEMA = {
    "type": "object",
    "properties": {
        "event": {"enum": ["checks", "verdict", "findings", "rewrite", "done", "error"]},
        "data": {"type": "string", "description": "JSON"},
    },
    "required": ["event", "data"],
}
_STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "事件依次为 checks、verdict、findings、rewrite（若干）、done；出错时为 error",
        "content": {"text/event-stream": {"schema": _EVENT_SCHEMA}},
    }
}


async def service_of(request: Request) -> ReviewService:
    """Return the service that the application was made with."""
    service: ReviewService = request.app.state.service
    return service


async def caller_of(
    request: Request,
    service: Annotated[ReviewService, Depends(service_of)],
    credentials: Annotated[
        HTTPAuthorizationCredentials | None,
        Depends(HTTPBearer(auto_error=False, description="reviewer serve key add 给出的密钥")),
    ],
) -> Caller:
    """Return who asks, or refuse."""
    return let_in(request, service, credentials.credentials if credentials else None)


def let_in(request: Request, service: ReviewService, secret: str | None) -> Caller:
    """Return who asks, and note it for the log, or refuse."""
    caller = service.let_in(secret)
    request.state.key = caller.name
    return caller


Service = Annotated[ReviewService, Depends(service_of)]
Asking = Annotated[Caller, Depends(caller_of)]


def make_router() -> APIRouter:
    """Return all routes."""
    router = APIRouter()
    errors: dict[int | str, dict[str, Any]] = {status: {"model": ErrorOut} for status in _ERRORS}
    add = router.add_api_route
    add("/v1/review", review, methods=["POST"], summary="审核一条草稿", responses=errors)
    add(
        "/v1/review/stream",
        stream,
        methods=["POST"],
        summary="审核一条草稿，边审边给出结果",
        responses={**errors, **_STREAM},
        response_class=StreamingResponse,
    )
    add("/v1/batch", batch, methods=["POST"], summary="依次审核几条草稿", responses=errors)
    add("/v1/feedback", feedback, methods=["POST"], summary="坐席对审核结果的处理", responses=errors)
    add(
        "/v1/conversations/{conversation_id:path}",
        forget,
        methods=["DELETE"],
        summary="删除一个会话的全部记录",
        responses=errors,
    )
    add("/v1/rules", rules, methods=["GET"], summary="手册的规则", responses=errors)
    add(
        "/healthz",
        healthz,
        methods=["GET"],
        summary="进程在运行",
        responses={status: errors[status] for status in (403, 421, 503)},
    )
    add("/readyz", readyz, methods=["GET"], summary="模型已载入", responses=errors)
    add(
        "/metrics",
        metrics,
        methods=["GET"],
        summary="Prometheus 指标",
        responses={**errors, 200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
        response_class=Response,
    )
    return router


async def review(
    request: Request, service: Service, caller: Asking, asked: Annotated[ReviewIn, Body()]
) -> Envelope:
    """审核一条草稿；review 与 reviewer check --format json 的输出相同。"""
    work = service.work_of(asked, caller)
    pending = service.begin(asked, work, caller, request.state.request_id, service.arrive())
    return await _unless_gone(request, service.answer(pending))


async def stream(
    request: Request, service: Service, caller: Asking, asked: Annotated[ReviewIn, Body()]
) -> StreamingResponse:
    """审核一条草稿，以 server-sent events 逐步给出结果。"""
    arrival = service.arrive()
    work = service.work_of(asked, caller)
    hits = await service.check(work)
    pending = service.begin(asked, work, caller, request.state.request_id, arrival)
    return StreamingResponse(service.stream(pending, hits), media_type="text/event-stream")


async def batch(
    request: Request, service: Service, caller: Asking, given: Annotated[BatchIn, Body()]
) -> BatchOut:
    """依次审核几条草稿；每条各有结果或错误。"""
    most = service.settings.serve_batch
    if len(given.requests) > most:
        raise InputError(f"一次最多 {most} 条，收到 {len(given.requests)} 条；请分几次提交。")
    per_minute = service.per_minute(caller)
    if 0 < per_minute < len(given.requests):
        raise InputError(f"每分钟最多 {per_minute} 条，收到 {len(given.requests)} 条；请分几次提交。")
    arrival = service.arrive()
    works = []
    for number, asked in enumerate(given.requests, start=1):
        try:
            works.append(service.work_of(asked, caller))
        except InputError as fault:
            raise InputError(f"第 {number} 条：{fault}") from fault
    service.charge(caller, len(works) - 1, taken=1)

    async def answer_all() -> list[Envelope | ErrorOut]:
        results: list[Envelope | ErrorOut] = []
        # One at a time: a batch must not crowd out people who wait.
        for number, (asked, work) in enumerate(zip(given.requests, works, strict=True), start=1):
            request_id = f"{request.state.request_id}-{number}"
            try:
                pending = service.begin(asked, work, caller, request_id, arrival)
                results.append(await service.answer(pending))
            except ReviewerError as error:
                results.append(ErrorOut(request_id=request_id, error=fault_of(error)))
        return results

    return BatchOut(results=await _unless_gone(request, answer_all()))


async def feedback(service: Service, caller: Asking, given: Annotated[FeedbackIn, Body()]) -> FeedbackOut:
    """记下坐席采纳、修改或不采纳了哪一条；可导出为标注样本。"""
    return FeedbackOut(feedback_id=await service.add_feedback(given, caller))


async def forget(
    service: Service, caller: Asking, conversation_id: Annotated[str, Path(min_length=1, max_length=128)]
) -> DeletedOut:
    """删除本密钥名下该会话的审核记录和反馈。"""
    return DeletedOut(deleted=await service.forget(conversation_id, caller))


async def rules(
    service: Service,
    caller: Asking,
    manual: Annotated[
        str, Query(max_length=128, description="手册的名字；不填按密钥的策略，再按服务的")
    ] = "",
) -> RulesOut:
    """手册的规则，严重程度和停用按本密钥的策略。"""
    policy = caller.policy
    chosen = service.manual_of(manual, caller)
    return RulesOut(
        name=chosen.name,
        manual=chosen.catalogue.content_hash,
        rules=[
            RuleEntry(
                id=rule.id,
                title=rule.title,
                severity=policy.severity.get(rule.id, rule.severity),
                disabled=rule.id in policy.disabled,
                text=rule.text,
                document=rule.source.document,
                section=rule.source.section,
                stages=list(rule.stages),
                channels=list(rule.channels),
                points=rule.points,
            )
            for rule in chosen.catalogue.rules
        ],
    )


async def healthz() -> HealthOut:
    """进程在运行。"""
    return HealthOut()


async def readyz(service: Service) -> ReadyOut:
    """模型已载入，可以审核。"""
    settings = service.settings
    return ReadyOut(
        versions=service.queue.require_ready(),
        manuals=[
            ManualOut(name=each.name, manual=each.catalogue.content_hash, fingerprint=each.fingerprint)
            for each in service.manuals
        ],
        policy=settings.serve_policy is not None,
        rewrite=settings.rewrite,
        deadline_ms=settings.serve_deadline_ms,
    )


async def metrics(service: Service, _caller: Asking) -> Response:
    """Prometheus 指标；不含客户信息。"""
    return Response(service.metrics.exposition(), media_type=CONTENT_TYPE)


class ClientGoneError(Exception):
    """The client hung up before its answer was ready."""


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what ``work`` returns; stop it when the client hangs up.

    Raises:
        ClientGoneError: it did.
    """
    answer = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise ClientGoneError
        return answer.result()
    finally:
        answer.cancel()
        gone.cancel()
        await asyncio.gather(answer, gone, return_exceptions=True)


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
