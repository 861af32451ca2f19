"""Asking a service, and reading what it answers."""

import json
from typing import Any

import httpx2
from starlette.testclient import TestClient

from reviewer.service.record import Entry
from tests.service.fakes import CLEAN, service_of

REVIEW = "/v1/review"
STREAM = "/v1/review/stream"


def ask(client: TestClient, draft: str = CLEAN, **fields: object) -> dict[str, Any]:
    answer = client.post(REVIEW, json={"draft": draft, **fields})
    assert answer.status_code == 200, answer.text
    envelope: dict[str, Any] = answer.json()
    return envelope


def refusal(answer: httpx2.Response, status: int) -> str:
    """Return the message of a refusal after checking its form."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert set(body) == {"request_id", "error"}
    assert body["request_id"] == answer.headers["X-Request-ID"]
    message: str = body["error"]["message"]
    assert message.endswith("。")
    assert "\n" not in message
    return message


def events_of(answer: httpx2.Response) -> list[tuple[str, Any]]:
    """Return name and data of every server-sent event."""
    blocks = [block.split("\n") for block in answer.text.strip().split("\n\n")]
    return [(name.removeprefix("event: "), json.loads(data.removeprefix("data: "))) for name, data in blocks]


def entry_of(client: TestClient, request_id: str, key: str = "") -> Entry:
    return service_of(client).record.find(request_id, key=key)
