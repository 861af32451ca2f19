"""The application: puts the parts together, answers errors, starts and stops the engine."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.security.utils import get_authorization_scheme_param
from starlette.exceptions import HTTPException

from reviewer.errors import ReviewerError, SettingsError
from reviewer.service.answers import error_answer, malformed_answer
from reviewer.service.cache import ReviewCache
from reviewer.service.keys import Keyring, refuse_open_door
from reviewer.service.limits import RateLimiter
from reviewer.service.manuals import load_manuals
from reviewer.service.metrics import Metrics
from reviewer.service.middleware import CLIENT_GONE, Doorkeeper, Observer
from reviewer.service.pages import make_pages
from reviewer.service.policy import load_policies
from reviewer.service.queue import Reviewing, ReviewQueue
from reviewer.service.record import Record
from reviewer.service.reviewing import ReviewService
from reviewer.service.routes import ClientGoneError, let_in, make_router
from reviewer.settings import Settings
from reviewer.wiring import ManualContent

Factory = Callable[[Mapping[str, ManualContent]], Reviewing]

_logger = logging.getLogger(__name__)
_DESCRIPTION = "客服回复的发送前审核：违反了手册的哪一条、在哪一句、为什么，以及合规的改写。"
_HOUR_S = 3600.0
_ANY_ORIGIN = "*"
_UNREADABLE = 400


def create_app(
    settings: Settings,
    reviewer_factory: Factory,
    *,
    on_failed: Callable[[ReviewerError], None] = lambda _error: None,
) -> FastAPI:
    """Return the service; models are loaded when it starts, everything else is opened here.

    Args:
        settings: The ``serve_*`` fields, and what the reviewer takes of the rest.
        reviewer_factory: Opens the reviewer around the manuals that it is given by key; called once, on
            the engine thread.
        on_failed: Told, on that thread, when that fails; the service then answers only that.

    Raises:
        ReviewerError: keys, policy, record or manual cannot be used, or anybody could get in.
    """
    service = _open_service(settings, reviewer_factory, on_failed)
    app = FastAPI(
        title="reviewer",
        version=version("reviewer"),
        description=_DESCRIPTION,
        lifespan=_lifespan,
        # A client that follows them deletes another conversation than it named.
        redirect_slashes=False,
        # Their pages load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.include_router(make_router())
    app.include_router(make_pages())
    _answer_errors(app)
    # The last one added is the outermost.
    app.add_middleware(
        Doorkeeper,
        max_bytes=settings.serve_max_bytes,
        is_open=lambda: not service.keyring.required,
        origins=settings.serve_cors,
    )
    if settings.serve_cors:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=list(settings.serve_cors),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type"],
            expose_headers=["Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Observer, metrics=service.metrics)
    return app


def _open_service(
    settings: Settings, reviewer_factory: Factory, on_failed: Callable[[ReviewerError], None]
) -> ReviewService:
    if _ANY_ORIGIN in settings.serve_cors:
        raise SettingsError("serve_cors 不能是 *：那样任何网页都能用；请逐个列出来源。")
    keyring = Keyring(settings.serve_keys)
    refuse_open_door(settings.serve_host, keyring)
    manuals = load_manuals(settings)
    policies = load_policies(
        settings.serve_policy, {name: each.catalogue for name, each in manuals.by_name.items()}
    )
    for name in sorted(policies.keys.keys() - keyring.names):
        _logger.warning("策略里的 keys.%s 没有对应的密钥，不起作用；请核对名称。", name)
    opening = partial(reviewer_factory, manuals.contents)
    queue = ReviewQueue(opening, size=settings.serve_queue, on_failed=on_failed)
    service = ReviewService(
        settings=settings,
        manuals=manuals,
        policies=policies,
        keyring=keyring,
        limiter=RateLimiter(),
        queue=queue,
        cache=ReviewCache(settings.serve_cache),
        record=Record(settings.serve_record),
        metrics=Metrics(lambda: queue.length),
    )
    service.warm_up()
    return service


@contextlib.asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: ReviewService = app.state.service
    service.queue.start()
    keeping = asyncio.create_task(_keep_retention(service))
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.to_thread(service.queue.close)
        service.record.close()


async def _keep_retention(service: ReviewService) -> None:
    """Delete what is past its time, and every trace of what is deleted, now and every hour."""
    days = service.settings.serve_retention_days
    while True:
        try:
            deleted = await asyncio.to_thread(service.record.delete_older_than, days) if days else 0
            await asyncio.to_thread(service.record.fold)
        except ReviewerError as error:
            _logger.error("%s", error)
        else:
            if deleted:
                _logger.info("删除了 %d 条超过 %d 天的审核记录", deleted, days)
        await asyncio.sleep(_HOUR_S)


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(ReviewerError)
    async def deliberate(request: Request, error: Exception) -> Response:
        assert isinstance(error, ReviewerError)
        return error_answer(request.state.request_id, error)

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        refusal = _refusal_by_key(request) if error.status_code == _UNREADABLE else None
        return error_answer(request.state.request_id, refusal or error)

    @app.exception_handler(RequestValidationError)
    async def malformed(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        refusal = _refusal_by_key(request)
        if refusal is not None:
            return error_answer(request.state.request_id, refusal)
        return malformed_answer(request.state.request_id, error.errors())

    @app.exception_handler(ClientGoneError)
    async def gone(_request: Request, _error: Exception) -> Response:
        return Response(status_code=CLIENT_GONE)


def _refusal_by_key(request: Request) -> ReviewerError | None:
    """Ask for the key, and count the request, where a body that is no JSON was looked at before that."""
    if hasattr(request.state, "key"):
        return None
    scheme, secret = get_authorization_scheme_param(request.headers.get("Authorization"))
    try:
        let_in(request, request.app.state.service, secret if scheme.lower() == "bearer" else None)
    except ReviewerError as error:
        return error
    return None
