"""Around every request: an id, security headers, a size limit, the host, one line in the log."""

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reviewer.errors import ReviewerError
from reviewer.service.answers import error_answer
from reviewer.service.errors import BusyError, internal_error
from reviewer.service.keys import is_loopback
from reviewer.service.metrics import Metrics

_logger = logging.getLogger(__name__)
CLIENT_GONE = 499
_UNKNOWN_ROUTE = "other"
_LONGEST_LENGTH = 18
# A body comes from the same machine or network: a few hundred kilobytes need no longer.
_BODY_S = 10.0
_MOST_AT_ONCE = 512
_RETRY_S = 1
_PROXY_HEADERS = frozenset({"forwarded", "via", "x-real-ip"})
_PROXY_PREFIX = "x-forwarded-"
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
    """Refuses bodies that are too large or too slow, more at once than it can hold, and strangers.

    Where no key is needed, strangers are: a page on the web that points its own name at this machine
    (DNS rebinding) to read the answers, which the Host header gives away; one that only wants to keep
    the service busy, which browsers say in Sec-Fetch-Site; and whoever comes through a proxy.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        max_bytes: int,
        is_open: Callable[[], bool],
        origins: Collection[str] = (),
        body_s: float = _BODY_S,
    ) -> None:
        """Wrap ``app``.

        Args:
            app: What is behind the door.
            max_bytes: The longest body.
            is_open: Says whether requests need no key.
            origins: Pages of other hosts that may ask all the same.
            body_s: How long a body may take to arrive, in seconds.
        """
        self._app = app
        self._max_bytes = max_bytes
        self._is_open = is_open
        self._origins = frozenset(origins)
        self._body_s = body_s
        self._inside = 0

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
        self._inside += 1
        try:
            await self._app(scope, self._within_limits(receive), send)
        finally:
            self._inside -= 1

    def _within_limits(self, receive: Receive) -> Receive:
        """Return ``receive`` for a body of bounded size and time; after it, waiting is no fault."""
        received = 0
        until: float | None = asyncio.get_running_loop().time() + self._body_s

        async def receive_within_limits() -> Message:
            nonlocal received, until
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError:
                # What is still to come must not be read as the next request.
                raise HTTPException(408, headers={"Connection": "close"}) from None
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                raise HTTPException(413)
            if not message.get("more_body", False):
                until = None
            return message

        return receive_within_limits

    def _refusal(self, headers: Headers) -> ReviewerError | HTTPException | None:
        if self._is_open() and (stranger := self._stranger(headers)):
            return HTTPException(stranger)
        if self._inside >= _MOST_AT_ONCE:
            return BusyError("同时的请求太多，请稍后再试。", retry_after_s=_RETRY_S)
        length = headers.get("content-length", "0")
        # Python refuses to read a number of thousands of digits.
        if length.isdecimal() and (len(length) > _LONGEST_LENGTH or int(length) > self._max_bytes):
            return HTTPException(413)
        return None

    def _stranger(self, headers: Headers) -> int | None:
        """Return the status for what a service without keys does not answer, None for its own people."""
        if not is_loopback(_host_name(headers.get("host", "")).lower()):
            return 421
        if any(name in _PROXY_HEADERS or name.startswith(_PROXY_PREFIX) for name in headers):
            return 421
        foreign = headers.get("sec-fetch-site") == "cross-site"
        return 403 if foreign and headers.get("origin") not in self._origins else None


def _template(scope: Scope) -> str:
    """Return the path as it was declared: a path as it was sent may hold anything."""
    return getattr(scope.get("route"), "path_format", _UNKNOWN_ROUTE)


def _host_name(host: str) -> str:
    """Return ``host`` without its port."""
    if host.startswith("["):
        return host.partition("]")[0].strip("[")
    return host.partition(":")[0]
