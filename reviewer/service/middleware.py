"""Around every request: an id, security headers, a size limit, the host, one line in the log."""

import logging
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewer.service.answers import error_answer
from reviewer.service.errors import internal_error
from reviewer.service.keys import is_loopback
from reviewer.service.metrics import Metrics

_logger = logging.getLogger(__name__)
CLIENT_GONE = 499
_UNKNOWN_ROUTE = "other"
_LONGEST_LENGTH = 18
_SECURITY_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Observer:
    """Gives each request an id and headers, counts and logs it, and turns a bug into an answer."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wrap ``app``."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        state = scope.setdefault("state", {})
        state["request_id"] = uuid.uuid4().hex
        status = CLIENT_GONE

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = state["request_id"]
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except Exception as error:
            fault = internal_error(error)
            if status == CLIENT_GONE:
                await error_answer(state["request_id"], fault)(scope, receive, send_with_headers)
        finally:
            seconds = time.perf_counter() - begun
            route = _template(scope)
            self._metrics.request(route, status, seconds)
            _logger.info(
                "%s %s %s %s %.0f ms 密钥=%s",
                state["request_id"],
                scope["method"],
                route,
                status,
                seconds * 1000,
                state.get("key") or "-",
            )


class Doorkeeper:
    """Refuses bodies that are too large, and foreign host names where no key is needed.

    A page on the web can point its own name at this machine (DNS rebinding) and then read what a
    service without keys answers; the Host header gives it away.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, is_open: Callable[[], bool]) -> None:
        """Wrap ``app``; ``is_open`` says whether requests need no key."""
        self._app = app
        self._max_bytes = max_bytes
        self._is_open = is_open

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it before anything is parsed."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(headers)
        if refusal is not None:
            await error_answer(scope["state"]["request_id"], refusal)(scope, receive, send)
            return
        received = 0

        async def receive_within_limit() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413)
            return message

        await self._app(scope, receive_within_limit, send)

    def _refusal(self, headers: Headers) -> HTTPException | None:
        if self._is_open() and not is_loopback(_host_name(headers.get("host", ""))):
            return HTTPException(421)
        length = headers.get("content-length", "0")
        # Python refuses to read a number of thousands of digits.
        if length.isdecimal() and (len(length) > _LONGEST_LENGTH or int(length) > self._max_bytes):
            return HTTPException(413)
        return None


def _template(scope: Scope) -> str:
    """Return the path as it was declared: a path as it was sent may hold anything."""
    return getattr(scope.get("route"), "path", _UNKNOWN_ROUTE)


def _host_name(host: str) -> str:
    """Return ``host`` without its port."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[")
    return host.partition(":")[0]
