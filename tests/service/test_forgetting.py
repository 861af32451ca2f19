"""A conversation that is deleted stays deleted, also while it is being reviewed."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.service.calls import REVIEW, STREAM, ask, events_of, refusal
from tests.service.fakes import FAMILIAR, FakeReviewer, serving, wait_for


def test_a_conversation_can_be_forgotten(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer) as client:
        request_id = ask(client, FAMILIAR, conversation_id="c1")["request_id"]
        assert client.delete("/v1/conversations/c1").json() == {"deleted": 1}
        assert client.delete("/v1/conversations/c1").json() == {"deleted": 0}
        refusal(client.post("/v1/feedback", json={"request_id": request_id, "action": "accepted"}), 404)
        ask(client, FAMILIAR)
    assert len(reviewer.requests) == 2


@pytest.mark.parametrize("name", ["c/1", "c1/", "/c1", "a/b/c", "c 1?#%"])
def test_a_conversation_of_any_name_can_be_forgotten_and_no_other(tmp_path: Path, name: str) -> None:
    with serving(tmp_path) as client:
        ask(client, FAMILIAR, conversation_id=name)
        ask(client, FAMILIAR, conversation_id="c1")
        path = f"/v1/conversations/{quote(name, safe='')}"
        assert client.delete(path).json() == {"deleted": 1}
        assert client.delete("/v1/conversations/c1").json() == {"deleted": 1}
        refusal(client.delete("/v1/conversations/"), 422)


def test_a_conversation_forgotten_between_verdict_and_done_stays_forgotten(tmp_path: Path) -> None:
    forgotten: list[int] = []
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, serve_record_text=True) as client:

        def forget() -> None:
            with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database:
                wait_for(lambda: database.execute("SELECT 1 FROM reviews").fetchone() is not None)
            forgotten.append(client.delete("/v1/conversations/c1").json()["deleted"])

        reviewer.between_pieces = forget
        told = events_of(client.post(STREAM, json={"draft": FAMILIAR, "conversation_id": "c1"}))
        assert told[-1][0] == "done"
        refusal(
            client.post("/v1/feedback", json={"request_id": told[-1][1]["request_id"], "action": "accepted"}),
            404,
        )
        reviewer.between_pieces = lambda: None
        ask(client, FAMILIAR)
    assert forgotten == [1]
    assert len(reviewer.requests) == 2  # nothing of it was cached either


@pytest.mark.parametrize("path", [REVIEW, "/v1/batch"])
def test_a_conversation_forgotten_while_it_is_reviewed_stays_forgotten(tmp_path: Path, path: str) -> None:
    forgotten: list[int] = []
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer) as client:
        reviewer.before_verdict = lambda: forgotten.append(
            client.delete("/v1/conversations/c1").json()["deleted"]
        )
        asked = {"draft": FAMILIAR, "conversation_id": "c1"}
        body = asked if path == REVIEW else {"requests": [asked]}
        assert client.post(path, json=body).status_code == 200
        assert forgotten == [0]
        assert client.delete("/v1/conversations/c1").json() == {"deleted": 0}
        reviewer.before_verdict = lambda: None
        ask(client, FAMILIAR)
    assert len(reviewer.requests) == 2
