"""Starting and stopping a real server."""

import asyncio
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from reviewer.errors import ReviewerError
from reviewer.service.server import ImpatientProtocol, bind, run_server
from tests.service.fakes import RED, failing_factory, make_settings, wait_for
from tests.service.processes import served_by_a_process


def test_a_stop_finishes_what_runs_and_refuses_what_waits(tmp_path: Path) -> None:
    (tmp_path / "hold").touch()
    with served_by_a_process(tmp_path) as (process, client), ThreadPoolExecutor() as pool:
        running = pool.submit(client.post, "/v1/review", json={"draft": RED})
        wait_for((tmp_path / "started").exists)
        waiting = pool.submit(client.post, "/v1/review", json={"draft": f"{RED}等候"})
        wait_for(lambda: "reviewer_queue_length 1.0" in client.get("/metrics").text)
        process.send_signal(signal.SIGTERM)
        refused = waiting.result()
        assert refused.status_code == 503
        assert "正在停止" in refused.json()["error"]["message"]
        assert int(refused.headers["Retry-After"]) >= 1
        assert not running.done()
        (tmp_path / "hold").unlink()
        assert running.result().json()["gate"] == "block"
        assert process.wait(timeout=20) == -signal.SIGTERM


@pytest.mark.parametrize("begun", [b"", b"POST /v1/review HTTP/1.1\r\nHost: loc"])
def test_a_connection_without_a_request_is_closed(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    config = uvicorn.Config(unused, lifespan="off", log_config=None)
    config.load()
    monkeypatch.setattr(config, "timeout_keep_alive", 0.05)

    async def main() -> bytes:
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here:
            here.setblocking(False)
            here.send(begun)
            await loop.connect_accepted_socket(lambda: ImpatientProtocol(config, ServerState(), {}), there)
            return await asyncio.wait_for(loop.sock_recv(here, 1), 10)

    assert asyncio.run(main()) == b""


async def unused(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise AssertionError("there is no request")


def test_models_that_cannot_be_loaded_end_the_server_with_the_reason(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "socket"))
        listener.listen()
        with pytest.raises(ReviewerError, match="模型文件不见了"):
            run_server(make_settings(tmp_path), failing_factory, listener=listener)


@pytest.mark.enable_socket
def test_small_packets_do_not_wait_for_an_acknowledgement() -> None:
    with bind("127.0.0.1", 0) as listener, socket.create_connection(listener.getsockname()):
        connection, _ = listener.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
