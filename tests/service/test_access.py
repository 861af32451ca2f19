"""Who gets in, with what, how often; what is refused, and what nobody may read afterwards."""

import logging
from pathlib import Path

import pytest

from reviewer.errors import SettingsError
from reviewer.service.app import create_app
from reviewer.service.keys import add_key, revoke_key
from tests.service.calls import REVIEW, STREAM, ask, entry_of, refusal
from tests.service.fakes import CLEAN, FAMILIAR, RED, FakeReviewer, make_settings, serving


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({}, "draft：缺少"),
        ({"draft": CLEAN, "extra": 1}, "extra：没有"),
        ({"draft": 5}, "draft"),
        ({"draft": ""}, "草稿是空的"),
        ({"draft": "好" * 4001}, "4001"),
        ({"draft": "您好\x07"}, "控制字符"),
        ({"draft": CLEAN, "stage": "later"}, "stage：不是允许的值"),
        ({"draft": CLEAN, "history": [{"role": "boss", "text": "x"}]}, "history.0.role"),
        ({"draft": CLEAN, "customer": "x" * 20_001}, "customer：太长"),
        ({"draft": CLEAN, "deadline_ms": 0}, "deadline_ms"),
        ([], "JSON 对象"),
    ],
)
def test_a_malformed_request_is_one_clear_line(tmp_path: Path, body: object, part: str) -> None:
    with serving(tmp_path) as client:
        for path in (REVIEW, STREAM):
            assert part in refusal(client.post(path, json=body), 422)


@pytest.mark.parametrize(
    ("content", "status"), [("{", 422), ("\ufeff{}", 422), ("[" * 100_000, 400), (b"\xff\xfe", 422)]
)
def test_what_is_no_json_is_refused(tmp_path: Path, content: str | bytes, status: int) -> None:
    with serving(tmp_path) as client:
        answer = client.post(REVIEW, content=content, headers={"Content-Type": "application/json"})
        refusal(answer, status)


def test_unknown_addresses_and_methods_are_refused_alike(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        refusal(client.get("/v2"), 404)
        refusal(client.get(REVIEW), 405)


def test_a_body_beyond_the_limit_is_refused_declared_or_not(tmp_path: Path) -> None:
    with serving(tmp_path, serve_max_bytes=2048) as client:
        ask(client, "好" * 300)
        refusal(client.post(REVIEW, json={"draft": "好" * 1000}), 413)
        pieces = (b" " * 1024 for _ in range(4))
        refusal(client.post(REVIEW, content=pieces, headers={"Content-Type": "application/json"}), 413)
        refusal(client.post(REVIEW, content=b"{}", headers={"Content-Length": "9" * 5000}), 413)


def test_keys_are_required_limited_and_revocable(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    first, second = add_key(keys, "前台"), add_key(keys, "后台")
    with serving(tmp_path, serve_per_minute=2) as client:
        for path in ("/v1/rules", "/metrics"):
            answer = client.get(path)
            assert "缺少密钥" in refusal(answer, 401)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
        refusal(client.post(REVIEW, json={"draft": CLEAN}, headers={"Authorization": "Basic eA=="}), 401)
        assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200
        mine = {"Authorization": f"Bearer {first}"}
        answer = client.post(REVIEW, json={"draft": CLEAN}, headers=mine)
        request_id = answer.json()["request_id"]
        assert entry_of(client, request_id, "前台").key == "前台"
        assert client.get("/v1/rules", headers=mine).status_code == 200
        limited = client.get("/v1/rules", headers=mine)
        refusal(limited, 429)
        assert 1 <= int(limited.headers["Retry-After"]) <= 30
        theirs = {"Authorization": f"Bearer {second}"}
        note = {"request_id": request_id, "action": "accepted"}
        refusal(client.post("/v1/feedback", json=note, headers=theirs), 404)
        revoke_key(keys, "后台")
        refusal(client.get("/v1/rules", headers=theirs), 401)


def test_a_key_may_have_a_rate_of_its_own_and_a_batch_counts_each_draft(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("default: {per_minute: 3}", encoding="utf-8")
    with serving(tmp_path, serve_policy=policy) as client:
        requests = {"requests": [{"draft": CLEAN}, {"draft": FAMILIAR}]}
        assert client.post("/v1/batch", json=requests).status_code == 200
        refusal(client.post("/v1/batch", json=requests), 429)


def test_a_batch_larger_than_the_rate_is_refused_for_good(tmp_path: Path) -> None:
    with serving(tmp_path, serve_per_minute=3) as client:
        answer = client.post("/v1/batch", json={"requests": [{"draft": CLEAN}] * 4})
        assert "每分钟最多 3 条" in refusal(answer, 422)
        assert "Retry-After" not in answer.headers
    with serving(tmp_path / "other", serve_per_minute=3) as client:
        assert client.post("/v1/batch", json={"requests": [{"draft": CLEAN}] * 3}).status_code == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5"])
def test_an_open_door_is_refused_at_start(tmp_path: Path, host: str) -> None:
    with pytest.raises(SettingsError, match="还没有密钥"):
        create_app(make_settings(tmp_path, serve_host=host), FakeReviewer().opened)


def test_without_keys_only_this_machine_by_name_gets_in(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for host in ("evil.example.com", "127.0.0.1.evil.com", "", "192.168.0.2:8765"):
            refusal(client.get("/v1/rules", headers={"Host": host}), 421)
        for host in ("localhost", "127.0.0.1:8765", "[::1]:8765"):
            assert client.get("/v1/rules", headers={"Host": host}).status_code == 200


def test_a_host_name_may_be_written_in_capitals(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        assert client.get("/v1/rules", headers={"Host": "LocalHost:8765"}).status_code == 200


@pytest.mark.parametrize("name", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via", "X-Real-IP"])
def test_without_keys_nobody_gets_in_through_a_proxy(tmp_path: Path, name: str) -> None:
    proxied = {"Host": "127.0.0.1:8765", name: "8.8.8.8"}
    with serving(tmp_path) as client:
        assert "代理" in refusal(client.get("/v1/rules", headers=proxied), 421)
    secret = add_key(tmp_path / "keys.json", "前台")
    with serving(tmp_path) as client:
        mine = {**proxied, "Authorization": f"Bearer {secret}"}
        assert client.get("/v1/rules", headers=mine).status_code == 200


def test_without_keys_no_foreign_page_uses_up_the_rate(tmp_path: Path) -> None:
    listed = "https://chat.example.com"
    with serving(tmp_path, serve_per_minute=1, serve_cors=(listed,)) as client:
        foreign = {"Sec-Fetch-Site": "cross-site"}
        for headers in (foreign, {**foreign, "Origin": "https://evil.example.com"}):
            refusal(client.get("/v1/rules", headers=headers), 403)
        assert client.get("/v1/rules", headers={**foreign, "Origin": listed}).status_code == 200
        refusal(client.get("/v1/rules", headers={"Sec-Fetch-Site": "same-origin"}), 429)


def test_a_body_that_is_no_json_needs_a_key_and_counts(tmp_path: Path) -> None:
    secret = add_key(tmp_path / "keys.json", "前台")
    json_type = {"Content-Type": "application/json"}
    mine = {**json_type, "Authorization": f"Bearer {secret}"}
    with serving(tmp_path, serve_per_minute=2) as client:
        for content in ("{", "[" * 100_000):
            refusal(client.post(REVIEW, content=content, headers=json_type), 401)
        refusal(client.post(REVIEW, content="{", headers=mine), 422)
        refusal(client.post(REVIEW, content="[" * 100_000, headers=mine), 400)
        refusal(client.post(REVIEW, content="{", headers=mine), 429)


def test_a_broken_key_file_is_not_described_to_strangers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    keys = tmp_path / "keys.json"
    add_key(keys, "前台")
    with serving(tmp_path) as client:
        keys.write_text("{}", encoding="utf-8")
        assert str(tmp_path) not in refusal(client.get("/v1/rules"), 500)
    assert str(keys) in caplog.text


def test_a_policy_for_nobody_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    add_key(tmp_path / "keys.json", "前台")
    policy = tmp_path / "policy.yaml"
    policy.write_text("keys: {前台: {gate: minor}, 前抬: {gate: minor}}", encoding="utf-8")
    create_app(make_settings(tmp_path, serve_policy=policy), FakeReviewer().opened)
    assert "keys.前抬 没有对应的密钥" in caplog.text
    assert "keys.前台" not in caplog.text


def test_any_origin_is_no_list_of_origins(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="逐个列出来源"):
        create_app(make_settings(tmp_path, serve_cors=("https://a.example", "*")), FakeReviewer().opened)


def test_only_listed_origins_may_read_from_a_browser(tmp_path: Path) -> None:
    with serving(tmp_path, serve_cors=("https://chat.example.com",)) as client:
        for origin, allowed in (("https://chat.example.com", True), ("https://evil.example.com", False)):
            answer = client.get("/v1/rules", headers={"Origin": origin})
            assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is allowed
            asked = {
                "Origin": origin,
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "content-type,authorization",
            }
            assert (client.options(REVIEW, headers=asked).status_code == 200) is allowed
    with serving(tmp_path) as client:
        answer = client.get("/v1/rules", headers={"Origin": "https://chat.example.com"})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_every_answer_carries_security_headers(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        for answer in (
            client.get("/healthz"),
            client.get("/v2"),
            client.get("/healthz", headers={"Host": "x"}),
        ):
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("keeps", [True, False])
def test_text_is_in_record_and_log_only_where_switched_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, keeps: bool
) -> None:
    caplog.set_level(logging.DEBUG)
    draft = "你好，秘密词，我的手机13800138000。"
    with serving(tmp_path, serve_log_text=keeps, serve_record_text=keeps) as client:
        request_id = ask(client, draft, customer="客户秘密词")["request_id"]
        client.post(STREAM, json={"draft": "", "customer": "客户秘密词"})
        entry = entry_of(client, request_id)
    assert ("秘密词" in caplog.text) is keeps
    assert "13800138000" not in caplog.text
    assert "客户秘密词" not in caplog.text
    assert request_id in caplog.text
    assert (entry.request is not None) is keeps
    assert "秘密词" not in entry.findings
    assert (draft in (entry.request or "")) is keeps


def test_metrics_count_by_template_and_outcome_and_name_no_customer(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        ask(client, RED, conversation_id="c-秘密")
        client.delete("/v1/conversations/c-秘密")
        client.get("/no-such-秘密")
        text = client.get("/metrics").text
    assert 'reviewer_requests_total{route="/v1/review",status="200"} 1.0' in text
    assert 'reviewer_requests_total{route="/v1/conversations/{conversation_id}",status="200"} 1.0' in text
    assert 'reviewer_requests_total{route="other",status="404"} 1.0' in text
    assert 'reviewer_verdicts_total{gate="block",verdict="block"} 1.0' in text
    assert "reviewer_queue_length 0.0" in text
    assert "秘密" not in text
