"""A service that listens on a port of this machine, in a thread, around a fake reviewer."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from reviewer.service.app import create_app
from reviewer.service.reviewing import ReviewService
from tests.service.fakes import FakeReviewer, is_ready, make_settings, wait_for


@dataclass
class Served:
    """A running service: where it is, who reviews, what it holds."""

    port: int
    reviewer: FakeReviewer
    service: ReviewService

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def listening(folder: Path, reviewer: FakeReviewer | None = None, **fields: object) -> Iterator[Served]:
    """Yield a service on a free port, ready, whose files lie in ``folder``; the test must allow sockets."""
    fake = reviewer or FakeReviewer()
    app = create_app(make_settings(folder, **fields), fake.opened)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="on"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started and is_ready(app.state.service.queue))
        yield Served(server.servers[0].sockets[0].getsockname()[1], fake, app.state.service)
    finally:
        fake.gate.set()
        server.should_exit = True
        thread.join()
