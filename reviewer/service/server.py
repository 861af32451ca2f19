"""Serves until a signal: what runs is finished, what waits is answered 503."""

import asyncio
import contextlib
import socket
from collections.abc import Callable

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reviewer.errors import ReviewerError, SettingsError
from reviewer.service.app import Factory, create_app
from reviewer.settings import Settings

# What a request may need after its deadline: the engine's last step, the record, sending.
_GRACE_S = 10


class ImpatientProtocol(H11Protocol):
    """HTTP that closes a connection whose request line and headers do not come.

    uvicorn does so only where nothing at all comes after an answer.
    """

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See the class."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """See the class."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See the class."""
        self._unwatch()
        super().connection_lost(exc)

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._unwatch()
        elif self._overdue is None:
            self._overdue = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _unwatch(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None


class Server(uvicorn.Server):
    """A server that empties its queue before it waits for what runs."""

    def __init__(self, config: uvicorn.Config, drain: Callable[[], None]) -> None:
        """Keep ``drain``, which is called once, on the event loop, when the server stops."""
        super().__init__(config)
        self._drain = drain

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop: see the module."""
        self._drain()
        await super().shutdown(sockets)


def run_server(
    settings: Settings,
    reviewer_factory: Factory,
    *,
    listener: socket.socket | None = None,
    on_listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        settings: See ``create_app``.
        reviewer_factory: See ``create_app``.
        listener: A bound socket; None binds to host and port of the settings.
        on_listening: Called when clients can connect; the models may still be loading.

    Raises:
        ReviewerError: the service cannot start, or the models cannot be loaded.
    """
    failures: list[ReviewerError] = []

    def on_failed(error: ReviewerError) -> None:
        failures.append(error)
        server.should_exit = True

    app = create_app(settings, reviewer_factory, on_failed=on_failed)
    config = uvicorn.Config(
        app,
        lifespan="on",
        http=ImpatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=settings.serve_deadline_ms // 1000 + _GRACE_S,
    )
    server = Server(config, app.state.service.queue.drain)
    with listener or bind(settings.serve_host, settings.serve_port) as bound:
        on_listening()
        # The server raises the signal again when all is closed.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[bound])
    if failures:
        raise failures[0]


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        SettingsError: the address is taken, or is not one of this machine.
    """
    name = host.strip("[]")
    try:
        listener = socket.create_server(
            (name, port), family=socket.AF_INET6 if ":" in name else socket.AF_INET, backlog=128
        )
        # asyncio does this for sockets whose protocol is given, which it is not here; connections inherit
        # it. Without it the first event waits 40 ms for the client to acknowledge the headers.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as cause:
        raise SettingsError(
            f"无法监听 {host}:{port}（{cause.strerror or cause}）；请换 --port 或 --host。"
        ) from cause
