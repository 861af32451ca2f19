"""The door on its own: bodies that do not end, and more people than there is room for."""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from reviewer.service.middleware import Doorkeeper

MAX_BYTES = 1000


def scope() -> Scope:
    return {"type": "http", "headers": [(b"host", b"localhost")], "state": {"request_id": "r"}}


def received(messages: list[Message], *, body_s: float) -> list[Message]:
    """Return what comes through the door of ``messages``; after the last one nothing ever comes."""
    let_through: list[Message] = []

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def read_all(_scope: Scope, receive: Receive, _send: Send) -> None:
        while not let_through or let_through[-1].get("more_body"):
            let_through.append(await receive())

    async def send(_message: Message) -> None:
        raise AssertionError("nothing is to be sent")

    door = Doorkeeper(read_all, max_bytes=MAX_BYTES, is_open=lambda: False, body_s=body_s)
    asyncio.run(door(scope(), receive, send))
    return let_through


def test_a_body_that_does_not_end_is_given_up() -> None:
    half: Message = {"type": "http.request", "body": b"{", "more_body": True}
    with pytest.raises(HTTPException) as refused:
        received([half], body_s=0.01)
    assert refused.value.status_code == 408
    assert refused.value.headers == {"Connection": "close"}


def test_a_whole_body_comes_through() -> None:
    first: Message = {"type": "http.request", "body": b"{", "more_body": True}
    last: Message = {"type": "http.request", "body": b"}"}
    assert received([first, last], body_s=10) == [first, last]


def test_who_waits_for_an_answer_is_not_hurried() -> None:
    async def main() -> str:
        gone = asyncio.Event()
        messages: list[Message] = [{"type": "http.request", "body": b"{}"}]

        async def receive() -> Message:
            if messages:
                return messages.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def wait_for_disconnect(_scope: Scope, receive: Receive, _send: Send) -> None:
            await receive()
            waiting = asyncio.ensure_future(receive())
            await asyncio.sleep(0.03)
            assert not waiting.done()
            gone.set()
            seen.append((await waiting)["type"])

        async def send(_message: Message) -> None:
            raise AssertionError("nothing is to be sent")

        seen: list[str] = []
        door = Doorkeeper(wait_for_disconnect, max_bytes=MAX_BYTES, is_open=lambda: False, body_s=0.01)
        await door(scope(), receive, send)
        return seen[0]

    assert asyncio.run(main()) == "http.disconnect"


def test_more_at_once_than_there_is_room_for_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewer.service.middleware._MOST_AT_ONCE", 1)

    async def main() -> list[Message]:
        go_on = asyncio.Event()
        sent: list[Message] = []

        async def hold(_scope: Scope, _receive: Receive, _send: Send) -> None:
            await go_on.wait()

        async def receive() -> Message:
            return {"type": "http.request", "body": b""}

        async def send(message: Message) -> None:
            sent.append(message)

        door = Doorkeeper(hold, max_bytes=MAX_BYTES, is_open=lambda: False)
        first = asyncio.create_task(door(scope(), receive, send))
        await asyncio.sleep(0)
        await door(scope(), receive, send)
        go_on.set()
        await first
        await door(scope(), receive, send)
        return sent

    start, _body = asyncio.run(main())
    assert start["status"] == 503
    assert (b"retry-after", b"1") in start["headers"]
