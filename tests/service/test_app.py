"""The service from outside: answers, events, what is shared, dropped, recorded."""

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Send

from reviewer.errors import EngineError, StorageError, TextTooLongError
from reviewer.formats.json_format import format_json
from reviewer.manual.catalogue import hash_of
from reviewer.resources import resource_dir
from reviewer.schema import Review
from reviewer.service.app import create_app
from reviewer.service.record import Entry, Record
from tests.formats.reviews import make_finding, make_review
from tests.service.calls import REVIEW, STREAM, ask, entry_of, events_of, refusal
from tests.service.fakes import (
    CLEAN,
    FAMILIAR,
    RED,
    REWRITE,
    FakeReviewer,
    failing_factory,
    make_settings,
    service_of,
    serving,
    wait_for,
)


@pytest.mark.parametrize(
    ("review", "gate"),
    [
        (make_review(CLEAN), "pass"),
        (make_review(FAMILIAR, [make_finding(FAMILIAR, "你")]), "advise"),
        (make_review(RED, [make_finding(RED, "个人账户", rule="E03", severity="red")]), "block"),
    ],
)
def test_a_review_is_that_of_the_command_line_in_an_envelope(
    tmp_path: Path, review: Review, gate: str
) -> None:
    with serving(tmp_path) as client:
        envelope = ask(client, review.draft, rewrite=False)
    assert set(envelope) == {"request_id", "gate", "review"}
    assert envelope["gate"] == gate
    versions = review.versions.model_copy(update={"manual": hash_of(resource_dir("corpus"))})
    review = review.model_copy(update={"versions": versions})
    assert envelope["review"] == json.loads(format_json(review))


def test_the_answer_stands_in_the_record_before_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    with serving(tmp_path) as client:
        write = service_of(client).record.write

        def write_and_note(_record: Record, entry: Entry, *, begun: float) -> None:
            write(entry, begun=begun)
            order.append("committed")

        monkeypatch.setattr(Record, "write", write_and_note)

        async def send(message: Message) -> None:
            order.append(message["type"])

        asyncio.run(call(client.app, send, {"draft": CLEAN}))
    assert order == ["committed", "http.response.start", "http.response.body"]


async def call(
    app: ASGIApp,
    send: Send,
    body: dict[str, object],
    *,
    path: str = REVIEW,
    gone: asyncio.Event | None = None,
) -> None:
    """Put one review to the application itself; the client hangs up when ``gone`` is set."""
    messages = [{"type": "http.request", "body": json.dumps(body).encode()}]

    async def receive() -> Message:
        if messages:
            return messages.pop()
        await (gone or asyncio.Event()).wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)


@pytest.mark.parametrize("path", [REVIEW, STREAM])
def test_a_client_that_hangs_up_is_dropped_from_the_queue(tmp_path: Path, path: str) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer) as client, ThreadPoolExecutor() as pool:
        queue = service_of(client).queue
        reviewer.gate.clear()
        first = pool.submit(ask, client, "占用")
        assert reviewer.started.wait(10)

        async def hang_up_while_waiting() -> None:
            gone = asyncio.Event()

            async def send(_message: Message) -> None:
                pass

            waiting = asyncio.create_task(call(client.app, send, {"draft": "走了"}, path=path, gone=gone))
            while queue.length != 1:
                await asyncio.sleep(0.001)
            gone.set()
            await waiting

        asyncio.run(hang_up_while_waiting())
        assert queue.length == 0
        reviewer.gate.set()
        first.result()
    assert [request.draft for request in reviewer.requests] == ["占用"]


def test_a_full_queue_is_503_with_a_time_to_come_back(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, serve_queue=1) as client, ThreadPoolExecutor() as pool:
        reviewer.gate.clear()
        running = pool.submit(ask, client, "一")
        assert reviewer.started.wait(10)
        waiting = pool.submit(ask, client, "二")
        wait_for(lambda: service_of(client).queue.length == 1)
        for path in (REVIEW, STREAM):
            answer = client.post(path, json={"draft": "三"})
            refusal(answer, 503)
            assert int(answer.headers["Retry-After"]) >= 1
        reviewer.gate.set()
        assert running.result()["review"]["verdict"] == waiting.result()["review"]["verdict"] == "pass"


def test_the_same_request_in_flight_is_reviewed_once_and_recorded_twice(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer) as client, ThreadPoolExecutor() as pool:
        reviewer.gate.clear()
        first = pool.submit(ask, client, RED)
        assert reviewer.started.wait(10)
        second = pool.submit(ask, client, RED)
        wait_for(lambda: b'source="shared"} 1.0' in service_of(client).metrics.exposition())
        reviewer.gate.set()
        one, two = first.result(), second.result()
        assert one["review"] == two["review"]
        assert one["request_id"] != two["request_id"]
        entries = [entry_of(client, answer["request_id"]) for answer in (one, two)]
        assert entries[0].request_hash == entries[1].request_hash
    assert len(reviewer.requests) == 1


def test_a_known_review_comes_from_the_cache_and_is_recorded(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer) as client:
        first, second = ask(client, FAMILIAR), ask(client, FAMILIAR, conversation_id="c2")
        assert first["review"] == second["review"]
        assert entry_of(client, second["request_id"]).conversation == "c2"
        ask(client, FAMILIAR, customer="别的话")
    assert len(reviewer.requests) == 2


def test_an_engine_that_fails_is_503_and_a_bug_is_one_line_without_its_message(tmp_path: Path) -> None:
    reviewer = FakeReviewer(fault=EngineError("引擎没有内存了。"))
    with serving(tmp_path, reviewer) as client:
        answer = client.post(REVIEW, json={"draft": CLEAN})
        assert "引擎" in refusal(answer, 503)
        assert int(answer.headers["Retry-After"]) == answer.json()["error"]["retry_after_s"] >= 1
        reviewer.fault = TextTooLongError("内容约需 9000 个词元，超出模型上下文（8192）；请缩短内容。")
        answer = client.post(REVIEW, json={"draft": CLEAN})
        assert "请缩短" in refusal(answer, 422)
        assert "Retry-After" not in answer.headers
        reviewer.fault = ZeroDivisionError("客户原话")
        assert "客户原话" not in refusal(client.post(REVIEW, json={"draft": CLEAN}), 500)
        reviewer.fault = None
        ask(client)


def test_a_bug_in_the_service_itself_is_answered_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    quoted = "".join(["客户", "原话"])

    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError(quoted)

    monkeypatch.setattr("reviewer.service.reviewing.with_policy_note", broken)
    with serving(tmp_path) as client:
        assert "ZeroDivisionError" in refusal(client.post(REVIEW, json={"draft": CLEAN}), 500)
        name, told = events_of(client.post(STREAM, json={"draft": CLEAN}))[-1]
        assert (name, told["error"]["code"]) == ("error", "reviewer")
    assert "ZeroDivisionError" in caplog.text
    assert quoted not in caplog.text


def test_models_that_are_not_there_make_it_not_ready_but_alive(tmp_path: Path) -> None:
    app = create_app(make_settings(tmp_path), failing_factory)
    with TestClient(app, base_url="http://localhost") as client:
        wait_for(lambda: client.get("/readyz").status_code == 500)
        assert client.get("/healthz").json() == {"status": "ok"}
        refusal(client.get("/readyz"), 500)
        assert client.post(REVIEW, json={"draft": CLEAN}).status_code == 500


def test_the_stream_tells_checks_verdict_findings_rewrite_and_the_whole(tmp_path: Path) -> None:
    draft = "您加我微信，钱转我个人账户就行，你放心。"
    with serving(tmp_path) as client:
        answer = client.post(STREAM, json={"draft": draft, "channel": "online"})
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        told = events_of(answer)
        done = told[-1][1]
        assert entry_of(client, done["request_id"]).verdict == "block"
        cached = events_of(client.post(STREAM, json={"draft": draft, "channel": "online"}))
    assert [name for name, _ in told] == ["checks", "verdict", "findings", "rewrite", "rewrite", "done"]
    assert "E03" in [hit["rule"] for hit in told[0][1]]
    assert (told[1][1]["verdict"], told[1][1]["gate"]) == ("block", "block")
    assert told[2][1] == done["review"]["findings"]
    assert told[3][1]["text"] + told[4][1]["text"] == done["review"]["rewrite"]["text"] == REWRITE
    assert [name for name, _ in cached] == ["checks", "verdict", "findings", "rewrite", "done"]
    assert cached[-1][1]["review"] == done["review"]


def test_an_error_in_the_stream_is_an_event(tmp_path: Path) -> None:
    with serving(tmp_path, FakeReviewer(fault=EngineError("引擎坏了。"))) as client:
        told = events_of(client.post(STREAM, json={"draft": CLEAN}))
    assert [name for name, _ in told] == ["checks", "error"]
    assert told[1][1]["error"] == {"code": "engine", "message": "引擎坏了。", "retry_after_s": 10}


def test_the_early_verdict_of_the_stream_stands_in_the_record(tmp_path: Path) -> None:
    seen: list[tuple[str]] = []

    def look() -> None:
        with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database:
            select = "SELECT verdict FROM reviews"
            wait_for(lambda: database.execute(select).fetchone() is not None)
            seen.extend(database.execute(select))

    with serving(tmp_path, FakeReviewer(between_pieces=look)) as client:
        client.post(STREAM, json={"draft": FAMILIAR})
    assert seen == [("revise",)]


def test_a_batch_answers_each_in_order_and_refuses_what_is_malformed_as_a_whole(tmp_path: Path) -> None:
    reviewer = FakeReviewer()
    with serving(tmp_path, reviewer, serve_batch=3) as client:
        drafts = [RED, CLEAN, FAMILIAR]
        answer = client.post("/v1/batch", json={"requests": [{"draft": draft} for draft in drafts]})
        results = answer.json()["results"]
        assert [result["gate"] for result in results] == ["block", "pass", "advise"]
        assert entry_of(client, results[2]["request_id"]).gate == "advise"
        requests = [{"draft": CLEAN}, {"draft": " "}]
        assert "第 2 条" in refusal(client.post("/v1/batch", json={"requests": requests}), 422)
        assert "最多 3 条" in refusal(client.post("/v1/batch", json={"requests": [{"draft": "好"}] * 4}), 422)
        refusal(client.post("/v1/batch", json={"requests": []}), 422)
        reviewer.fault = EngineError("引擎坏了。")
        failed = client.post("/v1/batch", json={"requests": [{"draft": CLEAN}, {"draft": "新的"}]})
        assert [set(result) for result in failed.json()["results"]] == [
            {"request_id", "gate", "review"},
            {"request_id", "error"},
        ]


def test_rules_are_those_of_the_manual_with_the_teams_changes(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("default: {severity: {A01: red}, disabled: [A08]}", encoding="utf-8")
    with serving(tmp_path, serve_policy=policy) as client:
        listed = client.get("/v1/rules").json()
        catalogue = service_of(client).manuals.own.catalogue
        envelope = ask(client, FAMILIAR)
    rules = {rule["id"]: rule for rule in listed["rules"]}
    assert list(rules) == [rule.id for rule in catalogue.rules]
    assert listed["manual"] == catalogue.content_hash
    assert (rules["A01"]["severity"], rules["A08"]["disabled"]) == ("red", True)
    assert (envelope["review"]["verdict"], envelope["gate"]) == ("block", "block")


def test_the_teams_numbers_and_facts_reach_reviewer_and_checks(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('default: {public_numbers: ["13800138000"]}', encoding="utf-8")
    draft = "您好，王师傅的手机是13800138000。"
    reviewer = FakeReviewer()
    hits = {}
    with serving(tmp_path) as client:
        hits["without"] = events_of(client.post(STREAM, json={"draft": draft}))[0][1]
    with serving(tmp_path, reviewer, serve_policy=policy) as client:
        hits["with"] = events_of(client.post(STREAM, json={"draft": draft}))[0][1]
    assert [hit["rule"] for hit in hits["without"]] == ["E02"]
    assert hits["with"] == []
    assert reviewer.requests[0].facts == ["可以对外公布的号码：13800138000"]


def test_without_rewrites_no_client_gets_one(tmp_path: Path) -> None:
    with serving(tmp_path, rewrite=False) as client:
        assert ask(client, FAMILIAR, rewrite=True)["review"]["rewrite"]["status"] == "none"


def test_a_broken_engine_thread_is_answered_and_makes_the_service_not_ready(tmp_path: Path) -> None:
    with serving(tmp_path, FakeReviewer(fault=SystemExit(3))) as client:
        assert "SystemExit" in refusal(client.post(REVIEW, json={"draft": CLEAN}), 500)
        assert "SystemExit" in refusal(client.get("/readyz"), 500)


def test_what_is_wrong_with_a_batch_item_says_when_to_come_back(tmp_path: Path) -> None:
    with serving(tmp_path, FakeReviewer(fault=EngineError("引擎坏了。"))) as client:
        answer = client.post("/v1/batch", json={"requests": [{"draft": CLEAN}]})
    assert answer.json()["results"][0]["error"]["retry_after_s"] >= 1


def test_the_checks_are_made_ready_before_anybody_can_connect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise StorageError("检查用的数据读不了。")

    monkeypatch.setattr("reviewer.service.reviewing.run_checks", broken)
    with pytest.raises(StorageError):
        create_app(make_settings(tmp_path), FakeReviewer().opened)


def test_a_record_that_cannot_be_written_gives_no_answer(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with serving(tmp_path) as client:
        with closing(sqlite3.connect(tmp_path / "record.sqlite3")) as database:
            database.execute("DROP TABLE reviews")
        message = refusal(client.post(REVIEW, json={"draft": CLEAN}), 500)
        assert events_of(client.post(STREAM, json={"draft": CLEAN}))[-1][0] == "error"
    assert "storage" in message
    # Where files lie is the owner's business: it stands in the log.
    assert str(tmp_path) not in message
    assert str(tmp_path / "record.sqlite3") in caplog.text
