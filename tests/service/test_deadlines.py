"""What a client gets when time is over, and how long it waits at most."""

import threading
from pathlib import Path

import pytest

from tests.service.calls import REVIEW, STREAM, ask, entry_of, events_of, refusal
from tests.service.fakes import CLEAN, FAMILIAR, FakeReviewer, serving


def test_without_time_nothing_is_assessed_and_nothing_passes(tmp_path: Path) -> None:
    with serving(tmp_path, FakeReviewer(out_of_time=True)) as client:
        envelope = ask(client)
    assert (envelope["review"]["verdict"], envelope["gate"]) == ("not_assessed", "not_assessed")


def test_a_client_may_shorten_the_deadline_not_lengthen_it(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, serve_deadline_ms=2000) as client:
        for deadline in (500, 60_000):
            ask(client, f"{CLEAN}{deadline}", deadline_ms=deadline)
    short, long = reviewer.deadlines
    assert short is not None
    assert long is not None
    assert short <= 500 < long <= 2000


def test_nobody_waits_longer_than_the_deadline_and_a_little(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reviewer.service.reviewing.GRACE_S", 0.05)
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, serve_deadline_ms=50) as client:
        reviewer.gate.clear()
        answer = client.post(REVIEW, json={"draft": CLEAN})
        told = events_of(client.post(STREAM, json={"draft": CLEAN}))
        assert "没有审完" in refusal(answer, 503)
        assert int(answer.headers["Retry-After"]) >= 1
        assert (told[-1][0], told[-1][1]["error"]["code"]) == ("error", "busy")
        reviewer.gate.set()


@pytest.mark.parametrize("path", [REVIEW, STREAM])
def test_a_verdict_is_the_answer_when_the_rewrite_does_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr("reviewer.service.reviewing.GRACE_S", 0.05)
    go_on = threading.Event()

    def hold() -> None:
        assert go_on.wait(10)

    reviewer = FakeReviewer(between_pieces=hold)
    with serving(tmp_path, reviewer, serve_deadline_ms=600) as client:
        answer = client.post(path, json={"draft": FAMILIAR})
        go_on.set()
        envelope = answer.json() if path == REVIEW else events_of(answer)[-1][1]
        assert (envelope["gate"], envelope["review"]["rewrite"]["status"]) == ("advise", "none")
        assert entry_of(client, envelope["request_id"]).verdict == "revise"
